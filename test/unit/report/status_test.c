/* SPDX-License-Identifier: Apache-2.0
 *
 * From a verdict and what is there to the patch that is due.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/status.h"

static const int64_t wall_ns = 1800000000000000000;

struct fix {
	struct arena arena;
	struct diags ds;
	struct object obj;
	struct store_claim claim;
	struct verdict verdict;
	struct status_input in;
	struct status status;
	char patch[8192];
	bool news;
};

static void start(struct fix *f)
{
	*f = (struct fix){0};
	arena_init(&f->arena, 0);
	diags_init(&f->ds, &f->arena);
	f->claim = (struct store_claim){.obj = &f->obj};
	f->verdict = (struct verdict){.obj = &f->obj, .state = VERDICT_EFFECTIVE};
	f->in = (struct status_input){.claim = &f->claim, .verdict = &f->verdict, .generation = 3};
}

static const struct node *parse(struct fix *f, const char *json)
{
	struct diags ds;

	diags_init(&ds, &f->arena);
	return node_parse_json(json, strlen(json), NULL, &f->arena, &ds).root;
}

static bool patch(struct fix *f, const char *there)
{
	struct buf out;
	bool due;

	status_build(&f->in, &f->arena, &f->status);
	buf_init(&out, sizeof(f->patch));
	due = status_patch(&f->status, parse(f, there), wall_ns, &out, &f->news);
	snprintf(f->patch, sizeof(f->patch), "%s", buf_cstr(&out));
	buf_fini(&out);
	return due;
}

/* What is there after the patch. */
static const char *applied(struct fix *f)
{
	const struct node *status = node_get(parse(f, f->patch), "status");
	struct buf out;
	const char *text;

	assert_non_null(status);
	buf_init(&out, sizeof(f->patch));
	node_to_json(status, false, false, &out);
	text = arena_printf(&f->arena, "{\"metadata\":{\"resourceVersion\":\"8\"},\"status\":%s}", buf_cstr(&out));
	buf_fini(&out);
	return text;
}

