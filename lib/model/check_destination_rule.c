/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "base/scalar.h"
#include "model/check_int.h"

enum { MAGLEV_TABLE_MAX = 5000011, RING_SIZE_MAX = 8 * 1024 * 1024, /* Envoy's */ SNI_MAX = 255, NS_OF_S = 1000000000 };

/* ---- connection pool ---- */

static void check_pool_tcp(struct check *c, const struct where *w, const struct pool_tcp *p)
{
	if (!p)
		return;
	if (p->max_connections < 0)
		wrong(c, AT(w, "maxConnections"), D_POOL_INVALID, "max connections must be non-negative");
	check_duration(c, AT(w, "connectTimeout"), &p->connect_timeout);
	check_duration(c, AT(w, "maxConnectionDuration"), &p->max_connection_duration);
	/* 0 turns the idle timeout off */
	if (p->idle_timeout.has && p->idle_timeout.ns)
		check_duration(c, AT(w, "idleTimeout"), &p->idle_timeout);
	if (p->tcp_keepalive) {
		check_duration(c, AT(AT(w, "tcpKeepalive"), "time"), &p->tcp_keepalive->time);
		check_duration(c, AT(AT(w, "tcpKeepalive"), "interval"), &p->tcp_keepalive->interval);
	}
}

static void check_h2_keepalive(struct check *c, const struct where *w, const struct h2_keepalive *k)
{
	if (!k)
		return;
	if (!k->interval.has)
		wrong(c, w, D_POOL_INVALID, "http2 keepalive interval is required");
	if (!k->timeout.has)
		wrong(c, w, D_POOL_INVALID, "http2 keepalive timeout is required");
	check_duration(c, AT(w, "interval"), &k->interval);
	check_duration(c, AT(w, "timeout"), &k->timeout);
}

static void check_pool_http(struct check *c, const struct where *w, const struct pool_http *p)
{
	if (!p)
		return;
	if (p->http1_max_pending_requests < 0)
		wrong(c, AT(w, "http1MaxPendingRequests"), D_POOL_INVALID, "max pending requests must be non-negative");
	if (p->http2_max_requests < 0)
		wrong(c, AT(w, "http2MaxRequests"), D_POOL_INVALID, "max requests must be non-negative");
	if (p->max_requests_per_connection < 0)
		wrong(c, AT(w, "maxRequestsPerConnection"), D_POOL_INVALID, "max requests per connection must be non-negative");
	if (p->max_retries < 0)
		wrong(c, AT(w, "maxRetries"), D_POOL_INVALID, "max retries must be non-negative");
	if (p->max_concurrent_streams < 0)
		wrong(c, AT(w, "maxConcurrentStreams"), D_POOL_INVALID, "max concurrent streams must be non-negative");
	check_duration(c, AT(w, "idleTimeout"), &p->idle_timeout);
	if (p->h2_upgrade_policy == H2_UPGRADE_UPGRADE && p->use_client_protocol)
		wrong(c, AT(w, "useClientProtocol"), D_POOL_INVALID,
		      "use client protocol must not be true when H2UpgradePolicy is UPGRADE");
	check_h2_keepalive(c, AT(w, "http2KeepAlive"), p->http2_keepalive);
}

void check_connection_pool(struct check *c, const struct where *w, const struct connection_pool *p)
{
	if (!p)
		return;
	if (!p->tcp && !p->http)
		wrong(c, w, D_POLICY_EMPTY, "connection pool must have at least one field");
	check_pool_tcp(c, AT(w, "tcp"), p->tcp);
	check_pool_http(c, AT(w, "http"), p->http);
}

/* ---- outlier detection ---- */

