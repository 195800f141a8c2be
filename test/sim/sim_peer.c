/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy: subscribes as Envoy does, acknowledges or refuses after a while, and checks each response
 * (O3): nonces are new, versions and names are those of the contents, only what was subscribed to comes,
 * one response at a time, the order of types, no reference without its cluster, no cluster taken away
 * that is still in use, nothing again to one that came back with all of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "sim.h"
#include "xds/pbscan.h"

/* What must have come before. */
static const unsigned before[XDS_TYPES] = {
    [XDS_EDS] = 1u << XDS_CDS,
    [XDS_LDS] = 1u << XDS_CDS | 1u << XDS_EDS,
    [XDS_RDS] = 1u << XDS_CDS | 1u << XDS_EDS | 1u << XDS_LDS,
};

static bool is_wild(enum xds_type t)
{
	return xds_type_info(t)->wildcard;
}

static const char *short_name(enum xds_type t)
{
	return xds_type_info(t)->short_name;
}

static unsigned number(const struct peer *p)
{
	return (unsigned)(p - p->world->peers);
}

static const struct res_set *served(const struct peer *p, enum xds_type t)
{
	return p->bundle ? p->bundle->set[t] : NULL;
}

/* ---- what it holds ---- */

static void drop_held(struct peer *p, enum xds_type t, const char *name)
{
	struct held *h = map_remove(&p->held[t], name);

	if (h)
		res_unref(publisher_table(p->world->pub), h->res);
	free(h);
}

/* Copies: the map may change meanwhile. */
static struct strs names_of(const struct map *m, struct arena *a)
{
	struct strs out;
	struct map_pair *pairs = map_sorted(m, &out.n, a);
	const char **v = arena_array(a, const char *, out.n);

	for (size_t i = 0; i < out.n; i++)
		v[i] = arena_strdup(a, pairs[i].key);
	out.v = v;
	return out;
}

static struct strs but(const struct strs *all, const struct map *without, struct arena *a)
{
	const char **v = arena_array(a, const char *, all->n);
	struct strs out = {v, 0};

	for (size_t i = 0; i < all->n; i++)
		if (!map_get(without, all->v[i]))
			v[out.n++] = all->v[i];
	return out;
}

static void add_uses(const struct peer *p, enum xds_type from, enum xds_type t, struct map *names)
{
	struct arena a;
	struct map_pair *pairs;
	size_t n;

	arena_init(&a, 0);
	pairs = map_sorted(&p->held[from], &n, &a);
	for (size_t i = 0; i < n; i++) {
		const struct res *r = ((const struct held *)pairs[i].value)->res;

		for (size_t k = 0; r && k < r->n_uses; k++)
			if (r->uses[k].type == t)
				map_set(names, r->uses[k].name, names);
	}
	arena_fini(&a);
}

struct strs peer_wanted(const struct peer *p, enum xds_type t, struct arena *a)
{
	struct map names;

	map_init(&names, a);
	add_uses(p, t == XDS_EDS ? XDS_CDS : XDS_LDS, t, &names);
	return names_of(&names, a);
}

/* ---- what it says ---- */

static void send_request(struct peer *p, struct xds_request *r, enum xds_type t)
{
	struct err e;

	r->type_url = xds_type_info(t)->type_url;
	r->nonce = r->nonce ? r->nonce : "";
	r->version = r->version ? r->version : "";
	r->error_text = r->error_text ? r->error_text : "";
	p->got[t].open = true;
	if (session_receive(p->session, r, loop_now_ms(p->world->loop), &e))
		sim_fail(p->world, "protocol", "%s", e.text);
	loop_task_kick(p->world->loop, &p->push);
}

static void set_asked(struct peer *p, enum xds_type t, const struct strs *names)
{
	map_fini(&p->asked[t]);
	map_init(&p->asked[t], NULL);
	for (size_t i = 0; i < names->n; i++)
		map_set(&p->asked[t], names->v[i], p);
}

