/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/pbscan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scalar.h"
#include "pb/tables.h"

#define FIELD_NUMBER_MAX ((1u << 29) - 1)

const struct pb_field *pb_field_find(const struct pb_msg *m, uint32_t number)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (m->fields[mid].number == number)
			return &m->fields[mid];
		if (m->fields[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int compare_name(const char *name, const char *s, size_t n)
{
	size_t len = strlen(name);
	int cmp = memcmp(name, s, len < n ? len : n);

	return cmp ? cmp : (len > n) - (len < n);
}

const struct pb_msg *pb_type_find(const char *url, size_t n)
{
	const char *slash = n ? memrchr(url, '/', n) : NULL;
	size_t lo = 0, hi = pb_types_n;

	if (slash) {
		n -= (size_t)(slash + 1 - url);
		url = slash + 1;
	}
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int cmp = compare_name(pb_types[mid]->name, url, n);

		if (!cmp)
			return pb_types[mid];
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte;

		if (*p == end)
			return false;
		byte = *(*p)++;
		if (shift == 63 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

static bool read_fixed(const uint8_t **p, const uint8_t *end, unsigned n, uint64_t *out)
{
	uint64_t v = 0;

	if ((size_t)(end - *p) < n)
		return false;
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)(*p)[i] << 8 * i;
	*p += n;
	*out = v;
	return true;
}

static bool read_value(struct pb_scan *s, struct pb_item *it)
{
	switch (it->wire) {
	case PBW_VARINT:
		return read_varint(&s->p, s->end, &it->v);
	case PBW_FIXED64:
		return read_fixed(&s->p, s->end, 8, &it->v);
	case PBW_FIXED32:
		return read_fixed(&s->p, s->end, 4, &it->v);
	case PBW_LENGTH:
		if (!read_varint(&s->p, s->end, &it->v) || it->v > (size_t)(s->end - s->p))
			return false;
		it->b = (struct pb_bytes){s->p, (size_t)it->v};
		s->p += it->b.n;
		return true;
	}
	return false;
}

bool pb_scan_next(struct pb_scan *s, struct pb_item *it)
{
	uint64_t tag;

	if (s->bad || s->p == s->end)
		return false;
	if (read_varint(&s->p, s->end, &tag) && tag >> 3 && tag >> 3 <= FIELD_NUMBER_MAX) {
		*it = (struct pb_item){.number = (uint32_t)(tag >> 3), .wire = tag & 7};
		if (read_value(s, it))
			return true;
	}
	s->bad = true;
	return false;
}

uint8_t pb_wire_of(enum pb_kind kind)
{
	switch (kind) {
	case PB_DOUBLE:
	case PB_FIXED64:
	case PB_SFIXED64:
		return PBW_FIXED64;
	case PB_FLOAT:
	case PB_FIXED32:
	case PB_SFIXED32:
		return PBW_FIXED32;
	case PB_STRING:
	case PB_BYTES:
	case PB_MESSAGE:
		return PBW_LENGTH;
	default:
		return PBW_VARINT;
	}
}

bool pb_scan_packed(struct pb_scan *s, enum pb_kind kind, uint64_t *v)
{
	uint8_t wire = pb_wire_of(kind);
	bool ok;

	if (s->bad || s->p == s->end)
		return false;
	ok = wire == PBW_VARINT ? read_varint(&s->p, s->end, v)
	     : read_fixed(&s->p, s->end, wire == PBW_FIXED64 ? 8 : 4, v);
	s->bad = !ok;
	return ok;
}

bool pb_item_fits(const struct pb_field *f, const struct pb_item *it)
{
	uint8_t wire = pb_wire_of(f->kind);

	return it->wire == wire || (it->wire == PBW_LENGTH && (f->flags & PB_REPEATED));
}

char *pb_double_text(double d, bool single, char out[32])
{
	for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
		snprintf(out, 32, "%.*g", digits, d);
		if (single ? strtof(out, NULL) == (float)d : strtod(out, NULL) == d)
			break;
	}
	return out;
}

struct check {
	const struct pb_limits *lim;
	size_t items;
	struct err *err;
};

static int check_message(struct check *c, const struct pb_msg *m, struct pb_bytes b, unsigned depth);

static int check_packed(struct check *c, const struct pb_msg *m, const struct pb_field *f,
			struct pb_bytes b)
{
	struct pb_scan s = pb_scan(b);
	uint64_t v;

	while (pb_scan_packed(&s, f->kind, &v))
		c->items++;
	if (s.bad)
		return err_set(c->err, ERR_SYNTAX, "%s.%s: malformed", m->name, f->name);
	return 0;
}

static int check_item(struct check *c, const struct pb_msg *m, const struct pb_item *it, unsigned depth)
{
	const struct pb_field *f = pb_field_find(m, it->number);

	if (!f || !pb_item_fits(f, it))
		return 0;
	if (f->kind == PB_MESSAGE)
		return check_message(c, f->msg, it->b, depth + 1);
	if (f->kind == PB_STRING && it->b.n && !scalar_is_utf8((const char *)it->b.p, it->b.n))
		return err_set(c->err, ERR_SYNTAX, "%s.%s: not valid UTF-8", m->name, f->name);
	if (it->wire == PBW_LENGTH && pb_wire_of(f->kind) != PBW_LENGTH)
		return check_packed(c, m, f, it->b);
	return 0;
}

static int check_any(struct check *c, struct pb_bytes url, struct pb_bytes value, unsigned depth)
{
	const struct pb_msg *m = url.n ? pb_type_find((const char *)url.p, url.n) : NULL;

	return m ? check_message(c, m, value, depth + 1) : 0;
}

static int check_message(struct check *c, const struct pb_msg *m, struct pb_bytes b, unsigned depth)
{
	struct pb_scan s = pb_scan(b);
	struct pb_bytes any[3] = {{0}};
	struct pb_item it;

	if (depth > c->lim->depth)
		return err_set(c->err, ERR_LIMIT, "%s: nested deeper than %u", m->name, c->lim->depth);
	while (pb_scan_next(&s, &it)) {
		if (++c->items > c->lim->items)
			return err_set(c->err, ERR_LIMIT, "%s: more than %zu fields", m->name,
				       c->lim->items);
		if (check_item(c, m, &it, depth))
			return -1;
		if (m->form == PB_ANY && it.number <= 2 && it.wire == PBW_LENGTH)
			any[it.number] = it.b;
	}
	if (s.bad)
		return err_set(c->err, ERR_SYNTAX, "%s: malformed", m->name);
	return m->form == PB_ANY ? check_any(c, any[1], any[2], depth) : 0;
}

int pb_check(const struct pb_msg *m, struct pb_bytes b, const struct pb_limits *lim,
	     struct err *err)
{
	struct check c = {lim, 0, err};

	if (b.n > lim->bytes)
		return err_set(err, ERR_LIMIT, "%s: %zu bytes, %zu are allowed", m->name, b.n, lim->bytes);
	return check_message(&c, m, b, 1);
}
