/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates read. Who a peer is: from the bytes that OpenSSL has verified, and from no others
 * (R7). An issuer's certificates: parsed and checked by OpenSSL, at load time only. Thread: pure.
 */
#ifndef CA_CERT_H
#define CA_CERT_H

#include "base/arena.h"
#include "base/err.h"
#include "ca/der.h"
#include "ca/spiffe.h"

enum { CERT_MAX = 64 * 1024, CERT_EXTENSIONS_MAX = 100, CERT_NAMES_MAX = 100, CERTS_MAX = 32 };

/* The one URI of a leaf's subjectAltName. Refused: no or several URIs or SAN extensions, a CA's
 * certificate, what is no SPIFFE id of a workload. Nothing is verified here. */
int cert_identity(struct der cert, struct spiffe_id *out, struct err *e);

/* When it was issued, by a CA of ours, and when it expires. -1: malformed. */
int cert_life(struct der cert, int64_t *issued_s, int64_t *until_s);

struct x509_st;	       /* OpenSSL's X509 */
struct asn1_string_st; /* and its ASN1_TIME */

/* Heap memory. */
struct certs {
	struct x509_st **v;
	size_t n;
};
/* All certificates of a PEM text, in order; at least one unless `may_be_empty`. */
int certs_parse(const char *pem, size_t n, bool may_be_empty, struct certs *out, struct err *e);
void certs_fini(struct certs *c); /* fine on a zeroed struct */
/* PEM of one; the arena has no limit. */
const char *cert_print(struct x509_st *cert, struct arena *a);
/* "/O=mesh/CN=root is good from 2026-01-02 to 2036-01-02" */
const char *cert_describe(struct x509_st *cert, struct arena *a);
/* Those that are not in date leave c; PEM of them, or "", in a. *next_s: when what is in date is another set. */
const char *certs_leave_out(struct certs *c, int64_t now_s, int64_t *next_s, struct arena *a);
/* Seconds since 1970; 0: no time, or NULL. */
int64_t cert_seconds(const struct asn1_string_st *t);
int64_t cert_not_before(struct x509_st *cert);
int64_t cert_not_after(struct x509_st *cert);
/* That the leaf chains to one of the roots at that time, for both ends of TLS. */
struct certs_path {
	int64_t expires_s; /* when the first certificate above the leaf does */
	size_t root;	   /* the one it chains to */
};
int certs_verify(struct x509_st *leaf, const struct certs *between, const struct certs *roots,
		 int64_t now_s, struct certs_path *out, struct err *e);
/* SHA-256 of the whole, hexadecimal. */
enum { CERT_ID = 64 };
char *cert_id(struct x509_st *cert, char out[CERT_ID + 1]);

#endif
