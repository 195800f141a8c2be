/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules over several fields of routes and their filters.
 */
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/check_gwapi_int.h"

enum { MATCHES_MAX = 128, L4_RULES_MAX = 1, OLD_L4_RULES_MAX = 16 };

/* ---- references ---- */

static bool same_parent(const struct gwapi_parent_ref *a, const struct gwapi_parent_ref *b)
{
	static const char group[] = "gateway.networking.k8s.io", kind[] = "Gateway";

	return same_text(text_or(a->group, group), text_or(b->group, group)) &&
	       same_text(text_or(a->kind, kind), text_or(b->kind, kind)) && same_text(a->name, b->name) &&
	       same_text(a->ns, b->ns);
}

/* References to one parent are told apart by what of it they mean. */
static void check_parents(struct check *c, const struct gwapi_parent_ref *v, size_t n)
{
	const struct where *w = AT(SPEC, "parentRefs");

	for (size_t i = 1; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!same_parent(&v[i], &v[k]))
				continue;
			if (given(v[i].section_name) != given(v[k].section_name) || v[i].port.has != v[k].port.has)
				wrong(c, ELEM(w, i), D_PARENT_INVALID,
				      "references to one parent all have sectionName, or none, and so with port");
			else if (same_text(v[i].section_name, v[k].section_name) && v[i].port.v == v[k].port.v)
				wrong(c, ELEM(w, i), D_PARENT_INVALID,
				      "an earlier reference has the same parent, sectionName and port");
			else
				continue;
			break;
		}
	}
}

static void check_backend(struct check *c, const struct where *w, const char *group, const char *kind, bool has_port)
{
	kind = text_or(kind, "Service");
	group = text_or(group, "");
	if (!*group && !strcmp(kind, "Service") && !has_port)
		wrong(c, w, D_BACKEND_INVALID, "a Service needs a port");
	if (!strcmp(group, "gateway.networking.x-k8s.io") && !strcmp(kind, "XBackend") && has_port)
		wrong(c, w, D_BACKEND_INVALID, "an XBackend has its own port");
}

void gwapi_check_backend(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_backend *b = value;

	check_backend(c, w, b->group, b->kind, b->port.has);
}

void gwapi_check_backend_ref(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_backend_ref *b = value;

	check_backend(c, w, b->group, b->kind, b->port.has);
}

/* ---- filters ---- */

static const char *filter_name(enum gwapi_filter_type type)
{
	return enum_name(&enum_desc_gwapi_filter_type, (int)type);
}

void gwapi_check_filter(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_filter *f = value;
	const struct {
		enum gwapi_filter_type type;
		const char *field;
		bool set;
	} fields[] = {
		{GWAPI_FILTER_RequestHeaderModifier, "requestHeaderModifier", f->request_headers},
		{GWAPI_FILTER_ResponseHeaderModifier, "responseHeaderModifier", f->response_headers},
		{GWAPI_FILTER_RequestMirror, "requestMirror", f->mirror},
		{GWAPI_FILTER_RequestRedirect, "requestRedirect", f->redirect},
		{GWAPI_FILTER_URLRewrite, "urlRewrite", f->rewrite},
		{GWAPI_FILTER_CORS, "cors", f->cors},
		{GWAPI_FILTER_ExternalAuth, "externalAuth", f->external_auth},
		{GWAPI_FILTER_ExtensionRef, "extensionRef", f->extension},
	};

	if (!f->type)
		return;
	if (c->obj->kind == KIND_GRPC_ROUTE && f->type > GWAPI_FILTER_RequestMirror && f->type != GWAPI_FILTER_ExtensionRef)
		wrong(c, AT(w, "type"), D_FILTER_INVALID, "a GRPCRoute has no filter %s", filter_name(f->type));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].set && fields[i].type != f->type)
			wrong(c, AT(w, fields[i].field), D_FILTER_INVALID, "%s is no block of the filter type %s",
			      fields[i].field, filter_name(f->type));
		else if (!fields[i].set && fields[i].type == f->type)
			wrong(c, w, D_FILTER_INVALID, "%s is missing, which the filter type %s needs",
			      fields[i].field, filter_name(f->type));
	}
}

static size_t count_filters(const struct gwapi_filter *v, size_t n, enum gwapi_filter_type type)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += v[i].type == type;
	return count;
}

