/* SPDX-License-Identifier: Apache-2.0
 *
 * One rule: its callers (any of them) and what they ask for (any of it), each a list of conditions that must
 * all hold; those of "when" belong to every one.
 */
#include "plan/plan_authz_int.h"

#include <string.h>

#include "base/must.h"
#include "base/scalar.h"

static const char jwt_filter[] = "envoy.filters.http.jwt_authn";

struct conds {
	VEC(struct ir_cond) v;
};

/* ---- values ---- */

static const char *join(struct arena *a, const char *x, const char *y)
{
	return arena_printf(a, "%s%s", x, y);
}

struct ir_string_match authz_text_of(const char *value, struct arena *a)
{
	size_t n = strlen(value);

	if (strcmp(value, "*") == 0)
		return (struct ir_string_match){.kind = IR_REGEX, .text = ".+"};
	if (value[0] == '*')
		return (struct ir_string_match){.kind = IR_SUFFIX, .text = value + 1};
	if (n && value[n - 1] == '*')
		return (struct ir_string_match){.kind = IR_PREFIX, .text = arena_strndup(a, value, n - 1)};
	return (struct ir_string_match){.kind = IR_EXACT, .text = value};
}

static bool peer(struct ir_string_match text, struct ir_cond *out)
{
	*out = (struct ir_cond){.kind = IR_COND_PEER, .text = text};
	return true;
}

static bool peer_regex(const char *regex, struct ir_cond *out)
{
	return peer((struct ir_string_match){.kind = IR_REGEX, .text = regex}, out);
}

static bool principal(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	struct ir_string_match m = authz_text_of(value, c->arena);

	(void)arg;
	if (m.kind == IR_SUFFIX)
		return peer_regex(arena_printf(c->arena, "spiffe://.*%s", plan_quote_regex(m.text, c->arena)), out);
	if (m.kind != IR_REGEX)
		m.text = join(c->arena, "spiffe://", m.text);
	return peer(m, out);
}

/* As a regular expression, "*" for anything. */
static const char *glob(const char *value, const char *any, struct arena *a)
{
	const char *out = "", *star;

	for (; (star = strchr(value, '*')); value = star + 1)
		out = arena_printf(a, "%s%s%s", out, plan_quote_regex(arena_strndup(a, value, (size_t)(star - value)), a), any);
	return join(a, out, plan_quote_regex(value, a));
}

static bool namespace(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	return peer_regex(arena_printf(c->arena, ".*/ns/%s/.*", glob(value, ".*", c->arena)), out);
}

static bool service_account(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	const char *slash = strchr(value, '/'), *ns = c->ns;
	struct arena *a = c->arena;

	(void)arg;
	if (slash)
		ns = arena_strndup(a, value, (size_t)(slash - value));
	return peer_regex(arena_printf(a, "spiffe://.+/ns/%s/(.+/|)sa/%s(/.+)?", plan_quote_regex(ns, a),
				       plan_quote_regex(slash ? slash + 1 : value, a)), out);
}

static bool trust_domain(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	struct arena *a = c->arena;

	(void)arg;
	if (strchr(value, '*') && strcmp(value, "*") != 0)
		return peer_regex(arena_printf(a, "spiffe://%s/.*", glob(value, "[^/]*", a)), out);
	return peer((struct ir_string_match){.kind = IR_PREFIX, .text = strcmp(value, "*") == 0
								 ? "spiffe://"
								 : arena_printf(a, "spiffe://%s/", value)}, out);
}

static bool address(const struct authz_ctx *c, const char *value, enum ir_cond_kind kind, struct ir_cond *out)
{
	const char *slash = strchr(value, '/');
	struct cidr net;

	if (scalar_cidr(value, &net))
		return false;
	*out = (struct ir_cond){.kind = kind, .net = {.ip = value, .len = net.prefix_len}};
	if (slash)
		out->net.ip = arena_strndup(c->arena, value, (size_t)(slash - value));
	return true;
}

