/* SPDX-License-Identifier: Apache-2.0
 *
 * REST xDS: POST /v3/discovery:<type>, JSON in and out, long poll. A version is the hash of what is
 * sent; equal means 304. A client acknowledges by asking with the new version; one that goes on
 * asking with the old one has refused it, and gets it twice more, then waits for the next (Envoy
 * never says why over REST; dependencies.md 7.5).
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "server/server_int.h"
#include "xds/pbjson.h"

enum {
	HOLD_DEFAULT_MS = 800, /* Envoy's request_timeout is 1 s unless set */
	HOLD_MAX_MS = 60 * 1000,
	SENDS_MAX = 3,			/* of one version, until it counts as refused */
	FORGET_MS = 5 * 60 * 1000,   /* a proxy that has not polled for so long has gone */
	BODY_MAX = 32 * 1024 * 1024, /* Envoy reads no more */
	/* A client is whoever names itself, and is kept FORGET_MS: what names cost is bounded. */
	CLIENTS_MAX = 20000,
	SUBSCRIPTIONS_MAX = 4096, /* of a client: a type and its names */
};

/* What was sent last for one subscription: a type and its names. */
struct rest_sent {
	enum xds_type type;
	char version[HASH_HEX_LEN + 1], acked[HASH_HEX_LEN + 1];
	unsigned times; /* that version was sent without being acknowledged */
};

/* A held poll. */
struct poll {
	struct poll *next, **at;
	struct client *client;
	struct http_request *req;
	enum xds_type type;
	struct strs names;
	const char *version; /* that the client has */
	const char *key;     /* of its subscription */
	struct loop_timer timeout;
};

struct rest_state {
	struct map sent; /* "<type>|<names>" -> struct rest_sent */
	struct poll *polls;
	int64_t last_ms;
};

/* ---- what a subscription holds now ---- */

struct selection {
	const struct res **v;
	size_t n;
	char version[HASH_HEX_LEN + 1];
};

static void select_resources(const struct bundle *b, enum xds_type type, const struct strs *names,
			     struct arena *a, struct selection *out)
{
	const struct res_set *set = b->set[type];
	struct hash128 h = {0};

	*out = (struct selection){.v = arena_array(a, const struct res *, names->n + set->n)};
	if (xds_type_info(type)->wildcard && !names->n) {
		for (size_t i = 0; i < set->n; i++)
			out->v[out->n++] = set->row[i].res;
		memcpy(out->version, set->version, sizeof(out->version));
		return;
	}
	for (size_t i = 0; i < names->n; i++) {
		const struct res *r = res_set_find(set, names->v[i]);

		h = hash_mix_str(h, names->v[i]);
		if (r) {
			h = hash_mix(h, r->hash);
			out->v[out->n++] = r;
		}
	}
	hash_hex(h, out->version);
}

/* The resource as an Any: its "@type" joins the members that pbjson prints. */
static void print_resource(const struct res *r, struct buf *out)
{
	const struct xds_type_info *info = xds_type_info(r->type);
	const struct pb_msg *m = pb_type_find(info->message, strlen(info->message));
	struct pb_bytes bytes = {r->bytes, r->len};
	size_t at;
	struct err e;

	must(m);
	buf_printf(out, "{\"@type\":\"%s\"", info->type_url);
	at = out->n;
	if (pbjson_print(m, bytes, PBJSON_SNAKE, out, &e)) {
		log_error("rest", "%s %s: %s", info->short_name, r->name, e.text);
		out->failed = true;
	} else if (out->n - at > 2) {
		out->p[at] = ','; /* in place of its opening brace */
	} else {
		out->n = at;
		buf_char(out, '}');
	}
}

static void reply_json(struct http_request *req, unsigned status, struct buf *body)
{
	struct http_response resp = {
	    .status = status, .content_type = "application/json", .body = *body};

	http_reply(req, &resp);
}

static void reply_not_modified(struct client *c, struct http_request *req)
{
	struct http_response resp = {.status = 304};

	buf_init(&resp.body, 1);
	metric_add(&c->server->metrics, M_REST_POLLS, "not-modified", 1);
	http_reply(req, &resp);
}

