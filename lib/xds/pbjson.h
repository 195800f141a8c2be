/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON of protobuf messages (proto3's JSON mapping) straight from and to wire bytes, led by the
 * descriptor tables: goldens, dumps, diffs, REST and user patches all go through here, so that one
 * object model feeds everything. Any is expanded ("@type" first), durations, timestamps, structs
 * and wrappers have their own forms, 64-bit integers are strings, enums are names, bytes are
 * base64, doubles are the shortest text that reads back the same; fields come in the order of
 * their numbers, defaults are left out. Bytes and text may be hostile: depth and size are bounded,
 * the worst outcome is an err. Thread: pure.
 */
#ifndef XDS_PBJSON_H
#define XDS_PBJSON_H

#include "base/buf.h"
#include "base/err.h"
#include "xds/pbscan.h"

enum pbjson_flag {
	PBJSON_SNAKE = 1,	/* print: names as in the .proto, not camelCase */
	PBJSON_INDENT = 2,	/* print: two spaces a level */
	PBJSON_IGNORE_UNKNOWN = 4,	/* parse: skip members and enum names that we do not know */
};

enum { PBJSON_DEPTH_MAX = 100 };

/* Appends the JSON of the message to out. Fields that are not described are left out; an Any of an
 * unknown type is shown as its base64 "value". On -1 out holds a part. out->failed is an err too. */
int pbjson_print(const struct pb_msg *m, struct pb_bytes b, unsigned flags, struct buf *out,
		 struct err *err);

/* JSON text to canonical wire bytes in the arena. Both spellings of a name are read. An Any of an
 * unknown type is only read in the form that pbjson_print gives it. */
int pbjson_parse(const struct pb_msg *m, const char *text, size_t len, unsigned flags,
		 struct arena *a, struct pb_bytes *out, struct err *err);

#endif
