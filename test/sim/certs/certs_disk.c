/* SPDX-License-Identifier: Apache-2.0 */
#include "certs_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"

enum { FD_BASE = 1000, NONE = -1, SWEEP_AT = 400 };

static struct disk *disk;

static int fail_with(int code)
{
	errno = code;
	return -1;
}

/* ---- texts and objects ---- */

static void set_text(struct disk_text *t, const void *p, size_t n)
{
	char *copy = malloc(n + 1);

	must(copy);
	if (n)
		memcpy(copy, p, n);
	free(t->p);
	*t = (struct disk_text){copy, n};
}

static int new_object(struct disk *d, bool is_dir)
{
	*vec_push(&d->objects, NULL) = (struct disk_object){.is_dir = is_dir, .is_used = true};
	return (int)d->objects.n - 1;
}

/* The texts of those that nothing leads to. */
static void sweep(struct disk *d)
{
	for (size_t i = 0; i < d->objects.n; i++)
		d->objects.v[i].is_used = false;
	for (size_t i = 0; i < d->live.n; i++)
		d->objects.v[d->live.v[i].object].is_used = true;
	for (size_t i = 0; i < d->kept.n; i++)
		d->objects.v[d->kept.v[i].object].is_used = true;
	for (size_t i = 0; i < d->changes.n; i++)
		if (d->changes.v[i].object != NONE)
			d->objects.v[d->changes.v[i].object].is_used = true;
	for (size_t i = 0; i < DISK_FDS; i++)
		if (d->fd[i].is_open)
			d->objects.v[d->fd[i].object].is_used = true;
	for (size_t i = 0; i < d->objects.n; i++) {
		struct disk_object *o = &d->objects.v[i];

		if (o->is_used)
			continue;
		free(o->live.p);
		free(o->kept.p);
		o->live = o->kept = (struct disk_text){0};
	}
}

/* ---- names ---- */

#define FIND(list, in, called)                                                                                                             \
	({                                                                                                                                 \
		int at_ = NONE;                                                                                                            \
		for (size_t i_ = 0; i_ < (list).n && at_ == NONE; i_++)                                                                    \
			if ((list).v[i_].dir == (in) && !strcmp((list).v[i_].name, called))                                                \
				at_ = (int)i_;                                                                                             \
		at_;                                                                                                                       \
	})

#define DROP(list, at)                                                                                                                     \
	do {                                                                                                                               \
		(list).v[at] = (list).v[(list).n - 1];                                                                                     \
		(list).n--;                                                                                                                \
	} while (0)

#define APPLY(list, change)                                                                                                                \
	do {                                                                                                                               \
		const struct disk_change *c_ = (change);                                                                                   \
		int was_ = *c_->from ? FIND(list, c_->dir, c_->from) : NONE, is_;                                                          \
		if (was_ != NONE)                                                                                                          \
			DROP(list, was_);                                                                                                  \
		is_ = FIND(list, c_->dir, c_->name);                                                                                       \
		if (is_ != NONE)                                                                                                           \
			DROP(list, is_);                                                                                                   \
		if (c_->object != NONE) {                                                                                                  \
			struct disk_entry e_ = {.dir = c_->dir, .object = c_->object};                                                     \
			memcpy(e_.name, c_->name, sizeof(e_.name));                                                                        \
			*vec_push(&(list), NULL) = e_;                                                                                     \
		}                                                                                                                          \
	} while (0)

/* The directory that a path lies in, and its name there; NONE: there is none. */
static int parent_of(const struct disk *d, const char *path, char name[DISK_NAME])
{
	int dir = 0;
	size_t n;

	for (;; path += n + 1) {
		n = strcspn(path, "/");
		must(n < DISK_NAME);
		memcpy(name, path, n);
		name[n] = '\0';
		if (!path[n])
			return dir;
		dir = FIND(d->live, dir, name);
		if (dir == NONE)
			return NONE;
		dir = d->live.v[dir].object;
		if (!d->objects.v[dir].is_dir)
			return NONE;
	}
}

static int object_of(const struct disk *d, const char *path)
{
	char name[DISK_NAME];
	int dir, at;

	if (!strcmp(path, "."))
		return 0;
	dir = parent_of(d, path, name);
	at = dir == NONE ? NONE : FIND(d->live, dir, name);
	return at == NONE ? NONE : d->live.v[at].object;
}

/* One step that changes something: false when the process has been killed before it. */
static bool step(struct disk *d)
{
	if (d->steps_left && !--d->steps_left)
		d->dead = true;
	return !d->dead;
}

/* object NONE: the name goes. -1: there is no such directory. */
static int change(struct disk *d, const char *path, int object, const char *from)
{
	struct disk_change c = {.object = object};

	c.dir = parent_of(d, path, c.name);
	if (c.dir == NONE)
		return fail_with(ENOENT);
	if (from)
		must(parent_of(d, from, c.from) == c.dir && "what is renamed stays in its directory");
	if (!step(d))
		return 0;
	APPLY(d->live, &c);
	*vec_push(&d->changes, NULL) = c;
	return 0;
}

