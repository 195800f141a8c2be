/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan_http_int.h"

#include <string.h>

enum { ALIAS_HOPS_MAX = 10 };

/* ---- destinations ---- */

static const struct scope_svc *service_of(const struct plan *p, const char *host, const char *ns, struct arena *a,
					  const char **fqdn)
{
	*fqdn = host_resolve(host, ns, p->snap->domain, a);
	return scope_find(&p->scope, *fqdn);
}

/* An ExternalName has no cluster: the service that it stands for has. */
static const char *concrete_host(const struct plan *p, const struct scope_svc *s, const char *host)
{
	for (int hops = 0; s && s->svc->resolution == SVC_ALIAS && s->svc->alias_of && hops < ALIAS_HOPS_MAX; hops++) {
		host = s->svc->alias_of;
		s = scope_find(&p->scope, host);
	}
	return host;
}

/* port: of a destination that names none. */
static const char *cluster_of(const struct plan *p, const struct destination *d, const char *ns, uint32_t port,
			      bool only_port_wins, struct arena *a)
{
	const struct scope_svc *s;
	const char *host;

	if (!d || !d->host || !*d->host)
		return "UnknownService";
	s = service_of(p, d->host, ns, a, &host);
	if (d->port && d->port->number)
		port = d->port->number;
	else if (only_port_wins && s && s->n_ports == 1)
		port = s->ports[0].port;
	return plan_cluster_name(a, "outbound", port, d->subset ? d->subset : "", concrete_host(p, s, host));
}

const char *http_destination_cluster(const struct plan *p, const struct destination *d, const char *ns,
				     uint32_t listen_port, struct arena *a)
{
	return cluster_of(p, d, ns, listen_port, true, a);
}

/* A sidecar's listener of port P leads to port P; where the listener has no port of a service
 * (gateways, HTTP proxies), a service's only port is meant. */
static const char *route_cluster(const struct http_ctx *ctx, const struct destination *d)
{
	return cluster_of(ctx->plan, d, ctx->vs->obj->ns, ctx->listen_port, ctx->is_gateway || ctx->listen_port == 0,
			  ctx->arena);
}

struct hash128 http_mix_destination(const struct plan *p, const struct destination *d, const char *ns,
				    struct arena *a, struct hash128 h)
{
	const struct scope_svc *s;
	const char *host;

	if (!d || !d->host)
		return h;
	s = service_of(p, d->host, ns, a, &host);
	for (int hops = 0; s && hops < ALIAS_HOPS_MAX; hops++) {
		h = hash_mix(h, s->svc->part.hash);
		if (s->dr)
			h = hash_mix(h, s->dr->routing);
		if (s->svc->resolution != SVC_ALIAS || !s->svc->alias_of)
			return h;
		s = scope_find(&p->scope, s->svc->alias_of);
	}
	return hash_mix_str(h, "absent");
}

struct hash128 http_mix_inputs(const struct plan *p, const struct vs *vs, struct hash128 h)
{
	struct arena scratch;

	arena_init(&scratch, 0);
	for (size_t i = 0; i < vs->n_http; i++) {
		const struct http_route *r = &vs->http[i];

		for (size_t k = 0; k < r->n_route; k++)
			h = http_mix_destination(p, r->route[k].destination, vs->obj->ns, &scratch, h);
		h = http_mix_destination(p, r->mirror, vs->obj->ns, &scratch, h);
		for (size_t k = 0; k < r->n_mirrors; k++)
			h = http_mix_destination(p, r->mirrors[k].destination, vs->obj->ns, &scratch, h);
	}
	arena_fini(&scratch);
	return h;
}

/* ---- session affinity of a destination ---- */

static const struct consistent_hash *hash_of_lb(const struct load_balancer *lb)
{
	return lb ? lb->consistent_hash : NULL;
}

static const struct consistent_hash *hash_of_port(const struct traffic_policy *t, uint32_t port)
{
	for (size_t i = 0; t && port && i < t->n_port_level_settings; i++)
		if (t->port_level_settings[i].port && t->port_level_settings[i].port->number == port)
			return hash_of_lb(t->port_level_settings[i].load_balancer);
	return NULL;
}

/* Subset's port, subset, rule's port, rule (istio-behaviour.md 1.4.4); ports count only when the
 * destination names one. */
