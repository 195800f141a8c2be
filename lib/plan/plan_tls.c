/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream TLS: what a DestinationRule asks for, and the mesh's own mTLS (istio-behaviour.md 1.4.5).
 */
#include "plan/plan_cluster_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/scalar.h"

enum { TLS_1_2 = 3, TLS_1_3 = 4, SNI_MAX = 255 /* Envoy's bound */ };

static const char config_map[] = "configmap://";
static const char *const alpn_mesh[] = {"istio-peer-exchange", "istio", "h2"};	/* h2 for HTTP/2 only */
static const struct ir_secret_ref workload_cert = {.from = IR_SDS_AGENT, .name = "default"};

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct strs tls_accounts(const struct scope_svc *svc, struct arena *a)
{
	const struct ep_set *eps = svc->eps;
	const struct strs *more = &svc->svc->accounts;
	const char **v = arena_array(a, const char *, eps->n + more->n);
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < eps->n; i++)
		if (*eps->v[i].service_account)
			v[n++] = eps->v[i].service_account;
	for (size_t i = 0; i < more->n; i++)
		v[n++] = more->v[i];
	if (!n)
		return (struct strs){0};
	qsort(v, n, sizeof(v[0]), compare_texts);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(v[kept - 1], v[i]) != 0)
			v[kept++] = v[i];
	return (struct strs){v, kept};
}

static struct ir_tls *upstream(struct arena *a)
{
	struct ir_tls *t = arena_new(a, struct ir_tls);

	t->min_version = TLS_1_2;
	t->max_version = TLS_1_3;
	return t;
}

/* SNI of the mesh's own; no name of a gateway's server can be longer. NULL: too long. */
static const char *sni_of(const struct outbound *o, const struct client_tls *tls, struct arena *a)
{
	const char *sni = tls && tls->sni && *tls->sni
			      ? tls->sni
			      : arena_printf(a, "outbound_.%u_.%s_.%s", o->port->port, o->subset, o->svc->svc->host);

	return strlen(sni) > SNI_MAX ? NULL : sni;
}

const struct ir_tls *tls_workload(const struct plan *p, const struct outbound *o, const struct client_tls *tls, bool http2,
				  struct arena *a)
{
	struct ir_tls *t = upstream(a);

	t->certs = &workload_cert;
	t->n_certs = 1;
	t->ca = (struct ir_secret_ref){.from = IR_SDS_AGENT, .name = "ROOTCA"};
	t->alpn = (struct strs){alpn_mesh, http2 ? 3 : 2};
	t->san_exact = tls && tls->subject_alt_names.n ? tls->subject_alt_names : tls_accounts(o->svc, a);
	t->sni = sni_of(o, tls, a);
	return tls_comply(p->view, t, a);
}

/* A sidecar may use a secret only where the rule is for selected workloads, which are then known to
 * be those of its namespace. */
static bool may_use_credential(const struct plan *p, const struct outbound *o, const char *name)
{
	if (p->view->type == PROXY_ROUTER || strncmp(name, config_map, strlen(config_map)) == 0 || strncmp(name, "invalid://", 10) == 0)
		return true;
	return o->svc->dr && o->svc->dr->has_selector;
}

/* A ConfigMap holds a CA and nothing else, under its own name. */
const char *tls_credential(const char *name, const char *suffix, struct arena *a)
{
	if (strncmp(name, config_map, strlen(config_map)) == 0)
		return name;
	if (strstr(name, "://"))
		return arena_printf(a, "%s%s", name, suffix);
	return arena_printf(a, "kubernetes://%s%s", name, suffix);
}

static bool has_text(const char *s)
{
	return s && *s;
}

static void use_files(const struct plan *p, struct ir_tls *t, const struct client_tls *tls, struct arena *a)
{
	const char *all = p->view->sds_agent ? "system" : "/etc/ssl/certs/ca-certificates.crt";

	if (tls->mode == CLIENT_TLS_MUTUAL && has_text(tls->client_certificate) && has_text(tls->private_key)) {
		struct ir_secret_ref *cert = arena_new(a, struct ir_secret_ref);

		*cert = tls_file_pair(p->view, tls->client_certificate, tls->private_key, a);
		t->certs = cert;
		t->n_certs = 1;
	}
	if (!t->empty_validation)
		t->ca = tls_file_root(p->view, has_text(tls->ca_certificates) ? tls->ca_certificates : all, a);
}

static void use_credential(struct ir_tls *t, const struct client_tls *tls, struct arena *a)
{
	if (tls->mode == CLIENT_TLS_MUTUAL) {
		struct ir_secret_ref *cert = arena_new(a, struct ir_secret_ref);

		*cert = (struct ir_secret_ref){.from = IR_SDS_ADS, .name = tls_credential(tls->credential_name, "", a)};
		t->certs = cert;
		t->n_certs = 1;
	}
	if (!t->empty_validation)
		t->ca = (struct ir_secret_ref){.from = IR_SDS_ADS, .name = tls_credential(tls->credential_name, CREDENTIAL_CA_SUFFIX, a)};
}

