/* SPDX-License-Identifier: Apache-2.0
 *
 * One port for gRPC, HTTP/2 and HTTP/1.1. The first bytes of a connection tell which: HTTP/2's
 * preface keeps the socket here, anything else goes to libmicrohttpd, which lives as a guest in our
 * loop. The same routes serve both. Who sends nothing, or too slowly, is cut by a deadline.
 * With a TLS context the port speaks TLS only, and ALPN tells the protocols apart.
 * Thread: loop.
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ev/loop.h"
#include "net/conn.h"
#include "net/grpc.h"
#include "net/h2.h"
#include "net/http.h"

struct http_server;
struct job_pool;
struct tls_ctx;

/* 0 = the default. The tables are borrowed. */
struct http_server_opts {
	const char *bind;		/* as listener_open */
	const struct http_entry *routes;
	size_t n_routes;
	const struct grpc_method *methods;
	size_t n_methods;
	void *arg;			/* of http_request and grpc_call */
	unsigned port;			/* of http_peer: which of the caller's ports this is */
	/* Asked before any handler; NULL: all may. admit_request replies itself when it says no. */
	http_admit_fn *admit_request;
	grpc_admit_fn *admit_call;
	struct tls_ctx *tls;		/* or NULL: plaintext. The server holds a reference */
	struct job_pool *jobs;		/* for handshakes; with tls */
	size_t max_body;		/* of a request; 1 MiB; more is 413 */
	size_t max_open;		/* connections; 20,000 */
	int64_t first_byte_ms;		/* 10 s; for the whole handshake with TLS: 5 s */
	int64_t request_ms;		/* for the headers, and again for the body or a message, with 1 KiB/s more; 10 s */
	int64_t idle_ms;		/* HTTP/1.1: between requests, and for a peer that does not read; 75 s */
};

struct http_server_stats {
	struct h2_stats h2;
	uint64_t requests_h1, requests_h2, calls;	/* plain, plain, gRPC */
	uint64_t refused_requests;	/* malformed, too large, ambiguous */
	uint64_t cut_slow;		/* by a deadline */
	uint64_t refused_memory;	/* unfinished requests together hold too much */
	uint64_t handshakes, failed_handshakes;
	uint64_t refused_handshakes;	/* too many at once: the newest are closed */
};

struct http_server *http_server_open(struct loop *l, const struct http_server_opts *opts, struct err *e);
/* For the connections to come; those that are open stay as they are, but for clients that are revoked now. */
void http_server_set_tls(struct http_server *s, struct tls_ctx *tls);
/* Stops accepting; each HTTP/2 connection gets its GOAWAY at a random moment within spread_ms, so that
 * its clients do not all come back at once. Held requests and streams go on until free. */
void http_server_drain(struct http_server *s, int64_t spread_ms);
/* Ends everything: calls are closed, held requests gone. NULL is fine. Not from inside a handler. */
void http_server_free(struct http_server *s);
uint16_t http_server_port(const struct http_server *s);
const struct http_server_stats *http_server_stats(const struct http_server *s);
const struct listener_stats *http_server_listener_stats(const struct http_server *s);
size_t http_server_open_h2(const struct http_server *s);	/* connections */

#endif
