/* SPDX-License-Identifier: Apache-2.0
 *
 * The Kubernetes source against the fake API server, both in one loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/must.h"
#include "model/kube.h"
#include "wait.h"
#include "world.h"

#define GATEWAYS "/apis/networking.istio.io/v1/gateways"
#define INGRESSES "/apis/networking.k8s.io/v1/ingresses"

enum { SPEED = 20 };	/* of the source's time */

struct fix {
	struct world w;
	struct job_pool *pool;		/* or NULL */
	const char *state_dir;		/* or NULL */
	int changes;
};

static void on_change(void *arg)
{
	((struct fix *)arg)->changes++;
}

static void start(struct fix *f)
{
	*f = (struct fix){0};
	world_open(&f->w);
	world_register_kinds(&f->w);
	fake_api_register(f->w.api, GATEWAYS, "Gateway");
	fake_api_register(f->w.api, INGRESSES, "Ingress");
}

static void open_source(struct fix *f)
{
	struct source_kube_cfg cfg = world_source_cfg(&f->w);
	struct err e;

	cfg.state_dir = f->state_dir;
	cfg.pool = f->pool;
	cfg.speed = SPEED;
	cfg.changed = on_change;
	cfg.arg = f;
	assert_int_equal(source_kube_open(&cfg, &f->w.source, &e), 0);
}

static void close_source(struct fix *f)
{
	source_kube_close(f->w.source);
	f->w.source = NULL;
}

static void stop(struct fix *f)
{
	close_source(f);
	job_pool_free(f->pool);
	world_close(&f->w);
}

static void turn_for(struct fix *f, int64_t ms)
{
	int64_t until = loop_clock_ns(f->w.loop) / 1000000 + ms;

	while (loop_clock_ns(f->w.loop) / 1000000 < until)
		loop_turn(f->w.loop, 10);
}

static size_t count(const struct fix *f, enum kind kind)
{
	return store_objects(f->w.store)->kind[kind]->n;
}

static const struct object *get(const struct fix *f, enum kind kind, const char *ns, const char *name)
{
	return kind_list_find(store_objects(f->w.store)->kind[kind], ns, name);
}

static bool has_finding(struct fix *f, enum diag_code code)
{
	struct diags ds;

	diags_init(&ds, &f->w.arena);
	store_findings(f->w.store, &ds);
	for (size_t i = 0; i < ds.n; i++)
		if (ds.v[i].code == code)
			return true;
	return false;
}

static void put_service(struct fix *f, const char *name, int port)
{
	fake_api_put(f->w.api, SERVICES,
		     arena_printf(&f->w.arena, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"one\",\"managedFields\":[{\"manager\":\"x\"}]},"
					     "\"spec\":{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"name\":\"http\",\"port\":%d}]}}", name, port));
}

static void put_route(struct fix *f, const char *name, int weight)
{
	fake_api_put(f->w.api, VIRTUAL,
		     arena_printf(&f->w.arena, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"one\"},\"spec\":{\"hosts\":[\"a\"],\"http\":"
					     "[{\"route\":[{\"destination\":{\"host\":\"a\"},\"weight\":%d}]}]}}", name, weight));
}

static void put_pods(struct fix *f, int n)
{
	for (int i = 0; i < n; i++)
		fake_api_put(f->w.api, PODS,
			     arena_printf(&f->w.arena, "{\"metadata\":{\"name\":\"p%d\",\"namespace\":\"one\"},\"spec\":{\"containers\":"
						     "[{\"name\":\"c\"}]},\"status\":{\"podIP\":\"10.0.%d.%d\"}}", i, i >> 8, i & 255));
}

static int service_port(const struct fix *f, const char *name)
{
	const struct object *o = get(f, KIND_SERVICE, "one", name);

	return o ? (int)object_spec(o, k_service)->spec->ports[0].port : 0;
}

