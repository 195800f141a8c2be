/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for net/http_client: what the simulated API server answers, in pieces of any size, and how answers go
 * wrong on the way. It also judges what is asked for: no request within Retry-After, no storms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "net/http_client.h"
#include "sim_kube.h"

enum { BODY_MAX = 8 * 1024 * 1024, BOOKMARK_MS = 60000, LATENCY_MS = 40, SLOW_MS = 150 };

enum stage { CALL_ASKED, CALL_SENDING, CALL_WATCHING };

struct http_call {
	struct http_client *client;
	struct http_call *next;
	const struct http_call_events *events;
	void *arg;
	int64_t idle_ms, heard_ms;
	struct loop_timer timer;
	enum stage stage;
	bool busy, dead;		/* within an event; cancelled there */
	bool authorized;
	/* what it asks for */
	int kind;			/* -1: no such path */
	unsigned version_at;		/* of kind_info.versions */
	char api_version[64], ns[64], name[64], path[200];
	bool watch, initial;
	char since[64], token[64];
	/* the answer */
	enum api_fault fault;
	struct buf out;
	size_t sent, cut_at;		/* cut_at 0: not cut */
	size_t cursor;			/* into the events of the kind */
	int64_t bookmark_ms, ends_ms;
};

struct http_client {
	struct api *api;
	struct http_call *calls;
};

static void turn(void *arg);

struct http_client *http_client_new(struct loop *l, const char *user_agent, struct err *e)
{
	struct http_client *c = calloc(1, sizeof(*c));

	(void)user_agent;
	(void)e;
	must(c);
	c->api = sim_loop_attached(l);
	c->api->client = c;
	return c;
}

static struct loop *loop_of(const struct http_call *call)
{
	return call->client->api->loop;
}

static void free_call(struct http_call *call)
{
	struct http_call **at = &call->client->calls;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	loop_timer_stop(loop_of(call), &call->timer);
	buf_fini(&call->out);
	free(call);
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	while (c->calls)
		free_call(c->calls);
	if (c->api->client == c)
		c->api->client = NULL;
	free(c);
}

void http_call_cancel(struct http_call *call)
{
	if (call && call->busy)
		call->dead = true;
	else if (call)
		free_call(call);
}

static void end_call(struct http_call *call, enum err_code code, const char *why)
{
	const struct http_call_events *events = call->events;
	void *arg = call->arg;
	struct err e;

	if (call->client->api->verbose)
		printf("%lld: %s ends %s\n", (long long)loop_now_ms(loop_of(call)), call->path, why);
	free_call(call);
	err_set(&e, code, "%s", why);
	events->ended(arg, code ? &e : NULL);
}

/* ---- what is asked for ---- */

static void param(const char *query, const char *name, char out[64])
{
	const char *at = strstr(query, name);
	size_t n = at ? strcspn(at + strlen(name), "&") : 0;

	snprintf(out, 64, "%.*s", (int)n, at ? at + strlen(name) : "");
}

/* "/api/v1/namespaces/NS/secrets?...", "/apis/GROUP/VERSION/PLURAL?..." */
static void read_target(struct http_call *call, const char *target)
{
	const char *p = target + (strncmp(target, "/apis/", 6) ? 5 : 6), *query = strchr(target, '?');
	size_t slash = strcspn(p, "/");
	char plural[64];

	must(query);
	snprintf(call->path, sizeof(call->path), "%.*s", (int)(query - target), target);
	if (!strncmp(target, "/apis/", 6))
		slash += 1 + strcspn(p + slash + 1, "/");
	snprintf(call->api_version, sizeof(call->api_version), "%.*s", (int)slash, p);
	p += slash + 1;
	if (!strncmp(p, "namespaces/", 11)) {
		p += 11;
		snprintf(call->ns, sizeof(call->ns), "%.*s", (int)strcspn(p, "/"), p);
		p += strlen(call->ns) + 1;
	}
	snprintf(plural, sizeof(plural), "%.*s", (int)(query - p), p);
	call->kind = -1;
	for (int k = 0; k < KIND_COUNT; k++) {
		const struct kind_info *info = kind_info((enum kind)k);

		if (!strcmp(info->plural, plural) && kind_find(call->api_version, info->name) == k)
			call->kind = k;
	}
	for (const char *v = call->kind < 0 ? "" : kind_info((enum kind)call->kind)->versions; *v; v += strcspn(v, " "), v += *v == ' ') {
		const char *mine = strrchr(call->api_version, '/') ? strrchr(call->api_version, '/') + 1 : call->api_version;

		if (strlen(mine) == strcspn(v, " ") && !strncmp(mine, v, strlen(mine)))
			break;
		call->version_at++;
	}
	call->watch = strstr(query, "watch=1");
	call->initial = strstr(query, "sendInitialEvents=true");
	param(query, "resourceVersion=", call->since);
	param(query, "continue=", call->token);
	param(query, "metadata.name%3D", call->name);
	if (*call->name)
		snprintf(call->path + strlen(call->path), sizeof(call->path) - strlen(call->path), ":%s", call->name);
}

