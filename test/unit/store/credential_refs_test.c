/* SPDX-License-Identifier: Apache-2.0
 *
 * Which Secrets and ConfigMaps objects name: no more and no fewer are read of a cluster.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/vec.h"
#include "model/load.h"
#include "store/credential_refs.h"

struct fix {
	struct arena a;
	struct diags ds;
	VEC(struct object *) objects;
};

static void take(const struct load_item *item, void *arg)
{
	struct fix *f = arg;

	assert_non_null(item->object);
	*vec_push(&f->objects, &f->a) = item->object;
}

/* All refs of the manifests, "kind ns/name" and a space behind each. */
static const char *refs_of(struct fix *f, const char *yaml)
{
	struct object_set set;
	struct credential_refs refs;
	struct diags ds;
	const char *out = "";

	diags_init(&ds, &f->a);
	f->objects.n = 0;
	load_text("a.yaml", yaml, strlen(yaml), SCHEMA_LENIENT, &f->ds, take, f);
	object_set_init(&set, f->objects.v, f->objects.n, mesh_settings_new(NULL, NULL, "cluster.local", &ds));
	credential_refs_build(&set, "istio-system", &f->a, &refs);
	for (size_t i = 0; i < refs.n; i++) {
		assert_true(credential_refs_have(&refs, refs.v[i].kind, refs.v[i].ns, refs.v[i].name));
		out = arena_printf(&f->a, "%s%s %s/%s ", out, kind_info(refs.v[i].kind)->name, refs.v[i].ns, refs.v[i].name);
	}
	assert_false(credential_refs_have(&refs, KIND_SECRET, "a", "nothing"));
	out = arena_strdup(&f->a, out);
	object_set_unref(&set);
	for (size_t i = 0; i < f->objects.n; i++)
		object_unref(f->objects.v[i]);
	return out;
}

#define GATEWAY(spec)                                                                                                        \
	"apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: a}\n"                        \
	"spec: {gatewayClassName: istio, listeners: [{name: l, port: 443, protocol: HTTPS, " spec "\n"

static void gateway_api(void **state)
{
	struct fix f = {0};

	(void)state;
	arena_init(&f.a, 0);
	diags_init(&f.ds, &f.a);
	/* in its own namespace, in another, and what is no Secret */
	assert_string_equal(refs_of(&f, GATEWAY("tls: {certificateRefs: [{name: one}, {name: two, namespace: b, kind: Secret, group: ''}, "
						"{name: three, group: other.io, kind: Vault}]}}]}")),
			    "Secret a/one Secret b/two ");
	assert_string_equal(refs_of(&f, GATEWAY("tls: {certificateRefs: [{name: one}]}}], tls: {backend: {clientCertificateRef: {name: own}}, "
						"frontend: {default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, "
						"name: roots, namespace: c}]}}}}}")),
			    "Secret a/one Secret a/own ConfigMap c/roots ");
	assert_string_equal(refs_of(&f, "apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {name: s, namespace: a}\n"
					"spec: {parentRef: {name: g}, listeners: [{name: l, port: 443, protocol: HTTPS, hostname: x.example.com, "
					"tls: {certificateRefs: [{name: one}]}}]}\n"),
			    "Secret a/one ");
	assert_string_equal(refs_of(&f, "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: p, namespace: a}\n"
					"spec: {targetRefs: [{group: '', kind: Service, name: s}], validation: {hostname: s.example.com, "
					"caCertificateRefs: [{group: '', kind: ConfigMap, name: roots}]}}\n"),
			    "ConfigMap a/roots ");
	assert_string_equal(refs_of(&f, GATEWAY("}]}")), "");
	arena_fini(&f.a);
}

#define POD(name, ns, app)                                                                                                   \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: " ns ", labels: {app: " app "}}\n"             \
	"spec: {containers: [{name: c}]}\n"
#define ISTIO_GATEWAY(name, ns, selector, secret)                                                                            \
	"---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: " name ", namespace: " ns "}\n"            \
	"spec: {" selector "servers: [{port: {number: 443, name: h, protocol: HTTPS}, hosts: ['*'], "                         \
	"tls: {mode: SIMPLE, credentialName: " secret "}}]}\n"
#define BOTH(ns, name) "Secret " ns "/" name " Secret " ns "/" name "-cacert "

/* In the namespaces of the pods that a Gateway selects, in its own, and in the root namespace; whatever the others select. */
static void where_gateways_are(void **state)
{
	static const char pods[] = POD("p1", "b", "one") POD("p2", "b", "one") POD("p3", "d", "one") POD("p4", "c", "two");
	struct fix f = {0};

	(void)state;
	arena_init(&f.a, 0);
	diags_init(&f.ds, &f.a);
	assert_string_equal(refs_of(&f, arena_printf(&f.a, "%s%s", pods,
						     ISTIO_GATEWAY("g", "a", "selector: {app: one}, ", "x")
						     ISTIO_GATEWAY("h", "a", "selector: {app: two}, ", "w")
						     ISTIO_GATEWAY("i", "e", "selector: {app: one}, ", "z"))),
			    BOTH("a", "w") BOTH("a", "x") BOTH("b", "x") BOTH("b", "z") BOTH("c", "w") BOTH("d", "x") BOTH("d", "z")
			    BOTH("e", "z") BOTH("istio-system", "w") BOTH("istio-system", "x") BOTH("istio-system", "z"));
	/* without a selector every pod is one; a name with a namespace is of that one */
	assert_string_equal(refs_of(&f, arena_printf(&f.a, "%s%s", pods, ISTIO_GATEWAY("g", "a", "", "x"))),
			    BOTH("a", "x") BOTH("b", "x") BOTH("c", "x") BOTH("d", "x") BOTH("istio-system", "x"));
	assert_string_equal(refs_of(&f, arena_printf(&f.a, "%s%s", pods, ISTIO_GATEWAY("g", "a", "", "z/x"))), BOTH("z", "x"));
	/* a rule counts for its own namespace and for all gateways */
	assert_string_equal(refs_of(&f, arena_printf(&f.a, "%s%s", pods,
						     ISTIO_GATEWAY("g", "a", "selector: {app: two}, ", "z/x")
						     "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r, "
						     "namespace: f}\nspec: {host: h, trafficPolicy: {tls: {mode: SIMPLE, credentialName: w}}}\n")),
			    BOTH("a", "w") BOTH("c", "w") BOTH("f", "w") BOTH("istio-system", "w") BOTH("z", "x"));
	/* an Ingress, for the pods of the ingress gateway */
	assert_string_equal(refs_of(&f, POD("p1", "b", "one") "---\napiVersion: v1\nkind: Pod\nmetadata: {name: g, namespace: e, labels: "
					"{istio: ingressgateway}}\nspec: {containers: [{name: c}]}\n---\napiVersion: networking.k8s.io/v1\n"
					"kind: Ingress\nmetadata: {name: i, namespace: b, annotations: {kubernetes.io/ingress.class: istio}}\n"
					"spec: {tls: [{secretName: x}], defaultBackend: {service: {name: s, port: {number: 80}}}}\n"),
			    BOTH("e", "x") BOTH("istio-system", "x"));
	arena_fini(&f.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(gateway_api), cmocka_unit_test(where_gateways_are)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
