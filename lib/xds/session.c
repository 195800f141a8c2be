/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests, and what may be sent when.
 */
#include "xds/session_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"

#define BIT(type) (1u << XDS_##type)

/* Before a type is sent: which earlier ones must have been sent as far as they are due, and which
 * must be acknowledged, too. The second is for pushes only: a client that asks is answered, or one
 * that does not acknowledge at once would wait for ever. */
static const struct {
	unsigned sent, acked;
} gates[XDS_TYPES] = {
    [XDS_CDS] = {0, 0},
    [XDS_EDS] = {BIT(CDS), 0},	/* right behind the clusters, which warm until it comes */
    [XDS_LDS] = {BIT(CDS) | BIT(EDS), BIT(CDS) | BIT(EDS)},
    [XDS_RDS] = {BIT(CDS) | BIT(EDS) | BIT(LDS), BIT(CDS) | BIT(EDS)},
    [XDS_SDS] = {BIT(CDS) | BIT(EDS) | BIT(LDS) | BIT(RDS), 0},
    [XDS_NDS] = {BIT(CDS) | BIT(EDS) | BIT(LDS) | BIT(RDS), 0},
};

struct session *session_new(struct res_table *table, const struct session_opts *opts,
			    const struct session_events *events)
{
	struct session *s = calloc(1, sizeof(*s));

	must(s && "out of memory");
	s->table = table;
	s->opts = *opts;
	s->events = *events;
	for (int t = 0; t < XDS_TYPES; t++) {
		s->track[t].type = (enum xds_type)t;
		map_init(&s->track[t].strays, NULL);
		map_init(&s->track[t].substitutes, NULL);
	}
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	for (int t = 0; t < XDS_TYPES; t++)
		track_fini(s, &s->track[t]);
	bundle_unref(s->table, s->bundle);
	free(s);
}

/* ---- acknowledgements ---- */

/* "<stream>-<number>", perhaps with "/<name>". */
static bool nonce_is(const struct session *s, const struct track *t, const char *nonce)
{
	char want[40];
	int n = snprintf(want, sizeof(want), "%llx-%llx", (unsigned long long)s->opts.id,
			 (unsigned long long)t->nonce);

	return t->nonce && !strncmp(nonce, want, (size_t)n) && (!nonce[n] || nonce[n] == '/');
}

struct sweep {
	struct session *s;
	struct track *t;
	uint8_t keep;		/* names with this flag stay */
};

/* What vanished while other content of it was on its way, the client has as it was on its way. */
static void land_stray(const char *name, void *value, void *arg)
{
	const struct sweep *w = arg;
	struct stray *x = value;
	const struct substitute *instead = track_substitute(w->t, name);
	size_t i = w->t->flight_set ? res_set_index(w->t->flight_set, name) : (size_t)-1;
	struct res *sent;

	x->flags &= (uint8_t)~FLIGHT;
	if (i == (size_t)-1 || !(x->flags & KNOWN))
		return;
	sent = instead && instead->sent ? instead->res : w->t->flight_set->row[i].res;
	if (sent)
		res_ref(sent);
	res_unref(w->s->table, x->res);
	x->res = sent;
}

static void ack_receive(struct session *s, struct track *t, int64_t now_ms)
{
	char version[HASH_HEX_LEN + 1];

	t->in_flight = false;
	t->n_flight = 0;
	t->n_acked++;
	t->acked = t->sent;
	for (size_t i = 0; i < t->set->n; i++)
		if (t->row[i] & FLIGHT)
			t->row[i] &= (uint8_t)~(FLIGHT | ALONE);
	map_each(&t->strays, land_stray, &(struct sweep){.s = s, .t = t});
	if (t->flight_set) {
		res_set_unref(s->table, t->acked_set);
		t->acked_set = t->flight_set;
		t->flight_set = NULL;
		track_drop_substitutes(s, t, false);
	}
	if (s->events.acked)
		s->events.acked(s->events.arg, t->type, hash_hex(t->acked, version), now_ms - t->sent_ms);
}

static void settle(struct session *s, struct track *t, const struct xds_request *r, int64_t now_ms)
{
	if (!t->in_flight)
		return;
	if (r->has_error)
		nack_receive(s, t, r);
	else
		ack_receive(s, t, now_ms);
}

/* ---- subscriptions, delta ---- */

static void subscribe(struct session *s, struct track *t, const char *name, bool first)
{
	struct stray *x;
	uint8_t *flags = track_name(s, t, name, &x);

	if (!flags)
		return;
	/* xDS: a name that is subscribed to again is sent again; but what a client had before it came
	 * back, it still has */
	if (x)
		x->owed = !(*flags & KNOWN);
	else if (!first)
		*flags &= (uint8_t)~CURRENT;
	*flags |= WANTED;
	t->asked = true;
}

