/* SPDX-License-Identifier: Apache-2.0
 *
 * MeshConfig and ProxyConfig (istio/api mesh/v1alpha1): the operator's settings of the whole mesh,
 * from the ConfigMap `istio` (key `mesh`) or --mesh-config. Defaults are Istio's
 * (meshconf_defaults). Rows: X(T, type, member, "jsonName", argument, flags, "documentation").
 * Thread: pure.
 */
#ifndef MODEL_MESHCONF_H
#define MODEL_MESHCONF_H

#include "model/kube.h"
#include "model/traffic.h"

#define VALUES_mesh_outbound_mode(X, P)                                                            \
	X(P, REGISTRY_ONLY, 0) X(P, ALLOW_ANY, 1) X(P, ALLOW_ANY_DYNAMIC_DNS, 2)
SCHEMA_ENUM(mesh_outbound_mode, MESH_OUTBOUND)
#define ROWS_mesh_outbound(X, T)                                                                   \
	X(T, ENUM, mode, "mode", mesh_outbound_mode, 0, "What happens to unknown destinations.")
SCHEMA_STRUCT(mesh_outbound)

#define VALUES_mesh_inbound_mode(X, P) X(P, PASSTHROUGH, 0) X(P, LOCALHOST, 1)
SCHEMA_ENUM(mesh_inbound_mode, MESH_INBOUND)
#define ROWS_mesh_inbound(X, T)                                                                    \
	X(T, ENUM, mode, "mode", mesh_inbound_mode, 0, "Address that the application gets traffic on.")
SCHEMA_STRUCT(mesh_inbound)

#define VALUES_path_normalization(X, P)                                                            \
	X(P, DEFAULT, 0) X(P, NONE, 1) X(P, BASE, 2) X(P, MERGE_SLASHES, 3) X(P, DECODE_AND_MERGE_SLASHES, 4)
SCHEMA_ENUM(path_normalization, NORMALIZE)
#define ROWS_mesh_normalization(X, T)                                                              \
	X(T, ENUM, normalization, "normalization", path_normalization, 0, "Path normalization.")
SCHEMA_STRUCT(mesh_normalization)

#define VALUES_mesh_h2_upgrade(X, P) X(P, DO_NOT_UPGRADE, 0) X(P, UPGRADE, 1)
SCHEMA_ENUM(mesh_h2_upgrade, MESH_H2)
#define VALUES_log_encoding(X, P) X(P, TEXT, 0) X(P, JSON, 1)
SCHEMA_ENUM(log_encoding, LOG_ENCODING)

/* ProxyConfig: defaultConfig, the annotation proxy.istio.io/config, node metadata PROXY_CONFIG. */
#define VALUES_forward_client_cert(X, P)                                                           \
	X(P, UNDEFINED, 0) X(P, SANITIZE, 1) X(P, FORWARD_ONLY, 2) X(P, APPEND_FORWARD, 3)         \
	X(P, SANITIZE_SET, 4) X(P, ALWAYS_FORWARD_ONLY, 5)
SCHEMA_ENUM(forward_client_cert, FORWARD_CLIENT_CERT)
#define ROWS_gateway_topology(X, T)                                                                \
	X(T, U32, num_trusted_proxies, "numTrustedProxies", _, 0, "Trusted hops in X-Forwarded-For.") \
	X(T, ENUM, forward_client_cert_details, "forwardClientCertDetails", forward_client_cert, 0, "X-Forwarded-Client-Cert.") \
	X(T, NODE, proxy_protocol, "proxyProtocol", _, 0, "Expect the PROXY protocol.")
SCHEMA_STRUCT(gateway_topology)

#define ROWS_header_switch(X, T) X(T, OBOOL, disabled, "disabled", _, 0, "Leave it out.")
SCHEMA_STRUCT(header_switch)
#define ROWS_header_option(X, T) X(T, OBOOL, enabled, "enabled", _, 0, "Add it.")
SCHEMA_STRUCT(header_option)
#define ROWS_server_header(X, T)                                                                   \
	X(T, OBOOL, disabled, "disabled", _, 0, "Leave it to the application.")                    \
	X(T, STR, value, "value", _, 0, "istio-envoy.")
