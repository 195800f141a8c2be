/* SPDX-License-Identifier: Apache-2.0
 *
 * struct arena: a bounded bump allocator. What is allocated from it lives until arena_fini (or a
 * rewind past it) and is never freed alone. An allocation never returns NULL: on the limit or on
 * lack of memory it unwinds to the nearest arena_guard; without one it is a broken invariant.
 * Code that runs under a guard therefore owns nothing but arena memory. Thread: one at a time.
 *
 *	struct arena_guard g;
 *	if (arena_guard(a, &g))		// 0 on entry, non-zero after an unwind
 *		...the limit was hit; everything since the guard is gone...
 *	...work...
 *	arena_unguard(a, &g);
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *head;
	char *p, *end;		/* the free part of the head chunk */
	size_t used;		/* bytes taken from malloc */
	size_t limit;		/* of used; 0 = none */
	struct arena_guard *guard;
};

struct arena_mark {
	struct arena_chunk *head;
	char *p;
	size_t used;
};

struct arena_guard {
	jmp_buf env;
	struct arena_mark mark;
	struct arena_guard *outer;
	size_t outer_limit;
};

/* Once, at the start of a program: memory of arenas that ended is kept for the next ones instead of
 * given back, since a page that comes fresh from the kernel costs more than what is written to it. */
void arena_keep_memory(void);
void arena_init(struct arena *a, size_t limit);
void arena_fini(struct arena *a);	/* fine on a zeroed struct */

void *arena_alloc_chunk(struct arena *a, size_t size);	/* arena_alloc_raw, when the head chunk is full */

/* Not zeroed, aligned to 8. */
static inline void *arena_alloc_raw(struct arena *a, size_t size)
{
	size_t room = (size_t)(a->end - a->p), need = (size + !size + 7) & ~(size_t)7;
	void *p = a->p;

	if (__builtin_expect(size > room || need > room, 0))
		return arena_alloc_chunk(a, size);
	a->p += need;
	return p;
}

/* Zeroed, aligned to 8. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	return memset(arena_alloc_raw(a, size), 0, size);
}

void *arena_copy(struct arena *a, const void *p, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_lower(struct arena *a, const char *s);	/* a copy with ASCII letters in lower case */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc_n((a), (n), sizeof(type)))
void *arena_alloc_n(struct arena *a, size_t n, size_t size);

struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

/* A macro, since setjmp must run in the caller's frame. Guards nest. */
#define arena_guard(a, g) (arena_guard_enter((a), (g), 0), setjmp((g)->env))
/* The same with a limit for what is allocated under it, when that is below what is left. */
#define arena_guard_limit(a, g, bytes) (arena_guard_enter((a), (g), (bytes)), setjmp((g)->env))
void arena_guard_enter(struct arena *a, struct arena_guard *g, size_t limit);
void arena_unguard(struct arena *a, struct arena_guard *g);

/* Moves ownership of all memory from *from into *into (which must be empty). */
void arena_take(struct arena *into, struct arena *from);

#endif
