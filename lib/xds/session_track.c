/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/session_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

/* ---- strays ---- */

static struct stray *stray_new(struct session *s, struct track *t, const char *name)
{
	size_t cost = strlen(name) + 1;
	struct stray *x;

	if (s->n_strays >= SESSION_NAMES_MAX || s->stray_bytes + cost > SESSION_NAME_BYTES_MAX) {
		s->over_limit = true;
		return NULL;
	}
	x = calloc(1, sizeof(*x));
	must(x && "out of memory");
	map_set(&t->strays, name, x);
	s->n_strays++;
	s->stray_bytes += cost;
	return x;
}

static void stray_free(struct session *s, const char *name, struct stray *x)
{
	s->n_strays--;
	s->stray_bytes -= strlen(name) + 1;
	res_unref(s->table, x->res);
	free(x);
}

void track_forget(struct session *s, struct track *t, const char *name)
{
	struct stray *x = map_get(&t->strays, name);

	if (!x)
		return;
	stray_free(s, name, x);
	map_remove(&t->strays, name);
}

uint8_t *track_find(const struct track *t, const char *name, struct stray **stray)
{
	size_t i = t->set ? res_set_index(t->set, name) : (size_t)-1;

	*stray = NULL;
	if (i != (size_t)-1)
		return &t->row[i];
	*stray = map_get(&t->strays, name);
	return *stray ? &(*stray)->flags : NULL;
}

uint8_t *track_name(struct session *s, struct track *t, const char *name, struct stray **stray)
{
	uint8_t *flags = track_find(t, name, stray);

	if (flags)
		return flags;
	*stray = stray_new(s, t, name);
	return *stray ? &(*stray)->flags : NULL;
}

/* ---- substitutes ---- */

struct substitute *track_substitute(const struct track *t, const char *name)
{
	return map_get(&t->substitutes, name);
}

void track_remember(struct session *s, struct track *t, const char *name, struct res *accepted)
{
	struct substitute **x = (struct substitute **)map_slot(&t->substitutes, name);

	if (accepted)
		res_ref(accepted);
	if (*x)
		res_unref(s->table, (*x)->res);
	else
		*x = calloc(1, sizeof(**x));
	must(*x && "out of memory");
	(*x)->res = accepted;
}

struct sweep_substitutes {
	struct session *s;
	struct track *t;
	bool all;
};

static void drop_substitute(const char *name, void *value, void *arg)
{
	const struct sweep_substitutes *w = arg;
	struct substitute *x = value;

	if (!w->all && !x->row_sent && res_set_index(w->t->set, name) != (size_t)-1)
		return;
	res_unref(w->s->table, x->res);
	free(x);
	map_remove(&w->t->substitutes, name);
}

/* After an acknowledgement: drops those whose name has a content that was accepted since. */
void track_drop_substitutes(struct session *s, struct track *t, bool all)
{
	map_each(&t->substitutes, drop_substitute, &(struct sweep_substitutes){s, t, all});
}

/* ---- a new set ---- */

static bool same_content(const struct res *a, const struct res *b)
{
	return a == b || hash_equal(a->hash, b->hash);
}

/* The content that a client of whole responses accepted last, or NULL: none, or not known. */
struct res *track_accepted(const struct track *t, const char *name)
{
	const struct substitute *instead = track_substitute(t, name);
	size_t i;

	if (instead)
		return instead->res;
	i = t->acked_set ? res_set_index(t->acked_set, name) : (size_t)-1;
	return i == (size_t)-1 ? NULL : t->acked_set->row[i].res;
}

/* A row that the new set has not. */
static void vanish(struct session *s, struct track *t, struct res *r, uint8_t flags)
{
	struct stray *x;

	if (!(flags & (WANTED | KNOWN)))
		return;
	x = stray_new(s, t, r->name);
	if (!x)
		return;
	x->flags = flags & (WANTED | KNOWN | FLIGHT);
	x->owed = !(flags & KNOWN);
	if (!(flags & KNOWN))
		r = NULL;
	else if (!(flags & CURRENT) || t->doubt)
		r = track_accepted(t, r->name);
	x->res = r ? res_ref(r) : NULL;
}

struct adoption {
	struct session *s;
	struct track *t;	/* with the old set */
	struct res_set *set;	/* the new one */
	uint8_t *row;
};

/* The client accepted this and was sent it on with sets that have it not: no accepted set says it, or
 * none will once the response that is not acknowledged is. */
static bool only_stray_says(const struct track *t, const char *name, const struct stray *x)
{
	if (!x->res || x->flags & FLIGHT)
		return false;
	return track_accepted(t, name) != x->res || (t->flight_set && !res_set_find(t->flight_set, name));
}

/* A stray that the new set has becomes a row. */
static void adopt_stray(const char *name, void *value, void *arg)
{
	struct adoption *a = arg;
	struct stray *x = value;
	size_t i = res_set_index(a->set, name);
	const struct res *r;
	bool same;

	if (i == (size_t)-1)
		return;
	r = a->set->row[i].res;
	same = x->res ? same_content(x->res, r) : hash_equal(x->has, r->hash);
	if (track_is_whole(a->s, a->t) && only_stray_says(a->t, name, x))
		track_remember(a->s, a->t, name, x->res);
	a->row[i] |= x->flags & (WANTED | KNOWN);
	if (same && x->flags & KNOWN)
		a->row[i] |= CURRENT | (x->flags & FLIGHT);
	stray_free(a->s, name, x);
	map_remove(&a->t->strays, name);
}

