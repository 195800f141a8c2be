/* SPDX-License-Identifier: Apache-2.0
 *
 * The two transports of net/http_server.h.
 * struct http2: one HTTP/2 connection with its gRPC calls and plain requests; sans-I/O.
 * struct http1: libmicrohttpd as a guest of the loop.
 * struct pump: HTTP/1.1 over TLS; libmicrohttpd gets one end of a pair of sockets. Thread: loop.
 */
#ifndef NET_HTTP_INT_H
#define NET_HTTP_INT_H

#include "net/http_server.h"

/* What all connections of a server share. */
struct http_core {
	struct loop *loop;		/* NULL where there is only a sans-I/O core */
	struct http_server_opts opts;	/* with the defaults filled in */
	struct http_server_stats stats;
	size_t rx_held;			/* bytes of requests that are arriving or wait for their answer */
	bool draining;
};

enum {
	HTTP_RX_HELD_MAX = 32 * 1024 * 1024,	/* of rx_held; who would pass it is refused */
	HTTP_RX_CONN_MAX = 8 * 1024 * 1024,	/* of one HTTP/2 connection */
	HTTP_BYTES_PER_S = 1024,	/* a body may come that slowly, beyond request_ms */
};

struct http2;
/* from is borrowed. wants_send: there is something for http2_send; as h2_events.wants_send. */
struct http2 *http2_new(struct http_core *core, const struct http_peer *from, loop_fn *wants_send, void *arg,
			int64_t now_ms);
void http2_free(struct http2 *c);	/* ends its calls; held requests are gone; NULL is fine */
int http2_receive(struct http2 *c, const void *p, size_t n, int64_t now_ms, struct err *e);
void http2_send(struct http2 *c, struct buf *out, size_t limit);
bool http2_is_over(const struct http2 *c);
void http2_drain(struct http2 *c);
/* Keepalive and deadlines of calls. Returns when to be called next, -1: the connection is over. */
int64_t http2_tick(struct http2 *c, int64_t now_ms);
int64_t http2_due_ms(const struct http2 *c);	/* the same without doing anything; a new call may bring it nearer */

struct http1;
struct http1 *http1_open(struct http_core *core, struct err *e);
void http1_close(struct http1 *h);	/* held requests are gone; NULL is fine */
/* Hands a socket over; closed(arg) is called once when it is closed, also on failure. cert: of a peer that
 * came over TLS, copied; n 0: it showed none. */
void http1_add(struct http1 *h, int fd, const struct sockaddr *addr, socklen_t len);
void http1_add_tls(struct http1 *h, int fd, const struct sockaddr *addr, socklen_t len, const uint8_t *cert, size_t n);
void http1_on_closed(struct http1 *h, loop_fn *closed, void *arg);

struct pump;
/* Owns both; carries bytes between them until either ends, then closes both. ended(arg) is called once, the pump is
 * gone when it returns; not from inside pump_new. */
struct pump *pump_new(struct loop *l, struct conn *outer, int inner_fd, loop_fn *ended, void *arg);
void pump_close(struct pump *p);	/* without calling ended */

#endif
