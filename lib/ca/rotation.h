/* SPDX-License-Identifier: Apache-2.0
 *
 * The rotation of roots, sans-I/O: which roots are trusted, which of them is issued from, and when that may change.
 *
 *   steady -> distributing: a new root is in the bundle that everybody gets; the old one still issues
 *          -> draining: every proxy has the bundle; the new root issues, leaves of the old one run out
 *          -> steady: the last leaf of the old root has expired; it leaves the bundle
 *
 * Nothing is forgotten: a root leaves the bundle only when no leaf of it can be alive, whatever the files say; a root
 * issues only when all that are connected, and all that hold a living certificate, have been given it. What must hold
 * after a power cut is in the text of rotation_print, which the caller syncs to disk before what it says is done:
 * for each root a time after which no leaf of it lives ("promised") is on disk before such a leaf is handed out.
 * The ledger of who holds what comes from the log of certificates, which is not synced: after a power cut it may lack
 * lines, and whoever may stand in them is waited for.
 *
 * A holder is "ns/sa@address": an agent gets its certificates, and its Envoy its configuration, from one address.
 * Times are wall-clock seconds, since the dates of certificates are; a jump of that clock against the monotonic one
 * stops all steps for the life of a certificate. Thread: loop.
 */
#ifndef CA_ROTATION_H
#define CA_ROTATION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "ca/cert.h"
#include "ca/tbs.h"

enum {
	ROTATION_ROOTS_MAX = 8,
	ROTATION_HOLDERS_MAX = 200000, /* past that only the last expiry is known, and waited for */
	ROTATION_TEXT_MAX = 1024 * 1024,
	ROTATION_SKEW_S = 120,	      /* between clocks of the mesh */
	ROTATION_SPREAD_S = 10 * 60,  /* until all replicas have seen a change of what they share */
	ROTATION_LEAST_S = 5,	      /* of distributing: until no request is under way that has the bundle before */
	ROTATION_HANDED_S = 10,	      /* from a line of the log until its certificate is with whom it is for, or never */
	ROTATION_JUMP_S = 60,	      /* of the wall clock, that is one */
	ROTATION_BOOT = 40,	      /* of an id of the machine's start */
	ROTATION_NAMES_MAX = 16,      /* of those that are behind */
};

enum rotation_phase {
	ROTATION_STEADY,
	ROTATION_ANNOUNCED, /* a further root is trusted, and there is no key to issue from it yet */
	ROTATION_DISTRIBUTING,
	ROTATION_DRAINING,
	ROTATION_PHASES
};
const char *rotation_phase_name(enum rotation_phase p);

struct rotation_root {
	char id[CERT_ID + 1];
	const char *pem;
	uint64_t bundle;    /* the first that has it */
	int64_t since_s;    /* when that was */
	int64_t until_s;    /* no leaf of it that we know of lives longer; 0: none was issued */
	int64_t promised_s; /* nor any that we do not know of */
	bool wanted;	    /* the CA's files have it */
};

/* What is on disk. A copy of it is a point to go back to. */
struct rotation_state {
	struct rotation_root root[ROTATION_ROOTS_MAX];
	size_t n;
	char signer[CERT_ID + 1]; /* the root that is issued from; "" before rotation_files */
	char target[CERT_ID + 1]; /* the one to go to, or "" */
	char previous[CERT_ID + 1]; /* the one before, or "" */
	char refused[CERT_ID + 1];  /* that an operator has aborted, or "" */
	uint64_t bundle;	    /* number of the bundle in force */
	int64_t switched_s, longest_s;
	int64_t gap_s; /* until then certificates may live that the log does not have */
	char boot[ROTATION_BOOT]; /* the machine's, when this was written */
	bool paused;
};

struct rotation_holder {
	uint64_t root; /* its first digits */
	uint64_t bundle; /* that it has */
	uint64_t given;	 /* that its last certificate came with */
	uint64_t before; /* that it had before certificates that may not have reached it */
	int64_t issued_s, until_s;
	uint8_t serial[TBS_SERIAL];
	uint64_t seen; /* connected, when it was looked at last */
	bool skipped;  /* not waited for: an operator said so; until its next certificate, or a restart */
};

struct rotation {
	struct rotation_state s;
	bool shared;	/* other replicas issue from the same files: steps also wait for a certificate's whole life */
	struct map holders; /* -> struct rotation_holder */
	int64_t unknown_until_s; /* of leaves whose holders are not kept */
	uint64_t unknown_bundle; /* the oldest that one of them may have */
	int64_t newest_s;	 /* of the leaves of the ledger: when the last was issued */
	uint64_t turn;
	int64_t wall_s, mono_s, held_until_s, off_s; /* held_until_s: monotonic; 0: not */
	struct arena arena; /* of the PEMs */
};