/* The first n of a directory's changes are on disk. */
static void settle_dir(struct disk *d, int dir, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < d->changes.n; i++) {
		if (d->changes.v[i].dir != dir || !n) {
			d->changes.v[left++] = d->changes.v[i];
			continue;
		}
		APPLY(d->kept, &d->changes.v[i]);
		n--;
	}
	d->changes.n = left;
}

/* ---- the test's side ---- */

void disk_use(struct disk *d)
{
	disk = d;
	new_object(d, true);
}

void disk_clear(struct disk *d)
{
	for (size_t i = 0; i < d->objects.n; i++) {
		free(d->objects.v[i].live.p);
		free(d->objects.v[i].kept.p);
	}
	vec_fini(&d->objects);
	vec_fini(&d->live);
	vec_fini(&d->kept);
	vec_fini(&d->changes);
	*d = (struct disk){0};
}

bool disk_has(const struct disk *d, const char *path)
{
	return object_of(d, path) != NONE;
}

static size_t count_changes(const struct disk *d, int dir)
{
	size_t n = 0;

	for (size_t i = 0; i < d->changes.n; i++)
		n += d->changes.v[i].dir == dir;
	return n;
}

/* The kernel has written by itself what is old enough. */
static void write_back(struct disk *d, struct disk_object *o)
{
	if (d->now_s - o->written_s >= DISK_WRITEBACK_S)
		set_text(&o->kept, o->live.p, o->live.n);
}

static void cut_power(struct disk *d, struct sim_random *random)
{
	for (size_t i = 0; i < d->objects.n; i++) {
		struct disk_object *o = &d->objects.v[i];

		if (o->is_dir) {
			settle_dir(d, (int)i, sim_below(random, count_changes(d, (int)i) + 1));
			continue;
		}
		write_back(d, o);
		set_text(&o->live, o->kept.p, o->kept.n);
	}
	d->changes.n = d->live.n = 0;
	for (size_t i = 0; i < d->kept.n; i++)
		*vec_push(&d->live, NULL) = d->kept.v[i];
}

void disk_revive(struct disk *d, bool power, struct sim_random *random)
{
	memset(d->fd, 0, sizeof(d->fd));
	d->dead = false;
	d->steps_left = 0;
	if (power)
		cut_power(d, random);
	sweep(d);
}

static void put_file(struct disk *d, const char *path, const struct disk_text *text)
{
	int at = new_object(d, false);

	set_text(&d->objects.v[at].live, text->p, text->n);
	set_text(&d->objects.v[at].kept, text->p, text->n);
	must(!change(d, path, at, NULL));
}

void disk_copy_dir(struct disk *d, const char *from, const char *to)
{
	VEC(struct disk_entry) found = {0};
	int dir = object_of(d, from);
	char path[2 * DISK_NAME + 2];

	must(dir != NONE);
	if (object_of(d, to) == NONE)
		must(!change(d, to, new_object(d, true), NULL));
	for (size_t i = 0; i < d->live.n; i++)
		if (d->live.v[i].dir == dir)
			*vec_push(&found, NULL) = d->live.v[i];
	for (size_t i = 0; i < found.n; i++) {
		const struct disk_text text = d->objects.v[found.v[i].object].live;

		snprintf(path, sizeof(path), "%s/%s", to, found.v[i].name);
		put_file(d, path, &text);
	}
	vec_fini(&found);
	for (size_t i = 0; i < d->objects.n; i++)
		settle_dir(d, (int)i, d->changes.n);
}

void disk_show(const struct disk *d)
{
	for (size_t i = 0; i < d->live.n; i++)
		printf("%d/%s is %d%s, %zu bytes\n", d->live.v[i].dir, d->live.v[i].name, d->live.v[i].object,
		       d->objects.v[d->live.v[i].object].is_dir ? "/" : "", d->objects.v[d->live.v[i].object].live.n);
}

/* ---- the kernel's side ---- */

int __wrap_open(const char *path, int flags, ...);
int __wrap_mkostemp(char *path, int flags);
int __wrap_close(int fd);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __real_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st);
int __wrap_faccessat(int at, const char *path, int mode, int flags);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_rmdir(const char *path);

static struct disk_object *of_fd(int fd)
{
	must(fd >= FD_BASE && fd < FD_BASE + DISK_FDS && disk->fd[fd - FD_BASE].is_open);
	return &disk->objects.v[disk->fd[fd - FD_BASE].object];
}

static int open_object(int object, bool is_append)
{
	int i = 0;

	while (i < DISK_FDS && disk->fd[i].is_open)
		i++;
	must(i < DISK_FDS);
	disk->fd[i].is_open = true;
	disk->fd[i].is_append = is_append;
	disk->fd[i].object = object;
	disk->fd[i].at = 0;
	return FD_BASE + i;
}

