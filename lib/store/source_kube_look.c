/* SPDX-License-Identifier: Apache-2.0
 *
 * What others ask of the source: the objects that the server has, the state of each watch.
 */
#include <string.h>

#include "store/source_kube_int.h"

static const struct feed *feed_of(const struct source_kube *s, enum kind kind)
{
	for (const struct feed *f = s->feeds; f; f = f->next)
		if (f->kind == kind && !f->name)
			return f;
	return NULL;
}

bool source_kube_find(const struct source_kube *s, enum kind kind, const char *ns, const char *name, struct kube_object *out)
{
	const struct feed *f = feed_of(s, kind);
	const struct known *k;
	struct arena a;

	arena_init(&a, 0);
	k = f ? map_get(&f->known, source_kube_key(ns, name, &a)) : NULL;
	arena_fini(&a);
	if (k)
		*out = (struct kube_object){.ns = ns,
					    .name = name,
					    .source = s->source,
					    .api = kube_watch_api(f->watch),
					    .generation = k->generation,
					    .version = k->version};
	return k != NULL;
}

struct tour {
	const struct feed *feed;
	kube_object_fn *fn;
	void *arg;
	struct arena arena;
};

static void show(const char *key, void *value, void *arg)
{
	struct tour *t = arg;
	const struct known *k = value;
	struct arena_mark mark = arena_mark(&t->arena);
	const char *slash = strchr(key, '/');
	struct kube_object o = {.ns = arena_strndup(&t->arena, key, (size_t)(slash - key)),
				.name = slash + 1,
				.source = t->feed->source->source,
				.api = kube_watch_api(t->feed->watch),
				.generation = k->generation};

	t->fn(&o, t->arg);
	arena_rewind(&t->arena, mark);
}

void source_kube_each_object(const struct source_kube *s, enum kind kind, kube_object_fn *fn, void *arg)
{
	const struct feed *f = feed_of(s, kind);
	struct tour t = {.feed = f, .fn = fn, .arg = arg};

	if (!f)
		return;
	arena_init(&t.arena, 0);
	map_each(&f->known, show, &t);
	arena_fini(&t.arena);
}

struct kube_client *source_kube_client(const struct source_kube *s)
{
	return s->client;
}

void source_kube_each(const struct source_kube *s, kube_status_fn *fn, void *arg)
{
	for (const struct feed *f = s->feeds; f; f = f->next) {
		struct kube_status row = {.plural = kind_info(f->kind)->plural,
					  .ns = f->ns ? f->ns : "",
					  .name = f->name ? f->name : "",
					  .state = kube_watch_state(f->watch),
					  .trouble = f->trouble,
					  .objects = map_count(&f->known),
					  .held = f->held,
					  .stats = kube_watch_stats(f->watch)};

		fn(&row, arg);
	}
}
