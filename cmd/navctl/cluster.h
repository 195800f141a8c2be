/* SPDX-License-Identifier: Apache-2.0
 *
 * A cluster for command lines: its API server, found as kubectl finds it (--kubeconfig, KUBECONFIG,
 * ~/.kube/config, the Pod's own account), asked one thing at a time. Calls block until they are
 * answered; every wait is bounded.
 */
#ifndef NAVCTL_CLUSTER_H
#define NAVCTL_CLUSTER_H

#include "base/args.h"
#include "ev/loop.h"
#include "store/kube_call.h"
#include "store/kube_watch.h"
#include "store/store.h"

/* clang-format off */
#define CLUSTER_OPTIONS                                                                            \
	{"kubeconfig", 'k', "FILE",                                                                \
	 "The cluster; several files with ':' between. KUBECONFIG, ~/.kube/config, the Pod's own."}, \
	{"context", 0, "NAME", "Context of the kubeconfig; the current one."}
#define CLUSTER_ROOT_OPTION                                                                        \
	{"istio-namespace", 'i', "NS", "The namespace of the control plane; istio-system."}
/* clang-format on */

struct cluster {
	struct loop *loop;
	struct arena *arena;
	struct kube_access access;
	struct kube_client *client;
	const char *root_namespace;
};

/* Reads the kubeconfig; asks nobody. cluster_close is due in either case. */
int cluster_open(struct cluster *c, const struct args *args, struct arena *a, struct err *e);
void cluster_close(struct cluster *c);

/* One request and its whole answer. json: its text as a tree, or NULL if it is none. -1: no answer
 * (ERR_IO, ERR_TIMEOUT), or one that is not 2xx, with the server's own words (kube_reply_check);
 * status tells which. */
struct cluster_answer {
	unsigned status; /* 0: none */
	const struct node *json;
	const char *text;
};
int cluster_ask(struct cluster *c, const char *method, const char *target,
		struct cluster_answer *out, struct err *e);
/* The same with a body; type NULL: JSON. */
int cluster_send(struct cluster *c, const char *method, const char *target, const char *type,
		 const struct buf *body, struct cluster_answer *out, struct err *e);

/* What became of one kind while the cluster was read. */
struct cluster_watch {
	const char *plural, *ns, *name; /* name "": all of the kind */
	enum kube_watch_state state;
	const char *trouble; /* or NULL */
	size_t objects;
};
struct cluster_watches {
	struct cluster_watch *v;
	size_t n;
};
/* The whole cluster into a further source of the store, kind by kind, with those for analysis;
 * progress on standard error if that is a terminal. -1: the server cannot be reached, or not
 * everything is here after timeout_ms. */
int cluster_read(struct cluster *c, struct store *s, int64_t timeout_ms,
		 struct cluster_watches *out, struct err *e);

/* Lets ms pass. */
void cluster_wait(struct cluster *c, int64_t ms);

#endif
