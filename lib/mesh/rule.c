/* SPDX-License-Identifier: Apache-2.0
 *
 * DestinationRules -> struct dr: the rules of one namespace and host, consolidated
 * (istio-behaviour.md 3.2); what BackendTLSPolicies say of a host is in each of its drs, where rules leave it open. A dr
 * depends on the rules that it merges and on the mesh settings, on policies as backend_tls.c sums them up.
 */
#include "mesh/backend_tls.h"
#include "mesh/snapshot_int.h"

#include <stdlib.h>
#include <string.h>

#include "model/traffic.h"

struct rule {
	const char *host;		/* resolved */
	const struct object *obj;
	const struct destination_rule *spec;
	const struct tls_rule *tls;	/* of BackendTLSPolicies, obj being the first; or NULL */
};

/* The rules that become one dr. */
struct merge {
	VEC(struct rule) rules;
	VEC(const struct object *) objs;	/* that they come from, and policies after them */
	const struct tls_rule *tls;	/* or NULL */
};

static bool has_selector(const struct destination_rule *spec)
{
	return spec->workload_selector != NULL;
}

static int compare_rules(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int c = strcmp(x->obj->ns, y->obj->ns);

	if (c == 0)
		c = strcmp(x->host, y->host);
	if (c == 0)
		c = (int)(y->tls != NULL) - (int)(x->tls != NULL);
	if (c == 0)
		c = (int)has_selector(y->spec) - (int)has_selector(x->spec);
	return c ? c : object_compare_age(x->obj, y->obj);
}

/* Rules with a selector are never exported. */
static struct strs export_set(const struct destination_rule *spec)
{
	static const char *const own[] = {"."};

	return has_selector(spec) ? (struct strs){.v = own, .n = 1} : spec->export_to;
}

static bool set_within(const struct strs *a, const struct strs *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strs_has(b, a->v[i]))
			return false;
	return true;
}

static bool selectors_equal(const struct destination_rule *a, const struct destination_rule *b)
{
	const struct strmap *x, *y;

	if (!has_selector(a) || !has_selector(b))
		return has_selector(a) == has_selector(b);
	x = &a->workload_selector->match_labels;
	y = &b->workload_selector->match_labels;
	return x->n == y->n && labels_match(x, y);
}

static void add_rule(struct merge *m, const struct rule *r, struct arena *a)
{
	*vec_push(&m->rules, a) = *r;
	if (!r->tls)
		*vec_push(&m->objs, a) = r->obj;
}

static void add_policies(struct merge *m, const struct tls_rule *tls, struct arena *a)
{
	m->tls = tls;
	for (size_t i = 0; i < tls->n; i++)
		*vec_push(&m->objs, a) = tls->v[i].policy;
}

/* Joins r to the merges before it where exportTo and selector allow; true: it stands alone too. */
static bool join(struct merge *merges, size_t n, const struct rule *r, struct arena *a)
{
	struct strs mine = export_set(r->spec);
	bool alone = true;

	for (size_t i = 0; i < n; i++) {
		const struct destination_rule *first = merges[i].rules.v[0].spec;
		struct strs theirs = export_set(first);
		bool equal = set_within(&mine, &theirs) && set_within(&theirs, &mine);

		alone = true;
		if (!equal && (theirs.n == 0 || !set_within(&theirs, &mine)))
			continue;
		if (has_selector(first) && has_selector(r->spec) && !selectors_equal(first, r->spec))
			continue;
		if (selectors_equal(first, r->spec))
			alone = false;
		add_rule(&merges[i], r, a);
	}
	return alone;
}

/* ---- one dr ---- */

struct subsets {
	struct subset *v;
	const struct object **by;	/* who defines each */
	size_t n;
};

static void add_subsets(struct dr *dr, struct subsets *all, const struct rule *r, struct arena *a)
{
	const struct destination_rule *spec = r->spec;

	for (size_t i = 0; i < spec->n_subsets; i++) {
		const char *name = spec->subsets[i].name ? spec->subsets[i].name : "";
		size_t k = 0;

		while (k < all->n && (!all->v[k].name || strcmp(all->v[k].name, name) != 0))
			k++;
		if (k < all->n) {
			part_finding(a, &dr->part, r->obj, VERDICT_PARTLY, D_RULE_SUBSET_DUPLICATE,
				     arena_printf(a, "spec.subsets[%zu]", i), "subset %s of %s is that of DestinationRule %s/%s",
				     name, dr->host, all->by[k]->ns, all->by[k]->name);
			continue;
		}
		all->by[all->n] = r->obj;
		all->v[all->n++] = spec->subsets[i];
	}
}