static void carry_rows(struct session *s, struct track *t, struct res_set *set, uint8_t *row)
{
	size_t n = t->set ? t->set->n : 0, i = 0, j = 0;

	while (i < n) {
		struct res *old = t->set->row[i].res, *now = j < set->n ? set->row[j].res : NULL;
		int order = !now ? -1 : old == now ? 0 : strcmp(old->name, now->name);

		if (order > 0) {
			j++;
			continue;
		}
		if (order < 0)
			vanish(s, t, old, t->row[i]);
		else
			row[j++] = same_content(old, now) ? t->row[i] : t->row[i] & (WANTED | KNOWN | AGAIN);
		i++;
	}
}

void track_set(struct session *s, struct track *t, struct res_set *set)
{
	struct adoption a = {.s = s, .t = t, .set = set};

	if (t->set == set)
		return;
	a.row = calloc(set->n ? set->n : 1, 1);
	must(a.row && "out of memory");
	/* what became of the cluster while its assignment was away, nothing says */
	if (t->set && t->type == XDS_EDS)
		memset(a.row, AGAIN, set->n);
	map_each(&t->strays, adopt_stray, &a);
	carry_rows(s, t, set, a.row);
	free(t->row);
	t->row = a.row;
	res_set_ref(set);
	res_set_unref(s->table, t->set);
	t->set = set;
}

static void free_stray(const char *name, void *value, void *arg)
{
	stray_free(arg, name, value);
}

void track_fini(struct session *s, struct track *t)
{
	map_each(&t->strays, free_stray, s);
	map_fini(&t->strays);
	track_drop_substitutes(s, t, true);
	map_fini(&t->substitutes);
	free(t->row);
	free(t->reject_text);
	res_set_unref(s->table, t->set);
	res_set_unref(s->table, t->flight_set);
	res_set_unref(s->table, t->acked_set);
}

/* ---- what is due ---- */

bool track_row_due(const struct track *t, uint8_t flags)
{
	if (flags & REFUSED || !(t->wild || flags & WANTED))
		return false;
	return !(flags & CURRENT) || flags & AGAIN;
}

/* About secrets that do not exist nothing can be said in state of the world: a response without the
 * name is no answer. */
bool track_stray_due(const struct session *s, const struct track *t, const struct stray *x)
{
	return x->owed && x->flags & WANTED && (s->opts.delta || t->type != XDS_SDS);
}

/* To be removed from the client. Envoy ignores that for what it subscribed to by name, but for
 * clusters and listeners (envoy-facts.md 2.7). */
bool track_stray_vanished(const struct track *t, const struct stray *x)
{
	return x->flags & KNOWN && (t->wild || xds_type_info(t->type)->wildcard);
}

struct due_of {
	const struct session *s;
	const struct track *t;
	uint8_t due;
	size_t n_names;
};

static void add_stray_due(const char *name, void *value, void *arg)
{
	struct due_of *d = arg;

	(void)name;
	if (track_stray_due(d->s, d->t, value))
		d->due |= DUE_SEND;
	if (track_stray_vanished(d->t, value))
		d->due |= DUE_REMOVE;
	d->n_names += (((struct stray *)value)->flags & WANTED) != 0;
}

void track_refresh(struct session *s, struct track *t)
{
	struct due_of d = {.s = s, .t = t, .due = t->owed ? DUE_SEND : 0};

	t->due = 0;
	t->n_names = 0;
	t->rejected = t->doubt;
	if (!t->open)
		return;
	for (size_t i = 0; t->set && i < t->set->n; i++) {
		uint8_t f = t->row[i];

		if (track_row_due(t, f))
			d.due |= DUE_SEND;
		if (f & (REFUSED | ALONE) && (t->wild || f & WANTED))
			t->rejected = true;
		d.n_names += (f & WANTED) != 0;
	}
	map_each(&t->strays, add_stray_due, &d);
	t->n_names = d.n_names;
	if (t->set)
		t->due = d.due;
	if (!(d.due & DUE_SEND))
		t->asked = false;
}

static void sum_add(struct hash128 *sum, struct hash128 h)
{
	sum->lo += h.lo;
	sum->hi += h.hi + (sum->lo < h.lo);
}

struct version_of {
	struct hash128 sum;
	size_t n;
	bool whole;		/* nothing but the rows of the set, and all of them */
};

static void add_stray_version(const char *name, void *value, void *arg)
{
	struct version_of *v = arg;
	const struct stray *x = value;

	(void)name;
	if (!(x->flags & KNOWN) || !x->res)
		return;
	sum_add(&v->sum, x->res->hash);
	v->n++;
	v->whole = false;
}

struct hash128 track_version(const struct session *s, const struct track *t)
{
	struct version_of v = {.whole = t->wild};

	if (s->opts.delta)
		return t->set->hash;
	for (size_t i = 0; i < t->set->n; i++) {
		const struct res *r = t->set->row[i].res;

		if (!(t->wild || t->row[i] & WANTED))
			continue;
		if (!(t->row[i] & CURRENT)) {
			const struct substitute *instead = track_substitute(t, r->name);

			v.whole = false;
			r = instead ? instead->res : NULL;
		}
		if (r) {
			sum_add(&v.sum, r->hash);	/* no order: the names are in the bytes */
			v.n++;
		}
	}
	if (track_is_whole(s, t))
		map_each(&t->strays, add_stray_version, &v);
	return v.whole ? t->set->hash : hash_mix_u64(v.sum, v.n);
}
