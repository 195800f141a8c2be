/* SPDX-License-Identifier: Apache-2.0
 *
 * PeerAuthentication, RequestAuthentication, AuthorizationPolicy; and what policies of every group
 * say of the workloads they are for.
 */
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/check_int.h"
#include "model/jwks.h"

#define DRY_RUN "istio.io/dry-run"

/* ---- whom a policy is for ---- */

enum { LABEL_MAX = 63, NAME_MAX = 253, ACCOUNT_MAX = 320, URL_MAX = 2048 };

static void check_policy_selector(struct check *c, const struct policy_selector *s)
{
	const struct where *at = AT(AT(SPEC, "selector"), "matchLabels");

	for (size_t i = 0; i < s->match_labels.n; i++) {
		const char *key = s->match_labels.v[i].key, *value = s->match_labels.v[i].value;

		if (!*key)
			wrong(c, at, D_ATTACHMENT_INVALID, "empty key is not supported in selector");
		if (strchr(key, '*') || strchr(value, '*'))
			wrong(c, AT(at, key), D_ATTACHMENT_INVALID, "wildcard not supported in selector: \"%.300s: %.100s\"", key, value);
		if (strlen(value) > LABEL_MAX)
			wrong(c, AT(at, key), D_ATTACHMENT_INVALID, "a value has at most %d characters", LABEL_MAX);
	}
}

/* The kinds that a policy may be attached to. */
static const struct {
	const char *group, *kind;
} attachable[] = {
	{"gateway.networking.k8s.io", "Gateway"}, {"gateway.networking.k8s.io", "GatewayClass"},
	{"", "Service"}, {"core", "Service"}, {"networking.istio.io", "ServiceEntry"},
};

static void check_policy_target(struct check *c, const struct where *at, const struct policy_target *t)
{
	const char *group = t->group ? t->group : "";
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(attachable); i++)
		known = known || (!strcmp(group, attachable[i].group) && !strcmp(t->kind, attachable[i].kind));
	if (!known)
		wrong(c, at, D_ATTACHMENT_INVALID,
		      "\"%.100s/%.100s\" is none of core/Service, networking.istio.io/ServiceEntry, "
		      "gateway.networking.k8s.io/Gateway, gateway.networking.k8s.io/GatewayClass", group, t->kind);
	if (given(t->ns))
		wrong(c, AT(at, "namespace"), D_ATTACHMENT_INVALID, "cross namespace referencing is not supported");
	if (strlen(t->name) > NAME_MAX)
		wrong(c, AT(at, "name"), D_ATTACHMENT_INVALID, "a name has at most %d characters", NAME_MAX);
}

void check_attachment(struct check *c, const struct policy_selector *selector, const struct policy_target *ref,
		      const struct policy_target *refs, size_t n)
{
	if (selector)
		check_policy_selector(c, selector);
	if (ref)
		check_policy_target(c, AT(SPEC, "targetRef"), ref);
	for (size_t i = 0; i < n; i++)
		check_policy_target(c, ELEM(AT(SPEC, "targetRefs"), i), &refs[i]);
	if ((selector != NULL) + (ref != NULL) + (n > 0) > 1)
		wrong(c, SPEC, D_ATTACHMENT_INVALID, "only one of targetRefs or selector can be set");
}

/* ---- PeerAuthentication ---- */

void check_peer_authentication(struct check *c, const void *spec)
{
	const struct peer_authentication *p = spec;
	const struct where *at = AT(SPEC, "portLevelMtls");
	int64_t port;

	check_attachment(c, p->selector, NULL, NULL, 0);
	if (p->n_port_level_mtls && !(p->selector && p->selector->match_labels.n))
		wrong(c, at, D_POLICY_INVALID, "mesh/namespace peer authentication cannot have port level mTLS: it needs a selector");
	for (size_t i = 0; i < p->n_port_level_mtls; i++)
		if (scalar_int(p->port_level_mtls_keys[i], 1, 65535, &port))
			wrong(c, AT(at, p->port_level_mtls_keys[i]), D_PORT_INVALID, "port number %.20s must be in the range 1..65535",
			      p->port_level_mtls_keys[i]);
}

/* ---- RequestAuthentication ---- */

static void check_not_empty(struct check *c, const struct where *at, const struct strs *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!*list->v[i])
			wrong(c, ELEM(at, i), D_POLICY_INVALID, "value must not be empty");
}

