/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of resources of one view: gathered from the planners, sorted, without doubles.
 */
#include "mesh/plan_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct sortable {
	struct plan_row row;
	size_t seq;		/* first wins */
};

static int compare_rows(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	int c = strcmp(x->row.name, y->row.name);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static void keep_type(struct plan *p, const struct plan_rows *rows, enum ir_type type, struct arena *a)
{
	struct sortable *s;
	struct plan_row *out;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < rows->v.n; i++)
		n += rows->v.v[i].type == type;
	s = arena_array(a, struct sortable, n);
	out = arena_array(a, struct plan_row, n);
	n = 0;
	for (size_t i = 0; i < rows->v.n; i++)
		if (rows->v.v[i].type == type)
			s[n++] = (struct sortable){rows->v.v[i], i};
	qsort(s, n, sizeof(s[0]), compare_rows);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(out[kept - 1].name, s[i].row.name) != 0)
			out[kept++] = s[i].row;
	p->rows[type].v = out;
	p->rows[type].n = kept;
}

struct plan *plan_build(const struct snapshot *s, const struct view *v, struct arena *a)
{
	struct plan *p = arena_new(a, struct plan);
	struct plan_rows rows = {.arena = a};

	p->snap = s;
	p->view = v;
	scope_build(s, v, a, &p->scope);
	plan_cluster_rows(p, &rows);
	plan_endpoint_rows(p, &rows);
	if (v->type == PROXY_SIDECAR) {
		plan_outbound_rows(p, &rows);
		plan_inbound_rows(p, &rows);
		plan_route_rows(p, &rows);
	}
	if (v->type == PROXY_GRPC) {
		plan_route_rows(p, &rows);
		plan_grpc_rows(p, &rows);
	}
	if (v->type == PROXY_ROUTER)
		plan_gateway_rows(p, &rows);
	for (int t = 0; t < IR_TYPES; t++)
		keep_type(p, &rows, (enum ir_type)t, a);
	return p;
}

void plan_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	*out = (struct ir){.type = row->type};
	row->expand(p, row, a, out);
	must(out->cluster);
}

/* ---- origins ---- */

void origins_add(struct origins *o, const struct object *obj)
{
	if (obj)
		*vec_push(&o->v, o->arena) = obj;
}

static int compare_objects(const void *a, const void *b)
{
	return object_compare(*(const struct object *const *)a, *(const struct object *const *)b);
}

struct ir_origins origins_done(struct origins *o)
{
	size_t n = 0;

	if (o->v.n)
		qsort(o->v.v, o->v.n, sizeof(o->v.v[0]), compare_objects);
	for (size_t i = 0; i < o->v.n; i++)
		if (!n || object_compare(o->v.v[n - 1], o->v.v[i]) != 0)
			o->v.v[n++] = o->v.v[i];
	o->v.n = n;
	return (struct ir_origins){.v = o->v.v, .n = n};
}
