/* SPDX-License-Identifier: Apache-2.0
 *
 * What gRPC's own xDS clients get (node metadata GENERATOR "grpc"): a listener for each name that a
 * channel may be opened to, with nothing in it but the name of its routes; and of clusters and routes
 * only what such clients understand. They refuse whole resources for what they do not know: filters
 * without an implementation, load balancers, kinds of clusters and of path matches.
 */
#include <string.h>

#include "plan/plan_cluster_int.h"
#include "plan/plan_route_int.h"

/* ---- listeners ---- */

struct grpc_listener {
	const struct rds *routes;
	const struct scope_svc *alias;	/* ExternalName that was asked for, or NULL: the service itself */
};

static void add_held(struct origins *o, const struct svc *svc)
{
	for (size_t i = 0; i < svc->part.n_held; i++)
		origins_add(o, svc->part.held[i]);
}

static void expand_listener(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct grpc_listener *ref = row->ref;
	struct ir_listener *l = arena_new(a, struct ir_listener);
	struct origins origins = {.arena = a};

	(void)p;
	add_held(&origins, ref->routes->svcs[0]->svc);
	if (ref->alias)
		add_held(&origins, ref->alias->svc);
	*l = (struct ir_listener){.name = row->name,
				  .direction = IR_OUTBOUND,
				  .api_routes = ref->routes->name,
				  .origins = origins_done(&origins)};
	out->listener = l;
}

struct listeners {
	const struct plan *p;
	struct plan_rows *rows;
	VEC(struct plan_row) v;
	bool shortened;			/* this pass is for shortened names */
};

static void add_name(struct listeners *b, const struct grpc_listener *ref, const char *host)
{
	struct arena *a = b->rows->arena;
	struct hash128 h = hash_mix(hash_bytes("grpc", 4), ref->routes->svcs[0]->svc->part.hash);

	h = hash_mix_str(h, ref->routes->name);
	h = ref->alias ? hash_mix(h, ref->alias->svc->part.hash) : hash_mix_u64(h, 0);
	*vec_push(&b->v, a) = (struct plan_row){.type = IR_LISTENER,
						.name = http_host_port(host, ref->routes->port, a),
						.inputs = h,
						.expand = expand_listener,
						.ref = ref};
}

/* Services of the client's own domain go by "name", "name.ns" and "name.ns.svc" too. */
static void add_short_names(struct listeners *b, const struct grpc_listener *ref, const char *host)
{
	const struct view *v = b->p->view;
	const char *domain = v->dns_domain ? v->dns_domain : "";
	size_t n = strlen(host), suffix = strlen(domain), ns = strlen(v->ns);
	struct arena *a = b->rows->arena;
	const char *name;

	if (!suffix || n <= suffix + 1 || host[n - suffix - 1] != '.' || strcmp(host + n - suffix, domain) != 0)
		return;
	name = arena_strndup(a, host, n - suffix - 1);
	if (!strchr(name, '.'))
		add_name(b, ref, name);
	if (!ns || strncmp(domain, v->ns, ns) != 0)
		return;
	add_name(b, ref, arena_printf(a, "%s.%s", name, v->ns));
	if (strncmp(domain + ns, ".svc", 4) == 0)
		add_name(b, ref, arena_printf(a, "%s.%s.svc", name, v->ns));
}

static void add_host(struct listeners *b, const struct rds *r, const struct scope_svc *alias)
{
	struct grpc_listener *ref = arena_new(b->rows->arena, struct grpc_listener);
	const char *host = alias ? alias->svc->host : r->svcs[0]->svc->host;

	*ref = (struct grpc_listener){r, alias};
	if (b->shortened)
		add_short_names(b, ref, host);
	else if (!host_is_wildcard(host))
		add_name(b, ref, host);
}

static void add_listeners(struct listeners *b, const struct rds *r)
{
	const struct alias_list *aliases = map_get(&r->index->aliases, r->svcs[0]->svc->host);

	add_host(b, r, NULL);
	for (size_t i = 0; aliases && i < aliases->v.n; i++) {
		const struct scope_svc *alias = scope_find(&b->p->scope, aliases->v.v[i]);

		if (alias)
			add_host(b, r, alias);
	}
}

