/* SPDX-License-Identifier: Apache-2.0
 *
 * Services and ServiceEntries -> struct svc (istio-behaviour.md 1.8, 3.4, 4.4). A svc depends on its
 * own objects, on the addresses that service_address.c gives it and on the mesh settings, on nothing else.
 */
#include "mesh/snapshot_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "model/kube.h"
#include "model/traffic.h"

/* Words of a comma-separated annotation. */
static struct strs split(const char *text, struct arena *a)
{
	VEC(const char *) v = {0};

	while (text && *text) {
		size_t n = strcspn(text, ",");
		const char *end = text + n, *start = text;

		while (start < end && isspace((unsigned char)*start))
			start++;
		while (end > start && isspace((unsigned char)end[-1]))
			end--;
		if (end > start)
			*vec_push(&v, a) = arena_strndup(a, start, (size_t)(end - start));
		text += n + (text[n] == ',');
	}
	return (struct strs){.v = v.v, .n = v.n};
}

static struct hash128 port_hash(struct hash128 h, const struct svc_port *p)
{
	h = hash_mix_str(hash_mix_u64(h, (uint64_t)p->port << 8 | p->protocol), p->name);
	return hash_mix_str(hash_mix_u64(h, (uint64_t)p->target.num << 1 | p->target.is_int), p->target.str);
}

/* What a ServiceEntry says but for its endpoints, which are a part of their own (P7). */
static struct hash128 entry_hash(struct hash128 h, const struct svc *s)
{
	for (size_t i = 0; i < s->part.n_held; i++) {
		const struct object *o = s->part.held[i];

		h = hash_strmap(hash_mix_str(hash_mix_str(h, o->ns), o->name), &o->annotations);
	}
	for (size_t i = 0; i < s->n_ports; i++)
		h = port_hash(h, &s->ports[i]);
	h = hash_strs(hash_strs(hash_strs(h, &s->addresses), &s->allocated), &s->subject_alt_names);
	h = hash_strmap(hash_strmap(h, &s->selector), &s->labels);
	h = hash_mix_u64(hash_mix_u64(h, (uint64_t)s->created_ns), s->n_ports);
	h = hash_mix_u64(h, s->race_connect);
	return hash_mix_u64(h, (uint64_t)s->resolution << 3 | (uint64_t)s->external << 2 |
				   (uint64_t)s->node_local << 1 | (uint64_t)s->persistent_session);
}

static struct hash128 svc_hash(const struct svc *s)
{
	struct hash128 h = hash_mix_str(hash_mix_str(hash_bytes("svc", 3), s->host), s->ns);

	if (s->is_kube)
		h = hash_mix(h, s->obj->hash);
	else
		h = entry_hash(h, s);
	return hash_visibility(h, &s->export_to);
}

/* ---- Kubernetes ---- */

static struct strs kube_addresses(const struct k_service_spec *spec, struct arena *a)
{
	const char **v = arena_array(a, const char *, spec->cluster_ips.n + 1);
	size_t n = 0;

	if (spec->cluster_ip && *spec->cluster_ip)
		v[n++] = spec->cluster_ip;
	for (size_t i = 0; i < spec->cluster_ips.n; i++)
		if (n == 0 || strcmp(v[0], spec->cluster_ips.v[i]) != 0)
			v[n++] = spec->cluster_ips.v[i];
	return (struct strs){.v = v, .n = n};
}

static const struct svc_port *kube_ports(const struct k_service_spec *spec, struct arena *a, size_t *n)
{
	struct svc_port *v = arena_array(a, struct svc_port, spec->n_ports);

	for (size_t i = 0; i < spec->n_ports; i++) {
		const struct k_service_port *p = &spec->ports[i];

		v[i] = (struct svc_port){.port = p->port,
					 .name = p->name ? p->name : "",
					 .protocol = protocol_of_port(p->protocol, p->app_protocol, p->name, p->port),
					 .target = p->target_port};
	}
	*n = spec->n_ports;
	return v;
}

static bool text_is(const char *text, const char *want)
{
	return text && strcmp(text, want) == 0;
}

static const struct k_service_spec *kube_spec(const struct object *obj)
{
	static const struct k_service_spec nothing;
	const struct k_service_spec *spec = object_spec(obj, k_service)->spec;

	return spec ? spec : &nothing;
}

