/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { READ_SIZE = 16 * 1024, DEPTH_MAX = 8 };

struct tls_ctx {
	unsigned refs;
	SSL_CTX *ssl;
	BIO_METHOD *bio;
	STACK_OF(X509_CRL) *crls;
};

struct tls {
	struct tls_ctx *ctx;
	SSL *ssl;
	int64_t now_s;
	bool open, failed;
	uint8_t *peer; /* DER; OpenSSL's memory */
	size_t n_peer;
	/* of the call under way */
	const uint8_t *in;
	size_t n_in;
	struct buf *out;
};

/* ---- OpenSSL reads and writes the buffers of the call under way ---- */

static int bio_read(BIO *bio, char *p, int n)
{
	struct tls *t = BIO_get_data(bio);
	size_t take = (size_t)n < t->n_in ? (size_t)n : t->n_in;

	BIO_clear_retry_flags(bio);
	if (!take) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(p, t->in, take);
	t->in += take;
	t->n_in -= take;
	return (int)take;
}

static int bio_write(BIO *bio, const char *p, int n)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!t->out)
		return -1;
	buf_append(t->out, p, (size_t)n);
	return t->out->failed ? -1 : n;
}

static long bio_ctrl(BIO *bio, int command, long arg, void *p)
{
	(void)bio;
	(void)arg;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

/* ---- contexts ---- */

static int choose_protocol(SSL *ssl, const uint8_t **out, uint8_t *n, const uint8_t *in,
			   unsigned n_in, void *arg)
{
	static const uint8_t ours[] = "\2h2\10http/1.1";
	uint8_t *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, n, ours, sizeof(ours) - 1, in, n_in) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static X509 *read_cert(BIO *bio)
{
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	ERR_clear_error();
	return cert;
}

static bool use_chain(SSL_CTX *ctx, const struct tls_identity *id)
{
	for (size_t i = 0; i < id->n_chain; i++) {
		BIO *bio = BIO_new_mem_buf(id->chain[i], -1);
		X509 *cert = bio ? read_cert(bio) : NULL;
		bool ok = cert && (i ? SSL_CTX_add1_chain_cert(ctx, cert)
				     : SSL_CTX_use_certificate(ctx, cert)) == 1;

		BIO_free(bio);
		X509_free(cert);
		if (!ok)
			return false;
	}
	return id->n_chain != 0;
}

static bool use_key(SSL_CTX *ctx, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	bool ok =
	    key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

	BIO_free(bio);
	EVP_PKEY_free(key);
	return ok;
}

/* The roots' names are sent too, so that clients with several certificates show the right one. */
static bool use_roots(SSL_CTX *ctx, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	bool ok = bio != NULL;
	size_t n = 0;
	X509 *cert;

	for (; ok && (cert = read_cert(bio)); n++) {
		ok = X509_STORE_add_cert(store, cert) == 1 && SSL_CTX_add_client_CA(ctx, cert) == 1;
		X509_free(cert);
	}
	BIO_free(bio);
	return ok && n;
}

/* Here the lists only take away: without one, or with one that is out of date, the control plane stays reachable. */
static int on_verified(int ok, X509_STORE_CTX *ctx)
{
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	default:
		return ok;
	}
}

static bool use_crl(struct tls_ctx *ctx, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx->ssl);
	bool ok = bio != NULL;
	X509_CRL *crl;

	for (; ok && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL));)
		ok = X509_STORE_add_crl(store, crl) == 1 && sk_X509_CRL_push(ctx->crls, crl) > 0;
	BIO_free(bio);
	ERR_clear_error();
	SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER, on_verified);
	return ok && sk_X509_CRL_num(ctx->crls) && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
}

static bool set_rules(SSL_CTX *ctx)
{
	static const uint8_t name[] = "navarch";

	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL); /* without FAIL_IF_NO_PEER_CERT */
	SSL_CTX_set_verify_depth(ctx, DEPTH_MAX);
	SSL_CTX_set_max_cert_list(ctx, TLS_CLIENT_CHAIN_MAX);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TLS_SESSION_S);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
	       SSL_CTX_set_session_id_context(ctx, name, sizeof(name) - 1) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 &&
	       SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

static BIO_METHOD *make_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "navarch");

	must(m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) &&
	     BIO_meth_set_ctrl(m, bio_ctrl));
	return m;
}

struct tls_ctx *tls_ctx_new(const struct tls_identity *id, struct err *e)
{
	struct tls_ctx *ctx = calloc(1, sizeof(*ctx));

	must(ctx && "out of memory");
	*ctx = (struct tls_ctx){.refs = 1,
				.ssl = SSL_CTX_new(TLS_server_method()),
				.bio = make_bio_method(),
				.crls = sk_X509_CRL_new_null()};
	must(ctx->ssl && ctx->crls && "out of memory");
	if (!set_rules(ctx->ssl))
		err_set(e, ERR_IO, "OpenSSL does not take the rules for TLS");
	else if (!use_chain(ctx->ssl, id))
		err_set(e, ERR_SYNTAX, "the server's certificate cannot be used");
	else if (!use_key(ctx->ssl, id->key))
		err_set(e, ERR_SYNTAX,
			"the server's key cannot be used, or is not that of its certificate");
	else if (!use_roots(ctx->ssl, id->roots))
		err_set(e, ERR_SYNTAX, "the roots for clients cannot be used");
	else if (id->crl && !use_crl(ctx, id->crl))
		err_set(e, ERR_SYNTAX, "the lists of revoked certificates cannot be used");
	else
		return ctx;
	ERR_clear_error();
	tls_ctx_unref(ctx);
	return NULL;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx)
{
	ctx->refs++;
	return ctx;
}

