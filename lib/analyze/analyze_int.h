/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the analyzers. Thread: pure.
 */
#ifndef ANALYZE_ANALYZE_INT_H
#define ANALYZE_ANALYZE_INT_H

#include "base/map.h"
#include "base/vec.h"
#include "analyze/analyze.h"
#include "model/kube.h"
#include "model/traffic.h"

struct analysis {
	const struct snapshot *s;
	struct object *const *refused;
	size_t n_refused;
	struct diags *ds;
	struct arena *a;	/* scratch */
	bool has_pods, has_services;	/* enough is known to judge selectors, or hosts */
};

typedef void analyzer_fn(struct analysis *n);
analyzer_fn analyze_annotations,				/* analyze_annotation.c */
    analyze_namespaces, analyze_users,				/* analyze_workload.c */
    analyze_ports, analyze_deployments, analyze_entries,	/* analyze_service.c */
    analyze_rules, analyze_tls,					/* analyze_rule.c */
    analyze_gateways,						/* analyze_gateway.c */
    analyze_sidecars,						/* analyze_sidecar.c */
    analyze_routes,						/* analyze_route.c */
    analyze_virtual_services,					/* analyze_virtual_service.c */
    analyze_telemetries, analyze_authorization, analyze_claims,	/* analyze_policy.c */
    analyze_networks,						/* analyze_network.c */
    analyze_conditions,						/* analyze_condition.c */
    analyze_patches, analyze_webhooks, analyze_images;		/* analyze_extension.c */

/* pos {0}: the first line of the object. */
void analysis_add(struct analysis *n, const struct object *o, enum diag_code code, struct pos pos, const char *path,
		  const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* All objects of a kind, as written. */
const struct kind_list *analysis_list(const struct analysis *n, enum kind kind);
/* The object, valid or as written; or NULL. */
const struct object *analysis_object(const struct analysis *n, enum kind kind, const char *ns, const char *name);
/* "ns/name" as the user wrote it: without the namespace that was not written. */
const char *analysis_name(const struct analysis *n, const struct object *o);
/* "a=b,c=d" */
const char *analysis_selector(const struct analysis *n, const struct strmap *selector);

/* The service that an object of namespace ns means by a host, or NULL: an exact host first. */
const struct svc *analysis_service(const struct analysis *n, const char *ns, const char *host);
/* A Service or ServiceEntry that is invalid has the host. */
bool analysis_is_refused(const struct analysis *n, const char *ns, const char *host);
/* The merged rule of a host that namespace ns would use: its own, else that of the service. */
const struct dr *analysis_rule(const struct analysis *n, const char *ns, const struct svc *svc);
const struct subset *analysis_subset(const struct dr *dr, const char *name);
/* Some endpoint, pod or pod template of the service has all these labels. */
bool analysis_has_endpoints(const struct analysis *n, const struct svc *svc, const struct strmap *labels);
/* The TLS settings of a rule for a port; NULL: none. */
const struct client_tls *analysis_tls(const struct dr *dr, const struct subset *subset, uint32_t port);

const struct k_pod_spec *analysis_pod(const struct object *pod);	/* never NULL */
bool analysis_has_proxy(const struct k_pod_spec *pod);
bool analysis_is_system(const char *ns);
bool analysis_is_control_plane(const struct object *o);

/* One destination of a route of a VirtualService. */
struct route_target {
	const struct destination *to;
	const char *path;	/* "spec.http[0].route[1].destination" */
	int32_t weight;		/* of 1 when there is no other */
	bool mirror, http;
	const char *protocol;	/* "http", "tls", "tcp" */
};
typedef void target_fn(struct analysis *n, const struct object *vs, const struct route_target *t);
void analysis_each_target(struct analysis *n, const struct object *vs, target_fn *fn);

#endif
