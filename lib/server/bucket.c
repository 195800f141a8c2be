/* SPDX-License-Identifier: Apache-2.0 */
#include "server/bucket.h"

#include <string.h>

#include "base/hash.h"

void buckets_init(struct buckets *b, double burst, double per_s)
{
	memset(b, 0, sizeof(*b));
	b->burst = burst;
	b->per_s = per_s;
}

static uint64_t key_of(const char *key)
{
	uint64_t h = hash_bytes(key, strlen(key)).lo;

	return h ? h : 1; /* 0: a slot that nobody has */
}

bool buckets_has(const struct buckets *b, const char *key, int64_t now_ms)
{
	uint64_t k = key_of(key);

	return b->slot[k % BUCKET_SLOTS].key != k || bucket_level(&b->slot[k % BUCKET_SLOTS].bucket, now_ms) >= 1;
}

bool buckets_take(struct buckets *b, const char *key, int64_t now_ms)
{
	uint64_t k = key_of(key);
	struct bucket *own = &b->slot[k % BUCKET_SLOTS].bucket;

	if (b->slot[k % BUCKET_SLOTS].key != k)
		bucket_init(own, b->burst, b->per_s, now_ms);
	b->slot[k % BUCKET_SLOTS].key = k;
	return bucket_take(own, now_ms);
}
