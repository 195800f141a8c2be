/* SPDX-License-Identifier: Apache-2.0
 *
 * From the text of a file to objects: parse, unroll lists, decode, check, one document after the
 * other. Used by every source and every command, so that a file means the same everywhere.
 * Bounded: bytes of a file, objects of a file, findings (the limit of ds). Thread: pure.
 */
#ifndef MODEL_LOAD_H
#define MODEL_LOAD_H

#include "model/object.h"

enum {
	LOAD_FILE_MAX = 64 * 1024 * 1024,	/* bytes of one file */
	LOAD_OBJECTS_MAX = 200 * 1000,		/* objects of one file */
};

struct load_item {
	enum object_outcome outcome;	/* OBJECT_INVALID with id.kind_name NULL: text that did not parse */
	struct object *object;		/* OBJECT_OK: one ref, which the callee takes over */
	struct object *refused;		/* OBJECT_INVALID: as written (object_decode), or NULL; borrowed */
	struct object_id id;		/* in the arena of ds */
	size_t first_diag, n_diags;	/* the item's findings: ds->v[first_diag..] */
};

typedef void load_fn(const struct load_item *item, void *arg);

/* file is the name for findings; it is copied. Calls fn for each document and each item of a List,
 * in the order of the text. Returns the number of items. */
size_t load_text(const char *file, const char *text, size_t len, enum schema_mode mode, struct diags *ds,
		 load_fn *fn, void *arg);

#endif
