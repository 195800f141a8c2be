/* SPDX-License-Identifier: Apache-2.0
 *
 * Route configurations of sidecars: which there are, and what each depends on. Their virtual hosts
 * are made in plan_route_vhost.c.
 */
#include "plan/plan_route_int.h"

#include <stdlib.h>
#include <string.h>

static const char unix_prefix[] = "unix://";

static bool is_unix(const struct sidecar_egress *spec)
{
	return spec->bind && strncmp(spec->bind, unix_prefix, strlen(unix_prefix)) == 0;
}

bool plan_is_open_block(const struct sidecar_egress *spec)
{
	return !spec || (!spec->port && !is_unix(spec));
}

const char *plan_rds_name(struct arena *a, const struct sidecar_egress *spec, const struct svc *svc, uint32_t port,
			  enum protocol protocol, bool wildcard_bind)
{
	if (spec && is_unix(spec))
		return spec->bind;
	if (protocol == PROTO_UNSUPPORTED && !wildcard_bind && svc)
		return http_host_port(svc->host, port, a);
	return arena_printf(a, "%u", port);
}

unsigned plan_sniffed_binds(const struct view *v, const struct sidecar_egress *spec, const struct scope_svc *s,
			    struct arena *a)
{
	const struct svc *svc = s->svc;
	struct strs addresses;
	unsigned bits = 0;

	if (spec && spec->port && spec->bind && *spec->bind)
		return plan_is_wildcard(spec->bind) ? PLAN_BIND_WILDCARD : PLAN_BIND_OWN;
	addresses = http_addresses_of(svc, v, a);
	for (size_t i = 0; i < addresses.n; i++)
		bits |= strchr(addresses.v[i], '/') ? PLAN_BIND_WILDCARD : PLAN_BIND_OWN;
	if (v->interception == INTERCEPT_NONE)
		return PLAN_BIND_WILDCARD | PLAN_BIND_OWN;
	if (bits || svc->resolution != SVC_PASSTHROUGH)
		return bits ? bits : PLAN_BIND_WILDCARD;
	if (spec && spec->port)
		return PLAN_BIND_WILDCARD;
	/* headless: a listener an endpoint; what has no endpoints of its own takes the whole port */
	if (s->eps->n)
		return PLAN_BIND_OWN;
	return svc->is_kube || svc->selector.n ? 0 : PLAN_BIND_WILDCARD;
}

/* ---- what an egress block's routes have in common ---- */

static void index_host(struct route_index *x, const char *host, size_t vs, struct arena *a)
{
	void **slot = map_slot(host_is_wildcard(host) ? &x->wild : &x->exact, host);
	struct vs_list *list;

	if (!*slot)
		*slot = arena_new(a, struct vs_list);
	list = *slot;
	list->host = host;
	*vec_push(&list->v, a) = vs;
}

static void index_alias(const struct plan *p, struct route_index *x, const struct svc *alias, struct arena *a)
{
	const struct scope_svc *s = NULL;
	const char *host = alias->alias_of;
	void **slot;
	struct alias_list *list;

	for (int hops = 0; host && hops < 10; hops++) {
		s = scope_find(&p->scope, host);
		if (!s || s->svc->resolution != SVC_ALIAS)
			break;
		host = s->svc->alias_of;
	}
	x->base = hash_mix(x->base, alias->part.hash);
	if (!host || !s || s->svc->resolution == SVC_ALIAS)
		return;
	slot = map_slot(&x->aliases, host);
	if (!*slot)
		*slot = arena_new(a, struct alias_list);
	list = *slot;
	*vec_push(&list->v, a) = alias->host;
}

/* What every configuration of the block reads: of the view, the mesh, the policy for other hosts. */
static struct hash128 common_inputs(const struct plan *p)
{
	const struct view *v = p->view;
	struct hash128 h = hash_mix_str(p->snap->objects.mesh_hash, p->snap->domain);
	const struct destination *out = p->scope.egress_proxy;

