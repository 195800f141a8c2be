/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests as users write them, walked through what their proxy would get: shared by `route` and
 * `test`. Manifests are read once, a proxy is compiled once. Thread: one.
 */
#ifndef NAVCTL_TRAFFIC_H
#define NAVCTL_TRAFFIC_H

#include "server/offline.h"
#include "xds/walk.h"

struct args;

struct traffic {
	struct offline o;
	struct arena *arena;
	const char *node_file;	/* or NULL */
	struct map senders;	/* "from" -> struct sender */
};

struct traffic_request {
	const char *from;	/* NULL: the node file */
	const char *to;		/* the workload where it arrives, instead of who sends it; or NULL */
	const char *url;	/* http, https, tcp or tls; without a scheme http */
	const char *method;	/* NULL: GET */
	const char *sni;	/* NULL: of https and tls the host */
	const char *peer;	/* who the client's certificate of the mesh says it is: NS/SA or a SPIFFE id; or NULL */
	const char *client_ip;	/* or NULL */
	struct strmap headers;	/* "host" replaces the URL's */
	const struct node *claims;	/* of a good token that it carries, a map; or NULL */
};

/* Reads the manifests that the options name; errors in them go to stderr. traffic_close is due in either case. */
int traffic_open(struct traffic *t, const struct args *args, struct arena *a, struct err *e);
void traffic_close(struct traffic *t);

/* {url, method, headers, claims, sni, peer, clientIp, from, to}, laid over *q. Unknown keys are errors. */
int traffic_read_request(const struct node *n, struct arena *a, struct traffic_request *q, struct err *e);
/* The one YAML or JSON document of a file; "-" is standard input. NULL and e: unreadable. */
const struct node *traffic_read_file(const char *path, struct arena *a, struct err *e);

/* *out lives in a; what a proxy gets is kept for the next request. -1: the request cannot be understood. */
int traffic_walk(struct traffic *t, const struct traffic_request *q, struct arena *a, struct walk *out, struct err *e);
/* The request got where somebody meant it to go: to a cluster, to a redirect, to an answer below 400. */
bool traffic_is_served(const struct walk *w);

void traffic_print_text(const struct traffic *t, const struct walk *w, struct buf *out);
void traffic_print_json(const struct traffic *t, const struct walk *w, struct buf *out);	/* one line, no newline */

#endif
