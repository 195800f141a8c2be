/* SPDX-License-Identifier: Apache-2.0
 *
 * What VirtualServices refer to: hosts, subsets and ports of destinations, gateways; and whom they
 * compete with for a host.
 */
#include "analyze/analyze_int.h"

#include <string.h>

/* ---- destinations ---- */

static bool has_port(const struct svc *svc, uint32_t port)
{
	for (size_t i = 0; i < svc->n_ports; i++)
		if (svc->ports[i].port == port)
			return true;
	return false;
}

static const char *ports_of(const struct analysis *n, const struct svc *svc)
{
	const char *text = "";

	for (size_t i = 0; i < svc->n_ports; i++)
		text = arena_printf(n->a, "%s%s%u", text, i ? ", " : "", svc->ports[i].port);
	return text;
}

static void judge_subset(struct analysis *n, const struct object *o, const struct route_target *t,
			 const struct svc *svc)
{
	const struct dr *dr = analysis_rule(n, o->ns, svc);
	const struct subset *subset = analysis_subset(dr, t->to->subset);

	if (!subset)
		analysis_add(n, o, D_REFERENCE_MISSING, t->to->pos, arena_printf(n->a, "%s.subset", t->path),
			     "no DestinationRule of %s has a subset %s", svc->host, t->to->subset);
	else if (t->weight > 0 && !host_is_wildcard(svc->host) &&
		 !analysis_has_endpoints(n, svc, &subset->labels))
		analysis_add(n, o, D_WEIGHT_TO_NOBODY, t->to->pos, t->path, "subset %s of %s has no endpoints",
			     t->to->subset, svc->host);
}

static void judge_target(struct analysis *n, const struct object *o, const struct route_target *t)
{
	const struct svc *svc = analysis_service(n, o->ns, t->to->host);

	if (!svc && analysis_is_refused(n, o->ns, t->to->host))
		return;
	if (!svc) {
		analysis_add(n, o, D_REFERENCE_MISSING, t->to->pos, arena_printf(n->a, "%s.host", t->path),
			     "no service has the host %s", host_resolve(t->to->host, o->ns, n->s->domain, n->a));
		return;
	}
	if (t->to->subset && *t->to->subset)
		judge_subset(n, o, t, svc);
	if (!t->to->port || !t->to->port->number) {
		if (svc->n_ports > 1)
			analysis_add(n, o, D_DESTINATION_PORT_NEEDED, t->to->pos, t->path,
				     "%s has the ports %s, and the destination names none", svc->host, ports_of(n, svc));
	} else if (!has_port(svc, t->to->port->number)) {
		analysis_add(n, o, D_REFERENCE_MISSING, t->to->port->pos, arena_printf(n->a, "%s.port", t->path),
			     "%s has no port %u, but %s", svc->host, t->to->port->number, ports_of(n, svc));
	}
}

/* ---- subsets that a gateway does not follow ---- */

/* A VirtualService that chooses a subset of its very host, by the host; one a VirtualService. */
struct choice {
	const struct object *vs;
	const char *subset;
	struct choice *next;
};

static void collect_choices(struct analysis *n, struct map *choices)
{
	for (size_t i = 0; i < n->s->n_vss; i++) {
		const struct vs *vs = n->s->vss[i];

		for (size_t r = 0; r < vs->spec->n_http; r++) {
			for (size_t k = 0; k < vs->spec->http[r].n_route; k++) {
				const struct destination *d = vs->spec->http[r].route[k].destination;
				const char *host;
				struct choice *c;
				void **slot;

				if (!d || !d->host || !d->subset || !*d->subset)
					continue;
				host = host_resolve(d->host, vs->obj->ns, n->s->domain, n->a);
				if (!strs_has(&vs->hosts, host))
					continue;
				slot = map_slot(choices, host);
				if (*slot && ((struct choice *)*slot)->vs == vs->obj)
					continue;
				c = arena_new(n->a, struct choice);
				*c = (struct choice){vs->obj, d->subset, *slot};
				*slot = c;
			}
		}
	}
}

