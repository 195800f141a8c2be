/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/check_int.h"
#include "model/labels.h"

enum { BODY_MAX = 1024 * 1024, BODY_HEAVY = 100 * 1024, NS_OF_S = 1000000000 };

/* What a route is for: of its own, handing over to a delegate, or of a delegate. */
enum route_role { ROUTE_OWN, ROUTE_ROOT, ROUTE_DELEGATE };

struct vs_check {
	struct check *c;
	const struct virtual_service *vs;
	bool is_delegate, in_mesh, at_gateway;
};

/* ---- headers ---- */

static bool is_authority(const char *name)
{
	return !strcasecmp(name, "host") || !strcasecmp(name, ":authority");
}

static void check_header_name(struct check *c, const struct where *w, const char *name, bool authority_ok)
{
	if (!*name)
		wrong(c, w, D_HEADER_INVALID, "header name cannot be empty");
	else if (name[strcspn(name, "\r\n")])
		wrong(c, w, D_HEADER_INVALID, "a header's name has no line breaks");
	else if ((*name == ':' || !strcasecmp(name, "host")) && !(authority_ok && is_authority(name)))
		wrong(c, w, D_HEADER_INVALID, "header \"%s\" cannot be modified", name);
}

/* REQ_WITHOUT_QUERY is known to access logs only: there its extension can be named. */
static void check_header_format(struct check *c, const struct where *w, const char *value)
{
	const char *why = wrong_format(value, true);

	if (!why)
		return;
	if (!strncmp(why, "%REQ_WITHOUT_QUERY(", 19))
		wrong(c, w, D_HEADER_INVALID,
		      "header value \"%.200s\": Envoy refuses REQ_WITHOUT_QUERY in routes; %%PATH(NQ:PATH)%% is the path without query", value);
	else
		wrong(c, w, D_HEADER_INVALID,
		      "header value \"%.200s\": \"%.100s\" begins no command; write %%%% for a percent sign", value, why);
}

static void check_header_map(struct check *c, const struct where *w, const struct strmap *m, bool authority_ok)
{
	for (size_t i = 0; i < m->n; i++) {
		check_header_name(c, AT(w, m->v[i].key), m->v[i].key, authority_ok);
		if (m->v[i].value[strcspn(m->v[i].value, "\r\n")])
			wrong(c, AT(w, m->v[i].key), D_HEADER_INVALID, "a header's value has no line breaks");
		check_header_format(c, AT(w, m->v[i].key), m->v[i].value);
	}
}

static void check_header_ops(struct check *c, const struct where *w, const struct header_ops *h, bool authority_ok)
{
	if (!h)
		return;
	check_header_map(c, AT(w, "set"), &h->set, authority_ok);
	check_header_map(c, AT(w, "add"), &h->add, authority_ok);
	for (size_t i = 0; i < h->remove.n; i++)
		check_header_name(c, ELEM(AT(w, "remove"), i), h->remove.v[i], false);
}

static void check_headers(struct check *c, const struct where *w, const struct headers *h)
{
	if (!h)
		return;
	check_header_ops(c, AT(w, "request"), h->request, true);
	check_header_ops(c, AT(w, "response"), h->response, false);
}

/* ---- matches ---- */

static void check_gateway_names(struct check *c, const struct where *w, const struct strs *names)
{
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->v[i], *slash = strchr(name, '/');
		const char *why;

		if (slash && (!is_label(name, (size_t)(slash - name)) || strchr(slash + 1, '/') || wrong_fqdn(slash + 1)))
			wrong(c, ELEM(w, i), D_GATEWAY_NAME_INVALID, "\"%s\" is no gateway: expected name or namespace/name", name);
		else if (!slash && (why = wrong_fqdn(name)))
			wrong(c, ELEM(w, i), D_GATEWAY_NAME_INVALID, "gateway \"%s\": %s", name, why);
	}
}

enum { PREFIX_MAY_BE_EMPTY = 1, STAR_IS_PRESENT = 2 };

/* A prefix says something, except of a path; the expression "*" of a header means that it is there. */
static void check_string(struct check *c, const struct where *w, const struct string_match *m, unsigned flags)
{
	if (!m)
		return;
	if (m->regex && !*m->regex)
		wrong(c, w, D_MATCH_INVALID, "\"%s\": regex string match should not be empty", w->key);
	else if (m->regex && !((flags & STAR_IS_PRESENT) && !strcmp(m->regex, "*")))
		check_regex(c, AT(w, "regex"), m->regex);
	if (m->prefix && !*m->prefix && !(flags & PREFIX_MAY_BE_EMPTY))
		wrong(c, w, D_MATCH_INVALID, "\"%s\": prefix string match should not be empty", w->key);
}

