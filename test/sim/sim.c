/* SPDX-License-Identifier: Apache-2.0
 *
 * The deterministic simulator: one seed is one history of edits, clients, acknowledgements, refusals and
 * reconnects over the real store, publisher, compiler and sessions. Each response is checked as it comes
 * (sim_peer.c), and each quiet point (sim_check.c); at the end O10 (nothing is left) and, by running
 * the seed twice, O11 (same trace).
 *
 * usage: sim [--world files|kube] [--seeds N] [--first N] [--jobs N (processes)] [--failures N (stop after)]
 *            [--seed N (verbose)]
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "model/load.h"
#include "sim_kube.h"

enum { STEPS = 40, SETTLE_MAX = 200000 };

void sim_fail(struct world *w, const char *oracle, const char *fmt, ...)
{
	va_list ap;

	if (w->failed)
		return;
	w->failed = oracle;
	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	if (w->verbose)
		printf("!!! %s: %s\n", oracle, w->why);
}

/* ---- configuration ---- */

static bool objects(void *arg, struct object_set *set)
{
	struct world *w = arg;

	*set = *store_objects(w->store);
	object_set_ref(set);
	return true;
}

struct load_ctx {
	struct store_entry entries[4];
	size_t n;
	struct diags *ds;
};

static void loaded(const struct load_item *item, void *arg)
{
	struct load_ctx *c = arg;

	if (item->outcome == OBJECT_SKIPPED || item->id.kind < 0 || !item->id.name || c->n == ARRAY_LEN(c->entries)) {
		object_unref(item->object);
		return;
	}
	c->entries[c->n++] = (struct store_entry){.kind = item->id.kind,
						  .ns = item->id.ns,
						  .name = item->id.name,
						  .obj = item->object,
						  .diags = c->ds->v + item->first_diag,
						  .n_diags = item->n_diags};
}

static void put(struct world *w, unsigned place, const char *text, size_t len)
{
	char file[32];
	struct arena a;
	struct diags ds;
	struct load_ctx c = {.ds = &ds};

	arena_init(&a, 0);
	diags_init(&ds, &a);
	snprintf(file, sizeof(file), "%02u.yaml", place);
	load_text(file, text, len, SCHEMA_LENIENT, &ds, loaded, &c);
	store_put(w->store, w->source, &(struct store_place){.name = file, .v = c.entries, .n = c.n, .keep_missing = c.n == 0});
	object_unref(w->places[place].now);
	w->places[place].now = c.n && c.entries[0].obj ? object_ref(c.entries[0].obj) : NULL;
	w->places[place].claimed |= c.n > 0;
	for (size_t i = 0; i < c.n; i++)
		object_unref(c.entries[i].obj);
	arena_fini(&a);
}

static void edit(struct world *w, unsigned place)
{
	struct buf text;
	char file[32];

	if (sim_chance(&w->random, 20)) {
		snprintf(file, sizeof(file), "%02u.yaml", place);
		store_remove(w->store, w->source, file);
		object_unref(w->places[place].now);
		w->places[place] = (struct place_model){.good = w->places[place].good};
		sim_note(w->loop, "remove", place);
		return;
	}
	buf_init(&text, 65536);
	sim_manifest(&w->random, place, &text);
	put(w, place, text.p, text.n);
	sim_note(w->loop, "put", hash_bytes(text.p, text.n).lo);
	if (w->verbose)
		printf("--- put %02u\n%.*s", place, (int)text.n, text.p);
	buf_fini(&text);
}

static void edit_any(struct world *w)
{
	edit(w, (unsigned)sim_below(&w->random, SIM_PLACES));
}

static void commit(struct world *w)
{
	store_commit(w->store);
	for (size_t i = 0; i < SIM_PLACES; i++) {
		struct place_model *m = &w->places[i];

		/* what is wrong leaves its last good form in force (P4) */
		if (m->claimed && !m->now)
			continue;
		object_unref(m->good);
		m->good = m->now ? object_ref(m->now) : NULL;
	}
	publisher_changed(w->pub);
}

/* ---- one history ---- */

static void act(struct world *w)
{
	struct peer *p = &w->peers[sim_below(&w->random, CLIENTS_MAX)];

	switch (sim_below(&w->random, 10)) {
	case 0:
		if (p->connected)
			peer_disconnect(p, sim_chance(&w->random, 60));
		else
			peer_connect(p);
		break;
	case 2: peer_oddity(p); break;
	case 1:
		for (unsigned i = 0, n = 1 + (unsigned)sim_below(&w->random, 6); i < n; i++)
			edit_any(w);
		commit(w);
		break;
	case 3:
	case 4:
		edit(w, SIM_SLICES + (unsigned)sim_below(&w->random, SIM_SLICES_END - SIM_SLICES));
		commit(w);
		break;
	default:
		edit_any(w);
		commit(w);
	}
}

