/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/must.h"
#include "ev/file.h"
#include "store/source_file.h"

struct fix {
	struct arena arena;
	char dir[64];
	struct store *store;
	struct loop *loop;
	struct job_pool *pool;
	struct source_file *source;
	int changes;
};

static void write_file(struct fix *f, const char *name, const char *text)
{
	const char *path = arena_printf(&f->arena, "%s/%s", f->dir, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void remove_file(struct fix *f, const char *name)
{
	assert_int_equal(unlink(arena_printf(&f->arena, "%s/%s", f->dir, name)), 0);
}

static void on_change(void *arg)
{
	((struct fix *)arg)->changes++;
}

static void setup(struct fix *f)
{
	*f = (struct fix){0};
	arena_init(&f->arena, 0);
	strcpy(f->dir, "/tmp/navarch-source-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->store = store_new("cluster.local", "istio-system");
	log_set_level(LOG_LEVEL_NONE);
}

static void teardown(struct fix *f)
{
	char cmd[128];

	source_file_close(f->source);
	job_pool_free(f->pool);
	loop_free(f->loop);
	store_free(f->store);
	arena_fini(&f->arena);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", f->dir);
	assert_int_equal(system(cmd), 0);
}

static const struct object *get(struct fix *f, const char *name)
{
	return kind_list_find(store_objects(f->store)->kind[KIND_SERVICE], "default", name);
}

static const struct diag *find(struct fix *f, enum diag_code code)
{
	struct diags ds;

	diags_init(&ds, &f->arena);
	store_findings(f->store, &ds);
	for (size_t i = 0; i < ds.n; i++)
		if (ds.v[i].code == code)
			return &ds.v[i];
	return NULL;
}

#define SVC(name) "apiVersion: v1\nkind: Service\nmetadata:\n  name: " name "\nspec:\n  ports: [{port: 80}]\n"

static int load(struct store *store, int source, const char *root, struct err *e)
{
	struct dir_known known = {0};
	struct dir_scan scan;
	int rc = 0;

	dir_scan(root, &known, SCHEMA_LENIENT, &scan);
	if (scan.failed) {
		*e = scan.err;
		rc = -1;
	} else {
		dir_apply(&scan, store, source, &known);
		store_source_synced(store, source);
	}
	dir_scan_fini(&scan);
	arena_fini(&known.arena);
	return rc;
}

static void loads(void **state)
{
	struct fix f;
	struct err e;
	int src;

	(void)state;
	setup(&f);
	src = store_source_add(f.store, "dir");
	assert_int_equal(load(f.store, src, "/no/such/place", &e), -1);
	assert_int_equal(load(f.store, src, f.dir, &e), -1);
	assert_false(store_synced(f.store));
	write_file(&f, "a.yaml", SVC("a") "---\n" SVC("b"));
	write_file(&f, "z.yaml", SVC("b"));
	write_file(&f, "list.json", "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\","
				    "\"kind\":\"Service\",\"metadata\":{\"name\":\"c\"},\"spec\":{\"ports\":[{\"port\":80}]}}]}");
	write_file(&f, "note.txt", "not read");
	assert_int_equal(load(f.store, src, f.dir, &e), 0);
	assert_true(store_synced(f.store));
	assert_int_equal(store_objects(f.store)->kind[KIND_SERVICE]->n, 3);
	assert_int_equal(get(&f, "b")->pos.line, 8);
	assert_non_null(find(&f, D_DUPLICATE_OBJECT));
	assert_non_null(strstr(find(&f, D_DUPLICATE_OBJECT)->object.file, "z.yaml"));
	assert_non_null(strstr(find(&f, D_DUPLICATE_OBJECT)->text, "a.yaml:8"));
	teardown(&f);
}

/* Turns the loop until a change was told, or a while passed. */
static bool wait_change(struct fix *f)
{
	int before = f->changes;

	for (int i = 0; i < 200 && f->changes == before; i++)
		loop_turn(f->loop, 20);
	return f->changes > before;
}

static void follows(void **state)
{
	struct fix f;
	struct err e;
	const struct object *a;

	(void)state;
	setup(&f);
	f.loop = loop_new(&e);
	f.pool = job_pool_new(f.loop, 1, &e);
	write_file(&f, "a.yaml", SVC("a") "---\n" SVC("b"));
	write_file(&f, "c.yaml", SVC("c"));
	assert_int_equal(source_file_open(&(struct source_file_cfg){.loop = f.loop, .pool = f.pool, .store = f.store,
								     .root = f.dir, .mode = SCHEMA_LENIENT,
								     .changed = on_change, .arg = &f},
					  &f.source, &e), 0);
	assert_true(store_synced(f.store));
	a = get(&f, "a");
	assert_non_null(a);

	/* one document breaks: its neighbour goes on, its object keeps the last good form */
	write_file(&f, "a.yaml", SVC("a") "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: [\n");
	assert_true(wait_change(&f));
	assert_ptr_equal(get(&f, "a"), a);
	assert_non_null(get(&f, "b"));
	assert_non_null(find(&f, D_LAST_GOOD_KEPT));
	assert_non_null(find(&f, D_SYNTAX));
	assert_true(find(&f, D_SYNTAX)->pos.line >= 11);

	/* it is mended, another one is invalid */
	write_file(&f, "a.yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec: 7\n---\n" SVC("b"));
	assert_true(wait_change(&f));
	assert_ptr_equal(get(&f, "a"), a);
	assert_true(store_is_kept(f.store, a));
	assert_int_equal(find(&f, D_FIELD_TYPE)->pos.line, 5);
	assert_null(find(&f, D_SYNTAX));

	remove_file(&f, "a.yaml");
	assert_true(wait_change(&f));
	assert_null(get(&f, "a"));
	assert_non_null(get(&f, "c"));

	/* an empty directory is more likely a mistake than a wish */
	remove_file(&f, "c.yaml");
	for (int i = 0; i < 30; i++)
		loop_turn(f.loop, 10);
	assert_non_null(get(&f, "c"));
	write_file(&f, "d.yaml", SVC("d"));
	assert_true(wait_change(&f));
	assert_null(get(&f, "c"));
	assert_non_null(get(&f, "d"));
	teardown(&f);
}

#define MESH(text) "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: \"" text "\"\n"

static int open_kept(struct fix *f, const char *root, const char *state, struct err *e)
{
	return source_file_open(&(struct source_file_cfg){.loop = f->loop, .pool = f->pool, .store = f->store, .root = root,
							  .mode = SCHEMA_LENIENT, .state = state, .changed = on_change, .arg = f},
				&f->source, e);
}

static void wait_saved(struct fix *f, const char *state, const char *what)
{
	int64_t end_ns = loop_clock_ns(f->loop) + 30000000000;	/* to sync a file may take seconds */
	bool has = false;

	while (!has && loop_clock_ns(f->loop) < end_ns) {
		struct buf text;
		struct err e;

		loop_turn(f->loop, 10);
		buf_init(&text, 1 << 20);
		has = !file_read(state, &text, &e) && strstr(buf_cstr(&text), what);
		buf_fini(&text);
	}
	assert_true(has);
}

static void start_again(struct fix *f)
{
	source_file_close(f->source);
	f->source = NULL;
	store_free(f->store);
	f->store = store_new("cluster.local", "istio-system");
}

/* The last good forms, of the mesh settings too, survive a restart: without the directory, and with what is invalid in it. */
static void starts_from_disk(void **state)
{
	const char *saved, *root;
	const struct object *a;
	struct fix f;
	struct err e;

	(void)state;
	setup(&f);
	f.loop = loop_new(&e);
	f.pool = job_pool_new(f.loop, 1, &e);
	root = arena_printf(&f.arena, "%s/c", f.dir);
	saved = arena_printf(&f.arena, "%s/files", f.dir);
	assert_int_equal(mkdir(root, 0700), 0);
	write_file(&f, "c/a.yaml", SVC("a") "---\n" SVC("b"));
	write_file(&f, "c/m.yaml", MESH("trustDomain: one"));
	assert_int_equal(open_kept(&f, root, saved, &e), 0);
	assert_int_equal(store_restored_s(f.store), 0);
	wait_saved(&f, saved, "trustDomain: one");
	write_file(&f, "c/a.yaml", SVC("a") "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: b\nspec: 7\n");
	write_file(&f, "c/m.yaml", MESH("trustDomain: two") "  meshNetworks: \"networks: [\"\n");
	wait_saved(&f, saved, "networks: [");
	start_again(&f);

	assert_int_equal(rename(root, arena_printf(&f.arena, "%s/away", f.dir)), 0);
	assert_int_equal(open_kept(&f, arena_printf(&f.arena, "%s/cc", f.dir), saved, &e), -1);
	start_again(&f);
	assert_int_equal(open_kept(&f, root, saved, &e), 0);
	assert_true(store_synced(f.store) && store_restored_s(f.store) > 0);
	a = get(&f, "a");
	assert_non_null(a);
	assert_int_equal(get(&f, "b")->pos.line, 8);
	assert_string_equal(store_objects(f.store)->mesh->trust_domain, "one");

	assert_int_equal(rename(arena_printf(&f.arena, "%s/away", f.dir), root), 0);
	for (int64_t end_ns = loop_clock_ns(f.loop) + 20000000000; store_restored_s(f.store) && loop_clock_ns(f.loop) < end_ns;)
		loop_turn(f.loop, 10);
	assert_int_equal(store_restored_s(f.store), 0);
	assert_ptr_equal(get(&f, "a"), a);
	assert_true(store_is_kept(f.store, get(&f, "b")));
	assert_string_equal(store_objects(f.store)->mesh->trust_domain, "one");

	/* what the directory has not goes, once it can be read */
	start_again(&f);
	remove_file(&f, "c/m.yaml");
	write_file(&f, "c/a.yaml", SVC("c"));
	assert_int_equal(open_kept(&f, root, saved, &e), 0);
	assert_null(get(&f, "a"));
	assert_null(get(&f, "b"));
	assert_non_null(get(&f, "c"));
	assert_string_equal(store_objects(f.store)->mesh->trust_domain, "cluster.local");
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(loads), cmocka_unit_test(follows), cmocka_unit_test(starts_from_disk)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
