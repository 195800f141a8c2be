/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms of texts in the Gateway API: the patterns and lengths of its CRDs.
 */
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/check_gwapi_int.h"

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"

/* n characters of a set, the first and the last of them of another. */
static bool is_run(const char *s, size_t n, const char *all, const char *ends)
{
	return n && strspn(s, all) >= n && strchr(ends, s[0]) && strchr(ends, s[n - 1]);
}

/* Parts between dots, of which only the whole is bounded. */
static bool is_domain(const char *s, size_t n)
{
	for (;;) {
		size_t part = strcspn(s, ".");

		if (part > n)
			part = n;
		if (!is_run(s, part, LOWER DIGITS "-", LOWER DIGITS))
			return false;
		if (part == n)
			return true;
		s += part + 1;
		n -= part + 1;
	}
}

static bool is_host(const char *s)
{
	return is_domain(s, strlen(s));
}

static bool is_wildcard_host(const char *s)
{
	return is_host(strncmp(s, "*.", 2) ? s : s + 2);
}

static bool is_group(const char *s)
{
	return !*s || is_host(s);
}

static bool is_kind(const char *s)
{
	return is_run(s, strlen(s), LOWER UPPER DIGITS "-", LOWER UPPER DIGITS) && !strchr(DIGITS, s[0]);
}

static bool is_namespace(const char *s)
{
	return is_run(s, strlen(s), LOWER DIGITS "-", LOWER DIGITS);
}

static bool is_token(const char *s)
{
	return *s && !s[strspn(s, LOWER UPPER DIGITS "!#$%&'*+-.^_`|~")];
}

/* Visible characters, and single blanks between them. */
static bool is_header_value(const char *s)
{
	bool blank = true;

	for (; *s; s++) {
		bool is_blank = *s == ' ' || *s == '\t';

		if ((!is_blank && (*s < '!' || *s > '~')) || (is_blank && blank))
			return false;
		blank = is_blank;
	}
	return !blank;
}

/* One to four numbers, each with its unit. */
static bool is_duration(const char *s)
{
	size_t parts = 0;

	for (; *s; parts++) {
		size_t digits = strspn(s, DIGITS);

		if (!digits || digits > 5)
			return false;
		s += digits;
		if (!strncmp(s, "ms", 2))
			s += 2;
		else if (*s && strchr("hms", *s))
			s++;
		else
			return false;
	}
	return parts >= 1 && parts <= 4;
}

/* scheme://host[:port], where the host, or its first label, may be "*". */
static bool is_origin(const char *s)
{
	size_t n;

	if (!strcmp(s, "*"))
		return true;
	if (!strncmp(s, "http://", 7))
		s += 7;
	else if (!strncmp(s, "https://", 8))
		s += 8;
	else
		return false;
	n = strcspn(s, ":");
	if (s[n] && (strspn(s + n + 1, DIGITS) != strlen(s + n + 1) || !s[n + 1] || strlen(s + n + 1) > 5))
		return false;
	if (n == 1 && *s == '*')
		return true;
	if (!strncmp(s, "*.", 2)) {
		s += 2;
		n -= 2;
	}
	for (;;) {
		size_t part = strcspn(s, ".:");

		if (!part || strspn(s, LOWER UPPER DIGITS "-") < part)
			return false;
		if (part >= n)
			return true;
		s += part + 1;
		n -= part + 1;
	}
}

static bool is_cors_method(const char *s)
{
	int v;

	return !strcmp(s, "*") || !enum_find(&enum_desc_gwapi_method, s, &v);
}

static bool is_url_path(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s == '%') {
			if (strspn(s + 1, "0123456789abcdefABCDEF") < 2)
				return false;
			s += 2;
		} else if (!strchr(LOWER UPPER DIGITS "-/._~!$&'()*+,;=:@", *s)) {
			return false;
		}
	}
	return true;
}

static bool is_domain_and(const char *s, const char *rest)
{
	size_t n = strcspn(s, "/");

	return s[n] && s[n + 1] && is_domain(s, n) && !s[n + 1 + strspn(s + n + 1, rest)];
}