static void check_filters(struct check *c, const struct where *w, const struct gwapi_filter *v, size_t n)
{
	static const enum gwapi_filter_type once[] = {
		GWAPI_FILTER_CORS,	      GWAPI_FILTER_RequestHeaderModifier, GWAPI_FILTER_ResponseHeaderModifier,
		GWAPI_FILTER_RequestRedirect, GWAPI_FILTER_URLRewrite,
	};

	for (size_t i = 0; i < ARRAY_LEN(once); i++)
		if (count_filters(v, n, once[i]) > 1)
			wrong(c, w, D_FILTER_INVALID, "there is more than one filter %s", filter_name(once[i]));
	if (count_filters(v, n, GWAPI_FILTER_RequestRedirect) && count_filters(v, n, GWAPI_FILTER_URLRewrite))
		wrong(c, w, D_FILTER_INVALID, "RequestRedirect and URLRewrite exclude each other");
}

void gwapi_check_http_backend(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_http_backend *b = value;

	check_backend(c, w, b->group, b->kind, b->port.has);
	check_filters(c, AT(w, "filters"), b->filters, b->n_filters);
}

/* The API takes any text for a header to remove, Envoy does not. */
void gwapi_check_header_modifier(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_header_modifier *m = value;

	for (size_t i = 0; i < m->remove.n; i++)
		if (!*m->remove.v[i] || m->remove.v[i][strcspn(m->remove.v[i], "\r\n")])
			wrong(c, ELEM(AT(w, "remove"), i), D_HEADER_INVALID, "a header's name is not empty and has no line breaks");
}

void gwapi_check_mirror(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_mirror *m = value;

	if (m->percent.has && m->fraction)
		wrong(c, w, D_FILTER_INVALID, "percent and fraction exclude each other");
}

void gwapi_check_fraction(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_fraction *f = value;

	if (f->numerator.v > (f->denominator.has ? f->denominator.v : 100))
		wrong(c, w, D_FIELD_RANGE, "the numerator exceeds the denominator");
}

void gwapi_check_path_modifier(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_path_modifier *p = value;

	if (!p->type)
		return;
	if (!(p->type == GWAPI_PATH_ReplaceFullPath ? p->full : p->prefix))
		wrong(c, w, D_REWRITE_INVALID, "%s is missing, which the type needs",
		      p->type == GWAPI_PATH_ReplaceFullPath ? "replaceFullPath" : "replacePrefixMatch");
	if (p->type == GWAPI_PATH_ReplaceFullPath ? p->prefix : p->full)
		wrong(c, AT(w, "type"), D_REWRITE_INVALID, "the type is %s for the path that is given",
		      p->type == GWAPI_PATH_ReplaceFullPath ? "ReplacePrefixMatch" : "ReplaceFullPath");
	if ((p->full && p->full[strcspn(p->full, "\r\n")]) || (p->prefix && p->prefix[strcspn(p->prefix, "\r\n")]))
		wrong(c, w, D_REWRITE_INVALID, "a path has no line breaks");
}

void gwapi_check_redirect(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_redirect *r = value;
	uint32_t code = r->status_code.v;

	if (r->status_code.has && !((code >= 301 && code <= 303) || code == 307 || code == 308))
		wrong(c, AT(w, "statusCode"), D_FIELD_ENUM, "%u is none of 301, 302, 303, 307, 308", code);
}

