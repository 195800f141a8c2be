/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/labels.h"
#include "model/load.h"
#include "model/kube.h"
#include "model/meshconf.h"

struct fixture {
	struct arena arena;
	struct diags ds;
	struct load_item items[8];
	size_t n;
};

static void take(const struct load_item *item, void *arg)
{
	struct fixture *f = arg;

	f->items[f->n++] = *item;
}

static void load(struct fixture *f, const char *text, enum schema_mode mode)
{
	*f = (struct fixture){0};
	arena_init(&f->arena, 0);
	diags_init(&f->ds, &f->arena);
	load_text("in.yaml", text, strlen(text), mode, &f->ds, take, f);
}

static void unload(struct fixture *f)
{
	for (size_t i = 0; i < f->n; i++)
		object_unref(f->items[i].object);
	arena_fini(&f->arena);
}

#define VS "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"

static void test_identity(void **state)
{
	struct fixture f;
	const struct object *o;

	(void)state;
	load(&f,
	     VS "metadata:\n  name: a\n  labels: {x: z}\n  annotations: {b: c}\n  creationTimestamp: \"2024-01-02T03:04:05Z\"\n"
		"  resourceVersion: \"7\"\n  generation: 3\nspec:\n  hosts: [a]\n  http:\n  - route: [{destination: {host: a}}]\n",
	     SCHEMA_STRICT);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.ds.n, 0);
	o = f.items[0].object;
	assert_int_equal(o->kind, KIND_VIRTUAL_SERVICE);
	assert_string_equal(o->ns, "default");
	assert_string_equal(o->name, "a");
	assert_string_equal(strmap_get(&o->labels, "x"), "z");
	assert_string_equal(strmap_get(&o->annotations, "b"), "c");
	assert_int_equal(o->created_ns / 1000000000, 1704164645);
	assert_string_equal(o->resource_version, "7");
	assert_int_equal(o->generation, 3);
	assert_string_equal(o->file, "in.yaml");
	assert_int_equal(o->pos.line, 1);
	unload(&f);
}

static void test_lists_and_neighbours(void **state)
{
	struct fixture f;

	(void)state;
	load(&f,
	     "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
	     "- {apiVersion: v1, kind: Node, metadata: {name: node, namespace: x}}\n---\n"
	     "a: [\n---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: d}\n---\n" VS
	     "metadata: {name: b, namespace: q}\nmetadata: {name: c}\n",
	     SCHEMA_STRICT);
	assert_int_equal(f.n, 5);
	assert_int_equal(f.items[0].outcome, OBJECT_OK);
	assert_int_equal(f.items[1].outcome, OBJECT_OK);
	assert_string_equal(f.items[1].object->ns, "");
	assert_int_equal(f.items[2].outcome, OBJECT_INVALID);
	assert_null(f.items[2].id.name);
	assert_int_equal(f.items[3].outcome, OBJECT_SKIPPED);
	/* a key twice: refused, but it has a name, so that its last good form can stay */
	assert_int_equal(f.items[4].outcome, OBJECT_INVALID);
	assert_int_equal(f.items[4].id.kind, KIND_VIRTUAL_SERVICE);
	unload(&f);
}

static struct hash128 hash_of(const char *text)
{
	struct fixture f;
	struct hash128 h;

	load(&f, text, SCHEMA_LENIENT);
	assert_int_equal(f.n, 1);
	assert_non_null(f.items[0].object);
	h = f.items[0].object->hash;
	unload(&f);
	return h;
}

/* What is no content is no change (P5, P6). */
#define WE "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: w}\nspec: {address: 1.1.1.1}\n"

static void test_hash(void **state)
{
	static const char spec[] = "spec: {hosts: [a], http: [{route: [{destination: {host: a}}]}]}\n";
	char one[400], other[400];

	(void)state;
	snprintf(one, sizeof(one), VS "metadata: {name: a}\n%s", spec);
	snprintf(other, sizeof(other), "# c\n%s" VS "status: {x: 1}\nmetadata: {resourceVersion: \"2\", generation: 9, name: a}\n", spec);
	assert_true(hash_equal(hash_of(one), hash_of(other)));
	snprintf(other, sizeof(other), VS "metadata: {name: a, labels: {x: z}}\n%s", spec);
	assert_false(hash_equal(hash_of(one), hash_of(other)));
	/* of Kubernetes' kinds only what is read counts */
	assert_true(hash_equal(
		hash_of("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {podIP: 1.1.1.1, qosClass: Burstable}\n"),
		hash_of("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {podIP: 1.1.1.1}\n")));
	assert_false(hash_equal(hash_of("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {podIP: 1.1.1.1}\n"),
				hash_of("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {podIP: 1.1.1.2}\n")));
	/* and of a status of Istio's, which no writer can make invalid */
	assert_false(hash_equal(hash_of(WE "status: {conditions: [{type: Healthy, status: 'True'}]}\n"),
				hash_of(WE "status: {conditions: [{type: Healthy, status: 'False'}]}\n")));
	assert_true(hash_equal(hash_of(WE "status: {conditions: [{type: Healthy, status: 'True', lastProbeTime: now}]}\n"),
			       hash_of(WE "status: {conditions: [{type: Healthy, status: 'True', message: [0]}], x: 1}\n")));
}

