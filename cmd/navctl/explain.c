/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <stdio.h>

#include "base/diag.h"

static int run(const struct args *args, struct arena *a)
{
	const struct diag_info *info;

	(void)a;
	if (args->n_operands == 0) {
		for (int i = 0; i < D_COUNT; i++) {
			info = diag_info((enum diag_code)i);
			printf("%s  %-7s  %s\n", info->id, diag_severity_name(info->severity),
			       info->title);
		}
		return CMD_OK;
	}
	info = diag_info_find(args->operands[0]);
	if (!info) {
		fprintf(stderr, "navctl explain: no code '%s'; 'navctl explain' lists them\n",
			args->operands[0]);
		return CMD_FINDINGS;
	}
	printf("%s (%s): %s\n\nCause: %s\nFix:   %s\n", info->id,
	       diag_severity_name(info->severity), info->title, info->cause, info->fix);
	return CMD_OK;
}

const struct cmd cmd_explain = {
    .args = {.name = "navctl explain",
	     .summary = "Explain a code of a finding, or list all codes",
	     .operands = "[CODE]",
	     .max_operands = 1},
    .run = run,
};
