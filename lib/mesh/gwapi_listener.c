/* SPDX-License-Identifier: Apache-2.0
 *
 * One listener of a Gateway or ListenerSet: what it takes, and the server of a Gateway of Istio that it is.
 */
#include "mesh/gwapi_int.h"

#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "mesh/credential.h"
#include "mesh/grant.h"
#include "model/kube.h"

enum { WAYPOINT_PORT = 15008, MESH_PORT = 15443, CERTS_MAX = 2 };

static bool is(const char *text, const char *want)
{
	return !strcmp(text ? text : "", want);
}

/* ---- kinds of routes ---- */

#define BIT(kind) (UINT64_C(1) << (kind))

static bool terminates(const struct gwapi_listener *l)
{
	return l->tls && l->tls->mode != GWAPI_TLS_Passthrough;
}

static uint64_t kinds_of_protocol(const struct gwapi_listener *l)
{
	if (is(l->protocol, "HTTP") || is(l->protocol, "HTTPS"))
		return BIT(KIND_HTTP_ROUTE) | BIT(KIND_GRPC_ROUTE);
	if (is(l->protocol, "TCP"))
		return BIT(KIND_TCP_ROUTE);
	if (is(l->protocol, "TLS"))
		return BIT(KIND_TLS_ROUTE) | (terminates(l) ? BIT(KIND_TCP_ROUTE) : 0);
	return 0;
}

static void set_kinds(struct api_listener *l)
{
	const struct gwapi_allowed_routes *allowed = l->spec->allowed_routes;
	uint64_t possible = kinds_of_protocol(l->spec), named = 0;

	l->kinds = possible;
	for (size_t i = 0; allowed && i < allowed->n_kinds; i++) {
		const struct gwapi_route_kind *k = &allowed->kinds[i];
		uint64_t bit = 0;

		for (enum kind route = KIND_HTTP_ROUTE; route <= KIND_UDP_ROUTE; route++)
			if (is(k->kind, kind_info(route)->name) && (!k->group || is(k->group, kind_info(route)->group)))
				bit = BIT(route) & possible;
		named |= bit;
		l->wrong_kinds = l->wrong_kinds || !bit;
	}
	if (allowed && allowed->n_kinds)
		l->kinds = named;
}

/* ---- namespaces of routes ---- */

bool api_selects_namespace(const struct snapshot *s, const struct gwapi_selector *selector, const char *ns, struct arena *a)
{
	const struct object *o = snapshot_object(s, KIND_NAMESPACE, "", ns);
	struct strmap labels;

	if (!selector || !o)
		return false;
	labels = namespace_labels(&o->labels, ns, a);
	for (size_t i = 0; i < selector->n_expressions; i++) {
		const struct gwapi_requirement *r = &selector->expressions[i];

		if (!labels_expression_holds(r->key, r->operator, &r->values, &labels))
			return false;
	}
	return labels_match(&selector->match_labels, &labels);
}

static void set_namespaces(const struct api_making *m, const struct api_parent *p, struct api_listener *l)
{
	const struct gwapi_allowed_routes *allowed = l->spec->allowed_routes;
	const struct gwapi_route_namespaces *from = allowed ? allowed->namespaces : NULL;
	const struct kind_list *all = m->s->objects.kind[KIND_NAMESPACE];
	VEC(const char *) out = {0};

	if (!from || !from->from || from->from == GWAPI_FROM_Same)
		*vec_push(&out, m->arena) = arena_strdup(m->arena, p->obj->ns);
	else if (from->from == GWAPI_FROM_All)
		*vec_push(&out, m->arena) = "*";
	for (size_t i = 0; !out.n && i < all->n; i++)
		if (api_selects_namespace(m->s, from->selector, all->v[i]->name, m->arena))
			*vec_push(&out, m->arena) = arena_strdup(m->arena, all->v[i]->name);
	l->namespaces = (struct strs){out.v, out.n};
}

/* ---- TLS ---- */

struct secret_ref {
	const struct object *owner;
	const char *group, *kind, *ns, *name;
};

/* Reasons of the one who asks, where the object is of no kind that will do, or not there, or damaged. */
struct ref_reasons {
	const char *kind, *missing;
};

