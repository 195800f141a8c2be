/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of each object, and whether the daemons that serve it are well: of files, of one
 * daemon, of a cluster's.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "remote.h"
#include "server/offline.h"
#include "status.h"

/* Which objects are shown. */
struct filter {
	const char *kind, *name, *ns; /* or NULL */
	bool all;		      /* also those that are in effect */
};

static bool is_wanted(const struct filter *f, const struct status_object *o)
{
	if ((f->kind && strcasecmp(f->kind, o->kind) != 0) ||
	    (f->name && strcmp(f->name, o->name) != 0) || (f->ns && strcmp(f->ns, o->ns) != 0))
		return false;
	return f->all || strcmp(o->verdict, verdict_state_name(VERDICT_EFFECTIVE)) != 0;
}

static void count(struct status *st, const char *verdict)
{
	for (int i = 0; i < VERDICT_STATES; i++)
		st->counts[i] += !strcmp(verdict, verdict_state_name((enum verdict_state)i));
}

/* ---- of files ---- */

static struct status_reason *reasons(const struct diag *v, size_t n, struct arena *a)
{
	struct status_reason *out = arena_array(a, struct status_reason, n);

	for (size_t i = 0; i < n; i++)
		out[i] =
		    (struct status_reason){diag_info(v[i].code)->id,
					   diag_severity_name(v[i].severity), v[i].path, v[i].text};
	return out;
}

static void take_offline(const struct offline *o, const struct filter *f, struct status *st,
			 struct arena *a)
{
	for (size_t i = 0; i < o->snap->n_verdicts; i++) {
		const struct verdict *v = &o->snap->verdicts[i];
		struct status_object row = {.kind = kind_info(v->obj->kind)->name,
					    .ns = v->obj->ns,
					    .name = v->obj->name,
					    .place = v->obj->file,
					    .verdict = verdict_state_name(v->state)};

		count(st, row.verdict);
		if (!is_wanted(f, &row))
			continue;
		row.why = reasons(v->why, v->n_why, a);
		row.n_why = v->n_why;
		*vec_push(&st->objects, a) = row;
	}
	for (size_t i = 0; i < o->findings.n; i++) {
		const struct diag *d = &o->findings.v[i];

		if (d->severity == DIAG_ERROR)
			*vec_push(&st->findings, a) =
			    (struct status_object){.kind = d->object.kind ? d->object.kind : "file",
						   .ns = d->object.ns ? d->object.ns : "",
						   .name = d->object.name   ? d->object.name
							   : d->object.file ? d->object.file
									    : "",
						   .place = d->object.file,
						   .verdict = "Refused",
						   .why = reasons(d, 1, a),
						   .n_why = 1};
	}
}

/* ---- of daemons ---- */

static const char *text_or(const struct node *n, const char *key, const char *otherwise)
{
	const char *text = node_text(n, key);

	return text ? text : otherwise;
}

static int64_t number(const struct node *n, const char *key)
{
	const struct node *v = node_get(n, key);

	return v && v->kind == NODE_NUMBER ? strtoll(v->text, NULL, 10) : 0;
}

static size_t list_length(const struct node *list)
{
	return list && list->kind == NODE_LIST ? list->n : 0;
}

static void take_watches(const struct node *list, struct status *st, struct arena *a)
{
	for (size_t i = 0; i < list_length(list); i++) {
		const struct node *w = &list->list[i];

		*vec_push(&st->watches, a) =
		    (struct status_watch){.kind = text_or(w, "kind", ""),
					  .ns = node_text(w, "namespace"),
					  .name = node_text(w, "name"),
					  .state = text_or(w, "state", ""),
					  .trouble = node_text(w, "trouble"),
					  .objects = number(w, "objects"),
					  .held = number(w, "held")};
	}
}

/* "cluster STALE, route REJECTED: text"; "" when it is in sync. */
static const char *lateness(const struct node *row, bool *rejects, struct arena *a)
{
	static const char *const types[] = {"cluster", "listener", "endpoint", "route", "secret"};
	const char *out = "";

	*rejects = false;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const char *state = text_or(row, arena_printf(a, "%s_state", types[i]), "");
		const char *why = text_or(row, arena_printf(a, "%s_rejected", types[i]), "");
		bool rejected = !strcmp(state, "REJECTED");

		if (strcmp(state, "STALE") != 0 && !rejected)
			continue;
		*rejects = *rejects || rejected;
		out = arena_printf(a, "%s%s%s %s%s%s", out, *out ? ", " : "", types[i], state,
				   rejected ? ": " : "", rejected ? why : "");
	}
	return out;
}

