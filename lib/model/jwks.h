/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Web Key Sets (RFC 7517) of RequestAuthentications, as proxies get them: the public members of the keys
 * that Envoy knows. Envoy refuses a whole listener over a set without one good key, so a set without one of which
 * that is certain (the points of elliptic curves are not checked here) has one more, which nobody can sign with: its
 * bytes are no point of its curve. Thread: pure.
 */
#ifndef MODEL_JWKS_H
#define MODEL_JWKS_H

#include <stdint.h>

#include "base/arena.h"

struct jwks_text {
	const char *json;		/* in the arena */
	size_t n_keys, n_left_out;	/* of the user's keys */
	bool has_private;		/* one has private members, which are left out */
};

/* A set that no token is good by. */
extern const char jwks_of_nobody[];

/* false: text is no key set. */
bool jwks_read(const char *text, struct arena *a, struct jwks_text *out);

/* Where proxies fetch keys. */
struct jwks_uri {
	bool tls;
	const char *host;		/* in the arena; in lower case, without brackets */
	uint32_t port;
};

/* false: uri is no http or https URL of a host, or of one that is, by its name or address, the proxy's own machine:
 * loopback and link-local addresses stand for what is beside a proxy, its admin interface and the cloud's metadata. */
bool jwks_uri_read(const char *uri, struct arena *a, struct jwks_uri *out);

#endif
