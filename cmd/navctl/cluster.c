/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "node/node.h"
#include "store/source_kube.h"

#define USER_AGENT "navctl/1"

enum { PROGRESS_MS = 200 };

/* ---- life ---- */

static int find_access(struct cluster *c, const struct args *args, struct err *e)
{
	const char *given = args_get(args, "kubeconfig"), *context = args_get(args, "context"),
		   *home = getenv("HOME");
	const char *paths = given ? given : getenv("KUBECONFIG");

	if ((!paths || !*paths) && home)
		paths = arena_printf(c->arena, "%s/.kube/config", home);
	if (paths && !kubeconfig_load(paths, context, c->arena, &c->access, e))
		return 0;
	if (paths && (given || e->code != ERR_NOT_FOUND || context))
		return -1;
	if (!kubeconfig_in_cluster(getenv("KUBERNETES_SERVICE_HOST"),
				   getenv("KUBERNETES_SERVICE_PORT"), KUBE_POD_ACCOUNT, c->arena,
				   &c->access, e))
		return 0;
	return err_set(e, ERR_NOT_FOUND,
		       "no cluster: neither --kubeconfig nor KUBECONFIG nor %s, and this is no Pod",
		       paths ? paths : "~/.kube/config");
}

int cluster_open(struct cluster *c, const struct args *args, struct arena *a, struct err *e)
{
	const char *root = args_get(args, "istio-namespace");

	*c = (struct cluster){.arena = a, .root_namespace = root ? root : "istio-system"};
	log_set_level(LOG_LEVEL_NONE); /* what goes wrong is told by whoever asked */
	if (find_access(c, args, e))
		return -1;
	c->loop = loop_new(e);
	if (!c->loop)
		return -1;
	c->client = kube_client_new(c->loop, &c->access, USER_AGENT, e);
	return c->client ? 0 : -1;
}

void cluster_close(struct cluster *c)
{
	kube_client_free(c->client);
	loop_free(c->loop);
}

/* ---- one request ---- */

struct asking {
	struct cluster *cluster;
	struct cluster_answer *answer;
	struct err *err;
	int status;
};

static void replied(void *arg, const struct kube_reply *reply)
{
	struct asking *ask = arg;
	struct arena *a = ask->cluster->arena;
	struct diags ds;

	ask->status = kube_reply_check(reply, ask->err);
	ask->answer->status = reply->status;
	ask->answer->text =
	    arena_strndup(a, reply->body ? reply->body : "", reply->body ? reply->n_body : 0);
	diags_init(&ds, a);
	if (reply->status)
		ask->answer->json =
		    node_parse_json(ask->answer->text, strlen(ask->answer->text), NULL, a, &ds)
			.root;
	loop_stop(ask->cluster->loop);
}

int cluster_send(struct cluster *c, const char *method, const char *target, const char *type,
		 const struct buf *body, struct cluster_answer *out, struct err *e)
{
	/* keys of tokens have a type of their own, which is JSON */
	struct kube_request r = {.method = method,
				 .target = target,
				 .accept = "application/json, */*",
				 .content_type = type};
	struct asking ask = {.cluster = c, .answer = out, .err = e};

	*out = (struct cluster_answer){.text = ""};
	if (body) {
		r.body = body->p;
		r.n_body = body->n;
	}
	kube_call_ask(c->client, &r, 0, replied, &ask);
	loop_run(c->loop);
	return ask.status;
}

int cluster_ask(struct cluster *c, const char *method, const char *target,
		struct cluster_answer *out, struct err *e)
{
	return cluster_send(c, method, target, NULL, NULL, out, e);
}

static void time_over(void *arg)
{
	loop_stop(arg);
}

void cluster_wait(struct cluster *c, int64_t ms)
{
	struct loop_timer timer = {0};

	loop_timer_start(c->loop, &timer, ms, time_over, c->loop);
	loop_run(c->loop);
}

/* ---- everything ---- */

struct reading {
	struct cluster *cluster;
	struct store *store;
	struct source_kube *source;
	struct loop_timer progress, deadline;
	bool on_terminal, late;
};

