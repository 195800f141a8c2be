/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes of a VirtualService among each other: which are never reached, and whether their times fit.
 */
#include "analyze/analyze_int.h"

#include <string.h>

#include "base/buf.h"
#include "base/regex.h"

enum {
	MATCH_JSON_MAX = 1024 * 1024,
	COMPARED_MAX = 2000,	/* matches of one object that are compared with each other */
	RETRIES_MANY = 10,	/* the next hops retry as well, twice by default */
};

/* ---- equal matches, for all three protocols ---- */

/* A list of routes, whatever their type. */
struct rules {
	const char *what;		/* "http" */
	size_t n;
	const struct schema *match;	/* of one match */
	size_t (*count)(const struct virtual_service *vs, size_t rule);
	const void *(*get)(const struct virtual_service *vs, size_t rule, size_t i);
	const char *(*name)(const struct virtual_service *vs, size_t rule);
	struct pos (*pos)(const struct virtual_service *vs, size_t rule);
};

#define RULES(what, match_type)                                                                    \
	static size_t what##_count(const struct virtual_service *vs, size_t rule)                  \
	{                                                                                          \
		return vs->what[rule].n_match;                                                     \
	}                                                                                          \
	static const void *what##_get(const struct virtual_service *vs, size_t rule, size_t i)     \
	{                                                                                          \
		return &vs->what[rule].match[i];                                                   \
	}                                                                                          \
	static struct pos what##_pos(const struct virtual_service *vs, size_t rule)                \
	{                                                                                          \
		return vs->what[rule].pos;                                                         \
	}
RULES(http, http_match)
RULES(tls, tls_match)
RULES(tcp, l4_match)

static const char *http_name(const struct virtual_service *vs, size_t rule)
{
	return vs->http[rule].name;
}

static const char *label_of(const struct analysis *n, const struct virtual_service *vs, const struct rules *r,
			    size_t rule)
{
	const char *name = r->name ? r->name(vs, rule) : NULL;

	if (name && *name)
		return arena_printf(n->a, "%s[%zu] (%s)", r->what, rule, name);
	return arena_printf(n->a, "%s[%zu]", r->what, rule);
}

/* A match as text, without its name: equal texts match the same. */
static const char *text_of(const struct analysis *n, const struct rules *r, const void *match)
{
	struct http_match copy;
	const char *text;
	struct buf out;

	if (r->match == &schema_http_match) {
		copy = *(const struct http_match *)match;
		copy.name = copy.stat_prefix = NULL;
		match = &copy;
	}
	buf_init(&out, MATCH_JSON_MAX);
	schema_to_json(r->match, match, &out);
	text = arena_strdup(n->a, buf_cstr(&out));
	buf_fini(&out);
	return text;
}

/* Where a match was seen first. */
struct seen {
	size_t rule;
};

/* One list of routes on its way. */
struct walk {
	struct analysis *n;
	const struct object *o;
	const struct virtual_service *vs;
	const struct rules *r;
	struct map seen;
	size_t catch_all;	/* rule without matches, from 1; 0 = none yet */
	struct map said;	/* paths that have a finding */
};

static void say(struct walk *w, enum diag_code code, struct pos pos, const char *path, const char *text)
{
	map_set(&w->said, path, w);
	analysis_add(w->n, w->o, code, pos, path, "%s", text);
}

static void judge_matches(struct walk *w, size_t rule)
{
	struct analysis *n = w->n;
	size_t same = 0, count = w->r->count(w->vs, rule), by = 0;

	for (size_t i = 0; i < count; i++) {
		const void *match = w->r->get(w->vs, rule, i);
		const struct pos pos = *(const struct pos *)match;	/* each struct begins with its place */
		const char *path = arena_printf(n->a, "spec.%s[%zu].match[%zu]", w->r->what, rule, i);
		void **slot;

		slot = map_slot(&w->seen, text_of(n, w->r, match));
		if (!*slot) {
			*slot = arena_new(n->a, struct seen);
			((struct seen *)*slot)->rule = rule;
			continue;
		}
		by = ((struct seen *)*slot)->rule;
		same++;
		say(w, D_MATCH_INEFFECTIVE, pos, path, arena_printf(n->a, "%s has the same match", label_of(n, w->vs, w->r, by)));
	}
	if (count && same == count)
		say(w, D_ROUTE_UNREACHABLE, w->r->pos(w->vs, rule), arena_printf(n->a, "spec.%s[%zu]", w->r->what, rule),
		    arena_printf(n->a, "routes before it, %s the last, have all its matches", label_of(n, w->vs, w->r, by)));
}

