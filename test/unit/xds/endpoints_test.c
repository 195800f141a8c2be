/* SPDX-License-Identifier: Apache-2.0
 *
 * P7: where only endpoints differ, compile_view gives what it gives from nothing: the same resources,
 * inputs and versions; and it takes the short way where it may.
 */
#include "../mesh/snapshot_fixture.h"

#include "xds/res.h"

static const char world[] =
    "apiVersion: v1\nkind: Service\nmetadata: {name: plain, namespace: shop}\n"
    "spec: {clusterIP: 10.0.0.1, selector: {app: plain}, ports: [{name: http, port: 80}, {name: tcp, port: 81}, {name: dns, port: 53, protocol: UDP}]}\n"
    "---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: headless, namespace: shop}\n"
    "spec: {clusterIP: None, selector: {app: headless}, ports: [{name: tcp, port: 82}]}\n"
    "---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: bare, namespace: shop}\n"
    "spec: {clusterIP: 10.0.0.3, ports: [{name: http, port: 80}]}\n"
    "---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: far, namespace: other}\n"
    "spec: {clusterIP: 10.0.0.4, selector: {app: far}, ports: [{name: http, port: 80}, {name: grpc, port: 90}]}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: dns, namespace: shop}\n"
    "spec: {hosts: [dns.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {app: dns}}}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: vms, namespace: shop}\n"
    "spec: {hosts: [vms.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {app: vms}}}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: twice, namespace: other}\n"
    "spec: {hosts: [twice.example.com], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {app: twice}}}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: twice, namespace: shop}\n"
    "spec: {hosts: [twice.example.com], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 192.0.2.1}]}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: plain, namespace: shop}\n"
    "spec: {host: plain, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: far, namespace: thin}\n"
    "spec: {hosts: [shop.example.com], http: [{route: [{destination: {host: far.other.svc.cluster.local, port: {number: 90}}}]}]}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: thin, namespace: thin}\n"
    "spec: {egress: [{hosts: ['shop/plain.shop.svc.cluster.local', './*']}]}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: shop}\n"
    "spec: {selector: {istio: gw}, servers: [{port: {number: 443, name: tls, protocol: TLS}, hosts: ['*'], tls: {mode: AUTO_PASSTHROUGH}}]}\n"
    "---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: elsewhere}\nspec: {containers: []}\nstatus: {podIP: 10.9.9.9, phase: Running}\n";

#define SLICE(name, ns, addresses)                                                                 \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " name ", namespace: " ns                     \
	", labels: {kubernetes.io/service-name: " name "}}\naddressType: IPv4\n"                                                \
	"ports: [{name: http, port: 8080}, {name: tcp, port: 8081}, {name: grpc, port: 8090}]\n"                                 \
	"endpoints: [{addresses: [" addresses "]}]\n"
#define ENTRY(name, ns, app, rest)                                                                 \
	"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: " name ", namespace: " ns "}\n"                \
	"spec: {labels: {app: " app "}, address: " rest "}\n"

enum viewer { FULL, THIN, ROUTER, PLAIN_TEXT, GRPC, VIEWERS };
static const struct {
	const char *id, *metadata;
	bool no_agent;
} viewers[VIEWERS] = {
    [FULL] = {"sidecar~10.1.0.1~a.shop~shop.svc.cluster.local", NULL, false},
    [THIN] = {"sidecar~10.1.0.2~b.thin~thin.svc.cluster.local", NULL, false},
    [ROUTER] = {"router~10.1.0.3~c.shop~shop.svc.cluster.local", "LABELS: {istio: gw}\n", false},
    [PLAIN_TEXT] = {"sidecar~10.1.0.4~d.shop~shop.svc.cluster.local", NULL, true},
    [GRPC] = {"sidecar~10.1.0.5~e.shop~shop.svc.cluster.local", "GENERATOR: grpc\n", false},
};

/* One object in two forms (NULL: absent); whether each viewer takes the short way from one to the other,
 * and how many resources are made anew then: assignments, of subsets and by SNI too. */
