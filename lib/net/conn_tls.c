/* SPDX-License-Identifier: Apache-2.0
 *
 * A conn's TLS. While the handshake runs, what arrives goes to a worker piece by piece, and the
 * socket is not read meanwhile; from then on it costs little and is done in place.
 */
#include <stdlib.h>

#include "base/must.h"
#include "ev/job.h"
#include "net/conn_int.h"
#include "net/tls.h"

enum { PIECE_CAP = 1024 * 1024 /* far over what one read or send can make */ };

struct conn_tls {
	struct conn *conn; /* NULL: closed while a worker had it */
	struct tls *tls;
	struct job_pool *pool;
	struct job job;
	bool busy;
	bool told;		   /* opened was called */
	bool delivering;	   /* freed when that is over */
	struct buf in, plain, out; /* of the step under way */
	int rc;
	struct err err;
};

static void clear(struct conn_tls *t) /* an idle conn holds no buffers */
{
	struct buf *all[] = {&t->in, &t->plain, &t->out};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		buf_fini(all[i]);
		buf_init(all[i], PIECE_CAP);
	}
}

static void conn_tls_free(struct conn_tls *t)
{
	clear(t);
	job_fini(&t->job);
	tls_free(t->tls);
	free(t);
}

/* What came out of a step goes where it belongs. The conn may be closed by any of the calls. */
static void deliver(struct conn_tls *t)
{
	struct conn *c = t->conn;
	struct buf plain = t->plain, out = t->out;

	t->plain = t->out = (struct buf){0};
	clear(t);
	t->delivering = true;
	if (out.n)
		conn_send_raw(c, out.p, out.n);
	if (t->rc && !c->failed && !c->closed)
		conn_fail(c, t->err.text);
	if (!c->failed && !c->closed && !t->told && tls_is_open(t->tls)) {
		t->told = true;
		if (c->events->opened)
			c->events->opened(c->arg);
	}
	if (plain.n && !c->failed && !c->closed && !c->finishing)
		c->events->received(c->arg, (const uint8_t *)plain.p, plain.n);
	if (!c->failed && !c->closed && !c->eof && tls_has_ended(t->tls)) {
		c->eof = true;
		if (t->told && !c->finishing)
			c->events->received(c->arg, NULL, 0);
	}
	buf_fini(&plain);
	buf_fini(&out);
	t->delivering = false;
	if (!t->conn)
		conn_tls_free(t);
}

static void run_step(struct job *job)
{
	struct conn_tls *t = (struct conn_tls *)((char *)job - offsetof(struct conn_tls, job));

	t->rc = tls_receive(t->tls, t->in.p, t->in.n, &t->plain, &t->out, &t->err);
}

static void step_done(struct job *job)
{
	struct conn_tls *t = (struct conn_tls *)((char *)job - offsetof(struct conn_tls, job));
	struct conn *c = t->conn;

	t->busy = false;
	if (!c) {
		conn_tls_free(t);
		return;
	}
	if (job->cancelled)
		t->rc = err_set(&t->err, ERR_CANCELLED, "TLS handshake: the server is going away");
	conn_enter(c);
	deliver(t);
	conn_watch(c);
	conn_leave(c);
}

void conn_tls_received(struct conn_tls *t, const uint8_t *p, size_t n)
{
	struct conn *c = t->conn;

	if (!n) { /* the socket ended without TLS saying so: cut off, as far as we can know */
		if (t->told)
			c->events->received(c->arg, NULL, 0);
		else
			conn_fail(c, "closed in the handshake");
		return;
	}
	if (tls_is_open(t->tls)) {
		t->rc = tls_receive(t->tls, p, n, &t->plain, &t->out, &t->err);
		deliver(t);
		return;
	}
	buf_append(&t->in, p, n);
	t->busy = true;
	job_fini(&t->job);
	job_init(&t->job, JOB_URGENT, 0, run_step, step_done);
	job_submit(t->pool, &t->job);
}

int conn_tls_send(struct conn_tls *t, const void *p, size_t n)
{
	struct conn *c = t->conn;
	struct buf out;
	struct err e;
	int rc;

	must(t->told && !t->busy);
	buf_init(&out, n + n / 8 + PIECE_CAP);
	if (tls_send(t->tls, p, n, &out, &e)) {
		conn_enter(c);
		conn_fail(c, e.text);
		conn_leave(c);
		rc = -1;
	} else {
		rc = conn_send_raw(c, out.p ? out.p : "", out.n);
	}
	buf_fini(&out);
	return rc;
}

void conn_tls_end(struct conn_tls *t)
{
	struct buf out;

	buf_init(&out, PIECE_CAP);
	tls_end(t->tls, &out);
	if (out.n)
		conn_send_raw(t->conn, out.p, out.n);
	buf_fini(&out);
}

bool conn_tls_is_busy(const struct conn_tls *t)
{
	return t->busy;
}

bool conn_tls_is_open(const struct conn_tls *t)
{
	return t->told && !t->busy;
}

void conn_tls_close(struct conn_tls *t)
{
	if (!t)
		return;
	t->conn = NULL;
	if (!t->busy && !t->delivering)
		conn_tls_free(t);
}

const struct tls *conn_tls(const struct conn *c)
{
	return c->tls ? c->tls->tls : NULL;
}

struct conn *conn_new_tls(struct loop *l, struct job_pool *pool, int fd, struct tls *tls,
			  const struct conn_events *events, void *arg)
{
	struct conn *c = conn_new(l, fd, events, arg);
	struct conn_tls *t = calloc(1, sizeof(*t));

	must(t && "out of memory");
	*t = (struct conn_tls){.conn = c, .tls = tls, .pool = pool};
	clear(t);
	c->tls = t;
	return c;
}
