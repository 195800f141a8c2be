/* SPDX-License-Identifier: Apache-2.0
 *
 * Gateways of the Gateway API and ListenerSets -> struct api_parents; what a listener says to a route. The part depends
 * on these objects, on GatewayClasses, Namespaces, ReferenceGrants, and on the Secrets and ConfigMaps that hold
 * certificates; the rest of the mesh counts only by its domain.
 */
#include "mesh/gwapi_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/must.h"
#include "mesh/grant.h"

static const char group[] = "gateway.networking.k8s.io";

static bool is(const char *text, const char *fallback, const char *want)
{
	return strcmp(text ? text : fallback, want) == 0;
}

/* ---- classes ---- */

enum api_controller api_controller_named(const char *controller_name)
{
	static const struct {
		const char *name;
		enum api_controller controller;
	} known[] = {{"istio.io/gateway-controller", API_GATEWAY},
		     {"istio.io/unmanaged-gateway", API_REMOTE},
		     {"istio.io/mesh-controller", API_WAYPOINT}};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (is(controller_name, "", known[i].name))
			return known[i].controller;
	return API_NOT_OURS;
}

/* Istio's own classes are there without an object. */
enum api_controller api_controller_of_class(const struct snapshot *s, const char *class_name)
{
	static const struct {
		const char *name;
		enum api_controller controller;
	} own[] = {{"istio", API_GATEWAY}, {"istio-remote", API_REMOTE}, {"istio-waypoint", API_WAYPOINT}};
	const struct object *class = class_name ? snapshot_object(s, KIND_GATEWAY_CLASS, "", class_name) : NULL;

	if (class)
		return api_controller_named(object_spec(class, gwapi_gateway_class)->controller_name);
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (is(class_name, "", own[i].name))
			return own[i].controller;
	return API_NOT_OURS;
}

/* ---- Gateways ---- */

/* Without addresses, or with one IP address, the deployment is ours to find by its name. */
static bool is_managed(const struct gwapi_gateway *g)
{
	return g->n_addresses == 0 || (g->n_addresses == 1 && is(g->addresses[0].type, "IPAddress", "IPAddress"));
}

static const char *service_host(const struct api_making *m, const char *name, const char *ns)
{
	return strchr(name, '.') ? arena_lower(m->arena, name) : arena_printf(m->arena, "%s.%s.svc.%s", name, ns, m->s->domain);
}

static const char *own_service(const struct api_making *m, const struct api_parent *p)
{
	const struct gwapi_gateway *g = object_spec(p->obj, gwapi_gateway);
	const char *name = strmap_get(&p->obj->annotations, "gateway.istio.io/name-override");

	if (!name && p->controller == API_WAYPOINT)
		name = p->obj->name;
	if (!name)
		name = arena_printf(m->arena, "%s-%s", p->obj->name, g->class_name);
	return arena_printf(m->arena, "%s.%s.svc.%s", name, p->obj->ns, m->s->domain);
}

static void set_services(const struct api_making *m, struct api_parent *p)
{
	const struct gwapi_gateway *g = object_spec(p->obj, gwapi_gateway);
	const char **out = arena_array(m->arena, const char *, g->n_addresses + 1);

	p->managed = is_managed(g);
	p->services.v = out;
	if (p->managed)
		out[p->services.n++] = own_service(m, p);
	for (size_t i = 0; !p->managed && i < g->n_addresses; i++) {
		const struct gwapi_address *a = &g->addresses[i];

		if (is(a->type, "Hostname", "Hostname") && a->value)
			out[p->services.n++] = service_host(m, a->value, p->obj->ns);
		else
			p->fault = (struct api_fault){"UnsupportedAddress",
						      arena_printf(m->arena, "address %s is no Hostname", a->value ? a->value : "")};
	}
}

/* Nothing is made for a Gateway here, so nobody reads the parameters; that they are there is asked all the same. */
static void set_parameters(const struct api_making *m, struct api_parent *p)
{
	const struct gwapi_infrastructure *made = object_spec(p->obj, gwapi_gateway)->infrastructure;
	const struct gwapi_local_ref *r = made ? made->parameters : NULL;

	if (!r)
		return;
	if (!is(r->group, "", "") || !is(r->kind, "", "ConfigMap"))
		p->parameters = (struct api_fault){"InvalidParameters", arena_printf(m->arena, "parameters are taken of a ConfigMap, not of a %s", r->kind)};
	else if (!snapshot_object(m->s, KIND_CONFIG_MAP, p->obj->ns, r->name))
		p->parameters = (struct api_fault){"InvalidParameters",
						   arena_printf(m->arena, "ConfigMap %s/%s does not exist", p->obj->ns, r->name)};
}

