/* SPDX-License-Identifier: Apache-2.0
 *
 * networking.istio.io: VirtualService, DestinationRule, Gateway, ServiceEntry, WorkloadEntry,
 * WorkloadGroup, Sidecar, as users write them. Names, enum numbers and meanings are Istio's API (istio/api
 * networking/v1alpha3, served as v1, v1beta1, v1alpha3). Decoded structs are immutable.
 * Rows: X(T, type, member, "jsonName", argument, flags, "documentation"). Thread: pure.
 */
#ifndef MODEL_TRAFFIC_H
#define MODEL_TRAFFIC_H

#include "model/kube.h"
#include "node/schema.h"

/* ---- shared ---- */

#define ROWS_string_match(X, T)                                                                    \
	X(T, STR, exact, "exact", _, 1, "Equal to.")                                               \
	X(T, STR, prefix, "prefix", _, 1, "Begins with.")                                          \
	X(T, STR, regex, "regex", _, 1, "Matches in full (RE2).")
SCHEMA_STRUCT(string_match)

#define ROWS_percent(X, T) X(T, DBL, value, "value", _, 0, "0 to 100.")
SCHEMA_STRUCT(percent)

#define ROWS_port_selector(X, T) X(T, U32, number, "number", _, 0, "Port number.")
SCHEMA_STRUCT(port_selector)

#define ROWS_destination(X, T)                                                                     \
	X(T, STR, host, "host", _, SCHEMA_REQUIRED, "Service host; short names resolve in the object's namespace.") \
	X(T, STR, subset, "subset", _, 0, "Subset named by a DestinationRule.")                    \
	X(T, MSG, port, "port", port_selector, 0, "Port of the service.")
SCHEMA_STRUCT(destination)

#define ROWS_header_ops(X, T)                                                                      \
	X(T, STRMAP, set, "set", _, 0, "Overwrite.")                                               \
	X(T, STRMAP, add, "add", _, 0, "Append.")                                                  \
	X(T, STRS, remove, "remove", _, 0, "Remove.")
SCHEMA_STRUCT(header_ops)

#define ROWS_headers(X, T)                                                                         \
	X(T, MSG, request, "request", header_ops, 0, "Before forwarding.")                         \
	X(T, MSG, response, "response", header_ops, 0, "Before answering.")
SCHEMA_STRUCT(headers)

/* ---- VirtualService ---- */

#define ROWS_http_match(X, T)                                                                      \
	X(T, STR, name, "name", _, 0, "Name of the match; part of the route's name.")              \
	X(T, MSG, uri, "uri", string_match, 0, "Path.")                                            \
	X(T, MSG, scheme, "scheme", string_match, 0, "Scheme.")                                    \
	X(T, MSG, method, "method", string_match, 0, "Method.")                                    \
	X(T, MSG, authority, "authority", string_match, 0, "Host or :authority.")                  \
	X(T, MSGMAP, headers, "headers", string_match, 0, "Request headers.")                      \
	X(T, U32, port, "port", _, 0, "Port that is addressed.")                                   \
	X(T, STRMAP, source_labels, "sourceLabels", _, 0, "Labels of the calling workload.")       \
	X(T, STRS, gateways, "gateways", _, 0, "Gateways (or mesh) that the match is for.")        \
	X(T, MSGMAP, query_params, "queryParams", string_match, 0, "Query parameters.")            \
	X(T, BOOL, ignore_uri_case, "ignoreUriCase", _, 0, "Path matches in any case.")            \
	X(T, MSGMAP, without_headers, "withoutHeaders", string_match, 0, "Headers that must not match.") \
	X(T, STR, source_namespace, "sourceNamespace", _, 0, "Namespace of the calling workload.") \
	X(T, STR, stat_prefix, "statPrefix", _, 0, "Prefix of the route's statistics.")
SCHEMA_STRUCT(http_match)

#define ROWS_http_destination(X, T)                                                                \
	X(T, MSG, destination, "destination", destination, SCHEMA_REQUIRED, "Where to.")           \
	X(T, I32, weight, "weight", _, 0, "Share of the traffic.")                                 \
	X(T, MSG, headers, "headers", headers, 0, "Header changes of this destination.")
SCHEMA_STRUCT(http_destination)

#define VALUES_redirect_port(X, P) X(P, FROM_PROTOCOL_DEFAULT, 0) X(P, FROM_REQUEST_PORT, 1)
SCHEMA_ENUM(redirect_port, REDIRECT_PORT)

#define ROWS_http_redirect(X, T)                                                                   \
	X(T, STR, uri, "uri", _, 0, "New path, whole.")                                            \
	X(T, STR, authority, "authority", _, 0, "New host.")                                       \
	X(T, OU32, port, "port", _, 1, "New port.")                                                \
	X(T, ENUM, derive_port, "derivePort", redirect_port, 1, "How the port follows.")           \
	X(T, STR, scheme, "scheme", _, 0, "New scheme.")                                           \
	X(T, U32, redirect_code, "redirectCode", _, 0, "301, 302, 303, 307 or 308; 301 if absent.") \
	X(T, STR, prefix_rewrite, "prefixRewrite", _, 0, "New prefix in place of the matched one.")
SCHEMA_STRUCT(http_redirect)

#define ROWS_direct_body(X, T)                                                                     \
	X(T, STR, string, "string", _, 1, "Text.")                                                 \
	X(T, BYTES, bytes, "bytes", _, 1, "Bytes, base64.")
SCHEMA_STRUCT(direct_body)

#define ROWS_direct_response(X, T)                                                                 \
	X(T, U32, status, "status", _, SCHEMA_REQUIRED, "HTTP status.")                            \
	X(T, MSG, body, "body", direct_body, 0, "Body.")
