/* SPDX-License-Identifier: Apache-2.0
 *
 * Outbound listeners of a sidecar (istio-behaviour.md 2.2, 3.3): who listens where. Services come in
 * order of age; where several meet on one address and port, HTTP shares one chain and TCP adds chains
 * as long as their matches differ. Blocks with a port of their own come first and are then closed.
 */
#include "plan/plan_http_int.h"
#include "plan/plan_outbound_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/scalar.h"

static const char unix_prefix[] = "unix://";

struct outbound_set {
	struct plan *plan;
	struct arena *arena;
	struct map by_name;		/* struct out_listener */
	VEC(struct out_listener *) v;
	struct strs wildcards, localhosts;
};

struct index_list {
	VEC(size_t) v;
};

/* The VirtualServices of a block with routes below HTTP, by host, and its ExternalNames. */
struct out_index {
	VEC(const struct vs *) l4;
	struct map exact;		/* host -> struct index_list of l4 */
	struct map wild;		/* the same of wildcards */
	VEC(const struct svc *) aliases;
};

/* Where the ports of a block listen. */
struct binding {
	const struct out_index *index;
	const struct out_routes *routes;	/* of the service in hand */
	const struct sidecar_egress *spec;	/* or NULL */
	struct strs explicit;		/* given by the user, or localhost; none: as the services have it */
	bool bind_to_port;
};

/* ---- one listener ---- */

static bool is_unix(const char *bind)
{
	return strncmp(bind, unix_prefix, sizeof(unix_prefix) - 1) == 0;
}

static struct out_listener *listener_at(struct outbound_set *s, const struct binding *b, const struct strs *binds,
					uint32_t port)
{
	const char *bind = binds->v[0];
	const char *name = is_unix(bind) ? bind : arena_printf(s->arena, "%s_%u", bind, port);
	void **slot = map_slot(&s->by_name, name);
	struct out_listener *l = *slot;

	if (l)
		return l;
	l = arena_new(s->arena, struct out_listener);
	*l = (struct out_listener){.name = name, .binds = *binds, .port = port, .bind_to_port = b->bind_to_port,
				   .wildcard = plan_is_wildcard(bind), .is_unix = is_unix(bind)};
	*slot = l;
	*vec_push(&s->v, s->arena) = l;
	return l;
}

static bool is_empty(const struct out_listener *l)
{
	return !l->tcp.n && !l->rds_name;
}

/* Protocols in which the server speaks first cannot share a port with others. */
static bool is_exclusive(enum protocol p)
{
	return p == PROTO_MYSQL || p == PROTO_MONGO;
}

static bool may_join(const struct out_listener *l, enum protocol protocol)
{
	if (l->locked)
		return false;
	return is_empty(l) || l->first == protocol || (!is_exclusive(l->first) && !is_exclusive(protocol));
}

/* The RDS name for a port of a service: one that plan_route.c has a row for. Bound to an address that
 * the user gave, a sniffed port asks for the routes that the service has anyway. */
static const char *rds_of(struct outbound_set *s, const struct binding *b, const struct scope_svc *svc,
			  const struct svc_port *port, const char *bind)
{
	unsigned binds = plan_sniffed_binds(s->plan->view, b->spec, svc, s->arena);
	bool shared = plan_is_wildcard(bind);

	if (!b->explicit.n)
		shared = shared && (binds & PLAN_BIND_WILDCARD);
	else
		shared = !(binds & PLAN_BIND_OWN);
	return plan_rds_name(s->arena, b->spec, svc->svc, port->port, port->protocol, shared);
}

/* TLS that shares its address is told by its name, and Envoy's match of names knows no "*-x.domain". */
static bool cannot_be_told(const struct plan *p, const struct binding *b, const struct scope_svc *svc,
			   const struct svc_port *port, const char *bind, bool shares)
{
	const char *host = svc->svc->host;

	return shares && plan_is_wildcard(bind) && (port->protocol == PROTO_TLS || port->protocol == PROTO_HTTPS) &&
	       host[0] == '*' && host[1] != '.' && !out_has_tls_route(p, b->routes, port->port);
}