/* Asked before anybody looks whether the object is there: what is not allowed is not told. */
static struct api_fault ref_fault(const struct api_making *m, const struct secret_ref *r, bool is_ca, const struct ref_reasons *why)
{
	bool is_map = is_ca && is(r->group, "") && is(r->kind, "ConfigMap");
	enum kind kind = is_map ? KIND_CONFIG_MAP : KIND_SECRET;
	const struct object *o;
	struct credential c;

	if (!is_map && (!is(r->group, "") || !is(r->kind, "Secret")))
		return (struct api_fault){why->kind, arena_printf(m->arena, "no certificates are taken of a %s", r->kind)};
	if (strcmp(r->ns, r->owner->ns) != 0 && !grant_allows(m->s, r->owner->kind, r->owner->ns, kind, r->ns, r->name))
		return (struct api_fault){"RefNotPermitted",
					  arena_printf(m->arena, "no ReferenceGrant of namespace %s lets kind %s of namespace %s refer to %s %s", r->ns,
						       kind_info(r->owner->kind)->name, r->owner->ns, r->kind, r->name)};
	o = snapshot_object(m->s, kind, r->ns, r->name);
	if (!o)
		return (struct api_fault){why->missing, arena_printf(m->arena, "%s %s/%s does not exist", r->kind, r->ns, r->name)};
	if (!(is_ca ? credential_read_ca(o, &c) : credential_read_cert(o, &c)))
		return (struct api_fault){why->missing, arena_printf(m->arena, "%s %s/%s has no %s", r->kind, r->ns, r->name,
								     is_ca ? "certificates of a CA" : "certificate with its key")};
	return (struct api_fault){0};
}

static const char *secret_sds_name(const struct secret_ref *r, struct arena *a)
{
	return arena_printf(a, "kubernetes-gateway://%s/%s", r->ns, r->name);
}

static struct secret_ref cert_ref(const struct object *owner, const struct gwapi_object_ref *r)
{
	return (struct secret_ref){owner, r->group, r->kind ? r->kind : "Secret", r->ns ? r->ns : owner->ns, r->name};
}

void api_set_client_cert(const struct api_making *m, struct api_parent *p)
{
	static const struct ref_reasons why = {"InvalidClientCertificateRef", "InvalidClientCertificateRef"};
	const struct gwapi_gateway_tls *tls = object_spec(p->obj, gwapi_gateway)->tls;
	struct secret_ref r;

	if (!tls || !tls->backend || !tls->backend->client_certificate)
		return;
	r = cert_ref(p->obj, tls->backend->client_certificate);
	p->client_cert = ref_fault(m, &r, false, &why);
	if (!p->client_cert.reason)
		p->client_cert_name = secret_sds_name(&r, m->arena);
}

/* Of several certificates one is enough. */
static void set_certs(const struct api_making *m, const struct api_parent *p, struct api_listener *l)
{
	static const struct ref_reasons why = {"InvalidCertificateRef", "InvalidCertificateRef"};
	const struct gwapi_listener_tls *tls = l->spec->tls;
	const char **out = arena_array(m->arena, const char *, tls->n_certificates);
	struct api_fault first = {0};

	if (tls->n_certificates > CERTS_MAX) {
		l->refs = (struct api_fault){why.missing, "a server has at most two certificates"};
		return;
	}
	for (size_t i = 0; i < tls->n_certificates; i++) {
		struct secret_ref r = cert_ref(p->obj, &tls->certificates[i]);
		struct api_fault f = ref_fault(m, &r, false, &why);

		if (!f.reason)
			out[l->certs.n++] = secret_sds_name(&r, m->arena);
		else if (!first.reason)
			first = f;
	}
	l->certs.v = out;
	if (!l->certs.n)
		l->refs = first.reason ? first : (struct api_fault){why.missing, "it names no certificate"};
}

static const struct gwapi_client_validation *validation_of(const struct object *gateway, uint32_t port)
{
	const struct gwapi_gateway_tls *tls = object_spec(gateway, gwapi_gateway)->tls;
	const struct gwapi_frontend *f = tls ? tls->frontend : NULL;

	for (size_t i = 0; f && i < f->n_per_port; i++)
		if (f->per_port[i].port == port)
			return f->per_port[i].tls->validation;
	return f && f->fallback ? f->fallback->validation : NULL;
}

