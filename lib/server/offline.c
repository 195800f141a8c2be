/* SPDX-License-Identifier: Apache-2.0 */
#include "server/offline.h"

#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "ev/file.h"
#include "mesh/proxy.h"
#include "model/load.h"

struct collector {
	struct offline *o;
	struct diags *ds;
	VEC(struct store_entry) entries;
};

static void collect(const struct load_item *item, void *arg)
{
	struct collector *c = arg;

	if (item->outcome == OBJECT_SKIPPED) {
		c->o->n_skipped++;
		return;
	}
	if (item->id.kind < 0 || !item->id.name) {
		object_unref(item->object);
		return;
	}
	if (item->refused)
		*vec_push(&c->o->refused, &c->o->arena) = object_ref(item->refused);
	c->o->n_objects++;
	*vec_push(&c->entries, &c->o->arena) = (struct store_entry){
	    .kind = item->id.kind,
	    .ns = item->id.ns,
	    .name = item->id.name,
	    .obj = item->object,
	    .pos = item->object ? item->object->pos : (struct pos){0},
	    .diags = item->object ? NULL : c->ds->v + item->first_diag,
	    .n_diags = item->object ? 0 : item->n_diags,
	};
}

/* Findings that belong to no object: a document that did not parse, a kind that is skipped. */
static bool is_of_file(const struct diag *d, const struct collector *c)
{
	for (size_t i = 0; i < c->entries.n; i++) {
		const struct store_entry *e = &c->entries.v[i];

		if (e->n_diags && d >= e->diags && d < e->diags + e->n_diags)
			return false;
	}
	return !d->object.kind;
}

static void load(struct offline *o, const char *file, const char *text, size_t len,
		 enum schema_mode mode)
{
	struct diags *ds = arena_new(&o->arena, struct diags);
	struct collector c = {.o = o, .ds = ds};
	struct store_place place = {.name = file};
	struct diag *findings;

	diags_init(ds, &o->arena);
	load_text(file, text, len, mode, ds, collect, &c);
	findings = arena_array(&o->arena, struct diag, ds->n);
	place.findings = findings;
	for (size_t i = 0; i < ds->n; i++) {
		if (is_of_file(&ds->v[i], &c))
			findings[place.n_findings++] = ds->v[i];
	}
	place.v = c.entries.v;
	place.n = c.entries.n;
	*vec_push(&o->places, &o->arena) = place;
}

/* A directory without Kubernetes Services has no cluster, and so no cluster domain: short names are
 * "<name>.<namespace>" there. */
static const char *domain_of(const struct offline *o, const struct offline_opts *opts)
{
	if (opts->domain || opts->read_live)
		return opts->domain ? opts->domain : "cluster.local";
	for (size_t i = 0; i < o->places.n; i++) {
		for (size_t k = 0; k < o->places.v[i].n; k++) {
			if (o->places.v[i].v[k].kind == KIND_SERVICE)
				return "cluster.local";
		}
	}
	return "";
}

static int fill_store(struct offline *o, const struct offline_opts *opts, struct err *e)
{
	int source = store_source_add(o->store, "files");

	store_source_overlay(o->store, source);
	for (size_t i = 0; i < o->places.n; i++)
		store_put(o->store, source, &o->places.v[i]);
	store_source_synced(o->store, source);
	store_commit(o->store);
	if (opts->read_live && opts->read_live(opts->arg, o->store, e))
		return -1;
	store_findings(o->store, &o->findings);
	return 0;
}

static void drop_objects(struct offline *o)
{
	for (size_t i = 0; i < o->places.n; i++) {
		for (size_t k = 0; k < o->places.v[i].n; k++)
			object_unref(o->places.v[i].v[k].obj);
	}
	o->places.n = 0;
}

static int read_file(struct offline *o, const char *path, const char **text, size_t *len,
		     struct err *e)
{
	struct buf b;

	buf_init(&b, LOAD_FILE_MAX + 1);
	if (file_read(path, &b, e)) {
		buf_fini(&b);
		return -1;
	}
	*len = b.n;
	*text = arena_strndup(&o->arena, b.p ? b.p : "", b.n);
	buf_fini(&b);
	map_set(&o->texts, path, (char *)*text);
	return 0;
}

static int load_stdin(struct offline *o, enum schema_mode mode, struct err *e)
{
	struct buf b;
	char *room;
	ssize_t n = 1;

	buf_init(&b, LOAD_FILE_MAX + 1);
	while (n > 0 && (room = buf_room(&b, 65536))) {
		n = read(STDIN_FILENO, room, 65536);
		if (n > 0)
			buf_added(&b, (size_t)n);
	}
	if (n < 0 || b.failed) {
		buf_fini(&b);
		return err_set(e, ERR_IO, "standard input cannot be read, or is larger than %d MB",
			       LOAD_FILE_MAX / 1024 / 1024);
	}
	map_set(&o->texts, "-", arena_strndup(&o->arena, b.p ? b.p : "", b.n));
	load(o, "-", map_get(&o->texts, "-"), b.n, mode);
	buf_fini(&b);
	return 0;
}

static int load_path(struct offline *o, const char *path, enum schema_mode mode, struct err *e)
{
	static const char *const suffixes[] = {".yaml", ".yml", ".json", NULL};
	struct file_list files;

	if (!strcmp(path, "-"))
		return load_stdin(o, mode, e);
	if (file_list(path, suffixes, &o->arena, &files, e))
		return -1;
	for (size_t i = 0; i < files.n; i++) {
		const char *text;
		size_t len;

		if (read_file(o, files.v[i], &text, &len, e))
			return -1;
		load(o, files.v[i], text, len, mode);
	}
	return 0;
}

static int load_mesh(struct offline *o, const char *path, struct err *e)
{
	const char *text;
	size_t len;

	if (read_file(o, path, &text, &len, e))
		return -1;
	store_set_mesh(o->store, text, len, path, &o->findings);
	return 0;
}

int offline_init(struct offline *o, const struct offline_opts *opts, struct err *e)
{
	*o = (struct offline){0};
	arena_init(&o->arena, 0);
	map_init(&o->texts, NULL);
	diags_init(&o->findings, &o->arena);
	for (size_t i = 0; i < opts->n_paths; i++) {
		if (load_path(o, opts->paths[i], opts->mode, e))
			return -1;
	}
	o->store = store_new(domain_of(o, opts), "istio-system");
	store_set_revision(o->store, opts->revision);
	if (opts->mesh_config && load_mesh(o, opts->mesh_config, e))
		return -1;
	if (fill_store(o, opts, e))
		return -1;
	o->snap = snapshot_build(NULL, store_objects(o->store));
	if (!o->snap)
		return err_set(e, ERR_NO_MEMORY, "no memory for the snapshot");
	snapshot_adopt(o->snap);
	return 0;
}

void offline_fini(struct offline *o)
{
	drop_objects(o);
	for (size_t i = 0; i < o->refused.n; i++)
		object_unref(o->refused.v[i]);
	snapshot_unref(o->snap);
	store_free(o->store);
	map_fini(&o->texts);
	arena_fini(&o->arena);
}

const struct compiled *offline_compile(const struct offline *o, const struct proxy *proxy,
				       struct arena *a)
{
	struct view *view = arena_new(a, struct view);

	view_build(o->snap, proxy, a, view);
	return compile_view(o->snap, view, NULL, a);
}

void offline_print(const struct offline *o, const struct diag *d, FILE *out)
{
	diag_print(out, d, d->object.file ? map_get(&o->texts, d->object.file) : NULL);
}