static void judge_choices(struct analysis *n, const struct object *o, const struct map *choices)
{
	const struct virtual_service *spec = object_spec(o, virtual_service);

	for (size_t r = 0; spec->gateways.n && r < spec->n_http; r++) {
		for (size_t k = 0; k < spec->http[r].n_route; k++) {
			const struct destination *d = spec->http[r].route[k].destination;

			if (!d || !d->host || (d->subset && *d->subset))
				continue;
			for (const struct choice *c = map_get(choices, host_resolve(d->host, o->ns, n->s->domain, n->a)); c;
			     c = c->next) {
				if (c->vs == o)
					continue;
				analysis_add(n, o, D_SUBSET_NOT_AT_GATEWAY, d->pos,
					     arena_printf(n->a, "spec.http[%zu].route[%zu].destination", r, k),
					     "subset %s, which VirtualService %s chooses for %s, does not apply here",
					     c->subset, analysis_name(n, c->vs), d->host);
			}
		}
	}
}

/* ---- gateways ---- */

static bool serves(const struct analysis *n, const struct object *gw, const char *ns, const char *host)
{
	const struct gateway *spec = object_spec(gw, gateway);

	for (size_t i = 0; i < spec->n_servers; i++) {
		for (size_t k = 0; k < spec->servers[i].hosts.n; k++) {
			const char *h = spec->servers[i].hosts.v[k], *slash = strchr(h, '/');
			const char *from = slash ? arena_strndup(n->a, h, (size_t)(slash - h)) : "*";

			if (strcmp(from, "*") != 0 && strcmp(strcmp(from, ".") ? from : gw->ns, ns) != 0)
				continue;
			if (host_matches(slash ? slash + 1 : h, host))
				return true;
		}
	}
	return false;
}

static const struct object *gateway_of(const struct analysis *n, const char *name)
{
	const char *slash = strchr(name, '/');

	return slash ? analysis_object(n, KIND_GATEWAY, arena_strndup(n->a, name, (size_t)(slash - name)), slash + 1)
		     : NULL;
}

static bool serves_any(const struct analysis *n, const struct object *gw, const struct object *o)
{
	const struct virtual_service *spec = object_spec(o, virtual_service);

	for (size_t h = 0; gw && h < spec->hosts.n; h++)
		if (serves(n, gw, o->ns, spec->hosts.v[h]))
			return true;
	return false;
}

static void judge_gateway(struct analysis *n, const struct object *o, size_t i)
{
	const struct virtual_service *spec = object_spec(o, virtual_service);
	const char *name = vs_resolve_gateway(spec->gateways.v[i], o->ns, n->a);
	const char *path = arena_printf(n->a, "spec.gateways[%zu]", i);
	const struct object *gw = gateway_of(n, name);

	if (!strcmp(name, "mesh"))
		return;
	if (strstr(name, "-istio-autogenerated-k8s-gateway")) {
		analysis_add(n, o, D_GATEWAY_INTERNAL, (struct pos){0}, path, "Gateway %s was generated", name);
		return;
	}
	if (!gw)
		analysis_add(n, o, D_REFERENCE_MISSING, (struct pos){0}, path, "there is no Gateway %s", name);
	if (!serves_any(n, gw, o))
		analysis_add(n, o, D_GATEWAY_HOST_MISSING, (struct pos){0}, path, "Gateway %s serves none of the hosts", name);
}

/* A host that no gateway serves while others of the object are served. */
static void judge_unserved(struct analysis *n, const struct object *o)
{
	const struct virtual_service *spec = object_spec(o, virtual_service);
	bool any = false;

	for (size_t i = 0; i < spec->gateways.n; i++) {
		const char *name = vs_resolve_gateway(spec->gateways.v[i], o->ns, n->a);

		if (!strcmp(name, "mesh"))
			return;
		any = any || serves_any(n, gateway_of(n, name), o);
	}
	for (size_t h = 0; any && h < spec->hosts.n; h++) {
		bool served = false;

		for (size_t i = 0; i < spec->gateways.n && !served; i++) {
			const struct object *gw = gateway_of(n, vs_resolve_gateway(spec->gateways.v[i], o->ns, n->a));

			served = gw && serves(n, gw, o->ns, spec->hosts.v[h]);
		}
		if (!served)
			analysis_add(n, o, D_HOST_AT_NO_GATEWAY, (struct pos){0}, arena_printf(n->a, "spec.hosts[%zu]", h),
				     "no Gateway of the list serves %s", spec->hosts.v[h]);
	}
}

