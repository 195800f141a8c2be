/* SPDX-License-Identifier: Apache-2.0 */
#include "certs_disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ev/file.h"

static struct disk *disk;

void disk_use(struct disk *d)
{
	disk = d;
}

void disk_clear(struct disk *d)
{
	for (size_t i = 0; i < DISK_FILES; i++)
		free(d->file[i].p);
	*d = (struct disk){0};
}

static struct disk_file *find(const struct disk *d, const char *path)
{
	for (size_t i = 0; i < DISK_FILES; i++)
		if (!strcmp(d->file[i].path, path))
			return (struct disk_file *)&d->file[i];
	return NULL;
}

bool disk_has(const struct disk *d, const char *path)
{
	return find(d, path) != NULL;
}

static void put(struct disk *d, const char *path, const void *p, size_t n)
{
	struct disk_file *f = find(d, path);

	if (!f)
		f = find(d, "");
	must(f && strlen(path) < sizeof(f->path));
	snprintf(f->path, sizeof(f->path), "%s", path);
	free(f->p);
	f->p = malloc(n + 1);
	must(f->p);
	memcpy(f->p, p, n);
	f->n = n;
}

static void drop(struct disk_file *f)
{
	free(f->p);
	*f = (struct disk_file){0};
}

/* One step that changes something: false when the process has been killed before it. */
static bool step(struct disk *d)
{
	d->n_steps++;
	if (d->steps_left && !--d->steps_left)
		d->dead = true;
	return !d->dead;
}

void disk_copy_dir(struct disk *d, const char *from, const char *to)
{
	size_t n = strlen(from);
	char path[2 * DISK_PATH];

	for (size_t i = 0; i < DISK_FILES; i++) {
		if (strncmp(d->file[i].path, from, n) != 0 || d->file[i].path[n] != '/')
			continue;
		snprintf(path, sizeof(path), "%s%s", to, d->file[i].path + n);
		put(d, path, d->file[i].p, d->file[i].n);
	}
}

/* ---- lib/ev's files ---- */

int file_read(const char *path, struct buf *out, struct err *e)
{
	const struct disk_file *f = find(disk, path);

	if (!f)
		return err_set(e, ERR_NOT_FOUND, "%s: no such file", path);
	buf_append(out, f->p, f->n);
	return out->failed ? err_set(e, ERR_LIMIT, "%s: too large", path) : 0;
}

static int no_space(const char *path, struct err *e)
{
	return err_set(e, ERR_IO, "%s: no space left", path);
}

int file_replace(const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	(void)mode;
	if (disk->full)
		return no_space(path, e);
	if (step(disk))
		put(disk, path, p, n);
	return 0;
}

int file_replace_keep(const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	struct disk_file *f = find(disk, path), *before;
	char old[DISK_PATH + 8];

	snprintf(old, sizeof(old), "%s.old", path);
	before = find(disk, old);
	if (before && step(disk))
		drop(before);
	if (disk->full)
		return no_space(old, e);
	if (f && step(disk))
		put(disk, old, f->p, f->n);
	return file_replace(path, p, n, mode, e);
}

int file_create(const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	if (find(disk, path)) {
		errno = EEXIST;
		return err_errno(e, "%s", path);
	}
	return file_replace(path, p, n, mode, e);
}

bool file_exists(const char *path)
{
	char dir[DISK_PATH + 2];

	snprintf(dir, sizeof(dir), "%s/", path);
	return find(disk, path) || find(disk, dir);
}

int file_check_private(const char *path, struct err *e)
{
	return find(disk, path) ? 0 : err_set(e, ERR_NOT_FOUND, "%s: no such file", path);
}

int file_remove(const char *path, struct err *e)
{
	struct disk_file *f = find(disk, path);

	if (!f)
		return err_set(e, ERR_NOT_FOUND, "%s: no such file", path);
	if (step(disk))
		drop(f);
	return 0;
}

int file_overwrite(const char *path, struct err *e)
{
	struct disk_file *f = find(disk, path);

	if (!f)
		return err_set(e, ERR_NOT_FOUND, "%s: no such file", path);
	if (step(disk))
		memset(f->p, 0, f->n);
	return 0;
}

int file_make_dir(const char *path, unsigned mode, struct err *e)
{
	char dir[DISK_PATH + 2];

	(void)mode;
	snprintf(dir, sizeof(dir), "%s/", path);
	if (find(disk, dir))
		return 0;
	if (disk->full)
		return no_space(path, e);
	if (step(disk))
		put(disk, dir, "", 0);
	return 0;
}

int file_remove_dir(const char *path, struct err *e)
{
	char dir[DISK_PATH + 2];
	struct disk_file *f;

	snprintf(dir, sizeof(dir), "%s/", path);
	f = find(disk, dir);
	if (!f)
		return err_set(e, ERR_NOT_FOUND, "%s: no such directory", path);
	if (step(disk))
		drop(f);
	return 0;
}

/* Of a directory, with what is in it, at once. */
int file_rename(const char *from, const char *to, struct err *e)
{
	size_t n = strlen(from);
	char path[2 * DISK_PATH];

	if (!file_exists(from))
		return err_set(e, ERR_NOT_FOUND, "%s: no such directory", from);
	if (!step(disk))
		return 0;
	for (size_t i = 0; i < DISK_FILES; i++) {
		struct disk_file *f = &disk->file[i];

		if (strncmp(f->path, from, n) != 0 || f->path[n] != '/')
			continue;
		snprintf(path, sizeof(path), "%s%s", to, f->path + n);
		must(strlen(path) < sizeof(f->path));
		strcpy(f->path, path);
	}
	return 0;
}

/* ---- the log ---- */

struct file_log {
	char path[DISK_PATH];
};

struct file_log *file_log_open(const char *path, size_t max, unsigned keep, struct err *e)
{
	struct file_log *log = calloc(1, sizeof(*log));

	(void)max;
	(void)keep;
	(void)e;
	must(log);
	snprintf(log->path, sizeof(log->path), "%s", path);
	return log;
}

void file_log_close(struct file_log *log)
{
	free(log);
}

int file_log_append(struct file_log *log, const char *line, size_t n, struct err *e)
{
	const struct disk_file *f = find(disk, log->path);
	struct buf text;

	if (disk->full)
		return no_space(log->path, e);
	if (!step(disk))
		return 0;
	buf_init(&text, 1 << 24);
	if (f)
		buf_append(&text, f->p, f->n);
	buf_append(&text, line, n);
	put(disk, log->path, text.p, text.n);
	buf_fini(&text);
	return 0;
}
