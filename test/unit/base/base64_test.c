/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/must.h"

/* RFC 4648 10, and what differs between the two alphabets. */
static void encodes_and_decodes(void **state)
{
	static const struct {
		const char *bytes, *plain, *url;
	} cases[] = {
		{"", "", ""}, {"f", "Zg==", "Zg"}, {"fo", "Zm8=", "Zm8"}, {"foo", "Zm9v", "Zm9v"}, {"foob", "Zm9vYg==", "Zm9vYg"},
		{"fooba", "Zm9vYmE=", "Zm9vYmE"}, {"foobar", "Zm9vYmFy", "Zm9vYmFy"}, {"\xfb\xff", "+/8=", "-_8"},
	};
	uint8_t bytes[32];
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int form = 0; form < 2; form++) {
			const char *want = form == BASE64_PLAIN ? cases[i].plain : cases[i].url;
			size_t n = base64_encode((enum base64_form)form, (const uint8_t *)cases[i].bytes, strlen(cases[i].bytes), text);

			assert_int_equal(n, strlen(want));
			assert_memory_equal(text, want, n);
			assert_int_equal(base64_decode((enum base64_form)form, want, n, bytes), strlen(cases[i].bytes));
			assert_memory_equal(bytes, cases[i].bytes, strlen(cases[i].bytes));
		}
}

static void one_text_for_each_sequence(void **state)
{
	static const struct {
		enum base64_form form;
		const char *text;
	} bad[] = {
		{BASE64_PLAIN, "Zg"}, {BASE64_PLAIN, "Zg="}, {BASE64_PLAIN, "Zh=="}, {BASE64_PLAIN, "Zm9="}, {BASE64_PLAIN, "Zm8=Zm8="},
		{BASE64_PLAIN, "===="}, {BASE64_PLAIN, "A==="}, {BASE64_PLAIN, "Zm9 "}, {BASE64_PLAIN, "Zm\n9"}, {BASE64_PLAIN, "-_8="},
		{BASE64_URL, "Zg=="}, {BASE64_URL, "Z"}, {BASE64_URL, "Zh"}, {BASE64_URL, "Zm9"}, {BASE64_URL, "+/8"}, {BASE64_URL, "Zm9vY"},
		{BASE64_URL, "Zm\xc3\xa4"},
	};
	uint8_t bytes[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (base64_decode(bad[i].form, bad[i].text, strlen(bad[i].text), bytes) >= 0)
			fail_msg("taken: %s", bad[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes),
		cmocka_unit_test(one_text_for_each_sequence),
	};

	return cmocka_run_group_tests_name("base/base64", tests, NULL, NULL);
}