SCHEMA_STRUCT(direct_response)

#define ROWS_delegate(X, T)                                                                        \
	X(T, STR, name, "name", _, 0, "Name of the VirtualService.")                               \
	X(T, STR, ns, "namespace", _, 0, "Its namespace; this one if absent.")
SCHEMA_STRUCT(delegate)

#define ROWS_regex_rewrite(X, T)                                                                   \
	X(T, STR, match, "match", _, 0, "Regular expression (RE2).")                               \
	X(T, STR, rewrite, "rewrite", _, 0, "Replacement; \\1 is the first group.")
SCHEMA_STRUCT(regex_rewrite)

#define ROWS_http_rewrite(X, T)                                                                    \
	X(T, STR, uri, "uri", _, 0, "New path, or new prefix of a prefix match.")                  \
	X(T, STR, authority, "authority", _, 0, "New host.")                                       \
	X(T, MSG, uri_regex_rewrite, "uriRegexRewrite", regex_rewrite, 0, "Rewrite by regular expression.")
SCHEMA_STRUCT(http_rewrite)

#define ROWS_http_retry(X, T)                                                                      \
	X(T, I32, attempts, "attempts", _, 0, "Retries; 0 turns them off.")                        \
	X(T, DUR, per_try_timeout, "perTryTimeout", _, 0, "Bound of each attempt.")                \
	X(T, STR, retry_on, "retryOn", _, 0, "Conditions, comma separated; status codes too.")     \
	X(T, OBOOL, retry_remote_localities, "retryRemoteLocalities", _, 0, "May retry in other localities.") \
	X(T, OBOOL, retry_ignore_previous_hosts, "retryIgnorePreviousHosts", _, 0, "Avoid hosts tried before.") \
	X(T, DUR, backoff, "backoff", _, 0, "Base interval between attempts.")
SCHEMA_STRUCT(http_retry)

#define ROWS_fault_delay(X, T)                                                                     \
	X(T, I32, percent, "percent", _, SCHEMA_DEPRECATED, "Whole percent; use percentage.")      \
	X(T, DUR, fixed_delay, "fixedDelay", _, 1, "Delay.")                                       \
	X(T, DUR, exponential_delay, "exponentialDelay", _, 1 | SCHEMA_NOT_IN_EFFECT, "Not supported, as in Istio.") \
	X(T, MSG, percentage, "percentage", percent, 0, "Share of the requests.")
SCHEMA_STRUCT(fault_delay)

#define ROWS_fault_abort(X, T)                                                                     \
	X(T, I32, http_status, "httpStatus", _, 1, "HTTP status.")                                 \
	X(T, STR, grpc_status, "grpcStatus", _, 1, "gRPC status, by name.")                        \
	X(T, STR, http2_error, "http2Error", _, 1 | SCHEMA_NOT_IN_EFFECT, "Not supported, as in Istio.") \
	X(T, MSG, percentage, "percentage", percent, 0, "Share of the requests.")
SCHEMA_STRUCT(fault_abort)

#define ROWS_http_fault(X, T)                                                                      \
	X(T, MSG, delay, "delay", fault_delay, 0, "Delay before forwarding.")                      \
	X(T, MSG, abort, "abort", fault_abort, 0, "Answer instead of forwarding.")
SCHEMA_STRUCT(http_fault)

#define ROWS_http_mirror(X, T)                                                                     \
	X(T, MSG, destination, "destination", destination, SCHEMA_REQUIRED, "Where copies go.")    \
	X(T, MSG, percentage, "percentage", percent, 0, "Share of the requests.")
SCHEMA_STRUCT(http_mirror)

#define VALUES_unmatched_preflights(X, P) X(P, UNSPECIFIED, 0) X(P, FORWARD, 1) X(P, IGNORE, 2)
SCHEMA_ENUM(unmatched_preflights, PREFLIGHTS)

#define ROWS_cors_policy(X, T)                                                                     \
	X(T, STRS, allow_origin, "allowOrigin", _, SCHEMA_DEPRECATED, "Exact origins; use allowOrigins.") \
	X(T, MSGS, allow_origins, "allowOrigins", string_match, 0, "Origins.")                     \
	X(T, STRS, allow_methods, "allowMethods", _, 0, "Methods.")                                \
	X(T, STRS, allow_headers, "allowHeaders", _, 0, "Request headers.")                        \
	X(T, STRS, expose_headers, "exposeHeaders", _, 0, "Response headers that scripts may read.") \
	X(T, DUR, max_age, "maxAge", _, 0, "How long a preflight is cached.")                      \
	X(T, OBOOL, allow_credentials, "allowCredentials", _, 0, "Credentials allowed.")           \
	X(T, ENUM, unmatched_preflights, "unmatchedPreflights", unmatched_preflights, 0, "What happens to other preflights.")
SCHEMA_STRUCT(cors_policy)

#define ROWS_http_route(X, T)                                                                      \
	X(T, STR, name, "name", _, 0, "Name, for logs and statistics.")                            \
	X(T, MSGS, match, "match", http_match, 0, "Any of these; absent = all requests.")          \
	X(T, MSGS, route, "route", http_destination, 0, "Weighted destinations.")                  \
	X(T, MSG, redirect, "redirect", http_redirect, 0, "Redirect.")                             \
	X(T, MSG, direct_response, "directResponse", direct_response, 0, "Fixed answer.")          \
	X(T, MSG, delegate, "delegate", delegate, 0, "Routes of another VirtualService.")          \
	X(T, MSG, rewrite, "rewrite", http_rewrite, 0, "Rewrite.")                                 \
	X(T, DUR, timeout, "timeout", _, 0, "Bound of the request; absent = none.")                \
	X(T, MSG, retries, "retries", http_retry, 0, "Retry policy.")                              \
	X(T, MSG, fault, "fault", http_fault, 0, "Fault injection.")                               \
	X(T, MSG, mirror, "mirror", destination, 0, "Where copies go.")                            \
	X(T, OU32, mirror_percent, "mirrorPercent", _, SCHEMA_DEPRECATED, "Use mirrorPercentage.") \
	X(T, MSG, mirror_percentage, "mirrorPercentage", percent, 0, "Share that is copied.")      \
	X(T, MSGS, mirrors, "mirrors", http_mirror, 0, "Several mirrors.")                         \
	X(T, MSG, cors_policy, "corsPolicy", cors_policy, 0, "CORS.")                              \
	X(T, MSG, headers, "headers", headers, 0, "Header changes.")
