/* SPDX-License-Identifier: Apache-2.0
 *
 * What scenarios do not show: sizes, limits, memory, wire bytes. The protocol's rules are in
 * test/scenario.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <malloc.h>
#include <cmocka.h>

#include "xds/session_int.h"

static const char *const url_cds = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
static const char *const url_eds = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

static const struct session_events no_events;

/* n resources in each of CDS and EDS, of len bytes each. */
static struct bundle *bundle_of(struct res_table *t, size_t n, size_t len, struct arena *a)
{
	struct compiled c = {.gen = 1};
	struct res_new *v = arena_array(a, struct res_new, n);
	uint8_t *bytes = arena_alloc(a, len);

	for (size_t i = 0; i < n; i++)
		v[i] = (struct res_new){.name = arena_printf(a, "outbound|80||s%05zu.ns.svc.cluster.local", i),
					.bytes = bytes, .len = len};
	for (int type = XDS_CDS; type <= XDS_EDS; type++) {
		c.set[type].v = v;
		c.set[type].n = n;
	}
	return bundle_adopt(t, &c, NULL);
}

static struct session *session_of(struct res_table *t, bool delta, uint64_t id)
{
	return session_new(t, &(struct session_opts){.delta = delta, .only_type = -1, .id = id}, &no_events);
}

static int request(struct session *s, const char *url, const char *nonce, const char *const *names, size_t n, bool delta)
{
	struct xds_request q = {.type_url = url, .nonce = nonce, .version = ""};
	struct err e = {0};

	if (delta)
		q.subscribe = (struct strs){names, n};
	else
		q.names = (struct strs){names, n};
	return session_receive(s, &q, 0, &e);
}

static void wire_bytes(void **state)
{
	static const uint8_t body[] = {0x0a, 1, 'a'};
	struct response_item item = {.name = "a", .version = "v", .bytes = body, .len = sizeof(body)};
	struct response r = {.version = "1", .type_url = "t", .nonce = "n", .items = &item, .n_items = 1,
			     .removed = (const char *const[]){"x"}, .n_removed = 1};
	static const char sotw[] = "\x0a\1" "1" "\x12\x08" "\x0a\1t" "\x12\3" "\x0a\1" "a" "\x22\1t" "\x2a\1n" "\x32\1x";
	static const char delta[] = "\x0a\1" "1" "\x12\x10" "\x0a\1v" "\x12\x08" "\x0a\1t" "\x12\3" "\x0a\1" "a" "\x1a\1" "a"
				    "\x22\1t" "\x2a\1n" "\x32\1x";
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	response_encode(&r, &out);
	assert_int_equal(out.n, sizeof(sotw) - 1);
	assert_memory_equal(out.p, sotw, out.n);
	buf_clear(&out);
	r.delta = true;
	response_encode(&r, &out);
	assert_int_equal(out.n, sizeof(delta) - 1);
	assert_memory_equal(out.p, delta, out.n);
	buf_fini(&out);
}

/* A big set comes in parts, each behind the acknowledgement of the one before. */
static void big_sets_come_in_parts(void **state)
{
	enum { N = 100, LEN = 100000 };
	struct res_table t;
	struct arena a;
	struct bundle *b;
	struct session *s;
	struct buf out;
	size_t n = 0, parts = 0;

	(void)state;
	arena_init(&a, 0);
	res_table_init(&t);
	b = bundle_of(&t, N, LEN, &a);
	s = session_of(&t, true, 1);
	session_set_bundle(s, b);
	buf_init(&out, 64 << 20);
	assert_int_equal(request(s, url_cds, "", NULL, 0, true), 0);
	while (session_next(s, 0, &out)) {
		assert_true(out.n < SESSION_RESPONSE_BYTES + 2 * LEN);
		n += out.n / LEN;
		parts++;
		assert_int_equal(request(s, url_cds, arena_printf(&a, "1-%zx", parts), NULL, 0, true), 0);
		buf_clear(&out);
	}
	assert_int_equal(n, N);
	assert_int_equal(parts, 5);
	buf_fini(&out);
	session_free(s);
	bundle_unref(&t, b);
	res_table_fini(&t);
	arena_fini(&a);
}