static void changed(void *arg)
{
	struct reading *r = arg;

	if (store_synced(r->store))
		loop_stop(r->cluster->loop);
}

static void time_is_up(void *arg)
{
	struct reading *r = arg;

	r->late = true;
	loop_stop(r->cluster->loop);
}

struct sum {
	size_t kinds, done, objects;
};

static void add_up(const struct kube_status *row, void *arg)
{
	struct sum *sum = arg;

	sum->kinds++;
	sum->done += row->state != KUBE_UNSYNCED;
	sum->objects += row->objects;
}

static void show_progress(void *arg)
{
	struct reading *r = arg;
	struct sum sum = {0};

	source_kube_each(r->source, add_up, &sum);
	fprintf(stderr, "\r%s: %zu of %zu kinds, %zu objects\033[K", r->cluster->access.server,
		sum.done, sum.kinds, sum.objects);
	fflush(stderr);
	loop_timer_start(r->cluster->loop, &r->progress, PROGRESS_MS, show_progress, r);
}

struct noting {
	struct cluster_watches *out;
	struct arena *arena;
};

static void count_row(const struct kube_status *row, void *arg)
{
	(void)row;
	(*(size_t *)arg)++;
}

static void note_row(const struct kube_status *row, void *arg)
{
	struct noting *n = arg;
	struct arena *a = n->arena;

	n->out->v[n->out->n++] = (struct cluster_watch){
	    .plural = row->plural,
	    .ns = arena_strdup(a, row->ns),
	    .name = arena_strdup(a, row->name),
	    .state = row->state,
	    .trouble = row->trouble ? arena_strdup(a, row->trouble) : NULL,
	    .objects = row->objects,
	};
}

static void note_watches(const struct source_kube *source, struct arena *a,
			 struct cluster_watches *out)
{
	struct noting noting = {out, a};
	size_t n = 0;

	source_kube_each(source, count_row, &n);
	*out = (struct cluster_watches){.v = arena_array(a, struct cluster_watch, n)};
	source_kube_each(source, note_row, &noting);
}

static int say_what_is_missing(const struct cluster_watches *w, int64_t timeout_ms, struct err *e)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].state == KUBE_UNSYNCED)
			return err_set(e, ERR_TIMEOUT, "after %lld s %s cannot be read: %s",
				       (long long)timeout_ms / 1000, w->v[i].plural,
				       w->v[i].trouble ? w->v[i].trouble
						       : "the list is not complete");
	return err_set(e, ERR_TIMEOUT, "after %lld s the cluster has not been read",
		       (long long)timeout_ms / 1000);
}

/* A server that is not there, or does not know us, is told at once; a watch would try on. */
static int knock(struct cluster *c, struct err *e)
{
	struct cluster_answer answer;

	if (!cluster_ask(c, "GET", "/version", &answer, e) ||
	    (answer.status && answer.status != 401))
		return 0;
	return err_wrap(e, "%s", c->access.server);
}

int cluster_read(struct cluster *c, struct store *s, int64_t timeout_ms,
		 struct cluster_watches *out, struct err *e)
{
	struct reading r = {.cluster = c, .store = s, .on_terminal = isatty(STDERR_FILENO)};
	struct source_kube_cfg cfg = {.loop = c->loop,
				      .store = s,
				      .access = &c->access,
				      .root_namespace = c->root_namespace,
				      .user_agent = USER_AGENT,
				      .for_analysis = true,
				      .changed = changed,
				      .arg = &r};

	if (knock(c, e) || source_kube_open(&cfg, &r.source, e))
		return -1;
	loop_timer_start(c->loop, &r.deadline, timeout_ms, time_is_up, &r);
	if (r.on_terminal)
		show_progress(&r);
	loop_run(c->loop);
	loop_timer_stop(c->loop, &r.deadline);
	loop_timer_stop(c->loop, &r.progress);
	if (r.on_terminal)
		fputs("\r\033[K", stderr);
	note_watches(r.source, c->arena, out);
	source_kube_close(r.source);
	return r.late ? say_what_is_missing(out, timeout_ms, e) : 0;
}
