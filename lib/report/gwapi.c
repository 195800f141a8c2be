/* SPDX-License-Identifier: Apache-2.0 */
#include "report/gwapi.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "mesh/gwapi_status.h"
#include "report/condition.h"
#include "store/kube_target.h"

enum { BODY_MAX = 2 * 1024 * 1024, QUIET_MS = 100 };

/* What is told beside routes. */
static const enum kind other_kinds[] = {KIND_GATEWAY_CLASS, KIND_GWAPI_GATEWAY, KIND_LISTENER_SET, KIND_BACKEND_TLS_POLICY};
/* What statuses depend on beside these, and beside snapshot.api. */
static const enum kind input_kinds[] = {KIND_SERVICE, KIND_SERVICE_ENTRY, KIND_REFERENCE_GRANT, KIND_CONFIG_MAP,
					KIND_NAMESPACE};

static bool is_one_of(enum kind kind, const enum kind *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == kind)
			return true;
	return false;
}

bool gwapi_is_told(enum kind kind)
{
	return is_one_of(kind, api_route_kinds, API_ROUTE_KINDS) || is_one_of(kind, other_kinds, ARRAY_LEN(other_kinds));
}

/* ---- the job ---- */

struct making {
	struct job job;			/* its arena: of v and its texts */
	struct gwapi_book *book;	/* NULL: nobody waits for it any more */
	struct snapshot *snap;		/* until it is done */
	struct gwapi_said *v;		/* by kind, namespace and name */
	size_t n;
};

struct gwapi_book {
	struct loop *loop;
	struct job_pool *jobs;
	loop_fn *changed;
	void *arg;
	struct making *under_way, *last;	/* or NULL */
	struct snapshot *next;		/* to be looked at, or NULL */
	struct loop_timer timer;
};

static int compare_said(const void *a, const void *b)
{
	const struct gwapi_said *x = a, *y = b;
	int c = (int)x->kind - (int)y->kind;

	c = c ? c : strcmp(x->ns, y->ns);
	return c ? c : strcmp(x->name, y->name);
}

static const struct gwapi_said *find(const struct making *m, enum kind kind, const char *ns, const char *name)
{
	const struct gwapi_said key = {.kind = kind, .ns = ns, .name = name};

	return m->n ? bsearch(&key, m->v, m->n, sizeof(key), compare_said) : NULL;
}

static void say(struct making *m, const struct object *o, const struct buf *json)
{
	struct arena *a = &m->job.arena;
	struct gwapi_said *s = &m->v[m->n++];

	*s = (struct gwapi_said){.kind = o->kind,
				 .ns = arena_strdup(a, o->ns),
				 .name = arena_strdup(a, o->name),
				 .generation = o->generation,
				 .hash = hash_mix_u64(hash_bytes(json->p, json->n), (uint64_t)o->generation),
				 .json = arena_strndup(a, json->p, json->n),
				 .n_json = json->n};
}

static void run(struct job *job)
{
	struct making *m = (struct making *)job;
	struct api_statuses all;
	struct arena a;
	struct buf json;

	arena_init(&a, 0);
	buf_init(&json, BODY_MAX);
	api_statuses_build(m->snap, false, &a, &all);
	m->v = arena_array(&job->arena, struct gwapi_said, all.n);
	for (size_t i = 0; i < all.n; i++) {
		buf_clear(&json);
		api_status_to_json(&all.v[i], &json);
		if (!json.failed)
			say(m, all.v[i].obj, &json);
	}
	qsort(m->v, m->n, sizeof(*m->v), compare_said);
	buf_fini(&json);
	arena_fini(&a);
}

static void making_free(struct making *m)
{
	if (!m)
		return;
	snapshot_unref(m->snap);
	job_fini(&m->job);
	free(m);
}

static void start(void *arg);

static void done(struct job *job)
{
	struct making *m = (struct making *)job;
	struct gwapi_book *b = m->book;

	if (!b) {
		making_free(m);
		return;
	}
	b->under_way = NULL;
	if (b->next)
		loop_timer_start(b->loop, &b->timer, QUIET_MS, start, b);
	if (job->failed) {
		making_free(m);
		return;
	}
	snapshot_unref(m->snap);
	m->snap = NULL;
	making_free(b->last);
	b->last = m;
	b->changed(b->arg);
}

