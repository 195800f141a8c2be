/* SPDX-License-Identifier: Apache-2.0
 *
 * VirtualServices -> struct vs. A vs depends on its object, on the delegates that its routes name, and
 * on the mesh settings.
 */
#include "mesh/snapshot_int.h"

#include <stdlib.h>
#include <string.h>

#include "model/traffic.h"

const char *vs_resolve_gateway(const char *gateway, const char *ns, struct arena *a)
{
	const char *dot, *end;

	if (strcmp(gateway, "mesh") == 0)
		return "mesh";
	if (strncmp(gateway, "./", 2) == 0)
		return arena_printf(a, "%s/%s", ns, gateway + 2);
	if (strchr(gateway, '/'))
		return gateway;
	dot = strchr(gateway, '.');
	if (!dot)
		return arena_printf(a, "%s/%s", ns, gateway);
	/* the old form name.namespace[.svc.domain] */
	end = strchr(dot + 1, '.');
	return arena_printf(a, "%.*s/%.*s", (int)(end ? end - dot - 1 : (ptrdiff_t)strlen(dot + 1)), dot + 1,
			    (int)(dot - gateway), gateway);
}

static bool has_delegates(const struct virtual_service *spec)
{
	for (size_t i = 0; i < spec->n_http; i++)
		if (spec->http[i].delegate)
			return true;
	return false;
}

/* ---- delegation ---- */

/* One vs in the making. */
struct making {
	struct builder *b;
	struct arena *arena;
	struct vs *vs;
	VEC(const struct object *) held;	/* [0] the VirtualService, then delegates */
	struct hash128 hash;
};

static void hold(struct making *m, const struct object *obj)
{
	for (size_t i = 0; i < m->held.n; i++)
		if (m->held.v[i] == obj)
			return;
	*vec_push(&m->held, m->arena) = obj;
}

/* The delegate of route i, or NULL with a finding. */
static const struct object *find_delegate(struct making *m, size_t i)
{
	const struct object *root = m->vs->obj, *obj;
	const struct delegate *d = m->vs->spec->http[i].delegate;
	const char *ns = d->ns && *d->ns ? d->ns : root->ns, *name = d->name ? d->name : "";
	const char *path = arena_printf(m->arena, "spec.http[%zu].delegate", i);
	struct visibility v;

	obj = kind_list_find(builder_list(m->b, KIND_VIRTUAL_SERVICE), ns, name);
	m->hash = obj ? hash_mix(m->hash, obj->hash) : hash_mix_u64(m->hash, 0);
	if (!obj || object_spec(obj, virtual_service)->hosts.n) {
		part_finding(m->arena, &m->vs->part, root, VERDICT_PARTLY, D_DELEGATE_MISSING, path,
			     "no VirtualService without hosts is named %s/%s", ns, name);
		return NULL;
	}
	hold(m, obj);
	v = visibility_of(&object_spec(obj, virtual_service)->export_to,
			  &m->b->s->mesh->default_virtual_service_export_to, obj->ns, m->arena);
	if (!visibility_sees(&v, obj->ns, root->ns)) {
		part_finding(m->arena, &m->vs->part, root, VERDICT_PARTLY, D_DELEGATE_NOT_VISIBLE, path,
			     "%s/%s is not exported to namespace %s", ns, name, root->ns);
		return NULL;
	}
	return obj;
}

static void merge_delegates(struct making *m)
{
	const struct virtual_service *spec = m->vs->spec;
	const struct object **found = arena_array(m->arena, const struct object *, spec->n_http);
	struct http_route *out;
	size_t n = 0;

	for (size_t i = 0; i < spec->n_http; i++) {
		if (spec->http[i].delegate)
			found[i] = find_delegate(m, i);
		n += found[i] ? object_spec(found[i], virtual_service)->n_http : 1;
	}
	out = arena_array(m->arena, struct http_route, n);
	m->vs->http = out;
	for (size_t i = 0; i < spec->n_http; i++) {
		size_t dropped = 0;

		if (!spec->http[i].delegate)
			out[m->vs->n_http++] = spec->http[i];
		else if (found[i])
			delegate_merge(&spec->http[i], object_spec(found[i], virtual_service), m->vs->obj->ns,
				       found[i]->ns, m->b->s->domain, out, &m->vs->n_http, &dropped, m->arena);
		if (dropped)
			part_finding(m->arena, &m->vs->part, found[i], VERDICT_PARTLY, D_DELEGATE_CONFLICT,
				     "spec.http", "%zu routes fit no match of route %zu of %s/%s", dropped, i,
				     m->vs->obj->ns, m->vs->obj->name);
	}
}

