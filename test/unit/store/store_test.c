/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/must.h"
#include "store/store.h"

struct fix {
	struct arena arena;
	struct store *store;
	int file, kube;
};

static void setup(struct fix *f)
{
	arena_init(&f->arena, 0);
	f->store = store_new("cluster.local", "istio-system");
	f->file = store_source_add(f->store, "file");
	f->kube = store_source_add(f->store, "kube");
}

static void teardown(struct fix *f)
{
	store_free(f->store);
	arena_fini(&f->arena);
}

static struct object *service(struct fix *f, const char *name, int port)
{
	char *yaml = arena_printf(&f->arena,
				  "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {ports: [{port: %d}]}\n", name,
				  port);
	struct node_docs docs;
	struct object_id id;
	struct object *o;
	struct diags ds;

	diags_init(&ds, &f->arena);
	docs = node_parse(yaml, strlen(yaml), 1, &f->arena, &ds);
	must(object_decode(docs.v[0].root, SCHEMA_LENIENT, "f.yaml", &o, &id, &ds) == OBJECT_OK);
	return o;
}

/* o NULL: an invalid form of name. */
static void put(struct fix *f, int source, const char *place, const char *name, struct object *o)
{
	struct diag why = {.code = D_FIELD_TYPE, .severity = DIAG_ERROR, .path = "spec", .text = "wrong"};
	struct store_entry e = {.kind = KIND_SERVICE,
				.ns = "default",
				.name = name,
				.obj = o,
				.pos = {3, 1},
				.diags = &why,
				.n_diags = o ? 0 : 1};

	store_put(f->store, source, &(struct store_place){.name = place, .v = &e, .n = 1});
	object_unref(o);
}

static const struct object *get(struct fix *f, const char *name)
{
	return kind_list_find(store_objects(f->store)->kind[KIND_SERVICE], "default", name);
}

static size_t count(struct fix *f, enum diag_code code)
{
	struct diags ds;
	size_t n = 0;

	diags_init(&ds, &f->arena);
	store_findings(f->store, &ds);
	for (size_t i = 0; i < ds.n; i++)
		n += ds.v[i].code == code;
	return n;
}

static bool is_settled(struct fix *f, const char *name)
{
	struct store_claim c;

	assert_true(store_find_claim(f->store, KIND_SERVICE, "default", name, &c));
	return c.settled;
}

static void pointers_stay(void **state)
{
	struct fix f;
	const struct kind_list *pods, *services;
	const struct object *o;

	(void)state;
	setup(&f);
	put(&f, f.file, "1", "a", service(&f, "a", 1));
	put(&f, f.file, "2", "b", service(&f, "b", 1));
	assert_int_equal(store_commit(f.store), 2);
	pods = store_objects(f.store)->kind[KIND_POD];
	services = store_objects(f.store)->kind[KIND_SERVICE];
	o = get(&f, "a");
	put(&f, f.file, "1", "a", service(&f, "a", 1));
	assert_int_equal(store_commit(f.store), 0);
	assert_ptr_equal(services, store_objects(f.store)->kind[KIND_SERVICE]);
	put(&f, f.file, "2", "b", service(&f, "b", 2));
	assert_ptr_equal(get(&f, "b"), services->v[1]);	/* nothing is seen before the commit */
	assert_true(is_settled(&f, "a"));
	assert_false(is_settled(&f, "b"));
	assert_int_equal(store_commit(f.store), 1);
	assert_true(is_settled(&f, "b"));
	assert_ptr_equal(get(&f, "a"), o);
	assert_ptr_equal(pods, store_objects(f.store)->kind[KIND_POD]);
	store_remove(f.store, f.file, "1");
	assert_int_equal(store_commit(f.store), 1);
	assert_null(get(&f, "a"));
	teardown(&f);
}

