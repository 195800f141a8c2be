/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/own_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/must.h"
#include "ca/cert.h"
#include "ca/pem.h"

int own_key_print(struct evp_pkey_st *key, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *p;
	long n;

	must(bio && "out of memory");
	if (PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
		n = BIO_get_mem_data(bio, &p);
		buf_append(out, p, (size_t)n);
	} else {
		out->failed = true;
	}
	BIO_free(bio);
	ERR_clear_error();
	return out->failed ? err_set(e, ERR_IO, "a key cannot be written") : 0;
}

static const char *print_request(X509_REQ *req, struct arena *a)
{
	unsigned char *der = NULL;
	int n = i2d_X509_REQ(req, &der);
	const char *text;

	must(n > 0);
	text = pem_print("CERTIFICATE REQUEST", (struct der){der, (size_t)n}, a);
	OPENSSL_free(der);
	return text;
}

int own_key_make(struct buf *key, struct arena *a, const char **request, struct err *e)
{
	EVP_PKEY *own = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	int status = -1;

	if (own && req && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 && X509_REQ_set_pubkey(req, own) == 1 &&
	    X509_REQ_sign(req, own, EVP_sha256()) > 0) {
		*request = print_request(req, a);
		status = own_key_print(own, key, e);
	} else {
		err_set(e, ERR_IO, "no key can be made");
	}
	X509_REQ_free(req);
	EVP_PKEY_free(own);
	ERR_clear_error();
	return status;
}

static int no_password(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

struct evp_pkey_st *own_key_read(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));
	EVP_PKEY *key;

	must(bio && "out of memory");
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static int verify(const struct certs *chain, const char *roots, int64_t now_s, struct err *e)
{
	struct certs between = {.v = chain->v + 1, .n = chain->n - 1}, trusted;
	struct certs_path path;
	int status;

	if (certs_parse(roots, strlen(roots), false, &trusted, e))
		return err_wrap(e, "the roots");
	status = certs_verify(chain->v[0], &between, &trusted, now_s, &path, e);
	certs_fini(&trusted);
	return status;
}

int own_key_check(const char *key, const char *chain, const char *roots, int64_t now_s, struct own_key_dates *out,
		  struct err *e)
{
	EVP_PKEY *own = own_key_read(key);
	struct certs certs = {0};
	int status = 0;

	if (!own)
		status = err_set(e, ERR_SYNTAX, "the key is none that can be read");
	else if (certs_parse(chain, strlen(chain), false, &certs, e))
		status = err_wrap(e, "the certificate");
	else if (X509_check_private_key(certs.v[0], own) != 1)
		status = err_set(e, ERR_REFUSED, "the key is not that of the certificate");
	else if (roots)
		status = verify(&certs, roots, now_s, e);
	if (!status)
		*out = (struct own_key_dates){cert_not_before(certs.v[0]), cert_not_after(certs.v[0])};
	certs_fini(&certs);
	EVP_PKEY_free(own);
	ERR_clear_error();
	return status;
}