void rotation_init(struct rotation *r, bool shared);
void rotation_fini(struct rotation *r);

/* The text on disk. Appended to out. */
void rotation_print(const struct rotation *r, struct buf *out);
/* text[n] is a NUL. -1: it is no such text, or damaged; r->s is as before. */
int rotation_parse(struct rotation *r, const char *text, size_t n, struct err *e);

/* What the CA's files say now: roots, PEM, all that they want trusted, and the id of the one that their key chains
 * to, which is among them. *changed: r->s is another one than before. -1: too many roots at once, or no certificates. */
int rotation_files(struct rotation *r, const char *roots, const char *signer, int64_t now_s, bool *changed,
		   struct err *e);
/* The bundle in force, PEM, in a. */
const char *rotation_bundle(const struct rotation *r, struct arena *a);
const struct rotation_root *rotation_root(const struct rotation *r, const char *id); /* NULL if absent */

/* A leaf was signed, or was found in the log. Returns whether the state must be on disk before it is handed out. */
struct rotation_leaf {
	const char *holder; /* or NULL: not known */
	const char *root;   /* id, or its first 16 digits */
	uint64_t bundle;    /* that it came with */
	int64_t issued_s, until_s;
	const uint8_t *serial;
};
bool rotation_issued(struct rotation *r, const struct rotation_leaf *leaf);
/* The log could not be written of a leaf that lives until then. */
void rotation_unlogged(struct rotation *r, int64_t until_s);
/* With another id than before the machine went down meanwhile, and took what the log had not on disk: all that was
 * promised may have been issued to somebody who is not in it. Returns that. */
bool rotation_booted(struct rotation *r, const char *boot_id);
/* After the log was read: what is promised beyond it may have been issued, to whom nobody knows; and what was logged last
 * may not have been handed out, until its holder shows it. */
void rotation_replayed(struct rotation *r);
/* Somebody proved to have the bundle of that number. */
void rotation_has(struct rotation *r, const char *holder, uint64_t bundle);

/* A connected proxy: what it shows of itself, and what that means. */
enum rotation_ack { ROTATION_ACK_NONE, ROTATION_ACK_WAITING, ROTATION_ACK_HAS };
struct rotation_peer {
	const char *name;
	const char *holder; /* or NULL */
	enum rotation_ack ack;	/* of ROOTCA over its stream */
	int64_t cert_from_s;	/* its certificate was issued then; 0: not known */
	/* out */
	bool has, expired;
	const struct rotation_holder *held; /* or NULL */
};
struct rotation_report {
	size_t n_peers, n_behind, n_away; /* away: not connected, with a living certificate */
	const char *names[ROTATION_NAMES_MAX]; /* of those behind, then of those away; borrowed */
	size_t n_names;
	int64_t not_before_s;		  /* the next step waits for that time at least; 0: for none */
	bool held;			  /* the clock has jumped */
};
/* How far the new root is. */
void rotation_look(struct rotation *r, struct rotation_peer *peers, size_t n, int64_t now_s, struct rotation_report *out);
enum rotation_event { ROTATION_NOTHING, ROTATION_SWITCHED, ROTATION_RETIRED };
/* Takes the step that is due, if one is. peers: as in rotation_look, which it does first. */
enum rotation_event rotation_step(struct rotation *r, struct rotation_peer *peers, size_t n, int64_t now_s, int64_t mono_s,
				  struct rotation_report *out);
/* To the target, since nothing is there to issue from the signer. */
void rotation_force(struct rotation *r, int64_t now_s);
/* When time allows the next step; 0: now, or there is none. */
int64_t rotation_waits_until(const struct rotation *r);
enum rotation_phase rotation_phase(const struct rotation *r, int64_t now_s);

/* What operators say. -1: it does not fit what is going on. */
int rotation_pause(struct rotation *r, int64_t now_s, struct err *e);
/* Also when the clock has jumped: somebody has looked at it. skip_away: those that are not
 * connected now, and have a living certificate, are not waited for. */
int rotation_resume(struct rotation *r, bool skip_away, int64_t now_s, struct err *e);
/* Back to the root before: at once while it still issues; else as a rotation to it, of which the first half is done. */
int rotation_abort(struct rotation *r, int64_t now_s, struct err *e);
/* What was aborted may go on with the next rotation_files. */
int rotation_retry(struct rotation *r, struct err *e);

#endif
