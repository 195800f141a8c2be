/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan_http_int.h"

#include <string.h>
#include <strings.h>

#include "base/scalar.h"

/* ---- headers ---- */

static bool is_authority(const char *key)
{
	return strcasecmp(key, ":authority") == 0 || strcasecmp(key, "host") == 0;
}

/* What Envoy does not let a header operation touch. */
static bool is_internal(const char *key)
{
	return key[0] == ':' || strcasecmp(key, "host") == 0;
}

struct op_vec {
	VEC(struct ir_header_op) v;
};

static void add_ops(struct op_vec *out, const struct strmap *m, bool append, struct arena *a, const char **authority)
{
	for (size_t i = 0; i < m->n; i++) {
		if (authority && is_authority(m->v[i].key))
			*authority = m->v[i].value;
		if (!is_internal(m->v[i].key))
			*vec_push(&out->v, a) =
			    (struct ir_header_op){.name = m->v[i].key, .value = m->v[i].value, .append = append};
	}
}

static struct strs removed(const struct strs *in, struct arena *a)
{
	VEC(const char *) out = {0};

	for (size_t i = 0; i < in->n; i++)
		if (!is_internal(in->v[i]))
			*vec_push(&out, a) = in->v[i];
	return (struct strs){.v = out.v, .n = out.n};
}

struct ir_header_ops http_headers_of(const struct headers *h, struct arena *a, const char **authority)
{
	struct ir_header_ops out = {0};
	struct op_vec request = {0}, response = {0};
	const char *set = NULL, *add = NULL;

	*authority = NULL;
	if (h && h->request) {
		add_ops(&request, &h->request->set, false, a, &set);
		add_ops(&request, &h->request->add, true, a, &add);
		out.request_remove = removed(&h->request->remove, a);
		*authority = set && *set ? set : add;
	}
	if (h && h->response) {
		add_ops(&response, &h->response->set, false, a, NULL);
		add_ops(&response, &h->response->add, true, a, NULL);
		out.response_remove = removed(&h->response->remove, a);
	}
	if (*authority && !**authority)
		*authority = NULL;
	out.request_set = request.v.v;
	out.n_request_set = request.v.n;
	out.response_set = response.v.v;
	out.n_response_set = response.v.n;
	return out;
}

static const struct ir_header_op *join_ops(const struct ir_header_op *x, size_t nx, const struct ir_header_op *y,
					   size_t ny, struct arena *a)
{
	struct ir_header_op *out;

	if (!nx || !ny)
		return nx ? x : y;
	out = arena_array(a, struct ir_header_op, nx + ny);
	for (size_t i = 0; i < nx; i++)
		out[i] = x[i];
	for (size_t i = 0; i < ny; i++)
		out[nx + i] = y[i];
	return out;
}

static struct strs join_strs(const struct strs *x, const struct strs *y, struct arena *a)
{
	const char **out;

	if (!x->n || !y->n)
		return x->n ? *x : *y;
	out = arena_array(a, const char *, x->n + y->n);
	for (size_t i = 0; i < x->n; i++)
		out[i] = x->v[i];
	for (size_t i = 0; i < y->n; i++)
		out[x->n + i] = y->v[i];
	return (struct strs){.v = out, .n = x->n + y->n};
}

struct ir_header_ops http_headers_join(const struct ir_header_ops *x, const struct ir_header_ops *y, struct arena *a)
{
	return (struct ir_header_ops){
	    .request_set = join_ops(x->request_set, x->n_request_set, y->request_set, y->n_request_set, a),
	    .n_request_set = x->n_request_set + y->n_request_set,
	    .response_set = join_ops(x->response_set, x->n_response_set, y->response_set, y->n_response_set, a),
	    .n_response_set = x->n_response_set + y->n_response_set,
	    .request_remove = join_strs(&x->request_remove, &y->request_remove, a),
	    .response_remove = join_strs(&x->response_remove, &y->response_remove, a),
	};
}

/* ---- retries ---- */

static const char default_retry_on[] = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
enum { DEFAULT_RETRIES = 2, HOST_ATTEMPTS = 5 };

/* The statuses that HTTP names (RFC 9110 and its registry): only these are codes in retryOn. */
static bool is_status(int64_t code)
{
	static const struct { uint16_t first, last; } named[] = {
	    {100, 103}, {200, 208}, {226, 226}, {300, 305}, {307, 308}, {400, 418}, {421, 426},
	    {428, 429}, {431, 431}, {451, 451}, {500, 508}, {510, 511},
	};

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (code >= named[i].first && code <= named[i].last)
			return true;
	return false;
}

