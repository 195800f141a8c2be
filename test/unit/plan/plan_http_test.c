/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_http_dump.h"

static const char services[] =
	"apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: ns}\n"
	"spec:\n  clusterIP: 10.0.0.1\n  ports: [{name: http, port: 80}, {name: http-b, port: 8080}]\n"
	"---\n"
	"apiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: ns}\n"
	"spec:\n  clusterIP: 10.0.0.2\n  ports: [{name: http, port: 80}]\n"
	"---\n"
	"apiVersion: v1\nkind: Service\nmetadata: {name: c, namespace: other}\n"
	"spec:\n  clusterIP: 10.0.0.3\n  ports: [{name: http, port: 80}, {name: web, port: 7000, appProtocol: x.io/y}]\n";

static const char node[] = "sidecar~10.1.1.1~pod.ns~ns.svc.cluster.local";

/* The one VirtualService of ns with these http routes, for host a. */
static struct planned *plan_of(struct fixture *f, const char *http, const char *more)
{
	fixture_init(f);
	fixture_add(f, services);
	if (http)
		fixture_add(f, arena_printf(&f->arena,
					    "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
					    "metadata: {name: vs, namespace: ns}\nspec:\n  hosts: [a]\n  http:\n%s",
					    http));
	if (more)
		fixture_add(f, more);
	fixture_build(f);
	fixture_view(f, node, "{LABELS: {app: x}}");
	return planned_new(f, plan_route_rows);
}

/* The routes of host a on port 80. */
static const char *routes_of(struct fixture *f, const char *http, const char *more)
{
	struct planned *t = plan_of(f, http, more);
	char *text = (char *)planned_routes(t, "80"), *end;

	assert_memory_equal(text, "a.ns.svc.cluster.local:80 ", 26);
	text = strchr(text, '\n') + 1;
	end = strstr(text, "\nallow_any");
	while (end > text && strncmp(text, "  ", 2) == 0 && strstr(text, "\nb.ns"))
		*strstr(text, "\nb.ns") = '\0';
	return text;
}

static void check(const char *http, const char *more, const char *want)
{
	struct fixture f;

	assert_string_equal(routes_of(&f, http, more), want);
	fixture_fini(&f);
}

#define TO_B "    route: [{destination: {host: b}}]\n"
#define B80 "outbound|80||b.ns.svc.cluster.local"
#define OP " op=b.ns.svc.cluster.local:80"

static void default_routes_and_domains(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(&f, NULL, NULL);

	(void)state;
	assert_string_equal(planned_names(t, IR_ROUTES), "c.other.svc.cluster.local:7000 80 8080");
	assert_string_equal(
	    planned_routes(t, "80"),
	    "a.ns.svc.cluster.local:80 [a.ns.svc.cluster.local,a.ns.svc.cluster.local.,a,a.ns.svc,a.ns,10.0.0.1]\n"
	    "  default prefix / -> outbound|80||a.ns.svc.cluster.local op=a.ns.svc.cluster.local:80/*\n"
	    "b.ns.svc.cluster.local:80 [b.ns.svc.cluster.local,b.ns.svc.cluster.local.,b,b.ns.svc,b.ns,10.0.0.2]\n"
	    "  default prefix / -> outbound|80||b.ns.svc.cluster.local op=b.ns.svc.cluster.local:80/*\n"
	    "c.other.svc.cluster.local:80 [c.other.svc.cluster.local,c.other.svc.cluster.local.,c.other,c.other.svc,10.0.0.3]\n"
	    "  default prefix / -> outbound|80||c.other.svc.cluster.local op=c.other.svc.cluster.local:80/*\n"
	    "allow_any [*]\n"
	    "  allow_any prefix / -> PassthroughCluster noretry\n");
	assert_string_equal(planned_routes(t, "c.other.svc.cluster.local:7000"),
			    "c.other.svc.cluster.local:7000 [*]\n"
			    "  default prefix / -> outbound|7000||c.other.svc.cluster.local op=c.other.svc.cluster.local:7000/*\n");
	fixture_fini(&f);
}

