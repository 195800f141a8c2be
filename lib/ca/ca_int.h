/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to ca.c and ca_dir.c: the files of an issuer.
 */
#ifndef CA_CA_INT_H
#define CA_CA_INT_H

#include "base/err.h"

enum ca_part { CA_ROOTS, CA_CERT, CA_KEY, CA_CHAIN, CA_PARTS };

/* By Istio's names and by cert-manager's. The chain may be missing. */
extern const char *const ca_file_names[2][CA_PARTS];

enum { CA_PATH = 4096 };
int ca_file_path(const char *dir, const char *name, char out[CA_PATH], struct err *e);

#endif
