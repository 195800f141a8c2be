/* SPDX-License-Identifier: Apache-2.0
 *
 * struct map: text -> pointer, in an arena or on the heap. The order of iteration is the order of
 * insertion; whoever emits from a map sorts first (map_sorted). Values are borrowed.
 * Thread: one at a time; reading is pure.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct map_entry;
struct map_cell;

struct map {
	struct map_cell *cells;		/* open addressing, probed one by one; NULL until the first pair */
	struct map_entry *first, *last;	/* in order of insertion */
	size_t n, mask;			/* pairs; cells - 1, a power of two less one */
	struct arena *arena;		/* or NULL: heap, then map_fini */
};

struct map_pair {
	const char *key;
	void *value;
};

void map_init(struct map *m, struct arena *arena_or_null);
void map_fini(struct map *m);
size_t map_count(const struct map *m);
void *map_get(const struct map *m, const char *key);	/* NULL if absent */
void *map_get_n(const struct map *m, const void *key, size_t len);
/* Sets and returns the value that was there before, or NULL. The key is copied. */
void *map_set(struct map *m, const char *key, void *value);
/* The place of the value for key, made (NULL) if absent. Valid until the map ends or key leaves. With a
 * length, a key may be any bytes. */
void **map_slot(struct map *m, const char *key);
void **map_slot_n(struct map *m, const void *key, size_t len);
void *map_remove(struct map *m, const char *key);	/* heap maps only; NULL if absent */
/* All pairs, by key (strcmp); memory from a. */
struct map_pair *map_sorted(const struct map *m, size_t *n, struct arena *a);
/* Calls fn for each pair in order of insertion; fn may remove the pair it is given. */
typedef void map_fn(const char *key, void *value, void *arg);
void map_each(const struct map *m, map_fn *fn, void *arg);

#endif
