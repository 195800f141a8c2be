/* SPDX-License-Identifier: Apache-2.0 */
#include "report/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/scalar.h"
#include "node/node.h"
#include "store/kube_target.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces"

enum {
	BODY_MAX = 64 * 1024,
	CALL_MS = 3000,			/* two fit into the time that a renewal may take */
	AGAIN_MS = 500,			/* after an answer that did not come in time */
	SPREAD_PERCENT = 20,		/* of waits while another one leads */
};

enum asked { ASKED_NOTHING, ASKED_READ, ASKED_CREATE, ASKED_TAKE, ASKED_RENEW };

/* What was read of the Lease last. */
struct seen {
	bool there;
	char *version;			/* resourceVersion */
	char *holder;
	int64_t duration_ms, transitions;
	struct hash128 spec;		/* of the whole of it */
	int64_t changed_ms;		/* when we saw spec change */
};

struct lease {
	char *ns, *name, *identity, *all, *target;	/* the last two: paths */
	uint64_t random;
	enum asked asked;
	int64_t asked_ms, next_ms;
	int64_t good_ms;		/* when the last renewal that went well was sent; -1: none */
	bool must_read, conflicted;
	struct seen seen;
	char *trouble;			/* or NULL */
	struct buf body;
};

static char *copy(const char *text)
{
	char *c = strdup(text ? text : "");

	must(c && "out of memory");
	return c;
}

struct lease *lease_new(const char *ns, const char *name, const char *identity, uint64_t seed)
{
	struct lease *l = calloc(1, sizeof(*l));

	must(l && "out of memory");
	*l = (struct lease){.ns = copy(ns), .name = copy(name), .identity = copy(identity), .random = seed | 1, .good_ms = -1,
			    .must_read = true, .seen = {.version = copy(""), .holder = copy("")}};
	must(asprintf(&l->all, LEASES "/%s/leases", ns) > 0 && asprintf(&l->target, "%s/%s", l->all, name) > 0);
	buf_init(&l->body, BODY_MAX);
	return l;
}

void lease_free(struct lease *l)
{
	if (!l)
		return;
	free(l->ns);
	free(l->name);
	free(l->identity);
	free(l->all);
	free(l->target);
	free(l->seen.version);
	free(l->seen.holder);
	free(l->trouble);
	buf_fini(&l->body);
	free(l);
}

/* ---- who holds it ---- */

static bool is_ours(const struct lease *l)
{
	return l->seen.there && !strcmp(l->seen.holder, l->identity);
}

int64_t lease_left_ms(const struct lease *l, int64_t now_ms)
{
	int64_t left_ms = l->good_ms + LEASE_RENEW_DEADLINE_MS - now_ms;

	return l->good_ms >= 0 && left_ms > 0 ? left_ms : 0;
}

bool lease_held(const struct lease *l, int64_t now_ms)
{
	return lease_left_ms(l, now_ms) > 0;
}

const char *lease_holder(const struct lease *l)
{
	return l->seen.holder;
}

const char *lease_trouble(const struct lease *l)
{
	return l->trouble;
}

static int64_t ends_ms(const struct lease *l)
{
	return l->seen.changed_ms + l->seen.duration_ms;
}

static bool may_take(const struct lease *l, int64_t now_ms)
{
	return !strcmp(l->seen.holder, l->identity) || !*l->seen.holder || now_ms >= ends_ms(l);
}

/* ---- requests ---- */

static void put_time(struct buf *out, const char *key, int64_t wall_ns)
{
	char text[SCALAR_TIME];

	/* MicroTime: exactly six digits (kube-facts.md 5) */
	buf_printf(out, ",\"%s\":\"%s\"", key, scalar_time_print_ns(wall_ns, 6, text));
}

