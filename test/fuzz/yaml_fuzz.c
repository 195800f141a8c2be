/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as YAML: bounded, and what was read can be written and read again as the same value. A
 * text that begins as JSON is read as such, with numbers (-0) that YAML writes otherwise: there only
 * reading again is wanted, json_fuzz compares.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As source_file does, documents of one text share an arena with a limit. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a, findings;
	struct node_docs docs;
	struct diags ds;
	size_t first = 0;
	bool is_json;

	while (first < size && memchr(" \t\r\n", data[first], 4))
		first++;
	is_json = first < size && (data[first] == '[' || data[first] == '{');
	arena_init(&a, 64 << 20);
	arena_init(&findings, 0);
	diags_init(&ds, &findings);
	docs = node_parse((const char *)data, size, 1, &a, &ds);
	for (size_t i = 0; i < docs.n; i++) {
		struct diags again;
		struct node_docs second;
		struct arena b;
		struct buf yaml;

		must(docs.v[i].root || docs.v[i].bad);
		if (docs.v[i].bad || docs.v[i].root->kind == NODE_NULL)	/* written alone, it is no document */
			continue;
		buf_init(&yaml, 8 << 20);
		node_to_yaml(docs.v[i].root, &yaml);
		if (!yaml.failed) {
			arena_init(&b, 256 << 20);
			diags_init(&again, &findings);
			second = node_parse(yaml.p, yaml.n, 1, &b, &again);
			must(second.n == 1 && !second.v[0].bad);
			must(is_json || node_equal(docs.v[i].root, second.v[0].root));
			arena_fini(&b);
		}
		buf_fini(&yaml);
	}
	arena_fini(&a);
	arena_fini(&findings);
	return 0;
}
