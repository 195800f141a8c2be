/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of analyzers, and what they share: looking things up as the mesh would.
 */
#include "analyze/analyze_int.h"

#include <string.h>

#include "base/must.h"

static const struct analyzer {
	const char *name;
	analyzer_fn *run;
} analyzers[] = {
	{"annotations", analyze_annotations},
	{"namespaces and injection", analyze_namespaces},
	{"users of pods", analyze_users},
	{"ports of services", analyze_ports},
	{"services of deployments", analyze_deployments},
	{"service entries", analyze_entries},
	{"destination rules", analyze_rules},
	{"gateways", analyze_gateways},
	{"sidecars", analyze_sidecars},
	{"routes", analyze_routes},
	{"virtual services", analyze_virtual_services},
	{"TLS and ports", analyze_tls},
	{"telemetry", analyze_telemetries},
	{"authorization", analyze_authorization},
	{"claims", analyze_claims},
	{"networks", analyze_networks},
	{"conditions", analyze_conditions},
	{"patches of Envoy", analyze_patches},
	{"webhooks", analyze_webhooks},
	{"images to inject", analyze_images},
};

void analyze(const struct snapshot *s, struct object *const *refused, size_t n_refused, struct diags *ds)
{
	struct arena scratch;
	struct analysis n = {.s = s, .refused = refused, .n_refused = n_refused, .ds = ds, .a = &scratch};

	arena_init(&scratch, 0);
	n.has_pods = analysis_list(&n, KIND_POD)->n > 0;
	n.has_services = s->n_svcs > 0;
	for (size_t i = 0; i < ARRAY_LEN(analyzers); i++)
		analyzers[i].run(&n);
	arena_fini(&scratch);
}

/* Reasons of verdicts on the left; the codes of analysis that say the same on the right. */
static const struct {
	enum diag_code reason, same;
} twins[] = {
	{D_VS_HOST_SHADOWED, D_HOST_CONFLICT},
	{D_VS_GATEWAY_MISSING, D_REFERENCE_MISSING},
	{D_VS_DESTINATION_UNKNOWN, D_REFERENCE_MISSING},
	{D_RULE_HOST_UNKNOWN, D_RULE_HOST_MISSING},
	{D_SIDECAR_SHADOWED, D_SIDECAR_DEFAULT_CONFLICT},
	{D_FIELD_DEPRECATED, D_DEPRECATED},
};

/* What is said about a part of the place that the reason names is about the same thing. */
static bool is_within(const char *path, const char *whole)
{
	size_t n = strlen(whole);

	return !*path || (strncmp(path, whole, n) == 0 && (!path[n] || path[n] == '.' || path[n] == '['));
}

const struct diag *analyze_same(const struct diags *found, const struct diag *d)
{
	for (size_t t = 0; t < ARRAY_LEN(twins); t++) {
		for (size_t i = 0; twins[t].reason == d->code && i < found->n; i++) {
			const struct diag *f = &found->v[i];

			if (f->code == twins[t].same && !strcmp(f->object.kind, d->object.kind) &&
			    !strcmp(f->object.name, d->object.name) &&
			    (!*f->object.ns || !strcmp(f->object.ns, d->object.ns)) && is_within(f->path, d->path))
				return f;
		}
	}
	return NULL;
}

/* ---- findings ---- */

static bool is_suppressed(const struct object *o, const char *id)
{
	const char *list = strmap_get(&o->annotations, "galley.istio.io/analyze-suppress");
	size_t len;

	for (; list && *list; list += len + (list[len] == ',')) {
		list += strspn(list, " ");
		len = strcspn(list, ",");
		if ((len == 1 && *list == '*') || (len == strlen(id) && strncmp(list, id, len) == 0))
			return true;
	}
	return false;
}

void analysis_add(struct analysis *n, const struct object *o, enum diag_code code, struct pos pos, const char *path,
		  const char *fmt, ...)
{
	va_list ap;

	if (is_suppressed(o, diag_info(code)->id))
		return;
	va_start(ap, fmt);
	diags_object(n->ds, (struct diag_object){
				.kind = kind_info(o->kind)->name,
				.ns = o->ns_implied ? "" : arena_strdup(n->ds->arena, o->ns),
				.name = arena_strdup(n->ds->arena, o->name),
				.file = o->file ? arena_strdup(n->ds->arena, o->file) : NULL,
			    });
	diag_add(n->ds, code, pos.line ? pos : o->pos, path, "%s", arena_vprintf(n->a, fmt, ap));
	va_end(ap);
}

const struct kind_list *analysis_list(const struct analysis *n, enum kind kind)
{
	return n->s->objects.kind[kind];
}

