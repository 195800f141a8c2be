/* SPDX-License-Identifier: Apache-2.0 */
#include "net/h2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/vec.h"

enum {
	FRAME_HEAD = 9,
	RESPONSE_HEADERS_MAX = 32,
	SETTINGS_ENTRIES_MAX = 32,
	ACKS_QUEUED_MAX = 1000,
	CONTINUATIONS_MAX = 8,
	CREDIT_OF_DATA_SENT = 2,	/* each DATA frame we send may bring WINDOW_UPDATEs back */
};

/* Tokens of some action of the peer; each second brings some back. */
struct bucket {
	int64_t tokens, burst, per_s, at_ms;
};

struct h2_stream {
	struct h2 *h2;
	int32_t id;
	struct h2_stream *next, **at;
	struct arena arena;
	const char *method, *path, *authority;
	VEC(struct http_header) headers;
	size_t header_bytes;
	bool too_large;			/* the header list */
	bool announced;			/* the owner knows it */
	bool request_ended, responded, finished, sent_end, reset_by_us;
	bool deferred;			/* waits for body bytes */
	bool drained;			/* in the list of those to tell */
	struct h2_stream *next_drained;
	struct buf body;
	size_t body_sent;
	const struct http_header *trailers;
	size_t n_trailers;
	void *user;
};

struct h2 {
	nghttp2_session *ng;
	const struct h2_events *events;
	void *arg;
	struct h2_stats *stats;
	struct h2_stream *streams;
	struct h2_stream *drained;
	struct bucket resets, control;
	int64_t now_ms, last_rx_ms;
	int64_t headers_due_ms;		/* of the header block, or the first SETTINGS, that is awaited; 0 = none */
	bool pinged;			/* and nothing received since */
	bool draining;
	bool ended;			/* we gave up on the peer */
	bool broken;			/* so much that nothing can be sent either */
	bool sending, receiving, asked_to_send;
	struct buf *out;		/* of the h2_send under way */
	size_t out_end;			/* where it is to stop, about */
};

static const char *const refusal_names[] = {
	[H2_REFUSED_PREFACE] = "bad_preface", [H2_REFUSED_PROTOCOL] = "protocol_error",
	[H2_REFUSED_RESETS] = "reset_flood", [H2_REFUSED_CONTROL] = "control_flood",
	[H2_REFUSED_STREAMS] = "too_many_streams", [H2_REFUSED_HEADERS] = "headers_too_large",
	[H2_REFUSED_KEEPALIVE] = "keepalive_timeout", [H2_REFUSED_SLOW] = "slow_headers",
};

const char *h2_refusal_name(enum h2_refusal r)
{
	must(r < H2_REFUSALS);
	return refusal_names[r];
}

static bool bucket_take(struct bucket *b, int64_t now_ms)
{
	int64_t gained = (now_ms - b->at_ms) * b->per_s / 1000;

	if (gained > 0) {
		b->tokens = b->tokens + gained < b->burst ? b->tokens + gained : b->burst;
		b->at_ms = now_ms;
	}
	return b->tokens-- > 0;
}

static void ask_to_send(struct h2 *h)
{
	if (h->sending || h->receiving || h->asked_to_send)
		return;
	h->asked_to_send = true;
	h->events->wants_send(h->arg);
}

/* Streams */

static struct h2_stream *stream_of(struct h2 *h, int32_t id)
{
	return id > 0 ? nghttp2_session_get_stream_user_data(h->ng, id) : NULL;
}

static struct h2_stream *stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->h2 = h;
	st->id = id;
	st->method = st->path = st->authority = "";
	arena_init(&st->arena, 0);
	buf_init(&st->body, H2_BODY_MAX);
	st->next = h->streams;
	st->at = &h->streams;
	if (st->next)
		st->next->at = &st->next;
	h->streams = st;
	h->stats->streams++;
	return st;
}

static void stream_forget_drained(struct h2_stream *st)
{
	struct h2_stream **at = &st->h2->drained;

	if (!st->drained)
		return;
	while (*at != st)
		at = &(*at)->next_drained;
	*at = st->next_drained;
	st->drained = false;
}

static void stream_close(struct h2_stream *st, uint32_t error)
{
	struct h2 *h = st->h2;

	if (st->announced)
		h->events->closed(h->arg, st, error);
	stream_forget_drained(st);
	*st->at = st->next;
	if (st->next)
		st->next->at = st->at;
	buf_fini(&st->body);
	arena_fini(&st->arena);
	free(st);
}

