/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_fixture.h"

#include "model/traffic.h"

static const char reviews[] =
	"apiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: shop}\n"
	"spec:\n  clusterIP: 10.0.0.1\n  selector: {app: reviews}\n"
	"  ports: [{name: http, port: 80, targetPort: web}, {name: tcp-admin, port: 9000}]\n";

static const char pods[] =
	"apiVersion: v1\nkind: Node\nmetadata:\n  name: n1\n  labels: {topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1}\n"
	"---\n"
	"apiVersion: v1\nkind: Pod\nmetadata:\n  name: reviews-v1-6d4b75-abcde\n  namespace: shop\n"
	"  labels: {app: reviews, version: v1, pod-template-hash: 6d4b75, security.istio.io/tlsMode: istio}\n"
	"spec:\n  nodeName: n1\n  serviceAccountName: rev\n  containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]\n"
	"status: {podIP: 10.1.0.1, phase: Running}\n"
	"---\n"
	"apiVersion: v1\nkind: Pod\nmetadata:\n  name: reviews-0\n  namespace: shop\n"
	"  labels: {app: reviews, statefulset.kubernetes.io/pod-name: reviews-0}\n"
	"spec:\n  containers: [{name: c, ports: [{name: web, containerPort: 8081}]}]\n"
	"status: {podIP: 10.1.0.2, phase: Running}\n"
	"---\n"
	"apiVersion: v1\nkind: Pod\nmetadata: {name: done, namespace: shop, labels: {app: reviews}}\n"
	"status: {podIP: 10.1.0.3, phase: Succeeded}\n";

static void pods_without_slices(void **state)
{
	struct fixture f;
	const struct ep_set *eps;
	const struct svc *svc;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, reviews);
	fixture_add(&f, pods);
	fixture_build(&f);
	svc = fixture_svc(&f, "reviews.shop.svc.cluster.local");
	assert_int_equal(svc->resolution, SVC_EDS);
	assert_string_equal(svc->addresses.v[0], "10.0.0.1");
	assert_int_equal(svc->ports[0].protocol, PROTO_HTTP);
	eps = fixture_eps(&f, "reviews.shop.svc.cluster.local");
	assert_int_equal(eps->n, 2);
	assert_string_equal(eps->v[0].address, "10.1.0.1");
	assert_int_equal(eps->v[0].ports[0], 8080);
	assert_int_equal(eps->v[0].ports[1], 9000);
	assert_string_equal(eps->v[0].region, "r1");
	assert_string_equal(eps->v[0].zone, "z1");
	assert_string_equal(eps->v[0].workload, "reviews-v1");
	assert_string_equal(eps->v[0].service_account, "spiffe://cluster.local/ns/shop/sa/rev");
	assert_true(eps->v[0].mtls);
	assert_string_equal(strmap_get(&eps->v[0].labels, "topology.kubernetes.io/zone"), "z1");
	assert_string_equal(eps->v[1].workload, "reviews");
	assert_int_equal(eps->v[1].ports[0], 8081);
	assert_false(eps->v[1].mtls);
	assert_int_equal(fixture_verdict(&f, KIND_SERVICE, "shop", "reviews")->state, VERDICT_EFFECTIVE);
	assert_string_equal(snapshot_pod_of_ip(f.s, "10.1.0.2")->name, "reviews-0");
	assert_null(snapshot_pod_of_ip(f.s, "10.1.0.3"));
	fixture_fini(&f);
}

