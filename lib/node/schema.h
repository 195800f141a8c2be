/* SPDX-License-Identifier: Apache-2.0
 *
 * Schema tables: one row a field gives the C member, the decoder, the unknown-key check, the
 * documentation and the CRD. A message is a list of rows:
 *
 *	#define ROWS_http_fault(X, T) \
 *		X(T, MSG, delay, "delay", fault_delay, 0, "Delay before forwarding.") \
 *		X(T, MSG, abort, "abort", fault_abort, 0, "Answer instead of forwarding.")
 *	SCHEMA_STRUCT(http_fault)	in the header: the struct and the extern table
 *	SCHEMA_TABLE(http_fault)	in one .c file: the table
 *
 * Absent: NULL, 0, n = 0, has = false. A decoded struct and everything it points to lives in the
 * arena given to schema_decode and is immutable. Every struct begins with `struct pos pos`.
 * Keys are accepted as proto3 JSON does: by JSON name or by proto name. Thread: pure.
 */
#ifndef NODE_SCHEMA_H
#define NODE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "node/node.h"

struct strs {
	const char *const *v;
	size_t n;
};
struct u32s {
	const uint32_t *v;
	size_t n;
};
struct str_pair {
	const char *key, *value;
};
struct strmap {				/* sorted by key */
	const struct str_pair *v;
	size_t n;
};
struct u32_pair {
	const char *key;
	uint32_t value;
};
struct u32map {				/* sorted by key */
	const struct u32_pair *v;
	size_t n;
};
struct bytes_pair {
	const char *key;
	const uint8_t *p;		/* a NUL follows; NULL: what stood there was no base64 */
	size_t n;
};
struct bytesmap {			/* sorted by key */
	const struct bytes_pair *v;
	size_t n;
};
struct opt_bool {
	bool has, v;
};
struct opt_u32 {
	bool has;
	uint32_t v;
};
struct opt_i32 {
	bool has;
	int32_t v;
};
struct opt_double {
	bool has;
	double v;
};
struct opt_duration {
	bool has;
	int64_t ns;
};
struct int_or_str {			/* Kubernetes IntOrString; neither: is_int false, str NULL */
	bool is_int;
	uint32_t num;
	const char *str;
};

const char *strmap_get(const struct strmap *m, const char *key);	/* NULL if absent */
const struct bytes_pair *bytesmap_get(const struct bytesmap *m, const char *key);	/* NULL if absent */
bool strs_has(const struct strs *s, const char *text);

enum schema_type {
	SCHEMA_STR, SCHEMA_STRS, SCHEMA_BOOL, SCHEMA_OBOOL, SCHEMA_U32, SCHEMA_OU32, SCHEMA_U32S,
	SCHEMA_I32, SCHEMA_OI32, SCHEMA_I64, SCHEMA_DBL, SCHEMA_ODBL, SCHEMA_DUR, SCHEMA_ENUM,
	SCHEMA_MSG, SCHEMA_MSGS, SCHEMA_STRMAP, SCHEMA_U32MAP, SCHEMA_MSGMAP, SCHEMA_INTSTR,
	SCHEMA_BYTESMAP,	/* base64 text by key to struct bytesmap, as Kubernetes reads base64 */
	SCHEMA_BYTES,	/* base64 text to bytes: const uint8_t *m; size_t n_m */
	SCHEMA_TIME,	/* RFC 3339 to int64_t ns since 1970; 0 = absent */
	SCHEMA_NODE,	/* free form: const struct node *, copied */
};

enum {
	/* flags of a row; the low byte is its oneof group (0 = none): at most one present */
	SCHEMA_ONEOF_MASK = 0xff,
	SCHEMA_REQUIRED = 0x100,
	SCHEMA_NOT_IN_EFFECT = 0x200,	/* decoded, not compiled: finding NAV0108 when present */
	SCHEMA_DEPRECATED = 0x400,
};

struct enum_value {
	const char *name;
	int value;
};
struct enum_desc {
	const char *name;
	const struct enum_value *v;
	size_t n;
};

