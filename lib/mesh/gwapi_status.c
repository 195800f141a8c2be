/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/gwapi_status.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/must.h"
#include "base/vec.h"
#include "mesh/backend_tls.h"
#include "mesh/snapshot_gwapi_int.h"
#include "model/kube.h"

struct making {
	const struct snapshot *s;
	bool deployed;
	struct arena *arena;
	VEC(struct api_status) v;
	size_t **attached;		/* by parent, then listener: routes */
	struct map ancestors;		/* Service "ns/name" -> struct ancestors */
};

static void say(struct api_conditions *c, const char *type, bool is_true, const char *reason, const char *message)
{
	must(c->n < API_CONDITIONS_MAX);
	c->v[c->n++] = (struct api_condition){type, reason, message, is_true};
}

/* True with the reason of the type's own name, or false with the fault's. */
static void say_unless(struct api_conditions *c, const char *type, const struct api_fault *f, const char *good)
{
	say(c, type, !f->reason, f->reason ? f->reason : type, f->reason ? f->text : good);
}

/* ---- routes ---- */

static void count_attached(struct making *m, const struct api_parent *p, const struct object *route,
			   const struct gwapi_parent_ref *parents, size_t n)
{
	for (size_t k = 0; k < p->n; k++) {
		bool takes = false;

		for (size_t i = 0; i < n && !takes; i++)
			takes = api_parent_named(m->s, route, &parents[i]) == p && api_takes_routes(p, &p->listeners[k]) &&
				!api_refuses(&p->listeners[k], route, &parents[i], m->arena).reason;
		m->attached[p - m->s->api->v][k] += takes;
	}
}

/* Several refs may name one parent. */
static bool is_first_of_parent(const struct making *m, const struct object *route, const struct gwapi_parent_ref *parents, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (api_parent_named(m->s, route, &parents[i]) == api_parent_named(m->s, route, &parents[at]))
			return false;
	return true;
}

static bool is_service_ref(const struct gwapi_parent_ref *ref)
{
	return ref->kind && strncmp(ref->kind, "Service", 7) == 0;
}

/* False: nothing is said, for the parent may be another controller's. */
static bool ref_status(const struct making *m, const struct object *route, const struct gwapi_parent_ref *ref,
		       struct api_ref_status *out)
{
	struct gwapi_parent_found p = gwapi_parent_find(m->s, route, ref, m->arena);
	struct gwapi_conversion c = {.route = route, .s = m->s, .at_gateway = p.what == PARENT_GATEWAY, .arena = m->arena};
	struct api_fault accepted = {0}, refs;

	*out = (struct api_ref_status){.group = ref->group,
				       .kind = ref->kind,
				       .ns = ref->ns,
				       .name = ref->name,
				       .section_name = ref->section_name,
				       .port = ref->port,
				       .controller = API_CONTROLLER_NAME};
	if (p.what == PARENT_GATEWAY) {
		if (p.gateway->controller != API_GATEWAY)
			return false;
		accepted = api_attach(p.gateway, route, ref, m->arena).fault;
	} else if (p.what == PARENT_MISSING && is_service_ref(ref)) {
		accepted = (struct api_fault){"NoMatchingParent", arena_printf(m->arena, "%s %s does not exist", ref->kind, ref->name)};
	} else if (p.what != PARENT_SERVICE) {
		return false;
	}
	refs = gwapi_refs_fault(&c);
	say_unless(&out->conditions, "Accepted", &accepted, "the route is attached");
	say_unless(&out->conditions, "ResolvedRefs", &refs, "all references are resolved");
	return true;
}

static void add_route(struct making *m, const struct object *route)
{
	size_t n;
	const struct gwapi_parent_ref *parents = api_route_parents(route, &n);
	struct api_ref_status *refs = arena_array(m->arena, struct api_ref_status, n);
	struct api_status st = {.obj = route, .has_refs = true, .refs = refs};

	for (size_t i = 0; i < n; i++) {
		const struct api_parent *p = api_parent_named(m->s, route, &parents[i]);

		if (p && is_first_of_parent(m, route, parents, i))
			count_attached(m, p, route, parents, n);
		st.n_refs += ref_status(m, route, &parents[i], &refs[st.n_refs]);
	}
	*vec_push(&m->v, m->arena) = st;
}