static void slices(void **state)
{
	struct fixture f;
	const struct ep_set *eps;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, reviews);
	fixture_add(&f, pods);
	fixture_add(&f,
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		"metadata: {name: reviews-1, namespace: shop, labels: {kubernetes.io/service-name: reviews}}\n"
		"addressType: IPv4\nports: [{name: http, port: 8080}]\n"
		"endpoints:\n"
		"- {addresses: [10.1.0.1], targetRef: {kind: Pod, name: reviews-v1-6d4b75-abcde, namespace: shop}}\n"
		"- {addresses: [10.9.0.1], conditions: {ready: false}}\n"
		"- {addresses: [10.9.0.2], conditions: {ready: false, terminating: true, serving: true}}\n"
		"- {addresses: [10.9.0.3], targetRef: {kind: Pod, name: unknown}}\n"
		"---\n"
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		"metadata: {name: lost, namespace: shop, labels: {kubernetes.io/service-name: gone}}\n"
		"addressType: IPv4\n");
	fixture_build(&f);
	eps = fixture_eps(&f, "reviews.shop.svc.cluster.local");
	assert_int_equal(eps->n, 2);
	assert_int_equal(eps->v[0].ports[0], 8080);
	assert_int_equal(eps->v[0].ports[1], 0);
	assert_string_equal(eps->v[0].workload, "reviews-v1");
	assert_string_equal(eps->v[1].address, "10.9.0.1");
	assert_int_equal(eps->v[1].health, EP_UNHEALTHY);
	assert_int_equal(fixture_verdict(&f, KIND_ENDPOINT_SLICE, "shop", "reviews-1")->state, VERDICT_PARTLY);
	assert_int_equal(fixture_verdict(&f, KIND_ENDPOINT_SLICE, "shop", "reviews-1")->why[0].code,
			 D_SLICE_POD_UNKNOWN);
	assert_int_equal(fixture_verdict(&f, KIND_ENDPOINT_SLICE, "shop", "lost")->state, VERDICT_UNATTACHED);
	fixture_fini(&f);
}

static void service_entries(void **state)
{
	struct fixture f;
	const struct ep_set *eps;
	const struct svc *svc;

	(void)state;
	fixture_init(&f);
	fixture_add(&f,
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
		"metadata: {name: ext, namespace: a, creationTimestamp: '2024-01-01T00:00:00Z'}\n"
		"spec:\n  hosts: [Api.example.com]\n  addresses: [10.5.0.1/32, 10.6.0.0/16]\n  resolution: STATIC\n"
		"  ports: [{number: 443, name: tls, protocol: TLS, targetPort: 8443}]\n"
		"  endpoints: [{address: 1.1.1.1, ports: {tls: 9443}, locality: r/z/s, weight: 7, serviceAccount: sa},"
		" {address: 'unix:///run/x'}]\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
		"metadata: {name: ext2, namespace: a, creationTimestamp: '2024-02-01T00:00:00Z'}\n"
		"spec:\n  hosts: [api.example.com]\n  resolution: STATIC\n  ports: [{number: 80, name: http, protocol: HTTP}]\n"
		"  endpoints: [{address: 2.2.2.2}]\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: dns, namespace: a}\n"
		"spec:\n  hosts: [dns.example.com]\n  resolution: DNS\n  ports: [{number: 80, name: http, protocol: HTTP}]\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: vm, namespace: a}\n"
		"spec:\n  hosts: [vm.example.com]\n  location: MESH_INTERNAL\n  resolution: STATIC\n"
		"  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8000}]\n"
		"  workloadSelector: {labels: {app: vm}}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: vm1, namespace: a, labels: {app: vm}}\n"
		"spec: {address: 3.3.3.3, labels: {version: v2}, serviceAccount: vmsa}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: lonely, namespace: a}\n"
		"spec: {address: 3.3.3.4}\n"
		"---\n"
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a, labels: {app: vm}}\n"
		"status: {podIP: 4.4.4.4}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: squat, namespace: a}\n"
		"spec:\n  hosts: [reviews.shop.svc.cluster.local]\n  resolution: DNS\n"
		"  ports: [{number: 80, name: http, protocol: HTTP}]\n");
	fixture_add(&f, reviews);
	fixture_build(&f);
	svc = fixture_svc(&f, "api.example.com");
	assert_int_equal(svc->part.n_held, 2);
	assert_int_equal(svc->n_ports, 2);
	assert_string_equal(svc->addresses.v[0], "10.5.0.1");
	assert_string_equal(svc->addresses.v[1], "10.6.0.0/16");
	assert_true(svc->external);
	eps = fixture_eps(&f, "api.example.com");
	assert_int_equal(eps->n, 3);
	assert_string_equal(eps->v[0].address, "1.1.1.1");
	assert_int_equal(eps->v[0].ports[0], 9443);
	assert_int_equal(eps->v[0].ports[1], 0);
	assert_int_equal(eps->v[0].weight, 7);
	assert_string_equal(eps->v[0].subzone, "s");
	assert_true(eps->v[0].mtls);
	assert_string_equal(eps->v[0].service_account, "spiffe://cluster.local/ns/a/sa/sa");
	assert_string_equal(eps->v[1].address, "2.2.2.2");
	assert_int_equal(eps->v[1].ports[1], 80);
	assert_string_equal(eps->v[2].address, "unix:///run/x");
	assert_int_equal(fixture_eps(&f, "dns.example.com")->n, 1);
	assert_string_equal(fixture_eps(&f, "dns.example.com")->v[0].address, "dns.example.com");
	eps = fixture_eps(&f, "vm.example.com");
	assert_int_equal(eps->n, 2);
	assert_string_equal(eps->v[0].workload, "vm1");
	assert_string_equal(strmap_get(&eps->v[0].labels, "version"), "v2");
	assert_int_equal(eps->v[0].ports[0], 8000);
	assert_int_equal(eps->v[1].ports[0], 8000);
	assert_int_equal(fixture_verdict(&f, KIND_WORKLOAD_ENTRY, "a", "lonely")->state, VERDICT_UNATTACHED);
	assert_int_equal(fixture_verdict(&f, KIND_WORKLOAD_ENTRY, "a", "vm1")->state, VERDICT_EFFECTIVE);
	assert_true(fixture_svc(&f, "reviews.shop.svc.cluster.local")->is_kube);
	assert_int_equal(fixture_verdict(&f, KIND_SERVICE_ENTRY, "a", "squat")->state, VERDICT_SHADOWED);
	fixture_fini(&f);
}

