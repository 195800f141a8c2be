/* SPDX-License-Identifier: Apache-2.0
 *
 * Which objects count at all. What does not is kept by the store and is no part of the set that it gives out. MeshConfig
 * discoverySelectors say which namespaces do; the root namespace always counts, as do objects without a namespace.
 * Several control planes may share a cluster, each with a revision: an object of Istio's kinds or the Gateway API's that
 * names another one in its label istio.io/rev is not ours, one without the label is everybody's; labels of namespaces
 * say nothing about that (istio-behaviour.md 1.1). A Gateway of the Gateway API is told by other rules. Thread: loop.
 */
#ifndef STORE_DISCOVERY_H
#define STORE_DISCOVERY_H

#include "store/object_set.h"

struct discovery {
	const char *revision;		/* ours, borrowed; NULL: all count */
	bool active;			/* there are selectors or a revision, or else nothing is held */
	struct object_set from, to;	/* the last input and what became of it, both held */
};

/* The set that counts: all itself, or d->to, good until the next call. A list of which nothing is left
 * out, or which comes from the same list by the same rules, stays the same pointer. */
const struct object_set *discovery_update(struct discovery *d, const struct object_set *all);
void discovery_fini(struct discovery *d);
/* The revision that the object belongs to, if that is none of ours, else NULL. */
const char *discovery_foreign_revision(const struct object *o, const char *ours_or_null);

#endif
