/* SPDX-License-Identifier: Apache-2.0
 *
 * What verdicts say of the Gateway API: of routes, their parents and backends; of Gateways, ListenerSets and classes.
 */
#include "mesh/backend_tls.h"
#include "mesh/snapshot_gwapi_int.h"
#include "mesh/snapshot_verdict_int.h"

#include <string.h>

/* ---- routes ---- */

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

	if (what == PARENT_MISSING)
		return arena_printf(t->arena, "%s %s/%s does not exist%s", kind, ns, p->name,
				    strncmp(kind, "Service", 7) == 0 ? "" : ", or is none of this mesh's");
	return arena_printf(t->arena, "a route has no parent of kind %s", kind);
}

/* One parentRef: is the route attached, and if not, why. */
struct told_parent {
	bool attached, at_gateway;
	enum diag_code code;
	const char *text;
};

static struct told_parent look_at_parent(const struct telling *t, const struct gwapi_parent_ref *ref)
{
	struct gwapi_parent_found p = gwapi_parent_find(t->b->s, t->route, ref, t->arena);
	struct api_attachment at;

	if (p.what == PARENT_SERVICE)
		return (struct told_parent){.attached = true};
	if (p.what != PARENT_GATEWAY)
		return (struct told_parent){.code = D_ROUTE_PARENT_UNKNOWN, .text = parent_text(t, ref, p.what)};
	at = api_attach(p.gateway, t->route, ref, t->arena);
	return (struct told_parent){at.n > 0, at.n > 0, D_ROUTE_NOT_TAKEN, at.fault.text};
}

/* How many parents it is attached to. */
static size_t tell_parents(struct telling *t, bool *at_gateway)
{
	size_t n, attached = 0;
	const struct gwapi_parent_ref *parents = api_route_parents(t->route, &n);
	struct told_parent *v = arena_array(t->arena, struct told_parent, n);

	*at_gateway = false;
	for (size_t i = 0; i < n; i++) {
		v[i] = look_at_parent(t, &parents[i]);
		attached += v[i].attached;
		*at_gateway = *at_gateway || v[i].at_gateway;
	}
	for (size_t i = 0; i < n; i++)
		if (!v[i].attached)
			tell(t, attached ? VERDICT_PARTLY : VERDICT_UNATTACHED, v[i].code,
			     arena_printf(t->arena, "spec.parentRefs[%zu]", i), v[i].text);
	if (!n)
		tell(t, VERDICT_UNATTACHED, D_ROUTE_PARENT_UNKNOWN, "spec.parentRefs", "the route has no parent");
	return attached;
}

static void tell_backends(struct telling *t, const struct gwapi_conversion *c)
{
	struct gwapi_backends backends = {0};

	gwapi_backends_of(t->route, t->arena, &backends);
	for (size_t i = 0; i < backends.v.n; i++) {
		const struct gwapi_backend_at *b = &backends.v.v[i];
		struct api_fault f = gwapi_backend_fault(c, b);
		bool forbidden = f.reason && strcmp(f.reason, "RefNotPermitted") == 0;

		if (f.reason)
			tell(t, VERDICT_PARTLY, forbidden ? D_ROUTE_REF_FORBIDDEN : D_VS_DESTINATION_UNKNOWN, b->path,
			     arena_printf(t->arena, "%s: %s", f.text, b->is_mirror ? "no copies are sent" : "its share fails"));
	}
}

const struct finding *gwapi_findings(const struct builder *b, const struct object *route, struct arena *a)
{
	struct telling t = {.b = b, .route = route, .arena = a};
	struct gwapi_conversion c = {.route = route, .s = b->s, .arena = a};
	struct api_fault why;
	const char *path;

	if (!tell_parents(&t, &c.at_gateway))
		return t.holder.findings;
	why = gwapi_refusal(&c, &path);
	if (why.reason)
		tell(&t, VERDICT_QUARANTINED, D_ROUTE_REFUSED, path, why.text);
	else
		tell_backends(&t, &c);
	return t.holder.findings;
}

/* ---- Gateways and ListenerSets ---- */

static void judge_listener(struct judging *g, const struct api_parent *p, const struct api_listener *l, enum verdict_state state)
{
	const struct api_fault *faults[] = {&l->conflict, &l->unsupported, &l->refs};
	const char *path = arena_printf(g->arena, "spec.listeners[%zu]", l->index);

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i]->reason)
			verdict_judge(g, p->obj, state, D_API_GATEWAY_PART, path, "listener %s is out of force: %s", l->spec->name,
				      faults[i]->text);
	if (l->wrong_kinds)
		verdict_judge(g, p->obj, VERDICT_PARTLY, D_API_GATEWAY_PART,
			      arena_printf(g->arena, "%s.allowedRoutes.kinds", path), "listener %s takes no routes of a kind that is named",
			      l->spec->name);
}

