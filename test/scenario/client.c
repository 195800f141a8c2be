/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <string.h>

enum { F_CONTENT = 15 };

struct reader {
	const uint8_t *p, *end;
};

static bool read_varint(struct reader *r, uint64_t *v)
{
	*v = 0;
	for (int shift = 0; r->p < r->end && shift < 64; shift += 7) {
		uint8_t b = *r->p++;

		*v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

/* The next field, which must be of bytes; false at the end or when it is not. */
static bool read_field(struct reader *r, unsigned *number, struct reader *value)
{
	uint64_t tag, n;

	if (r->p == r->end || !read_varint(r, &tag) || (tag & 7) != 2 || !read_varint(r, &n) ||
	    n > (uint64_t)(r->end - r->p))
		return false;
	*number = (unsigned)(tag >> 3);
	*value = (struct reader){r->p, r->p + n};
	r->p += n;
	return true;
}

static char *text_of(struct reader v, struct arena *a)
{
	return arena_strndup(a, (const char *)v.p, (size_t)(v.end - v.p));
}

static bool read_any(struct reader r, const char **type_url, struct arena *a, struct item *out)
{
	struct reader v, f;
	unsigned number, inner;

	out->content = arena_strdup(a, "");
	while (r.p < r.end) {
		if (!read_field(&r, &number, &v))
			return false;
		if (number == 1)
			*type_url = text_of(v, a);
		for (; number == 2 && v.p < v.end;) {
			if (!read_field(&v, &inner, &f))
				return false;
			if (inner == 1)
				out->name = text_of(f, a);
			if (inner == F_CONTENT)
				out->content = text_of(f, a);
		}
	}
	return out->name != NULL;
}

static bool read_resource(struct reader r, const char **type_url, struct arena *a, struct item *out)
{
	struct reader v;
	unsigned number;
	char *name = NULL;

	while (r.p < r.end) {
		if (!read_field(&r, &number, &v))
			return false;
		if (number == 1)
			out->version = text_of(v, a);
		else if (number == 3)
			name = text_of(v, a);
		else if (number != 2 || !read_any(v, type_url, a, out))
			return false;
	}
	return name && out->name && !strcmp(name, out->name);
}

bool message_read(const uint8_t *p, size_t n, bool delta, struct arena *a, struct message *out)
{
	struct reader r = {p, p + n}, v;
	const char *inner_url = NULL;
	unsigned number;

	*out = (struct message){.type_url = arena_strdup(a, ""), .version = arena_strdup(a, ""),
				.nonce = arena_strdup(a, "")};
	while (r.p < r.end) {
		if (!read_field(&r, &number, &v))
			return false;
		switch (number) {
		case 1: out->version = text_of(v, a); break;
		case 2: {
			struct item *i = vec_push(&out->items, a);

			*i = (struct item){0};
			if (delta ? !read_resource(v, &inner_url, a, i) : !read_any(v, &inner_url, a, i))
				return false;
			break;
		}
		case 4: out->type_url = text_of(v, a); break;
		case 5: out->nonce = text_of(v, a); break;
		case 6: *vec_push(&out->removed, a) = text_of(v, a); break;
		default: return false;
		}
	}
	return !inner_url || !strcmp(inner_url, out->type_url);
}

void content_write(const char *name, const char *content, struct arena *a, const uint8_t **bytes, size_t *len)
{
	size_t n = strlen(name), c = strlen(content);
	uint8_t *p = arena_alloc(a, n + c + 8), *at = p;

	*at++ = 1 << 3 | 2;
	if (n >= 128)
		*at++ = (uint8_t)(n | 0x80);
	*at++ = (uint8_t)(n >= 128 ? n >> 7 : n);
	memcpy(at, name, n);
	at += n;
	if (c) {
		*at++ = F_CONTENT << 3 | 2;
		*at++ = (uint8_t)c;
		memcpy(at, content, c);
		at += c;
	}
	*bytes = p;
	*len = (size_t)(at - p);
}
