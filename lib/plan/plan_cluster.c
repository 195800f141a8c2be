/* SPDX-License-Identifier: Apache-2.0
 *
 * Clusters (istio-behaviour.md 1.4, 2.1): one a service, port and subset; one a port of the
 * workload; and the few that every proxy has.
 */
#include "plan/plan_cluster_int.h"

#include <stdlib.h>
#include <string.h>

#define PASSTHROUGH_IDLE_NS 300000000000LL

/* ---- which outbound clusters there are ---- */

static bool has_auto_passthrough(const struct view *v)
{
	for (size_t i = 0; i < v->n_gateways; i++) {
		const struct gateway *g = v->gateways[i]->spec;

		for (size_t j = 0; j < g->n_servers; j++)
			if (g->servers[j].tls && g->servers[j].tls->mode == SERVER_TLS_AUTO_PASSTHROUGH)
				return true;
	}
	return false;
}

static void each_of_port(struct plan *p, struct outbound o, outbound_fn *fn, void *arg)
{
	const struct dr *dr = o.svc->dr;

	fn(p, &o, arg);
	for (size_t i = 0; dr && i < dr->n_subsets; i++) {
		o.subset = dr->subsets[i].name;
		fn(p, &o, arg);
	}
}

void outbound_each(struct plan *p, outbound_fn *fn, void *arg)
{
	bool by_sni = p->view->type == PROXY_ROUTER && has_auto_passthrough(p->view);

	for (size_t i = 0; i < p->scope.n_svcs; i++) {
		const struct scope_svc *s = &p->scope.svcs[i];

		if (s->svc->resolution == SVC_ALIAS)
			continue;
		for (size_t j = 0; j < s->n_ports; j++) {
			struct outbound o = {.svc = s, .port = &s->ports[j], .subset = ""};

			if (o.port->protocol == PROTO_UDP)
				continue;
			each_of_port(p, o, fn, arg);
			if (!by_sni)
				continue;
			o.by_sni = true;
			each_of_port(p, o, fn, arg);
		}
	}
}

const char *outbound_name(const struct outbound *o, struct arena *a)
{
	const char *host = o->svc->svc->host;

	if (o->by_sni)
		return arena_printf(a, "outbound_.%u_.%s_.%s", o->port->port, o->subset, host);
	return plan_cluster_name(a, "outbound", o->port->port, o->subset, host);
}

void outbound_policy(const struct plan *p, const struct outbound *o, struct policy *out)
{
	policy_of(o->svc->dr, o->subset, o->port->port, out);
	policy_add_baseline(p, out);
}

static bool wants_identity(const struct policy *policy)
{
	return policy->tls && policy->tls->mode == CLIENT_TLS_ISTIO_MUTUAL;
}

enum ir_discovery outbound_discovery(const struct plan *p, const struct outbound *o, const struct policy *policy)
{
	bool router = p->view->type == PROXY_ROUTER;
	enum ir_discovery d = IR_EDS;

	if (p->view->type == PROXY_GRPC)
		return grpc_discovery(o, policy);
	/* no identity: rather nothing than plain text */
	if (wants_identity(policy) && !o->by_sni && !tls_has_client_identity(p->view, o->svc->svc))
		return IR_STATIC;
	switch (o->svc->svc->resolution) {
	case SVC_EDS:
		d = IR_EDS;
		break;
	case SVC_PASSTHROUGH:
		d = router ? IR_EDS : IR_ORIGINAL_DST;
		break;
	case SVC_DNS:
		d = o->svc->svc->race_connect ? IR_LOGICAL_DNS : IR_STRICT_DNS;
		break;
	case SVC_DNS_ROUND_ROBIN:
		d = IR_LOGICAL_DNS;
		break;
	case SVC_DYNAMIC_DNS:
		return IR_DYNAMIC_DNS;
	case SVC_ALIAS:
		break;
	}
	if (policy->lb && !policy->lb->consistent_hash && policy->lb->simple == LB_PASSTHROUGH && !router)
		d = IR_ORIGINAL_DST;
	return d;
}

struct hash128 outbound_mix(const struct plan *p, const struct outbound *o, struct hash128 h)
{
	const struct view *v = p->view;

