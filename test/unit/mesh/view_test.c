/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_fixture.h"

#include "model/meshconf.h"

static const char objects[] =
	"apiVersion: v1\nkind: Node\nmetadata:\n  name: n1\n  labels: {topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1}\n"
	"---\n"
	"apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-6d4b75-abcde\n  namespace: a\n"
	"  labels: {app: web, pod-template-hash: 6d4b75}\n"
	"spec:\n  nodeName: n1\n  containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]\n"
	"status: {podIP: 10.1.0.1}\n"
	"---\n"
	"apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-6d4b75-fghij\n  namespace: a\n"
	"  labels: {app: web, pod-template-hash: 6d4b75}\n"
	"spec:\n  nodeName: n1\n  containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]\n"
	"status: {podIP: 10.1.0.2}\n"
	"---\n"
	"apiVersion: v1\nkind: Service\nmetadata: {name: old, namespace: a, creationTimestamp: '2024-01-01T00:00:00Z'}\n"
	"spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: dns, port: 53, protocol: UDP}]}\n"
	"---\n"
	"apiVersion: v1\nkind: Service\nmetadata: {name: new, namespace: a, creationTimestamp: '2024-02-01T00:00:00Z'}\n"
	"spec: {clusterIP: 10.0.0.2, selector: {app: web}, ports: [{name: http, port: 8080}, {name: tcp, port: 90}]}\n"
	"---\n"
	"apiVersion: v1\nkind: Service\nmetadata: {name: elsewhere, namespace: b}\n"
	"spec: {clusterIP: 10.0.0.3, selector: {app: web}, ports: [{name: http, port: 7}]}\n"
	"---\n"
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: vm, namespace: a}\n"
	"spec: {hosts: [vm.com], resolution: STATIC, ports: [{number: 70, name: http, protocol: HTTP, targetPort: 7070}], endpoints: [{address: 10.7.0.1}]}\n"
	"---\n"
	"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: b}\n"
	"spec: {selector: {app: web}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n"
	"---\n"
	"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: not, namespace: a}\n"
	"spec: {selector: {app: else}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n"
	"---\n"
	"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: root, namespace: istio-system}\n"
	"spec: {egress: [{hosts: ['./*']}]}\n"
	"---\n"
	"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: by-label, namespace: a}\n"
	"spec: {workloadSelector: {labels: {app: web}}, egress: [{hosts: ['*/*']}]}\n"
	"---\n"
	"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: own, namespace: a}\n"
	"spec: {egress: [{hosts: ['*/*']}]}\n";

static void sidecar_of_a_pod(void **state)
{
	struct fixture f;
	struct hash128 one;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, objects);
	fixture_build(&f);
	fixture_view(&f, "sidecar~10.1.0.1~web-6d4b75-abcde.a~a.svc.cluster.local", "LABELS: {app: claimed}\n");
	assert_string_equal(strmap_get(&f.view.labels, "app"), "web");
	assert_null(strmap_get(&f.view.labels, "pod-template-hash"));
	assert_string_equal(f.view.region, "r1");
	assert_string_equal(f.view.zone, "z1");
	assert_int_equal(f.view.ips.n, 0);
	assert_string_equal(f.view.sidecar->name, "by-label");
	assert_int_equal(f.view.n_targets, 2);
	assert_int_equal(f.view.targets[0].target_port, 90);
	assert_int_equal(f.view.targets[1].target_port, 8080);
	assert_string_equal(f.view.targets[1].svc->name, "old");
	one = f.view.hash;
	fixture_view(&f, "sidecar~10.1.0.2~web-6d4b75-fghij.a~a.svc.cluster.local", NULL);
	assert_true(hash_equal(one, f.view.hash));	/* replicas share */
	fixture_view(&f, "sidecar~10.1.0.2~web-6d4b75-fghij.a~a.svc.cluster.local", "INTERCEPTION_MODE: NONE\n");
	assert_false(hash_equal(one, f.view.hash));
	assert_int_equal(f.view.ips.n, 1);
	/* by address, when the name tells nothing */
	fixture_view(&f, "sidecar~10.1.0.2~x.a~a.svc.cluster.local", NULL);
	assert_true(hash_equal(one, f.view.hash));
	/* never a pod of another namespace */
	fixture_view(&f, "sidecar~10.1.0.2~x.b~b.svc.cluster.local", NULL);
	assert_null(strmap_get(&f.view.labels, "app"));
	assert_string_equal(f.view.sidecar->name, "root");
	fixture_fini(&f);
}

