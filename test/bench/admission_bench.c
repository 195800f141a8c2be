/* SPDX-License-Identifier: Apache-2.0
 *
 * Reviews of a VirtualService of eight routes, an UPDATE with both objects and the server's notes of who
 * wrote which field: the bytes of a review to the bytes of its answer, one after the other on one thread.
 * Every eighth is refused. Prints "name value" lines: reviews a second of processor time, the best of
 * several tries; the 99th percentile of all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "server/admission.h"

enum { TRIES = 5, REVIEWS = 2000, ROUTES = 8, REVIEW_MAX = 1024 * 1024 };

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put_object(struct buf *out, const char *timeout)
{
	buf_str(out, "{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\",\"metadata\":{\"name\":\"reviews\","
		     "\"namespace\":\"bookinfo\",\"uid\":\"705ab4f5-6393-11e8-b7cc-42010a800002\",\"resourceVersion\":\"4711\","
		     "\"generation\":7,\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"labels\":{\"app\":\"reviews\"},\"managedFields\":[{"
		     "\"manager\":\"kubectl-client-side-apply\",\"operation\":\"Update\",\"apiVersion\":\"networking.istio.io/v1\","
		     "\"time\":\"2026-01-02T03:04:05Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{\".\":{},"
		     "\"f:app\":{}}},\"f:spec\":{\".\":{},\"f:hosts\":{},\"f:http\":{}}}}]},\"spec\":{\"hosts\":[\"reviews\"],\"http\":[");
	for (int i = 0; i < ROUTES; i++)
		buf_printf(out, "%s{\"name\":\"r%d\",\"match\":[{\"uri\":{\"prefix\":\"/api/v%d\"},\"headers\":{\"end-user\":{\"regex\":"
				"\"^(.*)jason%d$\"}}}],\"%s\":\"%ds\",\"retries\":{\"attempts\":3,\"perTryTimeout\":\"2s\",\"retryOn\":"
				"\"5xx,reset\"},\"route\":[{\"destination\":{\"host\":\"reviews\",\"subset\":\"v1\"},\"weight\":90},"
				"{\"destination\":{\"host\":\"reviews\",\"subset\":\"v2\"},\"weight\":10}]}",
			   i ? "," : "", i, i, i, i ? "timeout" : timeout, i + 1);
	buf_str(out, "]}}");
}

static void put_review(struct buf *out, const char *timeout)
{
	buf_init(out, REVIEW_MAX);
	buf_str(out, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":"
		     "\"705ab4f5-6393-11e8-b7cc-42010a800002\",\"kind\":{\"group\":\"networking.istio.io\",\"version\":\"v1\",\"kind\":"
		     "\"VirtualService\"},\"resource\":{\"group\":\"networking.istio.io\",\"version\":\"v1\",\"resource\":"
		     "\"virtualservices\"},\"name\":\"reviews\",\"namespace\":\"bookinfo\",\"operation\":\"UPDATE\",\"userInfo\":{"
		     "\"username\":\"kubernetes-admin\",\"groups\":[\"system:masters\",\"system:authenticated\"]},\"object\":");
	put_object(out, timeout);
	buf_str(out, ",\"oldObject\":");
	put_object(out, "timeout");
	buf_str(out, ",\"dryRun\":false,\"options\":{\"kind\":\"UpdateOptions\",\"apiVersion\":\"meta.k8s.io/v1\"}}}");
	must(!out->failed);
}

static void validate(const struct buf *review, bool allowed)
{
	struct admission_result r;
	struct buf answer;
	struct arena a;
	struct err e;

	arena_init(&a, 0);
	buf_init(&answer, ADMISSION_ANSWER_MAX);
	must(!admission_review(review->p, review->n, &answer, &r, &a, &e) && r.allowed == allowed);
	buf_fini(&answer);
	arena_fini(&a);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	static double took[TRIES * REVIEWS];
	struct buf good, bad;
	double best = 0;
	size_t n = 0;

	arena_keep_memory();
	put_review(&good, "timeout");
	put_review(&bad, "timeuot");
	for (int t = 0; t < TRIES; t++) {
		double began = cpu_s(), last = began;

		for (int i = 0; i < REVIEWS; i++) {
			double now;

			validate(i % 8 ? &good : &bad, i % 8 != 0);
			now = cpu_s();
			took[n++] = now - last;
			last = now;
		}
		best = REVIEWS / (last - began) > best ? REVIEWS / (last - began) : best;
	}
	qsort(took, n, sizeof(*took), compare);
	printf("review_bytes %zu\nreviews_per_s %.0f\np99_ms %.4f\n", good.n, best, took[n * 99 / 100] * 1e3);
	buf_fini(&good);
	buf_fini(&bad);
	return 0;
}
