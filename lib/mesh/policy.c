/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/policy.h"

#include <string.h>

#include "base/must.h"
#include "mesh/gwapi.h"
#include "model/labels.h"
#include "model/security.h"

struct attachment {
	const struct policy_selector *selector;	/* or NULL */
	struct policy_targets targets;
};

static struct policy_targets targets_of(const struct policy_target *one, const struct policy_target *v, size_t n)
{
	return one && !n ? (struct policy_targets){one, 1, "spec.targetRef"} : (struct policy_targets){v, n, "spec.targetRefs"};
}

static struct attachment attachment_of(const struct object *o)
{
	const struct request_authentication *r;
	const struct authorization_policy *p;

	if (o->kind == KIND_REQUEST_AUTHENTICATION) {
		r = object_spec(o, request_authentication);
		return (struct attachment){r->selector, targets_of(r->target_ref, r->target_refs, r->n_target_refs)};
	}
	must(o->kind == KIND_AUTHORIZATION_POLICY);
	p = object_spec(o, authorization_policy);
	return (struct attachment){p->selector, targets_of(p->target_ref, p->target_refs, p->n_target_refs)};
}

struct policy_targets policy_targets(const struct object *o)
{
	return attachment_of(o).targets;
}

bool policy_target_is_gateway(const struct policy_target *t)
{
	return t->group && !strcmp(t->group, kind_info(KIND_GWAPI_GATEWAY)->group) && !strcmp(t->kind, kind_info(KIND_GWAPI_GATEWAY)->name);
}

/* A target is a Gateway of the policy's namespace, whose pods are known by their label. */
static bool targets_workload(const struct object *o, const struct policy_targets *targets, const char *ns, const struct strmap *labels)
{
	const char *gateway = strmap_get(labels, API_GATEWAY_LABEL);

	for (size_t i = 0; gateway && i < targets->n && strcmp(o->ns, ns) == 0; i++)
		if (policy_target_is_gateway(&targets->v[i]) && !strcmp(targets->v[i].name, gateway))
			return true;
	return false;
}

static bool selects(const struct object *o, const char *ns, const struct strmap *labels)
{
	struct attachment at = attachment_of(o);

	if (at.targets.n)
		return targets_workload(o, &at.targets, ns, labels);
	return !at.selector || labels_match(&at.selector->match_labels, labels);
}

void policy_set_build(const struct snapshot *s, const struct object *const *all, size_t n, const char *ns,
		      const struct strmap *labels, struct arena *a, struct policy_set *out)
{
	const char *places[] = {s->mesh->root_namespace, ns};
	const struct object **v = arena_array(a, const struct object *, n);
	size_t found = 0;

	for (size_t k = strcmp(ns, places[0]) == 0; k < 2; k++)
		for (size_t i = 0; i < n; i++)
			if (strcmp(all[i]->ns, places[k]) == 0 && selects(all[i], ns, labels))
				v[found++] = all[i];
	*out = (struct policy_set){v, found};
}
