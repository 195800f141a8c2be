/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/must.h"
#include "base/vec.h"
#include "store/discovery.h"
#include "store/settings.h"

struct record;
struct place;

/* One place's word on one identity. */
struct claim {
	struct place *place;
	struct record *record;
	struct object *obj;		/* or NULL: invalid; counted */
	struct pos pos;
	const struct diag *diags;
	size_t n_diags;
	struct claim *next;		/* on the same identity */
};

/* There are as many as objects, of an API server. */
struct place {
	int source;
	const char *name;		/* behind the claims */
	struct arena *arena;		/* of findings, or NULL: there are none */
	const struct diag *findings;
	size_t n_findings;
	size_t n;
	struct claim claims[];
};

/* One identity. */
struct record {
	int kind;
	const char *ns, *name;		/* behind the struct */
	struct claim *claims;
	struct object *good;		/* in force as of the last commit, or NULL; counted */
	bool dirty;
};

struct source {
	char *name;
	bool synced, overlay;
	int64_t restored_s;		/* 0: it was not, or has been synced since */
	struct map places;		/* name -> struct place */
};

struct store {
	char *root_namespace;
	char *revision;			/* or NULL */
	char *mesh_map;			/* name of the ConfigMap with the settings */
	struct source sources[STORE_SOURCES_MAX];
	int n_sources;
	struct map records[KIND_COUNT];	/* "ns/name" -> struct record */
	VEC(struct record *) dirty;
	struct object_set set;
	struct discovery discovery;	/* what of set is given out */
	struct settings settings;	/* set has those of the last commit */
	uint64_t findings_version;
	uint64_t generation;
};

/* ---- life ---- */

static char *copy_text(const char *text)
{
	char *copy = strdup(text);

	must(copy && "out of memory");
	return copy;
}

struct store *store_new(const char *domain, const char *root_namespace)
{
	struct store *s = calloc(1, sizeof(*s));

	must(s && "out of memory");
	s->root_namespace = copy_text(root_namespace);
	s->mesh_map = copy_text("istio");
	for (size_t k = 0; k < KIND_COUNT; k++)
		map_init(&s->records[k], NULL);
	settings_init(&s->settings, domain);
	object_set_init(&s->set, NULL, 0, mesh_settings_ref(s->settings.now));
	return s;
}

void store_set_revision(struct store *s, const char *revision)
{
	static const char prefix[] = "istio-";

	must(!s->generation && !s->revision);
	if (!revision || !*revision)
		return;
	s->revision = copy_text(revision);
	s->discovery.revision = s->revision;
	if (strcmp(revision, "default") == 0)
		return;
	free(s->mesh_map);
	s->mesh_map = malloc(sizeof(prefix) + strlen(revision));
	must(s->mesh_map && "out of memory");
	memcpy(s->mesh_map, prefix, sizeof(prefix) - 1);
	memcpy(s->mesh_map + sizeof(prefix) - 1, revision, strlen(revision) + 1);
}

const char *store_mesh_map(const struct store *s)
{
	return s->mesh_map;
}

static void free_place(const char *key, void *value, void *arg)
{
	struct place *p = value;

	(void)key;
	(void)arg;
	for (size_t i = 0; i < p->n; i++)
		object_unref(p->claims[i].obj);
	if (p->arena)
		arena_fini(p->arena);
	free(p->arena);
	free(p);
}

static void free_record(const char *key, void *value, void *arg)
{
	struct record *r = value;

	(void)key;
	(void)arg;
	object_unref(r->good);
	free(r);
}

void store_free(struct store *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->n_sources; i++) {
		map_each(&s->sources[i].places, free_place, NULL);
		map_fini(&s->sources[i].places);
		free(s->sources[i].name);
	}
	for (size_t k = 0; k < KIND_COUNT; k++) {
		map_each(&s->records[k], free_record, NULL);
		map_fini(&s->records[k]);
	}
	vec_fini(&s->dirty);
	discovery_fini(&s->discovery);
	object_set_unref(&s->set);
	settings_fini(&s->settings);
	free(s->revision);
	free(s->mesh_map);
	free(s->root_namespace);
	free(s);
}

int store_source_add(struct store *s, const char *name)
{
	struct source *src = &s->sources[s->n_sources];

	must(s->n_sources < STORE_SOURCES_MAX);
	src->name = copy_text(name);
	map_init(&src->places, NULL);
	return s->n_sources++;
}

void store_source_overlay(struct store *s, int source)
{
	s->sources[source].overlay = true;
}

void store_source_synced(struct store *s, int source)
{
	s->sources[source].synced = true;
	s->sources[source].restored_s = 0;
}

void store_source_restored(struct store *s, int source, int64_t saved_s)
{
	s->sources[source].synced = true;
	s->sources[source].restored_s = saved_s > 0 ? saved_s : 1;
}

