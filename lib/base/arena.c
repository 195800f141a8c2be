/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { CHUNK_MIN = 256, CHUNK_MAX = 256 * 1024, SMALL_MAX = 4096, ALIGN = 8 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	char data[];
};

enum { KEPT_BLOCK_MAX = 4 * 1024 * 1024, KEPT_MAX = 32 * 1024 * 1024 };

void arena_keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_MAX);
	mallopt(M_TRIM_THRESHOLD, KEPT_MAX);
}

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit};
}

static void free_chunks(struct arena_chunk *c, const struct arena_chunk *until)
{
	while (c != until) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_fini(struct arena *a)
{
	free_chunks(a->head, NULL);
	*a = (struct arena){0};
}

static _Noreturn void unwind(struct arena *a)
{
	struct arena_guard *g = a->guard;

	must(g && "arena limit outside a guard");
	arena_rewind(a, g->mark);
	a->guard = g->outer;
	a->limit = g->outer_limit;
	longjmp(g->env, 1);
}

/* Each chunk is a part of what is there already, so that little is wasted and a big arena needs few calls of malloc: tens
 * of thousands of objects live in one each. */
static void add_chunk(struct arena *a, size_t need)
{
	size_t size = (a->used < SMALL_MAX ? a->used / 3 : a->used / 8) & ~(size_t)63;
	struct arena_chunk *c;

	if (size < CHUNK_MIN)
		size = CHUNK_MIN;
	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < need)
		size = need;
	if (a->limit && a->used + size > a->limit) {
		size = need;
		if (a->used + size > a->limit)
			unwind(a);
	}
	c = malloc(sizeof(*c) + size);
	if (!c)
		unwind(a);
	c->next = a->head;
	c->size = size;
	a->head = c;
	a->p = c->data;
	a->end = c->data + size;
	a->used += size;
}

void *arena_alloc_chunk(struct arena *a, size_t size)
{
	void *p;

	if (size > SIZE_MAX / 2)
		unwind(a);
	size = (size + !size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	add_chunk(a, size);
	p = a->p;
	a->p += size;
	return p;
}

void *arena_alloc_n(struct arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / 2 / size)
		unwind(a);
	return arena_alloc(a, n * size);
}

void *arena_copy(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc_raw(a, size);

	return size ? memcpy(copy, p, size) : copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc_raw(a, n + 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_lower(struct arena *a, const char *s)
{
	char *copy = arena_strdup(a, s);

	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return copy;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){.head = a->head, .p = a->p, .used = a->used};
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
	free_chunks(a->head, m.head);
	a->head = m.head;
	a->p = m.p;
	a->end = m.head ? m.head->data + m.head->size : NULL;
	a->used = m.used;
}

void arena_guard_enter(struct arena *a, struct arena_guard *g, size_t limit)
{
	g->mark = arena_mark(a);
	g->outer = a->guard;
	g->outer_limit = a->limit;
	a->guard = g;
	if (limit && (!a->limit || a->used + limit < a->limit))
		a->limit = a->used + limit;
}

void arena_unguard(struct arena *a, struct arena_guard *g)
{
	must(a->guard == g);
	a->guard = g->outer;
	a->limit = g->outer_limit;
}

void arena_take(struct arena *into, struct arena *from)
{
	must(!into->head && !from->guard);
	into->head = from->head;
	into->p = from->p;
	into->end = from->end;
	into->used = from->used;
	*from = (struct arena){.limit = from->limit};
}
