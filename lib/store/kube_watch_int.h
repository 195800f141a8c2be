/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of kube_watch share: kube_watch.c asks and takes what comes, kube_watch_end.c makes of the end of a call
 * what follows from it.
 */
#ifndef STORE_KUBE_WATCH_INT_H
#define STORE_KUBE_WATCH_INT_H

#include "node/json_list.h"
#include "store/kube_watch.h"

enum {
	SCRATCH_MAX = 256 * 1024 * 1024,
	ERROR_BODY_MAX = 64 * 1024,
	VERSION_MAX = 256, CONTINUE_MAX = 16 * 1024, VERSIONS = 4,
	WATCH_MIN_S = 300, WATCH_SPREAD_S = 300,	/* watches end at different times */
	SHORT_WATCH_MS = 1000,		/* one that ends earlier has gone wrong */
	STREAM_FAILURES = 3,		/* then lists come by pages */
	BROKEN_SHIFT_MAX = 3,		/* lists that are broken each time come ever more seldom: every 4 to 8 minutes */
	SILENT_WATCHES = 2,		/* then the server may know nothing of our version: after a restore it says nothing */
};

enum mode { LIST_STREAM, LIST_PAGES, WATCH };

struct kube_watch {
	struct kube_watch_cfg cfg;
	struct object_keep keep;
	struct node_keep_key event_keys[2];
	struct node_keep event_keep;
	char *api[VERSIONS];		/* "/apis/GROUP/VERSION" */
	char *api_version[VERSIONS];
	size_t n_api, at_api;
	uint64_t random;
	enum kube_watch_state state;
	enum mode mode;
	bool no_stream, no_limit;	/* the server does not have it; a page's token went stale */
	unsigned stream_failures, silent_watches, failures, broken_lists;
	struct buf version, token;	/* resourceVersion; continue, empty on the first page */
	int64_t not_before_ms, relist_at_ms, listed_at_ms;
	int64_t absent_since_ms, forbidden_since_ms;	/* -1: it is not */
	bool vanished;			/* told */
	struct hash128 trouble;		/* told last; 0 = none */
	/* of the call */
	bool open, in_list, saw_broken, gone_410, list_done, no_mark;
	unsigned status;
	int64_t retry_after_ms, began_ms;
	uint64_t events_before;
	struct json_list list;
	struct buf line;		/* of a watch, what came in earlier pieces; or the body of an error */
	bool skip_line;
	struct arena scratch;
	struct buf target;
	struct kube_watch_stats stats;
};

/* From half of ms to one and a half. */
void kube_watch_wait_about(struct kube_watch *w, int64_t now_ms, int64_t ms);
/* Once, until it is another one, or NULL: none. */
void kube_watch_tell_trouble(struct kube_watch *w, const char *why);
/* An answer that failed; why is for people. */
void kube_watch_back_off(struct kube_watch *w, int64_t now_ms, const char *why);
void kube_watch_all_is_well(struct kube_watch *w);

/* The next call begins a list. */
void kube_watch_to_list(struct kube_watch *w);
/* The list under way counts for nothing. */
void kube_watch_drop_list(struct kube_watch *w);
/* It is whole; list: with the version that it is of. */
void kube_watch_end_list(struct kube_watch *w, int64_t now_ms, const struct node *list);

/* Into w->scratch; NULL and why when it is no JSON. */
struct node *kube_watch_parse(struct kube_watch *w, const char *text, size_t n, const struct node_keep *keep, const char **why);
const char *kube_watch_version_of(const struct node *object);

#endif
