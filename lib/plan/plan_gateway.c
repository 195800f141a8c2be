/* SPDX-License-Identifier: Apache-2.0
 *
 * Gateways: the merge of all servers that a proxy serves (istio-behaviour.md 3.6), and the rows of
 * its listeners, routes and secrets.
 */
#include "plan/plan_gateway_int.h"

#include <string.h>

static const char translation_off[] = "experimental.istio.io/disable-gateway-port-translation";

/* ---- VirtualServices by gateway ---- */

/* 0 the view's own and private, 1 exported to it by name, 2 public, 3 not seen. */
static int vs_rank(const struct vs *vs, const struct view *v)
{
	if (!visibility_sees(&vs->export_to, vs->obj->ns, v->ns))
		return 3;
	if (vs->export_to.all)
		return 2;
	return strcmp(vs->obj->ns, v->ns) == 0 ? 0 : 1;
}

static struct hash128 vs_inputs(const struct plan *p, const struct vs *vs, struct arena *a)
{
	struct hash128 h = http_mix_inputs(p, vs, vs->part.hash);

	for (size_t i = 0; i < vs->spec->n_tcp; i++)
		for (size_t k = 0; k < vs->spec->tcp[i].n_route; k++)
			h = http_mix_destination(p, vs->spec->tcp[i].route[k].destination, vs->obj->ns, a, h);
	for (size_t i = 0; i < vs->spec->n_tls; i++)
		for (size_t k = 0; k < vs->spec->tls[i].n_route; k++)
			h = http_mix_destination(p, vs->spec->tls[i].route[k].destination, vs->obj->ns, a, h);
	return h;
}

static void bind_vs(const struct plan *p, struct gateways *g, const struct vs *vs, struct arena *a)
{
	struct bound_vs bv = {.vs = vs};
	bool known = false;

	for (size_t i = 0; i < vs->gateways.n; i++) {
		struct bound *b = map_get(&g->by_name, vs->gateways.v[i]);

		if (!b || (b->v.n && b->v.v[b->v.n - 1].vs == vs))
			continue;
		if (!known)
			bv.inputs = vs_inputs(p, vs, a);
		known = true;
		*vec_push(&b->v, a) = bv;
		b->inputs = hash_mix(b->inputs, bv.inputs);
	}
}

static void bind_all(const struct plan *p, struct gateways *g, struct arena *a)
{
	const struct snapshot *s = p->snap;

	map_init(&g->by_name, a);
	g->bound = arena_array(a, struct bound, p->view->n_gateways);
	for (size_t i = 0; i < p->view->n_gateways; i++) {
		const struct gw *gw = p->view->gateways[i];

		g->bound[i].gateway_name = arena_printf(a, "%s/%s", gw->ns, gw->name);
		map_set(&g->by_name, g->bound[i].gateway_name, &g->bound[i]);
	}
	if (!p->view->n_gateways)
		return;
	for (int rank = 0; rank < 3; rank++)
		for (size_t i = 0; i < s->n_vss; i++)
			if (vs_rank(s->vss[i], p->view) == rank)
				bind_vs(p, g, s->vss[i], a);
}

/* ---- hosts ---- */

static void set_hosts(struct gw_entry *e, struct arena *a)
{
	const struct strs *hosts = &e->claim.hosts;
	const char **out = arena_array(a, const char *, hosts->n);

	e->sni.v = out;
	for (size_t i = 0; i < hosts->n; i++) {
		const char *slash = strchr(hosts->v[i], '/');
		const char *h = slash ? slash + 1 : hosts->v[i];

		e->by_namespace |= slash != NULL;
		if (!strs_has(&e->sni, h))
			out[e->sni.n++] = h;
	}
}

/* ---- ports ---- */

struct ports {
	VEC(uint32_t) v;
};

/* The oldest of two services counts, then the one whose host is first. */
static bool is_before(const struct svc *x, const struct svc *y)
{
	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns;
	return strcmp(x->host, y->host) < 0;
}

