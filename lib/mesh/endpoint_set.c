/* SPDX-License-Identifier: Apache-2.0
 *
 * What one ep_set is made of: EndpointSlices joined with Pods and Nodes, ServiceEntry endpoints, WorkloadEntries
 * (istio-behaviour.md 1.8, 4.5). What it reads is what endpoint.c marks by.
 */
#include "mesh/snapshot_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/scalar.h"
#include "model/kube.h"
#include "model/traffic.h"

struct item {
	struct ep ep;
	const struct object *pod;	/* or NULL */
	size_t seq;		/* order of finding: breaks ties for good */
};

/* One ep_set in the making. */
struct making {
	const struct builder *b;
	const struct svc *svc;
	struct arena *arena;		/* of the part */
	struct ep_set *set;
	VEC(struct item) items;
	VEC(const struct object *) held;
};

static void hold(struct making *m, const struct object *obj)
{
	if (obj)
		*vec_push(&m->held, m->arena) = obj;
}

static struct ep *add(struct making *m, const struct object *pod)
{
	struct item *it = vec_push(&m->items, m->b->arena);	/* of the part is only what finish makes of them */

	*it = (struct item){.pod = pod, .seq = m->items.n};
	it->ep = (struct ep){.region = "", .zone = "", .subzone = "", .network = "", .node = "",
			     .service_account = "", .workload = "", .workload_ns = "", .weight = 1};
	return &it->ep;
}

static const char *spiffe(const struct making *m, const char *ns, const char *account)
{
	return arena_printf(m->arena, "spiffe://%s/ns/%s/sa/%s", m->b->s->mesh->trust_domain, ns, account);
}

static bool tls_mode_istio(const struct strmap *labels)
{
	const char *mode = strmap_get(labels, "security.istio.io/tlsMode");

	return mode && strcmp(mode, "istio") == 0;
}

/* ---- pods and slices ---- */

static void set_pod(struct making *m, struct ep *e, const struct object *pod)
{
	const struct snapshot *s = m->b->s;
	const struct k_pod_spec *spec = object_spec(pod, k_pod)->spec;
	struct locality l = locality_of_pod(s, pod, m->arena);

	hold(m, pod);
	if (spec && spec->node_name) {
		e->node = spec->node_name;
		hold(m, snapshot_object(s, KIND_NODE, "", spec->node_name));
	}
	e->region = l.region;
	e->zone = l.zone;
	e->subzone = l.subzone;
	e->network = network_of(s, &pod->labels);
	if (!*e->network)
		e->network = network_of_address(s, e->address);
	e->labels = labels_augment(&pod->labels, l, e->network, OWN_CLUSTER, e->node, m->arena);
	e->service_account = spiffe(m, pod->ns, spec && spec->service_account ? spec->service_account : "default");
	e->workload = pod_workload(pod, m->arena);
	e->workload_ns = pod->ns;
	e->mtls = tls_mode_istio(&pod->labels);
	if (strmap_get(&pod->labels, "istio.io/draining"))
		e->health = EP_DRAINING;
}

/* Ports by svc port: the slice's port of the same name. */
static const uint32_t *slice_ports(const struct making *m, const struct k_endpoint_slice *slice)
{
	uint32_t *v = arena_array(m->arena, uint32_t, m->svc->n_ports);

	for (size_t i = 0; i < m->svc->n_ports; i++)
		for (size_t j = 0; j < slice->n_ports && !v[i]; j++)
			if (strcmp(slice->ports[j].name ? slice->ports[j].name : "", m->svc->ports[i].name) == 0)
				v[i] = slice->ports[j].port;
	return v;
}

/* False: never sent. */
static bool health_of(const struct svc *svc, const struct k_conditions *c, enum ep_health *out)
{
	if (!c || !c->ready.has || c->ready.v) {
		*out = EP_HEALTHY;
		return true;
	}
	if (c->terminating.has && c->terminating.v) {
		*out = EP_DRAINING;
		return svc->persistent_session && c->serving.has && c->serving.v;
	}
	*out = EP_UNHEALTHY;
	return true;
}

/* The pod of an endpoint is told by targetRef. One that is not known yet is held back: without its
 * labels nobody can say whether it speaks mTLS. Where no pods are kept at all (a directory of
 * manifests) the slice counts alone. */
