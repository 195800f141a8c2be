/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to plan_gateway*.c and plan_secret.c: the servers of all Gateways of one view, merged
 * (istio-behaviour.md 1.3, 3.6). Made once a plan, in its arena; rows point into it. Thread: pure.
 */
#ifndef MESH_PLAN_GATEWAY_INT_H
#define MESH_PLAN_GATEWAY_INT_H

#include "base/map.h"
#include "mesh/gateway.h"
#include "plan/plan_http_int.h"

struct bound_vs {
	const struct vs *vs;
	struct hash128 inputs;		/* with what its routes read */
};

/* The VirtualServices bound to one Gateway that the view sees: its own namespace's, those exported to
 * it by name, then public ones; each by age. */
struct bound {
	const char *gateway_name;	/* "ns/name" */
	VEC(struct bound_vs) v;
	struct hash128 inputs;		/* of all */
};

/* One server of a Gateway, in force on one port. */
struct gw_entry {
	struct gateway_claim claim;	/* first: an outcome's owner is an entry */
	size_t index;			/* of the server */
	struct strs sni;		/* the hosts without namespace */
	bool by_namespace;		/* some host has one */
	struct strs certs;		/* SDS names of its certificates */
	const char *ca;			/* and of its CA, or NULL */
	bool http3;			/* a Service of the gateway has its port for UDP, too */
	const struct bound *bound;
	struct gw_group *group;
};

/* Servers that share port, protocol and bind. */
struct gw_group {
	uint32_t port;
	const char *protocol_text, *bind;
	enum protocol protocol;
	const char *rds_name;		/* of plain HTTP servers */
	VEC(const struct gw_entry *) entries;
};

struct gw_listener {
	const char *name, *ip;
	uint32_t port;
	VEC(const struct gw_group *) ports;
	bool quic;			/* the twin that speaks HTTP/3, with the servers that do */
};

struct gw_routes {
	const char *name;
	VEC(const struct gw_entry *) entries;
};

struct gateways {
	VEC(struct gw_group *) ports;
	VEC(struct gw_listener *) listeners;
	struct map routes;		/* RDS name -> struct gw_routes */
	struct bound *bound;		/* by Gateway of the view */
	struct map by_name;		/* "ns/name" -> struct bound */
	VEC(struct plan_gateway_finding) findings;
	struct hash128 base;		/* what all routes read of view and mesh */
};

struct gateways *gateways_merge(const struct plan *p, struct arena *a);

/* ---- plan_gateway_listener.c ---- */
bool gateway_listener_has_chains(const struct plan *p, const struct gw_listener *l, struct arena *scratch);
struct hash128 gateway_listener_inputs(const struct plan *p, const struct gw_listener *l, struct arena *scratch);
void gateway_listener_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out);

/* ---- plan_gateway_route.c ---- */
void gateway_route_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out);

/* ---- plan_gateway_tls.c ---- */
/* The context of a server that terminates TLS. */
const struct ir_tls *gateway_tls_of(const struct plan *p, const struct gw_entry *e, struct arena *a);
/* It would need a certificate of the mesh, and the proxy has no agent that gives it one. */
bool gateway_lacks_identity(const struct plan *p, const struct gw_entry *e);
/* The SDS name of a credentialName: "kubernetes://name", or as it is when it says where from. */
const char *credential_sds_name(const char *name, struct arena *a);
/* Names of the server's own certificates; its CA's SDS name, or NULL. All in a. */
struct strs server_credentials(const struct server_tls *t, struct arena *a);
const char *server_ca_credential(const struct server_tls *t, struct arena *a);

/* ---- plan_secret.c ---- */
/* The secrets that Gateways and, for TLS that a gateway originates, DestinationRules name. */
void plan_secret_rows(struct plan *p, struct gateways *g, struct plan_rows *rows);

#endif
