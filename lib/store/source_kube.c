/* SPDX-License-Identifier: Apache-2.0 */
#include "store/source_kube_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "store/disk.h"

#define PLACE_PREFIX "kubernetes/"

enum { PAGE = 500, FINDINGS_MAX = 200, LATE_MS = 100 };

/* What of a kind is watched. */
enum reach { REACH_ALL, REACH_MESH_CONFIG, REACH_REFERRED };

static const enum reach reaches[KIND_COUNT] = {
	[KIND_CONFIG_MAP] = REACH_MESH_CONFIG,	/* and those that are referred to */
	[KIND_SECRET] = REACH_REFERRED,
};

static void call_over(struct feed *f, const struct err *why);
static void step(struct feed *f);

/* ---- time ---- */

static int64_t now_ms(const struct source_kube *s)
{
	return loop_now_ms(s->cfg.loop) * s->cfg.speed;
}

/* ms of its time in the loop's. */
static int64_t real_ms(const struct source_kube *s, int64_t ms)
{
	return (ms + s->cfg.speed - 1) / s->cfg.speed;
}

static void wait_for(struct source_kube *s, struct loop_timer *t, int64_t ms, loop_fn *fn, void *arg)
{
	loop_timer_start(s->cfg.loop, t, real_ms(s, ms), fn, arg);
}

/* ---- objects ---- */

/* key: "ns/name", "/name" where the kind has no namespaces. */
static const char *place_name(const struct feed *f, const char *key, struct arena *a)
{
	return arena_printf(a, PLACE_PREFIX "%s/%s", kind_info(f->kind)->plural, key + (*key == '/'));
}

bool source_kube_is_place(const char *place)
{
	return place && !strncmp(place, PLACE_PREFIX, sizeof(PLACE_PREFIX) - 1);
}

const char *source_kube_key(const char *ns, const char *name, struct arena *a)
{
	return arena_printf(a, "%s/%s", ns, name);
}

static uint64_t hash_text(const char *text)
{
	return text && *text ? hash_bytes(text, strlen(text)).lo | 1 : 0;
}

struct identity {
	const char *ns, *name, *key;
	uint64_t uid, version;
	int64_t generation;
};

/* 0: it says none. */
static uint64_t version_of(const struct node *meta)
{
	const char *version = node_text(meta, "resourceVersion");

	if (!version || !*version)
		return 0;
	return hash_mix_u64(hash_bytes(version, strlen(version)), hash_text(node_text(meta, "uid"))).lo | 1;
}

bool source_kube_is_current(const struct kube_object *o, const struct node *root)
{
	return o->version && o->version == version_of(node_get(root, "metadata"));
}

static struct identity identify(const struct feed *f, const struct node *root, struct arena *a)
{
	const struct node *meta = node_get(root, "metadata"), *generation = node_get(meta, "generation");
	const char *ns = node_text(meta, "namespace");
	struct identity id = {.ns = "",
			      .name = node_text(meta, "name"),
			      .uid = hash_text(node_text(meta, "uid")),
			      .version = version_of(meta)};

	if (kind_info(f->kind)->namespaced)
		id.ns = ns && *ns ? ns : "default";
	id.key = source_kube_key(id.ns, id.name, a);
	if (generation && generation->kind == NODE_NUMBER)
		scalar_int(generation->text, 0, INT64_MAX, &id.generation);
	return id;
}

static char *copy_or_null(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	must((!text || copy) && "out of memory");
	return copy;
}

static void touch(struct source_kube *s)
{
	s->touched = true;
	loop_task_kick(s->cfg.loop, &s->commit);
}