static bool direct_ip(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	return address(c, value, IR_COND_DIRECT_IP, out);
}

static bool remote_ip(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	return address(c, value, IR_COND_REMOTE_IP, out);
}

static bool destination_ip(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	return address(c, value, IR_COND_DESTINATION_IP, out);
}

static bool port(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	int64_t number;

	(void)c;
	(void)arg;
	if (scalar_int(value, 0, 65535, &number))
		return false;
	*out = (struct ir_cond){.kind = IR_COND_DESTINATION_PORT, .port = (uint32_t)number};
	return true;
}

static bool sni(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	*out = (struct ir_cond){.kind = IR_COND_SNI, .text = authz_text_of(value, c->arena)};
	return true;
}

static bool header(const struct authz_ctx *c, const char *name, const char *value, struct ir_cond *out)
{
	*out = (struct ir_cond){.kind = IR_COND_HEADER, .name = name, .text = authz_text_of(value, c->arena)};
	if (out->text.kind == IR_REGEX)
		out->text = (struct ir_string_match){.kind = IR_PRESENT};
	return true;
}

static bool host(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	header(c, ":authority", value, out);
	out->text.ignore_case = out->text.kind != IR_PRESENT;
	return true;
}

static bool method(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	return header(c, ":method", value, out);
}

/* "{*}" is a segment, "{**}" any number of them; Envoy writes them without braces. */
static const char *template_of(const char *path, struct arena *a)
{
	char *out = arena_strdup(a, path), *to = out;

	for (; *path; path++)
		if (*path != '{' && *path != '}')
			*to++ = *path;
	*to = '\0';
	return out;
}

static bool path(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	if (strstr(value, "{*}") || strstr(value, "{**}"))
		*out = (struct ir_cond){.kind = IR_COND_PATH_TEMPLATE, .text.text = template_of(value, c->arena)};
	else
		*out = (struct ir_cond){.kind = IR_COND_PATH, .text = authz_text_of(value, c->arena)};
	return true;
}

/* ---- values of metadata ---- */

static const char **keys_new(struct arena *a, size_t n)
{
	return arena_array(a, const char *, n);
}

static struct ir_cond claim(struct arena *a, const char *name, struct ir_string_match text)
{
	const char **keys = keys_new(a, 2);

	keys[0] = "payload";
	keys[1] = name;
	return (struct ir_cond){.kind = IR_COND_METADATA, .name = jwt_filter, .path = {keys, 2}, .text = text};
}

/* "issuer/subject"; a "*" at an end, or alone, is for what stands there. */
static bool request_principal(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	struct ir_cond *both = arena_array(c->arena, struct ir_cond, 2);
	const char *slash = strrchr(value, '/'), *iss = value, *sub = "";
	size_t n = strlen(value);

	(void)arg;
	if (slash) {
		iss = arena_strndup(c->arena, value, (size_t)(slash - value));
		sub = slash + 1;
	} else if (strcmp(value, "*") == 0) {
		sub = "*";
	} else if (value[0] == '*') {
		iss = "*";
		sub = value;
	} else if (n && value[n - 1] == '*') {
		sub = "*";
	}
	both[0] = claim(c->arena, "iss", authz_text_of(iss, c->arena));
	both[1] = claim(c->arena, "sub", authz_text_of(sub, c->arena));
	*out = (struct ir_cond){.kind = IR_COND_ALL, .v = both, .n = 2};
	return true;
}

static bool claim_in(const struct authz_ctx *c, const char *name, const char *value, struct ir_cond *out)
{
	*out = claim(c->arena, name, authz_text_of(value, c->arena));
	out->list = IR_VALUE_OR_OF_LIST;
	return true;
}

static bool audience(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	return claim_in(c, "aud", value, out);
}

static bool presenter(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	(void)arg;
	return claim_in(c, "azp", value, out);
}

