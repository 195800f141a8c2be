/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/envoy.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/must.h"
#include "ev/child.h"
#include "ev/file.h"

enum {
	BACK_OFF_MIN_MS = 200, BACK_OFF_MAX_MS = 15 * 1000, DOUBLINGS_MAX = 10,
	STEADY_MS = 60 * 1000,		/* who ran so long begins with the least back-off */
	STARTING_EVERY_MS = 100, STARTING_MS = 60 * 1000,	/* until it is ready for the first time */
	PROBE_EVERY_MS = 10 * 1000, PROBE_MS = 5 * 1000, PROBES_FAILED_MAX = 3,
	DRAIN_POLL_MS = 200,
	KILL_MS = 5 * 1000,		/* after SIGTERM */
	ADDRESS_MAX = 128, STATS_MAX = 4 * 1024 * 1024,
};

enum state { IDLE, RUNNING, WAITING, DRAINING, DRAINED, TERMINATING, ENDED };

struct envoy {
	struct envoy_opts opts;
	struct loop *loop;
	struct http_client *client;
	enum state state;
	struct child *child;		/* or NULL */
	unsigned starts, failures;	/* failures: in a row */
	int64_t started_ms, drain_began_ms;
	char admin[ADDRESS_MAX];	/* "" while unknown */
	struct loop_timer timer, probe;
	struct http_call *call;		/* a probe's, or the drain's */
	struct http_whole got;
	unsigned probes_failed;
	bool was_ready;			/* this process */
};

static void run(struct envoy *v);

/* ---- its admin port ---- */

const char *envoy_admin(struct envoy *v)
{
	struct buf text;
	struct err e;

	if (!*v->admin && v->child) {
		buf_init(&text, ADDRESS_MAX - sizeof("http://"));
		if (!file_read(v->opts.admin_file, &text, &e) && text.n)
			snprintf(v->admin, sizeof(v->admin), "http://%.*s", (int)strcspn(buf_cstr(&text), "\r\n"), buf_cstr(&text));
		buf_fini(&text);
	}
	return *v->admin ? v->admin : NULL;
}

/* false: its admin port is not known. */
static bool admin_call(struct envoy *v, const char *method, const char *path, const struct http_call_events *events)
{
	char url[ADDRESS_MAX + 128];

	http_call_cancel(v->call);
	v->call = NULL;
	if (!envoy_admin(v))
		return false;
	snprintf(url, sizeof(url), "%s%s", v->admin, path);
	v->call = http_call_start(v->client, &(struct http_call_opts){.method = method, .url = url, .proxy = "", .total_ms = PROBE_MS,
								     .events = events, .whole = &v->got, .arg = v});
	return true;
}

/* ---- probes: one that hangs is killed, and started again as any that ends ---- */

static void probe(void *arg);

static void kill_silent(struct envoy *v)
{
	log_error("envoy", "its admin port is silent: it is killed");
	child_signal(v->child, SIGKILL);
}

/* One that starts may be silent for a while, and is looked at often. */
static void probed(struct envoy *v, bool answered)
{
	bool ready = answered && v->got.answer.status == 200;

	v->probes_failed = answered ? 0 : v->probes_failed + 1;
	if (ready && !v->was_ready) {
		v->was_ready = true;
		v->opts.ready(v->opts.arg);
		if (v->state != RUNNING)
			return;
	}
	else if (v->was_ready)
		v->opts.idle(v->opts.arg);
	if (!answered && (v->was_ready ? v->probes_failed == PROBES_FAILED_MAX : loop_now_ms(v->loop) - v->started_ms > STARTING_MS))
		kill_silent(v);
	loop_timer_start(v->loop, &v->probe, v->was_ready ? PROBE_EVERY_MS : STARTING_EVERY_MS, probe, v);
}

static void on_probed(void *arg, const struct err *why)
{
	struct envoy *v = arg;

	v->call = NULL;
	probed(v, !why);
}

static const struct http_call_events probe_events = {.ended = on_probed};

static void probe(void *arg)
{
	struct envoy *v = arg;

	if (!admin_call(v, "GET", "/ready", &probe_events))
		probed(v, false);
}

/* ---- the process ---- */

static void over(struct envoy *v)
{
	loop_timer_stop(v->loop, &v->timer);
	loop_timer_stop(v->loop, &v->probe);
	v->state = ENDED;
	v->opts.ended(v->opts.arg);
}

static void drained(struct envoy *v)
{
	loop_timer_stop(v->loop, &v->timer);
	http_call_cancel(v->call);
	v->call = NULL;
	v->state = DRAINED;
	v->opts.drained(v->opts.arg);
}

static void restart(void *arg)
{
	run(arg);
}

static void wait_and_restart(struct envoy *v)
{
	unsigned doublings = v->failures < DOUBLINGS_MAX ? v->failures : DOUBLINGS_MAX;
	int64_t delay = (int64_t)BACK_OFF_MIN_MS << doublings;

	v->failures++;
	v->state = WAITING;
	loop_timer_start(v->loop, &v->timer, delay < BACK_OFF_MAX_MS ? delay : BACK_OFF_MAX_MS, restart, v);
}

static void on_ended(void *arg, int status, int signal)
{
	struct envoy *v = arg;

	child_free(v->child);
	v->child = NULL;
	v->admin[0] = '\0';
	http_call_cancel(v->call);
	v->call = NULL;
	loop_timer_stop(v->loop, &v->probe);
	if (v->state == DRAINING) {	/* by itself */
		drained(v);
		return;
	}
	if (v->state == TERMINATING) {
		over(v);
		return;
	}
	if (v->state == DRAINED)
		return;
	log_error("envoy", signal ? "it was ended by signal %d" : "it ended with status %d", signal ? signal : status);
	if (loop_now_ms(v->loop) - v->started_ms >= STEADY_MS)
		v->failures = 0;
	wait_and_restart(v);
}