static void join(struct outbound_set *s, const struct binding *b, const struct scope_svc *svc,
		 const struct svc_port *port, const struct strs *binds, const char *cidr, bool has_address)
{
	bool http = protocol_is_http(port->protocol), sniffed = port->protocol == PROTO_UNSUPPORTED;
	struct out_listener *l;

	if ((plan_is_wildcard(binds->v[0]) && plan_port_is_reserved(s->plan, port->port)) ||
	    cannot_be_told(s->plan, b, svc, port, binds->v[0], cidr || !has_address))
		return;
	l = listener_at(s, b, binds, port->port);
	if (!may_join(l, port->protocol))
		return;
	if (is_empty(l))
		l->first = port->protocol;
	if (http || sniffed) {
		bool replaces = sniffed && !l->tcp.n && !l->sniffed;	/* sniffed over HTTP */

		if (!l->rds_name)
			l->grpc_web = port->protocol == PROTO_GRPC_WEB;
		if (!l->rds_name || replaces)
			l->rds_name = rds_of(s, b, svc, port, binds->v[0]);
		l->sniffed |= sniffed;
	}
	if (!http)
		*vec_push(&l->tcp, s->arena) = (struct out_member){
		    .svc = svc, .routes = b->routes, .port = *port, .cidr = cidr,
		    .needs_sni = cidr || (!has_address && l->wildcard),
		};
}

/* ---- where a service listens ---- */

/* By its addresses: of a ServiceEntry's own each has a listener, the others have one in common. */
static bool join_addresses(struct outbound_set *s, const struct binding *b, const struct scope_svc *svc,
			   const struct svc_port *port)
{
	struct strs all = http_addresses_of(svc->svc, s->plan->view, s->arena);

	if (all.n && (svc->svc->is_kube || !svc->svc->addresses.n)) {
		join(s, b, svc, port, &all, NULL, true);
		return true;
	}
	for (size_t i = 0; i < all.n; i++) {
		struct strs own = {&all.v[i], 1};

		if (strchr(all.v[i], '/'))
			join(s, b, svc, port, &s->wildcards, all.v[i], true);
		else
			join(s, b, svc, port, &own, NULL, true);
	}
	return all.n;
}

/* A headless service: each endpoint has a listener, but the proxy's own pod. */
static void join_endpoints(struct outbound_set *s, const struct binding *b, const struct scope_svc *svc,
			   const struct svc_port *port)
{
	const struct view *v = s->plan->view;
	size_t index = 0;

	while (index < svc->svc->n_ports && svc->svc->ports[index].port != port->port)
		index++;
	if (index == svc->svc->n_ports)
		return;
	for (size_t i = 0; i < svc->eps->n; i++) {
		const struct ep *e = &svc->eps->v[i];
		struct strs own = {&e->address, 1};

		if (e->ports[index] && scalar_is_ip(e->address) && !(v->ips.n && strcmp(v->ips.v[0], e->address) == 0))
			join(s, b, svc, port, &own, NULL, false);
	}
}

/* Without any endpoint there is nothing to listen for, except for a ServiceEntry that never has any. */
static bool waits_for_endpoints(const struct scope_svc *svc)
{
	return svc->eps->n || svc->svc->is_kube || svc->svc->selector.n;
}

static void place(struct outbound_set *s, const struct binding *b, const struct scope_svc *svc, const struct svc_port *port)
{
	bool http = protocol_is_http(port->protocol);

	if (port->protocol == PROTO_UDP || port->protocol == PROTO_HBONE)
		return;
	if (b->explicit.n) {
		join(s, b, svc, port, &b->explicit, NULL, svc->svc->addresses.n > 0);
		return;
	}
	if (http) {
		join(s, b, svc, port, &s->wildcards, NULL, false);
		return;
	}
	if (join_addresses(s, b, svc, port))
		return;
	if (!(b->spec && b->spec->port) && svc->svc->resolution == SVC_PASSTHROUGH && waits_for_endpoints(svc))
		join_endpoints(s, b, svc, port);
	else
		join(s, b, svc, port, &s->wildcards, NULL, false);
}

