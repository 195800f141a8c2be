/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bucket.h"

void bucket_init(struct bucket *b, double burst, double per_s, int64_t now_ms)
{
	*b = (struct bucket){.burst = burst, .per_s = per_s, .level = burst, .at_ms = now_ms};
}

double bucket_level(const struct bucket *b, int64_t now_ms)
{
	double level = b->level + (double)(now_ms - b->at_ms) / 1000 * b->per_s;

	return level < b->burst ? level : b->burst;
}

void bucket_charge(struct bucket *b, int64_t now_ms)
{
	b->level = bucket_level(b, now_ms) - 1;
	b->at_ms = now_ms;
}

bool bucket_take(struct bucket *b, int64_t now_ms)
{
	if (bucket_level(b, now_ms) < 1)
		return false;
	bucket_charge(b, now_ms);
	return true;
}

int64_t bucket_wait_ms(const struct bucket *b, int64_t now_ms)
{
	double lack = 1 - bucket_level(b, now_ms);

	return lack > 0 ? (int64_t)(lack / b->per_s * 1000) + 1 : 0;
}
