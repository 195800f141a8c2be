/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests, certificates and names as an attacker writes them: a table by hand, and tables that are
 * generated from a good one (every bit of every eighth byte turned, every length cut). Nothing of them
 * is issued, or what is issued holds the caller's identity and nothing else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/base64.h"
#include "ca/ca.h"
#include "ca/cert.h"
#include "ca/csr.h"
#include "ca/pem.h"
#include "make.h"

static const struct ca_opts opts = {.trust_domain = "cluster.local"};

struct env {
	char path[64];
	struct ca *ca;
	struct arena a;
	size_t refused;
};

static int enter(void **state)
{
	static const uint8_t serial[TBS_SERIAL] = {1};
	struct env *v = calloc(1, sizeof(*v));
	struct err e;

	strcpy(v->path, "/tmp/navarch-hostile-XXXXXX");
	must(mkdtemp(v->path));
	arena_init(&v->a, 0);
	v->ca = ca_open_own(v->path, &opts, NOW_S, serial, &e);
	must(v->ca);
	*state = v;
	return 0;
}

static int leave(void **state)
{
	struct env *v = *state;
	char command[100];

	print_message("%zu refused\n", v->refused);
	snprintf(command, sizeof(command), "rm -rf '%s'", v->path);
	must(!system(command));
	ca_unref(v->ca);
	arena_fini(&v->a);
	free(v);
	return 0;
}

/* The identity of what is issued, or "" when it is refused; *why in either case. */
static const char *issue(struct env *v, const char *csr, size_t n, struct err *why)
{
	struct ca_request r = {.csr = csr, .n_csr = n};
	struct spiffe_id id, got;
	struct ca_issued out;
	struct der der;
	static char text[SPIFFE_TEXT];

	must(!spiffe_make("cluster.local", "ns", "caller", &id, why));
	r.id = &id;
	*why = (struct err){0};
	if (ca_issue(v->ca, &r, NOW_S, &v->a, &out, why)) {
		assert_true(why->code == ERR_SYNTAX || why->code == ERR_LIMIT || why->code == ERR_REFUSED);
		v->refused++;
		return "";
	}
	must(!pem_decode(out.chain[0], strlen(out.chain[0]), "CERTIFICATE", CERT_MAX, &v->a, &der, why));
	must(!cert_identity(der, &got, why));
	return spiffe_print(&got, text);
}

static const char caller[] = "spiffe://cluster.local/ns/ns/sa/caller";

/* ---- what the request asks for is not given ---- */

static void names_in_the_request_do_not_count(void **state)
{
	static const char *const sans[] = {
		"URI:spiffe://cluster.local/ns/kube-system/sa/admin", "URI:spiffe://cluster.local/ns/ns/sa/caller,URI:spiffe://x/ns/a/sa/b",
		"DNS:istiod.istio-system.svc", "DNS:*", "IP:127.0.0.1", "email:a@b.c", "otherName:1.2.3.4;UTF8:x", "URI:spiffe://a/%2e%2e/b",
	};
	EVP_PKEY *key = EVP_EC_gen("P-256");

	for (size_t i = 0; i < ARRAY_LEN(sans); i++)
		for (int ca = 0; ca < 2; ca++) {
			char *csr = request_pem(make_request(key, key, EVP_sha256(), sans[i], ca ? "critical,CA:TRUE" : NULL));
			struct err e;

			assert_string_equal(issue(*state, csr, strlen(csr), &e), caller);
			free(csr);
		}
	EVP_PKEY_free(key);
}

/* ---- keys ---- */

static EVP_PKEY *rsa_with_exponent(unsigned long exponent)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e = BN_new();
	EVP_PKEY *key = NULL;

	BN_set_word(e, exponent);
	must(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1 &&
	     EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1 && EVP_PKEY_generate(ctx, &key) == 1);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void refuse_key(struct env *v, EVP_PKEY *key, const EVP_MD *md, const char *wants)
{
	char *csr = request_pem(make_request(key, key, md, NULL, NULL));
	struct err e;

	assert_string_equal(issue(v, csr, strlen(csr), &e), "");
	if (!strstr(e.text, wants))
		fail_msg("wanted \"%s\" in: %s", wants, e.text);
	free(csr);
	EVP_PKEY_free(key);
}

