/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <string.h>

#include "base/must.h"

void *vec_grow(void *v, size_t n, size_t *cap, size_t size, struct arena *a)
{
	size_t more = *cap ? *cap * 2 : 8;
	void *grown;

	if (a) {
		grown = arena_alloc_n(a, more, size);
		if (n)
			memcpy(grown, v, n * size);
	} else {
		must(more <= (size_t)-1 / size);
		grown = realloc(v, more * size);
		must(grown && "out of memory");
	}
	*cap = more;
	return grown;
}
