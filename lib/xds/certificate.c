/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/certificate.h"

#include "pb/service.h"
#include "xds/pbread.h"

static const struct pb_limits limits = {.bytes = 64 * 1024, .depth = 16, .items = 1000};

int certificate_request_decode(const uint8_t *bytes, size_t n, struct arena *a,
			       struct certificate_request *out, struct err *e)
{
	struct pb_bytes b = {bytes, n};
	struct pbread r = pbread_root("istio.v1.auth.IstioCertificateRequest", b);

	if (pb_check(r.m, b, &limits, e))
		return -1;
	*out = (struct certificate_request){
	    .csr = pbread_text(r, "csr", a),
	    .ttl_s = (int64_t)pbread_num(r, "validity_duration", 0),
	    .impersonates = pbread_has(
		pbread_entry(pbread_msg(r, "metadata"), "fields", "ImpersonatedIdentity"),
		"string_value"),
	};
	return 0;
}

struct pb_bytes certificate_response_build(const char *const *chain, size_t n, struct arena *a)
{
	struct w_istio_certificate_response m;
	struct pbw w;

	pbw_init(&w, a);
	m = w_istio_certificate_response_root(&w);
	while (n--)
		w_istio_certificate_response_cert_chain(m, chain[n]);
	return pbw_finish(&w);
}
