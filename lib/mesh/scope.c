/* SPDX-License-Identifier: Apache-2.0
 *
 * What a view sees: exportTo, the Sidecar's imports, the DestinationRule in force
 * (istio-behaviour.md 3.1-3.4).
 */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "mesh/proxy.h"
#include "model/traffic.h"

/* ---- DestinationRule ---- */

/* The rules of a namespace: [*first, *first + n); those of wildcard hosts come first. */
static size_t rules_in(const struct snapshot *s, const char *ns, size_t *first)
{
	size_t lo = 0, hi = s->n_drs, end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->drs[mid]->ns, ns) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*first = end = lo;
	hi = s->n_drs;
	while (end < hi) {
		size_t mid = end + (hi - end) / 2;

		if (strcmp(s->drs[mid]->ns, ns) <= 0)
			end = mid + 1;
		else
			hi = mid;
	}
	return end - lo;
}

/* Which rules of a namespace a look-up is among. */
enum rules { RULES_LOCAL, RULES_PRIVATE, RULES_EXPORTED };

static bool is_among(const struct dr *dr, enum rules among)
{
	switch (among) {
	case RULES_LOCAL:
		return visibility_sees(&dr->export_to, dr->ns, dr->ns);
	case RULES_PRIVATE:
		return visibility_is_private(&dr->export_to, dr->ns);
	case RULES_EXPORTED:
		break;
	}
	return !visibility_is_private(&dr->export_to, dr->ns);
}

struct lookup {
	const struct snapshot *s;
	const struct view *v;
	const char *host;
	bool inbound;		/* rules by workload are left out */
};

/* Among the rules of the host that stands at index i, by workload first, the one in force. False: none
 * of them is for the view's namespace; else others are not asked, even when *out is NULL. */
static bool choose(const struct lookup *l, size_t i, size_t end, enum rules among, const struct dr **out)
{
	const struct snapshot *s = l->s;
	const char *host = s->drs[i]->host;
	bool found = false;

	*out = NULL;
	for (; i < end && strcmp(s->drs[i]->host, host) == 0; i++) {
		const struct dr *dr = s->drs[i];

		if (!is_among(dr, among) || !visibility_sees(&dr->export_to, dr->ns, l->v->ns))
			continue;
		found = true;
		if (!dr->has_selector) {
			*out = *out ? *out : dr;
		} else if (!l->inbound && labels_match(&dr->workload_selector, &l->v->labels)) {
			*out = dr;
			return true;
		}
	}
	return found;
}

/* Exact host, else the most specific wildcard, among the rules of one namespace; as choose. */
static bool rule_of(const struct lookup *l, const char *ns, enum rules among, const struct dr **out)
{
	const struct snapshot *s = l->s;
	size_t first, n = rules_in(s, ns, &first), end = first + n, lo = first, hi = end, best = end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->drs[mid]->host, l->host) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i < end && strcmp(s->drs[i]->host, l->host) == 0; i++)
		if (is_among(s->drs[i], among))
			return choose(l, lo, end, among, out);
	for (size_t i = first; i < end && host_is_wildcard(s->drs[i]->host); i++) {
		const struct dr *dr = s->drs[i];

		if (is_among(dr, among) && host_subset_of(l->host, dr->host) &&
		    (best == end || host_compare_specific(dr->host, s->drs[best]->host) < 0))
			best = i;
	}
	if (best == end)
		return false;
	while (best > first && strcmp(s->drs[best - 1]->host, s->drs[best]->host) == 0)
		best--;
	return choose(l, best, end, among, out);
}

static const struct dr *look_up(const struct lookup *l, const char *svc_ns)
{
	const char *root = l->s->mesh->root_namespace;
	bool is_root = strcmp(l->v->ns, root) == 0;
	const struct dr *dr;

	if (rule_of(l, l->v->ns, is_root ? RULES_PRIVATE : RULES_LOCAL, &dr))
		return dr;
	if (rule_of(l, svc_ns, RULES_EXPORTED, &dr))
		return dr;
	return rule_of(l, root, RULES_EXPORTED, &dr) ? dr : NULL;
}

