/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's identity and the mesh's: the CA with its directory, rules for tokens, join tokens,
 * and the TLS context of the secure port, renewed at half of its life
 * and when the CA changes. What changes on disk and does not hold leaves what was there in force
 * (R5). Thread: loop.
 */
#ifndef SERVER_IDENTITY_H
#define SERVER_IDENTITY_H

#include "ca/ca.h"
#include "ev/loop.h"
#include "net/tls.h"
#include "server/authn.h"
#include "server/authz.h"
#include "server/bucket.h"
#include "server/roots.h"

struct identity_opts {
	const char *state_dir; /* root of our own, join tokens, log; made if it is missing */
	const char *ca_dir;    /* plugged-in CA, or NULL: <state_dir>/ca */
	bool ca_shared;	       /* other replicas have the same ca_dir */
	const char *trust_domain;
	const char *const *aliases; /* of it */
	size_t n_aliases;
	const char *token_rules; /* file: a list of {issuer, audiences, jwksFile}; or NULL */
	const char *const *server_names; /* of the secure port, beyond Istio's */
	size_t n_server_names;
	const char *const *admins; /* "ns/sa", a star for all of a namespace */
	size_t n_admins;
};

struct identity {
	struct loop *loop;
	struct identity_opts opts;
	struct authn authn;
	struct authz authz;
	struct roots *roots;
	struct ca *ca; /* roots_ca */
	struct tls_ctx *tls;
	int lock;	/* on the state directory */
	char boot_id[ROTATION_BOOT]; /* of the machine; "" where the kernel has none */
	char *join_dir;
	struct token_rules *rules;
	struct file_watch *ca_watch, *rules_watch;
	struct loop_timer renew;
	loop_fn *renewed;
	void *arg;
	struct buckets failures;   /* of authentication, by address */
	struct buckets signatures; /* by identity */
};

/* Heap memory. opts' texts are borrowed. renewed(arg): id->tls is another one. One process at a time has a state
 * directory: two that wrote there would each forget what the other one issued. */
struct identity *identity_open(struct loop *l, const struct identity_opts *opts, loop_fn *renewed,
			       void *arg, struct err *e);
void identity_close(struct identity *id); /* NULL is fine */

/* The rules of a file and their keys; NULL and err when it does not hold. */
struct token_rules *token_rules_open(const char *path, struct err *e);
void token_rules_free(struct token_rules *r); /* NULL is fine */
const struct jwt_issuer *token_rules_get(const struct token_rules *r, size_t *n);

#endif
