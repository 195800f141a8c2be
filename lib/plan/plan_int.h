/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to lib/mesh: what the plan_*.c files share. plan.c gathers rows by calling each
 * plan_*_rows once; rows may come in any order, plan.c sorts and drops doubles (first wins).
 */
#ifndef MESH_PLAN_INT_H
#define MESH_PLAN_INT_H

#include "base/map.h"
#include "base/vec.h"
#include "mesh/gateway.h"
#include "plan/plan.h"

struct plan_rows {
	VEC(struct plan_row) v;
	struct arena *arena;
};

/* Each adds the rows of its resources. */
void plan_cluster_rows(struct plan *p, struct plan_rows *rows);		/* plan_cluster.c: clusters of all kinds */
void plan_service_rows(struct plan *p, struct plan_rows *rows);		/* plan_cluster.c: of these, those of the scope's services */
void plan_endpoint_rows(struct plan *p, struct plan_rows *rows);	/* plan_endpoint.c: EDS */
void plan_outbound_rows(struct plan *p, struct plan_rows *rows);	/* plan_outbound.c: sidecar listeners */
void plan_inbound_rows(struct plan *p, struct plan_rows *rows);		/* plan_inbound.c: virtualInbound */
void plan_route_rows(struct plan *p, struct plan_rows *rows);		/* plan_route.c: sidecar RDS */
/* The SDS name of a rule's credentialName; suffix is that of a part of a Secret. */
const char *tls_credential(const char *name, const char *suffix, struct arena *a);
void plan_ca_rows(struct plan *p, struct plan_rows *rows);		/* plan_secret.c: CAs in ConfigMaps, of rules */
void plan_roots_row(struct plan *p, struct plan_rows *rows);		/* plan_secret.c: ROOTCA */
void plan_gateway_rows(struct plan *p, struct plan_rows *rows);		/* plan_gateway.c: gateway listeners, RDS, secrets */
void plan_names_row(struct plan *p, struct plan_rows *rows);		/* plan_names_table.c: NDS */
void plan_grpc_rows(struct plan *p, struct plan_rows *rows);		/* plan_grpc.c: listeners by name, of the routes in rows */

/* ---- names (istio-behaviour.md 2) ---- */
const char *plan_cluster_name(struct arena *a, const char *direction, uint32_t port, const char *subset, const char *host);
/* "/apis/networking.istio.io/v1/namespaces/<ns>/virtual-service/<name>" and the like */
const char *plan_config_path(struct arena *a, const struct object *obj);
/* The DNS cache of a service whose hosts are looked up as they are asked for; NULL: of all unknown hosts. */
struct ir_dns_cache *plan_dns_cache(const struct view *v, const char *host_or_null, struct arena *a);
const char *plan_quote_regex(const char *text, struct arena *a);	/* a regular expression for the text itself */
enum ir_family plan_dns_family(const struct view *v);
const char *plan_wildcard(const struct view *v);	/* "0.0.0.0" or "::" */
bool plan_is_wildcard(const char *bind);		/* is it either of them? */
/* Has both families, and its own listeners are on both (those of services always are). */
bool plan_is_dual(const struct view *v);
/* On that, and on "::" too where it is dual. */
void plan_listen_everywhere(const struct view *v, uint32_t port, struct ir_listener *l, struct arena *a);
void plan_listen_locally(const struct view *v, uint32_t port, struct ir_listener *l, struct arena *a);
bool plan_port_is_reserved(const struct plan *p, uint32_t port);	/* of the proxy itself */

/* Finds the wildcard hosts that stand for a host, the most specific first, in a map by host: as many
 * look-ups as the host has letters, however many wildcards there are. */
struct wild_walk {
	const struct map *wild;
	char *text;			/* the host behind one letter of room */
	size_t at, len;
};
void wild_walk_init(struct wild_walk *w, const struct map *wild, const char *host, struct arena *a);
void *wild_walk_next(struct wild_walk *w);	/* the next value, or NULL */

/* The name of statistics: name itself, or what the mesh's pattern (or NULL) makes of the service. target 0:
 * none. In a. */
const char *plan_stat_name(const char *pattern, const char *name, const struct svc *svc_or_null,
			   const struct svc_port *port_or_null, uint32_t target, const char *subset, struct arena *a);

/* ---- outboundTrafficPolicy ALLOW_ANY_DYNAMIC_DNS ---- */
#define PLAN_DYNAMIC_DNS_CLUSTER "AllowAnyDynamicDNSCluster"

