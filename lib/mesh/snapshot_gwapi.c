/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes of the Gateway API -> struct vs, beside those of VirtualServices. In the mesh all routes of one kind,
 * namespace, port and host are one vs, at a Gateway those of one kind, listener and host, of whatever namespace:
 * precedence of their matches does not stop at an object's border.
 */
#include "mesh/snapshot_gwapi_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/must.h"

static bool is(const char *text, const char *fallback, const char *want)
{
	return strcmp(text ? text : fallback, want) == 0;
}

/* ---- parents ---- */

static struct strs service_host(const struct snapshot *s, const struct object *svc, struct arena *a)
{
	const char **v = arena_new(a, const char *);

	v[0] = arena_printf(a, "%s.%s.svc.%s", svc->name, svc->ns, s->domain);
	return (struct strs){.v = v, .n = 1};
}

static struct strs entry_hosts(const struct snapshot *s, const struct object *entry, struct arena *a)
{
	const struct strs *hosts = &object_spec(entry, service_entry)->hosts;
	const char **v = arena_array(a, const char *, hosts->n);

	for (size_t i = 0; i < hosts->n; i++)
		v[i] = host_resolve(hosts->v[i], entry->ns, s->domain, a);
	return (struct strs){.v = v, .n = hosts->n};
}

static struct gwapi_parent_found find_service(const struct snapshot *s, enum kind kind, const char *ns, const char *name,
					      struct arena *a)
{
	const struct object *o = snapshot_object(s, kind, ns, name);

	if (!o)
		return (struct gwapi_parent_found){.what = PARENT_MISSING};
	return (struct gwapi_parent_found){PARENT_SERVICE, kind == KIND_SERVICE ? service_host(s, o, a) : entry_hosts(s, o, a), NULL};
}

struct gwapi_parent_found gwapi_parent_find(const struct snapshot *s, const struct object *route,
					    const struct gwapi_parent_ref *ref, struct arena *a)
{
	static const char group[] = "gateway.networking.k8s.io";
	const char *ns = ref->ns ? ref->ns : route->ns;
	const struct api_parent *gateway = api_parent_named(s, route, ref);

	if (gateway)
		return (struct gwapi_parent_found){.what = PARENT_GATEWAY, .gateway = gateway};
	if (is(ref->group, group, group) && (is(ref->kind, "Gateway", "Gateway") || is(ref->kind, "", "ListenerSet")))
		return (struct gwapi_parent_found){.what = PARENT_MISSING};
	if (is(ref->group, group, "") && is(ref->kind, "", "Service"))
		return find_service(s, KIND_SERVICE, ns, ref->name, a);
	if (is(ref->group, group, "networking.istio.io") && is(ref->kind, "", "ServiceEntry"))
		return find_service(s, KIND_SERVICE_ENTRY, ns, ref->name, a);
	return (struct gwapi_parent_found){.what = PARENT_OTHER};
}

/* ---- routes by what they are for ---- */

struct group {
	const char *key, *ns, *host;
	const char *gateway;		/* "ns/name" of a listener's, or NULL: in the mesh */
	enum kind kind;
	uint32_t port;
	VEC(const struct object *) routes;
};

struct grouping {
	struct builder *b;
	struct map by_key;
	VEC(struct group *) v;
};

static void attach(struct grouping *g, const struct object *route, const struct group *what)
{
	struct arena *a = g->b->arena;
	void **slot = map_slot(&g->by_key, arena_printf(a, "%d %s", (int)route->kind, what->key));
	struct group *group = *slot;

	if (!group) {
		*slot = group = arena_copy(a, what, sizeof(*what));
		*vec_push(&g->v, a) = group;
	}
	if (!group->routes.n || group->routes.v[group->routes.n - 1] != route)
		*vec_push(&group->routes, a) = route;
}

static void attach_in_mesh(struct grouping *g, const struct object *route, const struct strs *hosts, uint32_t port)
{
	struct arena *a = g->b->arena;

	for (size_t i = 0; i < hosts->n; i++) {
		struct group what = {.ns = route->ns, .host = hosts->v[i], .kind = route->kind, .port = port};

		what.key = port ? arena_printf(a, "%s~%u~%s", route->ns, port, what.host) : arena_printf(a, "%s~%s", route->ns, what.host);
		attach(g, route, &what);
	}
}

/* The host that a listener and a TLSRoute share, which is asked for by name; other routes keep theirs, and it is the
 * Gateway's servers that narrow it down. */
