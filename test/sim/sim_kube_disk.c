/* SPDX-License-Identifier: Apache-2.0
 *
 * Files in memory, in place of lib/ev's file functions and of what store/disk calls itself (linked with --wrap).
 * After each step it is judged what a process that starts then would find (O7).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/must.h"
#include "ev/file.h"
#include "ev/process.h"
#include "sim_kube.h"
#include "store/disk.h"

static _Thread_local struct sim_disk *disk;

int __wrap_stat(const char *path, struct stat *st);

void sim_disk_use(struct sim_disk *d)
{
	disk = d;
}

void sim_disk_fini(struct sim_disk *d)
{
	for (size_t i = 0; i < SIM_FILES; i++)
		free(d->files[i].p);
	for (size_t i = 0; i < d->states.n; i++)
		if (!d->states.v[i].known)
			object_set_unref(&d->states.v[i].set);
	vec_fini(&d->states);
	if (disk == d)
		disk = NULL;
}

static struct sim_file *find(const struct sim_disk *d, const char *path)
{
	for (size_t i = 0; d && i < SIM_FILES; i++)
		if (d->files[i].there && !strcmp(d->files[i].path, path))
			return (struct sim_file *)&d->files[i];
	return NULL;
}

static void set(struct sim_disk *d, const char *path, const void *p, size_t n)
{
	struct sim_file *f = find(d, path);

	for (size_t i = 0; !f && i < SIM_FILES; i++)
		if (!d->files[i].there)
			f = &d->files[i];
	must(f && strlen(path) < sizeof(f->path));
	strcpy(f->path, path);
	free(f->p);
	f->p = malloc(n + 1);
	must(f->p);
	memcpy(f->p, p, n);
	f->n = n;
	f->there = true;
	f->looked = false;
}

void sim_disk_write(struct sim_disk *d, const char *path, const char *text)
{
	set(d, path, text, strlen(text));
}

/* ---- what is there ---- */

static void pass(void *arg, const struct node *root, struct hash128 hash)
{
	(void)arg;
	(void)root;
	(void)hash;
}

static bool is_whole(const struct sim_file *f, struct hash128 *sum)
{
	unsigned long long hi, lo;
	struct err e;
	struct buf text;
	bool ok;

	buf_init(&text, DISK_FILE_MAX);
	buf_append(&text, f->p, f->n);
	ok = !disk_parse(buf_cstr(&text), text.n, f->path, NULL, pass, NULL, &e) &&
	     sscanf(buf_cstr(&text), "navarch-generation %*u %*u %*u %16llx%16llx", &hi, &lo) == 2;
	if (ok)
		*sum = (struct hash128){hi, lo};
	buf_fini(&text);
	return ok;
}

static bool whole(const struct sim_disk *d, const char *path, struct hash128 *sum)
{
	struct sim_file *f = find(d, path);

	if (!f)
		return false;
	if (!f->looked)
		f->whole = is_whole(f, &f->sum);
	f->looked = true;
	*sum = f->sum;
	return f->whole;
}

bool sim_disk_generation(const struct sim_disk *d, struct hash128 *sum)
{
	return whole(d, "state/generation", sum) || whole(d, "state/generation.old", sum);
}

struct hash128 sim_disk_sum(const struct object_set *set)
{
	struct hash128 sum;
	struct buf text;

	buf_init(&text, DISK_FILE_MAX);
	must(!disk_build(set, "kubernetes/", &text, &sum));
	buf_fini(&text);
	return sum;
}

void sim_disk_note(struct sim_disk *d, const struct object_set *set)
{
	object_set_ref(set);
	*vec_push(&d->states, NULL) = (struct sim_state){.set = *set};
}

static void judge(struct sim_disk *d)
{
	struct hash128 sum;
	bool known = false;

	if (!sim_disk_generation(d, &sum)) {
		if (d->was_whole)
			d->broken = "no whole generation is left on disk";
		return;
	}
	d->was_whole = true;
	for (size_t i = d->states.n; i > 0 && !known; i--) {
		struct sim_state *s = &d->states.v[i - 1];

		if (!s->known) {
			s->sum = sim_disk_sum(&s->set);
			s->known = true;
			object_set_unref(&s->set);
		}
		known = hash_equal(s->sum, sum);
	}
	if (!known)
		d->broken = "what is on disk was never in force";
}

/* ---- lib/ev's files ---- */

int file_read(const char *path, struct buf *out, struct err *e)
{
	const struct sim_file *f = find(disk, path);

	if (!f)
		return err_set(e, ERR_NOT_FOUND, "%s: no such file", path);
	buf_append(out, f->p, f->n);
	return 0;
}

int file_replace(const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	must(mode == 0600);
	if (disk->full && sim_chance(disk->random, 70))
		return err_set(e, ERR_IO, "%s: no space left", path);
	set(disk, path, p, n);
	judge(disk);
	return 0;
}

/* The steps of the real one, each of which may be the last. */
int file_replace_keep(const char *path, const void *p, size_t n, unsigned mode, struct err *e)
{
	struct sim_file *f = find(disk, path), *copy;
	char old[64];

	snprintf(old, sizeof(old), "%s.old", path);
	copy = find(disk, old);
	if (copy)
		copy->there = false;
	judge(disk);
	if (f && disk->full && sim_chance(disk->random, 30))
		return err_set(e, ERR_IO, "%s: no space left", old);
	if (f) {
		set(disk, old, f->p, f->n);
		copy = find(disk, old);
		copy->looked = f->looked;
		copy->whole = f->whole;
		copy->sum = f->sum;
		judge(disk);
	}
	return file_replace(path, p, n, mode, e);
}

/* The system's. */
int __wrap_stat(const char *path, struct stat *st)
{
	*st = (struct stat){.st_mtime = 1700000000};
	errno = ENOENT;
	return find(disk, path) ? 0 : -1;
}

/* ---- programs: the histories have none ---- */

struct process *process_start(struct loop *l, const struct process_opts *o, struct err *e)
{
	(void)l;
	(void)o;
	err_set(e, ERR_IO, "no programs here");
	return NULL;
}

void process_cancel(struct process *p)
{
	must(!p);
}
