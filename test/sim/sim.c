/* SPDX-License-Identifier: Apache-2.0
 *
 * The deterministic simulator: one seed is one history of edits, clients, acknowledgements, refusals and
 * reconnects over the real store, publisher, compiler and sessions. After each quiet point:
 *   O1   what is served equals a compilation from nothing of the objects as they stand, byte for byte
 *   O2   every client holds what is served, but for what it refused
 * and at the end O10 (nothing is left) and, by running the seed twice, O11 (same trace).
 *
 * usage: sim [--seeds N] [--first N] [--seed N (verbose)]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "mesh/proxy.h"
#include "model/load.h"
#include "server/publish.h"
#include "sim_config.h"
#include "sim_ev.h"
#include "store/store.h"
#include "xds/pbjson.h"
#include "xds/pbscan.h"
#include "xds/session.h"

enum { CLIENTS_MAX = 5, STEPS = 40, SETTLE_MAX = 200000, MESSAGE_MAX = 64 * 1024 * 1024 };

struct world;

struct peer {				/* one simulated proxy */
	struct world *world;
	bool connected, delta;
	struct arena arena;
	struct proxy proxy;
	struct subscriber sub;
	struct session *session;
	struct loop_task push;
	struct map held[XDS_TYPES];	/* name -> version text; what the proxy has applied */
	struct map refused;		/* version texts that it will not take */
	struct loop_timer answer;	/* when it acknowledges what it got */
	struct {
		char nonce[200], version[64];
		bool waiting, refuse;
	} got[XDS_TYPES];
	unsigned refuse_percent;
};

struct world {
	struct sim_random random;
	struct loop *loop;
	struct job_pool *jobs;
	struct metrics metrics;
	struct store *store;
	int source;
	struct publisher *pub;
	struct peer peers[CLIENTS_MAX];
	struct buf scratch;
	const char *failed;		/* which oracle, or NULL */
	char why[400];
	bool verbose;
};

static void fail(struct world *w, const char *oracle, const char *what)
{
	if (w->failed)
		return;
	w->failed = oracle;
	snprintf(w->why, sizeof(w->why), "%s", what);
}

/* ---- configuration ---- */

static bool objects(void *arg, struct object_set *set)
{
	struct world *w = arg;

	*set = *store_objects(w->store);
	object_set_ref(set);
	return true;
}

struct load_ctx {
	struct store_entry entries[4];
	size_t n;
	struct diags *ds;
};

static void loaded(const struct load_item *item, void *arg)
{
	struct load_ctx *c = arg;

	if (item->outcome == OBJECT_SKIPPED || item->id.kind < 0 || !item->id.name || c->n == ARRAY_LEN(c->entries)) {
		object_unref(item->object);
		return;
	}
	c->entries[c->n++] = (struct store_entry){.kind = item->id.kind,
						  .ns = item->id.ns,
						  .name = item->id.name,
						  .obj = item->object,
						  .diags = c->ds->v + item->first_diag,
						  .n_diags = item->n_diags};
}

static void put(struct world *w, unsigned place, const char *text, size_t len)
{
	char file[32];
	struct arena a;
	struct diags ds;
	struct load_ctx c = {.ds = &ds};

	arena_init(&a, 0);
	diags_init(&ds, &a);
	snprintf(file, sizeof(file), "%02u.yaml", place);
	load_text(file, text, len, SCHEMA_LENIENT, &ds, loaded, &c);
	store_put(w->store, w->source, &(struct store_place){.name = file, .v = c.entries, .n = c.n, .keep_missing = c.n == 0});
	for (size_t i = 0; i < c.n; i++)
		object_unref(c.entries[i].obj);
	arena_fini(&a);
}

