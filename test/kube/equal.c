/* SPDX-License-Identifier: Apache-2.0
 *
 * The objects of every golden case, served by the fake API server, give the same resources, bytes and verdicts as from
 * the files: directory and API server are equal sources. And so do they when they were on disk between. usage: equal [AREA/CASE]
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/must.h"
#include "base/vec.h"
#include "ev/file.h"
#include "fake_load.h"
#include "golden.h"
#include "store/disk.h"
#include "world.h"

enum { SYNC_MS = 20000 };

/* False when an API server could not hold the document: no name, or a second one of the name. */
static bool serve_doc(struct world *w, struct node *root, struct map *seen)
{
	const struct node *meta = node_get(root, "metadata");
	const char *ns = node_text(meta, "namespace");

	if (map_set(seen, arena_printf(&w->arena, "%s/%s/%s", node_text(root, "kind"), ns ? ns : "default", node_text(meta, "name")), w))
		return false;
	/* a time is part of an object: without one in the file there is none from the server */
	return fake_load(w->api, root, true, &w->arena);
}

/* False when the case is none for an API server. */
static bool serve_case(struct world *w)
{
	struct node_docs docs;
	struct diags ds;
	struct map seen;
	struct buf text;
	struct err e;
	bool ok = true;

	buf_init(&text, GOLDEN_TEXT_MAX);
	must(!file_read("in.yaml", &text, &e));
	diags_init(&ds, &w->arena);
	map_init(&seen, &w->arena);
	docs = node_parse(text.p, text.n, 1, &w->arena, &ds);
	for (size_t i = 0; ok && i < docs.n; i++) {
		const struct node *items = docs.v[i].root ? object_list_items(docs.v[i].root) : NULL;

		ok = docs.v[i].root && !docs.v[i].bad && (items || serve_doc(w, docs.v[i].root, &seen));
		for (size_t k = 0; ok && items && k < items->n; k++)
			ok = serve_doc(w, &items->list[k], &seen);
	}
	buf_fini(&text);
	return ok;
}

static int sync_source(struct world *w, struct err *e)
{
	struct source_kube_cfg cfg = world_source_cfg(w);
	int64_t until;

	if (source_kube_open(&cfg, &w->source, e))
		return -1;
	until = loop_clock_ns(w->loop) / 1000000 + SYNC_MS;
	while (!store_synced(w->store)) {
		if (loop_clock_ns(w->loop) / 1000000 > until)
			return err_set(e, ERR_TIMEOUT, "the source does not get in sync");
		loop_turn(w->loop, 50);
	}
	return 0;
}

/* Settings of a file of the case are there before its objects: they say which of them count. */
static int set_mesh(struct world *w, const struct golden_case *c, struct err *e)
{
	struct buf text;
	struct diags ds;
	int rc;

	store_set_revision(w->store, c->revision);
	if (!c->has_mesh)
		return 0;
	buf_init(&text, GOLDEN_TEXT_MAX);
	diags_init(&ds, &w->arena);
	rc = file_read("mesh.yaml", &text, e);
	if (!rc && store_set_mesh(w->store, buf_cstr(&text), text.n, "mesh.yaml", &ds))
		rc = err_set(e, ERR_SYNTAX, "mesh.yaml does not hold a second time");
	buf_fini(&text);
	return rc;
}

/* What the file says, without what a daemon does not read of a cluster. */
static size_t take_file_objects(const struct golden_case *c, struct object **v)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_objs; i++) {
		if (!kind_info(c->objs[i]->kind)->files_only)
			v[n++] = c->objs[i];
	}
	return n;
}

static size_t take_kube_objects(const struct store *s, struct object **v, size_t max)
{
	const struct object_set *set = store_objects(s);
	size_t n = 0;

	for (size_t k = 0; k < KIND_COUNT; k++)
		for (size_t i = 0; i < set->kind[k]->n && n < max; i++)
			v[n++] = set->kind[k]->v[i];
	return n;
}

/* The generations of two sets of objects are the same. */
static int compare(const struct golden_case *c, struct object *const *want_v, size_t n_want, struct object *const *got_v, size_t n_got,
		   const struct mesh_settings *settings, struct err *e)
{
	struct live want = {0}, got = {0};
	struct res_table table;
	int rc;

	res_table_init(&table);
	rc = live_build(c, &table, NULL, c->settings, want_v, n_want, &want, e);
	if (!rc)
		rc = live_build(c, &table, NULL, c->has_mesh ? c->settings : settings, got_v, n_got, &got, e);
	if (!rc)
		rc = live_compare(c, &got, &want, e);
	live_fini(c, &table, &want);
	live_fini(c, &table, &got);
	res_table_fini(&table);
	return rc;
}

