/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/gwapi.h"
#include "mesh/snapshot_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

/* ---- parts ---- */

void part_end(struct part_scope *ps, struct part *p)
{
	arena_unguard(&ps->arena, &ps->guard);
	ps->arena.limit = 0;
	arena_take(&p->arena, &ps->arena);
}

void part_failed(struct builder *b, struct part_scope *ps, const struct object *obj)
{
	arena_fini(&ps->arena);
	part_quarantine(b, obj);
}

void part_quarantine_for(struct builder *b, const struct object *obj, enum diag_code code, const char *why)
{
	*vec_push(&b->quarantined, b->arena) = (struct quarantine){obj, code, why};
	b->rejudge = true;
}

void part_quarantine(struct builder *b, const struct object *obj)
{
	part_quarantine_for(b, obj, D_LIMIT_MEMORY,
			    arena_printf(b->arena, "compiling it takes more than %d MiB", PART_MEMORY_MAX / 1024 / 1024));
}

void part_keep_quarantined(struct builder *b, enum kind kind)
{
	for (size_t i = 0; i < b->prev->n_quarantined; i++) {
		struct quarantine q = b->prev->quarantined[i];

		if (q.obj->kind != kind)
			continue;
		q.why = arena_strdup(b->arena, q.why);
		*vec_push(&b->quarantined, b->arena) = q;
	}
}

void part_fresh(struct builder *b, struct part *p)
{
	p->next_fresh = b->s->fresh;
	b->s->fresh = p;
	b->s->n_parts_built++;
}

void part_free(struct part *p)
{
	struct arena arena = p->arena;	/* p itself lives in it */

	arena_fini(&arena);
}

bool part_holds_same(const struct part *a, const struct part *b)
{
	return a->n_held == b->n_held &&
	       (a->n_held == 0 || memcmp(a->held, b->held, a->n_held * sizeof(a->held[0])) == 0);
}

void part_finding(struct arena *a, struct part *p, const struct object *obj, enum verdict_state state,
		  enum diag_code code, const char *path, const char *fmt, ...)
{
	struct finding *f = arena_new(a, struct finding), **end = (struct finding **)&p->findings;
	va_list ap;

	va_start(ap, fmt);
	*f = (struct finding){
		.obj = obj,
		.state = state,
		.diag = {.code = code,
			 .severity = diag_info(code)->severity,
			 .object = {.kind = kind_info(obj->kind)->name,
				    .ns = obj->ns,
				    .name = obj->name,
				    .file = obj->file},
			 .pos = obj->pos,
			 .path = path,
			 .text = arena_vprintf(a, fmt, ap)}};
	va_end(ap);
	while (*end)
		end = &(*end)->next;
	*end = f;
}

struct hash128 hash_strs(struct hash128 h, const struct strs *v)
{
	h = hash_mix_u64(h, v->n);
	for (size_t i = 0; i < v->n; i++)
		h = hash_mix_str(h, v->v[i]);
	return h;
}

struct hash128 hash_strmap(struct hash128 h, const struct strmap *m)
{
	h = hash_mix_u64(h, m->n);
	for (size_t i = 0; i < m->n; i++)
		h = hash_mix_str(hash_mix_str(h, m->v[i].key), m->v[i].value);
	return h;
}

struct hash128 hash_visibility(struct hash128 h, const struct visibility *v)
{
	h = hash_mix_u64(h, (uint64_t)v->all << 2 | (uint64_t)v->none << 1 | (uint64_t)v->own);
	return hash_strs(h, &v->ns);
}

const struct kind_list *builder_list(const struct builder *b, enum kind kind)
{
	return b->s->objects.kind[kind];
}

static void part_unref(struct part *p)
{
	if (--p->refs > 0)
		return;
	for (size_t i = 0; i < p->n_held; i++)
		object_unref((struct object *)p->held[i]);
	part_free(p);
}

/* ---- building ---- */

static int compare_age(const void *a, const void *b)
{
	return object_compare_age(*(const struct object *const *)a, *(const struct object *const *)b);
}

static const struct object *const *by_age(struct builder *b, enum kind kind, size_t *n)
{
	const struct kind_list *l = builder_list(b, kind);
	const struct object **v = arena_copy(b->arena, l->v, l->n * sizeof(l->v[0]));

	qsort(v, l->n, sizeof(v[0]), compare_age);
	*n = l->n;
	return v;
}

