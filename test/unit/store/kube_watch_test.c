/* SPDX-License-Identifier: Apache-2.0
 *
 * kube_watch under virtual time: each case is a script of what the server says and what must be asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "store/kube_watch.h"

struct fix {
	struct arena arena;
	struct kube_watch *w;
	int64_t now;
	struct buf log;			/* events, one word each */
	struct kube_next next;
};

static void note(struct fix *f, const char *what, const struct node *root)
{
	const char *name = node_text(node_get(root, "metadata"), "name");

	buf_printf(&f->log, "%s%s%s ", what, name ? ":" : "", name ? name : "");
}

static void on_put(void *arg, const struct node *root)
{
	assert_non_null(node_text(root, "apiVersion"));
	note(arg, "put", root);
}

static void on_removed(void *arg, const struct node *root)
{
	note(arg, "removed", root);
}

static void on_broken(void *arg, const char *why)
{
	assert_true(*why);
	note(arg, "broken", NULL);
}

static void on_list_began(void *arg)
{
	note(arg, "[", NULL);
}

static void on_list_ended(void *arg, bool whole)
{
	note(arg, whole ? "]" : "!", NULL);
}

static void on_vanished(void *arg)
{
	note(arg, "vanished", NULL);
}

static void on_trouble(void *arg, const char *why)
{
	note(arg, why ? "trouble" : "well", NULL);
}

static void on_reverted(void *arg)
{
	note(arg, "reverted", NULL);
}

static const struct kube_watch_events events = {on_put,        on_removed,  on_broken,  on_list_began,
						on_list_ended, on_vanished, on_trouble, on_reverted};

static void start(struct fix *f, enum kind kind)
{
	struct kube_watch_cfg cfg = {.kind = kind, .page = 2, .seed = 7, .events = &events, .arg = f};

	*f = (struct fix){.now = 1000000};
	arena_init(&f->arena, 0);
	buf_init(&f->log, 1 << 20);
	f->w = kube_watch_new(&cfg);
}

static void stop(struct fix *f)
{
	kube_watch_free(f->w);
	buf_fini(&f->log);
	arena_fini(&f->arena);
}

/* The next request, after the wait that comes before it: between least and most. */
static const char *ask_within(struct fix *f, int64_t least, int64_t most)
{
	int64_t waited = 0;

	for (;;) {
		kube_watch_next(f->w, f->now, &f->next);
		if (f->next.target)
			break;
		assert_true(f->next.wait_ms > 0);
		waited += f->next.wait_ms;
		f->now += f->next.wait_ms;
	}
	if (waited < least || waited > most)
		fail_msg("waited %lld ms, not %lld to %lld", (long long)waited, (long long)least, (long long)most);
	assert_true(f->next.idle_ms > 0 && f->next.idle_ms <= 90000);
	return f->next.target;
}

static const char *ask(struct fix *f)
{
	return ask_within(f, 0, 0);
}

static bool say(struct fix *f, const char *text)
{
	return kube_watch_received(f->w, f->now, text, strlen(text));
}

static void end(struct fix *f)
{
	kube_watch_ended(f->w, f->now, NULL);
}

static void break_off(struct fix *f, enum err_code code)
{
	struct err e;

	err_set(&e, code, "as the test wants it");
	kube_watch_ended(f->w, f->now, &e);
}

static void answer(struct fix *f, unsigned status, const char *body)
{
	kube_watch_answered(f->w, status, -1);
	say(f, body);
	end(f);
}

static void expect(struct fix *f, const char *log)
{
	assert_string_equal(buf_cstr(&f->log), log);
	buf_clear(&f->log);
}

#define EVENT(type, name, version)                                                                 \
	"{\"type\":\"" type "\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"" name            \
	"\",\"namespace\":\"n\",\"resourceVersion\":\"" version "\"}}}\n"
#define BOOKMARK(version) "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"" version "\"}}}\n"
#define END_MARK(version)                                                                          \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version                                     \
	"\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define GONE "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"message\":\"too old\",\"code\":410}}\n"
#define PAGE(version, token, items) "{\"metadata\":{\"resourceVersion\":\"" version "\"" token "},\"items\":[" items "]}"
#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\"}}"

