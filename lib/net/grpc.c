/* SPDX-License-Identifier: Apache-2.0 */
#include "net/grpc.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"

enum { PREFIX = 5 };

static const char content_type[] = "application/grpc";

bool grpc_is_request(const struct h2_stream *st)
{
	const char *type = h2_header(st, "content-type");

	return type && !strncmp(type, content_type, sizeof(content_type) - 1);
}

/* "application/grpc", "application/grpc+proto", either with parameters. */
static bool type_is_served(const char *type)
{
	type += sizeof(content_type) - 1;
	if (!strncmp(type, "+proto", 6))
		type += 6;
	return !*type || *type == ';';
}

static const char *percent_encode(const char *text, struct arena *a)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = strlen(text);
	char *out = arena_alloc(a, 3 * n + 1), *p = out;

	for (const char *s = text; *s; s++) {
		if (*s >= ' ' && *s <= '~' && *s != '%') {
			*p++ = *s;
			continue;
		}
		*p++ = '%';
		*p++ = hex[(uint8_t)*s >> 4];
		*p++ = hex[*s & 15];
	}
	return out;
}

/* A response of headers alone, with the status in them. */
static void respond_trailers_only(struct h2_stream *st, unsigned http_status, enum grpc_status status,
				  const char *message)
{
	struct http_header h[5];
	char code[4];
	size_t n = 0;

	snprintf(code, sizeof(code), "%u", (unsigned)status);
	h[n++] = (struct http_header){"content-type", content_type};
	h[n++] = (struct http_header){"grpc-status", code};
	if (message && *message)
		h[n++] = (struct http_header){"grpc-message", percent_encode(message, h2_arena(st))};
	if (status == GRPC_UNIMPLEMENTED)
		h[n++] = (struct http_header){"grpc-accept-encoding", "identity"};
	h2_respond(st, http_status, h, n, true);
}

int64_t grpc_timeout_ms(const char *text)
{
	static const struct {
		char unit;
		int64_t us;
	} units[] = {{'H', 3600000000}, {'M', 60000000}, {'S', 1000000}, {'m', 1000}, {'u', 1}, {'n', 0}};
	int64_t v = 0;
	int digits = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (++digits > 8)
			return -1;
		v = v * 10 + (*text - '0');
	}
	if (!digits || !*text || text[1])
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (units[i].unit != *text)
			continue;
		if (*text == 'n')
			return (v + 999999) / 1000000;
		return (v * units[i].us + 999) / 1000;
	}
	return -1;
}

static const struct grpc_method *find_method(const char *path, const struct grpc_method *methods, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(methods[i].path, path))
			return &methods[i];
	return NULL;
}

/* Whether the request may be served; answers it if not. */
static bool check_request(struct h2_stream *st, int64_t *timeout_ms)
{
	const char *te = h2_header(st, "te"), *encoding = h2_header(st, "grpc-encoding");
	const char *timeout = h2_header(st, "grpc-timeout");

	*timeout_ms = timeout ? grpc_timeout_ms(timeout) : 0;
	if (!type_is_served(h2_header(st, "content-type")))
		h2_respond(st, 415, NULL, 0, true);
	else if (strcmp(h2_method(st), "POST"))
		h2_respond(st, 405, &(struct http_header){"allow", "POST"}, 1, true);
	else if (!te || strcmp(te, "trailers"))
		respond_trailers_only(st, 400, GRPC_INTERNAL, "te: trailers is missing");
	else if (encoding && strcmp(encoding, "identity"))
		respond_trailers_only(st, 200, GRPC_UNIMPLEMENTED, "compression is not supported");
	else if (*timeout_ms < 0)
		respond_trailers_only(st, 400, GRPC_INTERNAL, "malformed grpc-timeout");
	return !h2_responded(st);
}

struct grpc_call *grpc_open(struct h2_stream *st, const struct grpc_method *methods, size_t n, void *arg,
			    grpc_admit_fn *admit, const struct http_peer *from, int64_t now_ms)
{
	const struct grpc_method *m = find_method(h2_path(st), methods, n);
	enum grpc_status status;
	struct grpc_call *call;
	int64_t timeout_ms;
	const char *why = NULL;

	if (!check_request(st, &timeout_ms))
		return NULL;
	if (!m) {
		respond_trailers_only(st, 200, GRPC_UNIMPLEMENTED, "unknown method");
		return NULL;
	}
	call = arena_new(h2_arena(st), struct grpc_call);
	*call = (struct grpc_call){.method = m, .arg = arg, .from = from, .peer = from->address, .stream = st};
	if (h2_header(st, "grpc-timeout"))
		call->deadline_ms = now_ms + (timeout_ms ? timeout_ms : 1);
	status = admit ? admit(call, &why) : GRPC_OK;
	call->waiting = status == GRPC_WAIT;
	if (status != GRPC_OK && !call->waiting) {
		respond_trailers_only(st, 200, status, why);
		return NULL;
	}
	buf_init(&call->rx, GRPC_MESSAGE_MAX);
	if (!call->waiting)
		m->open(call);
	return call;
}

