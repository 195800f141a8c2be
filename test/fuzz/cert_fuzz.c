/* SPDX-License-Identifier: Apache-2.0
 *
 * A peer's certificate in DER, or an issuer's in PEM with its lists of revoked ones when it begins with a dash. An
 * identity that is found reads back as the same text, and OpenSSL finds the same one URI. Lists that are joined are read again.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "ca/cert.h"
#include "ca/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(X509 *cert, const char *text)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int uris = 0;

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_URI)
			continue;
		uris++;
		must(ASN1_STRING_length(name->d.uniformResourceIdentifier) == (int)strlen(text));
		must(!memcmp(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), text, strlen(text)));
	}
	must(!names || uris == 1);	/* NULL: OpenSSL reads some names more strictly than we need to */
	GENERAL_NAMES_free(names);
}

static void read_lists(const uint8_t *data, size_t size)
{
	struct crl_info info, joined;
	struct arena a;
	const char *text;
	struct err e;

	arena_init(&a, 0);
	text = arena_strndup(&a, (const char *)data, size);
	if (!crl_read(text, &info, &e)) {
		must(!crl_read(crl_join(text, text, 1800000000, &a), &joined, &e) && joined.n_lists >= info.n_lists);
		crl_check(text, text, &text, 1, 1800000000, &e);
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	char text[SPIFFE_TEXT];
	struct spiffe_id id, again;
	struct certs certs;
	struct err e;
	X509 *cert;

	if (size && data[0] == '-') {
		read_lists(data, size);
		if (!certs_parse((const char *)data, size, false, &certs, &e))
			certs_fini(&certs);
		return 0;
	}
	if (cert_identity((struct der){data, size}, &id, &e))
		return 0;
	spiffe_print(&id, text);
	must(!spiffe_parse(text, strlen(text), &again, &e) && spiffe_equal(&id, &again));
	cert = d2i_X509(NULL, &p, (long)size);
	if (cert)
		compare(cert, text);
	X509_free(cert);
	ERR_clear_error();
	return 0;
}
