/* SPDX-License-Identifier: Apache-2.0
 *
 * What targets that compile manifests share: objects of a text, and the proxies that they are compiled
 * for, by the labels and names that the golden cases use: the corpus is made of their manifests.
 */
#ifndef TEST_FUZZ_MANIFESTS_H
#define TEST_FUZZ_MANIFESTS_H

#include <string.h>

#include "base/must.h"
#include "base/vec.h"
#include "mesh/proxy.h"
#include "model/load.h"
#include "store/store.h"

enum { PROXIES = 3 };

static const char *const proxy_files[PROXIES] = {
	"{type: sidecar, id: client.default, namespace: default, ips: [10.1.1.1], labels: {app: client},"
	" metadata: {DNS_CAPTURE: \"true\"}, dns_domain: default.svc.cluster.local}",
	"{type: router, id: gw.istio-system, namespace: istio-system, ips: [10.1.2.1],"
	" labels: {istio: ingressgateway, app: gateway}, dns_domain: istio-system.svc.cluster.local}",
	"{type: sidecar, id: web.default, namespace: default, ips: [10.1.3.1],"
	" labels: {app: web, version: v1}, metadata: {GENERATOR: grpc}, dns_domain: default.svc.cluster.local}",
};

struct objects {
	struct arena *arena;
	VEC(struct object *) v;
	VEC(struct object *) refused;	/* invalid ones, as they are written */
};

static void objects_take(const struct load_item *item, void *arg)
{
	struct objects *o = arg;

	if (item->object)
		*vec_push(&o->v, o->arena) = item->object;
	if (item->refused)
		*vec_push(&o->refused, o->arena) = object_ref(item->refused);
}

/* The objects of a text as the daemon reads it, in a; objects_drop is due. */
static struct objects objects_load(const uint8_t *data, size_t size, struct arena *a)
{
	struct objects o = {.arena = a};
	struct diags ds;

	diags_init(&ds, a);
	load_text("input", (const char *)data, size, SCHEMA_LENIENT, &ds, objects_take, &o);
	return o;
}

static void objects_drop(struct objects *o)
{
	for (size_t i = 0; i < o->v.n; i++)
		object_unref(o->v.v[i]);
	for (size_t i = 0; i < o->refused.n; i++)
		object_unref(o->refused.v[i]);
}

/* Makes the first n of the objects all that the store has: of one name the last counts. */
static void objects_store(const struct objects *o, size_t n, struct store *store, int source)
{
	struct store_entry *v = arena_array(o->arena, struct store_entry, n);
	struct store_place place = {.name = "input", .v = v, .n = n};

	for (size_t i = 0; i < n; i++) {
		struct object *obj = o->v.v[i];

		v[i] = (struct store_entry){
			.kind = (int)obj->kind, .ns = obj->ns, .name = obj->name, .obj = obj, .pos = obj->pos};
	}
	store_put(store, source, &place);
	store_source_synced(store, source);
	store_commit(store);
}

static struct view view_of(const struct snapshot *s, int i, struct arena *a)
{
	struct node_docs docs;
	struct proxy proxy;
	struct diags ds;
	struct view view;
	struct err e;

	diags_init(&ds, a);
	docs = node_parse(proxy_files[i], strlen(proxy_files[i]), 1, a, &ds);
	must(docs.n == 1 && !docs.v[0].bad);
	must(!proxy_from_file(docs.v[0].root, a, &proxy, &e));
	view_build(s, &proxy, a, &view);
	return view;
}

#endif
