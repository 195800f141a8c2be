/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { ASK_MS = 5 * 1000, STATS_MAX = 256 * 1024 * 1024, READY_MAX = 4096, OPEN_MAX = 100 };

static const char text_type[] = "text/plain; version=0.0.4; charset=utf-8";

struct status {
	struct status_opts opts;
	struct loop *loop;
	struct http_client *client;
	struct http_server *server[STATUS_BINDS_MAX];
	struct question *open;
};

/* A request whose answer Envoy is asked for. */
struct question {
	struct status *status;
	struct question *next, **at;
	struct http_request *req;
	struct http_call *call;
	struct http_whole got;
	bool stats;			/* else: is it ready */
};

static void question_free(struct question *q)
{
	*q->at = q->next;
	if (q->next)
		q->next->at = q->at;
	http_call_cancel(q->call);
	buf_fini(&q->got.body);
	free(q);
}

static void answer_ready(struct question *q, const struct err *why)
{
	bool ready = !why && q->got.answer.status == 200;

	http_reply_text(q->req, ready ? 200 : 503, ready ? "ready\n" : why ? "Envoy does not answer\n" : "Envoy is not ready\n");
}

/* Without Envoy's there are our own: what says so is among them. */
static void answer_stats(struct question *q, const struct err *why)
{
	struct http_response resp = {.status = 200, .content_type = text_type};
	const struct status_opts *o = &q->status->opts;

	buf_init(&resp.body, STATS_MAX);
	o->collect(o->arg, &resp.body);
	if (!why && q->got.answer.status == 200 && !q->got.body.failed)
		buf_append(&resp.body, q->got.body.p ? q->got.body.p : "", q->got.body.n);
	http_reply(q->req, &resp);
}

static void on_ended(void *arg, const struct err *why)
{
	struct question *q = arg;

	q->call = NULL;
	if (q->stats)
		answer_stats(q, why);
	else
		answer_ready(q, why);
	question_free(q);
}

static void on_gone(struct http_request *req, void *arg)
{
	(void)req;
	question_free(arg);
}

static const struct http_call_events events = {.ended = on_ended};

static void ask_envoy(struct status *s, struct http_request *req, const char *path, bool stats)
{
	const char *admin = s->opts.envoy ? envoy_admin(s->opts.envoy) : NULL;
	struct question *q = calloc(1, sizeof(*q));
	struct err unknown;
	char url[256];

	must(q && "out of memory");
	*q = (struct question){.status = s, .req = req, .stats = stats, .next = s->open, .at = &s->open};
	if (q->next)
		q->next->at = &q->next;
	s->open = q;
	buf_init(&q->got.body, stats ? STATS_MAX : READY_MAX);
	if (!admin) {
		err_set(&unknown, ERR_NOT_FOUND, "Envoy does not run");
		on_ended(q, &unknown);
		return;
	}
	snprintf(url, sizeof(url), "%s%s", admin, path);
	q->call = http_call_start(s->client, &(struct http_call_opts){.method = "GET", .url = url, .proxy = "", .total_ms = ASK_MS,
								     .events = &events, .whole = &q->got, .arg = q});
	http_hold(req, on_gone, q);
}

static void get_ready(struct http_request *req)
{
	struct status *s = req->arg;
	const char *why = s->opts.not_ready(s->opts.arg);

	if (why)
		http_reply_text(req, 503, why);
	else if (!s->opts.envoy)
		http_reply_text(req, 200, "ready\n");
	else
		ask_envoy(s, req, "/ready", false);
}

static void get_stats(struct http_request *req)
{
	ask_envoy(req->arg, req, "/stats/prometheus", true);
}

static void post_quit(struct http_request *req)
{
	struct status *s = req->arg;

	if ((strncmp(req->peer, "127.", 4) && strncmp(req->peer, "[::1]", 5)) ||
	    !http_is_local(http_header(req, "host"), http_header(req, "origin"))) {
		http_reply_text(req, 403, "only from this machine\n");
		return;
	}
	http_reply_text(req, 200, "going\n");
	s->opts.quit(s->opts.arg);
}

static const struct http_entry routes[] = {
	{"GET", "/healthz/ready", get_ready},
	{"GET", "/stats/prometheus", get_stats},
	{"POST", "/quitquitquit", post_quit},
};

struct status *status_open(struct loop *l, struct http_client *client, const struct status_opts *o, struct err *e)
{
	struct status *s = calloc(1, sizeof(*s));
	struct http_server_opts opts = {.routes = routes, .n_routes = ARRAY_LEN(routes), .arg = s, .max_open = OPEN_MAX};

	must(s && "out of memory" && o->n_binds <= STATUS_BINDS_MAX);
	*s = (struct status){.opts = *o, .loop = l, .client = client};
	for (size_t i = 0; i < o->n_binds; i++) {
		opts.bind = o->binds[i];
		s->server[i] = http_server_open(l, &opts, e);
		if (!s->server[i]) {
			status_close(s);
			return NULL;
		}
	}
	return s;
}

void status_close(struct status *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->opts.n_binds; i++)
		http_server_free(s->server[i]);
	must(!s->open);
	free(s);
}

uint16_t status_port(const struct status *s, size_t bind)
{
	return http_server_port(s->server[bind]);
}
