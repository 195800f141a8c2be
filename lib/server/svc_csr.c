/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates for workloads: gRPC as Istio's agents ask, and POST /v1/certificates, JSON. Whom one
 * is for is known before (admit.c); the request gives a key. The arithmetic is an urgent job; what
 * was issued is logged: one line a certificate.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "base/scalar.h"
#include "ca/join.h"
#include "ev/file.h"
#include "server/server_int.h"
#include "xds/certificate.h"

enum { JOB_ARENA = 1024 * 1024, PEM_MAX = 32 * 1024, ANSWER_MAX = 4 * 1024 * 1024 };

/* One request under way. Of call and req one is set, until its client leaves. */
struct issue {
	struct job job;
	struct server *server;
	struct grpc_call *call;
	struct http_request *req;
	struct caller caller;
	struct ca *ca;
	uint64_t bundle;
	char host[PEER_TEXT];
	char *csr;
	struct ca_request request;
	int64_t now_s;
	int status;
	struct ca_issued out;
	struct err err;
};

static void issue_free(struct issue *i)
{
	job_fini(&i->job);
	ca_unref(i->ca);
	free(i->csr);
	free(i);
}

/* ---- the answers ---- */

static bool is_ours(const struct err *e)
{
	return e->code != ERR_SYNTAX && e->code != ERR_LIMIT && e->code != ERR_REFUSED;
}

static void answer_call(struct issue *i)
{
	struct pb_bytes b;

	i->call->state = NULL;
	if (i->status) {
		grpc_finish(i->call, is_ours(&i->err) ? GRPC_INTERNAL : GRPC_INVALID_ARGUMENT,
			    is_ours(&i->err) ? "the CA cannot sign now" : i->err.text);
		return;
	}
	b = certificate_response_build(i->out.chain, i->out.n_chain, &i->job.arena);
	grpc_send(i->call, b.p, b.n);
	grpc_finish(i->call, GRPC_OK, NULL);
}

static void answer_request(struct issue *i)
{
	struct http_header no_store = {"Cache-Control", "no-store"};
	struct http_response resp = {.status = 200,
				     .content_type = "application/json",
				     .headers = &no_store,
				     .n_headers = 1};
	char id[SPIFFE_TEXT], until[SCALAR_TIME], *text;
	json_t *body, *chain;

	if (i->status) {
		reply_problem(i->req, is_ours(&i->err) ? 500 : 400,
			      is_ours(&i->err) ? "Internal Server Error" : "Bad Request",
			      is_ours(&i->err) ? "the CA cannot sign now" : i->err.text);
		return;
	}
	chain = json_array();
	for (size_t k = 0; k + 1 < i->out.n_chain; k++)
		json_array_append_new(chain, json_string(i->out.chain[k]));
	body = json_pack("{s:s,s:s,s:s,s:o,s:s,s:s*}", "identity", spiffe_print(&i->caller.id, id),
			 "serial", i->out.serial, "notAfter", scalar_time_print(i->out.not_after_s, until),
			 "chain", chain, "roots", i->out.chain[i->out.n_chain - 1], "crl",
			 roots_crl(i->server->identity->roots));
	text = json_dumps(body, JSON_INDENT(2));
	must(text && "out of memory");
	buf_init(&resp.body, ANSWER_MAX);
	buf_printf(&resp.body, "%s\n", text);
	free(text);
	json_decref(body);
	http_reply(i->req, &resp);
}

/* Before anybody has it. */
static void log_issued(const struct issue *i)
{
	struct issued line = {.issued_s = i->now_s,
			      .until_s = i->out.not_after_s,
			      .id = i->caller.id,
			      .bundle = i->bundle};

	tbs_serial(i->request.serial, line.serial);
	snprintf(line.how, sizeof(line.how), "%s", caller_how_name(i->caller.how));
	snprintf(line.root, sizeof(line.root), "%.16s", ca_root_id(i->ca));
	snprintf(line.host, sizeof(line.host), "%s", i->host);
	roots_issued(i->server->identity->roots, &line);
}

