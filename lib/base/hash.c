/* SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/hash.h"

#include <string.h>

static struct hash128 from_xxh(XXH128_hash_t h)
{
	return (struct hash128){.hi = h.high64, .lo = h.low64};
}

struct hash128 hash_bytes(const void *p, size_t n)
{
	return from_xxh(XXH3_128bits(p, n));
}

struct hash128 hash_mix(struct hash128 a, struct hash128 b)
{
	uint64_t both[4] = {a.hi, a.lo, b.hi, b.lo};

	return hash_bytes(both, sizeof(both));
}

struct hash128 hash_mix_bytes(struct hash128 a, const void *p, size_t n)
{
	return hash_mix(a, from_xxh(XXH3_128bits_withSeed(p, n, 0x9e3779b97f4a7c15u ^ n)));
}

struct hash128 hash_mix_str(struct hash128 a, const char *s)
{
	return s ? hash_mix_bytes(a, s, strlen(s)) : hash_mix_u64(a, UINT64_MAX);
}

struct hash128 hash_mix_u64(struct hash128 a, uint64_t v)
{
	uint64_t all[3] = {a.hi, a.lo, v};

	return hash_bytes(all, sizeof(all));
}

char *hash_hex(struct hash128 h, char out[HASH_HEX_LEN + 1])
{
	for (int i = 0; i < HASH_HEX_LEN; i++) {
		uint64_t half = i < HASH_HEX_LEN / 2 ? h.hi : h.lo;

		out[i] = "0123456789abcdef"[half >> (60 - 4 * (i % 16)) & 15];
	}
	out[HASH_HEX_LEN] = '\0';
	return out;
}
