/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/grant.h"

#include <string.h>

#include "model/gwapi.h"

static const char gateway_group[] = "gateway.networking.k8s.io", core_group[] = "";

static bool is(const char *text, const char *want)
{
	return !strcmp(text ? text : "", want);
}

static bool from_gateways_of(const struct gwapi_reference_grant *g, const char *ns)
{
	for (size_t i = 0; i < g->n_from; i++)
		if (is(g->from[i].group, gateway_group) && is(g->from[i].kind, "Gateway") && is(g->from[i].ns, ns))
			return true;
	return false;
}

static bool to_secret(const struct gwapi_reference_grant *g, const char *name)
{
	for (size_t i = 0; i < g->n_to; i++)
		if (is(g->to[i].group, core_group) && is(g->to[i].kind, "Secret") && (is(g->to[i].name, "") || is(g->to[i].name, name)))
			return true;
	return false;
}

bool grant_allows_secret(const struct snapshot *s, const char *from_ns, const char *to_ns, const char *name)
{
	const struct kind_list *grants = s->objects.kind[KIND_REFERENCE_GRANT];
	size_t first, n = kind_list_range(grants, to_ns, &first);

	for (size_t i = first; i < first + n; i++) {
		const struct gwapi_reference_grant *g = object_spec(grants->v[i], gwapi_reference_grant);

		if (from_gateways_of(g, from_ns) && to_secret(g, name))
			return true;
	}
	return false;
}
