/* SPDX-License-Identifier: Apache-2.0
 *
 * One verdict an object: what the stages found while they made parts, and what one object does to
 * another. The verdicts of a kind are one part, kept while nothing that they speak of changed; it
 * goes only with the list that it is about, so it need not hold the objects.
 */
#include "mesh/snapshot_verdict_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/must.h"
#include "mesh/gwapi.h"
#include "mesh/policy.h"
#include "model/jwks.h"
#include "model/security.h"
#include "model/traffic.h"

const char *verdict_state_name(enum verdict_state s)
{
	static const char *const names[] = {"Effective", "Partly", "Unattached", "Shadowed", "Quarantined"};

	must((size_t)s < ARRAY_LEN(names));
	return names[s];
}

static size_t index_of(const struct judging *g, const struct object *obj)
{
	size_t lo = 0, hi = g->list->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (object_compare(g->list->v[mid], obj) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	must(lo < g->list->n && object_compare(g->list->v[lo], obj) == 0);
	return lo;
}

static void judge_diag(struct judging *g, size_t i, enum verdict_state state, const struct diag *d)
{
	struct reason *r = arena_new(g->arena, struct reason);

	*r = (struct reason){.diag = d, .next = g->reasons[i]};
	g->reasons[i] = r;
	if (state > g->out->v[i].state)
		g->out->v[i].state = state;
}

void verdict_raise(struct judging *g, const struct object *obj, enum verdict_state state)
{
	struct verdict *v = &g->out->v[index_of(g, obj)];

	if (state > v->state)
		v->state = state;
}

void verdict_judge(struct judging *g, const struct object *obj, enum verdict_state state, enum diag_code code,
		   const char *path, const char *fmt, ...)
{
	size_t i = index_of(g, obj);
	struct part holder = {0};
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(g->arena, fmt, ap);
	va_end(ap);
	for (const struct reason *r = g->reasons[i]; r; r = r->next)
		if (r->diag->code == code && strcmp(r->diag->path, path) == 0 && strcmp(r->diag->text, text) == 0)
			return;	/* an object may be in several parts */
	part_finding(g->arena, &holder, obj, state, code, path, "%s", text);
	judge_diag(g, i, state, &holder.findings->diag);
}

/* Texts of a part's finding die with the part: the verdict gets its own. */
static void take_finding(struct judging *g, const struct finding *f)
{
	verdict_judge(g, f->obj, f->state, f->diag.code, arena_strdup(g->arena, f->diag.path), "%s", f->diag.text);
}

static void take_findings(struct judging *g, const struct part *p)
{
	for (const struct finding *f = p->findings; f; f = f->next)
		take_finding(g, f);
}

/* ---- one kind each ---- */

bool snapshot_host_known(const struct snapshot *s, const char *host)
{
	size_t first;

	if (!host_is_wildcard(host) && snapshot_svcs_of(s, host, &first))
		return true;
	for (size_t i = 0; i < s->n_svcs; i++)	/* wildcards sort first */
		if (host_is_wildcard(host) ? host_subset_of(s->svcs[i]->host, host)
					   : host_is_wildcard(s->svcs[i]->host) && host_subset_of(host, s->svcs[i]->host))
			return true;
		else if (!host_is_wildcard(host) && !host_is_wildcard(s->svcs[i]->host))
			break;
	return false;
}

static void judge_destination(struct judging *g, const struct vs *vs, const struct destination *d, const char *what,
			      size_t i)
{
	const struct snapshot *s = g->b->s;
	const char *host;

	if (!d || !d->host)
		return;
	host = host_resolve(d->host, vs->obj->ns, s->domain, g->arena);
	if (!snapshot_host_known(s, host))
		verdict_judge(g, vs->obj, VERDICT_PARTLY, D_VS_DESTINATION_UNKNOWN, arena_printf(g->arena, "spec.%s[%zu]", what, i),
		      "no service has the host %s", host);
}

static void judge_destinations(struct judging *g, const struct vs *vs)
{
	const struct virtual_service *spec = vs->spec;

	for (size_t i = 0; i < spec->n_http; i++) {
		for (size_t j = 0; j < spec->http[i].n_route; j++)
			judge_destination(g, vs, spec->http[i].route[j].destination, "http", i);
		judge_destination(g, vs, spec->http[i].mirror, "http", i);
		for (size_t j = 0; j < spec->http[i].n_mirrors; j++)
			judge_destination(g, vs, spec->http[i].mirrors[j].destination, "http", i);
	}
	for (size_t i = 0; i < spec->n_tls; i++)
		for (size_t j = 0; j < spec->tls[i].n_route; j++)
			judge_destination(g, vs, spec->tls[i].route[j].destination, "tls", i);
	for (size_t i = 0; i < spec->n_tcp; i++)
		for (size_t j = 0; j < spec->tcp[i].n_route; j++)
			judge_destination(g, vs, spec->tcp[i].route[j].destination, "tcp", i);
}

static void judge_gateways_of(struct judging *g, const struct vs *vs)
{
	size_t missing = 0;

	for (size_t i = 0; i < vs->gateways.n; i++) {
		const char *name = vs->gateways.v[i], *slash = strchr(name, '/');

		if (!slash || snapshot_gateway(g->b->s, arena_strndup(g->arena, name, (size_t)(slash - name)), slash + 1))
			continue;
		missing++;
		verdict_judge(g, vs->obj, missing == vs->gateways.n ? VERDICT_UNATTACHED : VERDICT_PARTLY, D_VS_GATEWAY_MISSING,
		      arena_printf(g->arena, "spec.gateways[%zu]", i), "Gateway %s does not exist", name);
	}
}

/* Some of the gateways of a match are the object's own, or it is for nobody. */
static void judge_match_gateways(struct judging *g, const struct vs *vs, const struct strs *gateways, const char *what,
				 size_t route, size_t match)
{
	for (size_t i = 0; i < gateways->n; i++)
		if (strs_has(&vs->gateways, vs_resolve_gateway(gateways->v[i], vs->obj->ns, g->arena)))
			return;
	if (gateways->n)
		verdict_judge(g, vs->obj, VERDICT_PARTLY, D_VS_MATCH_UNBOUND,
			      arena_printf(g->arena, "spec.%s[%zu].match[%zu].gateways", what, route, match),
		      "the VirtualService is bound to none of these gateways");
}

static void judge_matches(struct judging *g, const struct vs *vs)
{
	const struct virtual_service *spec = vs->spec;

	for (size_t i = 0; i < spec->n_http; i++)
		for (size_t k = 0; k < spec->http[i].n_match; k++)
			judge_match_gateways(g, vs, &spec->http[i].match[k].gateways, "http", i, k);
	for (size_t i = 0; i < spec->n_tls; i++)
		for (size_t k = 0; k < spec->tls[i].n_match; k++)
			judge_match_gateways(g, vs, &spec->tls[i].match[k].gateways, "tls", i, k);
	for (size_t i = 0; i < spec->n_tcp; i++)
		for (size_t k = 0; k < spec->tcp[i].n_match; k++)
			judge_match_gateways(g, vs, &spec->tcp[i].match[k].gateways, "tcp", i, k);
}

/* Whom the object names, be it in force or not. */
static void note_delegates(struct map *used, const struct object *o)
{
	const struct virtual_service *spec = object_spec(o, virtual_service);

	for (size_t i = 0; spec->hosts.n && i < spec->n_http; i++) {
		const struct delegate *d = spec->http[i].delegate;

		if (d && d->name)
			map_set(used, arena_printf(used->arena, "%s/%s", d->ns && *d->ns ? d->ns : o->ns, d->name), used);
	}
}

static void judge_virtual_services(struct judging *g)
{
	const struct snapshot *s = g->b->s;
	struct map used;

	verdict_contests(g);
	map_init(&used, g->b->arena);
	for (size_t i = 0; i < s->n_vss; i++) {
		const struct vs *vs = s->vss[i];

		if (vs->obj->kind != KIND_VIRTUAL_SERVICE)
			continue;
		take_findings(g, &vs->part);
		judge_matches(g, vs);
		judge_gateways_of(g, vs);
		judge_destinations(g, vs);
	}
	for (size_t i = 0; i < g->list->n; i++)
		note_delegates(&used, g->list->v[i]);
	for (size_t i = 0; i < g->list->n; i++) {
		const struct object *o = g->list->v[i];

		if (object_spec(o, virtual_service)->hosts.n == 0 &&
		    !map_get(&used, arena_printf(g->b->arena, "%s/%s", o->ns, o->name)))
			verdict_judge(g, o, VERDICT_UNATTACHED, D_DELEGATE_UNUSED, "spec", "no VirtualService delegates to it");
	}
}

static void judge_route(struct judging *g, const struct object *route)
{
	for (const struct finding *f = gwapi_findings(g->b, route, g->arena); f; f = f->next)
		take_finding(g, f);
}

void judge_merges(struct judging *g, enum kind kind)
{
	const struct snapshot *s = g->b->s;

	for (size_t i = 0; i < s->n_drs; i++)
		for (const struct finding *f = s->drs[i]->part.findings; f; f = f->next)
			if (f->obj->kind == kind)
				take_finding(g, f);
}

static void judge_rules(struct judging *g)
{
	const struct snapshot *s = g->b->s;

	judge_merges(g, KIND_DESTINATION_RULE);
	for (size_t i = 0; i < s->n_drs; i++) {
		const struct dr *dr = s->drs[i];

		if (snapshot_host_known(s, dr->host))
			continue;
		for (size_t j = 0; j < dr->n_objs; j++)
			if (dr->objs[j]->kind == KIND_DESTINATION_RULE)
				verdict_judge(g, dr->objs[j], VERDICT_UNATTACHED, D_RULE_HOST_UNKNOWN, "spec.host",
			      "no service has the host %s", dr->host);
	}
}

/* A host of a ServiceEntry is hidden by a Kubernetes Service, and by an older ServiceEntry of its
 * own namespace that it could not be merged with; other namespaces see their own first. */
static void judge_entries(struct judging *g)
{
	const struct snapshot *s = g->b->s;

	for (size_t i = 0; i < s->n_entries; i++) {
		const struct svc *e = s->entries[i], *owner = NULL;
		size_t first, n = snapshot_svcs_of(s, e->host, &first);

		take_findings(g, &e->part);
		for (size_t j = first; j < first + n && s->svcs[j] != e && !owner; j++)
			if (s->svcs[j]->is_kube || strcmp(s->svcs[j]->ns, e->ns) == 0)
				owner = s->svcs[j];
		for (size_t j = 0; owner && j < e->part.n_held; j++)
			verdict_judge(g, e->part.held[j],
			      object_spec(e->part.held[j], service_entry)->hosts.n == 1 ? VERDICT_SHADOWED : VERDICT_PARTLY,
			      D_ENTRY_SHADOWED, "spec.hosts", "%s belongs to %s %s/%s", e->host,
			      kind_info(owner->obj->kind)->name, owner->obj->ns, owner->obj->name);
	}
	judge_ports(g);
}

/* A selector of nothing selects nothing here. */
static bool selects(const struct svc *s, const struct strmap *selector, const struct object *we)
{
	return selector->n && !(s->selector_bits & ~we->label_bits) && workload_is_selected(we, selector);
}

static void judge_workload(struct judging *g, const struct object *we)
{
	const struct snapshot *s = g->b->s;
	size_t first, n = snapshot_svcs_in(s->kube, s->n_kube, we->ns, &first);
	bool selected = false;

	for (size_t j = first; j < first + n && !selected; j++)
		selected = selects(s->kube[j], &s->kube[j]->selector, we);
	n = snapshot_svcs_in(s->entries, s->n_entries, we->ns, &first);
	for (size_t j = first; j < first + n && !selected; j++)
		for (size_t k = 0; k < s->entries[j]->part.n_held; k++) {
			const struct service_entry *se = object_spec(s->entries[j]->part.held[k], service_entry);

			selected = selected || (se->workload_selector && selects(s->entries[j], &se->workload_selector->labels, we));
		}
	if (!selected)
		verdict_judge(g, we, VERDICT_UNATTACHED, D_WORKLOAD_UNSELECTED, "", "no service of namespace %s selects it",
		      we->ns);
}

/* Of objects (by age) for a whole namespace the oldest counts. */
static void judge_defaults(struct judging *g, const struct object *const *v, size_t n,
			   bool (*has_selector)(const struct object *o), enum diag_code code)
{
	struct map oldest;

	map_init(&oldest, g->b->arena);
	for (size_t i = 0; i < n; i++) {
		const struct object *o = v[i], *first;
		void **slot;

		if (has_selector(o))
			continue;
		slot = map_slot(&oldest, o->ns);
		first = *slot;
		if (first)
			verdict_judge(g, o, VERDICT_SHADOWED, code, "", "%s %s/%s is older", kind_info(o->kind)->name, first->ns,
			      first->name);
		else
			*slot = (void *)o;
	}
}

static bool sidecar_selects(const struct object *o)
{
	const struct workload_labels *selector = object_spec(o, sidecar)->workload_selector;

	return selector && selector->labels.n;
}

/* It is for proxies that have no TLS of the mesh, and takes a switch (mesh/proxy_settings.c). */
static void judge_ingress_tls(struct judging *g, const struct object *o)
{
	const struct sidecar *spec = object_spec(o, sidecar);

	for (size_t i = 0; i < spec->n_ingress; i++)
		if (spec->ingress[i].tls)
			verdict_judge(g, o, VERDICT_PARTLY, D_FIELD_NOT_IN_EFFECT, arena_printf(g->arena, "spec.ingress[%zu].tls", i),
				      "tls takes ENABLE_TLS_ON_SIDECAR_INGRESS in proxyMetadata");
}

static void judge_sidecars(struct judging *g)
{
	const struct proxy_config *config = g->b->s->mesh->default_config;
	const char *on = config ? strmap_get(&config->proxy_metadata, "ENABLE_TLS_ON_SIDECAR_INGRESS") : NULL;

	for (size_t i = 0; !(on && strcmp(on, "true") == 0) && i < g->b->s->n_sidecars; i++)
		judge_ingress_tls(g, g->b->s->sidecars[i]);
	judge_defaults(g, g->b->s->sidecars, g->b->s->n_sidecars, sidecar_selects, D_SIDECAR_SHADOWED);
}

static bool config_selects(const struct object *o)
{
	const struct match_labels *selector = object_spec(o, workload_config)->selector;

	return selector && selector->match_labels.n;
}

static void judge_proxy_configs(struct judging *g)
{
	judge_defaults(g, g->b->s->proxy_configs, g->b->s->n_proxy_configs, config_selects,
		       D_PROXY_CONFIG_SHADOWED);
}

static bool peer_selects(const struct object *o)
{
	const struct policy_selector *s = object_spec(o, peer_authentication)->selector;

	return s && s->match_labels.n;
}

static void judge_peers(struct judging *g)
{
	const struct snapshot *s = g->b->s;

	judge_defaults(g, s->peers, s->n_peers, peer_selects, D_PEER_SHADOWED);
	for (size_t i = 0; i < s->n_peers; i++)
		if (peer_selects(s->peers[i]) && !strcmp(s->peers[i]->ns, s->mesh->root_namespace))
			verdict_judge(g, s->peers[i], VERDICT_UNATTACHED, D_PEER_SELECTOR_IGNORED, "spec.selector",
				      "a PeerAuthentication with a selector has no effect in the root namespace %s", s->peers[i]->ns);
}

static bool is_provider(const struct mesh_config *mesh, const char *name)
{
	const struct node *all = mesh->extension_providers;

	for (size_t i = 0; all && all->kind == NODE_LIST && i < all->n; i++) {
		const char *own = node_text(&all->list[i], "name");

		if (own && !strcmp(own, name))
			return node_get(&all->list[i], "envoyExtAuthzGrpc") || node_get(&all->list[i], "envoyExtAuthzHttp");
	}
	return false;
}

/* Why a policy is in force at no proxy of a target, or NULL. */
static const char *target_fault(const struct snapshot *s, const struct object *o, const struct policy_target *t, struct arena *a)
{
	const struct api_parent *p = NULL;

	if (!policy_target_is_gateway(t))
		return arena_printf(a, "a policy of a %s is one for waypoints, which are not compiled", t->kind);
	p = api_parent_find(s, KIND_GWAPI_GATEWAY, o->ns, t->name);
	if (!p)
		return arena_printf(a, "Gateway %s/%s does not exist, or is of another controller", o->ns, t->name);
	if (p->controller != API_GATEWAY)
		return arena_printf(a, "Gateway %s/%s is of a class that is not compiled", o->ns, t->name);
	if (!p->managed)
		return arena_printf(a, "Gateway %s/%s is deployed by hand: of the workloads that serve it only those with the label %s=%s "
				       "have the policy", o->ns, t->name, API_GATEWAY_LABEL, t->name);
	return NULL;
}

/* Whether the policy is in force nowhere for its targets. */
static bool judge_targets(struct judging *g, const struct object *o)
{
	struct policy_targets targets = policy_targets(o);
	size_t lost = 0;

	for (size_t i = 0; i < targets.n; i++) {
		const char *why = target_fault(g->b->s, o, &targets.v[i], g->arena);
		const char *path = targets.n == 1 ? targets.field : arena_printf(g->arena, "%s[%zu]", targets.field, i);

		lost += why != NULL;
		if (why)
			verdict_judge(g, o, VERDICT_PARTLY, D_AUTHZ_TARGETS, path, "%s", why);
	}
	if (!targets.n || lost < targets.n)
		return false;
	verdict_raise(g, o, VERDICT_UNATTACHED);
	return true;
}

static void judge_request_authentication(struct judging *g, const struct object *o)
{
	const struct request_authentication *r = object_spec(o, request_authentication);
	struct jwks_uri uri;

	if (judge_targets(g, o))
		return;
	for (size_t i = 0; i < r->n_jwt_rules; i++) {
		const struct jwt_rule *rule = &r->jwt_rules[i];
		const char *path = arena_printf(g->arena, "spec.jwtRules[%zu]", i);

		if (rule->jwks && *rule->jwks)
			continue;
		if (!rule->jwks_uri)
			verdict_judge(g, o, VERDICT_PARTLY, D_JWT_KEYS_UNKNOWN, path,
				      "neither jwks nor jwksUri says the keys of %.100s: its tokens are refused", rule->issuer);
		else if (!jwks_uri_read(rule->jwks_uri, g->arena, &uri))
			verdict_judge(g, o, VERDICT_PARTLY, D_JWT_KEYS_UNKNOWN, arena_printf(g->arena, "%s.jwksUri", path),
				      "keys are not fetched from %.200s: tokens of %.100s are refused", rule->jwks_uri, rule->issuer);
	}
}

static void judge_authorization(struct judging *g, const struct object *o)
{
	const struct authorization_policy *p = object_spec(o, authorization_policy);
	const char *provider = p->provider && p->provider->name ? p->provider->name : "";

	if (!judge_targets(g, o) && p->action == AUTHZ_CUSTOM && !is_provider(g->b->s->mesh, provider))
		verdict_judge(g, o, VERDICT_PARTLY, D_AUTHZ_PROVIDER_MISSING, "spec.provider.name",
			      "there is no provider \"%s\": what the rules match is denied", provider);
}

static void judge_slice(struct judging *g, const struct object *o)
{
	const char *name = strmap_get(&o->labels, "kubernetes.io/service-name");

	if (!name || !snapshot_object(g->b->s, KIND_SERVICE, o->ns, name))
		verdict_judge(g, o, VERDICT_UNATTACHED, D_SLICE_UNATTACHED, "metadata.labels", "there is no Service %s/%s", o->ns,
		      name ? name : "");
}

/* The one table: what judges a kind, and the kinds that its verdicts speak of besides its own. */
#define BIT(kind) (UINT64_C(1) << KIND_##kind)
/* Gateways of the Gateway API as they came out of their stage, whatever that read */
#define API_PARENTS (UINT64_C(1) << 63)
#define ROUTE_INPUTS (BIT(SERVICE) | BIT(SERVICE_ENTRY) | BIT(REFERENCE_GRANT) | API_PARENTS)
static const struct {
	void (*all)(struct judging *g);		/* the verdicts of a kind depend on each other, or ... */
	void (*one)(struct judging *g, const struct object *o);	/* ... do not */
	uint64_t depends;
} judges[COMPILED_KINDS] = {
	[KIND_VIRTUAL_SERVICE] = {.all = judge_virtual_services,
				  .depends = BIT(GATEWAY) | BIT(INGRESS) | BIT(INGRESS_CLASS) | BIT(SERVICE) | BIT(SERVICE_ENTRY) | API_PARENTS},
	[KIND_DESTINATION_RULE] = {.all = judge_rules, .depends = BIT(SERVICE) | BIT(SERVICE_ENTRY) | BIT(BACKEND_TLS_POLICY)},
	[KIND_SERVICE_ENTRY] = {.all = judge_entries, .depends = BIT(NAMESPACE) | BIT(SERVICE) | BIT(VIRTUAL_SERVICE) | BIT(TCP_ROUTE) | BIT(TLS_ROUTE)},
	[KIND_WORKLOAD_ENTRY] = {.one = judge_workload, .depends = BIT(SERVICE) | BIT(SERVICE_ENTRY)},
	[KIND_GATEWAY] = {.all = judge_gateways, .depends = BIT(INGRESS) | BIT(INGRESS_CLASS) | API_PARENTS},
	[KIND_INGRESS] = {.all = judge_ingresses,
			  .depends = BIT(INGRESS_CLASS) | BIT(GATEWAY) | BIT(SERVICE) | BIT(SERVICE_ENTRY) | API_PARENTS},
	[KIND_INGRESS_CLASS] = {.one = judge_ingress_class},
	[KIND_SIDECAR] = {.all = judge_sidecars},
	[KIND_PROXY_CONFIG] = {.all = judge_proxy_configs},
	[KIND_PEER_AUTHENTICATION] = {.all = judge_peers},
	[KIND_REQUEST_AUTHENTICATION] = {.one = judge_request_authentication, .depends = API_PARENTS},
	[KIND_AUTHORIZATION_POLICY] = {.one = judge_authorization, .depends = API_PARENTS},
	[KIND_HTTP_ROUTE] = {.one = judge_route, .depends = ROUTE_INPUTS},
	[KIND_GRPC_ROUTE] = {.one = judge_route, .depends = ROUTE_INPUTS},
	[KIND_TCP_ROUTE] = {.one = judge_route, .depends = ROUTE_INPUTS},
	[KIND_TLS_ROUTE] = {.one = judge_route, .depends = ROUTE_INPUTS},
	[KIND_GATEWAY_CLASS] = {.one = judge_gateway_class},
	[KIND_GWAPI_GATEWAY] = {.all = judge_api_gateways,
				.depends = API_PARENTS | BIT(GATEWAY) | BIT(INGRESS) | BIT(INGRESS_CLASS)},
	[KIND_LISTENER_SET] = {.all = judge_listener_sets,
			       .depends = API_PARENTS | BIT(GATEWAY) | BIT(INGRESS) | BIT(INGRESS_CLASS)},
	[KIND_BACKEND_TLS_POLICY] = {.all = judge_tls_policies, .depends = BIT(SERVICE) | BIT(CONFIG_MAP) | BIT(DESTINATION_RULE)},
	[KIND_ENDPOINT_SLICE] = {.one = judge_slice, .depends = BIT(SERVICE)},
};

/* A field that is not in effect makes an object Partly whatever else holds. */
static void judge_own(struct judging *g, size_t i)
{
	const struct object *o = g->list->v[i];

	for (size_t j = 0; o->partly && j < o->n_diags; j++)
		if (o->diags[j].code == D_FIELD_NOT_IN_EFFECT)
			judge_diag(g, i, VERDICT_PARTLY, &o->diags[j]);
		else if (o->diags[j].code == D_KIND_PENDING)
			judge_diag(g, i, VERDICT_UNATTACHED, &o->diags[j]);
}

/* Endpoints may tell of slices and of their service. */
static void judge_endpoints(struct judging *g, enum kind kind)
{
	const struct snapshot *s = g->b->s;

	for (size_t i = 0; i < s->n_svcs; i++)
		for (const struct finding *f = s->eps[i]->part.findings; f; f = f->next)
			if (f->obj->kind == kind)
				take_finding(g, f);
}

static void judge_quarantined(struct judging *g, enum kind kind)
{
	for (size_t i = 0; i < g->b->quarantined.n; i++) {
		const struct quarantine *q = &g->b->quarantined.v[i];

		if (q->obj->kind == kind)
			verdict_judge(g, q->obj, VERDICT_QUARANTINED, q->code, "", "%s", q->why);
	}
}

static void set_reasons(struct judging *g)
{
	for (size_t i = 0; i < g->list->n; i++) {
		struct diag *v;
		size_t n = 0;

		for (const struct reason *r = g->reasons[i]; r; r = r->next)
			n++;
		v = arena_array(g->arena, struct diag, n);
		g->out->v[i].why = n ? v : NULL;
		g->out->v[i].n_why = n;
		for (const struct reason *r = g->reasons[i]; r; r = r->next)
			v[--n] = *r->diag;
	}
}

/* Nothing but objects of the kind itself differs from prev. */
static bool is_same_around(const struct builder *b, enum kind kind)
{
	if (!b->same_mesh || b->rejudge)
		return false;
	if ((judges[kind].depends & API_PARENTS) && b->s->api != b->prev->api)
		return false;
	for (size_t k = 0; k < KIND_COUNT; k++)
		if ((judges[kind].depends & UINT64_C(1) << k) && !b->same[k])
			return false;
	return true;
}

/* prev's verdict on the same object, with its texts copied. */
static void keep_verdict(struct judging *g, size_t i, const struct verdict *old)
{
	struct diags ds;

	diags_init(&ds, g->arena);
	for (size_t j = 0; j < old->n_why; j++)
		diags_copy(&ds, &old->why[j]);
	for (size_t j = 0; j < ds.n; j++)
		judge_diag(g, i, old->state, &ds.v[j]);
}

/* Objects whose verdicts do not depend on each other: those that prev has too keep theirs. */
static void judge_each(struct judging *g, enum kind kind)
{
	const struct verdict_list *old = is_same_around(g->b, kind) ? g->b->prev->verdict_lists[kind] : NULL;
	size_t j = 0;

	for (size_t i = 0; i < g->list->n; i++) {
		const struct object *o = g->list->v[i];

		while (old && j < old->n && old->v[j].obj != o && object_compare(old->v[j].obj, o) < 0)
			j++;
		if (old && j < old->n && old->v[j].obj == o) {
			keep_verdict(g, i, &old->v[j++]);
			continue;
		}
		judge_own(g, i);
		judges[kind].one(g, o);
	}
	if (!old)
		judge_endpoints(g, kind);
}

static struct verdict_list *judge_kind(const struct builder *b, enum kind kind)
{
	struct arena arena;
	struct judging g = {.b = b, .list = builder_list(b, kind), .arena = &arena};

	arena_init(&arena, 0);
	g.out = arena_new(&arena, struct verdict_list);
	g.out->v = arena_array(&arena, struct verdict, g.list->n);
	g.out->n = g.list->n;
	g.reasons = arena_array(&arena, struct reason *, g.list->n);
	for (size_t i = 0; i < g.list->n; i++)
		g.out->v[i].obj = g.list->v[i];
	if (judges[kind].one) {
		judge_each(&g, kind);
	} else {
		for (size_t i = 0; i < g.list->n; i++)
			judge_own(&g, i);
		if (judges[kind].all)
			judges[kind].all(&g);
		judge_endpoints(&g, kind);
	}
	judge_quarantined(&g, kind);
	set_reasons(&g);
	arena_take(&g.out->part.arena, &arena);
	return g.out;
}

void verdict_stage(struct builder *b)
{
	struct snapshot *s = b->s;
	struct verdict *v;
	size_t n = 0;

	for (size_t k = 0; k < COMPILED_KINDS; k++) {
		if (b->same[k] && is_same_around(b, (enum kind)k)) {
			s->verdict_lists[k] = b->prev->verdict_lists[k];
		} else {
			s->verdict_lists[k] = judge_kind(b, (enum kind)k);
			part_fresh(b, &s->verdict_lists[k]->part);
		}
		n += s->verdict_lists[k]->n;
	}
	v = arena_array(b->arena, struct verdict, n);
	s->verdicts = v;
	s->n_verdicts = n;
	for (size_t k = 0; k < COMPILED_KINDS; k++) {
		if (s->verdict_lists[k]->n)
			memcpy(v, s->verdict_lists[k]->v, s->verdict_lists[k]->n * sizeof(v[0]));
		v += s->verdict_lists[k]->n;
	}
}

const struct verdict *snapshot_verdict(const struct snapshot *s, const struct object *obj)
{
	size_t lo = 0, hi = s->n_verdicts;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (object_compare(s->verdicts[mid].obj, obj) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n_verdicts && object_compare(s->verdicts[lo].obj, obj) == 0 ? &s->verdicts[lo] : NULL;
}

bool snapshot_judges(enum kind kind)
{
	return (size_t)kind < COMPILED_KINDS;
}

size_t snapshot_verdicts_of(const struct snapshot *s, enum kind kind, size_t *first)
{
	*first = 0;
	for (size_t k = 0; k < (size_t)kind; k++)
		*first += s->verdict_lists[k]->n;
	return s->verdict_lists[kind]->n;
}

bool snapshot_same_verdicts(const struct snapshot *prev, const struct snapshot *s, enum kind kind)
{
	return prev && prev->verdict_lists[kind] == s->verdict_lists[kind];
}