SCHEMA_STRUCT(server_header)
#define VALUES_exchange_mode(X, P) X(P, UNDEFINED, 0) X(P, IN_MESH, 1)
SCHEMA_ENUM(exchange_mode, EXCHANGE)
#define ROWS_exchange_headers(X, T)                                                                \
	X(T, ENUM, mode, "mode", exchange_mode, SCHEMA_NOT_IN_EFFECT, "A filter of Istio's own proxy.")
SCHEMA_STRUCT(exchange_headers)
#define ROWS_client_cert_details(X, T)                                                             \
	X(T, OBOOL, subject, "subject", _, 0, "true.")                                             \
	X(T, OBOOL, cert, "cert", _, 0, "false.")                                                  \
	X(T, OBOOL, chain, "chain", _, 0, "false.")                                                \
	X(T, OBOOL, dns, "dns", _, 0, "true.")                                                     \
	X(T, OBOOL, uri, "uri", _, 0, "true.")
SCHEMA_STRUCT(client_cert_details)
#define ROWS_proxy_headers(X, T)                                                                   \
	X(T, ENUM, forwarded_client_cert, "forwardedClientCert", forward_client_cert, 0, "APPEND_FORWARD; inbound.") \
	X(T, MSG, current_client_cert, "setCurrentClientCertDetails", client_cert_details, 0, "What of the certificate; inbound.") \
	X(T, MSG, request_id, "requestId", header_switch, 0, "X-Request-Id.")                      \
	X(T, MSG, server, "server", server_header, 0, "Server.")                                   \
	X(T, MSG, attempt_count, "attemptCount", header_switch, 0, "X-Envoy-Attempt-Count.")       \
	X(T, MSG, debug, "envoyDebugHeaders", header_switch, 0, "Other X-Envoy headers.")          \
	X(T, MSG, exchange, "metadataExchangeHeaders", exchange_headers, 0, "X-Envoy-Peer-Metadata.") \
	X(T, OBOOL, preserve_case, "preserveHttp1HeaderCase", _, 0, "Names of HTTP/1 headers as they came.") \
	X(T, MSG, forwarded_host, "xForwardedHost", header_option, 0, "X-Forwarded-Host.")         \
	X(T, MSG, forwarded_port, "xForwardedPort", header_option, 0, "X-Forwarded-Port.")
SCHEMA_STRUCT(proxy_headers)

#define VALUES_connection_profile(X, P) X(P, SIDECAR, 0) X(P, EDGE, 1)
SCHEMA_ENUM(connection_profile, PROFILE)
#define VALUES_underscores_action(X, P) X(P, UNSPECIFIED, 0) X(P, ALLOW, 1) X(P, REJECT_REQUEST, 2) X(P, DROP_HEADER, 3)
SCHEMA_ENUM(underscores_action, UNDERSCORES)
#define VALUES_slashes_action(X, P)                                                                \
	X(P, IMPLEMENTATION_SPECIFIC_DEFAULT, 0) X(P, KEEP_UNCHANGED, 1) X(P, REJECT_REQUEST, 2)   \
	X(P, UNESCAPE_AND_REDIRECT, 3) X(P, UNESCAPE_AND_FORWARD, 4)