	h = hash_mix(h, o->svc->svc->part.hash);
	h = o->svc->dr ? hash_mix(h, o->svc->dr->part.hash) : hash_mix_u64(h, 0);
	h = hash_mix_str(hash_mix_u64(h, o->port->port), o->subset);
	h = hash_mix(hash_mix(h, p->snap->objects.mesh_hash), v->config_hash);
	h = hash_mix_u64(h, endpoints_traffic_distribution(p, o->svc->svc));
	h = hash_mix_str(hash_mix(h, p->snap->peer_hash), tls_gateway_cert(v));
	return hash_mix_u64(h, (uint64_t)v->type << 8 | (uint64_t)o->by_sni << 4 | (uint64_t)v->sds_agent << 3 |
				   (uint64_t)v->v4 << 1 | (uint64_t)v->v6);
}

/* ---- outbound ---- */

static bool has_auto_mtls(const struct plan *p, const struct outbound *o, enum ir_discovery d)
{
	const struct mesh_config *mesh = p->snap->mesh;

	return tls_has_client_identity(p->view, o->svc->svc) && (!mesh->enable_auto_mtls.has || mesh->enable_auto_mtls.v) &&
	       !o->svc->svc->external && d != IR_ORIGINAL_DST && d != IR_DYNAMIC_DNS &&
	       peer_mode_of_namespace(p->snap, o->svc->svc->ns) != MTLS_DISABLE;
}

static void apply_tls(const struct plan *p, const struct outbound *o, const struct policy *policy, struct ir_cluster *c,
		      struct arena *a)
{
	bool http2 = c->protocol == IR_HTTP2;

	if (o->by_sni)		/* bytes pass through as they are */
		return;
	if (policy->tls) {
		c->tls = tls_of_policy(p, o, policy->tls, http2, a);
		c->no_alpn_override = policy->tls->mode == CLIENT_TLS_SIMPLE || policy->tls->mode == CLIENT_TLS_MUTUAL;
	} else if (has_auto_mtls(p, o, c->discovery)) {
		if (tls_has_client_files(p->view))
			c->tls = tls_of_files(p, o, http2, a);
		else
			c->auto_mtls = tls_workload(p, o, NULL, http2, a);
	}
	/* SNI from the request is an HTTP option */
	if (c->tls && c->tls->auto_sni && c->protocol == IR_HTTP_NONE)
		c->protocol = IR_HTTP1;
}

/* An address of either family may win a race. */
static void set_dns(const struct plan *p, const struct outbound *o, struct ir_cluster *c)
{
	c->dns_refresh = p->snap->mesh->dns_refresh_rate;
	c->dns_family = o->svc->svc->race_connect ? IR_FAMILY_BOTH : plan_dns_family(p->view);
}

static struct ir_service_ref *service_ref(const struct svc *svc, struct arena *a)
{
	struct ir_service_ref *r = arena_new(a, struct ir_service_ref);

	*r = (struct ir_service_ref){svc->host, svc->name, svc->ns};
	return r;
}

static struct ir_origins outbound_origins(const struct outbound *o, struct arena *a)
{
	struct origins all = {.arena = a};

	for (size_t i = 0; i < o->svc->svc->part.n_held; i++)
		origins_add(&all, o->svc->svc->part.held[i]);
	for (size_t i = 0; o->svc->dr && i < o->svc->dr->n_objs; i++)
		origins_add(&all, o->svc->dr->objs[i]);
	return origins_done(&all);
}

static uint8_t proxy_protocol(const struct policy *policy)
{
	if (!policy->proxy_protocol)
		return 0;
	return policy->proxy_protocol->version == PROXY_PROTOCOL_V2 ? 2 : 1;
}

static void describe(const struct outbound *o, struct ir_cluster *c, struct arena *a)
{
	const struct svc *svc = o->svc->svc;

	c->services = service_ref(svc, a);
	c->n_services = 1;
	c->external = svc->external;
	c->subset = *o->subset ? o->subset : NULL;
	if (o->svc->dr)
		c->config = plan_config_path(a, o->svc->dr->objs[0]);
	c->origins = outbound_origins(o, a);
}

/* A cluster of one name takes one endpoint, whatever is selected for it. */
static const struct ir_endpoints *first_endpoint(const struct ir_endpoints *all, struct arena *a)
{
	struct ir_endpoints *one;
	struct ir_locality *l;

	if (!all->n_localities || (all->n_localities == 1 && all->localities[0].n_eps == 1))
		return all;
	one = arena_copy(a, all, sizeof(*all));
	l = arena_copy(a, all->localities, sizeof(*l));
	l->n_eps = l->n_eps ? 1 : 0;
	one->localities = l;
	one->n_localities = 1;
	return one;
}

