/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of a leaf certificate that is signed (RFC 5280 4.1), written straight to DER. All but
 * serial, times, key and names is constant: version 3, empty subject, digitalSignature and
 * keyEncipherment, server and client, no CA, a critical SAN. Thread: pure.
 */
#ifndef CA_TBS_H
#define CA_TBS_H

#include "ca/der.h"

enum { TBS_SERIAL = 16, TBS_MAX = 8 * 1024 };

enum tbs_name { TBS_DNS = 2, TBS_URI = 6, TBS_ADDRESS = 7 }; /* GeneralName's choices */

/* What all leaves of one issuer share. */
struct tbs_issuer {
	struct der name;	 /* whole Name */
	struct der signature_id; /* whole AlgorithmIdentifier */
	struct der key_id;	 /* of its subjectKeyIdentifier; n 0 = it has none */
};

struct tbs {
	const uint8_t *serial; /* TBS_SERIAL bytes; two bits of the first are set and cleared */
	int64_t not_before_s, not_after_s;
	struct der spki;  /* whole */
	struct der names; /* GeneralNames' content */
};

void tbs_write(struct der_out *o, const struct tbs_issuer *issuer, const struct tbs *t);
/* To the front, as all writing. */
void tbs_put_name(struct der_out *o, enum tbs_name kind, const void *p, size_t n);
/* The serial as it will stand in the certificate: positive, in 16 bytes exactly. */
void tbs_serial(const uint8_t random[TBS_SERIAL], uint8_t out[TBS_SERIAL]);

#endif
