/* SPDX-License-Identifier: Apache-2.0 */
#include "store/object_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { MESH_JSON_MAX = 4 * 1024 * 1024 };

struct kind_list *kind_list_new(size_t n)
{
	struct kind_list *l = calloc(1, sizeof(*l) + n * sizeof(l->v[0]));

	must(l && "out of memory");
	l->refs = 1;
	return l;
}

/* Lists and settings are const to everyone but the loop thread's counts. */
const struct kind_list *kind_list_ref(const struct kind_list *l)
{
	((struct kind_list *)l)->refs++;
	return l;
}

void kind_list_unref(const struct kind_list *l)
{
	struct kind_list *mine = (struct kind_list *)l;

	if (!l || --mine->refs > 0)
		return;
	for (size_t i = 0; i < l->n; i++)
		object_unref(l->v[i]);
	free(mine);
}

/* The first index whose (ns, name) is not below; name NULL = before all names. */
static size_t lower_bound(const struct kind_list *l, const char *ns, const char *name)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(l->v[mid]->ns, ns);

		if (c == 0)
			c = name ? strcmp(l->v[mid]->name, name) : 0;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct object *kind_list_find(const struct kind_list *l, const char *ns, const char *name)
{
	size_t i = lower_bound(l, ns, name);

	if (i < l->n && strcmp(l->v[i]->ns, ns) == 0 && strcmp(l->v[i]->name, name) == 0)
		return l->v[i];
	return NULL;
}

size_t kind_list_range(const struct kind_list *l, const char *ns, size_t *first)
{
	size_t lo = lower_bound(l, ns, NULL), end = lo, hi = l->n;

	while (end < hi) {
		size_t mid = end + (hi - end) / 2;

		if (strcmp(l->v[mid]->ns, ns) <= 0)
			end = mid + 1;
		else
			hi = mid;
	}
	*first = lo;
	return end - lo;
}

static struct hash128 mix_node(struct hash128 h, const struct node *root)
{
	struct buf json;

	buf_init(&json, MESH_JSON_MAX);
	if (root)
		node_to_json(root, true, false, &json);
	h = hash_mix_bytes(h, json.n ? json.p : "", json.n);
	buf_fini(&json);
	return h;
}

struct mesh_settings *mesh_settings_new(const struct node *root, const struct node *networks, const char *domain,
					struct diags *ds)
{
	struct mesh_settings *m = calloc(1, sizeof(*m));
	const struct mesh_config *over = NULL;

	must(m && "out of memory");
	m->refs = 1;
	arena_init(&m->arena, 0);
	m->source = root ? node_copy(root, &m->arena) : NULL;
	m->networks_source = networks ? node_copy(networks, &m->arena) : NULL;
	if (root)
		over = meshconf_decode(m->source, &m->arena, ds);
	m->mesh = meshconf_effective(over, &m->arena);
	m->networks = networks ? mesh_networks_decode(m->networks_source, &m->arena, ds)
			       : arena_new(&m->arena, struct mesh_networks);
	m->domain = arena_strdup(&m->arena, domain);
	m->hash = hash_mix_str(mix_node(mix_node(hash_bytes("mesh", 4), root), networks), domain);
	return m;
}

void mesh_settings_set_roots(struct mesh_settings *m, const char *roots, const char *crl)
{
	must(m->refs == 1);
	m->roots = arena_strdup(&m->arena, roots);
	m->crl = crl ? arena_strdup(&m->arena, crl) : NULL;
	m->hash = hash_mix_str(hash_mix_str(m->hash, roots), crl ? crl : "");
}

const struct mesh_settings *mesh_settings_ref(const struct mesh_settings *m)
{
	((struct mesh_settings *)m)->refs++;
	return m;
}

void mesh_settings_unref(const struct mesh_settings *m)
{
	struct mesh_settings *mine = (struct mesh_settings *)m;

	if (!m || --mine->refs > 0)
		return;
	arena_fini(&mine->arena);
	free(mine);
}

void object_set_ref(const struct object_set *set)
{
	for (size_t k = 0; k < KIND_COUNT; k++)
		kind_list_ref(set->kind[k]);
	mesh_settings_ref(set->settings);
}

void object_set_unref(const struct object_set *set)
{
	for (size_t k = 0; k < KIND_COUNT; k++)
		kind_list_unref(set->kind[k]);
	mesh_settings_unref(set->settings);
}

static int compare_objects(const void *a, const void *b)
{
	return object_compare(*(struct object *const *)a, *(struct object *const *)b);
}

void object_set_use(struct object_set *set, const struct mesh_settings *settings)
{
	mesh_settings_unref(set->settings);
	set->settings = settings;
	set->mesh = settings->mesh;
	set->mesh_hash = settings->hash;
	set->domain = settings->domain;
}

void object_set_init(struct object_set *set, struct object *const *v, size_t n,
		     const struct mesh_settings *settings)
{
	*set = (struct object_set){0};
	object_set_use(set, settings);
	for (size_t k = 0; k < KIND_COUNT; k++) {
		struct kind_list *l;
		size_t count = 0;

		for (size_t i = 0; i < n; i++)
			count += v[i]->kind == (enum kind)k;
		l = kind_list_new(count);
		for (size_t i = 0; i < n; i++)
			if (v[i]->kind == (enum kind)k)
				l->v[l->n++] = object_ref(v[i]);
		qsort(l->v, l->n, sizeof(l->v[0]), compare_objects);
		set->kind[k] = l;
	}
}
