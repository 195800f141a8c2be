/* SPDX-License-Identifier: Apache-2.0
 *
 * A fake API server, a store and a source that reads the one into the other, in one loop.
 */
#ifndef TEST_KUBE_WORLD_H
#define TEST_KUBE_WORLD_H

#include "fake_api.h"
#include "store/source_kube.h"

#define SERVICES   "/api/v1/services"
#define PODS	   "/api/v1/pods"
#define SECRETS	   "/api/v1/secrets"
#define NAMESPACES "/api/v1/namespaces"
#define NODES	   "/api/v1/nodes"
#define MAPS	   "/api/v1/configmaps"
#define SLICES	   "/apis/discovery.k8s.io/v1/endpointslices"
#define VIRTUAL	   "/apis/networking.istio.io/v1/virtualservices"

struct world {
	struct arena arena;
	struct loop *loop;
	struct fake_api *api;
	struct store *store;
	struct kube_access access;	/* of api */
	struct source_kube *source;	/* or NULL */
};

/* The server knows no kinds yet. */
void world_open(struct world *w);
/* Those above. */
void world_register_kinds(struct world *w);
/* How a source of this world is opened; the caller adds what it wants. */
struct source_kube_cfg world_source_cfg(struct world *w);
void world_close(struct world *w);

#endif