/* A refusal lasts while the content does, in either variant. */
static void says_what_is_refused(void **state)
{
	static const char name[] = "outbound|80||s00000.ns.svc.cluster.local";
	struct xds_request nack = {.type_url = url_cds, .nonce = "1-1", .version = "", .has_error = true};

	(void)state;
	for (int delta = 0; delta < 2; delta++) {
		struct res_table t;
		struct arena a;
		struct bundle *b, *other;
		struct session *s;
		struct buf out;
		struct err e = {0};

		arena_init(&a, 0);
		res_table_init(&t);
		buf_init(&out, 1 << 20);
		b = bundle_of(&t, 1, 20, &a);
		other = bundle_of(&t, 1, 21, &a);
		s = session_of(&t, delta, 1);
		assert_false(session_refuses(s, XDS_CDS, name));
		session_set_bundle(s, b);
		assert_int_equal(request(s, url_cds, "", NULL, 0, delta), 0);
		assert_true(session_next(s, 0, &out));
		assert_false(session_refuses(s, XDS_CDS, name));
		nack.error_text = "no";
		assert_int_equal(session_receive(s, &nack, 0, &e), 0);
		assert_true(session_refuses(s, XDS_CDS, name));
		assert_false(session_refuses(s, XDS_CDS, "x"));
		assert_false(session_refuses(s, XDS_EDS, name));
		session_set_bundle(s, other);
		assert_false(session_refuses(s, XDS_CDS, name));
		session_free(s);
		bundle_unref(&t, b);
		bundle_unref(&t, other);
		res_table_fini(&t);
		buf_fini(&out);
		arena_fini(&a);
	}
}

static void too_many_names(void **state)
{
	struct res_table t;
	struct arena a;
	struct session *s;
	const char **names;
	struct xds_request q = {.type_url = url_eds, .nonce = ""};
	struct err e = {0};

	(void)state;
	arena_init(&a, 0);
	res_table_init(&t);
	s = session_of(&t, true, 1);
	names = arena_array(&a, const char *, SESSION_NAMES_MAX + 1);
	for (size_t i = 0; i <= SESSION_NAMES_MAX; i++)
		names[i] = arena_printf(&a, "n%zu", i);
	q.subscribe = (struct strs){names, SESSION_NAMES_MAX};
	assert_int_equal(session_receive(s, &q, 0, &e), 0);
	q.subscribe = (struct strs){names + SESSION_NAMES_MAX, 1};
	assert_int_equal(session_receive(s, &q, 0, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	session_free(s);
	res_table_fini(&t);
	arena_fini(&a);
}

/* Brings a session in sync with all clusters and assignments. */
static void sync(struct session *s, struct bundle *b, const char *const *names, size_t n, struct buf *out)
{
	char nonce[40];

	session_set_bundle(s, b);
	assert_int_equal(request(s, url_cds, "", NULL, 0, true), 0);
	assert_int_equal(request(s, url_eds, "", names, n, true), 0);
	for (int i = 1; i <= 2; i++) {
		buf_clear(out);
		assert_true(session_next(s, 0, out));
		snprintf(nonce, sizeof(nonce), "1-%x", i);
		assert_int_equal(request(s, i == 1 ? url_cds : url_eds, nonce, NULL, 0, true), 0);
	}
	assert_false(session_wants_to_send(s));
}

/* An idle client in sync costs a fixed part and a byte for each resource of its view; sanitizers count
 * differently, so the bound is checked without them. */
static void a_thousand_idle_sessions(void **state)
{
	enum { SESSIONS = 1000, N = 1000 };
	struct session **s = calloc(SESSIONS, sizeof(struct session *));
	const char **names;
	struct res_table t;
	struct arena a;
	struct bundle *b;
	struct buf out;
	size_t before, after;

	(void)state;
	arena_init(&a, 0);
	res_table_init(&t);
	b = bundle_of(&t, N, 200, &a);
	names = arena_array(&a, const char *, N);
	for (size_t i = 0; i < N; i++)
		names[i] = b->set[XDS_EDS]->row[i].res->name;
	buf_init(&out, 64 << 20);
	s[0] = session_of(&t, true, 1);
	sync(s[0], b, names, N, &out);
	before = mallinfo2().uordblks;
	for (int i = 1; i < SESSIONS; i++) {
		s[i] = session_of(&t, true, 1);
		sync(s[i], b, names, N, &out);
	}
	after = mallinfo2().uordblks;
	print_message("an idle session with %d clusters and assignments: %zu bytes\n", N,
		      (after - before) / (SESSIONS - 1));
	if (!PBW_CHECK)
		assert_true((after - before) / (SESSIONS - 1) < 2000 + 2 * N);
	for (int i = 0; i < SESSIONS; i++)
		session_free(s[i]);
	free(s);
	buf_fini(&out);
	bundle_unref(&t, b);
	res_table_fini(&t);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wire_bytes), cmocka_unit_test(big_sets_come_in_parts), cmocka_unit_test(too_many_names),
	    cmocka_unit_test(says_what_is_refused),
	    cmocka_unit_test(a_thousand_idle_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
