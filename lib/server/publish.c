/* SPDX-License-Identifier: Apache-2.0 */
#include "server/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"

/* All subscribers whose proxies have one view. The view borrows from the snapshot it was made from. */
struct view_slot {
	struct publisher *owner;
	char key[HASH_HEX_LEN + 1];
	struct arena arena;		/* of the view */
	struct view view;
	struct snapshot *snap;		/* held: what the view borrows from */
	struct bundle *bundle;		/* held, or NULL: not compiled yet */
	struct subscriber *subs;
	bool stale;			/* must be compiled */
	bool compiling;
};

struct snapshot_job {
	struct job job;
	struct publisher *owner;
	struct object_set objects;	/* held */
	struct snapshot *prev;		/* held, or NULL */
	struct snapshot *result;
	int64_t began_ns, took_ns;
};

struct compile_job {
	struct job job;
	struct view_slot *slot;
	struct snapshot *snap;		/* held */
	struct bundle *prev;		/* held, or NULL */
	const struct compiled *result;
	int64_t began_ns;
};

struct publisher {
	struct loop *loop;
	struct job_pool *jobs;
	struct metrics *metrics;
	struct publish_source source;
	struct res_table table;
	struct snapshot *snap;		/* held, or NULL */
	struct map slots;		/* key -> struct view_slot */
	struct loop_timer timer;
	bool changed;			/* since the objects of the last build were taken */
	bool building;
	size_t compiling;
	int64_t changed_ms, first_changed_ms, published_ms;
	struct publish_timings last;
	char broken[200];
};

/* ---- slots ---- */

static void slot_free(struct view_slot *s)
{
	must(!s->subs && !s->compiling);
	map_remove(&s->owner->slots, s->key);
	bundle_unref(&s->owner->table, s->bundle);
	snapshot_unref(s->snap);
	arena_fini(&s->arena);
	free(s);
}

static void slot_drop_if_unused(struct view_slot *s)
{
	if (!s->subs && !s->compiling)
		slot_free(s);
}

static void slot_add(struct view_slot *s, struct subscriber *sub)
{
	sub->slot = s;
	sub->next = s->subs;
	sub->at = &s->subs;
	if (s->subs)
		s->subs->at = &sub->next;
	s->subs = sub;
}

static void slot_remove(struct subscriber *sub)
{
	*sub->at = sub->next;
	if (sub->next)
		sub->next->at = sub->at;
	sub->slot = NULL;
}

/* To the current snapshot. */
static void slot_move(struct view_slot *s)
{
	must(!s->compiling);
	snapshot_unref(s->snap);
	s->snap = snapshot_ref(s->owner->snap);
	s->stale = true;
}

/* The slot of the proxy's view in the current snapshot; made, or moved to this snapshot, if need be.
 * seed: what the proxy holds now, so that unchanged resources of a new view are reused; or NULL. */
static struct view_slot *slot_of(struct publisher *p, const struct proxy *proxy, struct bundle *seed)
{
	struct arena arena;
	struct view view;
	char key[HASH_HEX_LEN + 1];
	struct view_slot *s;

	arena_init(&arena, 0);
	view_build(p->snap, proxy, &arena, &view);
	hash_hex(view.hash, key);
	s = map_get(&p->slots, key);
	if (s && s->snap == p->snap) {
		arena_fini(&arena);
		return s;
	}
	if (!s) {
		s = calloc(1, sizeof(*s));
		must(s && "out of memory");
		s->owner = p;
		memcpy(s->key, key, sizeof(key));
		map_set(&p->slots, key, s);
		s->bundle = seed ? bundle_ref(seed) : NULL;
	}
	arena_fini(&s->arena);
	arena_take(&s->arena, &arena);
	s->view = view;
	slot_move(s);
	return s;
}

/* ---- compiling views ---- */

static void consider(struct publisher *p);

static void compile_run(struct job *job)
{
	struct compile_job *c = (struct compile_job *)job;

	c->result = compile_view(c->snap, &c->slot->view, c->prev, &job->arena);
}

static void note_broken(struct publisher *p, const char *why)
{
	snprintf(p->broken, sizeof(p->broken), "%s", why);
	p->last.broken = p->broken;
	metric_add(p->metrics, M_COMPILE_BROKEN, NULL, 1);
	log_error("publish", "a set failed its closure check and is not published; the one before stays: %s", why);
}

static void slot_publish(struct view_slot *s, struct bundle *b)
{
	struct bundle *old = s->bundle;

	s->bundle = b;
	for (struct subscriber *sub = s->subs, *next; sub; sub = next) {
		next = sub->next;
		sub->updated(sub, b);
	}
	bundle_unref(&s->owner->table, old);
}

