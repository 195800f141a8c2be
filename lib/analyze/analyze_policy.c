/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies of workloads: telemetry, authorization, and the tokens that routes rely on.
 */
#include "analyze/analyze_int.h"

#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "mesh/policy.h"
#include "model/security.h"
#include "model/telemetry.h"
#include "node/node.h"

static bool selects(const struct policy_selector *s, const struct object *pod)
{
	return !s || labels_match(&s->match_labels, &pod->labels);
}

/* Policies of the root namespace are for all. */
static bool is_root(const struct analysis *n, const char *ns)
{
	return n->s->mesh->root_namespace && !strcmp(ns, n->s->mesh->root_namespace);
}

/* ---- Telemetry ---- */

static bool has_selector(const struct telemetry *t)
{
	return t->selector && t->selector->match_labels.n;
}

static bool is_attached(const struct telemetry *t)
{
	return t->target_ref || t->n_target_refs;
}

/* A Telemetry of the namespace that has no selector either. */
static void judge_default(struct analysis *n, const struct object *o)
{
	const struct kind_list *list = analysis_list(n, KIND_TELEMETRY);
	size_t first, count = kind_list_range(list, o->ns, &first);

	for (size_t i = first; i < first + count; i++) {
		const struct telemetry *t = object_spec(list->v[i], telemetry);

		if (list->v[i] == o || has_selector(t) || is_attached(t))
			continue;
		analysis_add(n, o, D_TELEMETRY_DEFAULT_CONFLICT, (struct pos){0}, "",
			     "Telemetry %s of the namespace has no selector either", analysis_name(n, list->v[i]));
		return;
	}
}

static const struct object *find_rival(const struct analysis *n, const struct object *o, const struct object *pod)
{
	const struct kind_list *list = analysis_list(n, KIND_TELEMETRY);
	size_t first, count = kind_list_range(list, o->ns, &first);

	for (size_t i = first; i < first + count; i++) {
		const struct telemetry *t = object_spec(list->v[i], telemetry);

		if (list->v[i] != o && has_selector(t) && selects(t->selector, pod))
			return list->v[i];
	}
	return NULL;
}

static void judge_selector(struct analysis *n, const struct object *o)
{
	const struct kind_list *pods = analysis_list(n, KIND_POD);
	size_t first, count = kind_list_range(pods, o->ns, &first);
	bool any = false;

	for (size_t i = first; i < first + count; i++) {
		const struct object *rival;

		if (!selects(object_spec(o, telemetry)->selector, pods->v[i]))
			continue;
		any = true;
		rival = find_rival(n, o, pods->v[i]);
		if (!rival)
			continue;
		analysis_add(n, o, D_TELEMETRY_SELECTOR_CONFLICT, (struct pos){0}, "spec.selector",
			     "Telemetry %s selects the pod %s too", analysis_name(n, rival), analysis_name(n, pods->v[i]));
		return;
	}
	if (!any && n->has_pods && !is_root(n, o->ns))
		analysis_add(n, o, D_REFERENCE_MISSING, (struct pos){0}, "spec.selector",
			     "no pod of namespace %s has the labels %s", o->ns,
			     analysis_selector(n, &object_spec(o, telemetry)->selector->match_labels));
}

/* The mesh says where access logs go when a Telemetry does not. */
static bool has_default_log(const struct analysis *n)
{
	const struct node *all = n->s->mesh->default_providers;
	const struct node *logs = all ? node_get(all, "accessLogging") : NULL;

	return logs && logs->n > 0;
}

void analyze_telemetries(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_TELEMETRY);

	for (size_t i = 0; i < list->n; i++) {
		const struct telemetry *t = object_spec(list->v[i], telemetry);

		if (has_selector(t))
			judge_selector(n, list->v[i]);
		else if (!is_attached(t))
			judge_default(n, list->v[i]);
		for (size_t k = 0; k < t->n_access_logging && !has_default_log(n); k++)
			if (!t->access_logging[k].n_providers)
				analysis_add(n, list->v[i], D_TELEMETRY_WITHOUT_PROVIDER, t->access_logging[k].pos,
					     arena_printf(n->a, "spec.accessLogging[%zu].providers", k),
					     "no provider is named, and MeshConfig has no default one");
	}
}

/* ---- AuthorizationPolicy ---- */

static bool has_workload(const struct analysis *n, const struct object *o, const struct policy_selector *s)
{
	const struct kind_list *pods = analysis_list(n, KIND_POD);

	for (size_t i = 0; i < pods->n; i++)
		if ((is_root(n, o->ns) || !strcmp(pods->v[i]->ns, o->ns)) && selects(s, pods->v[i]))
			return true;
	return false;
}