const struct object *analysis_object(const struct analysis *n, enum kind kind, const char *ns, const char *name)
{
	const struct object *found = snapshot_object(n->s, kind, ns, name);

	for (size_t i = 0; i < n->n_refused && !found; i++) {
		const struct object *o = n->refused[i];

		if (o->kind == kind && !strcmp(o->name, name) && !strcmp(o->ns, ns))
			found = o;
	}
	return found;
}

const char *analysis_name(const struct analysis *n, const struct object *o)
{
	if (o->ns_implied || !*o->ns)
		return o->name;
	return arena_printf(n->a, "%s/%s", o->ns, o->name);
}

const char *analysis_selector(const struct analysis *n, const struct strmap *selector)
{
	const char *text = "";

	for (size_t i = 0; i < selector->n; i++)
		text = arena_printf(n->a, "%s%s%s=%s", text, i ? "," : "", selector->v[i].key, selector->v[i].value);
	return text;
}

/* ---- services and rules ---- */

static bool sees(const struct svc *svc, const char *ns)
{
	return visibility_sees(&svc->export_to, svc->ns, ns);
}

const struct svc *analysis_service(const struct analysis *n, const char *ns, const char *host)
{
	const char *fqdn = host_resolve(host, ns, n->s->domain, n->a);
	size_t first, count = snapshot_svcs_of(n->s, fqdn, &first);

	for (size_t i = first; i < first + count; i++)
		if (sees(n->s->svcs[i], ns))
			return n->s->svcs[i];
	for (size_t i = 0; i < n->s->n_svcs; i++) {
		const struct svc *svc = n->s->svcs[i];

		if (host_is_wildcard(svc->host) ? host_subset_of(fqdn, svc->host)
						: host_is_wildcard(fqdn) && host_subset_of(svc->host, fqdn)) {
			if (sees(svc, ns))
				return svc;
		}
	}
	return NULL;
}

static bool has_host(const struct analysis *n, const struct object *o, const char *fqdn)
{
	if (o->kind == KIND_SERVICE)
		return !strcmp(host_resolve(o->name, o->ns, n->s->domain, n->a), fqdn);
	for (size_t i = 0; o->kind == KIND_SERVICE_ENTRY && i < object_spec(o, service_entry)->hosts.n; i++)
		if (host_matches(object_spec(o, service_entry)->hosts.v[i], fqdn))
			return true;
	return false;
}

bool analysis_is_refused(const struct analysis *n, const char *ns, const char *host)
{
	const char *fqdn = host_resolve(host, ns, n->s->domain, n->a);

	for (size_t i = 0; i < n->n_refused; i++)
		if (has_host(n, n->refused[i], fqdn))
			return true;
	return false;
}

const struct dr *analysis_rule(const struct analysis *n, const char *ns, const struct svc *svc)
{
	const char *const order[] = {ns, svc->ns, n->s->mesh->root_namespace};
	const struct dr *best;

	for (size_t k = 0; k < ARRAY_LEN(order); k++) {
		best = NULL;
		for (size_t i = 0; order[k] && i < n->s->n_drs; i++) {
			const struct dr *dr = n->s->drs[i];

			if (!strcmp(dr->ns, order[k]) && host_subset_of(svc->host, dr->host) &&
			    visibility_sees(&dr->export_to, dr->ns, ns) &&
			    (!best || host_compare_specific(dr->host, best->host) < 0))
				best = dr;
		}
		if (best)
			return best;
	}
	return NULL;
}

const struct subset *analysis_subset(const struct dr *dr, const char *name)
{
	for (size_t i = 0; dr && i < dr->n_subsets; i++)
		if (dr->subsets[i].name && !strcmp(dr->subsets[i].name, name))
			return &dr->subsets[i];
	return NULL;
}

static bool pod_has(const struct analysis *n, const struct object *pod, const struct strmap *labels)
{
	const struct k_pod_spec *spec = analysis_pod(pod);
	struct strmap own = labels_augment(&pod->labels, locality_of_pod(n->s, pod, n->a), "", OWN_CLUSTER,
					   spec->node_name ? spec->node_name : "", n->a);

	return labels_match(labels, &own);
}

bool analysis_has_endpoints(const struct analysis *n, const struct svc *svc, const struct strmap *labels)
{
	const struct kind_list *pods = analysis_list(n, KIND_POD), *deployments = analysis_list(n, KIND_DEPLOYMENT);
	size_t first, count = snapshot_svcs_of(n->s, svc->host, &first);

	for (size_t i = first; i < first + count; i++)
		for (size_t k = 0; k < n->s->eps[i]->n; k++)
			if (labels_match(labels, &n->s->eps[i]->v[k].labels))
				return true;
	if (!svc->selector.n)
		return false;
	count = kind_list_range(pods, svc->ns, &first);
	for (size_t i = first; i < first + count; i++)
		if (labels_match(&svc->selector, &pods->v[i]->labels) && pod_has(n, pods->v[i], labels))
			return true;
	count = kind_list_range(deployments, svc->ns, &first);
	for (size_t i = first; i < first + count; i++) {
		const struct k_deployment_spec *spec = object_spec(deployments->v[i], k_deployment)->spec;
		const struct k_template_meta *meta = spec && spec->template ? spec->template->metadata : NULL;

		if (meta && labels_match(&svc->selector, &meta->labels) && labels_match(labels, &meta->labels))
			return true;
	}
	return false;
}