/* Endpoints may change without anything else; all other inputs must be prev's own. */
static bool only_endpoints(const struct builder *b)
{
	if (!b->prev || !b->same_mesh || !b->same_svcs || !b->same_vss || !b->same_drs)
		return false;
	for (size_t k = 0; k < KIND_COUNT; k++)
		if (!b->same[k] && k != KIND_ENDPOINT_SLICE && k != KIND_POD && k != KIND_NODE &&
		    k != KIND_WORKLOAD_ENTRY && k != KIND_DEPLOYMENT)
			return false;
	return b->s->has_node_local == b->prev->has_node_local &&
	       hash_equal(b->s->networks.hash, b->prev->networks.hash);
}

static void find_touched(struct builder *b)
{
	struct snapshot *s = b->s;
	VEC(size_t) v = {0};

	for (size_t i = 0; i < s->n_svcs; i++)
		if (s->eps[i] != b->prev->eps[i])
			*vec_push(&v, b->arena) = i;
	s->touched = v.v;
	s->n_touched = v.n;
}

/* Views read pods, nodes, and the endpoints of services that tell their workloads by address (view.c,
 * set_targets); they borrow from the mesh settings. */
static bool same_views(const struct builder *b)
{
	const struct snapshot *s = b->s;

	if (!b->same[KIND_POD] || !b->same[KIND_NODE] || s->objects.settings != b->prev->objects.settings)
		return false;
	for (size_t i = 0; i < s->n_touched; i++) {
		const struct svc *svc = s->svcs[s->touched[i]];

		if (svc->is_kube ? svc->selector.n == 0 : svc->resolution == SVC_EDS)
			return false;
	}
	return true;
}

/* What endpoints without a network of their own are in: the label of the root namespace. */
static const char *default_network(const struct snapshot *s)
{
	const struct object *ns = snapshot_object(s, KIND_NAMESPACE, "", s->mesh->root_namespace);
	const char *network = ns ? strmap_get(&ns->labels, "topology.istio.io/network") : NULL;

	return network ? network : "";
}

static bool names_node(const struct strs *labels)
{
	return strs_has(labels, "kubernetes.io/hostname");
}

static bool node_counts(const struct snapshot *s)
{
	const struct kind_list *l = s->objects.kind[KIND_NAMESPACE];
	const char *note;

	for (size_t i = 0; i < s->n_svcs; i++)
		if (s->svcs[i]->node_local || s->svcs[i]->by_node)
			return true;
	for (size_t i = 0; i < s->n_drs; i++)
		if (s->drs[i]->by_node)
			return true;
	for (size_t i = 0; i < l->n; i++) {
		note = strmap_get(&l->v[i]->annotations, "networking.istio.io/traffic-distribution");
		if (note && strcmp(note, "PreferSameNode") == 0)
			return true;
	}
	return (s->mesh->locality_lb_setting && names_node(&s->mesh->locality_lb_setting->failover_priority)) ||
	       (s->mesh->zone_aware_lb_setting && names_node(&s->mesh->zone_aware_lb_setting->failover_priority));
}

static void run_stages(struct builder *b)
{
	struct snapshot *s = b->s;

	for (size_t k = 0; k < KIND_COUNT; k++)
		b->same[k] = b->prev && b->prev->objects.kind[k] == s->objects.kind[k];
	b->same_mesh = b->prev && hash_equal(b->prev->objects.mesh_hash, s->objects.mesh_hash) &&
		       strcmp(b->prev->domain, s->domain) == 0;
	s->default_network = default_network(s);
	/* the first allocation, so that arrays of nothing are no NULL */
	s->verdict_lists = arena_array(b->arena, struct verdict_list *, COMPILED_KINDS);
	s->sidecars = by_age(b, KIND_SIDECAR, &s->n_sidecars);
	s->proxy_configs = by_age(b, KIND_PROXY_CONFIG, &s->n_proxy_configs);
	s->authz = by_age(b, KIND_AUTHORIZATION_POLICY, &s->n_authz);
	s->authn = by_age(b, KIND_REQUEST_AUTHENTICATION, &s->n_authn);
	s->peers = by_age(b, KIND_PEER_AUTHENTICATION, &s->n_peers);
	for (size_t i = 0; i < s->n_peers; i++)
		s->peer_hash = hash_mix(s->peer_hash, s->peers[i]->hash);
	gateway_stage(b);
	pod_stage(b);
	service_stage(b);
	network_stage(b);
	endpoint_stage(b);
	vs_stage(b);
	rule_stage(b);
	s->has_node_local = node_counts(s);
	s->quarantined = b->quarantined.v;
	s->n_quarantined = b->quarantined.n;
	verdict_stage(b);
	s->only_endpoints = only_endpoints(b);
	if (s->only_endpoints) {
		find_touched(b);
		s->same_views = same_views(b);
	}
}

