/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "ev/file.h"

struct file_log {
	char *path;
	size_t max, size;
	unsigned keep;
	int fd;
};

static int open_file(struct file_log *log, struct err *e)
{
	struct stat st;

	log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		       0600);
	if (log->fd < 0)
		return err_errno(e, "%s", log->path);
	if (fstat(log->fd, &st) || !S_ISREG(st.st_mode))
		return err_set(e, ERR_IO, "%s: not a regular file", log->path);
	log->size = (size_t)st.st_size;
	return 0;
}

struct file_log *file_log_open(const char *path, size_t max, unsigned keep, struct err *e)
{
	struct file_log *log = calloc(1, sizeof(*log));

	must(log && "out of memory");
	*log = (struct file_log){.path = strdup(path), .max = max, .keep = keep, .fd = -1};
	must(log->path && "out of memory");
	if (open_file(log, e)) {
		file_log_close(log);
		return NULL;
	}
	return log;
}

void file_log_close(struct file_log *log)
{
	if (!log)
		return;
	if (log->fd >= 0)
		close(log->fd);
	free(log->path);
	free(log);
}

static char *numbered(const struct file_log *log, unsigned i)
{
	char *name = NULL;

	must((i ? asprintf(&name, "%s.%u", log->path, i) : asprintf(&name, "%s", log->path)) >= 0);
	return name;
}

static int rotate(struct file_log *log, struct err *e)
{
	close(log->fd);
	log->fd = -1;
	for (unsigned i = log->keep; i; i--) {
		char *from = numbered(log, i - 1), *to = numbered(log, i);
		int rc = rename(from, to) && errno != ENOENT ? err_errno(e, "%s", from) : 0;

		free(from);
		free(to);
		if (rc)
			return rc;
	}
	if (!log->keep && unlink(log->path))
		return err_errno(e, "%s", log->path);
	return 0;
}

int file_log_append(struct file_log *log, const char *line, size_t n, struct err *e)
{
	ssize_t put;

	must(n && line[n - 1] == '\n');
	if (log->fd >= 0 && log->size && log->size + n > log->max && rotate(log, e))
		return -1;
	if (log->fd < 0 && open_file(log, e))
		return -1;
	do {
		put = write(log->fd, line, n);
	} while (put < 0 && errno == EINTR);
	if (put < 0)
		return err_errno(e, "%s", log->path);
	log->size += (size_t)put;
	if ((size_t)put < n)
		return err_set(e, ERR_IO, "%s: the disk took a part of a line", log->path);
	return 0;
}
