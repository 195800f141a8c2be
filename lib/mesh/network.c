/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks (istio-behaviour.md 4.5): what leads into each, and what MeshNetworks says of an address.
 * It depends on the services, on the mesh settings, and where a gateway is reached through nodes, on these.
 */
#include "mesh/snapshot_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/scalar.h"
#include "model/kube.h"

enum {
	GATEWAY_PORT = 15443,		/* of a Service that names none */
	SCALE_MAX = 1 << 16,		/* more would let weights overflow */
};

struct gathering {
	const struct snapshot *s;
	struct arena *arena;
	VEC(struct network_gateway_at) v;
	bool by_node;
};

/* Host names cannot be sent in an assignment, and nothing here asks DNS. */
static void add(struct gathering *g, const char *network, const char *address, uint32_t port, bool of_service)
{
	if (address && scalar_is_ip(address))
		*vec_push(&g->v, g->arena) = (struct network_gateway_at){network, address, port, of_service};
}

/* ---- by nodes: a Service of type NodePort with an annotation ---- */

static const char node_selector[] = "traffic.istio.io/nodeSelector";

/* What is no map of labels selects all nodes, as in Istio. */
static struct strmap parse_selector(const char *json, struct arena *a)
{
	VEC(struct str_pair) v = {0};
	struct node_docs docs;
	struct diags ds;

	diags_init(&ds, a);
	docs = node_parse(json, strlen(json), 1, a, &ds);
	if (docs.n != 1 || !docs.v[0].root || docs.v[0].bad || docs.v[0].root->kind != NODE_MAP)
		return (struct strmap){0};
	for (size_t i = 0; i < docs.v[0].root->n; i++) {
		const struct node_member *m = &docs.v[0].root->map[i];

		if (m->value.kind != NODE_STRING)
			return (struct strmap){0};
		*vec_push(&v, a) = (struct str_pair){m->key, m->value.text};
	}
	return (struct strmap){.v = v.v, .n = v.n};
}

static const char *outside_address(const struct object *node)
{
	const struct k_node_status *s = object_spec(node, k_node)->status;

	for (size_t i = 0; s && i < s->n_addresses; i++)
		if (s->addresses[i].type && strcmp(s->addresses[i].type, "ExternalIP") == 0 && s->addresses[i].address &&
		    *s->addresses[i].address)
			return s->addresses[i].address;
	return NULL;
}

static void add_by_nodes(struct gathering *g, const struct k_service_spec *spec, const char *selector, const char *network,
			 uint32_t port)
{
	const struct kind_list *nodes = g->s->objects.kind[KIND_NODE];
	struct strmap labels = parse_selector(selector, g->arena);

	for (size_t i = 0; i < spec->n_ports; i++)
		if (spec->ports[i].port == port && spec->ports[i].node_port) {
			port = spec->ports[i].node_port;
			break;
		}
	for (size_t i = 0; i < nodes->n; i++)
		if (labels_match(&labels, &nodes->v[i]->labels))
			add(g, network, outside_address(nodes->v[i]), port, true);
}

static void add_service(struct gathering *g, const struct svc *svc, const char *network, uint32_t port)
{
	const char *selector = strmap_get(&svc->obj->annotations, node_selector);
	const struct k_service *k = object_spec(svc->obj, k_service);
	const struct k_load_balancer *lb = k->status ? k->status->load_balancer : NULL;

	if (selector && k->spec && k->spec->type && strcmp(k->spec->type, "NodePort") == 0) {
		g->by_node = true;
		add_by_nodes(g, k->spec, selector, network, port);
		return;
	}
	for (size_t i = 0; lb && i < lb->n_ingress; i++)
		add(g, network, lb->ingress[i].ip, port, true);
	for (size_t i = 0; k->spec && i < k->spec->external_ips.n; i++)
		add(g, network, k->spec->external_ips.v[i], port, true);
}

/* A Service's own label goes before what MeshNetworks says of it. */
static void add_by_label(struct gathering *g)
{
	for (size_t i = 0; i < g->s->n_kube; i++) {
		const struct svc *svc = g->s->kube[i];
		const char *network = strmap_get(&svc->labels, "topology.istio.io/network");
		const char *port = strmap_get(&svc->labels, "networking.istio.io/gatewayPort");
		int64_t number = GATEWAY_PORT;

		if (!network || !*network)
			continue;
		if (port && scalar_int(port, 1, UINT16_MAX, &number) < 0)
			number = GATEWAY_PORT;
		add_service(g, svc, network, (uint32_t)number);
	}
}

