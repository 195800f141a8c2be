/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/snapshot.h"

#include <string.h>

struct visibility visibility_of(const struct strs *export_to, const struct strs *def,
				const char *own_ns, struct arena *a)
{
	const struct strs *from = export_to->n ? export_to : def;
	struct visibility v = {.all = from->n == 0};
	const char **names = arena_array(a, const char *, from->n);
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++) {
		if (strcmp(from->v[i], "*") == 0)
			v.all = true;
		else if (strcmp(from->v[i], "~") == 0)
			v.none = true;
		else if (strcmp(from->v[i], ".") == 0 || strcmp(from->v[i], own_ns) == 0)
			v.own = true;
		else
			names[n++] = from->v[i];
	}
	/* "~" hides only what nothing else shows */
	v.none = v.none && !v.all && !v.own && n == 0;
	v.ns = (struct strs){.v = names, .n = n};
	return v;
}

bool visibility_sees(const struct visibility *v, const char *own_ns, const char *from_ns)
{
	if (v->none)
		return false;
	if (v->all || (v->own && strcmp(own_ns, from_ns) == 0))
		return true;
	for (size_t i = 0; i < v->ns.n; i++)
		if (strcmp(v->ns.v[i], from_ns) == 0)
			return true;
	return false;
}

bool visibility_is_private(const struct visibility *v, const char *own_ns)
{
	if (v->all || !v->own)
		return false;
	for (size_t i = 0; i < v->ns.n; i++)
		if (strcmp(v->ns.v[i], own_ns) != 0)
			return false;
	return true;
}
