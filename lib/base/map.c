/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/must.h"

/* Every function below that makes uthash allocate has the map in a variable `m`. */
static void *map_memory(const struct map *m, size_t n)
{
	void *p = m->arena ? arena_alloc(m->arena, n) : calloc(1, n);

	must(p && "out of memory");
	return p;
}

static void map_memory_free(const struct map *m, void *p)
{
	if (!m->arena)
		free(p);
}

#define uthash_malloc(sz) map_memory(m, sz)
#define uthash_free(p, sz) map_memory_free(m, p)
#define HASH_FUNCTION(key, len, hashv) ((hashv) = (unsigned)XXH3_64bits(key, len))
#include <uthash.h>

struct map_entry {
	UT_hash_handle hh;
	void *value;
	char key[];
};

void map_init(struct map *m, struct arena *arena_or_null)
{
	*m = (struct map){.arena = arena_or_null};
}

void map_fini(struct map *m)
{
	struct map_entry *e = m->table, *next;

	if (!m->arena) {
		HASH_CLEAR(hh, m->table);
		for (; e; e = next) {
			next = e->hh.next;
			free(e);
		}
	}
	m->table = NULL;
}

size_t map_count(const struct map *m)
{
	return HASH_COUNT(m->table);
}

static struct map_entry *find(const struct map *m, const char *key, size_t len, unsigned hash)
{
	struct map_entry *e;

	HASH_FIND_BYHASHVALUE(hh, m->table, key, len, hash, e);
	return e;
}

static unsigned hash_of(const char *key, size_t len)
{
	unsigned hash;

	HASH_VALUE(key, len, hash);
	return hash;
}

void *map_get_n(const struct map *m, const char *key, size_t len)
{
	struct map_entry *e = find(m, key, len, hash_of(key, len));

	return e ? e->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_get_n(m, key, strlen(key));
}

void **map_slot(struct map *m, const char *key)
{
	size_t len = strlen(key);
	unsigned hash = hash_of(key, len);
	struct map_entry *e = find(m, key, len, hash);

	if (!e) {
		e = map_memory(m, sizeof(*e) + len + 1);
		memcpy(e->key, key, len + 1);
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, m->table, e->key, len, hash, e);
	}
	return &e->value;
}

void *map_set(struct map *m, const char *key, void *value)
{
	void **slot = map_slot(m, key), *old = *slot;

	*slot = value;
	return old;
}

void *map_remove(struct map *m, const char *key)
{
	size_t len = strlen(key);
	struct map_entry *e = find(m, key, len, hash_of(key, len));
	void *value;

	must(!m->arena);
	if (!e)
		return NULL;
	value = e->value;
	HASH_DELETE(hh, m->table, e);
	free(e);
	return value;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct map_pair *)a)->key, ((const struct map_pair *)b)->key);
}

struct map_pair *map_sorted(const struct map *m, size_t *n, struct arena *a)
{
	struct map_pair *pairs = arena_array(a, struct map_pair, map_count(m));

	*n = 0;
	for (struct map_entry *e = m->table; e; e = e->hh.next)
		pairs[(*n)++] = (struct map_pair){e->key, e->value};
	if (*n)
		qsort(pairs, *n, sizeof(*pairs), compare_pairs);
	return pairs;
}

void map_each(const struct map *m, map_fn *fn, void *arg)
{
	struct map_entry *e, *next;

	for (e = m->table; e; e = next) {
		next = e->hh.next;
		fn(e->key, e->value, arg);
	}
}
