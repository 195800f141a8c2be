/* SPDX-License-Identifier: Apache-2.0
 *
 * security.istio.io: PeerAuthentication, RequestAuthentication, AuthorizationPolicy; and how policies
 * of all groups choose what they apply to. Names and meanings are Istio's API (istio/api
 * security/v1beta1, type/v1beta1). Rows as in traffic.h. Thread: pure.
 */
#ifndef MODEL_SECURITY_H
#define MODEL_SECURITY_H

#include "node/schema.h"

/* ---- what a policy applies to ---- */

#define ROWS_policy_target(X, T)                                                                   \
	X(T, STR, group, "group", _, 0, "Group of the target; empty for core.")                    \
	X(T, STR, kind, "kind", _, SCHEMA_REQUIRED, "Kind of the target.")                         \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Name of the target.")                         \
	X(T, STR, ns, "namespace", _, 0, "Only the policy's own is possible, so it stays empty.")
SCHEMA_STRUCT(policy_target)

#define ROWS_policy_selector(X, T) X(T, STRMAP, match_labels, "matchLabels", _, 0, "All must be equal.")
SCHEMA_STRUCT(policy_selector)

/* ---- PeerAuthentication ---- */

#define VALUES_mtls_mode(X, P) X(P, UNSET, 0) X(P, DISABLE, 1) X(P, PERMISSIVE, 2) X(P, STRICT, 3)
SCHEMA_ENUM(mtls_mode, MTLS)

#define ROWS_mutual_tls(X, T) X(T, ENUM, mode, "mode", mtls_mode, 0, "What callers must, or may, do.")
SCHEMA_STRUCT(mutual_tls)

#define ROWS_peer_authentication(X, T)                                                             \
	X(T, MSG, selector, "selector", policy_selector, 0, "Workloads; all of the namespace if absent.") \
	X(T, MSG, mtls, "mtls", mutual_tls, 0, "Mutual TLS; inherited if absent.")                 \
	X(T, MSGMAP, port_level_mtls, "portLevelMtls", mutual_tls, 0, "By port of the workload.")
SCHEMA_STRUCT(peer_authentication)

/* ---- RequestAuthentication ---- */

#define ROWS_jwt_header(X, T)                                                                      \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Header.")                                     \
	X(T, STR, prefix, "prefix", _, 0, "What stands before the token.")
SCHEMA_STRUCT(jwt_header)

#define ROWS_claim_to_header(X, T)                                                                 \
	X(T, STR, header, "header", _, SCHEMA_REQUIRED, "Header to write.")                        \
	X(T, STR, claim, "claim", _, SCHEMA_REQUIRED, "Claim to copy.")
SCHEMA_STRUCT(claim_to_header)

#define VALUES_jwt_presence(X, P) X(P, UNSET, 0) X(P, OPTIONAL, 1) X(P, REQUIRED, 2)
SCHEMA_ENUM(jwt_presence, JWT_PRESENCE)

#define ROWS_jwt_rule(X, T)                                                                        \
	X(T, STR, issuer, "issuer", _, SCHEMA_REQUIRED, "Issuer.")                                 \
	X(T, STRS, audiences, "audiences", _, 0, "Audiences that are accepted.")                   \
	X(T, STR, jwks_uri, "jwksUri", _, 0, "Where the keys are.")                                \
	X(T, STR, jwks, "jwks", _, 0, "The keys.")                                                 \
	X(T, MSGS, from_headers, "fromHeaders", jwt_header, 0, "Headers that carry the token.")    \
	X(T, STRS, from_params, "fromParams", _, 0, "Query parameters that carry the token.")      \
	X(T, STRS, from_cookies, "fromCookies", _, 0, "Cookies that carry the token.")             \
	X(T, STR, output_payload_to_header, "outputPayloadToHeader", _, 0, "Header for the payload.") \
	X(T, BOOL, forward_original_token, "forwardOriginalToken", _, 0, "The token goes on.")     \
	X(T, MSGS, output_claim_to_headers, "outputClaimToHeaders", claim_to_header, 0, "Claims as headers.") \
	X(T, DUR, timeout, "timeout", _, 0, "Bound of fetching the keys; 5s if absent.")           \
	X(T, STRS, space_delimited_claims, "spaceDelimitedClaims", _, 0, "Claims that are lists by spaces.") \
	X(T, ENUM, presence, "presence", jwt_presence, 0, "Whether a token must be there.")
SCHEMA_STRUCT(jwt_rule)

#define ROWS_request_authentication(X, T)                                                          \
	X(T, MSG, selector, "selector", policy_selector, 0, "Workloads; all of the namespace if absent.") \
	X(T, MSG, target_ref, "targetRef", policy_target, 0, "One target.")                        \
	X(T, MSGS, target_refs, "targetRefs", policy_target, 0, "Targets.")                        \
	X(T, MSGS, jwt_rules, "jwtRules", jwt_rule, 0, "Tokens that are accepted.")
