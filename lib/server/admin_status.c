/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon in one page: what it is, what became of the objects, and each watch of the API server;
 * the same as metrics.
 */
#include <jansson.h>

#include "server/server_int.h"
#include "server/version.h"

/* ---- the page ---- */

static void put_watch(const struct kube_status *row, void *arg)
{
	json_t *out = json_pack(
	    "{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "kind", row->plural, "state",
	    kube_watch_state_name(row->state), "objects", (json_int_t)row->objects, "held",
	    (json_int_t)row->held, "requests", (json_int_t)row->stats->requests, "lists",
	    (json_int_t)row->stats->lists, "events", (json_int_t)row->stats->events, "broken",
	    (json_int_t)row->stats->broken, "failures", (json_int_t)row->stats->failures);

	if (*row->name) {
		json_object_set_new(out, "namespace", json_string(row->ns));
		json_object_set_new(out, "name", json_string(row->name));
	}
	if (row->trouble)
		json_object_set_new(out, "trouble", json_string(row->trouble));
	json_array_append_new(arg, out);
}

/* As the publisher counted them. */
static json_t *verdicts(const struct server *s)
{
	json_t *out = json_object();

	for (int i = 0; i < VERDICT_STATES; i++) {
		const char *name = verdict_state_name((enum verdict_state)i);

		json_object_set_new(
		    out, name,
		    json_integer((json_int_t)metric_value(&s->metrics, M_VERDICTS, name)));
	}
	return out;
}

/* Also while the configuration is still being read: then more than ever. */
void statusz(struct http_request *req)
{
	struct server *s = req->arg;
	const struct snapshot *snap = publisher_snapshot(s->pub);
	int64_t saved_s = store_restored_s(s->store);
	json_t *watches = json_array(), *out;

	if (s->kube)
		source_kube_each(s->kube, put_watch, watches);
	out = json_pack("{s:s,s:b,s:I,s:I,s:o}", "version", version_text(), "ready",
			snap && !s->stopping, "uptimeSeconds",
			(json_int_t)((loop_now_ms(s->loop) - s->started_ms) / 1000), "proxies",
			(json_int_t)s->n_clients, "watches", watches);
	if (snap)
		json_object_set_new(out, "verdicts", verdicts(s));
	if (saved_s)
		json_object_set_new(out, "servesGenerationOf", json_integer(saved_s));
	reply_json_value(req, out);
}

/* ---- metrics ---- */

struct sums {
	struct metrics *metrics;
	size_t states[KUBE_WATCH_STATES], held;
};

/* The watches of single Secrets are one row together. */
static void begin_kind(const struct kube_status *row, void *arg)
{
	struct sums *sums = arg;
	static const int families[] = {M_KUBE_OBJECTS, M_KUBE_EVENTS, M_KUBE_FAILURES};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		metric_set(sums->metrics, (size_t)families[i], row->plural, 0);
}

static void add_kind(const struct kube_status *row, void *arg)
{
	struct sums *sums = arg;

	sums->states[row->state]++;
	sums->held += row->held;
	metric_add(sums->metrics, M_KUBE_OBJECTS, row->plural, (double)row->objects);
	metric_add(sums->metrics, M_KUBE_EVENTS, row->plural, (double)row->stats->events);
	metric_add(sums->metrics, M_KUBE_FAILURES, row->plural, (double)row->stats->failures);
}

void gauge_kube(struct server *s)
{
	struct sums sums = {.metrics = &s->metrics};

	if (!s->kube)
		return;
	source_kube_each(s->kube, begin_kind, &sums);
	source_kube_each(s->kube, add_kind, &sums);
	for (int i = 0; i < KUBE_WATCH_STATES; i++)
		metric_set(&s->metrics, M_KUBE_WATCHES,
			   kube_watch_state_name((enum kube_watch_state)i), (double)sums.states[i]);
	metric_set(&s->metrics, M_KUBE_HELD, NULL, (double)sums.held);
}
