/* SPDX-License-Identifier: Apache-2.0
 *
 * Load assignments (istio-behaviour.md 1.4.4, 4.5): which endpoints of a service a cluster gets, by
 * locality, and how the caller's own locality weighs on them.
 */
#include "plan/plan_endpoint_int.h"

#include <stdlib.h>
#include <string.h>

#include "model/kube.h"

enum {
	LOCALITY_STEPS = 5,	/* priorities that a locality can make, */
	REGION_STEPS = 3,	/* and a region */
};

/* ---- which locality setting ---- */

static const char *const spread_zone[] = {"topology.istio.io/network", "topology.kubernetes.io/region",
					  "topology.kubernetes.io/zone", "topology.istio.io/subzone",
					  "kubernetes.io/hostname"};

static size_t spread_labels(const char *text)
{
	if (text && (strcmp(text, "PreferClose") == 0 || strcmp(text, "PreferSameZone") == 0))
		return 3;
	return text && strcmp(text, "PreferSameNode") == 0 ? 5 : 0;
}

size_t endpoints_traffic_distribution(const struct plan *p, const struct svc *svc)
{
	static const char note[] = "networking.istio.io/traffic-distribution";
	const struct k_service *k = svc->is_kube ? object_spec(svc->obj, k_service) : NULL;
	const struct object *ns;
	const char *text = k && k->spec ? k->spec->traffic_distribution : NULL;

	if (!text)
		text = strmap_get(&svc->obj->annotations, note);
	if (text)
		return spread_labels(text);
	ns = snapshot_object(p->snap, KIND_NAMESPACE, "", svc->ns);
	return ns ? spread_labels(strmap_get(&ns->annotations, note)) : 0;
}

bool placement_zones_on(const struct zone_aware_lb *z)
{
	return !z->enabled.has || z->enabled.v;
}

static const struct locality_lb *if_enabled(const struct locality_lb *l)
{
	return l && l->enabled.has && !l->enabled.v ? NULL : l;
}

struct placement placement_of(const struct plan *p, const struct svc *svc, const struct policy *policy, struct arena *a)
{
	const struct mesh_config *mesh = p->snap->mesh;
	const struct load_balancer *lb = policy->lb;
	struct locality_lb *spread;
	size_t n_labels;

	if (lb && lb->zone_aware_lb_setting)
		return (struct placement){.zones = lb->zone_aware_lb_setting};
	if (lb && lb->locality_lb_setting)
		return (struct placement){.locality = if_enabled(lb->locality_lb_setting)};
	n_labels = endpoints_traffic_distribution(p, svc);
	if (n_labels) {
		spread = arena_new(a, struct locality_lb);
		spread->failover_priority = (struct strs){spread_zone, n_labels};
		return (struct placement){.locality = spread, .forced = true};
	}
	if (mesh->zone_aware_lb_setting)
		return (struct placement){.zones = mesh->zone_aware_lb_setting};
	return (struct placement){.locality = if_enabled(mesh->locality_lb_setting)};
}

/* ---- which endpoints ---- */

static size_t port_index(const struct svc *svc, uint32_t port)
{
	for (size_t i = 0; i < svc->n_ports; i++)
		if (svc->ports[i].port == port)
			return i;
	return svc->n_ports;
}

bool endpoints_take_unhealthy(const struct plan *p, const struct svc *svc, const struct policy *policy)
{
	return !policy->outlier || policy->outlier->min_health_percent <= 0 || endpoints_traffic_distribution(p, svc);
}

static bool is_pipe(const struct ep *e)
{
	return strncmp(e->address, "unix://", 7) == 0;
}

/* It speaks mTLS, and PeerAuthentications let it. */
static bool takes_mtls(const struct plan *p, const struct svc *svc, const struct ep *e, uint32_t port)
{
	return e->mtls && !(p->snap->n_peers && peer_disables(p->snap, *e->workload_ns ? e->workload_ns : svc->ns, &e->labels, port));
}

