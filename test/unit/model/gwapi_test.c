/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of the Gateway API's CRDs: one row a rule, the smallest spec that breaks it, and the
 * finding with its path; beside it what is just valid.
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

static void run_one(const char *version, const char *kind, const struct rule *r)
{
	struct arena a;
	struct diags ds;
	char text[4000];
	size_t first = 0;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	snprintf(text, sizeof(text), "apiVersion: gateway.networking.%s\nkind: %s\nmetadata: {name: x}\nspec: %s\n", version,
		 kind, r->spec);
	load_text("in", text, strlen(text), SCHEMA_STRICT, &ds, drop, NULL);
	while (first < ds.n && ds.v[first].code == D_FIELD_NOT_IN_EFFECT)
		first++;
	if (r->code == D_COUNT && ds.nerrors)
		fail_msg("%s %s: %s", kind, r->spec, diag_format(&ds.v[first], &a));
	if (r->code != D_COUNT && (first == ds.n || ds.v[first].code != r->code || strcmp(ds.v[first].path, r->path) != 0))
		fail_msg("%s %s: %s", kind, r->spec, first < ds.n ? diag_format(&ds.v[first], &a) : "no finding");
	arena_fini(&a);
}

static void run(const char *version, const char *kind, const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_one(version, kind, &rules[i]);
}

#define RUN(version, kind, rules) run(version, kind, rules, sizeof(rules) / sizeof((rules)[0]))
#define X250 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define RULE(x)	   "{rules: [{" x "}]}"
#define B	   "backendRefs: [{name: a, port: 80}]"
#define FILTER(x)  RULE("filters: [{" x "}]")
#define BFILTER(x) RULE("backendRefs: [{name: a, port: 80, filters: [" x "]}]")
#define MATCH(x)   RULE("matches: [{" x "}]")
#define IN_RULE	   "spec.rules[0]"
#define IN_FILTER  IN_RULE ".filters[0]"

static void test_references(void **state)
{
	static const struct rule rules[] = {
		{"{parentRefs: [{name: g}]}", D_COUNT, ""},
		{"{parentRefs: [{name: g, namespace: A}]}", D_FIELD_FORMAT, "spec.parentRefs[0].namespace"},
		{"{parentRefs: [{name: g, group: A}]}", D_FIELD_FORMAT, "spec.parentRefs[0].group"},
		{"{parentRefs: [{name: g, group: \"\", kind: Service}]}", D_COUNT, ""},
		{"{parentRefs: [{name: g, kind: 1x}]}", D_FIELD_FORMAT, "spec.parentRefs[0].kind"},
		{"{parentRefs: [{name: g, sectionName: \"a_b\"}]}", D_FIELD_FORMAT, "spec.parentRefs[0].sectionName"},
		{"{parentRefs: [{name: g, port: 0}]}", D_FIELD_RANGE, "spec.parentRefs[0].port"},
		{"{parentRefs: [{name: g}, {name: g}]}", D_PARENT_INVALID, "spec.parentRefs[1]"},
		{"{parentRefs: [{name: g}, {name: g, namespace: b}, {name: h}]}", D_COUNT, ""},
		{"{parentRefs: [{name: g}, {name: g, kind: Gateway, sectionName: a}]}", D_PARENT_INVALID, "spec.parentRefs[1]"},
		{"{parentRefs: [{name: g, sectionName: a}, {name: g, port: 1}]}", D_PARENT_INVALID, "spec.parentRefs[1]"},
		{"{parentRefs: [{name: g, sectionName: a, port: 2}, {name: g, sectionName: a, port: 1}]}", D_COUNT, ""},
		{RULE("backendRefs: [{name: a}]"), D_BACKEND_INVALID, IN_RULE ".backendRefs[0]"},
		{RULE("backendRefs: [{name: a, kind: Hostname, group: networking.istio.io}]"), D_COUNT, ""},
		{RULE("backendRefs: [{name: a, kind: XBackend, group: gateway.networking.x-k8s.io, port: 1}]"), D_BACKEND_INVALID,
		 IN_RULE ".backendRefs[0]"},
		{RULE("backendRefs: [{name: a, port: 80, weight: 1000001}]"), D_FIELD_RANGE, IN_RULE ".backendRefs[0].weight"},
		{RULE("backendRefs: [{port: 80}]"), D_FIELD_REQUIRED, IN_RULE ".backendRefs[0].name"},
		{RULE("backendRefs: [{name: " X250 "bbbb, port: 80}]"), D_FIELD_FORMAT, IN_RULE ".backendRefs[0].name"},
	};

	(void)state;
	RUN("k8s.io/v1", "HTTPRoute", rules);
}

