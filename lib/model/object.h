/* SPDX-License-Identifier: Apache-2.0
 *
 * struct object: one decoded, checked object of a known kind. Immutable after object_decode, it
 * owns its arena; refs change on the loop thread only. The same bytes give the same hash.
 * Decoding is pure and bounded: on the memory limit the object fails alone.
 */
#ifndef MODEL_OBJECT_H
#define MODEL_OBJECT_H

#include "base/hash.h"
#include "node/schema.h"

enum kind {
#define KIND(id, name, group, versions, plural, schema, body, scope, use) KIND_##id,
#include "model/kinds.def"
#undef KIND
	KIND_COUNT
};

struct kind_info {
	const char *name, *group, *versions, *plural;
	const struct schema *schema;
	const char *body;
	bool namespaced;
	bool pending;		/* checked, without effect here */
	bool nameless;		/* may do without metadata.name: it is "unnamed" then */
	bool files_only;	/* for analysis or tools: no daemon reads it of a cluster */
};
const struct kind_info *kind_info(enum kind kind);
/* What is read of the status of an object whose body is its spec, or NULL: nothing. */
const struct schema *kind_status(enum kind kind);
/* By apiVersion ("networking.istio.io/v1", "v1") and kind; -1 if not known here. */
int kind_find(const char *api_version, const char *kind);
/* The name as paths have it: "virtual-service", "http-route"; into out, which is returned. */
enum { KIND_KEBAB_MAX = 64 };
const char *kind_kebab(enum kind kind, char out[KIND_KEBAB_MAX]);

struct said_status;	/* model/kube.h */

struct object {
	int refs;
	enum kind kind;
	const char *ns;			/* "" for cluster scope */
	bool ns_implied;		/* the manifest names none, so it is "default" */
	const char *name;
	struct strmap labels, annotations;
	uint64_t label_bits;		/* labels_bits of labels and of what else a WorkloadEntry is selected by */
	int64_t created_ns;		/* creationTimestamp; 0 = unknown */
	const char *resource_version;	/* or NULL */
	int64_t generation;
	const char *file;		/* where it was read, or NULL */
	struct pos pos;			/* first line of its document */
	struct hash128 hash;		/* of the canonical content: kind, names, labels, annotations, times, body */
	const void *spec;		/* struct of kind_info(kind)->schema */
	const void *status;		/* struct of kind_status(kind), or NULL: none */
	const struct said_status *said;	/* conditions that others wrote, of some kinds read from files: for analysis,
					 * and no part of the hash; or NULL */
	const struct diag *diags;	/* findings of decode and check, warnings of an accepted object */
	size_t n_diags;
	bool partly;			/* a field is NOT_IN_EFFECT */
	struct arena arena;
};

enum { OBJECT_MEMORY_MAX = 256 * 1024 * 1024 };

/* What a document turned out to be. */
enum object_outcome {
	OBJECT_OK,		/* *out is an object with one ref, possibly with warnings */
	OBJECT_INVALID,		/* findings say why; identity (kind, ns, name) is set when readable; *out is
				 * NULL, or, where only rules of its kind are broken, the object as
				 * written, with one ref: what refers to it may look, nobody compiles it */
	OBJECT_SKIPPED,		/* a kind not known here, or an empty document; finding KIND_UNKNOWN */
};

struct object_id {
	int kind;		/* enum kind or -1 */
	const char *kind_name, *ns, *name;	/* NULL if unreadable; in the arena of ds */
};

struct object_keep {
	struct node_keep root, status;	/* root points into the struct */
	struct node_keep_key keys[5];
};

/* Decodes and checks one document. A namespaced object without namespace is in `default`. Findings go
 * to ds (which also carries the file). `List` kinds are unrolled by the caller (object_list_items). */
enum object_outcome object_decode(const struct node *root, enum schema_mode mode, const char *file,
				  struct object **out, struct object_id *id, struct diags *ds);
/* The items of a `kind: List` (or XxxList) document; NULL if it is none. */
const struct node *object_list_items(const struct node *root);

/* What object_decode reads of an object of that kind, for node_parse_json: the rest of it is never built. The note
 * that kubectl keeps of what it applied last is left out too, for it means nothing and doubles the object. */
void object_keep(enum kind kind, struct object_keep *out);

struct object *object_ref(struct object *o);
void object_unref(struct object *o);	/* NULL is fine */

/* Order of identity: kind, namespace, name. */
int object_compare(const struct object *a, const struct object *b);
/* Istio's order of age: creation time, then name, then namespace. */
int object_compare_age(const struct object *a, const struct object *b);

/* The spec of an object that must be of that kind. */
#define object_spec(o, type) ((const struct type *)(o)->spec)

#endif
