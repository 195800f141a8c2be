/* SPDX-License-Identifier: Apache-2.0
 *
 * Random manifest sets: what passes the checks is compiled for a sidecar with and without Istio's agent
 * and for a gateway. Nothing may crash, take long or leave a set inconsistent. With --dump, what was not
 * there before goes to files for envoy_check.py: whatever passes the checks must load. With --cover, a field
 * of the tables that no object has shown fails.
 *
 * usage: random_manifests [--seeds A-B] [--dump DIR] [--show SEED] [--cover]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "base/vec.h"
#include "mesh/proxy.h"
#include "model/load.h"
#include "model/meshconf.h"
#include "random_cover.h"
#include "random_draw.h"
#include "store/store.h"
#include "xds/pbjson.h"
#include "xds/res.h"

enum {
	TRIES = 8,		/* draws of an object until one passes */
	BATCH = 1000,		/* resources of one file */
	TEXT_MAX = 1 << 20,
	FILE_MAX = 1 << 30,
	SET_MS_MAX = 1000,	/* all of one set: drawn, checked, compiled */
};

static const char *const nodes[] = {
	"{type: sidecar, id: a.default, namespace: default, ips: [10.2.0.1], labels: {app: a, version: v1},"
	" dns_domain: default.svc.cluster.local}",
	"{type: sidecar, id: a.default, namespace: default, ips: [10.2.0.1], labels: {app: a, version: v1},"
	" dns_domain: default.svc.cluster.local, sds_agent: false}",
	"{type: router, id: gw.istio-system, namespace: istio-system, ips: [10.1.1.9],"
	" labels: {istio: ingressgateway, gateway.networking.k8s.io/gateway-name: a},"
	" dns_domain: istio-system.svc.cluster.local}",
	"{type: sidecar, id: b.other, namespace: other, ips: [\"2001:db8::1\", 10.2.0.2], labels: {app: b},"
	" dns_domain: other.svc.cluster.local, metadata: {INTERCEPTION_MODE: NONE, DNS_CAPTURE: \"true\"}}",
};

struct amount {
	enum kind kind;
	unsigned least, most, percent;	/* percent: of the sets that have any */
};
static const struct amount amounts[] = {
	{KIND_SERVICE, 1, 3, 95}, {KIND_POD, 1, 3, 80}, {KIND_ENDPOINT_SLICE, 1, 3, 80},
	{KIND_SERVICE_ENTRY, 1, 3, 70}, {KIND_WORKLOAD_ENTRY, 1, 2, 30}, {KIND_VIRTUAL_SERVICE, 1, 4, 95},
	{KIND_DESTINATION_RULE, 1, 4, 80}, {KIND_GATEWAY, 1, 2, 60}, {KIND_SIDECAR, 1, 2, 35},
	{KIND_HTTP_ROUTE, 1, 3, 50}, {KIND_GRPC_ROUTE, 1, 2, 25}, {KIND_TCP_ROUTE, 1, 2, 15}, {KIND_TLS_ROUTE, 1, 2, 15},
	{KIND_GWAPI_GATEWAY, 1, 2, 60}, {KIND_LISTENER_SET, 1, 2, 25}, {KIND_GATEWAY_CLASS, 1, 1, 5}, {KIND_REFERENCE_GRANT, 1, 2, 50},
	{KIND_BACKEND_TLS_POLICY, 1, 2, 35}, {KIND_CONFIG_MAP, 1, 1, 50}, {KIND_NAMESPACE, 1, 2, 40},
	{KIND_AUTHORIZATION_POLICY, 1, 3, 50}, {KIND_REQUEST_AUTHENTICATION, 1, 3, 40},
	{KIND_INGRESS, 1, 3, 50}, {KIND_INGRESS_CLASS, 1, 2, 30}, {KIND_SECRET, 1, 3, 60}, {KIND_NODE, 1, 2, 20}, {KIND_PROXY_CONFIG, 1, 2, 25}, {KIND_WORKLOAD_GROUP, 1, 1, 30},
};

struct run {
	const char *dir;	/* of --dump, or NULL */
	bool show, cover;
	struct cover fields;
	unsigned long seed, n_sets, failed;
	unsigned drawn, passed;
	int64_t worst_ns;
	unsigned long worst_seed;
	struct map seen;	/* type and hash of resources that are written */
	struct buf json[XDS_TYPES], from[XDS_TYPES];
	size_t in_batch, n_batches, n_resources;
};

