/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose word counts in the node of a bootstrap: options, then the environment, then the ProxyConfig.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "agent/bootstrap.h"

static const struct bootstrap_opts base = {
    .type = "sidecar", .ip = "10.0.0.7", .name = "db-1", .ns = "vms", .service_account = "db", .domain = "cluster.local",
    .version = "v1", .xds_host = "navarchd", .xds_port = 15012, .server_name = "navarchd", .sds_socket = "/run/sds.sock",
    .admin_host = "127.0.0.1", .admin_port = 15000};

static json_t *build(const struct bootstrap_opts *o)
{
	struct buf text;
	struct err e;
	json_t *root;

	buf_init(&text, 1000000);
	assert_int_equal(bootstrap_build(o, &text, &e), 0);
	root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	buf_fini(&text);
	return root;
}

static const char *text_at(json_t *root, const char *const *path)
{
	for (; *path && root; path++)
		root = json_object_get(root, *path);
	return json_string_value(root);
}

#define AT(root, ...) text_at(root, (const char *const[]){__VA_ARGS__, NULL})

static const struct node *parse(const char *yaml, struct arena *a)
{
	struct diags ds;
	struct node_docs docs;

	diags_init(&ds, a);
	docs = node_parse(yaml, strlen(yaml), 1, a, &ds);
	assert_true(docs.n == 1 && docs.v[0].root);
	return docs.v[0].root;
}

static void names_are_istios(void **state)
{
	json_t *root = build(&base);

	(void)state;
	assert_string_equal(AT(root, "node", "id"), "sidecar~10.0.0.7~db-1.vms~vms.svc.cluster.local");
	assert_string_equal(AT(root, "node", "cluster"), "db-1.vms");
	assert_string_equal(AT(root, "node", "metadata", "NAMESPACE"), "vms");
	assert_string_equal(AT(root, "node", "metadata", "SERVICE_ACCOUNT"), "db");
	assert_string_equal(AT(root, "node", "metadata", "INSTANCE_IPS"), "10.0.0.7");
	json_decref(root);
}

static void options_before_environment_before_config(void **state)
{
	const char *const env[] = {"ISTIO_META_B=env", "ISTIO_META_C=env", "ISTIO_METAJSON_LABELS={\"app\":\"env\",\"v\":\"1\"}", "B=no", NULL};
	const char *const metadata[] = {"C=option"}, *const labels[] = {"tier=db"};
	struct bootstrap_opts o = base;
	struct arena a;
	json_t *root;

	(void)state;
	arena_init(&a, 0);
	o.env = env;
	o.metadata = metadata;
	o.n_metadata = 1;
	o.labels = labels;
	o.n_labels = 1;
	o.proxy_config = parse("concurrency: 3\nproxyMetadata: {ISTIO_META_A: config, ISTIO_META_B: config, OTHER: x}\n", &a);
	root = build(&o);
	assert_string_equal(AT(root, "node", "metadata", "A"), "config");
	assert_string_equal(AT(root, "node", "metadata", "B"), "env");
	assert_string_equal(AT(root, "node", "metadata", "C"), "option");
	assert_null(AT(root, "node", "metadata", "OTHER"));
	assert_string_equal(AT(root, "node", "metadata", "LABELS", "app"), "env");
	assert_string_equal(AT(root, "node", "metadata", "LABELS", "tier"), "db");
	assert_string_equal(AT(root, "node", "cluster"), "env.vms");
	assert_string_equal(AT(root, "node", "metadata", "PROXY_CONFIG", "proxyMetadata", "OTHER"), "x");
	json_decref(root);
	arena_fini(&a);
}

static void what_is_wrong_is_said(void **state)
{
	static const char *const env[][2] = {{"ISTIO_METAJSON_X={", NULL}, {"ISTIO_META_X=\xff", NULL}, {"ISTIO_META_=x", NULL}};
	static const char *const labels[] = {"app", "=x"};
	struct bootstrap_opts o = base;
	struct buf text;
	struct err e;

	(void)state;
	buf_init(&text, 1000000);
	for (size_t i = 0; i < 3; i++) {
		o.env = env[i];
		assert_int_equal(bootstrap_build(&o, &text, &e), -1);
	}
	o.env = NULL;
	o.n_labels = 1;
	for (size_t i = 0; i < 2; i++) {
		o.labels = &labels[i];
		assert_int_equal(bootstrap_build(&o, &text, &e), -1);
		assert_non_null(strstr(e.text, "a label is NAME=VALUE"));
	}
	assert_int_equal(text.n, 0);
	buf_fini(&text);
}

static void plaintext_has_no_secrets(void **state)
{
	struct bootstrap_opts o = base;
	json_t *root = build(&o), *clusters = json_object_get(json_object_get(root, "static_resources"), "clusters");

	(void)state;
	assert_int_equal(json_array_size(clusters), 2);
	assert_string_equal(AT(json_array_get(clusters, 0), "transport_socket", "typed_config", "sni"), "navarchd");
	json_decref(root);
	o.server_name = NULL;
	root = build(&o);
	clusters = json_object_get(json_object_get(root, "static_resources"), "clusters");
	assert_int_equal(json_array_size(clusters), 1);
	assert_null(json_object_get(json_array_get(clusters, 0), "transport_socket"));
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_istios),
	    cmocka_unit_test(options_before_environment_before_config),
	    cmocka_unit_test(what_is_wrong_is_said),
	    cmocka_unit_test(plaintext_has_no_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
