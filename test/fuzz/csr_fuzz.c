/* SPDX-License-Identifier: Apache-2.0
 *
 * A certificate request: DER, or PEM when it begins with a dash. What parses has a key of a kind that
 * we take, and its parts lie within the input.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/must.h"
#include "ca/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct csr *c)
{
	must(c->signed_part.n && c->signature.n + c->signed_part.n < CSR_MAX);
	must(c->key.kind == KEY_RSA ? c->key.bits >= KEY_RSA_MIN && c->key.bits <= KEY_RSA_MAX : c->key.point.p[0] == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct key_forms *forms;
	struct arena a;
	struct csr csr;
	struct err e;
	int status;

	arena_init(&a, 0);
	status = size && data[0] == '-' ? csr_decode_pem((const char *)data, size, &a, &csr, &e)
					: csr_parse((struct der){data, size}, &csr, &e);
	if (!status) {
		check(&csr);
		forms = key_forms_new();
		csr_verify(&csr, forms, &e);
		key_forms_free(forms);
	}
	arena_fini(&a);
	return 0;
}