struct set {
	struct run *run;
	struct arena arena;
	struct store *store;
	VEC(struct store_entry) entries;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fail(struct run *r, const char *what)
{
	printf("seed %lu: %s\n", r->seed, what);
	r->failed++;
}

/* ---- objects ---- */

static void take(const struct load_item *item, void *arg)
{
	struct set *s = arg;
	const struct object *o = item->object;

	if (!o)
		return;
	*vec_push(&s->entries, &s->arena) = (struct store_entry){
		.kind = (int)o->kind, .ns = o->ns, .name = o->name, .obj = item->object, .pos = o->pos};
}

/* Draws until one passes the checks; those that do not have shown that they do no harm. */
static void draw_until_it_passes(struct set *s, struct draw *d, enum kind kind, unsigned number)
{
	size_t before = s->entries.n;

	for (int i = 0; i < TRIES && s->entries.n == before; i++) {
		struct diags ds;

		buf_clear(d->out);
		draw_object(d, kind, number);
		must(!d->out->failed);
		diags_init(&ds, &s->arena);
		load_text("random.json", buf_cstr(d->out), d->out->n, SCHEMA_LENIENT, &ds, take, s);
		s->run->drawn++;
		cover_end(&s->run->fields, s->entries.n > before);
	}
	if (s->entries.n > before) {
		s->run->passed++;
		if (s->run->show)
			printf("---\n%s\n", buf_cstr(d->out));
	}
}

static void draw_mesh_until_it_passes(struct set *s, struct draw *d)
{
	for (int i = 0; i < TRIES; i++) {
		struct diags ds;

		bool passed;

		buf_clear(d->out);
		draw_mesh(d);
		diags_init(&ds, &s->arena);
		passed = store_set_mesh(s->store, buf_cstr(d->out), d->out->n, "mesh.json", &ds) == 0 && !ds.nerrors;
		cover_end(&s->run->fields, passed);
		if (passed) {
			if (s->run->show)
				printf("# mesh: %s\n", buf_cstr(d->out));
			return;
		}
	}
}

static void draw_set(struct set *s)
{
	struct store_place place = {.name = "random"};
	struct buf text;
	struct draw d;
	int source;

	buf_init(&text, TEXT_MAX);
	draw_init(&d, s->run->seed, &text);
	if (s->run->cover)
		d.drawn = &s->run->fields.drawn;
	s->store = store_new("cluster.local", "istio-system");
	source = store_source_add(s->store, "random");
	if (draw_chance(&d, 50))
		draw_mesh_until_it_passes(s, &d);
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		const struct amount *m = &amounts[i];
		unsigned n = m->least + draw_below(&d, m->most - m->least + 1);

		for (unsigned k = 0; k < n && (k || draw_chance(&d, m->percent)); k++)
			draw_until_it_passes(s, &d, m->kind, k);
	}
	place.v = s->entries.v;
	place.n = s->entries.n;
	store_put(s->store, source, &place);
	store_source_synced(s->store, source);
	store_commit(s->store);
	buf_fini(&text);
}

static void drop_set(struct set *s)
{
	for (size_t i = 0; i < s->entries.n; i++)
		object_unref(s->entries.v[i].obj);
	store_free(s->store);
	arena_fini(&s->arena);
}

/* ---- resources ---- */

static void write_batch(struct run *r)
{
	char path[4096];
	FILE *f;

	if (!r->in_batch)
		return;
	snprintf(path, sizeof(path), "%s/batch-%04zu.json", r->dir, r->n_batches++);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(2);
	}
	for (int t = 0; t < XDS_TYPES; t++)
		fprintf(f, "%c\"%s\": [%s]\n", t ? ',' : '{', xds_type_info((enum xds_type)t)->rest, buf_cstr(&r->json[t]));
	for (int t = 0; t < XDS_TYPES; t++)
		fprintf(f, "%s\"%s\": [%s]\n", t ? "," : ",\"seeds\": {", xds_type_info((enum xds_type)t)->rest, buf_cstr(&r->from[t]));
	fprintf(f, "}}\n");
	if (fclose(f)) {
		perror(path);
		exit(2);
	}
	for (int t = 0; t < XDS_TYPES; t++) {
		buf_clear(&r->json[t]);
		buf_clear(&r->from[t]);
	}
	r->in_batch = 0;
}