const struct dr *scope_rule(const struct snapshot *s, const struct view *v, const struct svc *svc)
{
	return look_up(&(struct lookup){s, v, svc->host, false}, svc->ns);
}

const struct dr *scope_rule_inbound(const struct snapshot *s, const struct view *v, const struct svc *svc)
{
	return look_up(&(struct lookup){s, v, svc->host, true}, svc->ns);
}

/* ---- imports of a Sidecar ---- */

struct import {
	const char *ns;		/* "*" = any */
	const char *host;
	bool exclude;
};

struct imports {
	struct import *v;
	size_t n;
};

static struct imports parse_imports(const struct sidecar_egress *e, const char *own_ns, struct arena *a)
{
	struct imports im = {.v = arena_array(a, struct import, e->hosts.n)};

	for (size_t i = 0; i < e->hosts.n; i++) {
		const char *text = e->hosts.v[i], *slash = strchr(text, '/');
		struct import *to = &im.v[im.n];

		if (!slash)
			continue;
		to->exclude = *text == '~';
		text += to->exclude;
		to->ns = arena_strndup(a, text, (size_t)(slash - text));
		if (strcmp(to->ns, ".") == 0)
			to->ns = own_ns;
		else if (!*to->ns)
			to->ns = "*";
		to->host = slash + 1;
		im.n++;
	}
	return im;
}

static bool import_is_about(const struct import *im, const char *ns)
{
	return strcmp(im->ns, "*") == 0 || strcmp(im->ns, ns) == 0;
}

static bool imports_svc(const struct imports *im, const struct svc *svc)
{
	bool in = false;

	for (size_t i = 0; i < im->n; i++) {
		if (!import_is_about(&im->v[i], svc->ns) || !host_subset_of(svc->host, im->v[i].host))
			continue;
		if (im->v[i].exclude)
			return false;
		in = true;
	}
	return in;
}

static bool imports_vs(const struct imports *im, const struct vs *vs)
{
	for (size_t h = 0; h < vs->hosts.n; h++) {
		bool in = false, out = false;

		for (size_t i = 0; i < im->n; i++) {
			if (!import_is_about(&im->v[i], vs->obj->ns))
				continue;
			if (im->v[i].exclude)
				out = out || host_subset_of(vs->hosts.v[h], im->v[i].host);
			else
				in = in || host_matches(vs->hosts.v[h], im->v[i].host);
		}
		if (in && !out)
			return true;
	}
	return false;
}

/* ---- services ---- */

struct scoping {
	const struct snapshot *s;
	const struct view *v;
	struct arena *arena;
	VEC(struct scope_svc) all;	/* union over the egress blocks */
};

/* How good svc is among those of its host; less is better, the order of the snapshot breaks ties. */
static int rank(const struct scoping *g, const struct svc *svc, bool has_sidecar)
{
	bool own = strcmp(svc->ns, g->v->ns) == 0;

	if (has_sidecar)
		return own ? 0 : svc->is_kube ? 1 : 2;
	if (svc->is_kube)
		return 0;
	return svc->export_to.all ? 3 : own ? 1 : 2;
}

static bool sees(const struct scoping *g, const struct svc *svc)
{
	return visibility_sees(&svc->export_to, svc->ns, g->v->ns);
}

/* The best of svcs [i, end), which have one host, or end. */
static size_t pick(const struct scoping *g, size_t i, size_t end, const struct imports *im)
{
	size_t best = end;

	for (; i < end; i++)
		if (sees(g, g->s->svcs[i]) && (!im || imports_svc(im, g->s->svcs[i])) &&
		    (best == end || rank(g, g->s->svcs[i], im) < rank(g, g->s->svcs[best], im)))
			best = i;
	return best;
}

