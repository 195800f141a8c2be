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
	enum { PASS, UNKNOWN, DENIED, BUSY } is;
	const char *why; /* for the peer: says no more than it knows already */
};

/* TLS has paid for certificates. Tokens that do not hold are paid from their address's bucket, so
 * that a flood of them costs a look-up each and no arithmetic; who has a certificate is not held up
 * by it (R9). */
static struct answer identify(struct server *s, const struct http_peer *from,
			      const char *authorization, struct arena *a, struct caller *out)
{
	struct identity *id = s->identity;
	int64_t now_ms = loop_now_ms(s->loop), now_s = loop_wall_ns(s->loop) / 1000000000;
	char host[PEER_TEXT];
	struct err e;

	if ((from->cert || !authorization) &&
	    !authn_caller(&id->authn, from, NULL, now_s, a, out, &e))
		return (struct answer){PASS, NULL};
	if (authorization) {
		if (!buckets_has(&id->failures, peer_host(from->address, host), now_ms))
			return (struct answer){BUSY, "too many failed attempts"};
		if (!authn_caller(&id->authn, from, authorization, now_s, a, out, &e))
			return (struct answer){PASS, NULL};
		buckets_take(&id->failures, host, now_ms);
	}
	metric_add(&s->metrics, M_AUTHN_FAILURES, NULL, 1);
	log_warn("authn", "%s: %s", from->address, e.text);
	return (struct answer){UNKNOWN, "the credential does not hold"};
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
					{"WWW-Authenticate", "Bearer"}};
	struct http_response resp = {.status = status,
				     .content_type = "application/problem+json",
				     .headers = headers,
				     .n_headers = status == 401 ? 2 : 1};
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

bool admit_request(struct http_request *req, const struct http_entry *entry)
{
	struct server *s = req->arg;
	const struct caller *who;
	enum need need = authz_route(entry->method, entry->path, (enum port_id)req->from->port);
	struct answer answer = admit(s, need, req->from, http_header(req, "authorization"), req->arena, &who);

	req->caller = who;
	if (need == LOOPBACK && !http_is_local(http_header(req, "host"), http_header(req, "origin")))
		answer = (struct answer){DENIED, "not for pages of elsewhere"};
	switch (answer.is) {
	case PASS: return true;
	case UNKNOWN: reply_problem(req, 401, "Unauthorized", answer.why); break;
	case DENIED: reply_problem(req, 403, "Forbidden", answer.why); break;
	case BUSY: reply_problem(req, 429, "Too Many Requests", answer.why); break;
	}
	return false;
}

enum grpc_status admit_call(struct grpc_call *call, const char **why)
{
	static const enum grpc_status status[] = {[PASS] = GRPC_OK,
						  [UNKNOWN] = GRPC_UNAUTHENTICATED,
						  [DENIED] = GRPC_PERMISSION_DENIED,
						  [BUSY] = GRPC_RESOURCE_EXHAUSTED};
	struct server *s = call->arg;
	const struct caller *who;
	struct answer answer =
	    admit(s, authz_route("GRPC", call->method->path, (enum port_id)call->from->port),
		  call->from, grpc_header(call, "authorization"), h2_arena(call->stream), &who);

	call->caller = who;
	*why = answer.why;
	return status[answer.is];
}

/* A type of resources, of a caller that its route has let in. */
bool admit_type(const struct server *s, enum xds_type type, const struct http_peer *from,
		const struct caller *who)
{
	return authz_check(s->identity ? &s->identity->authz : NULL,
			   authz_type(type, (enum port_id)from->port), who, from) == AUTHZ_YES;
}
