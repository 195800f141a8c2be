/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "net/http_curl_int.h"

enum {
	CONNECT_MS = 10000,
	TCP_GONE_MS = 20000,		/* a peer that acknowledges nothing for so long is gone */
	KEEPALIVE_IDLE_S = 15, KEEPALIVE_EVERY_S = 5,
	RETRY_AFTER_MAX_S = 3600,
	TURN_BYTES = 512 * 1024,	/* of bodies a turn of the loop: some milliseconds of whoever reads them */
};

enum call_state { CALL_NEW, CALL_RUNNING, CALL_OVER /* cancelled, or has ended: to be freed */ };

struct http_call {
	struct http_client *client;
	struct http_call *next;
	enum call_state state;
	CURL *curl;
	struct curl_slist *headers, *connect_to;
	const struct http_call_events *events;
	struct http_whole *whole; /* or NULL */
	void *arg;
	int64_t idle_ms;
	struct loop_timer idle, total;
	struct http_answer answer;
	bool answered, paused;
	char why[CURL_ERROR_SIZE];
};

/* A descriptor of libcurl's. */
struct sock {
	struct http_client *client;
	struct loop_io io;
	curl_socket_t fd;
};

struct http_client {
	struct loop *loop;
	char *user_agent;
	CURLM *multi;
	struct loop_timer timer;
	/* libcurl may not be called from its own callbacks: calls are added and removed here */
	struct loop_task work;
	struct http_call *calls;
	int mark;
	/* A list of a large cluster is there at once, and libcurl would go on reading it: what is beyond the turn's share
	 * waits for the next turn. */
	size_t turn_bytes;
	struct loop_timer next_turn;
};

/* ---- the end of calls ---- */

static void over(struct http_call *call)
{
	struct http_client *c = call->client;

	loop_timer_stop(c->loop, &call->idle);
	loop_timer_stop(c->loop, &call->total);
	call->state = CALL_OVER;
	loop_task_kick(c->loop, &c->work);
}

static void end_call(struct http_call *call, const struct err *why)
{
	if (call->state == CALL_OVER)
		return;
	over(call);
	call->events->ended(call->arg, why);
}

void http_call_cancel(struct http_call *call)
{
	if (call && call->state != CALL_OVER)
		over(call);
}

static void free_call(struct http_call *call)
{
	curl_multi_remove_handle(call->client->multi, call->curl);
	curl_easy_cleanup(call->curl);
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->connect_to);
	free(call);
}

static void time_out(struct http_call *call, const char *what)
{
	struct err e;

	err_set(&e, ERR_TIMEOUT, "%s", what);
	end_call(call, &e);
}

static void idled(void *arg)
{
	time_out(arg, "the server is silent");
}

static void took_too_long(void *arg)
{
	time_out(arg, "the answer takes too long");
}

/* ---- libcurl's events ---- */

static enum err_code code_of(CURLcode rc)
{
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
		return ERR_REFUSED;
	default:
		return ERR_IO;
	}
}

static void take_results(struct http_client *c)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		struct http_call *call = NULL;
		CURLcode rc = m->data.result;
		struct err e;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		err_set(&e, code_of(rc), "%s", *call->why ? call->why : curl_easy_strerror(rc));
		end_call(call, rc ? &e : NULL);
	}
}

static void act(struct http_client *c, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(c->multi, fd, events, &running);
	take_results(c);
}

