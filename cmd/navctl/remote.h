/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking running daemons: their admin pages, at an address, or in a cluster. Those pages take
 * callers of their own machine only, so that in a cluster the way is that of `kubectl
 * port-forward`: a WebSocket through the API server to the Pod (forward.c).
 */
#ifndef NAVCTL_REMOTE_H
#define NAVCTL_REMOTE_H

#include "base/buf.h"
#include "cluster.h"

/* clang-format off */
#define REMOTE_OPTIONS                                                                             \
	{"server", 's', "HOST:PORT",                                                               \
	 "The daemon's admin port. Without it the cluster's daemons; without a cluster 127.0.0.1:8080."}, \
	CLUSTER_OPTIONS, CLUSTER_ROOT_OPTION
/* clang-format on */

struct replica {
	const char *name;    /* of the Pod, or the address */
	const char *trouble; /* why it cannot be asked ("Pending"), or NULL */
};

struct remote {
	struct arena *arena;
	struct cluster cluster;
	bool in_cluster;
	struct replica *v;
	size_t n;
};

/* Finds the daemons; at least one, or -1. remote_close is due in either case. */
int remote_open(struct remote *r, const struct args *args, struct arena *a, struct err *e);
void remote_close(struct remote *r);
/* GET of a page of one daemon, appended to body. -1: unreachable (ERR_IO and others), or an answer
 * that is not 200 (ERR_NOT_FOUND for 404), with the server's own words. */
int remote_get(struct remote *r, const struct replica *at, const char *path, struct buf *body,
	       struct err *e);
/* POST of a JSON text; NULL: GET. ERR_REFUSED also for 409: what is asked does not fit what is
 * going on. */
int remote_post(struct remote *r, const struct replica *at, const char *path, const char *json,
		struct buf *body, struct err *e);
/* That can be asked; else the first of all. */
const struct replica *remote_first(const struct remote *r);
/* The page as a tree. */
const struct node *remote_json(struct remote *r, const struct replica *at, const char *path,
			       struct err *e);

const char *remote_escape(const char *text, struct arena *a);
/* Prints a JSON answer as JSON or YAML ("yaml"); member NULL or "all": the whole. */
void remote_print_member(struct buf *json, const char *member, const char *form, struct arena *a);

/* ---- for remote.c: forward.c ---- */

enum { FORWARD_MS = 20000 };
/* GET, or POST of a JSON text, of http://localhost:<port><path> within a Pod. status: of the
 * answer. -1: there is none. */
int forward_call(struct cluster *c, const char *pod, unsigned port, const char *path,
		 const char *json, unsigned *status, struct buf *body, struct err *e);

#endif
