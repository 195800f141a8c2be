/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates of many authorities, keys, names and lives, as lines of JSON for verifiers of others: what is shown, whom
 * to trust, when, and what is right to say of it: "ok", "time", "unknown", "usage" or "name".
 */
#include <jansson.h>
#include <sys/stat.h>

#include "../unit/ca/make.h"
#include "ca/ca.h"

enum { YEAR_S = 365 * 24 * 3600, AUTHORITIES = 6, KEYS = 4, LEAVES = 2 };

struct authority {
	const char *name;
	struct ca *ca;
	const char *roots;
};

struct run {
	struct arena a;
	struct authority authority[AUTHORITIES];
	EVP_PKEY *keys[KEYS];
	char *requests[KEYS];
	uint64_t seed;
	unsigned n;
};

static uint32_t draw(struct run *r, uint32_t below)
{
	r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(r->seed >> 33) % below;
}

static void draw_serial(struct run *r, uint8_t out[TBS_SERIAL])
{
	for (int i = 0; i < TBS_SERIAL; i++)
		out[i] = (uint8_t)draw(r, 256);
}

/* ---- authorities ---- */

static EVP_PKEY *key_of(const char *kind)
{
	return atoi(kind) ? EVP_RSA_gen((unsigned)atoi(kind)) : EVP_EC_gen(kind);
}

static void add_constraint(X509 *ca, EVP_PKEY *root_key, const char *constraint)
{
	X509_EXTENSION *ext = make_extension(ca, ca, NID_name_constraints, constraint);

	X509_add_ext(ca, ext, -1);
	X509_EXTENSION_free(ext);
	must(X509_sign(ca, root_key, EVP_sha256()) > 0);
}

/* Keys of root, intermediates and issuer: "P-256", or the bits of RSA. depth: certificates below the root. */
static void plug_in(struct run *r, int i, const char *name, const char *dir, const char *const *kinds, int depth, const char *constraint)
{
	const struct ca_opts opts = {.trust_domain = "cluster.local"};
	EVP_PKEY *keys[4];
	X509 *certs[4], *chain[4];
	struct err e;

	for (int k = 0; k <= depth; k++) {
		char text[32];

		snprintf(text, sizeof(text), "%s %d", name, k);
		keys[k] = key_of(kinds[k]);
		certs[k] = make_ca(keys[k], k ? certs[k - 1] : NULL, k ? keys[k - 1] : NULL, text, "critical,CA:TRUE",
				   "critical,keyCertSign,cRLSign", -CA_SKEW_S, YEAR_S);
		chain[depth - k] = certs[k];
	}
	if (constraint)
		add_constraint(certs[depth], keys[depth - 1], constraint);
	write_cert(dir, "root-cert.pem", certs, 1);
	write_cert(dir, "ca-cert.pem", &certs[depth], 1);
	write_cert(dir, "cert-chain.pem", chain, (size_t)depth + 1);
	write_key(dir, "ca-key.pem", keys[depth]);
	r->authority[i] = (struct authority){name, ca_open(dir, &opts, NOW_S, &e), NULL};
	if (!r->authority[i].ca)
		fprintf(stderr, "%s: %s\n", name, e.text);
	must(r->authority[i].ca);
	r->authority[i].roots = ca_roots(r->authority[i].ca);
	for (int k = 0; k <= depth; k++) {
		EVP_PKEY_free(keys[k]);
		X509_free(certs[k]);
	}
}

static void make_authorities(struct run *r, const char *dir)
{
	const struct ca_opts opts = {.trust_domain = "cluster.local"};
	uint8_t serial[TBS_SERIAL];
	char sub[AUTHORITIES][200];
	struct err e;

	for (int i = 0; i < AUTHORITIES; i++) {
		snprintf(sub[i], sizeof(sub[i]), "%s/%d", dir, i);
		must(!mkdir(sub[i], 0700));
	}
	draw_serial(r, serial);
	r->authority[0] = (struct authority){"own", ca_open_own(sub[0], &opts, NOW_S, serial, &e), NULL};
	must(r->authority[0].ca);
	r->authority[0].roots = ca_roots(r->authority[0].ca);
	plug_in(r, 1, "rsa", sub[1], (const char *[]){"2048", "2048"}, 1, NULL);
	plug_in(r, 2, "ec384", sub[2], (const char *[]){"P-384", "P-384"}, 1, NULL);
	plug_in(r, 3, "long", sub[3], (const char *[]){"2048", "P-384", "P-256"}, 2, NULL);
	plug_in(r, 4, "constrained", sub[4], (const char *[]){"P-256", "P-256"}, 1, "critical,permitted;URI:cluster.local,permitted;DNS:svc,permitted;IP:10.0.0.0/255.0.0.0");
	plug_in(r, 5, "root itself", sub[5], (const char *[]){"2048"}, 0, NULL);
}

/* ---- lines ---- */

static const char *intermediates(struct run *r, const struct ca_issued *got)
{
	const char *out = "";

	for (size_t i = 1; i + 1 < got->n_chain; i++)
		out = arena_printf(&r->a, "%s%s", out, got->chain[i]);
	return out;
}

static void print_line(struct run *r, const char *what, const struct ca_issued *got, const char *roots, const char *name, int64_t at_s,
		       const char *want)
{
	json_t *line = json_pack("{s:o,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:I}", "case", json_sprintf("%u %s", r->n++, what), "leaf", got->chain[0],
				 "intermediates", intermediates(r, got), "roots", roots, "name", name, "at", (json_int_t)at_s, "want", want,
				 "serial", got->serial, "notBefore", (json_int_t)got->not_before_s, "notAfter", (json_int_t)got->not_after_s);

	must(line && !json_dumpf(line, stdout, JSON_COMPACT));
	putchar('\n');
	json_decref(line);
}

