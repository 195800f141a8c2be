/* SPDX-License-Identifier: Apache-2.0
 *
 * Authorization: RBAC filters, and the external services behind them, for requests and for connections.
 */
#include "xds/build_int.h"

#include "pb/extension.h"
#include "pb/hcm.h"
#include "pb/http_filter.h"
#include "pb/matcher.h"
#include "pb/network_filter.h"
#include "pb/rbac.h"
#include "pb/route.h"
#include "pb/type.h"
#include "pb/wkt.h"

#include "base/must.h"

static const char stat_prefix[] = "tcp.";	/* of network filters */

/* ---- conditions ---- */

static void write_range(struct w_cidr_range m, const struct ir_prefix *net)
{
	w_cidr_range_prefix_len(m, net->len);
	w_cidr_range_address_prefix(m, net->ip);
}

static void write_header(struct w_header_matcher m, const struct ir_cond *c)
{
	build_header_match(m, &(struct ir_named_match){.name = c->name, .match = c->text});
}

static void write_url_path(struct w_path_matcher m, const struct ir_string_match *text)
{
	struct w_string_matcher s = w_path_matcher_path_begin(m);

	build_string_match(s, text);
	w_path_matcher_path_end(m, s);
}

static void write_template(struct w_typed_extension m, const char *text)
{
	struct w_any any = w_typed_extension_typed_config_begin(m);
	struct w_uri_template_match_config config = w_uri_template_match_config_any_begin(any);

	w_uri_template_match_config_path_template(config, text);
	any = w_uri_template_match_config_any_end(config);
	w_typed_extension_typed_config_end(m, any);
	w_typed_extension_name(m, "uri-template");
}

static void write_metadata(struct w_metadata_matcher m, const struct ir_cond *c)
{
	struct w_value_matcher value = w_metadata_matcher_value_begin(m);

	build_value_match(value, &c->text, c->list);
	w_metadata_matcher_value_end(m, value);
	for (size_t i = c->path.n; i-- > 0;)
		build_metadata_key(m, c->path.v[i]);
	w_metadata_matcher_filter(m, c->name);
}

static void write_permission(struct w_permission m, const struct ir_cond *c);

static void write_permissions(struct w_permission_set m, const struct ir_cond *c)
{
	for (size_t i = c->n; i-- > 0;) {
		struct w_permission one = w_permission_set_rules_begin(m);

		write_permission(one, &c->v[i]);
		w_permission_set_rules_end(m, one);
	}
}

static void write_permission(struct w_permission m, const struct ir_cond *c)
{
	switch (c->kind) {
	case IR_COND_ANY: w_permission_any(m, true); break;
	case IR_COND_ALL: FIELD(permission, m, and_rules, permission_set, write_permissions, c); break;
	case IR_COND_ONE: FIELD(permission, m, or_rules, permission_set, write_permissions, c); break;
	case IR_COND_NOT: FIELD(permission, m, not_rule, permission, write_permission, c->v); break;
	case IR_COND_HEADER: FIELD(permission, m, header, header_matcher, write_header, c); break;
	case IR_COND_PATH: FIELD(permission, m, url_path, path_matcher, write_url_path, &c->text); break;
	case IR_COND_PATH_TEMPLATE: FIELD(permission, m, uri_template, typed_extension, write_template, c->text.text); break;
	case IR_COND_DESTINATION_IP: FIELD(permission, m, destination_ip, cidr_range, write_range, &c->net); break;
	case IR_COND_DESTINATION_PORT: w_permission_destination_port(m, c->port); break;
	case IR_COND_SNI: FIELD(permission, m, requested_server_name, string_matcher, build_string_match, &c->text); break;
	case IR_COND_METADATA: FIELD(permission, m, metadata, metadata_matcher, write_metadata, c); break;
	case IR_COND_PEER:
	case IR_COND_DIRECT_IP:
	case IR_COND_REMOTE_IP: must(!"a condition of callers");
	}
}

static void write_principal(struct w_principal m, const struct ir_cond *c);