static bool is_http_url(const char *s)
{
	const char *host = !strncasecmp(s, "http://", 7) ? s + 7 : !strncasecmp(s, "https://", 8) ? s + 8 : NULL;
	size_t n = host ? strcspn(host, "/?#") : 0;
	const char *colon = host ? memrchr(host, ':', n) : NULL;
	char port[8] = "";
	int64_t number;

	if (!host || !n || colon == host || strlen(s) > URL_MAX || host[strcspn(host, " \t\r\n\\")])
		return false;
	if (!colon || memchr(colon, ']', n - (size_t)(colon - host)))
		return true;
	n -= (size_t)(colon + 1 - host);
	if (n >= sizeof(port))
		return false;
	memcpy(port, colon + 1, n);
	return scalar_int(port, 1, 65535, &number) == 0;
}

/* As Istio's: stricter than HTTP, so that nothing forges a pseudo-header. */
static bool is_plain_header(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", *p))
			return false;
	return *name;
}

static void check_jwks(struct check *c, const struct where *at, const struct jwt_rule *r)
{
	struct arena scratch;
	struct jwks_text set;

	if (r->jwks_uri && !is_http_url(r->jwks_uri))
		wrong(c, AT(at, "jwksUri"), D_POLICY_INVALID, "\"%.200s\" is no http:// or https:// URL", r->jwks_uri);
	if (given(r->jwks) && given(r->jwks_uri))
		wrong(c, at, D_POLICY_INVALID, "only one of jwks or jwksUri can be set");
	if (!given(r->jwks))
		return;
	arena_init(&scratch, 0);
	if (!jwks_read(r->jwks, &scratch, &set))
		wrong(c, AT(at, "jwks"), D_POLICY_INVALID, "this is no JSON Web Key Set: {\"keys\": [...]}");
	else if (!set.n_keys)
		wrong(c, AT(at, "jwks"), D_JWKS_KEYS, "no key of the set can be used: no token is good by it");
	else if (set.n_left_out)
		wrong(c, AT(at, "jwks"), D_JWKS_KEYS, "%zu of the keys cannot be used", set.n_left_out);
	if (set.has_private)
		wrong(c, AT(at, "jwks"), D_JWKS_PRIVATE, "a key has its private part: whoever reads the object can sign tokens");
	arena_fini(&scratch);
}

static void check_jwt_header(struct check *c, const struct where *at, const struct jwt_header *h)
{
	if (!is_plain_header(h->name))
		wrong(c, at, D_HEADER_INVALID, "\"%.100s\" is no name of a header", h->name);
	if (h->prefix && strpbrk(h->prefix, "\r\n"))
		wrong(c, AT(at, "prefix"), D_HEADER_INVALID, "no value of a header has a line break");
}

static void check_jwt_rule(struct check *c, const struct where *at, const struct jwt_rule *r)
{
	check_not_empty(c, AT(at, "audiences"), &r->audiences);
	check_jwks(c, at, r);
	for (size_t i = 0; i < r->n_from_headers; i++)
		check_jwt_header(c, ELEM(AT(at, "fromHeaders"), i), &r->from_headers[i]);
	check_not_empty(c, AT(at, "fromParams"), &r->from_params);
	check_not_empty(c, AT(at, "fromCookies"), &r->from_cookies);
	check_not_empty(c, AT(at, "spaceDelimitedClaims"), &r->space_delimited_claims);
	if (r->output_payload_to_header && !is_plain_header(r->output_payload_to_header))
		wrong(c, AT(at, "outputPayloadToHeader"), D_HEADER_INVALID, "\"%.100s\" is no name of a header",
		      r->output_payload_to_header);
	for (size_t i = 0; i < r->n_output_claim_to_headers; i++)
		if (!is_plain_header(r->output_claim_to_headers[i].header))
			wrong(c, AT(ELEM(AT(at, "outputClaimToHeaders"), i), "header"), D_HEADER_INVALID,
			      "\"%.100s\" is no name of a header", r->output_claim_to_headers[i].header);
	if (r->timeout.has)
		check_duration(c, AT(at, "timeout"), &r->timeout);
}

/* Where a rule looks that says nothing of it. */
static const struct jwt_header bearer = {.name = "authorization", .prefix = "Bearer "};
static const char *const access_token[] = {"access_token"};

struct places {
	const struct jwt_header *headers;
	size_t n_headers;
	struct strs params, cookies;
};

