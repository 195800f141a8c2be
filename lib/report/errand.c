/* SPDX-License-Identifier: Apache-2.0
 *
 * How each errand is done: read what is there, see what is due, write it. A row of the table a kind of errand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "report/reporter_int.h"
#include "store/kube_target.h"

enum { WRITE_MAX = 2 * 1024 * 1024, READ_MAX = 4 * 1024 * 1024, TARGET_MAX = 8192, CALL_MS = 10000, TELL_AGAIN_MS = 600000 };

#define MERGE_PATCH "application/merge-patch+json"

/* The write that is due. */
struct write {
	const char *method, *content_type;
	struct buf target, body;	/* target empty: that of the read */
};

enum due { DUE_WRITE, DUE_NOTHING, DUE_LATER /* what is known here is not of what is there */ };

struct errand_type {
	char tag;			/* of its keys */
	/* What the key says, and the path that is read; false: there is nothing to do (any more). */
	bool (*begin)(struct trip *t, const char *rest, struct buf *target);
	/* root: what is there, or NULL. w: a merge patch of it, without a body yet. */
	enum due (*decide)(struct trip *t, const struct node *root, struct write *w);
	bool blind;			/* nothing is read first */
	void (*answered)(struct trip *t, unsigned status);	/* the write; or NULL */
	const char *what;		/* for messages */
	const struct trust_map *map;	/* of ConfigMaps */
};

static bool is_good(unsigned status)
{
	return status >= 200 && status < 300;
}

const char *errand_object_key(enum kind kind, const char *ns, const char *name, struct arena *a)
{
	char tag = kind == KIND_INGRESS ? 'i' : gwapi_is_told(kind) ? 'g' : 's';

	return arena_printf(a, "%c/%d/%s/%s", tag, (int)kind, ns, name);
}

const char *errand_map_key(const struct trust_map *m, const char *ns, struct arena *a)
{
	return arena_printf(a, "%c/%s", m == &trust_root_map ? 'r' : 'c', ns);
}

const char *errand_event_key(uint64_t number, struct arena *a)
{
	return arena_printf(a, "e/%llu", (unsigned long long)number);
}

/* ---- objects ---- */

/* Its status, as long as the server has the object and has not been told what is to be said. What is not published yet
 * comes again when it is. */
static bool begin_object(struct trip *t, const char *rest, struct buf *target)
{
	const char *ns = strchr(rest, '/'), *name = ns ? strchr(ns + 1, '/') : NULL;
	struct kube_object o;
	int64_t kind;

	if (!name || scalar_int(arena_strndup(&t->arena, rest, (size_t)(ns - rest)), 0, KIND_COUNT - 1, &kind))
		return false;
	t->kind = (enum kind)kind;
	t->ns = arena_strndup(&t->arena, ns + 1, (size_t)(name - ns - 1));
	t->name = arena_strdup(&t->arena, name + 1);
	if (!source_kube_find(t->r->cfg.source, t->kind, t->ns, t->name, &o))
		return false;
	kube_target_put_object(target, o.api, t->ns, kind_info(t->kind)->plural, t->name);
	buf_str(target, "/status");
	return report_is_due(t->r, t->kind, t->ns, t->name, t->key);
}

static const char *text_or_empty(const struct node *map, const char *key)
{
	const char *text = node_text(map, key);

	return text ? text : "";
}

/* What was read of it is committed. */
static bool is_settled(const struct trip *t)
{
	struct store_claim c;

	return store_find_claim(t->r->cfg.store, t->kind, t->ns, t->name, &c) && c.settled;
}

static int64_t generation_of(const struct node *root)
{
	const struct node *n = node_get(node_get(root, "metadata"), "generation");
	int64_t v = 0;

	if (n && n->kind == NODE_NUMBER)
		scalar_int(n->text, 0, INT64_MAX, &v);
	return v;
}

/* Once it is there; but what has changed since it began is not told by this one. */
static void will_tell(struct trip *t, struct hash128 hash)
{
	t->tells = true;
	t->hash = hash;
}

static void has_told(struct trip *t)
{
	if (t->tells && !outbox_is_again(t->r->outbox, t->key))
		report_tell(t->r, t->key, t->hash);
}

/* ---- statuses ---- */

