/* SPDX-License-Identifier: Apache-2.0
 *
 * Services, the Deployments behind them, and ServiceEntries: ports and protocols.
 */
#include "analyze/analyze_int.h"

#include <string.h>
#include <strings.h>

/* ---- ports of Services ---- */

static void judge_port(struct analysis *n, const struct object *o, const struct k_service_spec *spec, size_t i)
{
	const struct k_service_port *p = &spec->ports[i];
	bool external = spec->type && !strcmp(spec->type, "ExternalName");
	bool unknown = protocol_of_port(p->protocol, p->app_protocol, p->name, p->port) == PROTO_UNSUPPORTED;
	const char *path = arena_printf(n->a, "spec.ports[%zu]", i);

	if (external && (unknown || (p->name && !strcmp(p->name, "tcp"))))
		analysis_add(n, o, D_EXTERNAL_NAME_PORT, p->pos, path,
			     "port %u of an ExternalName service is treated as TCP", p->port);
	else if (!external && unknown)
		analysis_add(n, o, D_PORT_PROTOCOL_UNKNOWN, p->pos, path,
			     "the name \"%s\" of port %u says no protocol", p->name ? p->name : "", p->port);
}

void analyze_ports(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_SERVICE);

	for (size_t i = 0; i < list->n; i++) {
		const struct k_service_spec *spec = object_spec(list->v[i], k_service)->spec;

		if (!spec || analysis_is_system(list->v[i]->ns) || analysis_is_control_plane(list->v[i]))
			continue;
		for (size_t k = 0; k < spec->n_ports; k++)
			judge_port(n, list->v[i], spec, k);
	}
}

/* ---- Deployments ---- */

/* One port of a Service that selects the Deployment in hand. */
struct use {
	const struct object *svc;
	const struct k_service_port *port;
};
struct uses {
	VEC(struct use) v;
};

/* Its template, or its namespace, says that the pods get a sidecar. */
static bool is_in_mesh(const struct analysis *n, const struct object *o, const struct k_pod_template *t)
{
	static const char label[] = "sidecar.istio.io/inject";
	const struct object *ns = snapshot_object(n->s, KIND_NAMESPACE, "", o->ns);
	const char *inject = NULL, *on;

	if (t->spec && analysis_has_proxy(t->spec))
		return true;
	if (t->metadata) {
		inject = strmap_get(&t->metadata->labels, label);
		if (!inject)
			inject = strmap_get(&t->metadata->annotations, label);
	}
	if (inject)
		return !strcmp(inject, "true");
	on = ns ? strmap_get(&ns->labels, "istio-injection") : NULL;
	return on && !strcmp(on, "enabled");
}

static void find_uses(const struct analysis *n, const struct object *o, const struct k_pod_template *t,
		      struct uses *out)
{
	const struct kind_list *list = analysis_list(n, KIND_SERVICE);
	size_t first, count = kind_list_range(list, o->ns, &first);

	for (size_t i = first; t->metadata && i < first + count; i++) {
		const struct k_service_spec *spec = object_spec(list->v[i], k_service)->spec;

		if (!spec || !spec->selector.n || !labels_match(&spec->selector, &t->metadata->labels))
			continue;
		for (size_t k = 0; k < spec->n_ports; k++)
			*vec_push(&out->v, n->a) = (struct use){list->v[i], &spec->ports[k]};
	}
}

static const char *l4_of(const struct k_service_port *p)
{
	return p->protocol && *p->protocol ? p->protocol : "TCP";
}

static const char *target_of(const struct analysis *n, const struct k_service_port *p)
{
	if (p->target_port.str && *p->target_port.str)
		return p->target_port.str;
	return arena_printf(n->a, "%u", p->target_port.is_int && p->target_port.num ? p->target_port.num : p->port);
}

/* One finding for each port, or target port, that the uses disagree on: at the first use of it. */
static void judge_uses(struct analysis *n, const struct object *o, const struct uses *uses)
{
	struct map ports, targets;

	map_init(&ports, n->a);
	map_init(&targets, n->a);
	for (size_t i = 0; i < uses->v.n; i++) {
		const struct use *u = &uses->v.v[i], *other;
		const char *target = target_of(n, u->port);
		void **port_slot = map_slot(&ports, arena_printf(n->a, "%u", u->port->port));
		void **target_slot = map_slot(&targets, target);

		other = *port_slot;
		if (!other)
			*port_slot = (void *)u;
		else if (strcmp(l4_of(other->port), l4_of(u->port)) != 0 && !map_get(&ports, arena_printf(n->a, "said %u", u->port->port))) {
			map_set(&ports, arena_printf(n->a, "said %u", u->port->port), (void *)u);
			analysis_add(n, o, D_DEPLOYMENT_PROTOCOL_CONFLICT, (struct pos){0}, "spec.template",
				     "port %u is %s in Service %s and %s in Service %s", u->port->port, l4_of(other->port),
				     analysis_name(n, other->svc), l4_of(u->port), analysis_name(n, u->svc));
		}
		other = *target_slot;
		if (!other)
			*target_slot = (void *)u;
		else if (other->port->port != u->port->port && !map_get(&targets, arena_printf(n->a, "said %s", target))) {
			map_set(&targets, arena_printf(n->a, "said %s", target), (void *)u);
			analysis_add(n, o, D_DEPLOYMENT_PORT_CONFLICT, (struct pos){0}, "spec.template",
				     "target port %s is behind port %u of Service %s and port %u of Service %s", target,
				     other->port->port, analysis_name(n, other->svc), u->port->port, analysis_name(n, u->svc));
		}
	}
}

