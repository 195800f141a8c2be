/* SPDX-License-Identifier: Apache-2.0
 *
 * Ten thousand reloads, a change each, with one client in sync: memory and resources must not grow.
 * The real store, publisher, compiler and session run on the simulator's loop, so that debouncing
 * takes no time. Prints "name value" lines: growth of the resident set and of resources between the
 * first fifth, when everything has been changed once, and the end; ms for one reload.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "mesh/proxy.h"
#include "model/load.h"
#include "server/publish.h"
#include "sim_ev.h"
#include "store/store.h"
#include "xds/session.h"

enum { SERVICES = 100, RELOADS = 10000, WARM = RELOADS / 5, OUT_MAX = 64 * 1024 * 1024 };

struct bench {
	struct loop *loop;
	struct store *store;
	int source;
	struct publisher *pub;
	struct session *session;
	struct subscriber sub;
	struct buf out;
	uint64_t pushes;
};

static bool objects(void *arg, struct object_set *set)
{
	struct bench *b = arg;

	*set = *store_objects(b->store);
	object_set_ref(set);
	return true;
}

struct loaded {
	struct store_entry v[4];
	size_t n;
};

static void take(const struct load_item *item, void *arg)
{
	struct loaded *l = arg;

	must(item->object && l->n < ARRAY_LEN(l->v));
	l->v[l->n++] = (struct store_entry){
	    .kind = item->id.kind, .ns = item->id.ns, .name = item->id.name, .obj = item->object};
}

/* A file with the three objects of a service; round changes an endpoint, a route and a policy in turn. */
static void write_service(struct bench *b, unsigned i, unsigned round)
{
	struct loaded l = {0};
	struct arena a;
	struct diags ds;
	const char *text, *file;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	file = arena_printf(&a, "s%u.yaml", i);
	text = arena_printf(&a,
			    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: s%u, namespace: one}\n"
			    "spec:\n  hosts: [s%u.example.com]\n  resolution: STATIC\n  ports: [{number: 80, name: http, protocol: HTTP}]\n"
			    "  endpoints: [{address: 10.0.%u.%u}, {address: 10.1.%u.1}]\n---\n"
			    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: s%u, namespace: one}\n"
			    "spec:\n  hosts: [s%u.example.com]\n  http:\n  - timeout: %us\n    route: [{destination: {host: s%u.example.com}}]\n---\n"
			    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: s%u, namespace: one}\n"
			    "spec:\n  host: s%u.example.com\n  trafficPolicy: {connectionPool: {tcp: {maxConnections: %u}}}\n",
			    i, i, i, 1 + round % 3, i, i, i, 1 + round / 3 % 3, i, i, i, 1 + round / 9 % 3);
	load_text(file, text, strlen(text), SCHEMA_LENIENT, &ds, take, &l);
	store_put(b->store, b->source, &(struct store_place){.name = file, .v = l.v, .n = l.n});
	for (size_t k = 0; k < l.n; k++)
		object_unref(l.v[k].obj);
	arena_fini(&a);
}

/* Sends what is due and acknowledges it at once. */
static void exchange(struct bench *b)
{
	struct session_status status;
	struct err e;

	while (session_wants_to_send(b->session)) {
		buf_clear(&b->out);
		must(session_next(b->session, 1, &b->out) && !b->out.failed);
		b->pushes++;
		for (int t = 0; t < XDS_TYPES; t++) {
			char nonce[40];

			session_status(b->session, (enum xds_type)t, &status);
			if (!status.waiting_since_ms)
				continue;
			snprintf(nonce, sizeof(nonce), "1-%llx", (unsigned long long)b->pushes);
			must(!session_receive(b->session,
					      &(struct xds_request){.type_url = xds_type_info((enum xds_type)t)->type_url,
								    .nonce = nonce, .version = "", .error_text = ""},
					      1, &e));
		}
	}
}

