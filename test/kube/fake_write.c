/* SPDX-License-Identifier: Apache-2.0
 *
 * Patches as kube-apiserver 1.34 takes them: merge patches and JSON patches, the status subresource, a resourceVersion in
 * them as a precondition, nothing written where nothing changes.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "fake_int.h"

enum { BODY_MAX = 4 * 1024 * 1024 };

static struct node *parse(const char *text, size_t n, struct arena *a)
{
	struct diags ds;

	diags_init(&ds, a);
	return node_parse_json(text, n, NULL, a, &ds).root;
}

static struct node *find(struct node *map, const char *key)
{
	return (struct node *)(uintptr_t)node_get(map, key);
}

static void set(struct node *map, const char *key, const struct node *value, struct arena *a)
{
	struct node *at = find(map, key);
	struct node_member *v;

	if (at) {
		*at = *value;
		return;
	}
	v = arena_array(a, struct node_member, map->n + 1);
	if (map->n)
		memcpy(v, map->map, map->n * sizeof(*v));
	v[map->n++] = (struct node_member){.key = arena_strdup(a, key), .value = *value};
	map->map = v;
}

static void drop(struct node *map, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->map[i].key, key) != 0)
			map->map[n++] = map->map[i];
	map->n = n;
}

/* RFC 7396 */
static void merge(struct node *to, const struct node *patch, struct arena *a)
{
	for (size_t i = 0; i < patch->n; i++) {
		const struct node *value = &patch->map[i].value;
		struct node *at = find(to, patch->map[i].key), empty = {.kind = NODE_MAP};

		if (value->kind == NODE_NULL) {
			drop(to, patch->map[i].key);
		} else if (value->kind != NODE_MAP) {
			set(to, patch->map[i].key, value, a);
		} else {
			if (!at || at->kind != NODE_MAP)
				set(to, patch->map[i].key, &empty, a);
			merge(find(to, patch->map[i].key), value, a);
		}
	}
}

/* One step of a JSON pointer, or NULL. */
static struct node *step(struct node *at, const char *name)
{
	int64_t index;

	if (at->kind != NODE_LIST)
		return find(at, name);
	return !scalar_int(name, 0, (int64_t)at->n - 1, &index) ? &at->list[index] : NULL;
}

/* All but the last step; *last is that. */
static struct node *walk(struct node *root, const char *path, char *last, size_t size)
{
	struct node *at = root;

	while (at && *path == '/') {
		size_t n = strcspn(path + 1, "/");

		must(n < size);
		memcpy(last, path + 1, n);
		last[n] = '\0';
		path += n + 1;
		if (!*path)
			return at;
		at = step(at, last);
	}
	return NULL;
}

/* RFC 6902: test and replace of members and elements, add of members. */
static unsigned json_patch(struct node *root, const struct node *ops, struct arena *a)
{
	for (size_t i = 0; i < ops->n; i++) {
		const char *op = node_text(&ops->list[i], "op"), *path = node_text(&ops->list[i], "path");
		const struct node *value = node_get(&ops->list[i], "value");
		char last[256];
		struct node *at = op && path && value ? walk(root, path, last, sizeof(last)) : NULL;

		if (!at || (strcmp(op, "add") ? !step(at, last) : at->kind != NODE_MAP))
			return 422;
		if (!strcmp(op, "test")) {
			if (!node_equal(step(at, last), value))
				return 422;
		} else if (at->kind == NODE_LIST) {
			*step(at, last) = *value;
		} else {
			set(at, last, value, a);
		}
	}
	return 200;
}

/* ---- who wrote what: of a status the members that are maps, which is all that anybody here asks for ---- */

static const char *field(const char *name, struct arena *a)
{
	return arena_printf(a, "f:%s", name);
}

static struct node *make(struct node *map, const char *key, enum node_kind kind, struct arena *a)
{
	const struct node empty = {.kind = kind};

	if (!find(map, key))
		set(map, key, &empty, a);
	return find(map, key);
}

static void disown(struct node *entries, const char *member, const char *inner, struct arena *a)
{
	for (size_t i = 0; i < entries->n; i++) {
		struct node *status = find(find(&entries->list[i], "fieldsV1"), "f:status"), *at = find(status, field(member, a));

		if (at)
			drop(at, field(inner, a));
	}
}

static void own(struct node *entries, const char *manager, const char *member, const char *inner, struct arena *a)
{
	struct node *entry = NULL, *v, text = {.kind = NODE_STRING};

	for (size_t i = 0; i < entries->n && !entry; i++)
		if (!strcmp(node_text(&entries->list[i], "manager"), manager) && node_text(&entries->list[i], "subresource"))
			entry = &entries->list[i];
	if (!entry) {
		v = arena_array(a, struct node, entries->n + 1);
		for (size_t i = 0; i < entries->n; i++)
			v[i] = entries->list[i];
		entries->list = v;
		entry = &v[entries->n++];
		*entry = (struct node){.kind = NODE_MAP};
		text.text = manager;
		text.n = strlen(manager);
		set(entry, "manager", &text, a);
		text.text = "status";
		text.n = strlen(text.text);
		set(entry, "subresource", &text, a);
	}
	make(make(make(make(entry, "fieldsV1", NODE_MAP, a), "f:status", NODE_MAP, a), field(member, a), NODE_MAP, a), field(inner, a),
	     NODE_MAP, a);
}

