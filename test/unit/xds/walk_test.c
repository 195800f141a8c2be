/* SPDX-License-Identifier: Apache-2.0
 *
 * The matching rules of a walk, each against resources written for it. That Envoy has the same rules is
 * what test/e2e/test_walk.py shows.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/must.h"
#include "xds/pbjson.h"
#include "xds/walk.h"

struct fixture {
	struct arena arena;
	struct compiled c;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	arena_init(&f->arena, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_fini(&f->arena);
	free(f);
	return 0;
}

/* A resource from JSON with single quotes. Call in the order of names. */
static struct res_new *add(struct fixture *f, enum xds_type t, const char *name, const char *json)
{
	enum { MAX = 16 };
	const char *message = xds_type_info(t)->message;
	char *text = arena_strdup(&f->arena, json);
	struct res_new *r;
	struct pb_bytes b;
	struct err e = {0};

	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	if (pbjson_parse(pb_type_find(message, strlen(message)), text, strlen(text), 0, &f->arena, &b, &e))
		fail_msg("%s: %s", name, e.text);
	if (!f->c.set[t].v)
		f->c.set[t].v = arena_array(&f->arena, struct res_new, MAX);
	assert_true(f->c.set[t].n < MAX);
	r = &f->c.set[t].v[f->c.set[t].n++];
	*r = (struct res_new){.name = name, .bytes = b.p, .len = b.n};
	return r;
}

#define HCM                                                                                                  \
	"{'name': 'http', 'typedConfig': {'@type': 'type.googleapis.com/envoy.extensions.filters.network."   \
	"http_connection_manager.v3.HttpConnectionManager', 'normalizePath': true, 'useRemoteAddress': true, " \
	"'rds': {'routeConfigName': 'routes'}}}"
#define TCP(cluster)                                                                                         \
	"{'name': 'tcp', 'typedConfig': {'@type': 'type.googleapis.com/envoy.extensions.filters.network."    \
	"tcp_proxy.v3.TcpProxy', 'cluster': '" cluster "'}}"
#define TLS                                                                                                  \
	"'transportSocket': {'name': 'tls', 'typedConfig': {'@type': 'type.googleapis.com/envoy.extensions." \
	"transport_sockets.tls.v3.DownstreamTlsContext'}}"
#define INSPECTOR(name, type)                                                                                \
	"{'name': '" name "', 'typedConfig': {'@type': 'type.googleapis.com/envoy.extensions.filters."       \
	"listener." name ".v3." type "'}}"
#define ADDRESS(ip, port) "'address': {'socketAddress': {'address': '" ip "', 'portValue': " port "}}"

static void add_cluster(struct fixture *f)
{
	add(f, XDS_CDS, "a", "{'name': 'a', 'type': 'EDS', 'edsClusterConfig': {'serviceName': 'a-eps'}}");
	add(f, XDS_CDS, "b", "{'name': 'b', 'type': 'STATIC', 'loadAssignment': {'endpoints': [{'lbEndpoints': "
			     "[{'endpoint': {" ADDRESS("10.0.0.9", "9") "}}]}]}}");
	add(f, XDS_CDS, "empty", "{'name': 'empty', 'type': 'EDS'}");
	add(f, XDS_CDS, "pass", "{'name': 'pass', 'type': 'ORIGINAL_DST'}");
	add(f, XDS_EDS, "a-eps", "{'clusterName': 'a-eps', 'endpoints': [{'locality': {'region': 'r', 'zone': 'z'}, "
				 "'priority': 1, 'lbEndpoints': [{'healthStatus': 'DRAINING', 'loadBalancingWeight': 3, "
				 "'endpoint': {" ADDRESS("10.0.0.1", "80") "}}]}]}");
}

static struct walk_request request(const char *authority, const char *path)
{
	return (struct walk_request){.ip = "10.1.1.1", .port = 80, .sni = "", .http = true, .method = "GET",
				     .authority = authority, .path = path};
}

static struct walk walk(struct fixture *f, struct walk_request r)
{
	struct walk w;

	walk_run(&f->c, &r, &f->arena, &w);
	return w;
}

/* ---- listeners ---- */

static void listener_by_destination(void **state)
{
	struct fixture *f = *state;
	struct walk_request r = request("x", "/");

	add_cluster(f);
	add(f, XDS_LDS, "any_80", "{'name': 'any_80', " ADDRESS("0.0.0.0", "80") ", 'bindToPort': false, "
				  "'filterChains': [{'filters': [" TCP("a") "]}]}");
	add(f, XDS_LDS, "one_80", "{'name': 'one_80', " ADDRESS("10.1.1.1", "80") ", 'bindToPort': false, "
				  "'filterChains': [{'filters': [" TCP("empty") "]}]}");
	add(f, XDS_LDS, "rest", "{'name': 'rest', " ADDRESS("0.0.0.0", "15001") ", 'useOriginalDst': true, "
				"'trafficDirection': 'OUTBOUND', 'filterChains': [{'filterChainMatch': "
				"{'destinationPort': 15001}, 'filters': [" TCP("empty") "]}, "
				"{'name': 'pass', 'filters': [" TCP("pass") "]}]}");
	r.way = WALK_OUTBOUND;
	assert_string_equal(walk(f, r).listener, "one_80");
	assert_int_equal(walk(f, r).end, WALK_REFUSED);		/* without endpoints */
	r.ip = "10.1.1.2";
	assert_string_equal(walk(f, r).listener, "any_80");
	assert_int_equal(walk(f, r).end, WALK_ROUTED);
	r.port = 81;
	assert_string_equal(walk(f, r).listener, "rest");
	assert_string_equal(walk(f, r).chain, "pass");
	assert_string_equal(walk(f, r).targets[0].eps[0].address, "10.1.1.2:81");
	/* nobody hands connections over to a gateway's listeners */
	r.way = WALK_DIRECT;
	r.port = 80;
	assert_int_equal(walk(f, r).end, WALK_REFUSED);
	assert_null(walk(f, r).listener);
}

