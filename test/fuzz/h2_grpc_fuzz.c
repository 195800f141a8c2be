/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection's bytes into the HTTP/2, gRPC and plain-request core. The first byte says how they are
 * cut and whether the client's preface and SETTINGS go before them; time passes with every piece.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/must.h"
#include "net/http_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo_open(struct grpc_call *call)
{
	call->state = malloc(1);	/* a leak if closed is not called */
}

static void echo_message(struct grpc_call *call, const uint8_t *p, size_t n)
{
	must(n <= GRPC_MESSAGE_MAX);
	if (n && p[0] == 'e')
		grpc_finish(call, GRPC_ABORTED, "by message");
	else if (grpc_pending(call) < 1 << 20)
		grpc_send(call, p, n);
}

static void echo_half_close(struct grpc_call *call)
{
	grpc_finish(call, GRPC_OK, NULL);
}

static void echo_closed(struct grpc_call *call)
{
	free(call->state);
}

static const struct grpc_method methods[] = {
	{.path = "/t.Echo/Echo", .open = echo_open, .message = echo_message, .half_close = echo_half_close, .closed = echo_closed},
};

static void on_gone(struct http_request *req, void *arg)
{
	(void)arg;
	free(req->state);
}

static void handle(struct http_request *req)
{
	struct http_response resp = {.status = 200, .content_type = "text/plain"};

	if (http_query(req, "hold")) {
		req->state = malloc(1);
		http_hold(req, on_gone, NULL);
		return;
	}
	buf_init(&resp.body, 1 << 20);
	buf_append(&resp.body, req->body, req->n_body);
	http_reply(req, &resp);
}

static const struct http_entry routes[] = {{"GET", "/*", handle}, {"POST", "/*", handle}};

static void on_wants_send(void *arg)
{
	*(bool *)arg = true;
}

static void flush(struct http2 *c, bool *wants)
{
	struct buf out;

	if (!*wants)
		return;
	*wants = false;
	buf_init(&out, 1 << 24);
	http2_send(c, &out, 1 << 16);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct http_core core = {.opts = {.routes = routes, .n_routes = 2, .methods = methods, .n_methods = 1, .max_body = 4096}};
	static const struct http_peer from = {.address = "peer"};
	bool wants = false;
	struct http2 *c;
	size_t piece;
	int64_t now = 0;
	struct err e;

	if (!size)
		return 0;
	c = http2_new(&core, &from, on_wants_send, &wants, now);
	piece = (size_t)(data[0] & 0x7f) + 1;
	if (!(data[0] & 0x80))
		http2_receive(c, preface, sizeof(preface) - 1, now, &e);
	for (size_t i = 1; i < size; i += piece) {
		size_t n = size - i < piece ? size - i : piece;

		if (http2_receive(c, data + i, n, now, &e))
			break;
		if (data[i] & 1)	/* a peer that does not read all the time */
			flush(c, &wants);
		now += data[i];
		if (http2_tick(c, now) < 0)
			break;
	}
	flush(c, &wants);
	http2_free(c);
	return 0;
}