/* hash: that the object had before it was written to disk, or NULL. */
static void put_object(struct feed *f, const struct node *root, const struct hash128 *hash, const char *place, struct arena *a)
{
	struct source_kube *s = f->source;
	struct store_entry entry = {0};
	struct store_place p = {.name = place, .v = &entry};
	struct object *o = NULL;
	struct object_id id;
	struct diags ds;

	diags_init(&ds, a);
	ds.limit = FINDINGS_MAX;
	if (object_decode(root, SCHEMA_LENIENT, place, &o, &id, &ds) != OBJECT_OK) {
		object_unref(o);
		o = NULL;
	}
	if (o && hash)
		o->hash = *hash;
	entry = (struct store_entry){.kind = (int)f->kind, .ns = id.ns, .name = id.name, .obj = o};
	if (!o) {
		entry.diags = ds.v;
		entry.n_diags = ds.n;
	}
	p.n = 1;
	store_put(s->cfg.store, s->source, &p);
	object_unref(o);
	touch(s);
}

static void put(struct feed *f, const struct node *root, const struct hash128 *hash)
{
	struct source_kube *s = f->source;
	struct arena_mark mark = arena_mark(&s->scratch);
	struct identity id = identify(f, root, &s->scratch);
	void **slot = map_slot(&f->known, id.key);
	struct known *k = *slot;
	uint32_t generation = (uint32_t)id.generation & INT32_MAX;
	bool same = k && id.version && k->version == id.version;
	bool moved = !k || k->generation != generation || k->uid != id.uid;

	if (!k) {
		k = *slot = calloc(1, sizeof(*k));
		must(k && "out of memory");
	}
	k->uid = id.uid;
	k->version = id.version;
	k->generation = generation;
	k->round = f->round;
	k->missing = false;
	if (!same)
		put_object(f, root, hash, place_name(f, id.key, &s->scratch), &s->scratch);
	if (moved && s->cfg.moved)
		s->cfg.moved(s->cfg.arg, f->kind, id.ns, id.name);
	arena_rewind(&s->scratch, mark);
}

static void on_put(void *arg, const struct node *root)
{
	put(arg, root, NULL);
}

static void forget(struct feed *f, const char *key, struct known *k)
{
	struct source_kube *s = f->source;
	struct arena_mark mark = arena_mark(&s->scratch);

	store_remove(s->cfg.store, s->source, place_name(f, key, &s->scratch));
	arena_rewind(&s->scratch, mark);
	map_remove(&f->known, key);
	free(k);
	touch(f->source);
}

/* The end of an object that has been replaced meanwhile is not the end of its successor. */
static void on_removed(void *arg, const struct node *root)
{
	struct feed *f = arg;
	struct arena_mark mark = arena_mark(&f->source->scratch);
	struct identity id = identify(f, root, &f->source->scratch);
	struct known *k = map_get(&f->known, id.key);

	if (k && (!k->uid || !id.uid || k->uid == id.uid))
		forget(f, id.key, k);
	arena_rewind(&f->source->scratch, mark);
}

static void on_broken(void *arg, const char *why)
{
	struct feed *f = arg;

	log_warn("kube", "%s: passed over: %s", kind_info(f->kind)->plural, why);
}

/* ---- lists ---- */

static void on_list_began(void *arg)
{
	((struct feed *)arg)->round++;
}

struct sweep {
	struct feed *feed;
	bool hold;
	size_t lost, removed, held;
};

static void count_lost(const char *key, void *value, void *arg)
{
	struct sweep *sweep = arg;

	(void)key;
	sweep->lost += ((struct known *)value)->round != sweep->feed->round;
}

static void sweep_one(const char *key, void *value, void *arg)
{
	struct sweep *sweep = arg;
	struct known *k = value;

	if (k->round == sweep->feed->round)
		return;
	if (sweep->hold && !k->missing) {
		k->missing = true;
		sweep->held++;
		return;
	}
	sweep->removed++;
	forget(sweep->feed, key, k);
}

static void confirm(void *arg)
{
	struct feed *f = arg;
	struct source_kube *s = f->source;
	struct err e;

	if (!kube_watch_relist(f->watch, now_ms(s), 0) || !f->call)
		return;
	kube_call_cancel(f->call);
	err_set(&e, ERR_CANCELLED, "a list is due");
	call_over(f, &e);
}

