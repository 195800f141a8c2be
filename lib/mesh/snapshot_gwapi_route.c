/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of an HTTPRoute or GRPCRoute as routes of a VirtualService, one for each match, so that
 * the one planner of routes serves both (istio-behaviour.md 1.14).
 */
#include "mesh/snapshot_gwapi_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/scalar.h"

enum { DEFAULT_REDIRECT = 302, DEFAULT_MAX_AGE_S = 5, DEFAULT_ATTEMPTS = 2, DEFAULT_DENOMINATOR = 100, SECOND = 1000000000 };

/* ---- texts ---- */

const char *gwapi_lower(const char *text, struct arena *a)
{
	char *out = arena_strdup(a, text);

	for (char *p = out; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return out;
}

/* Each ch of text twice: values of the Gateway API hold no commands of Envoy or RE2. */
static const char *twice(const char *text, char ch, struct arena *a)
{
	char *out, *p;

	if (!strchr(text, ch))
		return text;
	p = out = arena_alloc(a, 2 * strlen(text) + 1);
	for (; *text; text++) {
		if (*text == ch)
			*p++ = ch;
		*p++ = *text;
	}
	return out;
}

static const struct string_match *exactly(const char *text, struct arena *a)
{
	struct string_match *m = arena_new(a, struct string_match);

	m->exact = text;
	return m;
}

/* ---- filters ---- */

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

/* Of names that differ in case only the first counts. */
static struct strmap header_map(const struct gwapi_header *v, size_t n, struct arena *a)
{
	struct str_pair *out = arena_array(a, struct str_pair, n);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const char *key = gwapi_lower(v[i].name, a);
		size_t k = 0;

		while (k < kept && strcmp(out[k].key, key) != 0)
			k++;
		if (k == kept)
			out[kept++] = (struct str_pair){key, twice(v[i].value, '%', a)};
	}
	if (kept)
		qsort(out, kept, sizeof(out[0]), compare_pairs);
	return (struct strmap){.v = out, .n = kept};
}

static const struct header_ops *header_ops_of(const struct gwapi_header_modifier *m, struct arena *a)
{
	struct header_ops *ops = arena_new(a, struct header_ops);

	ops->set = header_map(m->set, m->n_set, a);
	ops->add = header_map(m->add, m->n_add, a);
	ops->remove = m->remove;
	return ops;
}

static const struct headers *headers_of(const struct gwapi_filter *v, size_t n, struct arena *a)
{
	struct headers *h = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!v[i].request_headers && !v[i].response_headers)
			continue;
		h = h ? h : arena_new(a, struct headers);
		if (v[i].request_headers)
			h->request = header_ops_of(v[i].request_headers, a);
		else
			h->response = header_ops_of(v[i].response_headers, a);
	}
	return h;
}

static const struct http_redirect *redirect_of(const struct gwapi_redirect *in, struct arena *a)
{
	struct http_redirect *out = arena_new(a, struct http_redirect);

	out->redirect_code = in->status_code.has ? in->status_code.v : DEFAULT_REDIRECT;
	out->authority = in->hostname;
	out->scheme = enum_name(&enum_desc_gwapi_scheme, (int)in->scheme);
	out->port = in->port;
	/* without a port the request's stays, unless the scheme changes */
	if (!in->port.has && !in->scheme)
		out->derive_port = REDIRECT_PORT_FROM_REQUEST_PORT;
	if (in->path)
		*(in->path->type == GWAPI_PATH_ReplaceFullPath ? &out->uri : &out->prefix_rewrite) =
		    in->path->type == GWAPI_PATH_ReplaceFullPath ? in->path->full : in->path->prefix;
	return out;
}

static const struct http_rewrite *rewrite_of(const struct gwapi_rewrite *in, struct arena *a)
{
	struct http_rewrite *out = arena_new(a, struct http_rewrite);
	struct regex_rewrite *whole;

	out->authority = in->hostname;
	if (in->path && in->path->type == GWAPI_PATH_ReplaceFullPath) {
		whole = arena_new(a, struct regex_rewrite);
		whole->match = "/.*";
		whole->rewrite = twice(in->path->full, '\\', a);
		out->uri_regex_rewrite = whole;
	} else if (in->path) {
		size_t n = strlen(in->path->prefix);

		n -= n && in->path->prefix[n - 1] == '/';
		out->uri = n ? arena_strndup(a, in->path->prefix, n) : "/";
	}
	return out;
}

