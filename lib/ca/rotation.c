/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/rotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ca/ca.h"

enum { MARK_LEN = 16, PROMISE_MAX_S = 10 * 60 };

const char *rotation_phase_name(enum rotation_phase p)
{
	static const char *const names[] = {"steady", "announced", "distributing", "draining"};

	return names[p];
}

/* ---- roots ---- */

static uint64_t mark_of(const char *id)
{
	char text[MARK_LEN + 1];

	snprintf(text, sizeof(text), "%.*s", MARK_LEN, id);
	return strtoull(text, NULL, 16);
}

static struct rotation_root *find(struct rotation *r, const char *id)
{
	for (size_t i = 0; *id && i < r->s.n; i++)
		if (!strcmp(r->s.root[i].id, id))
			return &r->s.root[i];
	return NULL;
}

const struct rotation_root *rotation_root(const struct rotation *r, const char *id)
{
	return find((struct rotation *)r, id);
}

static bool is(const struct rotation_root *root, const char *id)
{
	return !strcmp(root->id, id);
}

/* Whether a leaf of it may be alive. */
static bool lives(const struct rotation_root *root, int64_t now_s)
{
	return root->until_s && now_s <= root->until_s + ROTATION_SKEW_S;
}

enum which { UNISSUED, DRAINED };

static bool may_go(const struct rotation *r, const struct rotation_root *root, enum which which, int64_t now_s)
{
	if (root->wanted || is(root, r->s.signer) || is(root, r->s.target))
		return false;
	return which == DRAINED ? !lives(root, now_s) : !root->until_s && !root->promised_s;
}

/* Those that nobody wants any more; what was issued from is only for rotation_step to judge. */
static bool drop_roots(struct rotation *r, enum which which, int64_t now_s)
{
	size_t kept = 0, n = r->s.n;

	for (size_t i = 0; i < n; i++)
		if (!may_go(r, &r->s.root[i], which, now_s))
			r->s.root[kept++] = r->s.root[i];
	r->s.n = kept;
	if (!find(r, r->s.previous))
		*r->s.previous = '\0';
	if (!find(r, r->s.refused))
		*r->s.refused = '\0';
	return kept != n;
}

static void set_id(char to[CERT_ID + 1], const char *from)
{
	snprintf(to, CERT_ID + 1, "%s", from);
}

/* ---- life ---- */

void rotation_init(struct rotation *r, bool shared)
{
	*r = (struct rotation){.shared = shared, .s = {.longest_s = CA_TTL_S}, .unknown_bundle = UINT64_MAX};
	map_init(&r->holders, NULL);
	arena_init(&r->arena, 0);
}

static void free_holder(const char *key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	free(value);
}

void rotation_fini(struct rotation *r)
{
	map_each(&r->holders, free_holder, NULL);
	map_fini(&r->holders);
	arena_fini(&r->arena);
}

/* ---- what the files say ---- */

/* Those that were not there, all in one bundle. */
static int add_roots(struct rotation *r, const struct certs *certs, int64_t now_s, struct err *e)
{
	uint64_t bundle = r->s.bundle + 1;
	char id[CERT_ID + 1];

	for (size_t i = 0; i < r->s.n; i++)
		r->s.root[i].wanted = false;
	for (size_t i = 0; i < certs->n; i++) {
		struct rotation_root *root = find(r, cert_id(certs->v[i], id));

		if (!root && r->s.n == ROTATION_ROOTS_MAX)
			return err_set(e, ERR_LIMIT, "more than %d roots would have to be trusted at once", ROTATION_ROOTS_MAX);
		if (!root) {
			root = &r->s.root[r->s.n++];
			*root = (struct rotation_root){.bundle = bundle, .since_s = now_s, .pem = cert_print(certs->v[i], &r->arena)};
			set_id(root->id, id);
			r->s.bundle = bundle;
		}
		root->wanted = true;
	}
	return 0;
}

