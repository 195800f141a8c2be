/* SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd without thread, listening socket or wait of its own: its epoll descriptor is watched
 * by our loop, then MHD_run. (Its internal epoll mode hangs when one wait returns exactly 128 ready connections.)
 * It is lenient where an edge must not be: ambiguous lengths are refused here, targets decoded here.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/must.h"
#include "base/vec.h"
#include "net/http_int.h"

enum { HEADERS_MAX = 100 };

enum stage {
	NEW,		/* waits for a request's headers */
	BODY,		/* receives its body */
	REFUSED,	/* the answer is an error; the rest of the body is dropped, then refusal is sent */
	HANDLING,	/* in the handler, or replied */
	HELD,		/* suspended */
	RESUMED,	/* reply waits to be queued */
	GONE,		/* the client left while held */
};

struct h1_conn {
	struct http1 *h;
	struct h1_conn *next, **at;
	struct MHD_Connection *mhd;
	int fd;
	enum stage stage;
	struct loop_timer slow;
	struct loop_io hangup;		/* while held */
	char peer[PEER_TEXT];
	struct http_peer from;
	/* the request in hand */
	struct arena arena;
	char *target;
	const char *raw_target;		/* where it stands in MHD's buffer */
	struct http_request req;
	struct buf body;
	size_t held;			/* of http_core.rx_held */
	int64_t began_ms;
	const char *refusal;
	unsigned refusal_status;
	struct MHD_Response *reply;
	unsigned reply_status;
};

struct http1 {
	struct http_core *core;
	struct MHD_Daemon *daemon;
	struct loop_io io;
	struct loop_timer timer;
	struct loop_task run;
	struct h1_conn *conns;
	loop_fn *closed;
	void *closed_arg;
	bool started;			/* http1_add: the connection has come to life */
	const struct http_peer *adding;	/* of the connection that comes to life, but for its address */
};

static void run(void *arg)
{
	struct http1 *h = arg;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &wait_ms) != MHD_YES)
		loop_timer_stop(h->core->loop, &h->timer);
	else if (!wait_ms)
		loop_task_kick(h->core->loop, &h->run);
	else
		loop_timer_start(h->core->loop, &h->timer, (int64_t)wait_ms, run, h);
}

static void on_epoll(void *arg, int ready)
{
	(void)ready;
	run(arg);
}

/* Deadlines */

static void on_slow(void *arg)
{
	struct h1_conn *c = arg;

	c->h->core->stats.cut_slow++;
	shutdown(c->fd, SHUT_RDWR);	/* which MHD takes for the end of the connection */
	loop_task_kick(c->h->core->loop, &c->h->run);
}

static void set_deadline(struct h1_conn *c, int64_t ms)
{
	loop_timer_start(c->h->core->loop, &c->slow, ms > 0 ? ms : 0, on_slow, c);
}

/* Replies */

static struct MHD_Response *make_response(struct h1_conn *c, struct http_response *resp)
{
	struct MHD_Response *r;

	if (resp->body.n) {
		r = MHD_create_response_from_buffer(resp->body.n, resp->body.p, MHD_RESPMEM_MUST_FREE);
		resp->body = (struct buf){0};
	} else {
		buf_fini(&resp->body);
		r = MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
	}
	must(r && "out of memory");
	if (resp->content_type)
		MHD_add_response_header(r, "Content-Type", resp->content_type);
	for (size_t i = 0; i < resp->n_headers; i++)
		MHD_add_response_header(r, resp->headers[i].name, resp->headers[i].value);
	if (c->h->core->draining)
		MHD_add_response_header(r, "Connection", "close");
	return r;
}

static enum MHD_Result queue_reply(struct h1_conn *c)
{
	enum MHD_Result rc = MHD_queue_response(c->mhd, c->reply_status, c->reply);

	MHD_destroy_response(c->reply);
	c->reply = NULL;
	c->stage = HANDLING;
	return rc;
}

static void resume(struct h1_conn *c, enum stage stage)
{
	must(c->stage == HELD);
	loop_io_stop(&c->hangup);
	c->stage = stage;
	MHD_resume_connection(c->mhd);
	loop_task_kick(c->h->core->loop, &c->h->run);
}

static void h1_reply(struct http_request *req, struct http_response *resp)
{
	struct h1_conn *c = (struct h1_conn *)((char *)req - offsetof(struct h1_conn, req));

	c->reply = make_response(c, resp);
	c->reply_status = resp->status;
	if (c->stage == HELD)
		resume(c, RESUMED);
}

/* A suspended connection does not notice that its client leaves: we watch for it. */
static void on_hangup(void *arg, int ready)
{
	struct h1_conn *c = arg;

	(void)ready;
	resume(c, GONE);
	c->req.gone(&c->req, c->req.gone_arg);
}

static const struct http_transport transport = {.reply = h1_reply};

/* Requests */

