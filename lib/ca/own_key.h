/* SPDX-License-Identifier: Apache-2.0
 *
 * A key of one's own, for whoever asks a CA for a certificate: made in memory, handed out as PEM and nothing
 * else. Keys pass through OpenSSL's secure heap (ca_protect_memory) and buffers that the caller cleanses
 * (ca_cleanse). Thread: any.
 */
#ifndef CA_OWN_KEY_H
#define CA_OWN_KEY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct evp_pkey_st;	/* OpenSSL's EVP_PKEY */

/* A P-256 key, appended to key as PEM, and in a the request that it signs, PEM. The request has no subject and
 * no names: whom the certificate is for, the CA knows from the caller. */
int own_key_make(struct buf *key, struct arena *a, const char **request, struct err *e);
/* What a pair is good for: that the key is that of the chain's first certificate, that it chains to one of the
 * roots (NULL: not looked at) at that time, and its dates. All PEM. */
struct own_key_dates {
	int64_t not_before_s, not_after_s;
};
int own_key_check(const char *key, const char *chain, const char *roots, int64_t now_s, struct own_key_dates *out,
		  struct err *e);
/* One key of a PEM text, its owner's (EVP_PKEY_free); NULL: there is none, or it asks for a password, and nobody is there. */
struct evp_pkey_st *own_key_read(const char *pem);
/* PEM, by way of the secure heap. */
int own_key_print(struct evp_pkey_st *key, struct buf *out, struct err *e);

#endif
