/* SPDX-License-Identifier: Apache-2.0
 *
 * Renewal on virtual time: a CA that signs, is away, or says when to come back, and clocks that jump.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/renew.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* An agent and its CA. */
struct world {
	struct renew renew;
	struct renew_time now;
	int64_t ca_wall_ms;		/* the CA's clock is its own */
	int64_t ttl_ms;
	bool down;
	int64_t retry_after_ms;
	uint32_t random;
	unsigned asked, got;
	int64_t last_ms, shortest_ms, longest_ms;	/* between requests */
};

static void pass(struct world *w, int64_t ms)
{
	w->now.mono_ms += ms;
	w->now.wall_ms += ms;
	w->ca_wall_ms += ms;
}

static void ask(struct world *w)
{
	int64_t gap = w->now.mono_ms - w->last_ms;

	renew_asked(&w->renew);
	w->random = w->random * 1664525u + 1013904223u;
	if (w->asked++) {
		w->shortest_ms = gap < w->shortest_ms ? gap : w->shortest_ms;
		w->longest_ms = gap > w->longest_ms ? gap : w->longest_ms;
	}
	w->last_ms = w->now.mono_ms;
	if (w->down) {
		renew_failed(&w->renew, w->now, w->retry_after_ms, w->random);
	} else {
		w->got++;
		renew_got(&w->renew, w->now, w->ca_wall_ms + w->ttl_ms, w->random);
	}
}

static void forget(struct world *w)
{
	w->asked = w->got = 0;
	w->shortest_ms = INT64_MAX;
	w->longest_ms = 0;
}

static void run(struct world *w, int64_t ms)
{
	int64_t end = w->now.mono_ms + ms, wait;

	while (w->now.mono_ms < end) {
		wait = renew_wait_ms(&w->renew, w->now);
		assert_in_range(wait, 0, RENEW_LOOK_MS);
		if (!wait)
			ask(w);
		else
			pass(w, wait < end - w->now.mono_ms ? wait : end - w->now.mono_ms);
	}
}

static struct world start(int64_t ttl_ms)
{
	struct world w = {.ttl_ms = ttl_ms, .retry_after_ms = -1, .random = 1, .now = {5 * DAY, 20000 * (int64_t)DAY}};

	w.ca_wall_ms = w.now.wall_ms;
	renew_init(&w.renew, 0.5);
	forget(&w);
	run(&w, SECOND);
	assert_int_equal(w.got, 1);
	return w;
}

static void renews_at_half(void **state)
{
	struct world w = start(DAY);

	(void)state;
	run(&w, 10 * (int64_t)DAY);
	assert_in_range(w.got, 21, 23);		/* a jitter of a tenth, always early */
	assert_in_range(w.shortest_ms, DAY / 2 * 9 / 10, DAY / 2);
	assert_in_range(w.longest_ms, w.shortest_ms + MINUTE, DAY / 2 + RENEW_LOOK_MS);
}

static void of_many_not_two_come_at_once(void **state)
{
	struct renew_time now = {0, DAY};
	int64_t first = INT64_MAX, last = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct renew r;

		renew_init(&r, 0.5);
		renew_got(&r, now, now.wall_ms + DAY, i * (UINT32_MAX / 100));
		first = r.due.mono_ms < first ? r.due.mono_ms : first;
		last = r.due.mono_ms > last ? r.due.mono_ms : last;
	}
	assert_in_range(last - first, DAY / 25, DAY / 20);
}