/* On the way in one listener keeps everything; without it, those with a socket of their own. */
static void inbound_is_captured(void **state)
{
	struct fixture *f = *state;
	struct walk_request r = request("x", "/");

	add_cluster(f);
	add(f, XDS_LDS, "any_80", "{'name': 'any_80', " ADDRESS("0.0.0.0", "80") ", 'trafficDirection': 'OUTBOUND', "
				  "'bindToPort': false, 'filterChains': [{'filters': [" TCP("empty") "]}]}");
	add(f, XDS_LDS, "in", "{'name': 'in', " ADDRESS("0.0.0.0", "15006") ", 'trafficDirection': 'INBOUND', "
			      "'listenerFilters': [" INSPECTOR("original_dst", "OriginalDst") "], 'filterChains': ["
			      "{'name': '80', 'filterChainMatch': {'destinationPort': 80}, 'filters': [" TCP("a") "]}, "
			      "{'name': 'rest', 'filters': [" TCP("pass") "]}]}");
	add(f, XDS_LDS, "own", "{'name': 'own', " ADDRESS("10.1.1.1", "80") ", 'filterChains': [{'filters': [" TCP("a") "]}]}");
	r.way = WALK_INBOUND;
	assert_string_equal(walk(f, r).listener, "in");
	assert_string_equal(walk(f, r).chain, "80");
	r.port = 81;
	assert_string_equal(walk(f, r).chain, "rest");
	assert_string_equal(walk(f, r).targets[0].eps[0].address, "10.1.1.1:81");
	r.way = WALK_OUTBOUND;
	r.port = 80;
	r.ip = "10.1.1.2";
	assert_string_equal(walk(f, r).listener, "any_80");
	f->c.set[XDS_LDS].v += 2;
	f->c.set[XDS_LDS].n = 1;
	r.ip = "10.1.1.1";
	r.way = WALK_INBOUND;
	assert_string_equal(walk(f, r).listener, "own");
	r.port = 81;
	assert_null(walk(f, r).listener);
}

/* ---- filter chains ---- */

static void chain_by_criteria(void **state)
{
	static const char *const alpn[] = {"h2", "http/1.1"};
	static const struct {
		const char *ip, *sni;
		uint32_t port;
		bool tls, http;
		const char *chain;
	} cases[] = {
	    {"10.1.1.1", "", 81, false, false, "port"},
	    {"10.1.1.1", "a.b.test", 81, true, false, "port"},	/* the port comes first and there is no way back */
	    {"10.2.3.4", "", 80, false, false, "net24"},
	    {"10.2.9.4", "", 80, false, false, "net16"},
	    {"10.9.9.9", "a.b.test", 80, true, false, "exact"},
	    {"10.9.9.9", "A.B.TEST", 80, true, false, "exact"},
	    {"10.9.9.9", "x.b.test", 80, true, false, "wild"},
	    {"10.9.9.9", "y.x.b.test", 80, true, false, "wild"},
	    {"10.9.9.9", "b.test", 80, true, false, "short"},
	    {"10.9.9.9", "test", 80, true, false, "tls"},
	    {"10.9.9.9", "", 80, true, false, "tls"},
	    {"10.9.9.9", "", 80, false, true, "plain-http"},
	    {"10.9.9.9", "", 80, false, false, "default"},
	};
	struct fixture *f = *state;

	add_cluster(f);
	add(f, XDS_LDS, "l",
	    "{'name': 'l', " ADDRESS("0.0.0.0", "80") ", 'additionalAddresses': [{" ADDRESS("0.0.0.0", "81") "}], "
	    "'listenerFilters': [" INSPECTOR("tls_inspector", "TlsInspector") ", "
	    INSPECTOR("http_inspector", "HttpInspector") "], "
	    "'filterChains': ["
	    "{'name': 'port', 'filterChainMatch': {'destinationPort': 81}, 'filters': [" TCP("a") "]}, "
	    "{'name': 'net16', 'filterChainMatch': {'prefixRanges': [{'addressPrefix': '10.2.0.0', 'prefixLen': 16}]}, 'filters': [" TCP("a") "]}, "
	    "{'name': 'net24', 'filterChainMatch': {'prefixRanges': [{'addressPrefix': '10.2.3.0', 'prefixLen': 24}]}, 'filters': [" TCP("a") "]}, "
	    "{'name': 'short', 'filterChainMatch': {'serverNames': ['*.test'], 'transportProtocol': 'tls'}, 'filters': [" TCP("a") "]}, "
	    "{'name': 'wild', 'filterChainMatch': {'serverNames': ['*.b.test'], 'transportProtocol': 'tls'}, 'filters': [" TCP("a") "]}, "
	    "{'name': 'exact', 'filterChainMatch': {'serverNames': ['a.b.test']}, 'filters': [" TCP("a") "]}, "
	    "{'name': 'tls', 'filterChainMatch': {'transportProtocol': 'tls'}, 'filters': [" TCP("a") "]}, "
	    "{'name': 'plain-http', 'filterChainMatch': {'transportProtocol': 'raw_buffer', 'applicationProtocols': ['http/1.1']}, 'filters': [" TCP("a") "]}"
	    "], 'defaultFilterChain': {'name': 'default', 'filters': [" TCP("a") "]}}");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct walk_request r = request("x", "/");
		struct walk w;

		r.way = WALK_OUTBOUND;
		r.ip = cases[i].ip;
		r.port = cases[i].port;
		r.sni = cases[i].sni;
		r.tls = cases[i].tls;
		r.http = cases[i].http;
		r.alpn = (struct strs){alpn, ARRAY_LEN(alpn)};
		w = walk(f, r);
		if (!w.chain || strcmp(w.chain, cases[i].chain) != 0)
			fail_msg("case %zu: %s, not %s", i, w.chain ? w.chain : "none", cases[i].chain);
	}
}

