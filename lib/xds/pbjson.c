/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/pbjson.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/scalar.h"

#define SECONDS_MAX INT64_C(315576000000)	/* of a Duration: 10,000 years */
#define TIME_MIN INT64_C(-62135596800)		/* of a Timestamp: year 1 to 9999 */
#define TIME_MAX INT64_C(253402300799)
#define SCRATCH_MAX ((size_t)512 << 20)

struct printer {
	struct buf *out;
	struct arena *scratch;
	struct err *err;
	unsigned flags, depth;
};

/* All items of a message, grouped by field; `order` is their place on the wire. */
struct item {
	struct pb_item it;
	size_t order;
	const struct pb_field *field;
};

struct items {
	struct item *v;
	size_t n;
};

/* One field with its items. */
struct group {
	const struct pb_field *f;
	const struct item *v;
	size_t n;
};

static int print_message(struct printer *p, const struct pb_msg *m, struct pb_bytes b);

static int malformed(struct printer *p, const struct pb_msg *m)
{
	return err_set(p->err, ERR_SYNTAX, "%s: malformed", m->name);
}

static int by_number(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->it.number != y->it.number)
		return x->it.number < y->it.number ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int collect(struct printer *p, const struct pb_msg *m, struct pb_bytes b, struct items *out)
{
	struct pb_scan s = pb_scan(b);
	struct pb_item it;
	bool sorted = true;
	size_t n = 0;

	while (pb_scan_next(&s, &it))
		n++;
	if (s.bad)
		return malformed(p, m);
	*out = (struct items){arena_array(p->scratch, struct item, n + 1), 0};
	s = pb_scan(b);
	while (pb_scan_next(&s, &it)) {
		const struct pb_field *f = pb_field_find(m, it.number);

		if (!f || !pb_item_fits(f, &it))
			continue;
		sorted = sorted && (!out->n || out->v[out->n - 1].it.number <= it.number);
		out->v[out->n] = (struct item){it, out->n, f};
		out->n++;
	}
	if (!sorted)
		qsort(out->v, out->n, sizeof(*out->v), by_number);
	return 0;
}

/* Of the members of a oneof the last on the wire counts. */
static bool superseded(const struct items *items, const struct group *g)
{
	size_t last = g->v[g->n - 1].order;

	for (size_t i = 0; i < items->n; i++) {
		const struct item *x = &items->v[i];

		if (x->field->oneof == g->f->oneof && x->field != g->f && x->order > last)
			return true;
	}
	return false;
}

/* ---- text ---- */

static void new_line(struct printer *p)
{
	if (!(p->flags & PBJSON_INDENT))
		return;
	buf_char(p->out, '\n');
	for (unsigned i = 0; i < p->depth; i++)
		buf_str(p->out, "  ");
}

static void open_block(struct printer *p, char c)
{
	buf_char(p->out, c);
	p->depth++;
}

/* Before each member of a block. */
static void next_member(struct printer *p, bool *any)
{
	if (*any)
		buf_char(p->out, ',');
	*any = true;
	new_line(p);
}

static void close_block(struct printer *p, char c, bool any)
{
	p->depth--;
	if (any)
		new_line(p);
	buf_char(p->out, c);
}

static void after_key(struct printer *p)
{
	buf_str(p->out, p->flags & PBJSON_INDENT ? ": " : ":");
}

