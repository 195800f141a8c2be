/* SPDX-License-Identifier: Apache-2.0
 *
 * What every request and call passes before its handler: who is it (authn), may it (authz), has it
 * failed too often. The only place where ports ask the table.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "ca/join.h"
#include "server/server_int.h"

static const struct caller nobody = {.how = CALLER_NONE};

const char *peer_host(const char *address, char out[PEER_TEXT])
{
	const char *colon = strrchr(address, ':');

	snprintf(out, PEER_TEXT, "%.*s", (int)(colon ? (size_t)(colon - address) : strlen(address)),
		 address);
	return out;
}

struct answer {
	enum { PASS, UNKNOWN, DENIED, BUSY, LATER, WAIT } is;
	const char *why; /* for the peer: says no more than it knows already */
};

/* What the API server says of a token that is not known here, or is bound to a pod. *status: what was found here; it
 * stays while the API server gives no answer. Each review that is begun is paid as a failure is. */
static struct answer review(struct server *s, const struct http_peer *from, const char *token, struct caller *out, int *status)
{
	struct identity *id = s->identity;
	int64_t now_ms = loop_now_ms(s->loop);
	char host[PEER_TEXT];
	struct spiffe_id who;
	struct err e;
	bool started;
	enum review is = reviews_ask(s->reviews, token, strlen(token), buckets_has(&id->failures, peer_host(from->address, host), now_ms),
				     &started, &who);

	if (started)
		buckets_take(&id->failures, host, now_ms);
	switch (is) {
	case REVIEW_YES:
		*out = (struct caller){.how = CALLER_TOKEN};
		*status = spiffe_make(id->authn.trust.domain, who.ns, who.sa, &out->id, &e);
		break;
	case REVIEW_NO: *status = -1; break;
	case REVIEW_BUSY: return (struct answer){BUSY, "too many tokens to review"};
	case REVIEW_PENDING: return (struct answer){WAIT, "the token is under review, ask again"};
	case REVIEW_FAILED:
		if (*status)
			return (struct answer){LATER, "the token cannot be reviewed now"};
		break;
	case REVIEW_NONE: break;
	}
	return (struct answer){PASS, NULL};
}

static bool wants_review(const struct server *s, const char *authorization, const struct caller *who, int status, const struct err *e)
{
	const char *token = authn_bearer(authorization);

	if (!s->reviews || !token || join_is_token(token, strlen(token)) || strlen(token) > JWT_MAX)
		return false;
	return status ? e->code == ERR_NOT_FOUND : who->is_bound;
}

static struct answer identify_token(struct server *s, const struct http_peer *from, const char *authorization, struct arena *a,
				    struct caller *out, struct err *e)
{
	struct identity *id = s->identity;
	int64_t now_ms = loop_now_ms(s->loop), now_s = loop_wall_ns(s->loop) / 1000000000;
	char host[PEER_TEXT];
	struct answer answer = {PASS, NULL};
	int status;

	if (!buckets_has(&id->failures, peer_host(from->address, host), now_ms))
		return (struct answer){BUSY, "too many failed attempts"};
	status = authn_caller(&id->authn, from, authorization, now_s, a, out, e);
	if (wants_review(s, authorization, out, status, e))
		answer = review(s, from, authn_bearer(authorization), out, &status);
	if (answer.is != PASS || !status)
		return answer;
	buckets_take(&id->failures, host, now_ms);
	return (struct answer){UNKNOWN, "the credential does not hold"};
}

/* TLS has paid for certificates. Tokens that do not hold are paid from their address's bucket, so
 * that a flood of them costs a look-up each and no arithmetic; who has a certificate is not held up
 * by it (R9). */
static struct answer identify(struct server *s, const struct http_peer *from,
			      const char *authorization, struct arena *a, struct caller *out)
{
	struct identity *id = s->identity;
	int64_t now_s = loop_wall_ns(s->loop) / 1000000000;
	struct answer answer = {UNKNOWN, "the credential does not hold"};
	struct err e = {.text = "the API server does not know the token"};

	if ((from->cert || !authorization) &&
	    !authn_caller(&id->authn, from, NULL, now_s, a, out, &e))
		return (struct answer){PASS, NULL};
	if (authorization)
		answer = identify_token(s, from, authorization, a, out, &e);
	if (answer.is == UNKNOWN) {
		metric_add(&s->metrics, M_AUTHN_FAILURES, NULL, 1);
		log_warn("authn", "%s: %s", from->address, e.text);
	}
	return answer;
}

static struct answer admit(struct server *s, enum need need, const struct http_peer *from,
			   const char *authorization, struct arena *a, const struct caller **who)
{
	bool asks = need == WORKLOAD || need == NEWCOMER || need == ADMINISTRATOR;
	struct caller *caller = arena_new(a, struct caller);
	struct answer answer = {PASS, NULL};

	*who = &nobody;
	if (asks)
		answer = identify(s, from, authorization, a, caller);
	if (answer.is != PASS)
		return answer;
	*who = caller;
	switch (authz_check(s->identity ? &s->identity->authz : NULL, need, caller, from)) {
	case AUTHZ_YES: return answer;
	case AUTHZ_WHO:
		return (struct answer){UNKNOWN, "a certificate of the mesh or a token is needed"};
	case AUTHZ_NO: break;
	}
	return (struct answer){DENIED, "not for this caller"};
}