/* ---- hosts ---- */

enum { OWNERS_NAMED = 10 };	/* of those that compete; the others are counted */

struct owner {
	const struct vs *vs;
	struct owner *next;
	size_t n;		/* owners from here on */
};

/* The namespaces that a VirtualService takes effect in, "*" for all. */
static size_t scopes_of(const struct vs *vs, const char **out)
{
	size_t n = 0;

	if (vs->export_to.none)
		return 0;
	if (vs->export_to.all)
		out[n++] = "*";
	for (size_t i = 0; !vs->export_to.all && i < vs->export_to.ns.n; i++)
		out[n++] = vs->export_to.ns.v[i];
	if (!vs->export_to.all && vs->export_to.own && !strs_has(&vs->export_to.ns, vs->obj->ns))
		out[n++] = vs->obj->ns;
	return n;
}

static void judge_owner(struct analysis *n, const struct vs *vs, size_t h, const char *scope, const struct owner *all)
{
	const char *names = NULL;
	size_t named = 0;

	for (const struct owner *o = all; o && named < OWNERS_NAMED; o = o->next) {
		if (o->vs == vs)
			continue;
		names = names ? arena_printf(n->a, "%s, %s", names, analysis_name(n, o->vs->obj))
			      : analysis_name(n, o->vs->obj);
		named++;
	}
	if (all->n > named + 1)
		names = arena_printf(n->a, "%s and %zu more", names, all->n - 1 - named);
	if (names)
		analysis_add(n, vs->obj, D_HOST_CONFLICT, (struct pos){0}, arena_printf(n->a, "spec.hosts[%zu]", h),
			     "%s is routed by VirtualService %s too, in %s", vs->hosts.v[h], names,
			     strcmp(scope, "*") ? arena_printf(n->a, "namespace %s", scope) : "all namespaces");
}

/* judge: the second round, when all owners are known. */
static void each_host(struct analysis *n, struct map *owners, bool judge)
{
	for (size_t i = 0; i < n->s->n_vss; i++) {
		const struct vs *vs = n->s->vss[i];
		const char **scopes = arena_array(n->a, const char *, vs->export_to.ns.n + 2);
		bool in_mesh = vs->obj->kind == KIND_VIRTUAL_SERVICE && strs_has(&vs->gateways, "mesh");
		size_t n_scopes = in_mesh ? scopes_of(vs, scopes) : 0;

		for (size_t k = 0; k < n_scopes; k++) {
			for (size_t h = 0; h < vs->hosts.n; h++) {
				void **slot = map_slot(owners, arena_printf(n->a, "%s/%s", scopes[k], vs->hosts.v[h]));

				if (judge) {
					judge_owner(n, vs, h, scopes[k], *slot);
				} else {
					struct owner *o = arena_new(n->a, struct owner);

					*o = (struct owner){vs, *slot, *slot ? ((struct owner *)*slot)->n + 1 : 1};
					*slot = o;
				}
			}
		}
	}
}

static void judge_deprecated(struct analysis *n, const struct object *o)
{
	const struct virtual_service *spec = object_spec(o, virtual_service);

	for (size_t i = 0; i < spec->n_http; i++) {
		const struct fault_delay *delay = spec->http[i].fault ? spec->http[i].fault->delay : NULL;

		if (delay && delay->percent > 0)
			analysis_add(n, o, D_DEPRECATED, delay->pos,
				     arena_printf(n->a, "spec.http[%zu].fault.delay.percent", i),
				     "percent is deprecated; use percentage");
	}
}

void analyze_virtual_services(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_VIRTUAL_SERVICE);
	struct map owners, choices;

	map_init(&owners, n->a);
	map_init(&choices, n->a);
	each_host(n, &owners, false);
	each_host(n, &owners, true);
	collect_choices(n, &choices);
	for (size_t i = 0; i < list->n; i++) {
		const struct object *o = list->v[i];
		const struct virtual_service *spec = object_spec(o, virtual_service);

		judge_deprecated(n, o);
		if (n->has_services)
			analysis_each_target(n, o, judge_target);
		judge_choices(n, o, &choices);
		for (size_t k = 0; k < spec->gateways.n; k++)
			judge_gateway(n, o, k);
		judge_unserved(n, o);
	}
}