static void write_principals(struct w_principal_set m, const struct ir_cond *c)
{
	for (size_t i = c->n; i-- > 0;) {
		struct w_principal one = w_principal_set_ids_begin(m);

		write_principal(one, &c->v[i]);
		w_principal_set_ids_end(m, one);
	}
}

static void write_peer(struct w_authenticated m, const struct ir_string_match *name)
{
	FIELD(authenticated, m, principal_name, string_matcher, build_string_match, name);
}

static void write_principal(struct w_principal m, const struct ir_cond *c)
{
	switch (c->kind) {
	case IR_COND_ANY: w_principal_any(m, true); break;
	case IR_COND_ALL: FIELD(principal, m, and_ids, principal_set, write_principals, c); break;
	case IR_COND_ONE: FIELD(principal, m, or_ids, principal_set, write_principals, c); break;
	case IR_COND_NOT: FIELD(principal, m, not_id, principal, write_principal, c->v); break;
	case IR_COND_PEER: FIELD(principal, m, authenticated, authenticated, write_peer, &c->text); break;
	case IR_COND_HEADER: FIELD(principal, m, header, header_matcher, write_header, c); break;
	case IR_COND_DIRECT_IP: FIELD(principal, m, direct_remote_ip, cidr_range, write_range, &c->net); break;
	case IR_COND_REMOTE_IP: FIELD(principal, m, remote_ip, cidr_range, write_range, &c->net); break;
	case IR_COND_METADATA: FIELD(principal, m, metadata, metadata_matcher, write_metadata, c); break;
	case IR_COND_PATH:
	case IR_COND_PATH_TEMPLATE:
	case IR_COND_DESTINATION_IP:
	case IR_COND_DESTINATION_PORT:
	case IR_COND_SNI: must(!"a condition of what is asked for");
	}
}

/* ---- rules ---- */

static void write_policy(struct w_rbac_policy m, const struct ir_authz_policy *p)
{
	for (size_t i = p->n_principals; i-- > 0;)
		FIELD(rbac_policy, m, principals, principal, write_principal, &p->principals[i]);
	for (size_t i = p->n_permissions; i-- > 0;)
		FIELD(rbac_policy, m, permissions, permission, write_permission, &p->permissions[i]);
}

static void write_rules(struct w_rbac_rules m, const struct ir_authz_rules *r)
{
	for (size_t i = r->n; i-- > 0;) {
		struct w_rbac_policy p = w_rbac_rules_policies_put_begin(m);

		write_policy(p, &r->v[i]);
		w_rbac_rules_policies_put_end(m, p, r->v[i].name);
	}
	w_rbac_rules_action(m, (enum w_rbac_action)r->action);
}

/* ---- external services ---- */

static void write_mark(struct w_metadata_matcher m, const struct ir_ext_authz *x)
{
	struct w_value_matcher value = w_metadata_matcher_value_begin(m);

	build_value_match(value, &(struct ir_string_match){.kind = IR_PREFIX, .text = x->mark}, IR_VALUE);
	w_metadata_matcher_value_end(m, value);
	build_metadata_key(m, "istio_ext_authz_shadow_effective_policy_id");
}

static void write_http_mark(struct w_metadata_matcher m, const struct ir_ext_authz *x)
{
	write_mark(m, x);
	w_metadata_matcher_filter(m, "envoy.filters.http.rbac");
}

static void write_network_mark(struct w_metadata_matcher m, const struct ir_ext_authz *x)
{
	write_mark(m, x);
	w_metadata_matcher_filter(m, "envoy.filters.network.rbac");
}

static void write_envoy_grpc(struct w_envoy_grpc m, const struct ir_ext_authz *x)
{
	w_envoy_grpc_authority(m, x->authority);
	w_envoy_grpc_cluster_name(m, x->cluster);
}

static void write_grpc_service(struct w_grpc_service m, const struct ir_ext_authz *x)
{
	w_grpc_service_timeout_ns(m, x->timeout_ns);
	FIELD(grpc_service, m, envoy_grpc, envoy_grpc, write_envoy_grpc, x);
}

