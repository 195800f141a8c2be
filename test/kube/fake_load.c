/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_load.h"

#include <string.h>

#include "model/object.h"

enum { JSON_MAX = 16 * 1024 * 1024 };

static const char *resource_of(enum kind kind, struct arena *a)
{
	const struct kind_info *info = kind_info(kind);

	return arena_printf(a, "%s%s/%.*s/%s", *info->group ? "/apis/" : "/api", info->group, (int)strcspn(info->versions, " "),
			    info->versions, info->plural);
}

void fake_register_kinds(struct fake_api *f)
{
	struct arena a;

	arena_init(&a, 0);
	for (int k = 0; k < KIND_COUNT; k++)
		fake_api_register(f, resource_of((enum kind)k, &a), kind_info((enum kind)k)->name);
	arena_fini(&a);
}

static void add_member(struct node *map, const char *key, struct node value, struct arena *a)
{
	struct node_member *v = arena_array(a, struct node_member, map->n + 1);

	if (node_get(map, key))
		return;
	memcpy(v, map->map, map->n * sizeof(*v));
	v[map->n++] = (struct node_member){.key = key, .value = value};
	map->map = v;
}

bool fake_load(struct fake_api *f, struct node *root, bool no_time, struct arena *a)
{
	struct node *meta = (struct node *)(uintptr_t)node_get(root, "metadata");
	const char *api = node_text(root, "apiVersion"), *kind = node_text(root, "kind");
	int k = api && kind ? kind_find(api, kind) : -1;
	struct buf json;

	if (k < 0)
		return true;
	if (!meta || meta->kind != NODE_MAP || !node_text(meta, "name"))
		return false;
	if (kind_info((enum kind)k)->namespaced)
		add_member(meta, "namespace", (struct node){.kind = NODE_STRING, .text = "default", .n = 7}, a);
	if (no_time)
		add_member(meta, "creationTimestamp", (struct node){.kind = NODE_NULL}, a);
	buf_init(&json, JSON_MAX);
	node_to_json(root, false, false, &json);
	fake_api_put(f, resource_of((enum kind)k, a), buf_cstr(&json));
	buf_fini(&json);
	return true;
}
