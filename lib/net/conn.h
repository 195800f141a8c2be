/* SPDX-License-Identifier: Apache-2.0
 *
 * struct listener accepts; struct conn is a non-blocking pipe of bytes over one socket. What is
 * written is buffered up to a high mark; the owner asks for room and is told when the buffer is
 * low again, so that a slow peer costs its buffer and nothing else. An idle conn holds no buffer.
 * Thread: loop.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "ev/loop.h"

enum { PEER_TEXT = 64 };	/* "[2001:db8::1]:65535" and a NUL fit */

struct listener;

struct listener_stats {
	uint64_t accepted;
	uint64_t refused;	/* over the limit of connections: accepted and closed at once */
	uint64_t no_descriptor;	/* EMFILE and the like; accepting paused for a moment */
	size_t open;
};

/* The callee owns fd, which is non-blocking and close-on-exec, and calls listener_closed once for
 * each when it is closed. */
typedef void listener_fn(void *arg, int fd, const struct sockaddr *addr, socklen_t addr_len);

/* bind: "127.0.0.1:15010", "[::1]:0", ":8080" (all addresses, both families). Port 0 = any.
 * "unix:PATH": a socket that only our user may open; one that is left over is replaced. */
struct listener *listener_open(struct loop *l, const char *bind, size_t max_open, listener_fn *accepted,
			       void *arg, struct err *e);
void listener_stop(struct listener *ls);	/* accepting; its connections live on */
void listener_close(struct listener *ls);	/* all its connections are closed; NULL is fine */
uint16_t listener_port(const struct listener *ls);
void listener_closed(struct listener *ls);
const struct listener_stats *listener_stats(const struct listener *ls);

/* "10.0.0.1:4711", "[::1]:4711"; IPv4 in IPv6 as IPv4. Returns out. */
char *conn_addr_text(const struct sockaddr *addr, char out[PEER_TEXT]);

struct conn;
struct job_pool;
struct tls;

struct conn_events {
	/* The handshake of a conn with TLS is over. Or NULL. */
	void (*opened)(void *arg);
	/* n > 0 bytes; n = 0: the peer has sent all it will (once). */
	void (*received)(void *arg, const uint8_t *p, size_t n);
	/* What had to be buffered has left, but for the low mark. Or NULL. */
	void (*writable)(void *arg);
	/* The socket broke, or the deadline passed; why is for the log. The owner must then conn_close. */
	void (*failed)(void *arg, const char *why);
};

enum {
	CONN_HIGH = 256 * 1024, CONN_LOW = 64 * 1024,
	CONN_STALL_MS = 60000,	/* a peer that takes nothing of what is buffered has failed */
};

/* Owns fd from here on. */
struct conn *conn_new(struct loop *l, int fd, const struct conn_events *events, void *arg);
/* The same over TLS: what the events give and conn_send takes is plaintext. Owns tls. The handshake's
 * arithmetic, half a millisecond and more, is done by a worker; nothing is sent before `opened`. */
struct conn *conn_new_tls(struct loop *l, struct job_pool *pool, int fd, struct tls *tls, const struct conn_events *events,
			  void *arg);
/* NULL: a conn without TLS. */
const struct tls *conn_tls(const struct conn *c);
/* From here on another owner's; inside the old one's callback too. */
void conn_hand_over(struct conn *c, const struct conn_events *events, void *arg);
/* At once; what is buffered is lost. Safe inside the conn's own callbacks, none follows. NULL is fine. */
void conn_close(struct conn *c);
/* Sends what is buffered, then ends the sending side; then `failed` is called with "closed" when the
 * peer has closed too or after linger_ms. */
void conn_finish(struct conn *c, int64_t linger_ms);

/* Writes what the socket takes now and buffers the rest. -1: failed has been called. */
int conn_send(struct conn *c, const void *p, size_t n);
size_t conn_tx_room(const struct conn *c);	/* up to the high mark; 0 = wait for writable */
size_t conn_tx_pending(const struct conn *c);
void conn_pause(struct conn *c, bool paused);	/* stops or resumes reading */
/* In ms from now `failed` is called with why; 0 = none. One a conn; a new one replaces it. */
void conn_deadline(struct conn *c, int64_t ms, const char *why);
const char *conn_peer(const struct conn *c);

#endif