static void choose(struct rotation *r, const char *signer)
{
	struct rotation_state *s = &r->s;

	if (!*s->signer)
		set_id(s->signer, signer);
	if (!strcmp(s->signer, signer)) {
		/* the files came back to what is in force: nothing is left to be done, or to be refused */
		if (strcmp(s->target, s->previous))
			*s->target = '\0';
		if (strcmp(s->refused, s->signer))
			*s->refused = '\0';
	} else if (strcmp(s->refused, signer)) {
		set_id(s->target, signer);
		*s->refused = '\0';
	}
}

static bool same_state(const struct rotation_state *a, const struct rotation_state *b)
{
	bool same = a->n == b->n && a->bundle == b->bundle && !strcmp(a->signer, b->signer) && !strcmp(a->target, b->target) &&
		    !strcmp(a->refused, b->refused);

	for (size_t i = 0; same && i < a->n; i++)
		same = a->root[i].wanted == b->root[i].wanted && is(&a->root[i], b->root[i].id);
	return same;
}

int rotation_files(struct rotation *r, const char *roots, const char *signer, int64_t now_s, bool *changed,
		   struct err *e)
{
	struct rotation_state before = r->s;
	struct certs certs;
	int status;

	if (certs_parse(roots, strlen(roots), false, &certs, e))
		return -1;
	status = add_roots(r, &certs, now_s, e);
	certs_fini(&certs);
	if (status) {
		r->s = before;
		return -1;
	}
	must(find(r, signer) && "the files' key chains to one of their roots");
	choose(r, signer);
	drop_roots(r, UNISSUED, now_s);
	*changed = !same_state(&before, &r->s);
	return 0;
}

const char *rotation_bundle(const struct rotation *r, struct arena *a)
{
	const char *all = "";

	for (size_t i = 0; i < r->s.n; i++)
		all = arena_printf(a, "%s%s", all, r->s.root[i].pem);
	return all;
}

/* ---- the ledger ---- */

static void keep_holder(struct rotation *r, const struct rotation_leaf *leaf)
{
	struct rotation_holder *h = leaf->holder ? map_get(&r->holders, leaf->holder) : NULL;

	if (!h && (!leaf->holder || map_count(&r->holders) >= ROTATION_HOLDERS_MAX)) {
		if (leaf->until_s > r->unknown_until_s)
			r->unknown_until_s = leaf->until_s;
		if (leaf->bundle < r->unknown_bundle)
			r->unknown_bundle = leaf->bundle;
		return;
	}
	if (!h) {
		h = calloc(1, sizeof(*h));
		must(h && "out of memory");
		map_set(&r->holders, leaf->holder, h);
	}
	if (leaf->issued_s < h->issued_s)
		return;
	if (!h->until_s)
		h->before = leaf->bundle;
	else if (leaf->issued_s > h->issued_s + ROTATION_HANDED_S)
		h->before = h->bundle;
	h->root = mark_of(leaf->root);
	h->bundle = h->given = leaf->bundle;
	h->issued_s = leaf->issued_s;
	h->until_s = leaf->until_s;
	h->skipped = false;
	memcpy(h->serial, leaf->serial, sizeof(h->serial));
	if (leaf->issued_s > r->newest_s)
		r->newest_s = leaf->issued_s;
}

bool rotation_issued(struct rotation *r, const struct rotation_leaf *leaf)
{
	int64_t life_s = leaf->until_s - leaf->issued_s, slack_s = life_s / 8;
	uint64_t mark = mark_of(leaf->root);
	bool must_save = false;

	keep_holder(r, leaf);
	if (leaf->bundle > r->s.bundle)	/* of a log that knows more than what is left of the state */
		r->s.bundle = leaf->bundle;
	if (life_s > r->s.longest_s) {
		r->s.longest_s = life_s;
		must_save = true;
	}
	for (size_t i = 0; i < r->s.n; i++) {
		struct rotation_root *root = &r->s.root[i];

		if (mark_of(root->id) != mark)
			continue;
		if (leaf->until_s > root->until_s)
			root->until_s = leaf->until_s;
		if (root->until_s > root->promised_s) {
			root->promised_s = root->until_s + (slack_s < PROMISE_MAX_S ? slack_s : PROMISE_MAX_S);
			must_save = true;
		}
	}
	return must_save;
}