static void find_members(const struct plan *p, const struct outbound *o, const struct policy *policy,
			 struct ir_cluster *c, struct arena *a)
{
	const struct int_or_str *target = &o->port->target;

	switch (c->discovery) {
	case IR_EDS:
		c->eds_name = c->name;
		break;
	case IR_STRICT_DNS:
	case IR_LOGICAL_DNS:
		c->inline_endpoints = endpoints_of(p, o, policy, c->name, a);
		if (c->discovery == IR_LOGICAL_DNS && p->view->type != PROXY_GRPC)
			c->inline_endpoints = first_endpoint(c->inline_endpoints, a);
		set_dns(p, o, c);
		break;
	case IR_ORIGINAL_DST:
		if (!o->svc->svc->is_kube && target->is_int && target->num && target->num != o->port->port)
			c->port_override = target->num;
		break;
	case IR_DYNAMIC_DNS:
		c->dns_cache = plan_dns_cache(p->view, o->svc->svc->host, a);
		break;
	case IR_STATIC:
		break;
	}
}

static bool may_be_http(enum protocol p)
{
	return protocol_is_http(p) || p == PROTO_UNSUPPORTED;
}

static void set_placement(const struct plan *p, const struct outbound *o, const struct policy *policy,
			  struct ir_cluster *c, struct arena *a)
{
	struct placement place = placement_of(p, o->svc->svc, policy, a);

	if (c->lb == IR_LB_PROVIDED)
		return;
	if (place.locality && place.locality->n_distribute) {
		c->place = IR_PLACE_WEIGHTED;
	} else if (place.zones) {
		c->place = placement_zones_on(place.zones) ? IR_PLACE_ZONES : IR_PLACE_NO_ZONES;
		c->zones_from = place.zones->min_cluster_size;
	}
}

static void expand_outbound(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct outbound *o = row->ref;
	struct ir_cluster *c = arena_new(a, struct ir_cluster);
	struct policy policy;

	outbound_policy(p, o, &policy);
	c->name = row->name;
	c->alt_stat_name = arena_printf(a, "%s;", plan_stat_name(p->snap->mesh->outbound_stat_name, row->name, o->svc->svc,
								 o->port, 0, o->subset, a));
	c->discovery = outbound_discovery(p, o, &policy);
	c->protocol = traffic_upgrades_h2(p, o->port->protocol, policy.pool ? policy.pool->http : NULL)
			  ? IR_HTTP2
			  : traffic_protocol(p, o->port->protocol);
	traffic_retry_budget(traffic_pool(p, c, policy.pool, a), policy.retry_budget);
	traffic_lb(c, policy.lb, a);
	traffic_outlier(c, policy.outlier, endpoints_take_unhealthy(p, o->svc->svc, &policy), a);
	set_placement(p, o, &policy, c, a);
	if (c->discovery != IR_STATIC)
		apply_tls(p, o, &policy, c, a);
	c->proxy_protocol = proxy_protocol(&policy);
	c->keeps_draining = o->svc->svc->persistent_session;
	find_members(p, o, &policy, c, a);
	describe(o, c, a);
	traffic_connection(p, c, !o->by_sni && may_be_http(o->port->protocol));
	if (p->view->type == PROXY_GRPC)
		grpc_reduce_cluster(c);
	out->cluster = c;
}

/* ---- the workload's own ports ---- */

struct inbound {
	const struct svc *svc;			/* or NULL */
	enum protocol protocol;
	const struct sidecar_ingress *ingress;	/* or NULL: a port of services */
	uint32_t port;				/* of the service, for its rule */
	const struct dr *rule;			/* of the service, or NULL */
	const struct view_target *target;	/* or NULL: of a Sidecar */
};

/* Limits of clients hold at the server too, so that it has room for what they may send. */
static void inbound_policy(const struct plan *p, const struct inbound *in, struct policy *out)
{
	const struct sidecar *sidecar = p->view->sidecar ? object_spec(p->view->sidecar, sidecar) : NULL;

	policy_of(in->rule, NULL, in->port, out);
	policy_add_baseline(p, out);
	if (in->ingress && in->ingress->connection_pool)
		out->pool = in->ingress->connection_pool;
	else if (sidecar && sidecar->inbound_connection_pool)
		out->pool = sidecar->inbound_connection_pool;
}

