/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/must.h"
#include "model/check_gwapi_int.h"

enum {
	PRESENT = 1,	/* required, where an empty text or a zero is a value */
	DISTINCT = 2,	/* texts of a list differ */
};

/* What must hold of one field. */
struct facet {
	const char *field;
	enum form form;		/* of a text, or of each text of a list */
	int64_t min, max;	/* of a number, or of each number of a list; else of elements; max 0 = any */
	unsigned flags;
	const char *key;	/* elements of a list differ in this field */
};

#define PORT	"port", .min = 1, .max = 65535
#define GROUP	"group", .form = FORM_GROUP
#define KIND	"kind", .form = FORM_KIND
#define NAME	"name", .form = FORM_NAME
#define NS	"namespace", .form = FORM_NAMESPACE
#define HOST	"hostname", .form = FORM_HOST
#define TYPE	"type", .flags = PRESENT
#define TEXT(name, f)	{.field = (name), .form = (f)}
#define UPTO(n, name)	{.field = (name), .max = (n)}
#define SET(n, name, f) {.field = (name), .form = (f), .max = (n), .flags = DISTINCT}
#define KEYED(n, name, k) {.field = (name), .max = (n), .key = (k)}

struct message_rules {
	const struct schema *of;
	message_check_fn *check;	/* or NULL */
	struct facet facets[10];	/* up to the first without a field */
};

