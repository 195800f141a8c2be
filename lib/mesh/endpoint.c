/* SPDX-License-Identifier: Apache-2.0
 *
 * Which ep_sets are made anew. An ep_set depends on its svc, on the slices that name it, on pods and WorkloadEntries of its
 * namespace, on nodes, on the trust domain, on MeshNetworks and on the default network: endpoint_stage marks by these.
 */
#include "mesh/snapshot_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

static const char *slice_service(const struct object *slice)
{
	const char *name = strmap_get(&slice->labels, "kubernetes.io/service-name");

	return name ? name : "";
}

struct stage {
	struct builder *b;
	bool all;			/* every set is made anew */
	bool *dirty;			/* parallel to the svcs: this one is */
	struct map namespaces;		/* whose pods or WorkloadEntries differ from prev's */
	const struct object **index;	/* slices by namespace and service, or NULL: not worth it */
};

/* Calls fn for each object that stands in only one of the lists. */
static void each_difference(const struct kind_list *old, const struct kind_list *new,
			    void (*fn)(struct stage *, const struct object *), struct stage *st)
{
	size_t i = 0, j = 0;

	while (i < old->n || j < new->n) {
		int c;

		if (i < old->n && j < new->n && old->v[i] == new->v[j]) {
			i++;
			j++;
			continue;
		}
		c = i == old->n ? 1 : j == new->n ? -1 : object_compare(old->v[i], new->v[j]);
		if (c <= 0)
			fn(st, old->v[i++]);
		if (c >= 0)
			fn(st, new->v[j++]);
	}
}

static void mark_slice(struct stage *st, const struct object *obj)
{
	const struct snapshot *s = st->b->s;
	struct arena_mark mark = arena_mark(st->b->arena);
	char *host = arena_printf(st->b->arena, "%s.%s.svc.%s", slice_service(obj), obj->ns, s->domain);
	size_t first, n = snapshot_svcs_of(s, host, &first);

	if (n && s->svcs[first]->is_kube)	/* it sorts first */
		st->dirty[first] = true;
	arena_rewind(st->b->arena, mark);
}

static void mark_namespace(struct stage *st, const struct object *obj)
{
	map_set(&st->namespaces, obj->ns, st);
}

static void mark(struct stage *st)
{
	static const enum kind by_namespace[] = {KIND_POD, KIND_WORKLOAD_ENTRY};
	const struct builder *b = st->b;
	const struct snapshot *prev = b->prev, *s = b->s;

	st->all = !prev || !b->same_mesh || !b->same[KIND_NODE] ||
		  strcmp(prev->default_network, s->default_network) != 0 ||
		  /* whether endpoints without a known pod count depends on it */
		  (prev->objects.kind[KIND_POD]->n == 0) != (s->objects.kind[KIND_POD]->n == 0);
	if (st->all)
		return;
	for (size_t i = 0; i < sizeof(by_namespace) / sizeof(by_namespace[0]); i++)
		if (!b->same[by_namespace[i]])
			each_difference(prev->objects.kind[by_namespace[i]], s->objects.kind[by_namespace[i]],
					mark_namespace, st);
	if (!b->same[KIND_ENDPOINT_SLICE])
		each_difference(prev->objects.kind[KIND_ENDPOINT_SLICE], s->objects.kind[KIND_ENDPOINT_SLICE],
				mark_slice, st);
}

static bool is_marked(const struct stage *st, const struct svc *svc)
{
	if (st->all)
		return true;
	return map_count(&st->namespaces) && map_get(&st->namespaces, svc->ns) &&
	       (svc->is_kube || svc->selector.n || svc->part.n_held > 1);
}

static int compare_slices(const void *a, const void *b)
{
	const struct object *x = *(const struct object *const *)a, *y = *(const struct object *const *)b;
	int c = strcmp(x->ns, y->ns);

	if (c == 0)
		c = strcmp(slice_service(x), slice_service(y));
	return c ? c : strcmp(x->name, y->name);
}