/* Brings the subscription of EDS or RDS in line with what the proxy holds. */
static void subscribe(struct peer *p, enum xds_type t)
{
	struct arena a;
	struct xds_request r = {0};
	struct strs want, had, gone;
	struct map wanted;

	if (!p->delta && p->got[t].waiting)
		return;		/* the acknowledgement will say it */
	arena_init(&a, 0);
	want = peer_wanted(p, t, &a);
	had = names_of(&p->asked[t], &a);
	map_init(&wanted, &a);
	for (size_t i = 0; i < want.n; i++)
		map_set(&wanted, want.v[i], p);
	gone = but(&had, &wanted, &a);
	r.subscribe = but(&want, &p->asked[t], &a);
	if (r.subscribe.n || gone.n) {
		set_asked(p, t, &want);
		if (p->delta) {
			r.unsubscribe = gone;
		} else {
			r.subscribe.n = 0;
			r.names = want;
			r.nonce = p->got[t].nonce;
			r.version = p->got[t].version;
		}
		send_request(p, &r, t);
		for (size_t i = 0; i < gone.n; i++)
			drop_held(p, t, gone.v[i]);
	}
	arena_fini(&a);
}

static void acknowledge(struct peer *p, enum xds_type t)
{
	struct xds_request r = {.nonce = p->got[t].nonce,
				.version = p->got[t].version,
				.has_error = p->got[t].refuse,
				.error_code = 13,
				.error_text = p->got[t].refusal};
	struct strs had;
	struct arena a;

	arena_init(&a, 0);
	p->got[t].waiting = false;
	if (p->world->verbose)
		printf("%lld ms: peer %u %s %s %s\n", (long long)loop_now_ms(p->world->loop), number(p),
		       p->got[t].refuse ? "refuses" : "acknowledges", short_name(t), p->got[t].refusal);
	if (!p->delta && !is_wild(t)) {
		had = names_of(&p->asked[t], &a);
		r.names = peer_wanted(p, t, &a);
		set_asked(p, t, &r.names);
		for (size_t i = 0; i < had.n; i++)
			if (!map_get(&p->asked[t], had.v[i]))
				drop_held(p, t, had.v[i]);
	}
	send_request(p, &r, t);
	arena_fini(&a);
}

static void answer(void *arg)
{
	struct peer *p = arg;

	for (int i = 0; i < XDS_TYPES; i++) {
		enum xds_type t = (enum xds_type)i;

		if (p->got[t].touched)
			subscribe(p, t);
		p->got[t].touched = false;
		if (!p->got[t].waiting)
			continue;
		acknowledge(p, t);
		if (is_wild(t))
			subscribe(p, t == XDS_CDS ? XDS_EDS : XDS_RDS);
	}
}

static void answer_later(struct peer *p)
{
	if (!loop_timer_running(&p->answer))
		loop_timer_start(p->world->loop, &p->answer, (int64_t)sim_below(&p->world->random, 300), answer, p);
}

/* ---- reading ---- */

struct item {
	const char *name, *version;	/* of the content */
	const char *said_name, *said_version;	/* delta: of the envelope around it */
};

struct response {
	enum xds_type type;
	const char *nonce, *version;
	VEC(struct item) items;
	VEC(const char *) removed;
};

static const char *text_of(struct pb_bytes b, struct arena *a)
{
	return arena_strndup(a, (const char *)b.p, b.n);
}

/* The name is field 1 of every resource that we serve. */
static void read_any(struct pb_bytes any, struct arena *a, struct item *out)
{
	struct pb_scan s = pb_scan(any), inner;
	struct pb_item it, field;

	while (pb_scan_next(&s, &it)) {
		if (it.number != 2)
			continue;
		out->version = hash_hex(hash_bytes(it.b.p, it.b.n), arena_alloc(a, HASH_HEX_LEN + 1));
		inner = pb_scan(it.b);
		while (pb_scan_next(&inner, &field))
			if (field.number == 1)
				out->name = text_of(field.b, a);
	}
}

/* Resource: version 1, Any 2, name 3. */
static void read_resource(struct pb_bytes b, struct arena *a, struct item *out)
{
	struct pb_scan s = pb_scan(b);
	struct pb_item f;

	while (pb_scan_next(&s, &f)) {
		if (f.number == 1)
			out->said_version = text_of(f.b, a);
		else if (f.number == 2)
			read_any(f.b, a, out);
		else if (f.number == 3)
			out->said_name = text_of(f.b, a);
	}
}

