/* SPDX-License-Identifier: Apache-2.0
 *
 * A history with an API server: clients write, the server and the way to it fail in the ways that the seed draws, the
 * process is killed and comes back; then all is well again, and after a bounded time everything must be as the server
 * has it, from there on within five seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "sim_kube.h"

enum {
	ACTIONS = 16,
	CALM_MS = 5000,
	/* the longest ways back: two silent watches; lists that were broken again and again; a kind that stays away */
	HEAL_MS = 330000, HEAL_BROKEN_MS = 570000, HEAL_ABSENT_MS = 700000,
};

static void run(struct kube_world *k, int64_t ms)
{
	struct loop *l = k->w.loop;

	if (!sim_run_until(l, loop_now_ms(l) + ms, API_SETTLE_MAX))
		sim_fail(&k->w, "liveness", "it does not come to rest");
	if (k->api.broken)
		sim_fail(&k->w, "requests", "%s", k->api.broken);
	if (k->disk.broken)
		sim_fail(&k->w, "O7", "%s", k->disk.broken);
}

/* ---- the process ---- */

static bool objects(void *arg, struct object_set *set)
{
	struct kube_world *k = arg;

	if (!store_synced(k->w.store))
		return false;
	*set = *store_objects(k->w.store);
	object_set_ref(set);
	return true;
}

static void changed(void *arg)
{
	struct kube_world *k = arg;

	kube_check_change(k);
	k->api.spoils = true;
	if (k->has_proxies)
		publisher_changed(k->w.pub);
}

static void open_process(struct kube_world *k)
{
	struct source_kube_cfg cfg = {.loop = k->w.loop,
				      .access = &k->access,
				      .root_namespace = "istio-system",
				      .user_agent = "sim/1",
				      .state_dir = k->has_disk ? "state" : NULL,
				      .pool = k->w.jobs,
				      .changed = changed,
				      .arg = k};
	struct hash128 sum;
	struct err e;
	bool whole = k->has_disk && sim_disk_generation(&k->disk, &sum);

	api_forget_client(&k->api);
	k->api.spoils = false;
	cfg.store = k->w.store = store_new("cluster.local", "istio-system");
	k->opened_ms = loop_now_ms(k->w.loop);
	must(!source_kube_open(&cfg, &k->source, &e));
	if (store_synced(k->w.store) != whole) {
		sim_fail(&k->w, "O7", "a start with%s a generation on disk is %ssynced", whole ? "" : "out", whole ? "not " : "");
	} else if (whole) {
		k->seen_synced = true;	/* of what was, not of what the server says */
		kube_check_change(k);
		if (!hash_equal(sim_disk_sum(store_objects(k->w.store)), sum))
			sim_fail(&k->w, "O7", "what was read from disk is not what is there");
		if (k->has_proxies)
			publisher_changed(k->w.pub);
	}
}

static void kill_process(struct kube_world *k)
{
	source_kube_close(k->source);
	sim_cancel_jobs(k->w.loop);
	store_free(k->w.store);
	kube_check_forget(k);
}

/* ---- what clients write ---- */

static void apply(struct kube_world *k, const char *text, size_t n)
{
	const struct api_object *o = api_apply(&k->api, text, n, sim_chance(&k->w.random, 5));

	if (o && k->w.verbose)
		printf("%lld: %s %s/%s is now %s%s\n", (long long)loop_now_ms(k->w.loop), kind_info(o->kind)->name, o->ns, o->name,
		       o->obj ? "" : "(invalid) ", o->rest);
}

