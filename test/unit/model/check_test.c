/* SPDX-License-Identifier: Apache-2.0
 *
 * One row a rule: the smallest spec that breaks it, and the finding with its path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/load.h"

struct rule {
	const char *spec;	/* flow style */
	enum diag_code code;	/* D_COUNT: valid */
	const char *path;
};

static void drop(const struct load_item *item, void *arg)
{
	(void)arg;
	object_unref(item->object);
}

static void run(const char *kind, const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena a;
		struct diags ds;
		char text[1000];

		arena_init(&a, 0);
		diags_init(&ds, &a);
		snprintf(text, sizeof(text), "apiVersion: networking.istio.io/v1\nkind: %s\nmetadata: {name: x, namespace: ns}\nspec: %s\n",
			 kind, rules[i].spec);
		load_text("in", text, strlen(text), SCHEMA_STRICT, &ds, drop, NULL);
		if (rules[i].code == D_COUNT) {
			if (ds.nerrors)
				fail_msg("%s %s: %s", kind, rules[i].spec, diag_format(&ds.v[0], &a));
		} else {
			if (!ds.n)
				fail_msg("%s %s: no finding", kind, rules[i].spec);
			if (ds.v[0].code != rules[i].code || strcmp(ds.v[0].path, rules[i].path))
				fail_msg("%s %s: %s", kind, rules[i].spec, diag_format(&ds.v[0], &a));
		}
		arena_fini(&a);
	}
}

#define RUN(kind, rules) run(kind, rules, sizeof(rules) / sizeof((rules)[0]))
#define R "route: [{destination: {host: a}}]"
#define HTTP(x) "{hosts: [a], http: [{" x "}]}"