SCHEMA_ENUM(slashes_action, SLASHES)
#define ROWS_connection_settings(X, T)                                                             \
	X(T, ENUM, profile, "profile", connection_profile, 0, "EDGE: hardened for the Internet.")  \
	X(T, OU32, listener_buffer, "listenerPerConnectionBufferLimitBytes", _, 0, "Bytes buffered of a client.") \
	X(T, OU32, cluster_buffer, "clusterPerConnectionBufferLimitBytes", _, 0, "Bytes buffered of a server.") \
	X(T, DUR, idle_timeout, "httpIdleTimeout", _, 0, "Of a connection without requests.")      \
	X(T, DUR, request_timeout, "httpRequestTimeout", _, 0, "To receive a request.")            \
	X(T, DUR, stream_idle_timeout, "httpStreamIdleTimeout", _, 0, "Of a request without bytes.") \
	X(T, DUR, headers_timeout, "httpRequestHeadersTimeout", _, 0, "To receive the headers.")   \
	X(T, OU32, max_streams, "httpMaxConcurrentStreams", _, 0, "Of one HTTP/2 connection.")     \
	X(T, OU32, stream_window, "http2InitialStreamWindowSize", _, 0, "Bytes.")                  \
	X(T, OU32, connection_window, "http2InitialConnectionWindowSize", _, 0, "Bytes.")          \
	X(T, ENUM, underscores, "httpHeadersWithUnderscoresAction", underscores_action, 0, "Of header names.") \
	X(T, OBOOL, merge_slashes, "httpMergeSlashes", _, 0, "// is /.")                           \
	X(T, ENUM, escaped_slashes, "httpPathWithEscapedSlashesAction", slashes_action, 0, "%2F in paths.")
SCHEMA_STRUCT(connection_settings)

#define ROWS_proxy_config(X, T)                                                                    \
	X(T, STR, config_path, "configPath", _, 0, "Agent.")                                       \
	X(T, STR, binary_path, "binaryPath", _, 0, "Agent.")                                       \
	X(T, STR, service_cluster, "serviceCluster", _, 0, "Agent.")                               \
	X(T, DUR, drain_duration, "drainDuration", _, 0, "Agent.")                                 \
	X(T, STR, discovery_address, "discoveryAddress", _, 0, "Agent.")                           \
	X(T, STRMAP, proxy_metadata, "proxyMetadata", _, 0, "Node metadata.")                      \
	X(T, OI32, concurrency, "concurrency", _, 0, "Worker threads.")                            \
	X(T, MSG, gateway_topology, "gatewayTopology", gateway_topology, 0, "What stands before a gateway.") \
	X(T, NODE, tracing, "tracing", _, SCHEMA_NOT_IN_EFFECT, "Tracing.")                        \
	X(T, MSG, proxy_headers, "proxyHeaders", proxy_headers, 0, "Headers that proxies add.")    \
	X(T, MSG, connection_settings, "connectionSettings", connection_settings, 0, "Limits and times of connections.") \
	X(T, DUR, termination_drain_duration, "terminationDrainDuration", _, 0, "Agent.")          \
	X(T, BOOL, hold_application, "holdApplicationUntilProxyStarts", _, 0, "Agent.")            \
	X(T, STR, control_plane_auth_policy, "controlPlaneAuthPolicy", _, 0, "Agent.")             \
	X(T, I32, status_port, "statusPort", _, 0, "Agent.")                                       \
	X(T, I32, proxy_admin_port, "proxyAdminPort", _, 0, "Agent.")                              \
	X(T, NODE, image, "image", _, 0, "Injection.")                                             \
	X(T, STR, tracing_service_name, "tracingServiceName", _, SCHEMA_NOT_IN_EFFECT, "Name in traces.") \
	X(T, STR, zipkin_address, "zipkinAddress", _, SCHEMA_DEPRECATED, "Use tracing.")           \
	X(T, STR, statsd_udp_address, "statsdUdpAddress", _, 0, "Agent.")                          \
	X(T, STR, custom_config_file, "customConfigFile", _, 0, "Agent.")                          \
	X(T, I32, stat_name_length, "statNameLength", _, 0, "Agent.")                              \
	X(T, STR, bootstrap_template, "proxyBootstrapTemplatePath", _, 0, "Agent.")                \
	X(T, STR, interception_mode, "interceptionMode", _, 0, "REDIRECT or TPROXY.")              \
	X(T, NODE, access_log_service, "envoyAccessLogService", _, 0, "Agent.")                    \
	X(T, NODE, metrics_service, "envoyMetricsService", _, 0, "Agent.")                         \
	X(T, STRMAP, runtime_values, "runtimeValues", _, 0, "Agent.")                              \
	X(T, STRS, extra_stat_tags, "extraStatTags", _, 0, "Agent.")                               \
	X(T, STR, mesh_id, "meshId", _, 0, "Agent.")                                               \
	X(T, NODE, readiness_probe, "readinessProbe", _, 0, "Agent.")                              \
	X(T, NODE, stats_matcher, "proxyStatsMatcher", _, 0, "Agent.")                             \
	X(T, STRS, ca_certificates_pem, "caCertificatesPem", _, 0, "Agent.")                       \
	X(T, NODE, private_key_provider, "privateKeyProvider", _, SCHEMA_NOT_IN_EFFECT, "Accelerators.") \
	X(T, DUR, file_flush_interval, "fileFlushInterval", _, 0, "Agent.")                        \
	X(T, U32, file_flush_min_size_kb, "fileFlushMinSizeKb", _, 0, "Agent.")                    \
	X(T, BOOL, stats_compression, "statsCompression", _, 0, "Agent.")
