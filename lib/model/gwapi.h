/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway.networking.k8s.io: GatewayClass, Gateway, ListenerSet, HTTPRoute, GRPCRoute, TCPRoute,
 * TLSRoute, UDPRoute, ReferenceGrant, BackendTLSPolicy, and XBackendTrafficPolicy of the x-k8s.io
 * group, as users write them. Fields are those of the experimental channel of Gateway API 1.7, of
 * which the standard channel is a part. Defaults of the API are not filled in: absent is absent.
 * Rows: X(T, type, member, "jsonName", argument, flags, "documentation"). Thread: pure.
 */
#ifndef MODEL_GWAPI_H
#define MODEL_GWAPI_H

#include "node/schema.h"

/* ---- references ---- */

#define ROWS_gwapi_object_ref(X, T)                                                                \
	X(T, STR, group, "group", _, 0, "API group; empty = core.")                                \
	X(T, STR, kind, "kind", _, 0, "Kind.")                                                     \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Name.")                                       \
	X(T, STR, ns, "namespace", _, 0, "Namespace; this one if absent.")
SCHEMA_STRUCT(gwapi_object_ref)

/* of one's own namespace, group and kind spelled out */
#define ROWS_gwapi_local_ref(X, T)                                                                 \
	X(T, STR, group, "group", _, 0, "API group; empty = core.")                                \
	X(T, STR, kind, "kind", _, SCHEMA_REQUIRED, "Kind.")                                       \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Name.")
SCHEMA_STRUCT(gwapi_local_ref)

/* of a class or a bundle of certificates: group and kind spelled out */
#define ROWS_gwapi_far_ref(X, T)                                                                   \
	ROWS_gwapi_local_ref(X, T)                                                                 \
	X(T, STR, ns, "namespace", _, 0, "Namespace; this one if absent.")
SCHEMA_STRUCT(gwapi_far_ref)

#define ROWS_gwapi_parent_ref(X, T)                                                                \
	ROWS_gwapi_object_ref(X, T)                                                                \
	X(T, STR, section_name, "sectionName", _, 0, "Listener of a Gateway.")                     \
	X(T, OU32, port, "port", _, 0, "Port of the parent.")
SCHEMA_STRUCT(gwapi_parent_ref)

#define ROWS_gwapi_backend(X, T)                                                                   \
	ROWS_gwapi_object_ref(X, T)                                                                \
	X(T, OU32, port, "port", _, 0, "Port of the service.")
SCHEMA_STRUCT(gwapi_backend)

#define ROWS_gwapi_backend_ref(X, T)                                                               \
	ROWS_gwapi_backend(X, T)                                                                   \
	X(T, OU32, weight, "weight", _, 0, "Share of the traffic; 1 if absent.")
SCHEMA_STRUCT(gwapi_backend_ref)

/* ---- filters of HTTPRoute and GRPCRoute ---- */

#define ROWS_gwapi_header(X, T)                                                                    \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Header.")                                     \
	X(T, STR, value, "value", _, SCHEMA_REQUIRED, "Value.")
SCHEMA_STRUCT(gwapi_header)

#define ROWS_gwapi_header_modifier(X, T)                                                           \
	X(T, MSGS, set, "set", gwapi_header, 0, "Overwrite.")                                      \
	X(T, MSGS, add, "add", gwapi_header, 0, "Append.")                                         \
	X(T, STRS, remove, "remove", _, 0, "Remove.")
SCHEMA_STRUCT(gwapi_header_modifier)

#define ROWS_gwapi_fraction(X, T)                                                                  \
	X(T, OU32, numerator, "numerator", _, 0, "Part.")                                          \
	X(T, OU32, denominator, "denominator", _, 0, "Whole; 100 if absent.")
SCHEMA_STRUCT(gwapi_fraction)

#define ROWS_gwapi_mirror(X, T)                                                                    \
	X(T, MSG, backend, "backendRef", gwapi_backend, SCHEMA_REQUIRED, "Where copies go.")       \
	X(T, OU32, percent, "percent", _, 0, "Share of the requests.")                             \
	X(T, MSG, fraction, "fraction", gwapi_fraction, 0, "Share of the requests.")
SCHEMA_STRUCT(gwapi_mirror)

