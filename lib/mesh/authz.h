/* SPDX-License-Identifier: Apache-2.0
 *
 * The AuthorizationPolicies of a workload: those of the root namespace, then of its own, which select it
 * (istio-behaviour.md 1.7). Thread: pure.
 */
#ifndef MESH_AUTHZ_H
#define MESH_AUTHZ_H

#include "mesh/snapshot.h"
#include "model/security.h"

struct authz_set {
	const struct object *const *v;	/* by age within a namespace */
	size_t n;
};

void authz_set_build(const struct snapshot *s, const char *ns, const struct strmap *labels, struct arena *a,
		     struct authz_set *out);
/* It names targets (targetRef, targetRefs): Gateways of the Gateway API and waypoints, which there are none of. */
bool authz_has_targets(const struct object *o);

#endif
