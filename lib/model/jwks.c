/* SPDX-License-Identifier: Apache-2.0 */
#include "model/jwks.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/must.h"
#include "base/scalar.h"
#include "node/node.h"

/* y = 2, for which the curve has no x */
#define KEY_OF_NOBODY                                                                                                  \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"kid\":\"nobody\"}"

const char jwks_of_nobody[] = "{\"keys\":[" KEY_OF_NOBODY "]}";

enum {
	RSA_BITS_MIN = 512, RSA_BITS_MAX = 16384,	/* Envoy's */
	NUMBER_MAX = 4096,	/* characters */
	KEYS_MAX = 100,
	KEY_TEXT_MAX = 8192,
};

/* A number in base64url, from the highest byte that is not 0; n 0: there is none. */
struct number {
	const uint8_t *p;
	size_t n;
};

static struct number number_of(const struct node *key, const char *member, struct arena *a)
{
	const char *text = node_text(key, member);
	size_t len = text ? strlen(text) : 0;
	uint8_t *bytes = arena_alloc_raw(a, NUMBER_MAX);
	ssize_t n;

	if (len > NUMBER_MAX)
		return (struct number){0};
	while (len && text[len - 1] == '=')
		len--;
	n = base64_decode(BASE64_URL, text, len, bytes);
	if (n <= 0)
		return (struct number){0};
	for (; n && !*bytes; n--)
		bytes++;
	return (struct number){bytes, (size_t)n};
}

static size_t bits_of(struct number x)
{
	size_t bits = x.n * 8;

	for (unsigned high = x.n ? x.p[0] : 0; high && high < 128; high <<= 1)
		bits--;
	return bits;
}

static bool is_odd(struct number x)
{
	return x.n && x.p[x.n - 1] & 1;
}

/* alg is absent, or one of a list like "RS256 RS384". */
static bool has_algorithm(const struct node *key, const char *list)
{
	const char *alg = node_text(key, "alg"), *at = alg ? strstr(list, alg) : NULL;
	size_t n = alg ? strlen(alg) : 0;

	return !node_get(key, "alg") || (n && at && (at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]));
}

enum form { BAD, UNSURE /* Envoy may refuse it: an odd exponent, or a point off its curve */, GOOD };

static enum form rsa_form(const struct node *key, struct arena *a)
{
	struct number n = number_of(key, "n", a), e = number_of(key, "e", a);
	size_t bits = bits_of(n);
	bool usual = (e.n == 1 && e.p[0] == 3) || (e.n == 3 && !memcmp(e.p, "\1\0\1", 3));

	if (!has_algorithm(key, "RS256 RS384 RS512 PS256 PS384 PS512") || !is_odd(n) || bits < RSA_BITS_MIN ||
	    bits > RSA_BITS_MAX || !is_odd(e) || e.n > 4 || bits_of(e) < 2)
		return BAD;
	return usual ? GOOD : UNSURE;
}

static enum form ec_form(const struct node *key, struct arena *a)
{
	static const struct {
		const char *curve, *alg;
		size_t bytes;
	} known[] = {{"P-256", "ES256", 32}, {"P-384", "ES384", 48}, {"P-521", "ES512", 66}};
	const char *curve = node_text(key, "crv");
	struct number x = number_of(key, "x", a), y = number_of(key, "y", a);

	for (size_t i = 0; curve && i < ARRAY_LEN(known); i++)
		if (!strcmp(curve, known[i].curve) && has_algorithm(key, known[i].alg))
			return x.n && y.n && x.n <= known[i].bytes && y.n <= known[i].bytes ? UNSURE : BAD;
	return BAD;
}

static enum form okp_form(const struct node *key, struct arena *a)
{
	const char *curve = node_text(key, "crv"), *x = node_text(key, "x");
	uint8_t bytes[48];

	(void)a;
	return curve && !strcmp(curve, "Ed25519") && has_algorithm(key, "EdDSA") && x && strlen(x) == 43 &&
	       base64_decode(BASE64_URL, x, 43, bytes) == 32 ? GOOD : BAD;
}

static enum form secret_form(const struct node *key, struct arena *a)
{
	return has_algorithm(key, "HS256 HS384 HS512") && number_of(key, "k", a).n ? GOOD : BAD;
}

/* The members that a key of a type has, of which all are texts of base64url but the names at the beginning. */
static const struct key_type {
	const char *name;
	enum form (*form)(const struct node *key, struct arena *a);
	const char *members[6];
} types[] = {
	{"RSA", rsa_form, {"alg", "use", "kid", "n", "e"}},
	{"EC", ec_form, {"alg", "use", "kid", "crv", "x", "y"}},
	{"OKP", okp_form, {"alg", "use", "kid", "crv", "x"}},
	{"oct", secret_form, {"alg", "use", "kid", "k"}},
};

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\')
			return false;
	return true;
}

