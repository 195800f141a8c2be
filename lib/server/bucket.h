/* SPDX-License-Identifier: Apache-2.0
 *
 * Token buckets by key, in a table of fixed size: what is counted costs the same whoever asks. Two
 * keys of one slot take turns in it; the newcomer begins with a full bucket. Thread: loop.
 */
#ifndef SERVER_BUCKET_H
#define SERVER_BUCKET_H

#include "base/bucket.h"

enum { BUCKET_SLOTS = 4096 };

struct buckets {
	double burst, per_s;
	struct {
		uint64_t key;
		struct bucket bucket;
	} slot[BUCKET_SLOTS];
};

void buckets_init(struct buckets *b, double burst, double per_s);
/* Takes one; false when there is none. */
bool buckets_take(struct buckets *b, const char *key, int64_t now_ms);
bool buckets_has(const struct buckets *b, const char *key, int64_t now_ms);

#endif
