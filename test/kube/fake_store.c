/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { OBJECT_MAX = 4 * 1024 * 1024 };

static char *copy(const char *text)
{
	char *c = strdup(text);

	must(c);
	return c;
}

void fake_store_init(struct fake_store *s)
{
	*s = (struct fake_store){.version = 1000};
}

static void free_object(struct fake_object *o)
{
	free(o->ns);
	free(o->name);
	free(o->json);
}

void fake_store_fini(struct fake_store *s)
{
	for (size_t i = 0; i < s->resources.n; i++) {
		struct fake_resource *r = s->resources.v[i];

		for (size_t k = 0; k < r->v.n; k++)
			free_object(&r->v.v[k]);
		vec_fini(&r->v);
		free(r->path);
		free(r->kind);
		free(r->api_version);
		free(r);
	}
	for (size_t i = 0; i < s->events.n; i++) {
		free(s->events.v[i].ns);
		free(s->events.v[i].name);
		free(s->events.v[i].json);
	}
	vec_fini(&s->resources);
	vec_fini(&s->events);
}

struct fake_resource *fake_store_find(const struct fake_store *s, const char *path)
{
	for (size_t i = 0; i < s->resources.n; i++)
		if (!strcmp(s->resources.v[i]->path, path))
			return s->resources.v[i];
	return NULL;
}

/* "/apis/GROUP/VERSION/plural" -> "GROUP/VERSION", "/api/v1/plural" -> "v1" */
struct fake_resource *fake_store_register(struct fake_store *s, const char *path, const char *kind)
{
	struct fake_resource *r = fake_store_find(s, path);
	const char *version = path + (strncmp(path, "/apis/", 6) ? 5 : 6);

	if (r) {
		r->gone = false;
		return r;
	}
	r = calloc(1, sizeof(*r));
	must(r);
	r->path = copy(path);
	r->kind = copy(kind);
	r->api_version = strndup(version, (size_t)(strrchr(version, '/') - version));
	must(r->api_version);
	*vec_push(&s->resources, NULL) = r;
	return r;
}

static size_t place_of(const struct fake_resource *r, const char *ns, const char *name, bool *found)
{
	size_t lo = 0, hi = r->v.n;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(r->v.v[mid].ns, ns);

		if (!c)
			c = strcmp(r->v.v[mid].name, name);
		if (!c)
			*found = true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct fake_object *fake_store_get(const struct fake_resource *r, const char *ns, const char *name)
{
	bool found;
	size_t at = place_of(r, ns, name, &found);

	return found ? &r->v.v[at] : NULL;
}

static void set_member(struct node *map, const char *key, struct node value, struct arena *a)
{
	struct node_member *v;

	for (size_t i = 0; i < map->n; i++) {
		if (!strcmp(map->map[i].key, key)) {
			map->map[i].value = value;
			return;
		}
	}
	v = arena_array(a, struct node_member, map->n + 1);
	if (map->n)
		memcpy(v, map->map, map->n * sizeof(*v));
	v[map->n++] = (struct node_member){.key = key, .value = value};
	map->map = v;
}

static void set_text(struct node *map, const char *key, const char *text, struct arena *a)
{
	set_member(map, key, (struct node){.kind = NODE_STRING, .text = arena_strdup(a, text), .n = strlen(text)}, a);
}

static void set_number(struct node *map, const char *key, unsigned long long number, struct arena *a)
{
	const char *text = arena_printf(a, "%llu", number);

	set_member(map, key, (struct node){.kind = NODE_NUMBER, .text = text, .n = strlen(text)}, a);
}

/* As the last member. */
static void move_text(struct node *map, const char *key, const char *text, struct arena *a)
{
	size_t n = 0;

	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->map[i].key, key) != 0)
			map->map[n++] = map->map[i];
	map->n = n;
	set_text(map, key, text, a);
}

static char *to_json(const struct node *root)
{
	struct buf out;
	char *text;

	buf_init(&out, OBJECT_MAX);
	node_to_json(root, false, false, &out);
	text = copy(buf_cstr(&out));
	buf_fini(&out);
	return text;
}

