/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/vec.h"

static void grows_and_zeroes(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	for (size_t n = 1; n < 100000; n *= 3) {
		char *p = arena_alloc(&a, n);

		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 1, n);
	}
	assert_string_equal(arena_printf(&a, "%0300d", 7) + 295, "00007");
	arena_fini(&a);
}

/* Whichever way a format takes, the text is printf's. */
#define SAME(...)                                                                \
	do {                                                                     \
		char want[1024];                                                 \
                                                                                 \
		snprintf(want, sizeof(want), __VA_ARGS__);                       \
		assert_string_equal(arena_printf(&a, __VA_ARGS__), want);        \
	} while (0)

static void prints_as_printf(void **state)
{
	char text[400];
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	SAME("none");
	SAME("%s", "");
	SAME("%s|%u|%s|%s", "outbound", 0u, "v1", text);
	SAME("%u %u %u", 9u, 10u, UINT32_MAX);
	SAME("%zu%s", SIZE_MAX, "!");
	SAME("[%.*s][%.*s][%.*s]", 2, "abc", 9, "abc", -1, "abc");
	SAME("%.*s", 3, (const char[]){'n', 'o', 't'});	/* need not end */
	SAME("%s %d%%", "mixed", -5);
	SAME("%5s|%-5u|%05zu|%.2s", "a", 7u, (size_t)7, "abc");
	SAME("%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s", "0", "1", "2", "3", "4", "5", "6", "7", "8",
	     "9", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r");
	arena_fini(&a);
}

static void limit_unwinds_to_inner_guard(void **state)
{
	struct arena a;
	struct arena_guard outer, inner;
	volatile int reached = 0;
	char *kept;

	(void)state;
	arena_init(&a, 0);
	if (arena_guard(&a, &outer))
		fail();
	kept = arena_strdup(&a, "kept");
	if (arena_guard_limit(&a, &inner, 10000)) {
		reached = 1;
	} else {
		arena_alloc(&a, 20000);
		fail();
	}
	assert_int_equal(reached, 1);
	assert_string_equal(kept, "kept");
	assert_non_null(arena_alloc(&a, 20000));	/* the outer limit is in force again */
	arena_unguard(&a, &outer);
	arena_fini(&a);
}

static void vec_in_arena(void **state)
{
	struct arena a;
	VEC(size_t) v = {0};

	(void)state;
	arena_init(&a, 0);
	for (size_t i = 0; i < 1000; i++)
		*vec_push(&v, &a) = i;
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(v.v[i], i);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grows_and_zeroes), cmocka_unit_test(prints_as_printf),
	    cmocka_unit_test(limit_unwinds_to_inner_guard),
	    cmocka_unit_test(vec_in_arena),
	};

	return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
