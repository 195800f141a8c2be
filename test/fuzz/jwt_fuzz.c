/* SPDX-License-Identifier: Apache-2.0
 *
 * A token of an issuer whose keys are known: what is taken names an issuer and a time to come, and a
 * service account whole or not at all. The private key is nobody's: but for the corpus nothing is taken.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "ca/jwt.h"

enum { NOW_S = 1800000000 };

static const char set[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"sLpFqdBr0dv7e0z4ME2YblSvBVEFRA-g4_eEkV_5B_M\","
			  "\"y\":\"Bxja-Y5XuBhtTqCP9e2gRv1yFuBMptxWO_TSpPIWZnk\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const audiences[] = {"istio-ca"};
	struct err e;
	struct jwks *keys = jwks_parse(set, sizeof(set) - 1, &e);
	struct jwt_issuer rule = {"https://k8s", audiences, 1, keys};
	struct arena a;
	struct jwt got;

	must(keys);
	arena_init(&a, 0);
	if (!jwt_verify((const char *)data, size, &rule, 1, NOW_S, &a, &got, &e)) {
		must(got.expires_s > NOW_S && !strcmp(got.issuer, rule.issuer));
		must(!got.ns == !got.sa && *got.subject);
	}
	arena_fini(&a);
	jwks_free(keys);
	return 0;
}
