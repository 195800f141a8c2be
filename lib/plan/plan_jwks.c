/* SPDX-License-Identifier: Apache-2.0
 *
 * Clusters for the keys of tokens, fetched where jwksUri says and with the TLS that it says. A service of the mesh has
 * its own cluster, which does for http and, where a DestinationRule starts TLS, for https; all other hosts are looked
 * up in DNS, and of https checked by the CAs that everybody trusts. The host is never the proxy's own machine
 * (model/jwks.h).
 */
#include "plan/plan_cluster_int.h"

#include <string.h>

#include "base/scalar.h"
#include "model/jwks.h"
#include "model/security.h"

/* The cluster exists, and finds its members by itself: by no request's address or host. */
static bool may_fetch(const struct plan *p, const struct outbound *o, bool tls)
{
	struct policy policy;
	enum ir_discovery d;

	if (o->svc->svc->resolution == SVC_PASSTHROUGH)
		return false;
	outbound_policy(p, o, &policy);
	if (tls && (!policy.tls || policy.tls->mode == CLIENT_TLS_DISABLE))
		return false;
	d = outbound_discovery(p, o, &policy);
	return d == IR_EDS || ((d == IR_STRICT_DNS || d == IR_LOGICAL_DNS) && endpoints_count(p, o, &policy));
}

static bool is_service(const struct plan *p, const struct jwks_uri *uri)
{
	const struct scope_svc *s = scope_find(&p->scope, uri->host);

	for (size_t i = 0; s && i < s->n_ports; i++)
		if (s->ports[i].port == uri->port)
			return may_fetch(p, &(struct outbound){.svc = s, .port = &s->ports[i], .subset = ""}, uri->tls);
	return false;
}

static const char *own_name(const struct jwks_uri *uri, struct arena *a)
{
	return plan_cluster_name(a, "jwks", uri->port, uri->tls ? "https" : "http", uri->host);
}

const char *jwks_cluster_name(const struct plan *p, const struct jwks_uri *uri, struct arena *a)
{
	return is_service(p, uri) ? plan_cluster_name(a, "outbound", uri->port, "", uri->host) : own_name(uri, a);
}

/* One host, and the objects that have keys there. */
struct place {
	struct jwks_uri uri;
	VEC(const struct object *) objs;
};

static void set_member(const struct plan *p, const struct jwks_uri *uri, struct ir_cluster *c, struct arena *a)
{
	struct ir_endpoints *all = arena_new(a, struct ir_endpoints);
	struct ir_locality *l = arena_new(a, struct ir_locality);
	struct ir_endpoint *e = arena_new(a, struct ir_endpoint);

	e->address = (struct ir_address){.ip = uri->host, .port = uri->port};
	*l = (struct ir_locality){.region = "", .zone = "", .subzone = "", .eps = e, .n_eps = 1};
	*all = (struct ir_endpoints){.name = c->name, .localities = l, .n_localities = 1};
	c->inline_endpoints = all;
	c->discovery = scalar_is_ip(uri->host) ? IR_STATIC : IR_STRICT_DNS;
	c->dns_refresh = p->snap->mesh->dns_refresh_rate;
	c->dns_family = plan_dns_family(p->view);
}

static void expand(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct place *place = row->ref;
	struct ir_cluster *c = arena_new(a, struct ir_cluster);
	struct origins origins = {.arena = a};
	struct policy policy = {0};

	policy_add_baseline(p, &policy);
	c->name = row->name;
	c->alt_stat_name = arena_printf(a, "%s;", row->name);
	c->protocol = IR_HTTP1;
	traffic_pool(p, c, policy.pool, a);
	traffic_connection(p, c, true);
	set_member(p, &place->uri, c, a);
	if (place->uri.tls)
		c->tls = tls_of_host(p, place->uri.host, a);
	for (size_t i = 0; i < place->objs.n; i++)
		origins_add(&origins, place->objs.v[i]);
	c->origins = origins_done(&origins);
	out->cluster = c;
}

static void add_place(struct plan *p, const struct object *o, const char *text, struct map *places, struct arena *a)
{
	struct jwks_uri uri;
	struct place *place;
	void **slot;

	if (!jwks_uri_read(text, a, &uri) || is_service(p, &uri))
		return;
	slot = map_slot(places, own_name(&uri, a));
	if (!*slot) {
		*slot = place = arena_new(a, struct place);
		place->uri = uri;
	}
	place = *slot;
	*vec_push(&place->objs, a) = o;
}

static struct plan_row row_of(const struct plan *p, const char *name, const struct place *place)
{
	struct hash128 h = hash_mix(hash_bytes("jwks", 4), p->snap->objects.mesh_hash);

	h = hash_mix(hash_mix_u64(h, (uint64_t)plan_dns_family(p->view) << 1 | p->view->sds_agent), p->view->config_hash);
	for (size_t i = 0; i < place->objs.n; i++)
		h = hash_mix(h, place->objs.v[i]->hash);
	return (struct plan_row){.type = IR_CLUSTER, .name = name, .inputs = h, .expand = expand, .ref = place};
}

void plan_jwks_rows(struct plan *p, struct plan_rows *rows)
{
	const struct policy_set *set = &p->view->authn;
	const struct map_pair *sorted;
	struct map places;
	size_t n;

	map_init(&places, rows->arena);
	for (size_t i = 0; i < set->n; i++) {
		const struct request_authentication *r = object_spec(set->v[i], request_authentication);

		for (size_t k = 0; k < r->n_jwt_rules; k++)
			if (r->jwt_rules[k].jwks_uri && !(r->jwt_rules[k].jwks && *r->jwt_rules[k].jwks))
				add_place(p, set->v[i], r->jwt_rules[k].jwks_uri, &places, rows->arena);
	}
	sorted = map_sorted(&places, &n, rows->arena);
	for (size_t i = 0; i < n; i++)
		*vec_push(&rows->v, rows->arena) = row_of(p, sorted[i].key, sorted[i].value);
}