static void add_slice(struct making *m, const struct object *obj)
{
	const struct k_endpoint_slice *slice = object_spec(obj, k_endpoint_slice);
	const struct snapshot *s = m->b->s;
	const uint32_t *ports;
	size_t missing = 0;

	hold(m, obj);
	if (slice->address_type && strcmp(slice->address_type, "FQDN") == 0)
		return;
	ports = slice_ports(m, slice);
	for (size_t i = 0; i < slice->n_endpoints; i++) {
		const struct k_endpoint *k = &slice->endpoints[i];
		const struct k_object_ref *ref = k->target_ref;
		const struct object *pod = NULL;
		enum ep_health health;

		if (!health_of(m->svc, k->conditions, &health))
			continue;
		if (ref && ref->kind && ref->name && strcmp(ref->kind, "Pod") == 0) {
			pod = snapshot_object(s, KIND_POD, ref->ns ? ref->ns : obj->ns, ref->name);
			if (!pod && s->objects.kind[KIND_POD]->n) {
				missing++;
				continue;
			}
		}
		for (size_t j = 0; j < k->addresses.n; j++) {
			struct ep *e = add(m, pod);

			e->address = k->addresses.v[j];
			e->ports = ports;
			e->health = health;
			e->node = k->node_name ? k->node_name : "";
			e->network = *s->default_network ? s->default_network : network_of_address(s, e->address);
			if (pod)
				set_pod(m, e, pod);
		}
	}
	if (missing)
		part_finding(m->arena, &m->set->part, obj, VERDICT_PARTLY, D_SLICE_POD_UNKNOWN, "endpoints",
			     "%zu endpoints name pods that are not known", missing);
}

static struct strs further_addresses(const struct making *m, const struct k_pod_status *st)
{
	const char **v = arena_array(m->arena, const char *, st->n_pod_ips);
	size_t n = 0;

	for (size_t i = 0; i < st->n_pod_ips; i++)
		if (st->pod_ips[i].ip && strcmp(st->pod_ips[i].ip, st->pod_ip) != 0)
			v[n++] = st->pod_ips[i].ip;
	return (struct strs){v, n};
}

/* As its EndpointSlice would have it; a ServiceEntry has none, and takes ready pods only. */
static void add_pod(struct making *m, const struct object *pod)
{
	bool ready = pod_is_ready(pod) || m->svc->publish_not_ready;
	const struct k_pod *p = object_spec(pod, k_pod);
	uint32_t *ports;
	struct ep *e;

	if (!p->status || !p->status->pod_ip || !*p->status->pod_ip || !pod_is_live(pod) || (!ready && !m->svc->is_kube))
		return;
	ports = arena_array(m->arena, uint32_t, m->svc->n_ports);
	for (size_t i = 0; i < m->svc->n_ports; i++)
		ports[i] = svc_port_at_pod(&m->svc->ports[i], pod);
	e = add(m, NULL);
	e->address = p->status->pod_ip;
	e->more = further_addresses(m, p->status);
	e->ports = ports;
	e->health = ready ? EP_HEALTHY : EP_UNHEALTHY;
	set_pod(m, e, pod);
}

static void add_selected_pods(struct making *m, const struct strmap *selector)
{
	const struct kind_list *pods = builder_list(m->b, KIND_POD);
	size_t first, n = kind_list_range(pods, m->svc->ns, &first);
	uint64_t bits = labels_bits(selector);

	for (size_t i = first; i < first + n; i++)
		if (!(bits & ~pods->v[i]->label_bits) && labels_match(selector, &pods->v[i]->labels))
			add_pod(m, pods->v[i]);
}

/* ---- ServiceEntry endpoints and WorkloadEntries ---- */

static const uint32_t *u32map_find(const struct u32map *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->v[i].key, key) == 0)
			return &map->v[i].value;
	return NULL;
}

/* The port of an entry for port i of the svc, where se (or NULL for a Kubernetes Service) is what
 * the entry belongs to. */