static int compare_to_svc(const struct object *slice, const struct svc *svc)
{
	int c = strcmp(slice->ns, svc->ns);

	return c ? c : strcmp(slice_service(slice), svc->name);
}

/* The slices of a svc: from the index, or, for few svcs, by a walk over its namespace. */
static size_t slices_of(struct stage *st, const struct svc *svc, const struct object *const **out)
{
	const struct kind_list *list = builder_list(st->b, KIND_ENDPOINT_SLICE);
	VEC(const struct object *) v = {0};
	size_t first, n, lo = 0, hi = list->n;

	if (st->index) {
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (compare_to_svc(st->index[mid], svc) < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (n = 0; lo + n < list->n && compare_to_svc(st->index[lo + n], svc) == 0; n++)
			;
		*out = st->index + lo;
		return n;
	}
	n = kind_list_range(list, svc->ns, &first);
	for (size_t i = first; i < first + n; i++)
		if (strcmp(slice_service(list->v[i]), svc->name) == 0)
			*vec_push(&v, st->b->arena) = list->v[i];
	*out = v.v;
	return v.n;
}

/* Sets s->eps to prev's set of each svc (or NULL) and clears dirty where the svc is prev's own; both
 * arrays of svcs have one order. */
static void pair_with_prev(const struct builder *b, bool *dirty)
{
	const struct snapshot *s = b->s, *prev = b->prev;
	size_t j = 0;

	for (size_t i = 0; prev && i < s->n_svcs; i++) {
		const struct svc *svc = s->svcs[i];

		if (b->same_svcs) {
			s->eps[i] = prev->eps[i];
			dirty[i] = false;
			continue;
		}
		while (j < prev->n_svcs && strcmp(prev->svcs[j]->host, svc->host) < 0)
			j++;
		for (size_t k = j; k < prev->n_svcs && strcmp(prev->svcs[k]->host, svc->host) == 0; k++) {
			const struct svc *old = prev->svcs[k];

			if (old->is_kube == svc->is_kube && object_compare(old->obj, svc->obj) == 0) {
				s->eps[i] = prev->eps[k];
				dirty[i] = old != svc;
			}
		}
	}
}

static struct ep_set *set_update(struct stage *st, const struct svc *svc, struct ep_set *old)
{
	const struct object *const *slices = NULL;
	size_t n = svc->is_kube ? slices_of(st, svc, &slices) : 0;
	struct ep_set *set = endpoint_set_build(st->b, svc, slices, n);

	if (set->part.findings || (old && old->part.findings))
		st->b->rejudge = true;
	else if (old && hash_equal(old->part.hash, set->part.hash) && part_holds_same(&old->part, &set->part)) {
		part_free(&set->part);
		return old;
	}
	part_fresh(st->b, &set->part);
	return set;
}

void endpoint_stage(struct builder *b)
{
	enum { INDEX_FROM = 16 };	/* svcs to look up that make an index worth its sort */
	struct snapshot *s = b->s;
	struct stage st = {.b = b};
	const struct kind_list *slices = builder_list(b, KIND_ENDPOINT_SLICE);
	bool *dirty = arena_array(b->arena, bool, s->n_svcs);
	size_t n = 0;

	s->eps = arena_array(b->arena, struct ep_set *, s->n_svcs);
	memset(dirty, true, s->n_svcs * sizeof(dirty[0]));
	pair_with_prev(b, dirty);
	st.dirty = dirty;
	map_init(&st.namespaces, b->arena);
	mark(&st);
	for (size_t i = 0; i < s->n_svcs; i++)
		n += dirty[i] = dirty[i] || is_marked(&st, s->svcs[i]);
	if (n > INDEX_FROM) {
		st.index = arena_copy(b->arena, slices->v, slices->n * sizeof(slices->v[0]));
		qsort(st.index, slices->n, sizeof(st.index[0]), compare_slices);
	}
	for (size_t i = 0; i < s->n_svcs; i++)
		if (dirty[i])
			s->eps[i] = set_update(&st, s->svcs[i], s->eps[i]);
}