static void on_list_ended(void *arg, bool whole)
{
	struct feed *f = arg;
	struct source_kube *s = f->source;
	struct sweep sweep = {.feed = f};
	size_t n = map_count(&f->known);

	if (!whole)
		return;
	map_each(&f->known, count_lost, &sweep);
	sweep.hold = sweep.lost > KUBE_HOLD_OBJECTS && sweep.lost * 100 > n * KUBE_HOLD_PERCENT;
	map_each(&f->known, sweep_one, &sweep);
	f->held = sweep.held;
	if (sweep.held) {
		log_warn("kube", "%s: a list lacks %zu of %zu; they stay until a second one says the same",
			 kind_info(f->kind)->plural, sweep.held, n);
		wait_for(s, &f->confirm, KUBE_CONFIRM_MS, confirm, f);
	} else if (sweep.removed > KUBE_HOLD_OBJECTS) {
		log_info("kube", "%s: a list lacks %zu of %zu; they are gone", kind_info(f->kind)->plural, sweep.removed, n);
	}
	loop_task_kick(s->cfg.loop, &s->commit);
}

static void forget_one(const char *key, void *value, void *arg)
{
	forget(arg, key, value);
}

void source_kube_forget_all(struct feed *f)
{
	map_each(&f->known, forget_one, f);
}

static void on_vanished(void *arg)
{
	struct feed *f = arg;

	if (map_count(&f->known))
		log_warn("kube", "%s: the server has not known the kind for %d minutes; its %zu objects are gone",
			 kind_info(f->kind)->plural, KUBE_VANISHED_MS / 60000, map_count(&f->known));
	source_kube_forget_all(f);
}

static void on_trouble(void *arg, const char *why)
{
	struct feed *f = arg;
	const char *plural = kind_info(f->kind)->plural;

	if (why && kube_watch_state(f->watch) == KUBE_ABSENT)
		log_info("kube", "%s: %s", plural, why);
	else if (why)
		log_warn("kube", "%s: %s; what is known stays in force", plural, why);
	else
		log_info("kube", "%s: all is well again", plural);
	free(f->trouble);
	f->trouble = copy_or_null(why);
}

static void forget_version(const char *key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	((struct known *)value)->version = 0;
}

static void on_reverted(void *arg)
{
	struct feed *f = arg;

	log_warn("kube", "%s: the server is older than it was, as after a restore; all is read again", kind_info(f->kind)->plural);
	map_each(&f->known, forget_version, NULL);
}

static const struct kube_watch_events watch_events = {
	.put = on_put,
	.removed = on_removed,
	.broken = on_broken,
	.list_began = on_list_began,
	.list_ended = on_list_ended,
	.vanished = on_vanished,
	.trouble = on_trouble,
	.reverted = on_reverted,
};

/* ---- calls ---- */

static void answered(void *arg, const struct http_answer *answer)
{
	struct feed *f = arg;

	kube_watch_answered(f->watch, answer->status, answer->retry_after_ms);
}

/* The call is over, or was never made. */
static void call_over(struct feed *f, const struct err *why)
{
	f->call = NULL;
	kube_watch_ended(f->watch, now_ms(f->source), why);
	loop_task_kick(f->source->cfg.loop, &f->source->commit);
	step(f);
}

static void received(void *arg, const char *p, size_t n)
{
	struct feed *f = arg;
	struct err e;

	if (kube_watch_received(f->watch, now_ms(f->source), p, n))
		return;
	kube_call_cancel(f->call);
	err_set(&e, ERR_CANCELLED, "of no more use");
	call_over(f, &e);
}

static void ended(void *arg, const struct err *why)
{
	call_over(arg, why);
}

static const struct http_call_events call_events = {.answered = answered, .received = received, .ended = ended};

static void start_call(struct feed *f, const char *target)
{
	struct source_kube *s = f->source;
	struct kube_request r = {.method = "GET",
				 .target = target,
				 .idle_ms = real_ms(s, f->next_call.idle_ms),
				 .total_ms = real_ms(s, f->next_call.total_ms)};

	f->call = kube_call_open(s->client, &r, &call_events, f);
}

static void timer_fired(void *arg)
{
	step(arg);
}

