/* SPDX-License-Identifier: Apache-2.0
 *
 * Route configurations of gateways: a virtual host for every host that a server and a VirtualService
 * share (istio-behaviour.md 1.3, 3.1). Routes of several VirtualServices for one host stand one
 * after the other; hosts with the same routes share a virtual host.
 */
#include "plan/plan_gateway_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIRECT_BODY = 1024 * 1024 };

/* One host, with the route lists that it gets. */
struct gw_host {
	const char *host;
	uint32_t port;
	bool require_tls;
	VEC(const struct ir_routes_vec *) lists;
	VEC(const char *) domains;
};

struct hosts {
	const struct plan *p;
	struct arena *a;
	struct map by_host;		/* lower case -> struct gw_host */
	VEC(struct gw_host *) v;
	struct map lists;		/* gateway and VirtualService -> struct ir_routes_vec: made once */
	struct origins origins;
};

static const char *lower(const char *text, struct arena *a)
{
	char *out = arena_strdup(a, text);

	for (char *p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

static struct gw_host *host_of(struct hosts *b, const char *host, uint32_t port)
{
	const char *key = lower(host, b->a);
	void **slot = map_slot(&b->by_host, key);
	struct gw_host *h = *slot;

	if (h)
		return h;
	h = arena_new(b->a, struct gw_host);
	h->host = key;
	h->port = port;
	*slot = h;
	*vec_push(&b->v, b->a) = h;
	return h;
}

/* Clients of HTTPS learn that HTTP/3 is spoken at the same port. */
static void advertise_http3(struct hosts *b, const struct gw_entry *e, struct ir_routes_vec *list)
{
	struct ir_header_op *op = arena_new(b->a, struct ir_header_op);
	struct ir_header_ops ops = {.response_set = op, .n_response_set = 1};

	op->name = "alt-svc";
	op->value = arena_printf(b->a, "h3=\":%u\"; ma=86400", e->claim.server->port->number);
	for (size_t i = 0; i < list->v.n; i++)
		list->v.v[i].headers = http_headers_join(&list->v.v[i].headers, &ops, b->a);
}

/* The routes of one VirtualService at one gateway. Their port is that of the first server that asks. */
static const struct ir_routes_vec *routes_of(struct hosts *b, const struct gw_entry *e, const struct vs *vs)
{
	const char *key = arena_printf(b->a, "%s %s/%s", e->gateway_name, vs->obj->ns, vs->name);
	struct ir_routes_vec *list = map_get(&b->lists, key);
	const char **gateway;
	struct http_ctx ctx;

	if (list)
		return list;
	gateway = arena_new(b->a, const char *);
	gateway[0] = e->gateway_name;
	ctx = (struct http_ctx){.plan = b->p,
				.arena = b->a,
				.vs = vs,
				.listen_port = e->claim.server->port->number,
				.gateway_names = {.v = gateway, .n = 1},
				.is_gateway = true,
				.is_tls = e->claim.server->tls != NULL};
	list = arena_new(b->a, struct ir_routes_vec);
	http_routes_of(&ctx, list);
	if (!list->v.n)
		return NULL;	/* another server's port may have some */
	if (e->http3)
		advertise_http3(b, e, list);
	map_set(&b->lists, key, list);
	origins_add(&b->origins, vs->obj);
	for (size_t i = 0; i < vs->n_delegates; i++)
		origins_add(&b->origins, vs->delegates[i]);
	return list;
}

/* The hosts of the server that VirtualServices of ns may have, without the namespace. */
static struct strs hosts_for(const struct gw_entry *e, const char *ns, struct arena *a)
{
	const char **out = arena_array(a, const char *, e->claim.hosts.n);
	size_t n = 0;

	for (size_t i = 0; i < e->claim.hosts.n; i++) {
		const char *slash = strchr(e->claim.hosts.v[i], '/');

		if (!slash)
			out[n++] = e->claim.hosts.v[i];
		else if (strlen(ns) == (size_t)(slash - e->claim.hosts.v[i]) && strncmp(ns, e->claim.hosts.v[i], strlen(ns)) == 0)
			out[n++] = slash + 1;
	}
	return (struct strs){.v = out, .n = n};
}

/* Of every pair the narrower host, if one is within the other. */
static struct strs intersect(const struct strs *x, const struct strs *y, struct arena *a)
{
	struct strs seen = {0};
	VEC(const char *) out = {0};

	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < y->n; k++) {
			const char *h = host_subset_of(x->v[i], y->v[k])   ? x->v[i]
					: host_subset_of(y->v[k], x->v[i]) ? y->v[k]
									   : NULL;

			if (!h || strs_has(&seen, h))
				continue;
			*vec_push(&out, a) = h;
			seen = (struct strs){.v = out.v, .n = out.n};
		}
	return seen;
}

static void add_vs(struct hosts *b, const struct gw_entry *e, const struct vs *vs)
{
	struct strs mine = hosts_for(e, vs->obj->ns, b->a);
	struct strs shared = intersect(&mine, &vs->hosts, b->a);
	const struct ir_routes_vec *routes;

	if (!vs->n_http || !shared.n)
		return;
	routes = routes_of(b, e, vs);
	for (size_t i = 0; routes && i < shared.n; i++) {
		struct gw_host *h = host_of(b, shared.v[i], e->claim.server->port->number);

		*vec_push(&h->lists, b->a) = routes;
		h->require_tls |= e->claim.server->tls && e->claim.server->tls->https_redirect;
	}
}

static void add_server(struct hosts *b, const struct gw_entry *e)
{
	origins_add(&b->origins, e->claim.gateway->obj);
	for (size_t i = 0; i < e->bound->v.n; i++)
		add_vs(b, e, e->bound->v.v[i].vs);
	/* the redirect is there for hosts without routes too */
	for (size_t i = 0; e->claim.server->tls && e->claim.server->tls->https_redirect && i < e->sni.n; i++)
		host_of(b, e->sni.v[i], e->claim.server->port->number)->require_tls = true;
}

/* ---- virtual hosts ---- */

static int compare_specific(const void *a, const void *b)
{
	return host_compare_specific((*(const struct gw_host *const *)a)->host, (*(const struct gw_host *const *)b)->host);
}

static bool same_routes(const struct gw_host *x, const struct gw_host *y)
{
	if (x->require_tls != y->require_tls || x->lists.n != y->lists.n)
		return false;
	for (size_t i = 0; i < x->lists.n; i++)
		if (x->lists.v[i] != y->lists.v[i])
			return false;
	return true;
}

/* Hosts by what they share, so that a gateway of a thousand hosts does not compare all pairs. */
static const char *lists_key(const struct gw_host *h, struct arena *a)
{
	struct hash128 sum = hash_mix_u64((struct hash128){0}, h->lists.n);
	char hex[HASH_HEX_LEN + 1];

	for (size_t i = 0; i < h->lists.n; i++)
		sum = hash_mix_u64(sum, (uintptr_t)h->lists.v[i]);
	return arena_strdup(a, hash_hex(sum, hex));
}

/* The most specific host of those with the same routes carries the others' domains. */
static size_t collapse(struct hosts *b)
{
	struct map known;
	size_t kept = 0;

	map_init(&known, b->a);
	if (b->v.n)
		qsort(b->v.v, b->v.n, sizeof(*b->v.v), compare_specific);
	for (size_t i = 0; i < b->v.n; i++) {
		struct gw_host *h = b->v.v[i], *other;
		const char *key = lists_key(h, b->a);

		other = map_get(&known, key);
		if (other && same_routes(h, other)) {
			*vec_push(&other->domains, b->a) = h->host;
			continue;
		}
		*vec_push(&h->domains, b->a) = h->host;
		map_set(&known, key, h);
		b->v.v[kept++] = h;
	}
	return kept;
}

/* All routes of a host; those that match everything stand last, as they do in each list. */
static void join_routes(const struct gw_host *h, struct arena *a, struct ir_vhost *out)
{
	struct ir_route *v;
	size_t n = 0, k = 0;

	if (h->lists.n == 1) {
		out->routes = h->lists.v[0]->v.v;
		out->n_routes = h->lists.v[0]->v.n;
		return;
	}
	for (size_t i = 0; i < h->lists.n; i++)
		n += h->lists.v[i]->v.n;
	v = arena_array(a, struct ir_route, n);
	for (int catch_all = 0; catch_all < 2; catch_all++)
		for (size_t i = 0; i < h->lists.n; i++)
			for (size_t j = 0; j < h->lists.v[i]->v.n; j++)
				if (http_is_catch_all(&h->lists.v[i]->v.v[j]) == catch_all)
					v[k++] = h->lists.v[i]->v.v[j];
	out->routes = v;
	out->n_routes = n;
}

static int compare_name(const void *a, const void *b)
{
	return strcmp(((const struct ir_vhost *)a)->name, ((const struct ir_vhost *)b)->name);
}

/* No host: any request gets 404. */
static struct ir_vhost blackhole(const struct gw_routes *r, struct arena *a)
{
	static const char *const any[] = {"*"};

	return (struct ir_vhost){.name = http_host_port("blackhole", r->entries.v[0]->claim.server->port->number, a),
				 .domains = {.v = any, .n = 1}};
}

void gateway_route_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct gw_routes *r = row->ref;
	struct hosts b = {.p = p, .a = a, .origins = {.arena = a}};
	struct ir_routes *ir = arena_new(a, struct ir_routes);
	struct ir_vhost *vhosts;
	size_t n;

	map_init(&b.by_host, a);
	map_init(&b.lists, a);
	for (size_t i = 0; i < r->entries.n; i++)
		add_server(&b, r->entries.v[i]);
	n = collapse(&b);
	vhosts = arena_array(a, struct ir_vhost, n + 1);
	for (size_t i = 0; i < n; i++) {
		const struct gw_host *h = b.v.v[i];

		vhosts[i].name = http_host_port(h->host, h->port, a);
		vhosts[i].domains = (struct strs){.v = h->domains.v, .n = h->domains.n};
		vhosts[i].require_tls = h->require_tls;
		vhosts[i].attempt_count = hcm_counts_attempts(p);
		join_routes(h, a, &vhosts[i]);
	}
	qsort(vhosts, n, sizeof(vhosts[0]), compare_name);
	if (!n)
		vhosts[n++] = blackhole(r, a);
	*ir = (struct ir_routes){.name = r->name,
				 .vhosts = vhosts,
				 .n_vhosts = n,
				 .ignore_port = true,
				 .validate_clusters = {.has = true},
				 .max_direct_body = {.has = true, .v = MAX_DIRECT_BODY},
				 .origins = origins_done(&b.origins)};
	out->routes = ir;
}
