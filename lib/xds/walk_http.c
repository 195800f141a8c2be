/* SPDX-License-Identifier: Apache-2.0
 *
 * From a connection manager to a route: normalization, route configuration, virtual host, route.
 */
#include "xds/walk_int.h"

#include <string.h>
#include <strings.h>

enum { SKIPPED_MAX = 3 };	/* routes whose reason is told, of those before the one that fits */

/* ---- virtual hosts ---- */

/* The host without its port. Envoy takes everything behind the last colon for one, but not in an
 * address in brackets. */
static const char *without_port(const char *host, struct arena *a)
{
	const char *colon = strrchr(host, ':'), *bracket = strrchr(host, ']');

	return colon && (!bracket || bracket < colon) ? arena_strndup(a, host, (size_t)(colon - host)) : host;
}

/* 0: no; the kinds of domains in Envoy's order, and within a kind the longer first. */
static size_t domain_rank(const char *domain, const char *host)
{
	enum { ANY = 1, PREFIX = 2, SUFFIX = 1 << 20, EXACT = 1 << 30 };
	size_t n = strlen(domain), len = strlen(host);

	if (!strcasecmp(domain, host))
		return EXACT;
	if (!strcmp(domain, "*"))
		return ANY;
	if (n >= SUFFIX || n > len)
		return 0;
	if (domain[0] == '*')
		return strcasecmp(host + len - (n - 1), domain + 1) ? 0 : SUFFIX + n;
	if (n > 1 && domain[n - 1] == '*')
		return strncasecmp(host, domain, n - 1) ? 0 : PREFIX + n;
	return 0;
}

static struct pbread find_vhost(struct walker *w, struct pbread routes, const char **domain)
{
	struct pbread_list l = pbread_list(routes, "virtual_hosts");
	const char *host = pbread_num(routes, "ignore_port_in_host_matching", false)
			       ? without_port(w->r->authority, w->arena)
			       : w->r->authority;
	struct pbread one, found = {0};
	size_t best = 0;

	while (pbread_next(&l, &one)) {
		struct pbread_list domains = pbread_list(one, "domains");
		const char *d;

		while (pbread_next_text(&domains, w->arena, &d)) {
			size_t rank = domain_rank(d, host);

			if (rank > best) {
				best = rank;
				found = one;
				*domain = d;
			}
		}
	}
	return found;
}

/* ---- routes ---- */

static const char *describe_path(const struct walker *w, struct pbread match)
{
	static const char *const kinds[][2] = {{"prefix", "prefix"},
					       {"path", "exact path"},
					       {"path_separated_prefix", "prefix of whole segments"}};
	const char *text = "CONNECT";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (pbread_has(match, kinds[i][0]))
			text = arena_printf(w->arena, "%s %s", kinds[i][1], pbread_text(match, kinds[i][0], w->arena));
	}
	if (pbread_has(match, "safe_regex"))
		text = arena_printf(w->arena, "path regex %s",
				    pbread_text(pbread_msg(match, "safe_regex"), "regex", w->arena));
	return text;
}

static const char *list_names(const struct walker *w, struct pbread match, const char *field, const char *what,
			      const char *text)
{
	struct pbread_list l = pbread_list(match, field);
	struct pbread one;

	while (pbread_next(&l, &one))
		text = arena_printf(w->arena, "%s, %s %s", text, what, pbread_text(one, "name", w->arena));
	return text;
}

static const char *route_name(const struct walker *w, struct pbread route, size_t index)
{
	const char *name = pbread_text(route, "name", w->arena);

	return *name ? name : arena_printf(w->arena, "#%zu", index);
}

static struct pbread find_route(struct walker *w, struct pbread vhost)
{
	struct pbread_list l = pbread_list(vhost, "routes");
	struct pbread one;
	const char *skipped = "", *why;
	size_t n = 0;