static void judge_namespaces(struct analysis *n, const struct object *o, const struct strs *names, struct pos pos,
			     const char *path)
{
	const struct kind_list *list = analysis_list(n, KIND_NAMESPACE);

	for (size_t i = 0; i < names->n && list->n; i++)
		if (!strchr(names->v[i], '*') && !kind_list_find(list, "", names->v[i]))
			analysis_add(n, o, D_REFERENCE_MISSING, pos, arena_printf(n->a, "%s[%zu]", path, i),
				     "there is no namespace %s", names->v[i]);
}

static bool any_of(const struct strs *const *lists, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lists[i]->n)
			return true;
	return false;
}

/* It asks for what only requests have, and not for the port. */
static bool is_about_requests(const struct authz_rule *r)
{
	bool found = false;

	for (size_t i = 0; i < r->n_from; i++) {
		const struct authz_source *s = r->from[i].source;

		found = found || s->request_principals.n || s->not_request_principals.n;
	}
	for (size_t i = 0; i < r->n_to; i++) {
		const struct authz_operation *o = r->to[i].operation;
		const struct strs *const lists[] = {&o->hosts, &o->not_hosts, &o->methods, &o->not_methods, &o->paths, &o->not_paths};

		if (o->ports.n || o->not_ports.n)
			return false;
		found = found || any_of(lists, ARRAY_LEN(lists));
	}
	for (size_t i = 0; i < r->n_when; i++) {
		if (!strcmp(r->when[i].key, "destination.port"))
			return false;
		found = found || !strncmp(r->when[i].key, "request.", strlen("request."));
	}
	return found;
}

/* A port for other than HTTP of a Service whose pods the policy is for, or NULL. */
static const struct svc_port *tcp_port_of(const struct analysis *n, const struct object *o, const struct svc **svc)
{
	const struct policy_selector *selector = object_spec(o, authorization_policy)->selector;

	for (size_t i = 0; i < n->s->n_kube; i++) {
		*svc = n->s->kube[i];
		if ((!is_root(n, o->ns) && strcmp((*svc)->ns, o->ns) != 0) || !(*svc)->selector.n ||
		    (selector && !labels_match(&selector->match_labels, &(*svc)->selector)))
			continue;
		for (size_t k = 0; k < (*svc)->n_ports; k++) {
			enum protocol p = (*svc)->ports[k].protocol;

			if (!protocol_is_http(p) && p != PROTO_UDP && p != PROTO_UNSUPPORTED)
				return &(*svc)->ports[k];
		}
	}
	return NULL;
}

static void judge_connections(struct analysis *n, const struct object *o)
{
	const struct authorization_policy *p = object_spec(o, authorization_policy);
	const struct svc *svc = NULL;
	const struct svc_port *port = NULL;
	size_t about_requests = 0, first = 0;

	for (size_t i = p->n_rules; i-- > 0;)
		if (is_about_requests(&p->rules[i])) {
			about_requests++;
			first = i;
		}
	if (about_requests && (p->action == AUTHZ_DENY || (p->action == AUTHZ_ALLOW && about_requests == p->n_rules)))
		port = tcp_port_of(n, o, &svc);
	if (port)
		analysis_add(n, o, D_POLICY_FOR_CONNECTIONS, p->rules[first].pos, arena_printf(n->a, "spec.rules[%zu]", first),
			     p->action == AUTHZ_DENY ? "every connection to port %u of Service %s/%s is denied, as it is no HTTP"
						     : "no connection to port %u of Service %s/%s is allowed, as it is no HTTP",
			     port->port, svc->ns, svc->name);
}

/* Is one of the policies in force at the pod? Of RequestAuthentications only those with rules count. */
static bool is_in_force(const struct analysis *n, const struct object *const *all, size_t n_all,
			const struct object *pod)
{
	struct arena_mark mark = arena_mark(n->a);
	struct policy_set set;
	bool found = false;

	policy_set_build(n->s, all, n_all, pod->ns, &pod->labels, n->a, &set);
	for (size_t i = 0; i < set.n; i++)
		found = found || set.v[i]->kind != KIND_REQUEST_AUTHENTICATION ||
			object_spec(set.v[i], request_authentication)->n_jwt_rules;
	arena_rewind(n->a, mark);
	return found;
}

