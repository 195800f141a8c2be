/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/request.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pb/tables.h"
#include "xds/pbjson.h"

#define METADATA_DEPTH_MAX 32

static const struct pb_limits limits = {
	.bytes = XDS_REQUEST_MAX,
	.depth = 80,		/* a Struct takes three levels for one of JSON */
	.items = 1000 * 1000,
};

struct reader {
	struct arena *arena;
	struct err *err;
};

/* Numbers of the fields, by what they mean to us; 0: not in this message. */
struct request_fields {
	uint8_t version, node, names, type_url, nonce, error, subscribe, unsubscribe, initial;
};
static const struct request_fields sotw_fields = {
	.version = 1, .node = 2, .names = 3, .type_url = 4, .nonce = 5, .error = 6,
};
static const struct request_fields delta_fields = {
	.node = 1, .type_url = 2, .subscribe = 3, .unsubscribe = 4, .initial = 5, .nonce = 6, .error = 7,
};

static int node_value(struct reader *r, struct pb_bytes b, unsigned depth, struct node *out);

static const char *text_of(struct reader *r, struct pb_bytes b)
{
	return b.n ? arena_strndup(r->arena, (const char *)b.p, b.n) : "";
}

/* The last value of a field of a message that was checked; an absent one is empty. */
static struct pb_bytes bytes_at(struct pb_bytes b, uint32_t number)
{
	struct pb_scan s = pb_scan(b);
	struct pb_bytes found = {NULL, 0};
	struct pb_item it;

	while (pb_scan_next(&s, &it))
		if (it.number == number && it.wire == PBW_LENGTH)
			found = it.b;
	return found;
}

static uint64_t number_at(struct pb_bytes b, uint32_t number)
{
	struct pb_scan s = pb_scan(b);
	struct pb_item it;
	uint64_t v = 0;

	while (pb_scan_next(&s, &it))
		if (it.number == number && it.wire == PBW_VARINT)
			v = it.v;
	return v;
}

static size_t count_at(struct pb_bytes b, uint32_t number)
{
	struct pb_scan s = pb_scan(b);
	struct pb_item it;
	size_t n = 0;

	while (pb_scan_next(&s, &it))
		n += it.number == number && it.wire == PBW_LENGTH;
	return n;
}

/* ---- metadata: google.protobuf.Struct to a value tree ---- */

static int node_map(struct reader *r, struct pb_bytes b, unsigned depth, struct node *out)
{
	struct pb_scan s = pb_scan(b);
	struct pb_item it;

	*out = (struct node){.kind = NODE_MAP};
	out->map = arena_array(r->arena, struct node_member, count_at(b, 1) + 1);
	while (pb_scan_next(&s, &it)) {
		struct node_member *m = &out->map[out->n];

		if (it.number != 1 || it.wire != PBW_LENGTH)
			continue;
		m->key = text_of(r, bytes_at(it.b, 1));
		if (node_value(r, bytes_at(it.b, 2), depth + 1, &m->value))
			return -1;
		out->n++;
	}
	return 0;
}

static int node_list(struct reader *r, struct pb_bytes b, unsigned depth, struct node *out)
{
	struct pb_scan s = pb_scan(b);
	struct pb_item it;

	*out = (struct node){.kind = NODE_LIST};
	out->list = arena_array(r->arena, struct node, count_at(b, 1) + 1);
	while (pb_scan_next(&s, &it))
		if (it.number == 1 && it.wire == PBW_LENGTH &&
		    node_value(r, it.b, depth + 1, &out->list[out->n++]))
			return -1;
	return 0;
}

static void node_number(struct reader *r, double d, struct node *out)
{
	char text[32];

	if (!isfinite(d))
		return;
	out->kind = NODE_NUMBER;
	out->text = arena_strdup(r->arena, pb_double_text(d, false, text));
	out->n = strlen(out->text);
}

static int node_value(struct reader *r, struct pb_bytes b, unsigned depth, struct node *out)
{
	struct pb_scan s = pb_scan(b);
	struct pb_item it;

	*out = (struct node){.kind = NODE_NULL};
	if (depth > METADATA_DEPTH_MAX)
		return err_set(r->err, ERR_LIMIT, "node metadata is nested deeper than %d",
			       METADATA_DEPTH_MAX);
	while (pb_scan_next(&s, &it)) {
		if (it.number == 2 && it.wire == PBW_FIXED64) {
			node_number(r, pb_double(it.v), out);
		} else if (it.number == 3 && it.wire == PBW_LENGTH) {
			out->kind = NODE_STRING;
			out->text = text_of(r, it.b);
			out->n = it.b.n;
		} else if (it.number == 4 && it.wire == PBW_VARINT) {
			out->kind = NODE_BOOL;
			out->boolean = it.v;
		} else if (it.number == 5 && it.wire == PBW_LENGTH) {
			return node_map(r, it.b, depth, out);
		} else if (it.number == 6 && it.wire == PBW_LENGTH) {
			return node_list(r, it.b, depth, out);
		}
	}
	return 0;
}

/* ---- lists of names ---- */

