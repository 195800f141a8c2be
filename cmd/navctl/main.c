/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"

static const struct cmd *const table[] = {
    &cmd_validate,  &cmd_analyze, &cmd_status, &cmd_proxy_config, &cmd_proxy_status,
    &cmd_gateway_status, &cmd_route, &cmd_test, &cmd_explain, &cmd_crds,	  &cmd_install,
    &cmd_uninstall, &cmd_token,	  &cmd_certs,  &cmd_version,	  &cmd_completion, &cmd_man,
};

const struct cmd *const *cmd_table(size_t *n)
{
	*n = ARRAY_LEN(table);
	return table;
}

const char *cmd_short_name(const struct cmd *c)
{
	return strchr(c->args.name, ' ') + 1;
}

static void print_usage(FILE *out)
{
	fprintf(out, "usage: navctl COMMAND [options]\n\nThe command line of the Navarch service "
		     "mesh.\n\ncommands:\n");
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		fprintf(out, "  %-14s %s\n", cmd_short_name(table[i]), table[i]->args.summary);
	fprintf(out, "\n'navctl COMMAND --help' explains one. Exit codes: 0 ok, 1 findings, 2 "
		     "usage, 3 unreachable.\n");
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!strcmp(cmd_short_name(table[i]), name))
			return table[i];
	}
	return NULL;
}

static bool asks_for_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

int main(int argc, char **argv)
{
	const struct cmd *c;
	struct args args;
	struct arena a;
	struct err e;
	int status;

	arena_keep_memory();
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2 || (asks_for_help(argv[1]) && argc == 2)) {
		print_usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? CMD_USAGE : CMD_OK;
	}
	c = find(asks_for_help(argv[1]) ? argv[2] : argv[1]);
	if (!c) {
		fprintf(stderr, "navctl: no command '%s'; 'navctl help' lists them\n", argv[1]);
		return CMD_USAGE;
	}
	if (asks_for_help(argv[1])) {
		args_print_help(stdout, &c->args);
		return CMD_OK;
	}
	arena_init(&a, 0);
	if (args_parse(&c->args, argc - 2, argv + 2, &a, &args, &e)) {
		fprintf(stderr, "%s: %s\n", c->args.name, e.text);
		status = CMD_USAGE;
	} else if (args.help) {
		args_print_help(stdout, &c->args);
		status = CMD_OK;
	} else {
		status = c->run(&args, &a);
	}
	arena_fini(&a);
	if (fflush(stdout) && status == CMD_OK)
		status = CMD_FINDINGS;
	return status;
}