/* ---- listeners of one Gateway against each other ---- */

/* Who has what of one port. */
struct port_claims {
	const struct api_listener *first;
	struct map hosts;		/* of HTTP, HTTPS and TLS -> struct api_listener */
};

struct claims {
	struct map ports;		/* uint32_t -> struct port_claims */
};

static bool is_l4(const struct api_listener *l)
{
	return is(l->spec->protocol, "", "TCP") || is(l->spec->protocol, "", "UDP");
}

/* TCP and UDP have a port alone; others share it by their host names. */
static void claim(struct claims *c, struct api_listener *l, struct arena *a)
{
	void **slot = map_slot_n(&c->ports, &l->spec->port, sizeof(l->spec->port)), **host;
	struct port_claims *p = *slot;

	if (!p) {
		*slot = p = arena_new(a, struct port_claims);
		map_init(&p->hosts, a);
	}
	if (p->first && (is_l4(l) || is_l4(p->first))) {
		l->conflict = (struct api_fault){"ProtocolConflict", arena_printf(a, "port %u is listener %s's, which speaks %s",
										  l->spec->port, p->first->spec->name,
										  p->first->spec->protocol)};
		return;
	}
	host = map_slot(&p->hosts, l->host);
	if (*host) {
		const struct api_listener *owner = *host;
		bool same = strcmp(owner->spec->protocol, l->spec->protocol) == 0;

		l->conflict = (struct api_fault){same ? "HostnameConflict" : "ProtocolConflict",
						 arena_printf(a, "host %s of port %u is listener %s's", l->host, l->spec->port,
							      owner->spec->name)};
		return;
	}
	*host = l;
	p->first = p->first ? p->first : l;
}

static void add_listeners(const struct api_making *m, struct api_parent *p, struct claims *c, const struct gwapi_listener *v,
			  size_t n)
{
	p->listeners = arena_array(m->arena, struct api_listener, n);
	for (size_t i = 0; i < n; i++) {
		struct api_listener *l = &p->listeners[p->n++];

		l->spec = &v[i];
		l->index = i;
		api_listener_init(m, p, l);
		claim(c, l, m->arena);
	}
}

/* ---- all ---- */

struct gathering {
	struct api_making m;
	VEC(struct api_parent) v;
	VEC(struct claims) claims;	/* parallel to the Gateways of v */
};

static void add_gateways(struct gathering *g)
{
	const struct kind_list *all = g->m.s->objects.kind[KIND_GWAPI_GATEWAY];

	for (size_t i = 0; i < all->n; i++) {
		const struct gwapi_gateway *spec = object_spec(all->v[i], gwapi_gateway);
		struct api_parent p = {.obj = all->v[i], .gateway = all->v[i]};
		struct claims *c;

		p.controller = api_controller_of_class(g->m.s, spec->class_name);
		if (p.controller == API_NOT_OURS)
			continue;
		c = vec_push(&g->claims, g->m.arena);
		map_init(&c->ports, g->m.arena);
		set_services(&g->m, &p);
		set_parameters(&g->m, &p);
		api_set_client_cert(&g->m, &p);
		if (p.controller != API_REMOTE)
			add_listeners(&g->m, &p, c, spec->listeners, spec->n_listeners);
		*vec_push(&g->v, g->m.arena) = p;
	}
}

static int compare_parent(const void *a, const void *b)
{
	return object_compare(((const struct api_parent *)a)->obj, ((const struct api_parent *)b)->obj);
}

