/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to an API server with the credentials of the moment: struct kube_client is one HTTP client (thus few
 * connections) and one kube_auth for all of them. A call that credentials are asked for waits for them; a 401 makes
 * what a program gave be asked for anew. Two kinds: a streamed answer (watches), and an answer that is gathered up to
 * a limit and handed over whole. Nothing is tried again here. Thread: loop.
 */
#ifndef STORE_KUBE_CALL_H
#define STORE_KUBE_CALL_H

#include "net/http_client.h"
#include "store/kubeconfig.h"

struct kube_client;
struct kube_call;

/* access is borrowed. NULL and an err as http_client_new has it. */
struct kube_client *kube_client_new(struct loop *l, const struct kube_access *access, const char *user_agent, struct err *e);
void kube_client_free(struct kube_client *c);	/* its calls end without an event; NULL is fine */

struct kube_request {
	const char *method;		/* "GET" */
	const char *target;		/* path and query: "/api/v1/pods?limit=500" */
	const char *accept;		/* NULL: JSON */
	const char *content_type;	/* of body; NULL: JSON */
	const void *body;		/* or NULL; copied */
	size_t n_body;
	int64_t idle_ms, total_ms;	/* as http_call_opts has them, of the call itself */
};

/* Streamed: events as http_client has them; none comes before this returns. Texts are copied. */
struct kube_call *kube_call_open(struct kube_client *c, const struct kube_request *r, const struct http_call_events *events,
				 void *arg);

struct kube_reply {
	const struct err *why;		/* no whole answer; or NULL */
	unsigned status;		/* 0: no answer at all */
	int64_t retry_after_ms;		/* -1: not said */
	const char *body;		/* NUL-terminated, borrowed for the callback */
	size_t n_body;
};
/* Once; the call is gone. */
typedef void kube_reply_fn(void *arg, const struct kube_reply *reply);

enum { KUBE_REPLY_MAX = 16 * 1024 * 1024, KUBE_REPLY_MS = 10000 };

/* Gathered: max bytes of answer (0: KUBE_REPLY_MAX; more is ERR_LIMIT). r's idle_ms and total_ms 0: KUBE_REPLY_MS. */
struct kube_call *kube_call_ask(struct kube_client *c, const struct kube_request *r, size_t max, kube_reply_fn *replied,
				void *arg);

/* No event follows. NULL is fine. */
void kube_call_cancel(struct kube_call *call);

/* 0 for 2xx. Else -1 and the reason: what failed, or the server's own words (Status.message). 404 is ERR_NOT_FOUND,
 * 401 and 403 are ERR_REFUSED, all other answers ERR_IO. */
int kube_reply_check(const struct kube_reply *r, struct err *e);

#endif