struct header_list {
	struct h1_conn *c;
	VEC(struct http_header) v;
	unsigned lengths, encodings, hosts;
	bool bad;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t n_name,
				 const char *value, size_t n_value)
{
	struct header_list *l = arg;
	struct arena *a = &l->c->arena;

	(void)kind;
	if (l->v.n >= HEADERS_MAX || strlen(name) != n_name || (value && strlen(value) != n_value)) {
		l->bad = true;
		return MHD_NO;
	}
	l->lengths += !strcasecmp(name, "Content-Length");
	l->encodings += !strcasecmp(name, "Transfer-Encoding");
	l->hosts += !strcasecmp(name, "Host");
	*vec_push(&l->v, a) = (struct http_header){arena_strdup(a, name), arena_strdup(a, value ? value : "")};
	return MHD_YES;
}

static void refuse(struct h1_conn *c, unsigned status, const char *text)
{
	c->stage = REFUSED;
	c->refusal = text;
	c->refusal_status = status;
	c->h->core->stats.refused_requests++;
}

static enum MHD_Result send_refusal(struct h1_conn *c)
{
	http_reply_text(&c->req, c->refusal_status, c->refusal);
	return queue_reply(c);
}

/* The headers are here: a request of which it is not certain where it ends, or what it asks for, ends here. */
static void open_request(struct h1_conn *c, const char *method, const char *version)
{
	struct http_core *core = c->h->core;
	struct header_list l = {.c = c};
	const char *length, *encoding;

	core->stats.requests_h1++;
	c->began_ms = loop_now_ms(core->loop);
	buf_init(&c->body, core->opts.max_body);
	c->req = (struct http_request){.method = arena_strdup(&c->arena, method), .path = "/", .from = &c->from, .peer = c->peer,
				       .arg = core->opts.arg, .arena = &c->arena, .transport = &transport};
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, on_header, &l);
	c->req.headers = l.v.v;
	c->req.n_headers = l.v.n;
	length = http_header(&c->req, "Content-Length");
	encoding = http_header(&c->req, "Transfer-Encoding");
	c->stage = BODY;
	if (l.bad)
		refuse(c, 431, "too many or malformed header fields");
	else if (l.lengths + l.encodings > 1 || l.hosts > 1 || (encoding && strcasecmp(encoding, "chunked")))
		refuse(c, 400, "ambiguous request");
	else if (!c->target || version != c->raw_target + strlen(c->target) + 1)
		refuse(c, 400, "malformed request line");	/* a NUL in the target, or more than one space */
	else if (http_target_parse(c->target, strlen(c->target), &c->arena, &c->req))
		refuse(c, 400, "malformed request target");
	else if (length && strtoull(length, NULL, 10) > core->opts.max_body)
		refuse(c, 413, "request body too large");
	set_deadline(c, core->opts.request_ms);
}

static void drop_body(struct h1_conn *c)
{
	buf_fini(&c->body);
	c->h->core->rx_held -= c->held;
	c->held = 0;
}

static void take_body(struct h1_conn *c, const char *p, size_t n)
{
	const struct http_server_opts *o = &c->h->core->opts;

	if (c->stage != BODY)
		return;
	buf_append(&c->body, p, n);
	c->h->core->rx_held += c->body.size - c->held;
	c->held = c->body.size;
	if (c->body.failed) {
		refuse(c, 413, "request body too large");
	} else if (c->h->core->rx_held > HTTP_RX_HELD_MAX) {
		c->h->core->stats.refused_memory++;
		refuse(c, 503, "too many unfinished requests");
	} else {
		set_deadline(c, c->began_ms + o->request_ms + (int64_t)(c->body.n * 1000 / HTTP_BYTES_PER_S) -
				    loop_now_ms(c->h->core->loop));
	}
	if (c->stage == REFUSED)
		drop_body(c);
}

static enum MHD_Result handle(struct h1_conn *c)
{
	struct http_core *core = c->h->core;

	loop_timer_stop(core->loop, &c->slow);
	c->stage = HANDLING;
	c->req.body = (const uint8_t *)c->body.p;
	c->req.n_body = c->body.n;
	http_route(&c->req, core->opts.routes, core->opts.n_routes, core->opts.admit_request);
	c->req.body = NULL;
	c->req.n_body = 0;
	drop_body(c);
	if (c->reply)
		return queue_reply(c);
	must(c->req.held);
	c->stage = HELD;
	MHD_suspend_connection(c->mhd);
	if (loop_io_start(core->loop, &c->hangup, c->fd, LOOP_HANGUP, on_hangup, c))
		on_hangup(c, LOOP_HANGUP);
	return MHD_YES;
}

static struct h1_conn *conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
				 const char *version, const char *data, size_t *n, void **con_cls)
{
	struct h1_conn *c = conn_of(mhd);

	(void)arg;
	(void)url;
	*con_cls = c;
	switch (c->stage) {
	case NEW:
		open_request(c, method, version);
		return c->stage == REFUSED ? send_refusal(c) : MHD_YES;
	case BODY:
	case REFUSED:
		if (*n) {
			take_body(c, data, *n);
			*n = 0;
			return MHD_YES;
		}
		return c->stage == REFUSED ? send_refusal(c) : handle(c);
	case RESUMED:
		return queue_reply(c);
	case HANDLING:		/* more of a body whose request is answered already */
		*n = 0;
		return MHD_YES;
	case HELD:
	case GONE:
		break;
	}
	return MHD_NO;
}

