/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to an API server, gathered and streamed, against the fake one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/kube_call.h"
#include "wait.h"
#include "world.h"

struct fix {
	struct world w;
	struct kube_client *client;
	struct kube_call *call;
	/* of the last reply */
	int replies;
	unsigned status;
	int64_t retry_after_ms;
	char *body;
	struct err why, checked;
	int rc;
};

static void start(struct fix *f)
{
	struct err e;

	*f = (struct fix){0};
	world_open(&f->w);
	fake_api_register(f->w.api, PODS, "Pod");
	fake_api_put(f->w.api, PODS, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"one\"}}");
	f->client = kube_client_new(f->w.loop, &f->w.access, "navarch-test/1", &e);
	assert_non_null(f->client);
}

static void stop(struct fix *f)
{
	kube_client_free(f->client);
	world_close(&f->w);
}

static void on_reply(void *arg, const struct kube_reply *r)
{
	struct fix *f = arg;

	f->replies++;
	f->status = r->status;
	f->retry_after_ms = r->retry_after_ms;
	f->body = arena_strndup(&f->w.arena, r->body, r->n_body);
	f->why = r->why ? *r->why : (struct err){0};
	f->rc = kube_reply_check(r, &f->checked);
}

static void ask(struct fix *f, const char *method, const char *target, const char *body, size_t max)
{
	struct kube_request r = {.method = method, .target = target, .body = body, .n_body = body ? strlen(body) : 0};
	int replies = f->replies;

	f->call = kube_call_ask(f->client, &r, max, on_reply, f);
	assert_int_equal(f->replies, replies);
	wait_for(&f->w, f->replies == replies + 1);
}

static void gathers(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	ask(&f, "GET", "/api/v1/namespaces/one/pods/a", NULL, 0);
	assert_int_equal(f.status, 200);
	assert_int_equal(f.rc, 0);
	assert_non_null(strstr(f.body, "\"name\":\"a\""));
	ask(&f, "POST", "/api/v1/namespaces/one/pods", "{\"metadata\":{\"name\":\"b\",\"namespace\":\"one\"}}", 0);
	assert_int_equal(f.status, 201);
	ask(&f, "GET", "/api/v1/namespaces/one/pods/b", NULL, 0);
	assert_int_equal(f.status, 200);
	ask(&f, "GET", "/api/v1/namespaces/one/pods/none", NULL, 0);
	assert_int_equal(f.rc, -1);
	assert_int_equal(f.checked.code, ERR_NOT_FOUND);
	assert_string_equal(f.checked.text, "not found (HTTP 404)");
	stop(&f);
}

static void says_what_failed(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	fake_api_fault(f.w.api, &(struct fake_fault){PODS, FAKE_STATUS, 429, 3, 1});
	ask(&f, "GET", PODS, NULL, 0);
	assert_int_equal(f.status, 429);
	assert_int_equal(f.retry_after_ms, 3000);
	assert_int_equal(f.checked.code, ERR_IO);
	fake_api_fault(f.w.api, &(struct fake_fault){PODS, FAKE_CUT, 20, 0, 1});
	ask(&f, "GET", PODS, NULL, 0);
	assert_int_equal(f.rc, -1);
	assert_int_equal(f.why.code, ERR_IO);
	ask(&f, "GET", PODS, NULL, 40);
	assert_int_equal(f.why.code, ERR_LIMIT);
	assert_string_equal(f.checked.text, "the answer has more than 40 bytes");
	ask(&f, "GET", PODS, NULL, strlen("{\"kind\":\"PodList\"") + 400);
	assert_int_equal(f.rc, 0);
	fake_api_set_token(f.w.api, "t");
	ask(&f, "GET", PODS, NULL, 0);
	assert_int_equal(f.checked.code, ERR_REFUSED);
	f.w.access.token = "t";
	ask(&f, "GET", PODS, NULL, 0);
	assert_int_equal(f.rc, 0);
	f.w.access.token = NULL;
	f.w.access.token_file = "/nonexistent/token";
	ask(&f, "GET", PODS, NULL, 0);
	assert_int_equal(f.status, 0);
	assert_int_equal(f.checked.code, ERR_NOT_FOUND);
	stop(&f);
}

/* A program that gives credentials: all calls wait for it, and it runs once. */
static void waits_for_credentials(void **state)
{
	static const char *const argv[] = {"/bin/sh", "-c",
					   "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
					   "\"status\":{\"token\":\"t\"}}'", NULL};
	static const char *const env[] = {"PATH=/bin:/usr/bin", NULL};
	static const struct kube_exec exec = {.argv = argv, .env = env, .api_version = "client.authentication.k8s.io/v1"};
	struct kube_request r = {.method = "GET", .target = PODS};
	struct kube_call *third;
	struct fix f;

	(void)state;
	start(&f);
	fake_api_set_token(f.w.api, "t");
	f.w.access.exec = &exec;
	kube_call_ask(f.client, &r, 0, on_reply, &f);
	kube_call_ask(f.client, &r, 0, on_reply, &f);
	third = kube_call_ask(f.client, &r, 0, on_reply, &f);
	loop_turn(f.w.loop, 0);
	kube_call_cancel(third);
	wait_for(&f.w, f.replies == 2);
	assert_int_equal(f.status, 200);
	assert_int_equal(fake_api_requests(f.w.api, PODS), 2);
	stop(&f);
}

/* An owner that asks again at once, whatever happens, does not hold up the loop. */
static void ask_again(void *arg, const struct kube_reply *reply)
{
	struct fix *f = arg;
	struct kube_request r = {.method = "GET", .target = PODS};

	assert_non_null(reply->why);
	f->replies++;
	kube_call_ask(f->client, &r, 0, ask_again, f);
}

static void loop_goes_on(void **state)
{
	struct kube_request r = {.method = "GET", .target = PODS};
	struct fix f;

	(void)state;
	start(&f);
	f.w.access.token_file = "/nonexistent/token";
	kube_call_ask(f.client, &r, 0, ask_again, &f);
	for (int i = 0; i < 10; i++)
		loop_turn(f.w.loop, 1);
	assert_in_range(f.replies, 2, 20);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathers),
		cmocka_unit_test(says_what_failed),
		cmocka_unit_test(waits_for_credentials),
		cmocka_unit_test(loop_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
