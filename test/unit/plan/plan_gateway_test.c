/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_http_dump.h"

static const char node[] = "router~10.1.1.1~gw.ns~ns.svc.cluster.local";

#define GW(name, ns, servers)                                                                      \
	"---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"spec: {selector: {app: gw}, servers: [" servers "]}\n"
#define VS(name, ns, spec)                                                                         \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name ", namespace: " ns "}\nspec: {" spec "}\n"
#define SVC(name, ns, spec)                                                                        \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: " ns "}\nspec: {" spec "}\n"
#define SECRET(name, data)                                                                         \
	"---\napiVersion: v1\nkind: Secret\nmetadata: {name: " name ", namespace: ns}\n" data
#define HTTP "port: {number: 80, protocol: HTTP, name: http}"
#define HTTPS "port: {number: 443, protocol: HTTPS, name: https}"
#define TO(host) "route: [{destination: {host: " host "}}]"

static struct planned *plan_of(struct fixture *f, const char *objects)
{
	fixture_init(f);
	fixture_add(f, objects);
	fixture_build(f);
	fixture_view(f, node, "{LABELS: {app: gw}, ISTIO_VERSION: 1.32.0}");
	return planned_new(f, plan_gateway_rows);
}

static const char *faults(struct planned *t)
{
	static const char *const names[] = {"", "host", "port", "name", "tls", "missing", "malformed", "confused"};
	const struct plan_gateway_finding *v;
	size_t n = plan_gateway_findings(&t->plan, &v);

	t->dump.n = 0;
	t->dump.text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		dump(&t->dump, "%s %s[%zu] %s\n", names[v[i].fault], v[i].obj->name, v[i].server, v[i].text);
	return t->dump.text;
}

static void dump_tls(struct dump *d, const struct ir_tls *tls)
{
	dump(d, " tls(");
	for (size_t i = 0; i < tls->n_certs; i++)
		dump(d, "%s%s", tls->certs[i].from == IR_SDS_AGENT ? "agent:" : "", tls->certs[i].name);
	if (tls->ca.from != IR_SDS_NONE)
		dump(d, " ca=%s%s", tls->ca.from == IR_SDS_AGENT ? "agent:" : "", tls->ca.name);
	dump(d, "%s ", tls->require_client_cert ? " client" : "");
	dump_strs(d, &tls->alpn);
	dump(d, ")");
}

static const char *listener(struct planned *t, const char *name)
{
	const struct ir_listener *l = planned_ir(t, IR_LISTENER, name)->listener;
	struct dump *d = &t->dump;

	d->n = 0;
	dump(d, "%s:%u%s\n", l->address.ip, l->address.port, l->tls_inspector.on ? " inspects" : "");
	for (size_t i = 0; i < l->n_chains; i++) {
		const struct ir_chain *c = &l->chains[i];

		assert_int_equal(c->tls_connect_timeout.ns, 15 * INT64_C(1000000000));
		dump(d, "  [");
		dump_strs(d, &c->match.server_names);
		dump(d, "|%zu]", c->match.application_protocols.n);
		if (c->tls)
			dump_tls(d, c->tls);
		if (c->http)
			dump(d, " http %s %s", c->http->rds_name, c->http->stat_prefix);
		if (c->tcp)
			dump(d, " tcp %s", c->tcp->clusters[0].cluster);
		dump(d, "\n");
	}
	return d->text;
}

static void plain_http(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(
	    &f, GW("a", "ns", "{" HTTP ", hosts: ['*.x.com', 'other/y.com', './z.com']}")
		GW("b", "ns", "{" HTTP ", hosts: [r.com], tls: {httpsRedirect: true}}")
		VS("one", "ns", "hosts: [q.x.com, p.x.com, z.com, y.com], gateways: [a], http: [{" TO("one.com") "}]")
		VS("two", "ns", "hosts: [q.x.com], gateways: [a], http: [{match: [{uri: {prefix: /2}}], " TO("two.com") "}]")
		VS("far", "other", "hosts: ['*.com'], gateways: [ns/a], http: [{" TO("far.com") "}]")
		VS("hidden", "other", "hosts: [q.x.com], exportTo: [.], gateways: [ns/a], http: [{" TO("hidden.com") "}]"));

	(void)state;
	assert_string_equal(planned_names(t, IR_LISTENER), "0.0.0.0_80");
	assert_string_equal(planned_names(t, IR_ROUTES), "http.80");
	assert_string_equal(listener(t, "0.0.0.0_80"), "0.0.0.0:80\n  [|0] http http.80 outbound_0.0.0.0_80;\n");
	assert_string_equal(planned_routes(t, "http.80"),
			    "p.x.com:80 [p.x.com,z.com]\n  - prefix / -> outbound|80||one.com op=one.com:80/*\n"
			    "q.x.com:80 [q.x.com]\n"
			    "  - prefix /2 -> outbound|80||two.com op=two.com:80/2*\n"
			    "  - prefix / -> outbound|80||one.com op=one.com:80/*\n"
			    "r.com:80 [r.com] tls\n"
			    "y.com:80 [y.com,*.x.com]\n  - prefix / -> outbound|80||far.com op=far.com:80/*\n");
	assert_string_equal(faults(t), "");
	fixture_fini(&f);
}

