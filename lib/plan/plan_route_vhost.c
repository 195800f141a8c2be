/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtual hosts of one route configuration of a sidecar (istio-behaviour.md 2.4, 3.1): first
 * those of VirtualServices, in order, then the services that none has; a name or domain that is
 * taken stays with who had it first.
 */
#include "plan/plan_route_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIRECT_BODY = 1024 * 1024 };

struct vhosts {
	const struct plan *p;
	const struct rds *r;
	struct arena *a;
	VEC(struct ir_vhost) v;
	struct map names, domains;	/* taken; domains in lower case */
	struct map known;		/* hosts of services: a short form must not hide one */
	struct map wild;		/* host -> struct wild_claim */
	bool *claimed;			/* by index of r->svcs: a VirtualService has it */
	struct origins origins;
};

/* For gRPC's own clients, which match hosts with their port. */
static bool is_grpc(const struct vhosts *b)
{
	return b->p->view->type == PROXY_GRPC;
}

/* ---- one virtual host ---- */

static bool is_taken(struct vhosts *b, const char *domain)
{
	const char *upper = domain;

	while (*upper && !isupper((unsigned char)*upper))
		upper++;
	if (!*upper)
		return map_set(&b->domains, domain, b) != NULL;
	return map_set(&b->domains, arena_lower(b->a, domain), b) != NULL;
}

/* Domains of hosts that share a configuration over all ports must tell the port, but for port 80. */
static bool tells_port(const struct vhosts *b, const char *domain, uint32_t port)
{
	return b->r->port != 0 || port == 80 || strchr(domain, ':');
}

static void add_vhost(struct vhosts *b, const char *host, uint32_t port, const struct svc *svc,
		      const struct ir_route *routes, size_t n_routes)
{
	struct http_domains d = {0};
	const char *name = http_host_port(host, port, b->a);
	VEC(const char *) kept = {0};

	if (map_set(&b->names, name, b))
		return;
	if (svc) {
		const struct alias_list *l = map_get(&b->r->index->aliases, svc->host);
		struct strs aliases = {0};

		if (l)
			aliases = (struct strs){.v = l->v.v, .n = l->v.n};
		d = http_domains_of(svc, &aliases, b->r->port && !is_grpc(b) ? 0 : port, b->p->view, b->a);
	} else {
		const char **one = arena_new(b->a, const char *);

		one[0] = http_host(host, b->a);
		d.all = (struct strs){.v = one, .n = 1};
	}
	for (size_t i = 0; i < d.all.n; i++) {
		const char *domain = d.all.v[i];

		if (strs_has(&d.expanded, domain) && map_get(&b->known, domain))
			continue;
		if (tells_port(b, domain, port) && !is_taken(b, domain))
			*vec_push(&kept, b->a) = domain;
	}
	if (kept.n)
		*vec_push(&b->v, b->a) = (struct ir_vhost){.name = name,
							   .domains = {.v = kept.v, .n = kept.n},
							   .routes = routes,
							   .n_routes = n_routes,
							   .attempt_count = hcm_counts_attempts(b->p)};
}

/* ---- of VirtualServices ---- */

static int compare_host(const void *key, const void *elem)
{
	return strcmp(key, (*(const struct scope_svc *const *)elem)->svc->host);
}

/* Index into r->svcs, or n_svcs. */
static size_t find_service(const struct rds *r, const char *host)
{
	const struct scope_svc *const *hit = NULL;

	if (r->n_svcs)
		hit = bsearch(host, r->svcs, r->n_svcs, sizeof(*r->svcs), compare_host);
	return hit ? (size_t)(hit - r->svcs) : r->n_svcs;
}

/* A wildcard host of VirtualServices, among the services of the configuration. */
struct wild_claim {
	size_t first;			/* VirtualService with the host: it gets the services */
	VEC(size_t) svcs;		/* indices into r->svcs for which the host is the most specific */
};