static void test_filters(void **state)
{
	static const struct rule rules[] = {
		{FILTER("requestHeaderModifier: {remove: [a]}"), D_FIELD_REQUIRED, IN_FILTER ".type"},
		{FILTER("type: Nothing"), D_FIELD_ENUM, IN_FILTER ".type"},
		{FILTER("type: CORS"), D_FILTER_INVALID, IN_FILTER},
		{FILTER("type: CORS, cors: {}, urlRewrite: {}"), D_FILTER_INVALID, IN_FILTER ".urlRewrite"},
		{RULE("filters: [{type: CORS, cors: {}}, {type: CORS, cors: {}}]"), D_FILTER_INVALID, IN_RULE ".filters"},
		{RULE("filters: [{type: URLRewrite, urlRewrite: {}}, {type: RequestRedirect, requestRedirect: {}}]"), D_FILTER_INVALID,
		 IN_RULE ".filters"},
		{RULE("filters: [{type: RequestRedirect, requestRedirect: {}}], " B), D_FILTER_INVALID, IN_RULE ".filters"},
		{BFILTER("{type: CORS, cors: {}}, {type: CORS, cors: {}}"), D_FILTER_INVALID, IN_RULE ".backendRefs[0].filters"},
		{FILTER("type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}, {name: a, value: c}]}"),
		 D_ELEMENT_DUPLICATE, IN_FILTER ".requestHeaderModifier.set[1].name"},
		{FILTER("type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: \"a b\", value: b}]}"), D_FIELD_FORMAT,
		 IN_FILTER ".requestHeaderModifier.set[0].name"},
		{FILTER("type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: a, value: \"b  c\"}]}"), D_FIELD_FORMAT,
		 IN_FILTER ".requestHeaderModifier.add[0].value"},
		{FILTER("type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: a, value: \"b c, d\"}], remove: [a, a]}"),
		 D_ELEMENT_DUPLICATE, IN_FILTER ".requestHeaderModifier.remove[1]"},
		{FILTER("type: RequestHeaderModifier, requestHeaderModifier: {remove: [a, \"\"]}"), D_HEADER_INVALID,
		 IN_FILTER ".requestHeaderModifier.remove[1]"},
		{FILTER("type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}, percent: 101}"), D_FIELD_RANGE,
		 IN_FILTER ".requestMirror.percent"},
		{FILTER("type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}, percent: 1, fraction: {numerator: 1}}"),
		 D_FILTER_INVALID, IN_FILTER ".requestMirror"},
		{FILTER("type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}, fraction: {numerator: 101}}"),
		 D_FIELD_RANGE, IN_FILTER ".requestMirror.fraction"},
		{FILTER("type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}, fraction: {denominator: 7}}"),
		 D_FIELD_REQUIRED, IN_FILTER ".requestMirror.fraction.numerator"},
		{FILTER("type: RequestRedirect, requestRedirect: {statusCode: 300}"), D_FIELD_ENUM, IN_FILTER ".requestRedirect.statusCode"},
		{FILTER("type: RequestRedirect, requestRedirect: {hostname: \"*.a\"}"), D_FIELD_FORMAT,
		 IN_FILTER ".requestRedirect.hostname"},
		{FILTER("type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath}}"), D_REWRITE_INVALID, IN_FILTER ".urlRewrite.path"},
		{FILTER("type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /, replacePrefixMatch: /}}"),
		 D_REWRITE_INVALID, IN_FILTER ".urlRewrite.path.type"},
		{FILTER("type: CORS, cors: {allowOrigins: [\"*\", \"http://a\"]}"), D_CORS_INVALID, IN_FILTER ".cors.allowOrigins"},
		{FILTER("type: CORS, cors: {allowOrigins: [\"http://*.a:80\", \"https://*\", \"https://A.b\"]}"), D_COUNT, ""},
		{FILTER("type: CORS, cors: {allowOrigins: [\"http://a*.b\"]}"), D_FIELD_FORMAT, IN_FILTER ".cors.allowOrigins[0]"},
		{FILTER("type: CORS, cors: {allowOrigins: [\"http://a:123456\"]}"), D_FIELD_FORMAT, IN_FILTER ".cors.allowOrigins[0]"},
		{FILTER("type: CORS, cors: {allowMethods: [LIST]}"), D_FIELD_FORMAT, IN_FILTER ".cors.allowMethods[0]"},
		{FILTER("type: CORS, cors: {maxAge: 0}"), D_FIELD_RANGE, IN_FILTER ".cors.maxAge"},
		{FILTER("type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: a, port: 1}}"), D_FILTER_INVALID,
		 IN_FILTER ".externalAuth"},
		{FILTER("type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: a, port: 1}, http: {path: \"/a b\"}}"),
		 D_FIELD_FORMAT, IN_FILTER ".externalAuth.http.path"},
	};

	(void)state;
	RUN("k8s.io/v1beta1", "HTTPRoute", rules);
}