#define VALUES_gwapi_path_modifier_type(X, P) X(P, ReplaceFullPath, 1) X(P, ReplacePrefixMatch, 2)
SCHEMA_ENUM(gwapi_path_modifier_type, GWAPI_PATH)

#define ROWS_gwapi_path_modifier(X, T)                                                             \
	X(T, ENUM, type, "type", gwapi_path_modifier_type, 0, "What is replaced.")                 \
	X(T, STR, full, "replaceFullPath", _, 0, "New path.")                                      \
	X(T, STR, prefix, "replacePrefixMatch", _, 0, "New prefix in place of the matched one.")
SCHEMA_STRUCT(gwapi_path_modifier)

#define VALUES_gwapi_scheme(X, P) X(P, http, 1) X(P, https, 2)
SCHEMA_ENUM(gwapi_scheme, GWAPI_SCHEME)

#define ROWS_gwapi_redirect(X, T)                                                                  \
	X(T, ENUM, scheme, "scheme", gwapi_scheme, 0, "New scheme.")                               \
	X(T, STR, hostname, "hostname", _, 0, "New host.")                                         \
	X(T, MSG, path, "path", gwapi_path_modifier, 0, "New path.")                               \
	X(T, OU32, port, "port", _, 0, "New port.")                                                \
	X(T, OU32, status_code, "statusCode", _, 0, "301, 302, 303, 307 or 308; 302 if absent.")
SCHEMA_STRUCT(gwapi_redirect)

#define ROWS_gwapi_rewrite(X, T)                                                                   \
	X(T, STR, hostname, "hostname", _, 0, "New host.")                                         \
	X(T, MSG, path, "path", gwapi_path_modifier, 0, "New path.")
SCHEMA_STRUCT(gwapi_rewrite)

#define ROWS_gwapi_cors(X, T)                                                                      \
	X(T, STRS, allow_origins, "allowOrigins", _, 0, "Origins; a label may be *.")              \
	X(T, BOOL, allow_credentials, "allowCredentials", _, 0, "Credentials allowed.")            \
	X(T, STRS, allow_methods, "allowMethods", _, 0, "Methods.")                                \
	X(T, STRS, allow_headers, "allowHeaders", _, 0, "Request headers.")                        \
	X(T, STRS, expose_headers, "exposeHeaders", _, 0, "Response headers that scripts may read.") \
	X(T, OU32, max_age, "maxAge", _, 0, "Seconds that a preflight is cached; 5 if absent.")
SCHEMA_STRUCT(gwapi_cors)

#define VALUES_gwapi_auth_protocol(X, P) X(P, HTTP, 1) X(P, GRPC, 2)
SCHEMA_ENUM(gwapi_auth_protocol, GWAPI_AUTH)

#define ROWS_gwapi_auth_grpc(X, T) X(T, STRS, allowed_headers, "allowedHeaders", _, 0, "Headers that it gets.")
SCHEMA_STRUCT(gwapi_auth_grpc)
#define ROWS_gwapi_auth_http(X, T)                                                                 \
	X(T, STR, path, "path", _, 0, "Prefix of the path.")                                       \
	X(T, STRS, allowed_headers, "allowedHeaders", _, 0, "Headers that it gets.")               \
	X(T, STRS, allowed_response_headers, "allowedResponseHeaders", _, 0, "Headers taken from its answer.")
SCHEMA_STRUCT(gwapi_auth_http)
#define ROWS_gwapi_auth_body(X, T) X(T, OU32, max_size, "maxSize", _, 0, "Bytes of the body that it gets.")
SCHEMA_STRUCT(gwapi_auth_body)
#define ROWS_gwapi_external_auth(X, T)                                                             \
	X(T, ENUM, protocol, "protocol", gwapi_auth_protocol, 0, "How it is asked.")               \
	X(T, MSG, backend, "backendRef", gwapi_backend, SCHEMA_REQUIRED, "Who is asked.")          \
	X(T, MSG, grpc, "grpc", gwapi_auth_grpc, 0, "Over gRPC.")                                  \
	X(T, MSG, http, "http", gwapi_auth_http, 0, "Over HTTP.")                                  \
	X(T, MSG, forward_body, "forwardBody", gwapi_auth_body, 0, "Whether it gets the body.")
SCHEMA_STRUCT(gwapi_external_auth)