static void weak_and_odd_keys_are_refused(void **state)
{
	static const char *const curves[] = {"P-521", "secp256k1", "brainpoolP256r1", "P-224", "prime192v1"};

	refuse_key(*state, EVP_RSA_gen(512), EVP_sha256(), "2048 to 4096");
	refuse_key(*state, EVP_RSA_gen(1024), EVP_sha256(), "2048 to 4096");
	refuse_key(*state, EVP_RSA_gen(2047), EVP_sha256(), "an RSA key of 2047 bits");
	refuse_key(*state, rsa_with_exponent(3), EVP_sha256(), "65537");
	refuse_key(*state, rsa_with_exponent(17), EVP_sha256(), "65537");
	refuse_key(*state, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, "kind that is not taken");
	refuse_key(*state, EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL, "kind that is not taken");
	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		EVP_PKEY *key = EVP_EC_gen(curves[i]);

		if (key)
			refuse_key(*state, key, EVP_sha256(), "another curve");
	}
	refuse_key(*state, EVP_EC_gen("P-256"), EVP_sha1(), "SHA-2");
	refuse_key(*state, EVP_RSA_gen(2048), EVP_sha1(), "SHA-2");
	refuse_key(*state, EVP_RSA_gen(2048), EVP_md5(), "SHA-2");
}

static void another_encoding_of_a_point_is_refused(void **state)
{
	static const char *const forms[] = {"compressed", "hybrid"};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");

		must(EVP_PKEY_set_utf8_string_param(key, "point-format", forms[i]) == 1);
		refuse_key(*state, key, EVP_sha256(), "uncompressed");
	}
}

/* SPIRE: a request whose signature nobody checked. */
static void cve_2021_27098_signature_of_another_key(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);
	const struct {
		EVP_PKEY *key, *signer;
		const char *wants;
	} cases[] = {{key, other, "not that of the key"}, {key, rsa, "another kind of key"}, {rsa, key, "another kind of key"}};
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *csr = request_pem(make_request(cases[i].key, cases[i].signer, EVP_sha256(), NULL, NULL));

		assert_string_equal(issue(*state, csr, strlen(csr), &e), "");
		assert_non_null(strstr(e.text, cases[i].wants));
		free(csr);
	}
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(rsa);
}

/* ---- generated from a good one ---- */

static struct der good_csr(struct env *v, EVP_PKEY *key)
{
	char *pem = make_csr(key);
	struct der der;
	struct err e;

	must(!pem_decode(pem, strlen(pem), "CERTIFICATE REQUEST", CSR_MAX, &v->a, &der, &e));
	free(pem);
	return der;
}

static void refuse_der(struct env *v, struct der der)
{
	char *pem = pem_print("CERTIFICATE REQUEST", der, &v->a);
	struct err e;

	assert_string_equal(issue(v, pem, strlen(pem), &e), "");
}

static void mutate_all(struct env *v, EVP_PKEY *key, size_t step)
{
	struct der good = good_csr(v, key);
	uint8_t *bytes = arena_copy(&v->a, good.p, good.n);

	for (size_t i = 0; i < good.n; i++) {
		struct arena_mark mark = arena_mark(&v->a);

		bytes[i] ^= (uint8_t)(1 << i % 8);
		refuse_der(v, (struct der){bytes, good.n});
		bytes[i] ^= (uint8_t)(1 << i % 8);
		arena_rewind(&v->a, mark);
	}
	for (size_t n = 1; n < good.n; n += step)
		refuse_der(v, (struct der){bytes, n});
	refuse_der(v, (struct der){arena_copy(&v->a, memcpy(arena_alloc(&v->a, good.n + 1), good.p, good.n), good.n + 1), good.n + 1});
	EVP_PKEY_free(key);
}

static void every_changed_byte_is_refused(void **state)
{
	mutate_all(*state, EVP_EC_gen("P-256"), 1);
	mutate_all(*state, EVP_EC_gen("P-384"), 3);
	mutate_all(*state, EVP_RSA_gen(2048), 7);
	assert_true(((struct env *)*state)->refused >= 300);
}

/* The modulus made even, or the top bit of it taken away, is caught before any arithmetic. */
static void broken_moduli_are_refused(void **state)
{
	struct env *v = *state;
	EVP_PKEY *key = EVP_RSA_gen(2048);
	struct der good = good_csr(v, key);
	uint8_t *bytes = arena_copy(&v->a, good.p, good.n), *at = memmem(bytes, good.n, "\x02\x82\x01\x01\x00", 5);
	struct key_public k;
	struct csr csr;
	struct err e;

	assert_non_null(at);
	at[4 + 256] &= 0xfe;
	assert_int_equal(csr_parse((struct der){bytes, good.n}, &csr, &e), -1);
	assert_non_null(strstr(e.text, "even"));
	assert_int_equal(key_check_rsa((struct der){bytes, 0}, (struct der){bytes, 3}, &k, &e), -1);
	EVP_PKEY_free(key);
}

