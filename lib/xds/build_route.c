/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/build_int.h"

#include "pb/extension.h"
#include "pb/http_filter.h"
#include "pb/matcher.h"
#include "pb/route.h"
#include "pb/type.h"
#include "pb/wkt.h"

/* ---- matches ---- */

static void write_query_match(struct w_query_parameter_matcher m, const struct ir_named_match *q)
{
	if (build_is_presence(&q->match)) {
		w_query_parameter_matcher_present_match(m, true);
	} else {
		struct w_string_matcher s = w_query_parameter_matcher_string_match_begin(m);

		build_string_match(s, &q->match);
		w_query_parameter_matcher_string_match_end(m, s);
	}
	w_query_parameter_matcher_name(m, q->name);
}

static void write_claim_match(struct w_metadata_matcher m, const struct ir_claim_match *c)
{
	struct w_value_matcher value;

	w_metadata_matcher_invert(m, c->invert);
	value = w_metadata_matcher_value_begin(m);
	if (build_is_presence(&c->match))
		w_value_matcher_present_match(value, true);
	else
		build_value_match(value, &c->match, IR_VALUE_OR_OF_LIST);
	w_metadata_matcher_value_end(m, value);
	for (size_t i = c->path.n; i-- > 0;)
		build_metadata_key(m, c->path.v[i]);
	build_metadata_key(m, "payload");
	w_metadata_matcher_filter(m, "envoy.filters.http.jwt_authn");
}

static void write_match(struct w_route_match m, const struct ir_route_match *r)
{
	if (r->path_kind == IR_PATH_SEPARATED)
		w_route_match_path_separated_prefix(m, r->path);
	for (size_t i = r->n_claims; i-- > 0;) {
		struct w_metadata_matcher c = w_route_match_dynamic_metadata_begin(m);

		write_claim_match(c, &r->claims[i]);
		w_route_match_dynamic_metadata_end(m, c);
	}
	if (r->path_kind == IR_PATH_REGEX) {
		struct w_regex_matcher regex = w_route_match_safe_regex_begin(m);

		build_regex(regex, r->path);
		w_route_match_safe_regex_end(m, regex);
	}
	for (size_t i = r->n_query; i-- > 0;) {
		struct w_query_parameter_matcher q = w_route_match_query_parameters_begin(m);

		write_query_match(q, &r->query[i]);
		w_route_match_query_parameters_end(m, q);
	}
	for (size_t i = r->n_headers; i-- > 0;) {
		struct w_header_matcher h = w_route_match_headers_begin(m);

		build_header_match(h, &r->headers[i]);
		w_route_match_headers_end(m, h);
	}
	if (r->case_sensitive.has)
		w_route_match_case_sensitive(m, r->case_sensitive.v);
	if (r->path_kind == IR_PATH_EXACT)
		w_route_match_path(m, r->path);
	if (r->path_kind == IR_PATH_PREFIX)
		w_route_match_prefix(m, r->path);
}

/* ---- forward ---- */

static void write_retry(struct w_retry_policy m, const struct ir_retry *r)
{
	if (r->backoff.has) {
		struct w_retry_back_off b = w_retry_policy_retry_back_off_begin(m);

		w_retry_back_off_base_interval_ns(b, r->backoff.ns);
		w_retry_policy_retry_back_off_end(m, b);
	}
	if (r->retriable_codes.n)
		w_retry_policy_retriable_status_codes(m, r->retriable_codes.v,
						      r->retriable_codes.n);
	w_retry_policy_host_selection_retry_max_attempts(m, r->host_attempts);
	if (r->avoid_previous_hosts) {
		struct w_retry_host_predicate p = w_retry_policy_retry_host_predicate_begin(m);

		w_retry_host_predicate_typed_config_empty(p, W_URL_PREVIOUS_HOSTS_PREDICATE);
		w_retry_host_predicate_name(p, "envoy.retry_host_predicates.previous_hosts");
		w_retry_policy_retry_host_predicate_end(m, p);
	}
	if (r->remote_localities) {
		struct w_retry_priority p = w_retry_policy_retry_priority_begin(m);
		struct w_any any = w_retry_priority_typed_config_begin(p);
		struct w_previous_priorities_config prev =
		    w_previous_priorities_config_any_begin(any);

		w_previous_priorities_config_update_frequency(prev, 2);
		any = w_previous_priorities_config_any_end(prev);
		w_retry_priority_typed_config_end(p, any);
		w_retry_priority_name(p, "envoy.retry_priorities.previous_priorities");
		w_retry_policy_retry_priority_end(m, p);
	}
	if (r->per_try_timeout.has)
		w_retry_policy_per_try_timeout_ns(m, r->per_try_timeout.ns);
	w_retry_policy_num_retries(m, r->num_retries);
	w_retry_policy_retry_on(m, r->retry_on);
}

