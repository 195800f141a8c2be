/* SPDX-License-Identifier: Apache-2.0
 *
 * Gateways, and Ingresses and listeners of the Gateway API as Gateways -> struct gw. A gw depends on its
 * object, one of an Ingress on the mesh settings and IngressClasses too, one of a listener on what gwapi.c
 * made of it.
 */
#include "mesh/gwapi_int.h"
#include "mesh/snapshot_ingress_int.h"

#include <stdlib.h>
#include <string.h>

#include "mesh/proxy.h"
#include "model/traffic.h"

static int compare_age(const void *a, const void *b)
{
	const struct gw *x = *(struct gw *const *)a, *y = *(struct gw *const *)b;
	int c;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? -1 : 1;
	c = strcmp(x->name, y->name);
	if (!c)
		c = strcmp(x->ns, y->ns);
	return c ? c : object_compare(x->obj, y->obj);
}

/* A name may be forged, so that two have it. */
static int compare_name(const void *a, const void *b)
{
	const struct gw *x = *(struct gw *const *)a, *y = *(struct gw *const *)b;
	int c = strcmp(x->ns, y->ns);

	if (!c)
		c = strcmp(x->name, y->name);
	return c ? c : object_compare(x->obj, y->obj);
}

/* The first that does not stand before (ns, name). */
static size_t lower_bound(const struct snapshot *s, const char *ns, const char *name)
{
	size_t lo = 0, hi = s->n_gateways;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct gw *gw = s->gateways_by_name[mid];
		int c = strcmp(gw->ns, ns);

		if (!c)
			c = strcmp(gw->name, name);
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_named(const struct gw *gw, const char *ns, const char *name)
{
	return strcmp(gw->ns, ns) == 0 && strcmp(gw->name, name) == 0;
}

const struct gw *snapshot_gateway(const struct snapshot *s, const char *ns, const char *name)
{
	size_t i = lower_bound(s, ns, name);

	return i < s->n_gateways && is_named(s->gateways_by_name[i], ns, name)
		   ? s->gateways_by_name[i]
		   : NULL;
}

static struct gw *find_old(const struct snapshot *prev, const struct object *obj, const char *ns,
			   const char *name)
{
	for (size_t i = lower_bound(prev, ns, name);
	     i < prev->n_gateways && is_named(prev->gateways_by_name[i], ns, name); i++)
		if (prev->gateways_by_name[i]->obj == obj)
			return prev->gateways_by_name[i];
	return NULL;
}

/* Where a gw of the Gateway API comes from. */
struct from_api {
	const struct api_parent *parent;
	const struct api_listener *listener;
};

static struct gw *build(struct builder *b, const struct object *obj, const struct from_api *from)
{
	struct part_scope ps;
	const struct object **held;
	struct gw *gw;

	if (part_begin(&ps)) {
		part_failed(b, &ps, obj);
		return NULL;
	}
	gw = part_alloc(&ps, struct gw);
	gw->obj = gw->home = obj;
	gw->part.hash = hash_mix(hash_bytes("gw", 2), obj->hash);
	if (from) {
		api_listener_convert(from->parent, from->listener, gw, &ps.arena);
	} else if (obj->kind == KIND_INGRESS) {
		ingress_convert(b, gw, &ps.arena);
	} else {
		gw->ns = obj->ns;
		gw->name = obj->name;
		gw->spec = object_spec(obj, gateway);
		gw->created_ns = obj->created_ns;
		gw->services = gateway_service(obj);
	}
	held = arena_array(&ps.arena, const struct object *, 2);
	held[0] = obj;
	held[1] = gw->home;
	gw->part.held = held;
	gw->part.n_held = gw->home == obj ? 1 : 2;
	part_end(&ps, &gw->part);
	part_fresh(b, &gw->part);
	return gw;
}

struct gateways {
	VEC(struct gw *) v;
};

static void add_all(struct builder *b, enum kind kind, struct gateways *out)
{
	const struct kind_list *l = builder_list(b, kind);

	for (size_t i = 0; i < l->n; i++) {
		const struct object *obj = l->v[i];
		struct gw *gw = NULL;

		if (kind == KIND_INGRESS && ingress_refusal_of(b, obj, b->arena))
			continue;
		if (b->prev && kind == KIND_GATEWAY)
			gw = find_old(b->prev, obj, obj->ns, obj->name);
		else if (b->prev && b->same_mesh)
			gw = find_old(b->prev, obj, INGRESS_GATEWAY_NAMESPACE,
				      ingress_gateway_name(obj, b->arena));
		if (!gw)
			gw = build(b, obj, NULL);
		if (gw)
			*vec_push(&out->v, b->arena) = gw;
	}
}

static void add_listener(struct builder *b, const struct from_api *from, struct gateways *out)
{
	const struct object *obj = from->parent->obj;
	struct gw *gw = b->prev ? find_old(b->prev, obj, obj->ns, from->listener->gateway_name) : NULL;

	if (!gw || gw->home != from->parent->gateway || !hash_equal(gw->part.hash, from->listener->hash))
		gw = build(b, obj, from);
	if (gw)
		*vec_push(&out->v, b->arena) = gw;
}

static void add_api(struct builder *b, struct gateways *out)
{
	for (size_t i = 0; i < b->s->api->n; i++) {
		const struct api_parent *p = &b->s->api->v[i];

		for (size_t k = 0; k < p->n; k++)
			if (api_is_served(p, &p->listeners[k]))
				add_listener(b, &(struct from_api){p, &p->listeners[k]}, out);
	}
}

void gateway_stage(struct builder *b)
{
	struct snapshot *s = b->s;
	struct gateways all = {0};

	api_stage(b);
	if (ingress_may_keep(b) && b->same[KIND_GATEWAY] && b->s->api == b->prev->api) {
		s->n_gateways = b->prev->n_gateways;
		s->gateways =
		    arena_copy(b->arena, b->prev->gateways, s->n_gateways * sizeof(s->gateways[0]));
		s->gateways_by_name = arena_copy(b->arena, b->prev->gateways_by_name,
						 s->n_gateways * sizeof(s->gateways[0]));
		part_keep_quarantined(b, KIND_GATEWAY);
		return;
	}
	add_all(b, KIND_GATEWAY, &all);
	add_all(b, KIND_INGRESS, &all);
	add_api(b, &all);
	s->n_gateways = all.v.n;
	s->gateways = all.v.n ? all.v.v : arena_array(b->arena, struct gw *, 0);
	s->gateways_by_name =
	    arena_copy(b->arena, s->gateways, s->n_gateways * sizeof(s->gateways[0]));
	qsort(s->gateways, s->n_gateways, sizeof(s->gateways[0]), compare_age);
	qsort(s->gateways_by_name, s->n_gateways, sizeof(s->gateways[0]), compare_name);
}
