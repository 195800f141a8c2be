/* SPDX-License-Identifier: Apache-2.0
 *
 * must(): an invariant of ours, always compiled in. A failure is our bug, never the user's:
 * it prints where, names the object in hand (must_note) and aborts. Thread: any.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stddef.h>

#define must(cond) ((cond) ? (void)0 : must_fail(#cond, __FILE__, __LINE__))
#define unreachable() must_fail("unreachable", __FILE__, __LINE__)

_Noreturn void must_fail(const char *what, const char *file, int line);

/* Names the object that this thread works on, for the message of a failure. The text is
 * borrowed until the next call; NULL forgets it. */
void must_note(const char *object);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