static void prepare_event(struct trip *t, const struct node *root, const struct status *s)
{
	t->event = arena_new(&t->arena, struct event_about);
	*t->event = (struct event_about){.api_version = arena_strdup(&t->arena, text_or_empty(root, "apiVersion")),
					 .kind = kind_info(t->kind)->name,
					 .ns = t->ns,
					 .name = t->name,
					 .uid = arena_strdup(&t->arena, text_or_empty(node_get(root, "metadata"), "uid")),
					 .reason = s->reason,
					 .message = arena_strdup(&t->arena, s->message)};
}

static enum due decide_status(struct trip *t, const struct node *root, struct write *w)
{
	struct status s;
	bool news;

	if (!root || !report_status_of(t->r, t->kind, t->ns, t->name, &t->arena, &s))
		return DUE_NOTHING;
	if (generation_of(root) != s.generation || !is_settled(t))
		return DUE_LATER;
	will_tell(t, s.hash);
	if (!status_patch(&s, root, loop_wall_ns(t->r->cfg.loop), &w->body, &news))
		return DUE_NOTHING;
	if (news)
		prepare_event(t, root, &s);
	return DUE_WRITE;
}

static void status_answered(struct trip *t, unsigned status)
{
	struct reporter *r = t->r;
	uint64_t number = 0;

	if (t->event && is_good(status))
		number = event_note(r->events, t->event, loop_now_ms(r->cfg.loop), loop_wall_ns(r->cfg.loop));
	if (number)
		outbox_put(r->outbox, errand_event_key(number, &t->arena), OUTBOX_URGENT);
}

/* ---- addresses of Ingresses ---- */

static enum due decide_ingress(struct trip *t, const struct node *root, struct write *w)
{
	const char *manager = t->r->cfg.lease;	/* of several control planes each has its own */
	struct ingress_addresses want;
	struct kube_object o;

	if (!root || !source_kube_find(t->r->cfg.source, t->kind, t->ns, t->name, &o))
		return DUE_NOTHING;
	/* whose it is may just have changed: that is no matter of the generation */
	if (!source_kube_is_current(&o, root) || !is_settled(t))
		return DUE_LATER;
	if (!report_addresses_of(t->r, t->ns, t->name, &t->arena, &want))
		return DUE_NOTHING;
	will_tell(t, want.hash);
	if (!ingress_patch(&want, manager, root, &w->body))
		return DUE_NOTHING;
	buf_printf(&w->target, "%s?fieldManager=", t->target);
	kube_target_escape(&w->target, manager);
	return DUE_WRITE;
}

/* ---- the Gateway API ---- */

static enum due decide_gwapi(struct trip *t, const struct node *root, struct write *w)
{
	const struct gwapi_said *said = report_gwapi_of(t->r, t->kind, t->ns, t->name);

	if (!root || !said)
		return DUE_NOTHING;
	if (generation_of(root) != said->generation || !is_settled(t))
		return DUE_LATER;
	will_tell(t, said->hash);
	return gwapi_patch(said, root, loop_wall_ns(t->r->cfg.loop), &w->body) ? DUE_WRITE : DUE_NOTHING;
}

/* ---- events ---- */

static bool begin_event(struct trip *t, const char *rest, struct buf *target)
{
	int64_t number;

	(void)target;
	if (scalar_int(rest, 1, INT64_MAX, &number))
		return false;
	t->number = (uint64_t)number;
	return true;
}

static enum due decide_event(struct trip *t, const struct node *root, struct write *w)
{
	struct event_request q = {.target = w->target, .body = w->body};
	bool due = event_request(t->r->events, t->number, &q);

	(void)root;
	*w = (struct write){.method = q.method, .content_type = q.content_type, .target = q.target, .body = q.body};
	return due ? DUE_WRITE : DUE_NOTHING;
}

static void take_event_answer(struct trip *t, unsigned status)
{
	if (event_answered(t->r->events, t->number, status))
		outbox_put(t->r->outbox, t->key, OUTBOX_URGENT);
}

/* ---- trust ---- */

static bool begin_webhook(struct trip *t, const char *rest, struct buf *target)
{
	(void)rest;
	if (!t->r->cfg.webhook)
		return false;
	kube_target_put_object(target, TRUST_WEBHOOKS, "", "validatingwebhookconfigurations", t->r->cfg.webhook);
	return true;
}