static void proxy_without_pod(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, objects);
	fixture_build(&f);
	fixture_view(&f, "sidecar~10.7.0.1~vm-1.a~a.svc.cluster.local",
		     "LABELS: {app: web, extra: e}\nNETWORK: net\nPOD_PORTS: '[{\"name\":\"http\",\"containerPort\":1234}]'\n"
		     "PROXY_CONFIG: {gatewayTopology: {numTrustedProxies: 3}}\nHTTP_PROXY_PORT: '15007'\nHTTP10: '1'\n");
	assert_string_equal(f.view.network, "net");
	assert_true(f.view.http10);
	assert_int_equal(f.view.http_proxy_port, 15007);
	assert_int_equal(f.view.config->gateway_topology->num_trusted_proxies, 3);
	assert_int_equal(f.view.n_targets, 4);
	assert_int_equal(f.view.targets[0].target_port, 90);
	assert_int_equal(f.view.targets[1].target_port, 1234);
	assert_int_equal(f.view.targets[2].target_port, 7070);
	assert_string_equal(f.view.targets[2].svc->host, "vm.com");
	fixture_fini(&f);
}

static void router(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, objects);
	fixture_build(&f);
	fixture_view(&f, "router~10.1.0.1~web-6d4b75-abcde.a~a.svc.cluster.local", NULL);
	assert_int_equal(f.view.n_gateways, 1);
	assert_string_equal(f.view.gateways[0]->name, "gw");
	assert_null(f.view.sidecar);
	assert_int_equal(f.view.n_targets, 3);	/* each service port of one target port */
	fixture_fini(&f);
}

static void node_ids(void **state)
{
	static const char *const bad[] = {
		"", "sidecar", "sidecar~1.1.1.1~a.b", "sidecar~1.1.1.1~a.b~c~d", "what~1.1.1.1~a.b~c",
		"sidecar~none~a.b~b.svc.cluster.local", "sidecar~~a.b~b.svc.cluster.local",
	};
	struct arena a;
	struct proxy p;
	struct err e;
	struct diags ds;
	struct node_docs docs;
	const char *file = "{\"type\":\"router\",\"id\":\"gw\",\"namespace\":\"n\",\"ips\":[\"1.1.1.1\",\"::1\"],"
			   "\"labels\":{\"app\":\"gw\"},\"metadata\":{\"CLUSTER_ID\":\"c1\"}}";

	(void)state;
	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(proxy_parse(bad[i], NULL, NULL, NULL, NULL, NULL, &a, &p, &e), -1);
	assert_int_equal(proxy_parse("sidecar~1.1.1.1~a.b.c~x.svc.cluster.local", NULL, "r", NULL, NULL, NULL, &a, &p, &e), 0);
	assert_string_equal(p.name, "a.b");
	assert_string_equal(p.ns, "x");
	assert_string_equal(p.region, "r");
	assert_string_equal(p.cluster_id, "");
	diags_init(&ds, &a);
	docs = node_parse(file, strlen(file), 1, &a, &ds);
	assert_int_equal(proxy_from_file(docs.v[0].root, &a, &p, &e), 0);
	assert_int_equal(p.type, PROXY_ROUTER);
	assert_string_equal(p.ns, "n");
	assert_string_equal(p.dns_domain, "n.svc.cluster.local");
	assert_int_equal(p.ips.n, 2);
	assert_string_equal(strmap_get(&p.labels, "app"), "gw");
	assert_string_equal(p.cluster_id, "c1");
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sidecar_of_a_pod),
		cmocka_unit_test(proxy_without_pod),
		cmocka_unit_test(router),
		cmocka_unit_test(node_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
