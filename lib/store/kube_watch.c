/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kube_watch_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "store/kube_target.h"

/* ---- life ---- */

static void add_api(struct kube_watch *w, const char *group, const char *version, size_t n)
{
	struct arena a;

	must(w->n_api < VERSIONS);
	arena_init(&a, 0);
	w->api_version[w->n_api] = strdup(arena_printf(&a, "%s%s%.*s", group, *group ? "/" : "", (int)n, version));
	w->api[w->n_api] = strdup(arena_printf(&a, "%s%s", *group ? "/apis/" : "/api/", w->api_version[w->n_api]));
	must(w->api[w->n_api] && w->api_version[w->n_api] && "out of memory");
	w->n_api++;
	arena_fini(&a);
}

struct kube_watch *kube_watch_new(const struct kube_watch_cfg *cfg)
{
	struct kube_watch *w = calloc(1, sizeof(*w));
	const struct kind_info *info = kind_info(cfg->kind);

	must(w && "out of memory");
	w->cfg = *cfg;
	w->random = cfg->seed;
	object_keep(cfg->kind, &w->keep);
	w->event_keys[0] = (struct node_keep_key){.key = "type"};
	w->event_keys[1] = (struct node_keep_key){.key = "object", .keep = &w->keep.root};
	w->event_keep = (struct node_keep){.keys = w->event_keys, .n = 2};
	for (const char *p = info->versions; *p;) {
		size_t n = strcspn(p, " ");

		add_api(w, info->group, p, n);
		p += n + (p[n] == ' ');
	}
	w->absent_since_ms = w->forbidden_since_ms = -1;
	json_list_init(&w->list);
	buf_init(&w->version, VERSION_MAX);
	buf_init(&w->token, CONTINUE_MAX);
	buf_init(&w->line, NODE_DOC_MAX);
	buf_init(&w->target, 4 * CONTINUE_MAX);
	arena_init(&w->scratch, SCRATCH_MAX);
	return w;
}

void kube_watch_free(struct kube_watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_api; i++) {
		free(w->api[i]);
		free(w->api_version[i]);
	}
	json_list_fini(&w->list);
	buf_fini(&w->version);
	buf_fini(&w->token);
	buf_fini(&w->line);
	buf_fini(&w->target);
	arena_fini(&w->scratch);
	free(w);
}

const char *kube_watch_state_name(enum kube_watch_state state)
{
	static const char *const names[KUBE_WATCH_STATES] = {[KUBE_UNSYNCED] = "reading", [KUBE_SYNCED] = "synced",
							     [KUBE_ABSENT] = "absent", [KUBE_FORBIDDEN] = "forbidden"};

	return names[state];
}

const char *kube_watch_api(const struct kube_watch *w)
{
	return w->api[w->at_api];
}

enum kube_watch_state kube_watch_state(const struct kube_watch *w)
{
	return w->state;
}

const struct kube_watch_stats *kube_watch_stats(const struct kube_watch *w)
{
	return &w->stats;
}

bool kube_watch_is_settled(const struct kube_watch *w, int64_t now_ms)
{
	if (w->state == KUBE_FORBIDDEN)
		return now_ms - w->forbidden_since_ms >= KUBE_FORBIDDEN_GRACE_MS;
	return w->state != KUBE_UNSYNCED;
}

bool kube_watch_relist(struct kube_watch *w, int64_t now_ms, int64_t ms)
{
	if (!w->relist_at_ms || w->relist_at_ms > now_ms + ms)
		w->relist_at_ms = now_ms + ms;
	return w->open && w->mode == WATCH && now_ms >= w->relist_at_ms;
}

/* ---- when ---- */

