/* SPDX-License-Identifier: Apache-2.0
 *
 * What objects of the Gateway API are told: mesh/gwapi_status.h of the snapshot that was published last, worked out by a job
 * (thousands of routes against their Gateways are no work for the loop), and, from one of these statuses and the one that is
 * there, the patch that is due. Conditions and entries (status.parents, status.ancestors) of other controllers are handed
 * back as they were. Thread: loop; the patch: pure.
 */
#ifndef REPORT_GWAPI_H
#define REPORT_GWAPI_H

#include "ev/job.h"
#include "mesh/snapshot.h"
#include "node/node.h"

/* One object's. A route that is at nothing of ours loses what we said of it. */
struct gwapi_said {
	enum kind kind;
	const char *ns, *name;
	int64_t generation;		/* that it speaks of */
	struct hash128 hash;		/* of it all */
	const char *json;		/* the value of status, without times */
	size_t n_json;
};

/* Whether objects of the kind are told anything here. */
bool gwapi_is_told(enum kind kind);

struct gwapi_book;
/* changed is called whenever there are new ones, never from within a call into the book. */
struct gwapi_book *gwapi_book_new(struct loop *l, struct job_pool *jobs, loop_fn *changed, void *arg);
void gwapi_book_free(struct gwapi_book *b);	/* a job under way ends by itself; NULL is fine */
/* Soon there are those of s. A reference is taken. */
void gwapi_book_look(struct gwapi_book *b, struct snapshot *s);
/* The same, where s may say anything else than prev (or NULL). */
void gwapi_book_published(struct gwapi_book *b, const struct snapshot *prev, struct snapshot *s);
void gwapi_book_clear(struct gwapi_book *b);
/* Borrowed until the book changes. */
const struct gwapi_said *gwapi_book_find(const struct gwapi_book *b, enum kind kind, const char *ns, const char *name);
const struct gwapi_said *gwapi_book_all(const struct gwapi_book *b, size_t *n);

/* The object as the server has it (root): true when a patch is due, which is then in out (a merge patch of the status
 * subresource that holds for this resourceVersion only). wall_ns: for times of transition. */
bool gwapi_patch(const struct gwapi_said *want, const struct node *root, int64_t wall_ns, struct buf *out);

#endif
