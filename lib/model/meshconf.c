/* SPDX-License-Identifier: Apache-2.0 */
#include "model/meshconf.h"

SCHEMA_ENUM_TABLE(mesh_outbound_mode)
SCHEMA_TABLE(mesh_outbound)
SCHEMA_ENUM_TABLE(mesh_inbound_mode)
SCHEMA_TABLE(mesh_inbound)
SCHEMA_ENUM_TABLE(path_normalization)
SCHEMA_TABLE(mesh_normalization)
SCHEMA_ENUM_TABLE(mesh_h2_upgrade)
SCHEMA_ENUM_TABLE(log_encoding)
SCHEMA_ENUM_TABLE(forward_client_cert)
SCHEMA_TABLE(gateway_topology)
SCHEMA_TABLE(header_switch)
SCHEMA_TABLE(header_option)
SCHEMA_TABLE(server_header)
SCHEMA_ENUM_TABLE(exchange_mode)
SCHEMA_TABLE(exchange_headers)
SCHEMA_TABLE(client_cert_details)
SCHEMA_TABLE(proxy_headers)
SCHEMA_ENUM_TABLE(connection_profile)
SCHEMA_ENUM_TABLE(underscores_action)
SCHEMA_ENUM_TABLE(slashes_action)
SCHEMA_TABLE(connection_settings)
SCHEMA_TABLE(proxy_config)
SCHEMA_TABLE(proxy_image)
SCHEMA_TABLE(workload_config)
SCHEMA_TABLE(mesh_tls)
SCHEMA_TABLE(default_policy)
SCHEMA_TABLE(network_endpoints)
SCHEMA_TABLE(network_gateway)
SCHEMA_TABLE(mesh_network)
SCHEMA_TABLE(mesh_networks)
SCHEMA_ENUM_TABLE(entry_visibility)
SCHEMA_TABLE(visibility_rule)
SCHEMA_TABLE(visibility_policy)
SCHEMA_TABLE(mesh_visibility)
SCHEMA_TABLE(mesh_config)
SCHEMA_TABLE(istio_components)
SCHEMA_TABLE(istio_operator)

#define SECONDS(n) {true, (n)*1000000000LL}

static const struct proxy_config default_proxy = {
    .config_path = "./etc/istio/proxy",
    .binary_path = "/usr/local/bin/envoy",
    .service_cluster = "istio-proxy",
    .drain_duration = SECONDS(45),
    .termination_drain_duration = SECONDS(5),
    .discovery_address = "istiod.istio-system.svc:15012",
    .proxy_admin_port = 15000,
    .control_plane_auth_policy = "MUTUAL_TLS",
    .status_port = 15020,
};

static const char *const everywhere[] = {"*"};

/* pkg/config/mesh: what is in force when nothing is said (istio-behaviour.md 9.2). */
static const struct mesh_config defaults = {
    .proxy_listen_port = 15001,
    .proxy_inbound_listen_port = 15006,
    .connect_timeout = SECONDS(10),
    .protocol_detection_timeout = {true, 0},
    .outbound_traffic_policy = &(const struct mesh_outbound){.mode = MESH_OUTBOUND_ALLOW_ANY},
    .inbound_traffic_policy = &(const struct mesh_inbound){.mode = MESH_INBOUND_PASSTHROUGH},
    .trust_domain = "cluster.local",
    .root_namespace = "istio-system",
    .default_service_export_to = {everywhere, 1},
    .default_virtual_service_export_to = {everywhere, 1},
    .default_destination_rule_export_to = {everywhere, 1},
    .locality_lb_setting = &(const struct locality_lb){.enabled = {true, true}},
    .enable_auto_mtls = {true, true},
    .dns_refresh_rate = SECONDS(60),
    .default_config = &default_proxy,
    .ingress_class = "istio",
    .ingress_service = "istio-ingressgateway",
    .ingress_controller_mode = "STRICT",
    .enable_tracing = {true, true},
    .enable_prometheus_merge = {true, true},
};

struct mesh_config *meshconf_effective(const struct mesh_config *over, struct arena *a)
{
	struct mesh_config *m;

	if (!over)
		return arena_copy(a, &defaults, sizeof(defaults));
	m = schema_merge(&schema_mesh_config, &defaults, over, a);
	/* its 0 is REGISTRY_ONLY, which the merge cannot tell from absent */
	if (over->outbound_traffic_policy)
		m->outbound_traffic_policy = over->outbound_traffic_policy;
	return m;
}
