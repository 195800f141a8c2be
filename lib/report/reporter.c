/* SPDX-License-Identifier: Apache-2.0 */
#include "report/reporter.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "report/reporter_int.h"
#include "report/trust.h"

enum { LEASE_READ_MAX = 256 * 1024 };

/* ---- what is due ---- */

static bool is_reported(enum kind kind)
{
	const char *group = kind_info(kind)->group, *dot = strchr(group, '.');

	return snapshot_judges(kind) && dot && !strcmp(dot, ".istio.io");
}

/* Kinds whose objects are told something. */
static bool is_told_of(enum kind kind)
{
	return is_reported(kind) || kind == KIND_INGRESS || gwapi_is_told(kind);
}

void report_tell(struct reporter *r, const char *key, struct hash128 hash)
{
	struct hash128 **slot = (struct hash128 **)map_slot(&r->told, key);

	if (!*slot)
		*slot = malloc(sizeof(**slot));
	must(*slot && "out of memory");
	**slot = hash;
}

static bool refusal_is_about(const struct refusal *x, const char *key)
{
	for (size_t i = 0; i < x->n_keys; i++)
		if (!strcmp(x->keys[i], key))
			return true;
	return false;
}

static struct status_refusal *refusals_of(const struct reporter *r, const char *key, struct arena *a, size_t *n)
{
	struct status_refusal *v = r->n_refusals ? arena_array(a, struct status_refusal, r->n_refusals) : NULL;

	*n = 0;
	for (const struct refusal *x = r->refusals; x; x = x->next)
		if (refusal_is_about(x, key))
			v[(*n)++] = x->said;
	return v;
}

/* What belongs to all revisions is told of by one of them. */
static bool is_told_by_us(const struct reporter *r, const struct store_claim *c)
{
	const char *ours = r->cfg.revision, *label;

	if (!ours || !strcmp(ours, "default"))
		return true;
	label = c->obj ? strmap_get(&c->obj->labels, "istio.io/rev") : NULL;
	return label && !strcmp(label, ours);
}

/* The object as the server and the store have it. False: it is not for us to tell of. */
static bool find_ours(const struct reporter *r, enum kind kind, const char *ns, const char *name, struct kube_object *o,
		      struct store_claim *claim)
{
	return source_kube_find(r->cfg.source, kind, ns, name, o) && store_find_claim(r->cfg.store, kind, ns, name, claim) &&
	       claim->source == o->source &&	/* the word of a file counts */
	       is_told_by_us(r, claim);
}

bool report_status_of(const struct reporter *r, enum kind kind, const char *ns, const char *name, struct arena *a,
		      struct status *out)
{
	struct kube_object o;
	struct store_claim claim;
	struct status_input in = {.claim = &claim};
	const struct verdict *v;

	if (!find_ours(r, kind, ns, name, &o, &claim))
		return false;
	v = claim.obj && r->snap ? snapshot_verdict(r->snap, claim.obj) : NULL;
	in.verdict = v && v->obj == claim.obj ? v : NULL;
	if (!claim.invalid && !in.verdict)	/* not published yet: then it is looked at again */
		return false;
	in.refusals = refusals_of(r, errand_object_key(kind, ns, name, a), a, &in.n_refusals);
	in.generation = o.generation;
	status_build(&in, a, out);
	return true;
}

static bool is_served(const struct verdict *v)
{
	for (size_t i = 0; i < v->n_why; i++)
		if (v->why[i].code == D_INGRESS_NOT_OURS)
			return false;
	return true;
}

bool report_addresses_of(const struct reporter *r, const char *ns, const char *name, struct arena *a,
			 struct ingress_addresses *out)
{
	struct kube_object o;
	struct store_claim claim;
	const struct object *obj = r->snap ? snapshot_object(r->snap, KIND_INGRESS, ns, name) : NULL;
	const struct verdict *v = obj ? snapshot_verdict(r->snap, obj) : NULL;

