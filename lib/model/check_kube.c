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
			wrong(c, at, D_PORT_NAME_HABIT, "port \"%s\" of Service does not say its protocol; expected <protocol>[-<suffix>]",
			      p->name ? p->name : "");
		}
	}
}

/* The bytes of base64 text, which has its own finding when it is none. */
static const char *secret_text(struct check *c, const struct where *w, const char *base64)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = arena_alloc(c->ds->arena, strlen(base64) + 1), *w_out = out;
	uint32_t bits = 0;
	int have = 0;

	for (const char *p = base64; *p && *p != '='; p++) {
		const char *digit = strchr(digits, *p);

		if (*p == '\n' || *p == '\r')
			continue;
		if (!digit) {
			wrong(c, w, D_SECRET_INVALID, "the value is no base64");
			return NULL;
		}
		bits = bits << 6 | (uint32_t)(digit - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			*w_out++ = (char)(bits >> have);
		}
	}
	return out;
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
		const char *text = strmap_get(&s->string_data, parts[i].key), *base64 = strmap_get(&s->data, parts[i].key);

		if (!text && !base64) {
			wrong(c, data, D_SECRET_INVALID, "a Secret of type kubernetes.io/tls needs %s", parts[i].key);
			continue;
		}
		if (!text)
			text = secret_text(c, AT(data, parts[i].key), base64);
		if (text && !has_pem(text, parts[i].word))
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
