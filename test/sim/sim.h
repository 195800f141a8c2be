/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulated world: the real store, publisher and sessions on the loop of sim_ev, and the proxies.
 * sim.c draws a history; sim_peer.c is a proxy that also checks all that it is sent; sim_check.c are the
 * oracles of a quiet point.
 */
#ifndef SIM_H
#define SIM_H

#include "base/buf.h"
#include "mesh/proxy.h"
#include "server/publish.h"
#include "sim_config.h"
#include "sim_ev.h"
#include "store/store.h"
#include "xds/session.h"

enum { CLIENTS_MAX = 5, SIM_MESSAGE_MAX = 64 * 1024 * 1024 };

struct world;

/* One resource as a proxy has it. */
struct held {
	char version[HASH_HEX_LEN + 1];
	struct res *res;		/* held; NULL: no content of a set (an answer for an unknown name) */
	bool unknown;			/* to the server: a client of whole responses came back with it */
};

struct peer {				/* one simulated proxy */
	struct world *world;
	bool connected;
	bool away;			/* not connected, and comes back with what it holds */
	bool delta;
	struct arena arena;
	struct proxy proxy;
	struct subscriber sub;
	struct session *session;
	struct bundle *bundle;		/* the session's; or NULL */
	struct loop_task push;
	struct map held[XDS_TYPES];	/* name -> struct held */
	struct map asked[XDS_TYPES];	/* names that it is subscribed to, but for CDS and LDS */
	struct map refused;		/* version texts that it will not take */
	struct map nonces;		/* of this stream */
	struct bundle *unchanged;	/* held: it came back with exactly this; or NULL */
	struct loop_timer answer;	/* when it acknowledges what it got */
	struct {
		char nonce[200], version[64];
		bool open;		/* it has sent a request on this stream */
		bool waiting;		/* a response is not acknowledged */
		bool refuse;		/* and will be refused */
		char refusal[4000];		/* error_detail */
		bool touched;		/* the subscription is to be brought up to date */
	} got[XDS_TYPES];
	unsigned refuse_percent;
	bool tells;			/* its refusals name what they are about, as Envoy's do */
	bool kept_silent;		/* it refused something on this stream and did not tell what */
};

/* What a place (a file) says, and what of it is in force: kept beside the store, to check that. */
struct place_model {
	struct object *now;		/* held; of the last put; NULL: invalid, or nothing */
	struct object *good;		/* held; in force since the last commit */
	bool claimed;			/* it speaks of its object, however wrongly */
};

struct world {
	struct sim_random random;
	struct loop *loop;
	struct job_pool *jobs;
	struct metrics metrics;
	struct store *store;
	int source;
	struct place_model places[SIM_PLACES];
	struct publisher *pub;
	struct peer peers[CLIENTS_MAX];
	struct buf scratch;
	const char *failed;		/* which oracle, or NULL */
	char why[400];
	bool verbose;
	bool soon;			/* it was quiet for a short time only */
	/* The objects that must be in force; the store's settings count. References are taken. */
	void (*model)(struct world *w, struct object_set *set);
};

/* Only the first failure of a history is kept. */
void sim_fail(struct world *w, const char *oracle, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void peer_connect(struct peer *p);
/* keep: it will come back with what it holds. */
void peer_disconnect(struct peer *p, bool keep);
void peer_forget(struct peer *p);		/* what one that is away holds */
/* What proxies also do: drop a name and ask again, a nonce that is none, a type that nobody serves. */
void peer_oddity(struct peer *p);
/* The names of a type that follow from what the proxy holds: RDS of listeners, EDS of clusters. In a. */
struct strs peer_wanted(const struct peer *p, enum xds_type t, struct arena *a);

/* Of a history whose objects stand at places. */
void model_places(struct world *w, struct object_set *set);
void check_objects(struct world *w);		/* O1 of what the store holds */
void check_world(struct world *w);		/* at a quiet point: O1, O2, P8 */

#endif
