/* SPDX-License-Identifier: Apache-2.0
 *
 * Children: how they end is told once, and what cannot be started is said at once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <cmocka.h>

#include "ev/child.h"

struct end {
	struct loop *loop;
	int n, status, signal;
};

static void ended(void *arg, int status, int signal)
{
	struct end *end = arg;

	end->n++;
	end->status = status;
	end->signal = signal;
	loop_stop(end->loop);
}

static struct child *start(struct end *end, const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct err e;
	struct child *c = child_start(end->loop, &(struct child_opts){argv, ended, end}, &e);

	assert_non_null(c);
	return c;
}

static int enter(void **state)
{
	static struct end end;
	struct err e;

	end = (struct end){.loop = loop_new(&e)};
	*state = &end;
	return end.loop ? 0 : -1;
}

static int leave(void **state)
{
	loop_free(((struct end *)*state)->loop);
	return 0;
}

static void status_is_told(void **state)
{
	struct end *end = *state;
	struct child *c = start(end, "exit 3");

	loop_run(end->loop);
	assert_true(end->n == 1 && end->status == 3 && end->signal == 0);
	child_signal(c, SIGKILL);	/* nobody is hit */
	child_free(c);
}

static void signal_is_told(void **state)
{
	struct end *end = *state;
	struct child *c = start(end, "sleep 100");

	child_signal(c, SIGTERM);
	loop_run(end->loop);
	assert_true(end->n == 1 && end->signal == SIGTERM);
	child_free(c);
}

/* No input, and SIGPIPE does what it does elsewhere. */
static void is_as_started_by_a_shell(void **state)
{
	struct end *end = *state;
	struct child *c = start(end, "read x && exit 1; kill -PIPE $$; exit 2");

	loop_run(end->loop);
	assert_int_equal(end->signal, SIGPIPE);
	child_free(c);
}

static void freed_children_are_gone(void **state)
{
	struct end *end = *state;
	struct child *c = start(end, "sleep 100");
	int pid = child_pid(c);

	child_free(c);
	assert_true(kill(pid, 0) < 0 && errno == ESRCH);
	loop_turn(end->loop, 0);
	assert_int_equal(end->n, 0);
}

static void unknown_programs_are_said(void **state)
{
	struct end *end = *state;
	const char *const argv[] = {"/no/such/program", NULL};
	struct err e;

	assert_null(child_start(end->loop, &(struct child_opts){argv, ended, end}, &e));
	assert_string_equal(e.text, "/no/such/program: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(status_is_told, enter, leave),
	    cmocka_unit_test_setup_teardown(signal_is_told, enter, leave),
	    cmocka_unit_test_setup_teardown(is_as_started_by_a_shell, enter, leave),
	    cmocka_unit_test_setup_teardown(freed_children_are_gone, enter, leave),
	    cmocka_unit_test_setup_teardown(unknown_programs_are_said, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
