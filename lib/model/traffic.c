/* SPDX-License-Identifier: Apache-2.0 */
#include "model/traffic.h"

#include <string.h>

#include "base/must.h"

SCHEMA_TABLE(string_match)
SCHEMA_TABLE(percent)
SCHEMA_TABLE(port_selector)
SCHEMA_TABLE(destination)
SCHEMA_TABLE(header_ops)
SCHEMA_TABLE(headers)
SCHEMA_TABLE(http_match)
SCHEMA_TABLE(http_destination)
SCHEMA_ENUM_TABLE(redirect_port)
SCHEMA_TABLE(http_redirect)
SCHEMA_TABLE(direct_body)
SCHEMA_TABLE(direct_response)
SCHEMA_TABLE(delegate)
SCHEMA_TABLE(regex_rewrite)
SCHEMA_TABLE(http_rewrite)
SCHEMA_TABLE(http_retry)
SCHEMA_TABLE(fault_delay)
SCHEMA_TABLE(fault_abort)
SCHEMA_TABLE(http_fault)
SCHEMA_TABLE(http_mirror)
SCHEMA_ENUM_TABLE(unmatched_preflights)
SCHEMA_TABLE(cors_policy)
SCHEMA_TABLE(http_route)
SCHEMA_TABLE(route_destination)
SCHEMA_TABLE(tls_match)
SCHEMA_TABLE(tls_route)
SCHEMA_TABLE(l4_match)
SCHEMA_TABLE(tcp_route)
SCHEMA_TABLE(virtual_service)
SCHEMA_ENUM_TABLE(lb_simple)
SCHEMA_TABLE(cookie_attribute)
SCHEMA_TABLE(hash_cookie)
SCHEMA_TABLE(ring_hash)
SCHEMA_TABLE(maglev)
SCHEMA_TABLE(consistent_hash)
SCHEMA_TABLE(locality_distribute)
SCHEMA_TABLE(locality_failover)
SCHEMA_TABLE(locality_lb)
SCHEMA_TABLE(zone_aware_lb)
SCHEMA_TABLE(warmup)
SCHEMA_TABLE(load_balancer)
SCHEMA_TABLE(tcp_keepalive)
SCHEMA_TABLE(pool_tcp)
SCHEMA_ENUM_TABLE(h2_upgrade)
SCHEMA_TABLE(h2_keepalive)
SCHEMA_TABLE(pool_http)
SCHEMA_TABLE(connection_pool)
SCHEMA_TABLE(outlier_detection)
SCHEMA_ENUM_TABLE(client_tls_mode)
SCHEMA_TABLE(client_tls)
SCHEMA_TABLE(tunnel)
SCHEMA_ENUM_TABLE(proxy_protocol_version)
SCHEMA_TABLE(proxy_protocol)
SCHEMA_TABLE(retry_budget)
SCHEMA_TABLE(port_policy)
SCHEMA_TABLE(traffic_policy)
SCHEMA_TABLE(subset)
SCHEMA_TABLE(match_labels)
SCHEMA_TABLE(destination_rule)
SCHEMA_TABLE(gw_port)
SCHEMA_ENUM_TABLE(server_tls_mode)
SCHEMA_ENUM_TABLE(tls_version)
SCHEMA_TABLE(tls_certificate)
SCHEMA_TABLE(server_tls)
SCHEMA_TABLE(gw_server)
SCHEMA_TABLE(gateway)
SCHEMA_TABLE(workload_entry)
SCHEMA_ENUM_TABLE(se_location)
SCHEMA_ENUM_TABLE(se_resolution)
SCHEMA_TABLE(se_port)
SCHEMA_TABLE(workload_labels)
SCHEMA_TABLE(service_entry)
SCHEMA_TABLE_OPEN(se_allocated, true)
SCHEMA_TABLE_OPEN(service_entry_status, true)
SCHEMA_TABLE_OPEN(workload_entry_status, true)
SCHEMA_TABLE(probe_header)
SCHEMA_TABLE(probe_http)
SCHEMA_TABLE(probe_tcp)
SCHEMA_TABLE(probe_exec)
SCHEMA_TABLE(probe_grpc)
SCHEMA_TABLE(readiness_probe)
SCHEMA_TABLE(group_metadata)
SCHEMA_TABLE(workload_group)
SCHEMA_ENUM_TABLE(capture_mode)
SCHEMA_ENUM_TABLE(outbound_mode)
SCHEMA_TABLE(outbound_policy)
SCHEMA_TABLE(sidecar_port)
SCHEMA_TABLE(sidecar_ingress)
SCHEMA_TABLE(sidecar_egress)
SCHEMA_TABLE(sidecar)

static bool is_among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool credential_is_of_ca(const char *name)
{
	size_t n = strlen(name), suffix = sizeof(CREDENTIAL_CA_SUFFIX) - 1;

	return n > suffix && !strcmp(name + n - suffix, CREDENTIAL_CA_SUFFIX);
}

bool tls_cipher_is_known(const char *name)
{
	static const char *const known[] = {
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
		"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
		"ECDHE-PSK-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA",
		"ECDHE-PSK-AES128-CBC-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
		"ECDHE-PSK-AES256-CBC-SHA", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA",
		"PSK-AES128-CBC-SHA", "AES256-SHA", "PSK-AES256-CBC-SHA", "DES-CBC3-SHA",
	};

	return is_among(known, ARRAY_LEN(known), name);
}

bool tls_curve_is_known(const char *name)
{
	static const char *const known[] = {"P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"};

	return is_among(known, ARRAY_LEN(known), name);
}
