/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/must.h"
#include "model/jwks.h"

/* 512 bits, odd */
#define N "3333333333333333333333333333333333333333333333333333333333333333333333333333333333333w"
#define RSA "\"kty\": \"RSA\", \"e\": \"AQAB\", \"n\": \"" N "\""
#define ED "\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"x\": \"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\""

/* Members of one key; 'g' good by itself, 'u' Envoy has the last word, 'b' bad. */
static const struct {
	const char *key;
	char form;
} keys[] = {
	{RSA, 'g'},
	{RSA ", \"alg\": \"PS512\", \"use\": \"sig\", \"kid\": \"a b\"", 'g'},
	{RSA ", \"alg\": \"ES256\"", 'b'},
	{RSA ", \"alg\": \"RS25\"", 'b'},
	{RSA ", \"alg\": \"\"", 'b'},
	{RSA ", \"alg\": 1", 'b'},
	{RSA ", \"kid\": \"a\\u0001\"", 'b'},
	{"\"kty\": \"RSA\", \"e\": \"Ag\", \"n\": \"" N "\"", 'b'},
	{"\"kty\": \"RSA\", \"e\": \"Aw\", \"n\": \"" N "\"", 'g'},
	{"\"kty\": \"RSA\", \"e\": \"BQ\", \"n\": \"" N "\"", 'u'},
	{"\"kty\": \"RSA\", \"e\": \"AQ\", \"n\": \"" N "\"", 'b'},
	{"\"kty\": \"RSA\", \"e\": \"AQAAAAE\", \"n\": \"" N "\"", 'b'},
	{"\"kty\": \"RSA\", \"e\": \"AAAAAAEAAQ\", \"n\": \"" N "\"", 'g'},
	{"\"kty\": \"RSA\", \"e\": \"AQAB\", \"n\": \"AQAB\"", 'b'},
	{"\"kty\": \"RSA\", \"e\": \"AQAB\", \"n\": \"+" N "\"", 'b'},
	{"\"kty\": \"RSA\", \"e\": \"AQAB\"", 'b'},
	{"\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"AQ\", \"y\": \"AQ\"", 'u'},
	{"\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"AQ\", \"y\": \"AQ\", \"alg\": \"ES384\"", 'b'},
	{"\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"AQ\"", 'b'},
	{"\"kty\": \"EC\", \"x\": \"AQ\", \"y\": \"AQ\"", 'b'},
	{ED, 'g'},
	{ED ", \"alg\": \"EdDSA\"", 'g'},
	{ED ", \"alg\": \"RS256\"", 'b'},
	{"\"kty\": \"OKP\", \"crv\": \"X25519\", \"x\": \"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"", 'b'},
	{"\"kty\": \"oct\", \"k\": \"c2VjcmV0\"", 'g'},
	{"\"kty\": \"oct\", \"k\": \"\"", 'b'},
	{"\"kty\": \"none\"", 'b'},
	{"", 'b'},
};

static void forms_of_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct arena a;
		struct jwks_text out;

		arena_init(&a, 0);
		assert_true(jwks_read(arena_printf(&a, "{\"keys\": [{%s}]}", keys[i].key), &a, &out));
		if (out.n_keys != (keys[i].form != 'b') || !strstr(out.json, "nobody") != (keys[i].form == 'g'))
			fail_msg("%s: %s", keys[i].key, out.json);
		assert_int_equal(out.n_keys + out.n_left_out, 1);
		arena_fini(&a);
	}
}

static void texts(void **state)
{
	static const char *const none[] = {"", "x", "{}", "[]", "{\"keys\": {}}", "{\"keys\": []", "keys: [a\n"};
	struct jwks_text out;
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(jwks_read(none[i], &a, &out));
	assert_true(jwks_read("{\"keys\": [{" RSA ", \"d\": \"AQ\", \"x5c\": [\"AQ\"], \"p\": \"AQ\"}]}", &a, &out));
	assert_string_equal(out.json, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAB\"}]}");
	assert_true(out.has_private);
	assert_true(jwks_read("keys: []", &a, &out));
	assert_string_equal(out.json, jwks_of_nobody);
	/* Envoy reads this one, and YAML's form of it not */
	assert_true(jwks_read("keys: [{kty: oct, k: c2VjcmV0}, {kty: oct, k: c2Vj}]", &a, &out));
	assert_string_equal(out.json, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"},{\"kty\":\"oct\",\"k\":\"c2Vj\"}]}");
	arena_fini(&a);
}

