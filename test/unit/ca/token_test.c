/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of callers: JSON web tokens as issuers and attackers write them, and join tokens.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buf.h"
#include "ca/join.h"
#include "ca/jwt.h"
#include "ev/file.h"
#include "make.h"

/* ---- an issuer ---- */

struct issuer {
	EVP_PKEY *rsa, *ec, *other;
	struct jwks *keys;
	struct arena a;
	size_t refused;
};

static const char *const audiences[] = {"istio-ca", "navarch"};

static char *encode(struct issuer *s, const void *p, size_t n)
{
	char *text = arena_alloc(&s->a, BASE64_SIZE(n) + 1);

	base64_encode(BASE64_URL, p, n, text);
	return text;
}

static char *number(struct issuer *s, EVP_PKEY *key, const char *name, int size)
{
	uint8_t bytes[600];
	BIGNUM *n = NULL;
	char *text;
	int len;

	must(EVP_PKEY_get_bn_param(key, name, &n) == 1);
	len = size ? BN_bn2binpad(n, bytes, size) : BN_bn2bin(n, bytes);
	text = encode(s, bytes, (size_t)len);
	BN_free(n);
	return text;
}

static const char *rsa_jwk(struct issuer *s, EVP_PKEY *key, const char *kid, const char *more)
{
	return arena_printf(&s->a, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"%s\"%s}", kid, number(s, key, OSSL_PKEY_PARAM_RSA_N, 0),
			    number(s, key, OSSL_PKEY_PARAM_RSA_E, 0), more);
}

static const char *ec_jwk(struct issuer *s, EVP_PKEY *key, const char *kid)
{
	return arena_printf(&s->a, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}", kid,
			    number(s, key, OSSL_PKEY_PARAM_EC_PUB_X, 32), number(s, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
}

static int enter(void **state)
{
	struct issuer *s = calloc(1, sizeof(*s));
	const char *json;
	struct err e;

	arena_init(&s->a, 0);
	s->rsa = EVP_RSA_gen(2048);
	s->ec = EVP_EC_gen("P-256");
	s->other = EVP_RSA_gen(2048);
	json = arena_printf(&s->a, "{\"keys\":[%s,%s,{\"kty\":\"oct\",\"kid\":\"o\",\"k\":\"AAAA\"}]}", rsa_jwk(s, s->rsa, "r", ",\"use\":\"sig\",\"alg\":\"RS256\""),
			    ec_jwk(s, s->ec, "e"));
	s->keys = jwks_parse(json, strlen(json), &e);
	must(s->keys && jwks_count(s->keys) == 2);
	*state = s;
	return 0;
}

static int leave(void **state)
{
	struct issuer *s = *state;

	print_message("%zu refused\n", s->refused);
	jwks_free(s->keys);
	EVP_PKEY_free(s->rsa);
	EVP_PKEY_free(s->ec);
	EVP_PKEY_free(s->other);
	arena_fini(&s->a);
	free(s);
	return 0;
}

enum signer { RSA_KEY, EC_KEY_, OTHER_KEY, HMAC_PUBLIC, NO_SIGNATURE, PSS };

static size_t sign_ec(EVP_PKEY *key, const char *text, uint8_t out[64])
{
	uint8_t der[100];
	const uint8_t *p = der;
	size_t n = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *sig;

	must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestSign(ctx, der, &n, (const uint8_t *)text, strlen(text)) == 1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return 64;
}

static size_t sign_rsa(EVP_PKEY *key, const char *text, bool pss, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	size_t n = 256;

	must(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key) == 1);
	must(!pss || EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1);
	must(EVP_DigestSign(ctx, out, &n, (const uint8_t *)text, strlen(text)) == 1);
	EVP_MD_CTX_free(ctx);
	return n;
}

/* The attack on who verifies with "the key" whatever it is: the public key as the secret of an HMAC. */
static size_t sign_hmac(EVP_PKEY *key, const char *text, uint8_t *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned n = 0;
	char *pem;
	long len;

	PEM_write_bio_PUBKEY(bio, key);
	len = BIO_get_mem_data(bio, &pem);
	must(HMAC(EVP_sha256(), pem, (int)len, (const uint8_t *)text, strlen(text), out, &n));
	BIO_free(bio);
	return n;
}