void gwapi_check_cors(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_cors *r = value;
	const struct {
		const char *field;
		const struct strs *list;
	} lists[] = {
		{"allowOrigins", &r->allow_origins}, {"allowMethods", &r->allow_methods}, {"allowHeaders", &r->allow_headers},
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (lists[i].list->n > 1 && strs_has(lists[i].list, "*"))
			wrong(c, AT(w, lists[i].field), D_CORS_INVALID, "%s has '*' and others beside it", lists[i].field);
}

void gwapi_check_external_auth(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_external_auth *a = value;

	if (!a->protocol)
		return;
	if (!a->grpc == (a->protocol == GWAPI_AUTH_GRPC))
		wrong(c, w, D_FILTER_INVALID, "grpc and the protocol GRPC go together");
	if (!a->http == (a->protocol == GWAPI_AUTH_HTTP))
		wrong(c, w, D_FILTER_INVALID, "http and the protocol HTTP go together");
}

/* ---- matches ---- */

void gwapi_check_path_match(struct check *c, const struct where *w, const void *value)
{
	static const char *const within[] = {"//", "/./", "/../", "%2f", "%2F", "#"}, *const behind[] = {"/..", "/."};
	const struct gwapi_path_match *p = value;
	const char *path = text_or(p->value, "/");
	size_t n = strlen(path);

	w = AT(w, "value");
	if (p->type == GWAPI_PATH_TYPE_RegularExpression) {
		check_regex(c, w, path);
		return;
	}
	if (*path != '/')
		wrong(c, w, D_MATCH_INVALID, "a path begins with '/'");
	for (size_t i = 0; i < ARRAY_LEN(within); i++)
		if (strstr(path, within[i]))
			wrong(c, w, D_MATCH_INVALID, "a path has no '%s' in it", within[i]);
	for (size_t i = 0; i < ARRAY_LEN(behind); i++)
		if (n >= strlen(behind[i]) && !strcmp(path + n - strlen(behind[i]), behind[i]))
			wrong(c, w, D_MATCH_INVALID, "a path does not end with '%s'", behind[i]);
	if (!form_fits(FORM_URL_PATH, path))
		wrong(c, w, D_MATCH_INVALID, "a character that paths have only as %%XX");
}

static void check_value_match(struct check *c, const struct where *w, enum gwapi_match_type type, const char *value)
{
	if (type == GWAPI_MATCH_RegularExpression && value)
		check_regex(c, w, value);
}

void gwapi_check_header_match(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_header_match *m = value;

	check_value_match(c, AT(w, "value"), m->type, m->value);
}

void gwapi_check_query_match(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_query_match *m = value;

	check_value_match(c, AT(w, "value"), m->type, m->value);
}

void gwapi_check_grpc_header(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_grpc_header *m = value;

	check_value_match(c, AT(w, "value"), m->type, m->value);
}

/* Letters, digits and '_', no digit first; parts of a service have dots between, and maybe one in front. */
static bool is_grpc_name(const char *s, bool dots)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	if (dots && *s == '.')
		s++;
	for (;;) {
		size_t n = strspn(s, letters);

		if (!n || (*s >= '0' && *s <= '9'))
			return false;
		if (!s[n])
			return true;
		if (!dots || s[n] != '.')
			return false;
		s += n + 1;
	}
}

void gwapi_check_grpc_method(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_grpc_method *m = value;

	if (!m->service && !m->method)
		wrong(c, w, D_MATCH_INVALID, "neither service nor method is given");
	if (m->type == GWAPI_MATCH_RegularExpression) {
		check_value_match(c, AT(w, "service"), m->type, m->service);
		check_value_match(c, AT(w, "method"), m->type, m->method);
		return;
	}
	if (m->service && !is_grpc_name(m->service, true))
		wrong(c, AT(w, "service"), D_MATCH_INVALID, "a service has letters, digits and '_', with '.' between its parts");
	if (m->method && !is_grpc_name(m->method, false))
		wrong(c, AT(w, "method"), D_MATCH_INVALID, "a method has letters, digits and '_'");
}

/* ---- rules ---- */

void gwapi_check_timeouts(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_timeouts *t = value;
	int64_t request, backend;

	if (t->request && t->backend_request && !scalar_duration_ns(t->request, &request) &&
	    !scalar_duration_ns(t->backend_request, &backend) && request && backend > request)
		wrong(c, AT(w, "backendRequest"), D_DURATION_INVALID, "one attempt may take longer than the whole request");
}

void gwapi_check_persistence(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_persistence *p = value;
	bool by_header = p->type == GWAPI_PERSIST_Header;

	if (p->cookie && p->cookie->lifetime_type == GWAPI_COOKIE_Permanent && !p->absolute_timeout)
		wrong(c, w, D_FIELD_REQUIRED, "a Permanent cookie needs absoluteTimeout");
	if (!p->cookie != by_header)
		wrong(c, w, D_FIELD_ONEOF, "cookie and the type Cookie go together");
	if (!p->header == by_header)
		wrong(c, w, D_FIELD_ONEOF, "header and the type Header go together");
}

static bool replaces_prefix(const struct gwapi_path_modifier *p)
{
	return p && p->type == GWAPI_PATH_ReplacePrefixMatch && p->prefix;
}

/* How many filters replace the matched prefix: of redirects, or of rewrites. */
static size_t count_prefix_filters(const struct gwapi_filter *v, size_t n, bool redirects)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += redirects ? v[i].redirect && replaces_prefix(v[i].redirect->path)
				   : v[i].rewrite && replaces_prefix(v[i].rewrite->path);
	return count;
}

