/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "ev/job.h"
#include "ev/loop.h"

struct fixture {
	struct loop *loop;
	char log[64];
	struct loop_timer timers[8];
	struct loop_task tasks[4];
	int fds[2];
	struct loop_io io;
	int events;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e;

	f->loop = loop_new(&e);
	assert_non_null(f->loop);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_free(f->loop);
	free(f);
	return 0;
}

struct note {
	struct fixture *f;
	char c;
};

static void on_note(void *arg)
{
	struct note *n = arg;
	size_t len = strlen(n->f->log);

	n->f->log[len] = n->c;
	if (n->c == '!')
		loop_stop(n->f->loop);
}

static void timers_fire_in_order(void **state)
{
	struct fixture *f = *state;
	struct note n[] = {{f, 'a'}, {f, 'b'}, {f, 'c'}, {f, 'd'}, {f, '!'}};

	loop_timer_start(f->loop, &f->timers[0], 20, on_note, &n[3]);
	loop_timer_start(f->loop, &f->timers[1], 5, on_note, &n[0]);
	loop_timer_start(f->loop, &f->timers[2], 10, on_note, &n[1]);
	loop_timer_start(f->loop, &f->timers[3], 10, on_note, &n[2]);
	loop_timer_start(f->loop, &f->timers[4], 25, on_note, &n[4]);
	loop_timer_start(f->loop, &f->timers[5], 1, on_note, &n[4]);
	assert_true(loop_timer_running(&f->timers[5]));
	loop_timer_stop(f->loop, &f->timers[5]);
	loop_timer_stop(f->loop, &f->timers[5]);
	assert_false(loop_timer_running(&f->timers[5]));
	loop_run(f->loop);
	assert_string_equal(f->log, "abcd!");
}

static void many_timers(void **state)
{
	enum { N = 2000 };
	struct fixture *f = *state;
	struct loop_timer *t = calloc(N, sizeof(*t));
	struct note quiet = {f, 0}, end = {f, '!'};
	unsigned seed = 7;

	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N; i++) {
			seed = seed * 1103515245 + 12345;
			loop_timer_start(f->loop, &t[i], seed >> 16 & 15, on_note, &quiet);
			if (seed >> 8 & 1)
				loop_timer_stop(f->loop, &t[(i * 7) % N]);
		}
	loop_timer_start(f->loop, &f->timers[0], 17, on_note, &end);
	loop_run(f->loop);
	for (int i = 0; i < N; i++)
		assert_false(loop_timer_running(&t[i]));
	free(t);
}

struct again {
	struct fixture *f;
	int runs;
};

static void on_again(void *arg)
{
	struct again *a = arg;

	a->runs++;
	loop_task_kick(a->f->loop, &a->f->tasks[3]);
}

static void restart(void *arg)
{
	struct fixture *f = arg;

	f->events++;
	if (f->events < 100)
		loop_timer_start(f->loop, &f->timers[0], 0, restart, f);
}

/* A timer that starts itself again, without delay, leaves room for everything else in between. */
static void timers_take_turns(void **state)
{
	struct fixture *f = *state;
	int turns = 0;

	loop_timer_start(f->loop, &f->timers[0], 0, restart, f);
	while (f->events < 100 && turns < 1000) {
		int before = f->events;

		loop_turn(f->loop, 1000);
		turns++;
		assert_in_range(f->events - before, 0, 2);	/* before and after a wait */
	}
	assert_int_equal(f->events, 100);
}

static void tasks_run_by_phase_once(void **state)
{
	struct fixture *f = *state;
	struct note n[] = {{f, 'p'}, {f, 'i'}, {f, 'q'}};
	struct again a = {f, 0};

	f->tasks[0] = (struct loop_task){.fn = on_note, .arg = &n[0], .phase = LOOP_PUSH};
	f->tasks[1] = (struct loop_task){.fn = on_note, .arg = &n[1], .phase = LOOP_INGEST};
	f->tasks[2] = (struct loop_task){.fn = on_note, .arg = &n[2], .phase = LOOP_PUSH};
	f->tasks[3] = (struct loop_task){.fn = on_again, .arg = &a, .phase = LOOP_REAP};
	for (int i = 0; i < 3; i++)
		loop_task_kick(f->loop, &f->tasks[i]);
	loop_task_kick(f->loop, &f->tasks[0]);
	loop_task_kick(f->loop, &f->tasks[3]);
	loop_turn(f->loop, 0);
	assert_string_equal(f->log, "ipq");
	assert_int_equal(a.runs, 1);	/* its own kick is for the next turn */
	loop_turn(f->loop, 10000);	/* which does not wait */
	assert_int_equal(a.runs, 2);
	loop_task_stop(&f->tasks[3]);
	loop_turn(f->loop, 0);
	assert_int_equal(a.runs, 2);
	assert_true(loop_stats(f->loop)->turns >= 3);
}

static void on_io(void *arg, int events)
{
	struct fixture *f = arg;

	f->events |= events;
}

static void watches_descriptors(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->fds), 0);
	assert_int_equal(loop_io_start(f->loop, &f->io, f->fds[0], LOOP_READ, on_io, f), 0);
	loop_turn(f->loop, 0);
	assert_int_equal(f->events, 0);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	loop_turn(f->loop, 1000);
	assert_int_equal(f->events, LOOP_READ);
	assert_int_equal(loop_io_start(f->loop, &f->io, f->fds[0], LOOP_WRITE, on_io, f), 0);
	f->events = 0;
	loop_turn(f->loop, 1000);
	assert_int_equal(f->events, LOOP_WRITE);
	assert_int_equal(loop_io_start(f->loop, &f->io, f->fds[0], 0, on_io, f), 0);
	f->events = 0;
	loop_turn(f->loop, 0);
	assert_int_equal(f->events, 0);
	assert_int_equal(loop_io_start(f->loop, &f->io, f->fds[0], LOOP_HANGUP, on_io, f), 0);
	close(f->fds[1]);
	loop_turn(f->loop, 1000);
	assert_int_equal(f->events, LOOP_HANGUP);
	loop_io_stop(&f->io);
	loop_io_stop(&f->io);
	close(f->fds[0]);
}