#define VALUES_gwapi_filter_type(X, P)                                                             \
	X(P, RequestHeaderModifier, 1) X(P, ResponseHeaderModifier, 2) X(P, RequestMirror, 3)      \
	X(P, RequestRedirect, 4) X(P, URLRewrite, 5) X(P, ExtensionRef, 6) X(P, CORS, 7) X(P, ExternalAuth, 8)
SCHEMA_ENUM(gwapi_filter_type, GWAPI_FILTER)

#define ROWS_gwapi_filter(X, T)                                                                    \
	X(T, ENUM, type, "type", gwapi_filter_type, 0, "What it does.")                            \
	X(T, MSG, request_headers, "requestHeaderModifier", gwapi_header_modifier, 0, "Before forwarding.") \
	X(T, MSG, response_headers, "responseHeaderModifier", gwapi_header_modifier, 0, "Before answering.") \
	X(T, MSG, mirror, "requestMirror", gwapi_mirror, 0, "Copies.")                             \
	X(T, MSG, redirect, "requestRedirect", gwapi_redirect, 0, "Redirect.")                     \
	X(T, MSG, rewrite, "urlRewrite", gwapi_rewrite, 0, "Rewrite.")                             \
	X(T, MSG, cors, "cors", gwapi_cors, 0, "CORS.")                                            \
	X(T, MSG, external_auth, "externalAuth", gwapi_external_auth, 0, "Somebody else decides.") \
	X(T, MSG, extension, "extensionRef", gwapi_local_ref, 0, "An extension.")
SCHEMA_STRUCT(gwapi_filter)

#define ROWS_gwapi_http_backend(X, T)                                                              \
	ROWS_gwapi_backend_ref(X, T)                                                               \
	X(T, MSGS, filters, "filters", gwapi_filter, 0, "Only for what goes there.")
SCHEMA_STRUCT(gwapi_http_backend)

#define VALUES_gwapi_persistence_type(X, P) X(P, Cookie, 1) X(P, Header, 2)
SCHEMA_ENUM(gwapi_persistence_type, GWAPI_PERSIST)
#define VALUES_gwapi_cookie_life(X, P) X(P, Session, 1) X(P, Permanent, 2)
SCHEMA_ENUM(gwapi_cookie_life, GWAPI_COOKIE)

#define ROWS_gwapi_cookie(X, T)                                                                    \
	X(T, STR, name, "name", _, 0, "Cookie.")                                                   \
	X(T, ENUM, lifetime_type, "lifetimeType", gwapi_cookie_life, 0, "How long it lives.")      \
	X(T, STR, path, "path", _, 0, "Path of the cookie.")
SCHEMA_STRUCT(gwapi_cookie)
#define ROWS_gwapi_persistence_header(X, T) X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Header.")
SCHEMA_STRUCT(gwapi_persistence_header)

#define ROWS_gwapi_persistence(X, T)                                                               \
	X(T, ENUM, type, "type", gwapi_persistence_type, 0, "What names the session.")             \
	X(T, STR, absolute_timeout, "absoluteTimeout", _, 0, "End of a session.")                  \
	X(T, MSG, cookie, "cookie", gwapi_cookie, 0, "Cookie.")                                    \
	X(T, MSG, header, "header", gwapi_persistence_header, 0, "Header.")
SCHEMA_STRUCT(gwapi_persistence)

/* ---- HTTPRoute ---- */

#define VALUES_gwapi_match_type(X, P) X(P, Exact, 1) X(P, RegularExpression, 2)
SCHEMA_ENUM(gwapi_match_type, GWAPI_MATCH)
#define VALUES_gwapi_path_type(X, P) X(P, Exact, 1) X(P, PathPrefix, 2) X(P, RegularExpression, 3)
SCHEMA_ENUM(gwapi_path_type, GWAPI_PATH_TYPE)
#define VALUES_gwapi_method(X, P)                                                                  \
	X(P, GET, 1) X(P, HEAD, 2) X(P, POST, 3) X(P, PUT, 4) X(P, DELETE, 5) X(P, CONNECT, 6)     \
	X(P, OPTIONS, 7) X(P, TRACE, 8) X(P, PATCH, 9)
SCHEMA_ENUM(gwapi_method, GWAPI_METHOD)

