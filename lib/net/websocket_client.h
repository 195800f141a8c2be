/* SPDX-License-Identifier: Apache-2.0
 *
 * A WebSocket to a server, for command lines: each call blocks, no wait is longer than the timeout.
 * TLS as http_client has it. Thread: any.
 */
#ifndef NET_WEBSOCKET_CLIENT_H
#define NET_WEBSOCKET_CLIENT_H

#include "net/http_client.h"
#include "net/websocket.h"

struct websocket_client;

struct websocket_client_opts {
	const char *url;		   /* http:// or https:// */
	const char *protocol, *user_agent; /* borrowed until the close */
	const char *const *headers;
	size_t n_headers;
	const struct http_tls *tls; /* or NULL */
	const char *proxy;	    /* or NULL: as the environment says */
	const uint8_t *nonce;	    /* WEBSOCKET_NONCE random bytes */
	int64_t timeout_ms;
};

/* Opened, or NULL and why not (as websocket_receive has it). */
struct websocket_client *websocket_client_open(const struct websocket_client_opts *o,
					       struct err *e);
void websocket_client_close(struct websocket_client *c); /* NULL is fine */
int websocket_client_send(struct websocket_client *c, uint8_t channel, const void *p, size_t n,
			  struct err *e);
/* The next message, until the next call: 1; 0: the server has closed. */
int websocket_client_receive(struct websocket_client *c, const uint8_t **p, size_t *n,
			     struct err *e);

#endif