SCHEMA_STRUCT(proxy_config)

/* The kind ProxyConfig (networking.istio.io): what of the above an object may set. */
#define ROWS_proxy_image(X, T) X(T, STR, image_type, "imageType", _, 0, "Injection.")
SCHEMA_STRUCT(proxy_image)
#define ROWS_workload_config(X, T)                                                                 \
	X(T, MSG, selector, "selector", match_labels, 0, "Workloads; the namespace if absent.")    \
	X(T, OI32, concurrency, "concurrency", _, 0, "Worker threads.")                            \
	X(T, STRMAP, environment_variables, "environmentVariables", _, 0, "Joins proxyMetadata.")  \
	X(T, MSG, image, "image", proxy_image, 0, "Injection.")
SCHEMA_STRUCT(workload_config)

#define ROWS_mesh_tls(X, T)                                                                        \
	X(T, ENUM, min_protocol_version, "minProtocolVersion", tls_version, 0, "Least version; of the mesh's own TLS.") \
	X(T, STRS, ecdh_curves, "ecdhCurves", _, 0, "Curves; not of the mesh's own TLS.")          \
	X(T, STRS, cipher_suites, "cipherSuites", _, 0, "Cipher suites.")
SCHEMA_STRUCT(mesh_tls)

/* Where a rule says nothing of such a block. */
#define ROWS_default_policy(X, T)                                                                  \
	X(T, MSG, connection_pool, "connectionPool", connection_pool, 0, "Connections.")           \
	X(T, MSG, outlier_detection, "outlierDetection", outlier_detection, 0, "Ejection.")
SCHEMA_STRUCT(default_policy)

/* How far ServiceEntries are seen, whatever their exportTo says. */
#define VALUES_entry_visibility(X, P) X(P, UNSPECIFIED, 0) X(P, PUBLIC, 1) X(P, NAMESPACE, 2) X(P, NONE, 3)
SCHEMA_ENUM(entry_visibility, ENTRY_VISIBLE)
#define ROWS_visibility_rule(X, T)                                                                 \
	X(T, MSG, namespace_selector, "namespaceSelector", k_label_selector, 0, "Of the namespace of the ServiceEntry.")
SCHEMA_STRUCT(visibility_rule)
#define ROWS_visibility_policy(X, T)                                                               \
	X(T, ENUM, visibility, "visibility", entry_visibility, 0, "PUBLIC, NAMESPACE or NONE.")    \
	X(T, MSGS, rules, "matchingRules", visibility_rule, 0, "All must hold.")
