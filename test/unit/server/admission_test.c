/* SPDX-License-Identifier: Apache-2.0
 *
 * Reviews as an API server sends them, and what is none: the answer is held against the findings of the
 * command line over the same object.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/load.h"
#include "server/admission.h"

struct fix {
	struct arena a;
	struct buf answer;
	struct admission_result r;
	struct err e;
	const struct node *response;
};

static int setup(void **state)
{
	static struct fix f;

	f = (struct fix){0};
	arena_init(&f.a, 0);
	buf_init(&f.answer, ADMISSION_ANSWER_MAX);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	arena_fini(&f->a);
	buf_fini(&f->answer);
	return 0;
}

static int send_text(struct fix *f, const char *text)
{
	struct diags ds;
	struct node_doc doc;

	buf_clear(&f->answer);
	if (admission_review(text, strlen(text), &f->answer, &f->r, &f->a, &f->e)) {
		assert_int_equal(f->answer.n, 0);
		return -1;
	}
	assert_true(scalar_is_utf8(f->answer.p, f->answer.n));
	diags_init(&ds, &f->a);
	doc = node_parse_json(f->answer.p, f->answer.n, NULL, &f->a, &ds);
	assert_false(doc.bad);
	assert_string_equal(node_text(doc.root, "apiVersion"), "admission.k8s.io/v1");
	assert_string_equal(node_text(doc.root, "kind"), "AdmissionReview");
	f->response = node_get(doc.root, "response");
	assert_string_equal(node_text(f->response, "uid"), "7f-\"1");
	assert_int_equal(node_get(f->response, "allowed")->boolean, f->r.allowed);
	assert_true(f->r.allowed == !f->r.n_errors && f->r.allowed == !f->r.first);
	assert_true(f->r.allowed == !node_get(f->response, "status"));
	return 0;
}

/* more: members of request, each with a comma behind it. */
static int review(struct fix *f, const char *operation, const char *group, const char *version, const char *kind,
		  const char *more, const char *object)
{
	return send_text(f, arena_printf(&f->a,
					 "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{"
					 "\"uid\":\"7f-\\\"1\",\"kind\":{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"},%s"
					 "\"operation\":\"%s\",\"userInfo\":{\"username\":\"a\"},\"object\":%s,\"oldObject\":null,"
					 "\"dryRun\":true}}",
					 group, version, kind, more, operation, object));
}

#define META "\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\",\"managedFields\":[{\"fieldsV1\":{\"f:x\":{}}}]}"
#define HEAD "{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\"," META ","
#define ROUTE(more) "\"spec\":{\"hosts\":[\"a\"],\"http\":[{" more "\"route\":[{\"destination\":{\"host\":\"a\"}}]}]}"
#define GOOD HEAD ROUTE("") ",\"status\":{\"any\":[1]}}"

static int of_service(struct fix *f, const char *operation, const char *more, const char *object)
{
	return review(f, operation, "networking.istio.io", "v1", "VirtualService", more, object);
}

static const char *message(const struct fix *f)
{
	const struct node *status = node_get(f->response, "status");

	assert_string_equal(node_get(status, "code")->text, "422");
	assert_string_equal(node_text(status, "reason"), "Invalid");
	return node_text(status, "message");
}

static void good_objects_pass(void **state)
{
	struct fix *f = *state;

	assert_int_equal(of_service(f, "CREATE", "", GOOD), 0);
	assert_true(f->r.allowed);
	assert_int_equal(f->r.kind, KIND_VIRTUAL_SERVICE);
	assert_string_equal(f->r.ns, "shop");
	assert_string_equal(f->r.name, "a");
	assert_null(node_get(f->response, "warnings"));
	assert_int_equal(of_service(f, "UPDATE", "", GOOD), 0);
	assert_true(f->r.allowed);
}