static void edit(struct world *w)
{
	unsigned place = (unsigned)sim_below(&w->random, SIM_PLACES);
	struct buf text;
	char file[32];

	if (sim_chance(&w->random, 20)) {
		snprintf(file, sizeof(file), "%02u.yaml", place);
		store_remove(w->store, w->source, file);
		sim_note(w->loop, "remove", place);
		return;
	}
	buf_init(&text, 65536);
	sim_manifest(&w->random, place, &text);
	put(w, place, text.p, text.n);
	sim_note(w->loop, "put", hash_bytes(text.p, text.n).lo);
	if (w->verbose)
		printf("--- put %02u\n%.*s", place, (int)text.n, text.p);
	buf_fini(&text);
}

static void commit(struct world *w)
{
	store_commit(w->store);
	publisher_changed(w->pub);
}

/* ---- a proxy ---- */

static void send_request(struct peer *p, struct xds_request *r, enum xds_type t)
{
	struct err e;

	r->type_url = xds_type_info(t)->type_url;
	r->nonce = r->nonce ? r->nonce : "";
	r->version = r->version ? r->version : "";
	r->error_text = r->error_text ? r->error_text : "";
	if (session_receive(p->session, r, loop_now_ms(p->world->loop), &e))
		fail(p->world, "protocol", e.text);
	loop_task_kick(p->world->loop, &p->push);
}

/* The names of a type that follow from what the proxy holds: RDS of listeners, EDS of clusters. */
static struct strs wanted(const struct peer *p, enum xds_type t, struct arena *a)
{
	enum xds_type from = t == XDS_EDS ? XDS_CDS : XDS_LDS;
	const struct bundle *b = publisher_bundle(&p->sub);
	struct map names;
	struct map_pair *pairs;
	struct strs out = {0};
	const char **v;

	map_init(&names, a);
	for (size_t i = 0; b && i < b->set[from]->n; i++) {
		const struct res *r = b->set[from]->row[i].res;

		for (size_t k = 0; map_get(&p->held[from], r->name) && k < r->n_uses; k++) {
			if (r->uses[k].type == t)
				map_set(&names, r->uses[k].name, (void *)1);
		}
	}
	pairs = map_sorted(&names, &out.n, a);
	v = arena_array(a, const char *, out.n);
	for (size_t i = 0; i < out.n; i++)
		v[i] = pairs[i].key;
	out.v = v;
	return out;
}

static struct strs held_names(const struct peer *p, enum xds_type t, const struct strs *but, struct arena *a)
{
	size_t n;
	struct map_pair *pairs = map_sorted(&p->held[t], &n, a);
	const char **v = arena_array(a, const char *, n);
	struct strs out = {v, 0};

	for (size_t i = 0; i < n; i++) {
		if (!but || !strs_has(but, pairs[i].key))
			v[out.n++] = pairs[i].key;
	}
	return out;
}

/* Subscribes as Envoy does: everything of CDS and LDS, of the others what these refer to. */
static void subscribe(struct peer *p, enum xds_type t)
{
	struct arena a;
	struct xds_request r = {0};
	struct strs want, gone;

	arena_init(&a, 0);
	want = wanted(p, t, &a);
	gone = held_names(p, t, &want, &a);
	if (p->delta) {
		r.subscribe = want;
		r.unsubscribe = gone;
	} else {
		r.names = want;
		r.nonce = p->got[t].nonce;
		r.version = p->got[t].version;
	}
	if (!p->delta || r.subscribe.n || r.unsubscribe.n)
		send_request(p, &r, t);
	for (size_t i = 0; i < gone.n; i++)
		free(map_remove(&p->held[t], gone.v[i]));
	arena_fini(&a);
}

static void answer(void *arg)
{
	struct peer *p = arg;

	for (int t = 0; t < XDS_TYPES; t++) {
		struct xds_request r = {0};
		struct arena a;

		if (!p->got[t].waiting)
			continue;
		arena_init(&a, 0);
		p->got[t].waiting = false;
		r.nonce = p->got[t].nonce;
		r.version = p->got[t].version;
		r.has_error = p->got[t].refuse;
		r.error_code = 13;
		r.error_text = "refused by the simulator";
		if (!p->delta && (t == XDS_EDS || t == XDS_RDS))
			r.names = wanted(p, (enum xds_type)t, &a);
		send_request(p, &r, (enum xds_type)t);
		arena_fini(&a);
		if (t == XDS_CDS || t == XDS_LDS)
			subscribe(p, t == XDS_CDS ? XDS_EDS : XDS_RDS);
	}
}