static struct string_match origin_of(const char *origin, struct arena *a)
{
	char *out, *p;

	if (!strchr(origin, '*'))
		return (struct string_match){.exact = origin};
	if (strcmp(origin, "*") == 0)
		return (struct string_match){.regex = ".*"};
	/* the wildcard stands for any number of labels */
	p = out = arena_alloc(a, 2 * strlen(origin) + 1);
	for (; *origin; origin++) {
		if (*origin == '*')
			*p++ = '.';
		else if (*origin == '.')
			*p++ = '\\';
		*p++ = *origin == '*' ? '+' : *origin;
	}
	return (struct string_match){.regex = out};
}

static const struct cors_policy *cors_of(const struct gwapi_cors *in, struct arena *a)
{
	struct cors_policy *out = arena_new(a, struct cors_policy);
	struct string_match *origins = arena_array(a, struct string_match, in->allow_origins.n);

	for (size_t i = 0; i < in->allow_origins.n; i++)
		origins[i] = origin_of(in->allow_origins.v[i], a);
	out->allow_origins = origins;
	out->n_allow_origins = in->allow_origins.n;
	out->allow_methods = in->allow_methods;
	out->allow_headers = in->allow_headers;
	out->expose_headers = in->expose_headers;
	out->max_age = (struct opt_duration){true, (int64_t)(in->max_age.has ? in->max_age.v : DEFAULT_MAX_AGE_S) * SECOND};
	out->allow_credentials = (struct opt_bool){in->allow_credentials, in->allow_credentials};
	return out;
}

static const struct percent *share_of(const struct gwapi_mirror *m, struct arena *a)
{
	struct percent *p = arena_new(a, struct percent);

	if (m->fraction)
		p->value = 100.0 * m->fraction->numerator.v /
			   (m->fraction->denominator.has ? m->fraction->denominator.v : DEFAULT_DENOMINATOR);
	else if (m->percent.has)
		p->value = m->percent.v;
	else
		return NULL;
	return p;
}

static void add_mirror(const struct gwapi_conversion *c, const struct gwapi_mirror *m, struct http_mirror *out, size_t *n)
{
	const struct gwapi_backend *b = m->backend;
	const struct destination *d = gwapi_destination(c, b->group, b->kind, b->name, b->ns, b->port);

	if (d)
		out[(*n)++] = (struct http_mirror){.destination = d, .percentage = share_of(m, c->arena)};
}

static void set_filters(const struct gwapi_conversion *c, const struct gwapi_filter *v, size_t n, struct http_route *out)
{
	struct http_mirror *mirrors = arena_array(c->arena, struct http_mirror, n);

	out->headers = headers_of(v, n, c->arena);
	out->mirrors = mirrors;
	for (size_t i = 0; i < n; i++) {
		if (v[i].redirect)
			out->redirect = redirect_of(v[i].redirect, c->arena);
		else if (v[i].rewrite)
			out->rewrite = rewrite_of(v[i].rewrite, c->arena);
		else if (v[i].cors)
			out->cors_policy = cors_of(v[i].cors, c->arena);
		else if (v[i].mirror)
			add_mirror(c, v[i].mirror, mirrors, &out->n_mirrors);
	}
}

/* ---- rules ---- */

static void set_backends(const struct gwapi_conversion *c, const struct gwapi_http_backend *v, size_t n,
			 struct http_route *out)
{
	struct http_destination *route = arena_array(c->arena, struct http_destination, n);
	struct direct_response *fail;

	for (size_t i = 0; i < n; i++) {
		const struct destination *d = gwapi_destination(c, v[i].group, v[i].kind, v[i].name, v[i].ns, v[i].port);
		int32_t weight = v[i].weight.has ? (int32_t)v[i].weight.v : 1;

		if (!weight)
			continue;
		route[out->n_route++] = (struct http_destination){.destination = d,
								  .weight = weight,
								  .headers = headers_of(v[i].filters, v[i].n_filters, c->arena)};
	}
	out->route = route;
	if (out->n_route || out->redirect)
		return;
	fail = arena_new(c->arena, struct direct_response);
	fail->status = 500;
	out->direct_response = fail;
}

/* Absent, and zero, is none. */
static struct opt_duration duration_of(const char *text)
{
	struct opt_duration d = {0};

	d.has = text && !scalar_duration_ns(text, &d.ns) && d.ns;
	return d;
}

