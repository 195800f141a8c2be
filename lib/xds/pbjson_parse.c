/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "pb/tables.h"
#include "xds/pbjson.h"

struct parser {
	struct pbw w;
	struct arena *arena;
	struct err *err;
	unsigned flags, depth;
};

static int put_message(struct parser *p, struct pbw_at at, const struct pb_msg *m, json_t *v);

static int wrong(struct parser *p, const struct pb_field *f, const char *want)
{
	return err_set(p->err, ERR_SYNTAX, "%s: %s is wanted", f->name, want);
}

/* ---- names ---- */

/* True when key is the field's name in camelCase. */
static bool is_camel(const char *name, const char *key)
{
	for (; *name; name++, key++) {
		if (*name == '_' && name[1]) {
			name++;
			if (*key != (*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name))
				return false;
		} else if (*key != *name) {
			return false;
		}
	}
	return !*key;
}

static bool names_field(const char *key, const struct pb_msg *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->fields[i].name, key) || is_camel(m->fields[i].name, key))
			return true;
	return false;
}

static json_t *member_of(json_t *object, const struct pb_field *f)
{
	json_t *v = json_object_get(object, f->name);
	const char *key;
	json_t *x;

	if (v || !strchr(f->name, '_'))
		return v;
	json_object_foreach(object, key, x)
		if (is_camel(f->name, key))
			return x;
	return NULL;
}

/* ---- scalars ---- */

static bool integral(double d, int64_t *out)
{
	if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != trunc(d))
		return false;
	*out = (int64_t)d;
	return true;
}

static bool read_signed(json_t *v, const char *text, int64_t min, int64_t max, uint64_t *out)
{
	int64_t n;

	if (text) {
		if (scalar_int(text, min, max, &n))
			return false;
	} else if (json_is_integer(v)) {
		n = json_integer_value(v);
	} else if (!json_is_real(v) || !integral(json_real_value(v), &n)) {
		return false;
	}
	*out = (uint64_t)n;
	return n >= min && n <= max;
}

