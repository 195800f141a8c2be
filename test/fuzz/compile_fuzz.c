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
#include "base/vec.h"
#include "line_mutator.h"
#include "mesh/proxy.h"
#include "model/load.h"
#include "store/store.h"
#include "xds/pbscan.h"
#include "xds/res.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PROXIES = 3 };

static const struct pb_limits limits = {.bytes = 256 << 20, .depth = 100, .items = 1 << 24};

/* The labels and names that the golden cases use: the corpus is made of their manifests. */
static const char *const nodes[PROXIES] = {
	"{type: sidecar, id: client.default, namespace: default, ips: [10.1.1.1], labels: {app: client},"
	" dns_domain: default.svc.cluster.local}",
	"{type: router, id: gw.istio-system, namespace: istio-system, ips: [10.1.2.1],"
	" labels: {istio: ingressgateway, app: gateway}, dns_domain: istio-system.svc.cluster.local}",
	"{type: sidecar, id: web.default, namespace: default, ips: [10.1.3.1],"
	" labels: {app: web, version: v1}, metadata: {GENERATOR: grpc}, dns_domain: default.svc.cluster.local}",
};

struct items {
	struct arena *arena;
	VEC(struct store_entry) v;
};

struct generation {
	struct snapshot *snap;
	struct bundle *bundle[PROXIES];
};

static void take(const struct load_item *item, void *arg)
{
	struct items *items = arg;

	if (!item->object)
		return;
	*vec_push(&items->v, items->arena) = (struct store_entry){
		.kind = (int)item->object->kind, .ns = item->object->ns, .name = item->object->name,
		.obj = item->object, .pos = item->object->pos};
}

static struct bundle *compile(struct res_table *t, const struct snapshot *s, struct bundle *prev, int i)
{
	const struct compiled *made;
	struct node_docs docs;
	struct proxy proxy;
	struct view view;
	struct bundle *b;
	struct arena a;
	struct diags ds;
	struct err e;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	docs = node_parse(nodes[i], strlen(nodes[i]), 1, &a, &ds);
	must(docs.n == 1 && !docs.v[0].bad);
	must(!proxy_from_file(docs.v[0].root, &a, &proxy, &e));
	view_build(s, &proxy, &a, &view);
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
static void mesh(const struct items *items)
{
	struct store *store = store_new("cluster.local", "istio-system");
	int source = store_source_add(store, "fuzz");
	struct store_place place = {.name = "input", .v = items->v.v, .n = items->v.n / 2};
	struct generation half, all, anew;
	struct res_table table;

	res_table_init(&table);
	store_put(store, source, &place);
	store_source_synced(store, source);
	store_commit(store);
	half = build(&table, NULL, store_objects(store));
	place.n = items->v.n;
	store_put(store, source, &place);
	store_commit(store);
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
	struct arena a;
	struct diags ds;
	struct items items = {.arena = &a};

	arena_init(&a, 0);
	diags_init(&ds, &a);
	load_text("input", (const char *)data, size, SCHEMA_LENIENT, &ds, take, &items);
	if (items.v.n)
		mesh(&items);
	for (size_t i = 0; i < items.v.n; i++)
		object_unref(items.v.v[i].obj);
	arena_fini(&a);
	return 0;
}