static struct places places_of(const struct jwt_rule *r)
{
	if (r->n_from_headers || r->from_params.n || r->from_cookies.n)
		return (struct places){r->from_headers, r->n_from_headers, r->from_params, r->from_cookies};
	return (struct places){&bearer, 1, {access_token, 1}, {0}};
}

static bool has_header(const struct places *p, const struct jwt_header *h)
{
	for (size_t i = 0; i < p->n_headers; i++)
		if (!strcasecmp(p->headers[i].name, h->name))
			return true;
	return false;
}

static bool has_all(const struct strs *some, const struct strs *all)
{
	for (size_t i = 0; i < some->n; i++)
		if (!strs_has(all, some->v[i]))
			return false;
	return true;
}

/* Wherever the one looks, the other does. */
static bool is_within(const struct places *one, const struct places *other)
{
	for (size_t i = 0; i < one->n_headers; i++)
		if (!has_header(other, &one->headers[i]))
			return false;
	return has_all(&one->params, &other->params) && has_all(&one->cookies, &other->cookies);
}

static void check_required(struct check *c, const struct request_authentication *r, size_t i)
{
	struct places own = places_of(&r->jwt_rules[i]);

	for (size_t k = 0; r->jwt_rules[i].presence == JWT_PRESENCE_REQUIRED && k < r->n_jwt_rules; k++) {
		struct places other = places_of(&r->jwt_rules[k]);

		if (!strcmp(r->jwt_rules[i].issuer, r->jwt_rules[k].issuer) || !is_within(&own, &other))
			continue;
		wrong(c, AT(ELEM(AT(SPEC, "jwtRules"), i), "presence"), D_JWT_PLACE_SHARED,
		      "jwtRules[%zu] looks at the same place for tokens of %.100s: no token is good for both", k,
		      r->jwt_rules[k].issuer);
		return;
	}
}

void check_request_authentication(struct check *c, const void *spec)
{
	const struct request_authentication *r = spec;

	if (strmap_get(&c->obj->annotations, DRY_RUN))
		wrong(c, SPEC, D_POLICY_INVALID, "RequestAuthentication does not support the annotation " DRY_RUN);
	check_attachment(c, r->selector, r->target_ref, r->target_refs, r->n_target_refs);
	for (size_t i = 0; i < r->n_jwt_rules; i++)
		check_jwt_rule(c, ELEM(AT(SPEC, "jwtRules"), i), &r->jwt_rules[i]);
	for (size_t i = 0; i < r->n_jwt_rules; i++)
		check_required(c, r, i);
}

/* ---- AuthorizationPolicy ---- */

static void check_blocks(struct check *c, const struct where *at, const struct strs *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!is_ip_or_cidr(list->v[i]))
			wrong(c, ELEM(at, i), D_POLICY_INVALID, "\"%.100s\" is no address or CIDR", list->v[i]);
}

static void check_port_texts(struct check *c, const struct where *at, const struct strs *list)
{
	int64_t port;

	for (size_t i = 0; i < list->n; i++)
		if (scalar_int(list->v[i], 0, 65535, &port))
			wrong(c, ELEM(at, i), D_PORT_INVALID, "\"%.100s\" is no port", list->v[i]);
}

static void check_accounts(struct check *c, const struct where *at, const struct strs *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *s = list->v[i], *slash = strchr(s, '/');

		if (!*s || strlen(s) > ACCOUNT_MAX || slash == s || (slash && (!slash[1] || strchr(slash + 1, '/'))))
			wrong(c, ELEM(at, i), D_POLICY_INVALID, "\"%.100s\" is no [namespace/]serviceAccount", s);
	}
}

/* "{*}" and "{**}" are whole segments, and "{**}" is the last of them. Envoy ends where a template begins with another
 * character than a slash. */
static const char *wrong_path_template(const char *path)
{
	bool is_template = strstr(path, "{*}") || strstr(path, "{**}"), rest = false;
	const char *end;

	if (is_template && *path != '/')
		return "a path with {*} or {**} begins with '/'";
	for (const char *p = path; *p; p = *end ? end + 1 : end) {
		size_t n = strcspn(p, "/");
		bool one = n == 3 && !strncmp(p, "{*}", n), any = n == 4 && !strncmp(p, "{**}", n);

		end = p + n;
		if (!one && !any && (memchr(p, '{', n) || memchr(p, '}', n)))
			return "'{' and '}' stand in {*} and {**} only, which are whole segments";
		if (is_template && !one && !any && memchr(p, '*', n))
			return "'*' stands inside of {*} and {**} only";
		if (rest && (one || any))
			return "{**} is the last of the templates";
		rest = rest || any;
	}
	return NULL;
}