static bool checks_tokens(const struct analysis *n, const struct object *pod)
{
	return is_in_force(n, n->s->authn, n->s->n_authn, pod);
}

static bool asks_for_tokens(const struct authz_rule *r)
{
	for (size_t i = 0; i < r->n_from; i++)
		if (r->from[i].source->request_principals.n || r->from[i].source->not_request_principals.n)
			return true;
	for (size_t i = 0; i < r->n_when; i++)
		if (!strncmp(r->when[i].key, "request.auth.", strlen("request.auth.")))
			return true;
	return false;
}

static void judge_tokens(struct analysis *n, const struct object *o)
{
	const struct authorization_policy *p = object_spec(o, authorization_policy);
	const struct kind_list *pods = analysis_list(n, KIND_POD);
	size_t first = p->n_rules;

	for (size_t i = p->n_rules; i-- > 0;)
		if (asks_for_tokens(&p->rules[i]))
			first = i;
	for (size_t i = 0; first < p->n_rules && i < pods->n; i++) {
		if (!is_in_force(n, &o, 1, pods->v[i]) || checks_tokens(n, pods->v[i]))
			continue;
		analysis_add(n, o, D_TOKENS_UNCHECKED, p->rules[first].pos, arena_printf(n->a, "spec.rules[%zu]", first),
			     "no RequestAuthentication checks tokens at the pod %s", analysis_name(n, pods->v[i]));
		return;
	}
}

void analyze_authorization(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_AUTHORIZATION_POLICY);

	for (size_t i = 0; i < list->n; i++) {
		const struct authorization_policy *p = object_spec(list->v[i], authorization_policy);

		if (n->has_pods && p->selector && !has_workload(n, list->v[i], p->selector))
			analysis_add(n, list->v[i], D_WORKLOADS_MISSING, p->selector->pos, "spec.selector",
				     "no pod has the labels %s", analysis_selector(n, &p->selector->match_labels));
		judge_connections(n, list->v[i]);
		judge_tokens(n, list->v[i]);
		for (size_t r = 0; r < p->n_rules; r++)
			for (size_t k = 0; k < p->rules[r].n_from; k++)
				judge_namespaces(n, list->v[i], &p->rules[r].from[k].source->namespaces,
						 p->rules[r].from[k].source->pos,
						 arena_printf(n->a, "spec.rules[%zu].from[%zu].source.namespaces", r, k));
	}
}

/* ---- routes by claims ---- */

static const char *find_claim(const struct virtual_service *spec)
{
	static const char prefix[] = "@request.auth.claims";

	for (size_t i = 0; i < spec->n_http; i++) {
		for (size_t m = 0; m < spec->http[i].n_match; m++) {
			const struct http_match *match = &spec->http[i].match[m];

			for (size_t k = 0; k < match->n_headers; k++)
				if (!strncasecmp(match->headers_keys[k], prefix, strlen(prefix)))
					return match->headers_keys[k];
			for (size_t k = 0; k < match->n_without_headers; k++)
				if (!strncasecmp(match->without_headers_keys[k], prefix, strlen(prefix)))
					return match->without_headers_keys[k];
		}
	}
	return NULL;
}

static void judge_claims(struct analysis *n, const struct object *o, const char *claim)
{
	const struct kind_list *pods = analysis_list(n, KIND_POD);
	const struct virtual_service *spec = object_spec(o, virtual_service);

	for (size_t i = 0; i < spec->gateways.n; i++) {
		const char *name = vs_resolve_gateway(spec->gateways.v[i], o->ns, n->a), *slash = strchr(name, '/');
		const struct object *gw = slash ? analysis_object(n, KIND_GATEWAY,
			arena_strndup(n->a, name, (size_t)(slash - name)), slash + 1) : NULL;

		for (size_t k = 0; gw && k < pods->n; k++) {
			if (!labels_match(&object_spec(gw, gateway)->selector, &pods->v[k]->labels) ||
			    checks_tokens(n, pods->v[k]))
				continue;
			analysis_add(n, o, D_CLAIM_ROUTE_UNCHECKED, (struct pos){0}, "spec.http",
				     "it routes by %s, and no RequestAuthentication checks tokens at the pod %s of Gateway %s",
				     claim, analysis_name(n, pods->v[k]), name);
			return;
		}
	}
}

void analyze_claims(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_VIRTUAL_SERVICE);

	for (size_t i = 0; i < list->n; i++) {
		const char *claim = find_claim(object_spec(list->v[i], virtual_service));

		if (claim)
			judge_claims(n, list->v[i], claim);
	}
}
