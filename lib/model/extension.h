/* SPDX-License-Identifier: Apache-2.0
 *
 * extensions.istio.io: WasmPlugin and TrafficExtension; networking.istio.io: EnvoyFilter. Names and
 * meanings are Istio's API (istio/api extensions/v1alpha1, networking/v1alpha3). Rows as in
 * traffic.h. Thread: pure.
 */
#ifndef MODEL_EXTENSION_H
#define MODEL_EXTENSION_H

#include "model/security.h"
#include "model/traffic.h"

/* ---- WasmPlugin, TrafficExtension ---- */

#define VALUES_pull_policy(X, P) X(P, UNSPECIFIED_POLICY, 0) X(P, IfNotPresent, 1) X(P, Always, 2)
SCHEMA_ENUM(pull_policy, PULL)
#define VALUES_plugin_phase(X, P) X(P, UNSPECIFIED_PHASE, 0) X(P, AUTHN, 1) X(P, AUTHZ, 2) X(P, STATS, 3)
SCHEMA_ENUM(plugin_phase, PHASE)
#define VALUES_plugin_type(X, P) X(P, UNSPECIFIED_PLUGIN_TYPE, 0) X(P, HTTP, 1) X(P, NETWORK, 2)
SCHEMA_ENUM(plugin_type, PLUGIN)
#define VALUES_fail_strategy(X, P) X(P, FAIL_CLOSE, 0) X(P, FAIL_OPEN, 1) X(P, FAIL_RELOAD, 2)
SCHEMA_ENUM(fail_strategy, STRATEGY)
#define VALUES_env_source(X, P) X(P, INLINE, 0) X(P, HOST, 1)
SCHEMA_ENUM(env_source, ENV)
#define VALUES_workload_mode(X, P)                                                                 \
	X(P, UNDEFINED, 0) X(P, CLIENT, 1) X(P, SERVER, 2) X(P, CLIENT_AND_SERVER, 3)
SCHEMA_ENUM(workload_mode, MODE)

#define ROWS_wasm_env(X, T)                                                                        \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Variable.")                                   \
	X(T, ENUM, value_from, "valueFrom", env_source, 0, "Where its value is from.")             \
	X(T, STR, value, "value", _, 0, "Its value.")
SCHEMA_STRUCT(wasm_env)

#define ROWS_wasm_vm(X, T) X(T, MSGS, env, "env", wasm_env, 0, "Environment.")
SCHEMA_STRUCT(wasm_vm)

#define ROWS_plugin_match(X, T)                                                                    \
	X(T, ENUM, mode, "mode", workload_mode, 0, "Direction.")                                   \
	X(T, MSGS, ports, "ports", port_selector, 0, "Ports; all if absent.")
SCHEMA_STRUCT(plugin_match)

/* The fields of a Wasm module, in a WasmPlugin and in a TrafficExtension. */
#define ROWS_wasm_module(X, T)                                                                     \
	X(T, STR, url, "url", _, SCHEMA_REQUIRED, "Image or file; oci:// if it has no scheme.")    \
	X(T, STR, sha256, "sha256", _, 0, "Checksum of the module.")                               \
	X(T, ENUM, image_pull_policy, "imagePullPolicy", pull_policy, 0, "When it is fetched.")    \
	X(T, STR, image_pull_secret, "imagePullSecret", _, 0, "Secret with the registry's credentials.") \
	X(T, STR, verification_key, "verificationKey", _, 0, "Key of the image's signature.")      \
	X(T, NODE, plugin_config, "pluginConfig", _, 0, "What the plugin gets.")                   \
	X(T, STR, plugin_name, "pluginName", _, 0, "Name within the module.")                      \
	X(T, ENUM, fail_strategy, "failStrategy", fail_strategy, 0, "What happens when it fails.") \
	X(T, MSG, vm_config, "vmConfig", wasm_vm, 0, "Settings of the machine.")                   \
	X(T, ENUM, type, "type", plugin_type, 0, "HTTP or network filter.")
SCHEMA_STRUCT(wasm_module)

#define ROWS_plugin_place(X, T)                                                                    \
	X(T, MSG, selector, "selector", policy_selector, 0, "Workloads; all of the namespace if absent.") \
	X(T, MSG, target_ref, "targetRef", policy_target, 0, "One target.")                        \
	X(T, MSGS, target_refs, "targetRefs", policy_target, 0, "Targets.")                        \
	X(T, ENUM, phase, "phase", plugin_phase, 0, "Where in the filter chain.")                  \
	X(T, OI32, priority, "priority", _, 0, "Higher first.")                                    \
	X(T, MSGS, match, "match", plugin_match, 0, "Traffic; all if absent.")

