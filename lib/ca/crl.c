/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/crl.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ca/cert.h"
#include "ca/pem.h"

static const char label[] = "X509 CRL";

struct list {
	X509_CRL *crl;
	const char *text; /* its block */
	size_t len;
};

struct lists {
	struct list v[CRL_LISTS_MAX];
	size_t n;
};

static void lists_free(struct lists *l)
{
	for (size_t i = 0; i < l->n; i++)
		X509_CRL_free(l->v[i].crl);
	free(l);
}

static bool has_critical(const X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
		if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
			return true;
	return false;
}

static int add(struct lists *l, const struct pem_block *block, struct err *e)
{
	const unsigned char *der = block->der.p;
	X509_CRL *crl;

	if (l->n == CRL_LISTS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d lists", CRL_LISTS_MAX);
	crl = d2i_X509_CRL(NULL, &der, (long)block->der.n);
	ERR_clear_error();
	if (!crl || der != block->der.p + block->der.n || has_critical(crl)) {
		err_set(e, ERR_SYNTAX, crl ? "list %zu has a critical extension, or something behind it" : "block %zu is no list of X.509",
			l->n + 1);
		X509_CRL_free(crl);
		return -1;
	}
	l->v[l->n++] = (struct list){crl, block->text, block->len};
	return 0;
}

/* NULL and an err. Borrows the text. */
static struct lists *parse(const char *text, struct err *e)
{
	const char *p = text, *end = text + strlen(text);
	struct lists *l = calloc(1, sizeof(*l));
	struct pem_block block;
	struct arena a;
	int got = 0;

	must(l && "out of memory");
	arena_init(&a, 0);
	if (end - p > CRL_TEXT_MAX)
		got = err_set(e, ERR_LIMIT, "more than %d bytes", CRL_TEXT_MAX);
	while (!got && (got = pem_next(&p, end, label, CRL_TEXT_MAX, &a, &block, e)) > 0)
		got = add(l, &block, e);
	arena_fini(&a);
	if (!got && !l->n)
		got = err_set(e, ERR_SYNTAX, "no list in it");
	if (!got)
		return l;
	lists_free(l);
	return NULL;
}

/* ---- dates ---- */

/* 0: never. */
static int64_t expires_s(const struct list *l)
{
	return cert_seconds(X509_CRL_get0_nextUpdate(l->crl));
}

static bool in_date(const struct list *l, int64_t now_s)
{
	int64_t until_s = expires_s(l);

	return cert_seconds(X509_CRL_get0_lastUpdate(l->crl)) <= now_s && (!until_s || now_s < until_s);
}

int crl_read(const char *lists, struct crl_info *out, struct err *e)
{
	struct lists *l = parse(lists, e);

	*out = (struct crl_info){0};
	if (!l)
		return -1;
	out->n_lists = l->n;
	for (size_t i = 0; i < l->n; i++) {
		int64_t until_s = expires_s(&l->v[i]);
		int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(l->v[i].crl)); /* -1: it has none */

		out->n_revoked += n > 0 ? (size_t)n : 0;
		if (!until_s || (out->expires_s && until_s >= out->expires_s))
			continue;
		out->expires_s = until_s;
		out->life_s = until_s - cert_seconds(X509_CRL_get0_lastUpdate(l->v[i].crl));
	}
	lists_free(l);
	return 0;
}

/* ---- issuers ---- */

/* The key that signed, as far as the list says so: or NULL. */
static ASN1_OCTET_STRING *key_id(const X509_CRL *crl, AUTHORITY_KEYID **holder)
{
	*holder = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	return *holder ? (*holder)->keyid : NULL;
}

static bool same_issuer(const X509_CRL *a, const X509_CRL *b)
{
	AUTHORITY_KEYID *of_a, *of_b;
	const ASN1_OCTET_STRING *key_a = key_id(a, &of_a), *key_b = key_id(b, &of_b);
	bool same = !X509_NAME_cmp(X509_CRL_get_issuer(a), X509_CRL_get_issuer(b)) &&
		    (!key_a || !key_b || !ASN1_OCTET_STRING_cmp(key_a, key_b));

	AUTHORITY_KEYID_free(of_a);
	AUTHORITY_KEYID_free(of_b);
	return same;
}

