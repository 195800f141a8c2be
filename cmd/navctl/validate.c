/* SPDX-License-Identifier: Apache-2.0
 *
 * navctl validate: what `kubectl apply` would accept and what would take effect, without a cluster.
 * Each file stands alone; unknown fields are errors here, as istioctl has it.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/diag.h"
#include "ev/file.h"
#include "model/check.h"
#include "model/load.h"

enum { JSON_MAX = 256 * 1024 * 1024 };

struct report {
	bool json;
	struct arena *a;
	struct buf errors, warnings;	/* the elements of JSON's lists */
	size_t nerrors;
};

typedef void file_fn(struct report *r, const char *name, const struct buf *text, struct diags *ds);

static void put_json(struct report *r, const struct diag *d)
{
	struct buf *out = d->severity == DIAG_ERROR ? &r->errors : &r->warnings;
	const struct diag_object *o = &d->object;

	node_member_to_json(out->n ? ",\n  {" : "\n  {", "code", diag_info(d->code)->id, out);
	if (o->file) {
		node_member_to_json(",", "file", o->file, out);
		buf_printf(out, ",\"line\":%u,\"column\":%u", d->pos.line, d->pos.col);
	}
	if (o->kind)
		node_member_to_json(",", "object",
				    arena_printf(r->a, "%s %s%s%s", o->kind, o->ns ? o->ns : "", o->ns && *o->ns ? "/" : "",
						 o->name ? o->name : ""), out);
	node_member_to_json(",", "path", d->path, out);
	node_member_to_json(",", "message", d->text, out);
	buf_char(out, '}');
}

/* Notices (a kind that is not read here) are no news to whoever validates a bundle. */
static void tell(struct report *r, const char *name, const struct diags *ds, const char *source)
{
	r->nerrors += ds->nerrors;
	for (size_t i = 0; i < ds->n; i++) {
		if (ds->v[i].severity == DIAG_INFO)
			continue;
		if (r->json)
			put_json(r, &ds->v[i]);
		else
			diag_print(stdout, &ds->v[i], source);
	}
	if (r->json)
		return;
	if (ds->dropped)
		printf("%s: %zu more findings are not shown\n", name, ds->dropped);
	if (!ds->nerrors && ds->nwarnings)
		printf("\"%s\" has warnings\n", name);
	else if (!ds->nerrors)
		printf("\"%s\" is valid\n", name);
	else
		printf("\"%s\" is invalid: %zu error%s\n", name, ds->nerrors, ds->nerrors == 1 ? "" : "s");
}

static void drop(const struct load_item *item, void *arg)
{
	(void)arg;
	object_unref(item->object);
}

static void check_objects(struct report *r, const char *name, const struct buf *text, struct diags *ds)
{
	(void)r;
	load_text(name, text->p ? text->p : "", text->n, SCHEMA_STRICT, ds, drop, NULL);
}

/* The one document of a file; NULL, with findings, if there is none. An empty file is an empty map. */
static const struct node *only_document(struct report *r, const char *name, const struct buf *text,
					struct diags *ds)
{
	static const struct node empty = {.kind = NODE_MAP};
	struct node_docs docs;

	diags_object(ds, (struct diag_object){.file = name});
	docs = node_parse(text->p ? text->p : "", text->n, 1, r->a, ds);
	if (ds->nerrors)
		return NULL;
	return docs.n ? docs.v[0].root : &empty;
}

static void check_mesh(struct report *r, const char *name, const struct buf *text, struct diags *ds)
{
	const struct node *root = only_document(r, name, text, ds);

	if (root)
		check_mesh_config(root, ds);
}

static void check_networks(struct report *r, const char *name, const struct buf *text, struct diags *ds)
{
	const struct node *root = only_document(r, name, text, ds);

	if (root)
		check_mesh_networks(root, ds);
}

static int read_stdin(struct buf *out, struct err *e)
{
	ssize_t n;

	do {
		char *room = buf_room(out, 64 * 1024);

		if (!room)
			return err_set(e, ERR_LIMIT, "standard input is larger than %d MiB", LOAD_FILE_MAX >> 20);
		n = read(STDIN_FILENO, room, 64 * 1024);
		if (n < 0)
			return err_errno(e, "read standard input");
		buf_added(out, (size_t)n);
	} while (n > 0);
	return 0;
}

static void check_file(struct report *r, const char *name, file_fn *fn)
{
	bool is_stdin = !strcmp(name, "-");
	struct buf text;
	struct diags ds;
	struct err e;
	int rc;

	diags_init(&ds, r->a);
	buf_init(&text, LOAD_FILE_MAX);
	rc = is_stdin ? read_stdin(&text, &e) : file_read(name, &text, &e);
	if (is_stdin)
		name = "standard input";
	if (rc) {
		diags_object(&ds, (struct diag_object){.file = name});
		diag_add(&ds, e.code == ERR_LIMIT ? D_LIMIT_SIZE : D_FILE_UNREADABLE, (struct pos){0, 0}, "", "%s",
			 e.text);
	} else {
		fn(r, name, &text, &ds);
	}
	tell(r, name, &ds, rc ? NULL : buf_cstr(&text));
	buf_fini(&text);
}

static void check_path_arg(struct report *r, const char *path)
{
	static const char *const suffixes[] = {".yaml", ".yml", ".json", NULL};
	struct file_list files = {0};
	struct err e;

	if (!strcmp(path, "-") || file_list(path, suffixes, r->a, &files, &e)) {
		check_file(r, path, check_objects);
		return;
	}
	for (size_t i = 0; i < files.n; i++)
		check_file(r, files.v[i], check_objects);
}

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output"), **names;
	struct report r = {.json = form && !strcmp(form, "json"), .a = a};
	size_t n = args_all(args, "filename", &names, a);

	if (!n && !args_has(args, "mesh-config") && !args_has(args, "mesh-networks")) {
		fputs("navctl validate: nothing to validate; give files with -f\n", stderr);
		return CMD_USAGE;
	}
	buf_init(&r.errors, JSON_MAX);
	buf_init(&r.warnings, JSON_MAX);
	for (size_t i = 0; i < n; i++)
		check_path_arg(&r, names[i]);
	if (args_has(args, "mesh-config"))
		check_file(&r, args_get(args, "mesh-config"), check_mesh);
	if (args_has(args, "mesh-networks"))
		check_file(&r, args_get(args, "mesh-networks"), check_networks);
	if (r.json)
		printf("{\"valid\": %s,\n \"errors\": [%s],\n \"warnings\": [%s]}\n", r.nerrors ? "false" : "true",
		       buf_cstr(&r.errors), buf_cstr(&r.warnings));
	buf_fini(&r.errors);
	buf_fini(&r.warnings);
	return r.nerrors ? CMD_FINDINGS : CMD_OK;
}

static const struct args_option options[] = {
    {"filename", 'f', "FILE", "Manifests: a file, a directory, or - for standard input; repeatable."},
    {"mesh-config", 0, "FILE", "A MeshConfig to validate."},
    {"mesh-networks", 0, "FILE", "MeshNetworks to validate."},
    {"output", 'o', "json|table", "Form of the output."},
};

const struct cmd cmd_validate = {
    .args = {.name = "navctl validate",
	     .summary = "Check manifests without a cluster",
	     .operands = "",
	     .text = "Reads YAML and JSON manifests, checks every object against its schema and against Istio's rules, "
		     "and prints each finding with its place. Kinds that a mesh does not read are passed over.",
	     .options = options,
	     .n_options = 4},
    .run = run,
};
