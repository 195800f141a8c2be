/* SPDX-License-Identifier: Apache-2.0
 *
 * The only file that sees the private key of the CA.
 */
#include "ca/ca.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "ca/ca_int.h"
#include "ca/cert.h"
#include "ca/csr.h"
#include "ca/key.h"
#include "ca/own_key.h"
#include "ca/pem.h"
#include "ev/file.h"

enum {
	KEY_FILE_MAX = 64 * 1024,
	CERT_FILE_MAX = 1024 * 1024,
	KEY_ID_MAX = 64,
	NAME_MAX_LEN = 2048,  /* of the issuer, in DER */
	SIGNATURE_MAX = 1024, /* RSA of 8192 bits */
};

struct ca {
	unsigned refs;
	EVP_PKEY *key;
	struct tbs_issuer issuer;
	struct key_forms *forms;
	const char **chain; /* PEM: intermediates, then the roots together */
	size_t n_chain;
	int64_t expires_s, changes_s, ttl_s, ttl_max_s;
	char *subject;
	const char *left_out;
	const char *cert, *root; /* PEM: its own certificate, and the root that this chains to */
	char root_id[CERT_ID + 1];
	struct arena arena; /* of all the texts */
};

/* ---- signing ---- */

/* What is signed, its algorithm, the signature. */
static struct der assemble(const struct ca *ca, struct der tbs, struct der signature, struct arena *a)
{
	uint8_t bytes[TBS_MAX + SIGNATURE_MAX + 64] __attribute__((uninitialized));
	struct der_out o;
	struct der whole;
	size_t mark;

	der_out_init(&o, bytes, sizeof(bytes));
	mark = der_mark(&o);
	der_put(&o, signature.p, signature.n);
	der_put(&o, "\0", 1); /* no unused bits */
	der_put_tag(&o, DER_BITS, mark);
	der_put(&o, ca->issuer.signature_id.p, ca->issuer.signature_id.n);
	der_put(&o, tbs.p, tbs.n);
	der_put_tag(&o, DER_SEQUENCE, mark);
	must(!o.full);
	whole = der_written(&o);
	return (struct der){arena_copy(a, whole.p, whole.n), whole.n};
}

/* A whole certificate, in a. */
static int sign(const struct ca *ca, const struct tbs *t, struct arena *a, struct der *out, struct err *e)
{
	uint8_t bytes[TBS_MAX] __attribute__((uninitialized)), signature[SIGNATURE_MAX];
	EVP_MD_CTX *ctx;
	size_t n = sizeof(signature);
	struct der_out o;
	struct der tbs;
	bool ok;

	der_out_init(&o, bytes, sizeof(bytes));
	tbs_write(&o, &ca->issuer, t);
	must(!o.full);
	tbs = der_written(&o);
	ctx = EVP_MD_CTX_new();
	must(ctx && "out of memory");
	ok = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ca->key) == 1 &&
	     EVP_DigestSign(ctx, signature, &n, tbs.p, tbs.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return err_set(e, ERR_IO, "the CA cannot sign");
	*out = assemble(ca, tbs, (struct der){signature, n}, a);
	return 0;
}

/* From the life that is asked for to the times of the certificate. */
static int set_times(const struct ca *ca, int64_t ttl_s, int64_t now_s, struct tbs *t, struct err *e)
{
	if (ttl_s <= 0)
		ttl_s = ca->ttl_s;
	if (ttl_s > ca->ttl_max_s)
		return err_set(e, ERR_LIMIT, "a certificate for %lld s; at most %lld s are given",
			       (long long)ttl_s, (long long)ca->ttl_max_s);
	if (ttl_s < CA_TTL_MIN_S)
		ttl_s = CA_TTL_MIN_S;
	if (now_s >= ca->expires_s)
		return err_set(e, ERR_TIMEOUT, "the CA's own certificate has expired");
	t->not_before_s = now_s - CA_SKEW_S;
	t->not_after_s = ttl_s < ca->expires_s - now_s ? now_s + ttl_s : ca->expires_s;
	return 0;
}

