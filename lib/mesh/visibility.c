/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/snapshot_int.h"

#include <string.h>

struct visibility visibility_of(const struct strs *export_to, const struct strs *def,
				const char *own_ns, struct arena *a)
{
	const struct strs *from = export_to->n ? export_to : def;
	struct visibility v = {.all = from->n == 0};
	const char **names = arena_array(a, const char *, from->n);
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++) {
		if (strcmp(from->v[i], "*") == 0)
			v.all = true;
		else if (strcmp(from->v[i], "~") == 0)
			v.none = true;
		else if (strcmp(from->v[i], ".") == 0 || strcmp(from->v[i], own_ns) == 0)
			v.own = true;
		else
			names[n++] = from->v[i];
	}
	/* "~" hides only what nothing else shows */
	v.none = v.none && !v.all && !v.own && n == 0;
	v.ns = (struct strs){.v = names, .n = n};
	return v;
}

bool visibility_sees(const struct visibility *v, const char *own_ns, const char *from_ns)
{
	if (v->none)
		return false;
	if (v->all || (v->own && strcmp(own_ns, from_ns) == 0))
		return true;
	for (size_t i = 0; i < v->ns.n; i++)
		if (strcmp(v->ns.v[i], from_ns) == 0)
			return true;
	return false;
}

bool visibility_is_private(const struct visibility *v, const char *own_ns)
{
	if (v->all || !v->own)
		return false;
	for (size_t i = 0; i < v->ns.n; i++)
		if (strcmp(v->ns.v[i], own_ns) != 0)
			return false;
	return true;
}

/* ---- MeshConfig serviceEntryVisibility ---- */

bool visibility_has_caps(const struct mesh_config *m)
{
	return m->entry_visibility && m->entry_visibility->apply_to_sidecars;
}

/* A rule without a selector is one that is not known here, and holds for nothing. */
static bool holds(const struct visibility_policy *p, const struct strmap *labels)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (!p->rules[i].namespace_selector || !label_selector_holds(p->rules[i].namespace_selector, labels))
			return false;
	return true;
}

enum entry_visibility visibility_cap_of(const struct builder *b, const char *ns)
{
	const struct mesh_visibility *m = b->s->mesh->entry_visibility;
	const struct object *o;
	struct strmap labels;

	if (!visibility_has_caps(b->s->mesh))
		return ENTRY_VISIBLE_PUBLIC;
	o = kind_list_find(builder_list(b, KIND_NAMESPACE), "", ns);
	labels = namespace_labels(o ? &o->labels : NULL, ns, b->arena);
	for (size_t i = 0; i < m->n_policies; i++)
		if (holds(&m->policies[i], &labels))
			return m->policies[i].visibility;
	return m->by_default;
}

bool visibility_narrow(struct visibility *v, enum entry_visibility cap, const char *own_ns)
{
	bool own = visibility_sees(v, own_ns, own_ns);

	if (cap == ENTRY_VISIBLE_NONE && !v->none) {
		*v = (struct visibility){.none = true};
		return true;
	}
	if (cap != ENTRY_VISIBLE_NAMESPACE || v->none || visibility_is_private(v, own_ns))
		return false;
	*v = (struct visibility){.own = own, .none = !own};
	return true;
}
