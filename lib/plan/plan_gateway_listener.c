/* SPDX-License-Identifier: Apache-2.0
 *
 * Listeners of gateways: one an address and port, a chain a server (istio-behaviour.md 1.3), for TLS
 * that passes through a chain a route.
 */
#include "plan/plan_gateway_int.h"

#include <stdlib.h>
#include <string.h>

enum { INSPECTOR_BUFFER = 512, ACCEPTS_PER_EVENT = 1 };
static const int64_t tls_connect_timeout_ns = 15 * INT64_C(1000000000);
static const char unix_prefix[] = "unix://";
static const char *const mesh_alpn[] = {"istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"};

struct chains {
	const struct plan *p;
	const struct gw_listener *l;
	struct arena *a;
	const struct ir_authz *authz;
	VEC(struct ir_chain) v;
	struct map taken;		/* matches of the chains so far: Envoy refuses a listener with two alike */
	bool inspects_tls;
	struct origins origins;
};

/* ---- matches ---- */

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted server names; false: all are taken (by chains with the same ALPN), or the "any" of an empty
 * list is. */
static bool take_names(struct chains *c, const struct strs *sni, const struct strs *alpn, struct strs *out)
{
	const char **names = arena_array(c->a, const char *, sni->n);
	const char *kind = alpn->n ? "alpn" : "";
	size_t n = 0;

	*out = (struct strs){0};
	if (!sni->n || strs_has(sni, "*"))
		return !map_set(&c->taken, arena_printf(c->a, "%s any", kind), c);
	for (size_t i = 0; i < sni->n; i++) {
		const char *name = arena_lower(c->a, sni->v[i]);

		/* Envoy's wildcards are whole labels */
		if (name[0] == '*' && name[1] != '.')
			continue;
		if (!map_set(&c->taken, arena_printf(c->a, "%s sni %s", kind, name), c))
			names[n++] = name;
	}
	if (n)
		qsort(names, n, sizeof(names[0]), compare_text);
	*out = (struct strs){.v = names, .n = n};
	return n > 0;
}

static void add_chain(struct chains *c, const struct strs *sni, const struct strs *alpn, struct ir_chain chain)
{
	struct strs names;

	if (!take_names(c, sni, alpn, &names))
		return;
	chain.has_match = names.n || alpn->n;
	chain.authz = c->authz;
	chain.match.server_names = names;
	chain.match.application_protocols = *alpn;
	chain.tls_connect_timeout = (struct opt_duration){.has = true, .ns = tls_connect_timeout_ns};
	c->inspects_tls |= sni->n || alpn->n || (chain.tls && chain.tls->alpn.n);
	*vec_push(&c->v, c->a) = chain;
}

/* ---- routes of TCP and TLS ---- */

/* Some host of the VirtualService is one of the server's. */
static bool shares_host(const struct gw_entry *e, const struct vs *vs)
{
	for (size_t i = 0; i < e->claim.hosts.n; i++) {
		const char *slash = strchr(e->claim.hosts.v[i], '/');
		const char *host = slash ? slash + 1 : e->claim.hosts.v[i];
		size_t n = slash ? (size_t)(slash - e->claim.hosts.v[i]) : 0;

		if (slash && (strlen(vs->obj->ns) != n || memcmp(vs->obj->ns, e->claim.hosts.v[i], n) != 0))
			continue;
		for (size_t k = 0; k < vs->hosts.n; k++)
			if (host_matches(host, vs->hosts.v[k]))
				return true;
	}
	return false;
}

static bool is_for(const struct gw_entry *e, const struct vs *vs, uint32_t port, const struct strs *gateways,
		   struct arena *a)
{
	if (port && port != e->claim.server->port->number)
		return false;
	for (size_t i = 0; i < gateways->n; i++)
		if (strcmp(vs_resolve_gateway(gateways->v[i], vs->obj->ns, a), e->bound->gateway_name) == 0)
			return true;
	return gateways->n == 0;
}

struct l4_route {
	const struct vs *vs;
	const struct route_destination *to;
	size_t n_to;
	struct strs sni;
};

static bool matches_tcp(const struct gw_entry *e, const struct vs *vs, const struct tcp_route *r, struct arena *a)
{
	for (size_t i = 0; i < r->n_match; i++)
		if (is_for(e, vs, r->match[i].port, &r->match[i].gateways, a))
			return true;
	return r->n_match == 0;
}

