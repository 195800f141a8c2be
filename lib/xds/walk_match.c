/* SPDX-License-Identifier: Apache-2.0
 *
 * Envoy's RouteMatch: path, headers, query parameters, claims.
 */
#include "xds/walk_int.h"

#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/regex.h"
#include "base/scalar.h"

static bool match_regex(const char *pattern, const char *text)
{
	struct regex *re = regex_new(pattern);
	bool yes = re && regex_full_match(re, text);

	regex_free(re);
	return yes;
}

static int compare(const char *a, const char *b, size_t n, bool ignore_case)
{
	return ignore_case ? strncasecmp(a, b, n) : strncmp(a, b, n);
}

static bool starts(const char *text, const char *prefix, bool ignore_case)
{
	return compare(text, prefix, strlen(prefix), ignore_case) == 0;
}

static bool ends(const char *text, const char *suffix, bool ignore_case)
{
	size_t n = strlen(suffix), len = strlen(text);

	return n <= len && compare(text + len - n, suffix, n, ignore_case) == 0;
}

static bool equal(const char *a, const char *b, bool ignore_case)
{
	return (ignore_case ? strcasecmp(a, b) : strcmp(a, b)) == 0;
}

bool walk_match_string(const struct walker *w, struct pbread m, const char *text)
{
	bool ic = pbread_num(m, "ignore_case", false);

	if (pbread_has(m, "exact"))
		return equal(text, pbread_text(m, "exact", w->arena), ic);
	if (pbread_has(m, "prefix"))
		return starts(text, pbread_text(m, "prefix", w->arena), ic);
	if (pbread_has(m, "suffix"))
		return ends(text, pbread_text(m, "suffix", w->arena), ic);
	if (pbread_has(m, "contains"))
		return (ic ? strcasestr : strstr)(text, pbread_text(m, "contains", w->arena)) != NULL;
	return pbread_has(m, "safe_regex") &&
	       match_regex(pbread_text(pbread_msg(m, "safe_regex"), "regex", w->arena), text);
}

/* ---- path ---- */

static const char *path_of(const struct walker *w)
{
	return arena_strndup(w->arena, w->path, strcspn(w->path, "?#"));
}

static bool match_separated(const char *path, const char *prefix, bool ignore_case)
{
	size_t n = strlen(prefix);

	return starts(path, prefix, ignore_case) && (path[n] == '\0' || path[n] == '/');
}

static bool match_path(const struct walker *w, struct pbread m)
{
	bool ic = !pbread_num(m, "case_sensitive", true);
	const char *path = path_of(w);

	if (pbread_has(m, "connect_matcher") || !strcmp(w->r->method, "CONNECT"))
		return pbread_has(m, "connect_matcher") && !strcmp(w->r->method, "CONNECT");
	if (pbread_has(m, "prefix"))
		return starts(path, pbread_text(m, "prefix", w->arena), ic);
	if (pbread_has(m, "path"))
		return equal(path, pbread_text(m, "path", w->arena), ic);
	if (pbread_has(m, "path_separated_prefix"))
		return match_separated(path, pbread_text(m, "path_separated_prefix", w->arena), ic);
	return pbread_has(m, "safe_regex") &&
	       match_regex(pbread_text(pbread_msg(m, "safe_regex"), "regex", w->arena), path);
}

size_t walk_matched_len(const struct walker *w, struct pbread m)
{
	static const char *const prefixes[] = {"prefix", "path_separated_prefix"};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (pbread_has(m, prefixes[i]))
			return strlen(pbread_text(m, prefixes[i], w->arena));
	}
	return strcspn(w->path, "?#");
}

/* ---- headers ---- */

const char *walk_header(const struct walker *w, const char *name)
{
	const struct {
		const char *name, *value;
	} own[] = {
	    {":method", w->r->method}, {":authority", w->r->authority},	  {"host", w->r->authority},
	    {":path", w->path},	       {":scheme", w->forwarded_proto}, {"x-forwarded-proto", w->forwarded_proto},
	};
	const char *out = NULL;

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (!strcasecmp(own[i].name, name))
			return own[i].value;
	}
	for (size_t i = 0; i < w->r->headers.n; i++) {
		const struct str_pair *h = &w->r->headers.v[i];

		if (!strcasecmp(h->key, name))
			out = out ? arena_printf(w->arena, "%s,%s", out, h->value) : h->value;
	}
	return out;
}

static bool match_value(const struct walker *w, struct pbread m, const char *value)
{
	struct pbread range = pbread_msg(m, "range_match");
	int64_t n;

	if (pbread_has(m, "string_match"))
		return walk_match_string(w, pbread_msg(m, "string_match"), value);
	if (pbread_has(m, "exact_match"))
		return !strcmp(value, pbread_text(m, "exact_match", w->arena));
	if (pbread_has(m, "safe_regex_match"))
		return match_regex(pbread_text(pbread_msg(m, "safe_regex_match"), "regex", w->arena), value);
	if (pbread_has(m, "prefix_match"))
		return starts(value, pbread_text(m, "prefix_match", w->arena), false);
	if (pbread_has(m, "suffix_match"))
		return ends(value, pbread_text(m, "suffix_match", w->arena), false);
	if (pbread_has(m, "contains_match"))
		return strstr(value, pbread_text(m, "contains_match", w->arena)) != NULL;
	return range.m && !scalar_int(value, INT64_MIN, INT64_MAX, &n) &&
	       n >= (int64_t)pbread_num(range, "start", 0) && n < (int64_t)pbread_num(range, "end", 0);
}

