/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kube.h"

#include <string.h>

#include "model/labels.h"

SCHEMA_TABLE_OPEN(k_service_port, true)
SCHEMA_TABLE_OPEN(k_service_spec, true)
SCHEMA_TABLE_OPEN(k_ingress_address, true)
SCHEMA_TABLE_OPEN(k_load_balancer, true)
SCHEMA_TABLE_OPEN(k_service_status, true)
SCHEMA_TABLE_OPEN(k_service, true)
SCHEMA_TABLE_OPEN(k_conditions, true)
SCHEMA_TABLE_OPEN(k_object_ref, true)
SCHEMA_TABLE_OPEN(k_endpoint, true)
SCHEMA_TABLE_OPEN(k_endpoint_port, true)
SCHEMA_TABLE_OPEN(k_endpoint_slice, true)
SCHEMA_TABLE_OPEN(k_container_port, true)
SCHEMA_TABLE_OPEN(k_security, true)
SCHEMA_TABLE_OPEN(k_container, true)
SCHEMA_TABLE_OPEN(k_pod_spec, true)
SCHEMA_TABLE_OPEN(k_pod_ip, true)
SCHEMA_TABLE_OPEN(k_condition, true)
SCHEMA_TABLE_OPEN(said_condition, true)
SCHEMA_TABLE_OPEN(said_parent, true)
SCHEMA_TABLE_OPEN(said_status, true)
SCHEMA_TABLE_OPEN(k_pod_status, true)
SCHEMA_TABLE_OPEN(k_pod, true)
SCHEMA_TABLE_OPEN(k_template_meta, true)
SCHEMA_TABLE_OPEN(k_pod_template, true)
SCHEMA_TABLE_OPEN(k_deployment_spec, true)
SCHEMA_TABLE_OPEN(k_deployment, true)
SCHEMA_TABLE_OPEN(k_nothing, true)
SCHEMA_TABLE_OPEN(k_node_address, true)
SCHEMA_TABLE_OPEN(k_node_status, true)
SCHEMA_TABLE_OPEN(k_node, true)
SCHEMA_TABLE_OPEN(k_secret, true)
SCHEMA_TABLE_OPEN(k_config_map, true)
SCHEMA_TABLE_OPEN(k_backend_port, true)
SCHEMA_TABLE_OPEN(k_backend_service, true)
SCHEMA_TABLE_OPEN(k_backend, true)
SCHEMA_TABLE_OPEN(k_ingress_path, true)
SCHEMA_TABLE_OPEN(k_ingress_http, true)
SCHEMA_TABLE_OPEN(k_ingress_rule, true)
SCHEMA_TABLE_OPEN(k_ingress_tls, true)
SCHEMA_TABLE_OPEN(k_ingress, true)
SCHEMA_TABLE_OPEN(k_ingress_class, true)
SCHEMA_TABLE_OPEN(k_label_term, true)
SCHEMA_TABLE_OPEN(k_label_selector, true)
SCHEMA_TABLE_OPEN(k_webhook_service, true)
SCHEMA_TABLE_OPEN(k_webhook_client, true)
SCHEMA_TABLE_OPEN(k_webhook, true)
SCHEMA_TABLE_OPEN(k_webhook_configuration, true)

const char *k_secret_text(const struct k_secret *s, const char *key)
{
	const char *text = strmap_get(&s->string_data, key);
	const struct bytes_pair *bytes = text ? NULL : bytesmap_get(&s->data, key);

	if (!bytes)
		return text;
	/* what has a NUL inside is no text */
	return bytes->p && strlen((const char *)bytes->p) == bytes->n ? (const char *)bytes->p : "";
}

bool label_selector_holds(const struct k_label_selector *s, const struct strmap *labels)
{
	if (!s)
		return true;
	for (size_t i = 0; i < s->n_terms; i++)
		if (!labels_expression_holds(s->terms[i].key, s->terms[i].op, &s->terms[i].values, labels))
			return false;
	return labels_match(&s->match_labels, labels);
}

/* Kubernetes names each namespace in a label of its own, which manifests seldom say. */
struct strmap namespace_labels(const struct strmap *written, const char *name, struct arena *a)
{
	static const char own[] = "kubernetes.io/metadata.name";
	size_t n = written ? written->n : 0, at = 0;
	struct str_pair *v;

	if (n && strmap_get(written, own))
		return *written;
	v = arena_array(a, struct str_pair, n + 1);
	while (at < n && strcmp(written->v[at].key, own) < 0)
		at++;
	for (size_t i = 0; i < n; i++)
		v[i + (i >= at)] = written->v[i];
	v[at] = (struct str_pair){own, name};
	return (struct strmap){.v = v, .n = n + 1};
}
