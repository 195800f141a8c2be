/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to source_kube.c (what comes from the server), source_kube_refs.c (which Secrets and ConfigMaps are watched)
 * and source_kube_look.c (what others ask). Thread: loop.
 */
#ifndef STORE_SOURCE_KUBE_INT_H
#define STORE_SOURCE_KUBE_INT_H

#include "base/map.h"
#include "store/credential_refs.h"
#include "store/kube_call.h"
#include "store/source_kube.h"

/* An object that the server has. */
struct known {
	uint64_t uid;			/* hash; 0: not said */
	uint64_t version;		/* hash of uid and resourceVersion; 0: not said */
	unsigned round;			/* the list that had it last */
	uint32_t generation : 31;	/* 0: not said */
	uint32_t missing : 1;		/* one list did not have it */
};

struct feed {
	struct source_kube *source;
	struct feed *next;
	enum kind kind;
	char *ns, *name;		/* or NULL */
	bool referred;			/* watched for as long as an object names it */
	struct kube_watch *watch;
	struct kube_call *call;		/* or NULL */
	struct loop_timer timer, confirm;
	struct kube_next next_call;
	struct map known;		/* "ns/name" -> struct known, heap */
	unsigned round;
	size_t held;
	char *trouble;			/* or NULL */
};

struct source_kube {
	struct source_kube_cfg cfg;
	struct kube_client *client;
	int source;
	struct feed *feeds;
	struct map referred;		/* "kind/ns/name" -> the feed of what an object names */
	const struct kind_list *followed[CREDENTIAL_KINDS];	/* what the references are of; refs */
	const struct mesh_settings *followed_mesh;	/* ref */
	struct loop_task commit;
	struct loop_timer late;		/* a look at what may be settled by time alone */
	struct arena scratch;
	uint64_t seed;
	bool synced, closing;
	bool restored;			/* synced from disk, and not by the server yet */
	struct disk_saver *saver;	/* or NULL */
	char *state;			/* path of the generation, or NULL */
	bool loading_referred;		/* the second pass over what is on disk */
	bool touched;			/* the store was told something since the last commit */
	uint64_t findings;		/* their version as of the last commit */
};

/* ---- source_kube.c ---- */

/* name: of one object in ns, or NULL: all of the kind. */
struct feed *source_kube_add_feed(struct source_kube *s, enum kind kind, const char *ns, const char *name);
void source_kube_free_feed(struct feed *f);	/* it stands in no list any more */
void source_kube_forget_all(struct feed *f);	/* its objects are gone */

/* ---- source_kube_refs.c ---- */

/* After a commit: watches what the objects refer to now. */
void source_kube_follow(struct source_kube *s);
void source_kube_unfollow(struct source_kube *s);	/* at the end, when no feed is left */

/* The key of struct feed's known. */
const char *source_kube_key(const char *ns, const char *name, struct arena *a);

#endif