void check_outlier(struct check *c, const struct where *w, const struct outlier_detection *o)
{
	if (!o)
		return;
	check_duration(c, AT(w, "interval"), &o->interval);
	check_duration(c, AT(w, "baseEjectionTime"), &o->base_ejection_time);
	check_percent(c, AT(w, "maxEjectionPercent"), o->max_ejection_percent, D_OUTLIER_INVALID);
	check_percent(c, AT(w, "minHealthPercent"), o->min_health_percent, D_OUTLIER_INVALID);
	if (o->consecutive_local_origin_failures.v && !o->split_external_local_origin_errors)
		wrong(c, AT(w, "consecutiveLocalOriginFailures"), D_OUTLIER_INVALID,
		      "consecutive local origin failures are set, but splitExternalLocalOriginErrors is not");
	for (size_t i = 0; i < o->http_error_codes.n; i++) {
		if (o->http_error_codes.v[i] < 100 || o->http_error_codes.v[i] > 599)
			wrong(c, ELEM(AT(w, "outlierDetectionHttpErrorCodes"), i), D_OUTLIER_INVALID,
			      "HTTP status %u is not in range 100-599", o->http_error_codes.v[i]);
	}
}

/* ---- locality ---- */

/* "region/zone/subzone", a '*' at the end only. */
static const char *wrong_locality(const char *s)
{
	const char *star = strchr(s, '*');
	int slashes = 0;

	if (!*s)
		return "locality must not be empty";
	if (star && star[1])
		return "wildcard '*' number can not exceed 1 and must be in the end";
	for (const char *p = s; *p; p++) {
		slashes += *p == '/';
		if (*p == '/' && (p == s || p[1] == '/' || !p[1]))
			return "locality must not contain empty region, zone or subzone";
	}
	return slashes > 2 ? "a locality has region, zone and subzone" : NULL;
}

/* True when one of the localities stands for the other one too. */
static bool localities_overlap(const char *a, const char *b)
{
	size_t na = strcspn(a, "*"), nb = strcspn(b, "*");
	bool wa = a[na] == '*', wb = b[nb] == '*';

	/* "region/" of "region/" + "*" and "region" alone are one place */
	if (wa && !strncmp(a, b, na))
		return true;
	if (wb && !strncmp(a, b, nb))
		return true;
	na = strlen(a);
	nb = strlen(b);
	if (na <= nb)
		return !strncmp(a, b, na) && (!b[na] || b[na] == '/');
	return !strncmp(a, b, nb) && a[nb] == '/';
}

static void check_localities(struct check *c, const struct where *w, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *why = wrong_locality(v[i]);

		if (why)
			wrong(c, w, D_LOCALITY_INVALID, "locality \"%s\": %s", v[i], why);
		for (size_t k = 0; k < i && n <= 1000; k++) {
			if (localities_overlap(v[i], v[k])) {
				wrong(c, w, D_LOCALITY_INVALID, "locality %s overlaps with %s", v[i], v[k]);
				break;
			}
		}
	}
}

static void check_distribute(struct check *c, const struct where *w, const struct locality_lb *l)
{
	struct arena *a = c->ds->arena;
	const char **from = arena_array(a, const char *, l->n_distribute);

	for (size_t i = 0; i < l->n_distribute; i++) {
		const struct locality_distribute *d = &l->distribute[i];
		const struct where *at = ELEM(w, i);
		const char **to = arena_array(a, const char *, d->to.n);
		uint64_t sum = 0;

		from[i] = d->from ? d->from : "";
		for (size_t k = 0; k < d->to.n; k++) {
			to[k] = d->to.v[k].key;
			sum += d->to.v[k].value;
			if (!d->to.v[k].value || d->to.v[k].value > 100)
				wrong(c, AT(AT(at, "to"), to[k]), D_LOCALITY_INVALID, "locality weight must be in range [1, 100]");
		}
		if (sum != 100)
			wrong(c, AT(at, "to"), D_LOCALITY_INVALID, "total locality weight %llu != 100", (unsigned long long)sum);
		check_localities(c, AT(at, "to"), to, d->to.n);
	}
	check_localities(c, w, from, l->n_distribute);
}

static void check_failover(struct check *c, const struct where *w, const struct locality_failover *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *from = v[i].from ? v[i].from : "", *to = v[i].to ? v[i].to : "";
		const struct where *at = ELEM(w, i);

		if (!strcmp(from, to))
			wrong(c, at, D_LOCALITY_INVALID, "locality lb failover settings must specify different regions");
		if (strchr(from, '/') || strchr(to, '/'))
			wrong(c, at, D_LOCALITY_INVALID, "locality lb failover only specify region");
		if (strchr(from, '*') || strchr(to, '*'))
			wrong(c, at, D_LOCALITY_INVALID, "locality lb failover region should not contain '*' wildcard");
	}
}