static const char *make_token(struct issuer *s, const char *header, const char *payload, enum signer who)
{
	const char *text = arena_printf(&s->a, "%s.%s", encode(s, header, strlen(header)), encode(s, payload, strlen(payload)));
	uint8_t sig[600];
	size_t n = who == RSA_KEY || who == PSS ? sign_rsa(s->rsa, text, who == PSS, sig)
		   : who == OTHER_KEY		? sign_rsa(s->other, text, false, sig)
		   : who == EC_KEY_		? sign_ec(s->ec, text, sig)
		   : who == HMAC_PUBLIC		? sign_hmac(s->rsa, text, sig)
						: 0;

	return arena_printf(&s->a, "%s.%s", text, encode(s, sig, n));
}

static int verify_n(struct issuer *s, const char *token, size_t n, struct jwt *out, struct err *e)
{
	const struct jwt_issuer rules[] = {{"https://other", audiences, 2, s->keys}, {"https://k8s", audiences, 2, s->keys}};
	int status;

	*e = (struct err){0};
	status = jwt_verify(token, n, rules, 2, NOW_S, &s->a, out, e);
	s->refused += status != 0;
	return status;
}

static int verify(struct issuer *s, const char *token, struct jwt *out, struct err *e)
{
	return verify_n(s, token, strlen(token), out, e);
}

#define RS "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define ES "{\"alg\":\"ES256\",\"kid\":\"e\"}"
#define CLAIMS(more) "{\"iss\":\"https://k8s\",\"sub\":\"system:serviceaccount:ns:sa\",\"aud\":[\"istio-ca\"],\"exp\":1800000001" more "}"
#define WITH(iss, sub, aud, exp) "{\"iss\":" iss ",\"sub\":" sub ",\"aud\":" aud ",\"exp\":" exp "}"

static void good_tokens_are_taken(void **state)
{
	static const struct {
		const char *header, *payload;
		enum signer who;
		const char *ns, *sa;
	} cases[] = {
		{RS, CLAIMS(""), RSA_KEY, "ns", "sa"},
		{ES, CLAIMS(""), EC_KEY_, "ns", "sa"},
		{"{\"alg\":\"RS256\"}", CLAIMS(""), RSA_KEY, "ns", "sa"},	/* the issuer has one such key */
		{"{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS(",\"nbf\":1800000060,\"iat\":1799999999.5"), RSA_KEY, "ns", "sa"},
		{RS, CLAIMS(",\"kubernetes.io\":{\"namespace\":\"ns\",\"serviceaccount\":{\"name\":\"sa\",\"uid\":\"1\"},\"pod\":{\"name\":\"p\"}}"), RSA_KEY, "ns", "sa"},
		{RS, WITH("\"https://other\"", "\"alice@example.com\"", "\"navarch\"", "1800000001.5"), RSA_KEY, NULL, NULL},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount:a:b.c-d\"", "[\"x\",\"istio-ca\"]", "9007199254740992"), RSA_KEY, "a", "b.c-d"},
	};
	struct issuer *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct jwt got;
		struct err e;

		if (verify(s, make_token(s, cases[i].header, cases[i].payload, cases[i].who), &got, &e))
			fail_msg("case %zu: %s", i, e.text);
		if (cases[i].ns) {
			assert_string_equal(got.ns, cases[i].ns);
			assert_string_equal(got.sa, cases[i].sa);
		} else {
			assert_null(got.ns);
		}
		assert_int_equal(!!got.pod, i == 4);
	}
}

