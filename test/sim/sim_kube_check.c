/* SPDX-License-Identifier: Apache-2.0
 *
 * Oracles of a history with an API server:
 *   O6   nothing is withdrawn that the server has, and has had since it came in force
 *   O7   what is on disk is whole and was in force, after each step (sim_kube_disk.c), and at rest it is what is in force
 *   half what becomes visible first has all that was there all the time
 * The model of what must be in force is what the server has; of what is not valid an earlier form may be.
 */
#include <limits.h>
#include <string.h>

#include "base/must.h"
#include "sim_kube.h"
#include "store/credential_refs.h"

static struct api_object *object_of(struct kube_world *k, const struct object *o)
{
	return api_find(&k->api, o->kind, o->ns, o->name);
}

static bool is_referred_kind(const struct api_object *o)
{
	return o->kind == KIND_SECRET || (o->kind == KIND_CONFIG_MAP && strcmp(o->name, "istio") != 0);
}

/* To be no longer referred to is, for those that are read only then, to be gone. */
static void note_unreferred(struct kube_world *k)
{
	struct credential_refs refs;
	struct arena a;

	arena_init(&a, 0);
	credential_refs_build(store_objects(k->w.store), "istio-system", &a, &refs);
	for (size_t i = 0; i < k->api.all.n; i++) {
		struct api_object *o = k->api.all.v[i];

		if (is_referred_kind(o) && !credential_refs_have(&refs, o->kind, o->ns, o->name))
			o->gone++;
	}
	arena_fini(&a);
}

static void note_in_force(struct kube_world *k, const struct object *obj)
{
	struct api_object *o = object_of(k, obj);
	const char *version = obj->resource_version;
	bool current;

	if (!o) {
		sim_fail(&k->w, "O1", "%s %s is in force and never was", kind_info(obj->kind)->name, obj->name);
		return;
	}
	current = o->there && o->obj && version && o->obj->resource_version && !strcmp(version, o->obj->resource_version);
	if (current)
		o->gone_then = o->gone;
	else if (!o->in_force)
		o->gone_then = UINT_MAX;	/* an earlier one, that may have gone since */
	o->in_force = true;
}

static void note_withdrawn(struct kube_world *k, const struct object *obj)
{
	struct api_object *o = object_of(k, obj);

	if (o && o->there && o->gone == o->gone_then)
		sim_fail(&k->w, "O6", "%s %s/%s is withdrawn, and the server has it", kind_info(obj->kind)->name, obj->ns, obj->name);
	if (o)
		o->in_force = false;
}

static void compare_lists(struct kube_world *k, const struct kind_list *before, const struct kind_list *now)
{
	size_t j = 0;

	for (size_t i = 0; before && i < before->n; i++) {
		while (j < now->n && object_compare(now->v[j], before->v[i]) < 0)
			j++;
		if (j == now->n || object_compare(now->v[j], before->v[i]))
			note_withdrawn(k, before->v[i]);
	}
	for (size_t i = 0; i < now->n; i++)
		note_in_force(k, now->v[i]);
}

/* What is seen first is whole. */
static void check_first(struct kube_world *k)
{
	const struct object_set *set = store_objects(k->w.store);

	for (size_t i = 0; i < k->api.all.n; i++) {
		const struct api_object *o = k->api.all.v[i];
		bool all_the_time = o->there && o->since_ms < k->opened_ms && o->obj && o->bad_ms < k->opened_ms &&
				    k->api.kinds[o->kind].present && !k->api.kinds[o->kind].forbidden &&
				    k->api.kinds[o->kind].odd_ms < k->opened_ms;

		if (all_the_time && !is_referred_kind(o) && !kind_list_find(set->kind[o->kind], o->ns, o->name))
			sim_fail(&k->w, "half", "%s %s/%s was there all the time, and the first state is without it",
				 kind_info(o->kind)->name, o->ns, o->name);
	}
}

void kube_check_change(struct kube_world *k)
{
	const struct object_set *set = store_objects(k->w.store);

	if (!store_synced(k->w.store)) {
		sim_fail(&k->w, "half", "a change is told before the first state is whole");
		return;
	}
	note_unreferred(k);
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		if (k->before[kind] == set->kind[kind])
			continue;
		compare_lists(k, k->before[kind], set->kind[kind]);
		kind_list_unref(k->before[kind]);
		k->before[kind] = kind_list_ref(set->kind[kind]);
	}
	if (!k->seen_synced)
		check_first(k);
	k->seen_synced = true;
	if (k->has_disk)
		sim_disk_note(&k->disk, set);
}

void kube_check_forget(struct kube_world *k)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		kind_list_unref(k->before[kind]);
		k->before[kind] = NULL;
	}
	for (size_t i = 0; i < k->api.all.n; i++)
		k->api.all.v[i]->in_force = false;
	k->seen_synced = false;
}

void kube_check_disk(struct kube_world *k)
{
	struct hash128 sum;

	if (k->disk.broken)
		sim_fail(&k->w, "O7", "%s", k->disk.broken);
	if (!k->has_disk)
		return;
	if (!sim_disk_generation(&k->disk, &sum) || !hash_equal(sum, sim_disk_sum(store_objects(k->w.store))))
		sim_fail(&k->w, "O7", "the disk does not hold what is in force");
}

/* ---- the model ---- */

static bool was_good(const struct api_object *o, const struct object *form)
{
	for (size_t i = 0; i < o->good.n; i++)
		if (hash_equal(o->good.v[i], form->hash))
			return true;
	return false;
}

void kube_model(struct world *w, struct object_set *set)
{
	struct kube_world *k = (struct kube_world *)w;
	const struct object_set *live = store_objects(w->store);
	VEC(struct object *) v = {0};
	struct credential_refs refs;
	struct arena a;

	arena_init(&a, 0);
	credential_refs_build(live, "istio-system", &a, &refs);
	for (size_t i = 0; i < k->api.all.n; i++) {
		const struct api_object *o = k->api.all.v[i];
		struct object *kept = kind_list_find(live->kind[o->kind], o->ns, o->name);

		if (!o->there || !api_reads(o->kind) ||
		    (is_referred_kind(o) && !credential_refs_have(&refs, o->kind, o->ns, o->name)))
			continue;
		if (o->obj)
			*vec_push(&v, NULL) = o->obj;
		else if (kept && was_good(o, kept))
			*vec_push(&v, NULL) = kept;
	}
	object_set_init(set, v.v, v.n, (struct mesh_settings *)mesh_settings_ref(live->settings));
	vec_fini(&v);
	arena_fini(&a);
}
