/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of revoked certificates: what is one, what covers all that is in use, what of the lists before stays.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca/cert.h"
#include "ca/crl.h"
#include "make.h"

enum { ROOT, CA, OTHER, NAMESAKE, N };	/* OTHER: another intermediate; NAMESAKE: another root of ROOT's name */

struct fix {
	struct arena a;
	EVP_PKEY *key[N];
	X509 *cert[N];
	const char *pem[N], *list[N];
};

static const char *keep(struct fix *f, char *text)
{
	const char *out = arena_strdup(&f->a, text);

	free(text);
	return out;
}

static const char *list_of(struct fix *f, int who, int revoked, long from_s, long until_s)
{
	return keep(f, make_crl(f->cert[who], f->key[who], revoked < 0 ? NULL : f->cert[revoked], from_s, until_s, NULL));
}

static int enter(void **state)
{
	static const char *const names[N] = {"root", "ca", "other", "root"};
	struct fix *f = calloc(1, sizeof(*f));

	must(f);
	arena_init(&f->a, 0);
	for (int i = 0; i < N; i++) {
		bool below = i == CA || i == OTHER;

		f->key[i] = EVP_EC_gen("P-256");
		f->cert[i] = make_ca(f->key[i], below ? f->cert[ROOT] : NULL, below ? f->key[ROOT] : NULL, names[i], "critical,CA:TRUE",
				     "critical,keyCertSign,cRLSign", -100, 1000000);
		f->pem[i] = cert_print(f->cert[i], &f->a);
		f->list[i] = list_of(f, i, -1, -100, 1000);
	}
	*state = f;
	return 0;
}

static int leave(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < N; i++) {
		EVP_PKEY_free(f->key[i]);
		X509_free(f->cert[i]);
	}
	arena_fini(&f->a);
	free(f);
	return 0;
}

static const char *both(struct fix *f, const char *a, const char *b)
{
	return arena_printf(&f->a, "%s%s", a, b);
}