static void no_routes(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(&f, GW("a", "ns", "{" HTTP ", hosts: ['*']}"));

	(void)state;
	assert_string_equal(planned_routes(t, "http.80"), "blackhole:80 [*]\n");
	fixture_fini(&f);
}

static void claims(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(
	    &f, GW("a", "ns", "{" HTTP ", hosts: [x.com]}")
		VS("v", "ns", "hosts: [x.com], gateways: [a], http: [{match: [{headers: {'@request.auth.claims.grp.id': {exact: '7'},"
			      "'@request.auth.claims[x.y][z]': {prefix: p}}, withoutHeaders: {'@request.auth.claims.no': {exact: q}}}], " TO("b.com") "}]"));

	(void)state;
	assert_string_equal(planned_routes(t, "http.80"),
			    "x.com:80 [x.com]\n  - prefix / claim:grp,id=7 !claim:no=q claim:x.y,z^p -> outbound|80||b.com op=b.com:80/*\n");
	fixture_fini(&f);
}

static void https(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(
	    &f, GW("a", "ns",
		   "{" HTTPS ", hosts: [ns/s.com, t.com], tls: {mode: SIMPLE, credentialName: s}},"
		   "{port: {number: 443, protocol: HTTPS, name: m}, hosts: [m.com], name: stat, tls: {mode: MUTUAL, credentialNames: [r, e]}},"
		   "{port: {number: 443, protocol: HTTPS, name: o}, hosts: [o.com], tls: {mode: OPTIONAL_MUTUAL, serverCertificate: /c, privateKey: /k, caCertificates: /ca}},"
		   "{port: {number: 443, protocol: TLS, name: i}, hosts: [i.com], tls: {mode: ISTIO_MUTUAL}}")
		GW("b", "ns", "{port: {number: 443, protocol: HTTPS, name: dup}, hosts: [t.com, u.com], tls: {mode: SIMPLE, credentialName: u}}")
		VS("v", "ns", "hosts: [t.com], gateways: [a], http: [{match: [{port: 443}], redirect: {derivePort: FROM_REQUEST_PORT, uri: /x}}]")
		VS("w", "ns", "hosts: [i.com], gateways: [a], tcp: [{" TO("back.com") "}]"));

	(void)state;
	assert_string_equal(listener(t, "0.0.0.0_443"),
			    "0.0.0.0:443 inspects\n"
			    "  [s.com,t.com|0] tls(kubernetes://s h2,http/1.1) http https.443.https.a.ns outbound_0.0.0.0_443;\n"
			    "  [m.com|0] tls(kubernetes://rkubernetes://e ca=kubernetes://r-cacert client h2,http/1.1) http https.443.m.a.ns stat;\n"
			    "  [o.com|0] tls(agent:file-cert:/c~/k ca=agent:file-root:/ca h2,http/1.1) http https.443.o.a.ns outbound_0.0.0.0_443;\n"
			    "  [i.com|0] tls(agent:default ca=agent:ROOTCA client istio-peer-exchange,h2,http/1.1) tcp outbound|443||back.com\n");
	assert_string_equal(planned_names(t, IR_ROUTES), "https.443.https.a.ns https.443.m.a.ns https.443.o.a.ns");
	assert_string_equal(planned_routes(t, "https.443.https.a.ns"), "t.com:443 [t.com]\n  - prefix / redirect 301 ://:0 /x op=v:443/*\n");
	assert_string_equal(faults(t),
			    "host b[0] t.com\nmissing a[0] kubernetes://s\nmissing a[1] kubernetes://r\n"
			    "missing a[1] kubernetes://e\nmissing a[1] kubernetes://r-cacert\n");
	fixture_fini(&f);
}

