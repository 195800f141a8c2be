/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/cert.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "base/scalar.h"
#include "base/vec.h"
#include "ca/ca.h"
#include "ca/pem.h"

enum { URI = DER_CONTEXT + 6 };

/* ---- the identity of a leaf ---- */

/* Up to the extensions, whose content is *out; n 0 when there are none. */
static bool find_extensions(struct der cert, struct der *out)
{
	struct der outer, tbs, x;

	*out = (struct der){0};
	if (!der_take(&cert, DER_SEQUENCE, &outer, NULL) || cert.n ||
	    !der_take(&outer, DER_SEQUENCE, &tbs, NULL) ||
	    !der_take(&tbs, DER_CONTEXT_CONSTRUCTED + 0, &x, NULL) ||
	    !der_take(&tbs, DER_INTEGER, &x, NULL))
		return false;
	for (int i = 0; i < 5; i++) /* algorithm, issuer, validity, subject, key */
		if (!der_take(&tbs, DER_SEQUENCE, &x, NULL))
			return false;
	der_take(&tbs, DER_CONTEXT + 1, &x, NULL);
	der_take(&tbs, DER_CONTEXT + 2, &x, NULL);
	if (!tbs.n)
		return true;
	return der_take(&tbs, DER_CONTEXT_CONSTRUCTED + 3, &x, NULL) && !tbs.n &&
	       der_take(&x, DER_SEQUENCE, out, NULL) && !x.n;
}

/* UTCTime or GeneralizedTime, in Zulu. */
static bool take_time(struct der *in, int64_t *out)
{
	char text[40];
	struct der t;
	int64_t ns;
	bool utc = der_take(in, DER_UTC_TIME, &t, NULL);

	if (!utc && !der_take(in, DER_TIME, &t, NULL))
		return false;
	if (t.n != (utc ? 13u : 15u) || t.p[t.n - 1] != 'Z')
		return false;
	snprintf(text, sizeof(text), "%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2sZ", !utc ? "" : t.p[0] >= '5' ? "19" : "20", utc ? 2 : 4,
		 (const char *)t.p, (const char *)t.p + t.n - 11, (const char *)t.p + t.n - 9, (const char *)t.p + t.n - 7,
		 (const char *)t.p + t.n - 5, (const char *)t.p + t.n - 3);
	if (scalar_time_ns(text, &ns))
		return false;
	*out = ns / 1000000000;
	return true;
}

int cert_life(struct der cert, int64_t *issued_s, int64_t *until_s)
{
	struct der outer, tbs, x, validity;
	int64_t from;

	if (!der_take(&cert, DER_SEQUENCE, &outer, NULL) || !der_take(&outer, DER_SEQUENCE, &tbs, NULL) ||
	    !der_take(&tbs, DER_CONTEXT_CONSTRUCTED + 0, &x, NULL) || !der_take(&tbs, DER_INTEGER, &x, NULL) ||
	    !der_take(&tbs, DER_SEQUENCE, &x, NULL) || !der_take(&tbs, DER_SEQUENCE, &x, NULL) ||
	    !der_take(&tbs, DER_SEQUENCE, &validity, NULL) || !take_time(&validity, &from) || !take_time(&validity, until_s))
		return -1;
	*issued_s = from + CA_SKEW_S;
	return 0;
}

/* A row of the extensions: the OID's content and the octets. */
static bool next_extension(struct der *in, struct der *oid, struct der *value)
{
	struct der row, critical;

	if (!der_take(in, DER_SEQUENCE, &row, NULL) || !der_take(&row, DER_OID, oid, NULL))
		return false;
	der_take(&row, DER_BOOLEAN, &critical, NULL);
	return der_take(&row, DER_OCTETS, value, NULL) && !row.n;
}