static void judge_rules(struct walk *w)
{
	struct analysis *n = w->n;

	for (size_t rule = 0; rule < w->r->n; rule++) {
		if (w->catch_all)
			say(w, D_ROUTE_UNREACHABLE, w->r->pos(w->vs, rule), arena_printf(n->a, "spec.%s[%zu]", w->r->what, rule),
			    arena_printf(n->a, "%s before it has no match and takes everything",
					 label_of(n, w->vs, w->r, w->catch_all - 1)));
		else if (w->r->count(w->vs, rule))
			judge_matches(w, rule);
		else
			w->catch_all = rule + 1;
	}
}

/* ---- HTTP matches that cover each other ---- */

static const char *prefix_of(const struct http_match *m)
{
	return m->uri && m->uri->prefix && *m->uri->prefix ? m->uri->prefix : NULL;
}

static bool equal_string(const struct string_match *a, const struct string_match *b)
{
	const struct string_match none = {0}, *x = a ? a : &none, *y = b ? b : &none;
	const char *const p[] = {x->exact, x->prefix, x->regex}, *const q[] = {y->exact, y->prefix, y->regex};

	for (size_t i = 0; i < 3; i++)
		if (strcmp(p[i] ? p[i] : "", q[i] ? q[i] : "") != 0)
			return false;
	return true;
}

/* Every text that inner matches, outer matches too. Sure or false. */
static bool covers_string(const struct string_match *outer, const struct string_match *inner)
{
	if (!outer)
		return true;
	if (!inner)
		return false;
	if (outer->prefix)
		return (inner->prefix && !strncmp(inner->prefix, outer->prefix, strlen(outer->prefix))) ||
		       (inner->exact && !strncmp(inner->exact, outer->prefix, strlen(outer->prefix)));
	return equal_string(outer, inner);
}

/* As for paths: a request always has one, so "/" is no condition; prefixes end at any letter. */
static bool covers_uri(const struct http_match *outer, const struct http_match *inner)
{
	if (!outer->uri || (outer->uri->prefix && !strcmp(outer->uri->prefix, "/")))
		return true;
	if (outer->ignore_uri_case != inner->ignore_uri_case)
		return false;
	return covers_string(outer->uri, inner->uri);
}

typedef bool string_fn(const struct string_match *outer, const struct string_match *inner);

/* Each condition of outer stands in inner, at least as narrow. */
static bool covers_map(const struct string_match *v, const char *const *keys, size_t n, const struct string_match *w,
		       const char *const *inner_keys, size_t n_inner, string_fn *fn)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < n_inner && strcmp(inner_keys[k], keys[i]) != 0)
			k++;
		if (k == n_inner || !fn(&v[i], &w[k]))
			return false;
	}
	return true;
}

/* Same keys, values equal. */
static bool equal_map(const struct string_match *v, const char *const *keys, size_t n, const struct string_match *w,
		      const char *const *other_keys, size_t n_other)
{
	return n == n_other && covers_map(v, keys, n, w, other_keys, n_other, equal_string);
}

static bool equal_headers(const struct http_match *a, const struct http_match *b)
{
	return equal_map(a->headers, a->headers_keys, a->n_headers, b->headers, b->headers_keys, b->n_headers) &&
	       equal_map(a->query_params, a->query_params_keys, a->n_query_params, b->query_params, b->query_params_keys,
			 b->n_query_params) &&
	       equal_map(a->without_headers, a->without_headers_keys, a->n_without_headers, b->without_headers,
			 b->without_headers_keys, b->n_without_headers);
}

