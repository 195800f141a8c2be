/* SPDX-License-Identifier: Apache-2.0
 *
 * The traffic policy in force for one cluster (istio-behaviour.md 1.4.1): the rule's own, or the one
 * of the port in its place, overlaid block by block by the subset's, of which the four blocks that a
 * port can name are the ones of the subset's port, set or not. Under all of it lies the mesh's.
 */
#include "plan/plan_int.h"

#include <string.h>

#include "model/traffic.h"

static void overlay_blocks(struct policy *out, const struct traffic_policy *t)
{
	if (t->load_balancer)
		out->lb = t->load_balancer;
	if (t->connection_pool)
		out->pool = t->connection_pool;
	if (t->outlier_detection)
		out->outlier = t->outlier_detection;
	if (t->tls)
		out->tls = t->tls;
	if (t->tunnel)
		out->tunnel = t->tunnel;
	if (t->proxy_protocol)
		out->proxy_protocol = t->proxy_protocol;
	if (t->retry_budget)
		out->retry_budget = t->retry_budget;
}

static const struct port_policy *port_policy(const struct traffic_policy *t, uint32_t port)
{
	for (size_t i = 0; i < t->n_port_level_settings; i++)
		if (t->port_level_settings[i].port && t->port_level_settings[i].port->number == port)
			return &t->port_level_settings[i];
	return NULL;
}

static void use_port(struct policy *out, const struct port_policy *p)
{
	out->lb = p->load_balancer;
	out->pool = p->connection_pool;
	out->outlier = p->outlier_detection;
	out->tls = p->tls;
}

/* Of a policy that names the port, the rest says nothing. */
static void overlay(struct policy *out, const struct traffic_policy *t, uint32_t port)
{
	const struct port_policy *own = t ? port_policy(t, port) : NULL;

	if (own)
		use_port(out, own);
	else if (t)
		overlay_blocks(out, t);
}

const struct subset *policy_subset(const struct dr *dr, const char *name)
{
	if (!dr || !name)
		return NULL;
	for (size_t i = 0; i < dr->n_subsets; i++)
		if (strcmp(dr->subsets[i].name, name) == 0)
			return &dr->subsets[i];
	return NULL;
}

void policy_of(const struct dr *dr, const char *subset, uint32_t port, struct policy *out)
{
	const struct subset *s = policy_subset(dr, subset);

	*out = (struct policy){0};
	if (!dr)
		return;
	overlay(out, dr->policy, port);
	if (s)
		overlay(out, s->traffic_policy, port);
}

void policy_add_baseline(const struct plan *p, struct policy *out)
{
	const struct default_policy *mesh = p->snap->mesh->default_traffic_policy;

	if (!mesh)
		return;
	if (!out->pool)
		out->pool = mesh->connection_pool;
	if (!out->outlier)
		out->outlier = mesh->outlier_detection;
}