/* The ports that a server listens on: where the gateway's own Services send its port to. A Gateway
 * that names its Service has no other port than that one's. */
static void resolve_ports(const struct view *v, const struct gw *gw, uint32_t number, struct ports *out,
			  struct arena *a)
{
	const char *service = view_serves(v, gw) ? gw->services : NULL;
	const struct view_target *first = NULL;

	for (size_t i = 0; i < v->n_targets; i++) {
		const struct view_target *t = &v->targets[i];

		if (t->port->port != number)
			continue;
		if (service && gateway_service_is(service, t->svc->host))
			*vec_push(&out->v, a) = t->target_port;
		else if (!service && !strmap_get(&t->svc->labels, translation_off) &&
			 (!first || is_before(t->svc, first->svc)))
			first = t;
	}
	if (!service)
		*vec_push(&out->v, a) = first ? first->target_port : number;
}

/* ---- merge ---- */

struct merge {
	const struct plan *p;
	struct gateways *g;
	struct arena *a;
	struct gateway_claims claims;
	struct map credentials;		/* SDS name -> a_cert or a_ca, whichever asked first */
};

static void report(struct merge *m, const struct gw_entry *e, const struct gateway_outcome *out)
{
	const char *text = out->host;

	if (!text)
		text = out->fault == GATEWAY_PORT_NAME_DUPLICATE ? e->claim.rds_name : arena_printf(m->a, "%u", e->claim.port);
	*vec_push(&m->g->findings, m->a) = (struct plan_gateway_finding){
	    .fault = out->fault, .obj = e->claim.gateway->obj, .server = e->index, .text = text};
}

static struct gw_group *port_of(struct merge *m, const struct gw_entry *e)
{
	const char *text = e->claim.server->port->protocol ? e->claim.server->port->protocol : "";
	const char *bind = e->claim.server->bind ? e->claim.server->bind : "";
	uint32_t port = e->claim.port;
	struct gw_group *gp;

	for (size_t i = 0; i < m->g->ports.n; i++) {
		gp = m->g->ports.v[i];
		if (gp->port == port && strcmp(gp->protocol_text, text) == 0 && strcmp(gp->bind, bind) == 0)
			return gp;
	}
	gp = arena_new(m->a, struct gw_group);
	gp->port = port;
	gp->protocol_text = text;
	gp->protocol = e->claim.protocol;
	gp->bind = bind;
	*vec_push(&m->g->ports, m->a) = gp;
	return gp;
}

static void add_routes(struct merge *m, const struct gw_entry *e)
{
	void **slot;
	struct gw_routes *r;

	if (!e->claim.rds_name)
		return;
	slot = map_slot(&m->g->routes, e->claim.rds_name);
	if (!*slot) {
		r = arena_new(m->a, struct gw_routes);
		r->name = e->claim.rds_name;
		*slot = r;
	}
	r = *slot;
	/* a server that listens on several ports has one set of routes */
	if (!r->entries.n || r->entries.v[r->entries.n - 1]->claim.server != e->claim.server)
		*vec_push(&r->entries, m->a) = e;
}

static void set_credentials(struct gw_entry *e, struct arena *a)
{
	const struct server_tls *t = e->claim.server->tls;

	if (!t || gateway_is_passthrough(e->claim.server) || t->mode == SERVER_TLS_ISTIO_MUTUAL || protocol_is_http(e->claim.protocol))
		return;
	e->certs = server_credentials(t, a);
	e->ca = server_ca_credential(t, a);
}

/* A secret is a certificate or a CA: Envoy refuses the one that asks for the other. A name that ends as those of CAs do is
 * one, as in Istio. */
static bool agrees(struct merge *m, const char *name, bool is_ca)
{
	static char a_cert, a_ca;
	void *is = is_ca ? &a_ca : &a_cert, **slot = map_slot(&m->credentials, name);

	if (!is_ca && credential_is_of_ca(name))
		return false;
	*slot = *slot ? *slot : is;
	return *slot == is;
}

