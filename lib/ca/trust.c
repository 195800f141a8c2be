/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/trust.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "ca/cert.h"

int trust_init(struct trust *t, const char *domain, const char *const *aliases, size_t n,
	       struct err *e)
{
	if (!spiffe_is_domain(domain))
		return err_set(e, ERR_SYNTAX, "\"%.100s\" is no trust domain", domain);
	for (size_t i = 0; i < n; i++)
		if (!spiffe_is_domain(aliases[i]))
			return err_set(e, ERR_SYNTAX, "\"%.100s\" is no trust domain", aliases[i]);
	*t = (struct trust){.domain = domain, .aliases = aliases, .n_aliases = n};
	return 0;
}

bool trust_accepts(const struct trust *t, const char *domain)
{
	if (!strcmp(t->domain, domain))
		return true;
	for (size_t i = 0; i < t->n_aliases; i++)
		if (!strcmp(t->aliases[i], domain))
			return true;
	return false;
}

static int add(const struct certs *from, struct arena *a, const char **out, struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		const char *text = cert_print(from->v[i], a);

		if (X509_check_ca(from->v[i]) != 1)
			return err_set(e, ERR_REFUSED, "certificate %zu is not that of a CA",
				       i + 1);
		if (!strstr(*out, text))
			*out = arena_printf(a, "%s%s", *out, text);
	}
	return 0;
}

int trust_join_roots(const char *const *pems, size_t n, struct arena *a, const char **out,
		     struct err *e)
{
	*out = "";
	for (size_t i = 0; i < n; i++) {
		struct certs certs;
		int status;

		if (certs_parse(pems[i], strlen(pems[i]), false, &certs, e))
			return -1;
		status = add(&certs, a, out, e);
		certs_fini(&certs);
		if (status)
			return -1;
	}
	return 0;
}
