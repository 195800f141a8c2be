/* SPDX-License-Identifier: Apache-2.0
 *
 * VirtualServices that want the same thing (istio-behaviour.md 1.2.4, 3.1). Where Istio takes the
 * first and says nothing, the one that loses is told to whom, and where.
 */
#include "mesh/snapshot_verdict_int.h"

#include <string.h>

#include "base/map.h"
#include "model/traffic.h"

/* Who has a host in the mesh: in single namespaces, and in all others. */
struct contest {
	const struct vs *public;	/* the oldest that everybody sees, or NULL */
	struct map by_ns;		/* namespace -> struct vs: the first of those for some only */
	const char *some_ns;		/* a namespace of by_ns, or NULL */
};

struct contests {
	struct judging *judging;
	struct arena *a;
	struct map http;		/* host -> struct contest */
	struct map tcp;			/* host -> struct vs: takes all connections */
	struct map tls;			/* host and match -> struct vs */
	struct map catch_all;		/* gateway and host -> struct vs */
};

/* ---- what is for everybody ---- */

static bool is_for_all(const struct http_match *m)
{
	return !m->port && !m->source_labels.n && !(m->source_namespace && *m->source_namespace) &&
	       (!m->gateways.n || strs_has(&m->gateways, "mesh"));
}

/* Has HTTP routes for every caller and port. */
static bool has_routes_for_all(const struct vs *vs)
{
	for (size_t i = 0; i < vs->n_http; i++) {
		if (!vs->http[i].n_match)
			return true;
		for (size_t k = 0; k < vs->http[i].n_match; k++)
			if (is_for_all(&vs->http[i].match[k]))
				return true;
	}
	return false;
}

static bool has_routes_for_port(const struct vs *vs, uint32_t port)
{
	for (size_t i = 0; i < vs->n_http; i++) {
		if (!vs->http[i].n_match)
			return true;
		for (size_t k = 0; k < vs->http[i].n_match; k++)
			if (!port || !vs->http[i].match[k].port || vs->http[i].match[k].port == port)
				return true;
	}
	return false;
}

/* On no port do both have routes. */
static bool meet_nowhere(const struct vs *x, const struct vs *y)
{
	for (size_t i = 0; i < x->n_http; i++) {
		if (!x->http[i].n_match)
			return !has_routes_for_port(y, 0);
		for (size_t k = 0; k < x->http[i].n_match; k++)
			if (has_routes_for_port(y, x->http[i].match[k].port))
				return false;
	}
	return true;
}

/* ---- hosts in the mesh, HTTP ---- */

/* In its own namespace, what is private there goes before what others export to it. */
static void enter_ns(struct contest *c, const char *ns, const struct vs *vs)
{
	void **slot = map_slot(&c->by_ns, ns);
	const struct vs *first = *slot;
	bool mine = vs->export_to.own && strcmp(vs->obj->ns, ns) == 0;

	if (!first || (mine && strcmp(first->obj->ns, ns) != 0))
		*slot = (void *)vs;
	c->some_ns = c->some_ns ? c->some_ns : ns;
}

static void enter_host(struct contests *g, const struct vs *vs, const char *host)
{
	void **slot = map_slot(&g->http, host);
	struct contest *c = *slot;

	if (!c) {
		c = arena_new(g->a, struct contest);
		map_init(&c->by_ns, g->judging->b->arena);
		*slot = c;
	}
	if (vs->export_to.all) {
		c->public = c->public ? c->public : vs;
		return;
	}
	if (vs->export_to.own)
		enter_ns(c, vs->obj->ns, vs);
	for (size_t i = 0; i < vs->export_to.ns.n; i++)
		enter_ns(c, vs->export_to.ns.v[i], vs);
}

static void lose_host(struct contests *g, const struct vs *vs, size_t h, enum verdict_state state, const struct vs *to,
		      const char *ns, size_t more)
{
	const char *where = "";

	if (meet_nowhere(vs, to))
		return;
	if (!has_routes_for_all(to)) {
		state = VERDICT_PARTLY;
		where = ", where that has routes";
	}
	if (ns)
		where = arena_printf(g->a, " in namespace %s%s%s", ns, more ? arena_printf(g->a, " and %zu more", more) : "", where);
	verdict_judge(g->judging, vs->obj, state, D_VS_HOST_SHADOWED, arena_printf(g->a, "spec.hosts[%zu]", h),
		      "%s is taken by VirtualService %s/%s%s", vs->hosts.v[h], to->obj->ns, to->obj->name, where);
}

/* The namespaces that vs is exported to by name, and its own. */
static struct strs namespaces_of(const struct vs *vs, struct arena *a)
{
	const char **v = arena_array(a, const char *, vs->export_to.ns.n + 1);
	size_t n = 0;