static void on_done(struct job *job)
{
	struct issue *i = (struct issue *)((char *)job - offsetof(struct issue, job));
	struct server *s = i->server;
	char id[SPIFFE_TEXT];

	if (job->failed)
		i->status =
		    err_set(&i->err, ERR_NO_MEMORY, "no memory, or the server is going away");
	if (i->status) {
		metric_add(&s->metrics, M_CSR_SIGN_ERRORS, is_ours(&i->err) ? "ca" : "csr", 1);
		log_warn("ca", "%s: refused: %s", spiffe_print(&i->caller.id, id), i->err.text);
	} else {
		metric_add(&s->metrics, M_CSR_ISSUED, NULL, 1);
		log_issued(i);
	}
	if (i->call)
		answer_call(i);
	else if (i->req)
		answer_request(i);
	issue_free(i);
}

static void run(struct job *job)
{
	struct issue *i = (struct issue *)((char *)job - offsetof(struct issue, job));

	i->status = ca_issue(i->ca, &i->request, i->now_s, &job->arena, &i->out, &i->err);
}

/* ---- the requests ---- */

/* What an identity costs is bounded before any arithmetic; a join token is used up here. -1:
 * nothing is under way, *status says why. */
static struct issue *begin(struct server *s, const struct caller *who, const char *peer,
			   const char *csr, size_t n, int64_t ttl_s, enum grpc_status *status,
			   struct err *e)
{
	int64_t now_s = loop_wall_ns(s->loop) / 1000000000;
	struct identity *id = s->identity;
	struct caller caller = *who;
	char name[SPIFFE_NS + SPIFFE_SA];
	struct spiffe_id joined;
	struct issue *i;

	metric_add(&s->metrics, M_CSR_COUNT, NULL, 1);
	*status = GRPC_INVALID_ARGUMENT;
	if (!n || n > PEM_MAX) {
		err_set(e, ERR_LIMIT, "no certificate request, or one of more than %d bytes",
			PEM_MAX);
		return NULL;
	}
	if (caller.how == CALLER_JOIN) {
		*status = GRPC_UNAUTHENTICATED;
		if (join_redeem(id->join_dir, caller.join, strlen(caller.join), now_s, &joined,
				e) ||
		    spiffe_make(id->authn.trust.domain, joined.ns, joined.sa, &caller.id, e)) {
			metric_add(&s->metrics, M_AUTHN_FAILURES, NULL, 1);
			return NULL;
		}
	}
	*status = GRPC_RESOURCE_EXHAUSTED;
	snprintf(name, sizeof(name), "%s/%s", caller.id.ns, caller.id.sa);
	if (!buckets_take(&id->signatures, name, loop_now_ms(s->loop))) {
		err_set(e, ERR_LIMIT, "too many certificates for this identity");
		return NULL;
	}
	i = calloc(1, sizeof(*i));
	must(i && "out of memory");
	*i = (struct issue){.server = s,
			    .caller = caller,
			    .ca = ca_ref(id->ca),
			    .bundle = roots_rotation(id->roots)->s.bundle,
			    .now_s = now_s,
			    .csr = strndup(csr, n)};
	must(i->csr && "out of memory");
	peer_host(peer, i->host);
	i->request = (struct ca_request){
	    .id = &i->caller.id, .csr = i->csr, .n_csr = strlen(i->csr), .ttl_s = ttl_s};
	*status = GRPC_INTERNAL;
	if (!loop_random(s->loop, i->request.serial, sizeof(i->request.serial)))
		return i;
	err_set(e, ERR_IO, "no random bytes");
	ca_unref(i->ca);
	free(i->csr);
	free(i);
	return NULL;
}

static void submit(struct issue *i)
{
	job_init(&i->job, JOB_URGENT, JOB_ARENA, run, on_done);
	job_submit(i->server->jobs, &i->job);
}

static void open_call(struct grpc_call *call)
{
	call->state = NULL;
}

static void refuse_call(struct grpc_call *call, enum grpc_status status, const struct err *e)
{
	struct server *s = call->arg;

	metric_add(&s->metrics, M_CSR_BAD, NULL, 1);
	log_warn("ca", "%s: refused: %s", call->peer, e->text);
	grpc_finish(call, status, e->text);
}

