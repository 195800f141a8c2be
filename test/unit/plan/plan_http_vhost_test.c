/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_http_dump.h"

static const char node[] = "sidecar~10.1.1.1~pod.ns~ns.svc.cluster.local";

#define SVC(name, ns, spec)                                                                        \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: " ns "}\nspec: {" spec "}\n"
#define VS(name, ns, time, spec)                                                                   \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name ", namespace: " ns     \
	", creationTimestamp: '" time "'}\nspec: {" spec "}\n"
#define TO(host) "http: [{route: [{destination: {host: " host "}}]}]"
#define SIDECAR(spec)                                                                              \
	"---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: s, namespace: ns}\nspec: {" spec "}\n"
#define HTTP80 "clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]"

static struct planned *plan_of(struct fixture *f, const char *objects, const char *mesh)
{
	fixture_init(f);
	fixture_add(f, objects);
	fixture_build_mesh(f, arena_printf(&f->arena, "%s%s", FIXTURE_MESH, mesh));
	fixture_view(f, node, NULL);
	return planned_new(f, plan_route_rows);
}

static void check(const char *objects, const char *mesh, const char *name, const char *want)
{
	struct fixture f;
	struct planned *t = plan_of(&f, objects, mesh);

	assert_string_equal(planned_routes(t, name), want);
	fixture_fini(&f);
}

#define A80 "outbound|80||a.ns.svc.cluster.local op=a.ns.svc.cluster.local:80/*\n"
#define A_DOMAINS "[a.ns.svc.cluster.local,a.ns.svc.cluster.local.,a,a.ns.svc,a.ns,10.0.0.1]\n"
#define ALLOW "allow_any [*]\n  allow_any prefix / -> PassthroughCluster noretry\n"
#define BLOCK "block_all [*]\n  block_all prefix / direct 502 \n"

static void claims(void **state)
{
	(void)state;
	/* the oldest has the host; hosts of no service stand on port 80 alone */
	check(SVC("a", "ns", HTTP80) VS("late", "ns", "2021-01-01T00:00:00Z", "hosts: [a], " TO("late"))
	      VS("early", "ns", "2020-01-01T00:00:00Z", "hosts: [a, ext.com], " TO("early.com")),
	      "", "80",
	      "a.ns.svc.cluster.local:80 " A_DOMAINS "  - prefix / -> outbound|80||early.com op=early.com:80/*\n"
	      "ext.com:80 [ext.com]\n  - prefix / -> outbound|80||early.com op=early.com:80/*\n" ALLOW);
	/* private before public, whatever the age; an exact host before a wildcard; "*" of the most specific */
	check(SVC("a", "ns", HTTP80) SVC("b", "x", "clusterIP: 10.0.0.2, ports: [{name: http, port: 80}]")
	      VS("public", "x", "2020-01-01T00:00:00Z", "hosts: [a.ns.svc.cluster.local], " TO("pub.com"))
	      VS("own", "ns", "2021-01-01T00:00:00Z", "hosts: [a], exportTo: [.], " TO("own.com"))
	      VS("wide", "ns", "2019-01-01T00:00:00Z", "hosts: ['*.cluster.local'], " TO("wide.com"))
	      VS("narrow", "ns", "2022-01-01T00:00:00Z", "hosts: ['*.x.svc.cluster.local'], " TO("narrow.com")),
	      "", "80",
	      "a.ns.svc.cluster.local:80 " A_DOMAINS "  - prefix / -> outbound|80||own.com op=own.com:80/*\n"
	      "b.x.svc.cluster.local:80 [b.x.svc.cluster.local,b.x.svc.cluster.local.,b.x,b.x.svc,10.0.0.2]\n"
	      "  - prefix / -> outbound|80||narrow.com op=narrow.com:80/*\n" ALLOW);
	/* no route left by static matches: as if it were not there */
	check(SVC("a", "ns", HTTP80)
	      VS("v", "ns", "2020-01-01T00:00:00Z", "hosts: [a], http: [{match: [{port: 81}], route: [{destination: {host: b}}]}]"),
	      "", "80", "a.ns.svc.cluster.local:80 " A_DOMAINS "  default prefix / -> " A80 ALLOW);
}

static void domains(void **state)
{
	(void)state;
	/* headless; an alias; a short form that is another one's host */
	check(SVC("h", "ns", "clusterIP: None, ports: [{name: http, port: 80}]")
	      SVC("al", "ns", "type: ExternalName, externalName: a.ns.svc.cluster.local, ports: [{name: http, port: 80}]")
	      SVC("a", "ns", HTTP80)
	      "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e, namespace: ns}\n"
	      "spec: {hosts: [a.ns], addresses: ['10.9.9.9', '2001:db8::1'], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}\n",
	      "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n", "80",
	      "a.ns.svc.cluster.local:80 [a.ns.svc.cluster.local,a.ns.svc.cluster.local.,a,a.ns.svc,"
	      "al.ns.svc.cluster.local,al.ns.svc.cluster.local.,al,al.ns.svc,al.ns,10.0.0.1]\n"
	      "  default prefix / -> " A80
	      "a.ns:80 [a.ns,a.ns.,10.9.9.9]\n  default prefix / -> outbound|80||a.ns op=a.ns:80/*\n"
	      "h.ns.svc.cluster.local:80 [h.ns.svc.cluster.local,h.ns.svc.cluster.local.,h,h.ns.svc,h.ns,"
	      "*.h.ns.svc.cluster.local,*.h.ns.svc.cluster.local.,*.h,*.h.ns.svc,*.h.ns]\n"
	      "  default prefix / -> outbound|80||h.ns.svc.cluster.local op=h.ns.svc.cluster.local:80/*\n" BLOCK);
}