static void tls_must_fit(void **state)
{
	struct fixture *f = *state;
	struct walk_request r = request("x", "/");

	add(f, XDS_LDS, "plain", "{'name': 'plain', " ADDRESS("0.0.0.0", "80") ", 'filterChains': [{'filters': [" HCM "]}]}");
	add(f, XDS_LDS, "tls", "{'name': 'tls', " ADDRESS("0.0.0.0", "443") ", 'filterChains': [{'filters': [" HCM "], " TLS "}]}");
	assert_int_equal(walk(f, r).status, 404);	/* no such route configuration */
	r.tls = true;
	assert_int_equal(walk(f, r).end, WALK_REFUSED);
	r.port = 443;
	assert_int_equal(walk(f, r).status, 404);
	r.tls = false;
	assert_int_equal(walk(f, r).end, WALK_REFUSED);
	r.tls = true;
	r.http = false;
	assert_int_equal(walk(f, r).end, WALK_REFUSED);
}

/* ---- virtual hosts ---- */

static void add_routes(struct fixture *f, const char *json)
{
	add_cluster(f);
	add(f, XDS_LDS, "l", "{'name': 'l', " ADDRESS("0.0.0.0", "80") ", 'filterChains': [{'filters': [" HCM "]}]}");
	add(f, XDS_RDS, "routes", json);
}

static void virtual_host_by_domain(void **state)
{
	static const char *const cases[][2] = {
	    {"a.b.test", "exact"}, {"A.B.Test", "exact"},  {"a.b.test:99", "exact"}, {"x.b.test", "long"},
	    {"y.x.b.test", "long"}, {"x.test", "short"},   {".test", "rest"},	     {"b.test.org", "prefix"},
	    {"b.tes", "rest"},	   {"[::1]:80", "six"},	   {"", "rest"},
	};
	struct fixture *f = *state;

	add_routes(f, "{'name': 'routes', 'ignorePortInHostMatching': true, 'virtualHosts': ["
		      "{'name': 'rest', 'domains': ['*']}, {'name': 'short', 'domains': ['*.test']}, "
		      "{'name': 'prefix', 'domains': ['b.test.*']}, {'name': 'long', 'domains': ['*.b.test']}, "
		      "{'name': 'exact', 'domains': ['A.b.test']}, {'name': 'six', 'domains': ['[::1]']}]}");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct walk w = walk(f, request(cases[i][0], "/"));

		/* "*" needs something in its place: ".test" is no name below "test" */
		if (strcmp(w.vhost, cases[i][1]) != 0)
			fail_msg("\"%s\": %s, not %s", cases[i][0], w.vhost, cases[i][1]);
		assert_int_equal(w.status, 404);
	}
}

/* ---- routes ---- */

#define VHOST(routes) "{'name': 'routes', 'virtualHosts': [{'name': 'v', 'domains': ['*'], 'routes': [" routes "]}]}"
#define ROUTE(name, match) "{'name': '" name "', 'match': {" match "}, 'route': {'cluster': 'a'}}"

struct route_case {
	const char *path, *header, *value, *route;
};

static void check_routes(struct fixture *f, const struct route_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str_pair h = {c[i].header, c[i].value};
		struct walk_request r = request("shop", c[i].path);
		struct walk w;

		r.headers = (struct strmap){&h, h.key != NULL};
		w = walk(f, r);
		if (c[i].route ? !w.route || strcmp(w.route, c[i].route) != 0 : w.status != 404)
			fail_msg("%s %s=%s: %s, not %s", c[i].path, h.key, h.value, w.route ? w.route : "none",
				 c[i].route ? c[i].route : "404");
	}
}