#define ROWS_wasm_plugin(X, T) ROWS_plugin_place(X, T) ROWS_wasm_module(X, T)
SCHEMA_STRUCT(wasm_plugin)

#define ROWS_lua_script(X, T) X(T, STR, inline_code, "inlineCode", _, SCHEMA_REQUIRED, "The script.")
SCHEMA_STRUCT(lua_script)

#define ROWS_traffic_extension(X, T)                                                               \
	ROWS_plugin_place(X, T)                                                                    \
	X(T, MSG, wasm, "wasm", wasm_module, 1, "A Wasm module.")                                  \
	X(T, MSG, lua, "lua", lua_script, 1, "A Lua script.")
SCHEMA_STRUCT(traffic_extension)

/* ---- EnvoyFilter ---- */

#define VALUES_apply_to(X, P)                                                                      \
	X(P, INVALID, 0) X(P, LISTENER, 1) X(P, FILTER_CHAIN, 2) X(P, NETWORK_FILTER, 3)           \
	X(P, HTTP_FILTER, 4) X(P, ROUTE_CONFIGURATION, 5) X(P, VIRTUAL_HOST, 6) X(P, HTTP_ROUTE, 7) \
	X(P, CLUSTER, 8) X(P, EXTENSION_CONFIG, 9) X(P, BOOTSTRAP, 10) X(P, LISTENER_FILTER, 11)
SCHEMA_ENUM(apply_to, APPLY)
#define VALUES_patch_context(X, P)                                                                 \
	X(P, ANY, 0) X(P, SIDECAR_INBOUND, 1) X(P, SIDECAR_OUTBOUND, 2) X(P, GATEWAY, 3) X(P, WAYPOINT, 4)
SCHEMA_ENUM(patch_context, CONTEXT)
#define VALUES_patch_operation(X, P)                                                               \
	X(P, INVALID, 0) X(P, MERGE, 1) X(P, ADD, 2) X(P, REMOVE, 3) X(P, INSERT_BEFORE, 4)        \
	X(P, INSERT_AFTER, 5) X(P, INSERT_FIRST, 6) X(P, REPLACE, 7)
SCHEMA_ENUM(patch_operation, PATCH)
#define VALUES_filter_class(X, P) X(P, UNSPECIFIED, 0) X(P, AUTHN, 1) X(P, AUTHZ, 2) X(P, STATS, 3)
SCHEMA_ENUM(filter_class, CLASS)
#define VALUES_route_match_action(X, P) X(P, ANY, 0) X(P, ROUTE, 1) X(P, REDIRECT, 2) X(P, DIRECT_RESPONSE, 3)
SCHEMA_ENUM(route_match_action, ROUTE_MATCH)

#define ROWS_proxy_match(X, T)                                                                     \
	X(T, STR, proxy_version, "proxyVersion", _, 0, "Regular expression over the proxy's version.") \
	X(T, STRMAP, metadata, "metadata", _, 0, "Metadata of the node.")
SCHEMA_STRUCT(proxy_match)

#define ROWS_sub_filter_match(X, T) X(T, STR, name, "name", _, 0, "Name of the filter.")
SCHEMA_STRUCT(sub_filter_match)
#define ROWS_filter_match(X, T)                                                                    \
	X(T, STR, name, "name", _, 0, "Name of the filter.")                                       \
	X(T, MSG, sub_filter, "subFilter", sub_filter_match, 0, "A filter within it.")
SCHEMA_STRUCT(filter_match)
#define ROWS_chain_match(X, T)                                                                     \
	X(T, STR, name, "name", _, 0, "Name.") X(T, STR, sni, "sni", _, 0, "SNI.")                 \
	X(T, STR, transport_protocol, "transportProtocol", _, 0, "raw_buffer or tls.")             \
	X(T, STR, application_protocols, "applicationProtocols", _, 0, "ALPN, by commas.")         \
	X(T, MSG, filter, "filter", filter_match, 0, "A filter of the chain.")                     \
	X(T, U32, destination_port, "destinationPort", _, 0, "Port.")
