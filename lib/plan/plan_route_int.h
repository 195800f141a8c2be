/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to plan_route*.c: one route configuration of a sidecar, as its row keeps it. Lives in the
 * arena of the plan. Thread: pure.
 */
#ifndef MESH_PLAN_ROUTE_INT_H
#define MESH_PLAN_ROUTE_INT_H

#include "base/map.h"
#include "plan/plan_http_int.h"

struct vs_list {
	const char *host;		/* that they have in common, or NULL */
	VEC(size_t) v;			/* indices into the VirtualServices of the egress block */
};
struct alias_list {
	VEC(const char *) v;
};

/* The VirtualServices of one egress block that are bound to the mesh, by host. */
struct route_index {
	const struct scope_egress *egress;
	struct map exact;		/* host -> struct vs_list */
	struct map wild;		/* the same of wildcards */
	VEC(size_t) mesh;		/* all of them */
	struct hash128 *vs_inputs;	/* by index: with what their routes read */
	struct map aliases;		/* host of a service -> struct alias_list */
	struct hash128 base;
};

struct rds {
	const struct route_index *index;
	const char *name;
	uint32_t port;			/* 0: hosts of all ports (HTTP proxy, Unix socket) */
	const struct scope_svc *const *svcs;	/* with that port, by host */
	size_t n_svcs;
	bool alone;			/* of svcs[0] only: a sniffed port, or for gRPC's own clients */
};

/* The VirtualServices that may have routes in r, in order. */
struct vs_list route_select(const struct rds *r, struct arena *a);
/* Leaves of a route what gRPC's own clients understand (plan_grpc.c). cluster: the service's. */
void grpc_reduce_route(struct ir_route *r, const char *cluster, struct arena *a);
void route_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out);

#endif