static void take_proxies(const struct node *list, struct status_replica *r, struct status *st,
			 struct arena *a)
{
	for (size_t i = 0; i < list_length(list); i++) {
		bool rejects;
		const char *what = lateness(&list->list[i], &rejects, a);

		r->proxies++;
		r->in_sync += !*what;
		if (*what)
			*vec_push(&st->late, a) = (struct status_proxy){
			    text_or(&list->list[i], "proxy", ""), r->name, what, rejects};
	}
}

static struct status_reason *read_reasons(const struct node *list, size_t *n, struct arena *a)
{
	struct status_reason *out = arena_array(a, struct status_reason, list_length(list));

	*n = list_length(list);
	for (size_t i = 0; i < *n; i++) {
		const struct node *d = &list->list[i];

		out[i] = (struct status_reason){text_or(d, "code", ""), text_or(d, "severity", ""),
						text_or(d, "path", ""), text_or(d, "message", "")};
	}
	return out;
}

static void take_objects(const struct node *list, const struct filter *f, struct status *st,
			 struct arena *a)
{
	for (size_t i = 0; i < list_length(list); i++) {
		const struct node *o = &list->list[i];
		struct status_object row = {.kind = text_or(o, "kind", ""),
					    .ns = text_or(o, "namespace", ""),
					    .name = text_or(o, "name", ""),
					    .place = node_text(o, "place"),
					    .verdict = text_or(o, "verdict", "")};

		count(st, row.verdict);
		if (!is_wanted(f, &row))
			continue;
		row.why = read_reasons(node_get(o, "reasons"), &row.n_why, a);
		*vec_push(&st->objects, a) = row;
	}
}

/* origin: "Kind ns/name", or absent: of a file. */
static void take_findings(const struct node *list, struct status *st, struct arena *a)
{
	for (size_t i = 0; i < list_length(list); i++) {
		struct node one = {.kind = NODE_LIST, .n = 1, .list = &list->list[i]};
		const char *origin = node_text(&list->list[i], "origin"),
			   *place = node_text(&list->list[i], "place");
		size_t n = origin ? strcspn(origin, " ") : 0;
		struct status_object row = {.kind = origin ? arena_strndup(a, origin, n) : "file",
					    .ns = "",
					    .name = origin  ? origin + n + (origin[n] != '\0')
						    : place ? place
							    : "",
					    .place = place,
					    .verdict = "Refused"};

		if (strcmp(text_or(&list->list[i], "severity", ""), "error") != 0)
			continue;
		row.why = read_reasons(&one, &row.n_why, a);
		*vec_push(&st->findings, a) = row;
	}
}

/* What all replicas say alike is asked of the first that answers. */
static int take_replica(struct remote *r, const struct replica *at, const struct filter *f,
			bool first, struct status *st, struct err *e)
{
	struct status_replica row = {.name = at->name, .version = ""};
	const struct node *page = remote_json(r, at, "/debug/statusz", e), *syncz, *objects,
			  *pushes;

	syncz = page ? remote_json(r, at, "/debug/syncz", e) : NULL;
	if (!syncz)
		return -1;
	row.version = text_or(page, "version", "");
	row.ready = node_get(page, "ready") && node_get(page, "ready")->boolean;
	row.uptime_s = number(page, "uptimeSeconds");
	row.restored_s = number(page, "servesGenerationOf");
	take_proxies(syncz, &row, st, r->arena);
	if (first) {
		objects = remote_json(r, at, "/debug/configz?body=no", e);
		pushes = objects ? remote_json(r, at, "/debug/push_status", e) : NULL;
		take_watches(node_get(page, "watches"), st, r->arena);
		take_objects(objects, f, st, r->arena);
		take_findings(node_get(pushes, "findings"), st, r->arena);
	}
	*vec_push(&st->replicas, r->arena) = row;
	return 0;
}