static void test_modes(void **state)
{
	static const char text[] = VS "metadata: {name: a}\nspec:\n  hosts: [a]\n  newField: 1\n  http:\n"
				      "  - route: [{destination: {host: a}}]\n";
	struct fixture f;

	(void)state;
	load(&f, text, SCHEMA_STRICT);
	assert_int_equal(f.items[0].outcome, OBJECT_INVALID);
	assert_string_equal(f.items[0].id.name, "a");
	assert_int_equal(f.items[0].n_diags, 1);
	unload(&f);
	load(&f, text, SCHEMA_LENIENT);
	assert_int_equal(f.items[0].outcome, OBJECT_OK);
	assert_int_equal(f.items[0].object->n_diags, 1);
	assert_int_equal(f.items[0].object->diags[0].pos.line, 6);
	unload(&f);
}

static void test_partly(void **state)
{
	struct fixture f;

	(void)state;
	load(&f,
	     "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec:\n  servers:\n"
	     "  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [a.b], defaultEndpoint: x}\n",
	     SCHEMA_LENIENT);
	assert_true(f.items[0].object->partly);
	unload(&f);
}

static void test_labels_and_hosts(void **state)
{
	static const struct str_pair pairs[] = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
	const struct strmap labels = {pairs, 3}, some = {pairs + 1, 2}, none = {NULL, 0};
	static const struct str_pair other[] = {{"b", "3"}};
	struct arena a;

	(void)state;
	assert_true(labels_match(&some, &labels));
	assert_true(labels_match(&none, &labels));
	assert_false(labels_match(&labels, &some));
	assert_false(labels_match(&(struct strmap){other, 1}, &labels));
	arena_init(&a, 0);
	assert_string_equal(host_resolve("Reviews", "ns", "cluster.local", &a), "reviews.ns.svc.cluster.local");
	assert_string_equal(host_resolve("a.b", "ns", "cluster.local", &a), "a.b");
	assert_string_equal(host_resolve("*", "ns", "cluster.local", &a), "*");
	assert_string_equal(host_resolve("::1", "ns", "cluster.local", &a), "::1");
	arena_fini(&a);
	assert_true(host_matches("*.foo.com", "a.foo.com"));
	assert_false(host_matches("*.foo.com", "foo.com"));
	assert_true(host_matches("*", "foo.com"));
	assert_true(host_matches("*.com", "*.foo.com"));
	assert_true(host_subset_of("a.foo.com", "*.com"));
	assert_false(host_subset_of("*.com", "a.foo.com"));
	assert_true(host_subset_of("*.foo.com", "*.com"));
	assert_true(host_compare_specific("a", "*.foo.com") < 0);
	assert_true(host_compare_specific("*.foo.com", "*.com") < 0);
	assert_true(host_compare_specific("a", "b") < 0);
}

static void test_mesh_defaults(void **state)
{
	static const char text[] = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\nlocalityLbSetting: {failoverPriority: [a]}\n"
				   "defaultConfig: {concurrency: 3}\n";
	const struct mesh_config *m;
	struct arena a;
	struct diags ds;

	(void)state;
	arena_init(&a, 0);
	diags_init(&ds, &a);
	m = meshconf_effective(NULL, &a);
	assert_int_equal(m->outbound_traffic_policy->mode, MESH_OUTBOUND_ALLOW_ANY);
	assert_string_equal(m->trust_domain, "cluster.local");
	m = meshconf_effective(meshconf_decode(node_parse(text, sizeof(text) - 1, 1, &a, &ds).v[0].root, &a, &ds), &a);
	assert_int_equal(ds.n, 0);
	assert_int_equal(m->outbound_traffic_policy->mode, MESH_OUTBOUND_REGISTRY_ONLY);
	assert_true(m->locality_lb_setting->enabled.v);
	assert_int_equal(m->default_config->concurrency.v, 3);
	assert_int_equal(m->default_config->status_port, 15020);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_lists_and_neighbours),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_partly),
		cmocka_unit_test(test_labels_and_hosts),
		cmocka_unit_test(test_mesh_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