const struct client_tls *analysis_tls(const struct dr *dr, const struct subset *subset, uint32_t port)
{
	const struct traffic_policy *const policies[] = {subset ? subset->traffic_policy : NULL, dr ? dr->policy : NULL};

	for (size_t k = 0; k < ARRAY_LEN(policies); k++) {
		const struct traffic_policy *p = policies[k];

		for (size_t i = 0; p && i < p->n_port_level_settings; i++)
			if (p->port_level_settings[i].port && p->port_level_settings[i].port->number == port)
				return p->port_level_settings[i].tls;
		if (p && p->tls)
			return p->tls;
	}
	return NULL;
}

/* ---- workloads ---- */

const struct k_pod_spec *analysis_pod(const struct object *pod)
{
	static const struct k_pod_spec none;
	const struct k_pod_spec *spec = object_spec(pod, k_pod)->spec;

	return spec ? spec : &none;
}

static bool is_proxy(const struct k_container *c)
{
	return c->name && !strcmp(c->name, "istio-proxy") && c->image && *c->image;
}

bool analysis_has_proxy(const struct k_pod_spec *pod)
{
	for (size_t i = 0; i < pod->n_containers; i++)
		if (is_proxy(&pod->containers[i]))
			return true;
	for (size_t i = 0; i < pod->n_init_containers; i++)
		if (is_proxy(&pod->init_containers[i]))
			return true;
	return false;
}

bool analysis_is_system(const char *ns)
{
	static const char *const names[] = {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(ns, names[i]))
			return true;
	return false;
}

bool analysis_is_control_plane(const struct object *o)
{
	const char *release = strmap_get(&o->labels, "release");

	return strmap_get(&o->labels, "istio") || (release && !strcmp(release, "istio"));
}

/* ---- destinations ---- */

static void tell(struct analysis *n, const struct object *vs, target_fn *fn, const char *protocol, const char *path,
		 const struct destination *to, int32_t weight, bool mirror)
{
	struct route_target t = {to, path, weight, mirror, !strcmp(protocol, "http"), protocol};

	if (to && to->host && *to->host)
		fn(n, vs, &t);
}

static void each_http(struct analysis *n, const struct object *vs, target_fn *fn)
{
	const struct virtual_service *spec = object_spec(vs, virtual_service);

	for (size_t i = 0; i < spec->n_http; i++) {
		const struct http_route *r = &spec->http[i];

		for (size_t k = 0; k < r->n_route; k++)
			tell(n, vs, fn, "http", arena_printf(n->a, "spec.http[%zu].route[%zu].destination", i, k),
			     r->route[k].destination, r->n_route == 1 ? 1 : r->route[k].weight, false);
		tell(n, vs, fn, "http", arena_printf(n->a, "spec.http[%zu].mirror", i), r->mirror, 1, true);
		for (size_t k = 0; k < r->n_mirrors; k++)
			tell(n, vs, fn, "http", arena_printf(n->a, "spec.http[%zu].mirrors[%zu].destination", i, k),
			     r->mirrors[k].destination, 1, true);
	}
}

void analysis_each_target(struct analysis *n, const struct object *vs, target_fn *fn)
{
	const struct virtual_service *spec = object_spec(vs, virtual_service);

	each_http(n, vs, fn);
	for (size_t i = 0; i < spec->n_tls; i++)
		for (size_t k = 0; k < spec->tls[i].n_route; k++)
			tell(n, vs, fn, "tls", arena_printf(n->a, "spec.tls[%zu].route[%zu].destination", i, k),
			     spec->tls[i].route[k].destination, spec->tls[i].n_route == 1 ? 1 : spec->tls[i].route[k].weight,
			     false);
	for (size_t i = 0; i < spec->n_tcp; i++)
		for (size_t k = 0; k < spec->tcp[i].n_route; k++)
			tell(n, vs, fn, "tcp", arena_printf(n->a, "spec.tcp[%zu].route[%zu].destination", i, k),
			     spec->tcp[i].route[k].destination, spec->tcp[i].n_route == 1 ? 1 : spec->tcp[i].route[k].weight,
			     false);
}
