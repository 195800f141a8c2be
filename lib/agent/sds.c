/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sds.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"
#include "net/http_server.h"
#include "xds/session.h"

enum { SEND_AHEAD = 64 * 1024, RESPONSE_MAX = 8 * 1024 * 1024, STREAMS_MAX = 1000 };

struct stream {
	struct sds *sds;
	struct stream *next, **at;
	struct grpc_call *call;
	struct session *session;
	struct loop_task push;
	bool wants_pair;		/* it has asked for what is no file */
};

struct sds {
	struct loop *loop;
	struct secrets *secrets;
	struct http_server *server;
	struct stream *streams;
	size_t n;
	uint64_t next_id;
	struct buf scratch;
};

static void rejected(void *arg, const struct session_reject *r)
{
	(void)arg;
	log_warn("sds", "Envoy refuses %s: %s", r->name ? r->name : "a secret", r->text);
}

/* Sends while there is something to send and the connection takes it. */
static void push(void *arg)
{
	struct stream *st = arg;
	struct sds *s = st->sds;

	while (session_wants_to_send(st->session) && grpc_pending(st->call) < SEND_AHEAD) {
		buf_clear(&s->scratch);
		if (!session_next(st->session, loop_now_ms(s->loop), &s->scratch))
			return;
		if (s->scratch.failed) {
			grpc_finish(st->call, GRPC_RESOURCE_EXHAUSTED, "the response is larger than the limit");
			return;
		}
		grpc_send(st->call, s->scratch.p ? s->scratch.p : "", s->scratch.n);
	}
}

static void update(struct stream *st)
{
	struct secrets *secrets = st->sds->secrets;

	if (st->wants_pair && !secrets_has_pair(secrets))
		return;
	session_set_bundle(st->session, secrets_bundle(secrets));
	loop_task_kick(st->sds->loop, &st->push);
}

static void open_call(struct grpc_call *call)
{
	struct sds *s = call->arg;
	struct stream *st = calloc(1, sizeof(*st));
	struct session_opts opts = {.delta = call->method->info != NULL, .only_type = XDS_SDS, .id = ++s->next_id};
	struct session_events events = {.arg = st, .rejected = rejected};

	must(st && "out of memory");
	st->sds = s;
	st->call = call;
	st->session = session_new(secrets_table(s->secrets), &opts, &events);
	st->push = (struct loop_task){.fn = push, .arg = st, .phase = LOOP_PUSH};
	st->next = s->streams;
	st->at = &s->streams;
	if (st->next)
		st->next->at = &st->next;
	s->streams = st;
	call->state = st;
	if (++s->n > STREAMS_MAX)
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "too many streams");
}

static void note_names(struct stream *st, const struct strs *names)
{
	for (size_t i = 0; i < names->n; i++) {
		if (secrets_is_file(names->v[i]))
			secrets_want(st->sds->secrets, names->v[i]);
		else
			st->wants_pair = true;
	}
}

static void message(struct grpc_call *call, const uint8_t *p, size_t n)
{
	struct stream *st = call->state;
	struct xds_request r;
	struct arena a;
	struct err e;

	arena_init(&a, 0);
	if (xds_request_decode(p, n, call->method->info != NULL, &a, &r, &e)) {
		grpc_finish(call, GRPC_INVALID_ARGUMENT, e.text);
	} else {
		note_names(st, &r.names);
		note_names(st, &r.subscribe);
		if (session_receive(st->session, &r, loop_now_ms(st->sds->loop), &e))
			grpc_finish(call, GRPC_INVALID_ARGUMENT, e.text);
		else
			update(st);
	}
	arena_fini(&a);
}

static void half_close(struct grpc_call *call)
{
	grpc_finish(call, GRPC_OK, NULL);
}

static void writable(struct grpc_call *call)
{
	struct stream *st = call->state;

	if (session_wants_to_send(st->session))
		loop_task_kick(st->sds->loop, &st->push);
}

static void closed(struct grpc_call *call)
{
	struct stream *st = call->state;

	loop_task_stop(&st->push);
	*st->at = st->next;
	if (st->next)
		st->next->at = st->at;
	st->sds->n--;
	session_free(st->session);
	free(st);
}

#define METHOD(name, is_delta)                                                                                                 \
	{.path = "/envoy.service.secret.v3.SecretDiscoveryService/" name, .info = is_delta, .open = open_call,                 \
	 .message = message, .half_close = half_close, .writable = writable, .closed = closed}
static const struct grpc_method methods[] = {METHOD("StreamSecrets", NULL), METHOD("DeltaSecrets", "delta")};
#undef METHOD

struct sds *sds_open(struct loop *l, struct secrets *secrets, const char *path, struct err *e)
{
	struct sds *s = calloc(1, sizeof(*s));
	struct http_server_opts opts = {.methods = methods, .n_methods = ARRAY_LEN(methods), .arg = s};
	char bind[200];

	must(s && "out of memory");
	s->loop = l;
	s->secrets = secrets;
	buf_init(&s->scratch, RESPONSE_MAX);
	snprintf(bind, sizeof(bind), "unix:%s", path);
	opts.bind = bind;
	s->server = http_server_open(l, &opts, e);
	if (s->server)
		return s;
	sds_close(s);
	return NULL;
}

void sds_close(struct sds *s)
{
	if (!s)
		return;
	http_server_free(s->server);
	buf_fini(&s->scratch);
	free(s);
}

void sds_changed(struct sds *s)
{
	for (struct stream *st = s->streams; st; st = st->next)
		update(st);
}

size_t sds_open_streams(const struct sds *s)
{
	return s->n;
}
