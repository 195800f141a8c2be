/* SPDX-License-Identifier: Apache-2.0
 *
 * Random manifests from the schema tables: every field of a kind may be there, with a value from the
 * pool of its name or of its type: mostly plausible ones, some at the edges. The same seed gives the
 * same text. Thread: any.
 */
#ifndef RANDOM_DRAW_H
#define RANDOM_DRAW_H

#include "base/buf.h"
#include "base/map.h"
#include "model/object.h"

struct draw {
	uint64_t state;
	unsigned edge_percent;	/* share of values from the edges */
	struct buf *out;
	struct map *drawn;	/* or NULL: the fields that were drawn, as random_field_key names them */
};

/* "schema.field"; lives in out. */
const char *random_field_key(const struct schema *s, const struct schema_field *f, char out[128]);

void draw_init(struct draw *d, uint64_t seed, struct buf *out);
unsigned draw_below(struct draw *d, unsigned n);	/* 0 .. n-1; n > 0 */
bool draw_chance(struct draw *d, unsigned percent);

/* One object as a JSON document; number tells objects of a kind apart. */
void draw_object(struct draw *d, enum kind kind, unsigned number);
/* What is said of a field, or an empty rule. */
const struct field_rule *random_rule_of(const struct schema *s, const struct schema_field *f);
/* MeshConfig as JSON. */
void draw_mesh(struct draw *d);

#endif
