/* SPDX-License-Identifier: Apache-2.0
 *
 * Kubernetes' own kinds. The API server has checked them already; what is left is what a mesh
 * expects of them beyond that.
 */
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/scalar.h"
#include "model/check_int.h"
#include "model/kube.h"

/* <protocol>[-<suffix>], lower case. */
static bool says_protocol(const char *name)
{
	static const char *const protocols[] = {"http", "http2", "https", "grpc", "grpc-web", "mongo", "redis",
						"mysql", "tcp", "tls", "udp", "hbone"};

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		size_t n = strlen(protocols[i]);

		if (!strncasecmp(name, protocols[i], n) && (!name[n] || name[n] == '-'))
			return true;
	}
	return false;
}

/* appProtocol: the names above, Kubernetes' own ones, and names with a domain, which are others' business. */
static bool is_app_protocol(const char *name)
{
	return protocol_find(name) >= 0 || strchr(name, '/') || !strcasecmp(name, "ws") || !strcasecmp(name, "wss");
}

/* What the API server would have refused: files come without it. 0: not said. */
static void check_number(struct check *c, const struct where *w, uint32_t port)
{
	if (port)
		check_port(c, w, port);
}

static void check_ip(struct check *c, const struct where *w, const char *address)
{
	if (given(address) && !scalar_is_ip(address))
		wrong(c, w, D_ENDPOINT_INVALID, "\"%s\" is no IP address", address);
}

static void check_service_form(struct check *c, const struct k_service_spec *s)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct where *at = ELEM(AT(SPEC, "ports"), i);

		check_number(c, AT(at, "port"), s->ports[i].port);
		check_number(c, AT(at, "nodePort"), s->ports[i].node_port);
		if (s->ports[i].target_port.is_int)
			check_number(c, AT(at, "targetPort"), s->ports[i].target_port.num);
	}
	if (s->cluster_ip && strcmp(s->cluster_ip, "None") != 0)
		check_ip(c, AT(SPEC, "clusterIP"), s->cluster_ip);
	for (size_t i = 0; i < s->cluster_ips.n; i++) {
		if (strcmp(s->cluster_ips.v[i], "None") != 0)
			check_ip(c, ELEM(AT(SPEC, "clusterIPs"), i), s->cluster_ips.v[i]);
	}
	for (size_t i = 0; i < s->external_ips.n; i++)
		check_ip(c, ELEM(AT(SPEC, "externalIPs"), i), s->external_ips.v[i]);
}

void check_endpoint_slice(struct check *c, const void *spec)
{
	const struct k_endpoint_slice *s = spec;
	const struct where *ports = &(const struct where){NULL, "ports", 0};
	const struct where *endpoints = &(const struct where){NULL, "endpoints", 0};

	for (size_t i = 0; i < s->n_ports; i++)
		check_number(c, AT(ELEM(ports, i), "port"), s->ports[i].port);
	if (s->address_type && !strcmp(s->address_type, "FQDN"))
		return;
	for (size_t i = 0; i < s->n_endpoints; i++) {
		for (size_t k = 0; k < s->endpoints[i].addresses.n; k++) {
			const char *address = s->endpoints[i].addresses.v[k];

			if (!scalar_is_ip(address))
				wrong(c, ELEM(AT(ELEM(endpoints, i), "addresses"), k), D_ENDPOINT_INVALID,
				      "\"%s\" is no IP address", address);
		}
	}
}

void check_pod(struct check *c, const void *spec)
{
	const struct k_pod *p = spec;
	const struct where *status = &(const struct where){NULL, "status", 0};

	for (size_t i = 0; p->spec && i < p->spec->n_containers; i++) {
		const struct k_container *one = &p->spec->containers[i];

		for (size_t k = 0; k < one->n_ports; k++)
			check_number(c, AT(ELEM(AT(ELEM(AT(SPEC, "containers"), i), "ports"), k), "containerPort"),
				     one->ports[k].container_port);
	}
	if (!p->status)
		return;
	check_ip(c, AT(status, "podIP"), p->status->pod_ip);
	for (size_t i = 0; i < p->status->n_pod_ips; i++)
		check_ip(c, AT(ELEM(AT(status, "podIPs"), i), "ip"), p->status->pod_ips[i].ip);
}

/* The names of ports are a habit and no rule of the API: told on the command line only, and not about the
 * mesh's own namespace. */
void check_service(struct check *c, const void *spec)
{
	const struct k_service *s = spec;

	if (s->spec)
		check_service_form(c, s->spec);
	if (c->mode != SCHEMA_STRICT || !s->spec || !strcmp(c->obj->ns, "istio-system"))
		return;
	for (size_t i = 0; i < s->spec->n_ports; i++) {
		const struct k_service_port *p = &s->spec->ports[i];
		const struct where *at = ELEM(AT(SPEC, "ports"), i);

		if (p->protocol && !strcasecmp(p->protocol, "UDP"))
			continue;
		if (p->app_protocol) {
			if (!is_app_protocol(p->app_protocol))
				wrong(c, AT(at, "appProtocol"), D_PROTOCOL_UNKNOWN, "appProtocol \"%s\" is no protocol", p->app_protocol);
		} else if (!p->name || !says_protocol(p->name)) {
			wrong(c, at, D_PORT_NAME_HABIT, "port \"%s\" of Service does not say its protocol; expected <protocol>[-<suffix>]",
			      p->name ? p->name : "");
		}
	}
}

/* Form only: a block of PEM with that word in its label. The CA and the proxies look inside. */
static bool has_pem(const char *text, const char *word)
{
	const char *begin = strstr(text, "-----BEGIN "), *line, *end;

	for (; begin; begin = strstr(begin + 1, "-----BEGIN ")) {
		line = strchr(begin, '\n');
		end = line ? strstr(line, "-----END ") : NULL;
		if (end && memmem(begin, (size_t)(line - begin), word, strlen(word)))
			return true;
	}
	return false;
}

void check_secret(struct check *c, const void *spec)
{
	const struct k_secret *s = spec;
	static const struct {
		const char *key, *word;
	} parts[] = {{"tls.crt", "CERTIFICATE"}, {"tls.key", "PRIVATE KEY"}};
	const struct where *data = &(const struct where){NULL, "data", 0};

	if (!s->type || strcmp(s->type, "kubernetes.io/tls") != 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *text = k_secret_text(s, parts[i].key);

		if (!text)
			wrong(c, data, D_SECRET_INVALID, "a Secret of type kubernetes.io/tls needs %s", parts[i].key);
		else if (!has_pem(text, parts[i].word))
			wrong(c, AT(data, parts[i].key), D_SECRET_INVALID, "%s holds no PEM block of a %s", parts[i].key, parts[i].word);
	}
}

void check_config_map(struct check *c, const void *spec)
{
	const struct k_config_map *m = spec;
	const char *mesh = strmap_get(&m->data, "mesh");
	struct node_docs docs;

	/* the mesh's own settings; with a revision their names are istio-REVISION */
	if (!mesh || strcmp(c->obj->ns, "istio-system") != 0 ||
	    (strcmp(c->obj->name, "istio") != 0 && strncmp(c->obj->name, "istio-", 6) != 0))
		return;
	docs = node_parse(mesh, strlen(mesh), 1, c->ds->arena, c->ds);
	if (docs.n && docs.v[0].root && !docs.v[0].bad)
		check_mesh_config(docs.v[0].root, c->ds);
}
