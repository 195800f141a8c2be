/* SPDX-License-Identifier: Apache-2.0 */
#include "net/conn_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"
#include "base/scalar.h"

enum {
	ACCEPTS_A_TURN = 64,
	ACCEPT_PAUSE_MS = 100,		/* when there are no descriptors left */
	BACKLOG = 4096,
	READ_SIZE = 32 * 1024,
	READS_A_TURN = 4,		/* of one conn, so that one peer cannot hold the loop */
	TX_CAP = 16 * 1024 * 1024,	/* far over the high mark: what one event may add to it */
};

struct listener {
	struct loop *loop;
	int fd;
	struct loop_io io;
	struct loop_timer pause;
	size_t max_open;
	listener_fn *accepted;
	void *arg;
	struct listener_stats stats;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un path;
	struct sockaddr_storage storage;
};

/* Listener */

static const char unix_prefix[] = "unix:";

static int parse_path(const char *path, union address *out, socklen_t *len)
{
	size_t n = strlen(path);

	if (!n || n >= sizeof(out->path.sun_path))
		return -1;
	memset(out, 0, sizeof(*out));
	out->path.sun_family = AF_UNIX;
	memcpy(out->path.sun_path, path, n);
	*len = sizeof(out->path);
	return 0;
}

/* "unix:path", or "host:port" with host "", an IPv4 address, or an IPv6 address in brackets. */
static int parse_bind(const char *bind, union address *out, socklen_t *len, bool *both)
{
	const char *colon = strrchr(bind, ':');
	char host[64];
	size_t n;
	struct ip ip;
	int64_t port;

	*both = false;
	if (!strncmp(bind, unix_prefix, sizeof(unix_prefix) - 1))
		return parse_path(bind + sizeof(unix_prefix) - 1, out, len);
	if (!colon || scalar_int(colon + 1, 0, 65535, &port))
		return -1;
	n = (size_t)(colon - bind);
	if (n >= sizeof(host))
		return -1;
	memcpy(host, bind, n);
	host[n] = '\0';
	*both = !n;
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = '\0';
	} else if (strchr(host, ':')) {
		return -1;
	}
	if (scalar_ip(*both ? "::" : host, &ip))
		return -1;
	memset(out, 0, sizeof(*out));
	if (ip.len == 4) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		memcpy(&out->v4.sin_addr, ip.bytes, 4);
		*len = sizeof(out->v4);
	} else {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)port);
		memcpy(&out->v6.sin6_addr, ip.bytes, 16);
		*len = sizeof(out->v6);
	}
	return 0;
}

/* What a process before us left behind; the new one is its user's only. */
static int prepare_path(int fd, const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISSOCK(st.st_mode) && unlink(path))
		return -1;
	return fchmod(fd, 0600);
}

static int open_socket(const union address *addr, socklen_t len, bool both)
{
	int fd = socket(addr->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, only_v6 = !both, saved;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (addr->any.sa_family == AF_UNIX && prepare_path(fd, addr->path.sun_path)) ||
	    (addr->any.sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6))) ||
	    bind(fd, &addr->any, len) || listen(fd, BACKLOG)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static void on_acceptable(void *arg, int events);

static void on_pause_over(void *arg)
{
	struct listener *ls = arg;

	loop_io_start(ls->loop, &ls->io, ls->fd, LOOP_READ, on_acceptable, ls);
}

static void listener_accept(struct listener *ls)
{
	union address addr;
	socklen_t len = sizeof(addr);
	int one = 1, fd = accept4(ls->fd, &addr.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			ls->stats.no_descriptor++;
			loop_io_start(ls->loop, &ls->io, ls->fd, 0, on_acceptable, ls);
			loop_timer_start(ls->loop, &ls->pause, ACCEPT_PAUSE_MS, on_pause_over, ls);
		}
		return;
	}
	if (ls->stats.open >= ls->max_open) {
		ls->stats.refused++;
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ls->stats.accepted++;
	ls->stats.open++;
	ls->accepted(ls->arg, fd, &addr.any, len);
}

