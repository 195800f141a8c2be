/* SPDX-License-Identifier: Apache-2.0
 *
 * Interning, sets, closure, and compiling with a plan and encoders of the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/object.h"
#include "xds/request.h"
#include "xds/res.h"

struct fixture {
	struct arena arena;
	struct res_table table;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	arena_init(&f->arena, 0);
	res_table_init(&f->table);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	res_table_fini(&f->table);
	arena_fini(&f->arena);
	free(f);
	return 0;
}

/* ---- interning ---- */

static struct res_new text_row(const char *name, const char *content)
{
	return (struct res_new){.name = name, .bytes = (const uint8_t *)content, .len = strlen(content),
				.inputs = hash_bytes(content, strlen(content))};
}

static struct bundle *bundle_of(struct fixture *f, enum xds_type type, struct res_new *v, size_t n,
				const struct bundle *prev)
{
	struct compiled c = {.gen = 7};

	c.set[type].v = v;
	c.set[type].n = n;
	return bundle_adopt(&f->table, &c, prev);
}

static void equal_content_is_one_block(void **state)
{
	struct fixture *f = *state;
	struct res_new a[] = {text_row("a", "1"), text_row("b", "2")};
	struct res_new b[] = {text_row("a", "1"), text_row("b", "3"), text_row("c", "1")};
	struct bundle *one = bundle_of(f, XDS_CDS, a, 2, NULL), *two = bundle_of(f, XDS_CDS, b, 3, NULL);

	assert_ptr_equal(one->set[XDS_CDS]->row[0].res, two->set[XDS_CDS]->row[0].res);
	assert_ptr_not_equal(one->set[XDS_CDS]->row[1].res, two->set[XDS_CDS]->row[1].res);
	assert_int_equal(f->table.n, 4);
	assert_int_equal(f->table.n_bytes, 4);
	assert_int_equal(f->table.n_built, 5);
	assert_string_not_equal(one->set[XDS_CDS]->version, two->set[XDS_CDS]->version);
	assert_non_null(res_set_find(two->set[XDS_CDS], "c"));
	assert_null(res_set_find(two->set[XDS_CDS], "d"));
	assert_int_equal(res_set_index(one->set[XDS_CDS], "b"), 1);
	assert_int_equal(one->gen, 7);
	bundle_unref(&f->table, one);
	assert_int_equal(f->table.n, 3);
	bundle_unref(&f->table, two);
	assert_int_equal(f->table.n, 0);
	assert_int_equal(f->table.n_bytes, 0);
}

static void types_and_origins_tell_apart(void **state)
{
	struct fixture *f = *state;
	struct res_origin from_a = {KIND_SERVICE, "ns", "a"}, from_b = {KIND_SERVICE, "ns", "b"};
	struct res_new a = text_row("x", "1"), b = text_row("x", "1");
	struct bundle *one, *two, *three;

	a.origins = &from_a;
	b.origins = &from_b;
	a.n_origins = b.n_origins = 1;
	one = bundle_of(f, XDS_CDS, &a, 1, NULL);
	two = bundle_of(f, XDS_EDS, &a, 1, NULL);
	three = bundle_of(f, XDS_CDS, &b, 1, one);
	assert_int_equal(f->table.n, 3);
	/* the same version: clients are sent nothing; but who is to blame is known */
	assert_string_equal(one->set[XDS_CDS]->version, three->set[XDS_CDS]->version);
	assert_string_equal(three->set[XDS_CDS]->row[0].res->origins[0].name, "b");
	assert_ptr_not_equal(three->set[XDS_CDS]->row[0].res->origins[0].name, from_b.name);
	bundle_unref(&f->table, one);
	bundle_unref(&f->table, two);
	bundle_unref(&f->table, three);
}