static const struct message_rules rules[] = {
	{&schema_gwapi_object_ref, NULL, {{GROUP}, {KIND}, {NAME}, {NS}}},
	{&schema_gwapi_local_ref, NULL, {{GROUP, .flags = PRESENT}, {KIND}, {NAME}}},
	{&schema_gwapi_far_ref, NULL, {{GROUP, .flags = PRESENT}, {KIND}, {NAME}, {NS}}},
	{&schema_gwapi_parent_ref, NULL, {{GROUP}, {KIND}, {NAME}, {NS}, TEXT("sectionName", FORM_SECTION), {PORT}}},
	{&schema_gwapi_backend, gwapi_check_backend, {{GROUP}, {KIND}, {NAME}, {NS}, {PORT}}},
	{&schema_gwapi_backend_ref, gwapi_check_backend_ref,
	 {{GROUP}, {KIND}, {NAME}, {NS}, {PORT}, {"weight", .max = 1000000}}},
	{&schema_gwapi_http_backend, gwapi_check_http_backend,
	 {{GROUP}, {KIND}, {NAME}, {NS}, {PORT}, {"weight", .max = 1000000}, UPTO(16, "filters")}},
	/* filters */
	{&schema_gwapi_header, NULL, {TEXT("name", FORM_HEADER_NAME), TEXT("value", FORM_HEADER_VALUE)}},
	{&schema_gwapi_header_modifier, gwapi_check_header_modifier,
	 {KEYED(16, "set", "name"), KEYED(16, "add", "name"), SET(16, "remove", FORM_ANY)}},
	{&schema_gwapi_fraction, gwapi_check_fraction,
	 {{"numerator", .max = INT32_MAX, .flags = PRESENT}, {"denominator", .min = 1, .max = INT32_MAX}}},
	{&schema_gwapi_mirror, gwapi_check_mirror, {{"percent", .max = 100}}},
	{&schema_gwapi_path_modifier, gwapi_check_path_modifier, {{TYPE}, UPTO(1024, "replaceFullPath"), UPTO(1024, "replacePrefixMatch")}},
	{&schema_gwapi_redirect, gwapi_check_redirect, {{HOST}, {PORT}}},
	{&schema_gwapi_rewrite, NULL, {{HOST}}},
	{&schema_gwapi_cors, gwapi_check_cors,
	 {SET(64, "allowOrigins", FORM_ORIGIN),
	  SET(9, "allowMethods", FORM_CORS_METHOD),
	  SET(64, "allowHeaders", FORM_HEADER_NAME),
	  SET(64, "exposeHeaders", FORM_HEADER_NAME),
	  {"maxAge", .min = 1, .max = INT32_MAX}}},
	{&schema_gwapi_auth_grpc, NULL, {SET(64, "allowedHeaders", FORM_ANY)}},
	{&schema_gwapi_auth_http, NULL,
	 {TEXT("path", FORM_URL_PATH),
	  SET(64, "allowedHeaders", FORM_ANY),
	  SET(64, "allowedResponseHeaders", FORM_ANY)}},
	{&schema_gwapi_external_auth, gwapi_check_external_auth, {{"protocol", .flags = PRESENT}}},
	{&schema_gwapi_filter, gwapi_check_filter, {{TYPE}}},
	{&schema_gwapi_cookie, NULL, {TEXT("name", FORM_HEADER_NAME), UPTO(1024, "path")}},
	{&schema_gwapi_persistence_header, NULL, {TEXT("name", FORM_HEADER_NAME)}},
	{&schema_gwapi_persistence, gwapi_check_persistence, {TEXT("absoluteTimeout", FORM_DURATION)}},
	/* routes */
	{&schema_gwapi_path_match, gwapi_check_path_match, {UPTO(1024, "value")}},
	{&schema_gwapi_header_match, gwapi_check_header_match, {TEXT("name", FORM_HEADER_NAME), TEXT("value", FORM_HEADER_VALUE)}},
	{&schema_gwapi_query_match, gwapi_check_query_match, {TEXT("name", FORM_HEADER_NAME), UPTO(1024, "value")}},
	{&schema_gwapi_http_match, NULL,
	 {KEYED(16, "headers", "name"), KEYED(16, "queryParams", "name")}},
	{&schema_gwapi_timeouts, gwapi_check_timeouts, {TEXT("request", FORM_DURATION), TEXT("backendRequest", FORM_DURATION)}},
	{&schema_gwapi_retry, NULL,
	 {{"codes", .min = 400, .max = 599, .flags = DISTINCT}, {"attempts", .max = INT32_MAX}, TEXT("backoff", FORM_DURATION)}},
	{&schema_gwapi_http_rule, gwapi_check_http_rule,
	 {TEXT("name", FORM_SECTION), UPTO(64, "matches"), UPTO(16, "filters"), UPTO(16, "backendRefs")}},
	{&schema_gwapi_http_route, gwapi_check_http_route,
	 {UPTO(32, "parentRefs"), {"hostnames", .form = FORM_WILDCARD_HOST, .max = 16}, KEYED(16, "rules", "name")}},
	{&schema_gwapi_grpc_method, gwapi_check_grpc_method, {UPTO(1024, "service"), UPTO(1024, "method")}},
	{&schema_gwapi_grpc_header, gwapi_check_grpc_header, {TEXT("name", FORM_HEADER_NAME), UPTO(4096, "value")}},
	{&schema_gwapi_grpc_match, NULL, {KEYED(16, "headers", "name")}},
	{&schema_gwapi_grpc_rule, gwapi_check_grpc_rule,
	 {TEXT("name", FORM_SECTION), UPTO(64, "matches"), UPTO(16, "filters"), UPTO(16, "backendRefs")}},
	{&schema_gwapi_grpc_route, gwapi_check_grpc_route,
	 {UPTO(32, "parentRefs"), {"hostnames", .form = FORM_WILDCARD_HOST, .max = 16}, KEYED(16, "rules", "name")}},
	{&schema_gwapi_l4_rule, NULL, {TEXT("name", FORM_SECTION), UPTO(16, "backendRefs")}},
	{&schema_gwapi_l4_route, gwapi_check_l4_route, {UPTO(32, "parentRefs"), {"rules", .key = "name"}}},
	{&schema_gwapi_tls_route, gwapi_check_tls_route,
	 {UPTO(32, "parentRefs"), {"hostnames", .form = FORM_WILDCARD_HOST, .max = 1024}, {"rules", .key = "name"}}},
	/* gateways */
	{&schema_gwapi_route_kind, NULL, {{GROUP}, {KIND}}},
	{&schema_gwapi_allowed_routes, NULL, {UPTO(8, "kinds")}},
	{&schema_gwapi_listener_tls, gwapi_check_listener_tls, {UPTO(64, "certificateRefs"), UPTO(16, "options")}},
	{&schema_gwapi_listener_filter, gwapi_check_listener_filter, {{TYPE}}},
	{&schema_gwapi_listener_filters, NULL, {UPTO(16, "requests")}},
	{&schema_gwapi_listener, gwapi_check_listener,
	 {TEXT("name", FORM_SECTION), TEXT("hostname", FORM_WILDCARD_HOST), {PORT}, TEXT("protocol", FORM_PROTOCOL)}},
	{&schema_gwapi_address, gwapi_check_address,
	 {TEXT("type", FORM_ADDRESS_TYPE), UPTO(253, "value"), UPTO(253, "routability")}},
	{&schema_gwapi_client_validation, gwapi_check_client_validation, {UPTO(16, "caCertificateRefs")}},
	{&schema_gwapi_port_tls, NULL, {{PORT}}},
	{&schema_gwapi_frontend, NULL, {KEYED(64, "perPort", "port")}},
	{&schema_gwapi_infrastructure, gwapi_check_infrastructure, {UPTO(8, "labels"), UPTO(16, "annotations")}},
	{&schema_gwapi_gateway, gwapi_check_gateway,
	 {TEXT("gatewayClassName", FORM_NAME), KEYED(64, "listeners", "name"), UPTO(16, "addresses")}},
	{&schema_gwapi_gateway_class, NULL, {TEXT("controllerName", FORM_DOMAIN_PATH), UPTO(64, "description")}},
	{&schema_gwapi_listener_set, gwapi_check_listener_set, {KEYED(64, "listeners", "name")}},
	/* grants, policies */
	{&schema_gwapi_grant_from, NULL, {{GROUP, .flags = PRESENT}, {KIND}, {NS}}},
	{&schema_gwapi_grant_to, NULL, {{GROUP, .flags = PRESENT}, {KIND}, {NAME}}},
	{&schema_gwapi_reference_grant, NULL, {UPTO(16, "from"), UPTO(16, "to")}},
	{&schema_gwapi_target, NULL, {{GROUP, .flags = PRESENT}, {KIND}, {NAME}, TEXT("sectionName", FORM_SECTION)}},
	{&schema_gwapi_san, gwapi_check_san, {{TYPE}, TEXT("hostname", FORM_WILDCARD_HOST), TEXT("uri", FORM_URI)}},
	{&schema_gwapi_server_validation, gwapi_check_server_validation,
	 {UPTO(8, "caCertificateRefs"), TEXT("wellKnownCACertificates", FORM_AUTHORITIES), {HOST}, UPTO(5, "subjectAltNames")}},
	{&schema_gwapi_backend_tls_policy, gwapi_check_tls_policy, {UPTO(16, "targetRefs"), UPTO(16, "options")}},
	{&schema_gwapi_budget, gwapi_check_budget, {{"percent", .max = 100}, TEXT("interval", FORM_DURATION)}},
	{&schema_gwapi_retry_rate, gwapi_check_retry_rate, {{"count", .min = 1, .max = 1000000}, TEXT("interval", FORM_DURATION)}},
	{&schema_gwapi_traffic_policy, gwapi_check_traffic_policy, {UPTO(16, "targetRefs")}},
};

