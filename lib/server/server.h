/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon: owns the loop, the store and its source, the publisher and the services on their ports.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>

#include "base/err.h"

struct identity_opts;

struct server_opts {
	const char *config_dir;		/* or NULL */
	bool kube;			/* an API server is a source: */
	const char *kubeconfig;		/* files with ':' between; NULL: the Pod's own account */
	const char *kube_context;	/* or NULL: the current one */
	const char *state_dir;		/* of the last good generations, or NULL */
	const char *mesh_config;	/* file, or NULL: the ConfigMap "istio", or defaults */
	const char *domain;		/* "cluster.local" */
	const char *revision;		/* which of a cluster's control planes we are, or NULL: the only one */
	const char *xds_address;	/* "127.0.0.1:15010"; port 0 = any */
	const char *admin_address;
	const char *metrics_address;
	const char *secure_address;	/* TLS: xDS, certificates, debug pages; or NULL */
	const char *webhook_address;	/* HTTPS: validation for an API server; or NULL */
	/* What the cluster is told (report/reporter.h), with kube. */
	bool write_back;
	const char *pod_name;		/* of this replica; NULL: a name of our own making */
	const char *lease;		/* its name; NULL: "navarchd", with a revision "navarchd-<revision>" */
	const char *webhook_config;	/* whose caBundle is kept; "" = none */
	const struct identity_opts *identity;	/* with secure_address or webhook_address */
	const char *port_file;		/* gets {"xds":N,"secure":N,"webhook":N,"admin":N,"metrics":N}, or NULL */
	unsigned workers;		/* threads beside the loop */
	int drain_ms;			/* at SIGTERM: clients are told to go within it */
};

/* Runs until SIGTERM or SIGINT. 0, or -1 with the reason why it could not start. */
int server_run(const struct server_opts *opts, struct err *e);

#endif
