/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may do what: the table against the routers, and a matrix of callers, routes, ports and nodes
 * against rules that are written again here, by other means.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../ca/make.h"
#include "server/server_int.h"

/* ---- the table and the routers ---- */

static const struct {
	const struct http_entry *rows;
	const size_t *n;
} routers[] = {{rest_routes, &n_rest_routes}, {csr_routes, &n_csr_routes}, {certs_routes, &n_certs_routes},
	     {certs_admin_routes, &n_certs_admin_routes}, {admin_routes, &n_admin_routes}, {monitor_routes, &n_monitor_routes},
	     {webhook_routes, &n_webhook_routes}};

static bool is_routed(const struct authz_row *row)
{
	for (size_t i = 0; i < n_ads_methods; i++)
		if (!strcmp(row->method, "GRPC") && !strcmp(row->path, ads_methods[i].path))
			return true;
	for (size_t i = 0; i < n_csr_methods; i++)
		if (!strcmp(row->method, "GRPC") && !strcmp(row->path, csr_methods[i].path))
			return true;
	for (size_t r = 0; r < ARRAY_LEN(routers); r++)
		for (size_t i = 0; i < *routers[r].n; i++)
			if (!strcmp(row->method, routers[r].rows[i].method) && !strcmp(row->path, routers[r].rows[i].path))
				return true;
	return false;
}

static bool is_served_somewhere(const char *method, const char *path)
{
	for (int p = 0; p < PORTS; p++)
		if (authz_route(method, path, (enum port_id)p) != NEVER)
			return true;
	return false;
}

static void table_and_routers_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_authz_rows; i++)
		if (!is_routed(&authz_rows[i]))
			fail_msg("the table has %s %s, no router has", authz_rows[i].method, authz_rows[i].path);
	for (size_t i = 0; i < n_ads_methods; i++)
		if (!is_served_somewhere("GRPC", ads_methods[i].path))
			fail_msg("no row for %s", ads_methods[i].path);
	for (size_t i = 0; i < n_csr_methods; i++)
		assert_true(is_served_somewhere("GRPC", csr_methods[i].path));
	for (size_t r = 0; r < ARRAY_LEN(routers); r++)
		for (size_t i = 0; i < *routers[r].n; i++)
			if (!is_served_somewhere(routers[r].rows[i].method, routers[r].rows[i].path))
				fail_msg("no row for %s %s", routers[r].rows[i].method, routers[r].rows[i].path);
	assert_int_equal(authz_route("GET", "/nothing", PORT_ADMIN), NEVER);
	assert_int_equal(authz_route("POST", "/debug/adsz", PORT_ADMIN), NEVER);
}

/* ---- callers x routes x ports ---- */

/* What the security page promises, without the table: a letter a class of route. */
static bool promised(const struct authz_row *row, enum port_id port, enum caller_how how, bool admin, bool loopback)
{
	bool known = how == CALLER_CERT || how == CALLER_TOKEN, debug = !strncmp(row->path, "/debug", 6);
	bool xds = strstr(row->path, "iscovery") != NULL, csr = strstr(row->path, "ertificate") != NULL;

	if (csr)
		return port == PORT_SECURE && how != CALLER_NONE;
	if (xds)
		return port == PORT_XDS || (port == PORT_SECURE && known);
	if (!strcmp(row->path, "/v1/roots"))
		return port == PORT_SECURE && known;
	if (debug || !strcmp(row->path, "/v1/rotation"))
		return port == PORT_ADMIN ? loopback : port == PORT_SECURE && known && admin;
	if (!strcmp(row->path, "/ready"))
		return port != PORT_XDS && port != PORT_WEBHOOK;
	if (!strcmp(row->path, "/validate") || !strcmp(row->path, "/readyz"))
		return port == PORT_WEBHOOK;
	return port == PORT_MONITOR;
}

