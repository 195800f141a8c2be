/* SPDX-License-Identifier: Apache-2.0
 *
 * What a connection manager does to a path before routes see it: escaped slashes, RFC 3986
 * normalization, merged slashes, in this order. The query stays.
 */
#include "xds/walk_int.h"

#include <ctype.h>
#include <string.h>

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* The byte that "%XX" at p stands for, or -1. */
static int escaped_byte(const char *p, const char *end)
{
	if (end - p < 3 || p[0] != '%' || hex_digit(p[1]) < 0 || hex_digit(p[2]) < 0)
		return -1;
	return hex_digit(p[1]) * 16 + hex_digit(p[2]);
}

/* Does the path hold "%2F" or "%5C"? With out: a copy with these decoded. */
static bool has_escaped_slash(const char *p, const char *end, char *out)
{
	bool found = false;

	while (p < end) {
		int c = escaped_byte(p, end);
		bool slash = c == '/' || c == '\\';

		found = found || slash;
		if (out)
			*out++ = slash ? (char)c : *p;
		p += slash ? 3 : 1;
	}
	if (out)
		*out = '\0';
	return found;
}

static bool is_unreserved(int c)
{
	return isalnum(c) || c == '-' || c == '_' || c == '~' || c == '.';
}

/* Bytes that may not stand for themselves in a path. */
static bool must_escape(unsigned char c)
{
	return c <= ' ' || c >= 0x7f || strchr("\"<>^`{|}", c);
}

/* "\" is "/"; escapes of unreserved characters are decoded, other escapes stay. */
static char *decode_unreserved(const char *p, const char *end, struct arena *a)
{
	char *out = arena_alloc(a, (size_t)(end - p) * 3 + 1), *to = out;
	static const char digits[] = "0123456789ABCDEF";

	while (p < end) {
		int c = escaped_byte(p, end);

		if (c == 0)
			return NULL;
		if (c > 0 && is_unreserved(c)) {
			*to++ = (char)c;
			p += 3;
			continue;
		}
		if (*p != '%' && must_escape((unsigned char)*p)) {
			*to++ = '%';
			*to++ = digits[(unsigned char)*p >> 4];
			*to++ = digits[*p & 15];
		} else {
			*to++ = *p == '\\' ? '/' : *p;
		}
		p++;
	}
	return out;
}

/* Segments "." and ".." in place. */
static void remove_dots(char *path)
{
	char *to = path, *p = path;

	while (*p) {
		size_t n = 1 + strcspn(p + 1, "/");
		bool last = p[n] == '\0';

		if (n == 2 && p[1] == '.') {
			if (last)
				*to++ = '/';
		} else if (n == 3 && p[1] == '.' && p[2] == '.') {
			while (to > path && *--to != '/')
				;
			if (last)
				*to++ = '/';
		} else {
			memmove(to, p, n);
			to += n;
		}
		p += n;
	}
	*to = '\0';
}

static void merge_slashes(char *path)
{
	char *to = path;

	for (const char *p = path; *p; p++) {
		if (*p != '/' || to == path || to[-1] != '/')
			*to++ = *p;
	}
	*to = '\0';
}

const char *walk_normalize_path(struct pbread hcm, const char *path, struct arena *a, bool *redirected)
{
	enum { REJECT = 2, REDIRECT = 3, FORWARD = 4 };
	uint64_t slashes = pbread_num(hcm, "path_with_escaped_slashes_action", 0);
	size_t n = strcspn(path, "?#");
	char *plain = arena_strndup(a, path, n);

	*redirected = false;
	if (*path != '/')
		return path;
	if (slashes >= REJECT && has_escaped_slash(path, path + n, NULL)) {
		if (slashes == REJECT)
			return NULL;
		has_escaped_slash(path, path + n, plain);
		*redirected = slashes == REDIRECT;
	}
	if (pbread_num(hcm, "normalize_path", false)) {
		plain = decode_unreserved(plain, plain + strlen(plain), a);
		if (!plain)
			return NULL;
		remove_dots(plain);
	}
	if (pbread_num(hcm, "merge_slashes", false))
		merge_slashes(plain);
	return arena_printf(a, "%s%s", plain, path + n);
}
