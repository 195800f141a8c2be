/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of Ingresses -> struct vs, one a host. Rules count by the age of their Ingress; of the
 * paths of a host a longer one comes first, and of equally long ones an exact one.
 */
#include "mesh/snapshot_ingress_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "model/traffic.h"

/* ---- what a rule says ---- */

const char *ingress_host(const struct k_ingress_rule *r, const char *ns, const char *domain,
			 struct arena *a)
{
	return host_resolve(r->host && *r->host ? r->host : "*", ns, domain, a);
}

static uint32_t named_port(const struct builder *b, const struct object *ingress,
			   const struct k_backend_service *s)
{
	const struct object *svc =
	    kind_list_find(builder_list(b, KIND_SERVICE), ingress->ns, s->name);
	const struct k_service_spec *spec = svc ? object_spec(svc, k_service)->spec : NULL;

	for (size_t i = 0; spec && i < spec->n_ports; i++)
		if (spec->ports[i].name && strcmp(spec->ports[i].name, s->port->name) == 0)
			return spec->ports[i].port;
	return 0;
}

uint32_t ingress_backend_port(const struct builder *b, const struct object *ingress,
			      const struct k_backend *backend, const char **why, struct arena *a)
{
	const struct k_backend_service *s = backend->service;
	uint32_t port;

	*why = "nothing is routed to a resource, and the path is left out";
	if (!s)
		return 0;
	if (s->port->number)
		return s->port->number;
	port = named_port(b, ingress, s);
	if (!port)
		*why =
		    arena_printf(a, "Service %s/%s has no port named %s, and the path is left out",
				 ingress->ns, s->name, s->port->name);
	return port;
}

static bool cut(const char *path, const char *suffix, const char **out, struct arena *a)
{
	size_t n = strlen(path), k = strlen(suffix);

	if (n < k || strcmp(path + n - k, suffix) != 0)
		return false;
	*out = arena_strndup(a, path, n - k);
	return true;
}

/* NULL: any path. What is specific to us: a "*" at the end is a prefix, all else is exact. */
static const struct string_match *match_of(const struct k_ingress_path *p, struct arena *a)
{
	struct string_match *m = arena_new(a, struct string_match);
	const char *path = p->path ? p->path : "";

	if (strcmp(p->type, "Exact") == 0) {
		m->exact = path;
	} else if (strcmp(p->type, "Prefix") == 0) {
		m->prefix = path;
	} else {
		if (!*path || strcmp(path, "/*") == 0)
			return NULL;
		if (!cut(path, ".*", &m->prefix, a) && !cut(path, "/*", &m->prefix, a))
			m->exact = path;
	}
	return m;
}

/* ---- rules by host ---- */

struct host_rules {
	const char *host;
	VEC(const struct object *) ingresses; /* by age, each once */
	struct hash128 inputs;
};

struct grouping {
	struct builder *b;
	struct map by_host;
	VEC(struct host_rules *) v;
};

/* Named ports are the Services', so what is read of these counts too. */
static struct hash128 mix_ports(const struct builder *b, const struct object *ingress,
				const struct k_ingress_rule *r, struct hash128 h)
{
	const char *why;

	for (size_t i = 0; i < r->http->n_paths; i++) {
		const struct k_backend_service *s = r->http->paths[i].backend->service;

		if (s && !s->port->number)
			h = hash_mix_u64(h,
					 ingress_backend_port(b, ingress, r->http->paths[i].backend,
							      &why, b->arena));
	}
	return h;
}

static void add_rule(struct grouping *g, const struct object *ingress,
		     const struct k_ingress_rule *r)
{
	struct arena *a = g->b->arena;
	const char *host;
	struct host_rules *x;
	void **slot;

	if (!r->http)
		return;
	host = ingress_host(r, ingress->ns, g->b->s->domain, a);
	slot = map_slot(&g->by_host, host);
	x = *slot;
	if (!x) {
		*slot = x = arena_new(a, struct host_rules);
		x->host = host;
		x->inputs = hash_mix_str(hash_bytes("ingress", 7), host);
		*vec_push(&g->v, a) = x;
	}
	if (!x->ingresses.n || x->ingresses.v[x->ingresses.n - 1] != ingress) {
		*vec_push(&x->ingresses, a) = ingress;
		x->inputs = hash_mix(x->inputs, ingress->hash);
	}
	x->inputs = mix_ports(g->b, ingress, r, x->inputs);
}

