/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/renew.h"

enum { DOUBLINGS_MAX = 16, JITTER_PERCENT = 10 };

void renew_init(struct renew *r, double left)
{
	*r = (struct renew){.left = left};
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* 0..1 */
static double unit(uint32_t random)
{
	return random / (double)UINT32_MAX;
}

int64_t renew_wait_ms(const struct renew *r, struct renew_time now)
{
	int64_t wait = 0;

	if (r->asking)
		return RENEW_LOOK_MS;
	if (r->held)
		wait = min64(r->due.mono_ms - now.mono_ms, r->due.wall_ms - now.wall_ms);
	wait = max64(wait, r->not_before_ms - now.mono_ms);
	return min64(max64(wait, 0), RENEW_LOOK_MS);
}

void renew_asked(struct renew *r)
{
	r->asking = true;
}

/* Between half and the whole of the interval. */
static void back_off(struct renew *r, struct renew_time now, int64_t retry_after_ms, uint32_t random)
{
	unsigned doublings = r->failures < DOUBLINGS_MAX ? r->failures : DOUBLINGS_MAX;
	int64_t interval = min64((int64_t)RENEW_RETRY_MIN_MS << doublings, RENEW_RETRY_MAX_MS);
	int64_t quarter = (r->not_after_ms - now.wall_ms) / 4;

	if (r->held && quarter > 0)
		interval = max64(min64(interval, quarter), RENEW_RETRY_MIN_MS);
	interval = interval / 2 + (int64_t)(unit(random) * (double)(interval / 2));
	r->not_before_ms = now.mono_ms + max64(interval, min64(retry_after_ms, RENEW_RETRY_MAX_MS));
	r->failures++;
}

void renew_got(struct renew *r, struct renew_time now, int64_t not_after_ms, uint32_t random)
{
	int64_t life = not_after_ms - now.wall_ms, wait;

	r->asking = false;
	r->held = true;
	r->not_after_ms = not_after_ms;
	if (life <= 0) {
		r->due = now;
		back_off(r, now, -1, random);
		return;
	}
	wait = (int64_t)((double)life * (1 - r->left) * (1 - unit(random) * JITTER_PERCENT / 100));
	r->due = (struct renew_time){now.mono_ms + wait, now.wall_ms + wait};
	r->not_before_ms = now.mono_ms + RENEW_RETRY_MIN_MS;
	r->failures = 0;
}

void renew_failed(struct renew *r, struct renew_time now, int64_t retry_after_ms, uint32_t random)
{
	r->asking = false;
	back_off(r, now, retry_after_ms, random);
}

enum renew_state renew_state(const struct renew *r, struct renew_time now)
{
	if (!r->held)
		return RENEW_NONE;
	return now.wall_ms < r->not_after_ms ? RENEW_GOOD : RENEW_EXPIRED;
}
