/* SPDX-License-Identifier: Apache-2.0
 *
 * Transport sockets, and the secrets that they name.
 */
#include "xds/build_int.h"

#include "pb/matcher.h"
#include "pb/wkt.h"

/* An SDS server beside the proxy, a cluster of the bootstrap. */
static void write_cluster_source(struct w_config_source m, const char *cluster)
{
	struct w_api_config_source api;
	struct w_grpc_service service;
	struct w_envoy_grpc grpc;

	w_config_source_resource_api_version(m, W_API_VERSION_V3);
	w_config_source_initial_fetch_timeout_ns(m, 0);
	api = w_config_source_api_config_source_begin(m);
	w_api_config_source_transport_api_version(api, W_API_VERSION_V3);
	w_api_config_source_set_node_on_first_message_only(api, true);
	service = w_api_config_source_grpc_services_begin(api);
	grpc = w_grpc_service_envoy_grpc_begin(service);
	w_envoy_grpc_cluster_name(grpc, cluster);
	w_grpc_service_envoy_grpc_end(service, grpc);
	w_api_config_source_grpc_services_end(api, service);
	w_api_config_source_api_type(api, W_API_TYPE_GRPC);
	w_config_source_api_config_source_end(m, api);
}

static void write_sds(struct build_out *out, struct w_sds_secret_config m,
		      const struct ir_secret_ref *ref)
{
	struct w_config_source source = w_sds_secret_config_sds_config_begin(m);

	if (ref->from == IR_SDS_AGENT || ref->from == IR_SDS_EXTERNAL) {
		write_cluster_source(source, ref->from == IR_SDS_AGENT ? "sds-grpc" : "sds-external");
	} else {
		build_config_source(out, source, false);
		build_use(out, XDS_SDS, ref->name, false);
	}
	w_sds_secret_config_sds_config_end(m, source);
	w_sds_secret_config_name(m, ref->name);
}

static void write_san(struct w_certificate_validation_context m, const char *text, bool prefix)
{
	struct w_string_matcher san =
	    w_certificate_validation_context_match_subject_alt_names_begin(m);

	if (prefix)
		w_string_matcher_prefix(san, text);
	else
		w_string_matcher_exact(san, text);
	w_certificate_validation_context_match_subject_alt_names_end(m, san);
}

static void write_validation(struct w_certificate_validation_context m, const struct ir_tls *tls)
{
	if (tls->accept_untrusted)
		w_certificate_validation_context_trust_chain_verification(
		    m, W_TRUST_CHAIN_VERIFICATION_ACCEPT_UNTRUSTED);
	for (size_t i = tls->san_prefix.n; i-- > 0;)
		write_san(m, tls->san_prefix.v[i], true);
	for (size_t i = tls->san_exact.n; i-- > 0;)
		write_san(m, tls->san_exact.v[i], false);
	if (tls->crl_file) {
		struct w_data_source crl = w_certificate_validation_context_crl_begin(m);

		w_data_source_filename(crl, tls->crl_file);
		w_certificate_validation_context_crl_end(m, crl);
	}
	for (size_t i = tls->verify_spki.n; i-- > 0;)
		w_certificate_validation_context_verify_certificate_spki(m, tls->verify_spki.v[i]);
	for (size_t i = tls->verify_hash.n; i-- > 0;)
		w_certificate_validation_context_verify_certificate_hash(m, tls->verify_hash.v[i]);
	if (tls->ca.from == IR_SDS_FILE) {
		struct w_data_source ca = w_certificate_validation_context_trusted_ca_begin(m);

		w_data_source_filename(ca, tls->ca.name);
		w_certificate_validation_context_trusted_ca_end(m, ca);
	}
}

static bool has_validation(const struct ir_tls *tls)
{
	return tls->ca.from == IR_SDS_FILE || tls->accept_untrusted || tls->san_prefix.n ||
	       tls->san_exact.n || tls->crl_file || tls->verify_spki.n || tls->verify_hash.n;
}

