/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/build_int.h"

#include <stdio.h>

#include "pb/endpoint.h"
#include "pb/extension.h"
#include "pb/matcher.h"
#include "pb/route.h"
#include "pb/type.h"
#include "pb/wkt.h"

enum {
	NS_PER_MS = 1000000,
	DNS_JITTER_MS = 100,		/* PILOT_DNS_JITTER_DURATION */
	CARES_UDP_QUERIES = 100,	/* PILOT_DNS_CARES_UDP_MAX_QUERIES */
};
/* A cluster of original destinations that are never forgotten (istio-behaviour.md 2.1). */
static const int64_t cleanup_never_ns = 9223372035LL * 1000000000LL;

static void write_slow_start(struct w_slow_start m, const struct ir_slow_start *s)
{
	if (s->min_percent.has) {
		struct w_percent p = w_slow_start_min_weight_percent_begin(m);

		build_percent(p, s->min_percent.v);
		w_slow_start_min_weight_percent_end(m, p);
	}
	if (s->aggression.has) {
		struct w_runtime_double a = w_slow_start_aggression_begin(m);

		w_runtime_double_runtime_key(a, "(");	/* required by Envoy, names no key */
		w_runtime_double_default_value(a, s->aggression.v);
		w_slow_start_aggression_end(m, a);
	}
	if (s->window.has)
		w_slow_start_slow_start_window_ns(m, s->window.ns);
}

static void write_round_robin(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_round_robin_lb_config lb;
	struct w_slow_start s;

	if (!c->slow_start || c->lb != IR_LB_ROUND_ROBIN)
		return;
	lb = w_cluster_round_robin_lb_config_begin(m);
	s = w_round_robin_lb_config_slow_start_config_begin(lb);
	write_slow_start(s, c->slow_start);
	w_round_robin_lb_config_slow_start_config_end(lb, s);
	w_cluster_round_robin_lb_config_end(m, lb);
}

static void write_least_request(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_least_request_lb_config lb;
	struct w_slow_start s;

	if (!c->slow_start || c->lb != IR_LB_LEAST_REQUEST)
		return;
	lb = w_cluster_least_request_lb_config_begin(m);
	s = w_least_request_lb_config_slow_start_config_begin(lb);
	write_slow_start(s, c->slow_start);
	w_least_request_lb_config_slow_start_config_end(lb, s);
	w_cluster_least_request_lb_config_end(m, lb);
}

static void write_maglev(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_maglev_lb_config lb;

	if (c->lb != IR_LB_MAGLEV || !c->maglev_table_size.has)
		return;
	lb = w_cluster_maglev_lb_config_begin(m);
	w_maglev_lb_config_table_size(lb, c->maglev_table_size.v);
	w_cluster_maglev_lb_config_end(m, lb);
}

static void write_ring_hash(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_ring_hash_lb_config lb;

	if (c->lb != IR_LB_RING_HASH || !c->ring_min_size.has)
		return;
	lb = w_cluster_ring_hash_lb_config_begin(m);
	w_ring_hash_lb_config_minimum_ring_size(lb, c->ring_min_size.v);
	w_cluster_ring_hash_lb_config_end(m, lb);
}

static void write_cares(struct w_typed_extension m)
{
	struct w_any any = w_typed_extension_typed_config_begin(m);
	struct w_cares_dns_resolver_config cares = w_cares_dns_resolver_config_any_begin(any);

	w_cares_dns_resolver_config_udp_max_queries(cares, CARES_UDP_QUERIES);
	any = w_cares_dns_resolver_config_any_end(cares);
	w_typed_extension_typed_config_end(m, any);
	w_typed_extension_name(m, "envoy.network.dns_resolver.cares");
}

static bool is_dns(const struct ir_cluster *c)
{
	return c->discovery == IR_STRICT_DNS || c->discovery == IR_LOGICAL_DNS;
}

