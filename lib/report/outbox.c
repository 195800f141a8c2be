/* SPDX-License-Identifier: Apache-2.0 */
#include "report/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/bucket.h"
#include "base/map.h"
#include "base/must.h"

enum state { WAITING, DELAYED, OPEN };

struct errand {
	struct errand *next, *prev;	/* of its queue */
	enum outbox_lane lane;
	enum state state;
	bool again;			/* put while it was under way */
	unsigned conflicts, refusals;
	int64_t at_ms;			/* DELAYED: until when */
	char key[];
};

/* In order of putting. */
struct queue {
	struct errand *first, *last;
};

struct outbox {
	struct map all;			/* key -> struct errand */
	struct queue lane[OUTBOX_LANES], delayed;
	size_t n_open;
	struct bucket bucket;
	int64_t resume_ms;		/* nothing begins before */
	unsigned troubles;		/* in a row */
	uint64_t random;
	struct outbox_stats stats;
};

static struct queue *queue_of(struct outbox *o, const struct errand *e)
{
	return e->state == DELAYED ? &o->delayed : &o->lane[e->lane];
}

static void enqueue(struct outbox *o, struct errand *e, enum state state)
{
	struct queue *q;

	e->state = state;
	q = queue_of(o, e);
	e->next = NULL;
	e->prev = q->last;
	if (q->last)
		q->last->next = e;
	else
		q->first = e;
	q->last = e;
}

static void dequeue(struct outbox *o, struct errand *e)
{
	struct queue *q = queue_of(o, e);

	if (e->prev)
		e->prev->next = e->next;
	else
		q->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		q->last = e->prev;
}

struct outbox *outbox_new(int64_t now_ms, uint64_t seed)
{
	struct outbox *o = calloc(1, sizeof(*o));

	must(o && "out of memory");
	map_init(&o->all, NULL);
	bucket_init(&o->bucket, OUTBOX_BURST, OUTBOX_PER_S, now_ms);
	o->random = seed | 1;
	return o;
}

static void forget(const char *key, void *value, void *arg)
{
	struct outbox *o = arg;

	map_remove(&o->all, key);
	free(value);
}

void outbox_clear(struct outbox *o)
{
	map_each(&o->all, forget, o);
	memset(o->lane, 0, sizeof(o->lane));
	o->delayed = (struct queue){0};
	o->n_open = 0;
	o->troubles = 0;
	o->resume_ms = 0;
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	outbox_clear(o);
	map_fini(&o->all);
	free(o);
}

void outbox_put(struct outbox *o, const char *key, enum outbox_lane lane)
{
	void **slot = map_slot(&o->all, key);
	struct errand *e = *slot;

	if (!e) {
		e = calloc(1, sizeof(*e) + strlen(key) + 1);
		must(e && "out of memory");
		strcpy(e->key, key);
		e->lane = lane;
		*slot = e;
		enqueue(o, e, WAITING);
		return;
	}
	if (e->state == OPEN) {
		e->again = true;
		e->lane = lane < e->lane ? lane : e->lane;
		return;
	}
	/* a right that is missing is not given by a change of the object */
	if ((e->state == WAITING && e->lane <= lane) || (e->state == DELAYED && e->refusals))
		return;
	dequeue(o, e);
	e->lane = lane < e->lane ? lane : e->lane;
	enqueue(o, e, WAITING);
}

/* Those whose time has come, back into their lanes; returns when the next one's does, or -1. */
static int64_t wake(struct outbox *o, int64_t now_ms)
{
	int64_t next_ms = -1;

	for (struct errand *e = o->delayed.first, *next; e; e = next) {
		next = e->next;
		if (e->at_ms <= now_ms) {
			dequeue(o, e);
			enqueue(o, e, WAITING);
		} else if (next_ms < 0 || e->at_ms < next_ms) {
			next_ms = e->at_ms;
		}
	}
	return next_ms;
}

