/* SPDX-License-Identifier: Apache-2.0
 *
 * A simulated API server: the real source (list and watch, commits, disk) reads from it through a stand-in for
 * net/http_client, on virtual time, while it fails as API servers and what lies before them do.
 *   sim_kube_api.c    its objects and their history
 *   sim_kube_http.c   what it answers, in pieces, and how answers go wrong
 *   sim_kube_disk.c   files in memory, and what a crash at any moment leaves of them
 *   sim_kube.c        a history; sim_kube_check.c: its oracles
 */
#ifndef SIM_KUBE_H
#define SIM_KUBE_H

#include "base/map.h"
#include "base/vec.h"
#include "sim.h"
#include "store/source_kube.h"

enum {
	API_MASS = 160,			/* objects of the kind that is lost in masses */
	API_SETTLE_MAX = 4000000,	/* steps */
	API_BURST_MS = 5000, API_BURST = 40,	/* requests for one kind in that time are a storm */
};

/* What may go wrong with one request. */
enum api_fault {
	FAULT_NONE,
	FAULT_STATUS,		/* 500, 502, 503 */
	FAULT_TOO_MANY,		/* 429 with Retry-After */
	FAULT_TOO_LARGE,	/* 504: too large resource version */
	FAULT_REFUSED,		/* no connection */
	FAULT_CUT,		/* a clean end within the body */
	FAULT_RESET,		/* an unclean one */
	FAULT_SLOW,		/* some bytes at a time */
	FAULT_SILENT,		/* nothing at all, or a watch without events and bookmarks */
	FAULT_PAGE,		/* 200, and what comes is not from the API server */
	FAULT_GARBAGE,		/* an element or event that is none */
	FAULT_GONE,		/* 410, as status or as event */
	FAULT_TOKEN,		/* 410 for the second page */
	FAULT_ERROR,		/* a watch ends with an event of another error */
	FAULT_TWICE,		/* events come twice */
	FAULT_BACK,		/* events from earlier come again */
	FAULT_EMPTY,		/* one list of the mass kind lacks all elements */
	FAULTS
};

/* One identity; it stays when its object goes. Texts are in the arena of the api. */
struct api_object {
	enum kind kind;
	const char *ns, *name;
	bool there;
	uint64_t uid, version;
	const char *rest;		/* JSON without its first '{', apiVersion and kind */
	struct object *obj;		/* held; NULL: not valid */
	VEC(struct hash128) good;	/* the valid forms that it ever had */
	unsigned gone;			/* how often it ceased to be there, or to be referred to */
	int64_t since_ms;		/* it is there */
	int64_t bad_ms;			/* it was last not valid */
	/* of what is in force (sim_kube_check.c) */
	bool in_force;
	unsigned gone_then;		/* when that was last seen to be the object as it is there */
};

struct api_event {
	uint64_t version;
	const char *type, *rest;
	struct api_object *object;
};

struct api_kind {
	VEC(struct api_event) events;
	bool present, forbidden;
	int64_t odd_ms;			/* it was last absent, or forbidden */
	uint64_t since;			/* watches from before are gone */
	unsigned served;		/* bits of kind_info.versions */
};

struct api {
	struct sim_random *random;
	struct loop *loop;
	struct arena arena;
	struct map objects;		/* "kind/ns/name" -> struct api_object */
	VEC(struct api_object *) all;
	struct api_kind kinds[KIND_COUNT];
	uint64_t version, compacted, last_uid;
	bool down;
	const char *token;		/* whom it lets in */
	bool verbose;
	/* of its kind */
	bool streams, old, bookmarks;	/* old: takes a list by stream for a watch */
	const char *version_prefix;	/* versions are opaque */
	unsigned page;
	/* what goes wrong */
	unsigned faults, percent;	/* bits of enum api_fault, each this often */
	bool lied;			/* FAULT_EMPTY, in this phase */
	bool spoils;			/* FAULT_GARBAGE may take an element's place */
	bool (*may_lie)(struct api *a, void *arg);
	void *arg;
	struct http_client *client;
	struct map requests;		/* path -> struct api_asked */
	const char *broken;		/* a rule of requests that was broken, or NULL */
};