SCHEMA_STRUCT(visibility_policy)
#define ROWS_mesh_visibility(X, T)                                                                 \
	X(T, ENUM, by_default, "defaultVisibility", entry_visibility, 0, "Where no policy holds; PUBLIC.") \
	X(T, MSGS, policies, "policies", visibility_policy, 0, "The first that holds counts.")     \
	X(T, BOOL, apply_to_sidecars, "applyToSidecars", _, 0, "It holds for sidecars and gateways.")
SCHEMA_STRUCT(mesh_visibility)

#define ROWS_mesh_config(X, T)                                                                     \
	X(T, I32, proxy_listen_port, "proxyListenPort", _, 0, "virtualOutbound; 15001.")           \
	X(T, I32, proxy_inbound_listen_port, "proxyInboundListenPort", _, 0, "virtualInbound; 15006.") \
	X(T, I32, proxy_http_port, "proxyHttpPort", _, 0, "HTTP proxy listener; 0 = none.")        \
	X(T, DUR, connect_timeout, "connectTimeout", _, 0, "10 s.")                                \
	X(T, DUR, protocol_detection_timeout, "protocolDetectionTimeout", _, 0, "0 = wait.")       \
	X(T, MSG, tcp_keepalive, "tcpKeepalive", tcp_keepalive, 0, "SO_KEEPALIVE upstream.")       \
	X(T, ENUM, h2_upgrade_policy, "h2UpgradePolicy", mesh_h2_upgrade, 0, "HTTP/1.1 to HTTP/2.") \
	X(T, MSG, outbound_traffic_policy, "outboundTrafficPolicy", mesh_outbound, 0, "Unknown destinations.") \
	X(T, MSG, inbound_traffic_policy, "inboundTrafficPolicy", mesh_inbound, 0, "Inbound addressing.") \
	X(T, STR, trust_domain, "trustDomain", _, 0, "cluster.local.")                             \
	X(T, STRS, trust_domain_aliases, "trustDomainAliases", _, 0, "Other names of it.")         \
	X(T, STR, root_namespace, "rootNamespace", _, 0, "istio-system.")                          \
	X(T, STRS, default_service_export_to, "defaultServiceExportTo", _, 0, "*.")                \
	X(T, STRS, default_virtual_service_export_to, "defaultVirtualServiceExportTo", _, 0, "*.") \
	X(T, STRS, default_destination_rule_export_to, "defaultDestinationRuleExportTo", _, 0, "*.") \
	X(T, MSG, locality_lb_setting, "localityLbSetting", locality_lb, 0, "Locality.")           \
	X(T, MSG, default_http_retry_policy, "defaultHttpRetryPolicy", http_retry, 0, "In place of 2 retries.") \
	X(T, MSG, path_normalization, "pathNormalization", mesh_normalization, 0, "Paths.")        \
	X(T, OBOOL, enable_auto_mtls, "enableAutoMtls", _, 0, "true.")                             \
	X(T, STR, access_log_file, "accessLogFile", _, 0, "Path; /dev/stdout; empty = none.")      \
	X(T, STR, access_log_format, "accessLogFormat", _, 0, "Format.")                           \
	X(T, ENUM, access_log_encoding, "accessLogEncoding", log_encoding, 0, "TEXT or JSON.")     \
	X(T, BOOL, disable_envoy_listener_log, "disableEnvoyListenerLog", _, 0, "No log of connections without a chain.") \
	X(T, DUR, dns_refresh_rate, "dnsRefreshRate", _, 0, "60 s.")                               \
	X(T, MSG, default_config, "defaultConfig", proxy_config, 0, "ProxyConfig of every proxy.") \
	X(T, STR, ingress_class, "ingressClass", _, 0, "istio.")                                   \
	X(T, STR, ingress_service, "ingressService", _, 0, "istio-ingressgateway.")                \
	X(T, STR, ingress_selector, "ingressSelector", _, 0, "Label of the ingress gateway.")      \
	X(T, STR, ingress_controller_mode, "ingressControllerMode", _, 0, "STRICT.")               \
	X(T, OBOOL, enable_tracing, "enableTracing", _, 0, "true.")                                \
	X(T, OBOOL, enable_prometheus_merge, "enablePrometheusMerge", _, 0, "Agent.")              \
	X(T, OBOOL, verify_certificate_at_client, "verifyCertificateAtClient", _, 0, "Accepted.")  \
	X(T, MSG, mesh_mtls, "meshMTLS", mesh_tls, 0, "TLS within the mesh.")                      \
	X(T, MSG, tls_defaults, "tlsDefaults", mesh_tls, 0, "TLS elsewhere.")                      \
	X(T, NODE, extension_providers, "extensionProviders", _, 0, "Named providers.")            \
	X(T, NODE, default_providers, "defaultProviders", _, 0, "Default providers.")              \
	X(T, MSGS, discovery_selectors, "discoverySelectors", k_label_selector, 0, "Namespaces that count.") \
	X(T, NODE, service_settings, "serviceSettings", _, SCHEMA_NOT_IN_EFFECT, "Cluster-local services.") \
	X(T, NODE, certificates, "certificates", _, SCHEMA_DEPRECATED, "Not used.")                \
	X(T, NODE, ca, "ca", _, 0, "External CA.")                                                 \
	X(T, NODE, ca_certificates, "caCertificates", _, 0, "Further trust anchors.")              \
	X(T, NODE, config_sources, "configSources", _, 0, "Not used.")                             \
	X(T, MSG, default_traffic_policy, "defaultTrafficPolicy", default_policy, 0, "Baseline of all rules.") \
	X(T, MSG, zone_aware_lb_setting, "zoneAwareLbSetting", zone_aware_lb, 0, "Zone awareness.") \
	X(T, MSG, default_inbound_retries, "defaultInboundHttpRetryPolicy", http_retry, 0, "Inbound retries.") \
	X(T, STR, outbound_stat_name, "outboundClusterStatName", _, 0, "Pattern of statistics.") \
	X(T, STR, inbound_stat_name, "inboundClusterStatName", _, 0, "Pattern of statistics.") \
	X(T, MSG, entry_visibility, "serviceEntryVisibility", mesh_visibility, 0, "Bounds of exportTo.") \
	X(T, NODE, service_scopes, "serviceScopeConfigs", _, SCHEMA_NOT_IN_EFFECT, "Services of several clusters, ambient.") \
	X(T, BOOL, access_log_service, "enableEnvoyAccessLogService", _, SCHEMA_NOT_IN_EFFECT, "Logs by gRPC.")
