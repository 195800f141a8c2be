/* SPDX-License-Identifier: Apache-2.0 */
#include "net/websocket_client.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "net/http_curl_int.h"

enum { CHUNK = 64 * 1024, TX_MAX = 1024 * 1024 };

struct websocket_client {
	CURL *curl;
	struct curl_slist *way;
	struct websocket ws;
	struct buf tx;
	int timeout_ms;
	char why[CURL_ERROR_SIZE];
};

static int await(struct websocket_client *c, short events, struct err *e)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct pollfd p = {.events = events};
	int n;

	curl_easy_getinfo(c->curl, CURLINFO_ACTIVESOCKET, &fd);
	p.fd = fd;
	n = poll(&p, 1, c->timeout_ms);
	if (n < 0)
		return err_errno(e, "poll");
	return n ? 0 : err_set(e, ERR_TIMEOUT, "the server is silent");
}

static int flush(struct websocket_client *c, struct err *e)
{
	while (c->tx.n) {
		size_t n = 0;
		CURLcode rc = curl_easy_send(c->curl, c->tx.p, c->tx.n, &n);

		if (rc == CURLE_AGAIN) {
			if (await(c, POLLOUT, e))
				return -1;
			continue;
		}
		if (rc)
			return err_set(e, ERR_IO, "%s", curl_easy_strerror(rc));
		buf_consume(&c->tx, n);
	}
	return c->tx.failed ? err_set(e, ERR_LIMIT, "more than %d bytes to send", TX_MAX) : 0;
}

/* Some bytes of the server into the websocket: 1; 0: it has hung up. */
static int fill(struct websocket_client *c, struct err *e)
{
	char chunk[CHUNK];

	for (;;) {
		size_t n = 0;
		CURLcode rc = curl_easy_recv(c->curl, chunk, sizeof(chunk), &n);

		if (rc == CURLE_AGAIN) {
			if (await(c, POLLIN, e))
				return -1;
			continue;
		}
		if (rc)
			return err_set(e, ERR_IO, "%s", curl_easy_strerror(rc));
		if (!n)
			return 0;
		return websocket_receive(&c->ws, chunk, n, e) ? -1 : 1;
	}
}

static int connect_to(struct websocket_client *c, const struct websocket_client_opts *o,
		      struct err *e)
{
	const char *server_name = o->tls ? o->tls->server_name : NULL;
	CURLcode rc;

	c->way = http_curl_url(c->curl, o->url, server_name);
	if (!strncmp(o->url, "https:", 6))
		http_curl_tls(c->curl, o->tls);
	curl_easy_setopt(c->curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)o->timeout_ms);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->why);
	if (o->proxy)
		curl_easy_setopt(c->curl, CURLOPT_PROXY, o->proxy);
	rc = curl_easy_perform(c->curl);
	return rc ? err_set(e, rc == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "%s",
			    *c->why ? c->why : curl_easy_strerror(rc))
		  : 0;
}

static int upgrade(struct websocket_client *c, const struct websocket_client_opts *o, struct err *e)
{
	const char *host = strstr(o->url, "://"), *target;
	char name[512];
	struct websocket_request r = {.host = name,
				      .user_agent = o->user_agent,
				      .protocol = o->protocol,
				      .headers = o->headers,
				      .n_headers = o->n_headers};
	int rc = 1;

	if (!host)
		return err_set(e, ERR_SYNTAX, "%.100s is no URL", o->url);
	target = host + 3 + strcspn(host + 3, "/");
	if ((size_t)(target - host - 3) >= sizeof(name))
		return err_set(e, ERR_LIMIT, "the host of the URL is too long");
	memcpy(name, host + 3, (size_t)(target - host - 3));
	name[target - host - 3] = '\0';
	r.target = target;
	memcpy(r.nonce, o->nonce, sizeof(r.nonce));
	websocket_init(&c->ws, &r, &c->tx);
	if (flush(c, e))
		return -1;
	while (rc > 0 && !c->ws.open)
		rc = fill(c, e);
	return rc ? rc > 0 ? 0 : -1 : err_set(e, ERR_IO, "the server hangs up");
}

struct websocket_client *websocket_client_open(const struct websocket_client_opts *o, struct err *e)
{
	struct websocket_client *c = calloc(1, sizeof(*c));

	must(c && "out of memory");
	must(o->timeout_ms > 0);
	c->timeout_ms = (int)o->timeout_ms;
	buf_init(&c->tx, TX_MAX);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	c->curl = curl_easy_init();
	must(c->curl && "out of memory");
	if (!connect_to(c, o, e) && !upgrade(c, o, e))
		return c;
	websocket_client_close(c);
	return NULL;
}

void websocket_client_close(struct websocket_client *c)
{
	struct err e;

	if (!c)
		return;
	if (c->ws.open) {
		websocket_end(&c->ws, &c->tx);
		flush(c, &e); /* a courtesy */
	}
	websocket_fini(&c->ws);
	buf_fini(&c->tx);
	curl_easy_cleanup(c->curl);
	curl_slist_free_all(c->way);
	curl_global_cleanup();
	free(c);
}

int websocket_client_send(struct websocket_client *c, uint8_t channel, const void *p, size_t n,
			  struct err *e)
{
	websocket_send(&c->ws, channel, p, n, &c->tx);
	return flush(c, e);
}

int websocket_client_receive(struct websocket_client *c, const uint8_t **p, size_t *n,
			     struct err *e)
{
	for (;;) {
		int rc = websocket_next(&c->ws, p, n, &c->tx, e);

		if (rc || c->ws.closed)
			return rc;
		if (flush(c, e))
			return -1;
		rc = fill(c, e);
		if (rc <= 0)
			return rc;
	}
}