/* arg: "a][b" of "request.auth.claims[a][b]". */
static bool claims(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	const char **keys = keys_new(c->arena, strlen(arg) / 2 + 2);
	size_t n = 0;

	claim_in(c, "", value, out);
	for (keys[n++] = "payload"; arg; ) {
		const char *end = strstr(arg, "][");

		keys[n++] = end ? arena_strndup(c->arena, arg, (size_t)(end - arg)) : arg;
		arg = end ? end + 2 : NULL;
	}
	out->path = (struct strs){keys, n};
	return true;
}

/* arg: "a.b[c" of "experimental.envoy.filters.a.b[c]"; a value "[v]" is one of a list. */
static bool filter_metadata(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out)
{
	const char *bracket = strchr(arg, '['), **keys = keys_new(c->arena, 1);
	size_t n = strlen(value);
	bool list = n > 1 && value[0] == '[' && value[n - 1] == ']';

	if (!bracket)
		return false;
	keys[0] = bracket + 1;
	if (list)
		value = arena_strndup(c->arena, value + 1, n - 2);
	*out = (struct ir_cond){.kind = IR_COND_METADATA, .path = {keys, 1}, .text = authz_text_of(value, c->arena),
				.list = list ? IR_VALUE_OF_LIST : IR_VALUE};
	out->name = arena_printf(c->arena, "envoy.filters.%.*s", (int)(bracket - arg), arg);
	return true;
}

/* ---- attributes ---- */

struct attribute {
	const char *key;		/* of "when"; with a "[" or "." at its end: what follows is the argument */
	bool of_caller, http;		/* http: connections have it not */
	bool alone;			/* one value needs no list */
	bool (*make)(const struct authz_ctx *c, const char *arg, const char *value, struct ir_cond *out);
};

static const struct attribute
	a_principal = {"source.principal", true, false, false, principal},
	a_namespace = {"source.namespace", true, false, false, namespace},
	a_service_account = {"source.serviceAccount", true, false, false, service_account},
	a_trust_domain = {"source.trustDomain", true, false, false, trust_domain},
	a_direct_ip = {"source.ip", true, false, false, direct_ip},
	a_remote_ip = {"remote.ip", true, false, false, remote_ip},
	a_request_principal = {"request.auth.principal", true, true, true, request_principal},
	a_audience = {"request.auth.audiences", true, true, true, audience},
	a_presenter = {"request.auth.presenter", true, true, true, presenter},
	a_claims = {"request.auth.claims[", true, true, true, claims},
	a_header = {"request.headers[", true, true, false, header},
	a_destination_ip = {"destination.ip", false, false, false, destination_ip},
	a_port = {"destination.port", false, false, false, port},
	a_sni = {"connection.sni", false, false, false, sni},
	a_filter = {"experimental.envoy.filters.", false, false, true, filter_metadata},
	a_host = {"", false, true, false, host},
	a_method = {"", false, true, false, method},
	a_path = {"", false, true, false, path};

static const struct attribute *const of_when[] = {
	&a_principal, &a_namespace, &a_service_account, &a_trust_domain, &a_direct_ip, &a_remote_ip, &a_request_principal,
	&a_audience, &a_presenter, &a_claims, &a_header, &a_destination_ip, &a_port, &a_sni, &a_filter,
};

/* A list of values, and of values that must not be, in a struct that the schema made. */
struct field {
	size_t values, not_values;
	const struct attribute *attribute;
};
#define FIELD(type, name, attribute) {offsetof(struct type, name), offsetof(struct type, not_##name), attribute}

static const struct field of_source[] = {
	FIELD(authz_source, principals, &a_principal),
	FIELD(authz_source, request_principals, &a_request_principal),
	FIELD(authz_source, service_accounts, &a_service_account),
	FIELD(authz_source, namespaces, &a_namespace),
	FIELD(authz_source, trust_domains, &a_trust_domain),
	FIELD(authz_source, remote_ip_blocks, &a_remote_ip),
	FIELD(authz_source, ip_blocks, &a_direct_ip),
};
static const struct field of_operation[] = {
	FIELD(authz_operation, hosts, &a_host),
	FIELD(authz_operation, methods, &a_method),
	FIELD(authz_operation, paths, &a_path),
	FIELD(authz_operation, ports, &a_port),
};

