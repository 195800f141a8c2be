/* SPDX-License-Identifier: Apache-2.0
 *
 * P8, nothing half-built leaves: what one view is to get must hold together by itself.
 */
#include "xds/res.h"

#include <string.h>

#include "xds/request.h"

enum { RESOURCE_MAX = 64 * 1024 * 1024 };	/* bytes of one resource */

static bool has_name(const struct compiled *c, enum xds_type type, const char *name)
{
	size_t lo = 0, hi = c->set[type].n;

	if (c->base)
		return res_set_find(c->base->set[type], name) != NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(c->set[type].v[mid].name, name);

		if (!order)
			return true;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static const char *short_message(enum xds_type type)
{
	return strrchr(xds_type_info(type)->message, '.') + 1;
}

static const char *check_uses(const struct compiled *c, enum xds_type type, const struct res_new *r,
			      struct arena *a)
{
	const struct res_use *uses = r->same ? r->same->uses : r->uses;
	size_t n = r->same ? r->same->n_uses : r->n_uses;

	for (size_t i = 0; i < n; i++)
		if (uses[i].required && !has_name(c, uses[i].type, uses[i].name))
			return arena_printf(a, "%s \"%s\" refers to %s \"%s\", which is not there",
					    short_message(type), r->name, short_message(uses[i].type),
					    uses[i].name);
	return NULL;
}

static const char *check_row(const struct res_new *r, const struct res_new *before, enum xds_type type,
			     struct arena *a)
{
	size_t len = r->same ? r->same->len : r->len;
	int order = before ? strcmp(before->name, r->name) : -1;

	if (!r->name[0])
		return arena_printf(a, "a %s has no name", short_message(type));
	if (strlen(r->name) > XDS_NAME_LEN_MAX)
		return arena_printf(a, "the name of %s \"%.60s...\" is longer than %d bytes",
				    short_message(type), r->name, XDS_NAME_LEN_MAX);
	if (order >= 0)
		return arena_printf(a, "%s \"%s\" is %s", short_message(type), r->name,
				    order ? "out of order" : "there twice");
	if (len > RESOURCE_MAX)
		return arena_printf(a, "%s \"%s\" has %zu bytes, more than %d", short_message(type), r->name,
				    len, RESOURCE_MAX);
	return NULL;
}

const char *closure_check(const struct compiled *c, struct arena *a)
{
	const char *why = NULL;

	/* order first: has_name relies on it */
	for (int t = 0; t < XDS_TYPES; t++)
		for (size_t i = 0; i < c->set[t].n && !why; i++)
			why = check_row(&c->set[t].v[i], i ? &c->set[t].v[i - 1] : NULL, (enum xds_type)t, a);
	for (int t = 0; t < XDS_TYPES && !why; t++)
		for (size_t i = 0; i < c->set[t].n && !why; i++)
			why = check_uses(c, (enum xds_type)t, &c->set[t].v[i], a);
	return why;
}
