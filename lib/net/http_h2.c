/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "net/http_int.h"

enum { REPLY_HEADERS_MAX = 16, LOOK_EVERY_MS = 1000 /* for peers that owe something */ };

/* One stream: a gRPC call or a plain request. In the stream's arena. */
struct exchange {
	struct http2 *conn;
	struct h2_stream *st;
	struct grpc_call *call;		/* or NULL: plain */
	struct exchange *next, **at;	/* calls with a deadline */
	struct http_request req;
	struct buf body;
	size_t held;			/* of http_core.rx_held */
	int64_t owes_ms;		/* since when the peer owes the rest of a body or message, or the first one */
	size_t owes_bytes;		/* that have come since */
	struct exchange *next_owing, **at_owing;
	bool refused;			/* answered without the handler */
};

struct http2 {
	struct http_core *core;
	const struct http_peer *from;
	loop_fn *wants_send;
	void *arg;
	struct h2 *h2;
	struct exchange *timed, *owing;
	size_t held;
	int64_t now_ms, look_ms;	/* look_ms: when to look at those that owe */
};

static void h2_reply(struct http_request *req, struct http_response *resp)
{
	struct exchange *x = (struct exchange *)((char *)req - offsetof(struct exchange, req));
	struct http_header h[REPLY_HEADERS_MAX + 2];
	bool no_body = resp->status == 204 || resp->status == 304;
	char length[24];
	size_t n = 0;

	must(resp->n_headers <= REPLY_HEADERS_MAX);
	if (resp->content_type)
		h[n++] = (struct http_header){"content-type", resp->content_type};
	if (!no_body) {
		snprintf(length, sizeof(length), "%zu", resp->body.n);
		h[n++] = (struct http_header){"content-length", length};
	}
	for (size_t i = 0; i < resp->n_headers; i++) {
		char *name = arena_strdup(req->arena, resp->headers[i].name);

		for (char *s = name; *s; s++)	/* RFC 9113 8.2: lower case only */
			if (*s >= 'A' && *s <= 'Z')
				*s |= 0x20;
		h[n++] = (struct http_header){name, resp->headers[i].value};
	}
	if (!resp->body.n || no_body || !strcmp(req->method, "HEAD")) {
		h2_respond(x->st, resp->status, h, n, true);
	} else {
		h2_respond(x->st, resp->status, h, n, false);
		buf_append(h2_body(x->st), resp->body.p, resp->body.n);
		h2_finish(x->st, NULL, 0);
	}
	buf_fini(&resp->body);
}

static const struct http_transport transport = {.reply = h2_reply};

static void refuse(struct exchange *x, unsigned status, const char *text)
{
	x->conn->core->stats.refused_requests++;
	x->refused = true;
	http_reply_text(&x->req, status, text);
}

static void owe(struct exchange *x)
{
	struct http2 *c = x->conn;

	x->owes_ms = c->now_ms;
	x->owes_bytes = 0;
	if (x->at_owing)
		return;
	if (!c->owing)
		c->look_ms = c->now_ms + LOOK_EVERY_MS;
	x->next_owing = c->owing;
	x->at_owing = &c->owing;
	if (x->next_owing)
		x->next_owing->at_owing = &x->next_owing;
	c->owing = x;
}

static void owe_nothing(struct exchange *x)
{
	if (!x->at_owing)
		return;
	*x->at_owing = x->next_owing;
	if (x->next_owing)
		x->next_owing->at_owing = x->at_owing;
	x->at_owing = NULL;
}

/* Brings the accounts up to date with what the exchange holds. */
static void count_held(struct exchange *x)
{
	size_t now = x->body.size + (x->call ? x->call->rx.size : 0);

	x->conn->held += now - x->held;
	x->conn->core->rx_held += now - x->held;
	x->held = now;
}

/* Ends a request that has not arrived whole, and what it holds. */
static void cut(struct exchange *x, unsigned status, enum grpc_status grpc, const char *why)
{
	owe_nothing(x);
	x->refused = true;
	if (x->call) {
		grpc_finish(x->call, grpc, why);
		buf_fini(&x->call->rx);
	} else {
		http_reply_text(&x->req, status, why);
		buf_fini(&x->body);
	}
	count_held(x);
}

