/* SPDX-License-Identifier: Apache-2.0
 *
 * libuv's loop, for the files of this folder only. Thread: loop.
 */
#ifndef EV_LOOP_INT_H
#define EV_LOOP_INT_H

#include <uv.h>

#include "ev/loop.h"

uv_loop_t *loop_uv(struct loop *l);

#endif