static struct scope_svc scope_svc_of(const struct scoping *g, size_t i)
{
	const struct svc *svc = g->s->svcs[i];

	return (struct scope_svc){.svc = svc,
				  .eps = g->s->eps[i],
				  .dr = scope_rule(g->s, g->v, svc),
				  .ports = svc->ports,
				  .n_ports = svc->n_ports};
}

static bool has_port(const struct scope_svc *x, uint32_t port)
{
	for (size_t i = 0; i < x->n_ports; i++)
		if (x->ports[i].port == port)
			return true;
	return false;
}

/* Keeps the ports of x that stand in ports. */
static void trim_ports(struct scope_svc *x, const uint32_t *ports, size_t n, struct arena *a)
{
	struct svc_port *v = arena_array(a, struct svc_port, x->n_ports);
	size_t kept = 0;

	for (size_t i = 0; i < x->n_ports; i++)
		for (size_t j = 0; j < n; j++)
			if (x->ports[i].port == ports[j]) {
				v[kept++] = x->ports[i];
				break;
			}
	x->ports = v;
	x->n_ports = kept;
}

/* The ports of either, in the order of the service. */
static void join_ports(struct scope_svc *x, const struct scope_svc *y, struct arena *a)
{
	struct svc_port *v;
	size_t n = 0;

	if (x->n_ports == x->svc->n_ports)
		return;
	v = arena_array(a, struct svc_port, x->svc->n_ports);
	for (size_t i = 0; i < x->svc->n_ports; i++)
		if (has_port(x, x->svc->ports[i].port) || has_port(y, x->svc->ports[i].port))
			v[n++] = x->svc->ports[i];
	x->ports = v;
	x->n_ports = n;
}

static int compare_hosts(const void *a, const void *b)
{
	return strcmp(((const struct scope_svc *)a)->svc->host, ((const struct scope_svc *)b)->svc->host);
}

static struct scope_svc *find_in(struct scope_svc *v, size_t n, const char *host)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(v[mid].svc->host, host);

		if (c == 0)
			return &v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* Adds to the union, of which the first n_sorted are searched: the callers add each host once. A
 * host that is there keeps its service and gains ports. */
static void add_to_all(struct scoping *g, const struct scope_svc *x, size_t n_sorted)
{
	struct scope_svc *have = find_in(g->all.v, n_sorted, x->svc->host);

	if (!have)
		*vec_push(&g->all, g->arena) = *x;
	else if (have->svc == x->svc)
		join_ports(have, x, g->arena);
}

static void sort_all(struct scoping *g)
{
	if (g->all.n)
		qsort(g->all.v, g->all.n, sizeof(g->all.v[0]), compare_hosts);
}

/* The services of one egress block (im NULL: all that are visible), by host. */
static void egress_svcs(struct scoping *g, const struct imports *im, const struct sidecar_egress *spec,
			struct scope_egress *out)
{
	const struct snapshot *s = g->s;
	const struct sidecar_port *port = spec ? spec->port : NULL;
	bool one_port = port && port->number && protocol_parse(port->protocol) != PROTO_HTTP_PROXY;
	VEC(struct scope_svc) v = {0};

	for (size_t i = 0, end; i < s->n_svcs; i = end) {
		struct scope_svc x;
		size_t best;

		for (end = i + 1; end < s->n_svcs && strcmp(s->svcs[end]->host, s->svcs[i]->host) == 0; end++)
			;
		best = pick(g, i, end, im);
		if (best == end)
			continue;
		x = scope_svc_of(g, best);
		if (one_port) {
			trim_ports(&x, &port->number, 1, g->arena);
			if (x.n_ports == 0)
				continue;
		}
		*vec_push(&v, g->arena) = x;
	}
	out->svcs = v.v;
	out->n_svcs = v.n;
}

/* ---- VirtualServices ---- */

/* 0 private to the view's namespace, 1 exported to it by name, 2 public routes of the Gateway API of it, 3 other public
 * ones, -1 not seen */
