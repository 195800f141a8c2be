/* SPDX-License-Identifier: Apache-2.0
 *
 * From the name of a cluster to its endpoints.
 */
#include "xds/walk_int.h"

#include <string.h>

#include "base/must.h"

static const char *address_text(const struct walker *w, struct pbread address)
{
	struct pbread s = pbread_msg(address, "socket_address");
	const char *ip = pbread_text(s, "address", w->arena);

	if (!s.m)
		return pbread_text(pbread_msg(address, "pipe"), "path", w->arena);
	return arena_printf(w->arena, strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip,
			    (unsigned)pbread_num(s, "port_value", 0));
}

static const char *locality_text(const struct walker *w, struct pbread l)
{
	const char *region = pbread_text(l, "region", w->arena), *zone = pbread_text(l, "zone", w->arena),
		   *sub = pbread_text(l, "sub_zone", w->arena);

	return arena_printf(w->arena, "%s%s%s%s%s", region, *zone ? "/" : "", zone, *sub ? "/" : "", sub);
}

/* The numbers of HealthStatus; unknown ones take traffic. */
static const char *health_text(uint64_t status)
{
	static const char *const names[] = {"healthy", "healthy", "unhealthy", "draining", "timeout", "degraded"};

	return status < ARRAY_LEN(names) ? names[status] : names[0];
}

static void read_endpoints(const struct walker *w, struct pbread assignment, struct walk_target *t)
{
	struct pbread_list localities = pbread_list(assignment, "endpoints");
	VEC(struct walk_endpoint) v = {0};
	struct pbread locality, one;

	while (pbread_next(&localities, &locality)) {
		struct pbread_list eps = pbread_list(locality, "lb_endpoints");

		while (pbread_next(&eps, &one)) {
			struct pbread address = pbread_msg(pbread_msg(one, "endpoint"), "address");

			*vec_push(&v, w->arena) = (struct walk_endpoint){
			    .address = address_text(w, address),
			    .weight = (uint32_t)pbread_num(one, "load_balancing_weight", 1),
			    .priority = (uint32_t)pbread_num(locality, "priority", 0),
			    .health = health_text(pbread_num(one, "health_status", 0)),
			    .locality = locality_text(w, pbread_msg(locality, "locality")),
			};
		}
	}
	t->eps = v.v;
	t->n_eps = v.n;
}

enum { TYPE_EDS = 3, TYPE_ORIGINAL_DST = 4 };

static const char *type_text(const struct walker *w, struct pbread cluster)
{
	static const char *const names[] = {"STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"};
	uint64_t type = pbread_num(cluster, "type", 0);

	if (pbread_has(cluster, "cluster_type"))
		return pbread_text(pbread_msg(cluster, "cluster_type"), "name", w->arena);
	return type < ARRAY_LEN(names) ? names[type] : "";
}

static void fill(const struct walker *w, struct pbread cluster, const char *name, struct walk_target *t)
{
	uint64_t type = pbread_num(cluster, "type", 0);
	const struct res_new *eds;
	const char *eds_name;

	t->type = type_text(w, cluster);
	if (pbread_has(cluster, "cluster_type"))
		return;
	if (type == TYPE_ORIGINAL_DST) {
		struct walk_endpoint *e = arena_new(w->arena, struct walk_endpoint);

		*e = (struct walk_endpoint){.address = arena_printf(w->arena, "%s:%u", w->r->ip, w->r->port),
					    .weight = 1, .health = "healthy", .locality = ""};
		t->eps = e;
		t->n_eps = 1;
		return;
	}
	if (type != TYPE_EDS) {
		read_endpoints(w, pbread_msg(cluster, "load_assignment"), t);
		return;
	}
	eds_name = pbread_text(pbread_msg(cluster, "eds_cluster_config"), "service_name", w->arena);
	eds = walk_find(w, XDS_EDS, *eds_name ? eds_name : name);
	if (eds)
		read_endpoints(w, walk_read(XDS_EDS, eds), t);
}

void walk_target(struct walker *w, const char *cluster, uint32_t weight, const char *host, unsigned missing)
{
	const struct res_new *r = walk_find(w, XDS_CDS, cluster);
	struct walk_target t = {.cluster = cluster, .weight = weight, .host = host};
	struct pbread m;

	if (!r) {
		t.status = missing;
		walk_step(w, "cluster", cluster, "there is no such cluster", (struct pbread){0}, NULL);
	} else {
		m = walk_read(XDS_CDS, r);
		fill(w, m, cluster, &t);
		/* a cluster that resolves names finds its endpoints later */
		if (!t.n_eps && !pbread_has(m, "cluster_type"))
			t.status = 503;
		walk_step(w, "cluster", cluster,
			  arena_printf(w->arena, "%s, %zu endpoint%s", t.type, t.n_eps, t.n_eps == 1 ? "" : "s"),
			  (struct pbread){0}, r);
	}
	*vec_push(&w->targets, w->arena) = t;
}

/* Routed, unless none of the targets can take it. */
void walk_targets_end(struct walker *w)
{
	bool some = false;

	for (size_t i = 0; i < w->targets.n; i++)
		some = some || (w->targets.v[i].n_eps || (w->targets.v[i].type && !w->targets.v[i].status));
	if (some) {
		w->out->end = WALK_ROUTED;
		w->out->why = w->targets.n > 1 ? "one of the clusters, by weight" : "the cluster has endpoints";
	} else if (w->r->http && w->out->route_config) {
		walk_answer(w, w->targets.n && w->targets.v[0].status ? w->targets.v[0].status : 503,
			    "no cluster of the route has endpoints");
	} else {
		walk_refuse(w, "no cluster of the filter chain has endpoints");
	}
}
