/* SPDX-License-Identifier: Apache-2.0 */
#include "store/source_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "base/vec.h"
#include "ev/file.h"
#include "store/disk.h"

enum { QUIET_MS = 20, QUIET_MAX_MS = 500 };

struct source_file {
	struct source_file_cfg cfg;
	char *root, *state;		/* state: or NULL */
	int source;
	struct file_watch *watch;
	struct dir_known known;		/* read by the running job: changes only when none runs */
	struct job job;
	struct dir_scan scan;		/* the job's result */
	bool running, again, closed;
	bool was_failed;		/* the last scan failed: said once */
	struct disk_saver *saver;	/* or NULL */
};

static void start(struct source_file *f);

static void run(struct job *job)
{
	struct source_file *f = (struct source_file *)((char *)job - offsetof(struct source_file, job));

	dir_scan(f->root, &f->known, f->cfg.mode, &f->scan);
}

static void free_source(struct source_file *f)
{
	arena_fini(&f->known.arena);
	free(f->state);
	free(f->root);
	free(f);
}

static void note_failure(struct source_file *f)
{
	if (f->scan.failed && !f->was_failed)
		log_warn("source_file", "%s; what was read last stays in force", f->scan.err.text);
	else if (!f->scan.failed && f->was_failed)
		log_info("source_file", "%s can be read again", f->root);
	f->was_failed = f->scan.failed;
}

/* ---- disk ---- */

struct restored {
	const struct source_file *source;
	struct arena *arena;
	VEC(struct object *) v;		/* refs */
};

static bool is_below(const char *file, const char *root)
{
	size_t n = strlen(root);

	return strncmp(file, root, n) == 0 && (!file[n] || file[n] == '/' || (n && root[n - 1] == '/'));
}

/* An object that does not decode any more was written by another version, and is passed over. */
static void take_from_disk(void *arg, const struct node *root, struct hash128 hash)
{
	const struct node *meta = node_get(root, "metadata");
	const struct node *line = node_get(meta, "line");
	const char *file = node_text(meta, "file");
	struct restored *r = arg;
	struct object_id id;
	struct object *o;
	struct diags ds;

	if (!file || !is_below(file, r->source->root))
		return;
	diags_init(&ds, r->arena);
	if (object_decode(root, r->source->cfg.mode, file, &o, &id, &ds) != OBJECT_OK) {
		object_unref(o);
		return;
	}
	o->hash = hash;
	o->pos = (struct pos){.line = line && line->kind == NODE_NUMBER ? (unsigned)strtoul(line->text, NULL, 10) : 0};
	*vec_push(&r->v, r->arena) = o;
}

static int compare_places(const void *a, const void *b)
{
	const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;
	int c = strcmp(x->file, y->file);

	return c ? c : object_compare(x, y);
}

/* As if the files had been read; what they hold is not known, so that each is read when it is there. */
static void fill_scan(struct restored *r, struct dir_scan *out)
{
	struct store_entry *entries = arena_array(&out->arena, struct store_entry, r->v.n);

	if (r->v.n)
		qsort(r->v.v, r->v.n, sizeof(r->v.v[0]), compare_places);
	out->v = arena_array(&out->arena, struct dir_change, r->v.n);
	for (size_t i = 0; i < r->v.n; i++) {
		struct object *o = r->v.v[i];
		struct dir_change *at = out->n ? &out->v[out->n - 1] : NULL;

		if (!at || strcmp(at->place.name, o->file) != 0) {
			at = &out->v[out->n++];
			*at = (struct dir_change){.outcome = DIR_READ, .file.path = o->file};
			at->place = (struct store_place){.name = o->file, .v = &entries[i]};
		}
		entries[i] = (struct store_entry){.kind = (int)o->kind, .ns = o->ns, .name = o->name, .obj = o, .pos = o->pos};
		at->place.n++;
	}
}

