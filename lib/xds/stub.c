/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/session_int.h"

#include "pb/endpoint.h"
#include "pb/route.h"

bool stub_build(enum xds_type type, const char *name, struct arena *a, struct pb_bytes *out)
{
	struct pbw w;

	pbw_init(&w, a);
	if (type == XDS_RDS) {
		struct w_route_configuration m = w_route_configuration_root(&w);

		w_route_configuration_name(m, name);
	} else if (type == XDS_EDS) {
		struct w_assignment m = w_assignment_root(&w);

		w_assignment_cluster_name(m, name);
	} else {
		return false;
	}
	*out = pbw_finish(&w);
	return true;
}