static bool has_one_prefix(const struct gwapi_http_rule *r)
{
	const struct gwapi_path_match *p = r->n_matches == 1 ? r->matches[0].path : NULL;

	return r->n_matches <= 1 && (!p || !p->type || p->type == GWAPI_PATH_TYPE_PathPrefix);
}

/* A prefix can be replaced where it is known which one matched. */
static void check_prefix_filters(struct check *c, const struct where *w, const struct gwapi_http_rule *r, bool redirects)
{
	const char *name = redirects ? "RequestRedirect" : "URLRewrite";
	size_t n_backends = 0;

	if (has_one_prefix(r))
		return;
	if (count_prefix_filters(r->filters, r->n_filters, redirects) == 1)
		wrong(c, AT(w, "matches"), D_REWRITE_INVALID,
		      "a %s that replaces the matched prefix needs one match, of type PathPrefix", name);
	for (size_t i = 0; i < r->n_backends; i++)
		n_backends += count_prefix_filters(r->backends[i].filters, r->backends[i].n_filters, redirects) == 1;
	if (n_backends == 1)
		wrong(c, AT(w, "matches"), D_REWRITE_INVALID,
		      "a %s of backendRefs that replaces the matched prefix needs one match, of type PathPrefix", name);
}

void gwapi_check_http_rule(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_http_rule *r = value;

	check_filters(c, AT(w, "filters"), r->filters, r->n_filters);
	if (r->n_backends && count_filters(r->filters, r->n_filters, GWAPI_FILTER_RequestRedirect))
		wrong(c, AT(w, "filters"), D_FILTER_INVALID, "what is redirected goes to no backendRefs");
	check_prefix_filters(c, w, r, true);
	check_prefix_filters(c, w, r, false);
}

void gwapi_check_grpc_rule(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_grpc_rule *r = value;

	check_filters(c, AT(w, "filters"), r->filters, r->n_filters);
}

/* ---- routes ---- */

static void check_matches(struct check *c, const struct where *w, size_t n)
{
	if (n > MATCHES_MAX)
		wrong(c, AT(w, "rules"), D_LIMIT_COUNT, "%zu matches in all rules, %d are allowed", n, MATCHES_MAX);
}

void gwapi_check_http_route(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_http_route *r = value;
	size_t n = 0;

	check_parents(c, r->parents, r->n_parents);
	for (size_t i = 0; i < r->n_rules; i++)
		n += r->rules[i].n_matches ? r->rules[i].n_matches : 1;
	check_matches(c, w, n);
}

void gwapi_check_grpc_route(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_grpc_route *r = value;
	size_t n = 0;

	check_parents(c, r->parents, r->n_parents);
	for (size_t i = 0; i < r->n_rules; i++)
		n += r->rules[i].n_matches;
	check_matches(c, w, n);
}

static bool is_version(const struct check *c, const char *version)
{
	const char *api = text_or(node_text(c->root, "apiVersion"), ""), *slash = strchr(api, '/');

	return slash && !strcmp(slash + 1, version);
}

static void check_l4_rules(struct check *c, const struct where *w, size_t n)
{
	size_t max = is_version(c, "v1alpha2") ? OLD_L4_RULES_MAX : L4_RULES_MAX;

	if (n > max)
		wrong(c, AT(w, "rules"), D_LIMIT_COUNT, "%zu rules, %zu are allowed", n, max);
}

void gwapi_check_l4_route(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_l4_route *r = value;

	check_parents(c, r->parents, r->n_parents);
	check_l4_rules(c, w, r->n_rules);
}

void gwapi_check_tls_route(struct check *c, const struct where *w, const void *value)
{
	const struct gwapi_tls_route *r = value;
	bool old = is_version(c, "v1alpha2");

	check_parents(c, r->parents, r->n_parents);
	check_l4_rules(c, w, r->n_rules);
	if (!old && !r->hostnames.n)
		wrong(c, AT(w, "hostnames"), D_FIELD_REQUIRED, "hostnames is required");
	for (size_t i = 0; !old && i < r->hostnames.n; i++)
		if (scalar_is_ip(r->hostnames.v[i]))
			wrong(c, ELEM(AT(w, "hostnames"), i), D_HOST_INVALID, "an address is no SNI name");
}