void grpc_admit(struct grpc_call *call, enum grpc_status status, const char *why)
{
	struct buf early = call->rx;

	must(call->waiting);
	call->dropped = NULL;
	if (call->finished)
		return;
	if (status != GRPC_OK) {
		grpc_finish(call, status, why);
		return;
	}
	call->waiting = false;
	buf_init(&call->rx, GRPC_MESSAGE_MAX);
	call->method->open(call);
	grpc_receive(call, (const uint8_t *)early.p, early.n);
	if (call->ended)
		grpc_half_close(call);
	buf_fini(&early);
}

/* What comes before it is known who calls. */
static void keep_early(struct grpc_call *call, const uint8_t *p, size_t n)
{
	buf_append(&call->rx, p, n);
	if (call->rx.failed)
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "message too large");
}

static uint32_t message_size(const struct grpc_call *call)
{
	const uint8_t *p = call->prefix;

	return (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
}

/* A prefix is complete: whether the message that it announces may follow. */
static bool check_prefix(struct grpc_call *call)
{
	if (call->prefix[0] == 1)
		grpc_finish(call, GRPC_UNIMPLEMENTED, "compression is not supported");
	else if (call->prefix[0] > 1)
		grpc_finish(call, GRPC_INTERNAL, "malformed message prefix");
	else if (message_size(call) > GRPC_MESSAGE_MAX)
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "message too large");
	call->refused = call->finished;
	return !call->finished;
}

static void deliver(struct grpc_call *call, const uint8_t *p, size_t n)
{
	call->n_prefix = 0;
	if (call->method->message)
		call->method->message(call, p, n);
}

/* Takes bytes of the message in hand; returns how many. A message that is here whole is not copied. */
static size_t take_message(struct grpc_call *call, const uint8_t *p, size_t n)
{
	size_t size = message_size(call), left = size - call->rx.n;

	if (!call->rx.n && n >= size) {
		deliver(call, p, size);
		return size;
	}
	if (n > left)
		n = left;
	buf_append(&call->rx, p, n);
	if (call->rx.failed) {
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	} else if (call->rx.n == size) {
		struct buf whole = call->rx;

		buf_init(&call->rx, GRPC_MESSAGE_MAX);
		deliver(call, (const uint8_t *)whole.p, size);
		buf_fini(&whole);
	}
	return n;
}

void grpc_receive(struct grpc_call *call, const uint8_t *p, size_t n)
{
	if (call->waiting && !call->finished) {
		keep_early(call, p, n);
		return;
	}
	while (!call->finished && n) {
		size_t took = 0;

		while (call->n_prefix < PREFIX && took < n)
			call->prefix[call->n_prefix++] = p[took++];
		p += took;
		n -= took;
		if (call->n_prefix < PREFIX || (took && !check_prefix(call)))
			return;
		if (!n && message_size(call))
			return;
		took = take_message(call, p, n);
		p += took;
		n -= took;
	}
}

void grpc_half_close(struct grpc_call *call)
{
	if (call->finished)
		return;
	call->ended = true;
	if (call->waiting)
		return;
	call->refused = call->n_prefix;
	if (call->refused)
		grpc_finish(call, GRPC_INTERNAL, "the last message is cut short");
	else if (call->method->half_close)
		call->method->half_close(call);
}

void grpc_closed(struct grpc_call *call)
{
	call->finished = true;
	buf_fini(&call->rx);
	if (call->waiting && call->dropped)
		call->dropped(call);
	else if (!call->waiting && call->method->closed)
		call->method->closed(call);
}

const char *grpc_header(const struct grpc_call *call, const char *name)
{
	return h2_header(call->stream, name);
}

struct buf *grpc_send_begin(struct grpc_call *call, size_t *mark)
{
	struct buf *b = h2_body(call->stream);

	must(!call->finished);
	if (!h2_responded(call->stream))
		h2_respond(call->stream, 200, &(struct http_header){"content-type", content_type}, 1, false);
	*mark = b->n;
	buf_append(b, "\0\0\0\0\0", PREFIX);
	return b;
}

void grpc_send_end(struct grpc_call *call, size_t mark)
{
	struct buf *b = h2_body(call->stream);
	size_t n;

	if (!b->failed) {
		n = b->n - mark - PREFIX;
		b->p[mark + 1] = (char)(n >> 24);
		b->p[mark + 2] = (char)(n >> 16);
		b->p[mark + 3] = (char)(n >> 8);
		b->p[mark + 4] = (char)n;
	}
	h2_flush(call->stream);
}

void grpc_send(struct grpc_call *call, const void *p, size_t n)
{
	size_t mark;

	if (call->finished)
		return;
	buf_append(grpc_send_begin(call, &mark), p, n);
	grpc_send_end(call, mark);
}

size_t grpc_pending(const struct grpc_call *call)
{
	return h2_body_pending(call->stream);
}

void grpc_finish(struct grpc_call *call, enum grpc_status status, const char *message)
{
	struct h2_stream *st = call->stream;
	struct http_header h[2];
	char code[4];
	size_t n = 0;

	if (call->finished)
		return;
	call->finished = true;
	if (!h2_responded(st)) {
		respond_trailers_only(st, 200, status, message);
		return;
	}
	snprintf(code, sizeof(code), "%u", (unsigned)status);
	h[n++] = (struct http_header){"grpc-status", code};
	if (message && *message)
		h[n++] = (struct http_header){"grpc-message", percent_encode(message, h2_arena(st))};
	h2_finish(st, h, n);
}
