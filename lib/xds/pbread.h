/* SPDX-License-Identifier: Apache-2.0
 *
 * Wire bytes of protobuf messages read by the names of their fields: a thin view over pbscan and the
 * descriptor tables, for code that asks few questions of many kinds of messages. A message that is
 * absent has no description; asking it anything gives the defaults, so that paths through optional
 * messages need no checks. Of a field that stands more than once the last counts; malformed bytes
 * end a message early. Nothing is copied but texts. Thread: pure.
 */
#ifndef XDS_PBREAD_H
#define XDS_PBREAD_H

#include "base/arena.h"
#include "xds/pbscan.h"

struct pbread {
	const struct pb_msg *m;	/* NULL: absent */
	struct pb_bytes b;
};

/* type: full name, must be one of the tables. */
struct pbread pbread_root(const char *type, struct pb_bytes b);
bool pbread_has(struct pbread r, const char *field);
struct pbread pbread_msg(struct pbread r, const char *field);
/* The message inside the Any of that field; absent when its type has no description. */
struct pbread pbread_any(struct pbread r, const char *field);
/* The value of a map of messages (an Any: the message in it). */
struct pbread pbread_entry(struct pbread r, const char *field, const char *key);
const char *pbread_text(struct pbread r, const char *field, struct arena *a);	/* "" if absent */
/* A number, bool or enum, or a wrapper of one; otherwise when absent. */
uint64_t pbread_num(struct pbread r, const char *field, uint64_t otherwise);
/* A Duration in nanoseconds; -1 when absent. */
int64_t pbread_ns(struct pbread r, const char *field);
/* True when the message has the full name. */
bool pbread_is(struct pbread r, const char *type);

/* The values of a repeated field, in order. */
struct pbread_list {
	struct pb_scan scan;
	const struct pb_field *field;
};
struct pbread_list pbread_list(struct pbread r, const char *field);
bool pbread_next(struct pbread_list *l, struct pbread *out);
bool pbread_next_text(struct pbread_list *l, struct arena *a, const char **out);

#endif