/* Receiving */

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *st;

	if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	st = stream_new(h, f->hd.stream_id);
	h->headers_due_ms = h->now_ms + H2_HEADERS_MS;
	if (!st)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(ng, f->hd.stream_id, st);
	return 0;
}

/* What is over the limit is decoded, for HPACK's sake, and dropped. */
static int on_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name, size_t n_name,
		     const uint8_t *value, size_t n_value, uint8_t flags, void *arg)
{
	struct h2_stream *st = stream_of(arg, f->hd.stream_id);
	const char *v;

	(void)ng;
	(void)flags;
	if (!st || st->announced)	/* trailers say nothing that we need */
		return 0;
	st->header_bytes += n_name + n_value + 32;
	if (st->header_bytes > H2_HEADER_BYTES_MAX || st->headers.n >= H2_HEADERS_MAX) {
		st->too_large = true;
		return 0;
	}
	v = arena_strndup(&st->arena, (const char *)value, n_value);
	if (n_name == 7 && !memcmp(name, ":method", 7))
		st->method = v;
	else if (n_name == 5 && !memcmp(name, ":path", 5))
		st->path = v;
	else if (n_name == 10 && !memcmp(name, ":authority", 10))
		st->authority = v;
	else if (name[0] != ':')
		*vec_push(&st->headers, &st->arena) = (struct http_header){
		    .name = arena_strndup(&st->arena, (const char *)name, n_name), .value = v};
	return 0;
}

static int refuse_peer(struct h2 *h, enum h2_refusal why)
{
	if (!h->ended)
		h->stats->refused[why]++;
	h->ended = true;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int count_control(struct h2 *h)
{
	return bucket_take(&h->control, h->now_ms) ? 0 : refuse_peer(h, H2_REFUSED_CONTROL);
}

static int count_reset(struct h2 *h)
{
	return bucket_take(&h->resets, h->now_ms) ? 0 : refuse_peer(h, H2_REFUSED_RESETS);
}

static void request_arrived(struct h2 *h, struct h2_stream *st)
{
	if (st->too_large) {
		h->stats->refused[H2_REFUSED_HEADERS]++;
		h2_respond(st, 431, NULL, 0, true);
		return;
	}
	st->announced = true;
	h->events->request(h->arg, st);
}

static void request_ended(struct h2 *h, struct h2_stream *st)
{
	st->request_ended = true;
	if (st->announced && !st->sent_end)
		h->events->end(h->arg, st);
}

/* Frames of kinds that nobody knows are read past, but counted (on_begin_frame). */
static int unpack_nothing(nghttp2_session *ng, void **payload, const nghttp2_frame_hd *hd, void *arg)
{
	(void)ng;
	(void)payload;
	(void)hd;
	(void)arg;
	return NGHTTP2_ERR_CANCEL;
}

/* Before the frame is looked at: some kinds that nghttp2 ignores are not told of later. */
static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *arg)
{
	(void)ng;
	if (hd->type == NGHTTP2_DATA || hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_RST_STREAM)
		return 0;
	return count_control(arg);
}