/* ---- one VirtualService ---- */

static struct strs resolve_hosts(const struct strs *hosts, const char *ns, const char *domain, struct arena *a)
{
	const char **v = arena_array(a, const char *, hosts->n);

	for (size_t i = 0; i < hosts->n; i++)
		v[i] = host_resolve(hosts->v[i], ns, domain, a);
	return (struct strs){.v = v, .n = hosts->n};
}

static struct strs resolve_gateways(const struct strs *gateways, const char *ns, struct arena *a)
{
	static const char *const mesh[] = {"mesh"};
	const char **v = arena_array(a, const char *, gateways->n);

	if (gateways->n == 0)
		return (struct strs){.v = mesh, .n = 1};
	for (size_t i = 0; i < gateways->n; i++)
		v[i] = vs_resolve_gateway(gateways->v[i], ns, a);
	return (struct strs){.v = v, .n = gateways->n};
}

static enum route_semantics semantics_of(const struct object *obj)
{
	const char *v = strmap_get(&obj->annotations, "internal.istio.io/route-semantics");

	if (!v)
		return ROUTE_PLAIN;
	return strcmp(v, "gateway") == 0 ? ROUTE_GATEWAY : strcmp(v, "ingress") == 0 ? ROUTE_INGRESS : ROUTE_PLAIN;
}

static struct vs *vs_build(struct builder *b, const struct object *obj)
{
	const struct snapshot *s = b->s;
	struct part_scope ps;
	struct making m = {.b = b, .arena = &ps.arena, .hash = hash_mix(hash_bytes("vs", 2), obj->hash)};
	struct vs *vs;

	if (part_begin(&ps)) {
		part_failed(b, &ps, obj);
		return NULL;
	}
	m.vs = vs = part_alloc(&ps, struct vs);
	vs->obj = obj;
	vs->name = obj->name;
	vs->semantics = semantics_of(obj);
	vs->spec = object_spec(obj, virtual_service);
	vs->hosts = resolve_hosts(&vs->spec->hosts, obj->ns, s->domain, &ps.arena);
	vs->gateways = resolve_gateways(&vs->spec->gateways, obj->ns, &ps.arena);
	vs->export_to = visibility_of(&vs->spec->export_to, &s->mesh->default_virtual_service_export_to, obj->ns,
				      &ps.arena);
	hold(&m, obj);
	if (has_delegates(vs->spec)) {
		merge_delegates(&m);
	} else {
		vs->http = vs->spec->http;
		vs->n_http = vs->spec->n_http;
	}
	vs->part.held = m.held.v;
	vs->part.n_held = m.held.n;
	vs->delegates = m.held.v + 1;
	vs->n_delegates = m.held.n - 1;
	vs->part.hash = hash_visibility(hash_mix_str(m.hash, s->domain), &vs->export_to);
	part_end(&ps, &vs->part);
	return vs;
}

/* ---- all ---- */

static int compare_age(const void *a, const void *b)
{
	return object_compare_age(*(const struct object *const *)a, *(const struct object *const *)b);
}

/* ---- a wildcard has its routes once for every service that it stands for ---- */

static size_t routes_of(const struct vs *vs)
{
	size_t n = 0;

	for (size_t i = 0; i < vs->n_http; i++)
		n += vs->http[i].n_match ? vs->http[i].n_match : 1;
	return n;
}

static bool stands_for(const struct vs *vs, const struct svc *svc)
{
	for (size_t i = 0; i < vs->hosts.n; i++)
		if (host_is_wildcard(vs->hosts.v[i]) && host_subset_of(svc->host, vs->hosts.v[i]))
			return true;
	return false;
}

/* Routes that would not fit in one response, for everybody: the object is out of force instead. */
static bool spreads_too_far(struct builder *b, const struct vs *vs)
{
	struct snapshot *s = b->s;
	size_t n_routes, n = 0;
	bool wild = false;

	for (size_t i = 0; i < vs->hosts.n; i++)
		wild |= host_is_wildcard(vs->hosts.v[i]);
	if (!wild || !strs_has(&vs->gateways, "mesh"))
		return false;
	n_routes = routes_of(vs);
	s->widest_vs = n_routes > s->widest_vs ? n_routes : s->widest_vs;
	if (n_routes * s->n_svcs <= VS_SPREAD_MAX)
		return false;
	for (size_t i = 0; i < s->n_svcs; i++)
		n += stands_for(vs, s->svcs[i]);
	if (n_routes * n <= VS_SPREAD_MAX)
		return false;
	part_quarantine_for(b, vs->obj, D_LIMIT_COUNT,
			    arena_printf(b->arena, "%zu routes for each of %zu services are %zu; %d is the limit", n_routes, n,
					 n_routes * n, VS_SPREAD_MAX));
	return true;
}

