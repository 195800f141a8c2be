/* SPDX-License-Identifier: Apache-2.0
 *
 * What routes of the Gateway API lead to, and what of them Istio refuses.
 */
#include "mesh/snapshot_gwapi_int.h"

#include <string.h>

#include "mesh/grant.h"

/* Of a Service the ReferenceGrants of its namespace decide. */
static bool is_forbidden(const struct gwapi_conversion *c, const char *name, const char *ns)
{
	const struct object *r = c->route;

	return c->at_gateway && ns && strcmp(ns, r->ns) != 0 && !grant_allows(c->s, r->kind, r->ns, KIND_SERVICE, ns, name);
}

struct gwapi_target_host gwapi_target_host(const struct gwapi_conversion *c, const char *group, const char *kind,
				    const char *name, const char *ns, struct opt_u32 port)
{
	struct gwapi_target_host t = {.kind = BACKEND_OTHER, .port = port.v};

	group = group ? group : "";
	kind = kind ? kind : "Service";
	if (!*group && strcmp(kind, "Service") == 0) {
		t.kind = BACKEND_SERVICE;
		t.host = arena_printf(c->arena, "%s.%s.svc.%s", name, ns ? ns : c->route->ns, c->s->domain);
	} else if (strcmp(group, "networking.istio.io") == 0 && strcmp(kind, "Hostname") == 0) {
		t.kind = BACKEND_HOSTNAME;
		t.host = gwapi_lower(name, c->arena);
	}
	if (t.kind != BACKEND_OTHER && (!port.has || (t.kind == BACKEND_SERVICE ? strchr(name, '.') != NULL : ns != NULL)))
		t.kind = BACKEND_WRONG;
	if (t.kind == BACKEND_SERVICE && is_forbidden(c, name, ns)) {
		t.kind = BACKEND_FORBIDDEN;
		t.host = NULL;
	}
	return t;
}

/* What has none is answered by Envoy with 500, for want of a cluster. */
const struct destination *gwapi_destination(const struct gwapi_conversion *c, const char *group, const char *kind,
					    const char *name, const char *ns, struct opt_u32 to_port)
{
	struct gwapi_target_host t = gwapi_target_host(c, group, kind, name, ns, to_port);
	struct destination *d;
	struct port_selector *port;

	if (t.kind != BACKEND_SERVICE && t.kind != BACKEND_HOSTNAME)
		return NULL;
	d = arena_new(c->arena, struct destination);
	port = arena_new(c->arena, struct port_selector);
	port->number = t.port;
	d->host = t.host;
	d->port = port;
	return d;
}

static void add_mirrors(struct gwapi_backends *out, const struct gwapi_filter *v, size_t n, size_t rule, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		const struct gwapi_backend *b = v[i].mirror ? v[i].mirror->backend : NULL;

		if (b)
			*vec_push(&out->v, a) = (struct gwapi_backend_at){
			    b->group, b->kind, b->name, b->ns, b->port, NULL, 0,
			    arena_printf(a, "spec.rules[%zu].filters[%zu].requestMirror.backendRef", rule, i), true, false};
	}
}

static const char *backend_path(size_t rule, size_t i, struct arena *a)
{
	return arena_printf(a, "spec.rules[%zu].backendRefs[%zu]", rule, i);
}

static void add_http_backends(struct gwapi_backends *out, const struct gwapi_http_backend *v, size_t n, size_t rule,
			      struct arena *a)
{
	for (size_t i = 0; i < n; i++)
		*vec_push(&out->v, a) = (struct gwapi_backend_at){v[i].group, v[i].kind, v[i].name, v[i].ns, v[i].port,
								  v[i].filters, v[i].n_filters, backend_path(rule, i, a), false,
								  v[i].weight.has && !v[i].weight.v};
}

static void add_l4_backends(struct gwapi_backends *out, const struct gwapi_l4_rule *rules, size_t n, struct arena *a)
{
	for (size_t rule = 0; rule < n; rule++)
		for (size_t i = 0; i < rules[rule].n_backends; i++) {
			const struct gwapi_backend_ref *b = &rules[rule].backends[i];

			*vec_push(&out->v, a) = (struct gwapi_backend_at){b->group, b->kind, b->name, b->ns, b->port,
									  NULL, 0, backend_path(rule, i, a), false,
									  b->weight.has && !b->weight.v};
		}
}

static void add_http_rules(struct gwapi_backends *out, const struct gwapi_http_route *spec, struct arena *a)
{
	for (size_t i = 0; i < spec->n_rules; i++) {
		add_mirrors(out, spec->rules[i].filters, spec->rules[i].n_filters, i, a);
		add_http_backends(out, spec->rules[i].backends, spec->rules[i].n_backends, i, a);
	}
}

static void add_grpc_rules(struct gwapi_backends *out, const struct gwapi_grpc_route *spec, struct arena *a)
{
	for (size_t i = 0; i < spec->n_rules; i++) {
		add_mirrors(out, spec->rules[i].filters, spec->rules[i].n_filters, i, a);
		add_http_backends(out, spec->rules[i].backends, spec->rules[i].n_backends, i, a);
	}
}

