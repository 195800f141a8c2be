/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the cluster is told the mesh's root: the caBundle of the validating webhook (the API server's trust in us) and
 * the ConfigMaps of each namespace that Istio's agents and proxies read: the root, and the CA's lists of revoked
 * certificates. From what is there to the patch that is due.
 * Source: istio-behaviour.md 6 (root distribution), 7.3. Thread: pure.
 */
#ifndef REPORT_TRUST_H
#define REPORT_TRUST_H

#include <stdbool.h>

#include "base/buf.h"
#include "node/node.h"

#define TRUST_WEBHOOKS "/apis/admissionregistration.k8s.io/v1"

/* A ConfigMap with one text of ours. */
struct trust_map {
	const char *name, *key;
};
extern const struct trust_map trust_root_map, trust_crl_map;

/* A ValidatingWebhookConfiguration (root): true when some entry of ours trusts something else than roots (PEM); the JSON
 * patch is then in out. Ours are those that lead to /validate; nothing of the others, and nothing else, is touched. */
bool trust_webhook_patch(const struct node *root, const char *roots, struct buf *out);

/* A namespace's ConfigMap (root), or NULL: there is none. text: that it should hold, PEM, or NULL: nothing. True when it is
 * to be patched (merge), or made; one without a text is not made, but emptied. */
bool trust_map_patch(const struct trust_map *m, const struct node *root, const char *ns, const char *text, struct buf *out);
/* Istio makes none in these: the cluster's own. */
bool trust_map_wanted(const char *ns);

#endif