static void bind_inbound(const struct view *v, struct ir_cluster *c)
{
	c->bind_ip = v->v4 || !v->v6 ? "127.0.0.6" : "::6";
}

/* "127.0.0.1:80", "[::1]:80", "0.0.0.0:80" (the pod's address), "unix:///path". Empty: as it came. */
static const struct ir_endpoint *ingress_endpoint(const struct plan *p, const char *text, struct arena *a)
{
	struct ir_endpoint *e = arena_new(a, struct ir_endpoint);
	const char *colon = strrchr(text, ':');
	char *host;

	if (strncmp(text, "unix://", 7) == 0) {
		e->address = (struct ir_address){.ip = text + 7, .is_pipe = true};
		return e;
	}
	if (!colon)
		return NULL;
	host = arena_strndup(a, text, (size_t)(colon - text));
	if (*host == '[') {
		host++;
		host[strcspn(host, "]")] = '\0';
	}
	e->address.port = (uint32_t)strtoul(colon + 1, NULL, 10);
	e->address.ip = host;
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
		if (!p->view->ips.n)
			return NULL;
		e->address.ip = p->view->ips.v[0];
	}
	return e;
}

static void inline_one(struct ir_cluster *c, const struct ir_endpoint *e, struct arena *a)
{
	struct ir_endpoints *all = arena_new(a, struct ir_endpoints);
	struct ir_locality *l = arena_new(a, struct ir_locality);

	*l = (struct ir_locality){.region = "", .zone = "", .subzone = "", .eps = e, .n_eps = 1};
	*all = (struct ir_endpoints){.name = c->name, .localities = l, .n_localities = 1};
	c->inline_endpoints = all;
	c->discovery = IR_STATIC;
	c->lb = IR_LB_ROUND_ROBIN;
	c->long_cleanup = false;
}

static void find_inbound(const struct plan *p, const struct inbound *in, struct ir_cluster *c, struct arena *a)
{
	const struct mesh_inbound *mode = p->snap->mesh->inbound_traffic_policy;
	const struct ir_endpoint *e = NULL;

	c->discovery = IR_ORIGINAL_DST;
	c->lb = IR_LB_PROVIDED;
	c->long_cleanup = true;
	if (in->ingress && in->ingress->default_endpoint && *in->ingress->default_endpoint) {
		e = ingress_endpoint(p, in->ingress->default_endpoint, a);
	} else if (mode && mode->mode == MESH_INBOUND_LOCALHOST) {
		struct ir_endpoint *local = arena_new(a, struct ir_endpoint);
		const char *port = strchr(c->name, '|') + 1;	/* "inbound|<port>||" */

		local->address.ip = p->view->v4 || !p->view->v6 ? "127.0.0.1" : "::1";
		local->address.port = (uint32_t)strtoul(port, NULL, 10);
		e = local;
	}
	if (e)
		inline_one(c, e, a);
	if (!e || (!e->address.is_pipe && strcmp(e->address.ip, "127.0.0.1") != 0 && strcmp(e->address.ip, "::1") != 0))
		bind_inbound(p->view, c);
}

/* The Services that share the port, the oldest first. */
static struct ir_service_ref *inbound_services(const struct inbound *in, size_t *n, struct arena *a)
{
	size_t also = in->target ? in->target->n_also : 0;
	struct ir_service_ref *refs = arena_array(a, struct ir_service_ref, also + 1);

	refs[0] = *service_ref(in->svc, a);
	for (size_t i = 0; i < also; i++)
		refs[i + 1] = *service_ref(in->target->also[i], a);
	*n = also + 1;
	return refs;
}

static const char *inbound_stat_name(const struct plan *p, const struct inbound *in, const char *name, struct arena *a)
{
	const char *pattern = p->snap->mesh->inbound_stat_name;

	if (!in->target)
		return name;
	return plan_stat_name(pattern, name, in->svc, in->target->port, in->target->target_port, "", a);
}

