/* SPDX-License-Identifier: Apache-2.0
 *
 * (Delta)DiscoveryResponse of envoy.service.discovery.v3 as wire bytes. Written forward, unlike
 * resources: all lengths are known beforehand, and each resource is copied once, straight into the
 * output.
 */
#include "xds/session_int.h"

#include <string.h>

enum {	/* fields of DiscoveryResponse and of DeltaDiscoveryResponse: the same numbers */
	F_VERSION = 1, F_RESOURCES = 2, F_TYPE_URL = 4, F_NONCE = 5, F_REMOVED = 6,
	/* Resource */
	R_VERSION = 1, R_RESOURCE = 2, R_NAME = 3,
	/* Any */
	A_TYPE_URL = 1, A_VALUE = 2,
};

static size_t varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

/* Of a field of bytes with a number below 16; an empty one is not written. */
static size_t field_size(size_t n)
{
	return n ? 1 + varint_size(n) + n : 0;
}

static void put_head(struct buf *out, unsigned number, size_t n)
{
	buf_char(out, (char)PBW_TAG(number, PBW_LENGTH));
	for (; n >= 0x80; n >>= 7)
		buf_char(out, (char)(n | 0x80));
	buf_char(out, (char)n);
}

static void put_bytes(struct buf *out, unsigned number, const void *p, size_t n)
{
	if (!n)
		return;
	put_head(out, number, n);
	buf_append(out, p, n);
}

static void put_str(struct buf *out, unsigned number, const char *s)
{
	put_bytes(out, number, s, strlen(s));
}

static void put_any(struct buf *out, const struct response *r, const struct response_item *i)
{
	put_str(out, A_TYPE_URL, r->type_url);
	put_bytes(out, A_VALUE, i->bytes, i->len);
}

static void put_item(struct buf *out, const struct response *r, const struct response_item *i)
{
	size_t any = field_size(strlen(r->type_url)) + field_size(i->len);

	if (!r->delta) {
		put_head(out, F_RESOURCES, any);
		put_any(out, r, i);
		return;
	}
	put_head(out, F_RESOURCES,
		 field_size(strlen(i->version)) + field_size(any) + field_size(strlen(i->name)));
	put_str(out, R_VERSION, i->version);
	put_head(out, R_RESOURCE, any);
	put_any(out, r, i);
	put_str(out, R_NAME, i->name);
}

void response_encode(const struct response *r, struct buf *out)
{
	put_str(out, F_VERSION, r->version);
	for (size_t i = 0; i < r->n_items; i++)
		put_item(out, r, &r->items[i]);
	put_str(out, F_TYPE_URL, r->type_url);
	put_str(out, F_NONCE, r->nonce);
	for (size_t i = 0; i < r->n_removed; i++)
		put_str(out, F_REMOVED, r->removed[i]);
}
