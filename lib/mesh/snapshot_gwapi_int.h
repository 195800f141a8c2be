/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to snapshot_gwapi*.c: routes of the Gateway API (istio-behaviour.md 1.14).
 * Thread: pure.
 */
#ifndef MESH_SNAPSHOT_GWAPI_INT_H
#define MESH_SNAPSHOT_GWAPI_INT_H

#include "mesh/gwapi.h"
#include "mesh/snapshot_int.h"
#include "model/gwapi.h"
#include "model/traffic.h"

/* What a parentRef means. */
enum gwapi_parent {
	PARENT_SERVICE,		/* hosts are those of a Service or ServiceEntry */
	PARENT_GATEWAY,		/* a Gateway or ListenerSet of ours */
	PARENT_MISSING,		/* there is no such object, or it is nobody's here */
	PARENT_OTHER,		/* no kind that routes attach to */
};
struct gwapi_parent_found {
	enum gwapi_parent what;
	struct strs hosts;	/* PARENT_SERVICE: FQDN */
	const struct api_parent *gateway;	/* PARENT_GATEWAY */
};
struct gwapi_parent_found gwapi_parent_find(const struct snapshot *s, const struct object *route,
					    const struct gwapi_parent_ref *ref, struct arena *a);

/* Names of hosts and headers mean the same in any case. */
const char *gwapi_lower(const char *text, struct arena *a);

/* What a backendRef means. */
enum gwapi_backend_kind {
	BACKEND_SERVICE,	/* host is one, known or not */
	BACKEND_HOSTNAME,	/* host is any that a ServiceEntry or Service has */
	BACKEND_OTHER,		/* no kind that is routed to: requests get 500 */
	BACKEND_FORBIDDEN,	/* of another namespace, without a ReferenceGrant: the same */
	BACKEND_WRONG,		/* Istio refuses the route */
};
struct gwapi_target_host {
	enum gwapi_backend_kind kind;
	const char *host;	/* FQDN; NULL: none */
	uint32_t port;
};

/* One route in the making. */
struct gwapi_conversion {
	const struct object *route;
	const struct snapshot *s;
	bool at_gateway;	/* backends of other namespaces need a ReferenceGrant; in the mesh none does */
	struct arena *arena;
};
struct gwapi_target_host gwapi_target_host(const struct gwapi_conversion *c, const char *group, const char *kind,
				    const char *name, const char *ns, struct opt_u32 port);
/* NULL: no kind that is routed to. */
const struct destination *gwapi_destination(const struct gwapi_conversion *c, const char *group, const char *kind,
					    const char *name, const char *ns, struct opt_u32 port);

/* One backendRef of a route, wherever it stands. */
struct gwapi_backend_at {
	const char *group, *kind, *name, *ns;
	struct opt_u32 port;
	const struct gwapi_filter *filters;
	size_t n_filters;
	const char *path;	/* where it stands */
	bool is_mirror, is_weightless;
};
struct gwapi_backends {
	VEC(struct gwapi_backend_at) v;
};
void gwapi_backends_of(const struct object *route, struct arena *a, struct gwapi_backends *out);
/* Why requests for it fail, with the reason that the API has for it. */
struct api_fault gwapi_backend_fault(const struct gwapi_conversion *c, const struct gwapi_backend_at *b);
/* What ReferenceGrants say of the route's backends. */
struct hash128 gwapi_mix_grants(const struct snapshot *s, const struct object *route, struct arena *scratch, struct hash128 h);
/* Why Istio takes no part of the route, with its place in *path. */
struct api_fault gwapi_refusal(const struct gwapi_conversion *c, const char **path);
/* What the status says of the route's references: why it is refused, else the last backend that fails. */
struct api_fault gwapi_refs_fault(const struct gwapi_conversion *c);

/* A route with one match or none, as in a VirtualService. */
struct gwapi_route {
	struct http_route r;
	const struct object *obj;
	size_t index;		/* order of arrival */
};
struct gwapi_routes {
	VEC(struct gwapi_route) v;
};
/* Adds all of c's routes. port: that they are for; 0 = any. */
void gwapi_convert(const struct gwapi_conversion *c, uint32_t port, struct gwapi_routes *out);
/* By precedence: exact before prefix before expression, longer path, with method, more headers, more
 * parameters, order of arrival. */
void gwapi_sort(struct gwapi_routes *routes);

/* Those of a TCPRoute or TLSRoute, for one host; at a Gateway the host is one that a TLSRoute and a listener share. */
struct gwapi_l4_routes {
	VEC(struct tcp_route) tcp;
	VEC(struct tls_route) tls;
};
void gwapi_convert_l4(const struct gwapi_conversion *c, uint32_t port, const char *host, struct gwapi_l4_routes *out);

#endif
