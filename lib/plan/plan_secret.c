/* SPDX-License-Identifier: Apache-2.0
 *
 * ROOTCA, for whoever asks for it. Secrets of gateways: rows for those that a view's servers or rules
 * name and that are there, whole and in the proxy's own namespace, or granted to its Gateway by another
 * one. For any other name SDS has nothing (istio-behaviour.md 1.3).
 */
#include "plan/plan_gateway_int.h"

#include <string.h>

#include "mesh/credential.h"
#include "mesh/grant.h"

static const char kube_prefix[] = "kubernetes://", map_prefix[] = "configmap://";

/* ---- what a Secret gives ---- */

/* One SDS name: the Secret behind it, which part of it, and what that gives. */
struct wanted {
	const struct object *secret;
	bool is_ca;
	struct ir_secret ir;
};

static bool read_secret(struct wanted *w)
{
	struct credential c = {0};
	bool ok = w->is_ca ? credential_read_ca(w->secret, &c) : credential_read_cert(w->secret, &c);

	w->ir.cert_chain = c.cert_chain;
	w->ir.private_key = c.private_key;
	w->ir.ca = c.ca;
	w->ir.crl = c.crl;
	return ok;
}

static void expand_secret(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	const struct wanted *w = row->ref;
	struct ir_secret *ir = arena_copy(a, &w->ir, sizeof(w->ir));
	struct origins origins = {.arena = a};

	(void)p;
	ir->name = row->name;
	origins_add(&origins, w->secret);
	ir->origins = origins_done(&origins);
	out->secret = ir;
}

/* ---- the mesh's own roots ---- */

static void expand_roots(const struct plan *p, const struct plan_row *row, struct arena *a, struct ir *out)
{
	struct ir_secret *ir = arena_new(a, struct ir_secret);

	ir->name = row->name;
	ir->ca = p->snap->objects.settings->roots;
	ir->crl = p->snap->objects.settings->crl;
	out->secret = ir;
}

void plan_roots_row(struct plan *p, struct plan_rows *rows)
{
	const struct mesh_settings *m = p->snap->objects.settings;
	struct hash128 inputs = hash_bytes("roots", 5);

	if (!m->roots)
		return;
	inputs = hash_mix_str(hash_mix_str(inputs, m->roots), m->crl ? m->crl : "");
	*vec_push(&rows->v, rows->arena) =
	    (struct plan_row){.type = IR_SECRET, .name = "ROOTCA", .inputs = inputs, .expand = expand_roots};
}

/* ---- rows ---- */

struct secrets {
	const struct plan *p;
	struct gateways *g;		/* or NULL: of a sidecar */
	struct plan_rows *rows;
	struct map given, failed;	/* by SDS name */
};

/* Who names a Secret: a server of a Gateway, or a rule. */
struct asker {
	const struct object *obj;
	const struct gw *gw;		/* or NULL: a rule */
	size_t server;
};

static void report(struct secrets *s, const struct asker *by, enum gateway_fault fault, const char *name)
{
	if (!s->g)
		return;
	*vec_push(&s->g->findings, s->rows->arena) =
	    (struct plan_gateway_finding){.fault = fault, .obj = by->obj, .server = by->server, .text = name};
}

/* A Secret by its place. */
struct secret_name {
	const char *ns, *name;
	bool is_gateway;	/* in the form of Gateway API */
};

/* "kubernetes://name", "kubernetes://ns/name" or "kubernetes-gateway://ns/name"; without a namespace the view's. False:
 * another form. */
static bool parse_name(const struct secrets *s, const char *sds, struct secret_name *out)
{
	static const char gateway_prefix[] = "kubernetes-gateway://";
	const char *name, *slash;

	*out = (struct secret_name){.ns = s->p->view->ns, .is_gateway = strncmp(sds, gateway_prefix, sizeof(gateway_prefix) - 1) == 0};
	if (!out->is_gateway && strncmp(sds, kube_prefix, sizeof(kube_prefix) - 1) != 0)
		return false;
	name = sds + (out->is_gateway ? sizeof(gateway_prefix) : sizeof(kube_prefix)) - 1;
	slash = strchr(name, '/');
	if (slash)
		out->ns = arena_strndup(s->rows->arena, name, (size_t)(slash - name));
	out->name = slash ? slash + 1 : name;
	return true;
}

static bool is_granted(const struct secrets *s, const struct secret_name *at, const char *name, const struct object *by)
{
	enum kind kind = by->kind == KIND_GATEWAY ? KIND_GWAPI_GATEWAY : by->kind;

	return !strcmp(by->ns, at->ns) || grant_allows(s->p->snap, kind, by->ns, KIND_SECRET, at->ns, name);
}

/* Those of the view's namespace, which is that of the identity that its proxies have shown. Of another one, in the form
 * of Gateway API, what a ReferenceGrant there lets Gateways of this namespace, or ListenerSets that they take, refer to
 * (Istio's rule). */
static bool may_have(const struct secrets *s, const struct secret_name *at, const char *name, const struct asker *by)
{
	const char *own = s->p->view->ns;

	if (!strcmp(at->ns, own))
		return true;
	return at->is_gateway && by->gw && by->obj->kind != KIND_INGRESS && !strcmp(by->gw->home->ns, own) &&
	       (is_granted(s, at, name, by->obj) || is_granted(s, at, name, by->gw->home));
}

static const struct object *allowed_secret(const struct secrets *s, const struct secret_name *at, const char *name,
					   const struct asker *by)
{
	return may_have(s, at, name, by) ? snapshot_object(s->p->snap, KIND_SECRET, at->ns, name) : NULL;
}

