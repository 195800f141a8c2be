/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/map.h"
#include "base/must.h"
#include "base/scalar.h"
#include "model/check_int.h"

static const char *mode_name(const struct server_tls *t)
{
	return enum_name(&enum_desc_server_tls_mode, (int)t->mode);
}

/* ISTIO_MUTUAL takes the workload's own certificate. */
static void check_istio_mutual(struct check *c, const struct where *w, const struct server_tls *t)
{
	const struct {
		const char *key;
		bool set;
	} fields[] = {
		{"serverCertificate", given(t->server_certificate)}, {"privateKey", given(t->private_key)},
		{"caCertificates", given(t->ca_certificates)},	     {"credentialName", given(t->credential_name)},
		{"credentialNames", t->credential_names.n > 0},	     {"tlsCertificates", t->n_tls_certificates > 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].set)
			wrong(c, AT(w, fields[i].key), D_TLS_INVALID, "ISTIO_MUTUAL TLS cannot have %s", fields[i].key);
	}
}

static void check_sources(struct check *c, const struct where *w, const struct server_tls *t)
{
	bool files = given(t->server_certificate) || given(t->private_key);

	/* beside credentialName, files are passed over, as Istio does */
	if (given(t->credential_name) + (t->credential_names.n > 0) + (t->n_tls_certificates > 0) +
		(files && !given(t->credential_name)) > 1)
		wrong(c, w, D_TLS_INVALID,
		      "only one of credentialName, credentialNames, serverCertificate/privateKey, tlsCertificates should be specified");
	if (t->credential_names.n > 2 || t->n_tls_certificates > 2)
		wrong(c, w, D_SETTING_IGNORED, "%s TLS can support up to 2 server certificates", mode_name(t));
}

/* Certificates in files: a pair, or pairs, and for client certificates something to hold them against. */
static void check_files(struct check *c, const struct where *w, const struct server_tls *t)
{
	bool has_ca = given(t->ca_certificates) || given(t->ca_cert_credential_name), wants_ca = t->mode != SERVER_TLS_SIMPLE;

	for (size_t i = 0; i < t->n_tls_certificates; i++) {
		const struct tls_certificate *pair = &t->tls_certificates[i];
		const struct where *at = ELEM(AT(w, "tlsCertificates"), i);

		if (!given(pair->server_certificate))
			wrong(c, at, D_TLS_INVALID, "%s TLS requires a server certificate", mode_name(t));
		if (!given(pair->private_key))
			wrong(c, at, D_TLS_INVALID, "%s TLS requires a private key", mode_name(t));
	}
	if (!t->n_tls_certificates && !given(t->server_certificate))
		wrong(c, w, D_TLS_INVALID, "%s TLS requires a server certificate", mode_name(t));
	if (!t->n_tls_certificates && !given(t->private_key))
		wrong(c, w, D_TLS_INVALID, "%s TLS requires a private key", mode_name(t));
	if (wants_ca && !has_ca)
		wrong(c, w, D_TLS_INVALID, "%s TLS requires a client CA bundle", mode_name(t));
}

/* Unknown names and doubles are passed over, as Istio does. */
static void check_names(struct check *c, const struct where *w, const struct strs *names, bool (*is_known)(const char *),
			const char *what)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!is_known(names->v[i]))
			wrong(c, ELEM(w, i), D_SETTING_IGNORED, "ignoring invalid %s %s", what, names->v[i]);
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(names->v[i], names->v[k])) {
				wrong(c, ELEM(w, i), D_SETTING_IGNORED, "ignoring duplicate %s %s", what, names->v[i]);
				break;
			}
		}
	}
}

