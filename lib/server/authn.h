/* SPDX-License-Identifier: Apache-2.0
 *
 * Who calls: from the certificate that TLS has verified, or the token of the Authorization header;
 * the first that holds wins (Istio's order). Node ids, metadata, addresses and SANs of requests are
 * claims and are not looked at here (R1). Thread: loop.
 */
#ifndef SERVER_AUTHN_H
#define SERVER_AUTHN_H

#include "base/arena.h"
#include "base/err.h"
#include "ca/jwt.h"
#include "ca/spiffe.h"
#include "ca/trust.h"
#include "net/http.h"

enum caller_how {
	CALLER_NONE,  /* nothing was shown */
	CALLER_CERT,  /* a certificate of this mesh */
	CALLER_TOKEN, /* of Kubernetes or another issuer */
	CALLER_JOIN,  /* a join token, not redeemed yet: id is empty */
};

struct caller {
	enum caller_how how;
	struct spiffe_id id; /* in the mesh's own trust domain */
	bool is_bound;	     /* of CALLER_TOKEN: to a pod */
	const char *join;    /* the token's text, for CALLER_JOIN; never for a log */
	int64_t cert_from_s, cert_until_s; /* of CALLER_CERT: issued, and expires; 0: not known */
};

/* What callers are measured by. */
struct authn {
	struct trust trust;
	const struct jwt_issuer *rules;
	size_t n_rules;
};

/* The token of an Authorization header, or NULL: another scheme. */
const char *authn_bearer(const char *authorization);
const char *caller_how_name(enum caller_how how); /* "certificate" */
/* authorization: the header, or NULL. -1: something was shown, and none of it holds. */
int authn_caller(const struct authn *an, const struct http_peer *from, const char *authorization,
		 int64_t now_s, struct arena *a, struct caller *out, struct err *e);

#endif