/* "@request.auth.claims.a.b" or "@request.auth.claims[a][b]". */
static bool is_claim(const char *key)
{
	static const char prefix[] = "@request.auth.claims";
	size_t n = sizeof(prefix) - 1;

	return !strncasecmp(key, prefix, n) && (key[n] == '.' || key[n] == '[') && key[n + 1];
}

static void check_match_headers(struct vs_check *v, const struct where *w, const struct string_match *m,
				const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!*keys[i])
			wrong(v->c, w, D_HEADER_INVALID, "header name cannot be empty");
		else if (keys[i][strcspn(keys[i], "\r\n")])
			wrong(v->c, AT(w, keys[i]), D_HEADER_INVALID, "a header's name has no line breaks");
		else if (is_claim(keys[i]) && !v->at_gateway)
			wrong(v->c, AT(w, keys[i]), D_MATCH_INVALID,
			      "JWT claim based routing (key: %s) is only supported for gateways", keys[i]);
		else if (*keys[i] == '@' && !is_claim(keys[i]))
			wrong(v->c, AT(w, keys[i]), D_HEADER_INVALID, "header name %s must be of the form @request.auth.claims.NAME", keys[i]);
		check_string(v->c, AT(w, keys[i]), &m[i], STAR_IS_PRESENT);
	}
}

static void check_http_match(struct vs_check *v, const struct where *w, const struct http_match *m)
{
	check_string(v->c, AT(w, "uri"), m->uri, PREFIX_MAY_BE_EMPTY);
	if (m->ignore_uri_case && m->uri && m->uri->regex)
		wrong(v->c, AT(w, "ignoreUriCase"), D_SETTING_IGNORED,
		      "ignoreUriCase does not apply to a regex; begin the expression with (?i)");
	check_string(v->c, AT(w, "scheme"), m->scheme, 0);
	check_string(v->c, AT(w, "method"), m->method, 0);
	check_string(v->c, AT(w, "authority"), m->authority, 0);
	check_match_headers(v, AT(w, "headers"), m->headers, m->headers_keys, m->n_headers);
	check_match_headers(v, AT(w, "withoutHeaders"), m->without_headers, m->without_headers_keys, m->n_without_headers);
	for (size_t i = 0; i < m->n_query_params; i++) {
		if (!*m->query_params_keys[i])
			wrong(v->c, AT(w, "queryParams"), D_MATCH_INVALID, "the name of a query parameter cannot be empty");
		check_string(v->c, AT(AT(w, "queryParams"), m->query_params_keys[i]), &m->query_params[i], STAR_IS_PRESENT);
	}
	if (m->port)
		check_port(v->c, AT(w, "port"), m->port);
	check_labels(v->c, AT(w, "sourceLabels"), &m->source_labels);
	check_gateway_names(v->c, AT(w, "gateways"), &m->gateways);
}

/* ---- actions ---- */

/* Becomes a header's value. */
static void check_line(struct check *c, const struct where *w, const char *s)
{
	if (s && s[strcspn(s, "\r\n")])
		wrong(c, w, D_REWRITE_INVALID, "%s has no line breaks", w->key);
}

/* Istio takes every 3xx; Envoy sends five of them. */
static void check_redirect_code(struct check *c, const struct where *w, uint32_t code)
{
	if (!code)
		return;
	if (code < 300 || code > 399)
		wrong(c, w, D_REWRITE_INVALID, "%u is not a valid redirect code, must be 3xx", code);
	else if (!(code >= 301 && code <= 303) && code != 307 && code != 308)
		wrong(c, w, D_FIELD_NOT_IN_EFFECT,
		      "Envoy redirects with 301, 302, 303, 307 or 308; with %u the route is left out", code);
}