void check_locality_lb(struct check *c, const struct where *w, const struct locality_lb *l, bool has_outlier)
{
	if (!l)
		return;
	if (l->n_distribute && l->n_failover)
		wrong(c, w, D_LOCALITY_INVALID, "can not simultaneously specify 'distribute' and 'failover'");
	if (l->n_distribute && l->failover_priority.n)
		wrong(c, w, D_LOCALITY_INVALID, "can not simultaneously specify 'distribute' and 'failoverPriority'");
	if (l->n_failover && !has_outlier)
		wrong(c, w, D_SETTING_HEAVY, "failover needs outlierDetection to notice that a region fails");
	if (l->n_distribute)
		check_distribute(c, AT(w, "distribute"), l);
	check_failover(c, AT(w, "failover"), l->failover, l->n_failover);
}

void check_zone_aware_lb(struct check *c, const struct where *w, const struct zone_aware_lb *l)
{
	if (!l)
		return;
	if (l->min_cluster_size.has && !l->min_cluster_size.v)
		wrong(c, AT(w, "minClusterSize"), D_LOCALITY_INVALID, "minClusterSize must be at least 1");
	check_failover(c, AT(w, "failover"), l->failover, l->n_failover);
}

/* ---- load balancer ---- */

static void check_cookie(struct check *c, const struct where *w, const struct hash_cookie *k)
{
	if (!k)
		return;
	if (k->ttl.has && k->ttl.ns > 0)
		check_duration(c, AT(w, "ttl"), &k->ttl);
	if (k->ttl.has && k->ttl.ns < 0)
		wrong(c, AT(w, "ttl"), D_BALANCER_INVALID, "ttl must not be negative");
	for (size_t i = 0; i < k->n_attributes; i++) {
		for (size_t j = 0; j < i; j++) {
			if (!strcmp(k->attributes[i].name, k->attributes[j].name)) {
				wrong(c, ELEM(AT(w, "attributes"), i), D_BALANCER_INVALID, "duplicate cookie attribute %s",
				      k->attributes[i].name);
				break;
			}
		}
	}
}

/* Envoy takes no other table, and finds out only when the cluster is warm: it waits for it ever after. */
static bool is_prime(int64_t n)
{
	for (int64_t i = 2; i * i <= n; i++) {
		if (n % i == 0)
			return false;
	}
	return n > 1;
}

static void check_hash(struct check *c, const struct where *w, const struct consistent_hash *h)
{
	if (!h)
		return;
	if (given(h->http_header_name) && h->http_header_name[strcspn(h->http_header_name, "\r\n")])
		wrong(c, AT(w, "httpHeaderName"), D_HEADER_INVALID, "a header's name has no line breaks");
	check_cookie(c, AT(w, "httpCookie"), h->http_cookie);
	if (h->minimum_ring_size < 0 || (h->ring_hash && h->ring_hash->minimum_ring_size < 0))
		wrong(c, w, D_BALANCER_INVALID, "minimumRingSize must not be negative");
	if (h->minimum_ring_size > RING_SIZE_MAX || (h->ring_hash && h->ring_hash->minimum_ring_size > RING_SIZE_MAX))
		wrong(c, w, D_BALANCER_INVALID, "minimumRingSize must be at most %d", RING_SIZE_MAX);
	if (h->minimum_ring_size && (h->ring_hash || h->maglev))
		wrong(c, w, D_BALANCER_INVALID, "only one of minimumRingSize, maglev and ringHash can be specified");
	if (h->maglev && (h->maglev->table_size < 0 || h->maglev->table_size > MAGLEV_TABLE_MAX))
		wrong(c, AT(w, "maglev"), D_BALANCER_INVALID, "tableSize must be within 0 and %d", MAGLEV_TABLE_MAX);
	else if (h->maglev && h->maglev->table_size && !is_prime(h->maglev->table_size))
		wrong(c, AT(w, "maglev"), D_BALANCER_INVALID, "tableSize %lld is no prime number",
		      (long long)h->maglev->table_size);
}