/* DiscoveryResponse: version 1, resources 2 (Any), type_url 4, nonce 5. DeltaDiscoveryResponse: resources
 * 2 (Resource), type_url 4, nonce 5, removed_resources 6. */
static void read_response(const struct peer *p, const struct buf *bytes, struct arena *a, struct response *out)
{
	struct pb_scan s = pb_scan((struct pb_bytes){(const uint8_t *)bytes->p, bytes->n});
	struct pb_item it;

	*out = (struct response){.nonce = "", .version = ""};
	while (pb_scan_next(&s, &it)) {
		if (it.number == 1) {
			out->version = text_of(it.b, a);
		} else if (it.number == 4) {
			out->type = (enum xds_type)xds_type_find(text_of(it.b, a));
		} else if (it.number == 5) {
			out->nonce = text_of(it.b, a);
		} else if (it.number == 6) {
			*vec_push(&out->removed, a) = text_of(it.b, a);
		} else if (it.number == 2) {
			struct item *i = vec_push(&out->items, a);

			*i = (struct item){.name = "", .version = ""};
			if (p->delta)
				read_resource(it.b, a, i);
			else
				read_any(it.b, a, i);
		}
	}
}

/* ---- O3 ---- */

static void check_envelope(struct peer *p, const struct response *r)
{
	struct world *w = p->world;
	enum xds_type t = r->type;

	if (map_set(&p->nonces, r->nonce, p))
		sim_fail(w, "O3", "peer %u: nonce %s comes twice", number(p), r->nonce);
	if (!p->got[t].open)
		sim_fail(w, "O3", "peer %u: %s was not asked for", number(p), short_name(t));
	if (p->got[t].waiting)
		sim_fail(w, "O3", "peer %u: a second %s response before the first was acknowledged", number(p),
			 short_name(t));
	if (p->unchanged && p->unchanged == p->bundle && (r->items.n || r->removed.n))
		sim_fail(w, "O3", "peer %u: %s %s comes again to one that came back with it", number(p), short_name(t),
			 r->items.n ? r->items.v[0].name : r->removed.v[0]);
}

static void check_items(struct peer *p, const struct response *r)
{
	struct world *w = p->world;

	for (size_t i = 0; i < r->items.n; i++) {
		const struct item *x = &r->items.v[i];

		if (p->delta && (!x->said_name || strcmp(x->said_name, x->name) || !x->said_version ||
				 strcmp(x->said_version, x->version)))
			sim_fail(w, "O3", "peer %u: %s %s does not match its envelope", number(p), short_name(r->type), x->name);
		if (i && strcmp(r->items.v[i - 1].name, x->name) >= 0)
			sim_fail(w, "O3", "peer %u: %s %s is out of order, or there twice", number(p), short_name(r->type),
				 x->name);
		if (!is_wild(r->type) && !map_get(&p->asked[r->type], x->name))
			sim_fail(w, "O3", "peer %u: %s %s was not subscribed to", number(p), short_name(r->type), x->name);
	}
	for (size_t i = 0; i < r->removed.n; i++)
		if (res_set_find(served(p, r->type), r->removed.v[i]))
			sim_fail(w, "O3", "peer %u: %s %s is removed, and is served", number(p), short_name(r->type),
				 r->removed.v[i]);
}

static bool brings_news(const struct peer *p, const struct response *r)
{
	for (size_t i = 0; i < r->items.n; i++) {
		const struct held *h = map_get(&p->held[r->type], r->items.v[i].name);

		if (!h || strcmp(h->version, r->items.v[i].version))
			return true;
	}
	return false;
}