void rotation_unlogged(struct rotation *r, int64_t until_s)
{
	if (until_s > r->s.gap_s)
		r->s.gap_s = until_s;
}

bool rotation_booted(struct rotation *r, const char *boot_id)
{
	bool is_another = *r->s.boot && *boot_id && strcmp(r->s.boot, boot_id) != 0;

	for (size_t i = 0; is_another && i < r->s.n; i++)
		rotation_unlogged(r, r->s.root[i].promised_s);
	if (*boot_id)
		snprintf(r->s.boot, sizeof(r->s.boot), "%s", boot_id);
	return is_another;
}

static void doubt_holder(const char *key, void *value, void *arg)
{
	const struct rotation *r = arg;
	struct rotation_holder *h = value;

	(void)key;
	if (h->issued_s + ROTATION_HANDED_S >= r->newest_s && h->before < h->bundle)
		h->bundle = h->before;
}

void rotation_replayed(struct rotation *r)
{
	map_each(&r->holders, doubt_holder, r);
	if (r->s.gap_s > r->unknown_until_s)
		r->unknown_until_s = r->s.gap_s;
	if (r->s.gap_s)
		r->unknown_bundle = 0;
	for (size_t i = 0; i < r->s.n; i++)
		if (r->s.root[i].promised_s > r->s.root[i].until_s)
			r->s.root[i].until_s = r->s.root[i].promised_s;
}

void rotation_has(struct rotation *r, const char *holder, uint64_t bundle)
{
	struct rotation_holder *h = map_get(&r->holders, holder);

	if (h && bundle > h->bundle && bundle <= r->s.bundle)
		h->bundle = bundle;
}

struct sweep {
	struct rotation *r;
	int64_t now_s;
};

static void sweep_holder(const char *key, void *value, void *arg)
{
	const struct sweep *s = arg;
	struct rotation_holder *h = value;

	if (h->until_s + ROTATION_SKEW_S >= s->now_s)
		return;
	map_remove(&s->r->holders, key);
	free(h);
}

/* ---- how far it is ---- */

/* The bundle that everybody must have: that of the root to go to, or of the newest one. */
static const struct rotation_root *awaited(const struct rotation *r)
{
	const struct rotation_root *newest = rotation_root(r, r->s.target);

	if (newest)
		return newest;
	for (size_t i = 0; i < r->s.n; i++)
		if (!newest || r->s.root[i].bundle > newest->bundle)
			newest = &r->s.root[i];
	return newest;
}

/* From then on whoever has a living certificate has got it, from whichever replica, with the root. */
static int64_t all_renewed_s(const struct rotation *r, const struct rotation_root *root)
{
	return root->since_s + r->s.longest_s + ROTATION_SPREAD_S;
}

static bool peer_has(struct rotation *r, struct rotation_peer *p, const struct rotation_root *root, int64_t now_s)
{
	struct rotation_holder *h = p->holder ? map_get(&r->holders, p->holder) : NULL;

	p->held = h;
	if (h)
		h->seen = r->turn;
	if (p->ack == ROTATION_ACK_HAS && h && h->bundle < r->s.bundle)
		h->bundle = r->s.bundle;
	if (h && p->cert_from_s == h->issued_s && h->bundle < h->given)
		h->bundle = h->given;
	if (p->ack != ROTATION_ACK_NONE)
		return p->ack == ROTATION_ACK_HAS;
	if (h && p->cert_from_s <= h->issued_s) { /* else it has a later one, whose line was lost */
		p->expired = now_s > h->until_s;
		return h->bundle >= root->bundle;
	}
	return (p->cert_from_s && p->cert_from_s > root->since_s + (r->shared ? ROTATION_SPREAD_S : ROTATION_SKEW_S)) ||
	       now_s > all_renewed_s(r, root);
}

