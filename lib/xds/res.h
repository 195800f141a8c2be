/* SPDX-License-Identifier: Apache-2.0
 *
 * struct res: one encoded resource, interned: equal (type, name, bytes, origin) is one block of memory,
 * shared by every view, set, session and push; an equal pointer or hash means "do not send" (P6).
 * struct res_set: the resources of one type for one view, sorted by name; its hash is the version
 * on the wire (P5). struct bundle: the sets of one view in one generation.
 * Refcounts change on the loop thread only; reading is pure.
 */
#ifndef XDS_RES_H
#define XDS_RES_H

#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"
#include "plan/plan.h"

enum xds_type {
#define XDS(id, ir, message, rest, wildcard) XDS_##id,
#include "xds/types.def"
#undef XDS
	XDS_TYPES
};

struct xds_type_info {
	const char *short_name;		/* "CDS" */
	const char *type_url;		/* "type.googleapis.com/envoy.config.cluster.v3.Cluster" */
	const char *message;		/* the part after the '/' */
	const char *rest;		/* "clusters" */
	enum ir_type ir;
	bool wildcard;
};
const struct xds_type_info *xds_type_info(enum xds_type t);
int xds_type_find(const char *type_url);	/* -1 if unknown */

/* The object that a resource came from, by identity: it does not keep the object alive (P9). */
struct res_origin {
	enum kind kind;
	const char *ns, *name;
};
/* A name that a resource refers to, and that must be in the same bundle (RDS of a listener, EDS of a
 * cluster, ADS secret of either): closure_check. */
struct res_use {
	enum xds_type type;
	const char *name;
	bool required;			/* else its absence is legal (a secret, a route's cluster) */
};

struct res {
	int refs;
	enum xds_type type;
	const char *name;
	struct hash128 hash;		/* of the bytes: the resource's version */
	char version[HASH_HEX_LEN + 1];
	const struct res_origin *origins;
	size_t n_origins;
	const struct res_use *uses;
	size_t n_uses;
	const uint8_t *bytes;		/* wire form of the message (not of the Any) */
	size_t len;
};

/* What a compile job made, before it is interned; in the arena of the job. */
struct res_new {
	const char *name;
	struct hash128 inputs;		/* plan_row.inputs */
	struct res *same;		/* the resource of the generation before, or NULL: the rest is set */
	const struct res_origin *origins;
	size_t n_origins;
	const struct res_use *uses;
	size_t n_uses;
	const uint8_t *bytes;
	size_t len;
};

struct res_row {
	struct res *res;
	struct hash128 inputs;
};
struct res_set {
	int refs;
	enum xds_type type;
	struct hash128 hash;		/* of the rows' names and hashes: a sum, so that a row can be exchanged */
	char version[HASH_HEX_LEN + 1];
	size_t n;
	struct res_row row[];		/* by name, names unique */
};

struct bundle {
	int refs;
	struct hash128 view;
	uint64_t gen;			/* of the snapshot */
	struct res_set *set[XDS_TYPES];	/* never NULL */
};

/* All live resources; on the loop thread. */
struct res_table {
	struct map by_key;		/* (type, name, hash, origins, uses) -> res; no reference of its own */
	size_t n, n_bytes;		/* live resources and their wire bytes */
	uint64_t n_built, n_reused;	/* rows that were encoded anew, and that were taken over */
};
void res_table_init(struct res_table *t);
void res_table_fini(struct res_table *t);	/* all resources must be gone */

struct res *res_ref(struct res *r);
void res_unref(struct res_table *t, struct res *r);
const struct res *res_set_find(const struct res_set *s, const char *name);	/* NULL if absent */
size_t res_set_index(const struct res_set *s, const char *name);		/* (size_t)-1 if absent */
struct res_set *res_set_ref(struct res_set *s);
void res_set_unref(struct res_table *t, struct res_set *s);
struct bundle *bundle_ref(struct bundle *b);
void bundle_unref(struct res_table *t, struct bundle *b);	/* NULL is fine */

/* ---- compiling one view (compile.c) ---- */

struct pbw;
struct compiled {
	struct pbw *w;			/* scratch block of the job while it runs */
	struct hash128 view;
	uint64_t gen;
	const struct bundle *base;	/* or NULL: the sets hold all rows; else only what replaces rows of base */
	struct {
		struct res_new *v;	/* by name */
		size_t n;
	} set[XDS_TYPES];
	size_t n_built;
	/* closure_check failed: why; then nothing of this is published (P8) */
	const char *broken;		/* or NULL */
};

/* snapshot + view -> resources: plan, then for each row either the one of prev with equal inputs or
 * expand and encode. prev: the bundle of the view in an earlier generation, or of another view, or NULL.
 * Where it is this view's of the generation before, and only endpoints differ since (P7), the result is
 * the same and the cost that of the services whose endpoints they are. Pure. */
struct compiled *compile_view(const struct snapshot *s, const struct view *v, const struct bundle *prev,
			      struct arena *a);
/* Interns the result; one reference for the caller. A set with equal rows is prev's set. prev is what
 * compile_view got. Loop. */
struct bundle *bundle_adopt(struct res_table *t, const struct compiled *c, const struct bundle *prev);

/* ---- encoding (build_*.c): IR -> wire bytes ---- */
struct build_out {			/* collected while writing */
	struct arena *arena;
	struct pbw *w;			/* of the job, in the same arena: one scratch block for all resources */
	VEC(struct res_use) uses;
	const char *rest_cluster;	/* config sources are REST through this cluster; NULL: ADS */
	const uint8_t *bytes;
	size_t len;
};
void build_cluster(const struct ir_cluster *c, struct build_out *out);
void build_endpoints(const struct ir_endpoints *e, struct build_out *out);
void build_listener(const struct ir_listener *l, struct build_out *out);
void build_routes(const struct ir_routes *r, struct build_out *out);
void build_secret(const struct ir_secret *s, struct build_out *out);
void build_names(const struct ir_names *n, struct build_out *out);

/* Every name that is required exists, names are unique and sorted, sizes within limits. Returns NULL
 * or what is wrong, in a. */
const char *closure_check(const struct compiled *c, struct arena *a);

#endif
