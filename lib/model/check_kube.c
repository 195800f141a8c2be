/* SPDX-License-Identifier: Apache-2.0
 *
 * Kubernetes' own kinds. The API server has checked them already; what is left is what a mesh
 * expects of them beyond that.
 */
#include <string.h>
#include <strings.h>

#include "base/must.h"
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

/* A habit and no rule of the API: told on the command line only, and not about the mesh's own namespace. */
void check_service(struct check *c, const void *spec)
{
	const struct k_service *s = spec;

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
			wrong(c, at, D_PORT_NAME, "port \"%s\" of Service does not say its protocol; expected <protocol>[-<suffix>]",
			      p->name ? p->name : "");
		}
	}
}

void check_secret(struct check *c, const void *spec)
{
	const struct k_secret *s = spec;
	static const char *const keys[] = {"tls.crt", "tls.key"};

	if (!s->type || strcmp(s->type, "kubernetes.io/tls"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!strmap_get(&s->data, keys[i]) && !strmap_get(&s->string_data, keys[i]))
			wrong(c, &(struct where){NULL, "data", 0}, D_SECRET_INVALID, "a Secret of type kubernetes.io/tls needs %s", keys[i]);
	}
}

void check_config_map(struct check *c, const void *spec)
{
	const struct k_config_map *m = spec;
	const char *mesh = strmap_get(&m->data, "mesh");
	struct node_docs docs;

	/* the mesh's own settings; with a revision their names are istio-REVISION */
	if (!mesh || strcmp(c->obj->ns, "istio-system") ||
	    (strcmp(c->obj->name, "istio") && strncmp(c->obj->name, "istio-", 6)))
		return;
	docs = node_parse(mesh, strlen(mesh), 1, c->ds->arena, c->ds);
	if (docs.n && docs.v[0].root && !docs.v[0].bad)
		check_mesh_config(docs.v[0].root, c->ds);
}
