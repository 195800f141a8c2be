/* SPDX-License-Identifier: Apache-2.0
 *
 * P7: one EndpointSlice changes, of one service of 1,000 and of 10,000 that a view sees. The time of each
 * step, by the short way and by planning all of the view again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/must.h"
#include "mesh/proxy.h"
#include "model/load.h"
#include "xds/res.h"

enum { ROUNDS = 20 };

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct objects {
	VEC(struct object *) v;
};

static void loaded(const struct load_item *item, void *arg)
{
	struct objects *o = arg;

	must(item->object);
	*vec_push(&o->v, NULL) = item->object;
}

static void load(struct objects *o, const char *text, size_t len)
{
	struct arena a;
	struct diags ds;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	load_text("bench.yaml", text, len, SCHEMA_LENIENT, &ds, loaded, o);
	arena_fini(&a);
}

static void slice(struct objects *o, unsigned i, unsigned last)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s%u, namespace: shop, labels: {kubernetes.io/service-name: s%u}}\n"
		       "addressType: IPv4\nports: [{name: http, port: 8080}, {name: tcp, port: 8081}]\n"
		       "endpoints: [{addresses: [10.1.%u.%u]}, {addresses: [10.2.%u.%u]}]\n",
		   i, i, i / 256 % 256, i % 256, i % 256, last);
	load(o, b.p, b.n);
	buf_fini(&b);
}

static void service(struct objects *o, unsigned i)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "apiVersion: v1\nkind: Service\nmetadata: {name: s%u, namespace: shop}\n"
		       "spec: {clusterIP: 10.%u.%u.%u, selector: {app: s%u}, ports: [{name: http, port: 80}, {name: tcp, port: 81}]}\n",
		   i, 100 + i / 65536, i / 256 % 256, i % 256, i);
	load(o, b.p, b.n);
	buf_fini(&b);
}

/* The same but for one slice. */
static void change(const struct object_set *from, struct object *old, struct object *new, struct object_set *out)
{
	const struct kind_list *slices = from->kind[KIND_ENDPOINT_SLICE];
	struct kind_list *list = kind_list_new(slices->n);

	*out = *from;
	object_set_ref(out);
	for (size_t i = 0; i < slices->n; i++)
		list->v[list->n++] = object_ref(slices->v[i] == old ? new : slices->v[i]);
	kind_list_unref(slices);
	out->kind[KIND_ENDPOINT_SLICE] = list;
}

struct times {
	double snapshot_us, compile_us, adopt_us;
};

static double least(double a, int64_t ns)
{
	double us = (double)ns / 1000;

	return a == 0 || us < a ? us : a;
}

static struct bundle *step(struct res_table *t, const struct snapshot *s, const struct view *v, struct bundle *prev,
			   struct times *out)
{
	int64_t began = now_ns(), compiled;
	struct bundle *b;
	struct arena a;
	struct compiled *c;

	arena_init(&a, 0);
	c = compile_view(s, v, prev, &a);
	must(!c->broken);
	compiled = now_ns();
	b = bundle_adopt(t, c, prev);
	out->compile_us = least(out->compile_us, compiled - began);
	out->adopt_us = least(out->adopt_us, now_ns() - compiled);
	arena_fini(&a);
	return b;
}

static void run(unsigned n)
{
	struct objects o = {0};
	struct object_set sets[2];
	struct diags ds;
	struct arena a;
	struct proxy p;
	struct view v;
	struct err e;
	struct snapshot *s;
	struct res_table t;
	struct bundle *b;
	struct times quick = {0}, whole = {0};

	arena_init(&a, 0);
	diags_init(&ds, &a);
	for (unsigned i = 0; i < n; i++)
		service(&o, i);
	for (unsigned i = 0; i < n; i++)
		slice(&o, i, 1);
	slice(&o, 7, 2);
	object_set_init(&sets[0], o.v.v, o.v.n - 1, mesh_settings_new(NULL, NULL, "cluster.local", &ds));
	change(&sets[0], o.v.v[n + 7], o.v.v[2 * n], &sets[1]);
	must(!proxy_parse("sidecar~10.9.9.9~a.shop~shop.svc.cluster.local", NULL, NULL, NULL, NULL, NULL, &a, &p, &e));
	res_table_init(&t);
	s = snapshot_build(NULL, &sets[0]);
	snapshot_adopt(s);
	view_build(s, &p, &a, &v);
	b = step(&t, s, &v, NULL, &whole);
	whole = (struct times){0};
	for (unsigned i = 1; i <= ROUNDS; i++) {
		int64_t began = now_ns();
		struct snapshot *next = snapshot_build(s, &sets[i % 2]);
		struct bundle *two, *three;
		struct view again;

		quick.snapshot_us = least(quick.snapshot_us, now_ns() - began);
		snapshot_adopt(next);
		must(next->same_views);
		view_build(next, &p, &a, &again);
		two = step(&t, next, &again, b, &quick);
		b->gen = 0;	/* as if it were older */
		three = step(&t, next, &again, b, &whole);
		for (int type = 0; type < XDS_TYPES; type++)
			must(hash_equal(two->set[type]->hash, three->set[type]->hash));
		bundle_unref(&t, b);
		bundle_unref(&t, three);
		snapshot_unref(s);
		s = next;
		b = two;
	}
	printf("%u services: snapshot %.0f us; a view: compiled %.1f us, adopted %.1f us; whole: %.0f us and %.0f us\n", n,
	       quick.snapshot_us, quick.compile_us, quick.adopt_us, whole.compile_us, whole.adopt_us);
	bundle_unref(&t, b);
	snapshot_unref(s);
	res_table_fini(&t);
	object_set_unref(&sets[0]);
	object_set_unref(&sets[1]);
	for (size_t i = 0; i < o.v.n; i++)
		object_unref(o.v.v[i]);
	vec_fini(&o.v);
	arena_fini(&a);
}

int main(void)
{
	run(1000);
	run(10000);
	return 0;
}
