/* SPDX-License-Identifier: Apache-2.0
 *
 * The server side of one HTTP/2 connection (RFC 9113) over nghttp2. Sans-I/O: bytes in, bytes out,
 * the caller's clock. A stream's response body is a buffer that may be appended to as long as the
 * stream lives; flow control decides when it leaves. Everything a peer can make us do is bounded:
 * each bound has a counter.
 * h2_send is never called from inside an event. Thread: loop.
 */
#ifndef NET_H2_H
#define NET_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/http.h"

enum {
	H2_STREAMS_MAX = 1000,		/* concurrent */
	H2_HEADER_BYTES_MAX = 64 * 1024,	/* decoded, 32 more a field (RFC 9113 6.5.2) */
	H2_HEADERS_MAX = 100,
	H2_WINDOW = 1024 * 1024,	/* of a stream; the connection has four times that */
	H2_RESET_BURST = 100, H2_RESET_PER_S = 33,	/* streams reset by, or because of, the peer */
	H2_CONTROL_BURST = 10000, H2_CONTROL_PER_S = 1000,	/* PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA */
	H2_BODY_MAX = 64 * 1024 * 1024,	/* of a response, waiting to be sent */
	H2_HEADERS_MS = 10000,		/* from connecting to the first SETTINGS, and for one header block */
	H2_PING_AFTER_MS = 30000,	/* without a byte from the peer; twice that ends the connection */
};

/* Why a stream or a connection was refused. */
enum h2_refusal {
	H2_REFUSED_PREFACE,	/* connection */
	H2_REFUSED_PROTOCOL,	/* connection: a frame that breaks the protocol */
	H2_REFUSED_RESETS,	/* connection: reset flood */
	H2_REFUSED_CONTROL,	/* connection: flood of frames that carry nothing, ACKs, CONTINUATIONs */
	H2_REFUSED_STREAMS,	/* stream: over the concurrent limit */
	H2_REFUSED_HEADERS,	/* stream: header list too large, answered 431 */
	H2_REFUSED_KEEPALIVE,	/* connection: no answer to a PING */
	H2_REFUSED_SLOW,	/* connection: over H2_HEADERS_MS */
	H2_REFUSALS
};

/* Of any number of connections; given by the owner. */
struct h2_stats {
	uint64_t streams;
	uint64_t refused[H2_REFUSALS];
};
const char *h2_refusal_name(enum h2_refusal r);	/* a metric label: "reset_flood" */

struct h2;
struct h2_stream;

struct h2_events {
	/* The headers of a request are complete and valid. Set the stream's user pointer here. */
	void (*request)(void *arg, struct h2_stream *st);
	void (*data)(void *arg, struct h2_stream *st, const uint8_t *p, size_t n);
	void (*end)(void *arg, struct h2_stream *st);	/* the peer has sent all of the request */
	void (*drained)(void *arg, struct h2_stream *st);	/* the body's buffer became empty */
	/* Always the last, also at h2_free. error: 0 or an HTTP/2 error code. */
	void (*closed)(void *arg, struct h2_stream *st, uint32_t error);
	/* There is something for h2_send; once until h2_send is called. */
	void (*wants_send)(void *arg);
};

struct h2 *h2_new(const struct h2_events *events, void *arg, struct h2_stats *stats, int64_t now_ms);
void h2_free(struct h2 *h);	/* closes all streams; NULL is fine; not from inside an event */
/* Bytes from the peer. -1: the connection is over; send what h2_send still gives, then close. */
int h2_receive(struct h2 *h, const void *p, size_t n, int64_t now_ms, struct err *e);
/* Appends bytes for the peer to out until it holds about limit bytes or there are none. */
void h2_send(struct h2 *h, struct buf *out, size_t limit);
bool h2_is_over(const struct h2 *h);	/* nothing more will be received or sent */
/* Keepalive and deadlines. Returns the time of the next call that is needed, or -1 with the connection over. */
int64_t h2_tick(struct h2 *h, int64_t now_ms);
int64_t h2_due_ms(const struct h2 *h);	/* that time; what is received may bring it nearer */
/* GOAWAY: running streams go on, new ones are refused; h2_is_over when the last has ended. */
void h2_drain(struct h2 *h);

/* The request. Texts live as long as the stream. */
const char *h2_method(const struct h2_stream *st);
const char *h2_path(const struct h2_stream *st);	/* raw, with the query */
const char *h2_authority(const struct h2_stream *st);	/* or "" */
const char *h2_header(const struct h2_stream *st, const char *name);	/* lower case; first; or NULL */
const struct http_header *h2_headers(const struct h2_stream *st, size_t *n);	/* without pseudo headers */
struct arena *h2_arena(struct h2_stream *st);	/* ends with the stream */
void *h2_user(const struct h2_stream *st);
void h2_set_user(struct h2_stream *st, void *user);

/* The response: first the headers, once. end: there is no body and no trailer. */
void h2_respond(struct h2_stream *st, unsigned status, const struct http_header *headers, size_t n, bool end);
bool h2_responded(const struct h2_stream *st);
/* The body's buffer, to append to; then h2_flush. What was appended before stays until it is sent. */
struct buf *h2_body(struct h2_stream *st);
void h2_flush(struct h2_stream *st);
size_t h2_body_pending(const struct h2_stream *st);
/* Ends the response behind the body, with trailers if n > 0. */
void h2_finish(struct h2_stream *st, const struct http_header *trailers, size_t n);
void h2_reset(struct h2_stream *st, uint32_t error);	/* RST_STREAM; closed follows later */

#endif
