/* SPDX-License-Identifier: Apache-2.0
 *
 * All that can be said about a set of files, a cluster, or files laid over a cluster: findings of each object, verdicts
 * of the objects together, and what is likely a mistake (analyze/analyze.h). All is read as the daemon reads it.
 */
#include "cmd.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze_print.h"
#include "base/must.h"
#include "analyze/analyze.h"
#include "cluster.h"
#include "base/scalar.h"
#include "server/offline.h"
#include "store/source_kube.h"

enum { OUTPUT_MAX = 1 << 30, READ_MS = 60000 };

/* By file, then object, then place: findings of one object stand together. */
static int compare_place(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	const char *const p[] = {x->object.file, x->object.kind, x->object.ns, x->object.name};
	const char *const q[] = {y->object.file, y->object.kind, y->object.ns, y->object.name};

	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		int c = strcmp(p[i] ? p[i] : "", q[i] ? q[i] : "");

		if (c)
			return c;
	}
	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	return x->code != y->code ? (x->code < y->code ? -1 : 1) : strcmp(x->path, y->path);
}

/* What is left out: by --suppress "CODE", or "CODE=Kind ns/name" with * for any text; by --namespace. */
struct suppressions {
	const char **v;
	size_t n;
	const char *ns;			/* objects of other namespaces are not told of; NULL: all are */
};

static bool is_suppressed(const struct suppressions *s, const struct diag *d, struct arena *a)
{
	const char *id = diag_info(d->code)->id, *origin = finding_origin(d, a), *ns = d->object.ns;

	if (s->ns && d->object.kind && ns && *ns && strcmp(ns, s->ns) != 0)
		return true;
	for (size_t i = 0; i < s->n; i++) {
		const char *equals = strchr(s->v[i], '=');
		size_t len = equals ? (size_t)(equals - s->v[i]) : strlen(s->v[i]);

		if (len == strlen(id) && !strncasecmp(s->v[i], id, len) &&
		    (!equals || !fnmatch(equals + 1, origin, 0)))
			return true;
	}
	return false;
}

static bool are_codes(const struct suppressions *s, struct arena *a)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *code = arena_strndup(a, s->v[i], strcspn(s->v[i], "="));

		if (diag_info_find(code))
			continue;
		fprintf(stderr, "navctl analyze: there is no code %s\n", code);
		return false;
	}
	return true;
}

static void keep(struct diags *all, const struct diag *d, const struct suppressions *s)
{
	struct diag shown = *d;

	if (is_suppressed(s, d, all->arena))
		return;
	if (source_kube_is_place(d->object.file))
		shown.object.file = NULL;	/* the object says as much */
	diags_copy(all, &shown);
}

/* Findings of files and objects, reasons of verdicts, analysis; what is said twice stands once. */
static void gather(const struct offline *o, struct diags *all, const struct suppressions *s)
{
	struct diags found;

	diags_init(&found, all->arena);
	all->limit = found.limit = (size_t)-1;
	analyze(o->snap, o->refused.v, o->refused.n, &found);
	for (size_t i = 0; i < found.n; i++)
		keep(all, &found.v[i], s);
	for (size_t i = 0; i < o->findings.n; i++)
		if (!analyze_same(&found, &o->findings.v[i]))
			keep(all, &o->findings.v[i], s);
	for (size_t i = 0; i < o->snap->n_verdicts; i++) {
		const struct verdict *v = &o->snap->verdicts[i];

		for (size_t k = 0; k < v->n_why; k++)	/* fields not in effect are findings of the object, too */
			if (v->why[k].code != D_FIELD_NOT_IN_EFFECT && !analyze_same(&found, &v->why[k]))
				keep(all, &v->why[k], s);
	}
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), compare_place);
}

static size_t count_objects(const struct offline *o)
{
	const struct object_set *set = store_objects(o->store);
	size_t n = 0;

	for (int k = 0; k < KIND_COUNT; k++)
		n += set->kind[k]->n;
	return n;
}

static void print(const struct offline *o, bool live, const struct diags *all, const char *form, struct arena *a)
{
	struct buf out;

	buf_init(&out, OUTPUT_MAX);
	if (!strcmp(form, "json")) {
		findings_to_json(all, &out, a);
	} else if (!strcmp(form, "sarif")) {
		findings_to_sarif(all, &out, a);
	} else {
		findings_to_text(all, &out, a);
		buf_printf(&out, "%s%zu objects, %zu of kinds that are not read; %zu errors, %zu warnings\n", all->n ? "\n" : "",
			   live ? count_objects(o) : o->n_objects, o->n_skipped, all->nerrors, all->nwarnings);
	}
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}

static bool fails(const struct diags *all, const char *level)
{
	if (!strcmp(level, "info"))
		return all->n > 0;
	return all->nerrors > 0 || (!strcmp(level, "warning") && all->nwarnings > 0);
}

/* ---- where from ---- */

struct live {
	const struct args *args;
	struct arena *arena;
	struct cluster cluster;
	int64_t timeout_ms;
	bool asked, failed;
};