#define ROWS_gwapi_path_match(X, T)                                                                \
	X(T, ENUM, type, "type", gwapi_path_type, 0, "How; PathPrefix if absent.")                 \
	X(T, STR, value, "value", _, 0, "Path; / if absent.")
SCHEMA_STRUCT(gwapi_path_match)

#define ROWS_gwapi_value_match(X, T)                                                               \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Of what.")                                    \
	X(T, STR, value, "value", _, SCHEMA_REQUIRED, "Its value.")                                \
	X(T, ENUM, type, "type", gwapi_match_type, 0, "How; Exact if absent.")
#define ROWS_gwapi_header_match(X, T) ROWS_gwapi_value_match(X, T)
SCHEMA_STRUCT(gwapi_header_match)
#define ROWS_gwapi_query_match(X, T) ROWS_gwapi_value_match(X, T)
SCHEMA_STRUCT(gwapi_query_match)

#define ROWS_gwapi_http_match(X, T)                                                                \
	X(T, MSG, path, "path", gwapi_path_match, 0, "Path.")                                      \
	X(T, MSGS, headers, "headers", gwapi_header_match, 0, "Request headers.")                  \
	X(T, MSGS, query_params, "queryParams", gwapi_query_match, 0, "Query parameters.")         \
	X(T, ENUM, method, "method", gwapi_method, 0, "Method.")
SCHEMA_STRUCT(gwapi_http_match)

#define ROWS_gwapi_timeouts(X, T)                                                                  \
	X(T, STR, request, "request", _, 0, "Of the request with its retries; 0s = none.")         \
	X(T, STR, backend_request, "backendRequest", _, 0, "Of one attempt.")
SCHEMA_STRUCT(gwapi_timeouts)

#define ROWS_gwapi_retry(X, T)                                                                     \
	X(T, U32S, codes, "codes", _, 0, "Statuses that are tried again.")                         \
	X(T, OU32, attempts, "attempts", _, 0, "Retries.")                                         \
	X(T, STR, backoff, "backoff", _, 0, "Least time between attempts.")
SCHEMA_STRUCT(gwapi_retry)

#define ROWS_gwapi_http_rule(X, T)                                                                 \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, MSGS, matches, "matches", gwapi_http_match, 0, "Any of these; absent = all requests.") \
	X(T, MSGS, filters, "filters", gwapi_filter, 0, "What is done to requests.")               \
	X(T, MSGS, backends, "backendRefs", gwapi_http_backend, 0, "Weighted destinations.")       \
	X(T, MSG, timeouts, "timeouts", gwapi_timeouts, 0, "Bounds in time.")                      \
	X(T, MSG, retry, "retry", gwapi_retry, 0, "Retries.")                                      \
	X(T, MSG, persistence, "sessionPersistence", gwapi_persistence, SCHEMA_NOT_IN_EFFECT, "Sessions.")
SCHEMA_STRUCT(gwapi_http_rule)

#define VALUES_gwapi_default_gateways(X, P) X(P, All, 1) X(P, None, 2)
SCHEMA_ENUM(gwapi_default_gateways, GWAPI_DEFAULT_GATEWAYS)

/* what all routes have */
#define ROWS_gwapi_route(X, T)                                                                     \
	X(T, MSGS, parents, "parentRefs", gwapi_parent_ref, 0, "What it is attached to.")          \
	X(T, ENUM, default_gateways, "useDefaultGateways", gwapi_default_gateways, 0, "Default Gateways too.")

#define ROWS_gwapi_http_route(X, T)                                                                \
	ROWS_gwapi_route(X, T)                                                                     \
	X(T, STRS, hostnames, "hostnames", _, 0, "Hosts, at a Gateway.")                           \
	X(T, MSGS, rules, "rules", gwapi_http_rule, 0, "Rules.")
SCHEMA_STRUCT(gwapi_http_route)

/* ---- GRPCRoute ---- */

#define ROWS_gwapi_grpc_method(X, T)                                                               \
	X(T, ENUM, type, "type", gwapi_match_type, 0, "How; Exact if absent.")                     \
	X(T, STR, service, "service", _, 0, "Service.")                                            \
	X(T, STR, method, "method", _, 0, "Method.")
SCHEMA_STRUCT(gwapi_grpc_method)

#define ROWS_gwapi_grpc_header(X, T) ROWS_gwapi_value_match(X, T)
SCHEMA_STRUCT(gwapi_grpc_header)

