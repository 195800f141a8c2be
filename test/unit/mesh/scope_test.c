/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_fixture.h"

#define SERVICE(ns, name, more)                                                                    \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: " ns more "}\n"       \
	"spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}, {name: tcp, port: 90}]}\n---\n"
#define ENTRY(ns, name, host, more)                                                                \
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"spec: {hosts: [" host "], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]" more "}\n---\n"
#define RULE(ns, name, host, more)                                                                 \
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"spec: {host: '" host "'" more "}\n---\n"
#define ROUTE(ns, name, more)                                                                      \
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"spec: {" more "}\n---\n"
#define SIDECAR(ns, name, more)                                                                    \
	"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"spec: {" more "}\n---\n"

static const char in_a[] = "sidecar~10.0.9.9~web-0.a~a.svc.cluster.local";

static const char *rule_for(const struct fixture *f, const char *host)
{
	const struct scope_svc *x = scope_find(&f->scope, host);

	return x && x->dr ? x->dr->objs[0]->name : NULL;
}

static void default_scope(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, SERVICE("a", "own", "") SERVICE("b", "public", "")
			SERVICE("b", "hidden", ", annotations: {networking.istio.io/exportTo: '.'}")
			SERVICE("b", "for-a", ", annotations: {networking.istio.io/exportTo: 'a'}")
			ENTRY("a", "mine", "x.com", ", exportTo: ['.']") ENTRY("b", "old", "x.com", "")
			ENTRY("b", "squat", "own.a.svc.cluster.local", ""));
	fixture_build(&f);
	fixture_view(&f, in_a, NULL);
	assert_int_equal(f.scope.n_egress, 1);
	assert_null(f.scope.egress[0].spec);
	assert_int_equal(f.scope.n_svcs, 4);
	assert_null(scope_find(&f.scope, "hidden.b.svc.cluster.local"));
	assert_non_null(scope_find(&f.scope, "for-a.b.svc.cluster.local"));
	assert_string_equal(scope_find(&f.scope, "x.com")->svc->ns, "a");
	assert_true(scope_find(&f.scope, "own.a.svc.cluster.local")->svc->is_kube);
	fixture_view(&f, "sidecar~10.0.9.9~web-0.c~c.svc.cluster.local", NULL);
	assert_string_equal(scope_find(&f.scope, "x.com")->svc->ns, "b");
	fixture_fini(&f);
}

static void destination_rules(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, SERVICE("a", "s1", "") SERVICE("b", "s2", "") SERVICE("b", "s3", "") SERVICE("b", "s4", "")
			RULE("a", "local-wild", "*.b.svc.cluster.local", "")
			RULE("b", "s2-b", "s2", "") RULE("b", "s3-b", "s3", "")
			RULE("istio-system", "mesh-wide", "*.local", "")
			RULE("istio-system", "mesh-private", "s1.a.svc.cluster.local", ", exportTo: ['.']")
			RULE("a", "by-label", "s3.b.svc.cluster.local", ", workloadSelector: {matchLabels: {app: web}}"));
	fixture_build(&f);
	fixture_view(&f, in_a, "LABELS: {app: web}\n");
	assert_string_equal(rule_for(&f, "s1.a.svc.cluster.local"), "mesh-wide");
	assert_string_equal(rule_for(&f, "s2.b.svc.cluster.local"), "local-wild");
	assert_string_equal(rule_for(&f, "s3.b.svc.cluster.local"), "by-label");
	fixture_view(&f, "sidecar~10.0.9.9~x.c~c.svc.cluster.local", NULL);
	assert_string_equal(rule_for(&f, "s2.b.svc.cluster.local"), "s2-b");
	assert_string_equal(rule_for(&f, "s4.b.svc.cluster.local"), "mesh-wide");
	fixture_view(&f, "router~10.0.9.9~gw.istio-system~istio-system.svc.cluster.local", NULL);
	assert_string_equal(rule_for(&f, "s1.a.svc.cluster.local"), "mesh-private");
	assert_string_equal(rule_for(&f, "s2.b.svc.cluster.local"), "s2-b");
	fixture_fini(&f);
}

