/* SPDX-License-Identifier: Apache-2.0
 *
 * Events: what is the same, what is dropped, what is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "node/node.h"
#include "report/event.h"

static const int64_t wall_ns = 1800000000000000000;

static struct event_about about(const char *name, const char *message)
{
	return (struct event_about){"networking.istio.io/v1", "VirtualService", "one", name, "u1", "Quarantined", message};
}

static uint64_t note(struct event_book *b, const char *name, const char *message, int64_t now_ms)
{
	struct event_about o = about(name, message);

	return event_note(b, &o, now_ms, wall_ns + now_ms * 1000000);
}

struct sent {
	char method[8], target[512], body[4096];
	bool again;
};

static bool send(struct event_book *b, uint64_t number, unsigned status, struct sent *out)
{
	struct event_request q;
	bool due;

	buf_init(&q.target, sizeof(out->target));
	buf_init(&q.body, sizeof(out->body));
	due = event_request(b, number, &q);
	if (due) {
		snprintf(out->method, sizeof(out->method), "%s", q.method);
		snprintf(out->target, sizeof(out->target), "%s", buf_cstr(&q.target));
		snprintf(out->body, sizeof(out->body), "%s", buf_cstr(&q.body));
		out->again = event_answered(b, number, status);
	}
	buf_fini(&q.target);
	buf_fini(&q.body);
	return due;
}

static void same_is_counted(void **state)
{
	struct event_book *b = event_book_new("navarchd", "pod-1", 0, 1);
	struct sent s;
	uint64_t n = note(b, "r", "it is \"bad\"", 0), gone;
	char name[300];

	(void)state;
	assert_int_not_equal(n, 0);
	assert_true(send(b, n, 201, &s));
	assert_string_equal(s.method, "POST");
	assert_string_equal(s.target, "/api/v1/namespaces/one/events");
	assert_non_null(strstr(s.body, "\"message\":\"it is \\\"bad\\\"\""));
	assert_non_null(strstr(s.body, "\"source\":{\"component\":\"navarchd\"}"));
	assert_non_null(strstr(s.body, "\"reportingInstance\":\"pod-1\""));
	assert_non_null(strstr(s.body, "\"firstTimestamp\":\"2027-01-15T08:00:00Z\",\"lastTimestamp\":\"2027-01-15T08:00:00Z\",\"count\":1"));
	assert_false(send(b, n, 200, &s));
	assert_int_equal(note(b, "r", "it is \"bad\"", 5000), n);
	assert_int_equal(note(b, "r", "it is \"bad\"", 9000), n);
	assert_true(send(b, n, 200, &s));
	assert_string_equal(s.method, "PATCH");
	assert_string_equal(s.body, "{\"count\":3,\"lastTimestamp\":\"2027-01-15T08:00:09Z\"}");
	snprintf(name, sizeof(name), "%s", strrchr(s.target, '/'));
	/* the server has forgotten it: another one begins */
	assert_int_equal(note(b, "r", "it is \"bad\"", 10000), n);
	assert_true(send(b, n, 404, &s) && s.again);
	assert_true(send(b, n, 201, &s) && !s.again);
	assert_string_equal(s.method, "POST");
	assert_null(strstr(s.body, name + 1));
	assert_non_null(strstr(s.body, "\"count\":1"));
	/* there is nowhere for it to be: no more of it, and what is said again is said anew */
	gone = note(b, "gone", "it is bad", 10000);
	assert_true(send(b, gone, 404, &s) && !s.again);
	assert_false(send(b, gone, 201, &s));
	assert_int_not_equal(note(b, "gone", "it is bad", 10001), gone);
	/* long after: a new one */
	assert_int_not_equal(note(b, "r", "it is \"bad\"", 10000 + EVENT_SERIES_MS + 1), n);
	assert_false(send(b, n, 200, &s));
	assert_false(send(b, 12345, 200, &s));
	event_book_free(b);
}

static void much_is_dropped(void **state)
{
	struct event_book *b = event_book_new("navarchd", "pod-1", 0, 1);
	unsigned noted = 0;
	char text[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "reason %d", i);
		noted += note(b, "r", text, 10) != 0;
	}
	assert_int_equal(noted, EVENT_OBJECT_MAX);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "r%d", i);
		noted += note(b, text, "bad", 20) != 0;
	}
	assert_int_equal(noted, EVENT_BURST);
	assert_int_equal(event_book_stats(b)->dropped, 1100 - EVENT_BURST);
	for (int i = 0; i < 3600; i++) {
		snprintf(text, sizeof(text), "r%d", i);
		noted += note(b, text, "bad", 20 + i * 1000) != 0;
	}
	assert_in_range(noted, EVENT_BURST + 60 * EVENT_PER_MIN - 2, EVENT_BURST + 60 * EVENT_PER_MIN + 2);
	event_book_free(b);
}

/* As long as may be, and no byte of another character. */
static void long_texts(void **state)
{
	struct event_book *b = event_book_new("navarchd", "pod-1", 0, 1);
	char name[254], message[3000];
	struct sent s;
	struct arena a;
	struct diags ds;
	const struct node *root;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(message, 0, sizeof(message));
	for (size_t i = 0; i + 3 < sizeof(message); i += 3)
		memcpy(message + i, "\xe2\x82\xac", 3);
	assert_true(send(b, note(b, name, message, 0), 201, &s));
	arena_init(&a, 0);
	diags_init(&ds, &a);
	root = node_parse_json(s.body, strlen(s.body), NULL, &a, &ds).root;
	assert_non_null(root);
	assert_in_range(strlen(node_text(root, "message")), EVENT_MESSAGE_MAX - 3, EVENT_MESSAGE_MAX);
	assert_in_range(strlen(node_text(node_get(root, "metadata"), "name")), 240, 253);
	arena_fini(&a);
	event_book_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_is_counted),
		cmocka_unit_test(much_is_dropped),
		cmocka_unit_test(long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