static bool has_sessions(const struct strmap *labels)
{
	return strmap_get(labels, "istio.io/persistent-session") || strmap_get(labels, "istio.io/persistent-session-header");
}

static bool races(const struct object *obj)
{
	return text_is(strmap_get(&obj->annotations, "istio.io/connect-strategy"), "RACE_FIRST_TCP_CONNECT");
}

static bool spreads_by_node(const struct object *obj)
{
	return text_is(strmap_get(&obj->annotations, "networking.istio.io/traffic-distribution"), "PreferSameNode");
}

/* Accounts by name are those of the service's namespace; canonical ones are whole. */
static struct strs kube_accounts(const struct builder *b, const struct object *obj, struct arena *a)
{
	struct strs names = split(strmap_get(&obj->annotations, "alpha.istio.io/kubernetes-serviceaccounts"), a);
	struct strs whole = split(strmap_get(&obj->annotations, "alpha.istio.io/canonical-serviceaccounts"), a);
	const char **v = arena_array(a, const char *, names.n + whole.n);

	for (size_t i = 0; i < names.n; i++)
		v[i] = arena_printf(a, "spiffe://%s/ns/%s/sa/%s", b->s->mesh->trust_domain, obj->ns, names.v[i]);
	for (size_t i = 0; i < whole.n; i++)
		v[names.n + i] = whole.v[i];
	return (struct strs){v, names.n + whole.n};
}

static void kube_fill(const struct builder *b, struct svc *s, struct arena *a)
{
	const struct object *obj = s->obj;
	const struct k_service_spec *spec = kube_spec(obj);
	struct strs export_to = split(strmap_get(&obj->annotations, "networking.istio.io/exportTo"), a);

	s->host = arena_lower(a, arena_printf(a, "%s.%s.svc.%s", obj->name, obj->ns, b->s->domain));
	s->name = obj->name;
	s->ns = obj->ns;
	s->is_kube = true;
	s->headless = text_is(spec->cluster_ip, "None");
	s->ports = kube_ports(spec, a, &s->n_ports);
	s->selector = spec->selector;
	s->selector_bits = labels_bits(&s->selector);
	s->labels = obj->labels;
	s->created_ns = obj->created_ns;
	s->node_local = text_is(spec->internal_traffic_policy, "Local");
	s->publish_not_ready = spec->publish_not_ready;
	s->persistent_session = has_sessions(&obj->labels);
	s->race_connect = races(obj);
	s->by_node = text_is(spec->traffic_distribution, "PreferSameNode") || spreads_by_node(obj);
	s->accounts = kube_accounts(b, obj, a);
	if (text_is(spec->type, "ExternalName")) {
		s->resolution = SVC_ALIAS;
		s->external = true;
		s->alias_of = arena_lower(a, spec->external_name ? spec->external_name : "");
	} else if (s->headless) {
		s->resolution = SVC_PASSTHROUGH;
	} else {
		s->addresses = kube_addresses(spec, a);
	}
	s->export_to = visibility_of(&export_to, &b->s->mesh->default_service_export_to, obj->ns, a);
}

static struct svc *kube_build(struct builder *b, const struct object *obj)
{
	struct part_scope ps;
	struct svc *s;

	if (part_begin(&ps)) {
		part_failed(b, &ps, obj);
		return NULL;
	}
	s = part_alloc(&ps, struct svc);
	s->obj = obj;
	s->part.held = arena_copy(&ps.arena, &obj, sizeof(obj));
	s->part.n_held = 1;
	kube_fill(b, s, &ps.arena);
	s->part.hash = svc_hash(s);
	part_end(&ps, &s->part);
	return s;
}

