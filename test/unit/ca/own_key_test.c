/* SPDX-License-Identifier: Apache-2.0
 *
 * The asking side and the CA together: what own_key makes, the CA signs, and the pair is found to fit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ca/ca.h"
#include "ca/csr.h"
#include "ca/own_key.h"

enum { NOW_S = 1800000000 };

static const struct ca_opts opts = {.trust_domain = "cluster.local"};
static const uint8_t serial[TBS_SERIAL] = {1};

struct pair {
	char dir[64];
	struct arena a;
	struct ca *ca;
	struct buf key;
	const char *request, *chain;
	struct ca_issued issued;
};

static int enter(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct spiffe_id id = {0};
	struct err e;

	arena_init(&p->a, 0);
	strcpy(p->dir, "/tmp/navarch-key-test-XXXXXX");
	must(mkdtemp(p->dir));
	p->ca = ca_open_own(arena_printf(&p->a, "%s/ca", p->dir), &opts, NOW_S, serial, &e);
	must(p->ca && !spiffe_make("cluster.local", "ns", "sa", &id, &e));
	buf_init(&p->key, 10000);
	must(!own_key_make(&p->key, &p->a, &p->request, &e));
	must(!ca_issue(p->ca, &(struct ca_request){.id = &id, .csr = p->request, .n_csr = strlen(p->request), .serial = {2}},
		       NOW_S, &p->a, &p->issued, &e));
	p->chain = p->issued.chain[0];
	*state = p;
	return 0;
}

static int leave(void **state)
{
	struct pair *p = *state;

	must(!system(arena_printf(&p->a, "rm -rf '%s'", p->dir)));
	ca_unref(p->ca);
	ca_cleanse(&p->key);
	arena_fini(&p->a);
	free(p);
	return 0;
}

static void the_request_is_a_key_and_no_more(void **state)
{
	struct pair *p = *state;
	struct csr csr;
	struct err e;

	assert_int_equal(csr_decode_pem(p->request, strlen(p->request), &p->a, &csr, &e), 0);
	assert_int_equal(csr.key.kind, KEY_P256);
	assert_in_range(csr.signed_part.n, 91, 115);	/* the key's 91 bytes, a version, an empty name, no attribute */
}

static void the_pair_fits(void **state)
{
	struct pair *p = *state;
	struct own_key_dates dates;
	struct err e;

	assert_int_equal(own_key_check(buf_cstr(&p->key), p->chain, ca_roots(p->ca), NOW_S, &dates, &e), 0);
	assert_true(dates.not_before_s == p->issued.not_before_s && dates.not_after_s == p->issued.not_after_s);
}

static void what_does_not_fit_is_said(void **state)
{
	struct pair *p = *state;
	struct own_key_dates dates;
	const char *request;
	struct buf other;
	struct err e;

	buf_init(&other, 10000);
	assert_int_equal(own_key_make(&other, &p->a, &request, &e), 0);
	assert_string_not_equal(buf_cstr(&other), buf_cstr(&p->key));
	assert_int_equal(own_key_check(buf_cstr(&other), p->chain, NULL, NOW_S, &dates, &e), -1);
	assert_non_null(strstr(e.text, "not that of the certificate"));
	assert_int_equal(own_key_check(p->chain, p->chain, NULL, NOW_S, &dates, &e), -1);
	assert_non_null(strstr(e.text, "the key is none"));
	assert_int_equal(own_key_check(buf_cstr(&p->key), "", NULL, NOW_S, &dates, &e), -1);
	assert_int_equal(own_key_check(buf_cstr(&p->key), p->chain, ca_roots(p->ca), NOW_S + 2 * CA_TTL_S, &dates, &e), -1);
	assert_non_null(strstr(e.text, "expired"));
	assert_int_equal(own_key_check(buf_cstr(&p->key), p->chain, p->chain, NOW_S, &dates, &e), -1);
	ca_cleanse(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_request_is_a_key_and_no_more),
	    cmocka_unit_test(the_pair_fits),
	    cmocka_unit_test(what_does_not_fit_is_said),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