static void matches(void **state)
{
	(void)state;
	check("  - name: r\n    match:\n"
	      "    - {name: m, uri: {exact: /x}, ignoreUriCase: true}\n"
	      "    - {uri: {regex: '/y.*'}, method: {exact: GET}, scheme: {exact: http}, authority: {prefix: w}}\n"
	      "    - {headers: {z: {exact: '1'}, b: {}, c: {regex: '*'}}, withoutHeaders: {a: {prefix: q}, d: {}}}\n"
	      "    - {queryParams: {k: {exact: v}, j: {}}}\n" TO_B,
	      NULL,
	      "  r.m path /x nocase -> " B80 OP "/x\n"
	      "  r regex /y.* h::method=GET h::authority^w h::scheme=http -> " B80 OP "/y.*\n"
	      "  r prefix / !0h:a^q h:b+ h:c+ !h:d+ h:z=1 -> " B80 OP "/*\n"
	      "  r prefix / q:j+ q:k=v -> " B80 OP "/*");
}

static void static_predicates(void **state)
{
	(void)state;
	check("  - match: [{port: 8080, uri: {prefix: /port}}, {sourceLabels: {app: w}, uri: {prefix: /label}},\n"
	      "            {sourceNamespace: other, uri: {prefix: /ns}}, {gateways: [gw], uri: {prefix: /gw}},\n"
	      "            {port: 80, sourceLabels: {app: x}, sourceNamespace: ns, uri: {prefix: /in}},\n"
	      "            {gateways: [mesh], sourceLabels: {app: w}, uri: {prefix: /mesh}}]\n" TO_B
	      "  - match: [{uri: {prefix: /}}]\n" TO_B
	      "  - match: [{uri: {prefix: /never}}]\n" TO_B,
	      NULL,
	      "  - prefix /in -> " B80 OP "/in*\n"
	      "  - prefix /mesh -> " B80 OP "/mesh*\n"
	      "  - prefix / -> " B80 OP "/*");
}

static void actions(void **state)
{
	(void)state;
	check("  - match: [{uri: {prefix: /r1}}]\n    redirect: {uri: /u, authority: h, scheme: https, port: 443, redirectCode: 308}\n"
	      "  - match: [{uri: {prefix: /r2}}]\n    redirect: {derivePort: FROM_REQUEST_PORT, authority: h}\n"
	      "  - match: [{uri: {prefix: /d}}]\n    directResponse: {status: 503, body: {string: sorry}}\n"
	      "  - match: [{uri: {prefix: /w}}]\n    rewrite: {uri: /v, authority: auth}\n"
	      "    headers: {request: {set: {x: '1'}, add: {w: '2'}, remove: [z]}, response: {add: {q: r}}}\n"
	      "    timeout: 3s\n    route: [{destination: {host: b}, headers: {request: {set: {t: '9'}}}}]\n"
	      "  - match: [{uri: {prefix: /h}}]\n    headers: {request: {set: {host: top}}}\n"
	      "    route: [{destination: {host: b}, headers: {request: {set: {host: below}}}}]\n"
	      "  - match: [{uri: {prefix: /g}}]\n    rewrite: {uriRegexRewrite: {match: '^/g(.*)', rewrite: '/h\\1'}}\n" TO_B,
	      NULL,
	      "  - prefix /r1 redirect 308 https://h:0 /u op=vs:80/r1*\n"
	      "  - prefix /r2 redirect 301 ://h:0  op=vs:80/r2*\n"
	      "  - prefix /d direct 503 sorry op=vs:80/d*\n"
	      "  - prefix /w -> " B80 " timeout=3000ms/3000ms rewrite=/v host=auth req x=1 req+w=2 req t=9 resp+q=r req-z" OP "/w*\n"
	      "  - prefix /h -> " B80 " host=top" OP "/h*\n"
	      "  - prefix /g -> " B80 " rewrite=~^/g(.*)=>/h\\1" OP "/g*");
}

