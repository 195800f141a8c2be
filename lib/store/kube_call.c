/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kube_call.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/node.h"
#include "store/kube_auth.h"

enum { STATUS_MAX = 64 * 1024 };

struct kube_call {
	struct kube_client *client;
	struct kube_call *next, **at;
	struct http_call *http;		/* or NULL: not begun */
	struct kube_request request;	/* texts of the arena */
	const struct http_call_events *events;
	void *arg;
	struct arena arena;
	/* gathered answers */
	kube_reply_fn *replied;
	void *reply_arg;
	struct http_answer answer;
	struct buf body;
};

struct kube_client {
	struct loop *loop;
	const struct kube_access *access;
	struct http_client *http;
	struct kube_auth *auth;
	struct kube_call *calls;
	struct loop_task begin;		/* never within kube_call_open */
};

static const struct http_call_events gathering;

/* ---- one call ---- */

static void free_call(struct kube_call *call)
{
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	http_call_cancel(call->http);
	buf_fini(&call->body);
	arena_fini(&call->arena);
	free(call);
}

void kube_call_cancel(struct kube_call *call)
{
	if (call)
		free_call(call);
}

/* The call is gone before its owner hears of it, who may begin another one. */
static void end_call(struct kube_call *call, const struct err *why)
{
	const struct http_call_events *events = call->events;
	void *arg = call->arg;

	call->http = NULL;
	if (events == &gathering) {
		events->ended(call, why);
		return;
	}
	free_call(call);
	events->ended(arg, why);
}

static void on_answered(void *arg, const struct http_answer *answer)
{
	struct kube_call *call = arg;

	if (answer->status == 401)
		kube_auth_refused(call->client->auth);
	call->events->answered(call->arg, answer);
}

static void on_received(void *arg, const char *p, size_t n)
{
	struct kube_call *call = arg;

	call->events->received(call->arg, p, n);
}

static void on_ended(void *arg, const struct err *why)
{
	end_call(arg, why);
}

static const struct http_call_events forwarding = {.answered = on_answered, .received = on_received, .ended = on_ended};

static enum kube_auth_state start_http(struct kube_call *call, struct arena *a, struct err *e)
{
	struct kube_client *c = call->client;
	const struct kube_request *r = &call->request;
	struct kube_credentials who;
	enum kube_auth_state state = kube_auth_fill(c->auth, a, &who, e);
	const char *headers[3];
	struct http_call_opts o = {.method = r->method,
				   .headers = headers,
				   .body = r->body,
				   .n_body = r->n_body,
				   .tls = &who.tls,
				   .proxy = c->access->proxy,
				   .idle_ms = r->idle_ms,
				   .total_ms = r->total_ms,
				   .events = &forwarding,
				   .arg = call};

	if (state != KUBE_AUTH_READY)
		return state;
	o.url = arena_printf(a, "%s%s", c->access->server, r->target);
	headers[o.n_headers++] = arena_printf(a, "Accept: %s", r->accept);
	if (r->body)
		headers[o.n_headers++] = arena_printf(a, "Content-Type: %s", r->content_type);
	if (who.header)
		headers[o.n_headers++] = who.header;
	call->http = http_call_start(c->http, &o);
	return state;
}

/* ---- all calls ---- */

static size_t count_waiting(const struct kube_client *c)
{
	size_t n = 0;

	for (const struct kube_call *call = c->calls; call; call = call->next)
		n += !call->http;
	return n;
}

static struct kube_call *find_waiting(const struct kube_client *c)
{
	struct kube_call *last = NULL;

	for (struct kube_call *call = c->calls; call; call = call->next)
		last = call->http ? last : call;
	return last;
}

static enum kube_auth_state begin_one(struct kube_call *call)
{
	enum kube_auth_state state;
	struct arena a;
	struct err e;

	arena_init(&a, 0);
	state = start_http(call, &a, &e);
	arena_fini(&a);
	if (state == KUBE_AUTH_FAILED)
		end_call(call, &e);
	return state;
}

/* Oldest first. An end may open or cancel any other call, so that each is looked for anew, and as many as there
 * were: an owner that opens another at once cannot hold us here. */
static void begin(void *arg)
{
	struct kube_client *c = arg;
	struct kube_call *call;

	for (size_t n = count_waiting(c); n && (call = find_waiting(c)); n--)
		if (begin_one(call) == KUBE_AUTH_WAITING)
			return;
	if (find_waiting(c))
		loop_task_kick(c->loop, &c->begin);
}

static void auth_ready(void *arg)
{
	struct kube_client *c = arg;

	loop_task_kick(c->loop, &c->begin);
}