/* The name that does not agree with what others ask for, or NULL. */
static const char *confused_secret(struct merge *m, const struct gw_entry *e)
{
	for (size_t i = 0; i < e->certs.n; i++)
		if (!agrees(m, e->certs.v[i], false))
			return e->certs.v[i];
	return e->ca && !agrees(m, e->ca, true) ? e->ca : NULL;
}

static void merge_entry(struct merge *m, struct gw_entry *e)
{
	struct gateway_outcome out = {.host = confused_secret(m, e)};

	if (out.host)
		out.fault = GATEWAY_SECRET_CONFUSED;
	else
		out = gateway_take(&m->claims, &e->claim);
	if (out.fault) {
		report(m, e, &out);
		return;
	}
	e->group = out.joins_plain ? ((const struct gw_entry *)out.owner)->group : port_of(m, e);
	if (!out.joins_plain && protocol_is_http(e->claim.protocol))
		e->group->rds_name = e->claim.rds_name;
	*vec_push(&e->group->entries, m->a) = e;
	add_routes(m, e);
}

static bool can_listen(const struct plan *p, const struct gw_server *s, uint32_t port)
{
	enum { FIRST_UNPRIVILEGED = 1024 };
	bool is_unix = s->bind && strncmp(s->bind, "unix://", 7) == 0;
	bool wildcard = !s->bind || !*s->bind || strcmp(s->bind, plan_wildcard(p->view)) == 0;

	return is_unix || ((port >= FIRST_UNPRIVILEGED || !p->view->unprivileged) &&
			   !(wildcard && plan_port_is_reserved(p, port)));
}

/* HTTP/3 is spoken beside HTTPS that ends here, where the switch is on and clients reach the port by UDP. */
static bool speaks_http3(const struct plan *p, const struct gateway_claim *claim)
{
	const struct view *v = p->view;

	if (!(v->features & FEATURE_QUIC) || !gateway_terminates_https(claim->protocol, claim->server) ||
	    (claim->server->bind && strncmp(claim->server->bind, "unix://", 7) == 0))
		return false;
	for (size_t i = 0; i < v->n_targets; i++) {
		const struct svc *svc = v->targets[i].svc;

		for (size_t k = 0; k < svc->n_ports; k++)
			if (svc->ports[k].protocol == PROTO_UDP && svc->ports[k].port == claim->server->port->number)
				return true;
	}
	return false;
}

static void merge_server(struct merge *m, const struct gw *gw, const struct bound *bound, size_t index)
{
	const struct gw_server *s = &gw->spec->servers[index];
	struct ports ports = {0};

	if (!s->port)
		return;
	resolve_ports(m->p->view, gw, s->port->number, &ports, m->a);
	for (size_t i = 0; i < ports.v.n; i++) {
		struct gw_entry *e = arena_new(m->a, struct gw_entry);

		if (!can_listen(m->p, s, ports.v.v[i]))
			continue;
		gateway_claim_init(&e->claim, gw, s, ports.v.v[i], m->a);
		e->index = index;
		set_hosts(e, m->a);
		e->http3 = speaks_http3(m->p, &e->claim);
		e->bound = bound;
		set_credentials(e, m->a);
		merge_entry(m, e);
	}
}

/* Ports that share an address and number are chains of one listener. */
static void add_listener(struct merge *m, const struct gw_group *gp)
{
	const char *ip = *gp->bind ? gp->bind : plan_wildcard(m->p->view);
	const char *name = arena_printf(m->a, "%s_%u", ip, gp->port);
	struct gw_listener *l = NULL;

	for (size_t i = 0; i < m->g->listeners.n; i++)
		if (strcmp(m->g->listeners.v[i]->name, name) == 0)
			l = m->g->listeners.v[i];
	if (!l) {
		l = arena_new(m->a, struct gw_listener);
		l->name = name;
		l->ip = ip;
		l->port = gp->port;
		*vec_push(&m->g->listeners, m->a) = l;
	}
	*vec_push(&l->ports, m->a) = gp;
}

