/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON web tokens (RFC 7515, 7517, 7519) of callers, checked locally: Kubernetes service-account
 * tokens and those of other issuers. The algorithm is the key's, never the token's choice: RS256
 * with RSA, ES256 with P-256, nothing else; no "crit", no keys out of the token. What was verified
 * is what is parsed (R7). The clock is an argument. Thread: pure once the keys are parsed.
 */
#ifndef CA_JWT_H
#define CA_JWT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "ca/spiffe.h"

enum {
	JWT_MAX = 16 * 1024,
	JWT_AUDIENCES_MAX = 32,
	JWT_SKEW_S = 60, /* nbf and iat may lie so far in the future; exp must not have passed */
	JWKS_MAX = 256 * 1024,
	JWKS_KEYS_MAX = 64,
};

struct jwks;
/* Keys of other kinds and uses are left out; at least one must remain. */
struct jwks *jwks_parse(const char *json, size_t n, struct err *e);
void jwks_free(struct jwks *keys); /* NULL is fine */
size_t jwks_count(const struct jwks *keys);

struct jwt_issuer {
	const char *issuer;
	const char *const *audiences; /* one of them; at least one */
	size_t n_audiences;
	const struct jwks *keys;
};

/* Texts live in the arena. */
struct jwt {
	const char *issuer, *subject;
	int64_t expires_s;
	/* of "system:serviceaccount:<ns>:<sa>"; both or, for other subjects, neither */
	const char *ns, *sa;
	const char *pod; /* name, of a token bound to one; or NULL */
};

/* A token as the key of a cache: its SHA-256. */
enum { JWT_ID = 32 };
void jwt_id(const char *token, size_t n, uint8_t out[JWT_ID]);

/* By the rule of the token's issuer. -1, ERR_REFUSED or ERR_SYNTAX, or ERR_NOT_FOUND: there is no rule for its issuer,
 * or no such key; the text tells the operator why and quotes nothing of the token. */
int jwt_verify(const char *token, size_t n, const struct jwt_issuer *rules, size_t n_rules,
	       int64_t now_s, struct arena *a, struct jwt *out, struct err *e);

#endif