	if (vs->export_to.own)
		v[n++] = vs->obj->ns;
	for (size_t i = 0; i < vs->export_to.ns.n; i++)
		v[n++] = vs->export_to.ns.v[i];
	return (struct strs){v, n};
}

/* whole: what the verdict is when the host is lost wherever vs is seen. */
static void judge_host(struct contests *g, const struct vs *vs, size_t h, enum verdict_state whole)
{
	const struct contest *c = map_get(&g->http, vs->hosts.v[h]);
	const struct vs *to = NULL;
	const char *where = NULL;
	struct strs seen;
	size_t lost = 0;

	if (vs->export_to.all) {
		if (c->public != vs)
			lose_host(g, vs, h, whole, c->public, NULL, 0);
		else if (c->some_ns)
			lose_host(g, vs, h, VERDICT_PARTLY, map_get(&c->by_ns, c->some_ns), c->some_ns,
				  map_count(&c->by_ns) - 1);
		return;
	}
	seen = namespaces_of(vs, g->a);
	for (size_t i = 0; i < seen.n; i++) {
		const struct vs *first = map_get(&c->by_ns, seen.v[i]);

		if (first == vs)
			continue;
		lost++;
		where = where ? where : seen.v[i];
		to = to ? to : first;
	}
	if (lost)
		lose_host(g, vs, h, lost == seen.n ? whole : VERDICT_PARTLY, to, where, lost - 1);
}

static bool is_lost(const struct contests *g, const struct vs *vs, size_t h)
{
	const struct contest *c = map_get(&g->http, vs->hosts.v[h]);
	struct strs seen;

	if (vs->export_to.all)
		return c->public != vs;
	seen = namespaces_of(vs, g->a);
	for (size_t i = 0; i < seen.n; i++)
		if (map_get(&c->by_ns, seen.v[i]) == vs)
			return false;
	return true;
}

/* Shadowed is who loses all that he is there for. */
static void judge_http(struct contests *g, const struct vs *vs)
{
	bool all = vs->gateways.n == 1 && !vs->spec->n_tls && !vs->spec->n_tcp;

	for (size_t h = 0; h < vs->hosts.n && all; h++)
		all = is_lost(g, vs, h);
	for (size_t h = 0; h < vs->hosts.n; h++)
		judge_host(g, vs, h, all ? VERDICT_SHADOWED : VERDICT_PARTLY);
}

/* ---- hosts in the mesh, below HTTP: routes of all stand together, the first that fits counts ---- */

static bool tcp_takes_all(const struct tcp_route *r)
{
	for (size_t i = 0; i < r->n_match; i++) {
		const struct l4_match *m = &r->match[i];

		if (!m->destination_subnets.n && !m->port && !m->source_labels.n &&
		    !(m->source_namespace && *m->source_namespace) && (!m->gateways.n || strs_has(&m->gateways, "mesh")))
			return true;
	}
	return !r->n_match;
}

static void judge_tcp(struct contests *g, const struct vs *vs, size_t h)
{
	void **slot = map_slot(&g->tcp, vs->hosts.v[h]);
	const struct vs *owner = *slot;

	if (owner) {
		verdict_judge(g->judging, vs->obj, VERDICT_PARTLY, D_VS_HOST_SHADOWED, "spec.tcp",
			      "TCP to %s is taken by VirtualService %s/%s", vs->hosts.v[h], owner->obj->ns,
			      owner->obj->name);
		return;
	}
	for (size_t i = 0; i < vs->spec->n_tcp && !*slot; i++)
		if (tcp_takes_all(&vs->spec->tcp[i]))
			*slot = (void *)vs;
}

static const char *tls_key(const char *host, const struct tls_match *m, struct arena *a)
{
	const char *key = host;

	for (size_t i = 0; i < m->sni_hosts.n; i++)
		key = arena_printf(a, "%s %s", key, m->sni_hosts.v[i]);
	for (size_t i = 0; i < m->destination_subnets.n; i++)
		key = arena_printf(a, "%s/%s", key, m->destination_subnets.v[i]);
	return key;
}

static void judge_tls_match(struct contests *g, const struct vs *vs, size_t h, size_t route, size_t match)
{
	const struct tls_match *m = &vs->spec->tls[route].match[match];
	void **slot = map_slot(&g->tls, tls_key(vs->hosts.v[h], m, g->a));
	const struct vs *owner = *slot;

	if (owner && owner != vs)
		verdict_judge(g->judging, vs->obj, VERDICT_PARTLY, D_VS_HOST_SHADOWED,
			      arena_printf(g->a, "spec.tls[%zu].match[%zu]", route, match),
			      "TLS to %s with the same SNI is taken by VirtualService %s/%s", vs->hosts.v[h],
			      owner->obj->ns, owner->obj->name);
	else if (!m->port && !m->source_labels.n && !(m->source_namespace && *m->source_namespace) &&
		 (!m->gateways.n || strs_has(&m->gateways, "mesh")))
		*slot = (void *)vs;
}

