/* SPDX-License-Identifier: Apache-2.0
 *
 * By hand, not by uv_spawn: between fork and exec the child asks the kernel to be ended with us, and a pidfd, which
 * the loop waits for, cannot mean another process later.
 */
#include "ev/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"

struct child {
	pid_t pid;
	int pidfd;
	struct loop_io io;
	bool exited;
	void (*ended)(void *arg, int status, int signal);
	void *arg;
};

/* In the child; does not return. */
static void become(const char *const *argv, pid_t parent, int report)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);		/* the loop ignores it, and that is inherited */
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && !prctl(PR_SET_PDEATHSIG, SIGTERM) && getppid() == parent)
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	null = errno;
	if (write(report, &null, sizeof(null)) < 0)
		_exit(126);
	_exit(127);
}

/* 0, or the errno of what went wrong in the child. */
static int read_report(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? error : 0;
}

static pid_t start(const char *const *argv, int *error)
{
	pid_t parent = getpid(), pid;
	int report[2];

	if (pipe2(report, O_CLOEXEC)) {
		*error = errno;
		return -1;
	}
	pid = fork();
	if (!pid)
		become(argv, parent, report[1]);
	*error = pid < 0 ? errno : 0;
	close(report[1]);
	if (pid > 0)
		*error = read_report(report[0]);
	close(report[0]);
	if (pid > 0 && *error)
		waitpid(pid, NULL, 0);
	return *error ? -1 : pid;
}

static void on_exited(void *arg, int events)
{
	struct child *c = arg;
	int status;

	(void)events;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	c->exited = true;
	loop_io_stop(&c->io);
	c->ended(c->arg, WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

struct child *child_start(struct loop *l, const struct child_opts *o, struct err *e)
{
	struct child *c = calloc(1, sizeof(*c));
	int error;

	must(c && "out of memory");
	*c = (struct child){.pidfd = -1, .ended = o->ended, .arg = o->arg};
	c->pid = start(o->argv, &error);
	if (c->pid < 0) {
		err_set(e, ERR_IO, "%s: %s", o->argv[0], strerror(error));
		free(c);
		return NULL;
	}
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd >= 0 && !loop_io_start(l, &c->io, c->pidfd, LOOP_READ, on_exited, c))
		return c;
	err_errno(e, "%s cannot be watched", o->argv[0]);
	child_free(c);
	return NULL;
}

void child_signal(struct child *c, int signum)
{
	if (!c->exited)
		kill(c->pid, signum);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	loop_io_stop(&c->io);
	if (!c->exited) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->pidfd >= 0)
		close(c->pidfd);
	free(c);
}

int child_pid(const struct child *c)
{
	return c->pid;
}
