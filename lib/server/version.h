/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_VERSION_H
#define SERVER_VERSION_H

/* Of the source tree that this was built from, as git describes it. */
const char *version_text(void);

#endif
