/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of revoked certificates, as they stand beside a plugged-in CA (ca-crl.pem). Proxies hold each certificate
 * of a peer's chain against a list of its issuer, and refuse a peer of whose chain one issuer has no list that is
 * in date (Envoy: X509_V_FLAG_CRL_CHECK_ALL). So what does not cover all issuers is not handed out. All texts are PEM.
 * Thread: pure.
 */
#ifndef CA_CRL_H
#define CA_CRL_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum { CRL_TEXT_MAX = 512 * 1024, CRL_LISTS_MAX = 64 };

struct crl_info {
	size_t n_lists, n_revoked;
	int64_t expires_s; /* when the first list is out of date; 0: none ever is */
	int64_t life_s;	   /* how long that list is good in all */
};

/* A text of lists, at least one: bounded, well formed, without critical extensions, which proxies do not know. */
int crl_read(const char *lists, struct crl_info *out, struct err *e);
/* The lists of `fresh`, and those of `before` (or NULL) that are in date and whose issuer has none in `fresh`: what
 * another intermediate has signed stays checked. Both were read. In a. */
const char *crl_join(const char *fresh, const char *before, int64_t now_s, struct arena *a);
/* That proxies with these lists go on taking what is signed by above[0], which chains by way of the others to one of
 * the roots, and by each of the roots: of each there is a list, signed by it, and none of them is revoked.
 * now_s: in date then; 0: whenever. */
int crl_check(const char *lists, const char *roots, const char *const *above, size_t n, int64_t now_s, struct err *e);

#endif
