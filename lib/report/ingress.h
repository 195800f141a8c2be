/* SPDX-License-Identifier: Apache-2.0
 *
 * status.loadBalancer of Ingresses: where the gateway that serves them is reached from outside, and from what is there to
 * the patch that is due. With a MeshConfig ingressService these are the addresses of that Service; without one, the
 * ExternalIPs of the Nodes where the gateway's Pods run.
 * Source: istio-behaviour.md 1.15; Istio's pilot/pkg/config/kube/ingress: the Service stands in istio-system, whatever
 * the root namespace, and its name is a bare one. Thread: pure.
 */
#ifndef REPORT_INGRESS_H
#define REPORT_INGRESS_H

#include "node/node.h"
#include "store/object_set.h"

/* In Istio's order, none twice: IP addresses, then host names. */
struct ingress_addresses {
	const char *const *v;
	size_t n;
	struct hash128 hash;		/* of them all */
};
/* Texts are borrowed from set. What is neither an IP address nor a host name is passed over: an API server would refuse
 * the others for it. */
void ingress_addresses_find(const struct object_set *set, struct arena *a, struct ingress_addresses *out);
/* None: what an Ingress is told that is not, or no longer, of this mesh. */
void ingress_addresses_none(struct ingress_addresses *out);

/* The Ingress as the server has it (root): true when a patch is due, which is then in out (a merge patch of the status
 * subresource that holds for this resourceVersion only). Where there is nothing to say, only that is taken back which,
 * by metadata.managedFields, manager wrote last. */
bool ingress_patch(const struct ingress_addresses *want, const char *manager, const struct node *root, struct buf *out);

#endif
