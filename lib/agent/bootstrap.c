/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bootstrap.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"

#define TYPE "type.googleapis.com/"
#define TLS_TYPE TYPE "envoy.extensions.transport_sockets.tls.v3."
#define HTTP_TYPE TYPE "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

enum { CONFIG_JSON_MAX = 1024 * 1024, SOL_SOCKET_LEVEL = 1, SO_MARK_NAME = 36 };

/* Never NULL: what is packed here is ours, and memory is a must. */
static json_t *pack(const char *format, ...)
{
	json_error_t error;
	va_list ap;
	json_t *out;

	va_start(ap, format);
	out = json_vpack_ex(&error, 0, format, ap);
	va_end(ap);
	must(out && "a bootstrap that cannot be packed");
	return out;
}

/* ---- the node ---- */

static int put_pair(json_t *map, const char *pair, const char *what, struct err *e)
{
	const char *equals = strchr(pair, '=');
	json_t *value = equals ? json_string(equals + 1) : NULL;

	if (!value || equals == pair || json_object_setn_new(map, pair, (size_t)(equals - pair), value))
		return err_set(e, ERR_SYNTAX, "%s is NAME=VALUE, in UTF-8; not that of %.*s", what, (int)strcspn(pair, "="), pair);
	return 0;
}

/* Members of a map that a variable holds go beside those that are there. */
static void put_json(json_t *metadata, const char *name, json_t *value)
{
	json_t *before = json_object_get(metadata, name);

	if (json_is_object(before) && json_is_object(value)) {
		json_object_update(before, value);
		json_decref(value);
	} else {
		json_object_set_new(metadata, name, value);
	}
}

/* One variable, if it is one of ours. */
static int put_variable(json_t *metadata, const char *variable, struct err *e)
{
	static const char text[] = "ISTIO_META_", json[] = "ISTIO_METAJSON_";
	const char *equals = strchr(variable, '=');
	char name[256];
	json_t *value;

	if (!strncmp(variable, text, sizeof(text) - 1))
		return put_pair(metadata, variable + sizeof(text) - 1, "a variable ISTIO_META_...", e);
	if (strncmp(variable, json, sizeof(json) - 1) || !equals || equals - variable >= (ptrdiff_t)sizeof(name))
		return 0;
	value = json_loads(equals + 1, JSON_REJECT_DUPLICATES, NULL);
	if (!value)
		return err_set(e, ERR_SYNTAX, "the variable %.*s is no JSON object", (int)(equals - variable), variable);
	memcpy(name, variable + sizeof(json) - 1, (size_t)(equals - variable) - sizeof(json) + 1);
	name[(size_t)(equals - variable) - sizeof(json) + 1] = '\0';
	put_json(metadata, name, value);
	return 0;
}

static int put_proxy_config(json_t *metadata, const struct node *config, struct err *e)
{
	const struct node *env = node_get(config, "proxyMetadata");
	struct buf text;
	json_t *value;
	int status = 0;

	buf_init(&text, CONFIG_JSON_MAX);
	node_to_json(config, true, false, &text);
	value = text.failed ? NULL : json_loadb(text.p, text.n, 0, NULL);
	buf_fini(&text);
	if (!value)
		return err_set(e, ERR_LIMIT, "the ProxyConfig is too large");
	json_object_set_new(metadata, "PROXY_CONFIG", value);
	for (size_t i = 0; env && env->kind == NODE_MAP && i < env->n && !status; i++) {
		buf_init(&text, CONFIG_JSON_MAX);
		buf_printf(&text, "%s=%s", env->map[i].key, env->map[i].value.kind == NODE_STRING ? env->map[i].value.text : "");
		status = put_variable(metadata, buf_cstr(&text), e);
		buf_fini(&text);
	}
	return status;
}

static int fill_metadata(const struct bootstrap_opts *o, json_t *metadata, struct err *e)
{
	json_t *labels = json_object_get(metadata, "LABELS");

	for (size_t i = 0; i < o->n_labels; i++)
		if (put_pair(labels, o->labels[i], "a label", e))
			return -1;
	if (o->proxy_config && put_proxy_config(metadata, o->proxy_config, e))
		return -1;
	for (size_t i = 0; o->env && o->env[i]; i++)
		if (put_variable(metadata, o->env[i], e))
			return -1;
	for (size_t i = 0; i < o->n_metadata; i++)
		if (put_pair(metadata, o->metadata[i], "metadata", e))
			return -1;
	return 0;
}

static const char *cluster_of(const struct bootstrap_opts *o, const json_t *metadata)
{
	const char *app = json_string_value(json_object_get(json_object_get(metadata, "LABELS"), "app"));

	return app ? app : o->name;
}

static json_t *make_node(const struct bootstrap_opts *o, struct err *e)
{
	json_t *metadata = pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:{}}", "NAMESPACE", o->ns, "SERVICE_ACCOUNT", o->service_account,
				"INSTANCE_IPS", o->ip, "CLUSTER_ID", "Kubernetes", "NAME", o->name, "WORKLOAD_NAME", o->name,
				"ISTIO_VERSION", o->version, "LABELS");
	json_t *node;

	if (fill_metadata(o, metadata, e)) {
		json_decref(metadata);
		return NULL;
	}
	node = pack("{s:o}", "metadata", metadata);
	json_object_set_new(node, "id", json_sprintf("%s~%s~%s.%s~%s.svc.%s", o->type, o->ip, o->name, o->ns, o->ns, o->domain));
	json_object_set_new(node, "cluster", o->cluster ? json_string(o->cluster)
							: json_sprintf("%s.%s", cluster_of(o, metadata), o->ns));
	return node;
}

