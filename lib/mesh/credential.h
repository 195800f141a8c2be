/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Secret or ConfigMap holds for TLS: a certificate with its key, or the certificates of a CA. Thread: pure.
 */
#ifndef MESH_CREDENTIAL_H
#define MESH_CREDENTIAL_H

#include <stdbool.h>

#include "model/object.h"

struct credential {			/* PEM; NULL: not there */
	const char *cert_chain, *private_key;
	const char *ca, *crl;
};

/* False: keys are missing, or no base64, or no PEM. The object, of KIND_SECRET or KIND_CONFIG_MAP, is borrowed from. */
bool credential_read_cert(const struct object *o, struct credential *out);
bool credential_read_ca(const struct object *o, struct credential *out);

#endif
