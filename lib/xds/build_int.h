/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the build_*.c files: pieces of Envoy's messages that several resources share. All of
 * them write backwards (xds/pbw.h): fields in descending order. Thread: pure.
 */
#ifndef XDS_BUILD_INT_H
#define XDS_BUILD_INT_H

#include "pb/cluster.h"
#include "pb/core.h"
#include "pb/listener.h"
#include "pb/tls.h"
#include "xds/res.h"

/* Expands to one field of a message: begin, what writes it, end. */
#define FIELD(type, m, name, field_type, write, ...)                                                                   \
	do {                                                                                                           \
		struct w_##field_type field_ = w_##type##_##name##_begin(m);                                                \
                                                                                                                       \
		write(field_, __VA_ARGS__);                                                                                 \
		w_##type##_##name##_end(m, field_);                                                                         \
	} while (0)

void build_address(struct w_address m, const struct ir_address *a);
/* Where the client gets resources of another type: ADS, or REST from the same server. */
void build_config_source(const struct build_out *out, struct w_config_source m, bool no_wait);
void build_string_match(struct w_string_matcher m, const struct ir_string_match *s);
static inline bool build_is_presence(const struct ir_string_match *m)
{
	return m->kind == IR_ANY || m->kind == IR_PRESENT;
}

void build_header_match(struct w_header_matcher m, const struct ir_named_match *h);
/* A value, one in a list, or either. */
void build_value_match(struct w_value_matcher m, const struct ir_string_match *value, int list);
void build_metadata_key(struct w_metadata_matcher m, const char *key);
void build_regex(struct w_regex_matcher m, const char *regex);
/* filter_metadata.istio.config = path */
void build_metadata_config(struct w_metadata m, const char *path);
void build_locality(struct w_locality m, const char *region, const char *zone, const char *subzone);
void build_header_op(struct w_header_value_option m, const struct ir_header_op *op);
/* Names of HTTP/1 headers go on as they came. */
void build_preserve_case(struct w_http1_protocol_options m);
/* One cache has the same settings in a cluster and in filters. */
void build_percent(struct w_percent m, double value);

/* The transport socket of a TLS context; ADS secrets go to out->uses. */
void build_tls(struct build_out *out, struct w_transport_socket m, const struct ir_tls *tls);
void build_raw_buffer(struct w_transport_socket m);

void build_dns_cache(struct w_dns_cache_config m, const struct ir_dns_cache *cache);
void build_assignment(struct w_assignment m, const struct ir_endpoints *e);
void build_route_configuration(struct build_out *out, struct w_route_configuration m, const struct ir_routes *r);

/* only_unrouted: only connections that no filter chain took (flag NR). */
void build_log(struct build_out *out, struct w_access_log m, const struct ir_access_log *log, bool only_unrouted);
/* The connection manager as the chain's filter. */
void build_http(struct build_out *out, struct w_filter_chain m, const struct ir_chain *c);
/* The filters of policies, before whatever is written next to them. */
void build_http_authz(struct w_hcm m, const struct ir_authz *a);
void build_jwt(struct w_hcm m, const struct ir_jwt *jwt);
void build_network_authz(struct w_filter_chain m, const struct ir_authz *a);
/* For gRPC's own clients: faults, and the router last, or they refuse it. */
void build_api_http(struct build_out *out, struct w_api_listener m, const char *routes);

void build_use(struct build_out *out, enum xds_type type, const char *name, bool required);

#endif