static const char *retry_on_of(const struct gwapi_retry *in, struct arena *a)
{
	const char *out = "connect-failure,refused-stream,unavailable,cancelled";

	for (size_t i = 0; i < in->codes.n; i++)
		out = arena_printf(a, "%s,%u", out, in->codes.v[i]);
	return out;
}

static void set_times(const struct gwapi_http_rule *rule, struct http_route *out, struct arena *a)
{
	struct opt_duration attempt = {0};
	struct http_retry *retry = NULL;

	if (rule->timeouts) {
		out->timeout = duration_of(rule->timeouts->request);
		attempt = duration_of(rule->timeouts->backend_request);
	}
	if (rule->retry) {
		retry = arena_new(a, struct http_retry);
		retry->attempts = rule->retry->attempts.has ? (int32_t)rule->retry->attempts.v : DEFAULT_ATTEMPTS;
		retry->retry_on = retry_on_of(rule->retry, a);
		retry->backoff = duration_of(rule->retry->backoff);
		retry->per_try_timeout = attempt;
	} else if (attempt.has) {
		out->timeout = attempt;
	}
	out->retries = retry;
}

/* ---- matches ---- */

/* name, value and type of a header or parameter */
struct pair {
	const char *name, *value;
	enum gwapi_match_type type;
};

struct named {
	struct string_match *v;
	const char **keys;
	size_t n;
};

static struct named named_new(size_t n, struct arena *a)
{
	return (struct named){arena_array(a, struct string_match, n), arena_array(a, const char *, n), 0};
}

/* Of names that differ in case only the first counts. */
static void named_add(struct named *out, struct pair p)
{
	for (size_t i = 0; i < out->n; i++)
		if (strcasecmp(out->keys[i], p.name) == 0)
			return;
	out->keys[out->n] = p.name;
	*(p.type == GWAPI_MATCH_RegularExpression ? &out->v[out->n].regex : &out->v[out->n].exact) = p.value;
	out->n++;
}

static void set_headers(struct http_match *m, const struct named *h)
{
	m->headers = h->v;
	m->headers_keys = h->keys;
	m->n_headers = h->n;
}

static const struct string_match *path_of(const struct gwapi_path_match *p, struct arena *a)
{
	struct string_match *m = arena_new(a, struct string_match);
	const char *value = p && p->value ? p->value : "/";
	size_t n = strlen(value);

	if (p && p->type == GWAPI_PATH_TYPE_Exact)
		m->exact = value;
	else if (p && p->type == GWAPI_PATH_TYPE_RegularExpression)
		m->regex = value;
	else
		m->prefix = n > 1 && value[n - 1] == '/' ? arena_strndup(a, value, n - 1) : value;
	return m;
}

static struct http_match http_match_of(const struct gwapi_http_match *in, struct arena *a)
{
	struct http_match out = {.uri = path_of(in->path, a)};
	struct named headers = named_new(in->n_headers, a), query = named_new(in->n_query_params, a);

	for (size_t i = 0; i < in->n_headers; i++)
		named_add(&headers, (struct pair){in->headers[i].name, in->headers[i].value, in->headers[i].type});
	for (size_t i = 0; i < in->n_query_params; i++)
		named_add(&query, (struct pair){in->query_params[i].name, in->query_params[i].value, in->query_params[i].type});
	set_headers(&out, &headers);
	out.query_params = query.v;
	out.query_params_keys = query.keys;
	out.n_query_params = query.n;
	if (in->method)
		out.method = exactly(enum_name(&enum_desc_gwapi_method, (int)in->method), a);
	return out;
}

/* "/service/method", of which one may be missing. */
static const struct string_match *grpc_path(const struct gwapi_grpc_method *in, struct arena *a)
{
	struct string_match *m = arena_new(a, struct string_match);

	if (in->type == GWAPI_MATCH_RegularExpression)
		m->regex = arena_printf(a, "/%s/%s", in->service ? in->service : "[^/]+", in->method ? in->method : ".+");
	else if (!in->service)
		m->regex = arena_printf(a, "/[^/]+/%s", in->method);
	else if (!in->method)
		m->prefix = arena_printf(a, "/%s/", in->service);
	else
		m->exact = arena_printf(a, "/%s/%s", in->service, in->method);
	return m;
}

static struct http_match grpc_match_of(const struct gwapi_grpc_match *in, struct arena *a)
{
	struct http_match out = {.uri = in->method ? grpc_path(in->method, a) : NULL};
	struct named headers = named_new(in->n_headers, a);