static const struct consistent_hash *hash_of_rule(const struct dr *dr, const char *subset_name, uint32_t port)
{
	const struct subset *subset;
	const struct consistent_hash *h = NULL;

	if (!dr)
		return NULL;
	subset = subset_name && *subset_name ? policy_subset(dr, subset_name) : NULL;
	if (subset && subset->traffic_policy) {
		h = hash_of_port(subset->traffic_policy, port);
		if (!h)
			h = hash_of_lb(subset->traffic_policy->load_balancer);
	}
	if (!h)
		h = hash_of_port(dr->policy, port);
	if (!h && dr->policy)
		h = hash_of_lb(dr->policy->load_balancer);
	return h;
}

static const struct consistent_hash *hash_of_destination(const struct http_ctx *ctx, const struct destination *d)
{
	const struct scope_svc *s;
	const char *host;

	if (!d || !d->host)
		return NULL;
	s = service_of(ctx->plan, d->host, ctx->vs->obj->ns, ctx->arena, &host);
	return s ? hash_of_rule(s->dr, d->subset, d->port ? d->port->number : 0) : NULL;
}

/* ---- one route ---- */

struct pending {
	struct ir_route *out;
	VEC(struct ir_hash_policy) hash;
	VEC(struct ir_mirror) mirrors;
	const char *host_rewrite;
};

static const struct consistent_hash *add_hash(const struct http_ctx *ctx, const struct destination *d, struct pending *pend)
{
	const struct consistent_hash *h = hash_of_destination(ctx, d);
	struct ir_hash_policy policy;

	if (h && http_hash_policy_of(h, ctx->arena, &policy))
		*vec_push(&pend->hash, ctx->arena) = policy;
	return h;
}

/* The only destination: what it does to headers is done by the route. */
static const struct consistent_hash *forward_to_one(const struct http_ctx *ctx, const struct http_destination *d,
						    struct pending *pend)
{
	struct ir_weighted *w = arena_new(ctx->arena, struct ir_weighted);
	const char *authority;
	struct ir_header_ops ops = http_headers_of(d->headers, ctx->arena, &authority);

	w->cluster = route_cluster(ctx, d->destination);
	pend->out->clusters = w;
	pend->out->n_clusters = 1;
	pend->out->headers = http_headers_join(&pend->out->headers, &ops, ctx->arena);
	if (authority && !pend->host_rewrite)
		pend->host_rewrite = authority;
	return add_hash(ctx, d->destination, pend);
}

static void forward_to_many(const struct http_ctx *ctx, const struct http_route *in, struct pending *pend)
{
	VEC(struct ir_weighted) clusters = {0};

	for (size_t i = 0; i < in->n_route; i++) {
		const struct http_destination *d = &in->route[i];
		struct ir_weighted w = {.weight = (uint32_t)d->weight};

		if (d->weight <= 0)
			continue;
		w.cluster = route_cluster(ctx, d->destination);
		w.headers = http_headers_of(d->headers, ctx->arena, &w.host_rewrite);
		*vec_push(&clusters, ctx->arena) = w;
		add_hash(ctx, d->destination, pend);
	}
	pend->out->clusters = clusters.v;
	pend->out->n_clusters = clusters.n;
	pend->out->by_weight = true;
}

static void add_mirror(const struct http_ctx *ctx, const struct destination *d, struct ir_fraction share,
		       struct pending *pend)
{
	if (d && share.numerator)
		*vec_push(&pend->mirrors, ctx->arena) =
		    (struct ir_mirror){.cluster = route_cluster(ctx, d), .share = share};
}

/* Without a share all requests are copied. */
static void add_mirrors(const struct http_ctx *ctx, const struct http_route *in, struct pending *pend)
{
	const struct opt_u32 whole = in->mirror_percent;

	add_mirror(ctx, in->mirror, http_share_of(in->mirror_percentage, whole.has ? whole.v : 100), pend);
	for (size_t i = 0; i < in->n_mirrors; i++)
		add_mirror(ctx, in->mirrors[i].destination, http_share_of(in->mirrors[i].percentage, 100), pend);
}

/* "/" in Gateway API: the prefix goes away, a "/" stays. Which prefix, the match says. */
static bool cuts_prefix(const struct http_rewrite *in, bool gateway_semantics)
{
	return gateway_semantics && in && !in->uri_regex_rewrite && in->uri && strcmp(in->uri, "/") == 0;
}

static void cut_prefix(const struct http_ctx *ctx, struct ir_route *out)
{
	bool separated = out->match.path_kind == IR_PATH_SEPARATED;

	out->regex_rewrite = arena_printf(ctx->arena, "^%s(/?)(.*)",
					  separated ? plan_quote_regex(out->match.path, ctx->arena) : "");
	out->regex_substitution = "/\\2";
}