static void put_spec(struct lease *l, int64_t wall_ns, enum asked what)
{
	struct buf *b = &l->body;

	buf_str(b, "\"spec\":{\"holderIdentity\":");
	node_text_to_json(l->identity, b);
	buf_printf(b, ",\"leaseDurationSeconds\":%d", LEASE_DURATION_MS / 1000);
	put_time(b, "renewTime", wall_ns);
	if (what != ASKED_RENEW) {
		put_time(b, "acquireTime", wall_ns);
		buf_printf(b, ",\"leaseTransitions\":%" PRId64, what == ASKED_CREATE ? 0 : l->seen.transitions + 1);
	}
	buf_str(b, "}}");
}

static void begin_patch(struct lease *l)
{
	buf_clear(&l->body);
	kube_patch_begin(&l->body, l->seen.version);
	buf_str(&l->body, "},");
}

static void ask(struct lease *l, int64_t now_ms, enum asked what, const char *method, struct lease_request *out)
{
	*out = (struct lease_request){.method = method, .target = l->target, .total_ms = CALL_MS};
	if (what != ASKED_READ) {
		out->content_type = what == ASKED_CREATE ? "application/json" : "application/merge-patch+json";
		out->body = buf_cstr(&l->body);
	}
	must(!l->body.failed);
	l->asked = what;
	l->asked_ms = now_ms;
}

static void create(struct lease *l, int64_t now_ms, int64_t wall_ns, struct lease_request *out)
{
	struct buf *b = &l->body;

	buf_clear(b);
	buf_str(b, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":");
	node_text_to_json(l->name, b);
	buf_str(b, ",\"namespace\":");
	node_text_to_json(l->ns, b);
	buf_str(b, "},");
	put_spec(l, wall_ns, ASKED_CREATE);
	ask(l, now_ms, ASKED_CREATE, "POST", out);
	out->target = l->all;
}

static void write_spec(struct lease *l, int64_t now_ms, int64_t wall_ns, struct lease_request *out)
{
	enum asked what = is_ours(l) ? ASKED_RENEW : ASKED_TAKE;

	begin_patch(l);
	put_spec(l, wall_ns, what);
	ask(l, now_ms, what, "PATCH", out);
}

void lease_next(struct lease *l, int64_t now_ms, int64_t wall_ns, struct lease_request *out)
{
	must(l->asked == ASKED_NOTHING);
	if (now_ms < l->next_ms)
		*out = (struct lease_request){.wait_ms = l->next_ms - now_ms};
	else if (l->must_read)
		ask(l, now_ms, ASKED_READ, "GET", out);
	else if (!l->seen.there)
		create(l, now_ms, wall_ns, out);
	else
		write_spec(l, now_ms, wall_ns, out);
}

bool lease_give_back(struct lease *l, int64_t now_ms, int64_t wall_ns, struct lease_request *out)
{
	bool held = lease_held(l, now_ms) && is_ours(l);

	if (!held)
		return false;
	begin_patch(l);
	buf_str(&l->body, "\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1");
	put_time(&l->body, "renewTime", wall_ns);
	put_time(&l->body, "acquireTime", wall_ns);
	buf_str(&l->body, "}}");
	ask(l, now_ms, ASKED_RENEW, "PATCH", out);
	l->good_ms = -1;
	return true;
}

/* ---- answers ---- */

static void set_trouble(struct lease *l, const char *text)
{
	free(l->trouble);
	l->trouble = text ? copy(text) : NULL;
}

static int64_t number_of(const struct node *spec, const char *key, int64_t otherwise)
{
	const struct node *n = node_get(spec, key);
	int64_t v;

	return n && n->kind == NODE_NUMBER && !scalar_int(n->text, 0, INT32_MAX, &v) ? v : otherwise;
}

static void replace(char **at, const char *text)
{
	free(*at);
	*at = copy(text);
}