int64_t store_restored_s(const struct store *s)
{
	int64_t first = 0;

	for (int i = 0; i < s->n_sources; i++) {
		int64_t at = s->sources[i].restored_s;

		first = at && (!first || at < first) ? at : first;
	}
	return first;
}

bool store_synced(const struct store *s)
{
	for (int i = 0; i < s->n_sources; i++)
		if (!s->sources[i].synced)
			return false;
	return true;
}

/* ---- claims ---- */

static void mark_dirty(struct store *s, struct record *r)
{
	if (!r->dirty)
		*vec_push(&s->dirty, NULL) = r;
	r->dirty = true;
}

static struct record *record_of(struct store *s, int kind, const char *ns, const char *name)
{
	size_t n_ns = strlen(ns) + 1, n_name = strlen(name) + 1;
	struct arena a;
	struct record *r;
	void **slot;
	char *text;

	must(kind >= 0 && kind < KIND_COUNT);
	arena_init(&a, 0);
	slot = map_slot(&s->records[kind], arena_printf(&a, "%s/%s", ns, name));
	arena_fini(&a);
	if (*slot)
		return *slot;
	r = calloc(1, sizeof(*r) + n_ns + n_name);
	must(r && "out of memory");
	text = (char *)(r + 1);
	r->kind = kind;
	r->ns = memcpy(text, ns, n_ns);
	r->name = memcpy(text + n_ns, name, n_name);
	*slot = r;
	return r;
}

static void detach(struct store *s, struct claim *c)
{
	struct claim **at = &c->record->claims;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	mark_dirty(s, c->record);
}

static void attach(struct store *s, struct claim *c)
{
	c->next = c->record->claims;
	c->record->claims = c;
	mark_dirty(s, c->record);
}

static void drop_place(struct store *s, struct place *p)
{
	for (size_t i = 0; i < p->n; i++)
		detach(s, &p->claims[i]);
	free_place(NULL, p, NULL);
}

static const struct diag *copy_diags(struct place *p, const struct diag *v, size_t n, size_t *n_out)
{
	struct diags ds;

	*n_out = 0;
	if (!n)
		return NULL;
	if (!p->arena) {
		p->arena = malloc(sizeof(*p->arena));
		must(p->arena && "out of memory");
		arena_init(p->arena, 0);
	}
	diags_init(&ds, p->arena);
	for (size_t i = 0; i < n; i++)
		diags_copy(&ds, &v[i]);
	*n_out = ds.n;
	return ds.v;
}

static bool place_has(const struct place *p, const struct record *r)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->claims[i].record == r)
			return true;
	return false;
}

static struct place *make_place(struct store *s, int source, const struct store_place *in, size_t room)
{
	struct place *p = calloc(1, sizeof(*p) + room * sizeof(p->claims[0]) + strlen(in->name) + 1);

	must(p && "out of memory");
	p->source = source;
	p->name = strcpy((char *)&p->claims[room], in->name);
	for (size_t i = 0; i < in->n; i++) {
		const struct store_entry *e = &in->v[i];
		struct claim *c = &p->claims[p->n++];

		*c = (struct claim){.place = p,
				    .record = record_of(s, e->kind, e->ns, e->name),
				    .obj = e->obj ? object_ref(e->obj) : NULL,
				    .pos = e->pos};
		c->diags = copy_diags(p, e->diags, e->n_diags, &c->n_diags);
	}
	p->findings = copy_diags(p, in->findings, in->n_findings, &p->n_findings);
	return p;
}

/* Whether findings follow from it as it stands; but (or NULL) is about to go. */
static bool claim_talks(const struct store *s, const struct claim *c, const struct place *but)
{
	if (!c->obj || c->obj->n_diags || c->n_diags || discovery_foreign_revision(c->obj, s->revision))
		return true;
	for (const struct claim *other = c->record->claims; other; other = other->next)
		if (other != c && other->place != but)
			return true;
	return false;
}

static bool place_talks(const struct store *s, const struct place *p, const struct place *but)
{
	bool talks = p->n_findings;

	for (size_t i = 0; i < p->n && !talks; i++)
		talks = claim_talks(s, &p->claims[i], but);
	return talks;
}

void store_put(struct store *s, int source, const struct store_place *in)
{
	void **slot = map_slot(&s->sources[source].places, in->name);
	struct place *old = *slot;
	bool keep = in->keep_missing && old;
	struct place *p = make_place(s, source, in, in->n + (keep ? old->n : 0));

	for (size_t i = 0; keep && i < old->n; i++)
		if (!place_has(p, old->claims[i].record))
			p->claims[p->n++] = (struct claim){
			    .place = p, .record = old->claims[i].record, .pos = old->claims[i].pos};
	for (size_t i = 0; i < p->n; i++)
		attach(s, &p->claims[i]);
	s->findings_version += place_talks(s, p, old) || (old && place_talks(s, old, p));
	if (old)
		drop_place(s, old);
	*slot = p;
}