	h = hash_mix_u64(h, (uint64_t)v->type << 8 | (uint64_t)v->dns_capture << 2 | (uint64_t)v->v4 << 1 | (uint64_t)v->v6);
	h = hash_mix_str(hash_mix_str(h, v->ns), v->dns_domain);
	for (size_t i = 0; i < v->labels.n; i++)
		h = hash_mix_str(hash_mix_str(h, v->labels.v[i].key), v->labels.v[i].value);
	h = hash_mix(hash_mix_u64(h, (uint64_t)p->scope.dynamic_dns << 1 | (uint64_t)p->scope.registry_only), v->config_hash);
	if (out) {
		h = hash_mix_str(hash_mix_str(h, out->host), out->subset);
		h = hash_mix_u64(h, out->port ? out->port->number : 0);
	}
	return h;
}

static struct route_index *index_of(const struct plan *p, const struct scope_egress *e, struct arena *a)
{
	struct route_index *x = arena_new(a, struct route_index);

	x->egress = e;
	map_init(&x->exact, a);
	map_init(&x->wild, a);
	map_init(&x->aliases, a);
	x->base = common_inputs(p);
	x->vs_inputs = arena_array(a, struct hash128, e->n_vss);
	for (size_t i = 0; i < e->n_vss; i++) {
		const struct vs *vs = e->vss[i];

		if (!strs_has(&vs->gateways, "mesh"))
			continue;
		x->vs_inputs[i] = http_mix_inputs(p, vs, vs->part.hash);
		*vec_push(&x->mesh, a) = i;
		for (size_t k = 0; k < vs->hosts.n; k++)
			index_host(x, vs->hosts.v[k], i, a);
	}
	for (size_t i = 0; i < e->n_svcs; i++)
		if (e->svcs[i].svc->resolution == SVC_ALIAS)
			index_alias(p, x, e->svcs[i].svc, a);
	return x;
}

/* ---- which VirtualServices matter to one configuration ---- */

static int compare_index(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

struct selection {
	const struct route_index *index;
	struct arena *arena;
	struct map taken;		/* hosts whose lists are in */
	VEC(size_t) v;
};

static void select_list(struct selection *sel, const struct vs_list *list)
{
	if (!list || map_set(&sel->taken, list->host, sel))
		return;
	for (size_t i = 0; i < list->v.n; i++)
		*vec_push(&sel->v, sel->arena) = list->v.v[i];
}

/* What a wildcard service stands for may have VirtualServices too. */
static void select_below(struct selection *sel, const char *wildcard)
{
	const struct route_index *x = sel->index;

	for (size_t i = 0; i < x->mesh.n; i++) {
		const struct strs *hosts = &x->egress->vss[x->mesh.v[i]]->hosts;

		for (size_t k = 0; k < hosts->n; k++)
			if (host_matches(hosts->v[k], wildcard))
				*vec_push(&sel->v, sel->arena) = x->mesh.v[i];
	}
}

static void select_for(struct selection *sel, const char *host)
{
	const struct vs_list *list;
	struct wild_walk walk;

	if (host_is_wildcard(host)) {
		select_below(sel, host);
		return;
	}
	select_list(sel, map_get(&sel->index->exact, host));
	wild_walk_init(&walk, &sel->index->wild, host, sel->arena);
	while ((list = wild_walk_next(&walk)))
		select_list(sel, list);
}

struct vs_list route_select(const struct rds *r, struct arena *a)
{
	struct selection sel = {.index = r->index, .arena = a};
	struct vs_list out = {0};

	/* on port 80 hosts that are in no registry have routes too */
	if (r->port == 80 && !r->alone) {
		for (size_t i = 0; i < r->index->mesh.n; i++)
			*vec_push(&out.v, a) = r->index->mesh.v[i];
		return out;
	}
	map_init(&sel.taken, a);
	for (size_t i = 0; i < r->n_svcs; i++)
		select_for(&sel, r->svcs[i]->svc->host);
	if (sel.v.n)
		qsort(sel.v.v, sel.v.n, sizeof(*sel.v.v), compare_index);
	for (size_t i = 0; i < sel.v.n; i++)
		if (!i || sel.v.v[i - 1] != sel.v.v[i])
			*vec_push(&out.v, a) = sel.v.v[i];
	return out;
}

/* ---- rows ---- */

struct gather {
	struct plan *p;
	struct plan_rows *rows;
	struct map names;		/* of the rows so far: the first block with a port has it */
};

static void add_row(struct gather *g, const struct rds *r)
{
	struct arena *a = g->rows->arena;
	struct hash128 h = hash_mix_u64(r->index->base, (uint64_t)r->port << 1 | r->alone);
	struct vs_list vss;

	if (map_set(&g->names, r->name, g))
		return;
	vss = route_select(r, a);
	for (size_t i = 0; i < r->n_svcs; i++) {
		h = hash_mix(h, r->svcs[i]->svc->part.hash);
		h = hash_mix_u64(h, r->svcs[i]->n_ports);
		h = r->svcs[i]->dr ? hash_mix(h, r->svcs[i]->dr->routing) : hash_mix_u64(h, 0);
	}
	for (size_t i = 0; i < vss.v.n; i++)
		h = hash_mix(h, r->index->vs_inputs[vss.v.v[i]]);
	*vec_push(&g->rows->v, a) = (struct plan_row){.type = IR_ROUTES,
						      .name = r->name,
						      .inputs = h,
						      .expand = route_expand,
						      .ref = r};
}

static struct rds *new_rds(struct gather *g, const struct route_index *x, const char *name, uint32_t port)
{
	struct rds *r = arena_new(g->rows->arena, struct rds);

	*r = (struct rds){.index = x, .name = name, .port = port};
	return r;
}

static bool has_port(const struct scope_svc *s, uint32_t port)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].port == port)
			return true;
	return false;
}