/* ---- trust domains ---- */

/* "*x", "x*" or x itself. */
static bool glob_matches(const char *pattern, const char *text)
{
	size_t n = strlen(pattern), m = strlen(text);

	if (pattern[0] == '*')
		return m >= n - 1 && strcmp(text + m - (n - 1), pattern + 1) == 0;
	if (n && pattern[n - 1] == '*')
		return strncmp(text, pattern, n - 1) == 0;
	return strcmp(pattern, text) == 0;
}

/* The principal in the trust domain and in each of its aliases, when it is of one of them ("cluster.local" is the
 * trust domain, whatever its name). What is no "domain/ns/NS/sa/SA" stays as it is. */
static void add_aliases(const struct mesh_config *mesh, const char *value, struct strs *out, const char **v, struct arena *a)
{
	const char *slash = strchr(value, '/'), *rest = slash ? slash : "";
	const char *domain = slash ? arena_strndup(a, value, (size_t)(slash - value)) : "";
	size_t slashes = 0, n_domains = mesh->trust_domain_aliases.n + 1;
	bool ours = false;

	for (const char *p = rest; *p; p++)
		slashes += *p == '/';
	for (size_t i = 0; slashes == 4 && i < n_domains && !ours; i++)
		ours = glob_matches(domain, i ? mesh->trust_domain_aliases.v[i - 1] : mesh->trust_domain);
	ours = ours || (slashes == 4 && strcmp(domain, "cluster.local") == 0);
	if (!ours)
		v[out->n++] = value;
	for (size_t i = 0; ours && i < n_domains; i++) {
		const char *td = i ? mesh->trust_domain_aliases.v[i - 1] : mesh->trust_domain;
		const char *alias = glob_matches(domain, td) ? value : join(a, td, rest);

		if (!strs_has(out, alias))
			v[out->n++] = alias;
	}
}

static struct strs with_aliases(const struct authz_ctx *c, const struct strs *values)
{
	const struct mesh_config *mesh = c->plan->snap->mesh;
	const char **v = arena_array(c->arena, const char *, values->n * (mesh->trust_domain_aliases.n + 1));
	struct strs out = {v, 0};

	for (size_t i = 0; i < values->n; i++)
		add_aliases(mesh, values->v[i], &out, v, c->arena);
	return out;
}

/* ---- conditions ---- */

/* Any of the values. false: one of them means nothing. */
static bool one_of(const struct authz_ctx *c, const struct attribute *attr, const char *arg, const struct strs *values,
		   struct ir_cond *out)
{
	struct strs all = attr == &a_principal ? with_aliases(c, values) : *values;
	struct ir_cond *v = arena_array(c->arena, struct ir_cond, all.n);

	for (size_t i = 0; i < all.n; i++)
		if (!attr->make(c, arg, all.v[i], &v[i]))
			return false;
	*out = attr->alone && all.n == 1 ? v[0] : (struct ir_cond){.kind = IR_COND_ONE, .v = v, .n = all.n};
	return true;
}

/* false: the rule is none. What connections do not have, or what means nothing, is left out where that denies more. */
static bool add(const struct authz_ctx *c, const struct attribute *attr, const char *arg, const struct strs *values,
		const struct strs *not_values, struct conds *out)
{
	struct ir_cond yes, *no = arena_new(c->arena, struct ir_cond);

	if (!values->n && !not_values->n)
		return true;
	if (c->tcp && attr->http)
		return !c->allows;
	if (values->n) {
		if (one_of(c, attr, arg, values, &yes))
			*vec_push(&out->v, c->arena) = yes;
		else if (c->allows)
			return false;
	}
	if (not_values->n) {
		if (one_of(c, attr, arg, not_values, no))
			*vec_push(&out->v, c->arena) = (struct ir_cond){.kind = IR_COND_NOT, .v = no, .n = 1};
		else if (c->allows)
			return false;
	}
	return true;
}