static const char *shared_host(const struct api_listener *l, const struct object *route, const char *host)
{
	if (route->kind == KIND_TCP_ROUTE)
		return "*";
	return route->kind == KIND_TLS_ROUTE && host_subset_of(l->host, host) ? l->host : host;
}

static void attach_at_listener(struct grouping *g, const struct object *route, const struct api_parent *p,
			       const struct api_listener *l)
{
	struct strs hosts = api_route_hosts(route);
	struct arena *a = g->b->arena;

	for (size_t i = 0; i < hosts.n; i++) {
		struct group what = {.ns = p->obj->ns, .host = shared_host(l, route, hosts.v[i]), .kind = route->kind};

		if (!host_matches(l->host, hosts.v[i]) || api_is_isolated(p, l, hosts.v[i]))
			continue;
		what.gateway = arena_printf(a, "%s/%s", p->obj->ns, l->gateway_name);
		what.key = arena_printf(a, "%s~%s~%s", p->obj->ns, l->gateway_name, what.host);
		attach(g, route, &what);
	}
}

static void attach_at_gateway(struct grouping *g, const struct object *route, const struct api_parent *p,
			      const struct gwapi_parent_ref *ref)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct api_listener *l = &p->listeners[i];

		if (api_is_served(p, l) && !api_refuses(l, route, ref, g->b->arena).reason)
			attach_at_listener(g, route, p, l);
	}
}

static void attach_all(struct grouping *g, enum kind kind)
{
	const struct kind_list *l = builder_list(g->b, kind);

	for (size_t i = 0; i < l->n; i++) {
		size_t n;
		const struct gwapi_parent_ref *parents = api_route_parents(l->v[i], &n);

		for (size_t j = 0; j < n; j++) {
			struct gwapi_parent_found p = gwapi_parent_find(g->b->s, l->v[i], &parents[j], g->b->arena);

			if (p.what == PARENT_SERVICE)
				attach_in_mesh(g, l->v[i], &p.hosts, parents[j].port.v);
			else if (p.what == PARENT_GATEWAY)
				attach_at_gateway(g, l->v[i], p.gateway, &parents[j]);
		}
	}
}

static int compare_age(const void *a, const void *b)
{
	return object_compare_age(*(const struct object *const *)a, *(const struct object *const *)b);
}

/* ---- one vs ---- */

static void set_routes(struct vs *vs, struct gwapi_routes *routes, struct arena *a)
{
	struct http_route *http = arena_array(a, struct http_route, routes->v.n);
	const struct object **objs = arena_array(a, const struct object *, routes->v.n);

	gwapi_sort(routes);
	for (size_t i = 0; i < routes->v.n; i++) {
		http[i] = routes->v.v[i].r;
		objs[i] = routes->v.v[i].obj;
	}
	vs->http = http;
	vs->n_http = routes->v.n;
	vs->http_objs = objs;
}

static void set_l4_routes(struct vs *vs, const struct gwapi_l4_routes *routes, struct arena *a)
{
	struct virtual_service *spec = arena_new(a, struct virtual_service);

	spec->tcp = routes->tcp.v;
	spec->n_tcp = routes->tcp.n;
	spec->tls = routes->tls.v;
	spec->n_tls = routes->tls.n;
	vs->spec = spec;
}

static void convert(const struct builder *b, const struct group *g, struct vs *vs, struct arena *a)
{
	bool http = g->kind == KIND_HTTP_ROUTE || g->kind == KIND_GRPC_ROUTE;
	struct gwapi_routes routes = {0};
	struct gwapi_l4_routes l4 = {0};

	for (size_t i = 0; i < g->routes.n; i++) {
		struct gwapi_conversion c = {.route = g->routes.v[i], .s = b->s, .at_gateway = g->gateway, .arena = a};
		const char *path;

		if (gwapi_refusal(&c, &path).reason)
			continue;
		if (http)
			gwapi_convert(&c, g->port, &routes);
		else
			gwapi_convert_l4(&c, g->port, vs->hosts.v[0], &l4);
	}
	set_routes(vs, &routes, a);
	set_l4_routes(vs, &l4, a);
}

static struct strs one_text(const char *text, struct arena *a)
{
	const char **v = arena_new(a, const char *);

	v[0] = arena_strdup(a, text);
	return (struct strs){.v = v, .n = 1};
}

static struct hash128 group_hash(const struct builder *b, const struct group *g, const struct visibility *export_to)
{
	struct hash128 h = hash_mix_str(hash_mix_str(hash_bytes("gwapi", 5), g->key), b->s->domain);