static int take_remote(struct remote *r, const struct filter *f, struct status *st)
{
	bool first = true;
	struct err e;

	for (size_t i = 0; i < r->n; i++) {
		const char *trouble = r->v[i].trouble;

		if (!trouble && !take_replica(r, &r->v[i], f, first, st, &e)) {
			first = false;
			continue;
		}
		*vec_push(&st->replicas, r->arena) = (struct status_replica){
		    .name = r->v[i].name,
		    .trouble = trouble ? trouble : arena_strdup(r->arena, e.text)};
	}
	return first ? -1 : 0;
}

/* ---- the command ---- */

static bool is_well(const struct status *st)
{
	for (size_t i = 0; i < st->late.n; i++)
		if (st->late.v[i].rejects)
			return false;
	for (size_t i = 0; i < st->replicas.n; i++)
		if (st->replicas.v[i].trouble || !st->replicas.v[i].ready)
			return false;
	for (size_t i = 0; i < st->watches.n; i++)
		if (!strcmp(st->watches.v[i].state, kube_watch_state_name(KUBE_FORBIDDEN)))
			return false;
	return !st->findings.n && !st->counts[VERDICT_QUARANTINED];
}

static int show(const struct args *args, const struct status *st, struct arena *a)
{
	const char *form = args_get(args, "output");

	if (form && strcmp(form, "text") != 0)
		status_print_json(st, form, a);
	else
		status_print_text(st);
	return is_well(st) ? CMD_OK : CMD_FINDINGS;
}

static int of_files(const struct args *args, const struct filter *f, struct arena *a)
{
	const char *dir = args_get(args, "config-dir");
	struct offline_opts opts = {.paths = &dir, .n_paths = 1, .mode = SCHEMA_LENIENT};
	struct status st = {0};
	struct offline o;
	struct err e;
	int status = CMD_USAGE;

	if (offline_init(&o, &opts, &e)) {
		fprintf(stderr, "navctl status: %s\n", e.text);
	} else {
		take_offline(&o, f, &st, a);
		status = show(args, &st, a);
	}
	offline_fini(&o);
	return status;
}

static int of_daemons(const struct args *args, const struct filter *f, struct arena *a)
{
	struct status st = {0};
	struct remote r;
	struct err e;
	int status = CMD_UNREACHABLE;

	if (remote_open(&r, args, a, &e)) {
		fprintf(stderr, "navctl status: %s\n", e.text);
	} else {
		status = take_remote(&r, f, &st) ? CMD_UNREACHABLE : CMD_OK;
		if (status == CMD_OK)
			status = show(args, &st, a);
		else
			for (size_t i = 0; i < st.replicas.n; i++)
				fprintf(stderr, "navctl status: %s: %s\n", st.replicas.v[i].name,
					st.replicas.v[i].trouble);
	}
	remote_close(&r);
	return status;
}

static int run(const struct args *args, struct arena *a)
{
	struct filter f = {.kind = args->n_operands ? args->operands[0] : NULL,
			   .name = args->n_operands > 1 ? args->operands[1] : NULL,
			   .ns = args_get(args, "namespace"),
			   .all = args_has(args, "all") || args->n_operands};

	return args_has(args, "config-dir") ? of_files(args, &f, a) : of_daemons(args, &f, a);
}

static const struct args_option options[] = {
    {"config-dir", 'c', "DIR", "Of these manifests, without a daemon."},
    REMOTE_OPTIONS,
    {"namespace", 'n', "NS", "Objects of this namespace; all if not given."},
    {"all", 'a', NULL, "Objects that are in effect, too."},
    {"output", 'o', "text|json|yaml", "Form of the output."},
};

const struct cmd cmd_status = {
    .args = {.name = "navctl status",
	     .summary = "Show what became of each object, and whether the control plane is well",
	     .operands = "[KIND [NAME]]",
	     .text = "Objects that are in effect are counted; those of a KIND, or with --all, are "
		     "listed too. Exit code 1: an object is "
		     "refused, a proxy refuses what it was sent, a kind may not be read, or a "
		     "daemon is not ready.",
	     .options = options,
	     .n_options = ARRAY_LEN(options),
	     .max_operands = 2},
    .run = run,
};