static void add_policy(struct dr *dr, const struct object **by, const struct rule *r, struct arena *a)
{
	const struct traffic_policy *policy = r->spec->traffic_policy;

	if (policy && dr->policy)
		part_finding(a, &dr->part, r->obj, VERDICT_PARTLY, D_RULE_POLICY_SHADOWED, "spec.trafficPolicy",
			     "the traffic policy of %s is that of DestinationRule %s/%s", dr->host, (*by)->ns, (*by)->name);
	if (!policy || dr->policy)
		return;
	dr->policy = policy;
	*by = r->obj;
}

static void tls_shadowed(struct dr *dr, const struct object *policy, const struct object *by, uint32_t port, struct arena *a)
{
	const char *where = port ? arena_printf(a, "port %u of %s", port, dr->host) : dr->host;

	part_finding(a, &dr->part, policy, VERDICT_PARTLY, D_TLS_POLICY_SHADOWED, "spec.targetRefs",
		     "the settings of %s are those of DestinationRule %s/%s", where, by->ns, by->name);
}

/* Where a policy's TLS belongs. ports: those of t, with room for one more. */
static const struct client_tls **tls_place(struct traffic_policy *t, struct port_policy *ports, uint32_t number, struct arena *a)
{
	struct port_selector *port;
	size_t i = 0;

	if (!number)
		return &t->tls;
	while (i < t->n_port_level_settings && (!ports[i].port || ports[i].port->number != number))
		i++;
	if (i == t->n_port_level_settings) {
		port = arena_new(a, struct port_selector);
		port->number = number;
		ports[t->n_port_level_settings++] = (struct port_policy){.port = port};
	}
	return &ports[i].tls;
}

/* What the rule `by` says of TLS goes before policies, and its settings of a port leave nothing of those of the service. */
static void add_tls(struct dr *dr, const struct snapshot *snap, const struct tls_rule *tls, const struct object *by, struct arena *a)
{
	static const struct traffic_policy none = {0};
	const struct traffic_policy *rule = dr->policy ? dr->policy : &none;
	struct traffic_policy *t = arena_copy(a, rule, sizeof(*rule));
	struct port_policy *ports = arena_array(a, struct port_policy, rule->n_port_level_settings + tls->n);
	const struct object *whole = NULL;

	for (size_t i = 0; i < rule->n_port_level_settings; i++)
		ports[i] = rule->port_level_settings[i];
	t->port_level_settings = ports;
	for (size_t i = 0; i < tls->n; i++) {
		const struct tls_part *p = &tls->v[i];
		const struct client_tls **at = tls_place(t, ports, p->port, a);

		if (*at && by)
			tls_shadowed(dr, p->policy, by, p->port, a);
		if (*at)
			continue;
		*at = backend_tls_settings(snap, p->policy, a);
		dr->has_backend_tls = true;
		whole = p->port ? whole : p->policy;
	}
	for (size_t i = 0; whole && i < rule->n_port_level_settings; i++)
		if (ports[i].port && ports[i].tls == rule->port_level_settings[i].tls)
			tls_shadowed(dr, whole, by, ports[i].port->number, a);
	dr->policy = t;
	dr->tls_inputs = tls->hash;
}

/* A rule that was merged, and is exported further than the one that it was merged into. */
static void check_export(struct dr *dr, const struct rule *first, const struct rule *r, struct arena *a)
{
	struct strs theirs = export_set(first->spec), mine = export_set(r->spec);

	if (has_selector(r->spec) || (set_within(&mine, &theirs) && set_within(&theirs, &mine)))
		return;
	part_finding(a, &dr->part, r->obj, VERDICT_PARTLY, D_RULE_EXPORT_SHADOWED, "spec.exportTo",
		     "it is merged into %s %s/%s, whose exportTo holds", kind_info(first->obj->kind)->name, first->obj->ns, first->obj->name);
}

static void add_rules(struct dr *dr, const struct snapshot *snap, const struct merge *m, struct arena *a)
{
	const struct object *policy_by = NULL;
	struct subsets all = {0};
	size_t n = 0;

	for (size_t i = 0; i < m->rules.n; i++)
		n += m->rules.v[i].spec->n_subsets;
	all.v = arena_array(a, struct subset, n);
	all.by = arena_array(a, const struct object *, n);
	for (size_t i = 0; i < m->rules.n; i++) {
		const struct rule *r = &m->rules.v[i];

		add_subsets(dr, &all, r, a);
		add_policy(dr, &policy_by, r, a);
		check_export(dr, &m->rules.v[0], r, a);
	}
	if (m->tls)
		add_tls(dr, snap, m->tls, policy_by, a);
	dr->subsets = all.v;
	dr->n_subsets = all.n;
}

static struct hash128 dr_hash(const struct dr *dr)
{
	struct hash128 h = hash_mix_str(hash_bytes("dr", 2), dr->host);