static void equal_rows_keep_the_set(void **state)
{
	struct fixture *f = *state;
	struct res_new a[] = {text_row("a", "1"), text_row("b", "2")};
	struct bundle *one = bundle_of(f, XDS_LDS, a, 2, NULL);
	struct bundle *two = bundle_of(f, XDS_LDS, a, 2, one), *three;

	assert_ptr_equal(one->set[XDS_LDS], two->set[XDS_LDS]);
	assert_ptr_equal(one->set[XDS_RDS], two->set[XDS_RDS]);
	a[1].inputs = hash_bytes("other", 5);
	three = bundle_of(f, XDS_LDS, a, 2, two);
	/* or the next compile would not know the row again */
	assert_ptr_not_equal(three->set[XDS_LDS], two->set[XDS_LDS]);
	assert_string_equal(three->set[XDS_LDS]->version, two->set[XDS_LDS]->version);
	a[0].same = three->set[XDS_LDS]->row[0].res;
	a[1].same = three->set[XDS_LDS]->row[1].res;
	bundle_unref(&f->table, one);
	one = bundle_of(f, XDS_LDS, a, 2, three);
	assert_ptr_equal(one->set[XDS_LDS], three->set[XDS_LDS]);
	assert_int_equal(f->table.n_reused, 2);
	bundle_unref(&f->table, one);
	bundle_unref(&f->table, two);
	bundle_unref(&f->table, three);
}

static void version_is_content(void **state)
{
	struct fixture *f = *state;
	struct res_table other;
	struct res_new a[] = {text_row("a", "1"), text_row("b", "2")}, swapped[] = {text_row("a", "2"), text_row("b", "1")};
	struct compiled c = {0};
	struct bundle *one = bundle_of(f, XDS_RDS, a, 2, NULL), *two, *three;

	res_table_init(&other);
	c.set[XDS_RDS].v = a;
	c.set[XDS_RDS].n = 2;
	two = bundle_adopt(&other, &c, NULL);
	assert_string_equal(one->set[XDS_RDS]->version, two->set[XDS_RDS]->version);
	three = bundle_of(f, XDS_RDS, swapped, 2, NULL);
	assert_string_not_equal(one->set[XDS_RDS]->version, three->set[XDS_RDS]->version);
	bundle_unref(&other, two);
	res_table_fini(&other);
	bundle_unref(&f->table, one);
	bundle_unref(&f->table, three);
}

static void type_table(void **state)
{
	(void)state;
	assert_int_equal(xds_type_find("type.googleapis.com/envoy.config.route.v3.RouteConfiguration"), XDS_RDS);
	assert_int_equal(xds_type_find("type.googleapis.com/envoy.config.route.v3.RouteConfiguratio"), -1);
	assert_int_equal(xds_type_find(""), -1);
	assert_string_equal(xds_type_info(XDS_SDS)->rest, "secrets");
	assert_true(xds_type_info(XDS_LDS)->wildcard);
	assert_false(xds_type_info(XDS_EDS)->wildcard);
}

/* ---- closure ---- */

static const char *closure_of(struct fixture *f, struct res_new *cds, size_t n_cds, struct res_new *eds, size_t n_eds)
{
	struct compiled c = {0};

	c.set[XDS_CDS].v = cds;
	c.set[XDS_CDS].n = n_cds;
	c.set[XDS_EDS].v = eds;
	c.set[XDS_EDS].n = n_eds;
	return closure_check(&c, &f->arena);
}

static void closure_rules(void **state)
{
	struct fixture *f = *state;
	struct res_new cds[] = {text_row("a", "1"), text_row("b", "2")}, eds[] = {text_row("a", "1"), text_row("b", "")};
	struct res_use use = {.type = XDS_EDS, .name = "b", .required = true};
	char *longest = arena_alloc(&f->arena, XDS_NAME_LEN_MAX + 2);

	assert_null(closure_of(f, cds, 2, eds, 2));
	cds[0].uses = &use;
	cds[0].n_uses = 1;
	assert_null(closure_of(f, cds, 2, eds, 2));
	assert_string_equal(closure_of(f, cds, 2, eds, 1),
			    "Cluster \"a\" refers to ClusterLoadAssignment \"b\", which is not there");
	use.required = false;
	assert_null(closure_of(f, cds, 2, eds, 1));
	eds[1].name = "a";
	assert_string_equal(closure_of(f, cds, 2, eds, 2), "ClusterLoadAssignment \"a\" is there twice");
	eds[1].name = "A";
	assert_string_equal(closure_of(f, cds, 2, eds, 2), "ClusterLoadAssignment \"A\" is out of order");
	eds[0].name = "";
	assert_string_equal(closure_of(f, cds, 2, eds, 2), "a ClusterLoadAssignment has no name");
	memset(longest, 'x', XDS_NAME_LEN_MAX + 1);
	eds[0].name = longest;
	assert_non_null(strstr(closure_of(f, cds, 2, eds, 1), "is longer than"));
	eds[0].name = "a";
	eds[0].len = (size_t)1 << 30;
	assert_non_null(strstr(closure_of(f, cds, 2, eds, 1), "bytes, more than"));
}

