/* SPDX-License-Identifier: Apache-2.0
 *
 * A decoded struct back to JSON, by its table: what was absent is left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/schema.h"

#include "base/must.h"

struct printer {
	struct buf *out;
	bool first; /* in the map being printed */
};

static void print_struct(const struct schema *s, const void *value, struct buf *out);

static void print_text(struct buf *out, const char *s)
{
	struct node n = {.kind = NODE_STRING, .text = s, .n = strlen(s)};

	node_to_json(&n, false, false, out);
}

static void print_key(struct printer *p, const char *key)
{
	if (!p->first)
		buf_char(p->out, ',');
	p->first = false;
	print_text(p->out, key);
	buf_char(p->out, ':');
}

/* proto3's form: seconds with as many digits as are needed, and an 's'. */
static void print_duration(struct buf *out, int64_t ns)
{
	uint64_t abs = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	char frac[16];
	size_t n;

	buf_printf(out, "\"%s%" PRIu64, ns < 0 ? "-" : "", abs / 1000000000);
	if (abs % 1000000000) {
		snprintf(frac, sizeof(frac), ".%09" PRIu64, abs % 1000000000);
		for (n = strlen(frac); frac[n - 1] == '0'; n--)
			continue;
		buf_append(out, frac, n);
	}
	buf_str(out, "s\"");
}

static void print_base64(struct buf *out, const uint8_t *p, size_t n)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	buf_char(out, '"');
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)(i + 1 < n ? p[i + 1] : 0) << 8 |
			     (i + 2 < n ? p[i + 2] : 0);

		buf_char(out, digits[v >> 18 & 63]);
		buf_char(out, digits[v >> 12 & 63]);
		buf_char(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_char(out, i + 2 < n ? digits[v & 63] : '=');
	}
	buf_char(out, '"');
}

static void print_list(struct printer *p, const struct schema_field *f, const void *at)
{
	const struct strs *strs = at;
	const struct u32s *nums = at;
	size_t n = f->type == SCHEMA_STRS ? strs->n : nums->n;

	if (!n)
		return;
	print_key(p, f->name);
	buf_char(p->out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(p->out, ',');
		if (f->type == SCHEMA_STRS)
			print_text(p->out, strs->v[i]);
		else
			buf_printf(p->out, "%" PRIu32, nums->v[i]);
	}
	buf_char(p->out, ']');
}

static void print_messages(struct printer *p, const struct schema_field *f, const char *base)
{
	const char *items = *(const char *const *)(base + f->offset);
	const char *const *keys =
	    f->type == SCHEMA_MSGMAP ? *(const char *const *const *)(base + f->keys_offset) : NULL;
	size_t n = *(const size_t *)(base + f->n_offset);

	if (!n)
		return;
	print_key(p, f->name);
	buf_char(p->out, keys ? '{' : '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(p->out, ',');
		if (keys) {
			print_text(p->out, keys[i]);
			buf_char(p->out, ':');
		}
		print_struct(f->msg, items + i * f->msg->size, p->out);
	}
	buf_char(p->out, keys ? '}' : ']');
}

static void print_map_key(struct printer *p, size_t i, const char *key)
{
	if (i)
		buf_char(p->out, ',');
	print_text(p->out, key);
	buf_char(p->out, ':');
}

static void print_map(struct printer *p, const struct schema_field *f, const void *at)
{
	const struct strmap *strs = at;
	const struct u32map *nums = at;
	const struct bytesmap *bytes = at;

	if (!strs->n)	/* where all of them count */
		return;
	print_key(p, f->name);
	buf_char(p->out, '{');
	for (size_t i = 0; i < strs->n; i++) {
		if (f->type == SCHEMA_STRMAP) {
			print_map_key(p, i, strs->v[i].key);
			print_text(p->out, strs->v[i].value);
		} else if (f->type == SCHEMA_BYTESMAP) {
			print_map_key(p, i, bytes->v[i].key);
			print_base64(p->out, bytes->v[i].p, bytes->v[i].n);
		} else {
			print_map_key(p, i, nums->v[i].key);
			buf_printf(p->out, "%" PRIu32, nums->v[i].value);
		}
	}
	buf_char(p->out, '}');
}