/* ---- effective policy of one cluster (plan_policy.c; istio-behaviour.md 1.4.1, 3.2) ---- */
struct policy {
	const struct load_balancer *lb;		/* each or NULL */
	const struct connection_pool *pool;
	const struct outlier_detection *outlier;
	const struct client_tls *tls;
	const struct tunnel *tunnel;
	const struct proxy_protocol *proxy_protocol;
	const struct retry_budget *retry_budget;
};
/* dr or NULL; subset "" or NULL = none. Merges DR top level, port level, subset, subset port level. */
void policy_of(const struct dr *dr, const char *subset, uint32_t port, struct policy *out);
/* Blocks that it leaves out are the mesh's (MeshConfig.defaultTrafficPolicy): for clusters. */
void policy_add_baseline(const struct plan *p, struct policy *out);
const struct subset *policy_subset(const struct dr *dr, const char *name);	/* NULL if absent */

/* ---- HTTP routes (plan_http.c), used for sidecars and gateways ---- */
struct http_ctx {
	const struct plan *plan;
	struct arena *arena;
	const struct vs *vs;
	uint32_t listen_port;		/* port of the listener; server port at gateways */
	struct strs gateway_names;	/* "mesh", or the "ns/name" of the gateways of this server */
	bool is_gateway;
	bool is_tls;			/* the gateway server terminates TLS */
};
/* Appends the Envoy routes of ctx->vs; stops after a catch-all. */
struct ir_routes_vec {
	VEC(struct ir_route) v;
};
void http_routes_of(const struct http_ctx *ctx, struct ir_routes_vec *out);
/* The generated default route to one cluster. */
struct ir_route http_default_route(const struct plan *p, const char *cluster, const char *operation, struct arena *a);
/* Does the route match everything? */
bool http_is_catch_all(const struct ir_route *r);
/* The cluster of a destination as written in an object of namespace ns: short names, ports. */
const char *http_destination_cluster(const struct plan *p, const struct destination *d, const char *ns,
				     uint32_t listen_port, struct arena *a);
/* Mixes into h all that http_routes_of reads beyond the VirtualService: services and rules of its
 * destinations. */
struct hash128 http_mix_inputs(const struct plan *p, const struct vs *vs, struct hash128 h);

/* ---- route configurations of sidecars (plan_route.c; istio-behaviour.md 2.3) ---- */
/* Is an egress block (NULL: the default one) for all ports that no other block has? Such blocks have the
 * HTTP proxy. One with a Unix socket is not, as all of it is there. */
bool plan_is_open_block(const struct sidecar_egress *spec);
/* The RDS name of an outbound listener that speaks or sniffs HTTP; listeners and RDS rows both take
 * it from here. spec: the egress block, or NULL for the default one. protocol: of the listener's port
 * (of spec->port if that is set, else of the service's). wildcard_bind: the listener has no address
 * of its own (no VIP, or a CIDR). HTTP shares "<port>"; a sniffed port with an address of its own has
 * "<host>:<port>"; a Unix socket has its path. The HTTP proxy's is PLAN_RDS_HTTP_PROXY. */
#define PLAN_RDS_HTTP_PROXY "http_proxy"
const char *plan_rds_name(struct arena *a, const struct sidecar_egress *spec, const struct svc *svc, uint32_t port,
			  enum protocol protocol, bool wildcard_bind);
/* Where a sniffed port of a service listens, as bits: by its addresses, a headless one's endpoints;
 * in a block (spec, or NULL for the default one) for one port, a headless service has all of the port. */
enum { PLAN_BIND_WILDCARD = 1, PLAN_BIND_OWN = 2 };
unsigned plan_sniffed_binds(const struct view *v, const struct sidecar_egress *spec, const struct scope_svc *s,
			    struct arena *a);

/* ---- TCP and TLS routes (plan_tcp.c), used for sidecars and gateways ---- */
/* tcp_proxy for a list of weighted destinations, DR options of the first applied. */
struct ir_tcp *tcp_for_destinations(const struct plan *p, const struct vs *vs, const struct route_destination *d,
				    size_t n, uint32_t listen_port, struct arena *a);
struct ir_tcp *tcp_for_cluster(const struct plan *p, const char *cluster, const struct scope_svc *svc_or_null,
			       uint32_t port, struct arena *a);
