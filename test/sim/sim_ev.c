/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_ev.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/must.h"

enum { TIMERS_MAX = 4096, JOB_DELAY_MAX_MS = 40 };

struct pending_job {
	struct job *job;
	int64_t ends_ms;
	struct pending_job *next;
};

struct loop {
	struct sim_random *random;
	int64_t now_ms;
	uint64_t seq;
	struct loop_timer *timers[TIMERS_MAX];
	size_t n_timers;
	struct loop_task *tasks[LOOP_PHASES];
	struct pending_job *jobs;
	size_t n_jobs;
	struct hash128 trace;
	struct loop_stats stats;
	void *world;
};

struct job_pool {
	struct loop *loop;
};

/* splitmix64 */
uint64_t sim_next(struct sim_random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct loop *sim_loop_new(struct sim_random *random)
{
	struct loop *l = calloc(1, sizeof(*l));

	must(l);
	l->random = random;
	return l;
}

void loop_free(struct loop *l)
{
	must(!l->n_timers && !l->n_jobs);	/* O10: nothing is left running */
	free(l);
}

uint64_t sim_trace(const struct loop *l)
{
	return l->trace.lo;
}

void sim_note(struct loop *l, const char *event, uint64_t value)
{
	l->trace = hash_mix_u64(hash_mix_str(l->trace, event), value ^ (uint64_t)l->now_ms << 32);
}

int64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t loop_clock_ns(const struct loop *l)
{
	return l->now_ms * 1000000;
}

int64_t loop_wall_ns(const struct loop *l)
{
	return 1700000000000000000 + l->now_ms * 1000000;
}

int loop_random(struct loop *l, void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((unsigned char *)p)[i] = (unsigned char)sim_next(l->random);
	return 0;
}

void sim_loop_attach(struct loop *l, void *world)
{
	l->world = world;
}

void *sim_loop_attached(const struct loop *l)
{
	return l->world;
}

const struct loop_stats *loop_stats(const struct loop *l)
{
	return &l->stats;
}

/* ---- timers: slot is the place in the array, 1-based ---- */

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms, loop_fn *fn, void *arg)
{
	loop_timer_stop(l, t);
	must(l->n_timers < TIMERS_MAX);
	t->fn = fn;
	t->arg = arg;
	t->at_ms = l->now_ms + delay_ms;
	t->seq = ++l->seq;
	l->timers[l->n_timers++] = t;
	t->slot = l->n_timers;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	if (!t->slot)
		return;
	l->timers[t->slot - 1] = l->timers[--l->n_timers];
	l->timers[t->slot - 1]->slot = t->slot;
	t->slot = 0;
}

static struct loop_timer *first_timer(const struct loop *l)
{
	struct loop_timer *first = NULL;

	for (size_t i = 0; i < l->n_timers; i++) {
		struct loop_timer *t = l->timers[i];

		if (!first || t->at_ms < first->at_ms || (t->at_ms == first->at_ms && t->seq < first->seq))
			first = t;
	}
	return first;
}

/* ---- tasks ---- */

void loop_task_kick(struct loop *l, struct loop_task *t)
{
	struct loop_task **end = &l->tasks[t->phase];

	if (t->at)
		return;
	while (*end)
		end = &(*end)->next;
	*end = t;
	t->at = end;
	t->next = NULL;
}

void loop_task_stop(struct loop_task *t)
{
	if (!t->at)
		return;
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	t->at = NULL;
	t->next = NULL;
}

static bool run_task(struct loop *l)
{
	for (int phase = 0; phase < LOOP_PHASES; phase++) {
		struct loop_task *t = l->tasks[phase];

		if (!t)
			continue;
		loop_task_stop(t);
		t->fn(t->arg);
		return true;
	}
	return false;
}

/* ---- jobs: run at once, on nothing but what they were given; end at a random time ---- */

struct job_pool *job_pool_new(struct loop *l, unsigned workers, struct err *e)
{
	struct job_pool *p = calloc(1, sizeof(*p));

	(void)workers;
	(void)e;
	must(p);
	p->loop = l;
	return p;
}

void job_pool_free(struct job_pool *p)
{
	must(!p->loop->n_jobs);
	free(p);
}

void job_init(struct job *job, enum job_lane lane, size_t arena_limit, void (*run)(struct job *),
	      void (*done)(struct job *))
{
	*job = (struct job){.run = run, .done = done, .lane = lane};
	arena_init(&job->arena, arena_limit);
}

void job_fini(struct job *job)
{
	arena_fini(&job->arena);
}

void job_submit(struct job_pool *pool, struct job *job)
{
	struct loop *l = pool->loop;
	struct pending_job *p = calloc(1, sizeof(*p));

	must(p);
	p->job = job;
	p->ends_ms = l->now_ms + (int64_t)sim_below(l->random, JOB_DELAY_MAX_MS);
	p->next = l->jobs;
	l->jobs = p;
	l->n_jobs++;
}

static struct job *take_job(struct loop *l, struct pending_job *p)
{
	struct pending_job **at = &l->jobs;
	struct job *job = p->job;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	l->n_jobs--;
	free(p);
	return job;
}

void sim_cancel_jobs(struct loop *l)
{
	while (l->jobs) {
		struct job *job = take_job(l, l->jobs);

		job->failed = job->cancelled = true;
		job->done(job);
	}
}

static void end_job(struct loop *l, struct pending_job *p)
{
	struct job *job = take_job(l, p);
	struct arena_guard guard;

	/* a worker reads what the loop holds at any time until it ends: the latest is the hardest */
	if (arena_guard(&job->arena, &guard)) {
		job->failed = true;
	} else {
		job->run(job);
		arena_unguard(&job->arena, &guard);
	}
	sim_note(l, "job", 0);
	job->done(job);
}

static struct pending_job *first_job(const struct loop *l)
{
	struct pending_job *first = NULL;

	for (struct pending_job *p = l->jobs; p; p = p->next) {
		if (!first || p->ends_ms < first->ends_ms)
			first = p;
	}
	return first;
}

/* ---- what happens next ---- */

bool sim_step(struct loop *l)
{
	struct loop_timer *t;
	struct pending_job *j;

	if (run_task(l))
		return true;
	t = first_timer(l);
	j = first_job(l);
	if (j && (!t || j->ends_ms <= t->at_ms)) {
		if (j->ends_ms > l->now_ms)
			l->now_ms = j->ends_ms;
		end_job(l, j);
		return true;
	}
	if (!t)
		return false;
	if (t->at_ms > l->now_ms)
		l->now_ms = t->at_ms;
	loop_timer_stop(l, t);
	sim_note(l, "timer", 0);
	t->fn(t->arg);
	return true;
}

bool sim_settle(struct loop *l, unsigned max)
{
	for (unsigned i = 0; i < max; i++) {
		if (!sim_step(l))
			return true;
	}
	return false;
}

bool sim_run_until(struct loop *l, int64_t until_ms, unsigned max)
{
	for (unsigned i = 0; i < max; i++) {
		const struct loop_timer *t = first_timer(l);
		const struct pending_job *j = first_job(l);
		bool task = false;

		for (int phase = 0; phase < LOOP_PHASES; phase++)
			task = task || l->tasks[phase];
		if (!task && (!t || t->at_ms > until_ms) && (!j || j->ends_ms > until_ms)) {
			l->now_ms = until_ms > l->now_ms ? until_ms : l->now_ms;
			return true;
		}
		sim_step(l);
	}
	return false;
}
