/* SPDX-License-Identifier: Apache-2.0
 *
 * A message of Istio's certificate service: what is taken is within its limits, and its text is text.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "xds/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct certificate_request r;
	struct arena a;
	struct err e;

	arena_init(&a, 0);
	if (!certificate_request_decode(data, size, &a, &r, &e))
		must(strlen(r.csr) <= size && scalar_is_utf8(r.csr, strlen(r.csr)));
	arena_fini(&a);
	return 0;
}
