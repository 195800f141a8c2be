/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP/2 and gRPC core against nghttp2's client, without sockets or clock: each direction is cut
 * into pieces of a given size, down to one byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "base/must.h"
#include "net/http_int.h"

enum { STREAMS = 1200 };

struct reply {
	int status;
	char grpc_status[8], grpc_message[128], content_type[64], allow[32];
	struct buf body;
	bool closed;
	uint32_t error;
};

struct upload {
	const uint8_t *p;
	size_t n, piece;
	bool open;		/* stays so behind the bytes */
};

struct fixture {
	struct http_core core;
	struct http2 *server;
	nghttp2_session *client;
	struct buf to_client;
	struct reply *replies;	/* by stream id / 2 */
	struct upload uploads[STREAMS];
	size_t cut;		/* bytes a read */
	int64_t now_ms;
	int wants_send, goaway_error;
	bool over;
	/* seen by the methods */
	int opened, messages, half_closed, closed, writable, gone;
	size_t message_bytes;
	struct grpc_call *call;
	struct http_request *held;
};

/* What the server serves */

static struct fixture *fixture_of(struct grpc_call *call)
{
	return call->arg;
}

static void echo_open(struct grpc_call *call)
{
	fixture_of(call)->opened++;
	fixture_of(call)->call = call;
}

static void echo_message(struct grpc_call *call, const uint8_t *p, size_t n)
{
	struct fixture *f = fixture_of(call);

	f->messages++;
	f->message_bytes += n;
	grpc_send(call, p, n);
}

static void echo_half_close(struct grpc_call *call)
{
	fixture_of(call)->half_closed++;
	grpc_finish(call, GRPC_OK, NULL);
}

static void echo_writable(struct grpc_call *call)
{
	fixture_of(call)->writable++;
}

static void echo_closed(struct grpc_call *call)
{
	struct fixture *f = fixture_of(call);

	f->closed++;
	if (f->call == call)
		f->call = NULL;
}

static void deny_open(struct grpc_call *call)
{
	grpc_finish(call, GRPC_PERMISSION_DENIED, "no: 100% \xc3\xa9\n");
}

static const struct grpc_method methods[] = {
	{.path = "/t.Echo/Echo", .open = echo_open, .message = echo_message, .half_close = echo_half_close, .writable = echo_writable,
	 .closed = echo_closed},
	{.path = "/t.Echo/Deny", .open = deny_open},
};

static void plain_echo(struct http_request *req)
{
	struct http_response resp = {.status = 200, .content_type = "text/plain"};

	buf_init(&resp.body, 1 << 24);
	buf_printf(&resp.body, "%s %s q=%s host=%s ", req->method, req->path, http_query(req, "q") ? http_query(req, "q") : "-",
		   http_header(req, "Host"));
	buf_append(&resp.body, req->body, req->n_body);
	http_reply(req, &resp);
}

static void on_gone(struct http_request *req, void *arg)
{
	struct fixture *f = arg;

	assert_ptr_equal(req, f->held);
	f->held = NULL;
	f->gone++;
}

static void plain_hold(struct http_request *req)
{
	struct fixture *f = req->arg;

	f->held = req;
	http_hold(req, on_gone, f);
}

static const struct http_entry routes[] = {
	{"GET", "/echo/*", plain_echo}, {"POST", "/echo/*", plain_echo}, {"GET", "/hold", plain_hold},
};

/* The client */

static struct reply *reply_of(struct fixture *f, int32_t id)
{
	assert_true(id / 2 < STREAMS);
	return &f->replies[id / 2];
}

