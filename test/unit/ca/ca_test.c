/* SPDX-License-Identifier: Apache-2.0
 *
 * The CA from a directory to a chain: what it refuses to load, what it issues, and that the written-out
 * certificate is byte for byte what OpenSSL's own interface makes of the same values.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/ca.h"
#include "ca/cert.h"
#include "ca/key.h"
#include "ca/trust.h"
#include "ev/file.h"
#include "make.h"

static const struct ca_opts opts = {.trust_domain = "cluster.local"};
static const uint8_t serial[TBS_SERIAL] = {0xff, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

struct dir {
	char path[64];
	struct arena a;
};

static int enter(void **state)
{
	struct dir *d = calloc(1, sizeof(*d));

	strcpy(d->path, "/tmp/navarch-ca-test-XXXXXX");
	must(mkdtemp(d->path));
	arena_init(&d->a, 0);
	*state = d;
	return 0;
}

static void clear(const char *path)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

static int leave(void **state)
{
	struct dir *d = *state;

	clear(d->path);
	arena_fini(&d->a);
	free(d);
	return 0;
}

static struct spiffe_id id(const char *ns, const char *sa)
{
	struct spiffe_id out;
	struct err e;

	assert_int_equal(spiffe_make("cluster.local", ns, sa, &out, &e), 0);
	return out;
}

static struct ca *open_own(const char *path)
{
	struct err e = {0};
	struct ca *ca = ca_open_own(path, &opts, NOW_S, serial, &e);

	if (!ca)
		fail_msg("%s", e.text);
	return ca;
}

/* ---- our own root ---- */

