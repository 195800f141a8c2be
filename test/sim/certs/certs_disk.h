/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk in memory below lib/ev's files, in place of the kernel's calls (link: DISK_WRAP): a kill can come between any two
 * of them, and a power cut takes what was not synced. What that is, as journaling file systems have it: of a directory
 * that was not synced since, the last of what was made, renamed or removed in it; of a file, what was written to it
 * less than DISK_WRITEBACK_S ago.
 */
#ifndef CERTS_DISK_H
#define CERTS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "sim_ev.h"

enum { DISK_NAME = 64, DISK_FDS = 16, DISK_WRITEBACK_S = 30 };

struct disk_text {
	char *p;
	size_t n;
};

struct disk_object {
	bool is_dir;
	struct disk_text live, kept; /* kept: what a power cut leaves */
	int64_t written_s;
	bool is_used; /* by somebody, when it was looked at last */
};

/* A name in a directory; objects by number, 0 is the root. */
struct disk_entry {
	int dir, object;
	char name[DISK_NAME];
};

/* A change of a directory that was not synced since. */
struct disk_change {
	int dir, object; /* -1: it goes */
	char name[DISK_NAME], from[DISK_NAME]; /* from: of a rename, or "" */
};

struct disk {
	VEC(struct disk_object) objects;
	VEC(struct disk_entry) live, kept;
	VEC(struct disk_change) changes;
	struct {
		bool is_open, is_append;
		int object;
		size_t at;
	} fd[DISK_FDS];
	unsigned steps_left; /* until the process is killed; 0: it is not */
	bool dead;	     /* it was: nothing is written any more */
	bool full;	     /* nothing can be made */
	int64_t now_s;
	size_t n_temporary;
};

void disk_use(struct disk *d); /* zeroed */
void disk_clear(struct disk *d);
/* The process is gone, and starts again. power: it went with the machine. */
void disk_revive(struct disk *d, bool power, struct sim_random *random);
/* Copies the files of one directory into another, past kills, and syncs. */
void disk_copy_dir(struct disk *d, const char *from, const char *to);
bool disk_has(const struct disk *d, const char *path);
void disk_show(const struct disk *d);

#endif