static bool read_u64(json_t *v, const char *text, uint64_t *out)
{
	char *end;

	if (!text)
		return read_signed(v, NULL, 0, INT64_MAX, out);
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

static bool read_real(json_t *v, const char *text, double *out)
{
	char *end = NULL;

	if (!text) {
		*out = json_number_value(v);
		return json_is_number(v);
	}
	if (!strcmp(text, "NaN")) {
		*out = (double)NAN;
	} else if (!strcmp(text, "Infinity") || !strcmp(text, "-Infinity")) {
		*out = *text == '-' ? -HUGE_VAL : HUGE_VAL;
	} else {
		if (!*text || strspn(text, "0123456789+-.eE") != strlen(text))
			return false;
		*out = strtod(text, &end);
		return !*end && isfinite(*out);
	}
	return true;
}

static bool read_bool(json_t *v, const char *text, uint64_t *out)
{
	if (text) {
		*out = !strcmp(text, "true");
		return *out || !strcmp(text, "false");
	}
	*out = json_is_true(v);
	return json_is_boolean(v);
}

static bool read_enum(const struct pb_enum *e, json_t *v, const char *text, uint64_t *out)
{
	for (size_t i = 0; text && i < e->n; i++) {
		if (!strcmp(e->values[i].name, text)) {
			*out = (uint64_t)(int64_t)e->values[i].number;
			return true;
		}
	}
	return !text && read_signed(v, NULL, INT32_MIN, INT32_MAX, out);
}

/* A number, bool or enum as it goes on the wire. `text` is a map key, or NULL. */
static bool read_number(const struct pb_field *f, json_t *v, const char *text, uint64_t *out)
{
	double d;
	bool ok;

	if (!text && json_is_string(v) && f->kind != PB_BOOL)
		text = json_string_value(v);
	switch (f->kind) {
	case PB_DOUBLE:
		ok = read_real(v, text, &d);
		*out = ok ? pbw_of_double(d) : 0;
		return ok;
	case PB_FLOAT:
		ok = read_real(v, text, &d) && (!isfinite(d) || isfinite((float)d));
		*out = ok ? pbw_of_float((float)d) : 0;
		return ok;
	case PB_BOOL:
		return read_bool(v, text, out);
	case PB_ENUM:
		return read_enum(f->enm, v, text, out);
	case PB_UINT64:
	case PB_FIXED64:
		return read_u64(v, text, out);
	case PB_UINT32:
	case PB_FIXED32:
		return read_signed(v, text, 0, UINT32_MAX, out);
	case PB_INT32:
	case PB_SFIXED32:
	case PB_SINT32:
		ok = read_signed(v, text, INT32_MIN, INT32_MAX, out);
		break;
	default:
		ok = read_signed(v, text, INT64_MIN, INT64_MAX, out);
	}
	if (f->kind == PB_SINT32 || f->kind == PB_SINT64)
		*out = pbw_zigzag((int64_t)*out);
	return ok;
}

static void put_number(struct pbw_at at, const struct pb_field *f, uint64_t v)
{
	uint8_t wire = pb_wire_of(f->kind);
	uint32_t tag = PBW_TAG(f->number, wire);

	if (wire == PBW_VARINT)
		pbw_varint(at, tag, v);
	else
		pbw_fixed(at, tag, v, wire == PBW_FIXED64 ? 8 : 4);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* Both alphabets, padded or not. */
static int read_base64(struct parser *p, const struct pb_field *f, const char *s, size_t n,
		       struct pb_bytes *out)
{
	uint8_t *to = arena_alloc(p->arena, n / 4 * 3 + 3);
	uint32_t acc = 0;
	size_t used = 0;
	int bits = 0;

	while (n && s[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int d = base64_digit(s[i]);

		if (d < 0)
			return wrong(p, f, "base64");
		acc = acc << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			to[used++] = (uint8_t)(acc >> bits);
		}
	}
	*out = (struct pb_bytes){to, used};
	return n % 4 == 1 ? wrong(p, f, "base64") : 0;
}

static int read_bytes(struct parser *p, const struct pb_field *f, json_t *v, struct pb_bytes *out)
{
	if (!json_is_string(v))
		return wrong(p, f, f->kind == PB_STRING ? "a string" : "base64");
	if (f->kind == PB_BYTES)
		return read_base64(p, f, json_string_value(v), json_string_length(v), out);
	*out = (struct pb_bytes){(const uint8_t *)json_string_value(v), json_string_length(v)};
	return 0;
}

/* ---- fields ---- */

/* One value; keep: written even when it is the default. */
static int put_value(struct parser *p, struct pbw_at at, const struct pb_field *f, json_t *v, bool keep)
{
	uint32_t tag = PBW_TAG(f->number, PBW_LENGTH);
	struct pb_bytes b = {0};
	uint64_t number;

	if (f->kind == PB_MESSAGE) {
		struct pbw_at x = pbw_open(at);

		if (put_message(p, x, f->msg, v))
			return -1;
		pbw_close(at, tag, x);
		return 0;
	}
	if (f->kind == PB_STRING || f->kind == PB_BYTES) {
		if (read_bytes(p, f, v, &b))
			return -1;
		if (b.n || keep)
			pbw_bytes(at, tag, b.p, b.n);
		return 0;
	}
	if (!read_number(f, v, NULL, &number)) {
		if (f->kind == PB_ENUM && json_is_string(v) && (p->flags & PBJSON_IGNORE_UNKNOWN))
			return 0;
		return wrong(p, f, f->kind == PB_BOOL ? "true or false"
				   : f->kind == PB_ENUM ? f->enm->name : "a number in range");
	}
	if (number || keep)
		put_number(at, f, number);
	return 0;
}

static int put_packed(struct parser *p, struct pbw_at at, const struct pb_field *f, json_t *list)
{
	uint8_t *q = NULL, *end = NULL;
	size_t n = json_array_size(list), i = n;
	uint64_t *v = arena_array(p->arena, uint64_t, n);

	while (i-- > 0)
		if (!read_number(f, json_array_get(list, i), NULL, &v[i]))
			return wrong(p, f, "a number in range, or a known name");
	pbw_order(at, PBW_TAG(f->number, PBW_LENGTH));
	q = end = pbw_room(at.w, (n + 2) * 10);
	while (n-- > 0) {
		uint8_t wire = pb_wire_of(f->kind);

		q = wire == PBW_VARINT ? pbw_put_varint(q, v[n])
		    : pbw_put_fixed(q, v[n], wire == PBW_FIXED64 ? 8 : 4);
	}
	at.w->p = pbw_put_varint(pbw_put_varint(q, (uint64_t)(end - q)),
				 PBW_TAG(f->number, PBW_LENGTH));
	return 0;
}

static int put_list(struct parser *p, struct pbw_at at, const struct pb_field *f, json_t *v)
{
	if (!json_is_array(v))
		return wrong(p, f, "a list");
	if (!json_array_size(v))
		return 0;
	if (pb_wire_of(f->kind) != PBW_LENGTH && !(f->flags & PB_UNPACKED))
		return put_packed(p, at, f, v);
	for (size_t i = json_array_size(v); i-- > 0;)
		if (put_value(p, at, f, json_array_get(v, i), true))
			return -1;
	return 0;
}

static int key_down(const void *a, const void *b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

/* Entries in descending order of their keys, so that they read ascending. */
static int put_map(struct parser *p, struct pbw_at at, const struct pb_field *f, json_t *v)
{
	const struct pb_field *key = &f->msg->fields[0], *value = &f->msg->fields[1];
	const char **keys, *k;
	size_t n = 0;
	json_t *x;

	if (!json_is_object(v))
		return wrong(p, f, "an object");
	keys = arena_array(p->arena, const char *, json_object_size(v));
	json_object_foreach(v, k, x)
		keys[n++] = k;
	if (n)
		qsort(keys, n, sizeof(*keys), key_down);
	for (size_t i = 0; i < n; i++) {
		struct pbw_at e = pbw_open(at);
		uint64_t number;

		if (put_value(p, e, value, json_object_get(v, keys[i]), true))
			return -1;
		if (key->kind == PB_STRING)
			pbw_bytes(e, PBW_TAG(1, PBW_LENGTH), keys[i], strlen(keys[i]));
		else if (read_number(key, NULL, keys[i], &number))
			put_number(e, key, number);
		else
			return wrong(p, f, "a key of the right type");
		pbw_close(at, PBW_TAG(f->number, PBW_LENGTH), e);
	}
	return 0;
}

static int put_field(struct parser *p, struct pbw_at at, const struct pb_field *f, json_t *v)
{
	if (f->flags & PB_MAP)
		return put_map(p, at, f, v);
	if (f->flags & PB_REPEATED)
		return put_list(p, at, f, v);
	return put_value(p, at, f, v, f->flags & PB_ONEOF);
}

static int check_keys(struct parser *p, const struct pb_msg *m, json_t *object, const char *beside)
{
	const char *key;
	json_t *v;

	if (p->flags & PBJSON_IGNORE_UNKNOWN)
		return 0;
	json_object_foreach(object, key, v)
		if (strcmp(key, beside) != 0 && !names_field(key, m))
			return err_set(p->err, ERR_SYNTAX, "%s has no field \"%.64s\"", m->name, key);
	return 0;
}

/* The members of an object, but the one named `beside`. */
static int put_fields(struct parser *p, struct pbw_at at, const struct pb_msg *m, json_t *object,
		      const char *beside)
{
	bool taken[256] = {false};

	if (check_keys(p, m, object, beside))
		return -1;
	for (size_t i = m->n; i-- > 0;) {
		const struct pb_field *f = &m->fields[i];
		json_t *v = member_of(object, f);
		bool null_value = f->kind == PB_MESSAGE && f->msg->form == PB_VALUE;

		if (!v || (json_is_null(v) && !null_value))
			continue;
		if (f->oneof && taken[f->oneof])
			return err_set(p->err, ERR_SYNTAX, "%s: two members of one oneof", m->name);
		taken[f->oneof] = true;
		if (put_field(p, at, f, v))
			return -1;
	}
	return 0;
}

/* ---- messages with a form of their own ---- */

static int put_time(struct parser *p, struct pbw_at at, const struct pb_msg *m, json_t *v)
{
	const char *s = json_string_value(v);
	size_t n = s ? strlen(s) : 0;
	int64_t ns, sec;
	int32_t rest;
	bool span = m->form == PB_TIME_SPAN;

	if (span && (!n || s[n - 1] != 's' || strspn(s, "-.0123456789") != n - 1))
		return err_set(p->err, ERR_SYNTAX, "a duration like \"1.5s\" is wanted");
	if (!s || (span ? scalar_duration_ns(s, &ns) : scalar_time_ns(s, &ns)))
		return err_set(p->err, ERR_SYNTAX, "\"%.40s\" is no %s", s ? s : "",
			       span ? "duration" : "time");
	sec = ns / 1000000000;
	rest = (int32_t)(ns % 1000000000);
	if (!span && rest < 0) {
		sec--;
		rest += 1000000000;
	}
	if (rest)
		pbw_varint(at, PBW_TAG(2, PBW_VARINT), (uint64_t)(int64_t)rest);
	if (sec)
		pbw_varint(at, PBW_TAG(1, PBW_VARINT), (uint64_t)sec);
	return 0;
}

static int put_json_value(struct parser *p, struct pbw_at at, const struct pb_msg *m, json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_NULL:
		pbw_varint(at, PBW_TAG(1, PBW_VARINT), 0);
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		pbw_varint(at, PBW_TAG(4, PBW_VARINT), json_is_true(v));
		return 0;
	case JSON_INTEGER:
	case JSON_REAL:
		pbw_fixed(at, PBW_TAG(2, PBW_FIXED64), pbw_of_double(json_number_value(v)), 8);
		return 0;
	case JSON_STRING:
		pbw_bytes(at, PBW_TAG(3, PBW_LENGTH), json_string_value(v), json_string_length(v));
		return 0;
	case JSON_OBJECT:
		return put_value(p, at, pb_field_find(m, 5), v, true);
	default:
		return put_value(p, at, pb_field_find(m, 6), v, true);
	}
}

static int put_any(struct parser *p, struct pbw_at at, json_t *v)
{
	const char *url = json_string_value(json_object_get(v, "@type"));
	const struct pb_msg *m = url ? pb_type_find(url, strlen(url)) : NULL;
	json_t *inner = json_object_get(v, "value");
	struct pbw_at x;

	if (!json_is_object(v))
		return err_set(p->err, ERR_SYNTAX, "an object with \"@type\" is wanted");
	if (!url || !*url)
		return json_object_size(v) ? err_set(p->err, ERR_SYNTAX, "\"@type\" is missing") : 0;
	if (m) {
		x = pbw_open_any(at);
		if (m->form == PB_PLAIN ? put_fields(p, x, m, v, "@type")
		    : inner && put_message(p, x, m, inner))
			return -1;
		pbw_close_any(x, url, strlen(url));
		return 0;
	}
	if (inner && put_value(p, at, &pb_any.fields[1], inner, false))
		return -1;
	if (!json_is_string(inner) && json_object_size(v) > 1)
		return err_set(p->err, ERR_SYNTAX, "no description of %.200s", url);
	pbw_bytes(at, PBW_TAG(1, PBW_LENGTH), url, strlen(url));
	return 0;
}

static int put_by_form(struct parser *p, struct pbw_at at, const struct pb_msg *m, json_t *v)
{
	switch (m->form) {
	case PB_ANY:
		return put_any(p, at, v);
	case PB_TIME_SPAN:
	case PB_TIME_POINT:
		return put_time(p, at, m, v);
	case PB_VALUE:
		return put_json_value(p, at, m, v);
	case PB_WRAPPER:
		return put_value(p, at, &m->fields[0], v, false);
	case PB_STRUCT:
	case PB_LIST:
		return put_field(p, at, &m->fields[0], v);
	}
	if (!json_is_object(v))
		return err_set(p->err, ERR_SYNTAX, "%s: an object is wanted", m->name);
	return put_fields(p, at, m, v, "");
}

static int put_message(struct parser *p, struct pbw_at at, const struct pb_msg *m, json_t *v)
{
	int r;

	if (p->depth >= PBJSON_DEPTH_MAX)
		return err_set(p->err, ERR_LIMIT, "%s: nested deeper than %d", m->name, PBJSON_DEPTH_MAX);
	p->depth++;
	r = put_by_form(p, at, m, v);
	p->depth--;
	return r;
}

/* jansson's parser recurses; deep text is refused before it sees it. */
static int check_depth(const char *text, size_t len, struct err *err)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
			continue;
		}
		if (text[i] == '"')
			quoted = true;
		else if (text[i] == '{' || text[i] == '[')
			depth++;
		else if (depth && (text[i] == '}' || text[i] == ']'))
			depth--;
		if (depth > PBJSON_DEPTH_MAX)
			return err_set(err, ERR_LIMIT, "JSON is nested deeper than %d", PBJSON_DEPTH_MAX);
	}
	return 0;
}

static int parse_root(const struct pb_msg *m, json_t *root, unsigned flags, struct arena *a,
		      struct pb_bytes *out, struct err *err)
{
	struct parser p = {.arena = a, .err = err, .flags = flags};

	pbw_init(&p.w, a);
	if (put_message(&p, pbw_start(&p.w), m, root))
		return -1;
	*out = pbw_finish(&p.w);
	return 0;
}

int pbjson_parse(const struct pb_msg *m, const char *text, size_t len, unsigned flags,
		 struct arena *a, struct pb_bytes *out, struct err *err)
{
	json_error_t at;
	json_t *root;
	struct arena_guard g;
	int r;

	if (check_depth(text, len, err))
		return -1;
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
	if (!root)
		return err_set(err, ERR_SYNTAX, "line %d: %s", at.line, at.text);
	/* The tree is jansson's: an unwinding must not pass it by. */
	if (arena_guard(a, &g)) {
		json_decref(root);
		return err_set(err, ERR_LIMIT, "%s: too large", m->name);
	}
	r = parse_root(m, root, flags, a, out, err);
	arena_unguard(a, &g);
	json_decref(root);
	return r;
}
