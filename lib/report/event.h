/* SPDX-License-Identifier: Apache-2.0
 *
 * struct event_book: Events about objects, sans-I/O. What is said again of an object within ten minutes is the same
 * Event with a higher count; an object has a few Events in that time, and all together come at a bounded rate. Core v1,
 * and not events.k8s.io: of these `kubectl describe` shows no count. Thread: loop.
 */
#ifndef REPORT_EVENT_H
#define REPORT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct event_book;

enum {
	EVENT_SERIES_MAX = 256,		/* remembered; the oldest gives way */
	EVENT_SERIES_MS = 600000,
	EVENT_OBJECT_MAX = 5,		/* different Events of one object in that time */
	EVENT_BURST = 50, EVENT_PER_MIN = 30,
	EVENT_MESSAGE_MAX = 1024,	/* bytes; kube-apiserver's limit */
};

struct event_about {
	const char *api_version, *kind, *ns, *name, *uid;
	const char *reason;		/* one word */
	const char *message;
};

/* component: who says it ("navarchd"), instance: which replica. Copied. */
struct event_book *event_book_new(const char *component, const char *instance, int64_t now_ms, uint64_t seed);
void event_book_free(struct event_book *b);	/* NULL is fine */

/* A Warning. Its number, to be sent; 0: it is dropped, and counted. */
uint64_t event_note(struct event_book *b, const struct event_about *about, int64_t now_ms, int64_t wall_ns);

struct event_request {
	const char *method, *content_type;
	struct buf target, body;	/* the caller inits and finishes them */
};
/* What to send for it: it is new, or its count has grown. False: it is forgotten, or nothing is new. */
bool event_request(struct event_book *b, uint64_t number, struct event_request *out);
/* Its answer. True: there is a next request, for the Event whose count was to grow has ended, and is made anew. Of one
 * that nothing comes of (its namespace has gone) no more is sent. */
bool event_answered(struct event_book *b, uint64_t number, unsigned status);

struct event_stats {
	uint64_t noted, sent, dropped;
};
const struct event_stats *event_book_stats(const struct event_book *b);

#endif