static bool refuses(struct peer *p, const char *version)
{
	if (map_get(&p->refused, version))
		return true;
	if (!sim_chance(&p->world->random, p->refuse_percent))
		return false;
	map_set(&p->refused, version, (void *)1);
	return true;
}

static void apply(struct peer *p, enum xds_type t, const char *name, const char *version, bool *refused)
{
	if (refuses(p, version))
		*refused = true;
	else
		free(map_set(&p->held[t], name, strdup(version)));
}

static const char *text_of(struct pb_bytes b, struct arena *a)
{
	return arena_strndup(a, (const char *)b.p, b.n);
}

/* The name is field 1 of every resource that we serve. */
static const char *resource_name(struct pb_bytes any, struct arena *a, char version[HASH_HEX_LEN + 1])
{
	struct pb_scan s = pb_scan(any);
	struct pb_item it;
	const char *name = "";

	while (pb_scan_next(&s, &it)) {
		struct pb_scan inner;
		struct pb_item field;

		if (it.number != 2)
			continue;
		hash_hex(hash_bytes(it.b.p, it.b.n), version);
		inner = pb_scan(it.b);
		while (pb_scan_next(&inner, &field)) {
			if (field.number == 1)
				name = text_of(field.b, a);
		}
	}
	return name;
}

struct response {
	int type;
	const char *nonce, *version;
	struct {
		const char *name, *version;
	} v[2000];
	size_t n;
	const char *removed[2000];
	size_t n_removed;
};

/* DiscoveryResponse: version 1, resources 2 (Any), type_url 4, nonce 5. DeltaDiscoveryResponse: resources
 * 2 (name 3, version 1, Any 2), type_url 4, nonce 5, removed_resources 6. */
static void read_response(struct peer *p, const struct buf *bytes, struct arena *a, struct response *out)
{
	struct pb_scan s = pb_scan((struct pb_bytes){(const uint8_t *)bytes->p, bytes->n});
	struct pb_item it;
	char version[HASH_HEX_LEN + 1] = "";

	*out = (struct response){.nonce = "", .version = ""};
	while (pb_scan_next(&s, &it)) {
		if (it.number == 1) {
			out->version = text_of(it.b, a);
		} else if (it.number == 4) {
			out->type = xds_type_find(text_of(it.b, a));
		} else if (it.number == 5) {
			out->nonce = text_of(it.b, a);
		} else if (it.number == 6) {
			must(out->n_removed < ARRAY_LEN(out->removed));
			out->removed[out->n_removed++] = text_of(it.b, a);
		} else if (it.number == 2) {
			struct pb_bytes any = it.b;

			must(out->n < ARRAY_LEN(out->v));
			if (p->delta) {
				struct pb_scan r = pb_scan(it.b);
				struct pb_item f;

				while (pb_scan_next(&r, &f)) {
					if (f.number == 2)
						any = f.b;
				}
			}
			out->v[out->n].name = resource_name(any, a, version);
			out->v[out->n++].version = arena_strdup(a, version);
		}
	}
}