static void note_event(struct fake_store *s, struct fake_resource *r, const char *type, const char *ns, const char *name,
		       const char *json)
{
	*vec_push(&s->events, NULL) = (struct fake_event){r, s->version, type, copy(ns), copy(name), copy(json)};
}

/* The object as it is stored: with the version, a uid and a time that stay. */
static char *complete(struct fake_store *s, const struct fake_resource *r, struct node *root, struct node *meta,
		      const struct fake_object *old, struct arena *a)
{
	set_text(meta, "resourceVersion", arena_printf(a, "%llu", (unsigned long long)s->version), a);
	set_number(meta, "generation", 1, a);
	if (old) {
		struct diags ds;
		struct node_doc was;
		const struct node *m, *spec;

		diags_init(&ds, a);
		was = node_parse_json(old->json, strlen(old->json), NULL, a, &ds);
		m = node_get(was.root, "metadata");
		spec = node_get(was.root, "spec");
		set_number(meta, "generation", strtoull(node_get(m, "generation")->text, NULL, 10) +
			   (spec && node_get(root, "spec") && !node_equal(spec, node_get(root, "spec"))), a);
		set_text(meta, "uid", node_text(m, "uid"), a);
		set_text(meta, "creationTimestamp", node_text(m, "creationTimestamp"), a);
	}
	if (!node_get(meta, "uid"))
		set_text(meta, "uid", arena_printf(a, "00000000-0000-4000-8000-%012llx", (unsigned long long)s->version), a);
	if (!node_get(meta, "creationTimestamp"))
		set_text(meta, "creationTimestamp", "2026-01-02T03:04:05Z", a);
	/* at the end, where lists of Kubernetes' own kinds cut them off */
	move_text(root, "apiVersion", r->api_version, a);
	move_text(root, "kind", r->kind, a);
	return to_json(root);
}

int fake_store_put(struct fake_store *s, struct fake_resource *r, const char *json, size_t n)
{
	struct node *root, *meta;
	const char *ns, *name;
	struct arena a;
	struct diags ds;
	bool found;
	size_t at;
	char *text;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	root = node_parse_json(json, n, NULL, &a, &ds).root;
	meta = (struct node *)(uintptr_t)(root ? node_get(root, "metadata") : NULL);
	name = node_text(meta, "name");
	ns = node_text(meta, "namespace") ? node_text(meta, "namespace") : "";
	if (!name) {
		arena_fini(&a);
		return -1;
	}
	s->version++;
	at = place_of(r, ns, name, &found);
	text = complete(s, r, root, meta, found ? &r->v.v[at] : NULL, &a);
	if (found) {
		free(r->v.v[at].json);
	} else {
		vec_push(&r->v, NULL);
		memmove(&r->v.v[at + 1], &r->v.v[at], (r->v.n - 1 - at) * sizeof(r->v.v[0]));
		r->v.v[at] = (struct fake_object){.ns = copy(ns), .name = copy(name)};
	}
	r->v.v[at].json = text;
	r->v.v[at].version = s->version;
	note_event(s, r, found ? "MODIFIED" : "ADDED", ns, name, text);
	arena_fini(&a);
	return 0;
}

/* The last event of an object carries the version of its end. */
static void note_end(struct fake_store *s, struct fake_resource *r, const struct fake_object *o)
{
	struct arena a;
	struct diags ds;
	struct node *root;
	char *text;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	root = node_parse_json(o->json, strlen(o->json), NULL, &a, &ds).root;
	set_text((struct node *)(uintptr_t)node_get(root, "metadata"), "resourceVersion",
		 arena_printf(&a, "%llu", (unsigned long long)s->version), &a);
	text = to_json(root);
	note_event(s, r, "DELETED", o->ns, o->name, text);
	free(text);
	arena_fini(&a);
}

bool fake_store_delete(struct fake_store *s, struct fake_resource *r, const char *ns, const char *name, bool silently)
{
	bool found;
	size_t at = place_of(r, ns, name, &found);
	struct fake_object o;

	if (!found)
		return false;
	o = r->v.v[at];
	memmove(&r->v.v[at], &r->v.v[at + 1], (--r->v.n - at) * sizeof(o));
	s->version++;
	if (!silently)
		note_end(s, r, &o);
	free_object(&o);
	return true;
}