static void check_redirect(struct check *c, const struct where *w, const struct http_route *r)
{
	const struct http_redirect *d = r->redirect;

	if (!d)
		return;
	if (!given(d->uri) && !given(d->authority) && !d->port.has && !given(d->scheme) && !given(d->prefix_rewrite) &&
	    !d->derive_port)
		wrong(c, w, D_REWRITE_INVALID, "redirect must specify URI, prefixRewrite, authority, scheme, or port");
	check_line(c, AT(w, "uri"), d->uri);
	check_line(c, AT(w, "authority"), d->authority);
	check_line(c, AT(w, "prefixRewrite"), d->prefix_rewrite);
	if (given(d->uri) && given(d->prefix_rewrite))
		wrong(c, w, D_REWRITE_INVALID, "redirect may only contain one of uri and prefixRewrite");
	if (given(d->prefix_rewrite)) {
		for (size_t i = 0; i < r->n_match; i++) {
			if (r->match[i].uri && !r->match[i].uri->prefix)
				wrong(c, AT(w, "prefixRewrite"), D_REWRITE_INVALID,
				      "redirect prefixRewrite requires all URI matches to use prefix match type");
		}
	}
	if (d->port.has)
		check_port(c, AT(w, "port"), d->port.v);
	if (given(d->scheme) && strcmp(d->scheme, "http") != 0 && strcmp(d->scheme, "https") != 0)
		wrong(c, AT(w, "scheme"), D_REWRITE_INVALID, "invalid redirect scheme, must be \"http\" or \"https\"");
	check_redirect_code(c, AT(w, "redirectCode"), d->redirect_code);
}

static void check_status(struct check *c, const struct where *w, int64_t status)
{
	/* Istio takes 600, Envoy does not: the proxy answers 599 then */
	if (status == 600)
		wrong(c, w, D_SETTING_HEAVY, "HTTP status 600 is sent as 599, the last one that Envoy knows");
	else if (status < 200 || status > 600)
		wrong(c, w, D_FAULT_INVALID, "HTTP status %lld is not in range 200-599", (long long)status);
}

static void check_direct_response(struct check *c, const struct where *w, const struct direct_response *d)
{
	size_t size;

	if (!d)
		return;
	size = d->body ? d->body->string ? strlen(d->body->string) : d->body->n_bytes : 0;
	check_status(c, AT(w, "status"), d->status);
	if (size > BODY_MAX)
		wrong(c, AT(w, "body"), D_FAULT_INVALID, "direct response body of %zu bytes; %d are allowed", size, BODY_MAX);
	else if (size > BODY_HEAVY)
		wrong(c, AT(w, "body"), D_SETTING_HEAVY, "large direct responses may impact control plane performance");
}

static void check_rewrite(struct check *c, const struct where *w, const struct http_route *r)
{
	const struct http_rewrite *d = r->rewrite;
	const struct header_ops *h = r->headers ? r->headers->request : NULL;
	bool authority;

	if (!d)
		return;
	authority = given(d->authority);
	if (!authority && !given(d->uri) && !d->uri_regex_rewrite)
		wrong(c, w, D_REWRITE_INVALID, "rewrite must specify at least one of URI, UriRegexRewrite, or authority");
	check_line(c, AT(w, "uri"), d->uri);
	check_line(c, AT(w, "authority"), d->authority);
	if (given(d->uri) && d->uri_regex_rewrite)
		wrong(c, w, D_REWRITE_INVALID, "rewrite may only contain one of URI or UriRegexRewrite");
	if (d->uri_regex_rewrite) {
		const struct regex_rewrite *x = d->uri_regex_rewrite;

		if (!given(x->match) || !given(x->rewrite))
			wrong(c, AT(w, "uriRegexRewrite"), D_REWRITE_INVALID, "UriRegexRewrite requires match and rewrite");
		else
			check_regex(c, AT(AT(w, "uriRegexRewrite"), "match"), x->match);
		check_line(c, AT(AT(w, "uriRegexRewrite"), "rewrite"), x->rewrite);
	}
	for (size_t i = 0; authority && h && i < h->set.n; i++) {
		if (is_authority(h->set.v[i].key))
			wrong(c, AT(w, "authority"), D_REWRITE_INVALID, "authority is rewritten and set as a header too");
	}
	for (size_t i = 0; authority && h && i < h->add.n; i++) {
		if (is_authority(h->add.v[i].key))
			wrong(c, AT(w, "authority"), D_REWRITE_INVALID, "authority is rewritten and added as a header too");
	}
}

/* One condition of retryOn: Envoy's and gRPC's names, or a status code. */
static bool is_retry_condition(const char *s, size_t n)
{
	static const char *const names[] = {
		"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx",
		"refused-stream", "retriable-status-codes", "retriable-headers", "envoy-ratelimited",
		"http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted",
		"unavailable",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strlen(names[i]) == n && !memcmp(names[i], s, n))
			return true;
	}
	return n == 3 && s[0] >= '1' && s[0] <= '5' && strspn(s, "0123456789") >= 3;
}

