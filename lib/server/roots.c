/* SPDX-License-Identifier: Apache-2.0 */
#include "server/roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ev/file.h"
#include "server/roots_int.h"

enum { STEP_MS = 1000, IDLE_MS = 30 * 1000 };

static int64_t now_s(const struct roots *r)
{
	return loop_wall_ns(r->loop) / 1000000000;
}

/* ---- the state on disk ---- */

static int save(struct roots *r, struct err *e)
{
	struct buf text;
	int status;

	buf_init(&text, ROTATION_TEXT_MAX);
	rotation_print(&r->rotation, &text);
	status = text.failed ? err_set(e, ERR_LIMIT, "%s: too much to keep", r->path.state)
			     : file_replace_keep(r->path.state, text.p, text.n, 0600, e);
	buf_fini(&text);
	return status;
}

/* Back to `before` when it cannot be kept. */
static int commit(struct roots *r, const struct rotation_state *before, struct err *e)
{
	if (!save(r, e))
		return 0;
	r->rotation.s = *before;
	return -1;
}

static int load_state(struct roots *r, const char *path, struct err *e)
{
	struct buf text;
	int status;

	buf_init(&text, ROTATION_TEXT_MAX);
	status = file_read(path, &text, e);
	if (!status && rotation_parse(&r->rotation, buf_cstr(&text), text.n, e))
		status = err_wrap(e, "%s", path);
	buf_fini(&text);
	return status;
}

static int load(struct roots *r, struct err *e)
{
	struct err second;
	char old[4096];

	if (!load_state(r, r->path.state, e))
		return 0;
	snprintf(old, sizeof(old), "%s.old", r->path.state);
	if (!load_state(r, old, &second)) {
		if (e->code != ERR_NOT_FOUND)
			log_warn("ca", "%s; the state before is taken", e->text);
		return 0;
	}
	if (e->code == ERR_NOT_FOUND && second.code == ERR_NOT_FOUND)
		return 0;
	return err_wrap(e, "without it nobody knows which roots may still be in use; restore it, or remove it when none but "
			   "that of the CA's files is");
}

/* ---- which issuer ---- */

static bool is_root(const struct ca *ca, const char *id)
{
	return ca && !strcmp(ca_root_id(ca), id);
}

static struct ca *issuer(const struct roots *r)
{
	const char *signer = r->rotation.s.signer;

	return is_root(r->files, signer) ? r->files : is_root(r->old, signer) ? r->old : NULL;
}

/* All trust what our own root directory shows, agents that are started with it too. */
static void show_bundle(struct roots *r, const char *bundle)
{
	char path[4096];
	struct err e;

	if (r->opts.ca_dir || !strstr(bundle, ca_root(r->files)))
		return;
	snprintf(path, sizeof(path), "%s/root-cert.pem", r->path.files);
	if (file_replace(path, bundle, strlen(bundle), 0644, &e))
		log_error("ca", "%s", e.text);
}

/* The issuer before is kept for as long as it may be needed. */
static void tidy(struct roots *r)
{
	enum rotation_phase phase = rotation_phase(&r->rotation, now_s(r));
	struct err e;

	if (phase == ROTATION_DISTRIBUTING || phase == ROTATION_DRAINING || !is_root(r->files, r->rotation.s.signer))
		return;
	ca_unref(r->old);
	r->old = NULL;
	if (file_exists(r->path.old) && ca_remove(r->path.old, &e))
		log_error("ca", "%s", e.text);
}

static void use(struct roots *r)
{
	struct ca *ca = issuer(r), *before = r->ca;
	const char *bundle;
	struct arena a;

	must(ca && "what is issued from is there");
	arena_init(&a, 0);
	bundle = rotation_bundle(&r->rotation, &a);
	r->ca = ca_with_roots(ca, bundle);
	show_bundle(r, bundle);
	tidy(r);
	arena_fini(&a);
	log_info("ca", "issuing from %s, good until %lld; %zu roots are trusted; rotation: %s", ca_subject(ca),
		 (long long)ca_expires_s(ca), r->rotation.s.n, rotation_phase_name(rotation_phase(&r->rotation, now_s(r))));
	if (r->changed)
		r->changed(r->arg);
	ca_unref(before);
}