static void rewrite(const struct http_rewrite *in, bool gateway_semantics, struct pending *pend)
{
	struct ir_route *out = pend->out;

	if (in->uri_regex_rewrite) {
		out->regex_rewrite = in->uri_regex_rewrite->match ? in->uri_regex_rewrite->match : "";
		out->regex_substitution = in->uri_regex_rewrite->rewrite ? in->uri_regex_rewrite->rewrite : "";
	} else if (in->uri && *in->uri && !cuts_prefix(in, gateway_semantics)) {
		out->prefix_rewrite = in->uri;
	}
	if (in->authority && *in->authority)
		pend->host_rewrite = in->authority;
}

/* false: nothing that could be forwarded to. */
static bool forward(const struct http_ctx *ctx, const struct http_route *in, bool gateway_semantics, struct pending *pend)
{
	struct ir_route *out = pend->out;
	const struct consistent_hash *hash = NULL;
	const struct http_retry *retries = in->retries ? in->retries : ctx->plan->snap->mesh->default_http_retry_policy;

	out->action = IR_ACTION_FORWARD;
	out->not_found_is_500 = gateway_semantics;
	out->append_forwarded_host = hcm_forwards_host(ctx->plan);
	out->timeout = (struct opt_duration){.has = true, .ns = in->timeout.has ? in->timeout.ns : 0};
	out->max_grpc_timeout = out->timeout;
	if (in->rewrite)
		rewrite(in->rewrite, gateway_semantics, pend);
	if (in->n_route == 1)
		hash = forward_to_one(ctx, &in->route[0], pend);
	else
		forward_to_many(ctx, in, pend);
	add_mirrors(ctx, in, pend);
	out->host_rewrite = pend->host_rewrite;
	out->retry = http_retry_of(retries, hash != NULL, ctx->arena);
	out->hash = pend->hash.v;
	out->n_hash = pend->hash.n;
	out->mirrors = pend->mirrors.v;
	out->n_mirrors = pend->mirrors.n;
	return out->n_clusters > 0;
}

/* "host:port" of the one cluster, else the VirtualService's name and the listener's port. */
static const char *operation_of(const struct http_ctx *ctx, const struct ir_route *r)
{
	const char *path = http_operation_path(&r->match, ctx->arena);

	if (r->action == IR_ACTION_FORWARD && !r->by_weight) {
		const char *port = strchr(r->clusters[0].cluster, '|');
		const char *host = strrchr(r->clusters[0].cluster, '|');

		if (port && host > port)
			return arena_printf(ctx->arena, "%s:%.*s%s", host + 1, (int)strcspn(port + 1, "|"), port + 1, path);
	}
	return arena_printf(ctx->arena, "%s:%u%s", ctx->vs->name, ctx->listen_port, path);
}

static const char *route_name(const struct http_route *in, const struct http_match *match, struct arena *a)
{
	const char *name = in->name ? in->name : "";

	if (match && match->name && *match->name)
		return arena_printf(a, "%s.%s", name, match->name);
	return *name ? name : NULL;
}

static const struct object *object_of(const struct vs *vs, const struct http_route *in)
{
	return vs->http_objs ? vs->http_objs[in - vs->http] : vs->obj;
}

/* Is the gateway of that name one of those that the routes go to? Most are plain names, told without making the whole one. */
static bool is_named(const struct http_ctx *ctx, const char *gateway)
{
	const char *ns = ctx->vs->obj->ns;
	size_t n = strlen(ns);

	if (strpbrk(gateway, "/.") || strcmp(gateway, "mesh") == 0)
		return strs_has(&ctx->gateway_names, vs_resolve_gateway(gateway, ns, ctx->arena));
	for (size_t i = 0; i < ctx->gateway_names.n; i++) {
		const char *name = ctx->gateway_names.v[i];

		if (strncmp(name, ns, n) == 0 && name[n] == '/' && strcmp(name + n + 1, gateway) == 0)
			return true;
	}
	return false;
}

/* What can be told from where the routes go to: ports, gateways, or the proxy's labels. */
static bool is_for(const struct http_ctx *ctx, const struct http_match *m)
{
	const struct view *v = ctx->plan->view;

	if (m->port && m->port != ctx->listen_port)
		return false;
	if (m->gateways.n) {
		for (size_t i = 0; i < m->gateways.n; i++)
			if (is_named(ctx, m->gateways.v[i]))
				return true;
		return false;
	}
	return labels_match(&m->source_labels, &v->labels) &&
	       (!m->source_namespace || !*m->source_namespace || strcmp(m->source_namespace, v->ns) == 0);
}