/* One key of many characters, very often. */
static void is_bounded(void **state)
{
	enum { LONG = 100000, TIMES = 5000 };
	struct jwks_text out;
	struct arena a;
	char *text, *p;

	(void)state;
	arena_init(&a, 64 << 20);
	p = text = arena_alloc(&a, LONG + TIMES * 4 + 100);
	p = stpcpy(p, "keys: [&a {kty: oct, kid: a, k: ");
	memset(p, 'A', LONG);
	p = stpcpy(p + LONG, "}");
	for (size_t i = 0; i < TIMES; i++)
		p = stpcpy(p, ", *a");
	stpcpy(p, "]");
	assert_true(jwks_read(text, &a, &out));
	assert_int_equal(out.n_keys, 0);
	assert_int_equal(out.n_left_out, TIMES + 1);
	p = stpcpy(text, "keys: [&a {kty: oct, k: c2Vj}");
	for (size_t i = 0; i < TIMES; i++)
		p = stpcpy(p, ", *a");
	stpcpy(p, "]");
	assert_true(jwks_read(text, &a, &out));
	assert_int_equal(out.n_keys, 100);
	arena_fini(&a);
}

static void uris(void **state)
{
	static const struct {
		const char *uri, *host;	/* NULL: not fetched */
		uint32_t port;
		bool tls;
	} cases[] = {
		{"https://id.example.com/keys", "id.example.com", 443, true},
		{"HTTP://Id.Example.com", "id.example.com", 80, false},
		{"http://id.example.com.:8080?x", "id.example.com", 8080, false},
		{"http://id", "id", 80, false},
		{"https://192.0.2.1:8443#x", "192.0.2.1", 8443, true},
		{"http://[2001:db8::1]", "2001:db8::1", 80, false},
		{"http://[2001:db8::1]:1/a:b", "2001:db8::1", 1, false},
		{"http://10.0.0.1", "10.0.0.1", 80, false},
		{"ftp://id.example.com", NULL, 0, false},
		{"http:/id.example.com", NULL, 0, false},
		{"http://", NULL, 0, false},
		{"http:///keys", NULL, 0, false},
		{"http://:80", NULL, 0, false},
		{"http://a:", NULL, 0, false},
		{"http://a:0", NULL, 0, false},
		{"http://a:65536", NULL, 0, false},
		{"http://a@b.com", NULL, 0, false},
		{"http://a b.com", NULL, 0, false},
		{"http://*.example.com", NULL, 0, false},
		{"http://a|b", NULL, 0, false},
		{"http://[id.example.com]", NULL, 0, false},
		{"http://[2001:db8::1", NULL, 0, false},
		{"http://[2001:db8::1]x:80", NULL, 0, false},
		{"http://[]", NULL, 0, false},
		{"http://localhost", NULL, 0, false},
		{"http://LOCALHOST.", NULL, 0, false},
		{"http://a.localhost:15000", NULL, 0, false},
		{"http://127.0.0.1", NULL, 0, false},
		{"http://127.9.9.9:15000", NULL, 0, false},
		{"http://127.1", NULL, 0, false},
		{"http://2130706433", NULL, 0, false},
		{"http://0x7f000001", NULL, 0, false},
		{"http://0177.0.0.1", NULL, 0, false},
		{"http://0.0.0.0", NULL, 0, false},
		{"http://169.254.169.254/latest/meta-data", NULL, 0, false},
		{"http://[::1]", NULL, 0, false},
		{"http://[::]", NULL, 0, false},
		{"http://[::ffff:169.254.169.254]", NULL, 0, false},
		{"http://[fe80::1]", NULL, 0, false},
	};
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct jwks_uri out;
		bool good = jwks_uri_read(cases[i].uri, &a, &out);

		if (good != (cases[i].host != NULL))
			fail_msg("%s: %s", cases[i].uri, good ? out.host : "refused");
		if (!good)
			continue;
		assert_string_equal(out.host, cases[i].host);
		assert_int_equal(out.port, cases[i].port);
		assert_int_equal(out.tls, cases[i].tls);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_of_keys),
		cmocka_unit_test(texts),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(uris),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
