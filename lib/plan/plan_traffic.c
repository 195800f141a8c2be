/* SPDX-License-Identifier: Apache-2.0
 *
 * What a traffic policy says of a cluster's connections, balancing and ejection
 * (istio-behaviour.md 1.4.2-1.4.4).
 */
#include "plan/plan_cluster_int.h"

enum {
	DEFAULT_RING_SIZE = 1024,
	DEFAULT_WARMUP_PERCENT = 10,
	RETRY_BUDGET_PERCENT = 20,
	RETRY_BUDGET_MIN = 3,
};
#define NS_PER_S   1000000000LL
#define ANY_NUMBER UINT32_MAX

/* ---- connection pool ---- */

/* A keepalive of the mesh with the rule's fields laid on top, or NULL. */
static const struct ir_keepalive *keepalive_of(const struct plan *p, const struct tcp_keepalive *own, struct arena *a)
{
	const struct tcp_keepalive *layers[] = {p->snap->mesh->tcp_keepalive, own};
	struct ir_keepalive *k;

	if (!layers[0] && !layers[1])
		return NULL;
	k = arena_new(a, struct ir_keepalive);
	for (size_t i = 0; i < 2; i++) {
		const struct tcp_keepalive *t = layers[i];

		if (t && t->probes)
			k->probes = (struct opt_u32){true, t->probes};
		if (t && t->time.has)
			k->time_s = (struct opt_u32){true, (uint32_t)(t->time.ns / NS_PER_S)};
		if (t && t->interval.has)
			k->interval_s = (struct opt_u32){true, (uint32_t)(t->interval.ns / NS_PER_S)};
	}
	return k;
}

/* No limit at all: Istio's default, where Envoy's is low. */
static struct ir_thresholds *no_limits(struct arena *a)
{
	struct ir_thresholds *t = arena_new(a, struct ir_thresholds);

	*t = (struct ir_thresholds){.max_connections = ANY_NUMBER, .max_pending_requests = ANY_NUMBER,
				    .max_requests = ANY_NUMBER, .max_retries = ANY_NUMBER};
	return t;
}

static void set_if(uint32_t *to, int32_t v)
{
	if (v > 0)
		*to = (uint32_t)v;
}

static void apply_pool_http(struct ir_cluster *c, struct ir_thresholds *t, const struct pool_http *http)
{
	set_if(&t->max_pending_requests, http->http1_max_pending_requests);
	set_if(&t->max_requests, http->http2_max_requests);
	set_if(&t->max_retries, http->max_retries);
	set_if(&c->max_requests_per_connection, http->max_requests_per_connection);
	c->idle_timeout = http->idle_timeout;
	if (http->use_client_protocol)
		c->protocol = IR_HTTP_DOWNSTREAM;
	if (c->protocol != IR_HTTP2)
		return;
	set_if(&c->max_concurrent_streams, http->max_concurrent_streams);
	if (http->http2_keepalive) {
		c->h2_ping_interval = http->http2_keepalive->interval;
		c->h2_ping_timeout = http->http2_keepalive->timeout;
	}
}

static void apply_pool_tcp(struct ir_cluster *c, struct ir_thresholds *t, const struct pool_tcp *tcp)
{
	set_if(&t->max_connections, tcp->max_connections);
	if (tcp->connect_timeout.has)
		c->connect_timeout = tcp->connect_timeout;
	c->max_connection_duration = tcp->max_connection_duration;
	if (!c->idle_timeout.has)
		c->idle_timeout = tcp->idle_timeout;
}

struct ir_thresholds *traffic_pool(const struct plan *p, struct ir_cluster *c, const struct connection_pool *pool,
				   struct arena *a)
{
	struct ir_thresholds *t = no_limits(a);

	c->thresholds = t;
	c->connect_timeout = p->snap->mesh->connect_timeout;
	if (pool && pool->http)
		apply_pool_http(c, t, pool->http);
	if (pool && pool->tcp)
		apply_pool_tcp(c, t, pool->tcp);
	c->keepalive = keepalive_of(p, pool && pool->tcp ? pool->tcp->tcp_keepalive : NULL, a);
	/* HTTP options need a protocol beside them */
	if (c->protocol == IR_HTTP_NONE && (c->idle_timeout.has || c->max_connection_duration.has || c->max_requests_per_connection))
		c->protocol = IR_HTTP1;
	return t;
}

void traffic_connection(const struct plan *p, struct ir_cluster *c, bool http)
{
	const struct proxy_config *config = p->view->config;

	if (config->connection_settings)
		c->buffer_limit = config->connection_settings->cluster_buffer;
	c->preserve_case = http && config->proxy_headers && config->proxy_headers->preserve_case.has &&
			   config->proxy_headers->preserve_case.v;
	/* it is an HTTP option */
	if (c->preserve_case && c->protocol == IR_HTTP_NONE)
		c->protocol = IR_HTTP1;
}