static void add_resource(struct run *r, enum xds_type t, const struct res_new *n)
{
	const char *message = xds_type_info(t)->message;
	char key[HASH_HEX_LEN + 2] = {(char)('0' + t)};
	struct err e;

	hash_hex(hash_bytes(n->bytes, n->len), key + 1);
	if (map_set(&r->seen, key, r))
		return;
	r->n_resources++;
	if (!r->dir)
		return;
	if (r->json[t].n) {
		buf_str(&r->json[t], ",\n");
		buf_char(&r->from[t], ',');
	}
	must(!pbjson_print(pb_type_find(message, strlen(message)), (struct pb_bytes){n->bytes, n->len}, 0, &r->json[t], &e));
	buf_printf(&r->from[t], "%lu", r->seed);
	must(!r->json[t].failed && !r->from[t].failed);
	r->in_batch++;
}

static void compile(struct run *r, const struct snapshot *snap, const char *node)
{
	const struct compiled *made;
	struct node_docs docs;
	struct proxy proxy;
	struct view view;
	struct arena a;
	struct diags ds;
	struct err e;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	docs = node_parse(node, strlen(node), 1, &a, &ds);
	must(docs.n == 1 && !proxy_from_file(docs.v[0].root, &a, &proxy, &e));
	view_build(snap, &proxy, &a, &view);
	made = compile_view(snap, &view, NULL, &a);
	if (made->broken)
		fail(r, made->broken);
	for (int t = 0; t < XDS_TYPES; t++)
		for (size_t i = 0; i < made->set[t].n; i++)
			add_resource(r, (enum xds_type)t, &made->set[t].v[i]);
	arena_fini(&a);
}

static void run_set(struct run *r)
{
	struct set s = {.run = r};
	struct snapshot *snap;
	int64_t began = now_ns(), took;

	arena_init(&s.arena, 0);
	draw_set(&s);
	snap = snapshot_build(NULL, store_objects(s.store));
	must(snap);
	snapshot_adopt(snap);
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		compile(r, snap, nodes[i]);
	snapshot_unref(snap);
	drop_set(&s);
	took = now_ns() - began;
	if (took > r->worst_ns) {
		r->worst_ns = took;
		r->worst_seed = r->seed;
	}
	if (took > (int64_t)SET_MS_MAX * 1000000)
		fail(r, "takes longer than a second");
	r->n_sets++;
}

static void report_fields(struct run *r)
{
	const struct schema *tables[ARRAY_LEN(amounts) + 1];

	for (size_t i = 0; i < ARRAY_LEN(amounts); i++)
		tables[i] = kind_info(amounts[i].kind)->schema;
	tables[ARRAY_LEN(amounts)] = &schema_mesh_config;
	r->failed += cover_report(&r->fields, tables, ARRAY_LEN(tables));
}

/* -1: not understood. */
static int read_args(struct run *r, int argc, char **argv, unsigned long *from, unsigned long *to)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--cover")) {
			r->cover = true;
			continue;
		}
		i++;
		if (!strcmp(argv[i - 1], "--dump")) {
			r->dir = value;
		} else if (!strcmp(argv[i - 1], "--show")) {
			*from = *to = strtoul(value, NULL, 10);
			r->show = true;
		} else if (strcmp(argv[i - 1], "--seeds") || sscanf(value, "%lu-%lu", from, to) != 2) {
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long from = 1, to = 1000;
	struct run r = {0};

	if (read_args(&r, argc, argv, &from, &to)) {
		fprintf(stderr, "usage: random_manifests [--seeds A-B] [--dump DIR] [--show SEED] [--cover]\n");
		return 2;
	}
	cover_init(&r.fields);
	map_init(&r.seen, NULL);
	for (int t = 0; t < XDS_TYPES; t++) {
		buf_init(&r.json[t], FILE_MAX);
		buf_init(&r.from[t], FILE_MAX);
	}
	for (r.seed = from; r.seed <= to; r.seed++) {
		run_set(&r);
		if (r.in_batch >= BATCH)
			write_batch(&r);
	}
	write_batch(&r);
	if (r.cover)
		report_fields(&r);
	if (!r.show) {
		printf("%u objects drawn, %u pass; %zu different resources; longest set %.0f ms (seed %lu)\n", r.drawn, r.passed,
		       r.n_resources, (double)r.worst_ns / 1e6, r.worst_seed);
		printf("%lu passed, %lu failed\n", r.n_sets - (r.failed < r.n_sets ? r.failed : r.n_sets), r.failed);
	}
	cover_fini(&r.fields);
	map_fini(&r.seen);
	for (int t = 0; t < XDS_TYPES; t++) {
		buf_fini(&r.json[t]);
		buf_fini(&r.from[t]);
	}
	return r.failed != 0;
}
