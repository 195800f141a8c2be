/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests to what proxies are sent: any text is read as the daemon reads a file, and compiled for a
 * sidecar, a gateway and a proxyless client. Every set is closed and of well-formed messages (P8), and
 * what was built on a generation with half of the objects equals what is built from nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "line_mutator.h"
#include "manifests.h"
#include "xds/pbscan.h"
#include "xds/res.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pb_limits limits = {.bytes = 256 << 20, .depth = 100, .items = 1 << 24};

struct generation {
	struct snapshot *snap;
	struct bundle *bundle[PROXIES];
};

static struct bundle *compile(struct res_table *t, const struct snapshot *s, struct bundle *prev, int i)
{
	const struct compiled *made;
	struct view view;
	struct bundle *b;
	struct arena a;

	arena_init(&a, 0);
	view = view_of(s, i, &a);
	made = compile_view(s, &view, prev, &a);
	if (made->broken)
		fprintf(stderr, "broken: %s\n", made->broken);
	must(!made->broken);
	b = bundle_adopt(t, made, prev);
	arena_fini(&a);
	return b;
}

static void check_bytes(const struct bundle *b)
{
	struct err e;

	for (int t = 0; t < XDS_TYPES; t++) {
		const char *name = xds_type_info((enum xds_type)t)->message;
		const struct pb_msg *m = pb_type_find(name, strlen(name));

		for (size_t i = 0; i < b->set[t]->n; i++) {
			const struct res *r = b->set[t]->row[i].res;

			must(m && !pb_check(m, (struct pb_bytes){r->bytes, r->len}, &limits, &e));
		}
	}
}

static struct generation build(struct res_table *t, const struct generation *prev, const struct object_set *set)
{
	struct generation g = {.snap = snapshot_build(prev ? prev->snap : NULL, set)};

	must(g.snap);
	snapshot_adopt(g.snap);
	for (int i = 0; i < PROXIES; i++) {
		g.bundle[i] = compile(t, g.snap, prev ? prev->bundle[i] : NULL, i);
		check_bytes(g.bundle[i]);
	}
	return g;
}

static void drop(struct res_table *t, struct generation *g)
{
	for (int i = 0; i < PROXIES; i++)
		bundle_unref(t, g->bundle[i]);
	snapshot_unref(g->snap);
}

static void compare(const struct generation *got, const struct generation *want)
{
	must(got->snap->n_verdicts == want->snap->n_verdicts);
	for (size_t i = 0; i < got->snap->n_verdicts; i++)
		must(got->snap->verdicts[i].state == want->snap->verdicts[i].state);
	for (int i = 0; i < PROXIES; i++)
		for (int t = 0; t < XDS_TYPES; t++)
			must(hash_equal(got->bundle[i]->set[t]->hash, want->bundle[i]->set[t]->hash));
}

/* Half of the objects, then all, and all from nothing. */
static void mesh(const struct objects *objects)
{
	struct store *store = store_new("cluster.local", "istio-system");
	int source = store_source_add(store, "fuzz");
	struct generation half, all, anew;
	struct res_table table;

	res_table_init(&table);
	objects_store(objects, objects->v.n / 2, store, source);
	half = build(&table, NULL, store_objects(store));
	objects_store(objects, objects->v.n, store, source);
	all = build(&table, &half, store_objects(store));
	drop(&table, &half);
	anew = build(&table, NULL, store_objects(store));
	compare(&all, &anew);
	drop(&table, &all);
	drop(&table, &anew);
	store_free(store);
	res_table_fini(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct objects objects;
	struct arena a;

	arena_init(&a, 0);
	objects = objects_load(data, size, &a);
	if (objects.v.n)
		mesh(&objects);
	objects_drop(&objects);
	arena_fini(&a);
	return 0;
}