/* ---- the files ---- */

static const char *wanted_roots(const struct roots *r, const struct ca *files)
{
	return r->opts.ca_dir ? ca_roots(files) : ca_root(files);
}

/* The old one stays what is issued from, so it must outlive its files. */
static int keep_old(struct roots *r, const struct ca *files, struct err *e)
{
	struct ca *ca = issuer(r);

	if (is_root(files, r->rotation.s.signer) || !ca || ca == r->old)
		return 0;
	if (r->opts.ca_dir && ca_save(ca, r->path.old, e))
		return -1;
	ca_unref(r->old);
	r->old = ca_ref(ca);
	return 0;
}

/* Takes over files. */
static int adopt(struct roots *r, struct ca *files, struct err *e)
{
	struct rotation_state before = r->rotation.s;
	bool changed;

	if (rotation_files(&r->rotation, wanted_roots(r, files), ca_root_id(files), now_s(r), &changed, e))
		return -1;
	if (keep_old(r, files, e) || (changed && commit(r, &before, e))) {
		r->rotation.s = before;
		return -1;
	}
	ca_unref(r->files);
	r->files = files;
	return 0;
}

/* Nothing is there to issue from the root that was in force: what is there issues at once. */
static int use_what_is_there(struct roots *r, struct err *e)
{
	struct rotation_state before = r->rotation.s;
	struct err why;
	bool changed;

	if (issuer(r))
		return 0;
	if (!*r->rotation.s.target) {
		rotation_retry(&r->rotation, &why);
		if (rotation_files(&r->rotation, wanted_roots(r, r->files), ca_root_id(r->files), now_s(r), &changed, e))
			return -1;
	}
	rotation_force(&r->rotation, now_s(r));
	log_warn("ca", "the root was exchanged while nobody looked, and the key of the one before is gone: issuing from the new one "
		       "at once; proxies refuse each other until they have both");
	return commit(r, &before, e);
}

static struct ca *open_files(const struct roots *r, struct err *e)
{
	const struct ca_opts opts = {.trust_domain = r->opts.trust_domain};
	uint8_t serial[TBS_SERIAL];

	if (r->opts.ca_dir)
		return ca_open(r->opts.ca_dir, &opts, now_s(r), e);
	if (!loop_random(r->loop, serial, sizeof(serial)))
		return ca_open_own(r->path.files, &opts, now_s(r), serial, e);
	err_set(e, ERR_IO, "no random bytes");
	return NULL;
}

static int reload(struct roots *r, struct err *e)
{
	struct ca *files = open_files(r, e);

	if (!files || roots_take_crl(r, files, e) || adopt(r, files, e)) {
		ca_unref(files);
		return -1;
	}
	use(r);
	roots_look_soon(r);
	return 0;
}

void roots_reload(struct roots *r)
{
	struct err e;

	if (reload(r, &e))
		log_error("ca", "%s; the CA before stays in force", e.text);
}

/* ---- a root of our own ---- */

/* What a crash between two renames left. */
static int repair(const struct roots *r, struct err *e)
{
	if (!file_exists(r->path.fresh))
		return 0;
	if (!file_exists(r->path.files))
		return file_rename(r->path.fresh, r->path.files, e);
	if (!file_exists(r->path.old))
		return file_rename(r->path.fresh, r->path.old, e);
	return ca_remove(r->path.fresh, e);
}

/* The next root takes the place of the present one, which is kept beside. The state knows it first: a kill before the
 * renames leaves it to be dropped as one that was never issued from. */
