/* SPDX-License-Identifier: Apache-2.0
 *
 * With the argument --pipe this program answers frames of test/tool/pbjson_diff.py instead of
 * running its tests: see there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "pb/cluster.h"
#include "pb/core.h"
#include "pb/tables.h"
#include "pb/tls.h"
#include "pb/wkt.h"
#include "xds/pbjson.h"

enum { TEXT_MAX = 64 << 20 };

struct fixture {
	struct arena arena;
	struct pbw w;
	struct buf text;
	struct err err;
};

static int setup(void **state)
{
	static struct fixture f;

	arena_init(&f.arena, 0);
	pbw_init(&f.w, &f.arena);
	buf_init(&f.text, TEXT_MAX);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	buf_fini(&f->text);
	arena_fini(&f->arena);
	return 0;
}

static const char *json_of(struct fixture *f, const struct pb_msg *m, struct pb_bytes b, unsigned flags)
{
	buf_clear(&f->text);
	assert_int_equal(pbjson_print(m, b, flags, &f->text, &f->err), 0);
	return buf_cstr(&f->text);
}

/* The text is read, written again and must be the same (or `want`). */
static void round_trip(struct fixture *f, const struct pb_msg *m, const char *text, const char *want)
{
	struct pb_bytes b;

	if (pbjson_parse(m, text, strlen(text), 0, &f->arena, &b, &f->err))
		fail_msg("%s: %s", text, f->err.text);
	assert_string_equal(json_of(f, m, b, 0), want ? want : text);
}

static void refused(struct fixture *f, const struct pb_msg *m, const char *text, const char *why)
{
	struct pb_bytes b;

	assert_int_equal(pbjson_parse(m, text, strlen(text), 0, &f->arena, &b, &f->err), -1);
	if (!strstr(f->err.text, why))
		fail_msg("%s: \"%s\" has no \"%s\"", text, f->err.text, why);
}

static struct pb_bytes sample(struct fixture *f)
{
	struct w_cluster c = w_cluster_root(&f->w);
	struct w_metadata md = w_cluster_metadata_begin(c);
	struct w_struct s = w_metadata_filter_metadata_put_begin(md);
	struct w_transport_socket ts;
	struct w_upstream_tls_context t;

	w_struct_number(s, "n", 0.1);
	w_metadata_filter_metadata_put_end(md, s, "istio");
	w_cluster_metadata_end(c, md);
	ts = w_cluster_transport_socket_begin(c);
	t = w_upstream_tls_context_any_begin(w_transport_socket_typed_config_begin(ts));
	w_upstream_tls_context_sni(t, "a\"b");
	w_transport_socket_typed_config_end(ts, w_upstream_tls_context_any_end(t));
	w_transport_socket_name(ts, "tls");
	w_cluster_transport_socket_end(c, ts);
	w_cluster_lb_policy(c, W_LB_LEAST_REQUEST);
	w_cluster_per_connection_buffer_limit_bytes(c, 7);
	w_cluster_connect_timeout_ns(c, 1500000000);
	w_cluster_type(c, W_DISCOVERY_TYPE_STATIC);
	w_cluster_name(c, "x");
	return pbw_finish(&f->w);
}

static void test_print(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(json_of(f, &pb_cluster, sample(f), 0),
		"{\"name\":\"x\",\"type\":\"STATIC\",\"connectTimeout\":\"1.500s\","
		"\"perConnectionBufferLimitBytes\":7,\"lbPolicy\":\"LEAST_REQUEST\","
		"\"transportSocket\":{\"name\":\"tls\",\"typedConfig\":{\"@type\":"
		"\"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\","
		"\"sni\":\"a\\\"b\"}},\"metadata\":{\"filterMetadata\":{\"istio\":{\"n\":0.1}}}}");
}

static void test_print_indented_snake(void **state)
{
	struct fixture *f = *state;
	struct w_cluster c = w_cluster_root(&f->w);

	w_cluster_metadata_empty(c);
	w_cluster_connect_timeout_ns(c, 0);
	assert_string_equal(json_of(f, &pb_cluster, pbw_finish(&f->w), PBJSON_SNAKE | PBJSON_INDENT),
			    "{\n  \"connect_timeout\": \"0s\",\n  \"metadata\": {}\n}");
}

