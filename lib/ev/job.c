/* SPDX-License-Identifier: Apache-2.0 */
#include "ev/job.h"

#include <stdlib.h>
#include <uv.h>

#include "base/must.h"
#include "ev/loop_int.h"

enum { LANES = 2, WORKERS_MAX = 64 };

struct queue {
	struct job *head, **tail;
};

struct job_pool {
	struct loop *loop;
	uv_async_t wakeup;
	struct loop_task inline_done;	/* takes the wakeup's place without workers */
	uv_mutex_t lock;		/* of all below */
	uv_cond_t work, urgent_work;
	struct queue waiting[LANES], finished;
	size_t pending[LANES];		/* the loop's, without the lock */
	bool ending;
	unsigned n_threads;
	uv_thread_t threads[WORKERS_MAX + 1];
};

static void queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_put(struct queue *q, struct job *job)
{
	job->next = NULL;
	*q->tail = job;
	q->tail = &job->next;
}

static struct job *queue_take(struct queue *q)
{
	struct job *job = q->head;

	if (!job)
		return NULL;
	q->head = job->next;
	if (!q->head)
		q->tail = &q->head;
	return job;
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

static void run_guarded(struct job *job)
{
	struct arena_guard guard;

	if (arena_guard(&job->arena, &guard)) {
		job->failed = true;
		return;
	}
	job->run(job);
	arena_unguard(&job->arena, &guard);
}

/* One worker. The first serves urgent jobs only, so that bulk work never makes them wait; the others turn to
 * them when there is nothing else, so that a storm of handshakes does not make compiling wait. */
static void work(struct job_pool *pool, bool urgent_only)
{
	uv_mutex_lock(&pool->lock);
	while (!pool->ending) {
		struct job *job = urgent_only ? NULL : queue_take(&pool->waiting[JOB_BULK]);

		if (!job)
			job = queue_take(&pool->waiting[JOB_URGENT]);
		if (!job) {
			uv_cond_wait(urgent_only ? &pool->urgent_work : &pool->work, &pool->lock);
			continue;
		}
		uv_mutex_unlock(&pool->lock);
		run_guarded(job);
		uv_mutex_lock(&pool->lock);
		queue_put(&pool->finished, job);
		uv_async_send(&pool->wakeup);
	}
	uv_mutex_unlock(&pool->lock);
}

static void work_urgent(void *pool)
{
	work(pool, true);
}

static void work_any(void *pool)
{
	work(pool, false);
}

static void finish_jobs(struct job_pool *pool)
{
	struct queue batch;
	struct job *job;

	uv_mutex_lock(&pool->lock);
	batch = pool->finished;
	if (!batch.head)
		batch.tail = &batch.head;
	queue_init(&pool->finished);
	uv_mutex_unlock(&pool->lock);
	while ((job = queue_take(&batch))) {
		pool->pending[job->lane]--;
		job->done(job);
	}
}

static void on_wakeup(uv_async_t *uv)
{
	finish_jobs(uv->data);
}

static void on_inline_done(void *pool)
{
	finish_jobs(pool);
}

struct job_pool *job_pool_new(struct loop *l, unsigned workers, struct err *e)
{
	struct job_pool *pool = calloc(1, sizeof(*pool));

	must(workers <= WORKERS_MAX);
	if (!pool) {
		err_set(e, ERR_NO_MEMORY, "out of memory");
		return NULL;
	}
	pool->loop = l;
	pool->inline_done = (struct loop_task){.fn = on_inline_done, .arg = pool, .phase = LOOP_INGEST};
	must(uv_async_init(loop_uv(l), &pool->wakeup, on_wakeup) == 0);
	pool->wakeup.data = pool;
	must(uv_mutex_init(&pool->lock) == 0);
	must(uv_cond_init(&pool->work) == 0);
	must(uv_cond_init(&pool->urgent_work) == 0);
	queue_init(&pool->waiting[JOB_URGENT]);
	queue_init(&pool->waiting[JOB_BULK]);
	queue_init(&pool->finished);
	for (unsigned i = 0; workers && i <= workers; i++) {
		int rc = uv_thread_create(&pool->threads[i], i ? work_any : work_urgent, pool);

		if (rc) {
			err_set(e, ERR_IO, "cannot start worker %u: %s", i, uv_strerror(rc));
			job_pool_free(pool);
			return NULL;
		}
		pool->n_threads++;
	}
	return pool;
}

static void free_pool(uv_handle_t *h)
{
	free(h->data);
}

void job_pool_free(struct job_pool *pool)
{
	struct job *job;

	if (!pool)
		return;
	uv_mutex_lock(&pool->lock);
	pool->ending = true;
	uv_cond_broadcast(&pool->work);
	uv_cond_broadcast(&pool->urgent_work);
	uv_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->n_threads; i++)
		uv_thread_join(&pool->threads[i]);
	for (int lane = 0; lane < LANES; lane++)
		while ((job = queue_take(&pool->waiting[lane]))) {
			job->failed = job->cancelled = true;
			queue_put(&pool->finished, job);
		}
	finish_jobs(pool);
	must(!pool->pending[JOB_URGENT] && !pool->pending[JOB_BULK] && "a job was submitted to an ending pool");
	loop_task_stop(&pool->inline_done);
	uv_cond_destroy(&pool->work);
	uv_cond_destroy(&pool->urgent_work);
	uv_mutex_destroy(&pool->lock);
	uv_close((uv_handle_t *)&pool->wakeup, free_pool);
}

void job_submit(struct job_pool *pool, struct job *job)
{
	must(!pool->ending);
	pool->pending[job->lane]++;
	if (!pool->n_threads) {
		run_guarded(job);
		queue_put(&pool->finished, job);
		loop_task_kick(pool->loop, &pool->inline_done);
		return;
	}
	uv_mutex_lock(&pool->lock);
	queue_put(&pool->waiting[job->lane], job);
	if (job->lane == JOB_URGENT)
		uv_cond_signal(&pool->urgent_work);
	uv_cond_signal(&pool->work);
	uv_mutex_unlock(&pool->lock);
}

size_t job_pool_pending(const struct job_pool *pool, enum job_lane lane)
{
	return pool->pending[lane];
}
