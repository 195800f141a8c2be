/* SPDX-License-Identifier: Apache-2.0
 *
 * Proxy -> view: what the snapshot knows of the pod wins over what the proxy says of itself
 * (istio-behaviour.md 3.3, 4.1, 4.2, 4.5).
 */
#include "mesh/proxy.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "mesh/proxy_settings.h"
#include "mesh/snapshot_int.h"
#include "model/kube.h"
#include "model/traffic.h"

/* ---- the pod ---- */

static bool pod_has_ip(const struct object *pod, const struct strs *ips)
{
	const struct k_pod_status *st = object_spec(pod, k_pod)->status;

	if (!st || !st->pod_ip || !*st->pod_ip)
		return true;	/* not known yet */
	if (strs_has(ips, st->pod_ip))
		return true;
	for (size_t i = 0; i < st->n_pod_ips; i++)
		if (st->pod_ips[i].ip && strs_has(ips, st->pod_ips[i].ip))
			return true;
	return false;
}

/* By name and address, else by address; always of the proxy's own namespace. */
static const struct object *find_pod(const struct snapshot *s, const struct proxy *p)
{
	const struct object *pod = snapshot_object(s, KIND_POD, p->ns, p->name);

	if (pod && pod_has_ip(pod, &p->ips))
		return pod;
	for (size_t i = 0; i < p->ips.n; i++) {
		pod = snapshot_pod_of_ip(s, p->ips.v[i]);
		if (pod && strcmp(pod->ns, p->ns) == 0)
			return pod;
	}
	return NULL;
}

/* Labels that tell pods of one workload apart: no policy is about them, and each would be a view of
 * its own. */
static const char *const per_pod_labels[] = {
	"pod-template-hash",
	"pod-template-generation",
	"controller-revision-hash",
	"statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index",
	"controller-uid",
	"batch.kubernetes.io/controller-uid",
	"batch.kubernetes.io/job-completion-index",
};

static struct strmap policy_labels(const struct strmap *labels, struct arena *a)
{
	struct str_pair *v = arena_array(a, struct str_pair, labels->n);
	size_t n = 0;

	for (size_t i = 0; i < labels->n; i++) {
		bool drop = false;

		for (size_t j = 0; j < ARRAY_LEN(per_pod_labels); j++)
			drop = drop || strcmp(labels->v[i].key, per_pod_labels[j]) == 0;
		if (!drop)
			v[n++] = labels->v[i];
	}
	return (struct strmap){.v = v, .n = n};
}

/* ---- the services of the proxy's own workload ---- */

struct targets {
	const struct proxy *proxy;
	const struct object *pod;	/* or NULL */
	struct arena *arena;
	VEC(struct view_target) v;
};

static uint32_t port_at_proxy(const struct targets *t, const struct svc_port *port)
{
	const char *text;
	int64_t n;

	if (t->pod)
		return svc_port_at_pod(port, t->pod);
	if (!port->target.str || !*port->target.str)
		return port->target.is_int && port->target.num ? port->target.num : port->port;
	text = strmap_get(&t->proxy->pod_ports, port->target.str);
	return text && scalar_int(text, 1, 65535, &n) == 0 ? (uint32_t)n : 0;
}

static void add_target(struct targets *t, const struct svc *svc, size_t i, uint32_t target)
{
	if (target && svc->ports[i].protocol != PROTO_UDP)
		*vec_push(&t->v, t->arena) = (struct view_target){.svc = svc, .port = &svc->ports[i], .target_port = target};
}

/* Without a selector, and for ServiceEntries, the address tells. */
static void add_by_address(struct targets *t, const struct svc *svc, const struct ep_set *eps)
{
	for (size_t i = 0; i < eps->n; i++)
		if (strs_has(&t->proxy->ips, eps->v[i].address))
			for (size_t j = 0; j < svc->n_ports; j++)
				add_target(t, svc, j, eps->v[i].ports[j]);
}

static const struct ep_set *eps_of(const struct snapshot *s, const struct svc *svc)
{
	size_t first, n = snapshot_svcs_of(s, svc->host, &first);

	for (size_t i = first; i < first + n; i++)
		if (s->svcs[i] == svc)
			return s->eps[i];
	unreachable();
}