static void reply_selection(struct client *c, struct http_request *req, enum xds_type type,
			    const struct selection *sel)
{
	struct buf body;

	buf_init(&body, BODY_MAX);
	buf_printf(&body, "{\"version_info\":\"%s\",\"type_url\":\"%s\",\"resources\":[",
		   sel->version, xds_type_info(type)->type_url);
	for (size_t i = 0; i < sel->n; i++) {
		if (i)
			buf_char(&body, ',');
		print_resource(sel->v[i], &body);
	}
	buf_str(&body, "]}");
	if (body.failed) {
		buf_fini(&body);
		log_error("rest",
			  "%s: the answer is larger than Envoy takes over REST (32 MB); use gRPC",
			  c->proxy.id);
		http_reply_text(req, 503, "the answer is larger than the client takes\n");
		return;
	}
	metric_add(&c->server->metrics, M_REST_POLLS, "content", 1);
	c->server->sent[type].responses++;
	c->server->sent[type].bytes += body.n;
	reply_json(req, 200, &body);
}

/* ---- polls ---- */

static void poll_free(struct poll *p)
{
	loop_timer_stop(p->client->server->loop, &p->timeout);
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
}

/* Answers the poll if there is something new for it. */
static bool poll_answer(struct poll *p)
{
	struct client *c = p->client;
	struct bundle *b = publisher_bundle(&c->sub);
	struct rest_sent *sent = map_get(&c->rest->sent, p->key);
	struct arena_mark mark = arena_mark(p->req->arena);	/* a held poll must not grow */
	struct selection sel;
	bool fresh;

	if (!b)
		return false;
	select_resources(b, p->type, &p->names, p->req->arena, &sel);
	fresh = strcmp(sel.version, sent->version) != 0;
	if (!strcmp(sel.version, p->version)) {
		arena_rewind(p->req->arena, mark);
		sent->times = 0;
		memcpy(sent->version, sel.version, sizeof(sel.version));
		memcpy(sent->acked, sel.version, sizeof(sel.version));
		return false;
	}
	if (!fresh && sent->times >= SENDS_MAX)
		arena_rewind(p->req->arena, mark);
	if (!fresh && sent->times > SENDS_MAX)
		return false;
	if (!fresh && sent->times == SENDS_MAX) {
		metric_add(&c->server->metrics, M_XDS_REJECTS, xds_type_info(p->type)->rest, 1);
		log_warn(
		    "rest",
		    "%s goes on asking for %s with an old version: it refused what it was sent",
		    c->proxy.id, xds_type_info(p->type)->rest);
		sent->times++;
		return false;
	}
	sent->times = fresh ? 1 : sent->times + 1;
	memcpy(sent->version, sel.version, sizeof(sel.version));
	poll_free(p);
	reply_selection(c, p->req, p->type, &sel);
	return true;
}

static void poll_timed_out(void *arg)
{
	struct poll *p = arg;
	struct client *c = p->client;
	struct http_request *req = p->req;

	poll_free(p);
	if (publisher_bundle(&c->sub))
		reply_not_modified(c, req);
	else
		http_reply_text(req, 503, "the configuration is still being read\n");
}

static void poll_gone(struct http_request *req, void *arg)
{
	(void)req;
	poll_free(arg);
}

/* A poll is answered before Envoy gives up on it (it sends its timeout with every poll). */
static int64_t hold_ms(const struct http_request *req)
{
	const char *given = http_header(req, "x-envoy-expected-rq-timeout-ms");
	long ms = given ? strtol(given, NULL, 10) : 0;

	if (ms <= 0)
		return HOLD_DEFAULT_MS;
	return ms / 10 * 8 < HOLD_MAX_MS ? ms / 10 * 8 : HOLD_MAX_MS;
}

static void updated(struct subscriber *sub, struct bundle *b)
{
	struct client *c = (struct client *)((char *)sub - offsetof(struct client, sub));

	(void)b;
	for (struct poll *p = c->rest->polls, *next; p; p = next) {
		next = p->next;
		poll_answer(p);
	}
}

/* ---- clients ---- */

static void rest_client_free(struct client *c);

/* A client is the node and who asks for it: another caller with the same node id is another client (R4). */
static bool is_same_caller(const struct caller *a, const struct caller *b)
{
	return (a->how == CALLER_NONE) == (b->how == CALLER_NONE) && (a->how == CALLER_NONE || spiffe_equal(&a->id, &b->id));
}

