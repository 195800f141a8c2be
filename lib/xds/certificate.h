/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages of Istio's certificate service, /istio.v1.auth.IstioCertificateService. The request
 * is hostile: sizes, depth and UTF-8 are checked before anything is used. Thread: pure.
 */
#ifndef XDS_CERTIFICATE_H
#define XDS_CERTIFICATE_H

#include "base/arena.h"
#include "base/err.h"
#include "xds/pbw.h"

struct certificate_request {
	const char *csr;   /* PEM; "" when absent */
	int64_t ttl_s;	   /* validity_duration; 0 when absent */
	bool impersonates; /* metadata asks for somebody else's identity */
};

int certificate_request_decode(const uint8_t *bytes, size_t n, struct arena *a,
			       struct certificate_request *out, struct err *e);
struct pb_bytes certificate_response_build(const char *const *chain, size_t n, struct arena *a);

#endif
