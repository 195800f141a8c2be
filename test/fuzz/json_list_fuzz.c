/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of an API server in pieces of the size of its first byte: the same elements come out as from one piece, and
 * what is kept of an element is within what it says as a whole.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "model/object.h"
#include "node/json_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct taking {
	struct arena arena;
	struct buf items;
	size_t n;
};

static void take_element(void *arg, const char *text, size_t n)
{
	struct taking *t = arg;
	struct arena_mark mark = arena_mark(&t->arena);
	struct object_keep keep;
	struct node_doc all, kept;
	struct diags ds;

	t->n++;
	if (!text)
		return;
	buf_append(&t->items, text, n);
	buf_char(&t->items, '\n');
	diags_init(&ds, &t->arena);
	object_keep(n % 2 ? KIND_POD : KIND_VIRTUAL_SERVICE, &keep);
	all = node_parse_json(text, n, NULL, &t->arena, &ds);
	kept = node_parse_json(text, n, &keep.root, &t->arena, &ds);
	must(!all.root == !kept.root);
	if (kept.root && kept.root->kind == NODE_MAP && !all.bad) {
		must(kept.root->n <= all.root->n);
		for (size_t i = 0; i < kept.root->n; i++)
			must(node_get(all.root, kept.root->map[i].key));
	}
	arena_rewind(&t->arena, mark);
}

static void feed(const uint8_t *data, size_t size, size_t piece, struct taking *t, struct json_list *l)
{
	arena_init(&t->arena, 256 << 20);
	buf_init(&t->items, 64 << 20);
	t->n = 0;
	json_list_init(l);
	for (size_t at = 0; at < size; at += piece)
		if (json_list_feed(l, (const char *)data + at, size - at < piece ? size - at : piece, take_element, t))
			return;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taking one, many;
	struct json_list a, b;

	if (!size)
		return 0;
	feed(data + 1, size - 1, size, &one, &a);
	feed(data + 1, size - 1, (size_t)data[0] + 1, &many, &b);
	must(a.failed == b.failed && json_list_is_whole(&a) == json_list_is_whole(&b));
	must(one.n == many.n && one.items.n == many.items.n);
	must(!memcmp(buf_cstr(&one.items), buf_cstr(&many.items), one.items.n));
	must(a.failed || (a.frame.n == b.frame.n && !memcmp(buf_cstr(&a.frame), buf_cstr(&b.frame), a.frame.n)));
	json_list_fini(&a);
	json_list_fini(&b);
	buf_fini(&one.items);
	buf_fini(&many.items);
	arena_fini(&one.arena);
	arena_fini(&many.arena);
	return 0;
}