void reply_problem(struct http_request *req, unsigned status, const char *title, const char *detail)
{
	struct http_header headers[] = {{"Cache-Control", "no-store"},
					{status == 503 ? "Retry-After" : "WWW-Authenticate", status == 503 ? "1" : "Bearer"}};
	struct http_response resp = {.status = status,
				     .content_type = "application/problem+json",
				     .headers = headers,
				     .n_headers = status == 401 || status == 503 ? 2 : 1};
	json_t *body = json_pack("{s:s,s:s,s:i,s:s}", "type", "about:blank", "title", title,
				 "status", (int)status, "detail", detail);
	char *text = json_dumps(body, JSON_COMPACT);

	must(text && "out of memory");
	buf_init(&resp.body, strlen(text) + 2);
	buf_printf(&resp.body, "%s\n", text);
	free(text);
	json_decref(body);
	http_reply(req, &resp);
}

/* ---- those who wait for a review ---- */

enum { EARLY_BODY_MAX = 64 * 1024 };

/* Of req and call one is set. */
struct pending {
	struct review_wait wait;
	struct server *server;
	struct http_request *req;
	const struct http_entry *entry;
	void *body; /* of req */
	size_t n_body;
	struct grpc_call *call;
};

static void pending_free(struct pending *p)
{
	reviews_leave(p->server->reviews, &p->wait);
	free(p->body);
	free(p);
}

static void pending_gone(struct http_request *req, void *arg)
{
	(void)req;
	pending_free(arg);
}

static void pending_dropped(struct grpc_call *call)
{
	pending_free(call->admission);
}

static void resume(void *arg);

/* NULL: too many wait. */
static struct pending *pending_new(struct server *s, const char *authorization)
{
	struct pending *p = calloc(1, sizeof(*p));
	const char *token = authn_bearer(authorization);

	must(p && "out of memory");
	*p = (struct pending){.wait = {.fn = resume, .arg = p}, .server = s};
	if (!reviews_wait(s->reviews, token, strlen(token), &p->wait))
		return p;
	free(p);
	return NULL;
}

static bool hold_request(struct http_request *req, const struct http_entry *entry)
{
	struct pending *p = req->n_body <= EARLY_BODY_MAX ? pending_new(req->arg, http_header(req, "authorization")) : NULL;

	if (!p)
		return false;
	p->req = req;
	p->entry = entry;
	p->n_body = req->n_body;
	p->body = malloc(req->n_body + 1);
	must(p->body && "out of memory");
	memcpy(p->body, req->n_body ? (const void *)req->body : "", req->n_body);
	http_hold(req, pending_gone, p);
	return true;
}

static bool hold_call(struct grpc_call *call)
{
	struct pending *p = pending_new(call->arg, grpc_header(call, "authorization"));

	if (!p)
		return false;
	p->call = call;
	call->admission = p;
	call->dropped = pending_dropped;
	return true;
}

/* ---- requests ---- */

static struct answer judge_request(struct http_request *req, const struct http_entry *entry)
{
	const struct caller *who;
	enum need need = authz_route(entry->method, entry->path, (enum port_id)req->from->port);
	struct answer answer = admit(req->arg, need, req->from, http_header(req, "authorization"), req->arena, &who);

	req->caller = who;
	if (need == LOOPBACK && !http_is_local(http_header(req, "host"), http_header(req, "origin")))
		answer = (struct answer){DENIED, "not for pages of elsewhere"};
	return answer;
}

static bool answer_request(struct http_request *req, struct answer answer)
{
	switch (answer.is) {
	case PASS: return true;
	case UNKNOWN: reply_problem(req, 401, "Unauthorized", answer.why); break;
	case DENIED: reply_problem(req, 403, "Forbidden", answer.why); break;
	case BUSY: reply_problem(req, 429, "Too Many Requests", answer.why); break;
	case LATER:
	case WAIT: reply_problem(req, 503, "Service Unavailable", answer.why); break;
	}
	return false;
}

bool admit_request(struct http_request *req, const struct http_entry *entry)
{
	struct answer answer = judge_request(req, entry);

	return !(answer.is == WAIT && hold_request(req, entry)) && answer_request(req, answer);
}

/* ---- calls ---- */

static enum grpc_status judge_call(struct grpc_call *call, const char **why)
{
	static const enum grpc_status status[] = {[PASS] = GRPC_OK,
						  [UNKNOWN] = GRPC_UNAUTHENTICATED,
						  [DENIED] = GRPC_PERMISSION_DENIED,
						  [BUSY] = GRPC_RESOURCE_EXHAUSTED,
						  [LATER] = GRPC_UNAVAILABLE,
						  [WAIT] = GRPC_WAIT};
	struct server *s = call->arg;
	const struct caller *who;
	struct answer answer =
	    admit(s, authz_route("GRPC", call->method->path, (enum port_id)call->from->port),
		  call->from, grpc_header(call, "authorization"), h2_arena(call->stream), &who);

	call->caller = who;
	*why = answer.why;
	return status[answer.is];
}

enum grpc_status admit_call(struct grpc_call *call, const char **why)
{
	enum grpc_status status = judge_call(call, why);

	return status == GRPC_WAIT && !hold_call(call) ? GRPC_UNAVAILABLE : status;
}

/* The answer is here, and everything is judged anew. Who is gone had left; what waits again would wait for ever. */
static void resume(void *arg)
{
	struct pending *p = arg;
	struct grpc_call *call = p->call;
	const char *why;

	if (call) {
		enum grpc_status status = judge_call(call, &why);

		pending_free(p);
		grpc_admit(call, status == GRPC_WAIT ? GRPC_UNAVAILABLE : status, why);
		return;
	}
	if (answer_request(p->req, judge_request(p->req, p->entry)))
		http_resume(p->req, p->entry, p->body, p->n_body);
	pending_free(p);
}

/* A type of resources, of a caller that its route has let in. */
bool admit_type(const struct server *s, enum xds_type type, const struct http_peer *from,
		const struct caller *who)
{
	return authz_check(s->identity ? &s->identity->authz : NULL,
			   authz_type(type, (enum port_id)from->port), who, from) == AUTHZ_YES;
}