static void bad_tokens_are_refused(void **state)
{
	static const struct {
		const char *header, *payload;
		enum signer who;
		const char *wants;
	} cases[] = {
		/* algorithms */
		{"{\"alg\":\"none\"}", CLAIMS(""), NO_SIGNATURE, "signature"},
		{"{\"alg\":\"none\"}", CLAIMS(""), RSA_KEY, "algorithm"},
		{"{\"alg\":\"None\",\"kid\":\"r\"}", CLAIMS(""), RSA_KEY, "algorithm"},
		{"{\"alg\":\"HS256\",\"kid\":\"r\"}", CLAIMS(""), HMAC_PUBLIC, "algorithm"},
		{"{\"alg\":\"HS256\",\"kid\":\"o\"}", CLAIMS(""), HMAC_PUBLIC, "algorithm"},
		{RS, CLAIMS(""), HMAC_PUBLIC, "not that of the key"},
		{"{\"alg\":\"RS384\",\"kid\":\"r\"}", CLAIMS(""), RSA_KEY, "algorithm"},
		{"{\"alg\":\"PS256\",\"kid\":\"r\"}", CLAIMS(""), PSS, "algorithm"},
		{RS, CLAIMS(""), PSS, "not that of the key"},
		{"{\"alg\":\"rs256\",\"kid\":\"r\"}", CLAIMS(""), RSA_KEY, "algorithm"},
		{"{\"alg\":\"\",\"kid\":\"r\"}", CLAIMS(""), RSA_KEY, "algorithm"},
		{"{\"alg\":[\"RS256\"],\"kid\":\"r\"}", CLAIMS(""), RSA_KEY, "algorithm"},
		{"{\"kid\":\"r\"}", CLAIMS(""), RSA_KEY, "algorithm"},
		{"{\"alg\":\"ES256\",\"kid\":\"r\"}", CLAIMS(""), RSA_KEY, "key"},
		{"{\"alg\":\"RS256\",\"kid\":\"e\"}", CLAIMS(""), RSA_KEY, "key"},
		{ES, CLAIMS(""), RSA_KEY, "size"},
		/* keys */
		{RS, CLAIMS(""), OTHER_KEY, "not that of the key"},
		{"{\"alg\":\"RS256\",\"kid\":\"x\"}", CLAIMS(""), RSA_KEY, "key that its issuer does not have"},
		{"{\"alg\":\"RS256\",\"kid\":\"../r\"}", CLAIMS(""), RSA_KEY, "key that its issuer does not have"},
		{"{\"alg\":\"RS256\",\"kid\":\"\"}", CLAIMS(""), RSA_KEY, "key that its issuer does not have"},
		{"{\"alg\":\"RS256\",\"kid\":1}", CLAIMS(""), RSA_KEY, "key id"},
		{"{\"alg\":\"RS256\",\"kid\":null}", CLAIMS(""), RSA_KEY, "key id"},
		{"{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"exp\"]}", CLAIMS(""), RSA_KEY, "critical"},
		{"{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[]}", CLAIMS(""), RSA_KEY, "critical"},
		{"{\"alg\":\"RS256\",\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS(""), RSA_KEY, "JSON object"},
		/* what is no JSON */
		{"[]", CLAIMS(""), RSA_KEY, "JSON object"},
		{"alg: RS256", CLAIMS(""), RSA_KEY, "JSON object"},
		{RS, "[]", RSA_KEY, "JSON object"},
		{RS, "null", RSA_KEY, "JSON object"},
		{RS, "", RSA_KEY, "JSON object"},
		{RS, CLAIMS("") "{}", RSA_KEY, "JSON object"},
		{RS, CLAIMS(",\"sub\":\"system:serviceaccount:kube-system:admin\""), RSA_KEY, "JSON object"},
		{RS, CLAIMS(",\"x\":\"\\u0000\""), RSA_KEY, "JSON object"},
		{RS, CLAIMS(",\"x\":\"\xff\""), RSA_KEY, "JSON object"},
		{RS, CLAIMS(",\"x\":1e999"), RSA_KEY, "JSON object"},
		{RS, CLAIMS(",\"x\":99999999999999999999"), RSA_KEY, "JSON object"},
		/* times */
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca\"", "1800000000"), RSA_KEY, "expired"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca\"", "0"), RSA_KEY, "expired"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca\"", "-1"), RSA_KEY, "times"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca\"", "\"1900000000\""), RSA_KEY, "times"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca\"", "null"), RSA_KEY, "times"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca\"", "1e300"), RSA_KEY, "times"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca\"", "9223372036854775807"), RSA_KEY, "times"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca\"", "true"), RSA_KEY, "times"},
		{RS, "{\"iss\":\"https://k8s\",\"sub\":\"a\",\"aud\":\"istio-ca\"}", RSA_KEY, "times"},
		{RS, CLAIMS(",\"nbf\":1800000061"), RSA_KEY, "not valid yet"},
		{RS, CLAIMS(",\"iat\":1800000061"), RSA_KEY, "not valid yet"},
		{RS, CLAIMS(",\"nbf\":\"0\""), RSA_KEY, "times"},
		{RS, CLAIMS(",\"iat\":-5"), RSA_KEY, "times"},
		/* issuers and audiences */
		{RS, WITH("\"https://evil\"", "\"a\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "issuer"},
		{RS, WITH("\"https://k8s/\"", "\"a\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "issuer"},
		{RS, WITH("\"HTTPS://k8s\"", "\"a\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "issuer"},
		{RS, WITH("\"\"", "\"a\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "issuer"},
		{RS, WITH("[\"https://k8s\"]", "\"a\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "issuer"},
		{RS, "{\"sub\":\"a\",\"aud\":\"istio-ca\",\"exp\":1900000000}", RSA_KEY, "issuer"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"kubernetes\"", "1900000000"), RSA_KEY, "audience"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"istio-ca2\"", "1900000000"), RSA_KEY, "audience"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "\"ISTIO-CA\"", "1900000000"), RSA_KEY, "audience"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "[]", "1900000000"), RSA_KEY, "audience"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "[[\"istio-ca\"]]", "1900000000"), RSA_KEY, "audience"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "{\"istio-ca\":1}", "1900000000"), RSA_KEY, "audience"},
		{RS, WITH("\"https://k8s\"", "\"a\"", "null", "1900000000"), RSA_KEY, "audience"},
		{RS, "{\"iss\":\"https://k8s\",\"sub\":\"a\",\"exp\":1900000000}", RSA_KEY, "audience"},
		/* subjects: istiod indexed the parts of one without counting them */
		{RS, WITH("\"https://k8s\"", "\"\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "subject"},
		{RS, WITH("\"https://k8s\"", "1", "\"istio-ca\"", "1900000000"), RSA_KEY, "subject"},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount:\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "service account"},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount:ns\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "service account"},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount:ns:\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "service account"},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount::sa\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "service account"},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount:ns:sa:x\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "service account"},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount:a:b:c:d:e:f:g\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "service account"},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount:ns:sa/../x\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "service account"},
		{RS, WITH("\"https://k8s\"", "\"system:serviceaccount:NS:sa\"", "\"istio-ca\"", "1900000000"), RSA_KEY, "service account"},
		{RS, CLAIMS(",\"kubernetes.io\":{\"namespace\":\"other\",\"serviceaccount\":{\"name\":\"sa\"}}"), RSA_KEY, "two service accounts"},
		{RS, CLAIMS(",\"kubernetes.io\":{\"namespace\":\"ns\",\"serviceaccount\":{\"name\":\"admin\"}}"), RSA_KEY, "two service accounts"},
		{RS, CLAIMS(",\"kubernetes.io\":{}"), RSA_KEY, "two service accounts"},
		{RS, CLAIMS(",\"kubernetes.io\":7"), RSA_KEY, "two service accounts"},
	};
	struct issuer *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct jwt got;
		struct err e;

		if (!verify(s, make_token(s, cases[i].header, cases[i].payload, cases[i].who), &got, &e) || !strstr(e.text, cases[i].wants))
			fail_msg("case %zu (%s %s): \"%s\"", i, cases[i].header, cases[i].payload, e.text);
	}
}