static void compile_done(struct job *job)
{
	struct compile_job *c = (struct compile_job *)job;
	struct view_slot *s = c->slot;
	struct publisher *p = s->owner;
	int64_t took_ns = loop_clock_ns(p->loop) - c->began_ns;

	s->compiling = false;
	p->compiling--;
	if (job->failed && !job->cancelled)
		note_broken(p, "compiling a view passed its memory limit");
	if (!job->failed && c->result->broken)
		note_broken(p, c->result->broken);
	if (!job->failed && !c->result->broken) {
		uint64_t built = p->table.n_built, reused = p->table.n_reused;

		slot_publish(s, bundle_adopt(&p->table, c->result, c->prev));
		metric_add(p->metrics, M_RESOURCES_BUILT, NULL, (double)(p->table.n_built - built));
		metric_add(p->metrics, M_RESOURCES_REUSED, NULL, (double)(p->table.n_reused - reused));
		metric_observe(p->metrics, M_COMPILE_SECONDS, NULL, (double)took_ns / 1e9);
		p->last.n_built += c->result->n_built;
		p->last.compile_ns += took_ns;
		p->last.n_views++;
	}
	bundle_unref(&p->table, c->prev);
	snapshot_unref(c->snap);
	job_fini(job);
	free(c);
	slot_drop_if_unused(s);
	consider(p);
}

static void compile_start(struct view_slot *s)
{
	struct publisher *p = s->owner;
	struct compile_job *c = calloc(1, sizeof(*c));

	must(c && "out of memory");
	job_init(&c->job, JOB_BULK, PUBLISH_JOB_MEMORY_MAX, compile_run, compile_done);
	c->slot = s;
	c->snap = snapshot_ref(s->snap);
	c->prev = s->bundle ? bundle_ref(s->bundle) : NULL;
	c->began_ns = loop_clock_ns(p->loop);
	s->stale = false;
	s->compiling = true;
	p->compiling++;
	job_submit(p->jobs, &c->job);
}

/* ---- snapshots ---- */

static void snapshot_run(struct job *job)
{
	struct snapshot_job *j = (struct snapshot_job *)job;

	j->result = snapshot_build(j->prev, &j->objects);
}

static void count_snapshot(struct publisher *p)
{
	size_t n[VERDICT_STATES] = {0};

	for (size_t i = 0; i < p->snap->n_verdicts; i++)
		n[p->snap->verdicts[i].state]++;
	for (int k = 0; k < VERDICT_STATES; k++)
		metric_set(p->metrics, M_VERDICTS, verdict_state_name((enum verdict_state)k), (double)n[k]);
	metric_set(p->metrics, M_SERVICES, NULL, (double)p->snap->n_svcs);
	metric_set(p->metrics, M_VIRTUAL_SERVICES, NULL, (double)p->snap->n_vss);
	metric_add(p->metrics, M_SNAPSHOTS, NULL, 1);
	metric_add(p->metrics, M_PARTS_BUILT, NULL, (double)p->snap->n_parts_built);
}

static void collect(const char *key, void *value, void *arg)
{
	struct view_slot ***end = arg;

	(void)key;
	*(*end)++ = value;
}

static void move_subscribers(struct view_slot *s)
{
	struct publisher *p = s->owner;

	for (struct subscriber *sub = s->subs, *next; sub; sub = next) {
		struct view_slot *to = slot_of(p, sub->proxy, s->bundle);

		next = sub->next;
		if (to != s) {
			slot_remove(sub);
			slot_add(to, sub);
		}
	}
}

/* Every subscriber finds its view in the new snapshot; the views that are stale are compiled then. */
static void move_all(struct publisher *p)
{
	size_t n = map_count(&p->slots);
	struct view_slot **slots = calloc(n + 1, sizeof(*slots)), **end = slots;

	must(slots && "out of memory");
	map_each(&p->slots, collect, &end);
	for (size_t i = 0; i < n; i++) {
		if (p->snap->same_views && slots[i]->snap && slots[i]->snap->gen + 1 == p->snap->gen)
			slot_move(slots[i]);
		else
			move_subscribers(slots[i]);
	}
	for (size_t i = 0; i < n; i++)
		slot_drop_if_unused(slots[i]);
	free(slots);
}

static void start_if_stale(const char *key, void *value, void *arg)
{
	struct view_slot *s = value;

	(void)key;
	(void)arg;
	if (s->stale && !s->compiling && s->subs)
		compile_start(s);
}