static int read_live(void *arg, struct store *s, struct err *e)
{
	struct live *l = arg;
	struct cluster_watches watches;

	l->failed = cluster_read(&l->cluster, s, l->timeout_ms, &watches, e) != 0;
	if (l->failed)
		return -1;
	for (size_t i = 0; i < watches.n; i++)
		if (watches.v[i].state == KUBE_FORBIDDEN)
			fprintf(stderr, "navctl analyze: not read: %s: %s\n", watches.v[i].plural, watches.v[i].trouble);
	return 0;
}

/* As asked for; else the cluster is read when it is named, or nothing else is. */
static bool is_live(const struct args *args, size_t n_paths)
{
	const char *use = args_get(args, "use-kube");

	if (use)
		return !strcmp(use, "true");
	return !n_paths || args_has(args, "kubeconfig") || args_has(args, "context");
}

static int open_live(struct live *l, const struct args *args, struct offline_opts *opts, struct err *e)
{
	const char *timeout = args_get(args, "timeout");
	int64_t ns;

	if (timeout && scalar_duration_ns(timeout, &ns))
		return err_set(e, ERR_SYNTAX, "--timeout: '%s' is no duration", timeout);
	l->timeout_ms = timeout ? ns / 1000000 : READ_MS;
	l->asked = true;
	opts->read_live = read_live;
	opts->arg = l;
	return cluster_open(&l->cluster, args, l->arena, e);
}

static const char *wanted_namespace(const struct args *args, const struct live *l)
{
	const char *ns = args_get(args, "namespace");

	if (args_has(args, "all-namespaces"))
		return NULL;
	return ns || !l->asked ? ns : l->cluster.access.ns;
}

static int run(const struct args *args, struct arena *a)
{
	const char *form = args_get(args, "output"), *level = args_get(args, "fail-level"), **files;
	struct offline_opts opts = {.mesh_config = args_get(args, "mesh-config"),
				    .domain = args_get(args, "cluster-domain"),
				    .revision = args_get(args, "revision"),
				    .mode = SCHEMA_LENIENT};
	struct live live = {.args = args, .arena = a};
	struct suppressions suppressions;
	struct offline o = {0};
	struct diags all;
	struct err e;
	int status = CMD_USAGE, rc;

	suppressions.n = args_all(args, "suppress", &suppressions.v, a);
	opts.n_paths = args_all(args, "filename", &files, a);
	opts.paths = files;
	if (args->n_operands) {
		opts.paths = args->operands;
		opts.n_paths = args->n_operands;
	}
	if (!are_codes(&suppressions, a))
		return CMD_USAGE;
	diags_init(&all, a);
	rc = is_live(args, opts.n_paths) ? open_live(&live, args, &opts, &e) : 0;
	suppressions.ns = wanted_namespace(args, &live);
	if (rc || offline_init(&o, &opts, &e)) {
		fprintf(stderr, "navctl analyze: %s\n", e.text);
		status = live.failed ? CMD_UNREACHABLE : CMD_USAGE;
	} else {
		gather(&o, &all, &suppressions);
		print(&o, live.asked, &all, form ? form : "text", a);
		status = fails(&all, level ? level : "error") ? CMD_FINDINGS : CMD_OK;
	}
	offline_fini(&o);
	if (live.asked)
		cluster_close(&live.cluster);
	return status;
}

static const struct args_option options[] = {
    {"filename", 'f', "FILE", "A file, a directory, or - for standard input; repeatable."},
    {"use-kube", 0, "true|false",
     "Read the cluster, and lay the files over it: an object of a file stands for that of the cluster. False if there are files "
     "and no cluster is named."},
    CLUSTER_OPTIONS,
    CLUSTER_ROOT_OPTION,
    {"namespace", 'n', "NS", "Tell of objects of this namespace, and of none; of a cluster: the context's."},
    {"all-namespaces", 'A', NULL, "Tell of all namespaces."},
    {"timeout", 0, "DURATION", "How long the cluster may take to be read; 60s."},
    {"mesh-config", 'm', "FILE", "MeshConfig, laid over the defaults."},
    {"cluster-domain", 0, "DOMAIN",
     "DNS domain of the cluster; cluster.local, or none without Kubernetes Services."},
    {"revision", 0, "NAME", "Only objects of this revision (label istio.io/rev), and those of none."},
    {"output", 'o', "text|json|sarif", "Form of the output."},
    {"suppress", 'S', "CODE[=ORIGIN]",
     "Leave out a code, or a code of one object: 'IST0102=Namespace default'; * stands for any text; repeatable."},
    {"fail-level", 0, "info|warning|error",
     "Exit with 1 if there is a finding of this level or worse; error if not given."},
};

const struct cmd cmd_analyze = {
    .args = {.name = "navctl analyze",
	     .summary = "Find what is wrong in files, in a cluster, or in files laid over a cluster",
	     .operands = "[FILE...]",
	     .text = "Without files the cluster of the kubeconfig is read; with files alone nothing is asked. The whole cluster is read "
		     "whatever is told of it, for its namespaces depend on each other. Codes IST... are those of Istio's analyzers; 'navctl explain CODE' tells more of each. The annotation "
		     "galley.istio.io/analyze-suppress of an object, a list of codes or '*', silences them for it.",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 10000},
    .run = run,
};