static void own_root_is_made_once(void **state)
{
	struct dir *d = *state;
	char path[100], before[8192], after[8192];
	struct stat st;
	struct err e;
	struct ca *ca;
	FILE *f;

	ca = open_own(d->path);
	assert_int_equal(ca_expires_s(ca), NOW_S + CA_ROOT_TTL_S);
	assert_string_equal(ca_subject(ca), "/O=cluster.local");
	strcpy(before, ca_roots(ca));
	ca_unref(ca);
	snprintf(path, sizeof(path), "%s/ca-key.pem", d->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	ca = open_own(d->path);
	strcpy(after, ca_roots(ca));
	ca_unref(ca);
	assert_string_equal(before, after);
	/* others may read the key: refused */
	assert_int_equal(chmod(path, 0640), 0);
	assert_null(ca_open_own(d->path, &opts, NOW_S, serial, &e));
	assert_int_equal(e.code, ERR_REFUSED);
	assert_non_null(strstr(e.text, "600"));
	/* a lost key is no reason to make another root */
	assert_int_equal(unlink(path), 0);
	assert_null(ca_open_own(d->path, &opts, NOW_S, serial, &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_non_null(strstr(e.text, "ca-key.pem"));
	/* a link in its place is not followed */
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_null(ca_open_own(d->path, &opts, NOW_S, serial, &e));
	snprintf(path, sizeof(path), "%s/root-cert.pem", d->path);
	f = fopen(path, "r");
	assert_non_null(f);
	fclose(f);
}

static void expired_root_is_not_used(void **state)
{
	struct dir *d = *state;
	struct err e;

	ca_unref(open_own(d->path));
	assert_null(ca_open_own(d->path, &opts, NOW_S + CA_ROOT_TTL_S, serial, &e));
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_null(ca_open_own(d->path, &opts, NOW_S - 10 * CA_SKEW_S, serial, &e));
	assert_non_null(strstr(e.text, "no root is in date: /O=cluster.local is good from 20"));
}

/* ---- plugged in ---- */

/* Root, intermediate and key by name; each case changes one thing. */
static void write_set(const char *dir, EVP_PKEY *root_key, EVP_PKEY *ca_key, const char *root_bc, const char *ca_bc,
		      const char *ca_ku, long ca_until)
{
	X509 *root = make_ca(root_key, NULL, NULL, "root", root_bc, "critical,keyCertSign,cRLSign", -100, 1000000);
	X509 *ca = make_ca(ca_key, root, root_key, "intermediate", ca_bc, ca_ku, -100, ca_until);

	write_cert(dir, "root-cert.pem", &root, 1);
	write_cert(dir, "ca-cert.pem", &ca, 1);
	write_cert(dir, "cert-chain.pem", (X509 *[]){ca, root}, 2);
	write_key(dir, "ca-key.pem", ca_key);
	X509_free(root);
	X509_free(ca);
}

static void plugged_in_is_checked(void **state)
{
	static const struct {
		const char *root_bc, *ca_bc, *ca_ku;
		long until;
		const char *wants;	/* in the error; NULL: loads */
	} cases[] = {
		{"critical,CA:TRUE", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", 9000, NULL},
		{"critical,CA:TRUE,pathlen:1", "critical,CA:TRUE", "critical,keyCertSign", 9000, NULL},
		{"critical,CA:TRUE,pathlen:0", "critical,CA:TRUE", "critical,keyCertSign", 9000, "path length"},
		{"critical,CA:TRUE", "critical,CA:FALSE", "critical,keyCertSign", 9000, "invalid CA"},
		{"critical,CA:FALSE", "critical,CA:TRUE", "critical,keyCertSign", 9000, "invalid CA"},
		{"critical,CA:TRUE", "critical,CA:TRUE", "critical,digitalSignature", 9000, "(certificate 1 of the chain)"},
		{"critical,CA:TRUE", "critical,CA:TRUE", "critical,keyCertSign", -1, "has expired"},
	};
	struct dir *d = *state;
	EVP_PKEY *root_key = EVP_EC_gen("P-256"), *ca_key = EVP_EC_gen("P-256");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		struct ca *ca;

		write_set(d->path, root_key, ca_key, cases[i].root_bc, cases[i].ca_bc, cases[i].ca_ku, cases[i].until);
		ca = ca_open(d->path, &opts, NOW_S, &e);
		if (!cases[i].wants) {
			assert_non_null(ca);
			assert_int_equal(ca_expires_s(ca), NOW_S + 9000);
		} else if (ca || !strstr(e.text, cases[i].wants)) {
			fail_msg("case %zu: %s", i, ca ? "loads" : e.text);
		}
		ca_unref(ca);
	}
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(ca_key);
}

/* Beside one that is good, roots that are past or to come are left out; and they say when it is another set. */
static void roots_out_of_date_are_left_out(void **state)
{
	static const struct {
		long from_s, until_s;
	} spans[] = {{-100, 1000000}, {-1000, -500}, {5000, 1000000}};
	struct dir *d = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256"), *ca_key = EVP_EC_gen("P-256");
	X509 *roots[ARRAY_LEN(spans)];
	struct ca *ca;
	struct err e;

	write_set(d->path, key, ca_key, "critical,CA:TRUE", "critical,CA:TRUE", "critical,keyCertSign", 9000);
	for (size_t i = 0; i < ARRAY_LEN(spans); i++)	/* of one name and key, as a root that was renewed */
		roots[i] = make_ca(key, NULL, NULL, "root", "critical,CA:TRUE", "critical,keyCertSign,cRLSign", spans[i].from_s, spans[i].until_s);
	write_cert(d->path, "root-cert.pem", (X509 *[]){roots[1], roots[0], roots[2]}, 3);
	ca = ca_open(d->path, &opts, NOW_S, &e);
	assert_non_null(ca);
	assert_string_equal(ca_roots(ca), cert_print(roots[0], &d->a));
	assert_string_equal(ca_left_out(ca), arena_printf(&d->a, "%s%s", cert_print(roots[1], &d->a), cert_print(roots[2], &d->a)));
	assert_int_equal(ca_changes_s(ca), NOW_S + 5000);
	ca_unref(ca);
	ca = ca_open(d->path, &opts, NOW_S + 5000, &e);
	assert_string_equal(ca_left_out(ca), cert_print(roots[1], &d->a));
	assert_int_equal(ca_changes_s(ca), NOW_S + 1000001);
	ca_unref(ca);

	write_cert(d->path, "root-cert.pem", roots + 1, 2);
	assert_null(ca_open(d->path, &opts, NOW_S, &e));
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_non_null(strstr(e.text, "root-cert.pem: no root is in date: /CN=root is good from 2027-01-15 to 2027-01-15"));
	assert_null(ca_open(d->path, &opts, NOW_S + 2000000, &e));
	for (size_t i = 0; i < ARRAY_LEN(spans); i++)
		X509_free(roots[i]);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

static void break_set(const char *dir, int which, EVP_PKEY *other)
{
	X509 *stranger = make_ca(other, NULL, NULL, "root", "critical,CA:TRUE", NULL, -100, 1000000);
	EVP_PKEY *weak = EVP_RSA_gen(1024), *odd = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char path[100];

	snprintf(path, sizeof(path), "%s/root-cert.pem", dir);
	if (which == 0)
		write_key(dir, "ca-key.pem", other);
	else if (which == 1)
		write_cert(dir, "root-cert.pem", &stranger, 1);
	else if (which == 2)
		assert_int_equal(unlink(path), 0);
	else if (which == 3)
		assert_int_equal(truncate(path, 100), 0);
	else if (which == 4)
		write_key(dir, "ca-key.pem", weak);
	else
		write_key(dir, "ca-key.pem", odd);
	X509_free(stranger);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(odd);
}

static void broken_sets_are_refused(void **state)
{
	static const char *const wants[] = {"not that of the certificate", "self-signed certificate in certificate chain", "root-cert.pem is missing",
					    "without its end", "2048 bits and more", "P-256, P-384"};
	struct dir *d = *state;
	EVP_PKEY *root_key = EVP_EC_gen("P-256"), *ca_key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");

	for (int i = 0; i < (int)ARRAY_LEN(wants); i++) {
		struct err e = {0};
		struct ca *ca;

		clear(d->path);
		assert_int_equal(mkdir(d->path, 0700), 0);
		write_set(d->path, root_key, ca_key, "critical,CA:TRUE", "critical,CA:TRUE", "critical,keyCertSign", 9000);
		break_set(d->path, i, other);
		ca = ca_open(d->path, &opts, NOW_S, &e);
		if (ca || (!strstr(e.text, wants[i]) && !(i == 1 && strstr(e.text, "certificate"))))
			fail_msg("case %d: %s", i, ca ? "loads" : e.text);
	}
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(other);
}

/* ---- issuing ---- */

static int issue(const struct ca *ca, const char *csr, const struct spiffe_id *who, int64_t ttl_s, int64_t now_s, struct arena *a,
		 struct ca_issued *out, struct err *e)
{
	struct ca_request r = {.id = who, .csr = csr, .n_csr = strlen(csr), .ttl_s = ttl_s};

	memcpy(r.serial, serial, sizeof(serial));
	return ca_issue(ca, &r, now_s, a, out, e);
}

static void times_are_clamped(void **state)
{
	struct dir *d = *state;
	struct ca *ca = open_own(d->path);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *csr = make_csr(key);
	struct spiffe_id who = id("ns", "sa");
	uint64_t seed = 1;

	for (int i = 0; i < 600; i++) {
		struct arena_mark mark = arena_mark(&d->a);
		int64_t now, ttl, until;
		struct ca_issued got;
		struct err e = {0};
		X509 *cert;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		now = NOW_S + (int64_t)(seed >> 33) % (CA_ROOT_TTL_S + 1000);
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		ttl = (int64_t)(seed >> 33) % (i % 3 ? CA_TTL_MAX_S : 200) - (i % 5 ? 0 : 100);
		if (issue(ca, csr, &who, ttl, now, &d->a, &got, &e)) {
			assert_true(now >= ca_expires_s(ca));
			assert_int_equal(e.code, ERR_TIMEOUT);
			continue;
		}
		until = now + (ttl <= 0 ? CA_TTL_S : ttl < CA_TTL_MIN_S ? CA_TTL_MIN_S : ttl);
		until = until < ca_expires_s(ca) ? until : ca_expires_s(ca);
		assert_int_equal(got.not_after_s, until);
		cert = parse_cert(got.chain[0]);
		assert_int_equal(cert_not_after(cert), until);
		assert_int_equal(cert_not_before(cert), now - CA_SKEW_S);
		X509_free(cert);
		arena_rewind(&d->a, mark);
	}
	free(csr);
	EVP_PKEY_free(key);
	ca_unref(ca);
}

static void too_long_is_refused(void **state)
{
	struct dir *d = *state;
	struct ca *ca = open_own(d->path);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *csr = make_csr(key);
	struct spiffe_id who = id("ns", "sa");
	struct ca_issued got;
	struct err e;

	assert_int_equal(issue(ca, csr, &who, CA_TTL_MAX_S, NOW_S, &d->a, &got, &e), 0);
	assert_int_equal(issue(ca, csr, &who, CA_TTL_MAX_S + 1, NOW_S, &d->a, &got, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	free(csr);
	EVP_PKEY_free(key);
	ca_unref(ca);
}

/* The same certificate by OpenSSL's own interface, unsigned. */
static X509 *by_openssl(X509 *issuer, EVP_PKEY *key, const char *san, int64_t from_s, int64_t until_s)
{
	static const int nids[] = {NID_key_usage, NID_ext_key_usage, NID_basic_constraints, NID_authority_key_identifier,
				   NID_subject_alt_name};
	const char *values[] = {"critical,digitalSignature,keyEncipherment", "serverAuth,clientAuth", "critical,CA:FALSE", "keyid", NULL};
	char alt_name[SPIFFE_TEXT + 20];
	uint8_t number[TBS_SERIAL];
	X509 *cert = X509_new();
	BIGNUM *n;

	tbs_serial(serial, number);
	n = BN_bin2bn(number, sizeof(number), NULL);
	BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	X509_set_version(cert, X509_VERSION_3);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from_s);
	ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)until_s);
	snprintf(alt_name, sizeof(alt_name), "critical,URI:%s", san);
	values[4] = alt_name;
	for (size_t i = 0; i < ARRAY_LEN(nids); i++) {
		X509_EXTENSION *ext = make_extension(issuer, cert, nids[i], values[i]);

		X509_add_ext(cert, ext, -1);
		X509_EXTENSION_free(ext);
	}
	return cert;
}

static void compare_with_openssl(struct dir *d, const struct ca *ca, X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key, int64_t now_s)
{
	struct spiffe_id who = id("a-namespace", "some.service-account");
	unsigned char *ours = NULL, *theirs = NULL;
	char *csr = make_csr(key), san[SPIFFE_TEXT];
	struct ca_issued got;
	struct err e = {0};
	X509 *mine, *other;
	int n;

	if (issue(ca, csr, &who, 3600, now_s, &d->a, &got, &e))
		fail_msg("%s", e.text);
	mine = parse_cert(got.chain[0]);
	other = by_openssl(issuer, key, spiffe_print(&who, san), now_s - CA_SKEW_S, got.not_after_s);
	assert_true(X509_sign(other, issuer_key, EVP_sha256()) > 0);
	n = i2d_re_X509_tbs(other, &theirs);
	assert_true(n > 0);
	assert_int_equal(i2d_re_X509_tbs(mine, &ours), n);
	assert_memory_equal(ours, theirs, (size_t)n);
	if (EVP_PKEY_is_a(issuer_key, "RSA"))	/* its signature is not random */
		assert_int_equal(X509_cmp(mine, other), 0);
	assert_int_equal(X509_verify(mine, issuer_key), 1);
	OPENSSL_free(ours);
	OPENSSL_free(theirs);
	X509_free(mine);
	X509_free(other);
	free(csr);
}

static EVP_PKEY *some_key(int kind)
{
	return kind == 0 ? EVP_EC_gen("P-256") : kind == 1 ? EVP_EC_gen("P-384") : EVP_RSA_gen(kind == 2 ? 2048 : 3072);
}

static void equals_openssl_byte_for_byte(void **state)
{
	struct dir *d = *state;

	for (int kind = 0; kind < 3; kind++) {
		EVP_PKEY *root_key = EVP_EC_gen("P-256"), *ca_key = some_key(kind);
		X509 *root = make_ca(root_key, NULL, NULL, "root", "critical,CA:TRUE", NULL, -100, 2000000000);
		X509 *own = make_ca(ca_key, root, root_key, "an issuer", "critical,CA:TRUE,pathlen:0", "keyCertSign", -100, 2000000000);
		struct err e = {0};
		struct ca *ca;

		write_cert(d->path, "root-cert.pem", &root, 1);
		write_cert(d->path, "ca-cert.pem", &own, 1);
		write_key(d->path, "ca-key.pem", ca_key);
		ca = ca_open(d->path, &opts, NOW_S, &e);
		if (!ca)
			fail_msg("%s", e.text);
		for (int i = 0; i < 4; i++) {
			EVP_PKEY *key = some_key(i);

			compare_with_openssl(d, ca, own, ca_key, key, NOW_S);
			compare_with_openssl(d, ca, own, ca_key, key, 2524608000 - 1000);	/* into 2050 */
			compare_with_openssl(d, ca, own, ca_key, key, 2524608000 + 1000);
			EVP_PKEY_free(key);
		}
		ca_unref(ca);
		X509_free(root);
		X509_free(own);
		EVP_PKEY_free(root_key);
		EVP_PKEY_free(ca_key);
	}
}

/* ---- the openssl program as the judge ---- */

static void run(struct dir *d, const char *args, char *out, size_t size)
{
	char command[600];
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command), "cd '%s' && openssl %s 2>&1", d->path, args);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	pclose(f);
}

static void put(struct dir *d, const char *name, const char *text)
{
	char path[100];
	struct err e;

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	assert_int_equal(file_replace(path, text, strlen(text), 0600, &e), 0);
}

static void the_openssl_program_agrees(void **state)
{
	static const char wanted[] = "X509v3 Key Usage: critical\n    Digital Signature, Key Encipherment\n"
				     "X509v3 Extended Key Usage: \n    TLS Web Server Authentication, TLS Web Client Authentication\n"
				     "X509v3 Basic Constraints: critical\n    CA:FALSE\n";
	struct dir *d = *state;
	EVP_PKEY *root_key = EVP_EC_gen("P-256"), *ca_key = EVP_RSA_gen(2048);
	struct spiffe_id who = id("default", "bookinfo-reviews");
	struct err e = {0};
	char out[4096];
	struct ca *ca;

	write_set(d->path, root_key, ca_key, "critical,CA:TRUE", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", 900000);
	ca = ca_open(d->path, &opts, NOW_S, &e);
	assert_non_null(ca);
	for (int kind = 0; kind < 4; kind++) {
		EVP_PKEY *key = some_key(kind);
		char *csr = request_pem(make_request(key, key, EVP_sha256(), "DNS:istiod,URI:spiffe://cluster.local/ns/kube-system/sa/admin",
						     "critical,CA:TRUE"));
		struct ca_issued got;

		assert_int_equal(issue(ca, csr, &who, 0, NOW_S, &d->a, &got, &e), 0);
		assert_int_equal(got.n_chain, 3);
		put(d, "leaf.pem", got.chain[0]);
		put(d, "between.pem", got.chain[1]);
		put(d, "root.pem", got.chain[2]);
		run(d, "verify -x509_strict -attime 1800000000 -purpose sslserver -CAfile root.pem -untrusted between.pem leaf.pem", out, sizeof(out));
		assert_string_equal(out, "leaf.pem: OK\n");
		run(d, "verify -x509_strict -attime 1800000000 -purpose sslclient -CAfile root.pem -untrusted between.pem leaf.pem", out, sizeof(out));
		assert_string_equal(out, "leaf.pem: OK\n");
		run(d, "x509 -in leaf.pem -noout -ext subjectAltName", out, sizeof(out));
		assert_string_equal(out, "X509v3 Subject Alternative Name: critical\n    URI:spiffe://cluster.local/ns/default/sa/bookinfo-reviews\n");
		run(d, "x509 -in leaf.pem -noout -ext keyUsage,extendedKeyUsage,basicConstraints", out, sizeof(out));
		assert_string_equal(out, wanted);
		run(d, "x509 -in leaf.pem -noout -subject", out, sizeof(out));
		assert_string_equal(out, "subject=\n");
		run(d, "x509 -in leaf.pem -noout -serial", out, sizeof(out));
		assert_int_equal(strncasecmp(out + 7, got.serial, strlen(got.serial)), 0);
		free(csr);
		EVP_PKEY_free(key);
	}
	ca_unref(ca);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(ca_key);
}

static void servers_get_names_and_a_key(void **state)
{
	static const char *const names[] = {"istiod.istio-system.svc", "localhost", "127.0.0.1", "::1"}, *const bad[] = {"a b"};
	struct dir *d = *state;
	struct ca *ca = open_own(d->path);
	struct ca_issued got;
	struct buf key;
	struct err e = {0};
	char out[4096];

	buf_init(&key, 4096);
	assert_int_equal(ca_issue_server(ca, names, 4, 3600, serial, NOW_S, &d->a, &got, &key, &e), 0);
	put(d, "leaf.pem", got.chain[0]);
	put(d, "key.pem", buf_cstr(&key));
	run(d, "verify -attime 1800000000 -x509_strict -CAfile root-cert.pem -verify_ip ::1 leaf.pem", out, sizeof(out));
	assert_string_equal(out, "leaf.pem: OK\n");
	run(d, "verify -attime 1800000000 -CAfile root-cert.pem -verify_hostname istiod.istio-system.svc leaf.pem", out, sizeof(out));
	assert_string_equal(out, "leaf.pem: OK\n");
	run(d, "pkey -in key.pem -pubout -out pub.pem && openssl x509 -in leaf.pem -pubkey -noout | cmp - pub.pem", out, sizeof(out));
	assert_string_equal(out, "");
	ca_cleanse(&key);
	buf_init(&key, 4096);
	assert_int_equal(ca_issue_server(ca, bad, 1, 3600, serial, NOW_S, &d->a, &got, &key, &e), -1);
	ca_cleanse(&key);
	ca_unref(ca);
}

static void trust_knows_aliases_and_joins_roots(void **state)
{
	static const char *const aliases[] = {"old.local"}, *const bad[] = {"Old.local"};
	struct dir *d = *state;
	struct ca *ca = open_own(d->path);
	const char *joined, *both[2] = {ca_roots(ca), ca_roots(ca)};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *csr = make_csr(key);
	struct spiffe_id who = id("ns", "sa");
	struct ca_issued got;
	struct trust t;
	struct err e;

	assert_int_equal(trust_init(&t, "cluster.local", aliases, 1, &e), 0);
	assert_true(trust_accepts(&t, "cluster.local") && trust_accepts(&t, "old.local"));
	assert_false(trust_accepts(&t, "other.local"));
	assert_int_equal(trust_init(&t, "cluster.local", bad, 1, &e), -1);
	assert_int_equal(trust_join_roots(both, 2, &d->a, &joined, &e), 0);
	assert_string_equal(joined, ca_roots(ca));
	assert_int_equal(issue(ca, csr, &who, 0, NOW_S, &d->a, &got, &e), 0);
	both[1] = got.chain[0];
	assert_int_equal(trust_join_roots(both, 2, &d->a, &joined, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	free(csr);
	EVP_PKEY_free(key);
	ca_unref(ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(own_root_is_made_once, enter, leave),
		cmocka_unit_test_setup_teardown(expired_root_is_not_used, enter, leave),
		cmocka_unit_test_setup_teardown(plugged_in_is_checked, enter, leave),
		cmocka_unit_test_setup_teardown(roots_out_of_date_are_left_out, enter, leave),
		cmocka_unit_test_setup_teardown(broken_sets_are_refused, enter, leave),
		cmocka_unit_test_setup_teardown(times_are_clamped, enter, leave),
		cmocka_unit_test_setup_teardown(too_long_is_refused, enter, leave),
		cmocka_unit_test_setup_teardown(equals_openssl_byte_for_byte, enter, leave),
		cmocka_unit_test_setup_teardown(the_openssl_program_agrees, enter, leave),
		cmocka_unit_test_setup_teardown(servers_get_names_and_a_key, enter, leave),
		cmocka_unit_test_setup_teardown(trust_knows_aliases_and_joins_roots, enter, leave),
	};

	return cmocka_run_group_tests_name("ca", tests, NULL, NULL);
}