/* What Gateways of the Gateway API show to backends that a BackendTLSPolicy is about: the oldest one's counts. */
const char *tls_gateway_cert(const struct view *v)
{
	for (size_t i = 0; i < v->n_gateways; i++)
		if (v->gateways[i]->client_cert)
			return v->gateways[i]->client_cert;
	return NULL;
}

static void use_gateway_cert(const struct plan *p, struct ir_tls *t, struct arena *a)
{
	struct ir_secret_ref *cert = arena_new(a, struct ir_secret_ref);

	*cert = (struct ir_secret_ref){.from = IR_SDS_ADS, .name = tls_gateway_cert(p->view)};
	t->certs = cert;
	t->n_certs = 1;
}

/* SIMPLE, or MUTUAL with what the user names. */
static const struct ir_tls *tls_of_user(const struct plan *p, const struct outbound *o, const struct client_tls *tls,
					bool http2, struct arena *a)
{
	static const char *const h2[] = {"h2"};
	const struct svc *svc = o->svc->svc;
	struct ir_tls *t;

	if (has_text(tls->credential_name) && !may_use_credential(p, o, tls->credential_name))
		return NULL;
	t = upstream(a);
	if (p->snap->mesh->tls_defaults) {
		t->cipher_suites = tls_known(&p->snap->mesh->tls_defaults->cipher_suites, tls_cipher_is_known, a);
		t->curves = tls_known(&p->snap->mesh->tls_defaults->ecdh_curves, tls_curve_is_known, a);
	}
	if (has_text(tls->sni))
		t->sni = tls->sni;
	else
		t->auto_sni = true;
	t->san_exact = tls->subject_alt_names;
	if (!t->san_exact.n && !svc->is_kube)
		t->san_exact = svc->subject_alt_names;
	t->empty_validation = tls->insecure_skip_verify.has && tls->insecure_skip_verify.v;
	t->auto_san = t->auto_sni && !t->san_exact.n && !t->empty_validation;
	if (t->empty_validation)
		t->san_exact = (struct strs){0};
	else if (has_text(tls->ca_crl))
		t->crl_file = tls->ca_crl;
	if (has_text(tls->credential_name))
		use_credential(t, tls, a);
	else
		use_files(p, t, tls, a);
	if (o->svc->dr && o->svc->dr->has_backend_tls && tls_gateway_cert(p->view))
		use_gateway_cert(p, t, a);
	if (http2)
		t->alpn = (struct strs){h2, 1};
	return tls_comply(p->view, t, a);
}

const struct ir_tls *tls_of_host(const struct plan *p, const char *host, struct arena *a)
{
	static const struct client_tls simple = {.mode = CLIENT_TLS_SIMPLE};
	struct ir_tls *t = upstream(a);
	const char **names = arena_array(a, const char *, 1);

	names[0] = host;
	t->san_exact = (struct strs){names, 1};
	t->sni = scalar_is_ip(host) ? NULL : host;
	use_files(p, t, &simple, a);
	return tls_comply(p->view, t, a);
}

/* The workload's own certificate, where it is in files; what else a rule says of certificates counts for nothing then. */
static const struct client_tls *files_of(const struct plan *p, const char *sni, const struct strs *names, struct arena *a)
{
	const struct tls_files *f = &p->view->client_files;
	struct client_tls *out = arena_new(a, struct client_tls);

	*out = (struct client_tls){.mode = CLIENT_TLS_MUTUAL,
				   .client_certificate = f->cert,
				   .private_key = f->key,
				   .ca_certificates = f->ca,
				   .subject_alt_names = *names,
				   .sni = sni};
	return out;
}

const struct ir_tls *tls_of_files(const struct plan *p, const struct outbound *o, bool http2, struct arena *a)
{
	struct strs names = tls_accounts(o->svc, a);

	return tls_of_user(p, o, files_of(p, sni_of(o, NULL, a), &names, a), http2, a);
}

const struct ir_tls *tls_of_policy(const struct plan *p, const struct outbound *o, const struct client_tls *tls,
				   bool http2, struct arena *a)
{
	if (!tls || tls->mode == CLIENT_TLS_DISABLE)
		return NULL;
	if (tls->mode != CLIENT_TLS_SIMPLE && tls_has_client_files(p->view) && !o->svc->svc->external)
		tls = files_of(p, tls->sni, &tls->subject_alt_names, a);
	if (tls->mode == CLIENT_TLS_ISTIO_MUTUAL)
		return tls_workload(p, o, tls, http2, a);
	return tls_of_user(p, o, tls, http2, a);
}