static void expand_inbound(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct inbound *in = row->ref;
	struct ir_cluster *c = arena_new(a, struct ir_cluster);
	struct origins origins = {.arena = a};
	struct policy policy;

	inbound_policy(p, in, &policy);
	c->name = row->name;
	c->alt_stat_name = arena_printf(a, "%s;", inbound_stat_name(p, in, row->name, a));
	c->protocol = traffic_protocol(p, in->protocol);
	traffic_retry_budget(traffic_pool(p, c, policy.pool, a), policy.retry_budget);
	find_inbound(p, in, c, a);
	traffic_connection(p, c, may_be_http(in->protocol));
	if (in->svc) {
		c->services = inbound_services(in, &c->n_services, a);
		origins_add(&origins, in->svc->obj);
	}
	if (in->rule && in->rule->policy)
		c->config = plan_config_path(a, in->rule->objs[0]);
	for (size_t i = 0; in->rule && i < in->rule->n_objs; i++)
		origins_add(&origins, in->rule->objs[i]);
	if (in->ingress)
		origins_add(&origins, p->view->sidecar);
	c->origins = origins_done(&origins);
	out->cluster = c;
}

static struct hash128 inbound_mix(const struct plan *p, const struct inbound *in)
{
	const struct view *v = p->view;
	struct hash128 h = hash_mix(hash_bytes("inbound", 7), p->snap->objects.mesh_hash);

	h = hash_mix(h, v->config_hash);
	h = in->svc ? hash_mix(h, in->svc->part.hash) : hash_mix_u64(h, 0);
	h = in->rule ? hash_mix(h, in->rule->part.hash) : hash_mix_u64(h, 0);
	h = v->sidecar ? hash_mix(h, v->sidecar->hash) : hash_mix_u64(h, 0);
	for (size_t i = 0; in->target && i < in->target->n_also; i++)
		h = hash_mix(h, in->target->also[i]->part.hash);
	for (size_t i = 0; in->ingress && i < v->ips.n; i++)
		h = hash_mix_str(h, v->ips.v[i]);
	return hash_mix_u64(h, (uint64_t)in->port << 32 | (uint64_t)in->protocol << 4 | (uint64_t)v->v4 << 1 | (uint64_t)v->v6);
}

static void add_inbound(struct plan *p, struct plan_rows *rows, struct inbound in, uint32_t number)
{
	struct inbound *ref = arena_new(rows->arena, struct inbound);

	*ref = in;
	ref->rule = in.svc ? scope_rule_inbound(p->snap, p->view, in.svc) : NULL;
	*vec_push(&rows->v, rows->arena) = (struct plan_row){
	    .type = IR_CLUSTER,
	    .name = plan_cluster_name(rows->arena, "inbound", number, "", ""),
	    .inputs = hash_mix_u64(inbound_mix(p, ref), number),
	    .expand = expand_inbound,
	    .ref = ref,
	};
}

static void inbound_rows(struct plan *p, struct plan_rows *rows)
{
	const struct view *v = p->view;
	const struct sidecar *sidecar = v->sidecar ? object_spec(v->sidecar, sidecar) : NULL;

	for (size_t i = 0; sidecar && i < sidecar->n_ingress; i++) {
		const struct sidecar_ingress *in = &sidecar->ingress[i];
		const struct svc *svc = NULL;

		for (size_t j = 0; j < v->n_targets && !svc; j++)
			if (v->targets[j].target_port == in->port->number)
				svc = v->targets[j].svc;
		add_inbound(p, rows, (struct inbound){.svc = svc,
							  .protocol = protocol_parse(in->port->protocol),
							  .ingress = in,
							  .port = in->port->number},
			    in->port->number);
	}
	if ((sidecar && sidecar->n_ingress) || v->interception == INTERCEPT_NONE)
		return;
	for (size_t i = 0; i < v->n_targets; i++) {
		const struct view_target *t = &v->targets[i];

		add_inbound(p, rows, (struct inbound){.svc = t->svc,
						      .protocol = t->port->protocol,
						      .port = t->port->port,
						      .target = t},
			    t->target_port);
	}
}

/* ---- clusters that every proxy has ---- */

enum fixed { BLACK_HOLE, PASSTHROUGH, INBOUND_PASSTHROUGH, DYNAMIC_DNS };
static const char *const fixed_names[] = {"BlackHoleCluster", "PassthroughCluster", "InboundPassthroughCluster",
					  PLAN_DYNAMIC_DNS_CLUSTER};

