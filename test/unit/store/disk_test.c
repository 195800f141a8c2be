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

#include "base/log.h"
#include "base/must.h"
#include "ev/file.h"
#include "store/disk.h"
#include "store/store.h"

enum { OBJECTS = 40, KILLS = 200 };	/* NAVARCH_KILLS: so many instead */

struct fix {
	struct arena arena;
	char dir[64];
	const char *path, *old;
	struct err e;
	struct hash128 last;
	int64_t saved_s;
	size_t n;			/* objects read */
	int port;			/* of all of them; -1: they differ */
};

static void start(struct fix *f)
{
	*f = (struct fix){0};
	arena_init(&f->arena, 0);
	log_set_level(LOG_LEVEL_NONE);
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
	rc = disk_save(f->path, &set, "kept/", &f->last, &f->e);
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
	return disk_load(f->path, NULL, take, f, &f->saved_s, &f->e);
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

static void take_any(void *arg, const struct node *root, struct hash128 hash)
{
	(void)root;
	(void)hash;
	++*(size_t *)arg;
}

/* Cut anywhere, or with any bit changed, nothing of it is believed. */
static void damage(void **state)
{
	struct object_set set;
	struct hash128 sum;
	struct buf text;
	size_t n = 0;
	struct fix f;

	(void)state;
	start(&f);
	make_set(80, &set);
	buf_init(&text, 1 << 20);
	assert_int_equal(disk_build(&set, "", &text, &sum), 0);
	buf_cstr(&text);
	assert_int_equal(disk_parse(text.p, text.n, "x", NULL, take_any, &n, &f.e), 0);
	assert_int_equal(n, OBJECTS);
	for (size_t i = 0; i < text.n; i++) {
		char *cut = arena_strndup(&f.arena, text.p, i);

		assert_int_equal(disk_parse(cut, i, "x", NULL, take_any, &n, &f.e), -1);
		for (int bit = 0; bit < 8; bit++) {
			text.p[i] ^= (char)(1 << bit);
			assert_int_equal(disk_parse(text.p, text.n, "x", NULL, take_any, &n, &f.e), -1);
			text.p[i] ^= (char)(1 << bit);
		}
		if (i % 100 == 0) {
			arena_fini(&f.arena);
			arena_init(&f.arena, 0);
		}
	}
	assert_int_equal(n, OBJECTS);
	f.path = arena_printf(&f.arena, "%s/generation", f.dir);
	buf_fini(&text);
	object_set_unref(&set);
	stop(&f);
}

/* Instead of one that is damaged, or of another format, there is the one before. */
static void one_before(void **state)
{
	struct buf text;
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(save(&f, 80), 0);
	assert_int_equal(save(&f, 81), 0);
	buf_init(&text, 1 << 20);
	assert_int_equal(file_read(f.path, &text, &f.e), 0);
	assert_int_equal(file_replace(f.path, text.p, text.n - 1, 0600, &f.e), 0);
	assert_int_equal(load(&f), 1);
	assert_int_equal(f.port, 80);
	assert_non_null(strstr(f.e.text, "not whole"));
	text.p[strlen("navarch-generation ")] = '2';
	assert_int_equal(file_replace(f.path, text.p, text.n, 0600, &f.e), 0);
	assert_int_equal(load(&f), 1);
	assert_int_equal(f.port, 80);
	assert_int_equal(unlink(f.old), 0);
	assert_int_equal(load(&f), -1);
	assert_non_null(strstr(f.e.text, "format 2"));
	assert_int_equal(f.n, 0);
	buf_fini(&text);
	stop(&f);
}

/* The same generation is not written twice. */
static void unchanged(void **state)
{
	struct stat first, second;
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(save(&f, 80), 0);
	assert_int_equal(stat(f.path, &first), 0);
	assert_int_equal(save(&f, 80), 0);
	assert_int_equal(stat(f.path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(access(f.old, F_OK), -1);
	assert_int_equal(save(&f, 81), 0);
	assert_int_equal(stat(f.path, &second), 0);
	assert_true(first.st_ino != second.st_ino);
	stop(&f);
}

static struct mesh_settings *settings(struct arena *a, const char *text)
{
	struct diags ds;
	struct node_docs docs;

	diags_init(&ds, a);
	docs = node_parse(text, strlen(text), 1, a, &ds);
	return mesh_settings_new(docs.v[0].root, NULL, "cluster.local", &ds);
}

/* The ConfigMap with the settings. */
static void put_mesh_map(struct store *s, int source, const char *networks, struct arena *a)
{
	const char *yaml = arena_printf(a, "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, "
					   "data: {mesh: 'trustDomain: two', meshNetworks: '%s'}}", networks);
	struct store_entry entry = {.kind = KIND_CONFIG_MAP, .ns = "istio-system", .name = "istio"};
	struct store_place place = {.name = "istio", .v = &entry, .n = 1};
	struct object_id id;
	struct diags ds;

	diags_init(&ds, a);
	must(object_decode(node_parse(yaml, strlen(yaml), 1, a, &ds).v[0].root, SCHEMA_LENIENT, "istio", &entry.obj, &id, &ds) == OBJECT_OK);
	store_put(s, source, &place);
	object_unref(entry.obj);
}

/* The settings come back the same, and give way to those that are valid or to none. */
static void mesh(void **state)
{
	struct hash128 last = {0}, want;
	struct object_set set;
	struct store *s;
	struct fix f;
	size_t n = 0;
	int source;

	(void)state;
	start(&f);
	object_set_init(&set, NULL, 0, settings(&f.arena, "trustDomain: one\nconnectTimeout: 3s\ndefaultConfig: {concurrency: 2}\n"));
	want = set.mesh_hash;
	assert_int_equal(disk_save(f.path, &set, "", &last, &f.e), 0);
	object_set_unref(&set);
	s = store_new("cluster.local", "istio-system");
	source = store_source_add(s, "kubernetes");
	put_mesh_map(s, source, "a: [", &f.arena);
	assert_int_equal(disk_load(f.path, s, take_any, &n, &f.saved_s, &f.e), 0);
	assert_int_equal(n, 0);
	store_commit(s);
	assert_true(hash_equal(store_objects(s)->mesh_hash, want));
	put_mesh_map(s, source, "", &f.arena);
	store_commit(s);
	assert_string_equal(store_objects(s)->mesh->trust_domain, "two");
	store_remove(s, source, "istio");
	store_commit(s);
	assert_string_equal(store_objects(s)->mesh->trust_domain, "cluster.local");
	store_free(s);
	/* without a ConfigMap they do not count any more */
	s = store_new("cluster.local", "istio-system");
	assert_int_equal(disk_load(f.path, s, take_any, &n, &f.saved_s, &f.e), 0);
	store_commit(s);
	assert_false(hash_equal(store_objects(s)->mesh_hash, want));
	store_free(s);
	stop(&f);
}

struct saved {
	struct object_set set;
	struct loop *loop;
	const char *path;
};

static const struct object_set *current(void *arg)
{
	return &((struct saved *)arg)->set;
}

static bool appears(struct saved *s)
{
	int64_t end_ns = loop_clock_ns(s->loop) + 30000000000;

	while (access(s->path, F_OK) && loop_clock_ns(s->loop) < end_ns)
		loop_turn(s->loop, 10);
	return !access(s->path, F_OK);
}

/* What cannot be written is tried again; freed in the middle, it ends what it does. */
static void retries(void **state)
{
	struct saved s = {0};
	struct disk_saver *saver;
	struct job_pool *pool;
	struct fix f;

	(void)state;
	start(&f);
	make_set(80, &s.set);
	s.loop = loop_new(&f.e);
	pool = job_pool_new(s.loop, 1, &f.e);
	s.path = arena_printf(&f.arena, "%s/later/generation", f.dir);
	saver = disk_saver_new(s.loop, pool, s.path, "kept/");
	disk_saver_kick(saver, 5, current, &s);
	for (int i = 0; i < 5; i++)
		loop_turn(s.loop, 10);
	assert_int_equal(mkdir(arena_printf(&f.arena, "%s/later", f.dir), 0700), 0);
	assert_true(appears(&s));
	f.path = s.path;
	assert_int_equal(load(&f), 0);
	assert_int_equal(f.port, 80);
	object_set_unref(&s.set);
	make_set(81, &s.set);
	disk_saver_kick(saver, 0, current, &s);
	loop_turn(s.loop, 10);
	disk_saver_free(saver);
	job_pool_free(pool);
	object_set_unref(&s.set);
	loop_free(s.loop);
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
/* Saves one generation after the other and tells which; every third time the disk is full after some bytes. */
static void save_for_ever(struct fix *f, int n, int told)
{
	signal(SIGXFSZ, SIG_IGN);
	for (;;) {
		bool full = ++n % 3 == 0;
		struct rlimit limit = {full ? (rlim_t)(n * 37 % 6000) : RLIM_INFINITY, RLIM_INFINITY};
		int rc;

		if (setrlimit(RLIMIT_FSIZE, &limit))
			break;
		rc = save(f, n);
		if (rc ? !full : write(told, &n, sizeof(n)) != sizeof(n))
			break;
	}
}

static void killed(void **state)
{
	const char *asked = getenv("NAVARCH_KILLS");
	int kills = asked ? atoi(asked) : KILLS;
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(save(&f, 1), 0);
	for (int i = 0; i < kills; i++) {
		int told[2], last = 0, n, status;
		pid_t child;

		assert_int_equal(load(&f), 0);
		n = f.port;
		assert_int_equal(pipe(told), 0);
		child = fork();
		if (!child) {
			save_for_ever(&f, n, told[1]);
			_exit(1);
		}
		close(told[1]);
		usleep((useconds_t)(i * 700 % 20000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));	/* it went on until then */
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
		cmocka_unit_test(round_trip), cmocka_unit_test(damage), cmocka_unit_test(one_before), cmocka_unit_test(unchanged),
		cmocka_unit_test(mesh), cmocka_unit_test(full_disk), cmocka_unit_test(retries), cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