static void check_retries(struct check *c, const struct where *w, const struct http_retry *r)
{
	const char *p = r ? r->retry_on : NULL;

	if (!r)
		return;
	if (r->attempts < 0)
		wrong(c, AT(w, "attempts"), D_RETRY_INVALID, "attempts cannot be negative");
	if (!r->attempts && (r->per_try_timeout.has || (p && *p) || r->retry_remote_localities.has))
		wrong(c, w, D_RETRY_INVALID, "http retry policy configured when attempts are set to 0 (disabled)");
	check_duration(c, AT(w, "perTryTimeout"), &r->per_try_timeout);
	check_duration(c, AT(w, "backoff"), &r->backoff);
	while (p && *p) {
		size_t n;

		p += strspn(p, " ");
		n = strcspn(p, ",");
		while (n && p[n - 1] == ' ')
			n--;
		if (!is_retry_condition(p, n))
			wrong(c, AT(w, "retryOn"), D_RETRY_INVALID, "\"%.*s\" is not a valid retryOn policy", (int)n, p);
		p += strcspn(p, ",");
		p += *p == ',';
	}
}

static void check_abort(struct check *c, const struct where *w, const struct fault_abort *a)
{
	uint32_t code;

	if (!a)
		return;
	check_share(c, AT(w, "percentage"), a->percentage, D_FAULT_INVALID);
	if (a->http2_error)
		wrong(c, AT(w, "http2Error"), D_FAULT_INVALID, "HTTP/2 abort fault injection not supported yet");
	else if (a->grpc_status && scalar_grpc_status(a->grpc_status, &code))
		wrong(c, AT(w, "grpcStatus"), D_FAULT_INVALID, "gRPC status \"%s\" is not supported; statuses are written as NOT_FOUND",
		      a->grpc_status);
	else if (!a->grpc_status && a->http_status)
		check_status(c, AT(w, "httpStatus"), a->http_status);
}

static void check_fault(struct check *c, const struct where *w, const struct http_fault *f)
{
	const struct fault_delay *d = f ? f->delay : NULL;

	if (!f)
		return;
	if (!f->delay && !f->abort)
		wrong(c, w, D_FAULT_INVALID, "HTTP fault injection must have an abort and/or a delay");
	check_abort(c, AT(w, "abort"), f->abort);
	if (!d)
		return;
	check_percent(c, AT(AT(w, "delay"), "percent"), d->percent, D_FAULT_INVALID);
	check_share(c, AT(AT(w, "delay"), "percentage"), d->percentage, D_FAULT_INVALID);
	check_duration(c, AT(AT(w, "delay"), "fixedDelay"), &d->fixed_delay);
	if (d->exponential_delay.has)
		wrong(c, AT(AT(w, "delay"), "exponentialDelay"), D_FAULT_INVALID, "exponentialDelay not supported yet");
}

static void check_cors(struct check *c, const struct where *w, const struct cors_policy *p)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"};

	if (!p)
		return;
	for (size_t i = 0; i < p->n_allow_origins; i++) {
		const struct string_match *m = &p->allow_origins[i];
		const char *text = m->exact ? m->exact : m->prefix ? m->prefix : m->regex;

		if (!text || !*text)
			wrong(c, ELEM(AT(w, "allowOrigins"), i), D_CORS_INVALID, "an origin needs exact, prefix or regex");
		else if (m->regex)
			check_regex(c, ELEM(AT(w, "allowOrigins"), i), m->regex);
	}
	for (size_t i = 0; i < p->allow_methods.n; i++) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_LEN(methods); k++)
			known = known || !strcmp(methods[k], p->allow_methods.v[i]);
		if (!known)
			wrong(c, ELEM(AT(w, "allowMethods"), i), D_CORS_INVALID, "\"%s\" is not a supported HTTP method", p->allow_methods.v[i]);
	}
	for (size_t i = 0; i < p->allow_headers.n; i++) {
		if (!*p->allow_headers.v[i])
			wrong(c, ELEM(AT(w, "allowHeaders"), i), D_CORS_INVALID, "header name cannot be empty");
	}
	for (size_t i = 0; i < p->expose_headers.n; i++) {
		if (!*p->expose_headers.v[i])
			wrong(c, ELEM(AT(w, "exposeHeaders"), i), D_CORS_INVALID, "header name cannot be empty");
	}
	check_duration(c, AT(w, "maxAge"), &p->max_age);
	if (p->max_age.has && p->max_age.ns % NS_OF_S)
		wrong(c, AT(w, "maxAge"), D_CORS_INVALID, "maxAge is accurate only to seconds precision");
}

