/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the CA sign and send, made with OpenSSL's ordinary interface.
 */
#ifndef UNIT_CA_MAKE_H
#define UNIT_CA_MAKE_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { NOW_S = 1800000000 };	/* 2027-01-15 */

static inline X509_EXTENSION *make_extension(X509 *issuer, X509 *subject, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, subject, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext);
	return ext;
}

/* A request with a subject and, unless NULL, a subjectAltName and basicConstraints. Unsigned without md. */
static inline X509_REQ *make_request(EVP_PKEY *key, EVP_PKEY *signer, const EVP_MD *md, const char *san, const char *constraints)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();

	must(req && exts && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 && X509_REQ_set_pubkey(req, key) == 1);
	must(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_ASC, (const uint8_t *)"admin", -1, -1, 0));
	if (san)
		sk_X509_EXTENSION_push(exts, make_extension(NULL, NULL, NID_subject_alt_name, san));
	if (constraints)
		sk_X509_EXTENSION_push(exts, make_extension(NULL, NULL, NID_basic_constraints, constraints));
	must(!sk_X509_EXTENSION_num(exts) || X509_REQ_add_extensions(req, exts) == 1);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	if (signer)
		must(X509_REQ_sign(req, signer, md) > 0);
	return req;
}

/* Heap memory; frees the request. */
static inline char *request_pem(X509_REQ *req)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *text;
	long n;

	must(PEM_write_bio_X509_REQ(bio, req) == 1);
	n = BIO_get_mem_data(bio, &p);
	text = strndup(p, (size_t)n);
	BIO_free(bio);
	X509_REQ_free(req);
	return text;
}

static inline char *make_csr(EVP_PKEY *key)
{
	return request_pem(make_request(key, key, EVP_sha256(), NULL, NULL));
}

/* A CA's certificate; issuer NULL: self-signed. */
static inline X509 *make_ca(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *name, const char *constraints,
			    const char *key_usage, long from_s, long until_s)
{
	static long serial;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);

	must(X509_set_version(cert, X509_VERSION_3) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0));
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject);
	X509_set_pubkey(cert, key);
	ASN1_TIME_set(X509_getm_notBefore(cert), NOW_S + from_s);
	ASN1_TIME_set(X509_getm_notAfter(cert), NOW_S + until_s);
	for (int i = 0; i < 4; i++) {
		static const int nids[] = {NID_basic_constraints, NID_key_usage, NID_subject_key_identifier, NID_authority_key_identifier};
		const char *values[] = {constraints, key_usage, "hash", "keyid"};
		X509_EXTENSION *ext;

		if (!values[i] || (i == 3 && !issuer))
			continue;
		ext = make_extension(issuer ? issuer : cert, cert, nids[i], values[i]);
		X509_add_ext(cert, ext, -1);
		X509_EXTENSION_free(ext);
	}
	must(X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
	return cert;
}

/* A list of that issuer, signed by key, PEM, heap memory. revoked: or NULL. */
static inline char *make_crl(X509 *issuer, EVP_PKEY *key, X509 *revoked, long from_s, long until_s, const char *critical)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();
	BIO *bio = BIO_new(BIO_s_mem());
	X509_EXTENSION *ext = make_extension(issuer, NULL, NID_authority_key_identifier, "keyid");
	char *p, *text;
	long n;

	must(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 && X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1);
	must(X509_CRL_set1_lastUpdate(crl, ASN1_TIME_set(t, NOW_S + from_s)) == 1);
	must(!until_s || X509_CRL_set1_nextUpdate(crl, ASN1_TIME_set(t, NOW_S + until_s)) == 1);
	must(X509_CRL_add_ext(crl, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	if (critical) {
		ext = make_extension(NULL, NULL, NID_issuing_distribution_point, critical);
		must(X509_CRL_add_ext(crl, ext, -1) == 1);
		X509_EXTENSION_free(ext);
	}
	if (revoked) {
		X509_REVOKED *entry = X509_REVOKED_new();

		must(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked)) == 1);
		must(X509_REVOKED_set_revocationDate(entry, ASN1_TIME_set(t, NOW_S + from_s)) == 1);
		must(X509_CRL_add0_revoked(crl, entry) == 1);
	}
	must(X509_CRL_sign(crl, key, EVP_sha256()) > 0 && PEM_write_bio_X509_CRL(bio, crl) == 1);
	n = BIO_get_mem_data(bio, &p);
	text = strndup(p, (size_t)n);
	BIO_free(bio);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
	return text;
}

static inline void write_cert(const char *dir, const char *name, X509 *const *certs, size_t n)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	must(f);
	for (size_t i = 0; i < n; i++)
		must(PEM_write_X509(f, certs[i]) == 1);
	fclose(f);
}

static inline void write_key(const char *dir, const char *name, EVP_PKEY *key)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	must(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	fclose(f);
}

static inline X509 *parse_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return cert;
}

#endif