static void copy(char *out, size_t size, const uint8_t *p, size_t n)
{
	snprintf(out, size, "%.*s", (int)n, (const char *)p);
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *fr, const uint8_t *name, size_t n_name, const uint8_t *value,
		     size_t n, uint8_t flags, void *arg)
{
	struct reply *r = reply_of(arg, fr->hd.stream_id);

	(void)ng;
	(void)n_name;
	(void)flags;
	if (!strcmp((const char *)name, ":status"))
		r->status = atoi((const char *)value);
	else if (!strcmp((const char *)name, "grpc-status"))
		copy(r->grpc_status, sizeof(r->grpc_status), value, n);
	else if (!strcmp((const char *)name, "grpc-message"))
		copy(r->grpc_message, sizeof(r->grpc_message), value, n);
	else if (!strcmp((const char *)name, "content-type"))
		copy(r->content_type, sizeof(r->content_type), value, n);
	else if (!strcmp((const char *)name, "allow"))
		copy(r->allow, sizeof(r->allow), value, n);
	return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct reply *r = reply_of(arg, id);

	(void)ng;
	(void)flags;
	if (!r->body.cap)
		buf_init(&r->body, 1 << 26);
	buf_append(&r->body, p, n);
	return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t error, void *arg)
{
	struct reply *r = reply_of(arg, id);

	(void)ng;
	r->closed = true;
	r->error = error;
	return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *fr, void *arg)
{
	struct fixture *f = arg;

	(void)ng;
	if (fr->hd.type == NGHTTP2_GOAWAY)
		f->goaway_error = (int)fr->goaway.error_code;
	return 0;
}

