/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that runs along: no input, its output is ours, its end is an event. It gets a SIGTERM when we end, however
 * that may be. For processes without other threads that hold locks at the time: it is forked. Thread: loop.
 */
#ifndef EV_CHILD_H
#define EV_CHILD_H

#include "base/err.h"
#include "ev/loop.h"

struct child;

struct child_opts {
	const char *const *argv;	/* NULL-terminated; argv[0] is looked up in PATH */
	/* Once. signal: that ended it, or 0; then status counts. */
	void (*ended)(void *arg, int status, int signal);
	void *arg;
};

/* NULL when it cannot be started: no such program, no right. */
struct child *child_start(struct loop *l, const struct child_opts *o, struct err *e);
void child_signal(struct child *c, int signum);
/* Kills it if it runs, and waits for that; no event follows. From `ended` too. NULL is fine. */
void child_free(struct child *c);
int child_pid(const struct child *c);

#endif