static int uri_of(struct der names, struct der *uri, struct err *e)
{
	struct der body, name;
	size_t n = 0, uris = 0;
	uint8_t tag;

	if (!der_take(&names, DER_SEQUENCE, &body, NULL) || names.n)
		return err_set(e, ERR_SYNTAX, "a malformed subjectAltName");
	for (; body.n; n++) {
		if (n == CERT_NAMES_MAX)
			return err_set(e, ERR_LIMIT, "a certificate with more than %d names",
				       CERT_NAMES_MAX);
		if (!der_next(&body, &tag, &name, NULL))
			return err_set(e, ERR_SYNTAX, "a malformed subjectAltName");
		if (tag == URI) {
			*uri = name;
			uris++;
		}
	}
	if (uris != 1)
		return err_set(e, ERR_REFUSED, "a certificate with %zu URIs; one is an identity",
			       uris);
	return 0;
}

static bool says_ca(struct der constraints)
{
	struct der body, ca;

	if (!der_take(&constraints, DER_SEQUENCE, &body, NULL) || constraints.n)
		return true;
	return body.n && (!der_take(&body, DER_BOOLEAN, &ca, NULL) || !der_equal(ca, "\0", 1));
}

int cert_identity(struct der cert, struct spiffe_id *out, struct err *e)
{
	static const uint8_t alt_name[] = {0x55, 0x1d, 0x11}, constraints[] = {0x55, 0x1d, 0x13};
	struct der extensions, oid, value, uri = {0};
	size_t n = 0, sans = 0;

	if (cert.n > CERT_MAX)
		return err_set(e, ERR_LIMIT, "a certificate of more than %d bytes", CERT_MAX);
	if (!find_extensions(cert, &extensions))
		return err_set(e, ERR_SYNTAX, "not an X.509 certificate of version 3");
	for (; extensions.n; n++) {
		if (n == CERT_EXTENSIONS_MAX)
			return err_set(e, ERR_LIMIT, "a certificate with more than %d extensions",
				       CERT_EXTENSIONS_MAX);
		if (!next_extension(&extensions, &oid, &value))
			return err_set(e, ERR_SYNTAX, "a malformed extension");
		if (der_equal(oid, constraints, sizeof(constraints)) && says_ca(value))
			return err_set(e, ERR_REFUSED, "the certificate of a CA");
		if (!der_equal(oid, alt_name, sizeof(alt_name)))
			continue;
		if (sans++ || uri_of(value, &uri, e))
			return sans > 1 ? err_set(e, ERR_SYNTAX, "two subjectAltName extensions")
					: -1;
	}
	if (!sans)
		return err_set(e, ERR_REFUSED, "a certificate without subjectAltName");
	return spiffe_parse((const char *)uri.p, uri.n, out, e);
}

/* ---- issuers' certificates ---- */

void certs_fini(struct certs *c)
{
	for (size_t i = 0; i < c->n; i++)
		X509_free(c->v[i]);
	free(c->v);
	*c = (struct certs){0};
}

static int parse_all(const char *pem, size_t n, struct arena *a, struct certs *out, struct err *e)
{
	const char *p = pem, *end = pem + n;
	struct pem_block block;
	size_t cap = 0;
	int got;

	while ((got = pem_next(&p, end, "CERTIFICATE", CERT_MAX, a, &block, e)) > 0) {
		const unsigned char *der = block.der.p;
		X509 *cert = d2i_X509(NULL, &der, (long)block.der.n);

		if (!cert || der != block.der.p + block.der.n || out->n == CERTS_MAX) {
			X509_free(cert);
			ERR_clear_error();
			return out->n == CERTS_MAX
				   ? err_set(e, ERR_LIMIT, "more than %d certificates", CERTS_MAX)
				   : err_set(e, ERR_SYNTAX, "block %zu is no X.509 certificate",
					     out->n + 1);
		}
		out->v = vec_grow(out->v, out->n, &cap, sizeof(X509 *), NULL);
		out->v[out->n++] = cert;
	}
	return got;
}

int certs_parse(const char *pem, size_t n, bool may_be_empty, struct certs *out, struct err *e)
{
	struct arena a;
	int status;

	*out = (struct certs){0};
	arena_init(&a, 0);
	status = parse_all(pem, n, &a, out, e);
	arena_fini(&a);
	if (!status && !out->n && !may_be_empty)
		status = err_set(e, ERR_SYNTAX, "no certificate in it");
	if (status)
		certs_fini(out);
	return status;
}