static void write_hash_cookie(struct w_hash_cookie m, const struct ir_hash_policy *h)
{
	for (size_t i = h->n_attributes; i-- > 0;) {
		struct w_hash_cookie_attribute a = w_hash_cookie_attributes_begin(m);

		w_hash_cookie_attribute_value(a, h->attributes[i].value);
		w_hash_cookie_attribute_name(a, h->attributes[i].key);
		w_hash_cookie_attributes_end(m, a);
	}
	if (h->path)
		w_hash_cookie_path(m, h->path);
	if (h->ttl.has)
		w_hash_cookie_ttl_ns(m, h->ttl.ns);
	w_hash_cookie_name(m, h->name);
}

static void write_hash(struct w_hash_policy m, const struct ir_hash_policy *h)
{
	switch (h->kind) {
	case IR_HASH_HEADER: {
		struct w_hash_header x = w_hash_policy_header_begin(m);

		w_hash_header_header_name(x, h->name);
		w_hash_policy_header_end(m, x);
		break;
	}
	case IR_HASH_COOKIE: {
		struct w_hash_cookie x = w_hash_policy_cookie_begin(m);

		write_hash_cookie(x, h);
		w_hash_policy_cookie_end(m, x);
		break;
	}
	case IR_HASH_SOURCE_IP: {
		struct w_hash_connection_properties x =
		    w_hash_policy_connection_properties_begin(m);

		w_hash_connection_properties_source_ip(x, true);
		w_hash_policy_connection_properties_end(m, x);
		break;
	}
	case IR_HASH_QUERY: {
		struct w_hash_query_parameter x = w_hash_policy_query_parameter_begin(m);

		w_hash_query_parameter_name(x, h->name);
		w_hash_policy_query_parameter_end(m, x);
		break;
	}
	}
}

static void write_fraction(struct w_fractional_percent m, const struct ir_fraction *f)
{
	w_fractional_percent_denominator(m, f->denominator == 1000000 ? W_DENOMINATOR_TYPE_MILLION
					    : f->denominator == 10000
						? W_DENOMINATOR_TYPE_TEN_THOUSAND
						: W_DENOMINATOR_TYPE_HUNDRED);
	w_fractional_percent_numerator(m, f->numerator);
}

static void write_mirror(struct w_request_mirror_policy m, const struct ir_mirror *mirror)
{
	struct w_runtime_fractional_percent r;
	struct w_fractional_percent f;

	w_request_mirror_policy_disable_shadow_host_suffix_append(m, true);
	w_request_mirror_policy_trace_sampled(m, false);
	r = w_request_mirror_policy_runtime_fraction_begin(m);
	f = w_runtime_fractional_percent_default_value_begin(r);
	write_fraction(f, &mirror->share);
	w_runtime_fractional_percent_default_value_end(r, f);
	w_request_mirror_policy_runtime_fraction_end(m, r);
	w_request_mirror_policy_cluster(m, mirror->cluster);
}

static void write_weighted(struct w_cluster_weight m, const struct ir_weighted *c)
{
	const struct ir_header_ops *h = &c->headers;

	if (c->host_rewrite)
		w_cluster_weight_host_rewrite_literal(m, c->host_rewrite);
	for (size_t i = h->request_remove.n; i-- > 0;)
		w_cluster_weight_request_headers_to_remove(m, h->request_remove.v[i]);
	for (size_t i = h->response_remove.n; i-- > 0;)
		w_cluster_weight_response_headers_to_remove(m, h->response_remove.v[i]);
	for (size_t i = h->n_response_set; i-- > 0;) {
		struct w_header_value_option o = w_cluster_weight_response_headers_to_add_begin(m);

		build_header_op(o, &h->response_set[i]);
		w_cluster_weight_response_headers_to_add_end(m, o);
	}
	for (size_t i = h->n_request_set; i-- > 0;) {
		struct w_header_value_option o = w_cluster_weight_request_headers_to_add_begin(m);

		build_header_op(o, &h->request_set[i]);
		w_cluster_weight_request_headers_to_add_end(m, o);
	}
	w_cluster_weight_weight(m, c->weight);
	w_cluster_weight_name(m, c->cluster);
}