static bool add_fields(const struct authz_ctx *c, const struct field *fields, size_t n, const void *in, struct conds *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct strs *values = (const void *)((const char *)in + fields[i].values);
		const struct strs *not_values = (const void *)((const char *)in + fields[i].not_values);

		if (!add(c, fields[i].attribute, NULL, values, not_values, out))
			return false;
	}
	return true;
}

static const struct attribute *attribute_of(const char *key, const char **arg, struct arena *a)
{
	for (size_t i = 0; i < ARRAY_LEN(of_when); i++) {
		const struct attribute *x = of_when[i];
		size_t n = strlen(x->key), len = strlen(key);
		bool takes_more = strchr("[.", x->key[n - 1]);

		*arg = NULL;
		if (!takes_more && strcmp(key, x->key) == 0)
			return x;
		if (!takes_more || strncmp(key, x->key, n) != 0 || len <= n || key[len - 1] != ']')
			continue;
		*arg = arena_strndup(a, key + n, len - n - 1);
		return x;
	}
	return NULL;
}

static bool add_when(const struct authz_ctx *c, const struct authz_rule *in, bool of_caller, struct conds *out)
{
	for (size_t i = 0; i < in->n_when; i++) {
		const char *arg;
		const struct attribute *x = attribute_of(in->when[i].key, &arg, c->arena);

		if (!x && c->allows)
			return false;
		if (x && x->of_caller == of_caller && !add(c, x, arg, &in->when[i].values, &in->when[i].not_values, out))
			return false;
	}
	return true;
}

static struct ir_cond all_of(const struct conds *c)
{
	static const struct ir_cond any = {.kind = IR_COND_ANY};

	return (struct ir_cond){.kind = IR_COND_ALL, .v = c->v.n ? c->v.v : &any, .n = c->v.n ? c->v.n : 1};
}

/* in: of the n sources or operations, at(i); none: "when" alone. */
typedef const void *member_fn(const struct authz_rule *in, size_t i);

static const void *source_at(const struct authz_rule *in, size_t i)
{
	return in->from[i].source;
}

static const void *operation_at(const struct authz_rule *in, size_t i)
{
	return in->to[i].operation;
}

static bool side_of(const struct authz_ctx *c, const struct authz_rule *in, bool of_caller, const struct ir_cond **out,
		    size_t *n_out)
{
	const struct field *fields = of_caller ? of_source : of_operation;
	size_t n_fields = of_caller ? ARRAY_LEN(of_source) : ARRAY_LEN(of_operation);
	size_t n = of_caller ? in->n_from : in->n_to;
	member_fn *at = of_caller ? source_at : operation_at;
	struct ir_cond *v = arena_array(c->arena, struct ir_cond, n ? n : 1);

	for (size_t i = 0; i < (n ? n : 1); i++) {
		struct conds conds = {0};

		if (n && at(in, i) && !add_fields(c, fields, n_fields, at(in, i), &conds))
			return false;
		if (!add_when(c, in, of_caller, &conds))
			return false;
		v[i] = all_of(&conds);
	}
	*out = v;
	*n_out = n ? n : 1;
	return true;
}

bool authz_rule_of(const struct authz_ctx *c, const struct authz_rule *in, struct ir_authz_policy *out)
{
	return side_of(c, in, false, &out->permissions, &out->n_permissions) &&
	       side_of(c, in, true, &out->principals, &out->n_principals);
}

void authz_nothing(struct ir_authz_policy *out)
{
	static const struct ir_cond any = {.kind = IR_COND_ANY}, none = {.kind = IR_COND_NOT, .v = &any, .n = 1};

	out->permissions = out->principals = &none;
	out->n_permissions = out->n_principals = 1;
}
