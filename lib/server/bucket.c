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

static double level_of(const struct buckets *b, uint64_t key, int64_t now_ms)
{
	double level;

	if (b->slot[key % BUCKET_SLOTS].key != key)
		return b->burst;
	level = b->slot[key % BUCKET_SLOTS].level +
		(double)(now_ms - b->slot[key % BUCKET_SLOTS].at_ms) / 1000 * b->per_s;
	return level < b->burst ? level : b->burst;
}

bool buckets_has(const struct buckets *b, const char *key, int64_t now_ms)
{
	return level_of(b, key_of(key), now_ms) >= 1;
}

bool buckets_take(struct buckets *b, const char *key, int64_t now_ms)
{
	uint64_t k = key_of(key);
	double level = level_of(b, k, now_ms);

	if (level < 1)
		return false;
	b->slot[k % BUCKET_SLOTS].key = k;
	b->slot[k % BUCKET_SLOTS].level = level - 1;
	b->slot[k % BUCKET_SLOTS].at_ms = now_ms;
	return true;
}
