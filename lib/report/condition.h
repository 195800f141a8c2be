/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions (meta/v1 Condition) in a status that has several writers: ours stand where they stood, or at the end, and keep
 * their lastTransitionTime while their status stays; those of others are handed back as they were. Thread: pure.
 */
#ifndef REPORT_CONDITION_H
#define REPORT_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "node/node.h"

struct condition {
	const char *type;
	bool is_true;
	const char *reason, *message;	/* reason NULL: ours, and not to be there */
};

/* The list as it is to be, as JSON. old: as it is, or NULL. generation 0: not said. now: RFC 3339. */
void conditions_put(struct buf *b, const struct condition *own, size_t n, int64_t generation, const struct node *old,
		    const char *now);
/* That of the type in the list, or NULL. */
const struct node *condition_find(const struct node *list, const char *type);

#endif
