/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/grant.h"

#include <string.h>

#include "model/gwapi.h"

static bool is(const char *text, const char *want)
{
	return !strcmp(text ? text : "", want);
}

static bool is_from(const struct gwapi_reference_grant *g, const struct kind_info *kind, const char *ns)
{
	for (size_t i = 0; i < g->n_from; i++)
		if (is(g->from[i].group, kind->group) && is(g->from[i].kind, kind->name) && is(g->from[i].ns, ns))
			return true;
	return false;
}

static bool is_to(const struct gwapi_reference_grant *g, const struct kind_info *kind, const char *name)
{
	for (size_t i = 0; i < g->n_to; i++)
		if (is(g->to[i].group, kind->group) && is(g->to[i].kind, kind->name) &&
		    (is(g->to[i].name, "") || is(g->to[i].name, name)))
			return true;
	return false;
}

bool grant_allows(const struct snapshot *s, enum kind from, const char *from_ns, enum kind to, const char *to_ns,
		  const char *name)
{
	const struct kind_list *grants = s->objects.kind[KIND_REFERENCE_GRANT];
	size_t first, n = kind_list_range(grants, to_ns, &first);

	for (size_t i = first; i < first + n; i++) {
		const struct gwapi_reference_grant *g = object_spec(grants->v[i], gwapi_reference_grant);

		if (is_from(g, kind_info(from), from_ns) && is_to(g, kind_info(to), name))
			return true;
	}
	return false;
}

struct hash128 grant_mix(const struct snapshot *s, const char *to_ns, struct hash128 h)
{
	const struct kind_list *grants = s->objects.kind[KIND_REFERENCE_GRANT];
	size_t first, n = kind_list_range(grants, to_ns, &first);

	for (size_t i = first; i < first + n; i++)
		h = hash_mix(h, grants->v[i]->hash);
	return hash_mix_u64(h, n);
}