static void write_clusters(struct build_out *out, struct w_route_action m, const struct ir_route *r)
{
	for (size_t i = 0; i < r->n_clusters; i++)
		build_use(out, XDS_CDS, r->clusters[i].cluster, false);
	if (!r->by_weight) {
		w_route_action_cluster(m, r->clusters[0].cluster);
	} else {
		struct w_weighted_cluster w = w_route_action_weighted_clusters_begin(m);

		for (size_t i = r->n_clusters; i-- > 0;) {
			struct w_cluster_weight c = w_weighted_cluster_clusters_begin(w);

			write_weighted(c, &r->clusters[i]);
			w_weighted_cluster_clusters_end(w, c);
		}
		w_route_action_weighted_clusters_end(m, w);
	}
}

static void write_regex_rewrite(struct w_regex_match_and_substitute m, const struct ir_route *r)
{
	struct w_regex_matcher pattern;

	w_regex_match_and_substitute_substitution(m, r->regex_substitution);
	pattern = w_regex_match_and_substitute_pattern_begin(m);
	build_regex(pattern, r->regex_rewrite);
	w_regex_match_and_substitute_pattern_end(m, pattern);
}

static void write_forward(struct build_out *out, struct w_route_action m, const struct ir_route *r)
{
	w_route_action_append_x_forwarded_host(m, r->append_forwarded_host);
	if (r->no_stream_limit || r->max_stream.has) {
		struct w_max_stream_duration d = w_route_action_max_stream_duration_begin(m);

		if (r->no_stream_limit)
			w_max_stream_duration_grpc_timeout_header_max_ns(d, 0);
		w_max_stream_duration_max_stream_duration_ns(d, r->max_stream.ns);
		w_route_action_max_stream_duration_end(m, d);
	}
	if (r->regex_rewrite) {
		struct w_regex_match_and_substitute x = w_route_action_regex_rewrite_begin(m);

		write_regex_rewrite(x, r);
		w_route_action_regex_rewrite_end(m, x);
	}
	for (size_t i = r->n_mirrors; i-- > 0;) {
		struct w_request_mirror_policy mirror =
		    w_route_action_request_mirror_policies_begin(m);

		write_mirror(mirror, &r->mirrors[i]);
		w_route_action_request_mirror_policies_end(m, mirror);
		build_use(out, XDS_CDS, r->mirrors[i].cluster, false);
	}
	if (r->max_grpc_timeout.has)
		w_route_action_max_grpc_timeout_ns(m, r->max_grpc_timeout.ns);
	if (r->not_found_is_500)
		w_route_action_cluster_not_found_response_code(
		    m, W_CLUSTER_NOT_FOUND_RESPONSE_CODE_INTERNAL_SERVER_ERROR);
	for (size_t i = r->n_hash; i-- > 0;) {
		struct w_hash_policy h = w_route_action_hash_policy_begin(m);

		write_hash(h, &r->hash[i]);
		w_route_action_hash_policy_end(m, h);
	}
	if (r->retry) {
		struct w_retry_policy retry = w_route_action_retry_policy_begin(m);

		write_retry(retry, r->retry);
		w_route_action_retry_policy_end(m, retry);
	}
	if (r->timeout.has)
		w_route_action_timeout_ns(m, r->timeout.ns);
	if (r->host_rewrite)
		w_route_action_host_rewrite_literal(m, r->host_rewrite);
	if (r->prefix_rewrite)
		w_route_action_prefix_rewrite(m, r->prefix_rewrite);
	write_clusters(out, m, r);
}

/* ---- redirect, direct response ---- */

static enum w_redirect_response_code redirect_code(uint32_t code)
{
	switch (code) {
	case 302: return W_REDIRECT_RESPONSE_CODE_FOUND;
	case 303: return W_REDIRECT_RESPONSE_CODE_SEE_OTHER;
	case 307: return W_REDIRECT_RESPONSE_CODE_TEMPORARY_REDIRECT;
	case 308: return W_REDIRECT_RESPONSE_CODE_PERMANENT_REDIRECT;
	default: return W_REDIRECT_RESPONSE_CODE_MOVED_PERMANENTLY;
	}
}

