/* SPDX-License-Identifier: Apache-2.0
 *
 * struct proxy: one client as it describes itself (node id and metadata, istio-behaviour.md 4.1,
 * 4.2): claims, not identity. struct view: the canonical key of everything that a plan may read of
 * a proxy; proxies with equal views share all results (P2). A plan gets the view only.
 */
#ifndef MESH_PROXY_H
#define MESH_PROXY_H

#include "base/err.h"
#include "mesh/policy.h"
#include "mesh/peer.h"
#include "mesh/snapshot.h"

enum proxy_type { PROXY_SIDECAR, PROXY_ROUTER, PROXY_WAYPOINT, PROXY_GRPC /* proxyless */ };
enum interception { INTERCEPT_REDIRECT, INTERCEPT_TPROXY, INTERCEPT_NONE };

enum proxy_feature {
	FEATURE_INGRESS_TLS = 1,	/* a Sidecar's ingress may end TLS */
	FEATURE_QUIC = 2,		/* gateways speak HTTP/3 where their Service has the UDP port */
	FEATURE_HTTP10 = 4,
	FEATURE_GATEWAY_OWN_NAMESPACE = 8,	/* Gateways select pods of their own namespace only */
	FEATURE_DUAL_STACK = 16,	/* virtual and gateway listeners on both families */
	FEATURE_FIPS_140_2 = 32,	/* what TLS must comply with: at most one of these */
	FEATURE_FIPS_140_3 = 64,
	FEATURE_PQC = 128,
};

struct proxy {
	enum proxy_type type;
	const char *id;			/* whole node id */
	const char *name, *ns;		/* pod name; configuration namespace */
	const char *metadata_ns;	/* as its metadata says, for telemetry; "" = unset */
	struct strs ips;
	const char *dns_domain;
	struct strmap labels;
	const char *cluster_id, *network, *service_account, *version;
	const char *region, *zone, *subzone;	/* as node.locality says, "" = unset */
	enum interception interception;
	bool http10;
	const struct node *proxy_config;	/* metadata PROXY_CONFIG, or NULL */
	struct strmap switches;		/* istiod's, turned on for this proxy from outside; by key */
	const struct node *metadata;		/* all of it, or NULL */
	struct strmap pod_ports;	/* name -> number, from POD_PORTS */
	bool has_alpn_filter;		/* node.extensions: istio's own filters are there */
	bool sds_agent;			/* an SDS server stands beside it (cluster sds-grpc): Istio's agent */
	const char *rest_cluster;	/* polls REST through this cluster, set by the service; NULL: ADS */
};

/* Reads a node: id "type~ip~name.ns~domain". metadata: a NODE_MAP or NULL. Refusals: unknown type,
 * not 4 parts, no valid address. The judge's --node-file form is read by proxy_from_file. */
int proxy_parse(const char *node_id, const struct node *metadata, const char *region, const char *zone,
		const char *subzone, const struct strs *extensions, struct arena *a, struct proxy *out,
		struct err *e);
/* {"type","id","namespace","ips","labels","metadata","dns_domain"}, and "sds_agent": false for a proxy
 * without Istio's agent. */
int proxy_from_file(const struct node *file, struct arena *a, struct proxy *out, struct err *e);

/* A text, number or boolean of the metadata, or NULL; is it "true" or "1"? */
const char *proxy_metadata(const struct proxy *p, const char *key);
bool proxy_metadata_true(const struct proxy *p, const char *key);

/* One port of the proxy's own workload, from the Services that select it. */
struct view_target {
	const struct svc *svc;		/* oldest Service of that target port (routers: and service port) */
	const struct svc_port *port;
	uint32_t target_port;
	/* the other Services with that service port and target port; a sidecar's only */
	const struct svc *const *also;
	size_t n_also;
};

/* A certificate, its key, and the CA of peers, as paths; "" = unset. */
struct tls_files {
	const char *cert, *key, *ca;
};