static int exchange_own(struct roots *r, struct ca *fresh, struct err *e)
{
	char path[4096];
	const char *bundle;
	struct arena a;
	int status;

	arena_init(&a, 0);
	bundle = rotation_bundle(&r->rotation, &a);
	snprintf(path, sizeof(path), "%s/root-cert.pem", r->path.fresh);
	status = file_replace(path, bundle, strlen(bundle), 0644, e) || file_rename(r->path.files, r->path.old, e) ? -1 : 0;
	arena_fini(&a);
	if (status)
		return -1;
	if (file_rename(r->path.fresh, r->path.files, e)) {
		struct err again;

		if (file_rename(r->path.old, r->path.files, &again))
			log_error("ca", "%s", again.text);
		return -1;
	}
	ca_unref(r->old);
	r->old = r->files;
	r->files = fresh;
	return 0;
}

static int make_own(struct roots *r, struct err *e)
{
	const struct ca_opts opts = {.trust_domain = r->opts.trust_domain};
	struct rotation_state before = r->rotation.s;
	uint8_t serial[TBS_SERIAL];
	struct ca *fresh;
	struct err again;
	bool changed;

	if (rotation_phase(&r->rotation, now_s(r)) != ROTATION_STEADY || !is_root(r->files, r->rotation.s.signer))
		return err_set(e, ERR_REFUSED, "a rotation is under way");
	if (loop_random(r->loop, serial, sizeof(serial)))
		return err_set(e, ERR_IO, "no random bytes");
	if (ca_remove(r->path.fresh, e) || ca_remove(r->path.old, e))
		return -1;
	fresh = ca_open_own(r->path.fresh, &opts, now_s(r), serial, e);
	if (!fresh)
		return -1;
	if (!rotation_files(&r->rotation, ca_root(fresh), ca_root_id(fresh), now_s(r), &changed, e) && !commit(r, &before, e)) {
		if (!exchange_own(r, fresh, e))
			return 0;
		r->rotation.s = before;
		r->unsaved = save(r, &again) != 0;
	}
	ca_unref(fresh);
	return -1;
}

static int swap_dirs(struct roots *r, struct err *e)
{
	struct ca *files = r->files;
	struct err again;

	if (ca_remove(r->path.fresh, e) || file_rename(r->path.files, r->path.fresh, e))
		return -1;
	if (file_rename(r->path.old, r->path.files, e)) {
		if (file_rename(r->path.fresh, r->path.files, &again))
			log_error("ca", "%s", again.text);
		return -1;
	}
	if (file_rename(r->path.fresh, r->path.old, e))
		return -1;
	r->files = r->old;
	r->old = files;
	return 0;
}

/* The root before back in its place; the state knows it first here, too. */
static int swap_own(struct roots *r, struct err *e)
{
	struct rotation_state before = r->rotation.s;
	bool changed;

	if (!r->old)
		return err_set(e, ERR_REFUSED, "no rotation is under way that could be aborted");
	*r->rotation.s.refused = *r->rotation.s.target = '\0'; /* an abort that is aborted goes on */
	r->rotation.s.paused = false;
	if (rotation_files(&r->rotation, ca_root(r->old), ca_root_id(r->old), now_s(r), &changed, e) || commit(r, &before, e))
		return -1;
	if (!swap_dirs(r, e))
		return 0;
	r->rotation.s = before;
	r->unsaved = true;
	return -1;
}

/* An exchange that a kill has cut short goes on: what the state wants to issue from belongs in the first place. */
static int finish_own(struct roots *r, struct err *e)
{
	const struct rotation_state *s = &r->rotation.s;
	const char *wanted = *s->target ? s->target : s->signer;

	return !r->opts.ca_dir && is_root(r->old, wanted) && !is_root(r->files, wanted) ? swap_dirs(r, e) : 0;
}

/* ---- steps ---- */

/* Said once, until it works again. */
static bool failed(bool before, const char *what, int status, const struct err *e)
{
	if (status && !before)
		log_error("ca", "%s: %s", what, e->text);
	return status != 0;
}

static void save_or_say(struct roots *r)
{
	struct err e;

	r->unsaved = failed(r->unsaved, "how long certificates live cannot be kept", save(r, &e), &e);
}