static void receive(struct peer *p, const struct buf *bytes)
{
	struct world *w = p->world;
	struct arena a;
	struct response *r;
	bool refused = false;

	arena_init(&a, 0);
	r = arena_new(&a, struct response);
	read_response(p, bytes, &a, r);
	sim_note(w->loop, r->nonce, r->n);
	if (w->verbose)
		printf("peer %td gets %s, %zu resources, %zu removed, nonce %s\n", p - w->peers, xds_type_info((enum xds_type)r->type)->short_name,
		       r->n, r->n_removed, r->nonce);
	if (!p->delta && xds_type_info((enum xds_type)r->type)->wildcard) {
		/* absence removes */
		struct strs gone = held_names(p, (enum xds_type)r->type, NULL, &a);

		for (size_t i = 0; i < gone.n; i++) {
			bool there = false;

			for (size_t k = 0; k < r->n; k++)
				there = there || !strcmp(r->v[k].name, gone.v[i]);
			if (!there)
				free(map_remove(&p->held[r->type], gone.v[i]));
		}
	}
	for (size_t i = 0; i < r->n; i++)
		apply(p, (enum xds_type)r->type, r->v[i].name, r->v[i].version, &refused);
	for (size_t i = 0; i < r->n_removed; i++)
		free(map_remove(&p->held[r->type], r->removed[i]));
	snprintf(p->got[r->type].nonce, sizeof(p->got[r->type].nonce), "%s", r->nonce);
	if (!refused)
		snprintf(p->got[r->type].version, sizeof(p->got[r->type].version), "%s", r->version);
	p->got[r->type].waiting = true;
	p->got[r->type].refuse = refused;
	if (!loop_timer_running(&p->answer))
		loop_timer_start(w->loop, &p->answer, (int64_t)sim_below(&w->random, 300), answer, p);
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

	session_set_bundle(p->session, b);
	loop_task_kick(p->world->loop, &p->push);
}

static void forget(const char *key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	free(value);
}

static void disconnect(struct peer *p)
{
	if (!p->connected)
		return;
	p->connected = false;
	loop_timer_stop(p->world->loop, &p->answer);
	loop_task_stop(&p->push);
	publisher_unsubscribe(p->world->pub, &p->sub);
	session_free(p->session);
	for (int t = 0; t < XDS_TYPES; t++) {
		map_each(&p->held[t], forget, NULL);
		map_fini(&p->held[t]);
	}
	map_fini(&p->refused);
	memset(p->got, 0, sizeof(p->got));
	arena_fini(&p->arena);
}

static void connect(struct peer *p)
{
	struct world *w = p->world;
	unsigned i = (unsigned)(p - w->peers);
	struct session_opts opts = {.delta = sim_chance(&w->random, 60), .only_type = -1, .id = sim_next(&w->random)};
	struct session_events events = {0};
	struct diags ds;
	struct node_docs docs;
	const char *text;
	struct err e;

	arena_init(&p->arena, 0);
	p->delta = opts.delta;
	p->refuse_percent = sim_chance(&w->random, 30) ? (unsigned)sim_below(&w->random, 20) : 0;
	text = arena_printf(&p->arena, "{\"type\":\"%s\",\"id\":\"p%u.%s\",\"namespace\":\"%s\",\"ips\":[\"10.1.%u.%u\"],\"labels\":{\"%s\":\"%s\",\"version\":\"v%u\"},\"metadata\":{}}",
			    i == 0 ? "router" : "sidecar", i, i % 2 ? "two" : "one", i % 2 ? "two" : "one", 6 + i,
			    (unsigned)sim_below(&w->random, 6), i == 0 ? "istio" : "app", i == 0 ? "ingress" : "red",
			    (unsigned)sim_below(&w->random, 2));
	diags_init(&ds, &p->arena);
	docs = node_parse(text, strlen(text), 1, &p->arena, &ds);
	must(docs.n == 1 && !proxy_from_file(docs.v[0].root, &p->arena, &p->proxy, &e));
	for (int t = 0; t < XDS_TYPES; t++)
		map_init(&p->held[t], NULL);
	map_init(&p->refused, NULL);
	p->session = session_new(publisher_table(w->pub), &opts, &events);
	p->push = (struct loop_task){.fn = push, .arg = p, .phase = LOOP_PUSH};
	p->sub = (struct subscriber){.proxy = &p->proxy, .updated = updated};
	p->connected = true;
	publisher_subscribe(w->pub, &p->sub);
	if (publisher_bundle(&p->sub))
		session_set_bundle(p->session, publisher_bundle(&p->sub));
	send_request(p, &(struct xds_request){0}, XDS_CDS);
	send_request(p, &(struct xds_request){0}, XDS_LDS);
}