static void run(struct envoy *v)
{
	const char *argv[20] = {v->opts.binary, "-c", v->opts.bootstrap, "-l", v->opts.log_level, "--admin-address-path",
				v->opts.admin_file, "--disable-hot-restart", "--drain-strategy", "immediate", "--drain-time-s"};
	struct child_opts o = {.argv = argv, .ended = on_ended, .arg = v};
	char drain[24];
	size_t n = 11;
	struct err e;

	snprintf(drain, sizeof(drain), "%lld", (long long)(v->opts.drain_max_ms + 999) / 1000);
	argv[n++] = drain;
	if (v->opts.concurrency) {
		argv[n++] = "--concurrency";
		argv[n++] = v->opts.concurrency;
	}
	file_remove(v->opts.admin_file, &e);
	v->starts++;
	v->started_ms = loop_now_ms(v->loop);
	v->probes_failed = 0;
	v->was_ready = false;
	v->child = child_start(v->loop, &o, &e);
	if (!v->child) {
		log_error("envoy", "%s", e.text);
		wait_and_restart(v);
		return;
	}
	log_info("envoy", "process %d runs", child_pid(v->child));
	v->state = RUNNING;
	loop_timer_start(v->loop, &v->probe, STARTING_EVERY_MS, probe, v);
}

/* ---- the end of it ---- */

static void kill_it(void *arg)
{
	struct envoy *v = arg;

	log_warn("envoy", "it does not end: it is killed");
	child_signal(v->child, SIGKILL);
}

void envoy_end(struct envoy *v)
{
	if (v->state == ENDED || v->state == TERMINATING)
		return;
	loop_timer_stop(v->loop, &v->probe);
	http_call_cancel(v->call);
	v->call = NULL;
	if (!v->child) {
		over(v);
		return;
	}
	v->state = TERMINATING;
	child_signal(v->child, SIGTERM);
	loop_timer_start(v->loop, &v->timer, KILL_MS, kill_it, v);
}

/* The sum of the gauges of a text of "name: number" lines, without the admin port's own. */
static uint64_t count_active(const char *text)
{
	uint64_t sum = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *colon = strstr(line, ": ");

		if (colon && strncmp(line, "http.admin.", 11))
			sum += strtoull(colon + 2, NULL, 10);
	}
	return sum;
}

static void poll_drain(void *arg);

static void on_counted(void *arg, const struct err *why)
{
	struct envoy *v = arg;
	int64_t took = loop_now_ms(v->loop) - v->drain_began_ms;

	v->call = NULL;
	if (!why && v->got.answer.status == 200 && !v->got.body.failed && took >= v->opts.drain_ms && !count_active(buf_cstr(&v->got.body)))
		drained(v);
	else
		loop_timer_start(v->loop, &v->timer, DRAIN_POLL_MS, poll_drain, v);
}

static const struct http_call_events count_events = {.ended = on_counted};

static void poll_drain(void *arg)
{
	struct envoy *v = arg;

	if (loop_now_ms(v->loop) - v->drain_began_ms >= v->opts.drain_max_ms ||
	    !admin_call(v, "GET", "/stats?filter=%5E(http%5C..*%5C.downstream_rq_active%7Ctcp%5C..*%5C.downstream_cx_active)$",
			&count_events))
		drained(v);
}

static void on_draining(void *arg, const struct err *why)
{
	struct envoy *v = arg;

	v->call = NULL;
	if (why || v->got.answer.status != 200)
		log_warn("envoy", "it does not drain: %s", why ? why->text : "an error from its admin port");
	loop_timer_start(v->loop, &v->timer, DRAIN_POLL_MS, poll_drain, v);
}

static const struct http_call_events drain_events = {.ended = on_draining};

void envoy_drain(struct envoy *v)
{
	if (v->state == DRAINING) {
		drained(v);
	} else if (v->state == RUNNING) {
		loop_timer_stop(v->loop, &v->probe);
		v->state = DRAINING;
		v->drain_began_ms = loop_now_ms(v->loop);
		log_info("envoy", "it drains for %lld to %lld ms", (long long)v->opts.drain_ms, (long long)v->opts.drain_max_ms);
		if (!admin_call(v, "POST", "/drain_listeners?graceful", &drain_events))
			drained(v);
	} else if (v->state == IDLE || v->state == WAITING) {
		drained(v);
	}
}

/* ---- life ---- */

struct envoy *envoy_new(struct loop *l, struct http_client *client, const struct envoy_opts *o)
{
	struct envoy *v = calloc(1, sizeof(*v));

	must(v && "out of memory");
	*v = (struct envoy){.opts = *o, .loop = l, .client = client};
	buf_init(&v->got.body, STATS_MAX);
	return v;
}

void envoy_free(struct envoy *v)
{
	if (!v)
		return;
	loop_timer_stop(v->loop, &v->timer);
	loop_timer_stop(v->loop, &v->probe);
	http_call_cancel(v->call);
	child_free(v->child);
	buf_fini(&v->got.body);
	free(v);
}

void envoy_start(struct envoy *v)
{
	if (v->state == IDLE)
		run(v);
}

void envoy_signal(struct envoy *v, int signum)
{
	if (v->child)
		child_signal(v->child, signum);
}

unsigned envoy_starts(const struct envoy *v)
{
	return v->starts;
}