void tls_ctx_unref(struct tls_ctx *ctx)
{
	if (!ctx || --ctx->refs)
		return;
	SSL_CTX_free(ctx->ssl);
	BIO_meth_free(ctx->bio);
	sk_X509_CRL_pop_free(ctx->crls, X509_CRL_free);
	free(ctx);
}

/* ---- a connection ---- */

struct tls *tls_new(struct tls_ctx *ctx, int64_t now_s)
{
	struct tls *t = calloc(1, sizeof(*t));
	BIO *bio = BIO_new(ctx->bio);

	must(t && bio && "out of memory");
	*t = (struct tls){.ctx = tls_ctx_ref(ctx), .ssl = SSL_new(ctx->ssl), .now_s = now_s};
	must(t->ssl && "out of memory");
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_accept_state(t->ssl);
	X509_VERIFY_PARAM_set_time(SSL_get0_param(t->ssl), (time_t)now_s);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	OPENSSL_free(t->peer);
	tls_ctx_unref(t->ctx);
	free(t);
}

static int failed(struct tls *t, struct err *e)
{
	long verified = SSL_get_verify_result(t->ssl);
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	t->failed = true;
	if (!t->open && verified != X509_V_OK)
		why = X509_verify_cert_error_string(verified);
	err_set(e, ERR_REFUSED, "%s: %s", t->open ? "TLS" : "TLS handshake",
		why ? why : "broken off");
	ERR_clear_error();
	return -1;
}

/* The handshake is over. A certificate out of a ticket was verified when the ticket was made. */
static int meet_peer(struct tls *t, struct err *e)
{
	X509 *cert = SSL_get1_peer_certificate(t->ssl);
	time_t now = (time_t)t->now_s;
	int n;

	t->open = true;
	if (!cert)
		return 0;
	n = i2d_X509(cert, &t->peer);
	t->n_peer = n > 0 ? (size_t)n : 0;
	n = X509_cmp_time(X509_get0_notAfter(cert), &now);
	X509_free(cert);
	if (SSL_get_verify_result(t->ssl) == X509_V_OK && n > 0 && t->n_peer)
		return 0;
	t->failed = true;
	return err_set(e, ERR_REFUSED, "TLS handshake: the client's certificate has expired");
}

static int step(struct tls *t, struct buf *plain, struct err *e)
{
	for (;;) {
		char *room;
		int n;

		ERR_clear_error();
		if (!t->open) {
			n = SSL_do_handshake(t->ssl);
			if (n == 1 && meet_peer(t, e))
				return -1;
		} else {
			room = buf_room(plain, READ_SIZE);
			if (!room)
				return err_set(e, ERR_LIMIT, "TLS: more plaintext than fits");
			n = SSL_read(t->ssl, room, READ_SIZE);
			if (n > 0)
				buf_added(plain, (size_t)n);
		}
		if (n > 0)
			continue;
		n = SSL_get_error(t->ssl, n);
		if (n == SSL_ERROR_WANT_READ || n == SSL_ERROR_ZERO_RETURN)
			return 0;
		return failed(t, e);
	}
}

int tls_receive(struct tls *t, const void *p, size_t n, struct buf *plain, struct buf *out,
		struct err *e)
{
	int rc;

	if (t->failed)
		return err_set(e, ERR_REFUSED, "TLS: it has failed before");
	t->in = p;
	t->n_in = n;
	t->out = out;
	rc = step(t, plain, e);
	t->in = NULL;
	t->n_in = 0;
	t->out = NULL;
	return rc;
}

int tls_send(struct tls *t, const void *p, size_t n, struct buf *out, struct err *e)
{
	int put;

	must(t->open);
	if (!n)
		return 0;
	if (t->failed)
		return err_set(e, ERR_REFUSED, "TLS: it has failed before");
	ERR_clear_error();
	t->out = out;
	put = SSL_write(t->ssl, p, (int)n);
	t->out = NULL;
	return put == (int)n ? 0 : failed(t, e);
}

void tls_end(struct tls *t, struct buf *out)
{
	if (!t->open || t->failed)
		return;
	t->out = out;
	SSL_shutdown(t->ssl);
	t->out = NULL;
	ERR_clear_error();
}

bool tls_is_open(const struct tls *t)
{
	return t->open && !t->failed;
}

bool tls_has_ended(const struct tls *t)
{
	return (SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

bool tls_is_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) == 1;
}

const char *tls_protocol(const struct tls *t)
{
	const uint8_t *name;
	unsigned n;

	SSL_get0_alpn_selected(t->ssl, &name, &n);
	return n == 2 ? "h2" : n ? "http/1.1" : "";
}

const uint8_t *tls_peer(const struct tls *t, size_t *n)
{
	*n = t->n_peer;
	return t->peer;
}

static bool is_on_list(const struct tls_ctx *ctx, X509 *cert)
{
	X509_REVOKED *entry;

	for (int i = 0; i < sk_X509_CRL_num(ctx->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(ctx->crls, i);

		if (!X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(cert)) &&
		    X509_CRL_get0_by_cert(crl, &entry, cert) == 1)
			return true;
	}
	return false;
}

/* After a ticket the chain above the leaf is not known. */
bool tls_is_revoked(const struct tls *t, const struct tls_ctx *ctx)
{
	X509 *leaf = sk_X509_CRL_num(ctx->crls) ? SSL_get0_peer_certificate(t->ssl) : NULL;
	const STACK_OF(X509) *chain = leaf ? SSL_get0_verified_chain(t->ssl) : NULL;
	bool found = leaf && is_on_list(ctx, leaf);

	for (int i = 0; i < sk_X509_num(chain) && !found; i++)
		found = is_on_list(ctx, sk_X509_value(chain, i));
	return found;
}