/* The key in JSON, or NULL: Envoy has no use for it. *form tells how sure that is. */
static const char *key_json(const struct node *key, enum form *form, struct arena *a)
{
	const char *name = node_text(key, "kty"), *json;
	const struct key_type *t = NULL;

	for (size_t i = 0; name && !t && i < ARRAY_LEN(types); i++)
		t = strcmp(types[i].name, name) ? NULL : &types[i];
	*form = t ? t->form(key, a) : BAD;
	if (*form == BAD)
		return NULL;
	json = arena_printf(a, "{\"kty\":\"%s\"", name);
	for (size_t i = 0; i < ARRAY_LEN(t->members) && t->members[i]; i++) {
		const char *text = node_text(key, t->members[i]);

		if (text && (!is_plain(text) || strlen(text) > NUMBER_MAX))
			return NULL;
		if (text)
			json = arena_printf(a, "%s,\"%s\":\"%s\"", json, t->members[i], text);
	}
	return strlen(json) < KEY_TEXT_MAX ? arena_printf(a, "%s}", json) : NULL;
}

static const struct node *keys_of(const char *text, struct arena *a)
{
	struct diags ds;
	struct node_docs docs;
	const struct node *keys;

	diags_init(&ds, a);
	docs = node_parse(text, strlen(text), 1, a, &ds);
	keys = docs.n == 1 && docs.v[0].root && !docs.v[0].bad ? node_get(docs.v[0].root, "keys") : NULL;
	return !ds.nerrors && keys && keys->kind == NODE_LIST ? keys : NULL;
}

bool jwks_read(const char *text, struct arena *a, struct jwks_text *out)
{
	const struct node *keys = keys_of(text, a);
	const char *v[KEYS_MAX];
	bool good = false;
	size_t len = 0;
	char *json;

	*out = (struct jwks_text){0};
	for (size_t i = 0; keys && i < keys->n; i++) {
		enum form form = BAD;

		v[out->n_keys] = i < KEYS_MAX ? key_json(&keys->list[i], &form, a) : NULL;
		out->has_private = out->has_private || node_get(&keys->list[i], "d");
		if (!v[out->n_keys]) {
			out->n_left_out++;
			continue;
		}
		len += strlen(v[out->n_keys++]) + 1;
		good = good || form == GOOD;
	}
	out->json = json = arena_alloc_raw(a, len + sizeof(jwks_of_nobody));
	json = stpcpy(json, "{\"keys\":[");
	for (size_t i = 0; i < out->n_keys; i++)
		json = stpcpy(stpcpy(json, v[i]), i + 1 < out->n_keys || !good ? "," : "");
	stpcpy(stpcpy(json, good ? "" : KEY_OF_NOBODY), "]}");
	return keys != NULL;
}

static bool is_own_address(const char *host)
{
	static const char *const own[] = {"127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16",
					  "::/127", "fe80::/10", "::ffff:0:0/96"};
	struct cidr net;
	struct ip ip;

	for (size_t i = 0; !scalar_ip(host, &ip) && i < ARRAY_LEN(own); i++)
		if (!scalar_cidr(own[i], &net) && cidr_contains(&net, &ip))
			return true;
	return false;
}

/* A last label that begins with a digit is no name: resolvers take such texts for addresses in other notations. */
static bool is_own_name(const char *host)
{
	size_t n = strlen(host);
	const char *last = memrchr(host, '.', n);

	last = last ? last + 1 : host;
	return !strcmp(last, "localhost") || (*last >= '0' && *last <= '9');
}

bool jwks_uri_read(const char *uri, struct arena *a, struct jwks_uri *out)
{
	bool tls = !strncasecmp(uri, "https://", 8);
	const char *p = uri + (tls ? 8 : 7), *port;
	int64_t number = tls ? 443 : 80;
	size_t n;

	if (!tls && strncasecmp(uri, "http://", 7) != 0)
		return false;
	n = strcspn(p, "/?#");
	if (memchr(p, '@', n))
		return false;
	port = *p == '[' ? memchr(p, ']', n) : p - 1;
	port = port ? memchr(port + 1, ':', n - (size_t)(port + 1 - p)) : NULL;
	if (port && scalar_int(arena_strndup(a, port + 1, n - (size_t)(port + 1 - p)), 1, 65535, &number))
		return false;
	n = port ? (size_t)(port - p) : n;
	if (*p == '[' && (n < 3 || p[n - 1] != ']'))
		return false;
	*out = (struct jwks_uri){.tls = tls, .port = (uint32_t)number};
	out->host = arena_lower(a, *p == '[' ? arena_strndup(a, p + 1, n - 2) : arena_strndup(a, p, n));
	n = strlen(out->host);
	if (n && out->host[n - 1] == '.')
		out->host = arena_strndup(a, out->host, n - 1);
	if (scalar_is_ip(out->host))
		return !is_own_address(out->host);
	return *p != '[' && scalar_is_dns_name(out->host) && !is_own_name(out->host);
}