/* A root that the files have gets into date, or out of it. */
static void follow_dates(struct roots *r)
{
	struct err e;

	if (now_s(r) >= ca_changes_s(r->files))
		r->stuck = failed(r->stuck, "the CA's files, read again since a root's time has come", reload(r, &e), &e);
}

static void look(void *arg)
{
	struct roots *r = arg;
	struct rotation_state before;
	struct rotation_report report;
	enum rotation_event event;
	struct arena a;
	struct rotation_peer *peers = NULL;
	size_t n = 0;
	struct err e;

	arena_init(&a, 0);
	follow_dates(r);
	before = r->rotation.s;
	if (r->unsaved)
		save_or_say(r);
	if (r->peers)
		peers = r->peers(r->peers_arg, &a, &n);
	event = rotation_step(&r->rotation, peers, n, now_s(r), loop_now_ms(r->loop) / 1000, &report);
	arena_fini(&a);
	if (event != ROTATION_NOTHING && !issuer(r)) {
		log_error("ca", "the next root has no key here; the root before stays in force");
		r->rotation.s = before;
		event = ROTATION_NOTHING;
	}
	if (event != ROTATION_NOTHING && commit(r, &before, &e)) {
		log_error("ca", "%s; the roots stay as they are", e.text);
		event = ROTATION_NOTHING;
	}
	if (event != ROTATION_NOTHING)
		use(r);
	roots_look_soon(r);
}

void roots_look_soon(struct roots *r)
{
	enum rotation_phase phase = rotation_phase(&r->rotation, now_s(r));
	int64_t wait_ms = phase == ROTATION_STEADY ? IDLE_MS : STEP_MS, dates_s = ca_changes_s(r->files) - now_s(r);

	if (phase != r->phase)
		tidy(r); /* what a root is kept for may end by itself */
	r->phase = phase;
	if (dates_s > 0 && dates_s < wait_ms / 1000)
		wait_ms = dates_s * 1000;
	loop_timer_start(r->loop, &r->timer, wait_ms, look, r);
}

void roots_set_peers(struct roots *r, roots_peers_fn *fn, void *arg)
{
	r->peers = fn;
	r->peers_arg = arg;
}

void roots_issued(struct roots *r, const struct issued *i)
{
	char holder[ISSUED_HOLDER], line[ISSUED_LINE];
	struct rotation_leaf leaf = {.holder = *i->host ? issued_holder(&i->id, i->host, holder) : NULL,
				     .root = i->root,
				     .bundle = i->bundle,
				     .issued_s = i->issued_s,
				     .until_s = i->until_s,
				     .serial = i->serial};
	bool must_save = rotation_issued(&r->rotation, &leaf);
	struct err e;

	r->unlogged = failed(r->unlogged, "the log of certificates",
			     file_log_append(r->issued, line, (size_t)issued_print(i, line), &e), &e);
	if (r->unlogged)
		rotation_unlogged(&r->rotation, i->until_s);
	if (must_save || r->unlogged || r->unsaved)
		save_or_say(r);
}

/* ---- what operators say ---- */

static int rotate(struct roots *r, struct err *e)
{
	if (!r->opts.ca_dir)
		return make_own(r, e);
	return rotation_retry(&r->rotation, e);
}

static int abort_rotation(struct roots *r, struct err *e)
{
	const char *target = r->rotation.s.target;

	if (!r->opts.ca_dir)
		return swap_own(r, e);
	if (rotation_abort(&r->rotation, now_s(r), e))
		return -1;
	return !*target || is_root(r->old, target) || is_root(r->files, target)
		   ? 0
		   : err_set(e, ERR_REFUSED, "the key of the root before is gone; put its files into --ca-dir");
}

