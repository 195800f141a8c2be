/* SPDX-License-Identifier: Apache-2.0
 *
 * What is the proxy's own matter in every TLS context: the certificate that it shows for itself,
 * which may stand in files that its metadata names (istio-behaviour.md 1.4.5, 4.2), and what
 * COMPLIANCE_POLICY lets remain of versions, suites and curves.
 */
#include "plan/plan_int.h"

#include <string.h>

enum { TLS_1_2 = 3, TLS_1_3 = 4 };

static bool has_pair(const struct tls_files *f)
{
	return *f->cert && *f->key;
}

bool tls_has_client_files(const struct view *v)
{
	return has_pair(&v->client_files);
}

bool tls_has_client_identity(const struct view *v, const struct svc *svc)
{
	return v->sds_agent || (tls_has_client_files(v) && !svc->external);
}

bool tls_has_server_identity(const struct view *v)
{
	return v->sds_agent || (has_pair(&v->server_files) && *v->server_files.ca);
}

/* Istio's agent serves a file under its name; a proxy without one reads it itself. */
struct ir_secret_ref tls_file_pair(const struct view *v, const char *cert, const char *key,
				   struct arena *a)
{
	if (!v->sds_agent)
		return (struct ir_secret_ref){IR_SDS_FILE, cert, key};
	return (struct ir_secret_ref){.from = IR_SDS_AGENT,
				      .name = arena_printf(a, "file-cert:%s~%s", cert, key)};
}

struct ir_secret_ref tls_file_root(const struct view *v, const char *ca, struct arena *a)
{
	if (!v->sds_agent)
		return (struct ir_secret_ref){.from = IR_SDS_FILE, .name = ca};
	return (struct ir_secret_ref){.from = IR_SDS_AGENT,
				      .name = arena_printf(a, "file-root:%s", ca)};
}

void tls_use_server_identity(const struct view *v, struct ir_tls *t, struct arena *a)
{
	const struct tls_files *f = &v->server_files;
	struct ir_secret_ref *cert = arena_new(a, struct ir_secret_ref);

	*cert = (struct ir_secret_ref){.from = IR_SDS_AGENT, .name = "default"};
	if (has_pair(f))
		*cert = tls_file_pair(v, f->cert, f->key, a);
	t->certs = cert;
	t->n_certs = 1;
	t->ca = *f->ca ? tls_file_root(v, f->ca, a)
		       : (struct ir_secret_ref){.from = IR_SDS_AGENT, .name = "ROOTCA"};
}

/* ---- COMPLIANCE_POLICY ---- */

static const char *const fips_suites[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384"};
static const struct strs fips = {.v = fips_suites,
				 .n = sizeof(fips_suites) / sizeof(fips_suites[0])};

static struct strs only_fips(const struct strs *in, struct arena *a)
{
	const char **out = arena_array(a, const char *, in->n);
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++)
		if (strs_has(&fips, in->v[i]))
			out[n++] = in->v[i];
	return (struct strs){.v = out, .n = n};
}

const struct ir_tls *tls_comply(const struct view *v, struct ir_tls *t, struct arena *a)
{
	static const char *const pqc_curves[] = {"X25519MLKEM768"};

	if (v->features & FEATURE_FIPS_140_2) {
		t->min_version = t->max_version = TLS_1_2;
		t->cipher_suites = only_fips(&t->cipher_suites, a);
		t->curves = (struct strs){0};
	} else if (v->features & FEATURE_FIPS_140_3) {
		t->fips_202205 = true;
	} else if (v->features & FEATURE_PQC) {
		t->min_version = TLS_1_3;
		if (t->max_version) /* an older one would leave no version */
			t->max_version = TLS_1_3;
		t->cipher_suites = fips;
		t->curves = (struct strs){.v = pqc_curves, .n = 1};
	}
	return t;
}
