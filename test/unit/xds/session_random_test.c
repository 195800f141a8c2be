/* SPDX-License-Identifier: Apache-2.0
 *
 * Random histories of content, subscriptions, acknowledgements, refusals and reconnects against a
 * model of a client. However it went: once all is quiet the client holds what it should, nothing
 * that it refused is sent to it in vain, and it took a bounded number of responses.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../scenario/client.c"

enum { NAMES = 6, CONTENTS = 5, BAD = 3, STEPS = 80, QUIET_AFTER = 120 };

static const char *const names[NAMES] = {"a", "b", "c", "d", "e", "f"};
static const char *const contents[CONTENTS] = {NULL, "1", "2", "bad", "4"};

struct held {
	char content[8];		/* "" with has: only a name */
	char version[HASH_HEX_LEN + 1];
	bool has;
};

struct model_type {
	bool open, wild, wanted[NAMES];
	bool waits;			/* a response is to be answered */
	bool anonymous;			/* the last refusal of a whole response named nothing */
	struct message last;
	char nonce[64], version[HASH_HEX_LEN + 1];
	struct held held[NAMES];
};

struct history {
	uint64_t seed, rng;
	struct arena arena;
	struct res_table table;
	struct session *session;
	struct bundle *bundle;
	struct session_opts opts;
	int content[XDS_TYPES][NAMES];	/* index of contents; 0 = absent */
	struct model_type type[XDS_TYPES];
	int n_received;
};

static unsigned rnd(struct history *h, unsigned n)
{
	h->rng ^= h->rng << 13;
	h->rng ^= h->rng >> 7;
	h->rng ^= h->rng << 17;
	return (unsigned)((h->rng >> 11) % n);
}

static int name_index(const char *name)
{
	for (int i = 0; i < NAMES; i++)
		if (!strcmp(names[i], name))
			return i;
	fail_msg("a name that nobody knows: %s", name);
	return 0;
}

static void publish(struct history *h)
{
	struct compiled c = {.gen = 1};
	struct bundle *b;

	for (int t = 0; t < XDS_TYPES; t++) {
		struct res_new *v = arena_array(&h->arena, struct res_new, NAMES);
		size_t n = 0;

		for (int i = 0; i < NAMES; i++) {
			if (!h->content[t][i])
				continue;
			v[n].name = names[i];
			content_write(names[i], contents[h->content[t][i]], &h->arena, &v[n].bytes, &v[n].len);
			n++;
		}
		c.set[t].v = v;
		c.set[t].n = n;
	}
	b = bundle_adopt(&h->table, &c, h->bundle);
	session_set_bundle(h->session, b);
	bundle_unref(&h->table, h->bundle);
	h->bundle = b;
}

static void change_content(struct history *h, bool heal)
{
	for (int k = 0; k < 4; k++)
		h->content[rnd(h, XDS_TYPES)][rnd(h, NAMES)] = (int)rnd(h, CONTENTS);
	for (int t = 0; heal && t < XDS_TYPES; t++)
		for (int i = 0; i < NAMES; i++)
			if (h->content[t][i] == BAD)
				h->content[t][i] = 4;
	publish(h);
}

static void request(struct history *h, int t, struct xds_request *q)
{
	struct err e = {0};

	q->type_url = xds_type_info((enum xds_type)t)->type_url;
	assert_int_equal(session_receive(h->session, q, 1, &e), 0);
}

static struct strs wanted_names(struct history *h, int t)
{
	const char **v = arena_array(&h->arena, const char *, NAMES + 1);
	size_t n = 0;

	if (h->type[t].wild)
		v[n++] = "*";
	for (int i = 0; i < NAMES; i++)
		if (h->type[t].wanted[i])
			v[n++] = names[i];
	return (struct strs){v, n};
}

/* A state-of-the-world request while a response waits would cross it: clients answer first. */
static void subscribe_sotw(struct history *h, int t)
{
	struct model_type *m = &h->type[t];
	struct xds_request q = {.nonce = m->nonce, .version = m->version};

	if (m->waits)
		return;
	for (int i = 0; i < NAMES; i++)
		if (!m->open || !rnd(h, 3))
			m->wanted[i] = rnd(h, 2);
	m->wild = xds_type_info((enum xds_type)t)->wildcard && (m->open ? m->wild : rnd(h, 4));
	m->open = true;
	/* a list that was never anything else stands for everything: not what this model means */
	if (!wanted_names(h, t).n && xds_type_info((enum xds_type)t)->wildcard)
		m->wanted[0] = true;
	q.names = wanted_names(h, t);
	for (int i = 0; i < NAMES; i++)
		if (!m->wild && !m->wanted[i])
			m->held[i].has = false;
	request(h, t, &q);
}