int roots_order(struct roots *r, enum roots_order order, struct err *e)
{
	struct rotation_state before = r->rotation.s;
	int status = 0;

	switch (order) {
	case ROOTS_ROTATE: status = rotate(r, e); break;
	case ROOTS_PAUSE: status = rotation_pause(&r->rotation, now_s(r), e); break;
	case ROOTS_RESUME: status = rotation_resume(&r->rotation, false, now_s(r), e); break;
	case ROOTS_RESUME_WITHOUT_AWAY: status = rotation_resume(&r->rotation, true, now_s(r), e); break;
	case ROOTS_ABORT: status = abort_rotation(r, e); break;
	}
	if (status) {
		r->rotation.s = before;
		return -1;
	}
	if ((order == ROOTS_ROTATE || order == ROOTS_ABORT) && !r->opts.ca_dir)
		use(r); /* it is on disk */
	else if (commit(r, &before, e))
		status = -1;
	else if (order == ROOTS_ROTATE || order == ROOTS_ABORT)
		status = reload(r, e);
	roots_look_soon(r);
	return status;
}

/* ---- life ---- */

static void join(char out[ROOTS_PATH], const char *dir, const char *name)
{
	must(snprintf(out, ROOTS_PATH, "%s/%s", dir, name) < ROOTS_PATH);
}

static int open_all(struct roots *r, struct err *e)
{
	const struct ca_opts opts = {.trust_domain = r->opts.trust_domain};
	struct ca *files;
	struct err why;
	bool is_known;

	if (load(r, e) || (!r->opts.ca_dir && repair(r, e)))
		return -1;
	is_known = *r->rotation.s.signer != '\0';
	roots_replay(r);
	if (is_known && file_exists(r->path.old)) {
		r->old = ca_open(r->path.old, &opts, now_s(r), &why);
		if (!r->old)
			log_warn("ca", "%s", why.text);
	}
	r->files = open_files(r, e);
	if (!r->files || finish_own(r, e))
		return -1;
	files = ca_ref(r->files);
	if (adopt(r, files, e)) {
		ca_unref(files);
		return -1;
	}
	if (!is_known) /* now their roots are */
		roots_replay(r);
	if (rotation_booted(&r->rotation, r->opts.boot_id))
		log_info("ca", "the machine has started anew, and the log of certificates may lack lines: a rotation waits for their lives");
	rotation_replayed(&r->rotation);
	r->issued = file_log_open(r->path.log, ROOTS_LOG_MAX, ROOTS_LOG_KEEP, e);
	if (!r->issued || use_what_is_there(r, e) || save(r, e))
		return -1;
	roots_load_crl(r);
	use(r);
	roots_look_soon(r);
	return 0;
}

struct roots *roots_open(struct loop *l, const struct roots_opts *o, loop_fn *changed, void *arg, struct err *e)
{
	struct roots *r;

	if (strlen(o->state_dir) > ROOTS_PATH - 32 || (o->ca_dir && strlen(o->ca_dir) >= ROOTS_PATH)) {
		err_set(e, ERR_LIMIT, "%s: too long a path", o->state_dir);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	must(r && "out of memory");
	r->loop = l;
	r->opts = *o;
	rotation_init(&r->rotation, o->shared);
	join(r->path.state, o->state_dir, "rotation");
	join(r->path.files, o->state_dir, "ca");
	join(r->path.old, o->state_dir, "ca-old");
	join(r->path.fresh, o->state_dir, "ca-new");
	join(r->path.log, o->state_dir, "issued.log");
	join(r->path.crl, o->state_dir, "ca-crl.pem");
	if (open_all(r, e)) {
		roots_close(r);
		return NULL;
	}
	r->changed = changed;
	r->arg = arg;
	return r;
}

void roots_close(struct roots *r)
{
	if (!r)
		return;
	loop_timer_stop(r->loop, &r->timer);
	file_log_close(r->issued);
	ca_unref(r->ca);
	ca_unref(r->files);
	ca_unref(r->old);
	free(r->crl);
	free(r->crl_trouble);
	rotation_fini(&r->rotation);
	free(r);
}

struct ca *roots_ca(const struct roots *r)
{
	return r->ca;
}

const char *roots_left_out(const struct roots *r)
{
	return ca_left_out(r->files);
}

struct rotation *roots_rotation(struct roots *r)
{
	return &r->rotation;
}

const struct ca *roots_next(const struct roots *r)
{
	return is_root(r->files, r->rotation.s.signer) ? NULL : r->files;
}
