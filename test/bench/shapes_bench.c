/* SPDX-License-Identifier: Apache-2.0
 *
 * Cold generation for one proxy: from objects that are decoded to a snapshot and a view, and from these
 * to the bytes of all resources of some types, with nothing of before to reuse. Processor time of one
 * thread, medians.
 *
 * usage: shapes_bench MANIFESTS sidecar|router CDS,LDS...      prints "name value" lines
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/must.h"
#include "ev/file.h"
#include "mesh/proxy.h"
#include "model/load.h"
#include "xds/pbw.h"
#include "xds/res.h"

enum { ROUNDS_MIN = 9, ROUNDS_MAX = 400, TEXT_MAX = 64 << 20 };
static const int64_t budget_ns = 600 * 1000 * 1000;	/* for the rounds of one step */

struct objects {
	VEC(struct object *) v;
};

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void loaded(const struct load_item *item, void *arg)
{
	struct objects *o = arg;

	must(item->object);
	*vec_push(&o->v, NULL) = item->object;
}

static void load(struct objects *o, const char *path, struct arena *a)
{
	struct diags ds;
	struct buf text;
	struct err e;

	buf_init(&text, TEXT_MAX);
	diags_init(&ds, a);
	if (file_read(path, &text, &e)) {
		fprintf(stderr, "%s\n", e.text);
		exit(2);
	}
	load_text(path, buf_cstr(&text), text.n, SCHEMA_LENIENT, &ds, loaded, o);
	must(ds.nerrors == 0);
	buf_fini(&text);
}

static void set_proxy(const char *type, struct arena *a, struct proxy *p)
{
	bool router = !strcmp(type, "router");
	const char *text = arena_printf(a, "{type: %s, id: p.default, namespace: default, ips: [1.1.1.1], labels: {%s},"
					" dns_domain: default.svc.cluster.local, metadata: {ISTIO_VERSION: 1.26.0}}",
					type, router ? "istio: ingressgateway" : "app: proxy");
	struct node_docs docs;
	struct diags ds;
	struct err e;

	diags_init(&ds, a);
	docs = node_parse(text, strlen(text), 1, a, &ds);
	must(docs.n == 1 && !proxy_from_file(docs.v[0].root, a, p, &e));
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Runs step until its time is used up; the median in us. */
static double median_us(void (*step)(void *arg), void *arg)
{
	static int64_t took[ROUNDS_MAX];
	int64_t sum = 0;
	size_t n = 0;

	step(arg);	/* memory and caches are warm */
	while (n < ROUNDS_MIN || (n < ROUNDS_MAX && sum < budget_ns)) {
		int64_t began = cpu_ns();

		step(arg);
		took[n] = cpu_ns() - began;
		sum += took[n++];
	}
	qsort(took, n, sizeof(took[0]), compare);
	return (double)took[n / 2] / 1000;
}

struct bench {
	const struct object_set *set;
	const struct proxy *proxy;
	const struct snapshot *snap;
	const char *types;
	bool report;
};

static void rebuild(void *arg)
{
	const struct bench *b = arg;
	struct snapshot *s = snapshot_build(NULL, b->set);
	struct scope scope;
	struct view v;
	struct arena a;

	must(s);
	snapshot_adopt(s);
	arena_init(&a, 0);
	view_build(s, b->proxy, &a, &v);
	scope_build(s, &v, &a, &scope);
	arena_fini(&a);
	snapshot_unref(s);
}

static void encode(const struct ir *ir, struct build_out *out)
{
	switch (ir->type) {
	case IR_CLUSTER: build_cluster(ir->cluster, out); break;
	case IR_ENDPOINTS: build_endpoints(ir->endpoints, out); break;
	case IR_LISTENER: build_listener(ir->listener, out); break;
	case IR_ROUTES: build_routes(ir->routes, out); break;
	case IR_SECRET: build_secret(ir->secret, out); break;
	case IR_NAMES: build_names(ir->names, out); break;
	case IR_TYPES: must(false);
	}
}

/* Bytes of all resources of one type. */
static size_t generate_type(const struct plan *p, enum ir_type type, struct pbw *w, struct arena *a)
{
	size_t bytes = 0;

	for (size_t i = 0; i < p->rows[type].n; i++) {
		struct build_out out = {.arena = a, .w = w};
		struct ir ir;

		plan_expand(p, &p->rows[type].v[i], a, &ir);
		encode(&ir, &out);
		bytes += out.len;
	}
	return bytes;
}

static void generate(void *arg)
{
	const struct bench *b = arg;
	const struct plan *p;
	struct view v;
	struct arena a;
	struct pbw w;

	arena_init(&a, 0);
	pbw_init(&w, &a);
	view_build(b->snap, b->proxy, &a, &v);
	p = plan_build(b->snap, &v, &a);
	for (int t = 0; t < XDS_TYPES; t++) {
		const struct xds_type_info *info = xds_type_info((enum xds_type)t);
		size_t bytes;

		if (!strstr(b->types, info->short_name))
			continue;
		bytes = generate_type(p, info->ir, &w, &a);
		if (b->report)
			printf("%s_n %zu\n%s_kb %.1f\n", info->short_name, p->rows[info->ir].n, info->short_name,
			       (double)bytes / 1000);
	}
	arena_fini(&a);
}

int main(int argc, char **argv)
{
	struct objects o = {0};
	struct object_set set;
	struct snapshot *snap;
	struct bench b = {.set = &set, .report = true};
	struct proxy p;
	struct diags ds;
	struct arena a;

	if (argc != 4) {
		fprintf(stderr, "usage: shapes_bench MANIFESTS sidecar|router CDS,LDS...\n");
		return 2;
	}
	arena_keep_memory();	/* as navarchd does */
	arena_init(&a, 0);
	diags_init(&ds, &a);
	load(&o, argv[1], &a);
	set_proxy(argv[2], &a, &p);
	object_set_init(&set, o.v.v, o.v.n, mesh_settings_new(NULL, NULL, "cluster.local", &ds));
	snap = snapshot_build(NULL, &set);
	must(snap);
	snapshot_adopt(snap);
	b.proxy = &p;
	b.types = argv[3];
	b.snap = snap;
	generate(&b);
	b.report = false;
	printf("snapshot_us %.1f\n", median_us(rebuild, &b));
	printf("generate_us %.1f\n", median_us(generate, &b));
	snapshot_unref(snap);
	object_set_unref(&set);
	for (size_t i = 0; i < o.v.n; i++)
		object_unref(o.v.v[i]);
	vec_fini(&o.v);
	arena_fini(&a);
	return 0;
}
