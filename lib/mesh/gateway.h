/* SPDX-License-Identifier: Apache-2.0
 *
 * The merge of Gateways on one proxy: who has which port, bind and host (istio-behaviour.md 3.6).
 * The one rule set for listeners (plan_gateway.c, with the proxy's own ports) and for verdicts
 * (snapshot_gateway.c). Thread: pure.
 */
#ifndef MESH_GATEWAY_H
#define MESH_GATEWAY_H

#include "base/map.h"
#include "mesh/snapshot.h"
#include "model/traffic.h"

enum gateway_fault {
	GATEWAY_TAKEN,			/* none: the server is in force */
	GATEWAY_HOST_DUPLICATE,		/* another TLS server of port and bind has a host */
	GATEWAY_PORT_CONFLICT,		/* an older server of the port speaks something else */
	GATEWAY_PORT_NAME_DUPLICATE,	/* another HTTPS server has the RDS name */
	GATEWAY_TLS_MISSING,		/* a server without TLS on a port of TLS servers */
	GATEWAY_SECRET_MISSING,		/* no Secret of that name in the proxy's namespace (plan_secret.c) */
	GATEWAY_SECRET_MALFORMED,	/* keys are missing, or no base64, or no PEM (plan_secret.c) */
	GATEWAY_SECRET_CONFUSED,	/* one name, for a certificate here and a CA there (plan_gateway.c) */
};

/* One server of a Gateway, on one port. */
struct gateway_claim {
	const struct gw *gateway;
	const struct gw_server *server;
	uint32_t port;			/* that is listened on */
	enum protocol protocol;
	struct strs hosts;		/* "host", or "ns/host" for VirtualServices of ns alone */
	const char *rds_name;		/* or NULL: no HTTP */
};

struct gateway_claims {
	struct arena *arena;
	struct map ports;		/* uint32_t -> struct gateway_port */
	struct map names;		/* RDS name -> first claim */
};

struct gateway_outcome {
	enum gateway_fault fault;
	bool joins_plain;		/* plain HTTP beside plain HTTP of the same bind: one group */
	const struct gateway_claim *owner;	/* who has it instead, or whom it joins, or NULL */
	const char *host;		/* GATEWAY_HOST_DUPLICATE; of GATEWAY_SECRET_CONFUSED the SDS name */
};

/* Everything in a. s->port must be there. */
void gateway_claim_init(struct gateway_claim *x, const struct gw *gw, const struct gw_server *s, uint32_t port,
			struct arena *a);
void gateway_claims_init(struct gateway_claims *c, struct arena *a);
/* What would become of x, after all that were taken before; gateway_take enters it, if it may be. */
struct gateway_outcome gateway_probe(const struct gateway_claims *c, const struct gateway_claim *x);
struct gateway_outcome gateway_take(struct gateway_claims *c, const struct gateway_claim *x);

/* How a server handles TLS. */
bool gateway_is_passthrough(const struct gw_server *s);
bool gateway_terminates_https(enum protocol protocol, const struct gw_server *s);

#endif
