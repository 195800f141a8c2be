/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/der.h"

#include <string.h>

bool der_next(struct der *in, uint8_t *tag, struct der *content, struct der *whole)
{
	const uint8_t *p = in->p;
	size_t head = 2, n;

	if (in->n < 2 || (p[0] & 0x1f) == 0x1f)
		return false;
	n = p[1];
	if (n & 0x80) {
		size_t bytes = n & 0x7f;

		if (!bytes || bytes > 3 || in->n < 2 + bytes || !p[2])
			return false;
		n = 0;
		for (size_t i = 0; i < bytes; i++)
			n = n << 8 | p[2 + i];
		if (n < 0x80)
			return false;
		head += bytes;
	}
	if (n > in->n - head)
		return false;
	*tag = p[0];
	*content = (struct der){p + head, n};
	if (whole)
		*whole = (struct der){p, head + n};
	*in = (struct der){p + head + n, in->n - head - n};
	return true;
}

bool der_take(struct der *in, uint8_t tag, struct der *content, struct der *whole)
{
	struct der rest = *in;
	uint8_t got;

	if (!der_next(&rest, &got, content, whole) || got != tag)
		return false;
	*in = rest;
	return true;
}

bool der_equal(struct der a, const void *p, size_t n)
{
	return a.n == n && !memcmp(a.p, p, n);
}

bool der_bits(struct der content, struct der *bytes)
{
	if (!content.n || content.p[0])
		return false;
	*bytes = (struct der){content.p + 1, content.n - 1};
	return true;
}

bool der_positive(struct der content, struct der *magnitude)
{
	if (!content.n || content.p[0] & 0x80)
		return false;
	if (!content.p[0]) {
		if (content.n < 2 || !(content.p[1] & 0x80))
			return false;
		content = (struct der){content.p + 1, content.n - 1};
	}
	*magnitude = content;
	return true;
}

void der_out_init(struct der_out *o, uint8_t *p, size_t size)
{
	*o = (struct der_out){.p = p, .size = size, .at = size};
}

void der_put(struct der_out *o, const void *p, size_t n)
{
	if (o->full || n > o->at) {
		o->full = true;
		return;
	}
	o->at -= n;
	if (n)
		memcpy(o->p + o->at, p, n);
}

size_t der_mark(const struct der_out *o)
{
	return o->at;
}

void der_put_tag(struct der_out *o, uint8_t tag, size_t mark)
{
	size_t n = mark - o->at, bytes = 0;
	uint8_t head[5], *p = head + sizeof(head);

	if (n < 0x80) {
		*--p = (uint8_t)n;
	} else {
		for (; n; n >>= 8, bytes++)
			*--p = (uint8_t)n;
		*--p = (uint8_t)(0x80 | bytes);
	}
	der_put(o, p, (size_t)(head + sizeof(head) - p));
	der_put(o, &tag, 1);
}

struct der der_written(const struct der_out *o)
{
	return (struct der){o->p + o->at, o->size - o->at};
}
