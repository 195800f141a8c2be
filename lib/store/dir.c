/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dir.h"

#include <string.h>

#include "base/vec.h"
#include "ev/file.h"
#include "model/load.h"

enum { FINDINGS_MAX = 20000 };	/* of one file */

/* One file in the making. */
struct reading {
	struct arena *arena;
	struct diags ds;		/* all findings, in the order of the text */
	struct diags findings;		/* those that belong to no object of the file */
	size_t n_seen;			/* of ds */
	VEC(struct store_entry) entries;
	bool unnamed;			/* a document whose object cannot be told */
};

/* What ds has got since belongs to the file itself. */
static void take_findings(struct reading *r, size_t end)
{
	for (; r->n_seen < end; r->n_seen++)
		diags_copy(&r->findings, &r->ds.v[r->n_seen]);
}

static void take_item(const struct load_item *item, void *arg)
{
	struct reading *r = arg;
	const struct object_id *id = &item->id;
	struct store_entry e = {.kind = id->kind, .ns = id->ns, .name = id->name, .obj = item->object};

	take_findings(r, item->first_diag);
	if (item->object) {		/* its warnings are its own */
		e.kind = (int)item->object->kind;
		e.ns = item->object->ns;
		e.name = item->object->name;
		e.pos = item->object->pos;
		r->n_seen += item->n_diags;
	} else if (item->outcome == OBJECT_INVALID && id->kind >= 0 && id->name && *id->name) {
		e.n_diags = item->n_diags;
		e.diags = item->n_diags ? &r->ds.v[item->first_diag] : NULL;
		e.pos = item->n_diags ? e.diags->pos : (struct pos){0};
		r->n_seen += item->n_diags;
	} else {
		take_findings(r, item->first_diag + item->n_diags);
		r->unnamed = r->unnamed || item->outcome == OBJECT_INVALID;
		return;
	}
	*vec_push(&r->entries, r->arena) = e;
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
		      struct dir_change *out)
{
	const struct dir_file *old = find_known(known, path);
	struct reading r = {.arena = &s->arena};
	struct buf text;
	struct err e;

	diags_init(&r.ds, &s->arena);
	r.ds.limit = FINDINGS_MAX;
	diags_init(&r.findings, &s->arena);
	buf_init(&text, LOAD_FILE_MAX);
	out->file.path = out->place.name = path;
	if (file_read(path, &text, &e) < 0) {
		out->outcome = DIR_UNREADABLE;
		diags_object(&r.findings, (struct diag_object){.file = path});
		diag_add(&r.findings, e.code == ERR_LIMIT ? D_LIMIT_SIZE : D_FILE_UNREADABLE, (struct pos){0}, "", "%s",
			 e.text);
	} else {
		out->file.hash = hash_bytes(text.p ? text.p : "", text.n);
		out->outcome = old && hash_equal(old->hash, out->file.hash) ? DIR_SAME : DIR_READ;
		if (out->outcome == DIR_READ) {
			load_text(path, text.p ? text.p : "", text.n, mode, &r.ds, take_item, &r);
			take_findings(&r, r.ds.n);
		}
	}
	out->place.v = r.entries.v;
	out->place.n = r.entries.n;
	out->place.findings = r.findings.v;
	out->place.n_findings = r.findings.n;
	out->place.keep_missing = r.unnamed || out->outcome == DIR_UNREADABLE;
	buf_fini(&text);
}

void dir_scan(const char *root, const struct dir_known *known, enum schema_mode mode, struct dir_scan *s)
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
		scan_file(s, files.v[s->n], known, mode, &s->v[s->n]);
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
	for (size_t i = 0, k = 0; i < known->n; i++) {
		while (k < s->n && strcmp(s->v[k].file.path, known->v[i].path) < 0)
			k++;
		if (k == s->n || strcmp(s->v[k].file.path, known->v[i].path) != 0)
			store_remove(store, source, known->v[i].path);
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].outcome != DIR_SAME)
			store_put(store, source, &s->v[i].place);
	remember(s, known);
	return store_commit(store);
}