/* ---- oracles ---- */

static void show(const char *who, enum xds_type t, const uint8_t *p, size_t n)
{
	const char *message = xds_type_info(t)->message;
	struct buf out;
	struct err e;

	buf_init(&out, MESSAGE_MAX);
	if (!pbjson_print(pb_type_find(message, strlen(message)), (struct pb_bytes){p, n}, PBJSON_INDENT, &out, &e))
		printf("%s: %s\n", who, buf_cstr(&out));
	buf_fini(&out);
}

/* O1: the set as a compilation from nothing makes it. */
static void check_set(struct world *w, const struct peer *p, const struct compiled *c, enum xds_type t)
{
	const struct res_set *set = publisher_bundle(&p->sub)->set[t];
	char text[300];

	if (set->n != c->set[t].n) {
		snprintf(text, sizeof(text), "%s: %zu resources are served, %zu compiled from nothing", xds_type_info(t)->short_name, set->n,
			 c->set[t].n);
		fail(w, "O1", text);
		return;
	}
	for (size_t i = 0; i < set->n; i++) {
		const struct res *r = set->row[i].res;
		const struct res_new *n = &c->set[t].v[i];

		if (strcmp(r->name, n->name) || r->len != n->len || memcmp(r->bytes, n->bytes, r->len)) {
			snprintf(text, sizeof(text), "%s %s differs from a compilation from nothing (%s)", xds_type_info(t)->short_name, r->name,
				 n->name);
			fail(w, "O1", text);
			if (w->verbose) {
				show("served", t, r->bytes, r->len);
				show("from nothing", t, n->bytes, n->len);
			}
			return;
		}
	}
}

/* O2: the client holds what is served, but for what it refused. */
static void check_held(struct world *w, const struct peer *p, enum xds_type t)
{
	const struct res_set *set = publisher_bundle(&p->sub)->set[t];
	bool wildcard = xds_type_info(t)->wildcard;
	char text[300];
	struct arena a;
	struct strs names;

	arena_init(&a, 0);
	names = wildcard ? held_names(p, t, NULL, &a) : wanted(p, t, &a);
	for (size_t i = 0; i < set->n; i++) {
		const struct res *r = set->row[i].res;
		const char *held = map_get(&p->held[t], r->name);

		if ((!wildcard && !strs_has(&names, r->name)) || map_get(&p->refused, r->version))
			continue;
		if (!held || strcmp(held, r->version)) {
			snprintf(text, sizeof(text), "peer %td %s %s: holds %s, served is %s", p - w->peers, xds_type_info(t)->short_name, r->name,
				 held ? held : "nothing", r->version);
			fail(w, "O2", text);
		}
	}
	for (size_t i = 0; wildcard && !map_count(&p->refused) && i < names.n; i++) {
		if (!res_set_find(set, names.v[i])) {
			snprintf(text, sizeof(text), "peer %td %s %s: still held, no longer served", p - w->peers, xds_type_info(t)->short_name,
				 names.v[i]);
			fail(w, "O2", text);
		}
	}
	arena_fini(&a);
}

static void check(struct world *w)
{
	struct snapshot *fresh;

	if (!publisher_idle(w->pub) || !publisher_snapshot(w->pub)) {
		fail(w, "liveness", "the publisher did not come to rest");
		return;
	}
	fresh = snapshot_build(NULL, store_objects(w->store));
	must(fresh);
	snapshot_adopt(fresh);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct peer *p = &w->peers[i];
		const struct compiled *c;
		struct view view;
		struct arena a;

		if (!p->connected)
			continue;
		if (!publisher_bundle(&p->sub)) {
			fail(w, "liveness", "a client has no bundle");
			continue;
		}
		arena_init(&a, 0);
		view_build(fresh, &p->proxy, &a, &view);
		c = compile_view(fresh, &view, NULL, &a);
		if (c->broken)
			fail(w, "P8", c->broken);
		for (int t = 0; t < XDS_TYPES; t++) {
			check_set(w, p, c, (enum xds_type)t);
			check_held(w, p, (enum xds_type)t);
		}
		arena_fini(&a);
	}
	snapshot_unref(fresh);
}

