/* SPDX-License-Identifier: Apache-2.0
 *
 * The deterministic simulator: one seed is one history of edits, clients, acknowledgements, refusals and
 * reconnects over the real store, publisher, compiler and sessions. Each response is checked as it comes
 * (sim_peer.c), and each quiet point (sim_check.c); at the end O10 (nothing is left) and, by running
 * the seed twice, O11 (same trace).
 *
 * usage: sim [--seeds N] [--first N] [--failures N (stop after)] [--seed N (verbose)]
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "model/load.h"
#include "sim.h"

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

	*w = (struct world){.random = {seed}, .verbose = verbose};
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

int main(int argc, char **argv)
{
	uint64_t first = 1, n = 200, failures = 0, failures_max = 5, ran = 0;
	bool verbose = false;

	arena_keep_memory();
	log_set_level(LOG_LEVEL_NONE);
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 10);

		if (!strcmp(argv[i], "--seeds"))
			n = value;
		else if (!strcmp(argv[i], "--first"))
			first = value;
		else if (!strcmp(argv[i], "--failures"))
			failures_max = value;
		else if (!strcmp(argv[i], "--seed"))
			first = value, n = 1, verbose = true;
	}
	for (uint64_t seed = first; seed < first + n && failures < failures_max; seed++, ran++) {
		const char *failed, *failed2;
		char why[400], why2[400];
		uint64_t trace = run_seed(seed, verbose, &failed, why);

		if (!failed && seed % 10 == 0 && trace != run_seed(seed, false, &failed2, why2)) {
			failed = "O11";
			snprintf(why, sizeof(why), "two runs of one seed have different traces");
		}
		if (failed) {
			failures++;
			printf("seed %llu: %s: %s\n", (unsigned long long)seed, failed, why);
		}
	}
	printf("%llu passed, %llu failed\n", (unsigned long long)(ran - failures), (unsigned long long)failures);
	return failures != 0;
}
