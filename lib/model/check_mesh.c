/* SPDX-License-Identifier: Apache-2.0
 *
 * MeshConfig and MeshNetworks. What the tables leave free-form (tracing, providers) is checked on
 * the nodes. Unknown fields are warnings here, as Istio passes over them too.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "base/must.h"
#include "base/scalar.h"
#include "model/check_int.h"
#include "model/meshconf.h"

enum { MS = 1000000 };
static const int64_t CONNECT_TIMEOUT_MAX_NS = 30 * 1000000000LL, S = 1000000000LL;

#define TOP(name) (&(const struct where){NULL, (name), 0})

/* "host:port". */
static void check_address(struct check *c, const struct where *w, const char *s)
{
	const char *colon = s ? strrchr(s, ':') : NULL;
	int64_t port;
	char *host;

	if (!s)
		return;
	if (!colon || scalar_int(colon + 1, 1, 65535, &port)) {
		wrong(c, w, D_MESH_INVALID, "\"%s\" is no address: expected host:port", s);
		return;
	}
	host = arena_strndup(c->ds->arena, s, (size_t)(colon - s));
	if (*host == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
	}
	if (!scalar_is_ip(host) && wrong_fqdn(host))
		wrong(c, w, D_MESH_INVALID, "\"%s\" is no host name or IP address", host);
}

/* ---- defaultConfig ---- */

static void check_custom_tag(struct check *c, const struct where *w, const char *name, const struct node *tag)
{
	static const struct {
		const char *kind, *field;
	} kinds[] = {{"literal", "value"}, {"environment", "name"}, {"header", "name"}};

	if (!*name)
		wrong(c, w, D_MESH_INVALID, "a custom tag without name");
	if (tag->kind != NODE_MAP)
		wrong(c, w, D_MESH_INVALID, "a custom tag without value");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct node *n = node_get(tag, kinds[i].kind);

		if (n && !given(node_text(n, kinds[i].field)))
			wrong(c, AT(w, kinds[i].kind), D_MESH_INVALID, "%s must not be empty", kinds[i].field);
	}
}

static void check_tracer(struct check *c, const struct where *w, const struct node *tracing)
{
	static const char *const kinds[] = {"lightstep", "zipkin", "datadog"};
	const struct node *tags = node_get(tracing, "customTags");
	const struct node *sampling = node_get(tracing, "sampling");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct node *tracer = node_get(tracing, kinds[i]);
		const struct where *at = AT(w, kinds[i]);

		if (!tracer)
			continue;
		if (!given(node_text(tracer, "address")))
			wrong(c, at, D_MESH_INVALID, "address is required");
		else
			check_address(c, AT(at, "address"), node_text(tracer, "address"));
		if (!strcmp(kinds[i], "lightstep") && !given(node_text(tracer, "accessToken")))
			wrong(c, at, D_MESH_INVALID, "access token is required");
	}
	if (sampling && sampling->kind == NODE_NUMBER)
		check_percent(c, AT(w, "sampling"), strtod(sampling->text, NULL), D_MESH_INVALID);
	for (size_t i = 0; tags && tags->kind == NODE_MAP && i < tags->n; i++)
		check_custom_tag(c, AT(AT(w, "customTags"), tags->map[i].key), tags->map[i].key, &tags->map[i].value);
}

static void check_key_provider(struct check *c, const struct where *w, const struct node *provider)
{
	static const char *const kinds[] = {"cryptomb", "qat"};
	bool any = false;
	int64_t ns;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct node *p = node_get(provider, kinds[i]);
		const char *delay = node_text(p, "pollDelay");

		if (!p)
			continue;
		any = true;
		if (!delay)
			wrong(c, AT(w, kinds[i]), D_MESH_INVALID, "pollDelay is required");
		else if (scalar_duration_ns(delay, &ns))
			wrong(c, AT(AT(w, kinds[i]), "pollDelay"), D_MESH_INVALID, "\"%s\" is no duration", delay);
		else if (!ns)
			wrong(c, AT(AT(w, kinds[i]), "pollDelay"), D_MESH_INVALID, "pollDelay must be non zero");
	}
	if (!any)
		wrong(c, w, D_MESH_INVALID, "a private key provider must be cryptomb or qat");
}

