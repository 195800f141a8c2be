/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to plan_outbound.c, which finds out which listeners a sidecar has and who is behind each,
 * and plan_outbound_chain.c, which makes their filter chains. Thread: pure.
 */
#ifndef MESH_PLAN_OUTBOUND_INT_H
#define MESH_PLAN_OUTBOUND_INT_H

#include "mesh/plan_int.h"
#include "model/traffic.h"

/* An egress block, and the VirtualServices of it that have routes below HTTP. */
struct out_block {
	const struct scope_egress *egress;
	const struct vs *const *l4;
	size_t n_l4;
};

/* One port of one service that a listener takes as TCP (or TLS). */
struct out_member {
	const struct out_block *block;
	const struct scope_svc *svc;
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

/* Does vs speak for the host of the service? */
bool out_vs_is_about(const struct vs *vs, const struct svc *svc);
/* Fills chains, default chain and inspectors. */
void out_chains(const struct plan *p, const struct out_listener *l, struct ir_listener *out, struct arena *a);
/* Where traffic goes that nothing matches: passthrough, the black hole or the egress proxy. */
struct ir_tcp *out_catch_all(const struct plan *p, struct arena *a);

#endif
