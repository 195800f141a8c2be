/* SPDX-License-Identifier: Apache-2.0
 *
 * The Secrets that a set of objects can ask for: those that Gateways and DestinationRules name, in the object's own
 * namespace and in those of the pods that Gateways select, since a proxy takes Secrets of its own namespace
 * only (plan/plan_secret.c). Nothing else is read of a cluster's Secrets. Thread: pure.
 */
#ifndef STORE_SECRET_REFS_H
#define STORE_SECRET_REFS_H

#include "store/object_set.h"

struct secret_ref {
	const char *ns, *name;
};
struct secret_refs {
	struct secret_ref *v;		/* by namespace and name, each once; texts are of the set or of a */
	size_t n;
};
void secret_refs_build(const struct object_set *set, struct arena *a, struct secret_refs *out);
bool secret_refs_have(const struct secret_refs *refs, const char *ns, const char *name);

#endif
