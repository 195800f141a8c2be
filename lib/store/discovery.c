/* SPDX-License-Identifier: Apache-2.0 */
#include "store/discovery.h"

#include <string.h>

#include "model/kube.h"

static bool counts(const struct object_set *all, const char *ns)
{
	const struct object *object = kind_list_find(all->kind[KIND_NAMESPACE], "", ns);
	const struct mesh_config *m = all->mesh;
	struct strmap labels;
	struct arena scratch;
	bool any = strcmp(ns, m->root_namespace) == 0;

	arena_init(&scratch, 0);
	labels = namespace_labels(object ? &object->labels : NULL, ns, &scratch);
	for (size_t i = 0; i < m->n_discovery_selectors; i++)
		any = any || label_selector_holds(&m->discovery_selectors[i], &labels);
	arena_fini(&scratch);
	return any;
}

static bool has_revisions(enum kind kind)
{
	const char *group = kind_info(kind)->group, *istio = strstr(group, ".istio.io");

	return kind != KIND_GWAPI_GATEWAY && ((istio && !istio[strlen(".istio.io")]) || strncmp(group, "gateway.networking.", 19) == 0);
}

const char *discovery_foreign_revision(const struct object *o, const char *ours_or_null)
{
	const char *revision = ours_or_null && has_revisions(o->kind) ? strmap_get(&o->labels, "istio.io/rev") : NULL;

	return revision && strcmp(revision, ours_or_null) != 0 ? revision : NULL;
}

/* One ref of the list without what does not count. Objects of a namespace stand together. */
static const struct kind_list *filter(const struct discovery *d, const struct object_set *all, const struct kind_list *l)
{
	bool selects = all->mesh->n_discovery_selectors > 0;
	struct kind_list *out = kind_list_new(l->n);
	bool keep = false;

	out->n = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (i == 0 || strcmp(l->v[i]->ns, l->v[i - 1]->ns) != 0)
			keep = !selects || !*l->v[i]->ns || counts(all, l->v[i]->ns);
		if (keep && !discovery_foreign_revision(l->v[i], d->revision))
			out->v[out->n++] = object_ref(l->v[i]);
	}
	if (out->n < l->n)
		return out;
	kind_list_unref(out);
	return kind_list_ref(l);
}

void discovery_fini(struct discovery *d)
{
	if (!d->active)
		return;
	object_set_unref(&d->from);
	object_set_unref(&d->to);
	*d = (struct discovery){.revision = d->revision};
}

const struct object_set *discovery_update(struct discovery *d, const struct object_set *all)
{
	struct object_set to = *all;
	bool same_rules = d->active && d->from.settings == all->settings &&
			  d->from.kind[KIND_NAMESPACE] == all->kind[KIND_NAMESPACE];

	if (!all->mesh->n_discovery_selectors && !d->revision) {
		discovery_fini(d);
		return all;
	}
	for (size_t k = 0; k < KIND_COUNT; k++) {
		if (same_rules && d->from.kind[k] == all->kind[k])
			to.kind[k] = kind_list_ref(d->to.kind[k]);
		else if (all->mesh->n_discovery_selectors || has_revisions((enum kind)k))
			to.kind[k] = filter(d, all, all->kind[k]);
		else
			to.kind[k] = kind_list_ref(all->kind[k]);
	}
	mesh_settings_ref(to.settings);
	object_set_ref(all);
	discovery_fini(d);
	*d = (struct discovery){.revision = d->revision, .active = true, .from = *all, .to = to};
	return &d->to;
}
