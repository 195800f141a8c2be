/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_dump.h"

#define MESH_PORTS FIXTURE_MESH "proxyListenPort: 15001\nproxyInboundListenPort: 15006\n"
#define MESH MESH_PORTS "outboundTrafficPolicy: {mode: ALLOW_ANY}\n"

static const char sidecar[] = "sidecar~10.0.0.9~a.ns1~ns1.svc.cluster.local";

#define SERVICE(name, ip, ports)                                                                   \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: ns1}\n"         \
	"spec: {clusterIP: " ip ", ports: [" ports "]}\n"
#define ENTRY(name, rest)                                                                          \
	"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: " name ", namespace: ns1}\n" \
	"spec: {" rest "}\n"
#define ROUTES(name, rest)                                                                         \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name ", namespace: ns1}\n" \
	"spec: {" rest "}\n"
#define SIDECAR(rest)                                                                              \
	"---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: ns1}\n" \
	"spec: {" rest "}\n"

static const char *planned_as(const char *objects, const char *metadata, const char *mesh, const char *prefix)
{
	static struct dump d;
	struct fixture f;

	fixture_init(&f);
	fixture_add(&f, objects);
	fixture_build_mesh(&f, mesh);
	fixture_view(&f, sidecar, metadata);
	plan_dump(&f, IR_LISTENER, prefix, &d);
	fixture_fini(&f);
	return d.text;
}

static const char *planned(const char *objects, const char *prefix)
{
	return planned_as(objects, "{NAMESPACE: ns1}", MESH, prefix);
}

#define HTTP_CHAIN(rds) "  chain raw_buffer alpn=http/1.1,h2c http rds " rds "\n"
#define PASS		"  default -> PassthroughCluster\n"

static void http_services_share_a_port(void **state)
{
	(void)state;
	assert_string_equal(planned(SERVICE("a", "10.2.0.1", "{port: 80, name: http}")
				    SERVICE("b", "10.2.0.2", "{port: 80, name: grpc}"), "0.0.0.0_80"),
			    "0.0.0.0_80 @0.0.0.0:80 unbound http_inspector\n" HTTP_CHAIN("80") PASS);
}

static void tcp_listens_on_its_address(void **state)
{
	(void)state;
	assert_string_equal(planned(SERVICE("a", "10.2.0.1", "{port: 90, name: tcp}"), "10.2"),
			    "10.2.0.1_90 @10.2.0.1:90 unbound\n  chain -> outbound|90||a.ns1.svc.cluster.local\n");
	assert_string_equal(planned(SERVICE("a", "10.2.0.1", "{port: 27017, name: mongo}"), "10.2"),
			    "10.2.0.1_27017 @10.2.0.1:27017 unbound\n  chain -> outbound|27017||a.ns1.svc.cluster.local mongo\n");
}

static void sniffed_port_is_both(void **state)
{
	(void)state;
	assert_string_equal(planned(ENTRY("a", "hosts: [a.com], addresses: [10.2.0.1], resolution: DNS, ports: [{number: 90, name: x}]"), "10.2"),
			    "10.2.0.1_90 @10.2.0.1:90 unbound http_inspector\n"
			    HTTP_CHAIN("a.com:90")
			    "  default -> outbound|90||a.com\n");
	assert_string_equal(planned(ENTRY("a", "hosts: [a.com], resolution: DNS, ports: [{number: 90, name: x}]"), "0.0"),
			    "0.0.0.0_90 @0.0.0.0:90 unbound http_inspector\n" HTTP_CHAIN("90") "  default -> outbound|90||a.com\n");
}

static void http_and_tcp_meet(void **state)
{
	static const char a[] = ENTRY("a", "hosts: [a.com], resolution: DNS, ports: [{number: 90, name: x, protocol: TCP}]");
	static const char both[] = ENTRY("a", "hosts: [a.com], resolution: DNS, ports: [{number: 90, name: x, protocol: TCP}]")
	    SERVICE("b", "10.2.0.1", "{port: 90, name: http}")
	    ENTRY("c", "hosts: [c.com], resolution: DNS, ports: [{number: 90, name: x, protocol: TCP}]");

	(void)state;
	assert_string_equal(planned(a, "0.0"), "0.0.0.0_90 @0.0.0.0:90 unbound\n  chain -> outbound|90||a.com\n");
	assert_string_equal(planned(both, "0.0"),
			    "0.0.0.0_90 @0.0.0.0:90 unbound http_inspector\n" HTTP_CHAIN("90") "  default -> outbound|90||a.com\n");
}