static int issue(const struct ca *ca, const struct tbs *t, struct arena *a, struct ca_issued *out, struct err *e)
{
	uint8_t serial[TBS_SERIAL];
	struct der cert;

	if (sign(ca, t, a, &cert, e))
		return -1;
	out->n_chain = 1 + ca->n_chain;
	out->chain = arena_array(a, const char *, out->n_chain);
	out->chain[0] = pem_print("CERTIFICATE", cert, a);
	memcpy(out->chain + 1, ca->chain, ca->n_chain * sizeof(*ca->chain));
	tbs_serial(t->serial, serial);
	for (size_t i = 0; i < sizeof(serial); i++)
		snprintf(out->serial + 2 * i, 3, "%02x", serial[i]);
	out->not_before_s = t->not_before_s;
	out->not_after_s = t->not_after_s;
	return 0;
}

int ca_issue(const struct ca *ca, const struct ca_request *r, int64_t now_s, struct arena *a, struct ca_issued *out, struct err *e)
{
	struct tbs t = {.serial = r->serial};
	char id[SPIFFE_TEXT];
	uint8_t name[SPIFFE_TEXT + 8];
	struct der_out o;
	struct csr csr;

	if (set_times(ca, r->ttl_s, now_s, &t, e) || csr_decode_pem(r->csr, r->n_csr, a, &csr, e) ||
	    csr_verify(&csr, ca->forms, e))
		return -1;
	spiffe_print(r->id, id);
	der_out_init(&o, name, sizeof(name));
	tbs_put_name(&o, TBS_URI, id, strlen(id));
	t.names = der_written(&o);
	t.spki = csr.key.spki;
	return issue(ca, &t, a, out, e);
}

/* The last name first, as all writing. */
static int put_server_names(struct der_out *o, const char *const *names, size_t n, struct err *e)
{
	for (size_t i = n; i--;) {
		struct ip ip;

		if (!scalar_ip(names[i], &ip))
			tbs_put_name(o, TBS_ADDRESS, ip.bytes, ip.len);
		else if (scalar_is_dns_name(names[i]))
			tbs_put_name(o, TBS_DNS, names[i], strlen(names[i]));
		else
			return err_set(e, ERR_SYNTAX, "\"%s\" is neither a DNS name nor an address",
				       names[i]);
	}
	return o->full ? err_set(e, ERR_LIMIT, "too many names for one certificate") : 0;
}

int ca_issue_server(const struct ca *ca, const char *const *names, size_t n, int64_t ttl_s,
		    const uint8_t serial[TBS_SERIAL], int64_t now_s, struct arena *a,
		    struct ca_issued *out, struct buf *key, struct err *e)
{
	struct tbs t = {.serial = serial};
	uint8_t bytes[TBS_MAX / 2];
	unsigned char *spki = NULL;
	struct der_out o;
	EVP_PKEY *own;
	int len, status;

	der_out_init(&o, bytes, sizeof(bytes));
	if (set_times(ca, ttl_s, now_s, &t, e) || put_server_names(&o, names, n, e))
		return -1;
	t.names = der_written(&o);
	own = EVP_EC_gen("P-256");
	len = own ? i2d_PUBKEY(own, &spki) : -1;
	if (len > 0) {
		t.spki = (struct der){spki, (size_t)len};
		status = own_key_print(own, key, e) || issue(ca, &t, a, out, e) ? -1 : 0;
	} else {
		status = err_set(e, ERR_IO, "no key can be made");
	}
	OPENSSL_free(spki);
	EVP_PKEY_free(own);
	return status;
}

/* ---- loading ---- */

struct files {
	const char *const *names;
	struct buf text[CA_PARTS];
	bool found[CA_PARTS];
};

static void files_fini(struct files *f)
{
	for (int i = 0; i < CA_PARTS; i++)
		ca_cleanse(&f->text[i]);
}

static int read_set(const char *dir, const char *const *names, struct files *f, size_t *n, struct err *e)
{
	char path[CA_PATH];

	f->names = names;
	*n = 0;
	for (int i = 0; i < CA_PARTS; i++) {
		ca_cleanse(&f->text[i]);
		buf_init(&f->text[i], i == CA_KEY ? KEY_FILE_MAX : CERT_FILE_MAX);
		f->found[i] = false;
		if (!names[i])
			continue;
		if (ca_file_path(dir, names[i], path, e))
			return -1;
		if (!file_read(path, &f->text[i], e))
			f->found[i] = true;
		else if (e->code != ERR_NOT_FOUND)
			return -1;
		*n += f->found[i];
	}
	return 0;
}

