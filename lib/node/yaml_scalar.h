/* SPDX-License-Identifier: Apache-2.0
 *
 * The type of a plain YAML scalar as sigs.k8s.io/yaml (go-yaml v2, YAML 1.1) gives it, and its
 * text as JSON. Thread: pure.
 */
#ifndef NODE_YAML_SCALAR_H
#define NODE_YAML_SCALAR_H

#include "node/node.h"

/* Fills kind, boolean, n and text of out; false when the value has no JSON form (.inf, .nan). */
bool yaml_scalar_plain(const char *text, size_t n, struct arena *a, struct node *out);

#endif
