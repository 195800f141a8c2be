/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/pbw.h"

#include "base/must.h"

#define BLOCK_MIN ((size_t)8192)
#define GROWTH 4
#define SIZE_LIMIT ((size_t)1 << 30)	/* protobuf's own limit for a message is 2 GiB */

void pbw_init(struct pbw *w, struct arena *a)
{
	*w = (struct pbw){.arena = a};
	if (PBW_CHECK)
		w->last = arena_array(a, uint32_t, PBW_DEPTH_MAX);
	pbw_grow(w, 1);
}

struct pbw_at pbw_start(struct pbw *w)
{
	w->p = w->end;
	w->depth = 0;
	if (PBW_CHECK)
		w->last[0] = UINT32_MAX;
	return (struct pbw_at){.w = w};
}

struct pb_bytes pbw_finish(struct pbw *w)
{
	size_t n = pbw_written(w);
	struct pb_bytes b = {arena_copy(w->arena, w->p, n), n};

	must(w->depth == 0);
	w->p = w->end;
	return b;
}

/* The old block is lost until the arena ends; growing fast keeps both that and the copying small. */
void pbw_grow(struct pbw *w, size_t n)
{
	size_t have = (size_t)(w->end - w->p), size = GROWTH * (size_t)(w->end - w->base);
	uint8_t *base;

	must(n < SIZE_LIMIT && have + n < SIZE_LIMIT);
	if (size < BLOCK_MIN)
		size = BLOCK_MIN;
	if (size < have + n)
		size = have + n;
	base = arena_alloc_raw(w->arena, size);
	if (have)
		memcpy(base + size - have, w->p, have);
	w->base = base;
	w->end = base + size;
	w->p = w->end - have;
}

void pbw_check_field(struct pbw_at m, uint32_t number)
{
	must(m.depth == m.w->depth);
	must(number <= m.w->last[m.depth]);
	m.w->last[m.depth] = number;
}

struct pbw_at pbw_check_open(struct pbw_at m)
{
	must(m.depth == m.w->depth);
	must(m.depth + 1 < PBW_DEPTH_MAX);
	m.w->depth = ++m.depth;
	m.w->last[m.depth] = UINT32_MAX;
	return m;
}

void pbw_check_close(struct pbw_at parent, struct pbw_at m)
{
	must(parent.w == m.w && m.depth == m.w->depth && m.depth == parent.depth + 1);
	m.w->depth--;
}

static void put_time(struct pbw_at m, uint32_t tag, int64_t s, int32_t ns)
{
	struct pbw_at t = pbw_open(m);

	if (ns)
		pbw_varint(t, PBW_TAG(2, PBW_VARINT), (uint64_t)(int64_t)ns);
	if (s)
		pbw_varint(t, PBW_TAG(1, PBW_VARINT), (uint64_t)s);
	pbw_close(m, tag, t);
}

/* Both parts carry the sign. */
void pbw_duration(struct pbw_at m, uint32_t tag, int64_t ns)
{
	put_time(m, tag, ns / 1000000000, (int32_t)(ns % 1000000000));
}

/* The nanoseconds are never negative. */
void pbw_timestamp(struct pbw_at m, uint32_t tag, int64_t ns)
{
	int64_t s = ns / 1000000000;
	int32_t rest = (int32_t)(ns % 1000000000);

	if (rest < 0) {
		s--;
		rest += 1000000000;
	}
	put_time(m, tag, s, rest);
}