/* The services that each wildcard host has. One with a VirtualService of its own is nobody else's. */
static void find_wild_claims(struct vhosts *b)
{
	const struct route_index *x = b->r->index;

	for (size_t i = 0; i < b->r->n_svcs; i++) {
		const char *host = b->r->svcs[i]->svc->host;
		bool own = !host_is_wildcard(host) && map_get(&x->exact, host), best = true;
		const struct vs_list *list;
		struct wild_walk walk;

		wild_walk_init(&walk, &x->wild, host, b->a);
		while ((list = wild_walk_next(&walk))) {
			void **slot = map_slot(&b->wild, list->host);
			struct wild_claim *claim = *slot ? *slot : arena_new(b->a, struct wild_claim);

			*slot = claim;
			claim->first = list->v.v[0];
			if (best && !own)
				*vec_push(&claim->svcs, b->a) = i;
			best = false;
		}
	}
}

struct claim {
	VEC(const char *) hosts;	/* that are no services */
	VEC(size_t) svcs;		/* indices into r->svcs */
};

/* Wildcards come first in the order of hosts. */
static bool has_wider_service(const struct rds *r, const char *host)
{
	for (size_t i = 0; i < r->n_svcs && host_is_wildcard(r->svcs[i]->svc->host); i++)
		if (host_matches(r->svcs[i]->svc->host, host))
			return true;
	return false;
}

static void claim_wildcard(const struct vhosts *b, const char *host, size_t vs, struct claim *c)
{
	const struct wild_claim *claim = map_get(&b->wild, host);

	if (!claim && !has_wider_service(b->r, host))
		*vec_push(&c->hosts, b->a) = host;
	for (size_t i = 0; claim && claim->first == vs && i < claim->svcs.n; i++)
		*vec_push(&c->svcs, b->a) = claim->svcs.v[i];
}

/* Routes of the Gateway API hold for callers of their own namespace, or for services of it. */
static bool may_claim(const struct vhosts *b, const struct vs *vs, const struct svc *svc)
{
	return vs->semantics != ROUTE_GATEWAY || strcmp(svc->ns, vs->obj->ns) == 0 ||
	       strcmp(b->p->view->ns, vs->obj->ns) == 0;
}

/* Order of the hosts as Istio has it: exact ones, then wildcards. */
static void claim_hosts(const struct vhosts *b, size_t index, struct claim *c)
{
	const struct vs *vs = b->r->index->egress->vss[index];
	bool gateway_semantics = vs->semantics == ROUTE_GATEWAY;
	size_t kept = 0;

	for (size_t i = 0; i < vs->hosts.n; i++) {
		size_t s = find_service(b->r, vs->hosts.v[i]);

		if (host_is_wildcard(vs->hosts.v[i]))
			continue;
		if (s < b->r->n_svcs)
			*vec_push(&c->svcs, b->a) = s;
		else
			*vec_push(&c->hosts, b->a) = vs->hosts.v[i];
	}
	for (size_t i = 0; i < vs->hosts.n; i++) {
		if (!host_is_wildcard(vs->hosts.v[i]))
			continue;
		if (gateway_semantics)
			*vec_push(&c->hosts, b->a) = vs->hosts.v[i];
		else
			claim_wildcard(b, vs->hosts.v[i], index, c);
	}
	for (size_t i = 0; i < c->svcs.n; i++)
		if (may_claim(b, vs, b->r->svcs[c->svcs.v[i]]->svc))
			c->svcs.v[kept++] = c->svcs.v[i];
	c->svcs.n = kept;
}

static bool is_http_or_sniffed(const struct svc_port *port)
{
	return protocol_is_http(port->protocol) || port->protocol == PROTO_UNSUPPORTED;
}

static const struct svc_port *http_port(const struct scope_svc *s, uint32_t port)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].port == port && is_http_or_sniffed(&s->ports[i]))
			return &s->ports[i];
	return NULL;
}

