/* SPDX-License-Identifier: Apache-2.0
 *
 * When to ask for a certificate: a state machine without a clock, whose caller passes the time and random bits.
 * A certificate is renewed at a jittered part of its life, whichever clock says so first: the monotonic one is
 * not fooled by a wall clock that is set back, the wall clock counts while the machine sleeps. A request
 * that failed is tried again with a back-off that doubles, is jittered, and is never longer than a quarter of
 * what is left of the certificate; past its expiry too. Thread: pure.
 */
#ifndef AGENT_RENEW_H
#define AGENT_RENEW_H

#include <stdbool.h>
#include <stdint.h>

enum {
	RENEW_RETRY_MIN_MS = 1000,
	RENEW_RETRY_MAX_MS = 60 * 1000,
	RENEW_LOOK_MS = 30 * 1000,	/* a wall clock that was set is noticed so late at most */
};

struct renew_time {
	int64_t mono_ms, wall_ms;
};

enum renew_state { RENEW_NONE, RENEW_GOOD, RENEW_EXPIRED };

struct renew {
	double left;			/* part of the life that is left at the renewal */
	bool held, asking;
	int64_t not_after_ms;		/* wall */
	struct renew_time due;		/* for renewal */
	int64_t not_before_ms;		/* monotonic: no request before */
	unsigned failures;		/* in a row */
};

void renew_init(struct renew *r, double left);
/* In ms; 0: ask now, and call renew_asked. Look again then at the latest. While a request is under way
 * RENEW_LOOK_MS. */
int64_t renew_wait_ms(const struct renew *r, struct renew_time now);
void renew_asked(struct renew *r);
/* A certificate is here. One that has expired, as it comes when our clock is wrong, counts as a failure too. */
void renew_got(struct renew *r, struct renew_time now, int64_t not_after_ms, uint32_t random);
/* retry_after_ms: as the CA said, or -1; at most RENEW_RETRY_MAX_MS of it is waited. */
void renew_failed(struct renew *r, struct renew_time now, int64_t retry_after_ms, uint32_t random);
enum renew_state renew_state(const struct renew *r, struct renew_time now);

#endif
