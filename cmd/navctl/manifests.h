/* SPDX-License-Identifier: Apache-2.0
 *
 * What `navctl install` brings to a cluster: the objects of deploy/kubernetes/base, which are part
 * of the program, with the values of this installation; the CRDs of the schema tables. All memory
 * is the arena's.
 */
#ifndef NAVCTL_MANIFESTS_H
#define NAVCTL_MANIFESTS_H

#include "node/node.h"

#define MANIFEST_LABEL                                                                             \
	"app.kubernetes.io%2Fname%3Dnavarchd" /* of all that is taken away again, as a query has   \
						 it */
/* What only --purge takes away: as JSON, and as a query has it. */
#define MANIFEST_OURS	    "\"app.kubernetes.io/managed-by\":\"navctl\""
#define MANIFEST_OURS_QUERY "app.kubernetes.io%2Fmanaged-by%3Dnavctl"

struct manifest {
	const struct node *root;
	const char *kind, *ns, *name; /* ns "": of the cluster */
	const char *collection;	      /* "/apis/apps/v1/namespaces/istio-system/deployments" */
	const char *target;	      /* the object's own */
};
struct manifests {
	struct manifest *v;
	size_t n;
};

struct manifest_values {
	const char *image, *ca_bundle; /* ca_bundle: base64 */
	const char *replicas;	       /* or NULL: as in the base */
};
/* In the order in which they are applied. */
void manifests_base(const struct manifest_values *values, struct arena *a, struct manifests *out);
void manifests_crds(struct arena *a, struct manifests *out);
/* One object of JSON text that is ours. */
struct manifest manifest_of(const char *json, struct arena *a);
/* Has it this label of its metadata? */
bool manifest_is_labelled(const struct node *root, const char *label, const char *value);

#endif