	while (pbread_next(&l, &one)) {
		struct pbread match = pbread_msg(one, "match");
		const char *text;

		if (walk_match_route(w, match, &why)) {
			text = describe_path(w, match);
			text = list_names(w, match, "headers", "header", text);
			text = list_names(w, match, "query_parameters", "query parameter", text);
			w->out->route = pbread_text(one, "name", w->arena);
			walk_step(w, "route", route_name(w, one, n),
				  arena_printf(w->arena, "%s%s", text, skipped),
				  pbread_msg(one, "metadata"), NULL);
			return one;
		}
		if (n < SKIPPED_MAX)
			skipped = arena_printf(w->arena, "%s; not %s: %s", skipped, route_name(w, one, n), why);
		n++;
	}
	walk_answer(w, 404, arena_printf(w->arena, "none of the %zu routes fits%s", n, skipped));
	return (struct pbread){0};
}

static void walk_routes(struct walker *w, struct pbread routes, const struct res_new *r)
{
	const char *domain = "";
	struct pbread vhost = find_vhost(w, routes, &domain), route;

	w->out->route_config = pbread_text(routes, "name", w->arena);
	walk_step(w, "route configuration", w->out->route_config, r ? "named by the filter chain" : "within the filter chain",
		  pbread_msg(routes, "metadata"), r);
	if (!vhost.m) {
		walk_answer(w, 404, arena_printf(w->arena, "no virtual host is for \"%s\"", w->r->authority));
		return;
	}
	w->out->vhost = pbread_text(vhost, "name", w->arena);
	walk_step(w, "virtual host", w->out->vhost,
		  arena_printf(w->arena, "\"%s\" is of the domain %s", w->r->authority, domain),
		  pbread_msg(vhost, "metadata"), NULL);
	if (pbread_num(vhost, "require_tls", 0) == 2 && strcasecmp(w->forwarded_proto, "https")) {
		walk_require_tls(w);
		return;
	}
	route = find_route(w, vhost);
	if (route.m)
		walk_route_action(w, vhost, route);
}

/* At the edge the connection says which scheme it was; behind trusted proxies, they do. */
static const char *forwarded_proto(const struct walker *w, struct pbread hcm)
{
	const char *given = NULL;

	for (size_t i = 0; i < w->r->headers.n; i++) {
		if (!strcasecmp(w->r->headers.v[i].key, "x-forwarded-proto"))
			given = w->r->headers.v[i].value;
	}
	if (given && (!pbread_num(hcm, "use_remote_address", false) || pbread_num(hcm, "xff_num_trusted_hops", 0)))
		return given;
	return w->r->tls ? "https" : "http";
}

static bool is_denied(struct walker *w, struct pbread hcm)
{
	struct pbread_list l = pbread_list(hcm, "http_filters");
	struct pbread one;

	while (pbread_next(&l, &one)) {
		struct pbread f = pbread_any(one, "typed_config");
		const char *why = pbread_is(f, "envoy.extensions.filters.http.rbac.v3.RBAC") ? walk_denied(w, f) : NULL;

		if (pbread_is(f, "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication") && walk_tokens_refused(w, f))
			return true;
		if (!why)
			continue;
		walk_answer(w, 403, why);
		return true;
	}
	return false;
}

void walk_http(struct walker *w, struct pbread hcm)
{
	struct pbread routes = pbread_msg(hcm, "route_config");
	const struct walk_request *as_sent = w->r;
	const struct res_new *r = NULL;
	bool redirected;

	w->forwarded_proto = forwarded_proto(w, hcm);
	w->path = walk_normalize_path(hcm, w->r->path, w->arena, &redirected);
	if (!w->path) {
		walk_answer(w, 400, "the path is not acceptable");
		return;
	}
	if (redirected) {
		w->out->location = w->path;
		walk_answer(w, 307, "escaped slashes in the path");
		return;
	}
	if (strcmp(w->path, w->r->path) != 0)
		walk_fact(w, "normalized path", w->path);
	if (is_denied(w, hcm))
		return;
	if (!w->routes_anew)
		w->r = as_sent;
	if (!routes.m) {
		const char *name = pbread_text(pbread_msg(hcm, "rds"), "route_config_name", w->arena);

		r = walk_find(w, XDS_RDS, name);
		if (!r) {
			walk_answer(w, 404, arena_printf(w->arena, "there is no route configuration %s", name));
			return;
		}
		routes = walk_read(XDS_RDS, r);
	}
	walk_routes(w, routes, r);
}
