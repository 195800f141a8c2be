/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/proxy.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "base/vec.h"

static const char *text_or(const char *text, const char *other)
{
	return text && *text ? text : other;
}

/* Metadata values are texts by habit; numbers and booleans say the same. NULL if absent. */
static const char *meta_text(const struct node *metadata, const char *key)
{
	const struct node *n = metadata ? node_get(metadata, key) : NULL;

	if (!n)
		return NULL;
	if (n->kind == NODE_STRING || n->kind == NODE_NUMBER)
		return n->text;
	return n->kind == NODE_BOOL ? n->boolean ? "true" : "false" : NULL;
}

static bool meta_true(const struct node *metadata, const char *key)
{
	const char *text = meta_text(metadata, key);

	return text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

const char *proxy_metadata(const struct proxy *p, const char *key)
{
	return meta_text(p->metadata, key);
}

bool proxy_metadata_true(const struct proxy *p, const char *key)
{
	return meta_true(p->metadata, key);
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

/* The texts of both maps, sorted; first wins. */
static struct strmap merge_maps(const struct node *first, const struct node *second, struct arena *a)
{
	const struct node *maps[] = {first, second};
	VEC(struct str_pair) v = {0};

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		const struct node *m = maps[i];

		for (size_t j = 0; m && m->kind == NODE_MAP && j < m->n; j++) {
			const char *value = meta_text(m, m->map[j].key);

			if (value && (i == 0 || !first || !node_get(first, m->map[j].key)))
				*vec_push(&v, a) = (struct str_pair){arena_strdup(a, m->map[j].key),
								     arena_strdup(a, value)};
		}
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(v.v[0]), compare_pairs);
	return (struct strmap){.v = v.v, .n = v.n};
}

/* Valid addresses of a comma-separated list. */
static struct strs addresses(const char *text, struct arena *a)
{
	VEC(const char *) v = {0};

	while (text && *text) {
		size_t n = strcspn(text, ",");
		const char *ip = arena_strndup(a, text, n);

		if (scalar_is_ip(ip))
			*vec_push(&v, a) = ip;
		text += n + (text[n] == ',');
	}
	return (struct strs){.v = v.v, .n = v.n};
}

/* [{"name": "http", "containerPort": 8080}], as JSON text or as a list */
static struct strmap pod_ports(const struct node *metadata, struct arena *a)
{
	const struct node *list = metadata ? node_get(metadata, "POD_PORTS") : NULL;
	VEC(struct str_pair) v = {0};

	if (list && list->kind == NODE_STRING) {
		struct node_docs docs;
		struct diags ds;

		diags_init(&ds, a);
		docs = node_parse(list->text, list->n, 1, a, &ds);
		list = docs.n == 1 ? docs.v[0].root : NULL;
	}
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *name = meta_text(&list->list[i], "name");
		const char *port = meta_text(&list->list[i], "containerPort");

		if (name && port)
			*vec_push(&v, a) = (struct str_pair){name, port};
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(v.v[0]), compare_pairs);
	return (struct strmap){.v = v.v, .n = v.n};
}

static int parse_type(const char *text, const struct node *metadata, enum proxy_type *out, struct err *e)
{
	static const struct {
		const char *name;
		enum proxy_type type;
	} types[] = {{"sidecar", PROXY_SIDECAR}, {"router", PROXY_ROUTER}, {"waypoint", PROXY_WAYPOINT}};
	const char *generator = meta_text(metadata, "GENERATOR");

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, text) == 0) {
			*out = generator && strcmp(generator, "grpc") == 0 ? PROXY_GRPC : types[i].type;
			return 0;
		}
	return err_set(e, ERR_SYNTAX, "node id: the type \"%.40s\" is none of sidecar, router, waypoint", text);
}

static void read_metadata(struct proxy *p, const struct node *m, struct arena *a)
{
	const char *mode = text_or(meta_text(m, "INTERCEPTION_MODE"), "REDIRECT");
	const struct node *config = m ? node_get(m, "PROXY_CONFIG") : NULL;

	p->metadata = m;
	p->labels = merge_maps(m ? node_get(m, "LABELS") : NULL, m ? node_get(m, "STATIC_LABELS") : NULL, a);
	p->cluster_id = text_or(meta_text(m, "CLUSTER_ID"), "");
	p->metadata_ns = text_or(meta_text(m, "NAMESPACE"), "");
	p->network = text_or(meta_text(m, "NETWORK"), "");
	p->service_account = text_or(meta_text(m, "SERVICE_ACCOUNT"), "");
	p->version = text_or(meta_text(m, "ISTIO_VERSION"), "");
	p->interception = strcmp(mode, "TPROXY") == 0 ? INTERCEPT_TPROXY
			  : strcmp(mode, "NONE") == 0 ? INTERCEPT_NONE
						      : INTERCEPT_REDIRECT;
	p->http10 = meta_true(m, "HTTP10");
	p->proxy_config = config && config->kind == NODE_MAP ? config : NULL;
	p->pod_ports = pod_ports(m, a);
	/* only Istio's agent says which Istio it is */
	p->sds_agent = *p->version != '\0';
}

