/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/must.h"

enum { CELLS_MIN = 8 };

struct map_entry {
	struct map_entry *next, *prev;
	void *value;
	uint32_t hash, len;
	char key[];
};

/* The hash stands here too, so that a probe reads an entry only when it is very likely the one. */
struct map_cell {
	struct map_entry *e;	/* NULL: free */
	uint32_t hash;
};

static void *memory(const struct map *m, size_t n)
{
	void *p = m->arena ? arena_alloc_raw(m->arena, n) : malloc(n);

	must(p && "out of memory");
	return p;
}

static void give_back(const struct map *m, void *p)
{
	if (!m->arena)
		free(p);
}

void map_init(struct map *m, struct arena *arena_or_null)
{
	*m = (struct map){.arena = arena_or_null};
}

void map_fini(struct map *m)
{
	struct map_entry *e = m->arena ? NULL : m->first;

	while (e) {
		struct map_entry *next = e->next;

		free(e);
		e = next;
	}
	give_back(m, m->cells);
	map_init(m, m->arena);
}

size_t map_count(const struct map *m)
{
	return m->n;
}

static uint32_t hash_of(const void *key, size_t len)
{
	return (uint32_t)XXH3_64bits(key, len);
}

/* The cell of key, or the free one where it would stand. Some are always free. */
static struct map_cell *probe(const struct map *m, const void *key, size_t len, uint32_t hash)
{
	for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
		struct map_cell *c = &m->cells[i];

		if (!c->e || (c->hash == hash && c->e->len == len && !(len && memcmp(c->e->key, key, len))))
			return c;
	}
}

static struct map_cell *find(const struct map *m, const void *key, size_t len)
{
	struct map_cell *c = m->n ? probe(m, key, len, hash_of(key, len)) : NULL;

	return c && c->e ? c : NULL;
}

void *map_get_n(const struct map *m, const void *key, size_t len)
{
	const struct map_cell *c = find(m, key, len);

	return c ? c->e->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_get_n(m, key, strlen(key));
}

/* At most three quarters of the cells are taken. */
static void make_room(struct map *m)
{
	size_t cells = m->cells ? m->mask + 1 : 0;

	if (m->n < cells / 4 * 3)
		return;
	cells = cells ? cells * 2 : CELLS_MIN;
	give_back(m, m->cells);
	m->mask = cells - 1;
	m->cells = memset(memory(m, cells * sizeof(*m->cells)), 0, cells * sizeof(*m->cells));
	for (struct map_entry *e = m->first; e; e = e->next) {
		size_t i = e->hash & m->mask;

		while (m->cells[i].e)
			i = (i + 1) & m->mask;
		m->cells[i] = (struct map_cell){e, e->hash};
	}
}

static struct map_entry *append(struct map *m, const void *key, size_t len, uint32_t hash)
{
	struct map_entry *e = memory(m, sizeof(*e) + len + 1);

	*e = (struct map_entry){.prev = m->last, .hash = hash, .len = (uint32_t)len};
	if (len)
		memcpy(e->key, key, len);
	e->key[len] = '\0';
	*(m->last ? &m->last->next : &m->first) = e;
	m->last = e;
	m->n++;
	return e;
}

void **map_slot_n(struct map *m, const void *key, size_t len)
{
	uint32_t hash = hash_of(key, len);
	struct map_cell *c;

	must(len <= UINT32_MAX);
	make_room(m);
	c = probe(m, key, len, hash);
	if (!c->e)
		*c = (struct map_cell){append(m, key, len, hash), hash};
	return &c->e->value;
}

void **map_slot(struct map *m, const char *key)
{
	return map_slot_n(m, key, strlen(key));
}

void *map_set(struct map *m, const char *key, void *value)
{
	void **slot = map_slot(m, key), *old = *slot;

	*slot = value;
	return old;
}

/* Cells after a free one move up as far as their hash allows: probes never meet a gap. */
static void close_gap(struct map *m, size_t gap)
{
	for (size_t i = (gap + 1) & m->mask; m->cells[i].e; i = (i + 1) & m->mask) {
		size_t home = m->cells[i].hash & m->mask;

		if (((i - home) & m->mask) < ((i - gap) & m->mask))
			continue;
		m->cells[gap] = m->cells[i];
		gap = i;
	}
	m->cells[gap].e = NULL;
}

void *map_remove(struct map *m, const char *key)
{
	struct map_cell *c = find(m, key, strlen(key));
	struct map_entry *e;
	void *value;

	must(!m->arena);
	if (!c)
		return NULL;
	e = c->e;
	value = e->value;
	close_gap(m, (size_t)(c - m->cells));
	*(e->prev ? &e->prev->next : &m->first) = e->next;
	*(e->next ? &e->next->prev : &m->last) = e->prev;
	m->n--;
	free(e);
	return value;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct map_pair *)a)->key, ((const struct map_pair *)b)->key);
}

struct map_pair *map_sorted(const struct map *m, size_t *n, struct arena *a)
{
	struct map_pair *pairs = arena_array(a, struct map_pair, m->n);

	*n = 0;
	for (struct map_entry *e = m->first; e; e = e->next)
		pairs[(*n)++] = (struct map_pair){e->key, e->value};
	if (*n)
		qsort(pairs, *n, sizeof(*pairs), compare_pairs);
	return pairs;
}

void map_each(const struct map *m, map_fn *fn, void *arg)
{
	struct map_entry *e, *next;

	for (e = m->first; e; e = next) {
		next = e->next;
		fn(e->key, e->value, arg);
	}
}
