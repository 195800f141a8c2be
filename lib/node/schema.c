/* SPDX-License-Identifier: Apache-2.0 */
#include "node/schema.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/scalar.h"

enum { NAME_MAX_LEN = 64, ONEOFS_MAX = 8 };

struct decoder {
	enum schema_mode mode;
	struct arena *a;
	struct diags *ds;
};

/* Where we are: a chain of steps on the C stack, made into text only for a finding. */
struct path {
	const struct path *up;
	const char *key;		/* NULL: a list's element */
	size_t index;
};

static bool is_word(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/")] == '\0';
}

static const char *path_text(const struct path *p, struct arena *a)
{
	const char *up;

	if (!p->up)
		return p->key;
	up = path_text(p->up, a);
	if (!p->key)
		return arena_printf(a, "%s[%zu]", up, p->index);
	if (!is_word(p->key))
		return arena_printf(a, "%s[\"%s\"]", up, p->key);
	return arena_printf(a, "%s%s%s", up, *up ? "." : "", p->key);
}

static void report(struct decoder *d, enum diag_code code, struct pos pos, const struct path *p,
		   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void report(struct decoder *d, enum diag_code code, struct pos pos, const struct path *p,
		   const char *fmt, ...)
{
	va_list ap;
	char text[600];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(d->ds, code, pos, path_text(p, d->ds->arena), "%s", text);
}

static bool expect(struct decoder *d, const struct node *n, enum node_kind kind, const struct path *p)
{
	if (n->kind == kind)
		return true;
	report(d, D_FIELD_TYPE, n->pos, p, "expected a %s, found a %s", node_kind_name(kind), node_kind_name(n->kind));
	return false;
}

/* ---- nearest name ---- */

/* Edits (insert, delete, replace, swap neighbours) from a to b; both at most NAME_MAX_LEN long. */
static size_t edits(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	uint8_t rows[3][NAME_MAX_LEN + 1];
	uint8_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		last[j] = (uint8_t)j;
	for (size_t i = 1; i <= na; i++) {
		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= nb; j++) {
			size_t cost = (a[i - 1] | 0x20) != (b[j - 1] | 0x20), v = last[j - 1] + cost;

			if (last[j] + 1u < v)
				v = last[j] + 1u;
			if (row[j - 1] + 1u < v)
				v = row[j - 1] + 1u;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1u < v)
				v = before[j - 2] + 1u;
			row[j] = (uint8_t)v;
		}
		uint8_t *free_row = before;

		before = last;
		last = row;
		row = free_row;
	}
	return last[nb];
}

struct nearest {
	const char *wanted, *best;
	size_t distance;
};

static void nearest_offer(struct nearest *n, const char *name)
{
	size_t len, limit, e;

	must(n->wanted && name);
	len = strlen(n->wanted);
	limit = len < 4 ? 1 : len / 3 + 1;
	if (len > NAME_MAX_LEN || strlen(name) > NAME_MAX_LEN)
		return;
	e = edits(n->wanted, name);
	if (e <= limit && (!n->best || e < n->distance)) {
		n->best = name;
		n->distance = e;
	}
}

/* ---- scalars ---- */

static const char *read_text(struct decoder *d, const struct node *n, const struct path *p)
{
	return expect(d, n, NODE_STRING, p) ? arena_strndup(d->a, n->text, n->n) : NULL;
}

/* A whole number within [min, max]; proto3 JSON also takes it as text, and with a zero fraction. */
static bool read_int(struct decoder *d, const struct node *n, int64_t min, int64_t max, int64_t *out,
		     const struct path *p)
{
	double real;
	char *end;

	if (n->kind != NODE_NUMBER && n->kind != NODE_STRING)
		return expect(d, n, NODE_NUMBER, p);
	if (!scalar_int(n->text, min, max, out))
		return true;
	if (!scalar_int(n->text, INT64_MIN, INT64_MAX, out)) {
		report(d, D_FIELD_RANGE, n->pos, p, "%s is not within %lld and %lld", n->text, (long long)min,
		       (long long)max);
		return false;
	}
	real = strtod(n->text, &end);
	if (end == n->text || *end || !isfinite(real) || strpbrk(n->text, "xXpPnN ")) {
		report(d, D_FIELD_TYPE, n->pos, p, "expected a number, found \"%s\"", n->text);
		return false;
	}
	if (real != floor(real)) {
		report(d, D_FIELD_TYPE, n->pos, p, "expected a whole number, found %s", n->text);
		return false;
	}
	if (real < (double)min || real > (double)max || fabs(real) >= 9.2e18) {
		report(d, D_FIELD_RANGE, n->pos, p, "%s is not within %lld and %lld", n->text, (long long)min,
		       (long long)max);
		return false;
	}
	*out = (int64_t)real;
	return true;
}

