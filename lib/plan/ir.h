/* SPDX-License-Identifier: Apache-2.0
 *
 * The intermediate representation: what one view gets, with final names, final order and no
 * decision left. plan_*.c fill it from a snapshot, xds/build_*.c write it out; neither side looks
 * further. Strings and pointers are borrowed from the snapshot or live in the arena of the job;
 * everything is const after planning. "or NULL"/has = false means "not emitted".
 * Times are nanoseconds. Names follow Istio (istio-behaviour.md 2). Thread: pure.
 */
#ifndef MESH_IR_H
#define MESH_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/schema.h"	/* strs, strmap, opt_* */

struct object;

enum ir_type { IR_CLUSTER, IR_ENDPOINTS, IR_LISTENER, IR_ROUTES, IR_SECRET, IR_NAMES, IR_TYPES };

/* The objects that a resource came from: P9. Sorted by identity, no doubles. */
struct ir_origins {
	const struct object *const *v;
	size_t n;
};

/* ---- shared pieces ---- */

struct ir_address {
	const char *ip;			/* address, host name (DNS clusters), or path of a Unix socket */
	uint32_t port;
	bool is_pipe, is_udp;
};

struct ir_keepalive {
	struct opt_u32 probes, time_s, interval_s;
};

/* Where a certificate or CA comes from: an SDS name (of the xDS server, or of the local agent), or
 * files that the proxy reads itself. */
enum ir_sds {
	IR_SDS_NONE, IR_SDS_ADS, IR_SDS_AGENT, IR_SDS_FILE,
	IR_SDS_EXTERNAL,		/* a second server beside the proxy, cluster "sds-external" */
};
struct ir_secret_ref {
	enum ir_sds from;
	const char *name;		/* "kubernetes://cred", "default", "ROOTCA", "file-cert:..."; or path */
	const char *key;		/* IR_SDS_FILE certificate: path of its private key */
};

struct ir_tls {
	bool downstream;
	bool quic;				/* downstream, of a listener that speaks it */
	const struct ir_secret_ref *certs;	/* own certificates */
	size_t n_certs;
	struct ir_secret_ref ca;		/* what the peer is checked with; IR_SDS_NONE = not */
	struct strs san_exact;			/* names the peer may have */
	struct strs san_prefix;
	struct strs verify_spki, verify_hash;
	const char *crl_file;			/* or NULL */
	bool require_client_cert;		/* downstream */
	bool has_require_client_cert;		/* emit it even when false */
	bool accept_untrusted;
	bool empty_validation;			/* emit a validation context that checks nothing */
	struct strs alpn;
	const char *sni;			/* upstream, or NULL */
	bool auto_sni;				/* upstream, with no sni */
	bool auto_san;				/* upstream: check the SAN against the sent SNI */
	uint8_t min_version, max_version;	/* 0 auto, 1..4 = TLSv1_0..TLSv1_3 */
	struct strs cipher_suites, curves;
	bool fips_202205;			/* the compliance policy of that name */
};

/* ---- clusters ---- */

enum ir_discovery {
	IR_EDS, IR_STATIC, IR_STRICT_DNS, IR_LOGICAL_DNS, IR_ORIGINAL_DST, IR_DYNAMIC_DNS,
};

enum ir_lb {
	IR_LB_ROUND_ROBIN, IR_LB_LEAST_REQUEST, IR_LB_RANDOM, IR_LB_RING_HASH, IR_LB_MAGLEV,
	IR_LB_PROVIDED,		/* original destination, dynamic forward proxy */
};

enum ir_protocol {
	IR_HTTP_NONE,		/* no protocol options */
	IR_HTTP1,
	IR_HTTP2,
	IR_HTTP_DOWNSTREAM,	/* as the client spoke */
};

struct ir_outlier {
	struct opt_u32 consecutive_5xx, consecutive_gateway, consecutive_local_origin;
	bool split_local_origin;
	struct opt_duration interval, base_ejection_time;
	struct opt_u32 max_ejection_percent;
	struct u32s error_codes;	/* statuses that count as failures; none = 5xx */
};