static void route_by_path(void **state)
{
	static const struct route_case cases[] = {
	    {"/exact", 0, 0, "exact"},	 {"/exact?q=1", 0, 0, "exact"}, {"/exact/", 0, 0, NULL},
	    {"/Exact", 0, 0, NULL},	 {"/NOCASE", 0, 0, "nocase"},	{"/sep", 0, 0, "separated"},
	    {"/sep/x", 0, 0, "separated"}, {"/sepx", 0, 0, NULL},	{"/re/12", 0, 0, "regex"},
	    {"/re/12/", 0, 0, NULL},	 {"/x/../exact", 0, 0, "exact"}, {"/x/%2e%2e/%65xact", 0, 0, "exact"},
	    {"/pre", 0, 0, "prefix"},	 {"/pretend", 0, 0, "prefix"},	{"/sep?x", 0, 0, "separated"},
	    {"\\exact", 0, 0, NULL},	 {"/x\\..\\exact", 0, 0, "exact"}, {"/./exact", 0, 0, "exact"},
	};

	add_routes(*state, VHOST(ROUTE("exact", "'path': '/exact'") ", "
				 ROUTE("nocase", "'prefix': '/nocase', 'caseSensitive': false") ", "
				 ROUTE("separated", "'pathSeparatedPrefix': '/sep'") ", "
				 ROUTE("regex", "'safeRegex': {'regex': '/re/[0-9]+'}") ", "
				 ROUTE("prefix", "'prefix': '/pre'")));
	check_routes(*state, cases, ARRAY_LEN(cases));
}

static void route_by_header(void **state)
{
	static const struct route_case cases[] = {
	    {"/1", "X-A", "one", "exact"},   {"/1", "x-a", "One", NULL},	{"/1", NULL, NULL, NULL},
	    {"/2", "x-a", "anything", NULL}, {"/2", NULL, NULL, "absent"},
	    {"/3", "x-a", "one", NULL},	     {"/3", "x-a", "two", "not"},	{"/3", NULL, NULL, NULL},
	    {"/4", "x-a", "one", NULL},	     {"/4", NULL, NULL, "not-or-absent"},
	    {"/5", "x-a", "aaa", "regex"},   {"/5", "x-a", "aab", NULL},
	    {"/6", "x-a", "15", "range"},    {"/6", "x-a", "20", NULL},		{"/6", "x-a", "1a", NULL},
	    {"/7", NULL, NULL, "pseudo"},    {"/8", NULL, NULL, NULL},		{"/9", "x-a", "ONE", "ignore-case"},
	    {"/10", NULL, NULL, NULL},	     {"/11", NULL, NULL, "no-claim"},
	    {"/12", "content-type", "application/grpc+proto", "grpc"}, {"/12", "content-type", "text/html", NULL},
	};

#define HEADER(rest) "'headers': [{'name': 'x-a', " rest "}]"
	add_routes(*state, VHOST(
	    ROUTE("exact", "'path': '/1', " HEADER("'stringMatch': {'exact': 'one'}")) ", "
	    ROUTE("absent", "'path': '/2', " HEADER("'presentMatch': true, 'invertMatch': true")) ", "
	    ROUTE("not", "'path': '/3', " HEADER("'stringMatch': {'exact': 'one'}, 'invertMatch': true")) ", "
	    ROUTE("not-or-absent", "'path': '/4', " HEADER("'stringMatch': {'exact': 'one'}, 'invertMatch': true, 'treatMissingHeaderAsEmpty': true")) ", "
	    ROUTE("regex", "'path': '/5', " HEADER("'stringMatch': {'safeRegex': {'regex': 'a*'}}")) ", "
	    ROUTE("range", "'path': '/6', " HEADER("'rangeMatch': {'start': 10, 'end': 20}")) ", "
	    ROUTE("pseudo", "'path': '/7', 'headers': [{'name': ':method', 'stringMatch': {'exact': 'GET'}}, "
			    "{'name': ':authority', 'stringMatch': {'prefix': 'sh'}}, {'name': ':scheme', 'stringMatch': {'exact': 'http'}}]") ", "
	    ROUTE("wrong-method", "'path': '/8', 'headers': [{'name': ':method', 'stringMatch': {'exact': 'PUT'}}]") ", "
	    ROUTE("ignore-case", "'path': '/9', " HEADER("'stringMatch': {'exact': 'one', 'ignoreCase': true}")) ", "
	    ROUTE("claim", "'path': '/10', 'dynamicMetadata': [{'filter': 'jwt'}]") ", "
	    ROUTE("no-claim", "'path': '/11', 'dynamicMetadata': [{'filter': 'jwt', 'invert': true}]") ", "
	    ROUTE("grpc", "'path': '/12', 'grpc': {}")));
	check_routes(*state, cases, ARRAY_LEN(cases));
}