/* ---- clusters ---- */

static json_t *socket_address(const char *host, unsigned port)
{
	return pack("{s:{s:s,s:i}}", "socket_address", "address", host, "port_value", (int)port);
}

/* HTTP/2; a peer that is silently gone is noticed. */
static json_t *http2_options(void)
{
	return pack("{s:{s:s,s:{s:{s:{s:s,s:s}}}}}", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "@type", HTTP_TYPE,
		    "explicit_http_config", "http2_protocol_options", "connection_keepalive", "interval", "30s", "timeout", "10s");
}

static json_t *make_cluster(const char *name, const char *type, json_t *address)
{
	return pack("{s:s,s:s,s:s,s:o,s:{s:s,s:[{s:[{s:{s:o}}]}]}}", "name", name, "type", type, "connect_timeout", "1s",
		    "typed_extension_protocol_options", http2_options(), "load_assignment", "cluster_name", name, "endpoints",
		    "lb_endpoints", "endpoint", "address", address);
}

static json_t *sds_secret(const char *name)
{
	return pack("{s:s,s:{s:s,s:s,s:{s:s,s:s,s:[{s:{s:s}}]}}}", "name", name, "sds_config", "resource_api_version", "V3",
		    "initial_fetch_timeout", "0s", "api_config_source", "api_type", "GRPC", "transport_api_version", "V3",
		    "grpc_services", "envoy_grpc", "cluster_name", "sds-grpc");
}

/* Our certificate, and the roots that came with it. */
static json_t *mutual_tls(const char *server_name)
{
	json_t *validation = pack("{s:{s:[{s:s,s:{s:s}}]},s:o}", "default_validation_context", "match_typed_subject_alt_names",
				  "san_type", scalar_is_ip(server_name) ? "IP_ADDRESS" : "DNS", "matcher", "exact", server_name, "validation_context_sds_secret_config",
				  sds_secret("ROOTCA"));

	return pack("{s:s,s:{s:s,s:s,s:{s:[s],s:[o],s:o}}}", "name", "envoy.transport_sockets.tls", "typed_config", "@type",
		    TLS_TYPE "UpstreamTlsContext", "sni", server_name, "common_tls_context", "alpn_protocols", "h2",
		    "tls_certificate_sds_secret_configs", sds_secret("default"), "combined_validation_context", validation);
}

static json_t *make_clusters(const struct bootstrap_opts *o)
{
	json_t *xds = make_cluster("xds-grpc", scalar_is_ip(o->xds_host) ? "STATIC" : "STRICT_DNS",
				   socket_address(o->xds_host, o->xds_port));

	json_object_set_new(xds, "dns_lookup_family", json_string("V4_PREFERRED"));	/* Envoy's own prefers IPv6 */
	json_object_set_new(xds, "circuit_breakers",
			    pack("{s:[{s:i,s:i,s:i}]}", "thresholds", "max_connections", 100000, "max_pending_requests", 100000,
				 "max_requests", 100000));
	if (!o->server_name)
		return pack("[o]", xds);
	json_object_set_new(xds, "transport_socket", mutual_tls(o->server_name));
	return pack("[o,o]", xds, make_cluster("sds-grpc", "STATIC", pack("{s:{s:s}}", "pipe", "path", o->sds_socket)));
}

/* ---- the whole ---- */

/* With an initial_fetch_timeout of 0 an Envoy without a control plane never gets live. Its own cap of the reconnect
 * back-off is 30 s. */
static json_t *make_dynamic(void)
{
	json_t *source = pack("{s:{},s:s,s:s}", "ads", "resource_api_version", "V3", "initial_fetch_timeout", "15s");

	return pack("{s:O,s:o,s:{s:s,s:s,s:b,s:[{s:{s:s,s:{s:{s:s,s:s}}}}]}}", "cds_config", source, "lds_config", source, "ads_config",
		    "api_type", "DELTA_GRPC", "transport_api_version", "V3", "set_node_on_first_message_only", 1, "grpc_services",
		    "envoy_grpc", "cluster_name", "xds-grpc", "retry_policy", "retry_back_off", "base_interval", "0.5s",
		    "max_interval", "5s");
}

/* Envoy's own limit of regular expressions refuses everyday ones. */
static json_t *make_runtime(void)
{
	return pack("{s:[{s:s,s:{s:i}},{s:s,s:{}}]}", "layers", "name", "static", "static_layer", "re2.max_program_size.error_level",
		    32768, "name", "admin", "admin_layer");
}

int bootstrap_build(const struct bootstrap_opts *o, struct buf *out, struct err *e)
{
	json_t *node = make_node(o, e), *root;
	char *text;

	if (!node)
		return -1;
	root = pack("{s:o,s:{s:o},s:o,s:o,s:{s:o}}", "node", node, "admin", "address", socket_address(o->admin_host, o->admin_port),
		    "layered_runtime", make_runtime(), "dynamic_resources", make_dynamic(), "static_resources", "clusters",
		    make_clusters(o));
	if (o->mark)
		json_object_set_new(root, "cluster_manager",
				    pack("{s:{s:[{s:i,s:i,s:i,s:s}]}}", "upstream_bind_config", "socket_options", "level",
					 SOL_SOCKET_LEVEL, "name", SO_MARK_NAME, "int_value", o->mark, "state", "STATE_PREBIND"));
	text = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	must(text && "out of memory");
	buf_str(out, text);
	free(text);
	json_decref(root);
	return out->failed ? err_set(e, ERR_LIMIT, "the bootstrap is too large") : 0;
}