/* ---- routes ---- */

static void check_weights(struct check *c, const struct where *w, size_t n, int64_t sum)
{
	if (n > 1 && !sum)
		wrong(c, w, D_WEIGHT_INVALID, "total destination weight = 0");
}

static void check_weight(struct check *c, const struct where *w, int32_t weight, int64_t *sum)
{
	if (weight < 0)
		wrong(c, w, D_WEIGHT_INVALID, "weight %d < 0", weight);
	*sum += weight;
}

static void check_destinations(struct check *c, const struct where *w, const struct route_destination *d, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		check_destination(c, AT(ELEM(w, i), "destination"), d[i].destination);
		check_weight(c, AT(ELEM(w, i), "weight"), d[i].weight, &sum);
	}
	check_weights(c, w, n, sum);
}

static void check_http_destinations(struct check *c, const struct where *w, const struct http_route *r)
{
	int64_t sum = 0;

	for (size_t i = 0; i < r->n_route; i++) {
		check_destination(c, AT(ELEM(w, i), "destination"), r->route[i].destination);
		check_weight(c, AT(ELEM(w, i), "weight"), r->route[i].weight, &sum);
		check_headers(c, AT(ELEM(w, i), "headers"), r->route[i].headers);
	}
	check_weights(c, w, r->n_route, sum);
}

static void check_mirrors(struct check *c, const struct where *w, const struct http_route *r)
{
	if (r->mirror && r->n_mirrors)
		wrong(c, w, D_ROUTE_ACTION, "HTTP route cannot contain both mirror and mirrors");
	check_destination(c, AT(w, "mirror"), r->mirror);
	if (r->mirror_percent.has && r->mirror_percent.v > 100)
		wrong(c, AT(w, "mirrorPercent"), D_FAULT_INVALID, "mirror_percent must have a max value of 100 (it has %u)",
		      r->mirror_percent.v);
	if (r->mirror_percentage)
		check_percent(c, AT(w, "mirrorPercentage"), r->mirror_percentage->value, D_FAULT_INVALID);
	for (size_t i = 0; i < r->n_mirrors; i++) {
		const struct where *m = ELEM(AT(w, "mirrors"), i);

		check_destination(c, AT(m, "destination"), r->mirrors[i].destination);
		if (r->mirrors[i].percentage)
			check_percent(c, AT(m, "percentage"), r->mirrors[i].percentage->value, D_FAULT_INVALID);
	}
}

/* A root hands everything over but the match. */
static void check_root_action(struct check *c, const struct where *w, const struct http_route *r)
{
	if (r->n_route || r->redirect || r->direct_response)
		wrong(c, w, D_DELEGATE_INVALID, "a route that delegates must not specify route, redirect or directResponse");
	if (r->delegate->name && wrong_fqdn(r->delegate->name))
		wrong(c, AT(w, "delegate"), D_DELEGATE_INVALID, "\"%s\" is no name of a VirtualService", r->delegate->name);
	if (!given(r->delegate->name))
		wrong(c, AT(w, "delegate"), D_DELEGATE_INVALID, "delegate must have a name");
}

static void check_action(struct check *c, const struct where *w, const struct http_route *r, enum route_role role)
{
	if (role == ROUTE_DELEGATE && r->delegate)
		wrong(c, AT(w, "delegate"), D_DELEGATE_INVALID, "delegate HTTP route cannot contain delegate");
	if (role == ROUTE_ROOT) {
		check_root_action(c, w, r);
		return;
	}
	if (r->redirect) {
		if (r->n_route)
			wrong(c, w, D_ROUTE_ACTION, "HTTP route cannot contain both route and redirect");
		if (r->direct_response)
			wrong(c, w, D_ROUTE_ACTION, "HTTP route cannot contain both redirect and directResponse");
		if (r->fault)
			wrong(c, w, D_ROUTE_ACTION, "HTTP route cannot contain both fault and redirect");
		if (r->rewrite)
			wrong(c, w, D_ROUTE_ACTION, "HTTP route rule cannot contain both rewrite and redirect");
	} else if (r->direct_response) {
		if (r->n_route)
			wrong(c, w, D_ROUTE_ACTION, "HTTP route cannot contain both route and directResponse");
		if (r->rewrite)
			wrong(c, w, D_ROUTE_ACTION, "HTTP route rule cannot contain both rewrite and directResponse");
	} else if (!r->n_route) {
		wrong(c, w, D_ROUTE_ACTION, "HTTP route, redirect or directResponse is required");
	}
}