static int compare_age(const void *a, const void *b)
{
	return object_compare_age(*(const struct object *const *)a,
				  *(const struct object *const *)b);
}

static void group_all(struct grouping *g)
{
	struct builder *b = g->b;
	const struct kind_list *l = builder_list(b, KIND_INGRESS);
	const struct object **order = arena_copy(b->arena, l->v, l->n * sizeof(l->v[0]));

	map_init(&g->by_host, b->arena);
	qsort(order, l->n, sizeof(order[0]), compare_age);
	for (size_t i = 0; i < l->n; i++) {
		const struct k_ingress *in = object_spec(order[i], k_ingress);

		if (ingress_refusal_of(b, order[i], b->arena))
			continue;
		for (size_t k = 0; k < in->n_rules; k++)
			add_rule(g, order[i], &in->rules[k]);
	}
}

/* ---- one vs ---- */

struct route {
	struct http_route r;
	const struct object *obj;
	size_t len, index;
	bool exact;
};

struct routes {
	const struct builder *b;
	struct arena *a;
	VEC(struct route) v;
};

static void add_path(struct routes *out, const struct object *ingress,
		     const struct k_ingress_path *p)
{
	struct arena *a = out->a;
	const char *why;
	uint32_t number = ingress_backend_port(out->b, ingress, p->backend, &why, a);
	const struct string_match *uri = match_of(p, a);
	struct http_destination *to = arena_new(a, struct http_destination);
	struct destination *d = arena_new(a, struct destination);
	struct port_selector *port = arena_new(a, struct port_selector);
	struct http_match *match = arena_new(a, struct http_match);
	struct route *r;

	if (!number)
		return;
	port->number = number;
	d->host = arena_printf(a, "%s.%s.svc.%s", p->backend->service->name, ingress->ns,
			       out->b->s->domain);
	d->port = port;
	to->destination = d;
	match->uri = uri;
	r = vec_push(&out->v, a);
	*r =
	    (struct route){.r = {.route = to, .n_route = 1, .match = match, .n_match = uri != NULL},
			   .obj = ingress,
			   .index = out->v.n,
			   .len = uri ? strlen(uri->exact ? uri->exact : uri->prefix) : 0,
			   .exact = uri && uri->exact};
}

