/* SPDX-License-Identifier: Apache-2.0
 *
 * struct session: the protocol state of one xDS stream, state of the world or delta, aggregated or
 * of one type. Sans-I/O and without a clock of its own: requests go in decoded, responses come out
 * when the transport has room. Nothing is ever queued (per type: at most one response that is not
 * acknowledged, and what is due is found again from the state). An idle client in sync costs about
 * 1.5 kB, a pointer to each shared set, and one byte for each resource of its view. Thread: loop.
 *
 * Order (P10): CDS, EDS, LDS, RDS, SDS; removals of clusters after everything that replaces them is
 * acknowledged. Envoy's ways (envoy-facts.md 2): assignments again behind a changed EDS cluster;
 * never a removal for an awaited RDS name (a route configuration without hosts instead); an unknown
 * EDS or SDS name is answered by removed_resources (delta) or an empty assignment (state of the
 * world; for secrets nothing can be said there). What vanishes while a client is subscribed to it by
 * name is not taken away from EDS, RDS and SDS: Envoy ignores that, and unsubscribes by itself.
 *
 * Refusals: after a NACK of several resources (delta, and EDS, RDS, SDS of both variants) each of them
 * is sent again in a response of its own, so that blame is exact. What was refused is not sent to this
 * client again until it changes; the others go on. A state-of-the-world CDS or LDS response is always
 * whole: there Envoy's text is searched for names, and these keep the content that was accepted last.
 */
#ifndef XDS_SESSION_H
#define XDS_SESSION_H

#include "base/buf.h"
#include "xds/request.h"
#include "xds/res.h"

struct session;

enum {
	/* Names that a client may ask for which do not exist, over all types; others cost nothing. */
	SESSION_NAMES_MAX = 100000,
	SESSION_NAME_BYTES_MAX = 16 * 1024 * 1024,
	/* Delta, EDS, RDS, SDS: resource bytes after which a response is closed and the rest waits for the
	 * acknowledgement (a gRPC client refuses messages of more than 4 MB unless told otherwise). */
	SESSION_RESPONSE_BYTES = 2 * 1024 * 1024,
	SESSION_REJECT_TEXT_MAX = 1000,
};

struct session_opts {
	bool delta;
	int only_type;			/* enum xds_type of a single-type service, or -1: ADS */
	uint64_t id;			/* of the stream; part of its nonces */
};

/* What a client refused. The texts live until the next call of the session. */
struct session_reject {
	enum xds_type type;
	const char *name;		/* or NULL: Envoy did not say, and isolation is under way */
	const struct res *res;		/* or NULL */
	const char *text;		/* error_detail, shortened; withheld for SDS */
};

struct session_events {
	void *arg;
	/* Each may be NULL. */
	void (*rejected)(void *arg, const struct session_reject *r);
	void (*acked)(void *arg, enum xds_type type, const char *version, int64_t took_ms);
};

struct session *session_new(struct res_table *table, const struct session_opts *opts,
			    const struct session_events *events);
void session_free(struct session *s);	/* NULL is fine */

/* One request, in order. 0, or -1 with an err to end the stream with: malformed type URL, request of
 * another type on a single-type stream (ERR_SYNTAX, ERR_REFUSED), too many names (ERR_LIMIT). A type
 * that is well-formed but not served here is ignored: no proxy breaks by an extension of its own.
 * Before the first bundle the request is only noted. */
int session_receive(struct session *s, const struct xds_request *r, int64_t now_ms, struct err *e);
/* New content for this client; takes its own reference. */
void session_set_bundle(struct session *s, struct bundle *b);
bool session_wants_to_send(const struct session *s);
/* The next response, as one protobuf message (without gRPC prefix), appended to out; false when
 * there is none now. Check out->failed: a response that did not fit ends the stream. */
bool session_next(struct session *s, int64_t now_ms, struct buf *out);

/* For syncz, adsz, config_dump. */
enum sync_state { SYNC_NOT_SUBSCRIBED, SYNC_SYNCED, SYNC_WAITING, SYNC_REJECTED };
struct session_status {
	enum sync_state state;
	char sent[HASH_HEX_LEN + 1], acked[HASH_HEX_LEN + 1];	/* versions, or "" */
	int64_t waiting_since_ms;	/* of the response that is not acknowledged; 0 = none */
	size_t n_names;			/* subscribed by name */
	bool wildcard;
	const char *reject_text;	/* last rejection, or NULL; lives until the next call */
	uint64_t n_sent, n_acked, n_rejected, bytes_sent;
};
void session_status(const struct session *s, enum xds_type t, struct session_status *out);
/* Whether the client that asked for this name has accepted the content that its bundle has of it, *out; or none. */
enum session_hold { SESSION_NOT_ASKED, SESSION_NOT_YET, SESSION_HOLDS };
enum session_hold session_holds(const struct session *s, enum xds_type t, const char *name, const struct res **out);
/* The client refused the present content of that resource. */
bool session_refuses(const struct session *s, enum xds_type t, const char *name);
uint64_t session_n_ignored(const struct session *s);	/* requests of types that are not served */

#endif