static void test_virtual_service(void **state)
{
	static const struct rule rules[] = {
		{HTTP(R), D_COUNT, ""},
		{"{hosts: [a]}", D_ROUTE_NONE, "spec"},
		{"{hosts: ['*'], http: [{" R "}]}", D_HOST_INVALID, "spec.hosts[0]"},
		{"{hosts: ['*'], gateways: [g], http: [{" R "}]}", D_COUNT, ""},
		{"{hosts: ['a..b'], http: [{" R "}]}", D_HOST_INVALID, "spec.hosts[0]"},
		{"{hosts: ['*.b.c', a.b.c], http: [{" R "}]}", D_HOST_OVERLAP, "spec.hosts[1]"},
		{"{hosts: [a.b, a.b], http: [{" R "}]}", D_HOST_OVERLAP, "spec.hosts"},
		{"{hosts: [a], gateways: [a/b/c], http: [{" R "}]}", D_GATEWAY_NAME_INVALID, "spec.gateways[0]"},
		{"{gateways: [g], http: [{" R "}]}", D_DELEGATE_INVALID, "spec.gateways"},
		{"{hosts: [a], exportTo: ['*', b], http: [{" R "}]}", D_EXPORT_TO_INVALID, "spec.exportTo[0]"},
		{"{hosts: [a], exportTo: [., ns], http: [{" R "}]}", D_EXPORT_TO_INVALID, "spec.exportTo[1]"},
		{HTTP("timeout: 1s"), D_ROUTE_ACTION, "spec.http[0]"},
		{HTTP(R ", redirect: {uri: /}"), D_ROUTE_ACTION, "spec.http[0]"},
		{HTTP(R ", timeout: 0s"), D_DURATION_INVALID, "spec.http[0].timeout"},
		{HTTP(R ", timeout: 1.5ms"), D_DURATION_INVALID, "spec.http[0].timeout"},
		{HTTP(R ", mirror: {host: a}, mirrors: [{destination: {host: a}}]"), D_ROUTE_ACTION, "spec.http[0]"},
		{HTTP("delegate: {name: d}"), D_COUNT, ""},
		{HTTP("delegate: {name: d}, " R), D_DELEGATE_INVALID, "spec.http[0]"},
		{HTTP("route: [{destination: {host: a}, weight: -1}]"), D_WEIGHT_INVALID, "spec.http[0].route[0].weight"},
		{HTTP("route: [{destination: {host: a}}, {destination: {host: b}}]"), D_WEIGHT_INVALID, "spec.http[0].route"},
		{HTTP("route: [{destination: {host: '*'}}]"), D_HOST_INVALID, "spec.http[0].route[0].destination.host"},
		{HTTP("route: [{destination: {host: a, port: {number: 70000}}}]"), D_PORT_INVALID,
		 "spec.http[0].route[0].destination.port.number"},
		{HTTP("route: [{destination: {host: a, subset: a.b}}]"), D_SUBSET_INVALID, "spec.http[0].route[0].destination.subset"},
		{HTTP(R ", match: [{uri: {regex: '('}}]"), D_REGEX_INVALID, "spec.http[0].match[0].uri.regex"},
		{HTTP(R ", match: [{method: {prefix: ''}}]"), D_MATCH_INVALID, "spec.http[0].match[0].method"},
		{HTTP(R ", match: [{headers: {'@request.auth.claims.a': {exact: b}}}]"), D_MATCH_INVALID,
		 "spec.http[0].match[0].headers[\"@request.auth.claims.a\"]"},
		{HTTP(R ", headers: {request: {set: {':path': x}}}"), D_HEADER_INVALID, "spec.http[0].headers.request.set[\":path\"]"},
		{HTTP(R ", headers: {request: {set: {':authority': x}}}"), D_COUNT, ""},
		{HTTP(R ", headers: {response: {set: {host: x}}}"), D_HEADER_INVALID, "spec.http[0].headers.response.set.host"},
		{HTTP(R ", headers: {request: {add: {x: '50%'}}}"), D_HEADER_INVALID, "spec.http[0].headers.request.add.x"},
		{HTTP(R ", headers: {request: {add: {x: '%REQ(a)%:%START_TIME% 5%%'}}}"), D_COUNT, ""},
		{HTTP(R ", retries: {attempts: -1}"), D_RETRY_INVALID, "spec.http[0].retries.attempts"},
		{HTTP(R ", retries: {attempts: 0, retryOn: 5xx}"), D_RETRY_INVALID, "spec.http[0].retries"},
		{HTTP(R ", retries: {attempts: 1, retryOn: '5xx,nonsense'}"), D_RETRY_INVALID, "spec.http[0].retries.retryOn"},
		{HTTP(R ", rewrite: {}"), D_REWRITE_INVALID, "spec.http[0].rewrite"},
		{HTTP(R ", rewrite: {authority: a}, headers: {request: {set: {host: b}}}"), D_REWRITE_INVALID, "spec.http[0].rewrite.authority"},
		{HTTP("redirect: {redirectCode: 404, uri: /}"), D_REWRITE_INVALID, "spec.http[0].redirect.redirectCode"},
		{HTTP("redirect: {}"), D_REWRITE_INVALID, "spec.http[0].redirect"},
		{HTTP("redirect: {prefixRewrite: /a}, match: [{uri: {exact: /b}}]"), D_REWRITE_INVALID, "spec.http[0].redirect.prefixRewrite"},
		{HTTP("directResponse: {status: 100}"), D_FAULT_INVALID, "spec.http[0].directResponse.status"},
		{HTTP(R ", fault: {}"), D_FAULT_INVALID, "spec.http[0].fault"},
		{HTTP(R ", fault: {abort: {grpcStatus: NOT}}"), D_FAULT_INVALID, "spec.http[0].fault.abort.grpcStatus"},
		{HTTP(R ", fault: {abort: {httpStatus: 500, percentage: {value: 101}}}"), D_FAULT_INVALID, "spec.http[0].fault.abort.percentage"},
		{HTTP(R ", corsPolicy: {allowMethods: [get]}"), D_CORS_INVALID, "spec.http[0].corsPolicy.allowMethods[0]"},
		{HTTP(R ", corsPolicy: {maxAge: 1.5s}"), D_CORS_INVALID, "spec.http[0].corsPolicy.maxAge"},
		{"{hosts: [a.b], tls: [{match: [{sniHosts: [c.d]}], " R "}]}", D_MATCH_INVALID, "spec.tls[0].match[0].sniHosts[0]"},
		{"{hosts: [a.b], tls: [{match: [{sniHosts: [a.b]}]}]}", D_ROUTE_ACTION, "spec.tls[0]"},
		{"{hosts: [a.b], tls: [{" R "}]}", D_FIELD_REQUIRED, "spec.tls[0].match"},
		{"{hosts: [a.b], tcp: [{match: [{destinationSubnets: [x]}], " R "}]}", D_MATCH_INVALID,
		 "spec.tcp[0].match[0].destinationSubnets[0]"},
	};

	(void)state;
	RUN("VirtualService", rules);
}