static ssize_t read_upload(nghttp2_session *ng, int32_t id, uint8_t *out, size_t room, uint32_t *flags, nghttp2_data_source *src,
			   void *arg)
{
	struct upload *u = src->ptr;
	size_t n = u->n < room ? u->n : room;

	(void)ng;
	(void)id;
	(void)arg;
	if (u->piece && n > u->piece)
		n = u->piece;
	if (!n && u->open)
		return NGHTTP2_ERR_DEFERRED;
	if (n)
		memcpy(out, u->p, n);
	u->p += n;
	u->n -= n;
	if (!u->n && !u->open)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void on_wants_send(void *arg)
{
	struct fixture *f = arg;

	f->wants_send++;
}

/* Lets both sides talk until neither has anything to say. */
static void talk(struct fixture *f)
{
	const uint8_t *p;
	struct err e;
	ssize_t n;
	bool moved;

	do {
		moved = false;
		while (!f->over && (n = nghttp2_session_mem_send(f->client, &p)) > 0) {
			moved = true;
			for (ssize_t i = 0; i < n && !f->over; i += (ssize_t)f->cut) {
				size_t piece = (size_t)(n - i) < f->cut ? (size_t)(n - i) : f->cut;

				if (http2_receive(f->server, p + i, piece, f->now_ms, &e))
					f->over = true;
			}
		}
		f->to_client.n = 0;
		http2_send(f->server, &f->to_client, 1 << 16);
		for (size_t i = 0; i < f->to_client.n; i += f->cut) {
			size_t left = f->to_client.n - i;

			moved = true;
			nghttp2_session_mem_recv(f->client, (uint8_t *)f->to_client.p + i, left < f->cut ? left : f->cut);
		}
	} while (moved);
}

static void feed(struct fixture *f, const void *p, size_t n)
{
	struct err e;

	if (!f->over && http2_receive(f->server, p, n, f->now_ms, &e))
		f->over = true;
}

struct header_pair {
	const char *name, *value;
};

static int32_t request(struct fixture *f, const char *method, const char *path, const struct header_pair *h, struct upload up)
{
	nghttp2_nv nv[128];
	nghttp2_data_provider body = {.read_callback = read_upload};
	struct header_pair fixed[] = {{":method", method}, {":path", path}, {":scheme", "http"}, {":authority", "test"}};
	size_t n = 0;
	int32_t id;

	for (size_t i = 0; i < 4; i++, n++)
		nv[n] = (nghttp2_nv){(uint8_t *)(uintptr_t)fixed[i].name, (uint8_t *)(uintptr_t)fixed[i].value,
				     strlen(fixed[i].name), strlen(fixed[i].value), 0};
	for (; h && h->name; h++, n++)
		nv[n] = (nghttp2_nv){(uint8_t *)(uintptr_t)h->name, (uint8_t *)(uintptr_t)h->value, strlen(h->name), strlen(h->value), 0};
	id = nghttp2_session_get_next_stream_id(f->client) / 2;
	f->uploads[id] = up;
	body.source.ptr = &f->uploads[id];
	return nghttp2_submit_request(f->client, NULL, nv, n, up.p || up.open ? &body : NULL, NULL);
}

static const struct header_pair grpc_headers[] = {{"content-type", "application/grpc"}, {"te", "trailers"}, {NULL, NULL}};

static int32_t grpc_request(struct fixture *f, const char *path, struct upload up)
{
	return request(f, "POST", path, grpc_headers, up);
}

static int setup_cut(void **state, size_t cut)
{
	static const struct http_peer from = {.address = "10.0.0.1:1"};
	struct fixture *f = calloc(1, sizeof(*f));
	nghttp2_session_callbacks *cb;
	nghttp2_option *opt;

	f->cut = cut;
	f->now_ms = 1000;
	f->goaway_error = -1;
	f->replies = calloc(STREAMS, sizeof(*f->replies));
	f->core.opts = (struct http_server_opts){.routes = routes, .n_routes = ARRAY_LEN(routes), .methods = methods,
						 .n_methods = ARRAY_LEN(methods), .arg = f, .max_body = 100000};
	f->server = http2_new(&f->core, &from, on_wants_send, f, f->now_ms);
	buf_init(&f->to_client, 1 << 24);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_option_new(&opt);
	nghttp2_option_set_max_send_header_block_length(opt, 1 << 20);
	nghttp2_session_client_new2(&f->client, cb, f, opt);
	nghttp2_option_del(opt);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(f->client, 0, NULL, 0);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_cut(state, 16384);
}

static int setup_bytewise(void **state)
{
	return setup_cut(state, 1);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http2_free(f->server);
	assert_int_equal(f->opened, f->closed);
	assert_null(f->held);
	nghttp2_session_del(f->client);
	for (int i = 0; i < STREAMS; i++)
		buf_fini(&f->replies[i].body);
	free(f->replies);
	buf_fini(&f->to_client);
	free(f);
	return 0;
}

/* Appends a message with its prefix. */
static void put_message(struct buf *b, const void *p, size_t n, uint8_t flag)
{
	uint8_t prefix[5] = {flag, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	buf_append(b, prefix, 5);
	buf_append(b, p, n);
}

static void messages_survive_any_cut(void **state)
{
	struct fixture *f = *state;
	struct buf b;
	int32_t id;

	buf_init(&b, 1 << 20);
	put_message(&b, "hello", 5, 0);
	put_message(&b, "", 0, 0);
	put_message(&b, "a longer one that goes over several frames", 42, 0);
	put_message(&b, "", 0, 0);
	for (size_t piece = 1; piece <= b.n; piece++) {
		struct reply *r;

		f->messages = f->half_closed = 0;
		id = grpc_request(f, "/t.Echo/Echo", (struct upload){(uint8_t *)b.p, b.n, piece, false});
		talk(f);
		r = reply_of(f, id);
		assert_int_equal(f->messages, 4);
		assert_int_equal(f->half_closed, 1);
		assert_int_equal(r->status, 200);
		assert_string_equal(r->content_type, "application/grpc");
		assert_string_equal(r->grpc_status, "0");
		assert_int_equal(r->body.n, b.n);
		assert_memory_equal(r->body.p, b.p, b.n);
		assert_true(r->closed && r->error == 0);
	}
	buf_fini(&b);
}

static void large_messages_obey_flow_control(void **state)
{
	enum { N = GRPC_MESSAGE_MAX };
	struct fixture *f = *state;
	uint8_t *big = malloc(N);
	struct reply *r;
	struct buf b;

	for (size_t i = 0; i < N; i++)
		big[i] = (uint8_t)(i * 7);
	buf_init(&b, N + 100);
	put_message(&b, big, N, 0);
	r = reply_of(f, grpc_request(f, "/t.Echo/Echo", (struct upload){(uint8_t *)b.p, b.n, 0, false}));
	talk(f);
	assert_string_equal(r->grpc_status, "0");
	assert_int_equal(r->body.n, N + 5);
	assert_memory_equal(r->body.p + 5, big, N);
	buf_fini(&b);
	free(big);
}

static void push_later(void **state)
{
	struct fixture *f = *state;
	struct reply *r = reply_of(f, grpc_request(f, "/t.Echo/Echo", (struct upload){.open = true}));
	int before;

	talk(f);
	assert_non_null(f->call);
	assert_string_equal(f->call->peer, "10.0.0.1:1");
	for (int i = 1; i < 4; i++) {
		before = f->wants_send;
		grpc_send(f->call, "push", 4);
		grpc_send(f->call, "more", 4);
		assert_int_equal(f->wants_send, before + 1);
		assert_int_equal(grpc_pending(f->call), 18);
		talk(f);
		assert_int_equal(grpc_pending(f->call), 0);
		assert_int_equal(f->writable, i);
		assert_int_equal(r->body.n, 18 * i);
	}
	grpc_send(f->call, "last", 4);
	grpc_finish(f->call, GRPC_UNAVAILABLE, "drain");
	talk(f);
	assert_int_equal(r->body.n, 18 * 3 + 9);
	assert_string_equal(r->grpc_status, "14");
	assert_string_equal(r->grpc_message, "drain");
	assert_true(r->closed);		/* though the client never ended its side */
	assert_null(f->call);
}

static void expect_grpc(struct fixture *f, int32_t id, int http, const char *status)
{
	struct reply *r = reply_of(f, id);

	talk(f);
	assert_int_equal(r->status, http);
	assert_string_equal(r->grpc_status, status);
	assert_true(r->closed);
}

static void bad_calls_are_answered(void **state)
{
	static const char oversize[] = "\0\0\x40\0\1x", huge[] = "\0\xff\xff\xff\xff", gzip[] = "\1\0\0\0\1x", odd[] = "\7\0\0\0\1x";
	static const struct header_pair no_te[] = {{"content-type", "application/grpc"}, {NULL, NULL}};
	static const struct header_pair json[] = {{"content-type", "application/grpc+json"}, {"te", "trailers"}, {NULL, NULL}};
	static const struct header_pair web[] = {{"content-type", "application/grpc-web"}, {"te", "trailers"}, {NULL, NULL}};
	static const struct header_pair text[] = {{"content-type", "text/plain"}, {NULL, NULL}};
	static const struct header_pair zipped[] = {
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"grpc-encoding", "gzip"}, {NULL, NULL}};
	static const struct header_pair timeout[] = {
		{"content-type", "application/grpc+proto"}, {"te", "trailers"}, {"grpc-timeout", "999999999S"}, {NULL, NULL}};
	static const char *const spellings[] = {
		"/t.Echo/echo", "/t.Echo/Echo/", "//t.Echo/Echo", "/t.Echo//Echo", "/t.Echo/Echo?x", "/t%2eEcho/Echo", "/t.Echo/Ech%6f",
		"/t.Echo/./Echo", "/T.Echo/Echo", "/t.Echo", "/",
	};
	struct fixture *f = *state;
	struct upload open = {.open = true};

	for (size_t i = 0; i < ARRAY_LEN(spellings); i++)
		expect_grpc(f, grpc_request(f, spellings[i], open), 200, "12");
	assert_int_equal(f->opened, 0);
	expect_grpc(f, request(f, "POST", "/t.Echo/Echo", no_te, open), 400, "13");
	expect_grpc(f, request(f, "POST", "/t.Echo/Echo", zipped, open), 200, "12");
	expect_grpc(f, request(f, "POST", "/t.Echo/Echo", timeout, open), 400, "13");
	expect_grpc(f, request(f, "POST", "/t.Echo/Echo", json, open), 415, "");
	expect_grpc(f, request(f, "POST", "/t.Echo/Echo", web, open), 415, "");
	expect_grpc(f, request(f, "POST", "/t.Echo/Echo", text, open), 415, "");
	expect_grpc(f, request(f, "GET", "/t.Echo/Echo", grpc_headers, open), 405, "");
	assert_int_equal(f->opened, 0);
	expect_grpc(f, grpc_request(f, "/t.Echo/Echo", (struct upload){(const uint8_t *)oversize, 6, 0, true}), 200, "8");
	expect_grpc(f, grpc_request(f, "/t.Echo/Echo", (struct upload){(const uint8_t *)huge, 5, 0, true}), 200, "8");
	expect_grpc(f, grpc_request(f, "/t.Echo/Echo", (struct upload){(const uint8_t *)gzip, 6, 0, true}), 200, "12");
	expect_grpc(f, grpc_request(f, "/t.Echo/Echo", (struct upload){(const uint8_t *)odd, 6, 0, true}), 200, "13");
	expect_grpc(f, grpc_request(f, "/t.Echo/Echo", (struct upload){(const uint8_t *)gzip + 1, 4, 0, false}), 200, "13");
	assert_int_equal(f->messages, 0);
	expect_grpc(f, grpc_request(f, "/t.Echo/Deny", open), 200, "7");
	assert_false(f->over);
	for (int i = 0; i < STREAMS; i++)
		if (!strcmp(f->replies[i].grpc_status, "7"))
			assert_string_equal(f->replies[i].grpc_message, "no: 100%25 %C3%A9%0A");
}

static void timeouts(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} t[] = {
		{"1S", 1000}, {"99999999H", 359999996400000}, {"1M", 60000}, {"5m", 5}, {"1u", 1}, {"1001u", 2}, {"1n", 1}, {"1000001n", 2},
		{"0S", 0}, {"", -1}, {"S", -1}, {"1", -1}, {"1s", -1}, {"123456789S", -1}, {"-1S", -1}, {"1SS", -1}, {"1 S", -1},
	};
	static const struct header_pair second[] = {
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"grpc-timeout", "1S"}, {NULL, NULL}};
	struct fixture *f = *state;
	struct reply *r;

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_true(grpc_timeout_ms(t[i].text) == t[i].ms);
	r = reply_of(f, request(f, "POST", "/t.Echo/Echo", second, (struct upload){.open = true}));
	talk(f);
	assert_int_equal(http2_due_ms(f->server), f->now_ms + 1000);
	f->now_ms += 999;
	http2_tick(f->server, f->now_ms);
	talk(f);
	assert_false(r->closed);
	f->now_ms++;
	assert_int_equal(http2_tick(f->server, f->now_ms), 1000 + H2_PING_AFTER_MS);
	talk(f);
	assert_true(r->closed);
	assert_string_equal(r->grpc_status, "4");
}