static int compare_targets(const void *a, const void *b)
{
	const struct view_target *x = a, *y = b;
	int c;

	if (x->target_port != y->target_port)
		return x->target_port < y->target_port ? -1 : 1;
	if (x->svc->created_ns != y->svc->created_ns)
		return x->svc->created_ns < y->svc->created_ns ? -1 : 1;
	c = strcmp(x->svc->host, y->svc->host);
	if (c == 0)
		c = (int)y->svc->is_kube - (int)x->svc->is_kube;
	if (c == 0)
		c = object_compare_age(x->svc->obj, y->svc->obj);
	return c ? c : (x->port->port > y->port->port) - (x->port->port < y->port->port);
}

/* A gateway maps the ports of its Services to target ports, so there each service port counts. */
static bool is_double(const struct view *v, const struct view_target *kept, size_t n, const struct view_target *t)
{
	for (size_t i = n; i > 0 && kept[i - 1].target_port == t->target_port; i--)
		if (v->type != PROXY_ROUTER || kept[i - 1].port->port == t->port->port)
			return true;
	return false;
}

static void share_target(struct view_target *kept, const struct view_target *t, struct arena *a)
{
	const struct svc **all;

	if (kept->port->port != t->port->port || kept->svc == t->svc)
		return;
	all = arena_array(a, const struct svc *, kept->n_also + 1);
	for (size_t i = 0; i < kept->n_also; i++)
		all[i] = kept->also[i];
	all[kept->n_also++] = t->svc;
	kept->also = all;
}

static void set_targets(const struct snapshot *s, const struct proxy *p, const struct object *pod,
			const struct strmap *labels, struct arena *a, struct view *v)
{
	struct targets t = {.proxy = p, .pod = pod, .arena = a};
	size_t first, n = snapshot_svcs_in(s->kube, s->n_kube, v->ns, &first), kept = 0;

	for (size_t i = first; i < first + n; i++) {
		const struct svc *svc = s->kube[i];

		if (svc->resolution == SVC_ALIAS)
			continue;
		if (svc->selector.n == 0)
			add_by_address(&t, svc, eps_of(s, svc));
		else if (labels_match(&svc->selector, labels))
			for (size_t j = 0; j < svc->n_ports; j++)
				add_target(&t, svc, j, port_at_proxy(&t, &svc->ports[j]));
	}
	/* ServiceEntries know their workloads by address, wherever they stand; a sidecar looks in its own
	 * namespace only, so that its cost does not grow with the mesh */
	n = snapshot_svcs_in(s->entries, s->n_entries, v->ns, &first);
	if (v->type == PROXY_ROUTER) {
		first = 0;
		n = s->n_entries;
	}
	for (size_t i = first; i < first + n; i++)
		if (s->entries[i]->resolution == SVC_EDS)
			add_by_address(&t, s->entries[i], eps_of(s, s->entries[i]));
	if (t.v.n)
		qsort(t.v.v, t.v.n, sizeof(t.v.v[0]), compare_targets);
	for (size_t i = 0; i < t.v.n; i++)
		if (is_double(v, t.v.v, kept, &t.v.v[i]))
			share_target(&t.v.v[kept - 1], &t.v.v[i], a);
		else
			t.v.v[kept++] = t.v.v[i];
	v->targets = t.v.v;
	v->n_targets = kept;
}

/* ---- Gateways and the Sidecar ---- */

const char *gateway_service(const struct object *gw)
{
	return gw->kind == KIND_GATEWAY ? strmap_get(&gw->annotations, "internal.istio.io/gateway-service") : NULL;
}

bool gateway_service_is(const char *list, const char *host)
{
	size_t n = strlen(host);

	for (const char *p = list; (p = strstr(p, host)) != NULL; p += n)
		if ((p == list || p[-1] == ',') && (p[n] == '\0' || p[n] == ','))
			return true;
	return false;
}

bool view_serves(const struct view *v, const struct gw *gw)
{
	for (size_t i = 0; gw->services && i < v->n_targets; i++)
		if (gateway_service_is(gw->services, v->targets[i].svc->host))
			return true;
	return false;
}

/* A Gateway that names its Service selects the proxies behind it; another one selects by labels. The Gateway API's own
 * deployments have both, and are of its namespace. */
