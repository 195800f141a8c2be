/* SPDX-License-Identifier: Apache-2.0 */
#include "model/labels.h"

#include <string.h>

#include "base/hash.h"
#include "base/scalar.h"

bool labels_equal(const struct strmap *a, const struct strmap *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].key, b->v[i].key) != 0 || strcmp(a->v[i].value, b->v[i].value) != 0)
			return false;
	return true;
}

bool labels_match(const struct strmap *selector, const struct strmap *labels)
{
	for (size_t i = 0, k = 0; i < selector->n; i++) {
		int c = 1;

		while (k < labels->n && (c = strcmp(labels->v[k].key, selector->v[i].key)) < 0)
			k++;
		if (k == labels->n || c || strcmp(labels->v[k].value, selector->v[i].value) != 0)
			return false;
	}
	return true;
}

bool labels_expression_holds(const char *key, const char *op, const struct strs *values, const struct strmap *labels)
{
	const char *value = key ? strmap_get(labels, key) : NULL;

	op = op ? op : "";
	if (!strcmp(op, "In"))
		return value && strs_has(values, value);
	if (!strcmp(op, "NotIn"))
		return !value || !strs_has(values, value);
	return !strcmp(op, "Exists") ? value != NULL : !strcmp(op, "DoesNotExist") && !value;
}

uint64_t labels_bits(const struct strmap *labels)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < labels->n; i++) {
		struct hash128 h = hash_mix_str(hash_bytes(labels->v[i].key, strlen(labels->v[i].key)), labels->v[i].value);

		bits |= UINT64_C(1) << (h.lo & 63);
	}
	return bits;
}

const char *host_resolve(const char *host, const char *ns, const char *domain, struct arena *a)
{
	if (!strchr(host, '.') && strcmp(host, "*") && *host && !scalar_is_ip(host))
		host = *domain ? arena_printf(a, "%s.%s.svc.%s", host, ns, domain) : arena_printf(a, "%s.%s", host, ns);
	return arena_lower(a, host);
}

bool host_is_wildcard(const char *host)
{
	return *host == '*';
}

static bool has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

/* "*.foo.com" does not match "foo.com", as the suffix begins with the dot. */
bool host_matches(const char *a, const char *b)
{
	bool wa = host_is_wildcard(a), wb = host_is_wildcard(b);

	if (wa && wb)
		return strlen(a) < strlen(b) ? has_suffix(b + 1, a + 1) : has_suffix(a + 1, b + 1);
	if (wa)
		return has_suffix(b, a + 1);
	if (wb)
		return has_suffix(a, b + 1);
	return !strcmp(a, b);
}

bool host_subset_of(const char *a, const char *b)
{
	bool wa = host_is_wildcard(a), wb = host_is_wildcard(b);

	if (wa && wb)
		return strlen(a) >= strlen(b) && has_suffix(a + 1, b + 1);
	if (wa)
		return false;
	if (wb)
		return has_suffix(a, b + 1);
	return !strcmp(a, b);
}

int host_compare_specific(const char *a, const char *b)
{
	bool wa = host_is_wildcard(a), wb = host_is_wildcard(b);
	size_t na = strlen(a), nb = strlen(b);

	if (wa != wb)
		return wa ? 1 : -1;
	if (na != nb)
		return na > nb ? -1 : 1;
	return strcmp(a, b);
}
