/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <signal.h>
#include <stdio.h>

#include "agent/root_watch.h"
#include "agent/sds.h"
#include "base/log.h"
#include "base/must.h"
#include "ca/ca.h"
#include "ev/child.h"
#include "ev/file.h"
#include "ev/trim.h"

enum {
	BOOTSTRAP_MAX = 4 * 1024 * 1024, PATH_LEN = 4096,
	APP_MS = 30 * 1000,	/* for the program to end after SIGTERM */
	APP_MISSING = 127,
	REST_MS = 1000,		/* after a certificate came, or a probe of Envoy: what it needed is given back */
};

struct agent {
	const struct agent_opts *opts;
	struct loop *loop;
	struct http_client *client;
	struct credential *credential;	/* or NULL: plaintext */
	struct root_watch *root_watch;
	struct secrets *secrets;
	struct sds *sds;
	struct envoy *envoy;		/* or NULL */
	struct status *status;
	struct child *app;		/* or NULL: not started, or over */
	int app_status;
	bool stopping;
	struct loop_timer kill, rest;
	struct metrics metrics;
	char sds_socket[PATH_LEN], bootstrap[PATH_LEN], admin_file[PATH_LEN];
};

/* ---- metrics ---- */

enum { M_EXPIRY, M_ASKED, M_FAILED, M_STARTS, M_STREAMS };

static const struct metric_family families[] = {
	{"navagent_certificate_expiry_seconds", "When the certificate expires, in seconds since 1970.", METRIC_GAUGE, NULL, NULL, 0},
	{"navagent_certificate_requests_total", "Requests for certificates.", METRIC_COUNTER, NULL, NULL, 0},
	{"navagent_certificate_failures_total", "Requests for certificates that failed.", METRIC_COUNTER, NULL, NULL, 0},
	{"navagent_envoy_starts_total", "How often Envoy was started.", METRIC_COUNTER, NULL, NULL, 0},
	{"navagent_secret_streams", "Streams of Envoy that wait for secrets.", METRIC_GAUGE, NULL, NULL, 0},
};

static void collect(void *arg, struct buf *out)
{
	struct agent *g = arg;
	const struct credential_pair *pair = g->credential ? credential_get(g->credential) : NULL;

	metric_set(&g->metrics, M_EXPIRY, NULL, pair ? (double)pair->not_after_s : 0);
	metric_set(&g->metrics, M_ASKED, NULL, g->credential ? (double)credential_stats(g->credential)->asked : 0);
	metric_set(&g->metrics, M_FAILED, NULL, g->credential ? (double)credential_stats(g->credential)->failed : 0);
	metric_set(&g->metrics, M_STARTS, NULL, g->envoy ? envoy_starts(g->envoy) : 0);
	metric_set(&g->metrics, M_STREAMS, NULL, (double)sds_open_streams(g->sds));
	metrics_write(&g->metrics, out);
}

/* ---- events ---- */

static void secrets_changed(void *arg)
{
	struct agent *g = arg;

	if (g->sds)
		sds_changed(g->sds);
}

static void stop(void *arg);

/* ---- the program, and the order of things: it runs while Envoy serves ---- */

/* What is left is to end Envoy, or nothing. */
static void finish(struct agent *g)
{
	loop_timer_stop(g->loop, &g->kill);
	if (g->envoy)
		envoy_end(g->envoy);
	else
		loop_stop(g->loop);
}

static void trim(void *arg)
{
	(void)arg;
	trim_memory();
}

static void rest(void *arg)
{
	struct agent *g = arg;

	loop_timer_start(g->loop, &g->rest, REST_MS, trim, g);
}

static void app_ended(void *arg, int status, int signal)
{
	struct agent *g = arg;

	child_free(g->app);
	g->app = NULL;
	g->app_status = signal ? 128 + signal : status;
	log_info("agent", "the program ended with %d", g->app_status);
	if (g->stopping)
		finish(g);
	else
		stop(g);
}

static void kill_app(void *arg)
{
	struct agent *g = arg;

	child_signal(g->app, SIGKILL);
}

/* Nobody calls it any more: now the program may go, while its own calls still find Envoy. */
static void drained(void *arg)
{
	struct agent *g = arg;

	if (!g->app) {
		finish(g);
		return;
	}
	child_signal(g->app, SIGTERM);
	loop_timer_start(g->loop, &g->kill, APP_MS, kill_app, g);
}

static void start_app(void *arg)
{
	struct agent *g = arg;
	struct child_opts o = {.argv = g->opts->app, .ended = app_ended, .arg = g};
	struct err e;

	if (!g->opts->app || g->app || g->stopping)
		return;
	g->app = child_start(g->loop, &o, &e);
	if (g->app)
		return;
	log_error("agent", "%s", e.text);
	g->app_status = APP_MISSING;
	stop(g);
}

static void begin(struct agent *g)
{
	if (g->envoy)
		envoy_start(g->envoy);
	else
		start_app(g);
}

/* Envoy waits for the first certificate: before, it could only complain. */
static void credential_changed(void *arg)
{
	struct agent *g = arg;

	rest(g);
	secrets_set_pair(g->secrets, credential_get(g->credential));
	begin(g);
}

static const char *not_ready(void *arg)
{
	struct agent *g = arg;

	if (g->credential && credential_state(g->credential) != RENEW_GOOD)
		return "no certificate that is good\n";
	return g->stopping ? "draining\n" : NULL;
}