static void free_fresh(struct snapshot *s)
{
	struct part *p = s->fresh;

	while (p) {
		struct part *next = p->next_fresh;

		part_free(p);
		p = next;
	}
}

/* False on lack of memory. */
static bool build(struct builder *b)
{
	struct arena_guard guard;

	if (arena_guard(b->arena, &guard))
		return false;
	run_stages(b);
	arena_unguard(b->arena, &guard);
	return true;
}

struct snapshot *snapshot_build(const struct snapshot *prev, const struct object_set *objects)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct builder b = {.s = s, .prev = prev};

	if (!s)
		return NULL;
	must(!prev || prev->adopted);
	*s = (struct snapshot){.refs = 1,
			       .gen = prev ? prev->gen + 1 : 1,
			       .objects = *objects,
			       .mesh = objects->mesh,
			       .domain = objects->domain};
	arena_init(&s->arena, 0);
	b.arena = &s->arena;
	if (build(&b))
		return s;
	free_fresh(s);
	arena_fini(&s->arena);
	free(s);
	return NULL;
}

/* ---- references ---- */

/* Each part of s once. */
static void each_part(const struct snapshot *s, void (*fn)(struct part *))
{
	for (size_t i = 0; i < s->n_svcs; i++) {
		fn(&s->svcs[i]->part);
		fn(&s->eps[i]->part);
	}
	for (size_t i = 0; i < s->n_vss; i++)
		fn(&s->vss[i]->part);
	for (size_t i = 0; i < s->n_drs; i++)
		fn(&s->drs[i]->part);
	for (size_t i = 0; i < s->n_gateways; i++)
		fn(&s->gateways[i]->part);
	fn(&s->api->part);
	fn(&s->pods->part);
	for (size_t k = 0; k < COMPILED_KINDS; k++)
		fn(&s->verdict_lists[k]->part);
}

static void part_ref(struct part *p)
{
	if (p->refs++ == 0)
		for (size_t i = 0; i < p->n_held; i++)
			object_ref((struct object *)p->held[i]);
}

void snapshot_adopt(struct snapshot *s)
{
	must(!s->adopted);
	object_set_ref(&s->objects);
	each_part(s, part_ref);
	s->fresh = NULL;
	s->adopted = true;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
	s->refs++;
	return s;
}

void snapshot_unref(struct snapshot *s)
{
	if (!s || --s->refs > 0)
		return;
	if (s->adopted) {
		each_part(s, part_unref);
		object_set_unref(&s->objects);
	} else {
		free_fresh(s);
	}
	arena_fini(&s->arena);
	free(s);
}

/* ---- look-up ---- */

size_t snapshot_svcs_of(const struct snapshot *s, const char *host, size_t *first)
{
	size_t lo = 0, hi = s->n_svcs, end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->svcs[mid]->host, host) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo; end < s->n_svcs && strcmp(s->svcs[end]->host, host) == 0; end++)
		;
	*first = lo;
	return end - lo;
}

size_t snapshot_svcs_in(struct svc *const *v, size_t n, const char *ns, size_t *first)
{
	size_t lo = 0, hi = n, end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(v[mid]->ns, ns) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo; end < n && strcmp(v[end]->ns, ns) == 0; end++)
		;
	*first = lo;
	return end - lo;
}

const struct object *snapshot_object(const struct snapshot *s, enum kind kind, const char *ns, const char *name)
{
	return kind_list_find(s->objects.kind[kind], ns, name);
}
