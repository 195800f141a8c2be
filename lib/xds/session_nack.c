/* SPDX-License-Identifier: Apache-2.0
 *
 * Refusals. Envoy's answer often names nothing and it has applied an arbitrary part of the response
 * (envoy-facts.md 13).
 */
#include "xds/session_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static const char SECRET_TEXT[] = "a secret was refused; the client's text is withheld, since it can hold the private key";

/* Envoy puts the whole secret, private key included, into its text (envoy-facts.md 13.6). */
static void keep_text(struct track *t, const struct xds_request *r)
{
	size_t n = strnlen(r->error_text ? r->error_text : "", SESSION_REJECT_TEXT_MAX);

	free(t->reject_text);
	t->reject_text = t->type == XDS_SDS ? strdup(SECRET_TEXT) : strndup(r->error_text ? r->error_text : "", n);
	must(t->reject_text && "out of memory");
}

struct refusal {
	struct session *s;
	struct track *t;
	struct map names;	/* what it is about, as far as it says so */
};

static void tell(struct session *s, struct track *t, const struct res *r)
{
	struct session_reject reject = {.type = t->type, .name = r ? r->name : NULL, .res = r, .text = t->reject_text};

	if (s->events.rejected)
		s->events.rejected(s->events.arg, &reject);
}

/* One resource in the response: it is the one. Several: each again, alone. */
static void isolate(struct session *s, struct track *t)
{
	const struct res *blamed = NULL;

	for (size_t i = 0; i < t->set->n; i++) {
		if (!(t->row[i] & FLIGHT))
			continue;
		t->row[i] &= (uint8_t)~(FLIGHT | CURRENT | ALONE);
		t->row[i] |= t->n_flight == 1 ? REFUSED : ALONE;
		if (t->n_flight == 1)
			blamed = t->set->row[i].res;
	}
	tell(s, t, blamed);
}

/* Never the refused content itself: a client may refuse what it accepted once. */
static struct res *accepted_instead(const struct track *t, const struct res *refused)
{
	struct res *good = track_accepted(t, refused->name);

	return good && hash_equal(good->hash, refused->hash) ? NULL : good;
}

/* The refused content gives way to what was accepted last, if anything was. */
static void substitute(struct session *s, struct track *t, const struct res *refused)
{
	track_remember(s, t, refused->name, accepted_instead(t, refused));
}

/* It vanished after it was sent: the client holds what it had before, if anything. */
static void blame_stray(struct session *s, struct track *t, struct stray *x)
{
	struct res *good = x->res ? accepted_instead(t, x->res) : NULL;

	x->flags &= (uint8_t)~FLIGHT;
	if (good)
		res_ref(good);
	res_unref(s->table, x->res);
	x->res = good;
}

static bool blame(struct refusal *f, const char *name, size_t n)
{
	struct session *s = f->s;
	struct track *t = f->t;
	struct stray *x;
	char *copy;
	size_t i;

	if (n > XDS_NAME_LEN_MAX)
		return false;
	copy = arena_strndup(f->names.arena, name, n);
	i = res_set_index(t->set, copy);
	x = map_get(&t->strays, copy);
	if (x && x->flags & FLIGHT) {
		blame_stray(s, t, x);
	} else if (i != (size_t)-1 && t->row[i] & FLIGHT) {
		t->row[i] = (uint8_t)((t->row[i] | REFUSED) & ~(CURRENT | FLIGHT));
		substitute(s, t, t->set->row[i].res);
		tell(s, t, t->set->row[i].res);
	} else if (!t->flight_set || t->flight_set == t->set || !res_set_find(t->flight_set, copy)) {
		return false;
	}
	/* else other content of it is due by now, which is judged anew */
	map_set(&f->names, copy, f);
	return true;
}

/* "name: reason", joined by ", " (clusters) or ended by a newline (listeners). A reason may hold
 * either: only what was sent counts as a name. */
