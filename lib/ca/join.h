/* SPDX-License-Identifier: Apache-2.0
 *
 * Join tokens: how a machine without a cluster gets its first certificate. A token names an
 * identity, is good once and for a short time. At rest it is a file, named by the token's public
 * half, with the hash of its secret half: who reads the directory cannot use what is in it, who may
 * write it may make tokens (navctl does so, without asking the daemon). Of two that redeem the same
 * token, also on two replicas with a shared directory, one removes the file. Thread: any.
 */
#ifndef CA_JOIN_H
#define CA_JOIN_H

#include <stdint.h>

#include "base/err.h"
#include "ca/spiffe.h"

enum {
	JOIN_RANDOM = 8 + 32,		 /* bytes: name and secret */
	JOIN_TEXT = 5 + 16 + 1 + 43 + 1, /* "join-<16 hex>-<43 base64url>" and a NUL */
	JOIN_TTL_MAX_S = 24 * 3600,
};

/* id: ns and sa count. The directory is made if it is missing. */
int join_make(const char *dir, const struct spiffe_id *id, int64_t expires_s,
	      const uint8_t random[JOIN_RANDOM], char token[JOIN_TEXT], struct err *e);
/* Uses the token up; the trust domain of *out is not set. -1, ERR_REFUSED, with the same words
 * whether it is unknown, used, expired or wrong: it gives nothing away. A wrong secret does not use
 * it up. */
int join_redeem(const char *dir, const char *token, size_t n, int64_t now_s, struct spiffe_id *out,
		struct err *e);
bool join_is_token(const char *text, size_t n); /* by its looks */
/* Removes what has expired; the number of those that are left, or -1. */
int join_sweep(const char *dir, int64_t now_s, struct err *e);

#endif
