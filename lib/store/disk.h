/* SPDX-License-Identifier: Apache-2.0
 *
 * The last good generation of an API server's objects on disk, so that a restart without that server serves what was
 * in force (P11). One text file: a line with version, number and checksum, then an object a line as JSON. It is written
 * beside, synced and renamed, and the one before stays as PATH.old: a kill at any moment and a full disk leave a
 * whole generation. It holds Secrets, and is the owner's only (0600).
 */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include "ev/job.h"
#include "store/object_set.h"

enum { DISK_FILE_MAX = 1024 * 1024 * 1024 };

/* The objects whose file begins with prefix. -1: what stood there stays. Thread: any. */
int disk_save(const char *path, const struct object_set *set, const char *prefix, struct err *e);

/* hash: that the object had; what is written is what counts of it, and may hash otherwise. */
typedef void disk_fn(void *arg, const struct node *root, struct hash128 hash);
/* fn for each object of path or, when that is not whole or of another version, of PATH.old. -1: of neither, and
 * nothing was handed out. ERR_NOT_FOUND: there is none. Thread: any. */
int disk_load(const char *path, disk_fn *fn, void *arg, struct err *e);

/* Saves on workers, one generation at a time, the last one that was asked for. A failure is logged once, until it
 * works again. Thread: loop. */
struct disk_saver;
struct disk_saver *disk_saver_new(struct loop *l, struct job_pool *pool, const char *path, const char *prefix);
void disk_saver_free(struct disk_saver *s);	/* what is under way goes on by itself; NULL is fine */
/* Within delay_ms, as set is then: it is asked for through current. */
typedef const struct object_set *disk_current_fn(void *arg);
void disk_saver_kick(struct disk_saver *s, int64_t delay_ms, disk_current_fn *current, void *arg);

#endif
