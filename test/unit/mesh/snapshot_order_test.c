/* SPDX-License-Identifier: Apache-2.0
 *
 * Oracle O1 for snapshots: whatever came before, the same objects mean the same; and what an
 * unchanged input gave stays the same pointer.
 */
#include "snapshot_fixture.h"

#include "store/store.h"

enum { STEPS = 500, VARIANTS = 3 };

/* %d is the variant. */
static const char *const pool[] = {
	"apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: x, annotations: {v: 'v%d'}}\n"
	"spec: {clusterIP: 10.0.0.1, selector: {app: a}, ports: [{name: http, port: 80, targetPort: web}]}\n",
	"apiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: x}\n"
	"spec: {clusterIP: 10.0.0.2, selector: {app: b}, ports: [{name: tcp, port: 8%d}]}\n",
	"apiVersion: v1\nkind: Service\nmetadata: {name: c, namespace: z}\n"
	"spec: {clusterIP: None, selector: {app: 'a%d'}, ports: [{name: tcp, port: 80}]}\n",
	"apiVersion: v1\nkind: Service\nmetadata: {name: d, namespace: z}\n"
	"spec: {type: ExternalName, externalName: 'e%d.example.com'}\n",
	"apiVersion: v1\nkind: Service\nmetadata: {name: e, namespace: z, annotations: {networking.istio.io/exportTo: '., x'}}\n"
	"spec: {clusterIP: 10.0.0.4, ports: [{name: http, port: 80, nodePort: 3000%d}]}\n",
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p1, namespace: x, labels: {app: a, v: 'v%d'}}\n"
	"spec: {nodeName: n1, containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]}\nstatus: {podIP: 1.0.0.1}\n",
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p2, namespace: x, labels: {app: b}}\n"
	"spec: {serviceAccountName: 'sa%d'}\nstatus: {podIP: 1.0.0.2}\n",
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p3, namespace: z, labels: {app: 'a%d'}}\nstatus: {podIP: 1.0.0.3}\n",
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p4, namespace: x, labels: {app: vm, v: 'v%d'}}\nstatus: {podIP: 1.0.0.4}\n",
	"apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {topology.kubernetes.io/region: 'r%d'}}\n",
	"apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system, labels: {topology.istio.io/network: 'n%d'}}\n",
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a-1, namespace: x, labels: {kubernetes.io/service-name: a}}\n"
	"addressType: IPv4\nports: [{name: http, port: 808%d}]\nendpoints: [{addresses: [1.0.0.1], targetRef: {kind: Pod, name: p1}}]\n",
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a-2, namespace: x, labels: {kubernetes.io/service-name: a}}\n"
	"addressType: IPv4\nports: [{name: http, port: 8080}]\nendpoints: [{addresses: [1.0.0.9, 1.0.0.%d]}]\n",
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e-1, namespace: z, labels: {kubernetes.io/service-name: e}}\n"
	"addressType: IPv4\nports: [{name: http, port: 80}]\nendpoints: [{addresses: [2.0.0.%d], targetRef: {kind: Pod, name: p3}}]\n",
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: s1, namespace: x, creationTimestamp: '2024-01-0%dT00:00:00Z'}\n"
	"spec: {hosts: [h.example.com], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 9.9.9.9}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: s2, namespace: x, creationTimestamp: '2024-01-03T00:00:00Z'}\n"
	"spec: {hosts: [h.example.com, g.example.com], resolution: STATIC, ports: [{number: 44%d, name: tls, protocol: TLS}], endpoints: [{address: 9.9.9.8}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: s3, namespace: z}\n"
	"spec: {hosts: [h.example.com], resolution: DNS, ports: [{number: 8%d, name: http, protocol: HTTP}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: s4, namespace: x}\n"
	"spec: {hosts: [vm.example.com], resolution: STATIC, ports: [{number: 8%d, name: http, protocol: HTTP}], workloadSelector: {labels: {app: vm}}}\n",
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: s5, namespace: z}\n"
	"spec: {hosts: [a.x.svc.cluster.local], resolution: DNS, ports: [{number: 8%d, name: http, protocol: HTTP}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: w1, namespace: x, labels: {app: vm}}\nspec: {address: 7.0.0.%d}\n",
	"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: w2, namespace: x, labels: {app: 'b'}}\nspec: {address: 7.0.1.%d}\n",
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v1, namespace: x}\n"
	"spec: {hosts: [a], http: [{timeout: 1%ds, route: [{destination: {host: a}}]}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v2, namespace: x}\n"
	"spec: {hosts: [a, h.example.com], http: [{timeout: 1%ds, route: [{destination: {host: b}}]}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v3, namespace: z}\n"
	"spec: {hosts: [c], gateways: [mesh, gw], http: [{match: [{uri: {prefix: /%d}}], delegate: {name: v4, namespace: x}}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v4, namespace: x}\n"
	"spec: {http: [{match: [{uri: {prefix: /1}}], route: [{destination: {host: 'b%d'}}]}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: z}\n"
	"spec: {selector: {gw: 'g%d'}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d1, namespace: x, creationTimestamp: '2024-01-0%dT00:00:00Z'}\n"
	"spec: {host: a, subsets: [{name: s, labels: {v: v1}}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d2, namespace: x, creationTimestamp: '2024-01-02T00:00:00Z'}\n"
	"spec: {host: a.x.svc.cluster.local, subsets: [{name: s, labels: {v: 'v%d'}}, {name: t, labels: {v: v2}}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d3, namespace: x}\n"
	"spec: {host: a, workloadSelector: {matchLabels: {app: 'b%d'}}}\n",
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d4, namespace: istio-system}\n"
	"spec: {host: '*.local', trafficPolicy: {connectionPool: {tcp: {maxConnections: 1%d}}}}\n",
	"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: one, namespace: x, creationTimestamp: '2024-01-0%dT00:00:00Z'}\n"
	"spec: {egress: [{hosts: ['./*']}]}\n",
	"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: two, namespace: x, creationTimestamp: '2024-01-02T00:00:00Z'}\n"
	"spec: {egress: [{hosts: ['*/h%d.example.com']}]}\n",
};