struct kube_client *kube_client_new(struct loop *l, const struct kube_access *access, const char *user_agent, struct err *e)
{
	struct kube_client *c = calloc(1, sizeof(*c));

	must(c && "out of memory");
	*c = (struct kube_client){
		.loop = l, .access = access, .begin = {.fn = begin, .arg = c, .phase = LOOP_PUSH}};
	c->http = http_client_new(l, user_agent, e);
	if (!c->http) {
		free(c);
		return NULL;
	}
	c->auth = kube_auth_new(l, access, auth_ready, c);
	return c;
}

void kube_client_free(struct kube_client *c)
{
	if (!c)
		return;
	while (c->calls)
		free_call(c->calls);
	loop_task_stop(&c->begin);
	kube_auth_free(c->auth);
	http_client_free(c->http);
	free(c);
}

struct kube_call *kube_call_open(struct kube_client *c, const struct kube_request *r, const struct http_call_events *events,
				 void *arg)
{
	struct kube_call *call = calloc(1, sizeof(*call));
	struct kube_request *own;

	must(call && "out of memory");
	arena_init(&call->arena, 0);
	*call = (struct kube_call){.client = c, .next = c->calls, .at = &c->calls, .request = *r, .events = events, .arg = arg,
				   .arena = call->arena};
	own = &call->request;
	own->method = arena_strdup(&call->arena, r->method);
	own->target = arena_strdup(&call->arena, r->target);
	own->accept = arena_strdup(&call->arena, r->accept ? r->accept : "application/json");
	own->content_type = arena_strdup(&call->arena, r->content_type ? r->content_type : "application/json");
	own->body = r->body ? arena_copy(&call->arena, r->body, r->n_body) : NULL;
	if (c->calls)
		c->calls->at = &call->next;
	c->calls = call;
	loop_task_kick(c->loop, &c->begin);
	return call;
}

/* ---- gathered answers ---- */

static void gather_answered(void *arg, const struct http_answer *answer)
{
	((struct kube_call *)arg)->answer = *answer;
}

static void reply(struct kube_call *call, const struct err *why)
{
	struct kube_reply r = {.why = why, .status = call->answer.status, .retry_after_ms = call->answer.retry_after_ms};
	kube_reply_fn *replied = call->replied;
	void *arg = call->reply_arg;
	struct buf body = call->body;

	call->body = (struct buf){0};
	free_call(call);
	r.n_body = body.n;
	r.body = buf_cstr(&body);
	replied(arg, &r);
	buf_fini(&body);
}

static void gather_received(void *arg, const char *p, size_t n)
{
	struct kube_call *call = arg;
	struct err e;

	buf_append(&call->body, p, n);
	if (!call->body.failed)
		return;
	err_set(&e, ERR_LIMIT, "the answer has more than %zu bytes", call->body.cap);
	reply(call, &e);
}

static void gather_ended(void *arg, const struct err *why)
{
	reply(arg, why);
}

static const struct http_call_events gathering = {.answered = gather_answered, .received = gather_received, .ended = gather_ended};

struct kube_call *kube_call_ask(struct kube_client *c, const struct kube_request *r, size_t max, kube_reply_fn *replied,
				void *arg)
{
	struct kube_request bounded = *r;
	struct kube_call *call;

	if (!bounded.idle_ms && !bounded.total_ms)
		bounded.idle_ms = bounded.total_ms = KUBE_REPLY_MS;
	call = kube_call_open(c, &bounded, &gathering, NULL);
	call->arg = call;
	call->replied = replied;
	call->reply_arg = arg;
	call->answer.retry_after_ms = -1;
	buf_init(&call->body, max ? max : KUBE_REPLY_MAX);
	return call;
}

int kube_reply_check(const struct kube_reply *r, struct err *e)
{
	enum err_code code = r->status == 404			      ? ERR_NOT_FOUND
			     : r->status == 401 || r->status == 403 ? ERR_REFUSED
								      : ERR_IO;
	const char *message = NULL;
	struct arena a;
	struct diags ds;

	if (r->why) {
		*e = *r->why;
		return -1;
	}
	if (r->status >= 200 && r->status < 300)
		return 0;
	arena_init(&a, 0);
	diags_init(&ds, &a);
	if (r->n_body <= STATUS_MAX)
		message = node_text(node_parse_json(r->body, r->n_body, NULL, &a, &ds).root, "message");
	err_set(e, code, "%.200s (HTTP %u)", message && *message ? message : "the server refuses", r->status);
	arena_fini(&a);
	return -1;
}