struct ir_slow_start {
	struct opt_duration window;
	struct opt_double aggression, min_percent;
};

struct ir_thresholds {
	uint32_t max_connections, max_pending_requests, max_requests, max_retries;
	bool has_retry_budget;
	double budget_percent;
	struct opt_duration budget_interval;
	uint32_t min_retry_concurrency;
	bool track_remaining;
};

enum ir_health { IR_HEALTHY, IR_UNHEALTHY, IR_DRAINING };

struct ir_endpoint {
	struct ir_address address;
	const struct ir_address *more;	/* further addresses of a dual-stack endpoint */
	size_t n_more;
	uint32_t weight;
	enum ir_health health;
	const char *workload;		/* "name;ns;canonical;revision;cluster" or NULL */
	bool mtls;			/* match metadata tlsMode: istio */
};

struct ir_locality {
	const char *region, *zone, *subzone;	/* "" = unset */
	uint32_t priority;
	struct opt_u32 weight;
	const struct ir_endpoint *eps;
	size_t n_eps;
};

struct ir_endpoints {
	const char *name;		/* the cluster's name */
	const struct ir_locality *localities;
	size_t n_localities;
	bool always_place;		/* a locality without a name has an empty one: gRPC's own clients */
	bool has_overprovisioning;
	uint32_t overprovisioning;
	struct ir_origins origins;
};

enum ir_family { IR_FAMILY_V4, IR_FAMILY_V6, IR_FAMILY_BOTH };	/* that DNS is asked for */

struct ir_dns_cache {			/* of a forward proxy: a cluster and filters share it by name */
	const char *name;
	enum ir_family family;
};

struct ir_service_ref {			/* cluster metadata istio.services[] */
	const char *host, *name, *ns;
};

struct ir_cluster {
	const char *name;
	const char *alt_stat_name;	/* name + ";", or a pattern */
	enum ir_discovery discovery;
	const struct ir_endpoints *inline_endpoints;	/* STATIC and DNS, or NULL */
	const char *eds_name;		/* EDS: service name */
	struct opt_duration connect_timeout;
	enum ir_lb lb;
	struct opt_u32 ring_min_size, maglev_table_size;
	enum { IR_PLACE_ANY, IR_PLACE_WEIGHTED, IR_PLACE_ZONES, IR_PLACE_NO_ZONES } place;
	struct opt_u32 zones_from;	/* IR_PLACE_ZONES: endpoints from which on zones count */
	const struct ir_slow_start *slow_start;	/* or NULL */
	const struct ir_thresholds *thresholds;	/* or NULL */
	const struct ir_outlier *outlier;	/* or NULL */
	struct opt_u32 panic_percent;	/* common_lb_config.healthy_panic_threshold */
	bool keeps_draining;		/* sessions may stay on draining endpoints */
	const struct ir_keepalive *keepalive;	/* or NULL */
	enum ir_protocol protocol;
	uint32_t max_concurrent_streams;	/* 0 = unset; HTTP/2 */
	struct opt_duration h2_ping_interval, h2_ping_timeout;
	uint32_t max_requests_per_connection;	/* 0 = unset */
	struct opt_duration idle_timeout, max_connection_duration;
	const struct ir_tls *tls;	/* always, or NULL */
	const struct ir_tls *auto_mtls;	/* where the endpoint says so; plaintext elsewhere; or NULL */
	uint8_t proxy_protocol;		/* 0 none, 1, 2 */
	const char *bind_ip;		/* source address, or NULL */
	const char *bind_ip_more;	/* second family, or NULL */
	bool long_cleanup;		/* ORIGINAL_DST that never forgets (inbound) */
	uint32_t port_override;		/* ORIGINAL_DST: port in place of the original; 0 = that */
	struct opt_duration dns_refresh;
	enum ir_family dns_family;
	const struct ir_dns_cache *dns_cache;	/* DYNAMIC_DNS */
	bool preserve_case;		/* HTTP/1 headers; with protocol options */
	struct opt_u32 buffer_limit;	/* bytes of one connection */
	struct ir_service_ref *services;
	size_t n_services;
	const char *subset;		/* metadata istio.subset, or NULL */
	const char *config;		/* metadata istio.config: path of the DestinationRule, or NULL */
	bool external;			/* metadata istio.external */
	bool no_alpn_override;		/* metadata istio.alpn_override "false" */
	struct ir_origins origins;
};

