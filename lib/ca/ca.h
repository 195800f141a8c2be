/* SPDX-License-Identifier: Apache-2.0
 *
 * The mesh's certificate authority. struct ca is one signing key with its chain, checked when it
 * was loaded, read-only from then on; a reload makes another. ca.c is the only file that sees the
 * private key; it never leaves the struct. What is signed is built from the authenticated identity;
 * a request gives nothing but its public key (R1). Behaviour: Istio's CA (reference 6).
 * Thread: refs in the loop; ca_issue and ca_issue_server are pure and run anywhere.
 */
#ifndef CA_CA_H
#define CA_CA_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "ca/cert.h"
#include "ca/spiffe.h"
#include "ca/tbs.h"

enum {
	CA_TTL_S = 24 * 3600, /* of a leaf that does not ask */
	CA_TTL_MIN_S = 60,
	CA_TTL_MAX_S = 90 * 24 * 3600, /* who asks for more is refused */
	CA_SKEW_S = 2 * 60,	       /* notBefore lies so much in the past */
	CA_ROOT_TTL_S = 3650 * 24 * 3600,
};

struct ca;

struct ca_opts {
	const char *trust_domain;
	int64_t ttl_s, ttl_max_s; /* 0 = the defaults above */
};

/* Once, before anything of OpenSSL: its secure heap, locked and left out of core files; what it frees of the
 * ordinary one is overwritten; no core files at all for the process, which no other may trace. */
void ca_protect_memory(void);

/* The directory of one's own: root-cert.pem, ca-cert.pem, ca-key.pem, cert-chain.pem; or, as
 * cert-manager names them, ca.crt, tls.crt, tls.key. Checked: complete, key fits, may sign (CA, key
 * usage, path length, name constraints: a probe is signed and verified), not expired. Roots that are
 * not in date are left out; one that is has to remain. NULL: err says what to repair. */
struct ca *ca_open(const char *dir, const struct ca_opts *opts, int64_t now_s, struct err *e);
/* The same for a directory that is ours: with none of the files there, a self-signed root (P-256,
 * CA_ROOT_TTL_S) is made and written, the key with mode 0600; with some of them, nothing is made
 * anew. The key must be a plain file of ours that nobody else may read. serial: random bytes. */
struct ca *ca_open_own(const char *dir, const struct ca_opts *opts, int64_t now_s,
		       const uint8_t serial[TBS_SERIAL], struct err *e);
/* The lists of revoked certificates beside a CA (ca-crl.pem), appended to out, unread; nothing when there is no file, or
 * nothing in it. */
int ca_read_crl(const char *dir, struct buf *out, struct err *e);
struct ca *ca_ref(struct ca *ca);
void ca_unref(struct ca *ca); /* NULL is fine; the last one cleanses the key */

const char *ca_roots(const struct ca *ca);   /* PEM bundle, for whoever verifies */
const char *ca_left_out(const struct ca *ca); /* roots of its files that are not in date, PEM; "" without any */
int64_t ca_changes_s(const struct ca *ca);    /* when another root of its files gets into date, or out of it */
int64_t ca_expires_s(const struct ca *ca);   /* the first of the chain to do so */
const char *ca_subject(const struct ca *ca); /* one line */
/* The root that what it signs chains to. */
const char *ca_root(const struct ca *ca);    /* PEM */
const char *ca_root_id(const struct ca *ca); /* cert_id */
/* What stands between a leaf and the roots, the issuer first; n may be 0. PEM. */
const char *const *ca_above(const struct ca *ca, size_t *n);

/* The same issuer with another bundle of roots, PEM; its own root is among them. One ref. */
struct ca *ca_with_roots(const struct ca *ca, const char *roots);
/* Into a directory that is made, as ca_open reads it, the key with mode 0600: an issuer outlives its place. */
int ca_save(const struct ca *ca, const char *dir, struct err *e);
/* Removes a set of files of ours; the key is overwritten first. What is not there is no error. */
int ca_remove(const char *dir, struct err *e);

struct ca_request {
	const struct spiffe_id *id; /* of the authenticated caller */
	const char *csr;	    /* PEM */
	size_t n_csr;
	int64_t ttl_s;		    /* <= 0: the default */
	uint8_t serial[TBS_SERIAL]; /* random bytes */
};

struct ca_issued {
	const char **chain; /* PEM: the leaf, intermediates one by one, the root bundle last */
	size_t n_chain;
	char serial[2 * TBS_SERIAL + 1]; /* hexadecimal */
	int64_t not_before_s, not_after_s;
};

/* Into a. -1: ERR_SYNTAX, ERR_LIMIT, ERR_REFUSED: the request's fault; ERR_TIMEOUT: the CA has
 * expired. */
int ca_issue(const struct ca *ca, const struct ca_request *r, int64_t now_s, struct arena *a,
	     struct ca_issued *out, struct err *e);
/* A key and certificate for the daemon's own port. names: DNS names and addresses. key: PEM, which
 * the caller cleanses (ca_cleanse). */
int ca_issue_server(const struct ca *ca, const char *const *names, size_t n, int64_t ttl_s,
		    const uint8_t serial[TBS_SERIAL], int64_t now_s, struct arena *a,
		    struct ca_issued *out, struct buf *key, struct err *e);
void ca_cleanse(struct buf *secret); /* overwrites all its memory, then buf_fini */
void ca_cleanse_text(char *secret);

#endif
