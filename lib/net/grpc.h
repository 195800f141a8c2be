/* SPDX-License-Identifier: Apache-2.0
 *
 * gRPC over HTTP/2, server side: methods from a table, messages out of DATA frames however they are
 * cut, status in trailers. Sans-I/O as h2. Messages are bounded before they are buffered; compressed
 * ones are refused (12). Paths are compared as raw bytes: a spelling of a method that is not exact is
 * an unknown method. Source: the gRPC over HTTP2 protocol document. Thread: loop.
 */
#ifndef NET_GRPC_H
#define NET_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/h2.h"

enum { GRPC_MESSAGE_MAX = 4 * 1024 * 1024 };

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
	GRPC_WAIT = -1,		/* of grpc_admit_fn alone: grpc_admit says it later */
};

struct grpc_method;

/* One call. The fields are for reading, but state. */
struct grpc_call {
	const struct grpc_method *method;
	void *arg;		/* of the server: http_server_opts.arg */
	void *state;		/* the method's own */
	const void *caller;	/* set by grpc_admit_fn */
	const struct http_peer *from;	/* lives as long as the call */
	const char *peer;	/* its address */
	int64_t deadline_ms;	/* from grpc-timeout, in the loop's clock; 0 = none */
	struct h2_stream *stream;
	struct buf rx;		/* a message that has not arrived whole */
	uint8_t prefix[5];
	uint8_t n_prefix;
	bool finished;
	bool refused;		/* for what is no message: compressed, too large, cut short */
	bool waiting;		/* not admitted: what arrives is kept in rx, and the method has not heard of it */
	bool ended;		/* ... and nothing more will */
	void (*dropped)(struct grpc_call *call);	/* set by who said GRPC_WAIT: its client has left meanwhile */
	void *admission;	/* its own */
};

/* Each may call grpc_finish; after it only closed follows. message and half_close may be NULL. */
struct grpc_method {
	const char *path;	/* "/package.Service/Method" */
	const void *info;	/* the owner's */
	void (*open)(struct grpc_call *call);
	void (*message)(struct grpc_call *call, const uint8_t *p, size_t n);
	void (*half_close)(struct grpc_call *call);	/* the client will send no more */
	void (*writable)(struct grpc_call *call);	/* all that was sent has left; or NULL */
	void (*closed)(struct grpc_call *call);		/* always the last: free the state; or NULL */
};

/* GRPC_OK, or what the call ends with, and why; its memory is the stream's arena. */
typedef enum grpc_status grpc_admit_fn(struct grpc_call *call, const char **why);
/* After GRPC_WAIT, once, unless it was dropped. */
void grpc_admit(struct grpc_call *call, enum grpc_status status, const char *why);

const char *grpc_header(const struct grpc_call *call, const char *name);	/* lower case; or NULL */
/* Sends one message. Unbounded sends are the caller's fault: wait for writable. */
void grpc_send(struct grpc_call *call, const void *p, size_t n);
/* The same in place: append exactly one message to the buffer, then grpc_send_end. */
struct buf *grpc_send_begin(struct grpc_call *call, size_t *mark);
void grpc_send_end(struct grpc_call *call, size_t mark);
/* Bytes that have not left yet. */
size_t grpc_pending(const struct grpc_call *call);
/* Ends the call; message may be NULL. Later calls of it are ignored. */
void grpc_finish(struct grpc_call *call, enum grpc_status status, const char *message);

/* For whoever dispatches streams (net/http_h2.c). */
bool grpc_is_request(const struct h2_stream *st);	/* by content-type */
/* The call of a new gRPC request, or NULL when it has been answered with an error, which admit (or NULL)
 * may have asked for. Its memory is the stream's arena. */
struct grpc_call *grpc_open(struct h2_stream *st, const struct grpc_method *methods, size_t n,
			    void *arg, grpc_admit_fn *admit, const struct http_peer *from, int64_t now_ms);
void grpc_receive(struct grpc_call *call, const uint8_t *p, size_t n);
void grpc_half_close(struct grpc_call *call);
void grpc_closed(struct grpc_call *call);
/* "<1-8 digits><H|M|S|m|u|n>" to ms, rounded up; -1 if it is none. */
int64_t grpc_timeout_ms(const char *text);

#endif
