/* SPDX-License-Identifier: Apache-2.0 */
#include "model/load.h"

#include <string.h>

enum { PARSE_MEMORY_MAX = 1024 * 1024 * 1024 };

struct loader {
	const char *file;
	enum schema_mode mode;
	struct diags *ds;
	load_fn *fn;
	void *arg;
	size_t n;
};

static void hand_over(struct loader *l, struct load_item *item)
{
	item->n_diags = l->ds->n - item->first_diag;
	l->n++;
	l->fn(item, l->arg);
}

/* False when the file has too many objects. */
static bool load_object(struct loader *l, const struct node *root)
{
	struct load_item item = {.first_diag = l->ds->n};
	struct object *o;

	if (l->n >= LOAD_OBJECTS_MAX) {
		diags_object(l->ds, (struct diag_object){.file = l->file});
		diag_add(l->ds, D_LIMIT_COUNT, root->pos, "", "a file may have %d objects", LOAD_OBJECTS_MAX);
		return false;
	}
	item.outcome = object_decode(root, l->mode, l->file, &o, &item.id, l->ds);
	if (item.outcome == OBJECT_OK)
		item.object = o;
	else
		item.refused = o;
	hand_over(l, &item);
	object_unref(item.refused);
	return true;
}

/* Text that did not parse, or whose keys are ambiguous: nothing of it counts but its name. */
static void refuse(struct loader *l, const struct node_doc *doc)
{
	struct load_item item = {.outcome = OBJECT_INVALID, .first_diag = l->ds->n, .id.kind = -1};
	const struct node *meta = doc->root ? node_get(doc->root, "metadata") : NULL;
	const char *version = doc->root ? node_text(doc->root, "apiVersion") : NULL;
	const char *kind = doc->root ? node_text(doc->root, "kind") : NULL;
	const char *name = node_text(meta, "name"), *ns = node_text(meta, "namespace");

	if (version && kind && name) {
		item.id.kind = kind_find(version, kind);
		item.id.kind_name = arena_strdup(l->ds->arena, kind);
		item.id.name = arena_strdup(l->ds->arena, name);
		item.id.ns = arena_strdup(l->ds->arena, ns ? ns : "default");
		if (item.id.kind >= 0 && !kind_info((enum kind)item.id.kind)->namespaced)
			item.id.ns = "";
	}
	hand_over(l, &item);
}

static bool load_doc(struct loader *l, const struct node_doc *doc)
{
	const struct node *items;

	if (doc->bad || !doc->root) {
		refuse(l, doc);
		return true;
	}
	items = object_list_items(doc->root);
	if (!items)
		return load_object(l, doc->root);
	for (size_t i = 0; i < items->n; i++) {
		if (!load_object(l, &items->list[i]))
			return false;
	}
	return true;
}

size_t load_text(const char *file, const char *text, size_t len, enum schema_mode mode, struct diags *ds,
		 load_fn *fn, void *arg)
{
	struct loader l = {.file = arena_strdup(ds->arena, file), .mode = mode, .ds = ds, .fn = fn, .arg = arg};
	struct node_docs docs;
	struct arena a;

	diags_object(ds, (struct diag_object){.file = l.file});
	if (len > LOAD_FILE_MAX) {
		diag_add(ds, D_LIMIT_SIZE, (struct pos){1, 1}, "", "the file has %zu bytes; %d MiB are allowed", len,
			 LOAD_FILE_MAX >> 20);
		return 0;
	}
	arena_init(&a, PARSE_MEMORY_MAX);
	docs = node_parse(text, len, 1, &a, ds);
	for (size_t i = 0; i < docs.n && load_doc(&l, &docs.v[i]); i++)
		;
	arena_fini(&a);
	diags_object(ds, (struct diag_object){.file = l.file});
	return l.n;
}
