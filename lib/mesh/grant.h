/* SPDX-License-Identifier: Apache-2.0
 *
 * ReferenceGrants: what an object of one namespace may refer to in another (Gateway API; istio-behaviour.md 1.3, 1.14).
 * Thread: pure.
 */
#ifndef MESH_GRANT_H
#define MESH_GRANT_H

#include "mesh/snapshot.h"

/* Whether a grant in to_ns lets objects of kind `from` and of namespace from_ns refer to its object of kind `to` and of
 * that name. References within a namespace need none, and are not asked about. */
bool grant_allows(const struct snapshot *s, enum kind from, const char *from_ns, enum kind to, const char *to_ns,
		  const char *name);
/* Mixes in all grants of a namespace. */
struct hash128 grant_mix(const struct snapshot *s, const char *to_ns, struct hash128 h);

#endif
