/* SPDX-License-Identifier: Apache-2.0
 *
 * Two texts line by line, as `diff -u` shows them: three lines around each difference, "@@" before
 * each piece. Thread: pure.
 */
#ifndef NAVCTL_DIFF_H
#define NAVCTL_DIFF_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends nothing when they are equal. */
void diff_unified(const char *old_text, const char *new_text, struct arena *a, struct buf *out);

#endif
