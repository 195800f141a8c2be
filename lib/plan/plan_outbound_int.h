/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to plan_outbound.c, which finds out which listeners a sidecar has and who is behind each,
 * and plan_outbound_chain.c, which makes their filter chains. Thread: pure.
 */
#ifndef MESH_PLAN_OUTBOUND_INT_H
#define MESH_PLAN_OUTBOUND_INT_H

#include "plan/plan_int.h"
#include "model/traffic.h"

/* What is said about one service below HTTP: VirtualServices with tls and tcp routes for its host, in
 * order, and ExternalNames that stand for it. */
struct out_routes {
	const struct vs *const *vss;
	size_t n_vss;
	const struct svc *const *aliases;
	size_t n_aliases;
};

/* One port of one service that a listener takes as TCP (or TLS). */
struct out_member {
	const struct scope_svc *svc;
	const struct out_routes *routes;
	struct svc_port port;		/* that the listener has */
	const char *cidr;		/* that tells the service among those of a wildcard listener, or NULL */
	bool needs_sni;			/* nothing but the SNI tells it */
};

struct out_listener {
	const char *name;
	struct strs binds;		/* first is the address */
	uint32_t port;
	bool bind_to_port, wildcard, is_unix;
	bool locked;			/* belongs to an earlier egress block */
	enum protocol first;		/* protocol of the first service */
	VEC(struct out_member) tcp;
	const char *rds_name;		/* HTTP, or NULL: none */
	bool grpc_web;
	bool sniffed;			/* rds_name is of one sniffed service */
};

/* Fills chains, default chain and inspectors. */
void out_chains(const struct plan *p, const struct out_listener *l, struct ir_listener *out, struct arena *a);
/* Some TLS route is for this view and port. */
bool out_has_tls_route(const struct plan *p, const struct out_routes *routes, uint32_t port);
/* Where traffic goes that nothing matches: passthrough, the black hole or the egress proxy. */
struct ir_tcp *out_catch_all(const struct plan *p, struct arena *a);

#endif