/* Everything of the types before has come, as far as it was asked for. */
static void check_order(struct peer *p, const struct response *r)
{
	for (int u = 0; u < XDS_TYPES && !p->kept_silent && brings_news(p, r); u++) {
		const struct res_set *set = served(p, (enum xds_type)u);

		if (!(before[r->type] >> u & 1) || !p->got[u].open)
			continue;
		for (size_t i = 0; i < set->n; i++) {
			const struct res *x = set->row[i].res;
			const struct held *h = map_get(&p->held[u], x->name);

			if (!is_wild((enum xds_type)u) && !map_get(&p->asked[u], x->name))
				continue;
			if ((!h || strcmp(h->version, x->version)) && !map_get(&p->refused, x->version))
				sim_fail(p->world, "O3", "peer %u: %s comes before %s %s", number(p), short_name(r->type),
					 short_name((enum xds_type)u), x->name);
		}
	}
}

/* What a new listener or route refers to is there before it (P10). */
static void check_references(struct peer *p, const struct res *r)
{
	const struct res_set *clusters = served(p, XDS_CDS);

	for (size_t i = 0; i < r->n_uses; i++) {
		const struct res *c = r->uses[i].type == XDS_CDS ? res_set_find(clusters, r->uses[i].name) : NULL;

		if (c && !map_get(&p->held[XDS_CDS], c->name) && !map_get(&p->refused, c->version))
			sim_fail(p->world, "P10", "peer %u: %s %s comes before its cluster %s", number(p), short_name(r->type),
				 r->name, c->name);
	}
}

static bool uses_cluster(const struct res *r, const char *cluster)
{
	for (size_t i = 0; r && i < r->n_uses; i++)
		if (r->uses[i].type == XDS_CDS && !strcmp(r->uses[i].name, cluster))
			return true;
	return false;
}

/* A cluster goes when nothing uses it any more, but for what is to refer to what does not exist. */
static void check_removal(struct peer *p, const char *cluster)
{
	static const enum xds_type users[] = {XDS_LDS, XDS_RDS};
	struct arena a;

	arena_init(&a, 0);
	for (size_t k = 0; k < ARRAY_LEN(users) && !p->kept_silent; k++) {
		enum xds_type t = users[k];
		struct strs names = t == XDS_RDS ? peer_wanted(p, t, &a) : names_of(&p->held[t], &a);

		for (size_t i = 0; i < names.n; i++) {
			const struct held *h = map_get(&p->held[t], names.v[i]);

			if (h && uses_cluster(h->res, cluster) &&
			    !uses_cluster(res_set_find(served(p, t), names.v[i]), cluster))
				sim_fail(p->world, "P10", "peer %u: cluster %s%s is taken away, %s %s still uses it", number(p),
					 cluster, res_set_find(served(p, XDS_CDS), cluster) ? ", which is served," : "",
					 short_name(t), names.v[i]);
		}
	}
	arena_fini(&a);
}

/* ---- taking it ---- */

/* What it runs with it does not refuse. */
static bool refuses(struct peer *p, enum xds_type t, const struct item *x)
{
	const struct held *h = map_get(&p->held[t], x->name);
	const char *version = x->version;

	if (map_get(&p->refused, version))
		return true;
	if (h && !strcmp(h->version, version))
		return false;
	if (!sim_chance(&p->world->random, p->refuse_percent))
		return false;
	map_set(&p->refused, version, p);
	return true;
}

/* As Envoy: clusters are joined by ", ", each listener ends its line; for the others it may be silent. */
static void note_refusal(struct peer *p, const struct response *r, size_t i)
{
	char *text = p->got[r->type].refusal;
	bool listeners = r->type == XDS_LDS;
	size_t n = strlen(text), room = sizeof(p->got[0].refusal) - n;

	if (!p->tells)
		snprintf(text, room, "refused by the simulator");
	else if (!n)
		snprintf(text, room, "Error adding/updating %s(s) %s: refused%s", listeners ? "listener" : "cluster",
			 r->items.v[i].name, listeners ? "\n" : "");
	else
		snprintf(text + n, room, "%s%s: refused%s", listeners ? "" : ", ", r->items.v[i].name, listeners ? "\n" : "");
}

