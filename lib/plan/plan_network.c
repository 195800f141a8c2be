/* SPDX-License-Identifier: Apache-2.0
 *
 * Endpoints on other networks (istio-behaviour.md 4.5): the gateways of their network take their
 * place, locality by locality, and share their weight. Gateways tell services by SNI, so that all of
 * it needs mTLS.
 */
#include "plan/plan_endpoint_int.h"

#include <stdlib.h>
#include <string.h>

#include "mesh/snapshot.h"

static bool is_same_network(const char *a, const char *b)
{
	return !a || !*a || !*b || strcmp(a, b) == 0;
}

/* The gateways that stand for an endpoint, or 0: it is reached as it is. Those that are Services here go
 * before those that MeshNetworks knows by address. */
static size_t gateways_of(const struct plan *p, const struct ep *e, size_t *first)
{
	const struct networks *all = &p->snap->networks;
	size_t n, own = 0;

	if (!all->n || is_same_network(p->view->network, e->network))
		return 0;
	n = networks_find(all, e->network, first);
	for (size_t i = *first; i < *first + n; i++)
		own += all->v[i].of_service;
	return own ? own : n;
}

/* REQUESTED_NETWORK_VIEW, "a,b": endpoints elsewhere are not asked for. */
static bool is_in_view(const struct view *v, const char *network)
{
	const char *list = v->network_view;
	size_t len = strlen(network);

	if (!list || !*list || !len)
		return true;
	while (*list) {
		size_t n = strcspn(list, ",");

		if (n == len && strncmp(list, network, n) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

bool network_reaches(const struct plan *p, const struct policy *policy, const struct ep *e, bool mtls)
{
	size_t first;

	if (!is_in_view(p->view, e->network))
		return false;
	if (gateways_of(p, e, &first))
		return (p->view->sds_agent || tls_has_client_files(p->view)) && (policy->tls ? policy->tls->mode == CLIENT_TLS_ISTIO_MUTUAL : mtls);
	return *e->address != '\0';
}

/* ---- one locality ---- */

struct sharing {
	struct gathering *g;
	uint32_t *weights;	/* parallel to the networks' gateways */
	struct member *out;
	size_t n_out;
};

static int compare_place(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = endpoint_compare_place(x->ep, y->ep);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static void share_weight(struct sharing *s, const struct member *m, size_t first, size_t n)
{
	const struct networks *all = &s->g->plan->snap->networks;
	bool own = false;

	for (size_t i = first; i < all->n && strcmp(all->v[i].network, m->ep->network) == 0; i++)
		own = own || all->v[i].of_service;
	for (size_t i = first; i < all->n && strcmp(all->v[i].network, m->ep->network) == 0; i++)
		if (all->v[i].of_service == own)
			s->weights[i] += m->weight / (uint32_t)n;
}

static void add_gateway(struct sharing *s, const struct ep *place, const struct network_gateway_at *gw, uint32_t weight)
{
	struct arena *a = s->g->arena;
	struct ep *e = arena_new(a, struct ep);
	struct str_pair *labels = arena_array(a, struct str_pair, 2);

	labels[0] = (struct str_pair){"topology.istio.io/cluster", OWN_CLUSTER};
	labels[1] = (struct str_pair){"topology.istio.io/network", gw->network};
	*e = (struct ep){.address = gw->address, .labels = {.v = labels, .n = 2},
			 .region = place->region, .zone = place->zone, .subzone = place->subzone,
			 .network = gw->network, .node = "", .service_account = "",
			 .workload = "", .workload_ns = "", .weight = weight};
	s->out[s->n_out] = (struct member){.ep = e, .port = gw->port, .weight = weight, .mtls = true, .seq = s->n_out};
	s->n_out++;
}

static void replace_in(struct sharing *s, const struct member *v, size_t n)
{
	const struct networks *all = &s->g->plan->snap->networks;

	memset(s->weights, 0, all->n * sizeof(s->weights[0]));
	for (size_t i = 0; i < n; i++) {
		struct member m = v[i];
		size_t first, n_gateways = gateways_of(s->g->plan, m.ep, &first);

		m.weight *= all->scale;
		if (n_gateways) {
			share_weight(s, &m, first, n_gateways);
			continue;
		}
		m.seq = s->n_out;
		s->out[s->n_out++] = m;
	}
	for (size_t i = 0; i < all->n; i++)
		if (s->weights[i])
			add_gateway(s, v[0].ep, &all->v[i], s->weights[i]);
}

void network_replace(struct gathering *g)
{
	const struct networks *all = &g->plan->snap->networks;
	struct sharing s = {.g = g};
	size_t n_places = 0;

	if (!all->n || !g->n)
		return;
	qsort(g->v, g->n, sizeof(g->v[0]), compare_place);
	for (size_t i = 0; i < g->n; i++)
		n_places += !i || endpoint_compare_place(g->v[i - 1].ep, g->v[i].ep) != 0;
	s.weights = arena_array(g->arena, uint32_t, all->n);
	s.out = arena_array(g->arena, struct member, g->n + n_places * all->n);
	for (size_t i = 0, end; i < g->n; i = end) {
		for (end = i + 1; end < g->n && endpoint_compare_place(g->v[i].ep, g->v[end].ep) == 0; end++)
			;
		replace_in(&s, g->v + i, end - i);
	}
	g->v = s.out;
	g->n = s.n_out;
}

struct hash128 network_mix(const struct plan *p, struct hash128 h)
{
	const struct view *v = p->view;

	h = hash_mix_str(h, v->network_view);
	if (!p->snap->networks.n)
		return h;
	return hash_mix_str(hash_mix(h, p->snap->networks.hash), v->network);
}