static bool names_a_condition(struct pbread m)
{
	static const char *const all[] = {"string_match", "exact_match",    "safe_regex_match", "prefix_match",
					  "suffix_match", "contains_match", "range_match"};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (pbread_has(m, all[i]))
			return true;
	}
	return false;
}

/* An absent header fits nothing, not even a negated condition, unless it counts as empty. */
bool walk_match_header(const struct walker *w, struct pbread m, const char *name)
{
	const char *value = walk_header(w, name);
	bool invert = pbread_num(m, "invert_match", false);

	if (!names_a_condition(m))
		return ((value != NULL) == !!pbread_num(m, "present_match", true)) != invert;
	if (!value && !pbread_num(m, "treat_missing_header_as_empty", false))
		return false;
	return match_value(w, m, value ? value : "") != invert;
}

/* ---- query parameters ---- */

const char *walk_query_value(const struct walker *w, const char *name)
{
	const char *p = strchr(w->path, '?');

	while (p && *++p) {
		size_t n = strcspn(p, "&#"), key = strcspn(p, "=&#");

		if (key == strlen(name) && !memcmp(p, name, key))
			return key < n ? arena_strndup(w->arena, p + key + 1, n - key - 1) : "";
		p = p[n] == '&' ? p + n : NULL;
	}
	return NULL;
}

static bool match_query(const struct walker *w, struct pbread m, const char *name)
{
	const char *value = walk_query_value(w, name);

	if (pbread_has(m, "present_match"))
		return (value != NULL) == !!pbread_num(m, "present_match", true);
	return value && (!pbread_has(m, "string_match") || walk_match_string(w, pbread_msg(m, "string_match"), value));
}

/* ---- all of it ---- */

static bool match_headers(const struct walker *w, struct pbread match, const char **why)
{
	struct pbread_list l = pbread_list(match, "headers");
	struct pbread one;

	while (pbread_next(&l, &one)) {
		const char *name = pbread_text(one, "name", w->arena), *value = walk_header(w, name);

		if (walk_match_header(w, one, name))
			continue;
		*why = value ? arena_printf(w->arena, "header %s is \"%s\"", name, value)
			     : arena_printf(w->arena, "header %s is absent", name);
		return false;
	}
	return true;
}

static bool match_queries(const struct walker *w, struct pbread match, const char **why)
{
	struct pbread_list l = pbread_list(match, "query_parameters");
	struct pbread one;

	while (pbread_next(&l, &one)) {
		const char *name = pbread_text(one, "name", w->arena);

		if (!match_query(w, one, name)) {
			*why = arena_printf(w->arena, "query parameter %s", name);
			return false;
		}
	}
	return true;
}

/* ---- metadata ---- */

static bool match_claim(const struct walker *w, struct pbread m, const struct node *claim)
{
	struct pbread_list either = pbread_list(pbread_msg(m, "or_match"), "value_matchers");
	struct pbread one = pbread_msg(pbread_msg(m, "list_match"), "one_of");

	if (pbread_has(m, "present_match"))
		return (claim != NULL) == !!pbread_num(m, "present_match", true);
	if (pbread_has(m, "string_match"))
		return claim && claim->kind == NODE_STRING && walk_match_string(w, pbread_msg(m, "string_match"), claim->text);
	for (size_t i = 0; one.m && claim && claim->kind == NODE_LIST && i < claim->n; i++)
		if (match_claim(w, one, &claim->list[i]))
			return true;
	while (pbread_next(&either, &one))
		if (match_claim(w, one, claim))
			return true;
	return false;
}

bool walk_match_metadata(const struct walker *w, struct pbread m)
{
	struct pbread_list path = pbread_list(m, "path");
	const struct node *at = strcmp(pbread_text(m, "filter", w->arena), "envoy.filters.http.jwt_authn") ? NULL : w->claims;
	bool first = true;
	struct pbread step;

	for (; pbread_next(&path, &step); first = false) {
		const char *key = pbread_text(step, "key", w->arena);

		if (!first)
			at = node_get(at, key);
		else if (strcmp(key, "payload") != 0)
			at = NULL;
	}
	return match_claim(w, pbread_msg(m, "value"), at) != !!pbread_num(m, "invert", false);
}

static bool match_claims(const struct walker *w, struct pbread match, const char **why)
{
	struct pbread_list l = pbread_list(match, "dynamic_metadata");
	struct pbread one;

	while (pbread_next(&l, &one)) {
		if (walk_match_metadata(w, one))
			continue;
		*why = w->claims ? "claims of the token" : "claims, and there is no token";
		return false;
	}
	return true;
}

static bool is_grpc(const struct walker *w)
{
	const char *type = walk_header(w, "content-type");

	return type && starts(type, "application/grpc", true) && (type[16] == '\0' || type[16] == '+');
}

bool walk_match_route(const struct walker *w, struct pbread match, const char **why)
{
	*why = "path";
	if (!match_path(w, match))
		return false;
	if (pbread_has(match, "grpc") && !is_grpc(w)) {
		*why = "it is for gRPC";
		return false;
	}
	return match_headers(w, match, why) && match_queries(w, match, why) && match_claims(w, match, why);
}