static void on_acceptable(void *arg, int events)
{
	struct listener *ls = arg;
	uint64_t before;

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		before = ls->stats.accepted + ls->stats.refused;
		listener_accept(ls);
		if (ls->stats.accepted + ls->stats.refused == before)
			return;
	}
}

struct listener *listener_open(struct loop *l, const char *bind, size_t max_open, listener_fn *accepted,
			       void *arg, struct err *e)
{
	union address addr;
	struct listener *ls;
	socklen_t len;
	bool both;
	int fd;

	if (parse_bind(bind, &addr, &len, &both)) {
		err_set(e, ERR_SYNTAX, "\"%s\" is not an address to listen on (\"10.0.0.1:80\", \"[::1]:80\", \":80\", \"unix:PATH\")",
			bind);
		return NULL;
	}
	fd = open_socket(&addr, len, both);
	if (fd < 0 && both && errno == EAFNOSUPPORT) {	/* a kernel without IPv6 */
		uint16_t port = addr.v6.sin6_port;

		memset(&addr, 0, sizeof(addr));
		addr.v4.sin_family = AF_INET;
		addr.v4.sin_port = port;
		fd = open_socket(&addr, sizeof(addr.v4), false);
	}
	if (fd < 0) {
		err_errno(e, "cannot listen on %s", bind);
		return NULL;
	}
	ls = calloc(1, sizeof(*ls));
	must(ls && "out of memory");
	*ls = (struct listener){.loop = l, .fd = fd, .max_open = max_open, .accepted = accepted, .arg = arg};
	if (loop_io_start(l, &ls->io, fd, LOOP_READ, on_acceptable, ls)) {
		err_set(e, ERR_IO, "cannot watch the socket of %s", bind);
		listener_close(ls);
		return NULL;
	}
	return ls;
}

void listener_stop(struct listener *ls)
{
	if (ls->fd < 0)
		return;
	loop_io_stop(&ls->io);
	loop_timer_stop(ls->loop, &ls->pause);
	close(ls->fd);
	ls->fd = -1;
}

void listener_close(struct listener *ls)
{
	if (!ls)
		return;
	must(!ls->stats.open);
	listener_stop(ls);
	free(ls);
}

void listener_closed(struct listener *ls)
{
	must(ls->stats.open > 0);
	ls->stats.open--;
}

uint16_t listener_port(const struct listener *ls)
{
	union address addr;
	socklen_t len = sizeof(addr);

	if (getsockname(ls->fd, &addr.any, &len) || addr.any.sa_family == AF_UNIX)
		return 0;
	return ntohs(addr.any.sa_family == AF_INET ? addr.v4.sin_port : addr.v6.sin6_port);
}

const struct listener_stats *listener_stats(const struct listener *ls)
{
	return &ls->stats;
}

