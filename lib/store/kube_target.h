/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of an API server: the path and query of a request, resourceVersions, and patches that hold for one. Thread: pure.
 */
#ifndef STORE_KUBE_TARGET_H
#define STORE_KUBE_TARGET_H

#include <stdbool.h>

#include "base/buf.h"

/* "<api>[/namespaces/<ns>]/<plural>?[fieldSelector=metadata.name%3D<name>&]"; ns and name may be NULL. */
void kube_target_put(struct buf *out, const char *api, const char *ns, const char *plural, const char *name);
/* The path of one object: "<api>[/namespaces/<ns>]/<plural>/<name>"; ns "" for cluster scope. */
void kube_target_put_object(struct buf *out, const char *api, const char *ns, const char *plural, const char *name);
/* A segment of a path, or a value of a query. */
void kube_target_escape(struct buf *out, const char *text);

/* How a merge patch begins that holds for this version only (NULL: for none): `{"metadata":{"resourceVersion":"7"`; the
 * caller goes on with more metadata, or closes it. */
void kube_patch_begin(struct buf *out, const char *version_or_null);
/* The same up to the value of status; the caller puts that, and closes it. */
void kube_patch_begin_status(struct buf *out, const char *version_or_null);

/* Whether a is of an earlier moment than b, as far as that can be told: both are decimal numbers, and a is the
 * smaller one. Versions are opaque to clients otherwise, so nothing but a second look may follow from it. */
bool kube_version_is_before(const char *a, const char *b);

#endif
