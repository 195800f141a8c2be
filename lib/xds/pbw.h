/* SPDX-License-Identifier: Apache-2.0
 *
 * struct pbw: protobuf wire bytes written from the end of a buffer backwards, so that the length
 * of a message is known when its header is written and no second pass is needed. Therefore fields
 * are written in DESCENDING field number, and repeated fields and map entries from the last to the
 * first; the bytes then read in ascending order. Sanitizer builds stop on a field out of order or
 * on a write to a message that is not the innermost open one.
 *
 * Code outside does not call what stands here but pbw_init, pbw_finish and the typed functions
 * that api/pbgen.py generates on top ("pb/cluster.h", ...; see api/README.md):
 *
 *	struct w_cluster c = w_cluster_root(&w);
 *	...fields, highest number first...
 *	struct pb_bytes b = pbw_finish(&w);
 *
 * A result is copied out at its exact size; one pbw writes many messages one after the other in the
 * same scratch block. Both live in the arena, whose limit unwinds to its guard; a pbw owns nothing
 * else. Thread: one at a time.
 */
#ifndef XDS_PBW_H
#define XDS_PBW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define PBW_CHECK 1
#else
#define PBW_CHECK 0
#endif

#define PBW_DEPTH_MAX 512	/* of the check below; more than any reader takes */

struct pb_bytes {
	const uint8_t *p;
	size_t n;
};

struct pbw {
	uint8_t *base, *p, *end;	/* scratch: free base..p, the message being written p..end */
	struct arena *arena;
	uint32_t depth;			/* of open messages; kept by sanitizer builds only */
	uint32_t *last;			/* per depth: the field written last */
};

/* An open message: where it ends (in bytes from the end of the buffer) and how deep it is. */
struct pbw_at {
	struct pbw *w;
	uint32_t end;
	uint32_t depth;
};

void pbw_init(struct pbw *w, struct arena *a);
/* Ends the message that was started last; empty (p not NULL) when nothing was written to it. */
struct pb_bytes pbw_finish(struct pbw *w);

/* What generated code calls. */
struct pbw_at pbw_start(struct pbw *w);
void pbw_grow(struct pbw *w, size_t n);
void pbw_check_field(struct pbw_at m, uint32_t number);
struct pbw_at pbw_check_open(struct pbw_at m);
void pbw_check_close(struct pbw_at parent, struct pbw_at m);
void pbw_duration(struct pbw_at m, uint32_t tag, int64_t ns);
void pbw_timestamp(struct pbw_at m, uint32_t tag, int64_t ns);

enum { PBW_VARINT = 0, PBW_FIXED64 = 1, PBW_LENGTH = 2, PBW_FIXED32 = 5 };
#define PBW_TAG(number, wire) ((uint32_t)(number) << 3 | (wire))
#define PBW_HEADER_MAX 20	/* a tag and a length, or a tag and a value */

static inline uint32_t pbw_written(const struct pbw *w)
{
	return (uint32_t)(w->end - w->p);
}

static inline uint8_t *pbw_room(struct pbw *w, size_t n)
{
	if (__builtin_expect((size_t)(w->p - w->base) < n, 0))
		pbw_grow(w, n);
	return w->p;
}

static inline uint8_t *pbw_put_varint(uint8_t *p, uint64_t v)
{
	unsigned n = 1;

	if (v < 0x80) {
		*--p = (uint8_t)v;
		return p;
	}
	if (v < 0x4000) {
		*--p = (uint8_t)(v >> 7);
		*--p = (uint8_t)(v | 0x80);
		return p;
	}
	for (uint64_t rest = v >> 7; rest; rest >>= 7)
		n++;
	p -= n;
	for (unsigned i = 0; i < n; i++, v >>= 7)
		p[i] = (uint8_t)((v & 0x7f) | (i + 1 < n ? 0x80 : 0));
	return p;
}

static inline void pbw_order(struct pbw_at m, uint32_t tag)
{
	if (PBW_CHECK)
		pbw_check_field(m, tag >> 3);
}

static inline void pbw_bytes(struct pbw_at m, uint32_t tag, const void *s, size_t n)
{
	uint8_t *p;

	pbw_order(m, tag);
	p = pbw_room(m.w, n + PBW_HEADER_MAX) - n;
	if (n)
		memcpy(p, s, n);
	m.w->p = pbw_put_varint(pbw_put_varint(p, n), tag);
}

static inline void pbw_varint(struct pbw_at m, uint32_t tag, uint64_t v)
{
	pbw_order(m, tag);
	m.w->p = pbw_put_varint(pbw_put_varint(pbw_room(m.w, PBW_HEADER_MAX), v), tag);
}

static inline uint8_t *pbw_put_fixed(uint8_t *p, uint64_t v, unsigned n)
{
	p -= n;
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p;
}

static inline void pbw_fixed(struct pbw_at m, uint32_t tag, uint64_t v, unsigned n)
{
	pbw_order(m, tag);
	m.w->p = pbw_put_varint(pbw_put_fixed(pbw_room(m.w, PBW_HEADER_MAX), v, n), tag);
}

static inline uint64_t pbw_of_double(double d)
{
	uint64_t v;

	memcpy(&v, &d, sizeof(v));
	return v;
}

static inline uint64_t pbw_of_float(float f)
{
	uint32_t v;

	memcpy(&v, &f, sizeof(v));
	return v;
}

static inline uint64_t pbw_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

/* Opens a message inside m. */
static inline struct pbw_at pbw_open(struct pbw_at m)
{
	m.end = pbw_written(m.w);
	return PBW_CHECK ? pbw_check_open(m) : m;
}

/* The value of an open Any is its last field, so that it ends where the Any ends. */
static inline struct pbw_at pbw_open_any(struct pbw_at any)
{
	return PBW_CHECK ? pbw_check_open(any) : any;
}

static inline void pbw_close(struct pbw_at parent, uint32_t tag, struct pbw_at m)
{
	uint32_t n;

	if (PBW_CHECK) {
		pbw_check_close(parent, m);
		pbw_check_field(parent, tag >> 3);
	}
	n = pbw_written(m.w) - m.end;
	m.w->p = pbw_put_varint(pbw_put_varint(pbw_room(m.w, PBW_HEADER_MAX), n), tag);
}

/* Ends the value of an Any: its header, then the type URL. Returns the Any, still open. */
static inline struct pbw_at pbw_close_any(struct pbw_at m, const char *url, size_t n)
{
	struct pbw_at any = {m.w, m.end, m.depth - 1};
	uint32_t size = pbw_written(m.w) - m.end;

	if (PBW_CHECK)
		pbw_check_close(any, m);
	if (size) {
		pbw_order(any, PBW_TAG(2, PBW_LENGTH));
		m.w->p = pbw_put_varint(pbw_put_varint(pbw_room(m.w, PBW_HEADER_MAX), size),
					PBW_TAG(2, PBW_LENGTH));
	}
	pbw_bytes(any, PBW_TAG(1, PBW_LENGTH), url, n);
	return any;
}

#endif