/* The next call, or the wait before it. */
static void step(struct feed *f)
{
	struct source_kube *s = f->source;

	if (s->closing || f->call)
		return;
	kube_watch_next(f->watch, now_ms(s), &f->next_call);
	if (f->next_call.target)
		start_call(f, f->next_call.target);
	else
		wait_for(s, &f->timer, f->next_call.wait_ms, timer_fired, f);
}

/* ---- feeds ---- */

struct feed *source_kube_add_feed(struct source_kube *s, enum kind kind, const char *ns, const char *name)
{
	struct feed *f = calloc(1, sizeof(*f));
	struct kube_watch_cfg cfg = {.kind = kind, .page = PAGE, .events = &watch_events, .arg = f};

	must(f && "out of memory");
	f->source = s;
	f->kind = kind;
	cfg.ns = f->ns = copy_or_null(ns);
	cfg.name = f->name = copy_or_null(name);
	cfg.seed = s->seed++ * 0x9e3779b97f4a7c15u;
	map_init(&f->known, NULL);
	f->watch = kube_watch_new(&cfg);
	f->next = s->feeds;
	s->feeds = f;
	/* not from within what is being iterated or committed */
	loop_timer_start(s->cfg.loop, &f->timer, 0, timer_fired, f);
	return f;
}

static void free_known(const char *key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	free(value);
}

void source_kube_free_feed(struct feed *f)
{
	kube_call_cancel(f->call);
	loop_timer_stop(f->source->cfg.loop, &f->timer);
	loop_timer_stop(f->source->cfg.loop, &f->confirm);
	kube_watch_free(f->watch);
	map_each(&f->known, free_known, NULL);
	map_fini(&f->known);
	free(f->trouble);
	free(f->ns);
	free(f->name);
	free(f);
}

/* ---- disk ---- */

static const struct object_set *current(void *arg)
{
	return store_objects(((struct source_kube *)arg)->cfg.store);
}

/* The first pass takes what is watched anyway, the second what that refers to. */
static void take_from_disk(void *arg, const struct node *root, struct hash128 hash)
{
	struct source_kube *s = arg;
	const struct node *meta = node_get(root, "metadata");
	const char *api = node_text(root, "apiVersion"), *kind = node_text(root, "kind"), *name = node_text(meta, "name");
	const char *ns = node_text(meta, "namespace");
	int k = api && kind ? kind_find(api, kind) : -1;

	for (struct feed *f = s->feeds; k >= 0 && name && f; f = f->next) {
		if ((int)f->kind != k || f->referred != s->loading_referred)
			continue;
		if (f->name && (!ns || strcmp(f->ns, ns) != 0 || strcmp(f->name, name) != 0))
			continue;
		put(f, root, &hash);
		break;
	}
}

/* What was in force when it was saved, until the server says otherwise. */
static void load_from_disk(struct source_kube *s)
{
	int64_t saved_s;
	struct err e;
	int rc;

	rc = disk_load(s->state, s->cfg.store, take_from_disk, s, &saved_s, &e);
	if (rc && e.code != ERR_NOT_FOUND)
		log_warn("kube", "%s; it is passed over", e.text);
	if (rc < 0)
		return;
	store_commit(s->cfg.store);
	source_kube_follow(s);
	s->loading_referred = true;
	disk_load(s->state, NULL, take_from_disk, s, &saved_s, &e);
	store_commit(s->cfg.store);
	s->touched = false;
	s->synced = s->restored = true;
	store_source_restored(s->cfg.store, s->source, saved_s);
	log_info("kube", "the generation of %s is in force until the API server has been read", s->state);
}

static void open_disk(struct source_kube *s)
{
	struct arena a;

	if (!s->cfg.state_dir)
		return;
	arena_init(&a, 0);
	s->state = strdup(arena_printf(&a, "%s/generation", s->cfg.state_dir));
	must(s->state && "out of memory");
	arena_fini(&a);
	s->saver = disk_saver_new(s->cfg.loop, s->cfg.pool, s->state, PLACE_PREFIX);
	load_from_disk(s);
}