static void write_redirect(struct w_redirect_action m, const struct ir_redirect *r)
{
	w_redirect_action_port_redirect(m, r->port);
	if (r->scheme)
		w_redirect_action_scheme_redirect(m, r->scheme);
	if (r->prefix_rewrite)
		w_redirect_action_prefix_rewrite(m, r->prefix_rewrite);
	w_redirect_action_response_code(m, redirect_code(r->code));
	if (r->path)
		w_redirect_action_path_redirect(m, r->path);
	if (r->host)
		w_redirect_action_host_redirect(m, r->host);
}

static void write_direct(struct w_direct_response_action m, const struct ir_direct *d)
{
	if (d->body) {
		struct w_data_source body = w_direct_response_action_body_begin(m);

		if (d->body_is_text)
			w_data_source_inline_string_n(body, (const char *)d->body, d->n_body);
		else
			w_data_source_inline_bytes(body, d->body, d->n_body);
		w_direct_response_action_body_end(m, body);
	}
	w_direct_response_action_status(m, d->status);
}

/* ---- per-filter configuration ---- */

static void write_fault(struct w_http_fault m, const struct ir_fault *f)
{
	struct w_fractional_percent share;

	if (f->has_abort) {
		struct w_fault_abort a = w_http_fault_abort_begin(m);

		if (f->abort_is_grpc)
			w_fault_abort_grpc_status(a, f->abort_code);
		share = w_fault_abort_percentage_begin(a);
		write_fraction(share, &f->abort_share);
		w_fault_abort_percentage_end(a, share);
		if (!f->abort_is_grpc)
			w_fault_abort_http_status(a, f->abort_code);
		w_http_fault_abort_end(m, a);
	}
	if (f->has_delay) {
		struct w_fault_delay d = w_http_fault_delay_begin(m);

		share = w_fault_delay_percentage_begin(d);
		write_fraction(share, &f->delay_share);
		w_fault_delay_percentage_end(d, share);
		w_fault_delay_fixed_delay_ns(d, f->delay_ns);
		w_http_fault_delay_end(m, d);
	}
}

static void write_cors(struct w_cors_policy m, const struct ir_cors *c)
{
	struct w_runtime_fractional_percent enabled;
	struct w_fractional_percent all;

	if (c->forward_not_matching.has)
		w_cors_policy_forward_not_matching_preflights(m, c->forward_not_matching.v);
	enabled = w_cors_policy_filter_enabled_begin(m);
	all = w_runtime_fractional_percent_default_value_begin(enabled);
	w_fractional_percent_numerator(all, 100);
	w_runtime_fractional_percent_default_value_end(enabled, all);
	w_cors_policy_filter_enabled_end(m, enabled);
	if (c->allow_credentials.has)
		w_cors_policy_allow_credentials(m, c->allow_credentials.v);
	if (c->max_age_s)
		w_cors_policy_max_age(m, c->max_age_s);
	if (c->expose)
		w_cors_policy_expose_headers(m, c->expose);
	if (c->headers)
		w_cors_policy_allow_headers(m, c->headers);
	if (c->methods)
		w_cors_policy_allow_methods(m, c->methods);
	for (size_t i = c->n_origins; i-- > 0;) {
		struct w_string_matcher o = w_cors_policy_allow_origin_string_match_begin(m);

		build_string_match(o, &c->origins[i]);
		w_cors_policy_allow_origin_string_match_end(m, o);
	}
}

/* Map entries, by key in descending order: fault, cors. */
static void write_filters(struct w_route m, const struct ir_route *r)
{
	struct w_any any;

	if (r->fault) {
		struct w_http_fault f;

		any = w_route_typed_per_filter_config_put_begin(m);
		f = w_http_fault_any_begin(any);
		write_fault(f, r->fault);
		any = w_http_fault_any_end(f);
		w_route_typed_per_filter_config_put_end(m, any, "envoy.filters.http.fault");
	}
	if (r->cors) {
		struct w_cors_policy c;

		any = w_route_typed_per_filter_config_put_begin(m);
		c = w_cors_policy_any_begin(any);
		write_cors(c, r->cors);
		any = w_cors_policy_any_end(c);
		w_route_typed_per_filter_config_put_end(m, any, "envoy.filters.http.cors");
	}
}