static void check_http_route(struct vs_check *v, const struct where *w, const struct http_route *r)
{
	enum route_role role = v->is_delegate ? ROUTE_DELEGATE : r->delegate ? ROUTE_ROOT : ROUTE_OWN;
	struct check *c = v->c;

	check_action(c, w, r, role);
	for (size_t i = 0; i < r->n_match; i++)
		check_http_match(v, ELEM(AT(w, "match"), i), &r->match[i]);
	check_headers(c, AT(w, "headers"), r->headers);
	check_cors(c, AT(w, "corsPolicy"), r->cors_policy);
	check_fault(c, AT(w, "fault"), r->fault);
	check_mirrors(c, w, r);
	check_redirect(c, AT(w, "redirect"), r);
	check_direct_response(c, AT(w, "directResponse"), r->direct_response);
	check_retries(c, AT(w, "retries"), r->retries);
	check_rewrite(c, AT(w, "rewrite"), r);
	check_http_destinations(c, AT(w, "route"), r);
	check_duration(c, AT(w, "timeout"), &r->timeout);
}

static void check_subnets(struct check *c, const struct where *w, const struct strs *subnets)
{
	for (size_t i = 0; i < subnets->n; i++) {
		if (!is_ip_or_cidr(subnets->v[i]))
			wrong(c, ELEM(w, i), D_MATCH_INVALID, "%s is not a valid CIDR block", subnets->v[i]);
	}
}

/* A name that clients can send only if the VirtualService is for it. */
static void check_sni(struct vs_check *v, const struct where *w, const char *sni)
{
	const char *why = wrong_wildcard_host(sni);

	if (why && !scalar_is_ip(sni)) {
		wrong(v->c, w, D_HOST_INVALID, "SNI domain \"%s\" is invalid: %s", sni, why);
		return;
	}
	if (*sni == '*' && sni[1] && sni[1] != '.') {
		wrong(v->c, w, D_MATCH_INVALID, "SNI host \"%s\": a partial wildcard is not allowed", sni);
		return;
	}
	for (size_t i = 0; i < v->vs->hosts.n; i++) {
		if (host_subset_of(sni, v->vs->hosts.v[i]))
			return;
	}
	wrong(v->c, w, D_MATCH_INVALID, "SNI host \"%s\" is not a compatible subset of any of the virtual service hosts", sni);
}

static void check_tls_route(struct vs_check *v, const struct where *w, const struct tls_route *r)
{
	for (size_t i = 0; i < r->n_match; i++) {
		const struct where *m = ELEM(AT(w, "match"), i);
		const struct tls_match *t = &r->match[i];

		for (size_t k = 0; k < t->sni_hosts.n; k++)
			check_sni(v, ELEM(AT(m, "sniHosts"), k), t->sni_hosts.v[k]);
		check_subnets(v->c, AT(m, "destinationSubnets"), &t->destination_subnets);
		if (t->port)
			check_port(v->c, AT(m, "port"), t->port);
		check_labels(v->c, AT(m, "sourceLabels"), &t->source_labels);
		check_gateway_names(v->c, AT(m, "gateways"), &t->gateways);
	}
	if (!r->n_route)
		wrong(v->c, w, D_ROUTE_ACTION, "TLS route is required");
	check_destinations(v->c, AT(w, "route"), r->route, r->n_route);
}

static void check_tcp_route(struct vs_check *v, const struct where *w, const struct tcp_route *r)
{
	for (size_t i = 0; i < r->n_match; i++) {
		const struct where *m = ELEM(AT(w, "match"), i);
		const struct l4_match *t = &r->match[i];

		check_subnets(v->c, AT(m, "destinationSubnets"), &t->destination_subnets);
		if (t->port)
			check_port(v->c, AT(m, "port"), t->port);
		check_labels(v->c, AT(m, "sourceLabels"), &t->source_labels);
		check_gateway_names(v->c, AT(m, "gateways"), &t->gateways);
	}
	if (!r->n_route)
		wrong(v->c, w, D_ROUTE_ACTION, "TCP route is required");
	check_destinations(v->c, AT(w, "route"), r->route, r->n_route);
}

