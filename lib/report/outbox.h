/* SPDX-License-Identifier: Apache-2.0
 *
 * struct outbox: what is to be done at the API server, by key, sans-I/O: it says which errand may begin, and when.
 *   - An errand that is put again while it waits is one; while it is under way, it is done once more.
 *   - A few are under way at once, and no more requests a second are made than a token bucket gives.
 *   - What was changed just now goes before the rest (a first pass over a big mesh).
 *   - When the server does not answer, or says that it has too much to do, everything waits, longer each time.
 *   - What the server refuses for a reason of its own (a right that is missing) waits alone, up to half an hour.
 * Time is what the owner says (ms, monotonic). Thread: loop.
 */
#ifndef REPORT_OUTBOX_H
#define REPORT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox;

enum {
	OUTBOX_OPEN_MAX = 8,		/* errands under way */
	OUTBOX_BURST = 100, OUTBOX_PER_S = 50,	/* requests */
	OUTBOX_PAUSE_MS = 500, OUTBOX_PAUSE_MAX_MS = 30000,
	OUTBOX_ALONE_MS = 60000, OUTBOX_ALONE_MAX_MS = 1800000,
	OUTBOX_SOON_MS = 100,		/* after a conflict, doubled each time */
};

struct outbox *outbox_new(int64_t now_ms, uint64_t seed);
void outbox_free(struct outbox *o);	/* NULL is fine */
void outbox_clear(struct outbox *o);	/* nothing waits or is under way any more */

enum outbox_lane { OUTBOX_URGENT, OUTBOX_BULK, OUTBOX_LANES };
void outbox_put(struct outbox *o, const char *key, enum outbox_lane lane);

/* The errand to begin now; its key is valid until outbox_end. NULL: none, and *wait_ms (or -1: until something is put or
 * ends) until there may be one. */
const char *outbox_next(struct outbox *o, int64_t now_ms, int64_t *wait_ms);
/* The errand is under way, and has been put once more since it began. */
bool outbox_is_again(const struct outbox *o, const char *key);
/* A further request of an errand that is under way. */
void outbox_charge(struct outbox *o, int64_t now_ms);

enum outbox_end {
	OUTBOX_DONE,		/* or there is nothing left to do it to */
	OUTBOX_CONFLICT,	/* somebody else was quicker: soon again */
	OUTBOX_REFUSED,		/* waits alone */
	OUTBOX_TROUBLE,		/* the server: all wait */
};
/* retry_after_ms: as the server said, or -1. */
void outbox_end(struct outbox *o, const char *key, enum outbox_end how, int64_t retry_after_ms, int64_t now_ms);

struct outbox_stats {
	size_t waiting, open;
	uint64_t done, conflicts, refused, troubles;
	bool paused;
};
void outbox_stats(const struct outbox *o, int64_t now_ms, struct outbox_stats *out);

#endif
