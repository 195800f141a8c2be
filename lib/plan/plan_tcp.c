/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp_proxy: where connections go, and what the DestinationRule of the (first) destination adds
 * (istio-behaviour.md 1.2.4).
 */
#include "plan/plan_http_int.h"

#include <string.h>

#include "model/traffic.h"

static const struct scope_svc *destination_svc(const struct plan *p, const struct destination *d, const char *ns,
					       struct arena *a)
{
	return scope_find(&p->scope, host_resolve(d->host, ns, p->snap->domain, a));
}

static uint32_t destination_port(const struct destination *d, const struct scope_svc *s, uint32_t listen_port)
{
	if (d->port && d->port->number)
		return d->port->number;
	return s && s->svc->n_ports == 1 ? s->svc->ports[0].port : listen_port;
}

static void apply_policy(const struct plan *p, struct ir_tcp *t, const struct dr *dr, const char *subset, uint32_t port,
			 struct arena *a)
{
	const struct pool_tcp *tcp;
	struct policy policy;

	t->idle_timeout = p->view->idle_timeout;
	policy_of(dr, subset, port, &policy);
	tcp = policy.pool ? policy.pool->tcp : NULL;
	if (tcp) {
		if (tcp->idle_timeout.has)
			t->idle_timeout = tcp->idle_timeout;
		t->max_connection_duration = tcp->max_connection_duration;
	}
	t->hash_source_ip = policy.lb && policy.lb->consistent_hash && policy.lb->consistent_hash->use_source_ip;
	if (policy.tunnel) {
		t->tunnel_to = arena_printf(a, "%s:%u", policy.tunnel->target_host, policy.tunnel->target_port);
		t->tunnel_post = policy.tunnel->protocol && strcmp(policy.tunnel->protocol, "POST") == 0;
	}
}

static struct ir_tcp *tcp_new(const struct plan *p, const char *stat_prefix, struct ir_weighted *clusters, size_t n,
			      struct arena *a)
{
	struct ir_tcp *t = arena_new(a, struct ir_tcp);

	t->stat_prefix = stat_prefix;
	t->clusters = clusters;
	t->n_clusters = n;
	hcm_logs(p, &t->logs, &t->n_logs, a);
	return t;
}

static const char *stat_name(const struct plan *p, const char *cluster, const struct scope_svc *s, uint32_t port,
			     const char *subset, struct arena *a)
{
	const struct svc_port *found = NULL;

	for (size_t i = 0; s && i < s->svc->n_ports; i++)
		if (s->svc->ports[i].port == port)
			found = &s->svc->ports[i];
	return plan_stat_name(p->snap->mesh->outbound_stat_name, cluster, s ? s->svc : NULL, found, 0, subset ? subset : "", a);
}

/* TLS to a service whose hosts are looked up as they are asked for: the SNI asks. */
static void look_up_sni(const struct plan *p, struct ir_tcp *t, const struct scope_svc *s, uint32_t port, struct arena *a)
{
	for (size_t i = 0; s && s->svc->resolution == SVC_DYNAMIC_DNS && i < s->svc->n_ports; i++) {
		enum protocol protocol = s->svc->ports[i].protocol;

		if (s->svc->ports[i].port != port || (protocol != PROTO_TLS && protocol != PROTO_HTTPS))
			continue;
		t->sni_cache = plan_dns_cache(p->view, s->svc->host, a);
		t->sni_port = port;
	}
}

struct ir_tcp *tcp_for_cluster(const struct plan *p, const char *cluster, const struct scope_svc *s, uint32_t port,
			       struct arena *a)
{
	struct ir_weighted *w = arena_new(a, struct ir_weighted);
	struct ir_tcp *t;

	w->cluster = cluster;
	t = tcp_new(p, stat_name(p, cluster, s, port, "", a), w, 1, a);
	if (s)
		apply_policy(p, t, s->dr, NULL, port, a);
	look_up_sni(p, t, s, port, a);
	return t;
}

struct ir_tcp *tcp_for_destinations(const struct plan *p, const struct vs *vs, const struct route_destination *d,
				    size_t n, uint32_t listen_port, struct arena *a)
{
	const char *ns = vs->obj->ns;
	struct ir_weighted *w = arena_array(a, struct ir_weighted, n);
	const struct scope_svc *first;
	const char *stat_prefix;
	struct ir_tcp *t;
	uint32_t port;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (n > 1 && d[i].weight <= 0)
			continue;
		w[kept++] = (struct ir_weighted){
		    .cluster = http_destination_cluster(p, d[i].destination, ns, listen_port, a),
		    .weight = d[i].weight > 0 ? (uint32_t)d[i].weight : 0,
		};
	}
	if (!kept)
		return tcp_for_cluster(p, "BlackHoleCluster", NULL, 0, a);
	first = destination_svc(p, d[0].destination, ns, a);
	port = destination_port(d[0].destination, first, listen_port);
	stat_prefix = n > 1 ? arena_printf(a, "%s.%s", vs->obj->name, ns)
			    : stat_name(p, w[0].cluster, first, port, d[0].destination->subset, a);
	t = tcp_new(p, stat_prefix, w, kept, a);
	t->by_weight = n > 1;
	/* a subset's own policy counts for a single destination only */
	apply_policy(p, t, first ? first->dr : NULL, n == 1 ? d[0].destination->subset : NULL, port, a);
	look_up_sni(p, t, first, port, a);
	return t;
}

struct hash128 tcp_mix_inputs(const struct plan *p, const struct vs *vs, struct hash128 h, struct arena *a)
{
	const struct virtual_service *spec = vs->spec;

	h = hash_mix(h, vs->part.hash);
	for (size_t i = 0; i < spec->n_tls + spec->n_tcp; i++) {
		bool tls = i < spec->n_tls;
		const struct route_destination *d = tls ? spec->tls[i].route : spec->tcp[i - spec->n_tls].route;
		size_t n = tls ? spec->tls[i].n_route : spec->tcp[i - spec->n_tls].n_route;

		for (size_t j = 0; j < n; j++)
			h = http_mix_destination(p, d[j].destination, vs->obj->ns, a, h);
	}
	return h;
}
