/* SPDX-License-Identifier: Apache-2.0
 *
 * struct publisher: from changed objects to what each client holds. It builds the next snapshot, then
 * compiles every view that has clients, then hands each client its new bundle. The first change after
 * a quiet time goes at once; a storm is gathered (50 ms quiet, 1 s at most). One generation is under
 * way at a time; the one before is served until the next is complete (P8, P11).
 * Thread: loop; the building itself runs as jobs.
 */
#ifndef SERVER_PUBLISH_H
#define SERVER_PUBLISH_H

#include "ev/job.h"
#include "server/metrics.h"
#include "xds/res.h"

enum {
	PUBLISH_QUIET_MS = 50,
	PUBLISH_MAX_MS = 1000,
	PUBLISH_JOB_MEMORY_MAX = 1024 * 1024 * 1024,
};

struct publisher;
struct view_slot;

/* One who wants the resources of a proxy. Embedded in a client; proxy outlives the subscription. */
struct subscriber {
	const struct proxy *proxy;
	/* New content, or the first. Called on the loop, never from within publisher_subscribe. */
	void (*updated)(struct subscriber *sub, struct bundle *b);
	/* the publisher's */
	struct view_slot *slot;
	struct subscriber *next, **at;
};

struct publish_source {
	void *arg;
	/* Fills set with the current objects, references taken; false while the first read is under way. */
	bool (*objects)(void *arg, struct object_set *set);
	/* A snapshot is served from here on; or NULL. */
	void (*published)(void *arg, struct snapshot *s);
};

struct publisher *publisher_new(struct loop *l, struct job_pool *jobs, struct metrics *metrics,
				const struct publish_source *source);
void publisher_free(struct publisher *p);	/* no job may be under way; no subscriber left; NULL is fine */

void publisher_changed(struct publisher *p);	/* the source's objects differ from before */
void publisher_subscribe(struct publisher *p, struct subscriber *sub);
void publisher_unsubscribe(struct publisher *p, struct subscriber *sub);	/* fine if not subscribed */

/* The snapshot that is served, or NULL before the first; borrowed. */
const struct snapshot *publisher_snapshot(const struct publisher *p);
/* The bundle that the subscriber's view holds now, or NULL; borrowed. */
struct bundle *publisher_bundle(const struct subscriber *sub);
struct res_table *publisher_table(struct publisher *p);
bool publisher_idle(const struct publisher *p);		/* nothing waits or is under way */
size_t publisher_views(const struct publisher *p);

/* Of the last generation, for /debug/timings. */
struct publish_timings {
	uint64_t generations;
	int64_t snapshot_ns, compile_ns;	/* last snapshot; sum over the views of the last generation */
	size_t n_views, n_built, n_parts;
	const char *broken;		/* why a view's set was not published, or NULL */
};
void publisher_timings(const struct publisher *p, struct publish_timings *out);

#endif
