/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTPRoutes and GRPCRoutes whose parent is a Service or ServiceEntry -> struct vs, beside those of
 * VirtualServices. All routes of one kind, namespace, port and host are one vs: precedence of their
 * matches does not stop at an object's border.
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

static const enum kind route_kinds[] = {KIND_HTTP_ROUTE, KIND_GRPC_ROUTE, KIND_TCP_ROUTE, KIND_TLS_ROUTE};

#define PARENTS_OF(route, type, n) (*(n) = object_spec(route, type)->n_parents, object_spec(route, type)->parents)

const struct gwapi_parent_ref *gwapi_parents(const struct object *route, size_t *n)
{
	switch (route->kind) {
	case KIND_GRPC_ROUTE: return PARENTS_OF(route, gwapi_grpc_route, n);
	case KIND_TCP_ROUTE: return PARENTS_OF(route, gwapi_l4_route, n);
	case KIND_TLS_ROUTE: return PARENTS_OF(route, gwapi_tls_route, n);
	default: return PARENTS_OF(route, gwapi_http_route, n);
	}
}

static struct strs service_host(const struct builder *b, const struct object *svc, struct arena *a)
{
	const char **v = arena_new(a, const char *);

	v[0] = arena_printf(a, "%s.%s.svc.%s", svc->name, svc->ns, b->s->domain);
	return (struct strs){.v = v, .n = 1};
}

static struct strs entry_hosts(const struct builder *b, const struct object *entry, struct arena *a)
{
	const struct strs *hosts = &object_spec(entry, service_entry)->hosts;
	const char **v = arena_array(a, const char *, hosts->n);

	for (size_t i = 0; i < hosts->n; i++)
		v[i] = host_resolve(hosts->v[i], entry->ns, b->s->domain, a);
	return (struct strs){.v = v, .n = hosts->n};
}

enum gwapi_parent gwapi_parent_find(const struct builder *b, const struct object *route,
				    const struct gwapi_parent_ref *ref, struct arena *a, struct strs *hosts)
{
	static const char group[] = "gateway.networking.k8s.io";
	const char *ns = ref->ns ? ref->ns : route->ns;
	const struct object *obj;

	if (is(ref->group, group, group))
		return is(ref->kind, "Gateway", "Gateway") || is(ref->kind, "", "ListenerSet") ? PARENT_GATEWAY : PARENT_OTHER;
	if (is(ref->group, "", "") && is(ref->kind, "", "Service")) {
		obj = kind_list_find(builder_list(b, KIND_SERVICE), ns, ref->name);
		if (obj)
			*hosts = service_host(b, obj, a);
	} else if (is(ref->group, "", "networking.istio.io") && is(ref->kind, "", "ServiceEntry")) {
		obj = kind_list_find(builder_list(b, KIND_SERVICE_ENTRY), ns, ref->name);
		if (obj)
			*hosts = entry_hosts(b, obj, a);
	} else {
		return PARENT_OTHER;
	}
	return obj ? PARENT_SERVICE : PARENT_MISSING;
}

/* ---- routes by what they are for ---- */

struct group {
	const char *key, *ns, *host;
	enum kind kind;
	uint32_t port;
	VEC(const struct object *) routes;
};

struct grouping {
	struct builder *b;
	struct map by_key;
	VEC(struct group *) v;
};

static void attach(struct grouping *g, const struct object *route, const char *host, uint32_t port)
{
	struct arena *a = g->b->arena;
	const char *name = port ? arena_printf(a, "%s~%u~%s", route->ns, port, host) : arena_printf(a, "%s~%s", route->ns, host);
	void **slot = map_slot(&g->by_key, arena_printf(a, "%d %s", (int)route->kind, name));
	struct group *group = *slot;

	if (!group) {
		*slot = group = arena_new(a, struct group);
		*group = (struct group){.key = name, .ns = route->ns, .host = host, .kind = route->kind, .port = port};
		*vec_push(&g->v, a) = group;
	}
	if (!group->routes.n || group->routes.v[group->routes.n - 1] != route)
		*vec_push(&group->routes, a) = route;
}

