/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of resources of one view: gathered from the planners, sorted, without doubles.
 */
#include "plan/plan_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct sortable {
	struct plan_row row;
	size_t seq;		/* first wins */
};

static int compare_rows(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	int c = strcmp(x->row.name, y->row.name);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static void keep_type(struct plan *p, const struct plan_rows *rows, enum ir_type type, struct arena *a)
{
	struct sortable *s;
	struct plan_row *out;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < rows->v.n; i++)
		n += rows->v.v[i].type == type;
	s = arena_array(a, struct sortable, n);
	out = arena_array(a, struct plan_row, n);
	n = 0;
	for (size_t i = 0; i < rows->v.n; i++)
		if (rows->v.v[i].type == type)
			s[n++] = (struct sortable){rows->v.v[i], i};
	qsort(s, n, sizeof(s[0]), compare_rows);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(out[kept - 1].name, s[i].row.name) != 0)
			out[kept++] = s[i].row;
	p->rows[type].v = out;
	p->rows[type].n = kept;
}

struct plan *plan_build(const struct snapshot *s, const struct view *v, struct arena *a)
{
	struct plan *p = arena_new(a, struct plan);
	struct plan_rows rows = {.arena = a};

	p->snap = s;
	p->view = v;
	scope_build(s, v, a, &p->scope);
	plan_cluster_rows(p, &rows);
	plan_endpoint_rows(p, &rows);
	if (v->type == PROXY_SIDECAR) {
		plan_outbound_rows(p, &rows);
		plan_inbound_rows(p, &rows);
		plan_route_rows(p, &rows);
	}
	if (v->type == PROXY_GRPC) {
		plan_route_rows(p, &rows);
		plan_grpc_rows(p, &rows);
	}
	if (v->type == PROXY_ROUTER)
		plan_gateway_rows(p, &rows);
	else if (v->type == PROXY_SIDECAR)
		plan_ca_rows(p, &rows);
	plan_roots_row(p, &rows);
	plan_names_row(p, &rows);
	for (int t = 0; t < IR_TYPES; t++)
		keep_type(p, &rows, (enum ir_type)t, a);
	return p;
}

/* ---- what a change of endpoints alters ---- */

/* Do the endpoints of svc count in its own cluster and endpoint rows only, whose names do not depend on
 * them? All who read an ep_set:
 *   plan_endpoint.c   the load assignments
 *   plan_cluster.c    mix_accounts, and plan_tls.c, tls_workload: accounts, in the clusters
 *   plan_cluster.c    outbound_row, find_members: clusters of DNS services have their members within
 *                     them, and are left out without any
 *   plan_outbound.c   join_endpoints, waits_for_endpoints, and plan_route.c, plan_sniffed_binds: listeners
 *                     and routes of headless services, at sidecars
 *   plan_names_table.c  addresses of headless services, at proxies that capture DNS
 *   view.c            add_by_address: the view itself (snapshot.c, same_views) */
static bool has_own_rows_only(const struct svc *svc, const struct view *v)
{
	return svc->resolution == SVC_EDS || (svc->resolution == SVC_PASSTHROUGH && v->type != PROXY_SIDECAR && !v->dns_capture);
}

/* What scope_build says of the i-th service, told by the clusters that the view has; no ports: nothing. */
static struct scope_svc touched_svc(const struct plan *p, size_t i, plan_seen_fn *seen, const void *arg, struct arena *a)
{
	const struct svc *svc = p->snap->svcs[i];
	struct scope_svc x = {.svc = svc, .eps = p->snap->eps[i]};
	struct svc_port *ports = arena_array(a, struct svc_port, svc->n_ports);

	for (size_t k = 0; k < svc->n_ports; k++)
		if (seen(arg, plan_cluster_name(a, "outbound", svc->ports[k].port, "", svc->host)))
			ports[x.n_ports++] = svc->ports[k];
	x.ports = ports;
	if (x.n_ports)
		x.dr = scope_rule(p->snap, p->view, svc);
	return x;
}

/* The touched services that the view sees. False: their endpoints count elsewhere too, or which service
 * of several of one host is meant is not known here. */
static bool touched_scope(struct plan *p, plan_seen_fn *seen, const void *arg, struct arena *a)
{
	const struct snapshot *s = p->snap;
	struct scope_svc *v = arena_array(a, struct scope_svc, s->n_touched);
	size_t n = 0, first;

	for (size_t i = 0; i < s->n_touched; i++) {
		const struct svc *svc = s->svcs[s->touched[i]];

		/* of a DNS service the view may have no cluster yet */
		if (svc->resolution != SVC_EDS && svc->resolution != SVC_PASSTHROUGH)
			return false;
		v[n] = touched_svc(p, s->touched[i], seen, arg, a);
		if (!v[n].n_ports)
			continue;
		if (!has_own_rows_only(svc, p->view) || snapshot_svcs_of(s, svc->host, &first) > 1)
			return false;
		n++;
	}
	p->scope.svcs = v;
	p->scope.n_svcs = n;
	return true;
}

struct plan *plan_endpoints(const struct snapshot *s, const struct view *v, plan_seen_fn *seen, const void *arg,
			    struct arena *a)
{
	struct plan *p = arena_new(a, struct plan);
	struct plan_rows rows = {.arena = a};

	p->snap = s;
	p->view = v;
	/* gRPC's own clients do not get all clusters of what they see */
	if (!s->only_endpoints || v->type == PROXY_GRPC || !touched_scope(p, seen, arg, a))
		return NULL;
	plan_service_rows(p, &rows);
	plan_endpoint_rows(p, &rows);
	keep_type(p, &rows, IR_CLUSTER, a);
	keep_type(p, &rows, IR_ENDPOINTS, a);
	return p;
}

void plan_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	*out = (struct ir){.type = row->type};
	row->expand(p, row, a, out);
	must(out->cluster);
}

/* ---- origins ---- */

void origins_add(struct origins *o, const struct object *obj)
{
	if (obj)
		*vec_push(&o->v, o->arena) = obj;
}

static int compare_objects(const void *a, const void *b)
{
	return object_compare(*(const struct object *const *)a, *(const struct object *const *)b);
}

struct ir_origins origins_done(struct origins *o)
{
	size_t n = 0;

	if (o->v.n)
		qsort(o->v.v, o->v.n, sizeof(o->v.v[0]), compare_objects);
	for (size_t i = 0; i < o->v.n; i++)
		if (!n || object_compare(o->v.v[n - 1], o->v.v[i]) != 0)
			o->v.v[n++] = o->v.v[i];
	o->v.n = n;
	return (struct ir_origins){.v = o->v.v, .n = n};
}