static void message(struct grpc_call *call, const uint8_t *p, size_t n)
{
	struct server *s = call->arg;
	struct certificate_request r;
	enum grpc_status status;
	struct issue *i;
	struct arena a;
	struct err e;

	if (call->state) {
		grpc_finish(call, GRPC_INVALID_ARGUMENT, "one request a call");
		return;
	}
	arena_init(&a, 0);
	if (certificate_request_decode(p, n, &a, &r, &e)) {
		refuse_call(call, GRPC_INVALID_ARGUMENT, &e);
	} else if (r.impersonates) {
		err_set(&e, ERR_REFUSED, "nobody may ask for another identity");
		refuse_call(call, GRPC_PERMISSION_DENIED, &e);
	} else if (!(i = begin(s, call->caller, call->peer, r.csr, strlen(r.csr), r.ttl_s, &status, &e))) {
		refuse_call(call, status, &e);
	} else {
		i->call = call;
		call->state = i;
		submit(i);
	}
	arena_fini(&a);
}

static void half_close(struct grpc_call *call)
{
	if (!call->state && !call->finished)
		grpc_finish(call, GRPC_INVALID_ARGUMENT, "a call without a request");
}

static void closed(struct grpc_call *call)
{
	struct issue *i = call->state;

	if (i)
		i->call = NULL;
}

static void on_gone(struct http_request *req, void *arg)
{
	struct issue *i = arg;

	(void)req;
	i->req = NULL;
}

static const char *read_body(const struct http_request *req, json_t **root, int64_t *ttl_s)
{
	json_t *ttl;

	*root = json_loadb((const char *)req->body, req->n_body, JSON_REJECT_DUPLICATES, NULL);
	ttl = json_object_get(*root, "ttlSeconds");
	if (!json_is_string(json_object_get(*root, "csr")) || (ttl && !json_is_integer(ttl)) ||
	    json_object_size(*root) != (ttl ? 2u : 1u))
		return NULL;
	*ttl_s = ttl ? json_integer_value(ttl) : 0;
	return json_string_value(json_object_get(*root, "csr"));
}

static void refuse_request(struct http_request *req, enum grpc_status status, const struct err *e)
{
	struct server *s = req->arg;

	metric_add(&s->metrics, M_CSR_BAD, NULL, 1);
	log_warn("ca", "%s: refused: %s", req->peer, e->text);
	if (status == GRPC_UNAUTHENTICATED)
		reply_problem(req, 401, "Unauthorized", e->text);
	else if (status == GRPC_RESOURCE_EXHAUSTED)
		reply_problem(req, 429, "Too Many Requests", e->text);
	else
		reply_problem(req, status == GRPC_INTERNAL ? 500 : 400,
			      status == GRPC_INTERNAL ? "Internal Server Error" : "Bad Request",
			      e->text);
}

static void post_certificates(struct http_request *req)
{
	json_t *root;
	int64_t ttl_s;
	const char *csr = read_body(req, &root, &ttl_s);
	enum grpc_status status = GRPC_INVALID_ARGUMENT;
	struct issue *i = NULL;
	struct err e;

	if (!csr)
		err_set(&e, ERR_SYNTAX,
			"the body is a JSON object of csr, a PEM text, and, if wanted, ttlSeconds");
	else
		i = begin(req->arg, req->caller, req->peer, csr, strlen(csr), ttl_s, &status, &e);
	json_decref(root);
	if (!i) {
		refuse_request(req, status, &e);
		return;
	}
	i->req = req;
	http_hold(req, on_gone, i);
	submit(i);
}

const struct grpc_method csr_methods[] = {
    {.path = "/istio.v1.auth.IstioCertificateService/CreateCertificate",
     .open = open_call,
     .message = message,
     .half_close = half_close,
     .closed = closed},
};
const size_t n_csr_methods = ARRAY_LEN(csr_methods);

const struct http_entry csr_routes[] = {{"POST", "/v1/certificates", post_certificates}};
const size_t n_csr_routes = ARRAY_LEN(csr_routes);
