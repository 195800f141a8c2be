/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of pods as an API server sends it, in pieces of 64 KiB: to what is kept of it as nodes, to checked objects,
 * and, in the same run, to jansson's trees item by item. Prints "name value" lines. usage: json_bench
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "model/object.h"
#include "node/json_list.h"

enum { PODS = 2000, PIECE = 64 * 1024, TRIES = 5, LIST_MAX = 64 * 1024 * 1024 };

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What the server notes of who wrote which field: two fifths of a pod's bytes, none of which are read. */
static void put_managed_fields(struct buf *out)
{
	static const char *const managers[] = {"kube-controller-manager", "kube-scheduler", "kubelet"};

	buf_str(out, "\"managedFields\":[");
	for (int i = 0; i < 3; i++) {
		buf_printf(out, "%s{\"manager\":\"%s\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":"
				"\"2026-01-02T03:04:05Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{", i ? "," : "", managers[i]);
		for (int k = 0; k < 6; k++)
			buf_printf(out, "%s\"f:field%d\":{\".\":{},\"k:{\\\"containerPort\\\":%d,\\\"protocol\\\":\\\"TCP\\\"}\":"
					"{\".\":{},\"f:name\":{},\"f:protocol\":{}}}", k ? "," : "", k, 8080 + k);
		buf_str(out, "}}");
	}
	buf_str(out, "]");
}

static void put_pod(struct buf *out, int i)
{
	buf_printf(out, "%s{\"metadata\":{\"name\":\"reviews-v1-%08x-%05x\",\"generateName\":\"reviews-v1-%08x-\",\"namespace\":"
			"\"ns-%d\",\"uid\":\"00000000-0000-4000-8000-%012x\",\"resourceVersion\":\"%d\",\"creationTimestamp\":"
			"\"2026-01-02T03:04:05Z\",\"labels\":{\"app\":\"reviews\",\"version\":\"v1\",\"pod-template-hash\":\"%08x\","
			"\"security.istio.io/tlsMode\":\"istio\",\"service.istio.io/canonical-name\":\"reviews\"},\"annotations\":"
			"{\"prometheus.io/port\":\"15020\",\"sidecar.istio.io/status\":\"{\\\"revision\\\":\\\"default\\\"}\"},",
		   i ? "," : "", i / 10, i, i / 10, i % 50, i, 1000 + i, i);
	put_managed_fields(out);
	buf_printf(out, "},\"spec\":{\"volumes\":[{\"name\":\"token\",\"projected\":{\"sources\":[{\"serviceAccountToken\":"
			"{\"expirationSeconds\":3607,\"path\":\"token\"}}],\"defaultMode\":420}}],\"containers\":[");
	for (int k = 0; k < 2; k++)
		buf_printf(out, "%s{\"name\":\"%s\",\"image\":\"registry.example.com/team/%s:1.2.3\",\"ports\":[{\"name\":\"http\","
				"\"containerPort\":%d,\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"POD\",\"valueFrom\":{\"fieldRef\":"
				"{\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.name\"}}}],\"resources\":{\"limits\":{\"cpu\":\"2\","
				"\"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"}},\"volumeMounts\":[{\"name\":"
				"\"token\",\"readOnly\":true,\"mountPath\":\"/var/run/secrets\"}],\"imagePullPolicy\":\"IfNotPresent\"}",
			   k ? "," : "", k ? "istio-proxy" : "app", k ? "proxy" : "app", 9080 + k);
	buf_printf(out, "],\"restartPolicy\":\"Always\",\"dnsPolicy\":\"ClusterFirst\",\"serviceAccountName\":\"reviews\","
			"\"nodeName\":\"node-%d\",\"tolerations\":[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":"
			"\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}]},\"status\":{\"phase\":\"Running\","
			"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":\"2026-01-02T03:04:09Z\"}],"
			"\"podIP\":\"10.%d.%d.%d\",\"podIPs\":[{\"ip\":\"10.%d.%d.%d\"}],\"startTime\":\"2026-01-02T03:04:05Z\"}}",
		   i % 20, i >> 16, i >> 8 & 255, i & 255, i >> 16, i >> 8 & 255, i & 255);
}

struct taking {
	struct object_keep keep;
	struct arena arena;
	bool decode;
	size_t n, errors;
};

static void take_nodes(void *arg, const char *text, size_t n)
{
	static const struct node_member head[] = {
		{.key = "apiVersion", .value = {.kind = NODE_STRING, .text = "v1", .n = 2}},
		{.key = "kind", .value = {.kind = NODE_STRING, .text = "Pod", .n = 3}},
	};
	struct taking *t = arg;
	struct arena_mark mark = arena_mark(&t->arena);
	struct object *o = NULL;
	struct object_id id;
	struct diags ds;
	struct node_doc doc;

	diags_init(&ds, &t->arena);
	doc = node_parse_json(text, n, &t->keep.root, &t->arena, &ds);
	if (t->decode) {
		struct node_member *v = arena_array(&t->arena, struct node_member, doc.root->n + 2);

		memcpy(v, head, sizeof(head));
		memcpy(v + 2, doc.root->map, doc.root->n * sizeof(*v));
		doc.root->map = v;
		doc.root->n += 2;
		must(object_decode(doc.root, SCHEMA_LENIENT, NULL, &o, &id, &ds) == OBJECT_OK);
		object_unref(o);
	}
	t->n++;
	t->errors += ds.nerrors;
	arena_rewind(&t->arena, mark);
}

static void take_jansson(void *arg, const char *text, size_t n)
{
	struct taking *t = arg;
	json_t *tree = json_loadb(text, n, 0, NULL);

	t->n++;
	t->errors += !tree;
	json_decref(tree);
}

static double read_s(const struct buf *text, json_list_fn *fn, bool decode)
{
	struct taking t = {.decode = decode};
	double start = now_s(), seconds;
	struct json_list l;

	json_list_init(&l);
	arena_init(&t.arena, 0);
	object_keep(KIND_POD, &t.keep);
	for (size_t at = 0; at < text->n; at += PIECE)
		must(!json_list_feed(&l, text->p + at, text->n - at < PIECE ? text->n - at : PIECE, fn, &t));
	must(json_list_is_whole(&l) && t.n == PODS && !t.errors);
	seconds = now_s() - start;
	arena_fini(&t.arena);
	json_list_fini(&l);
	return seconds;
}

int main(void)
{
	double nodes = 1e9, objects = 1e9, jansson = 1e9;
	struct buf text;

	arena_keep_memory();
	buf_init(&text, LIST_MAX);
	buf_str(&text, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"4711\"},\"items\":[");
	for (int i = 0; i < PODS; i++)
		put_pod(&text, i);
	buf_str(&text, "]}\n");
	for (int i = 0; i < TRIES; i++) {
		double n = read_s(&text, take_nodes, false), o = read_s(&text, take_nodes, true),
		       j = read_s(&text, take_jansson, false);

		nodes = n < nodes ? n : nodes;
		objects = o < objects ? o : objects;
		jansson = j < jansson ? j : jansson;
	}
	printf("pod_bytes %zu\nnodes_mb_s %.1f\nobjects_mb_s %.1f\njansson_mb_s %.1f\n", text.n / PODS,
	       (double)text.n / 1e6 / nodes, (double)text.n / 1e6 / objects, (double)text.n / 1e6 / jansson);
	buf_fini(&text);
	return 0;
}