/* ---- blocks ---- */

static int compare_age(const void *a, const void *b)
{
	const struct svc *x = (*(const struct scope_svc *const *)a)->svc, *y = (*(const struct scope_svc *const *)b)->svc;
	int c;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? -1 : 1;
	c = strcmp(x->name, y->name);
	return c ? c : strcmp(x->ns, y->ns);
}

static const struct scope_svc **by_age(const struct scope_egress *e, size_t *n, struct arena *a)
{
	const struct scope_svc **v = arena_array(a, const struct scope_svc *, e->n_svcs);

	*n = 0;
	for (size_t i = 0; i < e->n_svcs; i++)
		if (e->svcs[i].svc->resolution != SVC_ALIAS)
			v[(*n)++] = &e->svcs[i];
	qsort(v, *n, sizeof(*v), compare_age);
	return v;
}

static struct out_index *index_of(const struct scope_egress *e, struct arena *a)
{
	struct out_index *x = arena_new(a, struct out_index);

	map_init(&x->exact, a);
	map_init(&x->wild, a);
	for (size_t i = 0; i < e->n_vss; i++) {
		const struct vs *vs = e->vss[i];

		if ((!vs->spec->n_tls && !vs->spec->n_tcp) || !strs_has(&vs->gateways, "mesh"))
			continue;
		for (size_t j = 0; j < vs->hosts.n; j++) {
			const char *host = vs->hosts.v[j];
			void **slot = map_slot(host_is_wildcard(host) ? &x->wild : &x->exact, host);
			struct index_list *list = *slot ? *slot : arena_new(a, struct index_list);

			*slot = list;
			*vec_push(&list->v, a) = x->l4.n;
		}
		*vec_push(&x->l4, a) = vs;
	}
	for (size_t i = 0; i < e->n_svcs; i++)
		if (e->svcs[i].svc->resolution == SVC_ALIAS)
			*vec_push(&x->aliases, a) = e->svcs[i].svc;
	return x;
}

static bool is_about(const struct vs *vs, const struct svc *svc)
{
	for (size_t i = 0; i < vs->hosts.n; i++)
		if (host_matches(vs->hosts.v[i], svc->host))
			return true;
	return false;
}