/* Variables that a plan reads (mesh/proxy_settings.c): a wrong value would go unseen, and with it what it stands for. */
static void check_environment(struct check *c, const struct where *w, const struct strmap *env)
{
	static const char *const policies[] = {"fips-140-2", "fips-140-3", "pqc"};
	const char *policy = strmap_get(env, "COMPLIANCE_POLICY");

	for (size_t i = 0; given(policy) && i < ARRAY_LEN(policies); i++)
		if (strcmp(policy, policies[i]) == 0)
			return;
	if (given(policy))
		wrong(c, AT(w, "COMPLIANCE_POLICY"), D_SETTING_IGNORED, "\"%.100s\" is none of fips-140-2, fips-140-3, pqc", policy);
}

static void check_drain(struct check *c, const struct where *w, const struct opt_duration *d)
{
	check_duration(c, w, d);
	if (d->has && d->ns >= MS && d->ns % S)
		wrong(c, w, D_DURATION_INVALID, "only durations to seconds precision are supported");
}

/* What Envoy takes. A time of zero is none. */
static void check_connection_settings(struct check *c, const struct where *w, const struct connection_settings *s)
{
	enum { WINDOW_MIN = 65535 };
	const struct {
		const char *key;
		const struct opt_u32 *v;
		uint32_t least;
	} numbers[] = {
		{"httpMaxConcurrentStreams", &s->max_streams, 1},
		{"http2InitialStreamWindowSize", &s->stream_window, WINDOW_MIN},
		{"http2InitialConnectionWindowSize", &s->connection_window, WINDOW_MIN},
	};
	const struct {
		const char *key;
		const struct opt_duration *v;
	} times[] = {
		{"httpIdleTimeout", &s->idle_timeout}, {"httpRequestTimeout", &s->request_timeout},
		{"httpStreamIdleTimeout", &s->stream_idle_timeout}, {"httpRequestHeadersTimeout", &s->headers_timeout},
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (numbers[i].v->has && (numbers[i].v->v < numbers[i].least || numbers[i].v->v > INT32_MAX))
			wrong(c, AT(w, numbers[i].key), D_MESH_INVALID, "%u is not in the range %u..%d", numbers[i].v->v,
			      numbers[i].least, INT32_MAX);
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		if (times[i].v->ns)
			check_duration(c, AT(w, times[i].key), times[i].v);
	}
}

bool connection_settings_are_valid(const struct node *root, const struct connection_settings *s, struct arena *a)
{
	struct diags ds;
	struct check c = {.root = root, .mode = SCHEMA_LENIENT, .ds = &ds};

	diags_init(&ds, a);
	check_connection_settings(&c, TOP("connectionSettings"), s);
	return !ds.nerrors;
}

static void check_default_config(struct check *c, const struct where *w, const struct node *n, const struct proxy_config *p)
{
	static const char *const required[] = {"configPath", "binaryPath", "serviceCluster"};
	static const char *const services[] = {"envoyAccessLogService", "envoyMetricsService"};

	for (size_t i = 0; i < ARRAY_LEN(required); i++) {
		const char *s = node_text(n, required[i]);

		if (s && !*s)
			wrong(c, AT(w, required[i]), D_MESH_INVALID, "%s must be set", required[i]);
	}
	check_drain(c, AT(w, "drainDuration"), &p->drain_duration);
	check_drain(c, AT(w, "terminationDrainDuration"), &p->termination_drain_duration);
	if (given(p->discovery_address))
		check_address(c, AT(w, "discoveryAddress"), p->discovery_address);
	if (given(node_text(n, "statsdUdpAddress")))
		check_address(c, AT(w, "statsdUdpAddress"), node_text(n, "statsdUdpAddress"));
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		const char *address = node_text(node_get(n, services[i]), "address");

		if (given(address) && strncmp(address, "unix:", 5) != 0)
			check_address(c, AT(AT(w, services[i]), "address"), address);
	}
	if (p->connection_settings)
		check_connection_settings(c, AT(w, "connectionSettings"), p->connection_settings);
	if (node_get(n, "proxyAdminPort"))
		check_port(c, AT(w, "proxyAdminPort"), p->proxy_admin_port);
	if (node_get(n, "statusPort"))
		check_port(c, AT(w, "statusPort"), p->status_port);
	check_environment(c, AT(w, "proxyMetadata"), &p->proxy_metadata);
	if (p->concurrency.has && p->concurrency.v < 0)
		wrong(c, AT(w, "concurrency"), D_MESH_INVALID, "concurrency must not be negative");
	if (node_get(n, "tracing"))
		check_tracer(c, AT(w, "tracing"), node_get(n, "tracing"));
	if (node_get(n, "privateKeyProvider"))
		check_key_provider(c, AT(w, "privateKeyProvider"), node_get(n, "privateKeyProvider"));
}