static void add_configured(struct gathering *g, const char *network, const struct network_gateway *gw)
{
	size_t first, n;

	if (gw->address && *gw->address) {
		add(g, network, gw->address, gw->port, false);
		return;
	}
	n = gw->registry_service ? snapshot_svcs_of(g->s, gw->registry_service, &first) : 0;
	for (size_t i = first; n && i < first + n; i++) {
		const char *own = strmap_get(&g->s->svcs[i]->labels, "topology.istio.io/network");

		if (g->s->svcs[i]->is_kube && (!own || !*own))
			add_service(g, g->s->svcs[i], network, gw->port);
	}
}

static int compare_gateways(const void *a, const void *b)
{
	const struct network_gateway_at *x = a, *y = b;
	int c = strcmp(x->network, y->network);

	if (c == 0)
		c = strcmp(x->address, y->address);
	return c ? c : (x->port > y->port) - (x->port < y->port);
}

static uint32_t common_multiple(uint32_t a, uint32_t b)
{
	uint32_t x = a, y = b;
	uint64_t all;

	while (y) {
		uint32_t rest = x % y;

		x = y;
		y = rest;
	}
	all = (uint64_t)a / x * b;
	return all > SCALE_MAX ? a : (uint32_t)all;
}

static void finish(struct gathering *g, struct networks *out)
{
	struct hash128 h = hash_bytes("networks", 8);
	size_t n = 0;

	if (g->v.n)
		qsort(g->v.v, g->v.n, sizeof(g->v.v[0]), compare_gateways);
	for (size_t i = 0; i < g->v.n; i++)
		if (!n || compare_gateways(&g->v.v[n - 1], &g->v.v[i]) != 0)
			g->v.v[n++] = g->v.v[i];
	*out = (struct networks){.v = g->v.v, .n = n, .scale = 1, .by_node = g->by_node};
	for (size_t i = 0, end; i < n; i = end) {
		uint32_t own = 0;

		for (end = i; end < n && strcmp(out->v[end].network, out->v[i].network) == 0; end++)
			own += out->v[end].of_service;
		out->scale = common_multiple(out->scale, (uint32_t)(end - i));
		if (own)
			out->scale = common_multiple(out->scale, own);
	}
	for (size_t i = 0; i < n; i++) {
		h = hash_mix_str(hash_mix_str(h, out->v[i].network), out->v[i].address);
		h = hash_mix_u64(h, (uint64_t)out->v[i].port << 1 | out->v[i].of_service);
	}
	out->hash = h;
}

void network_stage(struct builder *b)
{
	const struct mesh_networks *config = b->s->objects.settings->networks;
	struct gathering g = {.s = b->s, .arena = b->arena};

	if (b->same_mesh && b->same_svcs && (b->same[KIND_NODE] || !b->prev->networks.by_node)) {
		b->s->networks = b->prev->networks;
		b->s->networks.v = arena_copy(b->arena, b->prev->networks.v,
					      b->prev->networks.n * sizeof(b->prev->networks.v[0]));
		return;
	}
	add_by_label(&g);
	for (size_t i = 0; i < config->n_networks; i++)
		for (size_t k = 0; k < config->networks[i].n_gateways; k++)
			add_configured(&g, config->networks_keys[i], &config->networks[i].gateways[k]);
	finish(&g, &b->s->networks);
}

size_t networks_find(const struct networks *all, const char *network, size_t *first)
{
	size_t lo = 0, n = 0;

	while (lo < all->n && strcmp(all->v[lo].network, network) != 0)
		lo++;
	while (lo + n < all->n && strcmp(all->v[lo + n].network, network) == 0)
		n++;
	*first = lo;
	return n;
}

const char *network_of_address(const struct snapshot *s, const char *ip)
{
	const struct mesh_networks *config = s->objects.settings->networks;
	struct cidr net;
	struct ip address;

	for (size_t i = 0; i < config->n_networks; i++)
		for (size_t k = 0; k < config->networks[i].n_endpoints; k++) {
			const struct network_endpoints *e = &config->networks[i].endpoints[k];

			if (e->from_registry && strcmp(e->from_registry, OWN_CLUSTER) == 0)
				return config->networks_keys[i];
		}
	for (size_t i = 0; scalar_ip(ip, &address) == 0 && i < config->n_networks; i++)
		for (size_t k = 0; k < config->networks[i].n_endpoints; k++) {
			const struct network_endpoints *e = &config->networks[i].endpoints[k];

			if (e->from_cidr && scalar_cidr(e->from_cidr, &net) == 0 && cidr_contains(&net, &address))
				return config->networks_keys[i];
		}
	return "";
}
