/* SPDX-License-Identifier: Apache-2.0
 *
 * The Secrets and ConfigMaps that are watched, each by its name: those that the objects of now refer to, and no others.
 */
#include "store/source_kube_int.h"

#include <string.h>

#include "base/log.h"
#include "base/must.h"

static const char *key_of(enum kind kind, const char *ns, const char *name, struct arena *a)
{
	return arena_printf(a, "%d/%s/%s", (int)kind, ns, name);
}

/* It is watched anyway. */
static bool is_mesh_map(const struct source_kube *s, const struct credential_ref *ref)
{
	return ref->kind == KIND_CONFIG_MAP && !strcmp(ref->ns, s->cfg.root_namespace) && !strcmp(ref->name, store_mesh_map(s->cfg.store));
}

static void drop_unreferred(struct source_kube *s, const struct credential_refs *refs, struct arena *a)
{
	for (struct feed **at = &s->feeds, *f; (f = *at);) {
		if (!f->referred || credential_refs_have(refs, f->kind, f->ns, f->name)) {
			at = &f->next;
			continue;
		}
		source_kube_forget_all(f);
		map_remove(&s->referred, key_of(f->kind, f->ns, f->name, a));
		*at = f->next;
		source_kube_free_feed(f);
	}
}

/* Whether the lists that references follow from have changed since; pods change often, references do not. */
static bool take_followed(struct source_kube *s)
{
	const struct object_set *set = store_objects(s->cfg.store);
	bool changed = s->followed_mesh != set->settings;

	if (changed) {
		mesh_settings_unref(s->followed_mesh);
		s->followed_mesh = mesh_settings_ref(set->settings);
	}
	for (size_t i = 0; i < CREDENTIAL_KINDS; i++) {
		enum kind k = credential_kinds[i];

		if (s->followed[i] == set->kind[k])
			continue;
		/* without a Gateway no pod is one */
		changed = changed || k != KIND_POD || set->kind[KIND_GATEWAY]->n || set->kind[KIND_INGRESS]->n;
		kind_list_unref(s->followed[i]);
		s->followed[i] = kind_list_ref(set->kind[k]);
	}
	return changed;
}

void source_kube_follow(struct source_kube *s)
{
	struct credential_refs refs;
	struct arena a;

	if (!take_followed(s))
		return;
	arena_init(&a, 0);
	credential_refs_build(store_objects(s->cfg.store), s->cfg.root_namespace, &a, &refs);
	drop_unreferred(s, &refs, &a);
	for (size_t i = 0; i < refs.n; i++) {
		const struct credential_ref *ref = &refs.v[i];
		const char *key = key_of(ref->kind, ref->ns, ref->name, &a);
		struct feed *f;

		if (map_get(&s->referred, key) || is_mesh_map(s, ref))
			continue;
		if (map_count(&s->referred) >= KUBE_REFERRED_MAX) {
			log_warn("kube", "more than %d Secrets are referred to; %s/%s and what follows are not read", KUBE_REFERRED_MAX,
				 ref->ns, ref->name);
			break;
		}
		f = source_kube_add_feed(s, ref->kind, ref->ns, ref->name);
		f->referred = true;
		map_set(&s->referred, key, f);
	}
	arena_fini(&a);
}

void source_kube_unfollow(struct source_kube *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->followed); i++)
		kind_list_unref(s->followed[i]);
	mesh_settings_unref(s->followed_mesh);
	map_fini(&s->referred);
}