static void hold(struct peer *p, enum xds_type t, const struct item *x)
{
	struct held **slot = (struct held **)map_slot(&p->held[t], x->name), *h = *slot;
	size_t row = res_set_index(served(p, t), x->name);
	struct res *r = row == (size_t)-1 ? NULL : served(p, t)->row[row].res;

	if (h)
		h->unknown = false;
	if (h && !strcmp(h->version, x->version))
		return;
	if (t == XDS_CDS && h && h->res)
		for (size_t i = 0; i < h->res->n_uses; i++)
			if (h->res->uses[i].type == XDS_EDS)
				drop_held(p, XDS_EDS, h->res->uses[i].name);	/* it warms anew */
	if (!h)
		h = *slot = calloc(1, sizeof(*h));
	must(h);
	res_unref(publisher_table(p->world->pub), h->res);
	snprintf(h->version, sizeof(h->version), "%s", x->version);
	h->res = r && !strcmp(r->version, x->version) ? res_ref(r) : NULL;
	if (h->res)
		check_references(p, h->res);
}

static void take_away(struct peer *p, enum xds_type t, const char *name)
{
	const struct held *h = map_get(&p->held[t], name);

	if (t == XDS_CDS && h && !h->unknown)
		check_removal(p, name);
	drop_held(p, t, name);
}

/* State of the world: absence removes. */
static void take_away_absent(struct peer *p, const struct response *r, struct arena *a)
{
	struct strs names = names_of(&p->held[r->type], a);
	struct map there;

	map_init(&there, a);
	for (size_t i = 0; i < r->items.n; i++)
		map_set(&there, r->items.v[i].name, p);
	for (size_t i = 0; i < names.n; i++)
		if (!map_get(&there, names.v[i]))
			take_away(p, r->type, names.v[i]);
}

static void show(const struct peer *p, const struct response *r)
{
	printf("%lld ms: peer %u (%s) gets %s, nonce %s:", (long long)loop_now_ms(p->world->loop), number(p),
	       p->delta ? "delta" : "whole", short_name(r->type), r->nonce);
	for (size_t i = 0; i < r->items.n; i++)
		printf(" %s", r->items.v[i].name);
	for (size_t i = 0; i < r->removed.n; i++)
		printf(" -%s", r->removed.v[i]);
	putchar('\n');
}

static void receive(struct peer *p, const struct buf *bytes)
{
	struct world *w = p->world;
	struct arena a;
	struct response r;
	bool refused = false;

	arena_init(&a, 0);
	read_response(p, bytes, &a, &r);
	sim_note(w->loop, r.nonce, r.items.n);
	if (w->verbose)
		show(p, &r);
	check_envelope(p, &r);
	check_items(p, &r);
	check_order(p, &r);
	p->got[r.type].refusal[0] = '\0';
	for (size_t i = 0; i < r.items.n; i++) {
		if (refuses(p, r.type, &r.items.v[i]))
			refused = true, note_refusal(p, &r, i);
		else
			hold(p, r.type, &r.items.v[i]);
	}
	p->kept_silent |= refused && !p->tells;
	if (!p->delta && is_wild(r.type))
		take_away_absent(p, &r, &a);
	for (size_t i = 0; i < r.removed.n; i++)
		take_away(p, r.type, r.removed.v[i]);
	snprintf(p->got[r.type].nonce, sizeof(p->got[r.type].nonce), "%s", r.nonce);
	if (!refused)
		snprintf(p->got[r.type].version, sizeof(p->got[r.type].version), "%s", r.version);
	p->got[r.type].waiting = true;
	p->got[r.type].refuse = refused;
	answer_later(p);
	arena_fini(&a);
}

static void push(void *arg)
{
	struct peer *p = arg;
	struct world *w = p->world;

	while (p->connected && session_wants_to_send(p->session)) {
		buf_clear(&w->scratch);
		if (!session_next(p->session, loop_now_ms(w->loop), &w->scratch))
			break;
		receive(p, &w->scratch);
	}
}

static void updated(struct subscriber *sub, struct bundle *b)
{
	struct peer *p = (struct peer *)((char *)sub - offsetof(struct peer, sub));

	p->bundle = b;
	session_set_bundle(p->session, b);
	loop_task_kick(p->world->loop, &p->push);
}

/* ---- coming and going ---- */