/* ---- routes ---- */

enum ir_match_kind { IR_ANY, IR_EXACT, IR_PREFIX, IR_SUFFIX, IR_REGEX, IR_PRESENT };

struct ir_string_match {
	enum ir_match_kind kind;
	const char *text;
	bool ignore_case;
};

struct ir_named_match {			/* a header or a query parameter */
	const char *name;
	struct ir_string_match match;
	bool invert;
	bool missing_is_empty;		/* treat_missing_header_as_empty */
};

struct ir_claim_match {			/* JWT claim: path below "payload" */
	struct strs path;
	struct ir_string_match match;
	bool invert;
};

struct ir_route_match {
	enum { IR_PATH_PREFIX, IR_PATH_EXACT, IR_PATH_REGEX, IR_PATH_SEPARATED } path_kind;
	const char *path;
	struct opt_bool case_sensitive;
	const struct ir_named_match *headers;
	size_t n_headers;
	const struct ir_named_match *query;
	size_t n_query;
	const struct ir_claim_match *claims;
	size_t n_claims;
};

struct ir_header_op {
	const char *name, *value;
	bool append;			/* else overwrite if exists, or add */
};

struct ir_header_ops {
	const struct ir_header_op *request_set, *response_set;	/* in order of emission */
	size_t n_request_set, n_response_set;
	struct strs request_remove, response_remove;
};

struct ir_hash_policy {
	enum { IR_HASH_HEADER, IR_HASH_COOKIE, IR_HASH_SOURCE_IP, IR_HASH_QUERY } kind;
	const char *name;		/* header, cookie or parameter */
	const char *path;		/* cookie, or NULL */
	struct opt_duration ttl;	/* cookie */
	const struct str_pair *attributes;
	size_t n_attributes;
};

struct ir_weighted {
	const char *cluster;
	uint32_t weight;
	const char *host_rewrite;	/* or NULL */
	struct ir_header_ops headers;
};

struct ir_retry {
	const char *retry_on;
	struct u32s retriable_codes;
	uint32_t num_retries;
	struct opt_duration per_try_timeout, backoff;
	bool avoid_previous_hosts;	/* retry_host_predicate previous_hosts */
	uint32_t host_attempts;		/* host_selection_retry_max_attempts; 0 = unset */
	bool remote_localities;		/* previous_priorities, frequency 2 */
};

struct ir_fraction {
	uint32_t numerator;
	uint32_t denominator;		/* 100, 10000 or 1000000 */
};

struct ir_mirror {
	const char *cluster;
	struct ir_fraction share;
};

struct ir_fault {
	bool has_delay, has_abort, abort_is_grpc;
	int64_t delay_ns;
	struct ir_fraction delay_share, abort_share;
	uint32_t abort_code;
};

struct ir_cors {
	const struct ir_string_match *origins;
	size_t n_origins;
	const char *methods, *headers, *expose;	/* comma-joined, or NULL */
	const char *max_age_s;			/* text, or NULL */
	struct opt_bool allow_credentials;
	struct opt_bool forward_not_matching;	/* preflights */
};

enum ir_action { IR_ACTION_NONE, IR_ACTION_FORWARD, IR_ACTION_REDIRECT, IR_ACTION_DIRECT };

struct ir_redirect {
	const char *path, *prefix_rewrite, *host, *scheme;	/* or NULL */
	uint32_t port;			/* 0 = unset */
	uint32_t code;			/* 301, 302, 303, 307, 308 */
};

struct ir_direct {
	uint32_t status;
	const uint8_t *body;		/* or NULL */
	size_t n_body;
	bool body_is_text;
};