static const struct change {
	const char *name, *from, *to;
	bool is_short[VIEWERS];
	size_t n_built[VIEWERS];
	bool same_views;
} changes[] = {
    {"an address", SLICE("plain", "shop", "10.1.1.1"), SLICE("plain", "shop", "10.1.1.2"),
     {true, true, true, true, false}, {6, 6, 12, 6, 0}, true},
    {"the first", NULL, SLICE("plain", "shop", "10.1.1.2"), {true, true, true, true, false}, {6, 6, 12, 6, 0}, true},
    {"the last", SLICE("plain", "shop", "10.1.1.1"), NULL, {true, true, true, true, false}, {6, 6, 12, 6, 0}, true},
    {"an account", ENTRY("w", "shop", "plain", "10.1.2.1"), ENTRY("w", "shop", "plain", "10.1.2.1, serviceAccount: vm"),
     {true, true, true, true, false}, {12, 12, 24, 6, 0}, true},
    {"one port is imported", SLICE("far", "other", "10.1.1.1"), SLICE("far", "other", "10.1.1.2"),
     {true, true, true, true, false}, {2, 1, 4, 2, 0}, true},
    {"a headless one", SLICE("headless", "shop", "10.1.1.1"), SLICE("headless", "shop", "10.1.1.2"),
     {false, true, true, false, false}, {0, 0, 2, 0, 0}, true},
    {"no selector", SLICE("bare", "shop", "10.1.1.1"), SLICE("bare", "shop", "10.1.0.1"),
     {false, true, true, true, false}, {0, 0, 2, 1, 0}, false},
    {"a name", ENTRY("w", "shop", "dns", "one.example.com"), ENTRY("w", "shop", "dns", "two.example.com"),
     {false, false, false, false, false}, {0}, true},
    {"the first name", NULL, ENTRY("w", "shop", "dns", "one.example.com"), {false, false, false, false, false}, {0}, true},
    {"an entry", ENTRY("w", "shop", "vms", "10.1.2.1"), ENTRY("w", "shop", "vms", "10.1.2.2"),
     {true, true, true, true, false}, {1, 0, 2, 1, 0}, false},
    {"two services of one host", ENTRY("w", "other", "twice", "10.1.2.1"), ENTRY("w", "other", "twice", "10.1.2.2"),
     {false, true, false, false, false}, {0}, false},
    {"a service itself",
     "apiVersion: v1\nkind: Service\nmetadata: {name: new, namespace: shop}\nspec: {clusterIP: 10.0.0.9, ports: [{name: http, port: 80}]}\n",
     "apiVersion: v1\nkind: Service\nmetadata: {name: new, namespace: shop}\nspec: {clusterIP: 10.0.0.8, ports: [{name: http, port: 80}]}\n",
     {false, false, false, false, false}, {0}, false},
};

struct two {
	struct fixture f;		/* s: before */
	struct object_set set;
	struct snapshot *after, *fresh;	/* from f.s, and from nothing */
};

/* The set of f's objects and one more, or NULL. All sets share their lists of what is equal. */
static void set_of(struct fixture *f, const char *yaml, const struct object_set *like, struct object_set *out)
{
	struct object *more = yaml ? fixture_object(f, yaml) : NULL;

	if (more)
		*vec_push(&f->objs, NULL) = more;
	object_set_init(out, f->objs.v, f->objs.n, like ? (struct mesh_settings *)mesh_settings_ref(like->settings)
							: fixture_mesh(f, FIXTURE_MESH));
	if (more) {
		f->objs.n--;
		object_unref(more);
	}
	for (int k = 0; like && k < KIND_COUNT; k++) {
		const struct kind_list *a = like->kind[k], *b = out->kind[k];

		if (a->n != b->n || memcmp(a->v, b->v, a->n * sizeof(a->v[0])) != 0)
			continue;
		kind_list_unref(b);
		out->kind[k] = kind_list_ref(a);
	}
}