static int class_of(const struct vs *vs, const char *ns)
{
	if (!visibility_sees(&vs->export_to, vs->obj->ns, ns))
		return -1;
	if (vs->export_to.all)
		return vs->semantics == ROUTE_GATEWAY && strcmp(vs->obj->ns, ns) == 0 ? 2 : 3;
	return vs->export_to.own && strcmp(vs->obj->ns, ns) == 0 ? 0 : 1;
}

static void egress_vss(struct scoping *g, const struct imports *im, struct scope_egress *out)
{
	const struct snapshot *s = g->s;
	bool mesh_only = g->v->type != PROXY_ROUTER;
	VEC(const struct vs *) v = {0};

	for (int class = 0; class < 4; class++)
		for (size_t i = 0; i < s->n_vss; i++)
			if (class_of(s->vss[i], g->v->ns) == class &&
			    (!mesh_only || strs_has(&s->vss[i]->gateways, "mesh")) && (!im || imports_vs(im, s->vss[i])))
				*vec_push(&v, g->arena) = s->vss[i];
	out->vss = v.v;
	out->n_vss = v.n;
}

/* ---- what routes lead to is reachable even when it is not imported ---- */

struct wanted {
	const char *host;
	uint32_t port;		/* 0 = all */
};

struct wanted_vec {
	VEC(struct wanted) v;
};

static void want(struct scoping *g, const struct vs *vs, const struct destination *d, struct wanted_vec *w)
{
	if (d && d->host)
		*vec_push(&w->v, g->arena) = (struct wanted){host_resolve(d->host, vs->obj->ns, g->s->domain, g->arena),
							     d->port ? d->port->number : 0};
}

/* Routes for other callers lead nowhere here. */
static bool is_for_view(const struct http_route *r, const struct view *v)
{
	if (r->n_match == 0)
		return true;
	for (size_t i = 0; i < r->n_match; i++) {
		const struct http_match *m = &r->match[i];

		if ((!m->source_namespace || !*m->source_namespace || strcmp(m->source_namespace, v->ns) == 0) &&
		    labels_match(&m->source_labels, &v->labels))
			return true;
	}
	return false;
}

static void want_destinations(struct scoping *g, const struct vs *vs, struct wanted_vec *w)
{
	for (size_t i = 0; i < vs->n_http; i++) {
		const struct http_route *r = &vs->http[i];

		if (!is_for_view(r, g->v))
			continue;
		for (size_t j = 0; j < r->n_route; j++)
			want(g, vs, r->route[j].destination, w);
		want(g, vs, r->mirror, w);
		for (size_t j = 0; j < r->n_mirrors; j++)
			want(g, vs, r->mirrors[j].destination, w);
	}
	for (size_t i = 0; i < vs->spec->n_tls; i++)
		for (size_t j = 0; j < vs->spec->tls[i].n_route; j++)
			want(g, vs, vs->spec->tls[i].route[j].destination, w);
	for (size_t i = 0; i < vs->spec->n_tcp; i++)
		for (size_t j = 0; j < vs->spec->tcp[i].n_route; j++)
			want(g, vs, vs->spec->tcp[i].route[j].destination, w);
}

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;
	int c = strcmp(x->host, y->host);

	return c ? c : (x->port > y->port) - (x->port < y->port);
}

/* The visible service of a host: the view's namespace first. */
static size_t pick_of_host(const struct scoping *g, const char *host, size_t *end)
{
	size_t first, n = snapshot_svcs_of(g->s, host, &first), best;

	*end = best = first + n;
	for (size_t i = first; i < first + n; i++)
		if (sees(g, g->s->svcs[i]) &&
		    (best == *end || rank(g, g->s->svcs[i], true) < rank(g, g->s->svcs[best], true)))
			best = i;
	return best;
}

