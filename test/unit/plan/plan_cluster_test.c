/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_dump.h"

#define MESH FIXTURE_MESH "connectTimeout: 10s\nlocalityLbSetting: {enabled: true}\n" \
	"proxyListenPort: 15001\nproxyInboundListenPort: 15006\n"

static const char sidecar[] = "sidecar~10.0.0.9~a.ns1~ns1.svc.cluster.local";
static const char agent[] = "{NAMESPACE: ns1, ISTIO_VERSION: '1.32.0'}";

static const char entry[] =
    "apiVersion: networking.istio.io/v1\n"
    "kind: ServiceEntry\n"
    "metadata: {name: db, namespace: ns1}\n"
    "spec:\n"
    "  hosts: [db.example.com]\n"
    "  location: MESH_INTERNAL\n"
    "  resolution: STATIC\n"
    "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
    "  endpoints:\n"
    "  - {address: 10.1.0.1, labels: {version: v1}, locality: r1/z1/s1, serviceAccount: one}\n"
    "  - {address: 10.1.0.2, labels: {version: v2}, locality: r1/z2/s1}\n"
    "  - {address: 10.1.0.3, labels: {version: v2}, locality: r2/z1/s1, weight: 3}\n";

static struct dump *planned(const char *rules, const char *node, const char *metadata, enum ir_type type,
			    const char *prefix)
{
	static struct dump d;
	struct fixture f;

	fixture_init(&f);
	fixture_add(&f, entry);
	if (rules)
		fixture_add(&f, rules);
	fixture_build_mesh(&f, MESH);
	fixture_view(&f, node, metadata);
	plan_dump(&f, type, prefix, &d);
	fixture_fini(&f);
	return &d;
}

static const char rule[] =
    "apiVersion: networking.istio.io/v1\n"
    "kind: DestinationRule\n"
    "metadata: {name: db, namespace: ns1}\n"
    "spec:\n"
    "  host: db.example.com\n"
    "  trafficPolicy:\n"
    "    loadBalancer: {simple: RANDOM}\n"
    "    connectionPool: {tcp: {maxConnections: 5}}\n"
    "    outlierDetection: {consecutive5xxErrors: 7}\n"
    "    portLevelSettings:\n"
    "    - {port: {number: 81}, loadBalancer: {simple: ROUND_ROBIN}}\n"
    "  subsets:\n"
    "  - name: v1\n"
    "    labels: {version: v1}\n"
    "  - name: v2\n"
    "    labels: {version: v2}\n"
    "    trafficPolicy:\n"
    "      loadBalancer: {consistentHash: {useSourceIp: true}}\n"
    "      connectionPool: {http: {http1MaxPendingRequests: 3, idleTimeout: 9s}}\n";

static void fixed_clusters(void **state)
{
	(void)state;
	assert_string_equal(planned(NULL, sidecar, NULL, IR_CLUSTER, "BlackHole")->text, "BlackHoleCluster static rr\n");
	assert_string_equal(planned(NULL, sidecar, NULL, IR_CLUSTER, "Passthrough")->text,
			    "PassthroughCluster original-dst provided downstream idle=300s\n");
	assert_string_equal(planned(NULL, sidecar, NULL, IR_CLUSTER, "InboundPass")->text,
			    "InboundPassthroughCluster original-dst provided downstream idle=300s bind=127.0.0.6\n");
	assert_string_equal(planned(NULL, "router~10.0.0.9~a.ns1~ns1.svc.cluster.local", NULL, IR_CLUSTER, "P")->text, "");
}

static void subsets_overlay_by_block(void **state)
{
	(void)state;
	assert_string_equal(planned(rule, sidecar, NULL, IR_CLUSTER, "outbound")->text,
			    "outbound|80|v1|db.example.com eds random conn=5 outlier5xx=7 panic=0\n"
			    "outbound|80|v2|db.example.com eds ring h1 pending=3 outlier5xx=7 panic=0 idle=9s ring=1024\n"
			    "outbound|80||db.example.com eds random conn=5 outlier5xx=7 panic=0\n");
}