static const enum w_dns_lookup_family lookup_family[] = {
    [IR_FAMILY_V4] = W_DNS_LOOKUP_FAMILY_V4_ONLY,
    [IR_FAMILY_V6] = W_DNS_LOOKUP_FAMILY_V6_ONLY,
    [IR_FAMILY_BOTH] = W_DNS_LOOKUP_FAMILY_ALL,
};

void build_dns_cache(struct w_dns_cache_config m, const struct ir_dns_cache *cache)
{
	w_dns_cache_config_dns_lookup_family(m, lookup_family[cache->family]);
	w_dns_cache_config_name(m, cache->name);
}

/* ---- transport sockets ---- */

static void write_tls_or_raw(struct build_out *out, struct w_transport_socket m, const struct ir_tls *tls)
{
	if (tls)
		build_tls(out, m, tls);
	else
		build_raw_buffer(m);
}

/* The socket, inside one that sends a PROXY header first where that is asked for. */
static void write_socket(struct build_out *out, struct w_transport_socket m, const struct ir_tls *tls, uint8_t proxy_protocol)
{
	struct w_proxy_protocol_upstream_transport proxy;
	struct w_proxy_protocol_config version;
	struct w_transport_socket inner;
	struct w_any any;

	if (!proxy_protocol) {
		write_tls_or_raw(out, m, tls);
		return;
	}
	any = w_transport_socket_typed_config_begin(m);
	proxy = w_proxy_protocol_upstream_transport_any_begin(any);
	inner = w_proxy_protocol_upstream_transport_transport_socket_begin(proxy);
	write_tls_or_raw(out, inner, tls);
	w_proxy_protocol_upstream_transport_transport_socket_end(proxy, inner);
	version = w_proxy_protocol_upstream_transport_config_begin(proxy);
	w_proxy_protocol_config_version(version, proxy_protocol == 2 ? W_VERSION_V2 : W_VERSION_V1);
	w_proxy_protocol_upstream_transport_config_end(proxy, version);
	any = w_proxy_protocol_upstream_transport_any_end(proxy);
	w_transport_socket_typed_config_end(m, any);
	w_transport_socket_name(m, "envoy.transport_sockets.upstream_proxy_protocol");
}

static void write_socket_match(struct build_out *out, struct w_cluster m, const struct ir_tls *tls, uint8_t proxy_protocol,
			       const char *name)
{
	struct w_transport_socket_match match = w_cluster_transport_socket_matches_begin(m);
	struct w_transport_socket socket = w_transport_socket_match_transport_socket_begin(match);
	struct w_struct labels;

	write_socket(out, socket, tls, proxy_protocol);
	w_transport_socket_match_transport_socket_end(match, socket);
	labels = w_transport_socket_match_match_begin(match);
	if (tls)
		w_struct_string(labels, "tlsMode", "istio");
	w_transport_socket_match_match_end(match, labels);
	w_transport_socket_match_name(match, name);
	w_cluster_transport_socket_matches_end(m, match);
}

/* ---- HTTP protocol options ---- */

static void write_h2(struct w_http2_protocol_options m, const struct ir_cluster *c)
{
	if (c->h2_ping_interval.has || c->h2_ping_timeout.has) {
		struct w_keepalive_settings k = w_http2_protocol_options_connection_keepalive_begin(m);

		if (c->h2_ping_timeout.has)
			w_keepalive_settings_timeout_ns(k, c->h2_ping_timeout.ns);
		if (c->h2_ping_interval.has)
			w_keepalive_settings_interval_ns(k, c->h2_ping_interval.ns);
		w_http2_protocol_options_connection_keepalive_end(m, k);
	}
	if (c->max_concurrent_streams)
		w_http2_protocol_options_max_concurrent_streams(m, c->max_concurrent_streams);
}

