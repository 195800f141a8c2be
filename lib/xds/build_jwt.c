/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of requests: the filter that checks them.
 */
#include "xds/build_int.h"

#include "pb/extension.h"
#include "pb/hcm.h"
#include "pb/http_filter.h"
#include "pb/route.h"
#include "pb/wkt.h"

static const int64_t cache_ns = INT64_C(300) * 1000000000;	/* of keys that were fetched */

/* ---- providers ---- */

static void write_uri(struct w_http_uri m, const struct ir_jwt_provider *p)
{
	w_http_uri_timeout_ns(m, p->jwks_timeout_ns);
	w_http_uri_cluster(m, p->jwks_cluster);
	w_http_uri_uri(m, p->jwks_uri);
}

static void write_remote(struct w_remote_jwks m, const struct ir_jwt_provider *p)
{
	w_remote_jwks_cache_duration_ns(m, cache_ns);
	FIELD(remote_jwks, m, http_uri, http_uri, write_uri, p);
}

static void write_local(struct w_data_source m, const struct ir_jwt_provider *p)
{
	w_data_source_inline_string(m, p->jwks);
}

static void write_normalization(struct w_normalize_payload m, const struct ir_jwt_provider *p)
{
	for (size_t i = p->space_delimited.n; i-- > 0;)
		w_normalize_payload_space_delimited_claims(m, p->space_delimited.v[i]);
}

static void write_header(struct w_jwt_header m, const struct str_pair *h)
{
	w_jwt_header_value_prefix(m, h->value);
	w_jwt_header_name(m, h->key);
}

static void write_claim(struct w_jwt_claim_to_header m, const struct str_pair *c)
{
	w_jwt_claim_to_header_claim_name(m, c->value);
	w_jwt_claim_to_header_header_name(m, c->key);
}

static void write_provider(struct w_jwt_provider m, const struct ir_jwt_provider *p)
{
	FIELD(jwt_provider, m, normalize_payload_in_metadata, normalize_payload, write_normalization, p);
	w_jwt_provider_clear_route_cache(m, p->clear_route_cache);
	for (size_t i = p->n_claims; i-- > 0;)
		FIELD(jwt_provider, m, claim_to_headers, jwt_claim_to_header, write_claim, &p->claims[i]);
	for (size_t i = p->cookies.n; i-- > 0;)
		w_jwt_provider_from_cookies(m, p->cookies.v[i]);
	w_jwt_provider_payload_in_metadata(m, "payload");
	if (p->payload_header)
		w_jwt_provider_forward_payload_header(m, p->payload_header);
	for (size_t i = p->params.n; i-- > 0;)
		w_jwt_provider_from_params(m, p->params.v[i]);
	for (size_t i = p->n_headers; i-- > 0;)
		FIELD(jwt_provider, m, from_headers, jwt_header, write_header, &p->headers[i]);
	w_jwt_provider_forward(m, p->forward);
	if (p->jwks)
		FIELD(jwt_provider, m, local_jwks, data_source, write_local, p);
	else
		FIELD(jwt_provider, m, remote_jwks, remote_jwks, write_remote, p);
	for (size_t i = p->audiences.n; i-- > 0;)
		w_jwt_provider_audiences(m, p->audiences.v[i]);
	w_jwt_provider_issuer(m, p->issuer);
}

/* ---- what a request must have ---- */

static void write_named_or_none(struct w_jwt_requirement_or_list m, const struct ir_jwt_provider *p)
{
	struct w_jwt_requirement one = w_jwt_requirement_or_list_requirements_begin(m);

	w_jwt_requirement_allow_missing_empty(one);
	w_jwt_requirement_or_list_requirements_end(m, one);
	one = w_jwt_requirement_or_list_requirements_begin(m);
	w_jwt_requirement_provider_name(one, p->name);
	w_jwt_requirement_or_list_requirements_end(m, one);
}

/* A good token, or none where none is required. */
static void write_one(struct w_jwt_requirement m, const struct ir_jwt_provider *p)
{
	if (p->required)
		w_jwt_requirement_provider_name(m, p->name);
	else
		FIELD(jwt_requirement, m, requires_any, jwt_requirement_or_list, write_named_or_none, p);
}

static void write_each(struct w_jwt_requirement_and_list m, const struct ir_jwt *jwt)
{
	for (size_t i = jwt->n; i-- > 0;)
		FIELD(jwt_requirement_and_list, m, requirements, jwt_requirement, write_one, &jwt->v[i]);
}

static void write_all(struct w_jwt_requirement m, const struct ir_jwt *jwt)
{
	FIELD(jwt_requirement, m, requires_all, jwt_requirement_and_list, write_each, jwt);
}

/* Any of them, as a token is good for one provider and bad for all others that look at the same place. */
static void write_any(struct w_jwt_requirement_or_list m, const struct ir_jwt *jwt)
{
	struct w_jwt_requirement one = w_jwt_requirement_or_list_requirements_begin(m);

	write_all(one, jwt);
	w_jwt_requirement_or_list_requirements_end(m, one);
	for (size_t i = jwt->n; i-- > 0;) {
		one = w_jwt_requirement_or_list_requirements_begin(m);
		w_jwt_requirement_provider_name(one, jwt->v[i].name);
		w_jwt_requirement_or_list_requirements_end(m, one);
	}
}

static void write_requirement(struct w_jwt_requirement m, const struct ir_jwt *jwt)
{
	bool required = false;

	for (size_t i = 0; i < jwt->n; i++)
		required = required || jwt->v[i].required;
	if (jwt->n == 1)
		write_one(m, &jwt->v[0]);
	else if (required)
		write_all(m, jwt);
	else
		FIELD(jwt_requirement, m, requires_any, jwt_requirement_or_list, write_any, jwt);
}

static void write_rule(struct w_requirement_rule m, const struct ir_jwt *jwt)
{
	struct w_route_match match;

	FIELD(requirement_rule, m, requires, jwt_requirement, write_requirement, jwt);
	match = w_requirement_rule_match_begin(m);
	w_route_match_prefix(match, "/");
	w_requirement_rule_match_end(m, match);
}

void build_jwt(struct w_hcm m, const struct ir_jwt *jwt)
{
	struct w_http_filter f = w_hcm_http_filters_begin(m);
	struct w_any any = w_http_filter_typed_config_begin(f);
	struct w_jwt_authentication auth = w_jwt_authentication_any_begin(any);

	w_jwt_authentication_bypass_cors_preflight(auth, true);
	FIELD(jwt_authentication, auth, rules, requirement_rule, write_rule, jwt);
	for (size_t i = jwt->n; i-- > 0;) {
		struct w_jwt_provider p = w_jwt_authentication_providers_put_begin(auth);

		write_provider(p, jwt->by_name[i]);
		w_jwt_authentication_providers_put_end(auth, p, jwt->by_name[i]->name);
	}
	any = w_jwt_authentication_any_end(auth);
	w_http_filter_typed_config_end(f, any);
	w_http_filter_name(f, "envoy.filters.http.jwt_authn");
	w_hcm_http_filters_end(m, f);
}