/* *n: how many of the files are there; 0 is no error. */
static int read_files(const char *dir, struct files *f, size_t *n, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(ca_file_names); i++) {
		if (read_set(dir, ca_file_names[i], f, n, e))
			return -1;
		if (*n)
			break;
	}
	for (int i = 0; *n && i < CA_CHAIN; i++)
		if (!f->found[i])
			return err_set(e, ERR_NOT_FOUND,
				       "%s: %s is missing beside the others; restore it, or move "
				       "all away to begin anew",
				       dir, f->names[i]);
	return 0;
}

static int load_key(struct ca *ca, struct buf *pem, struct err *e)
{
	int bits;

	ca->key = own_key_read(buf_cstr(pem));
	if (!ca->key)
		return err_set(e, ERR_SYNTAX, "no private key in PEM, or one with a password");
	bits = EVP_PKEY_get_bits(ca->key);
	ca->issuer.signature_id = key_signature_id(EVP_PKEY_is_a(ca->key, "RSA"));
	if (EVP_PKEY_is_a(ca->key, "RSA") ? bits < KEY_RSA_MIN
					  : !EVP_PKEY_is_a(ca->key, "EC") || bits < 256)
		return err_set(e, ERR_REFUSED,
			       "a CA signs with P-256, P-384, or RSA of %d bits and more",
			       KEY_RSA_MIN);
	if (EVP_PKEY_get_size(ca->key) > SIGNATURE_MAX)
		return err_set(e, ERR_LIMIT, "a key of %d bits is too large", bits);
	return 0;
}

static int take_key_id(struct ca *ca, X509 *cert, struct err *e)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);
	size_t n = id ? (size_t)ASN1_STRING_length(id) : 0;

	if (n > KEY_ID_MAX)
		return err_set(e, ERR_REFUSED, "a CA's key identifier has at most %d bytes",
			       KEY_ID_MAX);
	if (n)
		ca->issuer.key_id =
		    (struct der){arena_copy(&ca->arena, ASN1_STRING_get0_data(id), n), n};
	return 0;
}

static int take_name(struct ca *ca, X509 *cert, struct err *e)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(name, &der);
	char *text;

	if (n <= 2 || n > NAME_MAX_LEN) {
		OPENSSL_free(der);
		return err_set(e, ERR_REFUSED,
			       "a CA's subject is not empty, and has at most %d bytes",
			       NAME_MAX_LEN);
	}
	ca->issuer.name = (struct der){arena_copy(&ca->arena, der, (size_t)n), (size_t)n};
	OPENSSL_free(der);
	text = X509_NAME_oneline(name, NULL, 0);
	ca->subject = arena_strdup(&ca->arena, text ? text : "?");
	OPENSSL_free(text);
	return take_key_id(ca, cert, e);
}

/* What goes out behind a leaf: the signing certificate and what stands above it but for roots, each
 * once. */
static void take_chain(struct ca *ca, const struct certs *own, const struct certs *above,
		       const struct certs *roots)
{
	struct buf all;

	ca->chain = arena_array(&ca->arena, const char *, 1 + above->n + 1);
	for (size_t i = 0; i < 1 + above->n; i++) {
		X509 *cert = i ? above->v[i - 1] : own->v[0];
		bool known = i && !X509_cmp(cert, own->v[0]);

		for (size_t k = 0; k < roots->n; k++)
			known = known || !X509_cmp(cert, roots->v[k]);
		if (!known)
			ca->chain[ca->n_chain++] = cert_print(cert, &ca->arena);
	}
	buf_init(&all, 2 * CERT_FILE_MAX);
	for (size_t k = 0; k < roots->n; k++)
		buf_str(&all, cert_print(roots->v[k], &ca->arena));
	ca->chain[ca->n_chain++] = arena_strdup(&ca->arena, buf_cstr(&all));
	buf_fini(&all);
}

/* Whether a leaf of this CA stands up to a verifier: this one check covers the chain, expiry, CA
 * flag, key usage, path length, name constraints and purposes of all that stands above. */
