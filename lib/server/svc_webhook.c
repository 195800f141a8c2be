/* SPDX-License-Identifier: Apache-2.0
 *
 * The webhook's port: POST /validate, GET /readyz. A review is an urgent job; how many bytes of reviews
 * are held at once is bounded, for anyone who reaches the port may send them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/must.h"
#include "ev/job.h"
#include "server/admission.h"
#include "server/server_int.h"

enum { HELD_MAX = 64 * 1024 * 1024 };

struct validation {
	struct job job;
	struct server *server;
	struct http_request *req; /* NULL: its client has left */
	char *review;
	size_t n;
	struct buf answer;
	struct admission_result result;
	int status;
	struct err err;
};

static void refuse(struct http_request *req, unsigned status, const char *title, const char *why)
{
	struct server *s = req->arg;
	char text[16];

	snprintf(text, sizeof(text), "%u", status);
	metric_add(&s->metrics, M_VALIDATION_HTTP_ERRORS, text, 1);
	log_warn("webhook", "%s: %u: %s", req->peer, status, why);
	reply_problem(req, status, title, why);
}

/* Of an object only its name, its kind and the place of the fault are logged (R10). */
static void count(struct server *s, const struct admission_result *r)
{
	const struct kind_info *info = r->kind >= 0 ? kind_info((enum kind)r->kind) : NULL;

	if (!info)
		return;
	metric_add(&s->metrics, r->allowed ? M_VALIDATIONS_PASSED : M_VALIDATIONS_FAILED, info->plural, 1);
	if (!r->allowed)
		log_info("webhook", "%s %.64s/%.253s refused: %s %.200s; errors: %zu", info->name, r->ns, r->name,
			 diag_info(r->first->code)->id, r->first->path, r->n_errors);
}

static void run(struct job *job)
{
	struct validation *v = (struct validation *)((char *)job - offsetof(struct validation, job));

	v->status = admission_review(v->review, v->n, &v->answer, &v->result, &job->arena, &v->err);
}

static void answer(struct validation *v)
{
	struct http_header no_store = {"Cache-Control", "no-store"};
	struct http_response resp = {.status = 200,
				     .content_type = "application/json",
				     .headers = &no_store,
				     .n_headers = 1,
				     .body = v->answer};

	v->answer = (struct buf){0};
	http_reply(v->req, &resp);
}

static void on_done(struct job *job)
{
	struct validation *v = (struct validation *)((char *)job - offsetof(struct validation, job));
	struct server *s = v->server;

	s->webhook_held -= v->n;
	if (!job->failed && !v->status)
		count(s, &v->result);
	if (v->req && job->failed)
		refuse(v->req, 503, "Service Unavailable", "the server is going away");
	else if (v->req && v->status)
		refuse(v->req, 400, "Bad Request", v->err.text);
	else if (v->req)
		answer(v);
	job_fini(&v->job);
	buf_fini(&v->answer);
	free(v->review);
	free(v);
}

static void on_gone(struct http_request *req, void *arg)
{
	struct validation *v = arg;

	(void)req;
	v->req = NULL;
}

static bool is_json(const struct http_request *req)
{
	static const char json[] = "application/json";
	const char *type = http_header(req, "content-type");

	return type && !strncasecmp(type, json, sizeof(json) - 1) && strchr("; ", type[sizeof(json) - 1]);
}

static void post_validate(struct http_request *req)
{
	struct server *s = req->arg;
	struct validation *v;

	if (!is_json(req)) {
		refuse(req, 415, "Unsupported Media Type", "a review is application/json");
		return;
	}
	if (s->webhook_held + req->n_body > HELD_MAX) {
		refuse(req, 429, "Too Many Requests", "too many reviews at once");
		return;
	}
	v = calloc(1, sizeof(*v));
	must(v && "out of memory");
	*v = (struct validation){.server = s, .req = req, .review = malloc(req->n_body + 1), .n = req->n_body};
	must(v->review && "out of memory");
	if (v->n)
		memcpy(v->review, req->body, v->n);
	buf_init(&v->answer, ADMISSION_ANSWER_MAX);
	s->webhook_held += v->n;
	http_hold(req, on_gone, v);
	job_init(&v->job, JOB_URGENT, 0, run, on_done);
	job_submit(s->jobs, &v->job);
}

/* Validation needs nothing but the program: it is ready before the configuration is read. */
static void readyz(struct http_request *req)
{
	const struct server *s = req->arg;

	http_reply_text(req, s->stopping ? 503 : 200, s->stopping ? "stopping\n" : "ok\n");
}

const struct http_entry webhook_routes[] = {
    {"POST", "/validate", post_validate},
    {"GET", "/readyz", readyz},
};
const size_t n_webhook_routes = ARRAY_LEN(webhook_routes);