/* Everything that the block has on a port, on all ports if it is 0. */
static void add_shared(struct gather *g, const struct route_index *x, const char *name, uint32_t port)
{
	const struct scope_egress *e = x->egress;
	struct rds *r = new_rds(g, x, name, port);
	const struct scope_svc **v = arena_array(g->rows->arena, const struct scope_svc *, e->n_svcs);

	for (size_t i = 0; i < e->n_svcs; i++)
		if (!port || has_port(&e->svcs[i], port))
			v[r->n_svcs++] = &e->svcs[i];
	r->svcs = v;
	add_row(g, r);
}

static void add_alone(struct gather *g, const struct route_index *x, const struct scope_svc *s, uint32_t port,
		      const char *name)
{
	struct rds *r = new_rds(g, x, name, port);
	const struct scope_svc **v = arena_new(g->rows->arena, const struct scope_svc *);

	v[0] = s;
	r->svcs = v;
	r->n_svcs = 1;
	r->alone = true;
	add_row(g, r);
}

static void add_sniffed(struct gather *g, const struct route_index *x, const struct scope_svc *s, uint32_t port)
{
	add_alone(g, x, s, port,
		  plan_rds_name(g->rows->arena, x->egress->spec, s->svc, port, PROTO_UNSUPPORTED, false));
}

/* The services of each port, and the ports that some listener shares. */
struct port_use {
	uint32_t port;
	bool shared;
	VEC(const struct scope_svc *) svcs;
};

static struct port_use *use_of(struct map *uses, uint32_t port, struct arena *a)
{
	char key[16];
	char *p = key + sizeof(key) - 1;
	void **slot;

	*p = '\0';
	for (uint32_t n = port; n || !*p; n /= 10)
		*--p = (char)('0' + n % 10);
	slot = map_slot(uses, p);
	if (!*slot) {
		struct port_use *u = arena_new(a, struct port_use);

		u->port = port;
		*slot = u;
	}
	return *slot;
}

static void use_port(struct gather *g, const struct route_index *x, struct map *uses, const struct scope_svc *s,
		     const struct svc_port *port)
{
	struct arena *a = g->rows->arena;
	const struct sidecar_egress *spec = x->egress->spec;
	struct port_use *u = use_of(uses, port->port, a);
	unsigned binds;

	if (!u->svcs.n || u->svcs.v[u->svcs.n - 1] != s)
		*vec_push(&u->svcs, a) = s;
	if (protocol_is_http(port->protocol)) {
		u->shared = true;
	} else if (port->protocol == PROTO_UNSUPPORTED) {
		binds = plan_sniffed_binds(g->p->view, spec, s, a);
		/* bound by the user or to the host itself, a port without endpoints of its own is there all the same */
		u->shared |= (binds & PLAN_BIND_WILDCARD) != 0 ||
			     (!binds && spec && (spec->bind || spec->capture_mode == CAPTURE_NONE));
		if (binds & PLAN_BIND_OWN)
			add_sniffed(g, x, s, port->port);
	}
}

