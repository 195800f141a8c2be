/* SPDX-License-Identifier: Apache-2.0
 *
 * The AuthorizationPolicies and RequestAuthentications of a workload: those of the root namespace, then of its own,
 * which select it, or the Gateway whose pod it is (istio-behaviour.md 1.6, 1.7). Thread: pure.
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
/* The targets that it names. Gateways of the Gateway API are; waypoints are not here, nor what they serve. */
struct policy_targets {
	const struct policy_target *v;
	size_t n;
	const char *field;
};
struct policy_targets policy_targets(const struct object *o);
bool policy_target_is_gateway(const struct policy_target *t);

#endif
