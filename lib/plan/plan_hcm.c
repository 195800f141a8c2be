/* SPDX-License-Identifier: Apache-2.0
 *
 * Connection managers and access logs (istio-behaviour.md 1.10, 1.11, 2.5).
 */
#include "plan/plan_int.h"

#include <string.h>

/* Istio's default format, as text and by name. */
static const char text_format[] =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
    "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% "
    "%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% "
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

static const struct str_pair json_format[] = {
    {"authority", "%REQ(:AUTHORITY)%"},
    {"bytes_received", "%BYTES_RECEIVED%"},
    {"bytes_sent", "%BYTES_SENT%"},
    {"connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"},
    {"downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"},
    {"downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"},
    {"duration", "%DURATION%"},
    {"method", "%REQ(:METHOD)%"},
    {"path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"},
    {"protocol", "%PROTOCOL%"},
    {"request_id", "%REQ(X-REQUEST-ID)%"},
    {"requested_server_name", "%REQUESTED_SERVER_NAME%"},
    {"response_code", "%RESPONSE_CODE%"},
    {"response_code_details", "%RESPONSE_CODE_DETAILS%"},
    {"response_flags", "%RESPONSE_FLAGS%"},
    {"route_name", "%ROUTE_NAME%"},
    {"start_time", "%START_TIME%"},
    {"upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"},
    {"upstream_host", "%UPSTREAM_HOST%"},
    {"upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"},
    {"upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"},
    {"upstream_transport_failure_reason", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"},
    {"user_agent", "%REQ(USER-AGENT)%"},
    {"x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"},
};
enum { N_JSON_FORMAT = sizeof(json_format) / sizeof(json_format[0]) };

/* ---- access logs ---- */

static const struct node *default_json(struct arena *a)
{
	struct node *n = arena_new(a, struct node);

	n->kind = NODE_MAP;
	n->n = N_JSON_FORMAT;
	n->map = arena_array(a, struct node_member, N_JSON_FORMAT);
	for (size_t i = 0; i < N_JSON_FORMAT; i++) {
		n->map[i].key = json_format[i].key;
		n->map[i].value = (struct node){.kind = NODE_STRING, .text = json_format[i].value};
		n->map[i].value.n = strlen(json_format[i].value);
	}
	return n;
}

/* The user's own object, or the default one where it is no object. */
static const struct node *json_of(const char *text, struct arena *a)
{
	struct node_docs docs;
	struct diags ds;

	if (!text || !*text)
		return default_json(a);
	diags_init(&ds, a);
	docs = node_parse(text, strlen(text), 1, a, &ds);
	if (docs.n == 1 && docs.v[0].root && docs.v[0].root->kind == NODE_MAP)
		return docs.v[0].root;
	return default_json(a);
}

/* One line a request, whether the user said so or not. */
static const char *line_of(const char *format, struct arena *a)
{
	if (!format || !*format)
		return text_format;
	return format[strlen(format) - 1] == '\n' ? format : arena_printf(a, "%s\n", format);
}

/* A provider of kind envoyFileAccessLog; the built-in one is "envoy". False: of another kind. */
static bool file_provider(const struct node *providers, const char *name, struct arena *a, struct ir_access_log *log)
{
	const struct node *file = NULL, *format, *labels, *omit;

	for (size_t i = 0; providers && providers->kind == NODE_LIST && i < providers->n; i++) {
		const char *own = node_text(&providers->list[i], "name");

		if (own && strcmp(own, name) == 0)
			file = node_get(&providers->list[i], "envoyFileAccessLog");
	}
	if (!file && strcmp(name, "envoy") != 0)
		return false;
	format = node_get(file, "logFormat");
	labels = node_get(format, "labels");
	omit = node_get(file, "omitEmptyValues");
	*log = (struct ir_access_log){.path = node_text(file, "path")};
	if (!log->path || !*log->path)
		log->path = "/dev/stdout";
	log->omit_empty = omit && omit->kind == NODE_BOOL && omit->boolean;
	if (labels && labels->kind == NODE_MAP)
		log->json = labels->n ? labels : default_json(a);
	else
		log->text = line_of(node_text(format, "text"), a);
	return true;
}

/* The mesh's default providers, in place of its file. */
static bool provider_logs(const struct mesh_config *mesh, const struct ir_access_log **logs, size_t *n, struct arena *a)
{
	const struct node *names = node_get(mesh->default_providers, "accessLogging");
	struct ir_access_log *v;

	if (!names || names->kind != NODE_LIST || !names->n)
		return false;
	v = arena_array(a, struct ir_access_log, names->n);
	for (size_t i = 0; i < names->n; i++)
		if (names->list[i].kind == NODE_STRING && file_provider(mesh->extension_providers, names->list[i].text, a, &v[*n]))
			++*n;
	*logs = v;
	return true;
}

void hcm_logs(const struct plan *p, const struct ir_access_log **logs, size_t *n, struct arena *a)
{
	const struct mesh_config *mesh = p->snap->mesh;
	struct ir_access_log *log;

	*logs = NULL;
	*n = 0;
	if (provider_logs(mesh, logs, n, a) || !mesh->access_log_file || !*mesh->access_log_file)
		return;
	log = arena_new(a, struct ir_access_log);
	log->path = mesh->access_log_file;
	if (mesh->access_log_encoding == LOG_ENCODING_JSON)
		log->json = json_of(mesh->access_log_format, a);
	else
		log->text = line_of(mesh->access_log_format, a);
	*logs = log;
	*n = 1;
}

/* ---- the connection manager ---- */

static const struct ir_tracing *tracing(const struct plan *p, struct arena *a)
{
	const struct view *v = p->view;
	const char *service = strmap_get(&v->labels, "service.istio.io/canonical-name");
	const char *revision = strmap_get(&v->labels, "service.istio.io/canonical-revision");
	struct ir_tracing *t;

	if (p->snap->mesh->enable_tracing.has && !p->snap->mesh->enable_tracing.v)
		return NULL;
	t = arena_new(a, struct ir_tracing);
	*t = (struct ir_tracing){
	    .random_percent = 1,
	    .canonical_service = service ? service : "unknown",
	    .canonical_revision = revision ? revision : "latest",
	    .cluster_id = v->cluster_id && *v->cluster_id ? v->cluster_id : "unknown",
	    .mesh_id = *v->mesh_id ? v->mesh_id : "unknown",
	    .ns = v->metadata_ns && *v->metadata_ns ? v->metadata_ns : v->ns,
	};
	return t;
}

static void set_paths(const struct plan *p, struct ir_http *h)
{
	const struct mesh_normalization *paths = p->snap->mesh->path_normalization;
	enum path_normalization how = paths ? paths->normalization : NORMALIZE_DEFAULT;

	h->normalize_path = how != NORMALIZE_NONE;
	h->merge_slashes = how == NORMALIZE_MERGE_SLASHES || how == NORMALIZE_DECODE_AND_MERGE_SLASHES;
	h->escaped_slashes = how == NORMALIZE_DECODE_AND_MERGE_SLASHES ? IR_SLASHES_DECODE : IR_SLASHES_KEEP;
}

static void set_if(struct opt_duration *out, const struct opt_duration *d)
{
	if (d->has)
		*out = *d;
}

static void set_connection(struct ir_http *h, const struct connection_settings *c)
{
	set_if(&h->idle_timeout, &c->idle_timeout);
	set_if(&h->stream_idle_timeout, &c->stream_idle_timeout);
	h->request_timeout = c->request_timeout;
	h->headers_timeout = c->headers_timeout;
	h->max_streams = c->max_streams;
	h->stream_window = c->stream_window;
	h->connection_window = c->connection_window;
	if (c->underscores)	/* both enums are Envoy's, these with an "unset" before it */
		h->underscores = (int)c->underscores - 1;
	if (c->merge_slashes.has)
		h->merge_slashes = c->merge_slashes.v;
	if (c->escaped_slashes)
		h->escaped_slashes = (int)c->escaped_slashes;
}

static bool is_off(const struct header_switch *s)
{
	return s && s->disabled.has && s->disabled.v;
}

static bool is_on(const struct header_option *o)
{
	return o && o->enabled.has && o->enabled.v;
}

static void set_headers(struct ir_http *h, const struct proxy_headers *p)
{
	if (p->server && p->server->disabled.has && p->server->disabled.v) {
		h->server_name = NULL;
		h->keeps_server_header = true;
	} else if (p->server && p->server->value && *p->server->value) {
		h->server_name = p->server->value;
	}
	h->no_request_id = is_off(p->request_id);
	h->suppress_envoy_headers = is_off(p->debug);
	h->preserve_case = p->preserve_case.has && p->preserve_case.v;
	h->forwarded_port = is_on(p->forwarded_port);
}

bool hcm_counts_attempts(const struct plan *p)
{
	const struct proxy_headers *headers = p->view->config->proxy_headers;

	return !headers || !is_off(headers->attempt_count);
}

bool hcm_forwards_host(const struct plan *p)
{
	const struct proxy_headers *headers = p->view->config->proxy_headers;

	return headers && is_on(headers->forwarded_host);
}

static struct ir_http *hcm_new(const struct plan *p, const char *stat_prefix, const char *server, struct arena *a)
{
	const struct proxy_config *config = p->view->config;
	struct ir_http *h = arena_new(a, struct ir_http);

	h->stat_prefix = arena_printf(a, "%s;", stat_prefix);
	h->server_name = server;
	h->http10 = p->view->http10;
	h->fault_and_cors = true;
	h->idle_timeout = p->view->idle_timeout;
	h->tracing = tracing(p, a);
	set_paths(p, h);
	if (config->connection_settings)
		set_connection(h, config->connection_settings);
	if (config->proxy_headers)
		set_headers(h, config->proxy_headers);
	hcm_logs(p, &h->logs, &h->n_logs, a);
	return h;
}

static bool speaks_http_at(const struct scope_svc *s, uint32_t port)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if ((!port || s->ports[i].port == port) &&
		    (protocol_is_http(s->ports[i].protocol) || s->ports[i].protocol == PROTO_UNSUPPORTED))
			return true;
	return false;
}

