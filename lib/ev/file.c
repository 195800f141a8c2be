/* SPDX-License-Identifier: Apache-2.0 */
#include "ev/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"

static int read_all(int fd, const char *path, struct buf *out, struct err *e)
{
	enum { STEP = 64 * 1024 };

	for (;;) {
		size_t left = out->cap - out->n, want = left < STEP ? left : STEP;
		char *room, past;
		ssize_t got;

		if (!want) {
			got = read(fd, &past, 1);
			if (got > 0)
				return err_set(e, ERR_LIMIT, "%s: more than %zu bytes", path, out->cap);
		} else {
			room = buf_room(out, want);
			if (!room)
				return err_set(e, ERR_NO_MEMORY, "%s: out of memory", path);
			got = read(fd, room, want);
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(e, "%s", path);
		if (!got)
			return 0;
		buf_added(out, (size_t)got);
	}
}

int file_read(const char *path, struct buf *out, struct err *e)
{
	size_t before = out->n;
	struct stat st;
	int fd, rc;

	/* not to hang on a FIFO */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_errno(e, "%s", path);
	if (fstat(fd, &st))
		rc = err_errno(e, "%s", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(e, ERR_IO, "%s: not a regular file", path);
	else if (st.st_size > 0 && (size_t)st.st_size > out->cap - out->n)
		rc = err_set(e, ERR_LIMIT, "%s: more than %zu bytes", path, out->cap - out->n);
	else
		rc = read_all(fd, path, out, e);
	close(fd);
	if (rc) {
		out->n = before;
		out->failed = false;
	}
	return rc;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

static int sync_dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int fd, rc;

	if (!dir)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

/* What was made, renamed or removed there stays so past a power cut. */
static int sync_name(const char *path, struct err *e)
{
	return sync_dir_of(path) ? err_errno(e, "%s: syncing its directory", path) : 0;
}

int file_replace(const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t dir_len = slash ? (size_t)(slash + 1 - path) : 0;
	char *tmp = NULL;
	int fd;

	/* a hidden name, so that no listing takes a half-written file for one of its own */
	if (asprintf(&tmp, "%.*s.%s.XXXXXX", (int)dir_len, path, path + dir_len) < 0)
		return err_set(e, ERR_NO_MEMORY, "%s: out of memory", path);
	fd = mkostemp(tmp, O_CLOEXEC);	/* 0600 from the first instant */
	if (fd < 0) {
		err_errno(e, "%s", path);
		free(tmp);
		return -1;
	}
	if (write_all(fd, p, n) || fchmod(fd, mode) || fsync(fd)) {
		err_errno(e, "%s", path);
		close(fd);
		goto fail;
	}
	if (close(fd) || rename(tmp, path)) {
		err_errno(e, "%s", path);
		goto fail;
	}
	free(tmp);
	return sync_name(path, e);
fail:
	unlink(tmp);
	free(tmp);
	return -1;
}

/* The one before keeps its name until the new one takes it, and has a second one by then. */
int file_replace_keep(const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	char old[4096];

	if ((size_t)snprintf(old, sizeof(old), "%s.old", path) >= sizeof(old))
		return err_set(e, ERR_LIMIT, "%s: the path is too long", path);
	unlink(old);
	if (link(path, old) && file_exists(path))
		return err_errno(e, "%s", old);
	return file_replace(path, p, n, mode, e);
}

bool file_exists(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int file_create(const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0600);
	int rc = 0;

	if (fd < 0)
		return err_errno(e, "%s", path);
	if (write_all(fd, p, n) || fchmod(fd, mode) || fsync(fd))
		rc = err_errno(e, "%s", path);
	if (close(fd) && !rc)
		rc = err_errno(e, "%s", path);
	if (rc)
		unlink(path);
	return rc ? rc : sync_name(path, e);
}

int file_check_private(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st))
		return err_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_REFUSED, "%s: not a plain file", path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_REFUSED, "%s: belongs to another user", path);
	if (st.st_mode & 077)
		return err_set(e, ERR_REFUSED, "%s: others may read or write it (mode %03o); make it 600", path,
			       st.st_mode & 0777);
	return 0;
}

int file_lock(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char holder[24] = "?";
	ssize_t n;

	if (fd < 0)
		return err_errno(e, "%s", path);
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		if (!ftruncate(fd, 0) && dprintf(fd, "%d\n", (int)getpid()) > 0)
			return fd;
		err_errno(e, "%s", path);
	} else if (errno != EWOULDBLOCK) {
		err_errno(e, "%s", path);
	} else {
		n = read(fd, holder, sizeof(holder) - 1);
		holder[n > 0 ? strspn(holder, "0123456789") : 1] = '\0';
		err_set(e, ERR_REFUSED, "%s: process %s has it", path, holder);
	}
	close(fd);
	return -1;
}