/* A list by stream, up to the watch that it becomes. */
static void list(struct fix *f)
{
	assert_non_null(strstr(ask(f), "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
	kube_watch_answered(f->w, 200, -1);
	assert_true(say(f, EVENT("ADDED", "a", "5")));
	assert_false(kube_watch_is_settled(f->w, f->now));
	assert_true(say(f, END_MARK("9")));
	assert_true(kube_watch_is_settled(f->w, f->now));
	expect(f, "[ put:a ] ");
}

static void stream_and_resume(void **state)
{
	struct fix f;

	(void)state;
	start(&f, KIND_POD);
	list(&f);
	say(&f, EVENT("MODIFIED", "a", "10") EVENT("ADDED", "b", "11") EVENT("DELETED", "a", "12"));
	expect(&f, "put:a put:b removed:a ");
	f.now += 5000;
	end(&f);
	assert_non_null(strstr(ask(&f), "&resourceVersion=12"));
	kube_watch_answered(f.w, 200, -1);
	say(&f, BOOKMARK("40"));
	f.now += 60000;
	break_off(&f, ERR_IO);
	assert_non_null(strstr(ask_within(&f, 500, 750), "&resourceVersion=40"));
	expect(&f, "trouble ");
	kube_watch_answered(f.w, 200, -1);
	expect(&f, "well ");
	/* 410, by event and by status, is a list */
	assert_false(say(&f, GONE));
	break_off(&f, ERR_CANCELLED);
	assert_non_null(strstr(ask_within(&f, 1, 1000), "sendInitialEvents"));
	kube_watch_answered(f.w, 200, -1);
	say(&f, END_MARK("50"));
	f.now += 2000;
	end(&f);
	assert_non_null(strstr(ask(&f), "&resourceVersion=50"));
	answer(&f, 410, "{}");
	assert_non_null(strstr(ask_within(&f, 1, 1000), "sendInitialEvents"));
	expect(&f, "[ ] [ ");
	stop(&f);
}

static void any_pieces(void **state)
{
	static const char text[] = EVENT("ADDED", "a", "1") EVENT("ADDED", "b", "2") END_MARK("3") EVENT("DELETED", "a", "4");

	(void)state;
	for (size_t n = 1; n < sizeof(text); n++) {
		struct fix f;

		start(&f, KIND_POD);
		ask(&f);
		kube_watch_answered(f.w, 200, -1);
		for (size_t at = 0; at < sizeof(text) - 1; at += n)
			kube_watch_received(f.w, f.now, text + at, sizeof(text) - 1 - at < n ? sizeof(text) - 1 - at : n);
		expect(&f, "[ put:a put:b ] removed:a ");
		stop(&f);
	}
}

static void by_pages(void **state)
{
	struct fix f;

	(void)state;
	start(&f, KIND_POD);
	ask(&f);
	answer(&f, 422, "{\"message\":\"sendInitialEvents is forbidden\"}");
	assert_string_equal(ask(&f), "/api/v1/pods?limit=2");
	answer(&f, 200, PAGE("5", ",\"continue\":\"x/+=\"", ITEM("a") "," ITEM("b")));
	assert_string_equal(ask(&f), "/api/v1/pods?limit=2&continue=x%2F%2B%3D");
	/* the token went stale: all over, and in one */
	answer(&f, 410, "{}");
	assert_string_equal(ask_within(&f, 1, 1000), "/api/v1/pods?");
	expect(&f, "[ ! [ put:a put:b ! [ ");
	answer(&f, 200, PAGE("6", "", ITEM("a") "," ITEM("c")));
	expect(&f, "put:a put:c ] ");
	assert_non_null(strstr(ask(&f), "watch=1&allowWatchBookmarks=true"));
	assert_non_null(strstr(f.next.target, "&resourceVersion=6"));
	stop(&f);
}

/* Nothing but a whole list counts. */
static void no_list(void **state)
{
	static const char *const bodies[] = {
		"", "{", "[]", "{}", "<html>", "{\"kind\":\"Status\"}", "{\"items\":[]}", "{\"metadata\":{},\"items\":[]}",
		"{\"metadata\":{\"resourceVersion\":\"5\"}}", "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" ITEM("a"),
		"{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" ITEM("a") "]", PAGE("5", "", "") "x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct fix f;
		const char *log;

		start(&f, KIND_POD);
		ask(&f);
		answer(&f, 400, "");
		ask(&f);
		kube_watch_answered(f.w, 200, -1);
		say(&f, bodies[i]);
		end(&f);
		log = buf_cstr(&f.log);
		assert_non_null(strstr(log, "! trouble "));
		assert_null(strchr(log, ']'));
		assert_false(kube_watch_is_settled(f.w, f.now));
		ask_within(&f, 500, 750);
		stop(&f);
	}
}

/* An element that is none spoils the list's silence about others, and nothing else. */
static void broken_elements(void **state)
{
	struct fix f;

	(void)state;
	start(&f, KIND_POD);
	ask(&f);
	answer(&f, 400, "");
	ask(&f);
	answer(&f, 200, PAGE("5", "", ITEM("a") ",{\"metadata\":{\"name\":\"\xff\"}},7," ITEM("b")));
	expect(&f, "[ ! [ put:a broken broken put:b ! ");
	assert_true(kube_watch_is_settled(f.w, f.now));
	ask(&f);
	kube_watch_answered(f.w, 200, -1);
	say(&f, "{\"type\":\"ADDED\",\"obj\n{}\nnull\n{\"type\":\"X\",\"object\":{}}\n");
	say(&f, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\"}}}\n");
	say(&f, EVENT("ADDED", "../x", "6") EVENT("ADDED", "", "6"));	/* names that would be a path are no server's */
	say(&f, EVENT("ADDED", "c", "6"));
	expect(&f, "broken broken broken broken broken broken broken put:c ");
	/* what the event was about only a list can tell: within a minute */
	f.now += 60001;
	assert_false(say(&f, BOOKMARK("7")));
	break_off(&f, ERR_CANCELLED);
	assert_non_null(strstr(ask(&f), "limit=2"));
	stop(&f);
}

/* After a list that deletes nothing another one is due: within a minute at first, ever more seldom then. */
static void broken_lists(void **state)
{
	static const int64_t most[] = {60000, 120000, 240000, 480000, 480000};
	struct fix f;

	(void)state;
	start(&f, KIND_POD);
	ask(&f);
	answer(&f, 400, "");
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		ask(&f);
		answer(&f, 200, PAGE("5", "", ITEM("a") ",7"));
		assert_non_null(strstr(ask(&f), "watch=1"));
		kube_watch_answered(f.w, 200, -1);
		f.now += most[i] / 2 - 1;
		assert_true(say(&f, BOOKMARK("5")));
		f.now += most[i] / 2 + 2;
		assert_false(say(&f, BOOKMARK("5")));
		break_off(&f, ERR_CANCELLED);
	}
	ask(&f);
	answer(&f, 200, PAGE("7", "", ITEM("a")));
	assert_non_null(strstr(ask(&f), "watch=1"));
	kube_watch_answered(f.w, 200, -1);
	f.now += KUBE_AUDIT_MS / 2;
	assert_true(say(&f, BOOKMARK("8")));
	stop(&f);
}

/* What is older than what was read is no news, but a reason to look. */
static void back_in_time(void **state)
{
	struct fix f;

	(void)state;
	start(&f, KIND_POD);
	list(&f);	/* of 9 */
	assert_true(say(&f, EVENT("MODIFIED", "a", "12") EVENT("MODIFIED", "a", "12")));
	expect(&f, "put:a put:a ");	/* the same again does no harm */
	assert_true(say(&f, EVENT("MODIFIED", "a", "9") EVENT("DELETED", "a", "11") EVENT("ADDED", "b", "100")));
	expect(&f, "broken broken put:b ");
	f.now += 60001;
	assert_false(say(&f, BOOKMARK("99")));
	expect(&f, "broken ");
	break_off(&f, ERR_CANCELLED);
	/* a server that is older as a whole: its versions are given out again, and a list begins at once */
	assert_non_null(strstr(ask(&f), "sendInitialEvents"));
	kube_watch_answered(f.w, 200, -1);
	assert_false(say(&f, EVENT("ADDED", "a", "8") END_MARK("50")));
	expect(&f, "[ put:a reverted ] ");
	break_off(&f, ERR_CANCELLED);
	assert_non_null(strstr(ask(&f), "sendInitialEvents"));
	kube_watch_answered(f.w, 200, -1);
	assert_true(say(&f, EVENT("ADDED", "a", "8") END_MARK("50")));
	expect(&f, "[ put:a ] ");
	/* versions that are no numbers tell nothing */
	assert_true(say(&f, EVENT("MODIFIED", "a", "x") EVENT("MODIFIED", "a", "7") EVENT("MODIFIED", "a", "07")));
	expect(&f, "put:a put:a put:a ");
	stop(&f);
}

static void missing_kind(void **state)
{
	int64_t began;
	struct fix f;

	(void)state;
	start(&f, KIND_VIRTUAL_SERVICE);
	began = f.now;
	for (int round = 0; f.now - began < KUBE_VANISHED_MS + 2 * KUBE_ABSENT_RETRY_MS; round++) {
		static const char *const paths[] = {"/apis/networking.istio.io/v1/", "/apis/networking.istio.io/v1beta1/",
						    "/apis/networking.istio.io/v1alpha3/"};

		for (int i = 0; i < 3; i++) {
			assert_non_null(strstr(i ? ask(&f) : ask_within(&f, round ? 5000 : 0, round ? 15000 : 0), paths[i]));
			kube_watch_answered(f.w, 404, -1);
			say(&f, "404 page not found\n");
			end(&f);
		}
		assert_true(kube_watch_is_settled(f.w, f.now));
		assert_int_equal(kube_watch_state(f.w), KUBE_ABSENT);
	}
	assert_non_null(strstr(buf_cstr(&f.log), "vanished "));
	assert_null(strstr(strstr(buf_cstr(&f.log), "vanished ") + 1, "vanished "));
	assert_null(strstr(strstr(buf_cstr(&f.log), "trouble ") + 1, "trouble "));	/* told once */
	buf_clear(&f.log);
	/* installed, in the middle version only */
	ask_within(&f, 5000, 15000);
	answer(&f, 404, "");
	assert_non_null(strstr(ask(&f), "/v1beta1/"));
	kube_watch_answered(f.w, 200, -1);
	say(&f, "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"networking.istio.io/v1beta1\",\"kind\":\"VirtualService\",\"metadata\":"
		"{\"name\":\"r\"},\"spec\":{}}}\n" END_MARK("3"));
	assert_int_equal(kube_watch_state(f.w), KUBE_SYNCED);
	expect(&f, "[ ! [ put:r well ] ");
	stop(&f);
}

static void forbidden(void **state)
{
	struct fix f;
	int64_t began;

	(void)state;
	start(&f, KIND_POD);
	began = f.now;
	ask(&f);
	answer(&f, 403, "{\"kind\":\"Status\",\"message\":\"pods is forbidden\"}");
	/* a young server forbids everything: that is no state to start with */
	assert_false(kube_watch_is_settled(f.w, f.now));
	while (f.now - began < KUBE_FORBIDDEN_GRACE_MS) {
		ask_within(&f, 500, 1500);
		answer(&f, 403, "{\"kind\":\"Status\",\"message\":\"pods is forbidden\"}");
	}
	assert_true(kube_watch_is_settled(f.w, f.now));
	assert_null(strstr(strstr(buf_cstr(&f.log), "trouble ") + 1, "trouble "));
	ask_within(&f, 5000, 15000);
	kube_watch_answered(f.w, 200, -1);
	say(&f, END_MARK("1"));
	assert_int_equal(kube_watch_state(f.w), KUBE_SYNCED);
	stop(&f);
}

static void back_off(void **state)
{
	int64_t began;
	struct fix f;
	int requests = 0;

	(void)state;
	start(&f, KIND_POD);
	began = f.now;
	for (; f.now - began < 600000; requests++) {
		ask_within(&f, requests ? 500 : 0, 30000);
		if (requests % 2)
			answer(&f, 503, "");
		else
			break_off(&f, ERR_IO);
	}
	assert_in_range(requests, 25, 60);
	ask_within(&f, 500, 30000);
	kube_watch_answered(f.w, 429, 60000);
	end(&f);
	ask_within(&f, 60000, 60500);
	stop(&f);
}

/* A server that was restored from a backup says nothing to a watch of a later version. */
static void silence(void **state)
{
	struct fix f;

	(void)state;
	start(&f, KIND_POD);
	list(&f);
	f.now += KUBE_SILENCE_MS;
	break_off(&f, ERR_TIMEOUT);
	assert_non_null(strstr(ask(&f), "&resourceVersion=9"));
	for (int i = 0; i < 2; i++) {
		kube_watch_answered(f.w, 200, -1);
		f.now += KUBE_SILENCE_MS;
		break_off(&f, ERR_TIMEOUT);
		ask(&f);
	}
	assert_non_null(strstr(f.next.target, "sendInitialEvents"));
	/* and one that takes a list by stream for a watch, as is seen by its silence or by a bookmark */
	kube_watch_answered(f.w, 200, -1);
	say(&f, EVENT("ADDED", "a", "5"));
	f.now += KUBE_SILENCE_MS;
	break_off(&f, ERR_TIMEOUT);
	assert_non_null(strstr(ask_within(&f, 500, 750), "limit=2"));
	stop(&f);
	start(&f, KIND_POD);
	ask(&f);
	kube_watch_answered(f.w, 200, -1);
	assert_false(say(&f, EVENT("ADDED", "a", "5") BOOKMARK("6")));
	break_off(&f, ERR_CANCELLED);
	assert_non_null(strstr(ask_within(&f, 500, 750), "limit=2"));
	expect(&f, "[ put:a ! trouble [ ");
	stop(&f);
}

static void audit(void **state)
{
	struct fix f;
	int64_t began;

	(void)state;
	start(&f, KIND_POD);
	list(&f);
	began = f.now;
	while (f.now - began < 2 * KUBE_AUDIT_MS) {
		f.now += 400000;
		end(&f);
		if (strstr(ask(&f), "sendInitialEvents"))
			break;
		kube_watch_answered(f.w, 200, -1);
	}
	assert_in_range(f.now - began, KUBE_AUDIT_MS * 4 / 5, KUBE_AUDIT_MS * 5 / 4);
	stop(&f);
}

/* The machine slept: what was waited for is due once, and nothing twice. */
static void clock_jumps(void **state)
{
	struct fix f;

	(void)state;
	start(&f, KIND_POD);
	list(&f);
	f.now += 36000000;
	assert_true(say(&f, BOOKMARK("10")));
	break_off(&f, ERR_TIMEOUT);
	assert_non_null(strstr(ask(&f), "sendInitialEvents"));
	expect(&f, "[ ");
	answer(&f, 503, "");
	expect(&f, "! trouble ");
	f.now += 36000000;
	assert_non_null(strstr(ask(&f), "sendInitialEvents"));
	kube_watch_answered(f.w, 200, -1);
	say(&f, END_MARK("11"));
	expect(&f, "[ well ] ");
	f.now += 2000;
	end(&f);
	assert_non_null(strstr(ask(&f), "&resourceVersion=11"));
	stop(&f);
}

static void one_object(void **state)
{
	struct kube_watch_cfg cfg = {.kind = KIND_SECRET, .ns = "a", .name = "b", .page = 2, .events = &events};
	struct fix f;

	(void)state;
	start(&f, KIND_POD);
	kube_watch_free(f.w);
	cfg.arg = &f;
	f.w = kube_watch_new(&cfg);
	assert_true(!strncmp(ask(&f), "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Db&watch=1&", 68));
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_and_resume), cmocka_unit_test(any_pieces), cmocka_unit_test(by_pages),
		cmocka_unit_test(no_list), cmocka_unit_test(broken_elements), cmocka_unit_test(broken_lists), cmocka_unit_test(back_in_time),
		cmocka_unit_test(missing_kind),
		cmocka_unit_test(forbidden), cmocka_unit_test(back_off), cmocka_unit_test(silence),
		cmocka_unit_test(audit), cmocka_unit_test(clock_jumps), cmocka_unit_test(one_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