SCHEMA_STRUCT(mesh_config)

/* MeshNetworks, from the key `meshNetworks` beside `mesh`: which endpoints are in which network, and
 * what leads into it. */
#define ROWS_network_endpoints(X, T)                                                               \
	X(T, STR, from_cidr, "fromCidr", _, 1, "Addresses.")                                       \
	X(T, STR, from_registry, "fromRegistry", _, 1, "Cluster.")
SCHEMA_STRUCT(network_endpoints)
#define ROWS_network_gateway(X, T)                                                                 \
	X(T, STR, registry_service, "registryServiceName", _, 1, "Service of the gateway.")        \
	X(T, STR, address, "address", _, 1, "Address of the gateway.")                             \
	X(T, U32, port, "port", _, 0, "Port.")                                                     \
	X(T, STR, locality, "locality", _, 0, "Not used, as in Istio.")
SCHEMA_STRUCT(network_gateway)
#define ROWS_mesh_network(X, T)                                                                    \
	X(T, MSGS, endpoints, "endpoints", network_endpoints, 0, "What is in it.")                 \
	X(T, MSGS, gateways, "gateways", network_gateway, 0, "What leads into it.")
SCHEMA_STRUCT(mesh_network)
#define ROWS_mesh_networks(X, T) X(T, MSGMAP, networks, "networks", mesh_network, 0, "By name.")
SCHEMA_STRUCT(mesh_networks)