#define ROWS_gwapi_grpc_match(X, T)                                                                \
	X(T, MSG, method, "method", gwapi_grpc_method, 0, "Method.")                               \
	X(T, MSGS, headers, "headers", gwapi_grpc_header, 0, "Request headers.")
SCHEMA_STRUCT(gwapi_grpc_match)

#define ROWS_gwapi_grpc_rule(X, T)                                                                 \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, MSGS, matches, "matches", gwapi_grpc_match, 0, "Any of these; absent = all requests.") \
	X(T, MSGS, filters, "filters", gwapi_filter, 0, "What is done to requests.")               \
	X(T, MSGS, backends, "backendRefs", gwapi_http_backend, 0, "Weighted destinations.")       \
	X(T, MSG, persistence, "sessionPersistence", gwapi_persistence, SCHEMA_NOT_IN_EFFECT, "Sessions.")
SCHEMA_STRUCT(gwapi_grpc_rule)

#define ROWS_gwapi_grpc_route(X, T)                                                                \
	ROWS_gwapi_route(X, T)                                                                     \
	X(T, STRS, hostnames, "hostnames", _, 0, "Hosts, at a Gateway.")                           \
	X(T, MSGS, rules, "rules", gwapi_grpc_rule, 0, "Rules.")
SCHEMA_STRUCT(gwapi_grpc_route)

/* ---- TCPRoute, TLSRoute, UDPRoute ---- */

#define ROWS_gwapi_l4_rule(X, T)                                                                   \
	X(T, STR, name, "name", _, 0, "Name.")                                                     \
	X(T, MSGS, backends, "backendRefs", gwapi_backend_ref, SCHEMA_REQUIRED, "Weighted destinations.")
SCHEMA_STRUCT(gwapi_l4_rule)

#define ROWS_gwapi_l4_route(X, T)                                                                  \
	ROWS_gwapi_route(X, T)                                                                     \
	X(T, MSGS, rules, "rules", gwapi_l4_rule, SCHEMA_REQUIRED, "Rules.")
SCHEMA_STRUCT(gwapi_l4_route)

#define ROWS_gwapi_tls_route(X, T)                                                                 \
	ROWS_gwapi_l4_route(X, T)                                                                  \
	X(T, STRS, hostnames, "hostnames", _, 0, "SNI names.")
SCHEMA_STRUCT(gwapi_tls_route)

/* ---- Gateway, GatewayClass, ListenerSet ---- */

#define ROWS_gwapi_requirement(X, T)                                                               \
	X(T, STR, key, "key", _, SCHEMA_REQUIRED, "Label.")                                        \
	X(T, STR, operator, "operator", _, SCHEMA_REQUIRED, "In, NotIn, Exists or DoesNotExist.")  \
	X(T, STRS, values, "values", _, 0, "Values.")
SCHEMA_STRUCT(gwapi_requirement)
#define ROWS_gwapi_selector(X, T)                                                                  \
	X(T, STRMAP, match_labels, "matchLabels", _, 0, "All must be equal.")                      \
	X(T, MSGS, expressions, "matchExpressions", gwapi_requirement, 0, "All must hold.")
SCHEMA_STRUCT(gwapi_selector)

#define VALUES_gwapi_from(X, P) X(P, Same, 1) X(P, All, 2) X(P, Selector, 3)
SCHEMA_ENUM(gwapi_from, GWAPI_FROM)
#define ROWS_gwapi_route_namespaces(X, T)                                                          \
	X(T, ENUM, from, "from", gwapi_from, 0, "Whose routes; Same if absent.")                   \
	X(T, MSG, selector, "selector", gwapi_selector, 0, "Labels of the namespaces.")
SCHEMA_STRUCT(gwapi_route_namespaces)
#define ROWS_gwapi_route_kind(X, T)                                                                \
	X(T, STR, group, "group", _, 0, "API group.")                                              \
	X(T, STR, kind, "kind", _, SCHEMA_REQUIRED, "Kind.")
SCHEMA_STRUCT(gwapi_route_kind)
#define ROWS_gwapi_allowed_routes(X, T)                                                            \
	X(T, MSG, namespaces, "namespaces", gwapi_route_namespaces, 0, "Where routes may be.")     \
	X(T, MSGS, kinds, "kinds", gwapi_route_kind, 0, "Kinds of routes.")
