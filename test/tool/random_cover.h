/* SPDX-License-Identifier: Apache-2.0
 *
 * Which fields of the schema tables random manifests have shown: a field counts once an object with it
 * has passed the checks. A field that never comes needs a stated reason. Thread: any.
 */
#ifndef RANDOM_COVER_H
#define RANDOM_COVER_H

#include "base/map.h"
#include "node/schema.h"

struct cover {
	struct map drawn;	/* by the object in hand: draw.drawn */
	struct map passed;	/* by objects that passed */
};

void cover_init(struct cover *c);
void cover_fini(struct cover *c);
/* Ends the object in hand: its fields count, or they do not. */
void cover_end(struct cover *c, bool passed);
/* Prints how many fields of these tables have been shown, and those that have not. Returns the number of
 * fields without a reason, and of reasons for fields that were shown. */
size_t cover_report(const struct cover *c, const struct schema *const *tables, size_t n);

#endif
