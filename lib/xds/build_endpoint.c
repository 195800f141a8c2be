/* SPDX-License-Identifier: Apache-2.0
 *
 * Load assignments: EDS, and the inline ones of STATIC and DNS clusters.
 */
#include "xds/build_int.h"

#include "pb/endpoint.h"
#include "pb/wkt.h"

static void write_metadata(struct w_metadata m, const struct ir_endpoint *e)
{
	struct w_struct s;

	if (e->workload) {
		s = w_metadata_filter_metadata_put_begin(m);
		w_struct_string(s, "workload", e->workload);
		w_metadata_filter_metadata_put_end(m, s, "istio");
	}
	if (e->mtls) {
		s = w_metadata_filter_metadata_put_begin(m);
		w_struct_string(s, "tlsMode", "istio");
		w_metadata_filter_metadata_put_end(m, s, "envoy.transport_socket_match");
	}
}

static void write_endpoint(struct w_endpoint m, const struct ir_endpoint *e)
{
	struct w_address address;

	for (size_t i = e->n_more; i-- > 0;) {
		struct w_endpoint_additional_address more =
		    w_endpoint_additional_addresses_begin(m);

		address = w_endpoint_additional_address_address_begin(more);
		build_address(address, &e->more[i]);
		w_endpoint_additional_address_address_end(more, address);
		w_endpoint_additional_addresses_end(m, more);
	}
	address = w_endpoint_address_begin(m);
	build_address(address, &e->address);
	w_endpoint_address_end(m, address);
}

static const enum w_health_status health[] = {
    [IR_HEALTHY] = W_HEALTH_STATUS_UNKNOWN,
    [IR_UNHEALTHY] = W_HEALTH_STATUS_UNHEALTHY,
    [IR_DRAINING] = W_HEALTH_STATUS_DRAINING,
};

static void write_lb_endpoint(struct w_lb_endpoint m, const struct ir_endpoint *e)
{
	struct w_endpoint endpoint;

	if (e->weight)
		w_lb_endpoint_load_balancing_weight(m, e->weight);
	if (e->workload || e->mtls) {
		struct w_metadata meta = w_lb_endpoint_metadata_begin(m);

		write_metadata(meta, e);
		w_lb_endpoint_metadata_end(m, meta);
	}
	w_lb_endpoint_health_status(m, health[e->health]);
	endpoint = w_lb_endpoint_endpoint_begin(m);
	write_endpoint(endpoint, e);
	w_lb_endpoint_endpoint_end(m, endpoint);
}

static void write_locality(struct w_locality_lb_endpoints m, const struct ir_locality *l, bool always_place)
{
	w_locality_lb_endpoints_priority(m, l->priority);
	if (l->weight.has)
		w_locality_lb_endpoints_load_balancing_weight(m, l->weight.v);
	for (size_t i = l->n_eps; i-- > 0;) {
		struct w_lb_endpoint e = w_locality_lb_endpoints_lb_endpoints_begin(m);

		write_lb_endpoint(e, &l->eps[i]);
		w_locality_lb_endpoints_lb_endpoints_end(m, e);
	}
	if (always_place || *l->region || *l->zone || *l->subzone) {
		struct w_locality where = w_locality_lb_endpoints_locality_begin(m);

		build_locality(where, l->region, l->zone, l->subzone);
		w_locality_lb_endpoints_locality_end(m, where);
	}
}

void build_assignment(struct w_assignment m, const struct ir_endpoints *e)
{
	if (e->has_overprovisioning) {
		struct w_assignment_policy policy = w_assignment_policy_begin(m);

		w_assignment_policy_overprovisioning_factor(policy, e->overprovisioning);
		w_assignment_policy_end(m, policy);
	}
	for (size_t i = e->n_localities; i-- > 0;) {
		struct w_locality_lb_endpoints l = w_assignment_endpoints_begin(m);

		write_locality(l, &e->localities[i], e->always_place);
		w_assignment_endpoints_end(m, l);
	}
	w_assignment_cluster_name(m, e->name);
}

void build_endpoints(const struct ir_endpoints *e, struct build_out *out)
{
	struct pb_bytes bytes;

	build_assignment(w_assignment_root(out->w), e);
	bytes = pbw_finish(out->w);
	out->bytes = bytes.p;
	out->len = bytes.n;
}