/* The list of Services and prev's svcs have one order, so one walk pairs them. */
static void kube_stage(struct builder *b)
{
	const struct kind_list *l = builder_list(b, KIND_SERVICE);
	const struct snapshot *prev = b->same_mesh ? b->prev : NULL;
	struct snapshot *s = b->s;
	size_t j = 0;

	if (prev && b->same[KIND_SERVICE]) {
		s->kube = arena_copy(b->arena, prev->kube, prev->n_kube * sizeof(prev->kube[0]));
		s->n_kube = prev->n_kube;
		part_keep_quarantined(b, KIND_SERVICE);
		return;
	}
	s->kube = arena_array(b->arena, struct svc *, l->n);
	for (size_t i = 0; i < l->n; i++) {
		struct svc *svc;

		while (prev && j < prev->n_kube && object_compare(prev->kube[j]->obj, l->v[i]) < 0)
			j++;
		if (prev && j < prev->n_kube && prev->kube[j]->obj == l->v[i]) {
			s->kube[s->n_kube++] = prev->kube[j];
			continue;
		}
		svc = kube_build(b, l->v[i]);
		if (svc) {
			part_fresh(b, &svc->part);
			s->kube[s->n_kube++] = svc;
		}
	}
}

/* ---- ServiceEntry ---- */

static int compare_entries(const void *a, const void *b)
{
	const struct entry_host *x = a, *y = b;
	int c = strcmp(x->obj->ns, y->obj->ns);

	if (c == 0)
		c = strcmp(x->host, y->host);
	return c ? c : object_compare_age(x->obj, y->obj);
}

static bool strs_equal(const struct strs *a, const struct strs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

/* ServiceEntries of one namespace and host are one service if they agree (3.4). */
static bool can_merge(const struct object *a, const struct object *b)
{
	const struct service_entry *x = object_spec(a, service_entry), *y = object_spec(b, service_entry);

	return x->resolution == y->resolution && x->location == y->location &&
	       labels_equal(&a->labels, &b->labels) && strs_equal(&x->export_to, &y->export_to);
}

static enum svc_resolution entry_resolution(const struct service_entry *se)
{
	switch (se->resolution) {
	case SE_RESOLUTION_STATIC:
		return SVC_EDS;
	case SE_RESOLUTION_DNS:
		return SVC_DNS;
	case SE_RESOLUTION_DNS_ROUND_ROBIN:
		return SVC_DNS_ROUND_ROBIN;
	case SE_RESOLUTION_DYNAMIC_DNS:
		return SVC_DYNAMIC_DNS;
	case SE_RESOLUTION_NONE:
		break;
	}
	return SVC_PASSTHROUGH;
}

/* A CIDR of one address is that address. */
static const char *entry_address(const char *text, struct arena *a)
{
	const char *full = strchr(text, ':') ? "/128" : "/32", *slash = strchr(text, '/');

	return slash && strcmp(slash, full) == 0 ? arena_strndup(a, text, (size_t)(slash - text)) : text;
}

/* Ports and addresses of all ServiceEntries; the oldest one's win. */
static void entry_fill(struct svc *s, struct arena *a)
{
	VEC(struct svc_port) ports = {0};
	VEC(const char *) addresses = {0};

	for (size_t i = 0; i < s->part.n_held; i++) {
		const struct service_entry *se = object_spec(s->part.held[i], service_entry);

		for (size_t j = 0; j < se->n_ports; j++) {
			const struct se_port *p = &se->ports[j];
			bool known = false;

			for (size_t k = 0; k < ports.n; k++)
				known = known || ports.v[k].port == p->number;
			if (!known)
				*vec_push(&ports, a) = (struct svc_port){
				    .port = p->number,
				    .name = p->name ? p->name : "",
				    .protocol = protocol_parse(p->protocol),
				    .target = {.is_int = p->target_port != 0, .num = p->target_port}};
		}
		for (size_t j = 0; j < se->addresses.n; j++) {
			const char *address = entry_address(se->addresses.v[j], a);
			struct strs have = {.v = addresses.v, .n = addresses.n};

			if (!strs_has(&have, address))
				*vec_push(&addresses, a) = address;
		}
	}
	s->ports = ports.v;
	s->n_ports = ports.n;
	s->addresses = (struct strs){.v = addresses.v, .n = addresses.n};
}

static bool entry_wants_addresses(const struct svc *s)
{
	bool wants = false;

	for (size_t i = 0; !s->addresses.n && i < s->part.n_held; i++)
		wants = wants || entry_is_allocated(s->part.held[i], s->host);
	return wants;
}

static void entry_allocate(struct svc *s, const struct strs *addresses, struct arena *a)
{
	const char **v = arena_array(a, const char *, addresses->n);

	if (!entry_wants_addresses(s))
		return;
	for (size_t i = 0; i < addresses->n; i++)
		v[i] = arena_strdup(a, addresses->v[i]);
	s->allocated = (struct strs){v, addresses->n};
	if (!addresses->n)
		part_finding(a, &s->part, s->obj, VERDICT_PARTLY, D_ENTRY_ADDRESSES_SPENT, "spec.hosts",
			     "no address is left for %s", s->host);
}

static uint64_t entry_selector_bits(const struct object *const *objs, size_t n)
{
	uint64_t bits = UINT64_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct workload_labels *w = object_spec(objs[i], service_entry)->workload_selector;

		bits &= w ? labels_bits(&w->labels) : UINT64_MAX;
	}
	return bits;
}

