/* SPDX-License-Identifier: Apache-2.0
 *
 * The last good generation of a source on disk, so that a restart without that source serves what was in force (P11).
 * One text file: a line with version, number and checksum, the mesh settings, then an object a line as JSON. It is
 * written beside, synced and renamed, and the one before stays as PATH.old: a kill at any moment and a full disk
 * leave a whole generation.
 * What is written of an object is what was decoded of it, so it decodes to an equal one, and it comes with its hash:
 * what a source then says unchanged is no change. Of an object that is invalid now it is the last good form.
 * It holds the Secrets that Gateways name: a gateway that starts while the API server is away could not serve HTTPS
 * without them. Hence a file is its owner's only (0600), and nothing is written without --state-dir.
 */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include "base/buf.h"
#include "ev/job.h"
#include "store/object_set.h"

struct store;

enum { DISK_FILE_MAX = 1024 * 1024 * 1024 };

/* The objects whose file begins with prefix, and the settings. last: checksum of what the file is known to hold, or
 * zero; the same is not written again. -1: what stood there stays. Thread: any. */
int disk_save(const char *path, const struct object_set *set, const char *prefix, struct hash128 *last, struct err *e);
/* The same into out. -1: it does not fit. */
int disk_build(const struct object_set *set, const char *prefix, struct buf *out, struct hash128 *sum);

/* root: the object, with `hash`, `file` and `line` among its metadata. hash: that it had; what is written is what
 * counts of it, and may hash otherwise. */
typedef void disk_fn(void *arg, const struct node *root, struct hash128 hash);
/* The settings to store (or NULL), and fn for each object of path or, when that is not whole or of another version, of
 * PATH.old, and then it returns 1 and e says why. saved_s: when it was written, seconds since 1970. -1: of neither, and
 * nothing was handed out; ERR_NOT_FOUND: there is none. Thread: loop; any without a store. */
int disk_load(const char *path, struct store *store, disk_fn *fn, void *arg, int64_t *saved_s, struct err *e);
/* The same of a file's bytes, behind which is a NUL; path is for errors. */
int disk_parse(const char *text, size_t n, const char *path, struct store *store, disk_fn *fn, void *arg, struct err *e);

/* Saves on workers, one generation at a time, the last one that was asked for. A failure is logged once, until it
 * works again, and tried again ever more seldom, at last once a minute. Thread: loop. */
struct disk_saver;
struct disk_saver *disk_saver_new(struct loop *l, struct job_pool *pool, const char *path, const char *prefix);
void disk_saver_free(struct disk_saver *s);	/* what is under way goes on by itself; NULL is fine */
/* Within delay_ms, as set is then: it is asked for through current. */
typedef const struct object_set *disk_current_fn(void *arg);
void disk_saver_kick(struct disk_saver *s, int64_t delay_ms, disk_current_fn *current, void *arg);

#endif