static int on_frame_recv(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *st = stream_of(h, f->hd.stream_id);

	switch (f->hd.type) {
	case NGHTTP2_SETTINGS:
		h->headers_due_ms = 0;
		break;
	case NGHTTP2_HEADERS:
		h->headers_due_ms = 0;
		if (!st)
			return 0;
		if (f->headers.cat == NGHTTP2_HCAT_REQUEST)
			request_arrived(h, st);
		break;
	case NGHTTP2_DATA:
		if (!f->hd.length && !(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
			return count_control(h);
		break;
	case NGHTTP2_RST_STREAM:
		return count_reset(h);
	case NGHTTP2_PING:
		if (h->draining && f->hd.flags & NGHTTP2_FLAG_ACK)	/* one round trip after the notice */
			nghttp2_submit_goaway(ng, NGHTTP2_FLAG_NONE,
					      nghttp2_session_get_last_proc_stream_id(ng), NGHTTP2_NO_ERROR,
					      NULL, 0);
		break;
	default:
		break;
	}
	if (st && f->hd.flags & NGHTTP2_FLAG_END_STREAM)
		request_ended(h, st);
	return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *st = stream_of(h, id);

	(void)ng;
	(void)flags;
	if (st && st->announced && !st->sent_end && !st->reset_by_us)
		h->events->data(h->arg, st, p, n);
	return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t error, void *arg)
{
	struct h2_stream *st = stream_of(arg, id);

	if (!st)
		return 0;
	nghttp2_session_set_stream_user_data(ng, id, NULL);
	stream_close(st, error);
	return 0;
}

static int on_frame_send(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *st = stream_of(h, f->hd.stream_id);

	switch (f->hd.type) {
	case NGHTTP2_DATA:
		h->control.tokens += CREDIT_OF_DATA_SENT;
		break;
	case NGHTTP2_RST_STREAM:
		if (f->rst_stream.error_code == NGHTTP2_REFUSED_STREAM)
			h->stats->refused[H2_REFUSED_STREAMS]++;
		/* one that the peer made us send costs as much as its own */
		return st && st->reset_by_us ? 0 : count_reset(h);
	case NGHTTP2_GOAWAY:
		if (f->goaway.error_code != NGHTTP2_NO_ERROR)
			refuse_peer(h, H2_REFUSED_PROTOCOL);
		return 0;
	default:
		break;
	}
	if (!st || !(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	st->sent_end = true;
	if (!st->request_ended) {	/* RFC 9113 8.1: no need for the rest of the request */
		st->reset_by_us = true;
		nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_NO_ERROR);
	}
	return 0;
}

/* Why nghttp2 gave up, as an error to send and a counter. */
static int receive_failed(struct h2 *h, int rc, struct err *e)
{
	uint32_t error = NGHTTP2_PROTOCOL_ERROR;

	if (h->ended) {
		error = NGHTTP2_ENHANCE_YOUR_CALM;
	} else if (rc == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
		refuse_peer(h, H2_REFUSED_PREFACE);
	} else if (rc == NGHTTP2_ERR_FLOODED || rc == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS ||
		   rc == NGHTTP2_ERR_TOO_MANY_SETTINGS) {
		refuse_peer(h, H2_REFUSED_CONTROL);
		error = NGHTTP2_ENHANCE_YOUR_CALM;
	} else if (rc == NGHTTP2_ERR_NOMEM || rc == NGHTTP2_ERR_CALLBACK_FAILURE) {
		h->ended = true;
		error = NGHTTP2_INTERNAL_ERROR;
	} else {
		refuse_peer(h, H2_REFUSED_PROTOCOL);
	}
	nghttp2_session_terminate_session(h->ng, error);
	return err_set(e, ERR_SYNTAX, "HTTP/2: %s", nghttp2_strerror(rc));
}

int h2_receive(struct h2 *h, const void *p, size_t n, int64_t now_ms, struct err *e)
{
	ssize_t rc;

	if (h->ended)
		return err_set(e, ERR_REFUSED, "HTTP/2: the connection is over");
	h->now_ms = h->last_rx_ms = now_ms;
	h->pinged = false;
	h->receiving = true;
	rc = nghttp2_session_mem_recv(h->ng, p, n);
	h->receiving = false;
	if (rc < 0)
		receive_failed(h, (int)rc, e);
	if (nghttp2_session_want_write(h->ng))
		ask_to_send(h);
	return rc < 0 ? -1 : 0;
}

/* Sending */

static nghttp2_nv header_nv(const struct http_header *h)
{
	return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)h->name,
			    .namelen = strlen(h->name),
			    .value = (uint8_t *)(uintptr_t)h->value,
			    .valuelen = strlen(h->value)};
}

/* How much of the body goes into the next frame, and whether it is the last. */
static ssize_t read_body(nghttp2_session *ng, int32_t id, uint8_t *out, size_t room, uint32_t *flags,
			 nghttp2_data_source *source, void *arg)
{
	struct h2_stream *st = source->ptr;
	size_t left = h2_body_pending(st), n = left < room ? left : room;
	nghttp2_nv nv[RESPONSE_HEADERS_MAX];

	(void)out;
	(void)arg;
	if (!n && !st->finished) {
		st->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;	/* send_body takes them from where they are */
	if (n < left || !st->finished)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (st->n_trailers) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		for (size_t i = 0; i < st->n_trailers; i++)
			nv[i] = header_nv(&st->trailers[i]);
		nghttp2_submit_trailer(ng, id, nv, st->n_trailers);
	}
	return (ssize_t)n;
}

static int send_body(nghttp2_session *ng, nghttp2_frame *f, const uint8_t *head, size_t n,
		     nghttp2_data_source *source, void *arg)
{
	struct h2_stream *st = source->ptr;
	struct h2 *h = arg;

	(void)ng;
	(void)f;
	if (h->out->n >= h->out_end)
		return NGHTTP2_ERR_WOULDBLOCK;
	buf_append(h->out, head, FRAME_HEAD);
	buf_append(h->out, st->body.p + st->body_sent, n);
	st->body_sent += n;
	if (n && !h2_body_pending(st)) {	/* an idle stream holds no memory for it */
		buf_fini(&st->body);
		buf_init(&st->body, H2_BODY_MAX);
		st->body_sent = 0;
		if (!st->finished && !st->drained) {
			st->drained = true;
			st->next_drained = h->drained;
			h->drained = st;
		}
	}
	return 0;
}

static bool tell_drained(struct h2 *h)
{
	bool any = false;

	while (h->drained) {
		struct h2_stream *st = h->drained;

		h->drained = st->next_drained;
		st->drained = false;
		if (st->finished)
			continue;
		h->events->drained(h->arg, st);
		any = true;
	}
	return any;
}

void h2_send(struct h2 *h, struct buf *out, size_t limit)
{
	const uint8_t *p;
	ssize_t n = 0;

	must(!h->sending && !h->receiving);
	h->sending = true;
	h->asked_to_send = false;
	h->out = out;
	h->out_end = out->n + limit;
	do {
		while (out->n < h->out_end && (n = nghttp2_session_mem_send(h->ng, &p)) > 0)
			buf_append(out, p, (size_t)n);
		if (n < 0) {
			h->ended = h->broken = true;
			break;
		}
	} while (tell_drained(h) && out->n < h->out_end);
	h->sending = false;
}

/* The connection */

static nghttp2_session_callbacks *callbacks_new(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb))
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_unpack_extension_callback(cb, unpack_nothing);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_session_callbacks_set_send_data_callback(cb, send_body);
	return cb;
}

