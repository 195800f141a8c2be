/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP request, whether it came by HTTP/1.1 or HTTP/2, and the table that routes it. A handler
 * is called when the body is complete; it replies, or holds the request (long poll) and replies from
 * the loop later. Thread: loop.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

struct http_header {
	const char *name, *value;
};

/* The other end of a connection; lives as long as it does. */
struct http_peer {
	const char *address;		/* text */
	unsigned port;			/* http_server_opts.port of the server that it came to */
	bool is_tls;
	const uint8_t *cert;		/* DER of its verified certificate, or NULL */
	size_t n_cert;
};

struct http_request;
typedef void http_gone_fn(struct http_request *req, void *arg);

struct http_request {
	const char *method;
	const char *path;		/* decoded: begins with '/', UTF-8, no control character, no "." or ".." segment */
	const struct http_header *query;	/* decoded, in order */
	size_t n_query;
	const struct http_header *headers;	/* in order; names as sent */
	size_t n_headers;
	const uint8_t *body;		/* until the handler returns */
	size_t n_body;
	const struct http_peer *from;
	const char *peer;		/* its address */
	void *arg;			/* of the server */
	struct arena *arena;		/* ends with the request */
	void *state;			/* the handler's own */
	const void *caller;		/* set by http_server_opts.admit_request */

	const struct http_transport *transport;	/* the rest is the transport's */
	bool held, replied;
	http_gone_fn *gone;
	void *gone_arg;
};

struct http_response {
	unsigned status;
	const char *content_type;	/* or NULL: none */
	const struct http_header *headers;
	size_t n_headers;
	struct buf body;		/* taken */
};

typedef void http_fn(struct http_request *req);

/* The most exact row wins: a whole path before a prefix, a longer prefix before a shorter. A GET row
 * answers HEAD too. A path that is known with other methods is 405, an unknown one 404. */
struct http_entry {
	const char *method;
	const char *path;		/* "/version"; with a star at its end: a prefix */
	http_fn *handler;
};

const char *http_query(const struct http_request *req, const char *name);	/* first, or NULL */
const char *http_header(const struct http_request *req, const char *name);	/* any case; first, or NULL */
/* What a browser on this machine sends when a page asks for what is here, by a name that its owner made point here (Host),
 * or from a page of elsewhere (Origin), is not this machine's own. Either is NULL when it was not sent. */
bool http_is_local(const char *host, const char *origin);

/* Ends the request: req is gone when this returns. */
void http_reply(struct http_request *req, struct http_response *resp);
void http_reply_text(struct http_request *req, unsigned status, const char *text);	/* text/plain */
/* Keeps the request beyond the handler. gone is called if the client leaves before the reply; req
 * is gone when it returns and must not be replied to. */
void http_hold(struct http_request *req, http_gone_fn *gone, void *arg);

/* Of a request that admit has held: its handler is called after all, with the body, which admit has copied. */
void http_resume(struct http_request *req, const struct http_entry *entry, const void *body, size_t n);

/* What follows is for the transports. */
struct http_transport {
	void (*reply)(struct http_request *req, struct http_response *resp);
};

/* Splits and decodes a request target ("/a%20b?x=1&y") into req->path and req->query. -1 when it is
 * not one that we serve: not in origin form, bad escape, escaped '/' or NUL, control character, not
 * UTF-8, "." or ".." as a segment, over 8 KiB, over 100 query parameters. */
int http_target_parse(const char *target, size_t n, struct arena *a, struct http_request *req);
/* Finds the handler and calls it if admit (or NULL) lets it, or replies 404 or 405. */
typedef bool http_admit_fn(struct http_request *req, const struct http_entry *entry);
void http_route(struct http_request *req, const struct http_entry *routes, size_t n, http_admit_fn *admit);

#endif
