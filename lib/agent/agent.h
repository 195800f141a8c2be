/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's life: what runs beside one Envoy. Everything it owns it makes here and ends here.
 * Thread: loop.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/bootstrap.h"
#include "agent/credential.h"
#include "agent/envoy.h"
#include "agent/status.h"

/* What the agent sets itself: every `arg` and callback, and the paths that are in run_dir. */
struct agent_opts {
	const char *run_dir;			/* sds.sock, envoy.json, admin; made if missing */
	int64_t roots_every_ms;			/* 0: ROOT_WATCH_MS */
	struct credential_opts credential;	/* url NULL: no certificate, xDS in plaintext */
	struct bootstrap_opts bootstrap;
	struct envoy_opts envoy;		/* binary NULL: none is started */
	const char *const *binds;		/* of the status ports */
	size_t n_binds;
	const char *const *app;			/* a program that is run while Envoy serves, NULL-terminated; or NULL */
	const char *port_file;			/* the ports that were chosen, as JSON; or NULL */
};

/* Until a signal, /quitquitquit or the end of its program ends it. 0, or -1 with the reason why it did not start.
 * app_status: of the program, as a shell has it; 0 without one. */
int agent_run(const struct agent_opts *opts, int *app_status, struct err *e);

#endif