SCHEMA_STRUCT(chain_match)
#define ROWS_listener_match(X, T)                                                                  \
	X(T, U32, port_number, "portNumber", _, 0, "Port.")                                        \
	X(T, STR, port_name, "portName", _, 0, "Name of the port.")                                \
	X(T, MSG, filter_chain, "filterChain", chain_match, 0, "A chain.")                         \
	X(T, STR, listener_filter, "listenerFilter", _, 0, "A listener filter.")                   \
	X(T, STR, name, "name", _, 0, "Name of the listener.")
SCHEMA_STRUCT(listener_match)

#define ROWS_envoy_route_match(X, T)                                                               \
	X(T, STR, name, "name", _, 0, "Name of the route.")                                        \
	X(T, ENUM, action, "action", route_match_action, 0, "What it does.")
SCHEMA_STRUCT(envoy_route_match)
#define ROWS_vhost_match(X, T)                                                                     \
	X(T, STR, name, "name", _, 0, "Name of the virtual host.")                                 \
	X(T, STR, domain_name, "domainName", _, 0, "One of its domains.")                          \
	X(T, MSG, route, "route", envoy_route_match, 0, "A route.")
SCHEMA_STRUCT(vhost_match)
#define ROWS_route_config_match(X, T)                                                              \
	X(T, U32, port_number, "portNumber", _, 0, "Port.")                                        \
	X(T, STR, port_name, "portName", _, 0, "Name of the gateway's port.")                      \
	X(T, STR, gateway, "gateway", _, 0, "namespace/name of the Gateway.")                      \
	X(T, MSG, vhost, "vhost", vhost_match, 0, "A virtual host.")                               \
	X(T, STR, name, "name", _, 0, "Name of the route configuration.")
SCHEMA_STRUCT(route_config_match)

#define ROWS_cluster_match(X, T)                                                                   \
	X(T, U32, port_number, "portNumber", _, 0, "Port.") X(T, STR, service, "service", _, 0, "Host.") \
	X(T, STR, subset, "subset", _, 0, "Subset.") X(T, STR, name, "name", _, 0, "Name of the cluster.")
SCHEMA_STRUCT(cluster_match)

#define ROWS_waypoint_match(X, T)                                                                  \
	X(T, U32, port_number, "portNumber", _, 0, "Port.")                                        \
	X(T, MSG, filter, "filter", filter_match, 0, "A filter.")                                  \
	X(T, MSG, route, "route", sub_filter_match, 0, "A route, by name.")
SCHEMA_STRUCT(waypoint_match)

#define ROWS_config_match(X, T)                                                                    \
	X(T, ENUM, context, "context", patch_context, 0, "Where.")                                 \
	X(T, MSG, proxy, "proxy", proxy_match, 0, "Which proxies.")                                \
	X(T, MSG, listener, "listener", listener_match, 1, "A listener.")                          \
	X(T, MSG, route_configuration, "routeConfiguration", route_config_match, 1, "Routes.")     \
	X(T, MSG, cluster, "cluster", cluster_match, 1, "A cluster.")                              \
	X(T, MSG, waypoint, "waypoint", waypoint_match, 1, "A waypoint.")
SCHEMA_STRUCT(config_match)

#define ROWS_envoy_patch(X, T)                                                                     \
	X(T, ENUM, operation, "operation", patch_operation, 0, "What is done.")                    \
	X(T, NODE, value, "value", _, 0, "Envoy's configuration.")                                 \
	X(T, ENUM, filter_class, "filterClass", filter_class, 0, "Order among filters.")
SCHEMA_STRUCT(envoy_patch)

#define ROWS_config_patch(X, T)                                                                    \
	X(T, ENUM, apply_to, "applyTo", apply_to, 0, "What is patched.")                           \
	X(T, MSG, match, "match", config_match, 0, "Where.")                                       \
	X(T, MSG, patch, "patch", envoy_patch, 0, "The patch.")
SCHEMA_STRUCT(config_patch)

#define ROWS_envoy_filter(X, T)                                                                    \
	X(T, MSG, workload_selector, "workloadSelector", workload_labels, 0, "Workloads.")         \
	X(T, MSGS, target_refs, "targetRefs", policy_target, 0, "Targets.")                        \
	X(T, MSGS, config_patches, "configPatches", config_patch, 0, "Patches, in order.")         \
	X(T, I32, priority, "priority", _, 0, "Lower first.")
SCHEMA_STRUCT(envoy_filter)

#endif