void traffic_retry_budget(struct ir_thresholds *t, const struct retry_budget *b)
{
	if (!b)
		return;
	t->has_retry_budget = true;
	t->budget_percent = b->percent.has ? b->percent.v : RETRY_BUDGET_PERCENT;
	t->budget_interval = b->budget_interval;
	t->min_retry_concurrency = b->min_retry_concurrency ? b->min_retry_concurrency : RETRY_BUDGET_MIN;
}

/* HTTP/1.1 to HTTP/2: the rule decides, else the mesh, and that for ports named as HTTP only. */
bool traffic_upgrades_h2(const struct plan *p, enum protocol protocol, const struct pool_http *http)
{
	if (http && http->use_client_protocol)
		return false;
	if (http && http->h2_upgrade_policy == H2_UPGRADE_UPGRADE)
		return true;
	if ((http && http->h2_upgrade_policy == H2_UPGRADE_DO_NOT_UPGRADE) || !protocol_is_http(protocol))
		return false;
	return p->snap->mesh->h2_upgrade_policy == MESH_H2_UPGRADE;
}

enum ir_protocol traffic_protocol(const struct plan *p, enum protocol protocol)
{
	if (protocol_is_http2(protocol))
		return IR_HTTP2;
	return protocol == PROTO_UNSUPPORTED && p->view->type != PROXY_ROUTER ? IR_HTTP_DOWNSTREAM : IR_HTTP_NONE;
}

/* ---- load balancing and ejection ---- */

static const struct ir_slow_start *slow_start(const struct load_balancer *lb, struct arena *a)
{
	struct ir_slow_start *s;

	if (!lb->warmup && !lb->warmup_duration_secs.has)
		return NULL;
	s = arena_new(a, struct ir_slow_start);
	if (!lb->warmup) {
		s->window = lb->warmup_duration_secs;
		return s;
	}
	s->window = lb->warmup->duration;
	s->aggression = (struct opt_double){true, lb->warmup->aggression.has ? lb->warmup->aggression.v : 1};
	s->min_percent = (struct opt_double){true, lb->warmup->minimum_percent.has ? lb->warmup->minimum_percent.v
										   : DEFAULT_WARMUP_PERCENT};
	return s;
}

static void apply_hash(struct ir_cluster *c, const struct consistent_hash *h)
{
	if (h->maglev) {
		c->lb = IR_LB_MAGLEV;
		if (h->maglev->table_size > 0)
			c->maglev_table_size = (struct opt_u32){true, (uint32_t)h->maglev->table_size};
		return;
	}
	c->lb = IR_LB_RING_HASH;
	if (h->ring_hash) {
		if (h->ring_hash->minimum_ring_size > 0)
			c->ring_min_size = (struct opt_u32){true, (uint32_t)h->ring_hash->minimum_ring_size};
		return;
	}
	c->ring_min_size = (struct opt_u32){true, h->minimum_ring_size > 0 ? (uint32_t)h->minimum_ring_size : DEFAULT_RING_SIZE};
}

void traffic_lb(struct ir_cluster *c, const struct load_balancer *lb, struct arena *a)
{
	if (c->discovery == IR_ORIGINAL_DST || c->discovery == IR_DYNAMIC_DNS) {
		c->lb = IR_LB_PROVIDED;
		return;
	}
	c->lb = IR_LB_LEAST_REQUEST;
	if (!lb)
		return;
	if (lb->consistent_hash) {
		apply_hash(c, lb->consistent_hash);
		return;
	}
	if (lb->simple == LB_ROUND_ROBIN)
		c->lb = IR_LB_ROUND_ROBIN;
	else if (lb->simple == LB_RANDOM)
		c->lb = IR_LB_RANDOM;
	if (c->lb != IR_LB_RANDOM)
		c->slow_start = slow_start(lb, a);
}

void traffic_outlier(struct ir_cluster *c, const struct outlier_detection *d, bool takes_unhealthy, struct arena *a)
{
	struct ir_outlier *o;

	/* where unhealthy endpoints are sent, panic would use them */
	c->panic_percent = (struct opt_u32){true, 0};
	if (!d)
		return;
	o = arena_new(a, struct ir_outlier);
	o->consecutive_5xx = d->consecutive_5xx_errors;
	o->consecutive_gateway = d->consecutive_gateway_errors;
	o->split_local_origin = d->split_external_local_origin_errors;
	if (o->split_local_origin)
		o->consecutive_local_origin = d->consecutive_local_origin_failures;
	o->interval = d->interval;
	o->base_ejection_time = d->base_ejection_time;
	if (d->max_ejection_percent > 0)
		o->max_ejection_percent = (struct opt_u32){true, (uint32_t)d->max_ejection_percent};
	if (!takes_unhealthy)
		c->panic_percent.v = (uint32_t)d->min_health_percent;
	o->error_codes = d->http_error_codes;
	/* what counts as an error is an HTTP option */
	if (o->error_codes.n && c->protocol == IR_HTTP_NONE)
		c->protocol = IR_HTTP1;
	c->outlier = o;
}
