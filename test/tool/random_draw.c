/* SPDX-License-Identifier: Apache-2.0 */
#include "random_draw.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "model/meshconf.h"
#include "random_pools.h"

enum { DEPTH_MAX = 12, TOP_PERCENT = 22, DEEP_PERCENT = 14 };

/* ---- numbers: splitmix64 ---- */

static uint64_t next(struct draw *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void draw_init(struct draw *d, uint64_t seed, struct buf *out)
{
	*d = (struct draw){.state = seed * 0x2545f4914f6cdd1du + 1, .out = out};
	next(d);
}

unsigned draw_below(struct draw *d, unsigned n)
{
	return (unsigned)(next(d) >> 33) % n;
}

bool draw_chance(struct draw *d, unsigned percent)
{
	return draw_below(d, 100) < percent;
}

/* ---- values ---- */

static void put_string(struct draw *d, const char *s)
{
	buf_char(d->out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_printf(d->out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			buf_printf(d->out, "\\u%04x", (unsigned)*s);
		else
			buf_char(d->out, *s);
	}
	buf_char(d->out, '"');
}

static unsigned count(const char *const *v)
{
	unsigned n = 0;

	while (v[n])
		n++;
	return n;
}

static const char *pick(struct draw *d, const struct pool *p)
{
	const char *const *from = p->edge[0] && draw_chance(d, d->edge_percent) ? p->edge : p->good;

	return from[draw_below(d, count(from))];
}

const struct field_rule *random_rule_of(const struct schema *s, const struct schema_field *f)
{
	static const struct field_rule none = {0};

	for (const struct field_rule *r = random_rules; r->field; r++) {
		const char *dot = strchr(r->field, '.');

		if (strcmp(dot + 1, f->name) != 0)
			continue;
		if (*r->field == '*' || (!strncmp(r->field, s->name, (size_t)(dot - r->field)) && !s->name[dot - r->field]))
			return r;
	}
	return &none;
}

static const struct pool *pool_of(const struct field_rule *r, enum schema_type t)
{
	if (r->pool)
		return r->pool;
	switch (t) {
	case SCHEMA_U32: case SCHEMA_OU32: case SCHEMA_U32S: case SCHEMA_U32MAP:
		return &pool_u32;
	case SCHEMA_I32: case SCHEMA_OI32:
		return &pool_i32;
	case SCHEMA_I64:
		return &pool_i64;
	case SCHEMA_DBL: case SCHEMA_ODBL:
		return &pool_double;
	case SCHEMA_DUR:
		return &pool_duration;
	case SCHEMA_BYTES: case SCHEMA_BYTESMAP:
		return &pool_base64;
	case SCHEMA_INTSTR:
		return &pool_target_port;
	case SCHEMA_TIME:
		return &pool_time;
	case SCHEMA_NODE:
		return &pool_node;
	default:
		return &pool_word;
	}
}

static void message(struct draw *d, const struct schema *s, int depth);

static unsigned list_length(struct draw *d)
{
	static const unsigned char lengths[] = {1, 1, 1, 1, 2, 2, 3, 0};

	return lengths[draw_below(d, ARRAY_LEN(lengths) - !draw_chance(d, d->edge_percent))];
}

static void list(struct draw *d, const struct schema_field *f, const struct pool *p, int depth)
{
	unsigned n = list_length(d);

	buf_char(d->out, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_char(d->out, ',');
		if (f->type == SCHEMA_MSGS)
			message(d, f->msg, depth + 1);
		else if (f->type == SCHEMA_STRS)
			put_string(d, pick(d, p));
		else
			buf_str(d->out, pick(d, p));
	}
	buf_char(d->out, ']');
}

static void map(struct draw *d, const struct schema_field *f, const struct field_rule *r, const struct pool *p, int depth)
{
	const struct pool *keys = r->keys ? r->keys : &pool_label_key;
	unsigned n = list_length(d);
	const char *used[3];

	buf_char(d->out, '{');
	for (unsigned i = 0; i < n; i++) {
		bool again = false;

		used[i] = pick(d, keys);
		for (unsigned k = 0; k < i; k++)
			again = again || !strcmp(used[k], used[i]);
		if (again)
			break;
		if (i)
			buf_char(d->out, ',');
		put_string(d, used[i]);
		buf_char(d->out, ':');
		if (f->type == SCHEMA_MSGMAP)
			message(d, f->msg, depth + 1);
		else if (f->type == SCHEMA_STRMAP)
			put_string(d, pick(d, r->pool ? p : &pool_label_value));
		else if (f->type == SCHEMA_BYTESMAP)
			put_string(d, pick(d, p));
		else
			buf_str(d->out, pick(d, p));
	}
	buf_char(d->out, '}');
}

static void value(struct draw *d, const struct schema_field *f, const struct field_rule *r, int depth)
{
	const struct pool *p = pool_of(r, f->type);

	if (r->raw) {
		buf_str(d->out, r->raw[draw_below(d, count(r->raw))]);
		return;
	}
	switch (f->type) {
	case SCHEMA_STR: case SCHEMA_BYTES: case SCHEMA_DUR: case SCHEMA_TIME:
		put_string(d, pick(d, p));
		break;
	case SCHEMA_BOOL: case SCHEMA_OBOOL:
		buf_str(d->out, draw_chance(d, 70) ? "true" : "false");
		break;
	case SCHEMA_ENUM:
		put_string(d, f->values->v[draw_below(d, (unsigned)f->values->n)].name);
		break;
	case SCHEMA_MSG:
		message(d, f->msg, depth + 1);
		break;
	case SCHEMA_STRS: case SCHEMA_MSGS: case SCHEMA_U32S:
		list(d, f, p, depth);
		break;
	case SCHEMA_STRMAP: case SCHEMA_U32MAP: case SCHEMA_BYTESMAP: case SCHEMA_MSGMAP:
		map(d, f, r, p, depth);
		break;
	default:
		buf_str(d->out, pick(d, p));
	}
}

/* ---- messages ---- */

/* Of fields that exclude each other the one that may be there: of a oneof, and of a route's actions. */
static bool is_chosen(struct draw *d, const struct schema *s, const struct schema_field *f, unsigned action)
{
	static const char *const actions[] = {"route", "redirect", "directResponse", "delegate"};
	unsigned group = f->flags & SCHEMA_ONEOF_MASK, n = 0, at = 0;

	if (s == &schema_http_route) {
		for (unsigned i = 0; i < ARRAY_LEN(actions); i++) {
			if (!strcmp(actions[i], f->name))
				return i == action;
		}
	}
	if (!group)
		return true;
	for (size_t i = 0; i < s->n; i++) {
		if ((s->fields[i].flags & SCHEMA_ONEOF_MASK) != group)
			continue;
		at = &s->fields[i] == f ? n : at;
		n++;
	}
	/* the same draw for each member of the group */
	return at == (unsigned)((d->state >> 7) + group) % n;
}

static unsigned percent_of(const struct schema_field *f, const struct field_rule *r, int depth)
{
	unsigned percent = depth < 2 ? TOP_PERCENT : DEEP_PERCENT;

	if (r->percent)
		return r->percent;
	if (f->flags & SCHEMA_REQUIRED)
		return 99;
	if (f->flags & SCHEMA_ONEOF_MASK)
		return 60;
	return f->flags & (SCHEMA_DEPRECATED | SCHEMA_NOT_IN_EFFECT) ? percent / 4 : percent;
}

static unsigned draw_action(struct draw *d)
{
	unsigned n = draw_below(d, 100);

	return n < 70 ? 0 : n < 82 ? 1 : n < 94 ? 2 : 3;
}

const char *random_field_key(const struct schema *s, const struct schema_field *f, char out[128])
{
	snprintf(out, 128, "%s.%s", s->name, f->name);
	return out;
}

static void message(struct draw *d, const struct schema *s, int depth)
{
	char key[128];

	unsigned action = draw_action(d);
	struct draw choice = *d;
	bool any = false;

	buf_char(d->out, '{');
	for (size_t i = 0; i < s->n && depth < DEPTH_MAX; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct field_rule *r = random_rule_of(s, f);

		if (!is_chosen(&choice, s, f, action) || !draw_chance(d, percent_of(f, r, depth)))
			continue;
		if (any)
			buf_char(d->out, ',');
		any = true;
		if (d->drawn)
			map_set(d->drawn, random_field_key(s, f, key), d);
		put_string(d, f->name);
		buf_char(d->out, ':');
		value(d, f, r, depth);
	}
	buf_char(d->out, '}');
}

/* ---- objects ---- */

static void set_edges(struct draw *d)
{
	static const unsigned char percents[] = {0, 0, 2, 5, 10, 30};

	d->edge_percent = percents[draw_below(d, ARRAY_LEN(percents))];
}

/* Credentials have few names, that others use too; most are where gateways look for them. */
static void name_and_place(struct draw *d, enum kind kind, unsigned number)
{
	static const char *const secrets[] = {"cred", "cred-2", "cred-cacert"};
	const char *ns = random_namespaces[draw_below(d, count(random_namespaces))];

	if (kind == KIND_SECRET || kind == KIND_CONFIG_MAP)
		buf_printf(d->out, "\"name\":\"%s\"", secrets[number % ARRAY_LEN(secrets)]);
	else if (kind == KIND_NAMESPACE)
		buf_printf(d->out, "\"name\":\"%s\"", number ? "other" : "default");
	else if (kind == KIND_GATEWAY_CLASS)
		buf_str(d->out, "\"name\":\"istio\"");
	else
		buf_printf(d->out, "\"name\":\"%s%c\"", kind == KIND_GATEWAY ? "gw" : "", 'a' + (int)number);
	if ((kind == KIND_SECRET || kind == KIND_GWAPI_GATEWAY) && draw_chance(d, 70))
		ns = "istio-system";
	if (kind_info(kind)->namespaced)
		buf_printf(d->out, ",\"namespace\":\"%s\"", ns);
}

static void pairs(struct draw *d, const char *key, const struct meta_pair *v)
{
	bool any = false;

	buf_printf(d->out, ",\"%s\":{", key);
	for (; v->key; v++) {
		if (!draw_chance(d, v->percent))
			continue;
		if (any)
			buf_char(d->out, ',');
		any = true;
		put_string(d, v->key);
		buf_char(d->out, ':');
		put_string(d, v->values[draw_below(d, count(v->values))]);
	}
	buf_char(d->out, '}');
}

void draw_object(struct draw *d, enum kind kind, unsigned number)
{
	const struct kind_info *k = kind_info(kind);
	const char *version = strncmp(k->versions, "v1 ", 3) ? k->versions : "v1";

	set_edges(d);
	buf_printf(d->out, "{\"apiVersion\":\"%s%s%s\",\"kind\":\"%s\",\"metadata\":{", k->group, *k->group ? "/" : "",
		   version, k->name);
	name_and_place(d, kind, number);
	buf_printf(d->out, ",\"creationTimestamp\":\"2024-01-0%uT00:00:00Z\"", 1 + draw_below(d, 4));
	pairs(d, "labels", random_labels);
	pairs(d, "annotations", random_annotations);
	buf_char(d->out, '}');
	if (*k->body) {
		buf_printf(d->out, ",\"%s\":", k->body);
		message(d, k->schema, 0);
		buf_char(d->out, '}');
	} else {
		struct buf body, *whole = d->out;

		/* the members of the body stand beside metadata */
		buf_init(&body, 1 << 20);
		d->out = &body;
		message(d, k->schema, 0);
		d->out = whole;
		if (body.n > 2)
			buf_printf(whole, ",%s", buf_cstr(&body) + 1);
		else
			buf_char(whole, '}');
		buf_fini(&body);
	}
}

void draw_mesh(struct draw *d)
{
	set_edges(d);
	message(d, &schema_mesh_config, 1);
}