#define PREFIX_REWRITE "{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}"

static void test_http_rules(void **state)
{
	static const struct rule rules[] = {
		{"{hostnames: [\"*.a.b\"]}", D_COUNT, ""},
		{"{hostnames: [\"a.*\"]}", D_FIELD_FORMAT, "spec.hostnames[0]"},
		{"{hostnames: [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r]}", D_LIMIT_COUNT, "spec.hostnames"},
		{"{rules: [{name: a}, {name: a}]}", D_ELEMENT_DUPLICATE, "spec.rules[1].name"},
		{MATCH("path: {value: a}"), D_MATCH_INVALID, IN_RULE ".matches[0].path.value"},
		{MATCH("path: {value: //}"), D_MATCH_INVALID, IN_RULE ".matches[0].path.value"},
		{MATCH("path: {value: /a/..}"), D_MATCH_INVALID, IN_RULE ".matches[0].path.value"},
		{MATCH("path: {value: /a%2f}"), D_MATCH_INVALID, IN_RULE ".matches[0].path.value"},
		{MATCH("path: {value: \"/{a}\"}"), D_MATCH_INVALID, IN_RULE ".matches[0].path.value"},
		{MATCH("path: {type: RegularExpression, value: \"/{a}[b\"}"), D_REGEX_INVALID, IN_RULE ".matches[0].path.value"},
		{MATCH("headers: [{name: a, value: b}, {name: a, value: c}]"), D_ELEMENT_DUPLICATE, IN_RULE ".matches[0].headers[1].name"},
		{MATCH("queryParams: [{name: a, value: b}, {name: a, value: c}]"), D_ELEMENT_DUPLICATE,
		 IN_RULE ".matches[0].queryParams[1].name"},
		{MATCH("headers: [{name: a, value: \"(\", type: RegularExpression}]"), D_REGEX_INVALID,
		 IN_RULE ".matches[0].headers[0].value"},
		{MATCH("method: LIST"), D_FIELD_ENUM, IN_RULE ".matches[0].method"},
		{RULE("timeouts: {request: 1.5s}"), D_FIELD_FORMAT, IN_RULE ".timeouts.request"},
		{RULE("timeouts: {request: 1m, backendRequest: 61s}"), D_DURATION_INVALID, IN_RULE ".timeouts.backendRequest"},
		{RULE("timeouts: {request: 0s, backendRequest: 61s}"), D_COUNT, ""},
		{RULE("retry: {codes: [399]}"), D_FIELD_RANGE, IN_RULE ".retry.codes[0]"},
		{RULE("retry: {codes: [500, 500]}"), D_ELEMENT_DUPLICATE, IN_RULE ".retry.codes[1]"},
		{RULE("filters: [" PREFIX_REWRITE "]"), D_COUNT, ""},
		{RULE("filters: [" PREFIX_REWRITE "], matches: [{path: {value: /a}}]"), D_COUNT, ""},
		{RULE("filters: [" PREFIX_REWRITE "], matches: [{path: {type: Exact, value: /a}}]"), D_REWRITE_INVALID, IN_RULE ".matches"},
		{RULE("filters: [" PREFIX_REWRITE "], matches: [{}, {}]"), D_REWRITE_INVALID, IN_RULE ".matches"},
		{RULE("backendRefs: [{name: a, port: 1, filters: [" PREFIX_REWRITE "]}], matches: [{}, {}]"), D_REWRITE_INVALID,
		 IN_RULE ".matches"},
	};

	(void)state;
	RUN("k8s.io/v1", "HTTPRoute", rules);
}