static void check_paths(struct check *c, const struct where *at, const struct strs *list)
{
	check_not_empty(c, at, list);
	for (size_t i = 0; i < list->n; i++) {
		const char *why = wrong_path_template(list->v[i]);

		if (why)
			wrong(c, ELEM(at, i), D_POLICY_INVALID, "%.200s: %s", list->v[i], why);
	}
}

/* What may stand in a list of a rule. */
typedef void list_check_fn(struct check *c, const struct where *at, const struct strs *list);
struct rule_list {
	const char *name;
	size_t offset;
	list_check_fn *check;
	bool not_custom;	/* not with action CUSTOM */
};
#define LIST(type, member, name, check, not_custom) {name, offsetof(struct type, member), check, not_custom}

static const struct rule_list source_lists[] = {
	LIST(authz_source, principals, "principals", check_not_empty, true),
	LIST(authz_source, not_principals, "notPrincipals", check_not_empty, true),
	LIST(authz_source, request_principals, "requestPrincipals", check_not_empty, true),
	LIST(authz_source, not_request_principals, "notRequestPrincipals", check_not_empty, true),
	LIST(authz_source, namespaces, "namespaces", check_not_empty, true),
	LIST(authz_source, not_namespaces, "notNamespaces", check_not_empty, true),
	LIST(authz_source, service_accounts, "serviceAccounts", check_accounts, true),
	LIST(authz_source, not_service_accounts, "notServiceAccounts", check_accounts, true),
	LIST(authz_source, trust_domains, "trustDomains", check_not_empty, true),
	LIST(authz_source, not_trust_domains, "notTrustDomains", check_not_empty, true),
	LIST(authz_source, ip_blocks, "ipBlocks", check_blocks, false),
	LIST(authz_source, not_ip_blocks, "notIpBlocks", check_blocks, false),
	LIST(authz_source, remote_ip_blocks, "remoteIpBlocks", check_blocks, false),
	LIST(authz_source, not_remote_ip_blocks, "notRemoteIpBlocks", check_blocks, false),
};

static const struct rule_list operation_lists[] = {
	LIST(authz_operation, hosts, "hosts", check_not_empty, false),
	LIST(authz_operation, not_hosts, "notHosts", check_not_empty, false),
	LIST(authz_operation, ports, "ports", check_port_texts, false),
	LIST(authz_operation, not_ports, "notPorts", check_port_texts, false),
	LIST(authz_operation, methods, "methods", check_not_empty, false),
	LIST(authz_operation, not_methods, "notMethods", check_not_empty, false),
	LIST(authz_operation, paths, "paths", check_paths, false),
	LIST(authz_operation, not_paths, "notPaths", check_paths, false),
};

static void check_lists(struct check *c, const struct where *at, const void *of, const struct rule_list *lists, size_t n,
			bool custom)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct strs *list = (const struct strs *)((const char *)of + lists[i].offset);

		any = any || list->n;
		lists[i].check(c, AT(at, lists[i].name), list);
		if (custom && lists[i].not_custom && list->n)
			wrong(c, AT(at, lists[i].name), D_POLICY_INVALID, "%s is not supported with action CUSTOM", lists[i].name);
	}
	if (!any)
		wrong(c, at, D_POLICY_INVALID, "this cannot be empty: it needs at least one list");
}

static void check_source(struct check *c, const struct where *at, const struct authz_source *s, bool custom)
{
	check_lists(c, at, s, source_lists, ARRAY_LEN(source_lists), custom);
	if ((s->service_accounts.n && (s->principals.n || s->namespaces.n)) ||
	    (s->not_service_accounts.n && (s->not_principals.n || s->not_namespaces.n)))
		wrong(c, AT(at, "serviceAccounts"), D_POLICY_INVALID, "cannot set serviceAccounts with namespaces or principals");
}