static int names_at(struct reader *r, struct pb_bytes b, uint32_t number, struct strs *out)
{
	size_t n = count_at(b, number);
	struct pb_scan s = pb_scan(b);
	struct pb_item it;
	const char **v;

	if (n > XDS_NAMES_MAX)
		return err_set(r->err, ERR_LIMIT, "more than %d resource names", XDS_NAMES_MAX);
	v = arena_array(r->arena, const char *, n + 1);
	n = 0;
	while (pb_scan_next(&s, &it)) {
		if (it.number != number || it.wire != PBW_LENGTH)
			continue;
		if (it.b.n > XDS_NAME_LEN_MAX)
			return err_set(r->err, ERR_LIMIT, "a resource name is longer than %d bytes",
				       XDS_NAME_LEN_MAX);
		v[n++] = text_of(r, it.b);
	}
	*out = (struct strs){v, n};
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

static int map_at(struct reader *r, struct pb_bytes b, uint32_t number, struct strmap *out)
{
	size_t n = count_at(b, number), kept = 0;
	struct pb_scan s = pb_scan(b);
	struct pb_item it;
	struct str_pair *v;

	if (n > XDS_NAMES_MAX)
		return err_set(r->err, ERR_LIMIT, "more than %d resource versions", XDS_NAMES_MAX);
	v = arena_array(r->arena, struct str_pair, n + 1);
	n = 0;
	while (pb_scan_next(&s, &it)) {
		if (it.number != number || it.wire != PBW_LENGTH)
			continue;
		v[n].key = text_of(r, bytes_at(it.b, 1));
		v[n].value = text_of(r, bytes_at(it.b, 2));
		if (strlen(v[n++].key) > XDS_NAME_LEN_MAX)
			return err_set(r->err, ERR_LIMIT, "a resource name is longer than %d bytes",
				       XDS_NAME_LEN_MAX);
	}
	if (n)
		qsort(v, n, sizeof(*v), by_key);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(v[kept - 1].key, v[i].key) != 0)
			v[kept++] = v[i];
	*out = (struct strmap){v, kept};
	return 0;
}

/* ---- node ---- */

/* "1.40.0" of a BuildVersion, or "". */
static const char *build_version(struct reader *r, struct pb_bytes b)
{
	struct pb_bytes v = bytes_at(b, 1);

	if (!v.n)
		return "";
	return arena_printf(r->arena, "%u.%u.%u", (unsigned)number_at(v, 1), (unsigned)number_at(v, 2),
			    (unsigned)number_at(v, 3));
}

static void read_extensions(struct reader *r, struct pb_bytes node, struct strs *out)
{
	const char **v = arena_array(r->arena, const char *, count_at(node, 9) + 1);
	struct pb_scan s = pb_scan(node);
	struct pb_item it;
	size_t n = 0;

	while (pb_scan_next(&s, &it))
		if (it.number == 9 && it.wire == PBW_LENGTH)
			v[n++] = text_of(r, bytes_at(it.b, 1));
	*out = (struct strs){v, n};
}

static int read_node(struct reader *r, struct pb_bytes b, struct xds_node *out)
{
	struct pb_bytes locality = bytes_at(b, 4), metadata = bytes_at(b, 3);

	out->id = text_of(r, bytes_at(b, 1));
	out->cluster = text_of(r, bytes_at(b, 2));
	out->region = text_of(r, bytes_at(locality, 1));
	out->zone = text_of(r, bytes_at(locality, 2));
	out->subzone = text_of(r, bytes_at(locality, 3));
	out->user_agent_name = text_of(r, bytes_at(b, 6));
	out->user_agent_version = text_of(r, bytes_at(b, 7));
	if (!*out->user_agent_version)
		out->user_agent_version = build_version(r, bytes_at(b, 8));
	read_extensions(r, b, &out->extensions);
	if (metadata.p) {
		struct node *n = arena_new(r->arena, struct node);

		if (node_map(r, metadata, 1, n))
			return -1;
		out->metadata = n;
	}
	return names_at(r, b, 10, &out->client_features);
}

/* ---- requests ---- */

static void read_error(struct reader *r, struct pb_bytes b, struct xds_request *out)
{
	out->has_error = b.p;
	out->error_code = (int32_t)number_at(b, 1);
	out->error_text = text_of(r, bytes_at(b, 2));
}

static const struct xds_request empty_request = {
	.node = {
		.id = "", .cluster = "", .region = "", .zone = "", .subzone = "",
		.user_agent_name = "", .user_agent_version = "",
	},
	.type_url = "", .nonce = "", .error_text = "", .version = "",
};

static int read_request(struct reader *r, struct pb_bytes b, const struct request_fields *f,
			struct xds_request *out)
{
	struct pb_bytes node = bytes_at(b, f->node);

	*out = empty_request;
	out->type_url = text_of(r, bytes_at(b, f->type_url));
	out->nonce = text_of(r, bytes_at(b, f->nonce));
	out->version = text_of(r, bytes_at(b, f->version));
	read_error(r, bytes_at(b, f->error), out);
	out->has_node = node.p;
	if (node.p && read_node(r, node, &out->node))
		return -1;
	if (names_at(r, b, f->names, &out->names) || names_at(r, b, f->subscribe, &out->subscribe) ||
	    names_at(r, b, f->unsubscribe, &out->unsubscribe))
		return -1;
	return map_at(r, b, f->initial, &out->initial_versions);
}

int xds_request_decode(const uint8_t *bytes, size_t len, bool delta, struct arena *a,
		       struct xds_request *out, struct err *e)
{
	const struct pb_msg *m = delta ? &pb_delta_discovery_request : &pb_discovery_request;
	struct pb_bytes b = {bytes, len};
	struct reader r = {a, e};

	if (pb_check(m, b, &limits, e))
		return -1;
	return read_request(&r, b, delta ? &delta_fields : &sotw_fields, out);
}

int xds_request_decode_json(const char *text, size_t len, struct arena *a, struct xds_request *out,
			    struct err *e)
{
	struct pb_bytes b;

	if (len > XDS_REQUEST_MAX)
		return err_set(e, ERR_LIMIT, "a request of %zu bytes, %d are allowed", len, XDS_REQUEST_MAX);
	if (pbjson_parse(&pb_discovery_request, text, len, PBJSON_IGNORE_UNKNOWN, a, &b, e))
		return -1;
	return xds_request_decode(b.p, b.n, false, a, out, e);
}