static void lists_are_read(void **state)
{
	struct fix *f = *state;
	const char *revoking = list_of(f, CA, OTHER, -100, 500), *many = "";
	struct crl_info info;
	struct err e;

	assert_int_equal(crl_read(both(f, f->list[ROOT], revoking), &info, &e), 0);
	assert_int_equal(info.n_lists, 2);
	assert_int_equal(info.n_revoked, 1);
	assert_int_equal(info.expires_s, NOW_S + 500);
	assert_int_equal(info.life_s, 600);
	assert_int_equal(crl_read(list_of(f, ROOT, -1, -100, 0), &info, &e), 0);
	assert_int_equal(info.expires_s, 0);

	for (int i = 0; i <= CRL_LISTS_MAX; i++)
		many = both(f, many, f->list[ROOT]);
	{
		const char *partial = keep(f, make_crl(f->cert[ROOT], f->key[ROOT], NULL, -100, 1000, "critical,onlyuser:TRUE"));
		char *cut = arena_strdup(&f->a, revoking), *big = arena_alloc(&f->a, CRL_TEXT_MAX + 2);
		const struct {
			const char *text, *wants;
		} bad[] = {{"", "no list"}, {f->pem[ROOT], "no list"}, {cut, "without its end"}, {partial, "critical"}, {many, "64"},
			   {big, "bytes"}, {"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "no list of X.509"}};

		cut[strlen(cut) - 20] = '\0';
		memset(big, '\n', CRL_TEXT_MAX + 1);
		for (size_t i = 0; i < ARRAY_LEN(bad); i++)
			if (!crl_read(bad[i].text, &info, &e) || !strstr(e.text, bad[i].wants))
				fail_msg("case %zu: %s", i, e.text);
	}
}

static void all_issuers_are_covered(void **state)
{
	struct fix *f = *state;
	const char *stale = list_of(f, CA, -1, -100, -1), *early = list_of(f, CA, -1, 10, 1000), *root = f->list[ROOT];
	X509 *silent = make_ca(f->key[CA], f->cert[ROOT], f->key[ROOT], "silent", "critical,CA:TRUE", "critical,keyCertSign", -100, 1000);
	const char *forged = keep(f, make_crl(f->cert[CA], f->key[OTHER], NULL, -50, 1000, NULL));
	const struct {
		const char *lists, *roots, *above, *wants; /* in the error; NULL: covered */
		int64_t now_s;
	} cases[] = {
		{both(f, root, f->list[CA]), f->pem[ROOT], f->pem[CA], NULL, NOW_S},
		{both(f, both(f, root, f->list[CA]), f->list[OTHER]), f->pem[ROOT], f->pem[CA], NULL, NOW_S},
		{both(f, both(f, root, f->list[CA]), stale), f->pem[ROOT], f->pem[CA], NULL, NOW_S},
		{root, f->pem[ROOT], f->pem[CA], "CN=ca is trusted and has no list", NOW_S},
		{f->list[CA], f->pem[ROOT], f->pem[CA], "CN=root is trusted and has no list", NOW_S},
		{both(f, root, f->list[CA]), both(f, f->pem[ROOT], f->pem[NAMESAKE]), f->pem[CA], "CN=root is trusted", NOW_S},
		{both(f, both(f, root, f->list[NAMESAKE]), f->list[CA]), both(f, f->pem[ROOT], f->pem[NAMESAKE]), f->pem[CA], NULL, NOW_S},
		{both(f, root, stale), f->pem[ROOT], f->pem[CA], "out of date", NOW_S},
		{both(f, root, early), f->pem[ROOT], f->pem[CA], "out of date", NOW_S},
		{both(f, root, stale), f->pem[ROOT], f->pem[CA], NULL, 0},
		{both(f, root, forged), f->pem[ROOT], f->pem[CA], "not signed", NOW_S},
		{both(f, list_of(f, ROOT, CA, -100, 1000), f->list[CA]), f->pem[ROOT], f->pem[CA], "CN=ca is on a list itself", NOW_S},
		{both(f, root, f->list[CA]), f->pem[ROOT], cert_print(silent, &f->a), "CN=silent may not sign lists", NOW_S},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		int status = crl_check(cases[i].lists, cases[i].roots, &cases[i].above, 1, cases[i].now_s, &e);

		if (status != (cases[i].wants ? -1 : 0) || (cases[i].wants && !strstr(e.text, cases[i].wants)))
			fail_msg("case %zu: %s", i, e.text);
	}
	X509_free(silent);
}

static void lists_of_others_stay(void **state)
{
	struct fix *f = *state;
	const char *newer = list_of(f, CA, OTHER, -10, 900), *out;

	assert_string_equal(crl_join(f->list[ROOT], NULL, NOW_S, &f->a), f->list[ROOT]);
	out = crl_join(both(f, f->list[ROOT], newer), both(f, f->list[CA], f->list[OTHER]), NOW_S, &f->a);
	assert_string_equal(out, both(f, both(f, f->list[ROOT], newer), f->list[OTHER]));
	/* one that is out of date does no good; one of another key of the same name is another issuer's */
	out = crl_join(f->list[ROOT], both(f, f->list[OTHER], f->list[NAMESAKE]), NOW_S, &f->a);
	assert_string_equal(out, both(f, both(f, f->list[ROOT], f->list[OTHER]), f->list[NAMESAKE]));
	assert_string_equal(crl_join(f->list[ROOT], f->list[OTHER], NOW_S + 1000, &f->a), f->list[ROOT]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_are_read, enter, leave),
		cmocka_unit_test_setup_teardown(all_issuers_are_covered, enter, leave),
		cmocka_unit_test_setup_teardown(lists_of_others_stay, enter, leave),
	};

	return cmocka_run_group_tests_name("ca/crl", tests, NULL, NULL);
}
