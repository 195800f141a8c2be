/* SPDX-License-Identifier: Apache-2.0
 *
 * gRPC xDS: the aggregated service and those of one type, as streams (state of the world, delta)
 * and unary. All of the protocol is in xds/session; here bytes meet it.
 */
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "server/server_int.h"

enum { ADS_TYPE = -1, SEND_AHEAD = 64 * 1024 };

enum mode { MODE_SOTW, MODE_DELTA, MODE_FETCH };

/* X(path, mode, the one type that it serves) */
#define METHODS(X)                                                                                 \
	X("/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",      \
	  MODE_SOTW, ADS_TYPE)                                                                     \
	X("/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",       \
	  MODE_DELTA, ADS_TYPE)                                                                    \
	X("/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters", MODE_SOTW, XDS_CDS)  \
	X("/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters", MODE_DELTA, XDS_CDS)  \
	X("/envoy.service.cluster.v3.ClusterDiscoveryService/FetchClusters", MODE_FETCH, XDS_CDS)  \
	X("/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints", MODE_SOTW,        \
	  XDS_EDS)                                                                                 \
	X("/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints", MODE_DELTA,        \
	  XDS_EDS)                                                                                 \
	X("/envoy.service.endpoint.v3.EndpointDiscoveryService/FetchEndpoints", MODE_FETCH,        \
	  XDS_EDS)                                                                                 \
	X("/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners", MODE_SOTW,        \
	  XDS_LDS)                                                                                 \
	X("/envoy.service.listener.v3.ListenerDiscoveryService/DeltaListeners", MODE_DELTA,        \
	  XDS_LDS)                                                                                 \
	X("/envoy.service.listener.v3.ListenerDiscoveryService/FetchListeners", MODE_FETCH,        \
	  XDS_LDS)                                                                                 \
	X("/envoy.service.route.v3.RouteDiscoveryService/StreamRoutes", MODE_SOTW, XDS_RDS)        \
	X("/envoy.service.route.v3.RouteDiscoveryService/DeltaRoutes", MODE_DELTA, XDS_RDS)        \
	X("/envoy.service.route.v3.RouteDiscoveryService/FetchRoutes", MODE_FETCH, XDS_RDS)        \
	X("/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets", MODE_SOTW, XDS_SDS)     \
	X("/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets", MODE_DELTA, XDS_SDS)     \
	X("/envoy.service.secret.v3.SecretDiscoveryService/FetchSecrets", MODE_FETCH, XDS_SDS)

struct method_info {
	enum mode mode;
	int only_type;
};

static void rejected(void *arg, const struct session_reject *r)
{
	struct client *c = arg;
	const struct xds_type_info *info = xds_type_info(r->type);

	metric_add(&c->server->metrics, M_XDS_REJECTS, info->rest, 1);
	log_warn("ads", "%s rejected %s %s: %s", c->proxy.id, info->short_name,
		 r->name ? r->name : "(not named)", r->text);
	if (!r->res)
		return;
	reporter_refused(c->server->reporter, c->id, c->proxy.id, r->res, r->text);
	for (size_t i = 0; i < r->res->n_origins; i++) {
		const struct res_origin *o = &r->res->origins[i];

		log_warn("ads", "  it came from %s %s/%s", kind_info(o->kind)->name, o->ns,
			 o->name);
	}
}

static void acked(void *arg, enum xds_type type, const char *version, int64_t took_ms)
{
	struct client *c = arg;

	(void)type;
	(void)version;
	metric_observe(&c->server->metrics, M_CONVERGENCE, NULL, (double)took_ms / 1000);
}

static const struct session_events *events_of(struct client *c, struct session_events *out)
{
	*out = (struct session_events){.arg = c, .rejected = rejected, .acked = acked};
	return out;
}

/* Sends while there is something to send and the connection takes it. */
static void push(void *arg)
{
	struct client *c = arg;
	struct server *s = c->server;
	struct buf *out = &s->scratch;

	while (c->call && session_wants_to_send(c->session) && grpc_pending(c->call) < SEND_AHEAD) {
		buf_clear(out);
		if (!session_next(c->session, loop_now_ms(s->loop), out))
			break;
		if (out->failed) {
			log_error("ads", "%s: a response is larger than the limit", c->proxy.id);
			grpc_finish(c->call, GRPC_RESOURCE_EXHAUSTED,
				    "the response is larger than the limit");
			return;
		}
		grpc_send(c->call, out->p ? out->p : "", out->n);
		if (c->is_fetch) {
			grpc_finish(c->call, GRPC_OK, NULL);
			return;
		}
	}
}

