/* SPDX-License-Identifier: Apache-2.0
 *
 * The Secrets, and ConfigMaps with authorities, that a set of objects can ask for: those that Gateways and
 * DestinationRules name, and Ingresses, in the namespaces where a proxy that uses them can be, since a proxy takes Secrets of its own
 * namespace only (plan/plan_secret.c); and those that Gateways, ListenerSets and BackendTLSPolicies of the Gateway API name,
 * with namespace or in their own. Nothing else is read of a cluster's Secrets. Thread: pure.
 */
#ifndef STORE_CREDENTIAL_REFS_H
#define STORE_CREDENTIAL_REFS_H

#include "store/object_set.h"

struct credential_ref {
	enum kind kind;			/* KIND_SECRET or KIND_CONFIG_MAP */
	const char *ns, *name;
};
/* The kinds that these follow from. */
enum { CREDENTIAL_KINDS = 8 };
extern const enum kind credential_kinds[CREDENTIAL_KINDS];

struct credential_refs {
	struct credential_ref *v;	/* by kind, namespace and name, each once; texts are of the set or of a */
	size_t n;
};
/* Gateways are in their objects' namespaces, in those of the pods that they select, and in the root namespace. */
void credential_refs_build(const struct object_set *set, const char *root_namespace, struct arena *a,
			   struct credential_refs *out);
bool credential_refs_have(const struct credential_refs *refs, enum kind kind, const char *ns, const char *name);

#endif