SCHEMA_STRUCT(gwapi_allowed_routes)

#define VALUES_gwapi_tls_mode(X, P) X(P, Terminate, 1) X(P, Passthrough, 2)
SCHEMA_ENUM(gwapi_tls_mode, GWAPI_TLS)
#define ROWS_gwapi_listener_tls(X, T)                                                              \
	X(T, ENUM, mode, "mode", gwapi_tls_mode, 0, "Terminate if absent.")                        \
	X(T, MSGS, certificates, "certificateRefs", gwapi_object_ref, 0, "Secrets.")               \
	X(T, STRMAP, options, "options", _, 0, "Options of the implementation.")
SCHEMA_STRUCT(gwapi_listener_tls)

#define ROWS_gwapi_listener_filter(X, T)                                                           \
	X(T, ENUM, type, "type", gwapi_filter_type, 0, "What it does.")                            \
	X(T, MSG, external_auth, "externalAuth", gwapi_external_auth, 0, "Somebody else decides.") \
	X(T, MSG, extension, "extensionRef", gwapi_local_ref, 0, "An extension.")
SCHEMA_STRUCT(gwapi_listener_filter)
#define ROWS_gwapi_listener_filters(X, T) X(T, MSGS, requests, "requests", gwapi_listener_filter, 0, "Of requests.")
SCHEMA_STRUCT(gwapi_listener_filters)

#define ROWS_gwapi_listener(X, T)                                                                  \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Name.")                                       \
	X(T, STR, hostname, "hostname", _, 0, "Host; all if absent.")                              \
	X(T, U32, port, "port", _, SCHEMA_REQUIRED, "Port.")                                       \
	X(T, STR, protocol, "protocol", _, SCHEMA_REQUIRED, "HTTP, HTTPS, TLS, TCP, UDP or a domain/name.") \
	X(T, MSG, tls, "tls", gwapi_listener_tls, 0, "TLS.")                                       \
	X(T, MSG, allowed_routes, "allowedRoutes", gwapi_allowed_routes, 0, "Who may attach.")     \
	X(T, MSG, filters, "filters", gwapi_listener_filters, SCHEMA_NOT_IN_EFFECT, "Filters of all its routes.")
SCHEMA_STRUCT(gwapi_listener)

#define ROWS_gwapi_address(X, T)                                                                   \
	X(T, STR, type, "type", _, 0, "IPAddress (default), Hostname, NamedAddress or a domain/name.") \
	X(T, STR, value, "value", _, 0, "Address.")                                                \
	X(T, STR, routability, "routability", _, 0, "From where it is reachable.")
SCHEMA_STRUCT(gwapi_address)

#define VALUES_gwapi_validation_mode(X, P) X(P, AllowValidOnly, 1) X(P, AllowInsecureFallback, 2)
SCHEMA_ENUM(gwapi_validation_mode, GWAPI_CLIENTS)
#define ROWS_gwapi_client_validation(X, T)                                                         \
	X(T, MSGS, ca_certificates, "caCertificateRefs", gwapi_far_ref, SCHEMA_REQUIRED, "Bundles of authorities.") \
	X(T, ENUM, mode, "mode", gwapi_validation_mode, 0, "What of clients without a valid one.")
SCHEMA_STRUCT(gwapi_client_validation)
#define ROWS_gwapi_frontend_tls(X, T)                                                              \
	X(T, MSG, validation, "validation", gwapi_client_validation, 0, "Certificates of clients.")
SCHEMA_STRUCT(gwapi_frontend_tls)
#define ROWS_gwapi_port_tls(X, T)                                                                  \
	X(T, U32, port, "port", _, SCHEMA_REQUIRED, "Port.")                                       \
	X(T, MSG, tls, "tls", gwapi_frontend_tls, SCHEMA_REQUIRED, "TLS.")
SCHEMA_STRUCT(gwapi_port_tls)
#define ROWS_gwapi_frontend(X, T)                                                                  \
	X(T, MSG, fallback, "default", gwapi_frontend_tls, SCHEMA_REQUIRED, "Of ports not listed.") \
	X(T, MSGS, per_port, "perPort", gwapi_port_tls, 0, "Of single ports.")