static void write_downstream_protocol(struct w_http_protocol_options m, const struct ir_cluster *c)
{
	struct w_use_downstream_http_config use = w_http_protocol_options_use_downstream_protocol_config_begin(m);
	struct w_http2_protocol_options h2 = w_use_downstream_http_config_http2_protocol_options_begin(use);
	struct w_http1_protocol_options h1;

	write_h2(h2, c);
	w_use_downstream_http_config_http2_protocol_options_end(use, h2);
	h1 = w_use_downstream_http_config_http_protocol_options_begin(use);
	if (c->preserve_case)
		build_preserve_case(h1);
	w_use_downstream_http_config_http_protocol_options_end(use, h1);
	w_http_protocol_options_use_downstream_protocol_config_end(m, use);
}

static void write_explicit_protocol(struct w_http_protocol_options m, const struct ir_cluster *c)
{
	struct w_explicit_http_config ex = w_http_protocol_options_explicit_http_config_begin(m);

	if (c->protocol == IR_HTTP2) {
		struct w_http2_protocol_options h2 = w_explicit_http_config_http2_protocol_options_begin(ex);

		write_h2(h2, c);
		w_explicit_http_config_http2_protocol_options_end(ex, h2);
	} else {
		struct w_http1_protocol_options h1 = w_explicit_http_config_http_protocol_options_begin(ex);

		if (c->preserve_case)
			build_preserve_case(h1);
		w_explicit_http_config_http_protocol_options_end(ex, h1);
	}
	w_http_protocol_options_explicit_http_config_end(m, ex);
}

static void write_common_http(struct w_http_protocol_options m, const struct ir_cluster *c)
{
	struct w_common_http_options common;

	if (!c->idle_timeout.has && !c->max_connection_duration.has && !c->max_requests_per_connection)
		return;
	common = w_http_protocol_options_common_http_protocol_options_begin(m);
	if (c->max_requests_per_connection)
		w_common_http_options_max_requests_per_connection(common, c->max_requests_per_connection);
	if (c->max_connection_duration.has)
		w_common_http_options_max_connection_duration_ns(common, c->max_connection_duration.ns);
	if (c->idle_timeout.has)
		w_common_http_options_idle_timeout_ns(common, c->idle_timeout.ns);
	w_http_protocol_options_common_http_protocol_options_end(m, common);
}

static void write_error(struct w_match_predicate one, uint32_t status)
{
	struct w_http_headers_match headers = w_match_predicate_http_response_headers_match_begin(one);
	struct w_header_matcher h = w_http_headers_match_headers_begin(headers);
	struct w_string_matcher text = w_header_matcher_string_match_begin(h);
	char code[12];

	snprintf(code, sizeof(code), "%u", status);
	w_string_matcher_exact(text, code);
	w_header_matcher_string_match_end(h, text);
	w_header_matcher_name(h, ":status");
	w_http_headers_match_headers_end(headers, h);
	w_match_predicate_http_response_headers_match_end(one, headers);
}

/* Any of the statuses; Envoy takes no choice of one. */
static void write_any_error(struct w_match_predicate any, const struct u32s *codes)
{
	struct w_match_predicate_set set = w_match_predicate_or_match_begin(any);

	for (size_t i = codes->n; i-- > 0;) {
		struct w_match_predicate one = w_match_predicate_set_rules_begin(set);

		write_error(one, codes->v[i]);
		w_match_predicate_set_rules_end(set, one);
	}
	w_match_predicate_or_match_end(any, set);
}

/* Responses that count as failures, in place of 5xx. */
static void write_errors(struct w_http_protocol_options m, const struct u32s *codes)
{
	struct w_http_outlier_detection d = w_http_protocol_options_outlier_detection_begin(m);
	struct w_match_predicate any = w_http_outlier_detection_error_matcher_begin(d);

	if (codes->n == 1)
		write_error(any, codes->v[0]);
	else
		write_any_error(any, codes);
	w_http_outlier_detection_error_matcher_end(d, any);
	w_http_protocol_options_outlier_detection_end(m, d);
}

