/* SPDX-License-Identifier: Apache-2.0
 *
 * struct node_reader: what the YAML and the JSON reader share: finished children wait on one stack
 * until their map or list closes, so that trees hold arrays of the exact size. The stack is heap
 * memory; whoever runs a reader owns it (node_parse). Thread: pure.
 */
#ifndef NODE_NODE_INT_H
#define NODE_NODE_INT_H

#include "base/vec.h"
#include "node/node.h"

struct yaml;

struct node_reader {
	struct arena *a;
	struct diags *ds;
	uint32_t first_line;			/* of the text, 1-based */
	VEC(struct node_member) stack;		/* heap */
	size_t count;				/* nodes so far, aliases expanded */
	VEC(struct node_doc) docs;		/* heap */
	struct yaml *yaml;			/* the parser in use, for clean-up; or NULL */
	char *repaired;				/* heap text in use, or NULL */
};

/* Children of an open collection are stack[from..]; makes the node and pops them. A duplicate key
 * is a finding. */
void node_reader_close(struct node_reader *r, size_t from, bool is_map, struct pos pos, struct node *out);
/* Counts one more node; false, with a finding, beyond NODE_COUNT_MAX. */
bool node_reader_count(struct node_reader *r, size_t n, struct pos pos);

/* Each adds the documents of text to r->docs. JSON gives false at the first error, with the error
 * in *why and *pos instead of a finding, since the text may still be YAML. */
void node_read_yaml(struct node_reader *r, const char *text, size_t len);
void node_yaml_free(struct yaml *y);	/* NULL is fine */
bool node_read_json(struct node_reader *r, const char *text, size_t len, const char **why, struct pos *pos);
/* One value for node_parse_json; false with the first error in *why and its offset in *at. */
bool node_read_kept(struct node_reader *r, const char *text, size_t len, const struct node_keep *keep,
		    struct node *out, const char **why, size_t *at);

#endif