static void timer_fired(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void socket_ready(void *arg, int events)
{
	struct sock *s = arg;

	act(s->client, s->fd, (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_stop(c->loop, &c->timer);
	else
		loop_timer_start(c->loop, &c->timer, ms, timer_fired, c);
	return 0;
}

static int want_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *sock)
{
	struct http_client *c = arg;
	struct sock *s = sock;

	(void)curl;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			loop_io_stop(&s->io);
		free(s);
		return 0;
	}
	if (!s) {
		s = calloc(1, sizeof(*s));
		must(s && "out of memory");
		s->client = c;
		s->fd = fd;
		curl_multi_assign(c->multi, fd, s);
	}
	return loop_io_start(c->loop, &s->io, fd, (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0),
			     socket_ready, s);
}

/* Finds out within seconds that the other side is gone, for all calls of the connection at once. */
static int socket_opened(void *arg, curl_socket_t fd, curlsocktype type)
{
	struct http_client *c = arg;
	unsigned gone_ms = TCP_GONE_MS;

	(void)type;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_ms, sizeof(gone_ms));
	if (c->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &c->mark, sizeof(c->mark))) {
		log_error("http", "SO_MARK: %s", strerror(errno));
		return CURL_SOCKOPT_ERROR;
	}
	return CURL_SOCKOPT_OK;
}

static void note_life(struct http_call *call)
{
	if (call->idle_ms)
		loop_timer_start(call->client->loop, &call->idle, call->idle_ms, idled, call);
}

/* Seconds only: an HTTP date is not what API servers send. */
static void read_retry_after(struct http_call *call, const char *p, size_t n)
{
	static const char name[] = "retry-after:";
	char text[16];
	int64_t s;

	if (n < sizeof(name) || strncasecmp(p, name, sizeof(name) - 1) != 0)
		return;
	p += sizeof(name) - 1;
	n -= sizeof(name) - 1;
	while (n && *p == ' ')
		p++, n--;
	while (n && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == ' '))
		n--;
	snprintf(text, sizeof(text), "%.*s", (int)(n < sizeof(text) ? n : sizeof(text)), p);
	if (!scalar_int(text, 0, RETRY_AFTER_MAX_S, &s))
		call->answer.retry_after_ms = s * 1000;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	long status = 0;

	n *= size;
	if (call->state == CALL_OVER)
		return 0;
	note_life(call);
	read_retry_after(call, p, n);
	if (n > 2 || call->answered)
		return n;
	curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return n;
	call->answered = true;
	call->answer.status = (unsigned)status;
	if (call->whole)
		call->whole->answer = call->answer;
	else
		call->events->answered(call->arg, &call->answer);
	return call->state == CALL_OVER ? 0 : n;
}

/* What was held back comes from within curl_easy_pause; calls do not go before work(). */
static void go_on(void *arg)
{
	struct http_client *c = arg;

	c->turn_bytes = 0;
	for (struct http_call *call = c->calls; call; call = call->next) {
		if (!call->paused)
			continue;
		call->paused = false;
		if (call->state != CALL_OVER)
			curl_easy_pause(call->curl, CURLPAUSE_CONT);
	}
	take_results(c);
}

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	struct http_client *c = call->client;

	n *= size;
	if (call->state == CALL_OVER)
		return 0;
	note_life(call);
	if (!loop_timer_running(&c->next_turn))
		loop_timer_start(c->loop, &c->next_turn, 0, go_on, c);
	if (c->turn_bytes >= TURN_BYTES) {
		call->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	c->turn_bytes += n;
	if (call->whole)
		buf_append(&call->whole->body, p, n);
	else
		call->events->received(call->arg, p, n);
	return call->state == CALL_OVER ? 0 : n;
}

/* ---- client ---- */

static void begin(struct http_call *call)
{
	struct err e;

	call->state = CALL_RUNNING;
	if (curl_multi_add_handle(call->client->multi, call->curl) == CURLM_OK)
		return;
	err_set(&e, ERR_NO_MEMORY, "the request cannot be started");
	end_call(call, &e);
}

static void work(void *arg)
{
	struct http_client *c = arg;

	for (struct http_call *call = c->calls; call; call = call->next)
		if (call->state == CALL_NEW)
			begin(call);
	for (struct http_call **at = &c->calls, *call; (call = *at);) {
		if (call->state == CALL_OVER) {
			*at = call->next;
			free_call(call);
		} else {
			at = &call->next;
		}
	}
	take_results(c);
}

