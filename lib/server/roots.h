/* SPDX-License-Identifier: Apache-2.0
 *
 * The CA with its rotation: what ca/rotation decides, done with directories, the state on disk and the log.
 *
 *   <state>/ca          our own root; or --ca-dir in its place
 *   <state>/ca-old      the issuer before, while it issues or may have to again; its key, too
 *   <state>/ca-new      the next root of our own, while it is made
 *   <state>/rotation    the state, and .old the one before
 *   <state>/issued.log  who holds what
 *   <state>/ca-crl.pem  the lists of revoked certificates that were good last
 *
 * A step is on disk before anything of it is seen outside. What fails on disk is not done, and is tried again.
 * Thread: loop.
 */
#ifndef SERVER_ROOTS_H
#define SERVER_ROOTS_H

#include "ca/ca.h"
#include "ca/issued.h"
#include "ca/rotation.h"
#include "ev/loop.h"

struct roots_opts {
	const char *state_dir, *ca_dir; /* ca_dir: or NULL, a root of our own */
	const char *trust_domain;
	const char *boot_id; /* another one each time that the machine starts; "": not known */
	bool shared; /* other replicas have the same ca_dir */
};

struct roots;

struct roots *roots_open(struct loop *l, const struct roots_opts *o, loop_fn *changed, void *arg, struct err *e);
void roots_close(struct roots *r); /* NULL is fine */

/* The issuer in force, with the bundle in force; borrowed until `changed`. */
struct ca *roots_ca(const struct roots *r);
struct rotation *roots_rotation(struct roots *r);
/* The issuer that the files have; it may not issue yet. NULL: the same. */
const struct ca *roots_next(const struct roots *r);
/* Roots of the files that are not in date, PEM: nobody gets them. */
const char *roots_left_out(const struct roots *r);
/* The lists of revoked certificates in force, PEM, or NULL; why other ones, that the files have, are not, or NULL. Both
 * borrowed until `changed`. */
const char *roots_crl(const struct roots *r);
const char *roots_crl_trouble(const struct roots *r);

/* Who is connected, for each step: in a. */
typedef struct rotation_peer *roots_peers_fn(void *arg, struct arena *a, size_t *n);
void roots_set_peers(struct roots *r, roots_peers_fn *fn, void *arg);
/* A leaf that was signed, before it is handed out: its line in the log. A disk that fails holds up rotations, not
 * certificates. */
void roots_issued(struct roots *r, const struct issued *i);

/* The files have changed. */
void roots_reload(struct roots *r);
/* What operators say; ERR_REFUSED: it does not fit. */
enum roots_order { ROOTS_ROTATE, ROOTS_PAUSE, ROOTS_RESUME, ROOTS_RESUME_WITHOUT_AWAY, ROOTS_ABORT };
int roots_order(struct roots *r, enum roots_order order, struct err *e);

#endif
