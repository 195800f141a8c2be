/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/scalar.h"
#include "base/vec.h"

enum { TARGET_MAX = 8 * 1024, QUERY_MAX = 100 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes n bytes. NULL: a bad escape, a control character (NUL too), not UTF-8. */
static char *percent_decode(const char *s, size_t n, bool in_query, struct arena *a)
{
	char *out = arena_alloc(a, n + 1), *p = out;

	for (size_t i = 0; i < n; i++) {
		int c = (uint8_t)s[i];

		if (c == '%') {
			int hi = i + 2 < n ? hex_digit(s[i + 1]) : -1, lo = hi < 0 ? -1 : hex_digit(s[i + 2]);

			if (lo < 0)
				return NULL;
			c = hi << 4 | lo;
			if (c == '/' && !in_query)
				return NULL;
			i += 2;
		} else if (c == '+' && in_query) {
			c = ' ';
		}
		if (c < ' ' || c == 0x7f)
			return NULL;
		*p++ = (char)c;
	}
	return scalar_is_utf8(out, (size_t)(p - out)) ? out : NULL;
}

static bool has_dot_segment(const char *path)
{
	for (const char *s = path; s; s = strchr(s + 1, '/')) {
		size_t n = strcspn(s + 1, "/");

		if ((n == 1 && s[1] == '.') || (n == 2 && s[1] == '.' && s[2] == '.'))
			return true;
	}
	return false;
}

static int parse_query(const char *s, const char *end, struct arena *a, struct http_request *req)
{
	VEC(struct http_header) query = {0};

	while (s < end) {
		const char *amp = memchr(s, '&', (size_t)(end - s)), *stop = amp ? amp : end;
		const char *eq = memchr(s, '=', (size_t)(stop - s));
		const char *name_end = eq ? eq : stop, *value = eq ? eq + 1 : stop;
		struct http_header h;

		if (stop > s) {
			if (query.n >= QUERY_MAX)
				return -1;
			h.name = percent_decode(s, (size_t)(name_end - s), true, a);
			h.value = percent_decode(value, (size_t)(stop - value), true, a);
			if (!h.name || !h.value)
				return -1;
			*vec_push(&query, a) = h;
		}
		s = stop + 1;
	}
	req->query = query.v;
	req->n_query = query.n;
	return 0;
}

int http_target_parse(const char *target, size_t n, struct arena *a, struct http_request *req)
{
	const char *question;
	size_t path_len;
	char *path;

	if (!n || n > TARGET_MAX || target[0] != '/' || memchr(target, '#', n))
		return -1;
	question = memchr(target, '?', n);
	path_len = question ? (size_t)(question - target) : n;
	path = percent_decode(target, path_len, false, a);
	if (!path || has_dot_segment(path))
		return -1;
	if (question && parse_query(question + 1, target + n, a, req))
		return -1;
	req->path = path;
	return 0;
}

const char *http_query(const struct http_request *req, const char *name)
{
	for (size_t i = 0; i < req->n_query; i++)
		if (!strcmp(req->query[i].name, name))
			return req->query[i].value;
	return NULL;
}

const char *http_header(const struct http_request *req, const char *name)
{
	for (size_t i = 0; i < req->n_headers; i++)
		if (!strcasecmp(req->headers[i].name, name))
			return req->headers[i].value;
	return NULL;
}

void http_reply(struct http_request *req, struct http_response *resp)
{
	must(!req->replied);
	req->replied = true;
	req->transport->reply(req, resp);
}

void http_reply_text(struct http_request *req, unsigned status, const char *text)
{
	struct http_response resp = {.status = status, .content_type = "text/plain; charset=utf-8"};
	size_t n = strlen(text);

	buf_init(&resp.body, n + 2);
	buf_append(&resp.body, text, n);
	if (n && text[n - 1] != '\n')
		buf_char(&resp.body, '\n');
	http_reply(req, &resp);
}

void http_hold(struct http_request *req, http_gone_fn *gone, void *arg)
{
	must(!req->held && !req->replied);
	req->held = true;
	req->gone = gone;
	req->gone_arg = arg;
}

void http_resume(struct http_request *req, const struct http_entry *entry, const void *body, size_t n)
{
	must(req->held && !req->replied);
	req->held = false;
	req->body = body;
	req->n_body = n;
	entry->handler(req);
}

/* How exactly the row names the path: 0 = not at all; a whole path is more than any prefix. */
static size_t match_path(const struct http_entry *r, const char *path)
{
	size_t n = strlen(r->path);

	if (n && r->path[n - 1] == '*')
		return strncmp(r->path, path, n - 1) ? 0 : n;
	return strcmp(r->path, path) ? 0 : TARGET_MAX + n;
}

static bool match_method(const struct http_entry *r, const char *method)
{
	return !strcmp(r->method, method) || (!strcmp(r->method, "GET") && !strcmp(method, "HEAD"));
}

static void reply_not_allowed(struct http_request *req, const struct http_entry *routes, size_t n, size_t best)
{
	struct http_header allow = {"Allow", ""};
	struct http_response resp = {.status = 405, .content_type = "text/plain; charset=utf-8", .headers = &allow, .n_headers = 1};

	for (size_t i = 0; i < n; i++)
		if (match_path(&routes[i], req->path) == best)
			allow.value = arena_printf(req->arena, "%s%s%s", allow.value, *allow.value ? ", " : "", routes[i].method);
	buf_init(&resp.body, 64);
	buf_str(&resp.body, "method not allowed\n");
	http_reply(req, &resp);
}

void http_route(struct http_request *req, const struct http_entry *routes, size_t n, http_admit_fn *admit)
{
	size_t best = 0;

	for (size_t i = 0; i < n; i++) {
		size_t m = match_path(&routes[i], req->path);

		if (m > best)
			best = m;
	}
	for (size_t i = 0; best && i < n; i++)
		if (match_path(&routes[i], req->path) == best && match_method(&routes[i], req->method)) {
			if (!admit || admit(req, &routes[i]))
				routes[i].handler(req);
			return;
		}
	if (best)
		reply_not_allowed(req, routes, n, best);
	else
		http_reply_text(req, 404, "not found");
}

/* "localhost" or an address, with a port or without: no name that others decide about. */
static bool is_local_name(const char *host)
{
	size_t n = *host == '[' ? strcspn(host, "]") : strcspn(host, ":");
	char name[64];

	if (*host == '[') {
		host++;
		n--;
	}
	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	return !strcasecmp(name, "localhost") || scalar_is_ip(name);
}

bool http_is_local(const char *host, const char *origin)
{
	const char *of_page = origin ? strstr(origin, "://") : NULL;

	return (!host || is_local_name(host)) && (!origin || (of_page && is_local_name(of_page + 3)));
}
