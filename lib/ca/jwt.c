/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/jwt.h"

#include <jansson.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/must.h"
#include "ca/key.h"

/* A set of keys */

struct jwk {
	char *kid; /* or NULL */
	bool is_rsa;
	EVP_PKEY *key;
};

struct jwks {
	struct jwk v[JWKS_KEYS_MAX];
	size_t n;
};

/* The text of a member, or "" when it is absent or no string. */
static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A number in base64url, at most max bytes. */
static bool number_of(const json_t *object, const char *key, uint8_t *out, size_t max,
		      struct der *n)
{
	const char *text = text_of(object, key);
	ssize_t got;

	if (strlen(text) > BASE64_SIZE(max) + 4)
		return false;
	got = base64_decode(BASE64_URL, text, strlen(text), out);
	*n = (struct der){out, got < 0 ? 0 : (size_t)got};
	return got > 0 && (size_t)got <= max;
}

static EVP_PKEY *read_rsa(const json_t *jwk, const struct key_forms *forms)
{
	uint8_t n[KEY_RSA_MAX / 8 + 8], exponent[8];
	struct key_public k = {0};
	struct der modulus, f4;
	struct err e;

	if (!number_of(jwk, "n", n, KEY_RSA_MAX / 8, &modulus) ||
	    !number_of(jwk, "e", exponent, 3, &f4) || key_check_rsa(modulus, f4, &k, &e))
		return NULL;
	return key_import(forms, &k, &e);
}

static EVP_PKEY *read_p256(const json_t *jwk, const struct key_forms *forms)
{
	uint8_t x[40], y[40], point[65] = {4};
	struct key_public k = {.kind = KEY_P256, .point = {point, sizeof(point)}};
	struct der dx, dy;
	struct err e;

	if (strcmp(text_of(jwk, "crv"), "P-256") || !number_of(jwk, "x", x, 32, &dx) ||
	    dx.n != 32 || !number_of(jwk, "y", y, 32, &dy) || dy.n != 32)
		return NULL;
	memcpy(point + 1, x, 32);
	memcpy(point + 33, y, 32);
	return key_import(forms, &k, &e);
}

static void add_key(struct jwks *keys, const json_t *jwk, const struct key_forms *forms)
{
	bool is_rsa = !strcmp(text_of(jwk, "kty"), "RSA"),
	     is_ec = !strcmp(text_of(jwk, "kty"), "EC");
	const char *alg = text_of(jwk, "alg"), *use = text_of(jwk, "use"),
		   *kid = text_of(jwk, "kid");
	struct jwk *k = &keys->v[keys->n];

	if ((!is_rsa && !is_ec) || (*use && strcmp(use, "sig")) ||
	    (*alg && strcmp(alg, is_rsa ? "RS256" : "ES256")))
		return;
	k->key = is_rsa ? read_rsa(jwk, forms) : read_p256(jwk, forms);
	if (!k->key)
		return;
	k->is_rsa = is_rsa;
	k->kid = *kid ? strdup(kid) : NULL;
	keys->n++;
}

struct jwks *jwks_parse(const char *json, size_t n, struct err *e)
{
	json_t *root = n <= JWKS_MAX ? json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const json_t *list = json_object_get(root, "keys");
	struct key_forms *forms = key_forms_new();
	struct jwks *keys = calloc(1, sizeof(*keys));

	must(keys && "out of memory");
	for (size_t i = 0; i < json_array_size(list) && keys->n < JWKS_KEYS_MAX; i++)
		add_key(keys, json_array_get(list, i), forms);
	key_forms_free(forms);
	json_decref(root);
	if (keys->n)
		return keys;
	err_set(e, ERR_SYNTAX,
		"not a JWKS of at most %d bytes with an RSA or P-256 key for signatures", JWKS_MAX);
	jwks_free(keys);
	return NULL;
}

void jwks_free(struct jwks *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->n; i++) {
		free(keys->v[i].kid);
		EVP_PKEY_free(keys->v[i].key);
	}
	free(keys);
}

size_t jwks_count(const struct jwks *keys)
{
	return keys->n;
}

/* The one key that the token can mean; a token that names none may be of an issuer with one such
 * key. */
static const struct jwk *find_key(const struct jwks *keys, const char *kid, bool is_rsa)
{
	const struct jwk *found = NULL;

	for (size_t i = 0; i < keys->n; i++) {
		const struct jwk *k = &keys->v[i];

		if (k->is_rsa != is_rsa || (kid && (!k->kid || strcmp(kid, k->kid))))
			continue;
		if (found)
			return NULL;
		found = k;
	}
	return found;
}

