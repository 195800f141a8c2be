/* SPDX-License-Identifier: Apache-2.0
 *
 * The traffic policy in force for one cluster (istio-behaviour.md 1.4.1): the rule's own, replaced
 * by the one of the port, overlaid block by block by the subset's, replaced by the one of the
 * subset's port. What replaces, replaces only the four blocks that a port can name.
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

static void overlay(struct policy *out, const struct traffic_policy *t, uint32_t port)
{
	if (!t)
		return;
	overlay_blocks(out, t);
	for (size_t i = 0; i < t->n_port_level_settings; i++) {
		const struct port_policy *p = &t->port_level_settings[i];

		if (!p->port || p->port->number != port)
			continue;
		out->lb = p->load_balancer;
		out->pool = p->connection_pool;
		out->outlier = p->outlier_detection;
		out->tls = p->tls;
		return;
	}
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