static void follows(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	put_service(&f, "a", 80);
	put_route(&f, "r", 100);
	open_source(&f);
	assert_false(store_synced(f.w.store));
	wait_for(&f.w, store_synced(f.w.store));
	assert_int_equal(f.changes, 1);
	assert_int_equal(count(&f, KIND_SERVICE), 1);
	assert_int_equal(count(&f, KIND_VIRTUAL_SERVICE), 1);
	put_service(&f, "a", 81);
	wait_for(&f.w, service_port(&f, "a") == 81);
	put_service(&f, "b", 1);
	wait_for(&f.w, service_port(&f, "b") == 1);
	fake_api_delete(f.w.api, SERVICES, "one", "a");
	wait_for(&f.w, count(&f, KIND_SERVICE) == 1);
	/* an invalid form leaves the last good one, with findings at its place */
	fake_api_put(f.w.api, VIRTUAL, "{\"metadata\":{\"name\":\"r\",\"namespace\":\"one\"},\"spec\":{\"hosts\":7}}");
	wait_for(&f.w, has_finding(&f, D_LAST_GOOD_KEPT));
	assert_int_equal(count(&f, KIND_VIRTUAL_SERVICE), 1);
	put_route(&f, "r", 50);
	wait_for(&f.w, !has_finding(&f, D_LAST_GOOD_KEPT));
	stop(&f);
}

enum { WATCHES = 9 };		/* of the kinds that start() registers, Secrets apart */

static void all_watch(struct fix *f)
{
	wait_for(&f->w, store_synced(f->w.store) && fake_api_watches(f->w.api) == WATCHES);
}

static void end_watches(struct fix *f)
{
	turn_for(f, 1100 / SPEED);	/* one that ends within a second has gone wrong */
	fake_api_break_watches(f->w.api);
}

/* Watches that end, versions that are gone: what did not change costs nothing, what was lost is found. */
static void resumes(void **state)
{
	unsigned lists, resumed;
	uint64_t generation;
	struct fix f;
	int changes;

	(void)state;
	start(&f);
	put_service(&f, "a", 80);
	put_service(&f, "b", 80);
	open_source(&f);
	all_watch(&f);
	generation = store_generation(f.w.store);
	changes = f.changes;
	lists = fake_api_requests(f.w.api, "sendInitialEvents");
	resumed = fake_api_requests(f.w.api, "resourceVersion=");
	end_watches(&f);
	wait_for(&f.w, fake_api_requests(f.w.api, "resourceVersion=") == resumed + WATCHES);
	all_watch(&f);
	assert_int_equal(fake_api_requests(f.w.api, "sendInitialEvents"), lists);
	fake_api_compact(f.w.api);
	end_watches(&f);
	wait_for(&f.w, fake_api_requests(f.w.api, "sendInitialEvents") == lists + WATCHES);
	all_watch(&f);
	assert_int_equal(count(&f, KIND_SERVICE), 2);
	assert_int_equal(store_generation(f.w.store), generation);
	assert_int_equal(f.changes, changes);
	fake_api_lose(f.w.api, SERVICES, "one", "b");
	fake_api_compact(f.w.api);
	end_watches(&f);
	wait_for(&f.w, count(&f, KIND_SERVICE) == 1);
	assert_int_equal(service_port(&f, "a"), 80);
	stop(&f);
}

static void pages(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	fake_api_set_streaming(f.w.api, false);
	put_pods(&f, 1201);
	/* the second page is cut within, the list begins again and is whole then */
	fake_api_fault(f.w.api, &(struct fake_fault){.match = "pods?limit=500&continue", .what = FAKE_CUT, .n = 20000, .times = 1});
	open_source(&f);
	wait_for(&f.w, store_synced(f.w.store));
	assert_int_equal(count(&f, KIND_POD), 1201);
	assert_int_equal(fake_api_requests(f.w.api, "/pods?limit=500"), 2 + 3);
	fake_api_delete(f.w.api, PODS, "one", "p7");
	wait_for(&f.w, count(&f, KIND_POD) == 1200);
	stop(&f);
}