	for (size_t i = 0; i < dr->n_objs; i++)
		h = hash_mix(h, dr->objs[i]->hash);
	h = hash_mix(h, dr->tls_inputs);
	h = hash_mix_u64(h, (uint64_t)dr->export_to.all << 2 | (uint64_t)dr->export_to.none << 1 |
				(uint64_t)dr->export_to.own);
	return hash_strs(h, &dr->export_to.ns);
}

static struct hash128 mix_affinity(struct hash128 h, const struct load_balancer *lb)
{
	struct buf text;

	if (!lb || !lb->consistent_hash)
		return hash_mix_u64(h, 0);
	buf_init(&text, OBJECT_MEMORY_MAX);	/* it came out of an object that is smaller */
	schema_to_json(&schema_consistent_hash, lb->consistent_hash, &text);
	h = hash_mix_bytes(h, text.p, text.n);
	buf_fini(&text);
	return h;
}

static struct hash128 mix_policy(struct hash128 h, const struct traffic_policy *t)
{
	h = hash_mix_u64(h, t ? t->n_port_level_settings : 0);
	for (size_t i = 0; t && i < t->n_port_level_settings; i++) {
		const struct port_policy *p = &t->port_level_settings[i];

		h = hash_mix_u64(h, p->port ? p->port->number : 0);
		h = mix_affinity(h, p->load_balancer);
	}
	return mix_affinity(h, t ? t->load_balancer : NULL);
}

/* A change of limits or ejection concerns the clusters alone: no route is made anew for it. */
static struct hash128 routing_hash(const struct dr *dr)
{
	struct hash128 h = hash_bytes("routing", 7);

	for (size_t i = 0; i < dr->n_objs; i++)
		h = hash_mix_str(hash_mix_str(h, dr->objs[i]->ns), dr->objs[i]->name);
	h = mix_policy(h, dr->policy);
	for (size_t i = 0; i < dr->n_subsets; i++)
		h = mix_policy(hash_mix_str(h, dr->subsets[i].name), dr->subsets[i].traffic_policy);
	return h;
}

static bool lb_names_node(const struct load_balancer *lb)
{
	static const char node[] = "kubernetes.io/hostname";

	return lb && ((lb->locality_lb_setting && strs_has(&lb->locality_lb_setting->failover_priority, node)) ||
		      (lb->zone_aware_lb_setting && strs_has(&lb->zone_aware_lb_setting->failover_priority, node)));
}

static bool policy_names_node(const struct traffic_policy *t)
{
	for (size_t i = 0; t && i < t->n_port_level_settings; i++)
		if (lb_names_node(t->port_level_settings[i].load_balancer))
			return true;
	return t && lb_names_node(t->load_balancer);
}

static struct dr *dr_build(struct builder *b, const char *host, const struct merge *m)
{
	const struct object *first = m->objs.v[0];
	const struct destination_rule *spec = m->rules.v[0].spec;
	struct strs export_to = export_set(spec);
	struct part_scope ps;
	struct dr *dr;

	if (part_begin(&ps)) {
		for (size_t i = 1; i < m->objs.n; i++)
			part_quarantine(b, m->objs.v[i]);
		part_failed(b, &ps, first);
		return NULL;
	}
	dr = part_alloc(&ps, struct dr);
	dr->ns = first->ns;
	dr->host = arena_strdup(&ps.arena, host);
	dr->objs = dr->part.held = arena_copy(&ps.arena, m->objs.v, m->objs.n * sizeof(m->objs.v[0]));
	dr->n_objs = dr->part.n_held = m->objs.n;
	dr->has_selector = has_selector(spec);
	if (dr->has_selector)
		dr->workload_selector = spec->workload_selector->match_labels;
	dr->export_to = visibility_of(&export_to, &b->s->mesh->default_destination_rule_export_to, first->ns, &ps.arena);
	add_rules(dr, b->s, m, &ps.arena);
	dr->by_node = policy_names_node(dr->policy);
	for (size_t i = 0; i < dr->n_subsets; i++)
		dr->by_node = dr->by_node || policy_names_node(dr->subsets[i].traffic_policy);
	dr->part.hash = dr_hash(dr);
	dr->routing = routing_hash(dr);
	part_end(&ps, &dr->part);
	return dr;
}

/* ---- all ---- */

static struct rule *all_rules(struct builder *b, size_t *n)
{
	const struct kind_list *l = builder_list(b, KIND_DESTINATION_RULE);
	struct tls_rules policies = {0};
	struct rule *v;

