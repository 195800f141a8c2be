/* SPDX-License-Identifier: Apache-2.0
 *
 * The ProxyConfig in force for one proxy (istio-behaviour.md 1.11): the mesh's, then objects of the
 * kind, then what the proxy was started with or its pod's annotation. A field that is set replaces
 * the one below it as a whole; environment variables are joined.
 */
#include "mesh/proxy_settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scalar.h"
#include "base/vec.h"
#include "mesh/snapshot_int.h"

enum { KIB = 1024, MIB = 1024 * 1024, CONFIG_JSON_MAX = 1024 * 1024 };
#define SECONDS(n) {true, (n)*INT64_C(1000000000)}

/* What Envoy's documentation advises for a proxy that the Internet can reach. */
static const struct connection_settings edge = {
	.profile = PROFILE_EDGE,
	.listener_buffer = {true, 32 * KIB},
	.cluster_buffer = {true, 32 * KIB},
	.idle_timeout = SECONDS(3600),
	.request_timeout = SECONDS(300),
	.stream_idle_timeout = SECONDS(300),
	.headers_timeout = SECONDS(60),
	.max_streams = {true, 100},
	.stream_window = {true, 64 * KIB},
	.connection_window = {true, MIB},
	.underscores = UNDERSCORES_REJECT_REQUEST,
	.merge_slashes = {true, true},
	.escaped_slashes = SLASHES_UNESCAPE_AND_REDIRECT,
};

/* istiod's switches that a proxy may have for itself; a variable of its environment turns one on, by that value. */
static const struct {
	const char *name, *value;	/* NULL: true */
	enum proxy_feature bit;
} features[] = {
	{"COMPLIANCE_POLICY", "fips-140-2", FEATURE_FIPS_140_2},
	{"COMPLIANCE_POLICY", "fips-140-3", FEATURE_FIPS_140_3},
	{"COMPLIANCE_POLICY", "pqc", FEATURE_PQC},
	{"ENABLE_TLS_ON_SIDECAR_INGRESS", NULL, FEATURE_INGRESS_TLS},
	{"ISTIO_DUAL_STACK", NULL, FEATURE_DUAL_STACK},
	{"PILOT_ENABLE_QUIC_LISTENERS", NULL, FEATURE_QUIC},
	{"PILOT_HTTP10", NULL, FEATURE_HTTP10},
	{"PILOT_SCOPE_GATEWAY_TO_NAMESPACE", NULL, FEATURE_GATEWAY_OWN_NAMESPACE},
};

static unsigned features_of(const struct strmap *env)
{
	unsigned on = 0;

	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		const char *v = strmap_get(env, features[i].name);

		if (v && (features[i].value ? strcmp(v, features[i].value) == 0 : strcmp(v, "true") == 0 || strcmp(v, "1") == 0))
			on |= features[i].bit;
	}
	return on;
}

/* ---- the layers ---- */

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

static struct strmap join(const struct strmap *under, const struct strmap *over, struct arena *a)
{
	struct str_pair *v = arena_array(a, struct str_pair, under->n + over->n);
	size_t n = 0;

	for (size_t i = 0; i < under->n; i++)
		if (!strmap_get(over, under->v[i].key))
			v[n++] = under->v[i];
	for (size_t i = 0; i < over->n; i++)
		v[n++] = over->v[i];
	qsort(v, n, sizeof(*v), compare_pairs);
	return (struct strmap){.v = v, .n = n};
}

/* Only what a plan may read is kept, so that views differ by nothing else. */
static void lay_on(struct proxy_config *out, const struct proxy_config *over, struct arena *a)
{
	if (!over)
		return;
	if (over->gateway_topology)
		out->gateway_topology = over->gateway_topology;
	if (over->tracing)
		out->tracing = over->tracing;
	if (over->proxy_headers)
		out->proxy_headers = over->proxy_headers;
	if (over->connection_settings)
		out->connection_settings = over->connection_settings;
	out->proxy_metadata = join(&out->proxy_metadata, &over->proxy_metadata, a);
}

/* What no check has seen yet: settings of connections that Envoy does not take count for nothing. */
static const struct proxy_config *decode(const struct node *root, struct arena *a)
{
	struct proxy_config *c;
	struct diags ds;

	diags_init(&ds, a);
	c = schema_decode(&schema_proxy_config, root, "", SCHEMA_LENIENT, a, &ds);
	if (c->connection_settings && !connection_settings_are_valid(root, c->connection_settings, a))
		c->connection_settings = NULL;
	return c;
}

static const struct proxy_config *decode_text(const char *text, struct arena *a)
{
	struct node_docs docs;
	struct diags ds;

	if (!text)
		return NULL;
	diags_init(&ds, a);
	docs = node_parse(text, strlen(text), 1, a, &ds);
	if (docs.n != 1 || !docs.v[0].root || docs.v[0].root->kind != NODE_MAP)
		return NULL;
	return decode(docs.v[0].root, a);
}

/* ---- objects of the kind ---- */

static const struct workload_config *find_object(const struct snapshot *s, const char *ns, const struct strmap *labels)
{
	for (size_t i = 0; i < s->n_proxy_configs; i++) {
		const struct object *o = s->proxy_configs[i];
		const struct workload_config *c = object_spec(o, workload_config);
		bool selects = c->selector && c->selector->match_labels.n;

		if (strcmp(o->ns, ns) == 0 && (labels ? selects && labels_match(&c->selector->match_labels, labels) : !selects))
			return c;
	}
	return NULL;
}

/* The oldest of the root namespace, of the proxy's own, and of those that select it. */
static void lay_on_objects(struct proxy_config *out, const struct snapshot *s, const char *ns, const struct strmap *labels,
			   struct arena *a)
{
	const char *root = s->mesh->root_namespace;
	const struct workload_config *layers[] = {
		find_object(s, root, NULL),
		strcmp(root, ns) == 0 ? NULL : find_object(s, ns, NULL),
		find_object(s, ns, labels),
	};

	for (size_t i = 0; i < ARRAY_LEN(layers); i++)
		if (layers[i])
			out->proxy_metadata = join(&out->proxy_metadata, &layers[i]->environment_variables, a);
}

/* ---- all of it ---- */

static struct hash128 config_hash(const struct proxy_config *c)
{
	struct hash128 h;
	struct buf json;

	buf_init(&json, CONFIG_JSON_MAX);
	schema_to_json(&schema_proxy_config, c, &json);
	h = hash_bytes(json.n ? json.p : "", json.n);
	buf_fini(&json);
	return h;
}

void proxy_settings_build(const struct snapshot *s, const struct proxy *p, const struct object *pod,
			  const struct strmap *labels, struct arena *a, struct view *v)
{
	const char *annotation = pod ? strmap_get(&pod->annotations, "proxy.istio.io/config") : NULL;
	struct proxy_config *out = arena_new(a, struct proxy_config);

	lay_on(out, s->mesh->default_config, a);
	lay_on_objects(out, s, v->ns, labels, a);
	lay_on(out, p->proxy_config ? decode(p->proxy_config, a) : decode_text(annotation, a), a);
	if (out->connection_settings && out->connection_settings->profile == PROFILE_EDGE)
		out->connection_settings = schema_merge(&schema_connection_settings, &edge, out->connection_settings, a);
	v->features = features_of(&out->proxy_metadata) | features_of(&p->switches);
	out->proxy_metadata = (struct strmap){0};
	v->config = out;
	v->config_hash = hash_mix_u64(config_hash(out), v->features);
}
