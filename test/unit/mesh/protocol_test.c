/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_fixture.h"

static void ports(void **state)
{
	static const struct {
		const char *l4, *app, *name;
		uint32_t port;
		enum protocol want;
	} rows[] = {
		{"TCP", NULL, "http", 80, PROTO_HTTP},
		{"TCP", NULL, "http-web", 80, PROTO_HTTP},
		{"TCP", NULL, "HTTP2-x", 80, PROTO_HTTP2},
		{"TCP", NULL, "grpc-web", 80, PROTO_GRPC_WEB},
		{"TCP", NULL, "grpc-web-x", 80, PROTO_GRPC_WEB},
		{"TCP", NULL, "grpc-x", 80, PROTO_GRPC},
		{"TCP", NULL, "httpx", 80, PROTO_UNSUPPORTED},
		{"TCP", NULL, "", 80, PROTO_UNSUPPORTED},
		{NULL, NULL, NULL, 3306, PROTO_TCP},
		{"TCP", NULL, "mongo", 27017, PROTO_MONGO},
		{"TCP", NULL, "foo", 53, PROTO_TCP},
		{"UDP", NULL, "http", 80, PROTO_UDP},
		{"TCP", "kubernetes.io/h2c", "http", 80, PROTO_HTTP2},
		{"TCP", "kubernetes.io/ws", "tcp", 80, PROTO_HTTP},
		{"TCP", "kubernetes.io/wss", "tcp", 80, PROTO_HTTPS},
		{"TCP", "example.com/own", "http", 80, PROTO_UNSUPPORTED},
		{"TCP", "https", "http", 80, PROTO_HTTPS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (protocol_of_port(rows[i].l4, rows[i].app, rows[i].name, rows[i].port) != rows[i].want)
			fail_msg("row %zu", i);
	assert_int_equal(protocol_parse("Mongo"), PROTO_MONGO);
	assert_int_equal(protocol_parse("HTTP_PROXY"), PROTO_HTTP_PROXY);
	assert_int_equal(protocol_parse(NULL), PROTO_UNSUPPORTED);
	assert_true(protocol_is_http(PROTO_GRPC));
	assert_false(protocol_is_tcp(PROTO_UNSUPPORTED));
	assert_string_equal(protocol_name(PROTO_GRPC_WEB), "GRPC-Web");
}

static void export_to(void **state)
{
	static const char *const own[] = {"."}, *const hidden[] = {"~"}, *const named[] = {"b", "a"};
	struct strs none = {0}, def = {own, 1}, hide = {hidden, 1}, names = {named, 2};
	struct arena a;
	struct visibility v;

	(void)state;
	arena_init(&a, 0);
	v = visibility_of(&none, &none, "a", &a);
	assert_true(visibility_sees(&v, "a", "z"));
	v = visibility_of(&none, &def, "a", &a);
	assert_true(visibility_sees(&v, "a", "a"));
	assert_false(visibility_sees(&v, "a", "b"));
	assert_true(visibility_is_private(&v, "a"));
	v = visibility_of(&hide, &none, "a", &a);
	assert_false(visibility_sees(&v, "a", "a"));
	v = visibility_of(&names, &none, "a", &a);
	assert_true(visibility_sees(&v, "a", "a"));
	assert_true(visibility_sees(&v, "a", "b"));
	assert_false(visibility_sees(&v, "a", "c"));
	assert_false(visibility_is_private(&v, "a"));
	arena_fini(&a);
}

static void gateway_names(void **state)
{
	static const char *const rows[][2] = {
		{"mesh", "mesh"}, {"gw", "ns1/gw"}, {"./gw", "ns1/gw"}, {"other/gw", "other/gw"},
		{"gw.other", "other/gw"}, {"gw.other.svc.cluster.local", "other/gw"},
	};
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(vs_resolve_gateway(rows[i][0], "ns1", &a), rows[i][1]);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports),
		cmocka_unit_test(export_to),
		cmocka_unit_test(gateway_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