void peer_forget(struct peer *p)
{
	struct arena a;

	if (!p->away)
		return;
	p->away = false;
	arena_init(&a, 0);
	for (int t = 0; t < XDS_TYPES; t++) {
		struct strs names = names_of(&p->held[t], &a);

		for (size_t i = 0; i < names.n; i++)
			drop_held(p, (enum xds_type)t, names.v[i]);
		map_fini(&p->held[t]);
	}
	map_fini(&p->refused);
	memset(p->got, 0, sizeof(p->got));
	arena_fini(&p->arena);
	arena_fini(&a);
}

void peer_disconnect(struct peer *p, bool keep)
{
	if (!p->connected)
		return;
	p->connected = false;
	p->away = true;
	loop_timer_stop(p->world->loop, &p->answer);
	loop_task_stop(&p->push);
	publisher_unsubscribe(p->world->pub, &p->sub);
	session_free(p->session);
	p->bundle = NULL;
	bundle_unref(publisher_table(p->world->pub), p->unchanged);
	p->unchanged = NULL;
	map_fini(&p->nonces);
	for (int t = 0; t < XDS_TYPES; t++) {
		map_fini(&p->asked[t]);
		p->got[t].open = p->got[t].waiting = p->got[t].refuse = p->got[t].touched = false;
		p->got[t].nonce[0] = '\0';
	}
	if (!keep)
		peer_forget(p);
}

static void begin(struct peer *p)
{
	struct world *w = p->world;
	unsigned i = number(p);
	struct diags ds;
	struct node_docs docs;
	const char *text;
	struct err e;

	arena_init(&p->arena, 0);
	p->delta = sim_chance(&w->random, 60);
	p->refuse_percent = sim_chance(&w->random, 30) ? (unsigned)sim_below(&w->random, 20) : 0;
	p->tells = sim_chance(&w->random, 80);
	text = arena_printf(&p->arena,
			    "{\"type\":\"%s\",\"id\":\"p%u.%s\",\"namespace\":\"%s\",\"ips\":[\"10.1.%u.%u\"],"
			    "\"labels\":{%s\"%s\":\"%s\",\"version\":\"v%u\"},\"metadata\":{}}",
			    i == 0 ? "router" : "sidecar", i, i % 2 ? "two" : "one", i % 2 ? "two" : "one", 6 + i,
			    (unsigned)sim_below(&w->random, 6),
			    i == 0 ? "\"gateway.networking.k8s.io/gateway-name\":\"api-0\"," : "", i == 0 ? "istio" : "app",
			    i == 0 ? "ingress" : "red",
			    (unsigned)sim_below(&w->random, 2));
	diags_init(&ds, &p->arena);
	docs = node_parse(text, strlen(text), 1, &p->arena, &ds);
	must(docs.n == 1 && !proxy_from_file(docs.v[0].root, &p->arena, &p->proxy, &e));
	for (int t = 0; t < XDS_TYPES; t++)
		map_init(&p->held[t], NULL);
	map_init(&p->refused, NULL);
}

static void make_unknown(const char *name, void *held, void *arg)
{
	(void)name;
	(void)arg;
	((struct held *)held)->unknown = true;
}

/* The first request for a type, with what it holds of it. */
static void ask(struct peer *p, enum xds_type t)
{
	struct xds_request r = {0};
	struct arena a;

	arena_init(&a, 0);
	if (!is_wild(t)) {
		struct strs had = names_of(&p->held[t], &a);

		r.names = peer_wanted(p, t, &a);
		set_asked(p, t, &r.names);
		for (size_t i = 0; i < had.n; i++)
			if (!map_get(&p->asked[t], had.v[i]))
				drop_held(p, t, had.v[i]);
		if (!r.names.n) {
			arena_fini(&a);
			return;
		}
	}
	if (p->delta) {
		struct map_pair *pairs = map_sorted(&p->held[t], &r.initial_versions.n, &a);
		struct str_pair *v = arena_array(&a, struct str_pair, r.initial_versions.n);

		for (size_t i = 0; i < r.initial_versions.n; i++)
			v[i] = (struct str_pair){pairs[i].key, ((struct held *)pairs[i].value)->version};
		r.initial_versions.v = v;
		r.subscribe = r.names;
		r.names.n = 0;
	} else {
		r.version = p->got[t].version;
		map_each(&p->held[t], make_unknown, NULL);
	}
	send_request(p, &r, t);
	arena_fini(&a);
}