static struct api_parent *find(struct api_parent *v, size_t n, enum kind kind, const char *ns, const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct object *o = v[mid].obj;
		int c = (int)o->kind - (int)kind;

		c = c ? c : strcmp(o->ns, ns);
		c = c ? c : strcmp(o->name, name);
		if (!c)
			return &v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool takes_sets_of(const struct api_making *m, const struct object *gateway, const char *ns)
{
	const struct gwapi_allowed_listeners *allowed = object_spec(gateway, gwapi_gateway)->allowed_listeners;
	const struct gwapi_set_namespaces *from = allowed ? allowed->namespaces : NULL;

	if (!from)
		return false;
	switch (from->from) {
	case GWAPI_SETS_FROM_All: return true;
	case GWAPI_SETS_FROM_Same: return strcmp(gateway->ns, ns) == 0;
	case GWAPI_SETS_FROM_Selector: return api_selects_namespace(m->s, from->selector, ns, m->arena);
	default: return false;
	}
}

static void add_set(struct gathering *g, size_t n_gateways, const struct object *set)
{
	const struct gwapi_listener_set *spec = object_spec(set, gwapi_listener_set);
	const struct gwapi_object_ref *ref = spec->parent;
	const char *ns = ref->ns ? ref->ns : set->ns;
	struct api_parent *gateway, *p;

	if (!is(ref->group, group, group) || !is(ref->kind, "Gateway", "Gateway"))
		return;
	gateway = find(g->v.v, n_gateways, KIND_GWAPI_GATEWAY, ns, ref->name);
	if (!gateway)
		return;
	p = vec_push(&g->v, g->m.arena);
	gateway = find(g->v.v, n_gateways, KIND_GWAPI_GATEWAY, ns, ref->name);	/* the array may have moved */
	*p = (struct api_parent){.obj = set,
				 .gateway = gateway->obj,
				 .controller = gateway->controller,
				 .managed = gateway->managed,
				 .client_cert_name = gateway->client_cert_name,
				 .services = gateway->services};
	if (gateway->controller != API_GATEWAY)
		p->fault = (struct api_fault){"NotAllowed", "Gateways of that class have no ListenerSets"};
	else if (!takes_sets_of(&g->m, gateway->obj, set->ns))
		p->fault = (struct api_fault){"NotAllowed", arena_printf(g->m.arena, "Gateway %s/%s takes no ListenerSet of namespace %s",
									 gateway->obj->ns, gateway->obj->name, set->ns)};
	if (p->fault.reason)
		return;
	gateway->n_sets++;
	add_listeners(&g->m, p, &g->claims.v[gateway - g->v.v], spec->listeners, spec->n_listeners);
}

/* Older ones first, as their listeners go before those of younger ones. */
static int compare_set(const void *a, const void *b)
{
	const struct object *x = *(const struct object *const *)a, *y = *(const struct object *const *)b;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? -1 : 1;
	return object_compare(x, y);
}

static void add_sets(struct gathering *g)
{
	const struct kind_list *all = g->m.s->objects.kind[KIND_LISTENER_SET];
	const struct object **order = arena_copy(g->m.arena, all->v, all->n * sizeof(all->v[0]));
	size_t n_gateways = g->v.n;

	qsort(order, all->n, sizeof(order[0]), compare_set);
	for (size_t i = 0; i < all->n; i++)
		add_set(g, n_gateways, order[i]);
	if (g->v.n)
		qsort(g->v.v, g->v.n, sizeof(g->v.v[0]), compare_parent);
}

static struct hash128 mix_fault(struct hash128 h, const struct api_fault *f)
{
	return hash_mix_str(hash_mix_str(h, f->reason), f->text);
}

static struct hash128 parents_hash(const struct api_parents *x)
{
	struct hash128 h = hash_bytes("api", 3);

	for (size_t i = 0; i < x->n; i++) {
		const struct api_parent *p = &x->v[i];

		h = mix_fault(mix_fault(mix_fault(hash_mix(h, p->obj->hash), &p->fault), &p->parameters), &p->client_cert);
		h = hash_mix_u64(hash_strs(h, &p->services), (uint64_t)p->n_sets << 8 | (uint64_t)p->controller << 1 | (uint64_t)p->managed);
		for (size_t k = 0; k < p->n; k++) {
			const struct api_listener *l = &p->listeners[k];

			h = mix_fault(mix_fault(mix_fault(hash_mix(h, l->hash), &l->conflict), &l->unsupported), &l->refs);
			h = hash_mix_u64(h, l->kinds << 1 | (uint64_t)l->wrong_kinds);
		}
	}
	return h;
}

/* NULL: it takes more memory than it may. */
static struct api_parents *build(struct builder *b)
{
	struct part_scope ps;
	struct gathering g = {.m = {b->s, &ps.arena}};
	const struct object **held;
	struct api_parents *x;

	if (part_begin(&ps)) {
		const struct kind_list *all = builder_list(b, KIND_GWAPI_GATEWAY);

		arena_fini(&ps.arena);
		for (size_t i = 0; i < all->n; i++)
			part_quarantine(b, all->v[i]);
		return NULL;
	}
	x = part_alloc(&ps, struct api_parents);
	add_gateways(&g);
	add_sets(&g);
	x->v = g.v.v;
	x->n = g.v.n;
	held = arena_array(&ps.arena, const struct object *, x->n);
	for (size_t i = 0; i < x->n; i++)
		held[i] = x->v[i].obj;
	x->part.held = held;
	x->part.n_held = x->n;
	x->part.hash = parents_hash(x);
	part_end(&ps, &x->part);
	return x;
}

static struct api_parents *none(void)
{
	struct arena a;
	struct api_parents *x;

	arena_init(&a, 0);
	x = arena_new(&a, struct api_parents);
	arena_take(&x->part.arena, &a);
	return x;
}

static bool is_unchanged(const struct builder *b)
{
	static const enum kind inputs[] = {KIND_GWAPI_GATEWAY, KIND_LISTENER_SET,   KIND_GATEWAY_CLASS, KIND_NAMESPACE,
					   KIND_SECRET,	       KIND_REFERENCE_GRANT, KIND_CONFIG_MAP};

	for (size_t i = 0; i < ARRAY_LEN(inputs); i++)
		if (!b->same[inputs[i]])
			return false;
	return b->same_mesh;
}

void api_stage(struct builder *b)
{
	struct api_parents *x, *old = b->prev ? b->prev->api : NULL;

	if (old && is_unchanged(b)) {
		b->s->api = old;
		part_keep_quarantined(b, KIND_GWAPI_GATEWAY);
		return;
	}
	x = build(b);
	if (!x)
		x = none();
	if (old && hash_equal(x->part.hash, old->part.hash) && part_holds_same(&x->part, &old->part)) {
		part_free(&x->part);
		b->s->api = old;
		return;
	}
	b->s->api = x;
	part_fresh(b, &x->part);
}

/* ---- look-ups ---- */

const struct api_parent *api_parent_find(const struct snapshot *s, enum kind kind, const char *ns, const char *name)
{
	return find(s->api->v, s->api->n, kind, ns, name);
}

const struct api_parent *api_parent_of(const struct snapshot *s, const struct object *obj)
{
	return api_parent_find(s, obj->kind, obj->ns, obj->name);
}

bool api_takes_routes(const struct api_parent *p, const struct api_listener *l)
{
	return p->controller == API_GATEWAY && !l->conflict.reason;
}

bool api_is_served(const struct api_parent *p, const struct api_listener *l)
{
	return api_takes_routes(p, l) && !l->unsupported.reason && !l->refs.reason && p->services.n > 0;
}

/* ---- routes ---- */

const enum kind api_route_kinds[API_ROUTE_KINDS] = {KIND_HTTP_ROUTE, KIND_GRPC_ROUTE, KIND_TCP_ROUTE, KIND_TLS_ROUTE};

#define PARENTS_OF(route, type, n) (*(n) = object_spec(route, type)->n_parents, object_spec(route, type)->parents)

const struct gwapi_parent_ref *api_route_parents(const struct object *route, size_t *n)
{
	switch (route->kind) {
	case KIND_GRPC_ROUTE: return PARENTS_OF(route, gwapi_grpc_route, n);
	case KIND_TLS_ROUTE: return PARENTS_OF(route, gwapi_tls_route, n);
	case KIND_HTTP_ROUTE: return PARENTS_OF(route, gwapi_http_route, n);
	default: return PARENTS_OF(route, gwapi_l4_route, n);
	}
}

struct strs api_route_hosts(const struct object *route)
{
	static const char *const any[] = {"*"};
	struct strs hosts = {0};

	if (route->kind == KIND_HTTP_ROUTE)
		hosts = object_spec(route, gwapi_http_route)->hostnames;
	else if (route->kind == KIND_GRPC_ROUTE)
		hosts = object_spec(route, gwapi_grpc_route)->hostnames;
	else if (route->kind == KIND_TLS_ROUTE)
		hosts = object_spec(route, gwapi_tls_route)->hostnames;
	return hosts.n ? hosts : (struct strs){(const char **)any, 1};
}

const struct api_parent *api_parent_named(const struct snapshot *s, const struct object *route,
					  const struct gwapi_parent_ref *ref)
{
	enum kind kind;

	if (!is(ref->group, group, group))
		return NULL;
	if (is(ref->kind, "Gateway", "Gateway"))
		kind = KIND_GWAPI_GATEWAY;
	else if (is(ref->kind, "", "ListenerSet"))
		kind = KIND_LISTENER_SET;
	else
		return NULL;
	return api_parent_find(s, kind, ref->ns ? ref->ns : route->ns, ref->name);
}

static bool lets_in(const struct api_listener *l, const char *ns)
{
	return strs_has(&l->namespaces, "*") || strs_has(&l->namespaces, ns);
}

static bool shares_host(const struct api_listener *l, const struct object *route)
{
	struct strs hosts = api_route_hosts(route);

	for (size_t i = 0; i < hosts.n; i++)
		if (host_matches(l->host, hosts.v[i]))
			return true;
	return false;
}

/* Port and section first: where they differ, another listener is meant. */
struct api_fault api_refuses(const struct api_listener *l, const struct object *route, const struct gwapi_parent_ref *ref,
			     struct arena *a)
{
	if (ref->port.has && ref->port.v && ref->port.v != l->spec->port)
		return (struct api_fault){"NoMatchingParent", arena_printf(a, "no listener has port %u", ref->port.v)};
	if (ref->section_name && *ref->section_name && strcmp(ref->section_name, l->spec->name) != 0)
		return (struct api_fault){"NoMatchingParent", arena_printf(a, "no listener is named %s", ref->section_name)};
	if (!shares_host(l, route))
		return (struct api_fault){"NoMatchingListenerHostname",
					  arena_printf(a, "no host of the route is one of listener %s, which has %s", l->spec->name, l->host)};
	if (!lets_in(l, route->ns))
		return (struct api_fault){"NotAllowedByListeners",
					  arena_printf(a, "listener %s takes no route of namespace %s", l->spec->name, route->ns)};
	if (!(l->kinds & UINT64_C(1) << route->kind))
		return (struct api_fault){"NotAllowedByListeners",
					  arena_printf(a, "listener %s takes no %s", l->spec->name, kind_info(route->kind)->name)};
	return (struct api_fault){0};
}

/* What is most about the route itself is said; that another listener is meant, last. */
static int fault_rank(const char *reason)
{
	static const char *const order[] = {"NoMatchingParent", "NoMatchingListenerHostname", "NotAllowedByListeners"};

	for (size_t i = 0; reason && i < ARRAY_LEN(order); i++)
		if (strcmp(reason, order[i]) == 0)
			return (int)i + 1;
	return 0;
}

struct api_attachment api_attach(const struct api_parent *p, const struct object *route, const struct gwapi_parent_ref *ref,
				 struct arena *a)
{
	struct api_attachment out = {.fault = {"NoMatchingParent", "it has no listener that could take a route"}};
	int rank = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct api_fault f;

		if (!api_takes_routes(p, &p->listeners[i]))
			continue;
		f = api_refuses(&p->listeners[i], route, ref, a);
		out.n += !f.reason;
		if (fault_rank(f.reason) <= rank)
			continue;
		rank = fault_rank(f.reason);
		out.fault = f;
	}
	if (out.n)
		out.fault = (struct api_fault){0};
	return out;
}

/* Only a wildcard can have a host that another listener has more narrowly. */
bool api_is_isolated(const struct api_parent *p, const struct api_listener *l, const char *host)
{
	for (size_t i = 0; host_is_wildcard(l->host) && i < p->n; i++) {
		const struct api_listener *other = &p->listeners[i];

		if (other == l || other->conflict.reason || other->spec->port != l->spec->port ||
		    strcmp(other->spec->protocol, l->spec->protocol) != 0 || strcmp(other->host, l->host) == 0)
			continue;
		if (host_compare_specific(other->host, l->host) < 0 && host_subset_of(host, other->host))
			return true;
	}
	return false;
}