static void signals_and_random(void **state)
{
	struct fixture *f = *state;
	struct note end = {f, '!'};
	struct err e;
	uint8_t r[2][32] = {{0}};

	assert_int_equal(loop_signal(f->loop, SIGHUP, on_note, &end, &e), 0);
	raise(SIGHUP);
	loop_run(f->loop);
	assert_string_equal(f->log, "!");
	assert_int_equal(loop_random(f->loop, r[0], 32), 0);
	assert_int_equal(loop_random(f->loop, r[1], 32), 0);
	assert_memory_not_equal(r[0], r[1], 32);
	assert_true(loop_wall_ns(f->loop) > 1700000000LL * 1000000000);
}

struct sum {
	struct job job;
	struct fixture *f;
	uint64_t n, result;
	bool done;
};

static void run_sum(struct job *job)
{
	struct sum *s = (struct sum *)job;
	uint64_t *v = arena_array(&job->arena, uint64_t, s->n);

	for (uint64_t i = 0; i < s->n; i++)
		v[i] = i;
	for (uint64_t i = 0; i < s->n; i++)
		s->result += v[i];
}

static void done_sum(struct job *job)
{
	struct sum *s = (struct sum *)job;

	s->done = true;
}

static void jobs_with(struct fixture *f, unsigned workers)
{
	enum { N = 200 };
	struct sum *sums = calloc(N, sizeof(*sums));
	struct err e;
	struct job_pool *pool = job_pool_new(f->loop, workers, &e);

	assert_non_null(pool);
	for (int i = 0; i < N; i++) {
		/* each tenth needs more than its limit */
		sums[i].n = i % 10 ? 100 : 100000;
		job_init(&sums[i].job, i % 2 ? JOB_URGENT : JOB_BULK, 64 * 1024, run_sum, done_sum);
		job_submit(pool, &sums[i].job);
		assert_false(sums[i].done);
	}
	while (job_pool_pending(pool, JOB_URGENT) + job_pool_pending(pool, JOB_BULK))
		loop_turn(f->loop, 1000);
	for (int i = 0; i < N; i++) {
		assert_true(sums[i].done);
		assert_int_equal(sums[i].job.failed, i % 10 == 0);
		assert_false(sums[i].job.cancelled);
		if (i % 10)
			assert_int_equal(sums[i].result, 4950);
		job_fini(&sums[i].job);
	}
	job_pool_free(pool);
	free(sums);
}

static void jobs_inline(void **state)
{
	jobs_with(*state, 0);
}

static void jobs_on_workers(void **state)
{
	jobs_with(*state, 3);
}

/* A bulk job that ends only when an urgent one, submitted after it, has run. */
struct gate {
	struct job job;
	int *open;
};

static void run_wait(struct job *job)
{
	struct gate *g = (struct gate *)job;

	while (!__atomic_load_n(g->open, __ATOMIC_ACQUIRE))
		usleep(100);
}

static void run_open(struct job *job)
{
	struct gate *g = (struct gate *)job;

	__atomic_store_n(g->open, 1, __ATOMIC_RELEASE);
}

static void done_nothing(struct job *job)
{
	job_fini(job);
}

static void urgent_passes_bulk(void **state)
{
	struct fixture *f = *state;
	int open = 0;
	struct gate bulk = {.open = &open}, urgent = {.open = &open};
	struct err e;
	struct job_pool *pool = job_pool_new(f->loop, 1, &e);

	job_init(&bulk.job, JOB_BULK, 0, run_wait, done_nothing);
	job_init(&urgent.job, JOB_URGENT, 0, run_open, done_nothing);
	job_submit(pool, &bulk.job);
	job_submit(pool, &urgent.job);
	while (job_pool_pending(pool, JOB_BULK))
		loop_turn(f->loop, 1000);
	job_pool_free(pool);
}

static void waiting_jobs_are_cancelled(void **state)
{
	struct fixture *f = *state;
	int open = 0;
	struct gate first = {.open = &open};
	struct sum waiting[5] = {0};
	struct err e;
	struct job_pool *pool = job_pool_new(f->loop, 1, &e);

	job_init(&first.job, JOB_BULK, 0, run_wait, done_nothing);
	job_submit(pool, &first.job);
	for (int i = 0; i < 5; i++) {
		job_init(&waiting[i].job, JOB_BULK, 0, run_sum, done_sum);
		job_submit(pool, &waiting[i].job);
	}
	__atomic_store_n(&open, 1, __ATOMIC_RELEASE);	/* a job of the ending pool would never open it */
	job_pool_free(pool);
	for (int i = 0; i < 5; i++) {
		assert_true(waiting[i].done);
		job_fini(&waiting[i].job);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(timers_fire_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(many_timers, setup, teardown),
		cmocka_unit_test_setup_teardown(timers_take_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(tasks_run_by_phase_once, setup, teardown),
		cmocka_unit_test_setup_teardown(watches_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(signals_and_random, setup, teardown),
		cmocka_unit_test_setup_teardown(jobs_inline, setup, teardown),
		cmocka_unit_test_setup_teardown(jobs_on_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(urgent_passes_bulk, setup, teardown),
		cmocka_unit_test_setup_teardown(waiting_jobs_are_cancelled, setup, teardown),
	};

	return cmocka_run_group_tests_name("ev/loop", tests, NULL, NULL);
}