static void cidrs_tell_services_apart(void **state)
{
	static const char objects[] =
	    ENTRY("a", "hosts: [a.com], addresses: [10.3.0.0/16], resolution: NONE, ports: [{number: 90, name: x, protocol: TCP}]")
	    ENTRY("b", "hosts: [b.com], addresses: [10.4.0.0/16], resolution: NONE, ports: [{number: 90, name: x, protocol: TCP}]")
	    ENTRY("c", "hosts: [c.com], addresses: [10.4.7.7/16], resolution: NONE, ports: [{number: 90, name: x, protocol: TCP}]");

	(void)state;
	assert_string_equal(planned(objects, "0.0"),
			    "0.0.0.0_90 @0.0.0.0:90 unbound\n"
			    "  chain net=10.3.0.0/16 -> outbound|90||a.com\n"
			    "  chain net=10.4.0.0/16 -> outbound|90||b.com\n" PASS);
}

static void tls_is_told_by_its_name(void **state)
{
	static const char objects[] =
	    ENTRY("a", "hosts: [a.com], resolution: DNS, ports: [{number: 443, name: x, protocol: TLS}]")
	    ENTRY("b", "hosts: [b.com], resolution: DNS, ports: [{number: 443, name: x, protocol: HTTPS}]");
	static const char routed[] =
	    SERVICE("a", "10.2.0.1", "{port: 443, name: https}")
	    ROUTES("v", "hosts: [a, x.com, y.com, z.com], tls: [{match: [{sniHosts: [y.com, x.com]}, {sniHosts: [y.com, x.com], port: 443}], "
			"route: [{destination: {host: a, subset: s}, weight: 1}, {destination: {host: a}, weight: 2}]}, "
			"{match: [{sniHosts: [z.com], port: 444}], route: [{destination: {host: a}}]}]");

	(void)state;
	assert_string_equal(planned(objects, "0.0"),
			    "0.0.0.0_443 @0.0.0.0:443 unbound tls_inspector\n"
			    "  chain sni=a.com -> outbound|443||a.com\n"
			    "  chain sni=b.com -> outbound|443||b.com\n" PASS);
	assert_string_equal(planned(SERVICE("a", "10.2.0.1", "{port: 443, name: https}"), "10.2"),
			    "10.2.0.1_443 @10.2.0.1:443 unbound\n  chain -> outbound|443||a.ns1.svc.cluster.local\n");
	assert_string_equal(planned(routed, "10.2"),
			    "10.2.0.1_443 @10.2.0.1:443 unbound tls_inspector\n"
			    "  chain sni=x.com,y.com -> outbound|443|s|a.ns1.svc.cluster.local | outbound|443||a.ns1.svc.cluster.local\n"
			    PASS);
}

static void tcp_routes(void **state)
{
	static const char objects[] =
	    SERVICE("a", "10.2.0.1", "{port: 90, name: tcp}")
	    ROUTES("v", "hosts: [a], tcp: [{match: [{destinationSubnets: [10.9.0.0/16]}], route: [{destination: {host: one.com}}]}, "
			"{match: [{port: 90, sourceNamespace: other}], route: [{destination: {host: two.com}}]}]");

	(void)state;
	assert_string_equal(planned(objects, "10.2"),
			    "10.2.0.1_90 @10.2.0.1:90 unbound\n"
			    "  chain net=10.9.0.0/16 -> outbound|90||one.com\n"
			    "  default -> outbound|90||a.ns1.svc.cluster.local\n");
}