static void judge_parent(struct judging *g, const struct api_parent *p)
{
	enum verdict_state state = VERDICT_UNATTACHED;

	if (p->controller != API_GATEWAY) {
		verdict_judge(g, p->obj, VERDICT_UNATTACHED, p->controller == API_REMOTE ? D_API_NOT_OURS : D_KIND_PENDING,
			      "spec.gatewayClassName", "%s",
			      p->controller == API_REMOTE ? "it is another cluster's: nothing is compiled of it"
							  : "a waypoint is checked, but nothing is compiled of it here");
		return;
	}
	for (size_t i = 0; i < p->n; i++)
		if (api_is_served(p, &p->listeners[i]))
			state = VERDICT_PARTLY;
	if (p->fault.reason)
		verdict_judge(g, p->obj, p->services.n ? VERDICT_PARTLY : VERDICT_UNATTACHED, D_API_GATEWAY_PART, "spec.addresses", "%s",
			      p->fault.text);
	if (p->parameters.reason)
		verdict_judge(g, p->obj, VERDICT_PARTLY, D_API_GATEWAY_PART, "spec.infrastructure.parametersRef", "%s", p->parameters.text);
	if (p->client_cert.reason)
		verdict_judge(g, p->obj, VERDICT_PARTLY, D_API_GATEWAY_PART, "spec.tls.backend.clientCertificateRef", "%s",
			      p->client_cert.text);
	for (size_t i = 0; i < p->n; i++)
		judge_listener(g, p, &p->listeners[i], state);
}

void judge_api_gateways(struct judging *g)
{
	for (size_t i = 0; i < g->list->n; i++) {
		const struct object *o = g->list->v[i];
		const struct api_parent *p = api_parent_of(g->b->s, o);

		if (p)
			judge_parent(g, p);
		else
			verdict_judge(g, o, VERDICT_UNATTACHED, D_API_NOT_OURS, "spec.gatewayClassName", "GatewayClass %s is none of this mesh's",
				      object_spec(o, gwapi_gateway)->class_name);
	}
	judge_servers(g, KIND_GWAPI_GATEWAY);
}

void judge_listener_sets(struct judging *g)
{
	for (size_t i = 0; i < g->list->n; i++) {
		const struct object *o = g->list->v[i];
		const struct api_parent *p = api_parent_of(g->b->s, o);

		if (!p)
			verdict_judge(g, o, VERDICT_UNATTACHED, D_LISTENER_SET_REFUSED, "spec.parentRef",
				      "Gateway %s does not exist, or is none of this mesh's", object_spec(o, gwapi_listener_set)->parent->name);
		else if (p->fault.reason)
			verdict_judge(g, o, VERDICT_UNATTACHED, D_LISTENER_SET_REFUSED, "spec.parentRef", "%s", p->fault.text);
		else
			judge_parent(g, p);
	}
	judge_servers(g, KIND_LISTENER_SET);
}

void judge_gateway_class(struct judging *g, const struct object *class)
{
	const char *controller = object_spec(class, gwapi_gateway_class)->controller_name;

	if (api_controller_named(controller) == API_NOT_OURS)
		verdict_judge(g, class, VERDICT_UNATTACHED, D_API_NOT_OURS, "spec.controllerName", "its controller is %s", controller);
}

/* ---- BackendTLSPolicies ---- */

static void judge_tls_policy(struct judging *g, const struct object *policy)
{
	const struct gwapi_backend_tls_policy *spec = object_spec(policy, gwapi_backend_tls_policy);
	struct backend_tls tls = backend_tls_of(g->b->s, policy, g->arena);
	const struct object *svc;
	size_t lost = 0;
	uint32_t port;

	for (size_t i = 0; i < spec->n_targets; i++) {
		struct api_fault f = backend_tls_target(g->b->s, policy, &spec->targets[i], &svc, &port, g->arena);

		lost += f.reason != NULL;
		if (f.reason)
			verdict_judge(g, policy, VERDICT_PARTLY, D_TLS_POLICY_TARGET, arena_printf(g->arena, "spec.targetRefs[%zu]", i), "%s",
				      f.text);
	}
	if (lost == spec->n_targets)
		verdict_raise(g, policy, VERDICT_UNATTACHED);
	if (tls.accepted.reason)
		verdict_judge(g, policy, VERDICT_PARTLY, D_TLS_POLICY_CA, "spec.validation", "%s: connections fail", tls.accepted.text);
	if (spec->validation->n_ca_certificates > 1)
		verdict_judge(g, policy, VERDICT_PARTLY, D_TLS_POLICY_CA, "spec.validation.caCertificateRefs",
			      "the first reference counts, others are passed over");
}

void judge_tls_policies(struct judging *g)
{
	for (size_t i = 0; i < g->list->n; i++)
		judge_tls_policy(g, g->list->v[i]);
	judge_merges(g, KIND_BACKEND_TLS_POLICY);
}