static void conflicts(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(
	    &f, GW("a", "ns", "{" HTTP ", hosts: [x.com]}")
		GW("b", "ns", "{port: {number: 80, protocol: TCP, name: t}, hosts: [x.com]},"
			      "{port: {number: 80, protocol: TCP, name: u}, bind: 10.0.0.9, hosts: [x.com]},"
			      "{port: {number: 80, protocol: GRPC, name: g}, hosts: [g.com]}")
		VS("v", "ns", "hosts: [x.com, g.com], gateways: [b], tcp: [{" TO("t.com") "}], http: [{" TO("h.com") "}]"));

	(void)state;
	assert_string_equal(planned_names(t, IR_LISTENER), "0.0.0.0_80 10.0.0.9_80");
	assert_string_equal(listener(t, "10.0.0.9_80"), "10.0.0.9:80\n  [|0] tcp outbound|80||t.com\n");
	assert_string_equal(planned_routes(t, "http.80"), "g.com:80 [g.com]\n  - prefix / -> outbound|80||h.com op=h.com:80/*\n");
	assert_string_equal(faults(t), "port b[0] 80\n");
	fixture_fini(&f);
}

static void passthrough(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(
	    &f, GW("a", "ns", "{port: {number: 443, protocol: TLS, name: t}, hosts: ['*.x.com'], tls: {mode: PASSTHROUGH}}")
		GW("e", "ns", "{port: {number: 15443, protocol: TLS, name: t}, hosts: ['*.local'], tls: {mode: AUTO_PASSTHROUGH}}")
		SVC("s", "ns", "clusterIP: 10.0.0.1, ports: [{name: tcp, port: 9}]")
		"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r, namespace: ns}\n"
		"spec: {host: s, subsets: [{name: v1, labels: {v: '1'}}]}\n"
		VS("one", "ns", "hosts: ['*.x.com'], gateways: [a], tls: [{match: [{sniHosts: [B.x.com, a.x.com]}], " TO("one.com") "},"
				"{match: [{sniHosts: [c.x.com], port: 444}, {sniHosts: [d.x.com], gateways: [other]}], " TO("no.com") "}]")
		VS("two", "ns", "hosts: ['*.x.com'], gateways: [a], tls: [{match: [{sniHosts: [a.x.com]}], " TO("two.com") "}]"));

	(void)state;
	assert_string_equal(listener(t, "0.0.0.0_443"), "0.0.0.0:443 inspects\n  [a.x.com,b.x.com|0] tcp outbound|443||one.com\n");
	assert_string_equal(listener(t, "0.0.0.0_15443"),
			    "0.0.0.0:15443 inspects\n"
			    "  [outbound_.9_._.s.ns.svc.cluster.local|5] tcp outbound_.9_._.s.ns.svc.cluster.local\n"
			    "  [outbound_.9_.v1_.s.ns.svc.cluster.local|5] tcp outbound_.9_.v1_.s.ns.svc.cluster.local\n");
	fixture_fini(&f);
}

static void translated_ports(void **state)
{
	static const char pod[] =
	    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: gw, namespace: ns, labels: {app: gw}}\n"
	    "spec: {containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]}\nstatus: {podIP: 10.1.1.1, phase: Running}\n";
	struct fixture f;
	char text[4096];
	struct planned *t;

	(void)state;
	snprintf(text, sizeof(text), "%s%s%s%s", pod, SVC("gw", "ns", "selector: {app: gw}, clusterIP: 10.0.0.1, ports: [{name: http, port: 80, targetPort: web}]"),
		 GW("a", "ns", "{" HTTP ", hosts: [x.com]}, {port: {number: 81, protocol: HTTP, name: k}, bind: 10.0.0.9, hosts: [y.com]}"),
		 VS("v", "ns", "hosts: [x.com], gateways: [a], http: [{match: [{port: 80}], " TO("x") "}]"));
	t = plan_of(&f, text);
	assert_string_equal(planned_names(t, IR_LISTENER), "0.0.0.0_8080 10.0.0.9_81");
	assert_string_equal(planned_names(t, IR_ROUTES), "http.8080 http.81.10.0.0.9");
	assert_string_equal(planned_routes(t, "http.8080"),
			    "x.com:80 [x.com]\n  - prefix / -> outbound|80||x.ns.svc.cluster.local op=x.ns.svc.cluster.local:80/*\n");
	fixture_fini(&f);
}