static void expand_fixed(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	struct ir_cluster *c = arena_new(a, struct ir_cluster);
	enum fixed which = (enum fixed)row->arg;
	struct policy policy = {0};

	c->name = row->name;
	c->alt_stat_name = arena_printf(a, "%s;", fixed_names[which == INBOUND_PASSTHROUGH ? PASSTHROUGH : which]);
	out->cluster = c;
	if (which == BLACK_HOLE) {
		c->connect_timeout = p->snap->mesh->connect_timeout;
		c->discovery = IR_STATIC;
		return;
	}
	c->discovery = IR_ORIGINAL_DST;
	if (which == DYNAMIC_DNS) {
		c->discovery = IR_DYNAMIC_DNS;
		c->dns_cache = plan_dns_cache(p->view, NULL, a);
	}
	c->lb = IR_LB_PROVIDED;
	c->protocol = IR_HTTP_DOWNSTREAM;
	if (which == PASSTHROUGH)
		policy_add_baseline(p, &policy);
	traffic_pool(p, c, policy.pool, a);
	if (!c->idle_timeout.has)
		c->idle_timeout = (struct opt_duration){true, PASSTHROUGH_IDLE_NS};
	traffic_connection(p, c, true);
	if (which == INBOUND_PASSTHROUGH) {
		bind_inbound(p->view, c);
		c->bind_ip_more = p->view->v4 && p->view->v6 ? "::6" : NULL;
	}
}

static void fixed_row(struct plan *p, struct plan_rows *rows, enum fixed which)
{
	struct hash128 h = hash_mix(hash_bytes("fixed", 5), p->snap->objects.mesh_hash);

	h = hash_mix(h, p->view->config_hash);
	*vec_push(&rows->v, rows->arena) = (struct plan_row){
	    .type = IR_CLUSTER,
	    .name = fixed_names[which],
	    .inputs = hash_mix_u64(h, (uint64_t)which << 2 | (uint64_t)p->view->v4 << 1 | (uint64_t)p->view->v6),
	    .expand = expand_fixed,
	    .arg = which,
	};
}

/* ---- rows ---- */

struct outbound_rows {
	struct plan_rows *rows;
	const struct svc *svc;		/* whose accounts are known */
	struct hash128 accounts;
};

static struct hash128 mix_accounts(struct outbound_rows *r, const struct outbound *o)
{
	if (r->svc != o->svc->svc) {
		struct strs all = tls_accounts(o->svc, r->rows->arena);

		r->svc = o->svc->svc;
		r->accounts = hash_bytes("accounts", 8);
		for (size_t i = 0; i < all.n; i++)
			r->accounts = hash_mix_str(r->accounts, all.v[i]);
	}
	return r->accounts;
}

static void outbound_row(struct plan *p, const struct outbound *o, void *arg)
{
	struct outbound_rows *r = arg;
	struct outbound *ref;
	struct hash128 h = outbound_mix(p, o, hash_bytes("outbound", 8));
	struct policy policy;
	enum ir_discovery d;

	outbound_policy(p, o, &policy);
	d = outbound_discovery(p, o, &policy);
	if (p->view->type == PROXY_GRPC && d == IR_STATIC)
		return;
	if (d == IR_STRICT_DNS || d == IR_LOGICAL_DNS) {
		size_t n = endpoints_count(p, o, &policy);

		/* Envoy refuses one without members, gRPC one of several names */
		if (!n || (p->view->type == PROXY_GRPC && n > 1))
			return;
		h = endpoints_mix(p, o, h, r->rows->arena);
	}
	if (tls_has_client_identity(p->view, o->svc->svc))
		h = hash_mix(h, mix_accounts(r, o));
	ref = arena_new(r->rows->arena, struct outbound);
	*ref = *o;
	*vec_push(&r->rows->v, r->rows->arena) = (struct plan_row){
	    .type = IR_CLUSTER,
	    .name = outbound_name(o, r->rows->arena),
	    .inputs = h,
	    .expand = expand_outbound,
	    .ref = ref,
	};
}

void plan_service_rows(struct plan *p, struct plan_rows *rows)
{
	struct outbound_rows r = {.rows = rows};

	outbound_each(p, outbound_row, &r);
}

void plan_cluster_rows(struct plan *p, struct plan_rows *rows)
{
	plan_service_rows(p, rows);
	if (p->view->type == PROXY_GRPC)
		return;
	fixed_row(p, rows, BLACK_HOLE);
	plan_jwks_rows(p, rows);
	if (p->view->type != PROXY_SIDECAR)
		return;
	fixed_row(p, rows, PASSTHROUGH);
	fixed_row(p, rows, INBOUND_PASSTHROUGH);
	if (p->scope.dynamic_dns)
		fixed_row(p, rows, DYNAMIC_DNS);
	inbound_rows(p, rows);
}