/* The kind: concurrency, and what is no field of the selector's. */
void check_proxy_config(struct check *c, const void *spec)
{
	const struct workload_config *w = spec;

	if (w->concurrency.has && w->concurrency.v < 0)
		wrong(c, AT(SPEC, "concurrency"), D_MESH_INVALID, "concurrency must be greater than or equal to 0");
	check_environment(c, AT(SPEC, "environmentVariables"), &w->environment_variables);
	if (w->selector)
		check_selector(c, AT(AT(SPEC, "selector"), "matchLabels"), &w->selector->match_labels);
}

/* ---- extension providers ---- */

/* "[namespace/]host". */
static void check_service_ref(struct check *c, const struct where *w, const char *s)
{
	const char *slash = s ? strchr(s, '/') : NULL;
	const char *why;

	if (!given(s)) {
		wrong(c, w, D_MESH_INVALID, "service must not be empty");
		return;
	}
	if (slash && !is_label(s, (size_t)(slash - s)))
		wrong(c, w, D_MESH_INVALID, "\"%.*s\" is no namespace", (int)(slash - s), s);
	why = wrong_fqdn(slash ? slash + 1 : s);
	if (why)
		wrong(c, w, D_MESH_INVALID, "service \"%s\": %s", s, why);
}

/* Their values are formats, as those that a VirtualService adds. */
static void check_added_headers(struct check *c, const struct where *w, const struct node *headers)
{
	for (size_t i = 0; headers && headers->kind == NODE_MAP && i < headers->n; i++) {
		const struct node *v = &headers->map[i].value;
		const char *why = v->kind == NODE_STRING ? wrong_format(v->text, true) : NULL;

		if (why)
			wrong(c, AT(w, headers->map[i].key), D_MESH_INVALID, "\"%.200s\": %s", v->text, why);
	}
}

static void check_ext_authz(struct check *c, const struct where *w, const struct node *p)
{
	const char *status = node_text(p, "statusOnError"), *prefix = node_text(p, "pathPrefix");
	const char *timeout = node_text(p, "timeout");
	struct opt_duration d = {.has = true};
	int64_t code;

	if (given(status) && scalar_int(status, 200, 599, &code))
		wrong(c, AT(w, "statusOnError"), D_MESH_INVALID, "statusOnError \"%s\" is no HTTP status", status);
	if (given(prefix) && *prefix != '/')
		wrong(c, AT(w, "pathPrefix"), D_MESH_INVALID, "pathPrefix should begin with '/'");
	check_added_headers(c, AT(w, "includeAdditionalHeadersInCheck"), node_get(p, "includeAdditionalHeadersInCheck"));
	if (!timeout)
		return;
	if (scalar_duration_ns(timeout, &d.ns))
		wrong(c, AT(w, "timeout"), D_MESH_INVALID, "\"%s\" is no duration", timeout);
	else
		check_duration(c, AT(w, "timeout"), &d);
}

static void check_file_log(struct check *c, const struct where *w, const struct node *p)
{
	const struct node *format = node_get(p, "logFormat"), *labels = node_get(format, "labels");
	const struct where *at = AT(w, "logFormat");
	const char *text = node_text(format, "text"), *why = text ? wrong_format(text, false) : NULL;

	if (!given(node_text(p, "path")))
		wrong(c, AT(w, "path"), D_MESH_INVALID, "path must not be empty");
	if (why)
		wrong(c, AT(at, "text"), D_MESH_INVALID, "\"%.100s\" begins no command of Envoy", why);
	for (size_t i = 0; labels && labels->kind == NODE_MAP && i < labels->n; i++) {
		const struct node *v = &labels->map[i].value;

		why = v->kind == NODE_STRING ? wrong_format(v->text, false) : NULL;
		if (why)
			wrong(c, AT(AT(at, "labels"), labels->map[i].key), D_MESH_INVALID, "\"%.100s\" begins no command of Envoy", why);
	}
}