/* What the matches of a route share. false: no route comes of it here. */
static bool build_action(const struct http_ctx *ctx, const struct http_route *in, struct ir_route *out)
{
	bool gateway_semantics = ctx->vs->semantics == ROUTE_GATEWAY;
	struct pending pend = {.out = out};

	*out = (struct ir_route){.config = plan_config_path(ctx->arena, object_of(ctx->vs, in))};
	out->headers = http_headers_of(in->headers, ctx->arena, &pend.host_rewrite);
	out->fault = http_fault_of(in->fault, ctx->arena);
	out->cors = http_cors_of(in->cors_policy, ctx->arena);
	if (in->redirect) {
		out->action = IR_ACTION_REDIRECT;
		return http_redirect_of(in->redirect, ctx->listen_port, ctx->is_tls, gateway_semantics, &out->redirect);
	}
	if (in->direct_response) {
		out->action = IR_ACTION_DIRECT;
		http_direct_of(in->direct_response, &out->direct);
		return true;
	}
	return forward(ctx, in, gateway_semantics, &pend);
}

/* match or NULL: everything. */
static void set_match(const struct http_ctx *ctx, const struct http_route *in, const struct http_match *match,
		      struct ir_route *out)
{
	bool gateway_semantics = ctx->vs->semantics == ROUTE_GATEWAY;

	out->name = route_name(in, match, ctx->arena);
	if (match && match->stat_prefix && *match->stat_prefix)
		out->stat_prefix = match->stat_prefix;
	http_match_of(match, ctx->vs->semantics != ROUTE_PLAIN, ctx->arena, &out->match);
	if (out->action == IR_ACTION_FORWARD && cuts_prefix(in->rewrite, gateway_semantics))
		cut_prefix(ctx, out);
	out->operation = operation_of(ctx, out);
}

bool http_is_catch_all(const struct ir_route *r)
{
	const struct ir_route_match *m = &r->match;

	if (m->n_headers || m->n_query || m->n_claims)
		return false;
	switch (m->path_kind) {
	case IR_PATH_PREFIX:
	case IR_PATH_SEPARATED: return strcmp(m->path, "/") == 0;
	case IR_PATH_REGEX: return strcmp(m->path, ".*") == 0;
	case IR_PATH_EXACT: break;
	}
	return false;
}

/* Room for all routes that may come: they are large, and most VirtualServices have one or two. */
static void reserve(const struct http_ctx *ctx, struct ir_routes_vec *out)
{
	size_t n = 0;

	if (out->v.cap)
		return;
	for (size_t i = 0; i < ctx->vs->n_http; i++)
		n += ctx->vs->http[i].n_match ? ctx->vs->http[i].n_match : 1;
	out->v.v = arena_alloc_raw(ctx->arena, n * sizeof(struct ir_route));
	out->v.cap = n;
}

/* The routes of one entry. false: nothing comes behind it, as it takes everything. */
static bool add_routes(const struct http_ctx *ctx, const struct http_route *in, struct ir_routes_vec *out)
{
	struct ir_route action, *r;
	bool known = false;

	for (size_t k = 0; k < in->n_match; k++) {
		if (!is_for(ctx, &in->match[k]))
			continue;
		if (!known && !build_action(ctx, in, &action))
			return true;
		known = true;
		r = vec_push(&out->v, ctx->arena);
		*r = action;
		set_match(ctx, in, &in->match[k], r);
		if (http_is_catch_all(r))
			return false;
	}
	if (!in->n_match && build_action(ctx, in, &action)) {
		r = vec_push(&out->v, ctx->arena);
		*r = action;
		set_match(ctx, in, NULL, r);
	}
	return in->n_match > 0;
}

void http_routes_of(const struct http_ctx *ctx, struct ir_routes_vec *out)
{
	reserve(ctx, out);
	for (size_t i = 0; i < ctx->vs->n_http && add_routes(ctx, &ctx->vs->http[i], out); i++)
		;
}

struct ir_route http_default_route(const struct plan *p, const char *cluster, const char *operation, struct arena *a)
{
	struct ir_weighted *w = arena_new(a, struct ir_weighted);

	w->cluster = cluster;
	return (struct ir_route){
	    .name = "default",
	    .operation = operation,
	    .match = {.path_kind = IR_PATH_PREFIX, .path = "/"},
	    .action = IR_ACTION_FORWARD,
	    .clusters = w,
	    .n_clusters = 1,
	    .timeout = {.has = true},
	    .max_grpc_timeout = {.has = true},
	    .retry = http_retry_of(p->snap->mesh->default_http_retry_policy, false, a),
	};
}
