/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <string.h>

static const char alphabets[2][65] = {
    [BASE64_PLAIN] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static int digit(enum base64_form form, char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == alphabets[form][62])
		return 62;
	return c == alphabets[form][63] ? 63 : -1;
}

/* Without padding. The characters of a last, shorter group have bits left over, which must be 0. */
static ssize_t decode(enum base64_form form, const char *text, size_t n, uint8_t *out)
{
	uint32_t bits = 0;
	uint8_t *o = out;

	if (n % 4 == 1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int d = digit(form, text[i]);

		if (d < 0)
			return -1;
		bits = bits << 6 | (uint32_t)d;
		if (i % 4)
			*o++ = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	if ((n % 4 == 2 && bits & 15) || (n % 4 == 3 && bits & 3))
		return -1;
	return o - out;
}

ssize_t base64_decode(enum base64_form form, const char *text, size_t n, uint8_t *out)
{
	if (form == BASE64_PLAIN) {
		if (n % 4)
			return -1;
		if (n && text[n - 1] == '=')
			n -= text[n - 2] == '=' ? 2 : 1;
	}
	return decode(form, text, n, out);
}

size_t base64_encode(enum base64_form form, const uint8_t *p, size_t n, char *out)
{
	const char *alphabet = alphabets[form];
	char *o = out;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);

		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		if (left > 1)
			*o++ = alphabet[v >> 6 & 63];
		else if (form == BASE64_PLAIN)
			*o++ = '=';
		if (left > 2)
			*o++ = alphabet[v & 63];
		else if (form == BASE64_PLAIN)
			*o++ = '=';
	}
	return (size_t)(o - out);
}