void store_remove(struct store *s, int source, const char *place)
{
	struct place *p = map_remove(&s->sources[source].places, place);

	if (!p)
		return;
	s->findings_version += place_talks(s, p, NULL);
	drop_place(s, p);
}

/* The claim that counts, or NULL. */
static const struct claim *first_claim(const struct record *r)
{
	const struct claim *best = NULL;

	for (const struct claim *c = r->claims; c; c = c->next) {
		int order;

		if (!best) {
			best = c;
			continue;
		}
		order = c->place->source - best->place->source;
		if (order == 0)
			order = strcmp(c->place->name, best->place->name);
		if (order < 0 || (order == 0 && c < best))
			best = c;
	}
	return best;
}

/* ---- commit ---- */

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const struct object *a, const struct object *b)
{
	return hash_equal(a->hash, b->hash) && text_equal(a->file, b->file) && a->pos.line == b->pos.line &&
	       a->n_diags == b->n_diags;
}

/* Brings r->good up to date; true if it changed. */
static bool settle(struct record *r)
{
	const struct claim *c = first_claim(r);
	struct object *old = r->good;

	if (c && (!c->obj || c->obj == old || (old && is_same(c->obj, old))))
		return false;
	if (!c && !old)
		return false;
	r->good = c ? object_ref(c->obj) : NULL;
	object_unref(old);
	return true;
}

static int compare_records(const void *a, const void *b)
{
	const struct record *x = *(struct record *const *)a, *y = *(struct record *const *)b;
	int c = x->kind - y->kind;

	if (c == 0)
		c = strcmp(x->ns, y->ns);
	return c ? c : strcmp(x->name, y->name);
}

static int compare_to_record(const struct object *o, const struct record *r)
{
	int c = strcmp(o->ns, r->ns);

	return c ? c : strcmp(o->name, r->name);
}

/* The old list with what the changed records (sorted) say now. */
static const struct kind_list *merge_list(const struct kind_list *old, struct record *const *v, size_t n)
{
	struct kind_list *l = kind_list_new(old->n + n);
	size_t i = 0, j = 0;

	while (i < old->n || j < n) {
		int c = i == old->n ? 1 : j == n ? -1 : compare_to_record(old->v[i], v[j]);

		if (c < 0) {
			l->v[l->n++] = object_ref(old->v[i++]);
			continue;
		}
		i += c == 0;
		if (v[j]->good)
			l->v[l->n++] = object_ref(v[j]->good);
		j++;
	}
	return l;
}

static void replace_lists(struct store *s, struct record *const *v, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		int kind = v[i]->kind;
		const struct kind_list *old = s->set.kind[kind];

		for (end = i + 1; end < n && v[end]->kind == kind; end++)
			;
		s->set.kind[kind] = merge_list(old, v + i, end - i);
		kind_list_unref(old);
	}
}

static void drop_record(struct store *s, struct record *r)
{
	struct arena a;

	arena_init(&a, 0);
	map_remove(&s->records[r->kind], arena_printf(&a, "%s/%s", r->ns, r->name));
	arena_fini(&a);
	free_record(NULL, r, NULL);
}

/* ---- settings ---- */

int store_set_mesh(struct store *s, const char *text, size_t len, const char *file, struct diags *ds)
{
	return settings_fix(&s->settings, text, len, file, ds);
}

void store_set_roots(struct store *s, const char *roots, const char *crl)
{
	settings_set_roots(&s->settings, roots, crl);
}

void store_restore_mesh(struct store *s, const struct node *root, const struct node *networks)
{
	settings_restore(&s->settings, root, networks);
}

static void read_settings(struct store *s)
{
	size_t before = s->settings.findings.n;

	settings_read(&s->settings, kind_list_find(s->set.kind[KIND_CONFIG_MAP], s->root_namespace, s->mesh_map));
	s->findings_version += before || s->settings.findings.n;
}

/* True when they differ from those of the last commit. */
static bool commit_settings(struct store *s)
{
	const struct mesh_settings *now = s->settings.now;

	if (hash_equal(now->hash, s->set.mesh_hash))
		return false;
	object_set_use(&s->set, mesh_settings_ref(now));
	return true;
}

