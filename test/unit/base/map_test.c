/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

enum { KEYS = 3000, STEPS = 200000 };

static const char *key_of(unsigned i, char buf[16])
{
	snprintf(buf, 16, "k%u", i);
	return buf;
}

/* What a map must hold, beside it: by key its value, and when it came. */
struct twin {
	uintptr_t value[KEYS];
	size_t born[KEYS], now, n;
};

struct walk {
	const struct twin *t;
	size_t last, n;
};

static void check_pair(const char *key, void *value, void *arg)
{
	struct walk *w = arg;
	unsigned i;

	assert_int_equal(sscanf(key, "k%u", &i), 1);
	assert_int_equal((uintptr_t)value, w->t->value[i]);
	assert_true(w->t->born[i] > w->last);
	w->last = w->t->born[i];
	w->n++;
}

static void check_all(const struct map *m, const struct twin *t)
{
	struct walk w = {.t = t};
	char buf[16];

	map_each(m, check_pair, &w);
	assert_int_equal(w.n, t->n);
	assert_int_equal(map_count(m), t->n);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal((uintptr_t)map_get(m, key_of(i, buf)), t->value[i]);
}

/* Sets and removals in any order: the map answers as an array does, and goes on in order of insertion. */
static void test_any_order(void **state)
{
	static struct twin t;
	uint64_t random = 1;
	struct map m;
	char buf[16];

	(void)state;
	map_init(&m, NULL);
	for (unsigned step = 1; step <= STEPS; step++) {
		unsigned i;
		uintptr_t was;

		random = random * 6364136223846793005u + 1442695040888963407u;
		i = (unsigned)(random >> 40) % KEYS;
		was = t.value[i];
		if (random >> 63) {
			assert_int_equal((uintptr_t)map_set(&m, key_of(i, buf), (void *)(uintptr_t)step), was);
			t.value[i] = step;
			t.born[i] = was ? t.born[i] : ++t.now;
			t.n += !was;
		} else {
			assert_int_equal((uintptr_t)map_remove(&m, key_of(i, buf)), was);
			t.value[i] = 0;
			t.n -= was != 0;
		}
		if (step % (STEPS / 20) == 0)
			check_all(&m, &t);
	}
	map_fini(&m);
	assert_null(map_get(&m, "k1"));
}

static void remove_it(const char *key, void *value, void *arg)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%s", key);
	assert_ptr_equal(map_remove(arg, buf), value);
}

static void test_remove_while_walking(void **state)
{
	struct map m;
	char buf[16];

	(void)state;
	map_init(&m, NULL);
	for (unsigned i = 0; i < KEYS; i++)
		map_set(&m, key_of(i, buf), &m);
	map_each(&m, remove_it, &m);
	assert_int_equal(map_count(&m), 0);
	map_fini(&m);
}

/* A place stays where it is while others come; keys may be any bytes, and none. */
static void test_slots(void **state)
{
	struct arena a;
	struct map m;
	void **first, **empty, **zeros;
	char buf[16];

	(void)state;
	arena_init(&a, 0);
	map_init(&m, &a);
	first = map_slot(&m, "first");
	empty = map_slot_n(&m, NULL, 0);
	zeros = map_slot_n(&m, "\0\0", 2);
	*first = &a;
	for (unsigned i = 0; i < KEYS; i++)
		map_set(&m, key_of(i, buf), buf);
	assert_ptr_equal(map_slot(&m, "first"), first);
	assert_ptr_equal(*first, &a);
	assert_ptr_equal(map_slot(&m, ""), empty);
	assert_ptr_equal(map_slot_n(&m, "\0\0", 2), zeros);
	assert_ptr_not_equal(map_slot_n(&m, "\0", 1), zeros);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_any_order),
	    cmocka_unit_test(test_remove_while_walking),
	    cmocka_unit_test(test_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