	backend_tls_rules(b->s, b->arena, &policies);
	v = arena_array(b->arena, struct rule, l->n + policies.v.n);
	*n = 0;
	for (size_t i = 0; i < policies.v.n; i++) {
		static const struct destination_rule plain = {0};
		const struct tls_rule *t = policies.v.v[i];

		v[(*n)++] = (struct rule){t->host, t->v[0].policy, &plain, t};
	}
	for (size_t i = 0; i < l->n; i++) {
		const struct destination_rule *spec = object_spec(l->v[i], destination_rule);

		if (spec->host)
			v[(*n)++] = (struct rule){
			    host_resolve(spec->host, l->v[i]->ns, b->s->domain, b->arena), l->v[i], spec, NULL};
	}
	qsort(v, *n, sizeof(v[0]), compare_rules);
	return v;
}

/* prev's dr that merges the same objects for host; *j walks prev->drs, which has the same order. */
static struct dr *dr_reuse(const struct snapshot *prev, size_t *j, const char *host, const struct merge *m)
{
	const char *ns = m->objs.v[0]->ns;

	for (; prev && *j < prev->n_drs; (*j)++) {
		int c = strcmp(prev->drs[*j]->ns, ns);

		if (c > 0 || (c == 0 && strcmp(prev->drs[*j]->host, host) >= 0))
			break;
	}
	for (size_t i = *j; prev && i < prev->n_drs; i++) {
		struct dr *dr = prev->drs[i];

		if (strcmp(dr->ns, ns) != 0 || strcmp(dr->host, host) != 0)
			break;
		if (hash_equal(dr->tls_inputs, m->tls ? m->tls->hash : (struct hash128){0}) && dr->n_objs == m->objs.n &&
		    memcmp(dr->objs, m->objs.v, m->objs.n * sizeof(m->objs.v[0])) == 0)
			return dr;
	}
	return NULL;
}

/* Whether nobody finds a dr behind this one. */
static bool everywhere(const struct merge *m)
{
	const struct destination_rule *first = m->rules.v[0].spec;

	return !has_selector(first) && (first->export_to.n == 0 || strs_has(&first->export_to, "*"));
}

/* The drs of one namespace and host. What policies say is in all of them, and in one of its own where there is none. */
static void rule_group(struct builder *b, const struct rule *r, size_t n, size_t *j)
{
	struct merge *merges = arena_array(b->arena, struct merge, n);
	const struct rule *policies = r->tls ? r : NULL;
	struct snapshot *s = b->s;
	size_t n_merges = 0;
	bool whole = false;

	if (policies) {
		r++;
		n--;
	}
	for (size_t i = 0; i < n; i++)
		if (join(merges, n_merges, &r[i], b->arena)) {
			add_rule(&merges[n_merges], &r[i], b->arena);
			n_merges++;
		}
	for (size_t i = 0; i < n_merges; i++)
		whole = whole || everywhere(&merges[i]);
	if (policies && !whole)
		add_rule(&merges[n_merges++], policies, b->arena);
	for (size_t i = 0; policies && i < n_merges; i++)
		add_policies(&merges[i], policies->tls, b->arena);
	for (size_t i = 0; i < n_merges; i++) {
		const char *host = merges[i].rules.v[0].host;
		struct dr *dr = dr_reuse(b->same_mesh ? b->prev : NULL, j, host, &merges[i]);

		if (!dr) {
			dr = dr_build(b, host, &merges[i]);
			if (dr)
				part_fresh(b, &dr->part);
		}
		if (dr)
			s->drs[s->n_drs++] = dr;
	}
}

/* BackendTLSPolicies read Services and ConfigMaps. */
static bool same_policies(const struct builder *b)
{
	return b->same[KIND_BACKEND_TLS_POLICY] &&
	       (builder_list(b, KIND_BACKEND_TLS_POLICY)->n == 0 || (b->same[KIND_SERVICE] && b->same[KIND_CONFIG_MAP]));
}

void rule_stage(struct builder *b)
{
	const struct snapshot *prev = b->prev;
	struct snapshot *s = b->s;
	struct rule *v;
	size_t n, j = 0;

	if (b->same_mesh && b->same[KIND_DESTINATION_RULE] && same_policies(b)) {
		s->drs = arena_copy(b->arena, prev->drs, prev->n_drs * sizeof(prev->drs[0]));
		s->n_drs = prev->n_drs;
		b->same_drs = true;
		part_keep_quarantined(b, KIND_DESTINATION_RULE);
		return;
	}
	v = all_rules(b, &n);
	s->drs = arena_array(b->arena, struct dr *, n);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && strcmp(v[end].obj->ns, v[i].obj->ns) == 0 &&
				  strcmp(v[end].host, v[i].host) == 0; end++)
			;
		rule_group(b, v + i, end - i, &j);
	}
	b->same_drs = prev && prev->n_drs == s->n_drs &&
		      memcmp(prev->drs, s->drs, s->n_drs * sizeof(s->drs[0])) == 0;
}
