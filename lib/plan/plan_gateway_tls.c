/* SPDX-License-Identifier: Apache-2.0
 *
 * The TLS contexts of gateway servers (istio-behaviour.md 1.3).
 */
#include "plan/plan_gateway_int.h"

#include <string.h>

static const char kube_prefix[] = "kubernetes://", external_prefix[] = "sds://";

static bool is_set(const char *text)
{
	return text && *text;
}

const char *credential_sds_name(const char *name, struct arena *a)
{
	static const char *const schemes[] = {kube_prefix, "kubernetes-gateway://", "configmap://", external_prefix, "invalid://"};

	if (strncmp(name, "builtin://", 10) == 0)
		return "default";
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(name, schemes[i], strlen(schemes[i])) == 0)
			return name;
	return arena_printf(a, "%s%s", kube_prefix, name);
}

struct strs server_credentials(const struct server_tls *t, struct arena *a)
{
	const char **out = arena_array(a, const char *, t->credential_names.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < t->credential_names.n; i++)
		out[n++] = credential_sds_name(t->credential_names.v[i], a);
	if (!n && is_set(t->credential_name))
		out[n++] = credential_sds_name(t->credential_name, a);
	return (struct strs){.v = out, .n = n};
}

const char *server_ca_credential(const struct server_tls *t, struct arena *a)
{
	const char *first = t->credential_names.n ? t->credential_names.v[0] : t->credential_name;

	if (t->mode != SERVER_TLS_MUTUAL && t->mode != SERVER_TLS_OPTIONAL_MUTUAL)
		return NULL;
	if (is_set(t->ca_cert_credential_name))
		return credential_sds_name(t->ca_cert_credential_name, a);
	if (!is_set(first))
		return NULL;
	if (strncmp(first, "builtin://", 10) == 0)
		return "ROOTCA";
	return arena_printf(a, "%s%s", credential_sds_name(first, a), CREDENTIAL_CA_SUFFIX);
}

struct strs tls_known(const struct strs *in, bool (*is_known)(const char *), struct arena *a)
{
	const char **out = arena_array(a, const char *, in->n);
	struct strs s = {.v = out};

	for (size_t i = 0; i < in->n; i++)
		if (is_known(in->v[i]) && !strs_has(&s, in->v[i]))
			out[s.n++] = in->v[i];
	return s;
}

/* Of the workload from the agent; "sds://..." from a server beside the proxy, if it says that there is
 * one; all else from here. */
static struct ir_secret_ref credential_ref(const struct plan *p, const char *name)
{
	enum ir_sds from = IR_SDS_ADS;

	if (strcmp(name, "default") == 0 || strcmp(name, "ROOTCA") == 0)
		from = IR_SDS_AGENT;
	else if (strncmp(name, external_prefix, strlen(external_prefix)) == 0 && p->view->external_sds)
		from = IR_SDS_EXTERNAL;
	return (struct ir_secret_ref){.from = from, .name = name};
}

static void set_certs(const struct plan *p, struct ir_tls *t, const struct strs *names, struct arena *a)
{
	struct ir_secret_ref *refs = arena_array(a, struct ir_secret_ref, names->n);

	for (size_t i = 0; i < names->n; i++)
		refs[i] = credential_ref(p, names->v[i]);
	t->certs = refs;
	t->n_certs = names->n;
}

static struct ir_secret_ref file_pair(const struct plan *p, const char *cert, const char *key, struct arena *a)
{
	return tls_file_pair(p->view, cert ? cert : "", key ? key : "", a);
}

void server_files(const struct plan *p, struct ir_tls *out, const struct server_tls *t, bool checks_clients, struct arena *a)
{
	struct ir_secret_ref *refs = arena_array(a, struct ir_secret_ref, t->n_tls_certificates + 1);
	const char *ca = t->ca_certificates;
	size_t n = 0;

	for (size_t i = 0; i < t->n_tls_certificates; i++) {
		const struct tls_certificate *c = &t->tls_certificates[i];

		refs[n++] = file_pair(p, c->server_certificate, c->private_key, a);
		if (!is_set(ca))
			ca = c->ca_certificates;
	}
	if (!n)
		refs[n++] = is_set(t->server_certificate) ? file_pair(p, t->server_certificate, t->private_key, a)
							  : (struct ir_secret_ref){.from = IR_SDS_AGENT, .name = "default"};
	out->certs = refs;
	out->n_certs = n;
	if (!checks_clients)
		return;
	out->ca = is_set(ca) ? tls_file_root(p->view, ca, a) : (struct ir_secret_ref){.from = IR_SDS_AGENT, .name = "ROOTCA"};
}