struct ir_route {
	const char *name;		/* or NULL */
	const char *stat_prefix;	/* or NULL */
	const char *operation;		/* decorator, or NULL */
	const char *config;		/* metadata istio.config, or NULL */
	struct ir_route_match match;
	enum ir_action action;
	/* IR_ACTION_FORWARD */
	const struct ir_weighted *clusters;
	size_t n_clusters;
	bool by_weight;			/* weighted, be it one alone */
	struct opt_duration timeout;	/* 0 = disabled is emitted */
	struct opt_duration max_grpc_timeout;
	bool no_stream_limit;		/* max_stream_duration 0 and grpc_timeout_header_max 0 (inbound) */
	struct opt_duration max_stream;	/* max_stream_duration, for gRPC's own clients */
	const struct ir_retry *retry;	/* or NULL */
	const char *prefix_rewrite, *regex_rewrite, *regex_substitution, *host_rewrite;	/* or NULL */
	bool append_forwarded_host;
	const struct ir_hash_policy *hash;
	size_t n_hash;
	const struct ir_mirror *mirrors;
	size_t n_mirrors;
	bool not_found_is_500;		/* cluster_not_found_response_code */
	struct ir_redirect redirect;
	struct ir_direct direct;
	struct ir_header_ops headers;
	const struct ir_fault *fault;	/* or NULL */
	const struct ir_cors *cors;	/* or NULL */
};

struct ir_vhost {
	const char *name;
	struct strs domains;
	const struct ir_route *routes;
	size_t n_routes;
	bool require_tls;		/* ALL: httpsRedirect */
	bool attempt_count;		/* include_request_attempt_count */
};

struct ir_routes {
	const char *name;
	const struct ir_vhost *vhosts;
	size_t n_vhosts;
	bool ignore_port;		/* ignore_port_in_host_matching */
	struct opt_bool validate_clusters;
	struct opt_u32 max_direct_body;
	struct ir_origins origins;
};

/* ---- listeners ---- */

struct ir_access_log {			/* to a file or stdout */
	const char *path;
	const char *text;		/* format with newline, or NULL: json */
	const struct node *json;	/* NODE_MAP of formats */
	bool omit_empty;		/* members without value */
};

enum ir_direction { IR_INBOUND, IR_OUTBOUND };

struct ir_tracing {			/* without a provider of its own: the bootstrap's, if any */
	double random_percent;
	const char *canonical_service, *canonical_revision, *cluster_id, *mesh_id, *ns;
};

enum ir_xfcc {				/* X-Forwarded-Client-Cert */
	IR_XFCC_SANITIZE, IR_XFCC_FORWARD_ONLY, IR_XFCC_APPEND_FORWARD, IR_XFCC_SANITIZE_SET, IR_XFCC_ALWAYS_FORWARD_ONLY,
};

/* What the filter says must equal what the cluster of the cache says. */
struct ir_http {
	const char *stat_prefix;
	const char *rds_name;		/* or NULL: inline_routes */
	const struct ir_routes *inline_routes;
	enum ir_direction direction;
	bool is_gateway;
	bool http3;			/* nothing else, on a QUIC listener */
	bool use_remote_address;
	uint32_t trusted_hops;
	enum ir_xfcc xfcc;
	bool xfcc_subject, xfcc_cert, xfcc_chain, xfcc_dns, xfcc_uri;	/* set_current_client_cert_details */
	const char *server_name;	/* or NULL */
	bool keeps_server_header;	/* the application's */
	bool no_request_id;
	bool forwarded_port;		/* append X-Forwarded-Port */
	bool normalize_path, merge_slashes;
	enum {				/* %2F in paths */
		IR_SLASHES_DEFAULT, IR_SLASHES_KEEP, IR_SLASHES_REJECT, IR_SLASHES_REDIRECT, IR_SLASHES_DECODE,
	} escaped_slashes;
	enum { IR_UNDERSCORES_ALLOW, IR_UNDERSCORES_REJECT, IR_UNDERSCORES_DROP } underscores;	/* in names of headers */
	bool http10;
	bool preserve_case;		/* HTTP/1 headers */
	struct opt_u32 max_streams, stream_window, connection_window;	/* HTTP/2 */
	bool grpc_web;
	const struct ir_dns_cache *dns_caches;	/* dynamic_forward_proxy, each one, before the router */
	size_t n_dns_caches;
	bool fault_and_cors;		/* outbound, gateway, inbound alike */
	bool suppress_envoy_headers;
	struct opt_duration idle_timeout, stream_idle_timeout, request_timeout, headers_timeout;
	const struct ir_access_log *logs;
	size_t n_logs;
	const struct ir_tracing *tracing;	/* or NULL */
};