static bool read_double(struct decoder *d, const struct node *n, double *out, const struct path *p)
{
	char *end;
	double v;

	if (n->kind != NODE_NUMBER && n->kind != NODE_STRING)
		return expect(d, n, NODE_NUMBER, p);
	v = strtod(n->text, &end);
	if (end == n->text || *end || !isfinite(v)) {
		report(d, D_FIELD_TYPE, n->pos, p, "expected a number, found \"%s\"", n->text);
		return false;
	}
	*out = v;
	return true;
}

static bool read_duration(struct decoder *d, const struct node *n, int64_t *ns, const struct path *p)
{
	if (!expect(d, n, NODE_STRING, p))
		return false;
	if (!scalar_duration_ns(n->text, ns))
		return true;
	report(d, D_FIELD_FORMAT, n->pos, p, "\"%s\" is no duration such as 5s, 1.5h or 20ms", n->text);
	return false;
}

static bool read_time(struct decoder *d, const struct node *n, int64_t *ns, const struct path *p)
{
	if (!expect(d, n, NODE_STRING, p))
		return false;
	if (!scalar_time_ns(n->text, ns))
		return true;
	report(d, D_FIELD_FORMAT, n->pos, p, "\"%s\" is no RFC 3339 time", n->text);
	return false;
}

const char *enum_name(const struct enum_desc *e, int value)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].value == value)
			return e->v[i].name;
	}
	return NULL;
}

int enum_find(const struct enum_desc *e, const char *name, int *value)
{
	for (size_t i = 0; i < e->n; i++) {
		if (!strcmp(e->v[i].name, name)) {
			*value = e->v[i].value;
			return 0;
		}
	}
	return -1;
}

static bool read_enum(struct decoder *d, const struct node *n, const struct enum_desc *e, int *out,
		      const struct path *p)
{
	struct nearest near = {.wanted = n->kind == NODE_STRING ? n->text : ""};
	char all[400] = "";
	size_t used = 0;
	int64_t number;

	if (n->kind == NODE_STRING && !enum_find(e, n->text, out))
		return true;
	if (n->kind == NODE_NUMBER && !scalar_int(n->text, INT32_MIN, INT32_MAX, &number) && enum_name(e, (int)number)) {
		*out = (int)number;
		return true;
	}
	if (n->kind != NODE_STRING && n->kind != NODE_NUMBER)
		return expect(d, n, NODE_STRING, p);
	for (size_t i = 0; i < e->n && used < sizeof(all); i++) {
		nearest_offer(&near, e->v[i].name);
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", e->v[i].name);
	}
	if (near.best)
		report(d, D_FIELD_ENUM, n->pos, p, "\"%s\" is none of %s; did you mean %s?", n->text, all, near.best);
	else
		report(d, D_FIELD_ENUM, n->pos, p, "\"%.80s\" is none of %s", n->text, all);
	return false;
}

/* A NUL follows the bytes. */
static bool read_bytes(struct decoder *d, const struct node *n, bool strict, const uint8_t **out, size_t *size,
		       const struct path *p)
{
	uint8_t *bytes;
	ptrdiff_t len;

	if (!expect(d, n, NODE_STRING, p))
		return false;
	bytes = arena_alloc_raw(d->a, n->n / 4 * 3 + 4);
	len = scalar_base64(n->text, n->n, strict, bytes);
	if (len < 0) {
		report(d, D_FIELD_FORMAT, n->pos, p, "the text is no base64");
		return false;
	}
	bytes[len] = '\0';
	*out = bytes;
	*size = (size_t)len;
	return true;
}

static bool read_int_or_str(struct decoder *d, const struct node *n, struct int_or_str *out, const struct path *p)
{
	int64_t v;

	if (n->kind == NODE_STRING) {
		out->str = arena_strndup(d->a, n->text, n->n);
		return true;
	}
	if (!expect(d, n, NODE_NUMBER, p) || !read_int(d, n, 0, UINT32_MAX, &v, p))
		return false;
	*out = (struct int_or_str){.is_int = true, .num = (uint32_t)v};
	return true;
}

