/* SPDX-License-Identifier: Apache-2.0
 *
 * The completion of a program: bash itself says what it offers, and fish's lines are of the right words.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"

static const struct args_option options[] = {
    {"type", 0, "sidecar|router", "What the proxy is."},
    {"file", 'f', "FILE", "Its owner's, or a \\."},
    {"plain", 0, NULL, "Without TLS."},
};
static const struct args_command command = {.name = "prog", .summary = "s", .operands = "", .options = options, .n_options = 3};

static char *script(const char *shell)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_int_equal(args_print_completion(f, &command, shell), 0);
	fclose(f);
	return text;
}

/* What bash offers for the last of the words. */
static char *offered(const char *words)
{
	static char out[200];
	char path[] = "/tmp/navarch-completion-XXXXXX", *text = script("bash"), run[400];
	FILE *f = fdopen(mkstemp(path), "w");

	fprintf(f, "%sCOMP_WORDS=(prog %s); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _prog; echo \"${COMPREPLY[*]}\"\n", text, words);
	fclose(f);
	free(text);
	snprintf(run, sizeof(run), "bash %s", path);
	f = popen(run, "r");
	assert_non_null(f);
	assert_non_null(fgets(out, sizeof(out), f));
	assert_int_equal(pclose(f), 0);
	unlink(path);
	out[strcspn(out, "\n")] = '\0';
	return out;
}

static void bash_offers_options_and_values(void **state)
{
	(void)state;
	assert_string_equal(offered("--"), "--help --type --file --plain");
	assert_string_equal(offered("--plain --t"), "--type");
	assert_string_equal(offered("--type ''"), "sidecar router");
	assert_string_equal(offered("--type r"), "router");
	assert_string_equal(offered("--file --"), "");	/* and so files */
}

static void fish_and_others(void **state)
{
	char *fish = script("fish"), *zsh = script("zsh");

	(void)state;
	assert_non_null(strstr(fish, "complete -c prog -l type -r -f -a 'sidecar router' -d 'What the proxy is.'\n"));
	assert_non_null(strstr(fish, "complete -c prog -l file -r -s f -d 'Its owner\\'s, or a \\\\.'\n"));
	assert_non_null(strstr(fish, "complete -c prog -l plain -d "));
	assert_int_equal(strncmp(zsh, "#compdef prog\n", 14), 0);
	assert_int_equal(args_print_completion(stdout, &command, "tcsh"), -1);
	free(fish);
	free(zsh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bash_offers_options_and_values),
		cmocka_unit_test(fish_and_others),
	};

	return cmocka_run_group_tests_name("completion", tests, NULL, NULL);
}
