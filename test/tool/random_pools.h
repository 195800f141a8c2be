/* SPDX-License-Identifier: Apache-2.0
 *
 * What random manifests are made of: values by the name of a field or by its type. Thread: any.
 */
#ifndef RANDOM_POOLS_H
#define RANDOM_POOLS_H

/* Texts, each list ends in NULL. Numbers are written as text too. */
struct pool {
	const char *const *good, *const *edge;
};

struct field_rule {
	const char *field;	 /* "schema.jsonName" or "*.jsonName"; the first that fits counts */
	unsigned percent;	 /* how often the field is there; 0 = by its place */
	const struct pool *pool; /* of values; NULL = by type */
	const struct pool *keys; /* of maps; NULL = labels */
	const char *const *raw;	 /* whole values, as JSON */
};

/* A field that is never drawn, and why. */
struct random_excuse {
	const char *field, *why;
};

struct meta_pair {
	const char *key;
	unsigned percent;
	const char *const *values;
};

extern const struct pool pool_u32, pool_i32, pool_i64, pool_double, pool_duration, pool_base64, pool_target_port,
	pool_time, pool_node, pool_word, pool_label_key, pool_label_value;
extern const struct field_rule random_rules[];
extern const struct random_excuse random_excuses[];
extern const struct meta_pair random_labels[], random_annotations[];
extern const char *const random_namespaces[];

#endif