/* ---- maps ---- */

static int compare_members(const void *a, const void *b)
{
	const struct node_member *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static const struct node_member **sorted_members(struct decoder *d, const struct node *map)
{
	const struct node_member **v = arena_array(d->a, const struct node_member *, map->n);

	for (size_t i = 0; i < map->n; i++)
		v[i] = &map->map[i];
	if (map->n > 1)
		qsort(v, map->n, sizeof(void *), compare_members);
	return v;
}

static void read_strmap(struct decoder *d, const struct node *map, struct strmap *out, const struct path *p)
{
	const struct node_member **m;
	struct str_pair *v;

	if (!expect(d, map, NODE_MAP, p) || !map->n)
		return;
	m = sorted_members(d, map);
	v = arena_array(d->a, struct str_pair, map->n);
	for (size_t i = 0; i < map->n; i++) {
		struct path at = {.up = p, .key = m[i]->key};
		const char *value = "";

		if (m[i]->value.kind != NODE_NULL)
			value = read_text(d, &m[i]->value, &at);
		v[i] = (struct str_pair){arena_strdup(d->a, m[i]->key), value ? value : ""};
	}
	*out = (struct strmap){v, map->n};
}

static void read_u32map(struct decoder *d, const struct node *map, struct u32map *out, const struct path *p)
{
	const struct node_member **m;
	struct u32_pair *v;

	if (!expect(d, map, NODE_MAP, p) || !map->n)
		return;
	m = sorted_members(d, map);
	v = arena_array(d->a, struct u32_pair, map->n);
	for (size_t i = 0; i < map->n; i++) {
		struct path at = {.up = p, .key = m[i]->key};
		int64_t value = 0;

		read_int(d, &m[i]->value, 0, UINT32_MAX, &value, &at);
		v[i] = (struct u32_pair){arena_strdup(d->a, m[i]->key), (uint32_t)value};
	}
	*out = (struct u32map){v, map->n};
}

static void read_bytesmap(struct decoder *d, const struct node *map, struct bytesmap *out, const struct path *p)
{
	const struct node_member **m;
	struct bytes_pair *v;

	if (!expect(d, map, NODE_MAP, p) || !map->n)
		return;
	m = sorted_members(d, map);
	v = arena_array(d->a, struct bytes_pair, map->n);
	for (size_t i = 0; i < map->n; i++) {
		struct path at = {.up = p, .key = m[i]->key};

		v[i].key = arena_strdup(d->a, m[i]->key);
		if (m[i]->value.kind == NODE_NULL)
			v[i].p = (const uint8_t *)"";
		else
			read_bytes(d, &m[i]->value, true, &v[i].p, &v[i].n, &at);
	}
	*out = (struct bytesmap){v, map->n};
}

static void decode_into(struct decoder *d, const struct schema *s, const struct node *map, void *out,
			const struct path *p);

static void read_msgmap(struct decoder *d, const struct schema_field *f, const struct node *map, char *base,
			const struct path *p)
{
	const struct node_member **m;
	const char **keys;
	char *v;

	if (!expect(d, map, NODE_MAP, p) || !map->n)
		return;
	m = sorted_members(d, map);
	v = arena_alloc_n(d->a, map->n, f->msg->size);
	keys = arena_array(d->a, const char *, map->n);
	for (size_t i = 0; i < map->n; i++) {
		struct path at = {.up = p, .key = m[i]->key};

		keys[i] = arena_strdup(d->a, m[i]->key);
		if (expect(d, &m[i]->value, NODE_MAP, &at))
			decode_into(d, f->msg, &m[i]->value, v + i * f->msg->size, &at);
	}
	*(void **)(base + f->offset) = v;
	*(size_t *)(base + f->n_offset) = map->n;
	*(const char ***)(base + f->keys_offset) = keys;
}

/* ---- lists ---- */

static void read_msgs(struct decoder *d, const struct schema_field *f, const struct node *list, char *base,
		      const struct path *p)
{
	char *v = arena_alloc_n(d->a, list->n, f->msg->size);

	for (size_t i = 0; i < list->n; i++) {
		struct path at = {.up = p, .index = i};

		decode_into(d, f->msg, &list->list[i], v + i * f->msg->size, &at);
	}
	*(void **)(base + f->offset) = v;
	*(size_t *)(base + f->n_offset) = list->n;
}

static void read_strs(struct decoder *d, const struct node *list, struct strs *out, const struct path *p)
{
	const char **v = arena_array(d->a, const char *, list->n);

	for (size_t i = 0; i < list->n; i++) {
		struct path at = {.up = p, .index = i};

		v[i] = read_text(d, &list->list[i], &at);
		if (!v[i])
			v[i] = "";
	}
	*out = (struct strs){v, list->n};
}

static void read_u32s(struct decoder *d, const struct node *list, struct u32s *out, const struct path *p)
{
	uint32_t *v = arena_array(d->a, uint32_t, list->n);

	for (size_t i = 0; i < list->n; i++) {
		struct path at = {.up = p, .index = i};
		int64_t value = 0;

		read_int(d, &list->list[i], 0, UINT32_MAX, &value, &at);
		v[i] = (uint32_t)value;
	}
	*out = (struct u32s){v, list->n};
}

static void read_list(struct decoder *d, const struct schema_field *f, const struct node *n, char *base,
		      const struct path *p)
{
	void *m = base + f->offset;

	if (!expect(d, n, NODE_LIST, p) || !n->n)
		return;
	if (f->type == SCHEMA_MSGS)
		read_msgs(d, f, n, base, p);
	else if (f->type == SCHEMA_STRS)
		read_strs(d, n, m, p);
	else
		read_u32s(d, n, m, p);
}

/* ---- messages ---- */

static void read_message(struct decoder *d, const struct schema *s, const struct node *n, void **out,
			 const struct path *p)
{
	if (!expect(d, n, NODE_MAP, p))
		return;
	*out = arena_alloc(d->a, s->size);
	decode_into(d, s, n, *out, p);
}

static void read_whole(struct decoder *d, const struct schema_field *f, const struct node *n, void *m,
		       const struct path *p)
{
	int64_t v = 0;
	bool ok;

	switch (f->type) {
	case SCHEMA_U32:
		if (read_int(d, n, 0, UINT32_MAX, &v, p))
			*(uint32_t *)m = (uint32_t)v;
		break;
	case SCHEMA_OU32:
		ok = read_int(d, n, 0, UINT32_MAX, &v, p);
		*(struct opt_u32 *)m = (struct opt_u32){ok, (uint32_t)v};
		break;
	case SCHEMA_I32:
		if (read_int(d, n, INT32_MIN, INT32_MAX, &v, p))
			*(int32_t *)m = (int32_t)v;
		break;
	case SCHEMA_OI32:
		ok = read_int(d, n, INT32_MIN, INT32_MAX, &v, p);
		*(struct opt_i32 *)m = (struct opt_i32){ok, (int32_t)v};
		break;
	default:
		read_int(d, n, INT64_MIN, INT64_MAX, m, p);
		break;
	}
}

static void read_field(struct decoder *d, const struct schema_field *f, const struct node *n, char *base,
		       const struct path *p)
{
	void *m = base + f->offset;

	switch (f->type) {
	case SCHEMA_STR:
		*(const char **)m = read_text(d, n, p);
		break;
	case SCHEMA_STRS:
	case SCHEMA_U32S:
	case SCHEMA_MSGS:
		read_list(d, f, n, base, p);
		break;
	case SCHEMA_BOOL:
		*(bool *)m = expect(d, n, NODE_BOOL, p) && n->boolean;
		break;
	case SCHEMA_OBOOL:
		if (expect(d, n, NODE_BOOL, p))
			*(struct opt_bool *)m = (struct opt_bool){true, n->boolean};
		break;
	case SCHEMA_U32:
	case SCHEMA_OU32:
	case SCHEMA_I32:
	case SCHEMA_OI32:
	case SCHEMA_I64:
		read_whole(d, f, n, m, p);
		break;
	case SCHEMA_DBL:
		read_double(d, n, m, p);
		break;
	case SCHEMA_ODBL:
		((struct opt_double *)m)->has = read_double(d, n, &((struct opt_double *)m)->v, p);
		break;
	case SCHEMA_DUR:
		((struct opt_duration *)m)->has = read_duration(d, n, &((struct opt_duration *)m)->ns, p);
		break;
	case SCHEMA_ENUM:
		read_enum(d, n, f->values, m, p);
		break;
	case SCHEMA_MSG:
		read_message(d, f->msg, n, m, p);
		break;
	case SCHEMA_STRMAP:
		read_strmap(d, n, m, p);
		break;
	case SCHEMA_U32MAP:
		read_u32map(d, n, m, p);
		break;
	case SCHEMA_BYTESMAP:
		read_bytesmap(d, n, m, p);
		break;
	case SCHEMA_MSGMAP:
		read_msgmap(d, f, n, base, p);
		break;
	case SCHEMA_INTSTR:
		read_int_or_str(d, n, m, p);
		break;
	case SCHEMA_BYTES:
		read_bytes(d, n, false, m, (size_t *)(base + f->n_offset), p);
		break;
	case SCHEMA_TIME:
		read_time(d, n, m, p);
		break;
	case SCHEMA_NODE:
		*(const struct node **)m = node_copy(n, d->a);
		break;
	}
}

/* "proto_name" (n bytes) against "protoName": '_' goes, and the letter behind it is upper case. */
static bool is_proto_name(const char *key, size_t n, const char *json)
{
	for (const char *end = key + n; key < end; key++) {
		char c = *key;

		if (c == '_') {
			if (++key == end)
				return false;
			c = *key;
			if (c >= 'a' && c <= 'z')
				c = (char)(c - 'a' + 'A');
		}
		if (c != *json++)
			return false;
	}
	return !*json;
}

const struct schema_field *schema_find(const struct schema *s, const char *key, size_t n)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *name = s->fields[i].name;

		if (*name == *key && !strncmp(name, key, n) && !name[n])
			return &s->fields[i];
	}
	if (s->open || !memchr(key, '_', n))
		return NULL;
	for (size_t i = 0; i < s->n; i++) {
		if (is_proto_name(key, n, s->fields[i].name))
			return &s->fields[i];
	}
	return NULL;
}

