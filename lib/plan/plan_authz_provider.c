/* SPDX-License-Identifier: Apache-2.0
 *
 * Extension providers that decide for action CUSTOM: envoyExtAuthzGrpc and envoyExtAuthzHttp of MeshConfig's
 * extensionProviders (istio-behaviour.md 1.7). Any fault in one makes it none.
 */
#include "plan/plan_authz_int.h"

#include <string.h>

#include "base/must.h"
#include "base/scalar.h"

static const int64_t default_timeout_ns = INT64_C(600) * 1000000000;

static const struct node *find(const struct plan *p, const char *name, bool *grpc)
{
	const struct node *all = p->snap->mesh->extension_providers;

	for (size_t i = 0; all && all->kind == NODE_LIST && i < all->n; i++) {
		const char *own = node_text(&all->list[i], "name");
		const struct node *how;

		if (!own || strcmp(own, name) != 0)
			continue;
		how = node_get(&all->list[i], "envoyExtAuthzGrpc");
		*grpc = how != NULL;
		return how ? how : node_get(&all->list[i], "envoyExtAuthzHttp");
	}
	return NULL;
}

static bool is_true(const struct node *n, const char *key)
{
	const struct node *v = node_get(n, key);

	return v && v->kind == NODE_BOOL && v->boolean;
}

/* An integer in [min, max] as a number or a text; absent: otherwise. false: none. */
static bool read_number(const struct node *n, const char *key, int64_t min, int64_t max, int64_t otherwise, int64_t *out)
{
	const struct node *v = node_get(n, key);

	*out = otherwise;
	return !v || v->kind == NODE_NULL || ((v->kind == NODE_NUMBER || v->kind == NODE_STRING) &&
					      scalar_int(v->text, min, max, out) == 0);
}

/* "host" or "namespace/host", as this view sees it. */
static const struct scope_svc *service_of(const struct plan *p, const struct node *n)
{
	const char *text = node_text(n, "service"), *slash;
	const struct scope_svc *s;

	if (!text)
		return NULL;
	slash = strchr(text, '/');
	s = scope_find(&p->scope, slash ? slash + 1 : text);
	if (s && slash && (strncmp(s->svc->ns, text, (size_t)(slash - text)) != 0 || s->svc->ns[slash - text]))
		return NULL;
	return s;
}

/* A short name with its namespace is a Service of the cluster. */
static const struct scope_svc *service_by_short_name(const struct plan *p, const struct node *n, struct arena *a)
{
	const char *text = node_text(n, "service"), *slash = text ? strchr(text, '/') : NULL;

	if (!slash || strchr(slash, '.'))
		return NULL;
	return scope_find(&p->scope, host_resolve(slash + 1, arena_strndup(a, text, (size_t)(slash - text)), p->snap->domain, a));
}

static bool has_port(const struct scope_svc *s, uint32_t port)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].port == port)
			return true;
	return false;
}