	for (size_t i = 0; i < g->routes.n; i++) {
		h = hash_mix(h, g->routes.v[i]->hash);
		if (g->gateway)
			h = gwapi_mix_grants(b->s, g->routes.v[i], b->arena, h);
	}
	return hash_visibility(h, export_to);
}

static struct vs *build(struct builder *b, const struct group *g)
{
	static const struct strs by_default = {0};
	struct part_scope ps;
	const struct object **held;
	struct vs *vs;

	if (part_begin(&ps)) {
		for (size_t i = 0; i < g->routes.n; i++)
			part_quarantine(b, g->routes.v[i]);
		arena_fini(&ps.arena);
		return NULL;
	}
	vs = part_alloc(&ps, struct vs);
	held = arena_copy(&ps.arena, g->routes.v, g->routes.n * sizeof(held[0]));
	vs->obj = held[0];
	vs->name = arena_strdup(&ps.arena, g->key);
	vs->semantics = ROUTE_GATEWAY;
	vs->hosts = one_text(g->host, &ps.arena);
	vs->gateways = one_text(g->gateway ? g->gateway : "mesh", &ps.arena);
	vs->export_to = visibility_of(&by_default, &b->s->mesh->default_virtual_service_export_to, vs->obj->ns, &ps.arena);
	convert(b, g, vs, &ps.arena);
	vs->part.held = held;
	vs->part.n_held = g->routes.n;
	vs->delegates = held + 1;
	vs->n_delegates = g->routes.n - 1;
	vs->part.hash = group_hash(b, g, &vs->export_to);
	part_end(&ps, &vs->part);
	return vs;
}

/* ---- all ---- */

static bool is_of_routes(const struct vs *vs)
{
	return vs->obj->kind != KIND_VIRTUAL_SERVICE && vs->obj->kind != KIND_INGRESS;
}

static bool is_unchanged(const struct builder *b)
{
	bool same = b->same_mesh && b->same[KIND_SERVICE] && b->same[KIND_SERVICE_ENTRY] && b->same[KIND_REFERENCE_GRANT] &&
		    b->s->api == b->prev->api;

	for (size_t i = 0; i < API_ROUTE_KINDS; i++)
		same = same && b->same[api_route_kinds[i]];
	return same;
}

static struct vs *find_old(const struct builder *b, struct map *old, const struct group *g)
{
	struct vs *vs = map_get(old, arena_printf(b->arena, "%d %s", (int)g->kind, g->key));

	return vs && vs->part.n_held == g->routes.n &&
			       memcmp(vs->part.held, g->routes.v, g->routes.n * sizeof(g->routes.v[0])) == 0 &&
			       hash_equal(vs->part.hash, group_hash(b, g, &vs->export_to))
		       ? vs
		       : NULL;
}

static void index_old(const struct builder *b, struct map *old)
{
	map_init(old, b->arena);
	for (size_t i = 0; b->prev && b->same_mesh && i < b->prev->n_vss; i++) {
		struct vs *vs = b->prev->vss[i];

		if (is_of_routes(vs))
			map_set(old, arena_printf(b->arena, "%d %s", (int)vs->obj->kind, vs->name), vs);
	}
}

bool gwapi_stage(struct builder *b, struct vs_vec *out)
{
	struct grouping g = {.b = b};
	struct map old;

	if (b->prev && is_unchanged(b)) {
		for (size_t i = 0; i < b->prev->n_vss; i++)
			if (is_of_routes(b->prev->vss[i]))
				*vec_push(&out->v, b->arena) = b->prev->vss[i];
		for (size_t i = 0; i < API_ROUTE_KINDS; i++)
			part_keep_quarantined(b, api_route_kinds[i]);
		return true;
	}
	map_init(&g.by_key, b->arena);
	index_old(b, &old);
	for (size_t i = 0; i < API_ROUTE_KINDS; i++)
		attach_all(&g, api_route_kinds[i]);
	for (size_t i = 0; i < g.v.n; i++) {
		struct group *group = g.v.v[i];
		struct vs *vs;

		qsort(group->routes.v, group->routes.n, sizeof(group->routes.v[0]), compare_age);
		vs = find_old(b, &old, group);
		if (!vs) {
			vs = build(b, group);
			if (vs)
				part_fresh(b, &vs->part);
		}
		if (vs)
			*vec_push(&out->v, b->arena) = vs;
	}
	return false;
}