#define CERT "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
#define KEY "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk0KLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo="

static void secrets(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(
	    &f, GW("a", "ns",
		   "{" HTTPS ", hosts: [s.com], tls: {mode: MUTUAL, credentialName: s}},"
		   "{port: {number: 443, protocol: HTTPS, name: b}, hosts: [b.com], tls: {mode: SIMPLE, credentialName: bad}},"
		   "{port: {number: 443, protocol: HTTPS, name: o}, hosts: [o.com], tls: {mode: SIMPLE, credentialName: opaque}},"
		   "{port: {number: 443, protocol: HTTPS, name: f}, hosts: [f.com], tls: {mode: SIMPLE, credentialName: 'kubernetes://else/s'}}")
		SECRET("s", "type: kubernetes.io/tls\ndata: {tls.crt: " CERT ", tls.key: " KEY ", ca.crt: " CERT "}\n")
		SECRET("bad", "data: {tls.crt: AA==, tls.key: " KEY "}\n")
		SECRET("opaque", "stringData: {key: \"-----BEGIN RSA PRIVATE KEY-----\\nK\\n-----END RSA PRIVATE KEY-----\\n\"}\n"
				 "data: {cert: " CERT "}\n"));
	const struct ir_secret *s;

	(void)state;
	assert_string_equal(planned_names(t, IR_SECRET), "kubernetes://s kubernetes://s-cacert kubernetes://opaque");
	/* what is another namespace's is as if it were not there */
	assert_string_equal(faults(t), "malformed a[1] kubernetes://bad\nmissing a[3] kubernetes://else/s\n");
	s = planned_ir(t, IR_SECRET, "kubernetes://s")->secret;
	assert_string_equal(s->cert_chain, "-----BEGIN CERTIFICATE-----\nM\n-----END CERTIFICATE-----\n");
	assert_string_equal(s->private_key, "-----BEGIN PRIVATE KEY-----\nM\n-----END PRIVATE KEY-----\n");
	assert_null(s->ca);
	assert_int_equal(s->origins.n, 1);
	s = planned_ir(t, IR_SECRET, "kubernetes://s-cacert")->secret;
	assert_string_equal(s->ca, "-----BEGIN CERTIFICATE-----\nM\n-----END CERTIFICATE-----\n");
	assert_null(s->private_key);
	s = planned_ir(t, IR_SECRET, "kubernetes://opaque")->secret;
	assert_non_null(strstr(s->private_key, "RSA"));
	fixture_fini(&f);
}

/* One name is a certificate or a CA for all servers. */
static void confused_secrets(void **state)
{
	struct fixture f;
	struct planned *t = plan_of(
	    &f, GW("a", "ns",
		   "{" HTTPS ", hosts: [s.com], tls: {mode: MUTUAL, credentialName: s}},"
		   "{port: {number: 443, protocol: HTTPS, name: o}, hosts: [o.com], tls: {mode: MUTUAL, credentialName: o, caCertCredentialName: s}},"
		   "{port: {number: 443, protocol: HTTPS, name: p}, hosts: [p.com], tls: {mode: SIMPLE, credentialName: s}}")
		SECRET("s", "type: kubernetes.io/tls\ndata: {tls.crt: " CERT ", tls.key: " KEY ", ca.crt: " CERT "}\n")
		SECRET("o", "type: kubernetes.io/tls\ndata: {tls.crt: " CERT ", tls.key: " KEY "}\n"));

	(void)state;
	assert_string_equal(faults(t), "confused a[1] kubernetes://s\n");
	assert_string_equal(planned_names(t, IR_SECRET), "kubernetes://s kubernetes://s-cacert");
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_http), cmocka_unit_test(no_routes),	cmocka_unit_test(claims),	cmocka_unit_test(https),
	    cmocka_unit_test(conflicts),  cmocka_unit_test(passthrough), cmocka_unit_test(translated_ports),
	    cmocka_unit_test(secrets),	  cmocka_unit_test(confused_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
