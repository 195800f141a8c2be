/* SPDX-License-Identifier: Apache-2.0
 *
 * Sidecars: which pods they are for, and what they hide.
 */
#include "analyze/analyze_int.h"

#include <string.h>

static const struct strmap *selector_of(const struct object *o)
{
	static const struct strmap none;
	const struct workload_labels *s = object_spec(o, sidecar)->workload_selector;

	return s ? &s->labels : &none;
}

/* Another Sidecar of the namespace that one pod, *pod, falls to as well. */
static const struct object *find_rival(const struct analysis *n, const struct object *o, const struct object **pod)
{
	const struct kind_list *list = analysis_list(n, KIND_SIDECAR), *pods = analysis_list(n, KIND_POD);
	size_t first, count = kind_list_range(pods, o->ns, &first), other, n_others;

	n_others = kind_list_range(list, o->ns, &other);
	for (size_t i = first; i < first + count; i++) {
		if (!labels_match(selector_of(o), &pods->v[i]->labels))
			continue;
		*pod = pods->v[i];
		for (size_t k = other; k < other + n_others; k++)
			if (list->v[k] != o && selector_of(list->v[k])->n &&
			    labels_match(selector_of(list->v[k]), &pods->v[i]->labels))
				return list->v[k];
	}
	return NULL;
}

static void judge_selector(struct analysis *n, const struct object *o)
{
	const struct object *pod = NULL, *rival = find_rival(n, o, &pod);

	if (rival)
		analysis_add(n, o, D_SIDECAR_SELECTOR_CONFLICT, (struct pos){0}, "spec.workloadSelector",
			     "Sidecar %s selects the pod %s too", analysis_name(n, rival), analysis_name(n, pod));
	else if (!pod && n->has_pods)
		analysis_add(n, o, D_REFERENCE_MISSING, (struct pos){0}, "spec.workloadSelector",
			     "no pod of namespace %s has the labels %s", o->ns, analysis_selector(n, selector_of(o)));
}

static void judge_default(struct analysis *n, const struct object *o)
{
	const struct kind_list *list = analysis_list(n, KIND_SIDECAR);
	size_t first, count = kind_list_range(list, o->ns, &first);

	for (size_t k = first; k < first + count; k++) {
		if (list->v[k] == o || selector_of(list->v[k])->n)
			continue;
		analysis_add(n, o, D_SIDECAR_DEFAULT_CONFLICT, (struct pos){0}, "",
			     "Sidecar %s of the namespace has no workloadSelector either", analysis_name(n, list->v[k]));
		return;
	}
}

/* ---- what it hides ---- */

static bool imports(const struct analysis *n, const struct object *o, const struct object *vs, const char *host)
{
	const struct sidecar *spec = object_spec(o, sidecar);

	for (size_t i = 0; i < spec->n_egress; i++) {
		for (size_t k = 0; k < spec->egress[i].hosts.n; k++) {
			const char *pattern = spec->egress[i].hosts.v[k], *slash = strchr(pattern, '/');
			const char *ns = slash ? arena_strndup(n->a, pattern, (size_t)(slash - pattern)) : "*";

			if ((!strcmp(ns, "*") || !strcmp(ns, vs->ns) || (!strcmp(ns, ".") && !strcmp(o->ns, vs->ns))) &&
			    host_matches(slash ? slash + 1 : pattern, host))
				return true;
		}
	}
	return false;
}

/* A VirtualService that is not imported has no effect on the Sidecar's pods. */
static void judge_hidden(struct analysis *n, const struct object *o)
{
	if (!object_spec(o, sidecar)->n_egress)
		return;
	for (size_t i = 0; i < n->s->n_vss; i++) {
		const struct vs *vs = n->s->vss[i];

		if (strcmp(vs->obj->ns, o->ns) != 0 || !strs_has(&vs->gateways, "mesh"))
			continue;
		for (size_t h = 0; h < vs->hosts.n; h++)
			if (!imports(n, o, vs->obj, vs->hosts.v[h]))
				analysis_add(n, o, D_SIDECAR_HIDES_HOST, object_spec(o, sidecar)->egress[0].pos,
					     "spec.egress", "%s, which VirtualService %s routes, is not imported",
					     vs->hosts.v[h], analysis_name(n, vs->obj));
	}
}

void analyze_sidecars(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_SIDECAR);

	for (size_t i = 0; i < list->n; i++) {
		const struct outbound_policy *policy = object_spec(list->v[i], sidecar)->outbound_traffic_policy;

		if (policy && policy->egress_proxy)
			analysis_add(n, list->v[i], D_DEPRECATED, policy->egress_proxy->pos,
				     "spec.outboundTrafficPolicy.egressProxy", "egressProxy is deprecated");
		if (selector_of(list->v[i])->n)
			judge_selector(n, list->v[i]);
		else
			judge_default(n, list->v[i]);
		judge_hidden(n, list->v[i]);
	}
}
