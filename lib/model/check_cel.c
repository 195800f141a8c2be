/* SPDX-License-Identifier: Apache-2.0
 *
 * The syntax of CEL expressions (cel-spec, Syntax), as filters of access logs are. Operators of every
 * precedence are one rule here: what binds how does not change what is well-formed.
 */
#include <ctype.h>
#include <string.h>

#include "base/must.h"
#include "model/check_int.h"

enum { DEPTH_MAX = 100 };

struct cel {
	const char *p;
	int depth;
	const char *why;
};

static bool parse_expr(struct cel *c);

static bool fail(struct cel *c, const char *why)
{
	if (!c->why)
		c->why = why;
	return false;
}

static void skip_space(struct cel *c)
{
	for (;;) {
		c->p += strspn(c->p, " \t\r\n\f");
		if (strncmp(c->p, "//", 2) != 0)
			return;
		c->p += strcspn(c->p, "\n");
	}
}

static bool accept(struct cel *c, const char *token)
{
	size_t n = strlen(token);

	skip_space(c);
	if (strncmp(c->p, token, n) != 0)
		return false;
	c->p += n;
	return true;
}

static bool is_word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

/* The word that stands here; 0: none. */
static size_t word_length(struct cel *c)
{
	size_t n = 0;

	skip_space(c);
	if (isdigit((unsigned char)*c->p))
		return 0;
	while (is_word(c->p[n]))
		n++;
	return n;
}

static bool parse_ident(struct cel *c)
{
	size_t n = word_length(c);

	if (!n)
		return fail(c, "a name is missing");
	c->p += n;
	return true;
}

/* c->p is at a quote. */
static bool parse_string(struct cel *c, bool raw)
{
	char quote = *c->p, triple[4] = {quote, quote, quote, 0};
	bool is_triple = !strncmp(c->p, triple, 3);

	c->p += is_triple ? 3 : 1;
	while (*c->p) {
		if (*c->p == '\\' && !raw) {
			if (!c->p[1] || !strchr("abfnrtv\\?\"'`xXuU01234567", c->p[1]))
				return fail(c, "an escape sequence is not valid");
			c->p += 2;
		} else if (is_triple ? !strncmp(c->p, triple, 3) : *c->p == quote) {
			c->p += is_triple ? 3 : 1;
			return true;
		} else if (!is_triple && (*c->p == '\n' || *c->p == '\r')) {
			break;
		} else {
			c->p++;
		}
	}
	return fail(c, "a text does not end");
}

static bool parse_number(struct cel *c)
{
	if (c->p[0] == '0' && (c->p[1] == 'x' || c->p[1] == 'X')) {
		size_t n = strspn(c->p + 2, "0123456789abcdefABCDEF");

		if (!n)
			return fail(c, "a number has no digits");
		c->p += 2 + n;
	} else {
		c->p += strspn(c->p, "0123456789");
		if (*c->p == '.' && isdigit((unsigned char)c->p[1]))
			c->p += 1 + strspn(c->p + 1, "0123456789");
		if (*c->p == 'e' || *c->p == 'E') {
			c->p += 1 + (c->p[1] == '+' || c->p[1] == '-');
			if (!isdigit((unsigned char)*c->p))
				return fail(c, "an exponent has no digits");
			c->p += strspn(c->p, "0123456789");
		}
	}
	if (*c->p == 'u' || *c->p == 'U')
		c->p++;
	return is_word(*c->p) ? fail(c, "a number is not valid") : true;
}

/* Elements up to `close`; map: "key: value"; a comma may stand behind the last one. */
static bool parse_list(struct cel *c, const char *close, bool map)
{
	while (!accept(c, close)) {
		if (!parse_expr(c))
			return false;
		if (map && (!accept(c, ":") || !parse_expr(c)))
			return fail(c, "a value is missing");
		if (accept(c, ","))
			continue;
		return accept(c, close) ? true : fail(c, "a bracket is not closed");
	}
	return true;
}

/* A text with its prefixes r, b, rb, br; 0: there is none. */
static size_t string_prefix(const char *p, bool *raw)
{
	size_t n = strspn(p, "rRbB");

	if (n > 2 || (p[n] != '"' && p[n] != '\''))
		return (size_t)-1;
	*raw = strcspn(p, "rR") < n;
	return n;
}

static bool parse_primary(struct cel *c)
{
	size_t prefix;
	bool raw = false;

	skip_space(c);
	prefix = string_prefix(c->p, &raw);
	if (prefix != (size_t)-1) {
		c->p += prefix;
		return parse_string(c, raw);
	}
	if (isdigit((unsigned char)*c->p) || (*c->p == '.' && isdigit((unsigned char)c->p[1])))
		return parse_number(c);
	if (accept(c, "(")) {
		return parse_expr(c) && (accept(c, ")") || fail(c, "a bracket is not closed"));
	}
	if (accept(c, "["))
		return parse_list(c, "]", false);
	if (accept(c, "{"))
		return parse_list(c, "}", true);
	accept(c, ".");
	return parse_ident(c);
}

static bool parse_member(struct cel *c)
{
	if (!parse_primary(c))
		return false;
	for (;;) {
		if (accept(c, ".")) {
			if (!parse_ident(c))
				return false;
		} else if (accept(c, "[")) {
			if (!parse_expr(c) || !accept(c, "]"))
				return fail(c, "a bracket is not closed");
		} else if (accept(c, "(")) {
			if (!parse_list(c, ")", false))
				return false;
		} else if (accept(c, "{")) {
			if (!parse_list(c, "}", true))
				return false;
		} else {
			return true;
		}
	}
}

static bool accept_operator(struct cel *c)
{
	static const char *const ops[] = {"||", "&&", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%"};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (accept(c, ops[i]))
			return true;
	if (word_length(c) != 2 || strncmp(c->p, "in", 2) != 0)
		return false;
	c->p += 2;
	return true;
}

static bool parse_operands(struct cel *c)
{
	do {
		while (accept(c, "!") || accept(c, "-"))
			;
		if (!parse_member(c))
			return false;
	} while (accept_operator(c));
	return true;
}

static bool parse_expr(struct cel *c)
{
	bool ok;

	if (c->depth >= DEPTH_MAX)
		return fail(c, "it is nested too deeply");
	c->depth++;
	ok = parse_operands(c);
	if (ok && accept(c, "?"))
		ok = parse_expr(c) && (accept(c, ":") || fail(c, "':' is missing")) && parse_expr(c);
	c->depth--;
	return ok;
}

const char *wrong_cel(const char *s)
{
	struct cel c = {.p = s};

	if (!parse_expr(&c))
		return c.why;
	skip_space(&c);
	return *c.p ? "something stands behind its end" : NULL;
}