	if (!r->snap || !find_ours(r, KIND_INGRESS, ns, name, &o, &claim))
		return false;
	if (obj != kind_list_find(store_objects(r->cfg.store)->kind[KIND_INGRESS], ns, name))
		return false;		/* not published yet: then it is looked at again */
	if (claim.invalid || (v && v->state == VERDICT_QUARANTINED))
		return false;		/* whose it is is not known */
	ingress_addresses_none(out);
	if (v && is_served(v))
		ingress_addresses_find(&r->snap->objects, a, out);
	return true;
}

const struct gwapi_said *report_gwapi_of(const struct reporter *r, enum kind kind, const char *ns, const char *name)
{
	struct kube_object o;
	struct store_claim claim;

	/* of an invalid one the form before is in force, which is not what the server has */
	if (!find_ours(r, kind, ns, name, &o, &claim) || claim.invalid)
		return NULL;
	return gwapi_book_find(r->gwapi, kind, ns, name);
}

/* Of what is to be said of the object. False: nothing, or it is not known yet. */
static bool hash_due(const struct reporter *r, enum kind kind, const char *ns, const char *name, struct arena *a,
		     struct hash128 *out)
{
	struct ingress_addresses addresses;
	const struct gwapi_said *said;
	struct status s;
	bool known;

	if (kind == KIND_INGRESS) {
		known = report_addresses_of(r, ns, name, a, &addresses);
		*out = known ? addresses.hash : (struct hash128){0};
	} else if (gwapi_is_told(kind)) {
		said = report_gwapi_of(r, kind, ns, name);
		known = said != NULL;
		*out = known ? said->hash : (struct hash128){0};
	} else {
		known = report_status_of(r, kind, ns, name, a, &s);
		*out = known ? s.hash : (struct hash128){0};
	}
	return known;
}

bool report_is_due(const struct reporter *r, enum kind kind, const char *ns, const char *name, const char *key)
{
	const struct hash128 *told = map_get(&r->told, key);
	struct hash128 hash;
	struct arena a;
	bool due;

	arena_init(&a, 0);
	due = hash_due(r, kind, ns, name, &a, &hash) && !(told && hash_equal(*told, hash));
	arena_fini(&a);
	return due;
}

/* Puts the errand if the cluster has not been told the like. */
static void consider(struct reporter *r, enum kind kind, const char *ns, const char *name, enum outbox_lane lane)
{
	struct arena a;
	const char *key;

	arena_init(&a, 0);
	key = errand_object_key(kind, ns, name, &a);
	if (report_is_due(r, kind, ns, name, key))
		outbox_put(r->outbox, key, lane);
	arena_fini(&a);
}

static void look_at_gwapi(void *arg)
{
	struct reporter *r = arg;
	size_t n;
	const struct gwapi_said *v = gwapi_book_all(r->gwapi, &n);

	for (size_t i = 0; r->leads && i < n; i++)
		consider(r, v[i].kind, v[i].ns, v[i].name, OUTBOX_URGENT);
	report_work(r);
}

static bool is_same(const struct verdict *a, const struct verdict *b)
{
	if (a->obj != b->obj || a->state != b->state || a->n_why != b->n_why)
		return false;
	for (size_t i = 0; i < a->n_why; i++)
		if (a->why[i].code != b->why[i].code || strcmp(a->why[i].path, b->why[i].path) != 0 ||
		    strcmp(a->why[i].text, b->why[i].text) != 0)
			return false;
	return true;
}

/* Those that differ from the snapshot before: a change of one object of a kind costs little where there are thousands. */
static void consider_verdicts(struct reporter *r, const struct snapshot *old, enum kind kind)
{
	size_t first, at, n = snapshot_verdicts_of(r->snap, kind, &first), n_old = snapshot_verdicts_of(old, kind, &at);
	const struct verdict *v = r->snap->verdicts + first, *was = old->verdicts + at, *end = was + n_old;

	for (size_t i = 0; i < n || was != end;) {
		int order = i == n ? -1 : was == end ? 1 : object_compare(was->obj, v[i].obj);
		const struct object *o = order < 0 ? was->obj : v[i].obj;

		if (order || !is_same(was, &v[i]))
			consider(r, kind, o->ns, o->name, OUTBOX_URGENT);
		if (order <= 0)
			was++;
		if (order >= 0)
			i++;
	}
}