SCHEMA_STRUCT(http_route)

#define ROWS_route_destination(X, T)                                                               \
	X(T, MSG, destination, "destination", destination, SCHEMA_REQUIRED, "Where to.")           \
	X(T, I32, weight, "weight", _, 0, "Share of the connections.")
SCHEMA_STRUCT(route_destination)

#define ROWS_tls_match(X, T)                                                                       \
	X(T, STRS, sni_hosts, "sniHosts", _, SCHEMA_REQUIRED, "SNI names.")                        \
	X(T, STRS, destination_subnets, "destinationSubnets", _, 0, "Destination addresses.")      \
	X(T, U32, port, "port", _, 0, "Port that is addressed.")                                   \
	X(T, STRMAP, source_labels, "sourceLabels", _, 0, "Labels of the calling workload.")       \
	X(T, STRS, gateways, "gateways", _, 0, "Gateways (or mesh) that the match is for.")        \
	X(T, STR, source_namespace, "sourceNamespace", _, 0, "Namespace of the calling workload.")
SCHEMA_STRUCT(tls_match)

#define ROWS_tls_route(X, T)                                                                       \
	X(T, MSGS, match, "match", tls_match, SCHEMA_REQUIRED, "Any of these.")                    \
	X(T, MSGS, route, "route", route_destination, 0, "Weighted destinations.")
SCHEMA_STRUCT(tls_route)

#define ROWS_l4_match(X, T)                                                                        \
	X(T, STRS, destination_subnets, "destinationSubnets", _, 0, "Destination addresses.")      \
	X(T, U32, port, "port", _, 0, "Port that is addressed.")                                   \
	X(T, STR, source_subnet, "sourceSubnet", _, 0, "Accepted, not used, as in Istio.")         \
	X(T, STRMAP, source_labels, "sourceLabels", _, 0, "Labels of the calling workload.")       \
	X(T, STRS, gateways, "gateways", _, 0, "Gateways (or mesh) that the match is for.")        \
	X(T, STR, source_namespace, "sourceNamespace", _, 0, "Namespace of the calling workload.")
SCHEMA_STRUCT(l4_match)

#define ROWS_tcp_route(X, T)                                                                       \
	X(T, MSGS, match, "match", l4_match, 0, "Any of these; absent = all connections.")         \
	X(T, MSGS, route, "route", route_destination, 0, "Weighted destinations.")
SCHEMA_STRUCT(tcp_route)

#define ROWS_virtual_service(X, T)                                                                 \
	X(T, STRS, hosts, "hosts", _, 0, "Hosts that clients address.")                            \
	X(T, STRS, gateways, "gateways", _, 0, "Gateways, or mesh (the default).")                 \
	X(T, MSGS, http, "http", http_route, 0, "HTTP routes, first match wins.")                  \
	X(T, MSGS, tls, "tls", tls_route, 0, "TLS routes by SNI.")                                 \
	X(T, MSGS, tcp, "tcp", tcp_route, 0, "TCP routes.")                                        \
	X(T, STRS, export_to, "exportTo", _, 0, "Namespaces that see it: *, ., ~ or names.")
SCHEMA_STRUCT(virtual_service)

/* ---- DestinationRule ---- */

#define VALUES_lb_simple(X, P)                                                                     \
	X(P, UNSPECIFIED, 0) X(P, LEAST_CONN, 1) X(P, RANDOM, 2) X(P, PASSTHROUGH, 3)              \
	X(P, ROUND_ROBIN, 4) X(P, LEAST_REQUEST, 5)
SCHEMA_ENUM(lb_simple, LB)

#define ROWS_cookie_attribute(X, T)                                                                \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Attribute.") X(T, STR, value, "value", _, 0, "Value.")
SCHEMA_STRUCT(cookie_attribute)

#define ROWS_hash_cookie(X, T)                                                                     \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Cookie.")                                     \
	X(T, STR, path, "path", _, 0, "Path of the cookie.")                                       \
	X(T, DUR, ttl, "ttl", _, 0, "Life of a cookie that Envoy makes; absent = it makes none.")  \
	X(T, MSGS, attributes, "attributes", cookie_attribute, 0, "Further attributes.")
SCHEMA_STRUCT(hash_cookie)

#define ROWS_ring_hash(X, T) X(T, I64, minimum_ring_size, "minimumRingSize", _, 0, "Points on the ring.")
SCHEMA_STRUCT(ring_hash)
#define ROWS_maglev(X, T) X(T, I64, table_size, "tableSize", _, 0, "Size of the table, a prime.")
SCHEMA_STRUCT(maglev)

