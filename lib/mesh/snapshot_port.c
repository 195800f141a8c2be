/* SPDX-License-Identifier: Apache-2.0
 *
 * Which ports of ServiceEntries nobody can reach, because nothing tells their connections from those
 * of an older one: TCP without an address of its own has 0.0.0.0 alone, and an address is one
 * service's (istio-behaviour.md 2.2; the listeners are made by plan_outbound.c).
 */
#include "mesh/snapshot_verdict_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

static int compare_age(const void *a, const void *b)
{
	const struct svc *x = *(const struct svc *const *)a, *y = *(const struct svc *const *)b;
	int c;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? -1 : 1;
	c = strcmp(x->host, y->host);
	return c ? c : strcmp(x->ns, y->ns);
}

static bool has_name(const struct visibility *v, const char *own_ns, const struct strs *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (visibility_sees(v, own_ns, names->v[i]))
			return true;
	return false;
}

/* Some namespace sees both. */
static bool meet(const struct svc *x, const struct svc *y)
{
	if (x->export_to.none || y->export_to.none)
		return false;
	if (x->export_to.all || y->export_to.all)
		return true;
	return visibility_sees(&x->export_to, x->ns, y->ns) || visibility_sees(&y->export_to, y->ns, x->ns) ||
	       has_name(&x->export_to, x->ns, &y->export_to.ns);
}

/* Its own tls or tcp routes may tell it apart. */
static bool is_routed(const struct snapshot *s, const struct svc *svc)
{
	for (size_t i = 0; i < s->n_vss; i++) {
		const struct vs *vs = s->vss[i];

		if (!vs->spec->n_tcp && !vs->spec->n_tls)
			continue;
		for (size_t k = 0; k < vs->hosts.n; k++)
			if (host_matches(vs->hosts.v[k], svc->host))
				return true;
	}
	return false;
}

struct ports {
	struct judging *g;
	struct arena *arena;
	struct map owner;		/* "address port" -> const struct svc * */
};

static void take(struct ports *p, const struct svc *svc, const struct svc_port *port, const char *address)
{
	void **slot = map_slot(&p->owner, arena_printf(p->arena, "%s %u", address, port->port));
	const struct svc *owner = *slot;

	if (!owner)
		*slot = (void *)svc;
	else if (owner != svc && strcmp(owner->host, svc->host) != 0 && meet(owner, svc) && !is_routed(p->g->b->s, svc))
		verdict_judge(p->g, svc->obj, VERDICT_PARTLY, D_ENTRY_PORT_LOST, "spec.ports",
			      "port %u of %s belongs to ServiceEntry %s/%s", port->port, address, owner->obj->ns,
			      owner->obj->name);
}

static void take_all(struct ports *p, const struct svc *svc, const struct svc_port *port)
{
	bool by_sni = port->protocol == PROTO_TLS || port->protocol == PROTO_HTTPS;

	if (protocol_is_http(port->protocol) || port->protocol == PROTO_UDP)
		return;
	for (size_t i = 0; i < svc->addresses.n; i++)
		take(p, svc, port, svc->addresses.v[i]);
	/* without addresses, and with endpoints: at each of these */
	if (!svc->addresses.n && !by_sni && svc->resolution != SVC_PASSTHROUGH)
		take(p, svc, port, "0.0.0.0");
}

void judge_ports(struct judging *g)
{
	const struct snapshot *s = g->b->s;
	struct arena scratch;
	struct ports p = {.g = g, .arena = &scratch};
	struct svc **v;

	arena_init(&scratch, 0);
	map_init(&p.owner, &scratch);
	v = arena_copy(&scratch, s->entries, s->n_entries * sizeof(*v));
	qsort(v, s->n_entries, sizeof(*v), compare_age);
	for (size_t i = 0; i < s->n_entries; i++)
		for (size_t k = 0; k < v[i]->n_ports; k++)
			take_all(&p, v[i], &v[i]->ports[k]);
	arena_fini(&scratch);
}
