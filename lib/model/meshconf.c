/* SPDX-License-Identifier: Apache-2.0 */
#include "model/meshconf.h"

#include <string.h>

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

struct mesh_config *meshconf_effective(const struct mesh_config *over, struct arena *a)
{
	return over ? arena_copy(a, over, sizeof(*over)) : arena_new(a, struct mesh_config);
}
