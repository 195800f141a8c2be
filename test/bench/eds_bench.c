/* SPDX-License-Identifier: Apache-2.0
 *
 * One load assignment of 1,000 endpoints: build_endpoints, as compile jobs call it, against a floor that
 * is written by hand for this one shape. Both must give the same bytes. A job is an arena and a scratch
 * block of its own, as compile_view makes them. Prints "name value" lines: the ratios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/must.h"
#include "xds/pbw.h"
#include "xds/res.h"

enum { ENDPOINTS = 1000, ROUNDS = 1000, TRIES = 9 };

struct endpoint {
	char address[16], workload[64];
	uint32_t port, weight;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fill(struct endpoint *ep, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		snprintf(ep[i].address, sizeof(ep[i].address), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255,
			 i & 255);
		snprintf(ep[i].workload, sizeof(ep[i].workload), "reviews-v%u;default;reviews;v1;Kubernetes",
			 i);
		ep[i].port = 9080;
		ep[i].weight = 1 + i % 7;
	}
}

struct shape {
	struct ir_endpoint eps[ENDPOINTS];
	struct ir_locality locality;
	struct ir_endpoints all;
};

static void set_shape(struct shape *s, const struct endpoint *ep)
{
	for (unsigned i = 0; i < ENDPOINTS; i++)
		s->eps[i] = (struct ir_endpoint){.address = {.ip = ep[i].address, .port = ep[i].port},
						 .weight = ep[i].weight,
						 .health = IR_HEALTHY,
						 .workload = ep[i].workload,
						 .mtls = true};
	s->locality = (struct ir_locality){.region = "eu-west-1", .zone = "eu-west-1a", .subzone = "",
					   .weight = {true, ENDPOINTS}, .eps = s->eps, .n_eps = ENDPOINTS};
	s->all = (struct ir_endpoints){.name = "outbound|9080||reviews.default.svc.cluster.local",
				       .localities = &s->locality,
				       .n_localities = 1};
}

/* The floor: no types, no growth, no checks; the fixed parts of the metadata are copied. */
static inline __attribute__((always_inline)) uint8_t *put_len(uint8_t *p, size_t n, uint8_t tag)
{
	if (n >= 0x4000) {
		*--p = (uint8_t)(n >> 14);
		*--p = (uint8_t)(n >> 7 | 0x80);
		*--p = (uint8_t)(n | 0x80);
	} else if (n >= 0x80) {
		*--p = (uint8_t)(n >> 7);
		*--p = (uint8_t)(n | 0x80);
	} else {
		*--p = (uint8_t)n;
	}
	*--p = tag;
	return p;
}

static inline __attribute__((always_inline)) uint8_t *put_str(uint8_t *p, const char *s, uint8_t tag)
{
	size_t n = strlen(s);

	p -= n;
	memcpy(p, s, n);
	return put_len(p, n, tag);
}

static inline __attribute__((always_inline)) uint8_t *put_member(uint8_t *p, const char *outer, const char *key, const char *text)
{
	uint8_t *end = p;

	p = put_str(p, text, 0x1a);		/* Value.string_value */
	p = put_len(p, (size_t)(end - p), 0x12);	/* entry value */
	p = put_str(p, key, 0x0a);
	p = put_len(p, (size_t)(end - p), 0x0a);	/* Struct.fields */
	p = put_len(p, (size_t)(end - p), 0x12);
	p = put_str(p, outer, 0x0a);
	return put_len(p, (size_t)(end - p), 0x0a);	/* Metadata.filter_metadata */
}

static inline uint8_t *floor_endpoint(uint8_t *p, const struct endpoint *ep)
{
	uint8_t *end = p, *start;

	*--p = (uint8_t)ep->weight;
	*--p = 0x08;
	*--p = 2;
	*--p = 0x22;
	start = p;
	p = put_member(p, "istio", "workload", ep->workload);
	p = put_member(p, "envoy.transport_socket_match", "tlsMode", "istio");
	p = put_len(p, (size_t)(start - p), 0x1a);
	start = p;
	*--p = (uint8_t)(ep->port >> 7);
	*--p = (uint8_t)(ep->port | 0x80);
	*--p = 0x18;
	p = put_str(p, ep->address, 0x12);
	p = put_len(p, (size_t)(start - p), 0x0a);
	p = put_len(p, (size_t)(start - p), 0x0a);
	p = put_len(p, (size_t)(start - p), 0x0a);
	return put_len(p, (size_t)(end - p), 0x12);
}

static struct pb_bytes floor_writer(uint8_t *end, const struct endpoint *ep, unsigned n)
{
	uint8_t *p = end, *start;

	*--p = (uint8_t)(n >> 7);
	*--p = (uint8_t)(n | 0x80);
	*--p = 0x08;
	*--p = 3;
	*--p = 0x1a;
	for (unsigned i = n; i-- > 0;)
		p = floor_endpoint(p, &ep[i]);
	start = p;
	p = put_str(p, "eu-west-1a", 0x12);
	p = put_str(p, "eu-west-1", 0x0a);
	p = put_len(p, (size_t)(start - p), 0x0a);
	p = put_len(p, (size_t)(end - p), 0x12);
	p = put_str(p, "outbound|9080||reviews.default.svc.cluster.local", 0x0a);
	return (struct pb_bytes){p, (size_t)(end - p)};
}

/* ns for one assignment, of `jobs` jobs that make `each` assignments. */
static double time_build(const struct shape *s, int jobs, int each)
{
	int64_t start = now_ns();

	for (int j = 0; j < jobs; j++) {
		struct arena a;
		struct pbw w;

		arena_init(&a, 0);
		pbw_init(&w, &a);
		for (int i = 0; i < each; i++)
			build_endpoints(&s->all, &(struct build_out){.arena = &a, .w = &w});
		arena_fini(&a);
	}
	return (double)(now_ns() - start) / jobs / each;
}

static double time_floor(uint8_t *end, const struct endpoint *ep, int rounds)
{
	int64_t start = now_ns();

	for (int r = 0; r < rounds; r++)
		floor_writer(end, ep, ENDPOINTS);
	return (double)(now_ns() - start) / rounds;
}

static void same_bytes(uint8_t *end, const struct endpoint *ep, const struct shape *s)
{
	struct pb_bytes f = floor_writer(end, ep, ENDPOINTS);
	struct build_out out = {0};
	struct arena a;
	struct pbw w;

	arena_init(&a, 0);
	pbw_init(&w, &a);
	out.arena = &a;
	out.w = &w;
	build_endpoints(&s->all, &out);
	must(out.len == f.n && !memcmp(out.bytes, f.p, f.n));
	arena_fini(&a);
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

int main(void)
{
	static struct endpoint ep[ENDPOINTS];
	static struct shape shape;
	size_t size = 1 << 20;
	uint8_t *space = malloc(size);
	double one = 1e18, many = 1e18, base = 1e18;

	must(space);
	arena_keep_memory();	/* as navarchd does */
	fill(ep, ENDPOINTS);
	set_shape(&shape, ep);
	same_bytes(space + size, ep, &shape);
	for (int t = 0; t < TRIES; t++) {
		base = least(base, time_floor(space + size, ep, ROUNDS));
		many = least(many, time_build(&shape, ROUNDS / 20, 20));
		one = least(one, time_build(&shape, ROUNDS, 1));
	}
	printf("floor_us %.1f\none_ratio %.2f\nmany_ratio %.2f\n", base / 1000, one / base, many / base);
	free(space);
	return 0;
}