static void write_params(struct w_common_tls_context m, const struct ir_tls *tls)
{
	struct w_tls_parameters p;

	if (!tls->min_version && !tls->max_version && !tls->cipher_suites.n && !tls->curves.n && !tls->fips_202205)
		return;
	p = w_common_tls_context_tls_params_begin(m);
	if (tls->fips_202205)
		w_tls_parameters_compliance_policies(p, &(const enum w_compliance_policy){W_COMPLIANCE_POLICY_FIPS_202205}, 1);
	for (size_t i = tls->curves.n; i-- > 0;)
		w_tls_parameters_ecdh_curves(p, tls->curves.v[i]);
	for (size_t i = tls->cipher_suites.n; i-- > 0;)
		w_tls_parameters_cipher_suites(p, tls->cipher_suites.v[i]);
	w_tls_parameters_tls_maximum_protocol_version(p, (enum w_tls_protocol)tls->max_version);
	w_tls_parameters_tls_minimum_protocol_version(p, (enum w_tls_protocol)tls->min_version);
	w_common_tls_context_tls_params_end(m, p);
}

static void write_combined(struct build_out *out, struct w_common_tls_context m,
			   const struct ir_tls *tls)
{
	struct w_combined_certificate_validation_context both =
	    w_common_tls_context_combined_validation_context_begin(m);
	struct w_sds_secret_config sds =
	    w_combined_certificate_validation_context_validation_context_sds_secret_config_begin(
		both);
	struct w_certificate_validation_context own;

	write_sds(out, sds, &tls->ca);
	w_combined_certificate_validation_context_validation_context_sds_secret_config_end(both,
											   sds);
	own = w_combined_certificate_validation_context_default_validation_context_begin(both);
	write_validation(own, tls);
	w_combined_certificate_validation_context_default_validation_context_end(both, own);
	w_common_tls_context_combined_validation_context_end(m, both);
}

/* A certificate that the proxy reads from its own files. */
static void write_file_certificate(struct w_common_tls_context m, const struct ir_secret_ref *ref)
{
	struct w_tls_certificate c = w_common_tls_context_tls_certificates_begin(m);
	struct w_data_source data = w_tls_certificate_private_key_begin(c);

	w_data_source_filename(data, ref->key);
	w_tls_certificate_private_key_end(c, data);
	data = w_tls_certificate_certificate_chain_begin(c);
	w_data_source_filename(data, ref->name);
	w_tls_certificate_certificate_chain_end(c, data);
	w_common_tls_context_tls_certificates_end(m, c);
}

static void write_common(struct build_out *out, struct w_common_tls_context m,
			 const struct ir_tls *tls)
{
	bool by_sds = tls->ca.from != IR_SDS_NONE && tls->ca.from != IR_SDS_FILE;

	if (by_sds)
		write_combined(out, m, tls);
	for (size_t i = tls->n_certs; i-- > 0;) {
		struct w_sds_secret_config sds;

		if (tls->certs[i].from == IR_SDS_FILE)
			continue;
		sds = w_common_tls_context_tls_certificate_sds_secret_configs_begin(m);
		write_sds(out, sds, &tls->certs[i]);
		w_common_tls_context_tls_certificate_sds_secret_configs_end(m, sds);
	}
	for (size_t i = tls->alpn.n; i-- > 0;)
		w_common_tls_context_alpn_protocols(m, tls->alpn.v[i]);
	if (!by_sds && (has_validation(tls) || tls->empty_validation)) {
		struct w_certificate_validation_context own =
		    w_common_tls_context_validation_context_begin(m);

		write_validation(own, tls);
		w_common_tls_context_validation_context_end(m, own);
	}
	for (size_t i = tls->n_certs; i-- > 0;)
		if (tls->certs[i].from == IR_SDS_FILE)
			write_file_certificate(m, &tls->certs[i]);
	write_params(m, tls);
}

