/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/issued.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"

enum { WORDS = 8 };

int issued_print(const struct issued *i, char out[ISSUED_LINE])
{
	char id[SPIFFE_TEXT], now[SCALAR_TIME], until[SCALAR_TIME], serial[2 * TBS_SERIAL + 1];
	int n;

	for (size_t k = 0; k < TBS_SERIAL; k++)
		snprintf(serial + 2 * k, 3, "%02x", i->serial[k]);
	n = snprintf(out, ISSUED_LINE, "%s %s %s %s %s %s %llu %s\n", scalar_time_print(i->issued_s, now), serial,
		     spiffe_print(&i->id, id), i->how, scalar_time_print(i->until_s, until), *i->root ? i->root : "-",
		     (unsigned long long)i->bundle, *i->host ? i->host : "-");
	must(n > 0 && n < ISSUED_LINE);
	return n;
}

struct word {
	const char *p;
	size_t n;
};

static size_t split(const char *text, size_t n, struct word out[WORDS])
{
	size_t words = 0;

	for (size_t i = 0; i < n && words < WORDS; words++) {
		const char *space = memchr(text + i, ' ', n - i);

		out[words] = (struct word){text + i, space ? (size_t)(space - text) - i : n - i};
		i += out[words].n + 1;
	}
	return words;
}

static bool copy_word(struct word w, char *out, size_t size)
{
	if (!w.n || w.n >= size)
		return false;
	memcpy(out, w.p, w.n);
	out[w.n] = '\0';
	return true;
}

static bool read_time(struct word w, int64_t *seconds)
{
	char text[40];
	int64_t ns;

	if (!copy_word(w, text, sizeof(text)) || scalar_time_ns(text, &ns))
		return false;
	*seconds = ns / 1000000000;
	return true;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_serial(struct word w, uint8_t out[TBS_SERIAL])
{
	if (w.n != (size_t)2 * TBS_SERIAL)
		return false;
	for (size_t i = 0; i < TBS_SERIAL; i++) {
		int hi = digit(w.p[2 * i]), lo = digit(w.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

static bool read_number(struct word w, uint64_t *out)
{
	char text[24];
	int64_t value;

	if (!copy_word(w, text, sizeof(text)) || scalar_int(text, 0, INT64_MAX, &value))
		return false;
	*out = (uint64_t)value;
	return true;
}

int issued_parse(const char *text, size_t n, struct issued *out, struct err *e)
{
	struct word w[WORDS];
	struct issued i = {0};

	if (split(text, n, w) != WORDS || !read_time(w[0], &i.issued_s) || !read_serial(w[1], i.serial) ||
	    spiffe_parse(w[2].p, w[2].n, &i.id, e) || !copy_word(w[3], i.how, sizeof(i.how)) || !read_time(w[4], &i.until_s) ||
	    !copy_word(w[5], i.root, sizeof(i.root)) || !read_number(w[6], &i.bundle) || !copy_word(w[7], i.host, sizeof(i.host)))
		return err_set(e, ERR_SYNTAX, "no line of the log of certificates");
	*out = i;
	return 0;
}

char *issued_holder(const struct spiffe_id *id, const char *host, char out[ISSUED_HOLDER])
{
	snprintf(out, ISSUED_HOLDER, "%s/%s@%s", id->ns, id->sa, host);
	return out;
}