SCHEMA_STRUCT(gwapi_frontend)
#define ROWS_gwapi_backend_tls(X, T)                                                               \
	X(T, MSG, client_certificate, "clientCertificateRef", gwapi_object_ref, 0, "Secret.")
SCHEMA_STRUCT(gwapi_backend_tls)
#define ROWS_gwapi_gateway_tls(X, T)                                                               \
	X(T, MSG, backend, "backend", gwapi_backend_tls, 0, "Towards backends.")                   \
	X(T, MSG, frontend, "frontend", gwapi_frontend, 0, "Towards clients.")
SCHEMA_STRUCT(gwapi_gateway_tls)

#define ROWS_gwapi_infrastructure(X, T)                                                            \
	X(T, STRMAP, labels, "labels", _, 0, "Labels of what is made for it.")                     \
	X(T, STRMAP, annotations, "annotations", _, 0, "Annotations of what is made for it.")      \
	X(T, MSG, parameters, "parametersRef", gwapi_local_ref, 0, "Parameters.")
SCHEMA_STRUCT(gwapi_infrastructure)

#define VALUES_gwapi_listeners_from(X, P) X(P, None, 1) X(P, Same, 2) X(P, All, 3) X(P, Selector, 4)
SCHEMA_ENUM(gwapi_listeners_from, GWAPI_SETS_FROM)
#define ROWS_gwapi_set_namespaces(X, T)                                                            \
	X(T, ENUM, from, "from", gwapi_listeners_from, 0, "Whose ListenerSets; None if absent.")   \
	X(T, MSG, selector, "selector", gwapi_selector, 0, "Labels of the namespaces.")
SCHEMA_STRUCT(gwapi_set_namespaces)
#define ROWS_gwapi_allowed_listeners(X, T)                                                         \
	X(T, MSG, namespaces, "namespaces", gwapi_set_namespaces, 0, "Where ListenerSets may be.")
SCHEMA_STRUCT(gwapi_allowed_listeners)

#define VALUES_gwapi_default_scope(X, P) X(P, All, 1) X(P, None, 2)
SCHEMA_ENUM(gwapi_default_scope, GWAPI_SCOPE)

#define ROWS_gwapi_gateway(X, T)                                                                   \
	X(T, STR, class_name, "gatewayClassName", _, SCHEMA_REQUIRED, "GatewayClass.")             \
	X(T, MSGS, listeners, "listeners", gwapi_listener, SCHEMA_REQUIRED, "Listeners.")          \
	X(T, MSGS, addresses, "addresses", gwapi_address, 0, "Addresses asked for.")               \
	X(T, MSG, infrastructure, "infrastructure", gwapi_infrastructure, SCHEMA_NOT_IN_EFFECT, "What is made for it.") \
	X(T, MSG, allowed_listeners, "allowedListeners", gwapi_allowed_listeners, 0, "Whose ListenerSets.") \
	X(T, MSG, tls, "tls", gwapi_gateway_tls, 0, "TLS of all listeners.")                       \
	X(T, ENUM, default_scope, "defaultScope", gwapi_default_scope, SCHEMA_NOT_IN_EFFECT, "Default Gateway of routes.")
SCHEMA_STRUCT(gwapi_gateway)

#define ROWS_gwapi_gateway_class(X, T)                                                             \
	X(T, STR, controller_name, "controllerName", _, SCHEMA_REQUIRED, "domain/path of the implementation.") \
	X(T, STR, description, "description", _, 0, "For people.")                                 \
	X(T, MSG, parameters, "parametersRef", gwapi_far_ref, SCHEMA_NOT_IN_EFFECT, "Parameters.")
SCHEMA_STRUCT(gwapi_gateway_class)

#define ROWS_gwapi_listener_set(X, T)                                                              \
	X(T, MSG, parent, "parentRef", gwapi_object_ref, SCHEMA_REQUIRED, "Gateway.")              \
	X(T, MSGS, listeners, "listeners", gwapi_listener, SCHEMA_REQUIRED, "Listeners.")
SCHEMA_STRUCT(gwapi_listener_set)

/* ---- ReferenceGrant, policies ---- */

#define ROWS_gwapi_grant_from(X, T)                                                                \
	X(T, STR, group, "group", _, 0, "API group; empty = core.")                                \
	X(T, STR, kind, "kind", _, SCHEMA_REQUIRED, "Kind.")                                       \
	X(T, STR, ns, "namespace", _, SCHEMA_REQUIRED, "Namespace.")
