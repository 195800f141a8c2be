/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include "server/version.h"

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output");

	(void)a;
	if (form && !strcmp(form, "json"))
		printf("{\"version\":\"%s\"}\n", version_text());
	else
		printf("navctl %s\n", version_text());
	return CMD_OK;
}

static const struct args_option options[] = {{"output", 'o', "text|json", "Form of the output."}};

const struct cmd cmd_version = {
    .args = {.name = "navctl version",
	     .summary = "Print the version",
	     .operands = "",
	     .options = options,
	     .n_options = 1},
    .run = run,
};
