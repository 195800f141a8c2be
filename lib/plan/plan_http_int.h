/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to plan_http*.c: the pieces of one HTTP route (istio-behaviour.md 1.2.2, 1.2.3). Each
 * reads what the user wrote and gives the piece of IR, in the arena. Thread: pure.
 */
#ifndef MESH_PLAN_HTTP_INT_H
#define MESH_PLAN_HTTP_INT_H

#include "plan/plan_int.h"

/* ---- plan_http.c ---- */

/* Mixes in what the cluster and policy of one destination (or NULL) depend on. */
struct hash128 http_mix_destination(const struct plan *p, const struct destination *d, const char *ns,
				    struct arena *scratch, struct hash128 h);

/* ---- plan_http_match.c ---- */

/* match or NULL: everything. separated: prefixes end at a "/" (Ingress and Gateway API). */
void http_match_of(const struct http_match *match, bool separated, struct arena *a, struct ir_route_match *out);
/* What a decorator shows of the path. */
const char *http_operation_path(const struct ir_route_match *m, struct arena *a);

/* ---- plan_http_action.c ---- */

/* Header changes; *authority is the host that they set, or NULL. h may be NULL. */
struct ir_header_ops http_headers_of(const struct headers *h, struct arena *a, const char **authority);
/* Those of x, then those of y. */
struct ir_header_ops http_headers_join(const struct ir_header_ops *x, const struct ir_header_ops *y, struct arena *a);
/* in NULL: the default policy. hashed: the destination must stay the same, previous hosts are no
 * matter. NULL: no retries. */
const struct ir_retry *http_retry_of(const struct http_retry *in, bool hashed, struct arena *a);
/* A share of requests: p, or NULL and then whole percents. */
struct ir_fraction http_share_of(const struct percent *p, uint32_t whole);
const struct ir_fault *http_fault_of(const struct http_fault *in, struct arena *a);	/* NULL = none */
const struct ir_cors *http_cors_of(const struct cors_policy *in, struct arena *a);
/* false: the code is none that a redirect may have. port: what the request came to. */
bool http_redirect_of(const struct http_redirect *in, uint32_t port, bool is_tls, bool gateway_semantics,
		      struct ir_redirect *out);
void http_direct_of(const struct direct_response *in, struct ir_direct *out);
/* false: no such policy in h. */
bool http_hash_policy_of(const struct consistent_hash *h, struct arena *a, struct ir_hash_policy *out);

/* ---- plan_http_domain.c: virtual host domains (istio-behaviour.md 2.4) ---- */

struct http_domains {
	struct strs all;		/* most specific meaning first, as Istio orders them */
	struct strs expanded;		/* of all: shortened forms, which must not hide a real host */
};
/* "host:port", an IPv6 address in brackets. */
const char *http_host_port(const char *host, uint32_t port, struct arena *a);
/* An IPv6 address in brackets, other hosts as they are. */
const char *http_host(const char *host, struct arena *a);
/* aliases: ExternalNames that stand for s. port: that each form is also given with; 0 = none. */
struct http_domains http_domains_of(const struct svc *s, const struct strs *aliases, uint32_t port,
				    const struct view *v, struct arena *a);
/* At which a view reaches a service: its addresses, or those allocated for it, of a family that the view has.
 * Of a Service's two, and of those allocated, the first one, unless the view is dual. In a. */
struct strs http_addresses_of(const struct svc *s, const struct view *v, struct arena *a);

#endif