static void sidecar_imports(void **state)
{
	struct fixture f;
	const struct scope_egress *e;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, SERVICE("a", "own", "") SERVICE("a", "other", "") SERVICE("b", "s1", "") SERVICE("b", "s2", "")
			SERVICE("c", "far", "") SERVICE("c", "target", "")
			ROUTE("a", "v", "hosts: [own], http: [{route: [{destination: {host: target.c.svc.cluster.local, port: {number: 90}}}]}]")
			ROUTE("b", "w", "hosts: [s2], http: [{route: [{destination: {host: far.c.svc.cluster.local}}]}]")
			SIDECAR("a", "s", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}, egress: ["
				"{port: {number: 90, protocol: TCP, name: t}, hosts: [b/s1.b.svc.cluster.local]}, "
				"{hosts: [./*, ~a/other.a.svc.cluster.local, b/s1.b.svc.cluster.local]}]"));
	fixture_build(&f);
	fixture_view(&f, in_a, NULL);
	assert_non_null(f.view.sidecar);
	assert_true(f.scope.registry_only);
	assert_int_equal(f.scope.n_egress, 2);
	e = &f.scope.egress[0];
	assert_int_equal(e->n_svcs, 1);
	assert_int_equal(e->svcs[0].n_ports, 1);
	assert_int_equal(e->svcs[0].ports[0].port, 90);
	assert_int_equal(e->n_vss, 0);
	e = &f.scope.egress[1];
	assert_int_equal(e->n_svcs, 2);
	assert_string_equal(e->svcs[0].svc->host, "own.a.svc.cluster.local");
	assert_int_equal(e->n_vss, 1);
	assert_int_equal(f.scope.n_svcs, 3);
	assert_int_equal(scope_find(&f.scope, "s1.b.svc.cluster.local")->n_ports, 2);
	assert_int_equal(scope_find(&f.scope, "target.c.svc.cluster.local")->n_ports, 1);
	assert_int_equal(scope_find(&f.scope, "target.c.svc.cluster.local")->ports[0].port, 90);
	assert_null(scope_find(&f.scope, "far.c.svc.cluster.local"));
	fixture_view(&f, "router~10.0.9.9~gw.a~a.svc.cluster.local", NULL);
	assert_int_equal(f.scope.n_svcs, 6);
	assert_int_equal(f.scope.egress[0].n_vss, 2);
	fixture_fini(&f);
}

static void order_of_virtual_services(void **state)
{
	static const char *const want[] = {"private", "named", "public-old", "public-new"};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f,
		ROUTE("b", "public-new, creationTimestamp: '2024-02-01T00:00:00Z'", "hosts: [h.com], http: [{redirect: {uri: /}}]")
		ROUTE("b", "public-old, creationTimestamp: '2024-01-01T00:00:00Z'", "hosts: [h.com], http: [{redirect: {uri: /}}]")
		ROUTE("b", "named, creationTimestamp: '2024-03-01T00:00:00Z'", "exportTo: [a], hosts: [h.com], http: [{redirect: {uri: /}}]")
		ROUTE("a", "private, creationTimestamp: '2024-04-01T00:00:00Z'", "exportTo: ['.'], hosts: [h.com], http: [{redirect: {uri: /}}]")
		ROUTE("b", "not-seen", "exportTo: ['.'], hosts: [h.com], http: [{redirect: {uri: /}}]")
		ROUTE("b", "for-gateways", "gateways: [gw], hosts: [h.com], http: [{redirect: {uri: /}}]"));
	fixture_build(&f);
	fixture_view(&f, in_a, NULL);
	assert_int_equal(f.scope.egress[0].n_vss, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(f.scope.egress[0].vss[i]->obj->name, want[i]);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_scope),
		cmocka_unit_test(destination_rules),
		cmocka_unit_test(sidecar_imports),
		cmocka_unit_test(order_of_virtual_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
