/* SPDX-License-Identifier: Apache-2.0
 *
 * The server side of TLS 1.2 and 1.3 over OpenSSL. Sans-I/O: ciphertext and plaintext in and out,
 * the caller's clock. A client's certificate is asked for and not demanded; one that is shown must
 * chain to the roots, or the handshake fails. One ticket; no renegotiation, no early data. ALPN:
 * h2, http/1.1. A context is replaced to renew its certificate or roots: sessions of the one before
 * are not resumed in it, so that nobody comes in past a changed trust. Thread: one at a time for
 * each struct tls, any; a context is used from several at once.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct tls_ctx;
struct tls;

enum {
	TLS_CLIENT_CHAIN_MAX = 32 * 1024, /* bytes of certificates that a client may show */
	TLS_SESSION_S = 3600,		  /* how long a ticket is good */
};

/* All PEM. chain: the leaf, then intermediates. The key is read, not kept. */
struct tls_identity {
	const char *const *chain;
	size_t n_chain;
	const char *key;
	const char *roots; /* for clients' certificates */
	const char *crl;   /* lists of those that are revoked, or NULL. Who is on none is let in, also past their dates */
};

struct tls_ctx *tls_ctx_new(const struct tls_identity *id, struct err *e);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx); /* loop */
void tls_ctx_unref(struct tls_ctx *ctx);	  /* loop; NULL is fine */

/* now_s: for the validity of the client's certificate. Holds a reference. */
struct tls *tls_new(struct tls_ctx *ctx, int64_t now_s);
void tls_free(struct tls *t); /* loop; NULL is fine */

/* n bytes from the peer. Appends what they hold to plain, and what the peer has to get to out. -1:
 * the connection has failed, why is for the log; out may hold an alert for the peer. */
int tls_receive(struct tls *t, const void *p, size_t n, struct buf *plain, struct buf *out,
		struct err *e);
/* n bytes for the peer, once the handshake is over. */
int tls_send(struct tls *t, const void *p, size_t n, struct buf *out, struct err *e);
/* Says that nothing more will be sent. */
void tls_end(struct tls *t, struct buf *out);

bool tls_is_open(const struct tls *t);	 /* the handshake is over */
bool tls_has_ended(const struct tls *t); /* the peer will send no more */
bool tls_is_resumed(const struct tls *t);
const char *tls_protocol(const struct tls *t); /* "h2", "http/1.1", or "": the client named none */
/* DER of the client's verified certificate, or NULL; lives as long as t. */
const uint8_t *tls_peer(const struct tls *t, size_t *n);
/* Whether the client's certificate, or one above it, is on a list of ctx. Not while another thread is in t. */
bool tls_is_revoked(const struct tls *t, const struct tls_ctx *ctx);

#endif
