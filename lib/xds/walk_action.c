/* SPDX-License-Identifier: Apache-2.0
 *
 * What a route does with a request: redirect, direct response, or clusters with rewrites; and the
 * facts beside it (timeout, retries, mirrors, faults, header changes).
 */
#include "xds/walk_int.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/regex.h"

/* ---- path ---- */

enum { PATH_MAX_BYTES = 64 * 1024 };	/* more than Envoy takes of all headers */

static const char *replace_regex(const struct walker *w, struct pbread rewrite, const char *path)
{
	const char *pattern = pbread_text(pbread_msg(rewrite, "pattern"), "regex", w->arena);
	const char *with = pbread_text(rewrite, "substitution", w->arena);
	char *out = arena_alloc(w->arena, PATH_MAX_BYTES);
	struct regex *re = regex_new(pattern);

	if (!re)
		return path;
	regex_replace_all(re, path, with, out, PATH_MAX_BYTES);
	regex_free(re);
	return out;
}

/* The path after prefix_rewrite or regex_rewrite of a RouteAction or RedirectAction. */
static const char *rewrite_path(const struct walker *w, struct pbread action, struct pbread match)
{
	const char *prefix = pbread_text(action, "prefix_rewrite", w->arena), *query = strpbrk(w->path, "?#");
	size_t n = walk_matched_len(w, match);

	if (*prefix)
		return arena_printf(w->arena, "%s%s", prefix, w->path + n);
	if (!pbread_has(action, "regex_rewrite"))
		return w->path;
	prefix = arena_strndup(w->arena, w->path, query ? (size_t)(query - w->path) : strlen(w->path));
	return arena_printf(w->arena, "%s%s", replace_regex(w, pbread_msg(action, "regex_rewrite"), prefix),
			    query ? query : "");
}

/* ---- redirect ---- */

/* The request's host; its port goes when another takes its place, or when it was the default of a
 * scheme that changes. */
static const char *redirect_host(const struct walker *w, const char *scheme, bool new_port)
{
	const char *host = w->r->authority, *port = strrchr(host, ':'), *bracket = strrchr(host, ']');
	const char *proto = w->forwarded_proto;
	bool drop = new_port;

	if (!port || (bracket && bracket > port))
		return host;
	if (strcasecmp(scheme, proto)) {
		drop = drop || (!strcasecmp(proto, "https") && !strcmp(port, ":443"));
		drop = drop || (!strcasecmp(proto, "http") && !strcmp(port, ":80"));
	}
	return drop ? arena_strndup(w->arena, host, (size_t)(port - host)) : host;
}

/* path_redirect keeps the request's query, unless it has one of its own. */
static const char *redirect_path(const struct walker *w, struct pbread redirect, struct pbread match)
{
	const char *path = pbread_text(redirect, "path_redirect", w->arena), *query = strchr(w->path, '?');
	bool own_query = strchr(path, '?') != NULL;

	if (!*path)
		path = rewrite_path(w, redirect, match);
	else if (!own_query && query)
		path = arena_printf(w->arena, "%s%s", path, query);
	if (!own_query && pbread_num(redirect, "strip_query", false))
		path = arena_strndup(w->arena, path, strcspn(path, "?"));
	return path;
}

static void walk_redirect(struct walker *w, struct pbread redirect, struct pbread match)
{
	static const unsigned codes[] = {301, 302, 303, 307, 308};
	uint64_t code = pbread_num(redirect, "response_code", 0), port = pbread_num(redirect, "port_redirect", 0);
	const char *scheme = pbread_text(redirect, "scheme_redirect", w->arena);
	const char *host = pbread_text(redirect, "host_redirect", w->arena);

	if (!*scheme)
		scheme = pbread_num(redirect, "https_redirect", false) ? "https" : w->forwarded_proto;
	if (!*host)
		host = redirect_host(w, scheme, port != 0);
	w->out->location = arena_printf(w->arena, "%s://%s%s%s", scheme, host,
					port ? arena_printf(w->arena, ":%" PRIu64, port) : "",
					redirect_path(w, redirect, match));
	walk_answer(w, codes[code < ARRAY_LEN(codes) ? code : 0], "redirect");
}

void walk_require_tls(struct walker *w)
{
	w->out->location = arena_printf(w->arena, "https://%s%s", w->r->authority, w->path);
	walk_answer(w, 301, "the virtual host asks for TLS");
}

/* ---- direct response ---- */

static void walk_direct(struct walker *w, struct pbread direct)
{
	struct pbread body = pbread_msg(direct, "body");

	if (pbread_has(body, "inline_string"))
		w->out->body = pbread_text(body, "inline_string", w->arena);
	else if (pbread_has(body, "inline_bytes"))
		w->out->body = pbread_text(body, "inline_bytes", w->arena);
	walk_answer(w, (unsigned)pbread_num(direct, "status", 200), "direct response");
}

/* ---- facts ---- */

const char *walk_seconds(const struct walker *w, int64_t ns)
{
	return arena_printf(w->arena, "%.9gs", (double)ns / 1e9);
}