/* No answer but a whole list deletes anything. */
static void bad_answers(void **state)
{
	static const struct fake_fault faults[] = {
		{.match = "services?", .what = FAKE_STATUS, .n = 500, .times = 1},
		{.match = "services?", .what = FAKE_STATUS, .n = 429, .arg = 1, .times = 1},
		{.match = "services?", .what = FAKE_STATUS, .n = 404, .times = 1},
		{.match = "services?", .what = FAKE_STATUS, .n = 403, .times = 1},
		{.match = "services?", .what = FAKE_RESET, .n = 0, .times = 1},
		{.match = "services?", .what = FAKE_RESET, .n = 100, .times = 1},
		{.match = "services?", .what = FAKE_CUT, .n = 300, .times = 1},
		{.match = "services?", .what = FAKE_GONE, .times = 1},
	};

	(void)state;
	for (int stream = 0; stream < 2; stream++) {
		for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
			unsigned before;
			struct fix f;

			start(&f);
			fake_api_set_streaming(f.w.api, stream);
			for (int k = 0; k < 9; k++)
				put_service(&f, arena_printf(&f.w.arena, "s%d", k), 80);
			open_source(&f);
			all_watch(&f);
			fake_api_compact(f.w.api);
			fake_api_fault(f.w.api, &faults[i]);
			before = fake_api_requests(f.w.api, "services?");
			end_watches(&f);
			/* the fault, and what follows it: nothing is missing at any time */
			while (fake_api_watches(f.w.api) < WATCHES || fake_api_requests(f.w.api, "services?") < before + 2) {
				assert_int_equal(count(&f, KIND_SERVICE), 9);
				loop_turn(f.w.loop, 10);
			}
			put_service(&f, "s9", 80);
			wait_for(&f.w, count(&f, KIND_SERVICE) == 10);
			stop(&f);
		}
	}
}

static void gather_held(const struct kube_status *row, void *arg)
{
	if (!strcmp(row->plural, "pods"))
		*(size_t *)arg = row->held;
}

static size_t held(const struct fix *f)
{
	size_t n = 0;

	source_kube_each(f->w.source, gather_held, &n);
	return n;
}

/* A list that lacks many objects is believed when a second one says the same. */
static void mass_deletion(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	fake_api_set_streaming(f.w.api, false);
	put_pods(&f, 300);
	open_source(&f);
	all_watch(&f);
	fake_api_compact(f.w.api);
	fake_api_fault(f.w.api, &(struct fake_fault){.match = "pods?limit", .what = FAKE_EMPTY, .times = 1});
	end_watches(&f);
	wait_for(&f.w, held(&f) == 300);
	assert_int_equal(count(&f, KIND_POD), 300);
	wait_for(&f.w, held(&f) == 0);	/* the second list has them */
	assert_int_equal(count(&f, KIND_POD), 300);
	for (int i = 0; i < 150; i++)
		fake_api_lose(f.w.api, PODS, "one", arena_printf(&f.w.arena, "p%d", i));
	fake_api_compact(f.w.api);
	end_watches(&f);
	wait_for(&f.w, held(&f) == 150);
	assert_int_equal(count(&f, KIND_POD), 300);
	wait_for(&f.w, count(&f, KIND_POD) == 150);
	assert_int_equal(held(&f), 0);
	stop(&f);
}

/* What is no object is passed over, and what follows it is read. */
static void broken_parts(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	fake_api_set_streaming(f.w.api, false);
	put_service(&f, "a", 80);
	fake_api_fault(f.w.api, &(struct fake_fault){.match = "services?limit", .what = FAKE_GARBAGE, .times = 1});
	fake_api_fault(f.w.api, &(struct fake_fault){.match = "services?watch", .what = FAKE_GARBAGE, .times = 1});
	open_source(&f);
	all_watch(&f);
	assert_int_equal(service_port(&f, "a"), 80);
	put_service(&f, "b", 81);
	wait_for(&f.w, service_port(&f, "b") == 81);
	stop(&f);
}