static void judge_below_http(struct contests *g, const struct vs *vs)
{
	for (size_t h = 0; h < vs->hosts.n; h++) {
		if (vs->spec->n_tcp)
			judge_tcp(g, vs, h);
		for (size_t i = 0; i < vs->spec->n_tls; i++)
			for (size_t k = 0; k < vs->spec->tls[i].n_match; k++)
				judge_tls_match(g, vs, h, i, k);
	}
}

/* ---- at gateways: routes of all stand together, those that take everything last ---- */

static bool is_any(const struct http_match *m)
{
	return is_for_all(m) && !m->gateways.n && !m->scheme && !m->method && !m->authority && !m->n_headers &&
	       !m->n_without_headers && !m->n_query_params &&
	       (!m->uri || (m->uri->prefix && strcmp(m->uri->prefix, "/") == 0));
}

/* The route of vs that takes everything, or n_http. */
static size_t catch_all_of(const struct vs *vs)
{
	size_t i;

	for (i = 0; i < vs->n_http; i++) {
		if (!vs->http[i].n_match)
			return i;
		for (size_t k = 0; k < vs->http[i].n_match; k++)
			if (is_any(&vs->http[i].match[k]))
				return i;
	}
	return i;
}

/* Some server of the gateway ("ns/name") has the host. */
static bool gateway_serves(const struct contests *g, const char *gateway, const char *host)
{
	const char *slash = strchr(gateway, '/');
	const struct gw *gw = NULL;

	if (slash)
		gw = snapshot_gateway(g->judging->b->s, arena_strndup(g->a, gateway, (size_t)(slash - gateway)), slash + 1);
	for (size_t i = 0; gw && i < gw->spec->n_servers; i++) {
		const struct strs *hosts = &gw->spec->servers[i].hosts;

		for (size_t k = 0; k < hosts->n; k++) {
			const char *dns = strchr(hosts->v[k], '/');

			if (host_matches(dns ? dns + 1 : hosts->v[k], host))
				return true;
		}
	}
	return false;
}

static void judge_catch_all(struct contests *g, const struct vs *vs, size_t route)
{
	for (size_t i = 0; i < vs->gateways.n; i++)
		for (size_t h = 0; h < vs->hosts.n && strcmp(vs->gateways.v[i], "mesh") != 0; h++) {
			void **slot = map_slot(&g->catch_all, arena_printf(g->a, "%s %s", vs->gateways.v[i], vs->hosts.v[h]));
			const struct vs *owner = *slot;

			if (!owner)
				*slot = (void *)vs;
			else if (owner != vs && gateway_serves(g, vs->gateways.v[i], vs->hosts.v[h]))
				verdict_judge(g->judging, vs->obj, VERDICT_PARTLY, D_VS_CATCH_ALL_SHADOWED,
					      arena_printf(g->a, "spec.http[%zu]", route),
					      "at Gateway %s all other requests to %s go to VirtualService %s/%s",
					      vs->gateways.v[i], vs->hosts.v[h], owner->obj->ns, owner->obj->name);
		}
}

/* ---- all ---- */

/* Routes of the Gateway API do not compete: those of one namespace are merged, and which
 * namespace's count is a matter of the caller. */
static bool competes_in_mesh(const struct vs *vs)
{
	return vs->obj->kind == KIND_VIRTUAL_SERVICE && strs_has(&vs->gateways, "mesh");
}

void verdict_contests(struct judging *judging)
{
	const struct snapshot *s = judging->b->s;
	struct arena *a = judging->b->arena;
	struct contests g = {.judging = judging, .a = judging->arena};

	map_init(&g.http, a);
	map_init(&g.tcp, a);
	map_init(&g.tls, a);
	map_init(&g.catch_all, a);
	for (size_t i = 0; i < s->n_vss; i++)
		for (size_t h = 0; s->vss[i]->n_http && competes_in_mesh(s->vss[i]) && h < s->vss[i]->hosts.n; h++)
			enter_host(&g, s->vss[i], s->vss[i]->hosts.v[h]);
	for (size_t i = 0; i < s->n_vss; i++) {
		const struct vs *vs = s->vss[i];
		size_t catch_all = catch_all_of(vs);
		bool mesh = competes_in_mesh(vs);

		if (mesh && vs->n_http)
			judge_http(&g, vs);
		if (mesh && vs->export_to.all)
			judge_below_http(&g, vs);
		if (catch_all < vs->n_http && vs->obj->kind == KIND_VIRTUAL_SERVICE && vs->export_to.all)
			judge_catch_all(&g, vs, catch_all);
	}
}