/* ---- PEM ---- */

static void pem_is_one_block_and_nothing_else(void **state)
{
	struct env *v = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *good = make_csr(key), *big = malloc(1 << 20);
	const char *head = "-----BEGIN CERTIFICATE REQUEST-----\n", *foot = "-----END CERTIFICATE REQUEST-----\n";
	const char *const bad[] = {
		"", " ", "-----BEGIN CERTIFICATE REQUEST-----", head, foot,
		arena_printf(&v->a, "%s%s", good, good), arena_printf(&v->a, "x%s", good), arena_printf(&v->a, "%sx", good),
		arena_printf(&v->a, "%s%s", head, foot), arena_printf(&v->a, "%s!!!!\n%s", head, foot),
		arena_printf(&v->a, "%sMA==\n%s", head, foot), arena_printf(&v->a, "%sMIIB=AAA\n%s", head, foot),
		arena_printf(&v->a, "%sProc-Type: 4,ENCRYPTED\n\n%s", head, good + strlen(head)),
		arena_printf(&v->a, "-----BEGIN CERTIFICATE-----\n%s", good + strlen(head)),
		arena_printf(&v->a, "-----BEGIN PRIVATE KEY-----\n%s", good + strlen(head)),
	};
	struct err e;

	assert_string_equal(issue(v, good, strlen(good), &e), caller);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_string_equal(issue(v, bad[i], strlen(bad[i]), &e), "");
	/* 1 MB is refused for its size, before it is decoded */
	memset(big, 'A', 1 << 20);
	memcpy(big, head, strlen(head));
	memcpy(big + (1 << 20) - strlen(foot) - 1, "\n", 1);
	memcpy(big + (1 << 20) - strlen(foot), foot, strlen(foot));
	assert_string_equal(issue(v, big, 1 << 20, &e), "");
	assert_int_equal(e.code, ERR_LIMIT);
	/* a NUL in it */
	memcpy(big, good, strlen(good));
	big[80] = '\0';
	assert_string_equal(issue(v, big, strlen(good), &e), "");
	free(big);
	free(good);
	EVP_PKEY_free(key);
}

static void ten_thousand_extensions_are_refused(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = make_request(key, NULL, NULL, NULL, NULL);
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	struct err e;
	char *csr;

	for (int i = 0; i < 10000; i++)
		sk_X509_EXTENSION_push(exts, make_extension(NULL, NULL, NID_subject_alt_name, "DNS:a"));
	must(X509_REQ_add_extensions(req, exts) == 1 && X509_REQ_sign(req, key, EVP_sha256()) > 0);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	csr = request_pem(req);
	assert_string_equal(issue(*state, csr, strlen(csr), &e), "");
	assert_int_equal(e.code, ERR_LIMIT);
	free(csr);
	EVP_PKEY_free(key);
}

/* ---- SPIFFE ids ---- */

