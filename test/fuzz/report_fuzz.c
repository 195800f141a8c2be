/* SPDX-License-Identifier: Apache-2.0
 *
 * What an API server says of an object before it is written to: a status that is patched needs no second patch and keeps
 * the conditions, and entries, of others, a Lease is ours only when it says so, addresses are written once, a patch is
 * JSON and changes what is ours.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "report/gwapi.h"
#include "report/ingress.h"
#include "report/lease.h"
#include "report/status.h"
#include "report/trust.h"

enum { OUT_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct node *parse(const char *text, size_t n, struct arena *a)
{
	struct diags ds;

	const struct node *root;

	diags_init(&ds, a);
	root = node_parse_json(text, n, NULL, a, &ds).root;
	return ds.nerrors ? NULL : root;
}

static size_t n_conditions(const struct node *status)
{
	const struct node *list = node_get(status, "conditions");

	return list && list->kind == NODE_LIST ? list->n : 0;
}

static void check_status(const struct node *root, struct arena *a)
{
	struct store_claim claim = {.invalid = true};
	struct status_input in = {.claim = &claim, .generation = 3};
	const struct node *patch;
	struct status s;
	struct buf out, again;
	bool news;

	buf_init(&out, OUT_MAX);
	buf_init(&again, OUT_MAX);
	status_build(&in, a, &s);
	if (status_patch(&s, root, 1800000000000000000, &out, &news)) {
		patch = parse(buf_cstr(&out), out.n, a);
		must(patch && node_text(node_get(patch, "metadata"), "resourceVersion"));
		must(n_conditions(node_get(patch, "status")) >= n_conditions(node_get(root, "status")));
		must(!status_patch(&s, patch, 1900000000000000000, &again, &news) && !again.n && !news);
	}
	buf_fini(&out);
	buf_fini(&again);
}

/* Entries that are not of a controller of ours. */
static size_t n_foreign(const struct node *status)
{
	const struct node *list = node_get(status, "parents");
	size_t n = 0;

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *controller = node_text(&list->list[i], "controllerName");

		n += !controller || strncmp(controller, "istio.io/", 9) != 0;
	}
	return n;
}

static void check_gwapi(const struct node *root, const char *json, struct arena *a)
{
	struct gwapi_said said = {.kind = KIND_HTTP_ROUTE, .generation = 3, .json = json, .n_json = strlen(json)};
	const struct node *patch;
	struct buf out, again;

	buf_init(&out, OUT_MAX);
	buf_init(&again, OUT_MAX);
	if (gwapi_patch(&said, root, 1800000000000000000, &out)) {
		patch = parse(buf_cstr(&out), out.n, a);
		must(patch && node_text(node_get(patch, "metadata"), "resourceVersion"));
		must(!node_get(node_get(patch, "status"), "parents") ||
		     n_foreign(node_get(patch, "status")) == n_foreign(node_get(root, "status")));
		must(!gwapi_patch(&said, patch, 1900000000000000000, &again) && !again.n);
	}
	buf_fini(&out);
	buf_fini(&again);
}

/* A condition that is as good as any. */
#define GOOD "\"conditions\":[{\"type\":\"Accepted\",\"status\":\"True\",\"reason\":\"Accepted\",\"message\":\"\",\"observedGeneration\":3}]"
#define ENTRY "{\"parentRef\":{\"name\":\"a\"},\"controllerName\":\"istio.io/gateway-controller\"," GOOD "}"

static void check_gwapis(const struct node *root, struct arena *a)
{
	check_gwapi(root, "{\"parents\":[]}", a);
	check_gwapi(root, "{\"parents\":[" ENTRY "]}", a);
	check_gwapi(root, "{" GOOD ",\"listeners\":[{\"name\":\"a\",\"attachedRoutes\":1," GOOD "}]}", a);
}

static void check_trust(const struct node *root, struct arena *a)
{
	struct buf out;

	buf_init(&out, OUT_MAX);
	if (trust_webhook_patch(root, "ROOT\n", &out))
		must(parse(buf_cstr(&out), out.n, a)->n >= 3);
	buf_clear(&out);
	if (trust_map_patch(&trust_root_map, root, "ns", "ROOT\n", &out))
		must(!strcmp(node_text(node_get(parse(buf_cstr(&out), out.n, a), "data"), trust_root_map.key), "ROOT\n"));
	buf_fini(&out);
}

/* What is written needs no second write; where there is nothing to say, only what was ours goes. */
static void check_ingress(const struct node *root, struct arena *a)
{
	static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "a.example.com"};

	for (size_t n = 0; n <= ARRAY_LEN(texts); n++) {
		const struct ingress_addresses want = {.v = texts, .n = n};
		const struct node *patch;
		struct buf out, again;

		buf_init(&out, OUT_MAX);
		buf_init(&again, OUT_MAX);
		if (ingress_patch(&want, "me", root, &out)) {
			patch = parse(buf_cstr(&out), out.n, a);
			must(patch && node_text(node_get(patch, "metadata"), "resourceVersion"));
			must(n || node_get(node_get(root, "metadata"), "managedFields"));
			must(!ingress_patch(&want, "me", patch, &again) && !again.n);
		}
		buf_fini(&out);
		buf_fini(&again);
	}
}

static void check_lease(const char *text, size_t n)
{
	struct lease *l = lease_new("ns", "lease", "me", 1);
	struct lease_request q;

	for (int64_t now_ms = 0; now_ms < 60000; now_ms += 5000) {
		lease_next(l, now_ms, now_ms * 1000000, &q);
		if (q.method)
			lease_answered(l, now_ms, 200, text, n, NULL);
		must(!lease_held(l, now_ms) || !strcmp(lease_holder(l), "me"));
	}
	lease_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const struct node *root;
	struct arena a;

	arena_init(&a, 0);
	root = parse(text, size, &a);
	if (root && root->kind == NODE_MAP) {
		check_status(root, &a);
		check_gwapis(root, &a);
		check_trust(root, &a);
		check_ingress(root, &a);
	}
	check_lease(text, size);
	arena_fini(&a);
	return 0;
}
