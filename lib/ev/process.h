/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that is run for what it prints: no input, its standard output bounded and taken, its standard error ours.
 * Thread: loop.
 */
#ifndef EV_PROCESS_H
#define EV_PROCESS_H

#include "base/buf.h"
#include "base/err.h"
#include "ev/loop.h"

struct process;

struct process_opts {
	const char *const *argv;	/* NULL-terminated; argv[0] is looked up in PATH */
	const char *const *env;		/* "NAME=value" beside and before our own; NULL-terminated, or NULL */
	int64_t timeout_ms;		/* then it is killed */
	size_t out_max;
	/* Once; p is gone. why NULL: it ended with 0, and out (borrowed) is all that it printed. */
	void (*ended)(void *arg, struct buf *out, const struct err *why);
	void *arg;
};

/* NULL when it cannot be started. */
struct process *process_start(struct loop *l, const struct process_opts *o, struct err *e);
void process_cancel(struct process *p);	/* kills it; no event follows. NULL is fine */

#endif