static void pull_destinations(struct scoping *g, const struct scope_egress *egress, size_t n)
{
	struct wanted_vec w = {0};
	size_t n_sorted = g->all.n;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < egress[i].n_vss; j++)
			want_destinations(g, egress[i].vss[j], &w);
	if (w.v.n)
		qsort(w.v.v, w.v.n, sizeof(w.v.v[0]), compare_wanted);
	for (size_t i = 0, end; i < w.v.n; i = end) {
		size_t past, best = pick_of_host(g, w.v.v[i].host, &past);
		struct scope_svc x;
		uint32_t *ports;

		for (end = i + 1; end < w.v.n && strcmp(w.v.v[end].host, w.v.v[i].host) == 0; end++)
			;
		if (best == past)
			continue;
		x = scope_svc_of(g, best);
		if (w.v.v[i].port) {	/* 0 sorts first: then all ports */
			ports = arena_array(g->arena, uint32_t, end - i);
			for (size_t j = i; j < end; j++)
				ports[j - i] = w.v.v[j].port;
			trim_ports(&x, ports, end - i, g->arena);
		}
		if (x.n_ports)
			add_to_all(g, &x, n_sorted);
	}
	sort_all(g);
}

/* ---- the whole ---- */

static void set_policy(const struct snapshot *s, const struct sidecar *spec, struct scope *out)
{
	const struct outbound_policy *own = spec ? spec->outbound_traffic_policy : NULL;
	const struct mesh_outbound *mesh = s->mesh->outbound_traffic_policy;

	if (own) {
		out->registry_only = own->mode == OUTBOUND_REGISTRY_ONLY;
		out->dynamic_dns = own->mode == OUTBOUND_ALLOW_ANY_DYNAMIC_DNS;
		out->egress_proxy = own->egress_proxy;
	} else {
		out->registry_only = mesh && mesh->mode == MESH_OUTBOUND_REGISTRY_ONLY;
		out->dynamic_dns = mesh && mesh->mode == MESH_OUTBOUND_ALLOW_ANY_DYNAMIC_DNS;
	}
}

static void find_dynamic(struct scope *out, struct arena *a)
{
	VEC(const struct scope_svc *) v = {0};

	for (size_t i = 0; i < out->n_svcs; i++)
		if (out->svcs[i].svc->resolution == SVC_DYNAMIC_DNS)
			*vec_push(&v, a) = &out->svcs[i];
	out->dynamic = v.v;
	out->n_dynamic = v.n;
}

void scope_build(const struct snapshot *s, const struct view *v, struct arena *a, struct scope *out)
{
	const struct sidecar *spec = v->sidecar ? object_spec(v->sidecar, sidecar) : NULL;
	struct scoping g = {.s = s, .v = v, .arena = a};
	size_t n = spec && spec->n_egress ? spec->n_egress : 1;
	struct scope_egress *egress = arena_array(a, struct scope_egress, n);

	*out = (struct scope){.egress = egress, .n_egress = n};
	set_policy(s, spec, out);
	if (!spec || spec->n_egress == 0) {
		egress_svcs(&g, NULL, NULL, egress);
		egress_vss(&g, NULL, egress);
		out->svcs = egress->svcs;
		out->n_svcs = egress->n_svcs;
		find_dynamic(out, a);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct imports im = parse_imports(&spec->egress[i], v->ns, a);
		size_t n_sorted = g.all.n;

		egress[i].spec = &spec->egress[i];
		egress_svcs(&g, &im, &spec->egress[i], &egress[i]);
		egress_vss(&g, &im, &egress[i]);
		for (size_t j = 0; j < egress[i].n_svcs; j++)
			add_to_all(&g, &egress[i].svcs[j], n_sorted);
		sort_all(&g);
	}
	pull_destinations(&g, egress, n);
	out->svcs = g.all.v;
	out->n_svcs = g.all.n;
	find_dynamic(out, a);
}

const struct scope_svc *scope_find(const struct scope *s, const char *host)
{
	return find_in((struct scope_svc *)s->svcs, s->n_svcs, host);
}
