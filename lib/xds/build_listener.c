/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/build_int.h"

#include "pb/accesslog.h"
#include "pb/extension.h"
#include "pb/hcm.h"
#include "pb/http_filter.h"
#include "pb/listener.h"
#include "pb/listener_filter.h"
#include "pb/network_filter.h"
#include "pb/route.h"
#include "pb/trace.h"
#include "pb/type.h"
#include "pb/wkt.h"

/* ---- access logs ---- */

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct node_member *)b)->key, ((const struct node_member *)a)->key);
}

/* A map of formats, nested as users wrote it; keys in descending order. */
static void write_formats(struct build_out *out, struct w_struct m, const struct node *map)
{
	struct node_member *members = arena_copy(out->arena, map->map, map->n * sizeof(*members));

	qsort(members, map->n, sizeof(*members), compare_members);
	for (size_t i = 0; i < map->n; i++) {
		const struct node *v = &members[i].value;

		if (v->kind == NODE_MAP) {
			struct w_struct inner = w_struct_struct_begin(m);

			write_formats(out, inner, v);
			w_struct_struct_end(m, inner, members[i].key);
		} else if (v->kind == NODE_STRING || v->kind == NODE_NUMBER) {
			w_struct_string(m, members[i].key, v->text);
		}
	}
}

static void write_log_format(struct build_out *out, struct w_substitution_format_string m, const struct ir_access_log *log)
{
	if (log->text) {
		struct w_data_source text = w_substitution_format_string_text_format_source_begin(m);

		w_data_source_inline_string(text, log->text);
		w_substitution_format_string_text_format_source_end(m, text);
	} else {
		struct w_struct json = w_substitution_format_string_json_format_begin(m);

		write_formats(out, json, log->json);
		w_substitution_format_string_json_format_end(m, json);
	}
}

static void write_log_body(struct build_out *out, struct w_access_log m, const struct ir_access_log *log)
{
	struct w_any any = w_access_log_typed_config_begin(m);
	struct w_file_access_log file = w_file_access_log_any_begin(any);
	struct w_substitution_format_string format = w_file_access_log_log_format_begin(file);

	write_log_format(out, format, log);
	w_file_access_log_log_format_end(file, format);
	w_file_access_log_path(file, log->path);
	any = w_file_access_log_any_end(file);
	w_access_log_typed_config_end(m, any);
}

/* only_unrouted: only connections that no filter chain took (flag NR). */
static void write_log(struct build_out *out, struct w_access_log m, const struct ir_access_log *log, bool only_unrouted)
{
	write_log_body(out, m, log);
	if (only_unrouted) {
		struct w_access_log_filter filter = w_access_log_filter_begin(m);
		struct w_response_flag_filter flags = w_access_log_filter_response_flag_filter_begin(filter);

		w_response_flag_filter_flags(flags, "NR");
		w_access_log_filter_response_flag_filter_end(filter, flags);
		w_access_log_filter_end(m, filter);
	}
	w_access_log_name(m, "envoy.access_loggers.file");
}

/* ---- connection manager ---- */

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

/* From the last filter to the first (istio-behaviour.md 2.5, less what stock Envoy lacks). */
static void write_http_filters(struct w_hcm m, const struct ir_http *h)
{
	write_router(m, h);
	if (h->fault_and_cors) {
		write_filter_empty(m, "envoy.filters.http.cors", W_URL_CORS);
		write_filter_empty(m, "envoy.filters.http.fault", W_URL_HTTP_FAULT);
	}
	write_grpc_stats(m);
	if (h->grpc_web)
		write_filter_empty(m, "envoy.filters.http.grpc_web", W_URL_GRPC_WEB);
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

	if (!h->xfcc_uri && !h->xfcc_dns && !h->xfcc_cert && !h->xfcc_subject)
		return;
	d = w_hcm_set_current_client_cert_details_begin(m);
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

		write_log(out, log, &h->logs[i], false);
		w_hcm_access_log_end(m, log);
	}
}

