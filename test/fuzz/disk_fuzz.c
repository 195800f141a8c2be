/* SPDX-License-Identifier: Apache-2.0
 *
 * A generation on disk: the bytes of the file, or what stands behind its first line, which then fits. What is taken, written
 * again and read again is written as the same bytes: no object changes by being kept.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/vec.h"
#include "store/disk.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MAX_TRIED = 200000, OUT_MAX = 64 * 1024 * 1024 };

struct taken {
	struct arena arena;
	VEC(struct object *) v;
};

static void take(void *arg, const struct node *root, struct hash128 hash)
{
	struct taken *t = arg;
	struct object_id id;
	struct object *o;
	struct diags ds;

	diags_init(&ds, &t->arena);
	/* one of no file is none that is kept */
	if (object_decode(root, SCHEMA_LENIENT, node_text(node_get(root, "metadata"), "file"), &o, &id, &ds) == OBJECT_OK && o->file) {
		o->hash = hash;
		*vec_push(&t->v, &t->arena) = o;
	} else {
		object_unref(o);
	}
}

/* What was read of text, written into out. */
static int pass(const char *text, size_t n, struct buf *out, size_t *n_taken)
{
	struct store *store = store_new("cluster.local", "istio-system");
	struct taken t = {0};
	struct object_set set;
	struct hash128 sum;
	struct err e;
	int rc;

	arena_init(&t.arena, 0);
	rc = disk_parse(text, n, "generation", store, take, &t, &e);
	if (!rc) {
		struct mesh_settings *m = (struct mesh_settings *)mesh_settings_ref(store_objects(store)->settings);

		object_set_init(&set, t.v.v, t.v.n, m);
		must(!disk_build(&set, "", out, &sum));
		object_set_unref(&set);
	} else {
		must(!t.v.n && *e.text);
	}
	*n_taken = t.v.n;
	for (size_t i = 0; i < t.v.n; i++)
		object_unref(t.v.v[i]);
	arena_fini(&t.arena);
	store_free(store);
	return rc;
}

/* A whole file of these lines. */
static void wrap(const uint8_t *data, size_t size, struct buf *out)
{
	char hex[HASH_HEX_LEN + 1];

	buf_printf(out, "navarch-generation 1 %20zu %20zu %s\n", (size_t)0, size,
		   hash_hex(hash_mix_u64(hash_bytes(data, size), 0), hex));
	buf_append(out, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text, first, second;
	size_t n, again;

	if (size > SIZE_MAX_TRIED)
		return 0;
	buf_init(&text, OUT_MAX);
	buf_init(&first, OUT_MAX);
	buf_init(&second, OUT_MAX);
	if (size && *data == 'n')
		buf_append(&text, data, size);
	else
		wrap(data, size, &text);
	if (!pass(buf_cstr(&text), text.n, &first, &n)) {
		must(!pass(buf_cstr(&first), first.n, &second, &again));
		must(n == again && first.n == second.n && !memcmp(first.p, second.p, first.n));
	}
	buf_fini(&text);
	buf_fini(&first);
	buf_fini(&second);
	return 0;
}
