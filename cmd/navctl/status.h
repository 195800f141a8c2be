/* SPDX-License-Identifier: Apache-2.0
 *
 * What `navctl status` tells, wherever it comes from: files, one daemon, those of a cluster.
 */
#ifndef NAVCTL_STATUS_H
#define NAVCTL_STATUS_H

#include "base/vec.h"
#include "mesh/snapshot.h"

struct status_reason {
	const char *code, *level, *path, *text;
};

struct status_object {
	const char *kind, *ns, *name, *place, *verdict;
	struct status_reason *why;
	size_t n_why;
};

struct status_replica {
	const char *name;
	const char *trouble; /* or NULL; then the rest says nothing */
	const char *version;
	bool ready;
	int64_t uptime_s, restored_s; /* restored: it serves what was saved then; 0: no */
	size_t proxies, in_sync;
};

struct status_watch {
	const char *kind, *ns, *name, *state, *trouble; /* ns, name, trouble: or NULL */
	int64_t objects, held;
};

/* A proxy that is not in sync. */
struct status_proxy {
	const char *name, *replica;
	const char *what; /* "cluster STALE, route REJECTED: ..." */
	bool rejects;
};

struct status {
	VEC(struct status_replica) replicas; /* none: of files */
	VEC(struct status_watch) watches;
	VEC(struct status_object) objects; /* those that are asked for */
	size_t counts[VERDICT_STATES];	   /* of all that there are */
	VEC(struct status_object)
	findings; /* errors of what has no verdict, for it is not in force: a reason each */
	VEC(struct status_proxy) late;
};

void status_print_text(const struct status *st);
void status_print_json(const struct status *st, const char *form, struct arena *a);

#endif
