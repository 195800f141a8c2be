/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/policy.h"

#include <string.h>

#include "base/must.h"
#include "model/labels.h"
#include "model/security.h"

struct attachment {
	const struct policy_selector *selector;	/* or NULL */
	const char *targets;			/* the field, or NULL */
};

static const char *field_of(const struct policy_target *one, size_t n)
{
	return one ? "spec.targetRef" : n ? "spec.targetRefs" : NULL;
}

static struct attachment attachment_of(const struct object *o)
{
	const struct request_authentication *r;
	const struct authorization_policy *p;

	if (o->kind == KIND_REQUEST_AUTHENTICATION) {
		r = object_spec(o, request_authentication);
		return (struct attachment){r->selector, field_of(r->target_ref, r->n_target_refs)};
	}
	must(o->kind == KIND_AUTHORIZATION_POLICY);
	p = object_spec(o, authorization_policy);
	return (struct attachment){p->selector, field_of(p->target_ref, p->n_target_refs)};
}

const char *policy_targets(const struct object *o)
{
	return attachment_of(o).targets;
}

static bool selects(const struct object *o, const struct strmap *labels)
{
	struct attachment at = attachment_of(o);

	return !at.targets && (!at.selector || labels_match(&at.selector->match_labels, labels));
}

void policy_set_build(const struct snapshot *s, const struct object *const *all, size_t n, const char *ns,
		      const struct strmap *labels, struct arena *a, struct policy_set *out)
{
	const char *places[] = {s->mesh->root_namespace, ns};
	const struct object **v = arena_array(a, const struct object *, n);
	size_t found = 0;

	for (size_t k = strcmp(ns, places[0]) == 0; k < 2; k++)
		for (size_t i = 0; i < n; i++)
			if (strcmp(all[i]->ns, places[k]) == 0 && selects(all[i], labels))
				v[found++] = all[i];
	*out = (struct policy_set){v, found};
}
