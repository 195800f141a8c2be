/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a file of manifests: decoded and checked in both modes; each item is what its
 * outcome says, and the same bytes give the same hash.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "line_mutator.h"
#include "model/check.h"
#include "model/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const struct load_item *item, void *arg)
{
	struct hash128 *sum = arg;

	must((item->outcome == OBJECT_OK) == (item->object != NULL));
	if (item->object) {
		must(item->object->name && item->object->ns && item->object->spec);
		*sum = hash_mix(*sum, item->object->hash);
	}
	object_unref(item->object);
}

static struct hash128 load(const uint8_t *data, size_t size, enum schema_mode mode)
{
	struct hash128 sum = {0, 0};
	struct arena a;
	struct diags ds;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	load_text("input", (const char *)data, size, mode, &ds, take, &sum);
	for (size_t i = 0; i < ds.n; i++)
		diag_format(&ds.v[i], &a);
	arena_fini(&a);
	return sum;
}

static void mesh(const uint8_t *data, size_t size)
{
	struct node_docs docs;
	struct arena a;
	struct diags ds;

	arena_init(&a, 0);
	diags_init(&ds, &a);
	docs = node_parse((const char *)data, size, 1, &a, &ds);
	for (size_t i = 0; i < docs.n; i++) {
		if (docs.v[i].bad)
			continue;
		check_mesh_config(docs.v[i].root, &ds);
		check_mesh_networks(docs.v[i].root, &ds);
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	must(hash_equal(load(data, size, SCHEMA_STRICT), load(data, size, SCHEMA_STRICT)));
	load(data, size, SCHEMA_LENIENT);
	mesh(data, size);
	return 0;
}