/* Mixes into h all that tcp_for_destinations reads of the tls and tcp routes of vs. */
struct hash128 tcp_mix_inputs(const struct plan *p, const struct vs *vs, struct hash128 h, struct arena *a);

/* ---- connection manager and logs (plan_hcm.c) ---- */
/* port: of the listener; services of DYNAMIC_DNS that have it are looked up there */
enum { HCM_ANY_PORT = 0, HCM_NO_PORT = 1 << 16 };
struct ir_http *hcm_outbound(const struct plan *p, const char *rds_name, const char *stat_prefix, uint32_t port, struct arena *a);
/* Mixes in the services that connection managers look up hosts for. */
struct hash128 hcm_mix_dynamic(const struct plan *p, struct hash128 h);
struct ir_http *hcm_inbound(const struct plan *p, const struct ir_routes *routes, const char *stat_prefix, struct arena *a);
struct ir_http *hcm_gateway(const struct plan *p, const char *rds_name, const char *stat_prefix, struct arena *a);
/* What ProxyConfig proxyHeaders leave to routes: count attempts, append the original host. */
bool hcm_counts_attempts(const struct plan *p);
bool hcm_forwards_host(const struct plan *p);
/* Buffers, balance and log; l->direction is set. */
void hcm_listener(const struct plan *p, struct ir_listener *l, struct arena *a);
void hcm_logs(const struct plan *p, const struct ir_access_log **logs, size_t *n, struct arena *a);

/* ---- the proxy's own identity, and compliance (plan_tls_own.c) ---- */
/* Files of its metadata are the workload's certificate towards servers of the mesh. */
bool tls_has_client_files(const struct view *v);
/* It has a certificate to show to a service, in files or from an agent; to its clients. */
bool tls_has_client_identity(const struct view *v, const struct svc *svc);
bool tls_has_server_identity(const struct view *v);
/* Sets its certificate, and the CA of its clients. */
void tls_use_server_identity(const struct view *v, struct ir_tls *t, struct arena *a);
struct ir_secret_ref tls_file_pair(const struct view *v, const char *cert, const char *key, struct arena *a);
struct ir_secret_ref tls_file_root(const struct view *v, const char *ca, struct arena *a);
/* Returns t within what the proxy must comply with: the last word on versions, suites and curves. */
const struct ir_tls *tls_comply(const struct view *v, struct ir_tls *t, struct arena *a);

/* ---- TLS of servers (plan_gateway_tls.c): Gateways, and the ingress of Sidecars ---- */
/* Certificates and the CA in files. */
void server_files(const struct plan *p, struct ir_tls *out, const struct server_tls *t, bool checks_clients, struct arena *a);
/* Versions, suites, curves; and what client certificates are checked for. */
void server_tls_options(const struct plan *p, struct ir_tls *out, const struct server_tls *t, bool checks_clients,
			struct arena *a);
/* Those that are known, once each. */
struct strs tls_known(const struct strs *in, bool (*is_known)(const char *), struct arena *a);

/* ---- what only the merge of Gateways sees (plan_gateway.c, plan_secret.c) ---- */
struct plan_gateway_finding {
	enum gateway_fault fault;
	const struct object *obj;	/* the Gateway or DestinationRule */
	size_t server;			/* index within the Gateway */
	const char *text;		/* the host, port or name in question */
};
/* Of a router's plan; 0 of others. Lives as long as the plan. */
size_t plan_gateway_findings(const struct plan *p, const struct plan_gateway_finding **out);

/* Collects origins without doubles, sorted by identity. */
struct origins {
	VEC(const struct object *) v;
	struct arena *arena;
};
void origins_add(struct origins *o, const struct object *obj_or_null);
struct ir_origins origins_done(struct origins *o);

/* ---- keys of tokens (plan_jwks.c) ---- */

struct jwks_uri;
/* The cluster through which keys are fetched. */
const char *jwks_cluster_name(const struct plan *p, const struct jwks_uri *uri, struct arena *a);
/* Clusters of hosts that no service is known for. */
void plan_jwks_rows(struct plan *p, struct plan_rows *rows);

/* ---- authorization (plan_authz.c) ---- */

/* The filters before what a chain of the view does; NULL: none. Their objects are added to origins. */
const struct ir_authz *authz_of(const struct plan *p, struct origins *origins, struct arena *a);
/* What they depend on, but for the mesh's settings. */
struct hash128 authz_mix_inputs(const struct plan *p, struct arena *scratch, struct hash128 h);

#endif
