/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/build_int.h"

#include "pb/accesslog.h"
#include "pb/extension.h"
#include "pb/listener.h"
#include "pb/listener_filter.h"
#include "pb/network_filter.h"
#include "pb/route.h"
#include "pb/type.h"
#include "pb/wkt.h"

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
	if (t->by_weight)
		write_tcp_clusters(out, m, t);
	if (t->idle_timeout.has)
		w_tcp_proxy_idle_timeout_ns(m, t->idle_timeout.ns);
	for (size_t i = t->n_logs; i-- > 0;) {
		struct w_access_log log = w_tcp_proxy_access_log_begin(m);

		build_log(out, log, &t->logs[i], false);
		w_tcp_proxy_access_log_end(m, log);
	}
	if (!t->by_weight) {
		w_tcp_proxy_cluster(m, t->clusters[0].cluster);
		build_use(out, XDS_CDS, t->clusters[0].cluster, false);
	}
	w_tcp_proxy_stat_prefix(m, t->stat_prefix);
}

static void write_mongo(struct w_filter_chain m, const char *stat_prefix)
{
	struct w_filter f = w_filter_chain_filters_begin(m);
	struct w_any any = w_filter_typed_config_begin(f);
	struct w_mongo_proxy mongo = w_mongo_proxy_any_begin(any);

	w_mongo_proxy_stat_prefix(mongo, stat_prefix);
	any = w_mongo_proxy_any_end(mongo);
	w_filter_typed_config_end(f, any);
	w_filter_name(f, "envoy.filters.network.mongo_proxy");
	w_filter_chain_filters_end(m, f);
}

static void write_sni_lookup(struct w_filter_chain m, const struct ir_dns_cache *cache, uint32_t port)
{
	struct w_filter f = w_filter_chain_filters_begin(m);
	struct w_any any = w_filter_typed_config_begin(f);
	struct w_sni_dynamic_forward_proxy sni = w_sni_dynamic_forward_proxy_any_begin(any);
	struct w_dns_cache_config config;

	w_sni_dynamic_forward_proxy_port_value(sni, port);
	config = w_sni_dynamic_forward_proxy_dns_cache_config_begin(sni);
	build_dns_cache(config, cache);
	w_sni_dynamic_forward_proxy_dns_cache_config_end(sni, config);
	any = w_sni_dynamic_forward_proxy_any_end(sni);
	w_filter_typed_config_end(f, any);
	w_filter_name(f, "envoy.filters.network.sni_dynamic_forward_proxy");
	w_filter_chain_filters_end(m, f);
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
	if (t->sni_cache)
		write_sni_lookup(m, t->sni_cache, t->sni_port);
	if (t->mongo)
		write_mongo(m, t->mongo_stat_prefix);
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
		build_http(out, m, c);
	else
		write_tcp(out, m, c->tcp);
	if (!c->http && c->authz)
		build_network_authz(m, c->authz);
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

static void write_any_port(struct w_listener_filter_chain_match_predicate m, const struct u32s *ports)
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
	if (in->ports.n) {
		struct w_listener_filter_chain_match_predicate off = w_listener_filter_filter_disabled_begin(f);

		if (in->only) {
			struct w_listener_filter_chain_match_predicate on =
			    w_listener_filter_chain_match_predicate_not_match_begin(off);

			write_any_port(on, &in->ports);
			w_listener_filter_chain_match_predicate_not_match_end(off, on);
		} else {
			write_any_port(off, &in->ports);
		}
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

/* Connections to the workload keep the client's address; the mark tells them from its own. */
static void write_original_src(struct w_listener m)
{
	enum { TPROXY_MARK = 1337 };
	struct w_listener_filter f = w_listener_listener_filters_begin(m);
	struct w_any any = w_listener_filter_typed_config_begin(f);
	struct w_original_src src = w_original_src_any_begin(any);

	w_original_src_mark(src, TPROXY_MARK);
	any = w_original_src_any_end(src);
	w_listener_filter_typed_config_end(f, any);
	w_listener_filter_name(f, "envoy.filters.listener.original_src");
	w_listener_listener_filters_end(m, f);
}

static void write_listener_filters(struct w_listener m, const struct ir_listener *l)
{
	write_inspector(m, &l->http_inspector, "envoy.filters.listener.http_inspector", false);
	write_inspector(m, &l->tls_inspector, "envoy.filters.listener.tls_inspector", true);
	if (l->filter_original_src)
		write_original_src(m);
	if (l->filter_original_dst)
		write_plain_filter(m, "envoy.filters.listener.original_dst", W_URL_ORIGINAL_DST);
	if (l->filter_proxy_protocol)
		write_plain_filter(m, "envoy.filters.listener.proxy_protocol", W_URL_PROXY_PROTOCOL);
}

/* ---- the listener ---- */

static void write_quic(struct w_listener m)
{
	struct w_udp_listener_config udp = w_listener_udp_listener_config_begin(m);
	struct w_udp_socket_config socket;

	w_udp_listener_config_quic_options_empty(udp);
	socket = w_udp_listener_config_downstream_socket_config_begin(udp);
	w_udp_socket_config_prefer_gro(socket, true);
	w_udp_listener_config_downstream_socket_config_end(udp, socket);
	w_listener_udp_listener_config_end(m, udp);
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
	if (l->quic)
		w_listener_enable_reuse_port(m, true);
	if (l->bind_to_port.has)
		w_listener_bind_to_port(m, l->bind_to_port.v);
	if (l->default_chain) {
		struct w_filter_chain c = w_listener_default_filter_chain_begin(m);

		write_chain(out, c, l->default_chain);
		w_listener_default_filter_chain_end(m, c);
	}
	for (size_t i = l->n_logs; i-- > 0;) {
		struct w_access_log log = w_listener_access_log_begin(m);

		build_log(out, log, &l->logs[i], true);
		w_listener_access_log_end(m, log);
	}
	if (l->exact_balance) {
		struct w_connection_balance_config balance = w_listener_connection_balance_config_begin(m);

		w_connection_balance_config_exact_balance_empty(balance);
		w_listener_connection_balance_config_end(m, balance);
	}
	if (l->api_routes) {
		struct w_api_listener api = w_listener_api_listener_begin(m);

		build_api_http(out, api, l->api_routes);
		w_listener_api_listener_end(m, api);
	}
	if (l->quic)
		write_quic(m);
	w_listener_continue_on_listener_filters_timeout(m, l->continue_on_timeout);
	w_listener_traffic_direction(m, l->direction == IR_INBOUND ? W_TRAFFIC_DIRECTION_INBOUND : W_TRAFFIC_DIRECTION_OUTBOUND);
	if (l->filters_timeout.has)
		w_listener_listener_filters_timeout_ns(m, l->filters_timeout.ns);
}

/* Fields 10 to 1. */
static void write_listener_lower(struct build_out *out, struct w_listener m, const struct ir_listener *l)
{
	if (l->transparent)
		w_listener_transparent(m, true);
	write_listener_filters(m, l);
	if (l->buffer_limit.has)
		w_listener_per_connection_buffer_limit_bytes(m, l->buffer_limit.v);
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