/* A token */

struct parts {
	struct der signed_part, signature;
	json_t *header, *payload;
};

static json_t *decode_object(const char *text, size_t n, struct arena *a)
{
	uint8_t *bytes = arena_alloc_raw(a, n / 4 * 3 + 3);
	ssize_t got = base64_decode(BASE64_URL, text, n, bytes);
	json_t *value =
	    got > 0 ? json_loadb((const char *)bytes, (size_t)got, JSON_REJECT_DUPLICATES, NULL)
		    : NULL;

	if (json_is_object(value))
		return value;
	json_decref(value);
	return NULL;
}

static int split(const char *token, size_t n, struct arena *a, struct parts *out, struct err *e)
{
	const char *end = token + n, *dot = memchr(token, '.', n);
	const char *second = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
	uint8_t *signature;
	ssize_t got;

	if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
		return err_set(e, ERR_SYNTAX, "a token is three parts joined by dots");
	signature = arena_alloc_raw(a, (size_t)(end - second) / 4 * 3 + 3);
	got = base64_decode(BASE64_URL, second + 1, (size_t)(end - second - 1), signature);
	if (got <= 0)
		return err_set(e, ERR_SYNTAX, "a token without a signature in base64url");
	out->signature = (struct der){signature, (size_t)got};
	out->signed_part = (struct der){(const uint8_t *)token, (size_t)(second - token)};
	out->header = decode_object(token, (size_t)(dot - token), a);
	out->payload = decode_object(dot + 1, (size_t)(second - dot - 1), a);
	if (!out->header || !out->payload)
		return err_set(e, ERR_SYNTAX,
			       "header or payload of the token is no JSON object in base64url");
	return 0;
}

/* r and s of 32 bytes each (RFC 7518 3.4) as DER. */
static struct der ecdsa_der(struct der raw, uint8_t out[80])
{
	struct der_out o;

	der_out_init(&o, out, 80);
	for (int i = 1; i >= 0; i--) {
		const uint8_t *p = raw.p + i * 32;
		size_t n = 32, mark = der_mark(&o);

		for (; n > 1 && !*p; n--)
			p++;
		der_put(&o, p, n);
		if (*p & 0x80)
			der_put(&o, "\0", 1);
		der_put_tag(&o, DER_INTEGER, mark);
	}
	der_put_tag(&o, DER_SEQUENCE, 80);
	return der_written(&o);
}

static int check_signature(const struct parts *t, const struct jwks *keys, struct err *e)
{
	const char *alg = text_of(t->header, "alg");
	const json_t *kid = json_object_get(t->header, "kid");
	bool is_rsa = !strcmp(alg, "RS256");
	struct der signature = t->signature;
	const struct jwk *key;
	uint8_t der[80];

	if (!is_rsa && strcmp(alg, "ES256"))
		return err_set(e, ERR_REFUSED,
			       "a token with another algorithm than RS256 and ES256");
	if (json_object_get(t->header, "crit"))
		return err_set(e, ERR_REFUSED, "a token with critical header parameters");
	if (kid && !json_is_string(kid))
		return err_set(e, ERR_SYNTAX, "a token whose key id is no string");
	key = find_key(keys, json_string_value(kid), is_rsa);
	if (!key)
		return err_set(
		    e, ERR_NOT_FOUND,
		    "a token by a key that its issuer does not have, or that it does not name");
	if (!is_rsa && signature.n != 64)
		return err_set(e, ERR_REFUSED, "a token whose signature has the wrong size");
	if (!is_rsa)
		signature = ecdsa_der(signature, der);
	return key_verify(key->key, KEY_SHA256, t->signed_part, signature, e)
		   ? err_wrap(e, "a token")
		   : 0;
}

/* -1: absent; -2: no time within the range of exact numbers. */
static int64_t time_of(const json_t *payload, const char *key)
{
	const json_t *v = json_object_get(payload, key);
	double d;

	if (!v)
		return -1;
	if (json_is_integer(v))
		d = (double)json_integer_value(v);
	else if (json_is_real(v))
		d = floor(json_real_value(v));
	else
		return -2;
	return d >= 0 && d <= 9007199254740992.0 ? (int64_t)d : -2;
}