static struct client *find_client(struct server *s, const char *node_id, const char *cluster, const struct caller *caller)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (c->rest && !strcmp(c->proxy.id, node_id) && !strcmp(c->proxy.rest_cluster, cluster) &&
		    is_same_caller(c->caller, caller))
			return c;
	}
	return NULL;
}

static const char *claim(const struct xds_node *node, const char *key)
{
	const char *text = node->metadata ? node_text(node->metadata, key) : NULL;

	return text ? text : "";
}

/* Each poll brings its node, and each is held to it. */
static int check_claims(const struct caller *who, const struct xds_node *node, struct err *e)
{
	return who->how == CALLER_NONE ? 0 : authz_claims(who, node->id, claim(node, "NAMESPACE"), claim(node, "SERVICE_ACCOUNT"), e);
}

static struct client *client_of(struct server *s, struct http_request *req,
				const struct xds_request *r, struct err *e)
{
	/* Envoy's Host is the name of its xDS cluster, which resources have to name again */
	const char *cluster = http_header(req, "host");
	struct client *c;

	if (!r->has_node) {
		err_set(e, ERR_SYNTAX, "the request has no node");
		return NULL;
	}
	if (check_claims(req->caller, &r->node, e))
		return NULL;
	if (!cluster || !*cluster)
		cluster = "xds-grpc";
	c = find_client(s, r->node.id, cluster, req->caller);
	if (c)
		return c;
	if (s->n_clients >= CLIENTS_MAX) {
		err_set(e, ERR_LIMIT, "%d clients are connected: no more are taken over REST", CLIENTS_MAX);
		return NULL;
	}
	c = client_new(s, req->peer, "rest");
	c->caller = arena_copy(&c->arena, req->caller, sizeof(struct caller));
	c->rest = calloc(1, sizeof(*c->rest));
	must(c->rest && "out of memory");
	map_init(&c->rest->sent, NULL);
	c->sub.updated = updated;
	if (client_identify(c, &r->node, cluster, e)) {
		rest_client_free(c);
		return NULL;
	}
	log_info("rest", "%s polls from %s, %s", c->proxy.id, c->peer, c->user_agent);
	publisher_subscribe(s->pub, &c->sub);
	return c;
}

static void free_sent(const char *key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	free(value);
}

static void rest_client_free(struct client *c)
{
	for (struct poll *p = c->rest->polls, *next; p; p = next) {
		struct http_request *req = p->req;

		next = p->next;
		poll_free(p);
		http_reply_text(req, 503, "the server is going away\n");
	}
	map_each(&c->rest->sent, free_sent, NULL);
	map_fini(&c->rest->sent);
	free(c->rest);
	c->rest = NULL;
	client_free(c);
}

void rest_expire(struct server *s, bool all)
{
	int64_t now_ms = loop_now_ms(s->loop);

	for (struct client *c = s->clients, *next; c; c = next) {
		next = c->next;
		if (c->rest && (all || (!c->rest->polls && now_ms - c->rest->last_ms > FORGET_MS)))
			rest_client_free(c);
	}
}

/* Over the subscriptions of a type: the worst of them. */
struct summary {
	enum xds_type type;
	struct session_status *out;
};

static void sum_up(const char *key, void *value, void *arg)
{
	const struct rest_sent *sent = value;
	struct summary *sum = arg;
	enum sync_state state = sent->times > SENDS_MAX ? SYNC_REJECTED
				: sent->times		 ? SYNC_WAITING
							 : SYNC_SYNCED;

	(void)key;
	if (sent->type != sum->type)
		return;
	if (state >= sum->out->state) {
		sum->out->state = state;
		memcpy(sum->out->sent, sent->version, sizeof(sum->out->sent));
		memcpy(sum->out->acked, sent->acked, sizeof(sum->out->acked));
	}
	if (state == SYNC_REJECTED)
		sum->out->reject_text =
		    "asked again with an old version; REST clients do not say why";
}

void rest_status(const struct client *c, enum xds_type t, struct session_status *out)
{
	struct summary sum = {.type = t, .out = out};

	*out = (struct session_status){.state = SYNC_NOT_SUBSCRIBED};
	map_each(&c->rest->sent, sum_up, &sum);
}