static void updated(struct subscriber *sub, struct bundle *bundle)
{
	struct bench *b = (struct bench *)((char *)sub - offsetof(struct bench, sub));

	session_set_bundle(b->session, bundle);
}

static void commit(struct bench *b)
{
	store_commit(b->store);
	publisher_changed(b->pub);
	must(sim_settle(b->loop, 100000));
	exchange(b);
}

static size_t resident_kb(void)
{
	unsigned long size, resident;
	FILE *f = fopen("/proc/self/statm", "r");

	must(f && fscanf(f, "%lu %lu", &size, &resident) == 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void subscribe(struct bench *b)
{
	static const char *const everything[] = {"*"};
	struct err e;

	for (int t = 0; t < XDS_SDS; t++)
		must(!session_receive(b->session,
				      &(struct xds_request){.type_url = xds_type_info((enum xds_type)t)->type_url,
							    .nonce = "", .version = "", .error_text = "",
							    .subscribe = {everything, 1}},
				      1, &e));
}

static void make_proxy(struct arena *a, struct proxy *out)
{
	static const char text[] = "{\"type\":\"sidecar\",\"id\":\"p.one\",\"namespace\":\"one\",\"ips\":[\"10.9.9.9\"]}";
	struct diags ds;
	struct node_docs docs;
	struct err e;

	diags_init(&ds, a);
	docs = node_parse(text, sizeof(text) - 1, 1, a, &ds);
	must(docs.n == 1 && !proxy_from_file(docs.v[0].root, a, out, &e));
}

static void run(struct bench *b)
{
	size_t warm_kb = 0, warm_res = 0;
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i < RELOADS; i++) {
		write_service(b, i % SERVICES, i / SERVICES + 1);
		commit(b);
		if (i + 1 == WARM) {
			warm_kb = resident_kb();
			warm_res = publisher_table(b->pub)->n;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("reloads %d\npushes %llu\nreload_ms %.3f\n", RELOADS, (unsigned long long)b->pushes,
	       ((double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6) / RELOADS);
	printf("rss_kb %zu\nrss_growth_kb %ld\nresource_growth %ld\n", resident_kb(), (long)resident_kb() - (long)warm_kb,
	       (long)publisher_table(b->pub)->n - (long)warm_res);
}

int main(void)
{
	struct bench b = {0};
	struct publish_source source = {.arg = &b, .objects = objects};
	struct session_opts opts = {.delta = true, .only_type = -1, .id = 1};
	struct session_events events = {0};
	struct sim_random random = {1};
	struct metrics metrics;
	struct job_pool *jobs;
	struct proxy proxy;
	struct arena a;
	struct err e;

	arena_keep_memory();
	log_set_level(LOG_LEVEL_NONE);
	arena_init(&a, 0);
	make_proxy(&a, &proxy);
	b.loop = sim_loop_new(&random);
	jobs = job_pool_new(b.loop, 1, &e);
	server_metrics_init(&metrics);
	b.store = store_new("cluster.local", "istio-system");
	b.source = store_source_add(b.store, "bench");
	b.pub = publisher_new(b.loop, jobs, &metrics, &source);
	buf_init(&b.out, OUT_MAX);
	for (unsigned i = 0; i < SERVICES; i++)
		write_service(&b, i, 0);
	store_source_synced(b.store, b.source);
	store_commit(b.store);
	publisher_changed(b.pub);
	must(sim_settle(b.loop, 100000));
	b.session = session_new(publisher_table(b.pub), &opts, &events);
	b.sub = (struct subscriber){.proxy = &proxy, .updated = updated};
	publisher_subscribe(b.pub, &b.sub);
	must(sim_settle(b.loop, 100000));
	subscribe(&b);
	exchange(&b);
	run(&b);
	publisher_unsubscribe(b.pub, &b.sub);
	session_free(b.session);
	publisher_free(b.pub);
	store_free(b.store);
	job_pool_free(jobs);
	loop_free(b.loop);
	metrics_fini(&metrics);
	buf_fini(&b.out);
	arena_fini(&a);
	return 0;
}