static void use_credentials(const struct plan *p, struct ir_tls *out, const struct server_tls *t, const struct strs *names,
			    struct arena *a)
{
	const char *ca = server_ca_credential(t, a);

	set_certs(p, out, names, a);
	if (ca)
		out->ca = credential_ref(p, ca);
}

/* What the server says of names in a certificate, of versions and suites; the mesh's defaults. */
void server_tls_options(const struct plan *p, struct ir_tls *out, const struct server_tls *t, bool checks_clients,
			struct arena *a)
{
	const struct mesh_tls *defaults = p->snap->mesh->tls_defaults;

	out->cipher_suites = tls_known(&t->cipher_suites, tls_cipher_is_known, a);
	out->curves = tls_known(&t->ecdh_curves, tls_curve_is_known, a);
	if (defaults && !out->cipher_suites.n)
		out->cipher_suites = tls_known(&defaults->cipher_suites, tls_cipher_is_known, a);
	if (defaults && !out->curves.n)
		out->curves = tls_known(&defaults->ecdh_curves, tls_curve_is_known, a);
	out->min_version = (uint8_t)t->min_protocol_version;
	out->max_version = (uint8_t)t->max_protocol_version;
	if (!checks_clients)	/* without a CA Envoy refuses to look at names */
		return;
	out->san_exact = t->subject_alt_names;
	out->verify_spki = t->verify_certificate_spki;
	out->verify_hash = t->verify_certificate_hash;
	out->crl_file = is_set(t->ca_crl) ? t->ca_crl : NULL;
	out->accept_untrusted = t->insecure_skip_verify.has && t->insecure_skip_verify.v;
}

static void use_workload(const struct plan *p, struct ir_tls *out, const struct server_tls *t, struct arena *a)
{
	tls_use_server_identity(p->view, out, a);
	out->san_exact = t->subject_alt_names;
	out->verify_spki = t->verify_certificate_spki;
	out->verify_hash = t->verify_certificate_hash;
	out->crl_file = is_set(t->ca_crl) ? t->ca_crl : NULL;
	out->accept_untrusted = t->insecure_skip_verify.has && t->insecure_skip_verify.v;
}

bool gateway_lacks_identity(const struct plan *p, const struct gw_entry *e)
{
	const struct ir_tls *t;
	struct arena scratch;
	bool lacks;

	if (p->view->sds_agent || !e->claim.server->tls || gateway_is_passthrough(e->claim.server))
		return false;
	arena_init(&scratch, 0);
	t = gateway_tls_of(p, e, &scratch);
	lacks = t->ca.from == IR_SDS_AGENT;
	for (size_t i = 0; i < t->n_certs; i++)
		lacks |= t->certs[i].from == IR_SDS_AGENT;
	arena_fini(&scratch);
	return lacks;
}

const struct ir_tls *gateway_tls_of(const struct plan *p, const struct gw_entry *e, struct arena *a)
{
	static const char *const http[] = {"h2", "http/1.1"};
	static const char *const mesh_tcp[] = {"istio-peer-exchange", "h2", "http/1.1"};
	const struct server_tls *t = e->claim.server->tls;
	struct ir_tls *out = arena_new(a, struct ir_tls);
	struct strs credentials = server_credentials(t, a);
	bool in_mesh = t->mode == SERVER_TLS_ISTIO_MUTUAL;
	bool checks_clients = t->mode == SERVER_TLS_MUTUAL || t->mode == SERVER_TLS_OPTIONAL_MUTUAL;

	out->downstream = true;
	out->has_require_client_cert = true;
	out->require_client_cert = in_mesh || t->mode == SERVER_TLS_MUTUAL;
	out->alpn = (struct strs){.v = http, .n = 2};
	if (in_mesh) {
		if (!gateway_terminates_https(e->claim.protocol, e->claim.server))
			out->alpn = (struct strs){.v = mesh_tcp, .n = 3};
		use_workload(p, out, t, a);
		return tls_comply(p->view, out, a);
	}
	if (credentials.n)
		use_credentials(p, out, t, &credentials, a);
	else
		server_files(p, out, t, checks_clients, a);
	server_tls_options(p, out, t, checks_clients, a);
	return tls_comply(p->view, out, a);
}
