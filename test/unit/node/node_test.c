/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "node/node.h"

struct fixture {
	struct arena arena;
	struct diags ds;
};

static void start(struct fixture *f)
{
	arena_init(&f->arena, 0);
	diags_init(&f->ds, &f->arena);
}

static struct node_docs parse(struct fixture *f, const char *text)
{
	return node_parse(text, strlen(text), 1, &f->arena, &f->ds);
}

/* The compact JSON of the only document. */
static const char *json_of(struct fixture *f, const char *text)
{
	struct node_docs docs = parse(f, text);
	struct buf out;
	const char *s;

	if (docs.n != 1 || docs.v[0].bad)
		return "(bad)";
	buf_init(&out, 1 << 20);
	node_to_json(docs.v[0].root, false, false, &out);
	s = arena_strdup(&f->arena, buf_cstr(&out));
	buf_fini(&out);
	return s;
}

/* As sigs.k8s.io/yaml types them. */
static void test_plain_scalars(void **state)
{
	static const struct {
		const char *yaml, *json;
	} cases[] = {
		{"yes", "true"}, {"Off", "false"}, {"y", "true"}, {"True", "true"}, {"~", "null"}, {"Null", "null"},
		{"\"yes\"", "\"yes\""}, {"'1'", "\"1\""}, {"!!str 1", "\"1\""}, {"!!int \"3\"", "3"},
		{"0x1F", "31"}, {"010", "8"}, {"0o17", "15"}, {"0b11", "3"}, {"1_000", "1000"}, {"+5", "5"},
		{"-0x10", "-16"}, {"08", "8"}, {"1.", "1"}, {".5", "0.5"}, {"1e3", "1e3"}, {"-1.50", "-1.50"}, {"007.5", "7.5"},
		{"18446744073709551616", "18446744073709551616"}, {"2001-01-01", "\"2001-01-01\""},
		{"12:30:45", "\"12:30:45\""}, {"1.2.3.4", "\"1.2.3.4\""}, {"-", "\"-\""}, {"on fire", "\"on fire\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		char text[80], want[80];

		start(&f);
		snprintf(text, sizeof(text), "[%s, 1]", cases[i].yaml);
		snprintf(want, sizeof(want), "[%s,1]", cases[i].json);
		assert_string_equal(json_of(&f, text), want);
		arena_fini(&f.arena);
	}
}

static void test_yaml_corners(void **state)
{
	static const struct {
		const char *yaml, *json;
	} cases[] = {
		{"[1.2.3.4, 001:db8::]", "[\"1.2.3.4\",\"001:db8::\"]"},
		{"a: {b: [x::, z]}\n", "{\"a\":{\"b\":[\"x::\",\"z\"]}}"},
		{"on: 1\n5: 2\n", "{\"true\":1,\"5\":2}"},
		{"a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}"},
		{"a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", "{\"a\":{\"b\":1,\"c\":2},\"d\":{\"c\":3,\"b\":1}}"},
		{"a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
		{"# c\n%YAML 1.1\n---\na: 1\n", "{\"a\":1}"},
		{"\xef\xbb\xbf" "a: 1\n", "{\"a\":1}"},
		{"--- {a: 1}\n", "{\"a\":1}"},
		{"a: \"\\u00fc\\t\"\n", "{\"a\":\"\xc3\xbc\\t\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		start(&f);
		assert_string_equal(json_of(&f, cases[i].yaml), cases[i].json);
		arena_fini(&f.arena);
	}
}

static void test_json(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_string_equal(json_of(&f, "{\n\t\"a\": [1, -2.5e3, true, null],\n\t\"b\": \"\\ud83d\\ude00\\n\"\n}\n"),
			    "{\"a\":[1,-2.5e3,true,null],\"b\":\"\xf0\x9f\x98\x80\\n\"}");
	/* values may follow each other */
	assert_int_equal(parse(&f, "{\"a\":1}\n{\"a\":2}").n, 2);
	assert_int_equal(f.ds.n, 0);
	arena_fini(&f.arena);
}

static void test_findings(void **state)
{
	static const struct {
		const char *text;
		enum diag_code code;
		uint32_t line, col;
	} cases[] = {
		{"a: 1\nb: 2\na: 3\n", D_DUPLICATE_KEY, 3, 1},
		{"{\"a\": 1,\n \"a\": 2}", D_DUPLICATE_KEY, 2, 2},
		{"a:\n\t- b\n", D_SYNTAX, 2, 1},
		{"{\"a\": 1,\n \"b\" 2}", D_SYNTAX, 2, 6},
		{"a: 1\nb: \xff\n", D_NOT_UTF8, 2, 1},
		{"a: \"x\\0y\"\n", D_NOT_UTF8, 1, 4},
		{"{\"a\": \"\\u0000\"}", D_SYNTAX, 1, 10},
		{"a: *b\n", D_SYNTAX, 1, 4},
		{"a: &a [*a]\n", D_LIMIT_ALIAS, 1, 8},
		{"a: .inf\n", D_SYNTAX, 1, 4},
		{"? [a]\n: 1\n", D_SYNTAX, 1, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		struct node_docs docs;

		start(&f);
		docs = parse(&f, cases[i].text);
		assert_int_equal(docs.n, 1);
		assert_true(docs.v[0].bad);
		assert_true(f.ds.n >= 1);
		assert_int_equal(f.ds.v[0].code, cases[i].code);
		assert_int_equal(f.ds.v[0].pos.line, cases[i].line);
		assert_int_equal(f.ds.v[0].pos.col, cases[i].col);
		arena_fini(&f.arena);
	}
}

/* One bad document does not hurt the others, and places count from the begin of the file. */
static void test_documents_stand_alone(void **state)
{
	struct fixture f;
	struct node_docs docs;

	(void)state;
	start(&f);
	docs = parse(&f, "a: 1\n---\nb: [\n---\n# nothing\n---\nc: x\n");
	assert_int_equal(docs.n, 3);
	assert_false(docs.v[0].bad);
	assert_true(docs.v[1].bad);
	assert_false(docs.v[2].bad);
	assert_int_equal(node_get(docs.v[2].root, "c")->pos.line, 7);
	assert_int_equal(node_get(docs.v[2].root, "c")->pos.col, 4);
	arena_fini(&f.arena);
}

static void expect_limit(const char *text, enum diag_code code)
{
	struct fixture f;

	start(&f);
	assert_true(parse(&f, text).v[0].bad);
	assert_int_equal(f.ds.v[0].code, code);
	arena_fini(&f.arena);
}

static void test_limits(void **state)
{
	enum { DEEP = 10000 };
	char *text = calloc(1, 2 * DEEP + 10), *p;

	(void)state;
	memset(text, '[', DEEP);
	expect_limit(text, D_LIMIT_DEPTH);
	memcpy(text, "a: ", 3);
	expect_limit(text, D_LIMIT_DEPTH);
	/* each line stands for ten times the line before */
	p = text + sprintf(text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++) {
		p += sprintf(p, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			p += sprintf(p, "%s*a%d", k ? "," : "", i - 1);
		p += sprintf(p, "]\n");
	}
	expect_limit(text, D_LIMIT_ALIAS);
	free(text);
}

/* The memory of a text is bounded by the arena, and nothing of the reader is lost. */
static void test_memory_limit(void **state)
{
	struct arena a, findings;
	struct diags ds;
	struct node_docs docs;
	char *text = calloc(1, 200001);

	(void)state;
	memset(text, 'x', 200000);
	memcpy(text, "a: &b ", 6);
	arena_init(&a, 64 * 1024);
	arena_init(&findings, 0);
	diags_init(&ds, &findings);
	docs = node_parse(text, 200000, 1, &a, &ds);
	assert_int_equal(docs.n, 0);
	assert_int_equal(ds.v[0].code, D_LIMIT_MEMORY);
	arena_fini(&a);
	arena_fini(&findings);
	free(text);
}

static void test_paths(void **state)
{
	struct fixture f;
	const struct node *root;

	(void)state;
	start(&f);
	root = parse(&f, "spec:\n  http:\n  - match:\n    - headers:\n        x.y: {exact: a}\n").v[0].root;
	assert_int_equal(node_at(root, "spec.http[0].match[0]")->pos.line, 4);
	assert_string_equal(node_at(root, "spec.http[0].match[0].headers[\"x.y\"].exact")->text, "a");
	/* the deepest that exists */
	assert_ptr_equal(node_at(root, "spec.http[3].route"), node_at(root, "spec.http"));
	assert_ptr_equal(node_at(root, ""), root);
	assert_ptr_equal(node_at(root, "nothing"), root);
	arena_fini(&f.arena);
}

static void test_yaml_output_reads_back(void **state)
{
	static const char text[] = "a: {b: [1, \"yes\", [x, {c: \"d: e\"}], {}], \"k:\": null, f: true}\n"
				   "odd: \"\\x7f\\x85\\x9f\\xa0\\u2028\\u2029\\u2030\\uffee\\ufffd\\t\\n\"\n";
	struct fixture f;
	struct buf out;
	struct node *root, *copy;

	(void)state;
	start(&f);
	root = parse(&f, text).v[0].root;
	copy = node_copy(root, &f.arena);
	assert_true(node_equal(root, copy));
	buf_init(&out, 4096);
	node_to_yaml(root, &out);
	assert_true(node_equal(root, node_parse(out.p, out.n, 1, &f.arena, &f.ds).v[0].root));
	assert_int_equal(f.ds.n, 0);
	buf_fini(&out);
	arena_fini(&f.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_scalars),
		cmocka_unit_test(test_yaml_corners),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_documents_stand_alone),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_yaml_output_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
