/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's life: what runs beside one Envoy. Everything it owns it makes here and ends here.
 * Thread: loop.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/credential.h"

struct agent_opts {
	struct credential_opts credential;	/* changed and arg are set by the agent */
	const char *sds_socket;			/* path */
};

/* Until a signal ends it. 0, or -1 with the reason why it did not start. */
int agent_run(const struct agent_opts *opts, struct err *e);

#endif
