/* SPDX-License-Identifier: Apache-2.0
 *
 * Responses: which resources go into the next one of a type, and what is known of the client then.
 */
#include "xds/session_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct draft {
	struct session *s;
	struct track *t;
	struct arena *arena;
	VEC(struct response_item) items;
	VEC(const char *) removed;
	VEC(const char *) done;		/* strays that are dealt with by this */
	size_t bytes;
};

static void add_item(struct draft *d, const struct res *r)
{
	*vec_push(&d->items, d->arena) =
	    (struct response_item){.name = r->name, .version = r->version, .bytes = r->bytes, .len = r->len};
	d->bytes += r->len;
}

/* Behind a changed cluster Envoy waits for its assignment, even for an unchanged one, and does not
 * ask (envoy-facts.md 2.13). Kept for assignments that are not subscribed to yet, too. */
static void mark_assignments(struct session *s, const struct res *cluster)
{
	struct track *eds = &s->track[XDS_EDS];

	for (size_t i = 0; i < cluster->n_uses; i++) {
		size_t row;

		if (cluster->uses[i].type != XDS_EDS || !eds->set)
			continue;
		row = res_set_index(eds->set, cluster->uses[i].name);
		if (row != (size_t)-1)
			eds->row[row] |= AGAIN;
	}
}

static void send_row(struct draft *d, size_t i)
{
	struct track *t = d->t;
	const struct res *r = t->set->row[i].res;

	add_item(d, r);
	if (t->type == XDS_CDS && !(t->row[i] & CURRENT))
		mark_assignments(d->s, r);
	t->row[i] = (uint8_t)((t->row[i] | KNOWN | CURRENT | FLIGHT) & ~AGAIN);
}

/* What is due; then, when nothing else is, one of those that go alone. */
static void draft_rows(struct draft *d)
{
	struct track *t = d->t;
	size_t alone = (size_t)-1;

	for (size_t i = 0; i < t->set->n && d->bytes < SESSION_RESPONSE_BYTES; i++) {
		if (!track_row_due(t, t->row[i]))
			continue;
		if (!(t->row[i] & ALONE))
			send_row(d, i);
		else if (alone == (size_t)-1)
			alone = i;
	}
	if (!d->items.n && alone != (size_t)-1)
		send_row(d, alone);
}

static void draft_stray(const char *name, void *value, void *arg)
{
	struct draft *d = arg;
	struct stray *x = value;
	struct pb_bytes stub;
	char *version;

	if (!track_stray_due(d->s, d->t, x))
		return;
	x->owed = false;
	x->has = (struct hash128){0, 0};
	/* Envoy never gets ready when an awaited RDS name is removed (envoy-facts.md 2.6). */
	if (d->s->opts.delta && d->t->type != XDS_RDS) {
		*vec_push(&d->removed, d->arena) = name;
		return;
	}
	if (!stub_build(d->t->type, name, d->arena, &stub))
		return;
	version = arena_alloc(d->arena, HASH_HEX_LEN + 1);
	hash_hex(hash_bytes(stub.p, stub.n), version);
	*vec_push(&d->items, d->arena) =
	    (struct response_item){.name = name, .version = version, .bytes = stub.p, .len = stub.n};
}

/* A whole response: every row, accepted content where the present one was refused, and until the
 * removal what vanished. */
static void draft_whole_stray(const char *name, void *value, void *arg)
{
	struct draft *d = arg;
	struct stray *x = value;

	x->owed = false;
	if (x->res)
		add_item(d, x->res);
	else if (x->flags & WANTED)
		x->flags = WANTED;
	else
		track_forget(d->s, d->t, name);
}

static void unsend_substitute(const char *name, void *value, void *arg)
{
	struct substitute *x = value;

	(void)name;
	(void)arg;
	x->sent = x->row_sent = false;
}

