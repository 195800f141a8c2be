/* SPDX-License-Identifier: Apache-2.0
 *
 * struct node: one value tree for YAML and JSON, with the place of every key and value. It is
 * what users wrote, before any meaning. Numbers stay text (nothing is lost); YAML's plain scalars
 * are typed as sigs.k8s.io/yaml types them. Duplicate keys are found while parsing. Limits: bytes
 * of a document, depth of nesting, expanded nodes (aliases). Trees live in an arena.
 * Thread: pure.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool boolean;
	struct pos pos;
	size_t n;			/* elements, members, or bytes of text */
	union {
		const char *text;	/* NODE_NUMBER, NODE_STRING: NUL-terminated, no NUL inside */
		struct node *list;
		struct node_member *map;	/* in the order of the text */
	};
};

struct node_member {
	const char *key;
	struct pos pos;
	struct node value;
};

struct schema;

/* One document of a stream. A document that does not parse has root NULL and its findings in the
 * diags; the documents beside it are not hurt. Empty documents are left out. */
struct node_doc {
	struct node *root;		/* or NULL */
	struct pos pos;			/* its first line */
	bool bad;			/* has errors; a root beside it serves only to name the object */
	const char *text;		/* the document's own bytes, within the input */
	size_t len;
};

struct node_docs {
	struct node_doc *v;
	size_t n;
};

enum {
	NODE_DOC_MAX = 16 * 1024 * 1024,	/* bytes of one document */
	NODE_DOCS_MAX = 200 * 1000,	/* documents of one text */
	NODE_DEPTH_MAX = 100,
	NODE_COUNT_MAX = 4 * 1000 * 1000,	/* nodes of one document, aliases expanded */
	NODE_ALIASED_MAX = 200 * 1000,	/* nodes that aliases of one document stand for */
};

/* A file: JSON when its first non-space byte is '{' or '[' and it parses as JSON, else YAML
 * documents split at lines "---". Lines count from `first_line` (1 for a whole file). Findings
 * (syntax, UTF-8, duplicate keys, limits) go to ds with ds->object as it stands. */
struct node_docs node_parse(const char *text, size_t len, uint32_t first_line, struct arena *a,
			    struct diags *ds);

/* What of a map is kept by node_parse_json; a list's elements are kept as the list is. What is not kept is checked
 * all the same (UTF-8, numbers, nesting) and leaves nothing. */
enum node_rest { NODE_REST_DROP, NODE_REST_NAME /* with null as value */, NODE_REST_KEEP };
struct node_keep {
	const struct node_keep_key *keys;	/* looked up first */
	size_t n;
	const struct schema *schema;	/* an open one, or NULL: then its fields, down to the last */
	enum node_rest rest;		/* all other keys */
};
struct node_keep_key {
	const char *key;
	const struct node_keep *keep;	/* of its value; NULL: the whole value */
	bool drop;
};

/* One JSON value of an API server: no places, and of maps only what keep names (NULL: everything). A text that is
 * no JSON, or more than one value, is one finding and root NULL. */
struct node_doc node_parse_json(const char *text, size_t len, const struct node_keep *keep, struct arena *a,
				struct diags *ds);

const struct node *node_get(const struct node *map, const char *key);	/* NULL if absent or no map */
const struct node_member *node_member(const struct node *map, const char *key);
/* The node at a path as findings print it ("spec.http[0].match[1].uri"), or the deepest one that
 * exists on the way; never NULL for a non-NULL root. Keys that are no plain words stand as
 * ["key"]. */
const struct node *node_at(const struct node *root, const char *path);
/* The text of a string, or NULL when absent or no string. */
const char *node_text(const struct node *map, const char *key);
const char *node_kind_name(enum node_kind kind);	/* "string", "map", ... for messages */

struct node *node_copy(const struct node *n, struct arena *a);
bool node_equal(const struct node *a, const struct node *b);	/* member order is ignored */

/* Canonical JSON (keys sorted when `sorted`), compact or indented by two spaces. */
void node_to_json(const struct node *n, bool sorted, bool indent, struct buf *out);
void node_to_yaml(const struct node *n, struct buf *out);
void node_text_to_json(const char *text, struct buf *out);	/* a string, with its quotes */
/* `<before>"key":"text"`; key has nothing to escape. */
void node_member_to_json(const char *before, const char *key, const char *text, struct buf *out);

#endif