static void print_name(struct printer *p, const char *name)
{
	bool up = false;

	buf_char(p->out, '"');
	for (const char *c = name; *c; c++) {
		if (*c == '_' && !(p->flags & PBJSON_SNAKE)) {
			up = true;
			continue;
		}
		buf_char(p->out, up && *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
		up = false;
	}
	buf_char(p->out, '"');
	after_key(p);
}

static void print_escaped(struct buf *out, unsigned char c)
{
	switch (c) {
	case '"':
		buf_str(out, "\\\"");
		break;
	case '\\':
		buf_str(out, "\\\\");
		break;
	case '\n':
		buf_str(out, "\\n");
		break;
	case '\r':
		buf_str(out, "\\r");
		break;
	case '\t':
		buf_str(out, "\\t");
		break;
	default:
		buf_printf(out, "\\u%04x", c);
	}
}

static int print_string(struct printer *p, struct pb_bytes b)
{
	size_t start = 0;

	if (!b.n) {
		buf_str(p->out, "\"\"");
		return 0;
	}
	if (!scalar_is_utf8((const char *)b.p, b.n))
		return err_set(p->err, ERR_SYNTAX, "a string is not valid UTF-8");
	buf_char(p->out, '"');
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] >= 0x20 && b.p[i] != '"' && b.p[i] != '\\')
			continue;
		buf_append(p->out, b.p + start, i - start);
		print_escaped(p->out, b.p[i]);
		start = i + 1;
	}
	buf_append(p->out, b.p + start, b.n - start);
	buf_char(p->out, '"');
	return 0;
}

static void print_base64(struct printer *p, struct pb_bytes b)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	buf_char(p->out, '"');
	for (size_t i = 0; i < b.n; i += 3) {
		size_t left = b.n - i;
		uint32_t v = (uint32_t)b.p[i] << 16 | (left > 1 ? (uint32_t)b.p[i + 1] << 8 : 0) |
			     (left > 2 ? b.p[i + 2] : 0);
		char quad[4] = {digit[v >> 18], digit[v >> 12 & 63],
				left > 1 ? digit[v >> 6 & 63] : '=', left > 2 ? digit[v & 63] : '='};

		buf_append(p->out, quad, 4);
	}
	buf_char(p->out, '"');
}

static void print_double(struct printer *p, double d, bool single)
{
	char text[32];

	if (isnan(d))
		buf_str(p->out, "\"NaN\"");
	else if (isinf(d))
		buf_str(p->out, d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	else
		buf_str(p->out, pb_double_text(d, single, text));
}

static double as_float(uint64_t v)
{
	uint32_t bits = (uint32_t)v;
	float f;

	memcpy(&f, &bits, sizeof(f));
	return (double)f;
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void print_enum(struct printer *p, const struct pb_enum *e, int32_t v)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->values[i].number == v) {
			buf_printf(p->out, "\"%s\"", e->values[i].name);
			return;
		}
	}
	buf_printf(p->out, "%" PRId32, v);
}

static void print_number(struct printer *p, const struct pb_field *f, uint64_t v)
{
	switch (f->kind) {
	case PB_DOUBLE:
		print_double(p, pb_double(v), false);
		break;
	case PB_FLOAT:
		print_double(p, as_float(v), true);
		break;
	case PB_INT64:
	case PB_SFIXED64:
		buf_printf(p->out, "\"%" PRId64 "\"", (int64_t)v);
		break;
	case PB_SINT64:
		buf_printf(p->out, "\"%" PRId64 "\"", unzigzag(v));
		break;
	case PB_UINT64:
	case PB_FIXED64:
		buf_printf(p->out, "\"%" PRIu64 "\"", v);
		break;
	case PB_INT32:
	case PB_SFIXED32:
		buf_printf(p->out, "%" PRId32, (int32_t)v);
		break;
	case PB_SINT32:
		buf_printf(p->out, "%" PRId32, (int32_t)unzigzag((uint32_t)v));
		break;
	case PB_BOOL:
		buf_str(p->out, v ? "true" : "false");
		break;
	case PB_ENUM:
		print_enum(p, f->enm, (int32_t)v);
		break;
	default:
		buf_printf(p->out, "%" PRIu32, (uint32_t)v);
	}
}

/* ---- fields ---- */

static int print_value(struct printer *p, const struct pb_field *f, const struct pb_item *it)
{
	if (f->kind == PB_MESSAGE)
		return print_message(p, f->msg, it->b);
	if (f->kind == PB_STRING)
		return print_string(p, it->b);
	if (f->kind == PB_BYTES)
		print_base64(p, it->b);
	else
		print_number(p, f, it->v);
	return 0;
}

static bool is_default(const struct pb_field *f, const struct pb_item *it)
{
	if (f->kind == PB_STRING || f->kind == PB_BYTES)
		return !it->b.n;
	if (f->kind == PB_INT32 || f->kind == PB_UINT32 || f->kind == PB_ENUM)
		return !(uint32_t)it->v;
	return !it->v;
}

