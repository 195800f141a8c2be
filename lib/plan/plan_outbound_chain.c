/* SPDX-License-Identifier: Apache-2.0
 *
 * Filter chains of a sidecar's outbound listener (istio-behaviour.md 1.2.4, 2.2).
 */
#include "plan/plan_outbound_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/scalar.h"

enum { TLS_INSPECTOR_BUFFER = 512 };
#define TLS_CONNECT_TIMEOUT_NS 15000000000LL	/* PILOT_GATEWAY_TRANSPORT_SOCKET_CONNECT_TIMEOUT */

struct chains {
	const struct plan *plan;
	const struct out_listener *listener;
	struct arena *arena;
	VEC(struct ir_chain) v;
	struct origins origins;
};

struct ir_tcp *out_catch_all(const struct plan *p, struct arena *a)
{
	const char *cluster = "PassthroughCluster";

	if (p->scope.registry_only)
		cluster = "BlackHoleCluster";
	else if (p->scope.egress_proxy)
		cluster = http_destination_cluster(p, p->scope.egress_proxy, p->view->ns, 0, a);
	return tcp_for_cluster(p, cluster, NULL, 0, a);
}

/* ---- matches ---- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each once: Envoy takes a match that is named twice for two chains. */
static struct strs sorted(const struct strs *in, struct arena *a)
{
	const char **v = arena_copy(a, in->v, in->n * sizeof(*v));
	size_t n = 0;

	qsort(v, in->n, sizeof(*v), compare_texts);
	for (size_t i = 0; i < in->n; i++)
		if (!n || strcmp(v[n - 1], v[i]) != 0)
			v[n++] = v[i];
	return (struct strs){v, n};
}

static bool strs_equal(const struct strs *x, const struct strs *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->v[i], y->v[i]) != 0)
			return false;
	return true;
}

static void set_prefixes(struct ir_chain_match *m, const struct strs *cidrs, struct arena *a)
{
	struct strs s = sorted(cidrs, a);
	struct ir_prefix *v = arena_array(a, struct ir_prefix, s.n);

	for (size_t i = 0; i < s.n; i++) {
		struct cidr c;

		if (scalar_cidr(s.v[i], &c) != 0 || strncmp(s.v[i], "0.0.0.0", 7) == 0)
			continue;
		v[m->n_prefixes++] = (struct ir_prefix){arena_strndup(a, s.v[i], strcspn(s.v[i], "/")), c.prefix_len};
	}
	m->prefixes = v;
}

static bool same_net(const struct ir_prefix *x, const struct ir_prefix *y)
{
	struct cidr net;
	struct ip ip;

	if (x->len != y->len || scalar_ip(x->ip, &net.ip) != 0 || scalar_ip(y->ip, &ip) != 0)
		return false;
	net.prefix_len = (uint8_t)x->len;
	return cidr_contains(&net, &ip);
}

/* Envoy refuses two chains with one match; bits past the prefix do not count. */
static bool conflict(const struct ir_chain *x, const struct ir_chain *y)
{
	if (x->match.n_prefixes != y->match.n_prefixes || !strs_equal(&x->match.server_names, &y->match.server_names))
		return false;
	for (size_t i = 0; i < x->match.n_prefixes; i++)
		if (!same_net(&x->match.prefixes[i], &y->match.prefixes[i]))
			return false;
	return true;
}

/* Envoy's match of names knows "*.domain" and no "*-x.domain". */
static struct strs without_partial(const struct strs *names, struct arena *a)
{
	const char **v = arena_array(a, const char *, names->n);
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++) {
		if (names->v[i][0] != '*' || names->v[i][1] == '.')
			v[n++] = names->v[i];
	}
	return (struct strs){v, n};
}

/* Appends a chain, unless an older one matches the same. */
static bool add_tcp(struct chains *c, const struct strs *sni, const struct strs *cidrs, struct ir_tcp *tcp, bool mongo)
{
	struct ir_chain chain = {.tls_connect_timeout = {true, TLS_CONNECT_TIMEOUT_NS}, .tcp = tcp};

	if (sni->n && !strs_has(sni, "*")) {
		struct strs names = without_partial(sni, c->arena);

		if (!names.n)
			return false;
		chain.match.server_names = sorted(&names, c->arena);
	}
	if (cidrs->n)
		set_prefixes(&chain.match, cidrs, c->arena);
	chain.has_match = chain.match.server_names.n || chain.match.n_prefixes;
	tcp->mongo = mongo;
	tcp->mongo_stat_prefix = mongo ? tcp->stat_prefix : NULL;
	for (size_t i = 0; i < c->v.n; i++)
		if (conflict(&c->v.v[i], &chain))
			return false;
	*vec_push(&c->v, c->arena) = chain;
	return true;
}

/* ---- VirtualService routes below HTTP ---- */