static enum due decide_webhook(struct trip *t, const struct node *root, struct write *w)
{
	const char *roots = t->r->cfg.roots(t->r->cfg.arg);

	w->content_type = "application/json-patch+json";
	return root && roots && trust_webhook_patch(root, roots, &w->body) ? DUE_WRITE : DUE_NOTHING;
}

static bool begin_map(struct trip *t, const char *rest, struct buf *target)
{
	t->ns = arena_strdup(&t->arena, rest);
	kube_target_put_object(target, "/api/v1", rest, "configmaps", t->type->map->name);
	return true;
}

static enum due decide_map(struct trip *t, const struct node *root, struct write *w)
{
	const struct reporter_cfg *cfg = &t->r->cfg;
	const char *roots = cfg->roots(cfg->arg), *text = t->type->map == &trust_root_map ? roots : cfg->crl(cfg->arg);

	/* a namespace that went meanwhile has none, and takes none */
	if (!roots || !kind_list_find(store_objects(cfg->store)->kind[KIND_NAMESPACE], "", t->ns))
		return DUE_NOTHING;
	if (!root) {
		w->method = "POST";
		w->content_type = "application/json";
		buf_str(&w->target, "/api/v1/namespaces/");
		kube_target_escape(&w->target, t->ns);
		buf_str(&w->target, "/configmaps");
	}
	return trust_map_patch(t->type->map, root, t->ns, text, &w->body) ? DUE_WRITE : DUE_NOTHING;
}

static const struct errand_type types[REPORT_ERRANDS] = {
	[ERRAND_STATUS] = {'s', begin_object, decide_status, false, status_answered, "statuses", NULL},
	[ERRAND_INGRESS] = {'i', begin_object, decide_ingress, false, NULL, "addresses of Ingresses", NULL},
	[ERRAND_GWAPI] = {'g', begin_object, decide_gwapi, false, NULL, "statuses of the Gateway API", NULL},
	[ERRAND_EVENT] = {'e', begin_event, decide_event, true, take_event_answer, "events", NULL},
	[ERRAND_WEBHOOK] = {'w', begin_webhook, decide_webhook, false, NULL, "the webhook's caBundle", NULL},
	[ERRAND_ROOT] = {'r', begin_map, decide_map, false, NULL, "the mesh's root", &trust_root_map},
	[ERRAND_CRL] = {'c', begin_map, decide_map, false, NULL, "lists of revoked certificates", &trust_crl_map},
};

/* ---- the course of one ---- */

/* Told once, and again after a while: what fails for one object may go well for the next. */
static void note_trouble(struct trip *t, const char *why)
{
	struct report_trouble *x = &t->r->trouble[t->type - types];
	const char *text = arena_printf(&t->arena, "%s: %s", t->type->what, why);
	int64_t now_ms = loop_now_ms(t->r->cfg.loop);

	if (!x->text || strcmp(x->text, text) != 0 || now_ms - x->told_ms > TELL_AGAIN_MS) {
		log_warn("report", "%s", text);
		x->told_ms = now_ms;
	}
	free(x->text);
	x->text = strdup(text);
	must(x->text && "out of memory");
	x->lasts = true;
}

static void note_success(struct trip *t)
{
	t->r->trouble[t->type - types].lasts = false;
}

static void end(struct trip *t, enum outbox_end how, int64_t retry_after_ms)
{
	struct reporter *r = t->r;
	char *key = t->key;

	arena_fini(&t->arena);
	*t = (struct trip){0};
	outbox_end(r->outbox, key, how, retry_after_ms, loop_now_ms(r->cfg.loop));
	free(key);
	report_work(r);
}

/* Until it is tried again, a minute later or more. */
static void give_up(struct trip *t, const char *why)
{
	note_trouble(t, why);
	end(t, OUTBOX_REFUSED, -1);
}

/* What an answer means that is not 2xx. */
static enum outbox_end judge(struct trip *t, const struct kube_reply *reply)
{
	struct err e;

	if (!kube_reply_check(reply, &e) || (!reply->why && reply->status == 404))
		return OUTBOX_DONE;
	if (!reply->why && reply->status == 409)
		return OUTBOX_CONFLICT;
	note_trouble(t, e.text);
	if (reply->why || reply->status >= 500 || reply->status == 429 || reply->status == 401)
		return OUTBOX_TROUBLE;
	return OUTBOX_REFUSED;
}