static void consider_object(const struct kube_object *o, void *arg)
{
	consider(arg, KIND_INGRESS, o->ns, o->name, OUTBOX_URGENT);
}

/* Where the gateway of all of them is reached. */
static void look_at_addresses(struct reporter *r, const struct snapshot *old)
{
	struct ingress_addresses now;
	struct arena a;

	arena_init(&a, 0);
	ingress_addresses_find(&r->snap->objects, &a, &now);
	if (old && !hash_equal(now.hash, r->addresses) && r->leads)
		source_kube_each_object(r->cfg.source, KIND_INGRESS, consider_object, r);
	r->addresses = now.hash;
	arena_fini(&a);
}

/* ---- namespaces and roots ---- */

static void put_maps(struct reporter *r, const char *ns, enum outbox_lane lane)
{
	struct arena a;

	if (!r->cfg.publishes || !trust_map_wanted(ns))
		return;
	arena_init(&a, 0);
	outbox_put(r->outbox, errand_map_key(&trust_root_map, ns, &a), lane);
	outbox_put(r->outbox, errand_map_key(&trust_crl_map, ns, &a), lane);
	arena_fini(&a);
}

static void put_webhook(struct reporter *r)
{
	if (r->cfg.webhook && r->cfg.roots(r->cfg.arg))
		outbox_put(r->outbox, ERRAND_WEBHOOK_KEY, OUTBOX_URGENT);
}

static void put_roots(struct reporter *r, enum outbox_lane lane)
{
	put_webhook(r);
	for (size_t i = 0; r->namespaces && i < r->namespaces->n; i++)
		put_maps(r, r->namespaces->v[i]->name, lane);
}

/* New ones need their ConfigMap before a Pod in them starts. */
static void look_at_namespaces(struct reporter *r)
{
	const struct kind_list *now = store_objects(r->cfg.store)->kind[KIND_NAMESPACE], *old = r->namespaces;

	if (now == old)
		return;
	r->namespaces = kind_list_ref(now);
	for (size_t i = 0; r->leads && i < now->n; i++)
		if (!old || !kind_list_find(old, "", now->v[i]->name))
			put_maps(r, now->v[i]->name, OUTBOX_URGENT);
	kind_list_unref(old);
}


static void look_at_webhook(void *arg)
{
	struct reporter *r = arg;

	if (r->leads)
		put_webhook(r);
	report_work(r);
	loop_timer_start(r->cfg.loop, &r->webhook_timer, REPORT_WEBHOOK_MS, look_at_webhook, r);
}

/* ---- the work ---- */

static void timer_fired(void *arg)
{
	report_work(arg);
}

static void work(void *arg)
{
	struct reporter *r = arg;
	int64_t wait_ms = -1;
	const char *key;

	/* to write without the Lease is to fight its holder */
	while (r->leads && !r->stopping && (key = outbox_next(r->outbox, loop_now_ms(r->cfg.loop), &wait_ms)))
		errand_start(r, key);
	if (r->leads && !r->stopping && wait_ms >= 0)
		loop_timer_start(r->cfg.loop, &r->work_timer, wait_ms, timer_fired, r);
}

void report_work(struct reporter *r)
{
	loop_task_kick(r->cfg.loop, &r->work);
}

/* ---- who leads ---- */

struct first_object {
	struct reporter *r;
	enum kind kind;
};

static void put_first(const struct kube_object *o, void *arg)
{
	const struct first_object *p = arg;

	consider(p->r, p->kind, o->ns, o->name, OUTBOX_BULK);
}

static void free_told(const char *key, void *value, void *arg)
{
	map_remove(arg, key);
	free(value);
}