static void check_provider_kind(struct check *c, const struct where *w, const char *kind, const struct node *p)
{
	static const char *const with_service[] = {
		"envoyExtAuthzHttp", "envoyExtAuthzGrpc", "zipkin", "lightstep", "datadog", "skywalking", "opencensus",
		"opentelemetry", "envoyHttpAls", "envoyTcpAls", "envoyOtelAls", "sds",
	};
	const struct node *port = node_get(p, "port");
	int64_t number;

	for (size_t i = 0; i < ARRAY_LEN(with_service); i++) {
		if (strcmp(kind, with_service[i]) != 0)
			continue;
		check_service_ref(c, AT(w, "service"), node_text(p, "service"));
		if (!port || scalar_int(port->kind == NODE_NUMBER ? port->text : "", 1, 65535, &number))
			wrong(c, AT(w, "port"), D_PORT_INVALID, "port number must be in the range 1..65535");
	}
	if (!strcmp(kind, "envoyFileAccessLog"))
		check_file_log(c, w, p);
	if (!strncmp(kind, "envoyExtAuthz", 13))
		check_ext_authz(c, w, p);
}

static void check_providers(struct check *c, const struct node *list)
{
	struct map names;

	map_init(&names, c->ds->arena);
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct node *p = &list->list[i];
		const struct where *at = ELEM(TOP("extensionProviders"), i);
		const char *name = node_text(p, "name");
		size_t kinds = 0;

		if (!given(name))
			wrong(c, at, D_MESH_INVALID, "an extension provider needs a name");
		else if (map_set(&names, name, &names))
			wrong(c, AT(at, "name"), D_MESH_INVALID, "duplicate extension provider name %s", name);
		for (size_t k = 0; p->kind == NODE_MAP && k < p->n; k++) {
			if (!strcmp(p->map[k].key, "name"))
				continue;
			kinds++;
			check_provider_kind(c, AT(at, p->map[k].key), p->map[k].key, &p->map[k].value);
		}
		if (kinds != 1)
			wrong(c, at, D_MESH_INVALID, "an extension provider has one kind, such as envoyOtelAls or zipkin");
	}
}

/* ---- MeshConfig ---- */

static void check_trust_domain(struct check *c, const struct where *w, const char *s)
{
	const char *why = s ? wrong_fqdn(s) : NULL;

	if (why && !strstr(why, "numeric"))
		wrong(c, w, D_MESH_INVALID, "trust domain \"%s\": %s", s, why);
}

static void check_times(struct check *c, const struct mesh_config *m)
{
	check_duration(c, TOP("connectTimeout"), &m->connect_timeout);
	if (m->connect_timeout.has && m->connect_timeout.ns > CONNECT_TIMEOUT_MAX_NS)
		wrong(c, TOP("connectTimeout"), D_DURATION_INVALID, "connectTimeout must be at most 30s");
	if (m->protocol_detection_timeout.has && m->protocol_detection_timeout.ns)
		check_duration(c, TOP("protocolDetectionTimeout"), &m->protocol_detection_timeout);
	if (m->dns_refresh_rate.has && m->dns_refresh_rate.ns == 1000 * 1000) /* Envoy takes no such cluster */
		wrong(c, TOP("dnsRefreshRate"), D_DURATION_INVALID, "dnsRefreshRate must be more than 1ms");
	else
		check_duration(c, TOP("dnsRefreshRate"), &m->dns_refresh_rate);
}

/* Texts of a JSON format are formats; what is no JSON object is passed over for the default. */
static void check_json_format(struct check *c, const struct node *n)
{
	const char *why = n->kind == NODE_STRING ? wrong_format(n->text, false) : NULL;

	if (why)
		wrong(c, TOP("accessLogFormat"), D_MESH_INVALID, "\"%.100s\" begins no command of Envoy", why);
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		check_json_format(c, &n->map[i].value);
	for (size_t i = 0; n->kind == NODE_LIST && i < n->n; i++)
		check_json_format(c, &n->list[i]);
}