SCHEMA_STRUCT(gwapi_grant_from)
#define ROWS_gwapi_grant_to(X, T)                                                                  \
	X(T, STR, group, "group", _, 0, "API group; empty = core.")                                \
	X(T, STR, kind, "kind", _, SCHEMA_REQUIRED, "Kind.")                                       \
	X(T, STR, name, "name", _, 0, "Name; all if absent.")
SCHEMA_STRUCT(gwapi_grant_to)
#define ROWS_gwapi_reference_grant(X, T)                                                           \
	X(T, MSGS, from, "from", gwapi_grant_from, SCHEMA_REQUIRED, "Who may refer.")              \
	X(T, MSGS, to, "to", gwapi_grant_to, SCHEMA_REQUIRED, "To what of this namespace.")
SCHEMA_STRUCT(gwapi_reference_grant)

#define ROWS_gwapi_target(X, T)                                                                    \
	ROWS_gwapi_local_ref(X, T)                                                                 \
	X(T, STR, section_name, "sectionName", _, 0, "Port of a service, by name.")
SCHEMA_STRUCT(gwapi_target)

#define VALUES_gwapi_san_type(X, P) X(P, Hostname, 1) X(P, URI, 2)
SCHEMA_ENUM(gwapi_san_type, GWAPI_SAN)
#define ROWS_gwapi_san(X, T)                                                                       \
	X(T, ENUM, type, "type", gwapi_san_type, 0, "Hostname or URI.")                            \
	X(T, STR, hostname, "hostname", _, 0, "Host name.")                                        \
	X(T, STR, uri, "uri", _, 0, "URI.")
SCHEMA_STRUCT(gwapi_san)
#define ROWS_gwapi_server_validation(X, T)                                                         \
	X(T, MSGS, ca_certificates, "caCertificateRefs", gwapi_local_ref, 0, "Bundles of authorities.") \
	X(T, STR, well_known, "wellKnownCACertificates", _, 0, "System, or a domain/name.")        \
	X(T, STR, hostname, "hostname", _, SCHEMA_REQUIRED, "SNI, and name of the server.")        \
	X(T, MSGS, subject_alt_names, "subjectAltNames", gwapi_san, 0, "Names that the server may have.")
SCHEMA_STRUCT(gwapi_server_validation)
#define ROWS_gwapi_backend_tls_policy(X, T)                                                        \
	X(T, MSGS, targets, "targetRefs", gwapi_target, SCHEMA_REQUIRED, "Services.")              \
	X(T, MSG, validation, "validation", gwapi_server_validation, SCHEMA_REQUIRED, "How the server is verified.") \
	X(T, STRMAP, options, "options", _, 0, "Options of the implementation.")
SCHEMA_STRUCT(gwapi_backend_tls_policy)

#define ROWS_gwapi_budget(X, T)                                                                    \
	X(T, OU32, percent, "percent", _, 0, "Share of requests that may be retries.")             \
	X(T, STR, interval, "interval", _, 0, "Window of the share.")
SCHEMA_STRUCT(gwapi_budget)
#define ROWS_gwapi_retry_rate(X, T)                                                                \
	X(T, OU32, count, "count", _, 0, "Retries.") X(T, STR, interval, "interval", _, 0, "Window.")
SCHEMA_STRUCT(gwapi_retry_rate)
#define ROWS_gwapi_retry_constraint(X, T)                                                          \
	X(T, MSG, budget, "budget", gwapi_budget, 0, "Share of retries.")                          \
	X(T, MSG, min_rate, "minRetryRate", gwapi_retry_rate, 0, "Always allowed.")
SCHEMA_STRUCT(gwapi_retry_constraint)
#define ROWS_gwapi_traffic_policy(X, T)                                                            \
	X(T, MSGS, targets, "targetRefs", gwapi_local_ref, SCHEMA_REQUIRED, "Services.")           \
	X(T, MSG, retry_constraint, "retryConstraint", gwapi_retry_constraint, 0, "Bound of retries.") \
	X(T, MSG, persistence, "sessionPersistence", gwapi_persistence, 0, "Sessions.")
SCHEMA_STRUCT(gwapi_traffic_policy)

#endif