static void last_good_form(void **state)
{
	struct fix f;
	const struct object *o;

	(void)state;
	setup(&f);
	put(&f, f.file, "1", "a", service(&f, "a", 1));
	store_commit(f.store);
	o = get(&f, "a");
	put(&f, f.file, "1", "a", NULL);
	assert_int_equal(store_commit(f.store), 0);
	assert_ptr_equal(get(&f, "a"), o);
	assert_true(store_is_kept(f.store, o));
	assert_int_equal(count(&f, D_FIELD_TYPE), 1);
	assert_int_equal(count(&f, D_LAST_GOOD_KEPT), 1);
	/* an object that was never valid is not there */
	put(&f, f.file, "2", "b", NULL);
	store_commit(f.store);
	assert_null(get(&f, "b"));
	assert_int_equal(count(&f, D_LAST_GOOD_KEPT), 1);
	put(&f, f.file, "1", "a", service(&f, "a", 2));
	assert_int_equal(store_commit(f.store), 1);
	assert_false(store_is_kept(f.store, get(&f, "a")));
	/* what is nameless now may be what was there */
	store_put(f.store, f.file, &(struct store_place){.name = "1", .keep_missing = true});
	store_commit(f.store);
	assert_non_null(get(&f, "a"));
	assert_int_equal(count(&f, D_LAST_GOOD_KEPT), 1);
	store_put(f.store, f.file, &(struct store_place){.name = "1"});
	store_commit(f.store);
	assert_null(get(&f, "a"));
	teardown(&f);
}

static void doubles(void **state)
{
	struct fix f;
	struct object *one;

	(void)state;
	setup(&f);
	put(&f, f.kube, "0", "a", service(&f, "a", 3));
	put(&f, f.file, "2", "a", service(&f, "a", 2));
	one = service(&f, "a", 1);
	put(&f, f.file, "1", "a", one);
	store_commit(f.store);
	assert_ptr_equal(get(&f, "a"), one);
	assert_int_equal(store_objects(f.store)->kind[KIND_SERVICE]->n, 1);
	assert_int_equal(count(&f, D_DUPLICATE_OBJECT), 2);
	store_remove(f.store, f.file, "1");
	store_commit(f.store);
	assert_int_equal(count(&f, D_DUPLICATE_OBJECT), 1);
	store_remove(f.store, f.file, "2");
	store_remove(f.store, f.kube, "0");
	store_commit(f.store);
	assert_null(get(&f, "a"));
	teardown(&f);
}

static void overlay(void **state)
{
	struct fix f;
	struct object *one;

	(void)state;
	setup(&f);
	store_source_overlay(f.store, f.file);
	put(&f, f.kube, "0", "a", service(&f, "a", 3));
	put(&f, f.kube, "1", "b", service(&f, "b", 3));
	one = service(&f, "a", 1);
	put(&f, f.file, "0", "a", one);
	store_commit(f.store);
	assert_ptr_equal(get(&f, "a"), one);
	assert_int_equal(store_objects(f.store)->kind[KIND_SERVICE]->n, 2);
	assert_int_equal(count(&f, D_DUPLICATE_OBJECT), 0);
	put(&f, f.file, "1", "a", service(&f, "a", 2));	/* within the source it is as ever */
	store_commit(f.store);
	assert_int_equal(count(&f, D_DUPLICATE_OBJECT), 1);
	teardown(&f);
}

static bool moved(const struct fix *f, uint64_t *version)
{
	uint64_t before = *version;

	*version = store_findings_version(f->store);
	return *version != before;
}

