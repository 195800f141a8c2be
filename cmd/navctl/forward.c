/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP request to a port of a Pod's own loopback, through the API server: a WebSocket of the
 * protocol v4.channel.k8s.io, that kubelets of all versions speak for port-forward. A message is a
 * byte of channel and data; 0 is the connection, 1 what goes wrong with it; each begins with two
 * bytes of port.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/scalar.h"
#include "net/websocket_client.h"
#include "remote.h"
#include "store/kube_auth.h"

#define PROTOCOL "v4.channel.k8s.io"

enum { DATA, TROUBLE, CHANNELS };
enum { PORT_BYTES = 2, HEADER_MAX = 64 * 1024, BODY_MAX = 1024 * 1024 * 1024 };

/* ---- credentials ---- */

static void awake(void *arg)
{
	loop_stop(arg);
}

/* Those of a program are waited for; it is bounded by kube_auth. */
static int credentials(struct cluster *c, struct kube_auth *auth, struct kube_credentials *out,
		       struct err *e)
{
	enum kube_auth_state state;

	while ((state = kube_auth_fill(auth, c->arena, out, e)) == KUBE_AUTH_WAITING)
		loop_run(c->loop);
	return state == KUBE_AUTH_READY ? 0 : -1;
}

/* ---- the answer ---- */

struct answer {
	struct buf head, *body;
	unsigned skip[CHANNELS]; /* bytes of port that are still to come */
	unsigned status;
	int64_t length; /* of the body; -1: until the end */
	bool has_head;
	struct buf trouble;
};

static int take_head(struct answer *ans, struct err *e)
{
	static const char name[] = "\r\ncontent-length:", chunked[] = "\r\ntransfer-encoding:";
	const char *text = buf_cstr(&ans->head), *end = strstr(text, "\r\n\r\n"), *length;
	char digits[24];

	if (ans->head.failed)
		return err_set(e, ERR_LIMIT, "the answer's header is longer than %d bytes",
			       HEADER_MAX);
	if (!end)
		return 0;
	if (sscanf(text, "HTTP/1.%*1[01] %3u", &ans->status) != 1)
		return err_set(e, ERR_SYNTAX, "the answer is no HTTP/1.1");
	if (strcasestr(text, chunked))
		return err_set(e, ERR_SYNTAX, "the answer comes in chunks");
	length = strcasestr(text, name);
	ans->length = -1;
	if (length && length < end) {
		length += sizeof(name) - 1;
		length += strspn(length, " ");
		snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(length, "\r "), length);
		if (scalar_int(digits, 0, BODY_MAX, &ans->length))
			return err_set(e, ERR_LIMIT, "the answer has more than %d bytes", BODY_MAX);
	}
	ans->has_head = true;
	buf_append(ans->body, end + 4, ans->head.n - (size_t)(end + 4 - text));
	return 0;
}

static int take_message(struct answer *ans, const uint8_t *p, size_t n, struct err *e)
{
	unsigned channel = n ? p[0] : CHANNELS;
	size_t skip;

	if (channel >= CHANNELS)
		return err_set(e, ERR_SYNTAX, "a message for no channel");
	p++;
	n--;
	skip = n < ans->skip[channel] ? n : ans->skip[channel];
	ans->skip[channel] -= (unsigned)skip;
	p += skip;
	n -= skip;
	if (channel == TROUBLE) {
		buf_append(&ans->trouble, p, n);
		return 0;
	}
	if (ans->has_head) {
		buf_append(ans->body, p, n);
		return ans->body->failed ? err_set(e, ERR_LIMIT, "the answer is too large") : 0;
	}
	buf_append(&ans->head, p, n);
	return take_head(ans, e);
}

static bool is_complete(const struct answer *ans)
{
	return ans->has_head && ans->length >= 0 && ans->body->n >= (size_t)ans->length;
}

static const char *request_text(unsigned port, const char *path, const char *json, struct arena *a)
{
	const char *body =
	    json
		? arena_printf(a, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			       strlen(json), json)
		: "\r\n";

	return arena_printf(a, "%s %s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n%s",
			    json ? "POST" : "GET", path, port, body);
}

static int exchange(struct websocket_client *ws, const char *request, struct answer *ans,
		    struct err *e)
{
	const uint8_t *p;
	size_t n;
	int rc;

	if (websocket_client_send(ws, DATA, request, strlen(request), e))
		return -1;
	do {
		rc = websocket_client_receive(ws, &p, &n, e);
		if (rc > 0 && take_message(ans, p, n, e))
			return -1;
	} while (rc > 0 && !is_complete(ans) && !ans->trouble.n);
	if (ans->trouble.n && !is_complete(ans))
		return err_set(e, ERR_IO, "%.200s", buf_cstr(&ans->trouble));
	if (rc < 0)
		return -1;
	if (!ans->has_head || (ans->length >= 0 && !is_complete(ans)))
		return err_set(e, ERR_IO, "the connection ends within the answer");
	return 0;
}

int forward_call(struct cluster *c, const char *pod, unsigned port, const char *path,
		 const char *json, unsigned *status, struct buf *body, struct err *e)
{
	struct kube_auth *auth = kube_auth_new(c->loop, &c->access, awake, c->loop);
	struct answer ans = {.body = body, .skip = {PORT_BYTES, PORT_BYTES}};
	struct websocket_client *ws = NULL;
	struct kube_credentials who;
	uint8_t nonce[WEBSOCKET_NONCE];
	struct websocket_client_opts o = {.protocol = PROTOCOL,
					  .user_agent = "navctl/1",
					  .headers = &who.header,
					  .tls = &who.tls,
					  .proxy = c->access.proxy,
					  .nonce = nonce,
					  .timeout_ms = FORWARD_MS};
	int rc = -1;

	buf_init(&ans.head, HEADER_MAX);
	buf_init(&ans.trouble, HEADER_MAX);
	o.url = arena_printf(c->arena, "%s/api/v1/namespaces/%s/pods/%s/portforward?ports=%u",
			     c->access.server, c->root_namespace, pod, port);
	if (loop_random(c->loop, nonce, sizeof(nonce))) {
		err_set(e, ERR_IO, "no random bytes");
	} else if (!credentials(c, auth, &who, e)) {
		o.n_headers = who.header != NULL;
		ws = websocket_client_open(&o, e);
	}
	if (ws)
		rc = exchange(ws, request_text(port, path, json, c->arena), &ans, e);
	*status = ans.status;
	websocket_client_close(ws);
	kube_auth_free(auth);
	buf_fini(&ans.head);
	buf_fini(&ans.trouble);
	return rc;
}
