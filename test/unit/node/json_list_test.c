/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/json_list.h"
#include "node/node.h"
#include "node/schema.h"

struct seen {
	struct buf items;		/* each in < > */
};

static void take(void *arg, const char *text, size_t n)
{
	struct seen *s = arg;

	buf_char(&s->items, '<');
	if (text)
		buf_append(&s->items, text, n);
	buf_char(&s->items, '>');
}

/* Feeds text in pieces of n bytes: 0 and what came out, or -1. */
static int feed(const char *text, size_t n, struct seen *s, struct json_list *l)
{
	size_t len = strlen(text);

	buf_init(&s->items, 1 << 20);
	json_list_init(l);
	for (size_t at = 0; at < len; at += n)
		if (json_list_feed(l, text + at, len - at < n ? len - at : n, take, s))
			return -1;
	return 0;
}

static void test_any_pieces(void **state)
{
	static const struct {
		const char *text, *items, *frame;
	} cases[] = {
		{"{\"kind\":\"L\",\"items\":[{\"a\":[1,\"]\\\"}\"]}, 7 ,\"x,\"],\"metadata\":{\"items\":[1]}}\n",
		 "<{\"a\":[1,\"]\\\"}\"]}><7 ><\"x,\">", "{\"kind\":\"L\",\"items\":[],\"metadata\":{\"items\":[1]}}\n"},
		{"{\"items\" : [ ] }", "", "{\"items\" : [] }"},
		{"{\"items\":null}", "", "{\"items\":null}"},
		{"{\"kind\":\"Status\",\"a\":[{\"items\":[2]}]}", "", "{\"kind\":\"Status\",\"a\":[{\"items\":[2]}]}"},
		{"{\"a\":\"items\",\"b\":[1]}", "", "{\"a\":\"items\",\"b\":[1]}"},
		/* what is no JSON within an element is for its parser to say */
		{"{\"items\":[{]]},{\"b\"}]}", "<{]>", "{\"items\":[]]},{\"b\"}]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t n = 1; n < 100; n++) {
			struct json_list l;
			struct seen s;
			int rc = feed(cases[i].text, n, &s, &l);

			assert_string_equal(buf_cstr(&s.items), cases[i].items);
			if (i < 5) {
				assert_int_equal(rc, 0);
				assert_true(json_list_is_whole(&l));
				assert_string_equal(buf_cstr(&l.frame), cases[i].frame);
			} else {
				assert_int_equal(rc, -1);
			}
			buf_fini(&s.items);
			json_list_fini(&l);
		}
	}
}

static void test_not_whole(void **state)
{
	static const char text[] = "{\"kind\":\"L\",\"items\":[{\"a\":1},{\"b\":2}]}";

	(void)state;
	for (size_t n = 1; n < strlen(text); n++) {
		struct json_list l;
		struct seen s = {0};

		json_list_init(&l);
		buf_init(&s.items, 1000);
		assert_int_equal(json_list_feed(&l, text, n, take, &s), 0);
		assert_false(json_list_is_whole(&l));
		assert_int_equal(json_list_feed(&l, text + n, strlen(text) - n, take, &s), 0);
		assert_true(json_list_is_whole(&l));
		assert_string_equal(buf_cstr(&s.items), "<{\"a\":1}><{\"b\":2}>");
		assert_int_equal(json_list_feed(&l, "x", 1, take, &s), -1);
		json_list_fini(&l);
		buf_fini(&s.items);
	}
}

static void test_bounds(void **state)
{
	static char piece[64 * 1024];
	struct json_list l;
	struct seen s;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	assert_int_equal(feed("{\"items\":[1,\"", 100, &s, &l), 0);
	for (int i = 0; i < 300; i++)
		assert_int_equal(json_list_feed(&l, piece, sizeof(piece), take, &s), 0);
	assert_int_equal(json_list_feed(&l, "\",2]}", 5, take, &s), 0);
	assert_true(json_list_is_whole(&l));
	assert_string_equal(buf_cstr(&s.items), "<1><><2>");
	json_list_fini(&l);
	buf_fini(&s.items);
	assert_int_equal(feed("<html>", 100, &s, &l), -1);
	json_list_fini(&l);
	buf_fini(&s.items);
	assert_int_equal(feed("{\"a\":\"", 100, &s, &l), 0);
	for (int i = 0; i < 15; i++)
		assert_int_equal(json_list_feed(&l, piece, sizeof(piece), take, &s), 0);
	assert_int_equal(json_list_feed(&l, piece, sizeof(piece), take, &s), -1);
	json_list_fini(&l);
	buf_fini(&s.items);
}

#define ROWS_jl_inner(X, T) X(T, STR, a, "a", _, 0, "") X(T, STRS, b, "b", _, 0, "")
SCHEMA_STRUCT(jl_inner)
SCHEMA_TABLE_OPEN(jl_inner, true)
#define ROWS_jl_outer(X, T)                                                                        \
	X(T, MSG, one, "one", jl_inner, 0, "") X(T, MSGS, many, "many", jl_inner, 0, "")           \
	X(T, STRMAP, map, "map", _, 0, "")
