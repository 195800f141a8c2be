/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a REST poll: decoded within limits; the wire form in between is well-formed, and what
 * is printed from it reads back as the same bytes.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "pb/tables.h"
#include "xds/pbjson.h"
#include "xds/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pb_limits limits = {.bytes = 64 << 20, .depth = 400, .items = 1 << 24};

static void round_trip(struct pb_bytes b, struct arena *a)
{
	struct pb_bytes again;
	struct buf json;
	struct err e = {0};

	must(!pb_check(&pb_discovery_request, b, &limits, &e));
	buf_init(&json, 64 << 20);
	if (!pbjson_print(&pb_discovery_request, b, 0, &json, &e)) {
		must(scalar_is_utf8(json.p, json.n));
		must(!pbjson_parse(&pb_discovery_request, json.p, json.n, 0, a, &again, &e));
		must(again.n == b.n && (!b.n || !memcmp(again.p, b.p, b.n)));
	}
	buf_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xds_request r;
	struct pb_bytes b;
	struct arena a;
	struct err e = {0};

	arena_init(&a, 0);
	if (!pbjson_parse(&pb_discovery_request, (const char *)data, size, PBJSON_IGNORE_UNKNOWN, &a, &b, &e))
		round_trip(b, &a);
	else
		must(e.text[0]);
	e = (struct err){0};
	if (xds_request_decode_json((const char *)data, size, &a, &r, &e))
		must(e.text[0]);
	else
		must(r.type_url && r.names.n <= XDS_NAMES_MAX);
	arena_fini(&a);
	return 0;
}
