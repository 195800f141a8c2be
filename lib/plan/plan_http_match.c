/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan_http_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char claims_prefix[] = "@request.auth.claims";

/* An empty matcher and the regex "*" (no RE2, but long in use) ask for presence only. */
static bool is_presence(const struct string_match *m)
{
	return !m->exact && !m->prefix && (!m->regex || strcmp(m->regex, "*") == 0);
}

static struct ir_string_match string_match_of(const struct string_match *m)
{
	if (is_presence(m))
		return (struct ir_string_match){.kind = IR_PRESENT};
	if (m->exact)
		return (struct ir_string_match){.kind = IR_EXACT, .text = m->exact};
	if (m->prefix)
		return (struct ir_string_match){.kind = IR_PREFIX, .text = m->prefix};
	return (struct ir_string_match){.kind = IR_REGEX, .text = m->regex};
}

static struct ir_named_match named_match_of(const char *name, const struct string_match *m)
{
	return (struct ir_named_match){.name = name, .match = string_match_of(m)};
}

/* Cuts text into parts at sep, in a. */
static struct strs split(const char *text, size_t len, const char *sep, struct arena *a)
{
	VEC(const char *) parts = {0};
	const char *end = text + len;

	for (;;) {
		const char *hit = memmem(text, (size_t)(end - text), sep, strlen(sep));

		*vec_push(&parts, a) = arena_strndup(a, text, (size_t)((hit ? hit : end) - text));
		if (!hit)
			break;
		text = hit + strlen(sep);
	}
	return (struct strs){.v = parts.v, .n = parts.n};
}

/* "@request.auth.claims.a.b" and "@request.auth.claims[a][b]"; false: an ordinary header. */
static bool claim_path(const char *name, struct arena *a, struct strs *out)
{
	size_t n;

	if (strncasecmp(name, claims_prefix, strlen(claims_prefix)) != 0)
		return false;
	name += strlen(claims_prefix);
	n = strlen(name);
	if (name[0] == '.' && n > 1)
		*out = split(name + 1, n - 1, ".", a);
	else if (name[0] == '[' && name[n - 1] == ']' && n > 2)
		*out = split(name + 1, n - 2, "][", a);
	else
		return false;
	return true;
}

static int compare_named(const void *x, const void *y)
{
	const struct ir_named_match *a = x, *b = y;
	int c = strcmp(a->name, b->name);

	return c ? c : (int)a->invert - (int)b->invert;
}

struct matches {
	VEC(struct ir_named_match) headers;
	VEC(struct ir_claim_match) claims;
};

static void add_headers(struct matches *out, const struct string_match *v, const char *const *keys, size_t n,
			bool invert, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		struct ir_claim_match claim = {.invert = invert};
		struct ir_named_match h;

		if (claim_path(keys[i], a, &claim.path)) {
			claim.match = string_match_of(&v[i]);
			*vec_push(&out->claims, a) = claim;
			continue;
		}
		h = named_match_of(keys[i], &v[i]);
		h.invert = invert;
		/* Envoy refuses the two together */
		h.missing_is_empty = invert && h.match.kind != IR_PRESENT;
		*vec_push(&out->headers, a) = h;
	}
}

static int compare_claims(const void *x, const void *y)
{
	const struct ir_claim_match *a = x, *b = y;

	for (size_t i = 0; i < a->path.n && i < b->path.n; i++) {
		int c = strcmp(a->path.v[i], b->path.v[i]);

		if (c)
			return c;
	}
	if (a->path.n != b->path.n)
		return a->path.n < b->path.n ? -1 : 1;
	return (int)a->invert - (int)b->invert;
}

/* Envoy's prefixes of whole segments: no query, and not "/" alone. */
static bool can_be_separated(const char *prefix, size_t n)
{
	return n > 1 && prefix[n - 1] != '/' && !memchr(prefix, '?', n) && !memchr(prefix, '#', n);
}

static void path_of(const struct string_match *uri, bool separated, struct arena *a, struct ir_route_match *out)
{
	size_t n = uri->prefix ? strlen(uri->prefix) : 0;

	n -= n && uri->prefix[n - 1] == '/';
	if (uri->exact) {
		out->path_kind = IR_PATH_EXACT;
		out->path = uri->exact;
	} else if (uri->regex) {
		out->path_kind = IR_PATH_REGEX;
		out->path = uri->regex;
	} else if (separated && can_be_separated(uri->prefix, n)) {
		out->path_kind = IR_PATH_SEPARATED;
		out->path = arena_strndup(a, uri->prefix, n);
	} else if (uri->prefix) {
		out->path = uri->prefix;
	}
}

void http_match_of(const struct http_match *match, bool separated, struct arena *a, struct ir_route_match *out)
{
	struct matches m = {0};
	VEC(struct ir_named_match) query = {0};

	*out = (struct ir_route_match){.path_kind = IR_PATH_PREFIX, .path = "/"};
	if (!match)
		return;
	add_headers(&m, match->headers, match->headers_keys, match->n_headers, false, a);
	add_headers(&m, match->without_headers, match->without_headers_keys, match->n_without_headers, true, a);
	if (m.headers.n)
		qsort(m.headers.v, m.headers.n, sizeof(*m.headers.v), compare_named);
	if (m.claims.n)
		qsort(m.claims.v, m.claims.n, sizeof(*m.claims.v), compare_claims);
	if (match->uri)
		path_of(match->uri, separated, a, out);
	out->case_sensitive = (struct opt_bool){.has = true, .v = !match->ignore_uri_case};
	if (match->method)
		*vec_push(&m.headers, a) = named_match_of(":method", match->method);
	if (match->authority)
		*vec_push(&m.headers, a) = named_match_of(":authority", match->authority);
	if (match->scheme)
		*vec_push(&m.headers, a) = named_match_of(":scheme", match->scheme);
	for (size_t i = 0; i < match->n_query_params; i++)
		*vec_push(&query, a) = named_match_of(match->query_params_keys[i], &match->query_params[i]);
	if (query.n)
		qsort(query.v, query.n, sizeof(*query.v), compare_named);
	out->headers = m.headers.v;
	out->n_headers = m.headers.n;
	out->claims = m.claims.v;
	out->n_claims = m.claims.n;
	out->query = query.v;
	out->n_query = query.n;
}

const char *http_operation_path(const struct ir_route_match *m, struct arena *a)
{
	switch (m->path_kind) {
	case IR_PATH_PREFIX: return arena_printf(a, "%s*", m->path);
	case IR_PATH_EXACT:
	case IR_PATH_REGEX: return m->path;
	case IR_PATH_SEPARATED: break;
	}
	return "/*";
}