static void headless_listens_for_each_endpoint(void **state)
{
	static const char slice[] =
	    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	    "metadata: {name: s, namespace: ns1, labels: {kubernetes.io/service-name: h}}\naddressType: IPv4\n"
	    "endpoints: [{addresses: [10.5.0.1]}, {addresses: [10.5.0.2]}]\nports: [{name: tcp, port: 90}, {name: http, port: 91}]\n";
	char objects[2048];

	(void)state;
	snprintf(objects, sizeof(objects), "%s%s", SERVICE("h", "None", "{port: 90, name: tcp}, {port: 91, name: http}"), slice);
	assert_string_equal(planned(objects, "10."),
			    "10.5.0.1_90 @10.5.0.1:90 unbound\n  chain -> outbound|90||h.ns1.svc.cluster.local\n"
			    "10.5.0.2_90 @10.5.0.2:90 unbound\n  chain -> outbound|90||h.ns1.svc.cluster.local\n");
	assert_string_equal(planned(objects, "0.0"),
			    "0.0.0.0_91 @0.0.0.0:91 unbound http_inspector\n" HTTP_CHAIN("91") PASS);
}

static void unknown_traffic(void **state)
{
	static const char service[] = SERVICE("a", "10.2.0.1", "{port: 80, name: http}");

	(void)state;
	assert_string_equal(planned(service, "virtualOut"),
			    "virtualOutbound @0.0.0.0:15001\n  chain port=15001 -> BlackHoleCluster\n  chain -> PassthroughCluster\n");
	assert_string_equal(planned_as(service, NULL, MESH_PORTS "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n", "0.0"),
			    "0.0.0.0_80 @0.0.0.0:80 unbound http_inspector\n" HTTP_CHAIN("80") "  default -> BlackHoleCluster\n");
}

static void sidecar_ports(void **state)
{
	static const char objects[] =
	    SERVICE("a", "10.2.0.1", "{port: 80, name: http}, {port: 90, name: tcp}")
	    SIDECAR("egress: [{port: {number: 80, protocol: HTTP, name: x}, bind: 127.0.0.1, captureMode: NONE, hosts: ['./*']}, "
		    "{port: {number: 0, protocol: HTTP, name: u}, bind: 'unix:///run/x', hosts: ['./*']}, {hosts: ['./*']}]");

	(void)state;
	assert_string_equal(planned(objects, "127"), "127.0.0.1_80 @127.0.0.1:80\n  chain http rds 80\n");
	assert_string_equal(planned(objects, "unix"), "unix:///run/x @/run/x:0 unbound\n  chain http rds unix:///run/x\n");
	assert_string_equal(planned(objects, "10"),
			    "10.2.0.1_90 @10.2.0.1:90 unbound\n  chain -> outbound|90||a.ns1.svc.cluster.local\n");
}

static void without_capture_all_is_local(void **state)
{
	(void)state;
	assert_string_equal(planned_as(SERVICE("a", "10.2.0.1", "{port: 80, name: http}, {port: 90, name: tcp}"),
				       "{NAMESPACE: ns1, INTERCEPTION_MODE: NONE}", MESH "proxyHttpPort: 7777\n", ""),
			    "127.0.0.1_7777 @127.0.0.1:7777\n  chain http rds http_proxy\n"
			    "127.0.0.1_80 @127.0.0.1:80\n  chain http rds 80\n"
			    "127.0.0.1_90 @127.0.0.1:90\n  chain -> outbound|90||a.ns1.svc.cluster.local\n");
}

static const char targets[] =
    ENTRY("in", "hosts: [in.com], location: MESH_INTERNAL, resolution: STATIC, endpoints: [{address: 10.0.0.9}], "
		"ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}, {number: 90, name: tcp, protocol: TCP}, {number: 91, name: any}]");

static void inbound_plain(void **state)
{
	(void)state;
	assert_string_equal(planned(targets, "virtualIn"),
			    "virtualInbound @0.0.0.0:15006 http_inspector\n"
			    "  chain port=15006 -> BlackHoleCluster\n"
			    "  chain raw_buffer alpn=http/1.1,h2c http inline InboundPassthroughCluster\n"
			    "  chain raw_buffer -> InboundPassthroughCluster\n"
			    "  chain port=90 raw_buffer -> inbound|90||\n"
			    "  chain port=91 raw_buffer alpn=http/1.1,h2c http inline inbound|91||\n"
			    "  chain port=91 raw_buffer -> inbound|91||\n"
			    "  chain port=8080 raw_buffer http inline inbound|8080||\n");
}