static void set_client_validation(const struct api_making *m, const struct api_parent *p, struct api_listener *l)
{
	static const struct ref_reasons why = {"InvalidCACertificateKind", "InvalidCACertificateRef"};
	const struct gwapi_client_validation *v = validation_of(p->gateway, l->spec->port);
	const struct gwapi_far_ref *ref;
	struct secret_ref r;

	if (!v || !v->n_ca_certificates)
		return;
	ref = &v->ca_certificates[0];
	r = (struct secret_ref){p->gateway, ref->group, ref->kind, ref->ns ? ref->ns : p->gateway->ns, ref->name};
	l->insecure = v->mode == GWAPI_CLIENTS_AllowInsecureFallback;
	l->tls_mode = l->insecure ? SERVER_TLS_OPTIONAL_MUTUAL : SERVER_TLS_MUTUAL;
	l->refs = v->n_ca_certificates > 1 ? (struct api_fault){why.missing, "one reference to certificates of a CA is taken"}
					   : ref_fault(m, &r, true, &why);
	if (l->refs.reason)
		l->unsupported = (struct api_fault){"NoValidCACertificate", l->refs.text};
	else
		l->ca = is(ref->kind, "ConfigMap") ? arena_printf(m->arena, "configmap://%s/%s", r.ns, r.name) : secret_sds_name(&r, m->arena);
}

/* The port of a Gateway with a network that other networks of the mesh come in by. */
static bool passes_mesh(const struct object *gateway, uint32_t port)
{
	const char *text = strmap_get(&gateway->labels, "networking.istio.io/gatewayPort");
	int64_t number = MESH_PORT;

	if (text && scalar_int(text, 1, UINT16_MAX, &number) < 0)
		return false;
	return strmap_get(&gateway->labels, "topology.istio.io/network") && port == (uint32_t)number;
}

static void set_tls(const struct api_making *m, const struct api_parent *p, struct api_listener *l)
{
	static const struct {
		const char *text;
		enum server_tls_mode mode;
		bool own_identity;
	} modes[] = {{"MUTUAL", SERVER_TLS_MUTUAL, false}, {"OPTIONAL_MUTUAL", SERVER_TLS_OPTIONAL_MUTUAL, false},
		     {"ISTIO_SIMPLE", SERVER_TLS_SIMPLE, true}, {"ISTIO_MUTUAL", SERVER_TLS_ISTIO_MUTUAL, true}};
	static const char *const own[] = {"builtin://"};
	const struct gwapi_listener_tls *tls = l->spec->tls;
	const char *option = tls ? strmap_get(&tls->options, "gateway.istio.io/tls-terminate-mode") : NULL;

	l->tls_mode = SERVER_TLS_PASSTHROUGH;
	if (!tls && is(l->spec->protocol, "HTTPS"))
		l->refs = (struct api_fault){"InvalidCertificateRef", "it names no certificate"};
	if (!tls)
		return;
	if (!terminates(l->spec)) {
		l->tls_mode = passes_mesh(p->gateway, l->spec->port) ? SERVER_TLS_AUTO_PASSTHROUGH : SERVER_TLS_PASSTHROUGH;
		return;
	}
	l->tls_mode = SERVER_TLS_SIMPLE;
	for (size_t i = 0; option && i < ARRAY_LEN(modes); i++) {
		if (!is(option, modes[i].text))
			continue;
		l->tls_mode = modes[i].mode;
		if (modes[i].own_identity) {
			l->certs = (struct strs){.v = (const char **)own, .n = l->tls_mode == SERVER_TLS_SIMPLE};
			return;
		}
	}
	set_certs(m, p, l);
	if (!l->refs.reason)
		set_client_validation(m, p, l);
}

/* ---- the whole ---- */

static struct api_fault protocol_fault(const struct api_making *m, const struct api_parent *p, const struct gwapi_listener *l)
{
	static const char *const known[] = {"HTTP", "HTTPS", "TLS", "TCP"};
	const char *protocol = l->protocol ? l->protocol : "";

	if (p->controller == API_WAYPOINT)
		return is(protocol, "HBONE") && l->port == WAYPOINT_PORT
			   ? (struct api_fault){0}
			   : (struct api_fault){"UnsupportedProtocol", "a waypoint listens for HBONE on port 15008"};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (is(protocol, known[i]))
			return (struct api_fault){0};
	return (struct api_fault){"UnsupportedProtocol", arena_printf(m->arena, "protocol %s is not supported", protocol)};
}

static struct hash128 listener_hash(const struct api_parent *p, const struct api_listener *l)
{
	struct hash128 h = hash_mix_u64(hash_mix(hash_bytes("listener", 8), p->obj->hash), l->index);

