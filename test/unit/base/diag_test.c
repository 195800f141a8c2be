/* SPDX-License-Identifier: Apache-2.0
 *
 * A finding shows its line, unless that may hold a secret.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/must.h"

static void secrets_lines_are_not_shown(void **state)
{
	static const struct {
		const char *source;
		unsigned line;
		bool shown;
	} cases[] = {
		{"kind: Service\nhere: x\n", 2, true},
		{"kind: Secret\nhere: x\n", 2, false},
		{"here: x\nkind: Secret\n", 1, false},
		{"here: x\n---\nkind: Secret\n", 1, true},
		{"kind: Secret\n---\nhere: x\n", 3, true},
		{"kind: Secret\n---\nhere: x\n---\nkind: Secret\n", 3, true},
		{"kind: A\n---\nhere: x\nkind : \"Secret\"\n---\nkind: A\n", 3, false},
		{"{\"kind\":\"Secret\",\n\"here\": \"x\"}", 2, false},
		{"kind: List\nitems:\n- kind: Secret\n  here: x\n", 4, false},
		{"kind: SecretStore\nhere: x\n", 2, true},
		{"name: Secret\nhere: x\n", 2, true},
		{"mankind Secret\nhere: x Secret\n", 2, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag d = {.code = 0, .path = "", .text = "wrong", .pos = {.line = cases[i].line, .col = 1}, .object = {.file = "f"}};
		char *text = NULL;
		size_t n;
		FILE *f = open_memstream(&text, &n);

		diag_print(f, &d, cases[i].source);
		fclose(f);
		if (!strstr(text, "here") == cases[i].shown)
			fail_msg("case %zu: %s", i, text);
		assert_int_equal(!strstr(text, "of a Secret"), cases[i].shown);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(secrets_lines_are_not_shown)};

	return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