static void unknown_field(struct decoder *d, const struct schema *s, const struct node_member *m,
			  const struct path *p)
{
	enum diag_code code = d->mode == SCHEMA_STRICT ? D_FIELD_UNKNOWN : D_FIELD_IGNORED;
	struct path at = {.up = p, .key = m->key};
	struct nearest near = {.wanted = m->key};

	for (size_t i = 0; i < s->n; i++)
		nearest_offer(&near, s->fields[i].name);
	if (near.best)
		report(d, code, m->pos, &at, "unknown field \"%s\"; did you mean \"%s\"?", m->key, near.best);
	else
		report(d, code, m->pos, &at, "unknown field \"%.100s\"", m->key);
}

/* An empty list, an empty map and null say no more than leaving the field out. */
static bool is_absent(const struct schema_field *f, const struct node *n)
{
	if (n->kind == NODE_NULL)
		return true;
	if (n->kind == NODE_LIST)
		return !n->n && (f->type == SCHEMA_STRS || f->type == SCHEMA_U32S || f->type == SCHEMA_MSGS);
	if (n->kind == NODE_MAP)
		return !n->n && (f->type == SCHEMA_STRMAP || f->type == SCHEMA_U32MAP ||
				 f->type == SCHEMA_BYTESMAP || f->type == SCHEMA_MSGMAP);
	return false;
}