static void check_load_balancer(struct check *c, const struct where *w, const struct load_balancer *l, bool has_outlier)
{
	if (!l)
		return;
	check_hash(c, AT(w, "consistentHash"), l->consistent_hash);
	check_locality_lb(c, AT(w, "localityLbSetting"), l->locality_lb_setting, has_outlier);
	check_zone_aware_lb(c, AT(w, "zoneAwareLbSetting"), l->zone_aware_lb_setting);
	check_duration(c, AT(w, "warmupDurationSecs"), &l->warmup_duration_secs);
	if (l->warmup_duration_secs.has && l->warmup)
		wrong(c, w, D_BALANCER_INVALID, "warmup and warmupDurationSecs exclude each other");
	if (l->warmup) {
		const struct where *at = AT(w, "warmup");

		check_duration(c, AT(at, "duration"), &l->warmup->duration);
		if (l->warmup->minimum_percent.has)
			check_percent(c, AT(at, "minimumPercent"), l->warmup->minimum_percent.v, D_BALANCER_INVALID);
		if (l->warmup->aggression.has && l->warmup->aggression.v < 0)
			wrong(c, AT(at, "aggression"), D_BALANCER_INVALID, "aggression must not be negative");
	}
}

/* ---- TLS ---- */

static void check_client_tls(struct check *c, const struct where *w, const struct client_tls *t)
{
	if (!t)
		return;
	if (given(t->sni) && strlen(t->sni) > SNI_MAX)
		wrong(c, AT(w, "sni"), D_TLS_INVALID, "sni has at most %d characters", SNI_MAX);
	if (t->insecure_skip_verify.has && t->insecure_skip_verify.v &&
	    (given(t->ca_certificates) || given(t->credential_name) || t->subject_alt_names.n) && t->mode == CLIENT_TLS_SIMPLE)
		wrong(c, w, D_TLS_INVALID,
		      "cannot specify caCertificates, credentialName or subjectAltNames when insecureSkipVerify is true");
	if (t->insecure_skip_verify.has && t->insecure_skip_verify.v && t->mode == CLIENT_TLS_MUTUAL &&
	    (given(t->ca_certificates) || t->subject_alt_names.n))
		wrong(c, w, D_TLS_INVALID, "cannot specify caCertificates or subjectAltNames when insecureSkipVerify is true");
	if ((t->mode == CLIENT_TLS_SIMPLE || t->mode == CLIENT_TLS_MUTUAL) && given(t->credential_name)) {
		if (given(t->client_certificate) || given(t->private_key) || given(t->ca_certificates) || given(t->ca_crl))
			wrong(c, w, D_TLS_INVALID, "cannot specify certificates, keys or lists as files if credentialName is set");
		return;
	}
	if (t->mode != CLIENT_TLS_MUTUAL)
		return;
	if (!given(t->client_certificate))
		wrong(c, w, D_TLS_INVALID, "client certificate required for mutual tls");
	if (!given(t->private_key))
		wrong(c, w, D_TLS_INVALID, "private key required for mutual tls");
}

/* ---- policies ---- */

/* An IP address; IPv6 may stand in brackets. */
static bool is_address(const char *s, struct arena *a)
{
	size_t n = strlen(s);

	if (n > 2 && s[0] == '[' && s[n - 1] == ']')
		s = arena_strndup(a, s + 1, n - 2);
	return scalar_is_ip(s);
}

static void check_tunnel(struct check *c, const struct where *w, const struct tunnel *t)
{
	if (!t)
		return;
	if (t->target_host && !is_address(t->target_host, c->ds->arena) && wrong_fqdn(t->target_host))
		wrong(c, AT(w, "targetHost"), D_TUNNEL_INVALID, "\"%s\" is no host or address", t->target_host);
	check_port(c, AT(w, "targetPort"), t->target_port);
	if (given(t->protocol) && strcasecmp(t->protocol, "CONNECT") != 0 && strcasecmp(t->protocol, "POST") != 0)
		wrong(c, AT(w, "protocol"), D_TUNNEL_INVALID, "tunnel protocol must be CONNECT or POST, not \"%s\"", t->protocol);
}

