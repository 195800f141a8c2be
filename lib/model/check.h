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
	struct diags *ds;
};

/* Reports at path (relative to the object, "spec.http[0].match[1].uri"), formatted by path_fmt's
 * arguments first: check_at(c, D_FIELD_FORMAT, check_path(c, "spec.hosts[%zu]", i), "text %s", x) */
const char *check_path(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void check_at(struct check *c, enum diag_code code, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

typedef void check_fn(struct check *c, const void *spec);
check_fn check_virtual_service, check_destination_rule, check_gateway, check_service_entry,
    check_workload_entry, check_sidecar, check_service, check_secret, check_config_map;

/* MeshConfig and MeshNetworks are no Kubernetes objects: root is the YAML itself. */
void check_mesh_config(const struct node *root, struct diags *ds);
void check_mesh_networks(const struct node *root, struct diags *ds);

#endif