/* ---- one history ---- */

static void act(struct world *w)
{
	struct peer *p = &w->peers[sim_below(&w->random, CLIENTS_MAX)];

	switch (sim_below(&w->random, 10)) {
	case 0:
		if (p->connected)
			disconnect(p);
		else
			connect(p);
		break;
	case 1:
		for (unsigned i = 0, n = 1 + (unsigned)sim_below(&w->random, 6); i < n; i++)
			edit(w);
		commit(w);
		break;
	default:
		edit(w);
		commit(w);
	}
}

static void start(struct world *w, uint64_t seed, bool verbose)
{
	struct publish_source source = {.arg = w, .objects = objects};
	struct err e;

	*w = (struct world){.random = {seed}, .verbose = verbose};
	w->loop = sim_loop_new(&w->random);
	w->jobs = job_pool_new(w->loop, 1, &e);
	server_metrics_init(&w->metrics);
	w->store = store_new("cluster.local", "istio-system");
	w->source = store_source_add(w->store, "sim");
	w->pub = publisher_new(w->loop, w->jobs, &w->metrics, &source);
	buf_init(&w->scratch, MESSAGE_MAX);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		w->peers[i].world = w;
	for (unsigned i = 0; i < 20; i++)
		edit(w);
	store_source_synced(w->store, w->source);
	commit(w);
}

static void end(struct world *w)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		disconnect(&w->peers[i]);
	if (!sim_settle(w->loop, SETTLE_MAX))
		fail(w, "liveness", "it does not come to rest at the end");
	publisher_free(w->pub);
	store_free(w->store);
	job_pool_free(w->jobs);
	loop_free(w->loop);
	metrics_fini(&w->metrics);
	buf_fini(&w->scratch);
}

/* Returns the trace; *failed tells the oracle that failed, or is NULL. */
static uint64_t run_seed(uint64_t seed, bool verbose, const char **failed, char why[400])
{
	struct world *w = malloc(sizeof(*w));
	uint64_t trace;

	must(w);
	start(w, seed, verbose);
	for (unsigned i = 0; i < STEPS && !w->failed; i++) {
		act(w);
		for (uint64_t k = sim_below(&w->random, 12); k > 0 && sim_step(w->loop); k--)
			continue;
		if (sim_chance(&w->random, 15)) {
			if (!sim_settle(w->loop, SETTLE_MAX))
				fail(w, "liveness", "it does not come to rest");
			else
				check(w);
		}
	}
	if (!w->failed && sim_settle(w->loop, SETTLE_MAX))
		check(w);
	trace = sim_trace(w->loop);
	end(w);
	*failed = w->failed;
	memcpy(why, w->why, sizeof(w->why));
	free(w);
	return trace;
}

int main(int argc, char **argv)
{
	uint64_t first = 1, n = 200, failures = 0;
	bool verbose = false;

	log_set_level(LOG_LEVEL_NONE);
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 10);

		if (!strcmp(argv[i], "--seeds"))
			n = value;
		else if (!strcmp(argv[i], "--first"))
			first = value;
		else if (!strcmp(argv[i], "--seed"))
			first = value, n = 1, verbose = true;
	}
	for (uint64_t seed = first; seed < first + n && failures < 5; seed++) {
		const char *failed, *failed2;
		char why[400], why2[400];
		uint64_t trace = run_seed(seed, verbose, &failed, why);

		if (!failed && seed % 10 == 0 && trace != run_seed(seed, false, &failed2, why2)) {
			failed = "O11";
			snprintf(why, sizeof(why), "two runs of one seed have different traces");
		}
		if (failed) {
			failures++;
			printf("seed %llu: %s: %s\n", (unsigned long long)seed, failed, why);
		}
	}
	printf("%llu passed, %llu failed\n", (unsigned long long)(n - failures), (unsigned long long)failures);
	return failures != 0;
}
