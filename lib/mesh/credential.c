/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/credential.h"

#include <string.h>

#include "model/kube.h"

/* Where a Secret of type Opaque, or of type kubernetes.io/tls, keeps things; in order of preference. */
static const struct {
	const char *cert, *key;
} cert_keys[] = {{"cert", "key"}, {"tls.crt", "tls.key"}};
static const struct {
	const char *ca, *crl;
} ca_keys[] = {{"cacert", "crl"}, {"ca.crt", "ca.crl"}};

/* Every block that begins ends whole, and the first is of that kind: Envoy would refuse the listener
 * that names a damaged one. */
static bool is_pem(const char *text, const char *what)
{
	const char *p = strstr(text, "-----BEGIN ");
	bool found = false;

	while (p) {
		const char *label = p + strlen("-----BEGIN "), *dashes = strstr(label, "-----"), *end;
		size_t n = dashes ? (size_t)(dashes - label) : 0;

		end = dashes ? strstr(dashes, "-----END ") : NULL;
		if (!end || strncmp(end + strlen("-----END "), label, n) ||
		    strncmp(end + strlen("-----END ") + n, "-----", 5))
			return false;
		found = found || strncmp(dashes - (strlen(what) - 5), what, strlen(what)) == 0;
		p = strstr(end, "-----BEGIN ");
	}
	return found;
}

/* NULL: nothing, or nothing that is text. */
static const char *text_at(const struct k_secret *s, const char *key)
{
	const char *text = k_secret_text(s, key);

	return text && *text ? text : NULL;
}

static bool read_cert(const struct k_secret *s, struct credential *out)
{
	for (size_t i = 0; i < sizeof(cert_keys) / sizeof(cert_keys[0]); i++) {
		out->cert_chain = text_at(s, cert_keys[i].cert);
		out->private_key = text_at(s, cert_keys[i].key);
		if (!out->cert_chain || !out->private_key)
			continue;
		return is_pem(out->cert_chain, "CERTIFICATE-----") && is_pem(out->private_key, "PRIVATE KEY-----");
	}
	return false;
}

static bool read_ca(const struct k_secret *s, struct credential *out)
{
	for (size_t i = 0; i < sizeof(ca_keys) / sizeof(ca_keys[0]); i++) {
		out->ca = text_at(s, ca_keys[i].ca);
		if (!out->ca)
			continue;
		out->crl = text_at(s, ca_keys[i].crl);
		/* without a list that is there but damaged, what was revoked would be taken */
		return is_pem(out->ca, "CERTIFICATE-----") &&
		       (out->crl ? is_pem(out->crl, "X509 CRL-----") : !k_secret_text(s, ca_keys[i].crl));
	}
	return false;
}

/* A ConfigMap is a Secret whose texts are not encoded. */
static bool read(const struct object *o, bool (*fn)(const struct k_secret *s, struct credential *out), struct credential *out)
{
	struct k_secret map = {0};

	*out = (struct credential){0};
	if (o->kind == KIND_SECRET)
		return fn(o->spec, out);
	map.string_data = object_spec(o, k_config_map)->data;
	return fn(&map, out);
}

bool credential_read_cert(const struct object *o, struct credential *out)
{
	return read(o, read_cert, out);
}

bool credential_read_ca(const struct object *o, struct credential *out)
{
	return read(o, read_ca, out);
}
