/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of names for a proxy that captures the DNS of its workload (istio-behaviour.md 5.6):
 * each host that it sees, with the addresses at which it reaches it. Istio's agent asks for it;
 * nothing else does.
 */
#include "plan/plan_http_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/scalar.h"
#include "model/kube.h"

static const char table_name[] = "NameTable";

struct name {
	struct ir_name ir;
	VEC(const char *) ips;
};

struct table {
	const struct plan *plan;
	struct arena *arena;
	struct map by_host; /* struct name */
	VEC(struct name *) v;
	struct origins origins;
};

static const char *registry_of(const struct svc *svc)
{
	return svc->is_kube ? "Kubernetes" : "External";
}

static struct name *name_of(struct table *t, const char *host, const struct svc *svc)
{
	void **slot = map_slot(&t->by_host, host);
	struct name *x = *slot;

	if (x)
		return x;
	*slot = x = arena_new(t->arena, struct name);
	x->ir = (struct ir_name){.host = host, .registry = registry_of(svc)};
	*vec_push(&t->v, t->arena) = x;
	return x;
}

static void add_ip(struct table *t, struct name *x, const char *ip)
{
	for (size_t i = 0; i < x->ips.n; i++)
		if (strcmp(x->ips.v[i], ip) == 0)
			return;
	*vec_push(&x->ips, t->arena) = ip;
}

static bool is_usable(const struct view *v, const char *ip)
{
	return scalar_is_ip(ip) && (strchr(ip, ':') ? v->v6 : v->v4);
}

static void add_ep(struct table *t, struct name *x, const struct ep *e)
{
	if (is_usable(t->plan->view, e->address))
		add_ip(t, x, e->address);
	for (size_t i = 0; i < e->more.n; i++)
		if (is_usable(t->plan->view, e->more.v[i]))
			add_ip(t, x, e->more.v[i]);
}

/* Nothing here leads through a gateway of another network. */
static bool is_near(const struct view *v, const struct ep *e)
{
	return !*v->network || !*e->network || strcmp(v->network, e->network) == 0;
}

static bool counts(const struct view *v, const struct svc *svc, const struct ep *e)
{
	return (e->health == EP_HEALTHY || svc->publish_not_ready) && is_near(v, e) &&
	       scalar_is_ip(e->address);
}

/* The pod of an endpoint that has a name of its own below the service, or NULL. */
static const struct k_pod_spec *named_pod(const struct plan *p, const struct ep *e,
					  const char **hostname)
{
	const struct object *pod = snapshot_pod_of_ip(p->snap, e->address);
	const struct k_pod_spec *spec = pod ? object_spec(pod, k_pod)->spec : NULL;

	if (!spec || !spec->subdomain || !*spec->subdomain)
		return NULL;
	*hostname = spec->hostname && *spec->hostname ? spec->hostname : pod->name;
	return spec;
}

/* "<hostname>.<subdomain>" and what stands behind the service's name in its host. */
static void add_pod(struct table *t, const struct svc *svc, const struct ep *e)
{
	const char *rest = strchr(svc->host, '.'), *hostname, *shortname;
	const struct k_pod_spec *pod = rest ? named_pod(t->plan, e, &hostname) : NULL;
	struct name *x;

	if (!pod)
		return;
	shortname = arena_printf(t->arena, "%s.%s", hostname, pod->subdomain);
	x = name_of(t, arena_printf(t->arena, "%s%s", shortname, rest), svc);
	x->ir.shortname = shortname;
	x->ir.ns = svc->ns;
	add_ep(t, x, e);
}

static bool has_own_addresses(const struct scope_svc *s, struct strs *out, const struct view *v,
			      struct arena *a)
{
	*out = http_addresses_of(s->svc, v, a);
	return out->n > 0;
}

/* A headless service stands for its endpoints. */
static bool is_headless(const struct svc *svc)
{
	return svc->resolution == SVC_PASSTHROUGH && svc->n_ports;
}