/* What can be decided here: gateway, port, caller. */
static bool applies(const struct view *v, const struct strs *gateways, uint32_t port, const struct strmap *labels,
		    const char *ns, uint32_t listen_port)
{
	return (!gateways->n || strs_has(gateways, "mesh")) && (!port || port == listen_port) &&
	       (!labels->n || labels_match(labels, &v->labels)) && (!ns || !*ns || strcmp(ns, v->ns) == 0);
}

static bool tls_applies(const struct view *v, const struct tls_match *t, uint32_t port)
{
	return applies(v, &t->gateways, t->port, &t->source_labels, t->source_namespace, port);
}

bool out_has_tls_route(const struct plan *p, const struct out_routes *routes, uint32_t port)
{
	for (size_t i = 0; i < routes->n_vss; i++)
		for (size_t j = 0; j < routes->vss[i]->spec->n_tls; j++)
			for (size_t k = 0; k < routes->vss[i]->spec->tls[j].n_match; k++)
				if (tls_applies(p->view, &routes->vss[i]->spec->tls[j].match[k], port))
					return true;
	return false;
}

static struct ir_tcp *route_tcp(struct chains *c, const struct vs *vs, const struct route_destination *d, size_t n)
{
	return tcp_for_destinations(c->plan, vs, d, n, c->listener->port, c->arena);
}

static struct strs own_cidr(const struct out_member *m)
{
	return m->cidr ? (struct strs){&m->cidr, 1} : (struct strs){0};
}

/* A Unix socket, which has no port, is no place for addresses. */
static bool has_subnets(const struct out_member *m, const struct strs *subnets)
{
	return subnets->n && m->port.port;
}

struct seen {
	VEC(const struct tls_match *) v;
};

/* The same names and subnets again can never be reached. */
static bool seen_before(struct seen *s, const struct tls_match *m, struct arena *a)
{
	for (size_t i = 0; i < s->v.n; i++)
		if (strs_equal(&s->v.v[i]->sni_hosts, &m->sni_hosts) &&
		    strs_equal(&s->v.v[i]->destination_subnets, &m->destination_subnets))
			return true;
	*vec_push(&s->v, a) = m;
	return false;
}

static bool add_tls_routes(struct chains *c, const struct out_member *m, const struct vs *vs, struct seen *seen)
{
	struct strs cidr = own_cidr(m);
	bool any = false;

	for (size_t i = 0; i < vs->spec->n_tls; i++) {
		const struct tls_route *r = &vs->spec->tls[i];

		for (size_t j = 0; j < r->n_match; j++) {
			const struct tls_match *t = &r->match[j];

			if (!tls_applies(c->plan->view, t, m->port.port))
				continue;
			any = true;
			if (!seen_before(seen, t, c->arena))
				add_tcp(c, &t->sni_hosts, has_subnets(m, &t->destination_subnets) ? &t->destination_subnets : &cidr,
					route_tcp(c, vs, r->route, r->n_route), false);
		}
	}
	return any;
}

static const struct strs no_strs;

/* One tcp route. True: it takes everything, no other route can matter. */
static bool add_tcp_route(struct chains *c, const struct out_member *m, const struct vs *vs, const struct tcp_route *r)
{
	struct strs cidr = own_cidr(m);
	bool mongo = m->port.protocol == PROTO_MONGO;
	VEC(const char *) subnets = {0};
	struct strs all;

	for (size_t i = 0; i < r->n_match; i++) {
		const struct l4_match *t = &r->match[i];

		if (!applies(c->plan->view, &t->gateways, t->port, &t->source_labels, t->source_namespace, m->port.port))
			continue;
		if (!has_subnets(m, &t->destination_subnets)) {
			add_tcp(c, &no_strs, &cidr, route_tcp(c, vs, r->route, r->n_route), mongo);
			return true;
		}
		for (size_t j = 0; j < t->destination_subnets.n; j++)
			*vec_push(&subnets, c->arena) = t->destination_subnets.v[j];
	}
	if (!r->n_match) {
		add_tcp(c, &no_strs, &cidr, route_tcp(c, vs, r->route, r->n_route), mongo);
		return true;
	}
	all = (struct strs){subnets.v, subnets.n};
	if (all.n)
		add_tcp(c, &no_strs, &all, route_tcp(c, vs, r->route, r->n_route), mongo);
	return false;
}

static bool add_tcp_routes(struct chains *c, const struct out_member *m, const struct vs *vs)
{
	for (size_t i = 0; i < vs->spec->n_tcp; i++)
		if (add_tcp_route(c, m, vs, &vs->spec->tcp[i]))
			return true;
	return false;
}

/* ---- members ---- */

/* A port that the user made up leads to the only port of a service; of several, to its own number. */
static struct ir_tcp *direct_tcp(struct chains *c, const struct out_member *m)
{
	uint32_t port = m->svc->n_ports == 1 ? m->svc->ports[0].port : m->port.port;
	const char *cluster = plan_cluster_name(c->arena, "outbound", port, "", m->svc->svc->host);

