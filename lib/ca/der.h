/* SPDX-License-Identifier: Apache-2.0
 *
 * DER (X.690), as much as requests and certificates need: reading with definite, minimal lengths
 * and one-byte tags only; writing from the end of a buffer backwards, so that lengths are known
 * without a second pass. Nothing is copied; the bytes are hostile. Thread: pure.
 */
#ifndef CA_DER_H
#define CA_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTC_TIME = 0x17,
	DER_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80,
	DER_CONTEXT_CONSTRUCTED = 0xa0, /* + number */
};

struct der {
	const uint8_t *p;
	size_t n;
};

/* Takes the next element off the front: its tag, its content and, if whole is not NULL, all of its
 * bytes. False at the end and on what is no DER; then *in is unchanged. */
bool der_next(struct der *in, uint8_t *tag, struct der *content, struct der *whole);
/* The same when the next element has this tag. */
bool der_take(struct der *in, uint8_t tag, struct der *content, struct der *whole);
bool der_equal(struct der a, const void *p, size_t n);
/* The bytes of a BIT STRING's content without unused bits. */
bool der_bits(struct der content, struct der *bytes);
/* The magnitude of a positive INTEGER's content in its shortest form. */
bool der_positive(struct der content, struct der *magnitude);

/* What is written stands at p[at..size). `full` is set, and nothing more written, when it does not
 * fit. */
struct der_out {
	uint8_t *p;
	size_t size, at;
	bool full;
};

void der_out_init(struct der_out *o, uint8_t *p, size_t size);
void der_put(struct der_out *o, const void *p, size_t n);
/* Puts tag and length before all that was written since der_mark. */
size_t der_mark(const struct der_out *o);
void der_put_tag(struct der_out *o, uint8_t tag, size_t mark);
struct der der_written(const struct der_out *o);

#endif
