/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the files that compile Ingresses (istio-behaviour.md 1.15): each is a Gateway for the
 * ingress gateway's pods, and the rules of all of them for one host are a VirtualService. Thread:
 * pure.
 */
#ifndef MESH_SNAPSHOT_INGRESS_INT_H
#define MESH_SNAPSHOT_INGRESS_INT_H

#include "mesh/snapshot_int.h"
#include "model/ingress.h"

/* What is ours, and means what, is as in prev; none of it was quarantined there. */
bool ingress_may_keep(const struct builder *b);
/* NULL: the Ingress is compiled; else why not, in a. */
const char *ingress_refusal_of(const struct builder *b, const struct object *ingress,
			       struct arena *a);
/* The Gateway that it stands for; in a. */
const char *ingress_gateway_name(const struct object *ingress, struct arena *a);
/* Sets what gw means, in a; gw->obj and the hash of the object are there. */
void ingress_convert(const struct builder *b, struct gw *gw, struct arena *a);
/* The part of an Ingress that server i of its Gateway comes from. */
const char *ingress_server_path(const struct object *ingress, size_t i, struct arena *a);

/* The host of a rule, with "*" for none; in a. */
const char *ingress_host(const struct k_ingress_rule *r, const char *ns, const char *domain,
			 struct arena *a);
/* The number of a backend's port. 0, with why: nothing is routed there. */
uint32_t ingress_backend_port(const struct builder *b, const struct object *ingress,
			      const struct k_backend *backend, const char **why, struct arena *a);

#endif