	return tcp_for_cluster(c->plan, cluster, m->svc, port, c->arena);
}

/* The service's host, and the ExternalNames that stand for it. */
static struct strs sni_of(struct chains *c, const struct out_member *m)
{
	const char **v = arena_array(c->arena, const char *, m->routes->n_aliases + 1);
	size_t n = 0;

	v[n++] = m->svc->svc->host;
	for (size_t i = 0; i < m->routes->n_aliases; i++)
		v[n++] = m->routes->aliases[i]->host;
	return (struct strs){v, n};
}

static void add_member(struct chains *c, const struct out_member *m)
{
	bool tls = m->port.protocol == PROTO_TLS || m->port.protocol == PROTO_HTTPS, done = false;
	struct strs cidr = own_cidr(m), sni = {0};
	struct seen seen = {0};

	for (size_t i = 0; i < m->routes->n_vss && !(done && !tls); i++) {
		const struct vs *vs = m->routes->vss[i];

		origins_add(&c->origins, vs->obj);
		done = (tls ? add_tls_routes(c, m, vs, &seen) : add_tcp_routes(c, m, vs)) || done;
	}
	if (!done) {
		if (tls && m->needs_sni)
			sni = sni_of(c, m);
		add_tcp(c, &sni, &cidr, direct_tcp(c, m), m->port.protocol == PROTO_MONGO);
	}
	origins_add(&c->origins, m->svc->svc->obj);
	for (size_t i = 0; m->svc->dr && i < m->svc->dr->n_objs; i++)
		origins_add(&c->origins, m->svc->dr->objs[i]);
}

static void add_http(struct chains *c)
{
	static const char *const plain[] = {"http/1.0", "http/1.1", "h2c"};
	const struct out_listener *l = c->listener;
	bool http10 = c->plan->view->http10;
	const char *prefix = arena_printf(c->arena, "outbound_%s_%u", l->binds.v[0], l->port);
	struct ir_http *http = hcm_outbound(c->plan, l->rds_name, prefix, l->port, c->arena);
	struct ir_chain chain = {.tls_connect_timeout = {true, TLS_CONNECT_TIMEOUT_NS}, .http = http};

	http->grpc_web = l->grpc_web;
	if (l->wildcard || l->tcp.n) {
		chain.has_match = true;
		chain.match.application_protocols = (struct strs){plain + !http10, 2 + http10};
		chain.match.transport_protocol = "raw_buffer";
	}
	*vec_push(&c->v, c->arena) = chain;
}

/* ---- the listener ---- */

static void set_inspectors(const struct plan *p, struct ir_listener *out)
{
	for (size_t i = 0; i < out->n_chains; i++) {
		out->tls_inspector.on |= out->chains[i].match.server_names.n > 0;
		out->http_inspector.on |= out->chains[i].match.application_protocols.n > 0;
	}
	if (out->tls_inspector.on)
		out->tls_inspector.initial_read_buffer = (struct opt_u32){true, TLS_INSPECTOR_BUFFER};
	out->filters_timeout = (struct opt_duration){true, 0};
	if (out->tls_inspector.on || out->http_inspector.on)
		out->filters_timeout.ns = p->snap->mesh->protocol_detection_timeout.ns;
	out->continue_on_timeout = true;
}

static const struct ir_chain *passthrough_chain(const struct plan *p, struct arena *a)
{
	struct ir_chain *c = arena_new(a, struct ir_chain);

	c->name = "PassthroughFilterChain";
	c->has_match = true;
	c->tcp = out_catch_all(p, a);
	return c;
}

/* A chain without match beside others becomes the default one, so that a connection that matches
 * one in part is not lost; where there is none at all, unknown traffic passes through. */
static void set_default(const struct plan *p, struct chains *c, struct ir_listener *out)
{
	size_t n = 0;

	for (size_t i = 0; i < c->v.n; i++) {
		if (c->v.n > 1 && !c->v.v[i].has_match)
			out->default_chain = arena_copy(c->arena, &c->v.v[i], sizeof(c->v.v[i]));
		else
			c->v.v[n++] = c->v.v[i];
	}
	out->chains = c->v.v;
	out->n_chains = n;
	if (!out->default_chain && (n > 1 || (n == 1 && out->chains[0].has_match)))
		out->default_chain = passthrough_chain(p, c->arena);
}

void out_chains(const struct plan *p, const struct out_listener *l, struct ir_listener *out, struct arena *a)
{
	struct chains c = {.plan = p, .listener = l, .arena = a, .origins.arena = a};

	for (size_t i = 0; i < l->tcp.n; i++)
		add_member(&c, &l->tcp.v[i]);
	if (l->rds_name)
		add_http(&c);
	set_default(p, &c, out);
	set_inspectors(p, out);
	out->origins = origins_done(&c.origins);
}