	h = hash_mix_str(hash_mix_str(hash_mix(h, p->gateway->hash), l->ca), p->client_cert_name);
	h = hash_strs(hash_strs(h, &l->namespaces), &l->certs);
	return hash_mix_u64(hash_strs(h, &p->services), (uint64_t)l->tls_mode << 2 | (uint64_t)l->insecure << 1 | (uint64_t)p->managed);
}

void api_listener_init(const struct api_making *m, const struct api_parent *p, struct api_listener *l)
{
	l->gateway_name = arena_printf(m->arena, "%s-istio-autogenerated-k8s-gateway-%s", p->obj->name, l->spec->name);
	l->host = l->spec->hostname && *l->spec->hostname ? l->spec->hostname : "*";
	set_kinds(l);
	set_namespaces(m, p, l);
	if (p->controller == API_GATEWAY)
		set_tls(m, p, l);
	if (!l->unsupported.reason)
		l->unsupported = protocol_fault(m, p, l->spec);
	l->hash = listener_hash(p, l);
}

/* ---- as a Gateway of Istio ---- */

static struct strs words(const char *text, struct arena *a)
{
	VEC(const char *) out = {0};
	size_t n;

	for (const char *p = text; p && *p; p += n + (p[n] == ',')) {
		n = strcspn(p, ",");
		if (n)
			*vec_push(&out, a) = arena_strndup(a, p, n);
	}
	return (struct strs){out.v, out.n};
}

static struct strs copy_strs(const struct strs *in, struct arena *a)
{
	const char **v = arena_array(a, const char *, in->n);

	for (size_t i = 0; i < in->n; i++)
		v[i] = arena_strdup(a, in->v[i]);
	return (struct strs){v, in->n};
}

static const struct server_tls *server_tls_of(const struct api_listener *l, struct arena *a)
{
	struct server_tls *t = arena_new(a, struct server_tls);

	t->mode = l->tls_mode;
	t->credential_names = copy_strs(&l->certs, a);
	t->ca_cert_credential_name = l->ca ? arena_strdup(a, l->ca) : NULL;
	t->insecure_skip_verify = (struct opt_bool){l->insecure, l->insecure};
	t->cipher_suites = words(strmap_get(&l->spec->tls->options, "gateway.istio.io/tls-cipher-suites"), a);
	return t;
}

/* Routes of nobody may attach: the server is there for its certificate, and answers 404. */
static struct strs hosts_of(const struct api_listener *l, struct arena *a)
{
	const char **v = arena_array(a, const char *, l->namespaces.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < l->namespaces.n; i++)
		v[n++] = arena_printf(a, "%s/%s", l->namespaces.v[i], l->host);
	if (!n)
		v[n++] = arena_printf(a, "~/%s", l->host);
	return (struct strs){v, n};
}

static struct strmap name_label(const char *name, struct arena *a)
{
	struct str_pair *v = arena_new(a, struct str_pair);

	*v = (struct str_pair){API_GATEWAY_LABEL, name};
	return (struct strmap){.v = v, .n = 1};
}

void api_listener_convert(const struct api_parent *p, const struct api_listener *l, struct gw *gw, struct arena *a)
{
	struct gateway *spec = arena_new(a, struct gateway);
	struct gw_server *server = arena_new(a, struct gw_server);
	struct gw_port *port = arena_new(a, struct gw_port);
	const char *services = "";

	*port = (struct gw_port){.number = l->spec->port, .protocol = l->spec->protocol, .name = "default"};
	server->port = port;
	server->hosts = hosts_of(l, a);
	server->tls = l->spec->tls ? server_tls_of(l, a) : NULL;
	spec->servers = server;
	spec->n_servers = 1;
	if (p->managed)
		spec->selector = name_label(p->gateway->name, a);
	for (size_t i = 0; i < p->services.n; i++)
		services = arena_printf(a, "%s%s%s", services, i ? "," : "", p->services.v[i]);
	gw->ns = p->obj->ns;
	gw->name = arena_strdup(a, l->gateway_name);
	gw->spec = spec;
	gw->created_ns = p->obj->created_ns;
	gw->services = services;
	gw->client_cert = p->client_cert_name ? arena_strdup(a, p->client_cert_name) : NULL;
	gw->home = p->gateway;
	gw->listener = l->index;
	gw->part.hash = l->hash;
}