int file_remove(const char *path, struct err *e)
{
	return unlink(path) ? err_errno(e, "%s", path) : sync_name(path, e);
}

int file_overwrite(const char *path, struct err *e)
{
	static const char zeros[4096];
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;
	struct stat st;

	if (fd < 0)
		return err_errno(e, "%s", path);
	if (fstat(fd, &st))
		rc = -1;
	for (off_t left = rc ? 0 : st.st_size; left > 0 && !rc; left -= (off_t)sizeof(zeros))
		rc = write_all(fd, zeros, left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros));
	if (rc || fsync(fd))
		rc = err_errno(e, "%s", path);
	close(fd);
	return rc;
}

int file_remove_dir(const char *path, struct err *e)
{
	return rmdir(path) ? err_errno(e, "%s", path) : sync_name(path, e);
}

int file_rename(const char *from, const char *to, struct err *e)
{
	if (rename(from, to))
		return err_errno(e, "%s", from);
	return sync_name(to, e);
}

int file_make_dir(const char *path, unsigned mode, struct err *e)
{
	struct stat st;

	if (!mkdir(path, mode)) /* who may not read the parent cannot sync it */
		return sync_dir_of(path) && errno != EACCES ? err_errno(e, "%s: syncing its directory", path) : 0;
	if (errno == EEXIST && !stat(path, &st) && S_ISDIR(st.st_mode))
		return 0;
	return err_errno(e, "%s", path);
}

struct walk {
	const char *const *suffixes;
	struct arena *arena;
	VEC(const char *) found;
	struct {
		dev_t dev;
		ino_t ino;
	} parents[FILE_DEPTH_MAX];
};

static bool has_suffix(const char *name, const char *const *suffixes)
{
	size_t n = strlen(name);

	for (; *suffixes; suffixes++) {
		size_t m = strlen(*suffixes);

		if (m <= n && !strcmp(name + n - m, *suffixes))
			return true;
	}
	return false;
}

/* A symbolic link to one of its own parents. */
static bool is_cycle(const struct walk *w, unsigned depth, const struct stat *st)
{
	for (unsigned i = 0; i < depth; i++)
		if (w->parents[i].dev == st->st_dev && w->parents[i].ino == st->st_ino)
			return true;
	return false;
}

static int walk_dir(struct walk *w, const char *dir, const struct stat *st, unsigned depth, struct err *e);

static int walk_entry(struct walk *w, const char *dir, const char *name, unsigned depth, struct err *e)
{
	char *path = arena_printf(w->arena, "%s/%s", dir, name);
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT || errno == ELOOP)	/* vanished, or a link to nowhere */
			return 0;
		return err_errno(e, "%s", path);
	}
	if (S_ISDIR(st.st_mode))
		return walk_dir(w, path, &st, depth + 1, e);
	if (!S_ISREG(st.st_mode) || !has_suffix(name, w->suffixes))
		return 0;
	if (w->found.n >= FILE_LIST_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d files", dir, FILE_LIST_MAX);
	*vec_push(&w->found, w->arena) = path;
	return 0;
}

static int walk_dir(struct walk *w, const char *dir, const struct stat *st, unsigned depth, struct err *e)
{
	struct dirent *d;
	int rc = 0;
	DIR *stream;

	if (is_cycle(w, depth, st))
		return 0;
	if (depth >= FILE_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d directories deep", dir, FILE_DEPTH_MAX);
	w->parents[depth].dev = st->st_dev;
	w->parents[depth].ino = st->st_ino;
	stream = opendir(dir);
	if (!stream)
		return errno == ENOENT && depth ? 0 : err_errno(e, "%s", dir);
	while (!rc && (d = readdir(stream)))
		if (d->d_name[0] != '.')
			rc = walk_entry(w, dir, d->d_name, depth, e);
	closedir(stream);
	return rc;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int file_list(const char *root, const char *const *suffixes, struct arena *a, struct file_list *out,
	      struct err *e)
{
	struct walk w = {.suffixes = suffixes, .arena = a};
	size_t n = strlen(root);
	struct stat st;
	char *dir;

	while (n > 1 && root[n - 1] == '/')
		n--;
	dir = arena_strndup(a, root, n);
	if (stat(dir, &st))
		return err_errno(e, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		*vec_push(&w.found, a) = dir;
	else if (walk_dir(&w, dir, &st, 0, e))
		return -1;
	if (w.found.n)
		qsort(w.found.v, w.found.n, sizeof(*w.found.v), compare_paths);
	*out = (struct file_list){.v = w.found.v, .n = w.found.n};
	return 0;
}
