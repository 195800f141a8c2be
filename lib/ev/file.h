/* SPDX-License-Identifier: Apache-2.0
 *
 * Files. Reading is bounded and takes regular files only; writing replaces atomically.
 * Names that begin with '.' are not listed, but symbolic links are followed, so that a mounted
 * ConfigMap ("a.yaml -> ..data/a.yaml", "..data -> ..2024_x") lists as its files.
 * Thread: any, but struct file_watch: loop.
 */
#ifndef EV_FILE_H
#define EV_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "ev/loop.h"

/* Appends the whole file. ERR_NOT_FOUND; ERR_LIMIT if it does not fit into out's cap; ERR_IO, also
 * for what is not a regular file. out is unchanged on error. */
int file_read(const char *path, struct buf *out, struct err *e);
/* Writes beside path, syncs, renames over it, syncs the directory. The mode is exact. On error the
 * old file is untouched. */
int file_replace(const char *path, const void *p, size_t n, unsigned mode, struct err *e);

/* The same; the one before stays as PATH.old. */
int file_replace_keep(const char *path, const void *p, size_t n, unsigned mode, struct err *e);
bool file_exists(const char *path);	/* anything of that name */

/* Writes a file that does not exist, and syncs it; the mode is exact from the first instant. -1 with errno
 * EEXIST when there is something of that name, a dangling link too. */
int file_create(const char *path, const void *p, size_t n, unsigned mode, struct err *e);
/* ERR_REFUSED unless it is a plain file (no link) of ours, without any right for anybody else. */
int file_check_private(const char *path, struct err *e);
/* Synced, so that it stays gone. Of several that remove the same name, one gets 0; the others ERR_NOT_FOUND. */
int file_remove(const char *path, struct err *e);
/* Zeros in place of its content, synced: for what was secret. A file system that writes elsewhere may keep the old. */
int file_overwrite(const char *path, struct err *e);
/* An empty one, synced. ERR_NOT_FOUND. */
int file_remove_dir(const char *path, struct err *e);
/* Of a file or directory, synced; to is nothing yet, or an empty directory. */
int file_rename(const char *from, const char *to, struct err *e);
/* Makes the directory, synced, but not its parents; one that is there stays as it is. */
int file_make_dir(const char *path, unsigned mode, struct err *e);

/* A file that one process holds at a time, made if missing, until it closes the descriptor or ends, however that is.
 * -1: ERR_REFUSED: another one does, and its number is in err. */
int file_lock(const char *path, struct err *e);

/* A file that lines are appended to. Past `max` bytes it becomes <path>.1, that one <path>.2, and so on
 * to <path>.<keep>, the oldest of which goes. Mode 0600. Thread: one at a time. */
struct file_log;
struct file_log *file_log_open(const char *path, size_t max, unsigned keep, struct err *e);
void file_log_close(struct file_log *log);	/* NULL is fine */
/* One write of the whole line, which ends in a line feed. */
int file_log_append(struct file_log *log, const char *line, size_t n, struct err *e);

enum { FILE_LIST_MAX = 100000, FILE_DEPTH_MAX = 16 };

struct file_list {
	const char **v;		/* "<root>/<sub>/<name>", by strcmp */
	size_t n;
};
/* The regular files under root whose names end in one of the suffixes (NULL-terminated array;
 * ".yaml"). A root that is a file is listed whatever its name. What vanishes meanwhile is left out.
 * ERR_NOT_FOUND without root; ERR_LIMIT past the limits above. */
int file_list(const char *root, const char *const *suffixes, struct arena *a, struct file_list *out,
	      struct err *e);

/* Watches a file or a directory tree (as file_list sees it, whatever the suffix) and says that
 * something changed, never what: once after quiet_ms without a further change, max_ms after the first
 * one at the latest. Root need not exist; it and its parents may come, go and be swapped. A caller that lists
 * first when the watch is open and then at each call misses nothing. */
struct file_watch;
struct file_watch *file_watch_open(struct loop *l, const char *root, int64_t quiet_ms, int64_t max_ms,
				   loop_fn *changed, void *arg, struct err *e);
void file_watch_close(struct file_watch *w);	/* NULL is fine */

#endif
