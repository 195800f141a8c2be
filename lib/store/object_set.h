/* SPDX-License-Identifier: Apache-2.0
 *
 * struct object_set: all objects at one moment, the input of a snapshot. By kind one list, sorted
 * by object_compare, immutable, counted, holding its objects: an unchanged kind has the same list
 * in the next set (P6). Counts change on the loop thread; reading is pure.
 */
#ifndef STORE_OBJECT_SET_H
#define STORE_OBJECT_SET_H

#include "model/meshconf.h"
#include "model/object.h"

struct kind_list {
	int refs;
	size_t n;
	struct object *v[];
};

/* The effective mesh configuration, counted as a list is. */
struct mesh_settings {
	int refs;
	struct arena arena;
	const struct mesh_config *mesh;
	const struct mesh_networks *networks;	/* never NULL */
	const struct node *source, *networks_source;	/* what they were decoded from, or NULL */
	struct hash128 hash;
	const char *domain;
	const char *roots, *crl;	/* that proxies are given as ROOTCA, PEM; or NULL */
};

struct object_set {
	const struct kind_list *kind[KIND_COUNT];	/* never NULL */
	const struct mesh_settings *settings;		/* owns the three below */
	const struct mesh_config *mesh;	/* effective, never NULL */
	struct hash128 mesh_hash;
	const char *domain;		/* "cluster.local" */
};

/* A list with one ref and room for n objects, which the caller puts in, each with a ref that the
 * list takes over. */
struct kind_list *kind_list_new(size_t n);
const struct kind_list *kind_list_ref(const struct kind_list *l);
void kind_list_unref(const struct kind_list *l);	/* NULL is fine */
/* The object, or NULL. */
struct object *kind_list_find(const struct kind_list *l, const char *ns, const char *name);
/* The objects of one namespace: [*first, *first + n). */
size_t kind_list_range(const struct kind_list *l, const char *ns, size_t *first);

/* Istio's defaults with `root` (a map, or NULL) laid on top, and MeshNetworks (a map, or NULL); one ref.
 * Findings go to ds. */
struct mesh_settings *mesh_settings_new(const struct node *root, const struct node *networks, const char *domain,
					struct diags *ds);
/* Before anybody else has them. */
void mesh_settings_set_roots(struct mesh_settings *m, const char *roots, const char *crl);
const struct mesh_settings *mesh_settings_ref(const struct mesh_settings *m);
void mesh_settings_unref(const struct mesh_settings *m);	/* NULL is fine */

/* Takes, or gives back, all references of a set. */
void object_set_ref(const struct object_set *set);
void object_set_unref(const struct object_set *set);
/* The set of these objects (borrowed; each list takes a ref), for tools and tests that need no
 * store. Takes over the ref of settings. Release with object_set_unref. */
void object_set_init(struct object_set *set, struct object *const *v, size_t n,
		     const struct mesh_settings *settings);
/* Other settings, whose ref it takes over; those before are let go. */
void object_set_use(struct object_set *set, const struct mesh_settings *settings);

#endif