/* ---- compiling: the plan and the encoders are the test's ---- */

static const struct plan *the_plan;	/* what plan_build answers */
static int n_expanded;
static size_t appetite;			/* bytes that the encoding of "hungry" takes */

struct plan *plan_build(const struct snapshot *s, const struct view *v, struct arena *a)
{
	struct plan *p = arena_copy(a, the_plan, sizeof(*the_plan));

	p->snap = s;
	p->view = v;
	return p;
}

struct plan *plan_endpoints(const struct snapshot *s, const struct view *v, plan_seen_fn *seen, const void *arg,
			    struct arena *a)
{
	(void)s;
	(void)v;
	(void)seen;
	(void)arg;
	(void)a;
	return NULL;
}

void plan_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	(void)p;
	n_expanded++;
	out->type = row->type;
	if (row->type == IR_CLUSTER) {
		struct ir_cluster *c = arena_new(a, struct ir_cluster);

		c->name = row->name;
		c->alt_stat_name = row->ref;	/* the content of the tests */
		c->origins = *(const struct ir_origins *)p->gateway;
		out->cluster = c;
	} else {
		struct ir_endpoints *e = arena_new(a, struct ir_endpoints);

		e->name = row->name;
		out->endpoints = e;
	}
}

void build_cluster(const struct ir_cluster *c, struct build_out *out)
{
	if (!strcmp(c->name, "hungry"))
		for (size_t i = 0; i < appetite; i += 1 << 20)
			arena_alloc(out->arena, 1 << 20);
	*vec_push(&out->uses, out->arena) = (struct res_use){.type = XDS_EDS, .name = c->name, .required = true};
	out->bytes = (const uint8_t *)c->alt_stat_name;
	out->len = strlen(c->alt_stat_name);
}

void build_endpoints(const struct ir_endpoints *e, struct build_out *out)
{
	out->bytes = (const uint8_t *)e->name;
	out->len = strlen(e->name);
}

void build_listener(const struct ir_listener *l, struct build_out *out)
{
	(void)l;
	(void)out;
}

void build_routes(const struct ir_routes *r, struct build_out *out)
{
	(void)r;
	(void)out;
}

void build_secret(const struct ir_secret *s, struct build_out *out)
{
	(void)s;
	(void)out;
}

struct rows {
	struct plan plan;
	struct plan_row cds[8], eds[8];
	struct object svc;
	const struct object *origins[1];
	struct ir_origins all;
};

static struct plan_row row_of(enum ir_type type, const char *name, const char *content)
{
	return (struct plan_row){.type = type, .name = name, .ref = content, .inputs = hash_bytes(content, strlen(content))};
}

static void rows_init(struct rows *r, const char *const *names, const char *const *contents, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->svc = (struct object){.kind = KIND_SERVICE, .ns = "shop", .name = "cart"};
	r->origins[0] = &r->svc;
	r->all = (struct ir_origins){r->origins, 1};
	r->plan.gateway = &r->all;
	for (size_t i = 0; i < n; i++) {
		r->cds[i] = row_of(IR_CLUSTER, names[i], contents[i]);
		r->eds[i] = row_of(IR_ENDPOINTS, names[i], "e");
	}
	r->plan.rows[IR_CLUSTER].v = r->cds;
	r->plan.rows[IR_ENDPOINTS].v = r->eds;
	r->plan.rows[IR_CLUSTER].n = r->plan.rows[IR_ENDPOINTS].n = n;
	the_plan = &r->plan;
	n_expanded = 0;
}