static void start(void *arg)
{
	struct gwapi_book *b = arg;
	struct making *m = calloc(1, sizeof(*m));

	must(m && "out of memory");
	job_init(&m->job, JOB_BULK, 0, run, done);
	m->book = b;
	m->snap = b->next;
	b->next = NULL;
	b->under_way = m;
	job_submit(b->jobs, &m->job);
}

/* ---- the book ---- */

struct gwapi_book *gwapi_book_new(struct loop *l, struct job_pool *jobs, loop_fn *changed, void *arg)
{
	struct gwapi_book *b = calloc(1, sizeof(*b));

	must(b && "out of memory");
	*b = (struct gwapi_book){.loop = l, .jobs = jobs, .changed = changed, .arg = arg};
	return b;
}

void gwapi_book_clear(struct gwapi_book *b)
{
	loop_timer_stop(b->loop, &b->timer);
	if (b->under_way)
		b->under_way->book = NULL;
	making_free(b->last);
	snapshot_unref(b->next);
	b->under_way = b->last = NULL;
	b->next = NULL;
}

void gwapi_book_free(struct gwapi_book *b)
{
	if (!b)
		return;
	gwapi_book_clear(b);
	free(b);
}

void gwapi_book_look(struct gwapi_book *b, struct snapshot *s)
{
	snapshot_unref(b->next);
	b->next = snapshot_ref(s);
	if (!b->under_way && !loop_timer_running(&b->timer))
		loop_timer_start(b->loop, &b->timer, QUIET_MS, start, b);
}

static bool is_same(const struct snapshot *x, const struct snapshot *y)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if ((gwapi_is_told((enum kind)k) || is_one_of((enum kind)k, input_kinds, ARRAY_LEN(input_kinds))) &&
		    x->objects.kind[k] != y->objects.kind[k])
			return false;
	return x->api == y->api && x->mesh == y->mesh;
}

void gwapi_book_published(struct gwapi_book *b, const struct snapshot *prev, struct snapshot *s)
{
	if (!prev || !is_same(prev, s))
		gwapi_book_look(b, s);
}

const struct gwapi_said *gwapi_book_find(const struct gwapi_book *b, enum kind kind, const char *ns, const char *name)
{
	return b->last ? find(b->last, kind, ns, name) : NULL;
}

const struct gwapi_said *gwapi_book_all(const struct gwapi_book *b, size_t *n)
{
	*n = b->last ? b->last->n : 0;
	return b->last ? b->last->v : NULL;
}

/* ---- how they are written ---- */

/* Lists of entries with conditions of their own. */
struct list_form {
	const char *member;
	const char *identity[2];	/* members that tell entries apart */
	size_t max;			/* of the API's schema */
	bool shared;			/* entries of other controllers stand beside ours */
};
static const struct list_form lists[] = {
	{"listeners", {"name", NULL}, 64, false},
	{"parents", {"parentRef", "controllerName"}, 32, true},
	{"ancestors", {"ancestorRef", "controllerName"}, 16, true},
};

/* Conditions that come and go. */
static const char *const passing_types[] = {"AttachedListenerSets", "InsecureFrontendValidationMode"};

static void put_conditions(struct buf *b, const struct node *want, const struct node *old, const char *now)
{
	struct condition own[API_CONDITIONS_MAX + ARRAY_LEN(passing_types)];
	int64_t generation = 0;
	size_t n = 0;

	for (; n < want->n && n < API_CONDITIONS_MAX; n++) {
		const struct node *c = &want->list[n], *seen = node_get(c, "observedGeneration");

		own[n] = (struct condition){node_text(c, "type"), strcmp(node_text(c, "status"), "True") == 0, node_text(c, "reason"),
					    node_text(c, "message")};
		if (seen)
			scalar_int(seen->text, 0, INT64_MAX, &generation);
	}
	for (size_t i = 0; i < ARRAY_LEN(passing_types); i++)
		if (!condition_find(want, passing_types[i]))
			own[n++] = (struct condition){.type = passing_types[i]};
	conditions_put(b, own, n, generation, old, now);
}

static void put_entry(struct buf *b, const struct node *want, const struct node *old, const char *now)
{
	for (size_t i = 0; i < want->n; i++) {
		buf_printf(b, "%s\"%s\":", i ? "," : "{", want->map[i].key);
		if (!strcmp(want->map[i].key, "conditions"))
			put_conditions(b, &want->map[i].value, node_get(old, "conditions"), now);
		else
			node_to_json(&want->map[i].value, false, false, b);
	}
	buf_char(b, '}');
}