static int check_times(const json_t *payload, int64_t now_s, struct jwt *out, struct err *e)
{
	int64_t exp = time_of(payload, "exp"), nbf = time_of(payload, "nbf"),
		iat = time_of(payload, "iat");

	if (exp < 0 || nbf == -2 || iat == -2)
		return err_set(e, ERR_SYNTAX, "a token without exp, or with times that are none");
	if (now_s >= exp)
		return err_set(e, ERR_REFUSED, "a token that has expired");
	if (nbf > now_s + JWT_SKEW_S || iat > now_s + JWT_SKEW_S)
		return err_set(e, ERR_REFUSED, "a token that is not valid yet");
	out->expires_s = exp;
	return 0;
}

static bool is_audience(const struct jwt_issuer *r, const json_t *v)
{
	const char *text = json_string_value(v);

	for (size_t i = 0; text && i < r->n_audiences; i++)
		if (!strcmp(text, r->audiences[i]))
			return true;
	return false;
}

static int check_audience(const json_t *payload, const struct jwt_issuer *r, struct err *e)
{
	const json_t *aud = json_object_get(payload, "aud");

	if (json_array_size(aud) > JWT_AUDIENCES_MAX)
		return err_set(e, ERR_LIMIT, "a token for more than %d audiences",
			       JWT_AUDIENCES_MAX);
	if (is_audience(r, aud))
		return 0;
	for (size_t i = 0; i < json_array_size(aud); i++)
		if (is_audience(r, json_array_get(aud, i)))
			return 0;
	return err_set(e, ERR_REFUSED, "a token for another audience");
}

/* "system:serviceaccount:<ns>:<sa>", exactly; what Kubernetes says beside it must agree. */
static int take_account(const json_t *payload, struct arena *a, struct jwt *out, struct err *e)
{
	static const char prefix[] = "system:serviceaccount:";
	const json_t *kube = json_object_get(payload, "kubernetes.io");
	const char *p = out->subject + sizeof(prefix) - 1, *colon;
	struct spiffe_id checked;

	if (strncmp(out->subject, prefix, sizeof(prefix) - 1))
		return 0;
	colon = strchr(p, ':');
	out->ns = arena_strndup(a, p, colon ? (size_t)(colon - p) : 0);
	out->sa = arena_strdup(a, colon ? colon + 1 : "");
	if (spiffe_make("any", out->ns, out->sa, &checked, e))
		return err_set(e, ERR_SYNTAX, "a token whose subject names no service account");
	if (!kube)
		return 0;
	if (strcmp(text_of(kube, "namespace"), out->ns) ||
	    strcmp(text_of(json_object_get(kube, "serviceaccount"), "name"), out->sa))
		return err_set(e, ERR_REFUSED, "a token that names two service accounts");
	if (json_object_get(kube, "pod"))
		out->pod = arena_strdup(a, text_of(json_object_get(kube, "pod"), "name"));
	return 0;
}

static int check_token(const struct parts *t, const struct jwt_issuer *rules, size_t n_rules,
		       int64_t now_s, struct arena *a, struct jwt *out, struct err *e)
{
	const char *issuer = text_of(t->payload, "iss");
	const struct jwt_issuer *rule = NULL;

	for (size_t i = 0; i < n_rules && !rule; i++)
		if (*issuer && !strcmp(issuer, rules[i].issuer))
			rule = &rules[i];
	if (!rule)
		return err_set(e, ERR_NOT_FOUND, "a token of an issuer that is not trusted");
	if (check_signature(t, rule->keys, e) || check_times(t->payload, now_s, out, e) ||
	    check_audience(t->payload, rule, e))
		return -1;
	out->issuer = rule->issuer;
	out->subject = arena_strdup(a, text_of(t->payload, "sub"));
	if (!*out->subject)
		return err_set(e, ERR_REFUSED, "a token without a subject");
	return take_account(t->payload, a, out, e);
}

void jwt_id(const char *token, size_t n, uint8_t out[JWT_ID])
{
	must(EVP_Digest(token, n, out, NULL, EVP_sha256(), NULL) == 1);
}

int jwt_verify(const char *token, size_t n, const struct jwt_issuer *rules, size_t n_rules,
	       int64_t now_s, struct arena *a, struct jwt *out, struct err *e)
{
	struct parts t = {0};
	int status;

	*out = (struct jwt){0};
	if (n > JWT_MAX)
		return err_set(e, ERR_LIMIT, "a token of more than %d bytes", JWT_MAX);
	status =
	    split(token, n, a, &t, e) || check_token(&t, rules, n_rules, now_s, a, out, e) ? -1 : 0;
	json_decref(t.header);
	json_decref(t.payload);
	return status;
}