static void wrote(void *arg, const struct kube_reply *reply)
{
	struct trip *t = arg;

	t->call = NULL;
	if (t->type->answered && !reply->why)
		t->type->answered(t, reply->status);
	if (!reply->why && is_good(reply->status)) {
		t->r->written[t->type - types]++;
		has_told(t);
		note_success(t);
	}
	end(t, judge(t, reply), reply->retry_after_ms);
}

static void call(struct trip *t, const struct kube_request *r, kube_reply_fn *replied)
{
	t->call = kube_call_ask(t->r->cfg.client, r, READ_MAX, replied, t);
}

static void write_it(struct trip *t, struct write *w)
{
	struct kube_request r = {.method = w->method,
				 .target = w->target.n ? buf_cstr(&w->target) : t->target,
				 .content_type = w->content_type,
				 .body = w->body.p,
				 .n_body = w->body.n,
				 .total_ms = CALL_MS};

	call(t, &r, wrote);
}

/* root: what was read, or NULL. */
static void go_on(struct trip *t, const struct node *root)
{
	struct write w = {.method = "PATCH", .content_type = MERGE_PATCH};
	enum due due;

	buf_init(&w.target, TARGET_MAX);
	buf_init(&w.body, WRITE_MAX);
	due = t->type->decide(t, root, &w);
	if (due == DUE_WRITE && (w.body.failed || w.target.failed)) {
		give_up(t, "it is too large to be written");
	} else if (due == DUE_WRITE) {
		if (!t->type->blind)
			outbox_charge(t->r->outbox, loop_now_ms(t->r->cfg.loop));
		write_it(t, &w);
	} else if (due == DUE_LATER) {
		end(t, OUTBOX_CONFLICT, -1);
	} else {
		t->r->unchanged++;
		has_told(t);
		note_success(t);
		end(t, OUTBOX_DONE, -1);
	}
	buf_fini(&w.target);
	buf_fini(&w.body);
}

static void has_read(void *arg, const struct kube_reply *reply)
{
	struct trip *t = arg;
	enum outbox_end how = judge(t, reply);
	struct arena a;
	struct diags ds;
	const struct node *root = NULL;

	t->call = NULL;
	if (how != OUTBOX_DONE) {
		end(t, how, reply->retry_after_ms);
		return;
	}
	arena_init(&a, 0);
	diags_init(&ds, &a);
	if (reply->status != 404)
		root = node_parse_json(reply->body, reply->n_body, NULL, &a, &ds).root;
	if (reply->status != 404 && (!root || root->kind != NODE_MAP || ds.nerrors))
		give_up(t, "what the server has is no object");
	else
		go_on(t, root);
	arena_fini(&a);
}

static struct trip *free_trip(struct reporter *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->trips); i++)
		if (!r->trips[i].r)
			return &r->trips[i];
	must(!"more errands than the outbox gives");
	return NULL;
}

static const struct errand_type *type_of(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].tag == *key)
			return &types[i];
	must(!"an unknown errand");
	return NULL;
}

void errand_start(struct reporter *r, const char *key)
{
	struct trip *t = free_trip(r);
	struct kube_request q = {.method = "GET", .total_ms = CALL_MS};
	struct buf target;
	bool ok;

	*t = (struct trip){.r = r, .type = type_of(key), .key = strdup(key)};
	must(t->key && "out of memory");
	arena_init(&t->arena, 0);
	buf_init(&target, TARGET_MAX);
	ok = t->type->begin(t, key[1] ? key + 2 : "", &target) && !target.failed;
	q.target = t->target = arena_strdup(&t->arena, buf_cstr(&target));
	buf_fini(&target);
	if (!ok)
		end(t, OUTBOX_DONE, -1);
	else if (t->type->blind)
		go_on(t, NULL);
	else
		call(t, &q, has_read);
}

void errand_cancel_all(struct reporter *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->trips); i++) {
		struct trip *t = &r->trips[i];

		if (!t->r)
			continue;
		kube_call_cancel(t->call);
		arena_fini(&t->arena);
		free(t->key);
		*t = (struct trip){0};
	}
}