SCHEMA_STRUCT(request_authentication)

/* ---- AuthorizationPolicy ---- */

#define ROWS_authz_source(X, T)                                                                    \
	X(T, STRS, principals, "principals", _, 0, "Peer identities.")                             \
	X(T, STRS, not_principals, "notPrincipals", _, 0, "None of these.")                        \
	X(T, STRS, request_principals, "requestPrincipals", _, 0, "Issuer/subject of the token.")  \
	X(T, STRS, not_request_principals, "notRequestPrincipals", _, 0, "None of these.")         \
	X(T, STRS, namespaces, "namespaces", _, 0, "Namespaces of the peer.")                      \
	X(T, STRS, not_namespaces, "notNamespaces", _, 0, "None of these.")                        \
	X(T, STRS, service_accounts, "serviceAccounts", _, 0, "[ns/]sa of the peer.")              \
	X(T, STRS, not_service_accounts, "notServiceAccounts", _, 0, "None of these.")             \
	X(T, STRS, trust_domains, "trustDomains", _, 0, "Trust domains of the peer.")              \
	X(T, STRS, not_trust_domains, "notTrustDomains", _, 0, "None of these.")                   \
	X(T, STRS, ip_blocks, "ipBlocks", _, 0, "Addresses of the connection.")                    \
	X(T, STRS, not_ip_blocks, "notIpBlocks", _, 0, "None of these.")                           \
	X(T, STRS, remote_ip_blocks, "remoteIpBlocks", _, 0, "Addresses of the original caller.")  \
	X(T, STRS, not_remote_ip_blocks, "notRemoteIpBlocks", _, 0, "None of these.")
SCHEMA_STRUCT(authz_source)

#define ROWS_authz_from(X, T) X(T, MSG, source, "source", authz_source, SCHEMA_REQUIRED, "A caller.")
SCHEMA_STRUCT(authz_from)

#define ROWS_authz_operation(X, T)                                                                 \
	X(T, STRS, hosts, "hosts", _, 0, "Hosts.") X(T, STRS, not_hosts, "notHosts", _, 0, "None of these.") \
	X(T, STRS, ports, "ports", _, 0, "Ports.") X(T, STRS, not_ports, "notPorts", _, 0, "None of these.") \
	X(T, STRS, methods, "methods", _, 0, "Methods.")                                           \
	X(T, STRS, not_methods, "notMethods", _, 0, "None of these.")                              \
	X(T, STRS, paths, "paths", _, 0, "Paths.") X(T, STRS, not_paths, "notPaths", _, 0, "None of these.")
SCHEMA_STRUCT(authz_operation)

#define ROWS_authz_to(X, T) X(T, MSG, operation, "operation", authz_operation, SCHEMA_REQUIRED, "A request.")
SCHEMA_STRUCT(authz_to)

#define ROWS_authz_when(X, T)                                                                      \
	X(T, STR, key, "key", _, SCHEMA_REQUIRED, "Attribute.")                                    \
	X(T, STRS, values, "values", _, 0, "One of these.")                                        \
	X(T, STRS, not_values, "notValues", _, 0, "None of these.")
SCHEMA_STRUCT(authz_when)

#define ROWS_authz_rule(X, T)                                                                      \
	X(T, MSGS, from, "from", authz_from, 0, "Any of these callers.")                           \
	X(T, MSGS, to, "to", authz_to, 0, "Any of these requests.")                                \
	X(T, MSGS, when, "when", authz_when, 0, "All of these conditions.")
SCHEMA_STRUCT(authz_rule)

#define VALUES_authz_action(X, P) X(P, ALLOW, 0) X(P, DENY, 1) X(P, AUDIT, 2) X(P, CUSTOM, 3)
SCHEMA_ENUM(authz_action, AUTHZ)

#define ROWS_authz_provider(X, T) X(T, STR, name, "name", _, 0, "An extension provider of MeshConfig.")
SCHEMA_STRUCT(authz_provider)

#define ROWS_authorization_policy(X, T)                                                            \
	X(T, MSG, selector, "selector", policy_selector, 0, "Workloads; all of the namespace if absent.") \
	X(T, MSG, target_ref, "targetRef", policy_target, 0, "One target.")                        \
	X(T, MSGS, target_refs, "targetRefs", policy_target, 0, "Targets.")                        \
	X(T, MSGS, rules, "rules", authz_rule, 0, "Any of these; none matches nothing.")           \
	X(T, ENUM, action, "action", authz_action, 0, "What happens to what a rule matches.")      \
	X(T, MSG, provider, "provider", authz_provider, 0, "Who decides, with action CUSTOM.")
SCHEMA_STRUCT(authorization_policy)

#endif