static void write_protocol_options(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_any any;
	struct w_http_protocol_options http;

	if (c->protocol == IR_HTTP_NONE)
		return;
	any = w_cluster_typed_extension_protocol_options_put_begin(m);
	http = w_http_protocol_options_any_begin(any);
	if (c->outlier && c->outlier->error_codes.n)
		write_errors(http, &c->outlier->error_codes);
	if (c->protocol == IR_HTTP_DOWNSTREAM)
		write_downstream_protocol(http, c);
	else
		write_explicit_protocol(http, c);
	if (c->tls && (c->tls->auto_sni || c->tls->auto_san)) {
		struct w_upstream_http_protocol_options up = w_http_protocol_options_upstream_http_protocol_options_begin(http);

		w_upstream_http_protocol_options_auto_san_validation(up, c->tls->auto_san);
		w_upstream_http_protocol_options_auto_sni(up, c->tls->auto_sni);
		w_http_protocol_options_upstream_http_protocol_options_end(http, up);
	}
	write_common_http(http, c);
	any = w_http_protocol_options_any_end(http);
	w_cluster_typed_extension_protocol_options_put_end(m, any, "envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
}

/* ---- the rest, from the highest field number down ---- */

static void write_dynamic_dns(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_custom_cluster_type type = w_cluster_cluster_type_begin(m);
	struct w_any any = w_custom_cluster_type_typed_config_begin(type);
	struct w_dynamic_forward_proxy_cluster dfp = w_dynamic_forward_proxy_cluster_any_begin(any);
	struct w_dns_cache_config cache;

	/* Envoy wants a word where not the request's host is what TLS asks for, or where there is no TLS */
	if ((c->tls || c->protocol != IR_HTTP_NONE) && !(c->tls && c->tls->auto_sni && c->tls->auto_san))
		w_dynamic_forward_proxy_cluster_allow_insecure_cluster_options(dfp, true);
	cache = w_dynamic_forward_proxy_cluster_dns_cache_config_begin(dfp);
	build_dns_cache(cache, c->dns_cache);
	w_dynamic_forward_proxy_cluster_dns_cache_config_end(dfp, cache);
	any = w_dynamic_forward_proxy_cluster_any_end(dfp);
	w_custom_cluster_type_typed_config_end(type, any);
	w_custom_cluster_type_name(type, "envoy.clusters.dynamic_forward_proxy");
	w_cluster_cluster_type_end(m, type);
}

static void write_keepalive(struct w_cluster m, const struct ir_keepalive *k)
{
	struct w_upstream_connection_options o = w_cluster_upstream_connection_options_begin(m);
	struct w_tcp_keepalive t = w_upstream_connection_options_tcp_keepalive_begin(o);

	if (k->interval_s.has)
		w_tcp_keepalive_keepalive_interval(t, k->interval_s.v);
	if (k->time_s.has)
		w_tcp_keepalive_keepalive_time(t, k->time_s.v);
	if (k->probes.has)
		w_tcp_keepalive_keepalive_probes(t, k->probes.v);
	w_upstream_connection_options_tcp_keepalive_end(o, t);
	w_cluster_upstream_connection_options_end(m, o);
}

/* Health with which a session may stay where it is. */
static const enum w_health_status kept_health[] = {W_HEALTH_STATUS_HEALTHY, W_HEALTH_STATUS_DRAINING,
						   W_HEALTH_STATUS_UNKNOWN, W_HEALTH_STATUS_DEGRADED};

static void write_zones(struct w_common_lb_config lb, const struct ir_cluster *c)
{
	struct w_zone_aware zones = w_common_lb_config_zone_aware_lb_config_begin(lb);

	if (c->zones_from.has)
		w_zone_aware_min_cluster_size(zones, c->zones_from.v);
	if (c->place == IR_PLACE_NO_ZONES)
		w_zone_aware_routing_enabled_empty(zones);
	w_common_lb_config_zone_aware_lb_config_end(lb, zones);
}

static void write_common_lb(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_common_lb_config lb;

	if (c->place == IR_PLACE_ANY && !c->panic_percent.has && !c->keeps_draining)
		return;
	lb = w_cluster_common_lb_config_begin(m);
	if (c->keeps_draining) {
		struct w_health_status_set set = w_common_lb_config_override_host_status_begin(lb);

		w_health_status_set_statuses(set, kept_health, sizeof(kept_health) / sizeof(kept_health[0]));
		w_common_lb_config_override_host_status_end(lb, set);
	}
	if (c->place == IR_PLACE_WEIGHTED)
		w_common_lb_config_locality_weighted_lb_config_empty(lb);
	else if (c->place != IR_PLACE_ANY)
		write_zones(lb, c);
	if (c->panic_percent.has) {
		struct w_percent p = w_common_lb_config_healthy_panic_threshold_begin(lb);

		build_percent(p, c->panic_percent.v);
		w_common_lb_config_healthy_panic_threshold_end(lb, p);
	}
	w_cluster_common_lb_config_end(m, lb);
}

/* metadata istio: config, external, services, subset, alpn_override; keys in descending order */
static void write_metadata(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_metadata meta;
	struct w_struct istio;

	if (!c->n_services && !c->subset && !c->config && !c->external && !c->no_alpn_override)
		return;
	meta = w_cluster_metadata_begin(m);
	istio = w_metadata_filter_metadata_put_begin(meta);
	if (c->subset)
		w_struct_string(istio, "subset", c->subset);
	if (c->n_services) {
		struct w_list_value list = w_struct_list_begin(istio);

		for (size_t i = c->n_services; i-- > 0;) {
			struct w_value item = w_list_value_values_begin(list);
			struct w_struct svc = w_value_struct_value_begin(item);

			w_struct_string(svc, "namespace", c->services[i].ns);
			w_struct_string(svc, "name", c->services[i].name);
			w_struct_string(svc, "host", c->services[i].host);
			w_value_struct_value_end(item, svc);
			w_list_value_values_end(list, item);
		}
		w_struct_list_end(istio, list, "services");
	}
	if (c->external)
		w_struct_bool(istio, "external", true);
	if (c->config)
		w_struct_string(istio, "config", c->config);
	if (c->no_alpn_override)
		w_struct_string(istio, "alpn_override", "false");
	w_metadata_filter_metadata_put_end(meta, istio, "istio");
	w_cluster_metadata_end(m, meta);
}

static void write_bind(struct w_cluster m, const struct ir_cluster *c)
{
	struct w_bind_config bind = w_cluster_upstream_bind_config_begin(m);
	struct w_socket_address a;

	if (c->bind_ip_more) {
		struct w_extra_source_address extra = w_bind_config_extra_source_addresses_begin(bind);

		a = w_extra_source_address_address_begin(extra);
		w_socket_address_port_value(a, 0);
		w_socket_address_address(a, c->bind_ip_more);
		w_extra_source_address_address_end(extra, a);
		w_bind_config_extra_source_addresses_end(bind, extra);
	}
	a = w_bind_config_source_address_begin(bind);
	w_socket_address_port_value(a, 0);
	w_socket_address_address(a, c->bind_ip);
	w_bind_config_source_address_end(bind, a);
	w_cluster_upstream_bind_config_end(m, bind);
}

static void write_outlier(struct w_cluster m, const struct ir_outlier *o)
{
	struct w_outlier_detection d = w_cluster_outlier_detection_begin(m);

	if (o->split_local_origin) {
		w_outlier_detection_enforcing_local_origin_success_rate(d, 0);
		if (o->consecutive_local_origin.has) {
			w_outlier_detection_enforcing_consecutive_local_origin_failure(d, 100);
			w_outlier_detection_consecutive_local_origin_failure(d, o->consecutive_local_origin.v);
		}
		w_outlier_detection_split_external_local_origin_errors(d, true);
	}
	if (o->consecutive_gateway.has) {
		w_outlier_detection_enforcing_consecutive_gateway_failure(d, o->consecutive_gateway.v ? 100 : 0);
		w_outlier_detection_consecutive_gateway_failure(d, o->consecutive_gateway.v);
	}
	w_outlier_detection_enforcing_success_rate(d, 0);
	if (o->consecutive_5xx.has)
		w_outlier_detection_enforcing_consecutive_5xx(d, o->consecutive_5xx.v ? 100 : 0);
	if (o->max_ejection_percent.has)
		w_outlier_detection_max_ejection_percent(d, o->max_ejection_percent.v);
	if (o->base_ejection_time.has)
		w_outlier_detection_base_ejection_time_ns(d, o->base_ejection_time.ns);
	if (o->interval.has)
		w_outlier_detection_interval_ns(d, o->interval.ns);
	if (o->consecutive_5xx.has)
		w_outlier_detection_consecutive_5xx(d, o->consecutive_5xx.v);
	w_cluster_outlier_detection_end(m, d);
}

static void write_thresholds(struct w_cluster m, const struct ir_thresholds *t)
{
	struct w_circuit_breakers breakers = w_cluster_circuit_breakers_begin(m);
	struct w_thresholds x = w_circuit_breakers_thresholds_begin(breakers);

	if (t->has_retry_budget) {
		struct w_retry_budget budget = w_thresholds_retry_budget_begin(x);
		struct w_percent p;

		if (t->budget_interval.has)
			w_retry_budget_budget_interval_ns(budget, t->budget_interval.ns);
		w_retry_budget_min_retry_concurrency(budget, t->min_retry_concurrency);
		p = w_retry_budget_budget_percent_begin(budget);
		build_percent(p, t->budget_percent);
		w_retry_budget_budget_percent_end(budget, p);
		w_thresholds_retry_budget_end(x, budget);
	}
	w_thresholds_track_remaining(x, t->track_remaining);
	w_thresholds_max_retries(x, t->max_retries);
	w_thresholds_max_requests(x, t->max_requests);
	w_thresholds_max_pending_requests(x, t->max_pending_requests);
	w_thresholds_max_connections(x, t->max_connections);
	w_circuit_breakers_thresholds_end(breakers, x);
	w_cluster_circuit_breakers_end(m, breakers);
}

static void write_eds(struct build_out *out, struct w_cluster m, const struct ir_cluster *c)
{
	struct w_eds_cluster_config eds = w_cluster_eds_cluster_config_begin(m);
	struct w_config_source source;

	w_eds_cluster_config_service_name(eds, c->eds_name);
	source = w_eds_cluster_config_eds_config_begin(eds);
	build_config_source(out, source, true);
	w_eds_cluster_config_eds_config_end(eds, source);
	w_cluster_eds_cluster_config_end(m, eds);
	build_use(out, XDS_EDS, c->eds_name, true);
}

static const enum w_lb lb_policy[] = {
    [IR_LB_ROUND_ROBIN] = W_LB_ROUND_ROBIN, [IR_LB_LEAST_REQUEST] = W_LB_LEAST_REQUEST,
    [IR_LB_RANDOM] = W_LB_RANDOM,           [IR_LB_RING_HASH] = W_LB_RING_HASH,
    [IR_LB_MAGLEV] = W_LB_MAGLEV,           [IR_LB_PROVIDED] = W_LB_CLUSTER_PROVIDED,
};
static const enum w_discovery_type discovery[] = {
    [IR_EDS] = W_DISCOVERY_TYPE_EDS,
    [IR_STATIC] = W_DISCOVERY_TYPE_STATIC,
    [IR_STRICT_DNS] = W_DISCOVERY_TYPE_STRICT_DNS,
    [IR_LOGICAL_DNS] = W_DISCOVERY_TYPE_LOGICAL_DNS,
    [IR_ORIGINAL_DST] = W_DISCOVERY_TYPE_ORIGINAL_DST,
};

/* Fields 58 to 37. */
static void write_upper(struct build_out *out, struct w_cluster m, const struct ir_cluster *c)
{
	if (is_dns(c))
		w_cluster_dns_jitter_ns(m, (int64_t)DNS_JITTER_MS * NS_PER_MS);
	write_round_robin(m, c);
	if (is_dns(c)) {
		struct w_typed_extension resolver = w_cluster_typed_dns_resolver_config_begin(m);

		write_cares(resolver);
		w_cluster_typed_dns_resolver_config_end(m, resolver);
	}
	write_maglev(m, c);
	if (c->auto_mtls) {
		write_socket_match(out, m, NULL, c->proxy_protocol, "tlsMode-disabled");
		write_socket_match(out, m, c->auto_mtls, c->proxy_protocol, "tlsMode-istio");
	}
	w_cluster_respect_dns_ttl(m, is_dns(c));
	if (c->discovery == IR_DYNAMIC_DNS)
		write_dynamic_dns(m, c);
	write_least_request(m, c);
}

/* Fields 36 to 19. */
static void write_middle(struct build_out *out, struct w_cluster m, const struct ir_cluster *c)
{
	write_protocol_options(m, c);
	if (c->port_override) {
		struct w_original_dst_lb_config lb = w_cluster_original_dst_lb_config_begin(m);

		w_original_dst_lb_config_upstream_port_override(lb, c->port_override);
		w_cluster_original_dst_lb_config_end(m, lb);
	}
	if (c->inline_endpoints) {
		struct w_assignment a = w_cluster_load_assignment_begin(m);

		build_assignment(a, c->inline_endpoints);
		w_cluster_load_assignment_end(m, a);
	}
	if (c->keepalive)
		write_keepalive(m, c->keepalive);
	if (c->alt_stat_name)
		w_cluster_alt_stat_name(m, c->alt_stat_name);
	write_common_lb(m, c);
	write_metadata(m, c);
	if (c->tls || (c->proxy_protocol && !c->auto_mtls)) {
		struct w_transport_socket socket = w_cluster_transport_socket_begin(m);

		write_socket(out, socket, c->tls, c->proxy_protocol);
		w_cluster_transport_socket_end(m, socket);
	}
	write_ring_hash(m, c);
	if (c->bind_ip)
		write_bind(m, c);
	if (c->long_cleanup)
		w_cluster_cleanup_interval_ns(m, cleanup_never_ns);
	if (c->outlier)
		write_outlier(m, c->outlier);
}

/* Fields 17 to 1. */
static void write_lower(struct build_out *out, struct w_cluster m, const struct ir_cluster *c)
{
	if (is_dns(c)) {
		w_cluster_dns_lookup_family(m, lookup_family[c->dns_family]);
		if (c->dns_refresh.has)
			w_cluster_dns_refresh_rate_ns(m, c->dns_refresh.ns);
	}
	if (c->thresholds)
		write_thresholds(m, c->thresholds);
	w_cluster_lb_policy(m, lb_policy[c->lb]);
	if (c->buffer_limit.has)
		w_cluster_per_connection_buffer_limit_bytes(m, c->buffer_limit.v);
	if (c->connect_timeout.has)
		w_cluster_connect_timeout_ns(m, c->connect_timeout.ns);
	if (c->discovery == IR_EDS)
		write_eds(out, m, c);
	if (c->discovery != IR_DYNAMIC_DNS)
		w_cluster_type(m, discovery[c->discovery]);
	w_cluster_name(m, c->name);
}

void build_cluster(const struct ir_cluster *c, struct build_out *out)
{
	struct w_cluster m;
	struct pb_bytes bytes;

	m = w_cluster_root(out->w);
	write_upper(out, m, c);
	write_middle(out, m, c);
	write_lower(out, m, c);
	bytes = pbw_finish(out->w);
	out->bytes = bytes.p;
	out->len = bytes.n;
}