static bool is_domain_path(const char *s)
{
	return is_domain_and(s, LOWER UPPER DIGITS "/-._~%!$&'()*+,;=:");
}

static bool is_protocol(const char *s)
{
	return is_run(s, strlen(s), LOWER UPPER DIGITS "-", LOWER UPPER DIGITS) || is_domain_and(s, LOWER UPPER DIGITS);
}

static bool is_address_type(const char *s)
{
	return !strcmp(s, "IPAddress") || !strcmp(s, "Hostname") || !strcmp(s, "NamedAddress") || is_domain_path(s);
}

static bool is_authorities(const char *s)
{
	const char *slash = strchr(s, '/');

	if (!slash)
		return !strcmp(s, "System");
	return is_domain(s, (size_t)(slash - s)) && strlen(slash + 1) <= 63 &&
	       is_run(slash + 1, strlen(slash + 1), LOWER UPPER DIGITS "-_.", LOWER UPPER DIGITS);
}

/* scheme://anything */
static bool is_uri(const char *s)
{
	size_t n = strcspn(s, ":/?#");

	return n && !strncmp(s + n, "://", 3);
}

static const struct {
	size_t min, max;
	bool (*fits)(const char *s);	/* NULL: anything of that length */
	const char *says;
} forms[] = {
	[FORM_ANY] = {0, SIZE_MAX, NULL, "text"},
	[FORM_NAME] = {1, 253, NULL, "name of 1 to 253 characters"},
	[FORM_GROUP] = {0, 253, is_group, "API group: a domain in lower case, or empty"},
	[FORM_KIND] = {1, 63, is_kind, "kind: letters, digits and '-', 63 at most"},
	[FORM_NAMESPACE] = {1, 63, is_namespace, "namespace: lower-case letters, digits and '-'"},
	[FORM_SECTION] = {1, 253, is_host, "name: lower-case letters, digits, '-' and '.'"},
	[FORM_HOST] = {1, 253, is_host, "host: lower-case letters, digits, '-' and '.', no wildcard"},
	[FORM_WILDCARD_HOST] = {1, 253, is_wildcard_host,
				"host: lower-case letters, digits, '-' and '.', with an optional leading \"*.\""},
	[FORM_HEADER_NAME] = {1, 256, is_token, "name: letters, digits and !#$%&'*+-.^_`|~"},
	[FORM_HEADER_VALUE] = {1, 4096, is_header_value, "value of a header: visible characters with single blanks between"},
	[FORM_DURATION] = {0, SIZE_MAX, is_duration, "duration: 1 to 4 whole numbers with h, m, s or ms"},
	[FORM_ORIGIN] = {1, 253, is_origin, "origin: http(s)://host[:port], where \"*\" may stand for the host or begin it"},
	[FORM_CORS_METHOD] = {0, SIZE_MAX, is_cors_method, "HTTP method or \"*\""},
	[FORM_URL_PATH] = {0, 1024, is_url_path, "path of a URL"},
	[FORM_DOMAIN_PATH] = {1, 253, is_domain_path, "domain/path"},
	[FORM_PROTOCOL] = {1, 255, is_protocol, "protocol: a word, or domain/word"},
	[FORM_ADDRESS_TYPE] = {1, 253, is_address_type, "type of an address: IPAddress, Hostname, NamedAddress or domain/path"},
	[FORM_AUTHORITIES] = {1, 253, is_authorities, "set of authorities: System, or domain/name"},
	[FORM_URI] = {1, 253, is_uri, "URI: scheme://..."},
};

bool form_fits(enum form form, const char *text)
{
	size_t n = strlen(text);

	must((size_t)form < ARRAY_LEN(forms));
	return n >= forms[form].min && n <= forms[form].max && (!forms[form].fits || forms[form].fits(text));
}

const char *form_says(enum form form)
{
	must((size_t)form < ARRAY_LEN(forms));
	return forms[form].says;
}
