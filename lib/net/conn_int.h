/* SPDX-License-Identifier: Apache-2.0
 *
 * What conn.c and conn_tls.c share. Thread: loop.
 */
#ifndef NET_CONN_INT_H
#define NET_CONN_INT_H

#include "net/conn.h"

struct conn {
	struct loop *loop;
	int fd;
	struct loop_io io;
	const struct conn_events *events;
	void *arg;
	struct buf tx;
	size_t tx_sent;			/* of tx, from its front */
	bool owes_writable;
	bool paused, eof, finishing, shut, failed;
	bool closed;			/* freed when depth is 0 again */
	unsigned depth;			/* of our own callbacks under way */
	struct loop_timer deadline, stall;
	const char *deadline_why;
	struct conn_tls *tls;		/* or NULL: what is read and written is what is sent */
	char peer[PEER_TEXT];
};

void conn_fail(struct conn *c, const char *why);
/* Callbacks run between these; a conn that they close is freed at the end. */
void conn_enter(struct conn *c);
void conn_leave(struct conn *c);
/* Waits for what is wanted now. */
void conn_watch(struct conn *c);
int conn_send_raw(struct conn *c, const void *p, size_t n);

/* Bytes from the socket; n 0: its end. */
void conn_tls_received(struct conn_tls *t, const uint8_t *p, size_t n);
int conn_tls_send(struct conn_tls *t, const void *p, size_t n);
void conn_tls_end(struct conn_tls *t);		/* says that nothing more comes */
bool conn_tls_is_busy(const struct conn_tls *t);	/* a worker has it: nothing may be read */
void conn_tls_close(struct conn_tls *t);	/* the conn is going away; NULL is fine */
bool conn_tls_is_open(const struct conn_tls *t);

#endif