static int session_open(struct h2 *h)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADER_BYTES_MAX},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	nghttp2_session_callbacks *cb = callbacks_new();
	nghttp2_option *opt = NULL;
	int rc = -1;

	if (!cb || nghttp2_option_new(&opt))
		goto out;
	nghttp2_option_set_max_settings(opt, SETTINGS_ENTRIES_MAX);
	for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; type++)
		nghttp2_option_set_user_recv_extension_type(opt, (uint8_t)type);
	nghttp2_option_set_max_outbound_ack(opt, ACKS_QUEUED_MAX);
	nghttp2_option_set_max_continuations(opt, CONTINUATIONS_MAX);
	/* behind our own limit, which goes by the caller's clock */
	nghttp2_option_set_stream_reset_rate_limit(opt, 10 * H2_RESET_BURST, 10 * H2_RESET_PER_S);
	rc = nghttp2_session_server_new2(&h->ng, cb, h, opt);
	if (!rc)
		rc = nghttp2_submit_settings(h->ng, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
	if (!rc)
		rc = nghttp2_session_set_local_window_size(h->ng, NGHTTP2_FLAG_NONE, 0, 4 * H2_WINDOW);
out:
	nghttp2_option_del(opt);
	nghttp2_session_callbacks_del(cb);
	return rc;
}

struct h2 *h2_new(const struct h2_events *events, void *arg, struct h2_stats *stats, int64_t now_ms)
{
	struct h2 *h = calloc(1, sizeof(*h));

	must(h && "out of memory");
	*h = (struct h2){
	    .events = events, .arg = arg, .stats = stats, .now_ms = now_ms, .last_rx_ms = now_ms,
	    .headers_due_ms = now_ms + H2_HEADERS_MS,
	    .resets = {H2_RESET_BURST, H2_RESET_BURST, H2_RESET_PER_S, now_ms},
	    .control = {H2_CONTROL_BURST, H2_CONTROL_BURST, H2_CONTROL_PER_S, now_ms},
	};
	must(session_open(h) == 0 && "out of memory");
	return h;
}

void h2_free(struct h2 *h)
{
	if (!h)
		return;
	must(!h->sending && !h->receiving);
	h->sending = true;		/* nobody is to be asked to send any more */
	while (h->streams)
		stream_close(h->streams, NGHTTP2_CANCEL);
	nghttp2_session_del(h->ng);
	free(h);
}

bool h2_is_over(const struct h2 *h)
{
	if (h->broken)
		return true;
	if (nghttp2_session_want_write(h->ng))
		return false;
	return h->ended || !nghttp2_session_want_read(h->ng);
}

