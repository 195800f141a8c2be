/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies of a view as filters, for requests and for connections: CUSTOM, then tokens, then AUDIT, DENY, ALLOW
 * (istio-behaviour.md 1.6, 1.7).
 */
#include "plan/plan_authz_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"

static const char dry_run[] = "istio.io/dry-run", ext_prefix[] = "istio_ext_authz_";
static const char bad_suffix[] = "-deny-due-to-bad-CUSTOM-action";

static const struct authorization_policy *spec_of(const struct object *o)
{
	return object_spec(o, authorization_policy);
}

static bool is_dry_run(const struct object *o)
{
	const char *text = strmap_get(&o->annotations, dry_run);

	return text && scalar_is_true(text);
}

/* The policies of one action, in force or watched. */
struct policies {
	VEC(struct ir_authz_policy) v;
	bool any;			/* there are some, be it that no rule comes of them */
};

/* Names are "<prefix>ns[NS]-policy[NAME]-rule[I]<suffix>". */
static void add_policy(const struct plan *p, const struct object *o, bool tcp, const char *prefix, const char *suffix,
		       struct policies *out, struct arena *a)
{
	const struct authorization_policy *spec = spec_of(o);
	struct authz_ctx c = {.plan = p, .ns = o->ns, .tcp = tcp, .allows = spec->action == AUTHZ_ALLOW, .arena = a};

	out->any = true;
	for (size_t i = 0; i < (spec->n_rules ? spec->n_rules : 1); i++) {
		struct ir_authz_policy rule;

		if (!spec->n_rules)
			authz_nothing(&rule);
		else if (!authz_rule_of(&c, &spec->rules[i], &rule))
			continue;
		rule.name = arena_printf(a, "%sns[%s]-policy[%s]-rule[%zu]%s", prefix, o->ns, o->name, i, suffix);
		*vec_push(&out->v, a) = rule;
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct ir_authz_policy *)a)->name, ((const struct ir_authz_policy *)b)->name);
}

static const struct ir_authz_rules *rules_of(struct policies *in, int action, struct arena *a)
{
	struct ir_authz_rules *out;

	if (!in->any)
		return NULL;
	out = arena_new(a, struct ir_authz_rules);
	if (in->v.n)
		qsort(in->v.v, in->v.n, sizeof(in->v.v[0]), compare_names);
	out->action = action;
	out->v = in->v.v;
	out->n = in->v.n;
	return out;
}

struct filters {
	VEC(struct ir_authz_filter) v;
};

static void add_action(const struct plan *p, enum authz_action action, bool tcp, struct filters *out, struct arena *a)
{
	static const struct {
		int action;
		const char *watched;	/* prefix of statistics */
	} of[] = {[AUTHZ_ALLOW] = {IR_AUTHZ_ALLOW, "istio_dry_run_allow_"},
		  [AUTHZ_DENY] = {IR_AUTHZ_DENY, "istio_dry_run_deny_"},
		  [AUTHZ_AUDIT] = {IR_AUTHZ_LOG, NULL}};
	const struct policy_set *set = &p->view->authz;
	struct policies enforced = {0}, watched = {0};
	struct ir_authz_filter f = {0};

	for (size_t i = 0; i < set->n; i++)
		if (spec_of(set->v[i])->action == action)
			add_policy(p, set->v[i], tcp, "", "", is_dry_run(set->v[i]) ? &watched : &enforced, a);
	f.rules = rules_of(&enforced, of[action].action, a);
	f.shadow = rules_of(&watched, of[action].action, a);
	/* as Istio has it, also where nothing is watched */
	f.shadow_prefix = f.shadow ? of[action].watched : of[AUTHZ_ALLOW].watched;
	if (f.rules || f.shadow)
		*vec_push(&out->v, a) = f;
}

/* The provider of all CUSTOM policies; NULL: there is none, or several, which Envoy could not ask one after the other. */
static const char *provider_name(const struct policy_set *set, bool *any)
{
	const char *name = NULL;
	bool several = false;

	*any = false;
	for (size_t i = 0; i < set->n; i++) {
		const struct authorization_policy *spec = spec_of(set->v[i]);
		const char *own = spec->provider && spec->provider->name ? spec->provider->name : "";

		if (spec->action != AUTHZ_CUSTOM)
			continue;
		several = several || (name && strcmp(name, own) != 0);
		name = own;
		*any = true;
	}
	return several ? NULL : name;
}

/* The rules mark what the provider is asked about. Without a good provider all of that is denied. */
static void add_custom(const struct plan *p, bool tcp, struct filters *out, struct arena *a)
{
	const struct policy_set *set = &p->view->authz;
	bool any;
	const char *name = provider_name(set, &any);
	const struct ir_ext_authz *ext = name ? authz_provider_of(p, name, a) : NULL;
	struct policies policies = {0};
	struct ir_authz_filter f = {0};

	if (!any || (ext && tcp && !ext->grpc))
		return;
	for (size_t i = 0; i < set->n; i++) {
		const struct authz_provider *own = spec_of(set->v[i])->provider;

		if (spec_of(set->v[i])->action == AUTHZ_CUSTOM)
			add_policy(p, set->v[i], tcp, arena_printf(a, "istio-ext-authz-%s-", own && own->name ? own->name : ""),
				   ext ? "" : bad_suffix, &policies, a);
	}
	if (ext) {
		f = (struct ir_authz_filter){.shadow = rules_of(&policies, IR_AUTHZ_DENY, a), .shadow_prefix = ext_prefix, .ext = ext};
	} else {
		f.rules = rules_of(&policies, IR_AUTHZ_DENY, a);
	}
	*vec_push(&out->v, a) = f;
}

static void add_actions(const struct plan *p, bool tcp, struct filters *out, struct arena *a)
{
	add_action(p, AUTHZ_AUDIT, tcp, out, a);
	add_action(p, AUTHZ_DENY, tcp, out, a);
	add_action(p, AUTHZ_ALLOW, tcp, out, a);
}

const struct ir_authz *authz_of(const struct plan *p, struct origins *origins, struct arena *a)
{
	const struct policy_set *sets[] = {&p->view->authz, &p->view->authn};
	struct filters http = {0}, tcp = {0};
	struct ir_authz *out;

	if (!sets[0]->n && !sets[1]->n)
		return NULL;
	for (size_t k = 0; k < ARRAY_LEN(sets); k++)
		for (size_t i = 0; i < sets[k]->n; i++)
			origins_add(origins, sets[k]->v[i]);
	out = arena_new(a, struct ir_authz);
	add_custom(p, false, &http, a);
	out->n_before_jwt = http.v.n;
	out->jwt = jwt_of(p, a);
	add_actions(p, false, &http, a);
	add_custom(p, true, &tcp, a);
	add_actions(p, true, &tcp, a);
	out->http = http.v.v;
	out->n_http = http.v.n;
	out->tcp = tcp.v.v;
	out->n_tcp = tcp.v.n;
	return out;
}

struct hash128 authz_mix_inputs(const struct plan *p, struct arena *scratch, struct hash128 h)
{
	bool any;
	const char *provider = provider_name(&p->view->authz, &any);

	h = jwt_mix_inputs(p, scratch, view_mix_policies(p->view, h));
	return provider ? authz_mix_provider(p, provider, scratch, h) : hash_mix_u64(h, any);
}