struct schema;
struct schema_field {
	const char *name;		/* JSON name */
	enum schema_type type;
	uint16_t flags;
	size_t offset;
	size_t n_offset;		/* MSGS, MSGMAP, BYTES: of the count */
	size_t keys_offset;		/* MSGMAP: of the keys */
	const struct schema *msg;
	const struct enum_desc *values;
	const char *doc;
};
struct schema {
	const char *name;
	size_t size;
	const struct schema_field *fields;
	size_t n;
	bool open;			/* unknown keys mean nothing here (Kubernetes' own kinds) */
};

enum schema_mode {
	SCHEMA_STRICT,			/* command line: unknown fields are errors */
	SCHEMA_LENIENT,			/* daemon: unknown fields are warnings, the object is kept */
};

/* Decodes map (a NODE_MAP or a NODE_NULL) into a new struct of s->size. Findings carry paths that
 * begin with `path`. Returns the struct even if there are errors (what did not decode is absent);
 * the caller looks at ds->nerrors. Never NULL. */
void *schema_decode(const struct schema *s, const struct node *map, const char *path,
		    enum schema_mode mode, struct arena *a, struct diags *ds);

/* The field that a key of n bytes names, or NULL. */
const struct schema_field *schema_find(const struct schema *s, const char *key, size_t n);

/* A decoded struct as compact JSON, by its table; what is absent is left out. */
void schema_to_json(const struct schema *s, const void *value, struct buf *out);

/* A copy of under with what is set in over laid on top, messages member by member. What over points
 * to is shared. An enum's 0 and a false count as not set. */
void *schema_merge(const struct schema *s, const void *under, const void *over, struct arena *a);

/* Value name of an enum, or NULL. */
const char *enum_name(const struct enum_desc *e, int value);
int enum_find(const struct enum_desc *e, const char *name, int *value);	/* 0 or -1 */

/* ---- the macros that turn rows into members and tables ---- */

#define SCHEMA_M_STR(m, arg)	const char *m;
#define SCHEMA_M_STRS(m, arg)	struct strs m;
#define SCHEMA_M_BOOL(m, arg)	bool m;
#define SCHEMA_M_OBOOL(m, arg)	struct opt_bool m;
#define SCHEMA_M_U32(m, arg)	uint32_t m;
#define SCHEMA_M_OU32(m, arg)	struct opt_u32 m;
#define SCHEMA_M_U32S(m, arg)	struct u32s m;
#define SCHEMA_M_I32(m, arg)	int32_t m;
#define SCHEMA_M_OI32(m, arg)	struct opt_i32 m;
#define SCHEMA_M_I64(m, arg)	int64_t m;
#define SCHEMA_M_DBL(m, arg)	double m;
#define SCHEMA_M_ODBL(m, arg)	struct opt_double m;
#define SCHEMA_M_DUR(m, arg)	struct opt_duration m;
#define SCHEMA_M_ENUM(m, arg)	enum arg m;
#define SCHEMA_M_MSG(m, arg)	const struct arg *m;
#define SCHEMA_M_MSGS(m, arg)	const struct arg *m; size_t n_##m;
#define SCHEMA_M_STRMAP(m, arg)	struct strmap m;
#define SCHEMA_M_U32MAP(m, arg)	struct u32map m;
#define SCHEMA_M_BYTESMAP(m, arg)	struct bytesmap m;
#define SCHEMA_M_MSGMAP(m, arg)	const struct arg *m; const char *const *m##_keys; size_t n_##m;
#define SCHEMA_M_INTSTR(m, arg)	struct int_or_str m;
#define SCHEMA_M_BYTES(m, arg)	const uint8_t *m; size_t n_##m;
#define SCHEMA_M_TIME(m, arg)	int64_t m;
#define SCHEMA_M_NODE(m, arg)	const struct node *m;
#define SCHEMA_MEMBER(T, type, m, json, arg, flags, doc) SCHEMA_M_##type(m, arg)