/* The halves of a singular message that stands more than once are merged; that is what the
 * concatenation of their bytes means. */
static struct pb_bytes merged(struct printer *p, const struct group *g)
{
	size_t n = 0, at = 0;
	uint8_t *all;

	if (g->n == 1)
		return g->v[0].it.b;
	for (size_t i = 0; i < g->n; i++)
		n += g->v[i].it.b.n;
	all = arena_alloc(p->scratch, n);
	for (size_t i = 0; i < g->n; i++) {
		if (g->v[i].it.b.n)
			memcpy(all + at, g->v[i].it.b.p, g->v[i].it.b.n);
		at += g->v[i].it.b.n;
	}
	return (struct pb_bytes){all, n};
}

static int print_packed(struct printer *p, const struct pb_field *f, struct pb_bytes b, bool *any)
{
	struct pb_scan s = pb_scan(b);
	uint64_t v;

	while (pb_scan_packed(&s, f->kind, &v)) {
		next_member(p, any);
		print_number(p, f, v);
	}
	return s.bad ? err_set(p->err, ERR_SYNTAX, "%s: malformed", f->name) : 0;
}

static bool is_packed(const struct pb_field *f, const struct pb_item *it)
{
	return it->wire == PBW_LENGTH && f->kind != PB_STRING && f->kind != PB_BYTES &&
	       f->kind != PB_MESSAGE;
}

static int print_list(struct printer *p, const struct group *g)
{
	bool any = false;

	open_block(p, '[');
	for (size_t i = 0; i < g->n; i++) {
		const struct pb_item *it = &g->v[i].it;

		if (is_packed(g->f, it)) {
			if (print_packed(p, g->f, it->b, &any))
				return -1;
			continue;
		}
		next_member(p, &any);
		if (print_value(p, g->f, it))
			return -1;
	}
	close_block(p, ']', any);
	return 0;
}

/* The last item of each of key and value; an absent one is the default. */
static int print_entry(struct printer *p, const struct pb_msg *entry, struct pb_bytes b)
{
	const struct pb_field *key = &entry->fields[0], *value = &entry->fields[1];
	struct pb_item k = {0}, v = {0}, it;
	struct pb_scan s = pb_scan(b);

	while (pb_scan_next(&s, &it)) {
		if (it.number == 1 && pb_item_fits(key, &it))
			k = it;
		else if (it.number == 2 && pb_item_fits(value, &it))
			v = it;
	}
	if (s.bad)
		return malformed(p, entry);
	if (key->kind == PB_STRING) {
		if (print_string(p, k.b))
			return -1;
	} else {
		bool quoted = key->kind == PB_INT64 || key->kind == PB_UINT64 || key->kind == PB_SINT64 ||
			      key->kind == PB_FIXED64 || key->kind == PB_SFIXED64;

		buf_str(p->out, quoted ? "" : "\"");
		print_number(p, key, k.v);
		buf_str(p->out, quoted ? "" : "\"");
	}
	after_key(p);
	return print_value(p, value, &v);
}

static int print_map(struct printer *p, const struct group *g)
{
	bool any = false;

	open_block(p, '{');
	for (size_t i = 0; i < g->n; i++) {
		next_member(p, &any);
		if (print_entry(p, g->f->msg, g->v[i].it.b))
			return -1;
	}
	close_block(p, '}', any);
	return 0;
}

static bool is_absent(const struct group *g)
{
	const struct pb_field *f = g->f;

	if (f->kind == PB_MESSAGE || (!(f->flags & PB_REPEATED) && (f->flags & PB_ONEOF)))
		return false;
	if (!(f->flags & PB_REPEATED))
		return is_default(f, &g->v[g->n - 1].it);
	for (size_t i = 0; i < g->n; i++)
		if (!is_packed(f, &g->v[i].it) || g->v[i].it.b.n)
			return false;
	return true;
}

