/* SPDX-License-Identifier: Apache-2.0 */
#include "server/review.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ca/ca.h"
#include "server/bucket.h"
#include "store/kube_call.h"

enum { UNDER_WAY_MAX = 32, PER_S = 50, ANSWER_MAX = 64 * 1024, TOTAL_MS = 10 * 1000, COMPLAIN_MS = 60 * 1000 };

#define REVIEWS_PATH "/apis/authentication.k8s.io/v1/tokenreviews"

const char *review_name(enum review r)
{
	static const char *const names[] = {"none", "pending", "yes", "no", "failed", "busy"};

	return names[r];
}

/* ---- what is remembered ---- */

static size_t set_of(const uint8_t id[JWT_ID])
{
	return ((size_t)id[0] << 8 | id[1]) % REVIEW_SETS;
}

const struct review_slot *review_cache_find(const struct review_cache *c, const uint8_t id[JWT_ID], int64_t now_ms)
{
	const struct review_slot *set = c->slot[set_of(id)];

	for (size_t i = 0; i < REVIEW_WAYS; i++)
		if (set[i].is != REVIEW_NONE && set[i].until_ms > now_ms && !memcmp(set[i].id, id, JWT_ID))
			return &set[i];
	return NULL;
}

/* Its own, or the one that ends first. */
static struct review_slot *place(struct review_cache *c, const uint8_t id[JWT_ID])
{
	struct review_slot *set = c->slot[set_of(id)], *first = &set[0];

	for (size_t i = 0; i < REVIEW_WAYS; i++) {
		if (set[i].is != REVIEW_NONE && !memcmp(set[i].id, id, JWT_ID))
			return &set[i];
		if (set[i].until_ms < first->until_ms)
			first = &set[i];
	}
	return first;
}

void review_cache_set(struct review_cache *c, const uint8_t id[JWT_ID], enum review is, const struct spiffe_id *who,
		      int64_t now_ms)
{
	static const int64_t lives_ms[] = {[REVIEW_PENDING] = REVIEW_PENDING_MS,
					   [REVIEW_YES] = REVIEW_YES_MS,
					   [REVIEW_NO] = REVIEW_NO_MS,
					   [REVIEW_FAILED] = REVIEW_FAILED_MS};
	struct review_slot *s = place(c, id);

	*s = (struct review_slot){.is = is, .until_ms = now_ms + lives_ms[is]};
	memcpy(s->id, id, JWT_ID);
	if (is != REVIEW_YES)
		return;
	memcpy(s->ns, who->ns, sizeof(s->ns));
	memcpy(s->sa, who->sa, sizeof(s->sa));
}

/* ---- texts ---- */

char *review_request(const char *token)
{
	json_t *body = json_pack("{s:s,s:s,s:{s:s,s:[s]}}", "apiVersion", "authentication.k8s.io/v1", "kind", "TokenReview", "spec",
				 "token", token, "audiences", REVIEW_AUDIENCE);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	return text;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* An API server that does not know audiences says none: then nobody knows whom the token is for. */
static bool is_for_us(const json_t *status)
{
	const json_t *audiences = json_object_get(status, "audiences");

	for (size_t i = 0; i < json_array_size(audiences); i++)
		if (!strcmp(json_string_value(json_array_get(audiences, i)) ? json_string_value(json_array_get(audiences, i)) : "",
			    REVIEW_AUDIENCE))
			return true;
	return false;
}

static int take_account(const char *user, struct spiffe_id *who, struct err *e)
{
	static const char prefix[] = "system:serviceaccount:";
	const char *p = user + sizeof(prefix) - 1, *colon;
	struct arena a;
	int status;

	if (strncmp(user, prefix, sizeof(prefix) - 1) != 0)
		return err_set(e, ERR_REFUSED, "a token of a user that is no service account");
	colon = strchr(p, ':');
	arena_init(&a, 0);
	status = spiffe_make("any", arena_strndup(&a, p, colon ? (size_t)(colon - p) : 0), colon ? colon + 1 : "", who, e);
	arena_fini(&a);
	return status;
}

enum review review_answer(const char *body, size_t n, struct spiffe_id *who, struct err *e)
{
	json_t *root = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL), *status = json_object_get(root, "status");
	enum review is = REVIEW_NO;

	if (!json_is_object(status) || strcmp(text_of(root, "kind"), "TokenReview") != 0) {
		err_set(e, ERR_SYNTAX, "the answer is no TokenReview");
		is = REVIEW_FAILED;
	} else if (!json_is_true(json_object_get(status, "authenticated"))) {
		err_set(e, ERR_REFUSED, "a token that the API server does not know");
	} else if (!is_for_us(status)) {
		err_set(e, ERR_REFUSED, "a token for another audience");
	} else if (!take_account(text_of(json_object_get(status, "user"), "username"), who, e)) {
		is = REVIEW_YES;
	}
	json_decref(root);
	return is;
}

/* ---- asking ---- */

