/* SPDX-License-Identifier: Apache-2.0
 *
 * VEC(T): a growing array of T, in an arena or, with a NULL arena, on the heap (then vec_fini).
 * A zeroed VEC is empty. On the heap, lack of memory is a broken invariant.
 *
 *	VEC(struct route) routes = {0};
 *	*vec_push(&routes, arena) = (struct route){...};
 *	for (size_t i = 0; i < routes.n; i++) use(&routes.v[i]);
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>

#include "base/arena.h"

#define VEC(T)                                                                                     \
	struct {                                                                                   \
		T *v;                                                                              \
		size_t n, cap;                                                                     \
	}

#define vec_push(vec, arena)                                                                       \
	((vec)->v = (vec)->n < (vec)->cap                                                          \
			? (vec)->v                                                                 \
			: vec_grow((vec)->v, (vec)->n, &(vec)->cap, sizeof(*(vec)->v), (arena)),  \
	 &(vec)->v[(vec)->n++])

#define vec_fini(vec) (free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

void *vec_grow(void *v, size_t n, size_t *cap, size_t size, struct arena *a);

#endif