static bool belongs(const struct plan *p, const struct outbound *o, const struct policy *policy, const struct subset *subset,
		    const struct ep *e, bool mtls)
{
	if (e->health == EP_UNHEALTHY && !endpoints_take_unhealthy(p, o->svc->svc, policy))
		return false;
	if (e->health == EP_DRAINING && !o->svc->svc->persistent_session)
		return false;
	if (o->svc->svc->node_local && (!p->view->node || strcmp(p->view->node, e->node) != 0))
		return false;
	if (o->by_sni && !mtls)
		return false;
	if (e->is_further && plan_is_dual(p->view))
		return false;
	if (p->view->type == PROXY_GRPC && is_pipe(e))
		return false;
	if (!network_reaches(p, policy, e, mtls))
		return false;
	return !subset || !subset->labels.n || labels_match(&subset->labels, &e->labels);
}

static void gather(struct gathering *g, const struct outbound *o, const struct policy *policy)
{
	const struct ep_set *eps = o->svc->eps;
	const struct subset *subset = policy_subset(o->svc->dr, o->subset);
	size_t index = port_index(o->svc->svc, o->port->port);

	if (index == o->svc->svc->n_ports)
		return;
	g->v = arena_array(g->arena, struct member, eps->n);
	for (size_t i = 0; i < eps->n; i++) {
		const struct ep *e = &eps->v[i];

		bool mtls = takes_mtls(g->plan, o->svc->svc, e, e->ports[index]);

		if (e->ports[index] && belongs(g->plan, o, policy, subset, e, mtls))
			g->v[g->n++] = (struct member){.ep = e, .port = e->ports[index], .weight = e->weight, .mtls = mtls, .seq = i};
	}
}

size_t endpoints_count(const struct plan *p, const struct outbound *o, const struct policy *policy)
{
	const struct ep_set *eps = o->svc->eps;
	const struct subset *subset = policy_subset(o->svc->dr, o->subset);
	size_t index = port_index(o->svc->svc, o->port->port), n = 0;

	for (size_t i = 0; index < o->svc->svc->n_ports && i < eps->n; i++) {
		const struct ep *e = &eps->v[i];

		if (e->ports[index] && belongs(p, o, policy, subset, e, takes_mtls(p, o->svc->svc, e, e->ports[index])))
			n++;
	}
	return n;
}

/* ---- priorities by label ---- */

static const char *own_label(const struct view *v, const char *label)
{
	const struct {
		const char *label, *value;
	} topology[] = {
	    {"topology.kubernetes.io/region", v->region}, {"topology.kubernetes.io/zone", v->zone},
	    {"topology.istio.io/subzone", v->subzone},    {"topology.istio.io/network", v->network},
	    {"topology.istio.io/cluster", *v->cluster_id ? v->cluster_id : OWN_CLUSTER}, {"kubernetes.io/hostname", v->node},
	};
	const char *value = strmap_get(&v->labels, label);

	for (size_t i = 0; !value && i < sizeof(topology) / sizeof(topology[0]); i++)
		if (strcmp(topology[i].label, label) == 0)
			value = topology[i].value;
	return value ? value : "";
}

/* "label" (equal to the caller's) or "label=value". */
static bool label_fits(const struct view *v, const struct ep *e, const char *rule, struct arena *a)
{
	const char *eq = strchr(rule, '=');
	const char *label = eq ? arena_strndup(a, rule, (size_t)(eq - rule)) : rule;
	const char *want = eq ? eq + 1 : own_label(v, label);
	const char *has = strmap_get(&e->labels, label);

	return strcmp(has ? has : "", want) == 0;
}

/* N minus the index of the first label that differs; another network first of all adds N. */
static uint32_t label_priority(const struct view *v, const struct ep *e, const struct strs *rules, struct arena *a)
{
	size_t n = rules->n, base = 0, i = 0;

	if (n && strncmp(rules->v[0], "topology.istio.io/network", 25) == 0 && !label_fits(v, e, rules->v[0], a)) {
		base = n;
		i = 1;
	}
	for (; i < n; i++)
		if (!label_fits(v, e, rules->v[i], a))
			return (uint32_t)(base + n - i);
	return (uint32_t)base;
}

/* ---- localities ---- */

