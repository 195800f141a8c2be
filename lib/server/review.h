/* SPDX-License-Identifier: Apache-2.0
 *
 * TokenReviews: what an API server says of a token. For those that are not known here (another issuer, a new key), and for
 * those that are bound to a pod, which may be gone. One token is asked about once at a time, and who shows it waits for
 * the answer. Answers are remembered by the SHA-256 of the token, for a short time: memory, reviews under way and a
 * second, and those that wait are bounded. Thread: loop; the cache and the texts: pure.
 */
#ifndef SERVER_REVIEW_H
#define SERVER_REVIEW_H

#include "ca/jwt.h"
#include "ca/spiffe.h"
#include "ev/loop.h"
#include "server/metrics.h"

enum review {
	REVIEW_NONE,	/* nothing is known */
	REVIEW_PENDING,
	REVIEW_YES,
	REVIEW_NO,
	REVIEW_FAILED, /* the API server gave no answer */
	REVIEW_BUSY,   /* too many at once */
};
enum { REVIEW_WAITERS_MAX = 1000 };
const char *review_name(enum review r);

/* ---- what is remembered ---- */

enum {
	REVIEW_SETS = 512,
	REVIEW_WAYS = 8,
	REVIEW_YES_MS = 60 * 1000,
	REVIEW_NO_MS = 10 * 1000,
	REVIEW_FAILED_MS = 1000,
	REVIEW_PENDING_MS = 15 * 1000, /* longer than a call */
};

struct review_slot {
	uint8_t id[JWT_ID];
	enum review is;
	int64_t until_ms;
	char ns[SPIFFE_NS], sa[SPIFFE_SA]; /* of REVIEW_YES */
};
struct review_cache {
	struct review_slot slot[REVIEW_SETS][REVIEW_WAYS];
};
/* What is known of a token now; NULL: nothing. */
const struct review_slot *review_cache_find(const struct review_cache *c, const uint8_t id[JWT_ID], int64_t now_ms);
/* id: or NULL, if `is` is not REVIEW_YES. */
void review_cache_set(struct review_cache *c, const uint8_t id[JWT_ID], enum review is, const struct spiffe_id *who,
		      int64_t now_ms);

/* ---- texts ---- */

#define REVIEW_AUDIENCE "istio-ca"

/* A TokenReview that asks about it; heap memory, to be cleansed. NULL: it is no text. */
char *review_request(const char *token);
/* REVIEW_YES with the namespace and service account of *who, or REVIEW_NO; REVIEW_FAILED: no such answer. e: why. */
enum review review_answer(const char *body, size_t n, struct spiffe_id *who, struct err *e);

/* ---- asking ---- */

struct kube_client;
struct reviews;

/* client is borrowed. Heap memory. */
struct reviews *reviews_new(struct loop *l, struct kube_client *client, struct metrics *metrics);
void reviews_free(struct reviews *r); /* before its client; NULL is fine */
/* One who waits; fn is called once, when something is known. */
struct review_wait {
	loop_fn *fn;
	void *arg;
	struct review_wait *next, **at; /* at: NULL = not waiting */
};
/* What is known; else it is asked for, and this is REVIEW_PENDING. may_start: else REVIEW_BUSY instead of a new one. */
enum review reviews_ask(struct reviews *r, const char *token, size_t n, bool may_start, bool *started, struct spiffe_id *who);
/* Waits for a token that is REVIEW_PENDING; -1: too many do. w has fn and arg. */
int reviews_wait(struct reviews *r, const char *token, size_t n, struct review_wait *w);
void reviews_leave(struct reviews *r, struct review_wait *w);

#endif
