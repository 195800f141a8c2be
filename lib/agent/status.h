/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's HTTP port (15020, 15021): /healthz/ready, /stats/prometheus (Envoy's and our own), and, from this
 * machine only, POST /quitquitquit. Thread: loop.
 */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include "agent/envoy.h"
#include "base/metric.h"
#include "net/http_server.h"

struct status;

struct status_opts {
	const char *const *binds;	/* addresses to listen on, as listener_open; all serve the same */
	size_t n_binds;
	/* Why the workload is not ready, or NULL; Envoy is asked besides. */
	const char *(*not_ready)(void *arg);
	void (*collect)(void *arg, struct buf *out);	/* our own metrics, in Prometheus' text format */
	void (*quit)(void *arg);
	struct envoy *envoy;		/* or NULL */
	void *arg;
};

enum { STATUS_BINDS_MAX = 4 };

struct status *status_open(struct loop *l, struct http_client *client, const struct status_opts *o, struct err *e);
void status_close(struct status *s);	/* NULL is fine */
uint16_t status_port(const struct status *s, size_t bind);

#endif