/* The attributes of `when`. form: how values look, and whether the key has a part in brackets. */
static const struct attribute {
	const char *key;
	bool bracket;
	list_check_fn *values;
	bool not_custom;
} attributes[] = {
	{"request.headers", true, NULL, false},
	{"source.ip", false, check_blocks, false},
	{"remote.ip", false, check_blocks, false},
	{"source.namespace", false, NULL, true},
	{"source.principal", false, NULL, true},
	{"source.serviceAccount", false, check_accounts, true},
	{"source.trustDomain", false, NULL, true},
	{"request.auth.principal", false, NULL, true},
	{"request.auth.audiences", false, NULL, true},
	{"request.auth.presenter", false, NULL, true},
	{"request.auth.claims", true, NULL, true},
	{"destination.ip", false, check_blocks, false},
	{"destination.port", false, check_port_texts, false},
	{"connection.sni", false, NULL, false},
	{"experimental.envoy.filters.", true, NULL, false},
};

static const struct attribute *find_attribute(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		const struct attribute *a = &attributes[i];
		size_t n = strlen(a->key);

		if (a->bracket ? !strncmp(key, a->key, n) : !strcmp(key, a->key))
			return a;
	}
	return NULL;
}

static void check_when(struct check *c, const struct where *at, const struct authz_when *w, bool custom)
{
	const struct attribute *a = find_attribute(w->key);
	size_t n = strlen(w->key);

	if (!w->values.n && !w->not_values.n)
		wrong(c, at, D_POLICY_INVALID, "at least one of values or notValues must be set");
	if (!a) {
		wrong(c, AT(at, "key"), D_POLICY_INVALID, "unknown attribute \"%.100s\"", w->key);
		return;
	}
	/* Envoy takes no empty name, and none with a line break */
	if (a->bracket && (!strchr(w->key, '[') || w->key[n - 1] != ']' || strstr(w->key, "[]") || strpbrk(w->key, "\r\n")))
		wrong(c, AT(at, "key"), D_POLICY_INVALID, "bad key \"%.100s\": it should have the form a[b]", w->key);
	if (custom && a->not_custom)
		wrong(c, AT(at, "key"), D_POLICY_INVALID, "%s is not supported with action CUSTOM", w->key);
	if (a->values) {
		a->values(c, AT(at, "values"), &w->values);
		a->values(c, AT(at, "notValues"), &w->not_values);
	}
}

static void check_authz_rule(struct check *c, const struct where *at, const struct authz_rule *r, bool custom)
{
	for (size_t i = 0; i < r->n_from; i++)
		check_source(c, AT(ELEM(AT(at, "from"), i), "source"), r->from[i].source, custom);
	for (size_t i = 0; i < r->n_to; i++)
		check_lists(c, AT(ELEM(AT(at, "to"), i), "operation"), r->to[i].operation, operation_lists,
			    ARRAY_LEN(operation_lists), false);
	for (size_t i = 0; i < r->n_when; i++)
		check_when(c, ELEM(AT(at, "when"), i), &r->when[i], custom);
}

static void check_action(struct check *c, const struct authorization_policy *p)
{
	const char *dry_run = strmap_get(&c->obj->annotations, DRY_RUN);
	bool custom = p->action == AUTHZ_CUSTOM;

	if (custom && !p->n_rules)
		wrong(c, SPEC, D_POLICY_INVALID, "action CUSTOM without rules is never triggered");
	if (custom && !(p->provider && given(p->provider->name)))
		wrong(c, AT(SPEC, "provider"), D_POLICY_INVALID, "provider.name must not be empty with action CUSTOM");
	if (!custom && p->provider)
		wrong(c, AT(SPEC, "provider"), D_POLICY_INVALID, "provider must not be used with actions other than CUSTOM");
	if (p->action == AUTHZ_DENY && !p->n_rules)
		wrong(c, SPEC, D_POLICY_INVALID, "action DENY without rules is never triggered: add an empty rule {} to deny every request");
	if (dry_run && !scalar_is_bool(dry_run))
		wrong(c, SPEC, D_POLICY_INVALID, "the annotation " DRY_RUN " is \"%.50s\", neither true nor false", dry_run);
	else if (dry_run && p->action != AUTHZ_ALLOW && p->action != AUTHZ_DENY)
		wrong(c, SPEC, D_POLICY_INVALID, "the annotation " DRY_RUN " is for the actions ALLOW and DENY");
}

void check_authorization_policy(struct check *c, const void *spec)
{
	const struct authorization_policy *p = spec;

	check_attachment(c, p->selector, p->target_ref, p->target_refs, p->n_target_refs);
	check_action(c, p);
	for (size_t i = 0; i < p->n_rules; i++)
		check_authz_rule(c, ELEM(AT(SPEC, "rules"), i), &p->rules[i], p->action == AUTHZ_CUSTOM);
}
