/* SPDX-License-Identifier: Apache-2.0
 *
 * Formatting into arenas. Most of what is formatted are names of texts and small numbers, hundreds of
 * thousands for one proxy: these are put together here, in a tenth of the time that printf takes to find
 * its way through a FILE. Anything else is printf's.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

enum { PIECES_MAX = 24, DIGITS_MAX = 20 };

/* Not filled with zeros first, as the build has it of all variables: that would cost more than the rest. */
#define UNINITIALIZED __attribute__((uninitialized))

struct pieces {
	struct {
		const char *p;
		size_t n;
	} v[PIECES_MAX];
	size_t n, len;
	char digits[PIECES_MAX][DIGITS_MAX];	/* by piece */
};

static void add(struct pieces *all, const char *p, size_t n)
{
	all->v[all->n].p = p;
	all->v[all->n++].n = n;
	all->len += n;
}

static void add_number(struct pieces *all, uint64_t v)
{
	char *end = all->digits[all->n] + DIGITS_MAX, *p = end;

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	add(all, p, (size_t)(end - p));
}

static void add_text(struct pieces *all, const char *s)
{
	s = s ? s : "(null)";
	add(all, s, strlen(s));
}

static void add_start(struct pieces *all, int n, const char *s)
{
	add(all, s, strnlen(s, (size_t)n));	/* negative: no limit, as in printf */
}

/* One conversion, without its "%"; its length, or 0: it is none of %s, %.*s, %u and %zu. */
static size_t convert(const char *what, va_list *ap, struct pieces *out)
{
	int n;

	if (what[0] == 's') {
		add_text(out, va_arg(*ap, const char *));
		return 1;
	}
	if (what[0] == 'u') {
		add_number(out, va_arg(*ap, unsigned));
		return 1;
	}
	if (what[0] == 'z' && what[1] == 'u') {
		add_number(out, va_arg(*ap, size_t));
		return 2;
	}
	if (strncmp(what, ".*s", 3) != 0)
		return 0;
	n = va_arg(*ap, int);
	add_start(out, n, va_arg(*ap, const char *));
	return 3;
}

/* fmt with its arguments; false: it has other conversions, or too many. */
static bool cut(const char *fmt, va_list *ap, struct pieces *out)
{
	out->n = out->len = 0;
	while (out->n + 2 <= PIECES_MAX) {
		const char *percent = strchrnul(fmt, '%');
		size_t n;

		if (percent > fmt)
			add(out, fmt, (size_t)(percent - fmt));
		if (!*percent)
			return true;
		n = convert(percent + 1, ap, out);
		if (!n)
			return false;
		fmt = percent + 1 + n;
	}
	return false;
}

static char *join(struct arena *a, const struct pieces *all)
{
	char *s = arena_alloc_raw(a, all->len + 1), *p = s;

	for (size_t i = 0; i < all->n; i++)
		p = mempcpy(p, all->v[i].p, all->v[i].n);
	*p = '\0';
	return s;
}

static char *print(struct arena *a, const char *fmt, va_list ap)
{
	char small[256], *s;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	must(n >= 0);
	if ((size_t)n < sizeof(small)) {
		s = arena_strndup(a, small, (size_t)n);
	} else {
		s = arena_alloc(a, (size_t)n + 1);
		vsnprintf(s, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	return s;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	struct pieces pieces UNINITIALIZED;
	va_list first;
	bool simple;

	va_copy(first, ap);
	simple = cut(fmt, &first, &pieces);
	va_end(first);
	return simple ? join(a, &pieces) : print(a, fmt, ap);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}
