/* SPDX-License-Identifier: Apache-2.0 */
#include "store/secret_refs.h"

#include <stdlib.h>
#include <string.h>

#include "base/scalar.h"
#include "base/vec.h"
#include "model/labels.h"
#include "model/traffic.h"

struct collector {
	struct arena *a;
	VEC(struct secret_ref) v;
	VEC(const char *) spaces;	/* of the object in hand */
};

static int compare(const void *a, const void *b)
{
	const struct secret_ref *x = a, *y = b;
	int c = strcmp(x->ns, y->ns);

	return c ? c : strcmp(x->name, y->name);
}

/* A name that no Secret can have names none. */
static void add_name(struct collector *c, const char *name)
{
	if (!scalar_is_dns_name(name))
		return;
	for (size_t i = 0; i < c->spaces.n; i++)
		*vec_push(&c->v, c->a) = (struct secret_ref){c->spaces.v[i], name};
}

/* "NAME", "kubernetes://NAME", and the "-cacert" of either; "kubernetes://NS/NAME" is not of a mesh. */
static void add(struct collector *c, const char *written)
{
	static const char prefix[] = "kubernetes://", ca[] = "-cacert";
	size_t n;

	if (!written || !*written)
		return;
	if (!strncmp(written, prefix, sizeof(prefix) - 1))
		written += sizeof(prefix) - 1;
	n = strlen(written);
	if (n >= sizeof(ca) && !strcmp(written + n - (sizeof(ca) - 1), ca))
		add_name(c, arena_strndup(c->a, written, n - (sizeof(ca) - 1)));
	add_name(c, written);
	add_name(c, arena_printf(c->a, "%s%s", written, ca));
}

static void add_space(struct collector *c, const char *ns)
{
	for (size_t i = 0; i < c->spaces.n; i++)
		if (!strcmp(c->spaces.v[i], ns))
			return;
	*vec_push(&c->spaces, c->a) = ns;
}

static void add_gateway(struct collector *c, const struct object_set *set, const struct object *o)
{
	const struct gateway *g = object_spec(o, gateway);
	const struct kind_list *pods = set->kind[KIND_POD];
	bool names = false;

	for (size_t i = 0; i < g->n_servers; i++)
		names = names || (g->servers[i].tls && (g->servers[i].tls->credential_name || g->servers[i].tls->credential_names.n ||
							g->servers[i].tls->ca_cert_credential_name));
	if (!names)
		return;
	c->spaces.n = 0;
	add_space(c, o->ns);
	for (size_t i = 0; i < pods->n; i++)
		if (labels_match(&g->selector, &pods->v[i]->labels))
			add_space(c, pods->v[i]->ns);
	for (size_t i = 0; i < g->n_servers; i++) {
		const struct server_tls *tls = g->servers[i].tls;

		if (!tls)
			continue;
		add(c, tls->credential_name);
		add(c, tls->ca_cert_credential_name);
		for (size_t k = 0; k < tls->credential_names.n; k++)
			add(c, tls->credential_names.v[k]);
	}
}

static void add_policy(struct collector *c, const struct traffic_policy *p)
{
	if (!p)
		return;
	if (p->tls)
		add(c, p->tls->credential_name);
	for (size_t i = 0; i < p->n_port_level_settings; i++)
		if (p->port_level_settings[i].tls)
			add(c, p->port_level_settings[i].tls->credential_name);
}

static void add_rule(struct collector *c, const struct object *o)
{
	const struct destination_rule *r = object_spec(o, destination_rule);

	c->spaces.n = 0;
	add_space(c, o->ns);
	add_policy(c, r->traffic_policy);
	for (size_t i = 0; i < r->n_subsets; i++)
		add_policy(c, r->subsets[i].traffic_policy);
}

void secret_refs_build(const struct object_set *set, struct arena *a, struct secret_refs *out)
{
	const struct kind_list *gateways = set->kind[KIND_GATEWAY], *rules = set->kind[KIND_DESTINATION_RULE];
	struct collector c = {.a = a};
	size_t n = 0;

	for (size_t i = 0; i < gateways->n; i++)
		add_gateway(&c, set, gateways->v[i]);
	for (size_t i = 0; i < rules->n; i++)
		add_rule(&c, rules->v[i]);
	if (c.v.n)
		qsort(c.v.v, c.v.n, sizeof(c.v.v[0]), compare);
	for (size_t i = 0; i < c.v.n; i++)
		if (!n || compare(&c.v.v[n - 1], &c.v.v[i]) != 0)
			c.v.v[n++] = c.v.v[i];
	*out = (struct secret_refs){c.v.v, n};
}

bool secret_refs_have(const struct secret_refs *refs, const char *ns, const char *name)
{
	struct secret_ref wanted = {ns, name};

	return refs->n && bsearch(&wanted, refs->v, refs->n, sizeof(wanted), compare);
}
