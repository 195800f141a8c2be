/* SPDX-License-Identifier: Apache-2.0
 *
 * TokenReviews without a server: what an answer means, and what is remembered for how long.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/review.h"

#define ANSWER(status) "{\"kind\":\"TokenReview\",\"status\":" status "}"
#define OF(user, audiences) ANSWER("{\"authenticated\":true,\"user\":{\"username\":\"" user "\"},\"audiences\":" audiences "}")
#define US "[\"x\",\"istio-ca\"]"

static void answers(void **state)
{
	static const struct {
		const char *body;
		enum review want;
	} cases[] = {
	    {OF("system:serviceaccount:ns:sa", US), REVIEW_YES},
	    {OF("system:serviceaccount:ns:sa", "[\"x\"]"), REVIEW_NO},
	    {OF("system:serviceaccount:ns:sa", "[]"), REVIEW_NO},
	    {OF("system:serviceaccount:ns:sa", "\"istio-ca\""), REVIEW_NO},
	    {OF("system:serviceaccount:ns:sa", "[7,null]"), REVIEW_NO},
	    {OF("system:serviceaccount:ns:sa:more", US), REVIEW_NO},
	    {OF("system:serviceaccount:ns", US), REVIEW_NO},
	    {OF("system:serviceaccount::sa", US), REVIEW_NO},
	    {OF("system:serviceaccount:ns:../x", US), REVIEW_NO},
	    {OF("system:node:n", US), REVIEW_NO},
	    {OF("", US), REVIEW_NO},
	    {ANSWER("{\"authenticated\":false,\"user\":{\"username\":\"system:serviceaccount:ns:sa\"},\"audiences\":" US "}"), REVIEW_NO},
	    {ANSWER("{\"authenticated\":\"true\",\"user\":{\"username\":\"system:serviceaccount:ns:sa\"},\"audiences\":" US "}"), REVIEW_NO},
	    {ANSWER("{\"authenticated\":true,\"audiences\":" US "}"), REVIEW_NO},
	    {ANSWER("{\"error\":\"expired\"}"), REVIEW_NO},
	    {ANSWER("{\"authenticated\":false,\"authenticated\":true}"), REVIEW_FAILED},
	    {"{\"kind\":\"Status\",\"status\":{\"authenticated\":true}}", REVIEW_FAILED},
	    {"{\"kind\":\"TokenReview\"}", REVIEW_FAILED},
	    {"[]", REVIEW_FAILED},
	    {"", REVIEW_FAILED},
	    {"<html>", REVIEW_FAILED},
	};
	struct spiffe_id who;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (review_answer(cases[i].body, strlen(cases[i].body), &who, &e) != cases[i].want)
			fail_msg("%s is not %s", cases[i].body, review_name(cases[i].want));
	assert_int_equal(review_answer(cases[0].body, strlen(cases[0].body), &who, &e), REVIEW_YES);
	assert_string_equal(who.ns, "ns");
	assert_string_equal(who.sa, "sa");
}

static void a_request_quotes_the_token(void **state)
{
	char *text = review_request("a\"b.c.d");

	(void)state;
	assert_non_null(strstr(text, "\"token\":\"a\\\"b.c.d\""));
	assert_non_null(strstr(text, "\"audiences\":[\"istio-ca\"]"));
	free(text);
	assert_null(review_request("\xff"));
}

static void make_id(unsigned n, uint8_t id[JWT_ID])
{
	char text[16];

	jwt_id(text, (size_t)snprintf(text, sizeof(text), "%u", n), id);
}

static void answers_are_remembered_for_a_while(void **state)
{
	struct review_cache *c = calloc(1, sizeof(*c));
	struct spiffe_id who = {.ns = "ns", .sa = "sa"};
	uint8_t id[JWT_ID], other[JWT_ID];

	(void)state;
	assert_non_null(c);
	make_id(1, id);
	make_id(2, other);
	assert_null(review_cache_find(c, id, 0));
	review_cache_set(c, id, REVIEW_PENDING, NULL, 0);
	assert_int_equal(review_cache_find(c, id, 1)->is, REVIEW_PENDING);
	review_cache_set(c, id, REVIEW_YES, &who, 10);
	assert_null(review_cache_find(c, other, 11));
	assert_string_equal(review_cache_find(c, id, 9 + REVIEW_YES_MS)->sa, "sa");
	assert_null(review_cache_find(c, id, 10 + REVIEW_YES_MS));
	review_cache_set(c, id, REVIEW_NO, NULL, 20);
	assert_string_equal(review_cache_find(c, id, 21)->sa, "");	/* nothing is left of the one before */
	assert_null(review_cache_find(c, id, 20 + REVIEW_NO_MS));
	review_cache_set(c, id, REVIEW_FAILED, NULL, 30);
	assert_null(review_cache_find(c, id, 30 + REVIEW_FAILED_MS));
	free(c);
}

/* A flood pushes out what ends first, and never hands one token's answer to another. */
static void a_flood_is_bounded(void **state)
{
	struct review_cache *c = calloc(1, sizeof(*c));
	uint8_t id[JWT_ID];
	size_t found = 0;

	(void)state;
	assert_non_null(c);
	for (unsigned i = 0; i < 50000; i++) {
		struct spiffe_id who = {.ns = "ns"};

		make_id(i, id);
		snprintf(who.sa, sizeof(who.sa), "sa-%u", i);
		review_cache_set(c, id, REVIEW_YES, &who, i);
	}
	for (unsigned i = 0; i < 50000; i++) {
		const struct review_slot *s;
		char want[32];

		make_id(i, id);
		snprintf(want, sizeof(want), "sa-%u", i);
		s = review_cache_find(c, id, 50000);
		if (s)
			assert_string_equal(s->sa, want);
		found += s != NULL;
	}
	assert_int_equal(found, REVIEW_SETS * REVIEW_WAYS);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers),
	    cmocka_unit_test(a_request_quotes_the_token),
	    cmocka_unit_test(answers_are_remembered_for_a_while),
	    cmocka_unit_test(a_flood_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
