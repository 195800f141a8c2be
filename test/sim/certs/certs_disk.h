/* SPDX-License-Identifier: Apache-2.0
 *
 * Files in memory in place of lib/ev's, for whom a kill can come between any two of their steps.
 */
#ifndef CERTS_DISK_H
#define CERTS_DISK_H

#include <stdbool.h>
#include <stddef.h>

enum { DISK_FILES = 64, DISK_PATH = 128 };

struct disk_file {
	char path[DISK_PATH]; /* "" = free; a directory ends in '/' */
	char *p;
	size_t n;
};

struct disk {
	struct disk_file file[DISK_FILES];
	unsigned steps_left; /* until the process is killed; 0: it is not */
	bool dead;	     /* it was: nothing is written any more */
	bool full;	     /* nothing can be made */
	size_t n_steps;
};

void disk_use(struct disk *d);
void disk_clear(struct disk *d);
/* Copies the files of one directory into another, past kills. */
void disk_copy_dir(struct disk *d, const char *from, const char *to);
bool disk_has(const struct disk *d, const char *path);

#endif
