/* SPDX-License-Identifier: Apache-2.0 */
#include "report/condition.h"

#include <inttypes.h>
#include <string.h>

const struct node *condition_find(const struct node *list, const char *type)
{
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *t = node_text(&list->list[i], "type");

		if (t && !strcmp(t, type))
			return &list->list[i];
	}
	return NULL;
}

static void put_own(struct buf *b, const struct condition *c, int64_t generation, const struct node *old, const char *now)
{
	const char *status = c->is_true ? "True" : "False", *was = node_text(old, "status");
	const char *since = node_text(old, "lastTransitionTime");

	node_member_to_json("{", "type", c->type, b);
	node_member_to_json(",", "status", status, b);
	node_member_to_json(",", "lastTransitionTime", was && since && !strcmp(was, status) ? since : now, b);
	node_member_to_json(",", "reason", c->reason, b);
	node_member_to_json(",", "message", c->message, b);
	if (generation)
		buf_printf(b, ",\"observedGeneration\":%" PRId64, generation);
	buf_char(b, '}');
}

static const struct condition *find_own(const struct condition *v, size_t n, const char *type)
{
	for (size_t i = 0; type && i < n; i++)
		if (!strcmp(v[i].type, type))
			return &v[i];
	return NULL;
}

void conditions_put(struct buf *b, const struct condition *own, size_t n, int64_t generation, const struct node *old,
		    const char *now)
{
	const char *comma = "";

	buf_char(b, '[');
	for (size_t i = 0; old && old->kind == NODE_LIST && i < old->n; i++) {
		const struct condition *c = find_own(own, n, node_text(&old->list[i], "type"));

		if (c && !c->reason)
			continue;
		buf_str(b, comma);
		comma = ",";
		if (c)
			put_own(b, c, generation, &old->list[i], now);
		else
			node_to_json(&old->list[i], false, false, b);
	}
	for (size_t i = 0; i < n; i++) {
		if (!own[i].reason || condition_find(old, own[i].type))
			continue;
		buf_str(b, comma);
		comma = ",";
		put_own(b, &own[i], generation, NULL, now);
	}
	buf_char(b, ']');
}