static void routes_need_what_is_promised(void **state)
{
	static const char *const admins[] = {"ops/admin", "infra/*"};
	static const struct {
		const char *ns, *sa;
		bool admin;
	} ids[] = {{"ops", "admin", true}, {"ops", "admin2", false}, {"ops", "adm", false}, {"infra", "any", true}, {"infra2", "any", false},
		   {"inf", "any", false}, {"default", "admin", false}};
	static const char *const peers[] = {"127.0.0.1:1", "127.8.9.1:80", "[::1]:5", "10.0.0.1:7", "[2001:db8::1]:9", "128.0.0.1:2", "[::2]:1", "local"};
	const struct authz az = {admins, 2};
	size_t cells = 0;

	(void)state;
	for (size_t r = 0; r < n_authz_rows; r++)
		for (int port = 0; port < PORTS; port++)
			for (int how = CALLER_NONE; how <= CALLER_JOIN; how++)
				for (size_t i = 0; i < ARRAY_LEN(ids); i++)
					for (size_t p = 0; p < ARRAY_LEN(peers); p++, cells++) {
						struct http_peer from = {.address = peers[p], .port = (unsigned)port};
						struct caller c = {.how = (enum caller_how)how};
						enum authz_answer got;
						struct err e;

						if (how == CALLER_CERT || how == CALLER_TOKEN)
							assert_int_equal(spiffe_make("cluster.local", ids[i].ns, ids[i].sa, &c.id, &e), 0);
						got = authz_check(&az, authz_rows[r].need[port], &c, &from);
						if ((got == AUTHZ_YES) != promised(&authz_rows[r], (enum port_id)port, (enum caller_how)how, ids[i].admin, p < 3))
							fail_msg("%s %s port %d how %d id %zu from %s: %d", authz_rows[r].method, authz_rows[r].path,
								 port, how, i, peers[p], got);
						if (got == AUTHZ_WHO)	/* only who has shown nothing is asked who he is */
							assert_true(how == CALLER_NONE || how == CALLER_JOIN);
					}
	print_message("%zu cells\n", cells);
	assert_true(cells > 20000);
}

static void secrets_need_more(void **state)
{
	const struct authz az = {0};
	struct http_peer near = {.address = "127.0.0.1:1"}, far = {.address = "10.1.2.3:1"};
	struct caller none = {.how = CALLER_NONE}, cert = {.how = CALLER_CERT}, join = {.how = CALLER_JOIN};

	(void)state;
	assert_int_equal(authz_check(&az, authz_type(XDS_SDS, PORT_XDS), &none, &near), AUTHZ_YES);
	assert_int_equal(authz_check(&az, authz_type(XDS_SDS, PORT_XDS), &none, &far), AUTHZ_NO);
	assert_int_equal(authz_check(&az, authz_type(XDS_CDS, PORT_XDS), &none, &far), AUTHZ_YES);
	assert_int_equal(authz_check(&az, authz_type(XDS_SDS, PORT_SECURE), &cert, &far), AUTHZ_YES);
	assert_int_equal(authz_check(&az, authz_type(XDS_SDS, PORT_SECURE), &none, &near), AUTHZ_WHO);
	assert_int_equal(authz_check(&az, authz_type(XDS_SDS, PORT_SECURE), &join, &near), AUTHZ_NO);
}

/* From this machine, in all its spellings: that is no identity. */
static void cve_2022_39388_loopback_is_no_identity(void **state)
{
	static const char *const peers[] = {"127.0.0.1:1", "[::1]:1", "127.0.0.2:1"};
	static const char *const star[] = {"*/*", "/", "/*"};
	const struct authz az = {star, 3};
	struct caller none = {.how = CALLER_NONE};

	(void)state;
	for (size_t i = 0; i < n_authz_rows; i++)
		for (size_t p = 0; p < ARRAY_LEN(peers); p++) {
			struct http_peer from = {.address = peers[p]};
			enum need need = authz_rows[i].need[PORT_SECURE];

			if (authz_check(&az, need, &none, &from) == AUTHZ_YES)
				assert_string_equal(authz_rows[i].path, "/ready");
		}
}

/* Kuma: a web page in the operator's browser read the admin port, which took the browser for the machine's own. */
static void cve_2026_45021_pages_of_elsewhere(void **state)
{
	static const struct {
		const char *host, *origin;
		bool local;
	} cases[] = {
		{"localhost:8080", NULL, true}, {"LOCALHOST", NULL, true}, {"127.0.0.1:8080", NULL, true}, {"[::1]:8080", NULL, true},
		{"[::1]", NULL, true}, {"10.0.0.7:8080", NULL, true}, {NULL, NULL, true}, {"localhost", "http://localhost:3000", true},
		{"evil.test:8080", NULL, false}, {"localhost.evil.test", NULL, false}, {"127.0.0.1.evil.test", NULL, false},
		{"localhost@evil.test", NULL, false}, {"", NULL, false}, {"[", NULL, false}, {"[::1", NULL, true}, {":8080", NULL, false},
		{"localhost", "http://evil.test", false}, {"127.0.0.1", "https://evil.test:8080", false}, {"localhost", "null", false},
		{"localhost", "", false}, {"localhost", "http://localhost.evil.test", false},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (http_is_local(cases[i].host, cases[i].origin) != cases[i].local)
			fail_msg("case %zu: Host %s, Origin %s", i, cases[i].host, cases[i].origin);
}

/* Envoy Gateway checked streams and forgot the unary calls; REST is a third way to the same. */
static void cve_2026_53714_unary_needs_what_streams_need(void **state)
{
	(void)state;
	for (int port = 0; port < PORTS; port++) {
		enum need stream = authz_route("GRPC", ads_methods[0].path, (enum port_id)port);

		for (size_t i = 0; i < n_ads_methods; i++)
			assert_int_equal(authz_route("GRPC", ads_methods[i].path, (enum port_id)port), stream);
		assert_int_equal(authz_route("POST", rest_routes[0].path, (enum port_id)port), stream);
	}
}

/* gRPC-Go took other spellings of a path past its rules. */
static void cve_2026_33186_one_spelling_of_a_path(void **state)
{
	static const char *const forms[] = {"%s/", "/%s", "%s?x", "%s%%20", "%s;x", "%s#", " %s", "%s ", ".%s", "/.%s"};
	char path[200];

	(void)state;
	for (size_t i = 0; i < n_ads_methods; i++)
		for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
			const char *before = forms[k], *mark = strstr(before, "%s");

			snprintf(path, sizeof(path), "%.*s%s%s", (int)(mark - before), before, ads_methods[i].path, mark + 2);
			for (int port = 0; port < PORTS; port++)
				assert_int_equal(authz_route("GRPC", path, (enum port_id)port), NEVER);
		}
}

