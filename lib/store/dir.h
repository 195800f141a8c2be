/* SPDX-License-Identifier: Apache-2.0
 *
 * One reading of a directory of manifests (*.yaml, *.yml, *.json, recursive, sorted by path): what
 * differs from what is known is parsed and decoded. Each file is a place of the store. dir_scan
 * runs on any thread and touches nothing but files and its result; dir_apply: loop.
 */
#ifndef STORE_DIR_H
#define STORE_DIR_H

#include "base/err.h"
#include "store/store.h"

/* The state of a file at the scan before. */
struct dir_file {
	const char *path;
	struct hash128 hash;		/* of its bytes */
};

struct dir_known {
	struct arena arena;
	struct dir_file *v;		/* by path */
	size_t n;
};

enum dir_outcome { DIR_SAME, DIR_READ, DIR_UNREADABLE };

struct dir_change {
	enum dir_outcome outcome;
	struct dir_file file;
	struct store_place place;	/* DIR_READ; of DIR_UNREADABLE only name and findings */
};

struct dir_scan {
	struct arena arena;
	struct dir_change *v;		/* every file there is, by path */
	size_t n;
	bool failed;			/* the directory could not be listed, or has no manifests: err */
	struct err err;
};

/* Memory of the result is s->arena; it holds refs of the objects until dir_scan_fini. */
void dir_scan(const char *root, const struct dir_known *known, enum schema_mode mode, struct dir_scan *s);
/* Puts what changed, removes what vanished, commits and brings known up to date; the number of
 * changed objects. A failed scan changes nothing. */
size_t dir_apply(const struct dir_scan *s, struct store *store, int source, struct dir_known *known);
void dir_scan_fini(struct dir_scan *s);

#endif