static void two_init(struct two *t, const struct change *c)
{
	fixture_init(&t->f);
	fixture_add(&t->f, world);
	set_of(&t->f, c->from, NULL, &t->f.set);
	set_of(&t->f, c->to, &t->f.set, &t->set);
	t->f.s = snapshot_build(NULL, &t->f.set);
	snapshot_adopt(t->f.s);
	t->after = snapshot_build(t->f.s, &t->set);
	snapshot_adopt(t->after);
	t->fresh = snapshot_build(NULL, &t->set);
	snapshot_adopt(t->fresh);
}

static void two_fini(struct two *t)
{
	snapshot_unref(t->after);
	snapshot_unref(t->fresh);
	object_set_unref(&t->set);
	fixture_fini(&t->f);
}

static void make_view(struct two *t, const struct snapshot *s, enum viewer who, struct view *v)
{
	struct node_docs docs = {0};
	struct diags ds;
	struct proxy p;
	struct err e;

	diags_init(&ds, &t->f.arena);
	if (viewers[who].metadata)
		docs = node_parse(viewers[who].metadata, strlen(viewers[who].metadata), 1, &t->f.arena, &ds);
	if (proxy_parse(viewers[who].id, docs.n ? docs.v[0].root : NULL, NULL, NULL, NULL, NULL, &t->f.arena, &p, &e) < 0)
		fail_msg("%s", e.text);
	p.sds_agent = !viewers[who].no_agent;
	view_build(s, &p, &t->f.arena, v);
}

static void equal_sets(const char *what, const struct bundle *a, const struct bundle *b)
{
	for (int t = 0; t < XDS_TYPES; t++) {
		if (a->set[t]->n != b->set[t]->n)
			fail_msg("%s: %zu and %zu resources of %s", what, a->set[t]->n, b->set[t]->n, xds_type_info((enum xds_type)t)->short_name);
		for (size_t i = 0; i < a->set[t]->n; i++) {
			const struct res_row *x = &a->set[t]->row[i], *y = &b->set[t]->row[i];

			/* interned: bytes, origins and uses are equal */
			if (x->res != y->res || !hash_equal(x->inputs, y->inputs))
				fail_msg("%s: %s and %s differ", what, x->res->name, y->res->name);
		}
		assert_string_equal(a->set[t]->version, b->set[t]->version);
	}
}

static void check(struct two *t, const struct change *c, enum viewer who)
{
	char *what = arena_printf(&t->f.arena, "%s, viewer %d", c->name, who);
	struct res_table table;
	struct bundle *before, *quick, *whole;
	struct compiled *made;
	struct view old, new;

	res_table_init(&table);
	make_view(t, t->f.s, who, &old);
	make_view(t, t->after, who, &new);
	if (c->same_views)
		assert_true(hash_equal(old.hash, new.hash));
	before = bundle_adopt(&table, compile_view(t->f.s, &old, NULL, &t->f.arena), NULL);
	made = compile_view(t->after, &new, before, &t->f.arena);
	assert_null(made->broken);
	if ((made->base != NULL) != c->is_short[who] || (made->base && made->n_built != c->n_built[who]))
		fail_msg("%s: %s way, %zu built", what, made->base ? "short" : "long", made->n_built);
	quick = bundle_adopt(&table, made, before);
	whole = bundle_adopt(&table, compile_view(t->fresh, &new, NULL, &t->f.arena), NULL);
	equal_sets(what, quick, whole);
	if (made->base)
		for (int x = XDS_LDS; x < XDS_TYPES; x++)
			assert_ptr_equal(quick->set[x], before->set[x]);
	bundle_unref(&table, before);
	bundle_unref(&table, quick);
	bundle_unref(&table, whole);
	res_table_fini(&table);
}

static void the_short_way_leads_to_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct two t = {0};

		two_init(&t, &changes[i]);
		if (t.after->same_views != changes[i].same_views)
			fail_msg("%s: same_views is %d", changes[i].name, t.after->same_views);
		for (int who = 0; who < VIEWERS; who++)
			check(&t, &changes[i], (enum viewer)who);
		two_fini(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_short_way_leads_to_the_same)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
