/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream TLS: what a DestinationRule asks for, and the mesh's own mTLS (istio-behaviour.md 1.4.5).
 */
#include "plan/plan_cluster_int.h"

#include <stdlib.h>
#include <string.h>

enum { TLS_1_2 = 3, TLS_1_3 = 4, SNI_MAX = 255 /* Envoy's bound */ };

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

const struct ir_tls *tls_workload(const struct outbound *o, const struct client_tls *tls, bool http2, struct arena *a)
{
	struct ir_tls *t = upstream(a);

	t->certs = &workload_cert;
	t->n_certs = 1;
	t->ca = (struct ir_secret_ref){.from = IR_SDS_AGENT, .name = "ROOTCA"};
	t->alpn = (struct strs){alpn_mesh, http2 ? 3 : 2};
	t->san_exact = tls && tls->subject_alt_names.n ? tls->subject_alt_names : tls_accounts(o->svc, a);
	t->sni = tls && tls->sni && *tls->sni ? tls->sni
					      : arena_printf(a, "outbound_.%u_.%s_.%s", o->port->port, o->subset, o->svc->svc->host);
	if (strlen(t->sni) > SNI_MAX)	/* no name of a gateway's server can be that long */
		t->sni = NULL;
	return t;
}

/* A sidecar may use a secret only where the rule is for selected workloads, which are then known to
 * be those of its namespace. */
static bool may_use_credential(const struct plan *p, const struct outbound *o, const char *name)
{
	if (p->view->type == PROXY_ROUTER || strncmp(name, "configmap://", 12) == 0)
		return true;
	return o->svc->dr && o->svc->dr->has_selector;
}

static const char *credential(const char *name, const char *suffix, struct arena *a)
{
	if (strstr(name, "://"))
		return arena_printf(a, "%s%s", name, suffix);
	return arena_printf(a, "kubernetes://%s%s", name, suffix);
}

static bool has_text(const char *s)
{
	return s && *s;
}

/* From files, by Istio's agent, which serves a file under its name; a proxy without one reads them
 * itself. */
static void use_files(const struct plan *p, struct ir_tls *t, const struct client_tls *tls, struct arena *a)
{
	bool agent = p->view->sds_agent;

	if (tls->mode == CLIENT_TLS_MUTUAL && has_text(tls->client_certificate) && has_text(tls->private_key)) {
		struct ir_secret_ref *cert = arena_new(a, struct ir_secret_ref);

		if (agent)
			*cert = (struct ir_secret_ref){.from = IR_SDS_AGENT,
						       .name = arena_printf(a, "file-cert:%s~%s", tls->client_certificate,
									    tls->private_key)};
		else
			*cert = (struct ir_secret_ref){IR_SDS_FILE, tls->client_certificate, tls->private_key};
		t->certs = cert;
		t->n_certs = 1;
	}
	if (t->empty_validation)
		return;
	if (agent)
		t->ca = (struct ir_secret_ref){
		    .from = IR_SDS_AGENT,
		    .name = arena_printf(a, "file-root:%s", has_text(tls->ca_certificates) ? tls->ca_certificates : "system")};
	else
		t->ca = (struct ir_secret_ref){
		    .from = IR_SDS_FILE,
		    .name = has_text(tls->ca_certificates) ? tls->ca_certificates : "/etc/ssl/certs/ca-certificates.crt"};
}

static void use_credential(struct ir_tls *t, const struct client_tls *tls, struct arena *a)
{
	if (tls->mode == CLIENT_TLS_MUTUAL) {
		struct ir_secret_ref *cert = arena_new(a, struct ir_secret_ref);

		*cert = (struct ir_secret_ref){.from = IR_SDS_ADS, .name = credential(tls->credential_name, "", a)};
		t->certs = cert;
		t->n_certs = 1;
	}
	if (!t->empty_validation)
		t->ca = (struct ir_secret_ref){.from = IR_SDS_ADS, .name = credential(tls->credential_name, "-cacert", a)};
}

const struct ir_tls *tls_of_policy(const struct plan *p, const struct outbound *o, const struct client_tls *tls,
				   bool http2, struct arena *a)
{
	static const char *const h2[] = {"h2"};
	const struct svc *svc = o->svc->svc;
	struct ir_tls *t;

	if (!tls || tls->mode == CLIENT_TLS_DISABLE)
		return NULL;
	if (tls->mode == CLIENT_TLS_ISTIO_MUTUAL)
		return tls_workload(o, tls, http2, a);
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
	if (http2)
		t->alpn = (struct strs){h2, 1};
	return t;
}