static void note_owner(struct node *root, const struct node *was, const char *manager, struct arena *a)
{
	const struct node *status = node_get(root, "status"), *before = node_get(was, "status");
	struct node *entries = make(find(root, "metadata"), "managedFields", NODE_LIST, a);

	for (size_t i = 0; before && i < before->n; i++) {
		const struct node *old = &before->map[i].value, *new = node_get(status, before->map[i].key);

		for (size_t k = 0; old->kind == NODE_MAP && k < old->n; k++)
			if (!new || !node_get(new, old->map[k].key))
				disown(entries, before->map[i].key, old->map[k].key, a);
	}
	for (size_t i = 0; status && i < status->n; i++) {
		const struct node *old = node_get(before, status->map[i].key), *new = &status->map[i].value;

		for (size_t k = 0; new->kind == NODE_MAP && k < new->n; k++) {
			const struct node *value = node_get(old, new->map[k].key);

			if (value && node_equal(value, &new->map[k].value))
				continue;
			disown(entries, status->map[i].key, new->map[k].key, a);
			own(entries, manager, status->map[i].key, new->map[k].key, a);
		}
	}
}

/* "2026-01-02T03:04:05.000000Z": six digits, no more and no less (kube-facts.md 5) */
static bool is_micro_time(const char *text)
{
	const char *dot = text ? strchr(text, '.') : NULL;

	return !text || (dot && strspn(dot + 1, "0123456789") == 6 && !strcmp(dot + 7, "Z"));
}

static bool is_fine(const struct fake_resource *r, const struct node *root)
{
	const struct node *spec = node_get(root, "spec");

	return strcmp(r->kind, "Lease") != 0 ||
	       (is_micro_time(node_text(spec, "renewTime")) && is_micro_time(node_text(spec, "acquireTime")));
}

static unsigned apply(struct node *root, const struct node *patch, bool status, const char *type, struct arena *a)
{
	struct node *was = node_copy(root, a), *meta = find(root, "metadata"), *old;
	unsigned code = 200;

	if (!strcmp(type, "application/json-patch+json"))
		code = patch->kind == NODE_LIST ? json_patch(root, patch, a) : 400;
	else if (!strcmp(type, "application/merge-patch+json"))
		merge(root, patch, a);
	else
		return 415;
	if (code != 200)
		return code;
	/* of the object nothing but its status, or everything else */
	for (size_t i = 0; status && i < was->n; i++)
		if (strcmp(was->map[i].key, "status") != 0 && strcmp(was->map[i].key, "metadata") != 0)
			set(root, was->map[i].key, &was->map[i].value, a);
	old = find(was, "status");
	if (!status && old)
		set(root, "status", old, a);
	else if (!status && strstr(node_text(was, "apiVersion"), "istio.io"))
		drop(root, "status");
	meta = find(root, "metadata");
	return strcmp(node_text(meta, "resourceVersion"), node_text(find(was, "metadata"), "resourceVersion")) != 0 ? 409 : 200;
}

unsigned fake_write_patch(struct fake_store *s, struct fake_resource *r, const struct fake_patch *p)
{
	const struct fake_object *o = fake_store_get(r, p->ns, p->name);
	struct node *root, *was;
	const struct node *patch;
	struct arena a;
	struct buf text;
	unsigned code;

	if (!o)
		return 404;
	arena_init(&a, 0);
	buf_init(&text, BODY_MAX);
	was = parse(o->json, strlen(o->json), &a);
	root = parse(o->json, strlen(o->json), &a);
	patch = parse(p->body, p->n, &a);
	code = patch ? apply(root, patch, p->status, p->content_type ? p->content_type : "", &a) : 400;
	if (code == 200 && !is_fine(r, root))
		code = 400;
	if (code == 200 && !node_equal(root, was)) {
		if (p->status)
			note_owner(root, was, p->manager, &a);
		node_to_json(root, false, false, &text);
		must(!fake_store_put(s, r, buf_cstr(&text), text.n));
	}
	buf_fini(&text);
	arena_fini(&a);
	return code;
}

unsigned fake_write_post(struct fake_store *s, struct fake_resource *r, const char *body, size_t n)
{
	struct arena a;
	const struct node *root, *meta;
	const char *ns, *name;
	unsigned code = 201;

	arena_init(&a, 0);
	root = parse(body, n, &a);
	meta = node_get(root, "metadata");
	ns = node_text(meta, "namespace");
	name = node_text(meta, "name");
	if (!name || !is_fine(r, root))
		code = 400;
	else if (fake_store_get(r, ns ? ns : "", name))
		code = 409;
	else if (fake_store_put(s, r, body, n))
		code = 400;
	arena_fini(&a);
	return code;
}
