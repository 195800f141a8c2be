/* SPDX-License-Identifier: Apache-2.0
 *
 * A request target as it stands on the wire: what is accepted is a clean path.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "net/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request req = {0};
	struct arena a;

	arena_init(&a, 0);
	if (!http_target_parse((const char *)data, size, &a, &req)) {
		must(req.path[0] == '/');
		must(scalar_is_utf8(req.path, strlen(req.path)));
		must(!strstr(req.path, "/../") && !strstr(req.path, "/./"));
		for (const char *s = req.path; *s; s++)
			must((uint8_t)*s >= ' ' && *s != 0x7f);
		for (size_t i = 0; i < req.n_query; i++)
			must(http_query(&req, req.query[i].name) != NULL);
	}
	arena_fini(&a);
	return 0;
}
