/* SPDX-License-Identifier: Apache-2.0 */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local const char *object_in_hand;

void must_note(const char *object)
{
	object_in_hand = object;
}

_Noreturn void must_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: broken invariant: %s%s%s\n", file, line, what,
		object_in_hand ? ", object in hand: " : "", object_in_hand ? object_in_hand : "");
	abort();
}