size_t store_commit(struct store *s)
{
	size_t changed = 0;
	bool maps = false;

	if (s->dirty.n)
		qsort(s->dirty.v, s->dirty.n, sizeof(s->dirty.v[0]), compare_records);
	for (size_t i = 0; i < s->dirty.n; i++) {
		struct record *r = s->dirty.v[i];

		r->dirty = false;
		if (settle(r)) {
			struct record *t = s->dirty.v[changed];

			maps = maps || r->kind == KIND_CONFIG_MAP;
			s->dirty.v[changed++] = r;
			s->dirty.v[i] = t;
		}
	}
	replace_lists(s, s->dirty.v, changed);
	for (size_t i = 0; i < s->dirty.n; i++)
		if (!s->dirty.v[i]->claims)
			drop_record(s, s->dirty.v[i]);
	s->dirty.n = 0;
	if (maps || s->settings.restored)
		read_settings(s);
	changed += commit_settings(s);
	s->generation += changed > 0;
	if (changed)
		discovery_update(&s->discovery, &s->set);
	return changed;
}

uint64_t store_generation(const struct store *s)
{
	return s->generation;
}

const struct object_set *store_objects(const struct store *s)
{
	return s->discovery.active ? &s->discovery.to : &s->set;
}

/* ---- findings ---- */

static void object_findings(const struct store *s, const struct claim *c, struct diags *out)
{
	const struct record *r = c->record;
	const struct claim *first = first_claim(r);
	const struct place *at = c->place;
	const char *revision = c->obj ? discovery_foreign_revision(c->obj, s->revision) : NULL;

	if (first->place->source != at->source && s->sources[first->place->source].overlay)
		return;
	for (size_t i = 0; c->obj && i < c->obj->n_diags; i++)
		diags_copy(out, &c->obj->diags[i]);
	for (size_t i = 0; i < c->n_diags; i++)
		diags_copy(out, &c->diags[i]);
	diags_object(out, (struct diag_object){.kind = kind_info((enum kind)r->kind)->name,
					       .ns = arena_strdup(out->arena, r->ns),
					       .name = arena_strdup(out->arena, r->name),
					       .file = arena_strdup(out->arena, at->name)});
	if (revision)
		diag_add(out, D_REVISION_OTHER, c->pos, "metadata.labels", "it belongs to revision %s, and this one is %s", revision,
			 s->revision);
	if (first != c)
		diag_add(out, D_DUPLICATE_OBJECT, c->pos, "", "%s:%u has it already", first->place->name,
			 first->pos.line);
	else if (!c->obj && r->good)
		diag_add(out, D_LAST_GOOD_KEPT, c->pos, "", "the form of %s:%u before the change is in force",
			 r->good->file ? r->good->file : at->name, r->good->pos.line);
}

struct talking {
	const struct store *store;
	VEC(const struct place *) v;
	struct arena *a;
};

static void gather_talking(const char *key, void *value, void *arg)
{
	struct talking *t = arg;

	(void)key;
	if (place_talks(t->store, value, NULL))
		*vec_push(&t->v, t->a) = value;
}

static int compare_places(const void *a, const void *b)
{
	return strcmp((*(const struct place *const *)a)->name, (*(const struct place *const *)b)->name);
}

uint64_t store_findings_version(const struct store *s)
{
	return s->findings_version;
}

void store_findings(const struct store *s, struct diags *out)
{
	for (size_t i = 0; i < s->settings.findings.n; i++)
		diags_copy(out, &s->settings.findings.v[i]);
	for (int i = 0; i < s->n_sources; i++) {
		struct talking t = {.store = s, .a = out->arena};

		map_each(&s->sources[i].places, gather_talking, &t);
		if (t.v.n)
			qsort(t.v.v, t.v.n, sizeof(t.v.v[0]), compare_places);
		for (size_t j = 0; j < t.v.n; j++) {
			const struct place *p = t.v.v[j];

			for (size_t k = 0; k < p->n_findings; k++)
				diags_copy(out, &p->findings[k]);
			for (size_t k = 0; k < p->n; k++)
				object_findings(s, &p->claims[k], out);
		}
	}
	diags_object(out, (struct diag_object){0});
}

bool store_find_claim(const struct store *s, enum kind kind, const char *ns, const char *name, struct store_claim *out)
{
	struct arena a;
	const struct record *r;
	const struct claim *c;

	arena_init(&a, 0);
	r = map_get(&s->records[kind], arena_printf(&a, "%s/%s", ns, name));
	arena_fini(&a);
	c = r ? first_claim(r) : NULL;
	if (!c)
		return false;
	*out = (struct store_claim){.source = c->place->source, .obj = r->good, .invalid = !c->obj, .settled = !r->dirty};
	if (!c->obj) {
		out->diags = c->diags;
		out->n_diags = c->n_diags;
	}
	return true;
}

bool store_is_kept(const struct store *s, const struct object *obj)
{
	struct store_claim c;

	return store_find_claim(s, obj->kind, obj->ns, obj->name, &c) && c.invalid && c.obj;
}