/* ---- routes and virtual hosts ---- */

static void write_route_headers(struct w_route m, const struct ir_header_ops *h)
{
	for (size_t i = h->request_remove.n; i-- > 0;)
		w_route_request_headers_to_remove(m, h->request_remove.v[i]);
	for (size_t i = h->response_remove.n; i-- > 0;)
		w_route_response_headers_to_remove(m, h->response_remove.v[i]);
	for (size_t i = h->n_response_set; i-- > 0;) {
		struct w_header_value_option o = w_route_response_headers_to_add_begin(m);

		build_header_op(o, &h->response_set[i]);
		w_route_response_headers_to_add_end(m, o);
	}
	for (size_t i = h->n_request_set; i-- > 0;) {
		struct w_header_value_option o = w_route_request_headers_to_add_begin(m);

		build_header_op(o, &h->request_set[i]);
		w_route_request_headers_to_add_end(m, o);
	}
}

static void write_action_upper(struct w_route m, const struct ir_route *r)
{
	if (r->action == IR_ACTION_DIRECT) {
		struct w_direct_response_action d = w_route_direct_response_begin(m);

		write_direct(d, &r->direct);
		w_route_direct_response_end(m, d);
	}
	if (r->operation) {
		struct w_decorator d = w_route_decorator_begin(m);

		w_decorator_operation(d, r->operation);
		w_route_decorator_end(m, d);
	}
	if (r->config) {
		struct w_metadata meta = w_route_metadata_begin(m);

		build_metadata_config(meta, r->config);
		w_route_metadata_end(m, meta);
	}
}

static void write_route(struct build_out *out, struct w_route m, const struct ir_route *r)
{
	struct w_route_match match;

	if (r->stat_prefix)
		w_route_stat_prefix(m, r->stat_prefix);
	if (r->name)
		w_route_name(m, r->name);
	write_filters(m, r);
	write_route_headers(m, &r->headers);
	write_action_upper(m, r);
	if (r->action == IR_ACTION_REDIRECT) {
		struct w_redirect_action redirect = w_route_redirect_begin(m);

		write_redirect(redirect, &r->redirect);
		w_route_redirect_end(m, redirect);
	}
	if (r->action == IR_ACTION_FORWARD) {
		struct w_route_action action = w_route_route_begin(m);

		write_forward(out, action, r);
		w_route_route_end(m, action);
	}
	match = w_route_match_begin(m);
	write_match(match, &r->match);
	w_route_match_end(m, match);
}

static void write_vhost(struct build_out *out, struct w_virtual_host m, const struct ir_vhost *v)
{
	w_virtual_host_include_request_attempt_count(m, v->attempt_count);
	if (v->require_tls)
		w_virtual_host_require_tls(m, W_TLS_REQUIREMENT_TYPE_ALL);
	for (size_t i = v->n_routes; i-- > 0;) {
		struct w_route r = w_virtual_host_routes_begin(m);

		write_route(out, r, &v->routes[i]);
		w_virtual_host_routes_end(m, r);
	}
	for (size_t i = v->domains.n; i-- > 0;)
		w_virtual_host_domains(m, v->domains.v[i]);
	w_virtual_host_name(m, v->name);
}

void build_route_configuration(struct build_out *out, struct w_route_configuration m,
			       const struct ir_routes *r)
{
	w_route_configuration_ignore_port_in_host_matching(m, r->ignore_port);
	if (r->max_direct_body.has)
		w_route_configuration_max_direct_response_body_size_bytes(m, r->max_direct_body.v);
	if (r->validate_clusters.has)
		w_route_configuration_validate_clusters(m, r->validate_clusters.v);
	for (size_t i = r->n_vhosts; i-- > 0;) {
		struct w_virtual_host v = w_route_configuration_virtual_hosts_begin(m);

		write_vhost(out, v, &r->vhosts[i]);
		w_route_configuration_virtual_hosts_end(m, v);
	}
	w_route_configuration_name(m, r->name);
}

void build_routes(const struct ir_routes *r, struct build_out *out)
{
	struct pb_bytes bytes;

	build_route_configuration(out, w_route_configuration_root(out->w), r);
	bytes = pbw_finish(out->w);
	out->bytes = bytes.p;
	out->len = bytes.n;
}
