/* SPDX-License-Identifier: Apache-2.0 */
#include "node/yaml_scalar.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { NUMBER_MAX = 400 };	/* longer digits stay text */

static const struct word {
	const char *text;
	enum node_kind kind;
	bool boolean;
} words[] = {
    {"y", NODE_BOOL, true},	 {"Y", NODE_BOOL, true},      {"yes", NODE_BOOL, true},
    {"Yes", NODE_BOOL, true},	 {"YES", NODE_BOOL, true},    {"true", NODE_BOOL, true},
    {"True", NODE_BOOL, true},	 {"TRUE", NODE_BOOL, true},   {"on", NODE_BOOL, true},
    {"On", NODE_BOOL, true},	 {"ON", NODE_BOOL, true},     {"n", NODE_BOOL, false},
    {"N", NODE_BOOL, false},	 {"no", NODE_BOOL, false},    {"No", NODE_BOOL, false},
    {"NO", NODE_BOOL, false},	 {"false", NODE_BOOL, false}, {"False", NODE_BOOL, false},
    {"FALSE", NODE_BOOL, false}, {"off", NODE_BOOL, false},   {"Off", NODE_BOOL, false},
    {"OFF", NODE_BOOL, false},	 {"~", NODE_NULL, false},     {"null", NODE_NULL, false},
    {"Null", NODE_NULL, false},	 {"NULL", NODE_NULL, false},
};

static const struct word *find_word(const char *text, size_t n)
{
	if (n > 5)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strncmp(words[i].text, text, n) && !words[i].text[n])
			return &words[i];
	}
	return NULL;
}

static bool is_infinite(const char *s, size_t n)
{
	static const char *const texts[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF",
					    "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (strlen(texts[i]) == n && !memcmp(texts[i], s, n))
			return true;
	}
	return false;
}

/* An integer in the manner of Go's ParseInt with base 0, without its '_': decimal, 0x, 0o, 0b, or
 * octal behind a leading 0. Decimal integers of any length are numbers too (Go: as floats). */
static bool put_integer(const char *s, size_t n, struct arena *a, struct node *out)
{
	bool negative = *s == '-';
	const char *p = s + (*s == '-' || *s == '+');
	int base = 10;
	uint64_t v;
	char *end;

	if (!n || !*p)
		return false;
	if (p[0] == '0' && p[1]) {
		int c = p[1] | 0x20;

		base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
		p += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
	}
	if (!*p || strspn(p, base == 16 ? "0123456789abcdefABCDEF" : base == 10 ? "0123456789"
			  : base == 8 ? "01234567" : "01") != strlen(p))
		return false;
	errno = 0;
	v = strtoull(p, &end, base);
	if (errno) {
		if (base != 10)
			return false;
		out->text = arena_printf(a, "%s%s", negative ? "-" : "", p);
	} else {
		out->text = arena_printf(a, "%s%llu", negative && v ? "-" : "", (unsigned long long)v);
	}
	out->kind = NODE_NUMBER;
	out->n = strlen(out->text);
	return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *s)
{
	size_t whole, fraction = 0;

	s += *s == '-' || *s == '+';
	whole = strspn(s, "0123456789");
	s += whole;
	if (*s == '.') {
		fraction = strspn(++s, "0123456789");
		s += fraction;
	}
	if (!whole && !fraction)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		if (!strspn(s, "0123456789"))
			return false;
		s += strspn(s, "0123456789");
	}
	return !*s;
}

/* As JSON writes it: a digit before and behind the point, no plus, no leading zeros. */
static void put_float(const char *s, struct arena *a, struct node *out)
{
	const char *sign = *s == '-' ? "-" : "", *dot, *exponent;
	size_t whole, fraction;

	s += *s == '-' || *s == '+';
	while (s[0] == '0' && s[1] >= '0' && s[1] <= '9')
		s++;
	whole = strspn(s, "0123456789");
	dot = s + whole;
	fraction = *dot == '.' ? strspn(dot + 1, "0123456789") : 0;
	exponent = *dot == '.' ? dot + 1 + fraction : dot;
	out->text = arena_printf(a, "%s%.*s%s%.*s%s", sign, whole ? (int)whole : 1, whole ? s : "0",
				 fraction ? "." : "", (int)fraction, fraction ? dot + 1 : "", exponent);
	out->kind = NODE_NUMBER;
	out->n = strlen(out->text);
}

bool yaml_scalar_plain(const char *text, size_t n, struct arena *a, struct node *out)
{
	const struct word *w;
	char digits[NUMBER_MAX + 1];
	size_t k = 0;

	if (!n) {
		out->kind = NODE_NULL;
		return true;
	}
	if (strchr("yYnNtTfFoO~", *text)) {
		w = find_word(text, n);
		if (w) {
			out->kind = w->kind;
			out->boolean = w->boolean;
			return true;
		}
	} else if (strchr("+-.0123456789", *text) && n <= NUMBER_MAX) {
		if (is_infinite(text, n))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (text[i] != '_')
				digits[k++] = text[i];
		}
		digits[k] = '\0';
		if (put_integer(digits, k, a, out))
			return true;
		if (is_float(digits)) {
			put_float(digits, a, out);
			return true;
		}
	}
	out->kind = NODE_STRING;
	out->n = n;
	out->text = arena_strndup(a, text, n);
	return true;
}