#define PRINT_IF(cond, ...)                                                                        \
	do {                                                                                       \
		if (cond) {                                                                        \
			print_key(p, f->name);                                                     \
			__VA_ARGS__;                                                               \
		}                                                                                  \
	} while (0)

static void print_number(struct printer *p, const struct schema_field *f, const void *at)
{
	struct buf *out = p->out;

	switch (f->type) {
	case SCHEMA_BOOL: PRINT_IF(*(const bool *)at, buf_str(out, "true")); break;
	case SCHEMA_OBOOL: {
		const struct opt_bool *o = at;

		PRINT_IF(o->has, buf_str(out, o->v ? "true" : "false"));
		break;
	}
	case SCHEMA_U32:
		PRINT_IF(*(const uint32_t *)at, buf_printf(out, "%" PRIu32, *(const uint32_t *)at));
		break;
	case SCHEMA_OU32: {
		const struct opt_u32 *o = at;

		PRINT_IF(o->has, buf_printf(out, "%" PRIu32, o->v));
		break;
	}
	case SCHEMA_I32:
		PRINT_IF(*(const int32_t *)at, buf_printf(out, "%" PRId32, *(const int32_t *)at));
		break;
	case SCHEMA_OI32: {
		const struct opt_i32 *o = at;

		PRINT_IF(o->has, buf_printf(out, "%" PRId32, o->v));
		break;
	}
	case SCHEMA_I64:
	case SCHEMA_TIME:
		PRINT_IF(*(const int64_t *)at,
			 buf_printf(out, "\"%" PRId64 "\"", *(const int64_t *)at));
		break;
	case SCHEMA_DBL:
		PRINT_IF(*(const double *)at != 0, buf_printf(out, "%.15g", *(const double *)at));
		break;
	case SCHEMA_ODBL: {
		const struct opt_double *o = at;

		PRINT_IF(o->has, buf_printf(out, "%.15g", o->v));
		break;
	}
	default: unreachable();
	}
}

static void print_field(struct printer *p, const struct schema_field *f, const char *base)
{
	const void *at = base + f->offset;
	struct buf *out = p->out;

	switch (f->type) {
	case SCHEMA_STR:
		PRINT_IF(*(const char *const *)at, print_text(out, *(const char *const *)at));
		break;
	case SCHEMA_STRS:
	case SCHEMA_U32S: print_list(p, f, at); break;
	case SCHEMA_DUR: {
		const struct opt_duration *o = at;

		PRINT_IF(o->has, print_duration(out, o->ns));
		break;
	}
	case SCHEMA_ENUM: {
		const char *name = enum_name(f->values, *(const int *)at);

		PRINT_IF(*(const int *)at && name, print_text(out, name));
		break;
	}
	case SCHEMA_MSG: {
		const void *msg = *(const void *const *)at;

		PRINT_IF(msg, print_struct(f->msg, msg, out));
		break;
	}
	case SCHEMA_MSGS:
	case SCHEMA_MSGMAP: print_messages(p, f, base); break;
	case SCHEMA_STRMAP:
	case SCHEMA_U32MAP:
	case SCHEMA_BYTESMAP: print_map(p, f, at); break;
	case SCHEMA_INTSTR: {
		const struct int_or_str *o = at;

		PRINT_IF(o->is_int, buf_printf(out, "%" PRIu32, o->num));
		PRINT_IF(o->str, print_text(out, o->str));
		break;
	}
	case SCHEMA_BYTES: {
		const uint8_t *bytes = *(const uint8_t *const *)at;

		PRINT_IF(bytes, print_base64(out, bytes,
					     *(const size_t *)(const void *)(base + f->n_offset)));
		break;
	}
	case SCHEMA_NODE: {
		const struct node *n = *(const struct node *const *)at;

		PRINT_IF(n, node_to_json(n, true, false, out));
		break;
	}
	default: print_number(p, f, at);
	}
}

static void print_struct(const struct schema *s, const void *value, struct buf *out)
{
	struct printer p = {.out = out, .first = true};

	buf_char(out, '{');
	for (size_t i = 0; i < s->n; i++)
		print_field(&p, &s->fields[i], value);
	buf_char(out, '}');
}

void schema_to_json(const struct schema *s, const void *value, struct buf *out)
{
	print_struct(s, value, out);
}