static void add_routes(struct making *m)
{
	m->attached = arena_array(m->arena, size_t *, m->s->api->n);
	for (size_t i = 0; i < m->s->api->n; i++)
		m->attached[i] = arena_array(m->arena, size_t, m->s->api->v[i].n);
	for (size_t k = 0; k < API_ROUTE_KINDS; k++) {
		const struct kind_list *all = m->s->objects.kind[api_route_kinds[k]];

		for (size_t i = 0; i < all->n; i++)
			add_route(m, all->v[i]);
	}
}

/* ---- listeners ---- */

static bool is_accepted(const struct api_listener *l)
{
	return !l->conflict.reason && !l->unsupported.reason;
}

static struct api_fault accepted_fault(const struct api_listener *l)
{
	return l->conflict.reason ? l->conflict : l->unsupported;
}

static struct api_fault refs_fault(const struct api_listener *l)
{
	return l->wrong_kinds ? (struct api_fault){"InvalidRouteKinds", "it takes no routes of a kind that is named"} : l->refs;
}

static const struct api_fault not_compiled = {"Pending", "waypoints are checked, and nothing is compiled of them here"};

static struct api_fault programmed_fault(const struct api_parent *p, const struct api_listener *l)
{
	struct api_fault f = accepted_fault(l);

	if (l->conflict.reason)
		return f;
	f = f.reason ? f : l->refs;
	if (f.reason)
		return (struct api_fault){"Invalid", f.text};
	if (p->controller == API_WAYPOINT)
		return not_compiled;
	return p->services.n ? f : (struct api_fault){"Pending", "no proxy serves the Gateway"};
}

static struct api_listener_status listener_status(const struct api_parent *p, const struct api_listener *l, size_t attached)
{
	struct api_listener_status st = {.name = l->spec->name, .kinds = l->kinds, .attached_routes = attached};
	struct api_fault accepted = accepted_fault(l), programmed = programmed_fault(p, l), refs = refs_fault(l);
	bool conflicted = l->conflict.reason;

	say_unless(&st.conditions, "Accepted", &accepted, "nothing is wrong with it");
	say(&st.conditions, "Conflicted", conflicted, conflicted ? l->conflict.reason : "NoConflicts",
	    conflicted ? l->conflict.text : "no other listener has its place");
	say_unless(&st.conditions, "Programmed", &programmed, "proxies are told to listen");
	say_unless(&st.conditions, "ResolvedRefs", &refs, "all references are resolved");
	return st;
}

static void add_listeners(const struct making *m, const struct api_parent *p, struct api_status *st)
{
	struct api_listener_status *v = arena_array(m->arena, struct api_listener_status, p->n);

	st->has_listeners = true;
	for (size_t i = 0; i < p->n; i++)
		v[i] = listener_status(p, &p->listeners[i], m->attached[p - m->s->api->v][i]);
	st->listeners = v;
	st->n_listeners = p->n;
}

/* ---- addresses ---- */

static const struct svc *service_of(const struct snapshot *s, const char *host)
{
	size_t first;

	return snapshot_svcs_of(s, host, &first) ? s->svcs[first] : NULL;
}

static const struct k_load_balancer *balancer_of(const struct svc *svc)
{
	const struct k_service *k = svc->is_kube ? object_spec(svc->obj, k_service) : NULL;

	return k && k->status ? k->status->load_balancer : NULL;
}

static bool awaits_balancer(const struct svc *svc)
{
	const struct k_service *k = svc->is_kube ? object_spec(svc->obj, k_service) : NULL;
	const struct k_load_balancer *lb = balancer_of(svc);

	return k && k->spec && k->spec->type && strcmp(k->spec->type, "LoadBalancer") == 0 && (!lb || !lb->n_ingress);
}

static struct api_fault reach_fault(const struct making *m, const struct api_parent *p)
{
	if (!p->services.n)
		return (struct api_fault){"AddressNotUsable", "none of the addresses asked for can be had"};
	for (size_t i = 0; i < p->services.n; i++) {
		const char *host = p->services.v[i];
		const struct svc *svc = service_of(m->s, host);

		if (!svc && !(p->managed && m->deployed))
			return (struct api_fault){p->managed ? "AddressNotAssigned" : "AddressNotUsable",
						  arena_printf(m->arena, "there is no Service %s", host)};
		if (svc && awaits_balancer(svc))
			return (struct api_fault){"AddressNotAssigned", arena_printf(m->arena, "Service %s has no address yet", host)};
	}
	return (struct api_fault){0};
}

