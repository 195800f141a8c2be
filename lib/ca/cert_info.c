/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/cert_info.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "ca/spiffe.h"

static const char *name_text(const X509_NAME *name, struct arena *a)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text = "";
	char *p;
	long n;

	must(bio && "out of memory");
	/* escapes what is no plain character */
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		n = BIO_get_mem_data(bio, &p);
		text = arena_strndup(a, p, (size_t)n);
	}
	BIO_free(bio);
	return text;
}

static const char *serial_text(X509 *cert, struct arena *a)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = n ? BN_bn2hex(n) : NULL;
	char *text = arena_strdup(a, hex ? hex : "");

	for (char *p = text; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
	OPENSSL_free(hex);
	BN_free(n);
	return text;
}

static const char *uri_text(X509 *cert, struct arena *a)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const char *text = NULL;

	for (int i = 0; !text && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;

		if (name->type == GEN_URI)
			text = arena_strndup(a, (const char *)ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
	}
	GENERAL_NAMES_free(names);
	return text;
}

static const char *key_text(X509 *cert, struct arena *a)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key ? arena_printf(a, "%s %d", EVP_PKEY_is_a(key, "EC") ? "EC" : EVP_PKEY_get0_type_name(key),
				  EVP_PKEY_get_bits(key))
		   : "?";
}

static void describe(X509 *cert, struct arena *a, struct cert_info *out)
{
	out->subject = name_text(X509_get_subject_name(cert), a);
	out->issuer = name_text(X509_get_issuer_name(cert), a);
	out->serial = serial_text(cert, a);
	cert_id(cert, out->id);
	out->from_s = cert_not_before(cert);
	out->until_s = cert_not_after(cert);
	out->is_ca = X509_check_ca(cert) == 1;
	out->is_root = X509_self_signed(cert, 0) == 1;
	out->uri = uri_text(cert, a);
	out->key = key_text(cert, a);
	ERR_clear_error();
}

int cert_info_read(const char *pem, struct arena *a, struct cert_info **out, size_t *n, struct err *e)
{
	struct certs certs;

	*n = 0;
	if (certs_parse(pem, strlen(pem), true, &certs, e))
		return -1;
	*out = arena_array(a, struct cert_info, certs.n + 1);
	for (size_t i = 0; i < certs.n; i++)
		describe(certs.v[i], a, &(*out)[i]);
	*n = certs.n;
	certs_fini(&certs);
	return 0;
}

/* ---- findings ---- */

static int64_t warn_before_s(const struct cert_info *c)
{
	int64_t tenth = (c->until_s - c->from_s) / 10, month = 30 * (int64_t)CERT_DAY_S;

	return tenth < month ? tenth : month;
}

int cert_info_step(const struct cert_info *c, int64_t now_s)
{
	static const int days[] = {0, 1, 3, 7, 14, 30};
	int64_t left = c->until_s - now_s;

	for (size_t i = 0; left <= warn_before_s(c) && i < ARRAY_LEN(days); i++)
		if (left <= days[i] * (int64_t)CERT_DAY_S)
			return days[i];
	return -1;
}

static void check_domain(const struct cert_info *c, const char *what, const char *trust_domain, struct diags *ds)
{
	static const char scheme[] = "spiffe://";
	const char *host = c->uri && !strncmp(c->uri, scheme, sizeof(scheme) - 1) ? c->uri + sizeof(scheme) - 1 : NULL;
	size_t n = host ? strcspn(host, "/") : 0;

	if (host && trust_domain && (strlen(trust_domain) != n || memcmp(host, trust_domain, n) != 0))
		diag_add(ds, D_CERT_TRUST_DOMAIN, (struct pos){0}, "", "the %s %s is of the trust domain %.*s, the mesh of %s", what,
			 c->subject, (int)(n < 200 ? n : 200), host, trust_domain);
}

void cert_info_check(const struct cert_info *c, const char *what, const char *trust_domain, int64_t now_s, struct diags *ds)
{
	int64_t left = c->until_s - now_s;

	if (left <= 0)
		diag_add(ds, D_CERT_EXPIRED, (struct pos){0}, "", "the %s %s expired %lld hours ago", what, c->subject,
			 (long long)(-left / 3600));
	else if (cert_info_step(c, now_s) >= 0)
		diag_add(ds, D_CERT_EXPIRES_SOON, (struct pos){0}, "", "the %s %s expires in %lld days", what, c->subject,
			 (long long)(left / CERT_DAY_S));
	if (c->from_s > now_s)
		diag_add(ds, D_CERT_NOT_YET, (struct pos){0}, "", "the %s %s is good from %lld hours on", what, c->subject,
			 (long long)((c->from_s - now_s) / 3600));
	check_domain(c, what, trust_domain, ds);
}