/* All that is made of a service is kept while this hash is: nothing else of such an entry says how it is resolved. */
static void a_resolution_makes_another_service(void **state)
{
	static const char *const how[] = {"STATIC", "DNS", "DNS_ROUND_ROBIN", "NONE"};
	struct hash128 hash[ARRAY_LEN(how)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		struct fixture f;
		char text[512];

		fixture_init(&f);
		snprintf(text, sizeof(text),
			 "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e, namespace: shop}\nspec:\n"
			 "  hosts: [ext.example.com]\n  addresses: [240.1.0.1]\n  resolution: %s\n  ports: [{number: 80, name: http}]\n",
			 how[i]);
		fixture_add(&f, text);
		fixture_build(&f);
		hash[i] = fixture_svc(&f, "ext.example.com")->part.hash;
		for (size_t k = 0; k < i; k++)
			assert_false(hash_equal(hash[i], hash[k]));
		fixture_fini(&f);
	}
}

static void delegation(void **state)
{
	struct fixture f;
	const struct vs *vs;
	const struct verdict *v;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, reviews);
	fixture_add(&f,
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: root, namespace: shop}\n"
		"spec:\n  hosts: [reviews]\n  http:\n"
		"  - {name: r, match: [{uri: {prefix: /a}}, {uri: {prefix: /b}, headers: {x: {exact: w}}}], timeout: 5s,"
		" delegate: {name: d, namespace: team}}\n"
		"  - {match: [{uri: {prefix: /c}}], delegate: {name: nobody}}\n"
		"  - {match: [{uri: {prefix: /d}}], delegate: {name: private, namespace: team}}\n"
		"  - {route: [{destination: {host: reviews}}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: d, namespace: team}\n"
		"spec:\n  http:\n"
		"  - {name: one, match: [{uri: {prefix: /a/1}, headers: {z: {exact: w}}}], route: [{destination: {host: local}}]}\n"
		"  - {name: bad, match: [{uri: {prefix: /zzz}}], route: [{destination: {host: local}}]}\n"
		"  - {route: [{destination: {host: local}}], timeout: 1s}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: private, namespace: team}\n"
		"spec:\n  exportTo: ['.']\n  http:\n  - {route: [{destination: {host: local}}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: unused, namespace: team}\n"
		"spec:\n  http:\n  - {route: [{destination: {host: local}}]}\n");
	fixture_build(&f);
	assert_int_equal(f.s->n_vss, 1);
	vs = f.s->vss[0];
	assert_string_equal(vs->hosts.v[0], "reviews.shop.svc.cluster.local");
	assert_string_equal(vs->gateways.v[0], "mesh");
	assert_int_equal(vs->n_http, 3);
	assert_string_equal(vs->http[0].name, "r-one");
	assert_int_equal(vs->http[0].n_match, 1);
	assert_string_equal(vs->http[0].match[0].uri->prefix, "/a/1");
	assert_int_equal(vs->http[0].timeout.ns, 5000000000);
	assert_string_equal(vs->http[0].route[0].destination->host, "local.team.svc.cluster.local");
	assert_int_equal(vs->http[1].n_match, 2);
	assert_int_equal(vs->http[1].timeout.ns, 1000000000);
	assert_string_equal(vs->http[2].route[0].destination->host, "reviews");
	assert_int_equal(vs->n_delegates, 2);
	v = fixture_verdict(&f, KIND_VIRTUAL_SERVICE, "shop", "root");
	assert_int_equal(v->state, VERDICT_PARTLY);
	assert_int_equal(v->why[0].code, D_DELEGATE_MISSING);
	assert_int_equal(v->why[1].code, D_DELEGATE_NOT_VISIBLE);
	v = fixture_verdict(&f, KIND_VIRTUAL_SERVICE, "team", "d");
	assert_int_equal(v->why[0].code, D_DELEGATE_CONFLICT);
	assert_int_equal(fixture_verdict(&f, KIND_VIRTUAL_SERVICE, "team", "unused")->state, VERDICT_UNATTACHED);
	fixture_fini(&f);
}