/* Those from outside; without any, the host names of the Services. */
static struct strs addresses_of(const struct making *m, const struct api_parent *p)
{
	VEC(const char *) outside = {0}, inside = {0};

	for (size_t i = 0; i < p->services.n; i++) {
		const struct svc *svc = service_of(m->s, p->services.v[i]);
		const struct k_load_balancer *lb = svc ? balancer_of(svc) : NULL;

		for (size_t k = 0; lb && k < lb->n_ingress; k++) {
			const char *address = lb->ingress[k].ip ? lb->ingress[k].ip : lb->ingress[k].hostname;

			if (address)
				*vec_push(&outside, m->arena) = address;
		}
		if (svc ? !awaits_balancer(svc) : p->managed && m->deployed)
			*vec_push(&inside, m->arena) = p->services.v[i];
	}
	return outside.n ? (struct strs){outside.v, outside.n} : (struct strs){inside.v, inside.n};
}

static struct strs addresses_asked_for(const struct making *m, const struct object *gateway)
{
	const struct gwapi_gateway *g = object_spec(gateway, gwapi_gateway);
	const char **v = arena_array(m->arena, const char *, g->n_addresses);
	size_t n = 0;

	for (size_t i = 0; i < g->n_addresses; i++)
		if (g->addresses[i].value)
			v[n++] = g->addresses[i].value;
	return (struct strs){v, n};
}

/* ---- Gateways and ListenerSets ---- */

struct listener_count {
	size_t accepted, programmed;
};

static struct listener_count count_listeners(const struct api_parent *p)
{
	struct listener_count n = {0};

	for (size_t i = 0; i < p->n; i++) {
		n.accepted += is_accepted(&p->listeners[i]);
		n.programmed += !programmed_fault(p, &p->listeners[i]).reason;
	}
	return n;
}

/* Without a good listener it is not accepted; with some, it is, and the reason tells of the others. */
static void say_accepted(const struct api_parent *p, struct api_conditions *c)
{
	struct listener_count n = count_listeners(p);

	if (p->fault.reason || p->parameters.reason)
		say_unless(c, "Accepted", p->fault.reason ? &p->fault : &p->parameters, "");
	else if (n.accepted < p->n)
		say(c, "Accepted", n.accepted > 0, "ListenersNotValid",
		    n.accepted ? "some of its listeners are not accepted" : "none of its listeners is accepted");
	else
		say(c, "Accepted", true, "Accepted", "nothing is wrong with it");
}

static void say_programmed(const struct making *m, const struct api_parent *p, const char *none, struct api_conditions *c)
{
	struct api_fault f = p->fault.reason && p->obj != p->gateway ? p->fault : (struct api_fault){0};

	if (!f.reason && p->controller == API_WAYPOINT)
		f = not_compiled;
	if (!f.reason && !p->services.n)
		f = reach_fault(m, p);
	if (!f.reason && p->n && !count_listeners(p).programmed)
		f = (struct api_fault){none, "none of its listeners is in force"};
	if (!f.reason)
		f = reach_fault(m, p);
	say_unless(c, "Programmed", &f, "proxies are told of it");
}

static size_t accepted_sets(const struct making *m, const struct object *gateway)
{
	const struct api_parents *all = m->s->api;
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += all->v[i].obj != gateway && all->v[i].gateway == gateway && !all->v[i].fault.reason &&
		     count_listeners(&all->v[i]).accepted > 0;
	return n;
}

static void add_remote(struct making *m, const struct api_parent *p)
{
	struct api_status st = {.obj = p->obj, .has_listeners = true, .addresses = addresses_asked_for(m, p->obj)};

	say(&st.conditions, "Accepted", true, "Accepted", "nothing is wrong with it");
	say(&st.conditions, "Programmed", true, "Programmed", "it is another cluster's, and nothing is compiled of it");
	*vec_push(&m->v, m->arena) = st;
}

static bool is_insecure(const struct gwapi_frontend_tls *tls)
{
	return tls && tls->validation && tls->validation->mode == GWAPI_CLIENTS_AllowInsecureFallback;
}