/* Decodes and checks mesh YAML (a map, or null); unknown fields are warnings. Never NULL: look at
 * ds->nerrors. Lives in a. */
const struct mesh_config *meshconf_decode(const struct node *root, struct arena *a, struct diags *ds);
/* As the above, for MeshNetworks. */
const struct mesh_networks *mesh_networks_decode(const struct node *root, struct arena *a, struct diags *ds);
/* Does Envoy take them? root: the ProxyConfig that they are of. a: for what is thrown away. */
bool connection_settings_are_valid(const struct node *root, const struct connection_settings *s, struct arena *a);
/* Istio's defaults with `over` (a decoded config, or NULL) laid on top. Lives in a. */
struct mesh_config *meshconf_effective(const struct mesh_config *over_or_null, struct arena *a);

/* IstioOperator (install.istio.io): what the installer reads. Only its form is checked. */
#define ROWS_istio_components(X, T)                                                                \
	X(T, NODE, base, "base", _, 0, "Cluster-wide objects.")                                    \
	X(T, NODE, pilot, "pilot", _, 0, "Control plane.")                                         \
	X(T, NODE, cni, "cni", _, 0, "CNI plugin.")                                                \
	X(T, NODE, ztunnel, "ztunnel", _, 0, "Proxy of nodes.")                                    \
	X(T, NODE, istiod_remote, "istiodRemote", _, 0, "Remote control plane.")                   \
	X(T, NODE, ingress_gateways, "ingressGateways", _, 0, "Ingress gateways.")                 \
	X(T, NODE, egress_gateways, "egressGateways", _, 0, "Egress gateways.")                    \
	X(T, NODE, proxy, "proxy", _, SCHEMA_DEPRECATED, "Nothing any more.")                      \
	X(T, NODE, sidecar_injector, "sidecarInjector", _, SCHEMA_DEPRECATED, "Nothing any more.") \
	X(T, NODE, policy, "policy", _, SCHEMA_DEPRECATED, "Nothing any more.")                    \
	X(T, NODE, telemetry, "telemetry", _, SCHEMA_DEPRECATED, "Nothing any more.")              \
	X(T, NODE, citadel, "citadel", _, SCHEMA_DEPRECATED, "Nothing any more.")                  \
	X(T, NODE, node_agent, "nodeAgent", _, SCHEMA_DEPRECATED, "Nothing any more.")             \
	X(T, NODE, galley, "galley", _, SCHEMA_DEPRECATED, "Nothing any more.")
SCHEMA_STRUCT(istio_components)

#define ROWS_istio_operator(X, T)                                                                  \
	X(T, STR, profile, "profile", _, 0, "Profile that the rest is laid on.")                   \
	X(T, STR, install_package_path, "installPackagePath", _, 0, "Folder of the charts.")       \
	X(T, STR, hub, "hub", _, 0, "Registry of the images.")                                     \
	X(T, NODE, tag, "tag", _, 0, "Tag of the images.")                                         \
	X(T, STR, ns, "namespace", _, 0, "Namespace of the control plane.")                        \
	X(T, STR, revision, "revision", _, 0, "Revision.")                                         \
	X(T, STR, compatibility_version, "compatibilityVersion", _, 0, "Version to behave like.")  \
	X(T, NODE, mesh_config, "meshConfig", _, 0, "MeshConfig.")                                 \
	X(T, MSG, components, "components", istio_components, 0, "What is installed.")             \
	X(T, NODE, addon_components, "addonComponents", _, SCHEMA_DEPRECATED, "Nothing any more.") \
	X(T, NODE, values, "values", _, 0, "Values of the charts.")                                \
	X(T, NODE, unvalidated_values, "unvalidatedValues", _, 0, "The same, unchecked.")
SCHEMA_STRUCT(istio_operator)

#endif