static void draft_whole(struct draft *d)
{
	struct track *t = d->t;

	map_each(&t->substitutes, unsend_substitute, NULL);
	for (size_t i = 0; i < t->set->n; i++) {
		struct substitute *instead;

		if (!(t->wild || t->row[i] & WANTED))
			continue;
		instead = track_substitute(t, t->set->row[i].res->name);
		if (!(t->row[i] & REFUSED)) {
			send_row(d, i);
			if (instead)
				instead->row_sent = true;
			continue;
		}
		if (instead)
			instead->sent = true;
		if (instead && instead->res)
			add_item(d, instead->res);
	}
	map_each(&t->strays, draft_whole_stray, d);
	res_set_unref(d->s->table, t->flight_set);
	t->flight_set = res_set_ref(t->set);
}

static void list_vanished(const char *name, void *value, void *arg)
{
	struct draft *d = arg;
	struct stray *x = value;

	if (!track_stray_vanished(d->t, x))
		return;
	x->flags &= (uint8_t)~KNOWN;
	x->has = (struct hash128){0, 0};
	x->owed = false;
	*vec_push(&d->done, d->arena) = arena_strdup(d->arena, name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Takes away what vanished: by name in delta, by absence in a whole response. Before the response is
 * drafted: whatever it says, these are not part of it. */
static void draft_removal(struct draft *d)
{
	map_each(&d->t->strays, list_vanished, d);
	for (size_t i = 0; i < d->done.n; i++) {
		struct stray *x = map_get(&d->t->strays, d->done.v[i]);

		if (d->s->opts.delta)
			*vec_push(&d->removed, d->arena) = d->done.v[i];
		res_unref(d->s->table, x->res);
		x->res = NULL;
		if (!(x->flags & WANTED))
			track_forget(d->s, d->t, d->done.v[i]);
	}
	if (!d->s->opts.delta)
		draft_whole(d);
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct response_item *)a)->name, ((const struct response_item *)b)->name);
}

static const char *nonce_of(struct draft *d)
{
	unsigned long long id = d->s->opts.id, n = d->t->nonce;

	/* a lone resource is named: what a refusal is about can be read in any log */
	if (d->items.n == 1 && !d->removed.n)
		return arena_printf(d->arena, "%llx-%llx/%s", id, n, d->items.v[0].name);
	return arena_printf(d->arena, "%llx-%llx", id, n);
}

static void emit(struct draft *d, struct buf *out)
{
	char version[HASH_HEX_LEN + 1];
	struct response r = {
	    .delta = d->s->opts.delta,
	    .version = hash_hex(d->t->sent, version),
	    .type_url = xds_type_info(d->t->type)->type_url,
	    .nonce = nonce_of(d),
	    .n_items = d->items.n,
	    .n_removed = d->removed.n,
	};

	if (d->items.n)
		qsort(d->items.v, d->items.n, sizeof(d->items.v[0]), compare_items);
	if (d->removed.n)
		qsort(d->removed.v, d->removed.n, sizeof(d->removed.v[0]), compare_names);
	r.items = d->items.v;
	r.removed = d->removed.v;
	response_encode(&r, out);
}

void send_response(struct session *s, struct track *t, bool removal, int64_t now_ms, struct buf *out)
{
	struct arena arena;
	struct draft d = {.s = s, .t = t, .arena = &arena};
	size_t before = out->n;

	arena_init(&arena, 0);
	t->owed = false;
	t->doubt = false;
	if (removal) {
		draft_removal(&d);
	} else if (track_is_whole(s, t)) {
		draft_whole(&d);
	} else {
		draft_rows(&d);
		/* apart: what a client knows of these does not hang on a refusal of the others */
		if (!d.items.n)
			map_each(&t->strays, draft_stray, &d);
	}
	t->nonce = ++s->last_nonce;
	t->in_flight = true;
	t->n_flight = (uint32_t)d.items.n;
	t->sent_ms = now_ms;
	t->sent = track_version(s, t);
	emit(&d, out);
	t->n_sent++;
	t->bytes_sent += out->n - before;
	arena_fini(&arena);
	track_refresh(s, t);
	if (t->type == XDS_CDS)
		track_refresh(s, &s->track[XDS_EDS]);
}