static void first_pass(struct reporter *r)
{
	for (int k = 0; k < KIND_COUNT; k++) {
		struct first_object p = {.r = r, .kind = (enum kind)k};

		if (is_told_of(p.kind))
			source_kube_each_object(r->cfg.source, p.kind, put_first, &p);
	}
}

/* From nothing: what the cluster says, it may not say any more. */
static void look_at_all(struct reporter *r)
{
	map_each(&r->told, free_told, &r->told);
	put_roots(r, OUTBOX_BULK);
	first_pass(r);
	report_work(r);
}

static void audit(void *arg)
{
	struct reporter *r = arg;

	if (r->leads)
		look_at_all(r);
	loop_timer_start(r->cfg.loop, &r->audit_timer, REPORT_AUDIT_MS, audit, r);
}

static void lead(struct reporter *r)
{
	log_info("report", "%s leads: it writes statuses, events and the mesh's root", r->cfg.identity);
	r->leads = true;
	if (r->snap)
		gwapi_book_look(r->gwapi, r->snap);
	look_at_all(r);
}

static void follow(struct reporter *r)
{
	if (r->leads)
		log_warn("report", "%s does not lead any more%s%s", r->cfg.identity, lease_trouble(r->lease) ? ": " : "",
			 lease_trouble(r->lease) ? lease_trouble(r->lease) : "");
	r->leads = false;
	errand_cancel_all(r);
	outbox_clear(r->outbox);
	gwapi_book_clear(r->gwapi);
	loop_timer_stop(r->cfg.loop, &r->work_timer);
}

static void look_at_lease(struct reporter *r)
{
	bool leads = !r->stopping && lease_held(r->lease, loop_now_ms(r->cfg.loop));

	if (leads && !r->leads)
		lead(r);
	else if (!leads && r->leads)
		follow(r);
}

static void step_lease(void *arg);

static void lease_replied(void *arg, const struct kube_reply *reply)
{
	struct reporter *r = arg;

	r->lease_call = NULL;
	if (r->stopping)
		return;
	lease_answered(r->lease, loop_now_ms(r->cfg.loop), reply->status, reply->body, reply->n_body, reply->why);
	step_lease(r);
}

static void send_lease(struct reporter *r, const struct lease_request *q)
{
	struct kube_request request = {.method = q->method,
				       .target = q->target,
				       .content_type = q->content_type,
				       .body = q->body,
				       .n_body = q->body ? strlen(q->body) : 0,
				       .total_ms = q->total_ms};

	r->lease_call = kube_call_ask(r->cfg.client, &request, LEASE_READ_MAX, lease_replied, r);
}

/* Also when nothing has come in time: what we hold ends by the clock, whatever the server does. */
static void step_lease(void *arg)
{
	struct reporter *r = arg;
	int64_t now_ms = loop_now_ms(r->cfg.loop), left_ms, wait_ms = 0;
	struct lease_request q;

	look_at_lease(r);
	if (!r->lease_call) {
		lease_next(r->lease, now_ms, loop_wall_ns(r->cfg.loop), &q);
		wait_ms = q.wait_ms;
		if (q.method)
			send_lease(r, &q);
	}
	left_ms = lease_left_ms(r->lease, now_ms);
	if (r->lease_call && !left_ms)
		return;
	if (r->lease_call || (left_ms && left_ms < wait_ms))
		wait_ms = left_ms;
	loop_timer_start(r->cfg.loop, &r->lease_timer, wait_ms, step_lease, r);
}

void reporter_stop(struct reporter *r)
{
	struct lease_request q;

	if (!r || r->stopping)
		return;
	r->stopping = true;
	kube_call_cancel(r->lease_call);
	r->lease_call = NULL;
	loop_timer_stop(r->cfg.loop, &r->lease_timer);
	look_at_lease(r);
	if (lease_give_back(r->lease, loop_now_ms(r->cfg.loop), loop_wall_ns(r->cfg.loop), &q))
		send_lease(r, &q);
}