#define ROWS_consistent_hash(X, T)                                                                 \
	X(T, STR, http_header_name, "httpHeaderName", _, 1, "Hash of a header.")                   \
	X(T, MSG, http_cookie, "httpCookie", hash_cookie, 1, "Hash of a cookie.")                  \
	X(T, BOOL, use_source_ip, "useSourceIp", _, 1, "Hash of the client's address.")            \
	X(T, STR, http_query_parameter_name, "httpQueryParameterName", _, 1, "Hash of a query parameter.") \
	X(T, MSG, ring_hash, "ringHash", ring_hash, 2, "Ring hash.")                               \
	X(T, MSG, maglev, "maglev", maglev, 2, "Maglev.")                                          \
	X(T, I64, minimum_ring_size, "minimumRingSize", _, SCHEMA_DEPRECATED, "Use ringHash.")
SCHEMA_STRUCT(consistent_hash)

#define ROWS_locality_distribute(X, T)                                                             \
	X(T, STR, from, "from", _, 0, "Locality of the caller, region/zone/subzone.")              \
	X(T, U32MAP, to, "to", _, 0, "Weights by locality.")
SCHEMA_STRUCT(locality_distribute)
#define ROWS_locality_failover(X, T)                                                               \
	X(T, STR, from, "from", _, 0, "Region.") X(T, STR, to, "to", _, 0, "Region.")
SCHEMA_STRUCT(locality_failover)
#define ROWS_locality_lb(X, T)                                                                     \
	X(T, MSGS, distribute, "distribute", locality_distribute, 0, "Weights by locality.")       \
	X(T, MSGS, failover, "failover", locality_failover, 0, "Regions that stand in.")           \
	X(T, STRS, failover_priority, "failoverPriority", _, 0, "Labels in order of importance.")  \
	X(T, OBOOL, enabled, "enabled", _, 0, "Switch.")
SCHEMA_STRUCT(locality_lb)

/* Zones are balanced by Envoy itself, so the levels here are regions and labels. */
#define ROWS_zone_aware_lb(X, T)                                                                   \
	X(T, OBOOL, enabled, "enabled", _, 0, "Switch.")                                           \
	X(T, OU32, min_cluster_size, "minClusterSize", _, 0, "Endpoints from which on zones count; 6.") \
	X(T, MSGS, failover, "failover", locality_failover, 0, "Regions that stand in.")           \
	X(T, STRS, failover_priority, "failoverPriority", _, 0, "Labels in order of importance.")
SCHEMA_STRUCT(zone_aware_lb)

#define ROWS_warmup(X, T)                                                                          \
	X(T, DUR, duration, "duration", _, SCHEMA_REQUIRED, "Window of a new endpoint.")           \
	X(T, ODBL, minimum_percent, "minimumPercent", _, 0, "Least share.")                        \
	X(T, ODBL, aggression, "aggression", _, 0, "How fast it grows.")
SCHEMA_STRUCT(warmup)

#define ROWS_load_balancer(X, T)                                                                   \
	X(T, ENUM, simple, "simple", lb_simple, 1, "Algorithm.")                                   \
	X(T, MSG, consistent_hash, "consistentHash", consistent_hash, 1, "Session affinity.")      \
	X(T, MSG, locality_lb_setting, "localityLbSetting", locality_lb, 0, "Locality.")           \
	X(T, NODE, backend_utilization, "backendUtilization", _, 1 | SCHEMA_NOT_IN_EFFECT, "Weights by reported load.") \
	X(T, MSG, zone_aware_lb_setting, "zoneAwareLbSetting", zone_aware_lb, 0, "Zone awareness.") \
	X(T, DUR, warmup_duration_secs, "warmupDurationSecs", _, SCHEMA_DEPRECATED, "Use warmup.") \
	X(T, MSG, warmup, "warmup", warmup, 0, "Slow start.")
SCHEMA_STRUCT(load_balancer)

#define ROWS_tcp_keepalive(X, T)                                                                   \
	X(T, U32, probes, "probes", _, 0, "Probes until the connection is dead.")                  \
	X(T, DUR, time, "time", _, 0, "Idle time before the first probe.")                         \
	X(T, DUR, interval, "interval", _, 0, "Time between probes.")
SCHEMA_STRUCT(tcp_keepalive)

#define ROWS_pool_tcp(X, T)                                                                        \
	X(T, I32, max_connections, "maxConnections", _, 0, "Connections.")                         \
	X(T, DUR, connect_timeout, "connectTimeout", _, 0, "Bound of a connect.")                  \
	X(T, MSG, tcp_keepalive, "tcpKeepalive", tcp_keepalive, 0, "SO_KEEPALIVE.")                \
	X(T, DUR, max_connection_duration, "maxConnectionDuration", _, 0, "Life of a connection.") \
	X(T, DUR, idle_timeout, "idleTimeout", _, 0, "Idle bound.")
SCHEMA_STRUCT(pool_tcp)

#define VALUES_h2_upgrade(X, P) X(P, DEFAULT, 0) X(P, DO_NOT_UPGRADE, 1) X(P, UPGRADE, 2)
SCHEMA_ENUM(h2_upgrade, H2_UPGRADE)

#define ROWS_h2_keepalive(X, T)                                                                    \
	X(T, DUR, interval, "interval", _, 0, "Time between pings.")                               \
	X(T, DUR, timeout, "timeout", _, 0, "Bound of an answer.")
SCHEMA_STRUCT(h2_keepalive)

