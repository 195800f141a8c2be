/* SPDX-License-Identifier: Apache-2.0 */
#include "report/event.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bucket.h"
#include "base/hash.h"
#include "base/must.h"
#include "base/scalar.h"
#include "node/node.h"
#include "store/kube_target.h"

enum { NAME_MAX_KEPT = 230 /* of the object's name; with the rest within 253 */ };

struct series {
	uint64_t number;		/* 0: the row is free */
	struct hash128 object, all;
	struct arena arena;
	struct event_about about;	/* texts of the arena */
	const char *event_name;
	int64_t first_ns, last_ns;	/* wall clock */
	int64_t last_ms;
	unsigned count, asked, sent;	/* sent 0: the Event does not exist */
};

struct event_book {
	char *component, *instance;
	struct bucket bucket;
	uint64_t last_number, random;
	struct series row[EVENT_SERIES_MAX];
	struct event_stats stats;
};

struct event_book *event_book_new(const char *component, const char *instance, int64_t now_ms, uint64_t seed)
{
	struct event_book *b = calloc(1, sizeof(*b));

	must(b && "out of memory");
	b->component = strdup(component);
	b->instance = strdup(instance);
	must(b->component && b->instance && "out of memory");
	b->random = seed | 1;
	bucket_init(&b->bucket, EVENT_BURST, EVENT_PER_MIN / 60.0, now_ms);
	return b;
}

static void forget(struct series *s)
{
	arena_fini(&s->arena);
	*s = (struct series){0};
}

void event_book_free(struct event_book *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < EVENT_SERIES_MAX; i++)
		forget(&b->row[i]);
	free(b->component);
	free(b->instance);
	free(b);
}

const struct event_stats *event_book_stats(const struct event_book *b)
{
	return &b->stats;
}

/* ---- the book ---- */

static struct hash128 hash_object(const struct event_about *about)
{
	struct hash128 h = hash_bytes(about->kind, strlen(about->kind));

	return hash_mix_str(hash_mix_str(hash_mix_str(h, about->ns), about->name), about->uid);
}

static struct series *find(struct event_book *b, uint64_t number)
{
	for (size_t i = 0; number && i < EVENT_SERIES_MAX; i++)
		if (b->row[i].number == number)
			return &b->row[i];
	return NULL;
}

/* The row that says the same; else *room, a free one or the oldest, and *n_object, what else is said of the object. */
static struct series *find_same(struct event_book *b, struct hash128 object, struct hash128 all, int64_t now_ms,
				struct series **room, size_t *n_object)
{
	*room = &b->row[0];
	*n_object = 0;
	for (size_t i = 0; i < EVENT_SERIES_MAX; i++) {
		struct series *s = &b->row[i];

		if (s->number && now_ms - s->last_ms > EVENT_SERIES_MS)
			forget(s);
		if (s->number && hash_equal(s->all, all))
			return s;
		*n_object += s->number && hash_equal(s->object, object);
		if (!s->number || ((*room)->number && s->last_ms < (*room)->last_ms))
			*room = s;
	}
	return NULL;
}

static const char *name_event(struct event_book *b, const struct event_about *about, int64_t wall_ns, struct arena *a)
{
	b->random = b->random * 6364136223846793005u + 1442695040888963407u;
	return arena_printf(a, "%.*s.%016" PRIx64, NAME_MAX_KEPT, about->name, (uint64_t)wall_ns ^ b->random);
}

static void fill(struct event_book *b, struct series *s, const struct event_about *about, int64_t wall_ns)
{
	size_t n = strlen(about->message);

	forget(s);
	arena_init(&s->arena, 0);
	if (n > EVENT_MESSAGE_MAX)
		for (n = EVENT_MESSAGE_MAX; n && ((unsigned char)about->message[n] & 0xc0) == 0x80; n--)
			;
	s->number = ++b->last_number;
	s->about = (struct event_about){.api_version = arena_strdup(&s->arena, about->api_version),
					.kind = arena_strdup(&s->arena, about->kind),
					.ns = arena_strdup(&s->arena, about->ns),
					.name = arena_strdup(&s->arena, about->name),
					.uid = arena_strdup(&s->arena, about->uid),
					.reason = arena_strdup(&s->arena, about->reason),
					.message = arena_strndup(&s->arena, about->message, n)};
	s->event_name = name_event(b, about, wall_ns, &s->arena);
	s->first_ns = wall_ns;
}