double walk_percent(struct pbread fraction)
{
	static const double of[] = {100, 10000, 1000000};
	uint64_t d = pbread_num(fraction, "denominator", 0);

	return fraction.m ? 100.0 * (double)pbread_num(fraction, "numerator", 0) / of[d < ARRAY_LEN(of) ? d : 0] : 100;
}

static void tell_retries(struct walker *w, struct pbread retry)
{
	int64_t per_try = pbread_ns(retry, "per_try_timeout");

	if (!retry.m)
		return;
	walk_fact(w, "retries",
		  arena_printf(w->arena, "%" PRIu64 " on %s%s%s", pbread_num(retry, "num_retries", 1),
			       pbread_text(retry, "retry_on", w->arena), per_try > 0 ? ", each within " : "",
			       per_try > 0 ? walk_seconds(w, per_try) : ""));
}

static void tell_mirrors(struct walker *w, struct pbread action)
{
	struct pbread_list l = pbread_list(action, "request_mirror_policies");
	struct pbread one;

	while (pbread_next(&l, &one))
		walk_fact(w, "mirror",
			  arena_printf(w->arena, "%s, %g %%", pbread_text(one, "cluster", w->arena),
				       walk_percent(pbread_msg(pbread_msg(one, "runtime_fraction"), "default_value"))));
}

static void tell_headers(struct walker *w, struct pbread of)
{
	static const char *const add[] = {"request_headers_to_add", "response_headers_to_add"};
	static const char *const remove[] = {"request_headers_to_remove", "response_headers_to_remove"};
	static const char *const side[] = {"request header", "response header"};

	for (size_t i = 0; i < ARRAY_LEN(side); i++) {
		struct pbread_list l = pbread_list(of, add[i]);
		struct pbread one;
		const char *name;

		while (pbread_next(&l, &one)) {
			struct pbread h = pbread_msg(one, "header");

			walk_fact(w, side[i],
				  arena_printf(w->arena, "%s %s: %s",
					       pbread_num(one, "append_action", 0) ? "set" : "add",
					       pbread_text(h, "key", w->arena), pbread_text(h, "value", w->arena)));
		}
		l = pbread_list(of, remove[i]);
		while (pbread_next_text(&l, w->arena, &name))
			walk_fact(w, side[i], arena_printf(w->arena, "remove %s", name));
	}
}

static void tell_facts(struct walker *w, struct pbread vhost, struct pbread route, struct pbread action)
{
	int64_t timeout = pbread_ns(action, "timeout");

	/* Envoy's own default is 15 s, 0 is none */
	walk_fact(w, "timeout", timeout < 0 ? "15s" : timeout == 0 ? "none" : walk_seconds(w, timeout));
	tell_retries(w, pbread_msg(pbread_has(action, "retry_policy") ? action : vhost, "retry_policy"));
	tell_mirrors(w, action);
	tell_headers(w, vhost);
	tell_headers(w, route);
}

/* ---- forward ---- */

static unsigned missing_status(struct pbread action)
{
	static const unsigned codes[] = {503, 404, 500};
	uint64_t code = pbread_num(action, "cluster_not_found_response_code", 0);

	return codes[code < ARRAY_LEN(codes) ? code : 0];
}

static const char *forwarded_host(const struct walker *w, struct pbread action)
{
	const char *header = pbread_text(action, "host_rewrite_header", w->arena), *value;

	if (pbread_has(action, "host_rewrite_literal"))
		return pbread_text(action, "host_rewrite_literal", w->arena);
	value = *header ? walk_header(w, header) : NULL;
	return value && *value ? value : w->r->authority;
}

static void walk_forward(struct walker *w, struct pbread action)
{
	const char *host = forwarded_host(w, action), *name = pbread_text(action, "cluster", w->arena);
	struct pbread_list l = pbread_list(pbread_msg(action, "weighted_clusters"), "clusters");
	unsigned missing = missing_status(action);
	struct pbread one;

	if (pbread_has(action, "cluster_header")) {
		name = walk_header(w, pbread_text(action, "cluster_header", w->arena));
		name = name ? name : "";
	}
	if (*name)
		walk_target(w, name, 1, host, missing);
	while (pbread_next(&l, &one)) {
		const char *own = pbread_text(one, "host_rewrite_literal", w->arena);

		walk_target(w, pbread_text(one, "name", w->arena), (uint32_t)pbread_num(one, "weight", 0),
			    *own ? own : host, missing);
	}
	walk_targets_end(w);
}

void walk_route_action(struct walker *w, struct pbread vhost, struct pbread route)
{
	struct pbread action = pbread_msg(route, "route"), match = pbread_msg(route, "match");

	/* the facts of a forwarding route stand there, whoever answers */
	if (action.m)
		tell_facts(w, vhost, route, action);
	if (walk_filters_answer(w, route))
		return;
	if (pbread_has(route, "redirect")) {
		walk_redirect(w, pbread_msg(route, "redirect"), match);
	} else if (pbread_has(route, "direct_response")) {
		walk_direct(w, pbread_msg(route, "direct_response"));
	} else if (action.m) {
		w->out->path = rewrite_path(w, action, match);
		walk_forward(w, action);
	} else {
		walk_answer(w, 404, "the route has no action that forwards");
	}
}