/* "configmap://ns/name" or "configmap://name": certificates of a CA are no secret, so any namespace
 * will do. NULL: another form, or absent. */
static const struct object *find_map(const struct secrets *s, const char *sds)
{
	const char *name = sds + strlen(map_prefix), *slash = strchr(name, '/');

	if (!slash)
		return snapshot_object(s->p->snap, KIND_CONFIG_MAP, s->p->view->ns, name);
	return snapshot_object(s->p->snap, KIND_CONFIG_MAP, arena_strndup(s->rows->arena, name, (size_t)(slash - name)),
			       slash + 1);
}

/* A CA may have a Secret of its own, or stand in the certificate's. */
static const struct object *find_secret(const struct secrets *s, const struct secret_name *at, bool is_ca, const struct asker *by)
{
	const struct object *o = allowed_secret(s, at, at->name, by);
	size_t suffix = strlen(CREDENTIAL_CA_SUFFIX);

	if (o || !is_ca || !credential_is_of_ca(at->name))
		return o;
	return allowed_secret(s, at, arena_strndup(s->rows->arena, at->name, strlen(at->name) - suffix), by);
}

/* One that another server may have is said once, and not given up. */
static void fail_one(struct secrets *s, const char *sds, const struct asker *by, enum gateway_fault fault)
{
	if (!map_get(&s->failed, sds))
		report(s, by, fault, sds);
	map_set(&s->failed, sds, s);
}

static void want(struct secrets *s, const char *sds, bool is_ca, const struct asker *by)
{
	struct arena *a = s->rows->arena;
	struct secret_name at;
	struct wanted *w = arena_new(a, struct wanted);
	bool is_map = is_ca && strncmp(sds, map_prefix, strlen(map_prefix)) == 0;

	if (map_get(&s->given, sds) || (!is_map && (!s->g || !parse_name(s, sds, &at))))
		return;
	w->is_ca = is_ca;
	w->secret = is_map ? find_map(s, sds) : find_secret(s, &at, is_ca, by);
	if (!w->secret || !read_secret(w)) {
		fail_one(s, sds, by, w->secret ? GATEWAY_SECRET_MALFORMED : GATEWAY_SECRET_MISSING);
		return;
	}
	map_set(&s->given, sds, w);
	*vec_push(&s->rows->v, a) =
	    (struct plan_row){.type = IR_SECRET,
			      .name = sds,
			      .inputs = hash_mix_u64(hash_mix_str(w->secret->hash, sds), is_ca),
			      .expand = expand_secret,
			      .ref = w};
}

static void want_server(struct secrets *s, const struct gw_entry *e)
{
	const struct asker by = {e->claim.gateway->obj, e->claim.gateway, e->index};

	for (size_t i = 0; i < e->certs.n; i++)
		want(s, e->certs.v[i], false, &by);
	if (e->ca)
		want(s, e->ca, true, &by);
}

static void want_client(struct secrets *s, const struct client_tls *t, const struct object *rule)
{
	const struct asker by = {.obj = rule};
	const char *sds;

	if (!t || !t->credential_name || !*t->credential_name)
		return;
	sds = credential_sds_name(t->credential_name, s->rows->arena);
	if (t->mode == CLIENT_TLS_MUTUAL)
		want(s, sds, false, &by);
	if (t->mode == CLIENT_TLS_SIMPLE || t->mode == CLIENT_TLS_MUTUAL)
		want(s, tls_credential(sds, CREDENTIAL_CA_SUFFIX, s->rows->arena), true, &by);
}

static void want_policy(struct secrets *s, const struct traffic_policy *t, const struct object *by)
{
	if (!t)
		return;
	want_client(s, t->tls, by);
	for (size_t i = 0; i < t->n_port_level_settings; i++)
		want_client(s, t->port_level_settings[i].tls, by);
}

static void want_rules(struct secrets *s)
{
	for (size_t i = 0; i < s->p->scope.n_svcs; i++) {
		const struct dr *dr = s->p->scope.svcs[i].dr;

		if (!dr)
			continue;
		want_policy(s, dr->policy, dr->objs[0]);
		for (size_t k = 0; k < dr->n_subsets; k++)
			want_policy(s, dr->subsets[k].traffic_policy, dr->objs[0]);
	}
}

static void want_gateway_certs(struct secrets *s)
{
	for (size_t i = 0; i < s->p->view->n_gateways; i++) {
		const struct gw *gw = s->p->view->gateways[i];
		const struct asker by = {.obj = gw->home, .gw = gw};

		if (gw->client_cert)
			want(s, gw->client_cert, false, &by);
	}
}

void plan_secret_rows(struct plan *p, struct gateways *g, struct plan_rows *rows)
{
	struct secrets s = {.p = p, .g = g, .rows = rows};

	map_init(&s.given, rows->arena);
	map_init(&s.failed, rows->arena);
	for (size_t i = 0; i < g->ports.n; i++)
		for (size_t k = 0; k < g->ports.v[i]->entries.n; k++)
			want_server(&s, g->ports.v[i]->entries.v[k]);
	want_gateway_certs(&s);
	want_rules(&s);
}

void plan_ca_rows(struct plan *p, struct plan_rows *rows)
{
	struct secrets s = {.p = p, .rows = rows};

	map_init(&s.given, rows->arena);
	map_init(&s.failed, rows->arena);
	want_rules(&s);
}