#define TP(x) "{host: a, trafficPolicy: {" x "}}"

static void test_destination_rule(void **state)
{
	static const struct rule rules[] = {
		{"{host: a}", D_COUNT, ""},
		{"{}", D_FIELD_REQUIRED, "spec.host"},
		{TP(""), D_POLICY_EMPTY, "spec.trafficPolicy"},
		{TP("connectionPool: {}"), D_POLICY_EMPTY, "spec.trafficPolicy.connectionPool"},
		{TP("connectionPool: {tcp: {maxConnections: -1}}"), D_POOL_INVALID, "spec.trafficPolicy.connectionPool.tcp.maxConnections"},
		{TP("connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}"), D_POOL_INVALID,
		 "spec.trafficPolicy.connectionPool.http.useClientProtocol"},
		{TP("outlierDetection: {maxEjectionPercent: 101}"), D_OUTLIER_INVALID, "spec.trafficPolicy.outlierDetection.maxEjectionPercent"},
		{TP("outlierDetection: {consecutiveLocalOriginFailures: 1}"), D_OUTLIER_INVALID,
		 "spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures"},
		{TP("loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}"), D_FIELD_ONEOF,
		 "spec.trafficPolicy.loadBalancer.consistentHash"},
		{TP("loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 50}}]}}"), D_LOCALITY_INVALID,
		 "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to"},
		{TP("loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {a/b/c: 50, a/b/*: 50}}]}}"), D_LOCALITY_INVALID,
		 "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to"},
		{TP("loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {a/b/*: 70, a/c/*: 30}}]}}"), D_COUNT, ""},
		{TP("loadBalancer: {localityLbSetting: {failover: [{from: a, to: a}]}}, outlierDetection: {interval: 1s}"), D_LOCALITY_INVALID,
		 "spec.trafficPolicy.loadBalancer.localityLbSetting.failover[0]"},
		{TP("loadBalancer: {warmup: {duration: 1s, aggression: -1}}"), D_BALANCER_INVALID,
		 "spec.trafficPolicy.loadBalancer.warmup.aggression"},
		{TP("tls: {mode: MUTUAL, clientCertificate: /a}"), D_TLS_INVALID, "spec.trafficPolicy.tls"},
		{TP("tls: {mode: SIMPLE, credentialName: a, caCertificates: /b}"), D_TLS_INVALID, "spec.trafficPolicy.tls"},
		{TP("tunnel: {targetHost: a, targetPort: 1, protocol: GET}"), D_TUNNEL_INVALID, "spec.trafficPolicy.tunnel.protocol"},
		{TP("retryBudget: {percent: 20, minRetryConcurrency: 3}"), D_COUNT, ""},
		{TP("portLevelSettings: [{port: {number: 80}}]"), D_POLICY_EMPTY, "spec.trafficPolicy.portLevelSettings[0]"},
		{"{host: a, subsets: [{name: a.b}]}", D_SUBSET_INVALID, "spec.subsets[0].name"},
		{"{host: a, subsets: [{name: b, labels: {'-': c}}]}", D_LABEL_INVALID, "spec.subsets[0].labels"},
		{"{host: a, workloadSelector: {matchLabels: {a: '*'}}}", D_LABEL_INVALID, "spec.workloadSelector.matchLabels.a"},
		{"{host: a, workloadSelector: {matchLabels: {a: b}}, exportTo: [other]}", D_EXPORT_TO_INVALID, "spec.exportTo[0]"},
	};

	(void)state;
	RUN("DestinationRule", rules);
}