/* ---- authorization ---- */

/* A condition on a caller (principal) or on what it asks for (permission). */
enum ir_cond_kind {
	IR_COND_ANY,
	IR_COND_ALL, IR_COND_ONE, IR_COND_NOT,		/* of v; NOT has one */
	IR_COND_PEER,			/* text: SPIFFE id of the certificate */
	IR_COND_HEADER,			/* name, text */
	IR_COND_PATH,			/* text: without query */
	IR_COND_PATH_TEMPLATE,		/* text.text: Envoy's uri_template */
	IR_COND_DIRECT_IP, IR_COND_REMOTE_IP, IR_COND_DESTINATION_IP,	/* net */
	IR_COND_DESTINATION_PORT,	/* port */
	IR_COND_SNI,			/* text */
	IR_COND_METADATA,		/* name: filter; path, text, list */
};

struct ir_prefix {
	const char *ip;
	uint32_t len;
};

struct ir_cond {
	enum ir_cond_kind kind;
	const struct ir_cond *v;
	size_t n;
	const char *name;
	struct ir_string_match text;
	struct strs path;
	enum { IR_VALUE, IR_VALUE_OF_LIST, IR_VALUE_OR_OF_LIST } list;
	struct ir_prefix net;
	uint32_t port;
};

struct ir_authz_policy {
	const char *name;
	const struct ir_cond *permissions, *principals;	/* one of each */
	size_t n_permissions, n_principals;
};

struct ir_authz_rules {
	enum { IR_AUTHZ_ALLOW, IR_AUTHZ_DENY, IR_AUTHZ_LOG } action;	/* as Envoy's enum */
	const struct ir_authz_policy *v;	/* by name */
	size_t n;
};

/* A service that decides (ext_authz), for what the rules before it marked. */
struct ir_ext_authz {
	bool grpc;
	const char *cluster, *authority, *path_prefix;	/* prefix or NULL */
	const char *mark;		/* prefix of the policies' names that ask it */
	int64_t timeout_ns;
	bool fail_open;
	uint32_t status_on_error;	/* 0 = Envoy's own */
	struct {
		bool has, partial, as_bytes;
		uint32_t max;
	} body;
	const struct ir_string_match *sent, *to_upstream, *to_client_on_deny, *to_client_on_allow;	/* headers */
	size_t n_sent, n_to_upstream, n_to_client_on_deny, n_to_client_on_allow;
	const struct str_pair *added;
	size_t n_added;
};

struct ir_authz_filter {
	const struct ir_authz_rules *rules, *shadow;	/* or NULL: rules that are in force, and that are only watched */
	const char *shadow_prefix;	/* or NULL */
	const struct ir_ext_authz *ext;	/* behind it, or NULL */
};

/* Whose tokens are good, where they are looked for, and what becomes of them. */
struct ir_jwt_provider {
	const char *name, *issuer;
	struct strs audiences;		/* any of them; none: any audience */
	const char *jwks;		/* the keys, or NULL: they are fetched */
	const char *jwks_uri, *jwks_cluster;
	int64_t jwks_timeout_ns;
	const struct str_pair *headers;	/* name, prefix of the token */
	size_t n_headers;
	struct strs params, cookies;
	bool forward;			/* the token goes on */
	const char *payload_header;	/* or NULL */
	const struct str_pair *claims;	/* header, claim */
	size_t n_claims;
	struct strs space_delimited;	/* claims that are lists */
	bool clear_route_cache;		/* routes depend on claims */
	bool required;			/* none is no good either */
};

struct ir_jwt {
	const struct ir_jwt_provider *v;	/* by issuer, as requests are checked */
	const struct ir_jwt_provider *const *by_name;	/* the same */
	size_t n;
};

