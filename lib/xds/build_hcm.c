/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP connection manager.
 */
#include "xds/build_int.h"

#include "pb/accesslog.h"
#include "pb/extension.h"
#include "pb/hcm.h"
#include "pb/http_filter.h"
#include "pb/listener.h"
#include "pb/route.h"
#include "pb/trace.h"
#include "pb/type.h"
#include "pb/wkt.h"

static void write_filter_empty(struct w_hcm m, const char *name, const char *url)
{
	struct w_http_filter f = w_hcm_http_filters_begin(m);

	w_http_filter_typed_config_empty(f, url);
	w_http_filter_name(f, name);
	w_hcm_http_filters_end(m, f);
}

static void write_router(struct w_hcm m, const struct ir_http *h)
{
	struct w_http_filter f = w_hcm_http_filters_begin(m);
	struct w_any any = w_http_filter_typed_config_begin(f);
	struct w_router router = w_router_any_begin(any);

	w_router_suppress_envoy_headers(router, h->suppress_envoy_headers);
	any = w_router_any_end(router);
	w_http_filter_typed_config_end(f, any);
	w_http_filter_name(f, "envoy.filters.http.router");
	w_hcm_http_filters_end(m, f);
}

static void write_grpc_stats(struct w_hcm m)
{
	struct w_http_filter f = w_hcm_http_filters_begin(m);
	struct w_any any = w_http_filter_typed_config_begin(f);
	struct w_grpc_stats stats = w_grpc_stats_any_begin(any);

	w_grpc_stats_stats_for_all_methods(stats, false);
	w_grpc_stats_emit_filter_state(stats, true);
	any = w_grpc_stats_any_end(stats);
	w_http_filter_typed_config_end(f, any);
	w_http_filter_name(f, "envoy.filters.http.grpc_stats");
	w_hcm_http_filters_end(m, f);
}

static void write_dynamic_dns(struct w_hcm m, const struct ir_dns_cache *cache)
{
	struct w_http_filter f = w_hcm_http_filters_begin(m);
	struct w_any any = w_http_filter_typed_config_begin(f);
	struct w_dynamic_forward_proxy dfp = w_dynamic_forward_proxy_any_begin(any);
	struct w_dns_cache_config config = w_dynamic_forward_proxy_dns_cache_config_begin(dfp);

	build_dns_cache(config, cache);
	w_dynamic_forward_proxy_dns_cache_config_end(dfp, config);
	any = w_dynamic_forward_proxy_any_end(dfp);
	w_http_filter_typed_config_end(f, any);
	w_http_filter_name(f, "envoy.filters.http.dynamic_forward_proxy");
	w_hcm_http_filters_end(m, f);
}

/* From the last filter to the first (istio-behaviour.md 2.5, less what stock Envoy lacks). */
static void write_http_filters(struct w_hcm m, const struct ir_chain *c)
{
	const struct ir_http *h = c->http;

	write_router(m, h);
	for (size_t i = h->n_dns_caches; i-- > 0;)
		write_dynamic_dns(m, &h->dns_caches[i]);
	if (h->fault_and_cors) {
		write_filter_empty(m, "envoy.filters.http.cors", W_URL_CORS);
		write_filter_empty(m, "envoy.filters.http.fault", W_URL_HTTP_FAULT);
	}
	write_grpc_stats(m);
	if (h->grpc_web)
		write_filter_empty(m, "envoy.filters.http.grpc_web", W_URL_GRPC_WEB);
	if (c->authz)
		build_http_authz(m, c->authz);
}

static void write_literal_tag(struct w_hcm_tracing m, const char *tag, const char *value)
{
	struct w_custom_tag t = w_hcm_tracing_custom_tags_begin(m);
	struct w_custom_tag_literal l = w_custom_tag_literal_begin(t);

	w_custom_tag_literal_value(l, value);
	w_custom_tag_literal_end(t, l);
	w_custom_tag_tag(t, tag);
	w_hcm_tracing_custom_tags_end(m, t);
}

/* What the dry-run authorization policies decided, from the RBAC filter's metadata. */
static void write_dry_run_tag(struct w_hcm_tracing m, const char *tag, const char *key)
{
	struct w_custom_tag t = w_hcm_tracing_custom_tags_begin(m);
	struct w_custom_tag_metadata from = w_custom_tag_metadata_begin(t);
	struct w_metadata_key k = w_custom_tag_metadata_metadata_key_begin(from);
	struct w_metadata_key_path path = w_metadata_key_path_begin(k);
	struct w_metadata_kind kind;

	w_metadata_key_path_key(path, key);
	w_metadata_key_path_end(k, path);
	w_metadata_key_key(k, "envoy.filters.http.rbac");
	w_custom_tag_metadata_metadata_key_end(from, k);
	kind = w_custom_tag_metadata_kind_begin(from);
	w_metadata_kind_request_empty(kind);
	w_custom_tag_metadata_kind_end(from, kind);
	w_custom_tag_metadata_end(t, from);
	w_custom_tag_tag(t, tag);
	w_hcm_tracing_custom_tags_end(m, t);
}

