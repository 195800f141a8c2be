/* SPDX-License-Identifier: Apache-2.0
 *
 * Which Ingresses are this mesh's, and which gateways serve them: MeshConfig's
 * ingressControllerMode, ingressClass, ingressService and ingressSelector
 * (istio-behaviour.md 1.15). The daemon's sources need it to know whose Secrets are read, the mesh
 * to compile them. Thread: pure.
 */
#ifndef MODEL_INGRESS_H
#define MODEL_INGRESS_H

#include "model/kube.h"
#include "model/meshconf.h"
#include "model/object.h"

/* Where the Gateways that Ingresses stand for are, whatever the root namespace. */
#define INGRESS_GATEWAY_NAMESPACE "istio-system"
#define INGRESS_CONTROLLER	  "istio.io/ingress-controller"

/* NULL: it is ours; else why not, in a. class: the IngressClass of the name that it says, or NULL:
 * there is none. */
const char *ingress_refusal(const struct object *ingress, const struct object *class_or_null,
			    const struct mesh_config *m, struct arena *a);
/* The labels of the pods that serve Ingresses; in a. */
struct strmap ingress_selector(const struct mesh_config *m, struct arena *a);

#endif
