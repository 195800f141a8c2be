/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/pem.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"

enum { LABEL_MAX = 40, LINE = 64 };

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "-----BEGIN <label>-----" alone on its line. */
static const char *find_line(const char *p, const char *end, const char *line)
{
	size_t n = strlen(line);

	for (const char *s = p; (size_t)(end - s) >= n; s++) {
		s = memmem(s, (size_t)(end - s), line, n);
		if (!s)
			return NULL;
		if ((s == p || s[-1] == '\n') && (s + n == end || s[n] == '\r' || s[n] == '\n'))
			return s;
	}
	return NULL;
}

static int decode_body(const char *p, const char *end, size_t max, struct arena *a, struct der *out,
		       struct err *e)
{
	size_t n = 0;
	uint8_t *bytes;
	ssize_t got;
	char *text;

	if ((size_t)(end - p) > BASE64_SIZE(max) / 32 * 33 + 64)
		return err_set(e, ERR_LIMIT, "a PEM block of more than %zu bytes", max);
	text = arena_alloc_raw(a, (size_t)(end - p) + 1);
	for (; p < end; p++)
		if (!is_space(*p))
			text[n++] = *p;
	bytes = arena_alloc_raw(a, n / 4 * 3 + 3);
	got = base64_decode(BASE64_PLAIN, text, n, bytes);
	if (got < 0)
		return err_set(e, ERR_SYNTAX, "a PEM block that is no base64");
	if (!got)
		return err_set(e, ERR_SYNTAX, "an empty PEM block");
	if ((size_t)got > max)
		return err_set(e, ERR_LIMIT, "a PEM block of more than %zu bytes", max);
	*out = (struct der){bytes, (size_t)got};
	return 0;
}

int pem_next(const char **p, const char *end, const char *label, size_t max, struct arena *a,
	     struct pem_block *out, struct err *e)
{
	char begin[LABEL_MAX + 20], finish[LABEL_MAX + 20];
	const char *from, *to, *body;

	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	snprintf(finish, sizeof(finish), "-----END %s-----", label);
	from = find_line(*p, end, begin);
	if (!from)
		return 0;
	body = from + strlen(begin);
	to = find_line(body, end, finish);
	if (!to)
		return err_set(e, ERR_SYNTAX, "a PEM block \"%s\" without its end", label);
	if (decode_body(body, to, max, a, &out->der, e))
		return -1;
	to += strlen(finish);
	*p = to;
	out->text = from;
	out->len = (size_t)(to - from);
	return 1;
}

int pem_decode(const char *text, size_t n, const char *label, size_t max, struct arena *a,
	       struct der *out, struct err *e)
{
	const char *p = text, *end = text + n;
	struct pem_block block;
	int got;

	while (p < end && is_space(*p))
		p++;
	while (end > p && is_space(end[-1]))
		end--;
	text = p;
	got = pem_next(&p, end, label, max, a, &block, e);
	if (got < 0)
		return -1;
	if (!got || block.text != text || p != end)
		return err_set(e, ERR_SYNTAX, "not one PEM block \"%s\" and nothing else", label);
	*out = block.der;
	return 0;
}

char *pem_print(const char *label, struct der der, struct arena *a)
{
	enum { BYTES = LINE / 4 * 3 };
	char *text = arena_alloc_raw(a, 2 * (strlen(label) + 17) + BASE64_SIZE(der.n) +
					    der.n / BYTES + 2),
	     *p = text;

	p += sprintf(p, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < der.n; i += BYTES) {
		p += base64_encode(BASE64_PLAIN, der.p + i, der.n - i < BYTES ? der.n - i : BYTES,
				   p);
		*p++ = '\n';
	}
	sprintf(p, "-----END %s-----\n", label);
	return text;
}
