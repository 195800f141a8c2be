/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "net/http_int.h"
#include "net/tls.h"

enum { TELL = 4 /* bytes that tell the protocols apart: "PRI " */, LINGER_MS = 1000, BUFFERS_A_TURN = 16,
       OUT_CAP = 4 * 1024 * 1024 /* far over CONN_HIGH */,
       SHAKING_MAX = 2000 /* handshakes at once */, HANDSHAKE_MS = 5000 };

/* A connection that has not told yet which protocol it speaks. */
struct guest {
	struct http_server *server;
	struct guest *next, **at;
	int fd;
	struct loop_io io;
	struct loop_timer first_byte;
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

/* A connection whose TLS handshake is not over. */
struct shaking {
	struct http_server *server;
	struct shaking *next, **at;
	struct conn *conn;
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

/* HTTP/1.1 over TLS. */
struct pumped {
	struct http_server *server;
	struct pumped *next, **at;
	struct pump *pump;
	struct conn *conn;		/* the pump's */
};

struct h2_conn {
	struct http_server *server;
	struct h2_conn *next, **at;
	struct conn *conn;
	struct http_peer from;
	struct http2 *http2;		/* NULL: over, what is left is being sent */
	struct loop_task flush;
	struct loop_timer tick, drain;
};

struct http_server {
	struct http_core core;
	struct listener *listener;
	uint16_t port;
	struct http1 *http1;
	struct tls_ctx *tls;		/* of the next handshake; NULL: plaintext */
	struct guest *guests;
	struct shaking *shaking;
	size_t n_shaking;
	struct pumped *pumped;
	struct h2_conn *h2_conns;
	size_t n_h2;
	struct loop_timer evict;
	struct buf out;			/* of whichever HTTP/2 connection is sending */
};

/* HTTP/2 connections */

static void h2_conn_close(struct h2_conn *c)
{
	struct http_server *s = c->server;

	loop_task_stop(&c->flush);
	loop_timer_stop(s->core.loop, &c->tick);
	loop_timer_stop(s->core.loop, &c->drain);
	http2_free(c->http2);
	loop_task_stop(&c->flush);
	conn_close(c->conn);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	s->n_h2--;
	free(c);
	listener_closed(s->listener);
}

static void on_tick(void *arg);

static void set_tick(struct h2_conn *c, int64_t due_ms)
{
	int64_t wait = due_ms - loop_now_ms(c->server->core.loop);

	loop_timer_start(c->server->core.loop, &c->tick, wait > 0 ? wait : 0, on_tick, c);
}

static void h2_conn_finish(struct h2_conn *c)
{
	struct http2 *over = c->http2;

	c->http2 = NULL;
	http2_free(over);
	loop_task_stop(&c->flush);
	loop_timer_stop(c->server->core.loop, &c->tick);
	conn_finish(c->conn, LINGER_MS);
}

static void on_wants_send(void *arg);

/* Sends what there is as far as there is room; the peer is not listened to while it does not read. */
static void on_flush(void *arg)
{
	struct h2_conn *c = arg;
	struct buf *out = &c->server->out;

	for (int i = 0; c->http2; i++) {
		if (i == BUFFERS_A_TURN) {	/* others want to be served too */
			on_wants_send(c);
			return;
		}
		buf_clear(out);
		http2_send(c->http2, out, conn_tx_room(c->conn));
		must(!out->failed);
		if (!out->n)
			break;
		if (conn_send(c->conn, out->p, out->n))
			return;
		if (conn_tx_pending(c->conn))
			break;
	}
	if (!c->http2)
		return;
	conn_pause(c->conn, !conn_tx_room(c->conn));
	if (http2_is_over(c->http2))
		h2_conn_finish(c);
}

static void on_wants_send(void *arg)
{
	struct h2_conn *c = arg;

	loop_task_kick(c->server->core.loop, &c->flush);
}

static void on_tick(void *arg)
{
	struct h2_conn *c = arg;
	int64_t due = http2_tick(c->http2, loop_now_ms(c->server->core.loop));

	if (due < 0)
		h2_conn_close(c);
	else
		set_tick(c, due);
}

static void on_received(void *arg, const uint8_t *p, size_t n)
{
	struct h2_conn *c = arg;
	int64_t now = loop_now_ms(c->server->core.loop);
	struct err e;

	if (!n) {
		h2_conn_close(c);
		return;
	}
	if (http2_receive(c->http2, p, n, now, &e))
		on_wants_send(c);	/* the last words, then the end */
	else if (http2_due_ms(c->http2) < c->tick.at_ms)
		set_tick(c, http2_due_ms(c->http2));
	if (http2_is_over(c->http2))
		on_wants_send(c);
}

static void on_failed(void *arg, const char *why)
{
	(void)why;
	h2_conn_close(arg);
}

static const struct conn_events h2_events = {.received = on_received, .writable = on_flush, .failed = on_failed};

/* The conn's events come here from now on. */
static void h2_conn_open(struct http_server *s, struct conn *conn)
{
	struct h2_conn *c = calloc(1, sizeof(*c));
	const struct tls *tls = conn_tls(conn);
	int64_t now = loop_now_ms(s->core.loop);

	must(c && "out of memory");
	c->server = s;
	c->flush = (struct loop_task){.fn = on_flush, .arg = c, .phase = LOOP_FLUSH};
	c->next = s->h2_conns;
	c->at = &s->h2_conns;
	if (c->next)
		c->next->at = &c->next;
	s->h2_conns = c;
	s->n_h2++;
	c->conn = conn;
	conn_hand_over(conn, &h2_events, c);
	c->from = (struct http_peer){.address = conn_peer(conn), .port = s->core.opts.port, .is_tls = tls != NULL};
	if (tls)
		c->from.cert = tls_peer(tls, &c->from.n_cert);
	c->http2 = http2_new(&s->core, &c->from, on_wants_send, c, now);
	set_tick(c, http2_due_ms(c->http2));
	on_wants_send(c);
}

/* Guests */

static void guest_free(struct guest *g)
{
	loop_io_stop(&g->io);
	loop_timer_stop(g->server->core.loop, &g->first_byte);
	*g->at = g->next;
	if (g->next)
		g->next->at = g->at;
	free(g);
}

static void guest_close(struct guest *g)
{
	struct http_server *s = g->server;

	close(g->fd);
	guest_free(g);
	listener_closed(s->listener);
}

static void on_nothing_said(void *arg)
{
	struct guest *g = arg;

	g->server->core.stats.cut_slow++;
	guest_close(g);
}

static void on_first_bytes(void *arg, int ready)
{
	struct guest *g = arg;
	struct http_server *s = g->server;
	struct sockaddr_storage addr = g->addr;
	socklen_t len = g->addr_len;
	int fd = g->fd, one = 1;
	char first[TELL];
	ssize_t n = recv(fd, first, sizeof(first), MSG_PEEK);

	(void)ready;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < TELL) {		/* the end of the connection: no request is that short */
		guest_close(g);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
	guest_free(g);
	if (!memcmp(first, "PRI ", TELL))
		h2_conn_open(s, conn_new(s->core.loop, fd, &h2_events, NULL));
	else
		http1_add(s->http1, fd, (struct sockaddr *)&addr, len);
}

static void guest_open(struct http_server *s, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct guest *g = calloc(1, sizeof(*g));
	int tell = TELL;

	must(g && "out of memory");
	g->server = s;
	g->fd = fd;
	memcpy(&g->addr, addr, len);
	g->addr_len = len;
	g->next = s->guests;
	g->at = &s->guests;
	if (g->next)
		g->next->at = &g->next;
	s->guests = g;
	loop_timer_start(s->core.loop, &g->first_byte, s->core.opts.first_byte_ms, on_nothing_said, g);
	/* not woken by fewer bytes than tell, but by the end */
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &tell, sizeof(tell));
	if (loop_io_start(s->core.loop, &g->io, fd, LOOP_READ, on_first_bytes, g))
		guest_close(g);
}

/* TLS */

static void on_pump_ended(void *arg)
{
	struct pumped *p = arg;

	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
	free(p);
}

/* libmicrohttpd's closing is what counts the connection as closed. */
static void pump_open(struct http_server *s, struct conn *conn, const struct sockaddr *addr, socklen_t len)
{
	struct pumped *p;
	const uint8_t *cert;
	int pair[2];
	size_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair)) {
		conn_close(conn);
		listener_closed(s->listener);
		return;
	}
	p = calloc(1, sizeof(*p));
	must(p && "out of memory");
	p->server = s;
	p->next = s->pumped;
	p->at = &s->pumped;
	if (p->next)
		p->next->at = &p->next;
	s->pumped = p;
	p->conn = conn;
	p->pump = pump_new(s->core.loop, conn, pair[0], on_pump_ended, p);
	cert = tls_peer(conn_tls(conn), &n);
	http1_add_tls(s->http1, pair[1], addr, len, cert, n);
}