/* ---- the object ---- */

static bool check_hosts(struct vs_check *v)
{
	const struct strs *hosts = &v->vs->hosts;
	const struct where *w = AT(SPEC, "hosts");
	size_t errors = v->c->ds->nerrors;

	for (size_t i = 0; i < hosts->n; i++) {
		if (!strcmp(hosts->v[i], "*") && v->in_mesh)
			wrong(v->c, ELEM(w, i), D_HOST_INVALID,
			      "wildcard host * is not allowed for virtual services bound to the mesh gateway");
		else if (!scalar_is_ip(hosts->v[i]))
			check_host(v->c, ELEM(w, i), hosts->v[i]);
	}
	return v->c->ds->nerrors == errors;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Equal hosts are found by sorting; only wildcards are held against all others. */
static void check_overlap(struct vs_check *v)
{
	const struct strs *hosts = &v->vs->hosts;
	struct arena *a = v->c->ds->arena;
	const char **sorted = arena_array(a, const char *, hosts->n);

	for (size_t i = 0; i < hosts->n; i++)
		sorted[i] = hosts->v[i];
	qsort(sorted, hosts->n, sizeof(*sorted), compare_texts);
	for (size_t i = 1; i < hosts->n; i++) {
		if (!strcmp(sorted[i], sorted[i - 1]))
			wrong(v->c, AT(SPEC, "hosts"), D_HOST_OVERLAP, "duplicate hosts in virtual service: %s & %s", sorted[i], sorted[i]);
	}
	for (size_t i = 0; i < hosts->n; i++) {
		if (!host_is_wildcard(hosts->v[i]))
			continue;
		for (size_t k = 0; k < hosts->n; k++) {
			/* of two wildcards the first one reports */
			if (k == i || (k < i && host_is_wildcard(hosts->v[k])) || !strcmp(hosts->v[i], hosts->v[k]))
				continue;
			if (host_matches(hosts->v[i], hosts->v[k])) {
				wrong(v->c, ELEM(AT(SPEC, "hosts"), k), D_HOST_OVERLAP,
				      "duplicate hosts in virtual service: %s & %s", hosts->v[i], hosts->v[k]);
				break;
			}
		}
	}
}

static void check_gateways(struct vs_check *v)
{
	const struct strs *gateways = &v->vs->gateways;

	v->in_mesh = !gateways->n || strs_has(gateways, "mesh");
	v->at_gateway = gateways->n > strs_has(gateways, "mesh");
	check_gateway_names(v->c, AT(SPEC, "gateways"), gateways);
	if (v->is_delegate && gateways->n)
		wrong(v->c, AT(SPEC, "gateways"), D_DELEGATE_INVALID,
		      "a VirtualService without hosts is a delegate, and a delegate has no gateways");
}

void check_virtual_service(struct check *c, const void *spec)
{
	struct vs_check v = {.c = c, .vs = spec};
	const struct virtual_service *vs = spec;

	v.is_delegate = !vs->hosts.n;
	check_gateways(&v);
	/* a delegate takes the gateways of its root, which is not in sight */
	v.at_gateway = v.at_gateway || v.is_delegate;
	if (check_hosts(&v))
		check_overlap(&v);
	if (v.is_delegate && (vs->n_tls || vs->n_tcp))
		wrong(c, SPEC, D_DELEGATE_INVALID, "a VirtualService without hosts is a delegate, and a delegate has http routes only");
	if (!vs->n_http && !vs->n_tls && !vs->n_tcp)
		wrong(c, SPEC, D_ROUTE_NONE, "http, tcp or tls must be provided in virtual service");
	for (size_t i = 0; i < vs->n_http; i++)
		check_http_route(&v, ELEM(AT(SPEC, "http"), i), &vs->http[i]);
	for (size_t i = 0; i < vs->n_tls; i++)
		check_tls_route(&v, ELEM(AT(SPEC, "tls"), i), &vs->tls[i]);
	for (size_t i = 0; i < vs->n_tcp; i++)
		check_tcp_route(&v, ELEM(AT(SPEC, "tcp"), i), &vs->tcp[i]);
	check_export_to(c, &vs->export_to, 0);
}