static struct vs *vs_update(struct builder *b, const struct object *obj, struct vs *old)
{
	struct vs *vs;

	if (old && !has_delegates(old->spec))
		return spreads_too_far(b, old) ? NULL : old;
	vs = vs_build(b, obj);
	if (vs && spreads_too_far(b, vs)) {
		part_free(&vs->part);
		return NULL;
	}
	if (vs && old && hash_equal(vs->part.hash, old->part.hash) && part_holds_same(&vs->part, &old->part)) {
		part_free(&vs->part);
		return old;
	}
	if (vs)
		part_fresh(b, &vs->part);
	return vs;
}

/* VirtualServices with hosts, by age. */
static void build_all(struct builder *b, struct vs_vec *out)
{
	const struct kind_list *l = builder_list(b, KIND_VIRTUAL_SERVICE);
	const struct snapshot *prev = b->same_mesh ? b->prev : NULL;
	const struct object **order = arena_copy(b->arena, l->v, l->n * sizeof(l->v[0]));
	size_t j = 0;

	qsort(order, l->n, sizeof(order[0]), compare_age);
	for (size_t i = 0; i < l->n; i++) {
		struct vs *old = NULL, *vs;

		if (object_spec(order[i], virtual_service)->hosts.n == 0)
			continue;
		while (prev && j < prev->n_vss &&
		       (prev->vss[j]->obj->kind != KIND_VIRTUAL_SERVICE ||
			object_compare_age(prev->vss[j]->obj, order[i]) < 0))
			j++;
		if (prev && j < prev->n_vss && prev->vss[j]->obj == order[i])
			old = prev->vss[j];
		vs = vs_update(b, order[i], old);
		if (vs)
			*vec_push(&out->v, b->arena) = vs;
	}
}

/* What Ingresses make counts as older than any object. */
static int64_t created_of(const struct vs *vs)
{
	return vs->obj->kind == KIND_INGRESS ? 0 : vs->obj->created_ns;
}

/* Of one age by name; routes of the Gateway API have names that no VirtualService has. */
static int compare_vss(const void *a, const void *b)
{
	const struct vs *x = *(struct vs *const *)a, *y = *(struct vs *const *)b;
	int c;

	if (created_of(x) != created_of(y))
		return created_of(x) < created_of(y) ? -1 : 1;
	c = strcmp(x->name, y->name);
	if (!c)
		c = strcmp(x->obj->ns, y->obj->ns);
	return c ? c : (int)x->obj->kind - (int)y->obj->kind;
}

/* All VirtualServices are prev's, and with the services of now none spreads further than a limit. */
static bool may_keep_all(const struct builder *b)
{
	const struct snapshot *prev = b->prev;
	size_t n = prev && prev->n_svcs > b->s->n_svcs ? prev->n_svcs : b->s->n_svcs;

	return b->same[KIND_VIRTUAL_SERVICE] && (b->same_svcs || prev->widest_vs * n <= VS_SPREAD_MAX);
}

void vs_stage(struct builder *b)
{
	struct snapshot *s = b->s;
	struct vs_vec all = {0};
	bool same_routes = gwapi_stage(b, &all), same_ingresses = ingress_stage(b, &all);
	size_t n_others;

	if (same_routes && same_ingresses && may_keep_all(b)) {
		s->widest_vs = b->prev->widest_vs;
		s->vss = arena_copy(b->arena, b->prev->vss, b->prev->n_vss * sizeof(s->vss[0]));
		s->n_vss = b->prev->n_vss;
		b->same_vss = true;
		part_keep_quarantined(b, KIND_VIRTUAL_SERVICE);
		return;
	}
	n_others = all.v.n;
	build_all(b, &all);
	if (n_others)
		qsort(all.v.v, all.v.n, sizeof(all.v.v[0]), compare_vss);
	s->vss = all.v.v ? all.v.v : arena_array(b->arena, struct vs *, 0);
	s->n_vss = all.v.n;
	b->same_vss = b->prev && b->prev->n_vss == s->n_vss &&
		      memcmp(b->prev->vss, s->vss, s->n_vss * sizeof(s->vss[0])) == 0;
}
