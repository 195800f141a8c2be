/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_api.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/must.h"
#include "base/scalar.h"
#include "fake_int.h"
#include "net/conn.h"
#include "net/http.h"

enum {
	RX_MAX = 8 * 1024 * 1024, TX_MAX = 512 * 1024 * 1024, BODY_MAX = 256 * 1024 * 1024,
	FAULTS = 32, TARGET_MAX = 4096, SLOW_MS = 10, CONNS_MAX = 4096, BOOKMARK_BEFORE_END_MS = 2000,
};

struct client {
	struct fake_api *api;
	struct client *next, **at;
	struct conn *conn;
	int fd;
	struct buf rx, tx;
	size_t tx_at;
	char target[TARGET_MAX], content_type[64];
	bool close_after;		/* when tx is out */
	/* a fault of the answer under way */
	enum fake_what fault;
	bool faulty;
	size_t left, slow;		/* bytes until the cut; a tick */
	struct loop_timer tick, bookmark, timeout, reap;
	/* a watch */
	struct fake_resource *resource;	/* or NULL */
	char *ns, *name;
	size_t at_event;
	uint64_t after;			/* events of this version and before are not sent */
	bool bookmarks;
};

struct logged {
	char *target;
};

struct fake_api {
	struct loop *loop;
	struct listener *listener;
	struct fake_store store;
	struct client *clients;
	struct fake_fault faults[FAULTS];
	size_t n_faults;
	bool no_stream;
	int64_t bookmark_ms;
	char *token;
	VEC(struct logged) log;
};

/* ---- bytes ---- */

static void free_client(void *arg)
{
	struct client *c = arg;
	struct loop *l = c->api->loop;

	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	loop_timer_stop(l, &c->tick);
	loop_timer_stop(l, &c->bookmark);
	loop_timer_stop(l, &c->timeout);
	loop_timer_stop(l, &c->reap);
	conn_close(c->conn);
	listener_closed(c->api->listener);
	buf_fini(&c->rx);
	buf_fini(&c->tx);
	free(c->ns);
	free(c->name);
	free(c);
}

/* The client may be in its own callbacks. */
static void drop(struct client *c)
{
	struct linger at_once = {1, 0};

	if (c->faulty && c->fault == FAKE_RESET)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	conn_close(c->conn);
	c->conn = NULL;
	c->resource = NULL;
	loop_timer_stop(c->api->loop, &c->tick);
	loop_timer_start(c->api->loop, &c->reap, 0, free_client, c);
}

static void pump(void *arg)
{
	struct client *c = arg;

	while (c->conn && c->tx_at < c->tx.n) {
		size_t n = c->tx.n - c->tx_at, room = conn_tx_room(c->conn);

		n = n < room ? n : room;
		if (c->slow && n > c->slow)
			n = c->slow;
		if (c->faulty && n > c->left)
			n = c->left;
		if (n && conn_send(c->conn, c->tx.p + c->tx_at, n))
			return;
		c->tx_at += n;
		if (c->faulty && (c->fault == FAKE_CUT || c->fault == FAKE_RESET)) {
			c->left -= n;
			if (!c->left) {
				drop(c);
				return;
			}
		}
		if (c->slow && c->tx_at < c->tx.n)
			loop_timer_start(c->api->loop, &c->tick, SLOW_MS, pump, c);
		if (!n || c->slow)
			return;
	}
	if (!c->conn)
		return;
	buf_clear(&c->tx);
	c->tx_at = 0;
	if (c->close_after)
		drop(c);
}

static void send_chunk(struct client *c, const char *p, size_t n)
{
	if (c->tx_at) {
		buf_consume(&c->tx, c->tx_at);
		c->tx_at = 0;
	}
	buf_printf(&c->tx, "%zx\r\n", n);
	buf_append(&c->tx, p, n);
	buf_str(&c->tx, "\r\n");
	must(!c->tx.failed);
}

static void respond(struct client *c, unsigned status, const char *extra, const char *body, size_t n)
{
	buf_printf(&c->tx, "HTTP/1.1 %u X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n", status, extra, n);
	if (c->faulty && (c->fault == FAKE_CUT || c->fault == FAKE_RESET))
		c->left += c->tx.n;
	buf_append(&c->tx, body, n);
	must(!c->tx.failed);
	pump(c);
}

