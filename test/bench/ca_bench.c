/* SPDX-License-Identifier: Apache-2.0
 *
 * A request in, a chain out: ca_issue, with the identity checked as for a caller, against the same by
 * OpenSSL's ordinary interface in the same run; on one thread. Prints "name value" lines: certificates
 * a second of processor time, the best of several tries.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "ca/ca.h"
#include "ev/file.h"

enum { TRIES = 5, TRY_MS = 200 };

struct bench {
	char dir[64];
	struct ca *ca;
	EVP_PKEY *key;		/* of the CA, for the ordinary way */
	X509 *cert;
	char *csr;
	uint64_t counter;
};

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double rate(void (*step)(struct bench *b, struct arena *a), struct bench *b)
{
	struct arena a;
	double best = 0;

	arena_init(&a, 0);
	for (int i = 0; i < TRIES; i++) {
		double began = cpu_s(), took;
		unsigned n = 0;

		do {
			struct arena_mark mark = arena_mark(&a);

			step(b, &a);
			arena_rewind(&a, mark);
			n++;
			took = cpu_s() - began;
		} while (took < TRY_MS / 1e3);
		best = n / took > best ? n / took : best;
	}
	arena_fini(&a);
	return best;
}

static void issue(struct bench *b, struct arena *a)
{
	static const char caller[] = "spiffe://cluster.local/ns/default/sa/bookinfo-reviews";
	struct spiffe_id id;
	struct ca_request r = {.id = &id, .csr = b->csr, .n_csr = strlen(b->csr)};
	struct ca_issued out;
	struct err e;

	memcpy(r.serial, &b->counter, sizeof(b->counter));
	b->counter++;
	must(!spiffe_parse(caller, strlen(caller), &id, &e) && !ca_issue(b->ca, &r, time(NULL), a, &out, &e));
}

static void add(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	must(ext && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void issue_plainly(struct bench *b, struct arena *a)
{
	BIO *in = BIO_new_mem_buf(b->csr, -1), *out = BIO_new(BIO_s_mem());
	X509_REQ *req = PEM_read_bio_X509_REQ(in, NULL, NULL, NULL);
	EVP_PKEY *key = X509_REQ_get0_pubkey(req);
	X509 *cert = X509_new();
	X509V3_CTX ctx;

	(void)a;
	must(X509_REQ_verify(req, key) == 1);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), b->counter++);
	X509_set_issuer_name(cert, X509_get_subject_name(b->cert));
	X509_set_pubkey(cert, key);
	X509_gmtime_adj(X509_getm_notBefore(cert), -120);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509V3_set_ctx(&ctx, b->cert, cert, NULL, NULL, 0);
	add(cert, &ctx, NID_key_usage, "critical,digitalSignature,keyEncipherment");
	add(cert, &ctx, NID_ext_key_usage, "serverAuth,clientAuth");
	add(cert, &ctx, NID_basic_constraints, "critical,CA:FALSE");
	add(cert, &ctx, NID_authority_key_identifier, "keyid");
	add(cert, &ctx, NID_subject_alt_name, "critical,URI:spiffe://cluster.local/ns/default/sa/bookinfo-reviews");
	must(X509_sign(cert, b->key, EVP_sha256()) > 0 && PEM_write_bio_X509(out, cert) == 1 && PEM_write_bio_X509(out, b->cert) == 1);
	X509_free(cert);
	X509_REQ_free(req);
	BIO_free(in);
	BIO_free(out);
}

static char *make_csr(EVP_PKEY *key)
{
	X509_REQ *req = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *text;
	long n;

	must(X509_REQ_set_pubkey(req, key) == 1 && X509_REQ_sign(req, key, EVP_sha256()) > 0 && PEM_write_bio_X509_REQ(bio, req) == 1);
	n = BIO_get_mem_data(bio, &p);
	text = strndup(p, (size_t)n);
	BIO_free(bio);
	X509_REQ_free(req);
	return text;
}

static void put(const struct bench *b, const char *name, BIO *bio)
{
	char path[100], *p;
	long n = BIO_get_mem_data(bio, &p);
	struct err e;

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	must(!file_replace(path, p, (size_t)n, 0600, &e));
	BIO_free(bio);
}

/* A self-signed CA of the key, in a directory, loaded. */
static void begin(struct bench *b, EVP_PKEY *ca_key, EVP_PKEY *leaf_key)
{
	const struct ca_opts opts = {.trust_domain = "cluster.local"};
	const char *names[] = {"root-cert.pem", "ca-cert.pem"};
	X509V3_CTX ctx;
	struct err e;
	BIO *bio;

	*b = (struct bench){.dir = "/tmp/navarch-ca-bench-XXXXXX", .key = ca_key, .cert = X509_new(), .csr = make_csr(leaf_key)};
	must(mkdtemp(b->dir));
	X509_set_version(b->cert, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(b->cert), "O", MBSTRING_ASC, (const uint8_t *)"cluster.local", -1, -1, 0);
	X509_set_issuer_name(b->cert, X509_get_subject_name(b->cert));
	X509_set_pubkey(b->cert, ca_key);
	X509_gmtime_adj(X509_getm_notBefore(b->cert), -120);
	X509_gmtime_adj(X509_getm_notAfter(b->cert), 10 * 86400);
	X509V3_set_ctx(&ctx, b->cert, b->cert, NULL, NULL, 0);
	add(b->cert, &ctx, NID_basic_constraints, "critical,CA:TRUE");
	add(b->cert, &ctx, NID_subject_key_identifier, "hash");
	must(X509_sign(b->cert, ca_key, EVP_sha256()) > 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		bio = BIO_new(BIO_s_mem());
		must(PEM_write_bio_X509(bio, b->cert) == 1);
		put(b, names[i], bio);
	}
	bio = BIO_new(BIO_s_mem());
	must(PEM_write_bio_PrivateKey(bio, ca_key, NULL, NULL, 0, NULL, NULL) == 1);
	put(b, "ca-key.pem", bio);
	b->ca = ca_open(b->dir, &opts, time(NULL), &e);
	must(b->ca);
}

static void end(struct bench *b)
{
	static const char *const names[] = {"root-cert.pem", "ca-cert.pem", "ca-key.pem"};
	char path[100];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		unlink(path);
	}
	rmdir(b->dir);
	ca_unref(b->ca);
	X509_free(b->cert);
	EVP_PKEY_free(b->key);
	free(b->csr);
}

int main(void)
{
	EVP_PKEY *ec = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);
	struct bench b;
	double fast, plain;

	begin(&b, EVP_EC_gen("P-256"), ec);
	fast = rate(issue, &b);
	plain = rate(issue_plainly, &b);
	printf("ec_per_s %.0f\nec_plain_per_s %.0f\nec_ratio %.2f\n", fast, plain, fast / plain);
	end(&b);
	begin(&b, EVP_RSA_gen(2048), rsa);
	printf("rsa_per_s %.0f\n", rate(issue, &b));
	end(&b);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
	return 0;
}
