/* SPDX-License-Identifier: Apache-2.0
 *
 * What is said about manifests: analysis of any text's objects, and requests walked through what a
 * sidecar and a gateway would get. The requests are made of the text's own words, so that they meet its
 * hosts, paths and headers. Every finding can be written, and every walk ends in one of its three ways.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "line_mutator.h"
#include "manifests.h"
#include "analyze/analyze.h"
#include "xds/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS = 12, WORDS_MAX = 512 };

struct words {
	VEC(const char *) v;
	struct arena *arena;
};

static struct words words_of(const uint8_t *data, size_t size, struct arena *a)
{
	static const char ends[] = " \t\r\n,:[]{}\"'";
	struct words w = {.arena = a};
	size_t from = 0;

	for (size_t i = 0; i <= size && w.v.n < WORDS_MAX; i++) {
		if (i < size && data[i] && !strchr(ends, data[i]))
			continue;
		if (i > from)
			*vec_push(&w.v, a) = arena_strndup(a, (const char *)data + from, i - from);
		from = i + 1;
	}
	return w;
}

static const char *pick(const struct words *w, unsigned *seed)
{
	return w->v.n ? w->v.v[(size_t)rand_r(seed) % w->v.n] : "";
}

/* A word that is a number, or one of the usual ports. */
static uint32_t pick_port(const struct words *w, unsigned *seed)
{
	static const uint32_t usual[] = {80, 443, 8080, 8443, 15001, 15006, 9080};
	int64_t n;

	if (scalar_int(pick(w, seed), 1, 65535, &n) == 0)
		return (uint32_t)n;
	return usual[(size_t)rand_r(seed) % ARRAY_LEN(usual)];
}

static const char *pick_ip(const struct words *w, unsigned *seed)
{
	for (int i = 0; i < 8; i++) {
		const char *word = pick(w, seed);

		if (scalar_is_ip(word))
			return word;
	}
	return "10.9.9.9";
}

static struct walk_request request_of(const struct words *w, enum walk_way way, unsigned *seed)
{
	static const char *const methods[] = {"GET", "POST", "CONNECT", "OPTIONS"};
	struct str_pair *headers = arena_array(w->arena, struct str_pair, 2);
	int form = rand_r(seed) % 8;

	for (int i = 0; i < 2; i++)
		headers[i] = (struct str_pair){.key = pick(w, seed), .value = pick(w, seed)};
	return (struct walk_request){
		.way = way, .ip = pick_ip(w, seed), .port = pick_port(w, seed),
		.tls = form & 1, .http = form < 6, .sni = form & 1 ? pick(w, seed) : "",
		.method = methods[(size_t)rand_r(seed) % ARRAY_LEN(methods)], .authority = pick(w, seed),
		.path = arena_printf(w->arena, "/%s%s", pick(w, seed), rand_r(seed) % 2 ? "?a=b" : ""),
		.headers = {.v = headers, .n = 2}};
}

static void walk_all(const struct snapshot *s, const struct words *w, int proxy)
{
	const struct compiled *made;
	struct view view;
	struct arena a;
	unsigned seed = 1;

	arena_init(&a, 0);
	view = view_of(s, proxy, &a);
	made = compile_view(s, &view, NULL, &a);
	must(!made->broken);
	for (int i = 0; i < REQUESTS; i++) {
		enum walk_way way = view.type == PROXY_SIDECAR ? (i % 3 ? WALK_OUTBOUND : WALK_INBOUND) : WALK_DIRECT;
		struct walk_request r = request_of(w, way, &seed);
		struct walk out = {0};

		walk_run(made, &r, &a, &out);
		must(out.why && (out.end != WALK_ROUTED || out.n_targets) && (out.end != WALK_ANSWERED || out.status));
	}
	arena_fini(&a);
}

static void say_all(struct snapshot *s, const struct objects *o, const struct words *w)
{
	struct diags found;

	snapshot_adopt(s);
	diags_init(&found, w->arena);
	analyze(s, o->refused.v, o->refused.n, &found);
	for (size_t i = 0; i < found.n; i++)
		diag_format(&found.v[i], w->arena);
	walk_all(s, w, 0);
	walk_all(s, w, 1);
	snapshot_unref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct objects objects;
	struct words words;
	struct store *store;
	struct arena a;

	arena_init(&a, 0);
	objects = objects_load(data, size, &a);
	if (objects.v.n + objects.refused.n) {
		words = words_of(data, size, &a);
		store = store_new("cluster.local", "istio-system");
		objects_store(&objects, objects.v.n, store, store_source_add(store, "fuzz"));
		say_all(snapshot_build(NULL, store_objects(store)), &objects, &words);
		store_free(store);
	}
	objects_drop(&objects);
	arena_fini(&a);
	return 0;
}
