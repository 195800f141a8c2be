/* SPDX-License-Identifier: Apache-2.0
 *
 * Gateways: the merge of all servers that a proxy serves (istio-behaviour.md 3.6), and the rows of
 * its listeners, routes and secrets.
 */
#include "plan/plan_gateway_int.h"

#include <string.h>

static const char translation_off[] = "experimental.istio.io/disable-gateway-port-translation";

bool gw_is_passthrough(const struct gw_server *s)
{
	return s->tls && (s->tls->mode == SERVER_TLS_PASSTHROUGH || s->tls->mode == SERVER_TLS_AUTO_PASSTHROUGH);
}

bool gw_terminates_https(const struct gw_entry *e)
{
	return e->protocol == PROTO_HTTPS && e->server->tls && !gw_is_passthrough(e->server);
}

static bool speaks_http(const struct gw_entry *e)
{
	return protocol_is_http(e->protocol) || gw_terminates_https(e);
}

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
		struct bound *b = map_get(&g->bound, vs->gateways.v[i]);

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

	map_init(&g->bound, a);
	for (size_t i = 0; i < p->view->n_gateways; i++) {
		const struct object *gw = p->view->gateways[i];

		map_set(&g->bound, arena_printf(a, "%s/%s", gw->ns, gw->name), arena_new(a, struct bound));
	}
	if (!p->view->n_gateways)
		return;
	for (int rank = 0; rank < 3; rank++)
		for (size_t i = 0; i < s->n_vss; i++)
			if (vs_rank(s->vss[i], p->view) == rank)
				bind_vs(p, g, s->vss[i], a);
}

/* ---- hosts ---- */

/* "./h" is "<ns>/h", any namespace's is "h", and "all of them" is "*" alone. */
static struct strs hosts_of(const struct strs *in, const char *ns, struct arena *a)
{
	const char **out = arena_array(a, const char *, in->n);

	for (size_t i = 0; i < in->n; i++) {
		const char *h = in->v[i];

		if (strcmp(h, "*/*") == 0) {
			out[0] = "*";
			return (struct strs){.v = out, .n = 1};
		}
		if (strncmp(h, "./", 2) == 0)
			out[i] = arena_printf(a, "%s/%s", ns, h + 2);
		else
			out[i] = strncmp(h, "*/", 2) == 0 ? h + 2 : h;
	}
	return (struct strs){.v = out, .n = in->n};
}

static struct strs sni_of(const struct strs *hosts, struct arena *a)
{
	const char **out = arena_array(a, const char *, hosts->n);
	struct strs s = {.v = out};

	for (size_t i = 0; i < hosts->n; i++) {
		const char *slash = strchr(hosts->v[i], '/');
		const char *h = slash ? slash + 1 : hosts->v[i];

		if (!strs_has(&s, h))
			out[s.n++] = h;
	}
	return s;
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
static void resolve_ports(const struct view *v, const struct object *gw, uint32_t number, struct ports *out,
			  struct arena *a)
{
	const char *service = gateway_service(gw);
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
	struct map used;		/* "port" */
	struct map plain;		/* "port" -> struct gw_group of the first plain-text server */
	struct map tls_binds;		/* "port bind" of later servers beside TLS */
	struct map tls_hosts;		/* "port host" -> bind */
};

static void report(struct merge *m, const struct gw_entry *e, enum plan_gateway_fault fault, const char *text)
{
	*vec_push(&m->g->findings, m->a) =
	    (struct plan_gateway_finding){.fault = fault, .obj = e->gateway, .server = e->index, .text = text};
}

/* A host may be served once a port and bind, as chains are told apart by it. */
static bool take_tls_hosts(struct merge *m, const struct gw_entry *e, uint32_t port, const char *bind)
{
	for (size_t i = 0; i < e->hosts.n; i++) {
		const char *at = map_get(&m->tls_hosts, arena_printf(m->a, "%u %s", port, e->hosts.v[i]));

		if (at && strcmp(at, bind) == 0) {
			report(m, e, GATEWAY_HOST_DUPLICATE, e->hosts.v[i]);
			return false;
		}
	}
	for (size_t i = 0; i < e->hosts.n; i++)
		map_set(&m->tls_hosts, arena_printf(m->a, "%u %s", port, e->hosts.v[i]), arena_strdup(m->a, bind));
	return true;
}

static struct gw_group *port_of(struct merge *m, const struct gw_entry *e, uint32_t port, const char *bind)
{
	const char *text = e->server->port->protocol ? e->server->port->protocol : "";
	struct gw_group *gp;

