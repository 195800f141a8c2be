/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake API server as a process: serves the manifests (and lists of them) of a directory, and takes writes by HTTP.
 * usage: fake HOST:PORT DIR [VERSION]     VERSION: of the first write; watches of earlier ones get 410
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "ev/file.h"
#include "fake_load.h"
#include "model/object.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

static void load_file(struct fake_api *f, const char *path)
{
	struct node_docs docs;
	struct arena a;
	struct diags ds;
	struct buf text;
	struct err e;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	buf_init(&text, TEXT_MAX);
	must(!file_read(path, &text, &e));
	docs = node_parse(text.p ? text.p : "", text.n, 1, &a, &ds);
	for (size_t i = 0; i < docs.n; i++) {
		const struct node *items = docs.v[i].root ? object_list_items(docs.v[i].root) : NULL;

		must(docs.v[i].root);
		for (size_t k = 0; items && k < items->n; k++)
			must(fake_load(f, &items->list[k], false, &a));
		must(items || fake_load(f, docs.v[i].root, false, &a));
	}
	buf_fini(&text);
	arena_fini(&a);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

int main(int argc, char **argv)
{
	static const char *const suffixes[] = {".yaml", ".json", NULL};
	struct file_list files;
	struct fake_api *f;
	struct arena a;
	struct loop *l;
	struct err e;

	must(argc >= 3);
	l = loop_new(&e);
	must(l && !loop_signal(l, SIGTERM, stop, l, &e));
	f = fake_api_new(l, argv[1]);
	fake_register_kinds(f);
	if (argc > 3)
		fake_api_begin_at(f, strtoull(argv[3], NULL, 10));
	arena_init(&a, 0);
	must(!file_list(argv[2], suffixes, &a, &files, &e));
	for (size_t i = 0; i < files.n; i++)
		load_file(f, files.v[i]);
	arena_fini(&a);
	printf("%u\n", fake_api_port(f));
	fflush(stdout);
	loop_run(l);
	fake_api_free(f);
	loop_free(l);
	return 0;
}