static void spiffe_ids_are_strict(void **state)
{
	static const char *const good[] = {
		"spiffe://cluster.local/ns/default/sa/default", "spiffe://a/ns/b/sa/c", "spiffe://a-b_c.d/ns/x-1/sa/a.b-c",
		"spiffe://1.2.3.4/ns/ns/sa/sa",
	};
	static const char *const bad[] = {
		"", "spiffe:", "spiffe://", "spiffe:///ns/a/sa/b", "spiffe://a", "spiffe://a/", "spiffe://a/ns/b", "spiffe://a/ns/b/sa/",
		"spiffe://a/ns//sa/b", "spiffe://a/ns/b/sa/c/", "spiffe://a/ns/b/sa/c/d", "spiffe://a/ns/b/c/sa/d", "SPIFFE://a/ns/b/sa/c",
		"Spiffe://a/ns/b/sa/c", "spiffe://A/ns/b/sa/c", "spiffe://a/ns/B/sa/c", "spiffe://a/ns/b/sa/C", "spiffe://a/NS/b/sa/c",
		"spiffe://a/ns/b/SA/c", "spiffe://a:80/ns/b/sa/c", "spiffe://u@a/ns/b/sa/c", "spiffe://a/ns/b/sa/c?x=1", "spiffe://a/ns/b/sa/c#x",
		"spiffe://a/ns/b/sa/c%2f", "spiffe://a/ns/%62/sa/c", "spiffe://a%2e/ns/b/sa/c", "spiffe://a/ns/../sa/c", "spiffe://a/ns/./sa/c",
		"spiffe://a/ns/b/sa/..", "spiffe://a/ns/b/sa/.", "spiffe://a/ns/b.c/sa/d", "spiffe://a/ns/-b/sa/c", "spiffe://a/ns/b-/sa/c",
		"spiffe://a/ns/b/sa/-c", "spiffe://a/ns/b/sa/c-", "spiffe://a/ns/b/sa/c..d", "spiffe://a/ns/b/sa/c.-d", "spiffe://a/ns/b/sa/c-.d",
		"spiffe://a/ns/b/sa/.c", "spiffe://a/ns/b/sa/c.", "spiffe://a/ns/b/sa/c d", " spiffe://a/ns/b/sa/c", "spiffe://a/ns/b/sa/c ",
		"spiffe://a/ns/b/sa/c\n", "spiffe://a/ns/b/sa/c\t", "spiffe://a/ns/b/sa/\xc3\xa4", "spiffe://a/ns/b/sa/c,spiffe://d/ns/e/sa/f",
		"spiffe://a/ns/b/sa/*", "spiffe://*/ns/b/sa/c", "http://a/ns/b/sa/c", "spiffe:/a/ns/b/sa/c", "spiffe://a//ns/b/sa/c",
		"spiffe://a/x/ns/b/sa/c", "spiffe://a/ns/b/sa/c/sa/d", "spiffe://a/ns/b/ns/c/sa/d", "spiffe://a/ns/b/sa/c;d", "spiffe://[::1]/ns/b/sa/c",
		"spiffe://a/ns/b/sa/c\\d", "spiffe://a/ns/b\\/sa/c", "spiffe://\xd0\xb0/ns/b/sa/c",
		"spiffe://a/ns/0123456789012345678901234567890123456789012345678901234567890123/sa/c",
	};
	char text[SPIFFE_TEXT], mutable[1200];
	struct spiffe_id id, again;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(spiffe_parse(good[i], strlen(good[i]), &id, &e), 0);
		assert_string_equal(spiffe_print(&id, text), good[i]);
		assert_int_equal(spiffe_parse(text, strlen(text), &again, &e), 0);
		assert_true(spiffe_equal(&id, &again));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!spiffe_parse(bad[i], strlen(bad[i]), &id, &e))
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(spiffe_parse("spiffe://a/ns/b/sa/c\0.evil", 26, &id, &e), -1);
	assert_int_equal(spiffe_parse("spiffe://a\0/ns/b/sa/c", 21, &id, &e), -1);
	for (size_t n = 250; n < 1100; n += 50) {
		snprintf(mutable, sizeof(mutable), "spiffe://a/ns/b/sa/%0*d", (int)n, 1);
		assert_int_equal(spiffe_parse(mutable, strlen(mutable), &id, &e), n <= 253 ? 0 : -1);
	}
}

/* ---- peers' certificates ---- */

static struct der peer_cert(struct env *v, const char *const *sans, size_t n, const char *constraints)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_ca(key, NULL, NULL, "peer", constraints, NULL, -10, 10);
	unsigned char *der = NULL;
	struct der out;

	for (size_t i = 0; i < n; i++) {
		X509_EXTENSION *ext = make_extension(cert, cert, NID_subject_alt_name, sans[i]);

		X509_add_ext(cert, ext, -1);
		X509_EXTENSION_free(ext);
	}
	X509_sign(cert, key, EVP_sha256());
	out.n = (size_t)i2d_X509(cert, &der);
	out.p = arena_copy(&v->a, der, out.n);
	OPENSSL_free(der);
	X509_free(cert);
	EVP_PKEY_free(key);
	return out;
}