const char *outbox_next(struct outbox *o, int64_t now_ms, int64_t *wait_ms)
{
	int64_t next_ms = wake(o, now_ms);
	struct errand *e = o->lane[OUTBOX_URGENT].first ? o->lane[OUTBOX_URGENT].first : o->lane[OUTBOX_BULK].first;

	if (!e) {
		*wait_ms = next_ms < 0 ? -1 : next_ms - now_ms;
		return NULL;
	}
	if (now_ms < o->resume_ms) {
		*wait_ms = o->resume_ms - now_ms;
		return NULL;
	}
	*wait_ms = -1;
	/* after trouble one at a time tries whether it is over */
	if (o->n_open >= (o->troubles ? 1 : OUTBOX_OPEN_MAX))
		return NULL;
	if (!bucket_take(&o->bucket, now_ms)) {
		*wait_ms = bucket_wait_ms(&o->bucket, now_ms);
		return NULL;
	}
	dequeue(o, e);
	e->state = OPEN;
	e->again = false;
	o->n_open++;
	return e->key;
}

bool outbox_is_again(const struct outbox *o, const char *key)
{
	const struct errand *e = map_get(&o->all, key);

	return e && e->state == OPEN && e->again;
}

void outbox_charge(struct outbox *o, int64_t now_ms)
{
	bucket_charge(&o->bucket, now_ms);
}

/* Doubled each time, and not the same for all. */
static int64_t backoff(struct outbox *o, unsigned n, int64_t first_ms, int64_t max_ms)
{
	int64_t ms = n < 16 ? first_ms << n : max_ms;

	ms = ms < max_ms ? ms : max_ms;
	o->random = o->random * 6364136223846793005u + 1442695040888963407u;
	return ms * 4 / 5 + (int64_t)((o->random >> 33) % (uint64_t)(ms * 2 / 5 + 1));
}

static void delay(struct outbox *o, struct errand *e, int64_t at_ms)
{
	e->at_ms = at_ms;
	enqueue(o, e, DELAYED);
}

static void pause_all(struct outbox *o, int64_t retry_after_ms, int64_t now_ms)
{
	int64_t ms = backoff(o, o->troubles, OUTBOX_PAUSE_MS, OUTBOX_PAUSE_MAX_MS);

	if (now_ms < o->resume_ms)	/* of those that were under way when it began */
		ms = 0;
	else
		o->troubles++;
	ms = retry_after_ms > ms ? retry_after_ms : ms;
	if (now_ms + ms > o->resume_ms)
		o->resume_ms = now_ms + ms;
}

void outbox_end(struct outbox *o, const char *key, enum outbox_end how, int64_t retry_after_ms, int64_t now_ms)
{
	struct errand *e = map_get(&o->all, key);

	if (!e || e->state != OPEN)	/* of before outbox_clear */
		return;
	o->n_open--;
	if (how != OUTBOX_TROUBLE)
		o->troubles = 0;
	switch (how) {
	case OUTBOX_DONE:
		o->stats.done++;
		e->conflicts = e->refusals = 0;
		if (e->again)
			enqueue(o, e, WAITING);
		else
			forget(e->key, e, o);
		break;
	case OUTBOX_CONFLICT:
		o->stats.conflicts++;
		delay(o, e, now_ms + backoff(o, e->conflicts++, OUTBOX_SOON_MS, OUTBOX_PAUSE_MAX_MS));
		break;
	case OUTBOX_REFUSED:
		o->stats.refused++;
		delay(o, e, now_ms + backoff(o, e->refusals++, OUTBOX_ALONE_MS, OUTBOX_ALONE_MAX_MS));
		break;
	case OUTBOX_TROUBLE:
		o->stats.troubles++;
		pause_all(o, retry_after_ms, now_ms);
		enqueue(o, e, WAITING);
		break;
	}
}

static size_t length(const struct queue *q)
{
	size_t n = 0;

	for (const struct errand *e = q->first; e; e = e->next)
		n++;
	return n;
}

void outbox_stats(const struct outbox *o, int64_t now_ms, struct outbox_stats *out)
{
	*out = o->stats;
	out->open = o->n_open;
	out->waiting = length(&o->delayed);
	for (int i = 0; i < OUTBOX_LANES; i++)
		out->waiting += length(&o->lane[i]);
	out->paused = now_ms < o->resume_ms;
}
