/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may do what: one table (authz.def) for streams, unary calls, REST, secrets, certificates and
 * debug pages; what it does not name is refused (R2). Asked before anything is looked up (R3).
 * Thread: pure.
 */
#ifndef SERVER_AUTHZ_H
#define SERVER_AUTHZ_H

#include "mesh/proxy.h"
#include "server/authn.h"
#include "xds/res.h"

enum port_id { PORT_XDS, PORT_SECURE, PORT_ADMIN, PORT_MONITOR, PORT_WEBHOOK, PORTS };

enum need {
	NEVER,
	ANYONE,
	LOOPBACK,      /* from this machine */
	WORKLOAD,      /* an identity: certificate or token */
	NEWCOMER,      /* the same, or a join token */
	ADMINISTRATOR, /* an identity of the list */
};

struct authz_row {
	const char *method, *path; /* "GRPC"; as in the routers' tables */
	enum need need[PORTS];
};
extern const struct authz_row authz_rows[];
extern const size_t n_authz_rows;

/* "ns/sa" or, for all of a namespace, "ns" and "/" and a star. */
struct authz {
	const char *const *admins;
	size_t n_admins;
};

/* What a route takes on a port; NEVER when the table has no row for it. */
enum need authz_route(const char *method, const char *path, enum port_id port);
enum need authz_type(enum xds_type type, enum port_id port);

enum authz_answer { AUTHZ_YES, AUTHZ_WHO /* 401: an identity is missing */, AUTHZ_NO /* 403 */ };
enum authz_answer authz_check(const struct authz *az, enum need need, const struct caller *c,
			      const struct http_peer *from);

/* What a node says of itself against who it is; "" claims nothing. -1, ERR_REFUSED. */
int authz_claims(const struct caller *c, const char *id, const char *ns,
		 const char *service_account, struct err *e);
/* A node is who it says as far as it is the caller: namespace and service account. What it leaves
 * open is the caller's. -1, ERR_REFUSED. */
int authz_node(const struct caller *c, struct proxy *p, struct err *e);
bool authz_is_loopback(const char *address);

#endif
