/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys: which kinds we take, and their import without OpenSSL's generic decoder (which costs
 * 110 us a key; this way it is 5 to 17). P-256, P-384, and RSA of 2048 to 4096 bits with the
 * exponent 65537; points uncompressed. Thread: any; a struct key_forms is read-only once made.
 */
#ifndef CA_KEY_H
#define CA_KEY_H

#include "base/err.h"
#include "ca/der.h"

enum key_kind { KEY_P256, KEY_P384, KEY_RSA };
enum key_hash { KEY_SHA256, KEY_SHA384, KEY_SHA512 };

enum { KEY_RSA_MIN = 2048, KEY_RSA_MAX = 4096 }; /* bits */

/* Borrows from the bytes it was parsed from. */
struct key_public {
	enum key_kind kind;
	struct der spki;  /* whole SubjectPublicKeyInfo; in its one possible spelling */
	struct der point; /* P-256, P-384: 04 x y */
	struct der n, e;  /* RSA: magnitudes */
	unsigned bits;
};

const char *key_kind_name(enum key_kind kind); /* "P-256" */
/* spki: the whole element. -1 with what is wrong with the key (ERR_REFUSED) or its bytes
 * (ERR_SYNTAX). A point that is not on its curve is found at the import. */
int key_parse(struct der spki, struct key_public *out, struct err *e);
/* Checks n and e of an RSA key; the rest of *out is left alone. */
int key_check_rsa(struct der n, struct der e, struct key_public *out, struct err *err);

/* One key of each curve, from which the parameters of others are copied. */
struct key_forms;
struct key_forms *key_forms_new(void);
void key_forms_free(struct key_forms *f); /* NULL is fine */

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */
/* Free with EVP_PKEY_free. NULL: the numbers are no key. */
struct evp_pkey_st *key_import(const struct key_forms *f, const struct key_public *k,
			       struct err *e);

/* 0 when sig is the key's signature of message: PKCS #1 1.5, or ECDSA in DER. */
int key_verify(struct evp_pkey_st *key, enum key_hash hash, struct der message, struct der sig,
	       struct err *e);

/* AlgorithmIdentifier's content to kind and hash: ECDSA and PKCS #1 1.5 with SHA-2. -1: another. */
int key_signature_algorithm(struct der content, bool *is_rsa, enum key_hash *hash);
/* The whole AlgorithmIdentifier of a signature by such a key with SHA-256. */
struct der key_signature_id(bool is_rsa);

#endif