void analyze_deployments(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_DEPLOYMENT);

	for (size_t i = 0; i < list->n; i++) {
		const struct object *o = list->v[i];
		const struct k_deployment_spec *spec = object_spec(o, k_deployment)->spec;
		const char *managed = strmap_get(&o->labels, "gateway.istio.io/managed");
		struct uses uses = {0};

		if (!spec || !spec->template || (managed && !strcmp(managed, "istio.io-mesh-controller")) ||
		    !is_in_mesh(n, o, spec->template))
			continue;
		find_uses(n, o, spec->template, &uses);
		judge_uses(n, o, &uses);
	}
}

/* ---- ServiceEntries ---- */

/* The proxies capture DNS, and each host of the entry has an address allocated. */
static bool is_allocated(const struct mesh_config *mesh, const struct object *o)
{
	const struct proxy_config *c = mesh->default_config;
	const char *capture = c ? strmap_get(&c->proxy_metadata, "ISTIO_META_DNS_CAPTURE") : NULL;
	const struct strs *hosts = &object_spec(o, service_entry)->hosts;

	if (!capture || strcmp(capture, "true") != 0)
		return false;
	for (size_t i = 0; i < hosts->n; i++)
		if (!entry_is_allocated(o, hosts->v[i]))
			return false;
	return true;
}

static void judge_addresses(struct analysis *n, const struct object *o)
{
	const struct service_entry *se = object_spec(o, service_entry);

	for (size_t i = 0; !se->addresses.n && !is_allocated(n->s->mesh, o) && i < se->n_ports; i++) {
		const struct se_port *p = &se->ports[i];

		if (!p->protocol || !*p->protocol || !strcasecmp(p->protocol, "TCP"))
			analysis_add(n, o, D_ENTRY_ADDRESSES_NEEDED, p->pos, arena_printf(n->a, "spec.ports[%zu]", i),
				     "port %u is TCP, and the entry has no addresses", p->number);
	}
}

/* Two entries that one namespace may see both. */
static bool meet(const struct object *a, const struct object *b, struct arena *arena)
{
	static const struct strs nothing;
	struct visibility va = visibility_of(&object_spec(a, service_entry)->export_to, &nothing, a->ns, arena);
	struct visibility vb = visibility_of(&object_spec(b, service_entry)->export_to, &nothing, b->ns, arena);

	if (va.all || vb.all)
		return !va.none && !vb.none;
	if ((va.own && visibility_sees(&vb, b->ns, a->ns)) || (vb.own && visibility_sees(&va, a->ns, b->ns)))
		return true;
	for (size_t i = 0; i < va.ns.n; i++)
		if (visibility_sees(&vb, b->ns, va.ns.v[i]))
			return true;
	return false;
}

/* One host and port of an entry; the others of the same are chained. */
struct claim {
	const struct object *entry;
	const struct se_port *port;
	struct claim *next;
};

static const struct claim *find_rival(const struct analysis *n, const struct claim *all, const struct claim *c)
{
	for (const struct claim *o = all; o; o = o->next) {
		const char *p = o->port->protocol ? o->port->protocol : "", *q = c->port->protocol ? c->port->protocol : "";

		if (o->entry != c->entry && strcasecmp(p, q) != 0 && meet(o->entry, c->entry, n->a))
			return o;
	}
	return NULL;
}

static const char *claim_key(const struct analysis *n, const char *host, const struct se_port *p)
{
	return arena_printf(n->a, "%s:%u", host, p->number);
}

static void judge_protocols(struct analysis *n, const struct object *o, const struct map *claims)
{
	const struct service_entry *se = object_spec(o, service_entry);

	for (size_t h = 0; h < se->hosts.n; h++) {
		for (size_t i = 0; i < se->n_ports; i++) {
			struct claim c = {o, &se->ports[i], NULL};
			const struct claim *rival = find_rival(n, map_get(claims, claim_key(n, se->hosts.v[h], c.port)), &c);

			if (!rival)
				continue;
			analysis_add(n, o, D_ENTRY_PROTOCOL_CONFLICT, c.port->pos, arena_printf(n->a, "spec.ports[%zu]", i),
				     "port %u of %s is %s here and %s in ServiceEntry %s", c.port->number, se->hosts.v[h],
				     c.port->protocol ? c.port->protocol : "without protocol",
				     rival->port->protocol ? rival->port->protocol : "without protocol",
				     analysis_name(n, rival->entry));
			return;		/* one a ServiceEntry says enough */
		}
	}
}

void analyze_entries(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_SERVICE_ENTRY);
	struct map claims;

	map_init(&claims, n->a);
	for (size_t i = 0; i < list->n; i++) {
		const struct service_entry *se = object_spec(list->v[i], service_entry);

		judge_addresses(n, list->v[i]);
		for (size_t h = 0; h < se->hosts.n; h++) {
			for (size_t k = 0; k < se->n_ports; k++) {
				void **slot = map_slot(&claims, claim_key(n, se->hosts.v[h], &se->ports[k]));
				struct claim *c = arena_new(n->a, struct claim);

				*c = (struct claim){list->v[i], &se->ports[k], *slot};
				*slot = c;
			}
		}
	}
	for (size_t i = 0; i < list->n; i++)
		judge_protocols(n, list->v[i], &claims);
}