/* A slow kind, with one byte a piece, holds up nobody but itself. */
static void slow_kind(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	put_service(&f, "a", 80);
	put_pods(&f, 3);
	fake_api_fault(f.w.api, &(struct fake_fault){.match = "/pods?", .what = FAKE_SLOW, .n = 7, .times = 1});
	open_source(&f);
	wait_for(&f.w, fake_api_watches(f.w.api) == WATCHES);
	turn_for(&f, 300);
	assert_false(store_synced(f.w.store));
	wait_for(&f.w, store_synced(f.w.store));
	assert_int_equal(count(&f, KIND_POD), 3);
	stop(&f);
}

static void secrets_by_name(void **state)
{
	static const char gateway[] = "{\"metadata\":{\"name\":\"g\",\"namespace\":\"one\"},\"spec\":{\"selector\":{\"app\":\"gw\"},\"servers\":"
				      "[{\"port\":{\"number\":443,\"name\":\"https\",\"protocol\":\"HTTPS\"},\"hosts\":[\"*\"],"
				      "\"tls\":{\"mode\":\"SIMPLE\",\"credentialName\":\"%s\"}}]}}";
	static const char ingress[] = "{\"metadata\":{\"name\":\"i\",\"namespace\":\"one\",\"annotations\":{\"kubernetes.io/ingress.class\":\"%s\"}},"
				      "\"spec\":{\"tls\":[{\"secretName\":\"%s\"}],\"rules\":[{\"host\":\"a.example.com\"}]}}";
	struct fix f;

	(void)state;
	start(&f);
	fake_api_put(f.w.api, SECRETS, "{\"metadata\":{\"name\":\"cert\",\"namespace\":\"edge\"},\"type\":\"Opaque\",\"data\":{\"cert\":\"eA==\"}}");
	fake_api_put(f.w.api, SECRETS, "{\"metadata\":{\"name\":\"other\",\"namespace\":\"edge\"},\"type\":\"Opaque\",\"data\":{}}");
	fake_api_put(f.w.api, PODS, "{\"metadata\":{\"name\":\"gw\",\"namespace\":\"edge\",\"labels\":{\"app\":\"gw\"}},"
				  "\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"podIP\":\"10.0.0.9\"}}");
	open_source(&f);
	all_watch(&f);
	assert_int_equal(fake_api_requests(f.w.api, "secrets"), 0);
	fake_api_put(f.w.api, GATEWAYS, arena_printf(&f.w.arena, gateway, "cert"));
	wait_for(&f.w, get(&f, KIND_SECRET, "edge", "cert"));
	assert_int_equal(count(&f, KIND_SECRET), 1);
	assert_int_equal(fake_api_requests(f.w.api, "/secrets?"), fake_api_requests(f.w.api, "fieldSelector=metadata.name%3Dcert"));
	/* no longer referred to */
	fake_api_put(f.w.api, GATEWAYS, arena_printf(&f.w.arena, gateway, "nothing"));
	wait_for(&f.w, count(&f, KIND_SECRET) == 0);
	/* an Ingress of ours is served by the ingress gateway's pods; one of others is not */
	fake_api_put(f.w.api, PODS, "{\"metadata\":{\"name\":\"gw\",\"namespace\":\"edge\",\"labels\":{\"istio\":\"ingressgateway\"}},"
				  "\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"podIP\":\"10.0.0.9\"}}");
	fake_api_put(f.w.api, INGRESSES, arena_printf(&f.w.arena, ingress, "nginx", "other"));
	fake_api_put(f.w.api, INGRESSES, arena_printf(&f.w.arena, ingress, "istio", "cert"));
	wait_for(&f.w, get(&f, KIND_SECRET, "edge", "cert"));
	assert_int_equal(count(&f, KIND_SECRET), 1);
	fake_api_put(f.w.api, INGRESSES, arena_printf(&f.w.arena, ingress, "nginx", "cert"));
	wait_for(&f.w, count(&f, KIND_SECRET) == 0);
	stop(&f);
}