static int print_field_value(struct printer *p, const struct group *g)
{
	if (g->f->flags & PB_MAP)
		return print_map(p, g);
	if (g->f->flags & PB_REPEATED)
		return print_list(p, g);
	if (g->f->kind == PB_MESSAGE)
		return print_message(p, g->f->msg, merged(p, g));
	return print_value(p, g->f, &g->v[g->n - 1].it);
}

/* The members of a plain message, within the block of the caller. */
static int print_fields(struct printer *p, const struct pb_msg *m, struct pb_bytes b, bool *any)
{
	struct items items;

	if (collect(p, m, b, &items))
		return -1;
	for (size_t i = 0; i < items.n;) {
		struct group g = {items.v[i].field, &items.v[i], 0};

		while (i < items.n && items.v[i].field == g.f) {
			g.n++;
			i++;
		}
		if (is_absent(&g) || (g.f->oneof && superseded(&items, &g)))
			continue;
		next_member(p, any);
		print_name(p, g.f->name);
		if (print_field_value(p, &g))
			return -1;
	}
	return 0;
}

/* ---- messages with a form of their own ---- */

/* Fields 1 and 2 of the small messages below, the last of each. */
static int two_fields(struct printer *p, const struct pb_msg *m, struct pb_bytes b,
		      struct pb_item out[2])
{
	struct pb_scan s = pb_scan(b);
	struct pb_item it;

	out[0] = out[1] = (struct pb_item){0};
	while (pb_scan_next(&s, &it)) {
		const struct pb_field *f = pb_field_find(m, it.number);

		if (f && it.number <= 2 && pb_item_fits(f, &it))
			out[it.number - 1] = it;
	}
	return s.bad ? malformed(p, m) : 0;
}

static int print_any(struct printer *p, const struct pb_msg *any_type, struct pb_bytes b)
{
	struct pb_item it[2];
	const struct pb_msg *m;
	bool any = false;

	if (two_fields(p, any_type, b, it))
		return -1;
	open_block(p, '{');
	if (it[0].b.n) {
		next_member(p, &any);
		buf_str(p->out, "\"@type\"");
		after_key(p);
		if (print_string(p, it[0].b))
			return -1;
		m = pb_type_find((const char *)it[0].b.p, it[0].b.n);
		if (m && m->form == PB_PLAIN) {
			if (print_fields(p, m, it[1].b, &any))
				return -1;
		} else {
			next_member(p, &any);
			print_name(p, "value");
			if (!m)
				print_base64(p, it[1].b);
			else if (print_message(p, m, it[1].b))
				return -1;
		}
	}
	close_block(p, '}', any);
	return 0;
}

static void print_fraction(struct printer *p, uint32_t ns)
{
	if (!ns)
		return;
	if (ns % 1000000 == 0)
		buf_printf(p->out, ".%03u", ns / 1000000);
	else if (ns % 1000 == 0)
		buf_printf(p->out, ".%06u", ns / 1000);
	else
		buf_printf(p->out, ".%09u", ns);
}

static int print_duration(struct printer *p, const struct pb_msg *m, struct pb_bytes b)
{
	struct pb_item it[2];
	int64_t s;
	int32_t ns;

	if (two_fields(p, m, b, it))
		return -1;
	s = (int64_t)it[0].v;
	ns = (int32_t)it[1].v;
	if (s > SECONDS_MAX || s < -SECONDS_MAX || ns <= -1000000000 || ns >= 1000000000 ||
	    (s > 0 && ns < 0) || (s < 0 && ns > 0))
		return err_set(p->err, ERR_SYNTAX, "a duration is out of range");
	buf_str(p->out, s < 0 || ns < 0 ? "\"-" : "\"");
	buf_printf(p->out, "%" PRId64, s < 0 ? -s : s);
	print_fraction(p, (uint32_t)(ns < 0 ? -ns : ns));
	buf_str(p->out, "s\"");
	return 0;
}

/* Days since 1970 to a date of the Gregorian calendar: years begin in March, eras have 400 years. */
static void print_date(struct printer *p, int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;

	buf_printf(p->out, "%04d-%02d-%02d", (int)(yoe + era * 400 + (month <= 2)), (int)month,
		   (int)(doy - (153 * mp + 2) / 5 + 1));
}

