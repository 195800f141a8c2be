/* SPDX-License-Identifier: Apache-2.0 */
#include "base/args.h"

#include <string.h>

void args_print_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	fputc('\'', out);
}

void args_print_choice(FILE *out, const char *choice)
{
	for (; *choice; choice++)
		fputc(*choice == '|' ? ' ' : *choice, out);
}

/* After an option that takes a value: its words, or, with none, whatever the shell offers: files. */
static void bash(FILE *out, const struct args_command *c)
{
	fprintf(out, "_%s() {\n  local words=\n  case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n", c->name);
	for (size_t i = 0; i < c->n_options; i++) {
		const struct args_option *o = &c->options[i];

		if (!o->value)
			continue;
		fprintf(out, "    --%s) words='", o->name);
		if (strchr(o->value, '|'))
			args_print_choice(out, o->value);
		fputs("' ;;\n", out);
	}
	fputs("    *) words='--help", out);
	for (size_t i = 0; i < c->n_options; i++)
		fprintf(out, " --%s", c->options[i].name);
	fprintf(out, "' ;;\n  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
		     "complete -o default -F _%s %s\n", c->name, c->name);
}

static void fish(FILE *out, const struct args_command *c)
{
	for (size_t i = 0; i < c->n_options; i++) {
		const struct args_option *o = &c->options[i];

		fprintf(out, "complete -c %s -l %s%s", c->name, o->name, o->value ? " -r" : "");
		if (o->letter)
			fprintf(out, " -s %c", o->letter);
		if (o->value && strchr(o->value, '|')) {
			fputs(" -f -a '", out);
			args_print_choice(out, o->value);
			fputc('\'', out);
		}
		fputs(" -d ", out);
		args_print_quoted(out, o->doc);
		fputc('\n', out);
	}
}

int args_print_completion(FILE *out, const struct args_command *c, const char *shell)
{
	if (!strcmp(shell, "zsh"))
		fprintf(out, "#compdef %s\nautoload -U +X bashcompinit && bashcompinit\n", c->name);
	if (!strcmp(shell, "bash") || !strcmp(shell, "zsh"))
		bash(out, c);
	else if (!strcmp(shell, "fish"))
		fish(out, c);
	else
		return -1;
	return 0;
}