#define ROWS_pool_http(X, T)                                                                       \
	X(T, I32, http1_max_pending_requests, "http1MaxPendingRequests", _, 0, "Waiting requests.") \
	X(T, I32, http2_max_requests, "http2MaxRequests", _, 0, "Requests at a time.")             \
	X(T, I32, max_requests_per_connection, "maxRequestsPerConnection", _, 0, "Then a new connection.") \
	X(T, I32, max_retries, "maxRetries", _, 0, "Retries at a time.")                           \
	X(T, DUR, idle_timeout, "idleTimeout", _, 0, "Idle bound.")                                \
	X(T, ENUM, h2_upgrade_policy, "h2UpgradePolicy", h2_upgrade, 0, "HTTP/1.1 to HTTP/2.")     \
	X(T, BOOL, use_client_protocol, "useClientProtocol", _, 0, "Same protocol as the client.") \
	X(T, I32, max_concurrent_streams, "maxConcurrentStreams", _, 0, "Streams a connection.")   \
	X(T, MSG, http2_keepalive, "http2KeepAlive", h2_keepalive, 0, "HTTP/2 pings.")
SCHEMA_STRUCT(pool_http)

#define ROWS_connection_pool(X, T)                                                                 \
	X(T, MSG, tcp, "tcp", pool_tcp, 0, "Both HTTP and TCP.") X(T, MSG, http, "http", pool_http, 0, "HTTP.")
SCHEMA_STRUCT(connection_pool)

#define ROWS_outlier_detection(X, T)                                                               \
	X(T, I32, consecutive_errors, "consecutiveErrors", _, SCHEMA_DEPRECATED, "Ignored, as in Istio.") \
	X(T, BOOL, split_external_local_origin_errors, "splitExternalLocalOriginErrors", _, 0, "Count local failures apart.") \
	X(T, OU32, consecutive_local_origin_failures, "consecutiveLocalOriginFailures", _, 0, "Local failures in a row.") \
	X(T, OU32, consecutive_gateway_errors, "consecutiveGatewayErrors", _, 0, "502, 503, 504 in a row.") \
	X(T, OU32, consecutive_5xx_errors, "consecutive5xxErrors", _, 0, "5xx in a row.")          \
	X(T, DUR, interval, "interval", _, 0, "Time between sweeps.")                              \
	X(T, DUR, base_ejection_time, "baseEjectionTime", _, 0, "First ejection; grows.")          \
	X(T, I32, max_ejection_percent, "maxEjectionPercent", _, 0, "Most that is ejected.")       \
	X(T, I32, min_health_percent, "minHealthPercent", _, 0, "Below it, all are used (panic).") \
	X(T, U32S, http_error_codes, "outlierDetectionHttpErrorCodes", _, 0, "Statuses that count; 5xx if absent.")
SCHEMA_STRUCT(outlier_detection)

#define VALUES_client_tls_mode(X, P) X(P, DISABLE, 0) X(P, SIMPLE, 1) X(P, MUTUAL, 2) X(P, ISTIO_MUTUAL, 3)
SCHEMA_ENUM(client_tls_mode, CLIENT_TLS)

#define ROWS_client_tls(X, T)                                                                      \
	X(T, ENUM, mode, "mode", client_tls_mode, 0, "How connections are secured.")               \
	X(T, STR, client_certificate, "clientCertificate", _, 0, "File, for MUTUAL.")              \
	X(T, STR, private_key, "privateKey", _, 0, "File, for MUTUAL.")                            \
	X(T, STR, ca_certificates, "caCertificates", _, 0, "File; the system's roots if absent.")  \
	X(T, STR, credential_name, "credentialName", _, 0, "Secret.")                              \
	X(T, STRS, subject_alt_names, "subjectAltNames", _, 0, "Names that the server may have.")  \
	X(T, STR, sni, "sni", _, 0, "SNI.")                                                        \
	X(T, OBOOL, insecure_skip_verify, "insecureSkipVerify", _, 0, "No verification.")          \
	X(T, STR, ca_crl, "caCrl", _, 0, "File with revoked certificates.")
SCHEMA_STRUCT(client_tls)

#define ROWS_tunnel(X, T)                                                                          \
	X(T, STR, protocol, "protocol", _, 0, "CONNECT or POST.")                                  \
	X(T, STR, target_host, "targetHost", _, SCHEMA_REQUIRED, "Host.")                          \
	X(T, U32, target_port, "targetPort", _, SCHEMA_REQUIRED, "Port.")
SCHEMA_STRUCT(tunnel)

#define VALUES_proxy_protocol_version(X, P) X(P, V1, 0) X(P, V2, 1)
SCHEMA_ENUM(proxy_protocol_version, PROXY_PROTOCOL)
#define ROWS_proxy_protocol(X, T) X(T, ENUM, version, "version", proxy_protocol_version, 0, "V1 or V2.")
SCHEMA_STRUCT(proxy_protocol)

#define ROWS_retry_budget(X, T)                                                                    \
	X(T, ODBL, percent, "percent", _, 0, "Share of active requests that may be retries.")      \
	X(T, DUR, budget_interval, "budgetInterval", _, 0, "Window of the share.") \
	X(T, U32, min_retry_concurrency, "minRetryConcurrency", _, 0, "Always allowed.")
SCHEMA_STRUCT(retry_budget)

#define ROWS_port_policy(X, T)                                                                     \
	X(T, MSG, port, "port", port_selector, 0, "Port of the service.")                          \
	X(T, MSG, load_balancer, "loadBalancer", load_balancer, 0, "Load balancing.")              \
	X(T, MSG, connection_pool, "connectionPool", connection_pool, 0, "Connections.")           \
	X(T, MSG, outlier_detection, "outlierDetection", outlier_detection, 0, "Ejection.")        \
	X(T, MSG, tls, "tls", client_tls, 0, "TLS.")
SCHEMA_STRUCT(port_policy)