static void test_parse_is_the_inverse(void **state)
{
	struct fixture *f = *state;
	struct pb_bytes b = sample(f), again;
	const char *text = json_of(f, &pb_cluster, b, PBJSON_SNAKE | PBJSON_INDENT);

	assert_int_equal(pbjson_parse(&pb_cluster, text, strlen(text), 0, &f->arena, &again, &f->err), 0);
	assert_int_equal(again.n, b.n);
	assert_memory_equal(again.p, b.p, b.n);
}

static void test_forms(void **state)
{
	struct fixture *f = *state;

	round_trip(f, &pb_struct, "{\"a\":[1,\"x\",null,true,{}],\"b\":{\"c\":-1.5}}", NULL);
	round_trip(f, &pb_value, "null", NULL);
	round_trip(f, &pb_duration, "\"-0.000000001s\"", NULL);
	round_trip(f, &pb_duration, "\"3s\"", NULL);
	round_trip(f, &pb_timestamp, "\"2026-02-28T23:59:59.500Z\"", NULL);
	round_trip(f, &pb_timestamp, "\"1969-12-31T23:59:59.999999999Z\"", NULL);
	round_trip(f, &pb_u_int64_value, "\"18446744073709551615\"", NULL);
	round_trip(f, &pb_int64_value, "5", "\"5\"");
	round_trip(f, &pb_bytes_value, "\"_-8\"", "\"/+8=\"");
	round_trip(f, &pb_double_value, "\"NaN\"", NULL);
	round_trip(f, &pb_double_value, "1e100", "1e+100");
	round_trip(f, &pb_any, "{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"1s\"}",
		   NULL);
	round_trip(f, &pb_any, "{\"@type\":\"type.googleapis.com/no.such.Type\",\"value\":\"AQI=\"}", NULL);
	round_trip(f, &pb_cluster, "{\"lb_policy\":5,\"connect_timeout\":null}", "{\"lbPolicy\":\"MAGLEV\"}");
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;

	refused(f, &pb_cluster, "{\"nam\":1}", "no field \"nam\"");
	refused(f, &pb_cluster, "{\"name\":1}", "a string is wanted");
	refused(f, &pb_cluster, "{\"lbPolicy\":\"BEST\"}", "LbPolicy");
	refused(f, &pb_cluster, "{\"connectTimeout\":\"1h\"}", "duration");
	refused(f, &pb_cluster, "{\"type\":\"EDS\",\"clusterType\":{}}", "oneof");
	refused(f, &pb_cluster, "{\"a\":1,\"a\":2}", "duplicate");
	refused(f, &pb_u_int32_value, "4294967296", "number");
	refused(f, &pb_u_int32_value, "-1", "number");
	refused(f, &pb_u_int32_value, "1.5", "number");
	refused(f, &pb_any, "{\"value\":1}", "@type");
	refused(f, &pb_any, "{\"@type\":\"x/no.such.Type\",\"a\":1}", "no description");
	refused(f, &pb_cluster, "[]", "an object is wanted");
	refused(f, &pb_cluster, "", "line");
}

static void test_unknown_is_ignored_when_asked(void **state)
{
	struct fixture *f = *state;
	const char *text = "{\"nam\":1,\"lbPolicy\":\"BEST\",\"name\":\"x\"}";
	struct pb_bytes b;

	assert_int_equal(pbjson_parse(&pb_cluster, text, strlen(text), PBJSON_IGNORE_UNKNOWN, &f->arena, &b,
				      &f->err), 0);
	assert_string_equal(json_of(f, &pb_cluster, b, 0), "{\"name\":\"x\"}");
}

