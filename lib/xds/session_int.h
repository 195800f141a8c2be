/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the session*.c files. struct track is what is known of one client for one type: a
 * reference to the shared set, one byte a row of it, and the few names that the set has not
 * ("strays"). It says whether the client has the present content, never which older content it has.
 *
 * session.c: requests and what may be sent when; session_track.c: names and sets; session_send.c:
 * responses; session_nack.c: refusals; session_encode.c: wire bytes; stub.c: answers for names that
 * do not exist.
 */
#ifndef XDS_SESSION_INT_H
#define XDS_SESSION_INT_H

#include "xds/pbw.h"
#include "xds/session.h"

/* Flags of a name. */
enum {
	WANTED = 1,	/* subscribed by name */
	KNOWN = 2,	/* the client holds some content of it */
	CURRENT = 4,	/* ... the present one, or that is on its way */
	FLIGHT = 8,	/* in the response that is not acknowledged */
	REFUSED = 16,	/* the client refused the present content */
	ALONE = 32,	/* to be sent in a response of its own */
	AGAIN = 64,	/* to be sent although it is current: its cluster changed, or may have */
	MARK = 128,	/* within one function: named by this request */
};

/* A name that the set has not: unknown, or vanished. */
struct stray {
	struct res *res;	/* what the client holds, or NULL: not known, or nothing */
	struct hash128 has;	/* the version that the client says it holds */
	uint8_t flags;		/* WANTED, KNOWN, FLIGHT, MARK */
	bool owed;		/* the client waits for an answer about it */
};

/* State of the world, CDS and LDS: what was accepted last of a name where the accepted set does not
 * say it, and is sent while the present content is refused; NULL: nothing. */
struct substitute {
	struct res *res;
	/* In the response that is not acknowledged: it stands for the row, or the row itself does. */
	bool sent, row_sent;
};

enum { DUE_SEND = 1, DUE_REMOVE = 2 };

struct track {
	enum xds_type type;
	bool open;		/* there was a request */
	bool wild;		/* subscribed to everything */
	bool named;		/* state of the world: a request named something */
	bool asked;		/* what is due was asked for by the client */
	bool owed;		/* a response is due even if it is empty */
	bool in_flight;
	bool rejected;		/* something of it is refused; kept by track_refresh */
	bool doubt;		/* a whole response was refused, and no name was given */
	uint8_t due;		/* DUE_*; kept by track_refresh */
	uint32_t n_flight;	/* resources in the response that is not acknowledged */
	size_t n_names;		/* WANTED */
	struct res_set *set;	/* or NULL before the first bundle */
	uint8_t *row;		/* flags, parallel to set->row */
	struct map strays;	/* name -> struct stray */
	uint64_t nonce;		/* of the last response; 0 = none on this stream */
	int64_t sent_ms;
	struct hash128 sent, acked;	/* versions */
	struct hash128 claim;	/* version that a client came back with; 0 = none */
	struct hash128 names;	/* of the last list of names (state of the world) */
	/* State of the world, CDS and LDS. */
	struct res_set *flight_set, *acked_set;
	struct map substitutes;	/* name -> struct substitute */
	char *reject_text;
	uint64_t n_sent, n_acked, n_rejected, bytes_sent;
};

struct session {
	struct res_table *table;
	struct session_opts opts;
	struct session_events events;
	struct bundle *bundle;	/* or NULL */
	uint64_t last_nonce;
	size_t n_strays, stray_bytes;
	bool over_limit;
	uint64_t n_ignored;
	struct track track[XDS_TYPES];
};

static inline bool hash_is_set(struct hash128 h)
{
	return h.hi || h.lo;
}

/* Responses of this kind are whole: what is absent is removed. */
static inline bool track_is_whole(const struct session *s, const struct track *t)
{
	return !s->opts.delta && xds_type_info(t->type)->wildcard;
}

/* ---- session_track.c ---- */
void track_fini(struct session *s, struct track *t);
void track_set(struct session *s, struct track *t, struct res_set *set);
/* The flags of a name, which is in the set or becomes a stray; NULL when the limit of names is hit.
 * *stray is NULL for a name of the set. */
uint8_t *track_name(struct session *s, struct track *t, const char *name, struct stray **stray);
uint8_t *track_find(const struct track *t, const char *name, struct stray **stray);	/* NULL if absent */
void track_forget(struct session *s, struct track *t, const char *name);		/* a stray */
void track_refresh(struct session *s, struct track *t);
bool track_row_due(const struct track *t, uint8_t flags);
bool track_stray_due(const struct session *s, const struct track *t, const struct stray *x);
bool track_stray_vanished(const struct track *t, const struct stray *x);
struct substitute *track_substitute(const struct track *t, const char *name);
/* That the client accepted this of a name, or nothing (NULL), whatever the accepted set says. */
void track_remember(struct session *s, struct track *t, const char *name, struct res *accepted);
struct res *track_accepted(const struct track *t, const char *name);
void track_drop_substitutes(struct session *s, struct track *t, bool all);
/* The version of what the client holds once the response in hand is accepted. */
struct hash128 track_version(const struct session *s, const struct track *t);

/* ---- session_send.c ---- */
void send_response(struct session *s, struct track *t, bool removal, int64_t now_ms, struct buf *out);

/* ---- session_nack.c ---- */
void nack_receive(struct session *s, struct track *t, const struct xds_request *r);

/* ---- session_encode.c ---- */
struct response_item {
	const char *name, *version;
	const uint8_t *bytes;
	size_t len;
};
struct response {
	bool delta;
	const char *version, *type_url, *nonce;
	const struct response_item *items;	/* by name */
	size_t n_items;
	const char *const *removed;
	size_t n_removed;
};
void response_encode(const struct response *r, struct buf *out);

/* ---- stub.c ---- */
/* A resource of that name without content, in a; false: there is none of that type. */
bool stub_build(enum xds_type type, const char *name, struct arena *a, struct pb_bytes *out);

#endif
