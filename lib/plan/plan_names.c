/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that other tools know: clusters, paths of objects, wildcard addresses
 * (istio-behaviour.md 2).
 */
#include "plan/plan_int.h"

#include <ctype.h>
#include <string.h>

const char *plan_cluster_name(struct arena *a, const char *direction, uint32_t port, const char *subset,
			      const char *host)
{
	return arena_printf(a, "%s|%u|%s|%s", direction, port, subset ? subset : "", host);
}

/* "VirtualService" -> "virtual-service" */
static const char *kebab(struct arena *a, const char *kind)
{
	char *out = arena_alloc(a, 2 * strlen(kind) + 1), *p = out;

	for (const char *s = kind; *s; s++) {
		if (isupper((unsigned char)*s) && s != kind)
			*p++ = '-';
		*p++ = (char)tolower((unsigned char)*s);
	}
	return out;
}

const char *plan_config_path(struct arena *a, const struct object *obj)
{
	const struct kind_info *k = kind_info(obj->kind);

	return arena_printf(a, "/apis/%s/v1/namespaces/%s/%s/%s", k->group, obj->ns, kebab(a, k->name), obj->name);
}

const char *plan_wildcard(const struct view *v)
{
	return v->v6 && !v->v4 ? "::" : "0.0.0.0";
}
