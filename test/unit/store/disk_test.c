/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/must.h"
#include "ev/file.h"
#include "store/disk.h"

enum { OBJECTS = 40, KILLS = 40 };

struct fix {
	struct arena arena;
	char dir[64];
	const char *path, *old;
	struct err e;
	size_t n;			/* objects read */
	int port;			/* of all of them; -1: they differ */
};

static void start(struct fix *f)
{
	*f = (struct fix){0};
	arena_init(&f->arena, 0);
	strcpy(f->dir, "/tmp/navarch-disk-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = arena_printf(&f->arena, "%s/generation", f->dir);
	f->old = arena_printf(&f->arena, "%s.old", f->path);
}

static void stop(struct fix *f)
{
	char cmd[128];

	arena_fini(&f->arena);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", f->dir);
	assert_int_equal(system(cmd), 0);
}

/* OBJECTS Services, all with one port. */
static void make_set(int port, struct object_set *out)
{
	struct object *v[OBJECTS];
	struct arena a;
	struct diags ds;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	for (int i = 0; i < OBJECTS; i++) {
		const char *text = arena_printf(&a, "apiVersion: v1\nkind: Service\nmetadata: {name: s%02d, labels: {\"a/b\": \"\\n\\\"\"}}\n"
						    "spec: {ports: [{port: %d, targetPort: http}]}\n", i, port);
		struct node_docs docs = node_parse(text, strlen(text), 1, &a, &ds);
		struct object_id id;

		must(object_decode(docs.v[0].root, SCHEMA_LENIENT, i ? "kept/x" : "other/x", &v[i], &id, &ds) == OBJECT_OK);
	}
	object_set_init(out, v, OBJECTS, mesh_settings_new(NULL, NULL, "cluster.local", &ds));
	for (int i = 0; i < OBJECTS; i++)
		object_unref(v[i]);
	arena_fini(&a);
}

static int save(struct fix *f, int port)
{
	struct object_set set;
	int rc;

	make_set(port, &set);
	rc = disk_save(f->path, &set, "kept/", &f->e);
	object_set_unref(&set);
	return rc;
}

static void take(void *arg, const struct node *root, struct hash128 hash)
{
	struct fix *f = arg;
	const struct node *port = node_at(root, "spec.ports[0].port");
	int n = atoi(port->text);

	assert_true(hash.hi || hash.lo);
	f->port = f->n++ && f->port != n ? -1 : n;
}

static int load(struct fix *f)
{
	f->n = 0;
	f->port = 0;
	return disk_load(f->path, take, f, &f->e);
}

static void round_trip(void **state)
{
	struct stat st;
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(load(&f), -1);
	assert_int_equal(f.e.code, ERR_NOT_FOUND);
	assert_int_equal(save(&f, 80), 0);
	assert_int_equal(load(&f), 0);
	assert_int_equal(f.n, OBJECTS - 1);	/* one has another prefix */
	assert_int_equal(f.port, 80);
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	stop(&f);
}

/* Cut anywhere, or with any byte changed, it is not believed, and the one before is. */
static void damage(void **state)
{
	struct buf text;
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(save(&f, 80), 0);
	assert_int_equal(save(&f, 81), 0);
	buf_init(&text, 1 << 20);
	assert_int_equal(file_read(f.path, &text, &f.e), 0);
	for (size_t n = 0; n < text.n; n += n < 200 ? 1 : 37) {
		assert_int_equal(file_replace(f.path, text.p, n, 0600, &f.e), 0);
		assert_int_equal(load(&f), 0);
		assert_int_equal(f.port, 80);
		text.p[n] ^= 1;
		assert_int_equal(file_replace(f.path, text.p, text.n, 0600, &f.e), 0);
		assert_int_equal(load(&f), 0);
		assert_int_equal(f.port, 80);
		text.p[n] ^= 1;
	}
	/* another format, and neither of the two */
	text.p[strlen("navarch-generation ")] = '2';
	assert_int_equal(file_replace(f.path, text.p, text.n, 0600, &f.e), 0);
	assert_int_equal(unlink(f.old), 0);
	assert_int_equal(load(&f), -1);
	assert_non_null(strstr(f.e.text, "format 2"));
	assert_int_equal(f.n, 0);
	buf_fini(&text);
	stop(&f);
}

/* A full disk: what stood there stays. */
static void full_disk(void **state)
{
	struct fix f;
	pid_t child;
	int status;

	(void)state;
	start(&f);
	assert_int_equal(save(&f, 80), 0);
	child = fork();
	if (!child) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){500, 500});
		_exit(save(&f, 81) == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(load(&f), 0);
	assert_int_equal(f.port, 80);
	assert_int_equal(f.n, OBJECTS - 1);
	stop(&f);
}

/* Killed at any moment, it leaves a whole generation, and none that is older than the last that was told as saved. */
static void killed(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(save(&f, 1), 0);
	for (int i = 0; i < KILLS; i++) {
		int told[2], last = 0, n;
		pid_t child;

		assert_int_equal(load(&f), 0);
		n = f.port;
		assert_int_equal(pipe(told), 0);
		child = fork();
		if (!child) {
			while (!save(&f, ++n) && write(told[1], &n, sizeof(n)) == sizeof(n))
				;
			_exit(1);
		}
		close(told[1]);
		usleep((useconds_t)(i * 700 % 20000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		while (read(told[0], &n, sizeof(n)) == sizeof(n))
			last = n;
		close(told[0]);
		assert_int_equal(load(&f), 0);
		assert_int_equal(f.n, OBJECTS - 1);
		assert_true(f.port >= last && f.port > 0);
	}
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(damage), cmocka_unit_test(full_disk), cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