static void plain_requests(void **state)
{
	static const uint8_t bytes[] = "some body";
	static const struct header_pair bad_length[] = {{"content-length", "100001"}, {NULL, NULL}};
	struct fixture *f = *state;
	uint8_t *large = calloc(1, 100001);
	int32_t ids[] = {
		request(f, "GET", "/echo/a%20b?q=x+y&q=2", NULL, (struct upload){0}),
		request(f, "POST", "/echo/x", NULL, (struct upload){bytes, 9, 2, false}),
		request(f, "HEAD", "/echo/x", NULL, (struct upload){0}),
		request(f, "DELETE", "/echo/x", NULL, (struct upload){0}),
		request(f, "GET", "/nowhere", NULL, (struct upload){0}),
		request(f, "GET", "/echo/%00", NULL, (struct upload){0}),
		request(f, "GET", "/echo/../hold", NULL, (struct upload){0}),
		request(f, "POST", "/echo/x", NULL, (struct upload){large, 100001, 0, false}),
		request(f, "POST", "/echo/x", bad_length, (struct upload){.open = true}),
	};
	const int want[] = {200, 200, 200, 405, 404, 400, 400, 413, 413};

	talk(f);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(reply_of(f, ids[i])->status, want[i]);
	assert_string_equal(buf_cstr(&reply_of(f, ids[0])->body), "GET /echo/a b q=x y host=test ");
	assert_string_equal(buf_cstr(&reply_of(f, ids[1])->body), "POST /echo/x q=- host=test some body");
	assert_int_equal(reply_of(f, ids[2])->body.n, 0);
	assert_string_equal(reply_of(f, ids[3])->allow, "GET, POST");
	free(large);
}

