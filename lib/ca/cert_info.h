/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators want to know of certificates: who issued them, how long they are good, what will go wrong with them.
 * Thread: pure.
 */
#ifndef CA_CERT_INFO_H
#define CA_CERT_INFO_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "ca/cert.h"

enum { CERT_DAY_S = 24 * 3600 };

struct cert_info {
	const char *subject, *issuer; /* one line */
	const char *serial;	      /* hexadecimal */
	char id[CERT_ID + 1];
	int64_t from_s, until_s;
	bool is_ca, is_root; /* is_root: it signed itself */
	const char *uri;     /* the first of its SAN, or NULL */
	const char *key;     /* "EC 256", "RSA 2048" */
};

/* Of all certificates of a PEM text, in a, in order. A text without any: n 0. */
int cert_info_read(const char *pem, struct arena *a, struct cert_info **out, size_t *n, struct err *e);
/* Findings about one that is `what` ("root", "intermediate") of the mesh: it has expired, will within 30 days (a tenth
 * of its life, if that is less), is not valid yet, or names another trust domain. trust_domain: or NULL. */
void cert_info_check(const struct cert_info *c, const char *what, const char *trust_domain, int64_t now_s, struct diags *ds);
/* "30 days", of the steps at which an expiry is told anew (30, 14, 7, 3, 1, 0); -1: none is reached. */
int cert_info_step(const struct cert_info *c, int64_t now_s);

#endif