static void subscribe_delta(struct history *h, int t)
{
	struct model_type *m = &h->type[t];
	struct xds_request q = {.nonce = ""};
	const char **sub = arena_array(&h->arena, const char *, NAMES), **unsub = arena_array(&h->arena, const char *, NAMES);
	size_t n_sub = 0, n_unsub = 0;

	if (!m->open && xds_type_info((enum xds_type)t)->wildcard && rnd(h, 4)) {
		m->wild = true;
	} else {
		for (int i = 0; i < NAMES; i++) {
			if (!m->wanted[i] && !rnd(h, 3)) {
				sub[n_sub++] = names[i];
				m->wanted[i] = true;
			} else if (m->open && m->wanted[i] && !rnd(h, 5)) {
				unsub[n_unsub++] = names[i];
				m->wanted[i] = false;
				m->held[i].has = m->held[i].has && m->wild;
			}
		}
		if (!m->open && !n_sub)
			return;
	}
	m->open = true;
	q.subscribe = (struct strs){sub, n_sub};
	q.unsubscribe = (struct strs){unsub, n_unsub};
	request(h, t, &q);
}

static void receive(struct history *h)
{
	struct buf out;
	struct message m;
	struct model_type *t;
	int type;

	buf_init(&out, 1 << 20);
	if (!session_next(h->session, 1, &out)) {
		buf_fini(&out);
		return;
	}
	assert_true(message_read((const uint8_t *)out.p, out.n, h->opts.delta, &h->arena, &m));
	buf_fini(&out);
	type = xds_type_find(m.type_url);
	assert_true(type >= 0);
	t = &h->type[type];
	assert_true(t->open);
	assert_false(t->waits);		/* one unacknowledged response a type */
	t->waits = true;
	t->last = m;
	snprintf(t->nonce, sizeof(t->nonce), "%s", m.nonce);
	h->n_received++;
}

static void apply(struct history *h, struct model_type *t, bool whole)
{
	if (whole)
		for (int i = 0; i < NAMES; i++)
			t->held[i].has = false;
	for (size_t i = 0; i < t->last.items.n; i++) {
		const struct item *x = &t->last.items.v[i];
		int k = name_index(x->name);

		if (!t->wild && !t->wanted[k])
			continue;
		t->held[k].has = true;
		snprintf(t->held[k].content, sizeof(t->held[k].content), "%s", x->content);
		snprintf(t->held[k].version, sizeof(t->held[k].version), "%s", h->opts.delta ? x->version : "");
	}
	for (size_t i = 0; i < t->last.removed.n; i++)
		t->held[name_index(t->last.removed.v[i])].has = false;
}

static bool any_bad(const struct message *m)
{
	for (size_t i = 0; i < m->items.n; i++)
		if (!strcmp(m->items.v[i].content, contents[BAD]))
			return true;
	return false;
}

static char *refusal_text(struct history *h, const struct message *m)
{
	char *text = arena_strdup(&h->arena, "Error adding/updating cluster(s) ");

	for (size_t i = 0; i < m->items.n; i++)
		if (!strcmp(m->items.v[i].content, contents[BAD]))
			text = arena_printf(&h->arena, "%s%s: it is bad, really, ", text, m->items.v[i].name);
	return text;
}

static void answer(struct history *h, int type)
{
	struct model_type *t = &h->type[type];
	bool whole = !h->opts.delta && xds_type_info((enum xds_type)type)->wildcard, bad = any_bad(&t->last);
	struct xds_request q = {.nonce = t->nonce, .has_error = bad};

	t->waits = false;
	if (bad) {
		t->anonymous = whole && !rnd(h, 3);
		q.error_text = t->anonymous ? "it is bad" : refusal_text(h, &t->last);
	} else {
		t->anonymous = false;
		snprintf(t->version, sizeof(t->version), "%s", t->last.version);
		apply(h, t, whole);
	}
	q.version = t->version;
	if (!h->opts.delta)
		q.names = wanted_names(h, type);
	request(h, type, &q);
}

static void reconnect(struct history *h)
{
	struct session_events none = {0};

	session_free(h->session);
	h->opts.id++;
	h->session = session_new(&h->table, &h->opts, &none);
	if (rnd(h, 2))
		session_set_bundle(h->session, h->bundle);
	for (int t = 0; t < XDS_TYPES; t++) {
		struct model_type *m = &h->type[t];
		struct xds_request q = {.nonce = "", .version = m->version};
		struct str_pair *had = arena_array(&h->arena, struct str_pair, NAMES);
		size_t n = 0;

		m->waits = m->anonymous = false;
		m->nonce[0] = '\0';
		/* an empty first request of a type with wildcard would mean everything */
		m->open &= m->wild || wanted_names(h, t).n || !xds_type_info((enum xds_type)t)->wildcard;
		if (!m->open)
			continue;
		for (int i = 0; i < NAMES; i++)
			if (m->held[i].has)
				had[n++] = (struct str_pair){names[i], m->held[i].version};
		if (h->opts.delta)
			q.initial_versions = (struct strmap){had, n};
		else
			q.names = wanted_names(h, t);
		if (h->opts.delta)
			q.subscribe = wanted_names(h, t);
		request(h, t, &q);
	}
	session_set_bundle(h->session, h->bundle);
}

