/* SPDX-License-Identifier: Apache-2.0
 *
 * Delegation: the routes of a VirtualService without hosts take the place of the route that names
 * it, narrowed by that route's matches (istio-behaviour.md 3.1).
 */
#include "mesh/snapshot_int.h"

#include <stdlib.h>
#include <string.h>

#include "model/traffic.h"

/* ---- may a match of the delegate lie within one of the root ---- */

static bool set(const char *s)
{
	return s && *s;
}

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool string_conflicts(const struct string_match *root, const struct string_match *leaf)
{
	if (!root || !leaf)
		return false;
	if (set(root->exact))
		return !set(leaf->exact) || strcmp(root->exact, leaf->exact) != 0;
	if (set(root->prefix)) {
		if (set(leaf->prefix))
			return !begins(leaf->prefix, root->prefix);
		return !set(leaf->exact) || !begins(leaf->exact, root->prefix);
	}
	return true;	/* of a regular expression nothing is known */
}

static const struct string_match *named(const struct string_match *v, const char *const *keys, size_t n,
					const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i], key) == 0)
			return &v[i];
	return NULL;
}

static bool map_conflicts(const struct string_match *root, const char *const *root_keys, size_t n_root,
			  const struct string_match *leaf, const char *const *leaf_keys, size_t n_leaf)
{
	for (size_t i = 0; i < n_leaf; i++)
		if (string_conflicts(named(root, root_keys, n_root, leaf_keys[i]), &leaf[i]))
			return true;
	return false;
}

static bool labels_conflict(const struct strmap *root, const struct strmap *leaf)
{
	for (size_t i = 0; i < leaf->n; i++) {
		const char *v = strmap_get(root, leaf->v[i].key);

		if (v && strcmp(v, leaf->v[i].value) != 0)
			return true;
	}
	return false;
}

static bool gateways_conflict(const struct strs *root, const struct strs *leaf)
{
	if (root->n == 0)
		return false;
	for (size_t i = 0; i < leaf->n; i++)
		if (!strs_has(root, leaf->v[i]))
			return true;
	return false;
}

static bool match_conflicts(const struct http_match *r, const struct http_match *l)
{
	return string_conflicts(r->uri, l->uri) || string_conflicts(r->scheme, l->scheme) ||
	       string_conflicts(r->method, l->method) || string_conflicts(r->authority, l->authority) ||
	       map_conflicts(r->headers, r->headers_keys, r->n_headers, l->headers, l->headers_keys, l->n_headers) ||
	       map_conflicts(r->without_headers, r->without_headers_keys, r->n_without_headers,
			     l->without_headers, l->without_headers_keys, l->n_without_headers) ||
	       map_conflicts(r->query_params, r->query_params_keys, r->n_query_params,
			     l->query_params, l->query_params_keys, l->n_query_params) ||
	       r->ignore_uri_case != l->ignore_uri_case || (r->port && l->port && r->port != l->port) ||
	       (set(r->source_namespace) &&
		(!set(l->source_namespace) || strcmp(r->source_namespace, l->source_namespace) != 0)) ||
	       labels_conflict(&r->source_labels, &l->source_labels) ||
	       gateways_conflict(&r->gateways, &l->gateways);
}

/* ---- the merged match: both hold ---- */

static const char *join_names(const char *root, const char *leaf, struct arena *a)
{
	if (!set(leaf))
		return root;
	return set(root) ? arena_printf(a, "%s-%s", root, leaf) : leaf;
}

struct named_match {
	const char *key;
	struct string_match match;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named_match *)a)->key, ((const struct named_match *)b)->key);
}

/* The union by key, sorted; the leaf's where both have one. */
static void merge_map(const struct string_match *root, const char *const *root_keys, size_t n_root,
		      const struct string_match **leaf, const char *const **leaf_keys, size_t *n_leaf,
		      struct arena *a)
{
	struct named_match *v;
	struct string_match *matches;
	const char **keys;
	size_t n = *n_leaf;

	if (n_root == 0)
		return;
	v = arena_array(a, struct named_match, n + n_root);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct named_match){(*leaf_keys)[i], (*leaf)[i]};
	for (size_t i = 0; i < n_root; i++)
		if (!named(*leaf, *leaf_keys, *n_leaf, root_keys[i]))
			v[n++] = (struct named_match){root_keys[i], root[i]};
	qsort(v, n, sizeof(v[0]), compare_named);
	matches = arena_array(a, struct string_match, n);
	keys = arena_array(a, const char *, n);
	for (size_t i = 0; i < n; i++) {
		matches[i] = v[i].match;
		keys[i] = v[i].key;
	}
	*leaf = matches;
	*leaf_keys = keys;
	*n_leaf = n;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

static struct strmap merge_labels(const struct strmap *root, const struct strmap *leaf, struct arena *a)
{
	struct str_pair *v;
	size_t n = leaf->n;

	if (root->n == 0)
		return *leaf;
	v = arena_array(a, struct str_pair, n + root->n);
	if (n)
		memcpy(v, leaf->v, n * sizeof(v[0]));
	for (size_t i = 0; i < root->n; i++)
		if (!strmap_get(leaf, root->v[i].key))
			v[n++] = root->v[i];
	qsort(v, n, sizeof(v[0]), compare_pairs);
	return (struct strmap){.v = v, .n = n};
}

static struct http_match merge_match(const struct http_match *r, const struct http_match *l, struct arena *a)
{
	struct http_match m = *l;

