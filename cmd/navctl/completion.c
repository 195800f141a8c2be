/* SPDX-License-Identifier: Apache-2.0
 *
 * Shell completion and man pages, from the same tables that the parser reads.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

static void bash_command(const struct cmd *c)
{
	printf("    %s) words=\"--help", cmd_short_name(c));
	for (size_t i = 0; i < c->args.n_options; i++)
		printf(" --%s", c->args.options[i].name);
	puts("\" ;;");
}

static void bash_values(const struct cmd *c)
{
	for (size_t i = 0; i < c->args.n_options; i++) {
		const struct args_option *o = &c->args.options[i];

		if (!o->value || !strchr(o->value, '|'))
			continue;
		printf("    '%s --%s') words='", cmd_short_name(c), o->name);
		args_print_choice(stdout, o->value);
		puts("' ;;");
	}
}

static void bash(void)
{
	size_t n;
	const struct cmd *const *table = cmd_table(&n);

	puts("_navctl() {\n"
	     "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
	     "cmd=${COMP_WORDS[1]} words=\n"
	     "  case \"$cmd $prev\" in");
	for (size_t i = 0; i < n; i++)
		bash_values(table[i]);
	puts("  esac\n"
	     "  if [ -z \"$words\" ]; then case \"$([ $COMP_CWORD -gt 1 ] && echo \"$cmd\")\" in");
	for (size_t i = 0; i < n; i++)
		bash_command(table[i]);
	fputs("    '') words=\"", stdout);
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i ? " " : "", cmd_short_name(table[i]));
	puts("\" ;;\n"
	     "  esac; fi\n"
	     "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "}\n"
	     "complete -o default -F _navctl navctl");
}

static void zsh(void)
{
	puts("#compdef navctl\nautoload -U +X bashcompinit && bashcompinit");
	bash();
}

static void fish(void)
{
	size_t n;
	const struct cmd *const *table = cmd_table(&n);

	for (size_t i = 0; i < n; i++) {
		const char *name = cmd_short_name(table[i]);

		printf("complete -c navctl -n __fish_use_subcommand -a %s -d ", name);
		args_print_quoted(stdout, table[i]->args.summary);
		putchar('\n');
		for (size_t k = 0; k < table[i]->args.n_options; k++) {
			const struct args_option *o = &table[i]->args.options[k];

			printf("complete -c navctl -n '__fish_seen_subcommand_from %s' -l %s%s -d ", name, o->name,
			       o->value ? " -r" : "");
			args_print_quoted(stdout, o->doc);
			putchar('\n');
		}
	}
}

static int run_completion(const struct args *args, struct arena *a)
{
	const char *shell = args->n_operands ? args->operands[0] : "bash";

	(void)a;
	if (!strcmp(shell, "bash")) {
		bash();
	} else if (!strcmp(shell, "zsh")) {
		zsh();
	} else if (!strcmp(shell, "fish")) {
		fish();
	} else {
		fprintf(stderr, "navctl completion: bash, zsh or fish, not '%s'\n", shell);
		return CMD_USAGE;
	}
	return CMD_OK;
}

static int run_man(const struct args *args, struct arena *a)
{
	size_t n;
	const struct cmd *const *table = cmd_table(&n);

	(void)a;
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(cmd_short_name(table[i]), args->n_operands ? args->operands[0] : "")) {
			args_print_man(stdout, &table[i]->args);
			return CMD_OK;
		}
	}
	fprintf(stderr, "navctl man: name a command\n");
	return CMD_USAGE;
}

const struct cmd cmd_completion = {
    .args = {.name = "navctl completion",
	     .summary = "Print the completion script of a shell",
	     .operands = "[bash|zsh|fish]",
	     .max_operands = 1},
    .run = run_completion,
};

const struct cmd cmd_man = {
    .args = {.name = "navctl man",
	     .summary = "Print the manual page of a command",
	     .operands = "COMMAND",
	     .max_operands = 1},
    .run = run_man,
};
