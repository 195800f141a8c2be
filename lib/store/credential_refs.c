/* SPDX-License-Identifier: Apache-2.0 */
#include "store/credential_refs.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "base/vec.h"
#include "model/gwapi.h"
#include "model/ingress.h"
#include "model/labels.h"
#include "model/traffic.h"

/* The namespaces where a proxy can be that asks. */
struct spaces {
	const char *own;		/* of the object, or NULL */
	VEC(const char *) v;		/* of gateways, each once */
};

struct collector {
	struct arena *a;
	const struct object_set *set;
	const char *root;		/* namespace */
	VEC(struct credential_ref) refs;
	struct spaces gateways;		/* all of them */
	/* those of the selector that was asked for last: most Gateways have the same one */
	const struct strmap *selector;
	struct spaces selected;
};

static int compare(const void *a, const void *b)
{
	const struct credential_ref *x = a, *y = b;
	int c = x->kind < y->kind ? -1 : x->kind > y->kind;

	if (!c)
		c = strcmp(x->ns, y->ns);
	return c ? c : strcmp(x->name, y->name);
}

/* Names that nothing can have name nothing. */
static void add_ref(struct collector *c, enum kind kind, const char *ns, const char *name)
{
	if (scalar_is_dns_label(ns) && scalar_is_dns_name(name))
		*vec_push(&c->refs, c->a) = (struct credential_ref){kind, ns, name};
}

/* "name" in each of the spaces, once or twice, "ns/name" in its own. */
static void add_name(struct collector *c, enum kind kind, const char *name, const struct spaces *spaces)
{
	const char *slash = strchr(name, '/');

	if (slash)
		add_ref(c, kind, arena_strndup(c->a, name, (size_t)(slash - name)), slash + 1);
	else if (spaces->own)
		add_ref(c, kind, spaces->own, name);
	for (size_t i = 0; !slash && i < spaces->v.n; i++)
		add_ref(c, kind, spaces->v.v[i], name);
}

/* A Secret may have its authority beside it, under its name and "-cacert"; and who names that one may mean the one
 * that has both. */