/* It holds exactly what is served. */
static bool holds_all(const struct peer *p)
{
	for (int i = 0; i < XDS_TYPES; i++) {
		enum xds_type t = (enum xds_type)i;
		const struct res_set *set = served(p, t);
		size_t n = 0;

		for (size_t k = 0; set && k < set->n; k++) {
			const struct res *r = set->row[k].res;
			const struct held *h = map_get(&p->held[t], r->name);

			n += h != NULL;
			if (h ? strcmp(h->version, r->version) != 0 : is_wild(t) || map_get(&p->asked[t], r->name))
				return false;
		}
		if (!set || n != map_count(&p->held[t]) || (!is_wild(t) && n != map_count(&p->asked[t])))
			return false;
	}
	return true;
}

void peer_connect(struct peer *p)
{
	struct world *w = p->world;
	struct session_opts opts = {.only_type = -1, .id = sim_next(&w->random)};
	struct session_events events = {0};
	bool back = p->away;

	if (!back)
		begin(p);
	p->away = false;
	opts.delta = p->delta;
	p->kept_silent = false;
	map_init(&p->nonces, NULL);
	for (int t = 0; t < XDS_TYPES; t++)
		map_init(&p->asked[t], NULL);
	p->session = session_new(publisher_table(w->pub), &opts, &events);
	p->push = (struct loop_task){.fn = push, .arg = p, .phase = LOOP_PUSH};
	p->sub = (struct subscriber){.proxy = &p->proxy, .updated = updated};
	p->connected = true;
	publisher_subscribe(w->pub, &p->sub);
	p->bundle = publisher_bundle(&p->sub);
	if (p->bundle)
		session_set_bundle(p->session, p->bundle);
	for (int t = 0; t < XDS_TYPES; t++)
		if (is_wild((enum xds_type)t) || back)
			ask(p, (enum xds_type)t);
	if (back && p->delta && holds_all(p))
		p->unchanged = bundle_ref(p->bundle);
}

/* ---- oddities ---- */

static void drop_a_name(struct peer *p, enum xds_type t)
{
	struct arena a;
	struct strs names;

	arena_init(&a, 0);
	names = names_of(&p->asked[t], &a);
	if (names.n && p->delta) {
		const char *name = names.v[sim_below(&p->world->random, names.n)];
		struct xds_request r = {.unsubscribe = {&name, 1}};

		map_remove(&p->asked[t], name);
		send_request(p, &r, t);
		drop_held(p, t, name);
		bundle_unref(publisher_table(p->world->pub), p->unchanged);
		p->unchanged = NULL;
		p->got[t].touched = true;
		answer_later(p);
	}
	arena_fini(&a);
}

/* Settles nothing, and in state of the world says nothing at all. */
static void bad_nonce(struct peer *p, enum xds_type t)
{
	static const char *const junk[] = {"none-such"};
	struct xds_request r = {.nonce = "0-0", .version = "x", .error_code = 13, .error_text = "too late"};

	if (!p->got[t].nonce[0])
		return;
	r.has_error = sim_chance(&p->world->random, 50);
	if (!p->delta)
		r.names = (struct strs){junk, 1};
	send_request(p, &r, t);
}

static void unknown_type(struct peer *p)
{
	struct xds_request r = {.type_url = "type.googleapis.com/envoy.service.runtime.v3.Runtime",
				.nonce = "", .version = "", .error_text = ""};
	struct err e;

	if (session_receive(p->session, &r, loop_now_ms(p->world->loop), &e))
		sim_fail(p->world, "protocol", "a type that is not served ended the stream: %s", e.text);
}

void peer_oddity(struct peer *p)
{
	enum xds_type t = (enum xds_type)sim_below(&p->world->random, XDS_TYPES);

	if (!p->connected)
		return;
	sim_note(p->world->loop, "oddity", t);
	if (sim_chance(&p->world->random, 10))
		unknown_type(p);
	else if (sim_chance(&p->world->random, 50))
		bad_nonce(p, t);
	else
		drop_a_name(p, t);
}