struct world {
	struct arena arena;
	struct fixture fix;
	struct object *objs[ARRAY_LEN(pool)][VARIANTS];
	struct store *store;
	int source;
	int now[ARRAY_LEN(pool)];	/* variant, or -1 */
};

static void world_init(struct world *w)
{
	struct diags ds;

	*w = (struct world){0};
	fixture_init(&w->fix);
	arena_init(&w->arena, 0);
	for (size_t i = 0; i < ARRAY_LEN(pool); i++)
		for (int v = 0; v < VARIANTS; v++) {
			size_t n = strlen(pool[i]), at = (size_t)(strstr(pool[i], "%d") - pool[i]);
			char *text = arena_printf(&w->arena, "%.*s%d%s", (int)at, pool[i], v + 1, pool[i] + at + 2);

			must(strlen(text) == n - 1);
			w->objs[i][v] = fixture_object(&w->fix, text);
		}
	w->store = store_new("cluster.local", "istio-system");
	w->source = store_source_add(w->store, "test");
	diags_init(&ds, &w->arena);
	must(store_set_mesh(w->store, FIXTURE_MESH, sizeof(FIXTURE_MESH) - 1, "mesh", &ds) == 0);
	for (size_t i = 0; i < ARRAY_LEN(pool); i++)
		w->now[i] = -1;
}

static void world_set(struct world *w, size_t i, int variant)
{
	char place[16];

	snprintf(place, sizeof(place), "%zu", i);
	if (variant < 0) {
		store_remove(w->store, w->source, place);
	} else {
		struct object *o = w->objs[i][variant];
		struct store_entry e = {.kind = (int)o->kind, .ns = o->ns, .name = o->name, .obj = o};

		store_put(w->store, w->source, &(struct store_place){.name = place, .v = &e, .n = 1});
	}
	w->now[i] = variant;
}

static void world_set_mesh(struct world *w, const char *more)
{
	const char *text = arena_printf(&w->arena, "%s%s", FIXTURE_MESH, more);
	struct diags ds;

	diags_init(&ds, &w->arena);
	must(store_set_mesh(w->store, text, strlen(text), "mesh", &ds) == 0);
}

static void world_fini(struct world *w)
{
	store_free(w->store);
	for (size_t i = 0; i < ARRAY_LEN(pool); i++)
		for (int v = 0; v < VARIANTS; v++)
			object_unref(w->objs[i][v]);
	fixture_fini(&w->fix);
	arena_fini(&w->arena);
}

