/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot + view -> resources. A row of the plan whose name and inputs equal those of the
 * generation before takes that resource over; only the others are expanded and encoded.
 */
#include "xds/res.h"

#include <string.h>

#include "model/object.h"
#include "xds/pbw.h"

enum { ROW_MEMORY_MAX = 256 * 1024 * 1024 };	/* to expand and encode one resource */

static struct ir_origins encode(const struct ir *ir, struct build_out *out)
{
	switch (ir->type) {
	case IR_CLUSTER: build_cluster(ir->cluster, out); return ir->cluster->origins;
	case IR_ENDPOINTS: build_endpoints(ir->endpoints, out); return ir->endpoints->origins;
	case IR_LISTENER: build_listener(ir->listener, out); return ir->listener->origins;
	case IR_ROUTES: build_routes(ir->routes, out); return ir->routes->origins;
	case IR_SECRET: build_secret(ir->secret, out); return ir->secret->origins;
	case IR_NAMES: build_names(ir->names, out); return ir->names->origins;
	case IR_TYPES: break;
	}
	return (struct ir_origins){0};
}

static void set_origins(struct res_new *to, const struct ir_origins *from, struct arena *a)
{
	struct res_origin *v = arena_array(a, struct res_origin, from->n);

	for (size_t i = 0; i < from->n; i++)
		v[i] = (struct res_origin){from->v[i]->kind, from->v[i]->ns, from->v[i]->name};
	to->origins = v;
	to->n_origins = from->n;
}

static void build_row(const struct plan *p, const struct plan_row *row, struct pbw *w, struct res_new *to,
		      struct arena *a)
{
	struct build_out out = {.arena = a, .w = w, .rest_cluster = p->view->rest_cluster};
	struct ir ir = {0};
	struct ir_origins origins;

	plan_expand(p, row, a, &ir);
	origins = encode(&ir, &out);
	set_origins(to, &origins, a);
	to->uses = out.uses.v;
	to->n_uses = out.uses.n;
	to->bytes = out.bytes;
	to->len = out.len;
}

/* false: the memory limit was hit, and nothing of the row is left. */
static bool build_row_guarded(const struct plan *p, const struct plan_row *row, struct pbw *w, struct res_new *to,
			      struct arena *a)
{
	struct arena_guard g;

	if (arena_guard_limit(a, &g, ROW_MEMORY_MAX)) {
		pbw_init(w, a);		/* its block may have been of the row */
		return false;
	}
	build_row(p, row, w, to, a);
	arena_unguard(a, &g);
	return true;
}

/* Both lists are by name: the place in prev only moves forward. */
static struct res *find_same(const struct res_set *prev, size_t *at, const char *name, struct hash128 inputs)
{
	int order = 1;

	if (!prev)
		return NULL;
	while (*at < prev->n && (order = strcmp(prev->row[*at].res->name, name)) < 0)
		(*at)++;
	if (*at == prev->n || order || !hash_equal(prev->row[*at].inputs, inputs))
		return NULL;
	return prev->row[*at].res;
}

static struct hash128 inputs_of(const struct plan *p, const struct plan_row *row)
{
	return p->view->rest_cluster ? hash_mix_str(row->inputs, p->view->rest_cluster) : row->inputs;
}

static void compile_row(struct compiled *c, const struct plan *p, const struct plan_row *row, enum xds_type type,
			struct res_new *to, struct arena *a)
{
	c->n_built++;
	if (!build_row_guarded(p, row, c->w, to, a) && !c->broken)
		c->broken = arena_printf(a, "%s \"%s\" needs more memory than a resource may have",
					 xds_type_info(type)->message, row->name);
}

static void compile_type(struct compiled *c, const struct plan *p, enum xds_type type,
			 const struct res_set *prev, struct arena *a)
{
	enum ir_type ir = xds_type_info(type)->ir;
	const struct plan_row *rows = p->rows[ir].v;
	size_t n = p->rows[ir].n, at = 0;
	struct res_new *v = arena_array(a, struct res_new, n);

	for (size_t i = 0; i < n; i++) {
		v[i].name = rows[i].name;
		v[i].inputs = inputs_of(p, &rows[i]);
		v[i].same = find_same(prev, &at, v[i].name, v[i].inputs);
		if (!v[i].same)
			compile_row(c, p, &rows[i], type, &v[i], a);
	}
	c->set[type].v = v;
	c->set[type].n = n;
}

/* The rows of p that differ from those of c->base, which has one for each. */
static void compile_changes(struct compiled *c, const struct plan *p, enum xds_type type, struct arena *a)
{
	const struct res_set *prev = c->base->set[type];
	enum ir_type ir = xds_type_info(type)->ir;
	struct res_new *v = arena_array(a, struct res_new, p->rows[ir].n);
	size_t n = 0;

	for (size_t i = 0; i < p->rows[ir].n; i++) {
		const struct plan_row *row = &p->rows[ir].v[i];
		size_t at = res_set_index(prev, row->name);

		v[n] = (struct res_new){.name = row->name, .inputs = inputs_of(p, row)};
		if (at == (size_t)-1)
			c->broken = arena_printf(a, "%s \"%s\" came with nothing but endpoints",
						 xds_type_info(type)->message, row->name);
		else if (!hash_equal(prev->row[at].inputs, v[n].inputs))
			compile_row(c, p, row, type, &v[n++], a);
	}
	c->set[type].v = v;
	c->set[type].n = n;
}

static bool has_cluster(const void *bundle, const char *name)
{
	return res_set_find(((const struct bundle *)bundle)->set[XDS_CDS], name) != NULL;
}

struct compiled *compile_view(const struct snapshot *s, const struct view *v, const struct bundle *prev,
			      struct arena *a)
{
	struct compiled *c = arena_new(a, struct compiled);
	const struct plan *p = NULL;
	struct pbw w;

	pbw_init(&w, a);
	c->w = &w;
	c->view = v->hash;
	c->gen = s->gen;
	if (prev && hash_equal(prev->view, v->hash) && prev->gen + 1 == s->gen)
		p = plan_endpoints(s, v, has_cluster, prev, a);
	if (p)
		c->base = prev;
	else
		p = plan_build(s, v, a);
	for (int t = 0; t < XDS_TYPES && !c->broken; t++) {
		if (c->base)
			compile_changes(c, p, (enum xds_type)t, a);
		else
			compile_type(c, p, (enum xds_type)t, prev ? prev->set[t] : NULL, a);
	}
	if (!c->broken)
		c->broken = closure_check(c, a);
	c->w = NULL;
	return c;
}