#define ROWS_traffic_policy(X, T)                                                                  \
	X(T, MSG, load_balancer, "loadBalancer", load_balancer, 0, "Load balancing.")              \
	X(T, MSG, connection_pool, "connectionPool", connection_pool, 0, "Connections.")           \
	X(T, MSG, outlier_detection, "outlierDetection", outlier_detection, 0, "Ejection.")        \
	X(T, MSG, tls, "tls", client_tls, 0, "TLS.")                                               \
	X(T, MSGS, port_level_settings, "portLevelSettings", port_policy, 0, "By port; replaces the whole policy.") \
	X(T, MSG, tunnel, "tunnel", tunnel, 0, "Tunnel TCP through a proxy.")                      \
	X(T, MSG, proxy_protocol, "proxyProtocol", proxy_protocol, 0, "PROXY header upstream.")    \
	X(T, MSG, retry_budget, "retryBudget", retry_budget, 0, "Bound of retries.")
SCHEMA_STRUCT(traffic_policy)

#define ROWS_subset(X, T)                                                                          \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Name.")                                       \
	X(T, STRMAP, labels, "labels", _, 0, "Labels of its endpoints.")                           \
	X(T, MSG, traffic_policy, "trafficPolicy", traffic_policy, 0, "Policy of the subset.")
SCHEMA_STRUCT(subset)

#define ROWS_match_labels(X, T) X(T, STRMAP, match_labels, "matchLabels", _, 0, "All must be equal.")
SCHEMA_STRUCT(match_labels)

#define ROWS_destination_rule(X, T)                                                                \
	X(T, STR, host, "host", _, SCHEMA_REQUIRED, "Service; may be a wildcard.")                 \
	X(T, MSG, traffic_policy, "trafficPolicy", traffic_policy, 0, "Policy.")                   \
	X(T, MSGS, subsets, "subsets", subset, 0, "Named versions.")                               \
	X(T, STRS, export_to, "exportTo", _, 0, "Namespaces that see it: *, ., ~ or names.")       \
	X(T, MSG, workload_selector, "workloadSelector", match_labels, 0, "Only for these callers.")
SCHEMA_STRUCT(destination_rule)

/* ---- Gateway ---- */

#define ROWS_gw_port(X, T)                                                                         \
	X(T, U32, number, "number", _, 0, "Port number.")                                          \
	X(T, STR, protocol, "protocol", _, 0, "HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS.") \
	X(T, STR, name, "name", _, 0, "Label.")                                                    \
	X(T, U32, target_port, "targetPort", _, SCHEMA_DEPRECATED, "Not used, as in Istio.")
SCHEMA_STRUCT(gw_port)

#define VALUES_server_tls_mode(X, P)                                                               \
	X(P, PASSTHROUGH, 0) X(P, SIMPLE, 1) X(P, MUTUAL, 2) X(P, AUTO_PASSTHROUGH, 3)             \
	X(P, ISTIO_MUTUAL, 4) X(P, OPTIONAL_MUTUAL, 5)
SCHEMA_ENUM(server_tls_mode, SERVER_TLS)

#define VALUES_tls_version(X, P)                                                                   \
	X(P, TLS_AUTO, 0) X(P, TLSV1_0, 1) X(P, TLSV1_1, 2) X(P, TLSV1_2, 3) X(P, TLSV1_3, 4)
SCHEMA_ENUM(tls_version, TLS_VERSION)

/* How the name of a Secret ends that has a CA and no certificate: one SDS name holds one of the two, as in Istio. */
#define CREDENTIAL_CA_SUFFIX "-cacert"
bool credential_is_of_ca(const char *name);

/* The names that Envoy (BoringSSL) knows: it refuses a context with any other. */
bool tls_cipher_is_known(const char *name);
bool tls_curve_is_known(const char *name);

#define ROWS_tls_certificate(X, T)                                                                 \
	X(T, STR, server_certificate, "serverCertificate", _, 0, "File.")                          \
	X(T, STR, private_key, "privateKey", _, 0, "File.")                                        \
	X(T, STR, ca_certificates, "caCertificates", _, 0, "File.")
SCHEMA_STRUCT(tls_certificate)

#define ROWS_server_tls(X, T)                                                                      \
	X(T, BOOL, https_redirect, "httpsRedirect", _, 0, "Answer plain HTTP with a redirect.")    \
	X(T, ENUM, mode, "mode", server_tls_mode, 0, "How TLS is handled.")                        \
	X(T, STR, server_certificate, "serverCertificate", _, 0, "File.")                          \
	X(T, STR, private_key, "privateKey", _, 0, "File.")                                        \
	X(T, STR, ca_certificates, "caCertificates", _, 0, "File.")                                \
	X(T, STR, ca_crl, "caCrl", _, 0, "File with revoked certificates.")                        \
	X(T, STR, credential_name, "credentialName", _, 0, "Secret.")                              \
	X(T, STRS, credential_names, "credentialNames", _, 0, "Secrets (RSA and ECDSA).")          \
	X(T, STR, ca_cert_credential_name, "caCertCredentialName", _, 0, "Secret with the CA.")    \
	X(T, MSGS, tls_certificates, "tlsCertificates", tls_certificate, 0, "Several pairs of files.") \
	X(T, STRS, subject_alt_names, "subjectAltNames", _, 0, "Names that clients may have.")     \
	X(T, STRS, verify_certificate_spki, "verifyCertificateSpki", _, 0, "Hashes of keys.")      \
	X(T, STRS, verify_certificate_hash, "verifyCertificateHash", _, 0, "Hashes of certificates.") \
	X(T, ENUM, min_protocol_version, "minProtocolVersion", tls_version, 0, "Least version.")   \
	X(T, ENUM, max_protocol_version, "maxProtocolVersion", tls_version, 0, "Greatest version.") \
	X(T, STRS, cipher_suites, "cipherSuites", _, 0, "Cipher suites.")                          \
	X(T, STRS, ecdh_curves, "ecdhCurves", _, 0, "Curves.")                                     \
	X(T, OBOOL, insecure_skip_verify, "insecureSkipVerify", _, 0, "Accept unverified clients.")
