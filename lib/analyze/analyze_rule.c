/* SPDX-License-Identifier: Apache-2.0
 *
 * DestinationRules: hosts, subsets, who uses them, and TLS against what a port speaks.
 */
#include "analyze/analyze_int.h"

#include <string.h>

/* ---- verification ---- */

/* The proxies start TLS with certificates of the user's. */
static bool starts_tls(const struct client_tls *tls)
{
	return tls && (tls->mode == CLIENT_TLS_SIMPLE || tls->mode == CLIENT_TLS_MUTUAL);
}

static bool is_unverified(const struct client_tls *tls)
{
	return starts_tls(tls) && !(tls->ca_certificates && *tls->ca_certificates) &&
	       !(tls->credential_name && *tls->credential_name);
}

static void judge_verification(struct analysis *n, const struct object *o, const struct traffic_policy *p)
{
	if (p && is_unverified(p->tls))
		analysis_add(n, o, D_TLS_UNVERIFIED, p->tls->pos, "spec.trafficPolicy.tls",
			     "mode %s without caCertificates: the server is not verified",
			     enum_name(&enum_desc_client_tls_mode, (int)p->tls->mode));
	for (size_t i = 0; p && i < p->n_port_level_settings; i++) {
		const struct port_policy *port = &p->port_level_settings[i];

		if (is_unverified(port->tls))
			analysis_add(n, o, D_TLS_UNVERIFIED_PORT, port->tls->pos,
				     arena_printf(n->a, "spec.trafficPolicy.portLevelSettings[%zu].tls", i),
				     "mode %s without caCertificates: the server at port %u is not verified",
				     enum_name(&enum_desc_client_tls_mode, (int)port->tls->mode),
				     port->port ? port->port->number : 0);
	}
}

/* ---- hosts, subsets, users ---- */

static void judge_subsets(struct analysis *n, const struct object *o, const struct svc *svc)
{
	const struct destination_rule *spec = object_spec(o, destination_rule);

	for (size_t i = 0; !host_is_wildcard(svc->host) && i < spec->n_subsets; i++)
		if (!analysis_has_endpoints(n, svc, &spec->subsets[i].labels))
			analysis_add(n, o, D_SUBSET_SELECTS_NOTHING, spec->subsets[i].pos,
				     arena_printf(n->a, "spec.subsets[%zu]", i), "no endpoint of %s has the labels %s",
				     svc->host, analysis_selector(n, &spec->subsets[i].labels));
}

/* Some pod may use the rule: it is in a namespace that sees it, and has the labels that it asks for. */
static bool has_user(const struct analysis *n, const struct object *o)
{
	const struct kind_list *pods = analysis_list(n, KIND_POD);
	const struct destination_rule *spec = object_spec(o, destination_rule);
	const struct match_labels *selector = spec->workload_selector;
	struct visibility v = visibility_of(&spec->export_to, &n->s->mesh->default_destination_rule_export_to, o->ns, n->a);

	if (v.none)
		return false;
	for (size_t i = 0; i < pods->n; i++) {
		if (selector && selector->match_labels.n &&
		    (strcmp(pods->v[i]->ns, o->ns) != 0 || !labels_match(&selector->match_labels, &pods->v[i]->labels)))
			continue;
		if (visibility_sees(&v, o->ns, pods->v[i]->ns))
			return true;
	}
	return !pods->n;
}

void analyze_rules(struct analysis *n)
{
	const struct kind_list *list = analysis_list(n, KIND_DESTINATION_RULE);

	for (size_t i = 0; i < list->n; i++) {
		const struct object *o = list->v[i];
		const struct destination_rule *spec = object_spec(o, destination_rule);
		const struct svc *svc = analysis_service(n, o->ns, spec->host);

		judge_verification(n, o, spec->traffic_policy);
		if (!svc)
			analysis_add(n, o, D_RULE_HOST_MISSING, (struct pos){0}, "spec.host", "no service has the host %s",
				     host_resolve(spec->host, o->ns, n->s->domain, n->a));
		else
			judge_subsets(n, o, svc);
		if (svc && !has_user(n, o))
			analysis_add(n, o, D_RULE_UNUSED, (struct pos){0}, "spec",
				     "no known pod is in a namespace that sees the rule, with labels that it asks for");
	}
}

