/* SPDX-License-Identifier: Apache-2.0
 *
 * Route configurations of gateways: a virtual host for every host that a server and a VirtualService
 * share (istio-behaviour.md 1.3, 3.1). Routes of several VirtualServices for one host stand one
 * after the other; hosts with the same routes share a virtual host.
 */
#include "plan/plan_gateway_int.h"

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
	struct map lists;		/* struct list_key -> struct ir_routes_vec: made once */
	struct origins origins;
};

static struct gw_host *host_of(struct hosts *b, const char *host, uint32_t port)
{
	const char *key = arena_lower(b->a, host);
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

struct list_key {
	const struct bound *gateway;
	const struct vs *vs;
};

/* The routes of one VirtualService at one gateway. Their port is that of the first server that asks. */
static const struct ir_routes_vec *routes_of(struct hosts *b, const struct gw_entry *e, const struct vs *vs)
{
	const struct list_key key = {e->bound, vs};
	struct ir_routes_vec *list = map_get_n(&b->lists, &key, sizeof(key));
	const struct http_ctx ctx = {.plan = b->p,
				     .arena = b->a,
				     .vs = vs,
				     .listen_port = e->claim.server->port->number,
				     .gateway_names = {.v = (const char **)&e->bound->gateway_name, .n = 1},
				     .is_gateway = true,
				     .is_tls = e->claim.server->tls != NULL};

	if (list)
		return list;
	list = arena_new(b->a, struct ir_routes_vec);
	http_routes_of(&ctx, list);
	if (!list->v.n)
		return NULL;	/* another server's port may have some */
	if (e->http3)
		advertise_http3(b, e, list);
	*map_slot_n(&b->lists, &key, sizeof(key)) = list;
	origins_add(&b->origins, vs->obj);
	for (size_t i = 0; i < vs->n_delegates; i++)
		origins_add(&b->origins, vs->delegates[i]);
	return list;
}

/* The hosts of the server that VirtualServices of ns may have, without the namespace. */
static struct strs hosts_for(const struct gw_entry *e, const char *ns, struct arena *a)
{
	const char **out;
	size_t n = 0;

	if (!e->by_namespace)
		return e->claim.hosts;
	out = arena_array(a, const char *, e->claim.hosts.n);
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
	const struct ir_routes_vec *routes;
	struct strs mine, shared;

	if (!vs->n_http)
		return;
	mine = hosts_for(e, vs->obj->ns, b->a);
	shared = intersect(&mine, &vs->hosts, b->a);
	if (!shared.n)
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

/* The most specific host of those with the same routes carries the others' domains. Hosts are known by their
 * lists, so that a gateway of a thousand hosts does not compare all pairs. */
static size_t collapse(struct hosts *b)
{
	struct map known;
	size_t kept = 0;

	map_init(&known, b->a);
	if (b->v.n)
		qsort(b->v.v, b->v.n, sizeof(*b->v.v), compare_specific);
	for (size_t i = 0; i < b->v.n; i++) {
		struct gw_host *h = b->v.v[i], *other;
		void **slot = map_slot_n(&known, h->lists.v, h->lists.n * sizeof(h->lists.v[0]));

		other = *slot;
		if (other && other->require_tls == h->require_tls) {
			*vec_push(&other->domains, b->a) = h->host;
			continue;
		}
		*vec_push(&h->domains, b->a) = h->host;
		*slot = h;
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