static void faults_are_named(void **state)
{
	struct fix *f = *state;
	const struct diag_info *info = diag_info(D_FIELD_UNKNOWN);

	assert_int_equal(of_service(f, "UPDATE", "", HEAD ROUTE("\"timeuot\":\"1s\",") "}"), 0);
	assert_false(f->r.allowed);
	assert_int_equal(f->r.n_errors, 1);
	assert_non_null(strstr(message(f), "NAV0101 spec.http[0].timeuot: "));
	assert_non_null(strstr(message(f), info->cause));
	assert_non_null(strstr(message(f), info->fix));
	assert_int_equal(of_service(f, "CREATE", "", HEAD ROUTE("") ",\"speck\":1}"), 0);
	assert_non_null(strstr(message(f), "\"speck\""));
	assert_int_equal(of_service(f, "CREATE", "", HEAD "\"spec\":{\"hosts\":[\"a\"],\"hosts\":[\"b\"]}}"), 0);
	assert_non_null(strstr(message(f), diag_info(D_DUPLICATE_KEY)->id));
}

static void unseen_objects_pass(void **state)
{
	struct fix *f = *state;
	static const char bad[] = HEAD "\"spec\":{\"no\":1}}";
	static const char going[] = "{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\",\"metadata\":{\"name\":\"a\","
				    "\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"},\"spec\":{\"no\":1}}";

	assert_int_equal(of_service(f, "CREATE", "", bad), 0);
	assert_false(f->r.allowed);
	assert_int_equal(of_service(f, "DELETE", "", "null"), 0);
	assert_true(f->r.allowed && f->r.kind == -1);
	assert_int_equal(of_service(f, "CONNECT", "", bad), 0);
	assert_true(f->r.allowed);
	assert_int_equal(of_service(f, "UPDATE", "\"subResource\":\"status\",", bad), 0);
	assert_true(f->r.allowed);
	assert_int_equal(of_service(f, "UPDATE", "\"subResource\":\"\",", bad), 0);
	assert_false(f->r.allowed);
	assert_int_equal(of_service(f, "UPDATE", "", going), 0);
	assert_true(f->r.allowed);
	assert_int_equal(review(f, "CREATE", "batch", "v1", "Job", "", "{\"kind\":\"Job\"}"), 0);
	assert_true(f->r.allowed && f->r.kind == -1);
	assert_int_equal(review(f, "CREATE", "networking.istio.io", "v9", "VirtualService", "", bad), 0);
	assert_true(f->r.allowed);
	assert_int_equal(review(f, "CREATE", "", "v1", "Service", "",
				"{\"apiVersion\":\"v1\",\"kind\":\"Service\"," META ",\"spec\":{\"ports\":[{\"port\":70000}]}}"), 0);
	assert_false(f->r.allowed);
}

static void warnings_go_along(void **state)
{
	struct fix *f = *state;
	const struct node *warnings;
	struct buf object;

	buf_init(&object, 1 << 20);
	buf_str(&object, HEAD "\"spec\":{\"hosts\":[\"a\"],\"http\":[");
	for (int i = 0; i < 90; i++) /* a deprecated field each: more warnings than an API server takes */
		buf_printf(&object, "%s{\"mirrorPercent\":5,\"mirror\":{\"host\":\"b\"},\"route\":[{\"destination\":{\"host\":\"a\"}}]}",
			   i ? "," : "");
	buf_str(&object, "]}}");
	assert_int_equal(of_service(f, "CREATE", "", buf_cstr(&object)), 0);
	buf_fini(&object);
	assert_true(f->r.allowed);
	warnings = node_get(f->response, "warnings");
	assert_non_null(warnings);
	assert_in_range(warnings->n, 10, 89);
	assert_memory_equal(warnings->list[0].text, "NAV0109 spec.http[0].mirrorPercent: ", 36);
	for (size_t i = 0, all = 0; i < warnings->n; i++) {
		all += warnings->list[i].n;
		assert_in_range(warnings->list[i].n, 20, 256);
		assert_in_range(all, 1, 4096);
	}
}