static void shadowed_virtual_service(void **state)
{
	struct fixture f;
	const struct verdict *v;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, reviews);
	fixture_add(&f,
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
		"metadata: {name: z, namespace: shop, creationTimestamp: '2024-01-01T00:00:00Z'}\n"
		"spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
		"metadata: {name: a, namespace: shop, creationTimestamp: '2024-02-01T00:00:00Z'}\n"
		"spec: {hosts: [reviews], http: [{route: [{destination: {host: nowhere}}]}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: g, namespace: shop}\n"
		"spec: {hosts: [x.com], gateways: [gone], http: [{route: [{destination: {host: reviews}}]}]}\n");
	fixture_build(&f);
	assert_int_equal(fixture_verdict(&f, KIND_VIRTUAL_SERVICE, "shop", "z")->state, VERDICT_EFFECTIVE);
	v = fixture_verdict(&f, KIND_VIRTUAL_SERVICE, "shop", "a");
	assert_int_equal(v->state, VERDICT_SHADOWED);
	assert_int_equal(v->why[0].code, D_VS_HOST_SHADOWED);
	assert_int_equal(v->why[1].code, D_VS_DESTINATION_UNKNOWN);
	assert_int_equal(fixture_verdict(&f, KIND_VIRTUAL_SERVICE, "shop", "g")->state, VERDICT_UNATTACHED);
	fixture_fini(&f);
}

