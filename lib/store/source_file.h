/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory of manifests as a source: read when opened, read again at each change, on workers; a
 * change is applied as one commit. A directory that became unreadable or empty keeps what it said
 * last, from one run to the next too if there is a place to keep it (P11). Thread: loop.
 */
#ifndef STORE_SOURCE_FILE_H
#define STORE_SOURCE_FILE_H

#include "ev/job.h"
#include "ev/loop.h"
#include "store/dir.h"

struct source_file;

struct source_file_cfg {
	struct loop *loop;
	struct job_pool *pool;
	struct store *store;
	const char *root;
	enum schema_mode mode;
	const char *state;	/* file of the last good generation (store/disk.h), or NULL */
	loop_fn *changed;	/* after a commit that changed objects or findings */
	void *arg;
};

enum { FILE_SAVE_MS = 500 };	/* from a change to its saving, at most one generation in that time */

/* Reads once before it returns: -1 when the directory is missing, unreadable or without manifests, unless there is a
 * generation of it on disk: that is in force then until the directory can be read. What cannot be read or is invalid
 * of a directory that can has its last good form from there. The source is synced on return; changed is not called
 * for that. */
int source_file_open(const struct source_file_cfg *cfg, struct source_file **out, struct err *e);
void source_file_reload(struct source_file *f);	/* reads again now, as at a change */
void source_file_close(struct source_file *f);	/* NULL is fine; what it said stays in the store */

#endif