static void aliased_destination(void **state)
{
	(void)state;
	check(SVC("al", "ns", "type: ExternalName, externalName: a.ns.svc.cluster.local, ports: [{name: http, port: 80}]")
	      SVC("a", "ns", HTTP80) VS("v", "ns", "2020-01-01T00:00:00Z", "hosts: [only.com], " TO("al")),
	      "", "80",
	      "a.ns.svc.cluster.local:80 [a.ns.svc.cluster.local,a.ns.svc.cluster.local.,a,a.ns.svc,a.ns,"
	      "al.ns.svc.cluster.local,al.ns.svc.cluster.local.,al,al.ns.svc,al.ns,10.0.0.1]\n"
	      "  default prefix / -> " A80
	      "only.com:80 [only.com]\n  - prefix / -> " A80 ALLOW);
}

static void egress_blocks(void **state)
{
	static const char objects[] =
	    SVC("a", "ns", "clusterIP: 10.0.0.1, ports: [{name: http, port: 80}, {name: http-b, port: 90}]")
	    SVC("b", "ns", "clusterIP: 10.0.0.2, ports: [{name: http, port: 80}, {name: auto, port: 70, appProtocol: x.io/y}]")
	    SIDECAR("egress: [{port: {number: 80, protocol: HTTP, name: p}, hosts: [./a.ns.svc.cluster.local]},"
		    "{port: {number: 3128, protocol: HTTP_PROXY, name: q}, hosts: [./a.ns.svc.cluster.local]},"
		    "{bind: 'unix:///var/run/x', port: {protocol: HTTP, name: u}, hosts: [./b.ns.svc.cluster.local]},"
		    "{hosts: [./b.ns.svc.cluster.local]}]");
	struct fixture f;
	struct planned *t = plan_of(&f, objects, "proxyHttpPort: 15002\n");

	(void)state;
	assert_string_equal(planned_names(t, IR_ROUTES), "80 3128 unix:///var/run/x b.ns.svc.cluster.local:70 http_proxy");
	assert_string_equal(planned_routes(t, "80"), "a.ns.svc.cluster.local:80 " A_DOMAINS "  default prefix / -> " A80 ALLOW);
	assert_non_null(strstr(planned_routes(t, "3128"), "a.ns.svc.cluster.local:90 [a.ns.svc.cluster.local:90,a.ns.svc.cluster.local.:90,a:90,a.ns.svc:90,a.ns:90,10.0.0.1:90]\n"));
	assert_non_null(strstr(t->dump.text, "a.ns.svc.cluster.local:80 [a.ns.svc.cluster.local,a.ns.svc.cluster.local:80,"));
	assert_non_null(strstr(planned_routes(t, "unix:///var/run/x"), "b.ns.svc.cluster.local:70 [b.ns.svc.cluster.local:70,"));
	assert_string_equal(planned_routes(t, "b.ns.svc.cluster.local:70"),
			    "b.ns.svc.cluster.local:70 [*]\n  default prefix / -> outbound|70||b.ns.svc.cluster.local op=b.ns.svc.cluster.local:70/*\n");
	fixture_fini(&f);
}

/* A change of what a configuration reads changes its inputs, of anything else does not. */
static void inputs(void **state)
{
	static const char *const more[] = {
	    VS("v", "ns", "2020-01-01T00:00:00Z", "hosts: [a], " TO("b")),
	    SVC("b", "ns", "clusterIP: 10.0.0.2, ports: [{name: tcp, port: 9}]"),
	    "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r, namespace: ns}\n"
	    "spec: {host: b, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}}\n",
	};
	struct hash128 h80[4], h90[4];
	const char *objects = SVC("a", "ns", HTTP80) SVC("c", "ns", "clusterIP: 10.0.0.3, ports: [{name: http, port: 90}]");

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct fixture f;
		char text[4096];
		struct planned *t;

		snprintf(text, sizeof(text), "%s%s%s%s", objects, i > 0 ? more[0] : "", i > 1 ? more[1] : "", i > 2 ? more[2] : "");
		t = plan_of(&f, text, "");
		h80[i] = planned_row(t, IR_ROUTES, "80")->inputs;
		h90[i] = planned_row(t, IR_ROUTES, "90")->inputs;
		fixture_fini(&f);
	}
	for (int i = 1; i < 4; i++) {
		assert_false(hash_equal(h80[i - 1], h80[i]));
		assert_true(hash_equal(h90[i - 1], h90[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(claims),	     cmocka_unit_test(domains), cmocka_unit_test(aliased_destination),
	    cmocka_unit_test(egress_blocks), cmocka_unit_test(inputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
