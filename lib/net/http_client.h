/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP requests to others, over libcurl's multi interface on our loop: HTTP/2 where TLS agrees on it,
 * all calls of one origin over as few connections as its stream limit allows. TLS is always verified. A
 * body is handed out as it comes, or gathered by its reader's cap; every wait is bounded. Redirects are not followed.
 * Thread: loop.
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "ev/loop.h"

struct http_client;
struct http_call;

/* PEM texts; all copied. */
struct http_tls {
	const char *ca;			/* whom to trust, and nobody else; NULL: the system's authorities */
	const char *cert, *key;		/* our own, or NULL */
	const char *server_name;	/* that its certificate must have, when not the URL's; or NULL */
};

struct http_answer {
	unsigned status;
	int64_t retry_after_ms;		/* -1: not said */
};

/* Of a call whose answer is looked at when it is whole. */
struct http_whole {
	struct http_answer answer;	/* status 0: none came */
	struct buf body;		/* with its owner's cap; `failed`: the body was longer */
};

/* No event comes before http_call_start has returned. A call may be cancelled from any of them. */
struct http_call_events {
	void (*answered)(void *arg, const struct http_answer *answer);	/* the header is complete */
	void (*received)(void *arg, const char *p, size_t n);
	/* Once; the call is gone. why NULL: the body is complete. */
	void (*ended)(void *arg, const struct err *why);
};

struct http_call_opts {
	const char *method, *url;	/* http:// or https:// */
	const char *const *headers;	/* "Name: value" */
	size_t n_headers;
	const void *body;		/* or NULL; copied */
	size_t n_body;
	const struct http_tls *tls;	/* or NULL */
	const char *proxy;		/* URL; NULL: as the environment says */
	int64_t idle_ms;		/* without a byte, from the start on; 0 = total_ms bounds it */
	int64_t total_ms;		/* 0 = a stream, which idle_ms bounds */
	const struct http_call_events *events;
	struct http_whole *whole;	/* or NULL: emptied, and filled in place of the events answered and received */
	void *arg;
};

/* NULL and an err without memory. user_agent: an API server indents its JSON for curl's and for none. */
struct http_client *http_client_new(struct loop *l, const char *user_agent, struct err *e);
void http_client_free(struct http_client *c);	/* cancels what is open; NULL is fine */
/* SO_MARK of connections opened from now on, 0: none. One that may not be set fails the call, and is logged. */
void http_client_set_mark(struct http_client *c, int mark);

struct http_call *http_call_start(struct http_client *c, const struct http_call_opts *o);
/* No event follows. NULL is fine. */
void http_call_cancel(struct http_call *call);

#endif