static void attach_all(struct grouping *g, enum kind kind)
{
	const struct kind_list *l = builder_list(g->b, kind);

	for (size_t i = 0; i < l->n; i++) {
		const struct gwapi_parent_ref *parents;
		size_t n;

		parents = gwapi_parents(l->v[i], &n);
		for (size_t j = 0; j < n; j++) {
			struct strs hosts = {0};

			if (gwapi_parent_find(g->b, l->v[i], &parents[j], g->b->arena, &hosts) != PARENT_SERVICE)
				continue;
			for (size_t k = 0; k < hosts.n; k++)
				attach(g, l->v[i], hosts.v[k], parents[j].port.v);
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
		struct gwapi_conversion c = {.route = g->routes.v[i], .domain = b->s->domain, .arena = a};
		const char *path;

		if (gwapi_refusal(&c, &path))
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

static struct hash128 group_hash(const struct builder *b, const struct group *g, const struct vs *vs)
{
	struct hash128 h = hash_mix_str(hash_mix_str(hash_bytes("gwapi", 5), g->key), b->s->domain);

	for (size_t i = 0; i < g->routes.n; i++)
		h = hash_mix(h, g->routes.v[i]->hash);
	return hash_visibility(h, &vs->export_to);
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
	vs->gateways = one_text("mesh", &ps.arena);
	vs->export_to = visibility_of(&by_default, &b->s->mesh->default_virtual_service_export_to, g->ns, &ps.arena);
	convert(b, g, vs, &ps.arena);
	vs->part.held = held;
	vs->part.n_held = g->routes.n;
	vs->delegates = held + 1;
	vs->n_delegates = g->routes.n - 1;
	vs->part.hash = group_hash(b, g, vs);
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
	bool same = b->same_mesh && b->same[KIND_SERVICE] && b->same[KIND_SERVICE_ENTRY];

	for (size_t i = 0; i < ARRAY_LEN(route_kinds); i++)
		same = same && b->same[route_kinds[i]];
	return same;
}

static struct vs *find_old(struct map *old, const struct group *g, struct arena *a)
{
	struct vs *vs = map_get(old, arena_printf(a, "%d %s", (int)g->kind, g->key));

	return vs && vs->part.n_held == g->routes.n &&
			       memcmp(vs->part.held, g->routes.v, g->routes.n * sizeof(g->routes.v[0])) == 0
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
		for (size_t i = 0; i < ARRAY_LEN(route_kinds); i++)
			part_keep_quarantined(b, route_kinds[i]);
		return true;
	}
	map_init(&g.by_key, b->arena);
	index_old(b, &old);
	for (size_t i = 0; i < ARRAY_LEN(route_kinds); i++)
		attach_all(&g, route_kinds[i]);
	for (size_t i = 0; i < g.v.n; i++) {
		struct group *group = g.v.v[i];
		struct vs *vs;

		qsort(group->routes.v, group->routes.n, sizeof(group->routes.v[0]), compare_age);
		vs = find_old(&old, group, b->arena);
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

/* ---- what verdicts say ---- */

struct telling {
	const struct builder *b;
	const struct object *route;
	struct arena *arena;
	struct part holder;	/* of the findings */
};

static void tell(struct telling *t, enum verdict_state state, enum diag_code code, const char *path, const char *text)
{
	part_finding(t->arena, &t->holder, t->route, state, code, path, "%s", text);
}

static const char *parent_text(const struct telling *t, const struct gwapi_parent_ref *p, enum gwapi_parent what)
{
	const char *kind = p->kind ? p->kind : "Gateway", *ns = p->ns ? p->ns : t->route->ns;

	if (what == PARENT_GATEWAY)
		return arena_printf(t->arena, "a %s as parent has no effect here", kind);
	if (what == PARENT_MISSING)
		return arena_printf(t->arena, "%s %s/%s does not exist", kind, ns, p->name);
	return arena_printf(t->arena, "a route has no parent of kind %s", kind);
}

/* How many parents it is attached to. */
static size_t tell_parents(struct telling *t)
{
	const struct gwapi_parent_ref *parents;
	size_t n, attached = 0;
	struct strs hosts;

	parents = gwapi_parents(t->route, &n);
	for (size_t i = 0; i < n; i++)
		attached += gwapi_parent_find(t->b, t->route, &parents[i], t->arena, &hosts) == PARENT_SERVICE;
	for (size_t i = 0; i < n; i++) {
		enum gwapi_parent what = gwapi_parent_find(t->b, t->route, &parents[i], t->arena, &hosts);

		if (what != PARENT_SERVICE)
			tell(t, attached ? VERDICT_PARTLY : VERDICT_UNATTACHED,
			     what == PARENT_GATEWAY ? D_KIND_PENDING : D_ROUTE_PARENT_UNKNOWN,
			     arena_printf(t->arena, "spec.parentRefs[%zu]", i), parent_text(t, &parents[i], what));
	}
	if (!n)
		tell(t, VERDICT_UNATTACHED, D_ROUTE_PARENT_UNKNOWN, "spec.parentRefs", "the route has no parent");
	return attached;
}

static void tell_backends(struct telling *t, const struct gwapi_conversion *c)
{
	struct gwapi_backends backends = {0};

	gwapi_backends_of(t->route, t->arena, &backends);
	for (size_t i = 0; i < backends.v.n; i++) {
		const struct gwapi_backend_at *at = &backends.v.v[i];
		struct gwapi_target_host to = gwapi_target_host(c, at->group, at->kind, at->name, at->ns, at->port);
		const char *text = NULL;

		if (to.kind == BACKEND_OTHER)
			text = arena_printf(t->arena, "nothing is routed to a %s: its share fails", at->kind ? at->kind : "Service");
		else if (!snapshot_host_known(t->b->s, to.host))
			text = arena_printf(t->arena, "no service has the host %s: its share fails", to.host);
		if (text)
			tell(t, VERDICT_PARTLY, D_VS_DESTINATION_UNKNOWN,
			     arena_printf(t->arena, "spec.rules[%zu].backendRefs[%zu]", at->rule, at->index), text);
	}
}

const struct finding *gwapi_findings(const struct builder *b, const struct object *route, struct arena *a)
{
	struct telling t = {.b = b, .route = route, .arena = a};
	struct gwapi_conversion c = {.route = route, .domain = b->s->domain, .arena = a};
	const char *why, *path;

	if (!tell_parents(&t))
		return t.holder.findings;
	why = gwapi_refusal(&c, &path);
	if (why)
		tell(&t, VERDICT_QUARANTINED, D_ROUTE_REFUSED, path, why);
	else
		tell_backends(&t, &c);
	return t.holder.findings;
}