static void write_names(struct w_list_string_matcher m, const struct ir_string_match *v, size_t n)
{
	for (size_t i = n; i-- > 0;)
		FIELD(list_string_matcher, m, patterns, string_matcher, build_string_match, &v[i]);
}

static void write_response(struct w_authorization_response m, const struct ir_ext_authz *x)
{
	if (x->n_to_client_on_allow)
		FIELD(authorization_response, m, allowed_client_headers_on_success, list_string_matcher, write_names,
		      x->to_client_on_allow, x->n_to_client_on_allow);
	if (x->n_to_client_on_deny)
		FIELD(authorization_response, m, allowed_client_headers, list_string_matcher, write_names,
		      x->to_client_on_deny, x->n_to_client_on_deny);
	if (x->n_to_upstream)
		FIELD(authorization_response, m, allowed_upstream_headers, list_string_matcher, write_names, x->to_upstream,
		      x->n_to_upstream);
}

static void write_header_value(struct w_header_value m, const struct str_pair *pair)
{
	w_header_value_value(m, pair->value);
	w_header_value_key(m, pair->key);
}

static void write_request(struct w_authorization_request m, const struct ir_ext_authz *x)
{
	for (size_t i = x->n_added; i-- > 0;)
		FIELD(authorization_request, m, headers_to_add, header_value, write_header_value, &x->added[i]);
}

static void write_server(struct w_http_uri m, const struct ir_ext_authz *x)
{
	char uri[300];

	w_http_uri_timeout_ns(m, x->timeout_ns);
	w_http_uri_cluster(m, x->cluster);
	snprintf(uri, sizeof(uri), "http://%s", x->authority);
	w_http_uri_uri(m, uri);
}

static void write_http_service(struct w_ext_authz_http_service m, const struct ir_ext_authz *x)
{
	if (x->n_to_client_on_allow || x->n_to_client_on_deny || x->n_to_upstream)
		FIELD(ext_authz_http_service, m, authorization_response, authorization_response, write_response, x);
	if (x->n_added)
		FIELD(ext_authz_http_service, m, authorization_request, authorization_request, write_request, x);
	if (x->path_prefix)
		w_ext_authz_http_service_path_prefix(m, x->path_prefix);
	FIELD(ext_authz_http_service, m, server_uri, http_uri, write_server, x);
}

static void write_status(struct w_http_status m, uint32_t status)
{
	w_http_status_code(m, (enum w_status_code)status);
}

static void write_body(struct w_buffer_settings m, const struct ir_ext_authz *x)
{
	w_buffer_settings_pack_as_bytes(m, x->body.as_bytes);
	w_buffer_settings_allow_partial_message(m, x->body.partial);
	w_buffer_settings_max_request_bytes(m, x->body.max);
}

static void write_ext_authz(struct w_ext_authz m, const struct ir_ext_authz *x)
{
	if (x->n_sent)
		FIELD(ext_authz, m, allowed_headers, list_string_matcher, write_names, x->sent, x->n_sent);
	FIELD(ext_authz, m, filter_enabled_metadata, metadata_matcher, write_http_mark, x);
	w_ext_authz_transport_api_version(m, W_API_VERSION_V3);
	if (x->status_on_error)
		FIELD(ext_authz, m, status_on_error, http_status, write_status, x->status_on_error);
	if (x->body.has)
		FIELD(ext_authz, m, with_request_body, buffer_settings, write_body, x);
	if (!x->grpc)
		FIELD(ext_authz, m, http_service, ext_authz_http_service, write_http_service, x);
	w_ext_authz_failure_mode_allow(m, x->fail_open);
	if (x->grpc)
		FIELD(ext_authz, m, grpc_service, grpc_service, write_grpc_service, x);
}

static void write_network_ext_authz(struct w_network_ext_authz m, const struct ir_ext_authz *x)
{
	FIELD(network_ext_authz, m, filter_enabled_metadata, metadata_matcher, write_network_mark, x);
	w_network_ext_authz_transport_api_version(m, W_API_VERSION_V3);
	w_network_ext_authz_failure_mode_allow(m, x->fail_open);
	FIELD(network_ext_authz, m, grpc_service, grpc_service, write_grpc_service, x);
	w_network_ext_authz_stat_prefix(m, stat_prefix);
}