static bool take_lease(struct lease *l, int64_t now_ms, const char *body, size_t n)
{
	const struct node *root, *spec;
	struct hash128 hash;
	struct arena a;
	struct diags ds;
	struct buf text;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	root = node_parse_json(body, n, NULL, &a, &ds).root;
	spec = node_get(root, "spec");
	if (!node_text(node_get(root, "metadata"), "resourceVersion")) {
		arena_fini(&a);
		return false;
	}
	buf_init(&text, BODY_MAX);
	if (spec)
		node_to_json(spec, true, false, &text);
	hash = hash_bytes(text.p ? text.p : "", text.n);
	buf_fini(&text);
	if (!l->seen.there || !hash_equal(hash, l->seen.spec))
		l->seen.changed_ms = now_ms;
	l->seen.there = true;
	l->seen.spec = hash;
	replace(&l->seen.version, node_text(node_get(root, "metadata"), "resourceVersion"));
	replace(&l->seen.holder, node_text(spec, "holderIdentity"));
	l->seen.duration_ms = number_of(spec, "leaseDurationSeconds", LEASE_DURATION_MS / 1000) * 1000;
	l->seen.transitions = number_of(spec, "leaseTransitions", 0);
	arena_fini(&a);
	return true;
}

static int64_t spread(struct lease *l, int64_t ms)
{
	l->random = l->random * 6364136223846793005u + 1442695040888963407u;
	return ms + (int64_t)((l->random >> 33) % (uint64_t)(ms * SPREAD_PERCENT / 100 + 1));
}

/* It was read, or is not there. */
static void take_read(struct lease *l, int64_t now_ms)
{
	if (may_take(l, now_ms)) {
		l->must_read = false;
		l->next_ms = now_ms;
		return;
	}
	l->conflicted = false;
	l->good_ms = -1;		/* another one has it, whatever we believed */
	l->must_read = true;
	l->next_ms = spread(l, LEASE_RETRY_MS) + now_ms;
	if (l->next_ms > ends_ms(l))	/* when it ends, no one waits longer than he must */
		l->next_ms = ends_ms(l);
}

static void take_write(struct lease *l, int64_t now_ms)
{
	if (!is_ours(l)) {		/* no answer of ours */
		l->must_read = true;
		l->next_ms = now_ms + LEASE_RETRY_MS;
		return;
	}
	l->good_ms = l->asked_ms;
	l->must_read = l->conflicted = false;
	l->next_ms = l->asked_ms + LEASE_RETRY_MS > now_ms ? l->asked_ms + LEASE_RETRY_MS : now_ms;
}

/* The next try, in time for a second one before what we hold is lost. */
static int64_t after_failure(const struct lease *l, int64_t now_ms)
{
	int64_t at_ms = l->asked_ms + LEASE_RETRY_MS;

	return at_ms > now_ms + AGAIN_MS ? at_ms : now_ms + AGAIN_MS;
}

static void failed(struct lease *l, int64_t now_ms, enum asked asked, unsigned status, const struct err *why)
{
	char text[300];

	l->next_ms = after_failure(l, now_ms);
	/* a renewal that was not heard of may have been taken: then the next one is a conflict, and is read up on */
	l->must_read = !(asked == ASKED_RENEW && (why || status >= 500 || status == 429));
	if (!why && status == 409) {
		if (!l->conflicted)	/* somebody else wrote: who, is read at once */
			l->next_ms = now_ms;
		l->conflicted = true;
		set_trouble(l, NULL);
		return;
	}
	if (why)
		snprintf(text, sizeof(text), "%s", why->text);
	else
		snprintf(text, sizeof(text), "HTTP %u", status);
	set_trouble(l, text);
}

void lease_answered(struct lease *l, int64_t now_ms, unsigned status, const char *body, size_t n, const struct err *why)
{
	enum asked asked = l->asked;
	bool ok = !why && status >= 200 && status < 300 && take_lease(l, now_ms, body, n);

	must(asked != ASKED_NOTHING);
	l->asked = ASKED_NOTHING;
	if (ok) {
		set_trouble(l, NULL);
		if (asked == ASKED_READ)
			take_read(l, now_ms);
		else
			take_write(l, now_ms);
	} else if (!why && status == 404 && asked == ASKED_READ) {
		l->seen.there = false;	/* one that was deleted: whoever held it may go on for a while */
		set_trouble(l, NULL);
		take_read(l, now_ms);
	} else {
		failed(l, now_ms, asked, status, why);
	}
}