static bool selects(const struct gw *gw, const struct strmap *labels, const struct view *v)
{
	bool own_only = gw->services || (v->features & FEATURE_GATEWAY_OWN_NAMESPACE);

	if (view_serves(v, gw))
		return true;
	if (gw->services && !gw->spec->selector.n)
		return false;
	return labels_match(&gw->spec->selector, labels) && (!own_only || strcmp(gw->home->ns, v->ns) == 0);
}

static void set_gateways(const struct snapshot *s, const struct strmap *labels, struct arena *a, struct view *v)
{
	VEC(const struct gw *) out = {0};

	for (size_t i = 0; i < s->n_gateways; i++)
		if (selects(s->gateways[i], labels, v))
			*vec_push(&out, a) = s->gateways[i];
	v->gateways = out.v;
	v->n_gateways = out.n;
}

/* A selector that matches, else the namespace's own without one, else the root namespace's; the
 * oldest of each. */
static const struct object *find_sidecar(const struct snapshot *s, const char *ns, const struct strmap *labels)
{
	const struct object *own = NULL, *root = NULL;

	for (size_t i = 0; i < s->n_sidecars; i++) {
		const struct object *o = s->sidecars[i];
		const struct workload_labels *selector = object_spec(o, sidecar)->workload_selector;
		bool is_own = strcmp(o->ns, ns) == 0;

		if (selector && selector->labels.n) {
			if (is_own && labels_match(&selector->labels, labels))
				return o;
		} else if (is_own) {
			own = own ? own : o;
		} else if (strcmp(o->ns, s->mesh->root_namespace) == 0) {
			root = root ? root : o;
		}
	}
	return own ? own : root;
}

/* ---- the view ---- */

/* Own addresses matter where a listener is bound to them or leaves them out; elsewhere they would only
 * keep the pods of a workload from sharing. */
static bool needs_addresses(const struct view *v)
{
	const struct sidecar *spec = v->sidecar ? object_spec(v->sidecar, sidecar) : NULL;

	if (v->type == PROXY_ROUTER)
		return false;
	if (v->interception == INTERCEPT_NONE)
		return true;
	for (size_t i = 0; i < v->n_targets; i++)
		if (v->targets[i].svc->headless && !protocol_is_http(v->targets[i].port->protocol))
			return true;
	for (size_t i = 0; spec && i < spec->n_ingress; i++) {
		const char *to = spec->ingress[i].default_endpoint;

		if (spec->ingress[i].capture_mode == CAPTURE_NONE)
			return true;
		if (to && (strncmp(to, "0.0.0.0:", 8) == 0 || strncmp(to, "[::]:", 5) == 0))
			return true;
	}
	return false;
}

struct hash128 view_mix_listeners(const struct view *v, struct hash128 h)
{
	h = hash_mix_u64(h, (uint64_t)v->idle_timeout.ns);
	h = hash_mix_u64(h, (uint64_t)v->external_sds << 4 | (uint64_t)v->idle_timeout.has << 3 | (uint64_t)v->inbound_exact_balance << 2 |
				(uint64_t)v->outbound_exact_balance << 1 | (uint64_t)v->unprivileged);
	return hash_mix(hash_mix_str(h, v->mesh_id), v->config_hash);
}

struct hash128 view_mix_peer(const struct view *v, struct hash128 h)
{
	h = hash_mix_u64(h, (uint64_t)v->peer.mode << 32 | v->peer.n_ports);
	for (size_t i = 0; i < v->peer.n_ports; i++)
		h = hash_mix_u64(h, (uint64_t)v->peer.ports[i].port << 8 | (uint64_t)v->peer.ports[i].mode);
	for (size_t i = 0; i < v->peer.n_objs; i++)	/* their names are in what is sent */
		h = hash_mix(h, v->peer.objs[i]->hash);
	return h;
}

static struct hash128 mix_policies(const struct policy_set *set, struct hash128 h)
{
	h = hash_mix_u64(h, set->n);
	for (size_t i = 0; i < set->n; i++)
		h = hash_mix(h, set->v[i]->hash);
	return h;
}

struct hash128 view_mix_policies(const struct view *v, struct hash128 h)
{
	return mix_policies(&v->authn, mix_policies(&v->authz, h));
}