bool reporter_is_idle(const struct reporter *r)
{
	return !r || !r->lease_call;
}

/* ---- refusals ---- */

static void free_refusal(struct refusal *x)
{
	arena_fini(&x->arena);
	free(x);
}

static void put_keys(struct reporter *r, const struct refusal *x)
{
	for (size_t i = 0; r->leads && i < x->n_keys; i++)
		outbox_put(r->outbox, x->keys[i], OUTBOX_URGENT);
	report_work(r);
}

/* Those that last no longer are forgotten: the resource is another one, is accepted, or its client is gone. */
static void look_at_refusals(void *arg)
{
	struct reporter *r = arg;

	for (struct refusal **at = &r->refusals, *x; (x = *at);) {
		if (r->cfg.refuses(r->cfg.arg, x->client, x->type, x->said.resource)) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		r->n_refusals--;
		put_keys(r, x);
		free_refusal(x);
	}
	if (r->refusals)
		loop_timer_start(r->cfg.loop, &r->look_timer, REPORT_LOOK_MS, look_at_refusals, r);
}

static struct refusal *find_refusal(const struct reporter *r, uint64_t client, const struct res *res)
{
	for (struct refusal *x = r->refusals; x; x = x->next)
		if (x->client == client && x->type == res->type && !strcmp(x->said.resource, res->name))
			return x;
	return NULL;
}

static void fill_refusal(struct refusal *x, uint64_t client, const char *proxy, const struct res *res, const char *text)
{
	arena_init(&x->arena, 0);
	x->client = client;
	x->type = res->type;
	x->said = (struct status_refusal){
		.proxy = arena_strdup(&x->arena, proxy),
		.resource = arena_strdup(&x->arena, res->name),
		.text = arena_strdup(&x->arena, text),
	};
	x->keys = arena_array(&x->arena, const char *, res->n_origins + 1);
	for (size_t i = 0; i < res->n_origins; i++) {
		const struct res_origin *o = &res->origins[i];

		if (is_reported(o->kind))
			x->keys[x->n_keys++] = errand_object_key(o->kind, o->ns, o->name, &x->arena);
	}
}

void reporter_refused(struct reporter *r, uint64_t client, const char *proxy, const struct res *res, const char *text)
{
	struct refusal *x = r && res ? find_refusal(r, client, res) : NULL;

	if (!r || !res || (!x && r->n_refusals >= REPORT_REFUSALS_MAX))
		return;
	if (x) {
		arena_fini(&x->arena);
		*x = (struct refusal){.next = x->next};
	} else {
		x = calloc(1, sizeof(*x));
		must(x && "out of memory");
		x->next = r->refusals;
		r->refusals = x;
		r->n_refusals++;
	}
	fill_refusal(x, client, proxy, res, text);
	put_keys(r, x);
	if (!loop_timer_running(&r->look_timer))
		loop_timer_start(r->cfg.loop, &r->look_timer, REPORT_LOOK_MS, look_at_refusals, r);
}

/* ---- what happened ---- */

void reporter_published(struct reporter *r, struct snapshot *s)
{
	struct snapshot *old;

	if (!r)
		return;
	old = r->snap;
	r->snap = snapshot_ref(s);
	look_at_namespaces(r);
	if (!old && r->leads)
		first_pass(r);
	for (int k = 0; old && r->leads && k < KIND_COUNT; k++)
		if (is_told_of((enum kind)k) && !gwapi_is_told((enum kind)k) && !snapshot_same_verdicts(old, s, (enum kind)k))
			consider_verdicts(r, old, (enum kind)k);
	look_at_addresses(r, old);
	if (r->leads)
		gwapi_book_published(r->gwapi, old, s);
	snapshot_unref(old);
	report_work(r);
}

