/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "pb/core.h"
#include "pb/discovery.h"
#include "pb/type.h"
#include "pb/wkt.h"
#include "xds/request.h"

struct fixture {
	struct arena arena;
	struct pbw w;
	struct err err;
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

static void write_node(struct w_node n)
{
	struct w_extension x;
	struct w_build_version bv;
	struct w_semantic_version v;
	struct w_locality l;
	struct w_struct md, labels;

	w_node_client_features(n, "envoy.lb.does_not_support_overprovisioning");
	x = w_node_extensions_begin(n);
	w_extension_name(x, "envoy.filters.http.router");
	w_node_extensions_end(n, x);
	bv = w_node_user_agent_build_version_begin(n);
	v = w_build_version_version_begin(bv);
	w_semantic_version_minor_number(v, 40);
	w_semantic_version_major_number(v, 1);
	w_build_version_version_end(bv, v);
	w_node_user_agent_build_version_end(n, bv);
	w_node_user_agent_name(n, "envoy");
	l = w_node_locality_begin(n);
	w_locality_zone(l, "z");
	w_locality_region(l, "r");
	w_node_locality_end(n, l);
	md = w_node_metadata_begin(n);
	w_struct_number(md, "PORT", 15012);
	labels = w_struct_struct_begin(md);
	w_struct_string(labels, "app", "reviews");
	w_struct_struct_end(md, labels, "LABELS");
	w_node_metadata_end(n, md);
	w_node_cluster(n, "reviews.default");
	w_node_id(n, "sidecar~10.0.0.1~reviews-1.default~default.svc.cluster.local");
}

static void check_node(const struct xds_request *r)
{
	const struct node *md = r->node.metadata;

	assert_true(r->has_node);
	assert_string_equal(r->node.id, "sidecar~10.0.0.1~reviews-1.default~default.svc.cluster.local");
	assert_string_equal(r->node.cluster, "reviews.default");
	assert_string_equal(r->node.region, "r");
	assert_string_equal(r->node.zone, "z");
	assert_string_equal(r->node.subzone, "");
	assert_string_equal(r->node.user_agent_name, "envoy");
	assert_string_equal(r->node.user_agent_version, "1.40.0");
	assert_int_equal(r->node.extensions.n, 1);
	assert_string_equal(r->node.extensions.v[0], "envoy.filters.http.router");
	assert_int_equal(r->node.client_features.n, 1);
	assert_int_equal(md->n, 2);
	assert_string_equal(md->map[0].key, "LABELS");
	assert_string_equal(md->map[0].value.map[0].value.text, "reviews");
	assert_int_equal(md->map[1].value.kind, NODE_NUMBER);
	assert_string_equal(md->map[1].value.text, "15012");
}

static void test_sotw(void **state)
{
	struct fixture *f = *state;
	struct w_discovery_request q = w_discovery_request_root(&f->w);
	struct w_status s = w_discovery_request_error_detail_begin(q);
	struct xds_request r;
	struct w_node n;
	struct pb_bytes b;

	w_status_message(s, "bad");
	w_status_code(s, 3);
	w_discovery_request_error_detail_end(q, s);
	w_discovery_request_response_nonce(q, "n1");
	w_discovery_request_type_url(q, "t");
	w_discovery_request_resource_names(q, "b");
	w_discovery_request_resource_names(q, "a");
	n = w_discovery_request_node_begin(q);
	write_node(n);
	w_discovery_request_node_end(q, n);
	w_discovery_request_version_info(q, "v1");
	b = pbw_finish(&f->w);
	assert_int_equal(xds_request_decode(b.p, b.n, false, &f->arena, &r, &f->err), 0);
	check_node(&r);
	assert_string_equal(r.type_url, "t");
	assert_string_equal(r.nonce, "n1");
	assert_string_equal(r.version, "v1");
	assert_true(r.has_error);
	assert_int_equal(r.error_code, 3);
	assert_string_equal(r.error_text, "bad");
	assert_int_equal(r.names.n, 2);
	assert_string_equal(r.names.v[0], "a");
	assert_int_equal(r.subscribe.n + r.unsubscribe.n + r.initial_versions.n, 0);
	for (size_t i = 0; i < b.n; i++)
		xds_request_decode(b.p, i, i % 2, &f->arena, &r, &f->err);
}

static void test_delta(void **state)
{
	struct fixture *f = *state;
	struct w_delta_discovery_request q = w_delta_discovery_request_root(&f->w);
	struct xds_request r;
	struct pb_bytes b;

	w_delta_discovery_request_response_nonce(q, "n");
	w_delta_discovery_request_initial_resource_versions_put(q, "b", "2");
	w_delta_discovery_request_initial_resource_versions_put(q, "a", "1");
	w_delta_discovery_request_resource_names_unsubscribe(q, "y");
	w_delta_discovery_request_resource_names_subscribe(q, "*");
	w_delta_discovery_request_type_url(q, "t");
	b = pbw_finish(&f->w);
	assert_int_equal(xds_request_decode(b.p, b.n, true, &f->arena, &r, &f->err), 0);
	assert_false(r.has_node);
	assert_false(r.has_error);
	assert_null(r.node.metadata);
	assert_string_equal(r.node.id, "");
	assert_string_equal(r.error_text, "");
	assert_string_equal(r.subscribe.v[0], "*");
	assert_string_equal(r.unsubscribe.v[0], "y");
	assert_int_equal(r.initial_versions.n, 2);
	assert_string_equal(r.initial_versions.v[0].key, "a");
	assert_string_equal(r.initial_versions.v[0].value, "1");
}

static void test_json(void **state)
{
	struct fixture *f = *state;
	const char *text =
		"{\"version_info\":\"v1\",\"node\":{\"id\":\"sidecar~10.0.0.1~reviews-1.default~"
		"default.svc.cluster.local\",\"cluster\":\"reviews.default\",\"metadata\":{\"LABELS\":"
		"{\"app\":\"reviews\"},\"PORT\":15012},\"locality\":{\"region\":\"r\",\"zone\":\"z\"},"
		"\"user_agent_name\":\"envoy\",\"user_agent_build_version\":{\"version\":{\"major_number\":1,"
		"\"minor_number\":40},\"metadata\":{\"x\":\"y\"}},\"extensions\":[{\"name\":"
		"\"envoy.filters.http.router\",\"category\":\"c\",\"not_yet_invented\":1}],"
		"\"client_features\":[\"x\"]},\"resource_names\":[\"a\",\"b\"],\"type_url\":\"t\"}";
	struct xds_request r;

	assert_int_equal(xds_request_decode_json(text, strlen(text), &f->arena, &r, &f->err), 0);
	check_node(&r);
	assert_string_equal(r.version, "v1");
	assert_int_equal(r.names.n, 2);
	assert_int_equal(xds_request_decode_json("{", 1, &f->arena, &r, &f->err), -1);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	struct w_discovery_request q = w_discovery_request_root(&f->w);
	char name[XDS_NAME_LEN_MAX + 2];
	struct xds_request r;
	struct pb_bytes b;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	w_discovery_request_resource_names(q, name);
	b = pbw_finish(&f->w);
	assert_int_equal(xds_request_decode(b.p, b.n, false, &f->arena, &r, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);

	q = w_discovery_request_root(&f->w);
	for (int i = 0; i <= XDS_NAMES_MAX; i++)
		w_discovery_request_resource_names(q, "x");
	b = pbw_finish(&f->w);
	assert_int_equal(xds_request_decode(b.p, b.n, false, &f->arena, &r, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);

	q = w_discovery_request_root(&f->w);
	w_discovery_request_resource_names(q, "\xff");
	b = pbw_finish(&f->w);
	assert_int_equal(xds_request_decode(b.p, b.n, false, &f->arena, &r, &f->err), -1);
	assert_int_equal(f->err.code, ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sotw, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delta, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
