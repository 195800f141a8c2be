/* SPDX-License-Identifier: Apache-2.0
 *
 * One request walked through the resources that a proxy gets, by Envoy's own matching rules (RE2
 * included): listener, filter chain, virtual host, route, action, clusters, endpoints. It reads the
 * wire bytes that would be sent, so that what it says is what Envoy does, whatever planned them.
 * Each step says what decided it and which objects it came from. Chance (weights, percentages of
 * faults and mirrors) is reported, not drawn; tokens count as signed and in time, and external services that authorize as
 * willing. The result borrows from the resources and the request, and lives in the arena. Thread: pure.
 */
#ifndef XDS_WALK_H
#define XDS_WALK_H

#include "node/node.h"
#include "node/schema.h"
#include "xds/res.h"

/* How the connection meets the proxy. */
enum walk_way {
	WALK_DIRECT,			/* on a port of its own */
	WALK_OUTBOUND,			/* captured on its way out of a workload: listeners by original destination */
	WALK_INBOUND,			/* captured on its way in */
};

struct walk_request {
	enum walk_way way;
	const char *ip;			/* where the client connects to */
	uint32_t port;
	bool tls;			/* the client begins with TLS */
	const char *sni;		/* "" = none */
	struct strs alpn;		/* of TLS */
	const char *peer;		/* SPIFFE id of the client's certificate, or NULL */
	const char *client_ip;		/* or NULL: not told */
	bool http;			/* HTTP, inside TLS if that is ended; else other bytes */
	const char *method, *authority, *path;	/* path with its query */
	struct strmap headers;		/* names in lower case; doubles allowed, any order */
	const struct node *claims;	/* of a good token that is shown where it is looked for, or NULL; a map */
};

enum walk_end {
	WALK_ROUTED,			/* to one of the targets */
	WALK_ANSWERED,			/* by Envoy itself, with status */
	WALK_REFUSED,			/* the connection is closed */
};

struct walk_step {
	const char *what;		/* "listener", "filter chain", "virtual host", "route", "cluster" */
	const char *name;
	const char *why;
	const struct res_origin *origins;
	size_t n_origins;
};

struct walk_endpoint {
	const char *address;		/* "10.0.0.1:80", or the path of a socket */
	uint32_t weight, priority;
	const char *health;		/* "healthy", "unhealthy", "draining" */
	const char *locality;		/* "region/zone/subzone"; "" = unset */
};

struct walk_target {
	const char *cluster;
	uint32_t weight;		/* of all targets' sum */
	const char *host;		/* :authority as this cluster gets it */
	const char *type;		/* "EDS", "STRICT_DNS", ..., or NULL: no such cluster */
	const struct walk_endpoint *eps;
	size_t n_eps;
	unsigned status;		/* 0, or what Envoy answers instead of sending there */
};

struct walk {
	enum walk_end end;
	unsigned status;		/* of Envoy's own answer, else 0 */
	const char *why;		/* the end in words */
	const char *listener, *chain, *route_config, *vhost, *route;	/* or NULL: not reached */
	const char *location;		/* of a redirect, or NULL */
	const char *body;		/* of a direct response, or NULL */
	const char *path;		/* as the backend gets it, or NULL */
	const struct walk_target *targets;
	size_t n_targets;
	const struct str_pair *facts;	/* "timeout", "retries", "mirror", "fault delay", ... */
	size_t n_facts;
	const struct walk_step *steps;
	size_t n_steps;
};

void walk_run(const struct compiled *c, const struct walk_request *r, struct arena *a, struct walk *out);

#endif
