/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the ingress gateway is reached, and what Ingresses are told of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "report/ingress.h"

enum { OBJECTS_MAX = 16 };

struct fix {
	struct arena arena;
	struct object *v[OBJECTS_MAX];
	size_t n;
	struct object_set set;
	bool built;
	char text[4096];
};

static void start(struct fix *f)
{
	*f = (struct fix){0};
	arena_init(&f->arena, 0);
}

static void stop(struct fix *f)
{
	if (f->built)
		object_set_unref(&f->set);
	for (size_t i = 0; i < f->n; i++)
		object_unref(f->v[i]);
	arena_fini(&f->arena);
}

static const struct node *parse(struct fix *f, const char *text)
{
	struct diags ds;

	diags_init(&ds, &f->arena);
	return node_parse(text, strlen(text), 1, &f->arena, &ds).v[0].root;
}

static void add(struct fix *f, const char *yaml)
{
	struct object_id id;
	struct diags ds;

	diags_init(&ds, &f->arena);
	must(f->n < OBJECTS_MAX);
	assert_int_equal(object_decode(parse(f, yaml), SCHEMA_LENIENT, NULL, &f->v[f->n++], &id, &ds), OBJECT_OK);
}

/* The addresses, with a blank between. */
static const char *addresses(struct fix *f, const char *mesh)
{
	struct ingress_addresses found;
	struct diags ds;
	size_t n = 0;

	diags_init(&ds, &f->arena);
	if (f->built)
		object_set_unref(&f->set);
	object_set_init(&f->set, f->v, f->n, mesh_settings_new(mesh ? parse(f, mesh) : NULL, NULL, "cluster.local", &ds));
	f->built = true;
	ingress_addresses_find(&f->set, &f->arena, &found);
	f->text[0] = '\0';
	for (size_t i = 0; i < found.n; i++)
		n += (size_t)snprintf(f->text + n, sizeof(f->text) - n, "%s%s", i ? " " : "", found.v[i]);
	return f->text;
}

#define SERVICE(name, ns, rest) "{apiVersion: v1, kind: Service, metadata: {name: " name ", namespace: " ns "}, " rest "}"

static void of_a_service(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	assert_string_equal(addresses(&f, NULL), "");
	add(&f, SERVICE("istio-ingressgateway", "other", "spec: {externalIPs: [9.9.9.9]}"));
	assert_string_equal(addresses(&f, NULL), "");
	add(&f, SERVICE("istio-ingressgateway", "istio-system",
			"spec: {externalIPs: ['192.0.2.7', '2001:db8::1', '192.0.2.1']}, status: {loadBalancer: {ingress: "
			"[{hostname: b.example.com}, {ip: 192.0.2.9}, {ip: 192.0.2.7, hostname: passed.example.com}, {ip: '', hostname: "
			"a.example.com}, {hostname: no host}, {}]}}"));
	assert_string_equal(addresses(&f, NULL), "192.0.2.1 192.0.2.7 192.0.2.9 2001:db8::1 a.example.com b.example.com");
	/* whatever the root namespace; and a name with a namespace is none, as in Istio */
	assert_string_equal(addresses(&f, "{rootNamespace: other}"),
			    "192.0.2.1 192.0.2.7 192.0.2.9 2001:db8::1 a.example.com b.example.com");
	assert_string_equal(addresses(&f, "{ingressService: istio-system/istio-ingressgateway}"), "");
	add(&f, SERVICE("away", "istio-system", "spec: {type: ExternalName, externalName: elsewhere.example.com, externalIPs: [192.0.2.1]}"));
	assert_string_equal(addresses(&f, "{ingressService: away}"), "elsewhere.example.com");
	assert_string_equal(addresses(&f, "{ingressService: none}"), "");
	stop(&f);
}

#define POD(name, ns, label, node, phase)                                                                           \
	"{apiVersion: v1, kind: Pod, metadata: {name: " name ", namespace: " ns ", labels: {istio: " label "}}, "   \
	"spec: {nodeName: " node ", containers: [{name: c}]}, status: {phase: " phase "}}"
#define NODE(name, addresses) "{apiVersion: v1, kind: Node, metadata: {name: " name "}, status: {addresses: [" addresses "]}}"
#define EXTERNAL(address) "{type: ExternalIP, address: " address "}"

