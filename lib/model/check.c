/* SPDX-License-Identifier: Apache-2.0 */
#include "model/check.h"

const char *check_path(struct check *c, const char *fmt, ...)
{
	va_list ap;
	char *out;

	va_start(ap, fmt);
	out = arena_vprintf(c->ds->arena, fmt, ap);
	va_end(ap);
	return out;
}

void check_at(struct check *c, enum diag_code code, const char *path, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(c->ds->arena, fmt, ap);
	va_end(ap);
	diag_add(c->ds, code, node_at(c->root, path)->pos, path, "%s", text);
}