/* A TLS route of the Gateway API on a server that terminates TLS. */
static bool is_tls_route(const struct vs *vs)
{
	const char *parents = strmap_get(&vs->obj->annotations, "internal.istio.io/parents");

	return vs->obj->kind == KIND_TLS_ROUTE || (parents && strncmp(parents, "TLSRoute/", 9) == 0);
}

static bool find_terminated_tls(const struct gw_entry *e, const struct vs *vs, struct arena *a, struct l4_route *out)
{
	for (size_t i = 0; i < vs->spec->n_tls; i++) {
		const struct tls_route *r = &vs->spec->tls[i];

		for (size_t k = 0; k < r->n_match; k++)
			if (r->n_route && is_for(e, vs, r->match[k].port, &r->match[k].gateways, a)) {
				*out = (struct l4_route){.vs = vs, .to = r->route, .n_to = r->n_route};
				return true;
			}
	}
	return false;
}

/* The first TCP route that the server may take: all of its connections go there. */
static bool find_tcp(const struct gw_entry *e, struct arena *a, struct l4_route *out)
{
	for (size_t i = 0; i < e->bound->v.n; i++) {
		const struct vs *vs = e->bound->v.v[i].vs;

		if (!shares_host(e, vs))
			continue;
		for (size_t k = 0; k < vs->spec->n_tcp; k++) {
			const struct tcp_route *r = &vs->spec->tcp[k];

			if (r->n_route && matches_tcp(e, vs, r, a)) {
				*out = (struct l4_route){.vs = vs, .to = r->route, .n_to = r->n_route};
				return true;
			}
		}
		if (is_tls_route(vs) && find_terminated_tls(e, vs, a, out))
			return true;
	}
	return false;
}

typedef bool l4_route_fn(const struct l4_route *r, void *arg);	/* true: enough */

/* Every TLS match that the server lets through, in order. */
static bool each_tls(const struct gw_entry *e, struct arena *a, l4_route_fn *fn, void *arg)
{
	for (size_t i = 0; i < e->bound->v.n; i++) {
		const struct vs *vs = e->bound->v.v[i].vs;

		if (!vs->spec->n_tls || !shares_host(e, vs))
			continue;
		for (size_t k = 0; k < vs->spec->n_tls; k++) {
			const struct tls_route *t = &vs->spec->tls[k];

			for (size_t m = 0; t->n_route && m < t->n_match; m++) {
				struct l4_route r = {.vs = vs, .to = t->route, .n_to = t->n_route, .sni = t->match[m].sni_hosts};

				if (is_for(e, vs, t->match[m].port, &t->match[m].gateways, a) && fn(&r, arg))
					return true;
			}
		}
	}
	return false;
}

/* ---- chains ---- */

struct tls_arg {
	struct chains *c;
	const struct gw_entry *e;
};

static struct ir_tcp *tcp_of(struct chains *c, const struct gw_entry *e, const struct l4_route *r)
{
	struct ir_tcp *tcp = tcp_for_destinations(c->p, r->vs, r->to, r->n_to, e->claim.server->port->number, c->a);

	origins_add(&c->origins, r->vs->obj);
	tcp->mongo = e->claim.protocol == PROTO_MONGO;
	tcp->mongo_stat_prefix = tcp->mongo ? tcp->stat_prefix : NULL;
	return tcp;
}

static bool add_passthrough(const struct l4_route *r, void *arg)
{
	struct tls_arg *t = arg;

	add_chain(t->c, &r->sni, &(struct strs){0}, (struct ir_chain){.tcp = tcp_of(t->c, t->e, r)});
	return false;
}

static void add_by_sni(struct chains *c, const struct scope_svc *s, uint32_t port, const char *subset)
{
	const char **name = arena_new(c->a, const char *);

	name[0] = arena_printf(c->a, "outbound_.%u_.%s_.%s", port, subset, s->svc->host);
	add_chain(c, &(struct strs){.v = name, .n = 1},
		  &(struct strs){.v = mesh_alpn, .n = sizeof(mesh_alpn) / sizeof(mesh_alpn[0])},
		  (struct ir_chain){.tcp = tcp_for_cluster(c->p, name[0], s, port, c->a)});
}

static bool passes_service(const struct gw_entry *e, const struct scope_svc *s)
{
	/* Envoy takes no "*" within a name */
	if (s->svc->external || s->svc->resolution == SVC_ALIAS || host_is_wildcard(s->svc->host))
		return false;
	for (size_t i = 0; i < e->sni.n; i++)
		if (host_subset_of(s->svc->host, e->sni.v[i]))
			return true;
	return false;
}

