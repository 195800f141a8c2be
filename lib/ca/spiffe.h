/* SPDX-License-Identifier: Apache-2.0
 *
 * The identity of a workload: spiffe://<trust domain>/ns/<namespace>/sa/<service account>. Parsing
 * is strict, so that equal identities are equal bytes: lower-case trust domain of [a-z0-9.-_],
 * names as Kubernetes allows them, no escapes, query, port, user or empty segment. Source:
 * SPIFFE-ID 2.1-2.4; the path is Istio's. Thread: pure.
 */
#ifndef CA_SPIFFE_H
#define CA_SPIFFE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	SPIFFE_DOMAIN = 256,
	SPIFFE_NS = 64,
	SPIFFE_SA = 254,
	SPIFFE_TEXT = 9 + 255 + 4 + 63 + 4 + 253 + 1
};

struct spiffe_id {
	char domain[SPIFFE_DOMAIN], ns[SPIFFE_NS], sa[SPIFFE_SA];
};

/* n bytes, which may hold anything. -1, ERR_SYNTAX, without touching *out; the text does not quote
 * them. */
int spiffe_parse(const char *text, size_t n, struct spiffe_id *out, struct err *e);
/* From its parts, under the same rules. */
int spiffe_make(const char *domain, const char *ns, const char *sa, struct spiffe_id *out,
		struct err *e);
/* Writes the text and a NUL; returns out. */
char *spiffe_print(const struct spiffe_id *id, char out[SPIFFE_TEXT]);
bool spiffe_equal(const struct spiffe_id *a, const struct spiffe_id *b);
bool spiffe_is_domain(const char *domain);

#endif
