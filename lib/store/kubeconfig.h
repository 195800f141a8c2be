/* SPDX-License-Identifier: Apache-2.0
 *
 * How to reach an API server and who we are there: from kubeconfig files (several are merged, the first word
 * counts, as kubectl has it) or from what every Pod is given. TLS is always verified: a kubeconfig that
 * switches that off is refused. Relative paths are of the file's folder. What is named by path may change
 * (rotation) and is read anew for each request (kube_auth.h). Thread: any.
 */
#ifndef STORE_KUBECONFIG_H
#define STORE_KUBECONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "node/schema.h"

/* A program that prints credentials (client.authentication.k8s.io). */
struct kube_exec {
	const char *const *argv;	/* NULL-terminated */
	const char *const *env;		/* "NAME=value", NULL-terminated; KUBERNETES_EXEC_INFO is the last of them */
	const char *api_version;
	const char *install_hint;	/* or NULL */
};

struct kube_access {
	const char *server;		/* "https://host:6443", without '/' at its end */
	const char *server_name;	/* in its certificate, or NULL: the host's */
	const char *proxy;		/* or NULL */
	const char *ca, *ca_file;	/* PEM, or a path; neither: the system's authorities */
	const char *cert, *key, *cert_file, *key_file;	/* or NULL */
	const char *token, *token_file;	/* or NULL */
	const char *user, *password;	/* or NULL */
	const struct kube_exec *exec;	/* or NULL */
	const char *ns;			/* of the context; "default" */
	const char *context;		/* its name, for messages */
};

/* paths: one file, or several with ':' between as KUBECONFIG has them; those that do not exist are passed over, but
 * not all of them. context NULL: the current one. Memory from a. -1: nothing usable, and why. */
int kubeconfig_load(const char *paths, const char *context, struct arena *a, struct kube_access *out, struct err *e);

/* One text, for tests and the fuzzer; dir: of relative paths. */
int kubeconfig_parse(const char *text, size_t len, const char *file, const char *dir, const char *context, struct arena *a,
		     struct kube_access *out, struct err *e);

#define KUBE_POD_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
/* From KUBERNETES_SERVICE_HOST and _PORT, and root (KUBE_POD_ACCOUNT). ERR_NOT_FOUND
 * outside of a Pod. */
int kubeconfig_in_cluster(const char *host, const char *port, const char *root, struct arena *a, struct kube_access *out,
			  struct err *e);

#endif