#define SERVER(x) "{servers: [{hosts: [a.b], " x "}]}"
#define HTTPS "port: {number: 443, name: p, protocol: HTTPS}"

static void test_gateway(void **state)
{
	static const struct rule rules[] = {
		{"{}", D_SERVER_INVALID, "spec"},
		{SERVER("port: {number: 80, name: p, protocol: HTTP}"), D_COUNT, ""},
		{SERVER("port: {number: 80, protocol: HTTP}"), D_SERVER_INVALID, "spec.servers[0].port"},
		{SERVER("port: {number: 80, name: p, protocol: FTP}"), D_PROTOCOL_UNKNOWN, "spec.servers[0].port.protocol"},
		{SERVER(HTTPS), D_SERVER_INVALID, "spec.servers[0]"},
		{SERVER(HTTPS ", tls: {mode: SIMPLE, credentialName: c}"), D_COUNT, ""},
		{SERVER(HTTPS ", tls: {mode: SIMPLE, serverCertificate: /c}"), D_TLS_INVALID, "spec.servers[0].tls"},
		{SERVER(HTTPS ", tls: {mode: ISTIO_MUTUAL, privateKey: /c}"), D_TLS_INVALID, "spec.servers[0].tls.privateKey"},
		{SERVER("port: {number: 80, name: p, protocol: HTTP}, tls: {mode: SIMPLE, credentialName: c}"), D_SERVER_INVALID,
		 "spec.servers[0].tls"},
		{SERVER("port: {number: 80, name: p, protocol: HTTP}, tls: {httpsRedirect: true}"), D_COUNT, ""},
		{SERVER("port: {number: 80, name: p, protocol: HTTP}, bind: x"), D_SERVER_INVALID, "spec.servers[0].bind"},
		{"{servers: [{hosts: [short], port: {number: 80, name: p, protocol: HTTP}}]}", D_HOST_INVALID, "spec.servers[0].hosts[0]"},
		{"{servers: [{hosts: ['*x.y'], port: {number: 80, name: p, protocol: HTTP}}]}", D_HOST_INVALID, "spec.servers[0].hosts[0]"},
		{"{servers: [{hosts: [ns/a.b, './*', 10.0.0.1], port: {number: 80, name: p, protocol: HTTP}}]}", D_COUNT, ""},
	};

	(void)state;
	RUN("Gateway", rules);
}

#define PORT "ports: [{number: 80, name: p, protocol: HTTP}]"