static void add_service(struct table *t, const struct scope_svc *s)
{
	const struct svc *svc = s->svc;
	const struct view *v = t->plan->view;
	struct strs own;
	struct name *x;

	if (!has_own_addresses(s, &own, v, t->arena) && !is_headless(svc))
		return;
	x = name_of(t, svc->host, svc);
	if (strcmp(x->ir.registry, registry_of(svc)) != 0) { /* two egress blocks see one host */
		if (!svc->is_kube)
			return;
		x->ir.registry = registry_of(svc);
		x->ips.n = 0;
	}
	if (svc->is_kube) {
		x->ir.shortname = svc->name;
		x->ir.ns = svc->ns;
	}
	for (size_t i = 0; i < own.n; i++)
		if (scalar_is_ip(own.v[i])) /* no range of addresses */
			add_ip(t, x, own.v[i]);
	for (size_t i = 0; !own.n && i < s->eps->n; i++) {
		if (!counts(v, svc, &s->eps->v[i]))
			continue;
		add_ep(t, x, &s->eps->v[i]);
		add_pod(t, svc, &s->eps->v[i]);
	}
	for (size_t i = 0; x->ips.n && i < svc->part.n_held; i++)
		origins_add(&t->origins, svc->part.held[i]);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(struct name *const *)a)->ir.host, (*(struct name *const *)b)->ir.host);
}

static void each_service(const struct plan *p, void (*fn)(void *arg, const struct scope_svc *s),
			 void *arg)
{
	for (size_t i = 0; i < p->scope.n_egress; i++)
		for (size_t k = 0; k < p->scope.egress[i].n_svcs; k++)
			fn(arg, &p->scope.egress[i].svcs[k]);
}

static void collect(void *arg, const struct scope_svc *s)
{
	add_service(arg, s);
}

static void expand(const struct plan *p, const struct plan_row *row, struct arena *a,
		   struct ir *out)
{
	struct table t = {.plan = p, .arena = a, .origins = {.arena = a}};
	struct ir_names *ir = arena_new(a, struct ir_names);
	struct ir_name *v;

	map_init(&t.by_host, a);
	each_service(p, collect, &t);
	if (t.v.n)
		qsort(t.v.v, t.v.n, sizeof(t.v.v[0]), compare_names);
	v = arena_array(a, struct ir_name, t.v.n);
	for (size_t i = 0; i < t.v.n; i++) {
		if (!t.v.v[i]->ips.n)
			continue;
		v[ir->n] = t.v.v[i]->ir;
		v[ir->n++].ips = (struct strs){.v = t.v.v[i]->ips.v, .n = t.v.v[i]->ips.n};
	}
	ir->name = row->name;
	ir->v = v;
	ir->origins = origins_done(&t.origins);
	out->names = ir;
}

/* ---- the row ---- */

struct inputs {
	const struct plan *plan;
	struct arena *arena;
	struct hash128 h;
};

static void mix(void *arg, const struct scope_svc *s)
{
	struct inputs *x = arg;
	const char *hostname;
	struct strs own;

	x->h = hash_mix(x->h, s->svc->part.hash);
	if (!is_headless(s->svc) || has_own_addresses(s, &own, x->plan->view, x->arena))
		return;
	x->h = hash_mix(x->h, s->eps->part.hash);
	for (size_t i = 0; i < s->eps->n; i++) {
		const struct k_pod_spec *pod = named_pod(x->plan, &s->eps->v[i], &hostname);

		if (pod)
			x->h = hash_mix_str(hash_mix_str(x->h, hostname), pod->subdomain);
	}
}

void plan_names_row(struct plan *p, struct plan_rows *rows)
{
	const struct view *v = p->view;
	struct inputs x = {
	    .plan = p, .arena = rows->arena, .h = hash_mix_str(hash_bytes("names", 5), v->network)};

	if (!v->dns_capture || v->type == PROXY_GRPC)
		return;
	x.h = hash_mix_u64(x.h,
			   (uint64_t)plan_is_dual(v) << 2 | (uint64_t)v->v4 << 1 | (uint64_t)v->v6);
	each_service(p, mix, &x);
	*vec_push(&rows->v, rows->arena) = (struct plan_row){
	    .type = IR_NAMES, .name = table_name, .inputs = x.h, .expand = expand};
}