static int probe(struct ca *ca, const struct ca_opts *opts, const struct certs *own,
		 const struct certs *above, const struct certs *roots, int64_t now_s, struct err *e)
{
	static const uint8_t serial[TBS_SERIAL] = {1};
	struct tbs t = {.serial = serial,
			.not_before_s = now_s - CA_SKEW_S,
			.not_after_s = now_s + CA_TTL_MIN_S};
	struct certs between = {.v = calloc(1 + above->n, sizeof(X509 *)), .n = 1 + above->n};
	uint8_t name[SPIFFE_TEXT + 8];
	char id[SPIFFE_TEXT];
	unsigned char *spki = NULL;
	const unsigned char *p;
	struct certs_path path;
	struct der_out o;
	struct der der;
	X509 *leaf = NULL;
	int n = i2d_PUBKEY(ca->key, &spki), status;

	must(between.v && n > 0);
	for (size_t i = 0; i < between.n; i++)
		between.v[i] = i ? above->v[i - 1] : own->v[0];
	snprintf(id, sizeof(id), "spiffe://%s/ns/istio-system/sa/probe", opts->trust_domain);
	der_out_init(&o, name, sizeof(name));
	tbs_put_name(&o, TBS_URI, id, strlen(id));
	t.names = der_written(&o);
	t.spki = (struct der){spki, (size_t)n};
	status = sign(ca, &t, &ca->arena, &der, e);
	if (!status) {
		p = der.p;
		leaf = d2i_X509(NULL, &p, (long)der.n);
		must(leaf && "what we sign is a certificate");
		status = certs_verify(leaf, &between, roots, now_s, &path, e);
	}
	if (!status) {
		ca->expires_s = path.expires_s;
		ca->root = cert_print(roots->v[path.root], &ca->arena);
		cert_id(roots->v[path.root], ca->root_id);
	}
	X509_free(leaf);
	OPENSSL_free(spki);
	free(between.v);
	if (status)
		err_wrap(e, "a certificate that it signs would not be accepted%s",
			 *ca->left_out ? " (a root that is not in date was left out)" : "");
	return status;
}

/* A root that is not in date helps nobody, and verifiers may take it for another one of its name. */
static int leave_out(struct ca *ca, struct certs *roots, int64_t now_s, struct err *e)
{
	const char *first = cert_describe(roots->v[0], &ca->arena);

	ca->left_out = certs_leave_out(roots, now_s, &ca->changes_s, &ca->arena);
	return roots->n ? 0
			: err_set(e, ERR_TIMEOUT, "no root is in date: %s; check the clock, or put the CA's next root there, with key and certificate",
				  first);
}

static int check(struct ca *ca, const struct ca_opts *opts, const struct certs *own,
		 const struct certs *above, const struct certs *roots, int64_t now_s, struct err *e)
{
	if (X509_check_private_key(own->v[0], ca->key) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_REFUSED, "the key is not that of the certificate");
	}
	if (cert_not_after(own->v[0]) <= now_s)
		return err_set(e, ERR_TIMEOUT, "the certificate has expired");
	if (take_name(ca, own->v[0], e))
		return -1;
	ca->cert = cert_print(own->v[0], &ca->arena);
	take_chain(ca, own, above, roots);
	return probe(ca, opts, own, above, roots, now_s, e);
}

static int load(struct ca *ca, const char *dir, struct files *f, const struct ca_opts *opts,
		int64_t now_s, struct err *e)
{
	struct certs roots = {0}, own = {0}, above = {0};
	/* cert-manager puts the chain behind the certificate itself */
	const struct buf *chain = &f->text[f->names[CA_CHAIN] ? CA_CHAIN : CA_CERT];
	int status = -1;

	if (load_key(ca, &f->text[CA_KEY], e))
		err_wrap(e, "%s/%s", dir, f->names[CA_KEY]);
	else if (certs_parse(f->text[CA_ROOTS].p, f->text[CA_ROOTS].n, false, &roots, e) || leave_out(ca, &roots, now_s, e))
		err_wrap(e, "%s/%s", dir, f->names[CA_ROOTS]);
	else if (certs_parse(f->text[CA_CERT].p, f->text[CA_CERT].n, false, &own, e))
		err_wrap(e, "%s/%s", dir, f->names[CA_CERT]);
	else if (certs_parse(chain->p, chain->n, true, &above, e))
		err_wrap(e, "%s/%s", dir, f->names[CA_CHAIN] ? f->names[CA_CHAIN] : f->names[CA_CERT]);
	else if (check(ca, opts, &own, &above, &roots, now_s, e))
		err_wrap(e, "%s/%s", dir, f->names[CA_CERT]);
	else
		status = 0;
	certs_fini(&roots);
	certs_fini(&own);
	certs_fini(&above);
	return status;
}