static bool has_finding_on(struct fix *f, const char *name, enum diag_code code)
{
	struct diags ds;

	diags_init(&ds, &f->w.arena);
	store_findings(f->w.store, &ds);
	for (size_t i = 0; i < ds.n; i++)
		if (ds.v[i].code == code && ds.v[i].object.name && !strcmp(ds.v[i].object.name, name))
			return true;
	return false;
}

/* What was written before anybody checked it stands beside the rest, with a finding, until it is mended. */
static void never_checked(void **state)
{
	static const char *const specs[] = {
		"7", "null", "[]", "{\"hosts\":7}", "{\"hosts\":[\"a\"],\"http\":[{\"route\":[{\"destination\":{\"host\":\"a\"},\"weight\":\"x\"}]}]}",
		"{\"hosts\":[\"a\"],\"http\":[{\"timeout\":\"soon\",\"route\":[{\"destination\":{\"host\":\"a\"}}]}]}",
	};
	struct fix f;

	(void)state;
	start(&f);
	put_service(&f, "a", 80);
	put_route(&f, "good", 100);
	for (size_t i = 0; i < ARRAY_LEN(specs); i++)
		fake_api_put(f.w.api, VIRTUAL, arena_printf(&f.w.arena, "{\"metadata\":{\"name\":\"bad%zu\",\"namespace\":\"one\"},\"spec\":%s}",
							  i, specs[i]));
	open_source(&f);
	all_watch(&f);
	assert_int_equal(count(&f, KIND_VIRTUAL_SERVICE), 1);
	assert_true(has_finding_on(&f, "bad3", D_FIELD_TYPE));
	assert_true(has_finding_on(&f, "bad5", D_FIELD_FORMAT));
	assert_false(has_finding(&f, D_LAST_GOOD_KEPT));
	put_route(&f, "bad3", 100);
	wait_for(&f.w, count(&f, KIND_VIRTUAL_SERVICE) == 2);
	assert_false(has_finding_on(&f, "bad3", D_FIELD_TYPE));
	stop(&f);
}

/* 1.5 MB, which is the most that an API server stores: by list, by watch, and with more labels and annotations than anybody has. */
static void large_objects(void **state)
{
	enum { ENDPOINTS = 27000, LABELS = 400 };
	static const char service[] = "{\"metadata\":{\"name\":\"s\",\"namespace\":\"one\",\"labels\":{%s},\"annotations\":{\"note\":\"%s\"}},"
				      "\"spec\":{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"name\":\"http\",\"port\":%d}]}}";
	struct buf text, labels;
	struct fix f;

	(void)state;
	start(&f);
	buf_init(&text, 4 << 20);
	buf_str(&text, "{\"metadata\":{\"name\":\"big\",\"namespace\":\"one\",\"labels\":{\"kubernetes.io/service-name\":\"s\"}},"
		       "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\",\"port\":80}],\"endpoints\":[");
	for (int i = 0; i < ENDPOINTS; i++)
		buf_printf(&text, "%s{\"addresses\":[\"10.1.%d.%d\"],\"conditions\":{\"ready\":true}}", i ? "," : "", i >> 8, i & 255);
	buf_str(&text, "]}");
	assert_in_range(text.n, 1500000, 1600000);
	fake_api_put(f.w.api, "/apis/discovery.k8s.io/v1/endpointslices", buf_cstr(&text));
	buf_init(&labels, 1 << 20);
	for (int i = 0; i < LABELS; i++)
		buf_printf(&labels, "%s\"%0250d.io/%063d\":\"%063d\"", i ? "," : "", i, i, i);
	open_source(&f);
	all_watch(&f);
	assert_int_equal(count(&f, KIND_ENDPOINT_SLICE), 1);
	assert_int_equal(object_spec(get(&f, KIND_ENDPOINT_SLICE, "one", "big"), k_endpoint_slice)->n_endpoints, ENDPOINTS);
	buf_clear(&text);
	memset(buf_room(&text, 262000), 'n', 262000);
	buf_added(&text, 262000);
	fake_api_put(f.w.api, SERVICES, arena_printf(&f.w.arena, service, buf_cstr(&labels), buf_cstr(&text), 81));
	wait_for(&f.w, service_port(&f, "s") == 81);
	assert_int_equal(get(&f, KIND_SERVICE, "one", "s")->labels.n, LABELS);
	fake_api_delete(f.w.api, "/apis/discovery.k8s.io/v1/endpointslices", "one", "big");
	wait_for(&f.w, count(&f, KIND_ENDPOINT_SLICE) == 0);
	buf_fini(&text);
	buf_fini(&labels);
	stop(&f);
}

