/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's side of a WebSocket (RFC 6455), sans-I/O: the request that opens it, the check of
 * the answer, frames out (masked, as a client's must be) and messages in. No extensions, no
 * compression. What the server may send at once is bounded. Thread: one at a time.
 */
#ifndef NET_WEBSOCKET_H
#define NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	WEBSOCKET_HEADER_MAX = 32 * 1024, /* bytes of the answer's header */
	WEBSOCKET_MESSAGE_MAX = 4 * 1024 * 1024,
	WEBSOCKET_NONCE = 16,
};

struct websocket {
	char accept[32]; /* what the server has to answer to our key */
	const char *protocol;
	uint32_t seed;		/* of masks */
	struct buf in, message; /* unread bytes; a message of several frames */
	bool open, closed;
	unsigned opcode; /* of the message under way */
};

struct websocket_request {
	const char *target, *host, *user_agent;
	const char
	    *protocol; /* the one that is offered and must be taken; borrowed by the websocket */
	const char *const *headers; /* further ones, "Name: value" */
	size_t n_headers;
	uint8_t nonce[WEBSOCKET_NONCE]; /* random */
};

/* Appends the request to out. */
void websocket_init(struct websocket *ws, const struct websocket_request *r, struct buf *out);
void websocket_fini(struct websocket *ws);

/* n bytes from the server. -1: it is no WebSocket, or has failed: an answer other than 101 is told
 * with its status (404: ERR_NOT_FOUND, 401 and 403: ERR_REFUSED) and what came of its text. */
int websocket_receive(struct websocket *ws, const void *p, size_t n, struct err *e);
/* The next whole message into *p until the next call: 1; 0: there is none yet, or ever
 * (ws->closed). Pings are answered into out. -1: the server breaks the protocol. */
int websocket_next(struct websocket *ws, const uint8_t **p, size_t *n, struct buf *out,
		   struct err *e);
/* A binary message of one frame: channel, then n bytes. */
void websocket_send(struct websocket *ws, uint8_t channel, const void *p, size_t n,
		    struct buf *out);
void websocket_end(struct websocket *ws, struct buf *out);

#endif
