/* SPDX-License-Identifier: Apache-2.0
 *
 * MeshNetworks: the registries whose endpoints they place.
 */
#include "analyze/analyze_int.h"

#include <string.h>

#include "base/must.h"

/* The cluster itself, ServiceEntries, and clusters that a Secret gives access to. */
static bool is_registry(const struct analysis *n, const char *name)
{
	static const char *const own[] = {"Kubernetes", "External", "Mock"};
	const struct kind_list *secrets = analysis_list(n, KIND_SECRET);

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	for (size_t i = 0; i < secrets->n; i++) {
		const char *label = strmap_get(&secrets->v[i]->labels, "istio/multiCluster");
		const struct k_secret *s = object_spec(secrets->v[i], k_secret);

		if (label && strcmp(label, "true") == 0 && k_secret_text(s, name))
			return true;
	}
	return false;
}

/* The object that MeshNetworks came in, or NULL. */
static const struct object *find_map(const struct analysis *n)
{
	const struct kind_list *maps = analysis_list(n, KIND_CONFIG_MAP);
	size_t first, count = kind_list_range(maps, n->s->mesh->root_namespace, &first);

	for (size_t i = first; i < first + count; i++)
		if (strncmp(maps->v[i]->name, "istio", 5) == 0 &&
		    strmap_get(&object_spec(maps->v[i], k_config_map)->data, "meshNetworks"))
			return maps->v[i];
	return NULL;
}

void analyze_networks(struct analysis *n)
{
	const struct mesh_networks *all = n->s->objects.settings->networks;
	const struct object *map = all->n_networks ? find_map(n) : NULL;

	for (size_t i = 0; map && i < all->n_networks; i++)
		for (size_t k = 0; k < all->networks[i].n_endpoints; k++) {
			const char *registry = all->networks[i].endpoints[k].from_registry;

			if (registry && *registry && !is_registry(n, registry))
				analysis_add(
				    n, map, D_NETWORK_REGISTRY_UNKNOWN, (struct pos){0},
				    arena_printf(
					n->a,
					"data.meshNetworks.networks.%s.endpoints[%zu].fromRegistry",
					all->networks_keys[i], k),
				    "Unknown service registry %s in network %s", registry,
				    all->networks_keys[i]);
		}
}