static bool same_callers(const struct http_match *a, const struct http_match *b)
{
	const char *x = a->source_namespace ? a->source_namespace : "", *y = b->source_namespace ? b->source_namespace : "";

	if (strcmp(x, y) != 0 || a->gateways.n != b->gateways.n || a->source_labels.n != b->source_labels.n ||
	    !labels_match(&a->source_labels, &b->source_labels))
		return false;
	for (size_t i = 0; i < a->gateways.n; i++)
		if (!strs_has(&b->gateways, a->gateways.v[i]))
			return false;
	return true;
}

/* IST0131 of prefixes: the shorter one comes first, all else is equal. As in Istio a match without
 * method counts as one of GET here. */
static bool overlaps(const struct http_match *a, const struct http_match *b)
{
	static const struct string_match get = {.exact = "GET"};
	const char *p = prefix_of(a), *q = prefix_of(b);

	return p && q && strlen(p) < strlen(q) && !strncmp(p, q, strlen(p)) && a->port == b->port &&
	       equal_string(a->method ? a->method : &get, b->method ? b->method : &get) &&
	       equal_string(a->authority, b->authority) && equal_headers(a, b) && same_callers(a, b);
}

/* Every request of inner is one of outer. */
static bool covers(const struct http_match *outer, const struct http_match *inner)
{
	bool callers = !outer->gateways.n && !outer->source_namespace && !outer->source_labels.n;

	return covers_uri(outer, inner) && (!outer->port || outer->port == inner->port) &&
	       covers_string(outer->method, inner->method) && covers_string(outer->scheme, inner->scheme) &&
	       covers_string(outer->authority, inner->authority) &&
	       covers_map(outer->headers, outer->headers_keys, outer->n_headers, inner->headers, inner->headers_keys,
			  inner->n_headers, covers_string) &&
	       covers_map(outer->query_params, outer->query_params_keys, outer->n_query_params, inner->query_params,
			  inner->query_params_keys, inner->n_query_params, covers_string) &&
	       covers_map(outer->without_headers, outer->without_headers_keys, outer->n_without_headers,
			  inner->without_headers, inner->without_headers_keys, inner->n_without_headers, equal_string) &&
	       (callers || same_callers(outer, inner));
}

/* One match with the place where it stands. */
struct placed {
	const struct http_match *m;
	size_t rule;
	const char *path;
	bool twin;		/* stands before it, word for word */
};

static void judge_overlaps(struct walk *w, const struct placed *v, size_t count)
{
	struct analysis *n = w->n;

	for (size_t k = 1; k < count; k++) {
		for (size_t i = 0; i < k; i++) {
			if (v[i].twin || v[k].twin || !overlaps(v[i].m, v[k].m))
				continue;
			say(w, D_MATCH_INEFFECTIVE, v[k].m->pos, v[k].path,
			    arena_printf(n->a, "prefix %s lies within prefix %s of %s", prefix_of(v[k].m), prefix_of(v[i].m),
					 label_of(n, w->vs, w->r, v[i].rule)));
		}
		for (size_t i = 0; i < k && !map_get(&w->said, v[k].path); i++) {
			if (v[i].rule == v[k].rule || !covers(v[i].m, v[k].m))
				continue;
			say(w, D_ROUTE_SHADOWED, v[k].m->pos, v[k].path,
			    arena_printf(n->a, "%s takes all these requests before it, by %s",
					 label_of(n, w->vs, w->r, v[i].rule), v[i].path));
		}
	}
}

static void judge_http(struct walk *w)
{
	VEC(struct placed) v = {0};

	for (size_t i = 0; i < (w->catch_all ? w->catch_all : w->vs->n_http); i++) {
		for (size_t k = 0; k < w->vs->http[i].n_match && v.n < COMPARED_MAX; k++) {
			const char *path = arena_printf(w->n->a, "spec.http[%zu].match[%zu]", i, k);

			*vec_push(&v, w->n->a) =
			    (struct placed){&w->vs->http[i].match[k], i, path, map_get(&w->said, path) != NULL};
		}
	}
	judge_overlaps(w, v.v, v.n);
}

/* ---- matches that no request has ---- */