static const struct message_rules *rules_of(const struct schema *s)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].of == s)
			return &rules[i];
	return NULL;
}

static const struct facet *facet_of(const struct message_rules *r, const char *field)
{
	for (size_t i = 0; r && i < ARRAY_LEN(r->facets) && r->facets[i].field; i++)
		if (!strcmp(r->facets[i].field, field))
			return &r->facets[i];
	return NULL;
}

/* ---- one field ---- */

static void check_text(struct check *c, const struct where *w, const struct facet *t, const char *text)
{
	if (!text && (t->flags & PRESENT))
		wrong(c, w, D_FIELD_REQUIRED, "%s is required", t->field);
	else if (text && t->form == FORM_ANY && t->max && strlen(text) > (size_t)t->max)
		wrong(c, w, D_FIELD_FORMAT, "%s has at most %lld characters", t->field, (long long)t->max);
	else if (text && !form_fits(t->form, text))
		wrong(c, w, D_FIELD_FORMAT, "\"%.300s\" is no %s", text, form_says(t->form));
}

static void check_number(struct check *c, const struct where *w, const struct facet *t, bool has, int64_t v)
{
	if (!has && (t->flags & PRESENT))
		wrong(c, w, D_FIELD_REQUIRED, "%s is required", t->field);
	else if (has && (v < t->min || v > t->max))
		wrong(c, w, D_FIELD_RANGE, "%lld is not within %lld and %lld", (long long)v, (long long)t->min,
		      (long long)t->max);
}

static void check_count(struct check *c, const struct where *w, const struct facet *t, size_t n)
{
	if (t->max && n > (size_t)t->max)
		wrong(c, w, D_LIMIT_COUNT, "%zu elements, %lld are allowed", n, (long long)t->max);
}

static void check_texts(struct check *c, const struct where *w, const struct facet *t, const struct strs *v)
{
	check_count(c, w, t, v->n);
	for (size_t i = 0; i < v->n; i++) {
		if (!form_fits(t->form, v->v[i]))
			wrong(c, ELEM(w, i), D_FIELD_FORMAT, "\"%.300s\" is no %s", v->v[i], form_says(t->form));
		for (size_t k = 0; (t->flags & DISTINCT) && k < i; k++) {
			if (strcmp(v->v[k], v->v[i]) != 0)
				continue;
			wrong(c, ELEM(w, i), D_ELEMENT_DUPLICATE, "\"%.300s\" stands twice", v->v[i]);
			break;
		}
	}
}