static void snapshot_done(struct job *job)
{
	struct snapshot_job *j = (struct snapshot_job *)job;
	struct publisher *p = j->owner;

	p->building = false;
	if (job->cancelled || !j->result) {
		if (!job->cancelled)
			log_error("publish", "no memory for a snapshot; the one before stays");
	} else {
		p->last.snapshot_ns = loop_clock_ns(p->loop) - j->began_ns;
		p->last.compile_ns = 0;
		p->last.n_built = p->last.n_views = 0;
		p->last.n_parts = j->result->n_parts_built;
		p->last.broken = NULL;
		p->last.generations++;
		metric_observe(p->metrics, M_BUILD_SECONDS, NULL, (double)p->last.snapshot_ns / 1e9);
		snapshot_adopt(j->result);
		snapshot_unref(p->snap);
		p->snap = j->result;
		p->published_ms = loop_now_ms(p->loop);
		count_snapshot(p);
		move_all(p);
		if (p->source.published)
			p->source.published(p->source.arg, p->snap);
	}
	map_each(&p->slots, start_if_stale, NULL);
	snapshot_unref(j->prev);
	object_set_unref(&j->objects);
	job_fini(job);
	free(j);
	consider(p);
}

static void snapshot_start(struct publisher *p)
{
	struct snapshot_job *j = calloc(1, sizeof(*j));

	must(j && "out of memory");
	if (!p->source.objects(p->source.arg, &j->objects)) {
		free(j);
		return;
	}
	job_init(&j->job, JOB_BULK, 0, snapshot_run, snapshot_done);
	j->owner = p;
	j->prev = p->snap ? snapshot_ref(p->snap) : NULL;
	j->began_ns = loop_clock_ns(p->loop);
	p->changed = false;
	p->building = true;
	job_submit(p->jobs, &j->job);
}

/* ---- when ---- */

static void timer_fired(void *arg)
{
	consider(arg);
}

/* Starts the next generation when it is time, else sees to it that we are called again. */
static void consider(struct publisher *p)
{
	int64_t now_ms = loop_now_ms(p->loop), wait_ms;

	if (!p->changed || p->building || p->compiling)
		return;
	wait_ms = p->changed_ms + PUBLISH_QUIET_MS - now_ms;
	if (wait_ms > p->first_changed_ms + PUBLISH_MAX_MS - now_ms)
		wait_ms = p->first_changed_ms + PUBLISH_MAX_MS - now_ms;
	if (!p->snap || p->first_changed_ms - p->published_ms >= PUBLISH_QUIET_MS)
		wait_ms = 0;	/* the first change after a quiet time */
	if (wait_ms > 0) {
		loop_timer_start(p->loop, &p->timer, wait_ms, timer_fired, p);
		return;
	}
	loop_timer_stop(p->loop, &p->timer);
	snapshot_start(p);
}

void publisher_changed(struct publisher *p)
{
	p->changed_ms = loop_now_ms(p->loop);
	if (!p->changed)
		p->first_changed_ms = p->changed_ms;
	p->changed = true;
	consider(p);
}

/* ---- subscribers ---- */

/* Those who came before the first snapshot wait here; its key is no hash. */
static struct view_slot *waiting_slot(struct publisher *p)
{
	struct view_slot *s = map_get(&p->slots, "waiting");

	if (!s) {
		s = calloc(1, sizeof(*s));
		must(s && "out of memory");
		s->owner = p;
		strcpy(s->key, "waiting");
		map_set(&p->slots, s->key, s);
	}
	return s;
}


void publisher_subscribe(struct publisher *p, struct subscriber *sub)
{
	struct view_slot *s = p->snap ? slot_of(p, sub->proxy, NULL) : waiting_slot(p);

	slot_add(s, sub);
	if (s->stale && !s->compiling && !p->building)
		compile_start(s);
}

void publisher_unsubscribe(struct publisher *p, struct subscriber *sub)
{
	struct view_slot *s = sub->slot;

	(void)p;
	if (!s)
		return;
	slot_remove(sub);
	slot_drop_if_unused(s);
}

/* ---- the rest ---- */

struct publisher *publisher_new(struct loop *l, struct job_pool *jobs, struct metrics *metrics,
				const struct publish_source *source)
{
	struct publisher *p = calloc(1, sizeof(*p));

	must(p && "out of memory");
	p->loop = l;
	p->jobs = jobs;
	p->metrics = metrics;
	p->source = *source;
	res_table_init(&p->table);
	map_init(&p->slots, NULL);
	return p;
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	must(!p->building && !p->compiling && !map_count(&p->slots));
	loop_timer_stop(p->loop, &p->timer);
	map_fini(&p->slots);
	snapshot_unref(p->snap);
	res_table_fini(&p->table);
	free(p);
}

const struct snapshot *publisher_snapshot(const struct publisher *p)
{
	return p->snap;
}

struct bundle *publisher_bundle(const struct subscriber *sub)
{
	return sub->slot ? sub->slot->bundle : NULL;
}

struct res_table *publisher_table(struct publisher *p)
{
	return &p->table;
}

bool publisher_idle(const struct publisher *p)
{
	return !p->changed && !p->building && !p->compiling;
}

size_t publisher_views(const struct publisher *p)
{
	return map_count(&p->slots);
}

void publisher_timings(const struct publisher *p, struct publish_timings *out)
{
	*out = p->last;
}