static struct ca *ca_new(const char *dir, struct files *f, const struct ca_opts *opts, int64_t now_s, struct err *e)
{
	struct ca *ca = calloc(1, sizeof(*ca));

	must(ca && "out of memory");
	ca->refs = 1;
	arena_init(&ca->arena, 0);
	ca->forms = key_forms_new();
	ca->ttl_s = opts->ttl_s ? opts->ttl_s : CA_TTL_S;
	ca->ttl_max_s = opts->ttl_max_s ? opts->ttl_max_s : CA_TTL_MAX_S;
	if (load(ca, dir, f, opts, now_s, e)) {
		ca_unref(ca);
		return NULL;
	}
	return ca;
}

struct ca *ca_open(const char *dir, const struct ca_opts *opts, int64_t now_s, struct err *e)
{
	struct files f = {0};
	struct ca *ca = NULL;
	size_t n;

	if (!read_files(dir, &f, &n, e)) {
		if (n)
			ca = ca_new(dir, &f, opts, now_s, e);
		else
			err_set(e, ERR_NOT_FOUND, "%s: no %s, %s, %s in it", dir,
				ca_file_names[0][CA_ROOTS], ca_file_names[0][CA_CERT], ca_file_names[0][CA_KEY]);
	}
	files_fini(&f);
	return ca;
}

struct ca *ca_ref(struct ca *ca)
{
	ca->refs++;
	return ca;
}

void ca_unref(struct ca *ca)
{
	if (!ca || --ca->refs)
		return;
	EVP_PKEY_free(ca->key); /* which cleanses it */
	key_forms_free(ca->forms);
	arena_fini(&ca->arena);
	free(ca);
}

const char *ca_roots(const struct ca *ca)
{
	return ca->chain[ca->n_chain - 1];
}

const char *ca_left_out(const struct ca *ca)
{
	return ca->left_out;
}

int64_t ca_changes_s(const struct ca *ca)
{
	return ca->changes_s;
}

int64_t ca_expires_s(const struct ca *ca)
{
	return ca->expires_s;
}

const char *ca_subject(const struct ca *ca)
{
	return ca->subject;
}

const char *ca_root(const struct ca *ca)
{
	return ca->root;
}

const char *ca_root_id(const struct ca *ca)
{
	return ca->root_id;
}

const char *const *ca_above(const struct ca *ca, size_t *n)
{
	*n = ca->n_chain - 1;
	return ca->chain;
}

static struct der copy_der(struct arena *a, struct der d)
{
	return d.n ? (struct der){arena_copy(a, d.p, d.n), d.n} : d;
}

struct ca *ca_with_roots(const struct ca *ca, const char *roots)
{
	struct ca *out = calloc(1, sizeof(*out));
	struct arena *a = &out->arena;

	must(out && "out of memory");
	must(strstr(roots, ca->root) && "an issuer's root is trusted");
	*out = *ca;
	out->refs = 1;
	arena_init(a, 0);
	must(EVP_PKEY_up_ref(out->key) == 1);
	out->forms = key_forms_new();
	out->issuer.name = copy_der(a, ca->issuer.name);
	out->issuer.key_id = copy_der(a, ca->issuer.key_id);
	out->subject = arena_strdup(a, ca->subject);
	out->left_out = arena_strdup(a, ca->left_out);
	out->cert = arena_strdup(a, ca->cert);
	out->root = arena_strdup(a, ca->root);
	out->chain = arena_array(a, const char *, ca->n_chain);
	for (size_t i = 0; i + 1 < ca->n_chain; i++)
		out->chain[i] = arena_strdup(a, ca->chain[i]);
	out->chain[ca->n_chain - 1] = arena_strdup(a, roots);
	return out;
}

/* ---- a set of files ---- */

