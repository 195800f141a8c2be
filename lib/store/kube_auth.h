/* SPDX-License-Identifier: Apache-2.0
 *
 * Who we are at an API server, at this moment: tokens and certificates that are named by path are read for each
 * request, for they rotate; a program's credentials are asked for when there are none, when they end and when the
 * server refuses them. Thread: loop.
 */
#ifndef STORE_KUBE_AUTH_H
#define STORE_KUBE_AUTH_H

#include "net/http_client.h"
#include "store/kubeconfig.h"

struct kube_auth;

/* access is borrowed. ready is called when credentials that kube_auth_fill waited for are there or have failed. */
struct kube_auth *kube_auth_new(struct loop *l, const struct kube_access *access, loop_fn *ready, void *arg);
void kube_auth_free(struct kube_auth *auth);	/* NULL is fine */

struct kube_credentials {
	struct http_tls tls;
	const char *header;		/* "Authorization: ...", or NULL */
};
enum kube_auth_state { KUBE_AUTH_READY, KUBE_AUTH_WAITING /* ready will be called */, KUBE_AUTH_FAILED };

/* For one request; memory from a. KUBE_AUTH_FAILED: e says why, and the next call tries again. */
enum kube_auth_state kube_auth_fill(struct kube_auth *auth, struct arena *a, struct kube_credentials *out, struct err *e);
/* The server answered 401: what a program gave is not used again. */
void kube_auth_refused(struct kube_auth *auth);

#endif
