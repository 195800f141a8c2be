/* SPDX-License-Identifier: Apache-2.0
 *
 * The TLS contexts of gateway servers (istio-behaviour.md 1.3).
 */
#include "plan/plan_gateway_int.h"

#include <string.h>

static const char kube_prefix[] = "kubernetes://", ca_suffix[] = "-cacert";

static bool is_set(const char *text)
{
	return text && *text;
}

const char *credential_sds_name(const char *name, struct arena *a)
{
	static const char *const schemes[] = {kube_prefix, "kubernetes-gateway://", "configmap://", "sds://", "invalid://"};

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
	return arena_printf(a, "%s%s", credential_sds_name(first, a), ca_suffix);
}

/* The names that BoringSSL knows; Envoy refuses a context with any other. */
static bool is_cipher_suite(const char *name)
{
	static const char *const known[] = {
	    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
	    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
	    "ECDHE-PSK-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-PSK-AES128-CBC-SHA",
	    "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-PSK-AES256-CBC-SHA", "AES128-GCM-SHA256",
	    "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "PSK-AES128-CBC-SHA", "PSK-AES256-CBC-SHA", "DES-CBC3-SHA",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

static struct strs cipher_suites(const struct strs *in, struct arena *a)
{
	const char **out = arena_array(a, const char *, in->n);
	struct strs s = {.v = out};

	for (size_t i = 0; i < in->n; i++)
		if (is_cipher_suite(in->v[i]) && !strs_has(&s, in->v[i]))
			out[s.n++] = in->v[i];
	return s;
}

static void set_certs(struct ir_tls *t, enum ir_sds from, const struct strs *names, struct arena *a)
{
	struct ir_secret_ref *refs = arena_array(a, struct ir_secret_ref, names->n);

	for (size_t i = 0; i < names->n; i++) {
		refs[i].from = strcmp(names->v[i], "default") == 0 ? IR_SDS_AGENT : from;
		refs[i].name = names->v[i];
	}
	t->certs = refs;
	t->n_certs = names->n;
}

static void set_ca(struct ir_tls *t, enum ir_sds from, const char *name)
{
	t->ca.from = strcmp(name, "ROOTCA") == 0 ? IR_SDS_AGENT : from;
	t->ca.name = name;
}

static const char *file_cert(const char *cert, const char *key, struct arena *a)
{
	return arena_printf(a, "file-cert:%s~%s", cert ? cert : "", key ? key : "");
}

/* Certificates in files are served by the agent beside the proxy. */
static void use_files(struct ir_tls *out, const struct server_tls *t, bool checks_clients, struct arena *a)
{
	const char **names = arena_array(a, const char *, t->n_tls_certificates + 1);
	struct strs list = {.v = names};
	const char *ca = t->ca_certificates;

	for (size_t i = 0; i < t->n_tls_certificates; i++) {
		const struct tls_certificate *c = &t->tls_certificates[i];

		names[list.n++] = file_cert(c->server_certificate, c->private_key, a);
		if (!is_set(ca))
			ca = c->ca_certificates;
	}
	if (!list.n)
		names[list.n++] = is_set(t->server_certificate) ? file_cert(t->server_certificate, t->private_key, a)
								: "default";
	set_certs(out, IR_SDS_AGENT, &list, a);
	if (checks_clients)
		set_ca(out, IR_SDS_AGENT, is_set(ca) ? arena_printf(a, "file-root:%s", ca) : "ROOTCA");
}

static void use_credentials(struct ir_tls *out, const struct server_tls *t, const struct strs *names, struct arena *a)
{
	const char *ca = server_ca_credential(t, a);

	set_certs(out, IR_SDS_ADS, names, a);
	if (ca)
		set_ca(out, IR_SDS_ADS, ca);
}

const struct ir_tls *gateway_tls_of(const struct gw_entry *e, struct arena *a)
{
	static const char *const http[] = {"h2", "http/1.1"};
	static const char *const mesh_tcp[] = {"istio-peer-exchange", "h2", "http/1.1"};
	const struct server_tls *t = e->server->tls;
	struct ir_tls *out = arena_new(a, struct ir_tls);
	struct strs credentials = server_credentials(t, a);
	bool in_mesh = t->mode == SERVER_TLS_ISTIO_MUTUAL;
	bool checks_clients = in_mesh || t->mode == SERVER_TLS_MUTUAL || t->mode == SERVER_TLS_OPTIONAL_MUTUAL;

	out->downstream = true;
	out->has_require_client_cert = true;
	out->require_client_cert = in_mesh || t->mode == SERVER_TLS_MUTUAL;
	out->alpn = (struct strs){.v = http, .n = 2};
	if (in_mesh && !gw_terminates_https(e))
		out->alpn = (struct strs){.v = mesh_tcp, .n = 3};
	if (in_mesh) {
		static const char *const workload[] = {"default"};

		set_certs(out, IR_SDS_AGENT, &(struct strs){.v = workload, .n = 1}, a);
		set_ca(out, IR_SDS_AGENT, "ROOTCA");
	} else if (credentials.n) {
		use_credentials(out, t, &credentials, a);
	} else {
		use_files(out, t, checks_clients, a);
	}
	if (checks_clients) {
		/* without a CA Envoy refuses to look at names */
		out->san_exact = t->subject_alt_names;
		out->verify_spki = t->verify_certificate_spki;
		out->verify_hash = t->verify_certificate_hash;
		out->crl_file = is_set(t->ca_crl) ? t->ca_crl : NULL;
		out->accept_untrusted = t->insecure_skip_verify.has && t->insecure_skip_verify.v;
	}
	if (!in_mesh) {
		out->min_version = (uint8_t)t->min_protocol_version;
		out->max_version = (uint8_t)t->max_protocol_version;
		out->cipher_suites = cipher_suites(&t->cipher_suites, a);
	}
	return out;
}