static struct hash128 common_inputs(const struct plan *p)
{
	struct hash128 h = hash_mix_str(p->snap->objects.mesh_hash, p->snap->domain);

	h = hash_mix(hash_mix_str(h, p->view->ns), p->view->config_hash);
	for (size_t i = 0; i < p->view->labels.n; i++)
		h = hash_mix_str(hash_mix_str(h, p->view->labels.v[i].key), p->view->labels.v[i].value);
	return h;
}

struct gateways *gateways_merge(const struct plan *p, struct arena *a)
{
	struct gateways *g = arena_new(a, struct gateways);
	struct merge m = {.p = p, .g = g, .a = a};

	gateway_claims_init(&m.claims, a);
	map_init(&m.credentials, a);
	map_init(&g->routes, a);
	g->base = common_inputs(p);
	bind_all(p, g, a);
	for (size_t i = 0; i < p->view->n_gateways; i++)
		for (size_t k = 0; k < p->view->gateways[i]->spec->n_servers; k++)
			merge_server(&m, p->view->gateways[i], &g->bound[i], k);
	for (size_t i = 0; i < g->ports.n; i++)
		add_listener(&m, g->ports.v[i]);
	return g;
}

/* ---- rows ---- */

static void add_listener_row(struct plan *p, const struct gw_listener *l, struct plan_rows *rows)
{
	if (!gateway_listener_has_chains(p, l, rows->arena))
		return;
	*vec_push(&rows->v, rows->arena) = (struct plan_row){.type = IR_LISTENER,
							     .name = l->name,
							     .inputs = gateway_listener_inputs(p, l, rows->arena),
							     .expand = gateway_listener_expand,
							     .ref = l};
}

static void add_listener_rows(struct plan *p, struct gateways *g, struct plan_rows *rows)
{
	for (size_t i = 0; i < g->listeners.n; i++) {
		struct gw_listener *twin = arena_copy(rows->arena, g->listeners.v[i], sizeof(*twin));

		add_listener_row(p, g->listeners.v[i], rows);
		twin->name = arena_printf(rows->arena, "udp_%s", twin->name);
		twin->quic = true;
		add_listener_row(p, twin, rows);
	}
}

static void add_route_rows(struct gateways *g, struct plan_rows *rows)
{
	size_t n;
	struct map_pair *all = map_sorted(&g->routes, &n, rows->arena);

	for (size_t i = 0; i < n; i++) {
		const struct gw_routes *r = all[i].value;
		struct hash128 h = hash_mix_str(g->base, r->name);

		for (size_t k = 0; k < r->entries.n; k++) {
			h = hash_mix(h, r->entries.v[k]->claim.gateway->part.hash);
			h = hash_mix_u64(h, (uint64_t)r->entries.v[k]->index << 1 | (uint64_t)r->entries.v[k]->http3);
			h = hash_mix(h, r->entries.v[k]->bound->inputs);
		}
		*vec_push(&rows->v, rows->arena) = (struct plan_row){.type = IR_ROUTES,
								     .name = r->name,
								     .inputs = h,
								     .expand = gateway_route_expand,
								     .ref = r};
	}
}

void plan_gateway_rows(struct plan *p, struct plan_rows *rows)
{
	struct gateways *g = gateways_merge(p, rows->arena);

	p->gateway = g;
	add_listener_rows(p, g, rows);
	add_route_rows(g, rows);
	plan_secret_rows(p, g, rows);
}

size_t plan_gateway_findings(const struct plan *p, const struct plan_gateway_finding **out)
{
	const struct gateways *g = p->gateway;

	*out = g ? g->findings.v : NULL;
	return g ? g->findings.n : 0;
}
