/* SPDX-License-Identifier: Apache-2.0
 *
 * A SPIFFE id: what is taken prints as the very bytes that were read.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "ca/spiffe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spiffe_id id;
	char text[SPIFFE_TEXT];
	struct err e;

	if (spiffe_parse((const char *)data, size, &id, &e))
		return 0;
	spiffe_print(&id, text);
	must(strlen(text) == size && !memcmp(text, data, size));
	return 0;
}
