/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads one file of manifests again and again: YAML into node trees, and into checked objects.
 * Prints "name value" lines: MB/s. usage: yaml_bench FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/must.h"
#include "model/load.h"

enum { TRIES = 5 };

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *read_all(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text;

	must(f && !fseek(f, 0, SEEK_END));
	*n = (size_t)ftell(f);
	rewind(f);
	text = malloc(*n + 1);
	must(text && fread(text, 1, *n, f) == *n);
	fclose(f);
	return text;
}

static void drop(const struct load_item *item, void *arg)
{
	*(size_t *)arg += item->object != NULL;
	object_unref(item->object);
}

static double parse_s(const char *text, size_t n)
{
	double start = now_s();
	struct arena a;
	struct diags ds;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	must(node_parse(text, n, 1, &a, &ds).n > 0);
	arena_fini(&a);
	return now_s() - start;
}

static double load_s(const char *text, size_t n)
{
	double start = now_s();
	size_t objects = 0;
	struct arena a;
	struct diags ds;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	load_text("bench.yaml", text, n, SCHEMA_LENIENT, &ds, drop, &objects);
	must(objects > 0);
	arena_fini(&a);
	return now_s() - start;
}

int main(int argc, char **argv)
{
	double parse = 1e9, load = 1e9;
	size_t n;
	char *text;

	must(argc == 2);
	arena_keep_memory();
	text = read_all(argv[1], &n);
	for (int i = 0; i < TRIES; i++) {
		double p = parse_s(text, n), l = load_s(text, n);

		parse = p < parse ? p : parse;
		load = l < load ? l : load;
	}
	printf("parse_mb_s %.1f\nload_mb_s %.1f\n", (double)n / 1e6 / parse, (double)n / 1e6 / load);
	free(text);
	return 0;
}
