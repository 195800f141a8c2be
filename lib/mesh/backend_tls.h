/* SPDX-License-Identifier: Apache-2.0
 *
 * BackendTLSPolicies: TLS towards Services (istio-behaviour.md 1.14). What they say of one Service counts
 * where the DestinationRules of its host say nothing of TLS. Of two for one target the older one counts. Thread: pure.
 */
#ifndef MESH_BACKEND_TLS_H
#define MESH_BACKEND_TLS_H

#include "base/vec.h"
#include "mesh/gwapi.h"

/* How a policy knows its servers. Without a CA that it could have nothing gets through. */
struct backend_tls {
	const char *credential;		/* as of DestinationRules; "" = the system's CAs */
	struct api_fault refs;		/* caCertificateRefs */
	struct api_fault accepted;
};
struct backend_tls backend_tls_of(const struct snapshot *s, const struct object *policy, struct arena *a);

/* Why a target of a policy is none: TargetNotFound, or Conflicted: an older policy has it. Else *svc is it, *port the number of
 * the port that is meant; 0: all. */
struct api_fault backend_tls_target(const struct snapshot *s, const struct object *policy, const struct gwapi_target *target,
				    const struct object **svc, uint32_t *port, struct arena *a);

/* All that policies say of one Service. */
struct tls_rule {
	const char *ns, *host;
	struct tls_part {
		const struct object *policy;
		uint32_t port;		/* 0: all */
	} *v;				/* by age */
	size_t n, cap;
	struct hash128 hash;
};
struct tls_rules {
	VEC(struct tls_rule *) v;
};
void backend_tls_rules(const struct snapshot *s, struct arena *a, struct tls_rules *out);
const struct client_tls *backend_tls_settings(const struct snapshot *s, const struct object *policy, struct arena *a);

#endif
