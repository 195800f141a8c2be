/* SPDX-License-Identifier: Apache-2.0
 *
 * The answers of an API server, one after the other: each begins with a byte for its status and one for the size of its
 * pieces, and ends at a 0x1e. kube_watch never asks too soon, never ends a list that did not begin, and gives only
 * objects of its kind.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "store/kube_watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct checker {
	struct kube_watch *w;
	bool in_list;
};

static void on_object(void *arg, const struct node *root)
{
	const char *kind = node_text(root, "kind"), *name = node_text(node_get(root, "metadata"), "name");

	(void)arg;
	must(kind && !strcmp(kind, "Service") && name && *name);
}

static void on_text(void *arg, const char *why)
{
	(void)arg;
	must(!why || strlen(why) < 2000);
}

static void on_list_began(void *arg)
{
	struct checker *c = arg;

	must(!c->in_list);
	c->in_list = true;
}

static void on_list_ended(void *arg, bool whole)
{
	struct checker *c = arg;

	(void)whole;
	must(c->in_list);
	c->in_list = false;
}

static void on_vanished(void *arg)
{
	struct checker *c = arg;

	must(kube_watch_state(c->w) == KUBE_ABSENT);
}

/* Within a list. */
static void on_reverted(void *arg)
{
	must(((struct checker *)arg)->in_list);
}

static const struct kube_watch_events events = {on_object, on_object, on_text, on_list_began, on_list_ended, on_vanished, on_text, on_reverted};

/* One answer in pieces. */
static void answer(struct kube_watch *w, int64_t now, const uint8_t *p, size_t n)
{
	static const unsigned statuses[] = {200, 200, 200, 200, 200, 410, 422, 400, 404, 403, 429, 500, 401, 0};
	unsigned status = n ? statuses[p[0] % ARRAY_LEN(statuses)] : 0;
	size_t piece = n > 1 ? (size_t)p[1] + 1 : 1;
	struct err e;
	bool more = true;

	if (status)
		kube_watch_answered(w, status, n > 1 ? p[1] : -1);
	for (size_t at = 2; status && more && at < n; at += piece)
		more = kube_watch_received(w, now, (const char *)p + at, n - at < piece ? n - at : piece);
	err_set(&e, more && n % 3 ? ERR_IO : ERR_CANCELLED, "as the input wants it");
	kube_watch_ended(w, now, more && status && n % 2 ? NULL : &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct checker c = {0};
	struct kube_watch_cfg cfg = {.kind = KIND_SERVICE, .page = 3, .seed = size, .events = &events, .arg = &c};
	const uint8_t *p = data, *end = data + size;
	int64_t now = 1000;

	c.w = kube_watch_new(&cfg);
	while (p < end) {
		const uint8_t *stop = memchr(p, 0x1e, (size_t)(end - p));
		struct kube_next next;

		kube_watch_next(c.w, now, &next);
		while (!next.target) {
			must(next.wait_ms > 0 && next.wait_ms <= 3700 * 1000);
			now += next.wait_ms;
			kube_watch_next(c.w, now, &next);
		}
		must(next.target[0] == '/' && next.idle_ms > 0);
		if (!stop)
			stop = end;
		answer(c.w, now, p, (size_t)(stop - p));
		now += 700;
		p = stop < end ? stop + 1 : end;
	}
	kube_watch_free(c.w);
	return 0;
}