/* ---- the handler ---- */

/* "<type>|<name>|<name>": names arrive sorted. */
static const char *subscription_key(enum xds_type type, const struct strs *names, struct arena *a)
{
	struct hash128 h = {0};
	char hex[HASH_HEX_LEN + 1];

	for (size_t i = 0; i < names->n; i++)
		h = hash_mix_str(h, names->v[i]);
	return arena_printf(a, "%d|%s", (int)type, hash_hex(h, hex));
}

static struct strs copy_names(const struct strs *names, struct arena *a)
{
	const char **v = arena_array(a, const char *, names->n);

	for (size_t i = 0; i < names->n; i++)
		v[i] = arena_strdup(a, names->v[i]);
	return (struct strs){v, names->n};
}

static int keep_sent(struct client *c, const char *key, enum xds_type type, struct err *e)
{
	struct rest_sent *sent = map_get(&c->rest->sent, key);

	if (sent)
		return 0;
	if (map_count(&c->rest->sent) >= SUBSCRIPTIONS_MAX)
		return err_set(e, ERR_LIMIT, "%s has asked for %d different lists of names; no more are kept",
			       c->proxy.id, SUBSCRIPTIONS_MAX);
	sent = calloc(1, sizeof(*sent));
	must(sent && "out of memory");
	sent->type = type;
	*map_slot(&c->rest->sent, key) = sent;
	return 0;
}

/* What is kept of the request, which ends with the handler, is copied. */
static int hold(struct client *c, struct http_request *req, enum xds_type type,
		const struct xds_request *r, struct err *e)
{
	const char *key = subscription_key(type, &r->names, req->arena);
	struct poll *p;

	if (keep_sent(c, key, type, e))
		return -1;
	p = arena_new(req->arena, struct poll);

	p->client = c;
	p->req = req;
	p->type = type;
	p->names = copy_names(&r->names, req->arena);
	p->version = arena_strdup(req->arena, r->version);
	p->key = key;
	p->next = c->rest->polls;
	p->at = &c->rest->polls;
	if (p->next)
		p->next->at = &p->next;
	c->rest->polls = p;
	if (poll_answer(p))
		return 0;
	http_hold(req, poll_gone, p);
	loop_timer_start(c->server->loop, &p->timeout, hold_ms(req), poll_timed_out, p);
	return 0;
}

static int type_of_path(const char *path)
{
	const char *word = strchr(path, ':');

	for (int t = 0; word && t < XDS_TYPES; t++) {
		if (!strcmp(word + 1, xds_type_info((enum xds_type)t)->rest))
			return t;
	}
	return -1;
}

static void refuse(struct http_request *req, unsigned status, const struct err *e)
{
	struct server *s = req->arg;
	char text[300];

	metric_add(&s->metrics, M_XDS_REQUESTS_BAD, NULL, 1);
	snprintf(text, sizeof(text), "%s\n", e->text);
	http_reply_text(req, status, text);
}

static void discover(struct http_request *req)
{
	struct server *s = req->arg;
	int type = type_of_path(req->path);
	struct xds_request r;
	struct client *c;
	struct arena a;
	struct err e;

	if (type < 0) {
		http_reply_text(req, 404,
				"no such type; these are served: clusters, endpoints, listeners, "
				"routes, secrets, names\n");
		return;
	}
	arena_init(&a, 0);
	if (xds_request_decode_json((const char *)req->body, req->n_body, &a, &r, &e)) {
		refuse(req, 400, &e);
	} else if (!admit_type(s, (enum xds_type)type, req->from, req->caller)) {
		err_set(&e, ERR_REFUSED, "secrets are not for this caller");
		refuse(req, 403, &e);
	} else if (!(c = client_of(s, req, &r, &e))) {
		refuse(req, e.code == ERR_LIMIT ? 429 : e.code == ERR_REFUSED ? 403 : 400, &e);
	} else {
		c->rest->last_ms = loop_now_ms(s->loop);
		if (hold(c, req, (enum xds_type)type, &r, &e))
			refuse(req, 429, &e);
	}
	arena_fini(&a);
}

const struct http_entry rest_routes[] = {{"POST", "/v3/discovery:*", discover}};
const size_t n_rest_routes = ARRAY_LEN(rest_routes);