static void check_port_policies(struct check *c, const struct where *w, const struct traffic_policy *p)
{
	for (size_t i = 0; i < p->n_port_level_settings; i++) {
		const struct port_policy *s = &p->port_level_settings[i];
		const struct where *at = ELEM(w, i);

		if (!s->port)
			wrong(c, at, D_PORT_INVALID, "portLevelSettings must have a port");
		else
			check_port(c, AT(AT(at, "port"), "number"), s->port->number);
		if (!s->load_balancer && !s->connection_pool && !s->outlier_detection && !s->tls)
			wrong(c, at, D_POLICY_EMPTY, "port traffic policy must have at least one field");
		check_outlier(c, AT(at, "outlierDetection"), s->outlier_detection);
		check_connection_pool(c, AT(at, "connectionPool"), s->connection_pool);
		check_load_balancer(c, AT(at, "loadBalancer"), s->load_balancer, s->outlier_detection != NULL);
		check_client_tls(c, AT(at, "tls"), s->tls);
	}
}

static void check_traffic_policy(struct check *c, const struct where *w, const struct traffic_policy *p)
{
	if (!p)
		return;
	if (!p->load_balancer && !p->connection_pool && !p->outlier_detection && !p->tls && !p->n_port_level_settings &&
	    !p->tunnel && !p->proxy_protocol && !p->retry_budget)
		wrong(c, w, D_POLICY_EMPTY, "traffic policy must have at least one field");
	check_outlier(c, AT(w, "outlierDetection"), p->outlier_detection);
	check_connection_pool(c, AT(w, "connectionPool"), p->connection_pool);
	check_load_balancer(c, AT(w, "loadBalancer"), p->load_balancer, p->outlier_detection != NULL);
	check_client_tls(c, AT(w, "tls"), p->tls);
	check_tunnel(c, AT(w, "tunnel"), p->tunnel);
	if (p->tunnel && p->proxy_protocol)
		wrong(c, w, D_TUNNEL_INVALID, "tunnel and proxyProtocol must not be set together");
	if (p->retry_budget && p->retry_budget->percent.has)
		check_percent(c, AT(AT(w, "retryBudget"), "percent"), p->retry_budget->percent.v, D_RETRY_INVALID);
	if (p->retry_budget)
		check_duration(c, AT(AT(w, "retryBudget"), "budgetInterval"), &p->retry_budget->budget_interval);
	check_port_policies(c, AT(w, "portLevelSettings"), p);
}

void check_destination_rule(struct check *c, const void *spec)
{
	const struct destination_rule *r = spec;

	check_host(c, AT(SPEC, "host"), r->host);
	check_traffic_policy(c, AT(SPEC, "trafficPolicy"), r->traffic_policy);
	for (size_t i = 0; i < r->n_subsets; i++) {
		const struct where *at = ELEM(AT(SPEC, "subsets"), i);

		check_subset_name(c, AT(at, "name"), r->subsets[i].name);
		check_labels(c, AT(at, "labels"), &r->subsets[i].labels);
		check_traffic_policy(c, AT(at, "trafficPolicy"), r->subsets[i].traffic_policy);
	}
	check_export_to(c, &r->export_to, 0);
	if (!r->workload_selector)
		return;
	check_selector(c, AT(AT(SPEC, "workloadSelector"), "matchLabels"), &r->workload_selector->match_labels);
	for (size_t i = 0; i < r->export_to.n; i++) {
		if (strcmp(r->export_to.v[i], ".") != 0 && strcmp(r->export_to.v[i], c->obj->ns) != 0)
			wrong(c, ELEM(AT(SPEC, "exportTo"), i), D_EXPORT_TO_INVALID,
			      "a rule with workloadSelector can be exported to its own namespace only");
	}
}