static void apply_text(struct kube_world *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void apply_text(struct kube_world *k, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	apply(k, text, strlen(text));
}

static void write_place(struct kube_world *k)
{
	struct buf text;

	buf_init(&text, 65536);
	sim_manifest(&k->w.random, (unsigned)sim_below(&k->w.random, SIM_PLACES), &text);
	apply(k, text.p, text.n);
	buf_fini(&text);
}

static void write_node(struct kube_world *k, unsigned i)
{
	apply_text(k, "{apiVersion: v1, kind: Node, metadata: {name: n%u, labels: {topology.kubernetes.io/region: r%u}}}", i,
		   (unsigned)sim_below(&k->w.random, 3));
}

/* What is outside of the places: Secrets and who refers to them, settings, namespaces. */
static void write_other(struct kube_world *k)
{
	struct sim_random *r = &k->w.random;

	switch (sim_below(r, 6)) {
	case 0:
		apply_text(k, "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: tls, namespace: edge}, spec: {selector: {app: gw},"
			   " servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], tls: {mode: SIMPLE, credentialName: c%u}}]}}",
			   (unsigned)sim_below(r, 3));
		break;
	case 1:
		apply_text(k, "{apiVersion: v1, kind: Pod, metadata: {name: gw, namespace: edge, labels: {app: %s}}, spec: {containers: [{name: c}]},"
			   " status: {podIP: 10.9.9.9, phase: Running}}", sim_chance(r, 80) ? "gw" : "other");
		break;
	case 2:
		apply_text(k, "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: 'outboundTrafficPolicy: {mode: %s}'}}",
			   sim_chance(r, 50) ? "REGISTRY_ONLY" : "ALLOW_ANY");
		break;
	case 3:
		apply_text(k, "{apiVersion: v1, kind: Namespace, metadata: {name: edge, labels: {x: v%u}}}", (unsigned)sim_below(r, 3));
		break;
	default:
		apply_text(k, "{apiVersion: v1, kind: Secret, metadata: {name: c%u, namespace: edge}, type: Opaque, data: {cert: eA==, key: %s}}",
			   (unsigned)sim_below(r, 3), sim_chance(r, 50) ? "eQ==" : "eg==");
	}
}

static struct api_object *some_object(struct kube_world *k)
{
	return k->api.all.n ? k->api.all.v[sim_below(&k->w.random, k->api.all.n)] : NULL;
}

static void write_some(struct kube_world *k)
{
	struct sim_random *r = &k->w.random;
	struct api_object *o = some_object(k);

	for (uint64_t n = 1 + sim_below(r, 4); n; n--) {
		if (sim_chance(r, 25))
			write_other(k);
		else
			write_place(k);
	}
	if (o && sim_chance(r, 40))
		api_remove(&k->api, o, true);
}

static bool may_lie(struct api *a, void *arg)
{
	struct kube_world *k = arg;

	(void)a;
	return k->seen_synced && store_objects(k->w.store)->kind[KIND_NODE]->n > KUBE_HOLD_OBJECTS;
}

static void write_mass(struct kube_world *k)
{
	bool most = sim_chance(&k->w.random, 50);

	for (size_t i = 0; i < k->api.all.n; i++) {
		struct api_object *o = k->api.all.v[i];

		if (o->kind == KIND_NODE && o->there && sim_chance(&k->w.random, most ? 90 : 30))
			api_remove(&k->api, o, true);
	}
}

/* ---- what the server does ---- */

static enum kind some_kind(struct kube_world *k)
{
	enum kind kind;

	do
		kind = (enum kind)sim_below(&k->w.random, KIND_COUNT);
	while (!api_reads(kind));
	return kind;
}

/* Nothing stands between the process and the server any more. */
static void mend(struct kube_world *k)
{
	struct api *a = &k->api;

	a->faults = 0;
	k->disk.full = false;
	sim_disk_write(&k->disk, "token", a->token);
	for (int i = 0; i < KIND_COUNT; i++) {
		struct api_kind *kind = &a->kinds[i];

		if (kind->forbidden || kind->served != ~0u)
			kind->odd_ms = loop_now_ms(a->loop);
		kind->forbidden = false;
		kind->served = ~0u;
	}
}

/* Versions that are given out a second time hide what is between: who reads must have read before that, or waits for
 * its next list for comparison. Nobody writes until then. */
static void read_restored(struct kube_world *k)
{
	unsigned faults = k->api.faults;

	mend(k);
	run(k, HEAL_MS);
	k->api.faults = faults;
}

static void restart_server(struct kube_world *k, bool restore)
{
	struct api *a = &k->api;

	a->down = true;
	http_drop_all(a);
	run(k, (int64_t)sim_below(a->random, 20000));
	if (restore)
		api_restore(a, a->version - sim_below(a->random, a->version - 1000 + 1));
	api_compact(a);
	a->down = false;
	if (restore)
		read_restored(k);
}

static void flap_kind(struct kube_world *k)
{
	struct api *a = &k->api;
	enum kind kind = sim_chance(a->random, 50) ? KIND_VIRTUAL_SERVICE : some_kind(k);
	bool core = !*kind_info(kind)->group;
	bool several = strchr(kind_info(kind)->versions, ' ');

	if (!a->kinds[kind].present)
		api_appear(a, kind);
	else if (several && sim_chance(a->random, 50))
		a->kinds[kind].served = 1u << sim_below(a->random, 2);
	else if (!core)
		api_vanish(a, kind);
	a->kinds[kind].odd_ms = loop_now_ms(a->loop);
	http_end_watches(a, kind);
}

static void flap_rights(struct kube_world *k)
{
	struct api_kind *kind = &k->api.kinds[some_kind(k)];

	kind->forbidden = !kind->forbidden;
	kind->odd_ms = loop_now_ms(k->w.loop);
}

/* One that has just begun forbids everything to everybody: that is no state to start with. */
static void start_with_young_server(struct kube_world *k)
{
	unsigned faults = k->api.faults;

	mend(k);
	kill_process(k);
	for (int i = 0; i < KIND_COUNT; i++)
		k->api.kinds[i].forbidden = true;
	open_process(k);
	run(k, (int64_t)sim_below(&k->w.random, 3000));
	for (int i = 0; i < KIND_COUNT; i++)
		k->api.kinds[i].forbidden = false;
	run(k, KUBE_FORBIDDEN_GRACE_MS);
	k->api.faults = faults;
}

static void rotate_token(struct kube_world *k)
{
	k->api.token = arena_printf(&k->api.arena, "t%llu", (unsigned long long)sim_below(&k->w.random, 1000000));
	if (sim_chance(&k->w.random, 70))
		sim_disk_write(&k->disk, "token", k->api.token);
}

static void act_peer(struct kube_world *k)
{
	struct peer *p = &k->w.peers[sim_below(&k->w.random, CLIENTS_MAX)];

	if (sim_chance(&k->w.random, 20))
		peer_oddity(p);
	else if (!p->connected)
		peer_connect(p);
	else
		peer_disconnect(p, sim_chance(&k->w.random, 60));
}

static void act(struct kube_world *k)
{
	struct sim_random *r = &k->w.random;
	struct api_object *o = some_object(k);

	switch (sim_below(r, 36)) {
	case 0: restart_server(k, false); break;
	case 1: restart_server(k, sim_chance(r, 50) && !*k->api.version_prefix); break;
	case 2: api_compact(&k->api); break;
	case 3:
	case 16: flap_kind(k); break;
	case 4: flap_rights(k); break;
	case 5: rotate_token(k); break;
	case 6:
		kill_process(k);
		open_process(k);
		break;
	case 7: source_kube_reload(k->source); break;
	case 17: start_with_young_server(k); break;
	case 8: k->disk.full = !k->disk.full; break;
	case 9: write_mass(k); break;
	case 10:
		if (o && o->there)
			o->uid = ++k->api.last_uid;
		break;
	case 11: http_drop_all(&k->api); break;
	case 12:
		if (o)
			http_end_watches(&k->api, o->kind);
		break;
	case 13:
	case 14:
	case 15:
		if (k->has_proxies)
			act_peer(k);
		break;
	default: write_some(k);
	}
	run(k, sim_chance(r, 60)   ? (int64_t)sim_below(r, 200)
	       : sim_chance(r, 80) ? (int64_t)sim_below(r, 5000)
				   : (int64_t)sim_below(r, 90000));
}

/* ---- and then all is well ---- */

/* How long it may take. */
static int64_t heal(struct kube_world *k)
{
	struct api *a = &k->api;
	int64_t ms = HEAL_MS;

	if (k->faults_meant & (1u << FAULT_GARBAGE | 1u << FAULT_PAGE | 1u << FAULT_BACK))
		ms = HEAL_BROKEN_MS;
	mend(k);
	for (int i = 0; i < KIND_COUNT; i++) {
		if (!a->kinds[i].present && sim_chance(a->random, 50))
			api_appear(a, (enum kind)i);
		if (!a->kinds[i].present && ms < HEAL_ABSENT_MS)
			ms = HEAL_ABSENT_MS;
	}
	return ms;
}

static void check(struct kube_world *k, const char *when, bool soon)
{
	k->w.soon = soon;
	if (!k->w.failed && k->has_proxies)
		check_world(&k->w);
	else if (!k->w.failed)
		check_objects(&k->w);
	if (!k->w.failed)
		kube_check_disk(k);
	if (k->w.failed && k->w.verbose)
		printf("(%s)\n", when);
}

/* The same objects again cost nothing. */
static void check_again(struct kube_world *k)
{
	uint64_t generation = store_generation(k->w.store);
	struct publish_timings before, after;

	publisher_timings(k->w.pub, &before);
	source_kube_reload(k->source);
	run(k, 2 * CALM_MS);
	publisher_timings(k->w.pub, &after);
	if (generation != store_generation(k->w.store) || before.generations != after.generations)
		sim_fail(&k->w, "resync", "objects that did not change were compiled again");
}

static void one_round(struct kube_world *k)
{
	k->api.faults = k->faults_meant;
	k->api.lied = false;
	for (unsigned i = 0; i < ACTIONS && !k->w.failed; i++)
		act(k);
	run(k, heal(k));
	check(k, "after all went well again", false);
	for (unsigned i = 0; i < 3 && !k->w.failed; i++) {
		write_some(k);
		run(k, CALM_MS);
		check(k, "five seconds after a change", true);
	}
	if (!k->w.failed && sim_chance(&k->w.random, 30))
		check_again(k);
}

/* ---- one history ---- */

static void draw_server(struct kube_world *k)
{
	struct sim_random *r = &k->w.random;
	struct api *a = &k->api;

	a->streams = sim_chance(r, 60);
	a->old = !a->streams && sim_chance(r, 25);
	a->bookmarks = sim_chance(r, 85);
	a->page = sim_chance(r, 50) ? 500 : 3 + (unsigned)sim_below(r, 20);
	a->version_prefix = sim_chance(r, 5) ? "v" : "";
	a->percent = 3 + (unsigned)sim_below(r, 30);
	for (unsigned f = 1; f < FAULTS; f++)
		k->faults_meant |= (unsigned)sim_chance(r, 25) << f;
	if (*a->version_prefix)		/* then nothing but a list tells that time went back */
		k->faults_meant &= ~(1u << FAULT_BACK);
	a->may_lie = may_lie;
	a->arg = k;
	a->token = "t";
	sim_disk_write(&k->disk, "token", "t");
	if (sim_chance(r, 25))
		for (unsigned i = 0; i < API_MASS; i++)
			write_node(k, i);
	for (unsigned i = 0; i < 20; i++)
		write_some(k);
}

static void start(struct kube_world *k, uint64_t seed, bool verbose)
{
	struct publish_source source = {.arg = k, .objects = objects};
	struct world *w = &k->w;
	struct err e;

	*k = (struct kube_world){.w = {.random = {seed}, .verbose = verbose, .model = kube_model}};
	w->loop = sim_loop_new(&w->random);
	w->jobs = job_pool_new(w->loop, 1, &e);
	server_metrics_init(&w->metrics);
	w->pub = publisher_new(w->loop, w->jobs, &w->metrics, &source);
	buf_init(&w->scratch, SIM_MESSAGE_MAX);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		w->peers[i].world = w;
	api_init(&k->api, w->loop, &w->random);
	k->api.verbose = verbose;
	sim_loop_attach(w->loop, &k->api);
	k->disk.random = &w->random;
	sim_disk_use(&k->disk);
	draw_server(k);
	run(k, 1000);
	k->has_disk = sim_chance(&w->random, 40);
	k->has_proxies = sim_chance(&w->random, 30);
	k->access = (struct kube_access){.server = "https://api", .token_file = "token"};
	open_process(k);
	for (size_t i = 0; k->has_proxies && i < 3; i++)
		peer_connect(&w->peers[i]);
}

static void end(struct kube_world *k)
{
	struct world *w = &k->w;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		peer_disconnect(&w->peers[i], false);
		peer_forget(&w->peers[i]);
	}
	kube_check_forget(k);
	source_kube_close(k->source);
	sim_cancel_jobs(w->loop);
	if (!sim_settle(w->loop, API_SETTLE_MAX))
		sim_fail(w, "liveness", "it does not come to rest at the end");
	publisher_free(w->pub);
	store_free(w->store);
	job_pool_free(w->jobs);
	loop_free(w->loop);
	metrics_fini(&w->metrics);
	buf_fini(&w->scratch);
	api_fini(&k->api);
	sim_disk_fini(&k->disk);
}

uint64_t sim_kube_run(uint64_t seed, bool verbose, const char **failed, char why[400])
{
	struct kube_world *k = malloc(sizeof(*k));
	uint64_t trace;

	must(k);
	start(k, seed, verbose);
	do
		one_round(k);
	while (!k->w.failed && sim_chance(&k->w.random, 30));
	trace = sim_trace(k->w.loop);
	end(k);
	*failed = k->w.failed;
	memcpy(why, k->w.why, sizeof(k->w.why));
	free(k);
	return trace;
}
