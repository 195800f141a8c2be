/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts of Gateways, and of Ingresses as such: which servers lose a port or host to an older Gateway wherever both run. Two
 * Gateways share proxies if one's selector holds all labels of the other's; ports count as written,
 * before any Service translates them.
 */
#include "mesh/gateway.h"
#include "mesh/proxy.h"
#include "mesh/snapshot_ingress_int.h"
#include "mesh/snapshot_verdict_int.h"

#include <string.h>

/* The Gateways of one selector, or of one Service. */
struct group {
	const struct strmap *selector;
	const char *service;		/* or NULL */
	struct gateway_claims claims;
};

struct merging {
	struct judging *g;
	struct arena *arena;
	enum kind kind;			/* whose verdicts these are; all the others take part */
	struct map by_key;		/* struct group */
	VEC(struct group *) groups;
};

static const char *key_of(const struct gw *gw, struct arena *a)
{
	const struct strmap *selector = &gw->spec->selector;
	const char *key = gw->services;

	if (key)
		return arena_printf(a, "service %s", key);
	key = "selector";
	for (size_t i = 0; i < selector->n; i++)
		key = arena_printf(a, "%s\n%s=%s", key, selector->v[i].key, selector->v[i].value);
	return key;
}

static struct group *group_of(struct merging *m, const struct gw *gw)
{
	void **slot = map_slot(&m->by_key, key_of(gw, m->arena));
	struct group *x = *slot;

	if (x)
		return x;
	x = arena_new(m->arena, struct group);
	x->selector = &gw->spec->selector;
	x->service = gw->services;
	gateway_claims_init(&x->claims, m->arena);
	*vec_push(&m->groups, m->arena) = x;
	*slot = x;
	return x;
}

/* All pods of x are pods of the other group. */
static bool covers(const struct group *other, const struct group *x)
{
	return !other->service && !x->service && labels_match(other->selector, x->selector);
}

static void report(struct merging *m, const struct gateway_claim *x, size_t index, const struct gateway_outcome *o)
{
	const struct object *obj = x->gateway->obj, *owner = o->owner->gateway->obj;
	const char *text = NULL, *path;

	if (obj->kind != m->kind)
		return;
	path = arena_printf(m->g->arena, "spec.servers[%zu]", index);
	if (obj->kind == KIND_INGRESS)
		path = ingress_server_path(obj, index, m->g->arena);
	else if (obj->kind != KIND_GATEWAY)
		path = arena_printf(m->g->arena, "spec.listeners[%zu]", x->gateway->listener);

	switch (o->fault) {
	case GATEWAY_HOST_DUPLICATE:
		text = arena_printf(m->arena, "host %s of port %u belongs to", o->host, x->port);
		break;
	case GATEWAY_PORT_CONFLICT:
		text = arena_printf(m->arena, "port %u belongs to the %s server of", x->port,
				    o->owner->server->port->protocol);
		break;
	case GATEWAY_PORT_NAME_DUPLICATE:
		text = arena_printf(m->arena, "the routes %s belong to", x->rds_name);
		break;
	default:
		text = arena_printf(m->arena, "there is no TLS on port %u here, as there is in", x->port);
		break;
	}
	verdict_judge(m->g, obj, VERDICT_PARTLY, D_GATEWAY_SERVER_LOST, path, "%s %s %s/%s", text,
		      kind_info(owner->kind)->name, owner->ns, owner->name);
}

/* True: the server is in force on no proxy at all. */
static bool judge_server(struct merging *m, struct group *own, const struct gw *gw, size_t index)
{
	const struct gw_server *s = &gw->spec->servers[index];
	struct gateway_claim *x = arena_new(m->arena, struct gateway_claim);
	struct gateway_outcome out;
	bool lost;

	if (!s->port)
		return false;
	gateway_claim_init(x, gw, s, s->port->number, m->arena);
	out = gateway_take(&own->claims, x);
	lost = out.fault;
	for (size_t i = 0; !out.fault && i < m->groups.n; i++) {
		struct group *other = m->groups.v[i];

		if (other == own || (!covers(other, own) && !covers(own, other)))
			continue;
		out = gateway_probe(&other->claims, x);
		lost = out.fault && covers(other, own);
	}
	if (out.fault)
		report(m, x, index, &out);
	return lost;
}

void judge_servers(struct judging *g, enum kind kind)
{
	const struct snapshot *s = g->b->s;
	struct arena scratch;
	struct merging m = {.g = g, .arena = &scratch, .kind = kind};

	arena_init(&scratch, 0);
	map_init(&m.by_key, &scratch);
	for (size_t i = 0; i < s->n_gateways; i++) {
		const struct gw *gw = s->gateways[i];
		struct group *own = group_of(&m, gw);
		size_t lost = 0, n = gw->spec->n_servers;

		for (size_t k = 0; k < n; k++)
			lost += judge_server(&m, own, gw, k);
		if (n && lost == n && gw->obj->kind == kind)
			verdict_raise(g, gw->obj, VERDICT_SHADOWED);
	}
	arena_fini(&scratch);
}

void judge_gateways(struct judging *g)
{
	judge_servers(g, KIND_GATEWAY);
}