SCHEMA_STRUCT(server_tls)

#define ROWS_gw_server(X, T)                                                                       \
	X(T, MSG, port, "port", gw_port, SCHEMA_REQUIRED, "Port.")                                 \
	X(T, STR, bind, "bind", _, 0, "Address; all if absent.")                                   \
	X(T, STRS, hosts, "hosts", _, SCHEMA_REQUIRED, "Hosts, with an optional namespace/.")      \
	X(T, MSG, tls, "tls", server_tls, 0, "TLS.")                                               \
	X(T, STR, default_endpoint, "defaultEndpoint", _, SCHEMA_NOT_IN_EFFECT, "Not implemented, as in Istio.") \
	X(T, STR, name, "name", _, 0, "Name of the server.")
SCHEMA_STRUCT(gw_server)

#define ROWS_gateway(X, T)                                                                         \
	X(T, MSGS, servers, "servers", gw_server, 0, "Servers.")                                   \
	X(T, STRMAP, selector, "selector", _, 0, "Labels of the gateway's pods.")
SCHEMA_STRUCT(gateway)

/* ---- ServiceEntry, WorkloadEntry ---- */

#define ROWS_workload_entry(X, T)                                                                  \
	X(T, STR, address, "address", _, 0, "Address, host name or unix:///path.")                 \
	X(T, U32MAP, ports, "ports", _, 0, "Ports by the name of the service's port.")             \
	X(T, STRMAP, labels, "labels", _, 0, "Labels.")                                            \
	X(T, STR, network, "network", _, 0, "Network.")                                            \
	X(T, STR, locality, "locality", _, 0, "region/zone/subzone.")                              \
	X(T, U32, weight, "weight", _, 0, "Share.")                                                \
	X(T, STR, service_account, "serviceAccount", _, 0, "Service account.")
SCHEMA_STRUCT(workload_entry)

#define VALUES_se_location(X, P) X(P, MESH_EXTERNAL, 0) X(P, MESH_INTERNAL, 1)
SCHEMA_ENUM(se_location, SE_LOCATION)
#define VALUES_se_resolution(X, P)                                                                 \
	X(P, NONE, 0) X(P, STATIC, 1) X(P, DNS, 2) X(P, DNS_ROUND_ROBIN, 3) X(P, DYNAMIC_DNS, 4)
SCHEMA_ENUM(se_resolution, SE_RESOLUTION)

#define ROWS_se_port(X, T)                                                                         \
	X(T, U32, number, "number", _, SCHEMA_REQUIRED, "Port number.")                            \
	X(T, STR, protocol, "protocol", _, 0, "HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS.")        \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Name.")                                       \
	X(T, U32, target_port, "targetPort", _, 0, "Port of the endpoints.")
SCHEMA_STRUCT(se_port)

#define ROWS_workload_labels(X, T) X(T, STRMAP, labels, "labels", _, 0, "All must be equal.")
SCHEMA_STRUCT(workload_labels)

#define ROWS_service_entry(X, T)                                                                   \
	X(T, STRS, hosts, "hosts", _, SCHEMA_REQUIRED, "Hosts.")                                   \
	X(T, STRS, addresses, "addresses", _, 0, "Virtual addresses or CIDRs.")                    \
	X(T, MSGS, ports, "ports", se_port, 0, "Ports.")                                           \
	X(T, ENUM, location, "location", se_location, 0, "Inside or outside of the mesh.")         \
	X(T, ENUM, resolution, "resolution", se_resolution, 0, "How endpoints are found.")         \
	X(T, MSGS, endpoints, "endpoints", workload_entry, 0, "Endpoints.")                        \
	X(T, MSG, workload_selector, "workloadSelector", workload_labels, 0, "Pods and WorkloadEntries.") \
	X(T, STRS, export_to, "exportTo", _, 0, "Namespaces that see it: *, ., ~ or names.")       \
	X(T, STRS, subject_alt_names, "subjectAltNames", _, 0, "Names that the server may have.")
SCHEMA_STRUCT(service_entry)

/* What others write into their status and counts here. */
#define ROWS_se_allocated(X, T)                                                                    \
	X(T, STR, value, "value", _, 0, "Address.") X(T, STR, host, "host", _, 0, "Host that has it.")
SCHEMA_STRUCT(se_allocated)
#define ROWS_service_entry_status(X, T)                                                            \
	X(T, MSGS, addresses, "addresses", se_allocated, 0, "Allocated by a control plane.")
SCHEMA_STRUCT(service_entry_status)
#define ROWS_workload_entry_status(X, T)                                                           \
	X(T, MSGS, conditions, "conditions", k_condition, 0, "What its agent reports.")
SCHEMA_STRUCT(workload_entry_status)

/* ---- WorkloadGroup: the template of WorkloadEntries that register themselves ---- */

#define ROWS_probe_header(X, T)                                                                    \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, STR, value, "value", _, 0, "Value.")
SCHEMA_STRUCT(probe_header)

#define ROWS_probe_http(X, T)                                                                      \
	X(T, STR, path, "path", _, 0, "Path.")                                                     \
	X(T, U32, port, "port", _, SCHEMA_REQUIRED, "Port.")                                       \
	X(T, STR, host, "host", _, 0, "Host; the workload itself if absent.")                      \
	X(T, STR, scheme, "scheme", _, 0, "HTTP or HTTPS.")                                        \
	X(T, MSGS, http_headers, "httpHeaders", probe_header, 0, "Headers of the request.")
SCHEMA_STRUCT(probe_http)

