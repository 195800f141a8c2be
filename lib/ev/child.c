/* SPDX-License-Identifier: Apache-2.0 */
#include "ev/child.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/must.h"
#include "ev/loop_int.h"

struct child {
	uv_process_t uv;
	bool exited, freed;
	void (*ended)(void *arg, int status, int signal);
	void *arg;
};

static void handle_closed(uv_handle_t *h)
{
	free(h->data);
}

static void on_exit_of(uv_process_t *uv, int64_t status, int signal)
{
	struct child *c = uv->data;

	c->exited = true;
	if (c->freed)
		uv_close((uv_handle_t *)&c->uv, handle_closed);
	else
		c->ended(c->arg, (int)status, signal);
}

struct child *child_start(struct loop *l, const struct child_opts *o, struct err *e)
{
	struct child *c = calloc(1, sizeof(*c));
	uv_stdio_container_t io[3] = {{.flags = UV_IGNORE},
				      {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
				      {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
	uv_process_options_t u = {
	    .exit_cb = on_exit_of,
	    .file = o->argv[0],
	    .args = (char **)(uintptr_t)o->argv,
	    .stdio = io,
	    .stdio_count = 3,
	};
	int rc;

	must(c && "out of memory");
	c->ended = o->ended;
	c->arg = o->arg;
	c->uv.data = c;
	rc = uv_spawn(loop_uv(l), &c->uv, &u);
	if (!rc)
		return c;
	err_set(e, ERR_IO, "%s: %s", o->argv[0], uv_strerror(rc));
	uv_close((uv_handle_t *)&c->uv, handle_closed);
	return NULL;
}

void child_signal(struct child *c, int signum)
{
	if (!c->exited)
		uv_process_kill(&c->uv, signum);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	must(!c->freed);
	c->freed = true;
	if (c->exited)
		uv_close((uv_handle_t *)&c->uv, handle_closed);
	else
		uv_process_kill(&c->uv, SIGKILL);
}

int child_pid(const struct child *c)
{
	return c->uv.pid;
}
