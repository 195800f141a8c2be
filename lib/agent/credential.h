/* SPDX-License-Identifier: Apache-2.0
 *
 * The workload's certificate: asked for over TLS (POST /v1/certificates of navarchd), with a key that is made here,
 * anew each time, and is never sent. When is renew.h's business; what was got last stays until something better is
 * here. Who we are we show, in this order, by a token from a file (read again each time), the certificate that is
 * about to be renewed, or a join token from a file.
 * Thread: loop.
 */
#ifndef AGENT_CREDENTIAL_H
#define AGENT_CREDENTIAL_H

#include "agent/renew.h"
#include "base/buf.h"
#include "base/err.h"
#include "ev/loop.h"
#include "net/http_client.h"

struct credential;

struct credential_opts {
	const char *url;		/* "https://istiod.istio-system.svc:15012" */
	const char *server_name;	/* in its certificate, when not the URL's; or NULL */
	const char *ca_file;		/* whom it must be signed by; read again each time */
	const char *token_file, *join_token_file;	/* or NULL */
	/* Where a pair lives on beyond us, or NULL: cert-chain.pem, key.pem, root-cert.pem, ca-crl.pem. What is there at the
	 * start is used while it is good; what comes is written, the key with mode 0600. */
	const char *cert_dir;
	int64_t ttl_s;			/* 0: as the CA likes */
	double left;			/* of its life at the renewal; 0.5 */
	loop_fn *changed;		/* there is another one */
	void *arg;
};

/* All PEM. */
struct credential_pair {
	const char *key, *chain, *roots;
	const char *crl;	/* lists of revoked certificates, or NULL */
	int64_t not_before_s, not_after_s;
};

struct credential_stats {
	uint64_t asked, failed;
};

struct credential *credential_open(struct loop *l, struct http_client *client, const struct credential_opts *o, struct err *e);
void credential_close(struct credential *c);	/* NULL is fine */
/* Borrowed until the next `changed`; NULL: none yet. */
const struct credential_pair *credential_get(const struct credential *c);
/* Other roots, which the pair verifies against, or other lists (or NULL) than those that it came with, PEM: they are its
 * own from now on, and `changed` is called. -1: they are not taken. */
int credential_set_roots(struct credential *c, const char *roots, const char *crl, struct err *e);
/* Who may be the CA, PEM: appended. */
int credential_trusted(const struct credential *c, struct buf *out, struct err *e);
enum renew_state credential_state(const struct credential *c);
const struct credential_stats *credential_stats(const struct credential *c);

#endif