static struct hash128 view_hash(const struct view *v)
{
	const char *texts[] = {v->ns, v->region, v->zone, v->subzone, v->network, v->network_view,
			       v->cluster_id, v->dns_domain, v->node, v->rest_cluster, v->metadata_ns};
	uint64_t flags = (uint64_t)v->type << 16 | (uint64_t)v->dns_capture << 4 | (uint64_t)v->interception << 8 | (uint64_t)v->sds_agent << 3 |
			 (uint64_t)v->v4 << 2 | (uint64_t)v->v6 << 1 | (uint64_t)v->http10;
	struct hash128 h = hash_mix_u64(hash_bytes("view", 4), flags);

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		h = hash_mix_str(h, texts[i]);
	h = hash_strmap(h, &v->labels);
	h = hash_strs(h, &v->ips);
	h = hash_mix_u64(h, v->http_proxy_port);
	h = hash_mix_u64(h, v->n_targets);
	for (size_t i = 0; i < v->n_targets; i++) {
		h = hash_mix(h, v->targets[i].svc->part.hash);
		h = hash_mix_u64(h, (uint64_t)v->targets[i].port->port << 32 | v->targets[i].target_port);
		for (size_t k = 0; k < v->targets[i].n_also; k++)
			h = hash_mix(h, v->targets[i].also[k]->part.hash);
	}
	h = hash_mix_u64(h, v->n_gateways);
	for (size_t i = 0; i < v->n_gateways; i++)
		h = hash_mix(h, v->gateways[i]->part.hash);
	if (v->sidecar)
		h = hash_mix(h, v->sidecar->hash);
	h = view_mix_policies(v, view_mix_peer(v, h));
	return view_mix_listeners(v, h);
}

static void set_families(const struct strs *ips, struct view *v)
{
	for (size_t i = 0; i < ips->n; i++) {
		if (strchr(ips->v[i], ':'))
			v->v6 = true;
		else
			v->v4 = true;
	}
}

/* Metadata about listeners (istio-behaviour.md 4.2). */
static void set_metadata(const struct proxy *p, struct view *v)
{
	const char *idle = proxy_metadata(p, "IDLE_TIMEOUT"), *port = proxy_metadata(p, "HTTP_PROXY_PORT");
	const char *mesh_id = proxy_metadata(p, "MESH_ID"), *networks = proxy_metadata(p, "REQUESTED_NETWORK_VIEW");
	int64_t number;

	if (port && scalar_int(port, 1, 65535, &number) == 0)
		v->http_proxy_port = (uint32_t)number;
	if (idle && scalar_duration_ns(idle, &v->idle_timeout.ns) == 0 && v->idle_timeout.ns >= 0)
		v->idle_timeout.has = true;
	v->inbound_exact_balance = proxy_metadata_true(p, "INBOUND_LISTENER_EXACT_BALANCE");
	v->outbound_exact_balance = proxy_metadata_true(p, "OUTBOUND_LISTENER_EXACT_BALANCE");
	v->unprivileged = proxy_metadata_true(p, "UNPRIVILEGED_POD");
	v->dns_capture = proxy_metadata_true(p, "DNS_CAPTURE");
	v->external_sds = proxy_metadata_true(p, "credential");
	v->mesh_id = mesh_id ? mesh_id : "";
	v->network_view = networks ? networks : "";
}

static void set_files(const struct proxy *p, const char *prefix, struct tls_files *out, struct arena *a, struct view *v)
{
	const struct {
		const char *suffix, **to;
	} parts[] = {{"CERT_CHAIN", &out->cert}, {"KEY", &out->key}, {"ROOT_CERT", &out->ca}};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *path = p->type == PROXY_GRPC ? NULL : proxy_metadata(p, arena_printf(a, "%s_%s", prefix, parts[i].suffix));

		*parts[i].to = path ? path : "";
		v->config_hash = hash_mix_str(v->config_hash, *parts[i].to);
	}
}

static const char *node_name(const struct proxy *p, const struct object *pod)
{
	const struct k_pod_spec *spec = pod ? object_spec(pod, k_pod)->spec : NULL;
	const char *claimed = p->metadata ? node_text(p->metadata, "NODE_NAME") : NULL;

	if (spec && spec->node_name)
		return spec->node_name;
	return claimed ? claimed : "";
}