static void test_service_entry(void **state)
{
	static const struct rule rules[] = {
		{"{hosts: [a.b], " PORT ", resolution: DNS}", D_COUNT, ""},
		{"{hosts: ['*'], " PORT "}", D_HOST_INVALID, "spec.hosts[0]"},
		{"{hosts: ['*.b'], " PORT ", resolution: DNS}", D_ENTRY_INVALID, "spec.hosts[0]"},
		{"{hosts: [a.b], addresses: [10.0.0.0/8], " PORT ", resolution: DNS}", D_ENTRY_INVALID, "spec.addresses"},
		{"{hosts: [a.b], " PORT ", endpoints: [{address: 1.1.1.1}]}", D_ENTRY_INVALID, "spec.endpoints"},
		{"{hosts: [a.b], " PORT ", resolution: STATIC, endpoints: [{address: c.d}]}", D_ENDPOINT_INVALID, "spec.endpoints[0].address"},
		{"{hosts: [a.b], " PORT ", resolution: STATIC, endpoints: [{address: 'unix://a/b'}]}", D_ENDPOINT_INVALID,
		 "spec.endpoints[0].address"},
		{"{hosts: [a.b], " PORT ", resolution: STATIC, endpoints: [{address: 1.1.1.1, ports: {q: 1}}]}", D_ENTRY_INVALID,
		 "spec.endpoints[0].ports.q"},
		{"{hosts: [a.b, c.d], ports: [{number: 80, name: p, protocol: TCP}], resolution: DNS}", D_ENTRY_INVALID, "spec.ports[0]"},
		{"{hosts: [a.b], ports: [{number: 80, name: p}, {number: 80, name: q}]}", D_PORT_DUPLICATE, "spec.ports[1].number"},
		{"{hosts: [a.b], ports: [{number: 80, name: p}, {number: 81, name: p}]}", D_PORT_DUPLICATE, "spec.ports[1].name"},
		{"{hosts: [a.b], " PORT ", exportTo: ['~']}", D_COUNT, ""},
	};
	static const struct rule workloads[] = {
		{"{}", D_ENDPOINT_INVALID, "spec"},
		{"{network: net}", D_COUNT, ""},
		{"{address: 'unix:///a/b', ports: {p: 1}}", D_ENDPOINT_INVALID, "spec.ports"},
	};

	(void)state;
	RUN("ServiceEntry", rules);
	RUN("WorkloadEntry", workloads);
}

static void test_sidecar(void **state)
{
	static const struct rule rules[] = {
		{"{}", D_POLICY_EMPTY, "spec"},
		{"{egress: [{hosts: ['*/*', ./a.b, ~/*]}]}", D_COUNT, ""},
		{"{egress: [{hosts: [a.b]}]}", D_HOST_INVALID, "spec.egress[0].hosts[0]"},
		{"{egress: [{hosts: ['*/*']}, {hosts: ['*/*'], port: {number: 80}}]}", D_LISTENER_INVALID, "spec.egress[0]"},
		{"{egress: [{hosts: ['*/*'], port: {number: 0}}]}", D_LISTENER_INVALID, "spec.egress[0].bind"},
		{"{ingress: [{port: {number: 80}, defaultEndpoint: '1.2.3.4:80'}]}", D_LISTENER_INVALID, "spec.ingress[0].defaultEndpoint"},
		{"{ingress: [{port: {number: 80}}, {port: {number: 80}}]}", D_LISTENER_INVALID, "spec.ingress[1].port"},
		{"{outboundTrafficPolicy: {egressProxy: {host: a.b, port: {number: 1}}}}", D_LISTENER_INVALID,
		 "spec.outboundTrafficPolicy.egressProxy"},
	};

	(void)state;
	RUN("Sidecar", rules);
}

/* Bodies that are too long to stand in a file of cases. */
static void test_body(void **state)
{
	static const struct {
		int size;
		enum diag_code code;	/* D_COUNT: valid */
	} rows[] = {{100 * 1024, D_COUNT}, {100 * 1024 + 1, D_SETTING_HEAVY}, {1024 * 1024 + 1, D_FAULT_INVALID}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct diags ds;
		char *text;

		arena_init(&a, 0);
		diags_init(&ds, &a);
		text = arena_printf(&a, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x, namespace: ns}\n"
				    "spec: " HTTP("directResponse: {status: 200, body: {string: '%0*d'}}") "\n", rows[i].size, 0);
		load_text("in", text, strlen(text), SCHEMA_STRICT, &ds, drop, NULL);
		assert_int_equal(ds.n, rows[i].code != D_COUNT);
		if (ds.n) {
			assert_int_equal(ds.v[0].code, rows[i].code);
			assert_string_equal(ds.v[0].path, "spec.http[0].directResponse.body");
		}
		arena_fini(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_virtual_service), cmocka_unit_test(test_destination_rule), cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_service_entry),	cmocka_unit_test(test_sidecar), cmocka_unit_test(test_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