static void survives_an_outage_up_to_expiry(void **state)
{
	struct world w = start(DAY);

	(void)state;
	w.down = true;
	forget(&w);
	run(&w, DAY - 2 * MINUTE);
	assert_int_equal(renew_state(&w.renew, w.now), RENEW_GOOD);
	assert_in_range(w.asked, 12 * 60, 2 * 12 * 60 * 1.2);	/* every half to whole minute, for half a day */
	assert_in_range(w.shortest_ms, RENEW_RETRY_MIN_MS / 2, 2 * RENEW_RETRY_MIN_MS);
	assert_in_range(w.longest_ms, RENEW_RETRY_MAX_MS / 2, RENEW_RETRY_MAX_MS);
	run(&w, 3 * MINUTE);
	assert_int_equal(renew_state(&w.renew, w.now), RENEW_EXPIRED);
	forget(&w);
	run(&w, HOUR);
	assert_in_range(w.asked, 60, 130);	/* it goes on asking */
	w.down = false;
	run(&w, RENEW_RETRY_MAX_MS);
	assert_int_equal(renew_state(&w.renew, w.now), RENEW_GOOD);
}

static void a_short_life_is_not_slept_through(void **state)
{
	struct world w = start(MINUTE);

	(void)state;
	w.down = true;
	run(&w, 40 * SECOND);
	w.down = false;
	run(&w, 16 * SECOND);
	assert_int_equal(w.got, 2);
	assert_in_range(w.longest_ms, 0, 31 * SECOND);
}

static void the_ca_says_when(void **state)
{
	struct world w = start(DAY);

	(void)state;
	w.down = true;
	w.retry_after_ms = 20 * SECOND;
	run(&w, 13 * HOUR);
	assert_in_range(w.shortest_ms, 20 * SECOND, DAY);
	w.retry_after_ms = DAY;			/* more than it may */
	forget(&w);
	w.last_ms = w.now.mono_ms;
	run(&w, HOUR);
	assert_in_range(w.asked, 59, 62);
}

static void clock_set_forward(void **state)
{
	struct world w = start(DAY);

	(void)state;
	w.now.wall_ms += 13 * HOUR;
	w.ca_wall_ms += 13 * HOUR;
	run(&w, RENEW_LOOK_MS);
	assert_int_equal(w.got, 2);
}

static void clock_set_back(void **state)
{
	struct world w = start(DAY);

	(void)state;
	w.now.wall_ms -= 100 * (int64_t)DAY;	/* ours alone: the certificate runs out all the same */
	run(&w, 13 * HOUR);
	assert_int_equal(w.got, 2);
}

static void a_clock_that_is_ahead_makes_no_storm(void **state)
{
	struct world w = start(DAY);

	(void)state;
	w.now.wall_ms += 400 * (int64_t)DAY;	/* whatever the CA signs has expired, says our clock */
	forget(&w);
	run(&w, HOUR);
	assert_int_equal(renew_state(&w.renew, w.now), RENEW_EXPIRED);
	assert_in_range(w.asked, 60, 130);
	w.now.wall_ms = w.ca_wall_ms;
	forget(&w);
	run(&w, HOUR);
	assert_int_equal(renew_state(&w.renew, w.now), RENEW_GOOD);
	assert_in_range(w.asked, 1, 2);
}

static void one_request_at_a_time(void **state)
{
	struct world w = start(DAY);

	(void)state;
	pass(&w, DAY);
	assert_int_equal(renew_wait_ms(&w.renew, w.now), 0);
	renew_asked(&w.renew);
	assert_int_equal(renew_wait_ms(&w.renew, w.now), RENEW_LOOK_MS);
	pass(&w, HOUR);
	assert_int_equal(renew_wait_ms(&w.renew, w.now), RENEW_LOOK_MS);
	renew_failed(&w.renew, w.now, -1, 0);
	assert_int_equal(renew_wait_ms(&w.renew, w.now), RENEW_RETRY_MIN_MS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(renews_at_half),
	    cmocka_unit_test(of_many_not_two_come_at_once),
	    cmocka_unit_test(survives_an_outage_up_to_expiry),
	    cmocka_unit_test(a_short_life_is_not_slept_through),
	    cmocka_unit_test(the_ca_says_when),
	    cmocka_unit_test(clock_set_forward),
	    cmocka_unit_test(clock_set_back),
	    cmocka_unit_test(a_clock_that_is_ahead_makes_no_storm),
	    cmocka_unit_test(one_request_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