/* Names of headers: "x*", "*x" or x, in any case. */
static const struct ir_string_match *headers_of(const struct node *n, const char *key, size_t *n_out, struct arena *a)
{
	const struct node *list = node_get(n, key);
	struct ir_string_match *v;

	if (!list || list->kind != NODE_LIST)
		return NULL;
	v = arena_array(a, struct ir_string_match, list->n);
	for (size_t i = 0; i < list->n; i++) {
		struct ir_string_match m;

		if (list->list[i].kind != NODE_STRING || !*list->list[i].text)
			continue;
		m = authz_text_of(list->list[i].text, a);
		m.ignore_case = m.kind != IR_REGEX;
		v[(*n_out)++] = m;
	}
	return v;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

static void set_added(const struct node *n, struct ir_ext_authz *x, struct arena *a)
{
	const struct node *map = node_get(n, "includeAdditionalHeadersInCheck");
	struct str_pair *v;

	if (!map || map->kind != NODE_MAP)
		return;
	v = arena_array(a, struct str_pair, map->n);
	for (size_t i = 0; i < map->n; i++)
		if (map->map[i].value.kind == NODE_STRING)
			v[x->n_added++] = (struct str_pair){map->map[i].key, map->map[i].value.text};
	if (x->n_added)
		qsort(v, x->n_added, sizeof(v[0]), compare_pairs);
	x->added = v;
}

static void set_http(const struct node *n, struct ir_ext_authz *x, struct arena *a)
{
	bool old = !node_get(n, "includeRequestHeadersInCheck");

	x->path_prefix = node_text(n, "pathPrefix");
	x->sent = headers_of(n, old ? "includeHeadersInCheck" : "includeRequestHeadersInCheck", &x->n_sent, a);
	x->to_upstream = headers_of(n, "headersToUpstreamOnAllow", &x->n_to_upstream, a);
	x->to_client_on_deny = headers_of(n, "headersToDownstreamOnDeny", &x->n_to_client_on_deny, a);
	x->to_client_on_allow = headers_of(n, "headersToDownstreamOnAllow", &x->n_to_client_on_allow, a);
	set_added(n, x, a);
}

static bool set_body(const struct node *n, struct ir_ext_authz *x)
{
	const struct node *body = node_get(n, "includeRequestBodyInCheck");
	int64_t max;

	if (!body || body->kind != NODE_MAP)
		return true;
	if (!read_number(body, "maxRequestBytes", 0, UINT32_MAX, 0, &max))
		return false;
	x->body.has = true;
	x->body.max = (uint32_t)max;
	x->body.partial = is_true(body, "allowPartialMessage");
	x->body.as_bytes = is_true(body, "packAsBytes");
	return true;
}

/* The codes that Envoy's enum has. */
static bool is_status(int64_t code)
{
	static const struct { uint16_t first, last; } known[] = {
	    {0, 0}, {100, 100}, {102, 103}, {200, 208}, {226, 226}, {300, 305}, {307, 308}, {400, 417},
	    {421, 424}, {426, 426}, {428, 429}, {431, 431}, {500, 508}, {510, 511},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (code >= known[i].first && code <= known[i].last)
			return true;
	return false;
}

const struct ir_ext_authz *authz_provider_of(const struct plan *p, const char *name, struct arena *a)
{
	bool grpc;
	const struct node *n = find(p, name, &grpc);
	const struct scope_svc *s = n ? service_of(p, n) : NULL;
	const char *timeout = node_text(n, "timeout");
	struct ir_ext_authz *x = arena_new(a, struct ir_ext_authz);
	int64_t port, status;

	s = s || !n ? s : service_by_short_name(p, n, a);
	if (!s || !read_number(n, "port", 1, 65535, 0, &port) || !has_port(s, (uint32_t)port) ||
	    !read_number(n, "statusOnError", 0, 599, 0, &status) || !is_status(status) || !set_body(n, x))
		return NULL;
	x->grpc = grpc;
	x->authority = s->svc->host;
	x->cluster = plan_cluster_name(a, "outbound", (uint32_t)port, "", s->svc->host);
	x->mark = arena_printf(a, "istio-ext-authz-%s", name);
	x->timeout_ns = default_timeout_ns;
	x->fail_open = is_true(n, "failOpen");
	x->status_on_error = (uint32_t)status;
	if (timeout && scalar_duration_ns(timeout, &x->timeout_ns))
		return NULL;
	if (!grpc)
		set_http(n, x, a);
	return !x->path_prefix || x->path_prefix[0] == '/' ? x : NULL;
}

struct hash128 authz_mix_provider(const struct plan *p, const char *name, struct arena *scratch, struct hash128 h)
{
	const struct ir_ext_authz *x = authz_provider_of(p, name, scratch);

	/* the rest of it is the mesh's settings, which all listeners depend on */
	return hash_mix_str(h, x ? x->cluster : "none");
}