static void check_log_format(struct check *c, const struct mesh_config *m)
{
	const char *why;
	struct node_docs docs;
	struct diags ds;

	if (!given(m->access_log_format))
		return;
	if (m->access_log_encoding == LOG_ENCODING_JSON) {
		diags_init(&ds, c->ds->arena);
		docs = node_parse(m->access_log_format, strlen(m->access_log_format), 1, c->ds->arena, &ds);
		if (docs.n == 1 && docs.v[0].root && docs.v[0].root->kind == NODE_MAP)
			check_json_format(c, docs.v[0].root);
		return;
	}
	why = wrong_format(m->access_log_format, false);
	if (why)
		wrong(c, TOP("accessLogFormat"), D_MESH_INVALID, "\"%.100s\" begins no command of Envoy; write %%%% for a percent sign",
		      why);
}

/* Each of the two blocks has what the other one has not. */
static void check_tls_defaults(struct check *c, const struct mesh_config *m)
{
	if (m->mesh_mtls && m->mesh_mtls->ecdh_curves.n)
		wrong(c, AT(TOP("meshMTLS"), "ecdhCurves"), D_MESH_INVALID, "mesh TLS does not support ECDH curves");
	if (m->tls_defaults && m->tls_defaults->min_protocol_version)
		wrong(c, AT(TOP("tlsDefaults"), "minProtocolVersion"), D_MESH_INVALID, "tlsDefaults does not support minProtocolVersion");
}

static void check_service_settings(struct check *c, const struct node *list)
{
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct node *hosts = node_get(&list->list[i], "hosts");
		const struct where *w = AT(ELEM(TOP("serviceSettings"), i), "hosts");

		for (size_t k = 0; hosts && hosts->kind == NODE_LIST && k < hosts->n; k++) {
			if (hosts->list[k].kind == NODE_STRING)
				check_host(c, ELEM(w, k), hosts->list[k].text);
		}
	}
}

static void check_retry_policy(struct check *c, const struct where *w, const struct http_retry *r)
{
	if (!r)
		return;
	check_duration(c, AT(w, "perTryTimeout"), &r->per_try_timeout);
	check_duration(c, AT(w, "backoff"), &r->backoff);
}

const struct mesh_config *meshconf_decode(const struct node *root, struct arena *a, struct diags *ds)
{
	struct check c = {.root = root, .mode = SCHEMA_LENIENT, .ds = ds};
	size_t errors = ds->nerrors;
	const struct mesh_config *m = schema_decode(&schema_mesh_config, root, "", SCHEMA_LENIENT, a, ds);

	if (ds->nerrors > errors)
		return m;
	if (node_get(root, "proxyListenPort"))
		check_port(&c, TOP("proxyListenPort"), m->proxy_listen_port);
	if (node_get(root, "proxyInboundListenPort"))
		check_port(&c, TOP("proxyInboundListenPort"), m->proxy_inbound_listen_port);
	if (m->proxy_http_port)
		check_port(&c, TOP("proxyHttpPort"), m->proxy_http_port);
	check_times(&c, m);
	check_retry_policy(&c, TOP("defaultHttpRetryPolicy"), m->default_http_retry_policy);
	check_retry_policy(&c, TOP("defaultInboundHttpRetryPolicy"), m->default_inbound_retries);
	check_trust_domain(&c, TOP("trustDomain"), m->trust_domain);
	for (size_t i = 0; i < m->trust_domain_aliases.n; i++)
		check_trust_domain(&c, ELEM(TOP("trustDomainAliases"), i), m->trust_domain_aliases.v[i]);
	check_locality_lb(&c, TOP("localityLbSetting"), m->locality_lb_setting, true);
	check_zone_aware_lb(&c, TOP("zoneAwareLbSetting"), m->zone_aware_lb_setting);
	if (m->default_traffic_policy) {
		const struct where *w = TOP("defaultTrafficPolicy");

		check_connection_pool(&c, AT(w, "connectionPool"), m->default_traffic_policy->connection_pool);
		check_outlier(&c, AT(w, "outlierDetection"), m->default_traffic_policy->outlier_detection);
	}
	if (m->default_config)
		check_default_config(&c, TOP("defaultConfig"), node_get(root, "defaultConfig"), m->default_config);
	check_providers(&c, m->extension_providers);
	check_log_format(&c, m);
	check_tls_defaults(&c, m);
	check_service_settings(&c, m->service_settings);
	return m;
}