uint64_t event_note(struct event_book *b, const struct event_about *about, int64_t now_ms, int64_t wall_ns)
{
	struct hash128 object = hash_object(about);
	struct hash128 all = hash_mix_str(hash_mix_str(object, about->reason), about->message);
	struct series *room, *s;
	size_t n_object;

	b->stats.noted++;
	s = find_same(b, object, all, now_ms, &room, &n_object);
	if ((!s && n_object >= EVENT_OBJECT_MAX) || !bucket_take(&b->bucket, now_ms)) {
		b->stats.dropped++;
		return 0;
	}
	if (!s) {
		s = room;
		fill(b, s, about, wall_ns);
		s->object = object;
		s->all = all;
	}
	s->count++;
	s->last_ns = wall_ns;
	s->last_ms = now_ms;
	return s->number;
}

/* ---- requests ---- */

static void put_time(struct buf *b, const char *key, int64_t wall_ns)
{
	char text[SCALAR_TIME];

	node_member_to_json(",", key, scalar_time_print(wall_ns / 1000000000, text), b);
}

static void put_event(const struct event_book *b, const struct series *s, struct buf *out)
{
	const struct event_about *o = &s->about;

	buf_str(out, "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":");
	node_text_to_json(s->event_name, out);
	node_member_to_json(",", "namespace", o->ns, out);
	buf_str(out, "},\"involvedObject\":{\"kind\":");
	node_text_to_json(o->kind, out);
	node_member_to_json(",", "apiVersion", o->api_version, out);
	node_member_to_json(",", "namespace", o->ns, out);
	node_member_to_json(",", "name", o->name, out);
	if (*o->uid)
		node_member_to_json(",", "uid", o->uid, out);
	buf_str(out, "},\"type\":\"Warning\"");
	node_member_to_json(",", "reason", o->reason, out);
	node_member_to_json(",", "message", o->message, out);
	buf_str(out, ",\"source\":{\"component\":");
	node_text_to_json(b->component, out);
	buf_char(out, '}');
	node_member_to_json(",", "reportingComponent", b->component, out);
	node_member_to_json(",", "reportingInstance", b->instance, out);
	put_time(out, "firstTimestamp", s->first_ns);
	put_time(out, "lastTimestamp", s->last_ns);
	buf_printf(out, ",\"count\":%u}", s->count);
}

bool event_request(struct event_book *b, uint64_t number, struct event_request *out)
{
	struct series *s = find(b, number);

	if (!s || s->sent == s->count)
		return false;
	s->asked = s->count;
	if (!s->sent) {
		out->method = "POST";
		out->content_type = "application/json";
		buf_str(&out->target, "/api/v1/namespaces/");
		kube_target_escape(&out->target, s->about.ns);
		buf_str(&out->target, "/events");
		put_event(b, s, &out->body);
		return true;
	}
	out->method = "PATCH";
	out->content_type = "application/merge-patch+json";
	kube_target_put_object(&out->target, "/api/v1", s->about.ns, "events", s->event_name);
	buf_printf(&out->body, "{\"count\":%u", s->count);
	put_time(&out->body, "lastTimestamp", s->last_ns);
	buf_char(&out->body, '}');
	return true;
}

bool event_answered(struct event_book *b, uint64_t number, unsigned status)
{
	struct series *s = find(b, number);

	if (!s)
		return false;
	if (status >= 200 && status < 300) {
		s->sent = s->asked;
		b->stats.sent++;
		return false;
	}
	if (status != 404)
		return false;
	if (!s->sent) {
		forget(s);
		return false;
	}
	s->sent = 0;
	s->count = 1;
	s->first_ns = s->last_ns;
	s->event_name = name_event(b, &s->about, s->last_ns, &s->arena);
	return true;
}