#define assert_hash_equal(a, b) assert_true(hash_equal((a)->part.hash, (b)->part.hash))

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_int_equal(a->n_svcs, b->n_svcs);
	assert_int_equal(a->n_vss, b->n_vss);
	assert_int_equal(a->n_drs, b->n_drs);
	assert_int_equal(a->n_kube, b->n_kube);
	assert_int_equal(a->n_gateways, b->n_gateways);
	assert_int_equal(a->n_verdicts, b->n_verdicts);
	for (size_t i = 0; i < a->n_svcs; i++) {
		assert_string_equal(a->svcs[i]->host, b->svcs[i]->host);
		assert_hash_equal(a->svcs[i], b->svcs[i]);
		assert_hash_equal(a->eps[i], b->eps[i]);
		assert_int_equal(a->eps[i]->n_objs, b->eps[i]->n_objs);
		for (size_t j = 0; j < a->eps[i]->n_objs; j++)
			assert_ptr_equal(a->eps[i]->objs[j], b->eps[i]->objs[j]);
	}
	for (size_t i = 0; i < a->n_vss; i++)
		assert_hash_equal(a->vss[i], b->vss[i]);
	for (size_t i = 0; i < a->n_drs; i++)
		assert_hash_equal(a->drs[i], b->drs[i]);
	for (size_t i = 0; i < a->n_verdicts; i++) {
		const struct verdict *x = &a->verdicts[i], *y = &b->verdicts[i];

		assert_ptr_equal(x->obj, y->obj);
		assert_int_equal(x->state, y->state);
		assert_int_equal(x->n_why, y->n_why);
		for (size_t j = 0; j < x->n_why; j++)
			assert_string_equal(x->why[j].text, y->why[j].text);
	}
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static void incremental_is_from_scratch(void **state)
{
	struct world w;
	struct snapshot *s = NULL;
	unsigned seed = 7;

	(void)state;
	world_init(&w);
	for (int step = 0; step < STEPS; step++) {
		unsigned changes = 1 + next_random(&seed) % (step % 10 ? 2 : 12);
		struct snapshot *next, *fresh;

		while (changes--)
			world_set(&w, next_random(&seed) % ARRAY_LEN(pool), (int)(next_random(&seed) % (VARIANTS + 1)) - 1);
		if (step % 40 == 0)
			world_set_mesh(&w, step % 80 ? "trustDomainAliases: [old]\n" : "");
		store_commit(w.store);
		next = snapshot_build(s, store_objects(w.store));
		snapshot_adopt(next);
		fresh = snapshot_build(NULL, store_objects(w.store));
		assert_same(next, fresh);
		snapshot_unref(fresh);	/* not adopted */
		snapshot_unref(s);
		s = next;
	}
	snapshot_unref(s);
	world_fini(&w);
}

static void order_of_arrival(void **state)
{
	struct snapshot *first = NULL;
	struct world w;
	unsigned seed = 3;

	(void)state;
	world_init(&w);
	for (int round = 0; round < 20; round++) {
		size_t order[ARRAY_LEN(pool)];
		struct object *v[ARRAY_LEN(pool)];
		struct object_set set;
		struct snapshot *s;

		for (size_t i = 0; i < ARRAY_LEN(pool); i++)
			order[i] = i;
		for (size_t i = ARRAY_LEN(pool) - 1; i > 0; i--) {
			size_t j = next_random(&seed) % (i + 1), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		for (size_t i = 0; i < ARRAY_LEN(pool); i++)
			v[i] = w.objs[order[i]][0];
		object_set_init(&set, v, ARRAY_LEN(pool), fixture_mesh(&w.fix, FIXTURE_MESH));
		s = snapshot_build(NULL, &set);
		snapshot_adopt(s);
		object_set_unref(&set);
		if (first) {
			assert_same(first, s);
			snapshot_unref(s);
		} else {
			first = s;
		}
	}
	snapshot_unref(first);
	world_fini(&w);
}

static size_t shared(const struct snapshot *a, const struct snapshot *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_svcs && i < b->n_svcs; i++)
		n += (a->svcs[i] == b->svcs[i]) + (a->eps[i] == b->eps[i]);
	for (size_t i = 0; i < a->n_vss && i < b->n_vss; i++)
		n += a->vss[i] == b->vss[i];
	for (size_t i = 0; i < a->n_drs && i < b->n_drs; i++)
		n += a->drs[i] == b->drs[i];
	return n;
}

static void what_is_unchanged_is_shared(void **state)
{
	enum { SLICE = 11, NOTHING = 30, SERVICE = 0 };
	struct world w;
	struct snapshot *a, *b;
	size_t all;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(pool); i++)
		world_set(&w, i, 0);
	store_commit(w.store);
	a = snapshot_build(NULL, store_objects(w.store));
	snapshot_adopt(a);
	all = shared(a, a);

	world_set(&w, SLICE, 1);
	store_commit(w.store);
	b = snapshot_build(a, store_objects(w.store));
	snapshot_adopt(b);
	assert_true(b->only_endpoints);
	assert_int_equal(shared(a, b), all - 1);
	snapshot_unref(a);

	world_set(&w, SERVICE, 1);
	store_commit(w.store);
	a = snapshot_build(b, store_objects(w.store));
	snapshot_adopt(a);
	assert_false(a->only_endpoints);
	assert_int_equal(shared(b, a), all - 1);	/* its endpoints are the same */
	snapshot_unref(b);

	world_set(&w, NOTHING, 0);	/* put again as it was */
	assert_int_equal(store_commit(w.store), 0);
	b = snapshot_build(a, store_objects(w.store));
	assert_int_equal(b->n_parts_built, 0);
	assert_true(b->only_endpoints);
	snapshot_unref(b);
	snapshot_unref(a);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(incremental_is_from_scratch),
		cmocka_unit_test(order_of_arrival),
		cmocka_unit_test(what_is_unchanged_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