int endpoint_compare_place(const struct ep *x, const struct ep *y)
{
	int c = strcmp(x->region, y->region);

	if (!c)
		c = strcmp(x->zone, y->zone);
	return c ? c : strcmp(x->subzone, y->subzone);
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = endpoint_compare_place(x->ep, y->ep);

	if (!c)
		c = (x->priority > y->priority) - (x->priority < y->priority);
	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static const char *workload_text(const struct ep *e, struct arena *a)
{
	static const char *const names[] = {"service.istio.io/canonical-name", "app.kubernetes.io/name", "app"};
	static const char *const revisions[] = {"service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"};
	const char *name = NULL, *revision = NULL;

	for (size_t i = 0; i < 3 && !name; i++)
		name = strmap_get(&e->labels, names[i]);
	for (size_t i = 0; i < 3 && !revision; i++)
		revision = strmap_get(&e->labels, revisions[i]);
	if (!revision || strcmp(revision, "latest") == 0)
		revision = "";
	if (!*e->workload && !name)
		return NULL;
	return arena_printf(a, "%s;%s;%s;%s;" OWN_CLUSTER, e->workload, e->workload_ns, name ? name : e->workload, revision);
}

static void add_further(struct ir_endpoint *out, const struct member *m, struct arena *a)
{
	struct ir_address *v = arena_array(a, struct ir_address, m->ep->more.n);

	for (size_t i = 0; i < m->ep->more.n; i++)
		v[i] = (struct ir_address){.ip = m->ep->more.v[i], .port = m->port};
	out->more = v;
	out->n_more = m->ep->more.n;
}

static void set_endpoint(const struct view *view, struct ir_endpoint *out, const struct member *m, struct arena *a)
{
	const struct ep *e = m->ep;

	*out = (struct ir_endpoint){.weight = m->weight, .mtls = m->mtls, .workload = workload_text(e, a)};
	out->health = e->health == EP_HEALTHY ? IR_HEALTHY : e->health == EP_UNHEALTHY ? IR_UNHEALTHY : IR_DRAINING;
	if (is_pipe(e))
		out->address = (struct ir_address){.ip = e->address + 7, .is_pipe = true};
	else
		out->address = (struct ir_address){.ip = e->address, .port = m->port};
	if (plan_is_dual(view))
		add_further(out, m, a);
}

/* Members stand in order; a new locality begins where place or priority changes. */
static void group(struct gathering *g)
{
	struct ir_endpoint *eps = arena_array(g->arena, struct ir_endpoint, g->n);
	struct ir_locality *l = NULL;

	g->localities = arena_array(g->arena, struct ir_locality, g->n);
	if (g->n)
		qsort(g->v, g->n, sizeof(g->v[0]), compare_members);
	for (size_t i = 0; i < g->n; i++) {
		const struct ep *e = g->v[i].ep;

		if (!l || endpoint_compare_place(g->v[i - 1].ep, e) != 0 || g->v[i - 1].priority != g->v[i].priority) {
			l = &g->localities[g->n_localities++];
			*l = (struct ir_locality){.region = e->region, .zone = e->zone, .subzone = e->subzone,
						  .priority = g->v[i].priority, .eps = &eps[i]};
			l->weight = (struct opt_u32){true, 0};
		}
		set_endpoint(g->plan->view, &eps[i], &g->v[i], g->arena);
		l->weight.v += g->v[i].weight;
		l->n_eps++;
	}
}

static bool level_fits(const char *rule, size_t len, const char *own)
{
	return len == 0 || (len == 1 && *rule == '*') || (strlen(own) == len && memcmp(rule, own, len) == 0);
}

/* "region/zone/subzone", each level a name or '*', missing levels match. */
static bool place_fits(const char *rule, const char *region, const char *zone, const char *subzone)
{
	const char *const own[] = {region, zone, subzone};

	for (size_t i = 0; i < 3; i++) {
		size_t len = strcspn(rule, "/");

		if (!level_fits(rule, len, own[i] ? own[i] : ""))
			return false;
		rule += len;
		if (*rule == '/')
			rule++;
	}
	return true;
}

/* Weights of the localities that one rule names: its share, split by their own weights. */
static void share_out(struct gathering *g, const struct u32_pair *to, bool *taken)
{
	uint64_t total = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < g->n_localities; i++) {
			struct ir_locality *l = &g->localities[i];

			if (taken[i] || !place_fits(to->key, l->region, l->zone, l->subzone))
				continue;
			if (pass == 0) {
				total += l->weight.v;
				continue;
			}
			taken[i] = true;
			if (total && to->value)
				l->weight.v = (uint32_t)(((uint64_t)l->weight.v * to->value + total - 1) / total);
		}
}

