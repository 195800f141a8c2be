/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/snapshot_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "model/kube.h"

static int compare_ip(const void *a, const void *b)
{
	const struct pod_ip *x = a, *y = b;
	int c = strcmp(x->ip, y->ip);

	return c ? c : object_compare(x->pod, y->pod);
}

bool pod_is_live(const struct object *pod)
{
	const struct k_pod_status *st = object_spec(pod, k_pod)->status;

	return !st || !st->phase || (strcmp(st->phase, "Succeeded") != 0 && strcmp(st->phase, "Failed") != 0);
}

const char *condition_status(const struct k_condition *v, size_t n, const char *type)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].type && strcmp(v[i].type, type) == 0)
			return v[i].status ? v[i].status : "";
	return NULL;
}

bool pod_is_ready(const struct object *pod)
{
	const struct k_pod_status *st = object_spec(pod, k_pod)->status;
	const char *ready = st ? condition_status(st->conditions, st->n_conditions, "Ready") : NULL;

	return !ready || strcmp(ready, "True") == 0;
}

static void add_ip(struct pod_index *x, const char *ip, const struct object *pod)
{
	if (ip && *ip)
		x->v[x->n++] = (struct pod_ip){.ip = ip, .pod = pod};
}

/* A pod on the host's network shares its address with others: it cannot be told by it. */
static void add_pod(struct pod_index *x, const struct object *pod)
{
	const struct k_pod *p = object_spec(pod, k_pod);

	if (!p->status || (p->spec && p->spec->host_network) || !pod_is_live(pod))
		return;
	add_ip(x, p->status->pod_ip, pod);
	for (size_t i = 0; i < p->status->n_pod_ips; i++)
		if (!p->status->pod_ip || !p->status->pod_ips[i].ip ||
		    strcmp(p->status->pod_ips[i].ip, p->status->pod_ip) != 0)
			add_ip(x, p->status->pod_ips[i].ip, pod);
}

/* The index goes only with the list that it is about, so it need not hold the pods. */
void pod_stage(struct builder *b)
{
	const struct kind_list *l = builder_list(b, KIND_POD);
	struct pod_index *x;
	struct arena arena;
	size_t n = 0;

	if (b->same[KIND_POD]) {
		b->s->pods = b->prev->pods;
		return;
	}
	arena_init(&arena, 0);
	x = arena_new(&arena, struct pod_index);
	for (size_t i = 0; i < l->n; i++) {
		const struct k_pod_status *st = object_spec(l->v[i], k_pod)->status;

		n += st ? 1 + st->n_pod_ips : 0;
	}
	x->v = arena_array(&arena, struct pod_ip, n);
	for (size_t i = 0; i < l->n; i++)
		add_pod(x, l->v[i]);
	qsort(x->v, x->n, sizeof(x->v[0]), compare_ip);
	arena_take(&x->part.arena, &arena);
	part_fresh(b, &x->part);
	b->s->pods = x;
}

const struct object *snapshot_pod_of_ip(const struct snapshot *s, const char *ip)
{
	const struct pod_index *x = s->pods;
	size_t lo = 0, hi = x->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(x->v[mid].ip, ip) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x->n && strcmp(x->v[lo].ip, ip) == 0 ? x->v[lo].pod : NULL;
}

uint32_t pod_port(const struct object *pod, const char *name)
{
	const struct k_pod_spec *spec = object_spec(pod, k_pod)->spec;

	for (size_t i = 0; spec && i < spec->n_containers; i++)
		for (size_t j = 0; j < spec->containers[i].n_ports; j++) {
			const struct k_container_port *p = &spec->containers[i].ports[j];

			if (p->name && strcmp(p->name, name) == 0)
				return p->container_port;
		}
	return 0;
}

uint32_t svc_port_at_pod(const struct svc_port *port, const struct object *pod)
{
	if (port->target.is_int && port->target.num)
		return port->target.num;
	if (port->target.str && *port->target.str)
		return pod_port(pod, port->target.str);
	return port->port;
}