static bool lets_strangers_in(const struct gwapi_gateway *g)
{
	const struct gwapi_frontend *frontend = g->tls ? g->tls->frontend : NULL;

	for (size_t i = 0; frontend && i < frontend->n_per_port; i++)
		if (is_insecure(frontend->per_port[i].tls))
			return true;
	return frontend && is_insecure(frontend->fallback);
}

static void add_gateway(struct making *m, const struct api_parent *p)
{
	struct api_status st = {.obj = p->obj, .addresses = addresses_of(m, p)};

	add_listeners(m, p, &st);
	say_accepted(p, &st.conditions);
	say_programmed(m, p, "Invalid", &st.conditions);
	say_unless(&st.conditions, "ResolvedRefs", &p->client_cert, "all references are resolved");
	st.attached_sets = accepted_sets(m, p->obj);
	if (object_spec(p->obj, gwapi_gateway)->allowed_listeners)
		say(&st.conditions, "AttachedListenerSets", st.attached_sets > 0, st.attached_sets ? "ListenersAttached" : "NoListenersAttached",
		    arena_printf(m->arena, "%zu ListenerSets are attached", st.attached_sets));
	if (lets_strangers_in(object_spec(p->obj, gwapi_gateway)))
		say(&st.conditions, "InsecureFrontendValidationMode", true, "ConfigurationChanged",
		    "clients without a valid certificate are let in");
	*vec_push(&m->v, m->arena) = st;
}

static void add_set(struct making *m, const struct api_parent *p)
{
	struct api_status st = {.obj = p->obj};

	add_listeners(m, p, &st);
	say_accepted(p, &st.conditions);
	say_programmed(m, p, "ListenersNotValid", &st.conditions);
	*vec_push(&m->v, m->arena) = st;
}

static void add_classes(struct making *m)
{
	const struct kind_list *all = m->s->objects.kind[KIND_GATEWAY_CLASS];

	for (size_t i = 0; i < all->n; i++) {
		struct api_status st = {.obj = all->v[i]};

		if (api_controller_named(object_spec(all->v[i], gwapi_gateway_class)->controller_name) == API_NOT_OURS)
			continue;
		say(&st.conditions, "Accepted", true, "Accepted", "the class is this mesh's");
		*vec_push(&m->v, m->arena) = st;
	}
}

/* ---- BackendTLSPolicies ---- */

static void say_policy(struct api_conditions *c, const struct api_fault *target, const struct backend_tls *tls)
{
	say_unless(c, "Accepted", target->reason ? target : &tls->accepted, "nothing is wrong with it");
	say_unless(c, "ResolvedRefs", &tls->refs, "all references are resolved");
}

/* Gateways whose routes lead to a Service, each once. */
struct ancestors {
	VEC(const struct api_parent *) v;
};

static void add_ancestor(struct ancestors *all, const struct api_parent *p, struct arena *a)
{
	for (size_t i = 0; i < all->v.n; i++)
		if (all->v.v[i] == p)
			return;
	*vec_push(&all->v, a) = p;
}

static void note_backend(struct making *m, const struct gwapi_backend_at *b, const struct object *route, const struct api_parent *p)
{
	void **slot;

	if ((b->group && *b->group) || (b->kind && strcmp(b->kind, "Service") != 0))
		return;
	slot = map_slot(&m->ancestors, arena_printf(m->arena, "%s/%s", b->ns ? b->ns : route->ns, b->name));
	if (!*slot)
		*slot = arena_new(m->arena, struct ancestors);
	add_ancestor(*slot, p, m->arena);
}

static void note_backends(struct making *m, const struct object *route)
{
	struct gwapi_backends backends = {0};
	size_t n;
	const struct gwapi_parent_ref *parents = api_route_parents(route, &n);

	gwapi_backends_of(route, m->arena, &backends);
	for (size_t i = 0; i < n; i++) {
		const struct api_parent *p = api_parent_named(m->s, route, &parents[i]);

		if (!p || p->controller != API_GATEWAY)
			continue;
		p = api_parent_of(m->s, p->gateway);
		for (size_t k = 0; k < backends.v.n; k++)
			note_backend(m, &backends.v.v[k], route, p);
	}
}