static void held_requests(void **state)
{
	struct fixture *f = *state;
	int32_t id = request(f, "GET", "/hold", NULL, (struct upload){0});

	talk(f);
	assert_non_null(f->held);
	http_reply_text(f->held, 503, "later");
	f->held = NULL;
	talk(f);
	assert_int_equal(reply_of(f, id)->status, 503);
	id = request(f, "GET", "/hold", NULL, (struct upload){0});
	talk(f);
	nghttp2_submit_rst_stream(f->client, 0, id, NGHTTP2_CANCEL);
	talk(f);
	assert_int_equal(f->gone, 1);
	request(f, "GET", "/hold", NULL, (struct upload){0});
	talk(f);
	http2_free(f->server);
	f->server = NULL;
	assert_int_equal(f->gone, 2);
}

static void bad_preface(void **state)
{
	struct fixture *f = *state;

	feed(f, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 24);
	assert_true(f->over);
	f->to_client.n = 0;
	http2_send(f->server, &f->to_client, 1 << 16);
	assert_true(http2_is_over(f->server));
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_PREFACE], 1);
}

static void protocol_errors(void **state)
{
	struct fixture *f = *state;

	talk(f);
	feed(f, "\0\0\1\0\0\0\0\0\0x", 10);	/* DATA on stream 0 */
	talk(f);
	assert_int_equal(f->goaway_error, NGHTTP2_PROTOCOL_ERROR);
	assert_true(http2_is_over(f->server));
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_PROTOCOL], 1);
}

