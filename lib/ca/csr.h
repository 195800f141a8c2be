/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificate signing requests (RFC 2986). Only the public key is taken: subject, SANs and whatever
 * else stands in one are claims of a caller who is known otherwise (R1), and are not even read.
 * Sizes are checked before structure, structure before signature. Thread: pure.
 */
#ifndef CA_CSR_H
#define CA_CSR_H

#include "base/arena.h"
#include "ca/key.h"

enum { CSR_MAX = 16 * 1024 }; /* bytes of DER */

/* Borrows from the bytes it was parsed from. */
struct csr {
	struct key_public key;
	struct der signed_part, signature;
	enum key_hash hash;
};

/* PEM, "CERTIFICATE REQUEST" (also with NEW, as some old tools write): one block and nothing else.
 */
int csr_decode_pem(const char *text, size_t n, struct arena *a, struct csr *out, struct err *e);
int csr_parse(struct der der, struct csr *out, struct err *e);
/* That the requester holds the key: the request is signed with it. */
int csr_verify(const struct csr *c, const struct key_forms *forms, struct err *e);

#endif