/* Words stay in retry_on, numbers become codes and the word that makes Envoy look at them. */
static void split_retry_on(const char *text, struct arena *a, struct ir_retry *out)
{
	VEC(uint32_t) codes = {0};
	const char *words = "";

	while (*text) {
		size_t n = strcspn(text, ",");
		size_t skip = strspn(text, " \t");
		size_t len = n > skip ? n - skip : 0;
		const char *part;
		int64_t code;

		while (len && strchr(" \t", text[skip + len - 1]))
			len--;
		part = arena_strndup(a, text + skip, len);
		if (len && scalar_int(part, 100, 599, &code) == 0 && is_status(code))
			*vec_push(&codes, a) = (uint32_t)code;
		else if (len)
			words = *words ? arena_printf(a, "%s,%s", words, part) : part;
		text += n + (text[n] == ',');
	}
	if (codes.n && !strstr(words, "retriable-status-codes"))
		words = arena_printf(a, "%s%sretriable-status-codes", words, *words ? "," : "");
	out->retry_on = words;
	out->retriable_codes = (struct u32s){.v = codes.v, .n = codes.n};
}

const struct ir_retry *http_retry_of(const struct http_retry *in, bool hashed, struct arena *a)
{
	struct ir_retry *out;

	if (in && in->attempts <= 0)
		return NULL;
	out = arena_new(a, struct ir_retry);
	*out = (struct ir_retry){.retry_on = default_retry_on,
				 .num_retries = DEFAULT_RETRIES,
				 .avoid_previous_hosts = !hashed,
				 .host_attempts = HOST_ATTEMPTS};
	if (!in)
		return out;
	out->num_retries = (uint32_t)in->attempts;
	if (in->retry_on && *in->retry_on)
		split_retry_on(in->retry_on, a, out);
	out->per_try_timeout = in->per_try_timeout;
	out->backoff = in->backoff;
	if (in->retry_ignore_previous_hosts.has)
		out->avoid_previous_hosts = in->retry_ignore_previous_hosts.v;
	out->remote_localities = in->retry_remote_localities.has && in->retry_remote_localities.v;
	return out;
}

/* ---- fault, CORS ---- */

struct ir_fraction http_share_of(const struct percent *p, uint32_t whole)
{
	if (p)
		return (struct ir_fraction){.numerator = (uint32_t)(p->value * 10000), .denominator = 1000000};
	return (struct ir_fraction){.numerator = whole, .denominator = 100};
}

/* Istio takes 600; Envoy knows 599 as the last. */
static uint32_t envoy_status(uint32_t status)
{
	return status > 599 ? 599 : status;
}

const struct ir_fault *http_fault_of(const struct http_fault *in, struct arena *a)
{
	struct ir_fault f = {0};

	if (!in)
		return NULL;
	if (in->delay && in->delay->fixed_delay.has) {
		f.has_delay = true;
		f.delay_ns = in->delay->fixed_delay.ns;
		f.delay_share = http_share_of(in->delay->percentage, (uint32_t)in->delay->percent);
	}
	if (in->abort && (in->abort->http_status || in->abort->grpc_status)) {
		f.abort_share = http_share_of(in->abort->percentage, 0);
		f.abort_is_grpc = in->abort->grpc_status != NULL;
		f.abort_code = envoy_status((uint32_t)in->abort->http_status);
		f.has_abort = !f.abort_is_grpc || scalar_grpc_status(in->abort->grpc_status, &f.abort_code) == 0;
	}
	return f.has_delay || f.has_abort ? arena_copy(a, &f, sizeof(f)) : NULL;
}

/* NULL when there is nothing to join. */
static const char *join(const struct strs *s, struct arena *a)
{
	const char *out = NULL;

	for (size_t i = 0; i < s->n; i++)
		out = out ? arena_printf(a, "%s,%s", out, s->v[i]) : s->v[i];
	return out;
}

