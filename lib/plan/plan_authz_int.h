/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to plan_authz*.c: policies as conditions and filters (istio-behaviour.md 1.6, 1.7). Thread: pure.
 */
#ifndef PLAN_PLAN_AUTHZ_INT_H
#define PLAN_PLAN_AUTHZ_INT_H

#include "plan/plan_int.h"

/* ---- plan_authz_rule.c ---- */

struct authz_ctx {
	const struct plan *plan;
	const char *ns;			/* of the policy */
	bool tcp;			/* of connections: what only requests have is left out */
	bool allows;			/* a rule with something left out is no rule, as it would allow more */
	struct arena *arena;
};

/* What a value stands for: all, "*" at an end, or itself. In a. */
struct ir_string_match authz_text_of(const char *value, struct arena *a);
/* false: no rule comes of it. name is the caller's to set. */
bool authz_rule_of(const struct authz_ctx *c, const struct authz_rule *in, struct ir_authz_policy *out);
/* One that matches nothing. */
void authz_nothing(struct ir_authz_policy *out);

/* ---- plan_authz_provider.c ---- */

/* The extension provider of that name; NULL: there is none, or it is no good. grpc and http alike. */
const struct ir_ext_authz *authz_provider_of(const struct plan *p, const char *name, struct arena *a);
/* What its configuration depends on. */
struct hash128 authz_mix_provider(const struct plan *p, const char *name, struct arena *scratch, struct hash128 h);

/* ---- plan_authz_jwt.c ---- */

/* The tokens of RequestAuthentications; NULL: none is looked at. */
const struct ir_jwt *jwt_of(const struct plan *p, struct arena *a);
/* What it depends on beside its objects. */
struct hash128 jwt_mix_inputs(const struct plan *p, struct arena *scratch, struct hash128 h);

#endif
