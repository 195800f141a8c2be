/* SPDX-License-Identifier: Apache-2.0
 *
 * ReferenceGrants: what an object of one namespace may refer to in another (Gateway API; istio-behaviour.md 1.3).
 * Thread: pure.
 */
#ifndef MESH_GRANT_H
#define MESH_GRANT_H

#include "mesh/snapshot.h"

/* Whether a grant in to_ns lets Gateways of from_ns refer to its Secret of that name. References within a namespace
 * need none, and are not asked about. */
bool grant_allows_secret(const struct snapshot *s, const char *from_ns, const char *to_ns, const char *name);

#endif