void check_mesh_config(const struct node *root, struct diags *ds)
{
	meshconf_decode(root, ds->arena, ds);
}

/* ---- MeshNetworks ---- */

static void check_network_gateway(struct check *c, const struct where *w, const struct node *g)
{
	const char *address = node_text(g, "address"), *service = node_text(g, "registryServiceName");
	const struct node *port = node_get(g, "port");
	int64_t number;

	if (!given(address) == !given(service))
		wrong(c, w, D_MESH_INVALID, "a gateway has one of address and registryServiceName");
	if (given(address) && !scalar_is_ip(address) && wrong_fqdn(address))
		wrong(c, AT(w, "address"), D_MESH_INVALID, "\"%s\" is no host name or IP address", address);
	if (given(service) && wrong_fqdn(service))
		wrong(c, AT(w, "registryServiceName"), D_MESH_INVALID, "\"%s\" is no host name", service);
	if (!port || scalar_int(port->kind == NODE_NUMBER ? port->text : "", 1, 65535, &number))
		wrong(c, AT(w, "port"), D_PORT_INVALID, "port number must be in the range 1..65535");
}

static void check_network_endpoint(struct check *c, const struct where *w, const struct node *e)
{
	const char *cidr = node_text(e, "fromCidr"), *registry = node_text(e, "fromRegistry");

	if (!given(cidr) && !given(registry))
		wrong(c, w, D_MESH_INVALID, "an endpoint has fromCidr or fromRegistry");
	if (given(cidr) && !is_ip_or_cidr(cidr))
		wrong(c, AT(w, "fromCidr"), D_MESH_INVALID, "%s is not a valid CIDR block", cidr);
	if (given(registry) && !is_label(registry, strlen(registry)))
		wrong(c, AT(w, "fromRegistry"), D_MESH_INVALID, "invalid registry name \"%s\"", registry);
}

typedef void part_fn(struct check *c, const struct where *w, const struct node *n);

static void check_parts(struct check *c, const struct where *w, const struct node *network, const char *key, part_fn *fn)
{
	const struct node *list = node_get(network, key);

	if (list && list->kind != NODE_NULL && list->kind != NODE_LIST)
		wrong(c, AT(w, key), D_FIELD_TYPE, "expected a list, found a %s", node_kind_name(list->kind));
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		fn(c, ELEM(AT(w, key), i), &list->list[i]);
}

void check_mesh_networks(const struct node *root, struct diags *ds)
{
	struct check c = {.root = root, .mode = SCHEMA_LENIENT, .ds = ds};
	const struct node *networks = node_get(root, "networks");

	if (root->kind != NODE_MAP || (networks && networks->kind != NODE_MAP && networks->kind != NODE_NULL)) {
		wrong(&c, TOP("networks"), D_FIELD_TYPE, "expected a map of networks");
		return;
	}
	for (size_t i = 0; networks && networks->kind == NODE_MAP && i < networks->n; i++) {
		const struct node *network = &networks->map[i].value;
		const struct where *at = AT(TOP("networks"), networks->map[i].key);
		const struct node *endpoints = node_get(network, "endpoints");

		if (!*networks->map[i].key)
			wrong(&c, at, D_MESH_INVALID, "a network needs a name");
		if (!endpoints || endpoints->kind != NODE_LIST || !endpoints->n)
			wrong(&c, at, D_MESH_INVALID, "a network needs endpoints");
		check_parts(&c, at, network, "endpoints", check_network_endpoint);
		check_parts(&c, at, network, "gateways", check_network_gateway);
	}
}

const struct mesh_networks *mesh_networks_decode(const struct node *root, struct arena *a, struct diags *ds)
{
	check_mesh_networks(root, ds);
	return schema_decode(&schema_mesh_networks, root, "", SCHEMA_LENIENT, a, ds);
}