/* At the edges of its life, and with the roots of another. */
static void print_all(struct run *r, int i, const struct ca_issued *got, const char *name)
{
	const struct authority *a = &r->authority[i], *other = &r->authority[(i + 1) % AUTHORITIES];
	const struct {
		int64_t at_s;
		const char *roots, *want;
	} cases[] = {
		{got->not_before_s, a->roots, "ok"}, {got->not_after_s - 1, a->roots, "ok"},	/* OpenSSL has it end a second before Go */
		{(got->not_before_s + got->not_after_s) / 2, a->roots, "ok"},
		{got->not_before_s - 1, a->roots, "time"}, {got->not_after_s + 1, a->roots, "time"},
		{got->not_after_s - 1, other->roots, "unknown"},
	};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++)
		print_line(r, a->name, got, cases[k].roots, name, cases[k].at_s, cases[k].want);
}

static const char *draw_label(struct run *r, size_t most)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t n = draw(r, 8) ? 1 + draw(r, 12) : most;
	char *out = arena_alloc(&r->a, n + 1);

	for (size_t i = 0; i < n; i++)
		out[i] = letters[draw(r, i && i + 1 < n ? sizeof(letters) - 1 : sizeof(letters) - 2)];
	out[n] = '\0';
	return out;
}

static void issue_leaf(struct run *r, int i, int key)
{
	struct ca_request request = {.csr = r->requests[key], .n_csr = strlen(r->requests[key])};
	const char *sa = draw(r, 3) ? draw_label(r, 63) : arena_printf(&r->a, "%s.%s", draw_label(r, 63), draw_label(r, 63));
	static char text[SPIFFE_TEXT];
	struct ca_issued got;
	struct spiffe_id id;
	struct err e;

	must(!spiffe_make("cluster.local", draw_label(r, 63), sa, &id, &e));
	request.id = &id;
	request.ttl_s = draw(r, 4) ? CA_TTL_MIN_S + draw(r, CA_TTL_MAX_S - CA_TTL_MIN_S) : 0;
	draw_serial(r, request.serial);
	must(!ca_issue(r->authority[i].ca, &request, NOW_S + draw(r, 100 * 24 * 3600), &r->a, &got, &e));
	print_all(r, i, &got, spiffe_print(&id, text));
}

static void issue_server(struct run *r, int i)
{
	const char *dns = arena_printf(&r->a, "%s.%s.svc", draw_label(r, 63), draw_label(r, 63)), *const names[] = {dns, "10.0.0.1"};
	uint8_t serial[TBS_SERIAL];
	struct ca_issued got;
	struct buf key;
	struct err e;

	draw_serial(r, serial);
	buf_init(&key, 8192);
	must(!ca_issue_server(r->authority[i].ca, names, 2, 3600, serial, NOW_S, &r->a, &got, &key, &e));
	ca_cleanse(&key);
	for (size_t k = 0; k < 2; k++)
		print_all(r, i, &got, names[k]);
	print_line(r, "another name", &got, r->authority[i].roots, "other.test.svc", NOW_S, "name");
	print_line(r, "another address", &got, r->authority[i].roots, "10.0.0.2", NOW_S, "name");
}

/* Names that the authority's own certificate does not permit are not issued at all. */
static void constraints_hold(struct run *r)
{
	static const char *const names[] = {"a.test"};
	struct ca_request request = {.csr = r->requests[0], .n_csr = strlen(r->requests[0]), .serial = {1}};
	struct ca_issued got;
	struct spiffe_id id;
	struct buf key;
	struct err e;

	must(!spiffe_make("other.test", "a", "b", &id, &e));
	request.id = &id;
	if (!ca_issue(r->authority[4].ca, &request, NOW_S, &r->a, &got, &e))
		print_line(r, "a trust domain that is not permitted", &got, r->authority[4].roots, "spiffe://other.test/ns/a/sa/b", NOW_S, "name");
	buf_init(&key, 8192);
	if (!ca_issue_server(r->authority[4].ca, names, 1, 3600, request.serial, NOW_S, &r->a, &got, &key, &e))
		print_line(r, "a DNS name that is not permitted", &got, r->authority[4].roots, "a.test", NOW_S, "name");
	ca_cleanse(&key);
}

int main(int argc, char **argv)
{
	static const char *const kinds[KEYS] = {"P-256", "P-384", "2048", "3072"};
	static struct run r = {.seed = 1};

	must(argc == 2);
	arena_init(&r.a, 0);
	make_authorities(&r, argv[1]);
	for (int k = 0; k < KEYS; k++) {
		r.keys[k] = key_of(kinds[k]);
		r.requests[k] = make_csr(r.keys[k]);
	}
	for (int i = 0; i < AUTHORITIES; i++) {
		for (int k = 0; k < KEYS * LEAVES; k++)
			issue_leaf(&r, i, k % KEYS);
		issue_server(&r, i);
	}
	constraints_hold(&r);
	for (int k = 0; k < KEYS; k++) {
		EVP_PKEY_free(r.keys[k]);
		free(r.requests[k]);
	}
	for (int i = 0; i < AUTHORITIES; i++)
		ca_unref(r.authority[i].ca);
	arena_fini(&r.a);
	return 0;
}