static void rules(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, reviews);
	fixture_add(&f,
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
		"metadata: {name: one, namespace: shop, creationTimestamp: '2024-01-01T00:00:00Z'}\n"
		"spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
		"metadata: {name: two, namespace: shop, creationTimestamp: '2024-02-01T00:00:00Z'}\n"
		"spec: {host: reviews, trafficPolicy: {loadBalancer: {simple: RANDOM}},"
		" subsets: [{name: v1, labels: {version: vX}}, {name: v2, labels: {version: v2}}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
		"metadata: {name: own, namespace: shop, creationTimestamp: '2024-03-01T00:00:00Z'}\n"
		"spec: {host: reviews, exportTo: ['.'], subsets: [{name: v9, labels: {version: v9}}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: sel, namespace: shop}\n"
		"spec: {host: reviews, workloadSelector: {matchLabels: {app: web}}, subsets: [{name: w, labels: {a: b}}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: lost, namespace: shop}\n"
		"spec: {host: nowhere}\n");
	fixture_build(&f);
	/* nowhere; reviews: with selector (and own, which has the same exportTo), one + two, own */
	assert_int_equal(f.s->n_drs, 4);
	assert_true(f.s->drs[1]->has_selector);
	assert_int_equal(f.s->drs[1]->n_objs, 2);
	assert_int_equal(f.s->drs[2]->n_objs, 2);
	assert_int_equal(f.s->drs[2]->n_subsets, 2);
	assert_non_null(f.s->drs[2]->policy);
	assert_string_equal(f.s->drs[3]->objs[0]->name, "own");
	assert_int_equal(fixture_verdict(&f, KIND_DESTINATION_RULE, "shop", "two")->why[0].code,
			 D_RULE_SUBSET_DUPLICATE);
	assert_int_equal(fixture_verdict(&f, KIND_DESTINATION_RULE, "shop", "lost")->state, VERDICT_UNATTACHED);
	fixture_fini(&f);
}

static void kinds_of_services(void **state)
{
	struct fixture f;
	const struct svc *svc;

	(void)state;
	fixture_init(&f);
	fixture_add(&f,
		"apiVersion: v1\nkind: Service\nmetadata: {name: headless, namespace: a}\n"
		"spec: {clusterIP: None, selector: {app: x}, ports: [{name: tcp, port: 90}]}\n"
		"---\n"
		"apiVersion: v1\nkind: Service\nmetadata: {name: alias, namespace: a}\n"
		"spec: {type: ExternalName, externalName: Ext.example.com}\n"
		"---\n"
		"apiVersion: v1\nkind: Service\n"
		"metadata: {name: local, namespace: a, labels: {istio.io/persistent-session: cookie}, annotations: {networking.istio.io/exportTo: 'b, ., '}}\n"
		"spec: {clusterIP: 'fd00::1', clusterIPs: ['fd00::1', 10.0.0.1], internalTrafficPolicy: Local,"
		" ports: [{name: x, port: 80, appProtocol: http}]}\n"
		"---\n"
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		"metadata: {name: local-1, namespace: a, labels: {kubernetes.io/service-name: local}}\n"
		"addressType: IPv4\nports: [{name: x, port: 8080}]\n"
		"endpoints:\n"
		"- {addresses: [10.9.0.2], nodeName: n7, conditions: {ready: false, terminating: true, serving: true}}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: vm, namespace: a, labels: {app: x}}\n"
		"spec: {address: 3.3.3.3, ports: {tcp: 9090}}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: Sidecar\n"
		"metadata: {name: s1, namespace: a, creationTimestamp: '2024-01-01T00:00:00Z'}\nspec: {egress: [{hosts: ['*/*']}]}\n"
		"---\n"
		"apiVersion: networking.istio.io/v1\nkind: Sidecar\n"
		"metadata: {name: s0, namespace: a, creationTimestamp: '2024-02-01T00:00:00Z'}\nspec: {egress: [{hosts: ['*/*']}]}\n");
	fixture_build(&f);
	svc = fixture_svc(&f, "headless.a.svc.cluster.local");
	assert_int_equal(svc->resolution, SVC_PASSTHROUGH);
	assert_int_equal(svc->addresses.n, 0);
	assert_int_equal(fixture_eps(&f, svc->host)->n, 1);
	assert_int_equal(fixture_eps(&f, svc->host)->v[0].ports[0], 9090);
	svc = fixture_svc(&f, "alias.a.svc.cluster.local");
	assert_int_equal(svc->resolution, SVC_ALIAS);
	assert_string_equal(svc->alias_of, "ext.example.com");
	assert_true(svc->external);
	svc = fixture_svc(&f, "local.a.svc.cluster.local");
	assert_int_equal(svc->addresses.n, 2);
	assert_true(svc->node_local && f.s->has_node_local);
	assert_int_equal(svc->ports[0].protocol, PROTO_HTTP);
	assert_true(visibility_sees(&svc->export_to, "a", "b"));
	assert_false(visibility_sees(&svc->export_to, "a", "c"));
	assert_int_equal(fixture_eps(&f, svc->host)->n, 1);
	assert_int_equal(fixture_eps(&f, svc->host)->v[0].health, EP_DRAINING);
	assert_string_equal(fixture_eps(&f, svc->host)->v[0].node, "n7");
	assert_int_equal(fixture_verdict(&f, KIND_SIDECAR, "a", "s0")->state, VERDICT_SHADOWED);
	assert_int_equal(fixture_verdict(&f, KIND_SIDECAR, "a", "s1")->state, VERDICT_EFFECTIVE);
	assert_int_equal(fixture_verdict(&f, KIND_WORKLOAD_ENTRY, "a", "vm")->state, VERDICT_EFFECTIVE);
	fixture_fini(&f);
}