/* Fields 45 to 20. */
static void write_hcm_upper(struct w_hcm m, const struct ir_http *h)
{
	struct w_upgrade_config websocket;

	w_hcm_path_with_escaped_slashes_action(m, h->decode_slashes ? W_PATH_WITH_ESCAPED_SLASHES_ACTION_UNESCAPE_AND_FORWARD
								    : W_PATH_WITH_ESCAPED_SLASHES_ACTION_KEEP_UNCHANGED);
	write_request_id(m);
	if (h->idle_timeout.has) {
		struct w_common_http_options common = w_hcm_common_http_protocol_options_begin(m);

		w_common_http_options_idle_timeout_ns(common, h->idle_timeout.ns);
		w_hcm_common_http_protocol_options_end(m, common);
	}
	w_hcm_merge_slashes(m, h->merge_slashes);
	if (h->normalize_path)
		w_hcm_normalize_path(m, true);
	w_hcm_stream_idle_timeout_ns(m, 0);
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

/* Fields 19 to 1. */
static void write_hcm_lower(struct build_out *out, struct w_hcm m, const struct ir_http *h)
{
	w_hcm_xff_num_trusted_hops(m, h->trusted_hops);
	w_hcm_proxy_100_continue(m, true);
	write_client_cert_details(m, h);
	w_hcm_forward_client_cert_details(m, (enum w_forward_client_cert_details)h->xfcc);
	w_hcm_use_remote_address(m, h->use_remote_address);
	write_hcm_logs(out, m, h);
	if (h->server_name)
		w_hcm_server_name(m, h->server_name);
	if (h->http10) {
		struct w_http1_protocol_options h1 = w_hcm_http_protocol_options_begin(m);

		w_http1_protocol_options_accept_http_10(h1, true);
		w_hcm_http_protocol_options_end(m, h1);
	}
	if (h->tracing)
		write_tracing(m, h->tracing);
	write_http_filters(m, h);
	if (h->rds_name) {
		write_rds(out, m, h->rds_name);
	} else {
		struct w_route_configuration routes = w_hcm_route_config_begin(m);

		build_route_configuration(out, routes, h->inline_routes);
		w_hcm_route_config_end(m, routes);
	}
	w_hcm_stat_prefix(m, h->stat_prefix);
}

static void write_http(struct build_out *out, struct w_filter_chain m, const struct ir_http *h)
{
	struct w_filter f = w_filter_chain_filters_begin(m);
	struct w_any any = w_filter_typed_config_begin(f);
	struct w_hcm hcm = w_hcm_any_begin(any);

	write_hcm_upper(hcm, h);
	write_hcm_lower(out, hcm, h);
	any = w_hcm_any_end(hcm);
	w_filter_typed_config_end(f, any);
	w_filter_name(f, "envoy.filters.network.http_connection_manager");
	w_filter_chain_filters_end(m, f);
}

/* ---- TCP ---- */

static void write_tcp_clusters(struct build_out *out, struct w_tcp_proxy m, const struct ir_tcp *t)
{
	struct w_tcp_weighted_cluster all = w_tcp_proxy_weighted_clusters_begin(m);

	for (size_t i = t->n_clusters; i-- > 0;) {
		struct w_tcp_cluster_weight c = w_tcp_weighted_cluster_clusters_begin(all);

		w_tcp_cluster_weight_weight(c, t->clusters[i].weight);
		w_tcp_cluster_weight_name(c, t->clusters[i].cluster);
		w_tcp_weighted_cluster_clusters_end(all, c);
		build_use(out, XDS_CDS, t->clusters[i].cluster, false);
	}
	w_tcp_proxy_weighted_clusters_end(m, all);
}

static void write_tcp_proxy(struct build_out *out, struct w_tcp_proxy m, const struct ir_tcp *t)
{
	if (t->max_connection_duration.has)
		w_tcp_proxy_max_downstream_connection_duration_ns(m, t->max_connection_duration.ns);
	if (t->tunnel_to) {
		struct w_tunneling_config tunnel = w_tcp_proxy_tunneling_config_begin(m);

		w_tunneling_config_use_post(tunnel, t->tunnel_post);
		w_tunneling_config_hostname(tunnel, t->tunnel_to);
		w_tcp_proxy_tunneling_config_end(m, tunnel);
	}
	if (t->hash_source_ip) {
		struct w_tcp_hash_policy hash = w_tcp_proxy_hash_policy_begin(m);

		w_tcp_hash_policy_source_ip_empty(hash);
		w_tcp_proxy_hash_policy_end(m, hash);
	}
	if (t->n_clusters > 1)
		write_tcp_clusters(out, m, t);
	if (t->idle_timeout.has)
		w_tcp_proxy_idle_timeout_ns(m, t->idle_timeout.ns);
	for (size_t i = t->n_logs; i-- > 0;) {
		struct w_access_log log = w_tcp_proxy_access_log_begin(m);

		write_log(out, log, &t->logs[i], false);
		w_tcp_proxy_access_log_end(m, log);
	}
	if (t->n_clusters == 1) {
		w_tcp_proxy_cluster(m, t->clusters[0].cluster);
		build_use(out, XDS_CDS, t->clusters[0].cluster, false);
	}
	w_tcp_proxy_stat_prefix(m, t->stat_prefix);
}

static void write_tcp(struct build_out *out, struct w_filter_chain m, const struct ir_tcp *t)
{
	struct w_filter f = w_filter_chain_filters_begin(m);
	struct w_any any = w_filter_typed_config_begin(f);
	struct w_tcp_proxy tcp = w_tcp_proxy_any_begin(any);

	write_tcp_proxy(out, tcp, t);
	any = w_tcp_proxy_any_end(tcp);
	w_filter_typed_config_end(f, any);
	w_filter_name(f, "envoy.filters.network.tcp_proxy");
	w_filter_chain_filters_end(m, f);
	if (t->mongo) {
		struct w_mongo_proxy mongo;

		f = w_filter_chain_filters_begin(m);
		any = w_filter_typed_config_begin(f);
		mongo = w_mongo_proxy_any_begin(any);
		w_mongo_proxy_stat_prefix(mongo, t->mongo_stat_prefix);
		any = w_mongo_proxy_any_end(mongo);
		w_filter_typed_config_end(f, any);
		w_filter_name(f, "envoy.filters.network.mongo_proxy");
		w_filter_chain_filters_end(m, f);
	}
}

/* ---- chains ---- */

static void write_chain_match(struct w_filter_chain_match m, const struct ir_chain_match *c)
{
	for (size_t i = c->server_names.n; i-- > 0;)
		w_filter_chain_match_server_names(m, c->server_names.v[i]);
	for (size_t i = c->application_protocols.n; i-- > 0;)
		w_filter_chain_match_application_protocols(m, c->application_protocols.v[i]);
	if (c->transport_protocol)
		w_filter_chain_match_transport_protocol(m, c->transport_protocol);
	if (c->destination_port)
		w_filter_chain_match_destination_port(m, c->destination_port);
	for (size_t i = c->n_prefixes; i-- > 0;) {
		struct w_cidr_range r = w_filter_chain_match_prefix_ranges_begin(m);

		w_cidr_range_prefix_len(r, c->prefixes[i].len);
		w_cidr_range_address_prefix(r, c->prefixes[i].ip);
		w_filter_chain_match_prefix_ranges_end(m, r);
	}
}

static void write_chain(struct build_out *out, struct w_filter_chain m, const struct ir_chain *c)
{
	if (c->tls_connect_timeout.has)
		w_filter_chain_transport_socket_connect_timeout_ns(m, c->tls_connect_timeout.ns);
	if (c->name)
		w_filter_chain_name(m, c->name);
	if (c->tls) {
		struct w_transport_socket socket = w_filter_chain_transport_socket_begin(m);

		build_tls(out, socket, c->tls);
		w_filter_chain_transport_socket_end(m, socket);
	}
	if (c->http)
		write_http(out, m, c->http);
	else
		write_tcp(out, m, c->tcp);
	if (c->has_match) {
		struct w_filter_chain_match match = w_filter_chain_filter_chain_match_begin(m);

		write_chain_match(match, &c->match);
		w_filter_chain_filter_chain_match_end(m, match);
	}
}

/* ---- listener filters ---- */

static void write_port_range(struct w_listener_filter_chain_match_predicate m, uint32_t port)
{
	struct w_int32_range r = w_listener_filter_chain_match_predicate_destination_port_range_begin(m);

	w_int32_range_end(r, (int32_t)port + 1);
	w_int32_range_start(r, (int32_t)port);
	w_listener_filter_chain_match_predicate_destination_port_range_end(m, r);
}

static void write_disabled(struct w_listener_filter_chain_match_predicate m, const struct u32s *ports)
{
	struct w_match_set any_of;

	if (ports->n == 1) {
		write_port_range(m, ports->v[0]);
		return;
	}
	any_of = w_listener_filter_chain_match_predicate_or_match_begin(m);
	for (size_t i = ports->n; i-- > 0;) {
		struct w_listener_filter_chain_match_predicate p = w_match_set_rules_begin(any_of);

		write_port_range(p, ports->v[i]);
		w_match_set_rules_end(any_of, p);
	}
	w_listener_filter_chain_match_predicate_or_match_end(m, any_of);
}

static void write_inspector(struct w_listener m, const struct ir_inspector *in, const char *name, bool is_tls)
{
	struct w_listener_filter f;

	if (!in->on)
		return;
	f = w_listener_listener_filters_begin(m);
	if (in->off_ports.n) {
		struct w_listener_filter_chain_match_predicate off = w_listener_filter_filter_disabled_begin(f);

		write_disabled(off, &in->off_ports);
		w_listener_filter_filter_disabled_end(f, off);
	}
	if (is_tls) {
		struct w_any any = w_listener_filter_typed_config_begin(f);
		struct w_tls_inspector tls = w_tls_inspector_any_begin(any);

		if (in->initial_read_buffer.has)
			w_tls_inspector_initial_read_buffer_size(tls, in->initial_read_buffer.v);
		any = w_tls_inspector_any_end(tls);
		w_listener_filter_typed_config_end(f, any);
	} else {
		w_listener_filter_typed_config_empty(f, W_URL_HTTP_INSPECTOR);
	}
	w_listener_filter_name(f, name);
	w_listener_listener_filters_end(m, f);
}

static void write_plain_filter(struct w_listener m, const char *name, const char *url)
{
	struct w_listener_filter f = w_listener_listener_filters_begin(m);

	w_listener_filter_typed_config_empty(f, url);
	w_listener_filter_name(f, name);
	w_listener_listener_filters_end(m, f);
}

static void write_listener_filters(struct w_listener m, const struct ir_listener *l)
{
	write_inspector(m, &l->http_inspector, "envoy.filters.listener.http_inspector", false);
	write_inspector(m, &l->tls_inspector, "envoy.filters.listener.tls_inspector", true);
	if (l->filter_original_dst)
		write_plain_filter(m, "envoy.filters.listener.original_dst", W_URL_ORIGINAL_DST);
	if (l->filter_proxy_protocol)
		write_plain_filter(m, "envoy.filters.listener.proxy_protocol", W_URL_PROXY_PROTOCOL);
}

/* ---- the listener ---- */

/* For gRPC's own clients: faults, and the router last, or they refuse it. */
static void write_api(struct build_out *out, struct w_listener m, const char *routes)
{
	struct w_api_listener api = w_listener_api_listener_begin(m);
	struct w_any any = w_api_listener_api_listener_begin(api);
	struct w_hcm hcm = w_hcm_any_begin(any);

	write_filter_empty(hcm, "envoy.filters.http.router", W_URL_ROUTER);
	write_filter_empty(hcm, "envoy.filters.http.fault", W_URL_HTTP_FAULT);
	write_rds(out, hcm, routes);
	any = w_hcm_any_end(hcm);
	w_api_listener_api_listener_end(api, any);
	w_listener_api_listener_end(m, api);
}

/* Fields 34 to 15. */
static void write_listener_upper(struct build_out *out, struct w_listener m, const struct ir_listener *l)
{
	if (l->max_accepts.has)
		w_listener_max_connections_to_accept_per_socket_event(m, l->max_accepts.v);
	for (size_t i = l->n_more; i-- > 0;) {
		struct w_listener_additional_address more = w_listener_additional_addresses_begin(m);
		struct w_address address = w_listener_additional_address_address_begin(more);

		build_address(address, &l->more[i]);
		w_listener_additional_address_address_end(more, address);
		w_listener_additional_addresses_end(m, more);
	}
	if (l->bind_to_port.has)
		w_listener_bind_to_port(m, l->bind_to_port.v);
	if (l->default_chain) {
		struct w_filter_chain c = w_listener_default_filter_chain_begin(m);

		write_chain(out, c, l->default_chain);
		w_listener_default_filter_chain_end(m, c);
	}
	for (size_t i = l->n_logs; i-- > 0;) {
		struct w_access_log log = w_listener_access_log_begin(m);

		write_log(out, log, &l->logs[i], true);
		w_listener_access_log_end(m, log);
	}
	if (l->api_routes)
		write_api(out, m, l->api_routes);
	w_listener_continue_on_listener_filters_timeout(m, l->continue_on_timeout);
	w_listener_traffic_direction(m, l->direction == IR_INBOUND ? W_TRAFFIC_DIRECTION_INBOUND : W_TRAFFIC_DIRECTION_OUTBOUND);
	if (l->filters_timeout.has)
		w_listener_listener_filters_timeout_ns(m, l->filters_timeout.ns);
}

/* Fields 9 to 1. */
static void write_listener_lower(struct build_out *out, struct w_listener m, const struct ir_listener *l)
{
	write_listener_filters(m, l);
	if (l->use_original_dst)
		w_listener_use_original_dst(m, true);
	for (size_t i = l->n_chains; i-- > 0;) {
		struct w_filter_chain c = w_listener_filter_chains_begin(m);

		write_chain(out, c, &l->chains[i]);
		w_listener_filter_chains_end(m, c);
	}
	if (!l->api_routes) {
		struct w_address address = w_listener_address_begin(m);

		build_address(address, &l->address);
		w_listener_address_end(m, address);
	}
	w_listener_name(m, l->name);
}

void build_listener(const struct ir_listener *l, struct build_out *out)
{
	struct w_listener m;
	struct pb_bytes bytes;

	m = w_listener_root(out->w);
	write_listener_upper(out, m, l);
	write_listener_lower(out, m, l);
	bytes = pbw_finish(out->w);
	out->bytes = bytes.p;
	out->len = bytes.n;
}