static void inbound_with_agent(void **state)
{
	const char *text = planned_as(targets, "{NAMESPACE: ns1, ISTIO_VERSION: '1.32.0'}", MESH, "virtualIn");
	const char *http = strstr(text, "  chain port=8080"), *tcp = strstr(text, "  chain port=90");

	(void)state;
	assert_non_null(http);
	assert_non_null(tcp);
	assert_string_equal(http, "  chain port=8080 tls alpn=istio-peer-exchange,istio,istio-http/1.0,istio-http/1.1,istio-h2 "
				  "tls{cert=agent:default ca=agent:ROOTCA sanprefix=spiffe://cluster.local/ alpn=h2,http/1.1} "
				  "http inline inbound|8080||\n"
				  "  chain port=8080 raw_buffer http inline inbound|8080||\n");
	assert_memory_equal(strstr(tcp, "\n") + 1, "  chain port=90 tls -> inbound|90||\n  chain port=90 raw_buffer -> inbound|90||\n", 72);
}

static void inbound_inspectors(void **state)
{
	struct fixture f;
	struct plan *p;
	struct ir ir;
	const struct ir_inspector *in;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, targets);
	fixture_build_mesh(&f, MESH);
	fixture_view(&f, sidecar, "{NAMESPACE: ns1, ISTIO_VERSION: '1.32.0'}");
	p = plan_build(f.s, &f.view, &f.arena);
	plan_expand(p, &p->rows[IR_LISTENER].v[p->rows[IR_LISTENER].n - 2], &f.arena, &ir);
	assert_string_equal(ir.listener->name, "virtualInbound");
	in = &ir.listener->http_inspector;
	assert_int_equal(in->ports.n, 3);
	assert_int_equal(in->ports.v[0], 90);
	assert_int_equal(in->ports.v[1], 8080);
	assert_int_equal(in->ports.v[2], 15006);
	assert_int_equal(ir.listener->tls_inspector.ports.n, 1);
	fixture_fini(&f);
}

static void sidecar_ingress(void **state)
{
	static const char objects[] = SIDECAR("ingress: [{port: {number: 70, protocol: TCP, name: x}, defaultEndpoint: '127.0.0.1:71'}, "
					      "{port: {number: 72, protocol: HTTP, name: z}, captureMode: NONE, bind: 10.0.0.9, defaultEndpoint: 'unix:///run/y'}]");
	const char *text = planned(objects, "virtualIn");
	static struct dump d;
	struct fixture f;

	(void)state;
	assert_non_null(strstr(text, "  chain port=70 raw_buffer -> inbound|70||\n"));
	assert_null(strstr(text, "72"));
	assert_string_equal(planned(objects, "10."), "10.0.0.9_72 @10.0.0.9:72\n  chain raw_buffer http inline inbound|72||\n");
	fixture_init(&f);
	fixture_add(&f, objects);
	fixture_build_mesh(&f, MESH);
	fixture_view(&f, sidecar, "{NAMESPACE: ns1}");
	plan_dump(&f, IR_CLUSTER, "inbound", &d);
	assert_string_equal(d.text, "inbound|70|| static rr\n  [//] p0 w0: 127.0.0.1:71\n"
				    "inbound|72|| static rr\n  [//] p0 w0: pipe:/run/y\n");
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(http_services_share_a_port),
	    cmocka_unit_test(tcp_listens_on_its_address),
	    cmocka_unit_test(sniffed_port_is_both),
	    cmocka_unit_test(http_and_tcp_meet),
	    cmocka_unit_test(cidrs_tell_services_apart),
	    cmocka_unit_test(tls_is_told_by_its_name),
	    cmocka_unit_test(tcp_routes),
	    cmocka_unit_test(headless_listens_for_each_endpoint),
	    cmocka_unit_test(unknown_traffic),
	    cmocka_unit_test(sidecar_ports),
	    cmocka_unit_test(without_capture_all_is_local),
	    cmocka_unit_test(inbound_plain),
	    cmocka_unit_test(inbound_with_agent),
	    cmocka_unit_test(inbound_inspectors),
	    cmocka_unit_test(sidecar_ingress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