static size_t blame_list(struct refusal *f, const char *p)
{
	size_t n = 0;

	while (*p) {
		const char *end = p, *colon;

		while (*end && *end != '\n' && strncmp(end, ", ", 2) != 0)
			end++;
		colon = memmem(p, (size_t)(end - p), ": ", 2);
		if (colon)
			n += blame(f, p, (size_t)(colon - p));
		p = end + (*end == ',' ? 2 : *end == '\n');
	}
	return n;
}

/* The text form of a message, with its name first: a check of the whole message failed. */
static size_t blame_debug(struct refusal *f, const char *p)
{
	const char *name, *end;

	p += strcspn(p, " \n");
	p += strspn(p, " \n");
	if (strncmp(p, "name: \"", 7) != 0)
		return 0;
	name = p + 7;
	end = strchr(name, '"');
	return end && blame(f, name, (size_t)(end - name));
}

/* Names in the text, by Envoy's patterns (envoy-facts.md 13.5); their number. */
static size_t blame_text(struct refusal *f, const char *text)
{
	static const char *const lists[] = {
	    "Error adding/updating cluster(s) ", "Error adding/updating listener(s) ",
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (!strncmp(text, lists[i], strlen(lists[i])))
			return blame_list(f, text + strlen(lists[i]));
	if (!strncmp(text, "goo.gle/debug", 13))
		return blame_debug(f, text);
	return 0;
}

/* Envoy takes each cluster and listener by itself: what is not named is in force. */
static void remember_accepted(const struct refusal *f)
{
	const struct res_set *sent = f->t->flight_set;

	for (size_t i = 0; sent && i < sent->n; i++) {
		struct res *r = sent->row[i].res;
		const struct substitute *instead = track_substitute(f->t, r->name);
		struct stray *x;

		if (map_get(&f->names, r->name) || (instead && instead->sent))
			continue;
		x = map_get(&f->t->strays, r->name);
		if (x && x->flags & KNOWN) {
			res_ref(r);
			res_unref(f->s->table, x->res);
			x->res = r;
		} else if (track_accepted(f->t, r->name) != r) {
			track_remember(f->s, f->t, r->name, r);
		}
	}
}

static void nack_whole(struct refusal *f, const char *text)
{
	struct track *t = f->t;
	size_t n = t->n_flight == 1 ? 0 : blame_text(f, text);

	for (size_t i = 0; i < t->set->n; i++) {
		if (t->row[i] & FLIGHT && t->n_flight == 1)
			n += blame(f, t->set->row[i].res->name, strlen(t->set->row[i].res->name));
		t->row[i] &= (uint8_t)~FLIGHT;
	}
	if (n)
		remember_accepted(f);
	/* Without a name the set stays unsent until it changes, which it may have done meanwhile; with
	 * one, the others go on. Each round blames another name, so that this ends. */
	t->owed |= n || t->flight_set != t->set;
	if (!n) {
		t->doubt = true;
		tell(f->s, t, NULL);
	}
}

static void doubt_stray(const char *name, void *value, void *arg)
{
	struct refusal *f = arg;
	struct stray *x = value;

	(void)name;
	if (x->flags & FLIGHT && !map_count(&f->names))
		blame_stray(f->s, f->t, x);
	x->flags &= (uint8_t)~FLIGHT;
}

void nack_receive(struct session *s, struct track *t, const struct xds_request *r)
{
	struct refusal f = {.s = s, .t = t};
	struct arena arena;

	arena_init(&arena, 0);
	map_init(&f.names, &arena);
	t->in_flight = false;
	t->n_rejected++;
	keep_text(t, r);
	if (track_is_whole(s, t))
		nack_whole(&f, r->error_text ? r->error_text : "");
	else
		isolate(s, t);
	map_each(&t->strays, doubt_stray, &f);
	arena_fini(&arena);
	t->n_flight = 0;
	res_set_unref(s->table, t->flight_set);
	t->flight_set = NULL;
}