static void test_other_routes(void **state)
{
	static const struct rule grpc[] = {
		{MATCH("method: {service: a.B_1, method: C}"), D_COUNT, ""},
		{MATCH("method: {}"), D_MATCH_INVALID, IN_RULE ".matches[0].method"},
		{MATCH("method: {service: a-b}"), D_MATCH_INVALID, IN_RULE ".matches[0].method.service"},
		{MATCH("method: {method: a.b}"), D_MATCH_INVALID, IN_RULE ".matches[0].method.method"},
		{MATCH("method: {method: \"a(\", type: RegularExpression}"), D_REGEX_INVALID, IN_RULE ".matches[0].method.method"},
		{FILTER("type: URLRewrite, urlRewrite: {}"), D_FILTER_INVALID, IN_FILTER ".type"},
	};
	static const struct rule tls[] = {
		{"{hostnames: [a], rules: [{" B "}]}", D_COUNT, ""},
		{"{rules: [{" B "}]}", D_FIELD_REQUIRED, "spec.hostnames"},
		{"{hostnames: [1.2.3.4], rules: [{" B "}]}", D_HOST_INVALID, "spec.hostnames[0]"},
		{"{hostnames: [a], rules: [{" B "}, {" B "}]}", D_LIMIT_COUNT, "spec.rules"},
	};
	static const struct rule old_tls[] = {
		{"{rules: [{name: a, " B "}, {name: b, " B "}]}", D_COUNT, ""},
		{"{rules: [{name: a, " B "}, {name: a, " B "}]}", D_ELEMENT_DUPLICATE, "spec.rules[1].name"},
	};
	static const struct rule l4[] = {
		{"{rules: [{" B "}]}", D_COUNT, ""},
		{"{}", D_FIELD_REQUIRED, "spec.rules"},
		{"{rules: [{}]}", D_FIELD_REQUIRED, "spec.rules[0].backendRefs"},
		{"{rules: [{backendRefs: [{name: a}]}]}", D_BACKEND_INVALID, "spec.rules[0].backendRefs[0]"},
	};

	(void)state;
	RUN("k8s.io/v1", "GRPCRoute", grpc);
	RUN("k8s.io/v1", "TLSRoute", tls);
	RUN("k8s.io/v1alpha2", "TLSRoute", old_tls);
	RUN("k8s.io/v1", "TCPRoute", l4);
	RUN("k8s.io/v1alpha2", "UDPRoute", l4);
}

#define GW(x)  "{gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}], " x "}"
#define GWL(x) "{gatewayClassName: c, listeners: [" x "]}"
#define IN_L   "spec.listeners[0]"
#define PERSIST(x) "{targetRefs: [{group: \"\", kind: Service, name: a}], sessionPersistence: {" x "}}"
#define BUDGET(x)  "{targetRefs: [{group: \"\", kind: Service, name: a}], retryConstraint: {" x "}}"

static void test_gateways(void **state)
{
	static const struct rule gateway[] = {
		{GWL("{name: a, port: 80, protocol: HTTP}, {name: a, port: 81, protocol: HTTP}"), D_ELEMENT_DUPLICATE,
		 "spec.listeners[1].name"},
		{GWL("{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP}"), D_GATEWAY_LISTENER, "spec.listeners[1]"},
		{GWL("{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP, hostname: a}"), D_COUNT, ""},
		{GWL("{name: a, port: 80, protocol: HTTP, tls: {certificateRefs: [{name: a}]}}"), D_GATEWAY_LISTENER, IN_L ".tls"},
		{GWL("{name: a, port: 80, protocol: HTTPS, tls: {mode: Passthrough}}"), D_GATEWAY_LISTENER, IN_L ".tls.mode"},
		{GWL("{name: a, port: 80, protocol: HTTPS, tls: {}}"), D_TLS_INVALID, IN_L ".tls"},
		{GWL("{name: a, port: 80, protocol: TLS}"), D_GATEWAY_LISTENER, IN_L},
		{GWL("{name: a, port: 80, protocol: TCP, hostname: a}"), D_GATEWAY_LISTENER, IN_L ".hostname"},
		{GWL("{name: a, port: 80, protocol: TCP, filters: {}}"), D_GATEWAY_LISTENER, IN_L ".filters"},
		{GWL("{name: a, port: 80, protocol: HTTP, filters: {requests: [{type: CORS}]}}"), D_FILTER_INVALID,
		 IN_L ".filters.requests[0].type"},
		{GWL("{name: a, port: 80, protocol: \"a b\"}"), D_FIELD_FORMAT, IN_L ".protocol"},
		{GWL("{name: a, port: 80, protocol: example.com/X}"), D_COUNT, ""},
		{GW("addresses: [{value: \"1.2.3.4:80\"}]"), D_FIELD_FORMAT, "spec.addresses[0].value"},
		{GW("addresses: [{value: \"1.2.3.4\"}, {value: \"::1\"}, {type: Hostname, value: \"*.a\"}]"), D_COUNT, ""},
		{GW("addresses: [{value: \"::1\"}, {type: IPAddress, value: \"::1\"}]"), D_ELEMENT_DUPLICATE, "spec.addresses[1]"},
		{GW("addresses: [{type: Hostname, value: a_b}]"), D_FIELD_FORMAT, "spec.addresses[0].value"},
		{GW("addresses: [{routability: x.k8s.io/y}]"), D_FIELD_FORMAT, "spec.addresses[0].routability"},
		{GW("infrastructure: {labels: {\"a b\": c}}"), D_LABEL_INVALID, "spec.infrastructure.labels[\"a b\"]"},
		{GW("infrastructure: {labels: {a: \"-\"}}"), D_LABEL_INVALID, "spec.infrastructure.labels.a"},
		{GW("infrastructure: {annotations: {\"A/b\": c}}"), D_LABEL_INVALID, "spec.infrastructure.annotations.A/b"},
		{GW("tls: {frontend: {perPort: []}}"), D_FIELD_REQUIRED, "spec.tls.frontend.default"},
		{GW("tls: {frontend: {default: {}, perPort: [{port: 1, tls: {}}, {port: 1, tls: {}}]}}"), D_ELEMENT_DUPLICATE,
		 "spec.tls.frontend.perPort[1].port"},
	};
	static const struct rule class[] = {
		{"{controllerName: example.com/a}", D_COUNT, ""},
		{"{controllerName: example.com}", D_FIELD_FORMAT, "spec.controllerName"},
	};
	static const struct rule grant[] = {
		{"{from: [{group: g, kind: K, namespace: x}], to: [{group: \"\", kind: Secret}]}", D_COUNT, ""},
		{"{from: [{kind: K, namespace: x}], to: [{group: \"\", kind: Secret}]}", D_FIELD_REQUIRED, "spec.from[0].group"},
		{"{to: [{group: \"\", kind: Secret}]}", D_FIELD_REQUIRED, "spec.from"},
	};

	(void)state;
	RUN("k8s.io/v1", "Gateway", gateway);
	RUN("k8s.io/v1", "GatewayClass", class);
	RUN("k8s.io/v1beta1", "ReferenceGrant", grant);
}