static bool is_same_entry(const struct list_form *f, const struct node *x, const struct node *y)
{
	for (size_t i = 0; i < ARRAY_LEN(f->identity) && f->identity[i]; i++) {
		const struct node *a = node_get(x, f->identity[i]), *b = node_get(y, f->identity[i]);

		if (!a || !b || !node_equal(a, b))
			return false;
	}
	return true;
}

static const struct node *find_entry(const struct list_form *f, const struct node *list, const struct node *like)
{
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (is_same_entry(f, &list->list[i], like))
			return &list->list[i];
	return NULL;
}

static bool is_of_others(const struct node *entry)
{
	const char *controller = node_text(entry, "controllerName");

	return !controller || api_controller_named(controller) == API_NOT_OURS;
}

static const char *put_comma(struct buf *b, const char *comma)
{
	buf_str(b, comma);
	return ",";
}

/* Ours where they stood, or at the end, so that two controllers do not take turns at the order. */
static void put_list(struct buf *b, const struct list_form *f, const struct node *want, const struct node *old,
		     const char *now)
{
	const char *comma = "";
	size_t n = 0;

	buf_char(b, '[');
	for (size_t i = 0; f->shared && old && old->kind == NODE_LIST && i < old->n; i++) {
		const struct node *entry = &old->list[i], *ours = is_of_others(entry) ? NULL : find_entry(f, want, entry);

		if (!ours && !is_of_others(entry))
			continue;
		comma = put_comma(b, comma);
		if (ours)
			put_entry(b, ours, entry, now);
		else
			node_to_json(entry, false, false, b);
		n++;
	}
	for (size_t i = 0; i < want->n && n < f->max; i++) {
		const struct node *entry = find_entry(f, old, &want->list[i]);

		if (f->shared && entry)
			continue;
		comma = put_comma(b, comma);
		put_entry(b, &want->list[i], entry, now);
		n++;
	}
	buf_char(b, ']');
}

static const struct list_form *form_of(const char *member)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (!strcmp(lists[i].member, member))
			return &lists[i];
	return NULL;
}

/* What is of ours as it is to be; what we have nothing to say in any more is null. */
static void put_members(struct buf *b, const struct node *want, const struct node *old, const char *now)
{
	static const char *const passing[] = {"addresses", "attachedListenerSets"};
	const char *comma = "";

	buf_char(b, '{');
	for (size_t i = 0; i < want->n; i++) {
		const char *member = want->map[i].key;
		const struct node *w = &want->map[i].value, *is = node_get(old, member);

		buf_printf(b, "%s\"%s\":", comma, member);
		comma = ",";
		if (!strcmp(member, "conditions"))
			put_conditions(b, w, is, now);
		else if (form_of(member))
			put_list(b, form_of(member), w, is, now);
		else
			node_to_json(w, false, false, b);
	}
	for (size_t i = 0; i < ARRAY_LEN(passing); i++)
		if (!node_get(want, passing[i]) && node_get(want, "listeners") && node_get(old, passing[i]))
			buf_printf(b, "%s\"%s\":null", comma, passing[i]);
	buf_char(b, '}');
}

static bool is_said(const struct node *wanted, const struct node *old)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const struct node *is = node_get(old, wanted->map[i].key), *want = &wanted->map[i].value;
		bool nothing = want->kind == NODE_NULL || (want->kind == NODE_LIST && !want->n);

		if (is ? !node_equal(is, want) : !nothing)
			return false;
	}
	return true;
}

bool gwapi_patch(const struct gwapi_said *want, const struct node *root, int64_t wall_ns, struct buf *out)
{
	const struct node *old = node_get(root, "status"), *said, *wanted;
	const char *version = node_text(node_get(root, "metadata"), "resourceVersion");
	char now[SCALAR_TIME];
	struct arena a;
	struct diags ds;
	struct buf status;
	bool due;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	buf_init(&status, BODY_MAX);
	said = node_parse_json(want->json, want->n_json, NULL, &a, &ds).root;
	must(said && "a status of ours is JSON");
	put_members(&status, said, old, scalar_time_print(wall_ns / 1000000000, now));
	wanted = node_parse_json(buf_cstr(&status), status.n, NULL, &a, &ds).root;
	due = wanted && !status.failed && !is_said(wanted, old);
	if (due) {
		kube_patch_begin_status(out, version);
		buf_append(out, status.p, status.n);
		buf_char(out, '}');
	}
	buf_fini(&status);
	arena_fini(&a);
	return due;
}