static int print_timestamp(struct printer *p, const struct pb_msg *m, struct pb_bytes b)
{
	struct pb_item it[2];
	int64_t s, days, rest;
	int32_t ns;

	if (two_fields(p, m, b, it))
		return -1;
	s = (int64_t)it[0].v;
	ns = (int32_t)it[1].v;
	if (s < TIME_MIN || s > TIME_MAX || ns < 0 || ns >= 1000000000)
		return err_set(p->err, ERR_SYNTAX, "a timestamp is out of range");
	days = s / 86400 - (s % 86400 < 0);
	rest = s - days * 86400;
	buf_char(p->out, '"');
	print_date(p, days);
	buf_printf(p->out, "T%02d:%02d:%02d", (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
	print_fraction(p, (uint32_t)ns);
	buf_str(p->out, "Z\"");
	return 0;
}

/* The one field of Struct, ListValue and the wrappers; the one that is set of Value. */
static int print_only_field(struct printer *p, const struct pb_msg *m, struct pb_bytes b)
{
	static const char *const empty[] = {[PB_STRUCT] = "{}", [PB_LIST] = "[]", [PB_VALUE] = "null"};
	struct items items;
	size_t first, last = 0;
	struct group g;

	if (collect(p, m, b, &items))
		return -1;
	if (!items.n && m->form == PB_WRAPPER)
		return print_value(p, &m->fields[0], &(struct pb_item){0});
	for (size_t i = 1; i < items.n; i++)
		last = items.v[i].order > items.v[last].order ? i : last;
	if (!items.n || (m->form == PB_VALUE && items.v[last].field->kind == PB_ENUM)) {
		buf_str(p->out, empty[m->form]);
		return 0;
	}
	for (first = last; first && items.v[first - 1].field == items.v[last].field;)
		first--;
	g = (struct group){items.v[last].field, &items.v[first], last - first + 1};
	if (m->form == PB_VALUE && g.f->kind == PB_DOUBLE && !isfinite(pb_double(g.v[g.n - 1].it.v)))
		return err_set(p->err, ERR_SYNTAX, "a number of a Value is not finite");
	return print_field_value(p, &g);
}

static int print_by_form(struct printer *p, const struct pb_msg *m, struct pb_bytes b)
{
	bool any = false;

	switch (m->form) {
	case PB_ANY:
		return print_any(p, m, b);
	case PB_TIME_SPAN:
		return print_duration(p, m, b);
	case PB_TIME_POINT:
		return print_timestamp(p, m, b);
	case PB_PLAIN:
		open_block(p, '{');
		if (print_fields(p, m, b, &any))
			return -1;
		close_block(p, '}', any);
		return 0;
	default:
		return print_only_field(p, m, b);
	}
}

static int print_message(struct printer *p, const struct pb_msg *m, struct pb_bytes b)
{
	struct arena_mark mark = arena_mark(p->scratch);
	unsigned depth = p->depth;
	int r;

	if (depth >= PBJSON_DEPTH_MAX)
		return err_set(p->err, ERR_LIMIT, "%s: nested deeper than %d", m->name, PBJSON_DEPTH_MAX);
	r = print_by_form(p, m, b);
	arena_rewind(p->scratch, mark);
	return r;
}

int pbjson_print(const struct pb_msg *m, struct pb_bytes b, unsigned flags, struct buf *out,
		 struct err *err)
{
	struct arena scratch;
	struct arena_guard g;
	struct printer p = {out, &scratch, err, flags, 0};
	int r;

	arena_init(&scratch, SCRATCH_MAX);
	if (arena_guard(&scratch, &g)) {
		arena_fini(&scratch);
		return err_set(err, ERR_LIMIT, "%s: too large", m->name);
	}
	r = print_message(&p, m, b);
	arena_unguard(&scratch, &g);
	arena_fini(&scratch);
	if (!r && out->failed)
		r = err_set(err, ERR_LIMIT, "%s: more text than %zu bytes", m->name, out->cap);
	return r;
}