/* Nobody has to look at all findings for a change that brings and takes none. */
static void findings_version(void **state)
{
	uint64_t version = 0;
	struct fix f;

	(void)state;
	setup(&f);
	put(&f, f.kube, "1", "a", service(&f, "a", 80));
	put(&f, f.kube, "2", "b", service(&f, "b", 80));
	store_commit(f.store);
	moved(&f, &version);
	put(&f, f.kube, "1", "a", service(&f, "a", 81));
	store_remove(f.store, f.kube, "2");
	store_commit(f.store);
	assert_false(moved(&f, &version));
	put(&f, f.kube, "1", "a", NULL);	/* invalid, and valid again */
	assert_true(moved(&f, &version));
	put(&f, f.kube, "1", "a", service(&f, "a", 82));
	assert_true(moved(&f, &version));
	put(&f, f.kube, "1", "a", service(&f, "a", 83));
	assert_false(moved(&f, &version));
	put(&f, f.file, "1", "a", service(&f, "a", 84));	/* said twice, and once again */
	assert_true(moved(&f, &version));
	put(&f, f.kube, "1", "a", service(&f, "a", 85));
	assert_true(moved(&f, &version));
	store_remove(f.store, f.file, "1");
	assert_true(moved(&f, &version));
	teardown(&f);
}

static struct hash128 all_findings(struct fix *f)
{
	struct hash128 h = {0};
	struct diags ds;

	diags_init(&ds, &f->arena);
	store_findings(f->store, &ds);
	for (size_t i = 0; i < ds.n; i++)
		h = hash_mix_str(h, diag_format(&ds.v[i], &f->arena));
	return h;
}

/* While the version stays, so do all findings, whatever comes and goes. */
static void findings_stay(void **state)
{
	struct hash128 before = {0};
	uint64_t version = 0;
	unsigned seed = 1, stayed = 0;
	char place[16], name[16];
	struct fix f;

	(void)state;
	setup(&f);
	for (int i = 0; i < 3000; i++) {
		unsigned source, what;
		struct hash128 now;

		seed = seed * 1103515245u + 12345u;
		source = seed >> 16 & 1 && seed >> 17 & 1;
		what = seed >> 18 & 7;
		snprintf(name, sizeof(name), "s%u", (seed >> 21) % 20);
		snprintf(place, sizeof(place), "p%u", (seed >> 21) % 20 + (what == 3 ? 1 : 0));
		if (what == 0)
			store_remove(f.store, (int)source, place);
		else
			put(&f, (int)source, place, name, what == 1 ? NULL : service(&f, name, 1 + (int)(seed >> 26)));
		store_commit(f.store);
		now = all_findings(&f);
		if (!moved(&f, &version)) {
			assert_true(hash_equal(now, before));
			stayed++;
		}
		before = now;
	}
	assert_in_range(stayed, 100, 2900);
	teardown(&f);
}

static void sync_and_mesh(void **state)
{
	struct fix f;
	struct diags ds;
	struct hash128 h;

	(void)state;
	setup(&f);
	assert_false(store_synced(f.store));
	store_source_synced(f.store, f.file);
	assert_false(store_synced(f.store));
	store_source_synced(f.store, f.kube);
	assert_true(store_synced(f.store));
	diags_init(&ds, &f.arena);
	h = store_objects(f.store)->mesh_hash;
	assert_int_equal(store_set_mesh(f.store, "a: [", 4, "mesh.yaml", &ds), -1);
	assert_true(ds.nerrors > 0);
	assert_int_equal(store_set_mesh(f.store, "rootNamespace: root", 19, "mesh.yaml", &ds), 0);
	assert_true(hash_equal(h, store_objects(f.store)->mesh_hash));	/* nothing is seen before the commit */
	assert_int_equal(store_commit(f.store), 1);
	assert_string_equal(store_objects(f.store)->mesh->root_namespace, "root");
	assert_false(hash_equal(h, store_objects(f.store)->mesh_hash));
	assert_int_equal(store_set_mesh(f.store, "rootNamespace: root", 19, "mesh.yaml", &ds), 0);
	assert_int_equal(store_commit(f.store), 0);
	teardown(&f);
}

