/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: Envoy's jwt_authn filter. Of a token that the request carries issuer and audiences are checked, signature
 * and times are not: there is no clock, and keys may be somewhere else. What a good token says is known to
 * routes and policies from here on.
 */
#include "xds/walk_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "model/jwks.h"

enum { TOKEN_MAX = 64 * 1024, DEPTH_MAX = 8 };

/* Where a provider looks. */
struct place {
	enum { IN_HEADER, IN_PARAMETER, IN_COOKIE } kind;
	const char *name, *prefix;	/* prefix: of a header */
};
static const char *const place_kinds[] = {"header", "query parameter", "cookie"};

struct places {
	VEC(struct place) v;
};

struct tokens {
	struct walker *w;
	struct pbread filter;
	struct place shown;		/* where the token with r->claims stands */
};

/* In the order of what is told when several hold. */
enum outcome { GOOD, MISSING, STRANGE /* of another issuer */, BAD };

struct answer {
	enum outcome outcome;
	unsigned status;
	const char *why;
};

/* ---- places ---- */

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = (int)x->kind - (int)y->kind;

	order = order ? order : strcmp(x->name, y->name);
	return order ? order : strcmp(x->prefix, y->prefix);
}

/* As Envoy sorts them: what the first of them says counts. */
static struct places places_of(const struct tokens *t, struct pbread provider)
{
	struct arena *a = t->w->arena;
	struct pbread_list headers = pbread_list(provider, "from_headers"), params = pbread_list(provider, "from_params"),
			   cookies = pbread_list(provider, "from_cookies");
	struct places out = {0};
	struct pbread one;
	const char *text;

	while (pbread_next(&headers, &one))
		*vec_push(&out.v, a) =
		    (struct place){IN_HEADER, pbread_text(one, "name", a), pbread_text(one, "value_prefix", a)};
	while (pbread_next_text(&params, a, &text))
		*vec_push(&out.v, a) = (struct place){IN_PARAMETER, text, ""};
	while (pbread_next_text(&cookies, a, &text))
		*vec_push(&out.v, a) = (struct place){IN_COOKIE, text, ""};
	if (!out.v.n) {
		*vec_push(&out.v, a) = (struct place){IN_HEADER, "authorization", "Bearer "};
		*vec_push(&out.v, a) = (struct place){IN_PARAMETER, "access_token", ""};
	}
	qsort(out.v.v, out.v.n, sizeof(out.v.v[0]), compare_places);
	return out;
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->kind == b->kind && !strcasecmp(a->name, b->name) && !strcmp(a->prefix, b->prefix);
}

static const char *cookie_value(const struct walker *w, const char *name)
{
	const char *all = walk_header(w, "cookie");
	size_t n = strlen(name);

	for (const char *p = all; p && *p; p += strcspn(p, ";,"), p += strspn(p, ";, "))
		if (!strncmp(p, name, n) && p[n] == '=')
			return arena_strndup(w->arena, p + n + 1, strcspn(p + n + 1, ";,"));
	return NULL;
}

/* From the first character of a token behind the prefix, wherever that stands, to the next space. NULL: nothing is
 * there. */
