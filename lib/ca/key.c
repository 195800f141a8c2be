/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define OID_EC		  0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01
#define OID_P256	  0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07
#define OID_P384	  0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22
#define OID_RSA		  OID_RSA_SHA2(1)
#define OID_ECDSA_SHA2(k) 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, (k)
#define OID_RSA_SHA2(k)	  0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, (k)

/* Contents of AlgorithmIdentifiers. */
static const uint8_t alg_p256[] = {OID_EC, OID_P256};
static const uint8_t alg_p384[] = {OID_EC, OID_P384};
static const uint8_t alg_rsa[] = {OID_RSA, 0x05, 0x00};
static const uint8_t alg_ec[] = {OID_EC};

static const struct {
	bool is_rsa;
	enum key_hash hash;
	uint8_t n, content[13];
} signature_algorithms[] = {
    {false, KEY_SHA256, 10, {OID_ECDSA_SHA2(2)}},
    {false, KEY_SHA384, 10, {OID_ECDSA_SHA2(3)}},
    {false, KEY_SHA512, 10, {OID_ECDSA_SHA2(4)}},
    {true, KEY_SHA256, 13, {OID_RSA_SHA2(11), 0x05, 0x00}},
    {true, KEY_SHA384, 13, {OID_RSA_SHA2(12), 0x05, 0x00}},
    {true, KEY_SHA512, 13, {OID_RSA_SHA2(13), 0x05, 0x00}},
};

static const uint8_t ecdsa_sha256_id[] = {0x30, 10, OID_ECDSA_SHA2(2)};
static const uint8_t rsa_sha256_id[] = {0x30, 13, OID_RSA_SHA2(11), 0x05, 0x00};

const char *key_kind_name(enum key_kind kind)
{
	static const char *const names[] = {
	    [KEY_P256] = "P-256", [KEY_P384] = "P-384", [KEY_RSA] = "RSA"};

	return names[kind];
}

int key_signature_algorithm(struct der content, bool *is_rsa, enum key_hash *hash)
{
	for (size_t i = 0; i < ARRAY_LEN(signature_algorithms); i++) {
		if (!der_equal(content, signature_algorithms[i].content, signature_algorithms[i].n))
			continue;
		*is_rsa = signature_algorithms[i].is_rsa;
		*hash = signature_algorithms[i].hash;
		return 0;
	}
	return -1;
}

struct der key_signature_id(bool is_rsa)
{
	return is_rsa ? (struct der){rsa_sha256_id, sizeof(rsa_sha256_id)}
		      : (struct der){ecdsa_sha256_id, sizeof(ecdsa_sha256_id)};
}

/* ---- parsing ---- */