static void unsubscribe(struct session *s, struct track *t, const char *name)
{
	struct stray *x;
	uint8_t *flags = track_find(t, name, &x);

	if (!flags)
		return;
	if (x) {
		res_unref(s->table, x->res);
		*x = (struct stray){.flags = KNOWN};
		if (!t->wild)
			track_forget(s, t, name);
	} else {
		*flags &= (uint8_t)~(WANTED | CURRENT | FLIGHT | ALONE);
		if (!t->wild)
			*flags &= (uint8_t)~KNOWN;
	}
	/* xDS: under a wildcard the client must hear what becomes of the name */
	t->asked |= t->wild;
}

static void sweep_stray(const char *name, void *value, void *arg)
{
	struct sweep *w = arg;
	struct stray *x = value;

	if (x->flags & w->keep) {
		x->flags = (uint8_t)((x->flags | WANTED) & ~MARK);
		return;
	}
	x->flags &= (uint8_t)~(WANTED | MARK);
	x->owed = false;
	if (!w->t->wild || !(x->flags & KNOWN))
		track_forget(w->s, w->t, name);
}

/* The subscription is the names with the flag keep, and everything if t->wild. */
static void sweep(struct session *s, struct track *t, uint8_t keep)
{
	struct sweep w = {s, t, keep};

	for (size_t i = 0; t->set && i < t->set->n; i++) {
		uint8_t f = t->row[i];

		f = f & keep ? f | WANTED : (uint8_t)(f & ~WANTED);
		if (!t->wild && !(f & WANTED))
			f &= REFUSED | AGAIN;
		t->row[i] = (uint8_t)(f & ~MARK);
	}
	map_each(&t->strays, sweep_stray, &w);
}

static void set_wild(struct track *t, bool owed)
{
	if (!t->wild)
		t->owed |= owed;
	t->asked |= !t->wild;
	t->wild = true;
}

static struct hash128 parse_version(const char *text)
{
	struct hash128 h = {0, 0};

	if (!text || strlen(text) != HASH_HEX_LEN || strspn(text, "0123456789abcdef") != HASH_HEX_LEN)
		return h;
	for (int i = 0; i < HASH_HEX_LEN; i++) {
		unsigned digit = (unsigned)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
		uint64_t *half = i < HASH_HEX_LEN / 2 ? &h.hi : &h.lo;

		*half = *half << 4 | digit;
	}
	return h;
}

/* What a client had on the stream before. Istio counts these names as subscribed to. */
static void came_back_with(struct session *s, struct track *t, const char *name, const char *version)
{
	struct hash128 has = parse_version(version);
	struct stray *x;
	uint8_t *flags = track_name(s, t, name, &x);

	if (!flags)
		return;
	*flags |= KNOWN;
	if (!xds_type_info(t->type)->wildcard)
		*flags |= WANTED;
	if (x)
		x->has = has;
	else if (hash_equal(has, t->set->row[flags - t->row].res->hash))
		*flags |= CURRENT;
}

static void receive_delta(struct session *s, struct track *t, const struct xds_request *r, int64_t now_ms)
{
	bool first = !t->open;

	t->open = true;
	/* a nonce is for the acknowledgement only: the rest of the request counts in any case */
	if (!first && nonce_is(s, t, r->nonce))
		settle(s, t, r, now_ms);
	if (first) {
		for (size_t i = 0; i < r->initial_versions.n; i++)
			came_back_with(s, t, r->initial_versions.v[i].key, r->initial_versions.v[i].value);
		if (!r->subscribe.n && xds_type_info(t->type)->wildcard)
			set_wild(t, !r->initial_versions.n);
	}
	for (size_t i = 0; i < r->unsubscribe.n; i++) {
		if (strcmp(r->unsubscribe.v[i], "*")) {
			unsubscribe(s, t, r->unsubscribe.v[i]);
		} else if (t->wild) {
			t->wild = false;
			sweep(s, t, WANTED);
		}
	}
	for (size_t i = 0; i < r->subscribe.n; i++) {
		if (!strcmp(r->subscribe.v[i], "*"))
			set_wild(t, !r->initial_versions.n);
		else
			subscribe(s, t, r->subscribe.v[i], first);
	}
}

/* ---- subscriptions, state of the world ---- */

/* The client holds exactly what it would be sent: nothing is due. Under a wildcard only: a version
 * says nothing about names that were dropped and asked for again before the stream broke. */
