/* SPDX-License-Identifier: Apache-2.0
 *
 * Wire bytes of protobuf messages read: the descriptor tables (generated into "pb/tables.h" from
 * api/proto), a scanner over the fields of one message, and a check of whole messages from the
 * network. The bytes are hostile: everything is bounded, nothing is copied. Thread: pure.
 */
#ifndef XDS_PBSCAN_H
#define XDS_PBSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "xds/pbw.h"

/* The numbers of google.protobuf.FieldDescriptorProto.Type. */
enum pb_kind {
	PB_DOUBLE = 1, PB_FLOAT, PB_INT64, PB_UINT64, PB_INT32, PB_FIXED64, PB_FIXED32, PB_BOOL,
	PB_STRING, PB_MESSAGE = 11, PB_BYTES, PB_UINT32, PB_ENUM, PB_SFIXED32, PB_SFIXED64,
	PB_SINT32, PB_SINT64,
};

enum pb_flag {
	PB_REPEATED = 1,	/* maps too */
	PB_MAP = 2,		/* msg is the entry: key = 1, value = 2 */
	PB_ONEOF = 4,		/* a scalar with presence: written even when it is the default */
	PB_UNPACKED = 8,	/* repeated scalars that are written one by one */
};

/* Messages that JSON writes in a form of its own. */
enum pb_form {
	PB_PLAIN, PB_ANY, PB_TIME_SPAN, PB_TIME_POINT, PB_STRUCT, PB_VALUE, PB_LIST, PB_WRAPPER,
};

struct pb_enum {
	const char *name;
	const struct pb_enum_value {
		const char *name;
		int32_t number;
	} *values;		/* the first of equal numbers is the canonical one */
	size_t n;
};

struct pb_field {
	const char *name;	/* snake_case */
	union {
		const struct pb_msg *msg;
		const struct pb_enum *enm;
	};
	uint32_t number;
	uint8_t kind;		/* enum pb_kind */
	uint8_t flags;		/* enum pb_flag */
	uint8_t oneof;		/* 1.. when in a oneof, else 0 */
};

struct pb_msg {
	const char *name;	/* full, without a leading dot */
	const struct pb_field *fields;	/* ascending numbers */
	uint16_t n;
	uint8_t form;		/* enum pb_form */
};

/* The field with this number, or NULL. */
const struct pb_field *pb_field_find(const struct pb_msg *m, uint32_t number);
/* The message that a type URL names ("type.googleapis.com/envoy.config...") or a bare full name;
 * url needs no NUL. NULL when we have no description of it. */
const struct pb_msg *pb_type_find(const char *url, size_t n);

/* One field as it stands on the wire. */
struct pb_item {
	uint32_t number;
	uint8_t wire;		/* PBW_VARINT, PBW_FIXED64, PBW_LENGTH or PBW_FIXED32 */
	uint64_t v;		/* of the first, second and last */
	struct pb_bytes b;	/* of PBW_LENGTH */
};

struct pb_scan {
	const uint8_t *p, *end;
	bool bad;		/* the bytes are no message; set at the end of the scan */
};

static inline struct pb_scan pb_scan(struct pb_bytes b)
{
	return (struct pb_scan){b.p, b.p ? b.p + b.n : b.p, false};
}

/* The next field; false at the end and on malformed bytes (then s->bad). Groups are malformed. */
bool pb_scan_next(struct pb_scan *s, struct pb_item *it);

uint8_t pb_wire_of(enum pb_kind kind);	/* of one value, not packed */

/* The next value of a packed field of this kind; false at the end and on malformed bytes. */
bool pb_scan_packed(struct pb_scan *s, enum pb_kind kind, uint64_t *v);

/* True when the item can be a value of the field: wire type fits (packed or not, as the rules of
 * protobuf allow). Readers skip an item that does not fit, like an unknown field. */
bool pb_item_fits(const struct pb_field *f, const struct pb_item *it);

static inline double pb_double(uint64_t v)
{
	double d;

	memcpy(&d, &v, sizeof(d));
	return d;
}

/* The shortest text that reads back as the same finite number; single: as a float. Returns out. */
char *pb_double_text(double d, bool single, char out[32]);

struct pb_limits {
	size_t bytes;		/* of the whole message */
	unsigned depth;		/* of messages in messages, content of Any included */
	size_t items;		/* fields, over all messages */
};

/* Checks a whole message before anything is decoded: well-formed at every level that its
 * description names, strings valid UTF-8, limits kept. Unknown fields and the content of an Any of
 * unknown type are only skipped. ERR_SYNTAX or ERR_LIMIT; the text names the field. */
int pb_check(const struct pb_msg *m, struct pb_bytes b, const struct pb_limits *lim,
	     struct err *err);

#endif
