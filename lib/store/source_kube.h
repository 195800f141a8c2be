/* SPDX-License-Identifier: Apache-2.0
 *
 * An API server as a source: one kube_watch a kind (and one for each Secret and ConfigMap that is referred to), their objects decoded
 * and checked as those of files are, each at a place of its own ("kubernetes/<plural>/<ns>/<name>").
 *   - The source is synced when every kind has been listed, or is not there, or has been forbidden for a while; before
 *     that nothing is visible.
 *   - What a whole list no longer has is gone; when a list lacks more than a fifth and more than 100 of a kind, a
 *     second list must say the same.
 *   - An object that comes again unchanged costs a look-up. An invalid one leaves its last good form in force.
 * Thread: loop.
 */
#ifndef STORE_SOURCE_KUBE_H
#define STORE_SOURCE_KUBE_H

#include "ev/job.h"
#include "ev/loop.h"
#include "store/kubeconfig.h"
#include "store/kube_watch.h"
#include "store/store.h"

struct kube_client;
struct source_kube;

struct source_kube_cfg {
	struct loop *loop;
	struct store *store;
	const struct kube_access *access;	/* borrowed */
	const char *root_namespace;
	const char *user_agent;
	bool for_analysis;		/* kinds too that only analysis reads; nothing of them is a daemon's business */
	const char *state_dir;		/* where the last good generation is kept, or NULL */
	struct job_pool *pool;		/* for that */
	unsigned speed;			/* for tests: its time passes so many times faster; 0 = 1 */
	loop_fn *changed;		/* after a commit that changed objects or findings, and when synced */
	/* An object came, is another one of the same name, or its generation moved; before the commit. Or NULL. */
	void (*moved)(void *arg, enum kind kind, const char *ns, const char *name);
	void *arg;
};

enum {
	KUBE_HOLD_PERCENT = 20, KUBE_HOLD_OBJECTS = 100,	/* both exceeded: held */
	KUBE_CONFIRM_MS = 5000,		/* until the second list */
	KUBE_SAVE_MS = 2000,		/* from a change to its saving, at most one generation in that time */
	KUBE_REFERRED_MAX = 2000,	/* watches of Secrets and ConfigMaps */
};

/* Returns at once. With a generation on disk the source is synced on return, and what it says is that, until the server
 * says otherwise, kind by kind. An API server that cannot be reached is no error. */
int source_kube_open(const struct source_kube_cfg *cfg, struct source_kube **out, struct err *e);
void source_kube_reload(struct source_kube *s);	/* lists everything again */
void source_kube_close(struct source_kube *s);	/* NULL is fine; what it said stays in the store */
/* What the server has of a kind by now, in force or not. ns and name are borrowed. */
struct kube_object {
	const char *ns, *name;
	int source;			/* the store's number of this one */
	const char *api;		/* "/apis/networking.istio.io/v1" */
	int64_t generation;		/* 0: it says none */
	uint64_t version;		/* for source_kube_is_current */
};
bool source_kube_find(const struct source_kube *s, enum kind kind, const char *ns, const char *name, struct kube_object *out);
/* Whether the server's object (root) is what the watch had last: neither of the two is ahead of the other. */
bool source_kube_is_current(const struct kube_object *o, const struct node *root);
typedef void kube_object_fn(const struct kube_object *o, void *arg);
void source_kube_each_object(const struct source_kube *s, enum kind kind, kube_object_fn *fn, void *arg);

/* For other requests to the server, over the same connections; ends with the source. */
struct kube_client *source_kube_client(const struct source_kube *s);

/* Whether a place of the store (also the file of an object) is one of an API server. NULL: no. */
bool source_kube_is_place(const char *place);

/* For status pages: one row a watch. */
struct kube_status {
	const char *plural, *ns, *name;	/* name "": all of the kind */
	enum kube_watch_state state;
	const char *trouble;		/* or NULL */
	size_t objects, held;		/* held: gone by one list, not yet by a second */
	const struct kube_watch_stats *stats;
};
typedef void kube_status_fn(const struct kube_status *row, void *arg);
void source_kube_each(const struct source_kube *s, kube_status_fn *fn, void *arg);

#endif
