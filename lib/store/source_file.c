/* SPDX-License-Identifier: Apache-2.0 */
#include "store/source_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ev/file.h"

enum { QUIET_MS = 20, QUIET_MAX_MS = 500 };

struct source_file {
	struct source_file_cfg cfg;
	char *root;
	int source;
	struct file_watch *watch;
	struct dir_known known;		/* read by the running job: changes only when none runs */
	struct job job;
	struct dir_scan scan;		/* the job's result */
	bool running, again, closed;
	bool was_failed;		/* the last scan failed: said once */
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
	dir_apply(&f->scan, f->cfg.store, f->source, &f->known);
	dir_scan_fini(&f->scan);
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

/* The watch opens before the first reading, so that nothing between them is missed. */
int source_file_open(const struct source_file_cfg *cfg, struct source_file **out, struct err *e)
{
	struct source_file *f = calloc(1, sizeof(*f));
	int rc = -1;

	must(f && "out of memory");
	f->cfg = *cfg;
	f->root = strdup(cfg->root);
	must(f->root && "out of memory");
	f->watch = file_watch_open(cfg->loop, f->root, QUIET_MS, QUIET_MAX_MS, changed, f, e);
	if (!f->watch) {
		free_source(f);
		return -1;
	}
	dir_scan(f->root, &f->known, cfg->mode, &f->scan);
	if (f->scan.failed) {
		*e = f->scan.err;
	} else {
		f->source = store_source_add(cfg->store, f->root);
		dir_apply(&f->scan, cfg->store, f->source, &f->known);
		store_source_synced(cfg->store, f->source);
		*out = f;
		rc = 0;
	}
	dir_scan_fini(&f->scan);
	if (rc < 0) {
		file_watch_close(f->watch);
		free_source(f);
	}
	return rc;
}

/* A running job still reads f: it frees it when done. */
void source_file_close(struct source_file *f)
{
	if (!f)
		return;
	file_watch_close(f->watch);
	f->closed = true;
	if (!f->running)
		free_source(f);
}
