/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to roots.c, roots_crl.c and roots_replay.c.
 */
#ifndef SERVER_ROOTS_INT_H
#define SERVER_ROOTS_INT_H

#include "ev/file.h"
#include "server/roots.h"

enum { ROOTS_PATH = 2048, ROOTS_LOG_KEEP = 8, ROOTS_LOG_MAX = 64 * 1024 * 1024 };

struct roots {
	struct loop *loop;
	struct roots_opts opts;
	struct {
		char state[ROOTS_PATH], files[ROOTS_PATH], old[ROOTS_PATH], fresh[ROOTS_PATH], log[ROOTS_PATH], crl[ROOTS_PATH];
	} path;
	struct rotation rotation;
	struct ca *files, *old; /* as they stand on disk; old: or NULL */
	struct ca *ca;		/* one of the two, with the bundle */
	char *crl, *crl_trouble; /* or NULL: the lists in force; why those of the files are not */
	struct file_log *issued;
	bool unsaved, unlogged; /* the disk failed */
	bool stuck;		/* the files do not hold at the time that it is now */
	enum rotation_phase phase; /* when it was looked at last */
	struct loop_timer timer;
	loop_fn *changed;
	void *arg;
	roots_peers_fn *peers;
	void *peers_arg;
};

/* Reads the log into the ledger. */
void roots_replay(struct roots *r);
void roots_look_soon(struct roots *r);
/* The lists beside other files, before those are taken over: what will be trusted is still taken by proxies that have the
 * lists. Bad ones leave those before in force; -1: and by these the files cannot be taken over. */
int roots_take_crl(struct roots *r, const struct ca *files, struct err *e);
/* The lists at the start, when r->files are there. */
void roots_load_crl(struct roots *r);

#endif