	for (size_t i = 0; i < m->g->ports.n; i++) {
		gp = m->g->ports.v[i];
		if (gp->port == port && strcmp(gp->protocol_text, text) == 0 && strcmp(gp->bind, bind) == 0)
			return gp;
	}
	gp = arena_new(m->a, struct gw_group);
	gp->port = port;
	gp->protocol_text = text;
	gp->protocol = e->protocol;
	gp->bind = bind;
	*vec_push(&m->g->ports, m->a) = gp;
	return gp;
}

static void add_routes(struct merge *m, const struct gw_entry *e)
{
	void **slot;
	struct gw_routes *r;

	if (!e->rds_name)
		return;
	slot = map_slot(&m->g->routes, e->rds_name);
	if (!*slot) {
		r = arena_new(m->a, struct gw_routes);
		r->name = e->rds_name;
		*slot = r;
	}
	r = *slot;
	/* a server that listens on several ports has one set of routes */
	if (!r->entries.n || r->entries.v[r->entries.n - 1]->server != e->server)
		*vec_push(&r->entries, m->a) = e;
}

static void add_entry(struct merge *m, struct gw_group *gp, const struct gw_entry *e)
{
	*vec_push(&gp->entries, m->a) = e;
	add_routes(m, e);
}

/* Beside a plain-text server: HTTP joins HTTP; another bind is another listener. */
static void merge_plain(struct merge *m, struct gw_group *plain, const struct gw_entry *e, uint32_t port, const char *bind)
{
	struct gw_group *gp;

	if (strcmp(plain->bind, bind) == 0) {
		if (!protocol_is_http(plain->protocol) || !protocol_is_http(e->protocol))
			report(m, e, GATEWAY_PORT_CONFLICT, arena_printf(m->a, "%u", port));
		else
			add_entry(m, plain, e);
		return;
	}
	gp = port_of(m, e, port, bind);
	gp->rds_name = e->rds_name;
	add_entry(m, gp, e);
}

/* Beside TLS servers: told apart by SNI, each HTTPS server has routes of its own. */
static void merge_tls(struct merge *m, const struct gw_entry *e, uint32_t port, const char *bind)
{
	struct gw_group *gp;

	if (speaks_http(e) && map_get(&m->g->routes, e->rds_name)) {
		report(m, e, GATEWAY_PORT_NAME_DUPLICATE, e->rds_name);
		return;
	}
	if (map_set(&m->tls_binds, arena_printf(m->a, "%u %s", port, bind), m) && !e->server->tls) {
		report(m, e, GATEWAY_TLS_MISSING, arena_printf(m->a, "%u", port));
		return;
	}
	gp = port_of(m, e, port, bind);
	if (protocol_is_http(e->protocol))
		gp->rds_name = e->rds_name;
	add_entry(m, gp, e);
}

static void merge_entry(struct merge *m, const struct gw_entry *e, uint32_t port)
{
	const char *bind = e->server->bind ? e->server->bind : "";
	const char *key = arena_printf(m->a, "%u", port);
	struct gw_group *gp = map_get(&m->plain, key);

	if (e->server->tls && !take_tls_hosts(m, e, port, bind))
		return;
	if (map_get(&m->used, key)) {
		if (gp)
			merge_plain(m, gp, e, port, bind);
		else
			merge_tls(m, e, port, bind);
		return;
	}
	map_set(&m->used, key, m);
	gp = port_of(m, e, port, bind);
	gp->rds_name = e->rds_name;
	if (!e->server->tls || protocol_is_http(e->protocol))
		map_set(&m->plain, key, gp);
	add_entry(m, gp, e);
}

static const char *rds_name(const struct gw_entry *e, uint32_t port, struct arena *a)
{
	const struct gw_server *s = e->server;
	bool has_bind = s->bind && *s->bind;

	if (protocol_is_http(e->protocol))
		return arena_printf(a, "http.%u%s%s", port, has_bind ? "." : "", has_bind ? s->bind : "");
	if (gw_terminates_https(e))
		return arena_printf(a, "https.%u.%s.%s.%s%s%s", s->port->number, s->port->name ? s->port->name : "",
				    e->gateway->name, e->gateway->ns, has_bind ? "." : "", has_bind ? s->bind : "");
	return NULL;
}

static bool can_listen(const struct plan *p, const struct gw_server *s, uint32_t port)
{
	enum { FIRST_UNPRIVILEGED = 1024 };
	bool is_unix = s->bind && strncmp(s->bind, "unix://", 7) == 0;
	bool wildcard = !s->bind || !*s->bind || strcmp(s->bind, plan_wildcard(p->view)) == 0;

	return is_unix || ((port >= FIRST_UNPRIVILEGED || !p->view->unprivileged) &&
			   !(wildcard && plan_port_is_reserved(p, port)));
}

static void merge_server(struct merge *m, const struct object *gw, size_t index)
{
	const struct gw_server *s = &object_spec(gw, gateway)->servers[index];
	struct ports ports = {0};

	if (!s->port)
		return;
	resolve_ports(m->p->view, gw, s->port->number, &ports, m->a);
	for (size_t i = 0; i < ports.v.n; i++) {
		struct gw_entry *e = arena_new(m->a, struct gw_entry);

		if (!can_listen(m->p, s, ports.v.v[i]))
			continue;
		e->gateway = gw;
		e->gateway_name = arena_printf(m->a, "%s/%s", gw->ns, gw->name);
		e->server = s;
		e->index = index;
		e->protocol = protocol_parse(s->port->protocol ? s->port->protocol : "");
		e->hosts = hosts_of(&s->hosts, gw->ns, m->a);
		e->sni = sni_of(&e->hosts, m->a);
		e->rds_name = rds_name(e, ports.v.v[i], m->a);
		e->bound = map_get(&m->g->bound, e->gateway_name);
		merge_entry(m, e, ports.v.v[i]);
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

	map_init(&m.used, a);
	map_init(&m.plain, a);
	map_init(&m.tls_binds, a);
	map_init(&m.tls_hosts, a);
	map_init(&g->routes, a);
	g->base = common_inputs(p);
	bind_all(p, g, a);
	for (size_t i = 0; i < p->view->n_gateways; i++)
		for (size_t k = 0; k < object_spec(p->view->gateways[i], gateway)->n_servers; k++)
			merge_server(&m, p->view->gateways[i], k);
	for (size_t i = 0; i < g->ports.n; i++)
		add_listener(&m, g->ports.v[i]);
	return g;
}

/* ---- rows ---- */

static void add_listener_rows(struct plan *p, struct gateways *g, struct plan_rows *rows)
{
	for (size_t i = 0; i < g->listeners.n; i++) {
		const struct gw_listener *l = g->listeners.v[i];

		if (!gateway_listener_has_chains(p, l, rows->arena))
			continue;
		*vec_push(&rows->v, rows->arena) =
		    (struct plan_row){.type = IR_LISTENER,
				      .name = l->name,
				      .inputs = gateway_listener_inputs(p, l),
				      .expand = gateway_listener_expand,
				      .ref = l};
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
			h = hash_mix(h, r->entries.v[k]->gateway->hash);
			h = hash_mix_u64(h, r->entries.v[k]->index);
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