static void write_tracing(struct w_hcm m, const struct ir_tracing *t)
{
	struct w_hcm_tracing tracing = w_hcm_tracing_begin(m);
	struct w_percent p;

	write_literal_tag(tracing, "istio.namespace", t->ns);
	write_literal_tag(tracing, "istio.mesh_id", t->mesh_id);
	write_literal_tag(tracing, "istio.cluster_id", t->cluster_id);
	write_literal_tag(tracing, "istio.canonical_service", t->canonical_service);
	write_literal_tag(tracing, "istio.canonical_revision", t->canonical_revision);
	write_dry_run_tag(tracing, "istio.authorization.dry_run.deny_policy.result", "istio_dry_run_deny_shadow_engine_result");
	write_dry_run_tag(tracing, "istio.authorization.dry_run.deny_policy.name", "istio_dry_run_deny_shadow_effective_policy_id");
	write_dry_run_tag(tracing, "istio.authorization.dry_run.allow_policy.result", "istio_dry_run_allow_shadow_engine_result");
	write_dry_run_tag(tracing, "istio.authorization.dry_run.allow_policy.name", "istio_dry_run_allow_shadow_effective_policy_id");
	p = w_hcm_tracing_overall_sampling_begin(tracing);
	build_percent(p, 100);
	w_hcm_tracing_overall_sampling_end(tracing, p);
	p = w_hcm_tracing_random_sampling_begin(tracing);
	build_percent(p, t->random_percent);
	w_hcm_tracing_random_sampling_end(tracing, p);
	p = w_hcm_tracing_client_sampling_begin(tracing);
	build_percent(p, 100);
	w_hcm_tracing_client_sampling_end(tracing, p);
	w_hcm_tracing_end(m, tracing);
}

static void write_request_id(struct w_hcm m)
{
	struct w_request_id_extension x = w_hcm_request_id_extension_begin(m);
	struct w_any any = w_request_id_extension_typed_config_begin(x);
	struct w_uuid_request_id_config uuid = w_uuid_request_id_config_any_begin(any);

	w_uuid_request_id_config_use_request_id_for_trace_sampling(uuid, true);
	any = w_uuid_request_id_config_any_end(uuid);
	w_request_id_extension_typed_config_end(x, any);
	w_hcm_request_id_extension_end(m, x);
}

static void write_client_cert_details(struct w_hcm m, const struct ir_http *h)
{
	struct w_set_current_client_cert_details d;

	if (!h->xfcc_uri && !h->xfcc_dns && !h->xfcc_cert && !h->xfcc_subject && !h->xfcc_chain)
		return;
	d = w_hcm_set_current_client_cert_details_begin(m);
	w_set_current_client_cert_details_chain(d, h->xfcc_chain);
	w_set_current_client_cert_details_uri(d, h->xfcc_uri);
	w_set_current_client_cert_details_dns(d, h->xfcc_dns);
	w_set_current_client_cert_details_cert(d, h->xfcc_cert);
	if (h->xfcc_subject)
		w_set_current_client_cert_details_subject(d, true);
	w_hcm_set_current_client_cert_details_end(m, d);
}

static void write_hcm_logs(struct build_out *out, struct w_hcm m, const struct ir_http *h)
{
	for (size_t i = h->n_logs; i-- > 0;) {
		struct w_access_log log = w_hcm_access_log_begin(m);

		build_log(out, log, &h->logs[i], false);
		w_hcm_access_log_end(m, log);
	}
}

static void write_common_options(struct w_hcm m, const struct ir_http *h)
{
	struct w_common_http_options o;

	if (!h->idle_timeout.has && !h->underscores)
		return;
	o = w_hcm_common_http_protocol_options_begin(m);
	w_common_http_options_headers_with_underscores_action(o, (enum w_headers_with_underscores_action)h->underscores);
	if (h->idle_timeout.has)
		w_common_http_options_idle_timeout_ns(o, h->idle_timeout.ns);
	w_hcm_common_http_protocol_options_end(m, o);
}