static uint32_t entry_port(const struct svc *svc, size_t i, const struct service_entry *se,
			   const struct workload_entry *we)
{
	const struct svc_port *p = &svc->ports[i];
	const char *name = p->name;
	uint32_t target = p->target.is_int && p->target.num ? p->target.num : p->port;
	const uint32_t *named;

	if (se) {
		const struct se_port *own = NULL;

		for (size_t j = 0; j < se->n_ports && !own; j++)
			if (se->ports[j].number == p->port)
				own = &se->ports[j];
		if (!own)
			return 0;
		name = own->name ? own->name : "";
		target = own->target_port ? own->target_port : own->number;
	}
	named = we ? u32map_find(&we->ports, name) : NULL;
	return named ? *named : target;
}

static const uint32_t *entry_ports(const struct making *m, const struct service_entry *se,
				   const struct workload_entry *we)
{
	uint32_t *v = arena_array(m->arena, uint32_t, m->svc->n_ports);

	for (size_t i = 0; i < m->svc->n_ports; i++)
		v[i] = entry_port(m->svc, i, se, we);
	return v;
}

static void add_entry(struct making *m, const struct object *owner, const struct service_entry *se,
		      const struct workload_entry *we, const struct strmap *labels)
{
	const char *label = strmap_get(labels, "topology.istio.io/locality");
	const char *network = strmap_get(labels, "topology.istio.io/network");
	bool is_gateway = !we->address || !*we->address;	/* stands for the gateways of its network */
	struct locality l = {"", "", ""};
	struct ep *e;

	if (is_gateway && (!we->network || !*we->network))
		return;
	/* a name is resolved by the clusters of DNS services only: Envoy refuses all endpoints beside it elsewhere */
	if (!is_gateway && m->svc->resolution != SVC_DNS && m->svc->resolution != SVC_DNS_ROUND_ROBIN &&
	    !scalar_is_ip(we->address) && strncmp(we->address, "unix:", 5) != 0)
		return;
	if (we->locality && *we->locality)
		l = locality_parse(we->locality, '/', m->arena);
	else if (label && *label)
		l = locality_parse(label, strchr(label, '/') ? '/' : '.', m->arena);
	e = add(m, NULL);
	e->address = is_gateway ? "" : we->address;
	e->ports = entry_ports(m, se, we);
	e->region = l.region;
	e->zone = l.zone;
	e->subzone = l.subzone;
	e->network = we->network && *we->network ? we->network : network ? network : "";
	e->labels = labels_augment(labels, l, e->network, OWN_CLUSTER, "", m->arena);
	if (we->service_account && *we->service_account)
		e->service_account = spiffe(m, owner->ns, we->service_account);
	e->workload = owner->name;
	e->workload_ns = owner->ns;
	e->weight = we->weight ? we->weight : 1;
	e->mtls = strmap_get(labels, "security.istio.io/tlsMode") ? tls_mode_istio(labels)
								  : *e->service_account != '\0';
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

/* Labels of a WorkloadEntry: its metadata's lie over its own. */
static struct strmap entry_labels(const struct object *obj, struct arena *a)
{
	const struct strmap *spec = &object_spec(obj, workload_entry)->labels;
	struct str_pair *v;
	size_t n = obj->labels.n;

	if (spec->n == 0)
		return obj->labels;
	v = arena_array(a, struct str_pair, n + spec->n);
	for (size_t i = 0; i < n; i++)
		v[i] = obj->labels.v[i];
	for (size_t i = 0; i < spec->n; i++)
		if (!strmap_get(&obj->labels, spec->v[i].key))
			v[n++] = spec->v[i];
	qsort(v, n, sizeof(v[0]), compare_pairs);
	return (struct strmap){.v = v, .n = n};
}

bool workload_is_selected(const struct object *obj, const struct strmap *selector)
{
	const struct strmap *spec = &object_spec(obj, workload_entry)->labels;

	for (size_t i = 0; i < selector->n; i++) {
		const char *v = strmap_get(&obj->labels, selector->v[i].key);

		v = v ? v : strmap_get(spec, selector->v[i].key);
		if (!v || strcmp(v, selector->v[i].value) != 0)
			return false;
	}
	return true;
}

/* Where its agent checks it, an entry counts from the first good answer on. */
static bool is_healthy(const struct object *obj)
{
	const char *checked = strmap_get(&obj->annotations, "proxy.istio.io/health-checks-enabled"), *healthy;
	const struct workload_entry_status *st = obj->status;

	if (!checked || !scalar_is_true(checked))
		return true;
	healthy = st ? condition_status(st->conditions, st->n_conditions, "Healthy") : NULL;
	return healthy && strcasecmp(healthy, "true") == 0;
}

static void add_selected_entries(struct making *m, const struct service_entry *se, const struct strmap *selector)
{
	const struct kind_list *list = builder_list(m->b, KIND_WORKLOAD_ENTRY);
	size_t first, n = kind_list_range(list, m->svc->ns, &first);
	uint64_t bits = labels_bits(selector);

	for (size_t i = first; i < first + n; i++) {
		struct strmap labels;

		if (bits & ~list->v[i]->label_bits || !workload_is_selected(list->v[i], selector) || !is_healthy(list->v[i]))
			continue;
		labels = entry_labels(list->v[i], m->arena);
		hold(m, list->v[i]);
		add_entry(m, list->v[i], se, object_spec(list->v[i], workload_entry), &labels);
	}
}

static void add_service_entry(struct making *m, const struct object *obj)
{
	const struct service_entry *se = object_spec(obj, service_entry);
	bool dns = m->svc->resolution == SVC_DNS || m->svc->resolution == SVC_DNS_ROUND_ROBIN;

	hold(m, obj);
	if (m->svc->resolution == SVC_PASSTHROUGH || m->svc->resolution == SVC_DYNAMIC_DNS)
		return;
	if (se->workload_selector) {
		const struct strmap *selector = &se->workload_selector->labels;
		size_t n_entries;

		add_selected_entries(m, se, selector);
		n_entries = m->items.n;
		add_selected_pods(m, selector);
		for (size_t i = n_entries; i < m->items.n; i++)
			m->items.v[i].ep.ports = entry_ports(m, se, NULL);
		return;
	}
	for (size_t i = 0; i < se->n_endpoints; i++)
		add_entry(m, obj, se, &se->endpoints[i], &se->endpoints[i].labels);
	if (se->n_endpoints == 0 && dns && !host_is_wildcard(m->svc->host)) {
		struct ep *e = add(m, NULL);

		e->address = arena_strdup(m->arena, m->svc->host);
		e->ports = entry_ports(m, se, NULL);
	}
}

/* ---- the set ---- */

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = strcmp(x->ep.address, y->ep.address);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static int compare_held(const void *a, const void *b)
{
	return object_compare(*(const struct object *const *)a, *(const struct object *const *)b);
}

/* Order by address, then ports: insertion keeps seq order among equals. */
static void sort_items(struct making *m)
{
	size_t size = m->svc->n_ports * sizeof(uint32_t);

	if (m->items.n)
		qsort(m->items.v, m->items.n, sizeof(m->items.v[0]), compare_items);
	for (size_t i = 1; i < m->items.n; i++)
		for (size_t j = i; j > 0; j--) {
			struct item *x = &m->items.v[j - 1], *y = &m->items.v[j], t = *x;

			if (strcmp(x->ep.address, y->ep.address) != 0 || memcmp(x->ep.ports, y->ep.ports, size) <= 0)
				break;
			*x = *y;
			*y = t;
		}
}

static struct item *find_item(const struct making *m, const char *address, const struct item *like)
{
	size_t lo = 0, hi = m->items.n, size = m->svc->n_ports * sizeof(uint32_t);

	while (address && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(m->items.v[mid].ep.address, address) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; address && lo < m->items.n && strcmp(m->items.v[lo].ep.address, address) == 0; lo++)
		if (m->items.v[lo].pod == like->pod && memcmp(m->items.v[lo].ep.ports, like->ep.ports, size) == 0)
			return &m->items.v[lo];
	return NULL;
}

/* A pod with slices of both families is one endpoint to a caller of both: the pod's first address leads. */
static void join_families(struct making *m)
{
	for (size_t i = 0; i < m->items.n; i++) {
		struct item *it = &m->items.v[i];
		const struct k_pod_status *st = it->pod ? object_spec(it->pod, k_pod)->status : NULL;
		const char **more;
		struct strs all;

		if (!st || st->n_pod_ips < 2 || !st->pod_ip || strcmp(st->pod_ip, it->ep.address) != 0)
			continue;
		all = further_addresses(m, st);
		more = arena_array(m->arena, const char *, all.n);
		it->ep.more = (struct strs){more, 0};
		for (size_t k = 0; k < all.n; k++) {
			struct item *other = find_item(m, all.v[k], it);

			if (!other)
				continue;
			other->ep.is_further = true;
			more[it->ep.more.n++] = all.v[k];
		}
	}
}

static struct hash128 ep_hash(struct hash128 h, const struct ep *e, size_t n_ports)
{
	const char *texts[] = {e->address, e->region, e->zone, e->subzone, e->network,
			       e->node, e->service_account, e->workload, e->workload_ns};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		h = hash_mix_str(h, texts[i]);
	h = hash_strs(hash_mix_bytes(h, e->ports, n_ports * sizeof(e->ports[0])), &e->more);
	h = hash_strmap(h, &e->labels);
	return hash_mix_u64(h, (uint64_t)e->weight << 8 | (uint64_t)e->is_further << 3 | (uint64_t)e->health << 1 | (uint64_t)e->mtls);
}

/* Resources name the objects of their endpoints, but for the nodes. */
static struct hash128 origin_hash(struct hash128 h, const struct object *o)
{
	if (o->kind == KIND_NODE)
		return h;
	return hash_mix_str(hash_mix_str(hash_mix_u64(h, o->kind), o->ns), o->name);
}

static void finish(struct making *m)
{
	struct ep *v = arena_array(m->arena, struct ep, m->items.n);
	size_t n = 0, n_held = 0, n_ports = m->svc->n_ports;
	struct hash128 h;

	sort_items(m);
	join_families(m);
	for (size_t i = 0; i < m->items.n; i++) {
		const struct ep *e = &m->items.v[i].ep;

		if (n == 0 || !*e->address || strcmp(v[n - 1].address, e->address) != 0 ||
		    memcmp(v[n - 1].ports, e->ports, n_ports * sizeof(uint32_t)) != 0)
			v[n++] = *e;
	}
	h = hash_mix_u64(hash_bytes("eps", 3), n);
	for (size_t i = 0; i < n; i++)
		h = ep_hash(h, &v[i], n_ports);
	if (m->held.n)
		qsort(m->held.v, m->held.n, sizeof(m->held.v[0]), compare_held);
	for (size_t i = 0; i < m->held.n; i++)
		if (n_held == 0 || m->held.v[n_held - 1] != m->held.v[i])
			m->held.v[n_held++] = m->held.v[i];
	for (size_t i = 0; i < n_held; i++)
		h = origin_hash(h, m->held.v[i]);
	m->set->v = v;
	m->set->n = n;
	m->set->objs = m->set->part.held = m->held.v;
	m->set->n_objs = m->set->part.n_held = n_held;
	m->set->part.hash = h;
}

/* What a svc gets whose endpoints take too much memory. */
static struct ep_set *empty_set(const struct svc *svc)
{
	struct arena arena;
	struct ep_set *set;

	arena_init(&arena, 0);
	set = arena_new(&arena, struct ep_set);
	set->part.hash = hash_mix_u64(hash_bytes("eps", 3), 0);
	part_finding(&arena, &set->part, svc->obj, VERDICT_QUARANTINED, D_LIMIT_MEMORY, "",
		     "its endpoints take more than %d MiB", PART_MEMORY_MAX / 1024 / 1024);
	arena_take(&set->part.arena, &arena);
	return set;
}

struct ep_set *endpoint_set_build(struct builder *b, const struct svc *svc, const struct object *const *slices, size_t n_slices)
{
	struct part_scope ps;
	struct making m = {.b = b, .svc = svc, .arena = &ps.arena};
	struct arena_mark mark = arena_mark(b->arena);

	if (part_begin(&ps)) {
		arena_rewind(b->arena, mark);
		arena_fini(&ps.arena);
		return empty_set(svc);
	}
	m.set = part_alloc(&ps, struct ep_set);
	if (!svc->is_kube) {
		for (size_t i = 0; i < svc->part.n_held; i++)
			add_service_entry(&m, svc->part.held[i]);
	} else if (svc->resolution != SVC_ALIAS) {
		for (size_t i = 0; i < n_slices; i++)
			add_slice(&m, slices[i]);
		if (svc->selector.n && n_slices == 0)
			add_selected_pods(&m, &svc->selector);
		if (svc->selector.n)
			add_selected_entries(&m, NULL, &svc->selector);
	}
	finish(&m);
	arena_rewind(b->arena, mark);
	part_end(&ps, &m.set->part);
	return m.set;
}