static void settle_claim(struct session *s, struct track *t)
{
	if (!t->set || !hash_is_set(t->claim))
		return;
	if (t->wild && hash_equal(t->claim, t->set->hash)) {
		for (size_t i = 0; i < t->set->n; i++)
			t->row[i] |= KNOWN | CURRENT;
		t->owed = false;
		t->sent = t->acked = t->claim;
		if (track_is_whole(s, t)) {
			track_drop_substitutes(s, t, true);
			res_set_unref(s->table, t->acked_set);
			t->acked_set = res_set_ref(t->set);
		}
	}
	t->claim = (struct hash128){0, 0};
}

static void name_wanted(struct session *s, struct track *t, const char *name)
{
	struct stray *x;
	uint8_t *flags = track_name(s, t, name, &x);

	if (!flags)
		return;
	if (!(*flags & WANTED)) {
		t->asked = true;
		t->owed |= track_is_whole(s, t);
		if (!t->wild && track_accepted(t, name) && !track_substitute(t, name))
			track_remember(s, t, name, NULL);
		if (x)
			x->owed = !(x->flags & KNOWN);
	}
	*flags |= MARK;
}

/* The list is the whole subscription. Removed names need no answer, added ones do. */
static void receive_names(struct session *s, struct track *t, const struct strs *names)
{
	struct hash128 h = hash_bytes(NULL, 0);
	bool wild = false;

	for (size_t i = 0; i < names->n; i++) {
		h = hash_mix_str(h, names->v[i]);
		wild |= !strcmp(names->v[i], "*");
	}
	if (hash_equal(h, t->names))
		return;
	t->names = h;
	/* xDS: an empty list means everything until a list has named something */
	t->named |= names->n > 0;
	if (!t->named && xds_type_info(t->type)->wildcard)
		wild = true;
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], "*"))
			name_wanted(s, t, names->v[i]);
	if (wild)
		set_wild(t, true);
	t->wild = wild;
	t->owed |= t->doubt;	/* what was refused may have been what is not wanted any more */
	sweep(s, t, MARK);
}

/* A stream that begins, or that the client begins anew. */
static void restart(struct track *t, const struct xds_request *r)
{
	t->open = true;
	t->in_flight = false;
	t->n_flight = 0;
	t->asked = true;
	t->owed = t->wild;
	t->claim = parse_version(r->version);
	for (size_t i = 0; t->set && i < t->set->n; i++)
		t->row[i] &= (uint8_t)~(CURRENT | FLIGHT | ALONE);
}

static void receive_sotw(struct session *s, struct track *t, const struct xds_request *r, int64_t now_ms)
{
	if (!t->open || !r->nonce[0])
		restart(t, r);
	else if (nonce_is(s, t, r->nonce))
		settle(s, t, r, now_ms);
	else
		return;		/* xDS: a request that crossed a response says nothing */
	receive_names(s, t, &r->names);
	settle_claim(s, t);
}

/* ---- requests ---- */

static int refuse_url(struct err *e, const char *url)
{
	return err_set(e, ERR_SYNTAX,
		       "type_url '%.60s' is not one: expected type.googleapis.com/ and a message, as "
		       "envoy.config.cluster.v3.Cluster, envoy.config.listener.v3.Listener", url);
}

/* The type of the request; -1: ignore it; -2: an error. */
static int request_type(struct session *s, const struct xds_request *r, struct err *e)
{
	static const char prefix[] = "type.googleapis.com/";
	const char *url = r->type_url ? r->type_url : "";
	int type = xds_type_find(url), only = s->opts.only_type;

	if (only >= 0 && !url[0])
		return only;
	if (only >= 0 && type != only) {
		err_set(e, ERR_REFUSED, "this stream serves %s only, not '%.60s'",
			xds_type_info((enum xds_type)only)->type_url, url);
		return -2;
	}
	if (type >= 0)
		return type;
	if (strncmp(url, prefix, sizeof(prefix) - 1) != 0 || !url[sizeof(prefix) - 1]) {
		refuse_url(e, url);
		return -2;
	}
	if (!s->n_ignored++)
		log_info("xds", "stream %llx: requests for %.200s are not answered: not served here",
			 (unsigned long long)s->opts.id, url);
	return -1;
}

int session_receive(struct session *s, const struct xds_request *r, int64_t now_ms, struct err *e)
{
	int type = request_type(s, r, e);
	struct track *t;

	if (type < 0)
		return type == -1 ? 0 : -1;
	t = &s->track[type];
	if (s->opts.delta)
		receive_delta(s, t, r, now_ms);
	else
		receive_sotw(s, t, r, now_ms);
	if (s->over_limit)
		return err_set(e, ERR_LIMIT, "more than %d names that do not exist, or %d bytes of them",
			       SESSION_NAMES_MAX, SESSION_NAME_BYTES_MAX);
	track_refresh(s, t);
	return 0;
}