void plan_grpc_rows(struct plan *p, struct plan_rows *rows)
{
	struct listeners b = {.p = p, .rows = rows};

	/* whole names first: of equal ones the first stays */
	for (int pass = 0; pass < 2; pass++) {
		b.shortened = pass == 1;
		for (size_t i = 0; i < rows->v.n; i++)
			if (rows->v.v[i].type == IR_ROUTES)
				add_listeners(&b, rows->v.v[i].ref);
	}
	for (size_t i = 0; i < b.v.n; i++)
		*vec_push(&rows->v, rows->arena) = b.v.v[i];
}

/* ---- routes ---- */

enum { STATUS_UNAVAILABLE = 14 };

/* A redirect or direct response: grpc-js refuses all routes for it, and stumbles over a
 * non_forwarding_action. What every client knows is to fail the call. */
static void fail_instead(struct ir_route *r, const char *cluster, struct arena *a)
{
	struct ir_fault *fault = arena_new(a, struct ir_fault);
	struct ir_weighted *w = arena_new(a, struct ir_weighted);
	bool is_error = r->action == IR_ACTION_DIRECT && r->direct.status >= 400;

	*fault = (struct ir_fault){.has_abort = true,
				   .abort_is_grpc = !is_error,
				   .abort_code = is_error ? r->direct.status : STATUS_UNAVAILABLE,
				   .abort_share = {100, 100}};
	w->cluster = cluster;
	r->fault = fault;
	r->action = IR_ACTION_FORWARD;
	r->clusters = w;
	r->n_clusters = 1;
	r->by_weight = false;
}

void grpc_reduce_route(struct ir_route *r, const char *cluster, struct arena *a)
{
	struct ir_route_match *m = &r->match;

	if (r->action != IR_ACTION_FORWARD)
		fail_instead(r, cluster, a);
	/* A31: the limit is where Envoy has it, too; the older field is not read */
	r->max_stream = r->timeout;
	r->max_grpc_timeout = (struct opt_duration){0};
	r->cors = NULL;
	/* a path is "/service/method": what ends before a "/" is a plain prefix */
	if (m->path_kind == IR_PATH_SEPARATED) {
		size_t n = strlen(m->path);

		m->path_kind = IR_PATH_PREFIX;
		m->path = arena_printf(a, "%s%s", m->path, n && m->path[n - 1] == '/' ? "" : "/");
	}
}

/* ---- clusters ---- */

enum ir_discovery grpc_discovery(const struct outbound *o, const struct policy *policy)
{
	/* the identity is an agent's matter: rather nothing than plain text */
	if (policy->tls && policy->tls->mode == CLIENT_TLS_ISTIO_MUTUAL)
		return IR_STATIC;
	switch (o->svc->svc->resolution) {
	case SVC_EDS:
	case SVC_PASSTHROUGH:
		return IR_EDS;
	case SVC_DNS:
	case SVC_DNS_ROUND_ROBIN:
		return IR_LOGICAL_DNS;
	case SVC_DYNAMIC_DNS:
	case SVC_ALIAS:
		break;
	}
	return IR_STATIC;
}

void grpc_reduce_cluster(struct ir_cluster *c)
{
	bool hashed = c->lb == IR_LB_RING_HASH || c->lb == IR_LB_MAGLEV;

	*c = (struct ir_cluster){
	    .name = c->name,
	    .discovery = c->discovery,
	    .inline_endpoints = c->inline_endpoints,
	    .eds_name = c->eds_name,
	    .connect_timeout = c->connect_timeout,
	    .lb = hashed ? IR_LB_RING_HASH : IR_LB_ROUND_ROBIN,
	    .ring_min_size = c->ring_min_size,
	    .thresholds = c->thresholds,	/* else 1024 requests at a time (A32) */
	    .services = c->services,
	    .n_services = c->n_services,
	    .subset = c->subset,
	    .config = c->config,
	    .external = c->external,
	    .origins = c->origins,
	};
}