typedef int put_file_fn(const char *path, const void *p, size_t n, unsigned mode, struct err *e);

static int put_part(put_file_fn *put, const char *dir, enum ca_part part, const void *p, size_t n, struct err *e)
{
	char path[CA_PATH];

	return ca_file_path(dir, ca_file_names[0][part], path, e) || put(path, p, n, part == CA_KEY ? 0600 : 0644, e) ? -1 : 0;
}

/* The certificate last: with it all is complete. */
int ca_save(const struct ca *ca, const char *dir, struct err *e)
{
	struct buf key, chain;
	int status = file_make_dir(dir, 0700, e);

	buf_init(&key, KEY_FILE_MAX);
	buf_init(&chain, CERT_FILE_MAX);
	for (size_t i = 0; i + 1 < ca->n_chain; i++)
		buf_str(&chain, ca->chain[i]);
	if (!status)
		status = own_key_print(ca->key, &key, e) || put_part(file_replace, dir, CA_KEY, key.p, key.n, e) ||
				 put_part(file_replace, dir, CA_CHAIN, buf_cstr(&chain), chain.n, e) ||
				 put_part(file_replace, dir, CA_ROOTS, ca->root, strlen(ca->root), e) ||
				 put_part(file_replace, dir, CA_CERT, ca->cert, strlen(ca->cert), e)
			     ? -1
			     : 0;
	ca_cleanse(&key);
	buf_fini(&chain);
	return status;
}

/* ---- a root of our own ---- */

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool set_serial(X509 *cert, const uint8_t random[TBS_SERIAL])
{
	uint8_t serial[TBS_SERIAL];
	BIGNUM *n;
	bool ok;

	tbs_serial(random, serial);
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static X509 *make_root(EVP_PKEY *key, const char *trust_domain, const uint8_t serial[TBS_SERIAL], int64_t now_s)
{
	X509 *cert = X509_new();
	X509_NAME *name;

	must(cert && "out of memory");
	name = X509_get_subject_name(cert);
	if (X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert, serial) &&
	    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)trust_domain, -1,
				       -1, 0) == 1 &&
	    X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
	    ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(now_s - CA_SKEW_S)) &&
	    ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(now_s + CA_ROOT_TTL_S)) &&
	    add_extension(cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
	    add_extension(cert, NID_subject_key_identifier, "hash") &&
	    X509_sign(cert, key, EVP_sha256()) > 0)
		return cert;
	ERR_clear_error();
	X509_free(cert);
	return NULL;
}

/* The key first: of two that begin at once, one fails there. The root last: with it all is
 * complete. */
static int write_root(const char *dir, const char *trust_domain, int64_t now_s,
		      const uint8_t serial[TBS_SERIAL], struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? make_root(key, trust_domain, serial, now_s) : NULL;
	struct buf pem;
	struct arena a;
	int status = -1;

	arena_init(&a, 0);
	buf_init(&pem, KEY_FILE_MAX);
	if (!cert) {
		err_set(e, ERR_IO, "no root can be made");
	} else if (!own_key_print(key, &pem, e) && !put_part(file_create, dir, CA_KEY, pem.p, pem.n, e)) {
		const char *text = cert_print(cert, &a);

		status = put_part(file_create, dir, CA_CERT, text, strlen(text), e) ||
				 put_part(file_create, dir, CA_ROOTS, text, strlen(text), e)
			     ? -1
			     : 0;
	}
	ca_cleanse(&pem);
	arena_fini(&a);
	X509_free(cert);
	EVP_PKEY_free(key);
	return status;
}

struct ca *ca_open_own(const char *dir, const struct ca_opts *opts, int64_t now_s,
		       const uint8_t serial[TBS_SERIAL], struct err *e)
{
	struct files f = {0};
	char path[CA_PATH];
	size_t n;
	int status;

	must(serial);
	status = file_make_dir(dir, 0700, e) || read_files(dir, &f, &n, e) ? -1 : 0;
	files_fini(&f);
	if (status || (!n && write_root(dir, opts->trust_domain, now_s, serial, e)))
		return NULL;
	if (ca_file_path(dir, ca_file_names[0][CA_KEY], path, e) || file_check_private(path, e))
		return NULL;
	return ca_open(dir, opts, now_s, e);
}