struct http_client *http_client_new(struct loop *l, const char *user_agent, struct err *e)
{
	struct http_client *c = calloc(1, sizeof(*c));

	must(c && "out of memory");
	c->loop = l;
	c->user_agent = strdup(user_agent);
	c->work = (struct loop_task){.fn = work, .arg = c, .phase = LOOP_FLUSH};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(c->multi = curl_multi_init())) {
		free(c->user_agent);
		free(c);
		err_set(e, ERR_NO_MEMORY, "libcurl cannot be started");
		return NULL;
	}
	curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	return c;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	for (struct http_call *call = c->calls; call; call = call->next)
		http_call_cancel(call);
	work(c);
	loop_task_stop(&c->work);
	curl_multi_cleanup(c->multi);
	loop_timer_stop(c->loop, &c->timer);
	loop_timer_stop(c->loop, &c->next_turn);
	curl_global_cleanup();
	free(c->user_agent);
	free(c);
}

void http_client_set_mark(struct http_client *c, int mark)
{
	c->mark = mark;
}

/* ---- calls ---- */

#define SET(call, option, value) must(curl_easy_setopt((call)->curl, (option), (value)) == CURLE_OK)

static void set_request(struct http_call *call, const struct http_call_opts *o)
{
	for (size_t i = 0; i < o->n_headers; i++)
		call->headers = curl_slist_append(call->headers, o->headers[i]);
	SET(call, CURLOPT_HTTPHEADER, call->headers);
	if (o->body) {
		SET(call, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->n_body);
		SET(call, CURLOPT_COPYPOSTFIELDS, o->body);
	}
	SET(call, CURLOPT_CUSTOMREQUEST, o->method);
	SET(call, CURLOPT_USERAGENT, call->client->user_agent);
	if (o->proxy)
		SET(call, CURLOPT_PROXY, o->proxy);
}

static void set_ways(struct http_call *call)
{
	SET(call, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(call, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(call, CURLOPT_NOSIGNAL, 1L);
	SET(call, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	SET(call, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(call, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
	SET(call, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_EVERY_S);
	SET(call, CURLOPT_SOCKOPTFUNCTION, socket_opened);
	SET(call, CURLOPT_SOCKOPTDATA, call->client);
	SET(call, CURLOPT_HEADERFUNCTION, take_header);
	SET(call, CURLOPT_HEADERDATA, call);
	SET(call, CURLOPT_WRITEFUNCTION, take_body);
	SET(call, CURLOPT_WRITEDATA, call);
	SET(call, CURLOPT_ERRORBUFFER, call->why);
	SET(call, CURLOPT_PRIVATE, call);
}

struct http_call *http_call_start(struct http_client *c, const struct http_call_opts *o)
{
	struct http_call *call = calloc(1, sizeof(*call));

	must(call && "out of memory");
	must(o->idle_ms > 0 || o->total_ms > 0);
	call->client = c;
	call->events = o->events;
	call->whole = o->whole;
	if (call->whole) {
		buf_clear(&call->whole->body);
		call->whole->answer = (struct http_answer){.retry_after_ms = -1};
	}
	call->arg = o->arg;
	call->idle_ms = o->idle_ms;
	call->answer.retry_after_ms = -1;
	call->curl = curl_easy_init();
	must(call->curl && "out of memory");
	set_ways(call);
	call->connect_to = http_curl_url(call->curl, o->url, o->tls ? o->tls->server_name : NULL);
	if (!strncmp(o->url, "https:", 6))
		http_curl_tls(call->curl, o->tls);
	set_request(call, o);
	note_life(call);
	if (o->total_ms)
		loop_timer_start(c->loop, &call->total, o->total_ms, took_too_long, call);
	call->next = c->calls;
	c->calls = call;
	loop_task_kick(c->loop, &c->work);
	return call;
}
