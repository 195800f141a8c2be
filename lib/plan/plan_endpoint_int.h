/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the planners of load assignments: endpoints on their way into localities.
 * Thread: pure.
 */
#ifndef PLAN_ENDPOINT_INT_H
#define PLAN_ENDPOINT_INT_H

#include "plan/plan_cluster_int.h"

struct member {
	const struct ep *ep;
	uint32_t port, weight;
	bool mtls;		/* it speaks mTLS, and PeerAuthentications let it */
	size_t seq;
	uint32_t priority;	/* by failoverPriority */
};

struct gathering {
	const struct plan *plan;
	struct arena *arena;
	struct member *v;
	size_t n;
	struct ir_locality *localities;
	size_t n_localities;
};

/* In order of region, zone, subzone. */
int endpoint_compare_place(const struct ep *x, const struct ep *y);

/* ---- networks (plan_network.c) ---- */
/* May the view send to the endpoint, straight or through the gateways of its network? */
bool network_reaches(const struct plan *p, const struct policy *policy, const struct ep *e, bool mtls);
/* Endpoints of other networks give their weight to these networks' gateways, which stand in their
 * place. */
void network_replace(struct gathering *g);
/* Mixes in what the above read. */
struct hash128 network_mix(const struct plan *p, struct hash128 h);

#endif
