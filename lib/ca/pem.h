/* SPDX-License-Identifier: Apache-2.0
 *
 * PEM (RFC 7468), strict about its lines: a begin and an end of one label, base64 between them, no
 * headers. Text outside of blocks is skipped where several are read, and refused where one is.
 * Thread: pure.
 */
#ifndef CA_PEM_H
#define CA_PEM_H

#include "base/arena.h"
#include "base/err.h"
#include "ca/der.h"

struct pem_block {
	struct der der;	  /* in the arena */
	const char *text; /* from its begin line to the end of its end line, within the input */
	size_t len;
};

/* The next block of this label at or behind *p, which moves behind it. 1: one, 0: there is none,
 * -1: one that is malformed or holds more than max bytes (ERR_SYNTAX, ERR_LIMIT). */
int pem_next(const char **p, const char *end, const char *label, size_t max, struct arena *a,
	     struct pem_block *out, struct err *e);
/* The text is one block of this label, white space around it allowed, and nothing else. */
int pem_decode(const char *text, size_t n, const char *label, size_t max, struct arena *a,
	       struct der *out, struct err *e);
/* A block, lines of 64 characters, a line feed at the end. */
char *pem_print(const char *label, struct der der, struct arena *a);

#endif