/* The block for all ports that no block before it has. */
static void add_default_block(struct gather *g, const struct route_index *x)
{
	struct arena *a = g->rows->arena;
	const struct scope_egress *e = x->egress;
	struct map uses;
	struct map_pair *all;
	size_t n;

	map_init(&uses, a);
	for (size_t i = 0; i < e->n_svcs; i++)
		for (size_t k = 0; k < e->svcs[i].n_ports; k++)
			use_port(g, x, &uses, &e->svcs[i], &e->svcs[i].ports[k]);
	all = map_sorted(&uses, &n, a);
	for (size_t i = 0; i < n; i++) {
		struct port_use *u = all[i].value;
		struct rds *r;

		if (!u->shared)
			continue;
		r = new_rds(g, x, plan_rds_name(a, e->spec, NULL, u->port, PROTO_HTTP, true), u->port);
		r->svcs = u->svcs.v;
		r->n_svcs = u->svcs.n;
		add_row(g, r);
	}
}

static bool has_http(const struct scope_egress *e)
{
	for (size_t i = 0; i < e->n_svcs; i++)
		for (size_t k = 0; k < e->svcs[i].n_ports; k++)
			if (protocol_is_http(e->svcs[i].ports[k].protocol) || e->svcs[i].ports[k].protocol == PROTO_UNSUPPORTED)
				return true;
	return false;
}

static void add_port_block(struct gather *g, const struct route_index *x)
{
	const struct sidecar_egress *spec = x->egress->spec;
	uint32_t port = spec->port ? spec->port->number : 0;
	enum protocol protocol = protocol_parse(spec->port && spec->port->protocol ? spec->port->protocol : "");
	const char *name = plan_rds_name(g->rows->arena, spec, NULL, port, protocol, true);

	/* a port of HTTP proxies is for hosts of all ports, as a Unix socket is */
	if (protocol_is_http(protocol))
		add_shared(g, x, name, protocol == PROTO_HTTP_PROXY ? 0 : port);
	if (!spec->port) {	/* a Unix socket for the ports of all services */
		if (has_http(x->egress))
			add_shared(g, x, name, 0);
		return;
	}
	for (size_t i = 0; protocol == PROTO_UNSUPPORTED && i < x->egress->n_svcs; i++) {
		unsigned binds = plan_sniffed_binds(g->p->view, spec, &x->egress->svcs[i], g->rows->arena);

		if (binds & PLAN_BIND_OWN)
			add_sniffed(g, x, &x->egress->svcs[i], port);
		if (binds & PLAN_BIND_WILDCARD)
			add_shared(g, x, name, port);
	}
}

/* gRPC's own clients ask for the routes of one service and port, named as its cluster is. */
static void add_grpc_block(struct gather *g, const struct route_index *x)
{
	const struct scope_egress *e = x->egress;
	uint32_t only = e->spec && e->spec->port ? e->spec->port->number : 0;

	for (size_t i = 0; i < e->n_svcs; i++) {
		const struct scope_svc *s = &e->svcs[i];

		if (s->svc->resolution == SVC_ALIAS || host_is_wildcard(s->svc->host))
			continue;
		for (size_t k = 0; k < s->n_ports; k++) {
			uint32_t port = s->ports[k].port;

			if ((only && port != only) ||
			    (!protocol_is_http(s->ports[k].protocol) && s->ports[k].protocol != PROTO_UNSUPPORTED))
				continue;
			add_alone(g, x, s, port, plan_cluster_name(g->rows->arena, "outbound", port, "", s->svc->host));
		}
	}
}

void plan_route_rows(struct plan *p, struct plan_rows *rows)
{
	struct gather g = {.p = p, .rows = rows};
	uint32_t proxy_port = p->view->http_proxy_port;

	if (!proxy_port && p->snap->mesh->proxy_http_port > 0)
		proxy_port = (uint32_t)p->snap->mesh->proxy_http_port;
	map_init(&g.names, rows->arena);
	for (size_t i = 0; i < p->scope.n_egress; i++) {
		const struct scope_egress *e = &p->scope.egress[i];
		const struct route_index *x = index_of(p, e, rows->arena);

		if (p->view->type == PROXY_GRPC) {
			add_grpc_block(&g, x);
			continue;
		}
		if (!plan_is_open_block(e->spec)) {
			add_port_block(&g, x);
			continue;
		}
		add_default_block(&g, x);
		if (proxy_port)
			add_shared(&g, x, PLAN_RDS_HTTP_PROXY, 0);
	}
}
