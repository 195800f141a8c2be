/* SPDX-License-Identifier: Apache-2.0
 *
 * What an xDS client says, decoded: DiscoveryRequest and DeltaDiscoveryRequest of
 * envoy.service.discovery.v3, from gRPC wire bytes or from the JSON of REST. Hostile input: depth,
 * sizes and UTF-8 are checked before anything is used. Results live in the arena and may borrow
 * from the input bytes. Thread: pure.
 */
#ifndef XDS_REQUEST_H
#define XDS_REQUEST_H

#include "base/err.h"
#include "node/schema.h"

struct xds_node {
	const char *id, *cluster;	/* "" when absent */
	const struct node *metadata;	/* NODE_MAP or NULL */
	const char *region, *zone, *subzone;	/* "" when absent */
	struct strs extensions;		/* names of the compiled-in extensions */
	struct strs client_features;
	const char *user_agent_name, *user_agent_version;
};

struct xds_request {
	bool has_node;
	struct xds_node node;
	const char *type_url;		/* "" when absent */
	const char *nonce;		/* response_nonce */
	bool has_error;
	int32_t error_code;
	const char *error_text;
	/* state of the world */
	const char *version;		/* version_info */
	struct strs names;		/* resource_names */
	/* delta */
	struct strs subscribe, unsubscribe;
	struct strmap initial_versions;	/* initial_resource_versions */
};

enum {
	XDS_REQUEST_MAX = 4 * 1024 * 1024,
	XDS_NAMES_MAX = 200000,		/* names in one request */
	XDS_NAME_LEN_MAX = 4096,
};

int xds_request_decode(const uint8_t *bytes, size_t len, bool delta, struct arena *a,
		       struct xds_request *out, struct err *e);
int xds_request_decode_json(const char *text, size_t len, struct arena *a, struct xds_request *out,
			    struct err *e);

#endif