/* ---- commits ---- */

static bool all_settled(const struct source_kube *s)
{
	int64_t now = now_ms(s);

	for (const struct feed *f = s->feeds; f; f = f->next)
		if (!kube_watch_is_settled(f->watch, now))
			return false;
	return true;
}

static void look_again(void *arg)
{
	struct source_kube *s = arg;

	loop_task_kick(s->cfg.loop, &s->commit);
}

static void note_synced(struct source_kube *s)
{
	s->synced = true;
	s->restored = false;
	store_source_synced(s->cfg.store, s->source);
	log_info("kube", "in sync with %s", s->cfg.access->server);
}

/* Until everything is here nobody sees anything, so that there is nothing to commit for. */
static void commit(void *arg)
{
	struct source_kube *s = arg;
	bool touched = s->touched, waits = (!s->synced || s->restored) && !all_settled(s), news;

	if (waits && !loop_timer_running(&s->late))
		wait_for(s, &s->late, LATE_MS, look_again, s);
	if (waits && !s->synced)
		return;
	news = s->restored && !waits;
	if (news)
		note_synced(s);
	if (s->synced && !touched && !news)
		return;
	s->touched = false;
	news = store_commit(s->cfg.store) > 0 || news || !s->synced || s->findings != store_findings_version(s->cfg.store);
	s->findings = store_findings_version(s->cfg.store);
	if (news)
		source_kube_follow(s);
	if (!s->synced && !all_settled(s)) {	/* Secrets that were not known of before */
		loop_task_kick(s->cfg.loop, &s->commit);
		return;
	}
	if (!s->synced)
		note_synced(s);
	if (!news)	/* statuses, say, which nobody compiles */
		return;
	if (s->saver)
		disk_saver_kick(s->saver, real_ms(s, KUBE_SAVE_MS), current, s);
	s->cfg.changed(s->cfg.arg);
}

/* ---- life ---- */

int source_kube_open(const struct source_kube_cfg *cfg, struct source_kube **out, struct err *e)
{
	struct source_kube *s = calloc(1, sizeof(*s));

	must(s && "out of memory");
	s->cfg = *cfg;
	s->cfg.speed = cfg->speed ? cfg->speed : 1;
	s->client = kube_client_new(cfg->loop, cfg->access, cfg->user_agent, e);
	if (!s->client || loop_random(cfg->loop, &s->seed, sizeof(s->seed))) {
		if (s->client)
			err_set(e, ERR_IO, "no random bytes");
		kube_client_free(s->client);
		free(s);
		return -1;
	}
	arena_init(&s->scratch, 0);
	map_init(&s->referred, NULL);
	s->source = store_source_add(cfg->store, "kubernetes");
	s->commit = (struct loop_task){.fn = commit, .arg = s, .phase = LOOP_INGEST};
	for (int k = 0; k < KIND_COUNT; k++) {
		const struct kind_info *info = kind_info((enum kind)k);

		if (info->files_only && (info->nameless || !cfg->for_analysis))
			continue;
		if (reaches[k] == REACH_ALL)
			source_kube_add_feed(s, (enum kind)k, NULL, NULL);
		else if (reaches[k] == REACH_MESH_CONFIG)
			source_kube_add_feed(s, (enum kind)k, cfg->root_namespace, store_mesh_map(cfg->store));
	}
	open_disk(s);
	*out = s;
	return 0;
}

void source_kube_reload(struct source_kube *s)
{
	for (struct feed *f = s->feeds, *next; f; f = next) {
		next = f->next;
		confirm(f);
	}
}

void source_kube_close(struct source_kube *s)
{
	if (!s)
		return;
	s->closing = true;
	for (struct feed *f = s->feeds, *next; f; f = next) {
		next = f->next;
		source_kube_free_feed(f);
	}
	loop_task_stop(&s->commit);
	loop_timer_stop(s->cfg.loop, &s->late);
	source_kube_unfollow(s);
	disk_saver_free(s->saver);
	free(s->state);
	kube_client_free(s->client);
	arena_fini(&s->scratch);
	free(s);
}
