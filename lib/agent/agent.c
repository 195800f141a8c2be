/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <signal.h>

#include "agent/sds.h"
#include "base/log.h"
#include "ca/ca.h"

struct agent {
	const struct agent_opts *opts;
	struct loop *loop;
	struct http_client *client;
	struct credential *credential;
	struct secrets *secrets;
	struct sds *sds;
};

static void secrets_changed(void *arg)
{
	struct agent *g = arg;

	if (g->sds)
		sds_changed(g->sds);
}

static void credential_changed(void *arg)
{
	struct agent *g = arg;

	secrets_set_pair(g->secrets, credential_get(g->credential));
}

static void stop(void *arg)
{
	struct agent *g = arg;

	loop_stop(g->loop);
}

static int start(struct agent *g, struct err *e)
{
	struct credential_opts opts = g->opts->credential;

	opts.changed = credential_changed;
	opts.arg = g;
	ca_protect_memory();
	g->loop = loop_new(e);
	if (!g->loop || loop_signal(g->loop, SIGTERM, stop, g, e) || loop_signal(g->loop, SIGINT, stop, g, e))
		return -1;
	g->client = http_client_new(g->loop, "navagent", e);
	if (!g->client)
		return -1;
	g->secrets = secrets_new(g->loop, secrets_changed, g);
	g->sds = sds_open(g->loop, g->secrets, g->opts->sds_socket, e);
	if (!g->sds)
		return -1;
	g->credential = credential_open(g->loop, g->client, &opts, e);
	if (!g->credential)
		return -1;
	if (credential_get(g->credential))
		credential_changed(g);
	return 0;
}

static void end(struct agent *g)
{
	credential_close(g->credential);
	sds_close(g->sds);
	secrets_free(g->secrets);
	http_client_free(g->client);
	loop_free(g->loop);
}

int agent_run(const struct agent_opts *opts, struct err *e)
{
	struct agent g = {.opts = opts};
	int status = start(&g, e);

	if (!status) {
		log_info("agent", "secrets on %s", opts->sds_socket);
		loop_run(g.loop);
	}
	end(&g);
	return status;
}
