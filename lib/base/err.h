/* SPDX-License-Identifier: Apache-2.0
 *
 * struct err: the world failed (a file, a socket, a peer). Functions return 0 or -1 and fill the
 * caller's err; each caller adds its context once with err_wrap; whoever handles it logs it once.
 * What is wrong in a user's object is a finding (base/diag.h), not an err. Thread: any.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_NONE,
	ERR_IO,		/* a system call failed */
	ERR_NOT_FOUND,
	ERR_SYNTAX,	/* bytes that are not what they claim to be */
	ERR_LIMIT,	/* a stated limit was reached; the text names it */
	ERR_NO_MEMORY,
	ERR_REFUSED,	/* the peer or the caller has no right */
	ERR_TIMEOUT,
	ERR_CANCELLED,
};

struct err {
	enum err_code code;
	char text[240];
};

/* Sets code and text; returns -1, so that `return err_set(e, ...)` reads well. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_IO and ": <strerror(errno)>" appended. ENOENT gives ERR_NOT_FOUND. */
int err_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<context>: " before the text; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
