/* SPDX-License-Identifier: Apache-2.0
 *
 * Gives memory back that a process which now waits does not need: what the heap holds free, and the pages of programs and
 * libraries that nobody wrote to, which come back from the page cache one by one when they are used. A debugger's breakpoints go with them. Thread: any.
 */
#ifndef EV_TRIM_H
#define EV_TRIM_H

void trim_memory(void);

#endif
