/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/snapshot.h"

#include <string.h>
#include <strings.h>

#include "base/must.h"

/* istio-behaviour.md 4.3 */
static const struct {
	const char *text;	/* as users write it, any case */
	enum protocol protocol;
	const char *name;	/* as Istio prints it */
} protocols[] = {
	{"tcp", PROTO_TCP, "TCP"},
	{"udp", PROTO_UDP, "UDP"},
	{"http", PROTO_HTTP, "HTTP"},
	{"http2", PROTO_HTTP2, "HTTP2"},
	{"grpc", PROTO_GRPC, "GRPC"},
	{"grpc-web", PROTO_GRPC_WEB, "GRPC-Web"},
	{"http_proxy", PROTO_HTTP_PROXY, "HTTP_PROXY"},
	{"https", PROTO_HTTPS, "HTTPS"},
	{"tls", PROTO_TLS, "TLS"},
	{"mongo", PROTO_MONGO, "Mongo"},
	{"redis", PROTO_REDIS, "Redis"},
	{"mysql", PROTO_MYSQL, "MySQL"},
	{"hbone", PROTO_HBONE, "HBONE"},
};

/* Kubernetes' standard values of appProtocol, taken from port names too. */
static const struct {
	const char *text;
	enum protocol protocol;
} kube_protocols[] = {
	{"kubernetes.io/h2c", PROTO_HTTP2},
	{"kubernetes.io/ws", PROTO_HTTP},
	{"kubernetes.io/wss", PROTO_HTTPS},
};

/* Servers of these speak first, so that sniffing would only wait. */
static const uint32_t server_first_ports[] = {25, 53, 3306, 27017};

static enum protocol parse_n(const char *text, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (strlen(protocols[i].text) == n && strncasecmp(protocols[i].text, text, n) == 0)
			return protocols[i].protocol;
	return PROTO_UNSUPPORTED;
}

enum protocol protocol_parse(const char *text)
{
	return text ? parse_n(text, strlen(text)) : PROTO_UNSUPPORTED;
}

static enum protocol parse_prefixed(const char *name)
{
	static const char grpc_web[] = "grpc-web";

	for (size_t i = 0; i < ARRAY_LEN(kube_protocols); i++)
		if (strcasecmp(kube_protocols[i].text, name) == 0)
			return kube_protocols[i].protocol;
	if (strncasecmp(name, grpc_web, sizeof(grpc_web) - 1) == 0)
		return PROTO_GRPC_WEB;
	return parse_n(name, strcspn(name, "-"));
}

enum protocol protocol_of_port(const char *l4, const char *app_protocol, const char *name, uint32_t port)
{
	enum protocol p;

	if (l4 && strcasecmp(l4, "UDP") == 0)
		return PROTO_UDP;
	p = parse_prefixed(app_protocol ? app_protocol : name ? name : "");
	if (p != PROTO_UNSUPPORTED)
		return p;
	for (size_t i = 0; i < ARRAY_LEN(server_first_ports); i++)
		if (server_first_ports[i] == port)
			return PROTO_TCP;
	return PROTO_UNSUPPORTED;
}

bool protocol_is_http(enum protocol p)
{
	return p == PROTO_HTTP || p == PROTO_HTTP_PROXY || protocol_is_http2(p);
}

bool protocol_is_http2(enum protocol p)
{
	return p == PROTO_HTTP2 || p == PROTO_GRPC || p == PROTO_GRPC_WEB;
}

bool protocol_is_tcp(enum protocol p)
{
	return p == PROTO_TCP || p == PROTO_HTTPS || p == PROTO_TLS || p == PROTO_MONGO ||
	       p == PROTO_REDIS || p == PROTO_MYSQL;
}

const char *protocol_name(enum protocol p)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (protocols[i].protocol == p)
			return protocols[i].name;
	return "UnsupportedProtocol";
}
