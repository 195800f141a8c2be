/* SPDX-License-Identifier: Apache-2.0
 *
 * What a decoded object of one kind must satisfy beyond its schema, each rule Istio's own
 * (istio-behaviour.md; Istio's validation and CRD rules). One function a kind, one table; called by
 * object_decode and so by every surface. A check looks at one object only; rules over several
 * objects belong to the snapshot. Findings name a path; its place is found in the node tree.
 * Thread: pure.
 */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "model/object.h"

struct check {
	const struct object *obj;	/* decoded */
	const struct node *root;	/* the whole document, for places */
	enum schema_mode mode;		/* habits (names of ports) are findings on the command line only */
	struct diags *ds;
};

typedef void check_fn(struct check *c, const void *spec);
check_fn check_virtual_service, check_destination_rule, check_gateway, check_service_entry,
    check_workload_entry, check_workload_group, check_sidecar, check_proxy_config,
    check_service, check_endpoint_slice, check_pod, check_secret, check_config_map,
    check_peer_authentication, check_request_authentication, check_authorization_policy,
    check_telemetry, check_wasm_plugin, check_traffic_extension, check_envoy_filter,
    check_gwapi, check_ingress, check_ingress_class;

/* MeshConfig and MeshNetworks are no Kubernetes objects: root is the YAML itself. */
void check_mesh_config(const struct node *root, struct diags *ds);
void check_mesh_networks(const struct node *root, struct diags *ds);

#endif