static void write_downstream(struct build_out *out, struct w_downstream_tls_context m,
			     const struct ir_tls *tls)
{
	struct w_common_tls_context common;

	if (tls->require_client_cert || tls->has_require_client_cert)
		w_downstream_tls_context_require_client_certificate(m, tls->require_client_cert);
	common = w_downstream_tls_context_common_tls_context_begin(m);
	write_common(out, common, tls);
	w_downstream_tls_context_common_tls_context_end(m, common);
}

static void write_upstream(struct build_out *out, struct w_upstream_tls_context m,
			   const struct ir_tls *tls)
{
	struct w_common_tls_context common;

	if (tls->sni)
		w_upstream_tls_context_sni(m, tls->sni);
	common = w_upstream_tls_context_common_tls_context_begin(m);
	write_common(out, common, tls);
	w_upstream_tls_context_common_tls_context_end(m, common);
}

void build_tls(struct build_out *out, struct w_transport_socket m, const struct ir_tls *tls)
{
	struct w_any any = w_transport_socket_typed_config_begin(m);

	if (tls->quic) {
		struct w_quic_downstream_transport quic = w_quic_downstream_transport_any_begin(any);
		struct w_downstream_tls_context context = w_quic_downstream_transport_downstream_tls_context_begin(quic);

		write_downstream(out, context, tls);
		w_quic_downstream_transport_downstream_tls_context_end(quic, context);
		any = w_quic_downstream_transport_any_end(quic);
	} else if (tls->downstream) {
		struct w_downstream_tls_context context = w_downstream_tls_context_any_begin(any);

		write_downstream(out, context, tls);
		any = w_downstream_tls_context_any_end(context);
	} else {
		struct w_upstream_tls_context context = w_upstream_tls_context_any_begin(any);

		write_upstream(out, context, tls);
		any = w_upstream_tls_context_any_end(context);
	}
	w_transport_socket_typed_config_end(m, any);
	w_transport_socket_name(m, tls->quic ? "envoy.transport_sockets.quic" : "envoy.transport_sockets.tls");
}

void build_raw_buffer(struct w_transport_socket m)
{
	w_transport_socket_typed_config_empty(m, W_URL_RAW_BUFFER);
	w_transport_socket_name(m, "envoy.transport_sockets.raw_buffer");
}

static void write_inline_data(struct w_data_source m, const char *text)
{
	w_data_source_inline_bytes(m, text, strlen(text));
}

static void write_validation_secret(struct w_secret m, const struct ir_secret *s)
{
	struct w_certificate_validation_context v = w_secret_validation_context_begin(m);

	if (s->crl) {
		struct w_data_source crl = w_certificate_validation_context_crl_begin(v);

		write_inline_data(crl, s->crl);
		w_certificate_validation_context_crl_end(v, crl);
	}
	if (s->ca) {
		struct w_data_source ca = w_certificate_validation_context_trusted_ca_begin(v);

		write_inline_data(ca, s->ca);
		w_certificate_validation_context_trusted_ca_end(v, ca);
	}
	w_secret_validation_context_end(m, v);
}

static void write_certificate_secret(struct w_secret m, const struct ir_secret *s)
{
	struct w_tls_certificate c = w_secret_tls_certificate_begin(m);
	struct w_data_source data = w_tls_certificate_private_key_begin(c);

	write_inline_data(data, s->private_key);
	w_tls_certificate_private_key_end(c, data);
	data = w_tls_certificate_certificate_chain_begin(c);
	write_inline_data(data, s->cert_chain);
	w_tls_certificate_certificate_chain_end(c, data);
	w_secret_tls_certificate_end(m, c);
}

void build_secret(const struct ir_secret *s, struct build_out *out)
{
	struct w_secret m;
	struct pb_bytes bytes;

	m = w_secret_root(out->w);
	if (s->private_key && s->cert_chain)
		write_certificate_secret(m, s);
	else
		write_validation_secret(m, s);
	w_secret_name(m, s->name);
	bytes = pbw_finish(out->w);
	out->bytes = bytes.p;
	out->len = bytes.n;
}
