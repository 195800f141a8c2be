/* SPDX-License-Identifier: Apache-2.0
 *
 * struct buf: growing bytes on the heap with a mandatory cap. Appending past the cap (or without
 * memory) sets `failed`, keeps what is there and appends nothing more; check once at the end.
 * Thread: one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *p;
	size_t n, size, cap;
	bool failed;
};

void buf_init(struct buf *b, size_t cap);
void buf_fini(struct buf *b);
void buf_append(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes (at b->p + b->n), or NULL and failed; then buf_added(b, used). */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);
void buf_consume(struct buf *b, size_t n);	/* drops n bytes from the front */
void buf_clear(struct buf *b);			/* keeps the memory */
const char *buf_cstr(struct buf *b);		/* NUL-terminated; "" when failed before a byte */

#endif