/* CVE-2023-44487 */
static void rapid_reset_is_refused(void **state)
{
	struct fixture *f = *state;
	int sent = 0;

	talk(f);
	for (; sent < STREAMS - 10 && !f->over; sent++) {
		int32_t id = grpc_request(f, "/t.Echo/Echo", (struct upload){.open = true});

		talk(f);
		nghttp2_submit_rst_stream(f->client, 0, id, NGHTTP2_CANCEL);
		talk(f);
	}
	assert_true(f->over);
	assert_in_range(sent, H2_RESET_BURST - 5, H2_RESET_BURST + 5);
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_RESETS], 1);
	assert_int_equal(f->goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_true(http2_is_over(f->server));
}

static void slow_resets_are_fine(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 500; i++) {
		int32_t id = grpc_request(f, "/t.Echo/Echo", (struct upload){.open = true});

		talk(f);
		nghttp2_submit_rst_stream(f->client, 0, id, NGHTTP2_CANCEL);
		talk(f);
		f->now_ms += 31;
	}
	assert_false(f->over);
	assert_int_equal(f->closed, 500);
}

/* CVE-2025-8671: the peer makes us reset its streams, with WINDOW_UPDATEs of 0. */
static void made_you_reset_is_refused(void **state)
{
	struct fixture *f = *state;
	int sent = 0;

	talk(f);
	for (; sent < STREAMS - 10 && !f->over; sent++) {
		int32_t id = grpc_request(f, "/t.Echo/Echo", (struct upload){.open = true});
		uint8_t frame[13] = {0, 0, 4, 8, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 0};

		talk(f);
		feed(f, frame, sizeof(frame));
		talk(f);
	}
	assert_true(f->over);
	assert_true(sent <= H2_RESET_BURST + 5);
}

static void flood(struct fixture *f, const void *frame, size_t n, int limit)
{
	int sent = 0;

	talk(f);
	for (; sent < limit && !f->over; sent++) {
		feed(f, frame, n);
		f->to_client.n = 0;
		http2_send(f->server, &f->to_client, 1 << 16);
	}
	assert_true(f->over);
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_CONTROL], 1);
	assert_true(http2_is_over(f->server));
}

static void ping_flood_is_refused(void **state)
{
	flood(*state, "\0\0\x08\6\0\0\0\0\0pingping", 17, H2_CONTROL_BURST + 10);
}

static void settings_flood_is_refused(void **state)
{
	flood(*state, "\0\0\0\4\0\0\0\0\0", 9, H2_CONTROL_BURST + 10);
}

static void priority_flood_is_refused(void **state)
{
	flood(*state, "\0\0\5\2\0\0\0\0\7\0\0\0\0\1", 14, H2_CONTROL_BURST + 10);
}