static void answers_are_bounded_text(void **state)
{
	struct fix *f = *state;
	struct buf object;

	buf_init(&object, 1 << 20);
	buf_str(&object, HEAD "\"spec\":{\"hosts\":[\"a\"]");
	for (int i = 0; i < 300; i++) { /* findings quote 100 bytes: of an odd one, half of its last letter */
		buf_printf(&object, ",\"x%d\\n%s", i, i % 2 ? "y" : "");
		for (int k = 0; k < 90; k++)
			buf_str(&object, "\xc3\xa9");
		buf_str(&object, "\":1");
	}
	buf_str(&object, "}}");
	assert_int_equal(of_service(f, "CREATE", "", buf_cstr(&object)), 0);
	buf_fini(&object);
	assert_true(f->r.n_errors >= 300);
	assert_non_null(strstr(message(f), " errors more"));
	assert_null(strstr(message(f), "\n\n"));
	assert_in_range(strlen(message(f)), 1000, 16 * 1024);
}

static void what_is_no_review(void **state)
{
	struct fix *f = *state;
	static const char *const bad[] = {
		"", "{}", "[]", "null", "garbage", "{\"kind\":\"AdmissionReview\"", "\xff\xfe",
		"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1beta1\",\"request\":{\"uid\":\"7f-\\\"1\",\"operation\":\"CREATE\"}}",
		"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}",
		"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":[{\"uid\":\"1\"}]}",
		"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"\",\"operation\":\"CREATE\"}}",
		"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"1\"}}",
		"{\"kind\":\"AdmissionReview\",\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"1\",\"operation\":\"DELETE\"}}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!send_text(f, bad[i]))
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(of_service(f, "CREATE", "", "null"), -1);
	assert_int_equal(of_service(f, "CREATE", "", "[" GOOD "]"), -1);
	assert_int_equal(of_service(f, "CREATE", "", "{\"apiVersion\":\"v1\",\"kind\":\"Service\"," META ",\"spec\":{}}"), -1);
}

/* ---- the command line over the same object ---- */

static void drop(const struct load_item *item, void *arg)
{
	(void)arg;
	object_unref(item->object);
}

static void findings_are_the_command_lines(void **state)
{
	static const char *const objects[] = {
		GOOD,
		HEAD "\"spec\":{}}",
		HEAD "\"spec\":{\"hosts\":[],\"http\":[{\"timeout\":\"never\"}]}}",
		HEAD ROUTE("\"retries\":{\"attempts\":-1,\"retryOn\":\"nonsense\"},") "}",
		HEAD ROUTE("\"match\":[{\"uri\":{\"regex\":\"(\"}}],") ",\"other\":{\"a\":1}}",
		HEAD "\"spec\":[]}",
		HEAD "\"spec\":\"text\"}",
		"{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\",\"metadata\":{\"name\":\"A_b\"},\"spec\":{}}",
		"{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\",\"spec\":{}}",
	};
	struct fix *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		struct diags ds;

		diags_init(&ds, &f->a);
		load_text("x", objects[i], strlen(objects[i]), SCHEMA_STRICT, &ds, drop, NULL);
		assert_int_equal(of_service(f, "CREATE", "", objects[i]), 0);
		if (ds.nerrors != f->r.n_errors)
			fail_msg("%s: %zu errors, the command line has %zu", objects[i], f->r.n_errors, ds.nerrors);
		for (size_t k = 0; k < ds.n; k++)
			if (ds.v[k].severity == DIAG_ERROR)
				assert_non_null(strstr(message(f), ds.v[k].text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_objects_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(faults_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(unseen_objects_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(warnings_go_along, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_bounded_text, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_review, setup, teardown),
		cmocka_unit_test_setup_teardown(findings_are_the_command_lines, setup, teardown),
	};

	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
