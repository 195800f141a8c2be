/* SPDX-License-Identifier: Apache-2.0
 *
 * Envoy as our child: started, probed, started again with a back-off when it ends or hangs, and at last drained:
 * it goes on serving while its clients leave, then until no request is under way, then it is ended.
 * Thread: loop.
 */
#ifndef AGENT_ENVOY_H
#define AGENT_ENVOY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ev/loop.h"
#include "net/http_client.h"

struct envoy;

struct envoy_opts {
	const char *binary;
	const char *bootstrap;		/* path */
	const char *admin_file;		/* where it writes the address of its admin port */
	const char *log_level;
	const char *concurrency;	/* worker threads; NULL: as Envoy likes */
	int64_t drain_ms;		/* it serves so long at least after envoy_drain */
	int64_t drain_max_ms;		/* and requests that are under way so long at most */
	loop_fn *ready;			/* it serves: after each start */
	loop_fn *idle;			/* a probe is over, and the next is far */
	loop_fn *drained;		/* after envoy_drain, once: envoy_end is next */
	loop_fn *ended;			/* after envoy_end: it is gone */
	void *arg;
};

struct envoy *envoy_new(struct loop *l, struct http_client *client, const struct envoy_opts *o);
void envoy_free(struct envoy *v);	/* kills it; NULL is fine */
void envoy_start(struct envoy *v);	/* once */
void envoy_signal(struct envoy *v, int signum);
/* `drained` comes once, perhaps from in here; asked again: at once. */
void envoy_drain(struct envoy *v);
void envoy_end(struct envoy *v);	/* `ended` comes once, perhaps from in here */
/* "http://HOST:PORT" of its admin port, or NULL while it is not known. */
const char *envoy_admin(struct envoy *v);
unsigned envoy_starts(const struct envoy *v);

#endif
