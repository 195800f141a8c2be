/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts a list of an API server ({"kind":"PodList","metadata":{...},"items":[...]}) that arrives in
 * pieces: each element of the top-level "items" is handed out as its text, and what stands around
 * them is kept for the end. Memory is bounded by one element and the surroundings, however long the
 * list. Only brackets and strings are looked at; whoever gets an element parses it (node_parse_json),
 * so that a broken element hurts no other one. Thread: one at a time.
 */
#ifndef NODE_JSON_LIST_H
#define NODE_JSON_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum {
	JSON_LIST_ITEM_MAX = 16 * 1024 * 1024,	/* an element beyond it is handed out as NULL */
	JSON_LIST_FRAME_MAX = 1024 * 1024,	/* what stands around the elements */
};

/* text is borrowed for the call. */
typedef void json_list_fn(void *arg, const char *text, size_t n);

struct json_list {
	struct buf frame;		/* the list with "items":[] */
	struct buf item;		/* of the element in the making, what came in earlier pieces */
	int depth;
	bool in_items, in_string, escape;
	bool in_item;			/* an element has begun */
	bool ended, failed;
};

void json_list_init(struct json_list *l);
void json_list_fini(struct json_list *l);
/* Takes the next bytes. -1, for good: this is no list of JSON, or its frame is too large. */
int json_list_feed(struct json_list *l, const char *p, size_t n, json_list_fn *fn, void *arg);
/* Whether the list is whole; then frame holds the rest of it. */
bool json_list_is_whole(const struct json_list *l);

#endif
