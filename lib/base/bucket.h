/* SPDX-License-Identifier: Apache-2.0
 *
 * A token bucket: `burst` at once, then `per_s` a second. It starts full. Thread: one at a time.
 */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	double burst, per_s;
	double level;			/* at at_ms; below 0 by bucket_charge only */
	int64_t at_ms;
};

void bucket_init(struct bucket *b, double burst, double per_s, int64_t now_ms);
double bucket_level(const struct bucket *b, int64_t now_ms);
/* Takes one; false when there is none. */
bool bucket_take(struct bucket *b, int64_t now_ms);
/* Takes one, there or not: what follows waits for it. */
void bucket_charge(struct bucket *b, int64_t now_ms);
int64_t bucket_wait_ms(const struct bucket *b, int64_t now_ms);	/* until there is one */

#endif