#define SCHEMA_STRUCT(tag)                                                                         \
	struct tag {                                                                               \
		struct pos pos;                                                                    \
		ROWS_##tag(SCHEMA_MEMBER, tag)                                                     \
	};                                                                                         \
	extern const struct schema schema_##tag;

#define SCHEMA_R_STR(T, m, arg)
#define SCHEMA_R_STRS(T, m, arg)
#define SCHEMA_R_BOOL(T, m, arg)
#define SCHEMA_R_OBOOL(T, m, arg)
#define SCHEMA_R_U32(T, m, arg)
#define SCHEMA_R_OU32(T, m, arg)
#define SCHEMA_R_U32S(T, m, arg)
#define SCHEMA_R_I32(T, m, arg)
#define SCHEMA_R_OI32(T, m, arg)
#define SCHEMA_R_I64(T, m, arg)
#define SCHEMA_R_DBL(T, m, arg)
#define SCHEMA_R_ODBL(T, m, arg)
#define SCHEMA_R_DUR(T, m, arg)
#define SCHEMA_R_ENUM(T, m, arg)   .values = &enum_desc_##arg,
#define SCHEMA_R_MSG(T, m, arg)	   .msg = &schema_##arg,
#define SCHEMA_R_MSGS(T, m, arg)   .msg = &schema_##arg, .n_offset = offsetof(struct T, n_##m),
#define SCHEMA_R_STRMAP(T, m, arg)
#define SCHEMA_R_U32MAP(T, m, arg)
#define SCHEMA_R_BYTESMAP(T, m, arg)
#define SCHEMA_R_MSGMAP(T, m, arg)                                                                 \
	.msg = &schema_##arg, .n_offset = offsetof(struct T, n_##m),                               \
	.keys_offset = offsetof(struct T, m##_keys),
#define SCHEMA_R_INTSTR(T, m, arg)
#define SCHEMA_R_BYTES(T, m, arg)  .n_offset = offsetof(struct T, n_##m),
#define SCHEMA_R_TIME(T, m, arg)
#define SCHEMA_R_NODE(T, m, arg)
#define SCHEMA_ROW(T, t, m, json, arg, f, d)                                                       \
	{.name = json, .type = SCHEMA_##t, .flags = (f), .offset = offsetof(struct T, m),          \
	 SCHEMA_R_##t(T, m, arg).doc = d},

#define SCHEMA_TABLE_OPEN(tag, is_open)                                                            \
	static const struct schema_field schema_fields_##tag[] = {ROWS_##tag(SCHEMA_ROW, tag)};    \
	const struct schema schema_##tag = {                                                       \
	    .name = #tag, .size = sizeof(struct tag), .fields = schema_fields_##tag,               \
	    .n = sizeof(schema_fields_##tag) / sizeof(schema_fields_##tag[0]), .open = is_open};
#define SCHEMA_TABLE(tag) SCHEMA_TABLE_OPEN(tag, false)

/* Enums: #define VALUES_lb_simple(X, P) X(P, ROUND_ROBIN, 1) ..., then SCHEMA_ENUM(lb_simple, LB)
 * in the header gives enum lb_simple { LB_ROUND_ROBIN = 1, ... }. */
#define SCHEMA_ENUM_MEMBER(P, name, value) P##_##name = value,
#define SCHEMA_ENUM_ROW(P, name, value)	   {#name, value},
#define SCHEMA_ENUM(tag, P)                                                                        \
	enum tag { VALUES_##tag(SCHEMA_ENUM_MEMBER, P) };                                          \
	extern const struct enum_desc enum_desc_##tag;
#define SCHEMA_ENUM_TABLE(tag)                                                                     \
	static const struct enum_value enum_values_##tag[] = {VALUES_##tag(SCHEMA_ENUM_ROW, _)};   \
	const struct enum_desc enum_desc_##tag = {                                                 \
	    #tag, enum_values_##tag, sizeof(enum_values_##tag) / sizeof(enum_values_##tag[0])};

#endif
