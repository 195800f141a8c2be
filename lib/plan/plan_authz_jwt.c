/* SPDX-License-Identifier: Apache-2.0
 *
 * RequestAuthentications of a view: whose tokens are good. A request without a token passes unless a rule requires
 * one; a token that is no good never does (istio-behaviour.md 1.6). Keys that Istio's control plane would fetch are
 * fetched by the proxy.
 */
#include "plan/plan_authz_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "model/jwks.h"
#include "model/security.h"

static const int64_t default_timeout_ns = INT64_C(5) * 1000000000;
/* Envoy refuses a listener with more, which is 136 years. */
static const int64_t longest_timeout_ns = INT64_C(4294967295) * 1000000000;

/* The rules of all objects. Equal issuers stay in the order of their objects. */
struct rules {
	VEC(const struct jwt_rule *) v;
};

static void collect(const struct plan *p, struct rules *out, struct arena *a)
{
	const struct policy_set *set = &p->view->authn;

	for (size_t i = 0; i < set->n; i++) {
		const struct request_authentication *r = object_spec(set->v[i], request_authentication);

		for (size_t k = 0; k < r->n_jwt_rules; k++)
			*vec_push(&out->v, a) = &r->jwt_rules[k];
	}
}

struct ranked {
	const struct jwt_rule *rule;
	size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int order = strcmp(x->rule->issuer, y->rule->issuer);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static struct ranked *by_issuer(const struct rules *rules, struct arena *a)
{
	struct ranked *v = arena_array(a, struct ranked, rules->v.n);

	for (size_t i = 0; i < rules->v.n; i++)
		v[i] = (struct ranked){rules->v.v[i], i};
	if (rules->v.n)
		qsort(v, rules->v.n, sizeof(v[0]), compare_ranked);
	return v;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those that every provider has, and the user's; sorted, no doubles. */
static struct strs space_delimited(const struct strs *own, struct arena *a)
{
	static const char *const always[] = {"permission", "scope"};
	const char **v = arena_array(a, const char *, own->n + ARRAY_LEN(always));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		v[n++] = always[i];
	for (size_t i = 0; i < own->n; i++)
		v[n++] = own->v[i];
	qsort(v, n, sizeof(v[0]), compare_texts);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(v[kept - 1], v[i]) != 0)
			v[kept++] = v[i];
	return (struct strs){v, kept};
}

/* Whoever does not know the keys trusts nobody. */
static void set_keys(const struct plan *p, const struct jwt_rule *r, struct ir_jwt_provider *out, struct arena *a)
{
	struct jwks_text own;
	struct jwks_uri uri;

	out->jwks = jwks_of_nobody;
	if (r->jwks && *r->jwks) {
		if (jwks_read(r->jwks, a, &own))
			out->jwks = own.json;
	} else if (r->jwks_uri && jwks_uri_read(r->jwks_uri, a, &uri)) {
		out->jwks = NULL;
		out->jwks_uri = r->jwks_uri;
		out->jwks_cluster = jwks_cluster_name(p, &uri, a);
		out->jwks_timeout_ns = r->timeout.has ? r->timeout.ns : default_timeout_ns;
		if (out->jwks_timeout_ns > longest_timeout_ns)
			out->jwks_timeout_ns = longest_timeout_ns;
	}
}

static void set_places(const struct jwt_rule *r, struct ir_jwt_provider *out, struct arena *a)
{
	struct str_pair *headers = arena_array(a, struct str_pair, r->n_from_headers);
	struct str_pair *claims = arena_array(a, struct str_pair, r->n_output_claim_to_headers);

	for (size_t i = 0; i < r->n_from_headers; i++)
		headers[i] = (struct str_pair){r->from_headers[i].name, r->from_headers[i].prefix ? r->from_headers[i].prefix : ""};
	for (size_t i = 0; i < r->n_output_claim_to_headers; i++)
		claims[i] = (struct str_pair){r->output_claim_to_headers[i].header, r->output_claim_to_headers[i].claim};
	out->headers = headers;
	out->n_headers = r->n_from_headers;
	out->params = r->from_params;
	out->cookies = r->from_cookies;
	out->claims = claims;
	out->n_claims = r->n_output_claim_to_headers;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(const struct ir_jwt_provider *const *)a)->name, (*(const struct ir_jwt_provider *const *)b)->name);
}

static const struct ir_jwt_provider *const *by_name(const struct ir_jwt_provider *v, size_t n, struct arena *a)
{
	const struct ir_jwt_provider **out = arena_array(a, const struct ir_jwt_provider *, n);

	for (size_t i = 0; i < n; i++)
		out[i] = &v[i];
	qsort(out, n, sizeof(out[0]), compare_names);
	return out;
}

const struct ir_jwt *jwt_of(const struct plan *p, struct arena *a)
{
	struct rules rules = {0};
	struct ir_jwt_provider *v;
	struct ranked *sorted;
	struct ir_jwt *out;

	collect(p, &rules, a);
	if (!rules.v.n)
		return NULL;
	sorted = by_issuer(&rules, a);
	v = arena_array(a, struct ir_jwt_provider, rules.v.n);
	for (size_t i = 0; i < rules.v.n; i++) {
		const struct jwt_rule *r = sorted[i].rule;

		v[i] = (struct ir_jwt_provider){
		    .name = arena_printf(a, "origins-%zu", i),
		    .issuer = r->issuer,
		    .audiences = r->audiences,
		    .forward = r->forward_original_token,
		    .payload_header = r->output_payload_to_header,
		    .space_delimited = space_delimited(&r->space_delimited_claims, a),
		    .clear_route_cache = p->view->type != PROXY_SIDECAR,
		    .required = r->presence == JWT_PRESENCE_REQUIRED,
		};
		set_keys(p, r, &v[i], a);
		set_places(r, &v[i], a);
	}
	out = arena_new(a, struct ir_jwt);
	*out = (struct ir_jwt){v, by_name(v, rules.v.n, a), rules.v.n};
	return out;
}

struct hash128 jwt_mix_inputs(const struct plan *p, struct arena *scratch, struct hash128 h)
{
	struct rules rules = {0};
	struct jwks_uri uri;

	collect(p, &rules, scratch);
	for (size_t i = 0; i < rules.v.n; i++) {
		const char *text = rules.v.v[i]->jwks_uri;

		if (text && jwks_uri_read(text, scratch, &uri))
			h = hash_mix_str(h, jwks_cluster_name(p, &uri, scratch));
	}
	return h;
}
