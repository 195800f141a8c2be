/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to lib/server: what the services share. Thread: loop.
 */
#ifndef SERVER_SERVER_INT_H
#define SERVER_SERVER_INT_H

#include <jansson.h>

#include "net/http_server.h"
#include "report/reporter.h"
#include "server/authn.h"
#include "server/authz.h"
#include "server/identity.h"
#include "server/metrics.h"
#include "server/publish.h"
#include "server/review.h"
#include "server/server.h"
#include "store/source_file.h"
#include "store/source_kube.h"
#include "xds/session.h"

struct client;

struct sent_count {
	uint64_t responses, bytes;
};

struct server {
	const struct server_opts *opts;
	struct loop *loop;
	struct job_pool *jobs;
	struct metrics metrics;
	struct store *store;
	struct source_file *files; /* or NULL */
	struct source_kube *kube;  /* or NULL */
	struct kube_access access; /* of kube */
	struct arena access_arena;
	struct reporter *reporter; /* or NULL: nothing is written to the API server */
	const char *files_state; /* path, or NULL */
	struct publisher *pub;
	struct reviews *reviews;   /* or NULL: no API server to ask */
	struct identity *identity; /* or NULL: no port with TLS */
	struct http_server *xds, *secure, *admin, *monitor, *webhook;
	struct arena tables; /* of the secure port */
	struct client *clients; /* newest first */
	size_t n_clients;
	uint64_t next_id;
	int64_t started_ms;
	struct loop_timer drain, expire;
	int64_t stop_at_ms;
	struct buf scratch;		   /* one response at a time on its way to a socket */
	struct sent_count sent[XDS_TYPES]; /* by streams that have ended */
	struct hash128 findings_hash;	   /* of the errors that were logged last */
	uint64_t findings_version;	   /* of the store, when they were looked at */
	struct hash128 certs_hash;	   /* of what was said of certificates last */
	size_t webhook_held;		   /* bytes of reviews under way */
	bool stopping;
};

/* One xds client: a gRPC stream, or a proxy that polls by REST. */
struct client {
	struct server *server;
	struct client *next, **at;
	uint64_t id;
	char peer[PEER_TEXT];
	int64_t connected_ms;
	struct arena arena; /* of proxy and the texts below */
	const struct caller *caller; /* lives as long; over plaintext CALLER_NONE */
	struct proxy proxy;
	bool has_proxy;
	const char *node_cluster, *user_agent;
	struct subscriber sub;
	/* gRPC */
	struct grpc_call *call; /* or NULL */
	struct session *session;
	const char *protocol; /* "delta", "sotw", "fetch", "rest" */
	struct loop_task push;
	bool is_fetch;
	/* REST: svc_rest.c */
	struct rest_state *rest; /* or NULL */
};

#define ROOT_NAMESPACE "istio-system"

/* write_back.c: what the API server is told. */
int write_back_open(struct server *s, struct err *e); /* nothing to do is fine */
void write_back_metrics(struct server *s);
http_fn write_back_page;

struct client *client_new(struct server *s, const char *peer, const char *protocol);
void client_free(struct client *c); /* unsubscribes */
/* Takes the node of a first request: 0, or -1 with the reason. */
int client_identify(struct client *c, const struct xds_node *node, const char *rest_cluster,
		    struct err *e);
/* "<node id>-<stream>" as istiod numbers its connections; in a. */
const char *client_connection_id(const struct client *c, struct arena *a);

/* What the client was sent and acknowledged, over either transport. */
void client_status(const struct client *c, enum xds_type t, struct session_status *out);
/* Adds what the client's stream has sent, by type. */
void client_count_sent(const struct client *c, struct sent_count sum[XDS_TYPES]);

extern const struct grpc_method ads_methods[], csr_methods[];
extern const size_t n_ads_methods, n_csr_methods;

/* HTTP routes: each file has its rows, server.c joins them into one table a port. */
extern const struct http_entry rest_routes[], csr_routes[], certs_routes[], certs_admin_routes[], admin_routes[], monitor_routes[],
    webhook_routes[];
extern const size_t n_rest_routes, n_csr_routes, n_certs_routes, n_certs_admin_routes, n_admin_routes, n_monitor_routes,
    n_webhook_routes;

/* The address without its port. */
const char *peer_host(const char *address, char out[PEER_TEXT]);
/* What every port asks before a handler runs: admit.c. */
bool admit_request(struct http_request *req, const struct http_entry *entry);
enum grpc_status admit_call(struct grpc_call *call, const char **why);
bool admit_type(const struct server *s, enum xds_type type, const struct http_peer *from, const struct caller *who);
/* RFC 9457; not to be cached. */
void reply_problem(struct http_request *req, unsigned status, const char *title, const char *detail);

/* Takes the value. */
void reply_json_value(struct http_request *req, json_t *value);

/* svc_certs.c */
void debug_certs(struct http_request *req);
struct rotation_peer *certs_peers(void *server, struct arena *a, size_t *n);	/* roots_peers_fn */
void certs_gauge(struct server *s, struct arena *a);
void certs_warn(struct server *s);

void rest_status(const struct client *c, enum xds_type t, struct session_status *out);
/* Forgets the REST clients that have not polled for long, or all. */
void rest_expire(struct server *s, bool all);

/* admin_status.c */
void statusz(struct http_request *req);
void gauge_kube(struct server *s);

#endif