static void entry_narrow(struct svc *s, enum entry_visibility cap, struct arena *a)
{
	s->cap = cap;
	if (!visibility_narrow(&s->export_to, cap, s->ns))
		return;
	for (size_t i = 0; i < s->part.n_held; i++)
		part_finding(a, &s->part, s->part.held[i], s->export_to.none ? VERDICT_UNATTACHED : VERDICT_PARTLY,
			     D_ENTRY_VISIBILITY_CAPPED, "spec.exportTo", "MeshConfig serviceEntryVisibility shows it to %s",
			     s->export_to.none ? "nobody" : "its own namespace only");
}

/* e: the oldest of the objects. */
static struct svc *entry_build(struct builder *b, const struct entry_host *e, const struct object *const *objs, size_t n)
{
	const struct service_entry *se = object_spec(objs[0], service_entry);
	struct part_scope ps;
	struct svc *s;

	if (part_begin(&ps)) {
		for (size_t i = 1; i < n; i++)
			part_quarantine(b, objs[i]);
		part_failed(b, &ps, objs[0]);
		return NULL;
	}
	s = part_alloc(&ps, struct svc);
	s->part.held = arena_copy(&ps.arena, objs, n * sizeof(objs[0]));
	s->part.n_held = n;
	s->obj = objs[0];
	s->host = arena_strdup(&ps.arena, e->host);
	s->name = s->host;
	s->ns = objs[0]->ns;
	s->external = se->location == SE_LOCATION_MESH_EXTERNAL;
	s->resolution = entry_resolution(se);
	s->labels = objs[0]->labels;
	s->persistent_session = has_sessions(&s->labels);
	s->subject_alt_names = s->accounts = se->subject_alt_names;
	s->race_connect = races(s->obj);
	s->by_node = spreads_by_node(s->obj);
	s->created_ns = objs[0]->created_ns;
	if (se->workload_selector)
		s->selector = se->workload_selector->labels;
	s->selector_bits = entry_selector_bits(objs, n);
	s->export_to = visibility_of(&se->export_to, &b->s->mesh->default_service_export_to, s->ns, &ps.arena);
	entry_narrow(s, visibility_cap_of(b, s->ns), &ps.arena);
	entry_fill(s, &ps.arena);
	entry_allocate(s, &e->addresses, &ps.arena);
	s->part.hash = svc_hash(s);
	part_end(&ps, &s->part);
	return s;
}

static struct entry_host *all_entries(struct builder *b, size_t *n)
{
	const struct kind_list *l = builder_list(b, KIND_SERVICE_ENTRY);
	VEC(struct entry_host) v = {0};

	for (size_t i = 0; i < l->n; i++) {
		const struct service_entry *se = object_spec(l->v[i], service_entry);

		for (size_t j = 0; j < se->hosts.n; j++)
			*vec_push(&v, b->arena) = (struct entry_host){
			    .host = arena_lower(b->arena, se->hosts.v[j]), .obj = l->v[i]};
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(struct entry_host), compare_entries);
	entry_addresses(v.v, v.n, b->arena);
	*n = v.n;
	return v.v;
}

