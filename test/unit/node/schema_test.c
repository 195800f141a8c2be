/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "node/schema.h"

#define VALUES_color(X, P) X(P, RED, 0) X(P, GREEN, 1) X(P, BLUE, 2)
SCHEMA_ENUM(color, COLOR)
SCHEMA_ENUM_TABLE(color)

#define ROWS_leaf(X, T)                                                                            \
	X(T, STR, name, "name", _, SCHEMA_REQUIRED, "Name.")                                       \
	X(T, U32, some_number, "someNumber", _, 0, "Number.")
SCHEMA_STRUCT(leaf)
SCHEMA_TABLE(leaf)

#define ROWS_tree(X, T)                                                                            \
	X(T, STRS, texts, "texts", _, 0, "")                                                       \
	X(T, OBOOL, flag, "flag", _, 0, "")                                                        \
	X(T, I32, whole, "whole", _, 0, "")                                                        \
	X(T, ODBL, real, "real", _, 0, "")                                                         \
	X(T, DUR, wait, "wait", _, 0, "")                                                          \
	X(T, ENUM, color, "color", color, 0, "")                                                   \
	X(T, MSG, leaf, "leaf", leaf, 0, "")                                                       \
	X(T, MSGS, leaves, "leaves", leaf, 0, "")                                                  \
	X(T, STRMAP, labels, "labels", _, 0, "")                                                   \
	X(T, U32MAP, ports, "ports", _, 0, "")                                                     \
	X(T, MSGMAP, by_name, "byName", leaf, 0, "")                                               \
	X(T, INTSTR, target, "target", _, 0, "")                                                   \
	X(T, BYTES, bytes, "bytes", _, 0, "")                                                      \
	X(T, TIME, time, "time", _, 0, "")                                                         \
	X(T, NODE, free_form, "freeForm", _, SCHEMA_NOT_IN_EFFECT, "")                             \
	X(T, STR, one, "one", _, 1, "")                                                            \
	X(T, STR, other, "other", _, 1, "")                                                        \
	X(T, STR, old, "old", _, SCHEMA_DEPRECATED, "Use one.")
SCHEMA_STRUCT(tree)
SCHEMA_TABLE(tree)

struct fixture {
	struct arena arena;
	struct diags ds;
};

static const struct tree *decode(struct fixture *f, const char *yaml, enum schema_mode mode)
{
	struct node_docs docs;

	arena_init(&f->arena, 0);
	diags_init(&f->ds, &f->arena);
	docs = node_parse(yaml, strlen(yaml), 1, &f->arena, &f->ds);
	assert_int_equal(docs.n, 1);
	return schema_decode(&schema_tree, docs.v[0].root, "spec", mode, &f->arena, &f->ds);
}

static void test_values(void **state)
{
	struct fixture f;
	const struct tree *t = decode(&f,
				      "texts: [a, b]\nflag: false\nwhole: \"-7\"\nreal: 2.5\nwait: 1m30s\ncolor: BLUE\n"
				      "leaf: {name: x, some_number: 3.0}\nleaves: [{name: w}, {name: z}]\n"
				      "labels: {b: 2x, a: 1x}\nports: {http: 80}\nbyName: {k: {name: v}}\n"
				      "target: web\nbytes: aGk=\ntime: \"1970-01-01T00:00:01Z\"\n",
				      SCHEMA_STRICT);

	(void)state;
	assert_int_equal(f.ds.n, 0);
	assert_int_equal(t->texts.n, 2);
	assert_true(t->flag.has && !t->flag.v);
	assert_int_equal(t->whole, -7);
	assert_true(t->real.has && t->real.v > 2.4 && t->real.v < 2.6);
	assert_int_equal(t->wait.ns, 90LL * 1000000000);
	assert_int_equal(t->color, COLOR_BLUE);
	assert_int_equal(t->leaf->some_number, 3);
	assert_int_equal(t->leaf->pos.line, 7);
	assert_int_equal(t->n_leaves, 2);
	assert_string_equal(t->leaves[1].name, "z");
	assert_string_equal(t->labels.v[0].key, "a");
	assert_string_equal(strmap_get(&t->labels, "b"), "2x");
	assert_null(strmap_get(&t->labels, "c"));
	assert_int_equal(t->ports.v[0].value, 80);
	assert_string_equal(t->by_name_keys[0], "k");
	assert_string_equal(t->by_name[0].name, "v");
	assert_string_equal(t->target.str, "web");
	assert_int_equal(t->n_bytes, 2);
	assert_memory_equal(t->bytes, "hi", 2);
	assert_int_equal(t->time, 1000000000);
	arena_fini(&f.arena);
}

