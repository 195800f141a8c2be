/* SPDX-License-Identifier: Apache-2.0
 *
 * The AuthorizationPolicies and RequestAuthentications of a workload: those of the root namespace, then of its own,
 * which select it (istio-behaviour.md 1.6, 1.7). Thread: pure.
 */
#ifndef MESH_POLICY_H
#define MESH_POLICY_H

#include "mesh/snapshot.h"

struct policy_set {
	const struct object *const *v;	/* by age within a namespace */
	size_t n;
};

/* Of all n policies of one of these kinds, by age. */
void policy_set_build(const struct snapshot *s, const struct object *const *all, size_t n, const char *ns,
		      const struct strmap *labels, struct arena *a, struct policy_set *out);
/* The field where it names targets, which are Gateways of the Gateway API and waypoints, and there are none of them;
 * NULL: it names none. */
const char *policy_targets(const struct object *o);

#endif