/* Clusters of DYNAMIC_DNS know the hosts only that a filter with their cache has looked up. */
static void set_dns_caches(const struct plan *p, uint32_t port, struct ir_http *h, struct arena *a)
{
	struct ir_dns_cache *v = arena_array(a, struct ir_dns_cache, p->scope.n_dynamic + 1);

	h->dns_caches = v;
	for (size_t i = 0; i < p->scope.n_dynamic; i++)
		if (speaks_http_at(p->scope.dynamic[i], port))
			v[h->n_dns_caches++] = *plan_dns_cache(p->view, p->scope.dynamic[i]->svc->host, a);
	if (p->scope.dynamic_dns && p->view->type == PROXY_SIDECAR)
		v[h->n_dns_caches++] = *plan_dns_cache(p->view, NULL, a);
}

struct hash128 hcm_mix_dynamic(const struct plan *p, struct hash128 h)
{
	for (size_t i = 0; i < p->scope.n_dynamic; i++) {
		const struct scope_svc *s = p->scope.dynamic[i];

		h = hash_mix(h, s->svc->part.hash);
		for (size_t k = 0; k < s->n_ports; k++)
			h = hash_mix_u64(h, s->ports[k].port);
	}
	return h;
}

struct ir_http *hcm_outbound(const struct plan *p, const char *rds_name, const char *stat_prefix, uint32_t port, struct arena *a)
{
	struct ir_http *h = hcm_new(p, stat_prefix, NULL, a);