/* Some path, which begins with '/', may match. */
static bool may_match_path(const struct string_match *uri)
{
	const char *text = uri->exact ? uri->exact : uri->prefix;
	struct regex *re;
	bool may;

	if (text)
		return !*text || *text == '/' || !strcmp(text, "*");
	re = uri->regex ? regex_new(uri->regex) : NULL;
	may = !re || regex_may_begin(re, '/');
	regex_free(re);
	return may;
}

/* Methods have case (RFC 9110, 9.1), and nobody sends small ones. */
static bool is_small(const char *method)
{
	return method && *method && !method[strspn(method, "abcdefghijklmnopqrstuvwxyz")];
}

static void judge_match(struct analysis *n, const struct object *o, size_t i, size_t k)
{
	const struct http_match *m = &object_spec(o, virtual_service)->http[i].match[k];
	const char *path = arena_printf(n->a, "spec.http[%zu].match[%zu]", i, k);

	if (m->uri && !may_match_path(m->uri))
		analysis_add(n, o, D_MATCH_NEVER, m->uri->pos, arena_printf(n->a, "%s.uri", path),
			     "no path matches this: paths begin with '/'");
	if (m->method && (is_small(m->method->exact) || is_small(m->method->prefix)))
		analysis_add(n, o, D_MATCH_NEVER, m->method->pos, arena_printf(n->a, "%s.method", path),
			     "no request has this method: methods are written in capitals");
}

/* ---- times ---- */

static void judge_times(struct analysis *n, const struct object *o, size_t i)
{
	const struct http_route *r = &object_spec(o, virtual_service)->http[i];
	const struct http_retry *retry = r->retries;
	const char *path = arena_printf(n->a, "spec.http[%zu].retries", i);
	int64_t tries;

	if (retry && retry->attempts > RETRIES_MANY)
		analysis_add(n, o, D_RETRIES_MULTIPLY, retry->pos, arena_printf(n->a, "%s.attempts", path),
			     "a failing request is sent %lld times, and each of these again as often as the next hop retries",
			     (long long)retry->attempts + 1);
	if (!retry || !retry->per_try_timeout.has || !r->timeout.has || r->timeout.ns <= 0 || retry->attempts <= 0)
		return;
	tries = (int64_t)retry->attempts + 1;
	if (retry->per_try_timeout.ns > r->timeout.ns)
		analysis_add(n, o, D_TRY_EXCEEDS_TIMEOUT, retry->pos, arena_printf(n->a, "%s.perTryTimeout", path),
			     "an attempt may take %lld ms, the whole request %lld ms",
			     (long long)retry->per_try_timeout.ns / 1000000, (long long)r->timeout.ns / 1000000);
	else if (retry->per_try_timeout.ns > r->timeout.ns / tries)
		analysis_add(n, o, D_RETRIES_EXCEED_TIMEOUT, retry->pos, path,
			     "%lld attempts of %lld ms do not fit in the timeout of %lld ms", (long long)tries,
			     (long long)retry->per_try_timeout.ns / 1000000, (long long)r->timeout.ns / 1000000);
}

static void walk(struct analysis *n, const struct object *o, const struct rules *r, bool http)
{
	struct walk w = {.n = n, .o = o, .vs = object_spec(o, virtual_service), .r = r};

	map_init(&w.seen, n->a);
	map_init(&w.said, n->a);
	judge_rules(&w);
	if (http)
		judge_http(&w);
}

void analyze_routes(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_VIRTUAL_SERVICE);

	for (size_t i = 0; i < list->n; i++) {
		const struct object *o = list->v[i];
		const struct virtual_service *vs = object_spec(o, virtual_service);

		walk(n, o, &(struct rules){"http", vs->n_http, &schema_http_match, http_count, http_get, http_name, http_pos}, true);
		walk(n, o, &(struct rules){"tcp", vs->n_tcp, &schema_l4_match, tcp_count, tcp_get, NULL, tcp_pos}, false);
		walk(n, o, &(struct rules){"tls", vs->n_tls, &schema_tls_match, tls_count, tls_get, NULL, tls_pos}, false);
		for (size_t k = 0; k < vs->n_http; k++) {
			judge_times(n, o, k);
			for (size_t m = 0; m < vs->http[k].n_match; m++)
				judge_match(n, o, k, m);
		}
	}
}