static int compare_kube(const struct golden_case *c, const struct world *w, struct err *e)
{
	struct object **want = calloc(c->n_objs + 1, sizeof(*want)), **got = calloc(2 * c->n_objs + 2, sizeof(*got));
	size_t n_want, n_got;
	int rc;

	must(want && got);
	n_want = take_file_objects(c, want);
	n_got = take_kube_objects(w->store, got, 2 * c->n_objs + 2);
	rc = compare(c, want, n_want, got, n_got, store_objects(w->store)->settings, e);
	free(want);
	free(got);
	return rc;
}

struct read_back {
	struct arena arena;
	VEC(struct object *) v;
	size_t refused;
};

static void take_from_disk(void *arg, const struct node *root, struct hash128 hash)
{
	struct read_back *r = arg;
	struct object_id id;
	struct object *o;
	struct diags ds;

	diags_init(&ds, &r->arena);
	if (object_decode(root, SCHEMA_LENIENT, NULL, &o, &id, &ds) == OBJECT_OK) {
		o->hash = hash;
		*vec_push(&r->v, &r->arena) = o;
	} else {
		r->refused++;
	}
}

/* What is written to disk and read back is the same generation. */
static int compare_disk(const struct golden_case *c, struct err *e)
{
	char path[] = "/tmp/navarch-equal-XXXXXX", old[sizeof(path) + 4];
	struct read_back r = {0};
	struct hash128 last = {0};
	int64_t saved_s;
	int fd = mkstemp(path), rc;

	must(fd >= 0);
	snprintf(old, sizeof(old), "%s.old", path);
	close(fd);
	arena_init(&r.arena, 0);
	rc = disk_save(path, store_objects(c->store), "", &last, e);
	if (!rc)
		rc = disk_load(path, NULL, take_from_disk, &r, &saved_s, e);
	if (!rc && (r.refused || r.v.n != c->n_objs))
		rc = err_set(e, ERR_SYNTAX, "%zu objects of %zu come back from disk, %zu are refused", r.v.n, c->n_objs, r.refused);
	if (!rc)
		rc = compare(c, c->objs, c->n_objs, r.v.v, r.v.n, c->settings, e);
	for (size_t i = 0; i < r.v.n; i++)
		object_unref(r.v.v[i]);
	arena_fini(&r.arena);
	unlink(path);
	unlink(old);
	return rc;
}

/* 1: equal, 0: no case for an API server, -1: not equal. */
static int run_case(const char *name, struct err *e)
{
	struct golden_case c;
	struct world w;
	int rc = 0;

	if (!strncmp(strchr(name, '/'), "/strict-", 8) || !access("then.yaml", F_OK) || access("in.yaml", F_OK))
		return 0;
	world_open(&w);
	fake_register_kinds(w.api);
	if (golden_open(&c, name, e) || compare_disk(&c, e))
		rc = -1;
	else if (serve_case(&w))
		rc = set_mesh(&w, &c, e) || sync_source(&w, e) || compare_kube(&c, &w, e) ? -1 : 1;
	golden_close(&c);
	world_close(&w);
	return rc;
}

int main(int argc, char **argv)
{
	char top[4096];
	size_t equal = 0, other = 0, failed = 0;
	glob_t found;

	must(getcwd(top, sizeof(top)));
	must(!glob("test/golden/*/*/about.txt", 0, NULL, &found));
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *path = found.gl_pathv[i], *name = path + strlen("test/golden/");
		struct err e;
		int rc;

		*strrchr(path, '/') = '\0';
		if (argc > 1 && strcmp(argv[1], name) != 0)
			continue;
		must(!chdir(path));
		rc = run_case(name, &e);
		must(!chdir(top));
		equal += rc > 0;
		other += rc == 0;
		failed += rc < 0;
		if (rc < 0)
			printf("FAIL %s: %s\n", name, e.text);
	}
	globfree(&found);
	printf("%zu passed, %zu failed, 0 skipped\n", equal, failed);
	return failed || !equal || other > equal;
}
