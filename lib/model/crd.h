/* SPDX-License-Identifier: Apache-2.0
 *
 * CustomResourceDefinitions from the schema tables: what kubectl, the API server and editors know of
 * our kinds is what the decoder reads. Structural schemas (apiextensions.k8s.io/v1) with documentation,
 * enums, bounds, oneofs and the CEL rules that Istio's own definitions have. Thread: pure.
 */
#ifndef MODEL_CRD_H
#define MODEL_CRD_H

#include "base/buf.h"
#include "model/object.h"

/* The kind is one of Istio's groups, so that a cluster learns it from us. */
bool crd_has(enum kind kind);
/* Adds the definition as JSON. */
void crd_build(enum kind kind, struct buf *out);

#endif