static void add(struct collector *c, const char *written, const struct spaces *spaces)
{
	static const char *const prefixes[] = {"kubernetes://", "kubernetes-gateway://"};
	static const char map_prefix[] = "configmap://";

	if (!written || !*written)
		return;
	if (!strncmp(written, map_prefix, sizeof(map_prefix) - 1)) {
		add_name(c, KIND_CONFIG_MAP, written + sizeof(map_prefix) - 1, spaces);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (!strncmp(written, prefixes[i], strlen(prefixes[i])))
			written += strlen(prefixes[i]);
	if (credential_is_of_ca(written))
		add_name(c, KIND_SECRET, arena_strndup(c->a, written, strlen(written) - strlen(CREDENTIAL_CA_SUFFIX)), spaces);
	add_name(c, KIND_SECRET, written, spaces);
	add_name(c, KIND_SECRET, arena_printf(c->a, "%s" CREDENTIAL_CA_SUFFIX, written), spaces);
}

static void add_server(struct collector *c, const struct server_tls *tls, const struct spaces *spaces)
{
	if (!tls)
		return;
	add(c, tls->credential_name, spaces);
	add(c, tls->ca_cert_credential_name, spaces);
	for (size_t i = 0; i < tls->credential_names.n; i++)
		add(c, tls->credential_names.v[i], spaces);
}

/* The root namespace, and those of the pods that a selector names, which are gateways. Pods stand by namespace. */
static const struct spaces *spaces_of(struct collector *c, const struct strmap *selector)
{
	const struct kind_list *pods = c->set->kind[KIND_POD];
	uint64_t bits = labels_bits(selector);

	if (c->selector && labels_equal(c->selector, selector))
		return &c->selected;
	c->selector = selector;
	c->selected = (struct spaces){0};
	*vec_push(&c->selected.v, c->a) = c->root;
	for (size_t i = 0; i < pods->n; i++) {
		const struct object *pod = pods->v[i];

		if (bits & ~pod->label_bits || !labels_match(selector, &pod->labels))
			continue;
		if (strcmp(pod->ns, c->root) != 0)
			*vec_push(&c->selected.v, c->a) = pod->ns;
		while (i + 1 < pods->n && !strcmp(pods->v[i + 1]->ns, pod->ns))
			i++;
	}
	for (size_t i = 0; i < c->selected.v.n; i++)
		*vec_push(&c->gateways.v, c->a) = c->selected.v.v[i];
	return &c->selected;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each once. */
static void settle_spaces(struct spaces *s)
{
	size_t n = 0;

	if (s->v.n)
		qsort(s->v.v, s->v.n, sizeof(s->v.v[0]), compare_texts);
	for (size_t i = 0; i < s->v.n; i++)
		if (!n || strcmp(s->v.v[n - 1], s->v.v[i]) != 0)
			s->v.v[n++] = s->v.v[i];
	s->v.n = n;
}

static void add_gateway(struct collector *c, const struct object *o)
{
	const struct gateway *g = object_spec(o, gateway);
	struct spaces spaces = *spaces_of(c, &g->selector);

	spaces.own = o->ns;
	*vec_push(&c->gateways.v, c->a) = o->ns;
	for (size_t i = 0; i < g->n_servers; i++)
		add_server(c, g->servers[i].tls, &spaces);
}

static void add_policy(struct collector *c, const struct traffic_policy *p, const struct spaces *spaces)
{
	if (!p)
		return;
	if (p->tls)
		add(c, p->tls->credential_name, spaces);
	for (size_t i = 0; i < p->n_port_level_settings; i++)
		if (p->port_level_settings[i].tls)
			add(c, p->port_level_settings[i].tls->credential_name, spaces);
}

/* A rule counts for the proxies of its namespace, and for gateways that call its host. */
static void add_rule(struct collector *c, const struct object *o)
{
	const struct destination_rule *r = object_spec(o, destination_rule);
	struct spaces spaces = c->gateways;

	spaces.own = o->ns;
	add_policy(c, r->traffic_policy, &spaces);
	for (size_t i = 0; i < r->n_subsets; i++)
		add_policy(c, r->subsets[i].traffic_policy, &spaces);
}

/* The certificates are Secrets of the gateways that serve Ingresses. */
static void add_ingresses(struct collector *c)
{
	const struct object_set *set = c->set;
	const struct kind_list *l = set->kind[KIND_INGRESS];
	struct strmap *selector = arena_new(c->a, struct strmap);
	const struct spaces *spaces;

	if (!l->n)
		return;
	*selector = ingress_selector(set->mesh, c->a);
	spaces = spaces_of(c, selector);
	for (size_t i = 0; i < l->n; i++) {
		const struct k_ingress *in = object_spec(l->v[i], k_ingress);
		const struct object *class =
		    in->class_name ? kind_list_find(set->kind[KIND_INGRESS_CLASS], "", in->class_name) : NULL;

		if (ingress_refusal(l->v[i], class, set->mesh, c->a))
			continue;
		for (size_t k = 0; k < in->n_tls; k++)
			add(c, in->tls[k].secret_name, spaces);
	}
}

/* ---- the Gateway API ---- */

/* Whole names, each in its own namespace; own: that of the object. */
static void add_object(struct collector *c, const char *group, const char *kind, const char *ns, const char *name, const char *own)
{
	if ((group && *group) || !name)
		return;
	ns = ns && *ns ? ns : own;
	if (!kind || !*kind || !strcmp(kind, "Secret"))
		add_ref(c, KIND_SECRET, ns, name);
	else if (!strcmp(kind, "ConfigMap"))
		add_ref(c, KIND_CONFIG_MAP, ns, name);
}

static void add_listeners(struct collector *c, const struct gwapi_listener *v, size_t n, const char *own)
{
	for (size_t i = 0; i < n; i++) {
		const struct gwapi_listener_tls *tls = v[i].tls;

		for (size_t k = 0; tls && k < tls->n_certificates; k++)
			add_object(c, tls->certificates[k].group, tls->certificates[k].kind, tls->certificates[k].ns,
				   tls->certificates[k].name, own);
	}
}

static void add_clients(struct collector *c, const struct gwapi_frontend_tls *tls, const char *own)
{
	const struct gwapi_client_validation *v = tls ? tls->validation : NULL;

	for (size_t i = 0; v && i < v->n_ca_certificates; i++)
		add_object(c, v->ca_certificates[i].group, v->ca_certificates[i].kind, v->ca_certificates[i].ns,
			   v->ca_certificates[i].name, own);
}

static void add_gwapi_gateway(struct collector *c, const struct object *o)
{
	const struct gwapi_gateway *g = object_spec(o, gwapi_gateway);
	const struct gwapi_frontend *frontend = g->tls ? g->tls->frontend : NULL;
	const struct gwapi_object_ref *client = g->tls && g->tls->backend ? g->tls->backend->client_certificate : NULL;
	const struct gwapi_local_ref *parameters = g->infrastructure ? g->infrastructure->parameters : NULL;

	add_listeners(c, g->listeners, g->n_listeners, o->ns);
	if (parameters && !strcmp(parameters->kind, "ConfigMap"))
		add_object(c, parameters->group, parameters->kind, NULL, parameters->name, o->ns);
	if (client)
		add_object(c, client->group, client->kind, client->ns, client->name, o->ns);
	if (frontend)
		add_clients(c, frontend->fallback, o->ns);
	for (size_t i = 0; frontend && i < frontend->n_per_port; i++)
		add_clients(c, frontend->per_port[i].tls, o->ns);
}

static void add_gwapi(struct collector *c)
{
	const struct kind_list *gateways = c->set->kind[KIND_GWAPI_GATEWAY], *sets = c->set->kind[KIND_LISTENER_SET];
	const struct kind_list *policies = c->set->kind[KIND_BACKEND_TLS_POLICY];

	for (size_t i = 0; i < gateways->n; i++)
		add_gwapi_gateway(c, gateways->v[i]);
	for (size_t i = 0; i < sets->n; i++) {
		const struct gwapi_listener_set *s = object_spec(sets->v[i], gwapi_listener_set);

		add_listeners(c, s->listeners, s->n_listeners, sets->v[i]->ns);
	}
	for (size_t i = 0; i < policies->n; i++) {
		const struct gwapi_server_validation *v = object_spec(policies->v[i], gwapi_backend_tls_policy)->validation;

		for (size_t k = 0; v && k < v->n_ca_certificates; k++)
			add_object(c, v->ca_certificates[k].group, v->ca_certificates[k].kind, NULL, v->ca_certificates[k].name,
				   policies->v[i]->ns);
	}
}

/* ---- all ---- */

const enum kind credential_kinds[CREDENTIAL_KINDS] = {
    KIND_GATEWAY, KIND_INGRESS, KIND_INGRESS_CLASS, KIND_DESTINATION_RULE, KIND_POD,
    KIND_GWAPI_GATEWAY, KIND_LISTENER_SET, KIND_BACKEND_TLS_POLICY};

void credential_refs_build(const struct object_set *set, const char *root_namespace, struct arena *a,
			   struct credential_refs *out)
{
	const struct kind_list *gateways = set->kind[KIND_GATEWAY], *rules = set->kind[KIND_DESTINATION_RULE];
	struct collector c = {.a = a, .set = set, .root = root_namespace};
	size_t n = 0;

	*vec_push(&c.gateways.v, a) = root_namespace;
	for (size_t i = 0; i < gateways->n; i++)
		add_gateway(&c, gateways->v[i]);
	add_ingresses(&c);
	settle_spaces(&c.gateways);
	for (size_t i = 0; i < rules->n; i++)
		add_rule(&c, rules->v[i]);
	add_gwapi(&c);
	if (c.refs.n)
		qsort(c.refs.v, c.refs.n, sizeof(c.refs.v[0]), compare);
	for (size_t i = 0; i < c.refs.n; i++)
		if (!n || compare(&c.refs.v[n - 1], &c.refs.v[i]) != 0)
			c.refs.v[n++] = c.refs.v[i];
	*out = (struct credential_refs){c.refs.v, n};
}

bool credential_refs_have(const struct credential_refs *refs, enum kind kind, const char *ns, const char *name)
{
	struct credential_ref wanted = {kind, ns, name};

	return refs->n && bsearch(&wanted, refs->v, refs->n, sizeof(wanted), compare);
}
