/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the walk*.c files. Thread: pure.
 */
#ifndef XDS_WALK_INT_H
#define XDS_WALK_INT_H

#include "base/vec.h"
#include "xds/pbread.h"
#include "xds/walk.h"

struct walker {
	const struct compiled *c;
	const struct walk_request *r;
	struct arena *arena;
	struct walk *out;
	VEC(struct walk_step) steps;
	VEC(struct str_pair) facts;
	VEC(struct walk_target) targets;
	const char *path;		/* of the request, normalized; with its query */
	const char *forwarded_proto;	/* "http" or "https", as routes see the client */
	const struct node *claims;	/* of the token that was good, or NULL */
	bool routes_anew;		/* by what filters made of the request, not as it was sent */
};

/* ---- walk.c ---- */
const struct res_new *walk_find(const struct walker *w, enum xds_type t, const char *name);
struct pbread walk_read(enum xds_type t, const struct res_new *r);
/* origins: of the resource (or NULL), unless the message's metadata names one object. */
void walk_step(struct walker *w, const char *what, const char *name, const char *why, struct pbread metadata,
	       const struct res_new *r);
void walk_fact(struct walker *w, const char *name, const char *value);
void walk_answer(struct walker *w, unsigned status, const char *why);
void walk_refuse(struct walker *w, const char *why);

/* ---- walk_chain.c ---- */
/* The chain that takes the connection (default included); absent: none. *why: what decided. */
struct pbread walk_chain(struct walker *w, struct pbread listener, const char **why);

/* ---- walk_match.c ---- */
/* The value of a request header, doubles joined by ","; NULL if absent. Pseudo headers too. */
const char *walk_header(const struct walker *w, const char *name);
/* envoy.type.matcher.v3.StringMatcher */
bool walk_match_string(const struct walker *w, struct pbread m, const char *text);
/* The first query parameter of that name, or NULL. Names and values count as they are sent, escapes and all. */
const char *walk_query_value(const struct walker *w, const char *name);
/* envoy.type.matcher.v3.MetadataMatcher; all metadata but claims of tokens is absent. */
bool walk_match_metadata(const struct walker *w, struct pbread m);
/* HeaderMatcher */
bool walk_match_header(const struct walker *w, struct pbread m, const char *name);
/* Does the RouteMatch take the request? Else *why says what stands against it. */
bool walk_match_route(const struct walker *w, struct pbread match, const char **why);
/* The part of the path that the match took: what prefix_rewrite replaces. */
size_t walk_matched_len(const struct walker *w, struct pbread match);

/* ---- walk_http.c ---- */
void walk_http(struct walker *w, struct pbread hcm);

/* ---- walk_path.c ---- */
/* The path as the connection manager hands it on; NULL: refused with 400. *redirected: answered by a
 * redirect to the result instead. */
const char *walk_normalize_path(struct pbread hcm, const char *path, struct arena *a, bool *redirected);

/* ---- walk_authz.c ---- */
/* Why an RBAC filter, of connections or of requests, ends it here; NULL: it may go on. */
const char *walk_denied(struct walker *w, struct pbread rbac);

/* ---- walk_jwt.c ---- */
/* Does the filter of tokens (jwt_authn) end it here, with 401 or 403? */
bool walk_tokens_refused(struct walker *w, struct pbread filter);

/* ---- walk_filter.c ---- */
/* Answers in place of the route's action, as a filter before the router does? */
bool walk_filters_answer(struct walker *w, struct pbread route);

/* ---- walk_action.c ---- */
const char *walk_seconds(const struct walker *w, int64_t ns);
double walk_percent(struct pbread fraction);	/* 100 if absent */
void walk_route_action(struct walker *w, struct pbread vhost, struct pbread route);
void walk_require_tls(struct walker *w);

/* ---- walk_cluster.c ---- */
/* missing: the status when there is no such cluster. */
void walk_target(struct walker *w, const char *cluster, uint32_t weight, const char *host, unsigned missing);
void walk_targets_end(struct walker *w);

#endif