int64_t h2_tick(struct h2 *h, int64_t now_ms)
{
	h->now_ms = now_ms;
	if (h->ended)
		return -1;
	if (now_ms - h->last_rx_ms >= 2 * (int64_t)H2_PING_AFTER_MS && h->pinged) {
		refuse_peer(h, H2_REFUSED_KEEPALIVE);
		return -1;
	}
	if (h->headers_due_ms && now_ms >= h->headers_due_ms) {
		refuse_peer(h, H2_REFUSED_SLOW);
		return -1;
	}
	if (now_ms - h->last_rx_ms >= H2_PING_AFTER_MS && !h->pinged) {
		h->pinged = true;
		nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, NULL);
		ask_to_send(h);
	}
	return h2_due_ms(h);
}

int64_t h2_due_ms(const struct h2 *h)
{
	int64_t due = h->last_rx_ms + (h->pinged ? 2 : 1) * (int64_t)H2_PING_AFTER_MS;

	return h->headers_due_ms && h->headers_due_ms < due ? h->headers_due_ms : due;
}

void h2_drain(struct h2 *h)
{
	if (h->draining || h->ended)
		return;
	h->draining = true;
	nghttp2_submit_shutdown_notice(h->ng);
	nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, NULL);
	ask_to_send(h);
}

/* The request and its response */

const char *h2_method(const struct h2_stream *st)
{
	return st->method;
}

const char *h2_path(const struct h2_stream *st)
{
	return st->path;
}

const char *h2_authority(const struct h2_stream *st)
{
	return st->authority;
}

const char *h2_header(const struct h2_stream *st, const char *name)
{
	for (size_t i = 0; i < st->headers.n; i++)
		if (!strcmp(st->headers.v[i].name, name))
			return st->headers.v[i].value;
	return NULL;
}

const struct http_header *h2_headers(const struct h2_stream *st, size_t *n)
{
	*n = st->headers.n;
	return st->headers.v;
}

struct arena *h2_arena(struct h2_stream *st)
{
	return &st->arena;
}

void *h2_user(const struct h2_stream *st)
{
	return st->user;
}

void h2_set_user(struct h2_stream *st, void *user)
{
	st->user = user;
}

void h2_respond(struct h2_stream *st, unsigned status, const struct http_header *headers, size_t n, bool end)
{
	nghttp2_data_provider body = {.source.ptr = st, .read_callback = read_body};
	nghttp2_nv nv[RESPONSE_HEADERS_MAX];
	char code[12];

	must(!st->responded && n < RESPONSE_HEADERS_MAX && status >= 100 && status <= 999);
	st->responded = true;
	st->finished = end;
	snprintf(code, sizeof(code), "%u", status);
	nv[0] = header_nv(&(struct http_header){":status", code});
	for (size_t i = 0; i < n; i++)
		nv[i + 1] = header_nv(&headers[i]);
	if (nghttp2_submit_response(st->h2->ng, st->id, nv, n + 1, end ? NULL : &body))
		h2_reset(st, NGHTTP2_INTERNAL_ERROR);
	ask_to_send(st->h2);
}

bool h2_responded(const struct h2_stream *st)
{
	return st->responded;
}

struct buf *h2_body(struct h2_stream *st)
{
	return &st->body;
}

void h2_flush(struct h2_stream *st)
{
	if (st->body.failed) {
		h2_reset(st, NGHTTP2_INTERNAL_ERROR);
		return;
	}
	if (!st->deferred || (!h2_body_pending(st) && !st->finished))
		return;
	st->deferred = false;
	nghttp2_session_resume_data(st->h2->ng, st->id);
	ask_to_send(st->h2);
}

size_t h2_body_pending(const struct h2_stream *st)
{
	return st->body.n - st->body_sent;
}

void h2_finish(struct h2_stream *st, const struct http_header *trailers, size_t n)
{
	struct http_header *copy = NULL;

	must(st->responded && n <= RESPONSE_HEADERS_MAX);
	if (st->finished)
		return;
	if (n)
		copy = arena_array(&st->arena, struct http_header, n);
	for (size_t i = 0; i < n; i++) {
		copy[i].name = arena_strdup(&st->arena, trailers[i].name);
		copy[i].value = arena_strdup(&st->arena, trailers[i].value);
	}
	st->trailers = copy;
	st->n_trailers = n;
	st->finished = true;
	h2_flush(st);
}

void h2_reset(struct h2_stream *st, uint32_t error)
{
	if (st->reset_by_us)
		return;
	st->reset_by_us = true;
	nghttp2_submit_rst_stream(st->h2->ng, NGHTTP2_FLAG_NONE, st->id, error);
	ask_to_send(st->h2);
}