static void of_the_nodes(void **state)
{
	static const char none[] = "{ingressService: ''}";
	struct fix f;

	(void)state;
	start(&f);
	add(&f, NODE("n1", EXTERNAL("192.0.2.2") ", {type: InternalIP, address: 10.0.0.1}, " EXTERNAL("host.example.com")));
	add(&f, NODE("n2", EXTERNAL("192.0.2.1") ", " EXTERNAL("192.0.2.2")));
	add(&f, NODE("n3", EXTERNAL("192.0.2.3")));
	add(&f, NODE("n4", "{type: InternalIP, address: 10.0.0.4}"));
	assert_string_equal(addresses(&f, none), "");
	add(&f, POD("a", "istio-system", "ingressgateway", "n1", "Running"));
	add(&f, POD("b", "istio-system", "ingressgateway", "n2", "Running"));
	add(&f, POD("c", "istio-system", "ingressgateway", "n3", "Pending"));
	add(&f, POD("d", "istio-system", "other", "n3", "Running"));
	add(&f, POD("e", "elsewhere", "ingressgateway", "n3", "Running"));
	add(&f, POD("f", "istio-system", "ingressgateway", "gone", "Running"));
	add(&f, POD("g", "istio-system", "ingressgateway", "n4", "Running"));
	assert_string_equal(addresses(&f, none), "192.0.2.1 192.0.2.2 host.example.com");
	assert_string_equal(addresses(&f, "{ingressService: '', ingressSelector: other}"), "192.0.2.3");
	stop(&f);
}

static const char *patch(struct fix *f, const char *const *want, size_t n, const char *there)
{
	const struct ingress_addresses addresses = {.v = want, .n = n};
	struct buf out;

	buf_init(&out, sizeof(f->text));
	f->text[0] = '\0';
	if (ingress_patch(&addresses, "navarchd", parse(f, there), &out))
		snprintf(f->text, sizeof(f->text), "%s", buf_cstr(&out));
	buf_fini(&out);
	return f->text;
}

static void patches(void **state)
{
	static const char *const want[] = {"192.0.2.1", "a.example.com"};
	static const char all[] = "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"loadBalancer\":{\"ingress\":"
				  "[{\"ip\":\"192.0.2.1\"},{\"hostname\":\"a.example.com\"}]}}}";
	struct fix f;

	(void)state;
	start(&f);
	assert_string_equal(patch(&f, want, 2, "{metadata: {resourceVersion: '7'}}"), all);
	assert_string_equal(patch(&f, want, 2, "{metadata: {resourceVersion: '7'}, status: {loadBalancer: {}}}"), all);
	assert_string_equal(patch(&f, want, 2, "{metadata: {resourceVersion: '7'}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}"), all);
	/* what another one has of the same address is not the same */
	assert_string_equal(patch(&f, want, 2,
				  "{metadata: {resourceVersion: '7'}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1, hostname: x}, "
				  "{hostname: a.example.com}]}}}"), all);
	assert_string_equal(patch(&f, want, 2, "{metadata: {resourceVersion: '7'}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}, 7]}}}"), all);
	/* it is there, in any order, with what some servers add */
	assert_string_equal(patch(&f, want, 2,
				  "{metadata: {resourceVersion: '7'}, status: {loadBalancer: {ingress: [{hostname: a.example.com, ports: "
				  "[{port: 80}]}, {ip: 192.0.2.1}]}}}"), "");
	stop(&f);
}

#define WRITTEN(manager, part, fields)                                                                              \
	"{metadata: {resourceVersion: '7', managedFields: [7, {manager: kubectl, fieldsV1: {'f:spec': {}}}, {manager: " manager  \
	", subresource: " part ", fieldsV1: {'f:status': {'f:loadBalancer': " fields "}}}]}, status: {loadBalancer: {ingress: "  \
	"[{ip: 192.0.2.1}]}}}"

static void takes_back_its_own(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	assert_string_equal(patch(&f, NULL, 0, WRITTEN("navarchd", "status", "{'f:ingress': {}}")),
			    "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"loadBalancer\":{\"ingress\":null}}}");
	assert_string_equal(patch(&f, NULL, 0, WRITTEN("nginx", "status", "{'f:ingress': {}}")), "");
	assert_string_equal(patch(&f, NULL, 0, WRITTEN("navarchd", "scale", "{'f:ingress': {}}")), "");
	assert_string_equal(patch(&f, NULL, 0, WRITTEN("navarchd", "status", "{}")), "");
	assert_string_equal(patch(&f, NULL, 0, "{metadata: {resourceVersion: '7'}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}"), "");
	/* nothing there, nothing to take back */
	assert_string_equal(patch(&f, NULL, 0,
				  "{metadata: {managedFields: [{manager: navarchd, subresource: status, fieldsV1: {'f:status': "
				  "{'f:loadBalancer': {'f:ingress': {}}}}}]}, status: {loadBalancer: {}}}"), "");
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_service),
		cmocka_unit_test(of_the_nodes),
		cmocka_unit_test(patches),
		cmocka_unit_test(takes_back_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
