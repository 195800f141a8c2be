/* SPDX-License-Identifier: Apache-2.0
 *
 * A line of the log of certificates:
 *   <time> <serial> <identity> <how the caller was known> <expiry> <root> <bundle> <address>
 * root: first digits of the root's id; bundle: number of the bundle of roots that it came with; address: the caller's,
 * without its port. Times are RFC 3339. Thread: pure.
 */
#ifndef CA_ISSUED_H
#define CA_ISSUED_H

#include "ca/rotation.h"
#include "ca/spiffe.h"

enum { ISSUED_HOST = 64, ISSUED_HOLDER = SPIFFE_NS + SPIFFE_SA + ISSUED_HOST, ISSUED_LINE = SPIFFE_TEXT + 400 };

struct issued {
	int64_t issued_s, until_s;
	uint8_t serial[TBS_SERIAL];
	struct spiffe_id id;
	char how[16], root[17], host[ISSUED_HOST];
	uint64_t bundle;
};

/* With a line feed and a NUL; its length. */
int issued_print(const struct issued *i, char out[ISSUED_LINE]);
/* A line without its line feed; text[n] may be anything. -1: it is none. */
int issued_parse(const char *text, size_t n, struct issued *out, struct err *e);
/* "ns/sa@host" */
char *issued_holder(const struct spiffe_id *id, const char *host, char out[ISSUED_HOLDER]);

#endif
