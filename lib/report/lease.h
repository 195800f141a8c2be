/* SPDX-License-Identifier: Apache-2.0
 *
 * struct lease: which replica may write, decided by a Lease of coordination.k8s.io/v1 as client-go does it, sans-I/O: the
 * owner sends the request that lease_next asks for, hands in what comes back, and asks lease_held before each write.
 *   - A Lease of another holder is respected for its leaseDurationSeconds from when we saw it change, by our monotonic
 *     clock: no two machines' clocks are compared, and a jump of the wall clock changes nothing.
 *   - Ours is renewed each 1.5 s. It counts for 7 s from when the last renewal that went well was sent; then we write
 *     nothing more, 3 s before anybody else may.
 *   - One that is not renewed any more is taken within 15 s: it is looked at each 1.8 s at least, and when its 10 s end.
 *   - Every write has the version that was read as its precondition, and touches spec's fields only.
 * Source: client-go tools/leaderelection (its waits are longer). Time is what the owner says. Thread: loop.
 */
#ifndef REPORT_LEASE_H
#define REPORT_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct lease;

enum { LEASE_DURATION_MS = 10000, LEASE_RENEW_DEADLINE_MS = 7000, LEASE_RETRY_MS = 1500 };

/* Texts are copied. identity: who holds it, unique among the replicas. */
struct lease *lease_new(const char *ns, const char *name, const char *identity, uint64_t seed);
void lease_free(struct lease *l);	/* NULL is fine */

/* One request; the texts are borrowed until the next call of this module. */
struct lease_request {
	const char *method, *target;	/* NULL while waiting */
	const char *content_type, *body;	/* of a write, or NULL */
	int64_t total_ms;		/* bound of the call */
	int64_t wait_ms;		/* then ask again; 0 with a request */
};
/* What to do while no request is open. now_ms: monotonic; wall_ns: since 1970, only ever written down. */
void lease_next(struct lease *l, int64_t now_ms, int64_t wall_ns, struct lease_request *out);
/* Its answer: status 0 when there was none, why (or NULL) then says why. */
void lease_answered(struct lease *l, int64_t now_ms, unsigned status, const char *body, size_t n, const struct err *why);
/* The last request, on a clean stop: gives the Lease back, so that another replica need not wait. False when there is
 * nothing to give back. Its answer is of no interest. */
bool lease_give_back(struct lease *l, int64_t now_ms, int64_t wall_ns, struct lease_request *out);

/* We may write now. */
bool lease_held(const struct lease *l, int64_t now_ms);
/* ms until it is not held any more unless it is renewed; 0: it is not. */
int64_t lease_left_ms(const struct lease *l, int64_t now_ms);
const char *lease_holder(const struct lease *l);	/* as seen last; "" = nobody, or not known */
const char *lease_trouble(const struct lease *l);	/* why the last request failed, or NULL */

#endif
