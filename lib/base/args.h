/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines from a table: one row an option gives the parser, the help, the man page and the
 * completion. "--name VALUE", "--name=VALUE", "-n VALUE", "-nVALUE"; "--" ends the options.
 * Thread: pure.
 */
#ifndef BASE_ARGS_H
#define BASE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct args_option {
	const char *name;		/* without dashes */
	char letter;			/* or 0 */
	const char *value;		/* "FILE", "json|table|yaml", or NULL: a switch */
	const char *doc;
};

struct args_command {
	const char *name;		/* "navctl proxy-config" */
	const char *summary;		/* one line */
	const char *operands;		/* "[clusters|listeners]", or "" */
	const char *text;		/* paragraphs for the man page */
	const struct args_option *options;
	size_t n_options;
	size_t max_operands;
};

struct args {
	const struct args_command *command;
	struct {
		const struct args_option *option;
		const char *value;	/* "" for a switch */
	} *given;
	size_t n_given;
	const char **operands;
	size_t n_operands;
	bool help;			/* --help or -h stood there; the rest may be incomplete */
};

/* argv without the program's or subcommand's name. Strings are borrowed from argv. -1 with
 * ERR_SYNTAX: unknown option, missing value, a word that is none of "a|b|c", too many operands. */
int args_parse(const struct args_command *c, int argc, char *const *argv, struct arena *a, struct args *out,
	       struct err *e);
const char *args_get(const struct args *args, const char *option);	/* last value, NULL if not given */
bool args_has(const struct args *args, const char *option);
size_t args_all(const struct args *args, const char *option, const char ***values, struct arena *a);

void args_print_help(FILE *out, const struct args_command *c);
void args_print_man(FILE *out, const struct args_command *c);	/* roff, section 1 */
/* For a program without subcommands; -1: the shell is none of bash, zsh and fish. */
int args_print_completion(FILE *out, const struct args_command *c, const char *shell);
void args_print_quoted(FILE *out, const char *text);		/* '...', as fish has it */
void args_print_choice(FILE *out, const char *choice);		/* "a|b" as words of a shell */

#endif