/* What it means is known after the commit, or with the next snapshot; the errand looks. */
void reporter_moved(struct reporter *r, enum kind kind, const char *ns, const char *name)
{
	struct arena a;
	const char *key;

	if (!r || !r->leads || !r->snap || !is_told_of(kind))
		return;
	arena_init(&a, 0);
	key = errand_object_key(kind, ns, name, &a);
	free(map_remove(&r->told, key));	/* another object of that name has been told nothing */
	outbox_put(r->outbox, key, OUTBOX_URGENT);
	arena_fini(&a);
	report_work(r);
}

void reporter_roots_changed(struct reporter *r)
{
	if (!r || !r->leads)
		return;
	put_roots(r, OUTBOX_URGENT);
	report_work(r);
}

/* ---- life ---- */

struct reporter *reporter_open(const struct reporter_cfg *cfg, struct err *e)
{
	struct reporter *r;
	uint64_t seed;

	if (loop_random(cfg->loop, &seed, sizeof(seed))) {
		err_set(e, ERR_IO, "no random bytes");
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	must(r && "out of memory");
	r->cfg = *cfg;
	r->work = (struct loop_task){.fn = work, .arg = r, .phase = LOOP_PUSH};
	r->lease = lease_new(cfg->ns, cfg->lease, cfg->identity, seed);
	r->outbox = outbox_new(loop_now_ms(cfg->loop), seed + 1);
	r->events = event_book_new("navarchd", cfg->identity, loop_now_ms(cfg->loop), seed + 2);
	r->gwapi = gwapi_book_new(cfg->loop, cfg->jobs, look_at_gwapi, r);
	map_init(&r->told, NULL);
	loop_timer_start(cfg->loop, &r->lease_timer, 0, step_lease, r);
	loop_timer_start(cfg->loop, &r->audit_timer, REPORT_AUDIT_MS, audit, r);
	if (cfg->webhook)
		loop_timer_start(cfg->loop, &r->webhook_timer, REPORT_WEBHOOK_MS, look_at_webhook, r);
	return r;
}

void reporter_close(struct reporter *r)
{
	if (!r)
		return;
	kube_call_cancel(r->lease_call);
	errand_cancel_all(r);
	loop_task_stop(&r->work);
	loop_timer_stop(r->cfg.loop, &r->lease_timer);
	loop_timer_stop(r->cfg.loop, &r->work_timer);
	loop_timer_stop(r->cfg.loop, &r->look_timer);
	loop_timer_stop(r->cfg.loop, &r->audit_timer);
	loop_timer_stop(r->cfg.loop, &r->webhook_timer);
	for (struct refusal *x = r->refusals, *next; x; x = next) {
		next = x->next;
		free_refusal(x);
	}
	map_each(&r->told, free_told, &r->told);
	map_fini(&r->told);
	for (size_t i = 0; i < REPORT_ERRANDS; i++)
		free(r->trouble[i].text);
	kind_list_unref(r->namespaces);
	snapshot_unref(r->snap);
	event_book_free(r->events);
	gwapi_book_free(r->gwapi);
	outbox_free(r->outbox);
	lease_free(r->lease);
	free(r);
}

void reporter_stats(const struct reporter *r, struct reporter_stats *out)
{
	*out = (struct reporter_stats){.leads = r->leads,
				       .identity = r->cfg.identity,
				       .holder = lease_holder(r->lease),
				       .trouble = lease_trouble(r->lease),
				       .events = *event_book_stats(r->events),
				       .statuses = r->written[ERRAND_STATUS],
				       .ingresses = r->written[ERRAND_INGRESS],
				       .gwapi_statuses = r->written[ERRAND_GWAPI],
				       .webhooks = r->written[ERRAND_WEBHOOK],
				       .maps = r->written[ERRAND_ROOT] + r->written[ERRAND_CRL],
				       .unchanged = r->unchanged,
				       .refusals = r->n_refusals};
	outbox_stats(r->outbox, loop_now_ms(r->cfg.loop), &out->outbox);
	for (size_t i = 0; i < REPORT_ERRANDS && !out->trouble; i++)
		if (r->trouble[i].lasts)
			out->trouble = r->trouble[i].text;
}
