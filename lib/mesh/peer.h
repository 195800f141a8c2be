/* SPDX-License-Identifier: Apache-2.0
 *
 * The mutual TLS that callers of a workload must, or may, speak: PeerAuthentications of the mesh (the
 * root namespace, no selector), of the namespace and of the workload, the oldest of each, laid over
 * one another (istio-behaviour.md 1.5). Thread: pure.
 */
#ifndef MESH_PEER_H
#define MESH_PEER_H

#include "mesh/snapshot.h"
#include "model/security.h"

/* What holds for one workload; never MTLS_UNSET. */
struct peer_modes {
	enum mtls_mode mode;
	const struct peer_port {
		uint32_t port;		/* of the workload, not of a Service */
		enum mtls_mode mode;
	} *ports;			/* by port */
	size_t n_ports;
	const struct object *objs[3];	/* that decided: mesh, namespace, workload */
	size_t n_objs;
};

void peer_modes_build(const struct snapshot *s, const char *ns, const struct strmap *labels, struct arena *a,
		      struct peer_modes *out);
enum mtls_mode peer_mode_at(const struct peer_modes *m, uint32_t port);
/* A workload with these labels, in namespace ns, takes no mutual TLS at its port. */
bool peer_disables(const struct snapshot *s, const char *ns, const struct strmap *labels, uint32_t port);
/* What is known of a namespace without looking at its workloads. */
enum mtls_mode peer_mode_of_namespace(const struct snapshot *s, const char *ns);

#endif