static void set_place(const struct snapshot *s, const struct proxy *p, const struct object *pod, struct arena *a,
		      struct view *v)
{
	struct locality l = {"", "", ""};

	if (pod)
		l = locality_of_pod(s, pod, a);
	if (!*l.region && !*l.zone && !*l.subzone)
		l = (struct locality){p->region, p->zone, p->subzone};
	v->region = l.region;
	v->zone = l.zone;
	v->subzone = l.subzone;
	v->network = *p->network ? p->network : pod ? network_of(s, &pod->labels) : "";
	/* the node counts for node-local services only */
	v->node = s->has_node_local ? node_name(p, pod) : "";
}

static void own_text(const char **s, struct arena *a)
{
	if (*s)
		*s = arena_strdup(a, *s);
}

static void own_files(struct tls_files *f, struct arena *a)
{
	own_text(&f->cert, a);
	own_text(&f->key, a);
	own_text(&f->ca, a);
}

/* A view outlives the proxy that it was first made for: nothing in it may borrow from that. */
static void own_texts(struct view *v, struct arena *a)
{
	struct str_pair *labels = arena_array(a, struct str_pair, v->labels.n);
	const char **ips = arena_array(a, const char *, v->ips.n);

	own_text(&v->ns, a);
	own_text(&v->region, a);
	own_text(&v->zone, a);
	own_text(&v->subzone, a);
	own_text(&v->network, a);
	own_text(&v->cluster_id, a);
	own_text(&v->dns_domain, a);
	own_text(&v->node, a);
	own_text(&v->metadata_ns, a);
	own_text(&v->rest_cluster, a);
	own_text(&v->mesh_id, a);
	own_text(&v->network_view, a);
	own_files(&v->server_files, a);
	own_files(&v->client_files, a);
	for (size_t i = 0; i < v->labels.n; i++)
		labels[i] = (struct str_pair){arena_strdup(a, v->labels.v[i].key), arena_strdup(a, v->labels.v[i].value)};
	v->labels.v = labels;
	for (size_t i = 0; i < v->ips.n; i++)
		ips[i] = arena_strdup(a, v->ips.v[i]);
	v->ips.v = ips;
}

void view_build(const struct snapshot *s, const struct proxy *p, struct arena *a, struct view *out)
{
	const struct object *pod = find_pod(s, p);
	struct strmap labels;

	*out = (struct view){.type = p->type,
			     .ns = p->ns,
			     .cluster_id = p->cluster_id,
			     .metadata_ns = p->metadata_ns,
			     .dns_domain = p->dns_domain,
			     .interception = p->interception,
			     .http10 = p->http10,
			     .sds_agent = p->sds_agent,
			     .rest_cluster = p->rest_cluster};
	set_metadata(p, out);
	set_families(&p->ips, out);
	set_place(s, p, pod, a, out);
	labels = labels_augment(pod ? &pod->labels : &p->labels,
				(struct locality){out->region, out->zone, out->subzone}, out->network, "", "", a);
	out->labels = policy_labels(&labels, a);
	proxy_settings_build(s, p, pod, &labels, a, out);
	set_files(p, "TLS_SERVER", &out->server_files, a, out);
	set_files(p, "TLS_CLIENT", &out->client_files, a, out);
	out->http10 |= (out->features & FEATURE_HTTP10) != 0;
	set_targets(s, p, pod, &labels, a, out);
	if (p->type == PROXY_ROUTER)
		set_gateways(s, &labels, a, out);
	else if (p->type == PROXY_SIDECAR || p->type == PROXY_GRPC)
		out->sidecar = find_sidecar(s, p->ns, &labels);
	if (p->type == PROXY_SIDECAR)
		peer_modes_build(s, out->ns, &labels, a, &out->peer);
	if (p->type == PROXY_SIDECAR || p->type == PROXY_ROUTER) {
		policy_set_build(s, s->authz, s->n_authz, out->ns, &labels, a, &out->authz);
		policy_set_build(s, s->authn, s->n_authn, out->ns, &labels, a, &out->authn);
	}
	if (needs_addresses(out))
		out->ips = p->ips;
	own_texts(out, a);
	out->hash = view_hash(out);
}
