/* SPDX-License-Identifier: Apache-2.0
 *
 * inotify on every directory of the tree, on the files that symbolic links lead to, and on the parents of root.
 * Which these are is found anew (a scan) after each burst of changes, before the caller is told: what
 * the caller then lists is watched already, so that a later change cannot fall between the two.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "base/log.h"
#include "base/must.h"
#include "ev/file.h"

enum {
	MASK = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
	       IN_DELETE_SELF | IN_MOVE_SELF,
	BLIND_POLL_MS = 10000,	/* when the kernel grants no more watches */
};

struct watched {
	int wd;
	bool tree;		/* any name is of interest, but hidden ones */
	char *only;		/* a parent: the one name of interest, or NULL */
	uint64_t scan;		/* the last one that found it */
	UT_hash_handle hh;
};

struct file_watch {
	struct loop *loop;
	char *root;
	int64_t quiet_ms, max_ms;
	loop_fn *changed;
	void *arg;
	int fd;
	struct loop_io io;
	struct loop_timer timer;
	struct loop_timer blind;	/* runs while some directories could not be watched */
	int64_t first_ms;		/* of the burst that is not yet told; -1 = none */
	struct watched *table;
	uint64_t scan;
	bool found_new, incomplete;
};

static void watch_path(struct file_watch *w, const char *path, const char *only)
{
	int wd = inotify_add_watch(w->fd, path, MASK);
	struct watched *d;

	if (wd < 0) {
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			w->incomplete = true;
		return;
	}
	HASH_FIND_INT(w->table, &wd, d);
	if (!d) {
		d = calloc(1, sizeof(*d));
		must(d && "out of memory");
		d->wd = wd;
		HASH_ADD_INT(w->table, wd, d);
		w->found_new = true;
	}
	if (d->scan != w->scan) {
		d->tree = false;
		free(d->only);
		d->only = NULL;
		d->scan = w->scan;
	}
	if (!only)
		d->tree = true;
	else if (d->only && strcmp(d->only, only))
		d->tree = true;		/* two names of interest: be told of all */
	else if (!d->only)
		must((d->only = strdup(only)) != NULL);
}

static void watch_tree(struct file_watch *w, char *path, size_t len, size_t size, unsigned depth)
{
	struct dirent *d;
	DIR *dir;

	watch_path(w, path, NULL);
	dir = opendir(path);
	if (!dir)
		return;
	while ((d = readdir(dir))) {
		size_t n = strlen(d->d_name);
		struct stat st;

		if (d->d_name[0] == '.' || len + 1 + n >= size)
			continue;
		if (d->d_type == DT_REG)
			continue;
		path[len] = '/';
		memcpy(path + len + 1, d->d_name, n + 1);
		if (!stat(path, &st)) {
			if (S_ISDIR(st.st_mode) && depth + 1 < FILE_DEPTH_MAX)
				watch_tree(w, path, len + 1 + n, size, depth + 1);
			else if (S_ISREG(st.st_mode))
				watch_path(w, path, NULL);
		}
		path[len] = '\0';
	}
	closedir(dir);
}

/* "/a/b/c": "b" of interest in "/a", "c" in "/a/b". */
static void watch_parents(struct file_watch *w)
{
	char *path = strdup(w->root);

	must(path);
	for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
		char *name = strdup(slash + 1);

		must(name);
		*slash = '\0';
		watch_path(w, *path ? path : "/", name);
		free(name);
	}
	free(path);
}

static void on_blind(void *arg);

/* Finds what is to be watched. True if there was something new. */
static bool scan(struct file_watch *w)
{
	char path[4096];
	struct watched *d, *next;
	size_t n = strlen(w->root);
	bool was_incomplete = w->incomplete;

	w->scan++;
	w->found_new = w->incomplete = false;
	watch_parents(w);
	if (n < sizeof(path)) {
		memcpy(path, w->root, n + 1);
		watch_tree(w, path, n, sizeof(path), 0);
	}
	HASH_ITER(hh, w->table, d, next) {
		if (d->scan == w->scan)
			continue;
		inotify_rm_watch(w->fd, d->wd);
		HASH_DEL(w->table, d);
		free(d->only);
		free(d);
	}
	if (w->incomplete && !was_incomplete)
		log_warn("file", "%s: cannot watch all of it (fs.inotify.max_user_watches?), looking every %d s",
			 w->root, BLIND_POLL_MS / 1000);
	if (w->incomplete)
		loop_timer_start(w->loop, &w->blind, BLIND_POLL_MS, on_blind, w);
	else
		loop_timer_stop(w->loop, &w->blind);
	return w->found_new;
}