static void updated(struct subscriber *sub, struct bundle *b)
{
	struct client *c = (struct client *)((char *)sub - offsetof(struct client, sub));

	session_set_bundle(c->session, b);
	loop_task_kick(c->server->loop, &c->push);
}

static void open_call(struct grpc_call *call)
{
	struct server *s = call->arg;
	const struct method_info *info = call->method->info;
	struct client *c = client_new(s, call->peer,
				      info->mode == MODE_DELTA	? "delta"
				      : info->mode == MODE_SOTW ? "sotw"
								: "fetch");
	struct session_opts opts = {
	    .delta = info->mode == MODE_DELTA, .only_type = info->only_type, .id = c->id};
	struct session_events events;

	c->call = call;
	c->caller = call->caller;
	c->is_fetch = info->mode == MODE_FETCH;
	c->session = session_new(publisher_table(s->pub), &opts, events_of(c, &events));
	c->push = (struct loop_task){.fn = push, .arg = c, .phase = LOOP_PUSH};
	c->sub.updated = updated;
	call->state = c;
	if (s->stopping)
		grpc_finish(call, GRPC_UNAVAILABLE, "the server is going away");
}

static void refuse(struct client *c, enum grpc_status status, const char *why)
{
	metric_add(&c->server->metrics, M_XDS_REQUESTS_BAD, NULL, 1);
	log_warn("ads", "%s %s: request refused: %s", c->peer,
		 c->has_proxy ? c->proxy.id : "(no node yet)", why);
	grpc_finish(c->call, status, why);
}

/* A type has a need of its own beyond its method's: secrets. */
static bool may_ask(const struct client *c, const struct xds_request *r, int only_type)
{
	int type = only_type;

	for (int t = 0; type == ADS_TYPE && t < XDS_TYPES; t++)
		if (!strcmp(r->type_url, xds_type_info((enum xds_type)t)->type_url))
			type = t;
	return type == ADS_TYPE || admit_type(c->server, (enum xds_type)type, c->call->from, c->caller);
}

/* The first request tells who it is; from then on the client follows its view. */
static int meet(struct client *c, const struct xds_request *r, struct err *e)
{
	struct bundle *b;

	if (!r->has_node)
		return err_set(e, ERR_SYNTAX, "the first request must carry the node");
	if (client_identify(c, &r->node, NULL, e))
		return -1;
	log_info("ads", "%s connected from %s, %s, %s", c->proxy.id, c->peer, c->protocol,
		 c->user_agent);
	publisher_subscribe(c->server->pub, &c->sub);
	b = publisher_bundle(&c->sub);
	if (b)
		session_set_bundle(c->session, b);
	return 0;
}

static void message(struct grpc_call *call, const uint8_t *p, size_t n)
{
	struct client *c = call->state;
	const struct method_info *info = call->method->info;
	struct xds_request r;
	struct arena a;
	struct err e;

	arena_init(&a, 0);
	if (xds_request_decode(p, n, info->mode == MODE_DELTA, &a, &r, &e))
		refuse(c, GRPC_INVALID_ARGUMENT, e.text);
	else if (!may_ask(c, &r, info->only_type))
		refuse(c, GRPC_PERMISSION_DENIED, "secrets are not for this caller");
	else if (!c->has_proxy && meet(c, &r, &e))
		refuse(c, e.code == ERR_REFUSED ? GRPC_PERMISSION_DENIED : GRPC_INVALID_ARGUMENT, e.text);
	else if (session_receive(c->session, &r, loop_now_ms(c->server->loop), &e))
		refuse(c, GRPC_INVALID_ARGUMENT, e.text);
	else
		loop_task_kick(c->server->loop, &c->push);
	arena_fini(&a);
}

static void half_close(struct grpc_call *call)
{
	struct client *c = call->state;

	if (!c->is_fetch) /* a unary call has sent all it will with its one message */
		grpc_finish(call, GRPC_OK, NULL);
}

static void writable(struct grpc_call *call)
{
	struct client *c = call->state;

	if (session_wants_to_send(c->session))
		loop_task_kick(c->server->loop, &c->push);
}

static void closed(struct grpc_call *call)
{
	struct client *c = call->state;

	if (c->has_proxy)
		log_info("ads", "%s disconnected", c->proxy.id);
	client_count_sent(c, c->server->sent);
	c->call = NULL;
	client_free(c);
}

const struct grpc_method ads_methods[] = {
#define X(p, mode, type)                                                                           \
	{.path = p,                                                                                \
	 .info = &(const struct method_info){mode, type},                                          \
	 .open = open_call,                                                                        \
	 .message = message,                                                                       \
	 .half_close = half_close,                                                                 \
	 .writable = writable,                                                                     \
	 .closed = closed},
    METHODS(X)
#undef X
};
const size_t n_ads_methods = ARRAY_LEN(ads_methods);