struct ir_authz {
	const struct ir_authz_filter *http, *tcp;	/* in order */
	size_t n_http, n_tcp;
	size_t n_before_jwt;		/* of http: they stand before jwt */
	const struct ir_jwt *jwt;	/* or NULL */
};

struct ir_tcp {
	const char *stat_prefix;
	const struct ir_weighted *clusters;
	size_t n_clusters;
	bool by_weight;			/* weighted, be it one alone */
	struct opt_duration idle_timeout, max_connection_duration;
	bool hash_source_ip;
	const char *tunnel_to;		/* "host:port", or NULL */
	bool tunnel_post;
	const struct ir_dns_cache *sni_cache;	/* sni_dynamic_forward_proxy before it, or NULL */
	uint32_t sni_port;		/* of the hosts that it looks up */
	bool mongo;			/* mongo_proxy before it */
	const char *mongo_stat_prefix;
	const struct ir_access_log *logs;
	size_t n_logs;
};

struct ir_chain_match {
	uint32_t destination_port;	/* 0 = any */
	const struct ir_prefix *prefixes;
	size_t n_prefixes;
	struct strs server_names, application_protocols;
	const char *transport_protocol;	/* "tls", "raw_buffer", or NULL */
};

struct ir_chain {
	const char *name;		/* or NULL */
	bool has_match;
	struct ir_chain_match match;
	const struct ir_tls *tls;	/* downstream, or NULL */
	struct opt_duration tls_connect_timeout;	/* transport_socket_connect_timeout */
	const struct ir_http *http;	/* exactly one of http and tcp */
	const struct ir_tcp *tcp;
	const struct ir_authz *authz;	/* or NULL */
};

/* A listener filter that is off on these destination ports, or on only there (inbound inspectors). */
struct ir_inspector {
	bool on, only;
	struct u32s ports;
	struct opt_u32 initial_read_buffer;
};

struct ir_listener {
	const char *name;
	struct ir_address address;
	const struct ir_address *more;	/* additional_addresses */
	size_t n_more;
	enum ir_direction direction;
	struct opt_bool bind_to_port;
	bool use_original_dst;
	bool transparent, filter_original_src;	/* TPROXY */
	bool filter_original_dst;	/* listener filter */
	bool filter_proxy_protocol;
	bool quic;			/* over UDP */
	bool exact_balance;		/* of connections over workers */
	struct opt_u32 buffer_limit;	/* bytes of one connection */
	struct ir_inspector tls_inspector, http_inspector;
	struct opt_duration filters_timeout;
	bool continue_on_timeout;
	struct opt_u32 max_accepts;	/* max_connections_to_accept_per_socket_event */
	const struct ir_chain *chains;
	size_t n_chains;
	const struct ir_chain *default_chain;	/* or NULL */
	const char *api_routes;		/* gRPC's own clients: the RDS name, no address and chains; or NULL */
	const struct ir_access_log *logs;	/* with the filter "no matching chain" (flag NR) */
	size_t n_logs;
	struct ir_origins origins;
};

/* ---- secrets ---- */

struct ir_secret {
	const char *name;
	const char *cert_chain, *private_key;	/* PEM, or NULL */
	const char *ca;				/* PEM, or NULL */
	const char *crl;			/* PEM, or NULL */
	struct ir_origins origins;
};

/* One planned resource. */
/* ---- names, for an agent that answers DNS ---- */

struct ir_name {
	const char *host;
	struct strs ips;
	const char *registry;		/* "Kubernetes" or "External" */
	const char *shortname, *ns;	/* of a Kubernetes Service, or of a pod below one; else NULL */
};
struct ir_names {
	const char *name;		/* of the one table */
	const struct ir_name *v;	/* by host */
	size_t n;
	struct ir_origins origins;
};

struct ir {
	enum ir_type type;
	union {
		const struct ir_cluster *cluster;
		const struct ir_endpoints *endpoints;
		const struct ir_listener *listener;
		const struct ir_routes *routes;
		const struct ir_secret *secret;
		const struct ir_names *names;
	};
};

#endif