/* ---- TLS and plain text ---- */

static bool is_tls_number(uint32_t port)
{
	return port == 443 || port == 8443;
}

/* A port that by all that is written expects plain HTTP. */
static bool is_plain(const struct svc_port *p)
{
	return protocol_is_http(p->protocol) && p->protocol != PROTO_HTTP_PROXY && !is_tls_number(p->port) &&
	       !(p->target.is_int && is_tls_number(p->target.num));
}

static bool is_tls_port(const struct svc_port *p)
{
	return p->protocol == PROTO_HTTPS || p->protocol == PROTO_TLS;
}

/* The rule starts TLS to ports of its host that speak plain HTTP. */
static void judge_rule(struct analysis *n, const struct object *o)
{
	const struct destination_rule *spec = object_spec(o, destination_rule);
	const struct svc *svc = analysis_service(n, o->ns, spec->host);
	struct dr own = {.policy = spec->traffic_policy};

	for (size_t i = 0; svc && !host_is_wildcard(spec->host) && i < svc->n_ports; i++) {
		const struct client_tls *tls = analysis_tls(&own, NULL, svc->ports[i].port);

		if (starts_tls(tls) && is_plain(&svc->ports[i]))
			analysis_add(n, o, D_TLS_TO_PLAIN_PORT, tls->pos, "spec.trafficPolicy",
				     "TLS is started to port %u of %s, which is %s", svc->ports[i].port, svc->host,
				     protocol_name(svc->ports[i].protocol));
	}
}

/* The port that a destination means: the only one, if it names none. */
static const struct svc_port *port_of(const struct svc *svc, const struct destination *to)
{
	if (!to->port || !to->port->number)
		return svc->n_ports == 1 ? &svc->ports[0] : NULL;
	for (size_t i = 0; i < svc->n_ports; i++)
		if (svc->ports[i].port == to->port->number)
			return &svc->ports[i];
	return NULL;
}

static void judge_target(struct analysis *n, const struct object *o, const struct route_target *t)
{
	const struct svc *svc = analysis_service(n, o->ns, t->to->host);
	const struct svc_port *port = svc ? port_of(svc, t->to) : NULL;
	const struct client_tls *tls;
	const struct dr *dr;

	if (!port)
		return;
	if (!strcmp(t->protocol, "tls") && is_plain(port))
		analysis_add(n, o, D_TLS_TO_PLAIN_PORT, t->to->pos, t->path,
			     "a tls route passes TLS on to port %u of %s, which is %s", port->port, svc->host,
			     protocol_name(port->protocol));
	if (!t->http || !is_tls_port(port))
		return;
	dr = analysis_rule(n, o->ns, svc);
	tls = analysis_tls(dr, t->to->subset ? analysis_subset(dr, t->to->subset) : NULL, port->port);
	if (!tls || tls->mode == CLIENT_TLS_DISABLE)
		analysis_add(n, o, D_PLAIN_TO_TLS_PORT, t->to->pos, t->path,
			     "port %u of %s is %s, and no DestinationRule starts TLS to it", port->port, svc->host,
			     protocol_name(port->protocol));
}

void analyze_tls(struct analysis *n)
{
	const struct kind_list *rules = analysis_list(n, KIND_DESTINATION_RULE);
	const struct kind_list *list = analysis_list(n, KIND_VIRTUAL_SERVICE);

	for (size_t i = 0; i < rules->n; i++)
		judge_rule(n, rules->v[i]);
	for (size_t i = 0; i < list->n; i++)
		analysis_each_target(n, list->v[i], judge_target);
}
