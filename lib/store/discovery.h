/* SPDX-License-Identifier: Apache-2.0
 *
 * MeshConfig discoverySelectors: the namespaces whose objects count at all. What stands in others is
 * kept by the store and is no part of the set that it gives out. The root namespace always counts, as
 * do objects without a namespace. Thread: loop.
 */
#ifndef STORE_DISCOVERY_H
#define STORE_DISCOVERY_H

#include "store/object_set.h"

struct discovery {
	bool active;			/* there are selectors, or else nothing is held */
	struct object_set from, to;	/* the last input and what became of it, both held */
};

/* The set that counts: all itself, or d->to, good until the next call. A list of which nothing is left
 * out, or which comes from the same list by the same rules, stays the same pointer. */
const struct object_set *discovery_update(struct discovery *d, const struct object_set *all);
void discovery_fini(struct discovery *d);

#endif