static void says_it_once(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	assert_true(patch(&f, "{\"metadata\":{\"resourceVersion\":\"7\"}}"));
	assert_non_null(strstr(f.patch, "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"conditions\":[{\"type\":\"Reconciled\","
					"\"status\":\"True\",\"lastTransitionTime\":\"2027-01-15T08:00:00Z\",\"reason\":\"Effective\","
					"\"message\":\"\",\"observedGeneration\":3}"));
	assert_non_null(strstr(f.patch, "\"validationMessages\":null,\"observedGeneration\":3}"));
	assert_false(f.news);
	assert_false(patch(&f, applied(&f)));
	assert_string_equal(f.patch, "");
	f.in.generation = 4;
	assert_true(patch(&f, "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":null}"));
	arena_fini(&f.arena);
}

static void findings_are_told(void **state)
{
	struct fix f;
	const char *there;

	(void)state;
	start(&f);
	diag_add(&f.ds, D_VS_DESTINATION_UNKNOWN, (struct pos){0}, "spec.http[0]", "no service has the host \"%s\"", "x");
	diag_add(&f.ds, D_VS_DESTINATION_UNKNOWN, (struct pos){0}, "spec.http[0]", "no service has the host \"%s\"", "x");
	f.verdict = (struct verdict){.obj = &f.obj, .state = VERDICT_PARTLY, .why = f.ds.v, .n_why = f.ds.n};
	assert_true(patch(&f, "{\"metadata\":{\"resourceVersion\":\"7\"}}"));
	assert_int_equal(f.status.n_findings, 1);
	assert_false(status_is_bad(&f.status));
	assert_non_null(strstr(f.status.message, "spec.http[0]: no service has the host \"x\""));
	assert_non_null(strstr(f.patch, "\"type\":\"PassedAnalysis\",\"status\":\"False\""));
	assert_non_null(strstr(f.patch, "\"level\":\""));
	/* bad now: that is news once */
	f.claim.invalid = true;
	f.claim.diags = f.ds.v;
	f.claim.n_diags = f.ds.n;
	there = applied(&f);
	assert_true(patch(&f, there));
	assert_true(f.news);
	assert_string_equal(f.status.reason, "Quarantined");
	assert_true(strstr(f.status.message, "the last good form stays in force") == f.status.message);
	there = applied(&f);
	f.in.generation = 9;
	assert_true(patch(&f, there));
	assert_false(f.news);
	arena_fini(&f.arena);
}

static void refusals_are_told(void **state)
{
	static const struct status_refusal v[5] = {{"p1", "80", "no\nwhat"}, {"p2", "80", "no"}, {"p3", "80", "no"},
						   {"p4", "80", "no"}, {"p5", "80", "no"}};
	struct hash128 before;
	struct fix f;

	(void)state;
	start(&f);
	status_build(&f.in, &f.arena, &f.status);
	before = f.status.hash;
	f.in.refusals = v;
	f.in.n_refusals = 5;
	assert_true(patch(&f, "{\"metadata\":{\"resourceVersion\":\"7\"}}"));
	assert_true(f.news);
	assert_false(hash_equal(before, f.status.hash));
	assert_string_equal(f.status.reason, "Rejected");
	assert_non_null(strstr(f.patch, "p3 refuses 80: no; and 2 more"));
	assert_non_null(strstr(f.patch, "\"type\":\"Reconciled\",\"status\":\"False\""));
	assert_non_null(strstr(f.patch, "\"type\":\"PassedAnalysis\",\"status\":\"True\""));
	arena_fini(&f.arena);
}

/* What a server may have there, whoever wrote it. */
static void strange_statuses(void **state)
{
	static const char *const v[] = {
		"{}", "{\"status\":7}", "{\"metadata\":[],\"status\":[]}", "{\"status\":{\"conditions\":{}}}",
		"{\"status\":{\"conditions\":[7,null,{},{\"type\":7},{\"type\":\"Reconciled\",\"status\":3,\"lastTransitionTime\":{}}]}}",
		"{\"status\":{\"validationMessages\":7,\"observedGeneration\":\"3\"}}",
	};
	struct fix f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_true(patch(&f, v[i]));
		assert_false(patch(&f, applied(&f)));
	}
	arena_fini(&f.arena);
}

/* What others wrote is carried, not compared: it may be large. */
static void large_statuses(void **state)
{
	struct fix f;
	struct buf there, out;

	(void)state;
	start(&f);
	status_build(&f.in, &f.arena, &f.status);
	buf_init(&there, 4 << 20);
	buf_init(&out, 4 << 20);
	buf_str(&there, "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"conditions\":[{\"type\":\"x\"");
	for (int i = 0; i < 100000; i++)
		buf_printf(&there, ",\"%d\":0", i);
	buf_str(&there, "}]}}");
	assert_true(status_patch(&f.status, parse(&f, buf_cstr(&there)), wall_ns, &out, &f.news));
	assert_true(out.n > there.n);
	assert_false(status_patch(&f.status, parse(&f, buf_cstr(&out)), wall_ns, &there, &f.news));
	buf_fini(&there);
	buf_fini(&out);
	arena_fini(&f.arena);
}

static void long_messages(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	for (int i = 0; i < 500; i++)
		diag_add(&f.ds, D_VS_DESTINATION_UNKNOWN, (struct pos){0}, arena_printf(&f.arena, "spec.http[%d]", i), "\xe2\x82\xac");
	f.verdict.why = f.ds.v;
	f.verdict.n_why = f.ds.n;
	assert_true(patch(&f, "{\"metadata\":{\"resourceVersion\":\"7\"}}"));
	assert_in_range(strlen(f.status.message), STATUS_MESSAGE_MAX - 4, STATUS_MESSAGE_MAX + 3);
	assert_int_equal(node_get(node_get(parse(&f, f.patch), "status"), "validationMessages")->n, STATUS_MESSAGES_MAX);
	arena_fini(&f.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_it_once),
		cmocka_unit_test(findings_are_told),
		cmocka_unit_test(refusals_are_told),
		cmocka_unit_test(strange_statuses),
		cmocka_unit_test(large_statuses),
		cmocka_unit_test(long_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
