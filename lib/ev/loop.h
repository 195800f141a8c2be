/* SPDX-License-Identifier: Apache-2.0
 *
 * struct loop: the one thread that owns sockets, sessions, store and every refcount, and the only
 * door to clocks, signals and random bytes. Timers, watches and tasks are embedded in the caller's
 * structs, need no init beyond zero, and may be stopped at any time, from any callback, also when
 * they are not running. A turn: timers, I/O and completions, then the kicked tasks by phase.
 * Thread: loop.
 */
#ifndef EV_LOOP_H
#define EV_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct loop;

typedef void loop_fn(void *arg);

/* Also ignores SIGPIPE, for the whole process. NULL and an err without descriptors or memory. */
struct loop *loop_new(struct err *e);
void loop_free(struct loop *l);		/* nothing may be running in it; NULL is fine */
void loop_run(struct loop *l);		/* until loop_stop */
void loop_stop(struct loop *l);
/* One turn; waits up to max_ms for something to happen. For tests. */
void loop_turn(struct loop *l, int64_t max_ms);

int64_t loop_now_ms(const struct loop *l);	/* monotonic, of the start of the turn */
int64_t loop_clock_ns(const struct loop *l);	/* monotonic, now: for measuring */
int64_t loop_wall_ns(const struct loop *l);	/* since 1970; may jump */
/* From the kernel's generator. -1 if it fails: then nothing may be signed. */
int loop_random(struct loop *l, void *p, size_t n);

/* Fires once. Starting a running timer moves it. Timers of one moment fire in order of start. */
struct loop_timer {
	loop_fn *fn;
	void *arg;
	int64_t at_ms;
	uint64_t seq;
	size_t slot;		/* in the heap, 1-based; 0 = not running */
};
void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms, loop_fn *fn, void *arg);
void loop_timer_stop(struct loop *l, struct loop_timer *t);
static inline bool loop_timer_running(const struct loop_timer *t)
{
	return t->slot != 0;
}

/* Readiness of a descriptor, level-triggered. One watch a descriptor. An error of the descriptor
 * is reported as everything that was asked for. Stop before the descriptor is closed. */
enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 /* the peer has shut down its sending side */ };
typedef void loop_io_fn(void *arg, int events);
struct loop_io {
	struct loop_poll *poll;	/* NULL = not running */
	loop_io_fn *fn;
	void *arg;
};
/* Starts, or changes what a running watch waits for; events 0 keeps it and waits for nothing.
 * -1 if the descriptor cannot be watched. */
int loop_io_start(struct loop *l, struct loop_io *io, int fd, int events, loop_io_fn *fn, void *arg);
void loop_io_stop(struct loop_io *io);

/* fn is called in the loop for each signum until loop_free. */
int loop_signal(struct loop *l, int signum, loop_fn *fn, void *arg, struct err *e);

/* What is to be done at most once a turn. A task kicked in an earlier phase, or outside of phases,
 * runs in the same turn; one kicked in its own phase or a later one runs in the next. */
enum loop_phase { LOOP_INGEST, LOOP_REBUILD, LOOP_PUSH, LOOP_FLUSH, LOOP_REAP, LOOP_PHASES };
struct loop_task {
	loop_fn *fn;
	void *arg;
	enum loop_phase phase;
	struct loop_task *next, **at;	/* at: NULL = not kicked */
};
void loop_task_kick(struct loop *l, struct loop_task *t);	/* fn, arg, phase are set */
void loop_task_stop(struct loop_task *t);

struct loop_stats {
	uint64_t turns;
	uint64_t phase_ns[LOOP_PHASES];	/* spent in tasks */
	uint64_t longest_turn_ns;	/* timers, I/O and tasks together, without waiting */
};
const struct loop_stats *loop_stats(const struct loop *l);

#endif
