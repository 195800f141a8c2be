/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include "ev/file.h"
#include "model/crd.h"
#include "node/node.h"

enum { CRD_MAX = 8 * 1024 * 1024 };

static void build_yaml(enum kind kind, struct buf *out, struct arena *a)
{
	struct buf json;
	struct node_docs docs;
	struct diags ds;

	buf_init(&json, CRD_MAX);
	crd_build(kind, &json);
	diags_init(&ds, a);
	docs = node_parse(buf_cstr(&json), json.n, 1, a, &ds);
	buf_printf(out, "---\n");
	node_to_yaml(docs.v[0].root, out);
	buf_fini(&json);
}

static int run(const struct args *args, struct arena *a)
{
	const char *dir = args_get(args, "directory");
	struct buf out;
	struct err e;

	for (int k = 0; k < KIND_COUNT; k++) {
		const struct kind_info *info = kind_info((enum kind)k);

		if (!crd_has((enum kind)k))
			continue;
		buf_init(&out, CRD_MAX);
		build_yaml((enum kind)k, &out, a);
		if (!dir) {
			fwrite(out.p, 1, out.n, stdout);
		} else if (file_replace(arena_printf(a, "%s/%s.%s.yaml", dir, info->plural, info->group), out.p, out.n, 0644, &e)) {
			fprintf(stderr, "navctl crds: %s\n", e.text);
			buf_fini(&out);
			return CMD_USAGE;
		}
		buf_fini(&out);
	}
	return CMD_OK;
}

static const struct args_option options[] = {
    {"directory", 'd', "DIR", "Write a file for each kind into DIR."},
};

const struct cmd cmd_crds = {
    .args = {.name = "navctl crds",
	     .summary = "Print the CustomResourceDefinitions of the mesh's kinds",
	     .operands = "",
	     .text = "They come from the tables that the manifests are decoded by. Where Istio's own are installed "
		     "already, those do as well.",
	     .options = options,
	     .n_options = 1},
    .run = run,
};