	set_dns_caches(p, port, h, a);
	h->rds_name = rds_name;
	h->direction = IR_OUTBOUND;
	return h;
}

static bool or_default(const struct opt_bool *b, bool otherwise)
{
	return b->has ? b->v : otherwise;
}

static enum ir_xfcc xfcc_of(enum forward_client_cert c, enum ir_xfcc otherwise)
{
	return c == FORWARD_CLIENT_CERT_UNDEFINED ? otherwise : (enum ir_xfcc)(c - 1);	/* one more than Envoy's */
}

struct ir_http *hcm_inbound(const struct plan *p, const struct ir_routes *routes, const char *stat_prefix, struct arena *a)
{
	static const struct proxy_headers no_headers;
	static const struct client_cert_details no_details;
	const struct proxy_headers *headers = p->view->config->proxy_headers;
	const struct client_cert_details *cert;
	struct ir_http *h = hcm_new(p, stat_prefix, "istio-envoy", a);

	headers = headers ? headers : &no_headers;
	cert = headers->current_client_cert ? headers->current_client_cert : &no_details;
	h->inline_routes = routes;
	h->direction = IR_INBOUND;
	h->xfcc = xfcc_of(headers->forwarded_client_cert, IR_XFCC_APPEND_FORWARD);
	if (h->xfcc != IR_XFCC_APPEND_FORWARD && h->xfcc != IR_XFCC_SANITIZE_SET)
		return h;
	h->xfcc_subject = or_default(&cert->subject, true);
	h->xfcc_dns = or_default(&cert->dns, true);
	h->xfcc_uri = or_default(&cert->uri, true);
	h->xfcc_cert = or_default(&cert->cert, false);
	h->xfcc_chain = or_default(&cert->chain, false);
	return h;
}

struct ir_http *hcm_gateway(const struct plan *p, const char *rds_name, const char *stat_prefix, struct arena *a)
{
	const struct gateway_topology *topology = p->view->config->gateway_topology;
	struct ir_http *h = hcm_new(p, stat_prefix, "istio-envoy", a);

	h->rds_name = rds_name;
	h->direction = IR_OUTBOUND;
	set_dns_caches(p, HCM_ANY_PORT, h, a);
	h->is_gateway = true;
	h->use_remote_address = true;
	h->xfcc = IR_XFCC_SANITIZE_SET;
	if (topology) {
		h->trusted_hops = topology->num_trusted_proxies;
		h->xfcc = xfcc_of(topology->forward_client_cert_details, IR_XFCC_SANITIZE_SET);
	}
	h->xfcc_subject = h->xfcc == IR_XFCC_APPEND_FORWARD || h->xfcc == IR_XFCC_SANITIZE_SET;
	h->xfcc_cert = h->xfcc_dns = h->xfcc_uri = h->xfcc_subject;
	return h;
}

/* ---- listeners ---- */

void hcm_listener(const struct plan *p, struct ir_listener *l, struct arena *a)
{
	const struct connection_settings *c = p->view->config->connection_settings;

	if (c)
		l->buffer_limit = c->listener_buffer;
	l->exact_balance = l->direction == IR_INBOUND ? p->view->inbound_exact_balance : p->view->outbound_exact_balance;
	if (!p->snap->mesh->disable_envoy_listener_log)
		hcm_logs(p, &l->logs, &l->n_logs, a);
}
