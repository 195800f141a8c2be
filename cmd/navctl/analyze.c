/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that the compiler found out about a set of files: findings of each object, and
 * verdicts of the objects together.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "server/offline.h"

static int compare_place(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	int c = strcmp(x->object.file ? x->object.file : "", y->object.file ? y->object.file : "");

	if (c)
		return c;
	return x->pos.line != y->pos.line ? (x->pos.line < y->pos.line ? -1 : 1)
					  : (int)x->code - (int)y->code;
}

/* The findings of files and objects, then the reasons of verdicts. */
static void gather(const struct offline *o, struct diags *all)
{
	all->limit = (size_t)-1;
	for (size_t i = 0; i < o->findings.n; i++)
		diags_copy(all, &o->findings.v[i]);
	for (size_t i = 0; i < o->snap->n_verdicts; i++) {
		for (size_t k = 0; k < o->snap->verdicts[i].n_why; k++)
			diags_copy(all, &o->snap->verdicts[i].why[k]);
	}
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), compare_place);
}

static void print_string(struct buf *out, const char *s)
{
	struct node n = {.kind = NODE_STRING, .text = s, .n = strlen(s)};

	node_to_json(&n, false, false, out);
}

static void print_json(const struct diags *all)
{
	struct buf out;
	struct arena a;

	arena_init(&a, 0);
	buf_init(&out, (size_t)1 << 30);
	buf_char(&out, '[');
	for (size_t i = 0; i < all->n; i++) {
		const struct diag *d = &all->v[i];

		buf_printf(&out, "%s\n{\"code\":\"%s\",\"level\":\"%s\",\"origin\":", i ? "," : "",
			   diag_info(d->code)->id, diag_severity_name(d->severity));
		print_string(&out, d->object.kind
				       ? arena_printf(&a, "%s %s%s%s", d->object.kind,
						      d->object.ns ? d->object.ns : "",
						      d->object.ns && *d->object.ns ? "/" : "",
						      d->object.name ? d->object.name : "")
				       : "");
		buf_str(&out, ",\"path\":");
		print_string(&out, d->path);
		buf_str(&out, ",\"message\":");
		print_string(&out, d->text);
		if (d->object.file) {
			buf_str(&out, ",\"file\":");
			print_string(&out, d->object.file);
			buf_printf(&out, ",\"line\":%u,\"column\":%u", d->pos.line, d->pos.col);
		}
		buf_char(&out, '}');
	}
	buf_str(&out, "]\n");
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	arena_fini(&a);
}

static void print_text(const struct offline *o, const struct diags *all)
{
	for (size_t i = 0; i < all->n; i++)
		offline_print(o, &all->v[i], stdout);
	printf("%zu objects, %zu of kinds that are not read; %zu errors, %zu warnings\n",
	       o->n_objects, o->n_skipped, all->nerrors, all->nwarnings);
}

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output"), **files;
	struct offline_opts opts = {.mesh_config = args_get(args, "mesh-config"),
				    .domain = args_get(args, "cluster-domain"),
				    .mode = SCHEMA_STRICT};
	struct offline o;
	struct diags all;
	struct err e;
	int status = CMD_USAGE;

	opts.n_paths = args_all(args, "filename", &files, a);
	opts.paths = files;
	if (args->n_operands) {
		opts.paths = args->operands;
		opts.n_paths = args->n_operands;
	}
	if (!opts.n_paths) {
		fprintf(stderr, "navctl analyze: name files or directories: -f FILE\n");
		return CMD_USAGE;
	}
	diags_init(&all, a);
	if (offline_init(&o, &opts, &e)) {
		fprintf(stderr, "navctl analyze: %s\n", e.text);
	} else {
		gather(&o, &all);
		if (form && !strcmp(form, "json"))
			print_json(&all);
		else
			print_text(&o, &all);
		status = all.nerrors || all.nwarnings ? CMD_FINDINGS : CMD_OK;
	}
	offline_fini(&o);
	return status;
}

static const struct args_option options[] = {
    {"filename", 'f', "FILE", "A file, a directory, or - for standard input; repeatable."},
    {"mesh-config", 'm', "FILE", "MeshConfig, laid over the defaults."},
    {"cluster-domain", 0, "DOMAIN",
     "DNS domain of the cluster; cluster.local, or none without Kubernetes Services."},
    {"output", 'o', "text|json", "Form of the output."},
};

const struct cmd cmd_analyze = {
    .args = {.name = "navctl analyze",
	     .summary = "Find what is wrong in a set of files, and what will not take effect",
	     .operands = "[FILE...]",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 10000},
    .run = run,
};