static void test_depth_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct pb_bytes b = {(const uint8_t *)"", 0};
	struct pb_limits lim = {1 << 20, 64, 100000};
	char text[1000];

	memset(text, '[', sizeof(text));
	assert_int_equal(pbjson_parse(&pb_value, text, sizeof(text), 0, &f->arena, &b, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
	for (int i = 0; i < 200; i++) {
		struct w_value v = w_value_root(&f->w);
		struct w_list_value l = w_value_list_value_begin(v);

		w_list_value_values_raw(l, b);
		w_value_list_value_end(v, l);
		b = pbw_finish(&f->w);
	}
	assert_int_equal(pbjson_print(&pb_value, b, 0, &f->text, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
	assert_int_equal(pb_check(&pb_value, b, &lim, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
}

/* Every cut and every changed byte of a message is read without a fault. */
static void test_hostile_bytes(void **state)
{
	struct fixture *f = *state;
	struct pb_bytes b = sample(f);
	struct pb_limits lim = {1 << 20, 64, 100000};
	uint8_t *copy = arena_alloc(&f->arena, b.n);

	for (size_t i = 0; i < b.n; i++) {
		buf_clear(&f->text);
		pbjson_print(&pb_cluster, (struct pb_bytes){b.p, i}, 0, &f->text, &f->err);
		pb_check(&pb_cluster, (struct pb_bytes){b.p, i}, &lim, &f->err);
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, b.p, b.n);
			copy[i] ^= (uint8_t)(1 << bit);
			buf_clear(&f->text);
			pbjson_print(&pb_cluster, (struct pb_bytes){copy, b.n}, 0, &f->text, &f->err);
			pb_check(&pb_cluster, (struct pb_bytes){copy, b.n}, &lim, &f->err);
		}
	}
}

/* What protobuf allows in bytes that we never write: fields out of order, a message in two parts,
 * a oneof set twice, unknown fields. */
static void test_bytes_of_others(void **state)
{
	struct fixture *f = *state;
	static const uint8_t split[] = "\x1a\x03\x12\x01" "c" "\x0a\x01x\x1a\x02\x0a\x00\xf8\xff\x01\x05";
	static const uint8_t oneof[] = "\x18\x01\x22\x01y\x1a\x01z";

	assert_string_equal(json_of(f, &pb_eds_cluster_config, (struct pb_bytes){split, 0}, 0), "{}");
	assert_string_equal(json_of(f, &pb_value, (struct pb_bytes){oneof + 5, 3}, 0), "\"z\"");
	assert_string_equal(json_of(f, &pb_cluster, (struct pb_bytes){split, sizeof(split) - 1}, 0),
			    "{\"name\":\"x\",\"edsClusterConfig\":{\"edsConfig\":{},\"serviceName\":\"c\"}}");
}

static void test_types_are_found(void **state)
{
	const char url[] = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

	(void)state;
	assert_ptr_equal(pb_type_find(url, sizeof(url) - 1), &pb_cluster);
	assert_ptr_equal(pb_type_find("google.protobuf.Any", 19), &pb_any);
	assert_null(pb_type_find(url, sizeof(url) - 2));
	assert_null(pb_type_find("", 0));
	for (size_t i = 0; i < pb_types_n; i++)
		assert_ptr_equal(pb_type_find(pb_types[i]->name, strlen(pb_types[i]->name)), pb_types[i]);
}

/* ---- frames: a line "p|s|x TYPE LENGTH", then the bytes; the answer: "LENGTH" or "-LENGTH" (an
 * error text), then bytes. p: print, s: print with snake_case, x: parse. ---- */

static void answer(const char *sign, const void *p, size_t n)
{
	printf("%s%zu\n", sign, n);
	fwrite(p, 1, n, stdout);
	fflush(stdout);
}

static int serve(void)
{
	char op, type[256];
	size_t n;

	while (scanf(" %c %255s %zu", &op, type, &n) == 3 && getchar() == '\n') {
		const struct pb_msg *m = pb_type_find(type, strlen(type));
		struct fixture *f;
		uint8_t *in = malloc(n + 1);
		struct pb_bytes b;
		int r;

		setup((void **)&f);
		must(m && in && fread(in, 1, n, stdin) == n);
		if (op == 'x') {
			r = pbjson_parse(m, (char *)in, n, 0, &f->arena, &b, &f->err);
		} else {
			r = pbjson_print(m, (struct pb_bytes){in, n}, op == 's' ? PBJSON_SNAKE : 0, &f->text,
					 &f->err);
			b = (struct pb_bytes){(uint8_t *)f->text.p, f->text.n};
		}
		if (r)
			answer("-", f->err.text, strlen(f->err.text));
		else
			answer("", b.p, b.n);
		free(in);
		teardown((void **)&f);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_print, setup, teardown),
		cmocka_unit_test_setup_teardown(test_print_indented_snake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parse_is_the_inverse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_is_ignored_when_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_depth_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes_of_others, setup, teardown),
		cmocka_unit_test(test_types_are_found),
	};

	if (argc == 2 && !strcmp(argv[1], "--pipe"))
		return serve();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