/* Length of name without a last "-<part>", where all of part satisfies is(); or the whole length. */
static size_t without_suffix(const char *name, size_t n, int (*is)(int), size_t exactly)
{
	size_t i = n;

	while (i > 0 && is((unsigned char)name[i - 1]))
		i--;
	if (i < 2 || i == n || name[i - 1] != '-' || (exactly && n - i != exactly))
		return n;
	return i - 1;
}

const char *pod_workload(const struct object *pod, struct arena *a)
{
	const char *hash = strmap_get(&pod->labels, "pod-template-hash");
	size_t n = strlen(pod->name);

	if (strmap_get(&pod->labels, "statefulset.kubernetes.io/pod-name"))
		return arena_strndup(a, pod->name, without_suffix(pod->name, n, isdigit, 0));
	if (!hash && !strmap_get(&pod->labels, "controller-revision-hash"))
		return pod->name;
	n = without_suffix(pod->name, n, isalnum, 5);
	if (hash) {
		size_t h = strlen(hash);

		if (h && n > h + 1 && pod->name[n - h - 1] == '-' && strncmp(pod->name + n - h, hash, h) == 0)
			n -= h + 1;
	}
	return arena_strndup(a, pod->name, n);
}

/* ---- topology ---- */

struct locality locality_parse(const char *text, char separator, struct arena *a)
{
	const char *part[3] = {"", "", ""};

	for (size_t i = 0; i < 3 && text; i++) {
		const char *end = i < 2 ? strchr(text, separator) : NULL;

		part[i] = end ? arena_strndup(a, text, (size_t)(end - text)) : text;
		text = end ? end + 1 : NULL;
	}
	return (struct locality){part[0], part[1], part[2]};
}

static const char *label_or_empty(const struct object *o, const char *key)
{
	const char *v = o ? strmap_get(&o->labels, key) : NULL;

	return v ? v : "";
}

struct locality locality_of_pod(const struct snapshot *s, const struct object *pod, struct arena *a)
{
	const struct k_pod_spec *spec = object_spec(pod, k_pod)->spec;
	const char *label = strmap_get(&pod->labels, "topology.istio.io/locality");
	const struct object *node;

	if (!label || !*label)
		label = strmap_get(&pod->labels, "istio-locality");
	if (label && *label)
		return locality_parse(label, strchr(label, '/') ? '/' : '.', a);
	node = spec && spec->node_name ? snapshot_object(s, KIND_NODE, "", spec->node_name) : NULL;
	return (struct locality){label_or_empty(node, "topology.kubernetes.io/region"),
				 label_or_empty(node, "topology.kubernetes.io/zone"),
				 label_or_empty(node, "topology.istio.io/subzone")};
}

const char *network_of(const struct snapshot *s, const struct strmap *labels)
{
	const char *own = strmap_get(labels, "topology.istio.io/network");

	return own && *own ? own : s->default_network;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

struct strmap labels_augment(const struct strmap *labels, struct locality l, const char *network,
			     const char *cluster, const char *node, struct arena *a)
{
	const struct str_pair more[] = {
		{"topology.kubernetes.io/region", l.region}, {"topology.kubernetes.io/zone", l.zone},
		{"topology.istio.io/subzone", l.subzone},    {"topology.istio.io/network", network},
		{"topology.istio.io/cluster", cluster},	     {"kubernetes.io/hostname", node},
	};
	enum { N_MORE = sizeof(more) / sizeof(more[0]) };
	struct str_pair *v = arena_array(a, struct str_pair, labels->n + N_MORE);
	size_t n = 0;

	for (size_t i = 0; i < labels->n; i++) {
		bool replaced = false;

		for (size_t j = 0; j < N_MORE; j++)
			replaced = replaced || (*more[j].value && strcmp(more[j].key, labels->v[i].key) == 0);
		if (!replaced)
			v[n++] = labels->v[i];
	}
	for (size_t j = 0; j < N_MORE; j++)
		if (*more[j].value)
			v[n++] = more[j];
	qsort(v, n, sizeof(v[0]), compare_pairs);
	return (struct strmap){.v = v, .n = n};
}
