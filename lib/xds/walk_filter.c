/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands before the router and may answer a request itself: fault injection, then CORS, in the
 * order in which they are built.
 */
#include "xds/walk_int.h"

#include <inttypes.h>
#include <strings.h>

#include "base/must.h"

/* ---- faults ---- */

/* Returns the status of an abort that hits every request, or 0. */
static unsigned tell_faults(struct walker *w, struct pbread route)
{
	struct pbread f = pbread_entry(route, "typed_per_filter_config", "envoy.filters.http.fault");
	struct pbread delay = pbread_msg(f, "delay"), abort = pbread_msg(f, "abort");
	double share = walk_percent(pbread_msg(abort, "percentage"));
	unsigned status = (unsigned)pbread_num(abort, "http_status", 200);

	if (delay.m)
		walk_fact(w, "fault delay",
			  arena_printf(w->arena, "%s, %g %%", walk_seconds(w, pbread_ns(delay, "fixed_delay")),
				       walk_percent(pbread_msg(delay, "percentage"))));
	if (!abort.m)
		return 0;
	if (pbread_has(abort, "grpc_status"))
		walk_fact(w, "fault abort",
			  arena_printf(w->arena, "gRPC status %u, %g %%",
				       (unsigned)pbread_num(abort, "grpc_status", 0), share));
	else
		walk_fact(w, "fault abort", arena_printf(w->arena, "%u, %g %%", status, share));
	return share >= 100 ? status : 0;
}

/* ---- CORS ---- */

/* A pattern that takes "*" takes every origin. */
static bool is_allowed(const struct walker *w, struct pbread cors, const char *origin)
{
	struct pbread_list l = pbread_list(cors, "allow_origin_string_match");
	struct pbread one;

	while (pbread_next(&l, &one)) {
		if (walk_match_string(w, one, "*") || walk_match_string(w, one, origin))
			return true;
	}
	return false;
}

static const char *header_or_empty(const struct walker *w, const char *name)
{
	const char *value = walk_header(w, name);

	return value ? value : "";
}

/* Is this a preflight that ends here? Others pass, of origins not allowed too if the policy says so.
 * Envoy asks this of routes to clusters only. */
static bool ends_preflight(struct walker *w, struct pbread route, const char **why)
{
	struct pbread cors = pbread_entry(route, "typed_per_filter_config", "envoy.filters.http.cors");
	const char *origin = header_or_empty(w, "origin");
	bool allowed;

	if (!cors.m || !pbread_has(route, "route"))
		return false;
	walk_fact(w, "cors", "preflights of allowed origins are answered here");
	allowed = *origin && is_allowed(w, cors, origin);
	if (*origin)
		walk_fact(w, "origin", allowed ? "allowed" : "not allowed");
	*why = allowed ? "a preflight of an allowed origin" : "a preflight of an origin that is not allowed";
	return *origin && !strcasecmp(w->r->method, "OPTIONS") &&
	       *header_or_empty(w, "access-control-request-method") &&
	       (allowed || !pbread_num(cors, "forward_not_matching_preflights", true));
}

bool walk_filters_answer(struct walker *w, struct pbread route)
{
	unsigned abort = tell_faults(w, route);
	const char *why = "";
	bool preflight = ends_preflight(w, route, &why);

	if (abort)
		walk_answer(w, abort, "fault injection aborts every request");
	else if (preflight)
		walk_answer(w, 200, why);
	return abort || preflight;
}