/* ---- identities x nodes ---- */

static const char *const namespaces[] = {"default", "prod", "prod2", "pro", "kube-system", "istio-system", "a", "a-b", "b", "default-x", "x-default", "prod-2"};
static const char *const accounts[] = {"default", "reviews", "reviews2", "rev", "admin"};
enum { NS = ARRAY_LEN(namespaces), SA = ARRAY_LEN(accounts), UNSET = -1 };

static void nodes_are_who_calls(void **state)
{
	static const char *const types[] = {"sidecar", "router"};
	size_t cells = 0, leaks = 0;

	(void)state;
	for (int ins = 0; ins < NS; ins++)
		for (int isa = 0; isa < SA; isa++)
			for (int id_ns = 0; id_ns < NS; id_ns++)
				for (int meta_ns = UNSET; meta_ns < NS; meta_ns++)
					for (int sa = UNSET; sa < SA; sa++)
						for (size_t t = 0; t < ARRAY_LEN(types); t++, cells++) {
							struct caller c = {.how = CALLER_CERT};
							bool may = id_ns == ins && (meta_ns == UNSET || meta_ns == ins) && (sa == UNSET || sa == isa), got;
							struct strs none = {0};
							struct proxy p;
							struct node meta = {.kind = NODE_MAP};
							struct node_member members[2];
							struct arena a;
							struct err e;
							char id[200];

							arena_init(&a, 0);
							if (meta_ns != UNSET)
								members[meta.n++] = (struct node_member){.key = "NAMESPACE", .value = {.kind = NODE_STRING,
									.text = namespaces[meta_ns], .n = strlen(namespaces[meta_ns])}};
							if (sa != UNSET)
								members[meta.n++] = (struct node_member){.key = "SERVICE_ACCOUNT", .value = {.kind = NODE_STRING,
									.text = accounts[sa], .n = strlen(accounts[sa])}};
							meta.map = members;
							snprintf(id, sizeof(id), "%s~10.0.0.1~pod-1.%s~%s.svc.cluster.local", types[t], namespaces[id_ns], namespaces[id_ns]);
							assert_int_equal(spiffe_make("cluster.local", namespaces[ins], accounts[isa], &c.id, &e), 0);
							assert_int_equal(proxy_parse(id, &meta, "", "", "", &none, &a, &p, &e), 0);
							got = !authz_node(&c, &p, &e);
							leaks += got && !may;
							assert_int_equal(got, may);
							if (got)	/* what was left open is the caller's */
								assert_string_equal(p.service_account, accounts[isa]);
							arena_fini(&a);
						}
	print_message("%zu cells, %zu leaks\n", cells, leaks);
	assert_true(cells >= 100000);
}