static void destinations(void **state)
{
	(void)state;
	check("  - match: [{uri: {prefix: /s}}]\n"
	      "    route:\n    - {destination: {host: b, subset: v1}, weight: 70, headers: {request: {set: {host: bb, k: v}}}}\n"
	      "    - {destination: {host: c.other.svc.cluster.local, port: {number: 7000}}, weight: 30}\n"
	      "    - {destination: {host: a}, weight: 0}\n"
	      "    mirrors: [{destination: {host: a}, percentage: {value: 12.5}}, {destination: {host: b}, percentage: {value: 0}}]\n"
	      "  - match: [{uri: {prefix: /m}}]\n    mirror: {host: a}\n" TO_B
	      "  - route: [{destination: {host: gone}}]\n    retries: {attempts: 0}\n",
	      NULL,
	      "  - prefix /s -> outbound|80|v1|b.ns.svc.cluster.local*70 host=bb req k=v"
	      " -> outbound|7000||c.other.svc.cluster.local*30"
	      " mirror=outbound|80||a.ns.svc.cluster.local*125000/1000000 op=vs:80/s*\n"
	      "  - prefix /m -> " B80 " mirror=outbound|80||a.ns.svc.cluster.local*100/100" OP "/m*\n"
	      "  - prefix / -> outbound|80||gone.ns.svc.cluster.local noretry op=gone.ns.svc.cluster.local:80/*");
}

static void retries_faults_cors(void **state)
{
	(void)state;
	check("  - match: [{uri: {prefix: /a}}]\n"
	      "    retries: {attempts: 4, retryOn: '5xx, 503,reset,429', perTryTimeout: 2s, backoff: 100ms, retryRemoteLocalities: true, retryIgnorePreviousHosts: false}\n" TO_B
	      "  - match: [{uri: {prefix: /b}}]\n"
	      "    fault: {delay: {fixedDelay: 5s, percentage: {value: 0.1}}, abort: {grpcStatus: UNAVAILABLE, percentage: {value: 50}}}\n" TO_B
	      "  - corsPolicy: {allowOrigins: [{exact: 'https://x'}, {regex: '.*y'}], allowMethods: [GET, PUT], allowHeaders: [h], maxAge: 24h}\n" TO_B,
	      NULL,
	      "  - prefix /a -> " B80 " retry=4,5xx,reset,retriable-status-codes,noprev,503,429,remote,try=2000ms,backoff=100ms" OP "/a*\n"
	      "  - prefix /b -> " B80 " delay=5000ms*1000/1000000 abort=grpc:14*500000/1000000" OP "/b*\n"
	      "  - prefix / -> " B80 " cors==https://x~.*y;GET,PUT;h;86400" OP "/*");
}

static void session_affinity(void **state)
{
	static const char rule[] =
	    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: b, namespace: ns}\nspec:\n  host: b\n"
	    "  trafficPolicy:\n    loadBalancer: {consistentHash: {httpHeaderName: rule}}\n"
	    "    portLevelSettings: [{port: {number: 80}, loadBalancer: {consistentHash: {httpQueryParameterName: port}}}]\n"
	    "  subsets:\n  - name: v1\n    labels: {version: v1}\n    trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}\n";

	(void)state;
	check("  - match: [{uri: {prefix: /s}}]\n    route: [{destination: {host: b, subset: v1}}]\n"
	      "  - match: [{uri: {prefix: /p}}]\n    route: [{destination: {host: b, port: {number: 80}}}]\n"
	      "  - route: [{destination: {host: b}}]\n",
	      rule,
	      "  - prefix /s -> outbound|80|v1|b.ns.svc.cluster.local retry=2,connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes,noprev hash=2:" OP "/s*\n"
	      "  - prefix /p -> " B80 " retry=2,connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes,noprev hash=3:port" OP "/p*\n"
	      "  - prefix / -> " B80 " retry=2,connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes,noprev hash=0:rule" OP "/*");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(default_routes_and_domains), cmocka_unit_test(matches),
	    cmocka_unit_test(static_predicates),	  cmocka_unit_test(actions),
	    cmocka_unit_test(destinations),		  cmocka_unit_test(retries_faults_cors),
	    cmocka_unit_test(session_affinity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
