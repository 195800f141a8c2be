/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/authz.h"

#include <string.h>

#include "model/labels.h"

static const struct authorization_policy *spec_of(const struct object *o)
{
	return object_spec(o, authorization_policy);
}

bool authz_has_targets(const struct object *o)
{
	return spec_of(o)->target_ref || spec_of(o)->n_target_refs;
}

static bool selects(const struct object *o, const struct strmap *labels)
{
	const struct policy_selector *selector = spec_of(o)->selector;

	return !authz_has_targets(o) && (!selector || labels_match(&selector->match_labels, labels));
}

void authz_set_build(const struct snapshot *s, const char *ns, const struct strmap *labels, struct arena *a,
		     struct authz_set *out)
{
	const char *places[] = {s->mesh->root_namespace, ns};
	const struct object **v = arena_array(a, const struct object *, s->n_authz);
	size_t n = 0;

	for (size_t k = strcmp(ns, places[0]) == 0; k < 2; k++)
		for (size_t i = 0; i < s->n_authz; i++)
			if (strcmp(s->authz[i]->ns, places[k]) == 0 && selects(s->authz[i], labels))
				v[n++] = s->authz[i];
	*out = (struct authz_set){v, n};
}
