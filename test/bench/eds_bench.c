/* SPDX-License-Identifier: Apache-2.0
 *
 * One load assignment of 1,000 endpoints: the typed writers against a floor that is written by hand
 * for this one shape. Both must give the same bytes. Prints the time of each and the ratio.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/must.h"
#include "pb/core.h"
#include "pb/endpoint.h"
#include "pb/wkt.h"

enum { ENDPOINTS = 1000, ROUNDS = 2000, TRIES = 9 };

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

static void typed_endpoint(struct w_lb_endpoint m, const struct endpoint *ep)
{
	struct w_metadata md;
	struct w_struct st;
	struct w_endpoint e;
	struct w_address a;
	struct w_socket_address sa;

	w_lb_endpoint_load_balancing_weight(m, ep->weight);
	md = w_lb_endpoint_metadata_begin(m);
	st = w_metadata_filter_metadata_put_begin(md);
	w_struct_string(st, "workload", ep->workload);
	w_metadata_filter_metadata_put_end(md, st, "istio");
	st = w_metadata_filter_metadata_put_begin(md);
	w_struct_string(st, "tlsMode", "istio");
	w_metadata_filter_metadata_put_end(md, st, "envoy.transport_socket_match");
	w_lb_endpoint_metadata_end(m, md);
	w_lb_endpoint_health_status(m, W_HEALTH_STATUS_HEALTHY);
	e = w_lb_endpoint_endpoint_begin(m);
	a = w_endpoint_address_begin(e);
	sa = w_address_socket_address_begin(a);
	w_socket_address_port_value(sa, ep->port);
	w_socket_address_address(sa, ep->address);
	w_address_socket_address_end(a, sa);
	w_endpoint_address_end(e, a);
	w_lb_endpoint_endpoint_end(m, e);
}

static struct pb_bytes typed(struct pbw *w, const struct endpoint *ep, unsigned n)
{
	struct w_assignment m = w_assignment_root(w);
	struct w_locality_lb_endpoints l = w_assignment_endpoints_begin(m);
	struct w_locality loc;

	w_locality_lb_endpoints_load_balancing_weight(l, n);
	for (unsigned i = n; i-- > 0;) {
		struct w_lb_endpoint x = w_locality_lb_endpoints_lb_endpoints_begin(l);

		typed_endpoint(x, &ep[i]);
		w_locality_lb_endpoints_lb_endpoints_end(l, x);
	}
	loc = w_locality_lb_endpoints_locality_begin(l);
	w_locality_zone(loc, "eu-west-1a");
	w_locality_region(loc, "eu-west-1");
	w_locality_lb_endpoints_locality_end(l, loc);
	w_assignment_endpoints_end(m, l);
	w_assignment_cluster_name(m, "outbound|9080||reviews.default.svc.cluster.local");
	return pbw_finish(w);
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
	*--p = 1;
	*--p = 0x10;
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

/* ns for one assignment, of `jobs` jobs with an arena each that make `each` assignments. */
static double time_typed(const struct endpoint *ep, int jobs, int each)
{
	int64_t start = now_ns();

	for (int j = 0; j < jobs; j++) {
		struct arena a;
		struct pbw w;

		arena_init(&a, 0);
		pbw_init(&w, &a);
		for (int i = 0; i < each; i++)
			typed(&w, ep, ENDPOINTS);
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

static void same_bytes(uint8_t *end, const struct endpoint *ep)
{
	struct pb_bytes b, f = floor_writer(end, ep, ENDPOINTS);
	struct arena a;
	struct pbw w;

	arena_init(&a, 0);
	pbw_init(&w, &a);
	b = typed(&w, ep, ENDPOINTS);
	must(b.n == f.n && !memcmp(b.p, f.p, b.n));
	printf("%d endpoints, %zu bytes\n", ENDPOINTS, b.n);
	arena_fini(&a);
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

int main(void)
{
	static struct endpoint ep[ENDPOINTS];
	size_t size = 1 << 20;
	uint8_t *space = malloc(size);
	double one = 1e18, many = 1e18, base = 1e18;

	must(space);
	fill(ep, ENDPOINTS);
	same_bytes(space + size, ep);
	for (int t = 0; t < TRIES; t++) {
		base = least(base, time_floor(space + size, ep, ROUNDS));
		many = least(many, time_typed(ep, ROUNDS / 20, 20));
		one = least(one, time_typed(ep, ROUNDS, 1));
	}
	printf("floor %.1f us; typed, 20 in a job: %.1f us, ratio %.2f; one in a job: %.1f us, ratio %.2f\n",
	       base / 1000, many / 1000, many / base, one / 1000, one / base);
	free(space);
	return 0;
}
