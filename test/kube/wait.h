/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for what a loop's turns bring: f has a member `loop`. Bounded by 20 s.
 */
#ifndef TEST_KUBE_WAIT_H
#define TEST_KUBE_WAIT_H

#include "ev/loop.h"

#define wait_for(f, cond)                                                                          \
	do {                                                                                       \
		int64_t until_ = loop_clock_ns((f)->loop) / 1000000 + 20000;                       \
		while (!(cond) && loop_clock_ns((f)->loop) / 1000000 < until_)                     \
			loop_turn((f)->loop, 20);                                                  \
		assert_true(cond);                                                                 \
	} while (0)

#endif