static void distribute(struct gathering *g, const struct locality_lb *setting)
{
	const struct view *v = g->plan->view;

	for (size_t i = 0; i < setting->n_distribute; i++) {
		const struct locality_distribute *d = &setting->distribute[i];
		bool *taken;

		if (!d->from || !place_fits(d->from, v->region, v->zone, v->subzone))
			continue;
		taken = arena_array(g->arena, bool, g->n_localities);
		for (size_t j = d->to.n; j-- > 0;)	/* '*' sorts first: the most general comes last */
			share_out(g, &d->to.v[j], taken);
		for (size_t j = 0; j < g->n_localities; j++)
			if (!taken[j])
				g->localities[j].n_eps = 0;
		return;
	}
}

/* 0, or 1 for a region that no rule of the caller's names as the one that stands in. */
static uint32_t region_rank(const char *own, const char *region, const struct locality_failover *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].from && strcmp(v[i].from, own) == 0)
			return v[i].to && strcmp(v[i].to, region) == 0 ? 0 : 1;
	return 0;
}

static uint32_t place_priority(const struct view *v, const struct ir_locality *l, const struct locality_lb *setting)
{
	const char *region = v->region ? v->region : "", *zone = v->zone ? v->zone : "", *subzone = v->subzone ? v->subzone : "";

	if (strcmp(l->region, region) != 0)
		return 3 + region_rank(region, l->region, setting->failover, setting->n_failover);
	if (strcmp(l->zone, zone) != 0)
		return 2;
	return strcmp(l->subzone, subzone) == 0 ? 0 : 1;
}

/* Zones are Envoy's own matter. */
static uint32_t region_priority(const struct view *v, const struct ir_locality *l, const struct zone_aware_lb *zones)
{
	const char *region = v->region ? v->region : "";

	if (strcmp(l->region, region) == 0)
		return 0;
	return 1 + region_rank(region, l->region, zones->failover, zones->n_failover);
}

/* Envoy wants priorities without gaps. */
static void close_gaps(struct gathering *g)
{
	uint32_t next = 0, floor = 0;
	uint32_t *sorted = arena_array(g->arena, uint32_t, g->n_localities);

	for (size_t i = 0; i < g->n_localities; i++)
		sorted[i] = g->localities[i].priority;
	for (;;) {
		uint32_t least = UINT32_MAX;

		for (size_t i = 0; i < g->n_localities; i++)
			if (sorted[i] >= floor && sorted[i] < least)
				least = sorted[i];
		if (least == UINT32_MAX)
			return;
		for (size_t i = 0; i < g->n_localities; i++)
			if (sorted[i] == least)
				g->localities[i].priority = next;
		next++;
		floor = least + 1;
	}
}

/* Priorities need someone to find out that the first is down. */
static bool fails_over(const struct placement *place, const struct policy *policy)
{
	if (place->zones)
		return placement_zones_on(place->zones) && policy->outlier;
	return place->locality && !place->locality->n_distribute && (policy->outlier || place->forced);
}

static const struct strs *priority_labels(const struct placement *place)
{
	return place->zones ? &place->zones->failover_priority : &place->locality->failover_priority;
}

/* By labels, within these by place; by place alone where no labels are given. */
static void prioritize(struct gathering *g, const struct placement *place)
{
	const struct view *v = g->plan->view;
	bool by_place = !priority_labels(place)->n ||
			(place->zones ? place->zones->n_failover : place->locality->n_failover);

	for (size_t i = 0; by_place && i < g->n_localities; i++) {
		struct ir_locality *l = &g->localities[i];

		if (place->zones)
			l->priority = l->priority * REGION_STEPS + region_priority(v, l, place->zones);
		else
			l->priority = l->priority * LOCALITY_STEPS + place_priority(v, l, place->locality);
	}
	close_gaps(g);
}

