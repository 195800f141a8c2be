/* SPDX-License-Identifier: Apache-2.0
 *
 * The objects of the simulated API server: each write is an event of its kind, and what was there at an earlier
 * version follows from the events.
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "sim_kube.h"

bool api_reads(enum kind kind)
{
	return !kind_info(kind)->files_only;
}

void api_init(struct api *a, struct loop *l, struct sim_random *r)
{
	*a = (struct api){.random = r, .loop = l, .version = 1000, .compacted = 1, .version_prefix = "", .page = 500};
	arena_init(&a->arena, 0);
	map_init(&a->objects, NULL);
	map_init(&a->requests, NULL);
	for (int k = 0; k < KIND_COUNT; k++)
		a->kinds[k] = (struct api_kind){.present = true, .served = ~0u};
}

static void free_value(const char *key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	free(value);
}

void api_fini(struct api *a)
{
	for (size_t i = 0; i < a->all.n; i++) {
		object_unref(a->all.v[i]->obj);
		vec_fini(&a->all.v[i]->good);
	}
	for (int k = 0; k < KIND_COUNT; k++)
		vec_fini(&a->kinds[k].events);
	vec_fini(&a->all);
	map_fini(&a->objects);
	map_each(&a->requests, free_value, NULL);
	map_fini(&a->requests);
	arena_fini(&a->arena);
}

/* ---- objects ---- */

static void key_of(enum kind kind, const char *ns, const char *name, char out[200])
{
	snprintf(out, 200, "%d/%s/%s", kind, ns, name);
}

struct api_object *api_find(const struct api *a, enum kind kind, const char *ns, const char *name)
{
	char key[200];

	key_of(kind, ns, name, key);
	return map_get(&a->objects, key);
}

static struct api_object *object_of(struct api *a, enum kind kind, const char *ns, const char *name)
{
	struct api_object *o = api_find(a, kind, ns, name);
	char key[200];

	if (o)
		return o;
	o = arena_new(&a->arena, struct api_object);
	o->kind = kind;
	o->ns = arena_strdup(&a->arena, ns);
	o->name = arena_strdup(&a->arena, name);
	key_of(kind, ns, name, key);
	map_set(&a->objects, key, o);
	*vec_push(&a->all, NULL) = o;
	return o;
}

static const char *version_text(struct api *a, uint64_t version)
{
	return arena_printf(&a->arena, "%s%llu", a->version_prefix, (unsigned long long)version);
}

static void put_members(struct buf *out, const struct node *map, const char *const *without)
{
	for (size_t i = 0; i < map->n; i++) {
		bool skip = false;

		for (const char *const *w = without; *w; w++)
			skip = skip || !strcmp(map->map[i].key, *w);
		if (skip)
			continue;
		node_text_to_json(map->map[i].key, out);
		buf_char(out, ':');
		node_to_json(&map->map[i].value, false, false, out);
		buf_char(out, ',');
	}
}

/* What the server keeps of a manifest, with what it adds. */
static const char *rest_of(struct api *a, const struct api_object *o, const struct node *root, bool spoiled)
{
	static const char *const mine[] = {"apiVersion", "kind", "metadata", NULL}, *const body[] = {"apiVersion", "kind", "metadata", "spec", NULL};
	static const char *const given[] = {"uid", "resourceVersion", "namespace", NULL};
	const struct node *meta = node_get(root, "metadata");
	const char *rest;
	struct buf out;

	buf_init(&out, 1 << 20);
	put_members(&out, root, spoiled ? body : mine);
	if (spoiled)
		buf_str(&out, "\"spec\":7,");
	buf_str(&out, "\"metadata\":{");
	put_members(&out, meta, given);
	if (*o->ns)
		buf_printf(&out, "\"namespace\":\"%s\",", o->ns);
	buf_printf(&out, "\"uid\":\"u%llu\",\"resourceVersion\":\"%s\",\"managedFields\":[{\"manager\":\"m\",\"fieldsV1\":{\"f:spec\":{}}}]}}",
		   (unsigned long long)o->uid, version_text(a, o->version));
	must(!out.failed);
	rest = arena_strndup(&a->arena, out.p, out.n);
	buf_fini(&out);
	return rest;
}

/* What the source will make of it. */
static struct object *decode(const struct api_object *o)
{
	const struct kind_info *info = kind_info(o->kind);
	struct object *obj = NULL;
	struct object_keep keep;
	struct object_id id;
	struct node_doc doc;
	struct diags ds;
	struct arena a;
	const char *text;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	text = arena_printf(&a, "{\"apiVersion\":\"%s%s%.*s\",\"kind\":\"%s\",%s", info->group, *info->group ? "/" : "",
			    (int)strcspn(info->versions, " "), info->versions, info->name, o->rest);
	object_keep(o->kind, &keep);
	doc = node_parse_json(text, strlen(text), &keep.root, &a, &ds);
	must(doc.root && !doc.bad);
	if (object_decode(doc.root, SCHEMA_LENIENT,
			  arena_printf(&a, "kubernetes/%s/%s%s%s", info->plural, o->ns, *o->ns ? "/" : "", o->name), &obj, &id,
			  &ds) != OBJECT_OK) {
		object_unref(obj);
		obj = NULL;
	}
	arena_fini(&a);
	return obj;
}

