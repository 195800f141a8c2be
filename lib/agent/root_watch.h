/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks for other roots, and other lists of revoked certificates, between renewals: GET /v1/roots, by the certificate that is
 * held. What is new is in force from then on, beside the pair, and told as had the next time, which a rotation of roots
 * waits for. Nothing depends on it: each
 * certificate comes with its roots. Thread: loop.
 */
#ifndef AGENT_ROOT_WATCH_H
#define AGENT_ROOT_WATCH_H

#include "agent/credential.h"

enum { ROOT_WATCH_MS = 5 * 60 * 1000 };

struct root_watch;

struct root_watch_opts {
	const char *url, *server_name; /* as credential_opts has them */
	int64_t every_ms;	       /* 0: ROOT_WATCH_MS; jittered */
};

/* All is borrowed. Heap memory. */
struct root_watch *root_watch_new(struct loop *l, struct http_client *client, struct credential *credential,
				  const struct root_watch_opts *o);
void root_watch_free(struct root_watch *w); /* before the credential; NULL is fine */

#endif