/* SHA-256: of keys in base64, of certificates in hexadecimal, with colons or without. */
static void check_pins(struct check *c, const struct where *w, const struct server_tls *t)
{
	enum { SPKI_LEN = 44, HASH_LEN = 64, HASH_COLONS_LEN = 95 };

	for (size_t i = 0; i < t->verify_certificate_spki.n; i++) {
		const char *v = t->verify_certificate_spki.v[i];

		if (strlen(v) != SPKI_LEN || v[SPKI_LEN - 1] != '=' ||
		    strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/") != SPKI_LEN - 1)
			wrong(c, ELEM(AT(w, "verifyCertificateSpki"), i), D_TLS_INVALID, "\"%.100s\" is no SHA-256 in base64", v);
	}
	for (size_t i = 0; i < t->verify_certificate_hash.n; i++) {
		const char *v = t->verify_certificate_hash.v[i];
		size_t n = strlen(v);

		if ((n != HASH_LEN && n != HASH_COLONS_LEN) || strspn(v, "0123456789abcdefABCDEF:") != n ||
		    (n == HASH_LEN) != !strchr(v, ':'))
			wrong(c, ELEM(AT(w, "verifyCertificateHash"), i), D_TLS_INVALID,
			      "\"%.100s\" is no SHA-256 in hexadecimal", v);
	}
}

static void check_credential(struct check *c, const struct where *w, const struct server_tls *t, const char *name)
{
	if (credential_is_of_ca(name))
		wrong(c, w, D_TLS_INVALID, "%s names a CA by its ending " CREDENTIAL_CA_SUFFIX ", not a certificate", name);
	else if (given(t->ca_cert_credential_name) && strcmp(t->ca_cert_credential_name, name) == 0)
		wrong(c, w, D_TLS_INVALID, "%s cannot be the certificate and the CA", name);
}

static void check_credentials(struct check *c, const struct where *w, const struct server_tls *t)
{
	if (given(t->credential_name))
		check_credential(c, AT(w, "credentialName"), t, t->credential_name);
	for (size_t i = 0; i < t->credential_names.n; i++)
		check_credential(c, ELEM(AT(w, "credentialNames"), i), t, t->credential_names.v[i]);
}

void check_server_tls(struct check *c, const struct where *w, const struct server_tls *t)
{
	if (!t)
		return;
	check_pins(c, w, t);
	check_names(c, AT(w, "cipherSuites"), &t->cipher_suites, tls_cipher_is_known, "cipher suite");
	check_names(c, AT(w, "ecdhCurves"), &t->ecdh_curves, tls_curve_is_known, "ECDH curve");
	if (t->min_protocol_version && t->max_protocol_version && t->min_protocol_version > t->max_protocol_version)
		wrong(c, w, D_TLS_INVALID, "minProtocolVersion is above maxProtocolVersion");
	if (t->mode == SERVER_TLS_ISTIO_MUTUAL) {
		check_istio_mutual(c, w, t);
		return;
	}
	check_sources(c, w, t);
	if (t->mode == SERVER_TLS_PASSTHROUGH || t->mode == SERVER_TLS_AUTO_PASSTHROUGH) {
		if (given(t->server_certificate) || given(t->private_key) || given(t->ca_certificates) ||
		    given(t->credential_name) || t->credential_names.n || t->n_tls_certificates)
			wrong(c, w, D_SETTING_IGNORED, "%s mode does not use certificates, they will be ignored", mode_name(t));
		return;
	}
	check_credentials(c, w, t);
	if (given(t->credential_name) || t->credential_names.n)
		return;
	check_files(c, w, t);
}

/* Nothing but the redirect is set. */
static bool only_redirects(const struct server_tls *t)
{
	return t->mode == SERVER_TLS_PASSTHROUGH && !given(t->server_certificate) && !given(t->private_key) &&
	       !given(t->ca_certificates) && !given(t->credential_name) && !t->credential_names.n &&
	       !t->n_tls_certificates && !t->subject_alt_names.n && !t->cipher_suites.n;
}

static void check_gw_port(struct check *c, const struct where *w, const struct gw_port *p, const char *bind)
{
	if (!given(p->name))
		wrong(c, w, D_SERVER_INVALID, "port name must be set");
	if (!given(p->protocol) || protocol_find(p->protocol) < 0)
		wrong(c, AT(w, "protocol"), D_PROTOCOL_UNKNOWN,
		      "invalid protocol \"%s\", supported protocols are HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP, TLS",
		      p->protocol ? p->protocol : "");
	if (p->number || !bind || !is_unix(bind))
		check_port(c, AT(w, "number"), p->number);
}

static void check_bind(struct check *c, const struct where *w, const struct gw_server *s)
{
	const char *why;

	if (!given(s->bind))
		return;
	if (!is_unix(s->bind)) {
		if (!scalar_is_ip(s->bind))
			wrong(c, AT(w, "bind"), D_SERVER_INVALID, "%s is not a valid IP", s->bind);
		return;
	}
	why = wrong_unix_path(s->bind + strlen("unix://"));
	if (why)
		wrong(c, AT(w, "bind"), D_SERVER_INVALID, "%s: %s", s->bind, why);
	if (s->port->number)
		wrong(c, AT(AT(w, "port"), "number"), D_SERVER_INVALID, "port number must be 0 for unix domain socket");
}

/* TLS settings belong to TLS ports. */
static void check_fit(struct check *c, const struct where *w, const struct gw_server *s)
{
	int protocol = s->port->protocol ? protocol_find(s->port->protocol) : -1;

	if (protocol < 0)
		return;
	if (protocol & PROTO_TLS) {
		if (!s->tls)
			wrong(c, w, D_SERVER_INVALID, "server must have TLS settings for HTTPS/TLS protocols");
		else if (s->tls->https_redirect)
			wrong(c, AT(AT(w, "tls"), "httpsRedirect"), D_SETTING_IGNORED,
			      "tls.httpsRedirect should only be used with http servers");
	} else if (s->tls && (protocol & PROTO_HTTP)) {
		if (!only_redirects(s->tls))
			wrong(c, AT(w, "tls"), D_SERVER_INVALID, "server cannot have TLS settings for plain text HTTP ports");
	} else if (s->tls) {
		wrong(c, AT(w, "tls"), D_SERVER_INVALID, "server cannot have TLS settings for non HTTPS/TLS ports");
	}
}

static void check_server(struct check *c, const struct where *w, const struct gw_server *s)
{
	for (size_t i = 0; i < s->hosts.n; i++)
		check_namespaced_host(c, ELEM(AT(w, "hosts"), i), s->hosts.v[i], true);
	check_gw_port(c, AT(w, "port"), s->port, s->bind);
	check_bind(c, w, s);
	check_server_tls(c, AT(w, "tls"), s->tls);
	check_fit(c, w, s);
}

void check_gateway(struct check *c, const void *spec)
{
	const struct gateway *g = spec;
	struct map names;

	if (!g->n_servers)
		wrong(c, SPEC, D_SERVER_INVALID, "gateway must have at least one server");
	map_init(&names, c->ds->arena);
	for (size_t i = 0; i < g->n_servers; i++) {
		const struct where *at = ELEM(AT(SPEC, "servers"), i);
		const struct gw_port *p = g->servers[i].port;

		check_server(c, at, &g->servers[i]);
		if (given(p->name) && map_set(&names, p->name, &names))
			wrong(c, AT(AT(at, "port"), "name"), D_PORT_DUPLICATE, "port names in servers must be unique: duplicate name %s",
			      p->name);
	}
	check_selector(c, AT(SPEC, "selector"), &g->selector);
}