char *conn_addr_text(const struct sockaddr *any, char out[PEER_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";
	union address addr;

	memset(&addr, 0, sizeof(addr));
	if (any->sa_family == AF_INET) {
		memcpy(&addr.v4, any, sizeof(addr.v4));
		inet_ntop(AF_INET, &addr.v4.sin_addr, host, sizeof(host));
		snprintf(out, PEER_TEXT, "%s:%u", host, ntohs(addr.v4.sin_port));
	} else if (any->sa_family == AF_INET6) {
		memcpy(&addr.v6, any, sizeof(addr.v6));
		if (IN6_IS_ADDR_V4MAPPED(&addr.v6.sin6_addr))
			inet_ntop(AF_INET, addr.v6.sin6_addr.s6_addr + 12, host, sizeof(host));
		else
			inet_ntop(AF_INET6, &addr.v6.sin6_addr, host, sizeof(host));
		snprintf(out, PEER_TEXT, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, ntohs(addr.v6.sin6_port));
	} else {
		snprintf(out, PEER_TEXT, "local");
	}
	return out;
}

/* Conn */

void conn_enter(struct conn *c)
{
	c->depth++;
}

void conn_leave(struct conn *c)
{
	if (--c->depth || !c->closed)
		return;
	buf_fini(&c->tx);
	free(c);
}

void conn_fail(struct conn *c, const char *why)
{
	if (c->failed || c->closed)
		return;
	c->failed = true;
	loop_io_stop(&c->io);
	loop_timer_stop(c->loop, &c->deadline);
	loop_timer_stop(c->loop, &c->stall);
	c->events->failed(c->arg, why);
}

static void on_ready(void *arg, int events);

void conn_watch(struct conn *c)
{
	int events = 0;

	if (c->closed || c->failed)
		return;
	if (!c->paused && !c->eof && !(c->tls && conn_tls_is_busy(c->tls)))
		events |= LOOP_READ;
	if (conn_tx_pending(c))
		events |= LOOP_WRITE;
	/* failed is called from the loop, not from whatever asked for this */
	if (loop_io_start(c->loop, &c->io, c->fd, events, on_ready, c))
		conn_deadline(c, 1, "cannot watch the socket");
}

static ssize_t socket_read(struct conn *c, void *p, size_t n)
{
	return recv(c->fd, p, n, 0);
}

static ssize_t socket_write(struct conn *c, const void *p, size_t n)
{
	return send(c->fd, p, n, MSG_NOSIGNAL);
}

static bool may_read(const struct conn *c)
{
	return !c->paused && !c->eof && !c->failed && !c->closed && !(c->tls && conn_tls_is_busy(c->tls));
}

static void conn_read(struct conn *c)
{
	uint8_t bytes[READ_SIZE] __attribute__((uninitialized));

	for (int i = 0; i < READS_A_TURN && may_read(c); i++) {
		ssize_t n = socket_read(c, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) {
			conn_fail(c, strerror(errno));
			return;
		}
		if (!n)
			c->eof = true;
		if (c->finishing && !n)
			conn_fail(c, "closed");
		else if (!c->finishing && c->tls)
			conn_tls_received(c->tls, bytes, (size_t)n);
		else if (!c->finishing)
			c->events->received(c->arg, bytes, (size_t)n);
		if ((size_t)n < sizeof(bytes))
			return;
	}
}

static void on_stall(void *arg)
{
	struct conn *c = arg;

	c->depth++;
	conn_fail(c, "the peer does not read");
	conn_leave(c);
}

/* Returns how much the socket took. */
static size_t write_some(struct conn *c, const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t put = socket_write(c, p + done, n - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			conn_fail(c, strerror(errno));
		if (put < 0)
			break;
		done += (size_t)put;
	}
	return done;
}

static void end_sending(struct conn *c)
{
	if (!c->finishing || c->shut || c->failed)
		return;
	c->shut = true;
	shutdown(c->fd, SHUT_WR);
	if (c->eof)
		conn_fail(c, "closed");
}

static void write_buffered(struct conn *c)
{
	size_t n = write_some(c, c->tx.p + c->tx_sent, conn_tx_pending(c));

	c->tx_sent += n;
	if (c->failed || c->closed)
		return;
	if (!conn_tx_pending(c)) {	/* an idle conn holds no memory for it */
		buf_fini(&c->tx);
		buf_init(&c->tx, TX_CAP);
		c->tx_sent = 0;
		loop_timer_stop(c->loop, &c->stall);
		end_sending(c);
	} else if (n) {
		loop_timer_start(c->loop, &c->stall, CONN_STALL_MS, on_stall, c);
	}
	if (c->tx_sent > CONN_HIGH) {
		buf_consume(&c->tx, c->tx_sent);
		c->tx_sent = 0;
	}
}

static void on_ready(void *arg, int events)
{
	struct conn *c = arg;

	c->depth++;
	if (events & LOOP_WRITE)
		write_buffered(c);
	if (c->owes_writable && conn_tx_pending(c) <= CONN_LOW && !c->failed && !c->closed) {
		c->owes_writable = false;
		if (c->events->writable && !c->finishing)
			c->events->writable(c->arg);
	}
	if (events & LOOP_READ)
		conn_read(c);
	conn_watch(c);
	conn_leave(c);
}

static void on_deadline(void *arg)
{
	struct conn *c = arg;

	c->depth++;
	conn_fail(c, c->deadline_why);
	conn_leave(c);
}

struct conn *conn_new(struct loop *l, int fd, const struct conn_events *events, void *arg)
{
	struct conn *c = calloc(1, sizeof(*c));
	union address addr;
	socklen_t len = sizeof(addr);

	must(c && "out of memory");
	*c = (struct conn){.loop = l, .fd = fd, .events = events, .arg = arg};
	buf_init(&c->tx, TX_CAP);
	memset(&addr, 0, sizeof(addr));
	if (getpeername(fd, &addr.any, &len))
		addr.any.sa_family = AF_UNSPEC;
	conn_addr_text(&addr.any, c->peer);
	conn_watch(c);
	return c;
}

void conn_close(struct conn *c)
{
	if (!c || c->closed)
		return;
	loop_io_stop(&c->io);
	loop_timer_stop(c->loop, &c->deadline);
	loop_timer_stop(c->loop, &c->stall);
	conn_tls_close(c->tls);
	c->tls = NULL;
	close(c->fd);
	c->closed = true;
	c->depth++;
	conn_leave(c);
}

void conn_finish(struct conn *c, int64_t linger_ms)
{
	if (c->failed || c->closed || c->finishing)
		return;
	c->depth++;
	if (c->tls && conn_tls_is_open(c->tls))
		conn_tls_end(c->tls);
	c->finishing = true;
	c->paused = false;
	conn_deadline(c, linger_ms, "closed");
	if (!conn_tx_pending(c))
		end_sending(c);
	conn_watch(c);
	conn_leave(c);
}

int conn_send(struct conn *c, const void *p, size_t n)
{
	if (c->failed || c->closed)
		return -1;
	return c->tls ? conn_tls_send(c->tls, p, n) : conn_send_raw(c, p, n);
}

void conn_hand_over(struct conn *c, const struct conn_events *events, void *arg)
{
	c->events = events;
	c->arg = arg;
}

int conn_send_raw(struct conn *c, const void *p, size_t n)
{
	size_t done = 0;
	int rc;

	if (c->failed || c->closed)
		return -1;
	c->depth++;
	if (!conn_tx_pending(c))
		done = write_some(c, p, n);
	if (done < n && !c->failed) {
		if (!conn_tx_pending(c))
			loop_timer_start(c->loop, &c->stall, CONN_STALL_MS, on_stall, c);
		c->owes_writable = true;
		buf_append(&c->tx, (const char *)p + done, n - done);
		if (c->tx.failed)
			conn_fail(c, "too much to send");
	}
	conn_watch(c);
	rc = c->failed || c->closed ? -1 : 0;
	conn_leave(c);
	return rc;
}

size_t conn_tx_pending(const struct conn *c)
{
	return c->tx.n - c->tx_sent;
}

size_t conn_tx_room(const struct conn *c)
{
	size_t pending = conn_tx_pending(c);

	return pending < CONN_HIGH ? CONN_HIGH - pending : 0;
}

void conn_pause(struct conn *c, bool paused)
{
	if (c->paused == paused)
		return;
	c->paused = paused;
	conn_watch(c);
}

void conn_deadline(struct conn *c, int64_t ms, const char *why)
{
	c->deadline_why = why;
	if (!ms)
		loop_timer_stop(c->loop, &c->deadline);
	else if (!c->failed && !c->closed)
		loop_timer_start(c->loop, &c->deadline, ms, on_deadline, c);
}

const char *conn_peer(const struct conn *c)
{
	return c->peer;
}