/* false: no service of c has that port. */
static bool add_claimed_port(struct vhosts *b, const struct claim *c, uint32_t port, const struct ir_routes_vec *routes)
{
	bool any = false;

	for (size_t i = 0; i < c->svcs.n && !any; i++)
		any = http_port(b->r->svcs[c->svcs.v[i]], port) != NULL;
	if (!any)
		return false;
	for (size_t i = 0; !b->r->alone && i < c->hosts.n; i++)
		add_vhost(b, c->hosts.v[i], port, NULL, routes->v.v, routes->v.n);
	for (size_t i = 0; i < c->svcs.n; i++) {
		const struct scope_svc *s = b->r->svcs[c->svcs.v[i]];

		if (!http_port(s, port))
			continue;
		add_vhost(b, s->svc->host, port, s->svc, routes->v.v, routes->v.n);
		b->claimed[c->svcs.v[i]] = true;
	}
	return true;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void add_claimed_ports(struct vhosts *b, const struct claim *c, const struct ir_routes_vec *routes)
{
	VEC(uint32_t) ports = {0};

	for (size_t i = 0; i < c->svcs.n; i++) {
		const struct scope_svc *s = b->r->svcs[c->svcs.v[i]];

		for (size_t k = 0; k < s->n_ports; k++)
			if (is_http_or_sniffed(&s->ports[k]))
				*vec_push(&ports, b->a) = s->ports[k].port;
	}
	if (ports.n)
		qsort(ports.v, ports.n, sizeof(*ports.v), compare_u32);
	for (size_t i = 0; i < ports.n; i++)
		if (!i || ports.v[i] != ports.v[i - 1])
			add_claimed_port(b, c, ports.v[i], routes);
}

static void add_virtual_service(struct vhosts *b, size_t index)
{
	static const char *const mesh[] = {"mesh"};
	const struct vs *vs = b->r->index->egress->vss[index];
	struct http_ctx ctx = {.plan = b->p,
			       .arena = b->a,
			       .vs = vs,
			       .listen_port = b->r->port,
			       .gateway_names = {.v = mesh, .n = 1}};
	struct ir_routes_vec routes = {0};
	struct claim c = {0};

	origins_add(&b->origins, vs->obj);
	for (size_t i = 0; i < vs->n_delegates; i++)
		origins_add(&b->origins, vs->delegates[i]);
	http_routes_of(&ctx, &routes);
	for (size_t i = 0; is_grpc(b) && i < routes.v.n; i++)
		grpc_reduce_route(&routes.v.v[i], b->r->name, b->a);
	if (!routes.v.n)
		return;
	claim_hosts(b, index, &c);
	if (vs->semantics == ROUTE_GATEWAY && !c.svcs.n)
		return;
	if (!b->r->port)
		add_claimed_ports(b, &c, &routes);
	else if (!add_claimed_port(b, &c, b->r->port, &routes) && b->r->port == 80)
		for (size_t i = 0; i < c.hosts.n; i++)
			add_vhost(b, c.hosts.v[i], 80, NULL, routes.v.v, routes.v.n);
}

/* ---- of services ---- */

/* The rule's port, else the rule: subsets are for VirtualServices to choose. */
static const struct consistent_hash *hash_of_service(const struct scope_svc *s, uint32_t port)
{
	const struct traffic_policy *t = s->dr ? s->dr->policy : NULL;

	for (size_t i = 0; t && i < t->n_port_level_settings; i++) {
		const struct port_policy *set = &t->port_level_settings[i];

		if (!set->port || set->port->number != port)
			continue;
		if (set->load_balancer && set->load_balancer->consistent_hash)
			return set->load_balancer->consistent_hash;
		break;
	}
	return t && t->load_balancer ? t->load_balancer->consistent_hash : NULL;
}

static void add_service_port(struct vhosts *b, const struct scope_svc *s, uint32_t port)
{
	const struct consistent_hash *h = hash_of_service(s, port);
	struct ir_hash_policy *policy;
	struct ir_route *route = arena_new(b->a, struct ir_route);

	*route = http_default_route(b->p, plan_cluster_name(b->a, "outbound", port, "", s->svc->host),
				    arena_printf(b->a, "%s:%u/*", s->svc->host, port), b->a);
	if (h) {
		policy = arena_new(b->a, struct ir_hash_policy);
		route->n_hash = http_hash_policy_of(h, b->a, policy);
		route->hash = policy;
	}
	if (is_grpc(b))
		grpc_reduce_route(route, b->r->name, b->a);
	add_vhost(b, s->svc->host, port, s->svc, route, 1);
}

static void add_services(struct vhosts *b)
{
	for (size_t i = 0; i < b->r->n_svcs; i++) {
		const struct scope_svc *s = b->r->svcs[i];

		if (b->claimed[i] || s->svc->resolution == SVC_ALIAS)
			continue;
		for (size_t k = 0; k < s->n_ports; k++)
			if (is_http_or_sniffed(&s->ports[k]) && (!b->r->port || s->ports[k].port == b->r->port))
				add_service_port(b, s, s->ports[k].port);
	}
}

/* ---- the rest ---- */

static void add_passthrough(struct vhosts *b, struct ir_route *r)
{
	struct ir_weighted *w = arena_new(b->a, struct ir_weighted);
	const struct destination *d = b->p->scope.egress_proxy;

	w->cluster = d		       ? http_destination_cluster(b->p, d, b->p->view->ns, 0, b->a)
		     : b->p->scope.dynamic_dns ? PLAN_DYNAMIC_DNS_CLUSTER
					       : "PassthroughCluster";
	r->action = IR_ACTION_FORWARD;
	r->clusters = w;
	r->n_clusters = 1;
	r->timeout.has = true;
	r->max_grpc_timeout.has = true;
}

/* For hosts that nobody has: on to where the caller wanted, or 502. */
static void add_catch_all(struct vhosts *b)
{
	static const char *const any[] = {"*"};
	struct ir_route *r = arena_new(b->a, struct ir_route);
	bool block = b->p->scope.registry_only;
	const char *name = block ? "block_all" : "allow_any";

	if (is_taken(b, "*"))
		return;
	r->name = name;
	r->match.path_kind = IR_PATH_PREFIX;
	r->match.path = "/";
	if (block) {
		r->action = IR_ACTION_DIRECT;
		r->direct.status = 502;
	} else {
		add_passthrough(b, r);
	}
	*vec_push(&b->v, b->a) = (struct ir_vhost){
	    .name = name, .domains = {.v = any, .n = 1}, .routes = r, .n_routes = 1, .attempt_count = hcm_counts_attempts(b->p)};
}

/* Only the service's own virtual host; for any host where the address has told which it is. */
static void keep_own(struct vhosts *b)
{
	static const char *const any[] = {"*"};
	const char *name = http_host_port(b->r->svcs[0]->svc->host, b->r->port, b->a);
	size_t kept = 0;

	for (size_t i = 0; i < b->v.n && !kept; i++)
		if (strcmp(b->v.v[i].name, name) == 0) {
			b->v.v[0] = b->v.v[i];
			if (!is_grpc(b))
				b->v.v[0].domains = (struct strs){.v = any, .n = 1};
			kept = 1;
		}
	b->v.n = kept;
}

static int compare_name(const void *a, const void *b)
{
	return strcmp(((const struct ir_vhost *)a)->name, ((const struct ir_vhost *)b)->name);
}

static void add_origins(struct vhosts *b)
{
	for (size_t i = 0; i < b->r->n_svcs; i++) {
		const struct scope_svc *s = b->r->svcs[i];

		for (size_t k = 0; k < s->svc->part.n_held; k++)
			origins_add(&b->origins, s->svc->part.held[k]);
		for (size_t k = 0; s->dr && k < s->dr->n_objs; k++)
			origins_add(&b->origins, s->dr->objs[k]);
		map_set(&b->known, s->svc->host, b);
	}
}

void route_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct rds *r = row->ref;
	struct vhosts b = {.p = p, .r = r, .a = a, .origins = {.arena = a}};
	struct ir_routes *routes = arena_new(a, struct ir_routes);
	struct vs_list vss = route_select(r, a);

	map_init(&b.names, a);
	map_init(&b.domains, a);
	map_init(&b.known, a);
	map_init(&b.wild, a);
	b.claimed = arena_array(a, bool, r->n_svcs);
	add_origins(&b);
	find_wild_claims(&b);
	for (size_t i = 0; i < vss.v.n; i++)
		add_virtual_service(&b, vss.v.v[i]);
	add_services(&b);
	if (r->alone)
		keep_own(&b);
	/* names are unique */
	if (b.v.n)
		qsort(b.v.v, b.v.n, sizeof(*b.v.v), compare_name);
	if (!r->alone)
		add_catch_all(&b);
	*routes = (struct ir_routes){
	    .name = r->name,
	    .vhosts = b.v.v,
	    .n_vhosts = b.v.n,
	    .ignore_port = !is_grpc(&b),
	    .validate_clusters = {.has = !is_grpc(&b), .v = false},
	    .max_direct_body = {.has = !is_grpc(&b), .v = MAX_DIRECT_BODY},
	    .origins = origins_done(&b.origins),
	};
	out->routes = routes;
}
