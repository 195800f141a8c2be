/* SPDX-License-Identifier: Apache-2.0
 *
 * What the golden cases of analysis do not show: which reasons of verdicts it replaces, what is left
 * unsaid, and that a large object is bounded. The rules themselves are in test/golden/analyze.
 */
#include "../mesh/snapshot_fixture.h"

#include "analyze/analyze.h"

#define HEAD(kind, name, rest)                                                                     \
	"apiVersion: networking.istio.io/v1\nkind: " kind "\nmetadata: {name: " name ", namespace: shop" rest "}\n"
#define SERVICE                                                                                    \
	"apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"                  \
	"spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80}]}\n---\n"

static void analyzed(struct fixture *f, const char *yaml, struct diags *out)
{
	fixture_init(f);
	fixture_add(f, yaml);
	fixture_build(f);
	diags_init(out, &f->arena);
	analyze(f->s, NULL, 0, out);
}

static size_t count(const struct diags *ds, enum diag_code code)
{
	size_t n = 0;

	for (size_t i = 0; i < ds->n; i++)
		n += ds->v[i].code == code;
	return n;
}

/* Every reason of these verdicts is said by analysis as well, of the same object and place. */
static void reasons_are_not_said_twice(void **state)
{
	static const char yaml[] =
		SERVICE HEAD("VirtualService", "a", "") "spec: {hosts: [web], gateways: [mesh, none], http: [{route: "
		"[{destination: {host: absent}}]}]}\n---\n"
		HEAD("VirtualService", "b", "") "spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}\n---\n"
		HEAD("DestinationRule", "r", "") "spec: {host: absent}\n---\n"
		HEAD("Sidecar", "a", "") "spec: {egress: [{hosts: ['*/*']}]}\n---\n"
		HEAD("Sidecar", "b", "") "spec: {egress: [{hosts: ['*/*']}]}\n";
	struct fixture f;
	struct diags ds;
	size_t reasons = 0;

	(void)state;
	analyzed(&f, yaml, &ds);
	for (size_t i = 0; i < f.s->n_verdicts; i++) {
		for (size_t k = 0; k < f.s->verdicts[i].n_why; k++) {
			assert_non_null(analyze_same(&ds, &f.s->verdicts[i].why[k]));
			reasons++;
		}
	}
	assert_int_equal(reasons, 5);
	fixture_fini(&f);
}

/* What refers to an invalid object refers to something; what that one says still counts. */
static void refused_objects_are_there(void **state)
{
	static const char yaml[] =
		SERVICE HEAD("VirtualService", "a", "") "spec: {hosts: [a.com], gateways: [gw], http: [{route: "
		"[{destination: {host: db}}]}]}\n---\n"
		HEAD("VirtualService", "b", "") "spec: {hosts: [b.com], gateways: [gw], http: [{route: "
		"[{destination: {host: absent}}]}]}\n";
	static const char gateway[] =
		HEAD("Gateway", "gw", "") "spec: {servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a.com]}]}\n";
	static const char service[] =
		"apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\nspec: {ports: [{port: 80}]}\n";
	struct fixture f;
	struct diags ds;
	struct object *refused[2];

	(void)state;
	analyzed(&f, yaml, &ds);
	assert_int_equal(count(&ds, D_REFERENCE_MISSING), 4);
	refused[0] = fixture_object(&f, gateway);
	refused[1] = fixture_object(&f, service);
	diags_init(&ds, &f.arena);
	analyze(f.s, refused, ARRAY_LEN(refused), &ds);
	assert_int_equal(count(&ds, D_REFERENCE_MISSING), 1);
	assert_int_equal(count(&ds, D_GATEWAY_HOST_MISSING), 1);
	object_unref(refused[0]);
	object_unref(refused[1]);
	fixture_fini(&f);
}

static void another_object_is_not_the_same(void **state)
{
	struct fixture f;
	struct diags ds;
	struct diag reason = {.code = D_RULE_HOST_UNKNOWN,
			      .object = {"DestinationRule", "shop", "other", NULL},
			      .path = "spec.host",
			      .text = ""};

	(void)state;
	analyzed(&f, HEAD("DestinationRule", "r", "") "spec: {host: absent}\n", &ds);
	assert_int_equal(count(&ds, D_RULE_HOST_MISSING), 1);
	assert_null(analyze_same(&ds, &reason));
	reason.object.name = "r";
	assert_non_null(analyze_same(&ds, &reason));
	reason.code = D_RULE_SUBSET_DUPLICATE;
	assert_null(analyze_same(&ds, &reason));
	fixture_fini(&f);
}

/* A namespace that the manifest does not name is not told, as istioctl has it. */
static void implied_namespace_is_left_out(void **state)
{
	struct fixture f;
	struct diags ds;

	(void)state;
	analyzed(&f, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r}\nspec: {host: absent}\n",
		 &ds);
	assert_int_equal(ds.n, 1);
	assert_string_equal(ds.v[0].object.ns, "");
	fixture_fini(&f);
}

static void annotation_silences(void **state)
{
	static const struct {
		const char *list;
		size_t left;
	} rows[] = {{"IST0174", 0}, {"IST0101, IST0174", 0}, {"'*'", 0}, {"IST017", 1}, {"NAV0607", 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;
		struct diags ds;
		char yaml[512];

		snprintf(yaml, sizeof(yaml),
			 HEAD("DestinationRule", "r", ", annotations: {galley.istio.io/analyze-suppress: \"%.40s\"}")
			 "spec: {host: absent}\n",
			 strcmp(rows[i].list, "'*'") ? rows[i].list : "*");
		analyzed(&f, yaml, &ds);
		assert_int_equal(ds.n, rows[i].left);
		fixture_fini(&f);
	}
}

/* Without any pod nothing is known of selectors. */
static void selectors_need_pods(void **state)
{
	static const char gateway[] = HEAD("Gateway", "g", "")
		"spec: {selector: {app: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n";
	static const char pod[] = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\n"
				  "spec: {containers: [{name: a, image: b}]}\n";
	struct fixture f;
	struct diags ds;
	char both[1024];

	(void)state;
	analyzed(&f, gateway, &ds);
	assert_int_equal(ds.n, 0);
	fixture_fini(&f);
	snprintf(both, sizeof(both), "%s%s", gateway, pod);
	analyzed(&f, both, &ds);
	assert_int_equal(count(&ds, D_REFERENCE_MISSING), 1);
	fixture_fini(&f);
}

/* 20,000 matches are no reason to compare 200,000,000 pairs. */
static void many_matches_are_bounded(void **state)
{
	struct fixture f;
	struct diags ds;
	struct buf yaml;

	(void)state;
	buf_init(&yaml, 16 * 1024 * 1024);
	buf_str(&yaml, SERVICE HEAD("VirtualService", "a", "") "spec:\n  hosts: [web]\n  http:\n");
	for (int i = 0; i < 20000; i++)
		buf_printf(&yaml, "  - match: [{uri: {exact: /%d}}]\n    route: [{destination: {host: web}}]\n", i);
	analyzed(&f, buf_cstr(&yaml), &ds);
	assert_int_equal(ds.n, 0);
	buf_fini(&yaml);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_are_not_said_twice),
		cmocka_unit_test(refused_objects_are_there),
		cmocka_unit_test(another_object_is_not_the_same),
		cmocka_unit_test(implied_namespace_is_left_out),
		cmocka_unit_test(annotation_silences),
		cmocka_unit_test(selectors_need_pods),
		cmocka_unit_test(many_matches_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
