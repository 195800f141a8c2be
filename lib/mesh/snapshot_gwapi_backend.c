/* SPDX-License-Identifier: Apache-2.0
 *
 * What routes of the Gateway API lead to, and what of them Istio refuses.
 */
#include "mesh/snapshot_gwapi_int.h"

#include <string.h>

struct gwapi_target_host gwapi_target_host(const struct gwapi_conversion *c, const char *group, const char *kind,
				    const char *name, const char *ns, struct opt_u32 port)
{
	struct gwapi_target_host t = {.kind = BACKEND_OTHER, .port = port.v};

	group = group ? group : "";
	kind = kind ? kind : "Service";
	if (!*group && strcmp(kind, "Service") == 0) {
		t.kind = BACKEND_SERVICE;
		t.host = arena_printf(c->arena, "%s.%s.svc.%s", name, ns ? ns : c->route->ns, c->domain);
	} else if (strcmp(group, "networking.istio.io") == 0 && strcmp(kind, "Hostname") == 0) {
		t.kind = BACKEND_HOSTNAME;
		t.host = gwapi_lower(name, c->arena);
	}
	if (t.kind != BACKEND_OTHER && (!port.has || (t.kind == BACKEND_SERVICE ? strchr(name, '.') != NULL : ns != NULL)))
		t.kind = BACKEND_WRONG;
	return t;
}

/* What has none is answered by Envoy with 500, for want of a cluster. */
const struct destination *gwapi_destination(const struct gwapi_conversion *c, const char *group, const char *kind,
					    const char *name, const char *ns, struct opt_u32 to_port)
{
	struct gwapi_target_host t = gwapi_target_host(c, group, kind, name, ns, to_port);
	struct destination *d;
	struct port_selector *port;

	if (!t.host)
		return NULL;
	d = arena_new(c->arena, struct destination);
	port = arena_new(c->arena, struct port_selector);
	port->number = t.port;
	d->host = t.host;
	d->port = port;
	return d;
}

static void add_http_backends(struct gwapi_backends *out, const struct gwapi_http_backend *v, size_t n, size_t rule,
			      struct arena *a)
{
	for (size_t i = 0; i < n; i++)
		*vec_push(&out->v, a) = (struct gwapi_backend_at){v[i].group, v[i].kind, v[i].name, v[i].ns, v[i].port,
								  v[i].filters, v[i].n_filters, rule, i};
}

static void add_l4_backends(struct gwapi_backends *out, const struct gwapi_l4_rule *rules, size_t n, struct arena *a)
{
	for (size_t rule = 0; rule < n; rule++)
		for (size_t i = 0; i < rules[rule].n_backends; i++) {
			const struct gwapi_backend_ref *b = &rules[rule].backends[i];

			*vec_push(&out->v, a) = (struct gwapi_backend_at){b->group, b->kind, b->name, b->ns, b->port,
									  NULL, 0, rule, i};
		}
}

void gwapi_backends_of(const struct object *route, struct arena *a, struct gwapi_backends *out)
{
	const struct gwapi_grpc_route *grpc = object_spec(route, gwapi_grpc_route);
	const struct gwapi_http_route *http = object_spec(route, gwapi_http_route);

	switch (route->kind) {
	case KIND_GRPC_ROUTE:
		for (size_t i = 0; i < grpc->n_rules; i++)
			add_http_backends(out, grpc->rules[i].backends, grpc->rules[i].n_backends, i, a);
		break;
	case KIND_TCP_ROUTE:
		add_l4_backends(out, object_spec(route, gwapi_l4_route)->rules, object_spec(route, gwapi_l4_route)->n_rules, a);
		break;
	case KIND_TLS_ROUTE:
		add_l4_backends(out, object_spec(route, gwapi_tls_route)->rules, object_spec(route, gwapi_tls_route)->n_rules, a);
		break;
	default:
		for (size_t i = 0; i < http->n_rules; i++)
			add_http_backends(out, http->rules[i].backends, http->rules[i].n_backends, i, a);
	}
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

static const char *refused_backend(const struct gwapi_conversion *c, const struct gwapi_backend_at *b)
{
	const char *filter = refused_filter(b->filters, b->n_filters, true);

	if (gwapi_target_host(c, b->group, b->kind, b->name, b->ns, b->port).kind == BACKEND_WRONG)
		return "a Service is named without its domain, a Hostname has a port and no namespace";
	return filter ? arena_printf(c->arena, "filter %s is not supported for one backend", filter) : NULL;
}

static const char *refused_rules(const struct gwapi_conversion *c, const char **path)
{
	bool grpc = c->route->kind == KIND_GRPC_ROUTE;
	const struct gwapi_grpc_route *g = object_spec(c->route, gwapi_grpc_route);
	const struct gwapi_http_route *h = object_spec(c->route, gwapi_http_route);

	for (size_t i = 0; i < (grpc ? g->n_rules : h->n_rules); i++) {
		const char *filter = grpc ? refused_filter(g->rules[i].filters, g->rules[i].n_filters, false)
					  : refused_filter(h->rules[i].filters, h->rules[i].n_filters, false);

		*path = arena_printf(c->arena, "spec.rules[%zu].filters", i);
		if (filter)
			return arena_printf(c->arena, "filter %s is not supported", filter);
	}
	return NULL;
}

const char *gwapi_refusal(const struct gwapi_conversion *c, const char **path)
{
	bool has_filters = c->route->kind == KIND_HTTP_ROUTE || c->route->kind == KIND_GRPC_ROUTE;
	const char *why = has_filters ? refused_rules(c, path) : NULL;
	struct gwapi_backends backends = {0};

	gwapi_backends_of(c->route, c->arena, &backends);
	for (size_t i = 0; !why && i < backends.v.n; i++) {
		const struct gwapi_backend_at *b = &backends.v.v[i];

		why = refused_backend(c, b);
		*path = arena_printf(c->arena, "spec.rules[%zu].backendRefs[%zu]", b->rule, b->index);
	}
	return why;
}