static void unknown_frame_flood_is_refused(void **state)
{
	flood(*state, "\0\0\0\x63\0\0\0\0\0", 9, H2_CONTROL_BURST + 10);
}

/* A peer that never reads what it makes us answer. */
static void unread_acks_are_bounded(void **state)
{
	struct fixture *f = *state;
	int sent = 0;

	talk(f);
	for (; sent < 2000 && !f->over; sent++)
		feed(f, "\0\0\x08\6\0\0\0\0\0pingping", 17);
	assert_true(f->over);
	assert_in_range(sent, 900, 1100);
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_CONTROL], 1);
}

/* CVE-2024-28182 */
static void continuation_flood_is_refused(void **state)
{
	struct fixture *f = *state;
	int sent = 0;

	talk(f);
	feed(f, "\0\0\0\1\0\0\0\0\1", 9);
	for (; sent < 100 && !f->over; sent++)
		feed(f, "\0\0\0\x09\0\0\0\0\1", 9);
	assert_true(f->over);
	assert_true(sent <= 10);
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_CONTROL], 1);
}

static void large_headers_are_refused(void **state)
{
	struct fixture *f = *state;
	char *value = malloc(4001), names[110][16];
	struct header_pair few[20] = {{NULL, NULL}}, many[111] = {{NULL, NULL}};
	int32_t a, b, c;

	memset(value, 'x', 4000);
	value[4000] = '\0';
	for (int i = 0; i < 17; i++)	/* 68,000 bytes, one literal and sixteen references */
		few[i] = (struct header_pair){"x-large", value};
	for (int i = 0; i < 110; i++) {
		snprintf(names[i], sizeof(names[i]), "x-%d", i);
		many[i] = (struct header_pair){names[i], "1"};
	}
	a = request(f, "GET", "/echo/a", few, (struct upload){0});
	b = request(f, "GET", "/echo/b", many, (struct upload){0});
	c = request(f, "GET", "/echo/c", NULL, (struct upload){0});
	talk(f);
	assert_int_equal(reply_of(f, a)->status, 431);
	assert_int_equal(reply_of(f, b)->status, 431);
	assert_int_equal(reply_of(f, c)->status, 200);
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_HEADERS], 2);
	free(value);
}

static void concurrent_streams_are_bounded(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < H2_STREAMS_MAX + 20; i++)
		grpc_request(f, "/t.Echo/Echo", (struct upload){.open = true});
	talk(f);
	assert_int_equal(f->opened, H2_STREAMS_MAX);	/* the others wait in the client */
}

static void keepalive(void **state)
{
	struct fixture *f = *state;

	talk(f);
	assert_int_equal(http2_due_ms(f->server), f->now_ms + H2_PING_AFTER_MS);
	f->now_ms += H2_PING_AFTER_MS;
	assert_int_equal(http2_tick(f->server, f->now_ms), f->now_ms + H2_PING_AFTER_MS);
	talk(f);			/* the client answers */
	assert_int_equal(http2_tick(f->server, f->now_ms), f->now_ms + H2_PING_AFTER_MS);
	f->now_ms += H2_PING_AFTER_MS;
	assert_true(http2_tick(f->server, f->now_ms) > 0);
	f->now_ms += H2_PING_AFTER_MS;
	assert_int_equal(http2_tick(f->server, f->now_ms), -1);	/* it does not */
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_KEEPALIVE], 1);
}

static void expect_slow(struct fixture *f)
{
	f->now_ms += H2_HEADERS_MS - 1;
	assert_int_equal(http2_tick(f->server, f->now_ms), f->now_ms + 1);
	f->now_ms++;
	assert_int_equal(http2_tick(f->server, f->now_ms), -1);
	assert_int_equal(f->core.stats.h2.refused[H2_REFUSED_SLOW], 1);
}

static void slow_preface_is_cut(void **state)
{
	expect_slow(*state);
}

static void slow_headers_are_cut(void **state)
{
	struct fixture *f = *state;

	talk(f);
	feed(f, "\0\0\0\1\0\0\0\0\1", 9);	/* HEADERS without END_HEADERS */
	assert_int_equal(http2_due_ms(f->server), f->now_ms + H2_HEADERS_MS);
	expect_slow(f);
}