static void change_all(struct issuer *s, const char *good)
{
	size_t n = strlen(good);
	char *token = arena_strdup(&s->a, good);
	struct jwt got;
	struct err e;

	assert_int_equal(verify(s, good, &got, &e), 0);
	for (size_t i = 0; i < n; i++) {
		struct arena_mark mark = arena_mark(&s->a);
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		if (!verify(s, token, &got, &e))
			fail_msg("changed at %zu and taken", i);
		token[i] = was == '=' ? 'x' : '=';
		assert_int_equal(verify(s, token, &got, &e), -1);
		token[i] = was;
		assert_int_equal(verify_n(s, token, i, &got, &e), -1);
		arena_rewind(&s->a, mark);
	}
	assert_int_equal(verify(s, arena_printf(&s->a, "%s=", good), &got, &e), -1);
	assert_int_equal(verify(s, arena_printf(&s->a, "%s.", good), &got, &e), -1);
	assert_int_equal(verify(s, arena_printf(&s->a, " %s", good), &got, &e), -1);
	assert_int_equal(verify(s, arena_printf(&s->a, "%s\n", good), &got, &e), -1);
	assert_int_equal(verify(s, arena_printf(&s->a, "%s%*s", good, JWT_MAX, ""), &got, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void every_changed_character_is_refused(void **state)
{
	struct issuer *s = *state;

	change_all(s, make_token(s, RS, CLAIMS(""), RSA_KEY));
	change_all(s, make_token(s, ES, CLAIMS(""), EC_KEY_));
	assert_true(s->refused >= 300);
}

/* Without keys nobody is let in; a set that cannot be read is no set. */
static void cve_2026_31837_only_keys_of_the_set(void **state)
{
	struct issuer *s = *state;
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	const char *const bad[] = {
		"", "{}", "[]", "null", "{\"keys\":[]}", "{\"keys\":{}}", "{\"keys\":[{}]}", "{\"keys\":[1,null,\"x\"]}",
		"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
		"<html>not found</html>", "keys: []",
		arena_printf(&s->a, "{\"keys\":[%s]}", rsa_jwk(s, weak, "w", "")),
		arena_printf(&s->a, "{\"keys\":[%s]}", rsa_jwk(s, s->rsa, "w", ",\"use\":\"enc\"")),
		arena_printf(&s->a, "{\"keys\":[%s]}", rsa_jwk(s, s->rsa, "w", ",\"alg\":\"HS256\"")),
		arena_printf(&s->a, "{\"keys\":[%s]", rsa_jwk(s, s->rsa, "w", "")),
		arena_printf(&s->a, "{\"keys\":[%s],\"keys\":[]}", rsa_jwk(s, s->rsa, "w", "")),
		arena_printf(&s->a, "{\"keys\":[%s]%*s}", rsa_jwk(s, s->rsa, "w", ""), JWKS_MAX, ""),
	};
	const char *two = arena_printf(&s->a, "{\"keys\":[%s,%s]}", rsa_jwk(s, s->rsa, "a", ""), rsa_jwk(s, s->other, "b", ""));
	struct jwt_issuer rule = {"https://k8s", audiences, 2, NULL};
	const char *token = make_token(s, "{\"alg\":\"RS256\"}", CLAIMS(""), RSA_KEY);
	struct jwks *keys;
	struct jwt got;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if ((keys = jwks_parse(bad[i], strlen(bad[i]), &e)))
			fail_msg("taken: %s", bad[i]);
	/* which key a token means is not guessed */
	keys = jwks_parse(two, strlen(two), &e);
	assert_non_null(keys);
	rule.keys = keys;
	assert_int_equal(jwt_verify(token, strlen(token), &rule, 1, NOW_S, &s->a, &got, &e), -1);
	token = make_token(s, "{\"alg\":\"RS256\",\"kid\":\"a\"}", CLAIMS(""), RSA_KEY);
	assert_int_equal(jwt_verify(token, strlen(token), &rule, 1, NOW_S, &s->a, &got, &e), 0);
	assert_int_equal(jwt_verify(token, strlen(token), NULL, 0, NOW_S, &s->a, &got, &e), -1);
	jwks_free(keys);
	EVP_PKEY_free(weak);
}

/* ---- join tokens ---- */

static const uint8_t drawn[JOIN_RANDOM] = {0xab, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static void remove_dir(const char *path)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	must(!system(command));
}

static void join_tokens_are_good_once(void **state)
{
	char dir[] = "/tmp/navarch-join-XXXXXX", path[100], token[JOIN_TEXT], wrong[JOIN_TEXT];
	struct spiffe_id id, got;
	struct buf file;
	struct err e;

	(void)state;
	must(mkdtemp(dir));
	must(!spiffe_make("any", "ns", "vm", &id, &e));
	snprintf(path, sizeof(path), "%s/tokens", dir);
	assert_int_equal(join_make(path, &id, NOW_S + 600, drawn, token, &e), 0);
	assert_true(join_is_token(token, strlen(token)));
	/* at rest there is a hash, for the owner's eyes only */
	snprintf(path, sizeof(path), "%s/tokens/abcd010203040506.token", dir);
	assert_int_equal(file_check_private(path, &e), 0);
	buf_init(&file, 1024);
	assert_int_equal(file_read(path, &file, &e), 0);
	assert_null(strstr(buf_cstr(&file), token + 22));
	buf_fini(&file);
	snprintf(path, sizeof(path), "%s/tokens", dir);
	/* a wrong secret is refused and does not use it up */
	strcpy(wrong, token);
	wrong[JOIN_TEXT - 3] = wrong[JOIN_TEXT - 3] == 'A' ? 'B' : 'A';
	assert_int_equal(join_redeem(path, wrong, strlen(wrong), NOW_S, &got, &e), -1);
	assert_int_equal(join_redeem(path, token, strlen(token), NOW_S, &got, &e), 0);
	assert_string_equal(got.ns, "ns");
	assert_string_equal(got.sa, "vm");
	/* replayed */
	assert_int_equal(join_redeem(path, token, strlen(token), NOW_S, &got, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	/* expired */
	assert_int_equal(join_make(path, &id, NOW_S + 600, drawn, token, &e), 0);
	assert_int_equal(join_make(path, &id, NOW_S + 600, drawn, token, &e), -1);	/* never over another */
	assert_int_equal(join_redeem(path, token, strlen(token), NOW_S + 600, &got, &e), -1);
	assert_int_equal(join_sweep(path, NOW_S + 599, &e), 1);
	assert_int_equal(join_sweep(path, NOW_S + 600, &e), 0);
	remove_dir(dir);
}

static void what_is_no_join_token_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "join-", "join-abcd010203040506", "join-abcd010203040506-", "join-../../../../../etc-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"join-ABCD010203040506-BwgJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Join-abcd010203040506-BwgJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"join-abcd010203040506-BwgJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "join-abcd010203040506-BwgJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"join-abcd01020304050 -BwgJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	static const char *const files[] = {"", "x", "\n", "0000 1 ns sa\n", "%064d 1900000000 ns\n", "%064d 1900000000 ns sa", "%064d 1900000000 NS sa\n",
					    "%064d 1900000000 ns sa more\n", "%064d x ns sa\n"};
	char dir[] = "/tmp/navarch-join-XXXXXX", token[JOIN_TEXT], path[100], text[200];
	struct spiffe_id id, got;
	struct err e;

	(void)state;
	must(mkdtemp(dir));
	must(!spiffe_make("any", "ns", "vm", &id, &e));
	assert_int_equal(join_make(dir, &id, NOW_S + 600, drawn, token, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!join_redeem(dir, bad[i], strlen(bad[i]), NOW_S, &got, &e))
			fail_msg("taken: %s", bad[i]);
	/* files that somebody else wrote */
	snprintf(path, sizeof(path), "%s/abcd010203040506.token", dir);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		memset(text, 0, sizeof(text));
		if (strstr(files[i], "%064d"))
			snprintf(text, sizeof(text), "%064d%s", 0, files[i] + 5);
		else
			strcpy(text, files[i]);
		assert_int_equal(file_replace(path, text, strlen(text), 0600, &e), 0);
		assert_int_equal(join_redeem(dir, token, strlen(token), NOW_S, &got, &e), -1);
	}
	remove_dir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_tokens_are_taken, enter, leave),
		cmocka_unit_test_setup_teardown(bad_tokens_are_refused, enter, leave),
		cmocka_unit_test_setup_teardown(every_changed_character_is_refused, enter, leave),
		cmocka_unit_test_setup_teardown(cve_2026_31837_only_keys_of_the_set, enter, leave),
		cmocka_unit_test(join_tokens_are_good_once),
		cmocka_unit_test(what_is_no_join_token_is_refused),
	};

	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