/* prev's svc of the same host, objects, addresses and bounds; *j walks prev->entries, which has the same order. */
static struct svc *entry_reuse(const struct builder *b, size_t *j, const struct entry_host *e,
			       const struct object *const *objs, size_t n)
{
	const struct snapshot *prev = b->same_mesh ? b->prev : NULL;
	const char *ns = objs[0]->ns, *host = e->host;

	for (; prev && *j < prev->n_entries; (*j)++) {
		const struct svc *s = prev->entries[*j];
		int c = strcmp(s->ns, ns);

		if (c > 0 || (c == 0 && strcmp(s->host, host) >= 0))
			break;
	}
	for (size_t i = *j; prev && i < prev->n_entries; i++) {
		struct svc *s = prev->entries[i];

		if (strcmp(s->ns, ns) != 0 || strcmp(s->host, host) != 0)
			break;
		if (s->part.n_held == n && memcmp(s->part.held, objs, n * sizeof(objs[0])) == 0 &&
		    s->cap == visibility_cap_of(b, ns) &&
		    (!entry_wants_addresses(s) || strs_equal(&s->allocated, &e->addresses)))
			return s;
	}
	return NULL;
}

/* The svcs of one namespace and host: e[0..n), oldest first. */
static void entry_group(struct builder *b, struct entry_host *e, size_t n, size_t *j)
{
	const struct object **objs = arena_array(b->arena, const struct object *, n);
	struct snapshot *s = b->s;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		struct svc *svc;

		if (!e[i].obj)
			continue;
		objs[k++] = e[i].obj;
		for (size_t m = i + 1; m < n; m++) {
			if (!e[m].obj || !can_merge(objs[0], e[m].obj))
				continue;
			if (e[m].obj != objs[k - 1])	/* a host written twice */
				objs[k++] = e[m].obj;
			e[m].obj = NULL;
		}
		svc = entry_reuse(b, j, &e[i], objs, k);
		if (!svc) {
			svc = entry_build(b, &e[i], objs, k);
			if (svc)
				part_fresh(b, &svc->part);
		}
		if (svc)
			s->entries[s->n_entries++] = svc;
	}
}

static void entry_stage(struct builder *b)
{
	const struct snapshot *prev = b->prev;
	struct snapshot *s = b->s;
	struct entry_host *v;
	size_t n, j = 0;

	if (b->same_mesh && b->same[KIND_SERVICE_ENTRY] &&
	    (b->same[KIND_NAMESPACE] || !visibility_has_caps(s->mesh))) {
		s->entries = arena_copy(b->arena, prev->entries, prev->n_entries * sizeof(prev->entries[0]));
		s->n_entries = prev->n_entries;
		part_keep_quarantined(b, KIND_SERVICE_ENTRY);
		return;
	}
	v = all_entries(b, &n);
	s->entries = arena_array(b->arena, struct svc *, n);
	for (size_t i = 0, end; i < n; i = end) {
		const char *ns = v[i].obj->ns, *host = v[i].host;

		for (end = i + 1; end < n && strcmp(v[end].obj->ns, ns) == 0 && strcmp(v[end].host, host) == 0; end++)
			;
		entry_group(b, v + i, end - i, &j);
	}
}

/* ---- all ---- */

static int compare_svcs(const void *a, const void *b)
{
	const struct svc *x = *(struct svc *const *)a, *y = *(struct svc *const *)b;
	int c = strcmp(x->host, y->host);

	if (c == 0)
		c = (int)y->is_kube - (int)x->is_kube;
	return c ? c : object_compare_age(x->obj, y->obj);
}

void service_stage(struct builder *b)
{
	const struct snapshot *prev = b->prev;
	struct snapshot *s = b->s;

	kube_stage(b);
	entry_stage(b);
	s->n_svcs = s->n_kube + s->n_entries;
	s->svcs = arena_array(b->arena, struct svc *, s->n_svcs);
	b->same_svcs = b->prev && prev->n_kube == s->n_kube && prev->n_entries == s->n_entries &&
		       memcmp(prev->kube, s->kube, s->n_kube * sizeof(s->kube[0])) == 0 &&
		       memcmp(prev->entries, s->entries, s->n_entries * sizeof(s->entries[0])) == 0;
	if (b->same_svcs) {
		memcpy(s->svcs, prev->svcs, s->n_svcs * sizeof(s->svcs[0]));
	} else {
		memcpy(s->svcs, s->kube, s->n_kube * sizeof(s->kube[0]));
		memcpy(s->svcs + s->n_kube, s->entries, s->n_entries * sizeof(s->entries[0]));
		qsort(s->svcs, s->n_svcs, sizeof(s->svcs[0]), compare_svcs);
	}
}