static void on_quiet(void *arg);

static void note_change(struct file_watch *w)
{
	int64_t now = loop_now_ms(w->loop), wait = w->quiet_ms;

	if (w->first_ms < 0)
		w->first_ms = now;
	if (now + wait > w->first_ms + w->max_ms)
		wait = w->first_ms + w->max_ms - now;
	loop_timer_start(w->loop, &w->timer, wait > 0 ? wait : 0, on_quiet, w);
}

static void on_quiet(void *arg)
{
	struct file_watch *w = arg;

	/* a directory that is new may still be filling */
	if (scan(w) && loop_now_ms(w->loop) < w->first_ms + w->max_ms) {
		note_change(w);
		return;
	}
	w->first_ms = -1;
	w->changed(w->arg);
}

static void on_blind(void *arg)
{
	struct file_watch *w = arg;

	scan(w);
	w->changed(w->arg);
}

static bool is_of_interest(struct file_watch *w, const struct inotify_event *ev)
{
	const char *name = ev->len ? ev->name : "";
	struct watched *d;

	if (ev->mask & IN_Q_OVERFLOW)
		return true;
	HASH_FIND_INT(w->table, &ev->wd, d);
	if (!d)
		return false;
	if (ev->mask & (IN_IGNORED | IN_UNMOUNT)) {	/* the kernel has dropped it; the number is not used again */
		HASH_DEL(w->table, d);
		free(d->only);
		free(d);
		return true;
	}
	if (!*name)	/* about the directory or file itself; a parent's own attributes do not matter */
		return d->tree || !(ev->mask & IN_ATTRIB);
	if (d->only && !strcmp(name, d->only))
		return true;
	/* "..data" of a ConfigMap counts, an editor's ".a.yaml.swp" does not */
	return d->tree && (name[0] != '.' || name[1] == '.');
}

static void on_events(void *arg, int events)
{
	struct file_watch *w = arg;
	char bytes[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false;
	ssize_t n;

	(void)events;
	while ((n = read(w->fd, bytes, sizeof(bytes))) > 0) {
		for (char *p = bytes; p < bytes + n;) {
			const struct inotify_event *ev = (const struct inotify_event *)(const void *)p;

			changed |= is_of_interest(w, ev);
			p += sizeof(*ev) + ev->len;
		}
	}
	if (changed)
		note_change(w);
}

static char *absolute_path(const char *path)
{
	char *cwd, *out = NULL;
	size_t n;

	if (path[0] == '/') {
		out = strdup(path);
	} else {
		cwd = getcwd(NULL, 0);
		if (cwd && asprintf(&out, "%s/%s", cwd, path) < 0)
			out = NULL;
		free(cwd);
	}
	for (n = out ? strlen(out) : 0; n > 1 && out[n - 1] == '/'; n--)
		out[n - 1] = '\0';
	return out;
}

struct file_watch *file_watch_open(struct loop *l, const char *root, int64_t quiet_ms, int64_t max_ms,
				   loop_fn *changed, void *arg, struct err *e)
{
	struct file_watch *w = calloc(1, sizeof(*w));

	must(w && "out of memory");
	*w = (struct file_watch){.loop = l, .quiet_ms = quiet_ms, .max_ms = max_ms, .changed = changed,
				 .arg = arg, .first_ms = -1, .root = absolute_path(root)};
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (!w->root || w->fd < 0 || loop_io_start(l, &w->io, w->fd, LOOP_READ, on_events, w)) {
		err_errno(e, "%s: cannot watch", root);
		file_watch_close(w);
		return NULL;
	}
	scan(w);
	return w;
}

void file_watch_close(struct file_watch *w)
{
	struct watched *d, *next;

	if (!w)
		return;
	loop_timer_stop(w->loop, &w->timer);
	loop_timer_stop(w->loop, &w->blind);
	loop_io_stop(&w->io);
	if (w->fd >= 0)
		close(w->fd);
	HASH_ITER(hh, w->table, d, next) {
		HASH_DEL(w->table, d);
		free(d->only);
		free(d);
	}
	free(w->root);
	free(w);
}
