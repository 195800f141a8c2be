/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dir.h"

#include <string.h>

#include "base/vec.h"
#include "ev/file.h"

/* One file in the making. */
struct reading {
	struct dir_scan *scan;
	const char *path;
	enum schema_mode mode;
	struct diags findings;		/* of the file itself */
	VEC(struct store_entry) entries;
	bool unnamed;			/* a document whose object cannot be told */
};

static void add_entry(struct reading *r, const struct object_id *id, struct object *obj, const struct diags *ds,
		      struct pos pos)
{
	*vec_push(&r->entries, &r->scan->arena) = (struct store_entry){.kind = id->kind,
								       .ns = id->ns,
								       .name = id->name,
								       .obj = obj,
								       .pos = pos,
								       .diags = ds->v,
								       .n_diags = ds->n};
}

static void read_object(struct reading *r, const struct node *root, bool bad)
{
	struct diags ds;
	struct object *obj = NULL;
	struct object_id id = {.kind = -1};
	enum object_outcome outcome;

	diags_init(&ds, &r->scan->arena);
	outcome = object_decode(root, r->mode, r->path, &obj, &id, &ds);
	if (bad && outcome == OBJECT_OK) {	/* half of it was read: it is no object */
		object_unref(obj);
		obj = NULL;
		outcome = OBJECT_INVALID;
		ds.n = 0;
	}
	if (outcome == OBJECT_OK) {
		ds.n = 0;	/* warnings are the object's own */
		id = (struct object_id){.kind = (int)obj->kind, .ns = obj->ns, .name = obj->name};
		add_entry(r, &id, obj, &ds, root->pos);
		return;
	}
	if (outcome == OBJECT_INVALID && id.kind >= 0 && id.name && *id.name) {
		add_entry(r, &id, NULL, &ds, root->pos);
		return;
	}
	r->unnamed = r->unnamed || outcome == OBJECT_INVALID;
	for (size_t i = 0; i < ds.n; i++)
		diags_copy(&r->findings, &ds.v[i]);
}

static void read_text(struct reading *r, const struct buf *text, struct arena *scratch)
{
	struct node_docs docs;

	diags_object(&r->findings, (struct diag_object){.file = r->path});
	docs = node_parse(text->p ? text->p : "", text->n, 1, scratch, &r->findings);
	for (size_t i = 0; i < docs.n; i++) {
		const struct node *root = docs.v[i].root, *items = root ? object_list_items(root) : NULL;

		if (!root) {
			r->unnamed = true;
			continue;
		}
		for (size_t j = 0; items && j < items->n; j++)
			read_object(r, &items->list[j], docs.v[i].bad);
		if (!items)
			read_object(r, root, docs.v[i].bad);
	}
}

static const struct dir_file *find_known(const struct dir_known *known, const char *path)
{
	size_t lo = 0, hi = known->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(known->v[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < known->n && strcmp(known->v[lo].path, path) == 0 ? &known->v[lo] : NULL;
}

static void scan_file(struct dir_scan *s, const char *path, const struct dir_known *known, enum schema_mode mode,
		      struct arena *scratch, struct dir_change *out)
{
	const struct dir_file *old = find_known(known, path);
	struct reading r = {.scan = s, .path = path, .mode = mode};
	struct arena_mark mark = arena_mark(scratch);
	struct buf text;
	struct err e;

	diags_init(&r.findings, &s->arena);
	buf_init(&text, DIR_FILE_MAX);
	out->file.path = out->place.name = path;
	if (file_read(path, &text, &e) < 0) {
		out->outcome = DIR_UNREADABLE;
		diags_object(&r.findings, (struct diag_object){.file = path});
		diag_add(&r.findings, e.code == ERR_LIMIT ? D_LIMIT_SIZE : D_FILE_UNREADABLE, (struct pos){0}, "", "%s",
			 e.text);
	} else {
		out->file.hash = hash_bytes(text.p ? text.p : "", text.n);
		out->outcome = old && hash_equal(old->hash, out->file.hash) ? DIR_SAME : DIR_READ;
		if (out->outcome == DIR_READ)
			read_text(&r, &text, scratch);
	}
	out->place.v = r.entries.v;
	out->place.n = r.entries.n;
	out->place.findings = r.findings.v;
	out->place.n_findings = r.findings.n;
	out->place.keep_missing = r.unnamed || out->outcome == DIR_UNREADABLE;
	buf_fini(&text);
	arena_rewind(scratch, mark);
}

void dir_scan(const char *root, const struct dir_known *known, enum schema_mode mode, struct arena *scratch,
	      struct dir_scan *s)
{
	static const char *const suffixes[] = {".yaml", ".yml", ".json", NULL};
	struct file_list files;

	*s = (struct dir_scan){0};
	arena_init(&s->arena, 0);
	if (file_list(root, suffixes, &s->arena, &files, &s->err) < 0) {
		s->failed = true;
		return;
	}
	if (files.n == 0) {
		err_set(&s->err, ERR_NOT_FOUND, "%s: no *.yaml, *.yml or *.json file", root);
		s->failed = true;
		return;
	}
	s->v = arena_array(&s->arena, struct dir_change, files.n);
	for (; s->n < files.n; s->n++)
		scan_file(s, files.v[s->n], known, mode, scratch, &s->v[s->n]);
}

void dir_scan_fini(struct dir_scan *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0; j < s->v[i].place.n; j++)
			object_unref(s->v[i].place.v[j].obj);
	arena_fini(&s->arena);
	*s = (struct dir_scan){0};
}

/* ---- loop ---- */

static bool scan_has(const struct dir_scan *s, const char *path)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->v[mid].file.path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && strcmp(s->v[lo].file.path, path) == 0;
}

static void remember(const struct dir_scan *s, struct dir_known *known)
{
	arena_fini(&known->arena);
	arena_init(&known->arena, 0);
	known->v = arena_array(&known->arena, struct dir_file, s->n);
	known->n = s->n;
	for (size_t i = 0; i < s->n; i++)
		known->v[i] = (struct dir_file){arena_strdup(&known->arena, s->v[i].file.path), s->v[i].file.hash};
}

size_t dir_apply(const struct dir_scan *s, struct store *store, int source, struct dir_known *known)
{
	if (s->failed)
		return 0;
	for (size_t i = 0; i < known->n; i++)
		if (!scan_has(s, known->v[i].path))
			store_remove(store, source, known->v[i].path);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].outcome != DIR_SAME)
			store_put(store, source, &s->v[i].place);
	remember(s, known);
	return store_commit(store);
}

int store_load_dir(struct store *store, int source, const char *root, enum schema_mode mode, struct err *e)
{
	struct dir_known known = {0};
	struct arena scratch;
	struct dir_scan scan;
	int rc = 0;

	arena_init(&scratch, 0);
	dir_scan(root, &known, mode, &scratch, &scan);
	if (scan.failed) {
		*e = scan.err;
		rc = -1;
	} else {
		dir_apply(&scan, store, source, &known);
		store_source_synced(store, source);
	}
	dir_scan_fini(&scan);
	arena_fini(&known.arena);
	arena_fini(&scratch);
	return rc;
}