static void route_by_query(void **state)
{
	static const struct route_case cases[] = {
	    {"/?a=1", 0, 0, "exact"}, {"/?x&a=1&a=2", 0, 0, "exact"}, {"/?a=2&a=1", 0, 0, "present"},
	    {"/?a", 0, 0, "present"}, {"/?b", 0, 0, NULL},	      {"/?%61=1", 0, 0, NULL},
	    {"/", 0, 0, NULL},	      {"/?", 0, 0, NULL},
	};

	add_routes(*state, VHOST(
	    ROUTE("exact", "'prefix': '/', 'queryParameters': [{'name': 'a', 'stringMatch': {'exact': '1'}}]") ", "
	    ROUTE("present", "'prefix': '/', 'queryParameters': [{'name': 'a', 'presentMatch': true}]")));
	check_routes(*state, cases, ARRAY_LEN(cases));
}

/* ---- actions ---- */

static void redirects(void **state)
{
	static const struct {
		const char *authority, *path;
		unsigned status;
		const char *location;
	} cases[] = {
	    {"h", "/host/x?q=1", 301, "http://new/host/x?q=1"},
	    {"h:80", "/scheme", 302, "https://h/scheme"},
	    {"h:8080", "/scheme", 302, "https://h:8080/scheme"},
	    {"h:80", "/port", 308, "http://h:8443/port"},
	    {"h", "/path?q=1", 301, "http://h/there?q=1"},
	    {"h", "/own?q=1", 301, "http://h/there?own"},
	    {"h", "/prefix/x?q=1", 307, "http://h/new/x?q=1"},
	    {"h", "/strip?q=1", 303, "http://h/strip"},
	    {"[::1]:80", "/scheme", 302, "https://[::1]/scheme"},
	};
	struct fixture *f = *state;

#define REDIRECT(prefix, action) "{'match': {'prefix': '" prefix "'}, 'redirect': {" action "}}"
	add_routes(f, VHOST(
	    REDIRECT("/host", "'hostRedirect': 'new'") ", "
	    REDIRECT("/scheme", "'schemeRedirect': 'https', 'responseCode': 'FOUND'") ", "
	    REDIRECT("/port", "'portRedirect': 8443, 'responseCode': 'PERMANENT_REDIRECT'") ", "
	    REDIRECT("/path", "'pathRedirect': '/there'") ", "
	    REDIRECT("/own", "'pathRedirect': '/there?own'") ", "
	    REDIRECT("/prefix", "'prefixRewrite': '/new', 'responseCode': 'TEMPORARY_REDIRECT'") ", "
	    REDIRECT("/strip", "'stripQuery': true, 'responseCode': 'SEE_OTHER'")));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct walk w = walk(f, request(cases[i].authority, cases[i].path));

		assert_int_equal(w.end, WALK_ANSWERED);
		assert_int_equal(w.status, cases[i].status);
		assert_string_equal(w.location, cases[i].location);
	}
}

static void required_tls_redirects(void **state)
{
	struct fixture *f = *state;
	struct walk w;

	add_routes(f, "{'name': 'routes', 'virtualHosts': [{'name': 'v', 'domains': ['*'], 'requireTls': 'ALL'}]}");
	w = walk(f, request("h:80", "/x?y"));
	assert_int_equal(w.status, 301);
	assert_string_equal(w.location, "https://h:80/x?y");
}

static bool has_fact(const struct walk *w, const char *name, const char *value)
{
	for (size_t i = 0; i < w->n_facts; i++) {
		if (!strcmp(w->facts[i].key, name) && !strcmp(w->facts[i].value, value))
			return true;
	}
	return false;
}

static void forwards(void **state)
{
	struct fixture *f = *state;
	struct walk w;

	add_routes(f, VHOST(
	    "{'match': {'prefix': '/old'}, 'route': {'prefixRewrite': '/new', 'hostRewriteLiteral': 'inner', 'timeout': '1.5s', "
	    "'retryPolicy': {'retryOn': '5xx', 'numRetries': 3}, 'requestMirrorPolicies': [{'cluster': 'b'}], "
	    "'weightedClusters': {'clusters': [{'name': 'a', 'weight': 70}, {'name': 'b', 'weight': 30, 'hostRewriteLiteral': 'own'}]}}}, "
	    "{'match': {'prefix': '/regex'}, 'route': {'cluster': 'b', 'regexRewrite': {'pattern': {'regex': '/regex/([a-z]+)'}, 'substitution': '/\\\\1/'}}}, "
	    "{'match': {'prefix': '/empty'}, 'route': {'cluster': 'empty'}}, "
	    "{'match': {'prefix': '/none'}, 'route': {'cluster': 'none', 'clusterNotFoundResponseCode': 'INTERNAL_SERVER_ERROR'}}, "
	    "{'match': {'prefix': '/direct'}, 'directResponse': {'status': 418, 'body': {'inlineString': 'tea'}}}, "
	    "{'match': {'prefix': '/abort'}, 'route': {'cluster': 'a'}, 'typedPerFilterConfig': {'envoy.filters.http.fault': "
	    "{'@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault', 'abort': {'httpStatus': 555, "
	    "'percentage': {'numerator': 1000000, 'denominator': 'MILLION'}}, 'delay': {'fixedDelay': '2s', 'percentage': {'numerator': 10}}}}}"));
	w = walk(f, request("h", "/old/x?q"));
	assert_int_equal(w.end, WALK_ROUTED);
	assert_string_equal(w.path, "/new/x?q");
	assert_int_equal(w.n_targets, 2);
	assert_int_equal(w.targets[0].weight, 70);
	assert_string_equal(w.targets[0].host, "inner");
	assert_string_equal(w.targets[1].host, "own");
	assert_string_equal(w.targets[0].eps[0].address, "10.0.0.1:80");
	assert_string_equal(w.targets[0].eps[0].health, "draining");
	assert_string_equal(w.targets[0].eps[0].locality, "r/z");
	assert_int_equal(w.targets[0].eps[0].weight, 3);
	assert_true(has_fact(&w, "timeout", "1.5s"));
	assert_true(has_fact(&w, "retries", "3 on 5xx"));
	assert_true(has_fact(&w, "mirror", "b, 100 %"));
	w = walk(f, request("h", "/regex/abc/d?q"));
	assert_string_equal(w.path, "/abc//d?q");
	assert_true(has_fact(&w, "timeout", "15s"));
	w = walk(f, request("h", "/empty"));
	assert_int_equal(w.end, WALK_ANSWERED);
	assert_int_equal(w.status, 503);
	assert_int_equal(walk(f, request("h", "/none")).status, 500);
	w = walk(f, request("h", "/direct"));
	assert_int_equal(w.status, 418);
	assert_string_equal(w.body, "tea");
	w = walk(f, request("h", "/abort"));
	assert_int_equal(w.status, 555);
	assert_true(has_fact(&w, "fault delay", "2s, 10 %"));
}