static struct ir_origins endpoint_origins(const struct outbound *o, struct arena *a)
{
	struct origins all = {.arena = a};

	origins_add(&all, o->svc->svc->obj);
	for (size_t i = 0; i < o->svc->eps->n_objs; i++)
		if (o->svc->eps->objs[i]->kind != KIND_NODE)
			origins_add(&all, o->svc->eps->objs[i]);
	for (size_t i = 0; o->svc->dr && i < o->svc->dr->n_objs; i++)
		origins_add(&all, o->svc->dr->objs[i]);
	return origins_done(&all);
}

const struct ir_endpoints *endpoints_of(const struct plan *p, const struct outbound *o, const struct policy *policy,
					const char *name, struct arena *a)
{
	struct ir_endpoints *out = arena_new(a, struct ir_endpoints);
	struct gathering g = {.plan = p, .arena = a};
	struct placement place = placement_of(p, o->svc->svc, policy, a);
	bool failover = fails_over(&place, policy);

	gather(&g, o, policy);
	network_replace(&g);
	for (size_t i = 0; failover && i < g.n; i++)
		g.v[i].priority = label_priority(p->view, g.v[i].ep, priority_labels(&place), a);
	group(&g);
	if (failover)
		prioritize(&g, &place);
	else if (place.locality && place.locality->n_distribute)
		distribute(&g, place.locality);
	*out = (struct ir_endpoints){.name = name, .localities = g.localities, .n_localities = g.n_localities,
				    .always_place = p->view->type == PROXY_GRPC};
	out->origins = endpoint_origins(o, a);
	return out;
}

/* ---- rows ---- */

/* Mixes the caller's place and labels, where the setting looks at them. */
static struct hash128 mix_caller(const struct plan *p, const struct outbound *o, const struct policy *policy,
				 struct hash128 h, struct arena *a)
{
	const struct view *v = p->view;
	struct placement place = placement_of(p, o->svc->svc, policy, a);
	const struct strs *labels;

	if (o->svc->svc->node_local)
		h = hash_mix_str(h, v->node);
	if (!fails_over(&place, policy) && !(place.locality && place.locality->n_distribute))
		return h;
	h = hash_mix_str(hash_mix_str(hash_mix_str(h, v->region), v->zone), v->subzone);
	labels = priority_labels(&place);
	for (size_t i = 0; i < labels->n; i++)
		if (!strchr(labels->v[i], '='))
			h = hash_mix_str(h, own_label(v, labels->v[i]));
	return h;
}

struct hash128 endpoints_mix(const struct plan *p, const struct outbound *o, struct hash128 h, struct arena *a)
{
	struct policy policy;

	outbound_policy(p, o, &policy);
	h = network_mix(p, hash_mix(h, o->svc->eps->part.hash));
	return mix_caller(p, o, &policy, h, a);
}

static void expand_endpoints(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct outbound *o = row->ref;
	struct policy policy;

	outbound_policy(p, o, &policy);
	out->endpoints = endpoints_of(p, o, &policy, row->name, a);
}

static void endpoint_row(struct plan *p, const struct outbound *o, void *arg)
{
	struct plan_rows *rows = arg;
	struct policy policy;
	struct outbound *ref;

	outbound_policy(p, o, &policy);
	if (outbound_discovery(p, o, &policy) != IR_EDS)
		return;
	ref = arena_new(rows->arena, struct outbound);
	*ref = *o;
	*vec_push(&rows->v, rows->arena) = (struct plan_row){
	    .type = IR_ENDPOINTS,
	    .name = outbound_name(o, rows->arena),
	    .inputs = endpoints_mix(p, o, outbound_mix(p, o, hash_bytes("eds", 3)), rows->arena),
	    .expand = expand_endpoints,
	    .ref = ref,
	};
}

void plan_endpoint_rows(struct plan *p, struct plan_rows *rows)
{
	outbound_each(p, endpoint_row, rows);
}