static int compare_parent(const void *a, const void *b)
{
	return object_compare((*(const struct api_parent *const *)a)->obj, (*(const struct api_parent *const *)b)->obj);
}

static struct ancestors ancestors_of(const struct making *m, const struct object *policy)
{
	const struct gwapi_backend_tls_policy *spec = object_spec(policy, gwapi_backend_tls_policy);
	struct ancestors out = {0};

	for (size_t i = 0; i < spec->n_targets; i++) {
		const struct ancestors *some = map_get(&m->ancestors, arena_printf(m->arena, "%s/%s", policy->ns, spec->targets[i].name));

		for (size_t k = 0; some && k < some->v.n; k++)
			add_ancestor(&out, some->v.v[k], m->arena);
	}
	if (out.v.n)
		qsort(out.v.v, out.v.n, sizeof(out.v.v[0]), compare_parent);
	return out;
}

/* Its targets, for the mesh, then the Gateways; the API has room for so many. */
static void add_policy(struct making *m, const struct object *policy)
{
	enum { ANCESTORS_MAX = 16 };
	static const char group[] = "gateway.networking.k8s.io";
	const struct gwapi_backend_tls_policy *spec = object_spec(policy, gwapi_backend_tls_policy);
	struct backend_tls tls = backend_tls_of(m->s, policy, m->arena);
	struct ancestors gateways = ancestors_of(m, policy);
	struct api_ref_status *refs = arena_array(m->arena, struct api_ref_status, ANCESTORS_MAX);
	struct api_status st = {.obj = policy, .has_refs = true, .refs = refs};
	struct api_fault all = {0};	/* no target is one */
	bool some = false;

	for (size_t i = 0; i < spec->n_targets && st.n_refs < ANCESTORS_MAX; i++) {
		const struct gwapi_target *t = &spec->targets[i];
		const struct object *svc;
		uint32_t port;
		struct api_fault f = backend_tls_target(m->s, policy, t, &svc, &port, m->arena);
		struct api_ref_status *r = &refs[st.n_refs++];

		some = some || !f.reason;
		all = some ? (struct api_fault){0} : f;
		*r = (struct api_ref_status){.group = t->group, .kind = t->kind, .name = t->name, .section_name = t->section_name,
					     .controller = "istio.io/mesh-controller"};
		say_policy(&r->conditions, &f, &tls);
	}
	for (size_t i = 0; i < gateways.v.n && st.n_refs < ANCESTORS_MAX; i++) {
		const struct object *gw = gateways.v.v[i]->obj;
		struct api_ref_status *r = &refs[st.n_refs++];

		*r = (struct api_ref_status){.group = group, .kind = "Gateway", .name = gw->name, .controller = API_CONTROLLER_NAME};
		r->ns = strcmp(gw->ns, policy->ns) != 0 ? gw->ns : NULL;
		say_policy(&r->conditions, &all, &tls);
	}
	*vec_push(&m->v, m->arena) = st;
}

static void add_policies(struct making *m)
{
	const struct kind_list *all = m->s->objects.kind[KIND_BACKEND_TLS_POLICY];

	map_init(&m->ancestors, m->arena);
	for (size_t k = 0; all->n && k < API_ROUTE_KINDS; k++) {
		const struct kind_list *routes = m->s->objects.kind[api_route_kinds[k]];

		for (size_t i = 0; i < routes->n; i++)
			note_backends(m, routes->v[i]);
	}
	for (size_t i = 0; i < all->n; i++)
		add_policy(m, all->v[i]);
}

/* Kinds in their order: routes, classes, Gateways, ListenerSets, policies. */
void api_statuses_build(const struct snapshot *s, bool deployed, struct arena *a, struct api_statuses *out)
{
	struct making m = {.s = s, .deployed = deployed, .arena = a};

	add_routes(&m);
	add_classes(&m);
	for (size_t i = 0; i < s->api->n; i++) {
		const struct api_parent *p = &s->api->v[i];

		if (p->controller == API_REMOTE && p->obj == p->gateway)
			add_remote(&m, p);
		else if (p->obj == p->gateway)
			add_gateway(&m, p);
		else
			add_set(&m, p);
	}
	add_policies(&m);
	*out = (struct api_statuses){m.v.v, m.v.n};
}