/* ---- filters, from the last to the first ---- */

static void write_http_ext(struct w_hcm m, const struct ir_ext_authz *x)
{
	struct w_http_filter f = w_hcm_http_filters_begin(m);
	struct w_any any = w_http_filter_typed_config_begin(f);
	struct w_ext_authz ext = w_ext_authz_any_begin(any);

	write_ext_authz(ext, x);
	any = w_ext_authz_any_end(ext);
	w_http_filter_typed_config_end(f, any);
	w_http_filter_name(f, "envoy.filters.http.ext_authz");
	w_hcm_http_filters_end(m, f);
}

static void write_http_rbac(struct w_hcm m, const struct ir_authz_filter *in)
{
	struct w_http_filter f = w_hcm_http_filters_begin(m);
	struct w_any any = w_http_filter_typed_config_begin(f);
	struct w_rbac rbac = w_rbac_any_begin(any);

	if (in->shadow_prefix)
		w_rbac_shadow_rules_stat_prefix(rbac, in->shadow_prefix);
	if (in->shadow)
		FIELD(rbac, rbac, shadow_rules, rbac_rules, write_rules, in->shadow);
	if (in->rules)
		FIELD(rbac, rbac, rules, rbac_rules, write_rules, in->rules);
	any = w_rbac_any_end(rbac);
	w_http_filter_typed_config_end(f, any);
	w_http_filter_name(f, "envoy.filters.http.rbac");
	w_hcm_http_filters_end(m, f);
}

static void write_http_authz(struct w_hcm m, const struct ir_authz_filter *in)
{
	if (in->ext)
		write_http_ext(m, in->ext);
	write_http_rbac(m, in);
}

void build_http_authz(struct w_hcm m, const struct ir_authz *a)
{
	for (size_t i = a->n_http; i-- > a->n_before_jwt;)
		write_http_authz(m, &a->http[i]);
	if (a->jwt)
		build_jwt(m, a->jwt);
	for (size_t i = a->n_before_jwt; i-- > 0;)
		write_http_authz(m, &a->http[i]);
}

static void write_network_ext(struct w_filter_chain m, const struct ir_ext_authz *x)
{
	struct w_filter f = w_filter_chain_filters_begin(m);
	struct w_any any = w_filter_typed_config_begin(f);
	struct w_network_ext_authz ext = w_network_ext_authz_any_begin(any);

	write_network_ext_authz(ext, x);
	any = w_network_ext_authz_any_end(ext);
	w_filter_typed_config_end(f, any);
	w_filter_name(f, "envoy.filters.network.ext_authz");
	w_filter_chain_filters_end(m, f);
}

static void write_network_rbac(struct w_filter_chain m, const struct ir_authz_filter *in)
{
	struct w_filter f = w_filter_chain_filters_begin(m);
	struct w_any any = w_filter_typed_config_begin(f);
	struct w_network_rbac rbac = w_network_rbac_any_begin(any);

	if (in->shadow_prefix)
		w_network_rbac_shadow_rules_stat_prefix(rbac, in->shadow_prefix);
	w_network_rbac_stat_prefix(rbac, stat_prefix);
	if (in->shadow)
		FIELD(network_rbac, rbac, shadow_rules, rbac_rules, write_rules, in->shadow);
	if (in->rules)
		FIELD(network_rbac, rbac, rules, rbac_rules, write_rules, in->rules);
	any = w_network_rbac_any_end(rbac);
	w_filter_typed_config_end(f, any);
	w_filter_name(f, "envoy.filters.network.rbac");
	w_filter_chain_filters_end(m, f);
}

void build_network_authz(struct w_filter_chain m, const struct ir_authz *a)
{
	for (size_t i = a->n_tcp; i-- > 0;) {
		if (a->tcp[i].ext)
			write_network_ext(m, a->tcp[i].ext);
		write_network_rbac(m, &a->tcp[i]);
	}
}
