/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to gwapi.c, gwapi_listener.c and the stage of Gateways. Thread: pure.
 */
#ifndef MESH_GWAPI_INT_H
#define MESH_GWAPI_INT_H

#include "mesh/gwapi.h"
#include "mesh/snapshot_int.h"

/* What all parents are made of. */
struct api_making {
	const struct snapshot *s;
	struct arena *arena;
};

/* Fills in what l says by itself: hosts, namespaces, kinds, protocol and TLS. l->spec and l->index are there. */
void api_listener_init(const struct api_making *m, const struct api_parent *p, struct api_listener *l);
/* Does the selector take the namespace? NULL takes none. */
bool api_selects_namespace(const struct snapshot *s, const struct gwapi_selector *selector, const char *ns, struct arena *a);
/* tls.backend.clientCertificateRef of a Gateway. */
void api_set_client_cert(const struct api_making *m, struct api_parent *p);

/* Sets what gw means, in a; gw->obj is there. */
void api_listener_convert(const struct api_parent *p, const struct api_listener *l, struct gw *gw, struct arena *a);

/* The parents of a snapshot in the making; prev's part where nothing of it differs. */
void api_stage(struct builder *b);

#endif
