/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests into the fake API server, at the resources of the kinds that are read here.
 */
#ifndef FAKE_LOAD_H
#define FAKE_LOAD_H

#include "fake_api.h"
#include "node/node.h"

void fake_register_kinds(struct fake_api *f);
/* Puts one document, with its namespace spelt out. False when it has no name; a kind that is not read is passed over.
 * no_time: without creationTimestamp it has none from the server either. Changes root; a: for that. */
bool fake_load(struct fake_api *f, struct node *root, bool no_time, struct arena *a);

#endif