/* What no server should be asked. */
static void judge(struct http_call *call)
{
	struct api *a = call->client->api;
	void **slot = map_slot(&a->requests, call->path);
	struct api_asked *asked = *slot;
	int64_t now = loop_now_ms(a->loop);

	if (!asked) {
		asked = *slot = calloc(1, sizeof(*asked));
		must(asked);
		for (unsigned i = 0; i < API_BURST; i++)
			asked->at_ms[i] = -API_BURST_MS;
	}
	if (*call->token)
		return;
	/* what is read by its name only may be a new one's request */
	if (now < asked->not_before_ms && !*call->name)
		a->broken = "a request comes before Retry-After has passed";
	if (now - asked->at_ms[asked->n % API_BURST] < API_BURST_MS && asked->at_ms[asked->n % API_BURST] >= 0)
		a->broken = "requests come in a storm";
	asked->at_ms[asked->n++ % API_BURST] = now;
}

static void forget_asked(const char *key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	((struct api_asked *)value)->not_before_ms = 0;
}

void api_forget_client(struct api *a)
{
	map_each(&a->requests, forget_asked, NULL);
}

static bool lies(struct http_call *call)
{
	struct api *a = call->client->api;

	if (!(a->faults >> FAULT_EMPTY & 1) || call->kind != KIND_NODE || a->lied || *call->token || *call->since ||
	    !a->may_lie(a, a->arg))
		return false;
	a->lied = sim_chance(a->random, 50);
	return a->lied;
}

static enum api_fault draw_fault(struct http_call *call)
{
	struct api *a = call->client->api;
	unsigned left = 0, at;

	if (lies(call))
		return FAULT_EMPTY;
	for (unsigned f = 1; f < FAULT_EMPTY; f++)
		left += a->faults >> f & 1;
	if (!left || !sim_chance(a->random, a->percent))
		return FAULT_NONE;
	at = (unsigned)sim_below(a->random, left);
	for (unsigned f = 1; f < FAULT_EMPTY; f++)
		if (a->faults >> f & 1 && !at--)
			return (enum api_fault)f;
	return FAULT_NONE;
}

struct http_call *http_call_start(struct http_client *c, const struct http_call_opts *o)
{
	struct http_call *call = calloc(1, sizeof(*call));
	struct api *a = c->api;
	const char *target = strchr(strstr(o->url, "//") + 2, '/');

	must(call && target);
	call->client = c;
	call->next = c->calls;
	c->calls = call;
	call->events = o->events;
	call->arg = o->arg;
	call->idle_ms = o->idle_ms;
	call->heard_ms = loop_now_ms(a->loop);
	buf_init(&call->out, BODY_MAX);
	read_target(call, target);
	for (size_t i = 0; i < o->n_headers; i++)
		call->authorized |= !strncmp(o->headers[i], "Authorization: Bearer ", 22) && !strcmp(o->headers[i] + 22, a->token);
	judge(call);
	call->fault = draw_fault(call);
	if (a->verbose)
		printf("%lld: GET %s (fault %d)\n", (long long)loop_now_ms(a->loop), target, call->fault);
	sim_note(a->loop, "ask", (uint64_t)call->kind << 8 | call->fault);
	loop_timer_start(a->loop, &call->timer, 1 + (int64_t)sim_below(a->random, LATENCY_MS), turn, call);
	return call;
}

/* ---- answers ---- */

static bool wanted(const struct http_call *call, const struct api_object *o)
{
	return (!*call->ns || !strcmp(call->ns, o->ns)) && (!*call->name || !strcmp(call->name, o->name));
}

static void put_event(struct http_call *call, const char *type, const char *rest)
{
	buf_printf(&call->out, "{\"type\":\"%s\",\"object\":{\"apiVersion\":\"%s\",\"kind\":\"%s\",%s}\n", type, call->api_version,
		   kind_info((enum kind)call->kind)->name, rest);
}