int __wrap_open(const char *path, int flags, ...)
{
	int object = object_of(disk, path);

	if (object != NONE && (flags & O_EXCL))
		return fail_with(EEXIST);
	if (object == NONE) {
		if (!(flags & O_CREAT))
			return fail_with(ENOENT);
		if (disk->full)
			return fail_with(ENOSPC);
		object = new_object(disk, false);
		if (change(disk, path, object, NULL))
			return -1;
	}
	return open_object(object, flags & O_APPEND);
}

int __wrap_mkostemp(char *path, int flags)
{
	snprintf(path + strlen(path) - 6, 7, "%06zu", disk->n_temporary++ % 1000000);
	return __wrap_open(path, flags | O_CREAT | O_EXCL);
}

int __wrap_close(int fd)
{
	of_fd(fd);
	disk->fd[fd - FD_BASE].is_open = false;
	if (disk->objects.n > SWEEP_AT)
		sweep(disk);
	return 0;
}

ssize_t __wrap_read(int fd, void *p, size_t n)
{
	const struct disk_object *o = of_fd(fd);
	size_t at = disk->fd[fd - FD_BASE].at, left = o->live.n - at;

	n = n < left ? n : left;
	if (n)
		memcpy(p, o->live.p + at, n);
	disk->fd[fd - FD_BASE].at += n;
	return (ssize_t)n;
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	struct disk_object *o = fd < FD_BASE ? NULL : of_fd(fd);
	size_t at, end;
	char *text;

	if (!o)
		return __real_write(fd, p, n); /* the log of the daemon, with --seed */
	at = disk->fd[fd - FD_BASE].is_append ? o->live.n : disk->fd[fd - FD_BASE].at;
	end = at + n > o->live.n ? at + n : o->live.n;
	if (disk->full && end > o->live.n)
		return fail_with(ENOSPC);
	if (!step(disk))
		return (ssize_t)n;
	write_back(disk, o);
	text = calloc(1, end + 1);
	must(text);
	if (o->live.n)
		memcpy(text, o->live.p, o->live.n);
	memcpy(text + at, p, n);
	free(o->live.p);
	o->live = (struct disk_text){text, end};
	o->written_s = disk->now_s;
	disk->fd[fd - FD_BASE].at = at + n;
	return (ssize_t)n;
}

int __wrap_fsync(int fd)
{
	struct disk_object *o = of_fd(fd);

	if (!step(disk))
		return 0;
	if (o->is_dir)
		settle_dir(disk, disk->fd[fd - FD_BASE].object, disk->changes.n);
	else
		set_text(&o->kept, o->live.p, o->live.n);
	return 0;
}

int __wrap_fchmod(int fd, mode_t mode)
{
	(void)mode;
	of_fd(fd);
	return 0;
}

static int describe(const struct disk_object *o, struct stat *st)
{
	*st = (struct stat){.st_mode = o->is_dir ? S_IFDIR | 0700 : S_IFREG | 0600, .st_size = (off_t)o->live.n, .st_uid = geteuid()};
	return 0;
}

int __wrap_fstat(int fd, struct stat *st)
{
	return describe(of_fd(fd), st);
}

int __wrap_stat(const char *path, struct stat *st)
{
	int object = object_of(disk, path);

	return object == NONE ? fail_with(ENOENT) : describe(&disk->objects.v[object], st);
}

int __wrap_lstat(const char *path, struct stat *st)
{
	return __wrap_stat(path, st);
}

int __wrap_faccessat(int at, const char *path, int mode, int flags)
{
	(void)at;
	(void)mode;
	(void)flags;
	return object_of(disk, path) == NONE ? fail_with(ENOENT) : 0;
}

static bool is_empty(int dir)
{
	for (size_t i = 0; i < disk->live.n; i++)
		if (disk->live.v[i].dir == dir)
			return false;
	return true;
}

int __wrap_rename(const char *from, const char *to)
{
	int object = object_of(disk, from), before = object_of(disk, to);

	if (object == NONE)
		return fail_with(ENOENT);
	if (before != NONE && disk->objects.v[before].is_dir && !is_empty(before))
		return fail_with(ENOTEMPTY);
	return change(disk, to, object, from);
}

int __wrap_link(const char *from, const char *to)
{
	int object = object_of(disk, from);

	if (object == NONE)
		return fail_with(ENOENT);
	if (object_of(disk, to) != NONE)
		return fail_with(EEXIST);
	return disk->full ? fail_with(ENOSPC) : change(disk, to, object, NULL);
}

int __wrap_unlink(const char *path)
{
	return object_of(disk, path) == NONE ? fail_with(ENOENT) : change(disk, path, NONE, NULL);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	(void)mode;
	if (object_of(disk, path) != NONE)
		return fail_with(EEXIST);
	if (disk->full)
		return fail_with(ENOSPC);
	return change(disk, path, new_object(disk, true), NULL);
}

int __wrap_rmdir(const char *path)
{
	int object = object_of(disk, path);

	if (object == NONE)
		return fail_with(ENOENT);
	return is_empty(object) ? change(disk, path, NONE, NULL) : fail_with(ENOTEMPTY);
}