const char *cert_print(struct x509_st *cert, struct arena *a)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	const char *text;

	must(n > 0);
	text = pem_print("CERTIFICATE", (struct der){der, (size_t)n}, a);
	OPENSSL_free(der);
	return text;
}

int64_t cert_seconds(const struct asn1_string_st *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t cert_not_before(struct x509_st *cert)
{
	return cert_seconds(X509_get0_notBefore(cert));
}

int64_t cert_not_after(struct x509_st *cert)
{
	return cert_seconds(X509_get0_notAfter(cert));
}

const char *cert_describe(struct x509_st *cert, struct arena *a)
{
	char from[SCALAR_TIME], to[SCALAR_TIME], name[60];

	X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof(name));
	return arena_printf(a, "%s is good from %.10s to %.10s", name, scalar_time_print(cert_not_before(cert), from),
			    scalar_time_print(cert_not_after(cert), to));
}

const char *certs_leave_out(struct certs *c, int64_t now_s, int64_t *next_s, struct arena *a)
{
	const char *out = "";
	size_t kept = 0;

	*next_s = INT64_MAX;
	for (size_t i = 0; i < c->n; i++) {
		int64_t from_s = cert_not_before(c->v[i]), until_s = cert_not_after(c->v[i]) + 1;
		int64_t change_s = now_s < from_s ? from_s : now_s < until_s ? until_s : INT64_MAX;

		if (change_s < *next_s)
			*next_s = change_s;
		if (from_s <= now_s && now_s < until_s) {
			c->v[kept++] = c->v[i];
			continue;
		}
		out = arena_printf(a, "%s%s", out, cert_print(c->v[i], a));
		X509_free(c->v[i]);
	}
	c->n = kept;
	return out;
}

char *cert_id(struct x509_st *cert, char out[CERT_ID + 1])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(X509_digest(cert, EVP_sha256(), sum, &n) == 1 && n == CERT_ID / 2);
	for (unsigned i = 0; i < n; i++)
		snprintf(out + (size_t)2 * i, 3, "%02x", sum[i]);
	return out;
}

static size_t index_of(const struct certs *all, X509 *cert)
{
	size_t i = 0;

	while (i < all->n && X509_cmp(all->v[i], cert))
		i++;
	must(i < all->n && "a chain ends in one of the roots");
	return i;
}

static int verify_for(X509_STORE *store, STACK_OF(X509) * between, X509 *leaf, int purpose,
		      int64_t now_s, const struct certs *roots, struct certs_path *out,
		      struct err *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int status = 0;

	must(ctx && X509_STORE_CTX_init(ctx, store, leaf, between) == 1);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
	if (X509_verify_cert(ctx) == 1) {
		STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

		out->expires_s = INT64_MAX;
		for (int i = 1; i < sk_X509_num(chain); i++) {
			int64_t t = cert_not_after(sk_X509_value(chain, i));

			out->expires_s = t < out->expires_s ? t : out->expires_s;
		}
		out->root = index_of(roots, sk_X509_value(chain, sk_X509_num(chain) - 1));
	} else {
		status = err_set(e, ERR_REFUSED, "%s (certificate %d of the chain)",
				 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
				 X509_STORE_CTX_get_error_depth(ctx));
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return status;
}

int certs_verify(struct x509_st *leaf, const struct certs *between, const struct certs *roots,
		 int64_t now_s, struct certs_path *out, struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	int status;

	must(store && untrusted);
	for (size_t i = 0; i < roots->n; i++)
		must(X509_STORE_add_cert(store, roots->v[i]) == 1);
	for (size_t i = 0; i < between->n; i++)
		must(sk_X509_push(untrusted, between->v[i]) > 0);
	status =
	    verify_for(store, untrusted, leaf, X509_PURPOSE_SSL_SERVER, now_s, roots, out, e) ||
		    verify_for(store, untrusted, leaf, X509_PURPOSE_SSL_CLIENT, now_s, roots, out, e)
		? -1
		: 0;
	sk_X509_free(untrusted);
	X509_STORE_free(store);
	return status;
}