#define TARGET "targetRefs: [{group: \"\", kind: Service, name: a}]"
#define VALID(x) "{" TARGET ", validation: {hostname: a, " x "}}"

static void test_policies(void **state)
{
	static const struct rule tls[] = {
		{VALID("wellKnownCACertificates: System"), D_COUNT, ""},
		{VALID("wellKnownCACertificates: Mine"), D_FIELD_FORMAT, "spec.validation.wellKnownCACertificates"},
		{VALID("subjectAltNames: []"), D_TLS_INVALID, "spec.validation"},
		{VALID("wellKnownCACertificates: System, caCertificateRefs: [{group: \"\", kind: ConfigMap, name: a}]"), D_TLS_INVALID,
		 "spec.validation"},
		{VALID("wellKnownCACertificates: System, subjectAltNames: [{type: URI, hostname: a}]"), D_TLS_INVALID,
		 "spec.validation.subjectAltNames[0]"},
		{VALID("wellKnownCACertificates: System, subjectAltNames: [{type: URI, uri: a}]"), D_FIELD_FORMAT,
		 "spec.validation.subjectAltNames[0].uri"},
		{"{targetRefs: [{group: \"\", kind: Service, name: a}, {group: \"\", kind: Service, name: a}], "
		 "validation: {hostname: a, wellKnownCACertificates: System}}",
		 D_PARENT_INVALID, "spec.targetRefs[1]"},
	};
	static const struct rule traffic[] = {
		{PERSIST("cookie: {name: a}"), D_COUNT, ""},
		{PERSIST("type: Header"), D_FIELD_ONEOF, "spec.sessionPersistence"},
		{PERSIST("cookie: {lifetimeType: Permanent}"), D_FIELD_REQUIRED, "spec.sessionPersistence"},
		{BUDGET("budget: {interval: 2h}"), D_DURATION_INVALID, "spec.retryConstraint.budget.interval"},
		{BUDGET("minRetryRate: {interval: 0s}"), D_DURATION_INVALID, "spec.retryConstraint.minRetryRate.interval"},
	};

	(void)state;
	RUN("k8s.io/v1", "BackendTLSPolicy", tls);
	RUN("x-k8s.io/v1alpha1", "XBackendTrafficPolicy", traffic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references), cmocka_unit_test(test_filters),  cmocka_unit_test(test_http_rules),
		cmocka_unit_test(test_other_routes), cmocka_unit_test(test_gateways), cmocka_unit_test(test_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