/* 0 .. n-1 (splitmix64) */
static int64_t draw(struct kube_watch *w, int64_t n)
{
	uint64_t z = (w->random += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (int64_t)((z ^ (z >> 31)) % (uint64_t)n);
}

void kube_watch_wait_about(struct kube_watch *w, int64_t now_ms, int64_t ms)
{
	w->not_before_ms = now_ms + ms / 2 + draw(w, ms + 1);
}

void kube_watch_tell_trouble(struct kube_watch *w, const char *why)
{
	struct hash128 h = {0};

	if (why)
		h = hash_bytes(why, strlen(why));
	if (hash_equal(h, w->trouble))
		return;
	w->trouble = h;
	w->cfg.events->trouble(w->cfg.arg, why);
}

void kube_watch_back_off(struct kube_watch *w, int64_t now_ms, const char *why)
{
	unsigned shift = w->failures < 6 ? w->failures : 6;
	int64_t ms = (int64_t)KUBE_BACKOFF_MS << shift;

	w->stats.failures++;
	w->failures++;
	kube_watch_wait_about(w, now_ms, ms < KUBE_BACKOFF_MAX_MS * 2 / 3 ? ms : KUBE_BACKOFF_MAX_MS * 2 / 3);
	/* not less than half a second, and not less than the server asks for */
	if (w->not_before_ms < now_ms + KUBE_BACKOFF_MS)
		w->not_before_ms = now_ms + KUBE_BACKOFF_MS;
	if (w->retry_after_ms > 0 && w->not_before_ms < now_ms + w->retry_after_ms)
		w->not_before_ms = now_ms + w->retry_after_ms + draw(w, KUBE_BACKOFF_MS);
	kube_watch_tell_trouble(w, why);
}

void kube_watch_all_is_well(struct kube_watch *w)
{
	w->failures = 0;
	w->absent_since_ms = w->forbidden_since_ms = -1;
	w->vanished = false;
	kube_watch_tell_trouble(w, NULL);
}

/* ---- what to ask for ---- */

static void put_target(struct kube_watch *w)
{
	struct buf *t = &w->target;

	buf_clear(t);
	kube_target_put(t, w->api[w->at_api], w->cfg.ns, kind_info(w->cfg.kind)->plural, w->cfg.name);
	if (w->mode == LIST_PAGES) {
		if (!w->no_limit)
			buf_printf(t, "limit=%u", w->cfg.page);
		if (w->token.n) {
			buf_str(t, "&continue=");
			kube_target_escape(t, buf_cstr(&w->token));
		}
		return;
	}
	buf_printf(t, "watch=1&allowWatchBookmarks=true&timeoutSeconds=%d", WATCH_MIN_S + (int)draw(w, WATCH_SPREAD_S));
	if (w->mode == LIST_STREAM) {
		buf_str(t, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
	} else {
		buf_str(t, "&resourceVersion=");
		kube_target_escape(t, buf_cstr(&w->version));
	}
}

void kube_watch_to_list(struct kube_watch *w)
{
	w->mode = w->no_stream ? LIST_PAGES : LIST_STREAM;
	w->no_limit = false;
	buf_clear(&w->token);
	w->relist_at_ms = 0;
}

static void choose_mode(struct kube_watch *w, int64_t now_ms)
{
	bool due = w->relist_at_ms && now_ms >= w->relist_at_ms;

	if (w->mode != WATCH)
		return;
	if (now_ms - w->listed_at_ms >= KUBE_AUDIT_MS) {
		w->no_stream = false;	/* a newer server may have it */
		due = true;
	}
	if (due || !w->version.n)
		kube_watch_to_list(w);
}

static void begin_call(struct kube_watch *w, int64_t now_ms)
{
	w->open = true;
	w->status = 0;
	w->retry_after_ms = -1;
	w->began_ms = now_ms;
	w->gone_410 = w->list_done = w->no_mark = false;
	w->events_before = w->stats.events;
	w->skip_line = false;
	buf_clear(&w->line);
	json_list_fini(&w->list);
	json_list_init(&w->list);
	w->stats.requests++;
	if (w->mode != WATCH && !w->in_list) {
		w->in_list = true;
		w->saw_broken = false;
		w->cfg.events->list_began(w->cfg.arg);
	}
}

void kube_watch_next(struct kube_watch *w, int64_t now_ms, struct kube_next *out)
{
	must(!w->open);
	*out = (struct kube_next){.wait_ms = w->not_before_ms > now_ms ? w->not_before_ms - now_ms : 0};
	if (out->wait_ms)
		return;
	choose_mode(w, now_ms);
	put_target(w);
	begin_call(w, now_ms);
	out->target = buf_cstr(&w->target);
	/* a list by stream goes on as the watch */
	out->idle_ms = w->mode == LIST_PAGES ? KUBE_LIST_SILENCE_MS : KUBE_SILENCE_MS;
}

/* ---- what comes ---- */

void kube_watch_answered(struct kube_watch *w, unsigned status, int64_t retry_after_ms)
{
	w->status = status;
	w->retry_after_ms = retry_after_ms;
	if (status != 200 || w->mode != WATCH)
		return;
	w->state = KUBE_SYNCED;
	w->absent_since_ms = w->forbidden_since_ms = -1;
	kube_watch_tell_trouble(w, NULL);
}

static void relist_after_broken(struct kube_watch *w, int64_t now_ms, unsigned times)
{
	int64_t ms = (int64_t)KUBE_BROKEN_RELIST_MS << (times < BROKEN_SHIFT_MAX ? times : BROKEN_SHIFT_MAX);

	kube_watch_relist(w, now_ms, ms + draw(w, ms));
}

static void broken(struct kube_watch *w, int64_t now_ms, const char *why)
{
	w->stats.broken++;
	w->saw_broken = true;
	if (!w->in_list)
		relist_after_broken(w, now_ms, 0);
	w->cfg.events->broken(w->cfg.arg, why);
}

/* Elements of lists of Kubernetes' own kinds say neither apiVersion nor kind. */
static void complete(struct kube_watch *w, struct node *root)
{
	const char *kind = kind_info(w->cfg.kind)->name, *api = w->api_version[w->at_api];
	struct node_member *v;

	if (node_get(root, "kind") || node_get(root, "apiVersion"))
		return;
	v = arena_array(&w->scratch, struct node_member, root->n + 2);
	v[0] = (struct node_member){.key = "apiVersion", .value = {.kind = NODE_STRING, .text = api, .n = strlen(api)}};
	v[1] = (struct node_member){.key = "kind", .value = {.kind = NODE_STRING, .text = kind, .n = strlen(kind)}};
	if (root->n)
		memcpy(v + 2, root->map, root->n * sizeof(*v));
	root->map = v;
	root->n += 2;
}

static bool is_of_kind(const struct kube_watch *w, const struct node *root)
{
	const char *api = node_text(root, "apiVersion"), *kind = node_text(root, "kind");
	const struct node *meta = node_get(root, "metadata");
	const char *name = node_text(meta, "name"), *ns = node_text(meta, "namespace");

	return api && kind && name && *name && !strchr(name, '/') && (!ns || !strchr(ns, '/')) &&
	       kind_find(api, kind) == (int)w->cfg.kind;
}

static void take_object(struct kube_watch *w, int64_t now_ms, struct node *root, bool removed)
{
	if (!root || root->kind != NODE_MAP) {
		broken(w, now_ms, "an element is no object");
		return;
	}
	complete(w, root);
	if (!is_of_kind(w, root))
		broken(w, now_ms, "an element is of another kind, or has no name that can be one");
	else if (removed)
		w->cfg.events->removed(w->cfg.arg, root);
	else
		w->cfg.events->put(w->cfg.arg, root);
}

struct node *kube_watch_parse(struct kube_watch *w, const char *text, size_t n, const struct node_keep *keep, const char **why)
{
	struct diags ds;
	struct node_doc doc;

	diags_init(&ds, &w->scratch);
	doc = node_parse_json(text, n, keep, &w->scratch, &ds);
	*why = ds.n ? ds.v[0].text : "";
	return doc.bad ? NULL : doc.root;
}

struct piece {
	struct kube_watch *w;
	int64_t now_ms;
};

static void take_element(void *arg, const char *text, size_t n)
{
	struct piece *p = arg;
	struct kube_watch *w = p->w;
	struct arena_mark mark = arena_mark(&w->scratch);
	const char *why = "an element is too large";
	struct node *root = text ? kube_watch_parse(w, text, n, &w->keep.root, &why) : NULL;

	w->stats.events++;
	if (root)
		take_object(w, p->now_ms, root, false);
	else
		broken(w, p->now_ms, why);
	arena_rewind(&w->scratch, mark);
}

const char *kube_watch_version_of(const struct node *object)
{
	return node_text(node_get(object, "metadata"), "resourceVersion");
}

static void set_version(struct kube_watch *w, const struct node *object)
{
	const char *v = kube_watch_version_of(object);

	if (!v || !*v || strlen(v) >= VERSION_MAX)
		return;
	buf_clear(&w->version);
	buf_str(&w->version, v);
}

/* What was read at a version says nothing of the same version now. */
static void note_reverted(struct kube_watch *w, int64_t now_ms, const struct node *list)
{
	const char *version = kube_watch_version_of(list);

	if (!version || !w->version.n || !kube_version_is_before(version, buf_cstr(&w->version)))
		return;
	w->cfg.events->reverted(w->cfg.arg);
	kube_watch_relist(w, now_ms, 0);
}

void kube_watch_end_list(struct kube_watch *w, int64_t now_ms, const struct node *list)
{
	note_reverted(w, now_ms, list);
	set_version(w, list);
	if (w->saw_broken)
		relist_after_broken(w, now_ms, w->broken_lists++);
	else
		w->broken_lists = 0;
	w->in_list = false;
	w->list_done = true;
	w->mode = WATCH;
	w->listed_at_ms = now_ms - draw(w, KUBE_AUDIT_MS / 5);
	w->state = KUBE_SYNCED;
	w->stream_failures = w->silent_watches = 0;
	w->stats.lists++;
	kube_watch_all_is_well(w);
	w->cfg.events->list_ended(w->cfg.arg, !w->saw_broken);
}

void kube_watch_drop_list(struct kube_watch *w)
{
	if (!w->in_list)
		return;
	w->in_list = false;
	w->cfg.events->list_ended(w->cfg.arg, false);
}

/* An ERROR event holds a Status. */
static void take_error(struct kube_watch *w, int64_t now_ms, const char *text, size_t n)
{
	const char *why;
	const struct node *event = kube_watch_parse(w, text, n, NULL, &why), *status = event ? node_get(event, "object") : NULL;
	const struct node *code = node_get(status, "code");
	const char *message = node_text(status, "message");

	if (code && code->kind == NODE_NUMBER && !strcmp(code->text, "410"))
		w->gone_410 = true;
	else if (w->mode == WATCH)
		kube_watch_back_off(w, now_ms,
				    arena_printf(&w->scratch, "the watch ends with %s", message ? message : "an error"));
}

/* What is older than what has been read undoes it: it is not taken, and a list will tell. */
static bool goes_back(struct kube_watch *w, int64_t now_ms, const struct node *object)
{
	const char *version = kube_watch_version_of(object);

	if (!version || !w->version.n || !kube_version_is_before(version, buf_cstr(&w->version)))
		return false;
	broken(w, now_ms, "an event goes back in time");
	return true;
}

/* False: the call is of no more use. */
static bool take_event(struct kube_watch *w, int64_t now_ms, const char *text, size_t n)
{
	const char *why, *type;
	struct node *event = kube_watch_parse(w, text, n, &w->event_keep, &why), *object;

	w->stats.events++;
	type = node_text(event, "type");
	object = event ? (struct node *)(uintptr_t)node_get(event, "object") : NULL;
	if (!event || event->kind != NODE_MAP || !type || !object || object->kind != NODE_MAP) {
		broken(w, now_ms, event ? "an event has no type or no object" : why);
		return true;
	}
	if (!strcmp(type, "ERROR")) {
		take_error(w, now_ms, text, n);
		return false;
	}
	if (!strcmp(type, "BOOKMARK")) {
		const char *end = node_text(node_get(node_get(object, "metadata"), "annotations"), "k8s.io/initial-events-end");

		if (w->mode == LIST_STREAM && end && !strcmp(end, "true") && kube_watch_version_of(object))
			kube_watch_end_list(w, now_ms, object);
		else if (w->mode == WATCH && !goes_back(w, now_ms, object))
			set_version(w, object);
		/* no other one comes before the end of a list */
		w->no_mark = w->mode == LIST_STREAM;
		return !w->no_mark;
	}
	if (strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0 && strcmp(type, "DELETED") != 0) {
		broken(w, now_ms, "an event is of no known type");
		return true;
	}
	if (w->mode == WATCH && goes_back(w, now_ms, object))
		return true;
	take_object(w, now_ms, object, *type == 'D');
	if (w->mode == WATCH)
		set_version(w, object);
	return true;
}

static bool take_line(struct kube_watch *w, int64_t now_ms, const char *text, size_t n)
{
	struct arena_mark mark = arena_mark(&w->scratch);
	bool more = true;

	while (n && (text[n - 1] == '\r' || text[n - 1] == ' '))
		n--;
	if (n)
		more = take_event(w, now_ms, text, n);
	arena_rewind(&w->scratch, mark);
	return more;
}

/* Events stand on a line each. */
static bool take_lines(struct kube_watch *w, int64_t now_ms, const char *p, size_t n)
{
	const char *end = p + n, *nl;
	bool more = true;

	for (; more && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		if (w->skip_line) {
			w->skip_line = false;
		} else if (w->line.n) {
			buf_append(&w->line, p, (size_t)(nl - p));
			if (w->line.failed)
				broken(w, now_ms, "an event is too large");
			else
				more = take_line(w, now_ms, w->line.p, w->line.n);
		} else {
			more = take_line(w, now_ms, p, (size_t)(nl - p));
		}
		buf_clear(&w->line);
		w->line.failed = false;
	}
	if (!more || w->skip_line)
		return more;
	buf_append(&w->line, p, (size_t)(end - p));
	if (w->line.failed) {
		broken(w, now_ms, "an event is too large");
		buf_clear(&w->line);
		w->line.failed = false;
		w->skip_line = true;
	}
	return true;
}

bool kube_watch_received(struct kube_watch *w, int64_t now_ms, const char *p, size_t n)
{
	struct piece piece = {w, now_ms};

	if (w->status != 200) {
		buf_append(&w->line, p, n < ERROR_BODY_MAX - w->line.n ? n : ERROR_BODY_MAX - w->line.n);
		return true;
	}
	if (w->mode == LIST_PAGES)
		return !json_list_feed(&w->list, p, n, take_element, &piece);
	if (!take_lines(w, now_ms, p, n))
		return false;
	/* a watch that has something better to do */
	return !(w->mode == WATCH && w->relist_at_ms && now_ms >= w->relist_at_ms);
}
