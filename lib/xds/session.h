/* SPDX-License-Identifier: Apache-2.0
 *
 * struct session: the protocol state of one xDS stream, state of the world or delta, aggregated or
 * of one type. Sans-I/O and without a clock of its own: requests go in decoded, responses come out
 * when the transport has room. It holds references to shared sets only: an idle client in sync
 * costs pointers, and nothing is ever queued (per type: one dirty bit, at most one response that is
 * not acknowledged). Thread: loop.
 *
 * Order (P10): CDS, EDS, LDS, RDS, SDS; removals of clusters after everything that replaces them is
 * acknowledged. Envoy's ways (envoy-facts.md 2): assignments again behind a changed EDS cluster;
 * never a removal for an awaited RDS name (a stub instead); an unknown EDS or SDS name is answered
 * by removed_resources (delta) or an empty assignment.
 */
#ifndef XDS_SESSION_H
#define XDS_SESSION_H

#include "base/buf.h"
#include "xds/request.h"
#include "xds/res.h"

struct session;

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
	const char *text;		/* error_detail, redacted for SDS */
};

struct session_events {
	void *arg;
	void (*rejected)(void *arg, const struct session_reject *r);
	void (*acked)(void *arg, enum xds_type type, const char *version, int64_t took_ms);
};

struct session *session_new(struct res_table *table, const struct session_opts *opts,
			    const struct session_events *events);
void session_free(struct session *s);	/* NULL is fine */

/* One request, in order. 0, or -1 with an err to end the stream with (unknown type url, request of
 * another type on a single-type stream, too many names). Before the first bundle the request is only
 * noted. */
int session_receive(struct session *s, const struct xds_request *r, int64_t now_ms, struct err *e);
/* New content for this client; takes its own reference. */
void session_set_bundle(struct session *s, struct bundle *b);
bool session_wants_to_send(const struct session *s);
/* The next response, as one protobuf message (without gRPC prefix), appended to out; false when
 * there is none now. */
bool session_next(struct session *s, int64_t now_ms, struct buf *out);

/* For syncz, adsz, config_dump. */
enum sync_state { SYNC_NOT_SUBSCRIBED, SYNC_SYNCED, SYNC_WAITING, SYNC_REJECTED };
struct session_status {
	enum sync_state state;
	const char *sent, *acked;	/* versions, or "" */
	int64_t waiting_since_ms;	/* of the response that is not acknowledged; 0 = none */
	size_t n_names;			/* subscribed; 0 for wildcard */
	const char *reject_text;	/* last rejection, or NULL */
	uint64_t n_sent, n_acked, n_rejected, bytes_sent;
};
void session_status(const struct session *s, enum xds_type t, struct session_status *out);

#endif
