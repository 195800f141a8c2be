/* SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd speaks no TLS of ours: it gets one end of a pair of sockets, and bytes are carried
 * between the other end and the connection. Who does not read is not read for.
 */
#include <stdlib.h>

#include "base/must.h"
#include "net/http_int.h"

enum { LINGER_MS = 1000 };

struct side {
	struct pump *pump;
	struct conn *conn;
	struct side *other;
};

struct pump {
	struct side outer, inner;
	loop_fn *ended;
	void *arg;
	bool ending;
};

void pump_close(struct pump *p)
{
	conn_close(p->outer.conn);
	conn_close(p->inner.conn);
	free(p);
}

static void end(struct pump *p)
{
	loop_fn *ended = p->ended;
	void *arg = p->arg;

	pump_close(p);
	ended(arg);
}

/* libmicrohttpd has closed: what it said last has to leave still. */
static void finish(struct pump *p)
{
	if (p->ending)
		return;
	p->ending = true;
	conn_finish(p->outer.conn, LINGER_MS);
}

static void on_received(void *arg, const uint8_t *p, size_t n)
{
	struct side *from = arg;
	struct pump *pump = from->pump;

	if (!n && from == &pump->inner) {
		finish(pump);
	} else if (!n) {
		end(pump);
	} else if (!pump->ending && !conn_send(from->other->conn, p, n) &&
		   !conn_tx_room(from->other->conn)) {
		conn_pause(from->conn, true);
	}
}

static void on_writable(void *arg)
{
	struct side *side = arg;

	if (!side->pump->ending)
		conn_pause(side->other->conn, false);
}

static void on_failed(void *arg, const char *why)
{
	struct side *side = arg;
	struct pump *p = side->pump;

	(void)why;
	if (side == &p->inner && !p->ending)
		finish(p);
	else if (side == &p->outer)
		end(p);
}

static const struct conn_events events = {
    .received = on_received, .writable = on_writable, .failed = on_failed};

struct pump *pump_new(struct loop *l, struct conn *outer, int inner_fd, loop_fn *ended, void *arg)
{
	struct pump *p = calloc(1, sizeof(*p));

	must(p && "out of memory");
	*p = (struct pump){.ended = ended, .arg = arg};
	p->outer = (struct side){.pump = p, .conn = outer, .other = &p->inner};
	p->inner = (struct side){.pump = p, .other = &p->outer};
	p->inner.conn = conn_new(l, inner_fd, &events, &p->inner);
	conn_hand_over(outer, &events, &p->outer);
	return p;
}