static void only_changed_rows_are_built(void **state)
{
	struct fixture *f = *state;
	struct snapshot snap = {.gen = 3};
	struct view view = {.hash = {1, 2}};
	struct rows r;
	struct compiled *c;
	struct bundle *one, *two;

	rows_init(&r, (const char *const[]){"a", "b", "d"}, (const char *const[]){"1", "2", "4"}, 3);
	c = compile_view(&snap, &view, NULL, &f->arena);
	assert_null(c->broken);
	assert_int_equal(n_expanded, 6);
	assert_int_equal(c->n_built, 6);
	one = bundle_adopt(&f->table, c, NULL);
	assert_int_equal(one->gen, 3);
	assert_true(hash_equal(one->view, view.hash));
	assert_string_equal(one->set[XDS_CDS]->row[1].res->origins[0].name, "cart");
	assert_string_equal(one->set[XDS_CDS]->row[1].res->uses[0].name, "b");
	assert_memory_equal(one->set[XDS_CDS]->row[2].res->bytes, "4", 1);

	rows_init(&r, (const char *const[]){"a", "b", "c", "d"}, (const char *const[]){"1", "two", "3", "4"}, 4);
	c = compile_view(&snap, &view, one, &f->arena);
	assert_null(c->broken);
	assert_int_equal(n_expanded, 3);	/* b, c and the endpoints of c */
	two = bundle_adopt(&f->table, c, one);
	assert_ptr_equal(two->set[XDS_CDS]->row[3].res, one->set[XDS_CDS]->row[2].res);
	assert_ptr_not_equal(two->set[XDS_CDS]->row[1].res, one->set[XDS_CDS]->row[1].res);
	assert_ptr_equal(two->set[XDS_LDS], one->set[XDS_LDS]);
	bundle_unref(&f->table, one);

	c = compile_view(&snap, &view, two, &f->arena);
	assert_int_equal(c->n_built, 0);
	one = bundle_adopt(&f->table, c, two);
	assert_ptr_equal(one->set[XDS_CDS], two->set[XDS_CDS]);
	bundle_unref(&f->table, one);
	bundle_unref(&f->table, two);
}

static void broken_sets_say_why(void **state)
{
	struct fixture *f = *state;
	struct snapshot snap = {.gen = 3};
	struct view view = {.hash = {1, 2}};
	struct rows r;

	rows_init(&r, (const char *const[]){"a", "b"}, (const char *const[]){"1", "2"}, 2);
	r.plan.rows[IR_ENDPOINTS].n = 1;
	assert_string_equal(compile_view(&snap, &view, NULL, &f->arena)->broken,
			    "Cluster \"b\" refers to ClusterLoadAssignment \"b\", which is not there");
}

static void a_hungry_row_breaks_only_its_set(void **state)
{
	struct fixture *f = *state;
	struct snapshot snap = {.gen = 3};
	struct view view = {.hash = {1, 2}};
	struct arena job;
	struct rows r;

	(void)f;
	arena_init(&job, 64 << 20);
	rows_init(&r, (const char *const[]){"a", "hungry"}, (const char *const[]){"1", "2"}, 2);
	appetite = 8 << 20;
	assert_null(compile_view(&snap, &view, NULL, &job)->broken);
	appetite = 128 << 20;
	assert_non_null(strstr(compile_view(&snap, &view, NULL, &job)->broken, "\"hungry\" needs more memory"));
	arena_fini(&job);
}

static void a_row_is_exchanged(void **state)
{
	struct fixture *f = *state;
	struct res_new all[] = {text_row("a", "1"), text_row("b", "2"), text_row("c", "3")}, b = text_row("b", "two");
	struct bundle *one = bundle_of(f, XDS_EDS, all, 3, NULL), *two, *three;
	struct compiled c = {.gen = 8, .base = one};

	c.set[XDS_EDS].v = &b;
	c.set[XDS_EDS].n = 1;
	assert_null(closure_check(&c, &f->arena));
	two = bundle_adopt(&f->table, &c, one);
	assert_ptr_equal(two->set[XDS_CDS], one->set[XDS_CDS]);
	assert_ptr_equal(two->set[XDS_EDS]->row[0].res, one->set[XDS_EDS]->row[0].res);
	assert_memory_equal(two->set[XDS_EDS]->row[1].res->bytes, "two", 3);
	assert_memory_equal(one->set[XDS_EDS]->row[1].res->bytes, "2", 1);
	all[1] = b;
	three = bundle_of(f, XDS_EDS, all, 3, NULL);
	assert_string_equal(three->set[XDS_EDS]->version, two->set[XDS_EDS]->version);
	assert_string_not_equal(one->set[XDS_EDS]->version, two->set[XDS_EDS]->version);
	bundle_unref(&f->table, one);
	bundle_unref(&f->table, two);
	bundle_unref(&f->table, three);
	assert_int_equal(f->table.n, 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(equal_content_is_one_block), T(types_and_origins_tell_apart), T(equal_rows_keep_the_set), T(a_row_is_exchanged),
	    T(version_is_content), T(type_table), T(closure_rules), T(only_changed_rows_are_built),
	    T(broken_sets_say_why), T(a_hungry_row_breaks_only_its_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