/* Callers of other networks name the cluster that they want in the SNI. */
static void add_auto_passthrough(struct chains *c, const struct gw_entry *e)
{
	for (size_t i = 0; i < c->p->scope.n_svcs; i++) {
		const struct scope_svc *s = &c->p->scope.svcs[i];

		if (!passes_service(e, s))
			continue;
		for (size_t k = 0; k < s->n_ports; k++) {
			if (s->ports[k].protocol == PROTO_UDP)
				continue;
			add_by_sni(c, s, s->ports[k].port, "");
			for (size_t j = 0; s->dr && j < s->dr->n_subsets; j++)
				add_by_sni(c, s, s->ports[k].port, s->dr->subsets[j].name ? s->dr->subsets[j].name : "");
		}
		for (size_t k = 0; s->dr && k < s->dr->n_objs; k++)
			origins_add(&c->origins, s->dr->objs[k]);
	}
}

static const char *stat_prefix(const struct chains *c, const struct gw_entry *e)
{
	if (e && e->claim.server->name && *e->claim.server->name)
		return e->claim.server->name;
	return arena_printf(c->a, "outbound_%s", c->l->name);
}

static void add_server(struct chains *c, const struct gw_entry *e)
{
	const struct strs none = {0};
	struct l4_route r;

	if (gateway_lacks_identity(c->p, e))
		return;
	if (gateway_terminates_https(e->claim.protocol, e->claim.server)) {
		add_chain(c, &e->sni, &none,
			  (struct ir_chain){.tls = gateway_tls_of(c->p, e, c->a),
					    .http = hcm_gateway(c->p, e->claim.rds_name, stat_prefix(c, e), c->a)});
	} else if (!gateway_is_passthrough(e->claim.server)) {
		if (find_tcp(e, c->a, &r))
			add_chain(c, e->claim.server->tls ? &e->sni : &none, &none,
				  (struct ir_chain){.tls = e->claim.server->tls ? gateway_tls_of(c->p, e, c->a) : NULL,
						    .tcp = tcp_of(c, e, &r)});
	} else if (e->claim.server->tls->mode == SERVER_TLS_AUTO_PASSTHROUGH) {
		add_auto_passthrough(c, e);
	} else {
		each_tls(e, c->a, add_passthrough, &(struct tls_arg){.c = c, .e = e});
	}
}

static void add_http3(struct chains *c, const struct gw_entry *e)
{
	static const char *const h3[] = {"h3"};
	const struct strs none = {0};
	struct ir_tls *tls;
	struct ir_http *http;

	if (gateway_lacks_identity(c->p, e))
		return;
	tls = arena_copy(c->a, gateway_tls_of(c->p, e, c->a), sizeof(*tls));
	tls->quic = true;
	tls->alpn = (struct strs){h3, 1};
	http = hcm_gateway(c->p, e->claim.rds_name, stat_prefix(c, e), c->a);
	http->http3 = true;
	add_chain(c, &e->sni, &none, (struct ir_chain){.tls = tls, .http = http});
}

static void add_port(struct chains *c, const struct gw_group *gp)
{
	const struct strs none = {0};

	for (size_t i = 0; i < gp->entries.n; i++) {
		if (c->l->quic && !gp->entries.v[i]->http3)
			continue;
		origins_add(&c->origins, gp->entries.v[i]->claim.gateway->obj);
		if (c->l->quic)
			add_http3(c, gp->entries.v[i]);
	}
	if (c->l->quic)
		return;
	if (protocol_is_http(gp->protocol)) {
		struct ir_http *http = hcm_gateway(c->p, gp->rds_name, stat_prefix(c, NULL), c->a);

		http->grpc_web = gp->protocol == PROTO_GRPC_WEB;
		add_chain(c, &none, &none, (struct ir_chain){.http = http});
		return;
	}
	for (size_t i = 0; i < gp->entries.n; i++)
		add_server(c, gp->entries.v[i]);
}

/* ---- rows ---- */

static bool enough(const struct l4_route *r, void *arg)
{
	(void)r;
	(void)arg;
	return true;
}

static bool has_chain(const struct plan *p, const struct gw_entry *e, struct arena *scratch)
{
	struct l4_route r;

	if (gateway_lacks_identity(p, e))
		return false;
	if (gateway_terminates_https(e->claim.protocol, e->claim.server))
		return true;
	if (!gateway_is_passthrough(e->claim.server))
		return find_tcp(e, scratch, &r);
	if (e->claim.server->tls->mode != SERVER_TLS_AUTO_PASSTHROUGH)
		return each_tls(e, scratch, enough, NULL);
	for (size_t i = 0; i < p->scope.n_svcs; i++)
		if (p->scope.svcs[i].n_ports && passes_service(e, &p->scope.svcs[i]))
			return true;
	return false;
}