static void mesh_mtls_needs_an_agent(void **state)
{
	(void)state;
	assert_string_equal(planned(NULL, sidecar, NULL, IR_CLUSTER, "outbound")->text,
			    "outbound|80||db.example.com eds least panic=0\n");
	assert_string_equal(planned(NULL, sidecar, agent, IR_CLUSTER, "outbound")->text,
			    "outbound|80||db.example.com eds least panic=0 auto{cert=agent:default ca=agent:ROOTCA "
			    "san=spiffe://cluster.local/ns/ns1/sa/one alpn=istio-peer-exchange,istio "
			    "sni=outbound_.80_._.db.example.com}\n");
}

#define TLS_RULE(settings)                                                                         \
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: db, namespace: ns1}\n" \
	"spec: {host: db.example.com, trafficPolicy: {tls: {" settings "}}}\n"

static void tls_of_rules(void **state)
{
	static const struct {
		const char *rules, *metadata, *want;
	} cases[] = {
	    {TLS_RULE("mode: DISABLE"), agent, "least panic=0\n"},
	    {TLS_RULE("mode: SIMPLE, sni: x"), agent, "least panic=0 tls{ca=agent:file-root:system sni=x}\n"},
	    {TLS_RULE("mode: SIMPLE, caCertificates: /ca"), NULL, "least h1 panic=0 tls{ca=file:/ca autosni autosan}\n"},
	    {TLS_RULE("mode: MUTUAL, clientCertificate: /c, privateKey: /k, caCertificates: /ca, sni: x, subjectAltNames: [y.com]"),
	     NULL, "least panic=0 tls{cert=file:/c+/k ca=file:/ca san=y.com sni=x}\n"},
	    {TLS_RULE("mode: MUTUAL, clientCertificate: /c, privateKey: /k, sni: x"), agent,
	     "least panic=0 tls{cert=agent:file-cert:/c~/k ca=agent:file-root:system sni=x}\n"},
	    {TLS_RULE("mode: SIMPLE, sni: x, insecureSkipVerify: true"), NULL, "least panic=0 tls{ca=none sni=x noverify}\n"},
	    {TLS_RULE("mode: SIMPLE, sni: x, credentialName: c"), NULL, "least panic=0\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dump *d = planned(cases[i].rules, sidecar, cases[i].metadata, IR_CLUSTER, "outbound");
		const char *text = strstr(d->text, " eds ");

		assert_non_null(text);
		assert_string_equal(text + 5, cases[i].want);
	}
}

/* What must be sent with an identity is not sent without one. */
static void no_identity_fails_closed(void **state)
{
	(void)state;
	assert_string_equal(planned(TLS_RULE("mode: ISTIO_MUTUAL"), sidecar, NULL, IR_CLUSTER, "outbound")->text,
			    "outbound|80||db.example.com static least panic=0\n");
	assert_string_equal(planned(TLS_RULE("mode: ISTIO_MUTUAL"), sidecar, NULL, IR_ENDPOINTS, "")->text, "");
}

static void endpoints_by_subset_and_locality(void **state)
{
	(void)state;
	assert_string_equal(planned(rule, sidecar, NULL, IR_ENDPOINTS, "outbound|80|v1")->text,
			    "outbound|80|v1|db.example.com\n  [r1/z1/s1] p0 w1: 10.1.0.1:80+mtls\n");
	assert_string_equal(planned(NULL, sidecar, NULL, IR_ENDPOINTS, "")->text,
			    "outbound|80||db.example.com\n"
			    "  [r1/z1/s1] p0 w1: 10.1.0.1:80+mtls\n"
			    "  [r1/z2/s1] p0 w1: 10.1.0.2:80\n"
			    "  [r2/z1/s1] p0 w3: 10.1.0.3:80\n");
}

static struct dump *from_locality(const char *lb)
{
	static struct dump d;
	struct fixture f;
	char rules[1024];

	fixture_init(&f);
	fixture_add(&f, entry);
	snprintf(rules, sizeof(rules),
		 "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: db, namespace: ns1}\n"
		 "spec: {host: db.example.com, trafficPolicy: {outlierDetection: {}, loadBalancer: {localityLbSetting: %s}}}\n", lb);
	fixture_add(&f, rules);
	fixture_build_mesh(&f, MESH);
	fixture_view(&f, sidecar, NULL);
	f.view.region = "r1";
	f.view.zone = "z2";
	f.view.subzone = "s1";
	plan_dump(&f, IR_ENDPOINTS, "outbound|80||", &d);
	fixture_fini(&f);
	return &d;
}

static void locality_weighs(void **state)
{
	(void)state;
	assert_string_equal(from_locality("{enabled: true}")->text,
			    "outbound|80||db.example.com\n"
			    "  [r1/z1/s1] p1 w1: 10.1.0.1:80+mtls\n"
			    "  [r1/z2/s1] p0 w1: 10.1.0.2:80\n"
			    "  [r2/z1/s1] p2 w3: 10.1.0.3:80\n");
	assert_string_equal(from_locality("{failoverPriority: [version=v2]}")->text,
			    "outbound|80||db.example.com\n"
			    "  [r1/z1/s1] p1 w1: 10.1.0.1:80+mtls\n"
			    "  [r1/z2/s1] p0 w1: 10.1.0.2:80\n"
			    "  [r2/z1/s1] p0 w3: 10.1.0.3:80\n");
	assert_string_equal(from_locality("{distribute: [{from: r1/*, to: {'r1/*': 80, 'r2/*': 20}}]}")->text,
			    "outbound|80||db.example.com\n"
			    "  [r1/z1/s1] p0 w40: 10.1.0.1:80+mtls\n"
			    "  [r1/z2/s1] p0 w40: 10.1.0.2:80\n"
			    "  [r2/z1/s1] p0 w20: 10.1.0.3:80\n");
}

static const char dns[] =
    "apiVersion: networking.istio.io/v1\n"
    "kind: ServiceEntry\n"
    "metadata: {name: web, namespace: ns1}\n"
    "spec:\n"
    "  hosts: [web.example.com]\n"
    "  resolution: DNS\n"
    "  ports: [{number: 443, name: tls, protocol: TLS}, {number: 90, name: grpc, protocol: GRPC}]\n";

static void dns_has_its_members_inline(void **state)
{
	(void)state;
	assert_string_equal(planned(dns, sidecar, agent, IR_CLUSTER, "outbound|443")->text,
			    "outbound|443||web.example.com strict-dns least panic=0\n"
			    "  [//] p0 w1: web.example.com:443\n");
	assert_string_equal(planned(dns, sidecar, agent, IR_CLUSTER, "outbound|90")->text,
			    "outbound|90||web.example.com strict-dns least h2 panic=0\n"
			    "  [//] p0 w1: web.example.com:90\n");
}

/* A row's inputs change with the endpoints' accounts only where they are read. */
static void inputs_follow_what_is_read(void **state)
{
	struct hash128 h[2][2];

	(void)state;
	for (int changed = 0; changed < 2; changed++)
		for (int type = 0; type < 2; type++) {
			struct fixture f;
			struct plan *p;
			char *text = strdup(entry), *weight = strstr(text, "weight: 3");

			must(text && weight);
			if (changed)
				memcpy(weight, "weight: 4", 9);
			fixture_init(&f);
			fixture_add(&f, text);
			fixture_build_mesh(&f, MESH);
			fixture_view(&f, sidecar, agent);
			p = plan_build(f.s, &f.view, &f.arena);
			h[changed][type] = p->rows[type ? IR_ENDPOINTS : IR_CLUSTER].v[type ? 0 : 3].inputs;
			if (!type)
				assert_string_equal(p->rows[IR_CLUSTER].v[3].name, "outbound|80||db.example.com");
			fixture_fini(&f);
			free(text);
		}
	assert_false(hash_equal(h[0][1], h[1][1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fixed_clusters),
	    cmocka_unit_test(subsets_overlay_by_block),
	    cmocka_unit_test(mesh_mtls_needs_an_agent),
	    cmocka_unit_test(tls_of_rules),
	    cmocka_unit_test(no_identity_fails_closed),
	    cmocka_unit_test(endpoints_by_subset_and_locality),
	    cmocka_unit_test(locality_weighs),
	    cmocka_unit_test(dns_has_its_members_inline),
	    cmocka_unit_test(inputs_follow_what_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