static void shaking_free(struct shaking *k)
{
	*k->at = k->next;
	if (k->next)
		k->next->at = k->at;
	k->server->n_shaking--;
	free(k);
}

static void shaking_close(struct shaking *k)
{
	struct http_server *s = k->server;

	conn_close(k->conn);
	shaking_free(k);
	listener_closed(s->listener);
}

static void on_handshake_failed(void *arg, const char *why)
{
	struct shaking *k = arg;

	log_debug("tls", "%s: %s", conn_peer(k->conn), why);
	k->server->core.stats.failed_handshakes++;
	shaking_close(k);
}

static void on_opened(void *arg)
{
	struct shaking *k = arg, was = *k;
	struct http_server *s = k->server;

	if (tls_is_revoked(conn_tls(k->conn), s->tls)) {	/* which it was not when it began */
		on_handshake_failed(k, "the client's certificate is revoked");
		return;
	}
	s->core.stats.handshakes++;
	conn_deadline(k->conn, 0, NULL);
	shaking_free(k);
	if (!strcmp(tls_protocol(conn_tls(was.conn)), "h2"))
		h2_conn_open(s, was.conn);
	else
		pump_open(s, was.conn, (struct sockaddr *)&was.addr, was.addr_len);
}

static void on_early(void *arg, const uint8_t *p, size_t n)	/* the end, before the handshake's */
{
	(void)p;
	(void)n;
	on_handshake_failed(arg, "closed in the handshake");
}