static const char *header_value(const struct walker *w, const struct place *at)
{
	static const char of_tokens[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.";
	const char *value = walk_header(w, at->name), *found;

	if (!value || !*at->prefix)
		return value;
	found = strstr(value, at->prefix);
	if (!found)
		return NULL;
	found = strpbrk(found + strlen(at->prefix), of_tokens);
	return found ? arena_strndup(w->arena, found, strcspn(found, " \t")) : "";
}

static const char *text_at(const struct walker *w, const struct place *at)
{
	switch (at->kind) {
	case IN_HEADER: return header_value(w, at);
	case IN_PARAMETER: return walk_query_value(w, at->name);
	case IN_COOKIE: return cookie_value(w, at->name);
	}
	return NULL;
}

/* ---- one token ---- */

/* A JSON object in base64url, or NULL. */
static const struct node *part_of(const struct walker *w, const char *text, size_t n)
{
	struct diags ds;
	struct node_doc doc;
	uint8_t *bytes;
	ssize_t got;

	if (n > TOKEN_MAX)
		return NULL;
	bytes = arena_alloc_raw(w->arena, n / 4 * 3 + 3);
	got = base64_decode(BASE64_URL, text, n, bytes);
	if (got <= 0)
		return NULL;
	diags_init(&ds, w->arena);
	doc = node_parse_json((const char *)bytes, (size_t)got, NULL, w->arena, &ds);
	return doc.root && doc.root->kind == NODE_MAP ? doc.root : NULL;
}

static bool is_signature(const struct walker *w, const char *text)
{
	size_t n = strlen(text);

	return n && n <= TOKEN_MAX && base64_decode(BASE64_URL, text, n, arena_alloc_raw(w->arena, n / 4 * 3 + 3)) > 0;
}

/* Its claims, or NULL and why it has none. */
static const struct node *claims_of(const struct walker *w, const char *token, const char **why)
{
	const char *dot = strchr(token, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;
	const struct node *header = second ? part_of(w, token, (size_t)(dot - token)) : NULL;
	const struct node *payload = header ? part_of(w, dot + 1, (size_t)(second - dot - 1)) : NULL;
	const char *alg = node_text(header, "alg");

	*why = "it is no token";
	if (payload && alg && strcmp(alg, "none") != 0 && is_signature(w, second + 1))
		return payload;
	if (payload)
		*why = "it is not signed";
	return NULL;
}

/* One of the audiences; none asked for: any. */
static bool has_audience(const struct walker *w, struct pbread provider, const struct node *claims)
{
	const struct node *own = node_get(claims, "aud");
	struct pbread_list l = pbread_list(provider, "audiences");
	const char *want;
	bool any = false;

	while (pbread_next_text(&l, w->arena, &want)) {
		any = true;
		if (own && own->kind == NODE_STRING && !strcmp(own->text, want))
			return true;
		for (size_t i = 0; own && own->kind == NODE_LIST && i < own->n; i++)
			if (own->list[i].kind == NODE_STRING && !strcmp(own->list[i].text, want))
				return true;
	}
	return !any;
}

static struct answer check(const struct walker *w, struct pbread provider, const struct node *claims)
{
	const char *issuer = pbread_text(provider, "issuer", w->arena), *own = node_text(claims, "iss");
	const char *keys = pbread_text(pbread_msg(provider, "local_jwks"), "inline_string", w->arena);

	if (*issuer && (!own || strcmp(own, issuer) != 0))
		return (struct answer){STRANGE, 401, own ? arena_printf(w->arena, "no rule is for tokens of %s", own)
							 : "the token names no issuer"};
	if (!has_audience(w, provider, claims))
		return (struct answer){BAD, 403, "the token is for another audience"};
	if (!strcmp(keys, jwks_of_nobody))
		return (struct answer){BAD, 401, arena_printf(w->arena, "nobody knows the keys of %s", issuer)};
	return (struct answer){GOOD, 0, ""};
}

/* ---- what a good token says ---- */

static const struct node *split_claim(const struct walker *w, const struct node *claim)
{
	struct node *out = arena_new(w->arena, struct node);
	VEC(struct node) v = {0};

	for (const char *p = claim->text; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n)
			*vec_push(&v, w->arena) = (struct node){.kind = NODE_STRING, .n = n, .text = arena_strndup(w->arena, p, n)};
		p += n;
	}
	*out = (struct node){.kind = NODE_LIST, .n = v.n, .list = v.v};
	return out;
}

/* Claims by spaces are lists. */
static const struct node *normalized(const struct walker *w, struct pbread provider, const struct node *claims)
{
	struct node *out = node_copy(claims, w->arena);
	struct pbread_list l = pbread_list(pbread_msg(provider, "normalize_payload_in_metadata"), "space_delimited_claims");
	const char *name;

	while (pbread_next_text(&l, w->arena, &name))
		for (size_t i = 0; i < out->n; i++)
			if (!strcmp(out->map[i].key, name) && out->map[i].value.kind == NODE_STRING)
				out->map[i].value = *split_claim(w, &out->map[i].value);
	return out;
}

/* Lists and maps go as JSON in base64. */
static const char *encoded(const struct walker *w, const struct node *claim)
{
	struct buf json;
	char *out;

	buf_init(&json, TOKEN_MAX);
	node_to_json(claim, true, false, &json);
	out = arena_alloc(w->arena, BASE64_SIZE(json.n) + 1);
	base64_encode(BASE64_PLAIN, (const uint8_t *)json.p, json.n, out);
	buf_fini(&json);
	return out;
}

/* "a.b" is b of a. NULL or "": nothing is copied. */
static const char *claim_text(const struct walker *w, const struct node *claims, const char *path)
{
	const struct node *at = claims;

	for (const char *p = path; at; p++) {
		size_t n = strcspn(p, ".");

		at = node_get(at, arena_strndup(w->arena, p, n));
		p += n;
		if (!*p)
			break;
	}
	if (at && at->kind == NODE_BOOL)
		return at->boolean ? "true" : "false";
	if (at && at->kind == NODE_NUMBER && strpbrk(at->text, ".eE"))
		return arena_printf(w->arena, "%f", strtod(at->text, NULL));
	if (at && (at->kind == NODE_LIST || at->kind == NODE_MAP))
		return encoded(w, at);
	return at && at->kind != NODE_NULL ? at->text : NULL;
}

/* Without the header of that name, and with the value if that is not NULL. */
static void set_header(struct walker *w, const char *name, const char *value)
{
	struct walk_request *r = arena_new(w->arena, struct walk_request);
	VEC(struct str_pair) v = {0};

	*r = *w->r;
	for (size_t i = 0; i < r->headers.n; i++)
		if (strcasecmp(r->headers.v[i].key, name) != 0)
			*vec_push(&v, w->arena) = r->headers.v[i];
	if (value)
		*vec_push(&v, w->arena) = (struct str_pair){name, value};
	r->headers = (struct strmap){.v = v.v, .n = v.n};
	w->r = r;
}

/* The path without that query parameter. */
static const char *without_parameter(const struct walker *w, const char *name)
{
	size_t len = strcspn(w->path, "?"), n = strlen(name);
	const char *out = arena_strndup(w->arena, w->path, len), *mark = "?";

	for (const char *p = w->path + len; *p;) {
		size_t own = strcspn(++p, "&");

		if (strncmp(p, name, n) != 0 || (p[n] != '=' && n != own)) {
			out = arena_printf(w->arena, "%s%s%.*s", out, mark, (int)own, p);
			mark = "&";
		}
		p += own;
	}
	return out;
}

/* The request goes on without the token, and with the claims that are copied to headers; of several tokens the first
 * that has a claim. */
static void change_request(struct walker *w, struct pbread provider, const struct place *at, const struct node *claims)
{
	struct pbread_list l = pbread_list(provider, "claim_to_headers");
	bool forward = pbread_num(provider, "forward", false);
	struct pbread one;

	if (!forward && at->kind == IN_HEADER)
		set_header(w, at->name, NULL);
	if (!forward && at->kind == IN_PARAMETER)
		w->path = without_parameter(w, at->name);
	while (pbread_next(&l, &one)) {
		const char *value = claim_text(w, claims, pbread_text(one, "claim_name", w->arena));
		const char *name = pbread_text(one, "header_name", w->arena);

		if (value && *value && !walk_header(w, name))
			set_header(w, name, value);
	}
}

static void take(struct walker *w, struct pbread provider, const struct place *at, const struct node *claims)
{
	bool shown = claims == w->r->claims;
	const char *issuer = node_text(claims, "iss");

	walk_step(w, "token", issuer ? issuer : "(no issuer)",
		  arena_printf(w->arena, "in the %s %s%s", place_kinds[at->kind], at->name,
			       shown ? ", counts as good" : "; its signature and times are not checked here"),
		  (struct pbread){0}, NULL);
	w->claims = normalized(w, provider, claims);
	w->routes_anew = w->routes_anew || pbread_num(provider, "clear_route_cache", false);
	change_request(w, provider, at, claims);
}

/* ---- requirements ---- */

static struct answer check_provider(struct tokens *t, const char *name)
{
	struct walker *w = t->w;
	struct pbread provider = pbread_entry(t->filter, "providers", name);
	struct places places = places_of(t, provider);
	struct answer out = {MISSING, 401, "a token is missing"};

	for (size_t i = places.v.n; i-- > 0;) {
		const struct place *at = &places.v.v[i];
		const char *text = text_at(w, at), *why = "";
		bool shown = w->r->claims && same_place(at, &t->shown);
		const struct node *claims = shown ? w->r->claims : text && *text ? claims_of(w, text, &why) : NULL;

		if (!claims && (!text || !*text))
			continue;
		out = claims ? check(w, provider, claims) : (struct answer){BAD, 401, why};
		if (out.outcome != GOOD)
			return out;
		take(w, provider, at, claims);
	}
	return out;
}

static struct answer check_requirement(struct tokens *t, struct pbread m, int depth);

/* The worst that was found is told; missing tokens are fine where that is one of the choices. */
static struct answer check_any(struct tokens *t, struct pbread list, int depth)
{
	struct pbread_list l = pbread_list(list, "requirements");
	struct answer out = {MISSING, 401, "a token is missing"};
	bool may_miss = false;
	struct pbread one;

	while (pbread_next(&l, &one)) {
		struct answer own;

		if (pbread_has(one, "allow_missing")) {
			may_miss = true;
			continue;
		}
		own = check_requirement(t, one, depth + 1);
		if (own.outcome == GOOD)
			return own;
		if (own.outcome > out.outcome)
			out = own;
	}
	return may_miss && out.outcome == MISSING ? (struct answer){GOOD, 0, ""} : out;
}

static struct answer check_all(struct tokens *t, struct pbread list, int depth)
{
	struct pbread_list l = pbread_list(list, "requirements");
	struct pbread one;

	while (pbread_next(&l, &one)) {
		struct answer own = check_requirement(t, one, depth + 1);

		if (own.outcome != GOOD)
			return own;
	}
	return (struct answer){GOOD, 0, ""};
}

static struct answer check_requirement(struct tokens *t, struct pbread m, int depth)
{
	if (depth > DEPTH_MAX)
		return (struct answer){BAD, 401, "requirements are nested too deeply"};
	if (pbread_has(m, "requires_any"))
		return check_any(t, pbread_msg(m, "requires_any"), depth);
	if (pbread_has(m, "requires_all"))
		return check_all(t, pbread_msg(m, "requires_all"), depth);
	if (pbread_has(m, "provider_name"))
		return check_provider(t, pbread_text(m, "provider_name", t->w->arena));
	return (struct answer){GOOD, 0, ""};
}

/* A token that is told by its claims stands where the rule of its issuer looks first. */
static struct place place_shown(const struct tokens *t)
{
	struct pbread_list l = pbread_list(t->filter, "providers");
	const char *issuer = node_text(t->w->r->claims, "iss");
	struct pbread entry, found = {0};

	while (pbread_next(&l, &entry)) {
		struct pbread provider = pbread_msg(entry, "value");

		if (!found.m || (issuer && !strcmp(pbread_text(provider, "issuer", t->w->arena), issuer)))
			found = provider;
	}
	return places_of(t, found).v.v[0];
}

/* Nobody but the filter writes the headers that are for claims. */
static void drop_forged(const struct tokens *t)
{
	struct walker *w = t->w;
	struct pbread_list l = pbread_list(t->filter, "providers");
	struct pbread entry, claim;

	while (pbread_next(&l, &entry)) {
		struct pbread_list claims = pbread_list(pbread_msg(entry, "value"), "claim_to_headers");

		while (pbread_next(&claims, &claim))
			set_header(w, pbread_text(claim, "header_name", w->arena), NULL);
		set_header(w, pbread_text(pbread_msg(entry, "value"), "forward_payload_header", w->arena), NULL);
	}
}

static bool is_preflight(const struct walker *w)
{
	const char *origin = walk_header(w, "origin"), *method = walk_header(w, "access-control-request-method");

	return !strcasecmp(w->r->method, "OPTIONS") && origin && *origin && method && *method;
}

bool walk_tokens_refused(struct walker *w, struct pbread filter)
{
	struct tokens t = {.w = w, .filter = filter};
	struct pbread_list rules = pbread_list(filter, "rules");
	struct pbread rule;
	struct answer answer;

	if (pbread_num(filter, "bypass_cors_preflight", false) && is_preflight(w))
		return false;
	drop_forged(&t);
	if (w->r->claims)
		t.shown = place_shown(&t);
	if (!pbread_next(&rules, &rule))
		return false;
	answer = check_requirement(&t, pbread_msg(rule, "requires"), 0);
	if (answer.outcome == GOOD)
		return false;
	walk_step(w, "token", "RequestAuthentication", answer.why, (struct pbread){0}, NULL);
	walk_answer(w, answer.status, answer.why);
	return true;
}