#define CORS(origins) "'typedPerFilterConfig': {'envoy.filters.http.cors': {'@type': 'type.googleapis.com/" \
	"envoy.extensions.filters.http.cors.v3.CorsPolicy', 'allowOriginStringMatch': [" origins "]"

/* Status 0: the request is forwarded. */
static void preflights(void **state)
{
	static const struct {
		const char *path, *method, *origin, *asked;
		unsigned status;
	} cases[] = {
	    {"/a", "OPTIONS", "https://app", "PUT", 200},
	    {"/a", "options", "https://app", "PUT", 200},
	    {"/a", "GET", "https://app", "PUT", 0},
	    {"/a", "OPTIONS", "https://app", "", 0},
	    {"/a", "OPTIONS", "https://other", "PUT", 0},
	    {"/a", "OPTIONS", "", "PUT", 0},
	    {"/star", "OPTIONS", "https://other", "PUT", 200},
	    {"/ignore", "OPTIONS", "https://other", "PUT", 200},
	    {"/ignore", "OPTIONS", "", "PUT", 0},
	    {"/moved", "OPTIONS", "https://app", "PUT", 301},	/* routes to clusters only */
	    {"/none", "OPTIONS", "https://app", "PUT", 0},
	};
	struct fixture *f = *state;

	add_routes(f, VHOST(
	    "{'match': {'prefix': '/a'}, 'route': {'cluster': 'a'}, " CORS("{'exact': 'https://app'}") "}}}, "
	    "{'match': {'prefix': '/star'}, 'route': {'cluster': 'a'}, " CORS("{'exact': '*'}") "}}}, "
	    "{'match': {'prefix': '/ignore'}, 'route': {'cluster': 'a'}, "
	    CORS("{'exact': 'https://app'}") ", 'forwardNotMatchingPreflights': false}}}, "
	    "{'match': {'prefix': '/moved'}, 'redirect': {'pathRedirect': '/'}, " CORS("{'exact': 'https://app'}") "}}}, "
	    ROUTE("a", "'prefix': '/none'")));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str_pair headers[] = {{"origin", cases[i].origin},
					     {"access-control-request-method", cases[i].asked}};
		struct walk_request r = request("h", cases[i].path);
		struct walk w;

		r.method = cases[i].method;
		r.headers = (struct strmap){.v = headers, .n = ARRAY_LEN(headers)};
		w = walk(f, r);
		if (w.status != cases[i].status)
			fail_msg("case %zu: %u, not %u", i, w.status, cases[i].status);
	}
}

/* ---- tokens ---- */

#define KEYS	   "'localJwks': {'inlineString': '{}'}, 'clearRouteCache': true"
#define CLAIM(key) "'filter': 'envoy.filters.http.jwt_authn', 'path': [{'key': 'payload'}, {'key': '" key "'}]"