int proxy_parse(const char *node_id, const struct node *metadata, const char *region, const char *zone,
		const char *subzone, const struct strs *extensions, struct arena *a, struct proxy *out,
		struct err *e)
{
	char *part[4], *rest = arena_strdup(a, node_id), *dot;
	const char *ns;
	size_t n = 0;

	for (char *p = rest; p && n < ARRAY_LEN(part); p = strchr(p, '~')) {
		if (n)
			*p++ = '\0';
		part[n++] = p;
	}
	if (n != ARRAY_LEN(part) || strchr(part[3], '~'))
		return err_set(e, ERR_SYNTAX, "node id: not type~ip~name.namespace~domain");
	*out = (struct proxy){.id = arena_strdup(a, node_id)};
	if (parse_type(part[0], metadata, &out->type, e) < 0)
		return -1;
	read_metadata(out, metadata, a);
	out->ips = addresses(meta_text(metadata, "INSTANCE_IPS"), a);
	if (out->ips.n == 0)
		out->ips = addresses(part[1], a);
	if (out->ips.n == 0)
		return err_set(e, ERR_SYNTAX, "node id: no valid address in it, nor in INSTANCE_IPS");
	dot = strrchr(part[2], '.');
	ns = dot ? dot + 1 : "";
	if (dot)
		*dot = '\0';
	out->name = part[2];
	out->dns_domain = part[3];
	out->ns = meta_text(metadata, "NAMESPACE");
	if (!out->ns || !*out->ns)
		out->ns = *part[3] ? arena_strndup(a, part[3], strcspn(part[3], ".")) : ns;
	out->region = text_or(region, "");
	out->zone = text_or(zone, "");
	out->subzone = text_or(subzone, "");
	out->has_alpn_filter = extensions && strs_has(extensions, "istio.alpn");
	return 0;
}

int proxy_from_file(const struct node *file, struct arena *a, struct proxy *out, struct err *e)
{
	const char *type = text_or(node_text(file, "type"), "sidecar"), *id = text_or(node_text(file, "id"), "proxy");
	const char *ns = text_or(node_text(file, "namespace"), "default"), *domain = node_text(file, "dns_domain");
	const struct node *ips = node_get(file, "ips"), *labels = node_get(file, "labels");
	const struct node *metadata = node_get(file, "metadata"), *locality = node_get(file, "locality");
	const struct node *agent = node_get(file, "sds_agent");
	VEC(const char *) v = {0};
	const char *node_id = id;

	for (size_t i = 0; ips && ips->kind == NODE_LIST && i < ips->n; i++)
		if (ips->list[i].kind == NODE_STRING && scalar_is_ip(ips->list[i].text))
			*vec_push(&v, a) = ips->list[i].text;
	if (!strchr(id, '~'))
		node_id = arena_printf(a, "%s~%s~%s.%s~%s", type, v.n ? v.v[0] : "127.0.0.1", id, ns,
				       text_or(domain, arena_printf(a, "%s.svc.cluster.local", ns)));
	if (metadata && metadata->kind != NODE_MAP)
		metadata = NULL;
	if (proxy_parse(node_id, metadata, locality ? node_text(locality, "region") : NULL,
			locality ? node_text(locality, "zone") : NULL,
			locality ? node_text(locality, "subzone") : NULL, NULL, a, out, e) < 0)
		return -1;
	if (v.n)
		out->ips = (struct strs){.v = v.v, .n = v.n};
	if (node_text(file, "namespace"))
		out->ns = ns;
	if (domain)
		out->dns_domain = domain;
	/* files describe Istio's own proxies, unless they say otherwise */
	out->sds_agent = !agent || agent->kind != NODE_BOOL || agent->boolean;
	if (labels)
		out->labels = merge_maps(labels, metadata ? node_get(metadata, "LABELS") : NULL, a);
	return 0;
}