struct reviews {
	struct loop *loop;
	struct kube_client *client;
	struct metrics *metrics;
	struct review_cache *cache;
	struct buckets rate;
	struct asked *asked; /* under way */
	size_t n, n_waiting;
	int64_t complained_ms;
};

struct asked {
	struct reviews *owner;
	struct asked *next, **at;
	struct kube_call *call;
	uint8_t id[JWT_ID];
	struct review_wait *waiting;
};

void reviews_leave(struct reviews *r, struct review_wait *w)
{
	if (!w->at)
		return;
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	w->at = NULL;
	r->n_waiting--;
}

int reviews_wait(struct reviews *r, const char *token, size_t n, struct review_wait *w)
{
	struct asked *q = r->asked;
	uint8_t id[JWT_ID];

	jwt_id(token, n, id);
	while (q && memcmp(q->id, id, JWT_ID) != 0)
		q = q->next;
	if (!q || r->n_waiting >= REVIEW_WAITERS_MAX)
		return -1;
	w->next = q->waiting;
	w->at = &q->waiting;
	if (w->next)
		w->next->at = &w->next;
	q->waiting = w;
	r->n_waiting++;
	return 0;
}

static void asked_free(struct asked *q)
{
	*q->at = q->next;
	if (q->next)
		q->next->at = q->at;
	q->owner->n--;
	free(q);
}

static void complain(struct reviews *r, const struct err *e)
{
	int64_t now_ms = loop_now_ms(r->loop);

	if (r->complained_ms && now_ms - r->complained_ms < COMPLAIN_MS)
		return;
	r->complained_ms = now_ms;
	log_error("authn", "tokens cannot be reviewed: %s", e->text);
}

static void replied(void *arg, const struct kube_reply *reply)
{
	struct asked *q = arg;
	struct reviews *r = q->owner;
	enum review is = REVIEW_FAILED;
	struct spiffe_id who;
	struct err e;

	if (!kube_reply_check(reply, &e))
		is = review_answer(reply->body, reply->n_body, &who, &e);
	if (is == REVIEW_FAILED)
		complain(r, &e);
	else if (is == REVIEW_NO)
		log_warn("authn", "%s", e.text);
	metric_add(r->metrics, M_TOKEN_REVIEWS, review_name(is), 1);
	review_cache_set(r->cache, q->id, is, &who, loop_now_ms(r->loop));
	while (q->waiting) {
		struct review_wait *w = q->waiting;

		reviews_leave(r, w);
		w->fn(w->arg);
	}
	asked_free(q);
}

static void start(struct reviews *r, const char *body, const uint8_t id[JWT_ID])
{
	struct asked *q = calloc(1, sizeof(*q));

	must(q && "out of memory");
	*q = (struct asked){.owner = r, .next = r->asked, .at = &r->asked};
	if (q->next)
		q->next->at = &q->next;
	r->asked = q;
	r->n++;
	memcpy(q->id, id, JWT_ID);
	review_cache_set(r->cache, id, REVIEW_PENDING, NULL, loop_now_ms(r->loop));
	q->call = kube_call_ask(r->client,
				&(struct kube_request){.method = "POST",
						       .target = REVIEWS_PATH,
						       .body = body,
						       .n_body = strlen(body),
						       .total_ms = TOTAL_MS},
				ANSWER_MAX, replied, q);
}

enum review reviews_ask(struct reviews *r, const char *token, size_t n, bool may_start, bool *started, struct spiffe_id *who)
{
	int64_t now_ms = loop_now_ms(r->loop);
	const struct review_slot *slot;
	uint8_t id[JWT_ID];
	char *body;

	*started = false;
	jwt_id(token, n, id);
	slot = review_cache_find(r->cache, id, now_ms);
	if (slot && slot->is == REVIEW_YES) {
		*who = (struct spiffe_id){0};
		memcpy(who->ns, slot->ns, sizeof(slot->ns));
		memcpy(who->sa, slot->sa, sizeof(slot->sa));
	}
	if (slot)
		return slot->is;
	if (!may_start || r->n >= UNDER_WAY_MAX || !buckets_take(&r->rate, "all", now_ms))
		return REVIEW_BUSY;
	body = review_request(token);
	if (!body)
		return REVIEW_NO;
	*started = true;
	start(r, body, id);
	ca_cleanse_text(body);
	free(body);
	return REVIEW_PENDING;
}

struct reviews *reviews_new(struct loop *l, struct kube_client *client, struct metrics *metrics)
{
	struct reviews *r = calloc(1, sizeof(*r));

	must(r && "out of memory");
	*r = (struct reviews){.loop = l, .client = client, .metrics = metrics, .cache = calloc(1, sizeof(struct review_cache))};
	must(r->cache && "out of memory");
	buckets_init(&r->rate, PER_S, PER_S);
	return r;
}

void reviews_free(struct reviews *r)
{
	if (!r)
		return;
	while (r->asked) {
		must(!r->asked->waiting);
		kube_call_cancel(r->asked->call);
		asked_free(r->asked);
	}
	free(r->cache);
	free(r);
}
