/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

void buf_init(struct buf *b, size_t cap)
{
	must(cap > 0);
	*b = (struct buf){.cap = cap};
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

char *buf_room(struct buf *b, size_t n)
{
	size_t size = b->size ? b->size : 256;
	char *p;

	if (b->failed || n > b->cap || b->n > b->cap - n) {
		b->failed = true;
		return NULL;
	}
	if (b->n + n < b->size)
		return b->p + b->n;
	while (size <= b->n + n)	/* one byte more than asked, for buf_cstr */
		size *= 2;
	p = realloc(b->p, size);
	if (!p) {
		b->failed = true;
		return NULL;
	}
	b->p = p;
	b->size = size;
	return b->p + b->n;
}

void buf_added(struct buf *b, size_t n)
{
	must(n <= b->size - b->n);
	b->n += n;
}

void buf_append(struct buf *b, const void *p, size_t n)
{
	char *room = buf_room(b, n);

	if (!room || !n)
		return;
	memcpy(room, p, n);
	b->n += n;
}

void buf_str(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	char *room;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	must(n >= 0);
	room = buf_room(b, (size_t)n + 1);
	if (room) {
		vsnprintf(room, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
	must(n <= b->n);
	b->n -= n;
	if (b->n && n)
		memmove(b->p, b->p + n, b->n);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

const char *buf_cstr(struct buf *b)
{
	if (!b->p)
		return "";
	b->p[b->n] = '\0';
	return b->p;
}