static void check_numbers(struct check *c, const struct where *w, const struct facet *t, const struct u32s *v)
{
	for (size_t i = 0; i < v->n; i++) {
		check_number(c, ELEM(w, i), t, true, v->v[i]);
		for (size_t k = 0; (t->flags & DISTINCT) && k < i; k++) {
			if (v->v[k] != v->v[i])
				continue;
			wrong(c, ELEM(w, i), D_ELEMENT_DUPLICATE, "%u stands twice", v->v[i]);
			break;
		}
	}
}

static const struct schema_field *key_of(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->fields[i].name, name))
			return &s->fields[i];
	must(!"a key that the message does not have");
	return NULL;
}

/* The key of an element as text in out, "" when it has none. */
static const char *key_text(const struct schema_field *key, const char *elem, char out[16])
{
	const void *m = elem + key->offset;

	if (key->type == SCHEMA_STR)
		return text_or(*(const char *const *)m, "");
	snprintf(out, 16, "%u", *(const uint32_t *)m);
	return out;
}

static void check_keys(struct check *c, const struct where *w, const struct facet *t, const struct schema *s,
		       const char *v, size_t n)
{
	const struct schema_field *key = key_of(s, t->key);
	char a[16], b[16];

	for (size_t i = 1; i < n; i++) {
		const char *mine = key_text(key, v + i * s->size, a);

		for (size_t k = 0; *mine && k < i; k++) {
			if (strcmp(mine, key_text(key, v + k * s->size, b)) != 0)
				continue;
			wrong(c, AT(ELEM(w, i), t->key), D_ELEMENT_DUPLICATE, "%s \"%.300s\" stands twice", t->key, mine);
			break;
		}
	}
}

static void check_messages(struct check *c, const struct where *w, const struct facet *t,
			   const struct schema_field *f, const char *base)
{
	size_t n = *(const size_t *)(base + f->n_offset);

	check_count(c, w, t, n);
	if (t->key)
		check_keys(c, w, t, f->msg, *(const char *const *)(base + f->offset), n);
}

static void check_facet(struct check *c, const struct where *w, const struct facet *t,
			const struct schema_field *f, const char *base)
{
	const void *m = base + f->offset;

	switch (f->type) {
	case SCHEMA_STR:
		check_text(c, w, t, *(const char *const *)m);
		break;
	case SCHEMA_STRS:
		check_texts(c, w, t, m);
		break;
	case SCHEMA_U32:
		check_number(c, w, t, true, *(const uint32_t *)m);
		break;
	case SCHEMA_OU32:
		check_number(c, w, t, ((const struct opt_u32 *)m)->has, ((const struct opt_u32 *)m)->v);
		break;
	case SCHEMA_U32S:
		check_numbers(c, w, t, m);
		break;
	case SCHEMA_ENUM:
		if (!*(const int *)m)
			wrong(c, w, D_FIELD_REQUIRED, "%s is required", t->field);
		break;
	case SCHEMA_MSGS:
		check_messages(c, w, t, f, base);
		break;
	case SCHEMA_STRMAP:
		check_count(c, w, t, ((const struct strmap *)m)->n);
		break;
	default:
		must(!"a facet of a field that has none");
	}
}

/* ---- the walk ---- */

static void walk(struct check *c, const struct where *w, const struct schema *s, const char *base)
{
	const struct message_rules *r = rules_of(s);

	for (size_t i = 0; i < s->n; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct facet *t = facet_of(r, f->name);
		const struct where *at = AT(w, f->name);
		const char *m = base + f->offset;

		if (t)
			check_facet(c, at, t, f, base);
		if (f->type == SCHEMA_MSG && *(const char *const *)m)
			walk(c, at, f->msg, *(const char *const *)m);
		for (size_t k = 0; f->type == SCHEMA_MSGS && k < *(const size_t *)(base + f->n_offset); k++)
			walk(c, ELEM(at, k), f->msg, *(const char *const *)m + k * f->msg->size);
	}
	if (r && r->check)
		r->check(c, w, base);
}

void check_gwapi(struct check *c, const void *spec)
{
	walk(c, SPEC, kind_info(c->obj->kind)->schema, spec);
}