static const struct conn_events shaking_events = {.opened = on_opened, .received = on_early, .failed = on_handshake_failed};

static void shaking_open(struct http_server *s, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct shaking *k;

	if (s->n_shaking >= SHAKING_MAX) {
		s->core.stats.refused_handshakes++;
		close(fd);
		listener_closed(s->listener);
		return;
	}
	k = calloc(1, sizeof(*k));
	must(k && "out of memory");
	k->server = s;
	memcpy(&k->addr, addr, len);
	k->addr_len = len;
	k->next = s->shaking;
	k->at = &s->shaking;
	if (k->next)
		k->next->at = &k->next;
	s->shaking = k;
	s->n_shaking++;
	k->conn = conn_new_tls(s->core.loop, s->core.opts.jobs, fd, tls_new(s->tls, loop_wall_ns(s->core.loop) / 1000000000),
			       &shaking_events, k);
	conn_deadline(k->conn, s->core.opts.first_byte_ms, "the handshake takes too long");
}

static void on_accepted(void *arg, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct http_server *s = arg;

	if (s->tls)
		shaking_open(s, fd, addr, len);
	else
		guest_open(s, fd, addr, len);
}

/* The server */

static void on_http1_closed(void *arg)
{
	struct http_server *s = arg;

	listener_closed(s->listener);
}

struct http_server *http_server_open(struct loop *l, const struct http_server_opts *opts, struct err *e)
{
	struct http_server *s = calloc(1, sizeof(*s));
	struct http_server_opts *o;

	must(s && "out of memory");
	s->core.loop = l;
	buf_init(&s->out, OUT_CAP);
	s->core.opts = *opts;
	o = &s->core.opts;
	o->max_body = o->max_body ? o->max_body : 1024 * 1024;
	o->max_open = o->max_open ? o->max_open : 20000;
	o->first_byte_ms = o->first_byte_ms ? o->first_byte_ms : o->tls ? HANDSHAKE_MS : 10000;
	s->tls = o->tls ? tls_ctx_ref(o->tls) : NULL;
	o->request_ms = o->request_ms ? o->request_ms : 10000;
	o->idle_ms = o->idle_ms ? o->idle_ms : 75000;
	s->http1 = http1_open(&s->core, e);
	if (s->http1)
		s->listener = listener_open(l, o->bind, o->max_open, on_accepted, s, e);
	if (!s->listener) {
		http_server_free(s);
		return NULL;
	}
	http1_on_closed(s->http1, on_http1_closed, s);
	s->port = listener_port(s->listener);
	return s;
}

/* Those whose certificate was good when they came, and is revoked now. */
static void evict(void *arg)
{
	struct http_server *s = arg;

	for (struct h2_conn *c = s->h2_conns, *next; c; c = next) {
		next = c->next;
		if (tls_is_revoked(conn_tls(c->conn), s->tls))
			h2_conn_close(c);
	}
	for (struct pumped *p = s->pumped, *next; p; p = next) {
		next = p->next;
		if (!tls_is_revoked(conn_tls(p->conn), s->tls))
			continue;
		pump_close(p->pump);
		on_pump_ended(p);
	}
}

void http_server_set_tls(struct http_server *s, struct tls_ctx *tls)
{
	must(s->tls);
	tls_ctx_unref(s->tls);
	s->tls = tls_ctx_ref(tls);
	loop_timer_start(s->core.loop, &s->evict, 0, evict, s);	/* not from inside one of them */
}

static void on_drain(void *arg)
{
	struct h2_conn *c = arg;

	if (c->http2)
		http2_drain(c->http2);
}

void http_server_drain(struct http_server *s, int64_t spread_ms)
{
	uint32_t random = 0;

	if (s->core.draining)
		return;
	s->core.draining = true;
	listener_stop(s->listener);
	for (struct h2_conn *c = s->h2_conns; c; c = c->next) {
		if (loop_random(s->core.loop, &random, sizeof(random)))
			random = 0;
		loop_timer_start(s->core.loop, &c->drain, (int64_t)((uint64_t)random * (uint64_t)spread_ms >> 32), on_drain, c);
	}
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	loop_timer_stop(s->core.loop, &s->evict);
	while (s->guests)
		guest_close(s->guests);
	while (s->shaking)
		shaking_close(s->shaking);
	while (s->pumped) {
		struct pumped *p = s->pumped;

		pump_close(p->pump);
		on_pump_ended(p);
	}
	while (s->h2_conns)
		h2_conn_close(s->h2_conns);
	http1_close(s->http1);
	listener_close(s->listener);
	tls_ctx_unref(s->tls);
	buf_fini(&s->out);
	free(s);
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

const struct http_server_stats *http_server_stats(const struct http_server *s)
{
	return &s->core.stats;
}

const struct listener_stats *http_server_listener_stats(const struct http_server *s)
{
	return listener_stats(s->listener);
}

size_t http_server_open_h2(const struct http_server *s)
{
	return s->n_h2;
}
