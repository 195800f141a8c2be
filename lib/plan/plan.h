/* SPDX-License-Identifier: Apache-2.0
 *
 * Planning: snapshot + view -> the list of resources of that view, and each one's IR on demand.
 * The list is cheap; a row's `inputs` is a hash of everything that its IR depends on, so that a row
 * with equal (type, name, inputs) in the generation before is reused without being expanded (P6).
 * An input that is read and not mixed into the hash is a bug that oracle O1 finds. Thread: pure.
 */
#ifndef MESH_PLAN_H
#define MESH_PLAN_H

#include "plan/ir.h"
#include "mesh/proxy.h"

struct plan;

struct plan_row {
	enum ir_type type;
	const char *name;
	struct hash128 inputs;
	/* private to plan_*.c: how to expand */
	void (*expand)(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out);
	const void *ref;
	uint32_t arg;
};

struct plan {
	const struct snapshot *snap;
	const struct view *view;
	struct scope scope;
	struct {
		const struct plan_row *v;	/* sorted by name, names unique */
		size_t n;
	} rows[IR_TYPES];
	/* SDS names that listeners and clusters refer to are rows of IR_SECRET only when the secret
	 * exists and this view may have it. */
	const void *gateway;		/* plan_gateway.c: merged servers, or NULL */
	const void *sidecar;		/* plan_outbound.c, plan_inbound.c: listener sets, or NULL */
};

/* p and everything in it lives in a. */
struct plan *plan_build(const struct snapshot *s, const struct view *v, struct arena *a);
/* Does the view's plan in the snapshot before have a cluster of that name? */
typedef bool plan_seen_fn(const void *arg, const char *cluster);
/* Where s->only_endpoints: all rows that may differ from those of the snapshot before, of which none has
 * come or gone; its cost is that of the touched services. NULL: only the whole plan tells. */
struct plan *plan_endpoints(const struct snapshot *s, const struct view *v, plan_seen_fn *seen, const void *arg,
			    struct arena *a);
/* The IR of one row, in a. Never NULL: a row exists only if it can be expanded. */
void plan_expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out);

#endif
