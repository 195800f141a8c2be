/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/csr.h"

#include <openssl/evp.h>
#include <string.h>

#include "ca/pem.h"

int csr_decode_pem(const char *text, size_t n, struct arena *a, struct csr *out, struct err *e)
{
	const char *label = n && memmem(text, n, "BEGIN NEW ", 10) ? "NEW CERTIFICATE REQUEST"
								   : "CERTIFICATE REQUEST";
	struct der der;

	if (pem_decode(text, n, label, CSR_MAX, a, &der, e) || csr_parse(der, out, e))
		return err_wrap(e, "the certificate request");
	return 0;
}

int csr_parse(struct der der, struct csr *out, struct err *e)
{
	struct der request, info, version, skipped, spki, alg, bits;
	bool is_rsa;

	if (der.n > CSR_MAX)
		return err_set(e, ERR_LIMIT, "more than %d bytes", CSR_MAX);
	if (!der_take(&der, DER_SEQUENCE, &request, NULL) || der.n ||
	    !der_take(&request, DER_SEQUENCE, &info, &out->signed_part) ||
	    !der_take(&request, DER_SEQUENCE, &alg, NULL) ||
	    !der_take(&request, DER_BITS, &bits, NULL) || request.n)
		return err_set(e, ERR_SYNTAX, "not a PKCS #10 request");
	if (!der_take(&info, DER_INTEGER, &version, NULL) || !der_equal(version, "\0", 1) ||
	    !der_take(&info, DER_SEQUENCE, &skipped, NULL) ||
	    !der_take(&info, DER_SEQUENCE, &skipped, &spki) ||
	    !der_take(&info, DER_CONTEXT_CONSTRUCTED + 0, &skipped, NULL) || info.n)
		return err_set(e, ERR_SYNTAX, "not a PKCS #10 request of version 1");
	if (key_parse(spki, &out->key, e))
		return -1;
	if (key_signature_algorithm(alg, &is_rsa, &out->hash))
		return err_set(
		    e, ERR_REFUSED,
		    "signed with another algorithm than ECDSA or RSA (PKCS #1) with SHA-2");
	if (is_rsa != (out->key.kind == KEY_RSA))
		return err_set(e, ERR_REFUSED, "signed with another kind of key than it holds");
	if (!der_bits(bits, &out->signature))
		return err_set(e, ERR_SYNTAX, "a malformed signature");
	return 0;
}

int csr_verify(const struct csr *c, const struct key_forms *forms, struct err *e)
{
	EVP_PKEY *key = key_import(forms, &c->key, e);
	int status;

	if (!key)
		return err_wrap(e, "the certificate request");
	status = key_verify(key, c->hash, c->signed_part, c->signature, e);
	EVP_PKEY_free(key);
	return status ? err_wrap(e, "the certificate request") : 0;
}