/* Names that no server gives, as they would stand in names of clusters, Secrets and files. */
static void forged_names(void **state)
{
	static const char *const names[] = {
		"a|b", "outbound|80||a.one.svc.cluster.local", "kubernetes://cert", "a;.", "..", "A", "a b", "a\\nb", "*",
	};
	struct fix f;

	(void)state;
	start(&f);
	put_service(&f, "a", 80);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		fake_api_put(f.w.api, SERVICES,
			     arena_printf(&f.w.arena, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"one\"},\"spec\":{\"ports\":[{\"port\":80}]}}", names[i]));
	fake_api_put(f.w.api, SERVICES, "{\"metadata\":{\"name\":\"c\",\"namespace\":\"one|two\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
	open_source(&f);
	all_watch(&f);
	assert_int_equal(count(&f, KIND_SERVICE), 1);
	assert_int_equal(service_port(&f, "a"), 80);
	assert_true(has_finding_on(&f, "a|b", D_METADATA_INVALID));
	put_service(&f, "z", 80);
	wait_for(&f.w, count(&f, KIND_SERVICE) == 2);
	stop(&f);
}

/* An object that goes and comes back under its name is another one; the end of the first is not the end of the second. */
static void uid_changes(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	put_service(&f, "a", 80);
	open_source(&f);
	all_watch(&f);
	fake_api_lose(f.w.api, SERVICES, "one", "a");	/* nobody is told */
	put_service(&f, "a", 81);
	wait_for(&f.w, service_port(&f, "a") == 81);
	fake_api_delete(f.w.api, SERVICES, "one", "a");
	put_service(&f, "a", 82);
	wait_for(&f.w, service_port(&f, "a") == 82);
	fake_api_delete(f.w.api, SERVICES, "one", "a");
	wait_for(&f.w, count(&f, KIND_SERVICE) == 0);
	stop(&f);
}

static void write_token(const char *path, const char *token)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fprintf(out, "%s\n", token);
	fclose(out);
}

static void token_rotates(void **state)
{
	char path[] = "/tmp/navarch-token-XXXXXX";
	struct fix f;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	start(&f);
	f.w.access.token_file = path;
	write_token(path, "first");
	fake_api_set_token(f.w.api, "first");
	put_service(&f, "a", 80);
	open_source(&f);
	all_watch(&f);
	fake_api_set_token(f.w.api, "second");
	end_watches(&f);
	wait_for(&f.w, fake_api_watches(f.w.api) == 0);
	turn_for(&f, 300);
	put_service(&f, "b", 80);
	write_token(path, "second");
	wait_for(&f.w, count(&f, KIND_SERVICE) == 2);
	unlink(path);
	stop(&f);
}