/* A ServiceEntry of that revision, or of none; in force or not, it stays in the store. */
static void put_entry(struct fix *f, const char *revision)
{
	const char *labels = revision ? arena_printf(&f->arena, ", labels: {istio.io/rev: %s}", revision) : "";
	char *yaml = arena_printf(&f->arena,
				  "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a%s}\n"
				  "spec: {hosts: [a.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}\n", labels);
	struct store_entry e = {.kind = KIND_SERVICE_ENTRY, .ns = "default", .name = "a", .pos = {3, 1}};
	struct node_docs docs;
	struct object_id id;
	struct diags ds;

	diags_init(&ds, &f->arena);
	docs = node_parse(yaml, strlen(yaml), 1, &f->arena, &ds);
	must(object_decode(docs.v[0].root, SCHEMA_LENIENT, "f.yaml", &e.obj, &id, &ds) == OBJECT_OK);
	store_put(f->store, f->file, &(struct store_place){.name = "entry", .v = &e, .n = 1});
	object_unref(e.obj);
}

static void revisions(void **state)
{
	const struct kind_list *services;
	struct fix f;

	(void)state;
	setup(&f);
	store_set_revision(f.store, "canary");
	assert_string_equal(store_mesh_map(f.store), "istio-canary");
	put(&f, f.file, "1", "a", service(&f, "a", 1));
	put_entry(&f, "stable");
	assert_int_equal(store_commit(f.store), 2);
	services = store_objects(f.store)->kind[KIND_SERVICE];
	assert_int_equal(store_objects(f.store)->kind[KIND_SERVICE_ENTRY]->n, 0);
	assert_int_equal(count(&f, D_REVISION_OTHER), 1);
	put_entry(&f, "canary");
	store_commit(f.store);
	assert_int_equal(store_objects(f.store)->kind[KIND_SERVICE_ENTRY]->n, 1);
	assert_int_equal(count(&f, D_REVISION_OTHER), 0);
	put_entry(&f, "");	/* a label without text is a revision, too */
	store_commit(f.store);
	assert_int_equal(store_objects(f.store)->kind[KIND_SERVICE_ENTRY]->n, 0);
	put_entry(&f, NULL);
	store_commit(f.store);
	assert_int_equal(store_objects(f.store)->kind[KIND_SERVICE_ENTRY]->n, 1);
	assert_ptr_equal(services, store_objects(f.store)->kind[KIND_SERVICE]);
	teardown(&f);
	/* the one that is named so has the settings of one without a name; that one takes all objects */
	setup(&f);
	store_set_revision(f.store, "default");
	assert_string_equal(store_mesh_map(f.store), "istio");
	teardown(&f);
	setup(&f);
	store_set_revision(f.store, "");
	put_entry(&f, "stable");
	store_commit(f.store);
	assert_int_equal(store_objects(f.store)->kind[KIND_SERVICE_ENTRY]->n, 1);
	teardown(&f);
}

static void many(void **state)
{
	enum { N = 300 };
	struct fix f;
	char name[16];
	unsigned seed = 1;

	(void)state;
	setup(&f);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 40; i++) {
			seed = seed * 1103515245u + 12345u;
			snprintf(name, sizeof(name), "s%u", (seed >> 16) % N);
			if (seed >> 30)
				put(&f, f.file, name, name, service(&f, name, 1 + (int)(seed >> 20) % 3));
			else
				store_remove(f.store, f.file, name);
		}
		store_commit(f.store);
		for (size_t i = 1; i < store_objects(f.store)->kind[KIND_SERVICE]->n; i++)
			assert_true(object_compare(store_objects(f.store)->kind[KIND_SERVICE]->v[i - 1],
						   store_objects(f.store)->kind[KIND_SERVICE]->v[i]) < 0);
	}
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_stay), cmocka_unit_test(last_good_form), cmocka_unit_test(doubles), cmocka_unit_test(overlay),
		cmocka_unit_test(findings_version), cmocka_unit_test(findings_stay),
		cmocka_unit_test(sync_and_mesh), cmocka_unit_test(revisions),	 cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