void session_set_bundle(struct session *s, struct bundle *b)
{
	struct bundle *old = s->bundle;

	s->bundle = bundle_ref(b);
	for (int i = 0; i < XDS_TYPES; i++) {
		struct track *t = &s->track[i];

		if (t->set == b->set[i])
			continue;
		track_set(s, t, b->set[i]);
		settle_claim(s, t);
		track_refresh(s, t);
	}
	bundle_unref(s->table, old);
}

/* ---- what may be sent ---- */

static bool gate_open(const struct session *s, const struct track *t)
{
	for (int i = 0; i < XDS_TYPES; i++) {
		const struct track *u = &s->track[i];

		if (gates[t->type].sent >> i & 1 && u->due & DUE_SEND)
			return false;
		if (gates[t->type].acked >> i & 1 && u->in_flight && !t->asked)
			return false;
	}
	return true;
}

/* Clusters go when nothing is left that may still use them: listeners first, and not while the client
 * sticks to old listeners or routes because it refused the new ones. */
static bool may_remove(const struct session *s, const struct track *t)
{
	const struct track *lds = &s->track[XDS_LDS], *rds = &s->track[XDS_RDS];

	if (t->type != XDS_CDS)
		return true;
	if (lds->due & DUE_REMOVE || lds->rejected || rds->rejected)
		return false;
	for (int i = 0; i < XDS_TYPES; i++)	/* names refer to nothing */
		if (i != XDS_NDS && (s->track[i].in_flight || s->track[i].due & DUE_SEND))
			return false;
	return true;
}

/* DUE_SEND, DUE_REMOVE or 0: what is next for this type. */
static unsigned next_of(const struct session *s, const struct track *t)
{
	if (!t->due || t->in_flight)
		return 0;
	if (t->due & DUE_SEND)
		return gate_open(s, t) ? DUE_SEND : 0;
	return may_remove(s, t) ? DUE_REMOVE : 0;
}

bool session_wants_to_send(const struct session *s)
{
	for (int t = 0; t < XDS_TYPES; t++)
		if (next_of(s, &s->track[t]))
			return true;
	return false;
}

bool session_next(struct session *s, int64_t now_ms, struct buf *out)
{
	for (int t = 0; t < XDS_TYPES; t++) {
		unsigned what = next_of(s, &s->track[t]);

		if (what) {
			send_response(s, &s->track[t], what == DUE_REMOVE, now_ms, out);
			return true;
		}
	}
	return false;
}

/* ---- status ---- */

void session_status(const struct session *s, enum xds_type type, struct session_status *out)
{
	const struct track *t = &s->track[type];

	*out = (struct session_status){
	    .state = !t->open ? SYNC_NOT_SUBSCRIBED :
		     t->rejected ? SYNC_REJECTED :
		     t->in_flight || t->due || !s->bundle ? SYNC_WAITING : SYNC_SYNCED,
	    .waiting_since_ms = t->in_flight ? t->sent_ms : 0,
	    .n_names = t->n_names,
	    .wildcard = t->wild,
	    .reject_text = t->reject_text,
	    .n_sent = t->n_sent, .n_acked = t->n_acked, .n_rejected = t->n_rejected,
	    .bytes_sent = t->bytes_sent,
	};
	if (hash_is_set(t->sent))
		hash_hex(t->sent, out->sent);
	if (hash_is_set(t->acked))
		hash_hex(t->acked, out->acked);
}

enum session_hold session_holds(const struct session *s, enum xds_type type, const char *name, const struct res **out)
{
	const struct track *t = &s->track[type];
	size_t i = t->set ? res_set_index(t->set, name) : (size_t)-1;
	struct stray *stray;
	const uint8_t *flags = track_find(t, name, &stray);

	if (!flags || !(t->wild || *flags & WANTED))
		return SESSION_NOT_ASKED;
	*out = i == (size_t)-1 ? NULL : t->set->row[i].res;
	return *out && (*flags & (KNOWN | CURRENT | FLIGHT | REFUSED)) == (KNOWN | CURRENT) ? SESSION_HOLDS : SESSION_NOT_YET;
}

bool session_refuses(const struct session *s, enum xds_type t, const char *name)
{
	const struct track *track = &s->track[t];
	size_t i = track->set ? res_set_index(track->set, name) : (size_t)-1;

	return i != (size_t)-1 && track->row[i] & REFUSED;
}

uint64_t session_n_ignored(const struct session *s)
{
	return s->n_ignored;
}
