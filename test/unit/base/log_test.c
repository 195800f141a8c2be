/* SPDX-License-Identifier: Apache-2.0
 *
 * What callers send stays within its line of the log (Envoy Gateway's CVE-2025-25294, Linkerd's TOB-LKDTM-10).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/log.h"
#include "base/scalar.h"
#include "base/must.h"

static void cve_2025_25294_one_line(void **state)
{
	static const struct {
		const char *text, *plain, *json;
	} cases[] = {
		{"plain text", "plain text", "plain text"},
		{"a\nb\r\tc", "a\\u000ab\\u000d\\u0009c", "a\\u000ab\\u000d\\u0009c"},
		{"\x1b[31mred\x7f", "\\u001b[31mred\\u007f", "\\u001b[31mred\\u007f"},
		{"\"q\" \\", "\"q\" \\", "\\\"q\\\" \\\\"},
		{"\xe2\x80\xa8line\xe2\x80\xa9", "\\u2028line\\u2029", "\\u2028line\\u2029"},
		{"\xc2\x85next \xc2\x9bm", "\\u0085next \\u009bm", "\\u0085next \\u009bm"},
		{"\xe2\x80\xaeturned\xe2\x81\xa6\xe2\x80\x8f\xef\xbb\xbf", "\\u202eturned\\u2066\\u200f\\ufeff", "\\u202eturned\\u2066\\u200f\\ufeff"},
		{"\xff\xc3(\xed\xa0\x80", "\\u00ff\\u00c3(\\u00ed\\u00a0\\u0080", "\\u00ff\\u00c3(\\u00ed\\u00a0\\u0080"},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
	};
	char out[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(log_escape(out, sizeof(out), cases[i].text, false), strlen(cases[i].plain));
		assert_string_equal(out, cases[i].plain);
		log_escape(out, sizeof(out), cases[i].text, true);
		assert_string_equal(out, cases[i].json);
	}
}

static void what_does_not_fit_is_cut_between_characters(void **state)
{
	char out[200], text[40];

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		memset(text, byte, sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		for (size_t size = 9; size < 60; size++) {
			size_t n = log_escape(out, size, text, true);

			assert_true(n < size && n == strlen(out));
			assert_true(!n || scalar_is_utf8(out, n));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cve_2025_25294_one_line),
		cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
