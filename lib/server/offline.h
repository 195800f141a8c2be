/* SPDX-License-Identifier: Apache-2.0
 *
 * A mesh from files, without a daemon: the same parser, store, snapshot and compiler, run once. For
 * the command line and for tools. Thread: one.
 */
#ifndef SERVER_OFFLINE_H
#define SERVER_OFFLINE_H

#include <stdio.h>

#include "base/map.h"
#include "base/vec.h"
#include "mesh/snapshot.h"
#include "store/store.h"
#include "xds/res.h"

struct offline {
	struct arena arena; /* findings, texts */
	struct store *store;
	VEC(struct store_place) places; /* what was read, a file each */
	struct map texts;		/* file -> its text, to show the lines of findings */
	struct diags findings;		/* after offline_finish: all, by place and line */
	size_t n_objects, n_skipped;
	VEC(struct object *) refused;	/* invalid objects as written, for analysis; a ref each */
	struct snapshot *snap; /* after offline_finish */
};

struct offline_opts {
	const char *const *paths; /* files, directories, "-" for standard input */
	size_t n_paths;
	const char *mesh_config; /* file, or NULL */
	const char *domain;	 /* or NULL: cluster.local, or none without Kubernetes Services */
	const char *revision;	 /* or NULL: all objects count */
	enum schema_mode mode;
	/* Or NULL: adds a source to the store and returns when that is in sync. The files are laid over it. */
	int (*read_live)(void *arg, struct store *s, struct err *e);
	void *arg;
};

/* Reads everything and builds the snapshot. -1: a path cannot be read; what users wrote wrong is in
 * findings. offline_fini is due in either case. */
int offline_init(struct offline *o, const struct offline_opts *opts, struct err *e);
void offline_fini(struct offline *o);

/* The resources of one proxy: compiled, interned nowhere; in a. */
const struct compiled *offline_compile(const struct offline *o, const struct proxy *proxy,
				       struct arena *a);

/* A finding with its line and marker, as `navctl validate` shows it. */
void offline_print(const struct offline *o, const struct diag *d, FILE *out);

#endif