const struct ir_cors *http_cors_of(const struct cors_policy *in, struct arena *a)
{
	struct ir_cors *out;
	VEC(struct ir_string_match) origins = {0};

	if (!in)
		return NULL;
	for (size_t i = 0; i < in->n_allow_origins; i++) {
		const struct string_match *m = &in->allow_origins[i];

		if (m->exact || m->prefix || m->regex)
			*vec_push(&origins, a) =
			    (struct ir_string_match){.kind = m->exact	 ? IR_EXACT
							     : m->prefix ? IR_PREFIX
									 : IR_REGEX,
						     .text = m->exact	 ? m->exact
							     : m->prefix ? m->prefix
									 : m->regex};
	}
	for (size_t i = 0; !in->n_allow_origins && i < in->allow_origin.n; i++)
		*vec_push(&origins, a) = (struct ir_string_match){.kind = IR_EXACT, .text = in->allow_origin.v[i]};
	out = arena_new(a, struct ir_cors);
	*out = (struct ir_cors){
	    .origins = origins.v,
	    .n_origins = origins.n,
	    .methods = join(&in->allow_methods, a),
	    .headers = join(&in->allow_headers, a),
	    .expose = join(&in->expose_headers, a),
	    .allow_credentials = in->allow_credentials,
	    .forward_not_matching = {.has = true, .v = in->unmatched_preflights != PREFLIGHTS_IGNORE},
	};
	if (in->max_age.has)
		out->max_age_s = arena_printf(a, "%lld", (long long)(in->max_age.ns / 1000000000));
	return out;
}

/* ---- answers of the proxy itself ---- */

bool http_redirect_of(const struct http_redirect *in, uint32_t port, bool is_tls, bool gateway_semantics,
		      struct ir_redirect *out)
{
	static const char replace[] = "%PREFIX()%";
	const char *scheme = in->scheme && *in->scheme ? in->scheme : NULL;

	*out = (struct ir_redirect){.code = in->redirect_code ? in->redirect_code : 301, .scheme = scheme};
	if (in->authority && *in->authority)
		out->host = in->authority;
	if (in->prefix_rewrite && *in->prefix_rewrite)
		out->prefix_rewrite = in->prefix_rewrite;
	else if (in->uri && gateway_semantics && strncmp(in->uri, replace, strlen(replace)) == 0)
		out->prefix_rewrite = in->uri + strlen(replace);
	else if (in->uri && *in->uri)
		out->path = in->uri;
	if (in->port.has)
		out->port = in->port.v;
	else if (in->derive_port == REDIRECT_PORT_FROM_REQUEST_PORT)
		out->port = port;
	if (!scheme)
		scheme = is_tls ? "https" : "http";
	/* the scheme's own port is not written out */
	if ((out->port == 80 && strcmp(scheme, "http") == 0) || (out->port == 443 && strcmp(scheme, "https") == 0))
		out->port = 0;
	return (out->code >= 301 && out->code <= 303) || out->code == 307 || out->code == 308;
}

void http_direct_of(const struct direct_response *in, struct ir_direct *out)
{
	*out = (struct ir_direct){.status = envoy_status(in->status)};
	if (in->body && in->body->string) {
		out->body = (const uint8_t *)in->body->string;
		out->n_body = strlen(in->body->string);
		out->body_is_text = true;
	} else if (in->body && in->body->bytes) {
		out->body = in->body->bytes;
		out->n_body = in->body->n_bytes;
	}
}

/* ---- session affinity ---- */

bool http_hash_policy_of(const struct consistent_hash *h, struct arena *a, struct ir_hash_policy *out)
{
	*out = (struct ir_hash_policy){0};
	if (h->http_header_name && *h->http_header_name) {
		out->kind = IR_HASH_HEADER;
		out->name = h->http_header_name;
	} else if (h->http_cookie) {
		struct str_pair *attrs = arena_array(a, struct str_pair, h->http_cookie->n_attributes);

		out->kind = IR_HASH_COOKIE;
		out->name = h->http_cookie->name ? h->http_cookie->name : "";
		out->path = h->http_cookie->path;
		out->ttl = h->http_cookie->ttl;
		for (size_t i = 0; i < h->http_cookie->n_attributes; i++) {
			const struct cookie_attribute *in = &h->http_cookie->attributes[i];

			attrs[i] = (struct str_pair){.key = in->name ? in->name : "", .value = in->value ? in->value : ""};
		}
		out->attributes = attrs;
		out->n_attributes = h->http_cookie->n_attributes;
	} else if (h->use_source_ip) {
		out->kind = IR_HASH_SOURCE_IP;
	} else if (h->http_query_parameter_name && *h->http_query_parameter_name) {
		out->kind = IR_HASH_QUERY;
		out->name = h->http_query_parameter_name;
	} else {
		return false;
	}
	return true;
}