void api_init(struct api *a, struct loop *l, struct sim_random *r);
void api_fini(struct api *a);
struct api_object *api_find(const struct api *a, enum kind kind, const char *ns, const char *name);
/* A manifest as a client writes it; spoiled: as an object that nobody checked. NULL: it is none. */
struct api_object *api_apply(struct api *a, const char *text, size_t n, bool spoiled);
/* event: false when nobody is told. */
void api_remove(struct api *a, struct api_object *o, bool event);
void api_compact(struct api *a);
void api_restore(struct api *a, uint64_t version);	/* from a backup; while it is down */
void api_vanish(struct api *a, enum kind kind);		/* its CRD goes, and all objects */
void api_appear(struct api *a, enum kind kind);
bool api_reads(enum kind kind);				/* whether the source watches that kind as a whole */

struct api_item {
	struct api_object *object;
	const char *rest;
};
/* The objects of a kind as they were at that version. */
struct api_item *api_items(const struct api *a, enum kind kind, uint64_t version, struct arena *arena, size_t *n);

/* ---- sim_kube_http.c ---- */

struct api_asked {
	int64_t not_before_ms;		/* Retry-After */
	int64_t at_ms[API_BURST];	/* of the last requests */
	unsigned n;
};
void api_forget_client(struct api *a);		/* a new one knows of no Retry-After */
void http_wake(struct api *a, enum kind kind);	/* there are events, or watches are to end */
void http_drop_all(struct api *a);		/* every connection is reset */
void http_end_watches(struct api *a, enum kind kind);	/* cleanly, soon */

/* ---- sim_kube_disk.c ---- */

enum { SIM_FILES = 4 };
struct sim_disk {
	struct sim_file {
		char path[64];
		char *p;
		size_t n;
		bool there;
		bool looked, whole;	/* at what is in it; then it is of sum */
		struct hash128 sum;
	} files[SIM_FILES];
	bool full;			/* what is written fails */
	struct sim_random *random;
	VEC(struct sim_state {
		struct object_set set;	/* refs, until the sum is known */
		bool known;
		struct hash128 sum;	/* as on disk */
	}) states;			/* all that was ever in force */
	bool was_whole;			/* a generation has been there */
	const char *broken;		/* a crash here would have lost it, or NULL */
};
/* The disk that the file functions of this thread act on; NULL: none. */
void sim_disk_use(struct sim_disk *d);
void sim_disk_note(struct sim_disk *d, const struct object_set *set);	/* it is in force */
struct hash128 sim_disk_sum(const struct object_set *set);
void sim_disk_fini(struct sim_disk *d);
void sim_disk_write(struct sim_disk *d, const char *path, const char *text);
/* What a process that starts now would read. False: nothing whole. */
bool sim_disk_generation(const struct sim_disk *d, struct hash128 *sum);

/* ---- sim_kube.c, sim_kube_check.c ---- */

struct kube_world {
	struct world w;			/* first */
	struct api api;
	struct sim_disk disk;
	bool has_disk;
	struct kube_access access;
	struct source_kube *source;
	int64_t opened_ms;
	const struct kind_list *before[KIND_COUNT];	/* in force at the last look; refs, or NULL */
	bool seen_synced;
	bool has_proxies;
	unsigned faults_meant;		/* those of the history; api.faults is 0 while it heals */
};
uint64_t sim_kube_run(uint64_t seed, bool verbose, const char **failed, char why[400]);
void kube_check_change(struct kube_world *k);		/* after each commit: O6, nothing half-read */
void kube_check_forget(struct kube_world *k);		/* a new process begins */
void kube_model(struct world *w, struct object_set *set);
void kube_check_disk(struct kube_world *k);		/* at a quiet point */

#endif