#define ROWS_probe_tcp(X, T)                                                                       \
	X(T, STR, host, "host", _, 0, "Host; the workload itself if absent.")                      \
	X(T, U32, port, "port", _, SCHEMA_REQUIRED, "Port.")
SCHEMA_STRUCT(probe_tcp)

#define ROWS_probe_exec(X, T) X(T, STRS, command, "command", _, SCHEMA_REQUIRED, "Command and arguments.")
SCHEMA_STRUCT(probe_exec)

#define ROWS_probe_grpc(X, T)                                                                      \
	X(T, U32, port, "port", _, 0, "Port.")                                                     \
	X(T, STR, service, "service", _, 0, "Service of the health check.")
SCHEMA_STRUCT(probe_grpc)

#define ROWS_readiness_probe(X, T)                                                                 \
	X(T, I32, initial_delay_s, "initialDelaySeconds", _, 0, "Before the first probe.")         \
	X(T, I32, timeout_s, "timeoutSeconds", _, 0, "Bound of one probe; 1 if absent.")           \
	X(T, I32, period_s, "periodSeconds", _, 0, "Between probes; 10 if absent.")                \
	X(T, I32, success_threshold, "successThreshold", _, 0, "Successes until it counts as ready.") \
	X(T, I32, failure_threshold, "failureThreshold", _, 0, "Failures until it counts as unready.") \
	X(T, MSG, http_get, "httpGet", probe_http, 1, "HTTP request.")                             \
	X(T, MSG, tcp_socket, "tcpSocket", probe_tcp, 1, "TCP connection.")                        \
	X(T, MSG, exec, "exec", probe_exec, 1, "Command.")                                         \
	X(T, MSG, grpc, "grpc", probe_grpc, 1, "gRPC health check.")
SCHEMA_STRUCT(readiness_probe)

#define ROWS_group_metadata(X, T)                                                                  \
	X(T, STRMAP, labels, "labels", _, 0, "Labels of the entries.")                             \
	X(T, STRMAP, annotations, "annotations", _, 0, "Annotations of the entries.")
SCHEMA_STRUCT(group_metadata)

#define ROWS_workload_group(X, T)                                                                  \
	X(T, MSG, metadata, "metadata", group_metadata, 0, "Metadata of the entries.")             \
	X(T, MSG, template, "template", workload_entry, SCHEMA_REQUIRED, "The entries.")           \
	X(T, MSG, probe, "probe", readiness_probe, 0, "How the agent finds out that the workload is ready.")
SCHEMA_STRUCT(workload_group)

/* ---- Sidecar ---- */

#define VALUES_capture_mode(X, P) X(P, DEFAULT, 0) X(P, IPTABLES, 1) X(P, NONE, 2)
SCHEMA_ENUM(capture_mode, CAPTURE)
#define VALUES_outbound_mode(X, P)                                                                  \
	X(P, REGISTRY_ONLY, 0) X(P, ALLOW_ANY, 1) X(P, ALLOW_ANY_DYNAMIC_DNS, 2)
SCHEMA_ENUM(outbound_mode, OUTBOUND)

#define ROWS_outbound_policy(X, T)                                                                 \
	X(T, ENUM, mode, "mode", outbound_mode, 0, "What happens to unknown destinations.")        \
	X(T, MSG, egress_proxy, "egressProxy", destination, 0, "Where unknown traffic goes.")
SCHEMA_STRUCT(outbound_policy)

#define ROWS_sidecar_port(X, T)                                                                    \
	X(T, U32, number, "number", _, 0, "Port number.")                                          \
	X(T, STR, protocol, "protocol", _, 0, "Protocol.")                                         \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, U32, target_port, "targetPort", _, SCHEMA_DEPRECATED, "Not used, as in Istio.")
SCHEMA_STRUCT(sidecar_port)

#define ROWS_sidecar_ingress(X, T)                                                                 \
	X(T, MSG, port, "port", sidecar_port, SCHEMA_REQUIRED, "Port.")                            \
	X(T, STR, bind, "bind", _, 0, "Address.")                                                  \
	X(T, ENUM, capture_mode, "captureMode", capture_mode, 0, "How traffic gets in.")           \
	X(T, STR, default_endpoint, "defaultEndpoint", _, 0, "Where it goes.")                     \
	X(T, MSG, tls, "tls", server_tls, 0, "TLS; with ENABLE_TLS_ON_SIDECAR_INGRESS.")           \
	X(T, MSG, connection_pool, "connectionPool", connection_pool, 0, "Connections.")
SCHEMA_STRUCT(sidecar_ingress)

#define ROWS_sidecar_egress(X, T)                                                                  \
	X(T, MSG, port, "port", sidecar_port, 0, "Port; all if absent.")                           \
	X(T, STR, bind, "bind", _, 0, "Address or unix:///path.")                                  \
	X(T, ENUM, capture_mode, "captureMode", capture_mode, 0, "How traffic gets in.")           \
	X(T, STRS, hosts, "hosts", _, SCHEMA_REQUIRED, "namespace/host.")
SCHEMA_STRUCT(sidecar_egress)

#define ROWS_sidecar(X, T)                                                                         \
	X(T, MSG, workload_selector, "workloadSelector", workload_labels, 0, "Workloads; the namespace if absent.") \
	X(T, MSGS, ingress, "ingress", sidecar_ingress, 0, "Inbound.")                             \
	X(T, MSGS, egress, "egress", sidecar_egress, 0, "Outbound.")                               \
	X(T, MSG, inbound_connection_pool, "inboundConnectionPool", connection_pool, 0, "Connections to the workload.") \
	X(T, MSG, outbound_traffic_policy, "outboundTrafficPolicy", outbound_policy, 0, "Unknown destinations.")
SCHEMA_STRUCT(sidecar)

#endif