	for (size_t i = 0; i < in->n_headers; i++)
		named_add(&headers, (struct pair){in->headers[i].name, in->headers[i].value, in->headers[i].type});
	set_headers(&out, &headers);
	return out;
}

/* ---- the whole ---- */

static void add_route(const struct gwapi_conversion *c, struct http_route r, const struct http_match *match, uint32_t port,
		      struct gwapi_routes *out)
{
	struct gwapi_route *to = vec_push(&out->v, c->arena);
	struct http_match *m;

	if (match || port) {
		m = arena_new(c->arena, struct http_match);
		if (match)
			*m = *match;
		m->port = port;
		r.match = m;
		r.n_match = 1;
	}
	*to = (struct gwapi_route){.r = r, .obj = c->route, .index = out->v.n - 1};
}

static const char *rule_name(const struct gwapi_conversion *c, const char *name, size_t i)
{
	return name ? name : arena_printf(c->arena, "%s.%s.%zu", c->route->ns, c->route->name, i);
}

static void add_http_rule(const struct gwapi_conversion *c, const struct gwapi_http_rule *rule, size_t i, uint32_t port,
			  struct gwapi_routes *out)
{
	struct http_route r = {.name = rule_name(c, rule->name, i)};

	set_filters(c, rule->filters, rule->n_filters, &r);
	set_backends(c, rule->backends, rule->n_backends, &r);
	set_times(rule, &r, c->arena);
	for (size_t k = 0; k < rule->n_matches; k++) {
		struct http_match m = http_match_of(&rule->matches[k], c->arena);

		/* no path is empty, and Envoy takes no such expression */
		if (!m.uri->regex || *m.uri->regex)
			add_route(c, r, &m, port, out);
	}
	if (!rule->n_matches)
		add_route(c, r, NULL, port, out);
}

static void add_grpc_rule(const struct gwapi_conversion *c, const struct gwapi_grpc_rule *rule, size_t i, uint32_t port,
			  struct gwapi_routes *out)
{
	struct http_route r = {.name = rule_name(c, rule->name, i)};

	set_filters(c, rule->filters, rule->n_filters, &r);
	set_backends(c, rule->backends, rule->n_backends, &r);
	for (size_t k = 0; k < rule->n_matches; k++) {
		struct http_match m = grpc_match_of(&rule->matches[k], c->arena);

		add_route(c, r, &m, port, out);
	}
	if (!rule->n_matches)
		add_route(c, r, NULL, port, out);
}

void gwapi_convert(const struct gwapi_conversion *c, uint32_t port, struct gwapi_routes *out)
{
	if (c->route->kind == KIND_GRPC_ROUTE) {
		const struct gwapi_grpc_route *spec = object_spec(c->route, gwapi_grpc_route);

		for (size_t i = 0; i < spec->n_rules; i++)
			add_grpc_rule(c, &spec->rules[i], i, port, out);
	} else {
		const struct gwapi_http_route *spec = object_spec(c->route, gwapi_http_route);

		for (size_t i = 0; i < spec->n_rules; i++)
			add_http_rule(c, &spec->rules[i], i, port, out);
	}
}

/* ---- precedence ---- */

static int path_rank(const struct string_match *uri, size_t *length)
{
	const char *text = uri ? uri->exact ? uri->exact : uri->prefix ? uri->prefix : uri->regex : "";

	*length = strlen(text);
	return !uri ? 0 : uri->exact ? 3 : uri->prefix ? 2 : 1;
}

/* The greater comes first. */
static int greater(size_t a, size_t b)
{
	return (a < b) - (a > b);
}

static int compare_routes(const void *x, const void *y)
{
	const struct gwapi_route *a = x, *b = y;
	const struct http_match *m = a->r.match, *n = b->r.match;
	size_t m_length, n_length;
	int c;

	if (!m || !n)
		return m ? -1 : n ? 1 : a->index < b->index ? -1 : 1;
	c = path_rank(n->uri, &n_length) - path_rank(m->uri, &m_length);
	if (!c)
		c = greater(m_length, n_length);
	if (!c)
		c = greater(m->method != NULL, n->method != NULL);
	if (!c)
		c = greater(m->n_headers, n->n_headers);
	if (!c)
		c = greater(m->n_query_params, n->n_query_params);
	return c ? c : a->index < b->index ? -1 : 1;
}

void gwapi_sort(struct gwapi_routes *routes)
{
	if (routes->v.n)
		qsort(routes->v.v, routes->v.n, sizeof(routes->v.v[0]), compare_routes);
}
