/* SPDX-License-Identifier: Apache-2.0
 *
 * A walk as text and as JSON.
 */
#include "traffic.h"

#include <string.h>

#include "base/must.h"

enum {
	SHOWN_MAX = 4,		/* objects and endpoints that the text names */
	JSON_OBJECTS_MAX = 32	/* of a step in JSON: a route configuration can come from thousands */
};

static const struct object *find_object(const struct traffic *t, const struct res_origin *o)
{
	return snapshot_object(t->o.snap, o->kind, o->ns, o->name);
}

/* ---- text ---- */

static void print_origins(const struct traffic *t, const struct walk_step *s, struct buf *out)
{
	for (size_t i = 0; i < s->n_origins && i < SHOWN_MAX; i++) {
		const struct res_origin *o = &s->origins[i];
		const struct object *obj = find_object(t, o);

		buf_printf(out, "%-21s  %s %s%s%s", "", kind_info(o->kind)->name, o->ns, *o->ns ? "/" : "", o->name);
		if (obj && obj->file)
			buf_printf(out, "  %s:%u", obj->file, obj->pos.line);
		buf_char(out, '\n');
	}
	if (s->n_origins > SHOWN_MAX)
		buf_printf(out, "%-21s  and %zu more\n", "", s->n_origins - SHOWN_MAX);
}

static uint64_t weight_sum(const struct walk *w)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->n_targets; i++)
		sum += w->targets[i].weight;
	return sum ? sum : 1;
}

static void print_target(const struct walk *w, const struct walk_target *t, struct buf *out)
{
	buf_printf(out, "%5.1f %%  %s", 100.0 * t->weight / (double)weight_sum(w), t->cluster);
	if (t->host)
		buf_printf(out, "  host %s", t->host);
	if (t->status)
		buf_printf(out, "  (%s: %u)", t->type ? "no endpoints" : "no such cluster", t->status);
	buf_char(out, '\n');
	for (size_t i = 0; i < t->n_eps && i < SHOWN_MAX; i++)
		buf_printf(out, "           %s  weight %u  %s%s%s\n", t->eps[i].address, t->eps[i].weight,
			   t->eps[i].health, *t->eps[i].locality ? "  " : "", t->eps[i].locality);
	if (t->n_eps > SHOWN_MAX)
		buf_printf(out, "           and %zu more\n", t->n_eps - SHOWN_MAX);
}

void traffic_print_text(const struct traffic *t, const struct walk *w, struct buf *out)
{
	static const char *const ends[] = {"routed", "answered by the proxy", "refused"};

	for (size_t i = 0; i < w->n_steps; i++) {
		const struct walk_step *s = &w->steps[i];

		buf_printf(out, "%-20s   %s%s%s\n", s->what, s->name, *s->name ? "  " : "", s->why);
		print_origins(t, s, out);
	}
	for (size_t i = 0; i < w->n_facts; i++)
		buf_printf(out, "%-20s   %s\n", w->facts[i].key, w->facts[i].value);
	buf_printf(out, "\n%s: ", ends[w->end]);
	if (w->status)
		buf_printf(out, "%u, ", w->status);
	buf_printf(out, "%s\n", w->why);
	if (w->location)
		buf_printf(out, "location %s\n", w->location);
	if (w->path && w->end == WALK_ROUTED)
		buf_printf(out, "path %s\n", w->path);
	for (size_t i = 0; i < w->n_targets && !w->location; i++)
		print_target(w, &w->targets[i], out);
}

/* ---- JSON ---- */

/* ,"key":"text", unless the text is NULL */
static void put_member(struct buf *out, const char *key, const char *text)
{
	if (text)
		node_member_to_json(",", key, text, out);
}

static void put_steps(const struct traffic *t, const struct walk *w, struct buf *out)
{
	buf_str(out, ",\"steps\":[");
	for (size_t i = 0; i < w->n_steps; i++) {
		const struct walk_step *s = &w->steps[i];

		buf_printf(out, "%s{\"what\":\"%s\"", i ? "," : "", s->what);
		put_member(out, "name", s->name);
		put_member(out, "why", s->why);
		buf_str(out, ",\"objects\":[");
		for (size_t k = 0; k < s->n_origins && k < JSON_OBJECTS_MAX; k++) {
			const struct object *obj = find_object(t, &s->origins[k]);

			buf_printf(out, "%s{\"kind\":\"%s\"", k ? "," : "", kind_info(s->origins[k].kind)->name);
			put_member(out, "namespace", s->origins[k].ns);
			put_member(out, "name", s->origins[k].name);
			put_member(out, "file", obj ? obj->file : NULL);
			if (obj && obj->pos.line)
				buf_printf(out, ",\"line\":%u", obj->pos.line);
			buf_char(out, '}');
		}
		buf_char(out, ']');
		if (s->n_origins > JSON_OBJECTS_MAX)
			buf_printf(out, ",\"moreObjects\":%zu", s->n_origins - JSON_OBJECTS_MAX);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

static void put_targets(const struct walk *w, struct buf *out)
{
	buf_str(out, ",\"targets\":[");
	for (size_t i = 0; i < w->n_targets; i++) {
		const struct walk_target *t = &w->targets[i];

		buf_printf(out, "%s{\"weight\":%u", i ? "," : "", t->weight);
		put_member(out, "cluster", t->cluster);
		put_member(out, "type", t->type);
		put_member(out, "host", t->host);
		if (t->status)
			buf_printf(out, ",\"status\":%u", t->status);
		buf_str(out, ",\"endpoints\":[");
		for (size_t k = 0; k < t->n_eps; k++) {
			buf_printf(out, "%s{\"weight\":%u,\"priority\":%u", k ? "," : "", t->eps[k].weight,
				   t->eps[k].priority);
			put_member(out, "address", t->eps[k].address);
			put_member(out, "health", t->eps[k].health);
			put_member(out, "locality", *t->eps[k].locality ? t->eps[k].locality : NULL);
			buf_char(out, '}');
		}
		buf_str(out, "]}");
	}
	buf_char(out, ']');
}

void traffic_print_json(const struct traffic *t, const struct walk *w, struct buf *out)
{
	static const char *const ends[] = {"routed", "answered", "refused"};

	buf_printf(out, "{\"end\":\"%s\"", ends[w->end]);
	if (w->status)
		buf_printf(out, ",\"status\":%u", w->status);
	put_member(out, "why", w->why);
	put_member(out, "listener", w->listener);
	put_member(out, "filterChain", w->chain);
	put_member(out, "routeConfiguration", w->route_config);
	put_member(out, "virtualHost", w->vhost);
	put_member(out, "route", w->route);
	put_member(out, "location", w->location);
	put_member(out, "body", w->body);
	put_member(out, "path", w->path);
	put_targets(w, out);
	buf_str(out, ",\"facts\":[");
	for (size_t i = 0; i < w->n_facts; i++) {
		buf_printf(out, "%s{\"name\":\"%s\"", i ? "," : "", w->facts[i].key);
		put_member(out, "value", w->facts[i].value);
		buf_char(out, '}');
	}
	buf_char(out, ']');
	put_steps(t, w, out);
	buf_char(out, '}');
}