static int compare_index(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

struct found_vss {
	VEC(size_t) v;			/* indices into l4 */
};

static void find_list(struct found_vss *found, const struct index_list *list, struct arena *a)
{
	for (size_t i = 0; list && i < list->v.n; i++)
		*vec_push(&found->v, a) = list->v.v[i];
}

static void find_vss(const struct out_index *x, const struct svc *svc, struct out_routes *out, struct arena *a)
{
	struct found_vss found = {0};
	const struct index_list *list;
	struct wild_walk walk;
	const struct vs **v;

	if (host_is_wildcard(svc->host)) {
		for (size_t i = 0; i < x->l4.n; i++)
			if (is_about(x->l4.v[i], svc))
				*vec_push(&found.v, a) = i;
	} else {
		find_list(&found, map_get(&x->exact, svc->host), a);
		wild_walk_init(&walk, &x->wild, svc->host, a);
		while ((list = wild_walk_next(&walk)))
			find_list(&found, list, a);
	}
	if (!found.v.n)
		return;
	qsort(found.v.v, found.v.n, sizeof(found.v.v[0]), compare_index);
	v = arena_array(a, const struct vs *, found.v.n);
	for (size_t i = 0; i < found.v.n; i++)
		if (!i || found.v.v[i] != found.v.v[i - 1])
			v[out->n_vss++] = x->l4.v[found.v.v[i]];
	out->vss = v;
}

static const struct out_routes *routes_of(const struct out_index *x, const struct svc *svc, struct arena *a)
{
	struct out_routes *r = arena_new(a, struct out_routes);
	VEC(const struct svc *) aliases = {0};

	if (x->l4.n)
		find_vss(x, svc, r, a);
	for (size_t i = 0; i < x->aliases.n; i++)
		if (strcmp(x->aliases.v[i]->alias_of, svc->host) == 0)
			*vec_push(&aliases, a) = x->aliases.v[i];
	r->aliases = aliases.v;
	r->n_aliases = aliases.n;
	return r;
}

static void bind_block(struct outbound_set *s, const struct scope_egress *e, struct binding *b)
{
	const struct sidecar_egress *spec = e->spec;

	*b = (struct binding){.index = index_of(e, s->arena), .spec = spec};
	b->bind_to_port = s->plan->view->interception == INTERCEPT_NONE || (spec && spec->capture_mode == CAPTURE_NONE);
	if (spec && spec->bind && *spec->bind)
		b->explicit = (struct strs){&spec->bind, 1};
	else if (b->bind_to_port)
		b->explicit = s->localhosts;
}

static void add_block(struct outbound_set *s, const struct scope_egress *e)
{
	const struct sidecar_port *own = e->spec ? e->spec->port : NULL;
	const struct scope_svc **svcs;
	struct svc_port port = {0};
	struct binding b;
	size_t n;

	bind_block(s, e, &b);
	svcs = by_age(e, &n, s->arena);
	if (own) {
		port = (struct svc_port){.port = own->number, .name = own->name,
					 .protocol = protocol_parse(own->protocol ? own->protocol : "")};
		for (size_t i = 0; i < n; i++) {
			b.routes = routes_of(b.index, svcs[i]->svc, s->arena);
			place(s, &b, svcs[i], &port);
		}
		return;
	}
	for (size_t i = 0; i < s->v.n; i++)
		s->v.v[i]->locked = true;
	for (size_t i = 0; i < n; i++) {
		b.routes = routes_of(b.index, svcs[i]->svc, s->arena);
		for (size_t j = 0; j < svcs[i]->n_ports; j++)
			place(s, &b, svcs[i], &svcs[i]->ports[j]);
	}
}

/* ---- rows ---- */

/* What every outbound listener reads. */
static struct hash128 common_inputs(const struct plan *p, struct arena *a)
{
	const struct view *v = p->view;
	const struct destination *proxy = p->scope.egress_proxy;
	struct hash128 h = hash_mix(hash_bytes("out", 3), p->snap->objects.mesh_hash);

	h = hcm_mix_dynamic(p, view_mix_listeners(v, h));
	for (size_t i = 0; i < v->labels.n; i++)
		h = hash_mix_str(hash_mix_str(h, v->labels.v[i].key), v->labels.v[i].value);
	h = hash_mix_str(hash_mix_str(hash_mix_str(h, v->ns), v->metadata_ns), v->cluster_id);
	if (proxy) {
		h = hash_mix_str(hash_mix_str(h, proxy->host), proxy->subset);
		h = hash_mix_u64(h, proxy->port ? proxy->port->number : 0);
		h = http_mix_destination(p, proxy, v->ns, a, h);
	}
	return hash_mix_u64(h, (uint64_t)p->scope.dynamic_dns << 9 | (uint64_t)v->dns_capture << 8 | (uint64_t)v->interception << 4 |
				   (uint64_t)v->v4 << 3 | (uint64_t)v->v6 << 2 | (uint64_t)v->http10 << 1 |
				   (uint64_t)p->scope.registry_only);
}

static struct hash128 mix_member(const struct plan *p, const struct out_member *m, struct hash128 h, struct arena *a)
{
	h = hash_mix(h, m->svc->svc->part.hash);
	h = m->svc->dr ? hash_mix(h, m->svc->dr->part.hash) : hash_mix_u64(h, 0);
	h = hash_mix_u64(h, (uint64_t)m->port.port << 16 | (uint64_t)m->port.protocol << 8 | (uint64_t)m->needs_sni);
	h = hash_mix_u64(hash_mix_str(h, m->cidr), m->svc->n_ports == 1 ? m->svc->ports[0].port : 0);
	for (size_t i = 0; i < m->routes->n_vss; i++)
		h = tcp_mix_inputs(p, m->routes->vss[i], h, a);
	for (size_t i = 0; i < m->routes->n_aliases; i++)
		h = hash_mix(h, m->routes->aliases[i]->part.hash);
	return h;
}

static struct ir_address address_of(const char *bind, uint32_t port)
{
	if (is_unix(bind))
		return (struct ir_address){.ip = bind + sizeof(unix_prefix) - 1, .is_pipe = true};
	return (struct ir_address){.ip = bind, .port = port};
}

static struct ir_listener *listener_new(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	struct ir_listener *l = arena_new(a, struct ir_listener);

	l->name = row->name;
	l->direction = IR_OUTBOUND;
	hcm_listener(p, l, a);
	out->listener = l;
	return l;
}

static void set_binding(struct ir_listener *l, bool bind_to_port)
{
	if (bind_to_port)
		l->max_accepts = (struct opt_u32){true, 1};
	else
		l->bind_to_port = (struct opt_bool){true, false};
}

static void expand_listener(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct out_listener *o = row->ref;
	struct ir_listener *l = listener_new(p, row, a, out);
	struct ir_address *more = arena_array(a, struct ir_address, o->binds.n);

	l->address = address_of(o->binds.v[0], o->port);
	for (size_t i = 1; i < o->binds.n; i++)
		more[l->n_more++] = address_of(o->binds.v[i], o->port);
	l->more = more;
	set_binding(l, o->bind_to_port);
	out_chains(p, o, l, a);
}

static struct ir_chain *tcp_chain(struct ir_chain *c, const char *name, uint32_t port, struct ir_tcp *tcp)
{
	*c = (struct ir_chain){.name = name, .has_match = port != 0, .match.destination_port = port, .tcp = tcp};
	return c;
}

/* HTTP of unknown destinations goes where its Host says. */
static void add_dynamic_chain(const struct plan *p, struct ir_listener *l, struct ir_chain *c, struct arena *a)
{
	static const char *const any[] = {"*"}, *const plain[] = {"http/1.0", "http/1.1", "h2c"};
	bool http10 = p->view->http10;
	struct ir_http *http = hcm_outbound(p, NULL, PLAN_DYNAMIC_DNS_CLUSTER, HCM_NO_PORT, a);
	struct ir_routes *routes = arena_new(a, struct ir_routes);
	struct ir_vhost *host = arena_new(a, struct ir_vhost);
	struct ir_route *r = arena_new(a, struct ir_route);

	*r = http_default_route(p, PLAN_DYNAMIC_DNS_CLUSTER, NULL, a);
	*host = (struct ir_vhost){.name = "allow_any", .domains = {any, 1}, .routes = r, .n_routes = 1};
	*routes = (struct ir_routes){.name = PLAN_DYNAMIC_DNS_CLUSTER, .vhosts = host, .n_vhosts = 1,
				     .validate_clusters = {true, false}};
	http->inline_routes = routes;
	*c = (struct ir_chain){.name = "virtualOutbound-catchall-tcp-http", .has_match = true, .http = http};
	c->match.application_protocols = (struct strs){plain + !http10, 2 + http10};
	c->match.transport_protocol = "raw_buffer";
	l->http_inspector.on = true;
	l->filters_timeout = (struct opt_duration){true, p->snap->mesh->protocol_detection_timeout.ns};
	l->continue_on_timeout = true;
}

static void expand_virtual(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	struct ir_listener *l = listener_new(p, row, a, out);
	struct ir_chain *c = arena_array(a, struct ir_chain, 3);
	size_t n = 0;

	plan_listen_everywhere(p->view, row->arg, l, a);
	l->use_original_dst = true;
	l->transparent = p->view->interception == INTERCEPT_TPROXY;
	l->max_accepts = (struct opt_u32){true, 1};
	tcp_chain(&c[n++], "virtualOutbound-blackhole", row->arg, tcp_for_cluster(p, "BlackHoleCluster", NULL, 0, a));
	if (p->scope.dynamic_dns && !p->scope.egress_proxy)
		add_dynamic_chain(p, l, &c[n++], a);
	tcp_chain(&c[n++], "virtualOutbound-catchall-tcp", 0, out_catch_all(p, a));
	l->chains = c;
	l->n_chains = n;
}

static void expand_http_proxy(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	struct ir_listener *l = listener_new(p, row, a, out);
	struct ir_chain *c = arena_new(a, struct ir_chain);
	const char *ip = row->ref;

	plan_listen_locally(p->view, row->arg, l, a);
	set_binding(l, true);
	c->http = hcm_outbound(p, PLAN_RDS_HTTP_PROXY, arena_printf(a, "outbound_%s_%u", ip, row->arg), HCM_ANY_PORT, a);
	l->chains = c;
	l->n_chains = 1;
}

static void add_row(struct plan_rows *rows, struct plan_row row)
{
	row.type = IR_LISTENER;
	*vec_push(&rows->v, rows->arena) = row;
}

static void add_listeners(struct outbound_set *s, struct plan_rows *rows, struct hash128 common)
{
	for (size_t i = 0; i < s->v.n; i++) {
		const struct out_listener *l = s->v.v[i];
		struct hash128 h = common;

		if (is_empty(l))
			continue;
		for (size_t j = 0; j < l->binds.n; j++)
			h = hash_mix_str(h, l->binds.v[j]);
		h = hash_mix_str(h, l->rds_name);
		h = hash_mix_u64(h, (uint64_t)l->port << 2 | (uint64_t)l->bind_to_port << 1 | (uint64_t)l->grpc_web);
		for (size_t j = 0; j < l->tcp.n; j++)
			h = mix_member(s->plan, &l->tcp.v[j], h, s->arena);
		add_row(rows, (struct plan_row){.name = l->name, .inputs = h, .expand = expand_listener, .ref = l});
	}
}

static bool has_open_block(const struct plan *p)
{
	for (size_t i = 0; i < p->scope.n_egress; i++)
		if (plan_is_open_block(p->scope.egress[i].spec))
			return true;
	return false;
}

static void add_own_rows(struct outbound_set *s, struct plan_rows *rows, struct hash128 common)
{
	const struct plan *p = s->plan;
	const struct mesh_config *mesh = p->snap->mesh;
	uint32_t port = p->view->http_proxy_port, capture = (uint32_t)mesh->proxy_listen_port;
	const char *local = s->localhosts.v[0];

	if (p->view->interception != INTERCEPT_NONE)
		add_row(rows, (struct plan_row){.name = "virtualOutbound", .inputs = hash_mix_u64(common, capture),
						.expand = expand_virtual, .arg = capture});
	if (!port && mesh->proxy_http_port > 0)
		port = (uint32_t)mesh->proxy_http_port;
	if (port && has_open_block(p))
		add_row(rows, (struct plan_row){.name = arena_printf(rows->arena, "%s_%u", local, port),
						.inputs = hash_mix_u64(common, port),
						.expand = expand_http_proxy, .ref = local, .arg = port});
}

void plan_outbound_rows(struct plan *p, struct plan_rows *rows)
{
	static const char *const any[] = {"0.0.0.0", "::"}, *const local[] = {"127.0.0.1", "::1"};
	struct outbound_set s = {.plan = p, .arena = rows->arena};
	struct hash128 common = common_inputs(p, rows->arena);
	bool v4 = p->view->v4 || !p->view->v6;
	size_t n = v4 && p->view->v6 ? 2 : 1;

	s.wildcards = (struct strs){any + !v4, n};
	s.localhosts = (struct strs){local + !v4, n};
	map_init(&s.by_name, s.arena);
	for (size_t i = 0; i < p->scope.n_egress; i++)
		add_block(&s, &p->scope.egress[i]);
	add_listeners(&s, rows, common);
	add_own_rows(&s, rows, common);
}