/* Fields 51 to 20. */
static void write_hcm_upper(struct w_hcm m, const struct ir_http *h)
{
	struct w_upgrade_config websocket;

	w_hcm_append_x_forwarded_port(m, h->forwarded_port);
	w_hcm_path_with_escaped_slashes_action(m, (enum w_path_with_escaped_slashes_action)h->escaped_slashes);
	if (h->http3)
		w_hcm_http3_protocol_options_empty(m);
	if (h->headers_timeout.has)
		w_hcm_request_headers_timeout_ns(m, h->headers_timeout.ns);
	write_request_id(m);
	write_common_options(m, h);
	if (h->keeps_server_header)
		w_hcm_server_header_transformation(m, W_SERVER_HEADER_TRANSFORMATION_PASS_THROUGH);
	w_hcm_merge_slashes(m, h->merge_slashes);
	if (h->normalize_path)
		w_hcm_normalize_path(m, true);
	if (h->request_timeout.has)
		w_hcm_request_timeout_ns(m, h->request_timeout.ns);
	w_hcm_stream_idle_timeout_ns(m, h->stream_idle_timeout.ns);
	websocket = w_hcm_upgrade_configs_begin(m);
	w_upgrade_config_upgrade_type(websocket, "websocket");
	w_hcm_upgrade_configs_end(m, websocket);
}

static void write_rds(struct build_out *out, struct w_hcm m, const char *name)
{
	struct w_rds rds = w_hcm_rds_begin(m);
	struct w_config_source source;

	w_rds_route_config_name(rds, name);
	source = w_rds_config_source_begin(rds);
	build_config_source(out, source, true);
	w_rds_config_source_end(rds, source);
	w_hcm_rds_end(m, rds);
	build_use(out, XDS_RDS, name, true);
}

static void write_http2(struct w_hcm m, const struct ir_http *h)
{
	struct w_http2_protocol_options o;

	if (!h->max_streams.has && !h->stream_window.has && !h->connection_window.has)
		return;
	o = w_hcm_http2_protocol_options_begin(m);
	if (h->connection_window.has)
		w_http2_protocol_options_initial_connection_window_size(o, h->connection_window.v);
	if (h->stream_window.has)
		w_http2_protocol_options_initial_stream_window_size(o, h->stream_window.v);
	if (h->max_streams.has)
		w_http2_protocol_options_max_concurrent_streams(o, h->max_streams.v);
	w_hcm_http2_protocol_options_end(m, o);
}

static void write_http1(struct w_hcm m, const struct ir_http *h)
{
	struct w_http1_protocol_options o;

	if (!h->http10 && !h->preserve_case)
		return;
	o = w_hcm_http_protocol_options_begin(m);
	if (h->preserve_case)
		build_preserve_case(o);
	w_http1_protocol_options_accept_http_10(o, h->http10);
	w_hcm_http_protocol_options_end(m, o);
}

/* Fields 19 to 1. */
static void write_hcm_lower(struct build_out *out, struct w_hcm m, const struct ir_chain *c)
{
	const struct ir_http *h = c->http;

	w_hcm_xff_num_trusted_hops(m, h->trusted_hops);
	w_hcm_proxy_100_continue(m, true);
	write_client_cert_details(m, h);
	w_hcm_forward_client_cert_details(m, (enum w_forward_client_cert_details)h->xfcc);
	if (h->no_request_id)
		w_hcm_generate_request_id(m, false);
	w_hcm_use_remote_address(m, h->use_remote_address);
	write_hcm_logs(out, m, h);
	if (h->server_name)
		w_hcm_server_name(m, h->server_name);
	write_http2(m, h);
	write_http1(m, h);
	if (h->tracing)
		write_tracing(m, h->tracing);
	write_http_filters(m, c);
	if (h->rds_name) {
		write_rds(out, m, h->rds_name);
	} else {
		struct w_route_configuration routes = w_hcm_route_config_begin(m);

		build_route_configuration(out, routes, h->inline_routes);
		w_hcm_route_config_end(m, routes);
	}
	w_hcm_stat_prefix(m, h->stat_prefix);
	if (h->http3)
		w_hcm_codec_type(m, W_CODEC_TYPE_HTTP3);
}

void build_http(struct build_out *out, struct w_filter_chain m, const struct ir_chain *c)
{
	const struct ir_http *h = c->http;
	struct w_filter f = w_filter_chain_filters_begin(m);
	struct w_any any = w_filter_typed_config_begin(f);
	struct w_hcm hcm = w_hcm_any_begin(any);

	write_hcm_upper(hcm, h);
	write_hcm_lower(out, hcm, c);
	any = w_hcm_any_end(hcm);
	w_filter_typed_config_end(f, any);
	w_filter_name(f, "envoy.filters.network.http_connection_manager");
	w_filter_chain_filters_end(m, f);
}

void build_api_http(struct build_out *out, struct w_api_listener m, const char *routes)
{
	struct w_any any = w_api_listener_api_listener_begin(m);
	struct w_hcm hcm = w_hcm_any_begin(any);

	write_filter_empty(hcm, "envoy.filters.http.router", W_URL_ROUTER);
	write_filter_empty(hcm, "envoy.filters.http.fault", W_URL_HTTP_FAULT);
	write_rds(out, hcm, routes);
	any = w_hcm_any_end(hcm);
	w_api_listener_api_listener_end(m, any);
}
