/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pb/cluster.h"
#include "pb/core.h"
#include "pb/discovery.h"
#include "pb/endpoint.h"
#include "pb/tls.h"
#include "pb/type.h"
#include "pb/wkt.h"

struct fixture {
	struct arena arena;
	struct pbw w;
};

static int setup(void **state)
{
	static struct fixture f;

	arena_init(&f.arena, 0);
	pbw_init(&f.w, &f.arena);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	arena_fini(&((struct fixture *)*state)->arena);
	return 0;
}

#define assert_bytes(bytes, text) \
	do { \
		struct pb_bytes got = (bytes); \
\
		assert_int_equal(got.n, sizeof(text) - 1); \
		assert_memory_equal(got.p, text, sizeof(text) - 1); \
	} while (0)

static void test_defaults_are_not_emitted(void **state)
{
	struct fixture *f = *state;
	struct w_cluster c = w_cluster_root(&f->w);

	w_cluster_alt_stat_name(c, NULL);
	w_cluster_lb_policy(c, W_LB_ROUND_ROBIN);
	w_cluster_name(c, "");
	assert_bytes(pbw_finish(&f->w), "");
}

static void test_presence_is_kept(void **state)
{
	struct fixture *f = *state;
	struct w_cluster c = w_cluster_root(&f->w);

	w_cluster_type(c, W_DISCOVERY_TYPE_STATIC);	/* in a oneof */
	assert_bytes(pbw_finish(&f->w), "\x10\x00");
	c = w_cluster_root(&f->w);
	w_cluster_per_connection_buffer_limit_bytes(c, 0);	/* a wrapper */
	assert_bytes(pbw_finish(&f->w), "\x2a\x00");
}

static void test_durations(void **state)
{
	struct fixture *f = *state;
	struct w_cluster c = w_cluster_root(&f->w);

	w_cluster_connect_timeout_ns(c, 10 * INT64_C(1000000000));
	assert_bytes(pbw_finish(&f->w), "\x22\x02\x08\x0a");
	c = w_cluster_root(&f->w);
	w_cluster_connect_timeout_ns(c, 1);
	assert_bytes(pbw_finish(&f->w), "\x22\x02\x10\x01");
	c = w_cluster_root(&f->w);
	w_cluster_connect_timeout_ns(c, 0);
	assert_bytes(pbw_finish(&f->w), "\x22\x00");
}

static void test_maps_and_structs(void **state)
{
	struct fixture *f = *state;
	struct w_metadata md = w_metadata_root(&f->w);
	struct w_struct s = w_metadata_filter_metadata_put_begin(md), in;

	in = w_struct_struct_begin(s);
	w_struct_bool(in, "k", true);
	w_struct_struct_end(s, in, "b");
	w_struct_string(s, "a", "x");
	w_metadata_filter_metadata_put_end(md, s, "f");
	assert_bytes(pbw_finish(&f->w),
		     "\x0a\x21\x0a\x01" "f" "\x12\x1c"
		     "\x0a\x08\x0a\x01" "a" "\x12\x03\x1a\x01x"
		     "\x0a\x10\x0a\x01" "b" "\x12\x0b\x2a\x09\x0a\x07\x0a\x01k\x12\x02\x20\x01");
}

static void test_any(void **state)
{
	struct fixture *f = *state;
	struct w_transport_socket ts = w_transport_socket_root(&f->w);
	struct w_upstream_tls_context t =
		w_upstream_tls_context_any_begin(w_transport_socket_typed_config_begin(ts));
	struct pb_bytes b;

	w_upstream_tls_context_sni(t, "a");
	w_transport_socket_typed_config_end(ts, w_upstream_tls_context_any_end(t));
	w_transport_socket_name(ts, "tls");
	b = pbw_finish(&f->w);
	assert_memory_equal(b.p, "\x0a\x03tls\x1a", 6);
	assert_memory_equal(b.p + b.n - 5, "\x12\x03\x12\x01" "a", 5);

	ts = w_transport_socket_root(&f->w);
	w_transport_socket_typed_config_empty(ts, W_URL_RAW_BUFFER);
	b = pbw_finish(&f->w);
	assert_int_equal(b.n, 4 + sizeof(W_URL_RAW_BUFFER) - 1);
}

static void test_packed_numbers(void **state)
{
	struct fixture *f = *state;
	struct w_health_status_set s = w_health_status_set_root(&f->w);
	const enum w_health_status v[] = {W_HEALTH_STATUS_UNKNOWN, W_HEALTH_STATUS_HEALTHY,
					  W_HEALTH_STATUS_DRAINING};

	w_health_status_set_statuses(s, v, 3);
	assert_bytes(pbw_finish(&f->w), "\x0a\x03\x00\x01\x03");
}

static void test_growth_keeps_what_is_finished(void **state)
{
	struct fixture *f = *state;
	struct w_assignment m = w_assignment_root(&f->w);
	struct pb_bytes first, big;
	char name[300] = {0};

	w_assignment_cluster_name(m, "first");
	first = pbw_finish(&f->w);
	m = w_assignment_root(&f->w);
	memset(name, 'x', sizeof(name) - 1);
	for (int i = 0; i < 2000; i++) {
		struct w_locality_lb_endpoints l = w_assignment_endpoints_begin(m);
		struct w_locality loc = w_locality_lb_endpoints_locality_begin(l);

		w_locality_region(loc, name);
		w_locality_lb_endpoints_locality_end(l, loc);
		w_assignment_endpoints_end(m, l);
	}
	big = pbw_finish(&f->w);
	assert_bytes(first, "\x0a\x05" "first");
	assert_int_equal(big.n, 2000 * (299 + 3 + 3 + 3));
	assert_memory_equal(big.p + big.n - 299, name, 299);
}

static void test_negative_and_wide_numbers(void **state)
{
	struct fixture *f = *state;
	struct w_status s = w_status_root(&f->w);
	struct w_double_range r;

	w_status_code(s, -1);
	assert_bytes(pbw_finish(&f->w), "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	r = w_double_range_root(&f->w);
	w_double_range_start(r, 1.0);
	assert_bytes(pbw_finish(&f->w), "\x09\x00\x00\x00\x00\x00\x00\xf0\x3f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults_are_not_emitted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_presence_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_durations, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maps_and_structs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any, setup, teardown),
		cmocka_unit_test_setup_teardown(test_packed_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_growth_keeps_what_is_finished, setup, teardown),
		cmocka_unit_test_setup_teardown(test_negative_and_wide_numbers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