struct view {
	struct hash128 hash;		/* of all below, with the content of Gateways, Sidecar and targets */
	enum proxy_type type;
	const char *ns;
	struct strmap labels;		/* all of the pod's labels minus pod-template-hash and the like */
	const char *region, *zone, *subzone, *network, *cluster_id, *dns_domain, *node, *metadata_ns;
	bool v4, v6;			/* address families of the proxy */
	struct strs ips;		/* own addresses, where a listener depends on them (interception NONE,
					 * headless TCP services, ingress to 0.0.0.0); else empty */
	enum interception interception;
	bool http10;
	uint32_t http_proxy_port;	/* 0 = the mesh's */
	struct opt_duration idle_timeout;	/* of connections that no rule bounds */
	bool inbound_exact_balance, outbound_exact_balance;
	bool unprivileged;		/* cannot listen below port 1024 */
	bool dns_capture;		/* answers its workload's DNS itself */
	bool external_sds;		/* a second SDS server stands beside it */
	struct tls_files server_files, client_files;	/* of the workload, in place of its agent's */
	const char *mesh_id;		/* "" = unset */
	const char *network_view;	/* networks whose endpoints it wants, "a,b"; "" = all */
	const struct view_target *targets;	/* by target port, no doubles, no UDP */
	size_t n_targets;
	const struct gw *const *gateways;	/* routers: those whose selector matches, by age */
	size_t n_gateways;
	const struct object *sidecar;	/* the Sidecar in force, or NULL */
	struct peer_modes peer;		/* mutual TLS of its own callers; a sidecar's only */
	struct policy_set authz, authn;	/* what its callers may do, whose tokens they show; of sidecars and gateways */
	bool sds_agent;
	const char *rest_cluster;	/* config sources inside resources are REST; NULL: ADS */
	const struct proxy_config *config;	/* in force: gatewayTopology, tracing, proxyHeaders,
					 * connectionSettings with their profile; never NULL */
	unsigned features;		/* enum proxy_feature */
	struct hash128 config_hash;	/* of both, and of the files */
};

/* What the snapshot knows of the proxy (its pod's labels win over claimed ones) becomes the view.
 * The view borrows from the snapshot and not from the proxy: it lives as long as the snapshot and a.
 * Pure. */
void view_build(const struct snapshot *s, const struct proxy *p, struct arena *a, struct view *out);

/* Mixes into h what every listener reads: metadata about connections, and the ProxyConfig. */
struct hash128 view_mix_listeners(const struct view *v, struct hash128 h);

/* Mixes in what inbound listeners read of PeerAuthentications. */
struct hash128 view_mix_peer(const struct view *v, struct hash128 h);
/* Of AuthorizationPolicies and RequestAuthentications. */
struct hash128 view_mix_policies(const struct view *v, struct hash128 h);

/* The Services (comma separated hosts) that a Gateway names instead of a selector, or NULL; an Ingress names none. */
const char *gateway_service(const struct object *gw);
bool gateway_service_is(const char *list, const char *host);
/* A router stands behind a Service that the Gateway names. */
bool view_serves(const struct view *v, const struct gw *gw);

/* ---- what a view sees (Sidecar scope, exportTo, istio-behaviour.md 3.2-3.4) ---- */

struct scope_svc {
	const struct svc *svc;
	const struct ep_set *eps;
	const struct dr *dr;		/* in force for this view, or NULL */
	const struct svc_port *ports;	/* the imported ones: svc->ports, or a subset */
	size_t n_ports;
};

/* One outbound listener group: an egress block of a Sidecar, or the default one with everything. */
struct scope_egress {
	const struct sidecar_egress *spec;	/* or NULL: the default, captureMode IPTABLES */
	const struct scope_svc *svcs;	/* by host */
	size_t n_svcs;
	const struct vs *const *vss;	/* Istio's order: private, exported by name, public; each by age */
	size_t n_vss;
};

struct scope {
	const struct scope_svc *svcs;	/* union over the egress blocks, by host: the clusters */
	size_t n_svcs;
	const struct scope_svc *const *dynamic;	/* of these: SVC_DYNAMIC_DNS, by host */
	size_t n_dynamic;
	const struct scope_egress *egress;
	size_t n_egress;
	bool registry_only;		/* outboundTrafficPolicy */
	bool dynamic_dns;		/* of it: unknown HTTP goes where its Host says */
	const struct destination *egress_proxy;	/* or NULL */
};

void scope_build(const struct snapshot *s, const struct view *v, struct arena *a, struct scope *out);
const struct scope_svc *scope_find(const struct scope *s, const char *host);	/* exact host */
/* The DestinationRule for svc as seen by a view, or NULL. */
const struct dr *scope_rule(const struct snapshot *s, const struct view *v, const struct svc *svc);
/* The one for the view's own service: rules with a workloadSelector are about what it calls. */
const struct dr *scope_rule_inbound(const struct snapshot *s, const struct view *v, const struct svc *svc);

#endif
