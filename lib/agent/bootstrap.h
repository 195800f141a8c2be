/* SPDX-License-Identifier: Apache-2.0
 *
 * Envoy's bootstrap, as JSON: who the proxy is, by Istio's names for nodes and metadata; where its configuration
 * comes from (cluster xds-grpc, delta ADS over mutual TLS) and its secrets (cluster sds-grpc, the agent's socket).
 * Of the environment count ISTIO_META_NAME=text and ISTIO_METAJSON_NAME=JSON; a ProxyConfig's proxyMetadata
 * counts as environment behind it. Source: Istio's node metadata (reference 4.1, 4.2). Thread: pure.
 */
#ifndef AGENT_BOOTSTRAP_H
#define AGENT_BOOTSTRAP_H

#include "base/buf.h"
#include "base/err.h"
#include "node/node.h"

struct bootstrap_opts {
	const char *type;		/* "sidecar", "router" */
	const char *ip, *name, *ns, *service_account;
	const char *domain;		/* of the cluster: "cluster.local" */
	const char *cluster;		/* service cluster; NULL: from the label app or the name */
	const char *const *labels, *const *metadata;	/* "NAME=text" */
	size_t n_labels, n_metadata;
	const char *const *env;		/* "NAME=value", NULL-terminated */
	const struct node *proxy_config;	/* a map, or NULL */
	const char *version;		/* ours */
	const char *xds_host;		/* name or address */
	unsigned xds_port;
	const char *server_name;	/* in its certificate; NULL: plaintext, for development */
	const char *sds_socket;
	const char *admin_host;
	unsigned admin_port;		/* 0: any */
	int mark;			/* SO_MARK of every upstream connection, where capture knows Envoy (and its agent) by it; 0: none */
};

/* ERR_SYNTAX: an option or a variable is wrong. */
int bootstrap_build(const struct bootstrap_opts *o, struct buf *out, struct err *e);

#endif