static void name_one(struct rotation_report *out, const char *name)
{
	if (out->n_names < ROTATION_NAMES_MAX)
		out->names[out->n_names++] = name;
}

struct away {
	const struct rotation *r;
	const struct rotation_root *root;
	struct rotation_report *out;
	int64_t now_s;
};

static void count_away(const char *key, void *value, void *arg)
{
	const struct away *w = arg;
	const struct rotation_holder *h = value;

	if (h->seen == w->r->turn || h->skipped || h->bundle >= w->root->bundle || w->now_s > h->until_s)
		return;
	w->out->n_away++;
	name_one(w->out, key);
}

void rotation_look(struct rotation *r, struct rotation_peer *peers, size_t n, int64_t now_s, struct rotation_report *out)
{
	const struct rotation_root *root = awaited(r);

	*out = (struct rotation_report){.n_peers = n, .held = r->held_until_s != 0};
	r->turn++;
	if (!root)
		return;
	for (size_t i = 0; i < n; i++) {
		peers[i].expired = false;
		peers[i].has = peer_has(r, &peers[i], root, now_s);
		if (peers[i].has || peers[i].expired)
			continue;
		out->n_behind++;
		name_one(out, peers[i].name);
	}
	map_each(&r->holders, count_away, &(struct away){r, root, out, now_s});
	if (r->unknown_until_s >= now_s && r->unknown_bundle < root->bundle) {
		out->n_away++;
		name_one(out, "(holders that are not known)");
	}
}

/* ---- steps ---- */

enum rotation_phase rotation_phase(const struct rotation *r, int64_t now_s)
{
	enum rotation_phase phase = ROTATION_STEADY;

	if (*r->s.target)
		return ROTATION_DISTRIBUTING;
	for (size_t i = 0; i < r->s.n; i++) {
		const struct rotation_root *root = &r->s.root[i];

		if (is(root, r->s.signer))
			continue;
		if (lives(root, now_s) || !root->wanted)
			return ROTATION_DRAINING;
		/* one that was drained and stays in the files is for their owner to take away */
		if (!root->until_s && !is(root, r->s.refused))
			phase = ROTATION_ANNOUNCED;
	}
	return phase;
}

/* A wall clock that went another way than time does: nothing that is decided by it counts, for as long as it may take
 * to find out and set it right. */
static void watch_clock(struct rotation *r, int64_t now_s, int64_t mono_s)
{
	int64_t jump_s = r->wall_s ? (now_s - r->wall_s) - (mono_s - r->mono_s) : 0;

	bool is_jump = jump_s > ROTATION_JUMP_S || jump_s < -ROTATION_JUMP_S;

	r->wall_s = now_s;
	r->mono_s = mono_s;
	if (is_jump || r->held_until_s)
		r->off_s += jump_s;
	if (is_jump)
		r->held_until_s = mono_s + r->s.longest_s;
	/* long enough ago, or set right again */
	if (mono_s >= r->held_until_s || (r->off_s <= ROTATION_JUMP_S && r->off_s >= -ROTATION_JUMP_S))
		r->held_until_s = r->off_s = 0;
}

int64_t rotation_waits_until(const struct rotation *r)
{
	const struct rotation_root *target = rotation_root(r, r->s.target), *signer = rotation_root(r, r->s.signer);
	int64_t until_s = 0;

	if (target)
		return r->shared ? all_renewed_s(r, target) : target->since_s + ROTATION_LEAST_S;
	for (size_t i = 0; i < r->s.n; i++) {
		const struct rotation_root *root = &r->s.root[i];

		if (!root->wanted && root != signer && root->until_s > until_s)
			until_s = root->until_s + ROTATION_SKEW_S + 1;
	}
	/* another replica's last leaf of the old root */
	if (until_s && r->shared && all_renewed_s(r, signer) + r->s.longest_s + ROTATION_SPREAD_S > until_s)
		until_s = all_renewed_s(r, signer) + r->s.longest_s + ROTATION_SPREAD_S;
	return until_s;
}

