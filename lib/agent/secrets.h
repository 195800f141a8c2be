/* SPDX-License-Identifier: Apache-2.0
 *
 * The secrets that Envoy may ask for, by Istio's names, as resources: `default` and `ROOTCA` from the workload's
 * certificate; `file-cert:CERT~KEY` and `file-root:CA` from files, which are watched from the first time that
 * somebody asks. A pair that does not fit together is not handed out: what was there before stays.
 * Thread: loop.
 */
#ifndef AGENT_SECRETS_H
#define AGENT_SECRETS_H

#include "agent/credential.h"
#include "xds/res.h"

struct secrets;

enum { SECRETS_FILES_MAX = 200 };	/* names of files */

struct secrets *secrets_new(struct loop *l, loop_fn *changed, void *arg);
void secrets_free(struct secrets *s);	/* its bundles are gone; NULL is fine */
void secrets_set_pair(struct secrets *s, const struct credential_pair *pair);
bool secrets_is_file(const char *name);
/* Somebody asks for it. Names that are no file's, and those past the limit, are ignored. */
void secrets_want(struct secrets *s, const char *name);
bool secrets_has_pair(const struct secrets *s);
struct bundle *secrets_bundle(const struct secrets *s);	/* borrowed */
struct res_table *secrets_table(struct secrets *s);

#endif
