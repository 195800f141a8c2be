/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_CONFIG_H
#define SIM_CONFIG_H

#include "base/buf.h"
#include "sim_ev.h"

enum {
	SIM_PLACES = 69,
	SIM_SLICES = 6, SIM_SLICES_END = 12,	/* places of EndpointSlices */
	SIM_PEERS = 40,				/* of PeerAuthentications, the first is the mesh's */
	SIM_ROUTES = 45, SIM_TCP_ROUTES = 49,	/* of HTTPRoutes and GRPCRoutes, of TCPRoutes */
	SIM_GATEWAY_API = 51,			/* of Gateways of the Gateway API and what they depend on */
	SIM_TOKENS = 63, SIM_POLICIES = 66,	/* of RequestAuthentications, of AuthorizationPolicies; the first is the mesh's */
};

/* The manifest that stands at a place, drawn at random: each place has one kind and one name, so that
 * drawing again changes the object. Some are invalid, some refer to what does not exist. */
void sim_manifest(struct sim_random *r, unsigned place, struct buf *out);

#endif