static void test_absent(void **state)
{
	struct fixture f;
	const struct tree *t = decode(&f, "texts: []\nleaves: []\nlabels: {}\nleaf: null\nflag: null\none: a\nother: null\n",
				      SCHEMA_STRICT);

	(void)state;
	assert_int_equal(f.ds.n, 0);
	assert_int_equal(t->texts.n, 0);
	assert_int_equal(t->n_leaves, 0);
	assert_null(t->leaf);
	assert_false(t->flag.has);
	assert_string_equal(t->one, "a");
	arena_fini(&f.arena);
}

static void test_findings(void **state)
{
	static const struct {
		const char *yaml;
		enum diag_code code;
		const char *path, *text;
	} cases[] = {
		{"texts: a\n", D_FIELD_TYPE, "spec.texts", "expected a list, found a string"},
		{"texts: [a, {}]\n", D_FIELD_TYPE, "spec.texts[1]", "expected a string, found a map"},
		{"labels: {a: yes}\n", D_FIELD_TYPE, "spec.labels.a", "expected a string, found a boolean"},
		{"labels: {a.b/c: 1}\n", D_FIELD_TYPE, "spec.labels[\"a.b/c\"]", "expected a string, found a number"},
		{"whole: 1.5\n", D_FIELD_TYPE, "spec.whole", "expected a whole number, found 1.5"},
		{"whole: 3000000000\n", D_FIELD_RANGE, "spec.whole", "3000000000 is not within -2147483648 and 2147483647"},
		{"leaf: {name: x, someNumber: -1}\n", D_FIELD_RANGE, "spec.leaf.someNumber", "-1 is not within 0 and 4294967295"},
		{"color: GREN\n", D_FIELD_ENUM, "spec.color", "\"GREN\" is none of RED, GREEN, BLUE; did you mean GREEN?"},
		{"color: 7\n", D_FIELD_ENUM, "spec.color", "\"7\" is none of RED, GREEN, BLUE"},
		{"wait: soon\n", D_FIELD_FORMAT, "spec.wait", "\"soon\" is no duration such as 5s, 1.5h or 20ms"},
		{"one: a\nother: b\n", D_FIELD_ONEOF, "spec.other", "one and other exclude each other"},
		{"leaf: {}\n", D_FIELD_REQUIRED, "spec.leaf.name", "name is required"},
		{"leaves: [null]\n", D_FIELD_REQUIRED, "spec.leaves[0].name", "name is required"},
		{"lables: {}\n", D_FIELD_UNKNOWN, "spec.lables", "unknown field \"lables\"; did you mean \"labels\"?"},
		{"zzz: {}\n", D_FIELD_UNKNOWN, "spec.zzz", "unknown field \"zzz\""},
		{"freeForm: {a: [1]}\n", D_FIELD_NOT_IN_EFFECT, "spec.freeForm", "freeForm is not in effect"},
		{"old: a\n", D_FIELD_DEPRECATED, "spec.old", "old is deprecated: Use one."},
		{"bytes: \"***\"\n", D_FIELD_FORMAT, "spec.bytes", "the text is no base64"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		decode(&f, cases[i].yaml, SCHEMA_STRICT);
		assert_int_equal(f.ds.n, 1);
		assert_int_equal(f.ds.v[0].code, cases[i].code);
		assert_string_equal(f.ds.v[0].path, cases[i].path);
		assert_string_equal(f.ds.v[0].text, cases[i].text);
		arena_fini(&f.arena);
	}
}

static void test_lenient_keeps_unknown_fields_as_warnings(void **state)
{
	struct fixture f;

	(void)state;
	decode(&f, "newField: 1\n", SCHEMA_LENIENT);
	assert_int_equal(f.ds.nerrors, 0);
	assert_int_equal(f.ds.v[0].code, D_FIELD_IGNORED);
	arena_fini(&f.arena);
}

static void test_merge(void **state)
{
	static const struct leaf leaf = {.name = "under", .some_number = 1};
	static const struct tree under = {.leaf = &leaf, .whole = 5, .one = "kept"};
	struct fixture f;
	const struct tree *over = decode(&f, "leaf: {name: over}\ntexts: [a]\nflag: false\n", SCHEMA_STRICT);
	const struct tree *t = schema_merge(&schema_tree, &under, over, &f.arena);

	(void)state;
	assert_string_equal(t->leaf->name, "over");
	assert_int_equal(t->leaf->some_number, 1);
	assert_int_equal(t->whole, 5);
	assert_string_equal(t->one, "kept");
	assert_int_equal(t->texts.n, 1);
	assert_true(t->flag.has);
	arena_fini(&f.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_lenient_keeps_unknown_fields_as_warnings),
		cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