void gwapi_backends_of(const struct object *route, struct arena *a, struct gwapi_backends *out)
{
	switch (route->kind) {
	case KIND_GRPC_ROUTE: add_grpc_rules(out, object_spec(route, gwapi_grpc_route), a); break;
	case KIND_HTTP_ROUTE: add_http_rules(out, object_spec(route, gwapi_http_route), a); break;
	case KIND_TLS_ROUTE:
		add_l4_backends(out, object_spec(route, gwapi_tls_route)->rules, object_spec(route, gwapi_tls_route)->n_rules, a);
		break;
	default:
		add_l4_backends(out, object_spec(route, gwapi_l4_route)->rules, object_spec(route, gwapi_l4_route)->n_rules, a);
	}
}

struct hash128 gwapi_mix_grants(const struct snapshot *s, const struct object *route, struct arena *scratch, struct hash128 h)
{
	struct gwapi_backends backends = {0};

	gwapi_backends_of(route, scratch, &backends);
	for (size_t i = 0; i < backends.v.n; i++)
		if (backends.v.v[i].ns && strcmp(backends.v.v[i].ns, route->ns) != 0)
			h = grant_mix(s, backends.v.v[i].ns, h);
	return h;
}

/* ---- what Istio refuses ---- */

static const char *refused_filter(const struct gwapi_filter *v, size_t n, bool of_backend)
{
	for (size_t i = 0; i < n; i++)
		if (of_backend ? v[i].type > GWAPI_FILTER_ResponseHeaderModifier
			       : v[i].type == GWAPI_FILTER_ExtensionRef || v[i].type == GWAPI_FILTER_ExternalAuth)
			return enum_name(&enum_desc_gwapi_filter_type, (int)v[i].type);
	return NULL;
}

static struct api_fault refused_backend(const struct gwapi_conversion *c, const struct gwapi_backend_at *b)
{
	const char *filter = refused_filter(b->filters, b->n_filters, true);

	if (gwapi_target_host(c, b->group, b->kind, b->name, b->ns, b->port).kind == BACKEND_WRONG)
		return (struct api_fault){"InvalidDestination",
					  "a Service is named without its domain, a Hostname has a port and no namespace"};
	if (filter)
		return (struct api_fault){"InvalidFilter", arena_printf(c->arena, "filter %s is not supported for one backend", filter)};
	return (struct api_fault){0};
}

static struct api_fault refused_rules(const struct gwapi_conversion *c, const char **path)
{
	bool grpc = c->route->kind == KIND_GRPC_ROUTE;
	const struct gwapi_grpc_route *g = object_spec(c->route, gwapi_grpc_route);
	const struct gwapi_http_route *h = object_spec(c->route, gwapi_http_route);

	for (size_t i = 0; i < (grpc ? g->n_rules : h->n_rules); i++) {
		const char *filter = grpc ? refused_filter(g->rules[i].filters, g->rules[i].n_filters, false)
					  : refused_filter(h->rules[i].filters, h->rules[i].n_filters, false);

		*path = arena_printf(c->arena, "spec.rules[%zu].filters", i);
		if (filter)
			return (struct api_fault){"InvalidFilter", arena_printf(c->arena, "filter %s is not supported", filter)};
	}
	return (struct api_fault){0};
}

struct api_fault gwapi_refusal(const struct gwapi_conversion *c, const char **path)
{
	bool has_filters = c->route->kind == KIND_HTTP_ROUTE || c->route->kind == KIND_GRPC_ROUTE;
	struct api_fault why = has_filters ? refused_rules(c, path) : (struct api_fault){0};
	struct gwapi_backends backends = {0};

	gwapi_backends_of(c->route, c->arena, &backends);
	for (size_t i = 0; !why.reason && i < backends.v.n; i++) {
		const struct gwapi_backend_at *b = &backends.v.v[i];

		/* a copy for nobody is left out of an HTTPRoute */
		if (b->is_mirror && c->route->kind == KIND_HTTP_ROUTE)
			continue;
		why = refused_backend(c, b);
		*path = b->path;
	}
	return why;
}

struct api_fault gwapi_backend_fault(const struct gwapi_conversion *c, const struct gwapi_backend_at *b)
{
	struct gwapi_target_host to = gwapi_target_host(c, b->group, b->kind, b->name, b->ns, b->port);

	switch (to.kind) {
	case BACKEND_OTHER:
		return (struct api_fault){"InvalidKind", arena_printf(c->arena, "nothing is routed to a %s",
								      b->kind ? b->kind : "Service")};
	case BACKEND_FORBIDDEN:
		return (struct api_fault){"RefNotPermitted",
					  arena_printf(c->arena, "no ReferenceGrant of namespace %s lets kind %s of namespace %s refer to Service %s",
						       b->ns, kind_info(c->route->kind)->name, c->route->ns, b->name)};
	case BACKEND_WRONG: return refused_backend(c, b);
	default: break;
	}
	if (!snapshot_host_known(c->s, to.host))
		return (struct api_fault){"BackendNotFound", arena_printf(c->arena, "no service has the host %s", to.host)};
	return (struct api_fault){0};
}

struct api_fault gwapi_refs_fault(const struct gwapi_conversion *c)
{
	const char *path;
	struct api_fault out = gwapi_refusal(c, &path);
	struct gwapi_backends backends = {0};

	if (out.reason)
		return out;
	gwapi_backends_of(c->route, c->arena, &backends);
	for (size_t i = 0; i < backends.v.n; i++) {
		struct api_fault f = {0};

		if (!backends.v.v[i].is_weightless)
			f = gwapi_backend_fault(c, &backends.v.v[i]);
		if (f.reason)
			out = f;
	}
	return out;
}
