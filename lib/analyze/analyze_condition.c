/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions that controllers wrote into the status of objects: those that say that something is
 * amiss.
 */
#include "analyze/analyze_int.h"

#include <string.h>

#include "base/must.h"

/* The types of which False is worth a word, by kind; Istio's own list. */
static const struct {
	enum kind kind;
	const char *types[4];
} negative[] = {
    {KIND_SERVICE, {"istio.io/WaypointBound"}},
    {KIND_SERVICE_ENTRY, {"istio.io/WaypointBound"}},
    {KIND_AUTHORIZATION_POLICY, {"ZtunnelAccepted", "WaypointAccepted"}},
    {KIND_GWAPI_GATEWAY, {"Accepted", "Programmed", "ResolvedRefs"}},
    {KIND_HTTP_ROUTE, {"Accepted", "Programmed", "ResolvedRefs"}},
    {KIND_GRPC_ROUTE, {"Accepted", "Programmed", "ResolvedRefs"}},
};

static const char *text(const char *s)
{
	return s ? s : "";
}

/* A waypoint that takes a policy in part says True. */
static bool is_negative(enum kind kind, const char *const types[4], const struct said_condition *c)
{
	if (kind == KIND_AUTHORIZATION_POLICY && !strcmp(text(c->type), "WaypointAccepted") &&
	    !strcmp(text(c->reason), "PartiallyInvalid"))
		return true;
	for (size_t i = 0; i < 4 && types[i] && !strcmp(text(c->status), "False"); i++)
		if (!strcmp(text(c->type), types[i]))
			return true;
	return false;
}

static void judge(struct analysis *n, const struct object *o, const char *const types[4],
		  const struct said_condition *v, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (is_negative(o->kind, types, &v[i]))
			analysis_add(n, o, D_CONDITION_NEGATIVE, (struct pos){0},
				     arena_printf(n->a, "%s.conditions[%zu]", path, i),
				     "condition %s is %s, %s: %s", v[i].type, text(v[i].status),
				     text(v[i].reason), text(v[i].message));
}

void analyze_conditions(struct analysis *n)
{
	for (size_t k = 0; k < ARRAY_LEN(negative); k++) {
		const struct kind_list *list = analysis_list(n, negative[k].kind);

		for (size_t i = 0; i < list->n; i++) {
			const struct said_status *s = list->v[i]->said;

			if (!s)
				continue;
			judge(n, list->v[i], negative[k].types, s->conditions, s->n_conditions,
			      "status");
			for (size_t j = 0; j < s->n_parents; j++)
				judge(n, list->v[i], negative[k].types, s->parents[j].conditions,
				      s->parents[j].n_conditions,
				      arena_printf(n->a, "status.parents[%zu]", j));
		}
	}
}