static void odd_nodes_are_refused(void **state)
{
	static const char *const ids[] = {
		"sidecar~10.0.0.1~pod.prod.default~prod.svc.cluster.local", "sidecar~10.0.0.1~prod~prod.svc.cluster.local",
		"sidecar~10.0.0.1~.prod2~prod.svc.cluster.local", "sidecar~10.0.0.1~pod.xprod~prod.svc.cluster.local",
		"sidecar~10.0.0.1~.prod~prod.svc.cluster.local", "sidecar~10.0.0.1~pod.prod~default.svc.cluster.local",
	};
	struct caller c = {.how = CALLER_CERT};
	struct err e;

	(void)state;
	assert_int_equal(spiffe_make("cluster.local", "prod", "default", &c.id, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct strs none = {0};
		struct proxy p;
		struct arena a;

		arena_init(&a, 0);
		if (!proxy_parse(ids[i], NULL, "", "", "", &none, &a, &p, &e) && !authz_node(&c, &p, &e))
			fail_msg("taken: %s", ids[i]);
		arena_fini(&a);
	}
}

/* ---- who calls ---- */

static struct http_peer peer_with(const char *san, struct arena *a)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_ca(key, NULL, NULL, "peer", "CA:FALSE", NULL, -10, 10);
	X509_EXTENSION *ext = make_extension(cert, cert, NID_subject_alt_name, san);
	unsigned char *der = NULL;
	struct http_peer from = {.address = "10.0.0.1:1", .is_tls = true};

	X509_add_ext(cert, ext, -1);
	X509_sign(cert, key, EVP_sha256());
	from.n_cert = (size_t)i2d_X509(cert, &der);
	from.cert = arena_copy(a, der, from.n_cert);
	OPENSSL_free(der);
	X509_EXTENSION_free(ext);
	X509_free(cert);
	EVP_PKEY_free(key);
	return from;
}

static void callers_are_known_by_what_holds(void **state)
{
	static const char *const aliases[] = {"old.local"};
	static const char join[] = "Bearer join-abcd010203040506-BwgJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	static const struct {
		const char *san, *authorization;
		int how;	/* -1: refused */
	} cases[] = {
		{NULL, NULL, CALLER_NONE},
		{"URI:spiffe://cluster.local/ns/a/sa/b", NULL, CALLER_CERT},
		{"URI:spiffe://old.local/ns/a/sa/b", NULL, CALLER_CERT},
		{"URI:spiffe://evil.local/ns/a/sa/b", NULL, -1},
		{"URI:spiffe://cluster.local/ns/a/sa/b,URI:spiffe://cluster.local/ns/c/sa/d", NULL, -1},
		{"DNS:cluster.local", NULL, -1},
		{NULL, join, CALLER_JOIN},
		{"URI:spiffe://evil.local/ns/a/sa/b", join, CALLER_JOIN},
		{"URI:spiffe://cluster.local/ns/a/sa/b", "Bearer nonsense", CALLER_CERT},
		{NULL, "Bearer nonsense", -1},
		{NULL, "Bearer a.b.c", -1},
		{NULL, "Bearer ", -1},
		{NULL, "", -1},
		{NULL, "Basic YTpi", -1},
		{NULL, "Bearer  join-abcd010203040506-BwgJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", -1},
	};
	struct authn an = {0};
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, 0);
	assert_int_equal(trust_init(&an.trust, "cluster.local", aliases, 1, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_peer from = {.address = "10.0.0.1:1"};
		struct caller got;
		int status;

		if (cases[i].san)
			from = peer_with(cases[i].san, &a);
		status = authn_caller(&an, &from, cases[i].authorization, NOW_S, &a, &got, &e);
		if (status ? cases[i].how != -1 : (int)got.how != cases[i].how)
			fail_msg("case %zu: %d, %s", i, status, status ? e.text : caller_how_name(got.how));
		if (status)
			assert_int_equal(got.how, CALLER_NONE);
		if (!status && got.how == CALLER_CERT) {
			assert_string_equal(got.id.ns, "a");
			assert_string_equal(got.id.domain, "cluster.local");
		}
	}
	arena_fini(&a);
}

static void buckets_fill_again(void **state)
{
	struct buckets *b = calloc(1, sizeof(*b));

	(void)state;
	buckets_init(b, 3, 2);
	for (int i = 0; i < 3; i++)
		assert_true(buckets_take(b, "10.0.0.1", 1000));
	assert_false(buckets_has(b, "10.0.0.1", 1000));
	assert_false(buckets_take(b, "10.0.0.1", 1499));
	assert_true(buckets_take(b, "10.0.0.1", 1500));
	assert_true(buckets_take(b, "10.0.0.2", 1500));
	for (int i = 0; i < 3; i++)
		assert_true(buckets_take(b, "10.0.0.1", 100000));
	assert_false(buckets_take(b, "10.0.0.1", 100000));
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_and_routers_agree),
		cmocka_unit_test(routes_need_what_is_promised),
		cmocka_unit_test(cve_2022_39388_loopback_is_no_identity),
		cmocka_unit_test(cve_2026_45021_pages_of_elsewhere),
		cmocka_unit_test(cve_2026_53714_unary_needs_what_streams_need),
		cmocka_unit_test(cve_2026_33186_one_spelling_of_a_path),
		cmocka_unit_test(secrets_need_more),
		cmocka_unit_test(nodes_are_who_calls),
		cmocka_unit_test(odd_nodes_are_refused),
		cmocka_unit_test(callers_are_known_by_what_holds),
		cmocka_unit_test(buckets_fill_again),
	};

	return cmocka_run_group_tests_name("authz", tests, NULL, NULL);
}