/* Consul: several URIs; one identity is all that a peer has. */
static void ghsa_m69r_several_uris(void **state)
{
	static const struct {
		const char *sans[2];
		const char *constraints, *wants;	/* NULL: taken */
	} cases[] = {
		{{"URI:spiffe://a/ns/b/sa/c"}, "CA:FALSE", NULL},
		{{"DNS:x,URI:spiffe://a/ns/b/sa/c,IP:1.2.3.4"}, NULL, NULL},
		{{"URI:spiffe://a/ns/b/sa/c,URI:spiffe://a/ns/b/sa/d"}, NULL, "2 URIs"},
		{{"URI:spiffe://a/ns/b/sa/c", "URI:spiffe://a/ns/b/sa/d"}, NULL, "two subjectAltName"},
		{{"URI:spiffe://a/ns/b/sa/c", "DNS:x"}, NULL, "two subjectAltName"},
		{{"DNS:spiffe.a.ns.b.sa.c"}, NULL, "0 URIs"},
		{{"URI:spiffe://a/ns/b/sa/c?q"}, NULL, "SPIFFE"},
		{{"URI:spiffe://a/ns/b/sa/c%20"}, NULL, "SPIFFE"},
		{{"URI:http://a/ns/b/sa/c"}, NULL, "not a SPIFFE id"},
		{{"URI:spiffe://a/ns/b/sa/c"}, "CA:TRUE", "of a CA"},
		{{NULL}, NULL, "without subjectAltName"},
	};
	struct env *v = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = !!cases[i].sans[0] + !!cases[i].sans[1];
		struct der der = peer_cert(v, cases[i].sans, n, cases[i].constraints);
		struct err e = {0};
		struct spiffe_id id;
		int status = cert_identity(der, &id, &e);

		if (status != (cases[i].wants ? -1 : 0) || (cases[i].wants && !strstr(e.text, cases[i].wants)))
			fail_msg("case %zu: %d %s", i, status, e.text);
	}
}

/* Envoy, twice (CVE-2026-47778 too): what stands behind a NUL in a name. */
static void cve_2025_66220_nul_in_a_name(void **state)
{
	static const char san[] = "spiffe://a/ns/b/sa/c.evil", *const sans[] = {"URI:spiffe://a/ns/b/sa/c.evil"};
	struct der der = peer_cert(*state, sans, 1, "CA:FALSE");
	char *at = memmem(der.p, der.n, san, strlen(san));
	struct spiffe_id id;
	struct err e;

	assert_int_equal(cert_identity(der, &id, &e), 0);
	assert_string_equal(id.sa, "c.evil");
	for (size_t i = 0; i < strlen(san); i++) {	/* at each place of it */
		char was = at[i];

		at[i] = '\0';
		assert_int_equal(cert_identity(der, &id, &e), -1);
		at[i] = was;
	}
}

static void a_list_of_ten_thousand_names_is_refused(void **state)
{
	struct env *v = *state;
	struct buf names;
	const char *sans[1];
	struct spiffe_id id;
	struct err e;

	buf_init(&names, 1 << 20);
	buf_str(&names, "URI:spiffe://a/ns/b/sa/c");
	for (int i = 0; i < 10000; i++)
		buf_str(&names, ",DNS:a");
	sans[0] = buf_cstr(&names);
	assert_int_equal(cert_identity(peer_cert(v, sans, 1, NULL), &id, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_fini(&names);
}

static void cut_certificates_have_no_identity(void **state)
{
	static const char *const sans[] = {"URI:spiffe://a/ns/b/sa/c"};
	struct der der = peer_cert(*state, sans, 1, "CA:FALSE");
	struct spiffe_id id;
	struct err e;

	assert_int_equal(cert_identity(der, &id, &e), 0);
	for (size_t n = 0; n < der.n; n++)
		assert_int_equal(cert_identity((struct der){der.p, n}, &id, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_in_the_request_do_not_count, enter, leave),
		cmocka_unit_test_setup_teardown(weak_and_odd_keys_are_refused, enter, leave),
		cmocka_unit_test_setup_teardown(another_encoding_of_a_point_is_refused, enter, leave),
		cmocka_unit_test_setup_teardown(cve_2021_27098_signature_of_another_key, enter, leave),
		cmocka_unit_test_setup_teardown(every_changed_byte_is_refused, enter, leave),
		cmocka_unit_test_setup_teardown(broken_moduli_are_refused, enter, leave),
		cmocka_unit_test_setup_teardown(pem_is_one_block_and_nothing_else, enter, leave),
		cmocka_unit_test_setup_teardown(ten_thousand_extensions_are_refused, enter, leave),
		cmocka_unit_test(spiffe_ids_are_strict),
		cmocka_unit_test_setup_teardown(ghsa_m69r_several_uris, enter, leave),
		cmocka_unit_test_setup_teardown(cve_2025_66220_nul_in_a_name, enter, leave),
		cmocka_unit_test_setup_teardown(a_list_of_ten_thousand_names_is_refused, enter, leave),
		cmocka_unit_test_setup_teardown(cut_certificates_have_no_identity, enter, leave),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