bool gateway_listener_has_chains(const struct plan *p, const struct gw_listener *l, struct arena *scratch)
{
	for (size_t i = 0; i < l->ports.n; i++) {
		const struct gw_group *gp = l->ports.v[i];

		if (protocol_is_http(gp->protocol) && !l->quic)
			return true;
		for (size_t k = 0; k < gp->entries.n; k++)
			if ((!l->quic || gp->entries.v[k]->http3) && has_chain(p, gp->entries.v[k], scratch))
				return true;
	}
	return false;
}

static struct hash128 mix_entry(const struct plan *p, const struct gw_entry *e, struct hash128 h)
{
	h = hash_mix_u64(hash_mix(h, e->claim.gateway->part.hash), e->index);
	/* what HTTP leads to stands in the routes */
	if (e->claim.rds_name)
		return h;
	h = hash_mix(h, e->bound->inputs);
	if (!gateway_is_passthrough(e->claim.server) || e->claim.server->tls->mode != SERVER_TLS_AUTO_PASSTHROUGH)
		return h;
	for (size_t i = 0; i < p->scope.n_svcs; i++) {
		const struct scope_svc *s = &p->scope.svcs[i];

		if (!passes_service(e, s))
			continue;
		h = hash_mix(h, s->svc->part.hash);
		h = s->dr ? hash_mix(h, s->dr->part.hash) : hash_mix_u64(h, 0);
	}
	return h;
}

struct hash128 gateway_listener_inputs(const struct plan *p, const struct gw_listener *l, struct arena *scratch)
{
	struct hash128 h = hash_mix(p->snap->objects.mesh_hash, p->view->hash);

	h = hcm_mix_dynamic(p, hash_mix_str(hash_mix_str(h, p->snap->domain), l->name));
	h = authz_mix_inputs(p, scratch, h);
	for (size_t i = 0; i < l->ports.n; i++) {
		h = hash_mix_str(h, l->ports.v[i]->protocol_text);
		for (size_t k = 0; k < l->ports.v[i]->entries.n; k++)
			h = mix_entry(p, l->ports.v[i]->entries.v[k], h);
	}
	return h;
}

static bool expects_proxy_protocol(const struct plan *p)
{
	const struct gateway_topology *t = p->view->config->gateway_topology;

	return t && t->proxy_protocol;
}

static void listen_on_udp(struct ir_listener *ir, struct arena *a)
{
	struct ir_address *more = arena_array(a, struct ir_address, ir->n_more);

	ir->quic = ir->address.is_udp = true;
	for (size_t i = 0; i < ir->n_more; i++) {
		more[i] = ir->more[i];
		more[i].is_udp = true;
	}
	ir->more = more;
}

void gateway_listener_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct gw_listener *l = row->ref;
	struct chains c = {.p = p, .l = l, .a = a, .origins = {.arena = a}};
	struct ir_listener *ir = arena_new(a, struct ir_listener);

	map_init(&c.taken, a);
	c.authz = authz_of(p, &c.origins, a);
	for (size_t i = 0; i < l->ports.n; i++)
		add_port(&c, l->ports.v[i]);
	ir->name = l->name;
	if (strncmp(l->ip, unix_prefix, strlen(unix_prefix)) == 0)
		ir->address = (struct ir_address){.ip = l->ip + strlen(unix_prefix), .is_pipe = true};
	else if (strcmp(l->ip, plan_wildcard(p->view)) == 0)
		plan_listen_everywhere(p->view, l->port, ir, a);
	else
		ir->address = (struct ir_address){.ip = l->ip, .port = l->port};
	ir->direction = IR_OUTBOUND;
	if (l->quic)
		listen_on_udp(ir, a);
	ir->filter_proxy_protocol = expects_proxy_protocol(p) && !l->quic;
	if (c.inspects_tls && !l->quic) {
		ir->tls_inspector.on = true;
		ir->tls_inspector.initial_read_buffer = (struct opt_u32){.has = true, .v = INSPECTOR_BUFFER};
	}
	if (!l->quic)
		ir->max_accepts = (struct opt_u32){.has = true, .v = ACCEPTS_PER_EVENT};
	ir->chains = c.v.v;
	ir->n_chains = c.v.n;
	hcm_listener(p, ir, a);
	ir->exact_balance = ir->exact_balance && !l->quic;
	ir->origins = origins_done(&c.origins);
	out->listener = ir;
}
