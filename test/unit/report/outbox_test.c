/* SPDX-License-Identifier: Apache-2.0
 *
 * Which errand begins when, on virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/outbox.h"

static const char *next(struct outbox *o, int64_t now_ms)
{
	int64_t wait_ms;

	return outbox_next(o, now_ms, &wait_ms);
}

static int64_t wait_of(struct outbox *o, int64_t now_ms)
{
	int64_t wait_ms;

	assert_null(outbox_next(o, now_ms, &wait_ms));
	return wait_ms;
}

static void in_order(void **state)
{
	struct outbox *o = outbox_new(0, 1);

	(void)state;
	assert_int_equal(wait_of(o, 0), -1);
	outbox_put(o, "b1", OUTBOX_BULK);
	outbox_put(o, "b2", OUTBOX_BULK);
	outbox_put(o, "b1", OUTBOX_BULK);
	outbox_put(o, "u1", OUTBOX_URGENT);
	outbox_put(o, "b2", OUTBOX_URGENT);
	assert_string_equal(next(o, 0), "u1");
	assert_string_equal(next(o, 0), "b2");
	assert_string_equal(next(o, 0), "b1");
	assert_int_equal(wait_of(o, 0), -1);
	/* put while it is under way: once more, and once only */
	assert_false(outbox_is_again(o, "b1"));
	outbox_put(o, "b1", OUTBOX_BULK);
	assert_true(outbox_is_again(o, "b1"));
	outbox_put(o, "b1", OUTBOX_BULK);
	outbox_end(o, "b1", OUTBOX_DONE, -1, 0);
	assert_string_equal(next(o, 0), "b1");
	outbox_end(o, "b1", OUTBOX_DONE, -1, 0);
	outbox_end(o, "b1", OUTBOX_DONE, -1, 0);
	assert_int_equal(wait_of(o, 0), -1);
	outbox_free(o);
}

static void is_bounded(void **state)
{
	struct outbox *o = outbox_new(0, 1);
	unsigned done = 0;
	char key[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		outbox_put(o, key, OUTBOX_BULK);
	}
	for (int i = 0; i < OUTBOX_OPEN_MAX; i++)
		assert_non_null(next(o, 0));
	assert_int_equal(wait_of(o, 0), -1);
	for (int i = 0; i < OUTBOX_OPEN_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		outbox_end(o, key, OUTBOX_DONE, -1, 0);
	}
	/* each of two requests, ten seconds */
	for (int64_t now_ms = 0; now_ms < 10000; now_ms += 10) {
		const char *k;

		while ((k = next(o, now_ms))) {
			snprintf(key, sizeof(key), "%s", k);
			outbox_charge(o, now_ms);
			outbox_end(o, key, OUTBOX_DONE, -1, now_ms);
			done++;
		}
	}
	assert_in_range(done, (OUTBOX_BURST + 10 * OUTBOX_PER_S) / 2 - 20, (OUTBOX_BURST + 10 * OUTBOX_PER_S) / 2 + 5);
	outbox_free(o);
}

static void trouble_holds_all(void **state)
{
	struct outbox *o = outbox_new(0, 1);
	struct outbox_stats st;
	int64_t now_ms = 0, waits = 0;
	char key[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "%d", i);
		outbox_put(o, key, OUTBOX_URGENT);
	}
	for (int i = 0; i < OUTBOX_OPEN_MAX; i++)
		assert_non_null(next(o, 0));
	for (int i = 0; i < OUTBOX_OPEN_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		outbox_end(o, key, OUTBOX_TROUBLE, -1, 0);
	}
	/* eight at once are one trouble */
	assert_in_range(wait_of(o, 0), OUTBOX_PAUSE_MS * 4 / 5, OUTBOX_PAUSE_MS * 6 / 5 + 1);
	for (int i = 0; i < 20; i++) {
		int64_t wait_ms = wait_of(o, now_ms);
		const char *k;

		assert_in_range(wait_ms, 1, OUTBOX_PAUSE_MAX_MS * 6 / 5 + 1);
		now_ms += wait_ms;
		waits += wait_ms;
		k = next(o, now_ms);
		assert_non_null(k);
		snprintf(key, sizeof(key), "%s", k);
		assert_null(next(o, now_ms));	/* one tries */
		outbox_end(o, key, OUTBOX_TROUBLE, i == 19 ? 90000 : -1, now_ms);
	}
	assert_in_range(waits, 13 * OUTBOX_PAUSE_MAX_MS * 4 / 5, 20 * OUTBOX_PAUSE_MAX_MS * 6 / 5);
	outbox_stats(o, now_ms, &st);
	assert_true(st.paused);
	assert_int_equal(st.waiting, 20);
	assert_int_equal(wait_of(o, now_ms), 90000);	/* as the server said */
	now_ms += 90000;
	snprintf(key, sizeof(key), "%s", next(o, now_ms));
	outbox_end(o, key, OUTBOX_DONE, -1, now_ms);
	for (int i = 0; i < OUTBOX_OPEN_MAX; i++)
		assert_non_null(next(o, now_ms));
	outbox_free(o);
}

static void refused_waits_alone(void **state)
{
	struct outbox *o = outbox_new(0, 1);
	int64_t now_ms = 0;

	(void)state;
	outbox_put(o, "x", OUTBOX_URGENT);
	for (int i = 0; i < 12; i++) {
		assert_string_equal(next(o, now_ms), "x");
		outbox_end(o, "x", OUTBOX_REFUSED, -1, now_ms);
		outbox_put(o, "x", OUTBOX_URGENT);	/* its object changes: that gives no right */
		assert_in_range(wait_of(o, now_ms), OUTBOX_ALONE_MS * 4 / 5, OUTBOX_ALONE_MAX_MS * 6 / 5);
		outbox_put(o, "y", OUTBOX_BULK);
		assert_string_equal(next(o, now_ms), "y");
		outbox_end(o, "y", OUTBOX_DONE, -1, now_ms);
		now_ms += wait_of(o, now_ms);
	}
	outbox_free(o);
}

static void conflict_is_soon_again(void **state)
{
	struct outbox *o = outbox_new(0, 1);

	(void)state;
	outbox_put(o, "x", OUTBOX_URGENT);
	assert_non_null(next(o, 0));
	outbox_end(o, "x", OUTBOX_CONFLICT, -1, 0);
	assert_in_range(wait_of(o, 0), OUTBOX_SOON_MS * 4 / 5, OUTBOX_SOON_MS * 6 / 5 + 1);
	assert_non_null(next(o, OUTBOX_SOON_MS * 2));
	outbox_clear(o);
	outbox_end(o, "x", OUTBOX_DONE, -1, 500);	/* of before */
	assert_int_equal(wait_of(o, 500), -1);
	outbox_put(o, "x", OUTBOX_URGENT);
	assert_string_equal(next(o, 500), "x");
	outbox_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(trouble_holds_all),
		cmocka_unit_test(refused_waits_alone),
		cmocka_unit_test(conflict_is_soon_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