static bool is_method_path(const struct http_core *core, const char *path)
{
	for (size_t i = 0; i < core->opts.n_methods; i++)
		if (!strcmp(core->opts.methods[i].path, path))
			return true;
	return false;
}

static void plain_headers(struct exchange *x)
{
	struct http_request *req = &x->req;
	const struct http_header *in = h2_headers(x->st, &req->n_headers);
	struct http_header *out = arena_array(req->arena, struct http_header, req->n_headers + 1);

	if (req->n_headers)
		memcpy(out, in, req->n_headers * sizeof(*in));
	if (*h2_authority(x->st))
		out[req->n_headers++] = (struct http_header){"host", h2_authority(x->st)};
	req->headers = out;
}

static void plain_open(struct exchange *x)
{
	struct http_core *core = x->conn->core;
	const char *length = h2_header(x->st, "content-length"), *path = h2_path(x->st);
	struct http_request *req = &x->req;
	int64_t n;

	core->stats.requests_h2++;
	*req = (struct http_request){.method = h2_method(x->st), .path = "/", .from = x->conn->from, .peer = x->conn->from->address,
				     .arg = core->opts.arg, .arena = h2_arena(x->st), .transport = &transport};
	plain_headers(x);
	buf_init(&x->body, core->opts.max_body);
	if (is_method_path(core, path))
		refuse(x, 415, "a gRPC method: content-type must be application/grpc");
	else if (http_target_parse(path, strlen(path), req->arena, req))
		refuse(x, 400, "malformed request target");
	else if (length && scalar_int(length, 0, INT64_MAX, &n))
		refuse(x, 400, "malformed content-length");
	else if (length && n > (int64_t)core->opts.max_body)
		refuse(x, 413, "request body too large");
}

static void on_request(void *arg, struct h2_stream *st)
{
	struct http2 *c = arg;
	struct exchange *x = arena_new(h2_arena(st), struct exchange);

	x->conn = c;
	x->st = st;
	h2_set_user(st, x);
	if (!grpc_is_request(st)) {
		plain_open(x);
		if (!x->refused)
			owe(x);
		return;
	}
	c->core->stats.calls++;
	x->call = grpc_open(st, c->core->opts.methods, c->core->opts.n_methods, c->core->opts.arg,
			    c->core->opts.admit_call, c->from, c->now_ms);
	if (!x->call) {
		c->core->stats.refused_requests++;
		x->refused = true;
		return;
	}
	owe(x);
	if (x->call->deadline_ms) {
		x->next = c->timed;
		x->at = &c->timed;
		if (x->next)
			x->next->at = &x->next;
		c->timed = x;
	}
}

static void take_call_data(struct exchange *x, const uint8_t *p, size_t n)
{
	struct grpc_call *call = x->call;
	size_t before = call->rx.n;

	grpc_receive(call, p, n);
	x->conn->core->stats.refused_requests += call->refused;
	call->refused = false;
	if (call->finished || !call->n_prefix)
		owe_nothing(x);
	else if (!x->at_owing || call->rx.n < before)
		owe(x);
}

static void on_data(void *arg, struct h2_stream *st, const uint8_t *p, size_t n)
{
	struct exchange *x = h2_user(st);
	struct http2 *c = arg;

	if (x->refused)
		return;
	x->owes_bytes += n;
	if (x->call)
		take_call_data(x, p, n);
	else
		buf_append(&x->body, p, n);
	count_held(x);
	if (x->body.failed) {
		c->core->stats.refused_requests++;
		cut(x, 413, GRPC_RESOURCE_EXHAUSTED, "request body too large");
	} else if (x->held && (c->held > HTTP_RX_CONN_MAX || c->core->rx_held > HTTP_RX_HELD_MAX)) {
		c->core->stats.refused_memory++;
		cut(x, 503, GRPC_RESOURCE_EXHAUSTED, "too many unfinished requests");
	}
}