static void take_form(struct api *a, struct api_object *o)
{
	if (!o->obj)
		o->bad_ms = loop_now_ms(a->loop);
	object_unref(o->obj);
	o->obj = decode(o);
	if (!o->obj)
		o->bad_ms = loop_now_ms(a->loop);
	else
		*vec_push(&o->good, NULL) = o->obj->hash;
}

static void add_event(struct api *a, struct api_object *o, const char *type)
{
	*vec_push(&a->kinds[o->kind].events, NULL) =
	    (struct api_event){.version = o->version, .type = type, .rest = o->rest, .object = o};
	sim_note(a->loop, type, o->version);
	http_wake(a, o->kind);
}

struct api_object *api_apply(struct api *a, const char *text, size_t n, bool spoiled)
{
	struct api_object *o = NULL;
	const struct node *root;
	struct node_docs docs;
	const char *api, *kind, *name, *ns;
	struct diags ds;
	struct arena tmp;
	int k;

	arena_init(&tmp, 0);
	diags_init(&ds, &tmp);
	docs = node_parse(text, n, 1, &tmp, &ds);
	root = docs.n == 1 && !docs.v[0].bad ? docs.v[0].root : NULL;
	api = node_text(root, "apiVersion");
	kind = node_text(root, "kind");
	name = node_text(node_get(root, "metadata"), "name");
	ns = node_text(node_get(root, "metadata"), "namespace");
	k = api && kind ? kind_find(api, kind) : -1;
	if (k >= 0 && name && a->kinds[k].present) {
		const char *was;

		o = object_of(a, (enum kind)k, !kind_info((enum kind)k)->namespaced ? "" : ns ? ns : "default", name);
		was = o->there ? "MODIFIED" : "ADDED";
		o->uid = o->there ? o->uid : ++a->last_uid;
		o->since_ms = o->there ? o->since_ms : loop_now_ms(a->loop);
		o->there = true;
		o->version = ++a->version;
		o->rest = rest_of(a, o, root, spoiled);
		take_form(a, o);
		add_event(a, o, was);
	}
	arena_fini(&tmp);
	return o;
}

void api_remove(struct api *a, struct api_object *o, bool event)
{
	const char *last = strstr(o->rest, ",\"resourceVersion\":");

	if (!o->there)
		return;
	o->there = false;
	o->gone++;
	o->version = ++a->version;
	/* the event of an end has the version of the end */
	o->rest = arena_printf(&a->arena, "%.*s,\"resourceVersion\":\"%s\"}}", (int)(last - o->rest), o->rest, version_text(a, o->version));
	if (event)
		add_event(a, o, "DELETED");
	else
		*vec_push(&a->kinds[o->kind].events, NULL) = (struct api_event){.version = o->version, .type = "", .object = o};
}

/* ---- history ---- */

struct api_item *api_items(const struct api *a, enum kind kind, uint64_t version, struct arena *arena, size_t *n)
{
	const struct api_kind *k = &a->kinds[kind];
	struct api_item *v = arena_array(arena, struct api_item, k->events.n + 1);

	*n = 0;
	for (size_t i = 0; i < k->events.n && k->events.v[i].version <= version; i++) {
		const struct api_event *e = &k->events.v[i];
		size_t at = 0;

		while (at < *n && v[at].object != e->object)
			at++;
		if (at == *n)
			(*n)++;
		v[at] = (struct api_item){e->object, e->rest};
		if (*e->type != 'A' && *e->type != 'M')
			v[at] = v[--*n];
	}
	return v;
}

void api_compact(struct api *a)
{
	a->compacted = a->version;
}

void api_restore(struct api *a, uint64_t version)
{
	for (size_t i = 0; i < a->all.n; i++) {
		struct api_object *o = a->all.v[i];
		struct api_kind *k = &a->kinds[o->kind];
		bool was = o->there;

		o->there = false;
		for (size_t j = 0; j < k->events.n && k->events.v[j].version <= version; j++) {
			const struct api_event *e = &k->events.v[j];

			if (e->object != o)
				continue;
			o->there = *e->type == 'A' || *e->type == 'M';
			o->version = e->version;
			o->rest = e->rest ? e->rest : o->rest;
		}
		o->gone += was && !o->there;
		if (o->there)
			take_form(a, o);
	}
	for (int k = 0; k < KIND_COUNT; k++) {
		struct api_kind *kind = &a->kinds[k];

		while (kind->events.n && kind->events.v[kind->events.n - 1].version > version)
			kind->events.n--;
		if (!kind->present)
			api_appear(a, (enum kind)k);
		kind->odd_ms = loop_now_ms(a->loop);
		kind->since = 1;
	}
	a->version = version;
	a->compacted = version;
}

void api_vanish(struct api *a, enum kind kind)
{
	for (size_t i = 0; i < a->all.n; i++)
		if (a->all.v[i]->kind == kind)
			api_remove(a, a->all.v[i], true);
	a->kinds[kind].present = false;
	a->kinds[kind].odd_ms = loop_now_ms(a->loop);
	http_end_watches(a, kind);
}

void api_appear(struct api *a, enum kind kind)
{
	if (a->kinds[kind].present)
		return;
	a->kinds[kind].present = true;
	a->kinds[kind].odd_ms = loop_now_ms(a->loop);
	a->kinds[kind].since = ++a->version;
}