static unsigned bits_of(struct der n)
{
	unsigned bits = (unsigned)n.n * 8;

	for (uint8_t top = n.n ? n.p[0] : 0xff; !(top & 0x80); top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

int key_check_rsa(struct der n, struct der e, struct key_public *out, struct err *err)
{
	static const uint8_t f4[] = {1, 0, 1};

	if (!n.n || !n.p[0])
		return err_set(err, ERR_SYNTAX, "an RSA modulus that is no positive number");
	if (n.n > KEY_RSA_MAX / 8 || bits_of(n) < KEY_RSA_MIN)
		return err_set(err, ERR_REFUSED, "an RSA key of %zu bits; %d to %d are taken",
			       n.n * 8 > 65536 ? 65536 : (size_t)bits_of(n), KEY_RSA_MIN,
			       KEY_RSA_MAX);
	if (!(n.p[n.n - 1] & 1))
		return err_set(err, ERR_REFUSED, "an RSA modulus that is even");
	if (!der_equal(e, f4, sizeof(f4)))
		return err_set(err, ERR_REFUSED, "an RSA key whose public exponent is not 65537");
	out->kind = KEY_RSA;
	out->bits = bits_of(n);
	out->n = n;
	out->e = e;
	return 0;
}

static int parse_rsa(struct der bits, struct key_public *out, struct err *err)
{
	struct der body, n, e;

	if (!der_take(&bits, DER_SEQUENCE, &body, NULL) || bits.n ||
	    !der_take(&body, DER_INTEGER, &n, NULL) || !der_take(&body, DER_INTEGER, &e, NULL) ||
	    body.n || !der_positive(n, &n) || !der_positive(e, &e))
		return err_set(err, ERR_SYNTAX, "a malformed RSA key");
	return key_check_rsa(n, e, out, err);
}

static int parse_point(struct der bits, enum key_kind kind, struct key_public *out, struct err *e)
{
	size_t n = kind == KEY_P256 ? 65 : 97;

	if (bits.n != n || bits.p[0] != 4)
		return err_set(e, ERR_REFUSED, "a point of %s that is not uncompressed",
			       key_kind_name(kind));
	out->kind = kind;
	out->bits = kind == KEY_P256 ? 256 : 384;
	out->point = bits;
	return 0;
}

int key_parse(struct der spki, struct key_public *out, struct err *e)
{
	struct der in = spki, body, alg, bits;

	*out = (struct key_public){.spki = spki};
	if (!der_take(&in, DER_SEQUENCE, &body, NULL) || in.n ||
	    !der_take(&body, DER_SEQUENCE, &alg, NULL) || !der_take(&body, DER_BITS, &bits, NULL) ||
	    body.n || !der_bits(bits, &bits))
		return err_set(e, ERR_SYNTAX, "a malformed public key");
	if (der_equal(alg, alg_p256, sizeof(alg_p256)))
		return parse_point(bits, KEY_P256, out, e);
	if (der_equal(alg, alg_p384, sizeof(alg_p384)))
		return parse_point(bits, KEY_P384, out, e);
	if (der_equal(alg, alg_rsa, sizeof(alg_rsa)))
		return parse_rsa(bits, out, e);
	if (alg.n > sizeof(alg_ec) && !memcmp(alg.p, alg_ec, sizeof(alg_ec)))
		return err_set(e, ERR_REFUSED, "a key on another curve than P-256 and P-384");
	return err_set(e, ERR_REFUSED,
		       "a key of a kind that is not taken; P-256, P-384 and RSA are");
}

/* ---- import ---- */

struct key_forms {
	EVP_PKEY *curve[2]; /* KEY_P256, KEY_P384 */
};

struct key_forms *key_forms_new(void)
{
	struct key_forms *f = calloc(1, sizeof(*f));

	must(f && "out of memory");
	f->curve[KEY_P256] = EVP_EC_gen("P-256");
	f->curve[KEY_P384] = EVP_EC_gen("P-384");
	must(f->curve[KEY_P256] && f->curve[KEY_P384]);
	return f;
}

void key_forms_free(struct key_forms *f)
{
	if (!f)
		return;
	EVP_PKEY_free(f->curve[KEY_P256]);
	EVP_PKEY_free(f->curve[KEY_P384]);
	free(f);
}

static EVP_PKEY *import_point(const struct key_forms *f, const struct key_public *k)
{
	EVP_PKEY *key = EVP_PKEY_new();

	must(key && "out of memory");
	if (EVP_PKEY_copy_parameters(key, f->curve[k->kind]) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(key, k->point.p, k->point.n) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static EVP_PKEY *import_rsa(const struct key_public *k)
{
	uint8_t n[KEY_RSA_MAX / 8], e[3];
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	must(ctx && k->n.n <= sizeof(n) && k->e.n == sizeof(e));
	for (size_t i = 0; i < k->n.n; i++) /* OpenSSL takes numbers in the machine's order */
		n[i] = k->n.p[k->n.n - 1 - i];
	for (size_t i = 0; i < sizeof(e); i++)
		e[i] = k->e.p[sizeof(e) - 1 - i];
	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, k->n.n);
	params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, sizeof(e));
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "import_rsa turns numbers round");

struct evp_pkey_st *key_import(const struct key_forms *f, const struct key_public *k, struct err *e)
{
	EVP_PKEY *key = k->kind == KEY_RSA ? import_rsa(k) : import_point(f, k);

	if (!key) {
		ERR_clear_error();
		err_set(e, ERR_REFUSED, "a point that is not on %s", key_kind_name(k->kind));
	}
	return key;
}

int key_verify(struct evp_pkey_st *key, enum key_hash hash, struct der message, struct der sig,
	       struct err *e)
{
	const EVP_MD *md = hash == KEY_SHA256	? EVP_sha256()
			   : hash == KEY_SHA384 ? EVP_sha384()
						: EVP_sha512();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	must(ctx && "out of memory");
	ok = EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
	     EVP_DigestVerify(ctx, sig.p, sig.n, message.p, message.n) == 1;
	EVP_MD_CTX_free(ctx);
	if (ok)
		return 0;
	ERR_clear_error();
	return err_set(e, ERR_REFUSED, "the signature is not that of the key");
}