/* A server that cannot be reached, and then can. */
static void server_comes_late(void **state)
{
	struct fix f;
	char bind[32];

	(void)state;
	start(&f);
	snprintf(bind, sizeof(bind), "127.0.0.1:%u", fake_api_port(f.w.api));
	fake_api_free(f.w.api);
	open_source(&f);
	turn_for(&f, 700);
	assert_false(store_synced(f.w.store));
	f.w.api = fake_api_new(f.w.loop, bind);
	fake_api_register(f.w.api, SERVICES, "Service");
	put_service(&f, "a", 80);
	wait_for(&f.w, store_synced(f.w.store));
	assert_int_equal(service_port(&f, "a"), 80);
	stop(&f);
}

static void start_with_disk(struct fix *f)
{
	char dir[] = "/tmp/navarch-state-XXXXXX";
	struct err e;

	start(f);
	assert_non_null(mkdtemp(dir));
	f->state_dir = arena_strdup(&f->w.arena, dir);
	f->pool = job_pool_new(f->w.loop, 0, &e);
}

static void stop_with_disk(struct fix *f)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", f->state_dir);
	stop(f);
	assert_int_equal(system(cmd), 0);
}

/* All that it knew is on disk. */
static void end_process(struct fix *f)
{
	wait_for(&f->w, !access(arena_printf(&f->w.arena, "%s/generation", f->state_dir), F_OK));
	turn_for(f, 50);
	close_source(f);
	store_free(f->w.store);
	f->w.store = store_new("cluster.local", "istio-system");
}

/* Without its server it starts with what was in force; when the server comes, what did not change costs nothing. */
static void starts_from_disk(void **state)
{
	uint64_t generation;
	const struct object *a;
	struct fix f;

	(void)state;
	start_with_disk(&f);
	put_service(&f, "a", 80);
	put_service(&f, "b", 80);
	put_route(&f, "r", 100);
	open_source(&f);
	all_watch(&f);
	end_process(&f);
	fake_api_delete(f.w.api, SERVICES, "one", "b");
	fake_api_fault(f.w.api, &(struct fake_fault){.match = "?", .what = FAKE_STATUS, .n = 503, .times = 40});
	open_source(&f);
	assert_true(store_synced(f.w.store));
	assert_int_equal(count(&f, KIND_SERVICE), 2);
	assert_int_equal(count(&f, KIND_VIRTUAL_SERVICE), 1);
	generation = store_generation(f.w.store);
	a = get(&f, KIND_SERVICE, "one", "a");
	wait_for(&f.w, count(&f, KIND_SERVICE) == 1);
	all_watch(&f);
	assert_ptr_equal(get(&f, KIND_SERVICE, "one", "a"), a);
	assert_int_equal(store_generation(f.w.store), generation + 1);	/* b alone */
	stop_with_disk(&f);
}

/* That the server has been read is told, also where it brings nothing new. */
static void starts_from_an_empty_disk(void **state)
{
	struct fix f;

	(void)state;
	start_with_disk(&f);
	open_source(&f);
	all_watch(&f);
	end_process(&f);
	open_source(&f);
	assert_true(store_restored_s(f.w.store) > 0);
	f.changes = 0;
	wait_for(&f.w, store_restored_s(f.w.store) == 0);
	assert_int_equal(f.changes, 1);
	stop_with_disk(&f);
}


int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows),
		cmocka_unit_test(resumes),
		cmocka_unit_test(pages),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(mass_deletion),
		cmocka_unit_test(broken_parts),
		cmocka_unit_test(slow_kind),
		cmocka_unit_test(secrets_by_name),
		cmocka_unit_test(never_checked),
		cmocka_unit_test(large_objects),
		cmocka_unit_test(forged_names),
		cmocka_unit_test(uid_changes),
		cmocka_unit_test(token_rotates),
		cmocka_unit_test(server_comes_late),
		cmocka_unit_test(starts_from_disk),
		cmocka_unit_test(starts_from_an_empty_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