static void put_bookmark(struct http_call *call, bool end)
{
	struct api *a = call->client->api;

	buf_printf(&call->out, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%s%llu\"%s}}}\n",
		   kind_info((enum kind)call->kind)->name, call->api_version, a->version_prefix, (unsigned long long)a->version,
		   end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
	call->bookmark_ms = loop_now_ms(a->loop) + BOOKMARK_MS;
}

static const char *const garbage[] = {
	"7", "null", "[]", "{\"metadata\":{\"name\":\"\"}}", "{\"metadata\":{\"name\":\"\xff\"}}", "{\"a\":1,\"a\":}",
	"{\"apiVersion\":\"v9\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"x\"}}", "{\"metadata\":7}",
};

static const char *some_garbage(struct api *a)
{
	return garbage[sim_below(a->random, ARRAY_LEN(garbage))];
}

static void put_list(struct http_call *call)
{
	struct api *a = call->client->api;
	unsigned long long version = a->version, from = 0;
	size_t n, end, bad;
	struct api_item *v;
	struct arena tmp;
	bool core = !strncmp(call->path, "/api/", 5);

	if (*call->token)
		must(sscanf(call->token, "t%llu.%llu", &version, &from) == 2);
	arena_init(&tmp, 0);
	v = api_items(a, (enum kind)call->kind, version, &tmp, &n);
	n = call->fault == FAULT_EMPTY ? 0 : n;
	end = n - from > a->page && a->page ? from + a->page : n;
	bad = call->fault == FAULT_GARBAGE ? from + sim_below(a->random, end - from + 1) : SIZE_MAX;
	buf_printf(&call->out, "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"%s%llu\"", a->version_prefix, version);
	if (end < n)
		buf_printf(&call->out, ",\"continue\":\"t%llu.%zu\"", version, end);
	buf_str(&call->out, "},\"items\":[");
	for (size_t i = from, k = 0; i <= end; i++) {
		if (i == bad) {
			buf_printf(&call->out, "%s%s", k++ ? "," : "", some_garbage(a));
			if (a->spoils && sim_chance(a->random, 50))	/* in place of what stands there */
				continue;
		}
		if (i == end || !wanted(call, v[i].object))
			continue;
		buf_str(&call->out, k++ ? ",{" : "{");
		if (!core)
			buf_printf(&call->out, "\"apiVersion\":\"%s\",\"kind\":\"%s\",", call->api_version, kind_info((enum kind)call->kind)->name);
		buf_str(&call->out, v[i].rest);
	}
	buf_str(&call->out, "]}");
	arena_fini(&tmp);
}

static void put_error(struct http_call *call, int code)
{
	buf_printf(&call->out, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"an error\",\"code\":%d}}\n",
		   code);
	call->ends_ms = loop_now_ms(loop_of(call));
}

static void put_initial(struct http_call *call)
{
	struct api *a = call->client->api;
	struct api_item *v;
	struct arena tmp;
	size_t n;

	arena_init(&tmp, 0);
	v = api_items(a, (enum kind)call->kind, a->version, &tmp, &n);
	for (size_t i = 0; i < (call->fault == FAULT_EMPTY ? 0 : n); i++)
		if (wanted(call, v[i].object)) {
			if (a->old && sim_chance(a->random, 10))
				put_bookmark(call, false);
			put_event(call, "ADDED", v[i].rest);
		}
	call->cursor = a->kinds[call->kind].events.n;
	if (call->fault == FAULT_GARBAGE)
		buf_printf(&call->out, "%s\n", some_garbage(a));
	if (call->fault == FAULT_GONE || call->fault == FAULT_ERROR)
		put_error(call, call->fault == FAULT_GONE ? 410 : 500);
	else if (!a->old)
		put_bookmark(call, true);
	arena_fini(&tmp);
}

/* A watch from a version: too old, as of now, or in the future, where nothing is said. */
static void begin_watch(struct http_call *call)
{
	struct api *a = call->client->api;
	const struct api_kind *k = &a->kinds[call->kind];
	unsigned long long since = strtoull(call->since + strlen(a->version_prefix), NULL, 10);

	if (since < a->compacted || since < k->since || call->fault == FAULT_GONE) {
		put_error(call, 410);
		return;
	}
	while (call->cursor < k->events.n && k->events.v[call->cursor].version <= since)
		call->cursor++;
	if (since > a->version)
		call->fault = FAULT_SILENT;
	if (call->fault == FAULT_ERROR)
		put_error(call, 500);
}

/* The status, and the body so far. */
static unsigned respond(struct http_call *call)
{
	struct api *a = call->client->api;
	static const unsigned errors[] = {500, 502, 503};
	const struct api_kind *k = call->kind < 0 ? NULL : &a->kinds[call->kind];

	call->bookmark_ms = call->heard_ms + BOOKMARK_MS;
	call->ends_ms = call->watch ? loop_now_ms(a->loop) + 300000 + (int64_t)sim_below(a->random, 300000) : 0;
	if (call->fault == FAULT_STATUS)
		return errors[sim_below(a->random, ARRAY_LEN(errors))];
	if (call->fault == FAULT_TOO_MANY)
		return 429;
	if (call->fault == FAULT_TOO_LARGE)
		return 504;
	if (!call->authorized)
		return 401;
	if (k && k->forbidden)
		return 403;
	if (!k || !k->present || !(k->served >> call->version_at & 1))
		return 404;
	if (call->fault == FAULT_PAGE) {
		buf_str(&call->out, "<html>\n<body>Please log in.</body>\n</html>\n");
		call->watch = false;
		return 200;
	}
	if (*call->token && (call->fault == FAULT_TOKEN || call->fault == FAULT_GONE))
		return 410;
	if (call->initial && !a->streams && !a->old)
		return 422;
	if (call->initial)
		put_initial(call);
	else if (!call->watch && call->fault == FAULT_GONE)
		return 410;
	else if (!call->watch)
		put_list(call);
	else
		begin_watch(call);
	return 200;
}

static void put_status(struct http_call *call, unsigned status)
{
	buf_printf(&call->out, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"it is %u\",\"reason\":\"X\",\"code\":%u}",
		   status, status);
}

static bool still_there(struct http_call *call)
{
	call->busy = false;
	if (call->dead)
		free_call(call);
	else
		return true;
	return false;
}

static void again(struct http_call *call, int64_t ms)
{
	loop_timer_start(loop_of(call), &call->timer, ms > 0 ? ms : 0, turn, call);
}

static void answer(struct http_call *call)
{
	struct api *a = call->client->api;
	struct http_answer head = {.retry_after_ms = -1};
	struct api_asked *asked = map_get(&a->requests, call->path);

	head.status = respond(call);
	if (a->verbose)
		printf("%lld: %s answers %u\n", (long long)loop_now_ms(a->loop), call->path, head.status);
	if (head.status == 429 || (head.status == 503 && sim_chance(a->random, 50)))
		head.retry_after_ms = 1000 * (1 + (int64_t)sim_below(a->random, 20));
	if (head.retry_after_ms > 0)
		asked->not_before_ms = loop_now_ms(a->loop) + head.retry_after_ms;
	if (head.status != 200) {
		put_status(call, head.status);
		call->watch = false;
	}
	if (call->fault == FAULT_CUT || call->fault == FAULT_RESET)
		call->cut_at = call->watch && !call->initial ? 1 + sim_below(a->random, 2000) : sim_below(a->random, call->out.n + 1);
	call->heard_ms = loop_now_ms(a->loop);
	call->stage = CALL_SENDING;
	call->busy = true;
	call->events->answered(call->arg, &head);
	if (still_there(call))
		again(call, (int64_t)sim_below(a->random, 5));
}

/* ---- bodies ---- */

static size_t piece(const struct http_call *call)
{
	struct api *a = call->client->api;
	size_t n = call->out.n - call->sent, most = n;

	if (call->fault == FAULT_SLOW && a->faults)
		most = 1 + sim_below(a->random, 400);
	else if (sim_chance(a->random, 30))
		most = 1 + sim_below(a->random, 300);
	else if (sim_chance(a->random, 2))
		most = 1 + sim_below(a->random, 3);
	if (call->cut_at && call->cut_at - call->sent < most)
		most = call->cut_at - call->sent;
	return most < n ? most : n;
}

static void send_some(struct http_call *call)
{
	struct api *a = call->client->api;
	size_t n = piece(call), at = call->sent;

	if (call->fault == FAULT_CUT || call->fault == FAULT_RESET) {
		if (call->sent >= call->cut_at) {
			end_call(call, call->fault == FAULT_CUT ? ERR_NONE : ERR_IO, "the connection is reset");
			return;
		}
	}
	if (n) {
		call->sent += n;
		call->heard_ms = loop_now_ms(a->loop);
		call->busy = true;
		call->events->received(call->arg, call->out.p + at, n);
		if (!still_there(call))
			return;
	}
	if (call->sent < call->out.n) {
		again(call, call->fault == FAULT_SLOW && a->faults ? SLOW_MS : (int64_t)sim_below(a->random, 4));
	} else if (call->watch) {
		buf_clear(&call->out);
		call->cut_at -= call->cut_at > call->sent ? call->sent : call->cut_at ? call->cut_at - 1 : 0;
		call->sent = 0;
		call->stage = CALL_WATCHING;
		again(call, 0);
	} else {
		end_call(call, ERR_NONE, "");
	}
}

static void put_events(struct http_call *call)
{
	struct api *a = call->client->api;
	struct api_kind *k = &a->kinds[call->kind];

	for (; call->cursor < k->events.n; call->cursor++) {
		const struct api_event *e = &k->events.v[call->cursor];

		if (!*e->type || !wanted(call, e->object))
			continue;
		if (call->fault == FAULT_GARBAGE && a->faults && sim_chance(a->random, 30))
			buf_printf(&call->out, "%s\n", some_garbage(a));
		put_event(call, e->type, e->rest);
		if (call->fault == FAULT_TWICE)
			put_event(call, e->type, e->rest);
		if (call->fault == FAULT_BACK && a->faults && sim_chance(a->random, 50)) {
			e = &k->events.v[sim_below(a->random, call->cursor + 1)];
			if (*e->type && wanted(call, e->object))
				put_event(call, e->type, e->rest);
		}
	}
}

static void watch(struct http_call *call)
{
	struct api *a = call->client->api;
	int64_t now = loop_now_ms(a->loop), next = call->heard_ms + call->idle_ms;

	if (now >= next) {
		end_call(call, ERR_TIMEOUT, "the server is silent");
		return;
	}
	if (call->fault != FAULT_SILENT) {
		put_events(call);
		if (a->bookmarks && now >= call->bookmark_ms)
			put_bookmark(call, false);
		if (call->out.n) {
			call->stage = CALL_SENDING;
			again(call, 0);
			return;
		}
		if (now >= call->ends_ms) {
			end_call(call, ERR_NONE, "");
			return;
		}
		next = call->ends_ms < next ? call->ends_ms : next;
		next = a->bookmarks && call->bookmark_ms < next ? call->bookmark_ms : next;
	}
	again(call, next - now);
}

static void turn(void *arg)
{
	struct http_call *call = arg;
	struct api *a = call->client->api;

	if (call->stage == CALL_ASKED && (a->down || call->fault == FAULT_REFUSED)) {
		end_call(call, ERR_IO, "connection refused");
	} else if (call->stage == CALL_ASKED && call->fault == FAULT_SILENT && !call->watch) {
		if (loop_now_ms(a->loop) - call->heard_ms >= call->idle_ms)
			end_call(call, ERR_TIMEOUT, "the server is silent");
		else
			again(call, call->idle_ms);
	} else if (call->stage == CALL_ASKED) {
		answer(call);
	} else if (call->stage == CALL_SENDING) {
		send_some(call);
	} else {
		watch(call);
	}
}

/* ---- what the server does to its watches ---- */

static struct http_call *first_call(struct api *a)
{
	return a->client ? a->client->calls : NULL;
}

void http_wake(struct api *a, enum kind kind)
{
	for (struct http_call *call = first_call(a); call; call = call->next)
		if (call->kind == (int)kind && call->stage == CALL_WATCHING && call->fault != FAULT_SILENT)
			again(call, 1 + (int64_t)sim_below(a->random, LATENCY_MS));
}

void http_drop_all(struct api *a)
{
	struct http_call *call;

	/* what they ask for meanwhile is refused, later */
	for (struct http_call *c = first_call(a); c; c = c->next)
		c->dead = true;
	do {
		for (call = first_call(a); call && !call->dead; call = call->next)
			;
		if (call) {
			call->dead = false;
			end_call(call, ERR_IO, "the connection is reset");
		}
	} while (call);
}

void http_end_watches(struct api *a, enum kind kind)
{
	for (struct http_call *call = first_call(a); call; call = call->next) {
		if (call->kind != (int)kind || !call->watch)
			continue;
		call->ends_ms = loop_now_ms(a->loop) + 1000;
		if (call->stage == CALL_WATCHING)
			again(call, 1000);
	}
}