static void add_token_filter(struct fixture *f, const char *requirement)
{
	static const char filters[] =
	    "[{'name': 'jwt', 'typedConfig': {'@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', "
	    "'bypassCorsPreflight': true, 'providers': {"
	    "'one': {'issuer': 'i1', 'audiences': ['a', 'b'], 'fromHeaders': [{'name': 'x-t', 'valuePrefix': 'T '}], 'fromCookies': ['c'], "
	    "'claimToHeaders': [{'headerName': 'x-user', 'claimName': 'sub'}], 'normalizePayloadInMetadata': {'spaceDelimitedClaims': ['scope']}, " KEYS "}, "
	    "'two': {'issuer': 'i2', 'fromParams': ['t'], " KEYS "}}, 'rules': [{'match': {'prefix': '/'}, 'requires': %s}]}}, "
	    "{'name': 'rbac', 'typedConfig': {'@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC', 'rules': {'action': 'DENY', "
	    "'policies': {'p': {'permissions': [{'any': true}], 'principals': [{'metadata': {" CLAIM("sub") ", 'value': {'stringMatch': "
	    "{'exact': 'eve'}}}}]}}}}}]";
	const char *hcm = arena_printf(&f->arena, "{'name': 'http', 'typedConfig': {'@type': 'type.googleapis.com/envoy.extensions.filters."
						  "network.http_connection_manager.v3.HttpConnectionManager', 'rds': {'routeConfigName': "
						  "'routes'}, 'httpFilters': %s}}", arena_printf(&f->arena, filters, requirement));

	add_cluster(f);
	add(f, XDS_LDS, "l", arena_printf(&f->arena, "{'name': 'l', " ADDRESS("0.0.0.0", "80") ", 'filterChains': [{'filters': [%s]}]}", hcm));
	add(f, XDS_RDS, "routes", "{'name': 'routes', 'virtualHosts': [{'name': 'v', 'domains': ['*'], 'routes': ["
				  "{'name': 'list', 'match': {'prefix': '/', 'dynamicMetadata': [{" CLAIM("scope") ", 'value': {'listMatch': {'oneOf': "
				  "{'stringMatch': {'exact': 'read'}}}}}]}, 'route': {'cluster': 'b'}}, "
				  "{'name': 'header', 'match': {'prefix': '/', 'headers': [{'name': 'x-user', 'stringMatch': {'exact': 'jo'}}]}, "
				  "'route': {'cluster': 'b'}}, {'name': 'rest', 'match': {'prefix': '/'}, 'route': {'cluster': 'b'}}]}]}");
}

/* Base64url of JSON with single quotes. */
static const char *part(struct fixture *f, const char *json)
{
	size_t n = strlen(json);
	char *text = arena_strdup(&f->arena, json), *out = arena_alloc(&f->arena, BASE64_SIZE(n) + 1);

	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	base64_encode(BASE64_URL, (const uint8_t *)text, n, out);
	return out;
}

static const char *token(struct fixture *f, const char *claims)
{
	return arena_printf(&f->arena, "%s.%s.c2ln", part(f, "{'alg': 'RS256'}"), part(f, claims));
}

static struct walk walk_with(struct fixture *f, const char *header, const char *prefix, const char *token, const char *path)
{
	struct str_pair *pair = arena_new(&f->arena, struct str_pair);
	struct walk_request r = request("x", path);

	*pair = (struct str_pair){header, arena_printf(&f->arena, "%s%s", prefix, token)};
	r.headers = (struct strmap){.v = pair, .n = 1};
	r.way = WALK_DIRECT;
	return walk(f, r);
}

#define OPTIONAL(name) "{'requiresAny': {'requirements': [{'providerName': '" name "'}, {'allowMissing': {}}]}}"

static void tokens(void **state)
{
	static const struct {
		const char *header, *prefix, *claims;	/* NULL: the prefix is all */
		unsigned status;
		const char *route;
	} cases[] = {
		{"x-other", "", NULL, 0, "rest"},
		{"x-user", "jo", NULL, 0, "header"},	/* the route is found before the filter drops it */
		{"x-t", "T ", "{'iss': 'i1', 'aud': 'a', 'sub': 'jo'}", 0, "header"},
		{"x-t", "T ", "{'iss': 'i1', 'aud': ['z', 'b'], 'scope': 'write read'}", 0, "list"},
		{"x-t", "T ", "{'iss': 'i1', 'aud': 'b', 'scope': 'reader'}", 0, "rest"},
		{"x-t", "T ", "{'iss': 'i1', 'aud': 'a', 'sub': 'eve'}", 403, NULL},
		{"x-t", "T ", "{'iss': 'i1', 'aud': 'z'}", 403, NULL},
		{"x-t", "T ", "{'iss': 'i1'}", 403, NULL},
		{"x-t", "T ", "{'iss': 'i2', 'aud': 'a'}", 401, NULL},
		{"x-t", "T ", "{'aud': 'a'}", 401, NULL},
		{"x-t", "T ", "[]", 401, NULL},
		{"x-t", "T abc", NULL, 401, NULL},
		{"x-t", "t abc", NULL, 0, "rest"},
		{"cookie", "a=b; c=", "{'iss': 'i1', 'aud': 'a', 'sub': 'jo'}", 0, "header"},
		{"cookie", "c=x", NULL, 401, NULL},
	};
	struct fixture *f = *state;
	struct walk w;

	add_token_filter(f, "{'requiresAll': {'requirements': [" OPTIONAL("one") ", " OPTIONAL("two") "]}}");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		w = walk_with(f, cases[i].header, cases[i].prefix, cases[i].claims ? token(f, cases[i].claims) : "", "/");
		if (w.status != cases[i].status || (cases[i].route && strcmp(w.route, cases[i].route) != 0))
			fail_msg("case %zu: %u, route %s: %s", i, w.status, w.route ? w.route : "none", w.why);
	}
	w = walk_with(f, "x", "", "", arena_printf(&f->arena, "/p?a=1&t=%s&b=2", token(f, "{'iss': 'i2'}")));
	assert_string_equal(w.path, "/p?a=1&b=2");
	assert_int_equal(walk_with(f, "x", "", "", "/?t=x").status, 401);
	w = walk_with(f, "x-t", "T ", arena_printf(&f->arena, "%s.%s.c2ln", part(f, "{'alg': 'none'}"), part(f, "{'iss': 'i1', 'aud': 'a'}")), "/");
	assert_int_equal(w.status, 401);
}