static void step(struct history *h)
{
	int t = (int)rnd(h, XDS_TYPES);

	switch (rnd(h, 12)) {
	case 0: case 1: change_content(h, false); break;
	case 2: case 3:
		if (h->opts.delta)
			subscribe_delta(h, t);
		else
			subscribe_sotw(h, t);
		break;
	case 4: if (!rnd(h, 4)) reconnect(h); break;
	case 5: case 6: case 7: case 8: receive(h); break;
	default: if (h->type[t].waits) answer(h, t); break;
	}
}

static void settle(struct history *h)
{
	int before = h->n_received;

	for (bool busy = true; busy;) {
		busy = session_wants_to_send(h->session);
		receive(h);
		for (int t = 0; t < XDS_TYPES; t++) {
			if (h->type[t].waits) {
				answer(h, t);
				busy = true;
			}
		}
		if (h->n_received - before > QUIET_AFTER)
			fail_msg("seed %llu: no end of responses", (unsigned long long)h->seed);
	}
}

/* Clusters stay as long as the client may stick to listeners or routes that it has instead of refused
 * ones. */
static bool clusters_stay(struct history *h)
{
	for (int i = 0; i < NAMES; i++)
		if (h->content[XDS_LDS][i] == BAD || h->content[XDS_RDS][i] == BAD)
			return true;
	return h->type[XDS_LDS].anonymous;
}

static void check_name(struct history *h, int type, int i)
{
	const struct model_type *m = &h->type[type];
	const struct held *held = &m->held[i];
	int now = h->content[type][i];
	bool wanted = m->wild || m->wanted[i], removable = xds_type_info((enum xds_type)type)->wildcard;
	const char *what = NULL;

	if (!wanted)
		return;
	if (!now)
		what = removable && held->has && !(type == XDS_CDS && clusters_stay(h)) ? "it holds what is gone" : NULL;
	else if (now == BAD)
		what = held->has && !strcmp(held->content, contents[BAD]) ? "the model is wrong" : NULL;
	else if (!held->has)
		what = "it misses something";
	else if (strcmp(held->content, contents[now]) != 0)
		what = "it holds something old";
	if (what)
		fail_msg("seed %llu, %s %s %s: %s", (unsigned long long)h->seed, h->opts.delta ? "delta" : "sotw",
			 xds_type_info((enum xds_type)type)->short_name, names[i], what);
}

static void check(struct history *h)
{
	for (int t = 0; t < XDS_TYPES; t++)
		for (int i = 0; h->type[t].open && !h->type[t].anonymous && i < NAMES; i++)
			check_name(h, t, i);
}

static void run_history(uint64_t seed, bool delta)
{
	struct session_events none = {0};
	struct history *h = calloc(1, sizeof(*h));

	h->seed = seed;
	h->rng = seed * 0x9e3779b97f4a7c15u + 1;
	h->opts = (struct session_opts){.delta = delta, .only_type = -1, .id = 1};
	arena_init(&h->arena, 0);
	res_table_init(&h->table);
	h->session = session_new(&h->table, &h->opts, &none);
	publish(h);
	for (int i = 0; i < STEPS; i++) {
		step(h);
		if (!rnd(h, 20)) {
			settle(h);
			check(h);
		}
	}
	change_content(h, true);
	settle(h);
	for (int t = 0; t < XDS_TYPES; t++)
		if (h->type[t].anonymous)
			fail_msg("seed %llu: refused, and not sent again after it changed", (unsigned long long)seed);
	check(h);
	/* in sync: a new stream costs no response, but for names that do not exist */
	for (int t = 0; t < XDS_TYPES; t++)
		for (int i = 0; i < NAMES; i++)
			h->content[t][i] = h->content[t][i] ? h->content[t][i] : 1;
	publish(h);
	settle(h);
	reconnect(h);
	if (delta && session_wants_to_send(h->session)) {
		receive(h);
		fail_msg("seed %llu: a response after a reconnect in sync", (unsigned long long)seed);
	}
	session_free(h->session);
	bundle_unref(&h->table, h->bundle);
	res_table_fini(&h->table);
	arena_fini(&h->arena);
	free(h);
}

static void histories_delta(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 1500; seed++)
		run_history(seed, true);
}

static void histories_sotw(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 1500; seed++)
		run_history(seed, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(histories_delta), cmocka_unit_test(histories_sotw)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
