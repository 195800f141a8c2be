/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulator's world: lib/ev's loop and jobs on virtual time, with one random generator. It is
 * linked in place of lib/ev, so that the real code runs under any interleaving that a seed draws: jobs
 * end in random order and after random delays, tasks and timers as the real loop orders them.
 */
#ifndef SIM_EV_H
#define SIM_EV_H

#include <stdbool.h>
#include <stdint.h>

#include "ev/job.h"
#include "ev/loop.h"

struct sim_random {
	uint64_t state;
};
uint64_t sim_next(struct sim_random *r);
/* 0 .. n-1; n > 0 */
static inline uint64_t sim_below(struct sim_random *r, uint64_t n)
{
	return sim_next(r) % n;
}
static inline bool sim_chance(struct sim_random *r, unsigned percent)
{
	return sim_below(r, 100) < percent;
}

struct loop *sim_loop_new(struct sim_random *random);
/* Lets the next thing happen: a task, a job's end, a timer. False when nothing is left to happen. */
bool sim_step(struct loop *l);
/* Until nothing is left, at most max steps; false if there is still something then. */
bool sim_settle(struct loop *l, unsigned max);
/* All that happens up to that time, at most max steps; false if there is still something before it then. */
bool sim_run_until(struct loop *l, int64_t until_ms, unsigned max);
/* As when a process is killed: jobs that have not ended yet never do. */
void sim_cancel_jobs(struct loop *l);
/* What stand-ins that know only the loop find their world by. */
void sim_loop_attach(struct loop *l, void *world);
void *sim_loop_attached(const struct loop *l);
/* A hash over all that happened, for O11. */
uint64_t sim_trace(const struct loop *l);
void sim_note(struct loop *l, const char *event, uint64_t value);

#endif
