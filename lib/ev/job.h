/* SPDX-License-Identifier: Apache-2.0
 *
 * Pure work on other threads. A job reads what the loop holds references for, writes into its own
 * arena and leaves its result in the struct that embeds it. Hand-over is by two queues; there is no
 * other synchronisation in the program. The arena's limit unwinds to the job's boundary: run() ends,
 * `failed` is set, everything in the arena is gone.
 * The urgent lane (CSR, webhook, handshake) has a worker of its own beside the common ones, which take its jobs when
 * there is no bulk work: neither lane makes the other wait.
 * Thread: loop, but for run(), which is pure.
 */
#ifndef EV_JOB_H
#define EV_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "ev/loop.h"

enum job_lane { JOB_URGENT, JOB_BULK };

struct job {
	void (*run)(struct job *job);	/* on a worker */
	void (*done)(struct job *job);	/* in the loop; usually frees what embeds the job */
	enum job_lane lane;
	struct arena arena;
	bool failed;			/* hit its limit, or was cancelled */
	bool cancelled;			/* never ran: the pool ended before */
	struct job *next;
};

struct job_pool;

/* workers: for either lane, and one more for urgent ones; 0 = run() is called inside job_submit,
 * done() in the loop's next turn (tests, command lines). */
struct job_pool *job_pool_new(struct loop *l, unsigned workers, struct err *e);
/* Waits for the running jobs; calls done() for all, those that never ran are cancelled. */
void job_pool_free(struct job_pool *pool);	/* NULL is fine */

void job_init(struct job *job, enum job_lane lane, size_t arena_limit, void (*run)(struct job *),
	      void (*done)(struct job *));
void job_fini(struct job *job);
/* First in, first out within a lane. The job stays where it is until done(). */
void job_submit(struct job_pool *pool, struct job *job);
/* Submitted and not yet done. */
size_t job_pool_pending(const struct job_pool *pool, enum job_lane lane);

#endif