static void go_to_target(struct rotation *r, int64_t now_s)
{
	struct rotation_state *s = &r->s;
	bool back = !strcmp(s->target, s->previous);
	struct rotation_root *old = find(r, s->signer);

	/* a request that is under way may still be answered from it */
	if (old && old->until_s < now_s + ROTATION_LEAST_S)
		old->until_s = now_s + ROTATION_LEAST_S;
	set_id(s->previous, s->signer);
	if (back)	/* what was aborted is not gone to again by itself */
		set_id(s->refused, s->signer);
	set_id(s->signer, s->target);
	*s->target = '\0';
	s->switched_s = now_s;
}

enum rotation_event rotation_step(struct rotation *r, struct rotation_peer *peers, size_t n, int64_t now_s, int64_t mono_s,
				  struct rotation_report *out)
{
	watch_clock(r, now_s, mono_s);
	rotation_look(r, peers, n, now_s, out);
	out->not_before_s = rotation_waits_until(r);
	if (out->held || r->s.paused)
		return ROTATION_NOTHING;
	map_each(&r->holders, sweep_holder, &(struct sweep){r, now_s});
	if (now_s < out->not_before_s)
		return ROTATION_NOTHING;
	if (*r->s.target) {
		if (out->n_behind || out->n_away)
			return ROTATION_NOTHING;
		go_to_target(r, now_s);
		return ROTATION_SWITCHED;
	}
	return drop_roots(r, DRAINED, now_s) ? ROTATION_RETIRED : ROTATION_NOTHING;
}

void rotation_force(struct rotation *r, int64_t now_s)
{
	must(*r->s.target);
	go_to_target(r, now_s);
}

/* ---- what operators say ---- */

static bool is_under_way(const struct rotation *r, int64_t now_s)
{
	enum rotation_phase p = rotation_phase(r, now_s);

	return p == ROTATION_DISTRIBUTING || p == ROTATION_DRAINING;
}

int rotation_pause(struct rotation *r, int64_t now_s, struct err *e)
{
	if (!is_under_way(r, now_s))
		return err_set(e, ERR_REFUSED, "no rotation is under way");
	r->s.paused = true;
	return 0;
}

static void skip_holder(const char *key, void *value, void *arg)
{
	const struct rotation *r = arg;
	struct rotation_holder *h = value;

	(void)key;
	h->skipped = h->skipped || h->seen != r->turn;
}

int rotation_resume(struct rotation *r, bool skip_away, int64_t now_s, struct err *e)
{
	if (!r->s.paused && !r->held_until_s && (!skip_away || !is_under_way(r, now_s)))
		return err_set(e, ERR_REFUSED, "nothing is paused");
	r->s.paused = false;
	r->held_until_s = r->off_s = 0;
	if (skip_away && *r->s.target) {
		map_each(&r->holders, skip_holder, r);
		r->unknown_until_s = r->s.gap_s = 0;
	}
	return 0;
}

int rotation_abort(struct rotation *r, int64_t now_s, struct err *e)
{
	struct rotation_state *s = &r->s;

	if (*s->target && strcmp(s->target, s->previous)) {
		set_id(s->refused, s->target);
		*s->target = '\0';
	} else if (!*s->target && is_under_way(r, now_s) && find(r, s->previous)) {
		set_id(s->target, s->previous);
	} else {
		return err_set(e, ERR_REFUSED, "no rotation is under way that could be aborted");
	}
	s->paused = false;
	drop_roots(r, UNISSUED, now_s);
	return 0;
}

int rotation_retry(struct rotation *r, struct err *e)
{
	if (!*r->s.refused)
		return err_set(e, ERR_REFUSED, "there is no other root to go to: put its key, certificate and root into --ca-dir");
	*r->s.refused = '\0';
	return 0;
}