/* A VirtualService whose delegates multiply is left out; its neighbour is not hurt. */
static void memory_limit(void **state)
{
	enum { MATCHES = 700 };
	struct fixture f;
	struct arena *a;
	const char *root, *leaf;

	(void)state;
	fixture_init(&f);
	a = &f.arena;
	root = leaf = "";
	for (int i = 0; i < MATCHES; i++) {
		root = i ? arena_printf(a, "%s, {port: 80, headers: {a%d: {exact: x}}}", root, i) : "{headers: {a: {exact: x}}}";
		leaf = i ? arena_printf(a, "%s, {headers: {b%d: {exact: x}}}", leaf, i) : "{headers: {b: {exact: x}}}";
	}
	fixture_add(&f, reviews);
	fixture_add(&f, arena_printf(a,
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: root, namespace: shop}\n"
		"spec: {hosts: [reviews], http: [{match: [%s], delegate: {name: leaf}}]}\n", root));
	fixture_add(&f, arena_printf(a,
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: leaf, namespace: shop}\n"
		"spec: {http: [{match: [%s], route: [{destination: {host: reviews}}]}]}\n", leaf));
	fixture_add(&f,
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: other, namespace: shop}\n"
		"spec: {hosts: [other.com], http: [{route: [{destination: {host: reviews}}]}]}\n");
	fixture_build(&f);
	assert_int_equal(f.s->n_vss, 1);
	assert_string_equal(f.s->vss[0]->obj->name, "other");
	assert_int_equal(fixture_verdict(&f, KIND_VIRTUAL_SERVICE, "shop", "root")->state, VERDICT_QUARANTINED);
	assert_int_equal(fixture_verdict(&f, KIND_VIRTUAL_SERVICE, "shop", "other")->state, VERDICT_EFFECTIVE);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_without_slices), cmocka_unit_test(slices),
		cmocka_unit_test(service_entries),     cmocka_unit_test(a_resolution_makes_another_service), cmocka_unit_test(delegation),
		cmocka_unit_test(shadowed_virtual_service), cmocka_unit_test(rules),
		cmocka_unit_test(kinds_of_services),   cmocka_unit_test(memory_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
