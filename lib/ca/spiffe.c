/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/spiffe.h"

#include <stdio.h>
#include <string.h>

static bool copy(char *out, size_t size, const char *p, size_t n)
{
	if (!n || n >= size || memchr(p, '\0', n))
		return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

bool spiffe_is_domain(const char *domain)
{
	size_t n = strlen(domain);

	return n && n < SPIFFE_DOMAIN &&
	       strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == n;
}

/* As Kubernetes checks names: DNS labels joined by dots, of which only the whole has a limit. */
static bool is_name(const char *s)
{
	char last = '.';

	for (; *s; last = *s++) {
		bool word = (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9');

		if (!word && *s != '-' && *s != '.')
			return false;
		if (!word && (last == '.' || (last == '-' && *s == '.')))
			return false;
	}
	return last != '.' && last != '-';
}

static int check(const struct spiffe_id *id, struct err *e)
{
	if (!spiffe_is_domain(id->domain))
		return err_set(e, ERR_SYNTAX,
			       "the trust domain of a SPIFFE id has other characters than a-z, "
			       "0-9, '.', '-', '_'");
	if (!is_name(id->ns) || strchr(id->ns, '.'))
		return err_set(e, ERR_SYNTAX, "the namespace of a SPIFFE id is no DNS label");
	if (!is_name(id->sa))
		return err_set(e, ERR_SYNTAX, "the service account of a SPIFFE id is no DNS name");
	return 0;
}

/* The text up to the next occurrence of `mark`, or to the end when mark is NULL; moves behind the
 * mark. */
static bool take(const char **p, const char *end, const char *mark, char *out, size_t size)
{
	size_t n = mark ? strlen(mark) : 0;
	const char *stop = mark ? memmem(*p, (size_t)(end - *p), mark, n) : end;

	if (!stop || !copy(out, size, *p, (size_t)(stop - *p)))
		return false;
	*p = stop + n;
	return true;
}

int spiffe_parse(const char *text, size_t n, struct spiffe_id *out, struct err *e)
{
	static const char scheme[] = "spiffe://";
	const char *p = text, *end = text + n;
	struct spiffe_id id;

	if (n >= SPIFFE_TEXT)
		return err_set(e, ERR_SYNTAX, "longer than any SPIFFE id of a workload");
	if (n < sizeof(scheme) || memcmp(p, scheme, sizeof(scheme) - 1))
		return err_set(e, ERR_SYNTAX, "not a SPIFFE id");
	p += sizeof(scheme) - 1;
	if (!take(&p, end, "/ns/", id.domain, sizeof(id.domain)) ||
	    !take(&p, end, "/sa/", id.ns, sizeof(id.ns)) ||
	    !take(&p, end, NULL, id.sa, sizeof(id.sa)))
		return err_set(
		    e, ERR_SYNTAX,
		    "not of the form spiffe://<trust domain>/ns/<namespace>/sa/<service account>");
	if (check(&id, e))
		return -1;
	*out = id;
	return 0;
}

int spiffe_make(const char *domain, const char *ns, const char *sa, struct spiffe_id *out,
		struct err *e)
{
	struct spiffe_id id;

	if (!copy(id.domain, sizeof(id.domain), domain, strlen(domain)) ||
	    !copy(id.ns, sizeof(id.ns), ns, strlen(ns)) ||
	    !copy(id.sa, sizeof(id.sa), sa, strlen(sa)))
		return err_set(e, ERR_SYNTAX, "a part of the identity is empty or too long");
	if (check(&id, e))
		return -1;
	*out = id;
	return 0;
}

char *spiffe_print(const struct spiffe_id *id, char out[SPIFFE_TEXT])
{
	snprintf(out, SPIFFE_TEXT, "spiffe://%s/ns/%s/sa/%s", id->domain, id->ns, id->sa);
	return out;
}

bool spiffe_equal(const struct spiffe_id *a, const struct spiffe_id *b)
{
	return !strcmp(a->domain, b->domain) && !strcmp(a->ns, b->ns) && !strcmp(a->sa, b->sa);
}