static void check_flags(struct decoder *d, const struct schema_field *f, struct pos pos, const struct path *p,
			const struct schema_field **chosen)
{
	unsigned group = f->flags & SCHEMA_ONEOF_MASK;

	if (f->flags & SCHEMA_NOT_IN_EFFECT)
		report(d, D_FIELD_NOT_IN_EFFECT, pos, p, "%s is not in effect", f->name);
	if (f->flags & SCHEMA_DEPRECATED)
		report(d, D_FIELD_DEPRECATED, pos, p, "%s is deprecated: %s", f->name, f->doc);
	if (!group)
		return;
	must(group < ONEOFS_MAX);
	if (chosen[group] && chosen[group] != f)
		report(d, D_FIELD_ONEOF, pos, p, "%s and %s exclude each other", chosen[group]->name, f->name);
	chosen[group] = f;
}

/* A required field with nothing in it: absent, or an empty text. */
static bool is_missing(const struct schema_field *f, const char *base)
{
	const char *text;

	switch (f->type) {
	case SCHEMA_STR:
		text = *(const char *const *)(base + f->offset);
		return !text || !*text;
	case SCHEMA_MSG:
		return !*(void *const *)(base + f->offset);
	case SCHEMA_STRS:
		return !((const struct strs *)(base + f->offset))->n;
	case SCHEMA_MSGS:
		return !*(const size_t *)(base + f->n_offset);
	case SCHEMA_DUR:
		return !((const struct opt_duration *)(base + f->offset))->has;
	case SCHEMA_U32:
		return !*(const uint32_t *)(base + f->offset);
	default:
		return false;
	}
}

