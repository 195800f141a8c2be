/* SPDX-License-Identifier: Apache-2.0 */
#include "remote.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "node/node.h"

enum { CONNECT_S = 5, TOTAL_S = 60, ADMIN_PORT = 8080, ANSWER_MAX = 1 << 30 };

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

/* ---- one daemon at an address ---- */

/* json: what is posted; NULL: GET */
static int call(const char *server, const char *path, const char *json, struct buf *body,
		struct err *e)
{
	CURL *c = curl_easy_init();
	struct curl_slist *headers =
	    json ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
	char url[1024];
	int status;

	if (!c)
		return err_set(e, ERR_NO_MEMORY, "no memory");
	snprintf(url, sizeof(url), "http://%s%s", server, path);
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

/* ---- those of a cluster ---- */

/* Why a Pod is not asked, or NULL. */
static const char *trouble_of(const struct node *pod)
{
	const struct node *status = node_get(pod, "status"),
			  *conditions = node_get(status, "conditions");
	const char *phase = node_text(status, "phase");

	if (node_get(node_get(pod, "metadata"), "deletionTimestamp"))
		return "Terminating";
	if (!phase || strcmp(phase, "Running") != 0)
		return phase ? phase : "unknown";
	for (size_t i = 0; conditions && conditions->kind == NODE_LIST && i < conditions->n; i++) {
		const struct node *cond = &conditions->list[i];

		if (node_text(cond, "type") && !strcmp(node_text(cond, "type"), "Ready"))
			return node_text(cond, "status") &&
				       !strcmp(node_text(cond, "status"), "True")
				   ? NULL
				   : "not ready";
	}
	return "not ready";
}

static int find_pods(struct remote *r, struct err *e)
{
	const char *ns = r->cluster.root_namespace;
	struct cluster_answer answer;
	const struct node *items;

	if (cluster_ask(&r->cluster, "GET",
			arena_printf(r->arena,
				     "/api/v1/namespaces/%s/"
				     "pods?labelSelector=app.kubernetes.io%%2Fname%%3Dnavarchd",
				     ns),
			&answer, e))
		return err_wrap(e, "%s", r->cluster.access.server);
	items = node_get(answer.json, "items");
	if (!items || items->kind != NODE_LIST || !items->n)
		return err_set(e, ERR_NOT_FOUND, "there is no navarchd in the namespace %s of %s",
			       ns, r->cluster.access.server);
	r->v = arena_array(r->arena, struct replica, items->n);
	for (size_t i = 0; i < items->n; i++) {
		const char *name = node_text(node_get(&items->list[i], "metadata"), "name");

		if (name)
			r->v[r->n++] = (struct replica){name, trouble_of(&items->list[i])};
	}
	return 0;
}

static bool names_cluster(const struct args *args)
{
	return args_has(args, "kubeconfig") || args_has(args, "context") ||
	       args_has(args, "istio-namespace");
}

int remote_open(struct remote *r, const struct args *args, struct arena *a, struct err *e)
{
	const char *server = args_get(args, "server");
	int rc;

	*r = (struct remote){.arena = a};
	if (!server) {
		r->in_cluster = true;
		rc = cluster_open(&r->cluster, args, a, e);
		if (!rc)
			return find_pods(r, e);
		if (names_cluster(args) || e->code != ERR_NOT_FOUND)
			return -1;
		r->in_cluster = false;
		server = "127.0.0.1:8080";
	}
	r->v = arena_array(a, struct replica, 1);
	r->v[r->n++] = (struct replica){.name = server};
	return 0;
}

void remote_close(struct remote *r)
{
	cluster_close(&r->cluster);
}

static int call_forwarded(struct remote *r, const struct replica *at, const char *path,
			  const char *json, struct buf *body, struct err *e)
{
	unsigned status = 0;

	if (forward_call(&r->cluster, at->name, ADMIN_PORT, path, json, &status, body, e))
		return err_wrap(e, "%s", at->name);
	if (status == 200)
		return 0;
	return err_set(e, status == 404 ? ERR_NOT_FOUND : ERR_REFUSED, "%s%s: status %u: %.*s",
		       at->name, path, status, (int)strcspn(buf_cstr(body), "\n"), buf_cstr(body));
}

int remote_post(struct remote *r, const struct replica *at, const char *path, const char *json,
		struct buf *body, struct err *e)
{
	if (at->trouble)
		return err_set(e, ERR_REFUSED, "%s is %s", at->name, at->trouble);
	return r->in_cluster ? call_forwarded(r, at, path, json, body, e)
			     : call(at->name, path, json, body, e);
}

int remote_get(struct remote *r, const struct replica *at, const char *path, struct buf *body,
	       struct err *e)
{
	return remote_post(r, at, path, NULL, body, e);
}

const struct replica *remote_first(const struct remote *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].trouble)
			return &r->v[i];
	return &r->v[0];
}

const struct node *remote_json(struct remote *r, const struct replica *at, const char *path,
			       struct err *e)
{
	const struct node *root = NULL;
	struct diags ds;
	struct buf body;

	buf_init(&body, ANSWER_MAX);
	diags_init(&ds, r->arena);
	if (!remote_get(r, at, path, &body, e)) {
		root = node_parse_json(arena_strndup(r->arena, buf_cstr(&body), body.n), body.n,
				       NULL, r->arena, &ds)
			   .root;
		if (!root)
			err_set(e, ERR_SYNTAX, "%s%s: the answer is not what was expected",
				at->name, path);
	}
	buf_fini(&body);
	return root;
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
