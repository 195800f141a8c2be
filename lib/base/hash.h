/* SPDX-License-Identifier: Apache-2.0
 *
 * Content hashes (XXH3-128): the identity of bytes within one mesh. A version on the wire *is*
 * such a hash. Not for integrity against an attacker. Thread: any.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash128 {
	uint64_t hi, lo;
};

enum { HASH_HEX_LEN = 32 };

struct hash128 hash_bytes(const void *p, size_t n);
/* Order matters: mix(mix(a, b), c) != mix(mix(a, c), b). */
struct hash128 hash_mix(struct hash128 a, struct hash128 b);
struct hash128 hash_mix_bytes(struct hash128 a, const void *p, size_t n);
struct hash128 hash_mix_str(struct hash128 a, const char *s);	/* NULL differs from "" */
struct hash128 hash_mix_u64(struct hash128 a, uint64_t v);

static inline bool hash_equal(struct hash128 a, struct hash128 b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

/* Writes 32 hex digits and a NUL; returns out. */
char *hash_hex(struct hash128 h, char out[HASH_HEX_LEN + 1]);

#endif
