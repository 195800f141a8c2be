/* SPDX-License-Identifier: Apache-2.0
 *
 * Generations of a case, and the histories that must all end alike.
 */
#include "golden.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "mesh/gwapi_status.h"

static int build_bundles(const struct golden_case *c, struct res_table *t, const struct live *prev,
			 struct live *out, struct err *e)
{
	for (size_t i = 0; i < c->n_proxies; i++) {
		struct bundle *before = prev ? prev->bundles[i] : NULL;
		struct arena a;
		struct view v;
		const struct compiled *made;
		int rc = 0;

		arena_init(&a, 0);
		view_build(out->snap, &c->proxies[i].proxy, &a, &v);
		made = compile_view(out->snap, &v, before, &a);
		if (made->broken)
			rc = err_set(e, ERR_REFUSED, "proxy %s: %s", c->proxies[i].name, made->broken);
		else
			out->bundles[i] = bundle_adopt(t, made, before);
		arena_fini(&a);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int live_build(const struct golden_case *c, struct res_table *t, const struct live *prev,
	       const struct mesh_settings *settings, struct object *const *objs, size_t n,
	       struct live *out, struct err *e)
{
	struct object_set set;

	object_set_init(&set, objs, n, (struct mesh_settings *)mesh_settings_ref(settings));
	out->snap = snapshot_build(prev ? prev->snap : NULL, &set);
	must(out->snap);
	snapshot_adopt(out->snap);
	object_set_unref(&set);
	out->bundles = calloc(c->n_proxies + 1, sizeof(struct bundle *));
	must(out->bundles);
	return build_bundles(c, t, prev, out, e);
}

void live_fini(const struct golden_case *c, struct res_table *t, struct live *l)
{
	for (size_t i = 0; l->bundles && i < c->n_proxies; i++)
		bundle_unref(t, l->bundles[i]);
	free(l->bundles);
	snapshot_unref(l->snap);
	*l = (struct live){0};
}

void live_verdicts(const struct live *l, struct buf *out)
{
	for (size_t i = 0; i < l->snap->n_verdicts; i++) {
		const struct verdict *v = &l->snap->verdicts[i];

		buf_printf(out, "%s %s/%s %s", kind_info(v->obj->kind)->name, v->obj->ns, v->obj->name,
			   verdict_state_name(v->state));
		for (size_t k = 0; k < v->n_why; k++)
			buf_printf(out, " %s", diag_info(v->why[k].code)->id);
		buf_char(out, '\n');
	}
}

void live_statuses(const struct live *l, struct buf *out)
{
	struct api_statuses all;
	struct arena a;

	arena_init(&a, 0);
	api_statuses_build(l->snap, true, &a, &all);
	api_statuses_to_text(&all, out);
	arena_fini(&a);
}

static int compare_sets(const struct golden_proxy *p, const struct res_set *got, const struct res_set *want,
			struct err *e)
{
	const char *type = xds_type_info(got->type)->short_name;

	for (size_t i = 0; i < got->n && i < want->n; i++) {
		const struct res *a = got->row[i].res, *b = want->row[i].res;

		if (strcmp(a->name, b->name) != 0)
			return err_set(e, ERR_REFUSED, "proxy %s: %s has %s, not %s", p->name, type, a->name, b->name);
		if (a->len != b->len || memcmp(a->bytes, b->bytes, a->len) != 0)
			return err_set(e, ERR_REFUSED, "proxy %s: %s %s has other bytes", p->name, type, a->name);
	}
	if (got->n != want->n)
		return err_set(e, ERR_REFUSED, "proxy %s: %zu %s, not %zu", p->name, got->n, type, want->n);
	if (!hash_equal(got->hash, want->hash))
		return err_set(e, ERR_REFUSED, "proxy %s: %s has another version", p->name, type);
	return 0;
}

static int compare_texts(const struct live *got, const struct live *want, const char *what,
			 void (*print)(const struct live *l, struct buf *out), struct err *e)
{
	struct buf a, b;
	const char *x, *y;
	int rc = 0;

	buf_init(&a, GOLDEN_TEXT_MAX);
	buf_init(&b, GOLDEN_TEXT_MAX);
	print(got, &a);
	print(want, &b);
	x = buf_cstr(&a);
	y = buf_cstr(&b);
	if (strcmp(x, y) != 0) {
		size_t i = 0;

		while (x[i] && x[i] == y[i])
			i++;
		while (i && x[i - 1] != '\n')
			i--;
		rc = err_set(e, ERR_REFUSED, "%s differ: %.*s, not %.*s", what, (int)strcspn(x + i, "\n"), x + i,
			     (int)strcspn(y + i, "\n"), y + i);
	}
	buf_fini(&a);
	buf_fini(&b);
	return rc;
}

int live_compare(const struct golden_case *c, const struct live *got, const struct live *want, struct err *e)
{
	for (size_t i = 0; i < c->n_proxies; i++) {
		if (!hash_equal(got->bundles[i]->view, want->bundles[i]->view))
			return err_set(e, ERR_REFUSED, "proxy %s: has another view", c->proxies[i].name);
		for (int t = 0; t < XDS_TYPES; t++)
			if (compare_sets(&c->proxies[i], got->bundles[i]->set[t], want->bundles[i]->set[t], e) < 0)
				return -1;
	}
	if (compare_texts(got, want, "verdicts", live_verdicts, e))
		return -1;
	return compare_texts(got, want, "statuses", live_statuses, e);
}

/* ---- histories ---- */

struct history {
	const struct golden_case *c;
	struct res_table *t;
	const struct mesh_settings *settings;
	struct live now;
};

/* The next generation, from the one before; it must equal one from nothing. */
static int step(struct history *h, struct object *const *objs, size_t n, struct err *e)
{
	struct live next = {0}, scratch = {0};
	int rc = live_build(h->c, h->t, h->now.snap ? &h->now : NULL, h->settings, objs, n, &next, e);

	if (rc == 0)
		rc = live_build(h->c, h->t, NULL, h->settings, objs, n, &scratch, e);
	if (rc == 0 && live_compare(h->c, &next, &scratch, e) < 0)
		rc = err_wrap(e, "live, not from scratch");
	live_fini(h->c, h->t, &scratch);
	live_fini(h->c, h->t, &h->now);
	h->now = next;
	return rc;
}

static const char *object_label(const struct golden_case *c, const struct object *o)
{
	return arena_printf((struct arena *)&c->arena, "%s %s/%s", kind_info(o->kind)->name, o->ns, o->name);
}

/* Objects come one by one, in an order that seed gives. */
static int one_by_one(struct history *h, uint32_t seed, struct object **v, struct err *e)
{
	size_t n = h->c->n_objs;

	for (size_t i = 0; i < n; i++)
		v[i] = h->c->objs[i];
	for (size_t i = n; i > 1; i--) {
		struct object *o = v[i - 1];
		size_t k;

		seed = seed * 1664525u + 1013904223u;
		k = (seed >> 8) % i;
		v[i - 1] = v[k];
		v[k] = o;
	}
	for (size_t i = 0; i <= n; i++)
		if (step(h, v, i, e) < 0)
			return err_wrap(e, "adding one by one, %s", i ? object_label(h->c, v[i - 1]) : "none yet");
	return 0;
}

/* v = all objects but the one at i. */
static void take_all_but(const struct history *h, size_t i, struct object **v)
{
	for (size_t k = 0; k + 1 < h->c->n_objs; k++)
		v[k] = h->c->objs[k + (k >= i)];
}

/* Each object goes and comes back; then each comes back in the step in which the next one goes. */
static int out_and_in(struct history *h, struct object **v, struct err *e)
{
	size_t n = h->c->n_objs;

	for (size_t i = 0; i < n; i++) {
		take_all_but(h, i, v);
		if (step(h, v, n - 1, e) < 0)
			return err_wrap(e, "without %s", object_label(h->c, h->c->objs[i]));
		if (step(h, h->c->objs, n, e) < 0)
			return err_wrap(e, "with %s back", object_label(h->c, h->c->objs[i]));
	}
	for (size_t i = 0; i < n; i++) {
		take_all_but(h, i, v);
		if (step(h, v, n - 1, e) < 0)
			return err_wrap(e, "without %s, with the one before it back", object_label(h->c, h->c->objs[i]));
	}
	return 0;
}

/* The same object, made anew today. Borrows from o. */
static struct object *younger(const struct object *o)
{
	struct object *y = malloc(sizeof(*y));

	must(y);
	*y = *o;
	y->refs = 1;
	y->created_ns = INT64_MAX / 2;
	y->hash = hash_mix_u64(o->hash, 1);
	arena_init(&y->arena, 0);
	return y;
}

/* Each object changes where it stands, in its age, and changes back. */
static int change(struct history *h, struct object **v, struct err *e)
{
	size_t n = h->c->n_objs;
	int rc = step(h, h->c->objs, n, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct object *y = younger(h->c->objs[i]);

		for (size_t k = 0; k < n; k++)
			v[k] = k == i ? y : h->c->objs[k];
		rc = step(h, v, n, e);
		if (rc == 0)
			rc = step(h, h->c->objs, n, e);
		if (rc < 0) {	/* nothing may outlive what y borrows from */
			err_wrap(e, "%s with another age", object_label(h->c, y));
			live_fini(h->c, h->t, &h->now);
		}
		object_unref(y);
	}
	return rc;
}

/* Everything goes, and comes back, at once. */
static int all_at_once(struct history *h, struct err *e)
{
	if (step(h, h->c->objs, 0, e) < 0 || step(h, h->c->objs, h->c->n_objs, e) < 0)
		return err_wrap(e, "all at once");
	return 0;
}

/* The mesh settings come after the objects. */
static int mesh_after(struct history *h, struct err *e)
{
	struct diags ds;
	struct arena a;
	struct mesh_settings *plain;
	int rc;

	if (!h->c->has_mesh)
		return 0;
	arena_init(&a, 0);
	diags_init(&ds, &a);
	plain = mesh_settings_new(NULL, NULL, "cluster.local", &ds);
	h->settings = plain;
	rc = step(h, h->c->objs, h->c->n_objs, e);
	h->settings = h->c->settings;
	if (rc == 0)
		rc = step(h, h->c->objs, h->c->n_objs, e);
	mesh_settings_unref(plain);
	arena_fini(&a);
	return rc < 0 ? err_wrap(e, "mesh.yaml after the objects") : 0;
}

int replay(const struct golden_case *c, struct res_table *t, const struct live *want, struct err *e)
{
	struct history h = {.c = c, .t = t, .settings = c->settings};
	struct object **v = calloc(c->n_objs + 1, sizeof(struct object *));
	int rc = 0;

	must(v);
	for (uint32_t seed = 1; rc == 0 && seed <= 2; seed++) {
		live_fini(c, t, &h.now);
		rc = one_by_one(&h, seed, v, e);
	}
	if (rc == 0)
		rc = out_and_in(&h, v, e);
	if (rc == 0)
		rc = change(&h, v, e);
	if (rc == 0)
		rc = all_at_once(&h, e);
	if (rc == 0)
		rc = mesh_after(&h, e);
	if (rc == 0 && h.now.snap && live_compare(c, &h.now, want, e) < 0)
		rc = err_wrap(e, "after all histories");
	live_fini(c, t, &h.now);
	free(v);
	return rc;
}
