/* SPDX-License-Identifier: Apache-2.0 */
#include "ev/process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "base/vec.h"
#include "ev/loop_int.h"

struct process {
	struct loop *loop;
	uv_process_t uv;
	uv_pipe_t pipe;
	int open_handles;
	struct buf out;
	char piece[4096];
	struct loop_timer timer;
	struct err why;
	bool failed, exited, drained, cancelled;
	void (*ended)(void *arg, struct buf *out, const struct err *why);
	void *arg;
};

static void handle_closed(uv_handle_t *h)
{
	struct process *p = h->data;

	if (--p->open_handles)
		return;
	buf_fini(&p->out);
	free(p);
}

/* When it has exited and all that it printed is here. */
static void finish(struct process *p)
{
	if (!p->exited || !p->drained)
		return;
	loop_timer_stop(p->loop, &p->timer);
	if (!p->cancelled)
		p->ended(p->arg, &p->out, p->failed ? &p->why : NULL);
	uv_close((uv_handle_t *)&p->uv, handle_closed);
	uv_close((uv_handle_t *)&p->pipe, handle_closed);
}

static void fail(struct process *p, enum err_code code, const char *text)
{
	if (!p->failed)
		err_set(&p->why, code, "%s", text);
	p->failed = true;
}

static void stop_reading(struct process *p)
{
	uv_read_stop((uv_stream_t *)&p->pipe);
	p->drained = true;
}

static void on_exit_of(uv_process_t *uv, int64_t status, int signal)
{
	struct process *p = uv->data;
	char text[64];

	p->exited = true;
	snprintf(text, sizeof(text), signal ? "it was ended by signal %d" : "it ended with status %d", signal ? signal : (int)status);
	if (status || signal)
		fail(p, ERR_IO, text);
	/* a child of its own may hold the pipe open for ever */
	if (p->failed && !p->drained)
		stop_reading(p);
	finish(p);
}

static void give_room(uv_handle_t *h, size_t wanted, uv_buf_t *b)
{
	struct process *p = h->data;

	(void)wanted;
	*b = uv_buf_init(p->piece, sizeof(p->piece));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct process *p = s->data;

	if (n > 0)
		buf_append(&p->out, b->base, (size_t)n);
	if (p->out.failed) {
		fail(p, ERR_LIMIT, "it prints too much");
		uv_process_kill(&p->uv, SIGKILL);
	}
	if (n >= 0 && !p->out.failed)
		return;
	stop_reading(p);
	finish(p);
}

static void timed_out(void *arg)
{
	struct process *p = arg;

	fail(p, ERR_TIMEOUT, "it takes too long");
	uv_process_kill(&p->uv, SIGKILL);
	if (p->exited) {
		stop_reading(p);
		finish(p);
	}
}

void process_cancel(struct process *p)
{
	if (!p)
		return;
	p->cancelled = true;
	loop_timer_stop(p->loop, &p->timer);
	timed_out(p);
}

/* Ours behind what is given: the first of a name counts. */
static char **make_env(const char *const *extra)
{
	VEC(char *) v = {0};

	for (size_t i = 0; extra && extra[i]; i++)
		*vec_push(&v, NULL) = (char *)(uintptr_t)extra[i];
	for (char **e = environ; *e; e++)
		*vec_push(&v, NULL) = *e;
	*vec_push(&v, NULL) = NULL;
	return v.v;
}

struct process *process_start(struct loop *l, const struct process_opts *o, struct err *e)
{
	struct process *p = calloc(1, sizeof(*p));
	uv_stdio_container_t io[3];
	uv_process_options_t u = {.exit_cb = on_exit_of, .stdio = io, .stdio_count = 3};
	int rc;

	must(p && "out of memory");
	p->loop = l;
	p->ended = o->ended;
	p->arg = o->arg;
	p->open_handles = 2;
	p->uv.data = p->pipe.data = p;
	buf_init(&p->out, o->out_max);
	must(uv_pipe_init(loop_uv(l), &p->pipe, 0) == 0);
	io[0].flags = UV_IGNORE;
	io[1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
	io[1].data.stream = (uv_stream_t *)&p->pipe;
	io[2].flags = UV_INHERIT_FD;
	io[2].data.fd = STDERR_FILENO;
	u.file = o->argv[0];
	u.args = (char **)(uintptr_t)o->argv;
	u.env = make_env(o->env);
	rc = uv_spawn(loop_uv(l), &p->uv, &u);
	free(u.env);
	if (rc) {
		err_set(e, ERR_IO, "%s: %s", o->argv[0], uv_strerror(rc));
		uv_close((uv_handle_t *)&p->uv, handle_closed);
		uv_close((uv_handle_t *)&p->pipe, handle_closed);
		return NULL;
	}
	uv_read_start((uv_stream_t *)&p->pipe, give_room, on_read);
	loop_timer_start(l, &p->timer, o->timeout_ms, timed_out, p);
	return p;
}
