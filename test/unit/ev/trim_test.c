/* SPDX-License-Identifier: Apache-2.0
 *
 * What trim_memory gives back comes back as it was.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ev/trim.h"

enum { MEGABYTE = 1024 * 1024, SIZE = 8 * MEGABYTE };

/* In the file, and read-only; names is so after relocation only, which is not in the file. */
static const uint8_t large[SIZE] = {[1] = 1, [SIZE - 1] = 2};
static const char *const names[] = {"red", "green", "blue"};
static char written[SIZE] = "as it was";

static long resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all, pages;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &all, &pages), 2);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static unsigned sum(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < SIZE; i++)
		n += ((const volatile uint8_t *)large)[i];
	return n;
}

static void clean_pages_go_and_come_back(void **state)
{
	long before;

	(void)state;
	memset(written + 100, 7, SIZE - 100);
	assert_int_equal(sum(), 3);
	before = resident();
	trim_memory();
	assert_true(before - resident() > SIZE - MEGABYTE);
	assert_int_equal(sum(), 3);
	assert_string_equal(((const char *const volatile *)names)[2], "blue");
	assert_int_equal(memcmp(written, "as it was", 10), 0);
	assert_int_equal(written[SIZE - 1], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(clean_pages_go_and_come_back)};

	return cmocka_run_group_tests_name("trim", tests, NULL, NULL);
}