	m.name = join_names(r->name, l->name, a);
	m.uri = l->uri ? l->uri : r->uri;
	m.scheme = l->scheme ? l->scheme : r->scheme;
	m.method = l->method ? l->method : r->method;
	m.authority = l->authority ? l->authority : r->authority;
	merge_map(r->headers, r->headers_keys, r->n_headers, &m.headers, &m.headers_keys, &m.n_headers, a);
	merge_map(r->without_headers, r->without_headers_keys, r->n_without_headers, &m.without_headers,
		  &m.without_headers_keys, &m.n_without_headers, a);
	merge_map(r->query_params, r->query_params_keys, r->n_query_params, &m.query_params,
		  &m.query_params_keys, &m.n_query_params, a);
	m.port = l->port ? l->port : r->port;
	m.source_labels = merge_labels(&r->source_labels, &l->source_labels, a);
	m.source_namespace = set(l->source_namespace) ? l->source_namespace : r->source_namespace;
	m.gateways = l->gateways.n ? l->gateways : r->gateways;
	m.stat_prefix = set(l->stat_prefix) ? l->stat_prefix : r->stat_prefix;
	return m;
}

/* False when a match of the leaf fits none of the root's. */
static bool merge_matches(const struct http_route *r, struct http_route *l, struct arena *a)
{
	VEC(struct http_match) out = {0};

	if (r->n_match == 0)
		return true;
	if (l->n_match == 0) {
		l->match = r->match;
		l->n_match = r->n_match;
		return true;
	}
	for (size_t i = 0; i < l->n_match; i++) {
		size_t before = out.n;

		for (size_t j = 0; j < r->n_match; j++)
			if (!match_conflicts(&r->match[j], &l->match[i]))
				*vec_push(&out, a) = merge_match(&r->match[j], &l->match[i], a);
		if (out.n == before)
			return false;
	}
	l->match = out.v;
	l->n_match = out.n;
	return true;
}

/* ---- names of both mean the same once the routes stand together ---- */

struct names {
	const char *ns, *domain;
	struct arena *arena;
};

static const struct destination *resolve_destination(const struct names *n, const struct destination *d)
{
	struct destination *copy;

	if (!d || !d->host)
		return d;
	copy = arena_copy(n->arena, d, sizeof(*d));
	copy->host = host_resolve(d->host, n->ns, n->domain, n->arena);
	return copy;
}

static void resolve_route(const struct names *n, struct http_route *r)
{
	struct http_destination *route = arena_copy(n->arena, r->route, r->n_route * sizeof(*route));
	struct http_mirror *mirrors = arena_copy(n->arena, r->mirrors, r->n_mirrors * sizeof(*mirrors));
	struct http_match *match = arena_copy(n->arena, r->match, r->n_match * sizeof(*match));

	for (size_t i = 0; i < r->n_route; i++)
		route[i].destination = resolve_destination(n, route[i].destination);
	for (size_t i = 0; i < r->n_mirrors; i++)
		mirrors[i].destination = resolve_destination(n, mirrors[i].destination);
	for (size_t i = 0; i < r->n_match; i++) {
		const char **v = arena_array(n->arena, const char *, match[i].gateways.n);

		for (size_t j = 0; j < match[i].gateways.n; j++)
			v[j] = vs_resolve_gateway(match[i].gateways.v[j], n->ns, n->arena);
		match[i].gateways.v = v;
	}
	r->mirror = resolve_destination(n, r->mirror);
	r->route = route;
	r->mirrors = mirrors;
	r->match = match;
}

/* What the delegate leaves open is the root's. */
static void fill_gaps(const struct http_route *r, struct http_route *l, struct arena *a)
{
	l->name = join_names(r->name, l->name, a);
	l->rewrite = l->rewrite ? l->rewrite : r->rewrite;
	l->direct_response = l->direct_response ? l->direct_response : r->direct_response;
	l->timeout = l->timeout.has ? l->timeout : r->timeout;
	l->retries = l->retries ? l->retries : r->retries;
	l->fault = l->fault ? l->fault : r->fault;
	l->mirror = l->mirror ? l->mirror : r->mirror;
	l->mirror_percent = l->mirror_percent.has ? l->mirror_percent : r->mirror_percent;
	l->mirror_percentage = l->mirror_percentage ? l->mirror_percentage : r->mirror_percentage;
	if (l->n_mirrors == 0) {
		l->mirrors = r->mirrors;
		l->n_mirrors = r->n_mirrors;
	}
	l->cors_policy = l->cors_policy ? l->cors_policy : r->cors_policy;
	l->headers = l->headers ? l->headers : r->headers;
}

void delegate_merge(const struct http_route *root, const struct virtual_service *delegate,
		    const char *root_ns, const char *ns, const char *domain, struct http_route *out,
		    size_t *n_out, size_t *dropped, struct arena *a)
{
	const struct names root_names = {root_ns, domain, a}, names = {ns, domain, a};
	struct http_route r = *root;

	resolve_route(&root_names, &r);
	for (size_t i = 0; i < delegate->n_http; i++) {
		struct http_route l = delegate->http[i];

		l.delegate = NULL;	/* one level only */
		resolve_route(&names, &l);
		if (!merge_matches(&r, &l, a)) {
			++*dropped;
			continue;
		}
		fill_gaps(&r, &l, a);
		out[(*n_out)++] = l;
	}
}
