/* SPDX-License-Identifier: Apache-2.0
 *
 * Statuses of the Gateway API as text: JSON for objects, lines for people.
 */
#include "mesh/gwapi_status.h"

#include <inttypes.h>

#include "base/scalar.h"
#include "node/node.h"

static void put_conditions(struct buf *b, const struct api_conditions *c, int64_t generation)
{
	buf_str(b, "\"conditions\":[");
	for (size_t i = 0; i < c->n; i++) {
		buf_str(b, i ? ",{" : "{");
		node_member_to_json("", "type", c->v[i].type, b);
		node_member_to_json(",", "status", c->v[i].is_true ? "True" : "False", b);
		node_member_to_json(",", "reason", c->v[i].reason, b);
		node_member_to_json(",", "message", c->v[i].message, b);
		if (generation)
			buf_printf(b, ",\"observedGeneration\":%" PRId64, generation);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void put_kinds(struct buf *b, uint64_t kinds)
{
	const char *comma = "";

	buf_str(b, "\"supportedKinds\":[");
	for (int k = 0; k < KIND_COUNT; k++) {
		const struct kind_info *info = kind_info((enum kind)k);

		if (!(kinds >> k & 1))
			continue;
		buf_printf(b, "%s{\"group\":\"%s\",\"kind\":\"%s\"}", comma, info->group, info->name);
		comma = ",";
	}
	buf_char(b, ']');
}

static void put_listeners(struct buf *b, const struct api_status *st)
{
	buf_str(b, ",\"listeners\":[");
	for (size_t i = 0; i < st->n_listeners; i++) {
		const struct api_listener_status *l = &st->listeners[i];

		buf_str(b, i ? ",{" : "{");
		node_member_to_json("", "name", l->name, b);
		buf_char(b, ',');
		put_kinds(b, l->kinds);
		buf_printf(b, ",\"attachedRoutes\":%zu,", l->attached_routes);
		put_conditions(b, &l->conditions, st->obj->generation);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void put_addresses(struct buf *b, const struct strs *v)
{
	buf_str(b, ",\"addresses\":[");
	for (size_t i = 0; i < v->n; i++) {
		node_member_to_json(i ? ",{" : "{", "type", scalar_is_ip(v->v[i]) ? "IPAddress" : "Hostname", b);
		node_member_to_json(",", "value", v->v[i], b);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void put_optional(struct buf *b, const char *key, const char *text)
{
	if (text)
		node_member_to_json(",", key, text, b);
}

/* name is the one field that is always there. */
static void put_ref(struct buf *b, const char *key, const struct api_ref_status *r, int64_t generation)
{
	buf_printf(b, "{\"%s\":{", key);
	node_member_to_json("", "name", r->name, b);
	put_optional(b, "group", r->group);
	put_optional(b, "kind", r->kind);
	put_optional(b, "namespace", r->ns);
	put_optional(b, "sectionName", r->section_name);
	if (r->port.has)
		buf_printf(b, ",\"port\":%u", r->port.v);
	node_member_to_json("},", "controllerName", r->controller, b);
	buf_char(b, ',');
	put_conditions(b, &r->conditions, generation);
	buf_char(b, '}');
}

static void put_refs(struct buf *b, const struct api_status *st)
{
	bool is_policy = st->obj->kind == KIND_BACKEND_TLS_POLICY;

	buf_printf(b, "\"%s\":[", is_policy ? "ancestors" : "parents");
	for (size_t i = 0; i < st->n_refs; i++) {
		if (i)
			buf_char(b, ',');
		put_ref(b, is_policy ? "ancestorRef" : "parentRef", &st->refs[i], st->obj->generation);
	}
	buf_char(b, ']');
}

void api_status_to_json(const struct api_status *st, struct buf *out)
{
	buf_char(out, '{');
	if (st->has_refs)
		put_refs(out, st);
	else
		put_conditions(out, &st->conditions, st->obj->generation);
	if (st->has_listeners)
		put_listeners(out, st);
	if (st->addresses.n)
		put_addresses(out, &st->addresses);
	if (st->attached_sets)
		buf_printf(out, ",\"attachedListenerSets\":%zu", st->attached_sets);
	buf_char(out, '}');
}

/* ---- for people ---- */

static void put_lines(struct buf *b, const struct object *o, const char *part, const struct api_conditions *c)
{
	for (size_t i = 0; i < c->n; i++)
		buf_printf(b, "%s %s%s%s%s: %s=%s %s: %s\n", kind_info(o->kind)->name, o->ns, *o->ns ? "/" : "", o->name, part,
			   c->v[i].type, c->v[i].is_true ? "True" : "False", c->v[i].reason, c->v[i].message);
}

static void put_listener_lines(struct buf *b, const struct object *o, const struct api_listener_status *l, struct arena *a)
{
	const char *kinds = "";

	for (int k = 0; k < KIND_COUNT; k++)
		if (l->kinds >> k & 1)
			kinds = arena_printf(a, "%s%s%s", kinds, *kinds ? " " : "", kind_info((enum kind)k)->name);
	buf_printf(b, "%s %s/%s %s: %zu routes of %s\n", kind_info(o->kind)->name, o->ns, o->name, l->name, l->attached_routes,
		   *kinds ? kinds : "no kind");
	put_lines(b, o, arena_printf(a, " %s", l->name), &l->conditions);
}

static void put_ref_lines(struct buf *b, const struct object *o, const struct api_ref_status *r, struct arena *a)
{
	const char *part = arena_printf(a, " at %s %s%s%s", r->kind ? r->kind : "Gateway", r->ns ? r->ns : "", r->ns ? "/" : "", r->name);

	if (r->section_name)
		part = arena_printf(a, "%s %s", part, r->section_name);
	if (r->port.has)
		part = arena_printf(a, "%s port %u", part, r->port.v);
	put_lines(b, o, part, &r->conditions);
}

void api_statuses_to_text(const struct api_statuses *all, struct buf *out)
{
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < all->n; i++) {
		const struct api_status *st = &all->v[i];

		put_lines(out, st->obj, "", &st->conditions);
		for (size_t k = 0; k < st->addresses.n; k++)
			buf_printf(out, "%s %s/%s: address %s\n", kind_info(st->obj->kind)->name, st->obj->ns, st->obj->name,
				   st->addresses.v[k]);
		for (size_t k = 0; k < st->n_listeners; k++)
			put_listener_lines(out, st->obj, &st->listeners[k], &a);
		for (size_t k = 0; k < st->n_refs; k++)
			put_ref_lines(out, st->obj, &st->refs[k], &a);
	}
	arena_fini(&a);
}
