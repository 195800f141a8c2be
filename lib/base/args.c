/* SPDX-License-Identifier: Apache-2.0 */
#include "base/args.h"

#include <string.h>

#include "base/must.h"

static const struct args_option help_option = {"help", 'h', NULL, "Print this help."};

static const struct args_option *find_name(const struct args_command *c, const char *name, size_t n)
{
	for (size_t i = 0; i < c->n_options; i++) {
		if (strlen(c->options[i].name) == n && !memcmp(c->options[i].name, name, n))
			return &c->options[i];
	}
	return n == 4 && !memcmp(name, "help", 4) ? &help_option : NULL;
}

static const struct args_option *find_letter(const struct args_command *c, char letter)
{
	for (size_t i = 0; i < c->n_options; i++) {
		if (c->options[i].letter == letter)
			return &c->options[i];
	}
	return letter == 'h' ? &help_option : NULL;
}

/* "json|table" lists the words that a value may be; other forms ("FILE") allow anything. */
static bool value_allowed(const struct args_option *o, const char *value)
{
	size_t n = strlen(value);

	if (!strchr(o->value, '|'))
		return true;
	for (const char *w = o->value; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL) {
		if (!strncmp(w, value, n) && (w[n] == '|' || w[n] == '\0'))
			return true;
	}
	return false;
}

static int add(struct args *out, const struct args_option *o, const char *value, struct err *e)
{
	if (o == &help_option) {
		out->help = true;
		return 0;
	}
	if (o->value && !value_allowed(o, value))
		return err_set(e, ERR_SYNTAX, "--%s is one of %s, not '%s'", o->name, o->value,
			       value);
	out->given[out->n_given].option = o;
	out->given[out->n_given++].value = value;
	return 0;
}

/* One word that begins with '-'; *i is moved over a value in the next word. */
static int parse_option(const struct args_command *c, int argc, char *const *argv, int *i,
			struct args *out, struct err *e)
{
	const char *word = argv[*i], *equals = strchr(word, '='), *value = NULL;
	bool is_long = word[1] == '-';
	const struct args_option *o;

	if (is_long)
		o = find_name(c, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
	else
		o = find_letter(c, word[1]);
	if (!o)
		return err_set(e, ERR_SYNTAX, "unknown option '%s'; see '%s --help'", word,
			       c->name);
	if (is_long && equals)
		value = equals + 1;
	else if (!is_long && word[2])
		value = word + 2;
	if (!o->value) {
		if (value)
			return err_set(e, ERR_SYNTAX, "--%s takes no value", o->name);
		return add(out, o, "", e);
	}
	if (!value && ++*i < argc)
		value = argv[*i];
	if (!value)
		return err_set(e, ERR_SYNTAX, "--%s needs a value: %s", o->name, o->value);
	return add(out, o, value, e);
}

int args_parse(const struct args_command *c, int argc, char *const *argv, struct arena *a,
	       struct args *out, struct err *e)
{
	bool options = true;

	*out = (struct args){.command = c};
	out->given = arena_alloc_n(a, (size_t)argc + 1, sizeof(*out->given));
	out->operands = arena_array(a, const char *, (size_t)argc + 1);
	for (int i = 0; i < argc; i++) {
		if (options && !strcmp(argv[i], "--")) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1]) {
			if (parse_option(c, argc, argv, &i, out, e))
				return -1;
		} else if (out->n_operands == c->max_operands) {
			return err_set(e, ERR_SYNTAX, "unexpected '%s'; see '%s --help'", argv[i],
				       c->name);
		} else {
			out->operands[out->n_operands++] = argv[i];
		}
	}
	return 0;
}

const char *args_get(const struct args *args, const char *option)
{
	for (size_t i = args->n_given; i-- > 0;) {
		if (!strcmp(args->given[i].option->name, option))
			return args->given[i].value;
	}
	return NULL;
}

bool args_has(const struct args *args, const char *option)
{
	return args_get(args, option) != NULL;
}

size_t args_all(const struct args *args, const char *option, const char ***values, struct arena *a)
{
	size_t n = 0;

	*values = arena_array(a, const char *, args->n_given + 1);
	for (size_t i = 0; i < args->n_given; i++) {
		if (!strcmp(args->given[i].option->name, option))
			(*values)[n++] = args->given[i].value;
	}
	return n;
}

static void print_option(FILE *out, const struct args_option *o)
{
	char left[80];

	snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", o->letter ? '-' : ' ',
		 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->value ? " " : "",
		 o->value ? o->value : "");
	if (strlen(left) > 34)
		fprintf(out, "%s\n%-36s%s\n", left, "", o->doc);
	else
		fprintf(out, "%-36s%s\n", left, o->doc);
}

void args_print_help(FILE *out, const struct args_command *c)
{
	fprintf(out, "usage: %s [options]%s%s\n\n%s\n\noptions:\n", c->name,
		*c->operands ? " " : "", c->operands, c->summary);
	for (size_t i = 0; i < c->n_options; i++)
		print_option(out, &c->options[i]);
	print_option(out, &help_option);
	if (c->text && *c->text)
		fprintf(out, "\n%s\n", c->text);
}

/* roff reads '\' and a leading '.' or '\'' as its own. */
static void print_roff(FILE *out, const char *s)
{
	bool line_start = true;

	for (; *s; s++) {
		if (line_start && (*s == '.' || *s == '\''))
			fputs("\\&", out);
		if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '-')
			fputs("\\-", out);
		else
			fputc(*s, out);
		line_start = *s == '\n';
	}
}

void args_print_man(FILE *out, const struct args_command *c)
{
	char page[80];

	snprintf(page, sizeof(page), "%s", c->name);
	for (char *p = page; *p; p++)
		*p = *p == ' ' ? '-' : *p;
	fprintf(out, ".TH %s 1\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n[options] ", page, page,
		c->summary, c->name);
	print_roff(out, c->operands);
	fputs("\n.SH OPTIONS\n", out);
	for (size_t i = 0; i < c->n_options; i++) {
		const struct args_option *o = &c->options[i];

		fputs(".TP\n.B ", out);
		if (o->letter)
			fprintf(out, "\\-%c, ", o->letter);
		fputs("\\-\\-", out);
		print_roff(out, o->name);
		if (o->value)
			fprintf(out, " \\fI%s\\fR", o->value);
		fputc('\n', out);
		print_roff(out, o->doc);
		fputc('\n', out);
	}
	if (c->text && *c->text) {
		fputs(".SH DESCRIPTION\n", out);
		print_roff(out, c->text);
		fputc('\n', out);
	}
}