static void start(struct world *w, uint64_t seed, bool verbose)
{
	struct publish_source source = {.arg = w, .objects = objects};
	struct err e;

	*w = (struct world){.random = {seed}, .verbose = verbose, .model = model_places};
	w->loop = sim_loop_new(&w->random);
	w->jobs = job_pool_new(w->loop, 1, &e);
	server_metrics_init(&w->metrics);
	w->store = store_new("cluster.local", "istio-system");
	w->source = store_source_add(w->store, "sim");
	w->pub = publisher_new(w->loop, w->jobs, &w->metrics, &source);
	buf_init(&w->scratch, SIM_MESSAGE_MAX);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		w->peers[i].world = w;
	for (unsigned i = 0; i < 20; i++)
		edit_any(w);
	store_source_synced(w->store, w->source);
	commit(w);
}

static void end(struct world *w)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		peer_disconnect(&w->peers[i], false);
		peer_forget(&w->peers[i]);
	}
	if (!sim_settle(w->loop, SETTLE_MAX))
		sim_fail(w, "liveness", "it does not come to rest at the end");
	for (size_t i = 0; i < SIM_PLACES; i++) {
		object_unref(w->places[i].now);
		object_unref(w->places[i].good);
	}
	publisher_free(w->pub);
	store_free(w->store);
	job_pool_free(w->jobs);
	loop_free(w->loop);
	metrics_fini(&w->metrics);
	buf_fini(&w->scratch);
}

/* Returns the trace; *failed tells the oracle that failed, or is NULL. */
static uint64_t run_seed(uint64_t seed, bool verbose, const char **failed, char why[400])
{
	struct world *w = malloc(sizeof(*w));
	uint64_t trace;

	must(w);
	start(w, seed, verbose);
	for (unsigned i = 0; i < STEPS && !w->failed; i++) {
		act(w);
		for (uint64_t k = sim_below(&w->random, 12); k > 0 && sim_step(w->loop); k--)
			continue;
		if (sim_chance(&w->random, 15)) {
			if (!sim_settle(w->loop, SETTLE_MAX))
				sim_fail(w, "liveness", "it does not come to rest");
			else
				check_world(w);
		}
	}
	if (!w->failed && sim_settle(w->loop, SETTLE_MAX))
		check_world(w);
	trace = sim_trace(w->loop);
	end(w);
	*failed = w->failed;
	memcpy(why, w->why, sizeof(w->why));
	free(w);
	return trace;
}

typedef uint64_t run_fn(uint64_t seed, bool verbose, const char **failed, char why[400]);

struct options {
	run_fn *run;
	uint64_t first, n, failures_max, jobs;
	bool verbose;
};

/* Every jobs-th seed from first on; returns how many failed, in *ran how many ran. */
static uint64_t run_seeds(const struct options *o, uint64_t first, uint64_t *ran)
{
	uint64_t failures = 0;

	for (uint64_t seed = first; seed < o->first + o->n && failures < o->failures_max; seed += o->jobs, ++*ran) {
		const char *failed, *failed2;
		char why[400], why2[400];
		uint64_t trace = o->run(seed, o->verbose, &failed, why);

		if (!failed && seed % 10 == 0 && trace != o->run(seed, false, &failed2, why2)) {
			failed = "O11";
			snprintf(why, sizeof(why), "two runs of one seed have different traces");
		}
		if (failed) {
			failures++;
			printf("seed %llu: %s: %s\n", (unsigned long long)seed, failed, why);
			fflush(stdout);
		}
	}
	return failures;
}

/* In processes of their own; a report of two numbers comes from each that ends well. */
static uint64_t run_jobs(const struct options *o, uint64_t *ran)
{
	uint64_t failures = 0, report[2];
	int fds[2];

	must(!pipe(fds));
	fflush(stdout);
	for (uint64_t i = 0; i < o->jobs; i++) {
		if (fork())
			continue;
		report[1] = 0;
		report[0] = run_seeds(o, o->first + i, &report[1]);
		_exit(write(fds[1], report, sizeof(report)) != sizeof(report));
	}
	close(fds[1]);
	while (read(fds[0], report, sizeof(report)) == sizeof(report)) {
		failures += report[0];
		*ran += report[1];
	}
	for (int status; wait(&status) > 0;)
		failures += status != 0;
	close(fds[0]);
	return failures;
}

int main(int argc, char **argv)
{
	struct options o = {.run = run_seed, .first = 1, .n = 200, .failures_max = 5, .jobs = 1};
	uint64_t failures, ran = 0;

	arena_keep_memory();
	log_set_level(LOG_LEVEL_NONE);
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 10);

		if (!strcmp(argv[i], "--seeds"))
			o.n = value;
		else if (!strcmp(argv[i], "--first"))
			o.first = value;
		else if (!strcmp(argv[i], "--failures"))
			o.failures_max = value;
		else if (!strcmp(argv[i], "--jobs"))
			o.jobs = value ? value : 1;
		else if (!strcmp(argv[i], "--world"))
			o.run = !strcmp(argv[i + 1], "kube") ? sim_kube_run : run_seed;
		else if (!strcmp(argv[i], "--seed"))
			o.first = value, o.n = 1, o.verbose = true;
	}
	if (o.verbose)
		log_set_level(LOG_LEVEL_INFO);
	failures = o.jobs > 1 ? run_jobs(&o, &ran) : run_seeds(&o, o.first, &ran);
	printf("%llu passed, %llu failed\n", (unsigned long long)(ran - failures), (unsigned long long)failures);
	return failures != 0;
}
