/* SPDX-License-Identifier: Apache-2.0 */
#include "model/meshconf.h"

#include <string.h>

#include "base/must.h"

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
SCHEMA_TABLE(proxy_config)
SCHEMA_TABLE(mesh_config)

static const char *const everywhere[] = {"*"};

/* pkg/config/mesh: what is in force when nothing is said (istio-behaviour.md 9.2). */
static const struct mesh_config defaults = {
    .proxy_listen_port = 15001,
    .proxy_inbound_listen_port = 15006,
    .connect_timeout = {true, 10LL * 1000000000},
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
    .dns_refresh_rate = {true, 60LL * 1000000000},
    .ingress_class = "istio",
    .ingress_service = "istio-ingressgateway",
    .ingress_controller_mode = "STRICT",
    .enable_tracing = {true, true},
    .enable_prometheus_merge = {true, true},
};

/* Whether the field was given: any byte of it differs from absent. */
static bool given(const char *at, size_t size)
{
	static const char zero[64];

	must(size <= sizeof(zero));
	return memcmp(at, zero, size) != 0;
}

/* The bytes of a field: up to the next one, in order of declaration. */
static size_t field_size(const struct schema *s, size_t i)
{
	size_t end = i + 1 < s->n ? s->fields[i + 1].offset : s->size;

	return end - s->fields[i].offset;
}

struct mesh_config *meshconf_effective(const struct mesh_config *over, struct arena *a)
{
	struct mesh_config *m = arena_copy(a, &defaults, sizeof(defaults));

	for (size_t i = 0; over && i < schema_mesh_config.n; i++) {
		const struct schema_field *f = &schema_mesh_config.fields[i];
		const char *from = (const char *)over + f->offset;
		size_t size = field_size(&schema_mesh_config, i);

		if (given(from, size))
			memcpy((char *)m + f->offset, from, size);
	}
	if (!m->locality_lb_setting->enabled.has) {	/* given, without the switch: on */
		struct locality_lb *lb = arena_copy(a, m->locality_lb_setting, sizeof(*lb));

		lb->enabled = (struct opt_bool){true, true};
		m->locality_lb_setting = lb;
	}
	return m;
}