static void request_fini(struct h1_conn *c)
{
	if (c->stage == HELD) {
		loop_io_stop(&c->hangup);
		c->stage = GONE;
		c->req.gone(&c->req, c->req.gone_arg);
	}
	if (c->reply)
		MHD_destroy_response(c->reply);
	c->reply = NULL;
	drop_body(c);
	arena_fini(&c->arena);
	c->target = NULL;
	c->stage = NEW;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct h1_conn *c = conn_of(mhd);

	(void)arg;
	(void)code;
	(void)con_cls;
	if (!c)
		return;
	request_fini(c);
	set_deadline(c, c->h->core->opts.idle_ms);
}

/* The raw target; what MHD makes of it is not used. */
static void *on_target(void *arg, const char *uri, struct MHD_Connection *mhd)
{
	struct h1_conn *c = conn_of(mhd);

	(void)arg;
	request_fini(c);	/* one that was cut short before it was complete */
	c->target = arena_strdup(&c->arena, uri);
	c->raw_target = uri;
	set_deadline(c, c->h->core->opts.request_ms);
	return NULL;
}

static size_t unescape_nothing(void *arg, struct MHD_Connection *mhd, char *s)
{
	(void)arg;
	(void)mhd;
	return strlen(s);
}

/* Connections */

static void conn_started(struct http1 *h, struct MHD_Connection *mhd, void **context)
{
	struct h1_conn *c = calloc(1, sizeof(*c));
	const union MHD_ConnectionInfo *info;

	must(c && "out of memory");
	c->h = h;
	c->mhd = mhd;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	c->fd = info->connect_fd;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	conn_addr_text(info->client_addr, c->peer);
	c->from = *h->adding;
	c->from.address = c->peer;
	if (c->from.cert) {
		uint8_t *cert = malloc(c->from.n_cert);

		must(cert && "out of memory");
		c->from.cert = memcpy(cert, c->from.cert, c->from.n_cert);
	}
	c->next = h->conns;
	c->at = &h->conns;
	if (c->next)
		c->next->at = &c->next;
	h->conns = c;
	h->started = true;
	*context = c;
	set_deadline(c, h->core->opts.request_ms);
}

static void conn_ended(struct h1_conn *c)
{
	struct http1 *h = c->h;

	request_fini(c);
	loop_timer_stop(h->core->loop, &c->slow);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	free((void *)(uintptr_t)c->from.cert);
	free(c);
	h->closed(h->closed_arg);
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		conn_started(arg, mhd, context);
	else if (*context)
		conn_ended(*context);
}

static void add(struct http1 *h, int fd, const struct sockaddr *addr, socklen_t len, const struct http_peer *from)
{
	h->started = false;
	h->adding = from;
	if (MHD_add_connection(h->daemon, fd, addr, len) != MHD_YES && !h->started)
		h->closed(h->closed_arg);
	loop_task_kick(h->core->loop, &h->run);
}

void http1_add(struct http1 *h, int fd, const struct sockaddr *addr, socklen_t len)
{
	const struct http_peer from = {.port = h->core->opts.port};

	add(h, fd, addr, len, &from);
}

void http1_add_tls(struct http1 *h, int fd, const struct sockaddr *addr, socklen_t len, const uint8_t *cert, size_t n)
{
	const struct http_peer from = {.port = h->core->opts.port, .is_tls = true, .cert = n ? cert : NULL, .n_cert = n};

	add(h, fd, addr, len, &from);
}

void http1_on_closed(struct http1 *h, loop_fn *closed, void *arg)
{
	h->closed = closed;
	h->closed_arg = arg;
}

struct http1 *http1_open(struct http_core *core, struct err *e)
{
	struct http1 *h = calloc(1, sizeof(*h));
	const union MHD_DaemonInfo *info;

	must(h && "out of memory");
	h->core = core;
	h->run = (struct loop_task){.fn = run, .arg = h, .phase = LOOP_FLUSH};
	h->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, h,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)core->opts.max_open + 1,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((core->opts.idle_ms + 999) / 1000),
	    MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
	    MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, h, MHD_OPTION_END);
	if (!h->daemon) {
		err_set(e, ERR_IO, "cannot start libmicrohttpd");
		free(h);
		return NULL;
	}
	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || loop_io_start(core->loop, &h->io, info->epoll_fd, LOOP_READ, on_epoll, h)) {
		err_set(e, ERR_IO, "cannot watch libmicrohttpd");
		http1_close(h);
		return NULL;
	}
	return h;
}

void http1_close(struct http1 *h)
{
	if (!h)
		return;
	for (struct h1_conn *c = h->conns; c; c = c->next)
		if (c->stage == HELD)	/* MHD must not be stopped with one suspended */
			on_hangup(c, LOOP_HANGUP);
	MHD_run(h->daemon);
	loop_io_stop(&h->io);
	MHD_stop_daemon(h->daemon);
	loop_timer_stop(h->core->loop, &h->timer);
	loop_task_stop(&h->run);
	free(h);
}