static void on_end(void *arg, struct h2_stream *st)
{
	struct http2 *c = arg;
	struct exchange *x = h2_user(st);

	owe_nothing(x);
	if (x->refused)
		return;
	if (x->call) {
		grpc_half_close(x->call);
		c->core->stats.refused_requests += x->call->refused;
		return;
	}
	x->req.body = (const uint8_t *)x->body.p;
	x->req.n_body = x->body.n;
	http_route(&x->req, c->core->opts.routes, c->core->opts.n_routes, c->core->opts.admit_request);
	must(x->req.replied || x->req.held);
	x->req.body = NULL;
	x->req.n_body = 0;
	buf_fini(&x->body);
	count_held(x);
}

static void on_drained(void *arg, struct h2_stream *st)
{
	struct exchange *x = h2_user(st);

	(void)arg;
	if (x->call && !x->call->finished && !x->call->waiting && x->call->method->writable)
		x->call->method->writable(x->call);
}

static void on_closed(void *arg, struct h2_stream *st, uint32_t error)
{
	struct exchange *x = h2_user(st);
	struct http2 *c = arg;

	(void)error;
	owe_nothing(x);
	c->held -= x->held;
	c->core->rx_held -= x->held;
	if (x->at) {
		*x->at = x->next;
		if (x->next)
			x->next->at = x->at;
	}
	if (x->call)
		grpc_closed(x->call);
	else if (x->req.held && !x->req.replied)
		x->req.gone(&x->req, x->req.gone_arg);
	buf_fini(&x->body);
}

static void on_wants_send(void *arg)
{
	struct http2 *c = arg;

	c->wants_send(c->arg);
}

static const struct h2_events events = {
	.request = on_request, .data = on_data, .end = on_end, .drained = on_drained, .closed = on_closed,
	.wants_send = on_wants_send,
};

struct http2 *http2_new(struct http_core *core, const struct http_peer *from, loop_fn *wants_send, void *arg, int64_t now_ms)
{
	struct http2 *c = calloc(1, sizeof(*c));

	must(c && "out of memory");
	*c = (struct http2){.core = core, .from = from, .wants_send = wants_send, .arg = arg, .now_ms = now_ms};
	c->h2 = h2_new(&events, c, &core->stats.h2, now_ms);
	return c;
}

void http2_free(struct http2 *c)
{
	if (!c)
		return;
	h2_free(c->h2);
	free(c);
}

int http2_receive(struct http2 *c, const void *p, size_t n, int64_t now_ms, struct err *e)
{
	c->now_ms = now_ms;
	return h2_receive(c->h2, p, n, now_ms, e);
}

void http2_send(struct http2 *c, struct buf *out, size_t limit)
{
	h2_send(c->h2, out, limit);
}

bool http2_is_over(const struct http2 *c)
{
	return h2_is_over(c->h2);
}

void http2_drain(struct http2 *c)
{
	h2_drain(c->h2);
}

int64_t http2_due_ms(const struct http2 *c)
{
	int64_t due = h2_due_ms(c->h2);

	if (c->owing && c->look_ms < due)
		due = c->look_ms;
	for (const struct exchange *x = c->timed; x; x = x->next)
		if (!x->call->finished && x->call->deadline_ms < due)
			due = x->call->deadline_ms;
	return due;
}

static void cut_slow(struct http2 *c)
{
	c->look_ms = c->now_ms + LOOK_EVERY_MS;
	for (struct exchange *x = c->owing, *next; x; x = next) {
		next = x->next_owing;
		if (c->now_ms - x->owes_ms < c->core->opts.request_ms + (int64_t)(x->owes_bytes * 1000 / HTTP_BYTES_PER_S))
			continue;
		c->core->stats.cut_slow++;
		cut(x, 408, GRPC_DEADLINE_EXCEEDED, "the request did not arrive in time");
	}
}

int64_t http2_tick(struct http2 *c, int64_t now_ms)
{
	c->now_ms = now_ms;
	for (struct exchange *x = c->timed; x; x = x->next)
		if (!x->call->finished && x->call->deadline_ms <= now_ms)
			grpc_finish(x->call, GRPC_DEADLINE_EXCEEDED, "deadline exceeded");
	if (c->owing && now_ms >= c->look_ms)
		cut_slow(c);
	return h2_tick(c->h2, now_ms) < 0 ? -1 : http2_due_ms(c);
}