static void respond_status(struct client *c, unsigned status, const char *reason, const char *message)
{
	char body[1024], extra[64] = "";
	int n = snprintf(body, sizeof(body),
			 "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"%s\","
			 "\"reason\":\"%s\",\"code\":%u}\n", message, reason, status);

	if (c->faulty && c->fault == FAKE_STATUS && c->slow)
		snprintf(extra, sizeof(extra), "Retry-After: %zu\r\n", c->slow);
	c->slow = 0;
	respond(c, status, extra, body, (size_t)n);
}

/* ---- watches ---- */

static bool wanted(const struct client *c, const char *ns, const char *name)
{
	return (!c->ns || !strcmp(c->ns, ns)) && (!c->name || !strcmp(c->name, name));
}

static void send_event(struct client *c, const char *type, const char *json)
{
	struct buf line;

	buf_init(&line, BODY_MAX);
	buf_printf(&line, "{\"type\":\"%s\",\"object\":%s}\n", type, json);
	send_chunk(c, line.p, line.n);
	buf_fini(&line);
}

static void send_bookmark(struct client *c, bool initial_end)
{
	char json[512];

	snprintf(json, sizeof(json), "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%llu\"%s}}",
		 c->resource->kind, c->resource->api_version, (unsigned long long)c->api->store.version,
		 initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
	send_event(c, "BOOKMARK", json);
}

static void bookmark_due(void *arg)
{
	struct client *c = arg;

	send_bookmark(c, false);
	loop_timer_start(c->api->loop, &c->bookmark, c->api->bookmark_ms, bookmark_due, c);
	pump(c);
}

static void end_watch(void *arg)
{
	struct client *c = arg;

	c->resource = NULL;
	free(c->ns);
	free(c->name);
	c->ns = c->name = NULL;
	loop_timer_stop(c->api->loop, &c->bookmark);
	loop_timer_stop(c->api->loop, &c->timeout);
	buf_str(&c->tx, "0\r\n\r\n");
	pump(c);
}

static void send_news(struct client *c)
{
	const struct fake_store *s = &c->api->store;

	for (; c->at_event < s->events.n; c->at_event++) {
		const struct fake_event *e = &s->events.v[c->at_event];

		if (e->resource == c->resource && e->version > c->after && wanted(c, e->ns, e->name))
			send_event(c, e->type, e->json);
	}
	pump(c);
}

static void tell_watches(struct fake_api *f)
{
	for (struct client *c = f->clients, *next; c; c = next) {
		next = c->next;
		if (c->resource)
			send_news(c);
	}
}

static void send_gone(struct client *c)
{
	send_event(c, "ERROR", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
			       "\"message\":\"too old resource version\",\"reason\":\"Expired\",\"code\":410}");
	end_watch(c);
}

static void start_watch(struct client *c, const struct http_request *r, struct fake_resource *res)
{
	struct fake_api *f = c->api;
	const char *version = http_query(r, "resourceVersion"), *timeout = http_query(r, "timeoutSeconds");
	bool initial = http_query(r, "sendInitialEvents") != NULL, bookmarks = http_query(r, "allowWatchBookmarks") != NULL;
	int64_t from = 0, seconds = 0;

	if (initial && (f->no_stream || !http_query(r, "resourceVersionMatch"))) {
		respond_status(c, 422, "Invalid", "sendInitialEvents is forbidden for watch");
		return;
	}
	if (version && scalar_int(version, 0, INT64_MAX, &from)) {
		respond_status(c, 400, "BadRequest", "invalid resource version");
		return;
	}
	buf_str(&c->tx, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
	c->resource = res;
	c->bookmarks = bookmarks;
	if (c->faulty && (c->fault == FAKE_CUT || c->fault == FAKE_RESET))
		c->left += c->tx.n;
	if (c->faulty && c->fault == FAKE_GARBAGE)
		send_chunk(c, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\xff\"}}\n", 51);
	if ((from && (uint64_t)from < f->store.compacted) || (c->faulty && c->fault == FAKE_GONE)) {
		send_gone(c);
		return;
	}
	c->at_event = 0;
	c->after = (uint64_t)from;
	if (!from) {
		for (size_t i = 0; i < res->v.n; i++)
			if (wanted(c, res->v.v[i].ns, res->v.v[i].name))
				send_event(c, "ADDED", res->v.v[i].json);
		c->at_event = f->store.events.n;
		if (initial && bookmarks)
			send_bookmark(c, true);
	}
	if (timeout && !scalar_int(timeout, 1, 100000, &seconds))
		loop_timer_start(f->loop, &c->timeout, seconds * 1000, end_watch, c);
	if (bookmarks) {
		int64_t last = seconds * 1000 - BOOKMARK_BEFORE_END_MS;

		loop_timer_start(f->loop, &c->bookmark, last > 0 && last < f->bookmark_ms ? last : f->bookmark_ms, bookmark_due, c);
	}
	send_news(c);
}

/* ---- lists ---- */

static void respond_too_large(struct client *c, int64_t wanted_version, int64_t version)
{
	char body[512];
	int n = snprintf(body, sizeof(body),
			 "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
			 "\"message\":\"Too large resource version: %lld, current: %lld\",\"reason\":\"Timeout\","
			 "\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\",\"message\":\"Too large resource version\"}],"
			 "\"retryAfterSeconds\":1},\"code\":504}\n", (long long)wanted_version, (long long)version);

	respond(c, 504, "", body, (size_t)n);
}

static void send_list(struct client *c, const struct http_request *r, const struct fake_resource *res)
{
	const char *limit = http_query(r, "limit"), *token = http_query(r, "continue"), *least = http_query(r, "resourceVersion");
	int64_t max = INT64_MAX, at = 0, version = (int64_t)c->api->store.version, wanted_version = 0;
	bool core = !strchr(res->api_version, '/') || strstr(res->api_version, ".k8s.io/");
	struct buf body, items;
	size_t n = 0, i;

	if (least && !scalar_int(least, 0, INT64_MAX, &wanted_version) && wanted_version > version) {
		respond_too_large(c, wanted_version, version);
		return;
	}
	if (limit)
		scalar_int(limit, 1, INT64_MAX, &max);
	if (token) {
		char text[64];

		snprintf(text, sizeof(text), "%s", token);
		if (strchr(text, '-')) {
			*strchr(text, '-') = '\0';
			scalar_int(text, 0, INT64_MAX, &version);
			scalar_int(token + strlen(text) + 1, 0, INT64_MAX, &at);
		}
		if ((uint64_t)version < c->api->store.compacted) {
			respond_status(c, 410, "Expired", "the provided continue parameter is too old");
			return;
		}
	}
	buf_init(&items, BODY_MAX);
	if (c->faulty && c->fault == FAKE_GARBAGE)
		buf_str(&items, "{\"metadata\":{\"name\":tru}},");
	for (i = (size_t)at; i < res->v.n && n < (size_t)max && !(c->faulty && c->fault == FAKE_EMPTY); i++) {
		const char *json = res->v.v[i].json, *text = json;

		if (!wanted(c, res->v.v[i].ns, res->v.v[i].name))
			continue;
		/* elements of Kubernetes' own kinds say neither: complete() put both at the end */
		buf_str(&items, n++ ? "," : "");
		if (core && strstr(json, ",\"apiVersion\":")) {
			const char *cut = strstr(json, ",\"apiVersion\":\"");

			for (const char *next = cut; next; next = strstr(next + 1, ",\"apiVersion\":\""))
				cut = next;
			buf_append(&items, text, (size_t)(cut - text));
			buf_char(&items, '}');
		} else {
			buf_str(&items, json);
		}
	}
	if (items.n && items.p[items.n - 1] == ',')
		items.n--;
	buf_init(&body, BODY_MAX);
	buf_printf(&body, "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%lld\"", res->kind,
		   res->api_version, (long long)version);
	if (i < res->v.n && n == (size_t)max)
		buf_printf(&body, ",\"continue\":\"%lld-%zu\"", (long long)version, i);
	buf_str(&body, "},\"items\":[");
	buf_append(&body, items.p ? items.p : "", items.n);
	buf_str(&body, "]}\n");
	respond(c, 200, "", body.p, body.n);
	buf_fini(&items);
	buf_fini(&body);
}

/* ---- requests ---- */

struct place {
	char resource[512];
	const char *ns, *name;		/* or NULL */
	bool status;			/* the subresource */
};

/* "/api/v1/namespaces/NS/pods/NAME" -> "/api/v1/pods", NS, NAME */
static void split_path(struct arena *a, const char *path, struct place *out)
{
	char *segments[10], *text = arena_strdup(a, path + 1);
	size_t n = 0, at;

	*out = (struct place){.resource = ""};
	for (char *s = strtok(text, "/"); s && n < 10; s = strtok(NULL, "/"))
		segments[n++] = s;
	at = n && !strcmp(segments[0], "apis") ? 3 : 2;
	if (n > at + 2 && !strcmp(segments[at], "namespaces")) {
		out->ns = segments[at + 1];
		at += 2;
	}
	if (n <= at)
		return;
	if (!strcmp(segments[0], "apis"))
		snprintf(out->resource, sizeof(out->resource), "/apis/%s/%s/%s", segments[1], segments[2], segments[at]);
	else
		snprintf(out->resource, sizeof(out->resource), "/%s/%s/%s", segments[0], segments[1], segments[at]);
	out->name = n > at + 1 ? segments[at + 1] : NULL;
	out->status = n > at + 2 && !strcmp(segments[at + 2], "status");
}

static void take_fault(struct client *c)
{
	struct fake_api *f = c->api;

	c->faulty = false;
	c->slow = c->left = 0;
	for (size_t i = 0; i < f->n_faults; i++) {
		struct fake_fault *x = &f->faults[i];

		if (!x->times || !strstr(c->target, x->match))
			continue;
		x->times--;
		c->faulty = true;
		c->fault = x->what;
		c->left = x->what == FAKE_CUT || x->what == FAKE_RESET ? x->n : SIZE_MAX;
		c->slow = x->what == FAKE_SLOW ? x->n : x->what == FAKE_STATUS ? x->arg : 0;
		if (x->what == FAKE_STATUS)
			c->left = x->n;
		return;
	}
}

/* POST and PATCH, with what stands there then as the answer. */
static void write_one(struct client *c, const struct http_request *r, struct fake_resource *res, const struct place *p,
		      const char *body, size_t n)
{
	struct fake_store *s = &c->api->store;
	const char *manager = http_query(r, "fieldManager");
	struct fake_patch patch = {.ns = p->ns ? p->ns : "", .name = p->name ? p->name : "", .content_type = c->content_type,
				   .body = body, .manager = manager ? manager : "unknown", .n = n, .status = p->status};
	bool post = !strcmp(r->method, "POST");
	unsigned code = post ? fake_write_post(s, res, body, n) : fake_write_patch(s, res, &patch);
	const char *json;

	if (code >= 300) {
		respond_status(c, code, code == 409 && post ? "AlreadyExists" : code == 409 ? "Conflict" : code == 404 ? "NotFound" : "Invalid",
			       code == 409 ? "it is not as you think" : "refused");
		return;
	}
	json = post ? s->events.v[s->events.n - 1].json : fake_store_get(res, patch.ns, patch.name)->json;
	respond(c, code, "", json, strlen(json));
	tell_watches(c->api);
}

static void write_object(struct client *c, const struct http_request *r, struct fake_resource *res, const struct place *p,
			 const char *body, size_t n)
{
	struct fake_api *f = c->api;

	if (!strcmp(r->method, "POST") || !strcmp(r->method, "PATCH")) {
		write_one(c, r, res, p, body, n);
		return;
	}
	if (!strcmp(r->method, "DELETE")) {
		if (!fake_store_delete(&f->store, res, p->ns ? p->ns : "", p->name ? p->name : "", false)) {
			respond_status(c, 404, "NotFound", "not found");
			return;
		}
		respond(c, 200, "", "{\"kind\":\"Status\",\"status\":\"Success\"}\n", 38);
	} else if (fake_store_put(&f->store, res, body, n)) {
		respond_status(c, 400, "BadRequest", "no object");
		return;
	} else {
		respond(c, 200, "", f->store.events.v[f->store.events.n - 1].json,
			strlen(f->store.events.v[f->store.events.n - 1].json));
	}
	tell_watches(f);
}

static void read_object(struct client *c, const struct http_request *r, struct fake_resource *res, const struct place *p)
{
	const char *field = http_query(r, "fieldSelector");

	if (p->name) {
		const struct fake_object *o = fake_store_get(res, p->ns ? p->ns : "", p->name);

		if (o && c->faulty && c->fault == FAKE_GARBAGE)
			respond(c, 200, "", "[]", 2);
		else if (o)
			respond(c, 200, "", o->json, strlen(o->json));
		else
			respond_status(c, 404, "NotFound", "not found");
		return;
	}
	c->ns = p->ns ? strdup(p->ns) : NULL;
	c->name = field && !strncmp(field, "metadata.name=", 14) ? strdup(field + 14) : NULL;
	if (http_query(r, "watch"))
		start_watch(c, r, res);
	else
		send_list(c, r, res);
	if (c->resource)
		return;
	free(c->ns);
	free(c->name);
	c->ns = c->name = NULL;
}

static void serve(struct client *c, const char *method, const char *body, size_t n)
{
	struct http_request r = {.method = method};
	struct fake_resource *res;
	struct place place;
	struct arena a;

	arena_init(&a, 0);
	*vec_push(&c->api->log, NULL) = (struct logged){strdup(c->target)};
	take_fault(c);
	if (c->faulty && c->fault == FAKE_SILENT)
		goto out;
	if (c->faulty && c->fault == FAKE_STATUS) {
		respond_status(c, (unsigned)c->left, "Fault", "as the test wants it");
		goto out;
	}
	if (http_target_parse(c->target, strlen(c->target), &a, &r)) {
		respond_status(c, 400, "BadRequest", "bad target");
		goto out;
	}
	split_path(&a, r.path, &place);
	res = fake_store_find(&c->api->store, place.resource);
	if (!res || res->gone)
		respond(c, 404, "", "404 page not found\n", 19);
	else if (!strcmp(method, "GET"))
		read_object(c, &r, res, &place);
	else
		write_object(c, &r, res, &place, body, n);
out:
	arena_fini(&a);
}

/* The value of a header of the request at p, or NULL. */
static const char *header(const char *p, const char *end, const char *name, struct arena *a)
{
	size_t n = strlen(name);

	for (const char *line = p; line < end; line = strstr(line, "\r\n") + 2)
		if (!strncasecmp(line, name, n) && line[n] == ':')
			return arena_strndup(a, line + n + 2, (size_t)(strstr(line, "\r\n") - line - (ptrdiff_t)n - 2));
	return NULL;
}

/* One whole request of c->rx, if there is one. */
static bool take_request(struct client *c)
{
	const char *text = buf_cstr(&c->rx), *end = strstr(text, "\r\n\r\n"), *length, *auth, *type;
	int64_t n_body = 0;
	struct arena a;
	char method[8];
	bool ok;

	if (!end || c->resource || c->tx.n)
		return false;
	arena_init(&a, 0);
	length = header(text, end, "Content-Length", &a);
	auth = header(text, end, "Authorization", &a);
	type = header(text, end, "Content-Type", &a);
	snprintf(c->content_type, sizeof(c->content_type), "%s", type ? type : "");
	if (length)
		scalar_int(length, 0, RX_MAX, &n_body);
	ok = c->rx.n >= (size_t)(end + 4 - text) + (size_t)n_body;
	if (ok) {
		must(sscanf(text, "%7s %4095s", method, c->target) == 2);
		if (c->api->token && (!auth || strncmp(auth, "Bearer ", 7) != 0 || strcmp(auth + 7, c->api->token) != 0)) {
			*vec_push(&c->api->log, NULL) = (struct logged){strdup(c->target)};
			respond_status(c, 401, "Unauthorized", "Unauthorized");
		} else {
			serve(c, method, end + 4, (size_t)n_body);
		}
		if (c->conn)
			buf_consume(&c->rx, (size_t)(end + 4 - text) + (size_t)n_body);
	}
	arena_fini(&a);
	return ok && c->conn;
}

static void on_received(void *arg, const uint8_t *p, size_t n)
{
	struct client *c = arg;

	if (!n) {
		drop(c);
		return;
	}
	buf_append(&c->rx, p, n);
	must(!c->rx.failed);
	while (take_request(c))
		;
}

static void on_failed(void *arg, const char *why)
{
	(void)why;
	drop(arg);
}

static void on_writable(void *arg)
{
	struct client *c = arg;

	pump(c);
	while (c->conn && take_request(c))
		;
}

static void on_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len)
{
	static const struct conn_events events = {.received = on_received, .writable = on_writable, .failed = on_failed};
	struct fake_api *f = arg;
	struct client *c = calloc(1, sizeof(*c));

	(void)addr;
	(void)len;
	must(c);
	c->api = f;
	c->fd = fd;
	buf_init(&c->rx, RX_MAX);
	buf_init(&c->tx, TX_MAX);
	c->next = f->clients;
	c->at = &f->clients;
	if (c->next)
		c->next->at = &c->next;
	f->clients = c;
	c->conn = conn_new(f->loop, fd, &events, c);
}

/* ---- what tests call ---- */

struct fake_api *fake_api_new(struct loop *l, const char *bind)
{
	struct fake_api *f = calloc(1, sizeof(*f));
	struct err e;

	must(f);
	f->loop = l;
	f->bookmark_ms = 60000;
	fake_store_init(&f->store);
	f->listener = listener_open(l, bind, CONNS_MAX, on_accept, f, &e);
	must(f->listener);
	return f;
}

void fake_api_free(struct fake_api *f)
{
	while (f->clients)
		free_client(f->clients);
	listener_close(f->listener);
	fake_store_fini(&f->store);
	for (size_t i = 0; i < f->n_faults; i++)
		free((char *)(uintptr_t)f->faults[i].match);
	for (size_t i = 0; i < f->log.n; i++)
		free(f->log.v[i].target);
	vec_fini(&f->log);
	free(f->token);
	free(f);
}

unsigned fake_api_port(const struct fake_api *f)
{
	return listener_port(f->listener);
}

void fake_api_register(struct fake_api *f, const char *resource, const char *kind)
{
	fake_store_register(&f->store, resource, kind);
}

void fake_api_break_watches(struct fake_api *f)
{
	for (struct client *c = f->clients, *next; c; c = next) {
		next = c->next;
		if (c->resource)
			end_watch(c);
	}
}

void fake_api_unregister(struct fake_api *f, const char *resource)
{
	struct fake_resource *r = fake_store_find(&f->store, resource);

	must(r);
	while (r->v.n)
		fake_store_delete(&f->store, r, r->v.v[0].ns, r->v.v[0].name, false);
	tell_watches(f);
	r->gone = true;
	for (struct client *c = f->clients, *next; c; c = next) {
		next = c->next;
		if (c->resource == r)
			end_watch(c);
	}
}

void fake_api_put(struct fake_api *f, const char *resource, const char *json)
{
	struct fake_resource *r = fake_store_find(&f->store, resource);

	must(r && !fake_store_put(&f->store, r, json, strlen(json)));
	tell_watches(f);
}

const char *fake_api_get(const struct fake_api *f, const char *resource, const char *ns, const char *name)
{
	const struct fake_object *o = fake_store_get(fake_store_find(&f->store, resource), ns, name);

	return o ? o->json : NULL;
}

const char *fake_api_name(const struct fake_api *f, const char *resource, size_t i)
{
	const struct fake_resource *r = fake_store_find(&f->store, resource);

	return i < r->v.n ? r->v.v[i].name : NULL;
}

unsigned fake_api_count(const struct fake_api *f, const char *resource)
{
	return (unsigned)fake_store_find(&f->store, resource)->v.n;
}

void fake_api_delete(struct fake_api *f, const char *resource, const char *ns, const char *name)
{
	must(fake_store_delete(&f->store, fake_store_find(&f->store, resource), ns, name, false));
	tell_watches(f);
}

void fake_api_lose(struct fake_api *f, const char *resource, const char *ns, const char *name)
{
	must(fake_store_delete(&f->store, fake_store_find(&f->store, resource), ns, name, true));
}

void fake_api_fault(struct fake_api *f, const struct fake_fault *fault)
{
	must(f->n_faults < FAULTS);
	f->faults[f->n_faults] = *fault;
	f->faults[f->n_faults++].match = strdup(fault->match);
}

void fake_api_begin_at(struct fake_api *f, uint64_t version)
{
	f->store.version = f->store.compacted = version;
}

void fake_api_compact(struct fake_api *f)
{
	f->store.compacted = ++f->store.version;
}

void fake_api_set_streaming(struct fake_api *f, bool on)
{
	f->no_stream = !on;
}

void fake_api_set_bookmarks(struct fake_api *f, int64_t every_ms)
{
	f->bookmark_ms = every_ms;
}

void fake_api_set_token(struct fake_api *f, const char *token)
{
	free(f->token);
	f->token = token ? strdup(token) : NULL;
}

unsigned fake_api_requests(const struct fake_api *f, const char *match)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->log.n; i++)
		n += strstr(f->log.v[i].target, match) != NULL;
	return n;
}

unsigned fake_api_watches(const struct fake_api *f)
{
	unsigned n = 0;

	for (const struct client *c = f->clients; c; c = c->next)
		n += c->resource != NULL;
	return n;
}
