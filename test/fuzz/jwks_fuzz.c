/* SPDX-License-Identifier: Apache-2.0
 *
 * A key set: what is taken holds at least one key and not more than the limit.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/must.h"
#include "ca/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e;
	struct jwks *keys = jwks_parse((const char *)data, size, &e);

	if (keys)
		must(jwks_count(keys) && jwks_count(keys) <= JWKS_KEYS_MAX);
	jwks_free(keys);
	return 0;
}
