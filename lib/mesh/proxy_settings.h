/* SPDX-License-Identifier: Apache-2.0
 *
 * What ProxyConfig, in all its places, says of one proxy. Thread: pure.
 */
#ifndef MESH_PROXY_SETTINGS_H
#define MESH_PROXY_SETTINGS_H

#include "mesh/proxy.h"

/* Sets v->config, its hash and v->features; v->ns is set. pod may be NULL; labels are all of the
 * proxy's. */
void proxy_settings_build(const struct snapshot *s, const struct proxy *p, const struct object *pod,
			  const struct strmap *labels, struct arena *a, struct view *v);

#endif