static int compare_routes(const void *a, const void *b)
{
	const struct route *x = a, *y = b;

	if (x->len != y->len)
		return x->len > y->len ? -1 : 1;
	if (x->exact != y->exact)
		return x->exact ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void set_routes(const struct builder *b, const struct host_rules *x, struct vs *vs,
		       struct arena *a)
{
	struct routes routes = {.b = b, .a = a};
	struct http_route *http;
	const struct object **objs;

	for (size_t i = 0; i < x->ingresses.n; i++) {
		const struct object *o = x->ingresses.v[i];
		const struct k_ingress *in = object_spec(o, k_ingress);

		for (size_t k = 0; k < in->n_rules; k++)
			for (size_t j = 0; in->rules[k].http && j < in->rules[k].http->n_paths; j++)
				if (strcmp(ingress_host(&in->rules[k], o->ns, b->s->domain, a),
					   x->host) == 0)
					add_path(&routes, o, &in->rules[k].http->paths[j]);
	}
	if (routes.v.n)
		qsort(routes.v.v, routes.v.n, sizeof(routes.v.v[0]), compare_routes);
	vs->http = http = arena_array(a, struct http_route, routes.v.n);
	vs->http_objs = objs = arena_array(a, const struct object *, routes.v.n);
	vs->n_http = routes.v.n;
	for (size_t i = 0; i < routes.v.n; i++) {
		http[i] = routes.v.v[i].r;
		objs[i] = routes.v.v[i].obj;
	}
}

static const char *name_of(const struct host_rules *x, struct arena *a)
{
	char *host = arena_strdup(a, x->host);

	for (char *p = host; *p; p++)
		*p = *p == '.' ? '-' : *p;
	return arena_printf(a, "%s-%s-istio-autogenerated-k8s-ingress", host,
			    x->ingresses.v[0]->name);
}

static struct strs one_text(const char *text, struct arena *a)
{
	const char **v = arena_new(a, const char *);

	v[0] = text;
	return (struct strs){.v = v, .n = 1};
}

static struct vs *build(struct builder *b, const struct host_rules *x)
{
	static const struct strs by_default = {0};
	const struct object *first = x->ingresses.v[0], **held;
	struct part_scope ps;
	struct vs *vs;

	if (part_begin(&ps)) {
		for (size_t i = 0; i < x->ingresses.n; i++)
			part_quarantine(b, x->ingresses.v[i]);
		arena_fini(&ps.arena);
		return NULL;
	}
	vs = part_alloc(&ps, struct vs);
	held = arena_copy(&ps.arena, x->ingresses.v, x->ingresses.n * sizeof(held[0]));
	vs->obj = first;
	vs->name = name_of(x, &ps.arena);
	vs->semantics = ROUTE_INGRESS;
	vs->spec = arena_new(&ps.arena, struct virtual_service);
	vs->hosts = one_text(arena_strdup(&ps.arena, x->host), &ps.arena);
	vs->gateways = one_text(arena_printf(&ps.arena, "%s/%s", INGRESS_GATEWAY_NAMESPACE,
					     ingress_gateway_name(first, &ps.arena)),
				&ps.arena);
	vs->export_to = visibility_of(&by_default, &b->s->mesh->default_virtual_service_export_to,
				      first->ns, &ps.arena);
	set_routes(b, x, vs, &ps.arena);
	vs->part.held = held;
	vs->part.n_held = x->ingresses.n;
	vs->delegates = held + 1;
	vs->n_delegates = x->ingresses.n - 1;
	vs->part.hash = hash_visibility(hash_mix_str(x->inputs, b->s->domain), &vs->export_to);
	part_end(&ps, &vs->part);
	part_fresh(b, &vs->part);
	return vs;
}

/* ---- all ---- */

static void index_old(const struct builder *b, struct map *old)
{
	map_init(old, b->arena);
	for (size_t i = 0; b->prev && b->same_mesh && i < b->prev->n_vss; i++)
		if (b->prev->vss[i]->obj->kind == KIND_INGRESS)
			map_set(old, b->prev->vss[i]->hosts.v[0], b->prev->vss[i]);
}

/* prev's, if it is of the same objects and ports. */
static struct vs *keep_old(const struct builder *b, struct map *old, const struct host_rules *x)
{
	struct vs *vs = map_get(old, x->host);
	struct hash128 h;

	if (!vs || vs->part.n_held != x->ingresses.n ||
	    memcmp(vs->part.held, x->ingresses.v, x->ingresses.n * sizeof(x->ingresses.v[0])) != 0)
		return NULL;
	h = hash_visibility(hash_mix_str(x->inputs, b->s->domain), &vs->export_to);
	return hash_equal(vs->part.hash, h) ? vs : NULL;
}

bool ingress_stage(struct builder *b, struct vs_vec *out)
{
	struct grouping g = {.b = b};
	struct map old;

	if (ingress_may_keep(b) && b->same[KIND_SERVICE]) {
		for (size_t i = 0; i < b->prev->n_vss; i++)
			if (b->prev->vss[i]->obj->kind == KIND_INGRESS)
				*vec_push(&out->v, b->arena) = b->prev->vss[i];
		return true;
	}
	group_all(&g);
	index_old(b, &old);
	for (size_t i = 0; i < g.v.n; i++) {
		struct vs *vs = keep_old(b, &old, g.v.v[i]);

		if (!vs)
			vs = build(b, g.v.v[i]);
		if (vs)
			*vec_push(&out->v, b->arena) = vs;
	}
	return false;
}
