/* SPDX-License-Identifier: Apache-2.0
 *
 * struct kube_watch: list and watch of one kind, sans-I/O: the owner sends the request that kube_watch_next
 * asks for, hands in what comes back, and gets objects. It keeps no objects; it knows how far it has read.
 *
 *	nothing -> list by stream (a watch with its initial events; where the server has it) or by pages
 *	        -> watch from the list's version -> again and again; 410 or silence -> list
 *
 * Rules: a list counts only when it has come whole; a list or an answer of 403, 404 or 5xx deletes nothing; versions are
 * opaque but for a hint that time goes back; every list is a consistent read, and an event that is older than what has
 * been read is not taken but looked into by a list, so that nothing goes back in time; no request follows another one within
 * half a second unless the one before went well; a broken element or event is told and hurts no other one.
 * Time is what the owner says (ms, monotonic). Thread: one at a time.
 */
#ifndef STORE_KUBE_WATCH_H
#define STORE_KUBE_WATCH_H

#include "base/err.h"
#include "model/object.h"

struct kube_watch;

struct kube_watch_events {
	/* An object as it stands now, with apiVersion and kind; root is borrowed. */
	void (*put)(void *arg, const struct node *root);
	void (*removed)(void *arg, const struct node *root);
	/* An element or event that is no object of the kind, or goes back in time. */
	void (*broken)(void *arg, const char *why);
	void (*list_began)(void *arg);
	/* whole: what was not put since list_began is no more. Not whole: nothing follows from it. */
	void (*list_ended)(void *arg, bool whole);
	/* The server has not known the kind for long. */
	void (*vanished)(void *arg);
	/* Once when it begins to fail, or fails otherwise; NULL: once when it is over. */
	void (*trouble)(void *arg, const char *why);
	/* Before list_ended: the server is older than it was, as after a restore. It gives versions out a second time, so
	 * that none of those that were read tells what an object is; another list follows. */
	void (*reverted)(void *arg);
};

struct kube_watch_cfg {
	enum kind kind;
	const char *ns, *name;		/* one namespace, and there one object; or NULL */
	unsigned page;			/* objects a page, where lists are paged */
	uint64_t seed;			/* of the jitter */
	const struct kube_watch_events *events;
	void *arg;
};

enum {
	KUBE_BACKOFF_MS = 500, KUBE_BACKOFF_MAX_MS = 30000,
	KUBE_SILENCE_MS = 90000,	/* bookmarks come each minute; without any, the watch is dead */
	KUBE_LIST_SILENCE_MS = 30000,
	KUBE_ABSENT_RETRY_MS = 10000,	/* a kind or a right that is missing */
	KUBE_FORBIDDEN_GRACE_MS = 10000,	/* a young server forbids everything for two seconds */
	KUBE_VANISHED_MS = 600000,
	KUBE_AUDIT_MS = 1800000,	/* a list for comparison, however well the watch goes */
	KUBE_BROKEN_RELIST_MS = 30000,	/* after an event, or a list, that could not be read whole */
};

/* cfg's texts are borrowed. */
struct kube_watch *kube_watch_new(const struct kube_watch_cfg *cfg);
void kube_watch_free(struct kube_watch *w);	/* NULL is fine */

/* What to do while no call is open. target is borrowed until the next call of this module. */
struct kube_next {
	int64_t wait_ms;		/* first, and then ask again; 0: now */
	const char *target;		/* path and query of a GET; NULL while waiting */
	int64_t idle_ms, total_ms;	/* bounds of the call, as http_client has them */
};
void kube_watch_next(struct kube_watch *w, int64_t now_ms, struct kube_next *out);

/* The course of that call. received: false when the call is of no more use, and kube_watch_ended is due. */
void kube_watch_answered(struct kube_watch *w, unsigned status, int64_t retry_after_ms);
bool kube_watch_received(struct kube_watch *w, int64_t now_ms, const char *p, size_t n);
void kube_watch_ended(struct kube_watch *w, int64_t now_ms, const struct err *why);
/* Something says that what was read may be wrong: a new list, not earlier than in ms. True when a watch is open that
 * should end for it now (ERR_CANCELLED). */
bool kube_watch_relist(struct kube_watch *w, int64_t now_ms, int64_t ms);

enum kube_watch_state { KUBE_UNSYNCED, KUBE_SYNCED, KUBE_ABSENT, KUBE_FORBIDDEN, KUBE_WATCH_STATES };
const char *kube_watch_state_name(enum kube_watch_state state);	/* "reading", "synced", ... */
/* Where the kind is: "/apis/networking.istio.io/v1", of the versions that there may be the one in use. */
const char *kube_watch_api(const struct kube_watch *w);
enum kube_watch_state kube_watch_state(const struct kube_watch *w);
/* The first list is here, or there will be none: the kind holds up nobody. */
bool kube_watch_is_settled(const struct kube_watch *w, int64_t now_ms);

struct kube_watch_stats {
	uint64_t requests, lists, events, broken, failures;
};
const struct kube_watch_stats *kube_watch_stats(const struct kube_watch *w);

#endif