static void tokens_required(void **state)
{
	struct fixture *f = *state;
	struct walk_request r = request("x", "/");
	struct node_member claims[] = {{.key = "iss", .value = {.kind = NODE_STRING, .n = 2, .text = "i2"}}};
	struct node map = {.kind = NODE_MAP, .n = 1, .map = claims};

	add_token_filter(f, "{'providerName': 'two'}");
	assert_int_equal(walk_with(f, "x", "", "", "/").status, 401);
	assert_int_equal(walk_with(f, "x-t", "T ", token(f, "{'iss': 'i1', 'aud': 'a'}"), "/").status, 401);
	r.claims = &map;
	assert_int_equal(walk(f, r).end, WALK_ROUTED);
	claims[0].value.text = "i3";
	assert_int_equal(walk(f, r).status, 401);
	r.claims = NULL;
	r.method = "OPTIONS";
	r.headers = (struct strmap){.v = (struct str_pair[]){{"origin", "o"}, {"access-control-request-method", "GET"}}, .n = 2};
	assert_int_equal(walk(f, r).end, WALK_ROUTED);
}

static void steps_name_their_objects(void **state)
{
	static const struct res_origin from = {KIND_GATEWAY, "ns", "gw"};
	struct fixture *f = *state;
	struct walk w;

	add_routes(f, VHOST("{'match': {'prefix': '/'}, 'route': {'cluster': 'a'}, 'metadata': {'filterMetadata': {'istio': "
			    "{'config': '/apis/networking.istio.io/v1/namespaces/shop/virtual-service/front'}}}}"));
	f->c.set[XDS_LDS].v[0].origins = &from;
	f->c.set[XDS_LDS].v[0].n_origins = 1;
	w = walk(f, request("h", "/"));
	assert_int_equal(w.n_steps, 6);
	assert_string_equal(w.steps[0].what, "listener");
	assert_string_equal(w.steps[0].origins[0].name, "gw");
	assert_string_equal(w.steps[4].what, "route");
	assert_int_equal(w.steps[4].origins[0].kind, KIND_VIRTUAL_SERVICE);
	assert_string_equal(w.steps[4].origins[0].ns, "shop");
	assert_string_equal(w.steps[4].origins[0].name, "front");
}

/* Bytes that end anywhere, or are changed anywhere, give some answer. */
static void broken_bytes(void **state)
{
	struct fixture *f = *state;
	uint32_t seed = 1;

	add_routes(f, VHOST(ROUTE("a", "'prefix': '/', 'headers': [{'name': 'x', 'stringMatch': {'exact': 'one'}}]")));
	for (int t = 0; t < XDS_TYPES; t++) {
		for (size_t i = 0; i < f->c.set[t].n; i++) {
			struct res_new *r = &f->c.set[t].v[i], whole = *r;

			for (size_t n = 0; n < whole.len; n++) {
				uint8_t *copy = arena_copy(&f->arena, whole.bytes, whole.len);

				r->len = n;
				walk(f, request("h", "/"));
				seed = seed * 1103515245 + 12345;
				copy[n] = (uint8_t)(seed >> 16);
				r->bytes = copy;
				r->len = whole.len;
				walk(f, request("h", "/"));
				*r = whole;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(listener_by_destination, setup, teardown),
	    cmocka_unit_test_setup_teardown(inbound_is_captured, setup, teardown),
	    cmocka_unit_test_setup_teardown(chain_by_criteria, setup, teardown),
	    cmocka_unit_test_setup_teardown(tls_must_fit, setup, teardown),
	    cmocka_unit_test_setup_teardown(virtual_host_by_domain, setup, teardown),
	    cmocka_unit_test_setup_teardown(route_by_path, setup, teardown),
	    cmocka_unit_test_setup_teardown(route_by_header, setup, teardown),
	    cmocka_unit_test_setup_teardown(route_by_query, setup, teardown),
	    cmocka_unit_test_setup_teardown(redirects, setup, teardown),
	    cmocka_unit_test_setup_teardown(required_tls_redirects, setup, teardown),
	    cmocka_unit_test_setup_teardown(forwards, setup, teardown),
	    cmocka_unit_test_setup_teardown(preflights, setup, teardown),
	    cmocka_unit_test_setup_teardown(tokens, setup, teardown),
	    cmocka_unit_test_setup_teardown(tokens_required, setup, teardown),
	    cmocka_unit_test_setup_teardown(steps_name_their_objects, setup, teardown),
	    cmocka_unit_test_setup_teardown(broken_bytes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
