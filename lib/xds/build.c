/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/build_int.h"

#include "pb/endpoint.h"
#include "pb/matcher.h"
#include "pb/route.h"
#include "pb/type.h"
#include "pb/wkt.h"

enum { NS_PER_S = 1000000000 };

static void write_socket_address(struct w_socket_address m, const struct ir_address *a)
{
	w_socket_address_port_value(m, a->port);
	w_socket_address_address(m, a->ip);
	if (a->is_udp)
		w_socket_address_protocol(m, W_PROTOCOL_UDP);
}

void build_address(struct w_address m, const struct ir_address *a)
{
	if (a->is_pipe) {
		struct w_pipe pipe = w_address_pipe_begin(m);

		w_pipe_path(pipe, a->ip);
		w_address_pipe_end(m, pipe);
	} else {
		struct w_socket_address s = w_address_socket_address_begin(m);

		write_socket_address(s, a);
		w_address_socket_address_end(m, s);
	}
}

static void write_rest_source(struct w_api_config_source m, const char *cluster)
{
	w_api_config_source_transport_api_version(m, W_API_VERSION_V3);
	w_api_config_source_request_timeout_ns(m, 30LL * NS_PER_S);
	w_api_config_source_refresh_delay_ns(m, NS_PER_S / 10);
	w_api_config_source_cluster_names(m, cluster);
	w_api_config_source_api_type(m, W_API_TYPE_REST);
}

void build_config_source(const struct build_out *out, struct w_config_source m, bool no_wait)
{
	w_config_source_resource_api_version(m, W_API_VERSION_V3);
	if (no_wait)
		w_config_source_initial_fetch_timeout_ns(m, 0);
	if (out->rest_cluster) {
		struct w_api_config_source api = w_config_source_api_config_source_begin(m);

		write_rest_source(api, out->rest_cluster);
		w_config_source_api_config_source_end(m, api);
	} else {
		w_config_source_ads_empty(m);
	}
}

void build_regex(struct w_regex_matcher m, const char *regex)
{
	w_regex_matcher_regex(m, regex);
}

void build_string_match(struct w_string_matcher m, const struct ir_string_match *s)
{
	w_string_matcher_ignore_case(m, s->ignore_case);
	switch (s->kind) {
	case IR_EXACT: w_string_matcher_exact(m, s->text); break;
	case IR_PREFIX: w_string_matcher_prefix(m, s->text); break;
	case IR_SUFFIX: w_string_matcher_suffix(m, s->text); break;
	case IR_REGEX: {
		struct w_regex_matcher regex = w_string_matcher_safe_regex_begin(m);

		build_regex(regex, s->text);
		w_string_matcher_safe_regex_end(m, regex);
		break;
	}
	case IR_ANY:
	case IR_PRESENT: break;
	}
}

void build_header_match(struct w_header_matcher m, const struct ir_named_match *h)
{
	w_header_matcher_treat_missing_header_as_empty(m, h->missing_is_empty);
	if (!build_is_presence(&h->match)) {
		struct w_string_matcher s = w_header_matcher_string_match_begin(m);

		build_string_match(s, &h->match);
		w_header_matcher_string_match_end(m, s);
	}
	w_header_matcher_invert_match(m, h->invert);
	if (build_is_presence(&h->match))
		w_header_matcher_present_match(m, true);
	w_header_matcher_name(m, h->name);
}

void build_metadata_key(struct w_metadata_matcher m, const char *key)
{
	struct w_metadata_matcher_path p = w_metadata_matcher_path_begin(m);

	w_metadata_matcher_path_key(p, key);
	w_metadata_matcher_path_end(m, p);
}

static void write_value(struct w_value_matcher m, const struct ir_string_match *value)
{
	struct w_string_matcher s = w_value_matcher_string_match_begin(m);

	build_string_match(s, value);
	w_value_matcher_string_match_end(m, s);
}

static void write_one_of_list(struct w_value_matcher m, const struct ir_string_match *value)
{
	struct w_list_matcher list = w_value_matcher_list_match_begin(m);
	struct w_value_matcher one = w_list_matcher_one_of_begin(list);

	write_value(one, value);
	w_list_matcher_one_of_end(list, one);
	w_value_matcher_list_match_end(m, list);
}

void build_value_match(struct w_value_matcher m, const struct ir_string_match *value, int list)
{
	struct w_or_matcher either;
	struct w_value_matcher item;

	if (list == IR_VALUE)
		return write_value(m, value);
	if (list == IR_VALUE_OF_LIST)
		return write_one_of_list(m, value);
	either = w_value_matcher_or_match_begin(m);
	item = w_or_matcher_value_matchers_begin(either);
	write_value(item, value);
	w_or_matcher_value_matchers_end(either, item);
	item = w_or_matcher_value_matchers_begin(either);
	write_one_of_list(item, value);
	w_or_matcher_value_matchers_end(either, item);
	w_value_matcher_or_match_end(m, either);
}

void build_metadata_config(struct w_metadata m, const char *path)
{
	struct w_struct s = w_metadata_filter_metadata_put_begin(m);

	w_struct_string(s, "config", path);
	w_metadata_filter_metadata_put_end(m, s, "istio");
}

void build_locality(struct w_locality m, const char *region, const char *zone, const char *subzone)
{
	w_locality_sub_zone(m, subzone);
	w_locality_zone(m, zone);
	w_locality_region(m, region);
}

void build_header_op(struct w_header_value_option m, const struct ir_header_op *op)
{
	struct w_header_value h;

	w_header_value_option_append_action(
	    m, op->append ? W_HEADER_APPEND_ACTION_APPEND_IF_EXISTS_OR_ADD
			  : W_HEADER_APPEND_ACTION_OVERWRITE_IF_EXISTS_OR_ADD);
	h = w_header_value_option_header_begin(m);
	w_header_value_value(h, op->value);
	w_header_value_key(h, op->name);
	w_header_value_option_header_end(m, h);
}

void build_percent(struct w_percent m, double value)
{
	w_percent_value(m, value);
}

void build_use(struct build_out *out, enum xds_type type, const char *name, bool required)
{
	*vec_push(&out->uses, out->arena) =
	    (struct res_use){.type = type, .name = name, .required = required};
}

void build_preserve_case(struct w_http1_protocol_options m)
{
	struct w_header_key_format format = w_http1_protocol_options_header_key_format_begin(m);
	struct w_typed_extension x = w_header_key_format_stateful_formatter_begin(format);

	w_typed_extension_typed_config_empty(x, W_URL_PRESERVE_CASE_FORMATTER_CONFIG);
	w_typed_extension_name(x, "envoy.http.stateful_header_formatters.preserve_case");
	w_header_key_format_stateful_formatter_end(format, x);
	w_http1_protocol_options_header_key_format_end(m, format);
}
