/* SPDX-License-Identifier: Apache-2.0 */
#include "remote.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "node/node.h"

enum { CONNECT_S = 5, TOTAL_S = 60 };

static size_t receive(char *p, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_append(b, p, size * n);
	return b->failed ? 0 : size * n;
}

static int answer(CURLcode rc, CURL *c, const char *url, struct buf *body, struct err *e)
{
	long status = 0;

	if (rc)
		return err_set(e, ERR_IO, "%s: %s", url, curl_easy_strerror(rc));
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return 0;
	return err_set(e, status == 404 ? ERR_NOT_FOUND : ERR_REFUSED, "%s: status %ld: %.*s", url,
		       status, (int)strcspn(buf_cstr(body), "\n"), buf_cstr(body));
}

/* json: what is posted; NULL: GET */
static int call(const char *server, const char *path, const char *json, struct buf *body, struct err *e)
{
	CURL *c = curl_easy_init();
	struct curl_slist *headers = json ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
	char url[1024];
	int status;

	if (!c)
		return err_set(e, ERR_NO_MEMORY, "no memory");
	snprintf(url, sizeof(url), "http://%s%s", server ? server : "127.0.0.1:8080", path);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)TOTAL_S);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
	if (json) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, json);
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	}
	status = answer(curl_easy_perform(c), c, url, body, e);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	return status;
}

int remote_get(const char *server, const char *path, struct buf *body, struct err *e)
{
	return call(server, path, NULL, body, e);
}

int remote_post(const char *server, const char *path, const char *json, struct buf *body, struct err *e)
{
	return call(server, path, json, body, e);
}

const char *remote_escape(const char *text, struct arena *a)
{
	char *escaped = curl_easy_escape(NULL, text, 0), *copy;

	copy = arena_strdup(a, escaped ? escaped : "");
	curl_free(escaped);
	return copy;
}

void remote_print_member(struct buf *json, const char *member, const char *form, struct arena *a)
{
	struct diags ds;
	struct node_docs docs;
	const struct node *shown;
	struct buf out;

	if ((!member || !strcmp(member, "all")) && (!form || strcmp(form, "yaml"))) {
		fwrite(json->p, 1, json->n, stdout); /* as the server wrote it, however large */
		return;
	}
	diags_init(&ds, a);
	docs = node_parse(buf_cstr(json), json->n, 1, a, &ds);
	if (!docs.n || !docs.v[0].root)
		return;
	shown = docs.v[0].root;
	if (member && strcmp(member, "all") && node_get(shown, member))
		shown = node_get(shown, member);
	buf_init(&out, (size_t)1 << 30);
	if (form && !strcmp(form, "yaml"))
		node_to_yaml(shown, &out);
	else
		node_to_json(shown, false, true, &out);
	buf_char(&out, '\n');
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}