static void check_required(struct decoder *d, const struct schema *s, const struct node *map, const char *base,
			   size_t errors, const struct path *p)
{
	/* what has been refused above is not missing as well */
	if (d->ds->nerrors > errors)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct path at = {.up = p, .key = s->fields[i].name};

		if ((s->fields[i].flags & SCHEMA_REQUIRED) && is_missing(&s->fields[i], base))
			report(d, D_FIELD_REQUIRED, map->pos, &at, "%s is required", s->fields[i].name);
	}
}

static void decode_into(struct decoder *d, const struct schema *s, const struct node *map, void *out,
			const struct path *p)
{
	const struct schema_field *chosen[ONEOFS_MAX] = {0};
	size_t errors = d->ds->nerrors;

	*(struct pos *)out = map->pos;
	if (map->kind != NODE_NULL && !expect(d, map, NODE_MAP, p))
		return;
	for (size_t i = 0; map->kind == NODE_MAP && i < map->n; i++) {
		const struct node_member *m = &map->map[i];
		const struct schema_field *f = schema_find(s, m->key, strlen(m->key));
		struct path at = {.up = p, .key = m->key};

		if (!f) {
			if (!s->open)
				unknown_field(d, s, m, p);
			continue;
		}
		if (is_absent(f, &m->value))
			continue;
		check_flags(d, f, m->pos, &at, chosen);
		read_field(d, f, &m->value, out, &at);
	}
	check_required(d, s, map, out, errors, p);
}

void *schema_decode(const struct schema *s, const struct node *map, const char *path, enum schema_mode mode,
		    struct arena *a, struct diags *ds)
{
	struct decoder d = {.mode = mode, .a = a, .ds = ds};
	struct path p = {.key = path};
	void *out = arena_alloc(a, s->size);

	decode_into(&d, s, map, out, &p);
	return out;
}

/* Of n sorted pairs, each of that size and beginning with its key; NULL if there is none. */
static const void *find_pair(const void *v, size_t n, size_t size, const char *key)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *const *pair = (const void *)((const char *)v + mid * size);
		int c = strcmp(key, *pair);

		if (!c)
			return pair;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const char *strmap_get(const struct strmap *m, const char *key)
{
	const struct str_pair *pair = find_pair(m->v, m->n, sizeof(*pair), key);

	return pair ? pair->value : NULL;
}

const struct bytes_pair *bytesmap_get(const struct bytesmap *m, const char *key)
{
	return find_pair(m->v, m->n, sizeof(m->v[0]), key);
}

bool strs_has(const struct strs *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->v[i], text))
			return true;
	}
	return false;
}

/* The bytes of a field, its counts included: up to the next one, in the order of declaration. */
static size_t field_size(const struct schema *s, size_t i)
{
	return (i + 1 < s->n ? s->fields[i + 1].offset : s->size) - s->fields[i].offset;
}

static bool is_zero(const char *p, size_t n)
{
	while (n && !p[n - 1])
		n--;
	return !n;
}

void *schema_merge(const struct schema *s, const void *under, const void *over, struct arena *a)
{
	char *out = arena_copy(a, under, s->size);

	for (size_t i = 0; i < s->n; i++) {
		const struct schema_field *f = &s->fields[i];
		const char *from = (const char *)over + f->offset;
		void **mine = (void **)(out + f->offset);
		size_t size = field_size(s, i);

		if (is_zero(from, size))
			continue;
		if (f->type == SCHEMA_MSG && *mine)
			*mine = schema_merge(f->msg, *mine, *(void *const *)from, a);
		else
			memcpy(mine, from, size);
	}
	return out;
}
