/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes behind a '[': bounded, and what was read can be written as JSON and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a, findings;
	struct node_docs docs;
	struct diags ds;
	char *text = malloc(size + 1);

	must(text);
	text[0] = '[';
	memcpy(text + 1, data, size);
	arena_init(&a, 64 << 20);
	arena_init(&findings, 0);
	diags_init(&ds, &findings);
	docs = node_parse(text, size + 1, 1, &a, &ds);
	for (size_t i = 0; i < docs.n; i++) {
		struct buf json;

		/* a bare scalar is read again as YAML, which has other numbers */
		if (docs.v[i].bad || (docs.v[i].root->kind != NODE_LIST && docs.v[i].root->kind != NODE_MAP))
			continue;
		buf_init(&json, 8 << 20);
		node_to_json(docs.v[i].root, true, false, &json);
		if (!json.failed) {
			struct node_docs second = node_parse(json.p, json.n, 1, &findings, &ds);

			must(second.n == 1 && !second.v[0].bad);
			must(node_equal(docs.v[i].root, second.v[0].root));
		}
		buf_fini(&json);
	}
	arena_fini(&a);
	arena_fini(&findings);
	free(text);
	return 0;
}