static void ended(void *arg)
{
	struct agent *g = arg;

	loop_stop(g->loop);
}

/* Asked twice: at once. */
static void stop(void *arg)
{
	struct agent *g = arg;
	bool again = g->stopping;

	g->stopping = true;
	if (again && g->app)
		child_signal(g->app, SIGKILL);
	if (g->envoy)
		envoy_drain(g->envoy);
	else if (!again)
		drained(g);
}

static void reopen_logs(void *arg)
{
	struct agent *g = arg;

	if (g->envoy)
		envoy_signal(g->envoy, SIGUSR1);
}

static int catch_signals(struct agent *g, struct err *e)
{
	return loop_signal(g->loop, SIGTERM, stop, g, e) || loop_signal(g->loop, SIGINT, stop, g, e) ||
			       loop_signal(g->loop, SIGUSR1, reopen_logs, g, e)
		       ? -1
		       : 0;
}

/* ---- life ---- */

static int set_paths(struct agent *g, struct err *e)
{
	const char *dir = g->opts->run_dir;

	if (snprintf(g->sds_socket, PATH_LEN, "%s/sds.sock", dir) >= PATH_LEN ||
	    snprintf(g->bootstrap, PATH_LEN, "%s/envoy.json", dir) >= PATH_LEN ||
	    snprintf(g->admin_file, PATH_LEN, "%s/admin", dir) >= PATH_LEN)
		return err_set(e, ERR_LIMIT, "the path of the run directory is too long");
	return file_make_dir(dir, 0700, e);
}

static int prepare_envoy(struct agent *g, struct err *e)
{
	struct bootstrap_opts bootstrap = g->opts->bootstrap;
	struct envoy_opts envoy = g->opts->envoy;
	struct buf text;
	int status;

	bootstrap.sds_socket = g->sds_socket;
	buf_init(&text, BOOTSTRAP_MAX);
	status = bootstrap_build(&bootstrap, &text, e) || file_replace(g->bootstrap, text.p, text.n, 0600, e) ? -1 : 0;
	buf_fini(&text);
	if (status || !envoy.binary)
		return status;
	envoy.bootstrap = g->bootstrap;
	envoy.admin_file = g->admin_file;
	envoy.ready = start_app;
	envoy.idle = rest;
	envoy.drained = drained;
	envoy.ended = ended;
	envoy.arg = g;
	g->envoy = envoy_new(g->loop, g->client, &envoy);
	return 0;
}

static int write_ports(const struct agent *g, struct err *e)
{
	char text[100] = "[";
	size_t n = 1;

	for (size_t i = 0; i < g->opts->n_binds; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", i ? "," : "", status_port(g->status, i));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "]\n");
	return g->opts->port_file ? file_replace(g->opts->port_file, text, n, 0644, e) : 0;
}

static int open_status(struct agent *g, struct err *e)
{
	struct status_opts o = {.binds = g->opts->binds, .n_binds = g->opts->n_binds, .not_ready = not_ready, .collect = collect,
				.quit = stop, .envoy = g->envoy, .arg = g};

	g->status = status_open(g->loop, g->client, &o, e);
	return g->status ? write_ports(g, e) : -1;
}

static int open_credential(struct agent *g, struct err *e)
{
	struct credential_opts opts = g->opts->credential;

	opts.changed = credential_changed;
	opts.arg = g;
	g->credential = credential_open(g->loop, g->client, &opts, e);
	if (!g->credential)
		return -1;
	if (credential_get(g->credential))
		credential_changed(g);
	g->root_watch = root_watch_new(
	    g->loop, g->client, g->credential,
	    &(struct root_watch_opts){.url = opts.url, .server_name = opts.server_name, .every_ms = g->opts->roots_every_ms});
	return 0;
}

static int start(struct agent *g, struct err *e)
{
	ca_protect_memory();
	metrics_init(&g->metrics, families, ARRAY_LEN(families));
	if (set_paths(g, e))
		return -1;
	g->loop = loop_new(e);
	if (!g->loop || catch_signals(g, e))
		return -1;
	g->client = http_client_new(g->loop, "navagent", e);
	if (!g->client)
		return -1;
	http_client_set_mark(g->client, g->opts->bootstrap.mark);
	g->secrets = secrets_new(g->loop, secrets_changed, g);
	g->sds = sds_open(g->loop, g->secrets, g->sds_socket, e);
	if (!g->sds || prepare_envoy(g, e) || open_status(g, e))
		return -1;
	if (g->opts->credential.url)
		return open_credential(g, e);
	begin(g);
	return 0;
}

static void end(struct agent *g)
{
	if (g->loop) {
		loop_timer_stop(g->loop, &g->kill);
		loop_timer_stop(g->loop, &g->rest);
	}
	child_free(g->app);
	status_close(g->status);
	envoy_free(g->envoy);
	root_watch_free(g->root_watch);
	credential_close(g->credential);
	sds_close(g->sds);
	secrets_free(g->secrets);
	http_client_free(g->client);
	loop_free(g->loop);
	metrics_fini(&g->metrics);
}

int agent_run(const struct agent_opts *opts, int *app_status, struct err *e)
{
	struct agent g = {.opts = opts};
	int status = start(&g, e);

	if (!status) {
		log_info("agent", "secrets on %s", g.sds_socket);
		loop_run(g.loop);
	}
	end(&g);
	*app_status = g.app_status;
	return status;
}