/* What was in force when it was saved, until the directory says otherwise. */
static bool restore(struct source_file *f)
{
	struct dir_scan scan = {0};
	struct restored r = {.source = f, .arena = &scan.arena};
	int64_t saved_s;
	struct err e;
	bool any;

	if (!f->state)
		return false;
	arena_init(&scan.arena, 0);
	if (disk_load(f->state, f->cfg.store, take_from_disk, &r, &saved_s, &e) != 0 && e.code != ERR_NOT_FOUND)
		log_warn("source_file", "%s; it is passed over", e.text);
	fill_scan(&r, &scan);
	any = scan.n > 0;
	if (any) {
		dir_apply(&scan, f->cfg.store, f->source, &f->known);
		store_source_restored(f->cfg.store, f->source, saved_s);
	}
	dir_scan_fini(&scan);
	return any;
}

static const struct object_set *current(void *arg)
{
	return store_objects(((struct source_file *)arg)->cfg.store);
}

static void save(struct source_file *f)
{
	if (f->saver)
		disk_saver_kick(f->saver, FILE_SAVE_MS, current, f);
}

/* ---- the directory ---- */

/* Whether the scan found anything to put or to remove. */
static bool is_news(const struct dir_scan *s, size_t n_known)
{
	if (s->failed)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].outcome != DIR_SAME)
			return true;
	return s->n != n_known;
}

static void apply(struct source_file *f)
{
	dir_apply(&f->scan, f->cfg.store, f->source, &f->known);
	if (!f->scan.failed) {
		store_source_synced(f->cfg.store, f->source);
		save(f);
	}
	dir_scan_fini(&f->scan);
}

static void done(struct job *job)
{
	struct source_file *f = (struct source_file *)((char *)job - offsetof(struct source_file, job));
	bool news;

	f->running = false;
	job_fini(job);
	if (f->closed || job->cancelled) {
		dir_scan_fini(&f->scan);	/* of a cancelled job: empty */
		if (f->closed)
			free_source(f);
		return;
	}
	note_failure(f);
	news = is_news(&f->scan, f->known.n);
	apply(f);
	if (news)
		f->cfg.changed(f->cfg.arg);
	if (f->again)
		start(f);
}

static void start(struct source_file *f)
{
	f->again = f->running;
	if (f->running)
		return;
	f->running = true;
	job_init(&f->job, JOB_BULK, 0, run, done);
	job_submit(f->cfg.pool, &f->job);
}

static void changed(void *arg)
{
	start(arg);
}

void source_file_reload(struct source_file *f)
{
	start(f);
}

static char *copy_text(const char *text)
{
	char *copy = strdup(text);

	must(copy && "out of memory");
	return copy;
}

/* The watch opens before the first reading, so that nothing between them is missed. */
int source_file_open(const struct source_file_cfg *cfg, struct source_file **out, struct err *e)
{
	struct source_file *f = calloc(1, sizeof(*f));
	bool restored;

	must(f && "out of memory");
	f->cfg = *cfg;
	f->root = copy_text(cfg->root);
	f->state = cfg->state ? copy_text(cfg->state) : NULL;
	f->watch = file_watch_open(cfg->loop, f->root, QUIET_MS, QUIET_MAX_MS, changed, f, e);
	if (!f->watch) {
		free_source(f);
		return -1;
	}
	f->source = store_source_add(cfg->store, f->root);
	restored = restore(f);
	dir_scan(f->root, &f->known, cfg->mode, &f->scan);
	if (f->scan.failed && !restored) {
		*e = f->scan.err;
		dir_scan_fini(&f->scan);
		source_file_close(f);
		return -1;
	}
	if (f->scan.failed)
		log_warn("source_file", "the generation of %s is in force until %s can be read", f->state, f->root);
	note_failure(f);
	if (f->state)
		f->saver = disk_saver_new(cfg->loop, cfg->pool, f->state, f->root);
	apply(f);
	*out = f;
	return 0;
}

/* A running job still reads f: it frees it when done. */
void source_file_close(struct source_file *f)
{
	if (!f)
		return;
	file_watch_close(f->watch);
	disk_saver_free(f->saver);
	f->saver = NULL;
	f->closed = true;
	if (!f->running)
		free_source(f);
}