/* A body, a message and the first message each have request_ms, and 1 s more a KiB. */
static void slow_requests_are_cut(void **state)
{
	static const uint8_t part[2048] = {0, 0, 0, 0xff, 0xff}, empty[5] = {0};
	struct fixture *f = *state;
	struct reply *body = reply_of(f, request(f, "POST", "/echo/x", NULL, (struct upload){part, 2048, 0, true}));
	struct reply *message = reply_of(f, grpc_request(f, "/t.Echo/Echo", (struct upload){part, 2048, 0, true}));
	struct reply *none = reply_of(f, grpc_request(f, "/t.Echo/Echo", (struct upload){.open = true}));
	struct reply *fine = reply_of(f, grpc_request(f, "/t.Echo/Echo", (struct upload){empty, 5, 0, true}));

	f->core.opts.request_ms = 3000;
	talk(f);
	f->now_ms += 3000;
	http2_tick(f->server, f->now_ms);
	talk(f);
	assert_string_equal(none->grpc_status, "4");
	assert_false(body->closed || message->closed);
	f->now_ms += 2000;
	http2_tick(f->server, f->now_ms);
	talk(f);
	assert_int_equal(body->status, 408);
	assert_string_equal(message->grpc_status, "4");
	assert_false(fine->closed);
	assert_int_equal(f->core.stats.cut_slow, 3);
	assert_int_equal(f->core.rx_held, 0);
}

static void unfinished_requests_are_bounded(void **state)
{
	struct fixture *f = *state;
	size_t n = 4 << 20, refused = 0;
	uint8_t *part = calloc(1, n);
	struct reply *r[6];

	part[2] = 0x40;		/* a message of 4 MiB whose end is missing */
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = reply_of(f, grpc_request(f, "/t.Echo/Echo", (struct upload){part, n, 0, true}));
	talk(f);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		refused += !strcmp(r[i]->grpc_status, "8");
	assert_in_range(refused, 3, 5);
	assert_int_equal(f->core.stats.refused_memory, refused);
	assert_in_range(f->core.rx_held, 1, HTTP_RX_CONN_MAX);
	free(part);
}

static void drain_lets_streams_end(void **state)
{
	struct fixture *f = *state;
	struct reply *r = reply_of(f, grpc_request(f, "/t.Echo/Echo", (struct upload){.open = true}));

	talk(f);
	http2_drain(f->server);
	talk(f);
	assert_int_equal(f->goaway_error, NGHTTP2_NO_ERROR);
	assert_false(http2_is_over(f->server));
	grpc_send(f->call, "x", 1);
	grpc_finish(f->call, GRPC_OK, NULL);
	talk(f);
	assert_true(r->closed);
	assert_int_equal(r->body.n, 6);
	assert_true(http2_is_over(f->server));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define BYTEWISE(fn) {#fn " (one byte at a time)", fn, setup_bytewise, teardown, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(messages_survive_any_cut), BYTEWISE(messages_survive_any_cut), CASE(large_messages_obey_flow_control),
		CASE(push_later), BYTEWISE(push_later), CASE(bad_calls_are_answered), BYTEWISE(bad_calls_are_answered), CASE(timeouts),
		CASE(plain_requests), BYTEWISE(plain_requests), CASE(held_requests), CASE(bad_preface), CASE(protocol_errors),
		CASE(rapid_reset_is_refused), CASE(slow_resets_are_fine), CASE(made_you_reset_is_refused), CASE(ping_flood_is_refused),
		CASE(settings_flood_is_refused), CASE(priority_flood_is_refused), CASE(unread_acks_are_bounded),
		CASE(continuation_flood_is_refused), CASE(large_headers_are_refused), CASE(concurrent_streams_are_bounded),
		CASE(unknown_frame_flood_is_refused), CASE(keepalive), CASE(slow_preface_is_cut), CASE(slow_headers_are_cut),
		CASE(slow_requests_are_cut), CASE(unfinished_requests_are_bounded), CASE(drain_lets_streams_end),
	};

	return cmocka_run_group_tests_name("net/h2", tests, NULL, NULL);
}
