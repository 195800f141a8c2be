/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the planners of clusters and of their endpoints: what both must decide alike.
 * Thread: pure.
 */
#ifndef MESH_PLAN_CLUSTER_INT_H
#define MESH_PLAN_CLUSTER_INT_H

#include "plan/plan_int.h"
#include "model/traffic.h"

/* One cluster of a service: a port, a subset ("" = all), and whether it is the one that gateways
 * with AUTO_PASSTHROUGH pick by SNI ("outbound_.<port>_.<subset>_.<host>"). */
struct outbound {
	const struct scope_svc *svc;
	const struct svc_port *port;
	const char *subset;
	bool by_sni;
};

/* Calls fn for each outbound cluster of the view, in order of service, port, subset. */
typedef void outbound_fn(struct plan *p, const struct outbound *o, void *arg);
void outbound_each(struct plan *p, outbound_fn *fn, void *arg);

/* With the mesh's baseline. */
void outbound_policy(const struct plan *p, const struct outbound *o, struct policy *out);
const char *outbound_name(const struct outbound *o, struct arena *a);
/* How the members of the cluster are found, policy considered; IR_STATIC: nothing may be sent. */
enum ir_discovery outbound_discovery(const struct plan *p, const struct outbound *o, const struct policy *policy);
/* The hash of all that outbound_discovery and the policy read. */
struct hash128 outbound_mix(const struct plan *p, const struct outbound *o, struct hash128 h);

/* ---- traffic policy (plan_traffic.c) ---- */
/* Timeouts, limits and HTTP options; c->protocol stands already. pool may be NULL. */
struct ir_thresholds *traffic_pool(const struct plan *p, struct ir_cluster *c, const struct connection_pool *pool,
				   struct arena *a);
/* What the proxy's ProxyConfig says; http: the port speaks it, or may. */
void traffic_connection(const struct plan *p, struct ir_cluster *c, bool http);
bool traffic_upgrades_h2(const struct plan *p, enum protocol protocol, const struct pool_http *http);
enum ir_protocol traffic_protocol(const struct plan *p, enum protocol protocol);
/* c->discovery stands already. lb and d may be NULL. */
void traffic_lb(struct ir_cluster *c, const struct load_balancer *lb, struct arena *a);
void traffic_outlier(struct ir_cluster *c, const struct outlier_detection *d, bool takes_unhealthy, struct arena *a);
void traffic_retry_budget(struct ir_thresholds *t, const struct retry_budget *b_or_null);

/* ---- endpoints (plan_endpoint.c) ---- */
/* The assignment, in order of locality; inlined into DNS clusters, else an EDS resource. */
const struct ir_endpoints *endpoints_of(const struct plan *p, const struct outbound *o, const struct policy *policy,
					const char *name, struct arena *a);
/* How many members it has. */
size_t endpoints_count(const struct plan *p, const struct outbound *o, const struct policy *policy);
/* The hash of all that endpoints_of reads beyond outbound_mix. */
struct hash128 endpoints_mix(const struct plan *p, const struct outbound *o, struct hash128 h, struct arena *a);
/* How the caller's place weighs on a cluster: the rule's word, the service's, the mesh's. */
struct placement {
	const struct locality_lb *locality;	/* or NULL */
	const struct zone_aware_lb *zones;	/* or NULL; excludes the other one */
	bool forced;				/* holds without outlier detection too */
};
struct placement placement_of(const struct plan *p, const struct svc *svc, const struct policy *policy, struct arena *a);
bool placement_zones_on(const struct zone_aware_lb *z);
/* How many labels trafficDistribution compares: the service's field, annotation, or its namespace's. */
size_t endpoints_traffic_distribution(const struct plan *p, const struct svc *svc);
/* Are unhealthy endpoints sent, marked as such? */
bool endpoints_take_unhealthy(const struct plan *p, const struct svc *svc, const struct policy *policy);

/* ---- transport (plan_tls.c) ---- */
/* The TLS context that a policy asks for, or NULL: none. */
const struct ir_tls *tls_of_policy(const struct plan *p, const struct outbound *o, const struct client_tls *tls,
				   bool http2, struct arena *a);
/* TLS to a host outside of the mesh, whose certificate is one that the system's CAs stand for. */
const struct ir_tls *tls_of_host(const struct plan *p, const char *host, struct arena *a);
/* mTLS towards endpoints that speak it, with the workload's own identity. */
const struct ir_tls *tls_workload(const struct plan *p, const struct outbound *o, const struct client_tls *tls_or_null,
				  bool http2, struct arena *a);
/* TLS towards all endpoints, with the workload's identity in files. */
const struct ir_tls *tls_of_files(const struct plan *p, const struct outbound *o, bool http2, struct arena *a);
/* SDS name of the client's certificate that Gateways of the Gateway API have for their backends, or NULL. */
const char *tls_gateway_cert(const struct view *v);
/* Accounts of the endpoints, and those that the service names: sorted, no doubles. */
struct strs tls_accounts(const struct scope_svc *svc, struct arena *a);

/* ---- gRPC's own clients (plan_grpc.c) ---- */
/* What they know: EDS, and one name; IR_STATIC: nothing that they could reach. */
enum ir_discovery grpc_discovery(const struct outbound *o, const struct policy *policy);
/* Leaves what they understand. */
void grpc_reduce_cluster(struct ir_cluster *c);

#endif