SCHEMA_STRUCT(jl_outer)
SCHEMA_TABLE_OPEN(jl_outer, true)

static const char *kept(struct arena *a, const struct node_keep *keep, const char *text, struct diags *ds)
{
	struct node_doc doc = node_parse_json(text, strlen(text), keep, a, ds);
	struct buf out;
	const char *s;

	if (!doc.root)
		return arena_printf(a, "! %s", ds->v[ds->n - 1].text);
	buf_init(&out, 1 << 20);
	node_to_json(doc.root, false, false, &out);
	s = arena_strdup(a, buf_cstr(&out));
	buf_fini(&out);
	return s;
}

static void test_keep(void **state)
{
	static const struct node_keep_key no_c[] = {{.key = "c", .drop = true}};
	static const struct node_keep map = {no_c, 1, .rest = NODE_REST_KEEP};
	static const struct node_keep_key keys[] = {{.key = "spec"}, {.key = "m", .keep = &map}};
	static const struct node_keep named = {keys, 2, .rest = NODE_REST_NAME}, table = {keys, 2, .schema = &schema_jl_outer};
	static const struct {
		const struct node_keep *keep;
		const char *text, *want;
	} cases[] = {
		{NULL, " {\"a\":[1,{\"b\":null}],\"k\\u0041\":\"\\n\"} ", "{\"a\":[1,{\"b\":null}],\"kA\":\"\\n\"}"},
		{&named, "{\"spec\":{\"x\":1},\"sp\":{\"x\":[2]},\"spec2\":3,\"\\u0073pec\":4}",
		 "! key \"spec\" already set in map, on line 0"},
		{&named, "{\"spec\":{\"x\":1},\"sp\":{\"x\":[2]},\"spec2\":3}", "{\"spec\":{\"x\":1},\"sp\":null,\"spec2\":null}"},
		{&named, "{\"m\":{\"a\":1,\"c\":{\"d\":1},\"cc\":2}}", "{\"m\":{\"a\":1,\"cc\":2}}"},
		{&table, "{\"one\":{\"a\":\"x\",\"z\":[{}]},\"many\":[{\"a\":\"y\",\"b\":[\"q\"],\"c\":1},{}],\"map\":{\"z\":\"1\"},\"zz\":{}}",
		 "{\"one\":{\"a\":\"x\"},\"many\":[{\"a\":\"y\",\"b\":[\"q\"]},{}],\"map\":{\"z\":\"1\"}}"},
		{&table, "{\"one\":7,\"many\":{\"a\":\"x\",\"w\":1}}", "{\"one\":7,\"many\":{\"a\":\"x\"}}"},
		/* what is passed over is checked like the rest */
		{&table, "{\"zz\":\"\xff\"}", "! a string is not UTF-8, at byte 7"},
		{&table, "{\"zz\":01}", "! invalid number, at byte 6"},
		{&table, "{\"zz\":\"\\x\"}", "! invalid escape in a string, at byte 8"},
		{&table, "{\"zz\":[1,]}", "! invalid number, at byte 9"},
		{&table, "{\"zz\":{\"a\"}}", "! expected ':' behind the key, at byte 10"},
		{&table, "{\"zz\":[}", "! invalid number, at byte 7"},
		{&table, "{\"zz\":1}{", "! text behind the value, at byte 8"},
		{&table, "{\"zz\":\"abcdefgh\tij\"}", "! control character in a string, at byte 15"},
		{&table, "{\"zz\":\"\\ud800x\"", "! the text ends within a value, at byte 15"},
		{&table, "", "! the text ends within a value, at byte 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct diags ds;
		const char *got;

		arena_init(&a, 0);
		diags_init(&ds, &a);
		got = kept(&a, cases[i].keep, cases[i].text, &ds);
		if (ds.n && cases[i].want[0] == '!' && got[0] != '!')
			got = arena_printf(&a, "! %s", ds.v[0].text);
		assert_string_equal(got, cases[i].want);
		arena_fini(&a);
	}
}

static void test_depth_of_what_is_skipped(void **state)
{
	static const struct node_keep nothing = {0};
	char text[600];
	struct arena a;
	struct diags ds;

	(void)state;
	arena_init(&a, 0);
	diags_init(&ds, &a);
	strcpy(text, "{\"a\":");
	memset(text + 5, '[', 99);
	memset(text + 104, ']', 99);
	strcpy(text + 203, "}");
	assert_string_equal(kept(&a, &nothing, text, &ds), "{}");
	memset(text + 5, '[', 500);
	text[505] = '\0';
	assert_null(node_parse_json(text, strlen(text), &nothing, &a, &ds).root);
	assert_int_equal(ds.v[0].code, D_LIMIT_DEPTH);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_pieces),
		cmocka_unit_test(test_not_whole),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_depth_of_what_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