const char *crl_join(const char *fresh, const char *before, int64_t now_s, struct arena *a)
{
	struct lists *l = parse(fresh, &(struct err){0}), *old = before ? parse(before, &(struct err){0}) : NULL;
	const char *out = "";
	size_t n;

	must(l);
	n = l->n;
	for (size_t i = 0; i < l->n; i++)
		out = arena_printf(a, "%s%.*s\n", out, (int)l->v[i].len, l->v[i].text);
	for (size_t k = 0; old && k < old->n; k++) {
		bool known = !in_date(&old->v[k], now_s);

		for (size_t i = 0; i < l->n; i++)
			known = known || same_issuer(old->v[k].crl, l->v[i].crl);
		if (known || n == CRL_LISTS_MAX || strlen(out) + old->v[k].len >= CRL_TEXT_MAX)
			continue;
		out = arena_printf(a, "%s%.*s\n", out, (int)old->v[k].len, old->v[k].text);
		n++;
	}
	lists_free(l);
	if (old)
		lists_free(old);
	return out;
}

/* ---- whether all is covered ---- */

/* As proxies look for the list of an issuer. */
static bool is_of(const struct list *l, X509 *ca)
{
	AUTHORITY_KEYID *holder = X509_CRL_get_ext_d2i(l->crl, NID_authority_key_identifier, NULL, NULL);
	bool is = !X509_NAME_cmp(X509_CRL_get_issuer(l->crl), X509_get_subject_name(ca)) && X509_check_akid(ca, holder) == X509_V_OK;

	AUTHORITY_KEYID_free(holder);
	return is;
}

static bool is_signed_by(const struct list *l, X509 *ca)
{
	bool is = X509_CRL_verify(l->crl, X509_get0_pubkey(ca)) == 1;

	ERR_clear_error();
	return is;
}

static int refuse(X509 *ca, const char *why, struct err *e)
{
	char *name = X509_NAME_oneline(X509_get_subject_name(ca), NULL, 0);

	err_set(e, ERR_REFUSED, "%.200s %s", name ? name : "?", why);
	OPENSSL_free(name);
	return -1;
}

static int check_one(const struct lists *l, X509 *ca, int64_t now_s, struct err *e)
{
	bool found = false, stale = false;

	if (!(X509_get_key_usage(ca) & KU_CRL_SIGN))
		return refuse(ca, "may not sign lists (key usage)", e);
	for (size_t i = 0; i < l->n; i++) {
		if (!is_of(&l->v[i], ca))
			continue;
		if (!is_signed_by(&l->v[i], ca))
			return refuse(ca, "has a list by its name that it has not signed", e);
		if (now_s && !in_date(&l->v[i], now_s))
			stale = true;
		else
			found = true;
	}
	if (found)
		return 0;
	return refuse(ca, stale ? "has a list that is out of date: proxies would refuse all that it signed"
				: "is trusted and has no list: proxies would refuse all that it signed", e);
}

static bool is_revoked(const struct lists *l, X509 *cert)
{
	X509_REVOKED *entry;

	for (size_t i = 0; i < l->n; i++)
		if (!X509_NAME_cmp(X509_CRL_get_issuer(l->v[i].crl), X509_get_issuer_name(cert)) &&
		    X509_CRL_get0_by_cert(l->v[i].crl, &entry, cert) == 1)
			return true;
	return false;
}

static int check_all(const struct lists *l, const struct certs *cas, int64_t now_s, struct err *e)
{
	for (size_t i = 0; i < cas->n; i++) {
		if (check_one(l, cas->v[i], now_s, e))
			return -1;
		if (is_revoked(l, cas->v[i]))
			return refuse(cas->v[i], "is on a list itself, and still in use", e);
	}
	return 0;
}

static int check_text(const struct lists *l, const char *pem, int64_t now_s, struct err *e)
{
	struct certs cas;
	int status;

	if (certs_parse(pem, strlen(pem), false, &cas, e))
		return -1;
	status = check_all(l, &cas, now_s, e);
	certs_fini(&cas);
	return status;
}

int crl_check(const char *lists, const char *roots, const char *const *above, size_t n, int64_t now_s, struct err *e)
{
	struct lists *l = parse(lists, e);
	int status;

	if (!l)
		return -1;
	status = check_text(l, roots, now_s, e);
	for (size_t i = 0; i < n && !status; i++)
		status = check_text(l, above[i], now_s, e);
	lists_free(l);
	return status;
}
