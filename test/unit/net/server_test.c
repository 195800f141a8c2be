/* SPDX-License-Identifier: Apache-2.0
 *
 * One port with real sockets: HTTP/1.1, HTTP/2 and gRPC, long polls, clients that leave or dawdle.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "base/must.h"
#include "net/http_server.h"

enum { HELD = 200, BIG = 3000000 };

struct fixture {
	struct loop *loop;
	struct http_server *server;
	struct http_request *held[HELD];
	int n_held, gone, calls, closed_calls, writable;
	struct grpc_call *call;
};

static void get_hello(struct http_request *req)
{
	struct http_header h = {"X-Peer", req->peer};
	struct http_response resp = {.status = 200, .content_type = "text/plain", .headers = &h, .n_headers = 1};

	buf_init(&resp.body, 1000);
	buf_printf(&resp.body, "hello %s", http_query(req, "name") ? http_query(req, "name") : "you");
	http_reply(req, &resp);
}

static void get_big(struct http_request *req)
{
	struct http_response resp = {.status = 200, .content_type = "text/plain"};

	buf_init(&resp.body, BIG + 1);
	memset(buf_room(&resp.body, BIG), 'b', BIG);
	buf_added(&resp.body, BIG);
	http_reply(req, &resp);
}

static void post_echo(struct http_request *req)
{
	struct http_response resp = {.status = 201, .content_type = "application/octet-stream"};

	buf_init(&resp.body, 1 << 20);
	buf_append(&resp.body, req->body, req->n_body);
	http_reply(req, &resp);
}

static void get_etag(struct http_request *req)
{
	struct http_response resp = {.status = 304};

	http_reply(req, &resp);
}

static void on_gone(struct http_request *req, void *arg)
{
	struct fixture *f = arg;

	f->gone++;
	for (int i = 0; i < f->n_held; i++)
		if (f->held[i] == req)
			f->held[i] = f->held[--f->n_held];
}

static void get_wait(struct http_request *req)
{
	struct fixture *f = req->arg;

	assert_true(f->n_held < HELD);
	f->held[f->n_held++] = req;
	http_hold(req, on_gone, f);
}

static void release_all(struct fixture *f)
{
	while (f->n_held)
		http_reply_text(f->held[--f->n_held], 200, "released");
}

static const struct http_entry routes[] = {
	{"GET", "/hello", get_hello}, {"GET", "/big", get_big}, {"POST", "/echo", post_echo}, {"GET", "/wait", get_wait},
	{"POST", "/wait", get_wait}, {"GET", "/etag", get_etag},
};

static void call_open(struct grpc_call *call)
{
	struct fixture *f = call->arg;

	f->calls++;
	f->call = call;
}

static void call_message(struct grpc_call *call, const uint8_t *p, size_t n)
{
	grpc_send(call, p, n);
}

static void call_writable(struct grpc_call *call)
{
	((struct fixture *)call->arg)->writable++;
}

static void call_closed(struct grpc_call *call)
{
	struct fixture *f = call->arg;

	f->closed_calls++;
	f->call = NULL;
}

static const struct grpc_method methods[] = {
	{.path = "/t.Echo/Echo", .open = call_open, .message = call_message, .writable = call_writable, .closed = call_closed},
};

static int start(void **state, struct http_server_opts opts)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e;

	f->loop = loop_new(&e);
	opts.bind = "127.0.0.1:0";
	opts.routes = routes;
	opts.n_routes = ARRAY_LEN(routes);
	opts.methods = methods;
	opts.n_methods = ARRAY_LEN(methods);
	opts.arg = f;
	f->server = http_server_open(f->loop, &opts, &e);
	assert_non_null(f->server);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return start(state, (struct http_server_opts){.max_body = 1000});
}

static int setup_hasty(void **state)
{
	return start(state, (struct http_server_opts){.max_body = 1000, .first_byte_ms = 100, .request_ms = 100, .idle_ms = 200,
						      .max_open = 3});
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_server_free(f->server);
	assert_int_equal(f->n_held, 0);
	assert_int_equal(f->calls, f->closed_calls);
	loop_free(f->loop);
	free(f);
	return 0;
}

static int dial(struct fixture *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(http_server_port(f->server)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void say(struct fixture *f, int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t put = send(fd, p, n, MSG_NOSIGNAL);

		if (put > 0) {
			p += put;
			n -= (size_t)put;
		} else if (errno != EAGAIN) {
			return;
		}
		loop_turn(f->loop, put > 0 ? 0 : 10);
	}
}

static void say_text(struct fixture *f, int fd, const char *text)
{
	say(f, fd, text, strlen(text));
}

/* Turns the loop until cond holds; fails after 10 s. */
#define await(f, cond)                                                                             \
	do {                                                                                       \
		int64_t until_ = loop_clock_ns((f)->loop) + 10000000000;                           \
		while (!(cond)) {                                                                  \
			loop_turn((f)->loop, 5);                                                   \
			if (loop_clock_ns((f)->loop) > until_)                                     \
				fail_msg("waited for " #cond);                                     \
		}                                                                                  \
	} while (0)

/* Reads what there is; true at the end of the connection. */
static bool hear(int fd, struct buf *in)
{
	char bytes[65536];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		buf_append(in, bytes, (size_t)n);
	return n == 0 || errno != EAGAIN;
}

static bool has(struct buf *in, const char *what)
{
	return in->n && memmem(in->p, in->n, what, strlen(what));
}

/* Sends one request and returns all until the connection is closed by the server or `until` is read. */
static char *ask_until(struct fixture *f, const char *request, size_t n, const char *until)
{
	int fd = dial(f);
	struct buf in;
	char *out;
	bool closed = false;

	buf_init(&in, 1 << 24);
	say(f, fd, request, n);
	await(f, (closed = hear(fd, &in)) || (until && has(&in, until)));
	out = strdup(buf_cstr(&in));
	buf_fini(&in);
	close(fd);
	return out;
}

static void expect_n(struct fixture *f, const char *request, size_t n, const char *until)
{
	char *reply = ask_until(f, request, n, until);

	if (!strstr(reply, until))
		fail_msg("wanted '%s', got '%s' for '%.60s'", until, reply, request);
	free(reply);
}

static void expect(struct fixture *f, const char *request, const char *want)
{
	expect_n(f, request, strlen(request), want);
}

static void serves_http1(void **state)
{
	struct fixture *f = *state;

	expect(f, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n", "\r\n\r\nhello you");
	expect(f, "GET /hello?name=a%20b%26c HTTP/1.1\r\nHost: t\r\n\r\n", "\r\n\r\nhello a b&c");
	expect(f, "GET /hell%6f HTTP/1.1\r\nHost: t\r\n\r\n", "hello you");
	expect(f, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n", "X-Peer: 127.0.0.1:");
	expect(f, "HEAD /hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "Content-Length: 9\r\n");
	expect(f, "GET /etag HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 304 ");
	expect(f, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody", "\r\n\r\nbody");
	expect(f, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", "\r\n\r\nbody");
	expect(f, "PUT /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n", "Allow: POST\r\n");
	expect(f, "GET /none HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 404 ");
	/* two on one connection, the second in pieces */
	expect(f, "GET /hello?name=1 HTTP/1.1\r\nHost: t\r\n\r\nGET /hello?name=2 HTTP/1.1\r\nHost: t\r\n\r\n", "hello 2");
	assert_int_equal(http_server_stats(f->server)->requests_h1, 12);
}

static void refuses_what_is_ambiguous(void **state)
{
	static const char nul[] = "GET /hello\0 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
	struct fixture *f = *state;
	struct buf b;
	char *reply;

	expect(f, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nabcde", "HTTP/1.1 400 ");
	expect(f, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 ");
	expect(f, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 ");
	expect(f, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: +2\r\n\r\nab", "HTTP/1.1 400 ");
	expect(f, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 ");
	expect(f, "GET /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
	expect(f, "GET /a%2e%2e%2fb%00c HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 400 ");
	expect(f, "GET /hello%00 HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 400 ");
	expect(f, "GET /x/../hello HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 400 ");
	expect(f, "GET http://t/hello HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 400 ");
	expect(f, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413 ");
	expect(f, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 413 ");
	reply = ask_until(f, nul, sizeof(nul) - 1, NULL);
	assert_null(strstr(reply, " 200 "));
	free(reply);
	/* a chunked body over the limit; over 100 fields */
	buf_init(&b, 1 << 20);
	buf_str(&b, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 20; i++)
		buf_printf(&b, "64\r\n%0100d\r\n", i);
	buf_str(&b, "0\r\n\r\n");
	expect_n(f, b.p, b.n, "HTTP/1.1 413 ");
	buf_clear(&b);
	buf_str(&b, "GET /hello HTTP/1.1\r\nHost: t\r\n");
	for (int i = 0; i < 120; i++)
		buf_printf(&b, "x-%d: 1\r\n", i);
	buf_str(&b, "\r\n");
	expect_n(f, b.p, b.n, "HTTP/1.1 431 ");
	buf_fini(&b);
	assert_true(http_server_stats(f->server)->refused_requests >= 10);
}

static void long_polls(void **state)
{
	struct fixture *f = *state;
	int fds[HELD];
	struct buf in;

	for (int i = 0; i < HELD; i++) {
		fds[i] = dial(f);
		if (i % 2)
			say_text(f, fds[i], "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
		else
			say_text(f, fds[i], "POST /wait HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nab");
	}
	await(f, f->n_held == HELD);
	for (int i = 0; i < HELD / 2; i++)
		close(fds[i]);
	await(f, f->gone == HELD / 2);
	assert_int_equal(f->n_held, HELD / 2);
	await(f, http_server_listener_stats(f->server)->open == HELD / 2);
	release_all(f);
	buf_init(&in, 1 << 20);
	for (int i = HELD / 2; i < HELD; i++) {
		buf_clear(&in);
		await(f, hear(fds[i], &in) || has(&in, "released"));
		assert_true(has(&in, "HTTP/1.1 200 "));
		say_text(f, fds[i], "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n");	/* and the connection goes on */
		await(f, hear(fds[i], &in) || has(&in, "hello you"));
		assert_true(has(&in, "hello you"));
		close(fds[i]);
	}
	/* one is left to http_server_free */
	fds[0] = dial(f);
	say_text(f, fds[0], "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
	await(f, f->n_held == 1);
	close(fds[0]);
	buf_fini(&in);
}

static void held_until_the_end(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), silent = dial(f);

	say_text(f, fd, "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
	await(f, f->n_held == 1);
	http_server_free(f->server);
	f->server = NULL;
	assert_int_equal(f->gone, 1);
	close(fd);
	close(silent);
}

static void cuts_the_slow(void **state)
{
	struct fixture *f = *state;
	int silent = dial(f), dawdler = dial(f), idler = dial(f), refused;
	bool gone[3] = {false};
	struct buf in;

	buf_init(&in, 1 << 20);
	say_text(f, dawdler, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\n");
	say_text(f, idler, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n");
	await(f, hear(idler, &in) || has(&in, "hello you"));
	refused = dial(f);
	await(f, hear(refused, &in));			/* the fourth of three */
	assert_int_equal(http_server_listener_stats(f->server)->refused, 1);
	while (!gone[0] || !gone[1] || !gone[2]) {
		if (!gone[1])
			send(dawdler, "x", 1, MSG_NOSIGNAL);	/* a byte now and then is no help */
		loop_turn(f->loop, 20);
		gone[0] |= hear(silent, &in);
		gone[1] |= hear(dawdler, &in);
		gone[2] |= hear(idler, &in);
	}
	assert_int_equal(http_server_stats(f->server)->cut_slow, 3);
	await(f, !http_server_listener_stats(f->server)->open);
	close(silent);
	close(dawdler);
	close(idler);
	close(refused);
	buf_fini(&in);
}

/* An HTTP/2 client on a socket. */
struct client {
	nghttp2_session *ng;
	int fd;
	struct buf body, out;
	int status, goaway;
	bool closed, ended, over;
};

static int on_header(nghttp2_session *ng, const nghttp2_frame *fr, const uint8_t *name, size_t n_name, const uint8_t *value,
		     size_t n, uint8_t flags, void *arg)
{
	struct client *c = arg;

	(void)ng;
	(void)fr;
	(void)n_name;
	(void)n;
	(void)flags;
	if (!strcmp((const char *)name, ":status"))
		c->status = atoi((const char *)value);
	return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct client *c = arg;

	(void)ng;
	(void)flags;
	(void)id;
	buf_append(&c->body, p, n);
	return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t error, void *arg)
{
	struct client *c = arg;

	(void)ng;
	(void)id;
	(void)error;
	c->closed = true;
	return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *fr, void *arg)
{
	struct client *c = arg;

	(void)ng;
	if (fr->hd.type == NGHTTP2_GOAWAY)
		c->goaway++;
	return 0;
}

static void client_open(struct client *c, struct fixture *f)
{
	nghttp2_session_callbacks *cb;

	*c = (struct client){.fd = dial(f)};
	buf_init(&c->body, 1 << 26);
	buf_init(&c->out, 1 << 24);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_client_new(&c->ng, cb, c);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(c->ng, 0, NULL, 0);
}

static void client_close(struct client *c)
{
	nghttp2_session_del(c->ng);
	buf_fini(&c->body);
	buf_fini(&c->out);
	if (c->fd >= 0)
		close(c->fd);
}

static void client_turn(struct client *c, bool reads)
{
	struct buf in;
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->ng, &p)) > 0)
		buf_append(&c->out, p, (size_t)n);
	if (c->out.n) {
		n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL);
		if (n > 0)
			buf_consume(&c->out, (size_t)n);
	}
	if (!reads)
		return;
	buf_init(&in, 1 << 26);
	c->over |= hear(c->fd, &in);
	if (in.n)
		nghttp2_session_mem_recv(c->ng, (uint8_t *)in.p, in.n);
	buf_fini(&in);
}

static void client_get(struct client *c, const char *path)
{
	nghttp2_nv nv[] = {
		{(uint8_t *)(uintptr_t)":method", (uint8_t *)(uintptr_t)"GET", 7, 3, 0},
		{(uint8_t *)(uintptr_t)":path", (uint8_t *)(uintptr_t)path, 5, strlen(path), 0},
		{(uint8_t *)(uintptr_t)":scheme", (uint8_t *)(uintptr_t)"http", 7, 4, 0},
		{(uint8_t *)(uintptr_t)":authority", (uint8_t *)(uintptr_t)"t", 10, 1, 0},
	};

	c->closed = false;
	nghttp2_submit_request(c->ng, NULL, nv, 4, NULL, NULL);
}

static ssize_t read_nothing(nghttp2_session *ng, int32_t id, uint8_t *out, size_t room, uint32_t *flags, nghttp2_data_source *src,
			    void *arg)
{
	(void)ng;
	(void)id;
	(void)out;
	(void)room;
	(void)flags;
	(void)src;
	(void)arg;
	return NGHTTP2_ERR_DEFERRED;
}

static void client_call(struct client *c)
{
	nghttp2_data_provider body = {.read_callback = read_nothing};
	nghttp2_nv nv[] = {
		{(uint8_t *)(uintptr_t)":method", (uint8_t *)(uintptr_t)"POST", 7, 4, 0},
		{(uint8_t *)(uintptr_t)":path", (uint8_t *)(uintptr_t)"/t.Echo/Echo", 5, 12, 0},
		{(uint8_t *)(uintptr_t)":scheme", (uint8_t *)(uintptr_t)"http", 7, 4, 0},
		{(uint8_t *)(uintptr_t)":authority", (uint8_t *)(uintptr_t)"t", 10, 1, 0},
		{(uint8_t *)(uintptr_t)"te", (uint8_t *)(uintptr_t)"trailers", 2, 8, 0},
		{(uint8_t *)(uintptr_t)"content-type", (uint8_t *)(uintptr_t)"application/grpc", 12, 16, 0},
	};

	c->closed = false;
	nghttp2_submit_request(c->ng, NULL, nv, ARRAY_LEN(nv), &body, NULL);
}

static void both_protocols_on_one_port(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_get(&c, "/hello?name=h2");
	await(f, (client_turn(&c, true), c.closed));
	assert_int_equal(c.status, 200);
	assert_string_equal(buf_cstr(&c.body), "hello h2");
	expect(f, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n", "hello you");
	buf_clear(&c.body);
	client_get(&c, "/big");
	await(f, (client_turn(&c, true), c.closed));
	assert_int_equal(c.body.n, BIG);
	client_get(&c, "/wait");
	await(f, (client_turn(&c, true), f->n_held));
	close(c.fd);
	c.fd = -1;
	await(f, f->gone == 1);
	await(f, !http_server_open_h2(f->server));
	client_close(&c);
}

static void preface_in_pieces(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct fixture *f = *state;
	int fd = dial(f), put = dial(f), cut = dial(f);
	struct buf in;

	buf_init(&in, 1 << 20);
	for (size_t i = 0; i < sizeof(preface) - 1; i++)
		say(f, fd, preface + i, 1);
	await(f, hear(fd, &in) || in.n >= 9);
	assert_int_equal(in.p[3], 4);			/* SETTINGS */
	buf_clear(&in);
	for (const char *s = "PUT /hello HTTP/1.1\r\nHost: t\r\n\r\n"; *s; s++)
		say(f, put, s, 1);
	await(f, hear(put, &in) || has(&in, " 405 "));
	buf_clear(&in);
	say_text(f, cut, "PR");
	shutdown(cut, SHUT_WR);
	await(f, hear(cut, &in));
	close(fd);
	close(put);
	close(cut);
	buf_fini(&in);
}

/* A client that does not read costs a buffer; the others are served meanwhile. */
static void slow_reader_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct client c;
	char *big = calloc(1, 1 << 20);
	int sent = 0;

	client_open(&c, f);
	client_call(&c);
	nghttp2_session_set_local_window_size(c.ng, 0, 0, 1 << 30);
	nghttp2_session_set_local_window_size(c.ng, 0, 1, 1 << 30);
	await(f, (client_turn(&c, true), f->call));
	/* as the push does: only when the last one has left */
	for (int i = 0; i < 200; i++) {
		if (!grpc_pending(f->call)) {
			grpc_send(f->call, big, 1 << 20);
			sent++;
		}
		client_turn(&c, false);
		loop_turn(f->loop, 1);
	}
	assert_true(sent < 50);
	expect(f, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n", "hello you");
	await(f, (client_turn(&c, true), c.body.n == (size_t)sent * ((1 << 20) + 5)));
	assert_true(f->writable >= 1);
	client_close(&c);
	await(f, f->closed_calls == 1);
	free(big);
}

static void drains(void **state)
{
	struct fixture *f = *state;
	struct client c, idle;

	client_open(&c, f);
	client_open(&idle, f);
	client_call(&c);
	await(f, (client_turn(&c, true), client_turn(&idle, true), f->call && http_server_open_h2(f->server) == 2));
	http_server_drain(f->server, 50);
	await(f, (client_turn(&c, true), client_turn(&idle, true), c.goaway && idle.over));
	assert_false(c.closed);
	grpc_finish(f->call, GRPC_UNAVAILABLE, "shutting down");
	await(f, (client_turn(&c, true), c.over));
	assert_true(c.closed);
	client_close(&c);
	client_close(&idle);
	await(f, !http_server_open_h2(f->server));
}

static void addresses(void **state)
{
	static const char *const bad[] = {"", "80", "localhost:80", "1.2.3.4:70000", "::1:80", "[::1]", "1.2.3.4:", "[1.2.3.4:80", NULL};
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	char text[PEER_TEXT];
	struct fixture *f = *state;
	struct http_server_opts opts = {.bind = "[::1]:0"};
	struct http_server *s;
	struct err e;

	for (const char *const *b = bad; *b; b++) {
		opts.bind = *b;
		assert_null(http_server_open(f->loop, &opts, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
	}
	opts.bind = ":0";
	s = http_server_open(f->loop, &opts, &e);
	assert_non_null(s);
	assert_true(http_server_port(s) != 0);
	snprintf(text, sizeof(text), "127.0.0.1:%u", http_server_port(s));
	opts.bind = text;
	assert_null(http_server_open(f->loop, &opts, &e));	/* taken */
	http_server_free(s);
	inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr);
	assert_string_equal(conn_addr_text((struct sockaddr *)&mapped, text), "10.1.2.3:7");
	inet_pton(AF_INET6, "2001:db8::1", &mapped.sin6_addr);
	assert_string_equal(conn_addr_text((struct sockaddr *)&mapped, text), "[2001:db8::1]:7");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(serves_http1), CASE(refuses_what_is_ambiguous), CASE(long_polls), CASE(held_until_the_end),
		cmocka_unit_test_setup_teardown(cuts_the_slow, setup_hasty, teardown), CASE(both_protocols_on_one_port),
		CASE(preface_in_pieces), CASE(slow_reader_is_bounded), CASE(drains), CASE(addresses),
	};

	return cmocka_run_group_tests_name("net/server", tests, NULL, NULL);
}
